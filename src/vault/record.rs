//! Records: one key with all its generations, sealed.

use std::rc::Rc;

use serde::{Deserialize, Serialize};

use super::VaultError;
use super::head::{from_json, json};
use super::own::OwnRecord;
use crate::checks;
use crate::crypto::{
    Aad, Label, Object, Opened, PartsWriter, RootKey, RowsMac, Secret, SubKey, open, seal,
    sha256_parts,
};
use crate::key::{Key, KeyId, KeyKind, ScopeId, Sealed, VaultId};
use crate::store::RecordRow;

/// What opens and seals the records of one scope.
#[derive(Clone, Debug)]
pub(super) struct RecordKey(Rc<ScopeKeys>);

#[derive(Debug)]
struct ScopeKeys {
    record: SubKey,
    name: SubKey,
    key_id: [u8; 16],
    scope: ScopeId,
    /// `None` for the vault's own scope.
    kind: Option<KeyKind>,
    vault: VaultId,
}

/// Stands for a row and the key that opens it: two that are equal are of the same bytes, and open to the same.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct RowHash([u8; 32]);

impl RecordKey {
    /// Of a scope of keys, or with no kind of the vault's own scope.
    pub(super) fn new(
        scope_key: &RootKey,
        scope: ScopeId,
        kind: Option<KeyKind>,
        vault: VaultId,
    ) -> Self {
        Self(Rc::new(ScopeKeys {
            record: scope_key.sub_key(vault, Label::Record),
            name: scope_key.sub_key(vault, Label::Name),
            key_id: scope_key.id(vault),
            scope,
            kind,
            vault,
        }))
    }

    fn aad(&self, key_id: KeyId, name_tag: &[u8; 16], revision: u64) -> Aad {
        Aad::new(Object::Record, self.0.vault)
            .field(&self.0.scope.0)
            .field(&self.0.key_id)
            .field(key_id.as_bytes())
            .field(name_tag)
            .number(revision)
    }

    /// Of a row as it is, sealed or altered.
    pub(super) fn hash(&self, row: &RecordRow<'_>) -> RowHash {
        let keys = &*self.0;
        RowHash(sha256_parts(
            &[],
            &[
                &keys.vault.0,
                &keys.scope.0,
                &keys.key_id,
                row.key_id.as_bytes(),
                &row.name_tag,
                &row.revision.to_le_bytes(),
                &row.nonce,
                row.sealed,
            ],
        ))
    }

    /// Opens a row; nothing of it is read yet.
    pub(super) fn open(&self, row: &RecordRow<'_>) -> Result<OpenRecord, VaultError> {
        let aad = self.aad(row.key_id, &row.name_tag, row.revision);
        let opened = open(&self.0.record, &aad, &row.nonce, row.sealed).map_err(|_| {
            VaultError::altered(format!(
                "the record `{}` is not the one that was sealed",
                row.key_id
            ))
        })?;
        Ok(OpenRecord {
            opened,
            id: row.key_id,
            name_tag: row.name_tag,
            keys: self.clone(),
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
        Ok(seal(
            &self.0.record,
            &self.aad(id, name_tag, revision),
            plain,
        )?)
    }
}

/// A record's plaintext, in a buffer that is wiped.
#[derive(Debug)]
pub(super) struct OpenRecord {
    opened: Opened,
    id: KeyId,
    name_tag: [u8; 16],
    keys: RecordKey,
}

impl OpenRecord {
    /// The id of its row.
    pub(super) fn id(&self) -> KeyId {
        self.id
    }

    /// The metadata of a key, without a look at its secrets.
    ///
    /// # Errors
    /// [`VaultError::Altered`] when it is not the key that its row says it is.
    pub(super) fn key(&self) -> Result<Key, VaultError> {
        let key: Key = self.meta()?;
        let secrets = self.secret_count()?;
        let whole = self.is_named(key.name.as_str())
            && Some(key.kind()) == self.keys.0.kind
            && key.generations.len() == secrets;
        if checks::holds(whole) {
            Ok(key)
        } else {
            Err(self.misplaced())
        }
    }

    /// What a record of the vault's own scope is about.
    ///
    /// # Errors
    /// As [`OpenRecord::key`].
    pub(super) fn own(&self) -> Result<OwnRecord, VaultError> {
        let own: OwnRecord = self.meta()?;
        if checks::holds(self.is_named(&own.name)) {
            Ok(own)
        } else {
            Err(self.misplaced())
        }
    }

    fn meta<T: for<'de> Deserialize<'de>>(&self) -> Result<T, VaultError> {
        let mut parts = self.opened.parts();
        from_json(parts.part()?, &format!("the record `{}`", self.id))
    }

    fn is_named(&self, name: &str) -> bool {
        RowsMac::name_tag(&self.keys.0.name, name) == self.name_tag
    }

    fn misplaced(&self) -> VaultError {
        VaultError::altered(format!("the record `{}` is under another name", self.id))
    }

    fn secret_count(&self) -> Result<usize, VaultError> {
        let mut parts = self.opened.parts();
        parts.part()?;
        let mut count = 0;
        while !parts.is_done() {
            parts.part()?;
            count += 1;
        }
        Ok(count)
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
