//! The processes that make an agent in the background: `keywright background-agent start|stay SOCKET`.
//!
//! As `complete`, it is no command of [`clap::Command`]: it is in no help, no manual page and no suggestion. It opens no
//! vault and reads no settings.

use crate::agent::Background;
use crate::error::Exit;
use crate::settings::own_program;

/// There is nobody to tell of a failure but the process that waits for it, which is told.
pub(crate) fn background_agent(background: Background) -> Exit {
    match background.carry_out(own_program) {
        Ok(()) => Exit::Done,
        Err(_) => Exit::Failed,
    }
}
