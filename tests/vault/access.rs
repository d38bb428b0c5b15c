//! Access tokens and the recovery code.

use keywright::key::{KeyKind, Scope, Timestamp};
use keywright::vault::{
    AccessToken, Code, Credential, Filter, NewIssued, RecoveryCode, Requirements, Vault,
    VaultError, Verb, Wanted,
};

use crate::audit::{activity, execute};
use crate::fixture::*;

fn access(vault: &mut Vault, scope: &Scope, kind: KeyKind, end: Option<Timestamp>) -> AccessToken {
    let called = name(&format!("{kind} {}", scope.environment));
    vault
        .create_access(&called, scope, kind, end, &who(), NOW)
        .expect("an access token")
}

#[test]
fn an_access_token_opens_one_scope_and_no_other() {
    let place = Place::new();
    let mut vault = place.create();
    let mine = issue_named(&mut vault, "ci");
    set(&mut vault, "openai", "sk-1");
    let staging = NewIssued {
        scope: scope("shop/staging"),
        ..new_key("ci")
    };
    let (other, _) = issue(&mut vault, &staging, NOW);
    let issued = access(&mut vault, &shop(), KeyKind::Issued, None);
    let provider = access(&mut vault, &shop(), KeyKind::Provider, None);

    let mut server = place
        .open_with(&Credential::access_token(&issued))
        .expect("opens");
    assert_eq!(names(&mut server), ["ci"]);
    assert_eq!(check(&mut server, &mine, NOW), Code::Valid);
    assert_eq!(check(&mut server, &other, NOW), Code::Unknown);
    assert!(matches!(
        refused(try_find(&mut server, "openai")),
        VaultError::UnknownKey { .. }
    ));

    let mut job = place
        .open_with(&Credential::access_token(&provider))
        .expect("opens");
    assert_eq!(names(&mut job), ["openai"]);
    assert_eq!(get(&mut job, "openai"), b"sk-1");
    // Who opens no issued keys cannot say that a token is bad.
    let presented = secret(mine.as_bytes());
    let outcome = job.verify(&presented, &Requirements::default(), true, &who(), NOW);
    let VaultError::ScopeClosed { wanted, open } = refused(outcome) else {
        panic!("another error");
    };
    assert_eq!(wanted, "issued keys");
    assert_eq!(open, ["the provider keys of shop/production"]);

    for (project, environment, expected) in [
        (None, None, "issued keys"),
        (Some("shop"), None, "issued keys of shop"),
        (None, Some("staging"), "issued keys of staging"),
        (Some("shop"), Some("staging"), "issued keys of shop/staging"),
    ] {
        let filter = Filter {
            kind: Some(KeyKind::Issued),
            project: project.map(|text| text.parse().expect("a project")),
            environment: environment.map(|text| text.parse().expect("an environment")),
            ..Filter::default()
        };
        let VaultError::ScopeClosed { wanted, .. } = refused(job.list(&filter, NOW)) else {
            panic!("another error");
        };
        assert_eq!(wanted, expected);
    }

    // Both together, in any order and one of them twice.
    let both = [provider, issued].map(|token| token.text());
    let texts = [&both[0], &both[1], &both[0]].map(|text| text.expose());
    let tokens = AccessToken::read_all(&secret(&texts.join(&b" \n\t"[..]))).expect("tokens");
    let mut all = place
        .open_with(&Credential::AccessTokens(&tokens))
        .expect("opens");
    assert_eq!(names(&mut all), ["ci", "openai"]);
    assert_eq!(get(&mut all, "openai"), b"sk-1");
    assert_eq!(check(&mut all, &mine, NOW), Code::Valid);
    let elsewhere = all.find(
        Wanted::Named(&reference("ci")),
        &scope("shop/staging"),
        false,
    );
    assert!(matches!(
        refused(elsewhere),
        VaultError::ScopeClosed { open, .. } if open.len() == 2
    ));
}

/// As text they go through files, variables and a person's hands.
#[test]
fn ways_in_open_from_their_texts() {
    let place = Place::new();
    let mut vault = place.create();
    issue_named(&mut vault, "ci");
    let token = access(&mut vault, &shop(), KeyKind::Issued, None);
    let code = vault.create_recovery_code(&who(), NOW).expect("a code");
    let token = AccessToken::read(&token.text()).expect("reads back");
    let code = RecoveryCode::read(&code.text()).expect("reads back");
    for credential in [
        Credential::access_token(&token),
        Credential::RecoveryCode(&code),
    ] {
        let mut opened = place.open_with(&credential).expect("opens");
        assert_eq!(names(&mut opened), ["ci"]);
    }
    assert!(AccessToken::read(&code.text()).is_none());
    assert!(RecoveryCode::read(&token.text()).is_none());
}

#[test]
fn a_use_by_access_token_is_counted_where_the_owner_sees_it() {
    let place = Place::new();
    let mut vault = place.create();
    let token = issue_named(&mut vault, "ci");
    let issued = access(&mut vault, &shop(), KeyKind::Issued, None);
    let mut server = place
        .open_with(&Credential::access_token(&issued))
        .expect("opens");
    server
        .verify(
            &secret(token.as_bytes()),
            &Requirements::default(),
            true,
            &who(),
            NOW,
        )
        .expect("answered");
    let found = find(&mut vault, "ci");
    assert_eq!(found.total.requests, 1);
    let usage = vault.usage_of(&found, 0, 10).expect("what is known");
    assert_eq!(usage.events.len(), 1);
}

#[test]
fn who_holds_an_access_token_changes_nothing() {
    let place = Place::new();
    let mut vault = place.create();
    issue_named(&mut vault, "ci");
    let issued = access(&mut vault, &shop(), KeyKind::Issued, None);
    let mut server = place
        .open_with(&Credential::access_token(&issued))
        .expect("opens");
    let found = find(&mut server, "ci");
    let (me, kind) = (who(), KeyKind::Issued);
    for outcome in [
        server.issue(&new_key("new"), &me, NOW).map(drop),
        server.rotate(&found, overlap(DAY), &me, NOW).map(drop),
        server.revoke(&found, &me, NOW),
        server.delete(&found, &me, NOW),
        server
            .create_access(&name("x"), &shop(), kind, None, &me, NOW)
            .map(drop),
        server.revoke_access(issued.slot(), &me, NOW),
        server.create_recovery_code(&me, NOW).map(drop),
        server.log().map(drop),
    ] {
        assert!(matches!(refused(outcome), VaultError::OwnerOnly { .. }));
    }
    assert_eq!(place.verbs(), ["Init", "Create", "Deliver", "AccessCreate"]);
}

#[test]
fn an_access_token_ends_on_its_day() {
    let place = Place::new();
    let mut vault = place.create();
    issue_named(&mut vault, "ci");
    let end = Timestamp(NOW.0 + 100);
    let issued = access(&mut vault, &shop(), KeyKind::Issued, Some(end));
    let open =
        |now| Vault::open(&place.location, &Credential::access_token(&issued), now).map(drop);
    open(Timestamp(end.0 - 1)).expect("opens");
    for late in [end, Timestamp(end.0 + 1)] {
        assert!(matches!(
            refused(open(late)),
            VaultError::CredentialExpired { at, .. } if at == end
        ));
    }
}

#[test]
fn what_was_read_with_an_access_token_ends_with_it() {
    let place = Place::new();
    let mut vault = place.create();
    issue_named(&mut vault, "ci");
    let end = Timestamp(NOW.0 + 100);
    let token = access(&mut vault, &shop(), KeyKind::Issued, Some(end));
    let opened = Vault::open(&place.location, &Credential::access_token(&token), NOW);
    let known = opened.expect("opens").known_keys(None).expect("every key");
    assert_eq!(known.expires_at(), Some(end));
    for (seconds, is_current) in [(0, true), (99, true), (100, false), (101, false)] {
        assert_eq!(known.is_current(Timestamp(NOW.0 + seconds)), is_current);
    }
    let known = vault.known_keys(None).expect("every key");
    assert_eq!(known.expires_at(), None);
    assert!(known.is_current(Timestamp(NOW.0 + 1_000_000_000)));
}

#[test]
fn an_access_token_needs_a_scope_and_one_of_64_slots() {
    let place = Place::new();
    let mut vault = place.create();
    let me = who();
    let create = |vault: &mut Vault, number: u8| {
        let called = name(&format!("x {number}"));
        vault
            .create_access(&called, &shop(), KeyKind::Issued, None, &me, NOW)
            .map(drop)
    };
    set(&mut vault, "openai", "sk-1");
    let VaultError::UnknownScope { kind, there, .. } = refused(create(&mut vault, 0)) else {
        panic!("another error");
    };
    assert_eq!(kind, Some(KeyKind::Issued));
    assert!(there.is_empty());
    issue_named(&mut vault, "ci");
    // The passphrase has one slot.
    for number in 1..64 {
        create(&mut vault, number).expect("a slot is free");
        assert!(matches!(
            refused(create(&mut vault, number)),
            VaultError::AccessExists(_)
        ));
    }
    assert!(matches!(
        refused(create(&mut vault, 64)),
        VaultError::Limit(_)
    ));
    assert!(matches!(
        refused(vault.create_recovery_code(&me, NOW)),
        VaultError::Limit(_)
    ));
    assert_eq!(names(&mut place.open()), ["ci", "openai"]);
    let outline = Vault::outline(place.path()).expect("an outline");
    assert_eq!((outline.slots.len(), outline.scopes), (64, 2));
}

#[test]
fn wrong_credentials_are_all_refused_alike() {
    let place = Place::new();
    let mut vault = place.create();
    issue_named(&mut vault, "ci");
    let issued = access(&mut vault, &shop(), KeyKind::Issued, None);
    let code = vault.create_recovery_code(&who(), NOW).expect("a code");
    let wrong_secret = AccessToken::new(issued.slot(), secret(&[0; 32]));
    let no_slot = AccessToken::new(keywright::key::SlotId([9; 16]), secret(&[0; 32]));
    let wrong_code = keywright::vault::RecoveryCode::new(secret(&[0; 20]));
    let wrong = passphrase("mule");
    for credential in [
        Credential::access_token(&wrong_secret),
        Credential::access_token(&no_slot),
        Credential::RecoveryCode(&wrong_code),
        Credential::Passphrase(&wrong),
    ] {
        assert!(matches!(
            refused(place.open_with(&credential).map(drop)),
            VaultError::WrongAccessToken(_) | VaultError::WrongCredential
        ));
    }
    let mut recovered = place
        .open_with(&Credential::RecoveryCode(&code))
        .expect("opens");
    assert_eq!(names(&mut recovered), ["ci"]);
    recovered
        .find(Wanted::Named(&reference("ci")), &shop(), true)
        .expect("found");
    recovered
        .list(&Filter::default(), NOW)
        .expect("all of it is open");
}

#[test]
fn a_new_recovery_code_replaces_the_old_one() {
    let place = Place::new();
    let mut vault = place.create();
    let old = vault.create_recovery_code(&who(), NOW).expect("a code");
    let new = vault.create_recovery_code(&who(), NOW).expect("a code");
    let opens = |code| place.open_with(&Credential::RecoveryCode(code)).is_ok();
    assert!(!opens(&old) && opens(&new));
}

#[test]
fn the_log_tells_which_scope_an_access_token_opened() {
    let place = Place::new();
    let mut vault = place.create();
    set(&mut vault, "openai", "sk-1");
    let token = access(&mut vault, &shop(), KeyKind::Provider, None);
    vault
        .revoke_access(token.slot(), &who(), NOW)
        .expect("revoked");
    let log = vault.log().expect("whole");
    let told: Vec<_> = log[log.len() - 2..]
        .iter()
        .map(|entry| (entry.verb, entry.scope.clone(), entry.kind))
        .collect();
    let of = |verb| (verb, Some(shop()), Some(KeyKind::Provider));
    assert_eq!(told, [of(Verb::AccessCreate), of(Verb::AccessRevoke)]);
}

/// However many uses there are, no more are opened for a list of access tokens.
#[test]
fn the_last_use_of_an_access_token_is_looked_for_among_the_newest() {
    const NEWEST: u32 = 50_000;
    let place = Place::new();
    let mut vault = place.create();
    let issued = issue_named(&mut vault, "ci");
    let token = access(&mut vault, &shop(), KeyKind::Issued, None);
    let mut server = place
        .open_with(&Credential::access_token(&token))
        .expect("opens");
    let presented = secret(issued.as_bytes());
    let verdict = server.verify(&presented, &Requirements::default(), true, &who(), NOW);
    verdict.expect("an answer");
    let file = activity(&place, &vault);
    let mut last_used = |until: u32| {
        execute(
            &file,
            &format!(
                "WITH RECURSIVE n(i) AS (SELECT (SELECT max(seq) FROM event) + 1 UNION ALL SELECT i + 1 FROM n WHERE i < {until})
                 INSERT INTO event SELECT i, 1800000001, key_id, x'00' FROM n, (SELECT key_id FROM event WHERE seq = 1)"
            ),
        );
        vault.access_tokens().expect("told")[0].last_used
    };
    assert_eq!(last_used(2), Some(NOW));
    assert_eq!(last_used(NEWEST), Some(NOW));
    assert_eq!(last_used(NEWEST + 1), None);
}
