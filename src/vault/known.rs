//! Every issued key of the open scopes in memory, for whoever checks many tokens.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use super::anchor::Seen;
use super::kept::{Alike, KeptKey, KnownKey, KnownScope};
use super::{Checked, Holder, Requirements, Vault, VaultError, View};
use crate::crypto::{Presented, SecretSlice};
use crate::key::{KeyId, ScopeId, Timestamp, VaultId};
use crate::store::{Sight, Watch};

/// Answers as [`Vault::verify`] does, from what one checked read of the vault found: exact for as long as
/// [`KnownKeys::is_current`] says so.
#[derive(Debug)]
pub struct KnownKeys {
    vault: VaultId,
    keys: HashMap<KeyId, KnownKey>,
    watch: Watch,
    sight: Sight,
    /// The last change of what each key opens.
    seen: Vec<(ScopeId, Seen)>,
    /// When the first of the access tokens that opened it expires.
    expires_at: Option<Timestamp>,
}

impl KnownKeys {
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
            Some(known) => known.check(&digest, requirements, now),
            None => Checked::unknown(&digest, now),
        }
    }

    /// Whether the vault still is what was read: a change whose command has returned makes this false, as does another
    /// file in its place, and the end of an access token. Takes a microsecond.
    pub fn is_current(&self, now: Timestamp) -> bool {
        self.is_in_time(now) && self.watch.look().is_ok_and(|now| now == self.sight)
    }

    /// Whether no access token that opened it has ended.
    pub(super) fn is_in_time(&self, now: Timestamp) -> bool {
        self.expires_at.is_none_or(|end| now < end)
    }

    /// When the first of the access tokens that opened it ends; `None` for never.
    pub fn expires_at(&self) -> Option<Timestamp> {
        self.expires_at
    }

    /// How many keys there are.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }
}

impl Vault {
    /// Reads every issued key that is open into memory. `before` is what was known until now: nothing older takes its place.
    ///
    /// # Errors
    /// What reading can fail with: one record that is not as it was sealed is enough. [`VaultError::RolledBack`] and
    /// [`VaultError::Forked`] where the vault is older than `before` or another, whatever this machine's anchors say.
    pub fn known_keys(&mut self, before: Option<&KnownKeys>) -> Result<KnownKeys, VaultError> {
        self.file.follow()?;
        let watch = self.file.watch(before.map(|before| before.watch.clone()))?;
        // Before it is read, so that a change in between is one that was not seen.
        let sight = watch.look()?;
        let (vault, path) = (self.id, self.file.path().to_owned());
        let (scopes, expires_at) = match &self.holder {
            Holder::Owner(_) => (vec![ScopeId::OWN], None),
            Holder::Tokens(tokens) => (
                tokens.iter().map(|token| token.scope).collect(),
                tokens.iter().filter_map(|token| token.expires_at).min(),
            ),
        };
        self.read(|view| {
            let seen: Vec<(ScopeId, Seen)> = scopes
                .into_iter()
                .map(|scope| (scope, view.state.seen(scope)))
                .collect();
            for (scope, now) in &seen {
                let mut known = before.iter().flat_map(|before| &before.seen);
                if let Some((_, known)) = known.find(|(known, _)| known == scope) {
                    check_order(now, known, &path)?;
                }
            }
            Ok(KnownKeys {
                vault,
                keys: view.known_keys(before)?,
                watch,
                sight,
                seen,
                expires_at,
            })
        })
    }
}

/// Refuses what is older than what was known, and what has the same number and is something else.
fn check_order(now: &Seen, known: &Seen, path: &Path) -> Result<(), VaultError> {
    let path = path.display().to_string();
    match now.sequence.cmp(&known.sequence) {
        Ordering::Less => Err(VaultError::RolledBack {
            path,
            found: now.sequence,
            seen: known.sequence,
        }),
        Ordering::Equal if now.head_hash != known.head_hash => Err(VaultError::Forked { path }),
        _ => Ok(()),
    }
}

impl View<'_> {
    fn known_keys(
        &self,
        before: Option<&KnownKeys>,
    ) -> Result<HashMap<KeyId, KnownKey>, VaultError> {
        self.require_issued()?;
        let mut keys = HashMap::with_capacity(before.map_or(0, KnownKeys::len));
        let mut alike = Alike::default();
        for open in self.issued_scopes() {
            let scope = Arc::new(KnownScope::of(open));
            let record_key = self.state.record_key(open);
            let mut of_scope = Vec::new();
            self.state.pass(&self.snapshot, open, |row| {
                let hash = Some(record_key.hash(row));
                let known = before.and_then(|before| before.keys.get(&row.key_id));
                of_scope.push(match known.filter(|known| known.kept.row == hash) {
                    Some(known) => Arc::clone(&known.kept),
                    None => Arc::new(KeptKey::new(hash, &record_key.open(row)?, &mut alike)?),
                });
                Ok(())
            })?;
            for kept in of_scope {
                let scope = Arc::clone(&scope);
                let known = KnownKey { scope, kept };
                // The first scope that has an id answers for it.
                keys.entry(known.id()).or_insert(known);
            }
        }
        Ok(keys)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_older_and_nothing_else_takes_the_place_of_what_is_known() {
        let seen = |sequence, hash| Seen {
            sequence,
            head_hash: [hash; 32],
            log_length: 1,
            log_hash: [0; 32],
        };
        let check = |now, known| check_order(&now, &known, Path::new("vault.db"));
        assert!(check(seen(2, 1), seen(2, 1)).is_ok());
        assert!(check(seen(3, 2), seen(2, 1)).is_ok());
        let older = check(seen(1, 1), seen(2, 1));
        assert!(matches!(
            older,
            Err(VaultError::RolledBack {
                found: 1,
                seen: 2,
                ..
            })
        ));
        let other = check(seen(2, 2), seen(2, 1));
        assert!(matches!(other, Err(VaultError::Forked { .. })));
    }
}
