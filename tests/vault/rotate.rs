//! Generations: overlaps, lifetimes, and what is kept.

use std::io;

use keywright::key::{Key, Span, Status, Timestamp};
use keywright::vault::{Code, NewIssued, Rotation, VaultError};

use crate::fixture::*;

fn later(seconds: i64) -> Timestamp {
    Timestamp(NOW.0 + seconds)
}

#[test]
fn the_old_token_ends_with_the_overlap_and_never_after_its_own_expiry() {
    let hour = "1h".parse::<Span>().expect("a span");
    let table = [
        ("no overlap", None, Span::ZERO, 0),
        ("an overlap", None, hour, 3_600),
        ("an expiry after it", Some(later(7_200)), hour, 3_600),
        ("an expiry before it", Some(later(1_800)), hour, 1_800),
    ];
    for (what, expires_at, span, ends) in table {
        let place = Place::new();
        let mut vault = place.create();
        let new = NewIssued {
            expires_at,
            ..new_key("ci")
        };
        let (old, _) = issue(&mut vault, &new, NOW);
        let young = rotate(&mut vault, "ci", overlap(span), NOW);
        assert_eq!(check(&mut vault, &young, NOW), Code::Valid, "{what}");
        if ends > 0 {
            assert_eq!(check(&mut vault, &old, later(ends - 1)), Code::Valid);
        }
        assert_ne!(check(&mut vault, &old, later(ends)), Code::Valid, "{what}");
        let key = find(&mut vault, "ci").key;
        assert_eq!(
            key.generations[0].valid_until(),
            Some(later(ends)),
            "{what}"
        );
    }
}

#[test]
fn at_most_two_generations_are_live() {
    let place = Place::new();
    let mut vault = place.create();
    let mut tokens = vec![issue_named(&mut vault, "ci")];
    for round in 1..4 {
        tokens.push(rotate(&mut vault, "ci", overlap(DAY), later(round)));
        let live = tokens
            .iter()
            .filter(|token| check(&mut vault, token, later(round)) == Code::Valid)
            .count();
        assert_eq!(live, 2, "after {round}");
    }
    let codes: Vec<_> = tokens
        .iter()
        .map(|token| check(&mut vault, token, later(3)))
        .collect();
    assert_eq!(
        codes,
        [Code::Rotated, Code::Rotated, Code::Valid, Code::Valid]
    );
}

#[test]
fn eight_generations_are_kept_and_then_the_oldest_goes() {
    let place = Place::new();
    let mut vault = place.create();
    let first = issue_named(&mut vault, "ci");
    for round in 1..=8 {
        rotate(&mut vault, "ci", overlap(Span::ZERO), later(round));
        let key = find(&mut vault, "ci").key;
        let count = usize::try_from(round + 1).expect("small");
        assert_eq!(key.generations.len(), count.min(Key::GENERATIONS));
    }
    let numbers: Vec<u32> = find(&mut vault, "ci")
        .key
        .generations
        .iter()
        .map(|generation| generation.number)
        .collect();
    assert_eq!(numbers, [2, 3, 4, 5, 6, 7, 8, 9]);
    // Its digest is gone with it.
    assert_eq!(check(&mut vault, &first, later(9)), Code::Unknown);
}

#[test]
fn a_new_token_lives_as_long_as_the_one_before_it_was_given() {
    let table = [
        ("inherited", None, Some(later(100 * 86_400))),
        ("never", Some(None), None),
        ("chosen", Some(Some(later(99))), Some(later(99))),
    ];
    for (what, chosen, expected) in table {
        let place = Place::new();
        let mut vault = place.create();
        let new = NewIssued {
            expires_at: Some(later(90 * 86_400)),
            ..new_key("ci")
        };
        issue(&mut vault, &new, NOW);
        let rotation = Rotation {
            overlap: Span::ZERO,
            expires_at: chosen,
        };
        rotate(&mut vault, "ci", rotation, later(10 * 86_400));
        assert_eq!(find(&mut vault, "ci").key.expires_at(), expected, "{what}");
    }
}

#[test]
fn a_token_that_expired_before_it_was_rotated_stays_ended_then() {
    let place = Place::new();
    let mut vault = place.create();
    let new = NewIssued {
        expires_at: Some(later(10)),
        ..new_key("ci")
    };
    let (old, _) = issue(&mut vault, &new, NOW);
    assert_eq!(check(&mut vault, &old, later(10)), Code::Expired);
    let young = rotate(&mut vault, "ci", overlap(DAY), later(100));
    assert_ne!(check(&mut vault, &old, later(100)), Code::Valid);
    assert_eq!(check(&mut vault, &young, later(109)), Code::Valid);
    assert_eq!(check(&mut vault, &young, later(110)), Code::Expired);
    let key = find(&mut vault, "ci").key;
    assert_eq!(key.generations[0].valid_until(), Some(later(10)));
}

#[test]
fn what_is_not_handed_over_leaves_the_old_token_as_it_was() {
    let place = Place::new();
    let mut vault = place.create();
    let old = issue_named(&mut vault, "ci");
    let before = find(&mut vault, "ci").key;
    let found = find(&mut vault, "ci");
    let pending = vault
        .rotate(&found, overlap(Span::ZERO), &who(), NOW)
        .expect("rotated");
    let outcome = pending.deliver(|_, _| Err(io::ErrorKind::BrokenPipe.into()));
    assert!(matches!(refused(outcome), VaultError::Delivery(_)));
    assert_eq!(check(&mut vault, &old, NOW), Code::Valid);
    assert_eq!(find(&mut vault, "ci").key, before);
    assert_eq!(
        place.verbs(),
        ["Init", "Create", "Deliver", "Rotate", "Undo"]
    );
}

#[test]
fn a_rotation_that_a_crash_cut_off_is_replaced_by_the_next() {
    let place = Place::new();
    let mut vault = place.create();
    let old = issue_named(&mut vault, "ci");
    let found = find(&mut vault, "ci");
    std::mem::forget(
        vault
            .rotate(&found, overlap(Span::ZERO), &who(), NOW)
            .expect("rotated"),
    );
    let cut_off = find(&mut vault, "ci");
    assert!(cut_off.key.pending().is_some());
    assert_eq!(cut_off.key.status(NOW), Status::Active);
    assert_eq!(check(&mut vault, &old, NOW), Code::Valid);

    let mut replaced = false;
    vault
        .rotate(&cut_off, overlap(Span::ZERO), &who(), NOW)
        .expect("rotated")
        .deliver(|_, delivered| {
            replaced = delivered.replaced_pending;
            Ok(())
        })
        .expect("delivered");
    assert!(replaced);
    let key = find(&mut vault, "ci").key;
    assert_eq!(key.generations.len(), 2);
    assert!(key.pending().is_none());
    assert_eq!(check(&mut vault, &old, NOW), Code::Rotated);
}

#[test]
fn a_key_that_was_never_shown_can_be_rotated_into_life() {
    let place = Place::new();
    let mut vault = place.create();
    issue_and_die(&mut vault, "ci");
    let token = rotate(&mut vault, "ci", overlap(DAY), NOW);
    assert_eq!(check(&mut vault, &token, NOW), Code::Valid);
    issue_and_die(&mut vault, "other");
    let found = find(&mut vault, "other");
    drop(
        vault
            .rotate(&found, overlap(DAY), &who(), NOW)
            .expect("rotated"),
    );
    assert_eq!(names(&mut vault), ["ci"]);
}

#[test]
fn an_overlap_can_be_ended_at_once() {
    let place = Place::new();
    let mut vault = place.create();
    let old = issue_named(&mut vault, "ci");
    rotate(&mut vault, "ci", overlap(DAY), NOW);
    let found = find(&mut vault, "ci");
    assert_eq!(found.key.status(NOW), Status::Overlap);
    let ended = vault.finish_overlap(&found, &who(), later(5));
    assert_eq!(
        ended.expect("ended").map(|generation| generation.number),
        Some(1)
    );
    assert_eq!(check(&mut vault, &old, later(5)), Code::Rotated);
    let found = find(&mut vault, "ci");
    assert_eq!(found.key.status(later(5)), Status::Active);
    let again = vault.finish_overlap(&found, &who(), later(6));
    assert_eq!(again.expect("nothing to do"), None);
    assert_eq!(place.verbs().last().map(String::as_str), Some("Finish"));
}

#[test]
fn some_keys_are_not_rotated() {
    let place = Place::new();
    let mut vault = place.create();
    issue_named(&mut vault, "ci");
    set(&mut vault, "openai", "sk-1");
    let provider = find(&mut vault, "openai");
    let outcome = vault.rotate(&provider, overlap(DAY), &who(), NOW).map(drop);
    assert!(matches!(refused(outcome), VaultError::Misused(_)));

    let stale = find(&mut vault, "ci");
    rotate(&mut vault, "ci", overlap(DAY), NOW);
    let outcome = vault.rotate(&stale, overlap(DAY), &who(), NOW).map(drop);
    assert!(matches!(refused(outcome), VaultError::Changed(_)));

    let found = find(&mut vault, "ci");
    vault.revoke(&found, &who(), NOW).expect("revoked");
    let found = find(&mut vault, "ci");
    let outcome = vault.rotate(&found, overlap(DAY), &who(), NOW).map(drop);
    assert!(matches!(refused(outcome), VaultError::Refused(_)));
}

#[test]
fn a_pending_token_that_another_replaced_is_not_made_active() {
    let place = Place::new();
    let mut vault = place.create();
    let first = issue_named(&mut vault, "ci");
    let found = find(&mut vault, "ci");
    let pending = vault.rotate(&found, overlap(DAY), &who(), NOW);
    let pending = pending.expect("pending");
    let mut late = String::new();
    let outcome = pending.deliver(|token, _| {
        late = String::from_utf8(token.expose().to_vec()).expect("ASCII");
        let mut other = place.open();
        let found = find(&mut other, "ci");
        std::mem::forget(other.rotate(&found, overlap(DAY), &who(), NOW));
        Ok(())
    });
    assert!(matches!(refused(outcome), VaultError::PrintedButInvalid(_)));
    assert_ne!(check(&mut vault, &late, NOW), Code::Valid);
    assert_eq!(check(&mut vault, &first, NOW), Code::Valid);
    let pending = find(&mut vault, "ci").key.pending().is_some();
    assert!(pending, "the other one waits still");
}

#[test]
fn what_was_rotated_can_be_changed_as_it_was_delivered() {
    let place = Place::new();
    let mut vault = place.create();
    issue_named(&mut vault, "ci");
    let found = find(&mut vault, "ci");
    let pending = vault.rotate(&found, overlap(DAY), &who(), NOW);
    let delivered = pending.expect("pending").deliver(|_, _| Ok(()));
    let delivered = delivered.expect("delivered").found;
    assert_eq!(delivered.key, find(&mut vault, "ci").key);
    vault.revoke(&delivered, &who(), NOW).expect("revoked");
    // As it was found before it is another by now.
    assert!(matches!(
        refused(vault.revoke(&found, &who(), NOW)),
        VaultError::Changed(_)
    ));
}
