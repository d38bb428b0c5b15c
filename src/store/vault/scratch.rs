//! A vault while it is made.

use std::path::{Path, PathBuf};

use rand::TryRng;

use crate::store::StoreError;
use crate::store::file::{self, FileIdentity};

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
        name.push(format!(".new-{suffix}"));
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
