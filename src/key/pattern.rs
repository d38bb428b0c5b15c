//! Names with wildcards.

use std::fmt;
use std::str::FromStr;

use super::id::refuse_token;
use super::name::one_line;
use super::{ParseError, VariableName};

/// Chooses keys by name or variable: the whole name, or one with `*`, `?` and `[…]` in it. At most 200 characters.
#[derive(Clone, Debug)]
pub struct KeyPattern {
    text: String,
    /// `None` where it is no pattern, such as a name with a bracket that is not closed.
    wildcards: Option<glob::Pattern>,
}

impl KeyPattern {
    /// Whether it is this very text.
    pub fn is(&self, text: &str) -> bool {
        self.text == text
    }

    /// Whether it can mean several keys.
    pub fn has_wildcards(&self) -> bool {
        self.text.contains(['*', '?', '['])
    }

    /// Whether it means a key of this name, or one that goes into this variable.
    pub fn takes(&self, name: &str, variable: &VariableName) -> bool {
        [name, variable.as_str()].into_iter().any(|candidate| {
            candidate == self.text
                || self
                    .wildcards
                    .as_ref()
                    .is_some_and(|pattern| pattern.matches(candidate))
        })
    }
}

impl FromStr for KeyPattern {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        refuse_token(text)?;
        let text = one_line(text, "a name or pattern", 200)?;
        Ok(Self {
            wildcards: glob::Pattern::new(&text).ok(),
            text,
        })
    }
}

impl fmt::Display for KeyPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_means_names_and_variables() {
        let variable: VariableName = "STRIPE_KEY".parse().expect("a variable");
        let takes = |pattern: &str, name: &str| {
            let pattern: KeyPattern = pattern.parse().expect("a pattern");
            pattern.takes(name, &variable)
        };
        for pattern in [
            "stripe/live",
            "stripe*",
            "*/live",
            "STRIPE_KEY",
            "STRIPE_*",
            "*",
            "stripe?live",
        ] {
            assert!(takes(pattern, "stripe/live"), "{pattern}");
        }
        for pattern in ["stripe", "Stripe*", "STRIPE", "?"] {
            assert!(!takes(pattern, "stripe/live"), "{pattern}");
        }
        assert!(takes("[br]*?", "[br]*?"));
        assert!(takes("[open", "[open"));
    }
}
