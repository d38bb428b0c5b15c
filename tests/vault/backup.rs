//! Backups: all of the vault, of one instant, or nothing.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use keywright::key::KeyKind;
use keywright::vault::{Credential, SliceOutcome, SliceScopes, StoreError, Vault, VaultError};
use rusqlite::Connection;

use crate::fixture::*;

/// Opens a copy as on another machine: with anchors of its own.
pub(crate) fn open_copy(copy: &Path) -> (Place, Vault) {
    let mut place = Place::new();
    place.location.vault = copy.to_owned();
    let vault = place.open();
    (place, vault)
}

/// All files of the folder but the vault.
fn others(place: &Place) -> Vec<PathBuf> {
    let entries = fs::read_dir(place.folder()).expect("a folder");
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("one").path()).collect();
    paths.retain(|path| path != place.path() && path.is_file());
    paths.sort();
    paths
}

#[test]
fn a_backup_has_all_of_the_vault_and_opens_as_it_does() {
    let place = Place::new();
    let mut vault = place.create();
    let token = issue_named(&mut vault, "ci");
    set(&mut vault, "openai", "sk-1");
    let access = vault
        .create_access(&name("server"), &shop(), KeyKind::Issued, None, &who(), NOW)
        .expect("an access token");
    let code = vault.create_recovery_code(&who(), NOW).expect("a code");
    let before = place.verbs();
    let copy = place.folder().join("copy.db");
    let made = vault.back_up(&copy, false).expect("backed up");
    assert_eq!((made.contents.keys, made.replaced), (2, false));
    assert_eq!(made.contents.changes, before.len() as u64);
    assert_eq!(made.contents.changed_at, Some(NOW));
    assert_eq!(made.size, fs::metadata(&copy).expect("there").len());
    // It is no change of the vault, and nothing else is left.
    assert_eq!(place.verbs(), before);
    assert_eq!(others(&place), std::slice::from_ref(&copy));

    let (elsewhere, mut opened) = open_copy(&copy);
    assert_eq!(names(&mut opened), ["ci", "openai"]);
    assert_eq!(get(&mut opened, "openai"), b"sk-1");
    let code_of = |vault: &mut Vault| check(vault, &token, NOW);
    assert_eq!(code_of(&mut opened), code_of(&mut vault));
    assert_eq!(elsewhere.verbs(), before);
    for credential in [
        Credential::access_token(&access),
        Credential::RecoveryCode(&code),
    ] {
        elsewhere.open_with(&credential).expect("opens");
    }
}

#[test]
fn who_holds_an_access_token_makes_no_backup() {
    let place = Place::new();
    let mut vault = place.create();
    issue_named(&mut vault, "ci");
    let access = vault
        .create_access(&name("server"), &shop(), KeyKind::Issued, None, &who(), NOW)
        .expect("an access token");
    let mut server = place
        .open_with(&Credential::access_token(&access))
        .expect("opens");
    let copy = place.folder().join("copy.db");
    assert!(matches!(
        refused(server.back_up(&copy, false)),
        VaultError::OwnerOnly { .. }
    ));
    assert!(others(&place).is_empty());
}

/// Sixteen writers, and backups all the time: each of them opens whole, and has what was acknowledged before it began.
#[test]
fn a_backup_is_of_one_instant_whoever_writes() {
    const WRITERS: usize = 16;
    let place = Place::new();
    let mut vault = place.create();
    let done = AtomicBool::new(false);
    let copies = thread::scope(|threads| {
        let place = &place;
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                threads.spawn(move || {
                    let mut vault = place.open();
                    for round in 0..4 {
                        issue_named(&mut vault, &format!("{writer} {round}"));
                    }
                    assert!(vault.take_warnings().is_empty());
                })
            })
            .collect();
        let backups = threads.spawn(|| {
            let mut copies = Vec::new();
            while copies.is_empty() || !done.load(Ordering::Relaxed) {
                let before = names(&mut vault);
                let copy = place.folder().join(format!("copy {}.db", copies.len()));
                let made = vault.back_up(&copy, false).expect("backed up");
                copies.push((copy, made.contents.keys, before));
            }
            copies
        });
        let ends: Vec<_> = writers.into_iter().map(|writer| writer.join()).collect();
        // Before anything fails here, so that nobody makes backups for ever.
        done.store(true, Ordering::Relaxed);
        ends.into_iter()
            .for_each(|end| end.expect("no writer was refused"));
        backups.join().expect("no backup was refused")
    });
    for (copy, keys, before) in copies {
        let (_elsewhere, mut opened) = open_copy(&copy);
        let there = names(&mut opened);
        opened.log().expect("a whole log");
        assert_eq!(there.len() as u64, keys);
        assert!(before.iter().all(|name| there.contains(name)));
    }
    assert_eq!(names(&mut place.open()).len(), WRITERS * 4);
}

#[test]
fn a_backup_takes_no_place_but_that_of_another_backup_and_only_when_told() {
    let place = Place::new();
    let mut vault = place.create();
    let at = |name: &str| place.folder().join(name);
    vault.back_up(&at("old.db"), false).expect("backed up");
    issue_named(&mut vault, "ci");
    let old = fs::read(at("old.db")).expect("there");
    assert!(matches!(
        refused(vault.back_up(&at("old.db"), false)),
        VaultError::Store(StoreError::Exists(_))
    ));
    assert_eq!(fs::read(at("old.db")).expect("there"), old);

    fs::write(
        at("notes.txt"),
        "SQLite format 3\0 is how they begin, and this is a note",
    )
    .expect("written");
    fs::write(at("empty"), "").expect("written");
    Connection::open(at("other.db"))
        .and_then(|other| other.execute_batch("CREATE TABLE t (a)"))
        .expect("a database");
    fs::create_dir(at("folder")).expect("made");
    symlink(at("old.db"), at("link.db")).expect("linked");
    fs::hard_link(place.path(), at("hard.db")).expect("linked");
    let itself = [place.path().to_owned(), at("hard.db")];
    let foreign = ["notes.txt", "empty", "other.db", "folder", "link.db"].map(at);
    let before = fs::read(place.path()).expect("there");
    for target in itself.iter().chain(&foreign) {
        let held = fs::read(target).ok();
        let err = refused(vault.back_up(target, true));
        assert!(
            matches!(err, VaultError::Store(StoreError::NotReplaced { .. })),
            "{target:?}: {err:?}"
        );
        assert_eq!(fs::read(target).ok(), held, "{target:?}");
    }
    assert_eq!(fs::read(place.path()).expect("there"), before);
    // SQLite would play such a file into the vault.
    for suffix in ["-journal", "-wal", "-shm"] {
        let side = at(&format!("vault.db{suffix}"));
        refused(vault.back_up(&side, true));
        assert!(!side.exists(), "{suffix}");
    }
    fs::write(at("new.db-journal"), "left by somebody").expect("written");
    refused(vault.back_up(&at("new.db"), true));
    assert!(!at("new.db").exists());

    assert!(!vault.back_up(&at("first.db"), true).expect("told").replaced);
    assert!(vault.back_up(&at("old.db"), true).expect("told").replaced);
    let (_elsewhere, mut opened) = open_copy(&at("old.db"));
    assert_eq!(names(&mut opened), ["ci"]);
    let missing = refused(vault.back_up(&at("no/where.db"), false));
    assert!(matches!(missing, VaultError::Store(StoreError::Io { .. })));
    assert!(!at("no").exists());
}

/// A name that was misspelt leads to another vault, and to what may be the last copy of something.
#[test]
fn a_copy_takes_the_place_of_nothing_but_its_like() {
    let mut other = Place::new();
    let place = Place::new();
    other.location.vault = place.folder().join("other.db");
    let at = |name: &str| place.folder().join(name);
    let scopes = SliceScopes {
        scopes: vec![shop()],
        kind: None,
    };
    let mut vault = place.create();
    issue_named(&mut vault, "ci");
    let mut stranger = other.create();
    issue_named(&mut stranger, "theirs");
    stranger
        .slice(&at("other.vault"), &scopes, false)
        .expect("sliced");
    vault.back_up(&at("whole.db"), false).expect("backed up");
    vault
        .slice(&at("ci.vault"), &scopes, false)
        .expect("sliced");
    let whole = fs::read(at("whole.db")).expect("there");
    fs::write(at("cut.db"), &whole[..5000]).expect("written");
    fs::write(at("later.db"), &whole).expect("written");
    Connection::open(at("later.db"))
        .and_then(|file| file.pragma_update(None, "user_version", 2))
        .expect("edited");
    for name in ["cut.db", "later.db"] {
        fs::set_permissions(at(name), fs::Permissions::from_mode(0o600)).expect("a mode");
    }
    let refuses = |name: &str, outcome: Result<(), VaultError>| match refused(outcome) {
        VaultError::Store(StoreError::NotReplaced { why, .. }) => why,
        err => panic!("{name}: {err:?}"),
    };
    let before = others(&place);
    let of_another = "it is another vault, or a copy of one";
    let unread = "it cannot be read as a copy of this vault; remove it yourself";
    for (name, by_whole, by_slice) in [
        ("other.db", of_another, of_another),
        ("other.vault", of_another, of_another),
        ("cut.db", unread, unread),
        ("later.db", unread, unread),
        ("ci.vault", "it is a slice, not a whole backup", ""),
        ("whole.db", "", "it is a whole vault, not a slice"),
    ] {
        let held = fs::read(at(name)).expect("there");
        if !by_whole.is_empty() {
            let why = refuses(name, vault.back_up(&at(name), true).map(drop));
            assert_eq!(why, by_whole, "{name}");
        }
        if !by_slice.is_empty() {
            let why = refuses(name, vault.slice(&at(name), &scopes, true).map(drop));
            assert_eq!(why, by_slice, "{name}");
        }
        assert_eq!(fs::read(at(name)).expect("there"), held, "{name}");
    }
    assert_eq!(others(&place), before);
    // One that cannot be looked at, and so may be anything.
    let mode = |mode| fs::set_permissions(at("whole.db"), fs::Permissions::from_mode(mode));
    mode(0o622).expect("a mode");
    let err = refused(vault.back_up(&at("whole.db"), true));
    assert!(
        matches!(err, VaultError::Store(StoreError::Unsafe { .. })),
        "{err:?}"
    );
    mode(0o600).expect("a mode");
    // Their twins: what is of this vault and of the same sort is replaced.
    issue_named(&mut vault, "later");
    let made = vault.back_up(&at("whole.db"), true).expect("replaced");
    assert!(made.replaced);
    let made = vault
        .slice(&at("ci.vault"), &scopes, true)
        .expect("replaced");
    assert_eq!((made.outcome, made.keys), (SliceOutcome::Replaced, 2));
    assert_eq!(names(&mut other.open()), ["theirs"]);
}

#[test]
fn a_backup_is_its_owners_alone() {
    let place = Place::new();
    let mut vault = place.create();
    let copy = place.folder().join("copy.db");
    for replace in [false, true] {
        vault.back_up(&copy, replace).expect("backed up");
        let mode = fs::metadata(&copy).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}

/// What a vault's everyday checks do not look at is looked at in the copy: a backup of it is worth nothing.
#[test]
fn what_does_not_open_is_not_backed_up() {
    let place = Place::new();
    let mut vault = place.create();
    issue_named(&mut vault, "ci");
    set(&mut vault, "openai", "sk-1");
    let whole = fs::read(place.path()).expect("there");
    let copy = place.folder().join("copy.db");
    for edit in [
        "UPDATE record SET sealed = zeroblob(length(sealed))",
        "UPDATE record SET revision = revision + 1",
        "UPDATE log SET sealed = (SELECT sealed FROM log WHERE seq = 1) WHERE seq = 2",
        "UPDATE log SET nonce = zeroblob(24) WHERE seq = 1",
        "DELETE FROM record",
    ] {
        Connection::open(place.path())
            .and_then(|file| file.execute_batch(edit))
            .expect("edited");
        let err = refused(vault.back_up(&copy, false));
        assert!(matches!(err, VaultError::Altered(_)), "{edit}: {err:?}");
        assert!(others(&place).is_empty(), "{edit}");
        fs::write(place.path(), &whole).expect("put back");
        // Its twin.
        vault.back_up(&copy, false).expect("whole again");
        fs::remove_file(&copy).expect("removed");
    }
}

#[test]
fn an_older_vault_is_not_backed_up_unless_that_is_accepted() {
    let mut place = Place::new();
    let mut vault = place.create();
    let older = place.folder().join("older.db");
    copy(place.path(), &older);
    issue_named(&mut vault, "ci");
    fs::rename(&older, place.path()).expect("put back");
    let target = place.folder().join("copy.db");
    assert!(matches!(
        refused(vault.back_up(&target, false)),
        VaultError::RolledBack { .. }
    ));
    assert!(others(&place).is_empty());
    place.location.accept_rollback = true;
    place.open().back_up(&target, false).expect("accepted");
}
