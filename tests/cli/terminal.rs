//! A pseudo-terminal to drive the binary with, as a person at a keyboard would. Every wait has a deadline.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal, ioctl_tiocsctty, kill_process, setsid};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, Winsize, tcgetattr, tcsetwinsize};

const DEADLINE: Duration = Duration::from_secs(60);

/// A program whose controlling terminal is ours; it is killed when this is dropped.
pub(crate) struct Terminal {
    child: Child,
    keyboard_and_screen: File,
    /// Held open so that modes and output outlive the program.
    tty: File,
    transcript: Vec<u8>,
    /// Where the next `expect` starts to look.
    seen: usize,
}

impl Terminal {
    /// Starts a program on a terminal of 80 columns and 24 rows, with all three standard streams on it.
    pub(crate) fn spawn(command: Command) -> Self {
        Self::spawn_with(command, (80, 24), |_| {})
    }

    /// As `spawn`, with another size (columns, rows); `streams` may then point standard streams elsewhere.
    pub(crate) fn spawn_with(
        mut command: Command,
        size: (u16, u16),
        streams: impl FnOnce(&mut Command),
    ) -> Self {
        let (master, tty) = open_pty(size).expect("a pseudo-terminal");
        let end = || tty.try_clone().expect("another descriptor");
        command.stdin(end()).stdout(end()).stderr(end());
        streams(&mut command);
        take_as_controlling_terminal(&mut command, end());
        let child = command.spawn().expect("the program starts");
        Self {
            child,
            keyboard_and_screen: master,
            tty,
            transcript: Vec::new(),
            seen: 0,
        }
    }

    /// Waits until `text` appears after what the last `expect` found.
    #[track_caller]
    pub(crate) fn expect(&mut self, text: &str) {
        let deadline = Instant::now() + DEADLINE;
        loop {
            let unseen = &self.transcript[self.seen..];
            if let Some(at) = unseen
                .windows(text.len())
                .position(|window| window == text.as_bytes())
            {
                self.seen += at + text.len();
                return;
            }
            assert!(
                Instant::now() < deadline,
                "no {text:?} on the screen: {:?}",
                self.screen()
            );
            self.read_for(Duration::from_millis(50));
        }
    }

    /// Waits until a yes-or-no question is asked, and no later than that what was typed before is thrown away.
    #[track_caller]
    pub(crate) fn expect_question(&mut self) {
        self.expect("[y/N] ");
        assert!(self.echo_is_on(), "{:?}", self.screen());
    }

    /// Types; a few KiB at most, which the terminal holds even while nobody reads it.
    pub(crate) fn send(&mut self, keys: impl AsRef<[u8]>) {
        self.keyboard_and_screen
            .write_all(keys.as_ref())
            .expect("the terminal takes input");
    }

    /// Sends a signal to the program alone, not to its group.
    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("the program is there");
    }

    /// Whether what is typed now would be shown.
    pub(crate) fn echo_is_on(&self) -> bool {
        tcgetattr(&self.tty)
            .expect("a terminal")
            .local_modes
            .contains(LocalModes::ECHO)
    }

    /// How many bytes of whole lines were typed and not read: the next program would get them.
    pub(crate) fn unread(&self) -> u64 {
        rustix::io::ioctl_fionread(&self.tty).expect("a terminal")
    }

    /// Waits for the program's end; gives all that was on the screen since its start.
    #[track_caller]
    pub(crate) fn wait(&mut self) -> (ExitStatus, String) {
        let deadline = Instant::now() + DEADLINE;
        let status = loop {
            // A program that fills the screen waits for somebody to read it.
            self.read_for(Duration::from_millis(10));
            if let Some(status) = self.child.try_wait().expect("our own child") {
                break status;
            }
            assert!(
                Instant::now() < deadline,
                "still running: {:?}",
                self.screen()
            );
        };
        while Instant::now() < deadline && self.read_for(Duration::ZERO) {}
        (status, self.screen())
    }

    /// Takes the terminal away, as a window that is closed; gives how the program ended.
    #[track_caller]
    pub(crate) fn hang_up(mut self) -> ExitStatus {
        let nowhere = || {
            let null = File::options().read(true).write(true).open("/dev/null");
            null.expect("there on every Unix")
        };
        self.tty = nowhere();
        self.keyboard_and_screen = nowhere();
        let deadline = Instant::now() + DEADLINE;
        loop {
            if let Some(status) = self.child.try_wait().expect("our own child") {
                return status;
            }
            assert!(Instant::now() < deadline, "still running");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    pub(crate) fn screen(&self) -> String {
        String::from_utf8_lossy(&self.transcript).into_owned()
    }

    /// Reads once, if there is anything within `patience`; whether there was.
    fn read_for(&mut self, patience: Duration) -> bool {
        let timeout = Timespec::try_from(patience).expect("short");
        let mut fds = [PollFd::new(&self.keyboard_and_screen, PollFlags::IN)];
        if poll(&mut fds, Some(&timeout)).unwrap_or(0) == 0 {
            return false;
        }
        let mut buffer = [0; 4096];
        let count = self.keyboard_and_screen.read(&mut buffer).unwrap_or(0);
        self.transcript.extend_from_slice(&buffer[..count]);
        count > 0
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // Both fail only when it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Makes the program start in a session of its own, without a controlling terminal.
#[expect(
    unsafe_code,
    reason = "only the child can leave its session, between fork and exec"
)]
pub(crate) fn without_terminal(command: &mut Command) -> &mut Command {
    // SAFETY: one system call, which is safe between fork and exec.
    unsafe { command.pre_exec(|| Ok(setsid().map(drop)?)) }
}

#[expect(
    unsafe_code,
    reason = "only the child can take a controlling terminal, between fork and exec"
)]
fn take_as_controlling_terminal(command: &mut Command, tty: File) {
    without_terminal(command);
    // SAFETY: one system call, which is safe between fork and exec.
    unsafe { command.pre_exec(move || Ok(ioctl_tiocsctty(&tty)?)) };
}

fn open_pty((columns, rows): (u16, u16)) -> io::Result<(File, File)> {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?;
    grantpt(&master)?;
    unlockpt(&master)?;
    let path = ptsname(&master, Vec::new())?
        .into_string()
        .map_err(io::Error::other)?;
    let flags = rustix::fs::OFlags::RDWR | rustix::fs::OFlags::NOCTTY | rustix::fs::OFlags::CLOEXEC;
    let tty = File::from(rustix::fs::open(path, flags, rustix::fs::Mode::empty())?);
    tcsetwinsize(
        &tty,
        Winsize {
            ws_row: rows,
            ws_col: columns,
            ws_xpixel: 0,
            ws_ypixel: 0,
        },
    )?;
    Ok((master.into(), tty))
}
