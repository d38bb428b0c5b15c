//! Keys and roles that were exported, imported again.

use std::collections::BTreeSet;

use keywright::key::{
    Actor, Details, IssuedDetails, KeyId, KeyKind, KeyName, ProviderDetails, Role, RoleName,
    Timestamp,
};
use keywright::vault::{
    Export, ExportedKey, Filter, Import, Imported, ImportedHalf, ImportedKey, ImportedRole,
    VaultError, Verb,
};

use super::command::{Fresh, Slot, of, role_name};
use super::entry::{Entry, agree};
use super::{Against, Model, Refusal, answer, roles};
use crate::fixture::*;

/// Who made what comes from elsewhere.
const ELSEWHERE: &str = "somebody else";
/// How long before the import that was, in seconds.
const EARLIER: i64 = 1_000;

impl Model {
    fn export(&mut self) -> Export {
        let exported = self
            .vault
            .export(&Filter::default(), true, &who(), self.now);
        exported.expect("exported")
    }

    pub(super) fn import_again(&mut self, renamed: bool) {
        let Export { roles, keys } = self.export();
        let copy = |(number, key): (usize, ExportedKey)| {
            let mut key = imported(key);
            if renamed {
                key.name = name(&format!("copy {number}"));
            }
            key
        };
        let import = Import {
            roles: roles.into_iter().map(imported_role).collect(),
            keys: keys.into_iter().enumerate().map(copy).collect(),
            ..Import::default()
        };
        let outcome = self.vault.import(&import, false, &who(), self.now);
        if self.keys.is_empty() {
            // The roles are there as they are.
            assert_eq!(outcome.expect("nothing to do"), Imported::default());
            return;
        }
        let VaultError::ImportConflicts(conflicts) = refused(outcome) else {
            panic!("it was refused otherwise");
        };
        assert_eq!(conflicts.len(), self.keys.len());
        let by_id = |conflict: &String| conflict.starts_with("the key id");
        assert!(conflicts.iter().all(|conflict| by_id(conflict) == renamed));
    }

    pub(super) fn restore(&mut self, slot: Slot) {
        let Some(mut entry) = self.keys.get(&slot).cloned() else {
            return;
        };
        let Export { roles, keys } = self.export();
        self.delete(slot);
        let only_its: Vec<_> = entry
            .roles
            .iter()
            .map(|name| self.roles[name].clone())
            .filter(|(role, ..)| self.holders(role).is_empty())
            .collect();
        for (role, ..) in &only_its {
            let deleted = self.vault.delete_role(&role.name, false, &who(), self.now);
            assert_eq!(&deleted.expect("deleted"), role);
            self.logged_of_vault(Verb::RoleDelete, Some(roles::told_of(role)));
        }
        let import = Import {
            roles: roles
                .into_iter()
                .map(imported_role)
                .filter(|new| entry.roles.contains(&new.role.name))
                .collect(),
            keys: keys
                .into_iter()
                .map(imported)
                .filter(|new| new.id == entry.id)
                .collect(),
            ..Import::default()
        };
        let outcome = self.vault.import(&import, false, &who(), self.now);
        let is_issued = entry.issued().is_some();
        let expected = Imported {
            issued: usize::from(is_issued),
            provider: usize::from(!is_issued),
            roles: only_its.len(),
            unchanged: 0,
        };
        assert_eq!(outcome.expect("imported"), expected);
        self.logged_of_vault(Verb::Import, Some(expected.to_string()));
        entry.arrive(self.now);
        self.keys.insert(slot, entry);
    }

    pub(super) fn import_fresh(&mut self, fresh: &Fresh, dry_run: bool) {
        let role = fresh.role.map(|(number, gives)| roles::role(number, gives));
        let (issued, provider) = (self.fresh_issued(fresh), self.fresh_provider(fresh));
        let against = self.against_import(fresh, &issued, role.as_ref());
        let is_new = |role: &&Role| !self.roles.contains_key(&role.name);
        let expected = Imported {
            issued: 1,
            provider: 1,
            roles: role.iter().filter(is_new).count(),
            unchanged: 0,
        };
        let import = self.fresh_import(fresh, &issued, &provider, role.as_ref());
        let outcome = self.vault.import(&import, dry_run, &who(), self.now);
        let Some(told) = answer(outcome, &against) else {
            return;
        };
        assert_eq!(told, expected);
        if dry_run {
            return;
        }
        self.logged_of_vault(Verb::Import, Some(expected.to_string()));
        if let Some(role) = role {
            let made = self.earlier();
            let new = (role.clone(), made, ELSEWHERE);
            self.roles.entry(role.name).or_insert(new);
        }
        for (slot, entry) in [(fresh.issued, issued), (fresh.provider, provider)] {
            self.scopes.insert((slot.scope, entry.key.kind()));
            self.keys.insert(slot, entry);
        }
    }

    fn against_import(&self, fresh: &Fresh, issued: &Entry, role: Option<&Role>) -> Against {
        let mut against = BTreeSet::new();
        let has_other = |role: &Role| self.known(&role.name).is_some_and(|known| known != role);
        let taken = |slot| self.keys.contains_key(slot);
        let default_taken = self
            .keys
            .iter()
            .any(|(slot, entry)| slot.scope == fresh.issued.scope && entry.is_default);
        if role.is_some_and(has_other)
            || taken(&fresh.issued)
            || taken(&fresh.provider)
            || fresh.issued == fresh.provider
            || (fresh.is_default && default_taken)
        {
            against.insert(Refusal::Conflicts);
        }
        let given = |name| self.known(name).or(role.filter(|role| role.name == *name));
        if issued.roles.iter().any(|name| given(name).is_none()) {
            against.insert(Refusal::UnknownRole);
        }
        let own = &issued.issued().expect("an issued key").context;
        if !agree(own, issued.roles.iter().filter_map(given)) {
            against.insert(Refusal::Parse);
        }
        against
    }

    fn known(&self, name: &RoleName) -> Option<&Role> {
        self.roles.get(name).map(|(role, ..)| role)
    }

    fn fresh_import(
        &self,
        fresh: &Fresh,
        issued: &Entry,
        provider: &Entry,
        role: Option<&Role>,
    ) -> Import {
        let made = self.earlier();
        let role = role.map(|role| ImportedRole {
            role: role.clone(),
            created_at: made,
            created_by: elsewhere(),
        });
        Import {
            roles: role.into_iter().collect(),
            keys: vec![
                imported_entry(issued, fresh.issued),
                imported_entry(provider, fresh.provider),
            ],
            ..Import::default()
        }
    }

    fn fresh_issued(&mut self, fresh: &Fresh) -> Entry {
        let details = IssuedDetails {
            brand: "acme".parse().expect("a brand"),
            permissions: permissions(&["read"]),
            context: Default::default(),
            roles: Vec::new(),
            rate: Some("5/s".parse().expect("a rate")),
        };
        let names = of(&[0, 1, 2], fresh.roles).into_iter().map(role_name);
        Entry {
            roles: names.collect(),
            is_default: fresh.is_default,
            ..self.fresh(fresh.issued, Details::Issued(details), None)
        }
    }

    fn fresh_provider(&mut self, fresh: &Fresh) -> Entry {
        let text = "value from elsewhere";
        let details = ProviderDetails {
            variable: Some("OTHER_KEY".parse().expect("a variable")),
            masked: value(text).masked(),
            ..ProviderDetails::default()
        };
        let secret = Some(text.to_owned());
        self.fresh(fresh.provider, Details::Provider(details), secret)
    }

    fn fresh(&mut self, slot: Slot, details: Details, secret: Option<String>) -> Entry {
        self.ids += 1;
        let id: KeyId = format!("{:012}", self.ids).parse().expect("an id");
        let mut key = self.new_key(slot, details);
        key.created_at = self.earlier();
        key.created_by = elsewhere();
        key.tags = vec!["imported".parse().expect("a tag")];
        let generation = &mut key.generations[0];
        generation.created_at = self.earlier();
        generation.expires_at = Some(self.hours(5));
        let mut entry = Entry {
            id,
            key,
            roles: BTreeSet::new(),
            secrets: vec![secret],
            is_default: false,
        };
        entry.arrive(self.now);
        entry
    }

    fn earlier(&self) -> Timestamp {
        Timestamp(self.now.0 - EARLIER)
    }
}

impl Entry {
    /// As it is in the vault that imports it: of an issued key nobody knows the token, which ends there, and a value's
    /// history stays.
    fn arrive(&mut self, now: Timestamp) {
        let present = self.present().clone();
        let (at, made) = (
            self.key.generations.iter().position(|one| *one == present),
            present.created_at,
        );
        let secret = self.secrets.swap_remove(at.expect("it is one of them"));
        let is_provider = self.key.kind() == KeyKind::Provider;
        self.secrets = vec![secret.filter(|_| is_provider)];
        self.key.generations = vec![keywright::key::Generation {
            number: 1,
            created_by: self.key.created_by.clone(),
            delivered_at: Some(made),
            superseded_at: (!is_provider)
                .then(|| present.expires_at.map_or(now, |end| end.min(now))),
            ..present
        }];
    }
}

fn elsewhere() -> Actor {
    ELSEWHERE.parse().expect("an actor")
}

fn imported_role(known: keywright::vault::RoleUse) -> ImportedRole {
    ImportedRole {
        role: known.role,
        created_at: known.created_at,
        created_by: known.created_by,
    }
}

/// What an export's document says of a key.
fn imported(exported: ExportedKey) -> ImportedKey {
    let ExportedKey { found, value } = exported;
    let key = found.key;
    let present = key.current().or(key.generations.last());
    let half = match (&key.details, value) {
        (Details::Issued(issued), None) => ImportedHalf::Issued {
            brand: issued.brand.clone(),
            permissions: issued.permissions.clone(),
            context: issued.context.clone(),
            roles: issued.roles.iter().map(|role| role.name.clone()).collect(),
            rate: issued.rate,
        },
        (Details::Provider(details), Some(value)) => ImportedHalf::Provider {
            details: ProviderDetails {
                masked: String::new(),
                ..details.clone()
            },
            value,
        },
        (details, _) => panic!("a value belongs to a provider key: {details:?}"),
    };
    ImportedKey {
        id: found.id,
        name: key.name.clone(),
        scope: found.scope,
        is_default: found.is_default,
        created_at: key.created_at,
        created_by: key.created_by.clone(),
        present_since: present.expect("a generation").created_at,
        expires_at: key.expires_at(),
        revoked: key.revoked.clone(),
        tags: key.tags.clone(),
        note: key.note.clone(),
        half,
    }
}

fn imported_entry(entry: &Entry, slot: Slot) -> ImportedKey {
    let (key, generation) = (&entry.key, &entry.key.generations[0]);
    let half = match &key.details {
        Details::Issued(issued) => ImportedHalf::Issued {
            brand: issued.brand.clone(),
            permissions: issued.permissions.clone(),
            context: issued.context.clone(),
            roles: entry.roles.iter().cloned().collect(),
            rate: issued.rate,
        },
        Details::Provider(details) => ImportedHalf::Provider {
            details: details.clone(),
            value: value(entry.secrets[0].as_ref().expect("a value")),
        },
    };
    let name: KeyName = slot.name();
    ImportedKey {
        id: entry.id,
        name,
        scope: slot.scope(),
        is_default: entry.is_default,
        created_at: key.created_at,
        created_by: key.created_by.clone(),
        present_since: generation.created_at,
        expires_at: generation.expires_at,
        revoked: None,
        tags: key.tags.clone(),
        note: None,
        half,
    }
}
