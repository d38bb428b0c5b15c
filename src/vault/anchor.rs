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
/// its number still tells an older copy, and nothing else of it is believed but that it knows the present key as one
/// that another has replaced.
#[derive(Clone, Copy, Debug)]
pub(super) struct Remembered {
    pub(super) seen: Seen,
    pub(super) authentic: bool,
    /// The present key is one of before: whoever has kept it goes on with a vault that is no more.
    pub(super) retired: bool,
}

/// Ids of the keys that an anchor's key has replaced; no more are kept.
const RETIRED: usize = 32;

const KEY_ID: usize = 16;

/// An anchor's fields; whether its MAC is one under some key is another question.
struct Fields<'a> {
    seen: Seen,
    key_id: [u8; KEY_ID],
    /// Newest last.
    retired: Vec<[u8; KEY_ID]>,
    mac: &'a [u8],
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

    /// Raises the anchor to `seen`; never lowers it, unless `force` takes a damaged or foreign one away. A key that takes
    /// another's place retires it.
    pub(super) fn raise(&self, seen: &Seen, key: &RootKey, force: bool) -> Result<(), StoreError> {
        self.file.replace(|present| {
            let higher = match present.map(|bytes| self.decode(bytes, key)) {
                None => false,
                Some(None) => !force,
                Some(Some(present)) => {
                    let is_newer = present.seen.sequence >= seen.sequence || present.retired;
                    is_newer && (present.authentic || !force)
                }
            };
            let fields = present.and_then(fields);
            let retired = fields.map_or_else(Vec::new, |fields| {
                let mut retired = fields.retired;
                retired.push(fields.key_id);
                retired.retain(|id| *id != key.id(self.vault));
                retired.split_off(retired.len().saturating_sub(RETIRED))
            });
            (!higher).then(|| self.encode(seen, &retired, key))
        })
    }

    /// Says beforehand what a restore puts in the vault's place. Between that and the anchor's own turn the vault has a
    /// history that does not follow from the anchor: for a moment, or for good where the restore was killed there. It stays
    /// for those who have read the anchor before, and says nothing to who has read a higher one.
    pub(super) fn announce(&self, seen: &Seen, key: &RootKey) -> Result<(), StoreError> {
        self.announced
            .replace(|_| Some(self.encode(seen, &[], key)))
    }

    /// What was announced under this key.
    pub(super) fn announced(&self, key: &RootKey) -> Option<Remembered> {
        let bytes = self.announced.read().ok().flatten()?;
        let remembered = self.decode(&bytes, key)?;
        remembered.authentic.then_some(remembered)
    }

    fn encode(&self, seen: &Seen, retired: &[[u8; KEY_ID]], key: &RootKey) -> Vec<u8> {
        let key_id = key.id(self.vault);
        let mut bytes = Vec::with_capacity(132 + KEY_ID * retired.len());
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&seen.sequence.to_le_bytes());
        bytes.extend_from_slice(&seen.head_hash);
        bytes.extend_from_slice(&seen.log_length.to_le_bytes());
        bytes.extend_from_slice(&seen.log_hash);
        bytes.extend_from_slice(&key_id);
        bytes.extend_from_slice(retired.as_flattened());
        bytes.extend_from_slice(&self.mac(seen, &key_id, retired, key).finish());
        bytes
    }

    /// `None` for what is no anchor, and for one whose MAC is not the one that its own key makes.
    fn decode(&self, bytes: &[u8], key: &RootKey) -> Option<Remembered> {
        let Fields {
            seen,
            key_id,
            retired,
            mac,
        } = fields(bytes)?;
        let own = key.id(self.vault);
        let authentic = key_id == own;
        if authentic && !self.mac(&seen, &key_id, &retired, key).is(mac) {
            return None;
        }
        Some(Remembered {
            seen,
            authentic,
            retired: !authentic && retired.contains(&own),
        })
    }

    fn mac(
        &self,
        seen: &Seen,
        key_id: &[u8; KEY_ID],
        retired: &[[u8; KEY_ID]],
        key: &RootKey,
    ) -> RowsMac {
        let aad = Aad::new(Object::Anchor, self.vault)
            .field(&self.path)
            .number(seen.sequence)
            .field(&seen.head_hash)
            .number(seen.log_length)
            .field(&seen.log_hash)
            .field(key_id)
            .field(retired.as_flattened());
        let mut mac = RowsMac::new(&key.sub_key(self.vault, Label::Anchor));
        mac.bytes(aad.as_bytes());
        mac
    }
}

fn fields(bytes: &[u8]) -> Option<Fields<'_>> {
    let rest = bytes.strip_prefix(MAGIC)?;
    let (sequence, rest) = rest.split_first_chunk()?;
    let (head_hash, rest) = rest.split_first_chunk()?;
    let (log_length, rest) = rest.split_first_chunk()?;
    let (log_hash, rest) = rest.split_first_chunk()?;
    let (key_id, rest) = rest.split_first_chunk()?;
    let (retired, mac) = rest.split_at_checked(rest.len().checked_sub(32)?)?;
    let (retired, more) = retired.as_chunks();
    if !more.is_empty() || retired.len() > RETIRED {
        return None;
    }
    Some(Fields {
        seen: Seen {
            sequence: u64::from_le_bytes(*sequence),
            head_hash: *head_hash,
            log_length: u64::from_le_bytes(*log_length),
            log_hash: *log_hash,
        },
        key_id: *key_id,
        retired: retired.to_vec(),
        mac,
    })
}

/// Compares a state with what was seen. `entry_hash` gives the hash of a log entry, if the log has it.
pub(super) fn compare(
    now: &Seen,
    remembered: &Remembered,
    path: &Path,
    entry_hash: impl FnOnce(u64) -> Result<Option<[u8; 32]>, VaultError>,
) -> Result<(), VaultError> {
    let path = path.display().to_string();
    let Remembered {
        seen,
        authentic,
        retired,
    } = remembered;
    if now.sequence < seen.sequence || (now.sequence == seen.sequence && !authentic) {
        return Err(VaultError::RolledBack {
            path,
            found: now.sequence,
            seen: seen.sequence,
        });
    }
    if *retired {
        return Err(VaultError::Forked { path });
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

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(sequence: u64) -> Seen {
        Seen {
            sequence,
            head_hash: [1; 32],
            log_length: sequence,
            log_hash: [2; 32],
        }
    }

    #[test]
    fn it_is_raised_and_lowered_only_by_force_and_another_key() {
        let folder = tempfile::tempdir().expect("a folder");
        let at = (Path::new("/vault.db"), VaultId([7; 16]));
        let anchor = Anchor::new(folder.path(), at.0, at.1, ScopeId::OWN);
        let keys = [(); 3].map(|()| RootKey::generate().expect("randomness"));
        let raise = |number: u64, key: &RootKey, force| {
            anchor.raise(&seen(number), key, force).expect("written");
        };
        let holds = |number: u64, key: &RootKey| {
            let read = anchor.read(key).expect("an anchor").expect("there");
            assert!(read.authentic);
            assert_eq!(read.seen, seen(number));
        };
        raise(5, &keys[0], false);
        holds(5, &keys[0]);
        for (number, key, force) in [
            (4, &keys[0], false),
            (4, &keys[0], true),
            (5, &keys[0], false),
            (4, &keys[1], false),
            (5, &keys[1], false),
        ] {
            raise(number, key, force);
            holds(5, &keys[0]);
        }
        raise(4, &keys[1], true);
        holds(4, &keys[1]);
        // The key of before comes back by force alone.
        let read = anchor.read(&keys[0]).expect("an anchor").expect("there");
        assert!(read.retired && !read.authentic);
        raise(9, &keys[0], false);
        holds(4, &keys[1]);
        raise(5, &keys[2], false);
        holds(5, &keys[2]);
        raise(9, &keys[0], true);
        holds(9, &keys[0]);
    }

    #[test]
    fn it_has_no_more_keys_of_before_than_it_may_have() {
        let bytes = |retired: usize| {
            let fixed = 8 + 32 + 8 + 32 + KEY_ID;
            [&MAGIC[..], &vec![0; fixed + retired + 32]].concat()
        };
        for keys in [0, 1, RETIRED] {
            let bytes = bytes(keys * KEY_ID);
            let fields = fields(&bytes).expect("an anchor");
            assert_eq!(fields.retired.len(), keys);
        }
        for more in [1, KEY_ID - 1, RETIRED * KEY_ID + 1, (RETIRED + 1) * KEY_ID] {
            assert!(fields(&bytes(more)).is_none(), "{more}");
        }
    }
}
