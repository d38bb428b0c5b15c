//! A vault while it is made.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rand::TryRng;

use crate::key::Timestamp;
use crate::store::StoreError;
use crate::store::file::{self, FileIdentity};

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
            .filter(|entry| is_passing(&entry.file_name(), name))
            .filter_map(|entry| {
                let metadata = entry.metadata().ok()?;
                let left = metadata.is_file() && metadata.mtime() <= before.0;
                left.then(|| Self {
                    path: entry.path(),
                    is_vault: Some(FileIdentity::from(&metadata)) == vault,
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

/// A file under a passing name, removed unless it was published.
pub(super) struct Scratch(PathBuf);

impl Scratch {
    pub(super) fn beside(path: &Path) -> Result<Self, StoreError> {
        let mut suffix = [0; 6];
        let failed = |source: std::io::Error| StoreError::Io {
            action: "make",
            path: path.to_owned(),
            source,
        };
        rand::rngs::SysRng
            .try_fill_bytes(&mut suffix)
            .map_err(|err| failed(std::io::Error::other(err)))?;
        let suffix: String = suffix.iter().map(|byte| format!("{byte:02x}")).collect();
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(format!("{PASSING}{suffix}"));
        let scratch = path.with_file_name(name);
        // Closed before SQLite opens it: closing it later would drop SQLite's locks.
        drop(file::make_file(&scratch).map_err(failed)?);
        Ok(Self(scratch))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    pub(super) fn identity(&self) -> Result<FileIdentity, StoreError> {
        FileIdentity::of(&self.0).map_err(|source| StoreError::Io {
            action: "look at",
            path: self.0.clone(),
            source,
        })
    }

    pub(super) fn publish(self, path: &Path) -> Result<(), StoreError> {
        let link = std::fs::hard_link(&self.0, path);
        match link {
            Ok(()) => {
                drop(self);
                file::sync_folder(path).map_err(|source| {
                    // What may be gone after a power failure was not made.
                    let _ = std::fs::remove_file(path);
                    StoreError::Io {
                        action: "sync the folder of",
                        path: path.to_owned(),
                        source,
                    }
                })
            }
            Err(err) if err.kind() == std::io::ErrorKind::AlreadyExists => {
                Err(StoreError::Exists(path.to_owned()))
            }
            Err(source) => Err(StoreError::Io {
                action: "make",
                path: path.to_owned(),
                source,
            }),
        }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What cannot be removed is an unnamed vault that nobody uses.
        let _ = std::fs::remove_file(&self.0);
    }
}
