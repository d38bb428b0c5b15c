//! The server's log: one line an event on standard error, of names and values. Nothing of a request's is in it but what the
//! operator needs to mend something.

use std::collections::BTreeSet;
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
    /// What need not be said again.
    told: BTreeSet<String>,
}

/// Most things that are told once: what is beyond is not told at all.
const TOLD: usize = 100;

impl Log {
    pub(super) fn new(out: LogPrinter, clock: fn() -> Timestamp) -> Self {
        let told = BTreeSet::new();
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
    pub(super) fn warn_once(&self, event: &str, fields: &[(&str, String)]) {
        let what = format!("{event} {fields:?}");
        let is_new = {
            let told = &mut self.state().told;
            told.len() < TOLD && told.insert(what)
        };
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
