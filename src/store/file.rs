//! What a file must be before it is trusted: its kind, its owner, its mode; and how files are made.

use std::fs::{self, DirBuilder, File, Metadata, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::StoreError;

/// Largest vault that is opened, in bytes.
pub(crate) const SIZE_LIMIT: u64 = 1 << 30;

/// Who opens a vault, which decides how strict its file mode must be.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Access {
    /// Holds the passphrase or the recovery code: the file must be theirs alone.
    Owner,
    /// Holds an access token: the file may be readable by others, owned by someone else and reached through a link,
    /// as in checkouts and mounted secrets; nobody but its owner may write it.
    TokenHolder,
}

/// Which file a path leads to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct FileIdentity {
    device: u64,
    inode: u64,
}

impl FileIdentity {
    /// Of what is at `path` now.
    pub(super) fn of(path: &Path) -> io::Result<Self> {
        fs::metadata(path).map(|metadata| Self::from(&metadata))
    }
}

impl From<&Metadata> for FileIdentity {
    fn from(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
        }
    }
}

/// The path with its folder resolved, so that the last component alone may still be a link.
pub(crate) fn resolve(path: &Path) -> Result<PathBuf, StoreError> {
    let missing = || StoreError::Missing(path.to_owned());
    let name = path.file_name().ok_or_else(missing)?;
    let parent = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    match parent.canonicalize() {
        Ok(parent) => Ok(parent.join(name)),
        Err(err) if err.kind() == io::ErrorKind::NotFound => Err(missing()),
        Err(source) => Err(StoreError::Io {
            action: "reach the folder of",
            path: path.to_owned(),
            source,
        }),
    }
}

/// Refuses what must not be opened, and says which file it looked at.
pub(super) fn check(path: &Path, access: Access) -> Result<FileIdentity, StoreError> {
    let read = match access {
        Access::Owner => fs::symlink_metadata(path),
        Access::TokenHolder => fs::metadata(path),
    };
    let metadata = match read {
        Ok(metadata) => metadata,
        Err(err) if err.kind() == io::ErrorKind::NotFound => {
            return Err(StoreError::Missing(path.to_owned()));
        }
        Err(source) => {
            return Err(StoreError::Io {
                action: "look at",
                path: path.to_owned(),
                source,
            });
        }
    };
    let refuse = |why: String, mend: Option<String>| {
        Err(StoreError::Unsafe {
            path: path.to_owned(),
            why,
            mend,
        })
    };
    if metadata.is_symlink() {
        let target = fs::read_link(path).unwrap_or_default();
        let target = path
            .parent()
            .map_or(target.clone(), |parent| parent.join(&target));
        let mend = format!("give the file itself: --vault {}", quoted(&target));
        return refuse("it is a symbolic link".to_owned(), Some(mend));
    }
    if !metadata.is_file() {
        return refuse("it is not a regular file".to_owned(), None);
    }
    let mode = metadata.permissions().mode() & 0o777;
    let own = metadata.uid() == rustix::process::geteuid().as_raw();
    if access == Access::Owner && !own {
        return refuse(
            format!("it belongs to another user (uid {})", metadata.uid()),
            None,
        );
    }
    let (forbidden, chmod) = match access {
        Access::Owner => (0o077, "chmod 600"),
        Access::TokenHolder => (0o022, "chmod go-w"),
    };
    if mode & forbidden != 0 {
        let what = if mode & 0o022 != 0 { "write" } else { "read" };
        let mend = format!("run: {chmod} {}", quoted(path));
        return refuse(
            format!("others can {what} it (mode {mode:03o})"),
            Some(mend),
        );
    }
    if metadata.len() > SIZE_LIMIT {
        return refuse(format!("it is larger than {SIZE_LIMIT} bytes"), None);
    }
    // SQLite would play a journal of anybody's into the file.
    for side in SIDE_FILES.map(|suffix| with_suffix(path, suffix)) {
        if let Some(why) = side_fault(&side, metadata.uid()) {
            let why = format!("`{}` beside it {why}", side.display());
            let mend = format!("if it is not yours: rm {}", quoted(&side));
            return refuse(why, Some(mend));
        }
    }
    Ok(FileIdentity::from(&metadata))
}

/// What is wrong with a file that SQLite may have put beside one of `owner`'s; nothing where there is none.
fn side_fault(side: &Path, owner: u32) -> Option<String> {
    let metadata = fs::symlink_metadata(side).ok()?;
    let own = rustix::process::geteuid().as_raw();
    let (uid, mode) = (metadata.uid(), metadata.permissions().mode() & 0o777);
    if !metadata.is_file() {
        Some("is not a regular file".to_owned())
    } else if ![own, owner, 0].contains(&uid) {
        Some(format!("belongs to another user (uid {uid})"))
    } else if mode & 0o022 != 0 {
        Some(format!("can be written by others (mode {mode:03o})"))
    } else {
        None
    }
}

/// What SQLite may put beside a file; the first of them is the one that our journal mode has.
pub(super) const SIDE_FILES: [&str; 3] = ["-journal", "-wal", "-shm"];

/// The name of such a file.
pub(super) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(suffix);
    path.with_file_name(name)
}

/// What an SQLite file says that it is for (its application id); `None` for a file of another kind.
///
/// Not for a file that SQLite has open in this process: closing it drops SQLite's locks.
pub(super) fn application_id(path: &Path) -> io::Result<Option<i64>> {
    const MAGIC: &[u8] = b"SQLite format 3\0";
    let mut header = [0; 72];
    match File::open(path)?.read_exact(&mut header) {
        Err(err) if err.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        read => read?,
    }
    let id = header
        .last_chunk()
        .map(|id| i64::from(i32::from_be_bytes(*id)));
    Ok(id.filter(|_| header.starts_with(MAGIC)))
}

/// As a shell takes it.
pub(super) fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    shlex::try_quote(&text).map_or_else(|_| text.clone(), |quoted| quoted.into_owned())
}

/// Makes a folder and what leads to it, durably, mode 0700 whatever the umask.
pub(super) fn make_folder(path: &Path) -> Result<(), StoreError> {
    let failed = |source| StoreError::Io {
        action: "make the folder",
        path: path.to_owned(),
        source,
    };
    if path.as_os_str().is_empty() || path.is_dir() {
        return Ok(());
    }
    if let Some(parent) = path.parent() {
        make_folder(parent)?;
    }
    match DirBuilder::new().mode(0o700).create(path) {
        // The umask can only have taken bits away; give the owner's back.
        Ok(()) => fs::set_permissions(path, fs::Permissions::from_mode(0o700))
            // Without its name, what is synced in it would be lost, too. Who may not read its parent cannot sync that.
            .and_then(|()| match sync_folder(path) {
                Err(err) if err.kind() == io::ErrorKind::PermissionDenied => Ok(()),
                synced => synced,
            })
            .map_err(failed),
        Err(err) if err.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        Err(err) => Err(failed(err)),
    }
}

/// Makes a new, empty file, mode 0600 whatever the umask. Fails when there is one.
pub(super) fn make_file(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.set_permissions(fs::Permissions::from_mode(0o600))?;
    Ok(file)
}

/// Makes a rename or a new name in `path`'s folder durable.
pub(super) fn sync_folder(path: &Path) -> io::Result<()> {
    let parent = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    File::open(parent)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Why a file of this mode and length is refused; nothing where it is not.
    fn refusal(mode: u32, length: u64, access: Access) -> Option<String> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("vault.db");
        let file = make_file(&path).expect("made");
        file.set_len(length).expect("made longer");
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("changed");
        match check(&path, access) {
            Ok(_) => None,
            Err(StoreError::Unsafe { why, .. }) => Some(why),
            Err(other) => panic!("{other:?}"),
        }
    }

    /// As the first two commands of a user may.
    #[test]
    fn many_who_make_a_folder_at_once_have_it() {
        for _ in 0..50 {
            let folder = tempfile::tempdir().expect("a folder");
            let path = folder.path().join("a/b/c/d");
            let barrier = std::sync::Barrier::new(4);
            std::thread::scope(|threads| {
                for _ in 0..4 {
                    threads.spawn(|| {
                        barrier.wait();
                        make_folder(&path).expect("there");
                    });
                }
            });
            let mode = fs::metadata(&path).expect("there").permissions().mode();
            assert_eq!(mode & 0o7777, 0o700);
        }
    }

    #[test]
    fn where_a_file_is_no_folder_is_made() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("file");
        fs::write(&file, "of the user").expect("written");
        for path in [file.clone(), file.join("below")] {
            assert!(matches!(make_folder(&path), Err(StoreError::Io { .. })));
        }
        assert_eq!(fs::read(&file).expect("there"), b"of the user");
    }

    #[test]
    fn a_file_that_others_can_change_or_read_is_refused() {
        let told = |word: &str, mode: u32| Some(format!("others can {word} it (mode {mode:03o})"));
        for bit in 0..9 {
            let mode = 0o600 | 1 << bit;
            let (of_others, writes) = (mode & 0o077 != 0, mode & 0o022 != 0);
            let word = if writes { "write" } else { "read" };
            let of_owner = refusal(mode, 0, Access::Owner);
            assert_eq!(of_owner, told(word, mode).filter(|_| of_others), "{mode:o}");
            let of_holder = refusal(mode, 0, Access::TokenHolder);
            assert_eq!(
                of_holder,
                told("write", mode).filter(|_| writes),
                "{mode:o}"
            );
        }
        assert_eq!(refusal(0o606, 0, Access::Owner), told("write", 0o606));
    }

    #[test]
    fn a_folder_is_made_where_one_can_be_and_is_private() {
        let folder = tempfile::tempdir().expect("a folder");
        let deep = folder.path().join("a/b");
        for _ in 0..2 {
            make_folder(&deep).expect("made, or there");
            let mode = deep.metadata().expect("there").permissions().mode();
            assert_eq!(mode & 0o777, 0o700);
        }
        make_folder(Path::new("")).expect("where we are");
        let file = deep.join("file");
        fs::write(&file, "no folder").expect("written");
        for wrong in [file.clone(), file.join("below")] {
            assert!(make_folder(&wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_file_says_what_it_is_for_or_that_it_cannot_be_read() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("file");
        for text in ["", "short", &"long ".repeat(100)] {
            fs::write(&path, text).expect("written");
            assert_eq!(application_id(&path).expect("read"), None, "{text:?}");
        }
        assert!(
            application_id(folder.path()).is_err(),
            "a folder is no file"
        );
    }

    #[test]
    fn a_file_has_a_largest_size() {
        assert_eq!(refusal(0o600, SIZE_LIMIT, Access::Owner), None);
        for length in [SIZE_LIMIT + 1, SIZE_LIMIT + 2] {
            let told = Some(format!("it is larger than {SIZE_LIMIT} bytes"));
            assert_eq!(refusal(0o600, length, Access::Owner), told);
        }
    }
}
