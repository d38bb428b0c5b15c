//! Records: one key with all its generations, sealed.

use serde::{Deserialize, Serialize};

use super::VaultError;
use super::head::{from_json, json};
use crate::crypto::{Aad, Label, Object, Opened, PartsWriter, RootKey, Secret, SubKey, open, seal};
use crate::key::{Key, KeyId, ScopeId, Sealed, VaultId};
use crate::store::RecordRow;

/// What opens and seals the records of one scope.
#[derive(Debug)]
pub(super) struct RecordKey {
    key: SubKey,
    key_id: [u8; 16],
    scope: ScopeId,
    vault: VaultId,
}

impl RecordKey {
    pub(super) fn new(scope_key: &RootKey, scope: ScopeId, vault: VaultId) -> Self {
        Self {
            key: scope_key.sub_key(vault, Label::Record),
            key_id: scope_key.id(vault),
            scope,
            vault,
        }
    }

    fn aad(&self, key_id: KeyId, name_tag: &[u8; 16], revision: u64) -> Aad {
        Aad::new(Object::Record, self.vault)
            .field(&self.scope.0)
            .field(&self.key_id)
            .field(key_id.as_bytes())
            .field(name_tag)
            .number(revision)
    }

    /// Opens a row; nothing of it is read yet.
    pub(super) fn open(&self, row: &RecordRow<'_>) -> Result<OpenRecord, VaultError> {
        let aad = self.aad(row.key_id, &row.name_tag, row.revision);
        let opened = open(&self.key, &aad, &row.nonce, row.sealed).map_err(|_| {
            VaultError::altered(format!(
                "the record `{}` is not the one that was sealed",
                row.key_id
            ))
        })?;
        Ok(OpenRecord {
            opened,
            id: row.key_id,
        })
    }

    /// Seals metadata and one secret a generation.
    pub(super) fn seal(
        &self,
        id: KeyId,
        name_tag: &[u8; 16],
        revision: u64,
        meta: &impl Serialize,
        secrets: &[Secret],
    ) -> Result<Sealed, VaultError> {
        let meta = json(meta);
        let room = meta.len() + secrets.iter().map(Secret::len).sum::<usize>();
        let plain = secrets.iter().fold(
            PartsWriter::with_room(room, 1 + secrets.len()).part(&meta),
            |plain, secret| plain.secret(secret),
        );
        Ok(seal(&self.key, &self.aad(id, name_tag, revision), plain)?)
    }
}

/// A record's plaintext, in a buffer that is wiped.
#[derive(Debug)]
pub(super) struct OpenRecord {
    opened: Opened,
    id: KeyId,
}

impl OpenRecord {
    /// The metadata of a key, without a look at its secrets.
    pub(super) fn key(&self) -> Result<Key, VaultError> {
        self.meta()
    }

    /// The metadata, as a record of the vault's own scope may have its own kind.
    pub(super) fn meta<T: for<'de> Deserialize<'de>>(&self) -> Result<T, VaultError> {
        let mut parts = self.opened.parts();
        from_json(parts.part()?, &format!("the record `{}`", self.id))
    }

    /// The secrets, oldest generation first.
    pub(super) fn secrets(&self) -> Result<Vec<Secret>, VaultError> {
        let mut parts = self.opened.parts();
        parts.part()?;
        let mut secrets = Vec::new();
        while !parts.is_done() {
            secrets.push(parts.secret()?);
        }
        Ok(secrets)
    }
}
