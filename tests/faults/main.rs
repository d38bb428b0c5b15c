//! What a kill, a failing system call and a full or read-only disk do to a vault: the real binary under strace.
//!
//! Not covered: loss of power. A kill leaves what was written in the system's cache, and a new process reads it.

mod deed;
mod errors;
mod fields;
mod kill;
mod media;
mod open;
mod rig;
mod scene;
mod twin;
