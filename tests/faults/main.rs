//! What a kill, a loss of power, a failing system call and a full or read-only disk do to a vault: the real binary under
//! strace.

mod deed;
mod effects;
mod errors;
mod fields;
mod furnish;
mod kill;
mod media;
mod open;
mod power;
mod rig;
mod scene;
mod twin;
mod uses;
mod ways;
