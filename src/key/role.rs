//! Named sets of permissions.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::scope::slug;
use super::{Context, ParseError, PermissionSet, text_type};

/// A role's name: 1 to 64 of letters, digits, `.`, `_` and `-`, beginning with a letter or digit.
///
/// As narrow as a project's, because it is read in HTTP headers.
#[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct RoleName(String);

text_type!(RoleName);

impl FromStr for RoleName {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        slug(text, "a role").map(Self)
    }
}

/// A named set of permissions, with context pairs that go with them. Field names are part of the file format.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Role {
    pub name: RoleName,
    pub permissions: PermissionSet,
    pub context: Context,
}
