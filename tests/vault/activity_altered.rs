//! An activity file with numbers that cannot be, and one that has no room for another.

use keywright::key::Timestamp;
use keywright::vault::{
    AuditFilter, Export, Filter, Requirements, Retention, StoreError, UseCounts, Vault, VaultError,
};
use rusqlite::Connection;

use crate::audit::*;
use crate::fixture::*;

/// Edits that give an event a number that none can have, and that number.
const EDITS: [(&str, &str); 5] = [
    (
        "INSERT INTO event SELECT 9223372036854775807, at, key_id, sealed FROM event LIMIT 1",
        "9223372036854775807",
    ),
    (
        "INSERT INTO event SELECT 9007199254740993, at, key_id, sealed FROM event LIMIT 1",
        "9007199254740993",
    ),
    ("UPDATE event SET seq = -seq", "-3"),
    ("UPDATE event SET seq = seq - 1", "0"),
    (
        "UPDATE event SET seq = -9223372036854775807 - 1 WHERE seq = 2",
        "-9223372036854775808",
    ),
];

/// Past the schema's own constraint, as whoever writes the file can.
fn edit(place: &Place, vault: &Vault, sql: &str) {
    let sql = format!("PRAGMA ignore_check_constraints = ON; {sql}");
    execute(&activity(place, vault), &sql);
}

/// All that is in the file.
fn content(place: &Place, vault: &Vault) -> Vec<String> {
    let connection = Connection::open(activity(place, vault)).expect("an activity file");
    let sql = "SELECT 'event ' || seq || ' ' || at FROM event
               UNION ALL SELECT 'usage ' || hex(key_id) || day || code || ' ' || count FROM usage
               UNION ALL SELECT 'total ' || hex(key_id) || ' ' || requests FROM total";
    let mut statement = connection.prepare(sql).expect("its tables");
    let rows = statement.query_map([], |row| row.get(0)).expect("its rows");
    rows.collect::<Result<_, _>>().expect("its rows")
}

/// The numbers of all events.
fn numbers(place: &Place, vault: &Vault) -> Vec<i64> {
    let connection = Connection::open(activity(place, vault)).expect("an activity file");
    let mut statement = connection
        .prepare("SELECT seq FROM event ORDER BY seq")
        .expect("its tables");
    let rows = statement.query_map([], |row| row.get(0)).expect("its rows");
    rows.collect::<Result<_, _>>().expect("its rows")
}

fn tells(err: &VaultError, number: &str) {
    let VaultError::Activity(StoreError::Altered { path, what }) = err else {
        panic!("not about an altered activity file: {err:?}");
    };
    assert!(path.ends_with("activity.db"));
    assert!(what.contains(&format!("the number {number} ")), "{what}");
}

#[test]
fn recording_warns_or_refuses_and_writes_nothing() {
    for (sql, number) in EDITS {
        for required in [false, true] {
            let mut place = Place::new();
            let token = issue_named(&mut used(&place), "late");
            place.location.audit_required = required;
            let mut vault = place.open();
            edit(&place, &vault, sql);
            let before = content(&place, &vault);
            let presented = secret(token.as_bytes());
            let nothing = Requirements::default();
            let told = vault.verify(&presented, &nothing, true, &who(), at(9));
            let verifier = vault.known_keys(None).expect("every key");
            let mut counts = UseCounts::default();
            counts.add(&verifier.check(presented.as_slice(), &nothing, at(9)));
            let counted = vault.record_counts(&mut counts);
            if required {
                for refusal in [refused(told.map(drop)), refused(counted)] {
                    assert!(matches!(refusal, VaultError::NotRecorded(_)), "{refusal:?}");
                }
            } else {
                told.expect("answered all the same");
                counted.expect("a warning");
                let warnings = vault.take_warnings();
                assert_eq!(warnings.len(), 2, "{warnings:?}");
                for warning in warnings {
                    assert!(warning.contains("recorded: `"), "{warning}");
                    assert!(warning.contains("was altered"), "{warning}");
                    assert!(warning.contains(&format!("number {number} ")), "{warning}");
                }
            }
            assert_eq!(content(&place, &vault), before, "{sql}");
        }
    }
}

#[test]
fn nothing_is_forgotten() {
    for (sql, _) in EDITS {
        let mut place = Place::new();
        place.location.retention = Retention {
            usage_days: 0,
            event_days: 0,
            events: 1,
        };
        let mut vault = used(&place);
        edit(&place, &vault, sql);
        let before = content(&place, &vault);
        vault.prune_activity(at(1_000_000_000));
        assert_eq!(content(&place, &vault), before, "{sql}");
    }
    // The same without an edit, which says that there was something to forget.
    let mut place = Place::new();
    place.location.retention.event_days = 0;
    let mut vault = used(&place);
    vault.prune_activity(at(1_000_000_000));
    assert_eq!(numbers(&place, &vault), [3]);
}

#[test]
fn audit_and_usage_say_so() {
    for (sql, number) in EDITS {
        let place = Place::new();
        let mut vault = used(&place);
        let found = find(&mut vault, "ci");
        let none = AuditFilter::default();
        let (_, mut mark) = vault.audit(None, &shop(), &none).expect("whole");
        edit(&place, &vault, sql);
        let early = AuditFilter {
            until: Some(at(3)),
            ..AuditFilter::default()
        };
        for filter in [&none, &early] {
            tells(
                &refused(vault.audit(None, &shop(), filter).map(drop)),
                number,
            );
            tells(
                &refused(audit_of(&mut vault, "ci", filter).map(drop)),
                number,
            );
        }
        tells(
            &refused(vault.audit_after(&mut mark, &none).map(drop)),
            number,
        );
        tells(&refused(vault.usage_of(&found, 0, 10).map(drop)), number);
        tells(&refused(vault.usage_by_day(0).map(drop)), number);
        assert!(vault.take_warnings().is_empty());
        vault.list(&Filter::default(), NOW).expect("a list");
        let warnings = vault.take_warnings();
        assert!(
            warnings[0].starts_with("usage is not known"),
            "{warnings:?}"
        );
    }
}

/// As a newer keywright leaves it, or whoever altered it.
#[test]
fn a_file_of_another_format_is_not_taken_for_one_without_uses() {
    for (format, words) in [
        (0, "its tables are not those of an activity file"),
        (2, "has format 2"),
    ] {
        let place = Place::new();
        let mut vault = used(&place);
        execute(
            &activity(&place, &vault),
            &format!("PRAGMA user_version = {format}"),
        );
        let before = content(&place, &vault);
        vault = place.open();
        let audit = vault.audit(None, &shop(), &AuditFilter::default());
        let VaultError::Activity(refusal) = refused(audit.map(drop)) else {
            panic!("not about the activity file");
        };
        assert!(refusal.to_string().contains(words), "{refusal}");
        let found = find(&mut vault, "ci");
        refused(vault.usage_of(&found, 0, 10).map(drop));
        // Neither written nor forgotten.
        let unknown = secret(b"kwt_");
        let told = vault.verify(&unknown, &Requirements::default(), true, &who(), at(9));
        told.expect("answered all the same");
        let warnings = vault.take_warnings().join("\n");
        assert!(warnings.contains("not recorded"), "{warnings}");
        assert_eq!(content(&place, &vault), before);
    }
}

#[test]
fn the_schema_refuses_a_number_below_one() {
    let place = Place::new();
    let vault = used(&place);
    let connection = Connection::open(activity(&place, &vault)).expect("an activity file");
    for sql in [
        "UPDATE event SET seq = 0 WHERE seq = 1",
        "UPDATE event SET seq = -seq",
    ] {
        let refusal = connection.execute(sql, []).expect_err("a constraint");
        assert!(refusal.to_string().contains("CHECK"), "{refusal}");
    }
}

fn export(vault: &mut Vault, now: Timestamp) -> Result<Export, VaultError> {
    vault.export(&Filter::default(), true, &who(), now)
}

#[test]
fn the_values_of_an_export_are_recorded_together() {
    let place = Place::new();
    let mut vault = used(&place);
    set(&mut vault, "anthropic", "sk-2");
    let exported = export(&mut vault, at(6)).expect("exported");
    let values = exported.keys.iter().filter(|key| key.value.is_some());
    assert_eq!(values.count(), 2);
    assert_eq!(numbers(&place, &vault), [1, 2, 3, 4, 5]);
    let told = audit(
        &mut vault,
        &AuditFilter {
            verbs: verbs(&["export"]),
            ..AuditFilter::default()
        },
    );
    let mut lines = lines(&told);
    lines.sort_unstable();
    assert_eq!(
        lines,
        ["6 export anthropic export", "6 export openai export"]
    );
    assert!(vault.take_warnings().is_empty());
}

#[test]
fn an_export_that_cannot_be_recorded_in_whole_is_not_recorded_at_all() {
    for required in [false, true] {
        let mut place = Place::new();
        let mut vault = used(&place);
        set(&mut vault, "anthropic", "sk-2");
        place.location.audit_required = required;
        let mut vault = place.open();
        // The last number but one: there is room for one of the two.
        edit(
            &place,
            &vault,
            "UPDATE event SET seq = 9007199254740991 WHERE seq = 3",
        );
        let before = content(&place, &vault);
        let outcome = export(&mut vault, at(6));
        let warnings = vault.take_warnings();
        if required {
            let refusal = refused(outcome.map(drop));
            assert!(matches!(refusal, VaultError::NotRecorded(_)), "{refusal:?}");
        } else {
            outcome.expect("exported all the same");
            assert_eq!(warnings.len(), 1, "{warnings:?}");
            let begin = "these 2 uses were not recorded: `";
            assert!(warnings[0].starts_with(begin), "{warnings:?}");
        }
        assert_eq!(content(&place, &vault), before);
        // One use has room, and the audit tells all that is there.
        get(&mut vault, "openai");
        assert!(vault.take_warnings().is_empty());
        assert_eq!(
            numbers(&place, &vault)[2..],
            [9_007_199_254_740_991, 9_007_199_254_740_992]
        );
        vault
            .audit(None, &shop(), &AuditFilter::default())
            .expect("whole");
    }
}
