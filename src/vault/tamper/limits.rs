//! Limits that are too far away to reach one key at a time: met with rows that are made up.

use rusqlite::Connection;

use super::{Bench, NOW, VaultError, Who, scope, shop, who};
use crate::key::{KeyId, KeyKind, ScopeId};
use crate::store::{Access, RecordRow, SCOPES, SLOTS, Snapshot, VaultFile};
use crate::vault::Vault;
use crate::vault::draft::Draft;
use crate::vault::head::{ManifestRow, OpenScope};
use crate::vault::log::Event;
use crate::vault::state::{KEYS, OWN_RECORDS, State};

/// Runs `body` in a change that is not kept.
fn drafted<T>(
    vault: &mut Vault,
    mut body: impl FnMut(&mut Draft<'_>) -> Result<T, VaultError>,
) -> Result<T, VaultError> {
    let nothing: Option<Event> = None;
    vault.write(&who(), NOW, |draft| Ok((body(draft)?, nothing.clone())))
}

fn row(number: u64) -> ManifestRow {
    let id = format!("{number:012}");
    ManifestRow::of(&RecordRow {
        key_id: KeyId::try_from(id.as_bytes()).expect("digits"),
        name_tag: [0; 16],
        revision: 1,
        nonce: [0; 24],
        sealed: &[0; 16],
    })
    .expect("long enough")
}

#[test]
fn a_scope_has_room_for_its_limit_of_keys_and_no_more() {
    let bench = Bench::small();
    let mut vault = bench.open(Who::Passphrase);
    for (present, fits) in [(KEYS - 1, true), (KEYS, false)] {
        let outcome = drafted(&mut vault, |draft| {
            let id = draft.scope_id(&shop(), KeyKind::Issued).expect("a scope");
            let key_id = draft.find_name(id, "ci")?.expect("a key");
            let (_, record) = draft.record(id, key_id)?.expect("its record");
            let manifest = draft.manifest(id)?;
            *manifest = Default::default();
            (0..present).for_each(|number| manifest.push(row(number)));
            let new = "zzzzzzzzzzzz".parse().expect("an id");
            draft.put(id, new, &record.key()?, &record.secrets()?)
        });
        match outcome {
            Ok(_) => assert!(fits),
            Err(VaultError::Limit(_)) => assert!(!fits),
            Err(other) => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_scope_that_says_it_has_more_keys_is_not_read() {
    let bench = Bench::small();
    let vault = bench.open(Who::Passphrase);
    let snapshot = vault.file.snapshot().expect("a snapshot");
    let mut state = State::verify(&snapshot, vault.id, &vault.holder).expect("whole");
    state.scopes[0].head.meta.rows = KEYS + 1;
    let mut seen = 0;
    let outcome = state.pass(&snapshot, &state.scopes[0], |_| {
        seen += 1;
        Ok(())
    });
    assert!(matches!(outcome, Err(VaultError::Altered(_))));
    assert_eq!(seen, 0);
}

#[test]
fn a_vault_has_room_for_its_limit_of_scopes_and_no_more() {
    let bench = Bench::small();
    let mut vault = bench.open(Who::Passphrase);
    let outcome = drafted(&mut vault, |draft| {
        let (key, id) = (draft.key.duplicate(), draft.state.vault);
        for number in draft.state.scopes.len()..SCOPES - 1 {
            let mut bytes = [0xff; 16];
            bytes[8..].copy_from_slice(&number.to_be_bytes());
            let (bytes, shop) = (ScopeId(bytes), shop());
            let new = OpenScope::new(bytes, &shop, KeyKind::Provider, NOW, &key, id)?;
            draft.state.scopes.push(new);
        }
        draft.ensure_scope(&scope("new", "a"), KeyKind::Issued)?;
        draft.ensure_scope(&scope("new", "b"), KeyKind::Issued)
    });
    assert!(matches!(outcome, Err(VaultError::Limit(_))));
}

/// Before anything is computed over them, and before anybody is told that their credential is wrong: the rows that are
/// too many come first, and what opens the vault last.
#[test]
fn a_vault_that_has_more_than_it_can_have_is_refused_for_that() {
    let bench = Bench::small();
    for (count, rows, words) in [
        (
            SLOTS,
            "slot SELECT unhex(printf('%032d', i)), 3, zeroblob(16), 0, randomblob(32), 0, randomblob(32), randomblob(24), randomblob(48)",
            "more slots than",
        ),
        (
            SCOPES,
            "scope SELECT unhex(printf('%032d', i)), zeroblob(16), zeroblob(24), x'00', zeroblob(24), x'00'",
            "more scopes than",
        ),
        (
            OWN_RECORDS as usize,
            "record SELECT zeroblob(16), CAST(printf('%012d', i) AS BLOB), zeroblob(16), 1, zeroblob(24), zeroblob(16)",
            "more settings",
        ),
    ] {
        let path = bench.copy();
        let connection = Connection::open(&path).expect("a database");
        let added = connection.execute_batch(&format!(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count}) INSERT INTO {rows} FROM n"
        ));
        added.expect("added");
        for who in [Who::AccessToken, Who::Passphrase, Who::RecoveryCode] {
            // Who holds an access token has no business with the vault's own records.
            if matches!(who, Who::AccessToken) && words == "more settings" {
                continue;
            }
            let refusal = bench.read(&path, who).expect_err("too many");
            assert!(refusal.to_string().contains(words), "{refusal}");
        }
    }
}

#[test]
fn as_many_slots_and_scopes_are_read_as_there_can_be() {
    let bench = Bench::small();
    let sql = format!(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {SLOTS})
            INSERT INTO slot SELECT randomblob(16), kind, scope_id, profile, salt, expires_at, commitment, nonce, sealed_key
            FROM n, (SELECT * FROM slot LIMIT 1) LIMIT {SLOTS} - (SELECT COUNT(*) FROM slot);
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {SCOPES})
            INSERT INTO scope SELECT randomblob(16), key_id, nonce, sealed, head_nonce, head
            FROM n, (SELECT * FROM scope LIMIT 1) LIMIT {SCOPES} - (SELECT COUNT(*) FROM scope)"
    );
    let count = |snapshot: &Snapshot<'_>| {
        (
            snapshot.slots().map(|it| it.len()),
            snapshot.scopes().map(|it| it.len()),
        )
    };
    let (slots, scopes) = seen(&bench, &sql, count);
    assert_eq!(
        (slots.expect("read"), scopes.expect("read")),
        (SLOTS, SCOPES)
    );
}

/// Looks at an edited copy with the eyes of who has not opened it.
fn seen<T>(bench: &Bench, sql: &str, look: impl FnOnce(&Snapshot<'_>) -> T) -> T {
    let path = bench.copy();
    let connection = Connection::open(&path).expect("a database");
    connection.execute_batch(sql).expect("edited");
    drop(connection);
    let file = VaultFile::open(&path, Access::Owner).expect("a vault");
    let snapshot = file.snapshot().expect("a snapshot");
    look(&snapshot)
}

#[test]
fn a_head_is_not_read_beyond_its_limit() {
    let bench = Bench::small();
    for (bytes, fits) in [(4095, true), (4096, true), (4097, false), (100_000, false)] {
        let sql = format!("UPDATE header SET head = zeroblob({bytes})");
        let head = seen(&bench, &sql, |snapshot| snapshot.header());
        assert_eq!(head.is_ok(), fits, "{bytes}");
    }
}

#[test]
fn no_more_scopes_of_records_are_looked_for_than_there_can_be() {
    let bench = Bench::small();
    let sql = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 9)
        INSERT INTO record SELECT randomblob(16), key_id, name_tag, revision, nonce, sealed
        FROM n, (SELECT * FROM record LIMIT 1)";
    // The vault's own, that of the key, and those.
    let found = |most| seen(&bench, sql, |snapshot| snapshot.scopes_of_records(most));
    for (most, expected) in [(0, 0), (1, 1), (10, 10), (11, 11), (100, 11)] {
        assert_eq!(found(most).expect("read").len(), expected);
    }
}
