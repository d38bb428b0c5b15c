mod report;
mod source;

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use self::report::Report;
use self::source::Reading;
use super::args::{DryRun, FirstVault};
use crate::error::{CommandError, Exit};
use crate::key::VariableName;
use crate::output::escape;
use crate::session::Session;
use crate::vault::{Fate, Vault, VaultError};

/// Add values from a dotenv file, JSON, the environment or `pass`
///
/// Each variable of a dotenv file, of a flat JSON object or of the environment becomes a provider key of that name in the
/// chosen project and environment; an entry of a pass store becomes one by its first line. Without --format, what begins
/// with `{` is JSON and everything else a dotenv file. Of JSON that `export` made, keys and roles keep their ids, dates
/// and scopes; provider keys need their values in it (`export --reveal`), and an issued key arrives undelivered, because
/// nobody has its token in readable form: `rotate` gives it a new one.
///
/// All of it or none: a name that has another value, and a key id, role or default key that is taken, stops it, and each
/// is named. A name that has the very value already is left as it is. Nothing is expanded: `$HOME` in a value stays
/// `$HOME`. Empty values are left out. Without a vault, one is made first.
///
/// A dotenv file has NAME=value in a line, with or without `export` before it. A value ends with its line, or before a #
/// that follows a space. In single, double or back quotes it is taken as it stands and may have several lines; in double
/// quotes \n, \r, \t, \\, \", \$, \' and \` are the characters that they stand for.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  keywright import .env --dry-run
  keywright import .env -p shop --delete-source
  keywright import --from-env OPENAI_API_KEY,STRIPE_SECRET_KEY
  keywright import --format pass work
  age -d keys.json.age | keywright import")]
pub(crate) struct ImportArgs {
    /// File to read, at most 16 MiB; without one or for -, standard input. With --format pass, a folder in the store
    file: Option<PathBuf>,

    /// What it is, where its first character does not tell
    #[arg(long, value_name = "FORMAT")]
    format: Option<Format>,

    /// Take these variables from the environment instead
    #[arg(
        long,
        value_name = "VARIABLES",
        value_delimiter = ',',
        conflicts_with_all = ["file", "format", "delete_source"]
    )]
    from_env: Vec<VariableName>,

    /// Delete the file once each value was read back from the vault
    ///
    /// It asks first. The file is deleted only when it has not changed meanwhile and has a value in it; its comments and
    /// empty values go with it. Of a pass store, `pass rm` removes the entries that were imported whole.
    #[arg(long)]
    delete_source: bool,

    #[command(flatten)]
    first: FirstVault,

    #[command(flatten)]
    change: DryRun,
}

/// What can be read.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum Format {
    /// Lines of NAME=value
    Dotenv,
    /// An object of names and values, or a document that `export` made
    Json,
    /// The entries of a pass store, in PASSWORD_STORE_DIR or ~/.password-store
    Pass,
}

pub(crate) fn import(args: &ImportArgs, session: &mut Session) -> Result<Exit, CommandError> {
    args.refuse_undeletable()?;
    if session.has_vault() || !args.change.dry_run {
        return session.with_vault_or_new(
            args.first.allow_weak_passphrase,
            |session| args.prepare(session),
            |reading, vault, session| store(args, &reading, vault, session),
        );
    }
    // There is nothing yet that anything could be in the way of.
    let reading = args.prepare(session)?;
    let path = session.settings.location.vault.display().to_string();
    session
        .out
        .note(format_args!("Would make the vault `{}`", escape(&path)));
    let report = Report {
        imported: reading.import.count(),
        fates: Some(vec![Fate::New; reading.import.len()]),
        source_deleted: false,
    };
    report.tell(&reading, session)?;
    report.answer(&reading, session)
}

fn store(
    args: &ImportArgs,
    reading: &Reading,
    vault: &mut Vault,
    session: &mut Session,
) -> Result<Exit, CommandError> {
    if args.change.dry_run {
        return foresee(reading, vault, session);
    }
    let total = reading.import.len();
    let mut progress = session.out.progress("Sealing keys", total);
    let imported = vault.import_watched(
        &reading.import,
        false,
        &session.settings.actor,
        session.now,
        &mut |done| progress.reach(done),
    );
    drop(progress);
    let mut report = Report {
        imported: imported?,
        fates: None,
        source_deleted: false,
    };
    report.tell(reading, session)?;
    let deleted = if args.delete_source {
        reading.delete(vault, session)
    } else {
        Ok(())
    };
    report.source_deleted = args.delete_source && deleted.is_ok();
    report.answer(reading, session)?;
    deleted.map(|()| Exit::Done)
}

/// Shows what would become of each key, and whether all of it would.
fn foresee(
    reading: &Reading,
    vault: &mut Vault,
    session: &mut Session,
) -> Result<Exit, CommandError> {
    let (actor, now) = (session.settings.actor.clone(), session.now);
    let fates = vault.foresee_import(&reading.import, &actor, now)?;
    let planned = vault.import(&reading.import, true, &actor, now);
    let (imported, refused) = match planned {
        Err(VaultError::ImportConflicts(conflicts)) => {
            let err = VaultError::ImportConflicts(conflicts);
            (reading.import.count_new(&fates), Some(err))
        }
        planned => (planned?, None),
    };
    let report = Report {
        imported,
        fates: Some(fates),
        source_deleted: false,
    };
    if refused.is_none() {
        report.tell(reading, session)?;
    }
    report.answer(reading, session)?;
    refused.map_or(Ok(Exit::Done), |err| Err(err.into()))
}

impl ImportArgs {
    /// `None` for standard input.
    fn file(&self) -> Option<&Path> {
        self.file.as_deref().filter(|path| *path != Path::new("-"))
    }

    fn refuse_undeletable(&self) -> Result<(), CommandError> {
        if !self.delete_source || self.file().is_some() || self.format == Some(Format::Pass) {
            return Ok(());
        }
        let message = "standard input cannot be deleted";
        Err(CommandError::message(Exit::Usage, message)
            .hint("name the file, or leave out --delete-source"))
    }

    /// Reads everything, and has it confirmed when the source is to go.
    fn prepare(&self, session: &mut Session) -> Result<Reading, CommandError> {
        let reading = self.read(session)?;
        reading.tell(session);
        if self.delete_source {
            reading.refuse_empty()?;
            let consequence = reading.consequence();
            if self.change.dry_run {
                let out = &mut session.out;
                out.note(format_args!("Would ask: {}", escape(&consequence)));
            } else {
                session.confirm(&consequence)?;
            }
        }
        Ok(reading)
    }
}
