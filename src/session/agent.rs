//! The agent: opening the vault with the key that it keeps, and giving it that key.

use super::Session;
use crate::agent::{AgentError, Limits, Locking};
use crate::crypto::RootKey;
use crate::error::CommandError;
use crate::key::VaultId;
use crate::output::escape;
use crate::settings::own_program;
use crate::vault::{Credential, Vault};

impl Session {
    /// Gives the vault's key to the agent, which is started where none runs.
    pub(crate) fn unlock_agent(
        &mut self,
        vault: &mut Vault,
        limits: Limits,
    ) -> Result<(), CommandError> {
        let key = vault.vault_key()?;
        Ok(self.give_to_agent(vault.id(), &key, limits)?)
    }

    pub(super) fn give_to_agent(
        &mut self,
        vault: VaultId,
        key: &RootKey,
        limits: Limits,
    ) -> Result<(), AgentError> {
        let program = own_program().map_err(AgentError::NotStarted)?;
        self.settings
            .agent
            .agents
            .first()
            .unlock(vault, key, limits, &program)?;
        self.out.note(format_args!(
            "Unlocked until {} without use, {} at most; `keywright lock` ends it",
            limits.idle.words(),
            limits.max.words()
        ));
        Ok(())
    }

    /// Has the agent forget a key that is not the vault's any more, or that a new passphrase should be asked for.
    pub(crate) fn lock_agent(&mut self) {
        let locking = self.settings.agent.agents.lock();
        self.tell_of_locking(locking);
    }

    fn tell_of_locking(&mut self, locking: Result<Locking, AgentError>) {
        match locking {
            Ok(Locking::Locked) => self.out.note(format_args!("The agent is locked")),
            Ok(Locking::NoAgent | Locking::Unchanged) => {}
            Err(err) => self.warn_of_agent("the agent may still have the key", err),
        }
    }

    pub(super) fn warn_of_agent(&mut self, what: &str, err: AgentError) {
        let why = format!("{:#}", anyhow::Error::new(err));
        self.out.warn(format_args!("{what}: {}", escape(&why)));
    }

    /// The vault, opened by the key that an agent has; `None` where none has it.
    pub(super) fn open_by_agent(&mut self) -> Result<Option<Vault>, CommandError> {
        if !self.settings.agent.is_asked {
            return Ok(None);
        }
        for (at, agent) in self.settings.agent.agents.each().iter().enumerate() {
            match agent.may_run() {
                Ok(true) => {}
                Ok(false) => continue,
                Err(err) => {
                    self.pass_over(at, err)?;
                    continue;
                }
            }
            let locked = self.locked()?;
            match agent.get(locked.id()) {
                Ok(Some(key)) if locked.is_opened_by(&key) => {
                    return Ok(Some(locked.unlock(&Credential::VaultKey(&key))?));
                }
                // The vault was re-keyed, or another is at its place.
                Ok(Some(_)) => self.tell_of_locking(agent.lock()),
                Ok(None) => {}
                Err(err) => self.pass_over(at, err)?,
            }
        }
        Ok(None)
    }

    /// What is unsafe in the folder of one's own is refused; all else costs no more than the passphrase.
    fn pass_over(&mut self, at: usize, err: AgentError) -> Result<(), CommandError> {
        let is_unsafe = matches!(
            err,
            AgentError::OtherUser { .. } | AgentError::Unsafe { .. }
        );
        if at == 0 && is_unsafe {
            return Err(err.into());
        }
        self.warn_of_agent("the agent is passed over", err);
        Ok(())
    }

    /// The same where nobody may be asked or told, and nothing counts as a use.
    pub(super) fn open_by_agent_unasked(&self) -> Option<Vault> {
        if !self.settings.agent.is_asked {
            return None;
        }
        for agent in self.settings.agent.agents.each() {
            if !agent.may_run().unwrap_or(false) {
                continue;
            }
            let locked = self.locked().ok()?;
            if let Ok(Some(key)) = agent.peek(locked.id())
                && locked.is_opened_by(&key)
            {
                return locked.unlock(&Credential::VaultKey(&key)).ok();
            }
        }
        None
    }
}
