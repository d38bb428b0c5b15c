use clap::Args;
use serde::Serialize;

use super::args::{DryRun, Kdf};
use crate::error::{CommandError, Exit};
use crate::output::escape;
use crate::session::Session;
use crate::vault::{StoreError, VaultError};

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

#[derive(Serialize)]
struct Document {
    vault: String,
    vault_id: Option<String>,
    dry_run: bool,
}

pub(crate) fn init(args: &InitArgs, session: &mut Session) -> Result<Exit, CommandError> {
    let path = session.settings.location.vault.display().to_string();
    if session.has_vault() {
        return Err(
            VaultError::Store(StoreError::Exists(session.settings.location.vault.clone())).into(),
        );
    }
    let mut vault_id = None;
    if args.change.dry_run {
        session
            .out
            .note(format_args!("Would make the vault `{}`", escape(&path)));
    } else {
        let (profile, allow_weak) = (args.kdf.into(), args.allow_weak_passphrase);
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
