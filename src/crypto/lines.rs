//! Lines of a stream of secrets, in one buffer of a fixed size that is wiped.

use std::fmt;
use std::io::{self, Read};

use zeroize::Zeroizing;

use super::SecretSlice;

/// Bytes that are read at once: a pipe holds no more.
const CHUNK: usize = 64 * 1024;

/// Cuts what is read into lines. Memory depends neither on the number of lines nor on their lengths.
pub struct SecretLines {
    buffer: Zeroizing<Vec<u8>>,
    /// Where in the buffer is what was read and not given out yet.
    start: usize,
    end: usize,
    /// Longest line that is held, in bytes.
    limit: usize,
    /// Within a line that was too long: what is left of it goes unseen.
    skipping: bool,
    ended: bool,
}

impl SecretLines {
    /// Of lines of up to `limit` bytes.
    pub fn new(limit: usize) -> Self {
        Self {
            // Beside a whole chunk there is room for the beginning of a line.
            buffer: Zeroizing::new(vec![0; limit + CHUNK]),
            start: 0,
            end: 0,
            limit,
            skipping: false,
            ended: false,
        }
    }

    /// Takes what `input` has, with one raw read that waits while there is nothing. To be called when
    /// [`next_line`](Self::next_line) has no more; false at the end of the input, after which there may be a last line.
    ///
    /// # Errors
    /// Whatever the reader says.
    pub fn read_more(&mut self, mut input: impl Read) -> io::Result<bool> {
        self.buffer.copy_within(self.start..self.end, 0);
        (self.start, self.end) = (0, self.end - self.start);
        let count = loop {
            match input.read(&mut self.buffer[self.end..]) {
                Err(err) if err.kind() == io::ErrorKind::Interrupted => {}
                outcome => break outcome?,
            }
        };
        self.end += count;
        self.ended = count == 0;
        Ok(!self.ended)
    }

    /// The next whole line without its line feed, and at the end of the input what is left. Of a line that is longer
    /// than the limit one byte more than that, as soon as it is known to be so long.
    pub fn next_line(&mut self) -> Option<SecretSlice<'_>> {
        if self.skipping {
            let rest = self.line_feed();
            self.start += rest.map_or(self.end - self.start, |length| length + 1);
            self.skipping = rest.is_none();
        }
        let (start, left) = (self.start, self.end - self.start);
        let length = match self.line_feed() {
            Some(length) => {
                self.start += length + 1;
                length
            }
            None if left > self.limit || (self.ended && left > 0) => {
                self.start = self.end;
                self.skipping = true;
                left
            }
            None => return None,
        };
        let shown = length.min(self.limit + 1);
        Some(SecretSlice(&self.buffer[start..start + shown]))
    }

    /// How many bytes there are before the next one.
    fn line_feed(&self) -> Option<usize> {
        let unread = &self.buffer[self.start..self.end];
        unread.iter().position(|&byte| byte == b'\n')
    }
}

impl fmt::Debug for SecretLines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretLines(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The lines of chunks that come one at a time.
    fn lines(chunks: &[&[u8]], limit: usize) -> Vec<Vec<u8>> {
        let mut lines = SecretLines::new(limit);
        let mut found = Vec::new();
        for chunk in chunks.iter().filter(|chunk| !chunk.is_empty()) {
            assert!(lines.read_more(*chunk).expect("readable"));
            while let Some(line) = lines.next_line() {
                found.push(line.0.to_vec());
            }
        }
        assert!(!lines.read_more(&b""[..]).expect("readable"));
        while let Some(line) = lines.next_line() {
            found.push(line.0.to_vec());
        }
        found
    }

    #[test]
    fn a_signal_while_it_is_read_is_no_end_and_an_error_is_one() {
        use io::ErrorKind::{Interrupted, PermissionDenied};
        struct Fails(Vec<io::ErrorKind>);
        impl Read for Fails {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                buffer[0] = b'a';
                self.0.pop().map_or(Ok(1), |kind| Err(kind.into()))
            }
        }
        let mut lines = SecretLines::new(8);
        assert!(lines.read_more(Fails(vec![Interrupted; 3])).expect("read"));
        let refused = lines
            .read_more(Fails(vec![PermissionDenied]))
            .expect_err("an error");
        assert_eq!(refused.kind(), PermissionDenied);
    }

    #[test]
    fn lines_end_at_line_feeds_and_at_the_end() {
        for (text, expected) in [
            (&b""[..], &[][..]),
            (b"\n", &[&b""[..]]),
            (b"a", &[b"a"]),
            (b"a\n", &[b"a"]),
            (b"a\n\nb", &[b"a", b"", b"b"]),
            (b"a\r\n", &[b"a\r"]),
            (b"1234\n12345\n1234", &[b"1234", b"12345", b"1234"]),
            (b"123456\n1234567", &[b"12345", b"12345"]),
        ] {
            assert_eq!(lines(&[text], 4), expected, "{text:?}");
        }
    }

    #[test]
    fn a_line_is_given_when_it_is_whole_and_a_long_one_when_it_is_too_long() {
        let mut lines = SecretLines::new(4);
        for (chunk, line) in [
            (&b"12"[..], None),
            (b"34", None),
            (b"5", Some(&b"12345"[..])),
            (b"6789", None),
            (b"\nab", None),
            (b"\n", Some(b"ab")),
        ] {
            assert!(lines.read_more(chunk).expect("readable"));
            assert_eq!(lines.next_line().map(|line| line.0), line, "{chunk:?}");
        }
    }

    #[test]
    fn memory_does_not_grow_with_a_line() {
        let long = vec![b'x'; 1 << 20];
        let mut input = &[&long[..], b"\nlast\n"].concat()[..];
        let mut lines = SecretLines::new(4096);
        let (address, size) = (lines.buffer.as_ptr(), lines.buffer.capacity());
        let mut lengths = Vec::new();
        while lines.read_more(&mut input).expect("readable") {
            while let Some(line) = lines.next_line() {
                lengths.push(line.0.len());
            }
        }
        assert_eq!(lengths, [4097, 4]);
        assert_eq!(
            (lines.buffer.as_ptr(), lines.buffer.capacity()),
            (address, size)
        );
    }

    proptest::proptest! {
        #[test]
        fn chunks_make_no_difference(
            text in proptest::collection::vec(proptest::sample::select(b"ab\n".to_vec()), 0..60),
            cuts in proptest::collection::vec(0_usize..60, 0..6),
        ) {
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(text.len())).collect();
            cuts.extend([0, text.len()]);
            cuts.sort_unstable();
            let chunks: Vec<&[u8]> = cuts.windows(2).map(|cut| &text[cut[0]..cut[1]]).collect();
            let body = text.strip_suffix(b"\n").unwrap_or(&text);
            let mut expected: Vec<Vec<u8>> = body
                .split(|&byte| byte == b'\n')
                .map(|line| line[..line.len().min(6)].to_vec())
                .collect();
            if text.is_empty() {
                expected.clear();
            }
            proptest::prop_assert_eq!(lines(&chunks, 5), expected);
        }
    }
}
