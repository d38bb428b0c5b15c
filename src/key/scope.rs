//! Where a key lives: project, environment and kind of key.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{ParseError, text_type};

/// A project: 1 to 64 of letters, digits, `.`, `_` and `-`, beginning with a letter or digit.
///
/// Narrower than a key's name, because it is read in HTTP headers, URLs and `project/environment` texts.
#[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Project(String);

text_type!(Project);

impl Default for Project {
    fn default() -> Self {
        Self("default".to_owned())
    }
}

impl FromStr for Project {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        slug(text, "a project").map(Self)
    }
}

/// An environment: `production`, `staging`, `development`, or a name of the user's own (same characters as a project).
///
/// `prod`, `stg` and `dev`, in upper or lower case, are read as the long names, so that nobody owns both a `Prod` and a
/// `production`.
#[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Environment(String);

text_type!(Environment);

impl Environment {
    /// The four letters or so that stand in a token.
    pub fn short(&self) -> &'static str {
        match self.as_str() {
            "development" => "dev",
            "production" => "prod",
            "staging" => "stg",
            _ => "env",
        }
    }
}

impl Default for Environment {
    fn default() -> Self {
        Self("development".to_owned())
    }
}

impl FromStr for Environment {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let long = match text.to_ascii_lowercase().as_str() {
            "dev" | "development" => "development",
            "prod" | "production" => "production",
            "stg" | "staging" => "staging",
            _ => text,
        };
        slug(long, "an environment").map(Self)
    }
}

/// Whose key it is: ours (issued), or somebody else's (provider).
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyKind {
    Issued,
    Provider,
}

impl KeyKind {
    /// Both kinds.
    pub const ALL: [Self; 2] = [Self::Issued, Self::Provider];
}

impl fmt::Display for KeyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Issued => "issued",
            Self::Provider => "provider",
        })
    }
}

/// One project, one environment. With a [`KeyKind`] it is what a scope key seals.
#[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Scope {
    pub project: Project,
    pub environment: Environment,
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.project, self.environment)
    }
}

impl FromStr for Scope {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let (project, environment) = text.split_once('/').ok_or_else(|| {
            ParseError::new("a scope is PROJECT/ENVIRONMENT, such as `shop/staging`")
        })?;
        Ok(Self {
            project: project.parse()?,
            environment: environment.parse()?,
        })
    }
}

/// The characters that are safe in headers, URLs and paths.
pub(super) fn slug(text: &str, what: &str) -> Result<String, ParseError> {
    let starts = text.starts_with(|c: char| c.is_ascii_alphanumeric());
    let continues = text
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
    if !starts || !continues || text.len() > 64 {
        return Err(ParseError::new(format!(
            "{what} is 1 to 64 letters, digits, `.`, `_` and `-`, and begins with a letter or digit"
        )));
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn environments_have_one_name_each() {
        for (text, long, short) in [
            ("prod", "production", "prod"),
            ("production", "production", "prod"),
            ("stg", "staging", "stg"),
            ("dev", "development", "dev"),
            ("PROD", "production", "prod"),
            ("qa-2", "qa-2", "env"),
        ] {
            let environment: Environment = text.parse().expect("valid");
            assert_eq!((environment.as_str(), environment.short()), (long, short));
        }
    }

    #[test]
    fn a_scope_is_read_as_it_is_written() {
        for text in ["shop/production", "a.b/c-d"] {
            let scope: Scope = text.parse().expect("a scope");
            assert_eq!(scope.to_string(), text);
        }
        for (length, fits) in [(64, true), (65, false), (66, false)] {
            assert_eq!("p".repeat(length).parse::<Project>().is_ok(), fits);
        }
        let short: Scope = "shop/prod".parse().expect("a scope");
        assert_eq!(short.to_string(), "shop/production");
        for bad in ["", "shop", "shop/", "/production", "a/b/c", "a b/c"] {
            assert!(bad.parse::<Scope>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn projects_are_safe_everywhere() {
        for bad in ["", "-a", ".a", "a/b", "a b", "é", &"a".repeat(65)] {
            assert!(bad.parse::<Project>().is_err(), "{bad:?}");
        }
    }
}
