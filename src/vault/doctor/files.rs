//! What can be said of files without opening the vault.

use std::fs::{self, Metadata};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::key::Timestamp;
use crate::store::{Access, StoreError, VaultFile, resolve};
use crate::vault::unfinished::PATIENCE;
use crate::vault::{Location, Vault};

/// One file or folder that is not as it should be.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FileTrouble {
    pub path: PathBuf,
    pub fault: Fault,
}

/// What is wrong with it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Fault {
    /// A process was ended in the middle of a change of the vault.
    CutOffChange,
    /// A process that was ended while it made a vault left it; whether it is a second name of the vault.
    Leftover { is_vault: bool },
    /// It belongs to another user, by uid.
    OfAnother(u32),
    /// What opens the vault is in it, and others can read or write it; its mode.
    SecretShown(u32),
    /// Others can read it; its mode.
    Readable(u32),
    /// The vault is not opened because of this.
    Refused { why: String, mend: Option<String> },
    /// Others can write it, or into it; its mode, and whether they must not read it either.
    Writable {
        mode: u32,
        is_folder: bool,
        is_private: bool,
    },
}

/// What others must not do with a file.
#[derive(Clone, Copy, PartialEq)]
enum Private {
    /// Read or write it.
    Whole,
    /// Write it.
    Kept,
}

impl Vault {
    /// Looks at the vault's file and at those around it, and opens nothing: kinds, owners and modes, and what killed
    /// processes left. `config` is the settings file, `secrets` are files with what opens the vault.
    pub fn look_at_files(
        location: &Location,
        config: &Path,
        secrets: &[&Path],
        now: Timestamp,
    ) -> Vec<FileTrouble> {
        let mut found = Vec::new();
        let path = resolve(&location.vault).unwrap_or_else(|_| location.vault.clone());
        let refused = VaultFile::check(&path, Access::Owner).err();
        if let Some(StoreError::Unsafe { why, mend, .. }) = refused {
            let fault = Fault::Refused { why, mend };
            found.push(trouble(&path, fault));
        }
        let folder = path.parent().unwrap_or(Path::new("."));
        found.extend(faults(folder, Private::Kept));
        found.extend(cut_off(&path, now));
        let left = Self::leftovers(&path, now).into_iter().map(|left| {
            let is_vault = left.is_vault;
            trouble(&left.path, Fault::Leftover { is_vault })
        });
        found.extend(left);
        found.extend(faults(config, Private::Kept));
        if let Some(folder) = config.parent().filter(|config| *config != folder) {
            found.extend(faults(folder, Private::Kept));
        }
        found.extend(faults(&location.state, Private::Kept));
        if let Ok(outline) = Self::outline(&path) {
            let state = location.state.join(outline.id.to_string());
            found.extend(faults(&state, Private::Kept));
            found.extend(in_folder(&state));
        }
        if let Some(activity) = &location.activity {
            // A service and its owner share it, perhaps by a group.
            found.extend(faults(activity, Private::Kept).filter(|trouble| {
                matches!(trouble.fault, Fault::Writable { mode, .. } if mode & 0o002 != 0)
            }));
        }
        found.extend(secrets.iter().filter_map(|path| shown(path)));
        found
    }
}

fn trouble(path: &Path, fault: Fault) -> FileTrouble {
    FileTrouble {
        path: path.to_owned(),
        fault,
    }
}

/// Activity file, its log, and anchors.
fn in_folder(folder: &Path) -> Vec<FileTrouble> {
    let listed = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> = listed.map(|entry| entry.path()).collect();
    paths.sort();
    let faults = paths.iter().flat_map(|path| faults(path, Private::Whole));
    faults.collect()
}

/// Who else can do something with what is there; nothing of what is not there.
fn faults(path: &Path, private: Private) -> impl Iterator<Item = FileTrouble> {
    let fault = fs::metadata(path)
        .ok()
        .and_then(|metadata| fault(&metadata, private));
    fault.map(|fault| trouble(path, fault)).into_iter()
}

fn fault(metadata: &Metadata, private: Private) -> Option<Fault> {
    let mode = metadata.permissions().mode() & 0o7777;
    let is_folder = metadata.is_dir();
    if !is_own(metadata) {
        Some(Fault::OfAnother(metadata.uid()))
    } else if mode & 0o022 != 0 {
        // Even where the sticky bit keeps others from taking the vault away: a journal beside it would be believed.
        Some(Fault::Writable {
            mode,
            is_folder,
            is_private: private == Private::Whole,
        })
    } else if private == Private::Whole && mode & 0o044 != 0 {
        Some(Fault::Readable(mode))
    } else {
        None
    }
}

/// Ours, or root's, who can do everything anyhow.
fn is_own(metadata: &Metadata) -> bool {
    [0, rustix::process::geteuid().as_raw()].contains(&metadata.uid())
}

/// The journal of a change that nobody is at any more. The next who opens the vault takes the half-made change back.
fn cut_off(vault: &Path, now: Timestamp) -> Option<FileTrouble> {
    let mut name = vault.file_name()?.to_owned();
    name.push("-journal");
    let journal = vault.with_file_name(name);
    let metadata = fs::symlink_metadata(&journal).ok()?;
    let is_left = metadata.len() > 0 && metadata.mtime() <= now.0.saturating_sub(PATIENCE);
    is_left.then(|| trouble(&journal, Fault::CutOffChange))
}

/// A passphrase or access token that others can read.
fn shown(path: &Path) -> Option<FileTrouble> {
    let metadata = fs::metadata(path).ok().filter(Metadata::is_file)?;
    let mode = metadata.permissions().mode() & 0o777;
    // systemd's credentials are root's, and the group's bits are those of an access list.
    let of_root = metadata.uid() == 0 && !rustix::process::geteuid().is_root();
    let others = if of_root { 0o007 } else { 0o077 };
    if mode & others != 0 {
        Some(trouble(path, Fault::SecretShown(mode)))
    } else if is_own(&metadata) {
        None
    } else {
        Some(trouble(path, Fault::OfAnother(metadata.uid())))
    }
}
