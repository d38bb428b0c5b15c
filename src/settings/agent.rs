//! Where the agent is, and whether and for how long it holds a key.

use std::path::{Path, PathBuf};

use directories::ProjectDirs;

use super::args::GlobalArgs;
use super::files::Config;
use super::{flag, variable_value};
use crate::agent::Limits;
use crate::error::CommandError;

/// What is decided about the agent before a command runs.
#[derive(Debug)]
pub(crate) struct AgentSettings {
    /// Folder of the agents' sockets.
    pub(crate) folder: PathBuf,
    /// Its key comes before other sources; not where an option says where the passphrase is.
    pub(crate) is_asked: bool,
    /// One is started when the passphrase was typed.
    pub(crate) is_automatic: bool,
    /// Unless others are given.
    pub(crate) limits: Limits,
}

impl AgentSettings {
    pub(super) fn new(
        folders: &ProjectDirs,
        state: &Path,
        config: &Config,
        config_file: &Path,
        args: &GlobalArgs,
    ) -> Result<Self, CommandError> {
        // A session's folder that is named and not there is of no use: only the system makes it.
        let runtime = folders
            .runtime_dir()
            .filter(|folder| folder.parent().is_some_and(Path::is_dir));
        let input = !args.no_input && !flag("KEYWRIGHT_NO_INPUT")?;
        Ok(Self {
            is_asked: args.passphrase_fd.is_none() && args.passphrase_file.is_none(),
            folder: runtime.map_or_else(|| state.join("agent"), Path::to_owned),
            is_automatic: config.starts_agent() && input && !is_ci(),
            limits: config.agent_limits(config_file)?,
        })
    }
}

/// Whether this is a job of a CI service: nobody comes back to such a machine for a second command.
fn is_ci() -> bool {
    variable_value("CI").is_some_and(|value| value != "false")
}
