//! What a vault can refuse, and why.

use std::collections::BTreeSet;
use std::fmt::{self, Display};
use std::io;

use super::hand_out::Readiness;
use crate::crypto::{Malformed, RandomError};
use crate::key::{KeyKind, KeyName, ParseError, RoleName, Scope, Timestamp, VariableName};
use crate::store::StoreError;

/// Every way in which a use case can fail. Nothing was changed, unless the message says otherwise.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    #[error("there is already an access token `{0}`")]
    AccessExists(KeyName),
    #[error("the access token was handed over, and it cannot be told whether it was saved")]
    AccessUncertain(#[source] StoreError),
    /// About uses of keys, which are counted beside the vault.
    #[error("the activity file cannot be used")]
    Activity(#[source] StoreError),
    #[error("the vault was altered: {0}")]
    Altered(String),
    #[error(
        "the rollback anchor `{0}` is damaged, so that an older copy of the vault would go unnoticed"
    )]
    AnchorDamaged(String),
    #[error("the key `{0}` was changed by somebody else meanwhile; nothing was changed")]
    Changed(String),
    #[error("the recovery code could not be handed over, and was not made")]
    CodeDelivery(#[source] io::Error),
    #[error("the printed recovery code opens nothing")]
    CodeInvalid(#[source] Box<VaultError>),
    #[error("the recovery code was printed, and it cannot be told whether it opens the vault")]
    CodeUncertain(#[source] StoreError),
    #[error("{which} expired at {at}")]
    CredentialExpired { which: Which, at: Timestamp },
    #[error(
        "{} must not be set: {} could change which code runs", listed_as_given(.0), if .0.len() == 1 { "it" } else { "they" }
    )]
    DangerousNames(Vec<VariableName>),
    #[error("the token could not be handed over, and was undone")]
    Delivery(#[source] io::Error),
    #[error("{kind} key `{name}` already exists in {scope}")]
    Exists {
        name: KeyName,
        scope: Scope,
        kind: KeyKind,
    },
    #[error(
        "the vault and a copy of it were changed apart: `{path}` has another history than the one this machine has seen"
    )]
    Forked { path: String },
    #[error("these are there already, or twice: {}", listed(.0))]
    ImportConflicts(Vec<String>),
    #[error("{0}")]
    Limit(String),
    #[error("more than one key {purpose} in {scope}: {}", listed(keys))]
    ManyKeys {
        purpose: String,
        scope: Scope,
        keys: Vec<String>,
    },
    #[error("{0}")]
    Misused(String),
    #[error("{0} was written by a newer keywright")]
    Newer(String),
    /// A text that is no access token, and may be a token of another sort.
    #[error("{which} {}", if *is_issued { "is the token of an issued key" } else { "is not one: a character is wrong or missing" })]
    NoAccessToken { which: Which, is_issued: bool },
    #[error("no default key in {0}")]
    NoDefault(Scope),
    #[error("no key {purpose} in {place}")]
    NoKeyFor {
        purpose: String,
        place: String,
        elsewhere: Vec<String>,
        nearest: Option<String>,
        /// Providers or models that keys of the scope have.
        there: Vec<String>,
    },
    #[error("{} in {scope}", listed(troubles))]
    NotReady {
        scope: Scope,
        troubles: Vec<String>,
        /// Each kind of trouble, once.
        kinds: BTreeSet<Readiness>,
    },
    #[error("whether it was used since {since} is not known: {}", counted_since(.first))]
    NotCounted {
        since: Timestamp,
        /// When counting began; `None` where nothing was ever counted.
        first: Option<Timestamp>,
    },
    #[error("this use could not be recorded, and the settings require that it is")]
    NotRecorded(#[source] Box<VaultError>),
    #[error(
        "no key with a variable in {scope} is called {}",
        listed_as_given(patterns)
    )]
    NotSelected { patterns: Vec<String>, scope: Scope },
    #[error("the token of `{0}` was shown once and cannot be shown again")]
    NotShownAgain(String),
    #[error(
        "this needs the passphrase: an access token opens {} for use only",
        listed(open)
    )]
    OwnerOnly { open: Vec<String> },
    #[error(
        "the vault is older than the slice `{path}`: {scope} is at change {found}, and in the slice at {held}"
    )]
    OlderThanSlice {
        path: String,
        scope: Scope,
        found: u64,
        held: u64,
    },
    #[error(transparent)]
    Parse(#[from] ParseError),
    #[error("the token was printed, and it cannot be told whether it is valid")]
    PrintedAndUncertain(#[source] StoreError),
    #[error("the printed token is not valid")]
    PrintedButInvalid(#[source] Box<VaultError>),
    #[error(transparent)]
    Random(#[from] RandomError),
    #[error(
        "the slice was made under another key of this vault: `{path}` may be older than the vault, or newer"
    )]
    RekeyedSlice { path: String },
    #[error("{0}")]
    Refused(String),
    #[error("{} want the same variable, `{variable}`", listed_as_given(keys))]
    Rivals {
        variable: VariableName,
        keys: Vec<String>,
    },
    #[error("the role `{role}` is in use by {}", listed(keys))]
    RoleInUse { role: RoleName, keys: Vec<String> },
    #[error("{key} cannot take this role")]
    RoleUnfit { key: String, source: ParseError },
    #[error(
        "the vault `{path}` is older (change {found}) than the one this machine has seen (change {seen})"
    )]
    RolledBack { path: String, found: u64, seen: u64 },
    /// What access tokens open is something else.
    #[error("{wanted} cannot be opened: the access token opens {}", listed(open))]
    ScopeClosed { wanted: String, open: Vec<String> },
    #[error("`{0}` is a slice of a vault, not a vault")]
    Slice(String),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(
        "the token could not be handed over ({delivery}), nor undone; `{name}` is left undelivered"
    )]
    Undo {
        name: String,
        delivery: io::Error,
        source: Box<VaultError>,
    },
    #[error("the change was cut off, and it cannot be told whether it was saved")]
    Uncertain(#[source] StoreError),
    #[error("no access token `{name}`")]
    UnknownAccess {
        name: KeyName,
        nearest: Option<String>,
    },
    #[error("`{path}` is refused: {why}")]
    Unfit { path: String, why: String },
    #[error("no key `{key}` in {place}")]
    UnknownKey {
        key: String,
        place: String,
        elsewhere: Vec<String>,
        nearest: Option<String>,
    },
    #[error("no role `{role}`")]
    UnknownRole {
        role: RoleName,
        nearest: Option<String>,
    },
    #[error("no {}keys in `{scope}`", kind.map(|kind| format!("{kind} ")).unwrap_or_default())]
    UnknownScope {
        scope: Scope,
        kind: Option<KeyKind>,
        nearest: Option<String>,
        /// Those that have such keys.
        there: Vec<String>,
    },
    #[error("{0} opens nothing here: it was revoked, or it is of another vault")]
    WrongAccessToken(Which),
    #[error("wrong passphrase, or a slot of the vault was altered")]
    WrongCredential,
}

impl VaultError {
    pub(super) fn altered(what: impl Into<String>) -> Self {
        Self::Altered(what.into())
    }

    /// Of an access token, with where it came from.
    pub(crate) fn with_source(mut self, source: &str) -> Self {
        if let Self::CredentialExpired { which, .. }
        | Self::NoAccessToken { which, .. }
        | Self::WrongAccessToken(which) = &mut self
        {
            which.source = Some(source.to_owned());
        }
        self
    }
}

/// An access token among those that were given.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Which {
    /// From 1.
    pub place: usize,
    pub count: usize,
    source: Option<String>,
}

impl Which {
    pub(super) fn new(index: usize, count: usize) -> Self {
        Self {
            place: index + 1,
            count,
            source: None,
        }
    }
}

impl Display for Which {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.count {
            1 => f.write_str("the access token")?,
            count => write!(f, "access token {} of {count}", self.place)?,
        }
        match &self.source {
            None => Ok(()),
            Some(source) => write!(f, " from {source}"),
        }
    }
}

/// The first of many, and how many more there are.
pub(crate) fn listed(texts: &[String]) -> String {
    const SHOWN: usize = 10;
    let shown = texts[..texts.len().min(SHOWN)].join(", ");
    match texts.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

/// The same of texts that a person gave.
fn listed_as_given<T: Display>(texts: &[T]) -> String {
    let quoted: Vec<String> = texts.iter().map(|text| format!("`{text}`")).collect();
    listed(&quoted)
}

impl From<Malformed> for VaultError {
    fn from(_: Malformed) -> Self {
        Self::Newer("a part of the vault".to_owned())
    }
}

fn counted_since(first: &Option<Timestamp>) -> String {
    match first {
        None => "no use of any key was counted on this machine".to_owned(),
        Some(first) => format!("uses are counted on this machine since {}", first.date()),
    }
}
