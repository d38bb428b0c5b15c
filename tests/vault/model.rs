//! Random commands on a vault and on a plain map: after each, both tell the same, with the vault opened anew.

use std::collections::BTreeMap;
use std::io;

use keywright::key::{KeyKind, Span, Status, Timestamp};
use keywright::vault::{Code, Credential, KeyEdit, Requirements, VaultError};
use proptest::prelude::*;

use crate::fixture::*;

/// A command; the number picks one of few names, so that commands meet.
#[derive(Clone, Debug)]
enum Command {
    AccessAndRevoke,
    ChangePassphrase,
    Compromised,
    Delete(u8),
    FailToIssue(u8),
    FailToRotate(u8),
    Finish(u8),
    Issue(u8, bool),
    LosePending(u8),
    Revoke(u8),
    Rotate(u8, u8),
    Set(u8, u8),
    Wait(u8),
}

fn commands() -> impl Strategy<Value = Vec<Command>> {
    let name = 0..4_u8;
    let command = prop_oneof![
        4 => (name.clone(), any::<bool>()).prop_map(|(name, default)| Command::Issue(name, default)),
        4 => (name.clone(), 0..3_u8).prop_map(|(name, hours)| Command::Rotate(name, hours)),
        3 => (name.clone(), 0..3_u8).prop_map(|(name, value)| Command::Set(name, value)),
        2 => name.clone().prop_map(Command::Revoke),
        2 => name.clone().prop_map(Command::Delete),
        2 => (1..4_u8).prop_map(Command::Wait),
        1 => name.clone().prop_map(Command::FailToIssue),
        1 => name.clone().prop_map(Command::FailToRotate),
        1 => name.clone().prop_map(Command::Finish),
        1 => name.prop_map(Command::LosePending),
        1 => Just(Command::AccessAndRevoke),
        1 => Just(Command::ChangePassphrase),
        1 => Just(Command::Compromised),
    ];
    prop::collection::vec(command, 1..30)
}

/// What the map knows of a key.
#[derive(Clone, Debug)]
enum Entry {
    Issued {
        /// Delivered tokens, oldest first, and when each ends.
        tokens: Vec<(String, Option<Timestamp>)>,
        pending: bool,
        revoked: bool,
    },
    Provider {
        value: u8,
        previous: Option<u8>,
        revoked: bool,
    },
}

struct Model {
    place: Place,
    passphrase: u32,
    now: Timestamp,
    keys: BTreeMap<String, Entry>,
    /// Tokens of keys that were deleted or replaced.
    gone: Vec<String>,
    default: Option<String>,
}

impl Model {
    fn new() -> Self {
        let place = Place::new();
        let new = Self {
            place,
            passphrase: 0,
            now: NOW,
            keys: BTreeMap::new(),
            gone: Vec::new(),
            default: None,
        };
        drop(
            keywright::vault::Vault::create(
                &new.place.location,
                &new.words(),
                keywright::crypto::Profile::Test,
                &who(),
                NOW,
            )
            .expect("a new vault"),
        );
        new
    }

    fn words(&self) -> keywright::crypto::Passphrase {
        passphrase(&format!("passphrase {}", self.passphrase))
    }

    fn open(&self) -> keywright::vault::Vault {
        let words = self.words();
        self.place
            .open_with(&Credential::Passphrase(&words))
            .expect("opens")
    }

    fn run(&mut self, command: &Command) {
        let mut vault = self.open();
        let now = self.now;
        match command {
            Command::Wait(hours) => self.now = Timestamp(now.0 + 3_600 * i64::from(*hours)),
            Command::Issue(..) | Command::FailToIssue(_) | Command::LosePending(_) => {
                self.issue(command);
            }
            Command::Rotate(..) | Command::FailToRotate(_) => self.rotate(command),
            Command::Set(name, new) => self.set(&name_of(*name), *new),
            Command::Finish(name) => {
                let text = name_of(*name);
                if let Some(Entry::Issued { tokens, .. }) = self.keys.get_mut(&text) {
                    let found = find(&mut vault, &text);
                    vault
                        .finish_overlap(&found, &who(), now)
                        .expect("finished or nothing to do");
                    let older = tokens.len().saturating_sub(1);
                    end(&mut tokens[..older], now);
                }
            }
            Command::Revoke(name) => {
                let text = name_of(*name);
                if let Some(entry) = self.keys.get_mut(&text) {
                    let found = find(&mut vault, &text);
                    vault.revoke(&found, &who(), now).expect("revoked");
                    let (Entry::Issued { revoked, .. } | Entry::Provider { revoked, .. }) = entry;
                    *revoked = true;
                }
            }
            Command::Delete(name) => {
                let text = name_of(*name);
                if self.keys.contains_key(&text) {
                    let found = find(&mut vault, &text);
                    vault.delete(&found, &who(), now).expect("deleted");
                    self.forget(&text);
                }
            }
            Command::ChangePassphrase | Command::Compromised => {
                self.passphrase += 1;
                let (words, profile) = (self.words(), keywright::crypto::Profile::Test);
                if matches!(command, Command::Compromised) {
                    vault
                        .rekey_compromised(&words, profile, &who(), now)
                        .expect("sealed anew");
                } else {
                    vault
                        .change_passphrase(&words, profile, &who(), now)
                        .expect("changed");
                }
            }
            Command::AccessAndRevoke => {
                let made = vault.create_access(
                    &name("server"),
                    &shop(),
                    KeyKind::Issued,
                    None,
                    &who(),
                    now,
                );
                if let Ok(access) = made {
                    vault
                        .revoke_access(access.slot(), &who(), now)
                        .expect("revoked");
                }
            }
        }
    }

    fn issue(&mut self, command: &Command) {
        let mut vault = self.open();
        let (text, make_default) = match command {
            Command::Issue(name, default) => (name_of(*name), *default),
            Command::FailToIssue(name) | Command::LosePending(name) => (name_of(*name), false),
            other => unreachable!("{other:?}"),
        };
        let new = keywright::vault::NewIssued {
            make_default,
            ..new_key(&text)
        };
        let free = match self.keys.get(&text) {
            None => true,
            Some(Entry::Issued {
                tokens,
                pending,
                revoked,
            }) => tokens.is_empty() && *pending && !revoked,
            Some(Entry::Provider { .. }) => false,
        };
        let issued = vault.issue(&new, &who(), self.now);
        if !free {
            assert!(matches!(refused(issued), VaultError::Exists { .. }));
            return;
        }
        let pending = issued.expect("issued");
        self.forget(&text);
        let mut tokens = Vec::new();
        match command {
            Command::Issue(..) => {
                pending
                    .deliver(|token, _| {
                        let token = String::from_utf8(token.expose().to_vec()).expect("ASCII");
                        tokens.push((token, None));
                        Ok(())
                    })
                    .expect("delivered");
                if make_default {
                    self.default = Some(text.clone());
                }
            }
            Command::LosePending(_) => std::mem::forget(pending),
            _ => {
                refused(pending.deliver(|_, _| Err(io::ErrorKind::Other.into())));
                return;
            }
        }
        let entry = Entry::Issued {
            pending: tokens.is_empty(),
            tokens,
            revoked: false,
        };
        self.keys.insert(text, entry);
    }

    fn rotate(&mut self, command: &Command) {
        let mut vault = self.open();
        let now = self.now;
        let (text, hours) = match command {
            Command::Rotate(name, hours) => (name_of(*name), Some(*hours)),
            Command::FailToRotate(name) => (name_of(*name), None),
            other => unreachable!("{other:?}"),
        };
        let Some(entry) = self.keys.get_mut(&text) else {
            return;
        };
        let found = find(&mut vault, &text);
        let span: Span = format!("{}h", hours.unwrap_or(0)).parse().expect("a span");
        let rotated = vault.rotate(&found, overlap(span), &who(), now);
        let Entry::Issued {
            tokens,
            pending,
            revoked: false,
        } = entry
        else {
            refused(rotated.map(drop));
            return;
        };
        let rotated = rotated.expect("rotated");
        if hours.is_none() {
            refused(rotated.deliver(|_, _| Err(io::ErrorKind::Other.into())));
            *pending = false;
            if tokens.is_empty() {
                self.forget(&text);
            }
            return;
        }
        let mut new = String::new();
        rotated
            .deliver(|token, _| {
                new = String::from_utf8(token.expose().to_vec()).expect("ASCII");
                Ok(())
            })
            .expect("delivered");
        if let Some((last, older)) = tokens.split_last_mut() {
            end(older, now);
            end(std::slice::from_mut(last), now.after(span));
        }
        tokens.push((new, None));
        *pending = false;
        if tokens.len() > 8 {
            let (oldest, _) = tokens.remove(0);
            self.gone.push(oldest);
        }
    }

    fn set(&mut self, text: &str, new: u8) {
        let mut vault = self.open();
        let (now, changes) = (self.now, KeyEdit::default());
        let content = value(&format!("value {new}"));
        match self.keys.get_mut(text) {
            None => {
                vault
                    .set_new(&name(text), &shop(), &content, &changes, &who(), now)
                    .expect("stored");
                let entry = Entry::Provider {
                    value: new,
                    previous: None,
                    revoked: false,
                };
                self.keys.insert(text.to_owned(), entry);
            }
            Some(Entry::Issued { .. }) => {
                refused(vault.set_new(&name(text), &shop(), &content, &changes, &who(), now));
            }
            Some(Entry::Provider {
                value,
                previous,
                revoked,
            }) => {
                let found = find(&mut vault, text);
                let outcome = vault.replace_value(&found, &content, &changes, &who(), now);
                if *revoked {
                    refused(outcome);
                } else {
                    outcome.expect("replaced");
                    *previous = Some(std::mem::replace(value, new));
                }
            }
        }
    }

    fn forget(&mut self, text: &str) {
        if let Some(Entry::Issued { tokens, .. }) = self.keys.remove(text) {
            self.gone.extend(tokens.into_iter().map(|(token, _)| token));
        }
        self.default.take_if(|default| default == text);
    }

    /// Opens the vault anew and compares all that it tells.
    fn compare(&self) {
        let mut vault = self.open();
        let now = self.now;
        let keys = vault.list(&Default::default(), now).expect("a list");
        let mut listed: Vec<_> = keys
            .iter()
            .map(|found| found.key.name.to_string())
            .collect();
        listed.sort();
        assert_eq!(listed, self.keys.keys().cloned().collect::<Vec<_>>());
        let defaults: Vec<_> = keys.iter().filter(|found| found.is_default).collect();
        let default = defaults.first().map(|found| found.key.name.to_string());
        assert!(defaults.len() <= 1);
        assert_eq!(default, self.default);
        for found in &keys {
            self.compare_key(&mut vault, found);
        }
        for token in &self.gone {
            assert_eq!(check(&mut vault, token, now), Code::Unknown);
        }
        vault.log().expect("the log is whole");
        assert!(vault.take_warnings().is_empty());
    }

    fn compare_key(&self, vault: &mut keywright::vault::Vault, found: &keywright::vault::Found) {
        let now = self.now;
        match &self.keys[found.key.name.as_str()] {
            Entry::Issued {
                tokens, revoked, ..
            } => {
                let ends = |end: &Option<Timestamp>| end.is_some_and(|end| end <= now);
                let live = tokens.iter().filter(|(_, end)| !ends(end)).count();
                let status = match (revoked, live) {
                    (true, _) => Status::Revoked,
                    (_, 0) => Status::Undelivered,
                    (_, 1) => Status::Active,
                    _ => Status::Overlap,
                };
                assert_eq!(found.key.status(now), status);
                assert!(live <= 2);
                for (token, end) in tokens {
                    let code = match (revoked, ends(end)) {
                        (true, _) => Code::Revoked,
                        (_, true) => Code::Rotated,
                        _ => Code::Valid,
                    };
                    let verdict = vault.verify(
                        &secret(token.as_bytes()),
                        &Requirements::default(),
                        false,
                        &who(),
                        now,
                    );
                    assert_eq!(verdict.expect("an answer").code, code);
                }
            }
            Entry::Provider {
                value,
                previous,
                revoked,
            } => {
                for (asked, expected) in [(false, Some(value)), (true, previous.as_ref())] {
                    let told = vault.value(found, asked, &who(), now).ok();
                    let expected = expected
                        .filter(|_| !revoked)
                        .map(|value| format!("value {value}").into_bytes());
                    assert_eq!(told.map(|value| value.expose().to_vec()), expected);
                }
            }
        }
    }
}

fn name_of(number: u8) -> String {
    format!("key {number}")
}

/// Tokens that go on longer end at `at`.
fn end(tokens: &mut [(String, Option<Timestamp>)], at: Timestamp) {
    for (_, end) in tokens {
        *end = Some(end.map_or(at, |end| end.min(at)));
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 12,
        max_shrink_iters: 200,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn a_vault_tells_what_a_map_would(commands in commands()) {
        let mut model = Model::new();
        for command in &commands {
            model.run(command);
            model.compare();
        }
    }
}
