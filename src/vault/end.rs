//! The ends of a key: revoked (refused, still listed) and deleted (gone).

use super::find::Found;
use super::log::Verb;
use super::rotate::unchanged;
use super::{Vault, VaultError};
use crate::key::{Actor, Revocation, Timestamp};

impl Vault {
    /// Revokes a key. In force when this returns.
    ///
    /// # Errors
    /// [`VaultError::Changed`] when the key is not as it was found.
    pub fn revoke(&mut self, found: &Found, who: &Actor, now: Timestamp) -> Result<(), VaultError> {
        self.write(who, now, |draft| {
            let record = unchanged(draft, found)?;
            let (mut key, secrets) = (record.key()?, record.secrets()?);
            if key.revoked.is_some() {
                return Ok(((), None));
            }
            key.revoked = Some(Revocation {
                at: now,
                by: who.clone(),
            });
            draft.put(found.scope_id, found.id, &key, &secrets)?;
            Ok(((), Some(found.event(Verb::Revoke, None))))
        })
    }

    /// Deletes a key for good. Its usage stays in the activity file until it is pruned.
    ///
    /// # Errors
    /// [`VaultError::Changed`] when the key is not as it was found.
    pub fn delete(&mut self, found: &Found, who: &Actor, now: Timestamp) -> Result<(), VaultError> {
        self.write(who, now, |draft| {
            unchanged(draft, found)?;
            draft.delete(found.scope_id, found.id)?;
            Ok(((), Some(found.event(Verb::Delete, None))))
        })
    }
}
