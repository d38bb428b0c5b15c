use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde::Serialize;

use super::args::{DryRun, FirstVault, read_all};
use crate::error::{CommandError, Exit};
use crate::exchange::{DOCUMENT_LIMIT, read_export};
use crate::output::escape;
use crate::session::Session;
use crate::vault::{Import, Imported, Vault};

/// Add keys and roles from a document that `export` made
///
/// All of them or none: a name, key id, role or default key that is taken stops it, and each is named. Keys keep their
/// ids and dates. A provider key needs its value in the document (`export --reveal`). An issued key arrives undelivered,
/// because nobody has its token in readable form: `rotate` gives it a new one. Without a vault, one is made first.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  keywright import --format json keys.json --dry-run
  age -d keys.json.age | keywright import --format json")]
pub(crate) struct ImportArgs {
    /// File to read, at most 16 MiB; without one, standard input
    file: Option<PathBuf>,

    /// What it is: json, as `export` makes it
    #[arg(long, value_name = "FORMAT")]
    format: Format,

    #[command(flatten)]
    first: FirstVault,

    #[command(flatten)]
    change: DryRun,
}

/// What can be read.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// A document that `export` made
    Json,
}

/// What came of it.
#[derive(Serialize)]
struct Document {
    outcome: &'static str,
    dry_run: bool,
    issued_keys: usize,
    provider_keys: usize,
    new_roles: usize,
}

pub(crate) fn import(args: &ImportArgs, session: &mut Session) -> Result<Exit, CommandError> {
    if session.has_vault() || !args.change.dry_run {
        return session.with_vault_or_new(
            args.first.allow_weak_passphrase,
            |_| args.read(),
            |import, vault, session| store(args, &import, vault, session),
        );
    }
    // There is nothing yet that anything could be in the way of.
    let imported = args.read()?.count();
    let path = session.settings.location.vault.display().to_string();
    session
        .out
        .note(format_args!("Would make the vault `{}`", escape(&path)));
    tell(imported, true, session)
}

fn store(
    args: &ImportArgs,
    import: &Import,
    vault: &mut Vault,
    session: &mut Session,
) -> Result<Exit, CommandError> {
    let dry_run = args.change.dry_run;
    let actor = &session.settings.actor;
    let imported = vault.import(import, dry_run, actor, session.now)?;
    tell(imported, dry_run, session)
}

fn tell(imported: Imported, dry_run: bool, session: &mut Session) -> Result<Exit, CommandError> {
    let words = if dry_run { "Would import" } else { "Imported" };
    session.out.note(format_args!("{words} {imported}"));
    if imported.issued > 0 {
        session.out.note(format_args!(
            "  issued keys have no token here until `keywright rotate` makes one"
        ));
    }
    if session.out.is_json() {
        session.out.json(&document(imported, dry_run))?;
    }
    Ok(Exit::Done)
}

fn document(imported: Imported, dry_run: bool) -> Document {
    let outcome = if imported == Imported::default() {
        "unchanged"
    } else {
        "imported"
    };
    Document {
        outcome,
        dry_run,
        issued_keys: imported.issued,
        provider_keys: imported.provider,
        new_roles: imported.roles,
    }
}

impl ImportArgs {
    fn read(&self) -> Result<Import, CommandError> {
        let Format::Json = self.format;
        let document = read_all(self.file.as_deref(), DOCUMENT_LIMIT)?;
        read_export(&document).map_err(|err| {
            let what = match &self.file {
                Some(path) => format!("cannot import `{}`", path.display()),
                None => "cannot import standard input".to_owned(),
            };
            let source = anyhow::Error::new(err).context(what);
            CommandError::new(Exit::Usage, source)
                .hint("nothing was imported; `keywright export --reveal` makes such a document")
        })
    }
}
