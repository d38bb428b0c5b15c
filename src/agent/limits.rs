//! How long a key is kept.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::key::{ParseError, Span};

/// A length of time from one minute to 30 days, in whole seconds.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Limit(Span);

impl Limit {
    const SHORTEST: u32 = 60;
    const LONGEST: u32 = 30 * 86_400;

    /// `None` outside the bounds.
    pub(super) fn from_seconds(seconds: u32) -> Option<Self> {
        let allowed = (Self::SHORTEST..=Self::LONGEST).contains(&seconds);
        allowed.then(|| Self(Span::seconds(seconds)))
    }

    pub(crate) fn seconds(self) -> u32 {
        u32::try_from(self.0.as_seconds()).expect("at most 30 days")
    }

    /// As it is read.
    pub(crate) fn words(self) -> String {
        let seconds = self.seconds();
        let units = [(86_400, "d"), (3_600, "h"), (60, "min")];
        let unit = units
            .into_iter()
            .find(|(length, _)| seconds.is_multiple_of(*length));
        let (length, unit) = unit.unwrap_or((1, "s"));
        format!("{} {unit}", seconds / length)
    }

    pub(super) fn duration(self) -> Duration {
        Duration::from_secs(self.seconds().into())
    }
}

/// As it would be typed.
impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Limit {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let span: Span = text.parse()?;
        u32::try_from(span.as_seconds())
            .ok()
            .and_then(Self::from_seconds)
            .ok_or_else(|| ParseError::new("it is from `1m` to `30d`"))
    }
}

/// After how long a key is wiped.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Limits {
    /// Without use.
    pub(crate) idle: Limit,
    /// Since it was given, in any case.
    pub(crate) max: Limit,
}

impl Default for Limits {
    /// 15 minutes, and 8 hours.
    fn default() -> Self {
        Self {
            idle: Limit(Span::seconds(15 * 60)),
            max: Limit(Span::seconds(8 * 3_600)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_from_a_minute_to_thirty_days() {
        for (text, seconds) in [("1m", 60), ("60s", 60), ("30d", 2_592_000), ("8h", 28_800)] {
            let limit: Limit = text.parse().expect(text);
            assert_eq!(limit.seconds(), seconds, "{text}");
            assert_eq!(Limit::from_seconds(seconds), Some(limit), "{text}");
        }
        for bad in ["", "59s", "0m", "31d", "2592001s", "never", "100000d"] {
            assert!(bad.parse::<Limit>().is_err(), "{bad:?}");
        }
        for bad in [0, 59, 2_592_001, u32::MAX] {
            assert_eq!(Limit::from_seconds(bad), None, "{bad}");
        }
    }
}
