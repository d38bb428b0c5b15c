//! Values for programs: which key goes into which environment variable, and the values themselves.

use std::collections::BTreeMap;

use super::activity::ActivityKey;
use super::find::Found;
use super::head::OpenScope;
use super::recorder::Used;
use super::{Vault, VaultError, View};
use crate::crypto::SecretValue;
use crate::key::{
    Actor, Assignment, KeyKind, KeyPattern, KeyRef, Scope, Status, Tag, Timestamp, VariableName,
};

/// Which keys of a scope go into which variables. No other scope is looked into, not even for a key id.
#[derive(Clone, Debug)]
pub struct Selection {
    pub scope: Scope,
    /// Without it, every provider key that has a variable.
    pub listed: Option<Vec<Assignment>>,
    /// Where there are any, only what one of them takes; each has to take something.
    pub only: Vec<KeyPattern>,
    pub except: Vec<KeyPattern>,
    /// Where there are any, only keys with one of them.
    pub tags: Vec<Tag>,
    /// These too, whatever was said before; each in the place of another key for its variable.
    pub added: Vec<Assignment>,
    /// Variables that are left as they are.
    pub kept: Vec<VariableName>,
    /// Dangerous names that may be set all the same.
    pub allowed: Vec<VariableName>,
    /// Goes on without the keys that are not ready.
    pub allow_missing: bool,
}

/// A variable, its key, and whether the key is there.
#[derive(Clone, Debug)]
pub struct Assigned {
    pub variable: VariableName,
    pub key: KeyRef,
    pub required: bool,
    pub found: Option<Found>,
}

/// Whether a key's value can be handed out.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Readiness {
    Expired,
    /// It has no value: its token was shown once.
    Issued,
    Missing,
    Ready,
    Revoked,
}

impl Assigned {
    /// How it stands at `now`.
    pub fn readiness(&self, now: Timestamp) -> Readiness {
        let Some(found) = &self.found else {
            return Readiness::Missing;
        };
        match (found.kind(), found.key.status(now)) {
            (KeyKind::Issued, _) => Readiness::Issued,
            (KeyKind::Provider, Status::Revoked) => Readiness::Revoked,
            (KeyKind::Provider, Status::Expired) => Readiness::Expired,
            (KeyKind::Provider, _) => Readiness::Ready,
        }
    }

    /// Its name here: the key's own where it was found.
    pub fn name(&self) -> String {
        let found = self.found.as_ref();
        found.map_or_else(|| self.key.to_string(), |found| found.key.name.to_string())
    }

    /// What is wrong with it, for people; `None` when it is ready.
    pub fn trouble(&self, now: Timestamp) -> Option<String> {
        let name = self.name();
        match self.readiness(now) {
            Readiness::Expired => Some(format!("`{name}` has expired")),
            Readiness::Issued => Some(format!("`{name}` is an issued key")),
            Readiness::Missing => Some(format!("`{name}` is missing")),
            Readiness::Ready => None,
            Readiness::Revoked => Some(format!("`{name}` is revoked")),
        }
    }
}

/// A value and the variable that it goes into.
#[derive(Debug)]
pub struct HandedOut {
    pub variable: VariableName,
    pub found: Found,
    pub value: SecretValue,
}

/// What would be handed out.
#[derive(Debug)]
pub struct Preview {
    /// By variable.
    pub ready: Vec<Assigned>,
    /// What would be left out.
    pub left_out: Vec<Assigned>,
    /// Names that were to be left out and are none of a key here: mistyped, perhaps.
    pub idle: Vec<String>,
}

/// What a program gets.
#[derive(Debug)]
pub struct HandOut {
    /// By variable.
    pub values: Vec<HandedOut>,
    /// What it has to do without.
    pub left_out: Vec<Assigned>,
    /// As in [`Preview`].
    pub idle: Vec<String>,
}

impl Vault {
    /// What [`Vault::hand_out`] would give and refuse, without the values; nothing is recorded.
    ///
    /// # Errors
    /// [`VaultError::Rivals`] when two keys want the same variable, [`VaultError::NotSelected`] for a pattern that takes
    /// nothing, [`VaultError::DangerousNames`]; [`VaultError::NotReady`] names the required keys that are missing, revoked
    /// or expired, unless the selection goes on without them.
    pub fn preview(
        &mut self,
        selection: &Selection,
        now: Timestamp,
    ) -> Result<Preview, VaultError> {
        self.read(|view| view.preview(selection, now))
    }

    /// The values of a selection, each of which is recorded as a use by `verb` (`env` or `run`), all of them in one
    /// transaction, with the name of the `program` that gets them.
    ///
    /// # Errors
    /// As [`Vault::preview`]; [`VaultError::NotRecorded`] when uses have to be recorded and cannot be.
    pub fn hand_out(
        &mut self,
        selection: &Selection,
        verb: &'static str,
        program: Option<&str>,
        who: &Actor,
        now: Timestamp,
    ) -> Result<HandOut, VaultError> {
        let (hand_out, activity) = self.read(|view| {
            let Preview {
                ready,
                left_out,
                idle,
            } = view.preview(selection, now)?;
            let values = view.values_of(ready, &selection.scope)?;
            let open = view.state.scope(&selection.scope, KeyKind::Provider);
            let hand_out = HandOut {
                values,
                left_out,
                idle,
            };
            Ok((hand_out, open.map(ActivityKey::of)))
        })?;
        if let Some(activity) = &activity {
            let uses: Vec<Used<'_>> = hand_out
                .values
                .iter()
                .map(|handed| handed.used(activity, verb, program))
                .collect();
            self.record_all(&uses, who, now)?;
        }
        Ok(hand_out)
    }
}

impl HandedOut {
    fn used<'a>(
        &self,
        activity: &'a ActivityKey,
        verb: &'static str,
        program: Option<&'a str>,
    ) -> Used<'a> {
        let current = self.found.key.current();
        Used {
            key: Some((self.found.id, activity)),
            verb,
            code: verb,
            generation: current.map_or(0, |generation| generation.number),
            allowed: true,
            program,
            request: None,
            times: 1,
        }
    }
}

/// What is not ready stops everything, unless it is not required.
fn refuse_unready(
    left_out: &[Assigned],
    selection: &Selection,
    now: Timestamp,
) -> Result<(), VaultError> {
    let stopping = || {
        left_out
            .iter()
            .filter(|assigned| assigned.required && !selection.allow_missing)
    };
    let troubles: Vec<String> = stopping()
        .filter_map(|assigned| assigned.trouble(now))
        .collect();
    if troubles.is_empty() {
        return Ok(());
    }
    Err(VaultError::NotReady {
        kinds: stopping().map(|assigned| assigned.readiness(now)).collect(),
        scope: selection.scope.clone(),
        troubles,
    })
}

impl View<'_> {
    fn preview(&self, selection: &Selection, now: Timestamp) -> Result<Preview, VaultError> {
        let (assigned, idle) = self.assigned(selection, now)?;
        let (ready, left_out): (Vec<_>, Vec<_>) = assigned
            .into_iter()
            .partition(|assigned| assigned.readiness(now) == Readiness::Ready);
        refuse_unready(&left_out, selection, now)?;
        Ok(Preview {
            ready,
            left_out,
            idle,
        })
    }

    /// What is chosen, and the names in `except` that are none of a key.
    fn assigned(
        &self,
        selection: &Selection,
        now: Timestamp,
    ) -> Result<(Vec<Assigned>, Vec<String>), VaultError> {
        self.state
            .require_scope(&selection.scope, Some(KeyKind::Provider))?;
        let base = match &selection.listed {
            Some(listed) => self.named_by(listed, &selection.scope)?,
            None => self.with_variables(&selection.scope)?,
        };
        let excepted = selection.except.iter().filter(|name| !name.has_wildcards());
        let idle = idle(excepted, &base);
        let mut chosen = selection.narrowed(base)?;
        let added = self.named_by(&selection.added, &selection.scope)?;
        chosen.retain(|assigned| {
            added
                .iter()
                .all(|added| added.variable != assigned.variable)
        });
        chosen.extend(added);
        chosen.retain(|assigned| !selection.kept.contains(&assigned.variable));
        let chosen = one_a_variable(chosen, now)?;
        selection.refuse_dangerous(&chosen)?;
        Ok((chosen, idle))
    }

    /// Every provider key of a scope that has a variable.
    fn with_variables(&self, scope: &Scope) -> Result<Vec<Assigned>, VaultError> {
        let Some(open) = self.state.scope(scope, KeyKind::Provider) else {
            return Ok(Vec::new());
        };
        let record_key = self.state.record_key(open);
        let mut with_variables = Vec::new();
        self.state.pass(&self.snapshot, open, |row| {
            let key = record_key.open(row)?.key()?;
            let variable = key
                .provider()
                .and_then(|provider| provider.variable.clone());
            if let Some(variable) = variable {
                let found = Found::new(open, row.key_id, row.revision, key);
                with_variables.push(Assigned {
                    variable,
                    key: KeyRef::from(found.key.name.clone()),
                    required: true,
                    found: Some(found),
                });
            }
            Ok(())
        })?;
        Ok(with_variables)
    }

    /// The keys that assignments name, of either kind, each scope verified once.
    pub(super) fn named_by(
        &self,
        assignments: &[Assignment],
        scope: &Scope,
    ) -> Result<Vec<Assigned>, VaultError> {
        let mut assigned: Vec<Assigned> = assignments.iter().map(Assigned::unfound).collect();
        if assigned.is_empty() {
            return Ok(assigned);
        }
        for kind in KeyKind::ALL {
            if let Some(open) = self.state.scope(scope, kind) {
                self.find_in(open, &mut assigned)?;
            }
        }
        Ok(assigned)
    }

    fn find_in(&self, open: &OpenScope, assigned: &mut [Assigned]) -> Result<(), VaultError> {
        let manifest = self.state.pass(&self.snapshot, open, |_| Ok(()))?;
        let record_key = self.state.record_key(open);
        for assigned in assigned {
            let by_name =
                assigned.key.name.as_ref().and_then(|name| {
                    manifest.by_tag(&open.name_tag(name.as_str(), self.state.vault))
                });
            let by_id = || {
                let known = assigned.found.is_some();
                let id = assigned.key.id.filter(|_| !known)?;
                manifest.by_id(id)
            };
            if let Some(row) = by_name.or_else(by_id) {
                let record = self
                    .state
                    .record(&self.snapshot, open.row.id, &record_key, row)?;
                assigned.found = Some(Found::new(open, row.key_id, row.revision, record.key()?));
            }
        }
        Ok(())
    }

    fn values_of(&self, ready: Vec<Assigned>, scope: &Scope) -> Result<Vec<HandedOut>, VaultError> {
        let Some(open) = self.state.scope(scope, KeyKind::Provider) else {
            return Ok(Vec::new());
        };
        // One pass again, for nothing that a lookup finds may be believed without it.
        let manifest = self.state.pass(&self.snapshot, open, |_| Ok(()))?;
        let record_key = self.state.record_key(open);
        let value_of = |assigned: Assigned| -> Result<HandedOut, VaultError> {
            let gone = || VaultError::Changed(assigned.name());
            let found = assigned.found.clone().ok_or_else(gone)?;
            let row = manifest.by_id(found.id).ok_or_else(gone)?;
            let record = self
                .state
                .record(&self.snapshot, found.scope_id, &record_key, row)?;
            let value = record
                .secrets()?
                .pop()
                .and_then(|value| SecretValue::new(value).ok());
            let value = value
                .ok_or_else(|| VaultError::altered("a value is not one that can be stored"))?;
            Ok(HandedOut {
                variable: assigned.variable,
                found,
                value,
            })
        };
        ready.into_iter().map(value_of).collect()
    }
}

impl Assigned {
    fn unfound(assignment: &Assignment) -> Self {
        let Assignment {
            variable,
            key,
            required,
        } = assignment.clone();
        Self {
            variable,
            key,
            required,
            found: None,
        }
    }

    fn is_taken_by(&self, pattern: &KeyPattern) -> bool {
        pattern.takes(&self.name(), &self.variable)
            || self
                .found
                .as_ref()
                .is_some_and(|found| pattern.is(found.id.as_str()))
    }

    fn has_tag(&self, tags: &[Tag]) -> bool {
        let found = self.found.as_ref();
        found.is_some_and(|found| tags.iter().any(|tag| found.key.tags.contains(tag)))
    }
}

impl Selection {
    fn narrowed(&self, mut base: Vec<Assigned>) -> Result<Vec<Assigned>, VaultError> {
        let idle = idle(self.only.iter(), &base);
        if !idle.is_empty() {
            return Err(VaultError::NotSelected {
                patterns: idle,
                scope: self.scope.clone(),
            });
        }
        let takes = |patterns: &[KeyPattern], assigned: &Assigned| {
            patterns.iter().any(|pattern| assigned.is_taken_by(pattern))
        };
        base.retain(|assigned| {
            (self.only.is_empty() || takes(&self.only, assigned))
                && !takes(&self.except, assigned)
                && (self.tags.is_empty() || assigned.has_tag(&self.tags))
        });
        Ok(base)
    }

    fn refuse_dangerous(&self, chosen: &[Assigned]) -> Result<(), VaultError> {
        let names = chosen.iter().map(|assigned| &assigned.variable);
        let dangerous: Vec<VariableName> = names
            .filter(|name| name.is_dangerous() && !self.allowed.contains(name))
            .cloned()
            .collect();
        if dangerous.is_empty() {
            Ok(())
        } else {
            Err(VaultError::DangerousNames(dangerous))
        }
    }
}

/// The patterns that take none of these keys.
fn idle<'p>(patterns: impl Iterator<Item = &'p KeyPattern>, keys: &[Assigned]) -> Vec<String> {
    let is_idle = |pattern: &&KeyPattern| !keys.iter().any(|key| key.is_taken_by(pattern));
    patterns.filter(is_idle).map(ToString::to_string).collect()
}

/// By variable. Where several keys want one, those that are not ready give way; two that are ready are a mistake.
fn one_a_variable(chosen: Vec<Assigned>, now: Timestamp) -> Result<Vec<Assigned>, VaultError> {
    let mut by_variable: BTreeMap<VariableName, Vec<Assigned>> = BTreeMap::new();
    for assigned in chosen {
        let rivals = by_variable.entry(assigned.variable.clone()).or_default();
        rivals.push(assigned);
    }
    let mut alone = Vec::with_capacity(by_variable.len());
    for (variable, mut rivals) in by_variable {
        let is_ready = |assigned: &Assigned| assigned.readiness(now) == Readiness::Ready;
        // Keys come in the order of their ids, which is none for a person.
        rivals.sort_by_cached_key(Assigned::name);
        if rivals.iter().any(is_ready) {
            rivals.retain(is_ready);
        }
        rivals.sort_by_cached_key(Assigned::name);
        if rivals.len() > 1 && rivals.iter().all(is_ready) {
            return Err(VaultError::Rivals {
                variable,
                keys: rivals.iter().map(Assigned::name).collect(),
            });
        }
        alone.extend(rivals);
    }
    Ok(alone)
}
