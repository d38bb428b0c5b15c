//! What is told of uses and of changes when rows of the activity file or of the log's middle were edited. The head of the
//! vault names neither, so that only who reads them finds out.

use std::path::{Path, PathBuf};

use rusqlite::Connection;
use tempfile::TempDir;

use super::{Bench, Life, Location, NOW, Outcome, Who, bank, hex, location, shop, who};
use crate::checks;
use crate::crypto::{Passphrase, Profile, Secret};
use crate::key::{KeyId, Scope};
use crate::vault::audit::{AuditFilter, AuditSource};
use crate::vault::{Filter, Requirements, StoreError, Vault, VaultError};

/// An edit of `activity.db`, and why its twin, without checks, is noticed all the same, if it is.
struct Edit {
    name: &'static str,
    sql: &'static str,
    why: &'static str,
}

const fn edit(name: &'static str, why: &'static str, sql: &'static str) -> Edit {
    Edit { name, sql, why }
}

const SHAPE: &str = "SQLite makes no part of nothing, and the store refuses the row";
const AEAD: &str =
    "the cipher refuses: it was sealed under another key or nonce, or is no ciphertext";

/// Events 1 and 2 are of `ci`, 3 of `deploy` in the same scope, 4 of `ci` in another one.
const EDITS: &[Edit] = &[
    edit("moved to another key", "", "UPDATE event SET key_id = {deploy} WHERE seq = 1"),
    edit("moved to another scope's key", AEAD, "UPDATE event SET key_id = {elsewhere} WHERE seq = 1"),
    edit("moved to a key that is not there", "", "UPDATE event SET key_id = CAST('zzzzzzzzzzzz' AS BLOB) WHERE seq = 1"),
    edit("keys swapped", "",
        "UPDATE event SET key_id = CASE seq WHEN 1 THEN {deploy} ELSE {ci} END WHERE seq IN (1, 3)"),
    edit("moved to another time", "", "UPDATE event SET at = at - 86400 WHERE seq = 1"),
    edit("moved to another number", "", "UPDATE event SET seq = 100 WHERE seq = 1"),
    edit("copied", "", "INSERT INTO event SELECT 100, at, key_id, sealed FROM event WHERE seq = 1"),
    edit("copied for another key", "", "INSERT INTO event SELECT 100, at, {deploy}, sealed FROM event WHERE seq = 1"),
    edit("sealed parts swapped", "",
        "CREATE TEMP TABLE t AS SELECT * FROM event;
         UPDATE event SET sealed = (SELECT sealed FROM t WHERE t.seq = 3 - event.seq) WHERE seq IN (1, 2);"),
    edit("sealed part of another scope", AEAD,
        "UPDATE event SET sealed = (SELECT sealed FROM event WHERE seq = 4) WHERE seq = 1"),
    edit("nonce", AEAD,
        "UPDATE event SET sealed = CAST(randomblob(24) || substr(sealed, 25) AS BLOB) WHERE seq = 1"),
    edit("body", AEAD,
        "UPDATE event SET sealed = CAST(substr(sealed, 1, 24) || randomblob(length(sealed) - 24) AS BLOB) WHERE seq = 1"),
    edit("emptied", SHAPE, "UPDATE event SET sealed = x'' WHERE seq = 1"),
];

/// A vault and its activity file, with a few uses.
struct Uses {
    folder: TempDir,
    life: Life,
}

/// What is told of the uses of all keys, by the audit and by each key, and how many events did not open.
#[derive(Debug, Default, Eq, PartialEq)]
pub(super) struct Told {
    pub(super) uses: Vec<String>,
    pub(super) unopened: u64,
}

impl Told {
    pub(super) fn by(vault: &mut Vault) -> Result<Self, VaultError> {
        let (audit, _) = vault.audit(None, &shop(), &AuditFilter::default())?;
        let of_uses = audit
            .entries
            .iter()
            .filter(|entry| entry.source == AuditSource::Use);
        let mut uses: Vec<String> = of_uses.map(|entry| format!("{entry:?}")).collect();
        for found in vault.list(&Filter::default(), NOW)? {
            let usage = vault.usage_of(&found, 0, 100)?;
            let events = usage.events.iter();
            uses.extend(events.map(|event| format!("{} {event:?}", found.id)));
        }
        Ok(Told {
            uses,
            unopened: audit.unopened,
        })
    }
}

impl Uses {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let passphrase = Passphrase::new(Secret::new(b"horse".to_vec())).expect("a passphrase");
        let vault = Vault::create(
            &Location {
                activity: Some(folder.path().join("activity.db")),
                ..location(&folder.path().join("vault.db"))
            },
            &passphrase,
            Profile::Test,
            &who(),
            NOW,
        );
        let mut uses = Self {
            folder,
            life: Life::of(vault.expect("a new vault")),
        };
        for (text, scope) in [("ci", shop()), ("deploy", shop()), ("ci", bank())] {
            uses.life.issue(text, &scope);
        }
        for (number, permission) in [(0, None), (0, Some("admin")), (1, None), (2, None)] {
            uses.present(number, permission);
        }
        uses
    }

    /// A wish for a permission makes the answer another.
    fn present(&mut self, number: usize, permission: Option<&str>) {
        let permissions = permission.map(|text| text.parse().expect("a permission"));
        let wanted = Requirements {
            permissions: permissions.into_iter().collect(),
            ..Requirements::default()
        };
        let token = Secret::new(self.life.tokens[number].as_bytes().to_vec());
        let verdict = self.life.vault.verify(&token, &wanted, true, &who(), NOW);
        verdict.expect("answered");
    }

    fn activity(&self) -> PathBuf {
        self.folder.path().join("activity.db")
    }

    fn id(&mut self, text: &str, scope: &Scope) -> KeyId {
        self.life.find(text, scope).id
    }

    fn make(&mut self, sql: &str) {
        let ids = [
            ("{ci}", self.id("ci", &shop())),
            ("{deploy}", self.id("deploy", &shop())),
            ("{elsewhere}", self.id("ci", &bank())),
        ];
        let sql = ids.iter().fold(sql.to_owned(), |sql, (name, id)| {
            sql.replace(name, &hex(id.as_bytes()))
        });
        execute(&self.activity(), &sql);
    }

    fn told(&mut self) -> Result<Told, VaultError> {
        Told::by(&mut self.life.vault)
    }
}

fn execute(path: &Path, sql: &str) {
    let connection = Connection::open(path).expect("a database");
    connection.execute_batch(sql).expect("edited");
}

/// Whether an edit is noticed: the file is called altered, or the event does not open and nothing is told that was not
/// told before.
fn is_noticed(edit: &Edit) -> bool {
    let mut uses = Uses::new();
    let before = uses.told().expect("whole");
    assert_eq!((before.uses.len(), before.unopened), (8, 0));
    uses.make(edit.sql);
    let after = match uses.told() {
        Err(VaultError::Activity(StoreError::Altered { .. })) => return true,
        after => after.expect("no other refusal"),
    };
    let invented = after.uses.iter().any(|told| !before.uses.contains(told));
    !invented && after.unopened > 0
}

#[test]
fn an_event_that_was_edited_is_told_to_nobody() {
    let unnoticed = EDITS.iter().filter(|edit| !is_noticed(edit));
    let unnoticed: Vec<_> = unnoticed.map(|edit| edit.name).collect();
    assert!(unnoticed.is_empty(), "{unnoticed:?}");
}

#[test]
fn without_checks_the_same_edits_of_events_go_unnoticed() {
    let wrong: Vec<_> = EDITS
        .iter()
        .filter(|edit| checks::off(|| is_noticed(edit)) == edit.why.is_empty())
        .map(|edit| edit.name)
        .collect();
    assert!(wrong.is_empty(), "{wrong:?}");
}

/// Edits of the log's middle that leave its length and its last entry, which are all that the head names.
const MIDDLE: [&str; 4] = [
    "UPDATE log SET (nonce, sealed) = (SELECT nonce, sealed FROM log WHERE seq = 3) WHERE seq = 4",
    "UPDATE log SET seq = 100000 WHERE seq = 4; UPDATE log SET seq = 4 WHERE seq = 5;
     UPDATE log SET seq = 5 WHERE seq = 100000",
    "DELETE FROM log WHERE seq = 5; UPDATE log SET seq = -seq WHERE seq > 5;
     UPDATE log SET seq = -seq - 1 WHERE seq < 0;
     INSERT INTO log SELECT seq + 1, nonce, sealed FROM log WHERE seq = (SELECT max(seq) FROM log)",
    "UPDATE log SET sealed = CAST(randomblob(16) || substr(sealed, 17) AS BLOB) WHERE seq = 4",
];

/// What the log and the audit say of an edit. All else goes on.
fn read_history(bench: &Bench, sql: &str) -> [Outcome; 2] {
    let path = bench.copy();
    execute(&path, sql);
    let mut vault = super::unlocked(&path, &bench.open(Who::Passphrase)).expect("opens");
    vault.list(&Filter::default(), NOW).expect("a list");
    let audit = vault.audit(None, &shop(), &AuditFilter::default());
    [Outcome::of(&vault.log()), Outcome::of(&audit)]
}

#[test]
fn an_edit_of_the_middle_is_found_by_the_log_and_by_the_audit() {
    let bench = Bench::new();
    for sql in MIDDLE {
        assert_eq!(read_history(&bench, sql), [Outcome::Altered; 2], "{sql}");
    }
}

#[test]
fn without_checks_an_edit_of_the_middle_goes_unnoticed() {
    checks::off(|| {
        let bench = Bench::new();
        let (bytes, moved) = MIDDLE.split_last().expect("some");
        for sql in moved {
            assert_eq!(read_history(&bench, sql), [Outcome::Told; 2], "{sql}");
        }
        // No check of ours refuses other bytes: the cipher does.
        assert_eq!(read_history(&bench, bytes), [Outcome::Altered; 2]);
    });
}
