//! Provider keys by what they are for.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::fmt;

use super::find::{Found, nearest};
use super::head::OpenScope;
use super::{Vault, VaultError, View};
use crate::key::{Key, KeyKind, KeyName, Model, Provider, ProviderDetails, Scope, VariableName};

/// What a provider key is wanted for. At least one of both is given.
#[derive(Clone, Debug)]
pub struct Purpose {
    pub provider: Option<Provider>,
    pub model: Option<Model>,
}

/// How well a key serves a purpose, from bad to good.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Fit {
    /// It is the provider's, and names no models.
    AnyModel,
    /// It names all that is asked for.
    Named,
}

impl Purpose {
    fn fit(&self, key: &ProviderDetails) -> Option<Fit> {
        let is_of = |provider| key.providers.contains(provider);
        if !self.provider.as_ref().is_none_or(is_of) {
            return None;
        }
        match &self.model {
            None => Some(Fit::Named),
            Some(model) if key.models.contains(model) => Some(Fit::Named),
            Some(_) => (self.provider.is_some() && key.models.is_empty()).then_some(Fit::AnyModel),
        }
    }
}

impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.provider, &self.model) {
            (Some(provider), None) => write!(f, "of provider `{provider}`"),
            (None, Some(model)) => write!(f, "for model `{model}`"),
            (Some(provider), Some(model)) => {
                write!(f, "of provider `{provider}` for model `{model}`")
            }
            (None, None) => f.write_str("of any provider"),
        }
    }
}

impl Vault {
    /// Finds the provider key of a scope that serves a purpose. Names are compared exactly. A key that names no models
    /// serves each of its providers' models for which no other key is named. A revoked key is found only where there is
    /// no other.
    ///
    /// # Errors
    /// [`VaultError::ManyKeys`] names all that serve it alike; [`VaultError::NoKeyFor`] says where else there is one, or
    /// what is nearest.
    pub fn find_for(&mut self, purpose: &Purpose, scope: &Scope) -> Result<Found, VaultError> {
        let found = self.read(|view| {
            view.state.require_scope(scope, Some(KeyKind::Provider))?;
            let mut best = view.serving(purpose, scope)?;
            best.sort_by(|a, b| a.key.name.cmp(&b.key.name));
            // Each of the revoked ones is refused alike.
            let is_plain = best.len() == 1 || best.iter().any(|found| found.key.revoked.is_some());
            match best.first() {
                None => Err(view.unserved(purpose, scope)?),
                Some(first) if is_plain => Ok(first.clone()),
                Some(_) => Err(VaultError::ManyKeys {
                    purpose: purpose.to_string(),
                    scope: scope.clone(),
                    keys: best
                        .iter()
                        .map(|found| format!("`{}`", found.key.name))
                        .collect(),
                }),
            }
        })?;
        self.with_total(found)
    }

    /// The provider key of a scope that programs expect in this variable, revoked or not; the first by name.
    ///
    /// # Errors
    /// What reading can fail with.
    pub fn holder_of(
        &mut self,
        variable: &VariableName,
        scope: &Scope,
    ) -> Result<Option<KeyName>, VaultError> {
        self.read(|view| {
            let mut names = BTreeSet::new();
            if let Some(open) = view.state.scope(scope, KeyKind::Provider) {
                view.each_provider_key(open, |found, details| {
                    if details.variable.as_ref() == Some(variable) {
                        names.insert(found.key.name.clone());
                    }
                })?;
            }
            Ok(names.pop_first())
        })
    }
}

impl View<'_> {
    /// The keys that serve a purpose best, and alike.
    fn serving(&self, purpose: &Purpose, scope: &Scope) -> Result<Vec<Found>, VaultError> {
        let Some(open) = self.state.scope(scope, KeyKind::Provider) else {
            return Ok(Vec::new());
        };
        let mut serving = Vec::new();
        self.each_provider_key(open, |found, details| {
            if let Some(fit) = purpose.fit(details) {
                serving.push((rank(&found.key, fit), found.clone()));
            }
        })?;
        let best = serving.iter().map(|(rank, _)| *rank).max();
        serving.retain(|(rank, _)| Some(*rank) == best);
        Ok(serving.into_iter().map(|(_, found)| found).collect())
    }

    /// The error that helps: where else such a key is, or what there is in its place.
    fn unserved(&self, purpose: &Purpose, scope: &Scope) -> Result<VaultError, VaultError> {
        let (mut elsewhere, mut providers, mut models) =
            (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        let of_provider_keys = |open: &&OpenScope| open.kind == KeyKind::Provider;
        for open in self.state.scopes.iter().filter(of_provider_keys) {
            self.each_provider_key(open, |found, details| {
                if found.scope != *scope {
                    elsewhere.extend(purpose.fit(details).map(|_| found.scope.to_string()));
                    return;
                }
                providers.extend(details.providers.iter().map(ToString::to_string));
                let is_of = |provider| details.providers.contains(provider);
                if purpose.provider.as_ref().is_none_or(is_of) {
                    models.extend(details.models.iter().map(ToString::to_string));
                }
            })?;
        }
        // Where the provider has keys, it is the model that they lack.
        let provider = purpose.provider.as_ref().map(Provider::as_str);
        let missing = provider.filter(|provider| !providers.contains(*provider));
        let (wanted, there) = match (missing, &purpose.model) {
            (None, Some(model)) => (model.as_str(), models),
            (missing, _) => (missing.unwrap_or_default(), providers),
        };
        let there = Vec::from_iter(there);
        Ok(VaultError::NoKeyFor {
            purpose: purpose.to_string(),
            place: scope.to_string(),
            elsewhere: elsewhere.into_iter().collect(),
            nearest: nearest(wanted, &there),
            there: there.iter().map(|name| format!("`{name}`")).collect(),
        })
    }

    /// Shows every provider key of a scope; what was seen may be believed once this has returned.
    fn each_provider_key(
        &self,
        open: &OpenScope,
        mut visit: impl FnMut(&Found, &ProviderDetails),
    ) -> Result<(), VaultError> {
        let record_key = self.state.record_key(open);
        self.state.pass(&self.snapshot, open, |row| {
            let found = Found::new(open, row.key_id, row.revision, record_key.open(row)?.key()?);
            if let Some(details) = found.key.provider() {
                visit(&found, details);
            }
            Ok(())
        })?;
        Ok(())
    }
}

/// What is not revoked comes first.
fn rank(key: &Key, fit: Fit) -> (Reverse<bool>, Fit) {
    (Reverse(key.revoked.is_some()), fit)
}
