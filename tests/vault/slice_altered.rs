//! Edits of a slice, as its holders see them.

use std::fs;
use std::path::Path;

use keywright::key::KeyKind;
use keywright::vault::{KeyEdit, SliceScopes, VaultError};
use rusqlite::{Connection, types::Value};

use crate::fixture::*;
use crate::slice::{furnished, of, open, put, rows};

/// Each edit inside a slice is told to who holds the access token; the twin is the slice as it was made.
#[test]
fn who_holds_the_access_token_notices_an_edit() {
    let mut shop = furnished();
    put(&mut shop.vault, "stripe", "shop/staging", "sk-2");
    let wanted = SliceScopes {
        kind: Some(KeyKind::Provider),
        ..of(&["shop/staging"])
    };
    shop.vault
        .slice(&shop.slice, &wanted, false)
        .expect("sliced");
    let older = rows(&shop.slice);
    put(&mut shop.vault, "third", "shop/staging", "sk-3");
    let found = shop
        .vault
        .find(
            keywright::vault::Wanted::Named(&reference("openai")),
            &scope("shop/staging"),
            true,
        )
        .expect("found");
    shop.vault
        .replace_value(&found, &value("sk-later"), &KeyEdit::default(), &who(), NOW)
        .expect("replaced");
    shop.vault
        .refresh_slice(&shop.slice, None)
        .expect("refreshed");
    let whole = fs::read(&shop.slice).expect("there");
    let read = |slice: &Path| {
        let mut vault = open(slice, &shop.staging[1])?;
        vault.list(&Default::default(), NOW)
    };
    let back: Vec<Value> = older
        .iter()
        .filter(|(table, _)| table == "record")
        .find(|(_, row)| row[1] == Value::Blob(found.id.as_bytes().to_vec()))
        .expect("its older row")
        .1
        .clone();
    type Edit<'a> = (
        &'a str,
        Box<dyn Fn(&Connection) -> rusqlite::Result<usize> + 'a>,
    );
    let edits: [Edit<'_>; 4] = [
        ("nothing", Box::new(|_| Ok(1))),
        (
            "swapped",
            Box::new(|file| {
                file.execute(
                    "UPDATE record SET (nonce, sealed) = (SELECT nonce, sealed FROM record AS other
                     WHERE other.key_id <> record.key_id LIMIT 1)",
                    [],
                )
            }),
        ),
        (
            "dropped",
            Box::new(|file| {
                file.execute(
                    "DELETE FROM record WHERE key_id = (SELECT min(key_id) FROM record)",
                    [],
                )
            }),
        ),
        (
            "brought back",
            Box::new(|file| {
                let row = back.iter().map(|value| value as &dyn rusqlite::ToSql);
                let row: Vec<_> = row.collect();
                file.execute(
                    "REPLACE INTO record VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                    row.as_slice(),
                )
            }),
        ),
    ];
    for (what, edit) in edits {
        fs::write(&shop.slice, &whole).expect("put back");
        let file = Connection::open(&shop.slice).expect("opens");
        assert!(edit(&file).expect("edited") > 0, "{what}");
        drop(file);
        match (what, read(&shop.slice)) {
            ("nothing", outcome) => assert_eq!(outcome.expect("whole").len(), 3),
            (_, Err(VaultError::Altered(_))) => {}
            (_, outcome) => panic!("{what}: {outcome:?}"),
        }
    }
}
