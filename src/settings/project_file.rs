//! `keywright.toml`: what a project needs, committed to its repository.

use std::collections::BTreeMap;
use std::env;
use std::fmt;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Display, Path, PathBuf};

use directories::BaseDirs;
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use super::files::{Config, SIZE_LIMIT, read_accepted};
use crate::error::{CommandError, Exit};
use crate::key::{
    Assignment, Environment, KeyName, KeyRef, Project, Scope, VariableName, has_secret,
};

/// Its name, in whatever folder.
const NAME: &str = "keywright.toml";

/// What stands on top of one that keywright writes.
const COMMENT: &str = "\
# Read by keywright (run, env, check). It names keys and holds no secret: commit it.
";

/// The `[env]` table of a `keywright.toml`.
#[derive(Clone, Debug)]
pub(crate) struct ProjectNeeds {
    pub(crate) path: PathBuf,
    pub(crate) variables: Vec<Assignment>,
}

/// The environment that no `keywright.toml` selects.
fn is_production(environment: &Environment) -> bool {
    environment.as_str() == "production"
}

fn production_refused(message: String) -> CommandError {
    CommandError::message(Exit::Refused, message)
        .hint("say it on the command line with -e production, or in KEYWRIGHT_ENV")
}

/// The nearest `keywright.toml`: committed to a repository, written by anybody who can commit there.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ProjectFile {
    pub(super) project: Option<Project>,
    environment: Option<Environment>,
    /// Which variable gets which key.
    env: Option<BTreeMap<ListedVariable, KeyOfVariable>>,
    #[serde(skip)]
    path: Option<PathBuf>,
}

/// A variable's name.
#[derive(Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd)]
#[serde(try_from = "String")]
struct ListedVariable(VariableName);

impl TryFrom<String> for ListedVariable {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        refuse_token(&name)?;
        name.parse().map(Self).map_err(|err| format!("{err}"))
    }
}

/// Not the token or key itself: the file is committed, and every command would show it.
fn refuse_token(text: &str) -> Result<(), &'static str> {
    if !has_secret(text) {
        Ok(())
    } else {
        Err(
            "this has a whole token or key in it, which is a secret; revoke it, and write the name of a key here",
        )
    }
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
        Ok(KeyOfVariable {
            key: key_named(name)?,
            required: is_required(),
        })
    }

    fn visit_map<A: MapAccess<'de>>(self, table: A) -> Result<KeyOfVariable, A::Error> {
        let KeyTable { key, required } = KeyTable::deserialize(MapAccessDeserializer::new(table))?;
        let key = key_named(&key)?;
        Ok(KeyOfVariable { key, required })
    }
}

fn key_named<E: de::Error>(name: &str) -> Result<KeyRef, E> {
    refuse_token(name).map_err(E::custom)?;
    name.parse().map_err(E::custom)
}

impl ProjectFile {
    /// The variables that its project needs and their keys, and where that stands.
    pub(super) fn needs(&self) -> Option<ProjectNeeds> {
        let assignment = |(listed, of): (&ListedVariable, &KeyOfVariable)| Assignment {
            variable: listed.0.clone(),
            key: of.key.clone(),
            required: of.required,
        };
        Some(ProjectNeeds {
            path: self.path.clone()?,
            variables: self.env.as_ref()?.iter().map(assignment).collect(),
        })
    }

    /// Upwards from the working directory, not above the home directory or the file system it is in.
    pub(super) fn nearest() -> Result<Self, CommandError> {
        let Some(path) = find() else {
            return Ok(Self::default());
        };
        let owners = Owners::of(&path);
        let file = read_accepted(&path, |file| owners.accept(file, &path))?;
        let file: Self = file.unwrap_or_default();
        let path = Some(path);
        Ok(Self { path, ..file })
    }

    /// The same, wherever it was read.
    #[cfg(any(test, fuzzing))]
    pub(super) fn at(self, path: &Path) -> Self {
        Self {
            path: Some(path.to_owned()),
            ..self
        }
    }

    /// Where it is, if there is one.
    pub(super) fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// The environment that it selects, which is never production: that has to be said by a person.
    pub(super) fn environment(&self) -> Result<Option<Environment>, CommandError> {
        match &self.environment {
            Some(environment) if is_production(environment) => Err(production_refused(format!(
                "`{}` selects production, which a file cannot do",
                self.shown()
            ))),
            other => Ok(other.clone()),
        }
    }

    /// The environment that the config file at `path` selects beside this one. Not production where this one chooses the
    /// project or the keys: together they would hand out whichever key of production it names.
    pub(super) fn of_config(
        &self,
        config: &Config,
        path: &Path,
        is_project_said: bool,
    ) -> Result<Option<Environment>, CommandError> {
        let chooses = self.env.is_some() || (self.project.is_some() && !is_project_said);
        match &config.environment {
            Some(environment) if chooses && is_production(environment) => {
                Err(production_refused(format!(
                    "`{}` selects production, which does not count where `{}` chooses the project or the keys",
                    path.display(),
                    self.shown()
                )))
            }
            other => Ok(other.clone()),
        }
    }

    fn shown(&self) -> Display<'_> {
        self.path.as_deref().unwrap_or(Path::new(NAME)).display()
    }
}

/// The nearest one. The working directory has no symbolic links in it, and so the home directory must have none, too: else
/// one could not be told from the other.
fn find() -> Option<PathBuf> {
    let start = env::current_dir().ok()?;
    let home = BaseDirs::new().map(|folders| folders.home_dir().to_owned());
    let home = home.map(|home| fs::canonicalize(&home).unwrap_or(home));
    let device = device_of(&start)?;
    for folder in start.ancestors() {
        if device_of(folder) != Some(device) {
            return None;
        }
        let candidate = folder.join(NAME);
        if candidate.is_file() {
            return Some(candidate);
        }
        if home.as_deref() == Some(folder) {
            return None;
        }
    }
    None
}

/// Whose file counts: in a folder that many can write to, such as /tmp, everybody could say which keys the programs get that
/// others run below it. The owner of its folder counts, because a checkout often belongs to another user than the one that
/// a container or `sudo` works as, and because who owns a folder could put another one in the place of all that is in it.
struct Owners {
    us: u32,
    folder: Option<u32>,
    /// Of the name itself, which may be a symbolic link.
    name: Option<u32>,
}

impl Owners {
    fn of(path: &Path) -> Self {
        let owner = |file: io::Result<Metadata>| file.ok().map(|file| file.uid());
        Self {
            us: rustix::process::geteuid().as_raw(),
            folder: owner(path.parent().unwrap_or(path).metadata()),
            name: owner(path.symlink_metadata()),
        }
    }

    fn accept(&self, file: &Metadata, path: &Path) -> Result<(), CommandError> {
        let mut owners = [Some(file.uid()), self.name].into_iter().flatten();
        let Some(stranger) = owners.find(|owner| !self.is_trusted(*owner)) else {
            return Ok(());
        };
        let message = format!(
            "`{}` is refused: it belongs to another user (uid {stranger})",
            path.display()
        );
        Err(CommandError::message(Exit::Refused, message)
            .hint("if it says what you want, copy it into the working directory, where the copy is yours and the nearest"))
    }

    fn is_trusted(&self, owner: u32) -> bool {
        const ROOT: u32 = 0;
        owner == ROOT || owner == self.us || Some(owner) == self.folder
    }
}

fn device_of(path: &Path) -> Option<u64> {
    fs::metadata(path).ok().map(|metadata| metadata.dev())
}

/// Where a new one belongs: in the working directory.
///
/// # Errors
/// When there is no such directory any more.
pub(crate) fn project_file_here() -> Result<PathBuf, CommandError> {
    let folder = env::current_dir().map_err(|err| {
        let source = anyhow::Error::new(err).context("there is no working directory");
        CommandError::new(Exit::Failed, source)
    })?;
    Ok(folder.join(NAME))
}

/// A `keywright.toml` as it is written.
#[derive(Serialize)]
struct Written<'a> {
    project: &'a Project,
    #[serde(skip_serializing_if = "Option::is_none")]
    environment: Option<&'a Environment>,
    // An empty table would say that the project needs no key.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    env: &'a BTreeMap<VariableName, KeyName>,
}

/// What a `keywright.toml` has to say, so that these variables get these keys, and the environment that it selects then:
/// none for production, which is left to who runs it.
///
/// # Errors
/// When it would be longer than what is read.
pub(crate) fn project_file_text<'a>(
    scope: &'a Scope,
    env: &BTreeMap<VariableName, KeyName>,
) -> Result<(String, Option<&'a Environment>), CommandError> {
    let environment = Some(&scope.environment).filter(|environment| !is_production(environment));
    let written = Written {
        project: &scope.project,
        environment,
        env,
    };
    let written = toml::to_string(&written).map_err(|err| CommandError::new(Exit::Failed, err))?;
    let text = format!("{COMMENT}{written}");
    if text.len() as u64 > SIZE_LIMIT {
        let message = format!(
            "`{NAME}` would have {} bytes, and {SIZE_LIMIT} is the most that is read",
            text.len()
        );
        return Err(CommandError::message(Exit::Refused, message));
    }
    Ok((text, environment))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stranger_is_who_has_neither_the_folder_nor_the_machine() {
        let owners = Owners {
            us: 1000,
            folder: Some(1001),
            name: None,
        };
        for trusted in [0, 1000, 1001] {
            assert!(owners.is_trusted(trusted), "{trusted}");
        }
        assert!(!owners.is_trusted(1002));
        // As in /tmp, which belongs to root.
        let owners = Owners {
            folder: Some(0),
            ..owners
        };
        assert!(!owners.is_trusted(1001));
    }
}
