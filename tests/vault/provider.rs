//! Keys that providers gave us.

use keywright::crypto::{SecretValue, VALUE_LIMIT};
use keywright::key::{KeyKind, Timestamp};
use keywright::vault::{Comparison, KeyEdit, ListEdit, Vault, VaultError};

use crate::fixture::*;

fn compare(vault: &mut Vault, text: &str, content: &str) -> Result<&'static str, VaultError> {
    vault
        .compare(&name(text), &shop(), &value(content))
        .map(|comparison| match comparison {
            Comparison::Different(_) => "different",
            Comparison::New => "new",
            Comparison::Same(_) => "same",
        })
}

fn replace(vault: &mut Vault, text: &str, content: &str, now: Timestamp) {
    let found = find(vault, text);
    let changes = KeyEdit::default();
    vault
        .replace_value(&found, &value(content), &changes, &who(), now)
        .expect("replaced");
}

fn previous(vault: &mut Vault, text: &str) -> Result<Vec<u8>, VaultError> {
    let found = find(vault, text);
    let value = vault.value(&found, true, &who(), NOW)?;
    Ok(value.expose().to_vec())
}

#[test]
fn a_value_is_compared_before_it_is_stored() {
    let place = Place::new();
    let mut vault = place.create();
    assert_eq!(
        compare(&mut vault, "openai", "one").expect("compared"),
        "new"
    );
    set(&mut vault, "openai", "one");
    assert_eq!(
        compare(&mut vault, "openai", "one").expect("compared"),
        "same"
    );
    for other in ["two", "on", "onee"] {
        assert_eq!(
            compare(&mut vault, "openai", other).expect("compared"),
            "different"
        );
    }
    issue_named(&mut vault, "ci");
    for outcome in [
        compare(&mut vault, "ci", "one").map(drop),
        vault
            .set_new(
                &name("ci"),
                &shop(),
                &value("x"),
                &KeyEdit::default(),
                &who(),
                NOW,
            )
            .map(drop),
    ] {
        assert!(matches!(
            refused(outcome),
            VaultError::Exists {
                kind: KeyKind::Issued,
                ..
            }
        ));
    }
}

#[test]
fn one_previous_value_is_kept() {
    let place = Place::new();
    let mut vault = place.create();
    set(&mut vault, "openai", "one");
    assert!(matches!(
        refused(previous(&mut vault, "openai")),
        VaultError::Refused(_)
    ));
    for (new, old) in [("two", "one"), ("three", "two")] {
        replace(&mut vault, "openai", new, NOW);
        assert_eq!(get(&mut vault, "openai"), new.as_bytes());
        assert_eq!(
            previous(&mut vault, "openai").expect("kept"),
            old.as_bytes()
        );
    }
    let key = find(&mut vault, "openai").key;
    assert_eq!(key.generations.len(), 2);
    assert_eq!(key.current().map(|generation| generation.number), Some(3));
    assert!(key.overlapping(NOW).is_none());
}

#[test]
fn a_value_comes_back_byte_for_byte() {
    let place = Place::new();
    let mut vault = place.create();
    let all: Vec<u8> = (1..=255).collect();
    let long = vec![b'x'; VALUE_LIMIT];
    let table: [(&str, &[u8]); 4] = [
        ("line", b"a\r\nb\n"),
        ("bytes", &all),
        ("long", &long),
        ("short", b"x"),
    ];
    for (text, bytes) in table {
        let stored = SecretValue::new(secret(bytes)).expect("a value");
        vault
            .set_new(
                &name(text),
                &shop(),
                &stored,
                &KeyEdit::default(),
                &who(),
                NOW,
            )
            .expect("stored");
        assert_eq!(get(&mut vault, text), bytes, "{text}");
        replace(&mut vault, text, "new", NOW);
        assert_eq!(previous(&mut vault, text).expect("kept"), bytes, "{text}");
    }
}

#[test]
fn a_revoked_value_is_not_given_out_or_replaced() {
    let place = Place::new();
    let mut vault = place.create();
    set(&mut vault, "openai", "one");
    let found = find(&mut vault, "openai");
    vault.revoke(&found, &who(), NOW).expect("revoked");
    let found = find(&mut vault, "openai");
    let changes = KeyEdit::default();
    for outcome in [
        vault.value(&found, false, &who(), NOW).map(drop),
        vault.value(&found, true, &who(), NOW).map(drop),
        vault
            .replace_value(&found, &value("two"), &changes, &who(), NOW)
            .map(drop),
        compare(&mut vault, "openai", "one").map(drop),
    ] {
        assert!(matches!(refused(outcome), VaultError::Refused(_)));
    }
}

#[test]
fn a_value_that_was_replaced_meanwhile_is_not_given_out() {
    let place = Place::new();
    let mut vault = place.create();
    set(&mut vault, "openai", "one");
    let stale = find(&mut vault, "openai");
    replace(&mut place.open(), "openai", "two", NOW);
    assert!(matches!(
        refused(vault.value(&stale, false, &who(), NOW)),
        VaultError::Changed(_)
    ));
}

#[test]
fn an_issued_token_is_not_shown_again() {
    let place = Place::new();
    let mut vault = place.create();
    issue_named(&mut vault, "ci");
    let found = find(&mut vault, "ci");
    assert!(matches!(
        refused(vault.value(&found, false, &who(), NOW)),
        VaultError::NotShownAgain(_)
    ));
}

#[test]
fn what_is_known_of_a_key_changes_and_its_value_stays() {
    let place = Place::new();
    let mut vault = place.create();
    let end = Timestamp(NOW.0 + 90 * 86_400);
    let first = KeyEdit {
        providers: ListEdit::replaced_by(vec!["openai".parse().expect("a provider")]),
        variable: Some(Some("OPENAI_API_KEY".parse().expect("a variable"))),
        expires_at: Some(Some(end)),
        ..KeyEdit::default()
    };
    let shown = "sk-0123456789abcdef";
    vault
        .set_new(&name("openai"), &shop(), &value(shown), &first, &who(), NOW)
        .expect("stored");
    let found = find(&mut vault, "openai");
    let again = vault.edit(&found, &first, false, &who(), NOW);
    let again = again.expect("nothing is different");
    assert!(again.changes().is_empty());
    let second = KeyEdit {
        models: ListEdit::replaced_by(vec!["gpt-5".parse().expect("a model")]),
        note: Some(Some("for tests".parse().expect("a note"))),
        ..KeyEdit::default()
    };
    let edited = vault.edit(&found, &second, false, &who(), NOW);
    let fields: Vec<&str> = edited
        .expect("changed")
        .changes()
        .iter()
        .map(|change| change.field)
        .collect();
    assert_eq!(fields, ["models", "note"]);
    let key = find(&mut vault, "openai").key;
    let provider = key.provider().expect("a provider key");
    assert_eq!(Some(provider.variable.clone()), first.variable);
    assert_eq!(provider.models, second.models.replace.expect("given above"));
    assert_eq!(provider.masked, "sk-••••def");
    assert_eq!(key.expires_at(), Some(end));
    assert_eq!(get(&mut vault, "openai"), shown.as_bytes());

    // A new value is given the lifetime that the old one was given.
    let later = Timestamp(NOW.0 + 86_400);
    replace(&mut vault, "openai", "short", later);
    let key = find(&mut vault, "openai").key;
    assert_eq!(key.expires_at(), Some(Timestamp(end.0 + 86_400)));
    assert_eq!(key.provider().expect("a provider key").masked, "••••");
}

/// It ended by itself before: a generation never ends later than it expires.
#[test]
fn an_expired_value_that_is_replaced_ended_when_it_expired() {
    let place = Place::new();
    let mut vault = place.create();
    let expires_at = Some(NOW.after(DAY));
    let expiring = KeyEdit {
        expires_at: Some(expires_at),
        ..KeyEdit::default()
    };
    let (openai, old, new) = (name("openai"), value("sk-1"), value("sk-2"));
    vault
        .set_new(&openai, &shop(), &old, &expiring, &who(), NOW)
        .expect("stored");
    let (found, later) = (find(&mut vault, "openai"), NOW.after(DAY).after(DAY));
    let key = vault
        .replace_value(&found, &new, &KeyEdit::default(), &who(), later)
        .expect("replaced");
    assert_eq!(key.generations[0].superseded_at, expires_at);
    assert_eq!(key.expires_at(), Some(later.after(DAY)));
}
