//! Where the agent is, and whether and for how long it holds a key.

use std::path::{Path, PathBuf};

use super::args::GlobalArgs;
use super::files::Config;
use super::{flag, project_dirs, state_folder, variable_value, vault_file};
use crate::agent::{Agents, Limits};
use crate::error::CommandError;

/// What is decided about the agent before a command runs.
#[derive(Debug)]
pub(crate) struct AgentSettings {
    /// Where they are.
    pub(crate) agents: Agents,
    /// Its key comes before other sources; not where an option says where the passphrase is.
    pub(crate) is_asked: bool,
    /// One is started when the passphrase was typed.
    pub(crate) is_automatic: bool,
    /// Unless others are given.
    pub(crate) limits: Limits,
}

impl AgentSettings {
    pub(super) fn new(
        agents: Agents,
        config: &Config,
        config_file: &Path,
        args: &GlobalArgs,
    ) -> Result<Self, CommandError> {
        let input = !args.no_input && !flag("KEYWRIGHT_NO_INPUT")?;
        Ok(Self {
            is_asked: args.passphrase_fd.is_none() && args.passphrase_file.is_none(),
            agents,
            is_automatic: config.starts_agent() && input && !is_ci(),
            limits: config.agent_limits(config_file)?,
        })
    }
}

/// Where the vault's agents are. No settings file says anything about it, so that a wrong one keeps nobody from locking.
///
/// # Errors
/// Without a home directory.
pub(crate) fn agents(args: &GlobalArgs) -> Result<Agents, CommandError> {
    let folders = project_dirs()?;
    // A session's folder that is named and not there is of no use: only the system makes it.
    let session = folders
        .runtime_dir()
        .filter(|folder| folder.parent().is_some_and(Path::is_dir));
    let (first, others) = places(session, usual_session(), state_folder(&folders));
    Ok(Agents::new(first, others, vault_file(&folders, args)))
}

/// The folder in which an agent is started, and the others that are looked into. `usual` is the session's folder as it
/// mostly is, for a process that was told of none.
fn places(session: Option<&Path>, usual: Option<PathBuf>, state: &Path) -> (PathBuf, Vec<PathBuf>) {
    let fallback = state.join("agent");
    match session {
        Some(session) => (session.to_owned(), vec![fallback]),
        None => (fallback, usual.into_iter().collect()),
    }
}

/// Where systemd puts it.
fn usual_session() -> Option<PathBuf> {
    let uid = rustix::process::getuid().as_raw();
    let folder = PathBuf::from(format!("/run/user/{uid}/keywright"));
    cfg!(target_os = "linux").then_some(folder)
}

/// Whether this is a job of a CI service: nobody comes back to such a machine for a second command.
fn is_ci() -> bool {
    variable_value("CI").is_some_and(|value| value != "false")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_has_no_session_s_folder_looks_into_the_usual_one_too() {
        let state = Path::new("/home/kim/state");
        let fallback = state.join("agent");
        let usual = PathBuf::from("/run/user/1/keywright");
        assert_eq!(
            places(None, Some(usual.clone()), state),
            (fallback.clone(), vec![usual.clone()])
        );
        let own = Path::new("/run/own/keywright");
        assert_eq!(
            places(Some(own), Some(usual), state),
            (own.to_owned(), vec![fallback.clone()])
        );
        assert_eq!(places(None, None, state), (fallback, Vec::new()));
    }
}
