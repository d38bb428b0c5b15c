//! A key's rate: who may have one, what keeps it, and how a request above it is counted.

use keywright::key::{KeyId, Rate, Timestamp};
use keywright::vault::{
    AuditCode, Code, KeyEdit, KeyTotal, NewIssued, Requirements, UseCounts, Vault, VaultError,
    Verdict,
};

use crate::fixture::*;

fn rate(text: &str) -> Rate {
    text.parse().expect("a rate")
}

fn issue_limited(vault: &mut Vault, text: &str) -> (KeyId, String) {
    let new = NewIssued {
        rate: Some(rate("100/m")),
        ..new_key(text)
    };
    let (token, delivered) = issue(vault, &new, NOW);
    (delivered.found.id, token)
}

fn verdict(vault: &mut Vault, token: &str, requirements: &Requirements) -> Verdict {
    let token = secret(token.as_bytes());
    vault
        .verify(&token, requirements, false, &who(), NOW)
        .expect("answered")
}

fn limit(vault: &mut Vault, text: &str, rate: Option<Rate>) -> Result<(), VaultError> {
    let edit = KeyEdit {
        rate: Some(rate),
        ..KeyEdit::default()
    };
    let found = find(vault, text);
    vault.edit(&found, &edit, false, &who(), NOW).map(drop)
}

#[test]
fn a_valid_verdict_tells_whose_requests_are_limited_and_to_what() {
    let place = Place::new();
    let mut vault = place.create();
    let (id, old) = issue_limited(&mut vault, "ci");
    let new = rotate(&mut vault, "ci", overlap(DAY), NOW);
    let free = issue_named(&mut vault, "free");
    let any = Requirements::default();
    // Both generations are one key's, and a rotation keeps the rate.
    for token in [&old, &new] {
        let told = verdict(&mut vault, token, &any).rate();
        assert_eq!(told, Some((id, rate("100/m"))));
    }
    assert_eq!(verdict(&mut vault, &free, &any).rate(), None);
    // What is refused anyway takes nothing of what others may.
    let writing = Requirements {
        permissions: vec!["write".parse().expect("a permission")],
        ..Requirements::default()
    };
    assert_eq!(verdict(&mut vault, &new, &writing).rate(), None);
    let wrong = with_wrong_secret(&new);
    assert_eq!(verdict(&mut vault, &wrong, &any).rate(), None);

    limit(&mut vault, "ci", Some(rate("5/s"))).expect("edited");
    let told = verdict(&mut vault, &new, &any).rate();
    assert_eq!(told, Some((id, rate("5/s"))));
    limit(&mut vault, "ci", None).expect("edited");
    assert_eq!(verdict(&mut vault, &new, &any).rate(), None);
}

#[test]
fn a_provider_key_has_no_rate() {
    let place = Place::new();
    let mut vault = place.create();
    set(&mut vault, "openai", "sk-1");
    for rate in [Some(rate("5/s")), None] {
        match refused(limit(&mut vault, "openai", rate)) {
            VaultError::Misused(why) => assert!(why.contains("rate"), "{why}"),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn only_what_was_valid_becomes_limited_and_it_is_counted_as_refused() {
    let place = Place::new();
    let mut vault = place.create();
    let (_, token) = issue_limited(&mut vault, "ci");
    let later = Timestamp(NOW.0 + 60);
    let writing = Requirements {
        permissions: vec!["write".parse().expect("a permission")],
        ..Requirements::default()
    };
    let any = Requirements::default();
    let verifier = vault.known_keys(None).expect("every key");
    let mut counts = UseCounts::default();
    for (presented, requirements, now, expected) in [
        (token.clone(), &any, NOW, Code::RateLimited),
        (token.clone(), &any, later, Code::RateLimited),
        (token.clone(), &writing, later, Code::InsufficientPermission),
        (with_wrong_secret(&token), &any, later, Code::Unknown),
        (String::new(), &any, later, Code::Missing),
    ] {
        let presented = secret(presented.as_bytes());
        let checked = verifier.check(presented.as_slice(), requirements, now);
        let limited = checked.limited();
        assert_eq!(limited.verdict.code, expected);
        assert_eq!(
            limited.verdict.key.is_some(),
            limited.verdict.code.is_authenticated()
        );
        assert_eq!(limited.verdict.rate(), None);
        counts.add(&limited);
    }
    vault.record_counts(&mut counts).expect("recorded");

    let found = find(&mut vault, "ci");
    let all_refused = KeyTotal {
        requests: 4,
        refused: 4,
        last_used: None,
    };
    assert_eq!(found.total, all_refused);
    let usage = vault.usage_of(&found, NOW.day(), 10).expect("counts");
    let mut rows: Vec<_> = usage
        .counts
        .iter()
        .map(|row| (row.code.as_str(), row.generation, row.count))
        .collect();
    rows.sort_unstable();
    assert_eq!(
        rows,
        [
            ("insufficient_permission", 1, 1),
            ("rate_limited", 1, 2),
            ("wrong_secret", 0, 1),
        ]
    );
    assert!(AuditCode::all().any(|code| code.text() == Code::RateLimited.text()));
}
