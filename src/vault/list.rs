//! Many keys at once.

use std::collections::HashMap;

use super::find::{Found, display};
use super::head::OpenScope;
use super::record::OpenRecord;
use super::state::KEYS;
use super::{Vault, VaultError, View};
use crate::key::{
    Environment, Key, KeyId, KeyKind, Permission, Project, Provider, RoleName, Scope, SearchText,
    Span, Status, Tag, Timestamp,
};
use crate::store::KeyTotal;

/// Which keys are wanted; every condition that is given has to hold.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Anywhere in name, id, masked token, tags, note, provider, model or variable, whatever the case.
    pub text: Option<SearchText>,
    pub kind: Option<KeyKind>,
    pub project: Option<Project>,
    pub environment: Option<Environment>,
    pub status: Option<Status>,
    pub permission: Option<Permission>,
    pub role: Option<RoleName>,
    pub provider: Option<Provider>,
    pub tag: Option<Tag>,
    /// Ends within this time, or has ended already.
    pub expiring: Option<Span>,
    /// Not used for this long, and older than that.
    pub unused: Option<Span>,
}

impl Vault {
    /// All keys of the open scopes that pass the filter, by project, environment and name.
    ///
    /// # Errors
    /// What reading can fail with.
    pub fn list(&mut self, filter: &Filter, now: Timestamp) -> Result<Vec<Found>, VaultError> {
        let mut keys = self.each(filter, now, |_, found, _| Ok(found))?;
        // By scope they are sorted already; both kinds of a scope go together.
        for same_scope in keys.chunk_by_mut(|a: &Found, b| a.scope == b.scope) {
            same_scope.sort_by_cached_key(|found| found.key.name.as_str().to_lowercase());
        }
        Ok(keys)
    }

    /// The projects and environments of the open scopes, sorted, each once. No record is opened.
    ///
    /// # Errors
    /// What reading can fail with.
    pub fn scopes(&mut self) -> Result<Vec<Scope>, VaultError> {
        let mut scopes: Vec<Scope> = self.read(|view| {
            let scopes = view.state.scopes.iter();
            Ok(scopes.map(|open| open.scope.clone()).collect())
        })?;
        scopes.sort();
        scopes.dedup();
        Ok(scopes)
    }

    /// What `visit` makes of every key that passes the filter, by project and environment.
    pub(super) fn each<T>(
        &mut self,
        filter: &Filter,
        now: Timestamp,
        visit: impl FnMut(&OpenScope, Found, &OpenRecord) -> Result<T, VaultError>,
    ) -> Result<Vec<T>, VaultError> {
        let totals = self.totals();
        self.read(|view| view.each(filter, now, &totals, visit))
    }
}

impl View<'_> {
    /// As [`Vault::each`], with the totals that were read before.
    pub(super) fn each<T>(
        &self,
        filter: &Filter,
        now: Timestamp,
        totals: &HashMap<KeyId, KeyTotal>,
        mut visit: impl FnMut(&OpenScope, Found, &OpenRecord) -> Result<T, VaultError>,
    ) -> Result<Vec<T>, VaultError> {
        let is_wanted = |open: &OpenScope| filter.takes_scope(open);
        self.state.require_open(|| filter.place(), is_wanted)?;
        let mut visited = Vec::new();
        let mut scopes: Vec<_> = self.state.scopes.iter().collect();
        scopes.sort_by(|a, b| a.scope.cmp(&b.scope));
        for open in scopes.into_iter().filter(|open| filter.takes_scope(open)) {
            // Untouched room costs nothing, and growing would move every key several times.
            visited.reserve(usize::try_from(open.head.meta.rows.min(KEYS)).unwrap_or(0));
            let record_key = self.state.record_key(open);
            self.state.pass(&self.snapshot, open, |row| {
                let record = record_key.open(row)?;
                let found = Found {
                    total: totals.get(&row.key_id).copied().unwrap_or_default(),
                    ..Found::new(open, row.key_id, row.revision, record.key()?)
                };
                if filter.takes(&found, now) {
                    visited.push(visit(open, found, &record)?);
                }
                Ok(())
            })?;
        }
        Ok(visited)
    }
}

impl Filter {
    /// The scopes it takes, for people.
    fn place(&self) -> String {
        let kind = self
            .kind
            .map_or("keys".to_owned(), |kind| format!("{kind} keys"));
        match (&self.project, &self.environment) {
            (None, None) => kind,
            (Some(project), None) => format!("{kind} of {project}"),
            (None, Some(environment)) => format!("{kind} of {environment}"),
            (Some(project), Some(environment)) => format!("{kind} of {project}/{environment}"),
        }
    }

    fn takes_scope(&self, open: &OpenScope) -> bool {
        let Scope {
            project,
            environment,
        } = &open.scope;
        self.project.as_ref().is_none_or(|wanted| wanted == project)
            && self
                .environment
                .as_ref()
                .is_none_or(|wanted| wanted == environment)
            && self.kind.is_none_or(|wanted| wanted == open.kind)
    }

    fn takes(&self, found: &Found, now: Timestamp) -> bool {
        let key = &found.key;
        self.status.is_none_or(|status| key.status(now) == status)
            && self.permission.as_ref().is_none_or(|wanted| {
                key.issued()
                    .is_some_and(|issued| issued.has_permission(wanted))
            })
            && self.provider.as_ref().is_none_or(|wanted| {
                key.provider()
                    .is_some_and(|provider| provider.providers.contains(wanted))
            })
            && self
                .role
                .as_ref()
                .is_none_or(|wanted| key.issued().is_some_and(|issued| issued.has_role(wanted)))
            && self
                .tag
                .as_ref()
                .is_none_or(|wanted| key.tags.contains(wanted))
            && self.expiring.is_none_or(|span| {
                key.revoked.is_none() && key.expires_at().is_some_and(|end| end <= now.after(span))
            })
            && self.unused.is_none_or(|span| {
                found
                    .total
                    .last_used
                    .unwrap_or(key.created_at)
                    .max(key.created_at)
                    <= now.before(span)
            })
            && self
                .text
                .as_ref()
                .is_none_or(|text| mentions(found, key, text))
    }
}

fn mentions(found: &Found, key: &Key, text: &SearchText) -> bool {
    let has = |field: &str| text.is_in(field);
    has(key.name.as_str())
        || has(&display(key, found.id, &found.scope))
        || has(found.id.as_str())
        || key.tags.iter().any(|tag| has(tag.as_str()))
        || key.note.as_ref().is_some_and(|note| has(note.as_str()))
        || key.provider().is_some_and(|provider| {
            provider.providers.iter().any(|name| has(name.as_str()))
                || provider.models.iter().any(|model| has(model.as_str()))
                || provider
                    .variable
                    .as_ref()
                    .is_some_and(|variable| has(variable.as_str()))
        })
}
