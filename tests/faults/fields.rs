//! Changes of more than one record at once: all of each change is there, or nothing of it.

use keywright::vault::Found;

use crate::deed::NEW_VALUE;
use crate::open::Open;
use crate::scene::{Wrong, ensure};

impl Open {
    /// Whether the fields of the key and the mark in its scope's head are the new ones.
    pub(crate) fn check_edit(&mut self) -> Result<bool, Wrong> {
        let found = self.found("target")?;
        let found = found.ok_or_else(|| crate::scene::wrong("the key is gone"))?;
        let issued = found.key.issued().expect("an issued key");
        all_or_nothing(&[
            ("permissions", issued.permissions.to_string() == "write"),
            (
                "tags",
                found.key.tags.iter().any(|tag| tag.as_str() == "changed"),
            ),
            (
                "note",
                found
                    .key
                    .note
                    .as_ref()
                    .is_some_and(|note| note.as_str() == "changed"),
            ),
            ("default", found.is_default),
        ])
    }

    /// Whether the role and both keys are there.
    pub(crate) fn check_import(&mut self) -> Result<bool, Wrong> {
        let role = self.role_permissions("imported")?;
        let (issued, provider) = (self.found("fresh")?, self.found("fresh value")?);
        let has_role = |found: &Found| copies(found, "imported") == ["write"];
        let whole = all_or_nothing(&[
            ("role", role.as_deref() == Some("write")),
            ("issued key", issued.as_ref().is_some_and(has_role)),
            ("provider key", provider.is_some()),
        ])?;
        if whole {
            let value = self.value("fresh value", false)?;
            ensure(value == NEW_VALUE, "the imported value is another")?;
        }
        Ok(whole)
    }

    /// Whether the role gives what is new, and so its copies in the keys that have it.
    pub(crate) fn check_role_set(&mut self) -> Result<bool, Wrong> {
        let role = self.role_permissions("billing")?;
        let mut all = vec![role.unwrap_or_default()];
        for name in ["bystander", "target"] {
            let found = self.found(name)?;
            let copies = found.map(|found| copies(&found, "billing"));
            let copies = copies.unwrap_or_default();
            ensure(
                copies.len() == 1,
                format_args!("`{name}` has lost its role"),
            )?;
            all.extend(copies);
        }
        role_is_new(&all)
    }
}

/// Whether what a role and its copies give is the new, or for all of them the old.
pub(crate) fn role_is_new(all: &[String]) -> Result<bool, Wrong> {
    let is_known = |text: &String| ["read", "write"].contains(&text.as_str());
    ensure(
        all.iter().all(|text| is_known(text) && *text == all[0]),
        format_args!("the role and its copies give {all:?}"),
    )?;
    Ok(all[0] == "write")
}

/// What the copies of a role in a key give.
fn copies(found: &Found, role: &str) -> Vec<String> {
    let issued = found.key.issued();
    let held = issued.iter().flat_map(|issued| &issued.roles);
    held.filter(|held| held.name.as_str() == role)
        .map(|held| held.permissions.to_string())
        .collect()
}

fn all_or_nothing(parts: &[(&str, bool)]) -> Result<bool, Wrong> {
    let is_new = parts.iter().filter(|(_, is_new)| *is_new).count();
    let whole = is_new == parts.len();
    ensure(
        whole || is_new == 0,
        format_args!("a part of it happened: {parts:?}"),
    )?;
    Ok(whole)
}
