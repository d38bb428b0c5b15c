//! The agent: a process that holds the key of one vault, so that its owner is asked for the passphrase once.
//!
//! The client derives the key; a passphrase never travels. What there is against whom:
//!
//! * Another user: the socket's folder is 0700 and its owner's, the socket 0600, and both ends look at the other's uid
//!   where the system tells it. The agent's memory cannot be read by them.
//! * Another program of the same user: its memory is not dumpable, so that no debugger attaches. Yet such a program can
//!   ask the agent as keywright does, and nothing here prevents that.
//! * Somebody who finds the machine on and alone: the key is wiped after some time without use, and after some time in
//!   any case, also when the machine slept meanwhile.
//! * Root, and whoever can read all memory: nothing.

mod agents;
mod client;
mod error;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
mod keeper;
mod limits;
mod place;
mod protocol;
mod server;
mod start;

pub(crate) use self::agents::Agents;
pub(crate) use self::client::{Agent, Known, Locking, State};
pub(crate) use self::error::AgentError;
pub(crate) use self::limits::{Limit, Limits};
pub(crate) use self::server::serve;
pub(crate) use self::start::{Background, in_background};
