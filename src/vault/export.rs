//! Everything in a vault that can be taken elsewhere.

use super::activity::ActivityKey;
use super::find::Found;
use super::list::Filter;
use super::recorder::Used;
use super::role::RoleUse;
use super::{Vault, VaultError};
use crate::crypto::SecretValue;
use crate::key::{Actor, KeyKind, Timestamp};

/// Roles and keys, and values where they were asked for.
#[derive(Debug)]
pub struct Export {
    /// By name; without the keys that have them.
    pub roles: Vec<RoleUse>,
    /// By project, environment and name.
    pub keys: Vec<ExportedKey>,
}

/// One key of an export.
#[derive(Debug)]
pub struct ExportedKey {
    pub found: Found,
    /// The present value of a provider key, where values were asked for.
    pub value: Option<SecretValue>,
}

impl ExportedKey {
    /// How the reveal of its value is counted.
    fn used<'a>(&self, activity: &'a ActivityKey) -> Used<'a> {
        let current = self.found.key.current();
        Used {
            key: Some((self.found.id, activity)),
            verb: "export",
            code: "export",
            generation: current.map_or(0, |generation| generation.number),
            allowed: true,
            program: None,
            request: None,
            times: 1,
        }
    }
}

impl Vault {
    /// The keys that pass the filter, and all roles; of a project or environment, those that its keys have. With `reveal`, the
    /// values of provider keys too, each of which is recorded as a use, all of them in one transaction. An issued key's
    /// digests are never in it.
    ///
    /// # Errors
    /// [`VaultError::OwnerOnly`] for the holder of an access token; [`VaultError::NotRecorded`] when uses have to be
    /// recorded and cannot be.
    pub fn export(
        &mut self,
        filter: &Filter,
        reveal: bool,
        who: &Actor,
        now: Timestamp,
    ) -> Result<Export, VaultError> {
        let (mut roles, keys) = self.roles_and_each(filter, now, |open, found, record| {
            let with_value = reveal && found.kind() == KeyKind::Provider;
            let value = if with_value {
                record.secrets()?.pop()
            } else {
                None
            };
            let value = value
                .map(SecretValue::new)
                .transpose()
                .map_err(|_| VaultError::altered("a value is not one that can be stored"))?;
            let activity = value.is_some().then(|| ActivityKey::of(open));
            Ok((ExportedKey { found, value }, activity))
        })?;
        if filter.project.is_some() || filter.environment.is_some() {
            let issued = || keys.iter().filter_map(|(key, _)| key.found.key.issued());
            roles.retain(|known| issued().any(|issued| issued.has_role(&known.role.name)));
        }
        let revealed: Vec<Used<'_>> = keys
            .iter()
            .filter_map(|(key, activity)| Some(key.used(activity.as_ref()?)))
            .collect();
        self.record_all(&revealed, who, now)?;
        let mut exported: Vec<_> = keys.into_iter().map(|(key, _)| key).collect();
        exported.sort_by_cached_key(|key| {
            (
                key.found.scope.clone(),
                key.found.key.name.as_str().to_lowercase(),
            )
        });
        Ok(Export {
            roles,
            keys: exported,
        })
    }
}
