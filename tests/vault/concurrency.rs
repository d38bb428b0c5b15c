//! Many writers and readers on one file.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use keywright::vault::{Code, Filter, Requirements, Vault};

use crate::fixture::*;

const WRITERS: usize = 16;

/// What one writer does, each time with the vault opened anew as a command would; gives what it was told is done.
fn write(place: &Place, writer: usize) -> Vec<(String, String)> {
    let text = format!("writer {writer}");
    let first = issue_named(&mut place.open(), &text);
    let second = rotate(&mut place.open(), &text, overlap(DAY), NOW);
    set(&mut place.open(), &format!("value {writer}"), &text);
    let mut vault = place.open();
    let gone = format!("gone {writer}");
    issue_named(&mut vault, &gone);
    let found = find(&mut vault, &gone);
    vault.delete(&found, &who(), NOW).expect("deleted");
    assert!(vault.take_warnings().is_empty());
    vec![(text.clone(), first), (text, second)]
}

/// Reads until the writers are done; whatever it sees is of one instant, and never "altered" or "busy".
fn read(place: &Place, done: &AtomicBool) -> usize {
    let mut vault = place.open();
    let mut rounds = 0;
    while !done.load(Ordering::Relaxed) {
        let keys = vault.list(&Filter::default(), NOW).expect("a whole list");
        assert!(keys.len() <= 3 * WRITERS);
        vault.log().expect("a whole log");
        assert!(vault.take_warnings().is_empty());
        rounds += 1;
    }
    rounds
}

/// Tells the readers to stop when it is dropped, so that a writer that panics fails the test instead of leaving them to
/// read for ever.
struct Done<'a>(&'a AtomicBool);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn every_change_that_was_acknowledged_is_there() {
    let place = Place::new();
    drop(place.create());
    let done = AtomicBool::new(false);
    let tokens: Vec<_> = thread::scope(|threads| {
        let guard = Done(&done);
        let readers: Vec<_> = (0..4)
            .map(|_| threads.spawn(|| read(&place, &done)))
            .collect();
        let place = &place;
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| threads.spawn(move || write(place, writer)))
            .collect();
        let tokens = writers
            .into_iter()
            .flat_map(|writer| writer.join().expect("no writer was refused"))
            .collect();
        drop(guard);
        for reader in readers {
            assert!(reader.join().expect("no reader was refused") > 0);
        }
        tokens
    });

    let mut vault = place.open();
    assert_eq!(names(&mut vault).len(), 2 * WRITERS);
    for (text, token) in tokens {
        assert_eq!(check(&mut vault, &token, NOW), Code::Valid, "{text}");
    }
    for writer in 0..WRITERS {
        let value = get(&mut vault, &format!("value {writer}"));
        assert_eq!(value, format!("writer {writer}").as_bytes());
    }
    // One to make the vault; two each to issue, to rotate and to issue again, one each to set and to delete.
    assert_eq!(vault.log().expect("a whole log").len(), 1 + 8 * WRITERS);
}

#[test]
fn uses_are_counted_exactly_from_the_first_on() {
    let place = Place::new();
    let mut vault = place.create();
    let token = issue_named(&mut vault, "ci");
    let verify = |vault: &mut Vault| {
        let presented = secret(token.as_bytes());
        let verdict = vault.verify(&presented, &Requirements::default(), true, &who(), NOW);
        assert_eq!(verdict.expect("an answer").code, Code::Valid);
        vault.take_warnings()
    };
    // All of them find no activity file and make one.
    let warnings: Vec<_> = thread::scope(|threads| {
        let threads: Vec<_> = (0..WRITERS)
            .map(|_| {
                threads.spawn(|| {
                    let mut vault = place.open();
                    (0..10).flat_map(|_| verify(&mut vault)).collect::<Vec<_>>()
                })
            })
            .collect();
        threads
            .into_iter()
            .flat_map(|thread| thread.join().expect("no use was refused"))
            .collect()
    });
    assert!(warnings.is_empty(), "{warnings:?}");
    let found = find(&mut vault, "ci");
    assert_eq!(found.total.requests, 10 * WRITERS as u64);
    let usage = vault.usage_of(&found, 0, 1000).expect("what is known");
    assert_eq!(usage.events.len(), 10 * WRITERS);
}
