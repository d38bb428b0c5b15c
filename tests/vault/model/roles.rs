//! Roles: made, given another content in all keys that have them, deleted.

use std::collections::BTreeSet;

use keywright::key::{Context, Role};
use keywright::vault::Verb;

use super::command::{Gives, PERMISSIONS, Slot, of, role_name};
use super::entry::agree;
use super::{Against, Model, Refusal, answer};
use crate::fixture::*;

impl Model {
    pub(super) fn set_role(&mut self, number: u8, gives: Gives, dry_run: bool) {
        let role = role(number, gives);
        let against = self.against_role(&role);
        let outcome = self.vault.set_role(&role, dry_run, &who(), self.now);
        let Some(change) = answer(outcome, &against) else {
            return;
        };
        let before = self.roles.get(&role.name).cloned();
        let known = before.as_ref().map(|(role, ..)| role.clone());
        assert_eq!(change.before, known);
        assert_eq!(change.keys.len(), self.holders(&role).len());
        if dry_run || known.as_ref() == Some(&role) {
            return;
        }
        let detail = match &known {
            None => told_of(&role),
            Some(before) => format!("{}: {} -> {}", role.name, carries(before), carries(&role)),
        };
        let (made, by) = before.map_or((self.now, "tester"), |(_, made, by)| (made, by));
        self.roles.insert(role.name.clone(), (role, made, by));
        self.logged_of_vault(Verb::RoleSet, Some(detail));
    }

    /// The keys that have a role.
    pub(super) fn holders(&self, role: &Role) -> Vec<Slot> {
        let keys = self.keys.iter();
        keys.filter(|(_, entry)| entry.roles.contains(&role.name))
            .map(|(slot, _)| *slot)
            .collect()
    }

    fn against_role(&self, role: &Role) -> Against {
        let fits = |slot: &Slot| {
            let entry = &self.keys[slot];
            let others = entry.roles.iter().filter(|name| **name != role.name);
            let roles = others.map(|name| &self.roles[name].0).chain([role]);
            agree(&entry.issued().expect("issued").context, roles)
        };
        if self.holders(role).iter().all(fits) {
            BTreeSet::new()
        } else {
            BTreeSet::from([Refusal::RoleUnfit])
        }
    }

    pub(super) fn delete_role(&mut self, number: u8, dry_run: bool) {
        let name = role_name(number);
        let known = self.roles.get(&name).map(|(role, ..)| role.clone());
        let mut against = BTreeSet::new();
        match &known {
            None => against.insert(Refusal::UnknownRole),
            Some(role) if !self.holders(role).is_empty() => against.insert(Refusal::RoleInUse),
            Some(_) => false,
        };
        let outcome = self.vault.delete_role(&name, dry_run, &who(), self.now);
        let deleted = answer(outcome, &against);
        assert_eq!(deleted, known.filter(|_| against.is_empty()));
        if against.is_empty() && !dry_run {
            self.roles.remove(&name);
            let role = deleted.expect("it was not refused");
            self.logged_of_vault(Verb::RoleDelete, Some(told_of(&role)));
        }
    }
}

pub(super) fn role(number: u8, gives: Gives) -> Role {
    let team = gives
        .team
        .map(|team| ["team=blue", "team=red"][usize::from(team)]);
    let pairs: Vec<_> = team
        .into_iter()
        .map(|pair| pair.parse().expect("a pair"))
        .collect();
    Role {
        name: role_name(number),
        permissions: permissions(&of(&PERMISSIONS, gives.permissions)),
        context: Context::from_pairs(&pairs).expect("few"),
    }
}

/// What the log tells of a role that is made or deleted.
pub(super) fn told_of(role: &Role) -> String {
    format!("{}: {}", role.name, carries(role))
}

fn carries(role: &Role) -> String {
    let (permissions, context) = (role.permissions.to_string(), role.context.to_string());
    let parts = [permissions, context]
        .into_iter()
        .filter(|part| !part.is_empty());
    parts.collect::<Vec<_>>().join(", ")
}
