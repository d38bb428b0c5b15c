//! The agents of one vault: there may be one in each folder of sockets.
//!
//! Which folder is a process's own depends on its environment: a job of cron has no session's folder. A key must not stay
//! where only the others look.

use std::fs;
use std::path::{Path, PathBuf};

use super::client::{Agent, Locking};
use super::error::AgentError;

/// The vault, and the folders where an agent may have its socket. There is at least one.
#[derive(Clone, Debug)]
pub(crate) struct Agents {
    first: PathBuf,
    others: Vec<PathBuf>,
    vault: PathBuf,
}

impl Agents {
    /// `first` is the folder in which an agent is started.
    pub(crate) fn new(first: PathBuf, mut others: Vec<PathBuf>, vault: PathBuf) -> Self {
        others.retain(|folder| *folder != first);
        Self {
            first,
            others,
            vault,
        }
    }

    /// Where one is started.
    pub(crate) fn folder(&self) -> &Path {
        &self.first
    }

    pub(crate) fn vault(&self) -> &Path {
        &self.vault
    }

    /// The one that is started where none runs.
    pub(crate) fn first(&self) -> Agent {
        Agent::new(&self.first, &self.vault)
    }

    /// The first, and those that processes with another environment started.
    pub(crate) fn each(&self) -> Vec<Agent> {
        let agent = |folder: &PathBuf| Agent::new(folder, &self.vault);
        self.folders().map(agent).collect()
    }

    /// Has the key wiped wherever it is. One that fails keeps no other from it.
    ///
    /// # Errors
    /// The first failure; then a key may still be there.
    pub(crate) fn lock(&self) -> Result<Locking, AgentError> {
        let outcomes: Vec<_> = self.each().iter().map(Agent::lock).collect();
        let outcomes: Vec<Locking> = outcomes.into_iter().collect::<Result<_, _>>()?;
        Ok(outcomes.into_iter().max().unwrap_or(Locking::NoAgent))
    }

    /// The same for the agents of all vaults: how many had a key, and what failed.
    pub(crate) fn lock_all(&self) -> (usize, Vec<AgentError>) {
        let (mut count, mut failures) = (0, Vec::new());
        for folder in self.folders() {
            let listed = sockets(folder).unwrap_or_else(|err| {
                failures.push(err);
                Vec::new()
            });
            for socket in listed {
                match Agent::at(socket).lock() {
                    Ok(outcome) => count += usize::from(outcome == Locking::Locked),
                    Err(err) => failures.push(err),
                }
            }
        }
        (count, failures)
    }

    fn folders(&self) -> impl Iterator<Item = &PathBuf> {
        std::iter::once(&self.first).chain(&self.others)
    }
}

/// What may be the socket of an agent. A folder that is unsafe is refused.
fn sockets(folder: &Path) -> Result<Vec<PathBuf>, AgentError> {
    if !Agent::at(folder.join("any.sock")).has_folder()? {
        return Ok(Vec::new());
    }
    let failed = |source| AgentError::Io {
        action: "read the folder",
        path: folder.to_owned(),
        source,
    };
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.extension().is_some_and(|ext| ext == "sock") {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}
