use clap::Args;
use serde::Serialize;

use crate::error::{CommandError, Exit};
use crate::session::Session;

/// Have the agent forget the vault's key
///
/// An agent in the background ends, one in the foreground stays and waits for the next `unlock`. It works without a vault
/// file, too.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  keywright lock
  keywright lock --vault ~/work/vault.db")]
pub(crate) struct LockArgs {}

#[derive(Serialize)]
struct Document {
    outcome: &'static str,
}

pub(crate) fn lock(_args: &LockArgs, session: &mut Session) -> Result<Exit, CommandError> {
    let (outcome, words) = match session.agent().lock()? {
        true => ("locked", "Locked"),
        false => ("unchanged", "Already locked"),
    };
    session.out.note(format_args!("{words}"));
    if session.out.is_json() {
        session.out.json(&Document { outcome })?;
    }
    Ok(Exit::Done)
}
