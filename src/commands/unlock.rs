use clap::Args;
use serde::Serialize;

use crate::agent::{Limit, Limits};
use crate::error::{CommandError, Exit};
use crate::session::Session;

/// Ask for the passphrase once, and let the agent keep the key
///
/// Until a limit is reached or `lock`, commands open the vault without a passphrase. The passphrase comes from where it
/// always comes from and is asked for even if the agent has the key, so that only who knows it begins the limits anew.
/// The agent never gets the passphrase, only the key that it opens.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  keywright unlock
  keywright unlock --idle 1h --max 12h
  keywright unlock --passphrase-file ~/.secrets/keywright")]
pub(crate) struct UnlockArgs {
    /// Lock after this time without use [default: agent_idle in config.toml, or 15m]
    #[arg(long, value_name = "DURATION")]
    idle: Option<Limit>,

    /// Lock after this time in any case [default: agent_max in config.toml, or 8h]
    #[arg(long, value_name = "DURATION")]
    max: Option<Limit>,
}

#[derive(Serialize)]
struct Document {
    outcome: &'static str,
    idle_seconds: u32,
    max_seconds: u32,
}

pub(crate) fn unlock(args: &UnlockArgs, session: &mut Session) -> Result<Exit, CommandError> {
    let usual = session.settings.agent.limits;
    let limits = limits(args, usual)?;
    session.with_passphrase(|_, vault, session| {
        session.unlock_agent(vault, limits)?;
        if session.out.is_json() {
            session.out.json(&Document {
                outcome: "unlocked",
                idle_seconds: limits.idle.seconds(),
                max_seconds: limits.max.seconds(),
            })?;
        }
        Ok(Exit::Done)
    })
}

/// An idle time that was asked for and would never be reached is refused; the usual one is cut short.
fn limits(args: &UnlockArgs, usual: Limits) -> Result<Limits, CommandError> {
    let max = args.max.unwrap_or(usual.max);
    match args.idle {
        Some(idle) if idle > max => {
            let message = format!(
                "{} without use is longer than {} in any case",
                idle.words(),
                max.words()
            );
            Err(CommandError::message(Exit::Usage, message)
                .hint("--idle is at most as long as --max"))
        }
        Some(idle) => Ok(Limits { idle, max }),
        None => Ok(Limits {
            idle: usual.idle.min(max),
            max,
        }),
    }
}
