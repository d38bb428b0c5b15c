//! Giving a secret to something else than standard output: a new file, a program's standard input, the clipboard.
//!
//! Each is made ready before there is a secret, so that what cannot work is refused before anything is made.

mod clipboard;
mod file;
pub(crate) mod formats;
mod program;

use std::ffi::OsString;
use std::io;
use std::process::{Child, Command};

use rustix::process::Rlimit;

pub(crate) use self::clipboard::{
    CLEARED_AFTER, Cleaner, Clipboard, Displays, NoTool, Tool, clear_later,
};
pub(crate) use self::file::{NewFile, folder_of};
pub(crate) use self::program::Program;
use crate::crypto::{Secret, SecretValue, Token};
use crate::hardening::with_core_limit;

/// What is handed over.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Handed<'a> {
    AccessToken(&'a Secret),
    Token(&'a Token),
    Value(&'a SecretValue),
}

impl Handed<'_> {
    /// The bytes, without a line end.
    fn bytes(&self) -> &[u8] {
        match self {
            Self::AccessToken(text) => text.expose(), // the one time it is handed over
            Self::Token(token) => token.expose(),     // the one time it is handed over
            Self::Value(value) => value.expose(),     // asked for by `get`
        }
    }

    /// What stands after it in a file: a token is a line of text, a value has its exact bytes.
    fn line_end(&self) -> &'static [u8] {
        match self {
            Self::AccessToken(_) | Self::Token(_) => b"\n",
            Self::Value(_) => b"",
        }
    }
}

/// What a program that is started gets, and does not get, of what is ours.
#[derive(Clone, Debug)]
pub(crate) struct Surroundings {
    /// Variables that are not in its environment.
    pub(crate) hide: Vec<OsString>,
    /// Its core limit, which keywright's own is not.
    pub(crate) core_limit: Rlimit,
}

impl Surroundings {
    fn start(&self, command: &mut Command) -> io::Result<Child> {
        for variable in &self.hide {
            command.env_remove(variable);
        }
        with_core_limit(&self.core_limit, || command.spawn())
    }
}
