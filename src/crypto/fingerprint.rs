//! Knowing a secret again without having it.

use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq;

use super::{RandomError, random};

const SALT_LEN: usize = 16;

/// A random salt, and `SHA-256("keywright/v1/fingerprint" ‖ salt ‖ content)`. It is never stored: a content that can be
/// guessed can be guessed from it, too, so it goes through a pipe to another process of our own and no further.
pub struct Fingerprint {
    salt: [u8; SALT_LEN],
    hash: [u8; 32],
}

impl Fingerprint {
    /// Salt and hash, in bytes.
    pub const LEN: usize = SALT_LEN + 32;

    /// Of a content of any length.
    ///
    /// # Errors
    /// When the system has no randomness.
    pub fn of(content: &[u8]) -> Result<Self, RandomError> {
        let salt = random()?;
        let hash = hash(&salt, content);
        Ok(Self { salt, hash })
    }

    /// To be taken apart again by [`Fingerprint::from_bytes`].
    pub fn to_bytes(&self) -> [u8; Self::LEN] {
        let mut bytes = [0; Self::LEN];
        bytes[..SALT_LEN].copy_from_slice(&self.salt);
        bytes[SALT_LEN..].copy_from_slice(&self.hash);
        bytes
    }

    /// What [`Fingerprint::to_bytes`] made.
    pub fn from_bytes(bytes: &[u8; Self::LEN]) -> Self {
        let (salt, hash) = bytes
            .split_first_chunk()
            .expect("longer than a salt by a hash");
        Self {
            salt: *salt,
            hash: *hash.first_chunk().expect("a hash follows the salt"),
        }
    }

    /// Whether it is of this content, in constant time.
    pub fn is_of(&self, content: &[u8]) -> bool {
        self.hash.ct_eq(&hash(&self.salt, content)).into()
    }
}

fn hash(salt: &[u8; SALT_LEN], content: &[u8]) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(b"keywright/v1/fingerprint");
    hash.update(salt);
    hash.update(content);
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_content_is_known_again_and_no_other() {
        let made = Fingerprint::of(b"content").expect("random");
        let read = Fingerprint::from_bytes(&made.to_bytes());
        assert!(read.is_of(b"content"));
        for other in [&b""[..], b"conten", b"content\n", b"Content"] {
            assert!(!read.is_of(other), "{other:?}");
        }
        let again = Fingerprint::of(b"content").expect("random");
        assert_ne!(made.to_bytes(), again.to_bytes());
    }
}
