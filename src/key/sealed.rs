//! A sealed blob, which only `crypto` can open.

/// Ciphertext with its tag, and the nonce it was sealed under.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Sealed {
    pub nonce: [u8; Self::NONCE],
    pub bytes: Vec<u8>,
}

impl Sealed {
    /// Length of an XChaCha20-Poly1305 nonce, in bytes.
    pub const NONCE: usize = 24;
    /// Length of the tag at the end, in bytes.
    pub const TAG: usize = 16;

    /// The tag; all of it when the blob is shorter, which no seal makes.
    pub fn tail(bytes: &[u8]) -> &[u8] {
        &bytes[bytes.len().saturating_sub(Self::TAG)..]
    }
}
