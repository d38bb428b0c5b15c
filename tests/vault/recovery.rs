//! A new recovery code: out first, and only then in the vault.

use std::fs;
use std::io;

use keywright::crypto::Profile;
use keywright::key::{KeyKind, VaultId};
use keywright::vault::{Credential, RecoveryCode, StoreError, Vault, VaultError};

use crate::fixture::*;

fn opens(place: &Place, code: &RecoveryCode) -> bool {
    let opened = place.open_with(&Credential::RecoveryCode(code));
    opened.is_ok_and(|mut vault| vault.ways_in().is_ok())
}

/// A second one of the same bytes.
fn copied(code: &RecoveryCode) -> RecoveryCode {
    RecoveryCode::read(&code.text()).expect("reads back")
}

fn broken_pipe() -> io::Error {
    io::ErrorKind::BrokenPipe.into()
}

fn create(
    place: &Place,
    hand_over: impl FnOnce(&RecoveryCode, VaultId) -> io::Result<()>,
) -> Result<Vault, VaultError> {
    let passphrase = passphrase("horse");
    let test = Profile::Test;
    Vault::create_with_recovery_code(&place.location, &passphrase, test, &who(), NOW, hand_over)
}

#[test]
fn one_that_is_not_handed_over_changes_nothing() {
    let place = Place::new();
    let mut vault = place.create();
    for has_old in [false, true] {
        let old = has_old.then(|| vault.create_recovery_code(&who(), NOW).expect("a code"));
        let before = fs::read(place.path()).expect("readable");
        let mut lost = None;
        let outcome = vault.deliver_recovery_code(&who(), NOW, |code| {
            lost = Some(copied(code));
            Err(broken_pipe())
        });
        assert!(matches!(refused(outcome), VaultError::CodeDelivery(_)));
        assert!(fs::read(place.path()).expect("readable") == before);
        assert!(!opens(&place, &lost.expect("it was made")));
        assert!(old.is_none_or(|old| opens(&place, &old)));
    }
}

/// What a process that is killed in between leaves behind.
#[test]
fn while_it_is_handed_over_the_one_before_opens_the_vault() {
    let place = Place::new();
    let mut vault = place.create();
    let old = vault.create_recovery_code(&who(), NOW).expect("a code");
    let mut new = None;
    vault
        .deliver_recovery_code(&who(), NOW, |code| {
            assert!(opens(&place, &old) && !opens(&place, code));
            new = Some(copied(code));
            Ok(())
        })
        .expect("delivered");
    assert!(opens(&place, &new.expect("it was made")) && !opens(&place, &old));
    assert_eq!(place.verbs(), ["Init", "RecoveryCode", "RecoveryCode"]);
}

#[test]
fn one_that_is_out_and_cannot_be_saved_is_told() {
    let place = Place::new();
    let mut vault = place.create();
    let aside = place.folder().join("aside");
    let outcome = vault.deliver_recovery_code(&who(), NOW, |_| fs::rename(place.path(), &aside));
    assert!(matches!(refused(outcome), VaultError::CodeInvalid(_)));
    fs::rename(&aside, place.path()).expect("put back");
    assert!(!vault.ways_in().expect("it opens").others.recovery_code);
}

#[test]
fn what_would_stop_it_is_known_before_anybody_has_it() {
    let place = Place::new();
    let mut vault = place.create();
    issue_named(&mut vault, "ci");
    for n in 0..63 {
        let server = name(&format!("server {n}"));
        vault
            .create_access(&server, &shop(), KeyKind::Issued, None, &who(), NOW)
            .expect("an access token");
    }
    let outcome = vault.deliver_recovery_code(&who(), NOW, |_| panic!("it is out"));
    assert!(matches!(refused(outcome), VaultError::Limit(_)));
}

#[test]
fn a_vault_appears_with_the_code_that_was_handed_over() {
    let place = Place::new();
    let mut code = None;
    let mut vault = create(&place, |made, _| {
        assert!(!place.path().exists());
        code = Some(copied(made));
        Ok(())
    })
    .expect("made");
    assert!(opens(&place, &code.expect("it was made")));
    assert!(vault.ways_in().expect("it opens").others.recovery_code);
    issue_named(&mut vault, "ci");
    let log = place.open().log().expect("whole");
    assert_eq!(log[0].detail.as_deref(), Some("with a recovery code"));
}

#[test]
fn without_the_code_handed_over_there_is_no_vault() {
    let place = Place::new();
    let outcome = create(&place, |_, _| Err(broken_pipe()));
    assert!(matches!(refused(outcome), VaultError::CodeDelivery(_)));
    let left: Vec<_> = fs::read_dir(place.folder()).expect("readable").collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn a_vault_that_another_made_meanwhile_is_not_opened_by_it() {
    let place = Place::new();
    let mut code = None;
    let outcome = create(&place, |made, _| {
        code = Some(copied(made));
        drop(place.create());
        Ok(())
    });
    let VaultError::CodeInvalid(source) = refused(outcome) else {
        panic!("told otherwise");
    };
    assert!(matches!(*source, VaultError::Store(StoreError::Exists(_))));
    assert!(!opens(&place, &code.expect("it was made")));
    // The twin: before the code was out, it is told as it always is.
    let outcome = create(&place, |_, _| panic!("it is out"));
    let err = refused(outcome);
    assert!(matches!(err, VaultError::Store(StoreError::Exists(_))));
}
