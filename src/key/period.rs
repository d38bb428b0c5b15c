//! Days, weeks and months that daily counts are summed over. All in UTC, as the days are.

use std::fmt;
use std::str::FromStr;

use chrono::{Datelike, Months, NaiveDate, Weekday};
use serde::Serialize;

use super::ParseError;

/// What one count is for: a day, an ISO week (Monday to Sunday) or a calendar month.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Period {
    #[default]
    Day,
    Month,
    Week,
}

impl Period {
    /// The words for them, shortest period first.
    pub const NAMES: [&str; 3] = ["day", "week", "month"];

    /// The first day of the period that `day` lies in; days are counted from 1970-01-01.
    fn start_of(self, day: i64) -> i64 {
        let start = date(day).and_then(|date| match self {
            Self::Day => Some(date),
            Self::Month => date.with_day(1),
            Self::Week => date.week(Weekday::Mon).checked_first_day(),
        });
        start.map_or(day, |date| i64::from(date.to_epoch_days()))
    }

    /// The first day of the period after the one that begins with `start`.
    fn after(self, start: i64) -> i64 {
        match self {
            Self::Day => start + 1,
            Self::Month => {
                let next = date(start).and_then(|date| date.checked_add_months(Months::new(1)));
                next.map_or(start + 1, |date| i64::from(date.to_epoch_days()))
            }
            Self::Week => start + 7,
        }
    }
}

/// `None` some hundred thousand years from now, where no clock is right.
fn date(day: i64) -> Option<NaiveDate> {
    NaiveDate::from_epoch_days(i32::try_from(day).ok()?)
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Day => "day",
            Self::Month => "month",
            Self::Week => "week",
        })
    }
}

impl FromStr for Period {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        match text {
            "day" => Ok(Self::Day),
            "month" => Ok(Self::Month),
            "week" => Ok(Self::Week),
            _ => Err(ParseError::new("a period is day, week or month")),
        }
    }
}

/// Whole periods without a gap, oldest first; only the last one may end early.
#[derive(Clone, Debug)]
pub struct Periods {
    by: Period,
    /// First days; never empty.
    starts: Vec<i64>,
    last_day: i64,
}

impl Periods {
    /// From the start of the period that `first_day` lies in to the end of `last_day`. One entry a period is kept, so the
    /// caller bounds the time.
    pub fn new(by: Period, first_day: i64, last_day: i64) -> Self {
        let first = by.start_of(first_day.min(last_day));
        let starts = std::iter::successors(Some(first), |start| Some(by.after(*start)));
        Self {
            by,
            starts: starts.take_while(|start| *start <= last_day).collect(),
            last_day,
        }
    }

    /// What each of them is.
    pub fn by(&self) -> Period {
        self.by
    }

    /// The first day of all.
    pub fn first_day(&self) -> i64 {
        self.starts[0]
    }

    /// The last day of all.
    pub fn last_day(&self) -> i64 {
        self.last_day
    }

    /// First and last day of each.
    pub fn days(&self) -> impl Iterator<Item = (i64, i64)> {
        let ends = self.starts.iter().skip(1).map(|next| next - 1);
        let ends = ends.chain([self.last_day]);
        self.starts.iter().copied().zip(ends)
    }

    /// How many there are; at least one.
    pub fn count(&self) -> usize {
        self.starts.len()
    }

    /// Which of them a day is in; `None` before the first. What a clock that was ahead has counted is in the last.
    pub fn position(&self, day: i64) -> Option<usize> {
        self.starts
            .partition_point(|start| *start <= day)
            .checked_sub(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::Timestamp;

    fn day(text: &str) -> i64 {
        let date: NaiveDate = text.parse().expect("a date");
        i64::from(date.to_epoch_days())
    }

    fn dates(by: Period, first: &str, last: &str) -> Vec<String> {
        let periods = Periods::new(by, day(first), day(last));
        let date = |day| Timestamp::of_day(day).date();
        periods
            .days()
            .map(|(first, last)| format!("{} {}", date(first), date(last)))
            .collect()
    }

    /// Where no calendar goes the next period is the next day, so that there is always one.
    #[test]
    fn beyond_the_calendar_a_period_follows_all_the_same() {
        for beyond in [i64::from(i32::MAX), i64::from(i32::MAX) + 1, 1 << 60] {
            assert_eq!(Period::Month.after(beyond), beyond + 1);
        }
    }

    #[test]
    fn weeks_begin_on_monday_across_years() {
        // 2026-12-28 is the Monday of 2026-W53.
        assert_eq!(
            dates(Period::Week, "2027-01-01", "2027-01-05"),
            ["2026-12-28 2027-01-03", "2027-01-04 2027-01-05"]
        );
        assert_eq!(
            dates(Period::Week, "2027-01-04", "2027-01-10"),
            ["2027-01-04 2027-01-10"]
        );
    }

    #[test]
    fn months_are_as_long_as_they_are() {
        assert_eq!(
            dates(Period::Month, "2027-12-31", "2028-03-01"),
            [
                "2027-12-01 2027-12-31",
                "2028-01-01 2028-01-31",
                "2028-02-01 2028-02-29",
                "2028-03-01 2028-03-01"
            ]
        );
    }

    #[test]
    fn days_are_each_their_own_period() {
        assert_eq!(
            dates(Period::Day, "2027-02-28", "2027-03-01"),
            ["2027-02-28 2027-02-28", "2027-03-01 2027-03-01"]
        );
        assert_eq!(
            dates(Period::Day, "2027-03-02", "2027-03-01"),
            ["2027-03-01 2027-03-01"]
        );
    }

    #[test]
    fn every_day_is_in_one_period() {
        for by in [Period::Day, Period::Month, Period::Week] {
            let (first, last) = (day("2025-11-21"), day("2027-01-31"));
            let periods = Periods::new(by, first, last);
            let mut expected = periods.first_day();
            for (at, (start, end)) in periods.days().enumerate() {
                assert_eq!(start, expected, "{by}");
                assert!((start..=end).all(|day| periods.position(day) == Some(at)));
                expected = end + 1;
            }
            assert_eq!(expected, last + 1);
            assert!(periods.first_day() <= first && first - periods.first_day() < 31);
            assert_eq!(periods.position(periods.first_day() - 1), None);
            assert_eq!(periods.position(i64::MAX), Some(periods.count() - 1));
        }
    }

    #[test]
    fn periods_have_names() {
        for name in Period::NAMES {
            assert_eq!(name.parse::<Period>().expect("a period").to_string(), name);
        }
        assert!("year".parse::<Period>().is_err());
        // Where no calendar reaches, a day is a day.
        assert_eq!(Period::Month.start_of(i64::MAX), i64::MAX);
    }
}
