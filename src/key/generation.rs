//! One token of an issued key, or one value of a provider key.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{Actor, ParseError, Span, Timestamp};

/// A generation. Rotation adds one; the key keeps its name, id, permissions and usage.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Generation {
    /// Counts from 1 through the life of the key.
    pub number: u32,
    pub created_at: Timestamp,
    pub created_by: Actor,
    /// When it was shown; `None` while it is pending (made, but nobody has seen it yet).
    pub delivered_at: Option<Timestamp>,
    /// Its own expiry; `None` for never.
    pub expires_at: Option<Timestamp>,
    /// When its successor ends it: the rotation itself, or the end of the overlap. Never later than `expires_at`.
    pub superseded_at: Option<Timestamp>,
}

impl Generation {
    /// What it is good for at `now`, whatever the key itself says.
    pub fn state(&self, now: Timestamp) -> GenerationState {
        let passed = |at: Option<Timestamp>| at.is_some_and(|at| at <= now);
        match self {
            Self {
                delivered_at: None, ..
            } => GenerationState::Undelivered,
            // What ended by itself before its successor could end it has expired.
            _ if passed(self.expires_at) && self.valid_until() == self.expires_at => {
                GenerationState::Expired
            }
            _ if passed(self.superseded_at) => GenerationState::Rotated,
            Self {
                superseded_at: Some(_),
                ..
            } => GenerationState::Overlap,
            _ => GenerationState::Current,
        }
    }

    /// When it stops working, if it ever does.
    pub fn valid_until(&self) -> Option<Timestamp> {
        match (self.expires_at, self.superseded_at) {
            (Some(expires), Some(superseded)) => Some(expires.min(superseded)),
            (expires, superseded) => expires.or(superseded),
        }
    }

    /// The lifetime it was given; `None` for no end.
    pub fn lifetime(&self) -> Option<Span> {
        self.expires_at
            .map(|end| Span::between(self.created_at, end))
    }
}

/// What one generation is good for.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum GenerationState {
    /// It works, and it is the newest that does.
    Current,
    Expired,
    /// Its successor is out, and it still works.
    Overlap,
    /// Its successor has ended it.
    Rotated,
    /// Made, never shown.
    Undelivered,
}

impl fmt::Display for GenerationState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Current => "current",
            Self::Expired => "expired",
            Self::Overlap => "overlap",
            Self::Rotated => "rotated",
            Self::Undelivered => "undelivered",
        })
    }
}

/// Where a key stands in its life.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    Active,
    Expired,
    /// Active, and the previous token still works too.
    Overlap,
    Revoked,
    /// No token of it works here: its only one was never shown, or it was imported without one.
    Undelivered,
}

impl Status {
    const ALL: [(&str, Self); 6] = [
        ("active", Self::Active),
        ("expired", Self::Expired),
        ("overlap", Self::Overlap),
        ("revoked", Self::Revoked),
        ("undelivered", Self::Undelivered),
        ("pending", Self::Undelivered),
    ];
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (text, _) = Self::ALL
            .iter()
            .find(|(_, status)| status == self)
            .expect("the table is whole");
        f.write_str(text)
    }
}

impl FromStr for Status {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let found = Self::ALL.iter().find(|(name, _)| *name == text);
        found.map(|(_, status)| *status).ok_or_else(|| {
            ParseError::new("a status is active, expired, overlap, revoked or undelivered")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_has_one_text_and_one_more_that_is_read() {
        for (text, status) in [
            ("active", Status::Active),
            ("expired", Status::Expired),
            ("overlap", Status::Overlap),
            ("revoked", Status::Revoked),
            ("undelivered", Status::Undelivered),
        ] {
            assert_eq!(status.to_string(), text);
            assert_eq!(text.parse(), Ok(status));
        }
        assert_eq!("pending".parse(), Ok(Status::Undelivered));
        assert!("".parse::<Status>().is_err() && "Active".parse::<Status>().is_err());
    }
}
