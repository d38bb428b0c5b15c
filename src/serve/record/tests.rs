//! The queue of uses, and what writes it.

use std::fs;

use super::*;
use crate::serve::fuzz::Made;

const NOTHING_SAID: RequestText<'_> = RequestText {
    method: None,
    path: None,
    client: None,
    id: None,
};

/// One that nobody writes for.
fn recording(is_required: bool) -> Recording {
    Recording {
        pending: Arc::default(),
        hasher: RandomState::new(),
        is_required,
    }
}

/// Each unlike the others, for it is of another second.
fn used(second: i64) -> RecordedUse {
    RecordedUse::of_no_key("unknown", Timestamp(second))
}

async fn add(recording: &Recording, seconds: std::ops::Range<i64>) {
    for second in seconds {
        assert!(recording.record(used(second), NOTHING_SAID).await);
    }
}

/// Whether the writer was called since this was asked last.
async fn is_called(recording: &Recording) -> bool {
    let called = recording.pending.ripe.notified();
    timeout(Duration::ZERO, called).await.is_ok()
}

/// Else a request would wait for ever for a writer that is no more.
#[tokio::test]
async fn whoever_waits_is_told_that_nobody_writes() {
    let pending = Pending::default();
    let told = pending.uses().told();
    let room = pending.taken.notified();
    pending.give_up();
    assert!(told.await.is_err());
    room.await;
    assert!(pending.uses().is_lost);
}

#[tokio::test]
async fn who_comes_when_nobody_writes_is_refused_where_it_has_to_be_recorded() {
    for is_required in [true, false] {
        let recording = recording(is_required);
        recording.pending.give_up();
        let is_allowed = recording.record(used(0), NOTHING_SAID).await;
        assert_eq!(is_allowed, !is_required);
    }
}

#[tokio::test]
async fn the_writer_is_called_for_the_first_and_when_a_batch_is_there() {
    let recording = recording(false);
    let batch = i64::try_from(BATCH).expect("few");
    assert!(!is_called(&recording).await);
    add(&recording, 0..1).await;
    assert!(is_called(&recording).await);
    // Another one, and one that is like the first.
    add(&recording, 1..2).await;
    add(&recording, 0..1).await;
    add(&recording, 2..batch - 1).await;
    assert!(!is_called(&recording).await);
    add(&recording, batch - 1..batch).await;
    assert!(is_called(&recording).await);
    let uses = recording.pending.take();
    assert_eq!(uses.events.len(), BATCH);
    assert_eq!(sum(&uses.events), batch.unsigned_abs() + 1);
}

/// Whoever guesses, or has a token that was revoked, could else push what others did out of the file, with a path for each.
#[tokio::test]
async fn refusals_of_a_second_are_one_event_whatever_was_asked() {
    for (code, events) in [
        ("wrong_secret", 1),
        ("revoked", 1),
        ("rotated", 1),
        ("expired", 1),
        ("undelivered", 1),
        ("rate_limited", 1),
        ("valid", 3),
        ("insufficient_permission", 3),
        ("wrong_project", 3),
        ("wrong_environment", 3),
    ] {
        let recording = recording(false);
        for path in ["/a", "/b", "/b?page=2", "/c"] {
            let asked = RequestText {
                path: Some(path),
                ..NOTHING_SAID
            };
            let used = RecordedUse::of_no_key(code, Timestamp(0));
            assert!(recording.record(used, asked).await);
        }
        let taken = recording.pending.take().events;
        assert_eq!((taken.len(), sum(&taken)), (events, 4), "{code}");
    }
}

/// Who comes waits for a writer a little, and then for none until it comes again; and what is kept has a limit.
#[tokio::test]
async fn a_writer_that_does_not_come_holds_nobody_up() {
    let recording = recording(false);
    let (batch, kept) = (i64::try_from(BATCH).expect("few"), 65_536);
    add(&recording, 0..batch).await;
    let stalled = || recording.pending.uses().is_stalled;
    assert!(!stalled());
    // Like one that is there already: needs no room.
    add(&recording, 0..1).await;
    assert!(!stalled());
    add(&recording, batch..batch + 1).await;
    assert!(stalled());
    add(&recording, batch + 1..kept).await;
    assert_eq!(recording.pending.uses().lost, 0);
    add(&recording, kept..kept + 2).await;
    let taken = recording.pending.take();
    assert_eq!((taken.events.len(), taken.lost), (65_536, 2));
    assert!(!stalled());
}

/// There is room for all who wait when the first of them finds that the writer does not come.
#[tokio::test]
async fn of_many_who_wait_in_vain_together_none_is_lost() {
    let recording = Arc::new(recording(false));
    let batch = i64::try_from(BATCH).expect("few");
    add(&recording, 0..batch).await;
    let mut waiting = tokio::task::JoinSet::new();
    for second in batch..batch + 100 {
        let recording = Arc::clone(&recording);
        waiting.spawn(async move { recording.record(used(second), NOTHING_SAID).await });
    }
    assert_eq!(waiting.join_all().await, [true; 100]);
    let taken = recording.pending.take();
    assert_eq!((taken.events.len(), taken.lost), (BATCH + 100, 0));
}

#[tokio::test]
async fn what_may_wait_is_gathered() {
    /// What it says at once; nothing where it waits.
    async fn gathered(recording: &Recording, is_retry: bool, is_required: bool) -> Option<bool> {
        let gathered = recording.pending.gathered(is_retry, is_required);
        timeout(Duration::ZERO, gathered).await.ok()
    }
    let recording = recording(false);
    let batch = i64::try_from(BATCH).expect("few");
    assert_eq!(gathered(&recording, false, true).await, None);
    add(&recording, 0..1).await;
    assert_eq!(gathered(&recording, false, false).await, None);
    // Somebody waits for it.
    assert_eq!(gathered(&recording, false, true).await, Some(true));
    let since = Instant::now();
    assert!(recording.pending.gathered(false, false).await);
    assert!(since.elapsed() >= PERIOD);
    add(&recording, 1..batch - 1).await;
    assert_eq!(gathered(&recording, false, false).await, None);
    add(&recording, batch - 1..batch).await;
    assert_eq!(gathered(&recording, false, false).await, Some(true));
    recording.pending.take();
    // What is left of the last time is tried again after a while.
    assert_eq!(gathered(&recording, true, false).await, None);
    recording.pending.uses().is_closed = true;
    assert_eq!(gathered(&recording, false, false).await, Some(false));
    recording.pending.take();
    assert_eq!(gathered(&recording, true, false).await, Some(false));
}

/// How many answers a writer says that it lost and recorded: it ends with three of them before it, and there was no room
/// for two.
async fn lost_and_recorded(writer: Writer) -> (u64, u64) {
    let pending = Arc::new(Pending::default());
    {
        let mut uses = pending.uses();
        for second in 0..3 {
            let told = used(i64::try_from(second).expect("small"));
            assert_eq!(uses.add(second, &told, NOTHING_SAID, 3), Some(true));
        }
        (uses.lost, uses.is_closed) = (2, true);
    }
    let metrics = Arc::clone(&writer.metrics);
    let lost = writer.run(pending).await;
    (lost, metrics.recorded.get())
}

#[tokio::test]
async fn a_writer_says_what_it_could_not_record() {
    let folder = || tempfile::tempdir().expect("a folder");
    let place = folder();
    let Made { writer, .. } = Made::new(place.path());
    assert_eq!(lost_and_recorded(writer).await, (2, 3));
    let place = folder();
    let Made { writer, .. } = Made::new(place.path());
    fs::remove_dir_all(&place).expect("removed");
    fs::write(&place, "in its place").expect("written");
    assert_eq!(lost_and_recorded(writer).await, (5, 0));
    fs::remove_file(&place).expect("removed");
    let place = folder();
    let Made { mut writer, .. } = Made::new(place.path());
    writer.clock = || panic!("as the test wants it");
    assert_eq!(lost_and_recorded(writer).await, (5, 0));
}

#[test]
fn the_oldest_are_given_up_where_there_are_too_many_and_all_at_the_end() {
    let mut waiting: Vec<RecordedUse> = (0..65_536).map(used).collect();
    assert_eq!(shed(&mut waiting, true), 0);
    waiting.extend([used(65_536), used(65_537)]);
    // Two answers in one event, of the oldest and of the newest.
    waiting[0].again();
    waiting[65_537].again();
    assert_eq!(shed(&mut waiting, true), 3);
    assert_eq!((waiting.len(), waiting[65_535].times()), (65_536, 2));
    assert_eq!(shed(&mut waiting, false), 65_537);
    assert!(waiting.is_empty());
}
