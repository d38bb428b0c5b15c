//! What a paste leaves on the terminal after the line that was read.

use std::fs::File;
use std::io::{self, Read};
use std::time::{Duration, Instant};

use rustix::event::Timespec;
use rustix::io::ioctl_fionread;
use zeroize::Zeroizing;

use crate::crypto::Secret;
use crate::signals::is_ready_within;

/// What a terminal in bracketed paste mode puts before and after a paste; a program that crashed may have left it so.
const START: &[u8] = b"\x1b[200~";
const END: &[u8] = b"\x1b[201~";

/// How long nothing may come before a paste is over. Nobody types the next line as fast.
const GAP: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 50_000_000,
};

/// How long a paste may take: a key that is held down has no end.
const LONGEST: Duration = Duration::from_secs(2);

/// Reads what was pasted after the line that was read, and throws it away; whether it was more than the line's end.
///
/// # Errors
/// What the system says of the terminal.
pub(super) fn discard_rest(mut tty: &File) -> io::Result<bool> {
    let mut bytes = Zeroizing::new([0; 1024]);
    let mut is_more = false;
    let end = Instant::now() + LONGEST;
    // The second question is for macOS, which cannot poll /dev/tty and says so at once: there only what has come counts.
    while Instant::now() < end && is_ready_within(tty, &GAP) && ioctl_fionread(tty)? > 0 {
        let count = tty.read(&mut bytes[..])?;
        is_more |= !is_line_end(&bytes[..count]);
    }
    Ok(is_more)
}

/// A line without the marks of a bracketed paste.
pub(super) fn without_marks(line: &Secret) -> Secret {
    let line = line.expose(); // copied to where it is wiped, too
    let line = line.strip_prefix(START).unwrap_or(line);
    Secret::copied(line.strip_suffix(END).unwrap_or(line))
}

/// Whether there is nothing but line ends, and the end of a bracketed paste among them.
fn is_line_end(bytes: &[u8]) -> bool {
    let bytes = bytes.trim_ascii_start();
    bytes
        .strip_prefix(END)
        .unwrap_or(bytes)
        .trim_ascii_start()
        .is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_end_is_no_other_line() {
        for bytes in ["", "\n", "\n\n", "\x1b[201~", "\n\x1b[201~\n"] {
            assert!(is_line_end(bytes.as_bytes()), "{bytes:?}");
        }
        for bytes in [
            "a",
            "\na",
            "\x1b[201~a",
            "\n\x1b[201~\n\x1b[201~",
            "\x1b[20",
        ] {
            assert!(!is_line_end(bytes.as_bytes()), "{bytes:?}");
        }
    }

    #[test]
    fn marks_are_no_part_of_a_line() {
        for (line, bare) in [
            ("abc", "abc"),
            ("\x1b[200~abc\x1b[201~", "abc"),
            ("\x1b[200~abc", "abc"),
            ("a\x1b[200~bc", "a\x1b[200~bc"),
        ] {
            let line = Secret::copied(line.as_bytes());
            assert_eq!(without_marks(&line).expose(), bare.as_bytes());
        }
    }
}
