use clap::Args;
use serde::Serialize;

use crate::agent::{AgentError, Agents, Locking};
use crate::error::{CommandError, Exit};
use crate::output::{Printer, escape};

/// Have the agent forget the vault's key
///
/// An agent in the background ends, one in the foreground stays and waits for the next `unlock`. It works without a vault
/// file and with a wrong settings file, too.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  keywright lock
  keywright lock --vault ~/work/vault.db
  keywright lock --all")]
pub(crate) struct LockArgs {
    /// Lock the agents of all your vaults
    #[arg(long)]
    all: bool,
}

#[derive(Serialize)]
struct Document {
    outcome: &'static str,
    /// How many agents had a key.
    agents: Option<usize>,
    vault: Option<String>,
}

pub(crate) fn lock(
    args: &LockArgs,
    agents: &Agents,
    out: &mut Printer,
) -> Result<Exit, CommandError> {
    let document = if args.all {
        lock_all(agents, out)?
    } else {
        lock_one(agents, out)?
    };
    if out.is_json() {
        out.json(&document)?;
    }
    Ok(Exit::Done)
}

fn lock_one(agents: &Agents, out: &mut Printer) -> Result<Document, CommandError> {
    let vault = agents.vault().display().to_string();
    let shown = escape(&vault).into_owned();
    let is_locked = match agents.lock()? {
        Locking::Locked => true,
        // Most likely a path that was mistyped, while the agent that was meant has its key still.
        Locking::NoAgent if agents.vault().symlink_metadata().is_err() => {
            let message = format!("no agent for `{vault}`, and no vault there");
            return Err(CommandError::message(Exit::Failed, message)
                .hint("`keywright lock --all` locks every agent"));
        }
        Locking::NoAgent | Locking::Unchanged => false,
    };
    if is_locked {
        out.note(format_args!("Locked `{shown}`"));
    } else {
        out.note(format_args!("Already locked: `{shown}`"));
    }
    Ok(Document {
        outcome: outcome(is_locked),
        agents: None,
        vault: Some(vault),
    })
}

fn lock_all(agents: &Agents, out: &mut Printer) -> Result<Document, CommandError> {
    let (count, failures) = agents.lock_all();
    match count {
        0 if !failures.is_empty() => {}
        0 => out.note(format_args!("No agent has a key")),
        1 => out.note(format_args!("Locked 1 agent")),
        _ => out.note(format_args!("Locked {count} agents")),
    }
    let mut failures = failures.into_iter();
    let Some(first) = failures.next() else {
        return Ok(Document {
            outcome: outcome(count > 0),
            agents: Some(count),
            vault: None,
        });
    };
    for err in failures {
        out.warn(format_args!("{}", escape(&told(err))));
    }
    Err(first.into())
}

fn outcome(is_locked: bool) -> &'static str {
    if is_locked { "locked" } else { "unchanged" }
}

fn told(err: AgentError) -> String {
    format!("{:#}", anyhow::Error::new(err))
}
