//! Issuing, and showing a token once.

use std::io;

use keywright::key::{KeyKind, Status};
use keywright::vault::{Code, Delivered, VaultError, Wanted};

use crate::fixture::*;

#[test]
fn a_token_works_once_it_was_handed_over_and_not_before() {
    let place = Place::new();
    let mut vault = place.create();
    let pending = vault.issue(&new_key("ci"), &who(), NOW).expect("issued");
    let mut text = String::new();
    let delivered = pending
        .deliver(|token, promised| {
            text = String::from_utf8(token.expose().to_vec()).expect("ASCII");
            let mut other = place.open();
            assert_eq!(check(&mut other, &text, NOW), Code::Undelivered);
            assert_eq!(promised.found.key.status(NOW), Status::Active);
            Ok(())
        })
        .expect("delivered");
    assert_eq!(check(&mut vault, &text, NOW), Code::Valid);
    let found = find(&mut vault, "ci");
    assert_eq!(
        (found.id, &found.key),
        (delivered.found.id, &delivered.found.key)
    );
    // As it was delivered it can be changed, without being looked for again.
    let revoked = vault.revoke(&delivered.found, &who(), NOW);
    revoked.expect("nobody has changed it since");
    assert_eq!(place.verbs(), ["Init", "Create", "Deliver", "Revoke"]);
}

#[test]
fn what_is_not_handed_over_is_undone() {
    let place = Place::new();
    let mut vault = place.create();
    let pending = vault.issue(&new_key("ci"), &who(), NOW).expect("issued");
    let outcome = pending.deliver(|_, _| Err(io::ErrorKind::BrokenPipe.into()));
    assert!(matches!(refused(outcome), VaultError::Delivery(_)));
    assert!(names(&mut vault).is_empty());

    drop(vault.issue(&new_key("ci"), &who(), NOW).expect("issued"));
    assert!(names(&mut vault).is_empty());
    assert_eq!(place.verbs(), ["Init", "Create", "Undo", "Create", "Undo"]);
}

#[test]
fn a_token_that_a_crash_left_pending_is_accepted_by_nobody_and_replaced() {
    let place = Place::new();
    let mut vault = place.create();
    let mut lost = String::new();
    let pending = vault.issue(&new_key("ci"), &who(), NOW).expect("issued");
    let crash = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let _ = pending.deliver(|token, _| {
            lost = String::from_utf8(token.expose().to_vec()).expect("ASCII");
            // Dies with the token half out; `resume_unwind` because nobody wants its message.
            std::panic::resume_unwind(Box::new(()));
        });
    }));
    assert!(crash.is_err());
    // A panic still runs `Drop`, which undoes; a killed process does not.
    issue_and_die(&mut vault, "ci");
    assert_eq!(find(&mut vault, "ci").key.status(NOW), Status::Undelivered);

    let (token, delivered) = issue(&mut vault, &new_key("ci"), NOW);
    assert!(delivered.replaced_pending);
    assert_eq!(names(&mut vault), ["ci"]);
    assert_eq!(check(&mut vault, &token, NOW), Code::Valid);
    assert_eq!(check(&mut vault, &lost, NOW), Code::Unknown);
}

/// What happens to the record between the two commits of one delivery.
#[test]
fn a_printed_token_that_could_not_be_made_active_is_called_invalid() {
    type Meddle = fn(&Place);
    let table: [(&str, Meddle); 3] = [
        ("deleted", |place| {
            let mut other = place.open();
            let found = find(&mut other, "ci");
            other.delete(&found, &who(), NOW).expect("deleted");
        }),
        ("issued anew by somebody else", |place| {
            issue(&mut place.open(), &new_key("ci"), NOW);
        }),
        ("revoked", |place| {
            let mut other = place.open();
            let found = find(&mut other, "ci");
            other.revoke(&found, &who(), NOW).expect("revoked");
        }),
    ];
    for (what, meddle) in table {
        let place = Place::new();
        let mut vault = place.create();
        let mut text = String::new();
        let outcome = vault
            .issue(&new_key("ci"), &who(), NOW)
            .expect("issued")
            .deliver(|token, _| {
                text = String::from_utf8(token.expose().to_vec()).expect("ASCII");
                meddle(&place);
                Ok(())
            });
        assert!(
            matches!(outcome, Err(VaultError::PrintedButInvalid(_))),
            "{what}: {outcome:?}"
        );
        assert_ne!(check(&mut vault, &text, NOW), Code::Valid, "{what}");
    }
}

#[test]
fn a_name_is_taken_by_either_kind_of_key_in_its_scope() {
    let place = Place::new();
    let mut vault = place.create();
    issue_named(&mut vault, "ci");
    set(&mut vault, "openai", "sk-1");
    for (taken, kind) in [("ci", KeyKind::Issued), ("openai", KeyKind::Provider)] {
        let new = new_key(taken);
        for outcome in [
            vault.check_issue(&new, &who(), NOW),
            vault.issue(&new, &who(), NOW).map(drop),
        ] {
            match refused(outcome) {
                VaultError::Exists { kind: found, .. } => assert_eq!(found, kind, "{taken}"),
                other => panic!("{taken}: {other:?}"),
            }
        }
    }
    let elsewhere = keywright::vault::NewIssued {
        scope: scope("shop/staging"),
        ..new_key("ci")
    };
    issue(&mut vault, &elsewhere, NOW);
    assert_eq!(names(&mut vault), ["ci", "openai", "ci"]);
}

#[test]
fn a_check_changes_nothing() {
    let place = Place::new();
    let mut vault = place.create();
    vault
        .check_issue(&new_key("ci"), &who(), NOW)
        .expect("it could be issued");
    issue_and_die(&mut vault, "half");
    vault
        .check_issue(&new_key("half"), &who(), NOW)
        .expect("a key that was never shown does not count");
    assert_eq!(names(&mut vault), ["half"]);
    assert_eq!(place.verbs(), ["Init", "Create"]);
}

#[test]
fn one_key_of_a_scope_is_its_default() {
    let place = Place::new();
    let mut vault = place.create();
    let default_of = |vault: &mut keywright::vault::Vault| {
        vault
            .find(Wanted::Default, &shop(), false)
            .map(|found| found.key.name.to_string())
    };
    issue_named(&mut vault, "plain");
    assert!(matches!(
        refused(default_of(&mut vault)),
        VaultError::NoDefault(_)
    ));
    for text in ["first", "second"] {
        let new = keywright::vault::NewIssued {
            make_default: true,
            ..new_key(text)
        };
        let (_, Delivered { .. }) = issue(&mut vault, &new, NOW);
        assert_eq!(default_of(&mut vault).expect("a default"), text);
        let keys = vault.list(&Default::default(), NOW).expect("a list");
        let marked: Vec<_> = keys.iter().filter(|found| found.is_default).collect();
        assert_eq!(marked.len(), 1);
    }
    // One that was never shown does not take the mark.
    let new = keywright::vault::NewIssued {
        make_default: true,
        ..new_key("third")
    };
    drop(vault.issue(&new, &who(), NOW).expect("issued"));
    assert_eq!(default_of(&mut vault).expect("a default"), "second");
    let found = find(&mut vault, "second");
    vault.delete(&found, &who(), NOW).expect("deleted");
    assert!(matches!(
        refused(default_of(&mut vault)),
        VaultError::NoDefault(_)
    ));
}
