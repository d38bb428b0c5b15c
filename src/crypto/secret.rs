//! Secret types: bytes that are wiped on drop, never printed, never cloned, and made public only by `expose`.

use std::fmt;
use std::io::{self, Read};

use subtle::ConstantTimeEq;
use unicode_normalization::{UnicodeNormalization, is_nfc};
use zeroize::{Zeroize, Zeroizing};

/// Longest passphrase, in bytes of its NFC form.
pub const PASSPHRASE_LIMIT: usize = 1024;

/// Longest value of a provider key, in bytes.
pub const VALUE_LIMIT: usize = 64 * 1024;

/// Bytes that are wiped when dropped. `Debug` is redacted; there is no `Display`, `Clone`, `PartialEq` or `Serialize`.
///
/// The buffer is sized once and never grows, so that no copy stays behind in freed memory.
pub struct Secret(Box<[u8]>);

impl Secret {
    /// Takes a buffer over. Bytes beyond its length, up to its capacity, are wiped here and now.
    pub fn new(mut bytes: Vec<u8>) -> Self {
        if bytes.len() == bytes.capacity() {
            return Self(bytes.into_boxed_slice());
        }
        // `into_boxed_slice` would reallocate and free the old buffer unwiped.
        let exact = Box::from(bytes.as_slice());
        bytes.zeroize();
        Self(exact)
    }

    /// The same secret for a second owner.
    pub fn duplicate(&self) -> Self {
        Self::copied(&self.0)
    }

    /// A copy of bytes that lie in another buffer that is wiped.
    pub fn copied(bytes: &[u8]) -> Self {
        Self(Box::from(bytes))
    }

    /// Reads to the end of `input` with raw reads.
    ///
    /// # Errors
    /// `ErrorKind::FileTooLarge` when there are more than `limit` bytes, and whatever the reader says.
    pub fn read(input: impl Read, limit: usize) -> io::Result<Self> {
        let start = Self::read_start(input, limit)?;
        if start.len() > limit {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        Ok(start)
    }

    /// Reads to the end of `input`, but no more than one byte beyond `limit`, with raw reads.
    ///
    /// # Errors
    /// Whatever the reader says.
    pub fn read_start(mut input: impl Read, limit: usize) -> io::Result<Self> {
        let mut buffer = Zeroizing::new(vec![0; limit + 1]);
        let mut filled = 0;
        while filled < buffer.len() {
            match input.read(&mut buffer[filled..]) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(err) if err.kind() == io::ErrorKind::Interrupted => {}
                Err(err) => return Err(err),
            }
        }
        Ok(Self(Box::from(&buffer[..filled])))
    }

    /// All of it, where it lies.
    pub fn as_slice(&self) -> SecretSlice<'_> {
        SecretSlice(&self.0)
    }

    /// The bytes. Each caller says on its line why it may.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// Whether both are the same bytes, in constant time.
    pub fn is(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }

    /// How many bytes there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The part before the first line end (LF or CR LF), or all of it.
    pub fn first_line(&self) -> Self {
        let line = self.0.split(|&byte| byte == b'\n').next().unwrap_or(&[]);
        Self(Box::from(line.strip_suffix(b"\r").unwrap_or(line)))
    }

    /// Without one final line end (LF or CR LF), if there is one.
    pub fn without_final_newline(&self) -> Self {
        let body = match self.0.strip_suffix(b"\n") {
            Some(rest) => rest.strip_suffix(b"\r").unwrap_or(rest),
            None => &self.0,
        };
        Self(Box::from(body))
    }

    /// The parts between ASCII white space.
    pub fn words(&self) -> Vec<Self> {
        let words = self.0.split(u8::is_ascii_whitespace);
        words
            .filter(|word| !word.is_empty())
            .map(Self::copied)
            .collect()
    }

    /// Without the byte order mark that some editors begin UTF-8 files with.
    pub fn without_mark(&self) -> Self {
        Self::copied(self.0.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&self.0))
    }

    /// Without ASCII white space at both ends.
    pub fn trimmed(&self) -> Self {
        Self(Box::from(self.0.trim_ascii()))
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// A part of a buffer that is wiped, where it lies. `Debug` is redacted.
#[derive(Clone, Copy)]
pub struct SecretSlice<'a>(pub(super) &'a [u8]);

impl<'a> SecretSlice<'a> {
    /// Bytes that lie in a buffer of somebody else's, who wipes it or cannot.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// Whether both are the same bytes, in constant time.
    pub fn is(self, other: Self) -> bool {
        self.0.ct_eq(other.0).into()
    }
}

impl fmt::Debug for SecretSlice<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretSlice(..)")
    }
}

/// Why bytes are not a passphrase.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum PassphraseError {
    #[error("a passphrase is at most {PASSPHRASE_LIMIT} bytes long")]
    TooLong,
    #[error("a passphrase cannot be empty")]
    Empty,
    #[error("a passphrase has no NUL, carriage return or line feed in it")]
    Forbidden,
    #[error("a passphrase is UTF-8 text")]
    NotText,
}

/// A passphrase: UTF-8, NFC, 1 to [`PASSPHRASE_LIMIT`] bytes, no NUL, CR or LF.
#[derive(Debug)]
pub struct Passphrase(Secret);

impl Passphrase {
    /// Checks and normalises.
    ///
    /// # Errors
    /// [`PassphraseError`] says which rule the bytes break; never the bytes.
    pub fn new(typed: Secret) -> Result<Self, PassphraseError> {
        let text = str::from_utf8(&typed.0).map_err(|_| PassphraseError::NotText)?;
        if text.is_empty() {
            return Err(PassphraseError::Empty);
        }
        if text.len() > PASSPHRASE_LIMIT {
            return Err(PassphraseError::TooLong);
        }
        if text.contains(['\0', '\r', '\n']) {
            return Err(PassphraseError::Forbidden);
        }
        if is_nfc(text) {
            return Ok(Self(typed));
        }
        // NFC makes no text longer than three times its UTF-8 length (Unicode Standard Annex 15), so this never grows.
        let mut normal = String::with_capacity(3 * text.len());
        normal.extend(text.nfc());
        if normal.len() > PASSPHRASE_LIMIT {
            normal.zeroize();
            return Err(PassphraseError::TooLong);
        }
        Ok(Self(Secret::new(normal.into_bytes())))
    }

    /// The bytes that Argon2id takes.
    pub fn expose(&self) -> &[u8] {
        self.0.expose()
    }

    /// Whether both are the same passphrase, in constant time.
    pub fn is(&self, other: &Self) -> bool {
        self.0.is(&other.0)
    }

    /// zxcvbn's score, 0 to 4, of the first 100 bytes or so; below 3 is weak.
    ///
    /// zxcvbn keeps copies of its own that nobody wipes; it therefore only sees a *new* passphrase, once.
    pub fn strength(&self) -> u8 {
        let text = str::from_utf8(self.expose()).expect("checked when it was made");
        let head = text
            .char_indices()
            .nth(100)
            .map_or(text, |(end, _)| &text[..end]);
        zxcvbn::zxcvbn(head, &["keywright"]).score().into()
    }
}

/// Why bytes are not a value.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ValueError {
    #[error("the value is empty")]
    Empty,
    #[error("the value has a NUL byte, which no environment variable can carry")]
    Nul,
    #[error("the value is longer than {VALUE_LIMIT} bytes")]
    TooLong,
}

/// The value of a provider key: 1 to [`VALUE_LIMIT`] bytes of any kind but NUL.
#[derive(Debug)]
pub struct SecretValue(Secret);

impl SecretValue {
    /// Checks length and content.
    ///
    /// # Errors
    /// [`ValueError`] says which rule the bytes break; never the bytes.
    pub fn new(bytes: Secret) -> Result<Self, ValueError> {
        match bytes.expose() {
            [] => Err(ValueError::Empty),
            all if all.len() > VALUE_LIMIT => Err(ValueError::TooLong),
            all if all.contains(&0) => Err(ValueError::Nul),
            _ => Ok(Self(bytes)),
        }
    }

    /// The bytes.
    pub fn expose(&self) -> &[u8] {
        self.0.expose()
    }

    /// Whether this is what is stored, in constant time.
    pub fn is(&self, stored: &Secret) -> bool {
        self.0.is(stored)
    }

    /// A copy to be sealed.
    pub fn stored(&self) -> Secret {
        Secret(self.0.0.clone())
    }

    /// Its first and last three characters if it is text of 16 characters or more, else `••••`.
    pub fn masked(&self) -> String {
        const HIDDEN: &str = "••••";
        let Ok(text) = str::from_utf8(self.expose()) else {
            return HIDDEN.to_owned();
        };
        let count = text.chars().count();
        if count < 16 {
            return HIDDEN.to_owned();
        }
        let head: String = text.chars().take(3).collect();
        let tail: String = text.chars().skip(count - 3).collect();
        format!("{head}{HIDDEN}{tail}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(bytes: &[u8]) -> Secret {
        Secret::new(bytes.to_vec())
    }

    #[test]
    fn read_stops_at_the_limit() {
        assert_eq!(Secret::read(&b"abcd"[..], 4).map(|s| s.len()).ok(), Some(4));
        let err = Secret::read(&b"abcde"[..], 4).expect_err("one too many");
        assert_eq!(err.kind(), io::ErrorKind::FileTooLarge);
    }

    /// Looks where it was, as whoever finds a core dump can.
    #[test]
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    fn what_is_dropped_is_wiped() {
        use std::os::unix::fs::FileExt;
        let memory = std::fs::File::open("/proc/self/mem").expect("memory");
        // glibc writes at the beginning of what is free.
        let look = |place: u64| {
            let mut bytes = [0; 32];
            memory.read_exact_at(&mut bytes, place + 64).expect("read");
            bytes
        };
        let secret = secret(&[0xa7; 256]);
        let place = u64::try_from(secret.0.as_ptr().addr()).expect("an address");
        assert_eq!(look(place), [0xa7; 32]);
        drop(secret);
        assert_eq!(look(place), [0; 32]);
    }

    #[test]
    fn a_signal_while_it_is_read_is_no_end_and_an_error_is_one() {
        struct Says(Vec<Result<u8, io::ErrorKind>>);
        impl Read for Says {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                self.0.pop().map_or(Ok(0), |said| {
                    buffer[0] = said?;
                    Ok(1)
                })
            }
        }
        use io::ErrorKind::{Interrupted, PermissionDenied};
        let read = |said: &[_]| Secret::read(Says(said.iter().copied().rev().collect()), 4);
        let whole = read(&[Err(Interrupted), Ok(b'a'), Err(Interrupted), Ok(b'b')]);
        assert_eq!(whole.expect("read").expose(), b"ab");
        let err = read(&[Ok(b'a'), Err(PermissionDenied), Ok(b'b')]).expect_err("not read");
        assert_eq!(err.kind(), PermissionDenied);
    }

    #[test]
    fn a_secret_of_no_bytes_is_empty_and_a_guess_is_weak() {
        assert!(secret(b"").is_empty() && !secret(b"a").is_empty());
        let strength = |text: &[u8]| Passphrase::new(secret(text)).expect("valid").strength();
        assert_eq!(strength(b"password"), 0);
        assert_eq!(strength(b"correct horse battery staple gun"), 4);
    }

    #[test]
    fn debug_shows_nothing() {
        let passphrase = Passphrase::new(secret(b"hunter2")).expect("valid");
        assert_eq!(format!("{passphrase:?}"), "Passphrase(Secret(..))");
    }

    #[test]
    fn passphrase_is_normalised_and_limited() {
        let composed = Passphrase::new(secret("é".as_bytes())).expect("valid");
        let combined = Passphrase::new(secret("e\u{301}".as_bytes())).expect("valid");
        assert_eq!(composed.expose(), combined.expose());
        assert!(composed.is(&combined));
        assert!(!composed.is(&Passphrase::new(secret(b"e")).expect("valid")));
        for (bytes, error) in [
            (&b""[..], PassphraseError::Empty),
            (b"a\nb", PassphraseError::Forbidden),
            (b"a\rb", PassphraseError::Forbidden),
            (b"a\0b", PassphraseError::Forbidden),
            (b"\xff", PassphraseError::NotText),
            (&[b'a'; PASSPHRASE_LIMIT + 1], PassphraseError::TooLong),
        ] {
            assert_eq!(Passphrase::new(secret(bytes)).err(), Some(error));
        }
        assert!(Passphrase::new(secret(&[b'a'; PASSPHRASE_LIMIT])).is_ok());
    }

    #[test]
    fn value_is_limited_and_masked() {
        let masked = |bytes: &[u8]| SecretValue::new(secret(bytes)).expect("valid").masked();
        assert_eq!(masked(b"123456789012345"), "••••");
        assert_eq!(masked(b"1234567890123456"), "123••••456");
        assert_eq!(masked(&[0xff; 40]), "••••");
        for (bytes, error) in [
            (&b""[..], ValueError::Empty),
            (b"a\0", ValueError::Nul),
            (&[b'a'; VALUE_LIMIT + 1], ValueError::TooLong),
        ] {
            assert_eq!(SecretValue::new(secret(bytes)).err(), Some(error));
        }
    }

    #[test]
    fn line_ends_are_cut_as_told() {
        assert_eq!(secret(b"a\r\nb\n").first_line().expose(), b"a");
        assert_eq!(
            secret(b"a\nb\r\n").without_final_newline().expose(),
            b"a\nb"
        );
        assert_eq!(secret(b"a\n\n").without_final_newline().expose(), b"a\n");
        assert_eq!(secret(b" a \n").trimmed().expose(), b"a");
    }
}
