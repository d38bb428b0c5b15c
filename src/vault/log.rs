//! The log of changes: each entry sealed with the hash of the one before it.

use serde::{Deserialize, Serialize};

use super::head::{from_json, json};
use super::{VaultError, View};
use crate::checks;
use crate::crypto::{Aad, Label, Object, PartsWriter, RootKey, open, seal, sha256_parts};
use crate::key::{Actor, KeyId, KeyKind, KeyName, RoleName, Scope, Sealed, Timestamp, VaultId};

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
    Restore,
    Revoke,
    RoleDelete,
    RoleSet,
    Rotate,
    Set,
    Undo,
}

impl Verb {
    /// All of them.
    pub const ALL: [Self; 19] = [
        Self::AccessCreate,
        Self::AccessRevoke,
        Self::Create,
        Self::Delete,
        Self::Deliver,
        Self::Edit,
        Self::Finish,
        Self::Import,
        Self::Init,
        Self::Passphrase,
        Self::RecoveryCode,
        Self::Rekey,
        Self::Restore,
        Self::Revoke,
        Self::RoleDelete,
        Self::RoleSet,
        Self::Rotate,
        Self::Set,
        Self::Undo,
    ];

    /// As the log and its readers write it.
    pub fn text(self) -> &'static str {
        match self {
            Self::AccessCreate => "access-create",
            Self::AccessRevoke => "access-revoke",
            Self::Create => "create",
            Self::Delete => "delete",
            Self::Deliver => "deliver",
            Self::Edit => "edit",
            Self::Finish => "finish",
            Self::Import => "import",
            Self::Init => "init",
            Self::Passphrase => "passphrase",
            Self::RecoveryCode => "recovery-code",
            Self::Rekey => "rekey",
            Self::Restore => "restore",
            Self::Revoke => "revoke",
            Self::RoleDelete => "role-delete",
            Self::RoleSet => "role-set",
            Self::Rotate => "rotate",
            Self::Set => "set",
            Self::Undo => "undo",
        }
    }
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
    /// The fields that were edited, the role or access token it is about, how much was imported, or what was restored.
    pub detail: Option<String>,
}

impl LogEntry {
    /// The role that was changed: a detail of such a change begins with its name.
    pub fn role(&self) -> Option<RoleName> {
        let of_role = matches!(self.verb, Verb::RoleDelete | Verb::RoleSet);
        let detail = self.detail.as_deref().filter(|_| of_role)?;
        detail.split(':').next()?.parse().ok()
    }
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

/// How far the log was read: the number and the hash of the last entry that was.
#[derive(Clone, Copy, Debug)]
pub(super) struct LogMark {
    pub(super) index: u64,
    hash: [u8; 32],
}

impl LogMark {
    /// Before the first entry.
    pub(super) const START: Self = Self {
        index: 0,
        hash: NO_HASH,
    };
}

impl View<'_> {
    /// Reads the log behind `from` to its end, oldest entry first, and checks that each entry follows the one before.
    ///
    /// # Errors
    /// [`VaultError::Altered`] names the first entry that is not in its place.
    pub(super) fn read_log(
        &self,
        key: &RootKey,
        from: LogMark,
        mut visit: impl FnMut(u64, LogEntry),
    ) -> Result<LogMark, VaultError> {
        let vault = self.state.vault;
        let length = self.state.head.as_ref().map_or(0, |head| head.log_length);
        self.refuse_other_past(from, length)?;
        let mut mark = from;
        for index in from.index + 1..=length {
            let sealed = self.snapshot.log_entry(index)?.ok_or_else(|| {
                VaultError::altered(format!("entry {index} of the log is missing"))
            })?;
            visit(index, open_entry(&sealed, index, &mark.hash, key, vault)?);
            let hash = entry_hash(&sealed, index, vault);
            mark = LogMark { index, hash };
        }
        Ok(mark)
    }

    /// What was read before is still there: no anchor says so where a rollback is accepted.
    fn refuse_other_past(&self, from: LogMark, length: u64) -> Result<(), VaultError> {
        let hash = match self.snapshot.log_entry(from.index)? {
            Some(sealed) => entry_hash(&sealed, from.index, self.state.vault),
            None => NO_HASH,
        };
        if checks::holds(from.index <= length && hash == from.hash) {
            Ok(())
        } else {
            Err(VaultError::altered(format!(
                "entry {} of the log is not the one that was read before",
                from.index
            )))
        }
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verbs_are_written_as_the_log_writes_them() {
        for verb in Verb::ALL {
            let json = serde_json::to_string(&verb).expect("a word");
            assert_eq!(json, format!("\"{}\"", verb.text()));
        }
        assert!(Verb::ALL.is_sorted_by_key(|verb| verb.text()));
    }
}
