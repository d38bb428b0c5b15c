//! Random keys and what is derived from them.

use std::fmt;

use hkdf::Hkdf;
use rand::TryRng;
use rand::rngs::SysRng;
use sha2::Sha256;
use zeroize::{Zeroize, Zeroizing};

use crate::hardening::LockedKey;
use crate::key::VaultId;

/// The operating system gave no random bytes.
#[derive(Debug, thiserror::Error)]
#[error("the operating system gives no random bytes")]
pub struct RandomError(#[source] rand::rngs::SysError);

/// `N` bytes from the operating system's generator, the only source of randomness there is.
///
/// # Errors
/// When the system has none to give; nothing may go on then.
pub fn random<const N: usize>() -> Result<[u8; N], RandomError> {
    let mut bytes = [0; N];
    SysRng.try_fill_bytes(&mut bytes).map_err(RandomError)?;
    Ok(bytes)
}

/// What a derived key is for. Its text is the label of the derivation.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Label {
    Anchor,
    Head,
    Log,
    Name,
    Record,
    Rows,
    Scope,
}

impl Label {
    fn text(self) -> &'static str {
        match self {
            Self::Anchor => "anchor",
            Self::Head => "head",
            Self::Log => "log",
            Self::Name => "name",
            Self::Record => "record",
            Self::Rows => "rows",
            Self::Scope => "scope",
        }
    }
}

/// `derive(input, label, context, len(out))`: HKDF-SHA-256 (RFC 5869) with the vault's id as salt.
pub(super) fn derive(input: &[u8], vault: VaultId, label: &str, context: &[u8], out: &mut [u8]) {
    Hkdf::<Sha256>::new(Some(&vault.0), input)
        // Prefix and labels are constants without a zero byte, so one zero byte keeps label and context apart.
        .expand_multi_info(&[b"keywright/v1/", label.as_bytes(), b"\0", context], out)
        .expect("no key here is longer than 255 hashes");
}

/// A vault key, a scope key or an activity key: 32 random bytes in a locked page.
pub struct RootKey(LockedKey);

impl RootKey {
    /// A new random one.
    ///
    /// # Errors
    /// When the system has no randomness.
    pub fn generate() -> Result<Self, RandomError> {
        Ok(Self(LockedKey::new(&mut random()?)))
    }

    /// Takes 32 bytes over and wipes where they were.
    pub fn take(bytes: &mut [u8; 32]) -> Self {
        Self(LockedKey::new(bytes))
    }

    /// From a part of an opened plaintext; `None` unless it is 32 bytes long.
    pub(super) fn from_part(part: &[u8]) -> Option<Self> {
        let mut bytes: [u8; 32] = part.try_into().ok()?;
        Some(Self::take(&mut bytes))
    }

    /// The same key for a second owner in this process.
    pub fn duplicate(&self) -> Self {
        Self::take(&mut { *self.0.bytes() })
    }

    /// The public name of this key: `derive(key, "key-id", "", 16)`.
    pub fn id(&self, vault: VaultId) -> [u8; 16] {
        let mut id = [0; 16];
        derive(self.0.bytes(), vault, "key-id", &[], &mut id);
        id
    }

    /// The key for one purpose.
    pub fn sub_key(&self, vault: VaultId, label: Label) -> SubKey {
        let mut key = Zeroizing::new([0; 32]);
        derive(self.0.bytes(), vault, label.text(), &[], key.as_mut_slice());
        SubKey(key)
    }

    /// An activity key seals events itself.
    pub fn as_sub_key(&self) -> SubKey {
        SubKey(Zeroizing::new(*self.0.bytes()))
    }

    /// The bytes, to be sealed under another key or held by the agent.
    pub(crate) fn expose(&self) -> &[u8; 32] {
        self.0.bytes()
    }
}

impl fmt::Debug for RootKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RootKey(..)")
    }
}

/// A key with one purpose. Wiped on drop; redacted.
pub struct SubKey(Zeroizing<[u8; 32]>);

impl SubKey {
    pub(super) fn take(bytes: &mut [u8; 32]) -> Self {
        let key = Self(Zeroizing::new(*bytes));
        bytes.zeroize();
        key
    }

    pub(super) fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for SubKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SubKey(..)")
    }
}
