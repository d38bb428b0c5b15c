//! Reading: every query, in one consistent view.

use std::path::Path;

use rusqlite::types::FromSql;
use rusqlite::{Row, Statement, Transaction, params};

use super::rows::{HeaderRow, RecordRow, ScopeRow, SlotRow, record, small_blob, unsigned};
use super::schema::{APPLICATION_ID, FORMAT, SCHEMA};
use super::{SCOPES, SLOTS};
use crate::checks;
use crate::key::{KeyId, ScopeId, Sealed, SlotId, VaultId};
use crate::store::StoreError;

/// A consistent view of the vault.
pub struct Snapshot<'a> {
    pub(super) transaction: Transaction<'a>,
    pub(super) path: &'a Path,
}

impl Snapshot<'_> {
    /// The one header.
    ///
    /// # Errors
    /// When there is none or more than one.
    pub fn header(&self) -> Result<HeaderRow, StoreError> {
        let mut rows = self.rows(
            "SELECT id, vault_id, key_id, head_nonce, head FROM header LIMIT 2",
            |row| {
                let header = HeaderRow {
                    vault: VaultId(row.get(1)?),
                    key_id: row.get(2)?,
                    head: Sealed {
                        nonce: row.get(3)?,
                        bytes: small_blob(row, 4)?,
                    },
                };
                Ok((row.get::<_, i64>(0)?, header))
            },
        )?;
        match (rows.pop(), rows.is_empty()) {
            (Some((id, row)), true) if checks::holds(id == 1) => Ok(row),
            _ => Err(self.altered("its header is not one row")),
        }
    }

    /// All slots, in the order of their ids.
    ///
    /// # Errors
    /// [`StoreError::Altered`] when there are more than [`SLOTS`]: none is looked at then, for the one that opens the
    /// vault may be beyond them.
    pub fn slots(&self) -> Result<Vec<SlotRow>, StoreError> {
        let sql = "SELECT slot_id, kind, scope_id, profile, salt, expires_at, commitment, nonce, sealed_key
                   FROM slot ORDER BY slot_id";
        self.few(sql, SLOTS, "slots", |row| {
            Ok(SlotRow {
                id: SlotId(row.get(0)?),
                kind: unsigned(row, 1)?,
                scope: ScopeId(row.get(2)?),
                profile: unsigned(row, 3)?,
                salt: row.get(4)?,
                expires_at: unsigned(row, 5)?,
                commitment: row.get(6)?,
                sealed_key: Sealed {
                    nonce: row.get(7)?,
                    bytes: small_blob(row, 8)?,
                },
            })
        })
    }

    /// All scopes, in the order of their ids.
    ///
    /// # Errors
    /// [`StoreError::Altered`] when there are more than [`SCOPES`].
    pub fn scopes(&self) -> Result<Vec<ScopeRow>, StoreError> {
        let sql =
            "SELECT scope_id, key_id, nonce, sealed, head_nonce, head FROM scope ORDER BY scope_id";
        self.few(sql, SCOPES, "scopes", |row| {
            Ok(ScopeRow {
                id: ScopeId(row.get(0)?),
                key_id: row.get(1)?,
                sealed: Sealed {
                    nonce: row.get(2)?,
                    bytes: small_blob(row, 3)?,
                },
                head: Sealed {
                    nonce: row.get(4)?,
                    bytes: small_blob(row, 5)?,
                },
            })
        })
    }

    /// Visits every record of a scope in the order of the key ids, without copying.
    ///
    /// # Errors
    /// Whatever SQLite or the visitor says.
    pub fn records<E: From<StoreError>>(
        &self,
        scope: ScopeId,
        mut visit: impl FnMut(RecordRow<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let sql = "SELECT key_id, name_tag, revision, nonce, sealed FROM record WHERE scope_id = ?1 ORDER BY key_id";
        let mut statement = self.prepare(sql)?;
        let mut rows = statement.query([scope.0]).map_err(|err| self.failed(err))?;
        while let Some(row) = rows.next().map_err(|err| self.failed(err))? {
            visit(record(row).map_err(|err| self.failed(err))?)?;
        }
        Ok(())
    }

    /// One record, its bytes copied; `None` when the index does not lead to it.
    ///
    /// An index can hide a row, so this never says that a key does not exist: only a whole pass does.
    ///
    /// # Errors
    /// Whatever SQLite or `read` says.
    pub fn record<T, E: From<StoreError>>(
        &self,
        scope: ScopeId,
        key_id: KeyId,
        read: impl FnOnce(RecordRow<'_>) -> Result<T, E>,
    ) -> Result<Option<T>, E> {
        let sql = "SELECT key_id, name_tag, revision, nonce, sealed FROM record WHERE scope_id = ?1 AND key_id = ?2";
        let mut statement = self.prepare(sql)?;
        let mut rows = statement
            .query(params![scope.0, key_id.as_bytes()])
            .map_err(|err| self.failed(err))?;
        match rows.next().map_err(|err| self.failed(err))? {
            Some(row) => read(record(row).map_err(|err| self.failed(err))?).map(Some),
            None => Ok(None),
        }
    }

    /// The scopes that have records, whether or not they have a row of their own, but no more than `most` of them.
    ///
    /// # Errors
    /// Whatever SQLite says.
    pub fn scopes_of_records(&self, most: usize) -> Result<Vec<ScopeId>, StoreError> {
        let mut found = Vec::new();
        let mut after: Option<ScopeId> = None;
        // One seek a scope, where DISTINCT would walk every record.
        let mut statement = self.prepare("SELECT min(scope_id) FROM record WHERE scope_id > ?1")?;
        loop {
            let bound: &[u8] = after.as_ref().map_or(&[], |scope| &scope.0);
            let next: Option<[u8; 16]> = statement
                .query_row([bound], |row| row.get(0))
                .map_err(|err| self.failed(err))?;
            match next {
                Some(id) if found.len() < most => found.push(*after.insert(ScopeId(id))),
                _ => return Ok(found),
            }
        }
    }

    /// How many records there are in all scopes.
    ///
    /// # Errors
    /// Whatever SQLite says.
    pub fn record_count(&self) -> Result<u64, StoreError> {
        let counts = self.rows("SELECT count(*) FROM record", |row| unsigned(row, 0))?;
        Ok(counts.first().copied().unwrap_or(0))
    }

    /// Lowest and highest number in the log; `None` while it is empty.
    ///
    /// # Errors
    /// Whatever SQLite says.
    pub fn log_bounds(&self) -> Result<Option<(u64, u64)>, StoreError> {
        let sql = "SELECT (SELECT min(seq) FROM log), (SELECT max(seq) FROM log)";
        let bounds = self.rows(sql, |row| {
            let low: Option<i64> = row.get(0)?;
            let high: Option<i64> = row.get(1)?;
            Ok(low.zip(high))
        })?;
        match bounds.first().copied().flatten() {
            None => Ok(None),
            Some((low, high)) => match (u64::try_from(low), u64::try_from(high)) {
                (Ok(low), Ok(high)) => Ok(Some((low, high))),
                _ => Err(self.altered("its log has negative numbers")),
            },
        }
    }

    /// One entry of the log.
    ///
    /// # Errors
    /// Whatever SQLite says.
    pub fn log_entry(&self, index: u64) -> Result<Option<Sealed>, StoreError> {
        let Ok(index) = i64::try_from(index) else {
            return Ok(None);
        };
        let mut statement = self.prepare("SELECT nonce, sealed FROM log WHERE seq = ?1")?;
        let mut rows = statement.query([index]).map_err(|err| self.failed(err))?;
        let entry = rows.next().map_err(|err| self.failed(err))?;
        entry
            .map(|row| {
                Ok(Sealed {
                    nonce: row.get(0)?,
                    bytes: row.get(1)?,
                })
            })
            .transpose()
            .map_err(|err: rusqlite::Error| self.failed(err))
    }

    /// Goes through every page of the file, used or not.
    ///
    /// # Errors
    /// [`StoreError::Altered`] for the first that SQLite finds fault with.
    pub fn check_pages(&self) -> Result<(), StoreError> {
        let said: String = self.pragma("integrity_check")?;
        if checks::holds(said == "ok") {
            Ok(())
        } else {
            Err(self.altered(said))
        }
    }

    /// Visits every entry of the log, the oldest first, with its number.
    ///
    /// # Errors
    /// Whatever SQLite or the visitor says.
    pub fn log<E: From<StoreError>>(
        &self,
        mut visit: impl FnMut(u64, Sealed) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut statement = self.prepare("SELECT seq, nonce, sealed FROM log ORDER BY seq")?;
        let mut rows = statement.query([]).map_err(|err| self.failed(err))?;
        while let Some(row) = rows.next().map_err(|err| self.failed(err))? {
            let read = || -> rusqlite::Result<(u64, Sealed)> {
                let (nonce, bytes) = (row.get(1)?, row.get(2)?);
                Ok((unsigned(row, 0)?, Sealed { nonce, bytes }))
            };
            let (index, entry) = read().map_err(|err| self.failed(err))?;
            visit(index, entry)?;
        }
        Ok(())
    }

    /// An [`StoreError::Altered`] about this file.
    pub fn altered(&self, what: impl Into<String>) -> StoreError {
        StoreError::Altered {
            path: self.path.to_owned(),
            what: what.into(),
        }
    }

    pub(super) fn check_format(&self) -> Result<(), StoreError> {
        let application = self.pragma::<i64>("application_id")?;
        match (application, self.pragma("user_version")?) {
            // In another journal mode than ours changes would stay in a file beside the vault, which nobody copies.
            (APPLICATION_ID, FORMAT)
                if !checks::holds(self.pragma::<String>("journal_mode")? == "delete") =>
            {
                Err(self.altered("it keeps its changes in another file"))
            }
            (APPLICATION_ID, FORMAT) => Ok(()),
            _ if checks::holds(false) => Ok(()),
            (APPLICATION_ID, format) if format > FORMAT => Err(StoreError::Newer {
                path: self.path.to_owned(),
                format,
            }),
            (APPLICATION_ID, _) => Err(self.altered("its format number is none that ever was")),
            _ => Err(StoreError::NotAVault(self.path.to_owned())),
        }
    }

    fn pragma<T: FromSql>(&self, name: &str) -> Result<T, StoreError> {
        self.transaction
            .pragma_query_value(None, name, |row| row.get(0))
            .map_err(|err| self.failed(err))
    }

    pub(super) fn check_schema(&self) -> Result<(), StoreError> {
        let sql = "SELECT type, name, tbl_name, sql FROM sqlite_schema LIMIT 6";
        let mut found = self.rows(sql, |row| {
            let (kind, name): (String, String) = (row.get(0)?, row.get(1)?);
            let (table, sql): (String, Option<String>) = (row.get(2)?, row.get(3)?);
            Ok((kind, name, table, sql))
        })?;
        found.sort();
        let mut expected: Vec<_> = SCHEMA
            .iter()
            .map(|(name, sql)| {
                (
                    "table".to_owned(),
                    name.to_string(),
                    name.to_string(),
                    Some(sql.to_string()),
                )
            })
            .collect();
        expected.sort();
        if checks::holds(found == expected) {
            Ok(())
        } else {
            Err(self.altered("its tables are not those of format 1"))
        }
    }

    /// All the rows, of which a vault has at most `most`. No more than one beyond them is read.
    fn few<T>(
        &self,
        sql: &str,
        most: usize,
        what: &str,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, StoreError> {
        let rows = self.rows(&format!("{sql} LIMIT {}", most + 1), read)?;
        if checks::holds(rows.len() <= most) {
            Ok(rows)
        } else {
            Err(self.altered(format!("it has more {what} than a vault can have ({most})")))
        }
    }

    fn rows<T>(
        &self,
        sql: &str,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, StoreError> {
        let mut statement = self.prepare(sql)?;
        let rows = statement
            .query_map([], read)
            .map_err(|err| self.failed(err))?;
        rows.collect::<Result<_, _>>()
            .map_err(|err| self.failed(err))
    }

    fn prepare(&self, sql: &str) -> Result<Statement<'_>, StoreError> {
        self.transaction
            .prepare(sql)
            .map_err(|err| self.failed(err))
    }

    pub(super) fn failed(&self, err: rusqlite::Error) -> StoreError {
        StoreError::sqlite(self.path, err)
    }
}
