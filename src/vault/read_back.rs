//! Whether an import is in the vault: asked of its file, before what was imported is deleted elsewhere.

use std::collections::BTreeMap;

use super::{Import, ImportedHalf, Vault, VaultError};
use crate::crypto::{Secret, SecretValue};
use crate::key::{Key, KeyKind, KeyName, Scope, VariableName};

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
                    if let Some(wanted) = names.get(&key.name)
                        && wanted.is(&key, record.secrets()?.pop())
                    {
                        names.remove(&key.name);
                    }
                    Ok(())
                })?;
            }
            Ok(())
        })?;
        Ok(wanted.left())
    }
}

/// What is looked for in each scope, by name.
struct Sought<'a>(BTreeMap<(Scope, KeyKind), BTreeMap<&'a KeyName, Wanted<'a>>>);

/// Of an issued key nothing but that it is there.
#[derive(Default)]
struct Wanted<'a> {
    value: Option<&'a SecretValue>,
    /// Without it, no program would get the value where it got the source's.
    variable: Option<&'a VariableName>,
}

impl Wanted<'_> {
    fn is(&self, key: &Key, stored: Option<Secret>) -> bool {
        let has = |value: &SecretValue| stored.is_some_and(|it| value.is(&it));
        let variable = key.provider().and_then(|it| it.variable.as_ref());
        self.value.is_none_or(has) && (self.variable.is_none() || self.variable == variable)
    }
}

impl<'a> Sought<'a> {
    fn of(import: &'a Import) -> Self {
        let keys = import.keys.iter().map(|key| match &key.half {
            ImportedHalf::Issued { .. } => {
                let wanted = Wanted::default();
                (&key.scope, KeyKind::Issued, &key.name, wanted)
            }
            ImportedHalf::Provider { value, details } => {
                let wanted = Wanted {
                    value: Some(value),
                    variable: details.variable.as_ref(),
                };
                (&key.scope, KeyKind::Provider, &key.name, wanted)
            }
        });
        let values = import.values.iter().map(|new| {
            let wanted = Wanted {
                value: Some(&new.value),
                variable: new.variable.as_ref(),
            };
            (&new.scope, KeyKind::Provider, &new.name, wanted)
        });
        let mut wanted: BTreeMap<_, BTreeMap<_, _>> = BTreeMap::new();
        for (scope, kind, name, sought) in keys.chain(values) {
            let names = wanted.entry((scope.clone(), kind)).or_default();
            names.insert(name, sought);
        }
        Self(wanted)
    }

    fn left(self) -> Vec<KeyName> {
        let left = self.0.into_values().flatten();
        left.map(|(name, _)| name.clone()).collect()
    }
}
