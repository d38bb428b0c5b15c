//! A vault read through the library, as the binary left it.

use std::collections::BTreeMap;
use std::fs;

use keywright::crypto::{Passphrase, Secret};
use keywright::key::{KeyKind, Scope, Status, Timestamp};
use keywright::vault::{
    AccessToken, Code, Credential, Filter, Found, Location, Requirements, Retention, SliceScopes,
    Vault, VaultError, Wanted,
};

use crate::deed::COPY;
use crate::rig::Home;
use crate::scene::{Wrong, ensure, wrong};

/// Names, with status and whether a token is pending.
pub(crate) type Keys = BTreeMap<String, (Status, bool)>;

/// The vault, read through the library: many questions cost one KDF.
pub(crate) struct Open {
    pub(crate) vault: Vault,
    pub(crate) location: Location,
    pub(crate) now: Timestamp,
}

impl Open {
    pub(crate) fn at(home: &Home) -> Result<Self, Wrong> {
        let location = location(home);
        let line = Secret::new(fs::read(&home.passphrase).expect("a passphrase file"));
        let passphrase = Passphrase::new(line.first_line()).expect("a passphrase");
        let now = Timestamp::now();
        let vault = Vault::open(&location, &Credential::Passphrase(&passphrase), now);
        Ok(Self {
            vault: vault.map_err(wrong)?,
            location,
            now,
        })
    }

    /// A backup of it, under its own name and with no anchor of its past.
    pub(crate) fn backup(home: &Home) -> Result<Self, Wrong> {
        let copy = Home {
            elsewhere: Some(home.path.join(COPY)),
            ..home.clone()
        };
        Self::at(&copy)
    }

    /// Makes a slice of the default scope, with an access token for its provider keys; gives the token.
    pub(crate) fn slice(&mut self, home: &Home) -> AccessToken {
        let token = self.add_access("job", KeyKind::Provider);
        let scopes = SliceScopes {
            scopes: vec![default_scope()],
            kind: None,
        };
        let sliced = self.vault.slice(&home.path.join(COPY), &scopes, false);
        sliced.expect("a slice");
        token
    }

    /// Opens a slice as a job does, and says whether it has the note that was made since.
    pub(crate) fn slice_is_new(home: &Home, token: &AccessToken) -> Result<bool, Wrong> {
        let location = Location {
            vault: home.path.join(COPY),
            ..location(home)
        };
        let now = Timestamp::now();
        let opened = Vault::open(&location, &Credential::access_token(token), now);
        let keys = opened
            .and_then(|mut vault| vault.list(&Filter::default(), now))
            .map_err(wrong)?;
        ensure(keys.len() == 2, format_args!("{} keys", keys.len()))?;
        Ok(keys.iter().any(|found| found.key.note.is_some()))
    }

    /// Whether a passphrase opens it.
    pub(crate) fn opens_with(&self, passphrase: &str) -> bool {
        let passphrase = Passphrase::new(Secret::new(passphrase.as_bytes().to_vec()));
        let passphrase = passphrase.expect("a passphrase");
        Vault::open(
            &self.location,
            &Credential::Passphrase(&passphrase),
            self.now,
        )
        .is_ok()
    }

    /// The log is whole from its first entry to its last.
    pub(crate) fn check_log(&mut self) -> Result<(), Wrong> {
        self.vault.log().map(|_| ()).map_err(wrong)
    }

    pub(crate) fn statuses(&mut self) -> Result<Keys, Wrong> {
        let keys = self
            .vault
            .list(&Filter::default(), self.now)
            .map_err(wrong)?;
        let entry = |found: &Found| {
            let (name, key) = (found.key.name.to_string(), &found.key);
            (name, (key.status(self.now), key.pending().is_some()))
        };
        Ok(keys.iter().map(entry).collect())
    }

    /// A key by its name, if it is there.
    pub(crate) fn found(&mut self, name: &str) -> Result<Option<Found>, Wrong> {
        let name = name.parse().expect("a name");
        self.vault.find_name(&name, &default_scope()).map_err(wrong)
    }

    /// How often a key was used, as far as was counted.
    pub(crate) fn uses(&mut self, name: &str) -> Result<u64, Wrong> {
        let found = self.found(name)?.ok_or_else(|| wrong("the key is gone"))?;
        let mut warnings = self.vault.take_warnings();
        // On a full disk what is counted is still there, and more is not.
        warnings.retain(|it| it.contains("activity.db") && !it.contains("no space is left"));
        ensure(warnings.is_empty(), format_args!("warnings: {warnings:?}"))?;
        Ok(found.total.requests)
    }

    /// What a role gives, if it is there.
    pub(crate) fn role_permissions(&mut self, name: &str) -> Result<Option<String>, Wrong> {
        let roles = self.vault.roles().map_err(wrong)?;
        let known = roles.iter().find(|known| known.role.name.as_str() == name);
        Ok(known.map(|known| known.role.permissions.to_string()))
    }

    pub(crate) fn verify(&mut self, token: &str) -> Result<Code, Wrong> {
        let presented = Secret::new(token.as_bytes().to_vec());
        let who = "tester".parse().expect("an actor");
        self.vault
            .verify(&presented, &Requirements::default(), false, &who, self.now)
            .map(|verdict| verdict.code)
            .map_err(wrong)
    }

    pub(crate) fn value(&mut self, name: &str, previous: bool) -> Result<String, Wrong> {
        let scope = default_scope();
        let (wanted, who) = (
            name.parse().expect("a name"),
            "tester".parse().expect("an actor"),
        );
        let mut read = || -> Result<String, VaultError> {
            let found = self.vault.find(Wanted::Named(&wanted), &scope, false)?;
            let value = self.vault.value(&found, previous, &who, self.now)?;
            Ok(String::from_utf8_lossy(value.expose()).into_owned())
        };
        read().map_err(wrong)
    }
}

pub(crate) fn location(home: &Home) -> Location {
    Location {
        vault: home.vault(),
        state: home.state(),
        activity: None,
        accept_rollback: false,
        audit_required: false,
        retention: Retention::default(),
    }
}

pub(crate) fn default_scope() -> Scope {
    Scope {
        project: "default".parse().expect("a project"),
        environment: "development".parse().expect("an environment"),
    }
}
