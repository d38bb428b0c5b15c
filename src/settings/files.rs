//! The config file and `keywright.toml`.

use std::collections::BTreeMap;
use std::env;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use directories::BaseDirs;
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, DeserializeOwned, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::error::{CommandError, Exit};
use crate::key::{Assignment, Brand, Environment, Expiry, KeyRef, Project, VariableName};

/// Largest settings file, in bytes.
const SIZE_LIMIT: u64 = 64 * 1024;

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
    /// Days of daily usage counts that are kept.
    pub(super) usage_days: Option<u16>,
    /// Days of single uses that are kept.
    pub(super) event_days: Option<u16>,
    /// Most single uses that are kept.
    pub(super) events: Option<u64>,
}

/// The `[env]` table of a `keywright.toml`.
#[derive(Debug)]
pub(crate) struct ProjectNeeds {
    pub(crate) path: PathBuf,
    pub(crate) variables: Vec<Assignment>,
}

/// What happens when a use cannot be recorded.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "kebab-case")]
enum Audit {
    BestEffort,
    Required,
}

impl Config {
    pub(super) fn load(path: &Path) -> Result<Self, CommandError> {
        Ok(read(path)?.unwrap_or_default())
    }

    pub(super) fn audit_required(&self) -> bool {
        self.audit == Some(Audit::Required)
    }

    pub(super) fn default_expiry(&self, path: &Path) -> Result<Option<Expiry>, CommandError> {
        let Some(text) = &self.default_expiry else {
            return Ok(None);
        };
        text.parse().map(Some).map_err(|err| {
            let context = format!(
                "`{}`: invalid `{text}` for `default_expiry`",
                path.display()
            );
            CommandError::new(Exit::Usage, anyhow::Error::new(err).context(context))
        })
    }
}

/// The nearest `keywright.toml`: committed to a repository, written by anybody who can commit there.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ProjectFile {
    pub(super) project: Option<Project>,
    environment: Option<Environment>,
    /// Which variable gets which key.
    env: Option<BTreeMap<VariableName, KeyOfVariable>>,
    #[serde(skip)]
    path: PathBuf,
}

/// A key's name, or a table that says more of it.
#[derive(Debug)]
struct KeyOfVariable {
    key: KeyRef,
    required: bool,
}

/// As a table.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyTable {
    key: String,
    #[serde(default = "is_required")]
    required: bool,
}

fn is_required() -> bool {
    true
}

impl<'de> Deserialize<'de> for KeyOfVariable {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(KeyOfVariableVisitor)
    }
}

struct KeyOfVariableVisitor;

impl<'de> Visitor<'de> for KeyOfVariableVisitor {
    type Value = KeyOfVariable;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            r#"the name of a key, such as "openai", or { key = "openai", required = false }"#,
        )
    }

    fn visit_str<E: de::Error>(self, name: &str) -> Result<KeyOfVariable, E> {
        let key = name.parse().map_err(E::custom)?;
        Ok(KeyOfVariable {
            key,
            required: is_required(),
        })
    }

    fn visit_map<A: MapAccess<'de>>(self, table: A) -> Result<KeyOfVariable, A::Error> {
        let KeyTable { key, required } = KeyTable::deserialize(MapAccessDeserializer::new(table))?;
        let key = key.parse().map_err(de::Error::custom)?;
        Ok(KeyOfVariable { key, required })
    }
}

impl ProjectFile {
    /// The variables that its project needs and their keys, and where that stands.
    pub(super) fn needs(&self) -> Option<ProjectNeeds> {
        let assignment = |(variable, of): (&VariableName, &KeyOfVariable)| Assignment {
            variable: variable.clone(),
            key: of.key.clone(),
            required: of.required,
        };
        Some(ProjectNeeds {
            path: self.path.clone(),
            variables: self.env.as_ref()?.iter().map(assignment).collect(),
        })
    }

    /// Upwards from the working directory, not above the home directory or the file system it is in.
    pub(super) fn nearest() -> Result<Self, CommandError> {
        let Some(path) = find("keywright.toml") else {
            return Ok(Self::default());
        };
        let file: Self = read(&path)?.unwrap_or_default();
        Ok(Self { path, ..file })
    }

    /// The environment that it selects, which is never production: that has to be said by a person.
    pub(super) fn environment(&self) -> Result<Option<Environment>, CommandError> {
        match &self.environment {
            Some(environment) if environment.as_str() == "production" => {
                let message = format!(
                    "`{}` selects production, which a file cannot do",
                    self.path.display()
                );
                Err(CommandError::message(Exit::Refused, message)
                    .hint("say it on the command line with -e production, or in KEYWRIGHT_ENV"))
            }
            other => Ok(other.clone()),
        }
    }
}

fn find(name: &str) -> Option<PathBuf> {
    let start = env::current_dir().ok()?;
    let home = BaseDirs::new().map(|folders| folders.home_dir().to_owned());
    let device = device_of(&start)?;
    for folder in start.ancestors() {
        if device_of(folder) != Some(device) {
            return None;
        }
        let candidate = folder.join(name);
        if candidate.is_file() {
            return Some(candidate);
        }
        if home.as_deref() == Some(folder) {
            return None;
        }
    }
    None
}

fn device_of(path: &Path) -> Option<u64> {
    use std::os::unix::fs::MetadataExt;
    fs::metadata(path).ok().map(|metadata| metadata.dev())
}

/// A TOML file, or `None` where there is none.
fn read<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, CommandError> {
    let failed = |err: io::Error| {
        let context = format!("cannot read `{}`", path.display());
        CommandError::new(Exit::Failed, anyhow::Error::new(err).context(context))
    };
    match fs::metadata(path) {
        Err(err) if err.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(err) => return Err(failed(err)),
        Ok(metadata) if metadata.len() > SIZE_LIMIT => {
            return Err(failed(io::ErrorKind::FileTooLarge.into()));
        }
        Ok(_) => {}
    }
    let text = fs::read_to_string(path).map_err(failed)?;
    toml::from_str(&text).map(Some).map_err(|err| {
        let line = err
            .span()
            .map_or(1, |span| text[..span.start].matches('\n').count() + 1);
        let message = format!("`{}`, line {line}: {}", path.display(), err.message());
        CommandError::message(Exit::Usage, message)
    })
}
