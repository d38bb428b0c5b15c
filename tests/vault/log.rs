//! What of the log and of the uses is looked at when.

use std::collections::HashSet;

use keywright::key::{Context, Role};
use keywright::vault::{
    AuditFilter, AuditVerb, Filter, Import, ImportedValue, NewIssued, VaultError,
};

use crate::audit::{activity, audit, audit_of, execute, use_token};
use crate::fixture::*;

/// An import is one entry of the log, so that only the vault knows what its keys are called.
#[test]
fn a_use_of_an_imported_key_has_its_name() {
    let place = Place::new();
    let mut vault = place.create();
    let import = Import {
        values: vec![ImportedValue {
            name: name("openai"),
            scope: shop(),
            variable: None,
            providers: Vec::new(),
            value: value("sk-1"),
        }],
        ..Import::default()
    };
    vault.import(&import, false, &who(), NOW).expect("imported");
    get(&mut vault, "openai");
    let told = audit(&mut vault, &AuditFilter::default());
    let names: Vec<_> = told.entries.into_iter().map(|entry| entry.name).collect();
    assert_eq!(names.last(), Some(&Some(name("openai"))), "{names:?}");
}

/// By it a change is found again whose commit was cut off, and told from all others.
#[test]
fn each_change_is_an_operation_of_its_own() {
    let place = Place::new();
    let mut vault = place.create();
    for text in ["one", "two"] {
        set(&mut vault, text, "sk-1");
    }
    let log = vault.log().expect("the log is whole");
    let operations: HashSet<_> = log.iter().map(|entry| &entry.operation).collect();
    assert_eq!(operations.len(), log.len());
    let is_id = |id: &&String| id.len() == 32 && id.bytes().all(|b| b.is_ascii_hexdigit());
    assert!(operations.iter().all(is_id), "{operations:?}");
}

/// A change of a role is a change of what each key may do that has it, and of no other.
#[test]
fn the_story_of_a_key_has_the_changes_of_its_roles() {
    let place = Place::new();
    let mut vault = place.create();
    let role = |text: &str, may: &str| Role {
        name: text.parse().expect("a role"),
        permissions: permissions(&[may]),
        context: Context::default(),
    };
    for text in ["billing", "other"] {
        let made = vault.set_role(&role(text, "read"), false, &who(), NOW);
        made.expect("made");
    }
    let new = NewIssued {
        roles: vec!["billing".parse().expect("a role")],
        ..new_key("ci")
    };
    issue(&mut vault, &new, NOW);
    for text in ["billing", "other"] {
        let changed = vault.set_role(&role(text, "write"), false, &who(), NOW);
        changed.expect("changed");
    }
    let told = audit_of(&mut vault, "ci", &AuditFilter::default()).expect("known");
    let of_roles = told.entries.iter().filter(|entry| entry.key_id.is_none());
    let details: Vec<_> = of_roles
        .map(|entry| entry.detail.clone().unwrap_or_default())
        .collect();
    assert_eq!(details.len(), 2, "{details:?}");
    assert!(
        details.iter().all(|detail| detail.starts_with("billing")),
        "{details:?}"
    );
}

/// Whoever asks for changes alone is not told of uses that do not open.
#[test]
fn uses_are_looked_at_where_they_are_wanted() {
    let place = Place::new();
    let mut vault = place.create();
    let token = issue_named(&mut vault, "ci");
    use_token(&mut vault, &token, NOW);
    execute(
        &activity(&place, &vault),
        "UPDATE event SET sealed = zeroblob(length(sealed))",
    );
    for (text, unopened) in [("create", 0), ("verify", 1)] {
        let verb = AuditVerb::all().find(|verb| verb.text() == text);
        let filter = AuditFilter {
            verbs: vec![verb.expect("a verb")],
            ..AuditFilter::default()
        };
        assert_eq!(audit(&mut vault, &filter).unopened, unopened, "{text}");
    }
}

/// Whoever opens the vault looks at the end of the log, though only its readers go through all of it.
#[test]
fn a_log_that_has_another_end_is_refused_by_whoever_opens_the_vault() {
    for edit in [
        "DELETE FROM log WHERE seq = (SELECT max(seq) FROM log)",
        "DELETE FROM log WHERE seq = 1",
        "UPDATE log SET sealed = zeroblob(length(sealed)) WHERE seq = (SELECT max(seq) FROM log)",
        "INSERT INTO log SELECT seq + 1, nonce, sealed FROM log ORDER BY seq DESC LIMIT 1",
    ] {
        let place = Place::new();
        let mut vault = place.create();
        set(&mut vault, "openai", "sk-1");
        drop(vault);
        execute(place.path(), edit);
        let opened = place.try_open();
        let listed = opened.and_then(|mut vault| vault.list(&Filter::default(), NOW));
        let told = refused(listed);
        assert!(matches!(told, VaultError::Altered { .. }), "{edit}: {told}");
    }
}
