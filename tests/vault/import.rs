//! Values that become provider keys: new, there already, or in the way; and what is read back.

use keywright::key::KeyKind;
use keywright::vault::{Fate, Filter, Import, Imported, ImportedValue, VaultError};

use crate::fixture::*;

fn import(values: &[(&str, &str)]) -> Import {
    let new = |(key, text): &(&str, &str)| ImportedValue {
        name: name(key),
        scope: shop(),
        variable: key.parse().ok(),
        providers: Vec::new(),
        value: value(text),
    };
    Import {
        values: values.iter().map(new).collect(),
        ..Import::default()
    }
}

#[test]
fn values_are_new_unchanged_or_in_conflict() {
    let place = Place::new();
    let mut vault = place.create();
    set(&mut vault, "same", "1");
    set(&mut vault, "other", "1");
    set(&mut vault, "revoked", "1");
    let revoked = find(&mut vault, "revoked");
    vault.revoke(&revoked, &who(), NOW).expect("revoked");
    issue_named(&mut vault, "issued");
    let values = import(&[
        ("revoked", "1"),
        ("new", "1"),
        ("same", "1"),
        ("other", "2"),
        ("issued", "1"),
        ("new", "1"),
    ]);
    let fates = vault
        .foresee_import(&values, &who(), NOW)
        .expect("foreseen");
    let conflict = |key: &str| Fate::Conflict(format!("`{key}` in shop/production"));
    assert_eq!(
        fates,
        [
            conflict("revoked"),
            Fate::New,
            Fate::Unchanged,
            conflict("other"),
            conflict("issued"),
            conflict("new")
        ]
    );
    let verbs = place.verbs();
    let err = vault
        .import(&values, false, &who(), NOW)
        .expect_err("refused");
    let VaultError::ImportConflicts(conflicts) = err else {
        panic!("{err}");
    };
    assert_eq!(conflicts.len(), 4);
    assert_eq!(place.verbs(), verbs);

    let values = import(&[("new", "1"), ("same", "1"), ("newer", "2")]);
    let mut seen = Vec::new();
    let imported = vault.import_watched(&values, false, &who(), NOW, &mut |done| seen.push(done));
    let expected = Imported {
        provider: 2,
        unchanged: 1,
        ..Imported::default()
    };
    assert_eq!((imported.expect("imported"), seen), (expected, vec![1, 2]));
    assert_eq!(place.verbs().len(), verbs.len() + 1, "one entry for all");
    // Again there is nothing to do, and nothing is logged.
    let again = vault.import(&values, false, &who(), NOW).expect("imported");
    assert_eq!((again.provider, again.unchanged), (0, 3));
    assert_eq!(place.verbs().len(), verbs.len() + 1);
    let provider = Filter {
        kind: Some(KeyKind::Provider),
        ..Filter::default()
    };
    assert_eq!(vault.list(&provider, NOW).expect("listed").len(), 5);
}

#[test]
fn what_is_not_in_the_vault_as_it_was_imported_is_missing() {
    let place = Place::new();
    let mut vault = place.create();
    let values = import(&[("a", "1"), ("b", "2"), ("c", "3")]);
    assert_eq!(vault.missing_of(&values).expect("read").len(), 3);
    vault.import(&values, false, &who(), NOW).expect("imported");
    assert_eq!(vault.missing_of(&values).expect("read"), []);
    // Another value under one name, another scope, and a name that is not there.
    let others = import(&[("a", "1"), ("b", "other"), ("d", "3")]);
    assert_eq!(
        vault.missing_of(&others).expect("read"),
        [name("b"), name("d")]
    );
    let mut elsewhere = import(&[("a", "1")]);
    elsewhere.values[0].scope = scope("shop/staging");
    assert_eq!(vault.missing_of(&elsewhere).expect("read"), [name("a")]);
    // It is the file that is read, which another program has changed since.
    let mut other = place.open();
    let found = find(&mut other, "c");
    other.delete(&found, &who(), NOW).expect("deleted");
    assert_eq!(vault.missing_of(&values).expect("read"), [name("c")]);
}

/// Before anything is sealed: that would take a while for nothing.
#[test]
fn more_keys_than_a_scope_can_have_are_refused() {
    let place = Place::new();
    let mut vault = place.create();
    set(&mut vault, "one more", "1");
    let names: Vec<String> = (0..100_000).map(|number| format!("K{number}")).collect();
    let values: Vec<_> = names.iter().map(|name| (name.as_str(), "1")).collect();
    let verbs = place.verbs();
    let err = vault
        .import(&import(&values), false, &who(), NOW)
        .expect_err("refused");
    let VaultError::Limit(why) = &err else {
        panic!("{err:?}");
    };
    assert_eq!(why, "a scope has at most 100000 keys of a kind");
    assert_eq!(place.verbs(), verbs);
}
