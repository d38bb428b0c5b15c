//! What of the log and of the uses is looked at when.

use keywright::vault::{AuditFilter, AuditVerb, Filter, Import, ImportedValue, VaultError};

use crate::audit::{activity, audit, execute, use_token};
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
