//! Backups: the whole vault as it is at one instant, in a file of its own.

use std::fs;
use std::path::Path;

use super::restore::is_damage;
use super::state::State;
use super::whole::Contents;
use super::{Holder, Vault, VaultError, View};
use crate::crypto::RootKey;
use crate::key::{ScopeId, VaultId};
use crate::store::{Access, Change, NewFile, Snapshot, StoreError, VaultFile, check_target};

/// A copy that was made and looked at.
#[derive(Clone, Debug)]
pub struct BackedUp {
    pub contents: Contents,
    /// Of the file, in bytes.
    pub size: u64,
    /// Whether it took the place of another backup.
    pub replaced: bool,
}

impl Vault {
    /// Copies the vault, row by row and as one instant has it, into a new file of mode 0600, opens every record of the
    /// copy and reads its whole log, and only then gives it its name. With `replace` it may take the place of a
    /// whole copy of the same vault.
    ///
    /// # Errors
    /// [`VaultError::OwnerOnly`] for the holder of an access token; of the store those of a target that is refused,
    /// [`StoreError::NotReplaced`] for anything but such a copy. Nothing is at `target` then that was not there before.
    pub fn back_up(&mut self, target: &Path, replace: bool) -> Result<BackedUp, VaultError> {
        let key = self.owner_key()?;
        let place = self.copy_place(target, Sort::Whole, replace);
        place.check(&self.file)?;
        let new = NewFile::beside(target)?;
        let change = new.change()?;
        // Writers wait for the copying, row by row, and for nothing else. What takes longer, writing to the disk and
        // opening what was written, comes when nobody waits.
        let source = self.read(|view| {
            view.copy_whole(&change)?;
            Ok(view.state.seen(ScopeId::OWN))
        })?;
        change.commit()?;
        let contents = {
            let view = View::of_whole(new.file().snapshot()?, self.id, &key)?;
            if view.state.seen(ScopeId::OWN) != source {
                return Err(VaultError::altered("the copy is another than the vault"));
            }
            view.check_whole(&key)?
        };
        let replaced = place.publish(new)?;
        Ok(BackedUp {
            contents,
            size: size_of(target),
            replaced,
        })
    }

    pub(super) fn copy_place<'a>(
        &self,
        path: &'a Path,
        sort: Sort,
        replace: bool,
    ) -> CopyPlace<'a> {
        CopyPlace {
            path,
            vault: self.id,
            sort,
            replace,
        }
    }
}

/// What a copy of a vault is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Sort {
    Slice,
    Whole,
}

/// Where a copy goes, and what it may take the place of: a copy of the same vault and of the same sort.
pub(super) struct CopyPlace<'a> {
    path: &'a Path,
    vault: VaultId,
    sort: Sort,
    replace: bool,
}

impl CopyPlace<'_> {
    /// Refuses it before the work is done.
    pub(super) fn check(&self, vault: &VaultFile) -> Result<(), VaultError> {
        check_target(self.path, vault, self.replace)?;
        if self.is_taken() {
            self.refuse_other()?;
        }
        Ok(())
    }

    /// Gives the copy its name, and says whether it took the place of another. What is there is looked at once more: it
    /// may have come since.
    pub(super) fn publish(&self, new: NewFile) -> Result<bool, VaultError> {
        let replaced = self.replace && self.is_taken();
        if replaced {
            self.refuse_other()?;
            new.replace()?;
        } else {
            new.publish()?;
        }
        Ok(replaced)
    }

    fn is_taken(&self) -> bool {
        self.path.symlink_metadata().is_ok()
    }

    /// Whoever misspells a name must not lose another vault by it.
    fn refuse_other(&self) -> Result<(), VaultError> {
        let looked = VaultFile::open(self.path, Access::TokenHolder)
            .and_then(|file| file.snapshot()?.header());
        let why = match looked {
            Err(err) if is_damage(&err) => {
                "it cannot be read as a copy of this vault; remove it yourself"
            }
            Err(err) => return Err(err.into()),
            Ok(header) if header.vault != self.vault => "it is another vault, or a copy of one",
            Ok(header) => match (self.sort, header.head.bytes.is_empty()) {
                (Sort::Slice, false) => "it is a whole vault, not a slice",
                (Sort::Whole, true) => "it is a slice, not a whole backup",
                (Sort::Slice, true) | (Sort::Whole, false) => return Ok(()),
            },
        };
        Err(StoreError::NotReplaced {
            path: self.path.to_owned(),
            why: why.to_owned(),
        }
        .into())
    }
}

impl<'a> View<'a> {
    /// Of a file that no anchor is asked about.
    pub(super) fn of_whole(
        snapshot: Snapshot<'a>,
        vault: VaultId,
        key: &RootKey,
    ) -> Result<Self, VaultError> {
        let state = State::verify(&snapshot, vault, &Holder::Owner(key.duplicate()))?;
        Ok(Self { snapshot, state })
    }

    /// Every row, as it is.
    pub(super) fn copy_whole(&self, to: &Change<'_>) -> Result<(), VaultError> {
        to.put_header(&self.state.header)?;
        for slot in &self.state.slots {
            to.put_slot(slot)?;
        }
        copy_records(&self.snapshot, ScopeId::OWN, to)?;
        for open in &self.state.scopes {
            to.put_scope(&open.row)?;
            copy_records(&self.snapshot, open.row.id, to)?;
        }
        self.snapshot
            .log(|index, entry| to.append_log(index, &entry))?;
        Ok(())
    }
}

/// The records of a scope, sealed as they are.
pub(super) fn copy_records(
    from: &Snapshot<'_>,
    scope: ScopeId,
    to: &Change<'_>,
) -> Result<(), VaultError> {
    from.records(scope, |row| to.put_record(scope, &row))?;
    Ok(())
}

/// Nothing depends on it: it is told.
pub(super) fn size_of(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |metadata| metadata.len())
}
