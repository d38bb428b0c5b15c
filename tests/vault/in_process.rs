//! The example of a service that checks tokens in its own process.

#[path = "../../examples/verify_in_process.rs"]
#[expect(dead_code, reason = "an example has a main function, too")]
mod example;

use std::fs;
use std::sync::Arc;
use std::time::{Duration, Instant};

use keywright::key::{KeyKind, Timestamp};
use keywright::vault::{NewIssued, Verifier};

use crate::fixture::*;

/// What could not be read is tried again by then.
const LATER: Duration = Duration::from_millis(150);

#[test]
fn the_example_answers_and_records() {
    let place = Place::new();
    let mut vault = place.create();
    let now = Timestamp::now();
    let (good, _) = issue(&mut vault, &new_key("good"), now);
    let writer = NewIssued {
        permissions: permissions(&["write"]),
        ..new_key("writer")
    };
    let (writer, _) = issue(&mut vault, &writer, now);
    let (revoked, _) = issue(&mut vault, &new_key("revoked"), now);
    let found = find(&mut vault, "revoked");
    vault.revoke(&found, &who(), now).expect("revoked");
    let access = vault.create_access(&name("x"), &shop(), KeyKind::Issued, None, &who(), now);
    let access = access.expect("an access token");
    let wrong = with_wrong_secret(&good);
    let lines = format!("Bearer {good}\n{writer}\n{revoked}\n{wrong}\nnothing\n\n{good}\n");
    let mut answers = Vec::new();
    let location = example::location(place.path(), &place.location.state);
    example::serve(&location, vec![access], lines.as_bytes(), &mut answers).expect("served");
    let answers = String::from_utf8(answers).expect("text");
    let expected = [
        "200 `good` in shop/production",
        "403 insufficient_permission",
        "401 a good token is needed",
        "401 a good token is needed",
        "401 a good token is needed",
        "401 a good token is needed",
        "200 `good` in shop/production",
    ];
    assert_eq!(answers.lines().collect::<Vec<_>>(), expected);
    let good = find(&mut vault, "good");
    let usage = vault.usage_of(&good, 0, 10).expect("usage");
    assert_eq!((usage.total.requests, usage.total.refused), (3, 1));
}

/// Requests that come while the vault cannot be read do not each try it.
#[test]
fn a_vault_that_cannot_be_read_is_tried_again_a_tenth_of_a_second_later() {
    let place = Place::new();
    let mut vault = place.create();
    issue_named(&mut vault, "one");
    let verifier = Verifier::of(vault).expect("a verifier");
    let kept = place.folder().join("kept.db");
    fs::rename(place.path(), &kept).expect("taken away");
    let fails = || {
        let failed = verifier.renew(NOW).map(drop);
        failed.expect_err("there is no vault")
    };
    // Where this is held up between the two, the second is one of later.
    let both = (0..100).find_map(|_| {
        std::thread::sleep(LATER);
        let begun = Instant::now();
        let both = (fails(), fails());
        (begun.elapsed() < Duration::from_millis(50)).then_some(both)
    });
    let (first, second) = both.expect("not held up once");
    assert!(Arc::ptr_eq(&first, &second), "it was tried at once");
    std::thread::sleep(LATER);
    assert!(!Arc::ptr_eq(&first, &fails()), "it was not tried again");
    fs::rename(&kept, place.path()).expect("put back");
    std::thread::sleep(LATER);
    assert_eq!(verifier.renew(NOW).expect("read").len(), 1);
}

/// What a service has to say to its operator, once.
#[test]
fn what_went_wrong_beside_a_look_is_told_once() {
    let place = Place::new();
    let mut vault = place.create();
    issue_named(&mut vault, "one");
    let verifier = Verifier::of(vault).expect("a verifier");
    assert_eq!(verifier.take_warnings(), Vec::<String>::new());
    let state = &place.location.state;
    let mut other = place.open();
    fs::remove_dir_all(state).expect("forgotten");
    fs::write(state, "a file where a folder should be").expect("written");
    issue_named(&mut other, "two");
    let known = verifier.renew(NOW).expect("read");
    assert_eq!((known.len(), known.is_empty()), (2, false));
    let told = verifier.take_warnings();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("older copy"), "{told:?}");
    assert_eq!(verifier.take_warnings(), Vec::<String>::new());
}

#[test]
fn a_vault_without_keys_knows_none() {
    let place = Place::new();
    let verifier = Verifier::of(place.create()).expect("a verifier");
    assert!(verifier.renew(NOW).expect("read").is_empty());
}
