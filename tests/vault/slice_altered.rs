//! Edits of a slice, as its holders see them, and what a refresh makes of those and of a re-keying.

use std::fs;
use std::path::Path;

use keywright::key::KeyKind;
use keywright::vault::{KeyEdit, SliceOutcome, SliceScopes, Vault, VaultError};
use rusqlite::{Connection, types::Value};

use crate::fixture::*;
use crate::slice::{furnished, of, open, opened_by, put, rows};

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
        .refresh_slice(&shop.slice, &wanted)
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

fn rekey(vault: &mut Vault) {
    vault
        .rekey_compromised(
            &passphrase("mule"),
            keywright::crypto::Profile::Test,
            &who(),
            NOW,
        )
        .expect("rekeyed");
}

/// Under another key it may be of before a re-keying or of after it: from here nobody can tell.
#[test]
fn a_slice_under_another_key_is_refreshed_only_when_told() {
    let mut shop = furnished();
    let wanted = of(&["shop/staging"]);
    let older = shop.place.folder().join("older.db");
    copy(shop.place.path(), &older);
    shop.vault
        .slice(&shop.slice, &wanted, false)
        .expect("sliced");
    rekey(&mut shop.vault);
    let newer = shop.place.folder().join("newer.vault");
    shop.vault.slice(&newer, &wanted, false).expect("sliced");
    let mut elsewhere = Place::new();
    elsewhere.location.vault = older;
    let refuses = |vault: &mut Vault, slice: &Path| {
        let before = fs::read(slice).expect("there");
        let err = refused(vault.refresh_slice(slice, &wanted));
        assert!(matches!(err, VaultError::RekeyedSlice { .. }), "{err:?}");
        assert_eq!(fs::read(slice).expect("there"), before);
    };
    // Of before, and of after.
    refuses(&mut shop.vault, &shop.slice);
    refuses(&mut elsewhere.open(), &newer);

    // Its owner, who knows, makes it anew.
    let sliced = shop.vault.slice(&shop.slice, &wanted, true);
    let sliced = sliced.expect("made anew");
    assert_eq!(sliced.outcome, SliceOutcome::Replaced);
    assert_eq!((sliced.keys, opened_by(&sliced)), (2, vec![]));
    refused(open(&shop.slice, &shop.staging[1]));
    // Or goes on.
    elsewhere.location.accept_rollback = true;
    let sliced = elsewhere.open().refresh_slice(&newer, &wanted);
    assert_eq!(sliced.expect("accepted").outcome, SliceOutcome::Refreshed);
    open(&newer, &shop.staging[1]).expect("opens");
}

/// Whoever can write a slice could put a scope's row into it, or take one away. What is delivered does not follow that.
#[test]
fn what_is_planted_in_a_slice_chooses_nothing() {
    let mut shop = furnished();
    let wanted = of(&["shop/staging"]);
    shop.vault
        .slice(&shop.slice, &wanted, false)
        .expect("sliced");
    let whole = fs::read(&shop.slice).expect("there");
    let from = shop.place.path().display().to_string();
    for edit in [
        "INSERT OR IGNORE INTO scope SELECT * FROM whole.scope",
        "INSERT OR IGNORE INTO slot SELECT * FROM whole.slot",
        "DELETE FROM scope",
    ] {
        let file = Connection::open(&shop.slice).expect("opens");
        file.execute("ATTACH ?1 AS whole", [&from]).expect("there");
        assert!(file.execute(edit, []).expect("edited") > 0, "{edit}");
        drop(file);
        let sliced = shop.vault.refresh_slice(&shop.slice, &wanted);
        let sliced = sliced.expect("mended");
        assert_eq!(sliced.outcome, SliceOutcome::Refreshed, "{edit}");
        let mut scopes = sliced.scopes.iter();
        assert!(scopes.all(|(scope, _)| scope.to_string() == "shop/staging"));
        assert_eq!((sliced.scopes.len(), sliced.keys), (2, 2), "{edit}");
        refused(open(&shop.slice, &shop.production));
        open(&shop.slice, &shop.staging[1]).expect("opens");
        fs::write(&shop.slice, &whole).expect("put back");
    }
}
