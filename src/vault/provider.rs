//! Keys that providers gave us: stored, replaced, handed out.

use super::activity::ActivityKey;
use super::edit::KeyEdit;
use super::find::Found;
use super::issue::{end_at, free_the_name};
use super::log::{Event, Verb};
use super::recorder::Used;
use super::rotate::{revoked, unchanged};
use super::{Vault, VaultError};
use crate::crypto::{Secret, SecretValue, mint_key_id};
use crate::key::{
    Actor, Details, Generation, Key, KeyKind, KeyName, ProviderDetails, Role, RoleName, Scope,
    Timestamp,
};
use crate::store::KeyTotal;

/// What a value is to the vault before it is stored.
#[derive(Debug)]
pub enum Comparison {
    /// The key has another value.
    Different(Box<Found>),
    /// No key has this name.
    New,
    /// The key has this very value.
    Same(Box<Found>),
}

impl Vault {
    /// Compares a value with what is stored under a name.
    ///
    /// # Errors
    /// [`VaultError::Exists`] when the name is an issued key's; [`VaultError::Refused`] when the key is revoked.
    pub fn compare(
        &mut self,
        name: &KeyName,
        scope: &Scope,
        value: &SecretValue,
    ) -> Result<Comparison, VaultError> {
        let Some(found) = self.find_name(name, scope)? else {
            return Ok(Comparison::New);
        };
        if found.kind() == KeyKind::Issued {
            return Err(VaultError::Exists {
                name: name.clone(),
                scope: scope.clone(),
                kind: KeyKind::Issued,
            });
        }
        if found.key.revoked.is_some() {
            return Err(revoked(&found.key));
        }
        let (stored, _) = self.secrets_of(&found)?;
        let same = stored.last().is_some_and(|stored| value.is(stored));
        Ok(if same {
            Comparison::Same(Box::new(found))
        } else {
            Comparison::Different(Box::new(found))
        })
    }

    /// Stores a new provider key.
    ///
    /// # Errors
    /// [`VaultError::Exists`] when the name is taken.
    pub fn set_new(
        &mut self,
        name: &KeyName,
        scope: &Scope,
        value: &SecretValue,
        edit: &KeyEdit,
        who: &Actor,
        now: Timestamp,
    ) -> Result<Found, VaultError> {
        self.write(who, now, |draft| {
            free_the_name(draft, name, scope, KeyKind::Provider)?;
            let id = draft.ensure_scope(scope, KeyKind::Provider)?;
            let key_id = mint_key_id()?;
            let key = Key {
                name: name.clone(),
                created_at: now,
                created_by: who.clone(),
                revoked: None,
                tags: Vec::new(),
                note: None,
                generations: vec![generation(1, None, who, now)],
                details: Details::Provider(ProviderDetails {
                    masked: value.masked(),
                    ..ProviderDetails::default()
                }),
            };
            let key = edit.applied(&key, no_roles)?;
            let revision = draft.put(id, key_id, &key, &[value.stored()])?;
            let event = Event {
                verb: Verb::Set,
                scope: Some((scope.clone(), KeyKind::Provider)),
                key: Some((key_id, name.clone())),
                generation: Some(1),
                detail: None,
            };
            let stored = Found {
                scope: scope.clone(),
                id: key_id,
                key,
                is_default: false,
                total: KeyTotal::default(),
                scope_id: id,
                revision,
            };
            Ok((stored, Some(event)))
        })
    }

    /// Replaces the value of a provider key, which keeps the one before it until the next replacement.
    ///
    /// # Errors
    /// [`VaultError::Refused`] for a revoked key; [`VaultError::Changed`] when the key is not as it was found.
    pub fn replace_value(
        &mut self,
        found: &Found,
        value: &SecretValue,
        edit: &KeyEdit,
        who: &Actor,
        now: Timestamp,
    ) -> Result<Key, VaultError> {
        self.write(who, now, |draft| {
            let record = unchanged(draft, found)?;
            let (mut key, mut secrets) = (record.key()?, record.secrets()?);
            if key.revoked.is_some() {
                return Err(revoked(&key));
            }
            let (Some(mut previous), Some(previous_value)) = (key.generations.pop(), secrets.pop())
            else {
                return Err(VaultError::altered(format!(
                    "the record `{}` has no value",
                    found.id
                )));
            };
            end_at(&mut previous, now);
            let expires_at = previous.lifetime().map(|lifetime| now.after(lifetime));
            let next = generation(previous.number + 1, expires_at, who, now);
            key.generations = vec![previous, next];
            if let Details::Provider(provider) = &mut key.details {
                provider.masked = value.masked();
            }
            let key = edit.applied(&key, no_roles)?;
            draft.put(
                found.scope_id,
                found.id,
                &key,
                &[previous_value, value.stored()],
            )?;
            let number = key.current().map(|generation| generation.number);
            Ok((key, Some(found.event(Verb::Rotate, number))))
        })
    }

    /// The value of a provider key, or the one before it; the use is recorded.
    ///
    /// # Errors
    /// [`VaultError::Refused`] for an issued key, whose token cannot be shown again, for a revoked key, and where there
    /// is no previous value.
    pub fn value(
        &mut self,
        found: &Found,
        previous: bool,
        who: &Actor,
        now: Timestamp,
    ) -> Result<SecretValue, VaultError> {
        if found.kind() == KeyKind::Issued {
            return Err(VaultError::NotShownAgain(found.key.name.to_string()));
        }
        if found.key.revoked.is_some() {
            return Err(revoked(&found.key));
        }
        let (mut secrets, activity) = self.secrets_of(found)?;
        let mut number = found
            .key
            .current()
            .map_or(0, |generation| generation.number);
        if previous {
            secrets.pop();
            number = number.saturating_sub(1);
        }
        let value = secrets.pop().ok_or_else(|| {
            VaultError::Refused(format!("`{}` has no previous value", found.key.name))
        })?;
        let value = SecretValue::new(value)
            .map_err(|_| VaultError::altered("a value is not one that can be stored"))?;
        let used = Used {
            key: Some((found.id, &activity)),
            verb: "get",
            code: "get",
            generation: number,
            allowed: true,
            program: None,
            request: None,
            times: 1,
        };
        self.record(&used, who, now)?;
        Ok(value)
    }

    /// The secrets of a key, oldest generation first, and what seals its events.
    fn secrets_of(&mut self, found: &Found) -> Result<(Vec<Secret>, ActivityKey), VaultError> {
        self.read(|view| {
            let gone = || VaultError::Changed(found.key.name.to_string());
            let open = view
                .state
                .scopes
                .iter()
                .find(|open| open.row.id == found.scope_id)
                .ok_or_else(gone)?;
            let rows = view.state.pass(&view.snapshot, open, |_| Ok(()))?;
            let row = rows
                .by_id(found.id)
                .filter(|row| row.revision == found.revision)
                .ok_or_else(gone)?;
            let record_key = view.state.record_key(open);
            let record = view
                .state
                .record(&view.snapshot, found.scope_id, &record_key, row)?;
            Ok((record.secrets()?, ActivityKey::of(open)))
        })
    }
}

/// A provider key has none, which its edit refuses before it asks.
fn no_roles(name: &RoleName) -> Result<Role, VaultError> {
    Err(VaultError::UnknownRole {
        role: name.clone(),
        nearest: None,
    })
}

pub(super) fn generation(
    number: u32,
    expires_at: Option<Timestamp>,
    who: &Actor,
    now: Timestamp,
) -> Generation {
    Generation {
        number,
        created_at: now,
        created_by: who.clone(),
        delivered_at: Some(now),
        expires_at,
        superseded_at: None,
    }
}
