//! All that a vault tells, against the map.

use std::collections::{BTreeMap, BTreeSet};

use keywright::crypto::Profile;
use keywright::vault::{
    Code, Credential, Filter, KnownKey, Requirements, Vault, VaultError, Verdict, Wanted,
};

use super::Model;
use super::command::Slot;
use super::entry::Entry;
use crate::fixture::*;

/// What a verifier asks for, and the one permission that a key here may have which allows it.
const WANTED: [(&str, &str); 4] = [
    ("admin", "admin"),
    ("deploy", "deploy"),
    ("read:orders", "read"),
    ("update", "write"),
];

impl Model {
    /// Opens the vault anew and compares all that it tells.
    pub(super) fn compare(&mut self) {
        let words = self.words();
        let opened = self.place.open_with(&Credential::Passphrase(&words));
        let mut opened = opened.expect("opens");
        let vault = &mut opened;
        self.compare_keys(vault, &self.keys.keys().copied().collect::<Vec<_>>());
        self.compare_values(vault);
        self.compare_defaults(vault);
        self.compare_roles(vault);
        self.compare_ways(vault);
        let log = vault.log().expect("the log is whole");
        let told: Vec<_> = log
            .into_iter()
            .map(|entry| (entry.verb, entry.name.map(String::from), entry.detail))
            .collect();
        assert_eq!(told, self.log);
        assert!(vault.take_warnings().is_empty());
        self.compare_further_ways();
        self.vault = opened;
    }

    /// The list of these keys with all that is known of each, and what is said of every token, theirs and others'.
    fn compare_keys(&self, vault: &mut Vault, slots: &[Slot]) {
        let listed = vault.list(&Filter::default(), self.now).expect("a list");
        assert_eq!(listed.len(), slots.len());
        for (slot, found) in slots.iter().zip(&listed) {
            let entry = &self.keys[slot];
            assert_eq!(found.scope, slot.scope());
            assert_eq!(found.id, entry.id);
            assert_eq!(found.key, entry.whole(&self.roles));
            assert_eq!(found.is_default, entry.is_default, "{}", found.place());
            assert_eq!(found.key.status(self.now), entry.status(self.now));
        }
        for (slot, entry) in &self.keys {
            if entry.issued().is_some() {
                self.compare_tokens(vault, entry, slots.contains(slot));
            }
        }
        for token in &self.gone {
            assert_eq!(check(vault, token, self.now), Code::Unknown);
        }
    }

    fn compare_tokens(&self, vault: &mut Vault, entry: &Entry, is_open: bool) {
        for (at, token) in entry.secrets.iter().enumerate() {
            let Some(token) = token else {
                continue;
            };
            let verdict = self.verify(vault, token, &[]);
            if !is_open {
                assert_eq!(verdict.code, Code::Unknown);
                continue;
            }
            assert_eq!(verdict.code, entry.verdict(at, self.now));
            let number = entry.key.generations[at].number;
            assert_eq!(verdict.generation, Some(number));
            self.compare_granted(&verdict.key.expect("the key"), entry);
            if verdict.code == Code::Valid {
                self.compare_demands(vault, token, entry);
            }
        }
    }

    fn compare_granted(&self, key: &KnownKey, entry: &Entry) {
        let issued = key.issued().expect("an issued key");
        let permissions = issued.granted_permissions();
        let permissions: BTreeSet<_> = permissions.iter().map(ToString::to_string).collect();
        assert_eq!(permissions, entry.granted(&self.roles));
        let context = issued.granted_context();
        let pairs = context
            .iter()
            .map(|(key, value)| (key.to_owned(), value.to_owned()));
        assert_eq!(
            pairs.collect::<BTreeMap<_, _>>(),
            entry.context(&self.roles)
        );
    }

    /// What the key may do, and one permission that is asked for: another one after each change.
    fn compare_demands(&self, vault: &mut Vault, token: &str, entry: &Entry) {
        let granted = entry.granted(&self.roles);
        let key = entry.whole(&self.roles);
        let issued = key.issued().expect("an issued key");
        for (wanted, permission) in WANTED {
            let wanted = wanted.parse().expect("a permission");
            assert_eq!(issued.allows(&wanted), granted.contains(permission));
        }
        let (wanted, permission) = WANTED[self.log.len() % WANTED.len()];
        let expected = if granted.contains(permission) {
            Code::Valid
        } else {
            Code::InsufficientPermission
        };
        let code = self.verify(vault, token, &[wanted]).code;
        assert_eq!(code, expected, "{wanted}");
    }

    fn verify(&self, vault: &mut Vault, token: &str, wanted: &[&str]) -> Verdict {
        let requirements = Requirements {
            permissions: wanted
                .iter()
                .map(|text| text.parse().expect("one"))
                .collect(),
            ..Requirements::default()
        };
        let presented = secret(token.as_bytes());
        vault
            .verify(&presented, &requirements, false, &who(), self.now)
            .expect("an answer")
    }

    fn compare_values(&self, vault: &mut Vault) {
        for (slot, entry) in &self.keys {
            if entry.issued().is_some() {
                continue;
            }
            let reference = reference(slot.name().as_str());
            let found = vault
                .find(Wanted::Named(&reference), &slot.scope(), true)
                .expect("found");
            let newest_first = entry.secrets.iter().rev().flatten();
            let mut values = newest_first.filter(|_| !entry.is_revoked());
            for previous in [false, true] {
                let told = vault.value(&found, previous, &who(), self.now);
                let told = told.ok().map(|value| value.expose().to_vec());
                assert_eq!(told.as_deref(), values.next().map(|value| value.as_bytes()));
            }
        }
    }

    fn compare_defaults(&self, vault: &mut Vault) {
        for number in 0..2 {
            let scope = Slot {
                scope: number,
                name: 0,
            }
            .scope();
            let told = match vault.find(Wanted::Default, &scope, true) {
                Err(VaultError::NoDefault(_)) => None,
                found => Some(found.expect("found").id),
            };
            let mut keys = self.keys.iter();
            let default = keys.find(|(slot, entry)| slot.scope == number && entry.is_default);
            assert_eq!(told, default.map(|(_, entry)| entry.id));
        }
    }

    fn compare_roles(&self, vault: &mut Vault) {
        let told = vault.roles().expect("roles");
        assert_eq!(told.len(), self.roles.len());
        for (told, (role, made, by)) in told.iter().zip(self.roles.values()) {
            assert_eq!(told.role, *role);
            assert_eq!((told.created_at, told.created_by.as_str()), (*made, *by));
            let ids: Vec<_> = told.keys.iter().map(|found| found.id).collect();
            let holders = self.holders(role);
            let holders: Vec<_> = holders.iter().map(|slot| self.keys[slot].id).collect();
            assert_eq!(ids, holders);
        }
    }

    fn compare_ways(&self, vault: &mut Vault) {
        let ways = vault.ways_in().expect("told");
        assert_eq!(ways.profile, Profile::Test);
        assert_eq!(ways.others.access_tokens.len(), self.access.len());
        assert_eq!(ways.others.recovery_code, self.code.is_some());
    }

    /// Who holds an access token is told of its scope's issued keys what the owner is, and nothing of others.
    fn compare_further_ways(&self) {
        for (number, _, token) in &self.access {
            let opened = self.place.open_with(&Credential::access_token(token));
            let is_in_scope =
                |slot: &&Slot| slot.scope == *number && self.keys[slot].issued().is_some();
            let slots: Vec<_> = self.keys.keys().filter(is_in_scope).copied().collect();
            self.compare_keys(&mut opened.expect("opens"), &slots);
        }
        if let Some(code) = &self.code {
            let opened = self.place.open_with(&Credential::RecoveryCode(code));
            assert_eq!(names(&mut opened.expect("opens")).len(), self.keys.len());
        }
    }
}
