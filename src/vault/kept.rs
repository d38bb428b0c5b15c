//! An issued key as a process keeps it that checks tokens: small, for there may be a hundred thousand.

use std::fmt;
use std::sync::Arc;

use super::VaultError;
use super::activity::ActivityKey;
use super::find::masked;
use super::head::OpenScope;
use super::record::{OpenRecord, RowHash};
use crate::crypto::Secret;
use crate::key::{
    Actor, Details, Generation, IssuedDetails, Key, KeyId, KeyName, Revocation, Scope,
};

/// An issued key as it was when a token was checked. A clone shares it.
#[derive(Clone)]
pub struct KnownKey {
    pub(super) scope: Arc<KnownScope>,
    pub(super) kept: Arc<KeptKey>,
}

/// What the keys of a scope have in common, as the last read found it.
#[derive(Debug)]
pub(super) struct KnownScope {
    scope: Scope,
    pub(super) activity: Arc<ActivityKey>,
}

/// What is kept of a record: shared by all that is known of the key, for as long as its row is the same.
#[derive(Debug)]
pub(super) struct KeptKey {
    /// The row that was opened, for who reads it again.
    pub(super) row: Option<RowHash>,
    id: KeyId,
    name: KeyName,
    pub(super) generations: Box<[Generation]>,
    /// Of each generation, oldest first.
    pub(super) digests: Box<[Secret]>,
    rest: Arc<Rest>,
}

/// What is the same for keys that were made alike.
#[derive(Debug, PartialEq)]
struct Rest {
    created_by: Actor,
    revoked: Option<Revocation>,
    details: Details,
}

/// What keys were made alike with, the last first.
#[derive(Debug, Default)]
pub(super) struct Alike(Vec<Arc<Rest>>);

impl Alike {
    /// Most that are compared with.
    const KEPT: usize = 16;

    fn share(&mut self, rest: Rest) -> Arc<Rest> {
        match self.0.iter().position(|other| **other == rest) {
            Some(at) => self.0[..=at].rotate_right(1),
            None => {
                self.0.truncate(Self::KEPT - 1);
                self.0.insert(0, Arc::new(rest));
            }
        }
        Arc::clone(&self.0[0])
    }
}

impl KnownScope {
    pub(super) fn of(open: &OpenScope) -> Self {
        Self {
            scope: open.scope.clone(),
            activity: Arc::new(ActivityKey::of(open)),
        }
    }
}

impl KeptKey {
    /// Of a record, sharing with others what is alike.
    ///
    /// # Errors
    /// As [`OpenRecord::key`].
    pub(super) fn new(
        row: Option<RowHash>,
        record: &OpenRecord,
        alike: &mut Alike,
    ) -> Result<Self, VaultError> {
        let Key {
            name,
            created_by,
            revoked,
            generations,
            details,
            ..
        } = record.key()?;
        let rest = Rest {
            created_by,
            revoked,
            details,
        };
        Ok(Self {
            row,
            id: record.id(),
            name,
            generations: generations.into_boxed_slice(),
            digests: record.secrets()?.into_boxed_slice(),
            rest: alike.share(rest),
        })
    }
}

impl KnownKey {
    /// Its public id.
    pub fn id(&self) -> KeyId {
        self.kept.id
    }

    /// What people call it.
    pub fn name(&self) -> &KeyName {
        &self.kept.name
    }

    /// Where it is.
    pub fn scope(&self) -> &Scope {
        &self.scope.scope
    }

    /// Who made it.
    pub fn created_by(&self) -> &Actor {
        &self.kept.rest.created_by
    }

    /// When and why it was revoked.
    pub fn revoked(&self) -> Option<&Revocation> {
        self.kept.rest.revoked.as_ref()
    }

    /// What it may do, and for whom.
    pub fn issued(&self) -> Option<&IssuedDetails> {
        match &self.kept.rest.details {
            Details::Issued(issued) => Some(issued),
            Details::Provider(_) => None,
        }
    }

    /// Oldest first.
    pub fn generations(&self) -> &[Generation] {
        &self.kept.generations
    }

    /// `name` in project/environment, for people.
    pub fn place(&self) -> String {
        format!("`{}` in {}", self.name(), self.scope())
    }

    /// What tables show instead of a token: `brand_prod1_uQCT8H872CoB_••••`.
    pub fn display(&self) -> String {
        let issued = self.issued();
        issued.map_or_else(String::new, |it| masked(it, self.id(), self.scope()))
    }

    /// The same for keys that have the scope and all of [`KnownKey::issued`] in common, while one of them is there.
    pub(crate) fn likeness(&self) -> [usize; 2] {
        [
            Arc::as_ptr(&self.scope).addr(),
            Arc::as_ptr(&self.kept.rest).addr(),
        ]
    }
}

impl fmt::Debug for KnownKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("KnownKey").field(&self.id()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rest(actor: &str) -> Rest {
        Rest {
            created_by: actor.parse().expect("an actor"),
            revoked: None,
            details: Details::Provider(Default::default()),
        }
    }

    #[test]
    fn what_is_alike_is_kept_once_and_little_is_compared_with() {
        let mut alike = Alike::default();
        let first = alike.share(rest("a"));
        let other = alike.share(rest("b"));
        assert!(!Arc::ptr_eq(&first, &other));
        assert!(Arc::ptr_eq(&first, &alike.share(rest("a"))));
        for n in 0..2 * Alike::KEPT {
            alike.share(rest(&n.to_string()));
        }
        assert_eq!(alike.0.len(), Alike::KEPT);
        assert!(!Arc::ptr_eq(&first, &alike.share(rest("a"))));
    }
}
