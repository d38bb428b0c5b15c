//! Restoring: the backup takes the vault's place, and what was there is kept.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use keywright::key::{KeyKind, Timestamp};
use keywright::vault::{
    AccessToken, Credential, KeyEdit, Present, Restoration, Restored, SliceScopes, Vault,
    VaultError,
};
use rusqlite::Connection;

use crate::backup::open_copy;
use crate::fixture::*;

pub(crate) const LATER: Timestamp = Timestamp(NOW.0 + 1000);

pub(crate) fn prepare(place: &Place, copy: &Path) -> Result<Restoration, VaultError> {
    let passphrase = passphrase("horse");
    let credential = Credential::Passphrase(&passphrase);
    Restoration::prepare(&place.location, copy, &credential, LATER)
}

pub(crate) fn restore(place: &Place, copy: &Path) -> (Present, Restored) {
    let restoration = prepare(place, copy).expect("prepared");
    let present = restoration.present();
    let restored = restoration.carry_out(&who(), LATER).expect("restored");
    assert!(restored.warnings.is_empty(), "{:?}", restored.warnings);
    (present, restored)
}

/// A vault with `first` in it, a backup, and then `second`.
pub(crate) fn backed_up() -> (Place, Vault, PathBuf) {
    let place = Place::new();
    let mut vault = place.create();
    issue_named(&mut vault, "first");
    let copy = place.folder().join("copy.db");
    vault.back_up(&copy, false).expect("backed up");
    issue_named(&mut vault, "second");
    (place, vault, copy)
}

fn inode(path: &Path) -> u64 {
    fs::metadata(path).expect("there").ino()
}

/// All files of the folder, by name.
pub(crate) fn files(place: &Place) -> Vec<String> {
    let entries = fs::read_dir(place.folder()).expect("a folder");
    let mut names: Vec<String> = entries
        .map(|entry| {
            entry
                .expect("one")
                .file_name()
                .into_string()
                .expect("UTF-8")
        })
        .collect();
    names.sort();
    names
}

#[test]
fn a_backup_takes_the_place_of_a_newer_vault_which_is_kept() {
    let (place, mut open, copy_of) = backed_up();
    let (copied, newer) = (fs::read(&copy_of), fs::read(place.path()));
    let prepared = prepare(&place, &copy_of).expect("prepared");
    assert_eq!((prepared.contents().keys, prepared.id()), (1, open.id()));
    assert_eq!(prepared.contents().changed_at, Some(NOW));
    // Looked at, and nothing more: no anchor of the copy, no new one of the vault.
    let state = || {
        let folder = place.location.state.join(open.id().to_string());
        let entries = fs::read_dir(folder).expect("anchors");
        let mut files: Vec<_> = entries
            .map(|entry| entry.expect("one").path())
            .map(|path| (fs::read(&path).expect("readable"), path))
            .collect();
        files.sort();
        files
    };
    let anchors = state();
    drop(prepare(&place, &copy_of).expect("prepared"));
    assert_eq!(state(), anchors);
    assert_eq!(files(&place), ["copy.db", "state", "vault.db"]);

    let (present, restored) = restore(&place, &copy_of);
    assert_eq!(present, Present::Same(5));
    let kept = restored.kept.expect("kept");
    let name = "vault.db.before-restore-20270115T081640Z";
    assert_eq!(
        kept,
        place.folder().canonicalize().expect("there").join(name)
    );
    assert_eq!(fs::read(&kept).ok(), newer.ok());
    assert_eq!(fs::read(&copy_of).ok(), copied.ok());
    // The restore has announced itself, with a lock for that.
    assert_eq!(state().len(), anchors.len() + 2);
    assert_eq!(files(&place), ["copy.db", "state", "vault.db", name]);
    for path in [&kept, place.path()] {
        let mode = fs::metadata(path).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    // For who had it open, and for who opens it.
    for vault in [&mut open, &mut place.open()] {
        assert_eq!(names(vault), ["first"]);
        assert!(vault.take_warnings().is_empty());
    }
    assert_eq!(place.verbs(), ["Init", "Create", "Deliver", "Restore"]);
    assert_eq!(restored.changes, 4);
    issue_named(&mut open, "third");
    assert_eq!(names(&mut place.open()), ["first", "third"]);
}

/// What a backup is for; and its twin: the same file put in place by hand is refused.
#[test]
fn a_restored_vault_is_gone_on_with_and_an_older_copy_is_not() {
    let (place, vault, copy_of) = backed_up();
    let older = place.folder().join("older.db");
    copy(place.path(), &older);
    drop(vault);
    let refuses = |path: &Path| {
        let held = place.folder().join("held.db");
        fs::rename(place.path(), &held).expect("moved");
        copy(path, place.path());
        let outcome = place.open().list(&Default::default(), NOW);
        fs::rename(&held, place.path()).expect("moved back");
        matches!(outcome, Err(VaultError::RolledBack { .. }))
    };
    assert!(refuses(&copy_of));
    restore(&place, &copy_of);
    assert_eq!(names(&mut place.open()), ["first"]);
    assert!(refuses(&copy_of));
    assert!(refuses(&older));
    assert_eq!(names(&mut place.open()), ["first"]);
    // Twice in a second: nothing that is kept is lost.
    let (_, again) = restore(&place, &copy_of);
    let again = again.kept.expect("kept");
    assert!(again.to_string_lossy().ends_with("Z-2"), "{again:?}");
    assert_eq!(names(&mut place.open()), ["first"]);
}

#[test]
fn a_backup_becomes_the_vault_where_there_is_none() {
    let (_place, vault, copy_of) = backed_up();
    let id = vault.id();
    let mut elsewhere = Place::new();
    elsewhere.location.vault = elsewhere.folder().join("new/folder/vault.db");
    let (present, restored) = restore(&elsewhere, &copy_of);
    assert_eq!((present, restored.kept), (Present::Missing, None));
    let mut vault = elsewhere.open();
    assert_eq!(
        (vault.id(), names(&mut vault)),
        (id, vec!["first".to_owned()])
    );
    let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
    assert_eq!(mode(elsewhere.path()), 0o600);
    assert_eq!(mode(elsewhere.path().parent().expect("its folder")), 0o700);
}

#[test]
fn a_backup_takes_the_place_of_what_cannot_be_opened() {
    let (place, _, copy_of) = backed_up();
    let whole = fs::read(place.path()).expect("there");
    let damages: [(&str, Vec<u8>); 4] = [
        ("overwritten", b"not a vault at all".to_vec()),
        ("empty", Vec::new()),
        ("cut off", whole[..5000].to_vec()),
        (
            "without its first page",
            [&[7; 4096], &whole[4096..]].concat(),
        ),
    ];
    for (what, bytes) in damages {
        fs::write(place.path(), &bytes).expect("damaged");
        // A journal that SQLite would play into whatever has the vault's name.
        fs::write(place.folder().join("vault.db-journal"), "left behind").expect("written");
        let (present, restored) = restore(&place, &copy_of);
        assert_eq!(present, Present::Damaged, "{what}");
        let kept = restored.kept.expect("kept");
        assert_eq!(fs::read(&kept).expect("there"), bytes, "{what}");
        assert!(!place.folder().join("vault.db-journal").exists(), "{what}");
        assert_eq!(names(&mut place.open()), ["first"], "{what}");
        fs::remove_file(&kept).expect("removed");
    }
    // One whose tables are whole and whose records are not opens as far as its numbers.
    Connection::open(place.path())
        .and_then(|file| file.execute_batch("UPDATE record SET sealed = zeroblob(100)"))
        .expect("damaged");
    refused(place.open().list(&Default::default(), NOW));
    let (present, _) = restore(&place, &copy_of);
    assert!(matches!(present, Present::Same(_)));
    assert_eq!(names(&mut place.open()), ["first"]);
}

/// SQLite reads it with the file that has the vault's name next.
#[test]
fn what_has_a_journals_name_goes_with_the_file_that_it_was_beside() {
    // What SQLite itself takes away beside a file that is no database is there no more.
    for (suffix, bytes) in [("-journal", ""), ("-wal", ""), ("-shm", "left behind")] {
        let (place, vault, copy_of) = backed_up();
        drop(vault);
        fs::write(place.path(), "not a vault at all").expect("damaged");
        let left = place.folder().join(format!("vault.db{suffix}"));
        fs::write(&left, bytes).expect("written");
        let (_, restored) = restore(&place, &copy_of);
        let kept = restored.kept.expect("kept").display().to_string();
        let moved = fs::read_to_string(format!("{kept}{suffix}"));
        assert_eq!(moved.expect("moved"), bytes, "{suffix}");
        assert!(!left.exists(), "{suffix}");
        assert_eq!(names(&mut place.open()), ["first"], "{suffix}");
    }
}

#[test]
fn a_backup_of_another_vault_says_so() {
    let (_other, _, copy_of) = backed_up();
    let place = Place::new();
    let mut vault = place.create();
    issue_named(&mut vault, "mine");
    let (present, restored) = restore(&place, &copy_of);
    assert_eq!(present, Present::Other(vault.id(), 3));
    assert_eq!(names(&mut place.open()), ["first"]);
    // Who had the other one open is told, and changes nothing.
    refused(vault.issue(&new_key("lost"), &who(), NOW).map(drop));
    let (_elsewhere, mut kept) = open_copy(&restored.kept.expect("kept"));
    assert_eq!(names(&mut kept), ["mine"]);
}

#[test]
fn what_does_not_open_whole_is_not_restored() {
    let (place, mut vault, copy_of) = backed_up();
    let whole = fs::read(&copy_of).expect("there");
    let before = fs::read(place.path()).expect("there");
    for edit in [
        "UPDATE record SET sealed = zeroblob(length(sealed))",
        "DELETE FROM record",
        "UPDATE log SET sealed = zeroblob(length(sealed)) WHERE seq = 1",
        "DELETE FROM slot",
        "CREATE TABLE more (a)",
    ] {
        Connection::open(&copy_of)
            .and_then(|file| file.execute_batch(edit))
            .expect("edited");
        assert!(prepare(&place, &copy_of).is_err(), "{edit}");
        fs::write(&copy_of, &whole).expect("put back");
    }
    let slice = place.folder().join("ci.vault");
    let scopes = SliceScopes {
        scopes: vec![shop()],
        kind: None,
    };
    vault.slice(&slice, &scopes, false).expect("sliced");
    assert!(matches!(
        prepare(&place, &slice).map(drop),
        Err(VaultError::Slice(_))
    ));
    let hard = place.folder().join("hard.db");
    fs::hard_link(place.path(), &hard).expect("linked");
    for itself in [place.path(), &hard] {
        assert!(matches!(
            prepare(&place, itself).map(drop),
            Err(VaultError::Unfit { .. })
        ));
    }
    let wrong = passphrase("mule");
    let credential = Credential::Passphrase(&wrong);
    assert!(matches!(
        Restoration::prepare(&place.location, &copy_of, &credential, NOW).map(drop),
        Err(VaultError::WrongCredential)
    ));
    assert_eq!(fs::read(place.path()).expect("there"), before);
    // Its twin.
    prepare(&place, &copy_of).expect("whole");
}

/// What was confirmed is what happens, or nothing.
#[test]
fn what_changes_after_the_question_stops_it() {
    let (place, vault, copy_of) = backed_up();
    let prepared = prepare(&place, &copy_of).expect("prepared");
    let (_elsewhere, mut other) = open_copy(&copy_of);
    issue_named(&mut other, "later");
    let before = fs::read(place.path()).expect("there");
    refused(prepared.carry_out(&who(), LATER));
    assert_eq!(fs::read(place.path()).expect("there"), before);

    let prepared = prepare(&place, &copy_of).expect("prepared");
    drop(vault);
    fs::remove_file(place.path()).expect("gone");
    let mut stranger = place.create();
    issue_named(&mut stranger, "somebody's");
    refused(prepared.carry_out(&who(), LATER));
    assert_eq!(names(&mut stranger), ["somebody's"]);
    assert_eq!(files(&place), ["copy.db", "state", "vault.db"]);

    // A change of the same vault does not: it is kept.
    fs::remove_file(place.path()).expect("gone");
    let (place, mut vault, copy_of) = backed_up();
    let prepared = prepare(&place, &copy_of).expect("prepared");
    issue_named(&mut vault, "third");
    let restored = prepared.carry_out(&who(), LATER).expect("restored");
    let (_elsewhere, mut kept) = open_copy(&restored.kept.expect("kept"));
    assert_eq!(names(&mut kept), ["first", "second", "third"]);
}

/// Token holders remember the numbers of their scope, which go on, too.
#[test]
fn access_tokens_go_on_with_a_restored_vault() {
    let place = Place::new();
    let mut vault = place.create();
    set(&mut vault, "openai", "sk-1");
    issue_named(&mut vault, "ci");
    let access = |vault: &mut Vault, kind| {
        vault
            .create_access(
                &name(&format!("{kind} job")),
                &shop(),
                kind,
                None,
                &who(),
                NOW,
            )
            .expect("an access token")
    };
    let [issued, provider] = KeyKind::ALL.map(|kind| access(&mut vault, kind));
    let copy_of = place.folder().join("copy.db");
    vault.back_up(&copy_of, false).expect("backed up");
    for text in ["sk-2", "sk-3"] {
        let found = find(&mut vault, "openai");
        vault
            .replace_value(&found, &value(text), &KeyEdit::default(), &who(), NOW)
            .expect("replaced");
    }
    let token = |access: &AccessToken| {
        let mut vault = place
            .open_with(&Credential::access_token(access))
            .expect("opens");
        vault.list(&Default::default(), NOW).map(|keys| keys.len())
    };
    assert_eq!(token(&provider).expect("listed"), 1);
    assert_eq!(token(&issued).expect("listed"), 1);
    // Its twin: put there by hand, it is refused.
    let held = place.folder().join("held.db");
    fs::rename(place.path(), &held).expect("moved");
    copy(&copy_of, place.path());
    assert!(matches!(
        token(&provider),
        Err(VaultError::RolledBack { .. })
    ));
    fs::rename(&held, place.path()).expect("moved back");

    let before = fs::read(place.path()).expect("there");
    for damaged in [false, true] {
        fs::write(place.path(), &before).expect("put back");
        if damaged {
            // What the vault does not tell any more, the anchors do.
            fs::write(place.path(), "damaged").expect("written");
        }
        restore(&place, &copy_of);
        assert_eq!(token(&provider).expect("listed"), 1, "{damaged}");
        assert_eq!(token(&issued).expect("listed"), 1, "{damaged}");
        let mut owner = place.open();
        assert_eq!(get(&mut owner, "openai"), b"sk-1");
        fs::remove_dir_all(&place.location.state).expect("forgotten");
        fs::write(place.path(), &before).expect("put back");
        assert_eq!(token(&provider).expect("listed"), 1);
        place.open().list(&Default::default(), NOW).expect("listed");
    }
}

/// A backup from before a re-keying has another key, under which this machine's anchor is nobody's word.
#[test]
fn a_backup_from_before_a_rekeying_is_restored() {
    let (place, mut vault, copy_of) = backed_up();
    vault
        .rekey_compromised(
            &passphrase("mule"),
            keywright::crypto::Profile::Test,
            &who(),
            NOW,
        )
        .expect("rekeyed");
    let rekeyed = fs::read(place.path()).expect("there");
    let (present, _) = restore(&place, &copy_of);
    assert!(matches!(present, Present::Same(_)));
    let mut opened = place.open();
    assert_eq!(names(&mut opened), ["first"]);
    issue_named(&mut opened, "on");
    // And the newer one, put back, is the older one now.
    fs::write(place.path(), rekeyed).expect("put back");
    let mule = passphrase("mule");
    let mut older = place
        .open_with(&Credential::Passphrase(&mule))
        .expect("opens");
    assert!(matches!(
        refused(older.list(&Default::default(), NOW)),
        VaultError::RolledBack { .. }
    ));
}

/// Killed after the swap and before the anchor's turn, simulated by the anchor as it was: the vault opens all the same,
/// because the restore was announced.
#[test]
fn a_restore_that_was_cut_off_behind_the_swap_is_gone_on_with() {
    let (place, vault, copy_of) = backed_up();
    let anchor = place.anchor(&vault);
    let before = fs::read(&anchor).expect("there");
    restore(&place, &copy_of);
    let after = fs::read(&anchor).expect("there");
    assert_ne!(before, after);
    // It has announced what its anchor says in the end.
    let announced = announced(&anchor);
    assert_eq!(fs::read(&announced).expect("there"), after);
    fs::remove_file(&announced).expect("removed");

    // The twin: without the announcement it is another history.
    fs::write(&anchor, &before).expect("put back");
    assert!(matches!(
        refused(place.open().list(&Default::default(), NOW)),
        VaultError::Forked { .. }
    ));
    fs::write(&announced, &after).expect("announced");
    assert_eq!(names(&mut place.open()), ["first"]);
    assert_eq!(fs::read(&anchor).expect("there"), after);
    // An announcement of the past excuses nothing.
    issue_named(&mut place.open(), "on");
    fs::remove_file(place.path()).expect("removed");
    copy(&copy_of, place.path());
    refused(place.open().list(&Default::default(), NOW));
}

/// Sixteen writers while it is restored: each change that was acknowledged is in the kept file or in the new one.
#[test]
fn a_change_during_a_restore_is_in_the_kept_file_or_in_the_new_one() {
    const WRITERS: usize = 16;
    const RESTORES: usize = 3;
    let (place, vault, copy_of) = backed_up();
    drop(vault);
    let done = AtomicBool::new(false);
    let place = &place;
    let (acknowledged, kept) = thread::scope(|threads| {
        let done = &done;
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                threads.spawn(move || {
                    let mut vault = place.open();
                    let mut acknowledged = Vec::new();
                    for round in 0.. {
                        if done.load(Ordering::Relaxed) && round > 1 {
                            break;
                        }
                        let name = format!("{writer} {round}");
                        set(&mut vault, &name, "sk");
                        acknowledged.push(name);
                    }
                    assert!(vault.take_warnings().is_empty());
                    acknowledged
                })
            })
            .collect();
        let restores = threads.spawn(|| {
            let restored = (0..RESTORES).map(|_| restore(place, &copy_of).1.kept.expect("kept"));
            restored.collect::<Vec<_>>()
        });
        let kept = restores.join();
        done.store(true, Ordering::Relaxed);
        let writers: Vec<_> = writers.into_iter().map(|writer| writer.join()).collect();
        let acknowledged = writers
            .into_iter()
            .flat_map(|writer| writer.expect("no writer was refused"))
            .collect::<Vec<_>>();
        (acknowledged, kept.expect("no restore was refused"))
    });
    let mut there = names(&mut place.open());
    for path in &kept {
        assert_ne!(inode(path), inode(place.path()));
        let (_elsewhere, mut vault) = open_copy(path);
        there.extend(names(&mut vault));
    }
    for name in acknowledged {
        assert!(there.contains(&name), "{name} is lost");
    }
}
