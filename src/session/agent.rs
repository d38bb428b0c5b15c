//! The agent: opening the vault with the key that it keeps, and giving it that key.

use super::Session;
use crate::agent::{Agent, AgentError, Limits};
use crate::crypto::RootKey;
use crate::error::CommandError;
use crate::key::VaultId;
use crate::output::escape;
use crate::settings::own_program;
use crate::vault::{Credential, Vault};

impl Session {
    /// The agent of the vault, whether one runs or not.
    pub(crate) fn agent(&self) -> Agent {
        Agent::new(&self.settings.agent.folder, &self.settings.location.vault)
    }

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
        self.agent().unlock(vault, key, limits, &program)?;
        self.out.note(format_args!(
            "Unlocked until {} without use, {} at most; `keywright lock` ends it",
            limits.idle.words(),
            limits.max.words()
        ));
        Ok(())
    }

    /// Has the agent forget a key that is not the vault's any more, or that a new passphrase should be asked for.
    pub(crate) fn lock_agent(&mut self) {
        match self.agent().lock() {
            Ok(true) => self.out.note(format_args!("The agent is locked")),
            Ok(false) => {}
            Err(err) => self.warn_of_agent("the agent may still have the key", err),
        }
    }

    pub(super) fn warn_of_agent(&mut self, what: &str, err: AgentError) {
        let why = format!("{:#}", anyhow::Error::new(err));
        self.out.warn(format_args!("{what}: {}", escape(&why)));
    }

    /// The vault, opened by the key that the agent has; `None` where it has none.
    pub(super) fn open_by_agent(&mut self) -> Result<Option<Vault>, CommandError> {
        let agent = self.agent();
        if !self.settings.agent.is_asked || !agent.may_run()? {
            return Ok(None);
        }
        let locked = self.locked()?;
        match agent.get(locked.id()) {
            Ok(Some(key)) if locked.is_opened_by(&key) => {
                Ok(Some(locked.unlock(&Credential::VaultKey(&key))?))
            }
            // The vault was re-keyed, or another is at its place.
            Ok(Some(_)) => {
                self.lock_agent();
                Ok(None)
            }
            Ok(None) => Ok(None),
            Err(err @ (AgentError::OtherUser { .. } | AgentError::Unsafe { .. })) => {
                Err(err.into())
            }
            Err(err) => {
                self.warn_of_agent("the agent is passed over", err);
                Ok(None)
            }
        }
    }
}
