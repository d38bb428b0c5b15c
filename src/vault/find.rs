//! One key by name, by id, or as its scope's default.

use super::head::{ManifestRow, OpenScope};
use super::{Vault, VaultError, View};
use crate::key::{IssuedDetails, Key, KeyId, KeyKind, KeyName, KeyRef, Scope, ScopeId};
use crate::store::KeyTotal;

/// A key that was found, as it was then: a later change of it is refused if its revision is another by then.
#[derive(Clone, Debug)]
pub struct Found {
    pub scope: Scope,
    pub id: KeyId,
    pub key: Key,
    pub is_default: bool,
    pub total: KeyTotal,
    pub(super) scope_id: ScopeId,
    pub(super) revision: u64,
}

impl Found {
    /// Of a record that was opened; its uses are not known here.
    pub(super) fn new(open: &OpenScope, id: KeyId, revision: u64, key: Key) -> Self {
        Self {
            scope: open.scope.clone(),
            id,
            key,
            is_default: open.head.default_key() == Some(id),
            total: KeyTotal::default(),
            scope_id: open.row.id,
            revision,
        }
    }

    /// `name` in project/environment, for people.
    pub fn place(&self) -> String {
        format!("`{}` in {}", self.key.name, self.scope)
    }

    /// The same key as it is after a change, to be shown.
    pub fn with(&self, key: Key) -> Self {
        Self {
            key,
            ..self.clone()
        }
    }

    /// Which kind of key it is.
    pub fn kind(&self) -> KeyKind {
        self.key.kind()
    }

    /// What tables show instead of a secret: `brand_prod1_uQCT8H872CoB_••••`, or a value's ends.
    pub fn display(&self) -> String {
        display(&self.key, self.id, &self.scope)
    }
}

/// What tables show instead of a secret.
pub(super) fn display(key: &Key, id: KeyId, scope: &Scope) -> String {
    match &key.details {
        crate::key::Details::Issued(issued) => masked(issued, id, scope),
        crate::key::Details::Provider(provider) => provider.masked.clone(),
    }
}

/// The same of an issued key.
pub(super) fn masked(issued: &IssuedDetails, id: KeyId, scope: &Scope) -> String {
    let environment = scope.environment.short();
    format!("{}_{environment}1_{id}_••••", issued.brand)
}

/// Whom a command means.
#[derive(Clone, Copy, Debug)]
pub enum Wanted<'a> {
    /// The default issued key of the scope.
    Default,
    Named(&'a KeyRef),
}

impl Vault {
    /// Finds a key: a name in `scope`, an id in `scope` or, unless `strict`, in every open one.
    ///
    /// # Errors
    /// [`VaultError::UnknownKey`] says in which other scopes the name exists, or what the nearest name is.
    pub fn find(
        &mut self,
        wanted: Wanted<'_>,
        scope: &Scope,
        strict: bool,
    ) -> Result<Found, VaultError> {
        let found = self.read(|view| match wanted {
            Wanted::Default => {
                view.state.require_scope(scope, Some(KeyKind::Issued))?;
                let default = view.default_key(scope)?;
                default.ok_or_else(|| VaultError::NoDefault(scope.clone()))
            }
            Wanted::Named(reference) => match view.named(reference, scope, strict)? {
                Some(found) => Ok(found),
                None => Err(view.unknown(reference, scope)?),
            },
        })?;
        self.with_total(found)
    }

    /// Finds a key by its exact name in a scope, if it is there.
    ///
    /// # Errors
    /// What reading can fail with.
    pub fn find_name(
        &mut self,
        name: &KeyName,
        scope: &Scope,
    ) -> Result<Option<Found>, VaultError> {
        let found = self.read(|view| view.by_name(name, scope))?;
        found.map(|found| self.with_total(found)).transpose()
    }

    pub(super) fn with_total(&mut self, found: Found) -> Result<Found, VaultError> {
        let total = self.total(found.id);
        Ok(Found { total, ..found })
    }
}

impl View<'_> {
    pub(super) fn named(
        &self,
        reference: &KeyRef,
        scope: &Scope,
        strict: bool,
    ) -> Result<Option<Found>, VaultError> {
        if let Some(name) = &reference.name
            && let Some(found) = self.by_name(name, scope)?
        {
            return Ok(Some(found));
        }
        let Some(id) = reference.id else {
            return Ok(None);
        };
        let searched = self
            .state
            .scopes
            .iter()
            .filter(|open| !strict || open.scope == *scope);
        self.first(searched, |open| {
            Ok(self
                .state
                .pass(&self.snapshot, open, |_| Ok(()))?
                .by_id(id)
                .cloned())
        })
    }

    fn by_name(&self, name: &KeyName, scope: &Scope) -> Result<Option<Found>, VaultError> {
        let searched = self.state.scopes.iter().filter(|open| open.scope == *scope);
        self.first(searched, |open| {
            let tag = open.name_tag(name.as_str(), self.state.vault);
            Ok(self
                .state
                .pass(&self.snapshot, open, |_| Ok(()))?
                .by_tag(&tag)
                .cloned())
        })
    }

    pub(super) fn default_key(&self, scope: &Scope) -> Result<Option<Found>, VaultError> {
        let open = self.state.scope(scope, KeyKind::Issued);
        self.first(open.into_iter(), |open| {
            let Some(id) = open.head.default_key() else {
                return Ok(None);
            };
            Ok(self
                .state
                .pass(&self.snapshot, open, |_| Ok(()))?
                .by_id(id)
                .cloned())
        })
    }

    /// The first scope that has the row, opened.
    fn first<'s>(
        &'s self,
        mut scopes: impl Iterator<Item = &'s OpenScope>,
        find: impl Fn(&OpenScope) -> Result<Option<ManifestRow>, VaultError>,
    ) -> Result<Option<Found>, VaultError> {
        scopes
            .find_map(|open| find(open).transpose().map(|row| self.found(open, &row?)))
            .transpose()
    }

    fn found(&self, open: &OpenScope, row: &ManifestRow) -> Result<Found, VaultError> {
        let record_key = self.state.record_key(open);
        let key = self
            .state
            .record(&self.snapshot, open.row.id, &record_key, row)?
            .key()?;
        Ok(Found::new(open, row.key_id, row.revision, key))
    }

    /// The error that helps: where else the name is, or what it may have been meant to be.
    pub(super) fn unknown(
        &self,
        reference: &KeyRef,
        scope: &Scope,
    ) -> Result<VaultError, VaultError> {
        self.state.require_scope(scope, None)?;
        let wanted = reference.to_string();
        let (mut elsewhere, mut names) = (Vec::new(), Vec::new());
        for open in &self.state.scopes {
            let record_key = self.state.record_key(open);
            self.state.pass(&self.snapshot, open, |row| {
                let key = record_key.open(row)?.key()?;
                if key.name.as_str() == wanted && open.scope != *scope {
                    elsewhere.push(open.scope.to_string());
                } else if open.scope == *scope {
                    names.push(key.name.to_string());
                }
                Ok(())
            })?;
        }
        elsewhere.sort();
        elsewhere.dedup();
        let nearest = nearest(&wanted, &names);
        Ok(VaultError::UnknownKey {
            key: wanted,
            place: self.state.place(scope),
            elsewhere,
            nearest,
        })
    }
}

/// The name with the fewest letters to change, if that is no more than a third of them.
pub(super) fn nearest(wanted: &str, names: &[String]) -> Option<String> {
    let wanted = wanted.to_lowercase();
    let (distance, name) = names
        .iter()
        .map(|name| {
            (
                strsim::damerau_levenshtein(&wanted, &name.to_lowercase()),
                name,
            )
        })
        .min()?;
    (distance <= wanted.chars().count().div_ceil(3)).then(|| name.clone())
}
