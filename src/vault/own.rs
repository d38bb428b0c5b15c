//! The vault's own scope: roles, and what is known of access tokens.

use serde::{Deserialize, Serialize};

use super::VaultError;
use super::draft::Draft;
use super::record::{OpenRecord, RecordKey};
use crate::crypto::{Label, RootKey, RowsMac, Secret, mint_key_id};
use crate::key::{Actor, KeyName, Role, ScopeId, Timestamp};

/// What a record of the vault's own scope seals. Field names are part of the file format.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OwnRecord {
    /// What its tag is made of, such as `slot/…`.
    pub(super) name: String,
    pub(super) body: OwnBody,
}

/// The kinds of such records.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "lowercase")]
pub(super) enum OwnBody {
    /// A role as it is now; keys have copies of it.
    Role {
        role: Role,
        created_at: Timestamp,
        created_by: Actor,
    },
    /// What is known of an access token, beside the token's 32 bytes: those are kept so that a scope that gets a new key
    /// can wrap it for the tokens that remain.
    Slot {
        name: KeyName,
        created_at: Timestamp,
        created_by: Actor,
    },
}

impl Draft<'_> {
    /// Puts a record into the vault's own scope, instead of the one with its name.
    pub(super) fn put_own(
        &mut self,
        meta: &OwnRecord,
        secrets: &[Secret],
    ) -> Result<(), VaultError> {
        let tag = self.own_tag(&meta.name);
        let present = self
            .state
            .own
            .by_tag(&tag)
            .map(|row| (row.key_id, row.revision));
        let (key_id, revision) = match present {
            Some((id, revision)) => (id, revision + 1),
            None => (mint_key_id()?, 1),
        };
        let record_key = self.own_key();
        let row = self.put_row(
            ScopeId::OWN,
            &record_key,
            key_id,
            tag,
            revision,
            meta,
            secrets,
        )?;
        self.state.own.put(row);
        Ok(())
    }

    /// Opens a record of the vault's own scope by its name.
    pub(super) fn own_record(&self, name: &str) -> Result<Option<OpenRecord>, VaultError> {
        let Some(row) = self.state.own.by_tag(&self.own_tag(name)) else {
            return Ok(None);
        };
        self.state
            .record(&self.change, ScopeId::OWN, &self.own_key(), row)
            .map(Some)
    }

    /// Every record of the vault's own scope.
    pub(super) fn own_records(&self) -> Result<Vec<OwnRecord>, VaultError> {
        let key = self.own_key();
        let open = |row| {
            self.state
                .record(&self.change, ScopeId::OWN, &key, row)?
                .own()
        };
        self.state.own.rows().iter().map(open).collect()
    }

    /// Deletes a record of the vault's own scope by its name, if it is there.
    pub(super) fn delete_own(&mut self, name: &str) -> Result<(), VaultError> {
        if let Some(id) = self
            .state
            .own
            .by_tag(&self.own_tag(name))
            .map(|row| row.key_id)
        {
            self.state.own.remove(id);
            self.change.delete_record(ScopeId::OWN, id)?;
        }
        Ok(())
    }

    /// Seals the records of the vault's own scope under another vault key.
    pub(super) fn rekey_own(&mut self, new: &RootKey) -> Result<(), VaultError> {
        let (vault, old) = (self.state.vault, self.own_key());
        let new_key = RecordKey::new(new, ScopeId::OWN, None, vault);
        let rows = self.state.own.rows().to_vec();
        for row in rows {
            let record = self.state.record(&self.change, ScopeId::OWN, &old, &row)?;
            let (meta, secrets) = (record.own()?, record.secrets()?);
            let tag = RowsMac::name_tag(&new.sub_key(vault, Label::Name), &meta.name);
            let revision = row.revision + 1;
            let sealed = self.put_row(
                ScopeId::OWN,
                &new_key,
                row.key_id,
                tag,
                revision,
                &meta,
                &secrets,
            )?;
            self.state.own.put(sealed);
        }
        Ok(())
    }

    fn own_key(&self) -> RecordKey {
        RecordKey::new(&self.key, ScopeId::OWN, None, self.state.vault)
    }

    fn own_tag(&self, name: &str) -> [u8; 16] {
        RowsMac::name_tag(&self.key.sub_key(self.state.vault, Label::Name), name)
    }
}
