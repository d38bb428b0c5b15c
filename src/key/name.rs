//! Names of keys, as people really write them.

use std::str::FromStr;

use serde::{Deserialize, Serialize};
use unicode_normalization::{UnicodeNormalization, is_nfc};

use super::id::refuse_token;
use super::{ParseError, text_type};

/// A key's name: 1 to 100 characters of any script, NFC, no control characters, no white space at its ends.
#[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct KeyName(String);

text_type!(KeyName);

impl FromStr for KeyName {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        refuse_token(text)?;
        one_line(text, "a name", 100).map(Self)
    }
}

/// NFC of a text of 1 to `limit` characters without control characters or white space at its ends.
pub(super) fn one_line(text: &str, what: &str, limit: usize) -> Result<String, ParseError> {
    // A bound before normalising: hostile input is megabytes of combining marks.
    if text.len() > limit * 16 {
        return Err(ParseError::new(format!(
            "{what} has at most {limit} characters"
        )));
    }
    let text: String = if is_nfc(text) {
        text.to_owned()
    } else {
        text.nfc().collect()
    };
    match text.chars().count() {
        0 => Err(ParseError::new(format!("{what} cannot be empty"))),
        count if count > limit => Err(ParseError::new(format!(
            "{what} has at most {limit} characters, not {count}"
        ))),
        _ if text.chars().any(char::is_control) => {
            Err(ParseError::new(format!("{what} has no control characters")))
        }
        _ if text.trim() != text => Err(ParseError::new(format!(
            "{what} has no white space at its ends"
        ))),
        _ => Ok(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_what_people_write() {
        for good in [
            "CI/CD integration",
            "Internal dashboard",
            "MY_API",
            "внутренний ключ",
            "鍵",
            "-",
            "a",
        ] {
            assert_eq!(
                good.parse::<KeyName>().map(|name| name.to_string()),
                Ok(good.to_owned())
            );
        }
        assert_eq!("e\u{301}".parse::<KeyName>(), "é".parse());
        assert!("é".repeat(100).parse::<KeyName>().is_ok());
        for bad in [
            "",
            " a",
            "a ",
            "a\u{a0}",
            "a\nb",
            "\u{1b}[31m",
            "a\u{9b}",
            &"é".repeat(101),
        ] {
            assert!(bad.parse::<KeyName>().is_err(), "{bad:?}");
        }
        // Beyond a bound nothing is normalised or counted.
        for (length, told) in [(1600, ", not 1600"), (1601, ""), (1602, "")] {
            let refusal = "a".repeat(length).parse::<KeyName>().expect_err("too long");
            let expected = format!("a name has at most 100 characters{told}");
            assert_eq!(refusal.to_string(), expected);
        }
    }
}
