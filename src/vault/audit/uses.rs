//! The uses of an audit: which of the activity file's events are read, and what opens them.

use std::collections::HashMap;

use super::entry::AuditFilter;
use crate::crypto::RootKey;
use crate::key::{KeyId, KeyKind, KeyName, Scope, Timestamp};
use crate::store::{ActivityFile, EventRow, StoreError};
use crate::vault::activity::{ActivityKey, UseEvent};
use crate::vault::head::{Manifest, OpenScope};
use crate::vault::{VaultError, View};

/// Events that are held at once.
pub(super) const PAGE: u32 = 500;

/// Shows the events that may be wanted to `visit`, newest first, until it has enough. None is later than `last`, for the
/// key of a later one may be unknown.
pub(in crate::vault) fn newest_first(
    file: &ActivityFile,
    last: u64,
    key: Option<KeyId>,
    filter: &AuditFilter,
    mut visit: impl FnMut(&EventRow) -> bool,
) -> Result<(), VaultError> {
    let pages = match key {
        None => of_all(file, last, filter, &mut visit),
        Some(id) => of_key(file, last, id, filter, &mut visit),
    };
    pages.map_err(VaultError::Activity)
}

fn of_all(
    file: &ActivityFile,
    last: u64,
    filter: &AuditFilter,
    visit: &mut impl FnMut(&EventRow) -> bool,
) -> Result<(), StoreError> {
    // Times need not rise with the numbers, so the numbers are looked up: a clock that was set hides nothing.
    let bounds = if filter.since.is_none() && filter.until.is_none() {
        Some((1, last))
    } else {
        file.event_bounds(&filter.times())?
    };
    let Some((first, newest)) = bounds else {
        return Ok(());
    };
    let mut before = newest.min(last).saturating_add(1);
    loop {
        let page = file.events_before(first, before, PAGE)?;
        let Some(oldest) = page.last() else {
            return Ok(());
        };
        before = oldest.sequence;
        if !page.iter().all(&mut *visit) {
            return Ok(());
        }
    }
}

fn of_key(
    file: &ActivityFile,
    last: u64,
    id: KeyId,
    filter: &AuditFilter,
    visit: &mut impl FnMut(&EventRow) -> bool,
) -> Result<(), StoreError> {
    let mut before = (Timestamp(i64::MAX), i64::MAX.cast_unsigned());
    loop {
        let page = file.events_of(id, &filter.times(), before, PAGE)?;
        let Some(oldest) = page.last() else {
            return Ok(());
        };
        before = (oldest.at, oldest.sequence);
        let mut seen = page.iter().filter(|row| row.sequence <= last);
        if !seen.all(&mut *visit) {
            return Ok(());
        }
    }
}

/// The open scopes and whose keys are in them.
pub(in crate::vault) struct Homes<'a> {
    view: &'a View<'a>,
    scopes: Vec<Home<'a>>,
    /// The scope of each key that was asked for, by its place in `scopes`; `None` for a key that is in none.
    known: HashMap<KeyId, Option<usize>>,
    /// Likewise for keys that are deleted: the scope whose key opened an event of theirs.
    deleted: HashMap<KeyId, usize>,
    /// What the access tokens are called, by the ids of their slots.
    tokens: HashMap<String, KeyName>,
}

/// An event that was opened, and the scope whose key it is about.
pub(in crate::vault) struct OpenedUse<'a> {
    pub(in crate::vault) event: UseEvent,
    /// Which access token it was made with, for people.
    pub(in crate::vault) token: Option<String>,
    pub(in crate::vault) scope: &'a Scope,
    pub(in crate::vault) kind: KeyKind,
}

struct Home<'a> {
    open: &'a OpenScope,
    keys: Manifest,
    activity: ActivityKey,
}

impl<'a> Homes<'a> {
    /// One verified pass over each scope, which opens nothing.
    pub(in crate::vault) fn of(view: &'a View<'a>, key: &RootKey) -> Result<Self, VaultError> {
        let home = |open: &'a OpenScope| {
            Ok(Home {
                open,
                keys: view.state.pass(&view.snapshot, open, |_| Ok(()))?,
                activity: ActivityKey::of(open),
            })
        };
        let scopes: Result<_, VaultError> = view.state.scopes.iter().map(home).collect();
        Ok(Self {
            view,
            scopes: scopes?,
            known: HashMap::new(),
            deleted: HashMap::new(),
            tokens: view
                .access_tokens(key)?
                .into_iter()
                .map(|token| (token.slot.to_string(), token.name))
                .collect(),
        })
    }

    /// Which access token a use was made with, for people.
    fn token(&self, event: &UseEvent) -> Option<String> {
        let slot = event.access.as_ref()?;
        Some(match self.tokens.get(slot) {
            Some(name) => format!("access token {name}"),
            None => "an access token that is revoked".to_owned(),
        })
    }

    /// The name that a key has now; `None` when it is deleted.
    pub(super) fn name(&mut self, id: KeyId) -> Result<Option<KeyName>, VaultError> {
        let Some(at) = self.of_key(id) else {
            return Ok(None);
        };
        let (state, home) = (&self.view.state, &self.scopes[at]);
        let Some(row) = home.keys.by_id(id) else {
            return Ok(None);
        };
        let key = state.record_key(home.open);
        let record = state.record(&self.view.snapshot, home.open.row.id, &key, row)?;
        Ok(Some(record.key()?.name))
    }

    /// Opens an event with the key of its scope, and tells which that is; `None` for one that an older key sealed, or
    /// that was altered.
    pub(in crate::vault) fn open(&mut self, row: &EventRow) -> Option<OpenedUse<'_>> {
        let id = row.key_id?;
        let (vault, home) = (self.view.state.vault, self.of_key(id));
        let opened = |at: usize| {
            let event = self.scopes[at].activity.open(row, vault).ok()?;
            Some((at, event))
        };
        let (at, event) = match home {
            Some(at) => opened(at)?,
            // The row does not tell the scope, and a deleted key is in none: whichever opens it was it.
            None => {
                let likely = self.deleted.get(&id).and_then(|at| opened(*at));
                likely.or_else(|| (0..self.scopes.len()).find_map(opened))?
            }
        };
        self.deleted.insert(id, at);
        let open = self.scopes[at].open;
        Some(OpenedUse {
            token: self.token(&event),
            event,
            scope: &open.scope,
            kind: open.kind,
        })
    }

    fn of_key(&mut self, id: KeyId) -> Option<usize> {
        let scopes = &self.scopes;
        let find = || scopes.iter().position(|home| home.keys.by_id(id).is_some());
        *self.known.entry(id).or_insert_with(find)
    }
}
