//! The vocabulary: names, ids, scopes, permissions, times, and what is known of a key. Plain types that import nothing
//! of ours, parse at the edge, and cannot be wrong afterwards.

mod brand;
mod context;
mod generation;
mod id;
mod issued;
mod label;
mod metadata;
mod name;
mod pattern;
mod period;
mod permission;
#[cfg(test)]
mod properties;
mod rate;
mod role;
mod scope;
mod sealed;
mod time;
mod variable;
mod well_known;

pub use self::brand::Brand;
pub use self::context::{Context, ContextKey, ContextPair};
pub use self::generation::{Generation, GenerationState, Status};
pub(crate) use self::id::{BASE62, has_secret, hide_secrets};
pub use self::id::{KeyId, KeyRef, ScopeId, SlotId, VaultId};
pub use self::issued::IssuedDetails;
pub use self::label::{Actor, Model, Note, Provider, SearchText, Tag};
pub use self::metadata::{Details, Key, ProviderDetails, Revocation, tag_list};
pub use self::name::KeyName;
pub use self::pattern::KeyPattern;
pub use self::period::{Period, Periods};
pub use self::permission::{Permission, PermissionSet};
pub use self::rate::Rate;
pub use self::role::{Role, RoleName};
pub use self::scope::{Environment, KeyKind, Project, Scope};
pub use self::sealed::Sealed;
pub use self::time::{Expiry, Span, Timestamp, When};
pub use self::variable::{Assignment, VariableName};
pub use self::well_known::{WELL_KNOWN, WellKnown};

/// Why a text is not what it should be: one sentence without a full stop, for the person who typed it.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{0}")]
pub struct ParseError(String);

impl ParseError {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

/// The serde and text forms of a newtype over `String` whose rules its `FromStr` holds.
macro_rules! text_type {
    ($name:ident) => {
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl $name {
            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = crate::key::ParseError;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> Self {
                value.0
            }
        }
    };
}
use text_type;
