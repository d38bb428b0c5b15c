//! What is known of a key, changed.

use std::collections::BTreeSet;
use std::fmt::{Debug, Display};
use std::str::FromStr;

use keywright::key::{Context, Details, KeyKind, Rate, Timestamp};
use keywright::vault::{KeyEdit, ListEdit, Verb};

use super::command::{
    BRANDS, Bits, Edit, IssuedEdit, LABELS, PAIRS, PERMISSIONS, ProviderEdit, RATES, ROLES, Slot,
    of,
};
use super::entry::{Entry, agree};
use super::{Against, Model, Refusal, answer};
use crate::fixture::*;

const VARIABLES: [&str; 4] = ["A_KEY", "B_KEY", "C_KEY", "D_KEY"];

impl Model {
    pub(super) fn edit(&mut self, slot: Slot, edit: &Edit, dry_run: bool) {
        let Some(before) = self.keys.get(&slot).cloned() else {
            return;
        };
        let edit = edit.of_kind(before.key.kind());
        let to = Slot {
            name: edit.name.unwrap_or(slot.name),
            ..slot
        };
        let (after, against) = self.edited(&before, to, &edit);
        let changed = self.changed(&before, &after);
        let found = self.find(slot);
        let change = edit.for_vault(self);
        let outcome = self.vault.edit(&found, &change, dry_run, &who(), self.now);
        let Some(edited) = answer(outcome, &against) else {
            return;
        };
        assert_eq!(edited.before.key, before.whole(&self.roles));
        assert_eq!(edited.after.key, after.whole(&self.roles));
        let told: Vec<&str> = edited.changes().iter().map(|change| change.field).collect();
        assert_eq!(told, changed);
        if dry_run || changed.is_empty() {
            return;
        }
        self.keys.remove(&slot);
        let (is_default, was_default) = (after.is_default, before.is_default);
        self.keys.insert(to, after);
        if is_default != was_default {
            self.mark_default(to, is_default);
        }
        let name = to.name().to_string();
        self.log
            .push((Verb::Edit, Some(name), Some(changed.join(", "))));
    }

    /// The key as it would be, and what stands against that.
    fn edited(&self, before: &Entry, to: Slot, edit: &Edit) -> (Entry, Against) {
        let (mut after, mut against) = (before.clone(), BTreeSet::new());
        let is_issued = before.issued().is_some();
        let of_other_kind = if is_issued {
            edit.provider != ProviderEdit::default()
        } else {
            edit.issued != IssuedEdit::default()
        };
        if of_other_kind {
            return (after, BTreeSet::from([Refusal::Misused]));
        }
        if to.name() != before.key.name && self.keys.contains_key(&to) {
            against.insert(Refusal::Exists);
        }
        after.key.name = to.name();
        let mut tags = list(&before.key.tags, edit.tags, &LABELS, &mut against);
        tags.sort();
        after.key.tags = parsed(&tags);
        if let Some(note) = edit.note {
            after.key.note = note.map(|number| format!("note {number}").parse().expect("a note"));
        }
        if let Some(end) = edit.expires {
            after.present().expires_at = end.map(|hours| self.hours(hours));
        }
        if is_issued {
            self.edit_issued(&mut after, edit.issued, &mut against);
        } else {
            edit_provider(&mut after, edit.provider, &mut against);
        }
        (after, against)
    }

    fn edit_issued(&self, entry: &mut Entry, edit: IssuedEdit, against: &mut Against) {
        let is_default = edit.make_default.unwrap_or(entry.is_default);
        if is_default && !entry.is_default && entry.is_revoked() {
            against.insert(Refusal::Refused);
        }
        entry.is_default = is_default;
        let roles: Vec<_> = entry.roles.iter().cloned().collect();
        let roles = list(&roles, edit.roles, &ROLES, against);
        entry.roles = parsed(&roles).into_iter().collect();
        if entry
            .roles
            .iter()
            .any(|name| !self.roles.contains_key(name))
        {
            against.insert(Refusal::UnknownRole);
        }
        let Details::Issued(issued) = &mut entry.key.details else {
            unreachable!("an issued key");
        };
        if let Some(brand) = edit.brand {
            issued.brand = BRANDS[usize::from(brand)].parse().expect("a brand");
        }
        if let Some(number) = edit.rate {
            issued.rate = number.map(rate);
        }
        let own: Vec<_> = issued.permissions.iter().cloned().collect();
        let own = list(&own, edit.permissions, &PERMISSIONS, against);
        issued.permissions = permissions(&own.iter().map(String::as_str).collect::<Vec<_>>());
        issued.context = context(&issued.context, edit.context, against);
        let roles = entry.roles.iter().filter_map(|name| self.roles.get(name));
        if !agree(&issued.context, roles.map(|(role, ..)| role)) {
            against.insert(Refusal::Parse);
        }
    }

    /// The fields that are different, as the log names them.
    fn changed(&self, before: &Entry, after: &Entry) -> Vec<&'static str> {
        let (issued, provider) = (
            before.issued().zip(after.issued()),
            before.key.provider().zip(after.key.provider()),
        );
        let mut fields = vec![
            ("name", before.key.name != after.key.name),
            ("roles", before.roles != after.roles),
            ("expires", end(before) != end(after)),
            ("tags", before.key.tags != after.key.tags),
            ("note", before.key.note != after.key.note),
            ("default", before.is_default != after.is_default),
        ];
        if let Some((before, after)) = issued {
            fields.extend([
                ("permissions", before.permissions != after.permissions),
                ("context", before.context != after.context),
                ("rate", before.rate != after.rate),
                ("brand", before.brand != after.brand),
            ]);
        }
        if let Some((before, after)) = provider {
            fields.extend([
                ("providers", before.providers != after.providers),
                ("models", before.models != after.models),
                ("variable", before.variable != after.variable),
            ]);
        }
        const ORDER: [&str; 13] = [
            "name",
            "permissions",
            "roles",
            "context",
            "rate",
            "brand",
            "providers",
            "models",
            "variable",
            "expires",
            "tags",
            "note",
            "default",
        ];
        let differs = |name: &&str| fields.contains(&(*name, true));
        ORDER.into_iter().filter(differs).collect()
    }
}

fn rate(number: u8) -> Rate {
    RATES[usize::from(number)].parse().expect("a rate")
}

impl Edit {
    /// Without what the key's kind does not have, unless it is to be refused.
    fn of_kind(&self, kind: KeyKind) -> Self {
        let mut edit = self.clone();
        match kind {
            _ if self.both => {}
            KeyKind::Issued => edit.provider = ProviderEdit::default(),
            KeyKind::Provider => edit.issued = IssuedEdit::default(),
        }
        edit
    }

    fn for_vault(&self, model: &Model) -> KeyEdit {
        let (issued, provider) = (&self.issued, &self.provider);
        let name = |name| Slot { scope: 0, name }.name();
        let keys = PAIRS.map(|pair| pair.split_once('=').expect("a pair").0);
        let note = |number| format!("note {number}").parse().expect("a note");
        let variable = |number| VARIABLES[usize::from(number)].parse().expect("a variable");
        KeyEdit {
            name: self.name.map(name),
            tags: self.tags.list(&LABELS, &LABELS),
            note: self.note.map(|note_| note_.map(note)),
            expires_at: self.expires.map(|end| end.map(|hours| model.hours(hours))),
            brand: issued
                .brand
                .map(|brand| BRANDS[usize::from(brand)].parse().expect("a brand")),
            context: issued.context.list(&PAIRS, &keys),
            make_default: issued.make_default,
            permissions: issued.permissions.list(&PERMISSIONS, &PERMISSIONS),
            rate: issued.rate.map(|number| number.map(rate)),
            roles: issued.roles.list(&ROLES, &ROLES),
            models: provider.models.list(&LABELS, &LABELS),
            providers: provider.providers.list(&LABELS, &LABELS),
            variable: provider.variable.map(|number| number.map(variable)),
        }
    }
}

impl Bits {
    fn list<T: FromStr<Err: Debug>, K: FromStr<Err: Debug>>(
        self,
        items: &[&str],
        keys: &[&str],
    ) -> ListEdit<T, K> {
        ListEdit {
            replace: self.replace.map(|bits| parsed(&of(items, bits))),
            add: parsed(&of(items, self.add)),
            remove: parsed(&of(keys, self.remove)),
        }
    }
}

fn edit_provider(entry: &mut Entry, edit: ProviderEdit, against: &mut Against) {
    let Details::Provider(provider) = &mut entry.key.details else {
        unreachable!("a provider key");
    };
    provider.providers = parsed(&list(&provider.providers, edit.providers, &LABELS, against));
    provider.models = parsed(&list(&provider.models, edit.models, &LABELS, against));
    if let Some(number) = edit.variable {
        provider.variable =
            number.map(|number| VARIABLES[usize::from(number)].parse().expect("a variable"));
    }
}

/// Replaced, added to, taken from. What is taken has to be there by then.
fn list<T: Display>(
    before: &[T],
    edit: Bits,
    items: &[&str],
    against: &mut Against,
) -> Vec<String> {
    let before = before.iter().map(ToString::to_string);
    let mut after: Vec<String> = match edit.replace {
        Some(bits) => texts(items, bits),
        None => before.collect(),
    };
    for added in texts(items, edit.add) {
        if !after.contains(&added) {
            after.push(added);
        }
    }
    for taken in texts(items, edit.remove) {
        match after.iter().position(|item| *item == taken) {
            Some(at) => drop(after.remove(at)),
            None => drop(against.insert(Refusal::Misused)),
        }
    }
    after
}

/// Likewise, but that what is taken has to be there before anything is added.
fn context(before: &Context, edit: Bits, against: &mut Against) -> Context {
    let own: Vec<String> = before
        .iter()
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    let without_taking = Bits { remove: 0, ..edit };
    let base = list(
        &own,
        Bits {
            add: 0,
            ..without_taking
        },
        &PAIRS,
        against,
    );
    let taken = texts(&PAIRS, edit.remove);
    if taken.iter().any(|pair| !base.contains(pair)) {
        against.insert(Refusal::Misused);
    }
    let mut pairs = list(&own, without_taking, &PAIRS, against);
    pairs.retain(|pair| !taken.contains(pair));
    Context::from_pairs(&parsed::<_, keywright::key::ContextPair>(&pairs)).expect("each key once")
}

fn texts(items: &[&str], bits: u8) -> Vec<String> {
    of(items, bits).into_iter().map(str::to_owned).collect()
}

fn parsed<S: AsRef<str>, T: FromStr<Err: Debug>>(texts: &[S]) -> Vec<T> {
    let parse = |text: &S| text.as_ref().parse().expect("a value of this type");
    texts.iter().map(parse).collect()
}

fn end(entry: &Entry) -> Option<Timestamp> {
    entry.clone().present().expires_at
}
