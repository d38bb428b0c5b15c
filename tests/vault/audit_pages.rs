//! An audit that goes on from where it was, and one of many uses.

use keywright::key::Span;
use keywright::vault::{AuditFilter, Vault, Wanted};

use crate::audit::*;
use crate::fixture::*;

/// All of it in one second: a key that is rotated and deleted, and another of its name that is revoked.
fn in_one_second(vault: &mut Vault) {
    let then = at(1);
    let (first, _) = issue(vault, &new_key("ci"), then);
    use_token(vault, &first, then);
    let second = rotate(vault, "ci", overlap(Span::ZERO), then);
    use_token(vault, &first, then);
    use_token(vault, &second, then);
    let found = find(vault, "ci");
    vault.delete(&found, &who(), then).expect("deleted");
    let (third, _) = issue(vault, &new_key("ci"), then);
    let fourth = rotate(vault, "ci", overlap(Span::days(1)), then);
    use_token(vault, &third, then);
    let found = find(vault, "ci");
    vault.finish_overlap(&found, &who(), then).expect("ended");
    use_token(vault, &fourth, then);
    let found = find(vault, "ci");
    vault.revoke(&found, &who(), then).expect("revoked");
    use_token(vault, &fourth, then);
}

const ONE_SECOND: [&str; 18] = [
    "0 init -",
    "1 create ci",
    "1 deliver ci",
    "1 rotate ci",
    "1 verify ci valid",
    "1 deliver ci",
    "1 verify ci rotated",
    "1 verify ci valid",
    "1 delete ci",
    "1 create ci",
    "1 deliver ci",
    "1 rotate ci",
    "1 verify ci valid",
    "1 deliver ci",
    "1 finish ci",
    "1 verify ci valid",
    "1 revoke ci",
    "1 verify ci revoked",
];

#[test]
fn what_ends_a_token_comes_after_its_uses_of_the_same_second() {
    let place = Place::new();
    let mut vault = place.create();
    let none = AuditFilter::default();
    let (_, mut mark) = vault.audit(None, &shop(), &none).expect("whole");
    in_one_second(&mut vault);
    assert_eq!(lines(&audit(&mut vault, &none)), ONE_SECOND);
    let followed = vault.audit_after(&mut mark, &none).expect("whole");
    assert_eq!(lines(&followed), ONE_SECOND[1..]);
    for limit in 0..=ONE_SECOND.len() {
        let filter = AuditFilter {
            limit: Some(limit),
            ..AuditFilter::default()
        };
        let first = ONE_SECOND.len() - limit;
        let some = audit(&mut vault, &filter);
        assert_eq!(lines(&some), ONE_SECOND[first..], "{limit}");
    }
    let of_uses = AuditFilter {
        verbs: verbs(&["verify"]),
        limit: Some(1),
        ..AuditFilter::default()
    };
    assert_eq!(lines(&audit(&mut vault, &of_uses)), ["1 verify ci revoked"]);
}

#[test]
fn what_came_since_is_told_once() {
    let place = Place::new();
    let mut vault = used(&place);
    let none = AuditFilter::default();
    let (_, mut mark) = vault.audit(None, &shop(), &none).expect("whole");
    let mut other = place.open();
    assert!(
        vault
            .audit_after(&mut mark, &none)
            .expect("nothing")
            .entries
            .is_empty()
    );
    let (token, _) = issue(&mut other, &new_key("later"), at(10));
    use_token(&mut other, &token, at(11));
    let told = vault.audit_after(&mut mark, &none).expect("whole");
    assert_eq!(
        lines(&told),
        [
            "10 create later",
            "10 deliver later",
            "11 verify later valid"
        ]
    );
    assert!(
        vault
            .audit_after(&mut mark, &none)
            .expect("nothing")
            .entries
            .is_empty()
    );
    let gone = find(&mut other, "later");
    other.delete(&gone, &who(), at(12)).expect("deleted");
    use_token(&mut other, &token, at(13));
    let told = vault.audit_after(&mut mark, &none).expect("whole");
    assert_eq!(lines(&told), ["12 delete later"]);

    // A new activity file begins at 1 again.
    let old = activity(&place, &vault);
    for suffix in ["", "-wal", "-shm"] {
        std::fs::remove_file(format!("{}{suffix}", old.display())).expect("there");
    }
    let (token, _) = issue(&mut place.open(), &new_key("last"), at(14));
    use_token(&mut place.open(), &token, at(15));
    let told = vault.audit_after(&mut mark, &none).expect("whole");
    assert_eq!(
        lines(&told).last().map(String::as_str),
        Some("15 verify last valid")
    );
    // Of one key what is done with another is none of its business.
    let (_, mut of_ci) = vault
        .audit(Some(Wanted::Named(&reference("ci"))), &shop(), &none)
        .expect("known");
    // A use alone, which no change comes with.
    use_token(&mut place.open(), &token, at(16));
    let told = vault.audit_after(&mut mark, &none).expect("whole");
    assert_eq!(lines(&told), ["16 verify last valid"]);
    assert!(!told.has_more);
    let told = vault.audit_after(&mut of_ci, &none).expect("whole");
    assert_eq!(lines(&told), [""; 0]);
}

#[test]
fn another_past_is_noticed_even_where_a_rollback_is_accepted() {
    let mut place = Place::new();
    drop(used(&place));
    let older = place.folder().join("older.db");
    copy(place.path(), &older);
    // As long as the vault's own log.
    let mut elsewhere = Place::new();
    elsewhere.location.vault = place.folder().join("beside.db");
    copy(&older, elsewhere.path());
    issue_named(&mut elsewhere.open(), "beside");
    place.location.accept_rollback = true;
    let mut vault = place.open();
    issue_named(&mut vault, "first");
    let none = AuditFilter::default();
    let (_, mut mark) = vault.audit(None, &shop(), &none).expect("whole");
    vault.audit_after(&mut mark, &none).expect("nothing new");
    for other in [older.as_path(), elsewhere.path()] {
        std::fs::rename(other, place.path()).expect("put in place");
        let told = refused(vault.audit_after(&mut mark, &none).map(drop)).to_string();
        assert!(told.contains("entry 9 of the log"), "{other:?}: {told}");
    }
}

#[test]
fn ten_thousand_uses_are_read_in_pages() {
    let place = Place::new();
    let mut vault = place.create();
    let token = issue_named(&mut vault, "ci");
    let other = issue_named(&mut vault, "other");
    use_token(&mut vault, &other, at(1));
    use_token(&mut vault, &token, at(2));
    // A clock that was set back: the numbers rise, and the times do not.
    use_token(&mut vault, &token, at(-50));
    let none = AuditFilter::default();
    let (_, mut mark) = vault.audit(None, &shop(), &none).expect("whole");
    // Unsealable, but of the same file: they are counted, page after page.
    execute(
        &activity(&place, &vault),
        "WITH RECURSIVE n(i) AS (SELECT 4 UNION ALL SELECT i + 1 FROM n WHERE i < 10000)
         INSERT INTO event SELECT i, 1800000003 + i, key_id, x'00' FROM n, (SELECT key_id FROM event WHERE seq = 2)",
    );
    let uses = |limit| AuditFilter {
        verbs: verbs(&["verify"]),
        limit,
        ..AuditFilter::default()
    };
    for limit in [None, Some(3), Some(2)] {
        let told = audit(&mut vault, &uses(limit));
        let expected = [
            "-50 verify ci valid",
            "1 verify other valid",
            "2 verify ci valid",
        ];
        let first = 3 - limit.unwrap_or(3);
        assert_eq!(lines(&told), expected[first..]);
        assert_eq!((told.unopened, told.has_more), (9_997, first > 0));
    }
    // Who follows gets them in parts, and is told that there are more.
    let (mut unopened, mut parts) = (0, 0);
    loop {
        let told = vault.audit_after(&mut mark, &none).expect("whole");
        (unopened, parts) = (unopened + told.unopened, parts + 1);
        if !told.has_more {
            break;
        }
    }
    assert_eq!((unopened, parts), (9_997, 20));
    // A key's own are found by their index, and a time by its own.
    let told = audit_of(&mut vault, "other", &uses(None)).expect("known");
    assert_eq!((told.entries.len(), told.unopened), (1, 0));
    let early = AuditFilter {
        until: Some(at(1).before("5s".parse::<Span>().expect("a span"))),
        ..uses(None)
    };
    for told in [
        audit(&mut vault, &early),
        audit_of(&mut vault, "ci", &early).expect("known"),
    ] {
        assert_eq!((lines(&told).len(), told.unopened), (1, 0));
    }
    let told = audit_of(&mut vault, "ci", &uses(Some(1))).expect("known");
    assert_eq!(
        (lines(&told), told.has_more),
        (vec!["2 verify ci valid".to_owned()], true)
    );
}
