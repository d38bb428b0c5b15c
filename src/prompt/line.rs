//! One line of a secret while it is typed or read.

use std::io::{self, Read};

use zeroize::{Zeroize, Zeroizing};

use crate::crypto::Secret;

/// A line of at most so many bytes: one buffer that never grows and is wiped on every path.
pub(super) struct Line {
    bytes: Zeroizing<Vec<u8>>,
    limit: usize,
    too_long: bool,
}

impl Line {
    /// An empty line with room for `limit` bytes.
    pub(super) fn new(limit: usize) -> Self {
        Self {
            bytes: Zeroizing::new(Vec::with_capacity(limit)),
            limit,
            too_long: false,
        }
    }

    /// Reads up to the first line end (LF or CR LF) and not one byte further, so that the next reader gets the rest.
    ///
    /// # Errors
    /// `ErrorKind::FileTooLarge` when the line has more than `limit` bytes, and whatever the reader says.
    pub(super) fn read(mut input: impl Read, limit: usize) -> io::Result<Secret> {
        // The CR of a line end needs room of its own.
        let mut line = Self::new(limit + 1);
        let mut byte = Zeroizing::new([0]);
        while !line.too_long {
            match input.read(&mut byte[..]) {
                Ok(0) => break,
                Ok(_) if byte[0] == b'\n' => break,
                Ok(_) => line.push(byte[0]),
                Err(err) if err.kind() == io::ErrorKind::Interrupted => {}
                Err(err) => return Err(err),
            }
        }
        let line = line.into_secret().map(|line| line.first_line());
        line.filter(|line| line.len() <= limit)
            .ok_or_else(|| io::ErrorKind::FileTooLarge.into())
    }

    /// Whether there is nothing in it.
    pub(super) fn is_empty(&self) -> bool {
        self.bytes.is_empty() && !self.too_long
    }

    /// Adds a byte. One too many wipes the line, and only [`Line::clear`] makes it usable again.
    pub(super) fn push(&mut self, byte: u8) {
        if self.bytes.len() == self.limit {
            self.too_long = true;
            self.bytes.zeroize();
        }
        if !self.too_long {
            self.bytes.push(byte);
        }
    }

    /// Takes back the last UTF-8 character.
    pub(super) fn pop_char(&mut self) {
        while self.bytes.pop().is_some_and(|byte| byte & 0xc0 == 0x80) {}
    }

    /// Takes everything back.
    pub(super) fn clear(&mut self) {
        self.bytes.zeroize();
        self.too_long = false;
    }

    /// The line, unless it was too long.
    pub(super) fn into_secret(self) -> Option<Secret> {
        (!self.too_long).then(|| Secret::new(self.bytes.to_vec()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn read_takes_one_line_and_leaves_the_rest() {
        for (input, line, rest) in [
            ("abc\ndef", "abc", "def"),
            ("abc\r\ndef", "abc", "def"),
            ("abc", "abc", ""),
            ("abcd\r\n\n", "abcd", "\n"),
            ("\n", "", ""),
            ("", "", ""),
        ] {
            let mut left = input.as_bytes();
            assert_eq!(
                Line::read(&mut left, 4).expect("short enough").expose(),
                line.as_bytes()
            );
            assert_eq!(left, rest.as_bytes());
        }
    }

    #[test]
    fn read_refuses_a_line_that_is_too_long() {
        for input in ["abcde", "abcde\n", "abcde\r\n", "abcdefghi\n"] {
            let err = Line::read(input.as_bytes(), 4).expect_err("too long");
            assert_eq!(err.kind(), io::ErrorKind::FileTooLarge);
        }
    }

    #[test]
    fn the_buffer_never_moves() {
        let mut line = Line::new(3);
        let before = line.bytes.as_ptr();
        for byte in b"abcdef" {
            line.push(*byte);
            line.pop_char();
            line.push(*byte);
        }
        assert_eq!(line.bytes.as_ptr(), before);
    }
}
