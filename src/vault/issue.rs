//! Issuing a key, and showing its token exactly once.
//!
//! A token is committed as *pending*, handed over, and only then made *active*. What is not handed over is undone; what
//! is cut off in between stays pending, which nothing accepts.

use std::collections::BTreeSet;
use std::io;

use super::draft::Draft;
use super::find::Found;
use super::log::{Event, Verb};
use super::rotate::revoked;
use super::{Vault, VaultError};
use crate::crypto::{Digest, Secret, Token, mint_key_id};
use crate::key::{
    Actor, Brand, Context, Details, Generation, IssuedDetails, Key, KeyKind, KeyName, Note,
    PermissionSet, Rate, Role, RoleName, Scope, Span, Tag, Timestamp,
};
use crate::store::KeyTotal;

/// A key to be issued.
#[derive(Clone, Debug)]
pub struct NewIssued {
    pub name: KeyName,
    pub scope: Scope,
    pub brand: Brand,
    pub permissions: PermissionSet,
    pub roles: Vec<RoleName>,
    pub context: Context,
    /// Most requests that `serve` lets through.
    pub rate: Option<Rate>,
    pub expires_at: Option<Timestamp>,
    pub tags: Vec<Tag>,
    pub note: Option<Note>,
    pub make_default: bool,
}

/// A committed token that nobody has seen. [`Pending::deliver`] makes it active; dropping it undoes it.
#[must_use = "what is not delivered is undone"]
pub struct Pending<'v> {
    vault: &'v mut Vault,
    pub(super) minted: Minted,
    who: Actor,
    now: Timestamp,
    settled: bool,
}

/// One new generation in its record.
pub(super) struct Minted {
    pub(super) token: Token,
    pub(super) digest: Digest,
    /// The key as it was committed, this generation pending.
    pub(super) found: Found,
    pub(super) verb: Verb,
    /// How long the previous generation goes on, when there is one.
    pub(super) overlap: Span,
    pub(super) make_default: bool,
    /// It stands in the place of a pending one that was never shown.
    pub(super) replaced_pending: bool,
}

/// A token that was handed over and works.
#[derive(Clone, Debug)]
pub struct Delivered {
    pub found: Found,
    /// An earlier token of this key was never shown, and is gone.
    pub replaced_pending: bool,
}

impl Vault {
    /// Issues a key: its token is committed, and waits to be delivered.
    ///
    /// # Errors
    /// [`VaultError::Exists`] when the name is taken in its project and environment, by either kind of key; a key
    /// whose only token was never shown does not count and is replaced.
    pub fn issue(
        &mut self,
        new: &NewIssued,
        who: &Actor,
        now: Timestamp,
    ) -> Result<Pending<'_>, VaultError> {
        let minted = self.write(who, now, |draft| {
            let replaced_pending = free_the_name(draft, &new.name, &new.scope, KeyKind::Issued)?;
            let scope = draft.ensure_scope(&new.scope, KeyKind::Issued)?;
            let id = mint_key_id()?;
            let token = Token::mint(&new.brand, &new.scope.environment, id)?;
            let digest = token.digest(draft.state.vault);
            let key = new.key(new.roles(draft)?, who, now)?;
            let revision = draft.put(scope, id, &key, &[digest.stored()])?;
            let event = Event {
                verb: Verb::Create,
                scope: Some((new.scope.clone(), KeyKind::Issued)),
                key: Some((id, new.name.clone())),
                generation: Some(1),
                detail: None,
            };
            let minted = Minted {
                token,
                digest,
                found: Found {
                    scope: new.scope.clone(),
                    id,
                    key,
                    is_default: new.make_default,
                    total: KeyTotal::default(),
                    scope_id: scope,
                    revision,
                },
                verb: Verb::Create,
                overlap: Span::ZERO,
                make_default: new.make_default,
                replaced_pending,
            };
            Ok((minted, Some(event)))
        })?;
        Ok(Pending::new(self, minted, who, now))
    }

    /// Whether `new` could be issued, without doing it.
    ///
    /// # Errors
    /// As [`Vault::issue`].
    pub fn check_issue(
        &mut self,
        new: &NewIssued,
        who: &Actor,
        now: Timestamp,
    ) -> Result<(), VaultError> {
        self.write(who, now, |draft| {
            free_the_name(draft, &new.name, &new.scope, KeyKind::Issued)?;
            new.key(new.roles(draft)?, who, now)?;
            Ok(((), None))
        })
    }
}

impl NewIssued {
    /// Its roles as they are now, by name.
    fn roles(&self, draft: &Draft<'_>) -> Result<Vec<Role>, VaultError> {
        let names = BTreeSet::from_iter(&self.roles);
        names.into_iter().map(|name| draft.role(name)).collect()
    }

    fn key(&self, roles: Vec<Role>, who: &Actor, now: Timestamp) -> Result<Key, VaultError> {
        let details = IssuedDetails {
            brand: self.brand.clone(),
            permissions: self.permissions.clone(),
            context: self.context.clone(),
            roles,
            rate: self.rate,
        };
        details.check()?;
        Ok(Key {
            name: self.name.clone(),
            created_at: now,
            created_by: who.clone(),
            revoked: None,
            tags: self.tags.clone(),
            note: self.note.clone(),
            generations: vec![Generation {
                number: 1,
                created_at: now,
                created_by: who.clone(),
                delivered_at: None,
                expires_at: self.expires_at,
                superseded_at: None,
            }],
            details: Details::Issued(details),
        })
    }
}

impl<'v> Pending<'v> {
    pub(super) fn new(vault: &'v mut Vault, minted: Minted, who: &Actor, now: Timestamp) -> Self {
        Self {
            vault,
            minted,
            who: who.clone(),
            now,
            settled: false,
        }
    }

    /// Hands the token over with `hand_over`, which returns once it is out (flushed, or taken by a program), and then
    /// makes it active and retires what it replaces.
    ///
    /// # Errors
    /// [`VaultError::Delivery`] when it was not handed over: it is undone, and what worked before works still.
    /// [`VaultError::PrintedButInvalid`] when it was, but could not be made active;
    /// [`VaultError::PrintedAndUncertain`] when nobody can tell.
    pub fn deliver(
        mut self,
        hand_over: impl FnOnce(&Token, &Delivered) -> io::Result<()>,
    ) -> Result<Delivered, VaultError> {
        let (minted, now) = (&self.minted, self.now);
        let key = activated(&minted.found.key, now, minted.overlap);
        let found = Found {
            key,
            revision: minted.found.revision + 1,
            ..minted.found.clone()
        };
        let promised = Delivered {
            found,
            replaced_pending: minted.replaced_pending,
        };
        if let Err(delivery) = hand_over(&self.minted.token, &promised) {
            self.settled = true;
            return Err(match self.undo() {
                Ok(()) => VaultError::Delivery(delivery),
                Err(err) => VaultError::Undo {
                    name: promised.found.key.name.to_string(),
                    delivery,
                    source: Box::new(err),
                },
            });
        }
        self.settled = true;
        self.activate().map_err(|err| match err {
            // It may be the only one that works by now.
            VaultError::Uncertain(source) => VaultError::PrintedAndUncertain(source),
            err => VaultError::PrintedButInvalid(Box::new(err)),
        })?;
        Ok(promised)
    }

    fn activate(&mut self) -> Result<(), VaultError> {
        let (minted, now) = (&self.minted, self.now);
        self.vault.write(&self.who, now, |draft| {
            let (key, secrets) = pending_record(draft, minted)?;
            if key.revoked.is_some() {
                return Err(revoked(&key));
            }
            let key = activated(&key, now, minted.overlap);
            draft.put(minted.found.scope_id, minted.found.id, &key, &secrets)?;
            if minted.make_default {
                draft.set_default(minted.found.scope_id, Some(minted.found.id));
            }
            Ok(((), Some(minted.event(Verb::Deliver))))
        })
    }

    fn undo(&mut self) -> Result<(), VaultError> {
        let minted = &self.minted;
        self.vault.write(&self.who, self.now, |draft| {
            let (mut key, mut secrets) = pending_record(draft, minted)?;
            key.generations.pop();
            secrets.pop();
            if minted.verb == Verb::Create || key.generations.is_empty() {
                draft.delete(minted.found.scope_id, minted.found.id)?;
            } else {
                draft.put(minted.found.scope_id, minted.found.id, &key, &secrets)?;
            }
            Ok(((), Some(minted.event(Verb::Undo))))
        })
    }
}

impl Drop for Pending<'_> {
    fn drop(&mut self) {
        if !self.settled {
            // An error leaves it pending, which nothing accepts and `list` shows.
            let _ = self.undo();
        }
    }
}

impl Minted {
    fn event(&self, verb: Verb) -> Event {
        let last = self.found.key.generations.last();
        self.found
            .event(verb, last.map(|generation| generation.number))
    }
}

/// The record that this very token is pending in; somebody else's pending token is not ours to touch.
fn pending_record(
    draft: &mut Draft<'_>,
    minted: &Minted,
) -> Result<(Key, Vec<Secret>), VaultError> {
    let changed = || VaultError::Changed(minted.found.key.name.to_string());
    let (_, record) = draft
        .record(minted.found.scope_id, minted.found.id)?
        .ok_or_else(changed)?;
    let (key, secrets) = (record.key()?, record.secrets()?);
    let ours = key.pending().is_some()
        && secrets
            .last()
            .is_some_and(|stored| minted.digest.is(stored));
    if ours {
        Ok((key, secrets))
    } else {
        Err(changed())
    }
}

/// The key with its pending generation active: the one before it ends after the overlap, never later than its own
/// expiry, and older overlaps end now.
fn activated(key: &Key, now: Timestamp, overlap: Span) -> Key {
    let mut key = key.clone();
    if let Some((new, older)) = key.generations.split_last_mut() {
        new.delivered_at = Some(now);
        if let Some((previous, oldest)) = older.split_last_mut() {
            end_at(previous, now.after(overlap));
            oldest
                .iter_mut()
                .for_each(|generation| end_at(generation, now));
        }
    }
    key
}

/// Ends it at `at`, or when it ends by itself before that.
pub(super) fn end_at(generation: &mut Generation, at: Timestamp) {
    let ends = [generation.expires_at, generation.superseded_at];
    generation.superseded_at = Some(ends.into_iter().flatten().fold(at, Timestamp::min));
}

/// Makes sure that a new key can have this name: nobody has it in this project and environment, or only a key of the
/// same kind whose single token was never shown, which goes. Says whether that was so.
pub(super) fn free_the_name(
    draft: &mut Draft<'_>,
    name: &KeyName,
    scope: &Scope,
    kind: KeyKind,
) -> Result<bool, VaultError> {
    let mut replaced = false;
    for taken in KeyKind::ALL {
        let Some(id) = draft.scope_id(scope, taken) else {
            continue;
        };
        let Some(key_id) = draft.find_name(id, name.as_str())? else {
            continue;
        };
        let record = draft.record(id, key_id)?;
        let key = record.map(|(_, record)| record.key()).transpose()?;
        let never_shown = key.is_some_and(|key| key.current().is_none() && key.revoked.is_none());
        if taken != kind || !never_shown {
            return Err(VaultError::Exists {
                name: name.clone(),
                scope: scope.clone(),
                kind: taken,
            });
        }
        draft.delete(id, key_id)?;
        replaced = true;
    }
    Ok(replaced)
}
