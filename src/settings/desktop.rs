//! What is around this process on its machine: displays, programs, and the program that it is itself.

use std::env;
use std::io;
use std::path::PathBuf;

use rustix::fs::{Access, access};

use super::variable_value;

/// Whether there is a Wayland display, and an X11 display.
pub(crate) fn displays() -> (bool, bool) {
    let is_set = |name| variable_value(name).is_some();
    (is_set("WAYLAND_DISPLAY"), is_set("DISPLAY"))
}

/// Whether a program of this name would be found.
pub(crate) fn is_installed(program: &str) -> bool {
    let path = variable_value("PATH").unwrap_or_default();
    env::split_paths(&path)
        .map(|folder| folder.join(program))
        .any(|file| file.is_file() && access(&file, Access::EXEC_OK).is_ok())
}

/// Whether a program that is looked for in PATH would not be found there.
pub(crate) fn is_missing(program: &str) -> bool {
    let looked_for = !program.contains('/') && variable_value("PATH").is_some();
    looked_for && !is_installed(program)
}

/// The file of the program that runs.
///
/// # Errors
/// What the system says where it cannot be told.
pub(crate) fn own_program() -> io::Result<PathBuf> {
    env::current_exe()
}

/// After how many seconds a test has the clipboard cleared: nobody waits 45 for it. No part of a build that is handed out.
#[cfg(any(debug_assertions, feature = "test-kdf"))]
pub(crate) fn test_seconds() -> Option<String> {
    super::lossy_variable("KEYWRIGHT_TEST_CLEARED_AFTER")
}
