//! Pairs that a key hands to whoever verifies it.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::ParseError;
use super::name::one_line;

/// The left side of a pair: 1 to 64 letters, digits, `.`, `_` and `-`.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct ContextKey(String);

impl ContextKey {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ContextKey {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let shaped = text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
        if text.is_empty() || text.len() > 64 || !shaped {
            return Err(ParseError::new(
                "a context key is 1 to 64 letters, digits, `.`, `_` and `-`",
            ));
        }
        Ok(Self(text.to_owned()))
    }
}

/// One `key=value`: a [`ContextKey`], and a value of 1 to 256 characters on one line.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ContextPair {
    key: ContextKey,
    value: String,
}

impl FromStr for ContextPair {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let (key, value) = text
            .split_once('=')
            .ok_or_else(|| ParseError::new("a context pair is written as `key=value`"))?;
        Ok(Self {
            key: key.parse()?,
            value: one_line(value, "a context value", 256)?,
        })
    }
}

/// The context of a key: at most 32 pairs and 1 KiB of keys and values together, as JSON escapes them.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(
    try_from = "BTreeMap<String, String>",
    into = "BTreeMap<String, String>"
)]
pub struct Context(BTreeMap<String, String>);

impl Context {
    /// Most pairs on a key.
    pub const PAIRS: usize = 32;
    /// Most bytes of keys and values together, so that a proxy's headers can carry them.
    pub const LIMIT: usize = 1024;

    /// Collects pairs as they were typed.
    ///
    /// # Errors
    /// When a key comes twice, or there is too much.
    pub fn from_pairs(pairs: &[ContextPair]) -> Result<Self, ParseError> {
        let mut map = BTreeMap::new();
        for pair in pairs {
            if map.insert(pair.key.0.clone(), pair.value.clone()).is_some() {
                return Err(ParseError::new(format!(
                    "the context key `{}` is given twice",
                    pair.key.0
                )));
            }
        }
        Self::try_from(map)
    }

    /// The pairs of both; where both have a key, `self`'s wins. May be larger than a context that is stored.
    pub(super) fn over(&self, other: &Self) -> Self {
        let mut pairs = other.0.clone();
        pairs.extend(self.0.clone());
        Self(pairs)
    }

    /// The value of a key, if it has one.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str)
    }

    /// The same with these pairs set, and without these keys.
    ///
    /// # Errors
    /// When a key comes twice, or there is too much.
    pub fn edited(&self, set: &[ContextPair], remove: &[ContextKey]) -> Result<Self, ParseError> {
        let Self(mut pairs) = Self::from_pairs(set)?.over(self);
        pairs.retain(|key, _| !remove.iter().any(|removed| removed.0 == *key));
        Self::try_from(pairs)
    }

    /// In alphabetical order of the keys.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// Whether it is small enough to be stored and handed on.
    pub(super) fn check(&self) -> Result<(), ParseError> {
        if self.0.len() > Self::PAIRS {
            return Err(ParseError::new(format!(
                "a context has at most {} pairs, not {}",
                Self::PAIRS,
                self.0.len()
            )));
        }
        let bytes: usize = self
            .iter()
            .map(|(key, value)| key.len() + escaped_length(value))
            .sum();
        if bytes > Self::LIMIT {
            return Err(ParseError::new(format!(
                "a context takes at most {} bytes, not {bytes}",
                Self::LIMIT
            )));
        }
        Ok(())
    }

    /// Whether there is no pair.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl TryFrom<BTreeMap<String, String>> for Context {
    type Error = ParseError;

    fn try_from(map: BTreeMap<String, String>) -> Result<Self, ParseError> {
        let context = Self(map);
        context.check()?;
        Ok(context)
    }
}

impl From<Context> for BTreeMap<String, String> {
    fn from(context: Context) -> Self {
        context.0
    }
}

impl fmt::Display for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pairs: Vec<String> = self
            .iter()
            .map(|(key, value)| format!("{key}={value}"))
            .collect();
        f.write_str(&pairs.join(", "))
    }
}

/// Bytes of a value in JSON (RFC 8259, section 7), which a proxy's header carries: no control character is in it.
fn escaped_length(value: &str) -> usize {
    value.len() + value.matches(['"', '\\']).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_edit_sets_these_pairs_and_removes_those_keys() {
        let pairs = |text: &[&str]| -> Vec<ContextPair> {
            let pairs = text.iter().map(|pair| pair.parse().expect("a pair"));
            pairs.collect()
        };
        let before = Context::from_pairs(&pairs(&["a=1", "b=2", "c=3"])).expect("a context");
        let removed = ["c".parse().expect("a key")];
        let after = before.edited(&pairs(&["b=4", "d=5"]), &removed);
        assert_eq!(after.expect("a context").to_string(), "a=1, b=4, d=5");
        let nothing = before.edited(&[], &[]).expect("a context");
        assert_eq!(nothing.to_string(), before.to_string());
    }

    #[test]
    fn context_has_limits() {
        let pair = |text: &str| text.parse::<ContextPair>();
        assert!(pair("team=blue").is_ok() && pair("filter=a=b").is_ok());
        for bad in ["team", "=x", "a b=c", "team=", "team= x"] {
            assert!(pair(bad).is_err(), "{bad:?}");
        }
        let key = |length| "k".repeat(length).parse::<ContextKey>();
        assert!(key(64).is_ok());
        assert!(key(65).is_err() && key(66).is_err());
        let many = |count: usize| -> Result<Context, ParseError> {
            let pairs: Vec<_> = (0..count)
                .map(|n| pair(&format!("k{n}=v")).expect("valid"))
                .collect();
            Context::from_pairs(&pairs)
        };
        assert!(many(32).is_ok() && many(33).is_err());
        let twice = [pair("a=1").expect("valid"), pair("a=2").expect("valid")];
        assert!(Context::from_pairs(&twice).is_err());
        let quotes = |count: usize| {
            let pairs: Vec<_> = (0..2)
                .map(|n| pair(&format!("k{n}={}", "\"".repeat(count))).expect("valid"))
                .collect();
            Context::from_pairs(&pairs)
        };
        assert!(quotes(255).is_ok() && quotes(256).is_err());
        let long: Vec<_> = (0..5)
            .map(|n| pair(&format!("k{n}={}", "v".repeat(250))).expect("valid"))
            .collect();
        assert!(Context::from_pairs(&long).is_err());
    }
}
