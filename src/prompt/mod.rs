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
//! - A hidden value is one line. Where the terminal has more of a paste right after it, nothing of it is taken.
//! - The answer is read with raw reads into one buffer of fixed size that is wiped on every path.
//! - The answer to a yes-or-no question is a line that the terminal itself echoes and lets its user edit. Nothing but a
//!   whole `y` or `yes` is a yes; Ctrl-D is a no, and Ctrl-C ends the process.

mod line;
mod paste;
mod sources;
mod words;

use std::fs::File;
use std::io::{self, Read, Write};

use dialoguer::theme::{SimpleTheme, Theme};
use rustix::termios::{
    InputModes, LocalModes, OptionalActions, QueueSelector, SpecialCodeIndex, Termios, tcflush,
    tcgetattr, tcsetattr,
};
use zeroize::Zeroizing;

use self::line::Line;
use self::paste::{discard_rest, without_marks};
pub(crate) use self::sources::{
    access_tokens_from_file, next_passphrase_from_fd, passphrase_from_command, passphrase_from_fd,
    passphrase_from_file, recovery_code_from_file, recovery_code_from_stdin,
};
pub(crate) use self::words::six_words;
use crate::crypto::Secret;
use crate::signals::Listening;

/// Longest line that is read as a recovery code, in bytes: its text has 49, and may be typed with spaces between.
pub(crate) const RECOVERY_CODE_LIMIT: usize = 256;

/// Longest line that is read as an answer to a yes-or-no question, in bytes; a longer one is neither.
const ANSWER_LIMIT: usize = 256;

/// The controlling terminal, if there is one and the user allows prompts.
#[derive(Debug)]
pub(crate) struct Terminal {
    tty: File,
}

/// What a yes-or-no question was answered with.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Answer {
    No,
    /// Something that is neither, such as a line of a paste that was meant for another program: as good as no.
    Other,
    Yes,
}

/// Why a question has no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PromptError {
    #[error("cancelled")]
    Cancelled,
    #[error("cannot use the terminal")]
    Io(#[from] io::Error),
    #[error(
        "several lines were given, and only one can be typed or pasted here; nothing was stored"
    )]
    SeveralLines,
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
        self.ask(question, limit, || Ok(()))
    }

    /// The same for the value of a key, which may have several lines elsewhere, but not here.
    ///
    /// # Errors
    /// [`PromptError::SeveralLines`] where more was pasted, and as [`Terminal::hidden`].
    pub(crate) fn hidden_value(
        &mut self,
        question: &str,
        limit: usize,
    ) -> Result<Secret, PromptError> {
        let tty = self.tty.try_clone()?;
        let line = self.ask(question, limit, || match discard_rest(&tty)? {
            false => Ok(()),
            true => Err(PromptError::SeveralLines),
        })?;
        Ok(without_marks(&line))
    }

    /// `check` is done after Enter, while what is typed is still hidden.
    fn ask(
        &mut self,
        question: &str,
        limit: usize,
        check: impl FnOnce() -> Result<(), PromptError>,
    ) -> Result<Secret, PromptError> {
        // Dropped in reverse: the line is wiped, the modes come back, and only then a signal ends the process.
        let listening = Listening::start()?;
        let _modes = Modes::set(&self.tty, hide)?;
        let mut line = Line::new(limit);
        (&self.tty).write_all(format!("{question}: ").as_bytes())?;
        let end = self.edit(&listening, &mut line);
        // Enter was not echoed, and what comes next starts a line of its own.
        (&self.tty).write_all(b"\n")?;
        match end? {
            End::Cancelled => Err(PromptError::Cancelled),
            End::Enter => {
                check()?;
                line.into_secret().ok_or(PromptError::TooLong { limit })
            }
        }
    }

    /// Asks a yes-or-no question. One line is the answer, whatever follows it.
    ///
    /// It is not left to `dialoguer`, whose question looks like this one: there each `y` of a line is a yes until the next
    /// `n`, nothing that is typed is seen, and Ctrl-D does nothing.
    pub(crate) fn confirm(&mut self, question: &str) -> Result<Answer, PromptError> {
        let listening = Listening::start()?;
        let modes = Modes::set(&self.tty, show)?;
        // What was typed before the question was asked is no answer to it.
        tcflush(&self.tty, QueueSelector::IFlush).map_err(io::Error::from)?;
        let mut asked = String::new();
        SimpleTheme
            .format_confirm_prompt(&mut asked, question, Some(false))
            .expect("a string takes all that is written to it");
        (&self.tty).write_all(asked.as_bytes())?;
        let mut line = Line::new(ANSWER_LIMIT);
        // Where the terminal cannot be polled, a signal does not end the read.
        let restore = || {
            modes.restore();
            let _ = (&self.tty).write_all(b"\n");
        };
        let end = listening.during(restore, || self.take_line(&listening, &mut line))?;
        if !matches!(end, Ok(End::Enter)) {
            (&self.tty).write_all(b"\n")?;
        }
        let answer = match end? {
            End::Cancelled => Answer::No,
            End::Enter => line.into_secret().map_or(Answer::Other, Answer::of),
        };
        if answer == Answer::Other {
            // The rest of a paste may still be on its way.
            discard_rest(&self.tty)?;
        }
        Ok(answer)
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

    /// Reads a line that is edited here.
    fn edit(&self, listening: &Listening, line: &mut Line) -> io::Result<End> {
        let mut byte = Zeroizing::new([0]);
        loop {
            match self.next(listening, &mut byte)? {
                Next::Byte => {}
                Next::End => return Err(io::ErrorKind::UnexpectedEof.into()),
                Next::Signal => return Ok(End::Cancelled),
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

    /// Reads a line that the terminal has edited. One that Ctrl-D ends is cancelled.
    fn take_line(&self, listening: &Listening, line: &mut Line) -> io::Result<End> {
        let mut byte = Zeroizing::new([0]);
        loop {
            match self.next(listening, &mut byte)? {
                Next::Byte if byte[0] == b'\n' => return Ok(End::Enter),
                Next::Byte => line.push(byte[0]),
                Next::End | Next::Signal => return Ok(End::Cancelled),
            }
        }
    }

    /// Waits for a byte. One at a time: nothing typed after Enter is taken, and no second buffer has to be wiped.
    fn next(&self, listening: &Listening, byte: &mut [u8; 1]) -> io::Result<Next> {
        loop {
            if listening.wait_for(&self.tty)? {
                return Ok(Next::Signal);
            }
            match (&self.tty).read(byte) {
                Ok(0) => return Ok(Next::End),
                Ok(_) => return Ok(Next::Byte),
                Err(err) if err.kind() == io::ErrorKind::Interrupted => {}
                Err(err) => return Err(err),
            }
        }
    }
}

impl Answer {
    fn of(line: Secret) -> Self {
        let line = line.trimmed();
        let is = |word: &str| line.expose().eq_ignore_ascii_case(word.as_bytes()); // compared, and goes nowhere
        if is("y") || is("yes") {
            Self::Yes
        } else if is("n") || is("no") || is("") {
            Self::No
        } else {
            Self::Other
        }
    }
}

mod keys {
    pub(super) const CTRL_C: u8 = 3;
    pub(super) const CTRL_D: u8 = 4;
    pub(super) const BACKSPACE: u8 = 8;
    pub(super) const CTRL_U: u8 = 21;
    pub(super) const DELETE: u8 = 127;
}

/// How a line ended.
enum End {
    Cancelled,
    Enter,
}

/// What the terminal gives.
enum Next {
    Byte,
    End,
    /// Dropping what listens ends the process.
    Signal,
}

/// For input that is edited here and not shown.
fn hide(modes: &mut Termios) {
    // ICANON goes too: with it, Ctrl-C would sit in the line discipline until Enter.
    modes.local_modes -=
        LocalModes::ECHO | LocalModes::ECHONL | LocalModes::ICANON | LocalModes::ISIG;
    modes.special_codes[SpecialCodeIndex::VMIN] = 1;
    modes.special_codes[SpecialCodeIndex::VTIME] = 0;
}

/// For a line that the terminal edits and shows, even if the program before this one left it in other modes.
fn show(modes: &mut Termios) {
    modes.input_modes |= InputModes::ICRNL;
    modes.local_modes |= LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG;
}

/// Other modes of the terminal for as long as it lives.
struct Modes<'tty> {
    tty: &'tty File,
    before: Termios,
}

impl<'tty> Modes<'tty> {
    fn set(tty: &'tty File, change: impl FnOnce(&mut Termios)) -> io::Result<Self> {
        let before = tcgetattr(tty)?;
        let mut changed = before.clone();
        change(&mut changed);
        // Made before the change, so that a change half made is taken back.
        let modes = Self { tty, before };
        tcsetattr(tty, OptionalActions::Now, &changed)?;
        Ok(modes)
    }

    fn restore(&self) {
        // Not `OptionalActions::Flush`: that waits for output, and so for ever on a terminal stopped by Ctrl-S.
        // If the terminal is gone, it has no modes to restore.
        let _ = tcflush(self.tty, QueueSelector::IFlush);
        let _ = tcsetattr(self.tty, OptionalActions::Now, &self.before);
    }
}

impl Drop for Modes<'_> {
    fn drop(&mut self) {
        self.restore();
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

    #[test]
    fn only_a_whole_yes_is_one() {
        for (line, answer) in [
            ("y", Answer::Yes),
            (" Yes\t", Answer::Yes),
            ("", Answer::No),
            (" \r", Answer::No),
            ("N", Answer::No),
            ("no", Answer::No),
            ("nay", Answer::Other),
            ("no way", Answer::Other),
            ("y y", Answer::Other),
            ("y\0", Answer::Other),
        ] {
            assert_eq!(
                Answer::of(Secret::copied(line.as_bytes())),
                answer,
                "{line:?}"
            );
        }
    }
}
