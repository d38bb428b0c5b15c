//! Pointing at keys, and lists of them.

use keywright::key::{KeyKind, Scope, Span, Status, Timestamp};
use keywright::vault::{Filter, KeyEdit, ListEdit, NewIssued, Vault, VaultError, Wanted};

use crate::fixture::*;

fn filled(place: &Place) -> Vault {
    let mut vault = place.create();
    for (text, place) in [
        ("ci", "shop/production"),
        ("Dashboard", "shop/production"),
        ("ci", "shop/staging"),
        ("bank", "bank/production"),
    ] {
        let new = NewIssued {
            scope: scope(place),
            ..new_key(text)
        };
        issue(&mut vault, &new, NOW);
    }
    set(&mut vault, "openai", "sk-0123456789abcdef");
    vault
}

fn found_in(
    vault: &mut Vault,
    text: &str,
    place: &Scope,
    strict: bool,
) -> Result<String, VaultError> {
    vault
        .find(Wanted::Named(&reference(text)), place, strict)
        .map(|found| format!("{} in {}", found.key.name, found.scope))
}

#[test]
fn a_key_is_found_by_name_id_and_displayed_token() {
    let place = Place::new();
    let mut vault = filled(&place);
    let bank = vault
        .find(
            Wanted::Named(&reference("bank")),
            &scope("bank/production"),
            true,
        )
        .expect("found");
    let (id, shown) = (bank.id.to_string(), bank.display());
    assert!(shown.starts_with(&format!("kwt_prod1_{id}_")));
    let shop = shop();
    let table = [
        ("ci", "ci in shop/production"),
        ("openai", "openai in shop/production"),
        (&id, "bank in bank/production"),
        (&shown, "bank in bank/production"),
    ];
    for (text, expected) in table {
        let found = found_in(&mut vault, text, &shop, false);
        assert_eq!(found.expect("found"), expected, "{text}");
    }
    // Strict: an id counts in its own scope alone.
    refused(found_in(&mut vault, &id, &shop, true));
    let found = found_in(&mut vault, &id, &scope("bank/production"), true);
    assert_eq!(found.expect("found"), "bank in bank/production");
}

#[test]
fn a_name_comes_before_an_id() {
    let place = Place::new();
    let mut vault = filled(&place);
    let id = find(&mut vault, "ci").id.to_string();
    issue_named(&mut vault, &id);
    assert_eq!(find(&mut vault, &id).key.name.as_str(), id);
}

#[test]
fn a_name_is_the_same_in_every_unicode_form() {
    let place = Place::new();
    let mut vault = place.create();
    issue_named(&mut vault, "clé");
    assert_eq!(find(&mut vault, "cle\u{301}").key.name.as_str(), "clé");
    let outcome = vault.check_issue(&new_key("cle\u{301}"), &who(), NOW);
    assert!(matches!(refused(outcome), VaultError::Exists { .. }));
    // Case counts: `CI` and `ci` are two keys.
    issue_named(&mut vault, "CLÉ");
}

#[test]
fn an_unknown_key_is_answered_with_help() {
    let place = Place::new();
    let mut vault = filled(&place);
    let table: [(&str, &[&str], Option<&str>); 5] = [
        ("bank", &["bank/production"], None),
        ("dashbord", &[], Some("Dashboard")),
        ("Ci", &[], Some("ci")),
        ("nothing like it", &[], None),
        ("000000000000", &[], None),
    ];
    for (text, places, near) in table {
        match refused(try_find(&mut vault, text)) {
            VaultError::UnknownKey {
                elsewhere, nearest, ..
            } => assert_eq!(
                (elsewhere, nearest.as_deref()),
                (places.iter().map(ToString::to_string).collect(), near),
                "{text}"
            ),
            other => panic!("{text}: {other:?}"),
        }
    }
    // In a scope without keys there is nothing near.
    match refused(found_in(&mut vault, "ci", &scope("new/dev"), false)) {
        VaultError::UnknownKey {
            elsewhere, nearest, ..
        } => {
            assert_eq!(elsewhere, ["shop/production", "shop/staging"]);
            assert_eq!(nearest, None);
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_list_is_sorted_and_filtered() {
    let place = Place::new();
    let mut vault = filled(&place);
    let later = Timestamp(NOW.0 + 10 * 86_400);
    let described = KeyEdit {
        providers: ListEdit::replaced_by(vec!["Anthropic".parse().expect("a provider")]),
        models: ListEdit::replaced_by(vec!["gpt-5".parse().expect("a model")]),
        variable: Some(Some("LLM_KEY".parse().expect("a variable"))),
        note: Some(Some("of the team".parse().expect("a note"))),
        tags: ListEdit::replaced_by(vec!["paid".parse().expect("a tag")]),
        expires_at: Some(Some(Timestamp(NOW.0 + 20 * 86_400))),
        ..KeyEdit::default()
    };
    let found = find(&mut vault, "openai");
    vault
        .edit(&found, &described, false, &who(), NOW)
        .expect("described");
    let bank = vault
        .find(
            Wanted::Named(&reference("bank")),
            &scope("bank/production"),
            true,
        )
        .expect("found");
    vault.revoke(&bank, &who(), NOW).expect("revoked");

    let text = |text: &str| Filter {
        text: Some(text.parse().expect("valid")),
        ..Filter::default()
    };
    let id = find(&mut vault, "ci").id.to_string().to_lowercase();
    let days = |count| Some(Span::days(count));
    let table: Vec<(&str, Filter, &[&str])> = vec![
        (
            "all",
            Filter::default(),
            &["bank", "ci", "Dashboard", "openai", "ci"],
        ),
        ("text", text("DASH"), &["Dashboard"]),
        ("id", text(&id), &["ci"]),
        ("masked token", text("kwt_stg1"), &["ci"]),
        ("provider text", text("AnthroPIC"), &["openai"]),
        ("model text", text("GPT"), &["openai"]),
        ("variable text", text("llm"), &["openai"]),
        ("note text", text("team"), &["openai"]),
        ("tag text", text("pai"), &["openai"]),
        (
            "kind",
            Filter {
                kind: Some(KeyKind::Provider),
                ..Filter::default()
            },
            &["openai"],
        ),
        (
            "project",
            Filter {
                project: Some("bank".parse().expect("a project")),
                ..Filter::default()
            },
            &["bank"],
        ),
        (
            "environment",
            Filter {
                environment: Some("stg".parse().expect("an environment")),
                ..Filter::default()
            },
            &["ci"],
        ),
        (
            "status",
            Filter {
                status: Some(Status::Revoked),
                ..Filter::default()
            },
            &["bank"],
        ),
        (
            "permission",
            Filter {
                permission: Some("read".parse().expect("a permission")),
                ..Filter::default()
            },
            &["bank", "ci", "Dashboard", "ci"],
        ),
        (
            "another permission",
            Filter {
                permission: Some("write".parse().expect("a permission")),
                ..Filter::default()
            },
            &[],
        ),
        (
            "provider",
            Filter {
                provider: Some("Anthropic".parse().expect("a provider")),
                ..Filter::default()
            },
            &["openai"],
        ),
        (
            "tag",
            Filter {
                tag: Some("paid".parse().expect("a tag")),
                ..Filter::default()
            },
            &["openai"],
        ),
        (
            "expiring later",
            Filter {
                expiring: days(9),
                ..Filter::default()
            },
            &[],
        ),
        (
            "expiring soon",
            Filter {
                expiring: days(10),
                ..Filter::default()
            },
            &["openai"],
        ),
        (
            "unused too short",
            Filter {
                unused: days(11),
                ..Filter::default()
            },
            &[],
        ),
        (
            "unused",
            Filter {
                unused: days(10),
                kind: Some(KeyKind::Provider),
                ..Filter::default()
            },
            &["openai"],
        ),
    ];
    for (what, filter, expected) in table {
        let keys = vault.list(&filter, later).expect("a list");
        let listed: Vec<_> = keys.iter().map(|found| found.key.name.as_str()).collect();
        assert_eq!(listed, expected, "{what}");
    }
}
