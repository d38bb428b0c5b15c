//! Keys and roles of another vault: as they were there, and nothing of them where something is in the way.

use keywright::key::{Context, KeyId, KeyKind, ProviderDetails, Role, Status, Timestamp};
use keywright::vault::{
    Import, Imported, ImportedHalf, ImportedKey, ImportedRole, ImportedValue, KeyTrouble,
    Requirements, Vault, VaultError,
};

use crate::fixture::*;

const THEN: Timestamp = Timestamp(NOW.0 - 1000);

fn key(text: &str, id: &str, half: ImportedHalf) -> ImportedKey {
    ImportedKey {
        id: id.parse().expect("an id"),
        name: name(text),
        scope: shop(),
        is_default: false,
        created_at: THEN,
        created_by: who(),
        present_since: THEN,
        expires_at: None,
        revoked: None,
        tags: Vec::new(),
        note: None,
        half,
    }
}

fn issued(text: &str, id: &str) -> ImportedKey {
    let half = ImportedHalf::Issued {
        brand: Default::default(),
        permissions: permissions(&["write"]),
        context: Context::default(),
        roles: vec!["reader".parse().expect("a name")],
        rate: None,
    };
    key(text, id, half)
}

fn provider(text: &str, id: &str) -> ImportedKey {
    let half = ImportedHalf::Provider {
        details: ProviderDetails {
            models: ["b", "a", "b"]
                .map(|model| model.parse().expect("a model"))
                .to_vec(),
            ..ProviderDetails::default()
        },
        value: value("sk-imported"),
    };
    key(text, id, half)
}

fn reader(list: &[&str]) -> ImportedRole {
    ImportedRole {
        role: Role {
            name: "reader".parse().expect("a name"),
            permissions: permissions(list),
            context: Context::default(),
        },
        created_at: THEN,
        created_by: who(),
    }
}

fn some_value(text: &str) -> ImportedValue {
    ImportedValue {
        name: name(text),
        scope: shop(),
        variable: None,
        providers: vec!["openai".parse().expect("a provider")],
        value: value("sk-plain-0123456789"),
    }
}

/// A role, a key of each kind, and a value.
fn all() -> Import {
    let default = ImportedKey {
        is_default: true,
        ..issued("ours", "AAAAAAAAAAAA")
    };
    Import {
        roles: vec![reader(&["read"])],
        keys: vec![default, provider("theirs", "BBBBBBBBBBBB")],
        values: vec![some_value("plain")],
    }
}

fn conflicts(vault: &mut Vault, import: &Import) -> Vec<String> {
    match refused(vault.import(import, false, &who(), NOW)) {
        VaultError::ImportConflicts(conflicts) => conflicts,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_there_is_to_import_is_counted() {
    let counted = Imported {
        issued: 1,
        provider: 2,
        roles: 1,
        unchanged: 0,
    };
    assert_eq!((all().count(), all().len()), (counted, 3));
    let none = Import::default;
    let import = all();
    let (roles, keys, values) = (import.roles, import.keys, import.values);
    let one = [
        Import { roles, ..none() },
        Import { keys, ..none() },
        Import { values, ..none() },
    ];
    assert!(one.iter().all(|import| !import.is_empty()));
    assert_eq!(one.map(|import| import.len()), [0, 2, 1]);
    assert!(none().is_empty());
    assert_eq!(
        counted.to_string(),
        "1 issued key, 2 provider keys and 1 new role"
    );
}

#[test]
fn keys_come_as_they_were() {
    let place = Place::new();
    let mut vault = place.create();
    let verbs = place.verbs();
    for dry_run in [true, false] {
        let imported = vault.import(&all(), dry_run, &who(), NOW);
        assert_eq!(imported.expect("imported"), all().count());
        let more = usize::from(!dry_run);
        assert_eq!(place.verbs().len(), verbs.len() + more);
    }
    let ours = find(&mut vault, "ours");
    assert_eq!(
        (ours.id.to_string().as_str(), ours.kind()),
        ("AAAAAAAAAAAA", KeyKind::Issued)
    );
    assert!(ours.is_default);
    assert_eq!(ours.key.created_at, THEN);
    let granted = ours.key.issued().expect("issued").granted_permissions();
    assert_eq!(granted.to_string(), "read, write");
    // Its token is another vault's.
    assert_eq!(ours.key.status(NOW), Status::Undelivered);
    assert_eq!(get(&mut vault, "theirs"), b"sk-imported");
    let provided =
        |vault: &mut Vault, text| find(vault, text).key.provider().cloned().expect("provided");
    let theirs = provided(&mut vault, "theirs");
    let models: Vec<_> = theirs.models.iter().map(|model| model.as_str()).collect();
    assert_eq!(models, ["b", "a"], "none twice");
    let plain = provided(&mut vault, "plain");
    assert_eq!(plain.providers[0].as_str(), "openai");
    assert_eq!(plain.masked, value("sk-plain-0123456789").masked());

    // The role and the value are there already; the keys' names are taken.
    let taken = ["`ours` in shop/production", "`theirs` in shop/production"];
    assert_eq!(conflicts(&mut vault, &all()), taken);
    let again = Import {
        keys: Vec::new(),
        ..all()
    };
    let imported = vault.import(&again, false, &who(), NOW).expect("imported");
    let unchanged = Imported {
        unchanged: 1,
        ..Imported::default()
    };
    assert_eq!(imported, unchanged);
}

#[test]
fn a_role_alone_is_a_change() {
    let place = Place::new();
    let mut vault = place.create();
    let import = Import {
        roles: vec![reader(&["read"])],
        ..Import::default()
    };
    for roles in [1, 0] {
        let imported = vault.import(&import, false, &who(), NOW).expect("imported");
        assert_eq!(
            (imported.roles, imported.has_changed()),
            (roles, roles == 1)
        );
        assert_eq!(place.verbs(), ["Init", "Import"]);
    }
}

#[test]
fn a_token_that_had_expired_there_ended_then() {
    let place = Place::new();
    let mut vault = place.create();
    let (past, future) = (Timestamp(NOW.0 - 1), Timestamp(NOW.0 + 1));
    for (text, id, expires_at, ends) in [
        ("past", "AAAAAAAAAAAA", Some(past), past),
        ("future", "BBBBBBBBBBBB", Some(future), NOW),
        ("never", "CCCCCCCCCCCC", None, NOW),
    ] {
        let key = ImportedKey {
            expires_at,
            ..issued(text, id)
        };
        let import = Import {
            roles: vec![reader(&["read"])],
            keys: vec![key],
            values: Vec::new(),
        };
        vault.import(&import, false, &who(), NOW).expect("imported");
        let found = find(&mut vault, text);
        assert_eq!(found.key.generations[0].superseded_at, Some(ends), "{text}");
    }
}

#[test]
fn everything_that_is_in_the_way_is_named() {
    let place = Place::new();
    let mut vault = place.create();
    vault.import(&all(), false, &who(), NOW).expect("imported");
    let verbs = place.verbs();
    let import = Import {
        roles: vec![reader(&["read", "write"])],
        keys: vec![
            // An id is a key's for life, in every scope.
            ImportedKey {
                scope: scope("shop/staging"),
                ..issued("new", "BBBBBBBBBBBB")
            },
            ImportedKey {
                is_default: true,
                ..issued("newer", "CCCCCCCCCCCC")
            },
            issued("twice", "DDDDDDDDDDDD"),
            issued("twice", "EEEEEEEEEEEE"),
            issued("another", "DDDDDDDDDDDD"),
        ],
        values: vec![
            some_value("ours"),
            some_value("twice"),
            some_value("theirs"),
        ],
    };
    let id = "DDDDDDDDDDDD".parse::<KeyId>().expect("an id");
    let expected = [
        "the role `reader` with another content".to_owned(),
        "the key id `BBBBBBBBBBBB`".to_owned(),
        "a second default key of shop/production, `newer`".to_owned(),
        "`twice` in shop/production".to_owned(),
        format!("the key id `{id}`"),
        "`ours` in shop/production".to_owned(),
        "`twice` in shop/production".to_owned(),
        "`theirs` in shop/production".to_owned(),
    ];
    assert_eq!(conflicts(&mut vault, &import), expected);
    assert_eq!(place.verbs(), verbs);
}

/// That nobody used it says nothing more.
#[test]
fn that_a_key_has_no_token_is_all_that_is_told_of_it() {
    let place = Place::new();
    let mut vault = place.create();
    let import = Import {
        roles: vec![reader(&["read"])],
        keys: vec![issued("ours", "AAAAAAAAAAAA")],
        values: Vec::new(),
    };
    vault.import(&import, false, &who(), NOW).expect("imported");
    // A use of another key, without which nothing is known of uses.
    let used = secret(issue_named(&mut vault, "used").as_bytes());
    let answer = vault.verify(&used, &Requirements::default(), true, &who(), NOW);
    answer.expect("answered");
    let later = NOW.after(keywright::key::Span::days(100));
    let told = vault.diagnose(false, later).expect("read").of_keys;
    let told: Vec<_> = told.into_iter().map(|(_, trouble)| trouble).collect();
    assert_eq!(told, [KeyTrouble::NoToken]);
}
