//! How the activity file is opened, and the tables that it has.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::config::DbConfig;
use rusqlite::limits::Limit;
use rusqlite::{Connection, ErrorCode, OpenFlags, Transaction, TransactionBehavior};

use super::{ActivityFile, LOG_PAGES, PATIENCE};
use crate::store::StoreError;
use crate::store::file::FileIdentity;

const FORMAT: i64 = 1;

/// Longest text or blob that is read, in bytes: sixteen times the longest event.
const LENGTH_LIMIT: i32 = 1 << 20;

/// `usage` answers per day, `total` per key (so that a list sums nothing), `event` one by one. Compared with what the file
/// says, text by text, before anything else of it is read or changed: it may be another program's, and a view in a table's
/// place need not end.
const SCHEMA: [(&str, &str, &str, &str); 5] = [
    (
        "table",
        "usage",
        "usage",
        "CREATE TABLE usage (
        key_id     BLOB NOT NULL,
        generation INTEGER NOT NULL,
        day        INTEGER NOT NULL,
        code       TEXT NOT NULL,
        count      INTEGER NOT NULL,
        last_at    INTEGER NOT NULL,
        PRIMARY KEY (key_id, generation, day, code)
    ) STRICT, WITHOUT ROWID",
    ),
    (
        "table",
        "total",
        "total",
        "CREATE TABLE total (
        key_id    BLOB NOT NULL PRIMARY KEY,
        requests  INTEGER NOT NULL,
        refused   INTEGER NOT NULL,
        last_used INTEGER
    ) STRICT, WITHOUT ROWID",
    ),
    (
        "table",
        "event",
        "event",
        "CREATE TABLE event (
        seq    INTEGER PRIMARY KEY CHECK (seq > 0),
        at     INTEGER NOT NULL,
        key_id BLOB NOT NULL,
        sealed BLOB NOT NULL
    ) STRICT",
    ),
    (
        "index",
        "event_by_key",
        "event",
        "CREATE INDEX event_by_key ON event (key_id, at)",
    ),
    (
        "index",
        "usage_by_day",
        "usage",
        "CREATE INDEX usage_by_day ON usage (day)",
    ),
];

impl ActivityFile {
    pub(super) fn connect(path: &Path) -> Result<Self, StoreError> {
        // Before it is opened: of a file that takes its place meanwhile it would never be found out later.
        let identity = FileIdentity::of(path).ok();
        let open = || -> rusqlite::Result<Connection> {
            let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
            let connection = Connection::open_with_flags(path, flags)?;
            connection.busy_timeout(PATIENCE)?;
            connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, LENGTH_LIMIT)?;
            connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
            connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
            // Else every short-lived process would copy the whole log back, with two syncs, when it ends.
            connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
            // For a process that stays; see `shorten_log`.
            connection.pragma_update(None, "wal_autocheckpoint", LOG_PAGES)?;
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

    /// Makes the tables, unless another process has by now.
    pub(super) fn make_schema(&self) -> Result<(), StoreError> {
        let transaction =
            Transaction::new_unchecked(&self.connection, TransactionBehavior::Immediate)
                .map_err(|err| self.failed(err))?;
        // Now that nobody else can be at it.
        if self.has_schema()? {
            return Ok(());
        }
        let make = || {
            for (.., sql) in SCHEMA {
                transaction.execute_batch(sql)?;
            }
            transaction.pragma_update(None, "user_version", FORMAT)
        };
        make()
            .and_then(|()| transaction.commit())
            .map_err(|err| self.failed(err))
    }

    /// Whether it has what is recorded in; not while another process is making it right now.
    pub(super) fn has_schema(&self) -> Result<bool, StoreError> {
        if self.pragma("application_id")? != 0 {
            return Err(StoreError::NotActivity(self.path.clone()));
        }
        let format = self.format()?;
        if ![0, FORMAT].contains(&format) {
            return Err(StoreError::Newer {
                path: self.path.clone(),
                format,
            });
        }
        let sql = "SELECT type, name, tbl_name, sql FROM sqlite_schema LIMIT 6";
        let mut found = self.rows(sql, [], |row| {
            let (kind, name): (String, String) = (row.get(0)?, row.get(1)?);
            let (table, sql): (String, Option<String>) = (row.get(2)?, row.get(3)?);
            Ok((kind, name, table, sql.unwrap_or_default()))
        })?;
        if found.is_empty() && format == 0 {
            return Ok(false);
        }
        // What has tables by now may have been made since: they and the format come in one transaction.
        let is_of_format = format == FORMAT || self.format()? == FORMAT;
        found.sort();
        let mut expected = SCHEMA.map(|(kind, name, table, sql)| {
            let [kind, name, table, sql] = [kind, name, table, sql].map(str::to_owned);
            (kind, name, table, sql)
        });
        expected.sort();
        if is_of_format && found == expected {
            Ok(true)
        } else {
            Err(self.altered("its tables are not those of an activity file".to_owned()))
        }
    }

    /// Switches to the write-ahead log. Two that do so with a new file at once are in each other's way, and SQLite lets
    /// neither wait for the other: it would be for ever.
    pub(super) fn use_log(&self) -> Result<(), StoreError> {
        let begun = Instant::now();
        loop {
            match self.connection.pragma_update(None, "journal_mode", "WAL") {
                Err(err)
                    if err.sqlite_error_code() == Some(ErrorCode::DatabaseBusy)
                        && begun.elapsed() < PATIENCE =>
                {
                    thread::sleep(Duration::from_millis(5));
                }
                switched => return switched.map_err(|err| self.failed(err)),
            }
        }
    }

    fn format(&self) -> Result<i64, StoreError> {
        self.pragma("user_version")
    }

    fn pragma(&self, name: &str) -> Result<i64, StoreError> {
        self.connection
            .pragma_query_value(None, name, |row| row.get(0))
            .map_err(|err| self.failed(err))
    }
}
