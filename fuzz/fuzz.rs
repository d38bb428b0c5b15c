//! Hands what libFuzzer makes up to the harness that `KEYWRIGHT_FUZZ_TARGET` names; the harnesses are `src/fuzz.rs`.

#![no_main]

use std::cell::RefCell;
use std::env;

use keywright::fuzz::{Harness, TARGETS, harness};
use libfuzzer_sys::fuzz_target;

thread_local! {
    // libFuzzer runs every case in one thread.
    static HARNESS: RefCell<Option<Harness>> = const { RefCell::new(None) };
}

fn begin() {
    let target = env::var("KEYWRIGHT_FUZZ_TARGET").unwrap_or_default();
    let begun = harness(&target, &env::temp_dir());
    assert!(begun.is_some(), "a target is one of {TARGETS:?}");
    HARNESS.set(begun);
}

fuzz_target!(init: begin(), |data: &[u8]| {
    HARNESS.with_borrow_mut(|harness| {
        let harness = harness.as_mut().expect("it was begun");
        harness(data);
    });
});
