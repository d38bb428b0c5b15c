//! What `passphrase` does with the recovery code alone, and without a new passphrase.

use serde::Serialize;

use crate::commands::passphrase::PassphraseArgs;
use crate::error::{CommandError, Exit};
use crate::output::escape;
use crate::session::Session;

#[derive(Serialize)]
struct Made {
    outcome: &'static str,
    dry_run: bool,
    /// There was another one, which opens the vault no more.
    replaced: bool,
}

#[derive(Serialize)]
struct Tested {
    outcome: &'static str,
    vault: String,
    vault_id: String,
}

/// Makes a new one. The passphrase opens the vault, because whoever has only the old code is to get a new passphrase.
pub(super) fn add_recovery_code(
    args: &PassphraseArgs,
    session: &mut Session,
) -> Result<Exit, CommandError> {
    session.with_passphrase(|_, vault, session| {
        let made = Made {
            outcome: "recovery_code_made",
            dry_run: args.change.dry_run,
            replaced: vault.ways_in()?.others.recovery_code,
        };
        if made.dry_run {
            session
                .out
                .note(format_args!("Would make a recovery code{}", made.ending()));
            if session.out.is_json() {
                session.out.json(&made)?;
            }
            return Ok(Exit::Done);
        }
        if made.replaced {
            session.confirm(
                "Make a new recovery code; what stops working now: the one there is, but for copies of the vault \
                 from before",
            )?;
        }
        let Session {
            settings, out, now, ..
        } = session;
        vault.deliver_recovery_code(&settings.actor, *now, |code| {
            out.reveal_once(&made, "recovery_code", &code.text())
        })?;
        session.tell_of_recovery_code();
        if made.replaced {
            session.out.note(format_args!(
                "The one before opens nothing any more but copies of the vault from before"
            ));
        }
        Ok(Exit::Done)
    })
}

/// Says whether a code opens the vault, and changes nothing.
pub(super) fn test_recovery_code(
    args: &PassphraseArgs,
    session: &mut Session,
) -> Result<Exit, CommandError> {
    session.with_recovery_code(args.recovery_code_file.as_deref(), |vault, session| {
        // The slot alone is not the vault: this opens its head and checks all that it says.
        vault.ways_in()?;
        let path = session.settings.location.vault.display().to_string();
        session.out.note(format_args!(
            "This recovery code opens the vault `{}`",
            escape(&path)
        ));
        if session.out.is_json() {
            session.out.json(&Tested {
                outcome: "opens",
                vault: path,
                vault_id: vault.id().to_string(),
            })?;
        }
        Ok(Exit::Done)
    })
}

impl Made {
    fn ending(&self) -> &'static str {
        if self.replaced {
            ", and the one there is would open nothing any more"
        } else {
            ""
        }
    }
}
