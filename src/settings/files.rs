//! The config file, and how a settings file is read.

use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::Path;
use std::str::FromStr;

use rustix::fs::OFlags;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::agent::Limits;
use crate::error::{CommandError, Exit};
use crate::key::{Brand, Environment, Expiry, ParseError, Project};

/// Largest settings file, in bytes.
pub(super) const SIZE_LIMIT: u64 = 64 * 1024;

/// `config.toml` in the config directory.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Config {
    pub(super) project: Option<Project>,
    pub(super) environment: Option<Environment>,
    pub(super) brand: Option<Brand>,
    /// As `--expires` takes it.
    default_expiry: Option<String>,
    audit: Option<Audit>,
    agent: Option<AgentStart>,
    /// As `unlock --idle` takes it.
    agent_idle: Option<String>,
    /// As `unlock --max` takes it.
    agent_max: Option<String>,
    /// Days of daily usage counts that are kept.
    pub(super) usage_days: Option<u16>,
    /// Days of single uses that are kept.
    pub(super) event_days: Option<u16>,
    /// Most single uses that are kept.
    pub(super) events: Option<u64>,
}

/// What happens when a use cannot be recorded.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "kebab-case")]
enum Audit {
    BestEffort,
    Required,
}

/// Whether an agent is started when the passphrase was typed.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "kebab-case")]
enum AgentStart {
    Auto,
    Off,
}

impl Config {
    pub(super) fn load(path: &Path) -> Result<Self, CommandError> {
        let read = read(path).map_err(|err| match fs::symlink_metadata(path) {
            // Not the file, which is a mistake to be mended, but the way to it: the home directory is another user's, or
            // a service may not see it.
            Err(unseen) if unseen.kind() == io::ErrorKind::PermissionDenied => {
                err.hint("set XDG_CONFIG_HOME or HOME to a folder that can be reached")
            }
            _ => err,
        });
        Ok(read?.unwrap_or_default())
    }

    pub(super) fn audit_required(&self) -> bool {
        self.audit == Some(Audit::Required)
    }

    pub(super) fn default_expiry(&self, path: &Path) -> Result<Option<Expiry>, CommandError> {
        parsed(self.default_expiry.as_deref(), "default_expiry", path)
    }

    pub(super) fn starts_agent(&self) -> bool {
        self.agent != Some(AgentStart::Off)
    }

    pub(super) fn agent_limits(&self, path: &Path) -> Result<Limits, CommandError> {
        let usual = Limits::default();
        let idle = parsed(self.agent_idle.as_deref(), "agent_idle", path)?;
        let max = parsed(self.agent_max.as_deref(), "agent_max", path)?;
        Ok(Limits {
            idle: idle.unwrap_or(usual.idle),
            max: max.unwrap_or(usual.max),
        })
    }
}

/// What a setting of the file at `path` says.
fn parsed<T>(text: Option<&str>, name: &str, path: &Path) -> Result<Option<T>, CommandError>
where
    T: FromStr<Err = ParseError>,
{
    let Some(text) = text else {
        return Ok(None);
    };
    text.parse().map(Some).map_err(|err| {
        let context = format!("`{}`: invalid `{text}` for `{name}`", path.display());
        CommandError::new(Exit::Usage, anyhow::Error::new(err).context(context))
    })
}

/// A TOML file, or `None` where there is none.
///
/// # Errors
/// When it cannot be read or is not what it should be; then with its line.
pub(super) fn read<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, CommandError> {
    read_accepted(path, |_| Ok(()))
}

/// As [`read`], of a file that `accept` has nothing against: it sees the very file that is read.
pub(super) fn read_accepted<T: DeserializeOwned>(
    path: &Path,
    accept: impl FnOnce(&Metadata) -> Result<(), CommandError>,
) -> Result<Option<T>, CommandError> {
    let unread = |err| {
        let context = format!("cannot read `{}`", path.display());
        CommandError::new(Exit::Failed, anyhow::Error::new(err).context(context))
    };
    let file = match open(path) {
        Err(err) if err.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened.map_err(unread)?,
    };
    accept(&file.metadata().map_err(unread)?)?;
    let text = text_of(file).map_err(unread)?;
    toml::from_str(&text)
        .map(Some)
        .map_err(|err| mistake(path, &text, &err))
}

/// Does not wait for a writer, whatever stands there.
fn open(path: &Path) -> io::Result<File> {
    let at_once = OFlags::NONBLOCK.bits().cast_signed();
    File::options().read(true).custom_flags(at_once).open(path)
}

/// Does not read without end either.
fn text_of(file: File) -> io::Result<String> {
    if file.metadata()?.file_type().is_fifo() {
        return Err(io::Error::other("it is a pipe"));
    }
    let mut text = String::new();
    file.take(SIZE_LIMIT + 1).read_to_string(&mut text)?;
    if text.len() as u64 > SIZE_LIMIT {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    Ok(text)
}

/// Where it is, and what was expected there, where the parser has no better words of its own.
fn mistake(path: &Path, text: &str, err: &toml::de::Error) -> CommandError {
    let span = err.span().unwrap_or_default();
    let before = text.get(..span.start).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    let said = err.message();
    let said = if said == "duplicate key" {
        format!("{said} `{}`", text.get(span).unwrap_or_default())
    } else if said.contains("__toml_private_datetime") {
        "a date or time is not expected here; a text is in quotes".to_owned()
    } else if let Some(found) = said.strip_suffix("expected a map") {
        format!("{found}expected a table")
    } else {
        said.to_owned()
    };
    CommandError::message(
        Exit::Usage,
        format!("`{}`, line {line}: {said}", path.display()),
    )
}
