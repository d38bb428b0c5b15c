use std::io;
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use super::args::kind;
use crate::error::{CommandError, Exit};
use crate::handover::folder_of;
use crate::key::{KeyKind, KeyName, Scope};
use crate::output::escape;
use crate::session::Session;
use crate::vault::{BackedUp, SliceOutcome, SliceScopes, Sliced, StoreError, Vault, VaultError};
use crate::view::counted;

/// Copy the vault, or a few scopes of it, into a file
///
/// The copy is the vault as it is at one instant, whoever changes it meanwhile, and opens with what opens the vault now.
/// Every record of it is opened before it gets its name. `restore` puts it back. With `--scope` it is a slice: only these
/// scopes and the access tokens that open them, for CI and servers; it can be committed to a repository.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  keywright backup ~/backups/vault-monday.db
  keywright backup --force /mnt/usb/vault.db
  keywright backup --scope shop/staging --kind provider ci.vault
  keywright backup --scope shop/staging --refresh ci.vault")]
pub(crate) struct BackupArgs {
    /// The file to make; its folder must be there
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// Make a slice with this scope; may be given several times
    #[arg(long = "scope", value_name = "PROJECT/ENVIRONMENT")]
    scopes: Vec<Scope>,

    /// Only issued or only provider keys of these scopes
    #[arg(long, value_name = "KIND", value_parser = kind, requires = "scopes")]
    kind: Option<KeyKind>,

    /// Bring the slice that is there up to date, with these scopes
    #[arg(long, requires = "scopes")]
    refresh: bool,

    /// Take the place of a backup, or a slice, of this vault that is there
    #[arg(long, conflicts_with = "refresh")]
    force: bool,
}

#[derive(Serialize)]
struct Document {
    outcome: &'static str,
    file: String,
    keys: u64,
    bytes: u64,
    /// Of a slice.
    slice: Option<SliceDocument>,
}

#[derive(Serialize)]
struct SliceDocument {
    access_tokens: Vec<String>,
    scopes: Vec<ScopeDocument>,
}

#[derive(Serialize)]
struct ScopeDocument {
    project: String,
    environment: String,
    kind: KeyKind,
}

pub(crate) fn backup(args: &BackupArgs, session: &mut Session) -> Result<Exit, CommandError> {
    refuse_choice(session)?;
    check_place(&args.file)?;
    session.with_vault(|vault, session| {
        let document = if !args.scopes.is_empty() {
            let sliced = args.slice(vault, session).map_err(|err| args.told(err))?;
            tell_slice(&sliced, &args.file, session);
            slice_document(sliced, &args.file)
        } else {
            let working = session.out.working("Copying");
            let made = vault.back_up(&args.file, args.force);
            drop(working);
            let made = made.map_err(|err| args.told(err))?;
            tell_backup(&made, &args.file, session);
            document(&made, &args.file)
        };
        if session.out.is_json() {
            session.out.json(&document)?;
        }
        Ok(Exit::Done)
    })
}

impl BackupArgs {
    fn slice(&self, vault: &mut Vault, session: &Session) -> Result<Sliced, VaultError> {
        let _working = session.out.working("Copying");
        let wanted = SliceScopes {
            scopes: self.scopes.clone(),
            kind: self.kind,
        };
        if self.refresh {
            vault.refresh_slice(&self.file, &wanted)
        } else {
            vault.slice(&self.file, &wanted, self.force)
        }
    }

    /// With the option that helps, which a vault does not know.
    fn told(&self, err: VaultError) -> CommandError {
        let hint = match &err {
            VaultError::Store(StoreError::Exists(path)) if path.ends_with(&self.file) => {
                if self.scopes.is_empty() {
                    "choose another name; --force replaces a backup of this vault"
                } else {
                    "--refresh brings a slice of this vault up to date, --force replaces it"
                }
            }
            VaultError::Store(StoreError::Exists(_)) => {
                "it belongs to an SQLite file of that name: move it away, or choose another name"
            }
            VaultError::Store(StoreError::Missing(_)) if self.refresh => {
                "without --refresh, `keywright backup --scope PROJECT/ENVIRONMENT` makes one"
            }
            VaultError::RekeyedSlice { .. } => {
                "after a re-keying of the vault `keywright backup --scope PROJECT/ENVIRONMENT --force` makes it anew; \
                 --accept-rollback brings it up to date whichever is newer"
            }
            VaultError::Unfit { .. } => "choose another name; without --refresh a new one is made",
            _ => return err.into(),
        };
        let missing = matches!(&err, VaultError::Store(StoreError::Missing(_)));
        let told = CommandError::from(err);
        if missing {
            let message = format!("there is no slice at `{}`", self.file.display());
            return CommandError::message(Exit::Failed, message).hint(hint);
        }
        told.hint(hint)
    }
}

/// Refuses a name that cannot be a copy's, before anybody is asked for anything.
fn check_place(file: &Path) -> Result<(), CommandError> {
    let shown = file.display();
    let refuse = |message: String| Err(CommandError::message(Exit::Usage, message));
    if file == Path::new("-") {
        return Err(CommandError::message(Exit::Usage, "`-` is no file name")
            .hint("a copy is a file that can be opened; `./-` is a file of that name"));
    }
    if file.is_dir() {
        let example = file.join("vault.db");
        return refuse(format!(
            "`{shown}` is a folder; name the file, such as `{}`",
            example.display()
        ));
    }
    if file.as_os_str().as_encoded_bytes().ends_with(b"/") {
        return refuse(format!("`{shown}` is the name of a folder; name a file"));
    }
    let folder = folder_of(file);
    match folder.metadata() {
        Err(err) if err.kind() == io::ErrorKind::NotFound => Err(CommandError::message(
            Exit::Failed,
            format!("the folder `{}` does not exist", folder.display()),
        )),
        _ => Ok(()),
    }
}

/// `-p` and `-e` choose the key of other commands. Here they would make a copy of everything and look like a slice of it.
fn refuse_choice(session: &Session) -> Result<(), CommandError> {
    let settings = &session.settings;
    if settings.project_option.is_none() && settings.environment_option.is_none() {
        return Ok(());
    }
    let message = "a backup has no project and environment of its own";
    Err(CommandError::message(Exit::Usage, message)
        .hint("without -p and -e it is of all of them; --scope PROJECT/ENVIRONMENT makes a slice"))
}

fn tell_backup(made: &BackedUp, file: &Path, session: &mut Session) {
    let verb = if made.replaced { "Replaced" } else { "Made" };
    let file = file.display().to_string();
    session.out.note(format_args!(
        "{verb} the backup `{}`: {}, {}; all of it opens",
        escape(&file),
        counted(made.contents.keys, "key"),
        size(made.size)
    ));
}

fn tell_slice(sliced: &Sliced, file: &Path, session: &mut Session) {
    let file = file.display().to_string();
    let file = escape(&file);
    if sliced.outcome == SliceOutcome::Unchanged {
        let words = "is as the vault is; unchanged";
        session.out.note(format_args!("The slice `{file}` {words}"));
    } else {
        let verb = match sliced.outcome {
            SliceOutcome::Made => "Made",
            SliceOutcome::Refreshed => "Refreshed",
            SliceOutcome::Replaced | SliceOutcome::Unchanged => "Replaced",
        };
        session.out.note(format_args!(
            "{verb} the slice `{file}`: {}, {}",
            counted(sliced.keys, "key"),
            size(sliced.size)
        ));
    }
    for (scope, kind) in &sliced.scopes {
        let out = &mut session.out;
        out.note(format_args!("  {kind} keys of {scope}"));
    }
    for name in &sliced.access_tokens {
        let out = &mut session.out;
        out.note(format_args!("  opens with the access token `{name}`"));
    }
    if sliced.access_tokens.is_empty() {
        session.out.warn(format_args!(
            "no access token opens anything in it; make one with `keywright access create`, then --refresh it"
        ));
    }
}

fn document(made: &BackedUp, file: &Path) -> Document {
    Document {
        outcome: if made.replaced { "replaced" } else { "made" },
        file: file.display().to_string(),
        keys: made.contents.keys,
        bytes: made.size,
        slice: None,
    }
}

fn slice_document(sliced: Sliced, file: &Path) -> Document {
    let scopes = sliced
        .scopes
        .into_iter()
        .map(|(scope, kind)| ScopeDocument {
            project: scope.project.to_string(),
            environment: scope.environment.to_string(),
            kind,
        });
    Document {
        outcome: match sliced.outcome {
            SliceOutcome::Made => "made",
            SliceOutcome::Refreshed => "refreshed",
            SliceOutcome::Replaced => "replaced",
            SliceOutcome::Unchanged => "unchanged",
        },
        file: file.display().to_string(),
        keys: sliced.keys,
        bytes: sliced.size,
        slice: Some(SliceDocument {
            access_tokens: sliced
                .access_tokens
                .iter()
                .map(KeyName::to_string)
                .collect(),
            scopes: scopes.collect(),
        }),
    }
}

fn size(bytes: u64) -> String {
    format!("{} KiB", bytes.div_ceil(1024))
}
