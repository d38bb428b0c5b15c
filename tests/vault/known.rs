//! Keys that are read a second time: what did not change is not opened again, and nothing is missed by that.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;

use keywright::key::{KeyKind, SlotId};
use keywright::vault::{KeyEdit, KnownKeys, Requirements, Vault, VaultError};
use rusqlite::Connection;

use crate::fixture::*;

/// What is said of each token, with all that is told of its key.
fn answers(known: &KnownKeys, tokens: &[String]) -> Vec<String> {
    let told = |token: &String| {
        let presented = secret(token.as_bytes());
        let checked = known.check(presented.as_slice(), &Requirements::default(), NOW);
        let of_key = checked.verdict.key.as_ref().map(|key| {
            let (issued, generations) = (key.issued(), key.generations());
            let place = (key.place(), key.display(), key.created_by());
            format!("{place:?} {:?} {issued:?} {generations:?}", key.revoked())
        });
        format!("{:?} {of_key:?}", checked.verdict)
    };
    tokens.iter().map(told).collect()
}

/// A way to change a vault; the slot is an access token's.
type Change = fn(&mut Vault, SlotId, &mut Vec<String>);

#[test]
fn after_every_change_a_second_read_says_what_a_first_one_says() {
    let changes: [(&str, Change); 8] = [
        ("issued", |vault, _, tokens| {
            tokens.push(issue_named(vault, "new"))
        }),
        ("rotated", |vault, _, tokens| {
            tokens.push(rotate(vault, "one", overlap(DAY), NOW));
        }),
        ("revoked", |vault, _, _| {
            let found = find(vault, "one");
            vault.revoke(&found, &who(), NOW).expect("revoked");
        }),
        ("renamed", |vault, _, _| {
            edit(
                vault,
                "two",
                KeyEdit {
                    name: Some(name("three")),
                    ..KeyEdit::default()
                },
            );
        }),
        ("made the default", |vault, _, _| {
            edit(
                vault,
                "three",
                KeyEdit {
                    make_default: Some(true),
                    ..KeyEdit::default()
                },
            );
        }),
        ("re-keyed", |vault, slot, _| {
            vault.revoke_access(slot, &who(), NOW).expect("revoked");
        }),
        ("deleted", |vault, _, _| {
            let found = find(vault, "three");
            vault.delete(&found, &who(), NOW).expect("deleted");
        }),
        ("nothing", |_, _, _| {}),
    ];
    let place = Place::new();
    let mut vault = place.create();
    let mut tokens = vec![
        issue_named(&mut vault, "one"),
        issue_named(&mut vault, "two"),
    ];
    let access = vault.create_access(&name("x"), &shop(), KeyKind::Issued, None, &who(), NOW);
    let slot = access.expect("an access token").slot();
    let mut known = vault.known_keys(None).expect("every key");
    for (what, change) in changes {
        let before = answers(&known, &tokens);
        change(&mut vault, slot, &mut tokens);
        known = vault.known_keys(Some(&known)).expect("every key");
        let anew = vault.known_keys(None).expect("every key");
        let told = answers(&known, &tokens);
        assert_eq!(told, answers(&anew, &tokens), "{what}");
        // Which is the default and who opens the scope is nothing that an answer tells.
        let is_told = !["made the default", "re-keyed", "nothing"].contains(&what);
        assert_eq!(told != before, is_told, "{what}");
    }
}

/// Whatever the anchors say, which an accepted rollback leaves out of account.
#[test]
fn nothing_older_takes_the_place_of_what_is_known() {
    let mut place = Place::new();
    let mut vault = place.create();
    issue_named(&mut vault, "one");
    let older = place.folder().join("older.db");
    copy(place.path(), &older);
    issue_named(&mut vault, "two");
    drop(vault);
    place.location.accept_rollback = true;
    let mut vault = place.open();
    let known = vault.known_keys(None).expect("every key");
    fs::rename(older, place.path()).expect("put back");
    assert!(matches!(
        refused(vault.known_keys(Some(&known))),
        VaultError::RolledBack { .. }
    ));
    // The twin: with nothing known it is read.
    assert_eq!(vault.known_keys(None).expect("every key").len(), 1);
}

fn edit(vault: &mut Vault, text: &str, edit: KeyEdit) {
    let found = find(vault, text);
    vault
        .edit(&found, &edit, false, &who(), NOW)
        .expect("edited");
}

/// Every byte of a record counts, though no column that the scope's MAC covers is another one.
#[test]
fn a_record_that_is_altered_is_noticed_by_the_next_read() {
    let place = Place::new();
    let mut vault = place.create();
    issue_named(&mut vault, "one");
    let known = vault.known_keys(None).expect("every key");
    let db = Connection::open(place.path()).expect("opens");
    let read = "SELECT sealed FROM record WHERE scope_id <> zeroblob(16)";
    let sealed: Vec<u8> = db.query_row(read, [], |row| row.get(0)).expect("one");
    for at in [0, sealed.len() / 2, sealed.len() - 17] {
        let mut altered = sealed.clone();
        altered[at] ^= 1;
        write(&db, &altered);
        let again = vault.known_keys(Some(&known));
        assert!(matches!(refused(again), VaultError::Altered(_)), "{at}");
    }
    write(&db, &sealed);
    assert_eq!(vault.known_keys(Some(&known)).expect("as it was").len(), 1);
}

/// SQLite counts its changes in the first page; who writes past it is noticed by the times of the file.
#[test]
fn a_byte_that_is_written_past_sqlite_ends_what_is_known() {
    let place = Place::new();
    let mut vault = place.create();
    issue_named(&mut vault, "one");
    let known = vault.known_keys(None).expect("every key");
    assert!(known.is_current(NOW));
    let file = File::options().write(true).open(place.path());
    let file = file.expect("writable");
    // A clock that stands for some milliseconds must not hide it.
    std::thread::sleep(std::time::Duration::from_millis(50));
    let end = file.metadata().expect("a file").len();
    file.write_all_at(&[0], end - 1).expect("written");
    assert!(!known.is_current(NOW));
}

fn write(db: &Connection, sealed: &[u8]) {
    let written = "UPDATE record SET sealed = ? WHERE scope_id <> zeroblob(16)";
    assert_eq!(db.execute(written, [sealed]).expect("written"), 1);
}
