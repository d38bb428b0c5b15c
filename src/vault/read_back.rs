//! Whether an import is in the vault: asked of its file, before what was imported is deleted elsewhere.

use std::collections::BTreeMap;

use super::{Import, ImportedHalf, Vault, VaultError};
use crate::crypto::SecretValue;
use crate::key::{KeyKind, KeyName, Scope};

impl Vault {
    /// The names of what was imported and is not in the vault as it was imported. The file is opened anew for it, and
    /// each value is compared in constant time.
    ///
    /// # Errors
    /// Whatever keeps the vault from being read.
    pub fn missing_of(&mut self, import: &Import) -> Result<Vec<KeyName>, VaultError> {
        self.file.reopen()?;
        let mut wanted = Sought::of(import);
        self.read(|view| {
            for open in &view.state.scopes {
                let Some(names) = wanted.0.get_mut(&(open.scope.clone(), open.kind)) else {
                    continue;
                };
                let record_key = view.state.record_key(open);
                view.state.pass(&view.snapshot, open, |row| {
                    let record = record_key.open(row)?;
                    let key = record.key()?;
                    if let Some(value) = names.get(&key.name) {
                        let stored = record.secrets()?.pop();
                        let is = |value: &SecretValue| stored.is_some_and(|it| value.is(&it));
                        if value.is_none_or(is) {
                            names.remove(&key.name);
                        }
                    }
                    Ok(())
                })?;
            }
            Ok(())
        })?;
        Ok(wanted.left())
    }
}

/// What is looked for in each scope: by name, the value of a provider key.
struct Sought<'a>(BTreeMap<(Scope, KeyKind), BTreeMap<&'a KeyName, Option<&'a SecretValue>>>);

impl<'a> Sought<'a> {
    fn of(import: &'a Import) -> Self {
        let keys = import.keys.iter().map(|key| match &key.half {
            ImportedHalf::Issued { .. } => (&key.scope, KeyKind::Issued, &key.name, None),
            ImportedHalf::Provider { value, .. } => {
                (&key.scope, KeyKind::Provider, &key.name, Some(value))
            }
        });
        let values = import
            .values
            .iter()
            .map(|new| (&new.scope, KeyKind::Provider, &new.name, Some(&new.value)));
        let mut wanted: BTreeMap<_, BTreeMap<_, _>> = BTreeMap::new();
        for (scope, kind, name, value) in keys.chain(values) {
            let names = wanted.entry((scope.clone(), kind)).or_default();
            names.insert(name, value);
        }
        Self(wanted)
    }

    fn left(self) -> Vec<KeyName> {
        let left = self.0.into_values().flatten();
        left.map(|(name, _)| name.clone()).collect()
    }
}
