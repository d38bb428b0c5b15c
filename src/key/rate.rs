//! How often a key may be used.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::ParseError;

/// Requests in a second, minute, hour or day, written `COUNT/UNIT`: `100/m`, `5/s`, `1000/h`, `20000/d`.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Rate {
    count: u32,
    unit: Unit,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Unit {
    Day,
    Hour,
    Minute,
    Second,
}

impl Rate {
    /// Most requests in a period.
    pub const LIMIT: u32 = 1_000_000;

    /// Requests in a period, 1 to [`Rate::LIMIT`].
    pub fn count(self) -> u32 {
        self.count
    }

    /// Length of the period in seconds, at most a day.
    pub fn period_seconds(self) -> u32 {
        match self.unit {
            Unit::Day => 86_400,
            Unit::Hour => 3_600,
            Unit::Minute => 60,
            Unit::Second => 1,
        }
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = match self.unit {
            Unit::Day => 'd',
            Unit::Hour => 'h',
            Unit::Minute => 'm',
            Unit::Second => 's',
        };
        write!(f, "{}/{unit}", self.count)
    }
}

impl FromStr for Rate {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let Some((count, unit)) = text.split_once('/') else {
            return Err(ParseError::new(
                "a rate is a count and a unit, such as `100/m`, `5/s`, `1000/h` or `20000/d`",
            ));
        };
        // One text for each rate: no sign, and no zero in front.
        let is_plain = count.bytes().all(|b| b.is_ascii_digit()) && !count.starts_with('0');
        let count = count
            .parse()
            .ok()
            .filter(|count| is_plain && *count <= Self::LIMIT)
            .ok_or_else(|| {
                ParseError::new("the count of a rate is a whole number from 1 to 1000000")
            })?;
        let unit = match unit {
            "d" => Unit::Day,
            "h" => Unit::Hour,
            "m" => Unit::Minute,
            "s" => Unit::Second,
            _ => {
                return Err(ParseError::new(
                    "the unit of a rate is `s`, `m`, `h` or `d`: a second, minute, hour or day",
                ));
            }
        };
        Ok(Self { count, unit })
    }
}

impl TryFrom<String> for Rate {
    type Error = ParseError;

    fn try_from(text: String) -> Result<Self, ParseError> {
        text.parse()
    }
}

impl From<Rate> for String {
    fn from(rate: Rate) -> Self {
        rate.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_has_one_text() {
        for (text, count, seconds) in [
            ("1/s", 1, 1),
            ("5/s", 5, 1),
            ("100/m", 100, 60),
            ("1000/h", 1_000, 3_600),
            ("20000/d", 20_000, 86_400),
            ("1000000/d", 1_000_000, 86_400),
        ] {
            let rate: Rate = text.parse().expect("a rate");
            assert_eq!((rate.count(), rate.period_seconds()), (count, seconds));
            assert_eq!(rate.to_string(), text);
            let json = serde_json::to_string(&rate).expect("plain data");
            assert_eq!(json, format!("\"{text}\""));
            assert_eq!(serde_json::from_str::<Rate>(&json).expect("a rate"), rate);
        }
    }

    #[test]
    fn what_is_no_rate_is_told_apart() {
        for (bad, part) in [
            ("", "such as `100/m`"),
            ("100", "such as `100/m`"),
            ("100m", "such as `100/m`"),
            ("/m", "count"),
            ("0/m", "count"),
            ("01/m", "count"),
            ("+1/m", "count"),
            ("-1/m", "count"),
            ("1.5/m", "count"),
            (" 1/m", "count"),
            ("1 /m", "count"),
            ("1_000/m", "count"),
            ("1000001/s", "count"),
            ("4294967297/s", "count"),
            ("99999999999999999999999/s", "count"),
            ("٣/m", "count"),
            ("100/", "unit"),
            ("100/M", "unit"),
            ("100/10s", "unit"),
            ("100/min", "unit"),
            ("100/w", "unit"),
            ("100/m ", "unit"),
            ("100/m/s", "unit"),
        ] {
            let refused = bad.parse::<Rate>().expect_err(bad).to_string();
            assert!(refused.contains(part), "{bad:?}: {refused}");
            assert!(Rate::try_from(bad.to_owned()).is_err());
        }
    }
}
