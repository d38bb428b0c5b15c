//! The switch behind the comparisons that keep a vault honest. In a build that is handed out there is none.
//!
//! The tamper tests make each edit twice: once to see it refused, and once with the checks off to see it go unnoticed,
//! which shows that the first could have failed.

/// Whether a check holds.
pub(crate) fn holds(ok: bool) -> bool {
    ok || !on()
}

/// Whether there are checks at all; also asked where a binding is made, so that both sides of it go together.
#[cfg(not(test))]
pub(crate) const fn on() -> bool {
    true
}

#[cfg(test)]
pub(crate) use self::switch::{off, on};

#[cfg(test)]
mod switch {
    use std::cell::Cell;

    thread_local! {
        static ON: Cell<bool> = const { Cell::new(true) };
    }

    pub(crate) fn on() -> bool {
        ON.get()
    }

    /// Runs `body` without checks in this thread.
    pub(crate) fn off<T>(body: impl FnOnce() -> T) -> T {
        ON.set(false);
        let answer = body();
        ON.set(true);
        answer
    }
}
