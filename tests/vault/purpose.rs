//! Provider keys by what they are for.

use keywright::key::Scope;
use keywright::vault::{KeyEdit, ListEdit, Purpose, Vault, VaultError};

use crate::fixture::*;

/// Words separated by spaces, each a provider or a model.
fn list<T: std::str::FromStr>(words: &str) -> ListEdit<T> {
    let parsed = words.split_whitespace().map(|word| word.parse().ok());
    ListEdit::replaced_by(parsed.map(|word| word.expect("valid")).collect())
}

fn store(vault: &mut Vault, text: &str, place: &Scope, providers: &str, models: &str) {
    let edit = KeyEdit {
        providers: list(providers),
        models: list(models),
        ..KeyEdit::default()
    };
    vault
        .set_new(&name(text), place, &value(text), &edit, &who(), NOW)
        .expect("stored");
}

/// The name of the key that serves `provider/model`, either of which may be empty.
fn served(vault: &mut Vault, wanted: &str, place: &Scope) -> Result<String, VaultError> {
    let (provider, model) = wanted.split_once('/').expect("a slash");
    let purpose = Purpose {
        provider: provider.parse().ok(),
        model: model.parse().ok(),
    };
    let found = vault.find_for(&purpose, place)?;
    Ok(found.key.name.to_string())
}

fn revoke(vault: &mut Vault, text: &str) {
    let found = find(vault, text);
    vault.revoke(&found, &who(), NOW).expect("revoked");
}

fn filled(place: &Place) -> Vault {
    let (mut vault, shop) = (place.create(), shop());
    store(&mut vault, "any", &shop, "openai", "");
    store(&mut vault, "named", &shop, "openai", "gpt-5 o3");
    store(&mut vault, "both", &shop, "mistral cohere", "large");
    store(&mut vault, "one", &shop, "groq", "");
    store(&mut vault, "other", &shop, "groq", "");
    store(&mut vault, "model", &shop, "", "free");
    store(&mut vault, "nothing", &shop, "", "");
    store(&mut vault, "away", &scope("bank/production"), "xai", "grok");
    issue_named(&mut vault, "issued");
    vault
}

#[test]
fn the_key_that_names_the_model_comes_before_one_that_names_none() {
    let place = Place::new();
    let (mut vault, shop) = (filled(&place), shop());
    for (wanted, expected) in [
        ("openai/gpt-5", "named"),
        ("openai/o3", "named"),
        ("openai/unheard-of", "any"),
        ("/gpt-5", "named"),
        ("mistral/", "both"),
        ("cohere/large", "both"),
        ("/free", "model"),
    ] {
        let found = served(&mut vault, wanted, &shop).expect("served");
        assert_eq!(found, expected, "{wanted}");
    }
    let there = served(&mut vault, "xai/", &scope("bank/production"));
    assert_eq!(there.expect("served"), "away");
}

#[test]
fn several_are_named_and_none_is_told_with_what_is_near() {
    let place = Place::new();
    let (mut vault, shop) = (filled(&place), shop());
    for (wanted, several) in [
        ("openai/", "`any`, `named`"),
        ("groq/", "`one`, `other`"),
        ("groq/llama", "`one`, `other`"),
    ] {
        let err = refused(served(&mut vault, wanted, &shop));
        assert!(matches!(err, VaultError::ManyKeys { .. }), "{err:?}");
        assert!(err.to_string().ends_with(several), "{err}");
    }
    for (wanted, elsewhere, near) in [
        ("openia/", "", Some("openai")),
        ("OPENAI/gpt-5", "", Some("openai")),
        ("mistral/Large", "", Some("large")),
        // Without a provider, a key that names no model is for none that is known.
        ("/unheard-of", "", None),
        // The models of others are no help.
        ("mistral/gpt-5", "", None),
        ("xai/", "bank/production", None),
        ("/grok", "bank/production", None),
    ] {
        match refused(served(&mut vault, wanted, &shop)) {
            VaultError::NoKeyFor {
                elsewhere: places,
                nearest,
                ..
            } => {
                assert_eq!(places.join(" "), elsewhere, "{wanted}");
                if elsewhere.is_empty() {
                    assert_eq!(nearest.as_deref(), near, "{wanted}");
                }
            }
            err => panic!("{wanted}: {err:?}"),
        }
    }
}

#[test]
fn a_revoked_key_is_found_where_there_is_no_other() {
    let place = Place::new();
    let (mut vault, shop) = (filled(&place), shop());
    revoke(&mut vault, "named");
    revoke(&mut vault, "one");
    let found = |vault: &mut Vault, wanted| served(vault, wanted, &shop).expect("served");
    assert_eq!(found(&mut vault, "openai/gpt-5"), "any");
    assert_eq!(found(&mut vault, "groq/"), "other");
    assert_eq!(found(&mut vault, "/gpt-5"), "named");
    revoke(&mut vault, "other");
    assert_eq!(found(&mut vault, "groq/"), "one");
}

#[test]
fn a_variable_is_held_in_its_scope() {
    let place = Place::new();
    let mut vault = place.create();
    let variable = "ACME_KEY".parse().expect("valid");
    let held = |vault: &mut Vault, place: &Scope| {
        let holder = vault.holder_of(&variable, place).expect("read");
        holder.map(|name| name.to_string())
    };
    assert_eq!(held(&mut vault, &shop()), None);
    for text in ["second", "first"] {
        let edit = KeyEdit {
            variable: Some(Some(variable.clone())),
            ..KeyEdit::default()
        };
        vault
            .set_new(&name(text), &shop(), &value(text), &edit, &who(), NOW)
            .expect("stored");
    }
    assert_eq!(held(&mut vault, &shop()).as_deref(), Some("first"));
    revoke(&mut vault, "first");
    assert_eq!(held(&mut vault, &shop()).as_deref(), Some("first"));
    assert_eq!(held(&mut vault, &scope("bank/production")), None);
}
