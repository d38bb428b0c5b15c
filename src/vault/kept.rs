//! An issued key as a process keeps it that checks tokens: small, for there may be a hundred thousand.

use std::sync::Arc;

use super::VaultError;
use super::activity::ActivityKey;
use super::find::Found;
use super::head::OpenScope;
use super::record::OpenRecord;
use crate::crypto::Secret;
use crate::key::{
    Actor, Details, Generation, Key, KeyId, KeyName, Note, Revocation, Scope, ScopeId, Tag,
    Timestamp,
};
use crate::store::KeyTotal;

/// What the keys of a scope have in common, as the last read found it.
#[derive(Debug)]
pub(super) struct KnownScope {
    scope: Scope,
    id: ScopeId,
    default_key: Option<KeyId>,
    pub(super) activity: Arc<ActivityKey>,
}

/// One record, opened.
#[derive(Debug)]
pub(super) struct KeptKey {
    id: KeyId,
    revision: u64,
    name: KeyName,
    created_at: Timestamp,
    note: Option<Note>,
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
    tags: Vec<Tag>,
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
            id: open.row.id,
            default_key: open.head.default_key(),
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
        revision: u64,
        record: &OpenRecord,
        alike: &mut Alike,
    ) -> Result<Self, VaultError> {
        let Key {
            name,
            created_at,
            created_by,
            revoked,
            tags,
            note,
            generations,
            details,
        } = record.key()?;
        let rest = Rest {
            created_by,
            revoked,
            tags,
            details,
        };
        Ok(Self {
            id: record.id(),
            revision,
            name,
            created_at,
            note,
            generations: generations.into_boxed_slice(),
            digests: record.secrets()?.into_boxed_slice(),
            rest: alike.share(rest),
        })
    }

    /// Its public id.
    pub(super) fn id(&self) -> KeyId {
        self.id
    }

    /// The whole key, as one that was looked for.
    pub(super) fn found(&self, known: &KnownScope) -> Found {
        let Rest {
            created_by,
            revoked,
            tags,
            details,
        } = &*self.rest;
        let key = Key {
            name: self.name.clone(),
            created_at: self.created_at,
            created_by: created_by.clone(),
            revoked: revoked.clone(),
            tags: tags.clone(),
            note: self.note.clone(),
            generations: self.generations.to_vec(),
            details: details.clone(),
        };
        Found {
            scope: known.scope.clone(),
            id: self.id,
            key,
            is_default: known.default_key == Some(self.id),
            total: KeyTotal::default(),
            scope_id: known.id,
            revision: self.revision,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rest(actor: &str) -> Rest {
        Rest {
            created_by: actor.parse().expect("an actor"),
            revoked: None,
            tags: Vec::new(),
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
