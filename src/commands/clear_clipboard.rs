//! The process that clears the clipboard later: `keywright clear-clipboard TOOL`.
//!
//! As `complete`, it is no command of [`clap::Command`]: it is in no help, no manual page and no suggestion. It opens no
//! vault and reads no settings.

use std::ffi::OsString;
use std::time::Duration;

use rustix::process::Rlimit;

use super::handover::CLEAR_CLIPBOARD;
use crate::error::Exit;
use crate::handover::{CLEARED_AFTER, Surroundings, Tool, clear_later};
use crate::settings::own_variables;

/// What is to be cleared, and when.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clearing {
    tool: Tool,
    after: Duration,
}

/// What the arguments ask to be cleared, where they ask for that.
pub(crate) fn clearing(args: &[OsString]) -> Option<Clearing> {
    let (tool, after) = match args {
        [_, word, tool] if word == CLEAR_CLIPBOARD => (tool, CLEARED_AFTER),
        // Nobody waits 45 seconds for a test.
        #[cfg(any(debug_assertions, feature = "test-kdf"))]
        [_, word, seconds, tool] if word == CLEAR_CLIPBOARD => {
            (tool, Duration::from_secs(seconds.to_str()?.parse().ok()?))
        }
        _ => return None,
    };
    let tool = tool.to_str()?.parse().ok()?;
    Some(Clearing { tool, after })
}

/// Waits, and clears. There is nobody to tell of a failure but by the exit code.
pub(crate) fn clear_clipboard(clearing: Clearing, core_limit: Rlimit) -> Exit {
    let around = Surroundings {
        hide: own_variables(),
        core_limit,
    };
    match clear_later(clearing.tool, clearing.after, &around) {
        Ok(()) => Exit::Done,
        Err(_) => Exit::Failed,
    }
}
