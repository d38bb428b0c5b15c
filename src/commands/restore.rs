use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use super::args::DryRun;
use crate::error::{CommandError, Exit};
use crate::output::escape;
use crate::session::Session;
use crate::vault::{Credential, Present, Reopens, Restoration, Restored, VaultError};
use crate::view::counted;

/// Put a backup in the vault's place
///
/// The passphrase is the one that the backup opens with. All of it is opened before anything is changed, and what it
/// replaces is kept beside it. Everything is as it was when the backup was made: keys and access tokens that were revoked
/// or rotated since work as they did then.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  keywright restore ~/backups/vault-monday.db --dry-run
  keywright restore ~/backups/vault-monday.db
  keywright restore /mnt/usb/vault.db --vault other.db --yes")]
pub(crate) struct RestoreArgs {
    /// The backup
    #[arg(value_name = "FILE")]
    file: PathBuf,

    #[command(flatten)]
    change: DryRun,
}

#[derive(Serialize)]
struct Document {
    outcome: &'static str,
    dry_run: bool,
    vault: String,
    vault_id: String,
    file: String,
    keys: u64,
    changes: u64,
    last_changed_at: Option<String>,
    instead_of: Option<&'static str>,
    kept: Option<String>,
}

pub(crate) fn restore(args: &RestoreArgs, session: &mut Session) -> Result<Exit, CommandError> {
    let restoration = args.prepare(session)?;
    tell_contents(args, &restoration, session);
    let mut document = args.document(&restoration, session);
    if args.change.dry_run {
        let verb = match restoration.present() {
            Present::Missing => "Would restore",
            _ => "Would replace",
        };
        let told = consequence(verb, &restoration, session);
        session.out.note(format_args!("{}", escape(&told)));
    } else {
        if restoration.present() != Present::Missing {
            let told = consequence("Replace", &restoration, session);
            session.confirm(&told)?;
        }
        let working = session.out.working("Restoring");
        let restored = restoration.carry_out(&session.settings.actor, session.now);
        drop(working);
        let restored =
            restored.map_err(|err| CommandError::from(err).also("nothing was restored"))?;
        tell_restored(&restored, session);
        // Its key may not be the vault's any more.
        session.lock_agent();
        document.changes = restored.changes;
        document.kept = restored.kept.map(|path| path.display().to_string());
    }
    if session.out.is_json() {
        session.out.json(&document)?;
    }
    Ok(Exit::Done)
}

impl RestoreArgs {
    fn prepare(&self, session: &mut Session) -> Result<Restoration, CommandError> {
        if self.file == Path::new("-") {
            return Err(CommandError::message(Exit::Usage, "`-` is no file name")
                .hint("a backup is a file that can be opened; `./-` is a file of that name"));
        }
        if self.file.symlink_metadata().is_err() {
            let message = format!("there is no backup at `{}`", self.file.display());
            return Err(CommandError::message(Exit::Failed, message)
                .hint("name a file that `keywright backup` made"));
        }
        let passphrase = session.passphrase_of(&self.file)?;
        let credential = Credential::Passphrase(&passphrase);
        let location = &session.settings.location;
        let _working = session.out.working("Opening the backup");
        let prepared = Restoration::prepare(location, &self.file, &credential, session.now);
        prepared.map_err(|err| match err {
            VaultError::WrongCredential => CommandError::from(err)
                .hint("the passphrase is the one that the vault had when this backup was made"),
            VaultError::Altered(_) => {
                CommandError::from(err).hint("nothing was changed; try another backup")
            }
            other => other.into(),
        })
    }

    fn document(&self, restoration: &Restoration, session: &Session) -> Document {
        let contents = restoration.contents();
        Document {
            outcome: "restored",
            dry_run: self.change.dry_run,
            vault: session.settings.location.vault.display().to_string(),
            vault_id: restoration.id().to_string(),
            file: self.file.display().to_string(),
            keys: contents.keys,
            changes: contents.changes,
            last_changed_at: contents.changed_at.map(|at| at.to_string()),
            instead_of: match restoration.present() {
                Present::Damaged => Some("damaged"),
                Present::Missing => None,
                Present::Other(..) => Some("another vault"),
                Present::Same(_) => Some("the same vault"),
            },
            kept: None,
        }
    }
}

fn tell_contents(args: &RestoreArgs, restoration: &Restoration, session: &mut Session) {
    let contents = restoration.contents();
    let file = args.file.display().to_string();
    let changed = contents.changed_at.map_or(String::new(), |at| {
        format!(", last changed {} ({at})", at.relative(session.now))
    });
    session.out.note(format_args!(
        "The backup `{}` is whole: {}, {}{changed}",
        escape(&file),
        counted(contents.keys, "key"),
        counted(contents.changes, "change")
    ));
}

/// What is replaced, and what becomes of it.
fn consequence(verb: &str, restoration: &Restoration, session: &Session) -> String {
    let vault = session.settings.location.vault.display().to_string();
    let kept = "it is kept beside it";
    let since = "what was changed since the backup, keys and access tokens that were revoked or rotated too, is as it was \
                 then";
    match restoration.present() {
        Present::Missing => format!("{verb} `{vault}`, where nothing is, from the backup"),
        Present::Damaged => format!(
            "{verb} `{vault}`, which cannot be opened as a vault, by the backup; {kept}; {since}"
        ),
        Present::Other(id, changes) => format!(
            "{verb} `{vault}`, which is ANOTHER vault ({id}, {}), by the backup; {kept}",
            counted(changes, "change")
        ),
        Present::Same(changes) => {
            format!(
                "{verb} the vault `{vault}` ({}) by the backup ({}); {kept}; {since}",
                counted(changes, "change"),
                counted(restoration.contents().changes, "change")
            ) + reopened(restoration.reopens())
        }
    }
}

/// What the owner changed so that it opens the vault no more.
fn reopened(reopens: Reopens) -> &'static str {
    match reopens {
        Reopens::Key => {
            "; THE VAULT WAS RE-KEYED between the two: the passphrase, access tokens and keys from before that open it again"
        }
        Reopens::Nothing => "",
        Reopens::Passphrase => {
            "; THE PASSPHRASE WAS CHANGED between the two: the one from before that opens it again"
        }
    }
}

fn tell_restored(restored: &Restored, session: &mut Session) {
    let vault = session.settings.location.vault.display().to_string();
    let out = &mut session.out;
    out.note(format_args!("Restored the vault `{}`", escape(&vault)));
    if let Some(kept) = &restored.kept {
        let kept = kept.display().to_string();
        out.note(format_args!(
            "  what was there is kept as `{}`",
            escape(&kept)
        ));
    }
    for warning in &restored.warnings {
        out.warn(format_args!("{}", escape(warning)));
    }
}
