//! The agent: one that cannot be used, or whose key is not the vault's any more.

use super::finding::{Check, Finding, Mend};
use crate::agent::{Agent, AgentError, State};
use crate::session::Session;
use crate::vault::{Location, LockedVault};

/// Nothing where none runs, where it is locked, and where it has the vault's key, which is what it is there for.
pub(super) fn finding(session: &Session) -> Option<Finding> {
    let agents = session.settings.agent.agents.each();
    agents
        .iter()
        .find_map(|agent| of_agent(agent, &session.settings.location))
}

fn of_agent(agent: &Agent, location: &Location) -> Option<Finding> {
    match agent.state() {
        Err(err) => Some(unusable(err)),
        Ok(State::Locked(_) | State::None) => None,
        Ok(State::Unlocked(_)) => {
            let locked = LockedVault::open(location).ok()?;
            let key = agent.peek(locked.id()).ok()??;
            (!locked.is_opened_by(&key)).then(|| {
                Finding::new(
                    Check::AgentStale,
                    "the agent has a key of this vault that is not the vault's any more: it was re-keyed, or an older copy \
                     is in its place",
                    Mend::Keywright("lock".to_owned()),
                )
            })
        }
    }
}

fn unusable(err: AgentError) -> Finding {
    let (path, mend) = match &err {
        AgentError::Unsafe { path, mend, .. } => (
            Some(path),
            Mend::Other(mend.trim_start_matches("run: ").to_owned()),
        ),
        AgentError::TooLong(path) => (
            Some(path),
            Mend::Words("set XDG_RUNTIME_DIR to a folder with a shorter path"),
        ),
        AgentError::Io { path, .. } => (Some(path), Mend::Words("make the folder yours to read")),
        AgentError::OtherUser { path, .. } | AgentError::Silent { path, .. } => (
            Some(path),
            Mend::Words("end that process; `keywright unlock` starts another agent"),
        ),
        AgentError::Busy | AgentError::NotStarted(_) | AgentError::Refused(_) => (
            None,
            Mend::Words("`keywright lock` ends it, `keywright unlock` starts another"),
        ),
    };
    let path = path.cloned();
    let why = format!("{:#}", anyhow::Error::new(err));
    let found = Finding::new(
        Check::Agent,
        format!("the agent cannot be used: {why}"),
        mend,
    );
    match path {
        Some(path) => found.at(&path),
        None => found,
    }
}
