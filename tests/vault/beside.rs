//! What stands beside a vault's file, and links that lead to it.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown, symlink};

use keywright::key::KeyKind;
use keywright::vault::{Credential, Vault, VaultError};

use crate::fixture::*;

/// SQLite plays a journal into the file that it is beside, whoever put it there.
#[test]
fn a_journal_that_somebody_else_could_have_put_there_is_refused() {
    let place = Place::new();
    let mut vault = place.create();
    issue_named(&mut vault, "ci");
    drop(vault);
    let before = fs::read(place.path()).expect("the vault");
    for suffix in ["-journal", "-wal", "-shm"] {
        let side = place.folder().join(format!("vault.db{suffix}"));
        let is_refused = |why: &str| {
            let err = refused(place.try_open().map(drop)).to_string();
            assert!(err.contains(why), "{suffix}: {err}");
            assert!(fs::read(place.path()).expect("the vault") == before);
        };
        fs::write(&side, journal()).expect("written");
        fs::set_permissions(&side, Permissions::from_mode(0o666)).expect("changed");
        is_refused("can be written by others (mode 666)");
        fs::remove_file(&side).expect("removed");
        symlink("/dev/null", &side).expect("linked");
        is_refused("is not a regular file");
        fs::remove_file(&side).expect("removed");
        fs::write(&side, journal()).expect("written");
        fs::set_permissions(&side, Permissions::from_mode(0o600)).expect("changed");
        if chown(&side, Some(65534), None).is_ok() {
            is_refused("belongs to another user (uid 65534)");
        }
        fs::remove_file(&side).expect("removed");
        assert_eq!(names(&mut place.open()), ["ci"]);
    }
    // The twin: without the refusal a journal of this kind cuts the vault off.
    fs::write(place.folder().join("vault.db-journal"), journal()).expect("written");
    fs::set_permissions(
        place.folder().join("vault.db-journal"),
        Permissions::from_mode(0o600),
    )
    .expect("changed");
    refused(place.try_open().map(drop));
    assert!(fs::read(place.path()).expect("the vault").len() < before.len());
}

/// A hot journal without a page, of a file that had one page.
fn journal() -> Vec<u8> {
    let mut journal = vec![0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7];
    for number in [0_u32, 0, 1, 512, 4096] {
        journal.extend(number.to_be_bytes());
    }
    journal.resize(528, 0);
    journal
}

/// What was left of a vault that is gone would be played into the one that takes its place.
#[test]
fn no_vault_is_made_beside_what_is_left_of_another() {
    for suffix in ["-journal", "-wal", "-shm"] {
        let place = Place::new();
        let side = place.folder().join(format!("vault.db{suffix}"));
        fs::write(&side, journal()).expect("written");
        let err = refused(place.try_create().map(drop)).to_string();
        assert!(err.contains("is left there of another file"), "{err}");
        assert!(!place.path().exists());
        fs::remove_file(&side).expect("removed");
        place.create();
    }
}

/// Mounted secrets and releases are changed by a link: what was seen of the vault is known all the same.
#[test]
fn who_opens_a_vault_through_a_link_notices_an_older_one_behind_it() {
    let mut place = Place::new();
    let mut vault = place.create();
    issue_named(&mut vault, "first");
    let access = vault
        .create_access(&name("server"), &shop(), KeyKind::Issued, None, &who(), NOW)
        .expect("an access token");
    let path = |name: &str| place.folder().join(name);
    copy(place.path(), &path("older.db"));
    issue_named(&mut vault, "second");
    copy(place.path(), &path("newer.db"));
    let link = path("link.db");
    let lead = |name: &str| {
        let _ = fs::remove_file(&link);
        symlink(path(name), &link).expect("linked");
    };
    lead("newer.db");
    let location = keywright::vault::Location {
        vault: link.clone(),
        ..place.location.clone()
    };
    let open = || Vault::open(&location, &Credential::access_token(&access), NOW);
    let mut stays_open = open().expect("opens");
    assert_eq!(names(&mut stays_open), ["first", "second"]);
    lead("older.db");
    let list = |vault: &mut Vault| vault.list(&Default::default(), NOW).map(drop);
    for outcome in [
        list(&mut open().expect("opens")),
        // A server that stays has the new file behind the link at once, too.
        list(&mut stays_open),
    ] {
        assert!(matches!(refused(outcome), VaultError::RolledBack { .. }));
    }
    lead("newer.db");
    assert_eq!(names(&mut stays_open), ["first", "second"]);
    place.location.vault = path("older.db");
    let mut elsewhere = place
        .open_with(&Credential::access_token(&access))
        .expect("opens");
    assert_eq!(names(&mut elsewhere), ["first"]);
}
