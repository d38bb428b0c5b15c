//! Backups: the whole vault as it is at one instant, in a file of its own.

use std::fs;
use std::path::Path;

use super::state::State;
use super::whole::Contents;
use super::{Holder, Vault, VaultError, View};
use crate::crypto::RootKey;
use crate::key::{ScopeId, VaultId};
use crate::store::{Change, NewFile, Snapshot, check_target};

/// A copy that was made and looked at.
#[derive(Clone, Debug)]
pub struct BackedUp {
    pub contents: Contents,
    /// Of the file, in bytes.
    pub size: u64,
    /// Whether it took the place of another vault file.
    pub replaced: bool,
}

impl Vault {
    /// Copies the vault, row by row and as one instant has it, into a new file of mode 0600, opens every record of the
    /// copy and reads its whole log, and only then gives it its name. With `replace` it may take the place of another
    /// vault file.
    ///
    /// # Errors
    /// [`VaultError::OwnerOnly`] for the holder of an access token; of the store those of a target that is refused. Nothing
    /// is at `target` then that was not there before.
    pub fn back_up(&mut self, target: &Path, replace: bool) -> Result<BackedUp, VaultError> {
        let key = self.owner_key()?;
        check_target(target, &self.file, replace)?;
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
        let replaced = replace && target.symlink_metadata().is_ok();
        publish(new, replaced)?;
        Ok(BackedUp {
            contents,
            size: size_of(target),
            replaced,
        })
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

/// Gives a copy its name.
pub(super) fn publish(new: NewFile, replace: bool) -> Result<(), VaultError> {
    if replace {
        new.replace()?;
    } else {
        new.publish()?;
    }
    Ok(())
}

/// Nothing depends on it: it is told.
pub(super) fn size_of(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |metadata| metadata.len())
}
