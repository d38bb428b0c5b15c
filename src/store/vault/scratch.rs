//! A vault while it is made.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rand::TryRng;

use super::{Change, VaultFile};
use crate::key::Timestamp;
use crate::store::StoreError;
use crate::store::file::{self, Access, FileIdentity, SIDE_FILES, with_suffix};

/// A new vault file under a passing name, until it is published. Dropped before, it never was.
pub struct NewFile {
    // Closed before its name is removed.
    file: VaultFile,
    scratch: Scratch,
    target: PathBuf,
}

impl NewFile {
    /// Makes one with empty tables beside `target`, whose folder must be there.
    ///
    /// # Errors
    /// When the folder cannot be reached or written.
    pub fn beside(target: &Path) -> Result<Self, StoreError> {
        let target = resolve_new(target)?;
        let scratch = Scratch::beside(&target)?;
        let file = VaultFile::connect(
            scratch.path.clone(),
            &scratch.path,
            scratch.identity,
            Access::Owner,
        )?;
        file.write_schema()?;
        Ok(Self {
            file,
            scratch,
            target,
        })
    }

    /// The same, and makes the folder where there is none.
    ///
    /// # Errors
    /// When the folder cannot be made, reached or written.
    pub fn with_folder(target: &Path) -> Result<Self, StoreError> {
        if let Some(parent) = target.parent() {
            file::make_folder(parent)?;
        }
        Self::beside(target)
    }

    /// The file, to be filled and looked at.
    pub fn file(&self) -> &VaultFile {
        &self.file
    }

    /// Where it will be, with its folder resolved.
    pub fn target(&self) -> &Path {
        &self.target
    }

    /// Begins to fill it.
    ///
    /// # Errors
    /// As [`VaultFile::change`].
    pub fn change(&self) -> Result<Change<'_>, StoreError> {
        self.file.change_unchecked()
    }

    /// Puts it in its place, where nothing may be.
    ///
    /// # Errors
    /// [`StoreError::Exists`] when something is there by now.
    pub fn publish(self) -> Result<(), StoreError> {
        let Self {
            file,
            scratch,
            target,
        } = self;
        drop(file);
        scratch.publish(&target)
    }

    /// Puts it in its place instead of the vault file that is there.
    ///
    /// # Errors
    /// [`StoreError::NotReplaced`] when it is not a vault file; nothing is touched then.
    pub fn replace(self) -> Result<(), StoreError> {
        let Self {
            file,
            scratch,
            target,
        } = self;
        drop(file);
        refuse_foreign(&target)?;
        scratch.rename(&target)
    }

    /// Puts it in its place, and keeps what is there under the same name with `suffix` behind it, or that and a number.
    /// The path is never empty: what is there gets its second name first. Gives the name that it is kept under.
    ///
    /// # Errors
    /// When a name cannot be made, or the folder not be synced. What was there is there then.
    pub fn swap(self, suffix: &str) -> Result<PathBuf, StoreError> {
        let Self {
            file,
            scratch,
            target,
        } = self;
        drop(file);
        let kept = keep(&target, suffix)?;
        // Not every file system keeps the order of names when the power goes: the new vault must not come without them.
        let swapped = move_side_files(&target, &kept)
            .and_then(|()| sync_folder(&target))
            .and_then(|()| scratch.rename(&target));
        swapped.inspect_err(|_| put_back(&kept, &target))?;
        Ok(kept)
    }
}

/// Refuses a place for a copy of `vault`, before the work for it is done.
///
/// # Errors
/// [`StoreError::Exists`] for a file that is there, unless `replace`; [`StoreError::NotReplaced`] for the vault itself
/// under whatever name, and for what is no vault file.
pub fn check_target(target: &Path, vault: &VaultFile, replace: bool) -> Result<(), StoreError> {
    let target = resolve_new(target)?;
    let not_replaced = |why: &str| {
        Err(StoreError::NotReplaced {
            path: target.clone(),
            why: why.to_owned(),
        })
    };
    // SQLite would take it for its own and change the vault by it.
    if SIDE_FILES
        .iter()
        .any(|suffix| target == with_suffix(&vault.path, suffix))
    {
        return not_replaced("SQLite uses this name for the vault");
    }
    let mut left = SIDE_FILES.iter().map(|suffix| with_suffix(&target, suffix));
    if let Some(left) = left.find(|left| left.symlink_metadata().is_ok()) {
        return Err(StoreError::Exists(left));
    }
    if target.symlink_metadata().is_err() {
        return Ok(());
    }
    if FileIdentity::of(&target).ok() == Some(vault.identity) {
        return not_replaced("it is the vault itself");
    }
    if replace {
        refuse_foreign(&target)
    } else {
        Err(StoreError::Exists(target))
    }
}

/// Whether two paths lead to the same file.
pub fn is_same(one: &Path, other: &Path) -> bool {
    match (FileIdentity::of(one), FileIdentity::of(other)) {
        (Ok(one), Ok(other)) => one == other,
        _ => false,
    }
}

/// As [`file::resolve`], for a file that need not be there.
fn resolve_new(target: &Path) -> Result<PathBuf, StoreError> {
    file::resolve(target).map_err(|err| match err {
        StoreError::Missing(path) => StoreError::Io {
            action: "reach the folder of",
            path,
            source: rustix::io::Errno::NOENT.into(),
        },
        other => other,
    })
}

/// Nothing but a vault file is replaced, damaged or not.
fn refuse_foreign(target: &Path) -> Result<(), StoreError> {
    let why = match target.symlink_metadata() {
        Ok(metadata) if metadata.is_symlink() => "it is a symbolic link",
        Ok(metadata) if !metadata.is_file() => "it is not a regular file",
        _ => match file::application_id(target) {
            Ok(Some(super::APPLICATION_ID)) => return Ok(()),
            Ok(_) => "it is not a keywright vault",
            Err(source) => {
                return Err(StoreError::Io {
                    action: "read",
                    path: target.to_owned(),
                    source,
                });
            }
        },
    };
    Err(StoreError::NotReplaced {
        path: target.to_owned(),
        why: why.to_owned(),
    })
}

/// Gives what is at `target` a second name.
fn keep(target: &Path, suffix: &str) -> Result<PathBuf, StoreError> {
    // Two in one second, or a clock that was put back.
    for number in 1..100 {
        let more = if number == 1 {
            String::new()
        } else {
            format!("-{number}")
        };
        let kept = with_suffix(target, &format!("{suffix}{more}"));
        match fs::hard_link(target, &kept) {
            Ok(()) => return Ok(kept),
            Err(err) if err.kind() == io::ErrorKind::AlreadyExists => {}
            Err(source) => {
                return Err(StoreError::Io {
                    action: "make",
                    path: kept,
                    source,
                });
            }
        }
    }
    Err(StoreError::Exists(with_suffix(target, suffix)))
}

/// A journal belongs to the file that it was written for: SQLite would play it into whatever has that file's name. One is
/// left only beside a file that SQLite cannot open any more.
fn move_side_files(target: &Path, kept: &Path) -> Result<(), StoreError> {
    for suffix in SIDE_FILES {
        let left = with_suffix(target, suffix);
        match fs::rename(&left, with_suffix(kept, suffix)) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                return Err(StoreError::Io {
                    action: "move",
                    path: left,
                    source,
                });
            }
            _ => {}
        }
    }
    Ok(())
}

/// What may be gone after a power failure did not happen: what was kept is where it was.
fn put_back(kept: &Path, target: &Path) {
    if is_same(target, kept) {
        // Nothing has come in its place, and a rename to itself would leave both names.
        let _ = fs::remove_file(kept);
    } else {
        let _ = fs::rename(kept, target);
    }
    for suffix in SIDE_FILES {
        let _ = fs::rename(with_suffix(kept, suffix), with_suffix(target, suffix));
    }
}

/// Between the name of a vault and twelve random hexadecimal digits.
const PASSING: &str = ".new-";

/// What a process left beside a vault that was ended while it made one.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Leftover {
    pub path: PathBuf,
    /// Whether it is the vault itself under a second name: only that name was still to be taken away.
    pub is_vault: bool,
}

impl Leftover {
    /// Those beside `path` that nobody has touched since `before`, sorted; none where the folder cannot be read.
    pub fn beside(path: &Path, before: Timestamp) -> Vec<Self> {
        let Ok(path) = file::resolve(path) else {
            return Vec::new();
        };
        let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
            return Vec::new();
        };
        let vault = FileIdentity::of(&path).ok();
        let listed = fs::read_dir(folder).into_iter().flatten().flatten();
        let mut found: Vec<Self> = listed
            .filter_map(|entry| {
                let metadata = entry.metadata().ok()?;
                let is_vault = Some(FileIdentity::from(&metadata)) == vault;
                let left = if is_passing(&entry.file_name(), name) {
                    metadata.mtime() <= before.0
                } else {
                    // Only the inode tells when it got its second name.
                    is_vault && is_kept(&entry.file_name(), name) && metadata.ctime() <= before.0
                };
                (left && metadata.is_file()).then(|| Self {
                    path: entry.path(),
                    is_vault,
                })
            })
            .collect();
        found.sort_by(|a, b| a.path.cmp(&b.path));
        found
    }
}

/// Whether it is the passing name of a vault that was to be called `name`, or of the journal of one.
fn is_passing(passing: &OsStr, name: &OsStr) -> bool {
    let rest = passing
        .as_encoded_bytes()
        .strip_prefix(name.as_encoded_bytes())
        .and_then(|rest| rest.strip_prefix(PASSING.as_bytes()));
    rest.is_some_and(|rest| {
        let digits = rest.strip_suffix(b"-journal").unwrap_or(rest);
        digits.len() == 12 && digits.iter().all(u8::is_ascii_hexdigit)
    })
}

/// Between the name of a vault that was replaced by a backup and the time of that.
pub const KEPT: &str = ".before-restore-";

/// Whether it is the name under which a restore keeps what is called `name`.
fn is_kept(kept: &OsStr, name: &OsStr) -> bool {
    let rest = kept
        .as_encoded_bytes()
        .strip_prefix(name.as_encoded_bytes());
    rest.is_some_and(|rest| rest.starts_with(KEPT.as_bytes()))
}

/// A file under a passing name, removed unless it was published.
struct Scratch {
    path: PathBuf,
    /// Of the file that was made: in a folder that others can write, the name may lead to one of theirs by now.
    identity: FileIdentity,
}

impl Scratch {
    fn beside(path: &Path) -> Result<Self, StoreError> {
        let mut suffix = [0; 6];
        let failed = |source: io::Error| StoreError::Io {
            action: "make",
            path: path.to_owned(),
            source,
        };
        rand::rngs::SysRng
            .try_fill_bytes(&mut suffix)
            .map_err(|err| failed(io::Error::other(err)))?;
        let suffix: String = suffix.iter().map(|byte| format!("{byte:02x}")).collect();
        let scratch = with_suffix(path, &format!("{PASSING}{suffix}"));
        // Closed before SQLite opens it: closing it later would drop SQLite's locks.
        let made = file::make_file(&scratch).and_then(|file| file.metadata());
        Ok(Self {
            identity: FileIdentity::from(&made.map_err(failed)?),
            path: scratch,
        })
    }

    /// Whether it is this file that is at `path` now.
    fn check_published(&self, path: &Path) -> Result<(), StoreError> {
        match FileIdentity::of(path) {
            Ok(now) if now == self.identity => Ok(()),
            _ => Err(StoreError::Replaced(path.to_owned())),
        }
    }

    fn publish(self, path: &Path) -> Result<(), StoreError> {
        if let Err(refused) = refuse_side_files(path) {
            // Another process was faster, and what it changes by now has a journal.
            return Err(match path.symlink_metadata() {
                Ok(_) => StoreError::Exists(path.to_owned()),
                Err(_) => refused,
            });
        }
        let link = fs::hard_link(&self.path, path);
        match link {
            Ok(()) => {
                self.check_published(path)?;
                drop(self);
                sync_folder(path).inspect_err(|_| {
                    // What may be gone after a power failure was not made.
                    let _ = fs::remove_file(path);
                })
            }
            Err(err) if err.kind() == io::ErrorKind::AlreadyExists => {
                Err(StoreError::Exists(path.to_owned()))
            }
            Err(source) => Err(StoreError::Io {
                action: "make",
                path: path.to_owned(),
                source,
            }),
        }
    }

    /// In the place of what is there. Its own name is gone then, so that there is nothing to remove.
    fn rename(self, path: &Path) -> Result<(), StoreError> {
        fs::rename(&self.path, path).map_err(|source| StoreError::Io {
            action: "replace",
            path: path.to_owned(),
            source,
        })?;
        self.check_published(path)?;
        sync_folder(path)
    }
}

/// What is left of another file of this name SQLite would take for the new one's, and play into it.
fn refuse_side_files(path: &Path) -> Result<(), StoreError> {
    let mut names = SIDE_FILES.iter().map(|suffix| with_suffix(path, suffix));
    match names.find(|name| name.symlink_metadata().is_ok()) {
        None => Ok(()),
        Some(left) => Err(StoreError::Unsafe {
            path: path.to_owned(),
            why: format!("`{}` is left there of another file", left.display()),
            mend: Some(format!("move it away: mv {0} {0}.old", file::quoted(&left))),
        }),
    }
}

fn sync_folder(path: &Path) -> Result<(), StoreError> {
    file::sync_folder(path).map_err(|source| StoreError::Io {
        action: "sync the folder of",
        path: path.to_owned(),
        source,
    })
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What cannot be removed is an unnamed vault that nobody uses.
        let _ = fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests;
