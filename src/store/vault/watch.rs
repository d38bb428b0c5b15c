//! Noticing within a microsecond that a vault was changed or replaced, for whoever answers from memory.

use std::fs::{self, File, Metadata};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::VaultFile;
use crate::store::StoreError;
use crate::store::file::FileIdentity;

/// Bytes of an SQLite file's header: the change counter is among them, and the journal mode.
const HEADER: usize = 100;

/// Looks at a vault's file beside the connection that has it open.
///
/// In a vault's journal mode every transaction writes the header's change counter before it is committed, and readers take
/// it from there. So a change whose command has returned is seen by the next look: as by `PRAGMA data_version`, which takes
/// and gives back a lock to find that nothing was changed, and one connection a thread.
///
/// Closing the file drops the locks that SQLite has on it in this process, so it is kept for as long as the connection.
#[derive(Clone, Debug)]
pub struct Watch {
    path: PathBuf,
    file: Arc<File>,
    identity: FileIdentity,
}

/// What a look saw. Two are equal only if nothing was changed between them.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Sight {
    identity: FileIdentity,
    size: u64,
    /// Seconds and nanoseconds of the last write, and of the last change of mode, owner or links.
    times: [i64; 4],
    header: [u8; HEADER],
}

impl VaultFile {
    /// Watches the file that is open; `before` goes on where it is still that one.
    ///
    /// # Errors
    /// When the path leads to another file by now.
    pub fn watch(&self, before: Option<Watch>) -> Result<Watch, StoreError> {
        if let Some(before) = before.filter(|before| before.identity == self.identity) {
            return Ok(before);
        }
        let failed = |source| failed(&self.path, source);
        let file = File::open(&self.path).map_err(failed)?;
        let identity = FileIdentity::from(&file.metadata().map_err(failed)?);
        if identity != self.identity {
            return Err(StoreError::Replaced(self.path.clone()));
        }
        Ok(Watch {
            path: self.path.clone(),
            file: Arc::new(file),
            identity,
        })
    }
}

impl Watch {
    /// What is there now, at the path and in the file.
    ///
    /// # Errors
    /// [`StoreError::Missing`], and whatever else the system says.
    pub fn look(&self) -> Result<Sight, StoreError> {
        let there = fs::metadata(&self.path).map_err(|source| failed(&self.path, source))?;
        let mut header = [0; HEADER];
        self.file
            .read_exact_at(&mut header, 0)
            .map_err(|source| failed(&self.path, source))?;
        Ok(Sight {
            identity: FileIdentity::from(&there),
            size: there.len(),
            times: times(&there),
            header,
        })
    }
}

fn times(of: &Metadata) -> [i64; 4] {
    [of.mtime(), of.mtime_nsec(), of.ctime(), of.ctime_nsec()]
}

fn failed(path: &Path, source: io::Error) -> StoreError {
    let path = path.to_owned();
    match source.kind() {
        io::ErrorKind::NotFound => StoreError::Missing(path),
        _ => StoreError::Io {
            action: "look at",
            path,
            source,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Its user learns that there is no vault, and not what the system says of a path.
    #[test]
    fn a_file_that_is_gone_is_missing() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("vault.db");
        fs::write(&path, [0; HEADER]).expect("written");
        let file = File::open(&path).expect("there");
        let watch = Watch {
            identity: FileIdentity::from(&file.metadata().expect("of it")),
            file: Arc::new(file),
            path: path.clone(),
        };
        assert_eq!(watch.look().expect("seen"), watch.look().expect("again"));
        fs::remove_file(&path).expect("removed");
        assert!(matches!(watch.look(), Err(StoreError::Missing(at)) if at == path));
        fs::remove_dir(folder.path()).expect("removed");
        fs::write(folder.path(), "a file where a folder was").expect("written");
        assert!(matches!(watch.look(), Err(StoreError::Io { .. })));
        fs::remove_file(folder.path()).expect("removed");
    }
}
