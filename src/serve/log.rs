//! The server's log: one line an event on standard error, of names and values. Nothing of a request's is in it but what the
//! operator needs to mend something.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::key::Timestamp;
use crate::output::{Level, LogPrinter};

/// Shared by all that happens in the server.
pub(super) struct Log {
    clock: fn() -> Timestamp,
    state: Mutex<State>,
}

struct State {
    out: LogPrinter,
    told: Told,
}

/// What need not be said again, by event, so that one that clients can bring about keeps no other from being told.
#[derive(Default)]
struct Told(BTreeMap<&'static str, BTreeSet<String>>);

impl Told {
    /// Most things that are told of one event: what is beyond is not told at all.
    const LIMIT: usize = 20;

    fn is_new(&mut self, event: &'static str, what: String) -> bool {
        let told = self.0.entry(event).or_default();
        told.len() < Self::LIMIT && told.insert(what)
    }
}

impl Log {
    pub(super) fn new(out: LogPrinter, clock: fn() -> Timestamp) -> Self {
        let told = Told::default();
        Self {
            clock,
            state: Mutex::new(State { out, told }),
        }
    }

    pub(super) fn info(&self, event: &str, fields: &[(&str, String)]) {
        self.write(Level::Info, event, fields);
    }

    pub(super) fn warn(&self, event: &str, fields: &[(&str, String)]) {
        self.write(Level::Warning, event, fields);
    }

    pub(super) fn error(&self, event: &str, fields: &[(&str, String)]) {
        self.write(Level::Error, event, fields);
    }

    /// A warning that is as true the second time and no more useful.
    pub(super) fn warn_once(&self, event: &'static str, fields: &[(&str, String)]) {
        let is_new = self.state().told.is_new(event, format!("{fields:?}"));
        if is_new {
            self.warn(event, fields);
        }
    }

    fn write(&self, level: Level, event: &str, fields: &[(&str, String)]) {
        let at = (self.clock)();
        self.state().out.line(at, level, event, fields);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_event_keeps_no_other_from_being_told() {
        let mut told = Told::default();
        let many = (0..120).filter(|at| told.is_new("bad-request", at.to_string()));
        assert_eq!(many.count(), Told::LIMIT);
        assert!(told.is_new("not-accepted", "0".to_owned()));
        assert!(!told.is_new("not-accepted", "0".to_owned()));
    }
}
