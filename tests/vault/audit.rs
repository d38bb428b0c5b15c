//! Who did what, and when: the log and the uses as one story.

use std::path::PathBuf;

use keywright::crypto::Profile;
use keywright::key::{Actor, Context, KeyKind, Role, Timestamp};
use keywright::vault::{
    Audit, AuditCode, AuditEntry, AuditFilter, AuditSource, AuditVerb, Credential, KeyEdit,
    NewIssued, Requirements, Vault, VaultError, Wanted,
};

use crate::fixture::*;

pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp(NOW.0 + seconds)
}

pub(crate) fn use_token(vault: &mut Vault, token: &str, now: Timestamp) {
    let token = secret(token.as_bytes());
    vault
        .verify(&token, &Requirements::default(), true, &who(), now)
        .expect("answered");
}

pub(crate) fn audit(vault: &mut Vault, filter: &AuditFilter) -> Audit {
    let audit = vault.audit(None, &shop(), filter);
    audit.expect("the log is whole").0
}

pub(crate) fn audit_of(
    vault: &mut Vault,
    text: &str,
    filter: &AuditFilter,
) -> Result<Audit, VaultError> {
    let reference = reference(text);
    let wanted = Some(Wanted::Named(&reference));
    vault.audit(wanted, &shop(), filter).map(|(audit, _)| audit)
}

/// `second verb name`, and the code of a use.
fn line(entry: &AuditEntry) -> String {
    let name = entry.name.as_ref().map_or("-", |name| name.as_str());
    let second = entry.at.0 - NOW.0;
    match &entry.code {
        None => format!("{second} {} {name}", entry.verb),
        Some(code) => format!("{second} {} {name} {code}", entry.verb),
    }
}

pub(crate) fn lines(audit: &Audit) -> Vec<String> {
    audit.entries.iter().map(line).collect()
}

pub(crate) fn verbs(texts: &[&str]) -> Vec<AuditVerb> {
    let all = AuditVerb::all();
    all.filter(|verb| texts.contains(&verb.text())).collect()
}

fn codes(texts: &[&str]) -> Vec<AuditCode> {
    let all = AuditCode::all();
    all.filter(|code| texts.contains(&code.text())).collect()
}

pub(crate) fn activity(place: &Place, vault: &Vault) -> PathBuf {
    let state = place.location.state.join(vault.id().to_string());
    state.join("activity.db")
}

pub(crate) fn execute(path: &std::path::Path, sql: &str) {
    let connection = rusqlite::Connection::open(path).expect("a file of SQLite");
    connection.execute_batch(sql).expect("altered");
}

/// Two scopes, both kinds of key, uses of each, a role.
pub(crate) fn used(place: &Place) -> Vault {
    let mut vault = place.create();
    let (ci, _) = issue(&mut vault, &new_key("ci"), at(1));
    let staging = NewIssued {
        scope: scope("shop/staging"),
        ..new_key("web")
    };
    let (web, _) = issue(&mut vault, &staging, at(2));
    set(&mut vault, "openai", "sk-1");
    use_token(&mut vault, &ci, at(3));
    use_token(&mut vault, &with_wrong_secret(&web), at(4));
    let role = Role {
        name: "auditor".parse().expect("a role"),
        permissions: permissions(&["read"]),
        context: Context::default(),
    };
    let somebody: Actor = "somebody".parse().expect("an actor");
    vault.set_role(&role, false, &somebody, at(5)).expect("set");
    use_token(&mut vault, &web, at(5));
    vault
}

const ALL: [&str; 10] = [
    "0 init -",
    "0 set openai",
    "1 create ci",
    "1 deliver ci",
    "2 create web",
    "2 deliver web",
    "3 verify ci valid",
    "4 verify web wrong_secret",
    "5 role-set -",
    "5 verify web valid",
];

#[test]
fn changes_and_uses_are_merged_by_time() {
    let place = Place::new();
    let mut vault = used(&place);
    let everything = audit(&mut vault, &AuditFilter::default());
    assert_eq!(lines(&everything), ALL);
    assert!(!everything.has_more && everything.unopened == 0);
    let wrong = &everything.entries[7];
    assert_eq!(
        (wrong.generation, wrong.kind),
        (None, Some(KeyKind::Issued))
    );
    assert_eq!(everything.entries[6].generation, Some(1));
    assert_eq!(wrong.scope, Some(scope("shop/staging")));
    assert!(wrong.is_refused() && !everything.entries[9].is_refused());
    assert_eq!(
        everything.entries[8].detail.as_deref(),
        Some("auditor: read")
    );
    let numbers: Vec<u64> = everything
        .entries
        .iter()
        .filter(|entry| entry.source == AuditSource::Log)
        .map(|entry| entry.number)
        .collect();
    assert_eq!(numbers, [1, 6, 2, 3, 4, 5, 7]);
    assert!(vault.take_warnings().is_empty());
}

#[test]
fn each_filter_narrows() {
    let place = Place::new();
    let mut vault = used(&place);
    let none = AuditFilter::default();
    let cases: [(AuditFilter, &[usize]); 12] = [
        (
            AuditFilter {
                verbs: verbs(&["verify"]),
                ..none.clone()
            },
            &[6, 7, 9],
        ),
        (
            AuditFilter {
                verbs: verbs(&["set", "init"]),
                ..none.clone()
            },
            &[0, 1],
        ),
        (
            AuditFilter {
                codes: codes(&["wrong_secret"]),
                ..none.clone()
            },
            &[7],
        ),
        (
            AuditFilter {
                codes: codes(&["valid", "expired"]),
                ..none.clone()
            },
            &[6, 9],
        ),
        (
            AuditFilter {
                actor: Some("somebody".parse().expect("an actor")),
                ..none.clone()
            },
            &[8],
        ),
        (
            AuditFilter {
                actor: Some("some".parse().expect("an actor")),
                ..none.clone()
            },
            &[],
        ),
        (
            AuditFilter {
                since: Some(at(4)),
                ..none.clone()
            },
            &[7, 8, 9],
        ),
        (
            AuditFilter {
                until: Some(at(1)),
                ..none.clone()
            },
            &[0, 1, 2, 3],
        ),
        (
            AuditFilter {
                since: Some(at(2)),
                until: Some(at(3)),
                ..none.clone()
            },
            &[4, 5, 6],
        ),
        (
            AuditFilter {
                environment: Some("staging".parse().expect("one")),
                ..none.clone()
            },
            &[4, 5, 7, 9],
        ),
        (
            AuditFilter {
                project: Some("other".parse().expect("one")),
                ..none.clone()
            },
            &[],
        ),
        (
            AuditFilter {
                verbs: verbs(&["create"]),
                codes: codes(&["valid"]),
                ..none.clone()
            },
            &[],
        ),
    ];
    for (filter, expected) in cases {
        let expected: Vec<&str> = expected.iter().map(|at| ALL[*at]).collect();
        assert_eq!(lines(&audit(&mut vault, &filter)), expected, "{filter:?}");
    }
}

#[test]
fn the_limit_keeps_the_newest() {
    let place = Place::new();
    let mut vault = used(&place);
    for limit in 0..=ALL.len() + 1 {
        let filter = AuditFilter {
            limit: Some(limit),
            ..AuditFilter::default()
        };
        let some = audit(&mut vault, &filter);
        let first = ALL.len().saturating_sub(limit);
        assert_eq!(lines(&some), ALL[first..], "{limit}");
        assert_eq!(some.has_more, first > 0, "{limit}");
    }
}

#[test]
fn a_key_is_told_of_by_name_and_by_id() {
    let place = Place::new();
    let mut vault = used(&place);
    let ci = find(&mut vault, "ci");
    let web = vault
        .find(
            Wanted::Named(&reference("web")),
            &scope("shop/staging"),
            true,
        )
        .expect("there");
    let none = AuditFilter::default();
    let of_ci = ["1 create ci", "1 deliver ci", "3 verify ci valid"];
    for text in ["ci", ci.id.as_str(), &ci.display()] {
        let told = audit_of(&mut vault, text, &none).expect("there");
        assert_eq!(lines(&told), of_ci, "{text}");
        assert!(!told.is_gone && told.namesakes.is_empty());
    }
    // An id is found in every scope, unless one is demanded; a name in its own.
    let told = audit_of(&mut vault, web.id.as_str(), &none).expect("there");
    assert_eq!(told.entries.len(), 4);
    let production = AuditFilter {
        environment: Some("production".parse().expect("one")),
        ..none.clone()
    };
    for (text, filter) in [
        (web.id.as_str(), &production),
        ("web", &none),
        ("nobody", &none),
    ] {
        assert!(matches!(
            refused(audit_of(&mut vault, text, filter)),
            VaultError::UnknownKey { .. }
        ));
    }
    let refused_default = refused(vault.audit(Some(Wanted::Default), &shop(), &none).map(drop));
    assert!(matches!(refused_default, VaultError::NoDefault(_)));
}

#[test]
fn deleted_and_renamed_keys_are_found_by_the_names_they_had() {
    let place = Place::new();
    let mut vault = place.create();
    let (token, _) = issue(&mut vault, &new_key("old"), at(1));
    use_token(&mut vault, &token, at(2));
    let edit = KeyEdit {
        name: Some(name("new")),
        ..KeyEdit::default()
    };
    let found = find(&mut vault, "old");
    vault
        .edit(&found, &edit, false, &who(), at(3))
        .expect("renamed");
    let none = AuditFilter::default();
    let renamed = [
        "1 create new",
        "1 deliver new",
        "2 verify new valid",
        "3 edit new",
    ];
    for (text, is_gone) in [("old", true), ("new", false), (found.id.as_str(), false)] {
        let told = audit_of(&mut vault, text, &none).expect("known");
        assert_eq!(
            (lines(&told), told.is_gone),
            (renamed.map(str::to_owned).to_vec(), is_gone)
        );
    }

    let again = find(&mut vault, "new");
    vault.delete(&again, &who(), at(4)).expect("deleted");
    let deleted = [&renamed[..], &["4 delete new"]].concat();
    let strict = AuditFilter {
        project: Some("shop".parse().expect("a project")),
        ..AuditFilter::default()
    };
    let id = found.id.as_str();
    for (text, filter) in [("old", &none), ("new", &none), (id, &none), (id, &strict)] {
        let told = audit_of(&mut vault, text, filter).expect("known");
        assert_eq!(
            (lines(&told), told.is_gone),
            (deleted.iter().map(ToString::to_string).collect(), true)
        );
    }
    // In the scope that it was in, and in no other.
    let elsewhere = vault.audit(
        Some(Wanted::Named(&reference("new"))),
        &scope("shop/staging"),
        &none,
    );
    assert!(matches!(
        refused(elsewhere.map(drop)),
        VaultError::UnknownKey { .. }
    ));

    // The name is another key's by now, and the one before is mentioned.
    issue(&mut vault, &new_key("new"), at(5));
    let told = audit_of(&mut vault, "new", &none).expect("known");
    assert_eq!(lines(&told), ["5 create new", "5 deliver new"]);
    assert_eq!(told.namesakes.into_iter().collect::<Vec<_>>(), [found.id]);
}

#[test]
fn an_altered_entry_is_named_and_a_whole_log_is_not() {
    for (sql, altered) in [
        (None, None),
        (Some("UPDATE log SET sealed = zeroblob(length(sealed)) WHERE seq = 3"), Some(3)),
        (Some("UPDATE log SET nonce = zeroblob(24) WHERE seq = 1"), Some(1)),
        (Some("DELETE FROM log WHERE seq = 4"), Some(4)),
        (
            Some(
                "CREATE TEMP TABLE kept AS SELECT * FROM log WHERE seq IN (3, 4);
                 UPDATE log SET nonce = (SELECT nonce FROM kept WHERE seq = 7 - log.seq),
                                sealed = (SELECT sealed FROM kept WHERE seq = 7 - log.seq) WHERE seq IN (3, 4)",
            ),
            Some(3),
        ),
    ] {
        let place = Place::new();
        let mut vault = used(&place);
        // A copy of it, which no other process has open.
        let copied = place.folder().join("copy.db");
        copy(place.path(), &copied);
        if let Some(sql) = sql {
            execute(&copied, sql);
        }
        std::fs::rename(&copied, place.path()).expect("put there");
        // The head names the last entry alone, so that all else goes on.
        assert_eq!(names(&mut vault), ["ci", "openai", "web"]);
        let outcome = vault.audit(None, &shop(), &AuditFilter::default());
        match altered {
            None => assert_eq!(lines(&outcome.expect("whole").0), ALL),
            Some(number) => {
                let told = refused(outcome.map(drop)).to_string();
                assert!(told.contains(&format!("entry {number} of the log")), "{told}");
            }
        }
    }
}

#[test]
fn uses_that_do_not_open_are_counted() {
    let place = Place::new();
    let mut vault = used(&place);
    let none = AuditFilter::default();
    execute(
        &activity(&place, &vault),
        "UPDATE event SET at = at + 1 WHERE seq = 1",
    );
    let told = audit(&mut vault, &none);
    assert_eq!((told.unopened, told.entries.len()), (1, ALL.len() - 1));
    // What another scope sealed is not this key's.
    execute(
        &activity(&place, &vault),
        "UPDATE event SET at = at - 1 WHERE seq = 1;
         UPDATE event SET key_id = (SELECT key_id FROM event WHERE seq = 1) WHERE seq = 2",
    );
    assert_eq!(audit(&mut vault, &none).unopened, 1);
    let rows = "UPDATE event SET key_id = x'00', sealed = x'00' WHERE seq > 1";
    execute(&activity(&place, &vault), rows);
    assert_eq!(audit(&mut vault, &none).unopened, 2);

    vault
        .rekey_compromised(&passphrase("battery"), Profile::Test, &who(), at(9))
        .expect("everything is sealed anew");
    let told = audit(&mut vault, &none);
    assert_eq!((told.unopened, told.entries.len()), (3, 8));
    assert!(
        told.entries
            .iter()
            .all(|entry| entry.source == AuditSource::Log)
    );
}

#[test]
fn without_an_activity_file_the_log_is_all() {
    let place = Place::new();
    let mut vault = place.create();
    issue_named(&mut vault, "ci");
    let told = audit(&mut vault, &AuditFilter::default());
    assert_eq!(lines(&told), ["0 init -", "0 create ci", "0 deliver ci"]);
    assert!(!activity(&place, &vault).exists());
}

#[test]
fn who_has_an_access_token_cannot_read_the_log() {
    let place = Place::new();
    let mut vault = used(&place);
    let token = vault
        .create_access(&name("server"), &shop(), KeyKind::Issued, None, &who(), NOW)
        .expect("an access token");
    let mut holder = place
        .open_with(&Credential::access_token(&token))
        .expect("opens");
    let outcome = holder.audit(None, &shop(), &AuditFilter::default());
    assert!(matches!(
        refused(outcome.map(drop)),
        VaultError::OwnerOnly { .. }
    ));
}
