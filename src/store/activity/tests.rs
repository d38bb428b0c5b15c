//! What is forgotten, and what a damaged file tells.

use super::*;

fn file() -> (tempfile::TempDir, ActivityFile) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = ActivityFile::open_or_create(&folder.path().join("activity.db"));
    (folder, file.expect("made"))
}

/// Ten events, one a day, of which the last is of now.
#[test]
fn events_are_forgotten_by_number_and_by_age_and_the_newest_never() {
    const DAY: i64 = 86_400;
    for (events, event_days, step, kept) in [
        (100, 100, 100, 10),
        (4, 100, 100, 4),
        (4, 100, 2, 8),
        (0, 100, 100, 1),
        // A whole number of days ago is not longer ago.
        (100, 3, 100, 4),
        (100, 0, 100, 1),
    ] {
        let (_folder, file) = file();
        let add = "INSERT INTO event VALUES (?1, ?2, x'00', x'00')";
        for number in 1..=10 {
            let added = file.connection.execute(add, [number, number * DAY]);
            added.expect("added");
        }
        let retention = Retention {
            usage_days: 400,
            event_days,
            events,
        };
        let now = Timestamp(10 * DAY);
        file.prune(retention, now, step).expect("pruned");
        let count = "SELECT count(*), max(seq) FROM event";
        let left = file.connection.query_row(count, [], |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?))
        });
        assert_eq!(
            left.expect("counted"),
            (kept, 10),
            "{events} {event_days} {step}"
        );
    }
}

#[test]
fn what_sqlite_finds_fault_with_is_told() {
    let (_folder, file) = file();
    file.check_pages().expect("whole");
    let other = Connection::open(&file.path).expect("opens");
    other
        .execute_batch(
            "CREATE TEMP TABLE kept AS SELECT sql FROM main.sqlite_schema WHERE name = 'total';
             DROP TABLE total;
             CREATE TABLE total (key_id BLOB NOT NULL PRIMARY KEY, requests INTEGER, refused INTEGER NOT NULL,
                                 last_used INTEGER) STRICT, WITHOUT ROWID;
             INSERT INTO total VALUES (x'00', NULL, 0, NULL);
             PRAGMA writable_schema = ON;
             UPDATE sqlite_schema SET sql = (SELECT sql FROM kept) WHERE name = 'total';",
        )
        .expect("edited");
    let anew = ActivityFile::open_existing(&file.path).expect("opens");
    let told = anew.expect("there").check_pages();
    assert!(matches!(told, Err(StoreError::Altered { .. })), "{told:?}");
}

/// It may be any file that a variable or a link leads to, and hostile: nothing of it is changed, and no view is read.
#[test]
fn what_has_other_tables_is_refused_and_left_as_it_is() {
    let endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT";
    let view = format!("DROP TABLE total; CREATE VIEW total AS {endless} i, i, i, i FROM n");
    for edit in [
        view.as_str(),
        "DROP INDEX event_by_key",
        "DROP TABLE event",
        "CREATE TABLE other (x)",
        "CREATE TRIGGER t AFTER INSERT ON event BEGIN DELETE FROM usage; END",
        "ALTER TABLE event ADD COLUMN more INTEGER",
        "PRAGMA user_version = 0",
    ] {
        let (_folder, file) = file();
        let path = file.path.clone();
        drop(file);
        let other = Connection::open(&path).expect("opens");
        // As another program's may be.
        let edited = format!("PRAGMA journal_mode = DELETE; {edit}");
        other.execute_batch(&edited).expect("edited");
        drop(other);
        let before = fs::read(&path).expect("there");
        for opened in [
            ActivityFile::open_existing(&path).map(|_| ()),
            ActivityFile::open_or_create(&path).map(|_| ()),
        ] {
            assert!(
                matches!(opened, Err(StoreError::Altered { .. })),
                "{edit}: {opened:?}"
            );
        }
        assert!(fs::read(&path).expect("there") == before, "{edit}");
    }
}

/// As the first uses of a vault do that come together.
#[test]
fn many_who_make_it_at_once_have_one_file() {
    for round in 0..40 {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("activity.db");
        let barrier = std::sync::Barrier::new(8);
        std::thread::scope(|threads| {
            for _ in 0..8 {
                threads.spawn(|| {
                    barrier.wait();
                    let file = ActivityFile::open_or_create(&path);
                    assert!(file.is_ok(), "round {round}: {:?}", file.err());
                });
            }
        });
    }
}

#[test]
fn what_cannot_be_made_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let told = ActivityFile::open_or_create(&folder.path().join("a".repeat(300)));
    let told = told.err().expect("too long a name");
    assert!(
        matches!(told, StoreError::Io { action: "make", .. }),
        "{told:?}"
    );
}
