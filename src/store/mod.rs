//! Where things are kept: ids, sealed bytes and counts in SQLite files, and the anchors beside them. Nothing here can
//! open what it holds, and nothing above it knows SQL.

mod activity;
mod anchor;
mod events;
mod file;
mod vault;

use std::io;
use std::path::{Path, PathBuf};

pub use self::activity::{ActivityFile, KeyTotal, Retention, UsageRow, Use};
pub use self::anchor::AnchorFile;
pub use self::events::EventRow;
pub use self::file::Access;
pub(crate) use self::file::{SIZE_LIMIT, resolve};
pub use self::vault::{
    ALL_HAVE_TRIED, Change, HeaderRow, KEPT, Leftover, NewFile, RecordRow, SCOPES, SLOTS, ScopeRow,
    Sight, SlotRow, Snapshot, VaultFile, Watch, check_target, is_same,
};

/// What can go wrong with files.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("`{path}` is damaged or was altered: {what}")]
    Altered { path: PathBuf, what: String },
    #[error("`{0}` is in use: another process has held it for too long")]
    Busy(PathBuf),
    #[error("there is already a file at `{0}`")]
    Exists(PathBuf),
    #[error(
        "no space is left for `{0}`, on its disk or within its limit of 1 GiB; nothing was changed"
    )]
    Full(PathBuf),
    #[error("cannot {action} `{path}`")]
    Io {
        action: &'static str,
        path: PathBuf,
        source: io::Error,
    },
    #[error("there is no vault at `{0}`")]
    Missing(PathBuf),
    #[error("`{path}` has format {format}, which a newer keywright wrote; this one reads format 1")]
    Newer { path: PathBuf, format: i64 },
    #[error("`{0}` is no activity file, but a vault or another program's")]
    NotActivity(PathBuf),
    #[error("`{0}` is not a keywright vault, or its first bytes are damaged")]
    NotAVault(PathBuf),
    #[error("`{path}` is not replaced: {why}")]
    NotReplaced { path: PathBuf, why: String },
    #[error("the vault `{0}` can only be read here; nothing was changed")]
    ReadOnly(PathBuf),
    /// The path leads to another file than the one that is open; the caller opens it again.
    #[error("the vault `{0}` was replaced by another file; nothing was changed")]
    Replaced(PathBuf),
    #[error("cannot use `{path}`")]
    Sqlite {
        path: PathBuf,
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    #[error("the vault `{path}` was made, but cannot be opened")]
    Unopened {
        path: PathBuf,
        source: Box<StoreError>,
    },
    #[error("the vault `{path}` is refused: {why}")]
    Unsafe {
        path: PathBuf,
        why: String,
        mend: Option<String>,
    },
}

impl StoreError {
    /// Says which file an SQLite error is about, and what it means for that file.
    fn sqlite(path: &Path, source: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode;
        let path = path.to_owned();
        match source.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Busy(path),
            Some(
                ErrorCode::DatabaseCorrupt
                | ErrorCode::ConstraintViolation
                // Longer than any row of ours can be.
                | ErrorCode::TooBig
                | ErrorCode::TypeMismatch,
            ) => Self::Altered {
                path,
                what: source.to_string(),
            },
            Some(ErrorCode::DiskFull) => Self::Full(path),
            Some(ErrorCode::NotADatabase) => Self::NotAVault(path),
            Some(ErrorCode::ReadOnly) => Self::ReadOnly(path),
            Some(ErrorCode::Unknown)
                if matches!(source, rusqlite::Error::SqliteFailure(_, Some(_))) =>
            {
                // A schema that SQLite cannot parse ends here: "malformed database schema".
                Self::Altered {
                    path,
                    what: source.to_string(),
                }
            }
            Some(_) => Self::Sqlite {
                path,
                source: source.into(),
            },
            // A column of another type or length than the schema has: only an edit makes that.
            None => Self::Altered {
                path,
                what: source.to_string(),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::{Error, ffi};

    use super::*;

    /// What an error is decides which exit code and which advice its user gets.
    #[test]
    fn each_error_of_sqlite_is_told_as_what_it_means() {
        let failed = |code, text: Option<&str>| {
            let text = text.map(str::to_owned);
            let error = Error::SqliteFailure(ffi::Error::new(code), text);
            StoreError::sqlite(Path::new("vault"), error)
        };
        for code in [ffi::SQLITE_BUSY, ffi::SQLITE_LOCKED] {
            assert!(matches!(failed(code, None), StoreError::Busy(_)));
        }
        for code in [
            ffi::SQLITE_CORRUPT,
            ffi::SQLITE_CONSTRAINT,
            ffi::SQLITE_TOOBIG,
            ffi::SQLITE_MISMATCH,
        ] {
            assert!(matches!(failed(code, None), StoreError::Altered { .. }));
        }
        assert!(matches!(
            failed(ffi::SQLITE_FULL, None),
            StoreError::Full(_)
        ));
        let other = failed(ffi::SQLITE_NOTADB, None);
        assert!(matches!(other, StoreError::NotAVault(_)));
        let read_only = failed(ffi::SQLITE_READONLY, None);
        assert!(matches!(read_only, StoreError::ReadOnly(_)));
        let failure = failed(ffi::SQLITE_IOERR, Some("disk I/O error"));
        assert!(matches!(failure, StoreError::Sqlite { .. }));
        // With words of SQLite's it is about the schema.
        let schema = failed(ffi::SQLITE_ERROR, Some("malformed database schema"));
        assert!(matches!(schema, StoreError::Altered { .. }));
        let wordless = failed(ffi::SQLITE_ERROR, None);
        assert!(matches!(wordless, StoreError::Sqlite { .. }));
        let row = StoreError::sqlite(Path::new("vault"), Error::InvalidColumnIndex(3));
        assert!(matches!(row, StoreError::Altered { .. }));
    }
}
