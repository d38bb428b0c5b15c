//! What a project needs, and how much of it is there.

use std::collections::BTreeMap;

use super::find::nearest;
use super::hand_out::Assigned;
use super::{Vault, VaultError, View};
use crate::key::{Assignment, KeyKind, Scope};

/// A variable that a project needs and its key; where that is missing, what helps.
#[derive(Clone, Debug)]
pub struct Need {
    pub assigned: Assigned,
    /// Other scopes with a key of that name.
    pub elsewhere: Vec<Scope>,
    /// The nearest name in the scope; looked for on behalf of the first 10 missing keys only.
    pub nearest: Option<String>,
}

/// Most missing keys for which the nearest name is looked for: each is compared with all names there are.
const COMPARED: usize = 10;

impl Vault {
    /// How the keys of assignments stand in a scope, in their order. No other scope's key is taken, not even by its id;
    /// no value is opened, and dangerous names are the caller's to refuse.
    ///
    /// # Errors
    /// What reading can fail with.
    pub fn needs(&mut self, listed: &[Assignment], scope: &Scope) -> Result<Vec<Need>, VaultError> {
        self.read(|view| {
            view.state.require_scope(scope, Some(KeyKind::Provider))?;
            let assigned = view.named_by(listed, scope)?;
            let mut needs: Vec<Need> = assigned.into_iter().map(Need::of).collect();
            if needs.iter().any(Need::is_missing) {
                view.help(&mut needs, scope)?;
            }
            Ok(needs)
        })
    }
}

impl Need {
    fn of(assigned: Assigned) -> Self {
        Self {
            assigned,
            elsewhere: Vec::new(),
            nearest: None,
        }
    }

    fn is_missing(&self) -> bool {
        self.assigned.found.is_none()
    }
}

impl View<'_> {
    /// One pass over all keys for every missing one together.
    fn help(&self, needs: &mut [Need], scope: &Scope) -> Result<(), VaultError> {
        let missing = needs.iter().filter(|need| need.is_missing());
        let mut elsewhere: BTreeMap<String, Vec<Scope>> = missing
            .map(|need| (need.assigned.key.to_string(), Vec::new()))
            .collect();
        let mut names = Vec::new();
        for open in &self.state.scopes {
            let record_key = self.state.record_key(open);
            self.state.pass(&self.snapshot, open, |row| {
                let name = record_key.open(row)?.key()?.name;
                if open.scope == *scope {
                    names.push(name.to_string());
                } else if let Some(scopes) = elsewhere.get_mut(name.as_str()) {
                    scopes.push(open.scope.clone());
                }
                Ok(())
            })?;
        }
        let mut compared = 0;
        for need in needs.iter_mut().filter(|need| need.is_missing()) {
            let wanted = need.assigned.key.to_string();
            need.elsewhere = elsewhere.get(&wanted).cloned().unwrap_or_default();
            need.elsewhere.sort();
            if need.elsewhere.is_empty() && compared < COMPARED {
                compared += 1;
                need.nearest = nearest(&wanted, &names);
            }
        }
        Ok(())
    }
}
