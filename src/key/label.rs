//! Short texts that describe a key.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::id::refuse_token;
use super::name::one_line;
use super::{ParseError, text_type};

macro_rules! one_line_type {
    ($(#[$doc:meta])* $name:ident, $what:literal, $limit:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        text_type!($name);

        impl FromStr for $name {
            type Err = ParseError;

            fn from_str(text: &str) -> Result<Self, ParseError> {
                one_line(text, $what, $limit).map(Self)
            }
        }
    };
}

one_line_type! {
    /// Who is recorded as the maker of a change: `user@host` unless told otherwise; informational. 1 to 100 characters.
    Actor, "an actor", 100
}
one_line_type! {
    /// A model that a provider key is for, such as `gpt-5`. 1 to 100 characters.
    Model, "a model", 100
}
one_line_type! {
    /// Whose key a provider key is, such as `openai`. 1 to 100 characters.
    Provider, "a provider", 100
}

/// What `search` looks for: at most 100 characters, kept in lower case; nothing is in every text.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SearchText(String);

impl SearchText {
    /// Whether it stands anywhere in `field`, in upper or lower case.
    pub fn is_in(&self, field: &str) -> bool {
        if !field.is_ascii() {
            return field.to_lowercase().contains(&self.0);
        }
        // Most fields are, and need no copy.
        let text = self.0.as_bytes();
        text.is_empty()
            || field
                .as_bytes()
                .windows(text.len())
                .any(|part| part.eq_ignore_ascii_case(text))
    }
}

impl FromStr for SearchText {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        refuse_token(text)?;
        match text.trim() {
            "" => Ok(Self(String::new())),
            text => {
                one_line(text, "a text to search for", 100).map(|text| Self(text.to_lowercase()))
            }
        }
    }
}

one_line_type! {
    /// A word to find keys by. 1 to 50 characters; at most 32 on a key.
    Tag, "a tag", 50
}

/// Free text beside a key: 1 byte to 4 KiB, tabs and line feeds allowed, no other control characters.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Note(String);

text_type!(Note);

impl FromStr for Note {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(ParseError::new("a note cannot be empty"));
        }
        if text.len() > 4096 {
            return Err(ParseError::new(format!(
                "a note has at most 4096 bytes, not {}",
                text.len()
            )));
        }
        if text
            .chars()
            .any(|c| c.is_control() && c != '\n' && c != '\t')
        {
            return Err(ParseError::new(
                "a note has no control characters but tabs and line feeds",
            ));
        }
        Ok(Self(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_found_in_any_case() {
        for (text, field, found) in [
            ("", "anything", true),
            ("PROVIDER-3", "a provider-37", true),
            ("provider-3", "Provider", false),
            ("ключ", "Внутренний КЛЮЧ", true),
            ("\u{212a}", "the kelvin sign is a k", true),
            ("k", "\u{212a}", true),
            ("é", "e", false),
        ] {
            let text: SearchText = text.parse().expect("a text");
            assert_eq!(text.is_in(field), found, "{text:?} {field:?}");
        }
    }

    #[test]
    fn notes_have_lines_and_limits() {
        for good in ["first\n\tsecond", "a", &"a".repeat(4096)] {
            assert!(good.parse::<Note>().is_ok(), "{good:?}");
        }
        for bad in ["", " \n ", "a\u{1b}b", &"a".repeat(4097)] {
            assert!(bad.parse::<Note>().is_err(), "{bad:?}");
        }
    }
}
