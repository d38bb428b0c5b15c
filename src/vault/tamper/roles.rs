//! Roles in the history of the bench, and where they are kept.

use std::collections::BTreeSet;

use super::{Holder, Life, NOW, Vault, hex, shop, who};
use crate::key::{Context, PermissionSet, Role, RoleName, ScopeId};
use crate::vault::record::RecordKey;
use crate::vault::state::State;
use crate::vault::{KeyEdit, ListEdit};

impl Life {
    /// Two roles, one of which `ci` has.
    pub(super) fn early_roles(&mut self) {
        self.set_role("reader", "read");
        self.set_role("writer", "write");
        let found = self.find("ci", &shop());
        let edit = KeyEdit {
            roles: ListEdit::replaced_by(vec![role_name("reader")]),
            ..KeyEdit::default()
        };
        self.vault
            .edit(&found, &edit, false, &who(), NOW)
            .expect("edited");
    }

    /// The role of `ci` gives less, and the other one more.
    pub(super) fn late_roles(&mut self) {
        self.set_role("reader", "read:bills");
        self.set_role("writer", "admin");
    }

    fn set_role(&mut self, name: &str, permission: &str) {
        let permission = permission.parse().expect("a permission");
        let role = Role {
            name: role_name(name),
            permissions: PermissionSet::try_from(BTreeSet::from([permission])).expect("few"),
            context: Context::default(),
        };
        self.vault.set_role(&role, false, &who(), NOW).expect("set");
    }
}

fn role_name(text: &str) -> RoleName {
    text.parse().expect("a role")
}

/// The id of a role's record in the vault's own scope, as SQL.
pub(super) fn role_hex(vault: &Vault, name: &str) -> String {
    let Holder::Owner(key) = &vault.holder else {
        panic!("roles are the owner's");
    };
    let snapshot = vault.file.snapshot().expect("a snapshot");
    let state = State::verify(&snapshot, vault.id, &vault.holder).expect("whole");
    let own = RecordKey::new(key, ScopeId::OWN, None, vault.id);
    let is_wanted = |row: &&_| {
        let record = state.record(&snapshot, ScopeId::OWN, &own, row);
        let record = record.and_then(|record| record.own()).expect("whole");
        record.name == format!("role/{name}")
    };
    let row = state.own.rows().iter().find(is_wanted);
    hex(row.expect("it is there").key_id.as_bytes())
}
