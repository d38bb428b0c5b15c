//! Recording many uses without the vault.

use std::fs;
use std::num::NonZeroU64;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use keywright::key::{KeyId, Timestamp};
use keywright::vault::{
    Checked, KeyUsage, RecordedUse, Recorder, RequestText, Requirements, Retention, StoreError,
    UseRequest, Vault, VaultError, Verifier,
};

use crate::audit::{activity, execute};
use crate::fixture::*;

/// As many as a service hands over at once.
const BATCH: usize = 4096;

/// A vault, what checks tokens of it, and what records that.
struct Service {
    place: Place,
    vault: Vault,
    verifier: Verifier,
    recorder: Recorder,
    tokens: Vec<String>,
}

impl Service {
    /// With so many issued keys, called `0` and on.
    fn new(keys: usize) -> Self {
        Self::at(Place::new(), keys)
    }

    fn at(place: Place, keys: usize) -> Self {
        let mut vault = place.create();
        let tokens = (0..keys).map(|at| issue_named(&mut vault, &at.to_string()));
        let tokens = tokens.collect();
        Self {
            verifier: Verifier::of(place.open()).expect("every key"),
            recorder: vault.recorder().expect("a recorder"),
            place,
            vault,
            tokens,
        }
    }

    fn check(&self, token: &str, now: Timestamp) -> Checked {
        let token = secret(token.as_bytes());
        let checked = self
            .verifier
            .check(token.as_slice(), &Requirements::default(), now);
        checked.expect("an answer")
    }

    fn used(&self, token: &str, now: Timestamp) -> RecordedUse {
        self.check(token, now).into_recorded(request("/v1"))
    }

    /// Good tokens of all keys in turn.
    fn uses(&self, count: usize, now: Timestamp) -> Vec<RecordedUse> {
        let tokens = self.tokens.iter().cycle().take(count);
        tokens.map(|token| self.used(token, now)).collect()
    }

    #[track_caller]
    fn write(&mut self, uses: &[RecordedUse]) {
        self.recorder.write(uses, &who()).expect("recorded");
    }

    fn usage(&mut self, text: &str) -> KeyUsage {
        // Another vault, so that nothing of it was read before.
        let mut vault = self.place.open();
        let found = find(&mut vault, text);
        vault.usage_of(&found, 0, u32::MAX).expect("what is known")
    }

    fn file(&self) -> PathBuf {
        activity(&self.place, &self.vault)
    }

    fn size(&self, ending: &str) -> u64 {
        let path = format!("{}{ending}", self.file().display());
        fs::metadata(path).map_or(0, |file| file.len())
    }

    /// Sums of the tables, and the rows of events.
    fn sums(&self) -> (i64, i64, i64) {
        let connection = rusqlite::Connection::open(self.file()).expect("an activity file");
        let sum = |sql: &str| {
            connection
                .query_row(sql, [], |row| row.get(0))
                .expect("a number")
        };
        (
            sum("SELECT coalesce(sum(count), 0) FROM usage"),
            sum("SELECT coalesce(sum(requests), 0) FROM total"),
            sum("SELECT count(*) FROM event"),
        )
    }
}

fn request(path: &str) -> Option<UseRequest> {
    UseRequest::new(RequestText {
        method: Some("GET"),
        path: Some(path),
        client: Some("203.0.113.7"),
        id: Some("4f1c"),
    })
}

fn later(seconds: i64) -> Timestamp {
    Timestamp(NOW.0 + seconds)
}

#[test]
fn what_is_recorded_in_a_batch_is_what_is_recorded_one_by_one() {
    let mut service = Service::new(2);
    let mut one_by_one = service.place.open();
    let (first, second) = (service.tokens[0].clone(), service.tokens[1].clone());
    let wrong = with_wrong_secret(&first);
    let strange = issue_named(&mut Place::new().create(), "ci");
    let presented = [&first, &wrong, &second, &strange, &first, "nonsense", ""];
    let each = || (0..).zip(presented);
    let uses: Vec<_> = each()
        .map(|(after, text)| service.check(text, later(after)).into_recorded(None))
        .collect();
    for (after, text) in each() {
        let text = secret(text.as_bytes());
        one_by_one
            .verify(&text, &Requirements::default(), true, &who(), later(after))
            .expect("answered");
    }
    let told = |service: &mut Service| {
        let strangers = service.place.open().usage_by_day(0).expect("days");
        let mut strangers: Vec<_> = strangers
            .strangers
            .into_iter()
            .map(|count| (count.code, count.count, count.last_at))
            .collect();
        strangers.sort();
        ["0", "1"].map(|name| {
            let usage = service.usage(name);
            (usage.total, usage.counts, usage.events, strangers.clone())
        })
    };
    let expected = told(&mut service);
    fs::remove_file(service.file()).expect("removed");
    for side in ["-wal", "-shm"] {
        let _ = fs::remove_file(format!("{}{side}", service.file().display()));
    }
    service.write(&uses);
    assert_eq!(told(&mut service), expected);
    assert_eq!(expected[0].2.len(), 3);
    assert_eq!(expected[0].3.len(), 3);
}

#[test]
fn an_event_keeps_its_request_and_the_access_token() {
    let mut service = Service::new(1);
    let uses = [
        service.used(&service.tokens[0].clone(), NOW),
        service
            .check(&service.tokens[0], later(1))
            .into_recorded(None),
    ];
    service.write(&uses);
    let events = service.usage("0").events;
    assert_eq!(events[0].1.request, None);
    assert_eq!(events[1].1.request, request("/v1"));
    assert_eq!(
        (events[1].0, events[1].1.access.as_ref()),
        (NOW, None),
        "the owner opened the vault"
    );
}

#[test]
fn many_uses_are_counted_exactly() {
    let mut service = Service::new(7);
    let wrong = with_wrong_secret(&service.tokens[3]);
    let mut uses = service.uses(19_990, NOW);
    uses.extend((0..10).map(|_| service.used(&wrong, later(86_400))));
    for batch in uses.chunks(BATCH) {
        service.write(batch);
    }
    assert_eq!(service.sums(), (20_000, 20_000, 20_000));
    let usage = service.usage("3");
    let counts: Vec<_> = usage
        .counts
        .iter()
        .map(|count| (count.day - NOW.day(), count.code.as_str(), count.count))
        .collect();
    assert_eq!(counts, [(0, "valid", 2_856), (1, "wrong_secret", 10)]);
    assert_eq!((usage.total.requests, usage.total.refused), (2_866, 10));
    assert_eq!(usage.total.last_used, Some(NOW));
    // Every event opens under its own number.
    assert_eq!(usage.events.len(), 2_866);
}

#[test]
fn two_recorders_count_exactly() {
    let service = Service::new(3);
    let uses = service.uses(2_000, NOW);
    thread::scope(|threads| {
        for _ in 0..2 {
            let mut recorder = service.vault.recorder().expect("a recorder");
            let uses = &uses;
            threads.spawn(move || {
                for batch in uses.chunks(100) {
                    recorder.write(batch, &who()).expect("recorded");
                    recorder.prune(NOW);
                }
            });
        }
    });
    assert_eq!(service.sums(), (4_000, 4_000, 4_000));
}

#[test]
fn a_batch_that_fails_leaves_nothing_and_can_be_given_again() {
    let mut service = Service::new(2);
    let before = service.uses(3, NOW);
    service.write(&before);
    let batch = service.uses(100, NOW);
    // The last of the counts is refused, after all events and other counts were written.
    let refuse = "CREATE TRIGGER no BEFORE UPDATE ON total WHEN new.requests > 20
                  BEGIN SELECT raise(ABORT, 'no'); END;";
    execute(&service.file(), refuse);
    for _ in 0..2 {
        let err = refused(service.recorder.write(&batch, &who()));
        assert!(matches!(err, VaultError::Activity(_)), "{err:?}");
        assert_eq!(service.sums(), (3, 3, 3));
    }
    execute(&service.file(), "DROP TRIGGER no");
    service.write(&batch);
    assert_eq!(service.sums(), (103, 103, 103));
}

#[test]
fn a_file_that_is_locked_is_waited_for_and_then_an_error() {
    let mut service = Service::new(1);
    let batch = service.uses(2, NOW);
    service.write(&batch);
    let other = rusqlite::Connection::open(service.file()).expect("opened");
    other.execute_batch("BEGIN IMMEDIATE").expect("locked");
    let err = refused(service.recorder.write(&batch, &who()));
    assert!(
        matches!(err, VaultError::Activity(StoreError::Busy(_))),
        "{err:?}"
    );
    other.execute_batch("ROLLBACK").expect("unlocked");
    service.write(&batch);
    assert_eq!(service.sums(), (4, 4, 4));
}

#[test]
fn a_file_that_was_moved_away_or_replaced_is_noticed() {
    let mut service = Service::new(1);
    let batch = service.uses(5, NOW);
    service.write(&batch);
    let aside = service.place.folder().join("aside.db");
    // With what is beside it left behind.
    fs::rename(service.file(), &aside).expect("moved");
    service.write(&batch);
    assert_eq!(service.sums(), (5, 5, 5));
    assert_eq!(
        fs::metadata(service.file())
            .expect("made")
            .permissions()
            .mode()
            & 0o777,
        0o600
    );
    service.write(&batch);
    assert_eq!(service.sums(), (10, 10, 10));
    // Another takes its place.
    let other = service.place.folder().join("other.db");
    execute(&service.file(), "PRAGMA wal_checkpoint(TRUNCATE)");
    copy(&service.file(), &other);
    service.write(&batch);
    fs::rename(&other, service.file()).expect("replaced");
    for side in ["-wal", "-shm"] {
        let _ = fs::remove_file(format!("{}{side}", service.file().display()));
    }
    service.write(&batch);
    assert_eq!(service.sums(), (15, 15, 15));
    // The folder is gone with it.
    let folder = service.file();
    fs::remove_dir_all(folder.parent().expect("a folder")).expect("removed");
    service.write(&batch);
    assert_eq!(service.sums(), (5, 5, 5));
}

#[test]
fn a_vault_notices_it_too() {
    let place = Place::new();
    let mut vault = place.create();
    set(&mut vault, "openai", "sk-1");
    get(&mut vault, "openai");
    fs::remove_file(activity(&place, &vault)).expect("removed");
    get(&mut vault, "openai");
    assert!(vault.take_warnings().is_empty());
    let openai = find(&mut place.open(), "openai");
    assert_eq!(openai.total.requests, 1);
}

#[test]
fn an_altered_file_is_an_error_each_time_and_its_successor_is_not() {
    let garbage = |file: &PathBuf| {
        execute(file, "PRAGMA wal_checkpoint(TRUNCATE)");
        fs::write(file, "no database at all".repeat(1000))
    };
    let alter = |sql: &'static str| {
        move |file: &PathBuf| -> std::io::Result<()> {
            execute(
                file,
                &format!("PRAGMA ignore_check_constraints = ON; {sql}"),
            );
            Ok(())
        }
    };
    type Alteration = Box<dyn Fn(&PathBuf) -> std::io::Result<()>>;
    let alterations: [Alteration; 4] = [
        Box::new(garbage),
        Box::new(alter("UPDATE event SET seq = -seq")),
        Box::new(alter("DROP TABLE event")),
        Box::new(alter(
            "UPDATE event SET seq = 9007199254740991 WHERE seq = (SELECT max(seq) FROM event)",
        )),
    ];
    for (number, alteration) in alterations.iter().enumerate() {
        let mut service = Service::new(1);
        let batch = service.uses(3, NOW);
        service.write(&batch);
        alteration(&service.file()).expect("altered");
        for _ in 0..3 {
            let err = refused(service.recorder.write(&batch, &who()));
            let VaultError::Activity(source) = &err else {
                panic!("{number}: {err:?}");
            };
            let source = source.to_string();
            assert!(source.contains("activity.db"), "{number}: {source}");
            service.recorder.prune(NOW);
        }
        for ending in ["", "-wal", "-shm"] {
            let _ = fs::remove_file(format!("{}{ending}", service.file().display()));
        }
        service.write(&batch);
        assert_eq!(service.sums(), (3, 3, 3), "{number}");
    }
}

#[test]
fn what_cannot_be_made_is_told_before_anything_is_recorded() {
    let mut place = Place::new();
    let blocked = place.folder().join("blocked");
    place.location.activity = Some(blocked.join("activity.db"));
    fs::write(&blocked, "a file where a folder should be").expect("written");
    let mut service = Service::at(place, 1);
    let err = refused(service.recorder.check());
    assert!(matches!(err, VaultError::Activity(_)), "{err:?}");
    let batch = service.uses(3, NOW);
    assert!(service.recorder.write(&batch, &who()).is_err());
    fs::remove_file(&blocked).expect("removed");
    service.recorder.check().expect("made");
    service.write(&batch);
    assert_eq!(service.usage("0").total.requests, 3);
    service.recorder.write(&[], &who()).expect("nothing");
}

#[test]
fn pruning_keeps_up_with_batches() {
    let mut place = Place::new();
    place.location.retention = Retention {
        usage_days: 5,
        event_days: 2,
        events: 1_000,
    };
    let mut service = Service::at(place, 1);
    for round in 0..8 {
        let batch = service.uses(2_000, later(round));
        service.write(&batch);
        service.recorder.prune(later(round));
        let (counted, _, kept) = service.sums();
        assert_eq!(counted, 2_000 * (round + 1));
        assert!(kept <= 1_000, "{kept} events after round {round}");
    }
    // One that was too long before grows shorter under traffic.
    let batch = service.uses(9_000, later(9));
    service.write(&batch);
    service.recorder = service.vault.recorder().expect("a recorder");
    let mut before = service.sums().2;
    for _ in 0..20 {
        let batch = service.uses(300, later(10));
        service.write(&batch);
        service.recorder.prune(later(10));
        let kept = service.sums().2;
        assert!(kept < before, "{kept} events after {before}");
        before = kept;
        if kept == 1_000 {
            return;
        }
        assert!(kept > 1_000);
    }
    panic!("{before} events are left");
}

#[test]
fn the_log_stays_short_however_many_batches_there_are() {
    let mut service = Service::new(20);
    let mut longest = 0;
    for round in 0..200 {
        let batch = service.uses(200, later(round));
        service.write(&batch);
        service.recorder.prune(later(round));
        longest = longest.max(service.size("-wal"));
    }
    assert!(longest < 3 << 20, "{longest} bytes");
    assert_eq!(service.sums(), (40_000, 40_000, 40_000));
}

/// Somebody who reads for a while keeps the log from being emptied, and it is shortened once they have gone.
#[test]
fn the_log_is_shortened_after_a_long_reader() {
    let mut service = Service::new(20);
    let batch = service.uses(500, NOW);
    service.write(&batch);
    let reader = rusqlite::Connection::open(service.file()).expect("opened");
    reader
        .execute_batch("BEGIN; SELECT count(*) FROM event;")
        .expect("reads");
    for _ in 0..20 {
        service.write(&batch);
        service.recorder.prune(NOW);
    }
    assert!(service.size("-wal") > 1 << 20, "the reader was in its way");
    drop(reader);
    service.write(&batch);
    service.recorder.prune(NOW);
    assert!(service.size("-wal") < 1 << 20);
    assert_eq!(service.sums().2, 11_000);
}

/// `cargo test --release --features test-kdf --test vault -- --ignored --nocapture how_fast`
#[test]
#[expect(clippy::print_stdout, reason = "it is to be read")]
#[ignore = "it measures"]
fn how_fast_batches_are_recorded() {
    for keys in [1, 100, 4096] {
        let mut service = Service::new(keys);
        let ids: std::collections::HashSet<KeyId> = service
            .tokens
            .iter()
            .filter_map(|token| service.check(token, NOW).verdict.key.map(|key| key.id()))
            .collect();
        let batches: Vec<_> = (0..25).map(|at| service.uses(BATCH, later(at))).collect();
        let (mut writing, mut pruning) = (Duration::ZERO, Duration::ZERO);
        for (at, batch) in (0..).zip(&batches) {
            let begun = Instant::now();
            service.write(batch);
            writing += begun.elapsed();
            let begun = Instant::now();
            service.recorder.prune(later(at));
            pruning += begun.elapsed();
        }
        let each = |time: Duration| time.as_nanos() / (25 * BATCH as u128);
        let (writing, pruning) = (each(writing), each(pruning));
        println!(
            "{} keys: {writing} ns to write an event, {pruning} ns to prune",
            ids.len()
        );
    }
}

#[test]
fn uses_that_are_alike_are_one_event_with_their_number() {
    let mut service = Service::new(1);
    let token = service.tokens[0].clone();
    let once = service.used(&token, NOW);
    let mut thrice = service.used(&token, NOW).with_request(None);
    thrice.again();
    thrice.again();
    service.write(&[once, thrice]);
    let usage = service.usage("0");
    let told = usage.events.iter().map(|(_, event)| event);
    let told: Vec<_> = told
        .map(|event| (event.times, event.times(), event.request.is_some()))
        .collect();
    assert_eq!(told, [(NonZeroU64::new(3), 3, false), (None, 1, true)]);
    assert_eq!(service.sums(), (4, 4, 2));
}
