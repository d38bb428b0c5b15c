//! The example of a service that checks tokens in its own process.

#[path = "../../examples/verify_in_process.rs"]
#[expect(dead_code, reason = "an example has a main function, too")]
mod example;

use keywright::key::{KeyKind, Timestamp};
use keywright::vault::NewIssued;

use crate::fixture::*;

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
