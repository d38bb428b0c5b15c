//! The activity file: every statement of `activity.db`. Uses of keys go here, so that traffic never touches the vault.

mod schema;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, Row, Transaction, TransactionBehavior, params};

use super::StoreError;
use super::file::{FileIdentity, make_file, make_folder};
use crate::key::{KeyId, Timestamp};

/// Pages of 4 KiB that the write-ahead log may have before it is emptied.
const LOG_PAGES: u32 = 256;
const PAGE: u64 = 4096;

/// How long somebody else's change is waited for.
const PATIENCE: Duration = Duration::from_secs(5);

/// A day's count of one answer for one generation of a key.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct UsageRow {
    /// `None` for attempts with an id that no key has.
    pub key_id: Option<KeyId>,
    /// 0 when no generation's digest matched.
    pub generation: u32,
    /// Days since 1970-01-01, UTC.
    pub day: i64,
    pub code: String,
    pub count: u64,
    pub last_at: Timestamp,
}

/// All uses of one key.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct KeyTotal {
    /// All that came, whatever the answer.
    pub requests: u64,
    /// Those of them that were not let through.
    pub refused: u64,
    /// When one was last let through.
    pub last_used: Option<Timestamp>,
}

/// One use to be counted.
#[derive(Clone, Copy, Debug)]
pub struct Use<'a> {
    pub key_id: Option<KeyId>,
    pub generation: u32,
    pub code: &'a str,
    /// Whether it was let through.
    pub allowed: bool,
    pub at: Timestamp,
}

/// How much is kept.
#[derive(Clone, Copy, Debug)]
pub struct Retention {
    /// Days of daily counts.
    pub usage_days: u16,
    /// Days of events.
    pub event_days: u16,
    /// Most events, whatever their age.
    pub events: u64,
}

/// 400 days of counts, and 30 days of events, of which there are a million at most.
impl Default for Retention {
    fn default() -> Self {
        Self {
            usage_days: 400,
            event_days: 30,
            events: 1_000_000,
        }
    }
}

/// An open activity file.
pub struct ActivityFile {
    connection: Connection,
    path: PathBuf,
    /// Of what was opened; none where that could not be seen.
    identity: Option<FileIdentity>,
}

impl ActivityFile {
    /// Opens it for writing, and makes it (mode 0600) when it is not there.
    ///
    /// # Errors
    /// When it cannot be made, read or written, or a newer keywright made it.
    pub fn open_or_create(path: &Path) -> Result<Self, StoreError> {
        if let Some(folder) = path.parent() {
            make_folder(folder)?;
        }
        match make_file(path) {
            Ok(_) => {}
            Err(err) if err.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(source) => {
                return Err(StoreError::Io {
                    action: "make",
                    path: path.to_owned(),
                    source,
                });
            }
        }
        let file = Self::connect(path)?;
        let is_made = file.has_schema()?;
        file.use_log()?;
        if !is_made {
            file.make_schema()?;
        }
        Ok(file)
    }

    /// Opens it for reading; `None` when nothing was ever recorded.
    ///
    /// # Errors
    /// When it is there and cannot be read, or a newer keywright made it.
    pub fn open_existing(path: &Path) -> Result<Option<Self>, StoreError> {
        if !path.exists() {
            return Ok(None);
        }
        let file = Self::connect(path)?;
        if !file.has_schema()? {
            return Ok(None);
        }
        file.use_log()?;
        Ok(Some(file))
    }

    /// The file that is open, if the path still leads to it; else what is there now, opened or made.
    ///
    /// # Errors
    /// As [`ActivityFile::open_or_create`].
    pub fn at(path: &Path, open: Option<Self>) -> Result<Self, StoreError> {
        match open {
            Some(file) if file.is_in_place() => Ok(file),
            former => {
                // First, so that the files beside it are those of one at a time.
                drop(former);
                Self::open_or_create(path)
            }
        }
    }

    fn is_in_place(&self) -> bool {
        let now = FileIdentity::of(&self.path).ok();
        now.is_some() && now == self.identity
    }

    /// Records uses in one transaction, all of them or none: events, each with what seals it under the sequence number that
    /// it gets, and counts, each so often as it says. Of uses on one day a count's `at` is the last.
    ///
    /// # Errors
    /// Whatever SQLite or a seal says, and [`StoreError::Altered`] for numbers that cannot be; nothing is recorded then.
    pub fn record<'a, E, S>(
        &self,
        events: impl IntoIterator<Item = (KeyId, Timestamp, S)>,
        counted: impl IntoIterator<Item = (Use<'a>, u64)>,
    ) -> Result<(), E>
    where
        E: From<StoreError>,
        S: FnOnce(u64) -> Result<Vec<u8>, E>,
    {
        let failed = |err| self.failed(err);
        let transaction =
            Transaction::new_unchecked(&self.connection, TransactionBehavior::Immediate)
                .map_err(failed)?;
        // Where only counts are written, who writes them has to hear of numbers that cannot be, too.
        let mut newest = self.newest_event()?;
        for (key, at, seal) in events {
            newest = self.number_after(newest)?;
            let sealed = seal(newest)?;
            add_event(&transaction, (newest, at, key), &sealed).map_err(failed)?;
        }
        for (used, times) in counted {
            count(&transaction, used, times).map_err(failed)?;
        }
        transaction.commit().map_err(failed)?;
        Ok(())
    }

    /// Counts uses of which there are no events, likewise.
    ///
    /// # Errors
    /// As [`ActivityFile::record`]; nothing is counted then.
    pub fn record_counts<'a>(
        &self,
        counted: impl IntoIterator<Item = (Use<'a>, u64)>,
    ) -> Result<(), StoreError> {
        type Seal = fn(u64) -> Result<Vec<u8>, StoreError>;
        let none: [(KeyId, Timestamp, Seal); 0] = [];
        self.record(none, counted)
    }

    /// The totals of every key that was ever used.
    ///
    /// # Errors
    /// Whatever SQLite says.
    pub fn totals(&self) -> Result<Vec<(KeyId, KeyTotal)>, StoreError> {
        self.rows(
            "SELECT key_id, requests, refused, last_used FROM total WHERE length(key_id) = 12",
            [],
            |row| {
                let id: Vec<u8> = row.get(0)?;
                let total = key_total(row, 1)?;
                Ok(KeyId::try_from(&id[..]).ok().map(|id| (id, total)))
            },
        )
        .map(|rows| rows.into_iter().flatten().collect())
    }

    /// The total of one key.
    ///
    /// # Errors
    /// Whatever SQLite says.
    pub fn total(&self, key: KeyId) -> Result<KeyTotal, StoreError> {
        let sql = "SELECT requests, refused, last_used FROM total WHERE key_id = ?1";
        let found = self.rows(sql, [key.as_bytes()], |row| key_total(row, 0))?;
        Ok(found.first().copied().unwrap_or_default())
    }

    /// Goes through every page of the file, used or not.
    ///
    /// # Errors
    /// [`StoreError::Altered`] for the first that SQLite finds fault with.
    pub fn check_pages(&self) -> Result<(), StoreError> {
        let said = self
            .rows("PRAGMA integrity_check(1)", [], |row| {
                row.get::<_, String>(0)
            })?
            .pop();
        match said {
            Some(said) if said != "ok" => Err(self.altered(said)),
            _ => Ok(()),
        }
    }

    /// The daily counts from `first_day` on, of one key or of all, by key and day.
    ///
    /// # Errors
    /// Whatever SQLite says.
    pub fn usage(&self, key: Option<KeyId>, first_day: i64) -> Result<Vec<UsageRow>, StoreError> {
        let all = "SELECT key_id, generation, day, code, count, last_at FROM usage WHERE day >= ?1 ORDER BY key_id, day";
        let one = "SELECT key_id, generation, day, code, count, last_at FROM usage
                   WHERE key_id = ?2 AND day >= ?1 ORDER BY key_id, day";
        match key {
            None => self.rows(all, params![first_day], usage_row),
            Some(id) => self.rows(one, params![first_day, id.as_bytes()], usage_row),
        }
    }

    /// The first day that anything was counted on; `None` for none.
    ///
    /// # Errors
    /// Whatever SQLite says.
    pub fn first_day(&self) -> Result<Option<i64>, StoreError> {
        let days = self.rows("SELECT min(day) FROM usage", [], |row| row.get(0))?;
        Ok(days.into_iter().next().flatten())
    }

    /// Forgets a little of what is too old, at most `step` events and `step` counts: called after an answer, never before it.
    ///
    /// # Errors
    /// Whatever SQLite says, and [`StoreError::Altered`] for numbers that cannot be: what is too old is not known then,
    /// and nothing is forgotten.
    pub fn prune(&self, retention: Retention, now: Timestamp, step: u32) -> Result<(), StoreError> {
        let newest = self.newest_event()?;
        let prune = || -> rusqlite::Result<()> {
            let oldest: Option<(i64, i64)> = self
                .connection
                .query_row(
                    "SELECT seq, at FROM event ORDER BY seq LIMIT 1",
                    [],
                    |row| Ok((row.get(0)?, row.get(1)?)),
                )
                .optional()?;
            // Not above 2^53, so that nothing wraps.
            let forgotten = newest.saturating_sub(retention.events).cast_signed();
            let since = now
                .0
                .saturating_sub(i64::from(retention.event_days) * 86_400);
            if oldest.is_some_and(|(seq, at)| seq <= forgotten || at < since) {
                self.connection.execute(
                    "DELETE FROM event WHERE seq IN
                     (SELECT seq FROM event WHERE seq <= ?1 OR at < ?2 ORDER BY seq LIMIT ?3) AND seq < ?4",
                    params![forgotten, since, step, newest.cast_signed()],
                )?;
            }
            let first_day = now.day().saturating_sub(i64::from(retention.usage_days));
            self.connection.execute(
                "DELETE FROM usage WHERE (key_id, generation, day, code) IN
                 (SELECT key_id, generation, day, code FROM usage WHERE day < ?1 LIMIT ?2)",
                params![first_day, step],
            )?;
            Ok(())
        };
        prune().map_err(|err| self.failed(err))
    }

    /// Empties the write-ahead log once it is longer than [`LOG_PAGES`], unless somebody else is at it.
    ///
    /// A process that opens the file alone reads the whole log, and takes none of it for copied back: without this, every
    /// short-lived one would add to it and copy all of it back once more.
    ///
    /// # Errors
    /// Whatever SQLite says; nothing is lost then.
    pub fn shorten_log(&self) -> Result<(), StoreError> {
        let mut log = self.path.as_os_str().to_owned();
        log.push("-wal");
        let is_long = fs::metadata(log).is_ok_and(|log| log.len() > u64::from(LOG_PAGES) * PAGE);
        if !is_long {
            return Ok(());
        }
        let shorten = || {
            // Who reads or writes just now need not be waited for: another will shorten it.
            self.connection.busy_timeout(Duration::ZERO)?;
            let shortened =
                self.connection
                    .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
            self.connection.busy_timeout(PATIENCE)?;
            shortened
        };
        shorten().map_err(|err| self.failed(err))
    }

    pub(super) fn rows<T>(
        &self,
        sql: &str,
        params: impl rusqlite::Params,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, StoreError> {
        let rows = || {
            self.connection
                .prepare(sql)?
                .query_map(params, read)?
                .collect::<Result<_, _>>()
        };
        rows().map_err(|err| self.failed(err))
    }

    pub(super) fn failed(&self, err: rusqlite::Error) -> StoreError {
        match err {
            rusqlite::Error::IntegralValueOutOfRange(_, number) => {
                self.altered(format!("the number {number} cannot be in an activity file"))
            }
            err => StoreError::sqlite(&self.path, err),
        }
    }

    pub(super) fn altered(&self, what: String) -> StoreError {
        StoreError::Altered {
            path: self.path.clone(),
            what,
        }
    }
}

fn add_event(
    transaction: &Transaction<'_>,
    (sequence, at, key): (u64, Timestamp, KeyId),
    sealed: &[u8],
) -> rusqlite::Result<()> {
    transaction
        .prepare_cached("INSERT INTO event (seq, at, key_id, sealed) VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![
            sequence.cast_signed(),
            at.0,
            key.as_bytes(),
            sealed
        ])?;
    Ok(())
}

fn count(transaction: &Transaction<'_>, used: Use<'_>, times: u64) -> rusqlite::Result<()> {
    let id: &[u8] = used.key_id.as_ref().map_or(&[], |id| id.as_bytes());
    let times = times.cast_signed();
    transaction
        .prepare_cached(
            "INSERT INTO usage (key_id, generation, day, code, count, last_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT DO UPDATE SET count = count + excluded.count, last_at = max(last_at, excluded.last_at)",
        )?
        .execute(params![id, used.generation, used.at.day(), used.code, times, used.at.0])?;
    let refused = if used.allowed { 0 } else { times };
    transaction
        .prepare_cached(
            "INSERT INTO total (key_id, requests, refused, last_used) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT DO UPDATE SET requests = requests + excluded.requests, refused = refused + excluded.refused,
                                       last_used = coalesce(max(last_used, excluded.last_used), last_used, excluded.last_used)",
        )?
        .execute(params![id, times, refused, used.allowed.then_some(used.at.0)])?;
    Ok(())
}

fn key_total(row: &Row<'_>, first: usize) -> rusqlite::Result<KeyTotal> {
    Ok(KeyTotal {
        requests: row.get::<_, i64>(first)?.cast_unsigned(),
        refused: row.get::<_, i64>(first + 1)?.cast_unsigned(),
        last_used: row.get::<_, Option<i64>>(first + 2)?.map(Timestamp),
    })
}

fn usage_row(row: &Row<'_>) -> rusqlite::Result<UsageRow> {
    let id: Vec<u8> = row.get(0)?;
    Ok(UsageRow {
        key_id: KeyId::try_from(&id[..]).ok(),
        generation: row.get(1)?,
        day: row.get(2)?,
        code: row.get(3)?,
        count: row.get::<_, i64>(4)?.cast_unsigned(),
        last_at: Timestamp(row.get(5)?),
    })
}

#[cfg(test)]
mod tests;
