//! Older copies put back, and copies that were changed apart.

use std::fs;
use std::path::Path;

use keywright::crypto::Profile;
use keywright::key::KeyKind;
use keywright::vault::{Credential, Vault, VaultError};

use crate::fixture::*;

/// A vault with one key, a copy of it, and then another key.
fn copied() -> (Place, Vault) {
    let place = Place::new();
    let mut vault = place.create();
    issue_named(&mut vault, "first");
    copy(place.path(), &place.folder().join("copy.db"));
    issue_named(&mut vault, "second");
    (place, vault)
}

fn put_back(place: &Place) {
    fs::rename(place.folder().join("copy.db"), place.path()).expect("put back");
}

#[test]
fn an_older_copy_put_back_is_noticed_where_a_newer_was_seen() {
    let (place, mut open) = copied();
    put_back(&place);
    for mut vault in [place.open(), place.open()] {
        assert!(matches!(
            refused(vault.list(&Default::default(), NOW)),
            VaultError::RolledBack { .. }
        ));
        assert!(matches!(
            refused(vault.issue(&new_key("third"), &who(), NOW).map(drop)),
            VaultError::RolledBack { .. }
        ));
    }
    // Also by who had the newer one open.
    assert!(matches!(
        refused(open.issue(&new_key("third"), &who(), NOW).map(drop)),
        VaultError::RolledBack { .. }
    ));

    // Its twin: a machine that has seen nothing cannot know.
    let mut elsewhere = Place::new();
    elsewhere.location.vault = place.location.vault.clone();
    assert_eq!(names(&mut elsewhere.open()), ["first"]);
}

#[test]
fn an_older_copy_is_gone_on_with_when_that_is_accepted() {
    let (mut place, _) = copied();
    let newer = place.folder().join("newer.db");
    copy(place.path(), &newer);
    put_back(&place);
    place.location.accept_rollback = true;
    let mut vault = place.open();
    assert_eq!(names(&mut vault), ["first"]);
    // Reading alone does not lower what was seen.
    place.location.accept_rollback = false;
    refused(place.open().list(&Default::default(), NOW));

    issue_named(&mut vault, "instead");
    // It went on above both, so that everybody is content with it and nobody with the other.
    assert_eq!(names(&mut place.open()), ["first", "instead"]);
    fs::rename(newer, place.path()).expect("put back");
    assert!(matches!(
        refused(place.open().list(&Default::default(), NOW)),
        VaultError::RolledBack { .. }
    ));
}

#[test]
fn two_copies_that_were_changed_apart_are_noticed() {
    for further in 0..3 {
        let place = Place::new();
        let mut vault = place.create();
        issue_named(&mut vault, "first");
        drop(vault);
        let other = place.folder().join("other.db");
        copy(place.path(), &other);
        issue_named(&mut place.open(), "here");

        // The copy is changed where this machine's anchor does not see it, as on another machine.
        let mut elsewhere = Place::new();
        elsewhere.location.vault = other.clone();
        let mut vault = elsewhere.open();
        issue_named(&mut vault, "there");
        // As many changes, or more: the sequence alone would not tell.
        for round in 0..further {
            issue_named(&mut vault, &format!("there {round}"));
        }
        drop(vault);
        fs::rename(&other, place.path()).expect("put in place");

        let outcome = place.open().list(&Default::default(), NOW);
        assert!(
            matches!(refused(outcome), VaultError::Forked { .. }),
            "{further} further"
        );
        // Its twin: without what this machine has seen, nothing shows.
        fs::remove_dir_all(&place.location.state).expect("forgotten");
        assert_eq!(names(&mut place.open()).len(), 2 + further);
    }
}

/// What a restore announces of itself excuses a history that is newer than what was seen, and no other: neither the one
/// before both, nor one with as many changes.
#[test]
fn what_was_announced_before_what_was_seen_excuses_no_fork() {
    let place = Place::new();
    let mut vault = place.create();
    issue_named(&mut vault, "first");
    let anchor = place.anchor(&vault);
    let other = place.folder().join("other.db");
    copy(place.path(), &other);
    let before = fs::read(&anchor).expect("an anchor");
    issue_named(&mut vault, "here");
    drop(vault);

    // At the same path, which an anchor names, and with nothing known.
    let mut elsewhere = Place::new();
    elsewhere.location.vault = place.location.vault.clone();
    fs::rename(&other, place.path()).expect("put in place");
    let mut vault = elsewhere.open();
    issue_named(&mut vault, "there");
    let beside = fs::read(elsewhere.anchor(&vault)).expect("an anchor");
    drop(vault);
    for (what, bytes) in [("before", &before), ("beside", &beside)] {
        fs::write(announced(&anchor), bytes).expect("announced");
        let outcome = place.open().list(&Default::default(), NOW);
        assert!(
            matches!(refused(outcome), VaultError::Forked { .. }),
            "{what}"
        );
    }

    // The twin: what is newer excuses it.
    let mut vault = elsewhere.open();
    issue_named(&mut vault, "there too");
    copy(&elsewhere.anchor(&vault), &announced(&anchor));
    assert_eq!(names(&mut place.open()), ["first", "there", "there too"]);
}

#[test]
fn a_fork_can_be_accepted_too() {
    let mut place = Place::new();
    issue_named(&mut place.create(), "first");
    let other = place.folder().join("other.db");
    copy(place.path(), &other);
    issue_named(&mut place.open(), "here");
    let mut elsewhere = Place::new();
    elsewhere.location.vault = other.clone();
    issue_named(&mut elsewhere.open(), "there");
    fs::rename(&other, place.path()).expect("put in place");
    place.location.accept_rollback = true;
    issue_named(&mut place.open(), "both");
    place.location.accept_rollback = false;
    assert_eq!(names(&mut place.open()), ["both", "first", "there"]);
}

#[test]
fn who_holds_an_access_token_notices_an_older_scope() {
    let place = Place::new();
    let mut vault = place.create();
    issue_named(&mut vault, "first");
    let access = vault
        .create_access(&name("server"), &shop(), KeyKind::Issued, None, &who(), NOW)
        .expect("an access token");
    let open = || {
        place
            .open_with(&Credential::access_token(&access))
            .expect("opens")
    };
    copy(place.path(), &place.folder().join("copy.db"));
    // A change elsewhere in the vault is none of its business.
    set(&mut vault, "openai", "sk-1");
    assert_eq!(names(&mut open()), ["first"]);
    put_back(&place);
    assert_eq!(names(&mut open()), ["first"]);

    let mut place_again = Place::new();
    place_again.location.vault = place.location.vault.clone();
    let mut vault = place_again.open();
    copy(place.path(), &place.folder().join("copy.db"));
    issue_named(&mut vault, "second");
    assert_eq!(names(&mut open()), ["first", "second"]);
    put_back(&place);
    assert!(matches!(
        refused(open().list(&Default::default(), NOW)),
        VaultError::RolledBack { .. }
    ));
}

/// A damaged anchor would make an older copy go unnoticed, so it is refused until somebody accepts that.
#[test]
fn a_damaged_anchor_is_refused_until_it_is_accepted() {
    let mut place = Place::new();
    let mut vault = place.create();
    issue_named(&mut vault, "first");
    let anchor = place.anchor(&vault);
    let whole = fs::read(&anchor).expect("an anchor");
    assert_eq!(whole.len(), 4 + 8 + 32 + 8 + 32 + 16 + 32);
    let flipped = |at: usize| {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        bytes
    };
    for (what, bytes) in [
        ("its number", flipped(10)),
        ("its hash", flipped(20)),
        ("its MAC", flipped(100)),
        ("cut", whole[..50].to_vec()),
        ("empty", Vec::new()),
        ("nonsense", b"KWA1 but not an anchor".to_vec()),
        ("huge", vec![b'x'; 1 << 20]),
    ] {
        fs::write(&anchor, bytes).expect("written");
        for _ in 0..2 {
            let refusal = refused(place.open().list(&Default::default(), NOW));
            assert!(
                matches!(
                    refusal,
                    VaultError::AnchorDamaged(_) | VaultError::RolledBack { .. }
                ),
                "{what}: {refusal:?}"
            );
        }
        place.location.accept_rollback = true;
        assert_eq!(names(&mut place.open()), ["first"], "{what}");
        place.location.accept_rollback = false;
        // A new one was begun.
        let mut vault = place.open();
        assert_eq!(names(&mut vault), ["first"], "{what}");
        assert!(vault.take_warnings().is_empty(), "{what}");
    }
}

/// Re-keying changes what the anchor's MAC is made with; its number still tells the older copy.
#[test]
fn a_copy_from_before_a_re_keying_is_noticed() {
    let place = Place::new();
    let mut vault = place.create();
    issue_named(&mut vault, "first");
    let older = place.folder().join("older.db");
    copy(place.path(), &older);
    vault
        .rekey_compromised(
            &passphrase("battery"),
            keywright::crypto::Profile::Test,
            &who(),
            NOW,
        )
        .expect("everything is sealed anew");
    copy(&older, place.path());
    for _ in 0..2 {
        assert!(matches!(
            refused(place.open().list(&Default::default(), NOW)),
            VaultError::RolledBack { .. }
        ));
    }
}

#[test]
fn an_anchor_of_another_key_is_a_warning() {
    let place = Place::new();
    let mut vault = place.create();
    issue_named(&mut vault, "first");
    let state = place.location.state.join(vault.id().to_string());
    let kept = place.folder().join("kept");
    fs::create_dir(&kept).expect("made");
    for entry in fs::read_dir(&state).expect("the state folder") {
        let path = entry.expect("an entry").path();
        copy(&path, &kept.join(path.file_name().expect("a name")));
    }
    let new = passphrase("battery");
    vault
        .rekey_compromised(&new, keywright::crypto::Profile::Test, &who(), NOW)
        .expect("everything is sealed anew");
    assert!(vault.take_warnings().is_empty());
    fs::remove_dir_all(&state).expect("forgotten");
    fs::rename(&kept, &state).expect("put back");
    let mut vault = place
        .open_with(&Credential::Passphrase(&new))
        .expect("opens");
    assert_eq!(names(&mut vault), ["first"]);
    assert_eq!(vault.take_warnings().len(), 1);
}

#[test]
fn an_anchor_that_cannot_be_written_is_a_warning() {
    let place = Place::new();
    fs::write(&place.location.state, "a file where a folder should be").expect("written");
    let mut vault = place.create();
    assert_eq!(vault.take_warnings().len(), 1, "on making");
    issue_named(&mut vault, "first");
    assert!(!vault.take_warnings().is_empty(), "on writing");
    let mut vault = place.open();
    assert_eq!(names(&mut vault), ["first"]);
    let warnings = vault.take_warnings();
    assert!(
        warnings[0].contains("an older copy of the vault would not be noticed"),
        "{warnings:?}"
    );
}

/// Goes on with a copy elsewhere, as somebody would who has kept a key from before.
fn go_on_elsewhere(copy_of: &Path) {
    let mut elsewhere = Place::new();
    elsewhere.location.vault = copy_of.to_owned();
    let mut vault = elsewhere.open();
    for text in ["evil 1", "evil 2", "evil 3"] {
        issue_named(&mut vault, text);
    }
}

#[test]
fn a_copy_that_goes_on_under_a_key_of_before_a_rekeying_is_refused() {
    let (place, mut vault) = copied();
    let copy_of = place.folder().join("copy.db");
    // With the same passphrase, which opens both.
    vault
        .rekey_compromised(&passphrase("horse"), Profile::Test, &who(), NOW)
        .expect("sealed anew");
    copy(place.path(), &place.folder().join("new.db"));
    go_on_elsewhere(&copy_of);
    put_back(&place);
    for mut vault in [place.open(), place.open()] {
        assert!(matches!(
            refused(vault.list(&Default::default(), NOW)),
            VaultError::Forked { .. }
        ));
        assert!(matches!(
            refused(vault.issue(&new_key("third"), &who(), NOW).map(drop)),
            VaultError::Forked { .. }
        ));
    }
    fs::rename(place.folder().join("new.db"), place.path()).expect("put back");
    let mut vault = place.open();
    assert_eq!(names(&mut vault), ["first", "second"]);
    assert!(vault.take_warnings().is_empty());
}

/// A machine that has seen the vault before learns of the new key by the vault itself.
#[test]
fn a_machine_that_was_not_there_at_a_rekeying_refuses_the_old_key_once_it_has_seen_the_new_one() {
    let (place, mut vault) = copied();
    let copy_of = place.folder().join("copy.db");
    let mut other = Place::new();
    other.location.vault = place.location.vault.clone();
    assert_eq!(names(&mut other.open()), ["first", "second"]);
    for _ in 0..2 {
        vault
            .rekey_compromised(&passphrase("horse"), Profile::Test, &who(), NOW)
            .expect("sealed anew");
        let mut seen = other.open();
        assert_eq!(names(&mut seen), ["first", "second"]);
        let warnings = seen.take_warnings();
        assert!(warnings.concat().contains("re-keying"), "{warnings:?}");
    }
    go_on_elsewhere(&copy_of);
    put_back(&place);
    assert!(matches!(
        refused(other.open().list(&Default::default(), NOW)),
        VaultError::Forked { .. }
    ));
    // Its twin: who has seen neither cannot know.
    let mut stranger = Place::new();
    stranger.location.vault = place.location.vault.clone();
    assert_eq!(names(&mut stranger.open()).len(), 4);
    // The owner may go on with it all the same, and then it is the new key that is of before.
    other.location.accept_rollback = true;
    assert_eq!(names(&mut other.open()).len(), 4);
    other.location.accept_rollback = false;
    assert_eq!(names(&mut other.open()).len(), 4);
}

/// The holder of a revoked access token has the scope's old key, and could go on with the old file.
#[test]
fn a_scope_that_goes_on_under_a_key_of_before_a_revocation_is_refused() {
    let place = Place::new();
    let mut vault = place.create();
    issue_named(&mut vault, "first");
    let mut access = |called| {
        vault
            .create_access(&name(called), &shop(), KeyKind::Issued, None, &who(), NOW)
            .expect("an access token")
    };
    let (revoked, stays) = (access("revoked"), access("stays"));
    let open = || {
        place
            .open_with(&Credential::access_token(&stays))
            .expect("opens")
    };
    assert_eq!(names(&mut open()), ["first"]);
    let copy_of = place.folder().join("copy.db");
    copy(place.path(), &copy_of);
    vault
        .revoke_access(revoked.slot(), &who(), NOW)
        .expect("revoked");
    let mut seen = open();
    assert_eq!(names(&mut seen), ["first"]);
    // Nobody re-keyed anything that the token's holder would know of.
    assert!(seen.take_warnings().is_empty());
    go_on_elsewhere(&copy_of);
    put_back(&place);
    assert!(matches!(
        refused(open().list(&Default::default(), NOW)),
        VaultError::Forked { .. }
    ));
}
