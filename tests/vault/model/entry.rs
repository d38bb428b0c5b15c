//! What the map knows of a key, and the rules of its life in other words than the vault's.

use std::collections::{BTreeMap, BTreeSet};

use keywright::key::{
    Details, Generation, IssuedDetails, Key, KeyId, KeyKind, Role, RoleName, Status, Timestamp,
};
use keywright::vault::Code;

/// Most generations that an issued key keeps.
const GENERATIONS: usize = 8;

/// Roles, and when and by whom they were made.
pub(super) type Roles = BTreeMap<RoleName, (Role, Timestamp, &'static str)>;

/// A key. It only has the names of its roles: what they give is looked up, and never copied.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) id: KeyId,
    /// Without its roles.
    pub(super) key: Key,
    pub(super) roles: BTreeSet<RoleName>,
    /// The token or value of each generation, where somebody has it.
    pub(super) secrets: Vec<Option<String>>,
    pub(super) is_default: bool,
}

impl Entry {
    /// The key as the vault has it.
    pub(super) fn whole(&self, roles: &Roles) -> Key {
        let mut key = self.key.clone();
        if let Details::Issued(issued) = &mut key.details {
            issued.roles = self
                .roles
                .iter()
                .map(|name| roles[name].0.clone())
                .collect();
        }
        key
    }

    pub(super) fn issued(&self) -> Option<&IssuedDetails> {
        match &self.key.details {
            Details::Issued(issued) => Some(issued),
            Details::Provider(_) => None,
        }
    }

    pub(super) fn is_revoked(&self) -> bool {
        self.key.revoked.is_some()
    }

    /// Whether no token of it was ever shown, so that its name counts as free for another of its kind.
    pub(super) fn is_undelivered(&self) -> bool {
        !self.is_revoked() && self.delivered().is_none()
    }

    /// Where its newest delivered generation is.
    fn delivered(&self) -> Option<usize> {
        let generations = &self.key.generations;
        generations
            .iter()
            .rposition(|generation| generation.delivered_at.is_some())
    }

    pub(super) fn is_pending(&self) -> bool {
        let last = self.key.generations.last();
        last.is_some_and(|last| last.delivered_at.is_none())
    }

    /// The generation whose expiry is the key's.
    pub(super) fn present(&mut self) -> &mut Generation {
        let at = self.delivered().unwrap_or(self.secrets.len() - 1);
        &mut self.key.generations[at]
    }

    /// Where the older generation is that works on.
    pub(super) fn overlapping(&self, now: Timestamp) -> Option<usize> {
        let generations = &self.key.generations;
        generations
            .iter()
            .position(|generation| code(generation, now).is_none() && !is_newest(generation))
    }

    pub(super) fn status(&self, now: Timestamp) -> Status {
        let newest = self.delivered().map(|at| &self.key.generations[at]);
        match newest {
            _ if self.is_revoked() => Status::Revoked,
            None => Status::Undelivered,
            Some(newest) if code(newest, now) == Some(Code::Rotated) => Status::Undelivered,
            Some(newest) if code(newest, now).is_some() => Status::Expired,
            _ if self.overlapping(now).is_some() => Status::Overlap,
            _ => Status::Active,
        }
    }

    /// What a verifier is told of the token of a generation.
    pub(super) fn verdict(&self, at: usize, now: Timestamp) -> Code {
        match code(&self.key.generations[at], now) {
            Some(Code::Undelivered) => Code::Undelivered,
            _ if self.is_revoked() => Code::Revoked,
            ended => ended.unwrap_or(Code::Valid),
        }
    }

    /// Permissions of its own and of its roles, sorted.
    pub(super) fn granted(&self, roles: &Roles) -> BTreeSet<String> {
        let key = self.whole(roles);
        let issued = key.issued().expect("an issued key");
        let of_roles = issued.roles.iter().map(|role| &role.permissions);
        of_roles
            .chain([&issued.permissions])
            .flat_map(|permissions| permissions.iter().map(ToString::to_string))
            .collect()
    }

    /// The pairs of its roles, and over them its own.
    pub(super) fn context(&self, roles: &Roles) -> BTreeMap<String, String> {
        let key = self.whole(roles);
        let issued = key.issued().expect("an issued key");
        let of_roles = issued.roles.iter().map(|role| &role.context);
        let pairs = of_roles
            .chain([&issued.context])
            .flat_map(|context| context.iter());
        pairs
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect()
    }

    /// Adds a generation that has the lifetime of the one before it, or the expiry that is given. Gives the token or
    /// value that went for it.
    pub(super) fn add(
        &mut self,
        secret: Option<String>,
        expires_at: Option<Option<Timestamp>>,
        now: Timestamp,
    ) -> Option<String> {
        let before = self.present().clone();
        let inherited = before
            .expires_at
            .map(|end| Timestamp(now.0 + end.0 - before.created_at.0));
        if self.is_pending() {
            self.pop();
        }
        let most = match self.key.kind() {
            KeyKind::Issued => GENERATIONS - 1,
            KeyKind::Provider => 1,
        };
        let mut gone = None;
        if self.secrets.len() > most {
            self.key.generations.remove(0);
            gone = self.secrets.remove(0);
        }
        let number = self.key.generations.last().map_or(0, |last| last.number);
        self.key.generations.push(Generation {
            number: number + 1,
            created_at: now,
            created_by: crate::fixture::who(),
            delivered_at: None,
            expires_at: expires_at.unwrap_or(inherited),
            superseded_at: None,
        });
        self.secrets.push(secret);
        gone
    }

    /// The newest generation is out: the one before it ends at `at`, and those before that one end now.
    pub(super) fn deliver(&mut self, at: Timestamp, now: Timestamp) {
        let (newest, older) = self
            .key
            .generations
            .split_last_mut()
            .expect("a generation was added");
        newest.delivered_at = Some(now);
        for (age, generation) in older.iter_mut().rev().enumerate() {
            let at = if age == 0 { at } else { now };
            let ends = [generation.expires_at, generation.superseded_at, Some(at)];
            generation.superseded_at = ends.into_iter().flatten().min();
        }
    }

    /// Takes the newest generation away.
    pub(super) fn pop(&mut self) {
        self.key.generations.pop();
        self.secrets.pop();
    }
}

/// What ended a generation, or `None` while it works.
fn code(generation: &Generation, now: Timestamp) -> Option<Code> {
    let far = Timestamp(i64::MAX);
    let expires = generation.expires_at.unwrap_or(far);
    let ends = generation.superseded_at.unwrap_or(far);
    match generation.delivered_at {
        None => Some(Code::Undelivered),
        Some(_) if expires <= now && expires <= ends => Some(Code::Expired),
        Some(_) if ends <= now => Some(Code::Rotated),
        Some(_) => None,
    }
}

fn is_newest(generation: &Generation) -> bool {
    generation.superseded_at.is_none()
}

/// Whether no two roles give a pair that the key would have to choose between.
pub(super) fn agree<'a>(
    own: &keywright::key::Context,
    roles: impl Iterator<Item = &'a Role>,
) -> bool {
    let mut given: BTreeMap<&str, &str> = BTreeMap::new();
    let pairs = roles.flat_map(|role| role.context.iter());
    pairs
        .filter(|(key, _)| own.get(key).is_none())
        .all(|(key, value)| *given.entry(key).or_insert(value) == value)
}
