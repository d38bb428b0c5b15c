//! Rows of a slice that are not those of its scopes: what looks at a slice that was just made, or is to be made anew, says so.

use rusqlite::Connection;

use super::{Bench, Who, bank, shop, write_private};
use crate::checks;
use crate::store::{Access, VaultFile};
use crate::vault::slice::{Rows, check_slice};
use crate::vault::{Holder, SliceScopes, Vault};

/// Edits that leave the rows as they are said to be, so that only what they are is in the way.
const OF_THEIR_OWN: [&str; 7] = [
    "UPDATE header SET head = x'00'",
    "UPDATE slot SET kind = 1",
    "UPDATE slot SET scope_id = zeroblob(16)",
    "INSERT INTO slot SELECT zeroblob(16), kind, randomblob(16), profile, salt, expires_at, commitment, nonce, sealed_key
     FROM slot LIMIT 1",
    "INSERT INTO record SELECT zeroblob(16), key_id, name_tag, revision, nonce, sealed FROM record LIMIT 1",
    "INSERT INTO record SELECT CAST(x'ffffffffffffffffffffffffffffffff' AS BLOB), key_id, name_tag, revision, nonce, sealed
     FROM record LIMIT 1",
    "INSERT INTO log VALUES (1, zeroblob(24), x'00')",
];

/// Edits that leave other rows than those that are said to be there, each of which may be in a slice.
const OF_OTHERS: [&str; 4] = [
    "UPDATE header SET key_id = zeroblob(16)",
    "DELETE FROM slot",
    "DELETE FROM scope WHERE scope_id = (SELECT max(scope_id) FROM scope);
     DELETE FROM slot WHERE scope_id NOT IN (SELECT scope_id FROM scope);
     DELETE FROM record WHERE scope_id NOT IN (SELECT scope_id FROM scope)",
    "UPDATE slot SET expires_at = expires_at + 1",
];

/// Whether the slice passes after an edit, with these rows or with those that it has then.
fn passes(sliced: (&[u8], &Rows), edited: &std::path::Path, sql: &str, owner: &Vault) -> [bool; 2] {
    let Holder::Owner(key) = &owner.holder else {
        panic!("the passphrase opens all of it");
    };
    write_private(edited, sliced.0);
    let connection = Connection::open(edited).expect("a database");
    connection.execute_batch(sql).expect("it can be done");
    drop(connection);
    let file = VaultFile::open(edited, Access::TokenHolder).expect("a slice");
    let snapshot = file.snapshot().expect("a snapshot");
    let own = Rows::of(&snapshot).expect("its rows");
    [sliced.1, &own].map(|rows| check_slice(&snapshot, rows, key).is_ok())
}

fn compare(expected: bool) {
    let bench = Bench::new();
    let mut owner = bench.open(Who::Passphrase);
    let path = bench.path("slice.db");
    let scopes = SliceScopes {
        scopes: vec![shop(), bank()],
        kind: None,
    };
    owner.slice(&path, &scopes, false).expect("sliced");
    let whole = std::fs::read(&path).expect("a slice");
    let file = VaultFile::open(&path, Access::TokenHolder).expect("a slice");
    let rows = Rows::of(&file.snapshot().expect("a snapshot")).expect("its rows");
    let pass = |sql: &str| passes((&whole, &rows), &bench.path("edited.db"), sql, &owner);
    assert_eq!(pass(""), [true; 2]);
    for sql in OF_THEIR_OWN {
        assert_eq!(pass(sql), [expected; 2], "{sql}");
    }
    for sql in OF_OTHERS {
        assert_eq!(pass(sql)[0], expected, "{sql}");
    }
}

#[test]
fn a_slice_with_other_rows_is_not_taken_for_the_one_that_was_made() {
    compare(false);
}

#[test]
fn without_checks_a_slice_with_other_rows_is() {
    checks::off(|| compare(true));
}
