//! Edits of keys: each field by itself, what does not fit, and what a dry run leaves.

use keywright::key::{Context, KeyKind, Role};
use keywright::vault::{KeyEdit, ListEdit, Vault, VaultError};

use crate::fixture::*;

fn parsed<T: std::str::FromStr>(text: &str) -> T
where
    T::Err: std::fmt::Debug,
{
    text.parse().expect("it is one")
}

fn added<T: std::str::FromStr, K>(text: &str) -> ListEdit<T, K>
where
    T::Err: std::fmt::Debug,
{
    ListEdit {
        add: vec![parsed(text)],
        ..ListEdit::default()
    }
}

/// An edit of each field, of which kind of key it is (`None` for both), and the field that it says it changes.
fn edits() -> Vec<(Option<KeyKind>, &'static str, KeyEdit)> {
    let none = KeyEdit::default;
    let (issued, provider) = (Some(KeyKind::Issued), Some(KeyKind::Provider));
    let name = Some(name("renamed"));
    let (tags, note) = (added("tag"), Some(Some(parsed("a note"))));
    let (brand, rate) = (Some(parsed("acme")), Some(Some(parsed("5/m"))));
    let (context, permissions) = (added("team=blue"), added("orders:read"));
    let (providers, models) = (added("openai"), added("gpt-5"));
    let variable = Some(Some(parsed("OTHER")));
    let expires_at = Some(Some(NOW.after(DAY)));
    let (roles, make_default) = (added("reader"), Some(true));
    vec![
        (None, "name", KeyEdit { name, ..none() }),
        (None, "tags", KeyEdit { tags, ..none() }),
        (None, "note", KeyEdit { note, ..none() }),
        (
            None,
            "expires",
            KeyEdit {
                expires_at,
                ..none()
            },
        ),
        (issued, "brand", KeyEdit { brand, ..none() }),
        (issued, "context", KeyEdit { context, ..none() }),
        (
            issued,
            "default",
            KeyEdit {
                make_default,
                ..none()
            },
        ),
        (
            issued,
            "permissions",
            KeyEdit {
                permissions,
                ..none()
            },
        ),
        (issued, "rate", KeyEdit { rate, ..none() }),
        (issued, "roles", KeyEdit { roles, ..none() }),
        (provider, "models", KeyEdit { models, ..none() }),
        (
            provider,
            "providers",
            KeyEdit {
                providers,
                ..none()
            },
        ),
        (provider, "variable", KeyEdit { variable, ..none() }),
    ]
}

/// A vault with a key of each kind, and a default key beside them.
fn furnished(place: &Place) -> Vault {
    let mut vault = place.create();
    issue_named(&mut vault, "default");
    issue_named(&mut vault, "issued");
    set(&mut vault, "provided", "sk-1");
    let role = Role {
        name: parsed("reader"),
        permissions: permissions(&["read"]),
        context: Context::default(),
    };
    vault.set_role(&role, false, &who(), NOW).expect("made");
    vault
}

#[test]
fn each_field_is_changed_by_its_own_edit_and_no_other() {
    let place = Place::new();
    drop(furnished(&place));
    let whole = std::fs::read(place.path()).expect("a vault");
    let state = place.location.state.clone();
    assert!(KeyEdit::default().is_empty());
    for (only, field, edit) in edits() {
        assert!(!edit.is_empty(), "{field}");
        for (kind, key) in [(KeyKind::Issued, "issued"), (KeyKind::Provider, "provided")] {
            std::fs::write(place.path(), &whole).expect("put back");
            std::fs::remove_dir_all(&state).expect("forgotten");
            let mut vault = place.open();
            let verbs = place.verbs();
            let found = find(&mut vault, key);
            let mut change = |dry_run| vault.edit(&found, &edit, dry_run, &who(), NOW);
            if only.is_some_and(|only| only != kind) {
                let refusal = refused(change(false));
                assert!(
                    matches!(refusal, VaultError::Misused(_)),
                    "{field}: {refusal:?}"
                );
                assert_eq!(place.verbs(), verbs, "{field}");
                continue;
            }
            for dry_run in [true, false] {
                let edited = change(dry_run).expect("edited");
                let changes = edited.changes();
                let fields: Vec<_> = changes.iter().map(|change| change.field).collect();
                assert_eq!(fields, [field], "of {key}, dry run: {dry_run}");
                assert!(changes[0].after.is_some(), "{field}");
                let now = find(&mut place.open(), found.id.as_str());
                let expected = if dry_run {
                    &edited.before
                } else {
                    &edited.after
                };
                assert_eq!(now.key, expected.key, "{field}");
                assert_eq!(now.is_default, expected.is_default, "{field}");
                let more = usize::from(!dry_run);
                assert_eq!(place.verbs().len(), verbs.len() + more, "{field}");
            }
        }
    }
}

#[test]
fn a_name_that_is_taken_is_refused_and_its_own_is_not() {
    let place = Place::new();
    let mut vault = furnished(&place);
    let found = find(&mut vault, "issued");
    let mut rename = |to: &str| {
        let edit = KeyEdit {
            name: Some(name(to)),
            ..KeyEdit::default()
        };
        vault.edit(&found, &edit, true, &who(), NOW)
    };
    for taken in ["default", "provided"] {
        assert!(matches!(refused(rename(taken)), VaultError::Exists { .. }));
    }
    assert_eq!(rename("issued").expect("nothing to do").changes(), []);
}

/// It may still be described.
#[test]
fn a_revoked_key_becomes_no_default_and_is_edited_all_the_same() {
    let place = Place::new();
    let mut vault = furnished(&place);
    for key in ["default", "issued"] {
        let found = find(&mut vault, key);
        vault.revoke(&found, &who(), NOW).expect("revoked");
    }
    let mut edit = |key: &str, edit: &KeyEdit| {
        let found = find(&mut vault, key);
        vault.edit(&found, edit, false, &who(), NOW)
    };
    let make_default = KeyEdit {
        make_default: Some(true),
        ..KeyEdit::default()
    };
    let refusal = refused(edit("issued", &make_default));
    assert!(matches!(refusal, VaultError::Refused(_)), "{refusal:?}");
    let note = KeyEdit {
        note: Some(Some(parsed("leaked"))),
        ..KeyEdit::default()
    };
    for key in ["default", "issued"] {
        let edited = edit(key, &note).expect("edited");
        assert_eq!(edited.changes().len(), 1, "{key}");
    }
}

/// A key that looks as it did is another all the same: somebody has changed it since, twice.
#[test]
fn what_was_changed_and_changed_back_is_changed() {
    let place = Place::new();
    let mut vault = furnished(&place);
    let found = find(&mut vault, "issued");
    let noted = |note: Option<&str>| KeyEdit {
        note: Some(note.map(parsed)),
        ..KeyEdit::default()
    };
    let mut other = place.open();
    for note in [Some("on"), None] {
        let found = find(&mut other, "issued");
        let edited = other.edit(&found, &noted(note), false, &who(), NOW);
        edited.expect("edited");
    }
    assert_eq!(find(&mut vault, "issued").key, found.key);
    let edited = vault.edit(&found, &noted(Some("late")), false, &who(), NOW);
    assert!(matches!(refused(edited), VaultError::Changed(_)));
}

#[test]
fn of_a_list_only_what_is_in_it_is_removed() {
    let place = Place::new();
    let mut vault = furnished(&place);
    let found = find(&mut vault, "issued");
    let mut edit = |replace: &[&str], add: &[&str], remove: &[&str]| {
        let list = |texts: &[&str]| texts.iter().map(|text| parsed(text)).collect::<Vec<_>>();
        let tags = ListEdit {
            replace: Some(list(replace)),
            add: list(add),
            remove: list(remove),
        };
        let edit = KeyEdit {
            tags,
            ..KeyEdit::default()
        };
        let edited = vault.edit(&found, &edit, true, &who(), NOW)?;
        let tags = edited.after.key.tags;
        Ok(tags.iter().map(ToString::to_string).collect::<Vec<_>>())
    };
    let left = edit(&["a", "b", "a"], &["c", "b"], &["a"]).expect("edited");
    assert_eq!(left, ["b", "c"]);
    match refused(edit(&["a"], &["b"], &["a", "c"])) {
        VaultError::Misused(why) => assert_eq!(why, "`issued` has no tag `c`"),
        other => panic!("{other:?}"),
    }
}
