//! Everything that is decided before a command runs: options, environment variables, `keywright.toml`, the config file,
//! paths and defaults. Read once, here, and nowhere else.

mod agent;
mod args;
mod desktop;
mod files;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
mod outside;
mod project_file;

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anstream::ColorChoice;
use directories::ProjectDirs;

pub(crate) use self::agent::{AgentSettings, agents};
pub(crate) use self::args::{ColorWhen, GlobalArgs};
#[cfg(any(debug_assertions, feature = "test-kdf"))]
pub(crate) use self::desktop::test_seconds;
pub(crate) use self::desktop::{displays, is_installed, is_missing, own_program};
use self::files::Config;
pub(crate) use self::outside::{pass_store, variable_to_import};
use self::project_file::ProjectFile;
pub(crate) use self::project_file::{ProjectNeeds, project_file_here, project_file_text};
use crate::crypto::Secret;
use crate::error::{CommandError, Exit};
use crate::hardening::close_on_exec;
use crate::key::{Actor, Brand, Environment, Expiry, Project, Scope, Span, VariableName};
use crate::output::Look;
use crate::vault::{Location, Retention};

/// A variable that keywright reads. The manual's list is made from these.
pub(crate) struct Variable {
    pub(crate) name: &'static str,
    pub(crate) help: &'static str,
}

const fn variable(name: &'static str, help: &'static str) -> Variable {
    Variable { name, help }
}

/// All variables of our own, in alphabetical order.
pub(crate) const VARIABLES: &[Variable] = &[
    variable(
        "KEYWRIGHT_ACCESS_TOKEN",
        "Access tokens that open the vault, separated by white space; a file is safer",
    ),
    variable(
        "KEYWRIGHT_ACCESS_TOKEN_FILE",
        "A file with access tokens, separated by white space",
    ),
    variable(
        "KEYWRIGHT_ACTIVITY",
        "The activity file, when a service and its owner share one",
    ),
    variable("KEYWRIGHT_ENV", "The environment, like --env"),
    variable(
        "KEYWRIGHT_NO_INPUT",
        "Never ask anything, like --no-input (1 or 0)",
    ),
    variable(
        "KEYWRIGHT_PASSPHRASE",
        "The passphrase itself; a file or a command is safer",
    ),
    variable(
        "KEYWRIGHT_PASSPHRASE_COMMAND",
        "A program that prints the passphrase; run without a shell, first line",
    ),
    variable(
        "KEYWRIGHT_PASSPHRASE_FILE",
        "A file with the passphrase on its first line",
    ),
    variable("KEYWRIGHT_PROJECT", "The project, like --project"),
    variable("KEYWRIGHT_VAULT", "The vault file, like --vault"),
];

/// Every variable whose name is ours, known or not: no program that works for keywright gets one.
pub(crate) fn own_variables() -> Vec<OsString> {
    let names = env::vars_os().map(|(name, _)| name);
    names
        .filter(|name| name.as_encoded_bytes().starts_with(b"KEYWRIGHT_"))
        .collect()
}

/// The environment that a program begins with: this one, or what `clean` leaves of it, and the variables in `keep` either
/// way. Of ours it has those that choose a vault and a scope and none that opens a vault.
pub(crate) fn program_environment(clean: bool, keep: &[VariableName]) -> Vec<(OsString, OsString)> {
    let stays = |name: &OsString| {
        let name = name.as_encoded_bytes();
        let kept = keep.iter().any(|kept| kept.as_str().as_bytes() == name);
        kept || if name.starts_with(b"KEYWRIGHT_") {
            !clean && PASSED_ON.iter().any(|ours| ours.as_bytes() == name)
        } else {
            !clean || CLEAN.iter().any(|clean| clean.as_bytes() == name) || name.starts_with(b"LC_")
        }
    };
    env::vars_os().filter(|(name, _)| stays(name)).collect()
}

/// Whether it is one of ours that no program gets, for it may open the vault.
pub(crate) fn is_kept_back(name: &VariableName) -> bool {
    name.as_str().starts_with("KEYWRIGHT_") && !PASSED_ON.contains(&name.as_str())
}

/// Of these variables those that are set.
pub(crate) fn set_variables(names: &[VariableName]) -> Vec<VariableName> {
    let is_set = |name: &&VariableName| env::var_os(name.as_str()).is_some();
    names.iter().filter(is_set).cloned().collect()
}

/// Variables of ours that a program gets, so that a keywright in it chooses as this one did.
const PASSED_ON: &[&str] = &[
    "KEYWRIGHT_ACTIVITY",
    "KEYWRIGHT_ENV",
    "KEYWRIGHT_NO_INPUT",
    "KEYWRIGHT_PROJECT",
    "KEYWRIGHT_VAULT",
];

/// What a clean environment has, beside LC_*.
const CLEAN: &[&str] = &[
    "HOME", "LANG", "PATH", "SHELL", "TERM", "TMPDIR", "TZ", "USER",
];

/// Where the passphrase comes from: the first source that is present, with no falling through to the next.
#[derive(Debug)]
pub(crate) enum PassphraseSource {
    Command(String),
    Descriptor(i32),
    File(SecretFile),
    /// Nothing else is present: the terminal, if there is one.
    Terminal,
    Variable(Secret),
}

/// Where access tokens come from.
#[derive(Debug)]
pub(crate) enum AccessSource {
    File(PathBuf),
    Variable(Secret),
}

impl AccessSource {
    /// The variable that is set.
    pub(crate) fn variable(&self) -> &'static str {
        match self {
            Self::File(_) => "KEYWRIGHT_ACCESS_TOKEN_FILE",
            Self::Variable(_) => "KEYWRIGHT_ACCESS_TOKEN",
        }
    }
}

/// A file that has the passphrase, and the variable that names it, if one does.
#[derive(Debug)]
pub(crate) struct SecretFile {
    pub(crate) path: PathBuf,
    pub(crate) variable: Option<&'static str>,
}

impl From<PathBuf> for SecretFile {
    fn from(path: PathBuf) -> Self {
        let variable = None;
        Self { path, variable }
    }
}

/// What the commands work with.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) location: Location,
    /// Chosen for commands that name or make one key.
    pub(crate) scope: Scope,
    /// Given as an option, which a command that is proposed needs, too.
    pub(crate) vault_option: Option<PathBuf>,
    /// Given as an option, and so a filter or a requirement.
    pub(crate) project_option: Option<Project>,
    pub(crate) environment_option: Option<Environment>,
    pub(crate) brand: Brand,
    pub(crate) default_expiry: Expiry,
    pub(crate) actor: Actor,
    /// Access tokens that open what is used, unless an option says where the passphrase is.
    pub(crate) access: Option<AccessSource>,
    pub(crate) passphrase: PassphraseSource,
    pub(crate) agent: AgentSettings,
    /// What that source is called: an option, a variable or the terminal.
    pub(crate) passphrase_name: &'static str,
    /// Prompts are allowed.
    pub(crate) input: bool,
    /// Every confirmation is given beforehand.
    pub(crate) yes: bool,
    pub(crate) config_file: PathBuf,
    /// What the nearest `keywright.toml` says that its project needs.
    pub(crate) needs: Option<ProjectNeeds>,
    /// The nearest `keywright.toml`, whatever it says.
    pub(crate) project_file: Option<PathBuf>,
}

/// How things are shown. Decided first, so that even a mistake in a setting is shown as asked.
pub(crate) fn look(args: &GlobalArgs) -> Look {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"]
        .into_iter()
        .find_map(lossy_variable)
        .unwrap_or_default();
    let locale = locale.to_ascii_lowercase();
    Look {
        color: args.color.choice(),
        json: args.json,
        quiet: args.quiet,
        unicode: locale.contains("utf-8") || locale.contains("utf8"),
        columns: lossy_variable("COLUMNS").and_then(|columns| columns.parse().ok()),
    }
}

/// The look of a message about options that could not be read.
pub(crate) fn plain_look(json: bool) -> Look {
    Look {
        color: ColorChoice::Auto,
        json,
        quiet: false,
        unicode: false,
        columns: None,
    }
}

impl Settings {
    /// Reads everything.
    ///
    /// # Errors
    /// When a variable, `keywright.toml` or the config file says something that cannot be; with its name and line.
    pub(crate) fn load(args: &GlobalArgs) -> Result<Self, CommandError> {
        Self::with(ProjectFile::nearest, args)
    }

    /// The same as if there were no `keywright.toml`.
    pub(crate) fn without_project_file(args: &GlobalArgs) -> Result<Self, CommandError> {
        Self::with(|| Ok(ProjectFile::default()), args)
    }

    fn with(
        project_file: impl FnOnce() -> Result<ProjectFile, CommandError>,
        args: &GlobalArgs,
    ) -> Result<Self, CommandError> {
        let folders = project_dirs()?;
        let (passphrase_name, passphrase) = passphrase_source(args)?;
        let config_file = folders.config_dir().join("config.toml");
        let config = Config::load(&config_file)?;
        let project_file = project_file()?;
        let usual = Retention::default();
        Ok(Self {
            agent: AgentSettings::new(agents(args)?, &config, &config_file, args)?,
            location: Location {
                vault: vault_file(&folders, args),
                state: state_folder(&folders).to_owned(),
                activity: path_variable("KEYWRIGHT_ACTIVITY"),
                accept_rollback: args.accept_rollback,
                audit_required: config.audit_required(),
                retention: Retention {
                    usage_days: config.usage_days.unwrap_or(usual.usage_days),
                    event_days: config.event_days.unwrap_or(usual.event_days),
                    events: config.events.unwrap_or(usual.events),
                },
            },
            scope: scope(args, &project_file, &config, &config_file)?,
            vault_option: args.vault.clone(),
            project_option: args.project.clone(),
            environment_option: args.env.clone(),
            default_expiry: config
                .default_expiry(&config_file)?
                .unwrap_or(Expiry::In(Span::days(90))),
            brand: config.brand.unwrap_or_default(),
            actor: args.actor.clone().map_or_else(actor, Ok)?,
            access: access_source(args),
            passphrase,
            passphrase_name,
            input: !args.no_input && !flag("KEYWRIGHT_NO_INPUT")?,
            yes: args.yes,
            config_file,
            needs: project_file.needs(),
            project_file: project_file.path().map(Path::to_owned),
        })
    }
}

fn project_dirs() -> Result<ProjectDirs, CommandError> {
    ProjectDirs::from("", "", "keywright").ok_or_else(|| {
        CommandError::message(
            Exit::Failed,
            "there is no home directory to keep a vault in",
        )
        .hint("set HOME")
    })
}

fn vault_file(folders: &ProjectDirs, args: &GlobalArgs) -> PathBuf {
    args.vault
        .clone()
        .or_else(|| path_variable("KEYWRIGHT_VAULT"))
        .unwrap_or_else(|| folders.config_dir().join("vault.db"))
}

fn state_folder(folders: &ProjectDirs) -> &Path {
    folders
        .state_dir()
        .unwrap_or_else(|| folders.data_local_dir())
}

/// Option, variable, the nearest `keywright.toml`, the config file, `default/development`.
fn scope(
    args: &GlobalArgs,
    file: &ProjectFile,
    config: &Config,
    config_file: &Path,
) -> Result<Scope, CommandError> {
    let project = match args.project.clone() {
        Some(given) => Some(given),
        None => parsed_variable("KEYWRIGHT_PROJECT")?,
    };
    let environment = match args.env.clone() {
        Some(given) => Some(given),
        None => parsed_variable("KEYWRIGHT_ENV")?,
    };
    let environment = match environment {
        Some(said) => Some(said),
        None => file.environment()?,
    };
    let environment = match environment {
        Some(chosen) => Some(chosen),
        None => file.of_config(config, config_file, project.is_some())?,
    };
    Ok(Scope {
        project: project
            .or_else(|| file.project.clone())
            .or_else(|| config.project.clone())
            .unwrap_or_default(),
        environment: environment.unwrap_or_default(),
    })
}

fn access_source(args: &GlobalArgs) -> Option<AccessSource> {
    if args.passphrase_fd.is_some() || args.passphrase_file.is_some() {
        return None;
    }
    let file = || path_variable("KEYWRIGHT_ACCESS_TOKEN_FILE").map(AccessSource::File);
    match variable_value("KEYWRIGHT_ACCESS_TOKEN") {
        Some(tokens) => Some(AccessSource::Variable(Secret::new(
            tokens.into_encoded_bytes(),
        ))),
        None => file(),
    }
}

/// The source with its name.
fn passphrase_source(args: &GlobalArgs) -> Result<(&'static str, PassphraseSource), CommandError> {
    if let Some(number) = args.passphrase_fd {
        // Of a regular file every program that is started from here could read it once more.
        close_on_exec(number);
        return Ok(("--passphrase-fd", PassphraseSource::Descriptor(number)));
    }
    if let Some(path) = args.passphrase_file.clone() {
        return Ok(("--passphrase-file", PassphraseSource::File(path.into())));
    }
    let name = "KEYWRIGHT_PASSPHRASE_FILE";
    if let Some(path) = path_variable(name) {
        let file = SecretFile {
            path,
            variable: Some(name),
        };
        return Ok((name, PassphraseSource::File(file)));
    }
    let name = "KEYWRIGHT_PASSPHRASE";
    if let Some(value) = variable_value(name) {
        let value = Secret::new(value.into_encoded_bytes());
        return Ok((name, PassphraseSource::Variable(value)));
    }
    let name = "KEYWRIGHT_PASSPHRASE_COMMAND";
    if let Some(command) = text_variable(name)? {
        return Ok((name, PassphraseSource::Command(command)));
    }
    let name = "CREDENTIALS_DIRECTORY";
    let credential = path_variable(name).map(|folder| folder.join("keywright-passphrase"));
    Ok(match credential.filter(|file| file.exists()) {
        Some(file) => (name, PassphraseSource::File(file.into())),
        None => ("the terminal", PassphraseSource::Terminal),
    })
}

/// A variable for a passphrase or for access tokens that is set to nothing, as an absent secret of a CI job is.
pub(crate) fn empty_source_variable() -> Option<&'static str> {
    const SOURCES: [&str; 2] = ["KEYWRIGHT_ACCESS_TOKEN", "KEYWRIGHT_PASSPHRASE"];
    let names = VARIABLES.iter().map(|variable| variable.name);
    names
        .filter(|name| SOURCES.iter().any(|source| name.starts_with(source)))
        .find(|name| env::var_os(name).is_some_and(|value| value.is_empty()))
}

/// `user@host`.
fn actor() -> Result<Actor, CommandError> {
    let user = ["USER", "LOGNAME"].into_iter().find_map(lossy_variable);
    let user = user.unwrap_or_else(|| format!("uid-{}", rustix::process::getuid().as_raw()));
    let host = rustix::system::uname()
        .nodename()
        .to_string_lossy()
        .into_owned();
    let name: String = format!("{user}@{host}")
        .chars()
        .filter(|c| !c.is_control())
        .take(100)
        .collect();
    name.trim()
        .parse()
        .map_err(|err| CommandError::new(Exit::Failed, err).hint("give one with --actor"))
}

fn parsed_variable<T>(name: &'static str) -> Result<Option<T>, CommandError>
where
    T: std::str::FromStr<Err = crate::key::ParseError>,
{
    let Some(text) = text_variable(name)? else {
        return Ok(None);
    };
    text.parse().map(Some).map_err(|err| {
        CommandError::new(
            Exit::Usage,
            anyhow::Error::new(err).context(format!("invalid `{text}` in {name}")),
        )
    })
}

fn flag(name: &'static str) -> Result<bool, CommandError> {
    match text_variable(name)?.as_deref() {
        None | Some("0" | "false") => Ok(false),
        Some("1" | "true") => Ok(true),
        Some(other) => Err(CommandError::message(
            Exit::Usage,
            format!("invalid `{other}` in {name}"),
        )
        .hint(format!("{name} is 1 or 0"))),
    }
}

/// The file from which GitHub Actions reads variables for the next steps of a job.
pub(crate) fn github_env_file() -> Option<PathBuf> {
    path_variable("GITHUB_ENV")
}

fn path_variable(name: &str) -> Option<PathBuf> {
    variable_value(name).map(PathBuf::from)
}

fn text_variable(name: &str) -> Result<Option<String>, CommandError> {
    let text = variable_value(name).map(OsString::into_string).transpose();
    text.map_err(|_| CommandError::message(Exit::Usage, format!("{name} is not UTF-8 text")))
}

/// A variable of the system's, about which nobody is told.
fn lossy_variable(name: &str) -> Option<String> {
    variable_value(name).and_then(|value| value.into_string().ok())
}

/// A variable that is set to nothing is not set.
fn variable_value(name: &str) -> Option<OsString> {
    env::var_os(name).filter(|value| !value.is_empty())
}
