//! Why the agent cannot be used.

use std::io;
use std::path::PathBuf;

use super::protocol::Code;

/// What went wrong between keywright and its agent. None of it repeats a byte of a request.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AgentError {
    #[error("an agent for this vault runs already")]
    Busy,
    #[error("cannot {action} `{}`", path.display())]
    Io {
        action: &'static str,
        path: PathBuf,
        source: io::Error,
    },
    #[error("the agent did not start")]
    NotStarted(#[source] io::Error),
    #[error("the agent at `{}` runs as another user (uid {uid})", path.display())]
    OtherUser { path: PathBuf, uid: u32 },
    #[error("the agent refused: {0}")]
    Refused(Code),
    #[error("the agent at `{}` does not answer", path.display())]
    Silent {
        path: PathBuf,
        /// Where it is known.
        process: Option<u32>,
        source: io::Error,
    },
    #[error("the path of the agent's socket is too long for this system: `{}`", .0.display())]
    TooLong(PathBuf),
    #[error("the agent's folder `{}` is not safe: {why}", path.display())]
    Unsafe {
        path: PathBuf,
        why: String,
        mend: String,
    },
}
