//! What a process leaves that is ended in between: a token that was made and never handed over, told once by whoever
//! opens the vault next, and a vault under a passing name.

use std::fmt;
use std::path::Path;

use super::Vault;
use super::log::{Event, NO_HASH, Verb, entry_hash, open_entry};
use super::state::State;
use crate::crypto::RootKey;
use crate::key::{KeyId, KeyKind, KeyName, Scope, Timestamp};
use crate::store::{Leftover, Snapshot};

/// Seconds in which somebody may still be at it.
pub(super) const PATIENCE: i64 = 60;

impl Vault {
    /// Lets the first use case look whether the last change was a token that was never handed over; then it is among the
    /// warnings, unless it is settled before they are taken. The holder of access tokens has no key of the log, and hears
    /// nothing of it.
    pub fn look_back(&mut self, now: Timestamp) {
        self.look_back = Some(now);
    }

    /// What processes that were ended while they made a vault left beside `path`; nothing that was touched in the last
    /// minute, for its process may be at it still. None where the folder cannot be read.
    pub fn leftovers(path: &Path, now: Timestamp) -> Vec<Leftover> {
        Leftover::beside(path, Timestamp(now.0.saturating_sub(PATIENCE)))
    }
}

/// What the last change of the vault left half done.
#[derive(Clone, Debug)]
pub(super) struct Unfinished {
    verb: Verb,
    at: Timestamp,
    id: KeyId,
    name: KeyName,
    scope: Scope,
}

impl Unfinished {
    /// The token that the last entry of the log made, if it is older than a minute and waits still. One entry is opened,
    /// and a record only where that entry made a token. What does not open is told by whoever reads it.
    pub(super) fn of(
        snapshot: &Snapshot<'_>,
        state: &State,
        key: &RootKey,
        now: Timestamp,
    ) -> Option<Self> {
        let vault = state.vault;
        let index = state.head.as_ref()?.log_length;
        let entry_at = |index| snapshot.log_entry(index).ok().flatten();
        let previous = entry_at(index.checked_sub(1)?);
        let previous = previous.map_or(NO_HASH, |entry| entry_hash(&entry, index - 1, vault));
        let entry = open_entry(&entry_at(index)?, index, &previous, key, vault).ok()?;
        let made_a_token = matches!(entry.verb, Verb::Create | Verb::Rotate)
            && entry.kind == Some(KeyKind::Issued)
            && entry.at.0 <= now.0.saturating_sub(PATIENCE);
        if !made_a_token {
            return None;
        }
        let (scope, id) = (entry.scope?, entry.key_id?.parse().ok()?);
        let open = state.scope(&scope, KeyKind::Issued)?;
        let rows = state.pass(snapshot, open, |_| Ok(())).ok()?;
        let record_key = state.record_key(open);
        let record = state.record(snapshot, open.row.id, &record_key, rows.by_id(id)?);
        let key = record.ok()?.key().ok()?;
        key.pending().is_some().then_some(Self {
            verb: entry.verb,
            at: entry.at,
            id,
            name: key.name,
            scope,
        })
    }

    /// Whether this change settles it: the key, or the one that has its name now, got another token or is gone.
    pub(super) fn is_settled_by(&self, event: &Event) -> bool {
        let settles = matches!(
            event.verb,
            Verb::Create | Verb::Delete | Verb::Deliver | Verb::Revoke | Verb::Rotate
        );
        let same_scope = |(scope, _): &(Scope, KeyKind)| *scope == self.scope;
        let same_key = |(id, name): &(KeyId, KeyName)| *id == self.id || *name == self.name;
        settles
            && event.scope.as_ref().is_some_and(same_scope)
            && event.key.as_ref().is_some_and(same_key)
    }
}

impl fmt::Display for Unfinished {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let command = |verb| {
            let arguments = arguments_about(verb, &self.name, self.id, &self.scope);
            format!("keywright {arguments}")
        };
        let new = if self.verb == Verb::Rotate {
            "new "
        } else {
            ""
        };
        write!(
            f,
            "the {new}token of `{}` in {}, made at {}, was never handed over; `{}` makes another",
            self.name,
            self.scope,
            self.at,
            command("rotate"),
        )?;
        if self.verb == Verb::Create {
            write!(f, ", `{}` deletes the key", command("delete"))?;
        }
        Ok(())
    }
}

/// The arguments of a command about a key, wherever it is given: quoted as a shell takes them.
pub(crate) fn arguments_about(verb: &str, name: &KeyName, id: KeyId, scope: &Scope) -> String {
    let (project, environment) = (scope.project.as_str(), scope.environment.as_str());
    // A name that looks like an option is none.
    let name = Some(name.as_str()).filter(|name| !name.starts_with('-'));
    let words = [
        verb,
        name.unwrap_or(id.as_str()),
        "-p",
        project,
        "-e",
        environment,
    ];
    let quoted = words.map(|word| shlex::try_quote(word).unwrap_or(word.into()));
    quoted.join(" ")
}
