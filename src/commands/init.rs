use clap::{Args, ValueEnum};
use serde::Serialize;

use super::args::DryRun;
use crate::crypto::Profile;
use crate::error::{CommandError, Exit};
use crate::output::escape;
use crate::session::{CreateError, NewVault, Session};

/// Make a vault
///
/// The first `create` or `set` does the same; `init` lets you choose how costly guessing the passphrase is.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  keywright init
  keywright init --kdf strong --vault ~/work/keys.db")]
pub(crate) struct InitArgs {
    /// What one guess of the passphrase costs: default 64 MiB, strong 256 MiB, paranoid 1 GiB of memory
    #[arg(long, value_name = "COST", default_value = "default")]
    kdf: Kdf,

    /// Take a passphrase that is easy to guess
    #[arg(long)]
    allow_weak_passphrase: bool,

    #[command(flatten)]
    change: DryRun,
}

/// The compiled-in profiles.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Kdf {
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

#[derive(Serialize)]
struct Document {
    vault: String,
    vault_id: Option<String>,
    dry_run: bool,
}

pub(crate) fn init(args: &InitArgs, session: &mut Session) -> Result<Exit, CommandError> {
    let path = session.settings.location.vault.display().to_string();
    let taken = || {
        CommandError::message(
            Exit::Conflict,
            format!("there is already a file at `{path}`"),
        )
        .hint("choose another place with --vault")
    };
    if session.has_vault() {
        return Err(taken());
    }
    let mut vault_id = None;
    if args.change.dry_run {
        session
            .out
            .note(format_args!("Would make the vault `{}`", escape(&path)));
    } else {
        let new = NewVault {
            profile: args.kdf.into(),
            allow_weak_passphrase: args.allow_weak_passphrase,
        };
        let mut vault = session.create_vault(new).map_err(|err| match err {
            CreateError::Failed(err) => err,
            CreateError::Taken => taken(),
        })?;
        vault_id = Some(vault.id().to_string());
        for warning in vault.take_warnings() {
            session.out.warn(format_args!("{}", escape(&warning)));
        }
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
