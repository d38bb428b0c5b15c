//! Roles: kept in the vault's own scope, and copied into the record of every key that has them.

use std::collections::BTreeSet;

use super::draft::Draft;
use super::find::{Found, nearest};
use super::head::OpenScope;
use super::list::Filter;
use super::log::{Event, Verb};
use super::own::{OwnBody, OwnRecord};
use super::record::{OpenRecord, RecordKey};
use super::{Vault, VaultError, View};
use crate::crypto::RootKey;
use crate::key::{Actor, Details, IssuedDetails, Key, KeyKind, Role, RoleName, ScopeId, Timestamp};

/// Most roles of a vault.
const ROLES: usize = 1_000;

/// A role, who made it, and the keys that have it.
#[derive(Clone, Debug)]
pub struct RoleUse {
    pub role: Role,
    pub created_at: Timestamp,
    pub created_by: Actor,
    /// By project, environment and name.
    pub keys: Vec<Found>,
}

/// What a change of a role is about.
#[derive(Clone, Debug)]
pub struct RoleChange {
    /// `None` for a new one.
    pub before: Option<Role>,
    /// The keys that have it, as they were.
    pub keys: Vec<Found>,
}

impl Vault {
    /// All roles by name, with the keys that have them.
    ///
    /// # Errors
    /// [`VaultError::OwnerOnly`] for the holder of an access token.
    pub fn roles(&mut self) -> Result<Vec<RoleUse>, VaultError> {
        let filter = Filter {
            kind: Some(KeyKind::Issued),
            ..Filter::default()
        };
        let (mut roles, mut keys) =
            self.roles_and_each(&filter, Timestamp(0), |_, found, _| Ok(found))?;
        sort(&mut keys);
        for found in keys {
            for held in found.key.issued().iter().flat_map(|issued| &issued.roles) {
                if let Ok(at) = roles.binary_search_by(|known| known.role.name.cmp(&held.name)) {
                    roles[at].keys.push(found.clone());
                }
            }
        }
        Ok(roles)
    }

    /// All roles by name, without the keys that have them, and what `visit` makes of every key that passes the filter, from
    /// one snapshot.
    pub(super) fn roles_and_each<T>(
        &mut self,
        filter: &Filter,
        now: Timestamp,
        visit: impl FnMut(&OpenScope, Found, &OpenRecord) -> Result<T, VaultError>,
    ) -> Result<(Vec<RoleUse>, Vec<T>), VaultError> {
        let key = self.owner_key()?;
        let totals = self.totals();
        let (mut roles, visited) =
            self.read(|view| Ok((view.roles(&key)?, view.each(filter, now, &totals, visit)?)))?;
        roles.sort_by(|a, b| a.role.name.cmp(&b.role.name));
        Ok((roles, visited))
    }

    /// The names of all roles, sorted. No key is opened.
    ///
    /// # Errors
    /// As [`Vault::roles`].
    pub fn role_names(&mut self) -> Result<Vec<RoleName>, VaultError> {
        let key = self.owner_key()?;
        let roles = self.read(|view| view.roles(&key))?;
        let names = BTreeSet::from_iter(roles.into_iter().map(|known| known.role.name));
        Ok(names.into_iter().collect())
    }

    /// One role, with the keys that have it.
    ///
    /// # Errors
    /// [`VaultError::UnknownRole`] names the nearest one there is.
    pub fn role(&mut self, name: &RoleName) -> Result<RoleUse, VaultError> {
        let mut roles = self.roles()?;
        match roles.iter().position(|known| known.role.name == *name) {
            Some(at) => Ok(roles.swap_remove(at)),
            None => Err(unknown(name, roles.iter().map(|known| &known.role.name))),
        }
    }

    /// Makes a role, or gives the one with its name these permissions and this context: in its own record and in those of
    /// all keys that have it, in one transaction. With `dry_run` everything is checked and nothing is changed.
    ///
    /// # Errors
    /// [`VaultError::RoleUnfit`] names a key that cannot take it, [`VaultError::Limit`] at 1,000 roles.
    pub fn set_role(
        &mut self,
        role: &Role,
        dry_run: bool,
        who: &Actor,
        now: Timestamp,
    ) -> Result<RoleChange, VaultError> {
        self.write(who, now, |draft| {
            let before = draft.stored_role(&role.name)?;
            let keys = draft.keys_with_role(&role.name)?;
            let change = RoleChange {
                before: before.as_ref().map(|known| known.role.clone()),
                keys,
            };
            if change.before.as_ref() == Some(role) {
                return Ok((change, None));
            }
            let (created_at, created_by) = match &before {
                Some(known) => (known.created_at, &known.created_by),
                None => (now, who),
            };
            draft.put_role(role, created_at, created_by)?;
            for found in &change.keys {
                draft.replace_role(found, role)?;
            }
            let event = role_event(Verb::RoleSet, role, change.before.as_ref());
            Ok((change, (!dry_run).then_some(event)))
        })
    }

    /// Deletes a role that no key has. With `dry_run` everything is checked and nothing is changed.
    ///
    /// # Errors
    /// [`VaultError::RoleInUse`] lists the keys that have it; [`VaultError::UnknownRole`].
    pub fn delete_role(
        &mut self,
        name: &RoleName,
        dry_run: bool,
        who: &Actor,
        now: Timestamp,
    ) -> Result<Role, VaultError> {
        self.write(who, now, |draft| {
            let role = draft.role(name)?;
            let keys = draft.keys_with_role(name)?;
            if !keys.is_empty() {
                return Err(VaultError::RoleInUse {
                    role: name.clone(),
                    keys: keys.iter().map(Found::place).collect(),
                });
            }
            draft.delete_own(&own_name(name))?;
            let event = role_event(Verb::RoleDelete, &role, None);
            Ok((role, (!dry_run).then_some(event)))
        })
    }
}

impl View<'_> {
    fn roles(&self, key: &RootKey) -> Result<Vec<RoleUse>, VaultError> {
        let own = RecordKey::new(key, ScopeId::OWN, None, self.state.vault);
        let mut roles = Vec::new();
        for row in self.state.own.rows() {
            let record = self.state.record(&self.snapshot, ScopeId::OWN, &own, row)?;
            roles.extend(role_of(record.own()?));
        }
        Ok(roles)
    }
}

impl Draft<'_> {
    /// A role by its name.
    pub(super) fn role(&self, name: &RoleName) -> Result<Role, VaultError> {
        match self.stored_role(name)? {
            Some(known) => Ok(known.role),
            None => Err(unknown(name, self.role_names()?.iter())),
        }
    }

    pub(super) fn stored_role(&self, name: &RoleName) -> Result<Option<RoleUse>, VaultError> {
        let record = self.own_record(&own_name(name))?;
        Ok(record
            .map(|record| record.own())
            .transpose()?
            .and_then(role_of))
    }

    fn role_names(&self) -> Result<Vec<RoleName>, VaultError> {
        let records = self.own_records()?;
        Ok(records
            .into_iter()
            .filter_map(role_of)
            .map(|known| known.role.name)
            .collect())
    }

    /// Stores a role, instead of the one with its name.
    pub(super) fn put_role(
        &mut self,
        role: &Role,
        created_at: Timestamp,
        created_by: &Actor,
    ) -> Result<(), VaultError> {
        // Every role is one of these records, so there is nothing to count below that number of them.
        let crowded = self.state.own.len() >= ROLES as u64;
        if crowded && self.stored_role(&role.name)?.is_none() && self.role_names()?.len() >= ROLES {
            return Err(VaultError::Limit(format!(
                "a vault has at most {ROLES} roles"
            )));
        }
        let record = OwnRecord {
            name: own_name(&role.name),
            body: OwnBody::Role {
                role: role.clone(),
                created_at,
                created_by: created_by.clone(),
            },
        };
        self.put_own(&record, &[])
    }

    /// Every key that has a role, by project, environment and name.
    fn keys_with_role(&mut self, name: &RoleName) -> Result<Vec<Found>, VaultError> {
        let mut keys = Vec::new();
        for id in self.scope_ids() {
            if self.scope(id).kind != KeyKind::Issued {
                continue;
            }
            self.pass(id, |found| {
                if found
                    .key
                    .issued()
                    .is_some_and(|issued| issued.has_role(name))
                {
                    keys.push(found);
                }
            })?;
        }
        sort(&mut keys);
        Ok(keys)
    }

    /// Puts another version of a role in the place of the copy that a key has.
    fn replace_role(&mut self, found: &Found, role: &Role) -> Result<(), VaultError> {
        let mut key: Key = found.key.clone();
        if let Details::Issued(IssuedDetails { roles, .. }) = &mut key.details {
            roles
                .iter_mut()
                .filter(|held| held.name == role.name)
                .for_each(|held| held.clone_from(role));
        }
        let fits = key.issued().map_or(Ok(()), IssuedDetails::check);
        fits.map_err(|source| VaultError::RoleUnfit {
            key: found.place(),
            source,
        })?;
        let secrets = match self.record(found.scope_id, found.id)? {
            Some((_, record)) => record.secrets()?,
            None => return Err(VaultError::Changed(found.key.name.to_string())),
        };
        self.put(found.scope_id, found.id, &key, &secrets)?;
        Ok(())
    }
}

fn sort(keys: &mut [Found]) {
    keys.sort_by(|a, b| (&a.scope, &a.key.name).cmp(&(&b.scope, &b.key.name)));
}

fn own_name(role: &RoleName) -> String {
    format!("role/{role}")
}

fn role_of(record: OwnRecord) -> Option<RoleUse> {
    match record.body {
        OwnBody::Role {
            role,
            created_at,
            created_by,
        } => Some(RoleUse {
            role,
            created_at,
            created_by,
            keys: Vec::new(),
        }),
        OwnBody::Slot { .. } => None,
    }
}

/// `name: what it carried -> what it carries`, or without the arrow where there is nothing to compare.
fn role_event(verb: Verb, role: &Role, before: Option<&Role>) -> Event {
    let carries = |role: &Role| {
        let parts = [role.permissions.to_string(), role.context.to_string()];
        parts
            .into_iter()
            .filter(|part| !part.is_empty())
            .collect::<Vec<_>>()
            .join(", ")
    };
    let before = before.map_or(String::new(), |before| format!("{} -> ", carries(before)));
    Event::of_vault(verb).with_detail(format!("{}: {before}{}", role.name, carries(role)))
}

fn unknown<'a>(name: &RoleName, known: impl Iterator<Item = &'a RoleName>) -> VaultError {
    let known: Vec<String> = known.map(ToString::to_string).collect();
    VaultError::UnknownRole {
        role: name.clone(),
        nearest: nearest(name.as_str(), &known),
    }
}
