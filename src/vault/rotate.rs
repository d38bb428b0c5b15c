//! A new token for an issued key, and the end of an overlap.

use super::draft::Draft;
use super::find::Found;
use super::issue::{Minted, Pending};
use super::log::{Event, Verb};
use super::record::OpenRecord;
use super::{Vault, VaultError};
use crate::crypto::Token;
use crate::key::{Actor, Generation, GenerationState, Key, Span, Timestamp};

/// How a token is rotated.
#[derive(Clone, Copy, Debug)]
pub struct Rotation {
    /// How long the previous token goes on working.
    pub overlap: Span,
    /// The new token's expiry; `None` gives it the lifetime that its predecessor was given.
    pub expires_at: Option<Option<Timestamp>>,
}

impl Vault {
    /// Makes a new token for an issued key, which waits to be delivered. Until then the old one works as before.
    ///
    /// # Errors
    /// [`VaultError::Refused`] for a revoked key; [`VaultError::Changed`] when the key is not as it was found.
    pub fn rotate(
        &mut self,
        found: &Found,
        rotation: Rotation,
        who: &Actor,
        now: Timestamp,
    ) -> Result<Pending<'_>, VaultError> {
        let minted = self.write(who, now, |draft| {
            let record = unchanged(draft, found)?;
            let (mut key, mut secrets) = (record.key()?, record.secrets()?);
            let brand = match key.issued() {
                Some(issued) if key.revoked.is_none() => issued.brand.clone(),
                Some(_) => return Err(revoked(&key)),
                None => {
                    return Err(VaultError::Misused(format!(
                        "`{}` is a provider key",
                        key.name
                    )));
                }
            };
            let replaced_pending = key.pending().is_some();
            if replaced_pending {
                key.generations.pop();
                secrets.pop();
            }
            while key.generations.len() >= Key::GENERATIONS {
                // At most two are live, so the oldest of eight has ended.
                key.generations.remove(0);
                secrets.remove(0);
            }
            let token = Token::mint(&brand, &found.scope.environment, found.id)?;
            let digest = token.digest(draft.state.vault);
            key.generations
                .push(next_generation(&key, found, rotation.expires_at, who, now));
            secrets.push(digest.stored());
            let revision = draft.put(found.scope_id, found.id, &key, &secrets)?;
            let event = found.event(
                Verb::Rotate,
                key.generations.last().map(|generation| generation.number),
            );
            let minted = Minted {
                token,
                digest,
                found: Found {
                    key,
                    revision,
                    ..found.clone()
                },
                verb: Verb::Rotate,
                overlap: rotation.overlap,
                make_default: false,
                replaced_pending,
            };
            Ok((minted, Some(event)))
        })?;
        Ok(Pending::new(self, minted, who, now))
    }

    /// Ends the overlap of an issued key now. Gives the generation that was ended, or `None` when there was no overlap.
    ///
    /// # Errors
    /// [`VaultError::Changed`] when the key is not as it was found.
    pub fn finish_overlap(
        &mut self,
        found: &Found,
        who: &Actor,
        now: Timestamp,
    ) -> Result<Option<Generation>, VaultError> {
        self.write(who, now, |draft| {
            let record = unchanged(draft, found)?;
            let (mut key, secrets) = (record.key()?, record.secrets()?);
            let overlapping = key
                .generations
                .iter_mut()
                .find(|generation| generation.state(now) == GenerationState::Overlap);
            let Some(generation) = overlapping else {
                return Ok((None, None));
            };
            generation.superseded_at = Some(now);
            let ended = generation.clone();
            draft.put(found.scope_id, found.id, &key, &secrets)?;
            let event = found.event(Verb::Finish, Some(ended.number));
            Ok((Some(ended), Some(event)))
        })
    }
}

/// The record of a key that was found, if it is still as it was then.
pub(super) fn unchanged(draft: &mut Draft<'_>, found: &Found) -> Result<OpenRecord, VaultError> {
    let changed = || VaultError::Changed(found.key.name.to_string());
    match draft.record(found.scope_id, found.id)? {
        Some((revision, record)) if revision == found.revision && record.key()? == found.key => {
            Ok(record)
        }
        _ => Err(changed()),
    }
}

pub(super) fn revoked(key: &Key) -> VaultError {
    VaultError::Refused(format!("`{}` is revoked", key.name))
}

impl Found {
    /// An entry of the log about this key.
    pub(super) fn event(&self, verb: Verb, generation: Option<u32>) -> Event {
        Event {
            verb,
            scope: Some((self.scope.clone(), self.kind())),
            key: Some((self.id, self.key.name.clone())),
            generation,
            detail: None,
        }
    }
}

fn next_generation(
    key: &Key,
    found: &Found,
    expires_at: Option<Option<Timestamp>>,
    who: &Actor,
    now: Timestamp,
) -> Generation {
    let inherited = || {
        let predecessor = key.current().or_else(|| found.key.generations.last());
        predecessor
            .and_then(Generation::lifetime)
            .map(|lifetime| now.after(lifetime))
    };
    Generation {
        number: key
            .generations
            .last()
            .map_or(0, |generation| generation.number)
            + 1,
        created_at: now,
        created_by: who.clone(),
        delivered_at: None,
        expires_at: expires_at.unwrap_or_else(inherited),
        superseded_at: None,
    }
}
