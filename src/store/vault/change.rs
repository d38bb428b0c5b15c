//! Writing: every statement that changes something, in one transaction.

use rusqlite::params;

use super::rows::{HeaderRow, RecordRow, ScopeRow, SlotRow, signed};
use super::snapshot::Snapshot;
use crate::key::{KeyId, ScopeId, Sealed, SlotId};
use crate::store::StoreError;

/// A view that can be changed. Dropped without [`Change::commit`], it never happened.
pub struct Change<'a>(pub(super) Snapshot<'a>);

impl<'a> std::ops::Deref for Change<'a> {
    type Target = Snapshot<'a>;

    fn deref(&self) -> &Snapshot<'a> {
        &self.0
    }
}

impl Change<'_> {
    /// Puts the one header.
    ///
    /// # Errors
    /// Whatever SQLite says.
    pub fn put_header(&self, row: &HeaderRow) -> Result<(), StoreError> {
        self.execute(
            "REPLACE INTO header (id, vault_id, key_id, head_nonce, head) VALUES (1, ?1, ?2, ?3, ?4)",
            params![row.vault.0, row.key_id, row.head.nonce, row.head.bytes],
        )
    }

    /// Puts a slot under its id.
    ///
    /// # Errors
    /// Whatever SQLite says.
    pub fn put_slot(&self, row: &SlotRow) -> Result<(), StoreError> {
        self.execute(
            "REPLACE INTO slot (slot_id, kind, scope_id, profile, salt, expires_at, commitment, nonce, sealed_key)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            params![
                row.id.0,
                signed(row.kind),
                row.scope.0,
                signed(row.profile),
                row.salt,
                signed(row.expires_at),
                row.commitment,
                row.sealed_key.nonce,
                row.sealed_key.bytes
            ],
        )
    }

    /// Deletes a slot, if it is there.
    ///
    /// # Errors
    /// Whatever SQLite says.
    pub fn delete_slot(&self, id: SlotId) -> Result<(), StoreError> {
        self.execute("DELETE FROM slot WHERE slot_id = ?1", params![id.0])
    }

    /// Puts a scope under its id.
    ///
    /// # Errors
    /// Whatever SQLite says.
    pub fn put_scope(&self, row: &ScopeRow) -> Result<(), StoreError> {
        self.execute(
            "REPLACE INTO scope (scope_id, key_id, nonce, sealed, head_nonce, head) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![row.id.0, row.key_id, row.sealed.nonce, row.sealed.bytes, row.head.nonce, row.head.bytes],
        )
    }

    /// Puts a record under its scope and id.
    ///
    /// # Errors
    /// Whatever SQLite says.
    pub fn put_record(&self, scope: ScopeId, row: &RecordRow<'_>) -> Result<(), StoreError> {
        self.execute(
            "REPLACE INTO record (scope_id, key_id, name_tag, revision, nonce, sealed) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![scope.0, row.key_id.as_bytes(), row.name_tag, signed(row.revision), row.nonce, row.sealed],
        )
    }

    /// Deletes a record, if it is there.
    ///
    /// # Errors
    /// Whatever SQLite says.
    pub fn delete_record(&self, scope: ScopeId, key_id: KeyId) -> Result<(), StoreError> {
        self.execute(
            "DELETE FROM record WHERE scope_id = ?1 AND key_id = ?2",
            params![scope.0, key_id.as_bytes()],
        )
    }

    /// Appends to the log. Fails when the number is taken.
    ///
    /// # Errors
    /// Whatever SQLite says.
    pub fn append_log(&self, index: u64, entry: &Sealed) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO log (seq, nonce, sealed) VALUES (?1, ?2, ?3)",
            params![signed(index), entry.nonce, entry.bytes],
        )
    }

    /// Replaces an entry of the log, when the vault gets a new key.
    ///
    /// # Errors
    /// Whatever SQLite says.
    pub fn replace_log(&self, index: u64, entry: &Sealed) -> Result<(), StoreError> {
        self.execute(
            "UPDATE log SET nonce = ?2, sealed = ?3 WHERE seq = ?1",
            params![signed(index), entry.nonce, entry.bytes],
        )
    }

    /// Deletes every row of every table. What was there is overwritten with zeros, page by page, when this is committed.
    ///
    /// # Errors
    /// Whatever SQLite says.
    pub fn clear(&self) -> Result<(), StoreError> {
        for sql in [
            "DELETE FROM header",
            "DELETE FROM slot",
            "DELETE FROM scope",
            "DELETE FROM record",
            "DELETE FROM log",
        ] {
            self.execute(sql, &[])?;
        }
        Ok(())
    }

    /// Makes the change durable. An error leaves open whether it is: the file has to be opened again and asked.
    ///
    /// # Errors
    /// Whatever SQLite says.
    pub fn commit(self) -> Result<(), StoreError> {
        let Snapshot {
            transaction, path, ..
        } = self.0;
        transaction
            .commit()
            .map_err(|err| StoreError::sqlite(path, err))
    }

    fn execute(&self, sql: &str, params: &[&dyn rusqlite::ToSql]) -> Result<(), StoreError> {
        let mut statement = self
            .transaction
            .prepare_cached(sql)
            .map_err(|err| self.failed(err))?;
        statement
            .execute(params)
            .map(|_| ())
            .map_err(|err| self.failed(err))
    }
}
