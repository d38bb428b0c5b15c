//! Slices: a few scopes of a vault in a file of their own, for those who hold access tokens.

use std::path::Path;

use super::backup::{Sort, copy_records, size_of};
use super::head::{Manifest, OpenScope};
use super::state::State;
use super::{Vault, VaultError, View};
use crate::checks;
use crate::crypto::{RootKey, SlotKind};
use crate::key::{KeyKind, KeyName, Scope, ScopeId, Sealed, SlotId, VaultId};
use crate::store::{
    Access, Change, HeaderRow, NewFile, ScopeRow, SlotRow, Snapshot, StoreError, VaultFile,
};

/// Which scopes are in a slice.
#[derive(Clone, Debug)]
pub struct SliceScopes {
    pub scopes: Vec<Scope>,
    /// Only keys of this kind; of both unless it is given.
    pub kind: Option<KeyKind>,
}

/// A slice that was made, or brought up to date, and looked at.
#[derive(Clone, Debug)]
pub struct Sliced {
    pub outcome: SliceOutcome,
    pub scopes: Vec<(Scope, KeyKind)>,
    pub keys: u64,
    /// Those that open a scope of it, by name.
    pub access_tokens: Vec<KeyName>,
    /// Of the file, in bytes.
    pub size: u64,
}

/// What became of the file.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SliceOutcome {
    Made,
    Refreshed,
    Replaced,
    /// Not a byte of it was written.
    Unchanged,
}

impl Vault {
    /// Copies a few scopes, and what opens them alone, into a new file of mode 0600, and looks at it before it gets its
    /// name. Nothing else of the vault is in it: no log, no role, no other slot. With `replace` it may take the place of
    /// another slice of the same vault.
    ///
    /// # Errors
    /// [`VaultError::UnknownScope`] says which there are; else as [`Vault::back_up`].
    pub fn slice(
        &mut self,
        target: &Path,
        wanted: &SliceScopes,
        replace: bool,
    ) -> Result<Sliced, VaultError> {
        let key = self.owner_key()?;
        let place = self.copy_place(target, Sort::Slice, replace);
        place.check(&self.file)?;
        let new = NewFile::beside(target)?;
        let change = new.change()?;
        let (rows, openers) = self.read(|view| {
            let rows = view.slice_of(&view.chosen(wanted)?);
            rows.copy(&view.snapshot, &change)?;
            let openers = view.openers(&rows, &key)?;
            Ok((rows, openers))
        })?;
        change.commit()?;
        let state = check_slice(&new.file().snapshot()?, &rows, &key)?;
        let outcome = if place.publish(new)? {
            SliceOutcome::Replaced
        } else {
            SliceOutcome::Made
        };
        Ok(state.told(outcome, openers, target))
    }

    /// Brings a slice of this vault up to date, in its place and in one change, with the scopes that are wanted: what is in
    /// the file chooses none, because anybody who can write it could have put one there. Where it is so already, nothing is
    /// written. What it held before is overwritten with zeros.
    ///
    /// # Errors
    /// [`VaultError::Unfit`] when the file is no slice of this vault; unless the location accepts that,
    /// [`VaultError::OlderThanSlice`] when the vault is older than the slice, and [`VaultError::RekeyedSlice`] when nobody
    /// can tell.
    pub fn refresh_slice(
        &mut self,
        target: &Path,
        wanted: &SliceScopes,
    ) -> Result<Sliced, VaultError> {
        let key = self.owner_key()?;
        // It may be readable by others, as files of a repository are.
        let file = VaultFile::open(target, Access::TokenHolder)?;
        let change = file.change()?;
        let present = Rows::of(&change)?;
        refuse_unfit(&present.header, self.id, target)?;
        let whole = check_slice(&change, &present, &key).is_ok();
        let accepts = self.location.accept_rollback;
        let (rows, openers) = self.read(|view| {
            if !accepts {
                view.refuse_older(&present, &key, target)?;
            }
            let rows = view.slice_of(&view.chosen(wanted)?);
            let openers = view.openers(&rows, &key)?;
            // Heads that are equal are over equal rows, and the rows were compared with them.
            let unchanged = whole && rows == present;
            if !unchanged {
                change.clear()?;
                rows.copy(&view.snapshot, &change)?;
            }
            Ok(((!unchanged).then_some(rows), openers))
        })?;
        let Some(rows) = rows else {
            let state = check_slice(&change, &present, &key)?;
            return Ok(state.told(SliceOutcome::Unchanged, openers, target));
        };
        let state = check_slice(&change, &rows, &key)?;
        if let Err(failure) = change.commit() {
            settle(failure, target, &rows, &key)?;
        }
        Ok(state.told(SliceOutcome::Refreshed, openers, target))
    }
}

/// All that is in a slice but its records, which the heads of its scopes bind.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct Rows {
    header: HeaderRow,
    slots: Vec<SlotRow>,
    scopes: Vec<ScopeRow>,
}

impl Rows {
    /// All that there are in a file.
    pub(super) fn of(file: &Snapshot<'_>) -> Result<Self, VaultError> {
        Ok(Self {
            header: file.header()?,
            slots: file.slots()?,
            scopes: file.scopes()?,
        })
    }

    fn copy(&self, from: &Snapshot<'_>, to: &Change<'_>) -> Result<(), VaultError> {
        to.put_header(&self.header)?;
        for slot in &self.slots {
            to.put_slot(slot)?;
        }
        for scope in &self.scopes {
            to.put_scope(scope)?;
            copy_records(from, scope.id, to)?;
        }
        Ok(())
    }
}

/// A slice that was looked at.
pub(super) struct SliceState {
    state: State,
    keys: u64,
}

impl SliceState {
    fn told(self, outcome: SliceOutcome, access_tokens: Vec<KeyName>, target: &Path) -> Sliced {
        let scopes = self.state.scopes.into_iter();
        Sliced {
            outcome,
            scopes: scopes.map(|open| (open.scope, open.kind)).collect(),
            keys: self.keys,
            access_tokens,
            size: size_of(target),
        }
    }
}

impl View<'_> {
    /// The scopes that are wanted, in the order of their ids.
    fn chosen(&self, wanted: &SliceScopes) -> Result<Vec<&OpenScope>, VaultError> {
        let fits = |open: &OpenScope| wanted.kind.is_none_or(|kind| kind == open.kind);
        for scope in &wanted.scopes {
            let mut there = self.state.scopes.iter();
            if !there.any(|open| open.scope == *scope && fits(open)) {
                return Err(self.state.unknown_scope(scope, wanted.kind));
            }
        }
        let is_wanted = |open: &&OpenScope| wanted.scopes.contains(&open.scope) && fits(open);
        Ok(self.state.scopes.iter().filter(is_wanted).collect())
    }

    /// The access tokens that open a scope of a slice, by name.
    fn openers(&self, slice: &Rows, key: &RootKey) -> Result<Vec<KeyName>, VaultError> {
        let opens = |id: SlotId| slice.slots.iter().any(|slot| slot.id == id);
        let tokens = self.access_tokens(key)?.into_iter();
        Ok(tokens
            .filter(|token| opens(token.slot))
            .map(|token| token.name)
            .collect())
    }

    fn slice_of(&self, chosen: &[&OpenScope]) -> Rows {
        let opens = |slot: &&SlotRow| {
            let is_token = slot.kind == SlotKind::AccessToken.number();
            is_token && chosen.iter().any(|open| open.row.id == slot.scope)
        };
        Rows {
            header: HeaderRow {
                head: Sealed {
                    nonce: [0; Sealed::NONCE],
                    bytes: Vec::new(),
                },
                ..self.state.header.clone()
            },
            slots: self.state.slots.iter().filter(opens).cloned().collect(),
            scopes: chosen.iter().map(|open| open.row.clone()).collect(),
        }
    }

    /// A slice that holds a later state of a scope, or a scope that the vault does not have, was made of a newer vault.
    /// One under another key of the vault was made before a re-keying that this vault had, or after one that it has not:
    /// either may be the newer one, and the numbers in it cannot be read.
    fn refuse_older(&self, slice: &Rows, key: &RootKey, target: &Path) -> Result<(), VaultError> {
        if slice.header.key_id != self.state.header.key_id {
            return Err(VaultError::RekeyedSlice {
                path: target.display().to_string(),
            });
        }
        for row in &slice.scopes {
            let Ok(held) = OpenScope::open(row.clone(), key, self.state.vault) else {
                continue;
            };
            let present = self.state.scopes.iter().find(|open| open.row.id == row.id);
            let found = present.map_or(0, |open| open.head.meta.sequence);
            if held.head.meta.sequence > found {
                return Err(VaultError::OlderThanSlice {
                    path: target.display().to_string(),
                    scope: held.scope,
                    found,
                    held: held.head.meta.sequence,
                });
            }
        }
        Ok(())
    }
}

fn refuse_unfit(header: &HeaderRow, vault: VaultId, target: &Path) -> Result<(), VaultError> {
    let why = if !header.head.bytes.is_empty() {
        "it is a whole vault, not a slice"
    } else if header.vault != vault {
        "it is a slice of another vault"
    } else {
        return Ok(());
    };
    Err(VaultError::Unfit {
        path: target.display().to_string(),
        why: why.to_owned(),
    })
}

/// A commit that failed may have happened all the same: opens the file again and looks for the rows.
fn settle(
    failure: StoreError,
    target: &Path,
    rows: &Rows,
    key: &RootKey,
) -> Result<(), VaultError> {
    let look = || -> Result<bool, VaultError> {
        let file = VaultFile::open(target, Access::TokenHolder)?;
        Ok(check_slice(&file.snapshot()?, rows, key).is_ok())
    };
    match look() {
        Ok(true) => Ok(()),
        Ok(false) => Err(failure.into()),
        Err(_) => Err(VaultError::Uncertain(failure)),
    }
}

/// Looks at all of a slice: it has these rows and no others, and each scope is as it was sealed.
pub(super) fn check_slice(
    snapshot: &Snapshot<'_>,
    expected: &Rows,
    key: &RootKey,
) -> Result<SliceState, VaultError> {
    let vault = expected.header.vault;
    let header = snapshot.header()?;
    let (slots, rows) = (snapshot.slots()?, snapshot.scopes()?);
    let known = |id: &ScopeId| rows.iter().any(|row| row.id == *id);
    let is_token =
        |slot: &SlotRow| slot.kind == SlotKind::AccessToken.number() && known(&slot.scope);
    let with_records = snapshot.scopes_of_records(rows.len() + 1)?;
    let fits = header == expected.header
        && slots == expected.slots
        && rows == expected.scopes
        && header.head.bytes.is_empty()
        && slots.iter().all(is_token)
        && with_records.iter().all(known)
        && snapshot.log_bounds()?.is_none();
    if !checks::holds(fits) {
        return Err(VaultError::altered(
            "the slice has other rows than those of its scopes",
        ));
    }
    let scopes = rows
        .into_iter()
        .map(|row| OpenScope::open(row, key, vault))
        .collect::<Result<_, _>>()?;
    let state = State {
        vault,
        header,
        slots,
        scopes,
        head: None,
        own: Manifest::default(),
    };
    let keys = state.check_records(snapshot)?;
    Ok(SliceState { state, keys })
}
