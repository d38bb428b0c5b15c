//! Reading single uses: newest first in pages, so that a file of a million events needs no more room than one of ten.

use std::iter;
use std::ops::RangeInclusive;

use rusqlite::{Row, params};

use super::StoreError;
use super::activity::ActivityFile;
use crate::key::{KeyId, Timestamp};

/// One use, sealed under its scope's activity key: nonce, then ciphertext.
#[derive(Clone, Debug)]
pub struct EventRow {
    pub sequence: u64,
    pub at: Timestamp,
    /// `None` for an id that no key can have.
    pub key_id: Option<KeyId>,
    pub sealed: Vec<u8>,
}

/// Highest sequence number: the last one that every reader of JSON holds exactly.
const LAST: u64 = 1 << 53;

impl ActivityFile {
    /// The sequence number of the newest event, at most 2^53; 0 when there is none.
    ///
    /// # Errors
    /// Whatever SQLite says, and [`StoreError::Altered`] when any event has a number that cannot be: what is read or
    /// numbered by it would be silently wrong.
    pub fn newest_event(&self) -> Result<u64, StoreError> {
        // Apart, so that each is one step in the table's tree.
        let sql = "SELECT (SELECT min(seq) FROM event), (SELECT max(seq) FROM event)";
        let ends = self.rows(sql, [], ends)?;
        Ok(ends.first().copied().flatten().map_or(0, |(_, high)| high))
    }

    /// The sequence number of the event after this one.
    pub(super) fn number_after(&self, newest: u64) -> Result<u64, StoreError> {
        let next = newest.checked_add(1).filter(|next| *next <= LAST);
        next.ok_or_else(|| self.altered(format!("no event can come after number {newest}")))
    }

    /// Lowest and highest sequence number of the events in a time; `None` when there is none. Between them may be
    /// others, where a clock was set.
    ///
    /// # Errors
    /// As [`ActivityFile::newest_event`].
    pub fn event_bounds(
        &self,
        times: &RangeInclusive<Timestamp>,
    ) -> Result<Option<(u64, u64)>, StoreError> {
        // The index has both columns, and is a tenth of the table.
        let sql = "SELECT min(seq), max(seq) FROM event INDEXED BY event_by_key WHERE at >= ?1 AND at <= ?2";
        let bounds = self.rows(sql, [times.start().0, times.end().0], ends)?;
        Ok(bounds.first().copied().flatten())
    }

    /// The newest `limit` events of a key, newest first.
    ///
    /// # Errors
    /// Whatever SQLite says, and [`StoreError::Altered`] for a number that cannot be.
    pub fn events(&self, key: KeyId, limit: u32) -> Result<Vec<EventRow>, StoreError> {
        let always = Timestamp(i64::MIN)..=Timestamp(i64::MAX);
        self.events_of(key, &always, (Timestamp(i64::MAX), u64::MAX >> 1), limit)
    }

    /// The newest `limit` events of a key in a time and before one of them, newest first.
    ///
    /// # Errors
    /// Whatever SQLite says, and [`StoreError::Altered`] for a number that cannot be.
    pub fn events_of(
        &self,
        key: KeyId,
        times: &RangeInclusive<Timestamp>,
        (at, sequence): (Timestamp, u64),
        limit: u32,
    ) -> Result<Vec<EventRow>, StoreError> {
        let sql = "SELECT seq, at, key_id, coalesce(substr(sealed, 1, 65536), x'') FROM event
                   WHERE key_id = ?1 AND at >= ?2 AND at <= ?3 AND (at, seq) < (?4, ?5)
                   ORDER BY at DESC, seq DESC LIMIT ?6";
        let (since, until) = (times.start().0, times.end().0);
        let before = (at.0, sequence.cast_signed());
        let params = params![key.as_bytes(), since, until, before.0, before.1, limit];
        let events = self.rows(sql, params, event_row)?;
        let places = events.iter().map(|event| (event.at, event.sequence));
        let descends = iter::once((at, sequence))
            .chain(places)
            .is_sorted_by(|a, b| a > b);
        self.in_order(descends, events)
    }

    /// The newest `limit` events from the sequence number `first` on and before another, newest first.
    ///
    /// # Errors
    /// Whatever SQLite says, and [`StoreError::Altered`] for a number that cannot be.
    pub fn events_before(
        &self,
        first: u64,
        before: u64,
        limit: u32,
    ) -> Result<Vec<EventRow>, StoreError> {
        let sql = "SELECT seq, at, key_id, coalesce(substr(sealed, 1, 65536), x'') FROM event
                   WHERE seq >= ?1 AND seq < ?2 ORDER BY seq DESC LIMIT ?3";
        let params = params![first.cast_signed(), before.cast_signed(), limit];
        let events = self.rows(sql, params, event_row)?;
        let numbers = events.iter().map(|event| event.sequence);
        let descends = iter::once(before).chain(numbers).is_sorted_by(|a, b| a > b);
        self.in_order(descends, events)
    }

    /// The oldest `limit` events after a sequence number, oldest first.
    ///
    /// # Errors
    /// Whatever SQLite says, and [`StoreError::Altered`] for a number that cannot be.
    pub fn events_after(&self, sequence: u64, limit: u32) -> Result<Vec<EventRow>, StoreError> {
        let sql = "SELECT seq, at, key_id, coalesce(substr(sealed, 1, 65536), x'') FROM event WHERE seq > ?1 ORDER BY seq LIMIT ?2";
        let events = self.rows(sql, params![sequence.cast_signed(), limit], event_row)?;
        let numbers = events.iter().map(|event| event.sequence);
        let ascends = iter::once(sequence)
            .chain(numbers)
            .is_sorted_by(|a, b| a < b);
        self.in_order(ascends, events)
    }

    /// Whoever reads on begins where these end: in a damaged file, whose order is another, that would have no end.
    fn in_order(&self, holds: bool, events: Vec<EventRow>) -> Result<Vec<EventRow>, StoreError> {
        if holds {
            Ok(events)
        } else {
            Err(self.altered("its events are not in the order of their numbers".to_owned()))
        }
    }
}

/// Lowest and highest number, where there are any.
fn ends(row: &Row<'_>) -> rusqlite::Result<Option<(u64, u64)>> {
    let (low, high): (Option<i64>, Option<i64>) = (row.get(0)?, row.get(1)?);
    let ends = low.zip(high);
    ends.map(|(low, high)| Ok((number(low)?, number(high)?)))
        .transpose()
}

/// A sequence number that can be.
fn number(stored: i64) -> rusqlite::Result<u64> {
    u64::try_from(stored)
        .ok()
        .filter(|number| (1..=LAST).contains(number))
        .ok_or(rusqlite::Error::IntegralValueOutOfRange(0, stored))
}

/// More than 64 KiB are never read: nothing as long as that was ever sealed, and cut off it does not open.
fn event_row(row: &Row<'_>) -> rusqlite::Result<EventRow> {
    let id: Vec<u8> = row.get(2)?;
    Ok(EventRow {
        sequence: number(row.get(0)?)?,
        at: Timestamp(row.get(1)?),
        key_id: KeyId::try_from(&id[..]).ok(),
        sealed: row.get(3)?,
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::key::KeyId;

    /// SQLite keeps numbers apart; who writes the file may write its pages.
    #[test]
    fn a_number_that_is_there_twice_has_no_order() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("activity.db");
        drop(ActivityFile::open_or_create(&path).expect("made"));
        let key: KeyId = "0123456789ab".parse().expect("an id");
        let db = rusqlite::Connection::open(&path).expect("opens");
        db.pragma_update(None, "journal_mode", "DELETE")
            .expect("one file");
        for number in [1, 2] {
            let add = "INSERT INTO event VALUES (?1, 10, ?2, x'00')";
            db.execute(add, params![number, key.as_bytes()])
                .expect("added");
        }
        let page = |name: &str| -> usize {
            let sql = "SELECT rootpage FROM sqlite_schema WHERE name = ?1";
            let page: u32 = db
                .query_row(sql, [name], |row| row.get(0))
                .expect("a table");
            (page as usize - 1) * 4096
        };
        let pages = ["event", "event_by_key"].map(page);
        drop(db);
        let always = Timestamp(i64::MIN)..=Timestamp(i64::MAX);
        let read = || {
            let file = ActivityFile::open_existing(&path).expect("opens");
            let file = file.expect("there");
            let end = (Timestamp(i64::MAX), i64::MAX.cast_unsigned());
            [
                file.events_of(key, &always, end, 9),
                file.events(key, 9),
                file.events_before(0, 9, 9),
                file.events_after(0, 9),
            ]
        };
        for events in read() {
            assert_eq!(events.expect("two").len(), 2);
        }
        let mut bytes = fs::read(&path).expect("there");
        // After the page's header of 8 bytes, where each of its two rows is: its length, and the table's its number.
        let row = |bytes: &[u8], page: usize, at: usize| {
            let place = &bytes[page + 8 + 2 * at..][..2];
            page + usize::from(u16::from_be_bytes([place[0], place[1]]))
        };
        let second = row(&bytes, pages[0], 1);
        assert_eq!(bytes[second + 1], 2);
        bytes[second + 1] = 1;
        // The index has the number at the end of a row, and none that is 1 but in the row's header.
        let (first, second) = (row(&bytes, pages[1], 0), row(&bytes, pages[1], 1));
        let length = usize::from(bytes[first]) + 1;
        let row = bytes[first..first + length].to_vec();
        bytes[second..second + length].copy_from_slice(&row);
        fs::write(&path, bytes).expect("edited");
        for events in read() {
            assert!(
                matches!(events, Err(StoreError::Altered { .. })),
                "{events:?}"
            );
        }
    }
}
