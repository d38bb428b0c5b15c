//! The log of changes: each entry sealed with the hash of the one before it.

use serde::{Deserialize, Serialize};

use super::VaultError;
use super::head::{from_json, json};
use crate::crypto::{Aad, Label, Object, PartsWriter, RootKey, open, seal, sha256_parts};
use crate::key::{Actor, KeyId, KeyKind, KeyName, Scope, Sealed, Timestamp, VaultId};

/// What was done. Alphabetical; the text is part of the file format.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verb {
    AccessCreate,
    AccessRevoke,
    Create,
    Delete,
    Deliver,
    Edit,
    Finish,
    Import,
    Init,
    Passphrase,
    RecoveryCode,
    Rekey,
    Revoke,
    RoleDelete,
    RoleSet,
    Rotate,
    Set,
    Undo,
}

/// One change, as its entry seals it. Never a value.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct LogEntry {
    /// Random, to find out after a failed commit whether it happened; 32 hexadecimal digits.
    pub operation: String,
    pub at: Timestamp,
    pub actor: Actor,
    pub verb: Verb,
    pub scope: Option<Scope>,
    pub kind: Option<KeyKind>,
    pub key_id: Option<String>,
    pub name: Option<KeyName>,
    pub generation: Option<u32>,
    /// The fields that were edited, the role or access token it is about, or how much was imported.
    pub detail: Option<String>,
}

/// Who did what to which key: an entry before it has its time and place in the chain.
#[derive(Clone, Debug)]
pub(super) struct Event {
    pub(super) verb: Verb,
    pub(super) scope: Option<(Scope, KeyKind)>,
    pub(super) key: Option<(KeyId, KeyName)>,
    pub(super) generation: Option<u32>,
    pub(super) detail: Option<String>,
}

impl Event {
    /// Something about the vault itself.
    pub(super) fn of_vault(verb: Verb) -> Self {
        Self {
            verb,
            scope: None,
            key: None,
            generation: None,
            detail: None,
        }
    }

    /// The same with a word about what it is about; never a value.
    pub(super) fn with_detail(self, detail: String) -> Self {
        Self {
            detail: Some(detail),
            ..self
        }
    }

    pub(super) fn entry(self, operation: String, at: Timestamp, actor: Actor) -> LogEntry {
        let (scope, kind) = self.scope.unzip();
        let (id, name) = self.key.unzip();
        LogEntry {
            operation,
            at,
            actor,
            verb: self.verb,
            scope,
            kind,
            key_id: id.map(|id: KeyId| id.to_string()),
            name,
            generation: self.generation,
            detail: self.detail,
        }
    }
}

/// Hash before the first entry.
pub(super) const NO_HASH: [u8; 32] = [0; 32];

pub(super) fn seal_entry(
    entry: &LogEntry,
    index: u64,
    previous: &[u8; 32],
    key: &RootKey,
    vault: VaultId,
) -> Result<Sealed, VaultError> {
    let json = json(entry);
    let plain = PartsWriter::with_room(json.len(), 1).part(&json);
    Ok(seal(
        &key.sub_key(vault, Label::Log),
        &aad(index, previous, vault),
        plain,
    )?)
}

pub(super) fn open_entry(
    sealed: &Sealed,
    index: u64,
    previous: &[u8; 32],
    key: &RootKey,
    vault: VaultId,
) -> Result<LogEntry, VaultError> {
    let opened = open(
        &key.sub_key(vault, Label::Log),
        &aad(index, previous, vault),
        &sealed.nonce,
        &sealed.bytes,
    )
    .map_err(|_| {
        VaultError::altered(format!(
            "entry {index} of the log is not the one that was sealed"
        ))
    })?;
    let mut parts = opened.parts();
    let entry = from_json(parts.part()?, "the log")?;
    parts.done()?;
    Ok(entry)
}

/// What the next entry, the head and the anchor remember of an entry.
pub(super) fn entry_hash(sealed: &Sealed, index: u64, vault: VaultId) -> [u8; 32] {
    let prefix = Aad::new(Object::Log, vault).number(index);
    sha256_parts(prefix.as_bytes(), &[&sealed.nonce, &sealed.bytes])
}

fn aad(index: u64, previous: &[u8; 32], vault: VaultId) -> Aad {
    Aad::new(Object::Log, vault).number(index).field(previous)
}
