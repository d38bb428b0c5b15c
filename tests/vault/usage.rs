//! Counting uses.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;

use keywright::key::{Key, Span, Timestamp};
use keywright::vault::{
    KeyUsage, Requirements, Retention, SinceRotation, Tally, UsageCount, Vault, VaultError,
};

use crate::fixture::*;

fn verify(vault: &mut Vault, token: &str, now: Timestamp) -> Result<(), VaultError> {
    vault
        .verify(
            &secret(token.as_bytes()),
            &Requirements::default(),
            true,
            &who(),
            now,
        )
        .map(drop)
}

/// Code and count of every row of the activity file, with whether it belongs to a key.
fn rows(place: &Place, vault: &Vault) -> BTreeMap<(String, bool), i64> {
    let path = place
        .location
        .state
        .join(vault.id().to_string())
        .join("activity.db");
    let connection = rusqlite::Connection::open(path).expect("an activity file");
    let mut statement = connection
        .prepare("SELECT code, length(key_id) > 0, sum(count) FROM usage GROUP BY 1, 2")
        .expect("its tables");
    let rows = statement
        .query_map([], |row| Ok(((row.get(0)?, row.get(1)?), row.get(2)?)))
        .expect("its rows");
    rows.collect::<Result<_, _>>().expect("its rows")
}

#[test]
fn every_use_is_counted_under_its_answer() {
    let place = Place::new();
    let mut vault = place.create();
    let token = issue_named(&mut vault, "ci");
    set(&mut vault, "openai", "sk-1");
    let strange = issue_named(&mut Place::new().create(), "ci");
    let wrong = with_wrong_secret(&token);
    let presented = [&token, &token, &wrong, &strange, &token, "nonsense", ""];
    for (after, text) in (0..).zip(presented) {
        verify(&mut vault, text, Timestamp(NOW.0 + after)).expect("answered");
    }
    get(&mut vault, "openai");
    // Not asked to record: not recorded.
    check(&mut vault, &token, NOW);

    let expected = [
        (("get", true), 1),
        (("malformed", false), 1),
        (("missing", false), 1),
        (("unknown", false), 1),
        (("valid", true), 3),
        (("wrong_secret", true), 1),
    ];
    let expected: BTreeMap<_, _> = expected
        .into_iter()
        .map(|((code, known), count)| ((code.to_owned(), known), count))
        .collect();
    assert_eq!(rows(&place, &vault), expected);

    let found = find(&mut vault, "ci");
    assert_eq!((found.total.requests, found.total.refused), (4, 1));
    assert_eq!(found.total.last_used, Some(Timestamp(NOW.0 + 4)));
    let usage = vault
        .usage_of(&found, NOW.day(), 10)
        .expect("what is known");
    assert_eq!(usage.total, found.total);
    let events: Vec<_> = usage
        .events
        .iter()
        .map(|(at, event)| (at.0 - NOW.0, event.code.as_str(), event.generation))
        .collect();
    assert_eq!(
        events,
        [
            (4, "valid", 1),
            (2, "wrong_secret", 0),
            (1, "valid", 1),
            (0, "valid", 1)
        ]
    );
    let few = vault.usage_of(&found, NOW.day() + 1, 2).expect("less");
    assert_eq!((few.counts.len(), few.events.len()), (0, 2));
    let by_day = vault.usage_by_day(NOW.day()).expect("days");
    assert_eq!(by_day.keys.len(), 2);
    let mut strangers: Vec<_> = by_day
        .strangers
        .iter()
        .map(|row| row.code.as_str())
        .collect();
    strangers.sort_unstable();
    assert_eq!(strangers, ["malformed", "missing", "unknown"]);
    let tally = Tally::of(&by_day.keys[&found.id]);
    assert_eq!(
        (tally.requests, tally.refused, tally.wrong_secret),
        (4, 1, 1)
    );
    assert_eq!(tally.last_used, Some(Timestamp(NOW.0 + 4)));
    assert_eq!(tally.last_wrong_secret, Some(Timestamp(NOW.0 + 2)));
    assert!(vault.take_warnings().is_empty());
}

#[test]
fn days_and_generations_are_counted_apart() {
    let place = Place::new();
    let mut vault = place.create();
    let old = issue_named(&mut vault, "ci");
    let young = rotate(&mut vault, "ci", overlap(DAY), NOW);
    let tomorrow = NOW.after(DAY);
    for (token, at) in [
        (&old, NOW),
        (&young, NOW),
        (&young, tomorrow),
        (&old, tomorrow),
    ] {
        verify(&mut vault, token, at).expect("answered");
    }
    let found = find(&mut vault, "ci");
    let usage = vault.usage_of(&found, 0, 0).expect("what is known");
    let mut counts: Vec<_> = usage
        .counts
        .iter()
        .map(|row| {
            (
                row.day - NOW.day(),
                row.generation,
                row.code.as_str(),
                row.count,
            )
        })
        .collect();
    counts.sort_unstable();
    assert_eq!(
        counts,
        [
            (0, 1, "valid", 1),
            (0, 2, "valid", 1),
            (1, 1, "rotated", 1),
            (1, 2, "valid", 1)
        ]
    );
}

/// Uses of the first generation, in seconds from its rotation.
fn uses_around_rotation(uses: &[i64], events: u32) -> (Key, KeyUsage) {
    let place = Place::new();
    let mut vault = place.create();
    let old = issue_named(&mut vault, "ci");
    let at = |after: i64| Timestamp(NOW.0 + after);
    let before = uses.iter().filter(|after| **after < 0);
    for after in before {
        verify(&mut vault, &old, at(*after)).expect("answered");
    }
    let young = rotate(&mut vault, "ci", overlap(Span::days(30)), NOW);
    for after in uses.iter().filter(|after| **after >= 0) {
        verify(&mut vault, &old, at(*after)).expect("answered");
        // What the successor is used for is no use of the old one.
        for _ in 0..2 {
            verify(&mut vault, &young, at(*after)).expect("answered");
        }
    }
    let found = find(&mut vault, "ci");
    let usage = vault.usage_of(&found, 0, events).expect("what is known");
    let later = uses.iter().filter(|after| **after >= 0).count();
    let requests = [1, 2].map(|number| usage.of_generation(number).requests);
    assert_eq!(requests, [uses.len() as u64, 2 * later as u64]);
    (found.key, usage)
}

/// What is said of them.
fn since_rotation(uses: &[i64], events: u32) -> SinceRotation {
    let (key, usage) = uses_around_rotation(uses, events);
    assert_eq!(usage.since_rotation(&key, 2), None);
    usage.since_rotation(&key, 1).expect("it was rotated")
}

/// 08:00 in the morning, so that 16 hours later it is tomorrow.
#[test]
fn an_old_token_is_used_or_not_since_its_rotation() {
    const HOUR: i64 = 3_600;
    let since = |requests, is_exact, last: Option<i64>| SinceRotation {
        requests,
        is_exact,
        last_used: last.map(|after| Timestamp(NOW.0 + after)),
    };
    let all = KeyUsage::EVENTS;
    assert_eq!(since_rotation(&[], all), since(0, true, None));
    // Earlier that day is not since.
    assert_eq!(since_rotation(&[-HOUR, -1], all), since(0, true, None));
    assert_eq!(since_rotation(&[-HOUR, 0], all), since(1, true, Some(0)));
    assert_eq!(
        since_rotation(&[-HOUR, HOUR, 2 * HOUR], all),
        since(2, true, Some(2 * HOUR))
    );
    assert_eq!(
        since_rotation(&[-HOUR, HOUR, 20 * HOUR, 48 * HOUR], all),
        since(3, true, Some(48 * HOUR))
    );
    // Where no event tells how many of that day's were later, one was.
    assert_eq!(
        since_rotation(&[-HOUR, HOUR, 2 * HOUR, 20 * HOUR], 2),
        since(2, false, Some(20 * HOUR))
    );
    // Events that do not reach back before the rotation, or to its second and not before, may not be all.
    assert_eq!(
        since_rotation(&[-HOUR, HOUR, 2 * HOUR], 3),
        since(1, false, Some(2 * HOUR))
    );
    assert_eq!(
        since_rotation(&[-HOUR, 0, 0, HOUR], 6),
        since(2, false, Some(HOUR))
    );
    assert_eq!(
        since_rotation(&[HOUR, 2 * HOUR], 0),
        since(1, false, Some(2 * HOUR))
    );
    assert_eq!(
        since_rotation(&[-HOUR, 20 * HOUR], 0),
        since(1, true, Some(20 * HOUR))
    );
    // Nor are events all that reach back and do not tell of what was counted: some of them do not open.
    let (key, mut usage) = uses_around_rotation(&[-HOUR, HOUR, 2 * HOUR], all);
    usage.events.retain(|(at, _)| *at < NOW);
    let told = usage.since_rotation(&key, 1).expect("it was rotated");
    assert_eq!(told, since(1, false, Some(2 * HOUR)));
}

#[test]
fn sums_of_an_altered_file_do_not_overflow() {
    let count = |count| UsageCount {
        generation: 1,
        day: i64::MAX,
        code: "wrong_secret".to_owned(),
        count,
        last_at: Timestamp(i64::MAX),
    };
    let tally = Tally::of(&[count(u64::MAX), count(1)]);
    assert_eq!(
        (tally.requests, tally.refused, tally.wrong_secret),
        (u64::MAX, u64::MAX, u64::MAX)
    );
}

#[test]
fn nothing_was_used_before_the_first_use() {
    let place = Place::new();
    let mut vault = place.create();
    issue_named(&mut vault, "ci");
    let found = find(&mut vault, "ci");
    assert_eq!(found.total.requests, 0);
    let usage = vault.usage_of(&found, 0, 10).expect("nothing");
    assert!(usage.counts.is_empty() && usage.events.is_empty());
    let all = vault.usage_by_day(0).expect("nothing");
    assert!(all.keys.is_empty() && all.strangers.is_empty());
    vault.prune_activity(NOW);
    let state = place.location.state.join(vault.id().to_string());
    assert!(!state.join("activity.db").exists());
}

#[test]
fn a_use_that_cannot_be_recorded_is_a_warning_or_refused() {
    for required in [false, true] {
        let mut place = Place::new();
        let blocked = place.folder().join("blocked");
        fs::write(&blocked, "a file where a folder should be").expect("written");
        place.location.activity = Some(blocked.join("activity.db"));
        place.location.audit_required = required;
        let mut vault = place.create();
        let token = issue_named(&mut vault, "ci");
        let outcome = verify(&mut vault, &token, NOW);
        if required {
            assert!(matches!(refused(outcome), VaultError::NotRecorded(_)));
        } else {
            outcome.expect("answered all the same");
            let warnings = vault.take_warnings();
            assert!(
                warnings.iter().any(|text| text.contains("not recorded")),
                "{warnings:?}"
            );
            assert!(vault.take_warnings().is_empty());
        }
    }
}

#[test]
fn the_activity_file_can_be_elsewhere_and_is_private() {
    let mut place = Place::new();
    let path = place.folder().join("shared/activity.db");
    place.location.activity = Some(path.clone());
    let mut vault = place.create();
    let token = issue_named(&mut vault, "ci");
    verify(&mut vault, &token, NOW).expect("answered");
    let mode =
        |path: &std::path::Path| fs::metadata(path).expect("made").permissions().mode() & 0o777;
    assert_eq!(mode(&path), 0o600);
    assert_eq!(mode(path.parent().expect("a folder")), 0o700);
    assert_eq!(find(&mut vault, "ci").total.requests, 1);
}

#[test]
fn what_is_too_old_is_forgotten_in_steps() {
    let mut place = Place::new();
    place.location.retention = Retention {
        usage_days: 5,
        event_days: 2,
        events: 3,
    };
    let mut vault = place.create();
    let token = issue_named(&mut vault, "ci");
    let days = |count: i64| Timestamp(NOW.0 + count * 86_400);
    for day in 0..10 {
        verify(&mut vault, &token, days(day)).expect("answered");
    }
    vault.prune_activity(days(9));
    let found = find(&mut vault, "ci");
    let usage = vault.usage_of(&found, 0, 100).expect("what is left");
    let kept: Vec<i64> = usage.counts.iter().map(|row| row.day - NOW.day()).collect();
    assert_eq!(kept, [4, 5, 6, 7, 8, 9]);
    assert_eq!(usage.events.len(), 3);
    // What was counted in all stays.
    assert_eq!(usage.total.requests, 10);
    // The newest event stays whatever its age, so that no sequence number comes twice.
    vault.prune_activity(days(1000));
    let usage = vault.usage_of(&found, 0, 100).expect("what is left");
    assert_eq!(usage.events.len(), 1);
}

#[test]
fn an_event_that_was_altered_is_left_out() {
    let place = Place::new();
    let mut vault = place.create();
    let token = issue_named(&mut vault, "ci");
    for _ in 0..3 {
        verify(&mut vault, &token, NOW).expect("answered");
    }
    let found = find(&mut vault, "ci");
    let path = place
        .location
        .state
        .join(vault.id().to_string())
        .join("activity.db");
    let connection = rusqlite::Connection::open(path).expect("an activity file");
    connection
        .execute("UPDATE event SET at = at + 1 WHERE seq = 2", [])
        .expect("altered");
    let usage = vault.usage_of(&found, 0, 10).expect("what is known");
    assert_eq!(usage.events.len(), 2);
}

/// Each command is a process of its own: what one leaves behind, the next has to read.
#[test]
fn the_log_of_the_activity_file_stays_short() {
    let place = Place::new();
    let mut vault = place.create();
    set(&mut vault, "openai", "sk-value");
    let id = vault.id();
    drop(vault);
    let file = place
        .location
        .state
        .join(id.to_string())
        .join("activity.db");
    let size = |ending: &str| {
        let path = format!("{}{ending}", file.display());
        std::fs::metadata(path).map_or(0, |file| file.len())
    };
    let mut longest = 0;
    for _ in 0..160 {
        let mut vault = place.open();
        get(&mut vault, "openai");
        vault.prune_activity(NOW);
        drop(vault);
        longest = longest.max(size("-wal"));
    }
    assert!(longest < 1200 * 1024, "{longest} bytes");
    assert!(size("") > 0, "what is taken out of the log is in the file");
    let mut vault = place.open();
    let openai = find(&mut vault, "openai");
    let usage = vault.usage_of(&openai, 0, 200).expect("read");
    assert_eq!((usage.total.requests, usage.events.len()), (160, 160));
}

/// Somebody who reads just then is not waited for, and the use is recorded all the same.
#[test]
fn a_reader_does_not_hold_up_a_use() {
    let place = Place::new();
    let mut vault = place.create();
    set(&mut vault, "openai", "sk-value");
    for _ in 0..80 {
        get(&mut vault, "openai");
    }
    let file = place
        .location
        .state
        .join(vault.id().to_string())
        .join("activity.db");
    let reader = rusqlite::Connection::open(file).expect("opened");
    reader
        .execute_batch("BEGIN; SELECT count(*) FROM event;")
        .expect("reads");
    let begun = std::time::Instant::now();
    for _ in 0..80 {
        get(&mut vault, "openai");
        vault.prune_activity(NOW);
    }
    // Who waits does so for five seconds, each of these times.
    assert!(begun.elapsed().as_secs() < 60);
    drop(reader);
    let openai = find(&mut vault, "openai");
    assert_eq!(
        vault.usage_of(&openai, 0, 0).expect("read").total.requests,
        160
    );
}

/// Whether the first of two generations was used within a span, when it was used so many seconds after its rotation;
/// another key is used at `others`.
fn used_within(uses: &[i64], others: &[i64], span: &str, now: i64) -> Result<Option<i64>, String> {
    let place = Place::new();
    let mut vault = place.create();
    let old = issue_named(&mut vault, "ci");
    let other = issue_named(&mut vault, "web");
    let new = rotate(&mut vault, "ci", overlap(Span::days(30)), NOW);
    let at = |after: i64| Timestamp(NOW.0 + after);
    for after in uses {
        verify(&mut vault, &old, at(*after)).expect("answered");
    }
    for after in others {
        verify(&mut vault, &other, at(*after)).expect("answered");
        // Neither what the successor is used for nor what was refused is a use of the old one.
        verify(&mut vault, &new, at(*after)).expect("answered");
        verify(&mut vault, &with_wrong_secret(&old), at(*after)).expect("answered");
    }
    let found = find(&mut vault, "ci");
    let span = span.parse().expect("a span");
    match vault.used_within(&found, 1, span, at(now)) {
        Ok(last) => Ok(last.map(|last| last.0 - NOW.0)),
        Err(err) => Err(err.to_string()),
    }
}

#[test]
fn whether_a_generation_was_used_lately_is_told_where_it_is_known() {
    const HOUR: i64 = 3_600;
    const DAYS: i64 = 24 * HOUR;
    assert_eq!(used_within(&[0], &[], "24h", DAYS), Ok(Some(0)));
    assert_eq!(used_within(&[0], &[], "24h", DAYS + 1), Ok(None));
    assert_eq!(used_within(&[0, 5, 3], &[], "24h", DAYS + 5), Ok(Some(5)));
    assert_eq!(used_within(&[0], &[2 * DAYS], "24h", 3 * DAYS), Ok(None));
    assert_eq!(used_within(&[], &[0, 2 * DAYS], "24h", 2 * DAYS), Ok(None));
    // A clock that was set back.
    assert_eq!(used_within(&[DAYS], &[], "1h", 0), Ok(Some(DAYS)));
    // Nothing that was counted reaches back so far, and what is known is told all the same.
    assert_eq!(
        used_within(&[], &[2 * DAYS], "24h", 2 * DAYS),
        Err(
            "whether it was used since 2027-01-16T08:00:00Z is not known: uses are counted on this machine since \
             2027-01-17"
                .to_owned()
        )
    );
    assert_eq!(
        used_within(&[2 * DAYS], &[], "24h", 2 * DAYS),
        Ok(Some(2 * DAYS))
    );
    assert_eq!(
        used_within(&[], &[], "24h", DAYS),
        Err(
            "whether it was used since 2027-01-15T08:00:00Z is not known: no use of any key was counted on this \
             machine"
                .to_owned()
        )
    );
}
