//! Everything that talks to a person: the controlling terminal, and the other places a passphrase comes from.
//!
//! The terminal's rules:
//! - Prompts are written to and read from `/dev/tty`, whatever the standard streams are, so that standard input stays
//!   free for a value or a script. There is no prompt where a process has no controlling terminal.
//! - For hidden input, ECHO, ECHONL, ICANON and ISIG are cleared *before* the question is written: whoever answers at
//!   once is not echoed. What was typed before that is taken as part of the answer.
//! - The modes come back on every path out: an answer, a cancellation, an error, a panic, and SIGHUP, SIGINT, SIGQUIT
//!   or SIGTERM, after which the process ends by that signal. What is still unread then is thrown away, so that
//!   the second line of a paste never becomes a command of the shell.
//! - Ctrl-C cancels, and so does Ctrl-D on an empty line; Ctrl-D elsewhere does nothing. Backspace takes back one
//!   character, Ctrl-U the whole line, and Enter ends it. Every other byte belongs to the answer.
//! - The answer is read with raw reads into one buffer of fixed size that is wiped on every path.
//! - A yes-or-no question leaves the cursor shown, even when a signal ends the process.

mod line;
mod sources;
mod words;

use std::fs::File;
use std::io::{self, Read, Write};

use dialoguer::Confirm;
use dialoguer::console::Term;
use rustix::termios::{
    LocalModes, OptionalActions, QueueSelector, SpecialCodeIndex, Termios, tcflush, tcgetattr,
    tcsetattr,
};
use zeroize::Zeroizing;

use self::line::Line;
pub(crate) use self::sources::{
    access_tokens_from_file, next_passphrase_from_fd, passphrase_from_command, passphrase_from_fd,
    passphrase_from_file, recovery_code_from_file, recovery_code_from_stdin,
};
pub(crate) use self::words::six_words;
use crate::crypto::Secret;
use crate::signals::Listening;

/// Longest line that is read as a recovery code, in bytes: its text has 49, and may be typed with spaces between.
pub(crate) const RECOVERY_CODE_LIMIT: usize = 256;

const SHOW_CURSOR: &[u8] = b"\x1b[?25h";

/// The controlling terminal, if there is one and the user allows prompts.
#[derive(Debug)]
pub(crate) struct Terminal {
    tty: File,
}

/// Why a question has no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PromptError {
    #[error("cancelled")]
    Cancelled,
    #[error("cannot use the terminal")]
    Io(#[from] io::Error),
    #[error("the answer is longer than {limit} bytes")]
    TooLong { limit: usize },
}

impl Terminal {
    /// `None` when the process has no controlling terminal.
    pub(crate) fn open() -> Option<Self> {
        let tty = File::options()
            .read(true)
            .write(true)
            .open("/dev/tty")
            .ok()?;
        Some(Self { tty })
    }

    /// Asks for a secret of at most `limit` bytes without echo, after `question` and a colon. It may be empty.
    ///
    /// # Errors
    /// [`PromptError::TooLong`] only after Enter, so that the rest of a long paste goes nowhere else.
    pub(crate) fn hidden(&mut self, question: &str, limit: usize) -> Result<Secret, PromptError> {
        // Dropped in reverse: the line is wiped, the modes come back, and only then a signal ends the process.
        let listening = Listening::start()?;
        let _quiet = Quiet::set(&self.tty)?;
        let mut line = Line::new(limit);
        (&self.tty).write_all(format!("{question}: ").as_bytes())?;
        let end = self.edit(&listening, &mut line);
        // Enter was not echoed, and what comes next starts a line of its own.
        (&self.tty).write_all(b"\n")?;
        match end? {
            End::Cancelled => Err(PromptError::Cancelled),
            End::Enter => line.into_secret().ok_or(PromptError::TooLong { limit }),
        }
    }

    /// Asks a yes-or-no question, answered by `y` or `n` and Enter; Enter alone is no.
    ///
    /// Ctrl-C ends the process by SIGINT, because that is what `console` makes of it.
    ///
    /// # Errors
    /// [`PromptError::Cancelled`] for Ctrl-C where SIGINT is ignored, as in a background job of a script.
    pub(crate) fn confirm(&mut self, question: &str) -> Result<bool, PromptError> {
        let listening = Listening::start()?;
        let before = tcgetattr(&self.tty).map_err(io::Error::from)?;
        // What was typed before the question was asked is no answer to it.
        tcflush(&self.tty, QueueSelector::IFlush).map_err(io::Error::from)?;
        // `console` reads from standard input where that is a terminal, else from /dev/tty; it writes where it is told.
        let term = Term::read_write_pair(self.tty.try_clone()?, self.tty.try_clone()?);
        // A signal that comes while `console` waits for a key makes it give up; one just before goes unnoticed by it.
        let restore = || self.restore_after_confirm(&before);
        let answer = listening.during(restore, || {
            Confirm::new()
                .with_prompt(question)
                .default(false)
                .wait_for_newline(true)
                .interact_on(&term)
        })?;
        answer.map_err(|dialoguer::Error::IO(err)| {
            self.restore_after_confirm(&before);
            match err.kind() {
                io::ErrorKind::Interrupted => PromptError::Cancelled,
                _ => PromptError::Io(err),
            }
        })
    }

    /// Writes a secret and a line end to the terminal itself.
    pub(crate) fn show(&mut self, line: &Secret) -> Result<(), PromptError> {
        self.tty.write_all(line.expose())?; // shown to its owner on their own terminal, which is why it was made
        Ok(self.tty.write_all(b"\n")?)
    }

    /// Writes a line to the terminal itself.
    pub(crate) fn tell(&mut self, line: &str) -> Result<(), PromptError> {
        Ok(self.tty.write_all(format!("{line}\n").as_bytes())?)
    }

    fn edit(&self, listening: &Listening, line: &mut Line) -> io::Result<End> {
        // One byte at a time: nothing typed after Enter is taken, and no second buffer has to be wiped.
        let mut byte = Zeroizing::new([0]);
        loop {
            if listening.wait_for(&self.tty)? {
                // Dropping `listening` ends the process.
                return Ok(End::Cancelled);
            }
            match (&self.tty).read(&mut byte[..]) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(_) => {}
                Err(err) if err.kind() == io::ErrorKind::Interrupted => continue,
                Err(err) => return Err(err),
            }
            match byte[0] {
                keys::CTRL_C => return Ok(End::Cancelled),
                keys::CTRL_D if line.is_empty() => return Ok(End::Cancelled),
                keys::CTRL_D => {}
                keys::CTRL_U => line.clear(),
                keys::BACKSPACE | keys::DELETE => line.pop_char(),
                b'\r' | b'\n' => return Ok(End::Enter),
                other => line.push(other),
            }
        }
    }

    /// What `console` leaves undone when it is interrupted. There is nobody to tell if the terminal is gone.
    fn restore_after_confirm(&self, before: &Termios) {
        let _ = tcsetattr(&self.tty, OptionalActions::Now, before);
        let _ = (&self.tty).write_all(SHOW_CURSOR);
        let _ = (&self.tty).write_all(b"\n");
    }
}

mod keys {
    pub(super) const CTRL_C: u8 = 3;
    pub(super) const CTRL_D: u8 = 4;
    pub(super) const BACKSPACE: u8 = 8;
    pub(super) const CTRL_U: u8 = 21;
    pub(super) const DELETE: u8 = 127;
}

/// How a line of hidden input ended.
enum End {
    Cancelled,
    Enter,
}

/// Hidden input for as long as it lives.
struct Quiet<'tty> {
    tty: &'tty File,
    before: Termios,
}

impl<'tty> Quiet<'tty> {
    fn set(tty: &'tty File) -> io::Result<Self> {
        let before = tcgetattr(tty)?;
        let mut modes = before.clone();
        // ICANON goes too: with it, Ctrl-C would sit in the line discipline until Enter.
        modes.local_modes -=
            LocalModes::ECHO | LocalModes::ECHONL | LocalModes::ICANON | LocalModes::ISIG;
        modes.special_codes[SpecialCodeIndex::VMIN] = 1;
        modes.special_codes[SpecialCodeIndex::VTIME] = 0;
        // Made before the change, so that a change half made is taken back.
        let quiet = Self { tty, before };
        tcsetattr(tty, OptionalActions::Now, &modes)?;
        Ok(quiet)
    }
}

impl Drop for Quiet<'_> {
    fn drop(&mut self) {
        // Not `OptionalActions::Flush`: that waits for output, and so for ever on a terminal stopped by Ctrl-S.
        // If the terminal is gone, it has no modes to restore.
        let _ = tcflush(self.tty, QueueSelector::IFlush);
        let _ = tcsetattr(self.tty, OptionalActions::Now, &self.before);
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

    use super::*;

    /// What became of `keys` typed at a hidden prompt, and whether echo is on afterwards.
    fn typed(keys: &[u8], limit: usize) -> (Result<Secret, PromptError>, bool) {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a pty");
        grantpt(&master)
            .and_then(|()| unlockpt(&master))
            .expect("a pty");
        let path = ptsname(&master, Vec::new())
            .expect("a name")
            .into_string()
            .expect("ASCII");
        let flags = rustix::fs::OFlags::RDWR | rustix::fs::OFlags::NOCTTY;
        let tty = rustix::fs::open(path, flags, rustix::fs::Mode::empty()).expect("the other end");
        let mut master = File::from(master);
        let mut terminal = Terminal { tty: tty.into() };
        let answering = thread::spawn(move || {
            let answer = terminal.hidden("Secret", limit);
            let modes = tcgetattr(&terminal.tty).expect("a terminal").local_modes;
            (
                answer,
                modes.contains(LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG),
            )
        });
        let mut screen = Vec::new();
        while !screen.ends_with(b"Secret: ") {
            let mut byte = [0];
            master.read_exact(&mut byte).expect("the question");
            screen.push(byte[0]);
        }
        master.write_all(keys).expect("typed");
        answering.join().expect("no panic")
    }

    #[test]
    fn keys_edit_the_line() {
        for (keys, line) in [
            ("hunter2\r", "hunter2"),
            ("\n", ""),
            ("fooé\x7f\x08x\n", "fox"),
            ("\x7fa\n", "a"),
            ("wrong\x15right\n", "right"),
            ("a\x04b\tc\n", "ab\tc"),
            ("12345678\n", "12345678"),
            ("123456789\x151\n", "1"),
        ] {
            let (answer, echo) = typed(keys.as_bytes(), 8);
            assert_eq!(
                answer.expect("an answer").expose(),
                line.as_bytes(),
                "{keys:?}"
            );
            assert!(echo, "{keys:?}");
        }
    }

    #[test]
    fn every_other_end_restores_the_terminal_too() {
        for keys in ["\x03", "abc\x03", "\x04", "abc\x15\x04"] {
            let (answer, echo) = typed(keys.as_bytes(), 8);
            assert!(matches!(answer, Err(PromptError::Cancelled)), "{keys:?}");
            assert!(echo, "{keys:?}");
        }
        let (answer, echo) = typed(b"123456789\x7f\n", 8);
        assert!(matches!(answer, Err(PromptError::TooLong { limit: 8 })));
        assert!(echo);
    }
}
