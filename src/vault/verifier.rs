//! Every issued key of the open scopes in memory, for whoever checks many tokens.

use std::collections::HashMap;
use std::sync::Arc;

use super::activity::ActivityKey;
use super::verify::KnownKey;
use super::{Checked, Requirements, Vault, VaultError, View};
use crate::crypto::{Presented, SecretSlice};
use crate::key::{KeyId, Timestamp, VaultId};
use crate::store::Version;

/// Answers as [`Vault::verify`] does, from what one checked read of the vault found.
///
/// It knows of no later change by itself: [`Vault::refresh`] before an answer makes sure that what was changed before is
/// in force.
#[derive(Debug)]
pub struct Verifier {
    vault: VaultId,
    version: Version,
    keys: HashMap<KeyId, KnownKey>,
}

impl Verifier {
    /// What is said of a presented credential: a bare token, or an `Authorization` line.
    pub fn check(
        &self,
        presented: SecretSlice<'_>,
        requirements: &Requirements,
        now: Timestamp,
    ) -> Checked {
        let token = match Presented::read(presented) {
            Err(none) => return Checked::no_token(none, now),
            Ok(token) => token,
        };
        let digest = token.digest(self.vault);
        match self.keys.get(&token.key_id) {
            Some(key) => key.check(&digest, requirements, now),
            None => Checked::unknown(&digest, now),
        }
    }
}

impl Vault {
    /// Reads every issued key that is open into memory.
    ///
    /// # Errors
    /// What reading can fail with: one record that is not as it was sealed is enough.
    pub fn verifier(&mut self) -> Result<Verifier, VaultError> {
        let vault = self.id;
        self.read(|view| {
            Ok(Verifier {
                vault,
                version: view.snapshot.version()?,
                keys: view.known_keys()?,
            })
        })
    }

    /// Reads them again if the vault was changed or replaced since, by whomever; says whether it was. When it was not,
    /// this takes some microseconds.
    ///
    /// # Errors
    /// As [`Vault::verifier`]. What `verifier` holds is of the past then, and nothing to answer from.
    pub fn refresh(&mut self, verifier: &mut Verifier) -> Result<bool, VaultError> {
        if self.file.version()? == verifier.version {
            return Ok(false);
        }
        *verifier = self.verifier()?;
        Ok(true)
    }
}

impl View<'_> {
    fn known_keys(&self) -> Result<HashMap<KeyId, KnownKey>, VaultError> {
        self.require_issued()?;
        let mut keys = HashMap::new();
        for open in self.issued_scopes() {
            let activity = Arc::new(ActivityKey::of(open));
            let record_key = self.state.record_key(open);
            let mut of_scope = Vec::new();
            self.state.pass(&self.snapshot, open, |row| {
                let record = record_key.open(row)?;
                of_scope.push(KnownKey::new(open, row.revision, &record, &activity)?);
                Ok(())
            })?;
            for key in of_scope {
                // The first scope that has an id answers for it.
                keys.entry(key.id()).or_insert(key);
            }
        }
        Ok(keys)
    }
}

#[cfg(test)]
mod tests {
    use super::Verifier;

    /// A server answers from several threads.
    #[test]
    fn a_verifier_can_be_shared() {
        fn shared<T: Send + Sync>() {}
        shared::<Verifier>();
    }
}
