//! What a restore brings back, what it must know of the past, and what a killed one leaves.

use std::fs;
use std::path::Path;

use keywright::key::{KeyKind, Timestamp};
use keywright::vault::{Credential, Reopens, Restoration, StoreError, Vault, VaultError};

use crate::fixture::*;
use crate::restore::{LATER, backed_up, files, prepare, restore};

/// What was changed because it was known to somebody opens the vault again: that is said before it happens.
#[test]
fn a_restore_knows_which_ways_in_it_brings_back() {
    let (place, mut vault, copy_of) = backed_up();
    let reopens = |copy: &Path, word: &str| {
        let passphrase = passphrase(word);
        let credential = Credential::Passphrase(&passphrase);
        let prepared = Restoration::prepare(&place.location, copy, &credential, LATER);
        prepared.expect("prepared").reopens()
    };
    let profile = keywright::crypto::Profile::Test;
    assert_eq!(reopens(&copy_of, "horse"), Reopens::Nothing);
    vault
        .change_passphrase(&passphrase("mule"), profile, &who(), NOW)
        .expect("changed");
    assert_eq!(reopens(&copy_of, "horse"), Reopens::Passphrase);
    let later = place.folder().join("later.db");
    vault.back_up(&later, false).expect("backed up");
    assert_eq!(reopens(&later, "mule"), Reopens::Nothing);
    vault
        .rekey_compromised(&passphrase("mule"), profile, &who(), NOW)
        .expect("rekeyed");
    for (copy, word) in [(&copy_of, "horse"), (&later, "mule")] {
        assert_eq!(reopens(copy, word), Reopens::Key);
    }
}

/// It may know newer states of the vault than the backup would go on with.
#[test]
fn an_anchor_that_cannot_be_read_stops_a_restore_before_it_begins() {
    let (place, vault, copy_of) = backed_up();
    let folder = place.location.state.join(vault.id().to_string());
    drop(vault);
    let anchor = fs::read_dir(&folder)
        .expect("anchors")
        .map(|entry| entry.expect("one").path())
        .find(|path| path.extension().is_some_and(|it| it == "anchor"))
        .expect("its anchor");
    let (held, there) = (fs::read(&anchor).expect("there"), fs::read(place.path()));
    let before = files(&place);
    fs::remove_file(&anchor).expect("removed");
    // A folder is opened, and not read: an error of the disk that even root gets.
    fs::create_dir(&anchor).expect("made");
    let prepared = prepare(&place, &copy_of).expect("prepared");
    let err = refused(prepared.carry_out(&who(), LATER));
    assert!(
        matches!(err, VaultError::Store(StoreError::Io { .. })),
        "{err:?}"
    );
    assert_eq!(fs::read(place.path()).ok(), there.ok());
    assert_eq!(files(&place), before);
    // The twin: one that was read and says nothing is none.
    fs::remove_dir(&anchor).expect("removed");
    fs::write(&anchor, &held[..held.len() / 2]).expect("damaged");
    restore(&place, &copy_of);
    assert_eq!(names(&mut place.open()), ["first"]);
}

/// Killed between the vault's second name and the swap.
#[test]
fn a_second_name_that_a_killed_restore_left_is_told() {
    let (place, _, copy_of) = backed_up();
    let (_, restored) = restore(&place, &copy_of);
    let kept = restored.kept.expect("kept");
    let left = || Vault::leftovers(place.path(), Timestamp(LATER.0 + 100_000_000));
    // What a restore keeps is not the vault, and stays.
    assert!(left().is_empty());
    let second = kept.with_file_name("vault.db.before-restore-20270115T081641Z");
    fs::hard_link(place.path(), &second).expect("linked");
    fs::hard_link(place.path(), kept.with_file_name("vault.db.mine")).expect("linked");
    let told: Vec<_> = left()
        .into_iter()
        .map(|it| (it.path, it.is_vault))
        .collect();
    assert_eq!(told, [(second, true)]);
    // One that was made just now may be a restore's that goes on.
    assert!(Vault::leftovers(place.path(), Timestamp(0)).is_empty());
}

/// The scope has the key again that its anchor knows as one of before: its owner says so, and no token is locked out.
#[test]
fn access_tokens_open_what_was_restored_from_before_a_revocation() {
    let place = Place::new();
    let mut vault = place.create();
    issue_named(&mut vault, "ci");
    let scope = find(&mut vault, "ci").scope;
    let [kept, revoked] = ["kept", "revoked"].map(|name| {
        let kind = KeyKind::Issued;
        let made = vault.create_access(
            &name.parse().expect("a name"),
            &scope,
            kind,
            None,
            &who(),
            NOW,
        );
        made.expect("made")
    });
    let copy_of = place.folder().join("copy.db");
    vault.back_up(&copy_of, false).expect("backed up");
    let found = vault.find_access(&"revoked".parse().expect("a name"));
    vault
        .revoke_access(found.expect("there").slot, &who(), NOW)
        .expect("revoked");
    let look = |token| {
        let mut opened = Vault::open(&place.location, &Credential::access_token(token), NOW)?;
        opened.known_keys(None).map(|known| known.len())
    };
    assert_eq!(look(&kept).expect("opened"), 1);
    restore(&place, &copy_of);
    for token in [&kept, &revoked] {
        assert_eq!(look(token).expect("opened again"), 1);
    }
}
