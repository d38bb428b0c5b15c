//! The first part of a token.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{ParseError, text_type};

/// A token's first part: `[a-z][a-z0-9]{1,11}`, and no word that secret scanners give to others or skip.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Brand(String);

text_type!(Brand);

/// Prefixes that other vendors' scanners claim.
const CLAIMED: &[&str] = &[
    "akia", "cfut", "gho", "ghp", "ghs", "glpat", "glsa", "hvs", "npm", "pk", "rk", "sk", "xoxb",
];

/// Words at which leak scanners look away.
const SUPPRESSED: &[&str] = &[
    "api", "app", "dev", "log", "net", "new", "org", "pro", "sql", "test", "web",
];

impl Default for Brand {
    fn default() -> Self {
        Self("kwt".to_owned())
    }
}

impl FromStr for Brand {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let starts = text.starts_with(|c: char| c.is_ascii_lowercase());
        let continues = text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
        if !starts || !continues || !(2..=12).contains(&text.len()) {
            return Err(ParseError::new(
                "a brand is 2 to 12 lower-case letters and digits, and begins with a letter",
            ));
        }
        if CLAIMED.contains(&text) {
            return Err(ParseError::new(
                "this brand is another vendor's, whose scanners would claim your tokens",
            ));
        }
        if SUPPRESSED.contains(&text) {
            return Err(ParseError::new(
                "leak scanners skip tokens with this brand; choose a word of your own",
            ));
        }
        Ok(Self(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brands_are_short_and_nobody_elses() {
        for good in ["kw", "acme", "a1b2c3d4e5f6"] {
            assert!(good.parse::<Brand>().is_ok(), "{good:?}");
        }
        for bad in [
            "",
            "a",
            "1a",
            "Acme",
            "a_b",
            "a1b2c3d4e5f6g",
            "sk",
            "test",
            "é",
        ] {
            assert!(bad.parse::<Brand>().is_err(), "{bad:?}");
        }
    }
}
