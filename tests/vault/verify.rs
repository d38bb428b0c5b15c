//! Every answer of a verification, and their order.

use keywright::key::{KeyName, Scope, Timestamp};
use keywright::vault::{Code, NewIssued, Requirements, UseCounts, Vault, VaultError, Verifier};

use crate::fixture::*;

struct Bench {
    place: Place,
    vault: Vault,
}

impl Bench {
    fn new() -> Self {
        let place = Place::new();
        let vault = place.create();
        Self { place, vault }
    }

    fn revoke(&mut self, text: &str) {
        let found = find(&mut self.vault, text);
        self.vault.revoke(&found, &who(), NOW).expect("revoked");
    }

    fn code(&mut self, presented: &str, requirements: &Requirements, now: Timestamp) -> Code {
        let presented = secret(presented.as_bytes());
        let verdict = self
            .vault
            .verify(&presented, requirements, false, &who(), now)
            .expect("an answer");
        let verifier = self.vault.known_keys(None).expect("every key");
        let kept = verifier.check(presented.as_slice(), requirements, now);
        assert_eq!(format!("{verdict:?}"), format!("{:?}", kept.verdict));
        let matched = !matches!(
            verdict.code,
            Code::Malformed | Code::Missing | Code::Unknown
        );
        assert_eq!(verdict.key.is_some(), matched, "{:?}", verdict.code);
        assert_eq!(verdict.generation.is_some(), matched);
        verdict.code
    }
}

fn demand(environment: &str, project: &str, permission: &str) -> Requirements {
    let given = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    Requirements {
        environment: given(environment).map(|text| text.parse().expect("an environment")),
        project: given(project).map(|text| text.parse().expect("a project")),
        permissions: given(permission)
            .map(|text| text.parse().expect("a permission"))
            .into_iter()
            .collect(),
    }
}

#[test]
fn a_credential_is_one_word_of_the_right_shape() {
    let mut bench = Bench::new();
    let token = issue_named(&mut bench.vault, "ci");
    let wrong_check = format!("{}0", &token[..token.len() - 1]);
    let table = [
        (token.clone(), Code::Valid),
        (format!("  {token}\r\n"), Code::Valid),
        (format!("Bearer {token}"), Code::Valid),
        (format!("bearer   {token}"), Code::Valid),
        (format!("Authorization: Bearer {token}\r\n"), Code::Valid),
        (format!("authorization:BEARER {token}"), Code::Valid),
        (String::new(), Code::Missing),
        (" \r\n".to_owned(), Code::Missing),
        ("Authorization:".to_owned(), Code::Missing),
        (format!("{token} {token}"), Code::Malformed),
        (format!("{token}\nX"), Code::Malformed),
        (format!("Basic {token}"), Code::Malformed),
        ("nonsense".to_owned(), Code::Malformed),
        ("é".repeat(40), Code::Malformed),
        (token.to_uppercase(), Code::Malformed),
        (token[1..].to_owned(), Code::Malformed),
        (format!("{token}0"), Code::Malformed),
        ("a".repeat(257), Code::Malformed),
    ];
    for (presented, code) in table {
        assert_eq!(
            bench.code(&presented, &Requirements::default(), NOW),
            code,
            "{presented:?}"
        );
    }
    if wrong_check != token {
        assert_eq!(
            bench.code(&wrong_check, &Requirements::default(), NOW),
            Code::Malformed
        );
    }
}

#[test]
fn an_unknown_id_and_a_wrong_secret_are_the_same_answer() {
    let mut bench = Bench::new();
    let token = issue_named(&mut bench.vault, "ci");
    let elsewhere = issue_named(&mut Place::new().create(), "ci");
    let strange = "kwt_prod1_000000000000_00000000000000000000000000000000";
    for presented in [
        with_wrong_secret(&token),
        elsewhere,
        format!("{strange}{}", checksum(strange)),
    ] {
        assert_eq!(
            bench.code(&presented, &Requirements::default(), NOW),
            Code::Unknown,
            "{presented}"
        );
    }
}

/// Each row breaks one rule more than the row below it, so that the order shows.
#[test]
fn the_first_broken_rule_is_the_answer() {
    let end = Timestamp(NOW.0 + 100);
    let mut bench = Bench::new();
    let new = NewIssued {
        expires_at: Some(end),
        permissions: permissions(&["read", "write:invoices"]),
        ..new_key("ci")
    };
    let (old, _) = issue(&mut bench.vault, &new, NOW);
    let token = rotate(
        &mut bench.vault,
        "ci",
        overlap("0s".parse().expect("a span")),
        NOW,
    );
    let all_wrong = demand("staging", "bank", "admin");
    let table = [
        (&old, &all_wrong, end, Code::Rotated),
        (&token, &all_wrong, end, Code::Expired),
        (&token, &all_wrong, NOW, Code::WrongEnvironment),
        (
            &token,
            &demand("production", "bank", "admin"),
            NOW,
            Code::WrongProject,
        ),
        (
            &token,
            &demand("", "bank", "admin"),
            NOW,
            Code::WrongProject,
        ),
        (
            &token,
            &demand("prod", "shop", "admin"),
            NOW,
            Code::InsufficientPermission,
        ),
        (
            &token,
            &demand("", "", "write"),
            NOW,
            Code::InsufficientPermission,
        ),
        (&token, &demand("", "", "create:invoices"), NOW, Code::Valid),
        (
            &token,
            &demand("prod", "shop", "read:anything"),
            NOW,
            Code::Valid,
        ),
    ];
    for (presented, requirements, now, code) in table {
        assert_eq!(bench.code(presented, requirements, now), code);
    }
    bench.revoke("ci");
    for presented in [&old, &token] {
        assert_eq!(bench.code(presented, &all_wrong, end), Code::Revoked);
    }
}

#[test]
fn a_pending_token_is_undelivered_even_on_a_revoked_key() {
    let mut bench = Bench::new();
    let place = &bench.place;
    let mut text = String::new();
    let outcome = bench
        .vault
        .issue(&new_key("ci"), &who(), NOW)
        .expect("issued")
        .deliver(|token, _| {
            text = String::from_utf8(token.expose().to_vec()).expect("ASCII");
            let mut other = place.open();
            let found = find(&mut other, "ci");
            other.revoke(&found, &who(), NOW).expect("revoked");
            assert_eq!(check(&mut other, &text, NOW), Code::Undelivered);
            Ok(())
        });
    refused(outcome);
    assert_eq!(
        bench.code(&text, &Requirements::default(), NOW),
        Code::Undelivered
    );
}

#[test]
fn all_permissions_that_are_demanded_must_be_there() {
    let mut bench = Bench::new();
    let token = issue_named(&mut bench.vault, "ci");
    let both = Requirements {
        permissions: vec![
            "read".parse().expect("a permission"),
            "write".parse().expect("a permission"),
        ],
        ..Requirements::default()
    };
    assert_eq!(bench.code(&token, &both, NOW), Code::InsufficientPermission);
    assert!(Code::InsufficientPermission.is_authenticated());
}

#[test]
fn a_verdict_tells_of_the_overlap_and_the_key() {
    let mut bench = Bench::new();
    let old = issue_named(&mut bench.vault, "ci");
    let token = rotate(&mut bench.vault, "ci", overlap(DAY), NOW);
    for (presented, generation, superseded) in [(&old, 1, true), (&token, 2, false)] {
        let verdict = bench
            .vault
            .verify(
                &secret(presented.as_bytes()),
                &Requirements::default(),
                false,
                &who(),
                NOW,
            )
            .expect("an answer");
        assert_eq!(
            (verdict.code, verdict.generation, verdict.superseded),
            (Code::Valid, Some(generation), superseded)
        );
        let key = verdict.key.expect("the digest matched");
        assert_eq!((key.name(), key.scope()), (&name("ci"), &shop()));
    }
}

/// The environment in a token's text is for people and scanners; what counts is where its key is.
#[test]
fn what_the_token_says_of_itself_is_not_believed() {
    let mut bench = Bench::new();
    let token = issue_named(&mut bench.vault, "ci");
    let body = token[..token.len() - 6].replacen("_prod1_", "_dev1_", 1);
    let forged = format!("{body}{}", checksum(&body));
    assert_eq!(
        bench.code(&forged, &Requirements::default(), NOW),
        Code::Unknown
    );
}

#[test]
fn keys_of_every_scope_are_checked() {
    let mut bench = Bench::new();
    let tokens: Vec<(Scope, String)> = ["a/dev", "b/dev", "a/staging", "b/qa"]
        .into_iter()
        .map(|text| {
            let new = NewIssued {
                scope: scope(text),
                name: "ci".parse::<KeyName>().expect("a name"),
                ..new_key("ci")
            };
            (scope(text), issue(&mut bench.vault, &new, NOW).0)
        })
        .collect();
    for (scope, token) in &tokens {
        let requirements = Requirements {
            environment: Some(scope.environment.clone()),
            project: Some(scope.project.clone()),
            permissions: Vec::new(),
        };
        assert_eq!(bench.code(token, &requirements, NOW), Code::Valid);
    }
}

/// Keys in every state, in two scopes, and a token of another vault.
fn tokens_of_every_kind(vault: &mut Vault) -> Vec<String> {
    let mut tokens = vec![issue_named(vault, "good"), issue_named(vault, "rotated")];
    tokens.push(rotate(vault, "rotated", overlap(DAY), NOW));
    tokens.push(issue_named(vault, "revoked"));
    let revoked = find(vault, "revoked");
    vault.revoke(&revoked, &who(), NOW).expect("revoked");
    let brief = NewIssued {
        expires_at: Some(Timestamp(NOW.0 + 1)),
        ..new_key("brief")
    };
    tokens.push(issue(vault, &brief, NOW).0);
    let elsewhere = NewIssued {
        scope: scope("bank/staging"),
        permissions: permissions(&["write:orders"]),
        ..new_key("elsewhere")
    };
    tokens.push(issue(vault, &elsewhere, NOW).0);
    tokens.push(issue_named(&mut Place::new().create(), "stranger"));
    tokens
}

fn demands() -> Vec<Requirements> {
    let mut demands = Vec::new();
    for environment in ["", "production"] {
        for project in ["", "bank"] {
            for permission in ["", "read", "write:orders", "admin"] {
                demands.push(demand(environment, project, permission));
            }
        }
    }
    demands
}

#[test]
fn a_verifier_says_what_a_single_verification_says() {
    let place = Place::new();
    let mut vault = place.create();
    let tokens = tokens_of_every_kind(&mut vault);
    let verifier = vault.known_keys(None).expect("every key");
    let mut codes = std::collections::BTreeSet::new();
    for token in &tokens {
        for presented in [
            token.clone(),
            with_wrong_secret(token),
            format!("Bearer {token}\r"),
            token[1..].to_owned(),
            format!("{token} x"),
            String::new(),
        ] {
            let presented = secret(presented.as_bytes());
            for requirements in &demands() {
                for now in [NOW, NOW.after(DAY)] {
                    let alone = vault
                        .verify(&presented, requirements, false, &who(), now)
                        .expect("an answer");
                    let kept = verifier.check(presented.as_slice(), requirements, now);
                    assert_eq!(format!("{alone:?}"), format!("{:?}", kept.verdict));
                    codes.insert(alone.code.text());
                }
            }
        }
    }
    // All of them but `undelivered`, which has a test of its own.
    assert_eq!(codes.len(), 10, "{codes:?}");
}

/// Revocations by another process, each in force for the next answer.
#[test]
fn a_verifier_is_never_behind() {
    let place = Place::new();
    let mut other = place.create();
    let verifier = Verifier::of(place.open()).expect("every key");
    for n in 0..100 {
        let name = format!("key-{n}");
        let token = issue_named(&mut other, &name);
        assert!(verifier.current(NOW).is_none(), "{name}");
        assert_eq!(said(&verifier, &token), Code::Valid, "{name}");
        assert!(verifier.current(NOW).is_some(), "{name}");
        let found = find(&mut other, &name);
        other.revoke(&found, &who(), NOW).expect("revoked");
        assert_eq!(said(&verifier, &token), Code::Revoked, "{name}");
    }
}

#[test]
fn a_verifier_follows_the_path_and_not_the_file() {
    let place = Place::new();
    let token = issue_named(&mut place.create(), "ci");
    let verifier = Verifier::of(place.open()).expect("every key");
    let newer = place.folder().join("newer.db");
    // As a pull does it: a newer file of the same vault is put in its place.
    bench_revoke(&place, "ci");
    copy(place.path(), &newer);
    std::fs::rename(&newer, place.path()).expect("renamed");
    for _ in 0..2 {
        assert_eq!(said(&verifier, &token), Code::Revoked);
    }
    std::fs::remove_file(place.path()).expect("removed");
    let presented = secret(token.as_bytes());
    let checked = verifier.check(presented.as_slice(), &Requirements::default(), NOW);
    assert!(checked.is_err());
}

/// Requests that come together are answered by one look, and none by one that was begun before it came.
#[test]
fn a_look_is_shared_by_who_asked_before_it_was_begun() {
    let place = Place::new();
    let mut vault = place.create();
    let token = issue_named(&mut vault, "ci");
    let verifier = Verifier::of(place.open()).expect("every key");
    let early = verifier.looks();
    assert!(verifier.current(NOW).is_some());
    assert_eq!(verifier.looks(), early + 1);
    let found = find(&mut vault, "ci");
    vault.revoke(&found, &who(), NOW).expect("revoked");
    // Another has looked since, and the key was good then.
    assert!(verifier.current_since(early, NOW).is_some());
    assert_eq!(verifier.looks(), early + 1);
    let late = verifier.looks();
    assert!(verifier.current_since(late, NOW).is_none());
    assert!(
        verifier.current_since(late, NOW).is_none(),
        "a look that found a change"
    );
    assert_eq!(said(&verifier, &token), Code::Revoked);
    assert!(verifier.current_since(late, NOW).is_some());
}

fn said(verifier: &Verifier, token: &str) -> Code {
    let presented = secret(token.as_bytes());
    let checked = verifier.check(presented.as_slice(), &Requirements::default(), NOW);
    checked.expect("an answer").verdict.code
}

fn bench_revoke(place: &Place, text: &str) {
    let mut other = place.open();
    let found = find(&mut other, text);
    other.revoke(&found, &who(), NOW).expect("revoked");
}

#[test]
fn counts_are_added_up_by_day_and_kept_until_they_are_recorded() {
    let place = Place::new();
    let mut vault = place.create();
    let token = issue_named(&mut vault, "ci");
    let verifier = vault.known_keys(None).expect("every key");
    let mut counts = UseCounts::default();
    let wrong = with_wrong_secret(&token);
    let tomorrow = NOW.after(DAY);
    for (presented, now, times) in [(&token, NOW, 3), (&wrong, NOW, 2), (&token, tomorrow, 4)] {
        for _ in 0..times {
            let presented = secret(presented.as_bytes());
            counts.add(&verifier.check(presented.as_slice(), &Requirements::default(), now));
        }
    }
    let folder = place.location.state.join(vault.id().to_string());
    std::fs::create_dir_all(folder.join("activity.db")).expect("a folder in its way");
    vault.record_counts(&mut counts).expect("a warning");
    assert!(vault.take_warnings()[0].starts_with("uses cannot be recorded: "));
    std::fs::remove_dir(folder.join("activity.db")).expect("removed");
    for _ in 0..2 {
        vault.record_counts(&mut counts).expect("recorded");
        assert!(vault.take_warnings().is_empty());
        let found = find(&mut vault, "ci");
        let usage = vault.usage_of(&found, 0, 10).expect("usage");
        assert_eq!((usage.total.requests, usage.total.refused), (9, 2));
        assert_eq!(usage.total.last_used, Some(tomorrow));
        let counts: Vec<_> = usage
            .counts
            .iter()
            .map(|row| (row.day, row.code.as_str(), row.generation, row.count))
            .collect();
        let day = NOW.day();
        assert_eq!(
            counts,
            [
                (day, "wrong_secret", 0, 2),
                (day, "valid", 1, 3),
                (day + 1, "valid", 1, 4)
            ]
        );
        assert!(usage.events.is_empty());
    }
}

#[test]
fn where_the_audit_is_required_counts_that_cannot_be_recorded_are_an_error() {
    let mut place = Place::new();
    place.location.audit_required = true;
    place.location.activity = Some(place.folder().to_owned());
    let mut vault = place.create();
    let verifier = vault.known_keys(None).expect("every key");
    let mut counts = UseCounts::default();
    vault.record_counts(&mut counts).expect("nothing to record");
    counts.add(&verifier.check(secret(b"x").as_slice(), &Requirements::default(), NOW));
    for _ in 0..2 {
        assert!(matches!(
            vault.record_counts(&mut counts),
            Err(VaultError::NotRecorded(_))
        ));
    }
}
