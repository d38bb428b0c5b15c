use clap::Args;

use crate::agent::{AgentError, State, serve};
use crate::error::{CommandError, Exit};
use crate::output::escape;
use crate::session::Session;

/// Hold the vault's key in the foreground, for a service manager
///
/// `unlock` gives it the key, `lock` and the limits take it away again, and the agent goes on. It ends by SIGTERM, SIGINT
/// or SIGHUP, which wipe the key. Without a service manager nobody needs this command: `unlock`, and a passphrase that
/// is typed, start an agent in the background that ends with the key.
///
/// The agent gives the key to every program of its user that asks as keywright does. It protects neither from such a
/// program nor from root; its memory is kept out of core dumps and swap where the system allows, and not out of an image
/// of the whole machine that hibernation writes. The README has a unit for systemd.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  keywright agent
  keywright agent --vault ~/work/vault.db")]
pub(crate) struct AgentArgs {}

pub(crate) fn agent(_args: &AgentArgs, session: &mut Session) -> Result<Exit, CommandError> {
    let agents = session.settings.agent.agents.clone();
    let served = serve(agents.folder(), agents.vault(), |socket| {
        let socket = socket.display().to_string();
        session
            .out
            .note(format_args!("The agent listens at `{}`", escape(&socket)));
        Ok(())
    });
    match served {
        Err(AgentError::Busy) => Err(busy(session)),
        served => Ok(served.map(|()| Exit::Done)?),
    }
}

/// With the process that is in the way, as far as it says so.
fn busy(session: &Session) -> CommandError {
    match session.settings.agent.agents.first().state() {
        Ok(State::Locked(known) | State::Unlocked(known)) => {
            let message = format!(
                "an agent for this vault runs already (process {})",
                known.process
            );
            CommandError::message(Exit::Conflict, message)
                .hint("`keywright status` tells more; `keywright lock` ends one in the background")
        }
        _ => AgentError::Busy.into(),
    }
}
