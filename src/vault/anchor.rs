//! Anchors: what this machine remembers of a vault, so that an older copy put back is noticed.

use std::path::Path;

use super::VaultError;
use crate::crypto::{Aad, Label, Object, RootKey, RowsMac, sha256_parts};
use crate::key::{ScopeId, VaultId};
use crate::store::{AnchorFile, StoreError};

const MAGIC: &[u8; 4] = b"KWA1";

/// The newest state that was seen.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Seen {
    pub(super) sequence: u64,
    pub(super) head_hash: [u8; 32],
    pub(super) log_length: u64,
    pub(super) log_hash: [u8; 32],
}

/// What an anchor says, and whether it says so under the vault's present key. Before a re-keying it did under another:
/// its number still tells an older copy, and nothing else of it is believed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Remembered {
    pub(super) seen: Seen,
    pub(super) authentic: bool,
}

/// The anchor of a vault (id all zero) or of one scope for its token holders.
#[derive(Debug)]
pub(super) struct Anchor {
    file: AnchorFile,
    /// What a restore is about to put in the vault's place.
    announced: AnchorFile,
    vault: VaultId,
    path: Vec<u8>,
}

impl Anchor {
    /// In the vault's state folder, by the canonical path of the vault.
    pub(super) fn new(state: &Path, vault_path: &Path, vault: VaultId, scope: ScopeId) -> Self {
        let path = vault_path.as_os_str().as_encoded_bytes().to_vec();
        let hash = sha256_parts(&[], &[&path]);
        let short: String = hash[..8].iter().map(|byte| format!("{byte:02x}")).collect();
        let name = if scope == ScopeId::OWN {
            "vault".to_owned()
        } else {
            scope.to_string()
        };
        Self {
            file: AnchorFile::at(state.join(format!("{name}-{short}.anchor"))),
            announced: AnchorFile::at(state.join(format!("{name}-{short}-restored.anchor"))),
            vault,
            path,
        }
    }

    /// What this machine has seen. Read before the vault is.
    ///
    /// # Errors
    /// [`VaultError::AnchorDamaged`] for a file that is no anchor.
    pub(super) fn read(&self, key: &RootKey) -> Result<Option<Remembered>, VaultError> {
        let Some(bytes) = self.file.read()? else {
            return Ok(None);
        };
        let damaged = || VaultError::AnchorDamaged(self.file.path().display().to_string());
        self.decode(&bytes, key).map(Some).ok_or_else(damaged)
    }

    /// Raises the anchor to `seen`; never lowers it, unless `force` takes a damaged or foreign one away.
    pub(super) fn raise(&self, seen: &Seen, key: &RootKey, force: bool) -> Result<(), StoreError> {
        self.file.replace(|present| {
            let higher = match present.map(|bytes| self.decode(bytes, key)) {
                None => false,
                Some(None) => !force,
                Some(Some(present)) => {
                    present.seen.sequence >= seen.sequence && (present.authentic || !force)
                }
            };
            (!higher).then(|| self.encode(seen, key))
        })
    }

    /// Says beforehand what a restore puts in the vault's place. Between that and the anchor's own turn the vault has a
    /// history that does not follow from the anchor: for a moment, or for good where the restore was killed there. It stays
    /// for those who have read the anchor before, and says nothing to who has read a higher one.
    pub(super) fn announce(&self, seen: &Seen, key: &RootKey) -> Result<(), StoreError> {
        self.announced.replace(|_| Some(self.encode(seen, key)))
    }

    /// What was announced under this key.
    pub(super) fn announced(&self, key: &RootKey) -> Option<Remembered> {
        let bytes = self.announced.read().ok().flatten()?;
        let remembered = self.decode(&bytes, key)?;
        remembered.authentic.then_some(remembered)
    }

    fn encode(&self, seen: &Seen, key: &RootKey) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(116);
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&seen.sequence.to_le_bytes());
        bytes.extend_from_slice(&seen.head_hash);
        bytes.extend_from_slice(&seen.log_length.to_le_bytes());
        bytes.extend_from_slice(&seen.log_hash);
        bytes.extend_from_slice(&self.mac(seen, key).finish());
        bytes
    }

    fn decode(&self, bytes: &[u8], key: &RootKey) -> Option<Remembered> {
        let rest = bytes.strip_prefix(MAGIC)?;
        let (sequence, rest) = rest.split_first_chunk()?;
        let (head_hash, rest) = rest.split_first_chunk()?;
        let (log_length, rest) = rest.split_first_chunk()?;
        let (log_hash, mac) = rest.split_first_chunk()?;
        if mac.len() != 32 {
            return None;
        }
        let seen = Seen {
            sequence: u64::from_le_bytes(*sequence),
            head_hash: *head_hash,
            log_length: u64::from_le_bytes(*log_length),
            log_hash: *log_hash,
        };
        let authentic = self.mac(&seen, key).is(mac);
        Some(Remembered { seen, authentic })
    }

    fn mac(&self, seen: &Seen, key: &RootKey) -> RowsMac {
        let aad = Aad::new(Object::Anchor, self.vault)
            .field(&self.path)
            .number(seen.sequence)
            .field(&seen.head_hash)
            .number(seen.log_length)
            .field(&seen.log_hash);
        let mut mac = RowsMac::new(&key.sub_key(self.vault, Label::Anchor));
        mac.bytes(aad.as_bytes());
        mac
    }
}

/// Compares a state with what was seen. `entry_hash` gives the hash of a log entry, if the log has it.
pub(super) fn compare(
    now: &Seen,
    remembered: &Remembered,
    path: &Path,
    entry_hash: impl FnOnce(u64) -> Result<Option<[u8; 32]>, VaultError>,
) -> Result<(), VaultError> {
    let path = path.display().to_string();
    let Remembered { seen, authentic } = remembered;
    if now.sequence < seen.sequence || (now.sequence == seen.sequence && !authentic) {
        return Err(VaultError::RolledBack {
            path,
            found: now.sequence,
            seen: seen.sequence,
        });
    }
    if now.sequence == seen.sequence {
        return if now.head_hash == seen.head_hash {
            Ok(())
        } else {
            Err(VaultError::Forked { path })
        };
    }
    if *authentic && seen.log_length > 0 && entry_hash(seen.log_length)? != Some(seen.log_hash) {
        return Err(VaultError::Forked { path });
    }
    Ok(())
}
