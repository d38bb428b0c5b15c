//! The clipboard, through the programs that desktops have for it.
//!
//! What is put there is taken away again by a process of our own in the background. It has the content's fingerprint
//! and not the content, and clears the clipboard only if that still fits: what somebody copied meanwhile is theirs.

use std::fs::File;
use std::io::{self, PipeReader, Read, Write};
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::str::FromStr;
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::{Handed, Surroundings};
use crate::crypto::{Fingerprint, Secret, VALUE_LIMIT};
use crate::hardening::keep_descriptors;
use crate::signals::Listening;

/// How long a secret stays on the clipboard.
pub(crate) const CLEARED_AFTER: Duration = Duration::from_secs(45);

/// How long the clipboard's present owner is waited for: it may be a program that hangs.
const PASTE_PATIENCE: Duration = Duration::from_secs(10);

/// A program that puts text on the clipboard.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Tool {
    Pbcopy,
    WlCopy,
    Xclip,
    Xsel,
}

/// The displays that there are to copy at.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Displays {
    pub(crate) wayland: bool,
    pub(crate) x11: bool,
}

/// Why nothing can be copied.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum NoTool {
    #[error("there is no clipboard: neither WAYLAND_DISPLAY nor DISPLAY is set")]
    NoDisplay,
    #[error("no program for the clipboard is installed")]
    NotInstalled { package: &'static str },
}

/// Why a clipboard did not take a secret.
#[derive(Debug, thiserror::Error)]
enum ClipboardError {
    #[error("cannot have the clipboard cleared later, so nothing was left on it")]
    Cleaner(#[source] io::Error),
    #[error("`{tool}` failed ({status})")]
    Failed {
        tool: &'static str,
        status: ExitStatus,
    },
    #[error("cannot start `{tool}`")]
    Start {
        tool: &'static str,
        #[source]
        source: io::Error,
    },
}

/// How the clipboard is cleared later: this very program, started again.
#[derive(Clone, Debug)]
pub(crate) struct Cleaner {
    pub(crate) program: PathBuf,
    /// The words that make it a cleaner; the tool's name comes after them.
    pub(crate) arguments: Vec<String>,
}

/// The clipboard, reached through a tool.
#[derive(Clone, Debug)]
pub(crate) struct Clipboard {
    pub(crate) tool: Tool,
    pub(crate) cleaner: Cleaner,
}

impl Tool {
    /// The first that is installed for a display that is there.
    pub(crate) fn choose(
        displays: Displays,
        is_installed: impl Fn(&str) -> bool,
    ) -> Result<Self, NoTool> {
        let mac = cfg!(target_os = "macos");
        let candidates = [
            (Self::Pbcopy, mac),
            (Self::WlCopy, displays.wayland),
            (Self::Xclip, displays.x11),
            (Self::Xsel, displays.x11),
        ];
        let found = candidates
            .into_iter()
            .find(|(tool, usable)| *usable && is_installed(tool.name()));
        let package = match displays {
            _ if mac => "pbcopy",
            Displays { wayland: true, .. } => "wl-clipboard",
            Displays { x11: true, .. } => "xclip or xsel",
            _ => return found.map(|(tool, _)| tool).ok_or(NoTool::NoDisplay),
        };
        found
            .map(|(tool, _)| tool)
            .ok_or(NoTool::NotInstalled { package })
    }

    /// The program that copies.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Pbcopy => "pbcopy",
            Self::WlCopy => "wl-copy",
            Self::Xclip => "xclip",
            Self::Xsel => "xsel",
        }
    }

    /// Copies its standard input.
    fn copying(self, around: &Surroundings) -> Command {
        let arguments: &[&str] = match self {
            Self::Pbcopy => &[],
            // Else it would ask another program what type of file this might be.
            Self::WlCopy => &["--type", "text/plain"],
            Self::Xclip => &["-selection", "clipboard", "-in"],
            Self::Xsel => &["--clipboard", "--input"],
        };
        let mut command = Command::new(self.name());
        command.args(arguments);
        if self == Self::WlCopy && knows_sensitive(around) {
            command.arg("--sensitive");
        }
        command
    }

    /// Prints the clipboard.
    fn pasting(self) -> Command {
        let (program, arguments): (_, &[&str]) = match self {
            Self::Pbcopy => ("pbpaste", &[]),
            Self::WlCopy => ("wl-paste", &["--no-newline"]),
            Self::Xclip => ("xclip", &["-selection", "clipboard", "-out"]),
            Self::Xsel => ("xsel", &["--clipboard", "--output"]),
        };
        let mut command = Command::new(program);
        command.args(arguments);
        command
    }

    /// Empties the clipboard; it has nothing on its standard input.
    fn clearing(self, around: &Surroundings) -> Command {
        match self {
            Self::Pbcopy | Self::Xclip => self.copying(around),
            Self::WlCopy => with_arguments("wl-copy", &["--clear"]),
            Self::Xsel => with_arguments("xsel", &["--clipboard", "--delete"]),
        }
    }
}

impl FromStr for Tool {
    type Err = ();

    fn from_str(name: &str) -> Result<Self, ()> {
        let tools = [Self::Pbcopy, Self::WlCopy, Self::Xclip, Self::Xsel];
        tools.into_iter().find(|tool| tool.name() == name).ok_or(())
    }
}

impl Clipboard {
    /// Puts a secret there, without a line end, and sees to it that it is taken away again.
    ///
    /// # Errors
    /// When the tool fails; and when nothing would clear the clipboard later, which is then done at once.
    pub(crate) fn put(
        &self,
        secret: Handed<'_>,
        around: &Surroundings,
        listening: &Listening,
    ) -> io::Result<()> {
        let tool = self.tool.name();
        keep_descriptors();
        let mut command = self.tool.copying(around);
        // It may go on in the background, where it would hold a pipe or the terminal open.
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let mut child = around
            .start(&mut command)
            .map_err(|source| io::Error::other(ClipboardError::Start { tool, source }))?;
        let mut input = child.stdin.take().expect("it was asked for as a pipe");
        let written = input.write_all(secret.bytes());
        drop(input);
        let status = listening.wait_for_child(&mut child)?;
        if !status.success() {
            return Err(io::Error::other(ClipboardError::Failed { tool, status }));
        }
        written?;
        self.start_cleaner(secret, around).map_err(|err| {
            // What it cannot do either, nobody can.
            let _ = self.tool.clear(around);
            io::Error::other(ClipboardError::Cleaner(err))
        })
    }

    /// Starts it, and waits until it stands on its own.
    fn start_cleaner(&self, secret: Handed<'_>, around: &Surroundings) -> io::Result<()> {
        let fingerprint = Fingerprint::of(secret.bytes()).map_err(io::Error::other)?;
        let mut command = Command::new(&self.cleaner.program);
        command
            .args(&self.cleaner.arguments)
            .arg(self.tool.name())
            // So that it keeps no file system busy.
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut child = around.start(&mut command)?;
        let mut input = child.stdin.take().expect("it was asked for as a pipe");
        let mut output = child.stdout.take().expect("it was asked for as a pipe");
        input.write_all(&fingerprint.to_bytes())?;
        drop(input);
        output.read_exact(&mut [0; READY.len()])
    }
}

/// What a cleaner says once it needs nobody any more.
const READY: &[u8] = b"ready";

/// Clears the clipboard after some time if what is on it then fits the fingerprint on standard input.
///
/// The process leaves its terminal and its standard streams at once, so that whoever started it can go.
pub(crate) fn clear_later(tool: Tool, after: Duration, around: &Surroundings) -> io::Result<()> {
    let mut fingerprint = [0; Fingerprint::LEN];
    let mut input = File::from(rustix::stdio::stdin().as_fd().try_clone_to_owned()?);
    input.read_exact(&mut fingerprint)?;
    drop(input);
    // It fails for whoever leads a session already.
    let _ = rustix::process::setsid();
    rustix::io::write(rustix::stdio::stdout(), READY)?;
    let nothing = File::options().read(true).write(true).open("/dev/null")?;
    rustix::stdio::dup2_stdin(&nothing)?;
    rustix::stdio::dup2_stdout(&nothing)?;
    thread::sleep(after);
    let content = tool.content(around)?;
    let fingerprint = Fingerprint::from_bytes(&fingerprint);
    let is_ours = fingerprint.is_of(content.expose()); // compared, and then wiped
    if is_ours {
        tool.clear(around)?;
    }
    Ok(())
}

impl Tool {
    /// What is on the clipboard, cut where it is longer than any secret of ours.
    fn content(self, around: &Surroundings) -> io::Result<Secret> {
        let (reader, writer) = io::pipe()?;
        let mut command = self.pasting();
        command
            .stdin(Stdio::null())
            .stdout(writer)
            .stderr(Stdio::null());
        let mut child = around.start(&mut command)?;
        // Its end of the pipe is in there, too.
        drop(command);
        let until = Instant::now() + PASTE_PATIENCE;
        let content = Secret::read_start(Patient { reader, until }, VALUE_LIMIT);
        // It has ended, or hangs.
        let _ = child.kill();
        child.wait()?;
        content
    }

    fn clear(self, around: &Surroundings) -> io::Result<()> {
        let mut command = self.clearing(around);
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let status = around.start(&mut command)?.wait()?;
        match status.success() {
            true => Ok(()),
            false => Err(io::Error::other(ClipboardError::Failed {
                tool: self.name(),
                status,
            })),
        }
    }
}

/// A pipe that is read until a certain time.
struct Patient {
    reader: PipeReader,
    until: Instant,
}

impl Read for Patient {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.until.saturating_duration_since(Instant::now());
        let timeout = Timespec::try_from(left).map_err(io::Error::other)?;
        let mut fds = [PollFd::new(&self.reader, PollFlags::IN)];
        match poll(&mut fds, Some(&timeout))? {
            0 => Err(io::ErrorKind::TimedOut.into()),
            _ => self.reader.read(buffer),
        }
    }
}

/// Whether this wl-copy can tell clipboard managers to keep no copy: a flag that came with its version 2.3.
fn knows_sensitive(around: &Surroundings) -> bool {
    let mut command = with_arguments("wl-copy", &["--help"]);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    let help = around.start(&mut command).and_then(Child::wait_with_output);
    help.is_ok_and(|help| String::from_utf8_lossy(&help.stdout).contains("--sensitive"))
}

fn with_arguments(program: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(arguments);
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(not(target_os = "macos"))]
    fn the_tool_fits_the_display() {
        let choose = |wayland, x11, installed: &[&str]| {
            Tool::choose(Displays { wayland, x11 }, |name| installed.contains(&name))
        };
        let all = ["pbcopy", "wl-copy", "xclip", "xsel"];
        let package = |package| Err(NoTool::NotInstalled { package });
        assert_eq!(choose(true, true, &all), Ok(Tool::WlCopy));
        assert_eq!(choose(false, true, &all), Ok(Tool::Xclip));
        assert_eq!(choose(true, true, &["xsel"]), Ok(Tool::Xsel));
        assert_eq!(choose(true, false, &["xsel"]), package("wl-clipboard"));
        assert_eq!(choose(false, true, &["wl-copy"]), package("xclip or xsel"));
        assert_eq!(choose(false, false, &all), Err(NoTool::NoDisplay));
    }

    #[test]
    fn a_tool_is_known_by_its_name() {
        for tool in [Tool::Pbcopy, Tool::WlCopy, Tool::Xclip, Tool::Xsel] {
            assert_eq!(tool.name().parse(), Ok(tool));
        }
        assert_eq!("cat".parse::<Tool>(), Err(()));
    }
}
