//! The library, for changes of a vault that take milliseconds and not a process each.

use keywright::crypto::{Passphrase, Secret};
use keywright::key::{
    Actor, Brand, Context, KeyKind, KeyName, PermissionSet, RoleName, Scope, Span, Timestamp,
};
use keywright::vault::{
    Credential, Found, KeyEdit, ListEdit, Location, NewIssued, Retention, Rotation, Vault, Wanted,
};

use crate::common::{PASSPHRASE, TestEnv};

/// An owner's open vault, whose scope is `shop/production`.
pub(crate) struct Library {
    pub(crate) vault: Vault,
    who: Actor,
}

impl TestEnv {
    pub(crate) fn location(&self) -> Location {
        Location {
            vault: self.vault(),
            state: self.path(".local/state/keywright"),
            activity: None,
            accept_rollback: false,
            audit_required: false,
            retention: Retention::default(),
        }
    }

    /// Opens the vault as its owner.
    pub(crate) fn library(&self) -> Library {
        let passphrase = Secret::new(PASSPHRASE.as_bytes().to_vec());
        let passphrase = Passphrase::new(passphrase).expect("a passphrase");
        let opened = Vault::open(
            &self.location(),
            &Credential::Passphrase(&passphrase),
            Timestamp::now(),
        );
        Library {
            vault: opened.expect("the vault opens"),
            who: "tester".parse().expect("an actor"),
        }
    }
}

impl Library {
    /// A key that may read, and may have more.
    pub(crate) fn new_key(name: &str) -> NewIssued {
        NewIssued {
            name: name.parse().expect("a name"),
            scope: shop(),
            brand: Brand::default(),
            permissions: permissions(&["read"]),
            roles: Vec::new(),
            context: Context::default(),
            rate: None,
            expires_at: None,
            tags: Vec::new(),
            note: None,
            make_default: false,
        }
    }

    /// Issues a key; gives its token.
    pub(crate) fn issue(&mut self, new: &NewIssued) -> String {
        let mut text = String::new();
        self.vault
            .issue(new, &self.who, Timestamp::now())
            .expect("issued")
            .deliver(|token, _| {
                text = String::from_utf8(token.expose().to_vec()).expect("ASCII");
                Ok(())
            })
            .expect("delivered");
        text
    }

    /// Keys of these names' first part and a number.
    pub(crate) fn issue_many(&mut self, name: &str, count: usize) -> Vec<String> {
        let names = (0..count).map(|at| format!("{name}-{at}"));
        names
            .map(|name| self.issue(&Self::new_key(&name)))
            .collect()
    }

    pub(crate) fn find(&mut self, name: &str) -> Found {
        let name = name.parse().expect("a name");
        self.vault
            .find(Wanted::Named(&name), &shop(), false)
            .expect("the key is there")
    }

    pub(crate) fn revoke(&mut self, name: &str) {
        let found = self.find(name);
        self.vault
            .revoke(&found, &self.who, Timestamp::now())
            .expect("revoked");
    }

    pub(crate) fn delete(&mut self, name: &str) {
        let found = self.find(name);
        self.vault
            .delete(&found, &self.who, Timestamp::now())
            .expect("deleted");
    }

    /// Rotates without an overlap; gives the new token.
    pub(crate) fn rotate(&mut self, name: &str) -> String {
        let found = self.find(name);
        let rotation = Rotation {
            overlap: Span::ZERO,
            expires_at: None,
        };
        let mut text = String::new();
        self.vault
            .rotate(&found, rotation, &self.who, Timestamp::now())
            .expect("rotated")
            .deliver(|token, _| {
                text = String::from_utf8(token.expose().to_vec()).expect("ASCII");
                Ok(())
            })
            .expect("delivered");
        text
    }

    pub(crate) fn edit(&mut self, name: &str, edit: &KeyEdit) {
        let found = self.find(name);
        self.vault
            .edit(&found, edit, false, &self.who, Timestamp::now())
            .expect("edited");
    }

    /// Replaces what a key may do.
    pub(crate) fn permit(&mut self, name: &str, list: &[&str]) {
        let list = list.iter().map(|text| text.parse().expect("a permission"));
        self.edit(
            name,
            &KeyEdit {
                permissions: ListEdit::replaced_by(list.collect()),
                ..KeyEdit::default()
            },
        );
    }

    /// Ends a key's token at a time.
    pub(crate) fn expire(&mut self, name: &str, at: Timestamp) {
        self.edit(
            name,
            &KeyEdit {
                expires_at: Some(Some(at)),
                ..KeyEdit::default()
            },
        );
    }

    pub(crate) fn set_role(&mut self, name: &RoleName, list: &[&str]) {
        let role = keywright::key::Role {
            name: name.clone(),
            permissions: permissions(list),
            context: Context::default(),
        };
        self.vault
            .set_role(&role, false, &self.who, Timestamp::now())
            .expect("set");
    }

    /// An access token for the issued keys of the scope; gives its text.
    pub(crate) fn access(&mut self, name: &str, expires_at: Option<Timestamp>) -> String {
        let name: KeyName = name.parse().expect("a name");
        let token = self
            .vault
            .create_access(
                &name,
                &shop(),
                KeyKind::Issued,
                expires_at,
                &self.who,
                Timestamp::now(),
            )
            .expect("an access token");
        String::from_utf8(token.text().expose().to_vec()).expect("ASCII")
    }

    pub(crate) fn revoke_access(&mut self, name: &str) {
        let name = name.parse().expect("a name");
        let slot = self.vault.find_access(&name).expect("there").slot;
        self.vault
            .revoke_access(slot, &self.who, Timestamp::now())
            .expect("revoked");
    }
}

pub(crate) fn shop() -> Scope {
    Scope {
        project: "shop".parse().expect("a project"),
        environment: "production".parse().expect("an environment"),
    }
}

pub(crate) fn permissions(list: &[&str]) -> PermissionSet {
    let set: std::collections::BTreeSet<_> = list
        .iter()
        .map(|text| text.parse().expect("a permission"))
        .collect();
    PermissionSet::try_from(set).expect("few permissions")
}
