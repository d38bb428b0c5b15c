//! MACs and hashes over many fields.

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest as _, Sha256};

use super::keys::SubKey;
use crate::checks;

/// HMAC-SHA-256 (RFC 2104) over length-prefixed fields.
pub struct RowsMac(Hmac<Sha256>);

impl RowsMac {
    /// Under a key of its own purpose.
    pub fn new(key: &SubKey) -> Self {
        Self(Hmac::new_from_slice(key.bytes()).expect("HMAC takes keys of any length"))
    }

    /// Adds `lp(field)`.
    pub fn field(&mut self, field: &[u8]) {
        let len = u32::try_from(field.len()).expect("every field is bounded far below 4 GiB");
        self.0.update(&len.to_le_bytes());
        self.0.update(field);
    }

    /// Adds bytes that are unambiguous by themselves, such as associated data.
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Adds a number as eight bytes.
    pub fn number(&mut self, number: u64) {
        self.field(&number.to_le_bytes());
    }

    /// The 32 bytes.
    pub fn finish(self) -> [u8; 32] {
        self.0.finalize().into_bytes().into()
    }

    /// Whether this is `expected`, in constant time.
    pub fn is(self, expected: &[u8]) -> bool {
        checks::holds(self.0.verify_slice(expected).is_ok())
    }

    /// `HMAC-SHA-256(key, name)[..16]`: finds a name without showing it.
    pub fn name_tag(key: &SubKey, name: &str) -> [u8; 16] {
        let mut mac = Self::new(key);
        mac.0.update(name.as_bytes());
        mac.finish()[..16].try_into().expect("half of 32 bytes")
    }
}

/// SHA-256 (FIPS 180-4) of `prefix ‖ lp(part)…`.
pub fn sha256_parts(prefix: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(prefix);
    for part in parts {
        let len = u32::try_from(part.len()).expect("every part is bounded far below 4 GiB");
        hash.update(len.to_le_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}
