//! Roles: one change for all keys that have one, and what keeps it from being made or deleted.

use keywright::key::{Context, Key, Role};
use keywright::vault::{Import, ImportedRole, NewIssued, Vault, VaultError};

use crate::fixture::*;

fn role(text: &str, list: &[&str]) -> Role {
    Role {
        name: text.parse().expect("a name"),
        permissions: permissions(list),
        context: Context::default(),
    }
}

/// A vault with two roles, and keys that have one of them, both, or none.
fn furnished(place: &Place) -> Vault {
    let mut vault = place.create();
    for role in [role("reader", &["read"]), role("writer", &["write"])] {
        vault.set_role(&role, false, &who(), NOW).expect("made");
    }
    for (text, of, roles) in [
        ("both", "shop/production", &["reader", "writer"][..]),
        ("one", "shop/staging", &["reader"]),
        ("none", "shop/production", &[]),
    ] {
        let new = NewIssued {
            scope: scope(of),
            roles: roles
                .iter()
                .map(|role| role.parse().expect("a name"))
                .collect(),
            ..new_key(text)
        };
        issue(&mut vault, &new, NOW);
    }
    set(&mut vault, "openai", "sk-1");
    vault
}

/// What a key's roles give it, by their names.
fn given(key: &Key) -> Vec<String> {
    let roles = key.issued().expect("issued").roles.iter();
    let told = roles.map(|role| format!("{} {}", role.name, role.permissions));
    told.collect()
}

fn keys(vault: &mut Vault) -> Vec<(String, Vec<String>)> {
    let filter = keywright::vault::Filter {
        kind: Some(keywright::key::KeyKind::Issued),
        ..Default::default()
    };
    let keys = vault.list(&filter, NOW).expect("listed").into_iter();
    let told = keys.map(|found| (found.key.name.to_string(), given(&found.key)));
    told.collect()
}

fn holders<'a>(keys: impl IntoIterator<Item = &'a keywright::vault::Found>) -> Vec<String> {
    let names = keys.into_iter().map(|found| found.key.name.to_string());
    names.collect()
}

#[test]
fn a_change_of_a_role_is_one_of_all_keys_that_have_it() {
    let place = Place::new();
    let mut vault = furnished(&place);
    let told = vault.roles().expect("told");
    let told: Vec<_> = told
        .iter()
        .map(|known| (known.role.name.as_str(), holders(&known.keys)))
        .collect();
    let both = || "both".to_owned();
    assert_eq!(
        told,
        [
            ("reader", vec![both(), "one".to_owned()]),
            ("writer", vec![both()])
        ]
    );
    let verbs = place.verbs();
    let wider = role("reader", &["list", "read"]);
    for dry_run in [true, false] {
        let change = vault.set_role(&wider, dry_run, &who(), NOW).expect("set");
        assert_eq!(change.before, Some(role("reader", &["read"])));
        assert_eq!(holders(&change.keys), ["both", "one"]);
        assert_eq!(place.verbs().len(), verbs.len() + usize::from(!dry_run));
    }
    let key = |text: &str, roles: &[&str]| {
        let roles = roles.iter().map(|&role| role.to_owned());
        (text.to_owned(), roles.collect::<Vec<_>>())
    };
    assert_eq!(
        keys(&mut vault),
        [
            key("both", &["reader list, read", "writer write"]),
            key("none", &[]),
            key("one", &["reader list, read"])
        ]
    );
    let known = vault.role(&wider.name).expect("there");
    assert_eq!(known.role, wider);
    // The same once more is no change.
    vault.set_role(&wider, false, &who(), NOW).expect("set");
    assert_eq!(place.verbs().len(), verbs.len() + 1);
}

#[test]
fn a_role_is_deleted_once_no_key_has_it() {
    let place = Place::new();
    let mut vault = furnished(&place);
    let [reader, writer] = ["reader", "writer"].map(|text| text.parse().expect("a name"));
    let mut delete = |role, dry_run| vault.delete_role(role, dry_run, &who(), NOW);
    match refused(delete(&reader, false)) {
        VaultError::RoleInUse { keys, .. } => {
            assert_eq!(keys, ["`both` in shop/production", "`one` in shop/staging"]);
        }
        other => panic!("{other:?}"),
    }
    assert!(matches!(
        refused(delete(&writer, true)),
        VaultError::RoleInUse { .. }
    ));
    let mut vault = place.open();
    let found = find(&mut vault, "both");
    vault.delete(&found, &who(), NOW).expect("deleted");
    let verbs = place.verbs();
    for dry_run in [true, false] {
        let gone = vault.delete_role(&writer, dry_run, &who(), NOW);
        assert_eq!(gone.expect("deleted").name, writer);
        assert_eq!(place.verbs().len(), verbs.len() + usize::from(!dry_run));
    }
    assert_eq!(vault.role_names().expect("told"), [reader]);
    assert!(matches!(
        refused(vault.delete_role(&writer, false, &who(), NOW)),
        VaultError::UnknownRole { .. }
    ));
}

#[test]
fn a_vault_has_room_for_a_thousand_roles_and_no_more() {
    let place = Place::new();
    let mut vault = place.create();
    issue_named(&mut vault, "ci");
    // Records beside those of the roles take none of their room.
    vault
        .create_access(
            &name("x"),
            &shop(),
            keywright::key::KeyKind::Issued,
            None,
            &who(),
            NOW,
        )
        .expect("an access token");
    let roles = (1..1000).map(|number| ImportedRole {
        role: role(&format!("r{number}"), &["read"]),
        created_at: NOW,
        created_by: who(),
    });
    let import = Import {
        roles: roles.collect(),
        ..Import::default()
    };
    vault.import(&import, false, &who(), NOW).expect("imported");
    let mut set = |text: &str| vault.set_role(&role(text, &["write"]), false, &who(), NOW);
    set("last").expect("there is room");
    let full = refused(set("another"));
    assert!(matches!(full, VaultError::Limit(_)), "{full:?}");
    // One that is there may still be changed.
    set("r7").expect("changed");
    assert_eq!(vault.role_names().expect("told").len(), 1000);
}
