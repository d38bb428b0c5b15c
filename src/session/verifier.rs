//! What checks tokens in a process that stays.

use super::Session;
use crate::error::CommandError;
use crate::vault::{VaultError, Verifier};

impl Session {
    /// Of the issued keys that [`Session::with_vault`] would open.
    pub(crate) fn verifier(&mut self) -> Result<Verifier, CommandError> {
        if let Some(tokens) = self.access_tokens()? {
            let opened = Verifier::open(&self.settings.location, tokens, self.now);
            return opened.map_err(|err| {
                let err = self.with_leftovers(err.with_source(&self.token_source()));
                self.without_tokens(err)
            });
        }
        let vault = match self.open_by_agent()? {
            Some(vault) => vault,
            None => self.open()?,
        };
        Verifier::of(vault).map_err(VaultError::into)
    }
}
