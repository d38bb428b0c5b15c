//! The vault file: every statement of `vault.db`. Rows go in and out as they are; what they mean is decided above.

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use rand::TryRng;
use rusqlite::config::DbConfig;
use rusqlite::limits::Limit;
use rusqlite::types::FromSql;
use rusqlite::{Connection, OpenFlags, Row, Statement, Transaction, TransactionBehavior, params};

use super::StoreError;
use super::file::{self, Access, FileIdentity};
use crate::key::{KeyId, ScopeId, Sealed, SlotId, VaultId, checks};

/// "KWV1".
const APPLICATION_ID: i64 = 0x4B57_5631;
const FORMAT: i64 = 1;
/// Largest row, in bytes: two values of a provider key and the metadata fit many times.
const LENGTH_LIMIT: i32 = 1 << 20;

/// Compared with what the file says, text by text: a trigger, a view, an index or a column more is an edit.
const SCHEMA: [(&str, &str); 5] = [
    (
        "header",
        "CREATE TABLE header (
    id         INTEGER PRIMARY KEY CHECK (id = 1),
    vault_id   BLOB NOT NULL CHECK (length(vault_id) = 16),
    key_id     BLOB NOT NULL CHECK (length(key_id) = 16),
    head_nonce BLOB NOT NULL CHECK (length(head_nonce) = 24),
    head       BLOB NOT NULL
) STRICT",
    ),
    (
        "slot",
        "CREATE TABLE slot (
    slot_id    BLOB NOT NULL PRIMARY KEY CHECK (length(slot_id) = 16),
    kind       INTEGER NOT NULL,
    scope_id   BLOB NOT NULL CHECK (length(scope_id) = 16),
    profile    INTEGER NOT NULL,
    salt       BLOB NOT NULL CHECK (length(salt) = 32),
    expires_at INTEGER NOT NULL,
    commitment BLOB NOT NULL CHECK (length(commitment) = 32),
    nonce      BLOB NOT NULL CHECK (length(nonce) = 24),
    sealed_key BLOB NOT NULL CHECK (length(sealed_key) = 48)
) STRICT, WITHOUT ROWID",
    ),
    (
        "scope",
        "CREATE TABLE scope (
    scope_id   BLOB NOT NULL PRIMARY KEY CHECK (length(scope_id) = 16),
    key_id     BLOB NOT NULL CHECK (length(key_id) = 16),
    nonce      BLOB NOT NULL CHECK (length(nonce) = 24),
    sealed     BLOB NOT NULL,
    head_nonce BLOB NOT NULL CHECK (length(head_nonce) = 24),
    head       BLOB NOT NULL
) STRICT, WITHOUT ROWID",
    ),
    (
        "record",
        "CREATE TABLE record (
    scope_id BLOB NOT NULL CHECK (length(scope_id) = 16),
    key_id   BLOB NOT NULL CHECK (length(key_id) = 12),
    name_tag BLOB NOT NULL CHECK (length(name_tag) = 16),
    revision INTEGER NOT NULL,
    nonce    BLOB NOT NULL CHECK (length(nonce) = 24),
    sealed   BLOB NOT NULL,
    PRIMARY KEY (scope_id, key_id)
) STRICT, WITHOUT ROWID",
    ),
    (
        "log",
        "CREATE TABLE log (
    seq    INTEGER PRIMARY KEY,
    nonce  BLOB NOT NULL CHECK (length(nonce) = 24),
    sealed BLOB NOT NULL
) STRICT",
    ),
];

/// The one row of `header`.
#[derive(Clone, Debug)]
pub struct HeaderRow {
    pub vault: VaultId,
    pub key_id: [u8; 16],
    /// Empty in a slice.
    pub head: Sealed,
}

/// A row of `slot`.
#[derive(Clone, Debug)]
pub struct SlotRow {
    pub id: SlotId,
    pub kind: u64,
    pub scope: ScopeId,
    pub profile: u64,
    pub salt: [u8; 32],
    pub expires_at: u64,
    pub commitment: [u8; 32],
    pub sealed_key: Sealed,
}

/// A row of `scope`.
#[derive(Clone, Debug)]
pub struct ScopeRow {
    pub id: ScopeId,
    pub key_id: [u8; 16],
    pub sealed: Sealed,
    pub head: Sealed,
}

/// A row of `record`, borrowed from the page it stands in.
#[derive(Clone, Copy, Debug)]
pub struct RecordRow<'a> {
    pub key_id: KeyId,
    pub name_tag: [u8; 16],
    pub revision: u64,
    pub nonce: [u8; Sealed::NONCE],
    pub sealed: &'a [u8],
}

/// An open vault file.
pub struct VaultFile {
    connection: Connection,
    path: PathBuf,
    identity: FileIdentity,
    access: Access,
}

impl VaultFile {
    /// Opens an existing vault after checking what kind of file it is.
    ///
    /// # Errors
    /// [`StoreError::Missing`], [`StoreError::Unsafe`], and whatever SQLite says of the file.
    pub fn open(path: &Path, access: Access) -> Result<Self, StoreError> {
        let resolved = file::resolve(path)?;
        let identity = file::check(&resolved, access)?;
        let real = match access {
            Access::Owner => resolved,
            // Links are allowed here, and SQLite follows none.
            Access::TokenHolder => resolved.canonicalize().map_err(|source| StoreError::Io {
                action: "resolve",
                path: resolved.clone(),
                source,
            })?,
        };
        Self::connect(real, identity, access)
    }

    /// Makes a vault that appears at `path` whole or not at all: it is filled under another name and renamed.
    ///
    /// # Errors
    /// [`StoreError::Exists`] when something is at `path`, now or by then.
    pub fn create<E: From<StoreError>>(
        path: &Path,
        fill: impl FnOnce(Change<'_>) -> Result<Change<'_>, E>,
    ) -> Result<Self, E> {
        if let Some(parent) = path.parent() {
            file::make_folder(parent)?;
        }
        let path = file::resolve(path)?;
        let exists = path.symlink_metadata().is_ok();
        if exists {
            return Err(StoreError::Exists(path).into());
        }
        let scratch = Scratch::beside(&path)?;
        let new = Self::connect(scratch.0.clone(), scratch.identity()?, Access::Owner)?;
        new.write_schema()?;
        fill(new.change_unchecked()?)?.commit()?;
        drop(new);
        scratch.publish(&path)?;
        Ok(Self::open(&path, Access::Owner)?)
    }

    /// Where it is, with its folder resolved.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Opens the path again if it leads to another file than the open one: a restored or pulled file replaces it.
    ///
    /// # Errors
    /// As [`VaultFile::open`].
    pub fn follow(&mut self) -> Result<(), StoreError> {
        match FileIdentity::of(&self.path) {
            Ok(now) if now == self.identity => Ok(()),
            _ => self.reopen(),
        }
    }

    /// Opens the path again, whatever it leads to by now.
    ///
    /// # Errors
    /// As [`VaultFile::open`].
    pub fn reopen(&mut self) -> Result<(), StoreError> {
        *self = Self::open(&self.path, self.access)?;
        Ok(())
    }

    /// Begins to read: all of it is of one instant.
    ///
    /// # Errors
    /// When the file is busy, not a vault, of a newer format, or its schema is not the compiled-in one.
    pub fn snapshot(&self) -> Result<Snapshot<'_>, StoreError> {
        self.begin(TransactionBehavior::Deferred)
    }

    /// Begins to write: nobody else can, and what is read is what will be there at the commit.
    ///
    /// # Errors
    /// As [`VaultFile::snapshot`]; and [`StoreError::Replaced`] when the path leads to another file than the open one.
    pub fn change(&self) -> Result<Change<'_>, StoreError> {
        let change = self.change_unchecked()?;
        match FileIdentity::of(&self.path) {
            Ok(now) if now == self.identity => Ok(change),
            _ => Err(StoreError::Replaced(self.path.clone())),
        }
    }

    fn change_unchecked(&self) -> Result<Change<'_>, StoreError> {
        Ok(Change(self.begin(TransactionBehavior::Immediate)?))
    }

    fn begin(&self, behavior: TransactionBehavior) -> Result<Snapshot<'_>, StoreError> {
        let transaction = Transaction::new_unchecked(&self.connection, behavior)
            .map_err(|err| self.failed(err))?;
        let snapshot = Snapshot {
            transaction,
            path: &self.path,
        };
        snapshot.check_format()?;
        snapshot.check_schema()?;
        Ok(snapshot)
    }

    fn connect(path: PathBuf, identity: FileIdentity, access: Access) -> Result<Self, StoreError> {
        let open = || -> rusqlite::Result<Connection> {
            let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
                | OpenFlags::SQLITE_OPEN_NO_MUTEX
                | OpenFlags::SQLITE_OPEN_NOFOLLOW;
            let mut connection = Connection::open_with_flags(&path, flags)?;
            connection.busy_handler(Some(wait_a_little))?;
            connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, LENGTH_LIMIT)?;
            // A hostile file must not run code, hide rows behind odd cells, or change under a mapped page.
            connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
            connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
            for (pragma, value) in [
                ("cell_size_check", "ON"),
                ("mmap_size", "0"),
                ("secure_delete", "ON"),
                ("synchronous", "EXTRA"),
                ("temp_store", "MEMORY"),
            ] {
                connection.pragma_update(None, pragma, value)?;
            }
            Ok(connection)
        };
        let connection = open().map_err(|err| match err.sqlite_error_code() {
            Some(rusqlite::ErrorCode::CannotOpen) => StoreError::Io {
                action: "open",
                path: path.clone(),
                source: std::fs::File::open(&path)
                    .err()
                    .unwrap_or_else(|| std::io::Error::other(err)),
            },
            _ => StoreError::sqlite(&path, err),
        })?;
        // The name must still lead to the file that was checked.
        if FileIdentity::of(&path).ok() != Some(identity) {
            return Err(StoreError::Replaced(path));
        }
        Ok(Self {
            connection,
            path,
            identity,
            access,
        })
    }

    fn write_schema(&self) -> Result<(), StoreError> {
        let write = || -> rusqlite::Result<()> {
            let transaction =
                Transaction::new_unchecked(&self.connection, TransactionBehavior::Immediate)?;
            for (_, sql) in SCHEMA {
                transaction.execute_batch(sql)?;
            }
            transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
            transaction.pragma_update(None, "user_version", FORMAT)?;
            transaction.commit()
        };
        write().map_err(|err| self.failed(err))
    }

    fn failed(&self, err: rusqlite::Error) -> StoreError {
        StoreError::sqlite(&self.path, err)
    }
}

/// A consistent view of the vault.
pub struct Snapshot<'a> {
    transaction: Transaction<'a>,
    path: &'a Path,
}

impl Snapshot<'_> {
    /// The one header.
    ///
    /// # Errors
    /// When there is none or more than one.
    pub fn header(&self) -> Result<HeaderRow, StoreError> {
        let mut rows = self.rows(
            "SELECT id, vault_id, key_id, head_nonce, head FROM header",
            |row| {
                let header = HeaderRow {
                    vault: VaultId(row.get(1)?),
                    key_id: row.get(2)?,
                    head: Sealed {
                        nonce: row.get(3)?,
                        bytes: row.get(4)?,
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
    /// Whatever SQLite says.
    pub fn slots(&self) -> Result<Vec<SlotRow>, StoreError> {
        let sql = "SELECT slot_id, kind, scope_id, profile, salt, expires_at, commitment, nonce, sealed_key
                   FROM slot ORDER BY slot_id LIMIT 65";
        self.rows(sql, |row| {
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
                    bytes: row.get(8)?,
                },
            })
        })
    }

    /// All scopes, in the order of their ids.
    ///
    /// # Errors
    /// Whatever SQLite says.
    pub fn scopes(&self) -> Result<Vec<ScopeRow>, StoreError> {
        let sql = "SELECT scope_id, key_id, nonce, sealed, head_nonce, head FROM scope ORDER BY scope_id LIMIT 4097";
        self.rows(sql, |row| {
            Ok(ScopeRow {
                id: ScopeId(row.get(0)?),
                key_id: row.get(1)?,
                sealed: Sealed {
                    nonce: row.get(2)?,
                    bytes: row.get(3)?,
                },
                head: Sealed {
                    nonce: row.get(4)?,
                    bytes: row.get(5)?,
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

    /// The scopes that have records, whether or not they have a row of their own.
    ///
    /// # Errors
    /// Whatever SQLite says.
    pub fn scopes_of_records(&self) -> Result<Vec<ScopeId>, StoreError> {
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
                Some(id) => found.push(*after.insert(ScopeId(id))),
                None => return Ok(found),
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

    /// An [`StoreError::Altered`] about this file.
    pub fn altered(&self, what: impl Into<String>) -> StoreError {
        StoreError::Altered {
            path: self.path.to_owned(),
            what: what.into(),
        }
    }

    fn check_format(&self) -> Result<(), StoreError> {
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

    fn check_schema(&self) -> Result<(), StoreError> {
        let sql = "SELECT type, name, tbl_name, sql FROM sqlite_schema";
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

    fn failed(&self, err: rusqlite::Error) -> StoreError {
        StoreError::sqlite(self.path, err)
    }
}

/// A view that can be changed. Dropped without [`Change::commit`], it never happened.
pub struct Change<'a>(Snapshot<'a>);

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

    /// Makes the change durable. An error leaves open whether it is: the file has to be opened again and asked.
    ///
    /// # Errors
    /// Whatever SQLite says.
    pub fn commit(self) -> Result<(), StoreError> {
        let Snapshot { transaction, path } = self.0;
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

/// A file under a passing name, removed unless it was published.
struct Scratch(PathBuf);

impl Scratch {
    fn beside(path: &Path) -> Result<Self, StoreError> {
        let mut suffix = [0; 6];
        let failed = |source: std::io::Error| StoreError::Io {
            action: "make",
            path: path.to_owned(),
            source,
        };
        rand::rngs::SysRng
            .try_fill_bytes(&mut suffix)
            .map_err(|err| failed(std::io::Error::other(err)))?;
        let suffix: String = suffix.iter().map(|byte| format!("{byte:02x}")).collect();
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(format!(".new-{suffix}"));
        let scratch = path.with_file_name(name);
        // Closed before SQLite opens it: closing it later would drop SQLite's locks.
        drop(file::make_file(&scratch).map_err(failed)?);
        Ok(Self(scratch))
    }

    fn identity(&self) -> Result<FileIdentity, StoreError> {
        FileIdentity::of(&self.0).map_err(|source| StoreError::Io {
            action: "look at",
            path: self.0.clone(),
            source,
        })
    }

    fn publish(self, path: &Path) -> Result<(), StoreError> {
        let link = std::fs::hard_link(&self.0, path);
        match link {
            Ok(()) => {
                drop(self);
                file::sync_folder(path).map_err(|source| StoreError::Io {
                    action: "sync the folder of",
                    path: path.to_owned(),
                    source,
                })
            }
            Err(err) if err.kind() == std::io::ErrorKind::AlreadyExists => {
                Err(StoreError::Exists(path.to_owned()))
            }
            Err(source) => Err(StoreError::Io {
                action: "make",
                path: path.to_owned(),
                source,
            }),
        }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What cannot be removed is an unnamed vault that nobody uses.
        let _ = std::fs::remove_file(&self.0);
    }
}

fn record<'a>(row: &'a Row<'_>) -> rusqlite::Result<RecordRow<'a>> {
    let id = row.get_ref(0)?.as_blob()?;
    let key_id = KeyId::try_from(id).map_err(|err| {
        rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Blob, err.into())
    })?;
    Ok(RecordRow {
        key_id,
        name_tag: row.get(1)?,
        revision: unsigned(row, 2)?,
        nonce: row.get(3)?,
        sealed: row.get_ref(4)?.as_blob()?,
    })
}

/// SQLite's integers are signed; ours are bit patterns, so that no value of a hostile file is an overflow.
fn unsigned(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    Ok(row.get::<_, i64>(column)?.cast_unsigned())
}

fn signed(number: u64) -> i64 {
    number.cast_signed()
}

/// SQLite asks before each new try. A random wait of 0.5 to 5 ms, because equal waits collide again; 10 s at most.
fn wait_a_little(tries: i32) -> bool {
    thread_local! {
        static SINCE: Cell<Instant> = Cell::new(Instant::now());
    }
    if tries == 0 {
        SINCE.set(Instant::now());
    }
    if SINCE.get().elapsed() > Duration::from_secs(10) {
        return false;
    }
    let mut byte = [0];
    let jitter = rand::rngs::SysRng
        .try_fill_bytes(&mut byte)
        .map_or(128, |()| u64::from(byte[0]));
    thread::sleep(Duration::from_micros(500 + jitter * 4_500 / 255));
    true
}
