//! Keys and roles from elsewhere: all of them, or none.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::draft::Draft;
use super::log::{Event, Verb};
use super::provider::generation;
use super::{Vault, VaultError};
use crate::crypto::{Digest, Secret, SecretValue, mint_key_id};
use crate::key::{
    Actor, Brand, Context, Details, Generation, IssuedDetails, Key, KeyId, KeyKind, KeyName, Note,
    PermissionSet, Provider, ProviderDetails, Rate, Revocation, Role, RoleName, Scope, ScopeId,
    Tag, Timestamp, VariableName, tag_list,
};

/// What is to be imported.
#[derive(Debug, Default)]
pub struct Import {
    pub roles: Vec<ImportedRole>,
    /// Keys of another vault, as they were there.
    pub keys: Vec<ImportedKey>,
    /// Values that become provider keys here.
    pub values: Vec<ImportedValue>,
}

impl Import {
    /// How much there is to import into an empty vault.
    pub fn count(&self) -> Imported {
        Imported {
            roles: self.roles.len(),
            ..self.count_new(&vec![Fate::New; self.len()])
        }
    }

    /// How much of it is new, and how much there already; `fates` are of its keys, then of its values.
    pub fn count_new(&self, fates: &[Fate]) -> Imported {
        let kinds = self.keys.iter().map(|key| key.half.kind());
        let kinds = kinds.chain(self.values.iter().map(|_| KeyKind::Provider));
        let mut counted = Imported::default();
        for (kind, fate) in kinds.zip(fates) {
            match (fate, kind) {
                (Fate::Conflict(_), _) => {}
                (Fate::New, KeyKind::Issued) => counted.issued += 1,
                (Fate::New, KeyKind::Provider) => counted.provider += 1,
                (Fate::Unchanged, _) => counted.unchanged += 1,
            }
        }
        counted
    }

    /// How many keys and values there are.
    pub fn len(&self) -> usize {
        self.keys.len() + self.values.len()
    }

    /// Whether there is neither a key nor a value, and no role.
    pub fn is_empty(&self) -> bool {
        self.len() == 0 && self.roles.is_empty()
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
        rate: Option<Rate>,
    },
    Provider {
        /// Its masked form is made from the value.
        details: ProviderDetails,
        value: SecretValue,
    },
}

/// A value from elsewhere, which becomes a provider key made here and now.
#[derive(Debug)]
pub struct ImportedValue {
    pub name: KeyName,
    pub scope: Scope,
    pub variable: Option<VariableName>,
    pub providers: Vec<Provider>,
    pub value: SecretValue,
}

/// How much was imported.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Imported {
    pub issued: usize,
    pub provider: usize,
    /// Roles that were not there before.
    pub roles: usize,
    /// Values that are there under their names already.
    pub unchanged: usize,
}

/// What becomes of one key or value of an import.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Fate {
    /// Something else is in its place: what.
    Conflict(String),
    New,
    /// A value that is there under its name already.
    Unchanged,
}

impl Vault {
    /// Imports keys, values and roles in one transaction. A role that is there with the same content is left alone, and so
    /// is a value that is there under its name. With `dry_run` everything is checked and nothing is changed.
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
        self.import_watched(import, dry_run, who, now, &mut |_| ())
    }

    /// As [`Vault::import`]; `watch` is told how many keys are sealed, after each. It may begin again.
    ///
    /// # Errors
    /// As [`Vault::import`].
    pub fn import_watched(
        &mut self,
        import: &Import,
        dry_run: bool,
        who: &Actor,
        now: Timestamp,
        watch: &mut dyn FnMut(usize),
    ) -> Result<Imported, VaultError> {
        self.write(who, now, |draft| {
            let mut conflicts = Vec::new();
            let roles = import_roles(draft, &import.roles, &mut conflicts)?;
            let fates = fates(draft, import)?;
            conflicts.extend(fates.iter().filter_map(Fate::conflict));
            if !conflicts.is_empty() {
                return Err(VaultError::ImportConflicts(conflicts));
            }
            let mut sealed = 0;
            for (id, rows) in new_rows(draft, import, &fates, who)? {
                draft.put_new(id, rows, &mut || {
                    sealed += 1;
                    watch(sealed);
                })?;
            }
            let imported = Imported {
                roles,
                ..import.count_new(&fates)
            };
            let event = Event::of_vault(Verb::Import).with_detail(imported.to_string());
            let changed = imported.has_changed() && !dry_run;
            Ok((imported, changed.then_some(event)))
        })
    }

    /// What an import would do with each of its keys, then each of its values. Nothing is changed.
    ///
    /// # Errors
    /// Whatever keeps the vault from being read or changed.
    pub fn foresee_import(
        &mut self,
        import: &Import,
        who: &Actor,
        now: Timestamp,
    ) -> Result<Vec<Fate>, VaultError> {
        self.write(who, now, |draft| Ok((fates(draft, import)?, None)))
    }
}

/// New records of one scope, each with its one secret.
type NewRows = Vec<(KeyId, Key, Secret)>;

/// What becomes of each key, then of each value.
fn fates(draft: &mut Draft<'_>, import: &Import) -> Result<Vec<Fate>, VaultError> {
    let mut taken = Taken::default();
    taken.ids_of(draft)?;
    let mut fates = Vec::with_capacity(import.len());
    for new in &import.keys {
        taken.names_of(draft, &new.scope)?;
        fates.push(taken.take(new).map_or(Fate::New, Fate::Conflict));
    }
    for new in &import.values {
        taken.names_of(draft, &new.scope)?;
        fates.push(taken.take_value(draft, new)?);
    }
    Ok(fates)
}

/// The records of what is new, by scope; scopes and default keys are made on the way.
fn new_rows(
    draft: &mut Draft<'_>,
    import: &Import,
    fates: &[Fate],
    who: &Actor,
) -> Result<BTreeMap<ScopeId, NewRows>, VaultError> {
    let mut rows: BTreeMap<_, NewRows> = BTreeMap::new();
    for new in &import.keys {
        let id = draft.ensure_scope(&new.scope, new.half.kind())?;
        let (key, secret) = new.key(draft)?;
        rows.entry(id).or_default().push((new.id, key, secret));
        if new.is_default {
            draft.set_default(id, Some(new.id));
        }
    }
    for (new, fate) in import.values.iter().zip(&fates[import.keys.len()..]) {
        if *fate == Fate::New {
            let id = draft.ensure_scope(&new.scope, KeyKind::Provider)?;
            let row = (mint_key_id()?, new.key(who, draft.now), new.value.stored());
            rows.entry(id).or_default().push(row);
        }
    }
    Ok(rows)
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
    names: BTreeMap<Scope, HashMap<KeyName, NameHolder>>,
    /// Scopes that have a default key.
    defaults: HashSet<Scope>,
}

/// Who has a name.
enum NameHolder {
    /// An issued key, a revoked key, or something of the same import.
    Other,
    /// A provider key that could have a value already.
    Provider(ScopeId, KeyId),
}

impl Taken {
    /// Ids are a key's for life, in every scope.
    fn ids_of(&mut self, draft: &mut Draft<'_>) -> Result<(), VaultError> {
        for id in draft.scope_ids() {
            let rows = draft.manifest(id)?.rows();
            self.ids.extend(rows.iter().map(|row| row.key_id));
            let open = draft.scope(id);
            if open.head.default_key().is_some() {
                self.defaults.insert(open.scope.clone());
            }
        }
        Ok(())
    }

    /// The names in a scope, of both kinds; read once.
    fn names_of(&mut self, draft: &mut Draft<'_>, scope: &Scope) -> Result<(), VaultError> {
        if self.names.contains_key(scope) {
            return Ok(());
        }
        let mut names = HashMap::new();
        for kind in KeyKind::ALL {
            if let Some(id) = draft.scope_id(scope, kind) {
                draft.pass(id, |found| {
                    let has_value = kind == KeyKind::Provider && found.key.revoked.is_none();
                    let holder = match has_value {
                        true => NameHolder::Provider(id, found.id),
                        false => NameHolder::Other,
                    };
                    names.insert(found.key.name, holder);
                })?;
            }
        }
        self.names.insert(scope.clone(), names);
        Ok(())
    }

    /// Takes a key's name, id and mark, or says which of them is taken.
    fn take(&mut self, new: &ImportedKey) -> Option<String> {
        let (name, scope) = (&new.name, &new.scope);
        let names = self.names.entry(scope.clone()).or_default();
        if names.insert(name.clone(), NameHolder::Other).is_some() {
            Some(format!("`{name}` in {scope}"))
        } else if !self.ids.insert(new.id) {
            Some(format!("the key id `{}`", new.id))
        } else if new.is_default && !self.defaults.insert(scope.clone()) {
            Some(format!("a second default key of {scope}, `{name}`"))
        } else {
            None
        }
    }

    /// Takes the name of a value, unless that very value has it.
    fn take_value(
        &mut self,
        draft: &mut Draft<'_>,
        new: &ImportedValue,
    ) -> Result<Fate, VaultError> {
        let names = self.names.entry(new.scope.clone()).or_default();
        let holder = match names.entry(new.name.clone()) {
            Entry::Occupied(holder) => holder,
            Entry::Vacant(free) => {
                free.insert(NameHolder::Other);
                return Ok(Fate::New);
            }
        };
        if let NameHolder::Provider(scope, id) = holder.get()
            && let Some((_, record)) = draft.record(*scope, *id)?
            && let Some(stored) = record.secrets()?.pop()
            && new.value.is(&stored)
        {
            return Ok(Fate::Unchanged);
        }
        Ok(Fate::Conflict(format!("`{}` in {}", new.name, new.scope)))
    }
}

impl Fate {
    fn conflict(&self) -> Option<String> {
        match self {
            Self::Conflict(what) => Some(what.clone()),
            Self::New | Self::Unchanged => None,
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
                rate,
            } => {
                let roles = BTreeSet::from_iter(roles).into_iter();
                let issued = IssuedDetails {
                    brand: brand.clone(),
                    permissions: permissions.clone(),
                    context: context.clone(),
                    roles: roles
                        .map(|name| draft.role(name))
                        .collect::<Result<_, _>>()?,
                    rate: *rate,
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

impl ImportedValue {
    fn key(&self, who: &Actor, now: Timestamp) -> Key {
        Key {
            name: self.name.clone(),
            created_at: now,
            created_by: who.clone(),
            revoked: None,
            tags: Vec::new(),
            note: None,
            generations: vec![generation(1, None, who, now)],
            details: Details::Provider(ProviderDetails {
                providers: self.providers.clone(),
                variable: self.variable.clone(),
                masked: self.value.masked(),
                ..ProviderDetails::default()
            }),
        }
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

impl Imported {
    /// Whether there is something in the vault that was not there before.
    pub fn has_changed(&self) -> bool {
        self.issued + self.provider + self.roles > 0
    }
}

/// What is new.
impl std::fmt::Display for Imported {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            issued,
            provider,
            roles,
            ..
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
