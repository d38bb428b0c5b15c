//! Arguments that several commands take, and how they are read.

use std::fs::File;
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::{Args, ValueEnum};

use crate::crypto::{Profile, Secret, SecretValue, VALUE_LIMIT, ValueError};
use crate::error::{CommandError, Exit};
use crate::key::{KeyKind, KeyRef, ParseError, has_secret};
use crate::session::Session;
use crate::vault::{Found, Vault, Wanted};

/// Reads a new name, role or tag: none with a provider's key or a token in it, because every list would show it. Those that
/// are there already are read as they are, so that they can be named and changed.
pub(super) fn shown_word<T: FromStr<Err = ParseError>>(text: &str) -> Result<T, ParseError> {
    // What a token is told, is told first.
    let word = text.parse()?;
    match has_secret(text) {
        true => Err(ParseError::new(
            "this has a provider's key or a token in it, and names and tags are shown",
        )),
        false => Ok(word),
    }
}

/// Which key a command is about.
#[derive(Debug, Args)]
pub(super) struct KeyArg {
    /// Name of the key, its key id, or its masked token
    #[arg(value_name = "NAME", required_unless_present = "default")]
    name: Option<KeyRef>,

    /// Take the default issued key of the project and environment
    #[arg(long, conflicts_with = "name")]
    default: bool,
}

impl KeyArg {
    /// Finds the key.
    pub(super) fn find(&self, vault: &mut Vault, session: &Session) -> Result<Found, CommandError> {
        let wanted = self.name.as_ref().map_or(Wanted::Default, Wanted::Named);
        find_key(wanted, vault, session)
    }
}

/// Which key a command is about, where it is about all of them unless one is named.
#[derive(Debug, Args)]
pub(super) struct OptionalKeyArg {
    /// Name of the key, its key id, or its masked token
    #[arg(value_name = "NAME")]
    name: Option<KeyRef>,

    /// Take the default issued key of the project and environment
    #[arg(long, conflicts_with = "name")]
    default: bool,
}

impl OptionalKeyArg {
    /// Finds the key as [`KeyArg::find`] does; `None` when none was named.
    pub(super) fn find(
        &self,
        vault: &mut Vault,
        session: &Session,
    ) -> Result<Option<Found>, CommandError> {
        let default = self.default.then_some(Wanted::Default);
        let wanted = self.name.as_ref().map(Wanted::Named).or(default);
        wanted
            .map(|wanted| find_key(wanted, vault, session))
            .transpose()
    }
}

/// Finds a key. An id is found in every scope, unless options name one.
pub(super) fn find_key(
    wanted: Wanted<'_>,
    vault: &mut Vault,
    session: &Session,
) -> Result<Found, CommandError> {
    let settings = &session.settings;
    let strict = settings.project_option.is_some() || settings.environment_option.is_some();
    Ok(vault.find(wanted, &settings.scope, strict)?)
}

/// How a vault is made by the first `create` or `set`.
#[derive(Debug, Args)]
pub(super) struct FirstVault {
    /// Where the vault is made first, take a passphrase that is easy to guess
    #[arg(long, hide_short_help = true)]
    pub(super) allow_weak_passphrase: bool,
}

/// What one guess of a passphrase costs: the compiled-in profiles.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Kdf {
    Default,
    Paranoid,
    Strong,
    #[cfg(any(debug_assertions, feature = "test-kdf"))]
    #[value(hide = true)]
    Test,
}

impl From<Kdf> for Profile {
    fn from(kdf: Kdf) -> Self {
        match kdf {
            Kdf::Default => Self::Default,
            Kdf::Paranoid => Self::Paranoid,
            Kdf::Strong => Self::Strong,
            #[cfg(any(debug_assertions, feature = "test-kdf"))]
            Kdf::Test => Self::Test,
        }
    }
}

/// Shows what would be done.
#[derive(Debug, Args)]
pub(super) struct DryRun {
    /// Say what would happen, and change nothing
    #[arg(short = 'n', long)]
    pub(super) dry_run: bool,
}

/// Where a value comes from: standard input, a file, or a hidden prompt.
#[derive(Debug, Args)]
pub(super) struct ValueArgs {
    /// Read the value from a file instead of standard input
    #[arg(long, value_name = "PATH")]
    file: Option<PathBuf>,

    /// Keep a final line end, which is dropped otherwise
    #[arg(long)]
    exact: bool,
}

impl ValueArgs {
    /// Whether any of them was given.
    pub(super) fn is_given(&self) -> bool {
        self.file.is_some() || self.exact
    }

    /// Reads the value: from `--file`, from standard input when it is not a terminal, else from a hidden prompt.
    pub(super) fn read(&self, session: &Session) -> Result<SecretValue, CommandError> {
        let bytes = if self.file.is_none() && io::stdin().is_terminal() {
            session.typed_value()?.ok_or_else(no_value)?
        } else {
            // Two more for a line end that is dropped.
            read_all(self.file.as_deref(), VALUE_LIMIT + 2)?
        };
        let bytes = if self.exact {
            bytes
        } else {
            bytes.without_final_newline()
        };
        SecretValue::new(bytes).map_err(|err| {
            let refused = CommandError::new(Exit::Usage, err);
            match err {
                ValueError::Empty => refused.hint("pipe the value in, or name a file with --file"),
                ValueError::Nul | ValueError::TooLong => refused,
            }
        })
    }
}

/// All of a file, or of standard input, that has at most `limit` bytes.
pub(super) fn read_all(file: Option<&Path>, limit: usize) -> Result<Secret, CommandError> {
    let (what, read) = match file {
        Some(path) => (
            format!("`{}`", path.display()),
            File::open(path).and_then(|file| Secret::read(file, limit)),
        ),
        None => (
            "standard input".to_owned(),
            stdin().and_then(|input| Secret::read(input, limit)),
        ),
    };
    read.map_err(|err| match err.kind() {
        io::ErrorKind::FileTooLarge => CommandError::message(
            Exit::Usage,
            format!("{what} has more than {limit} bytes, the most that is read"),
        ),
        _ => unreadable(err, &what),
    })
}

/// The first bytes of standard input, one more than `limit` where there are more.
pub(super) fn read_start(limit: usize) -> Result<Secret, CommandError> {
    let start = stdin().and_then(|input| Secret::read_start(input, limit));
    start.map_err(|err| unreadable(err, "standard input"))
}

/// A handle of its own: `io::stdin()` would keep a copy of the secret in its buffer.
pub(super) fn stdin() -> io::Result<File> {
    Ok(File::from(rustix::io::dup(rustix::stdio::stdin())?))
}

pub(super) fn unreadable(err: io::Error, what: &str) -> CommandError {
    CommandError::new(
        Exit::Failed,
        anyhow::Error::new(err).context(format!("cannot read {what}")),
    )
}

fn no_value() -> CommandError {
    CommandError::message(
        Exit::Usage,
        "no value: standard input is a terminal, and nobody can be asked",
    )
    .hint("pipe the value in, or name a file with --file")
}

/// A kind of keys, as an option takes it.
pub(super) fn kind(text: &str) -> Result<KeyKind, String> {
    KeyKind::ALL
        .into_iter()
        .find(|kind| kind.to_string() == text)
        .ok_or_else(|| "a kind is issued or provider".to_owned())
}

#[cfg(test)]
mod tests {
    #[test]
    fn kinds_are_two() {
        assert!(super::kind("issued").is_ok() && super::kind("provider").is_ok());
        assert!(super::kind("both").is_err());
    }
}
