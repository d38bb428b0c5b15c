//! Revisions: every change of a record makes it another one by its number, so that no older ciphertext can stand for it.

use std::collections::BTreeMap;

use keywright::crypto::Profile;
use keywright::key::{Context, KeyKind, Role};
use keywright::vault::KeyEdit;
use rusqlite::Connection;

use crate::fixture::*;

/// The revision of each record, by its scope and id.
fn revisions(place: &Place) -> BTreeMap<(Vec<u8>, Vec<u8>), i64> {
    let db = Connection::open(place.path()).expect("opens");
    let sql = "SELECT scope_id, key_id, revision FROM record";
    let mut statement = db.prepare(sql).expect("a statement");
    let row = |row: &rusqlite::Row<'_>| Ok(((row.get(0)?, row.get(1)?), row.get(2)?));
    let rows = statement.query_map([], row).expect("rows");
    rows.collect::<Result<_, _>>().expect("every row")
}

fn role(list: &[&str]) -> Role {
    Role {
        name: "reader".parse().expect("a name"),
        permissions: permissions(list),
        context: Context::default(),
    }
}

#[test]
fn every_change_of_a_record_raises_its_revision() {
    let place = Place::new();
    let mut vault = place.create();
    issue_named(&mut vault, "ci");
    set(&mut vault, "openai", "sk-1");
    vault
        .set_role(&role(&["read"]), false, &who(), NOW)
        .expect("made");
    vault
        .create_access(&name("x"), &shop(), KeyKind::Issued, None, &who(), NOW)
        .expect("an access token");
    let first = revisions(&place);
    // A key, a value, a role and an access token; a new key was pending before it was active.
    let mut numbers: Vec<_> = first.values().copied().collect();
    numbers.sort_unstable();
    assert_eq!(numbers, [1, 1, 1, 2]);

    let (ci, openai) = (find(&mut vault, "ci"), find(&mut vault, "openai"));
    vault.revoke(&ci, &who(), NOW).expect("revoked");
    vault
        .replace_value(&openai, &value("sk-2"), &KeyEdit::default(), &who(), NOW)
        .expect("replaced");
    for list in [&["read", "write"][..], &["write"]] {
        vault
            .set_role(&role(list), false, &who(), NOW)
            .expect("changed");
    }
    let second = revisions(&place);
    let mut raised: Vec<_> = first.iter().map(|(id, was)| second[id] - was).collect();
    raised.sort_unstable();
    assert_eq!(raised, [0, 1, 1, 2]);

    vault
        .rekey_compromised(&passphrase("battery"), Profile::Test, &who(), NOW)
        .expect("sealed anew");
    // The access token ended with the old key.
    let third = revisions(&place);
    assert_eq!(third.len(), 3);
    for (id, revision) in third {
        assert_eq!(revision, second[&id] + 1);
    }
}
