//! How an agent gets into the background: this very program, started again, which starts the agent and ends.
//!
//! Twice, so that the agent is no child of whoever started it: `run` puts a program of the user's in the place of
//! keywright, and that one would have a child it never made.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::error::AgentError;
use super::place::Place;
use super::server::{Mode, serve_at};
use crate::hardening::close_descriptors;

/// The hidden first word.
const WORD: &str = "background-agent";

/// The second one of the process that starts the agent, and of the agent.
const STEPS: [&str; 2] = ["start", "stay"];

/// How long an agent may take until it listens.
const PATIENCE: Duration = Duration::from_secs(10);

/// What an agent says through its standard output, and leaves that then.
const READY: u8 = b'r';
/// Another one has the place.
const BUSY: u8 = b'b';
/// Why not follows.
const FAILED: u8 = b'f';

/// How starting an agent went.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Begun {
    Ready,
    Busy,
}

/// What a process in the background is for.
#[derive(Debug)]
pub(crate) struct Background {
    stays: bool,
    socket: PathBuf,
}

/// What the arguments ask for, where they ask for that.
pub(crate) fn in_background(args: &[OsString]) -> Option<Background> {
    let [_, word, step, socket] = args else {
        return None;
    };
    let step = STEPS.iter().position(|known| step == known)?;
    (word == WORD).then(|| Background {
        stays: step == 1,
        socket: socket.into(),
    })
}

impl Background {
    /// Does its part; `program` is this program's own file.
    ///
    /// # Errors
    /// What the process that waits is told too, if it still can be.
    pub(crate) fn carry_out(
        self,
        program: impl FnOnce() -> io::Result<PathBuf>,
    ) -> Result<(), AgentError> {
        close_descriptors();
        if self.stays {
            return self.stay();
        }
        // The terminal's signals are not for the agent. It fails for whoever leads a session already.
        let _ = rustix::process::setsid();
        let program = program().map_err(AgentError::NotStarted)?;
        let mut command = command(&program, STEPS[1], &self.socket);
        command.stdout(Stdio::inherit());
        command.spawn().map(drop).map_err(AgentError::NotStarted)
    }

    fn stay(self) -> Result<(), AgentError> {
        let place = Place::at(self.socket);
        let served = serve_at(&place, Mode::Background, |_| {
            say(&[READY])?;
            leave_stdout()
        });
        match &served {
            Ok(()) => {}
            Err(AgentError::Busy) => {
                let _ = say(&[BUSY]);
            }
            // Once it was ready, nobody reads this.
            Err(err) => {
                let _ = say(&[FAILED]).and_then(|()| say(told(err).as_bytes()));
            }
        }
        served
    }
}

/// Starts an agent, and waits until it listens.
///
/// # Errors
/// [`AgentError::NotStarted`].
pub(super) fn start(program: &Path, socket: &Path) -> Result<Begun, AgentError> {
    let mut child = command(program, STEPS[0], socket)
        .stdout(Stdio::piped())
        .spawn()
        .map_err(AgentError::NotStarted)?;
    let begun = wait(&mut child);
    if begun.is_err() {
        // It has ended, or hangs.
        let _ = child.kill();
    }
    let ended = child.wait();
    let begun = begun.and_then(|begun| ended.map(|_| begun));
    begun.map_err(AgentError::NotStarted)
}

/// Its arguments name the socket, its environment is empty, and of the standard streams it has none.
fn command(program: &Path, step: &str, socket: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .args([WORD, step])
        .arg(socket)
        .env_clear()
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

fn wait(child: &mut Child) -> io::Result<Begun> {
    let stdout = child.stdout.take().expect("it was asked for as a pipe");
    let mut said = Patient {
        pipe: File::from(OwnedFd::from(stdout)),
        until: Instant::now() + PATIENCE,
    };
    let mut word = [0];
    said.read_exact(&mut word)?;
    match word[0] {
        READY => Ok(Begun::Ready),
        BUSY => Ok(Begun::Busy),
        FAILED => {
            let mut why = String::new();
            said.take(1_024).read_to_string(&mut why)?;
            Err(io::Error::other(why))
        }
        _ => Err(ErrorKind::InvalidData.into()),
    }
}

/// A pipe that is read until a certain time.
struct Patient {
    pipe: File,
    until: Instant,
}

impl Read for Patient {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.until.saturating_duration_since(Instant::now());
        let timeout = Timespec::try_from(left).map_err(io::Error::other)?;
        let mut fds = [PollFd::new(&self.pipe, PollFlags::IN)];
        match poll(&mut fds, Some(&timeout))? {
            0 => Err(ErrorKind::TimedOut.into()),
            _ => self.pipe.read(buffer),
        }
    }
}

fn say(bytes: &[u8]) -> io::Result<()> {
    rustix::io::write(rustix::stdio::stdout(), bytes)?;
    Ok(())
}

fn leave_stdout() -> io::Result<()> {
    let nothing = File::options().read(true).write(true).open("/dev/null")?;
    Ok(rustix::stdio::dup2_stdout(&nothing)?)
}

/// With its cause, as one line.
fn told(err: &AgentError) -> String {
    match std::error::Error::source(err) {
        Some(cause) => format!("{err}: {cause}"),
        None => err.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_its_own_words_make_an_agent() {
        let asked = |words: &[&str]| {
            let args: Vec<OsString> = words.iter().map(OsString::from).collect();
            in_background(&args).map(|background| background.stays)
        };
        assert_eq!(asked(&["kw", WORD, "start", "/x.sock"]), Some(false));
        assert_eq!(asked(&["kw", WORD, "stay", "/x.sock"]), Some(true));
        for other in [
            &["kw", WORD] as &[&str],
            &["kw", WORD, "stay"],
            &["kw", WORD, "else", "/x.sock"],
            &["kw", WORD, "stay", "/x.sock", "more"],
            &["kw", "agent", "stay", "/x.sock"],
        ] {
            assert_eq!(asked(other), None, "{other:?}");
        }
    }
}
