//! Changing what is known of a key, and not its token or value.

use std::collections::BTreeSet;

use super::find::Found;
use super::log::Verb;
use super::rotate::{revoked, unchanged};
use super::{Vault, VaultError};
use crate::key::{
    Actor, Brand, Context, ContextKey, ContextPair, Details, IssuedDetails, Key, KeyKind, KeyName,
    Model, Note, Permission, PermissionSet, Provider, ProviderDetails, Rate, Role, RoleName, Tag,
    Timestamp, VariableName, tag_list,
};

/// How a list changes: it is replaced, then added to, then taken from. `K` names an element that is taken.
#[derive(Clone, Debug)]
pub struct ListEdit<T, K = T> {
    pub replace: Option<Vec<T>>,
    pub add: Vec<T>,
    pub remove: Vec<K>,
}

/// What changes of a key. What is `None`, or a list that says nothing, stays; `Some(None)` takes away what there is.
#[derive(Clone, Debug, Default)]
pub struct KeyEdit {
    pub name: Option<KeyName>,
    pub tags: ListEdit<Tag>,
    pub note: Option<Option<Note>>,
    /// Of the present token or value.
    pub expires_at: Option<Option<Timestamp>>,
    // An issued key's.
    pub brand: Option<Brand>,
    pub context: ListEdit<ContextPair, ContextKey>,
    pub make_default: Option<bool>,
    pub permissions: ListEdit<Permission>,
    pub rate: Option<Option<Rate>>,
    pub roles: ListEdit<RoleName>,
    // A provider key's.
    pub models: ListEdit<Model>,
    pub providers: ListEdit<Provider>,
    pub variable: Option<Option<VariableName>>,
}

/// A key before and after it was edited.
#[derive(Clone, Debug)]
pub struct Edited {
    pub before: Found,
    pub after: Found,
}

/// One field of an edited key, as text; `None` for nothing.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FieldChange {
    pub field: &'static str,
    pub before: Option<String>,
    pub after: Option<String>,
}

impl Vault {
    /// Changes what is known of a key; in force for the next verification. With `dry_run` everything is checked and
    /// nothing is changed.
    ///
    /// # Errors
    /// [`VaultError::Changed`] when the key is not as it was found, [`VaultError::Exists`] when the new name is taken,
    /// [`VaultError::Misused`] for what this kind of key does not have and for taking away what it does not have,
    /// [`VaultError::UnknownRole`], and [`VaultError::Parse`] above the limits of a key.
    pub fn edit(
        &mut self,
        found: &Found,
        edit: &KeyEdit,
        dry_run: bool,
        who: &Actor,
        now: Timestamp,
    ) -> Result<Edited, VaultError> {
        self.write(who, now, |draft| {
            let record = unchanged(draft, found)?;
            let key = edit.applied(&record.key()?, |name| draft.role(name))?;
            let is_default = edit.make_default.unwrap_or(found.is_default);
            if is_default && !found.is_default && key.revoked.is_some() {
                return Err(revoked(&key));
            }
            let mut edited = Edited {
                before: found.clone(),
                after: Found {
                    is_default,
                    ..found.with(key)
                },
            };
            let changes = edited.changes();
            if changes.is_empty() {
                return Ok((edited, None));
            }
            let key = &edited.after.key;
            if key.name != found.key.name {
                for kind in KeyKind::ALL {
                    draft.refuse_taken(&key.name, &found.scope, kind)?;
                }
            }
            if is_default != found.is_default {
                draft.set_default(found.scope_id, is_default.then_some(found.id));
            }
            edited.after.revision = draft.put(found.scope_id, found.id, key, &record.secrets()?)?;
            let fields: Vec<&str> = changes.iter().map(|change| change.field).collect();
            let event = edited
                .after
                .event(Verb::Edit, None)
                .with_detail(fields.join(", "));
            Ok((edited, (!dry_run).then_some(event)))
        })
    }
}

impl KeyEdit {
    /// Whether it says nothing.
    pub fn is_empty(&self) -> bool {
        let Self {
            name,
            tags,
            note,
            expires_at,
            brand,
            context,
            make_default,
            permissions,
            rate,
            roles,
            models,
            providers,
            variable,
        } = self;
        name.is_none()
            && tags.is_empty()
            && note.is_none()
            && expires_at.is_none()
            && brand.is_none()
            && context.is_empty()
            && make_default.is_none()
            && permissions.is_empty()
            && rate.is_none()
            && roles.is_empty()
            && models.is_empty()
            && providers.is_empty()
            && variable.is_none()
    }

    /// The key as it will be. `role` finds a role by its name.
    pub(super) fn applied(
        &self,
        key: &Key,
        role: impl FnMut(&RoleName) -> Result<Role, VaultError>,
    ) -> Result<Key, VaultError> {
        let mut edited = key.clone();
        self.refuse_other_kind(key)?;
        if let Some(name) = &self.name {
            edited.name = name.clone();
        }
        let missing = |what: &str, text: &str| missing(key, what, text);
        edited.tags = tag_list(
            self.tags
                .applied(&key.tags, |tag| missing("tag", tag.as_str()))?,
        )?;
        if let Some(note) = &self.note {
            edited.note.clone_from(note);
        }
        if let (Some(expires_at), Some(present)) = (self.expires_at, edited.present_mut()) {
            present.expires_at = expires_at;
        }
        match &mut edited.details {
            Details::Issued(issued) => self.apply_issued(key, issued, role)?,
            Details::Provider(provider) => self.apply_provider(key, provider)?,
        }
        Ok(edited)
    }

    fn apply_issued(
        &self,
        key: &Key,
        issued: &mut IssuedDetails,
        mut role: impl FnMut(&RoleName) -> Result<Role, VaultError>,
    ) -> Result<(), VaultError> {
        if let Some(brand) = &self.brand {
            issued.brand = brand.clone();
        }
        if let Some(rate) = self.rate {
            issued.rate = rate;
        }
        let own: Vec<Permission> = issued.permissions.iter().cloned().collect();
        let own = self.permissions.applied(&own, |wanted| {
            missing(key, "permission of its own", wanted.as_str())
        })?;
        issued.permissions = PermissionSet::try_from(BTreeSet::from_iter(own))?;
        issued.context = self.edited_context(key, &issued.context)?;
        let names: Vec<RoleName> = issued.roles.iter().map(|role| role.name.clone()).collect();
        let names = self
            .roles
            .applied(&names, |name| missing(key, "role", name.as_str()))?;
        issued.roles = BTreeSet::from_iter(names)
            .iter()
            .map(&mut role)
            .collect::<Result<_, _>>()?;
        Ok(issued.check()?)
    }

    fn edited_context(&self, key: &Key, own: &Context) -> Result<Context, VaultError> {
        let replaced = self.context.replace.as_deref().map(Context::from_pairs);
        let base = replaced.unwrap_or_else(|| Ok(own.clone()))?;
        for removed in &self.context.remove {
            if base.get(removed.as_str()).is_none() {
                return Err(missing(key, "context key of its own", removed.as_str()));
            }
        }
        Ok(base.edited(&self.context.add, &self.context.remove)?)
    }

    fn apply_provider(&self, key: &Key, provider: &mut ProviderDetails) -> Result<(), VaultError> {
        let providers = &provider.providers;
        provider.providers = self
            .providers
            .applied(providers, |name| missing(key, "provider", name.as_str()))?;
        let models = &provider.models;
        provider.models = self
            .models
            .applied(models, |model| missing(key, "model", model.as_str()))?;
        if let Some(variable) = &self.variable {
            provider.variable.clone_from(variable);
        }
        Ok(provider.check()?)
    }

    fn refuse_other_kind(&self, key: &Key) -> Result<(), VaultError> {
        let of_issued = self.brand.is_some()
            || self.make_default.is_some()
            || self.rate.is_some()
            || !(self.context.is_empty() && self.permissions.is_empty() && self.roles.is_empty());
        let of_provider =
            self.variable.is_some() || !(self.models.is_empty() && self.providers.is_empty());
        match key.kind() {
            KeyKind::Issued if of_provider => Err(VaultError::Misused(format!(
                "`{}` is an issued key: it has no variable, provider or model",
                key.name
            ))),
            KeyKind::Provider if of_issued => Err(VaultError::Misused(format!(
                "`{}` is a provider key: it has no permissions, roles, context, rate or brand, and is nobody's default",
                key.name
            ))),
            _ => Ok(()),
        }
    }
}

fn missing(key: &Key, what: &str, text: &str) -> VaultError {
    VaultError::Misused(format!("`{}` has no {what} `{text}`", key.name))
}

impl<T, K> Default for ListEdit<T, K> {
    fn default() -> Self {
        Self {
            replace: None,
            add: Vec::new(),
            remove: Vec::new(),
        }
    }
}

impl<T, K> ListEdit<T, K> {
    /// Replaces the list.
    pub fn replaced_by(list: Vec<T>) -> Self {
        Self {
            replace: Some(list),
            ..Self::default()
        }
    }

    /// Whether it leaves the list as it is.
    pub fn is_empty(&self) -> bool {
        self.replace.is_none() && self.add.is_empty() && self.remove.is_empty()
    }
}

impl<T: Clone + PartialEq> ListEdit<T> {
    /// The list as it will be, none twice. `missing` makes the error of taking what is not there.
    fn applied(
        &self,
        list: &[T],
        missing: impl Fn(&T) -> VaultError,
    ) -> Result<Vec<T>, VaultError> {
        let mut edited: Vec<T> = Vec::new();
        for item in self
            .replace
            .as_deref()
            .unwrap_or(list)
            .iter()
            .chain(&self.add)
        {
            if !edited.contains(item) {
                edited.push(item.clone());
            }
        }
        if let Some(absent) = self.remove.iter().find(|item| !edited.contains(item)) {
            return Err(missing(absent));
        }
        edited.retain(|item| !self.remove.contains(item));
        Ok(edited)
    }
}

impl Edited {
    /// The fields that are different, in the order of the options that change them.
    pub fn changes(&self) -> Vec<FieldChange> {
        fields(&self.before)
            .into_iter()
            .zip(fields(&self.after))
            .filter(|(before, after)| before != after)
            .map(|((field, before), (_, after))| FieldChange {
                field,
                before,
                after,
            })
            .collect()
    }
}

/// What can be edited of a key, as text.
fn fields(found: &Found) -> Vec<(&'static str, Option<String>)> {
    let Found {
        key, is_default, ..
    } = found;
    let (issued, provider) = (key.issued(), key.provider());
    let text = |text: String| (!text.is_empty()).then_some(text);
    let expires = key.expires_at();
    vec![
        ("name", Some(key.name.to_string())),
        (
            "permissions",
            issued.and_then(|issued| text(issued.permissions.to_string())),
        ),
        (
            "roles",
            issued.and_then(|issued| joined(issued.roles.iter().map(|role| role.name.as_str()))),
        ),
        (
            "context",
            issued.and_then(|issued| text(issued.context.to_string())),
        ),
        (
            "rate",
            issued.and_then(|issued| issued.rate.map(|rate| rate.to_string())),
        ),
        ("brand", issued.map(|issued| issued.brand.to_string())),
        (
            "providers",
            provider.and_then(|half| joined(half.providers.iter().map(|name| name.as_str()))),
        ),
        (
            "models",
            provider.and_then(|half| joined(half.models.iter().map(|model| model.as_str()))),
        ),
        (
            "variable",
            provider
                .and_then(|half| half.variable.as_ref())
                .map(ToString::to_string),
        ),
        (
            "expires",
            Some(expires.map_or("never".to_owned(), |end| end.to_string())),
        ),
        ("tags", joined(key.tags.iter().map(|tag| tag.as_str()))),
        ("note", key.note.as_ref().map(ToString::to_string)),
        ("default", is_default.then(|| format!("of {}", found.scope))),
    ]
}

fn joined<'a>(texts: impl Iterator<Item = &'a str>) -> Option<String> {
    let texts: Vec<&str> = texts.collect();
    (!texts.is_empty()).then(|| texts.join(", "))
}
