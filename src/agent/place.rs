//! Where an agent listens: a socket for each vault in a folder that is its owner's alone.

use std::fs::{self, DirBuilder, File, Metadata, OpenOptions, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::os::unix::net::{SocketAddr, UnixListener};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, OFlags, flock};
use rustix::process::geteuid;

use super::error::AgentError;
use crate::crypto::sha256_parts;

/// The socket of one vault's agent.
#[derive(Clone, Debug)]
pub(super) struct Place {
    socket: PathBuf,
}

impl Place {
    /// For the vault at a path, where there need be nothing.
    pub(super) fn new(folder: &Path, vault: &Path) -> Self {
        let hash = sha256_parts(canonical(vault).as_os_str().as_encoded_bytes(), &[]);
        let name: String = hash[..8].iter().map(|byte| format!("{byte:02x}")).collect();
        Self::at(folder.join(name + ".sock"))
    }

    /// With the socket at this path, which has a folder.
    pub(super) fn at(socket: PathBuf) -> Self {
        Self { socket }
    }

    pub(super) fn socket(&self) -> &Path {
        &self.socket
    }

    fn folder(&self) -> &Path {
        self.socket.parent().unwrap_or(Path::new("/"))
    }

    /// Looks at the folder; whether it is there.
    ///
    /// # Errors
    /// [`AgentError::Unsafe`] when it is not a real folder, not ours, or not ours alone.
    pub(super) fn check(&self) -> Result<bool, AgentError> {
        let folder = self.folder();
        let metadata = match fs::symlink_metadata(folder) {
            Err(err) if is_nowhere(err.kind()) => return Ok(false),
            looked => looked.map_err(self.failed("look at the folder of"))?,
        };
        match fault(&metadata) {
            None => Ok(true),
            Some((why, command)) => {
                let path = folder.display().to_string();
                let path = shlex::try_quote(&path).map_or(path.clone(), Into::into);
                Err(AgentError::Unsafe {
                    path: folder.to_owned(),
                    why,
                    mend: format!("run: {command} {path}"),
                })
            }
        }
    }

    /// Makes the folder where there is none, and looks at it.
    ///
    /// # Errors
    /// As [`Place::check`]; and [`AgentError::TooLong`].
    pub(super) fn prepare(&self) -> Result<(), AgentError> {
        // Before anything is made: the limit is about 100 bytes, and no other message says so.
        if SocketAddr::from_pathname(&self.socket).is_err() {
            return Err(AgentError::TooLong(self.socket.clone()));
        }
        if self.check()? {
            return Ok(());
        }
        let failed = self.failed("make the folder of");
        let mut builder = DirBuilder::new();
        builder.mode(0o700);
        if let Some(parent) = self.folder().parent() {
            builder.recursive(true).create(parent).map_err(&failed)?;
        }
        match builder.recursive(false).create(self.folder()) {
            // Another process was faster; what it made is looked at as any other.
            Err(err) if err.kind() == io::ErrorKind::AlreadyExists => {}
            made => made.map_err(failed)?,
        }
        self.check().map(drop)
    }

    /// Takes the place and listens there; `None` where another agent does.
    ///
    /// # Errors
    /// What the folder is refused for, and what the system says.
    pub(super) fn listen(&self) -> Result<Option<Bound>, AgentError> {
        self.prepare()?;
        let Some(lock) = self.lock()? else {
            return Ok(None);
        };
        self.remove_dead_socket()
            .map_err(self.failed("remove the old"))?;
        let listener = UnixListener::bind(&self.socket).map_err(self.failed("listen at"))?;
        // Until then its folder alone keeps others away.
        fs::set_permissions(&self.socket, Permissions::from_mode(0o600))
            .map_err(self.failed("protect"))?;
        let made = fs::symlink_metadata(&self.socket).map_err(self.failed("look at"))?;
        if made.permissions().mode() & 0o077 != 0 {
            let source = io::Error::other("this file system keeps no modes");
            return Err(self.failed("protect")(source));
        }
        listener
            .set_nonblocking(true)
            .map_err(self.failed("listen at"))?;
        Ok(Some(Bound {
            listener,
            socket: self.socket.clone(),
            identity: (made.dev(), made.ino()),
            _lock: lock,
        }))
    }

    /// Whose lock is free is dead, so that its socket is nobody's. Whatever is no socket is left alone.
    fn remove_dead_socket(&self) -> io::Result<()> {
        match fs::symlink_metadata(&self.socket) {
            Err(err) if err.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(err) => Err(err),
            Ok(there) if there.file_type().is_socket() => fs::remove_file(&self.socket),
            Ok(_) => Err(io::Error::other("it is no socket")),
        }
    }

    /// The process that has the lock, as it wrote there itself; only where an agent listens is it told of a living one.
    pub(super) fn holder(&self) -> Option<u32> {
        let file = lock_file(File::options().read(true), &self.lock_path()).ok()?;
        let mut text = String::new();
        file.take(16).read_to_string(&mut text).ok()?;
        text.trim_end().parse().ok().filter(|process| *process > 0)
    }

    fn lock_path(&self) -> PathBuf {
        self.socket.with_extension("lock")
    }

    /// The lock that an agent holds for life; it is never removed, or two could hold one each.
    fn lock(&self) -> Result<Option<File>, AgentError> {
        let path = self.lock_path();
        let failed = |source| AgentError::Io {
            action: "lock",
            path: path.clone(),
            source,
        };
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false).mode(0o600);
        let mut file = lock_file(&mut options, &path).map_err(failed)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {
                // Whoever gets no answer is told which process to end.
                file.set_len(0).map_err(failed)?;
                writeln!(file, "{}", std::process::id()).map_err(failed)?;
                Ok(Some(file))
            }
            Err(rustix::io::Errno::WOULDBLOCK) => Ok(None),
            Err(err) => Err(failed(err.into())),
        }
    }

    pub(super) fn failed(&self, action: &'static str) -> impl Fn(io::Error) -> AgentError {
        let path = self.socket.clone();
        move |source| AgentError::Io {
            action,
            path: path.clone(),
            source,
        }
    }
}

/// A place that is taken. Dropping it removes the socket and then gives the place up.
pub(super) struct Bound {
    pub(super) listener: UnixListener,
    socket: PathBuf,
    identity: (u64, u64),
    _lock: File,
}

impl Bound {
    /// Whether the path still leads here. Where the folder was removed, nobody could lock this agent any more.
    pub(super) fn is_reachable(&self) -> bool {
        let there = fs::symlink_metadata(&self.socket);
        there.is_ok_and(|there| (there.dev(), there.ino()) == self.identity)
    }

    /// Takes the name away, so that nobody new comes.
    pub(super) fn remove_socket(&self) {
        if self.is_reachable() {
            // What stays is nobody's, and the next agent removes it.
            let _ = fs::remove_file(&self.socket);
        }
    }
}

impl Drop for Bound {
    fn drop(&mut self) {
        self.remove_socket();
    }
}

/// Not there; nor can it be where a folder above it is a file.
fn is_nowhere(kind: io::ErrorKind) -> bool {
    matches!(kind, io::ErrorKind::NotADirectory | io::ErrorKind::NotFound)
}

/// Waits for nobody at the other end of what should be a file.
fn lock_file(options: &mut OpenOptions, path: &Path) -> io::Result<File> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let file = options
        .custom_flags(flags.bits().cast_signed())
        .open(path)?;
    if file.metadata()?.is_file() {
        Ok(file)
    } else {
        Err(io::Error::other("it is no regular file"))
    }
}

/// What is wrong with a folder, and the command that mends it.
fn fault(folder: &Metadata) -> Option<(String, &'static str)> {
    let mode = folder.permissions().mode() & 0o777;
    if folder.is_symlink() {
        Some(("it is a symbolic link".to_owned(), "rm"))
    } else if !folder.is_dir() {
        Some(("it is not a folder".to_owned(), "rm"))
    } else if folder.uid() != geteuid().as_raw() {
        let why = format!("it belongs to another user (uid {})", folder.uid());
        Some((why, "sudo rm -r"))
    } else if mode & 0o077 != 0 {
        let why = format!("others can reach into it (mode {mode:03o})");
        Some((why, "chmod 700"))
    } else {
        None
    }
}

/// The path with what is there of its folder resolved.
fn canonical(path: &Path) -> PathBuf {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let mut missing = Vec::new();
    let mut there = path.as_path();
    while let (Some(parent), Some(name)) = (there.parent(), there.file_name()) {
        missing.push(name);
        if let Ok(parent) = parent.canonicalize() {
            return missing
                .iter()
                .rev()
                .fold(parent, |path, name| path.join(name));
        }
        there = parent;
    }
    path
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_vault_has_one_socket_however_it_is_reached() {
        let home = tempfile::tempdir().expect("a folder");
        let real = home.path().join("real");
        fs::create_dir(&real).expect("made");
        symlink(&real, home.path().join("link")).expect("made");
        let socket = |vault: &str| {
            let place = Place::new(Path::new("/run"), &home.path().join(vault));
            place.socket().to_owned()
        };
        // Before there is a vault, and after.
        let first = socket("real/vault.db");
        assert_eq!(first, socket("link/vault.db"));
        assert_ne!(first, socket("real/other.db"));
        fs::write(real.join("vault.db"), "").expect("written");
        assert_eq!(first, socket("link/vault.db"));
        assert_eq!(socket("gone/vault.db"), socket("gone/vault.db"));
        let name = first.file_name().expect("a name").to_string_lossy();
        assert_eq!(name.len(), "0123456789abcdef.sock".len());
    }

    #[test]
    fn the_folder_is_made_for_its_owner_alone() {
        let home = tempfile::tempdir().expect("a folder");
        let place = Place::at(home.path().join("a/b/x.sock"));
        assert!(!place.check().expect("nothing there"));
        let bound = place.listen().expect("it listens").expect("it is free");
        let mode = |path: &Path| {
            let metadata = fs::symlink_metadata(path).expect("there");
            metadata.permissions().mode() & 0o777
        };
        assert_eq!(mode(place.folder()), 0o700);
        assert_eq!(mode(place.socket()), 0o600);
        assert!(place.listen().expect("looked at").is_none());
        drop(bound);
        assert!(!place.socket().exists());
        // What a dead agent leaves is removed.
        drop(UnixListener::bind(place.socket()).expect("bound"));
        assert!(place.socket().exists());
        let bound = place.listen().expect("it listens").expect("it is free");
        assert!(bound.is_reachable());
        fs::remove_file(place.socket()).expect("removed");
        assert!(!bound.is_reachable());
    }

    #[test]
    fn an_unsafe_folder_is_refused() {
        let home = tempfile::tempdir().expect("a folder");
        let folder = home.path().join("folder");
        let place = Place::at(folder.join("x.sock"));
        let refused = || match place.listen() {
            Err(AgentError::Unsafe { why, mend, .. }) => format!("{why}; {mend}"),
            other => panic!("{:?}", other.map(|bound| bound.is_some())),
        };
        fs::create_dir(&folder).expect("made");
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o750)).expect("changed");
        let at = folder.display();
        assert_eq!(
            refused(),
            format!("others can reach into it (mode 750); run: chmod 700 {at}")
        );
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o700)).expect("changed");
        assert!(place.check().expect("safe"));
        fs::rename(&folder, home.path().join("real")).expect("moved");
        symlink(home.path().join("real"), &folder).expect("made");
        assert_eq!(refused(), format!("it is a symbolic link; run: rm {at}"));
        fs::remove_file(&folder).expect("removed");
        fs::write(&folder, "").expect("written");
        assert_eq!(refused(), format!("it is not a folder; run: rm {at}"));
    }

    #[test]
    fn only_a_socket_is_removed() {
        let home = tempfile::tempdir().expect("a folder");
        let folder = home.path().join("folder");
        let place = Place::at(folder.join("x.sock"));
        drop(place.listen().expect("it listens").expect("it is free"));
        let target = home.path().join("precious");
        fs::write(&target, "kept").expect("written");
        for make in [
            (|_, at| fs::write(at, "kept").expect("written")) as fn(&Path, &Path),
            |target, at| symlink(target, at).expect("made"),
        ] {
            make(&target, place.socket());
            let refused = place.listen().err().expect("it is no socket");
            let why = format!("{:#}", anyhow::Error::new(refused));
            assert!(why.ends_with("x.sock`: it is no socket"), "{why}");
            let kept = fs::read_to_string(place.socket()).expect("still there");
            assert_eq!(kept, "kept");
            fs::remove_file(place.socket()).expect("removed");
        }
        // The twin: a socket is.
        drop(UnixListener::bind(place.socket()).expect("bound"));
        assert!(place.listen().expect("it listens").is_some());
    }

    #[test]
    fn a_lock_that_is_no_file_is_refused_and_not_waited_for() {
        let home = tempfile::tempdir().expect("a folder");
        let folder = home.path().join("folder");
        let place = Place::at(folder.join("x.sock"));
        place.prepare().expect("made");
        let fifo = place.lock_path();
        let made = std::process::Command::new("mkfifo").arg(&fifo).status();
        assert!(made.expect("it runs").success());
        assert!(matches!(place.listen(), Err(AgentError::Io { .. })));
        // With a reader it could be opened.
        let at_once = OFlags::NONBLOCK.bits().cast_signed();
        let mut options = File::options();
        let reader = options.read(true).custom_flags(at_once).open(&fifo);
        let _reader = reader.expect("opened");
        let refused = place.listen().err().expect("it is no file");
        let why = format!("{:#}", anyhow::Error::new(refused));
        assert!(why.ends_with("it is no regular file"), "{why}");
        assert_eq!(place.holder(), None);
        fs::remove_file(&fifo).expect("removed");
        let bound = place.listen().expect("it listens").expect("it is free");
        assert_eq!(place.holder(), Some(std::process::id()));
        drop(bound);
    }

    #[test]
    fn a_path_that_is_too_long_is_told() {
        let home = tempfile::tempdir().expect("a folder");
        let folder = home.path().join("x".repeat(100));
        let refused = Place::at(folder.join("x.sock")).listen();
        assert!(matches!(refused, Err(AgentError::TooLong(_))));
        assert!(!folder.exists());
    }
}
