use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use clap::Args;
use serde::Serialize;

use super::args::{DryRun, Kdf};
use crate::error::{CommandError, Exit};
use crate::key::{Environment, KeyKind, KeyName, KeyRef, Project, Status, Timestamp, VariableName};
use crate::output::escape;
use crate::session::Session;
use crate::settings::{project_file_here, project_file_text};
use crate::vault::{Filter, Found, StoreError, VaultError};
use crate::view::counted;

/// Make a vault, or a keywright.toml
///
/// The first `create` or `set` makes a vault, too; `init` lets you choose how costly guessing the passphrase is. With
/// `--recovery-code` it prints a code that opens all of the vault without the passphrase: write it down, and keep it away
/// from the vault. Nobody can tell it to you again; `passphrase --add-recovery-code` makes another one. With
/// `--project-file` it opens the vault that is there and writes a keywright.toml into the working directory: project,
/// environment, and which provider key goes into which variable. It holds no secret and belongs into the project's
/// repository; `run` and `check` read it. It never selects production.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  keywright init
  keywright init --recovery-code
  keywright init --kdf strong --vault ~/work/keys.db
  keywright init --project-file -p shop")]
pub(crate) struct InitArgs {
    /// What one guess of the passphrase costs: default 64 MiB, strong 256 MiB, paranoid 1 GiB of memory
    #[arg(long, value_name = "COST", default_value = "default")]
    kdf: Kdf,

    /// Take a passphrase that is easy to guess
    #[arg(long)]
    allow_weak_passphrase: bool,

    /// Make a recovery code, too, and print it once: it opens the vault when the passphrase is lost
    #[arg(long)]
    recovery_code: bool,

    /// Write keywright.toml instead, from the provider keys that have a variable
    #[arg(long, conflicts_with_all = ["kdf", "allow_weak_passphrase", "recovery_code"])]
    project_file: bool,

    #[command(flatten)]
    change: DryRun,
}

#[derive(Serialize)]
struct Document {
    vault: String,
    vault_id: Option<String>,
    dry_run: bool,
}

#[derive(Serialize)]
struct ProjectFileDocument<'a> {
    file: String,
    project: &'a Project,
    /// As the file says it.
    environment: Option<&'a Environment>,
    variable_count: usize,
    /// Names of keys.
    left_out: Vec<&'a KeyName>,
    dry_run: bool,
}

pub(crate) fn init(args: &InitArgs, session: &mut Session) -> Result<Exit, CommandError> {
    if args.project_file {
        return init_project_file(args, session);
    }
    let path = session.settings.location.vault.display().to_string();
    if session.has_vault() {
        let exists = StoreError::Exists(session.settings.location.vault.clone());
        let err = CommandError::from(VaultError::Store(exists));
        return Err(match session.leftovers() {
            Some(left) => err.also(&left),
            None => err,
        });
    }
    session.warn_of_leftovers();
    let mut vault_id = None;
    let (profile, allow_weak) = (args.kdf.into(), args.allow_weak_passphrase);
    if args.change.dry_run {
        session
            .out
            .note(format_args!("Would make the vault `{}`", escape(&path)));
        if args.recovery_code {
            session.out.note(format_args!("Would make a recovery code"));
        }
    } else if args.recovery_code {
        session.make_vault_with_recovery_code(profile, allow_weak, |out, code, id| {
            let document = Document {
                vault: path,
                vault_id: Some(id.to_string()),
                dry_run: false,
            };
            out.reveal_once(&document, "recovery_code", &code.text())
        })?;
        return Ok(Exit::Done);
    } else {
        vault_id = session.with_new_vault(profile, allow_weak, |vault, _| {
            Ok(Some(vault.id().to_string()))
        })?;
    }
    if session.out.is_json() {
        session.out.json(&Document {
            vault: path,
            vault_id,
            dry_run: args.change.dry_run,
        })?;
    }
    Ok(Exit::Done)
}

fn init_project_file(args: &InitArgs, session: &mut Session) -> Result<Exit, CommandError> {
    let path = project_file_here()?;
    if path.symlink_metadata().is_ok() {
        return Err(exists(&path));
    }
    let scope = session.settings.scope.clone();
    let filter = Filter {
        kind: Some(KeyKind::Provider),
        project: Some(scope.project.clone()),
        environment: Some(scope.environment.clone()),
        ..Filter::default()
    };
    let keys = session.with_vault(|vault, session| Ok(vault.list(&filter, session.now)?))?;
    let choice = Choice::new(&keys, session.now)?;
    let (text, environment) = project_file_text(&scope, &choice.variables)?;
    if !args.change.dry_run {
        write_new(&path, &text)?;
    }
    let file = path.display().to_string();
    if session.out.is_json() {
        session.out.json(&ProjectFileDocument {
            file,
            project: &scope.project,
            environment,
            variable_count: choice.variables.len(),
            left_out: choice.left_out.iter().map(|(name, _)| *name).collect(),
            dry_run: args.change.dry_run,
        })?;
        return Ok(Exit::Done);
    }
    tell(&choice, &file, environment.is_none(), args, session);
    if keys.iter().all(|found| variable(found).is_none()) {
        session.out.note(format_args!(
            "No key of {scope} has a variable; `keywright edit NAME --var VARIABLE` gives it one"
        ));
    }
    Ok(Exit::Done)
}

fn tell(
    choice: &Choice<'_>,
    file: &str,
    is_production: bool,
    args: &InitArgs,
    session: &mut Session,
) {
    let Session { settings, out, .. } = session;
    let verb = if args.change.dry_run {
        "Would write"
    } else {
        "Wrote"
    };
    let count = counted(choice.variables.len() as u64, "variable");
    let (file, scope) = (escape(file), &settings.scope);
    out.note(format_args!("{verb} `{file}` with {count} of {scope}"));
    for (name, why) in &choice.left_out {
        let line = format!("`{name}` is left out: {why}");
        out.note(format_args!("{}", escape(&line)));
    }
    if is_production {
        out.note(format_args!(
            "No file can select production: say -e production or KEYWRIGHT_ENV where it is meant"
        ));
    }
    if let Some(farther) = &settings.project_file {
        let farther = farther.display().to_string();
        out.note(format_args!(
            "It is nearer than `{}`, and so the one that counts here",
            escape(&farther)
        ));
    }
}

/// Which keys a `keywright.toml` lists.
struct Choice<'a> {
    variables: BTreeMap<VariableName, KeyName>,
    /// The names of others that have a variable, and why they are not in it.
    left_out: Vec<(&'a KeyName, String)>,
}

impl<'a> Choice<'a> {
    /// Of all provider keys of a scope those that have a variable and may have it.
    fn new(keys: &'a [Found], now: Timestamp) -> Result<Self, CommandError> {
        let mut rivals: BTreeMap<&VariableName, Vec<&Found>> = BTreeMap::new();
        let mut left_out = Vec::new();
        for found in keys {
            let Some(variable) = variable(found) else {
                continue;
            };
            match unfit(found, variable, now) {
                Some(why) => left_out.push((&found.key.name, why)),
                None => rivals.entry(variable).or_default().push(found),
            }
        }
        let mut variables = BTreeMap::new();
        for (variable, mut rivals) in rivals {
            let has_ended = |found: &&Found| found.key.status(now) == Status::Expired;
            if !rivals.iter().all(has_ended) {
                let ended = rivals.extract_if(.., |found| has_ended(found));
                left_out.extend(ended.map(|found| {
                    let why = format!("it has expired, and another key has {variable}");
                    (&found.key.name, why)
                }));
            }
            let [found] = rivals.as_slice() else {
                return Err(two_of(variable, &rivals));
            };
            variables.insert(variable.clone(), found.key.name.clone());
        }
        Ok(Self {
            variables,
            left_out,
        })
    }
}

fn variable(found: &Found) -> Option<&VariableName> {
    found
        .key
        .provider()
        .and_then(|provider| provider.variable.as_ref())
}

/// Why a key with a variable is not for a file.
fn unfit(found: &Found, variable: &VariableName, now: Timestamp) -> Option<String> {
    let name = &found.key.name;
    // A name that looks like a masked token is read as the key of that id.
    let read_back = name
        .as_str()
        .parse::<KeyRef>()
        .is_ok_and(|key| key.name.as_ref() == Some(name));
    if found.key.status(now) == Status::Revoked {
        Some("it is revoked".to_owned())
    } else if variable.is_dangerous() {
        Some(VaultError::DangerousNames(vec![variable.clone()]).to_string())
    } else if !read_back {
        Some("its name would be read as a masked token".to_owned())
    } else {
        None
    }
}

fn two_of(variable: &VariableName, rivals: &[&Found]) -> CommandError {
    let keys = rivals.iter().map(|found| found.key.name.to_string());
    let rivals = VaultError::Rivals {
        variable: variable.clone(),
        keys: keys.collect(),
    };
    CommandError::new(Exit::Usage, rivals)
        .hint("nothing was written; `keywright edit NAME --var VARIABLE` changes a variable")
}

fn exists(path: &Path) -> CommandError {
    let message = format!("`{}` already exists", path.display());
    CommandError::message(Exit::Conflict, message)
        .hint("edit it, or move it away; `keywright check` says how its keys stand")
}

/// A new file, for everybody to read as far as the umask lets them. What cannot be written whole is taken away again.
fn write_new(path: &Path, text: &str) -> Result<(), CommandError> {
    let failed = |err: io::Error| {
        let context = format!("cannot write `{}`", path.display());
        CommandError::new(Exit::Failed, anyhow::Error::new(err).context(context))
    };
    let opened = File::options()
        .write(true)
        .create_new(true)
        .mode(0o644)
        .open(path);
    let mut file = match opened {
        Err(err) if err.kind() == io::ErrorKind::AlreadyExists => return Err(exists(path)),
        opened => opened.map_err(failed)?,
    };
    let written = file
        .write_all(text.as_bytes())
        .and_then(|()| file.sync_all());
    written.map_err(|err| {
        let _ = fs::remove_file(path);
        failed(err)
    })
}
