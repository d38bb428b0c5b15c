//! Anchor files: small, replaced whole, under a lock. What is in them is the vault's business.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};

use super::StoreError;
use super::file::{make_file, make_folder, sync_folder};

/// Largest anchor that is read, in bytes; a real one has 132 to 644.
const SIZE_LIMIT: u64 = 1024;

/// One anchor's place.
#[derive(Clone, Debug)]
pub struct AnchorFile(PathBuf);

impl AnchorFile {
    /// At `path`; nothing is touched yet.
    pub fn at(path: PathBuf) -> Self {
        Self(path)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Its bytes; `None` while there is no anchor.
    ///
    /// # Errors
    /// When it is there and cannot be read.
    pub fn read(&self) -> Result<Option<Vec<u8>>, StoreError> {
        match File::open(&self.0) {
            Ok(file) => {
                let mut bytes = Vec::new();
                file.take(SIZE_LIMIT)
                    .read_to_end(&mut bytes)
                    .map_err(|err| self.failed("read", err))?;
                Ok(Some(bytes))
            }
            // Where a folder of the path is a file there is none either, and writing one will say so.
            Err(err)
                if matches!(
                    err.kind(),
                    io::ErrorKind::NotADirectory | io::ErrorKind::NotFound
                ) =>
            {
                Ok(None)
            }
            Err(err) => Err(self.failed("read", err)),
        }
    }

    /// Replaces the bytes durably by what `next` makes of the present ones, unless it makes nothing.
    ///
    /// # Errors
    /// When the folder or the file cannot be written.
    pub fn replace(
        &self,
        next: impl FnOnce(Option<&[u8]>) -> Option<Vec<u8>>,
    ) -> Result<(), StoreError> {
        if let Some(folder) = self.0.parent() {
            make_folder(folder)?;
        }
        let _lock = self.lock().map_err(|err| self.failed("lock", err))?;
        let present = self.read()?;
        let Some(bytes) = next(present.as_deref()) else {
            return Ok(());
        };
        self.write(&bytes).map_err(|err| self.failed("write", err))
    }

    /// The lock is a file of its own, because the anchor itself is replaced.
    fn lock(&self) -> io::Result<File> {
        let path = self.0.with_extension("lock");
        let file = match make_file(&path) {
            Err(err) if err.kind() == io::ErrorKind::AlreadyExists => File::open(&path)?,
            made => made?,
        };
        flock(&file, FlockOperation::LockExclusive)?;
        Ok(file)
    }

    fn write(&self, bytes: &[u8]) -> io::Result<()> {
        let passing = self.0.with_extension("new");
        // Left by a process that died here; the lock says that nobody is writing it.
        let _ = fs::remove_file(&passing);
        let mut file = make_file(&passing)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&passing, &self.0)?;
        sync_folder(&self.0)
    }

    fn failed(&self, action: &'static str, source: io::Error) -> StoreError {
        StoreError::Io {
            action,
            path: self.0.clone(),
            source,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn what_is_there_and_cannot_be_read_is_an_error_and_not_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("vault.anchor");
        let read = |path: &Path| AnchorFile::at(path.to_owned()).read();
        assert!(matches!(read(&path), Ok(None)));
        symlink(&path, &path).expect("a link to itself");
        assert!(matches!(read(&path), Err(StoreError::Io { .. })));
        fs::remove_file(&path).expect("removed");
        fs::write(&path, "an anchor").expect("written");
        assert_eq!(read(&path).expect("read"), Some(b"an anchor".to_vec()));
        assert!(matches!(read(&path.join("below a file")), Ok(None)));
    }
}
