//! The vault file: every statement of `vault.db`. Rows go in and out as they are; what they mean is decided above.

mod change;
mod rows;
mod schema;
mod scratch;
mod snapshot;
mod watch;

use std::cell::{Cell, RefCell};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use rand::TryRng;
use rusqlite::config::DbConfig;
use rusqlite::limits::Limit;
use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};

pub use self::change::Change;
pub use self::rows::{HeaderRow, RecordRow, ScopeRow, SlotRow};
use self::schema::{APPLICATION_ID, FORMAT, SCHEMA};
pub use self::scratch::{KEPT, Leftover, NewFile, check_target, is_same};
pub use self::snapshot::Snapshot;
pub use self::watch::{Sight, Watch};
use super::StoreError;
use super::file::{self, Access, FileIdentity};

/// Largest row, in bytes: two values of a provider key and the metadata fit many times.
const LENGTH_LIMIT: i32 = 1 << 20;

/// Most slots of a vault: ways to open it.
pub const SLOTS: usize = 64;
/// Most scopes of a vault.
pub const SCOPES: usize = 4096;

/// An open vault file.
pub struct VaultFile {
    connection: Connection,
    path: PathBuf,
    identity: FileIdentity,
    access: Access,
}

impl VaultFile {
    /// Checks what kind of file is at `path`, and opens nothing.
    ///
    /// # Errors
    /// [`StoreError::Missing`] and [`StoreError::Unsafe`].
    pub fn check(path: &Path, access: Access) -> Result<(), StoreError> {
        check(&file::resolve(path)?, access).map(|_| ())
    }

    /// Opens an existing vault after checking what kind of file it is.
    ///
    /// # Errors
    /// [`StoreError::Missing`], [`StoreError::Unsafe`], and whatever SQLite says of the file.
    pub fn open(path: &Path, access: Access) -> Result<Self, StoreError> {
        let resolved = file::resolve(path)?;
        let identity = check(&resolved, access)?;
        let failed = |source| StoreError::Io {
            action: "resolve",
            path: path.to_owned(),
            source,
        };
        // Links are allowed for who holds a token, and SQLite follows none. The path stays the one that was given: where a
        // link is changed, the file is another, and what was seen of the vault is still known.
        let (known_as, real) = match access {
            Access::Owner => (resolved.clone(), resolved),
            Access::TokenHolder => (
                std::path::absolute(path).map_err(failed)?,
                resolved.canonicalize().map_err(failed)?,
            ),
        };
        Self::connect(known_as, &real, identity, access)
    }

    /// Makes a vault that appears at `path` whole or not at all: it is filled under another name and renamed.
    ///
    /// # Errors
    /// [`StoreError::Exists`] when something is at `path`, now or by then.
    pub fn create<E: From<StoreError>>(
        path: &Path,
        fill: impl FnOnce(Change<'_>) -> Result<Change<'_>, E>,
    ) -> Result<Self, E> {
        if let Some(parent) = path.parent() {
            file::make_folder(parent)?;
        }
        let path = file::resolve(path)?;
        let exists = path.symlink_metadata().is_ok();
        if exists {
            return Err(StoreError::Exists(path).into());
        }
        let new = NewFile::beside(&path)?;
        fill(new.change()?)?.commit()?;
        new.publish()?;
        let opened = Self::open(&path, Access::Owner);
        Ok(opened.map_err(|source| StoreError::Unopened {
            path,
            source: source.into(),
        })?)
    }

    /// Where it is, with its folder resolved.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Opens the path again if it leads to another file than the open one: a restored or pulled file replaces it.
    ///
    /// # Errors
    /// As [`VaultFile::open`].
    pub fn follow(&mut self) -> Result<(), StoreError> {
        match FileIdentity::of(&self.path) {
            Ok(now) if now == self.identity => Ok(()),
            _ => self.reopen(),
        }
    }

    /// Opens the path again, whatever it leads to by now.
    ///
    /// # Errors
    /// As [`VaultFile::open`].
    pub fn reopen(&mut self) -> Result<(), StoreError> {
        *self = Self::open(&self.path, self.access)?;
        Ok(())
    }

    /// Begins to read: all of it is of one instant.
    ///
    /// # Errors
    /// When the file is busy, not a vault, of a newer format, or its schema is not the compiled-in one.
    pub fn snapshot(&self) -> Result<Snapshot<'_>, StoreError> {
        self.begin(TransactionBehavior::Deferred)
    }

    /// Begins to write: nobody else can, and what is read is what will be there at the commit.
    ///
    /// # Errors
    /// As [`VaultFile::snapshot`]; and [`StoreError::Replaced`] when the path leads to another file than the open one.
    pub fn change(&self) -> Result<Change<'_>, StoreError> {
        // Before the lock, too: beside a file that has another's name by now, SQLite finds the other's journal, and would
        // play it into this one.
        self.check_replaced()?;
        WAITING.set(Some((self.path.clone(), self.identity)));
        let change = self.change_unchecked();
        WAITING.set(None);
        // Whoever waited in vain waited for a file that is no more the vault.
        self.check_replaced()?;
        change
    }

    fn check_replaced(&self) -> Result<(), StoreError> {
        match FileIdentity::of(&self.path) {
            Ok(now) if now == self.identity => Ok(()),
            _ => Err(StoreError::Replaced(self.path.clone())),
        }
    }

    fn change_unchecked(&self) -> Result<Change<'_>, StoreError> {
        Ok(Change(self.begin(TransactionBehavior::Immediate)?))
    }

    fn begin(&self, behavior: TransactionBehavior) -> Result<Snapshot<'_>, StoreError> {
        let transaction = Transaction::new_unchecked(&self.connection, behavior)
            .map_err(|err| self.failed(err))?;
        let snapshot = Snapshot {
            transaction,
            path: &self.path,
        };
        snapshot.check_format()?;
        snapshot.check_schema()?;
        Ok(snapshot)
    }

    /// `path` is what it is known as, `real` the same without links.
    fn connect(
        path: PathBuf,
        real: &Path,
        identity: FileIdentity,
        access: Access,
    ) -> Result<Self, StoreError> {
        let open = || -> rusqlite::Result<Connection> {
            let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
                | OpenFlags::SQLITE_OPEN_NO_MUTEX
                | OpenFlags::SQLITE_OPEN_NOFOLLOW;
            let mut connection = Connection::open_with_flags(real, flags)?;
            connection.busy_handler(Some(wait_a_little))?;
            connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, LENGTH_LIMIT)?;
            // A hostile file must not run code, hide rows behind odd cells, or change under a mapped page.
            connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
            connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
            for (pragma, value) in [
                ("cell_size_check", "ON"),
                // With pages of 4 KiB the largest file that `check` lets be opened again: 1 GiB.
                ("max_page_count", "262144"),
                ("mmap_size", "0"),
                ("secure_delete", "ON"),
                ("synchronous", "EXTRA"),
                ("temp_store", "MEMORY"),
            ] {
                connection.pragma_update(None, pragma, value)?;
            }
            Ok(connection)
        };
        let connection = open().map_err(|err| match err.sqlite_error_code() {
            Some(rusqlite::ErrorCode::CannotOpen) => StoreError::Io {
                action: "open",
                path: path.clone(),
                source: std::fs::File::open(&path)
                    .err()
                    .unwrap_or_else(|| std::io::Error::other(err)),
            },
            _ => StoreError::sqlite(&path, err),
        })?;
        // The name must still lead to the file that was checked.
        if FileIdentity::of(&path).ok() != Some(identity) {
            return Err(StoreError::Replaced(path));
        }
        Ok(Self {
            connection,
            path,
            identity,
            access,
        })
    }

    fn write_schema(&self) -> Result<(), StoreError> {
        let write = || -> rusqlite::Result<()> {
            let transaction =
                Transaction::new_unchecked(&self.connection, TransactionBehavior::Immediate)?;
            for (_, sql) in SCHEMA {
                transaction.execute_batch(sql)?;
            }
            transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
            transaction.pragma_update(None, "user_version", FORMAT)?;
            transaction.commit()
        };
        write().map_err(|err| self.failed(err))
    }

    fn failed(&self, err: rusqlite::Error) -> StoreError {
        StoreError::sqlite(&self.path, err)
    }
}

/// As [`file::check`]; but who mistyped a path is not told to change the mode of that file.
fn check(path: &Path, access: Access) -> Result<FileIdentity, StoreError> {
    file::check(path, access).map_err(|err| {
        let is_file = path.symlink_metadata().is_ok_and(|it| it.is_file());
        match err {
            StoreError::Unsafe { .. }
                if is_file
                    && file::application_id(path).is_ok_and(|id| id != Some(APPLICATION_ID)) =>
            {
                StoreError::NotAVault(path.to_owned())
            }
            err => err,
        }
    })
}

thread_local! {
    /// The file that is to be changed, while its lock is waited for.
    static WAITING: RefCell<Option<(PathBuf, FileIdentity)>> = const { RefCell::new(None) };
}

/// Long enough for all who wait for a file to find that another has taken its place.
pub const ALL_HAVE_TRIED: Duration = Duration::from_millis(25);

/// SQLite asks before each new try. A random wait of 0.5 to 5 ms, because equal waits collide again; 10 s at most, and no
/// longer than the file is the one that its path leads to.
fn wait_a_little(tries: i32) -> bool {
    thread_local! {
        static SINCE: Cell<Instant> = Cell::new(Instant::now());
    }
    if tries == 0 {
        SINCE.set(Instant::now());
    }
    if SINCE.get().elapsed() > Duration::from_secs(10) {
        return false;
    }
    let mut byte = [0];
    let jitter = rand::rngs::SysRng
        .try_fill_bytes(&mut byte)
        .map_or(128, |()| u64::from(byte[0]));
    thread::sleep(Duration::from_micros(500 + jitter * 4_500 / 255));
    WAITING.with_borrow(|waiting| match waiting {
        None => true,
        Some((path, identity)) => FileIdentity::of(path).is_ok_and(|now| now == *identity),
    })
}
