//! How the activity file is opened, and the tables that it has.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags, Transaction, TransactionBehavior};

use super::{ActivityFile, LOG_PAGES, PATIENCE};
use crate::store::StoreError;
use crate::store::file::FileIdentity;

const FORMAT: i64 = 1;

/// `usage` answers per day, `total` per key (so that a list sums nothing), `event` one by one.
const SCHEMA: &str = "
    CREATE TABLE usage (
        key_id     BLOB NOT NULL,
        generation INTEGER NOT NULL,
        day        INTEGER NOT NULL,
        code       TEXT NOT NULL,
        count      INTEGER NOT NULL,
        last_at    INTEGER NOT NULL,
        PRIMARY KEY (key_id, generation, day, code)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE total (
        key_id    BLOB NOT NULL PRIMARY KEY,
        requests  INTEGER NOT NULL,
        refused   INTEGER NOT NULL,
        last_used INTEGER
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE event (
        seq    INTEGER PRIMARY KEY CHECK (seq > 0),
        at     INTEGER NOT NULL,
        key_id BLOB NOT NULL,
        sealed BLOB NOT NULL
    ) STRICT;
    CREATE INDEX event_by_key ON event (key_id, at);
    CREATE INDEX usage_by_day ON usage (day);
    PRAGMA user_version = 1;";

impl ActivityFile {
    pub(super) fn connect(path: &Path) -> Result<Self, StoreError> {
        // Before it is opened: of a file that takes its place meanwhile it would never be found out later.
        let identity = FileIdentity::of(path).ok();
        let open = || -> rusqlite::Result<Connection> {
            let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
            let connection = Connection::open_with_flags(path, flags)?;
            connection.busy_timeout(PATIENCE)?;
            connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
            connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
            // Else every short-lived process would copy the whole log back, with two syncs, when it ends.
            connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
            // For a process that stays; see `shorten_log`.
            connection.pragma_update(None, "wal_autocheckpoint", LOG_PAGES)?;
            use_log(&connection)?;
            connection.pragma_update(None, "synchronous", "NORMAL")?;
            Ok(connection)
        };
        let connection = open().map_err(|err| StoreError::sqlite(path, err))?;
        Ok(Self {
            connection,
            path: path.to_owned(),
            identity,
        })
    }

    pub(super) fn prepare_schema(&self) -> Result<(), StoreError> {
        if self.has_schema()? {
            return Ok(());
        }
        let transaction =
            Transaction::new_unchecked(&self.connection, TransactionBehavior::Immediate)
                .map_err(|err| self.failed(err))?;
        // Again, now that nobody else can be at it.
        if self.has_schema()? {
            return Ok(());
        }
        transaction
            .execute_batch(SCHEMA)
            .and_then(|()| transaction.commit())
            .map_err(|err| self.failed(err))
    }

    /// Whether it has what is recorded in; not while another process is making it right now.
    pub(super) fn has_schema(&self) -> Result<bool, StoreError> {
        match self.format()? {
            0 => {}
            FORMAT => return Ok(true),
            format => {
                return Err(StoreError::Newer {
                    path: self.path.clone(),
                    format,
                });
            }
        }
        let tables = self.rows("SELECT count(*) FROM sqlite_schema", [], |row| {
            row.get::<_, u32>(0)
        })?;
        if tables == [0] {
            return Ok(false);
        }
        // It was made since: its tables and its format come in one transaction.
        if self.format()? == FORMAT {
            Ok(true)
        } else {
            Err(self.altered("it has tables and no format".to_owned()))
        }
    }

    fn format(&self) -> Result<i64, StoreError> {
        self.connection
            .pragma_query_value(None, "user_version", |row| row.get(0))
            .map_err(|err| self.failed(err))
    }
}

/// Switches to the write-ahead log. Two that do so with a new file at once are in each other's way, and SQLite lets neither
/// wait for the other: it would be for ever.
fn use_log(connection: &Connection) -> rusqlite::Result<()> {
    let begun = Instant::now();
    loop {
        match connection.pragma_update(None, "journal_mode", "WAL") {
            Err(err)
                if err.sqlite_error_code() == Some(ErrorCode::DatabaseBusy)
                    && begun.elapsed() < PATIENCE =>
            {
                thread::sleep(Duration::from_millis(5));
            }
            switched => return switched,
        }
    }
}
