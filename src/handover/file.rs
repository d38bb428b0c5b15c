//! A new file that only its owner can read.

use std::fs::{self, File, Metadata, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::Handed;

/// A file that was not there before. Dropping it removes it again, unless it is to be kept.
#[derive(Debug)]
pub(crate) struct NewFile {
    path: PathBuf,
    file: File,
    keep: bool,
}

impl NewFile {
    /// Makes it, empty and with mode 0600 whatever the umask.
    ///
    /// # Errors
    /// `ErrorKind::AlreadyExists` when there is anything of that name, a dangling symbolic link too.
    pub(crate) fn create(path: &Path) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        let file = options
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)?;
        let new = Self {
            path: path.to_owned(),
            file,
            keep: false,
        };
        new.file.set_permissions(Permissions::from_mode(0o600))?;
        Ok(new)
    }

    /// Writes all of it, and makes it and the file's name last.
    pub(crate) fn fill(&mut self, secret: Handed<'_>) -> io::Result<()> {
        // Straight to the file: a buffer would have to be wiped.
        self.file.write_all(secret.bytes())?;
        self.file.write_all(secret.line_end())?;
        self.file.sync_all()?;
        // The name is in the folder, which is synchronised apart.
        File::open(folder_of(&self.path))?.sync_all()
    }

    /// It stays.
    pub(crate) fn keep(mut self) {
        self.keep = true;
    }

    /// Whether what stands at its path now is this very file.
    fn is_at_its_path(&self) -> io::Result<bool> {
        let number = |file: Metadata| (file.dev(), file.ino());
        Ok(number(self.file.metadata()?) == number(self.path.symlink_metadata()?))
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if !self.keep && self.is_at_its_path().unwrap_or(false) {
            // Nothing more can be done; what is in it is worth nothing then.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// The folder that has a file's name.
pub(crate) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::{Secret, SecretValue};

    fn value() -> SecretValue {
        SecretValue::new(Secret::new(b"sk-1".to_vec())).expect("a value")
    }

    #[test]
    fn a_file_that_is_not_kept_is_removed() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("new");
        let mut file = NewFile::create(&path).expect("made");
        file.fill(Handed::Value(&value())).expect("filled");
        assert_eq!(fs::read(&path).expect("there"), b"sk-1");
        let again = NewFile::create(&path).expect_err("there");
        assert_eq!(again.kind(), io::ErrorKind::AlreadyExists);
        drop(file);
        assert!(!path.exists());
        NewFile::create(&path).expect("free again").keep();
        assert!(path.exists());
    }

    #[test]
    fn a_file_of_somebody_else_is_not_removed() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("new");
        let file = NewFile::create(&path).expect("made");
        fs::rename(&path, folder.path().join("moved")).expect("moved");
        fs::write(&path, "other").expect("written");
        drop(file);
        assert_eq!(fs::read(&path).expect("there"), b"other");
    }

    #[test]
    fn a_name_alone_is_in_the_working_folder() {
        assert_eq!(folder_of(Path::new("new")), Path::new("."));
        assert_eq!(folder_of(Path::new("a/new")), Path::new("a"));
        assert_eq!(folder_of(Path::new("/new")), Path::new("/"));
    }
}
