//! Keys and roles from elsewhere: all of them, or none.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::draft::Draft;
use super::log::{Event, Verb};
use super::{Vault, VaultError};
use crate::crypto::{Digest, Secret, SecretValue};
use crate::key::{
    Actor, Brand, Context, Details, Generation, IssuedDetails, Key, KeyId, KeyKind, KeyName, Note,
    PermissionSet, ProviderDetails, Revocation, Role, RoleName, Scope, ScopeId, Tag, Timestamp,
    tag_list,
};

/// What is to be imported.
#[derive(Debug, Default)]
pub struct Import {
    pub roles: Vec<ImportedRole>,
    pub keys: Vec<ImportedKey>,
}

impl Import {
    /// How much there is to import into an empty vault.
    pub fn count(&self) -> Imported {
        let of_kind = |kind| {
            self.keys
                .iter()
                .filter(|key| key.half.kind() == kind)
                .count()
        };
        Imported {
            issued: of_kind(KeyKind::Issued),
            provider: of_kind(KeyKind::Provider),
            roles: self.roles.len(),
        }
    }
}

/// A role from elsewhere, and who made it there.
#[derive(Clone, Debug)]
pub struct ImportedRole {
    pub role: Role,
    pub created_at: Timestamp,
    pub created_by: Actor,
}

/// A key from elsewhere. Its id goes with it, so that masked tokens and usage stay what they were.
#[derive(Debug)]
pub struct ImportedKey {
    pub id: KeyId,
    pub name: KeyName,
    pub scope: Scope,
    pub is_default: bool,
    pub created_at: Timestamp,
    pub created_by: Actor,
    /// When its present token or value was made.
    pub present_since: Timestamp,
    pub expires_at: Option<Timestamp>,
    pub revoked: Option<Revocation>,
    pub tags: Vec<Tag>,
    pub note: Option<Note>,
    pub half: ImportedHalf,
}

/// What only one kind of key has.
#[derive(Debug)]
pub enum ImportedHalf {
    /// Its token is a digest in another vault and unknown here: it ends on arrival, and the key is undelivered until it
    /// is rotated.
    Issued {
        brand: Brand,
        permissions: PermissionSet,
        context: Context,
        roles: Vec<RoleName>,
    },
    Provider {
        /// Its masked form is made from the value.
        details: ProviderDetails,
        value: SecretValue,
    },
}

/// How much was imported.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Imported {
    pub issued: usize,
    pub provider: usize,
    /// Roles that were not there before.
    pub roles: usize,
}

impl Vault {
    /// Imports keys and roles in one transaction. A role that is there with the same content is left alone. With `dry_run`
    /// everything is checked and nothing is changed.
    ///
    /// # Errors
    /// [`VaultError::ImportConflicts`] lists the names and ids that are taken, in the vault or twice in the import, roles
    /// that are there with another content, and second default keys; [`VaultError::UnknownRole`]; the limits of a vault.
    pub fn import(
        &mut self,
        import: &Import,
        dry_run: bool,
        who: &Actor,
        now: Timestamp,
    ) -> Result<Imported, VaultError> {
        self.write(who, now, |draft| {
            let mut conflicts = Vec::new();
            let roles = import_roles(draft, &import.roles, &mut conflicts)?;
            let mut imported = Imported {
                roles,
                ..Imported::default()
            };
            let mut taken = Taken::default();
            taken.ids_of(draft)?;
            let mut rows: BTreeMap<ScopeId, Vec<(KeyId, Key, Secret)>> = BTreeMap::new();
            for new in &import.keys {
                let (kind, scope) = (new.half.kind(), &new.scope);
                taken.names_of(draft, scope)?;
                if let Some(conflict) = taken.take(new) {
                    conflicts.push(conflict);
                    continue;
                }
                let id = draft.ensure_scope(scope, kind)?;
                let (key, secret) = new.key(draft)?;
                rows.entry(id).or_default().push((new.id, key, secret));
                if new.is_default && !draft.take_default(id, new.id) {
                    conflicts.push(format!("a second default key of {scope}, `{}`", new.name));
                }
                match kind {
                    KeyKind::Issued => imported.issued += 1,
                    KeyKind::Provider => imported.provider += 1,
                }
            }
            if !conflicts.is_empty() {
                return Err(VaultError::ImportConflicts(conflicts));
            }
            for (id, rows) in rows {
                draft.put_new(id, rows)?;
            }
            let event = Event::of_vault(Verb::Import).with_detail(imported.to_string());
            let changed = imported != Imported::default() && !dry_run;
            Ok((imported, changed.then_some(event)))
        })
    }
}

/// Stores the roles that are not there, and says how many those are.
fn import_roles(
    draft: &mut Draft<'_>,
    roles: &[ImportedRole],
    conflicts: &mut Vec<String>,
) -> Result<usize, VaultError> {
    let mut stored = 0;
    for new in roles {
        match draft.stored_role(&new.role.name)? {
            None => {
                draft.put_role(&new.role, new.created_at, &new.created_by)?;
                stored += 1;
            }
            Some(known) if known.role == new.role => {}
            Some(_) => conflicts.push(format!("the role `{}` with another content", new.role.name)),
        }
    }
    Ok(stored)
}

/// Names and ids that a new key cannot have.
#[derive(Default)]
struct Taken {
    ids: HashSet<KeyId>,
    names: BTreeMap<Scope, HashSet<String>>,
}

impl Taken {
    /// Ids are a key's for life, in every scope.
    fn ids_of(&mut self, draft: &mut Draft<'_>) -> Result<(), VaultError> {
        for id in draft.scope_ids() {
            let rows = draft.manifest(id)?.rows();
            self.ids.extend(rows.iter().map(|row| row.key_id));
        }
        Ok(())
    }

    /// The names in a scope, of both kinds; read once.
    fn names_of(&mut self, draft: &mut Draft<'_>, scope: &Scope) -> Result<(), VaultError> {
        if self.names.contains_key(scope) {
            return Ok(());
        }
        let mut names = HashSet::new();
        for kind in KeyKind::ALL {
            if let Some(id) = draft.scope_id(scope, kind) {
                draft.pass(id, |found| {
                    names.insert(found.key.name.to_string());
                })?;
            }
        }
        self.names.insert(scope.clone(), names);
        Ok(())
    }

    /// Takes a key's name and id, or says which of them is taken.
    fn take(&mut self, new: &ImportedKey) -> Option<String> {
        let names = self.names.entry(new.scope.clone()).or_default();
        if !names.insert(new.name.to_string()) {
            Some(format!("`{}` in {}", new.name, new.scope))
        } else if !self.ids.insert(new.id) {
            Some(format!("the key id `{}`", new.id))
        } else {
            None
        }
    }
}

impl ImportedHalf {
    fn kind(&self) -> KeyKind {
        match self {
            Self::Issued { .. } => KeyKind::Issued,
            Self::Provider { .. } => KeyKind::Provider,
        }
    }
}

impl ImportedKey {
    /// The key as it will be, and the secret of its one generation.
    fn key(&self, draft: &Draft<'_>) -> Result<(Key, Secret), VaultError> {
        let (details, superseded_at, secret) = match &self.half {
            ImportedHalf::Issued {
                brand,
                permissions,
                context,
                roles,
            } => {
                let roles = BTreeSet::from_iter(roles).into_iter();
                let issued = IssuedDetails {
                    brand: brand.clone(),
                    permissions: permissions.clone(),
                    context: context.clone(),
                    roles: roles
                        .map(|name| draft.role(name))
                        .collect::<Result<_, _>>()?,
                };
                issued.check()?;
                // No token has this digest.
                let nobodys = Digest::DUMMY.stored();
                let ends = self.expires_at.map_or(draft.now, |end| end.min(draft.now));
                (Details::Issued(issued), Some(ends), nobodys)
            }
            ImportedHalf::Provider { details, value } => {
                let provider = ProviderDetails {
                    providers: distinct(&details.providers),
                    models: distinct(&details.models),
                    variable: details.variable.clone(),
                    masked: value.masked(),
                };
                provider.check()?;
                (Details::Provider(provider), None, value.stored())
            }
        };
        let key = Key {
            name: self.name.clone(),
            created_at: self.created_at,
            created_by: self.created_by.clone(),
            revoked: self.revoked.clone(),
            tags: tag_list(self.tags.clone())?,
            note: self.note.clone(),
            generations: vec![Generation {
                number: 1,
                created_at: self.present_since,
                created_by: self.created_by.clone(),
                delivered_at: Some(self.present_since),
                expires_at: self.expires_at,
                superseded_at,
            }],
            details,
        };
        Ok((key, secret))
    }
}

/// As they come, none twice.
fn distinct<T: Clone + PartialEq>(list: &[T]) -> Vec<T> {
    let mut kept: Vec<T> = Vec::with_capacity(list.len());
    for item in list {
        if !kept.contains(item) {
            kept.push(item.clone());
        }
    }
    kept
}

impl std::fmt::Display for Imported {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            issued,
            provider,
            roles,
        } = self;
        let plural = |count: &usize| if *count == 1 { "" } else { "s" };
        write!(
            f,
            "{issued} issued key{}, {provider} provider key{} and {roles} new role{}",
            plural(issued),
            plural(provider),
            plural(roles)
        )
    }
}
