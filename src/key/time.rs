//! Instants, durations and expiry dates: whole seconds, because people give and read no finer.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Local, NaiveDate, NaiveTime, SecondsFormat, TimeZone, Utc};
use serde::{Deserialize, Serialize};

use super::ParseError;

/// Seconds since the Unix epoch, up to the end of the year 9999.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub struct Timestamp(pub i64);

impl Timestamp {
    const LAST: i64 = 253_402_300_799;

    /// The system's clock. Called once per command, in the command layer.
    pub fn now() -> Self {
        Self(Utc::now().timestamp())
    }

    /// This instant and `span` later, at most the end of the year 9999.
    pub fn after(self, span: Span) -> Self {
        Self(self.0.saturating_add(span.0).min(Self::LAST))
    }

    /// This instant and `span` earlier.
    pub fn before(self, span: Span) -> Self {
        Self(self.0.saturating_sub(span.0))
    }

    /// Days since 1970-01-01, UTC: the day that usage is counted under.
    pub fn day(self) -> i64 {
        self.0.div_euclid(Span::DAY.0)
    }

    /// Midnight, UTC, at the beginning of a [day](Self::day).
    pub fn of_day(day: i64) -> Self {
        Self(day.saturating_mul(Span::DAY.0))
    }

    /// `YYYY-MM-DD` in UTC.
    pub fn date(self) -> String {
        self.utc().format("%Y-%m-%d").to_string()
    }

    /// How far this is from `now`, for people: `just now`, `3 d ago`, `in 12 d`.
    pub fn relative(self, now: Self) -> String {
        let seconds = self.0.saturating_sub(now.0);
        // To the nearest, so that what was given 90 days a moment ago has 90 days.
        let (unit_seconds, unit) = match seconds.unsigned_abs() {
            0..60 => (1, "s"),
            60..3_600 => (60, "min"),
            3_600..172_800 => (3_600, "h"),
            172_800..63_072_000 => (86_400, "d"),
            _ => (31_557_600, "y"),
        };
        let count = seconds.unsigned_abs().saturating_add(unit_seconds / 2) / unit_seconds;
        match seconds {
            0 => "just now".to_owned(),
            -59..0 => "just now".to_owned(),
            ..0 => format!("{count} {unit} ago"),
            _ => format!("in {count} {unit}"),
        }
    }

    fn utc(self) -> DateTime<Utc> {
        let seconds = self.0.clamp(0, Self::LAST);
        DateTime::from_timestamp(seconds, 0).expect("the range is chrono's and smaller")
    }
}

/// RFC 3339 in UTC, with `Z`.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.utc().to_rfc3339_opts(SecondsFormat::Secs, true))
    }
}

impl FromStr for Timestamp {
    type Err = ParseError;

    /// An RFC 3339 time of the years 1970 to 9999.
    fn from_str(text: &str) -> Result<Self, ParseError> {
        let seconds = DateTime::parse_from_rfc3339(text).map(|time| time.timestamp());
        seconds
            .ok()
            .filter(|seconds| (0..=Self::LAST).contains(seconds))
            .map(Self)
            .ok_or_else(|| {
                ParseError::new("a time is written as in `2027-01-31T12:00:00Z`, from 1970 on")
            })
    }
}

/// A length of time in seconds, up to 100 years: `30m`, `24h`, `90d`, `2w`, `45s`.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Span(i64);

impl Span {
    /// Twenty-four hours.
    pub const DAY: Self = Self(86_400);
    /// No time at all.
    pub const ZERO: Self = Self(0);

    /// `count` times twenty-four hours.
    pub const fn days(count: u16) -> Self {
        Self(86_400 * count as i64)
    }

    /// That many seconds.
    pub const fn seconds(count: u32) -> Self {
        Self(count as i64)
    }

    /// How many seconds it is.
    pub const fn as_seconds(self) -> i64 {
        self.0
    }

    /// From `start` to `end`; nothing if that is negative.
    pub fn between(start: Timestamp, end: Timestamp) -> Self {
        Self(end.0.saturating_sub(start.0).max(0))
    }
}

impl FromStr for Span {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let help = || {
            ParseError::new(
                "a duration is a whole number and one of s, m, h, d, w, such as `30m` or `90d`",
            )
        };
        let unit = text.chars().next_back().ok_or_else(help)?;
        let seconds: i64 = match unit {
            's' => 1,
            'm' => 60,
            'h' => 3_600,
            'd' => 86_400,
            'w' => 604_800,
            _ => return Err(help()),
        };
        let digits = &text[..text.len() - 1];
        if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(help());
        }
        let total = digits
            .parse::<i64>()
            .ok()
            .and_then(|count| count.checked_mul(seconds));
        total
            .filter(|&total| total <= 36_525 * 86_400)
            .map(Self)
            .ok_or_else(|| ParseError::new("a duration is at most 100 years"))
    }
}

/// The largest unit that divides it, as it would be typed.
impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = [(86_400, 'd'), (3_600, 'h'), (60, 'm')];
        let (seconds, unit) = units
            .into_iter()
            .find(|(seconds, _)| self.0 % seconds == 0)
            .unwrap_or((1, 's'));
        write!(f, "{}{unit}", self.0 / seconds)
    }
}

/// When a key ends: a duration from now, `never`, a date (end of that day, local time) or an RFC 3339 time.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Expiry {
    At(Timestamp),
    EndOf(NaiveDate),
    In(Span),
    Never,
}

impl Expiry {
    /// The instant, or `None` for never.
    ///
    /// # Errors
    /// When it is not later than `now`.
    pub fn resolve(self, now: Timestamp) -> Result<Option<Timestamp>, ParseError> {
        let at = match self {
            Self::At(at) => at,
            Self::EndOf(date) => end_of_day(date),
            Self::In(span) => now.after(span),
            Self::Never => return Ok(None),
        };
        if at <= now {
            return Err(ParseError::new(format!(
                "the expiry `{at}` is not in the future"
            )));
        }
        Ok(Some(at))
    }
}

impl FromStr for Expiry {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        if text == "never" {
            return Ok(Self::Never);
        }
        if let Ok(span) = text.parse() {
            return Ok(Self::In(span));
        }
        if let Some(date) = date(text) {
            return Ok(Self::EndOf(date));
        }
        if let Ok(time) = DateTime::parse_from_rfc3339(text) {
            return Ok(Self::At(Timestamp(time.timestamp())));
        }
        Err(unfit(
            text,
            "an expiry is a duration such as `90d`, a date such as `2027-01-31`, an RFC 3339 time, or `never`",
        ))
    }
}

/// Where a report begins or ends: a duration before now, a date (a day in UTC) or an RFC 3339 time.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct When {
    point: Point,
    text: String,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Point {
    At(Timestamp),
    Before(Span),
    Day(NaiveDate),
}

impl When {
    /// The instant; of a date, the first second.
    pub fn resolve(&self, now: Timestamp) -> Timestamp {
        match self.point {
            Point::At(at) => at,
            Point::Before(span) => now.before(span),
            Point::Day(date) => Timestamp(date.and_time(NaiveTime::MIN).and_utc().timestamp()),
        }
    }

    /// The instant; of a date, the last second.
    pub fn resolve_end(&self, now: Timestamp) -> Timestamp {
        match self.point {
            Point::Day(_) => self.resolve(now).after(Span(Span::DAY.0 - 1)),
            Point::At(_) | Point::Before(_) => self.resolve(now),
        }
    }
}

impl When {
    /// The first [day](Timestamp::day) of what is counted by days: the one it lies in. A duration is that many days, begun
    /// ones too, with today as the last, so that `30d` is 30 days.
    ///
    /// # Errors
    /// When it is later than `now`.
    pub fn first_day(&self, now: Timestamp) -> Result<i64, ParseError> {
        if let Point::Before(Span(seconds)) = self.point {
            let days = (seconds + Span::DAY.0 - 1) / Span::DAY.0;
            return Ok(now.day() - days.max(1) + 1);
        }
        let at = self.resolve(now);
        if at > now {
            return Err(ParseError::new(format!("the time `{at}` is in the future")));
        }
        Ok(at.day())
    }
}

/// As it was typed.
impl fmt::Display for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for When {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let point = if let Ok(span) = text.parse() {
            Point::Before(span)
        } else if let Some(date) = date(text) {
            Point::Day(date)
        } else if let Ok(time) = DateTime::parse_from_rfc3339(text) {
            Point::At(Timestamp(time.timestamp()))
        } else {
            return Err(unfit(
                text,
                "a time is a duration before now such as `24h`, a date such as `2027-01-31`, or an RFC 3339 time",
            ));
        };
        Ok(Self {
            point,
            text: text.to_owned(),
        })
    }
}

/// A date with four, two and two digits.
fn date(text: &str) -> Option<NaiveDate> {
    let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
    (text.len() == 10).then_some(date)
}

/// What is wrong with what looks like a date or a duration and is none; `other` of what looks like neither.
fn unfit(text: &str, other: &'static str) -> ParseError {
    let is_date = text.len() == 10
        && text.bytes().enumerate().all(|(at, byte)| match at {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        });
    if is_date {
        return ParseError::new(format!("there is no day `{text}`"));
    }
    let unit = text.trim_start_matches(|c: char| c.is_ascii_digit());
    let is_span = unit.len() < text.len()
        && !unit.is_empty()
        && unit.bytes().all(|byte| byte.is_ascii_alphabetic());
    match text.parse::<Span>() {
        Err(err) if is_span => err,
        _ => ParseError::new(other),
    }
}

/// 23:59:59 local time; where a clock change skips or repeats that second, the later reading.
fn end_of_day(date: NaiveDate) -> Timestamp {
    let last_second = date.and_time(NaiveTime::from_hms_opt(23, 59, 59).expect("a time of day"));
    let local = Local
        .from_local_datetime(&last_second)
        .latest()
        .map(|time| time.timestamp());
    Timestamp(local.unwrap_or_else(|| last_second.and_utc().timestamp()))
}

#[cfg(test)]
mod tests;
