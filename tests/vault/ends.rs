//! Revoked and deleted keys.

use keywright::key::Status;
use keywright::vault::{Code, VaultError};

use crate::fixture::*;

#[test]
fn a_revoked_key_is_refused_and_still_listed() {
    let place = Place::new();
    let mut vault = place.create();
    let token = issue_named(&mut vault, "ci");
    let found = find(&mut vault, "ci");
    vault.revoke(&found, &who(), NOW).expect("revoked");
    assert_eq!(check(&mut vault, &token, NOW), Code::Revoked);
    let found = find(&mut vault, "ci");
    assert_eq!(found.key.status(NOW), Status::Revoked);
    assert_eq!(found.key.revoked.as_ref().map(|end| &end.by), Some(&who()));
    // The second time there is nothing to do, and nothing is written.
    vault.revoke(&found, &who(), NOW).expect("revoked already");
    assert_eq!(place.verbs(), ["Init", "Create", "Deliver", "Revoke"]);
}

#[test]
fn a_deleted_key_is_gone_and_its_name_is_free() {
    let place = Place::new();
    let mut vault = place.create();
    let token = issue_named(&mut vault, "ci");
    let found = find(&mut vault, "ci");
    vault.delete(&found, &who(), NOW).expect("deleted");
    assert_eq!(check(&mut vault, &token, NOW), Code::Unknown);
    assert!(names(&mut vault).is_empty());
    let again = issue_named(&mut vault, "ci");
    assert_ne!(find(&mut vault, "ci").id, found.id);
    assert_eq!(check(&mut vault, &again, NOW), Code::Valid);
    assert_eq!(check(&mut vault, &token, NOW), Code::Unknown);
}

#[test]
fn a_key_that_was_changed_meanwhile_is_not_ended() {
    let place = Place::new();
    let mut vault = place.create();
    issue_named(&mut vault, "ci");
    let stale = find(&mut vault, "ci");
    rotate(&mut place.open(), "ci", overlap(DAY), NOW);
    for outcome in [
        vault.revoke(&stale, &who(), NOW),
        vault.delete(&stale, &who(), NOW),
        vault.finish_overlap(&stale, &who(), NOW).map(drop),
    ] {
        assert!(matches!(refused(outcome), VaultError::Changed(_)));
    }
    let found = find(&mut vault, "ci");
    vault.delete(&found, &who(), NOW).expect("deleted");
    assert!(matches!(
        refused(vault.revoke(&found, &who(), NOW)),
        VaultError::Changed(_)
    ));
}
