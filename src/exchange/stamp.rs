//! Whether a file is still the one that was read.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;

/// What another content would change: device, inode, bytes, seconds and nanoseconds of the last change.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Stamp(u64, u64, u64, i64, i64);

impl Stamp {
    pub(crate) fn of(file: &Metadata) -> Self {
        Self(
            file.dev(),
            file.ino(),
            file.size(),
            file.mtime(),
            file.mtime_nsec(),
        )
    }
}
