//! Tokens and values: made, replaced, ended.

use std::collections::BTreeSet;
use std::io;

use keywright::key::{Details, Generation, Key, KeyId, KeyKind, ProviderDetails, Revocation, Span};
use keywright::vault::{KeyEdit, NewIssued, Pending, Rotation, Verb};

use super::command::{Handover, Slot, of, role_name};
use super::entry::{Entry, agree};
use super::{Against, Model, Refusal, answer};
use crate::fixture::*;

impl Model {
    pub(super) fn issue(&mut self, slot: Slot, make_default: bool, roles: u8, out: Handover) {
        let numbers = of(&[0, 1, 2], roles);
        let new = NewIssued {
            scope: slot.scope(),
            roles: numbers.into_iter().map(role_name).collect(),
            make_default,
            ..new_key(slot.name().as_str())
        };
        let against = self.against_issue(slot, &new);
        let outcome = self.vault.issue(&new, &who(), self.now);
        let Some(pending) = answer(outcome, &against) else {
            return;
        };
        let (id, token) = hand_over(pending, out);
        let id = id.unwrap_or_else(|| self.find(slot).id);
        self.forget(slot);
        self.scopes.insert((slot.scope, KeyKind::Issued));
        self.logged(Verb::Create, slot);
        let details = keywright::key::IssuedDetails {
            brand: new.brand,
            permissions: new.permissions,
            context: new.context,
            roles: Vec::new(),
            rate: new.rate,
        };
        let mut entry = Entry {
            id,
            key: self.new_key(slot, Details::Issued(details)),
            roles: new.roles.into_iter().collect(),
            secrets: vec![token.clone()],
            is_default: false,
        };
        match out {
            Handover::Delivered => {
                entry.deliver(self.now, self.now);
                self.logged(Verb::Deliver, slot);
            }
            Handover::Failed => {
                self.gone.extend(token);
                self.logged(Verb::Undo, slot);
                return;
            }
            Handover::Lost => {}
        }
        self.keys.insert(slot, entry);
        if make_default && out == Handover::Delivered {
            self.mark_default(slot, true);
        }
    }

    fn against_issue(&self, slot: Slot, new: &NewIssued) -> Against {
        let taken = |entry: &Entry| entry.issued().is_none() || !entry.is_undelivered();
        let mut against = BTreeSet::new();
        if self.keys.get(&slot).is_some_and(taken) {
            against.insert(Refusal::Exists);
        }
        if new.roles.iter().any(|name| !self.roles.contains_key(name)) {
            against.insert(Refusal::UnknownRole);
        }
        let roles = new.roles.iter().filter_map(|name| self.roles.get(name));
        if !agree(&new.context, roles.map(|(role, ..)| role)) {
            against.insert(Refusal::Parse);
        }
        against
    }

    /// A key with one generation that is not delivered.
    pub(super) fn new_key(&self, slot: Slot, details: Details) -> Key {
        Key {
            name: slot.name(),
            created_at: self.now,
            created_by: who(),
            revoked: None,
            tags: Vec::new(),
            note: None,
            generations: vec![Generation {
                number: 1,
                created_at: self.now,
                created_by: who(),
                delivered_at: None,
                expires_at: None,
                superseded_at: None,
            }],
            details,
        }
    }

    pub(super) fn rotate(&mut self, slot: Slot, hours: u8, end: Option<Option<u8>>, out: Handover) {
        let Some(mut entry) = self.keys.get(&slot).cloned() else {
            return;
        };
        let against = match entry.issued() {
            None => BTreeSet::from([Refusal::Misused]),
            Some(_) if entry.is_revoked() => BTreeSet::from([Refusal::Refused]),
            Some(_) => BTreeSet::new(),
        };
        let overlap: Span = format!("{hours}h").parse().expect("a span");
        let rotation = Rotation {
            overlap,
            expires_at: end.map(|end| end.map(|hours| self.hours(hours))),
        };
        let found = self.find(slot);
        let outcome = self.vault.rotate(&found, rotation, &who(), self.now);
        let Some(pending) = answer(outcome, &against) else {
            return;
        };
        let (_, token) = hand_over(pending, out);
        let gone = entry.add(token.clone(), rotation.expires_at, self.now);
        self.gone.extend(gone);
        self.logged(Verb::Rotate, slot);
        match out {
            Handover::Delivered => {
                entry.deliver(self.hours(hours), self.now);
                self.logged(Verb::Deliver, slot);
            }
            Handover::Failed => {
                entry.pop();
                self.gone.extend(token);
                self.logged(Verb::Undo, slot);
            }
            Handover::Lost => {}
        }
        // A key of no generation is no key.
        if entry.secrets.is_empty() {
            self.keys.remove(&slot);
        } else {
            self.keys.insert(slot, entry);
        }
    }

    pub(super) fn finish(&mut self, slot: Slot) {
        let Some(at) = self.keys.get(&slot).map(|old| old.overlapping(self.now)) else {
            return;
        };
        let found = self.find(slot);
        let ended = self.vault.finish_overlap(&found, &who(), self.now);
        let ended = ended.expect("finished, or nothing to do");
        let entry = self.keys.get_mut(&slot).expect("it is there");
        if let Some(at) = at {
            entry.key.generations[at].superseded_at = Some(self.now);
            assert_eq!(ended.as_ref(), Some(&entry.key.generations[at]));
            self.logged(Verb::Finish, slot);
        } else {
            assert_eq!(ended, None);
        }
    }

    pub(super) fn set(&mut self, slot: Slot, number: u8) {
        let (text, changes) = (format!("value {number}"), KeyEdit::default());
        let content = value(&text);
        let Some(mut entry) = self.keys.get(&slot).cloned() else {
            self.set_new(slot, text);
            return;
        };
        if entry.issued().is_some() {
            let (name, scope) = (slot.name(), slot.scope());
            let outcome = self
                .vault
                .set_new(&name, &scope, &content, &changes, &who(), self.now);
            answer(outcome, &BTreeSet::from([Refusal::Exists]));
            return;
        }
        let mut against = BTreeSet::new();
        if entry.is_revoked() {
            against.insert(Refusal::Refused);
        }
        let found = self.find(slot);
        let outcome = self
            .vault
            .replace_value(&found, &content, &changes, &who(), self.now);
        if answer(outcome, &against).is_some() {
            entry.add(Some(text), None, self.now);
            entry.deliver(self.now, self.now);
            if let Details::Provider(provider) = &mut entry.key.details {
                provider.masked = content.masked();
            }
            self.keys.insert(slot, entry);
            self.logged(Verb::Rotate, slot);
        }
    }

    fn set_new(&mut self, slot: Slot, text: String) {
        let content = value(&text);
        let (name, scope, changes) = (slot.name(), slot.scope(), KeyEdit::default());
        let stored = self
            .vault
            .set_new(&name, &scope, &content, &changes, &who(), self.now)
            .expect("stored");
        let details = ProviderDetails {
            masked: content.masked(),
            ..ProviderDetails::default()
        };
        let mut entry = Entry {
            id: stored.id,
            key: self.new_key(slot, Details::Provider(details)),
            roles: BTreeSet::new(),
            secrets: vec![Some(text)],
            is_default: false,
        };
        entry.deliver(self.now, self.now);
        self.keys.insert(slot, entry);
        self.scopes.insert((slot.scope, KeyKind::Provider));
        self.logged(Verb::Set, slot);
    }

    pub(super) fn revoke(&mut self, slot: Slot) {
        if !self.keys.contains_key(&slot) {
            return;
        }
        let found = self.find(slot);
        self.vault
            .revoke(&found, &who(), self.now)
            .expect("revoked");
        let entry = self.keys.get_mut(&slot).expect("it is there");
        if entry.key.revoked.is_none() {
            entry.key.revoked = Some(Revocation {
                at: self.now,
                by: who(),
            });
            self.logged(Verb::Revoke, slot);
        }
    }

    pub(super) fn delete(&mut self, slot: Slot) {
        if !self.keys.contains_key(&slot) {
            return;
        }
        let found = self.find(slot);
        self.vault
            .delete(&found, &who(), self.now)
            .expect("deleted");
        self.forget(slot);
        self.logged(Verb::Delete, slot);
    }
}

/// What comes of a token, the id of its key and its text, where somebody saw them.
fn hand_over(pending: Pending<'_>, out: Handover) -> (Option<KeyId>, Option<String>) {
    let mut seen = (None, None);
    if out == Handover::Lost {
        std::mem::forget(pending);
        return seen;
    }
    let outcome = pending.deliver(|token, delivered| {
        let text = String::from_utf8(token.expose().to_vec()).expect("ASCII");
        seen = (Some(delivered.found.id), Some(text));
        match out {
            Handover::Failed => Err(io::ErrorKind::Other.into()),
            _ => Ok(()),
        }
    });
    assert_eq!(outcome.is_ok(), out == Handover::Delivered);
    seen
}
