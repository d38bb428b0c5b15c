//! Times, durations and dates as they are typed and told.

use super::*;

#[test]
fn what_looks_like_a_date_or_a_duration_is_told_as_that() {
    for (text, words) in [
        ("2027-02-30", "there is no day `2027-02-30`"),
        ("1000000d", "a duration is at most 100 years"),
        (
            "3mo",
            "a duration is a whole number and one of s, m, h, d, w",
        ),
        (
            "1y",
            "a duration is a whole number and one of s, m, h, d, w",
        ),
    ] {
        let expiry = text.parse::<Expiry>().expect_err("none").to_string();
        let when = text.parse::<When>().expect_err("none").to_string();
        assert!(
            expiry.contains(words) && when.contains(words),
            "{expiry}, {when}"
        );
    }
    for text in ["", "90", "soon", "d", "2027-1-31", "-1d", "1.5d"] {
        let expiry = text.parse::<Expiry>().expect_err("none").to_string();
        assert!(expiry.starts_with("an expiry is "), "{expiry}");
    }
}

#[test]
fn spans_are_read_and_written() {
    for (text, seconds) in [
        ("0m", 0),
        ("45s", 45),
        ("30m", 1_800),
        ("24h", 86_400),
        ("2w", 1_209_600),
    ] {
        assert_eq!(text.parse(), Ok(Span(seconds)), "{text}");
    }
    assert_eq!(Span(1_209_600).to_string(), "14d");
    assert_eq!(Span(5_400).to_string(), "90m");
    for bad in [
        "",
        "m",
        "-1h",
        "+1h",
        "1 h",
        "1.5h",
        "1M",
        "90",
        "36526d",
        "99999999999999999999d",
        "1é",
        "٣d",
    ] {
        assert!(bad.parse::<Span>().is_err(), "{bad:?}");
    }
}

#[test]
fn expiries_are_in_the_future() {
    let now = Timestamp(1_800_000_000);
    let resolve = |text: &str| text.parse::<Expiry>()?.resolve(now);
    assert_eq!(resolve("never"), Ok(None));
    assert_eq!(resolve("1d"), Ok(Some(Timestamp(1_800_086_400))));
    assert_eq!(
        resolve("2030-01-01T00:00:00+01:00"),
        Ok(Some(Timestamp(1_893_452_400)))
    );
    for bad in [
        "0d",
        "2020-01-01",
        "2020-01-01T00:00:00Z",
        "2027-02-30",
        "tomorrow",
        "2027-1-1",
        "90",
    ] {
        assert!(resolve(bad).is_err(), "{bad:?}");
    }
}

#[test]
fn reports_begin_and_end_at_instants() {
    let now = Timestamp(1_800_000_000);
    for (text, first, last) in [
        ("24h", 1_799_913_600, 1_799_913_600),
        ("0s", 1_800_000_000, 1_800_000_000),
        ("2027-01-15", 1_799_971_200, 1_800_057_599),
        ("1970-01-01", 0, 86_399),
        ("2027-01-15T09:00:00+01:00", 1_800_000_000, 1_800_000_000),
    ] {
        let when: When = text.parse().expect(text);
        let resolved = (when.resolve(now).0, when.resolve_end(now).0);
        assert_eq!((resolved, when.to_string().as_str()), ((first, last), text));
    }
    for bad in [
        "",
        "yesterday",
        "-1h",
        "2027-02-30",
        "2027-1-15",
        "2027-01-15T09:00:00",
        "1800000000",
        "never",
    ] {
        assert!(bad.parse::<When>().is_err(), "{bad:?}");
    }
}

#[test]
fn the_days_of_a_duration_end_today() {
    let now = Timestamp(1_800_000_000);
    let first_day = |text: &str, now: Timestamp| {
        let when: When = text.parse().expect("a time");
        when.first_day(now)
    };
    for (text, count) in [
        ("0s", 1),
        ("1h", 1),
        ("1d", 1),
        ("25h", 2),
        ("30d", 30),
        ("4w", 28),
        ("2027-01-15", 1),
        ("2027-01-14", 2),
        ("2027-01-14T23:59:59Z", 2),
    ] {
        assert_eq!(first_day(text, now), Ok(now.day() + 1 - count), "{text}");
    }
    assert!(first_day("2027-01-16", now).is_err());
    assert!(first_day("2027-01-15T08:00:01Z", now).is_err());
    assert_eq!(first_day("2027-01-15T08:00:00Z", now), Ok(now.day()));
    // At midnight as at any other time.
    let midnight = Timestamp::of_day(now.day());
    assert_eq!(first_day("30d", midnight), Ok(now.day() - 29));
}

#[test]
fn relative_times_are_short() {
    let now = Timestamp(1_800_000_000);
    for (offset, text) in [
        (0, "just now"),
        (-59, "just now"),
        (-60, "1 min ago"),
        (30, "in 30 s"),
        (-3 * 86_400, "3 d ago"),
        (12 * 86_400 + 5, "in 12 d"),
        (90 * 86_400 - 5, "in 90 d"),
        (3_599, "in 60 min"),
        (3_600, "in 1 h"),
        (-172_799, "48 h ago"),
        (-172_800, "2 d ago"),
        (63_071_999, "in 730 d"),
        (63_072_000, "in 2 y"),
        (i64::MIN, "292271023045 y ago"),
    ] {
        assert_eq!(Timestamp(now.0.saturating_add(offset)).relative(now), text);
    }
}

#[test]
fn timestamps_print_in_utc() {
    assert_eq!(Timestamp(1_800_000_000).to_string(), "2027-01-15T08:00:00Z");
    assert_eq!(Timestamp(i64::MAX).to_string(), "9999-12-31T23:59:59Z");
}
