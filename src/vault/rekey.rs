//! New passphrases and new keys.

use super::access::{access_slots, drop_access_slot, drop_recovery_code, drop_slots, slot_name};
use super::draft::Draft;
use super::log::{Event, NO_HASH, Verb, entry_hash, open_entry, seal_entry};
use super::unlock::passphrase_slot;
use super::{Vault, VaultError, View};
use crate::crypto::{Passphrase, Profile, RootKey, SlotKind};
use crate::key::{Actor, KeyName, ScopeId, Timestamp};

/// What a re-keying took away, and has to be made again where it is needed.
#[derive(Clone, Debug)]
pub struct Dropped {
    /// Names of the access tokens, sorted.
    pub access_tokens: Vec<KeyName>,
    /// Whether there was a recovery code.
    pub recovery_code: bool,
}

/// What opens a vault.
#[derive(Clone, Debug)]
pub struct WaysIn {
    /// What one guess of the passphrase costs.
    pub profile: Profile,
    /// The other ways, which a re-keying would take away.
    pub others: Dropped,
}

impl Vault {
    /// What opens the vault now.
    ///
    /// # Errors
    /// [`VaultError::OwnerOnly`] for the holder of an access token.
    pub fn ways_in(&mut self) -> Result<WaysIn, VaultError> {
        let key = self.owner_key()?;
        self.read(|view| {
            let tokens = view.access_tokens(&key)?;
            let access_tokens = tokens.into_iter().map(|token| token.name).collect();
            Ok(WaysIn {
                profile: view.passphrase_profile()?,
                others: Dropped {
                    access_tokens,
                    recovery_code: view.has_slot(SlotKind::RecoveryCode),
                },
            })
        })
    }

    /// Replaces the passphrase. Keys, access tokens and the recovery code stay.
    ///
    /// # Errors
    /// What a change can fail with.
    pub fn change_passphrase(
        &mut self,
        new: &Passphrase,
        profile: Profile,
        who: &Actor,
        now: Timestamp,
    ) -> Result<(), VaultError> {
        self.write(who, now, |draft| {
            replace_passphrase(draft, new, profile)?;
            Ok(((), Some(Event::of_vault(Verb::Passphrase))))
        })
    }

    /// After the vault or its passphrase may have been read by somebody: new vault key, scope keys and activity keys,
    /// everything sealed anew in one change. Access tokens and the recovery code are dropped; issued tokens stay valid.
    ///
    /// # Errors
    /// What a change can fail with.
    pub fn rekey_compromised(
        &mut self,
        new: &Passphrase,
        profile: Profile,
        who: &Actor,
        now: Timestamp,
    ) -> Result<Dropped, VaultError> {
        self.write(who, now, |draft| {
            let mut access_tokens = Vec::new();
            for slot in access_slots(draft) {
                access_tokens.push(slot_name(draft, slot.id)?);
                drop_access_slot(draft, slot.id)?;
            }
            access_tokens.sort();
            let recovery_code = drop_recovery_code(draft)?;
            rekey_vault(draft)?;
            replace_passphrase(draft, new, profile)?;
            let dropped = Dropped {
                access_tokens,
                recovery_code,
            };
            Ok((dropped, Some(Event::of_vault(Verb::Rekey))))
        })
    }
}

impl View<'_> {
    fn passphrase_profile(&self) -> Result<Profile, VaultError> {
        let kind = SlotKind::Passphrase.number();
        let slot = self.state.slots.iter().find(|slot| slot.kind == kind);
        slot.and_then(|slot| Profile::from_number(slot.profile))
            .ok_or(VaultError::WrongCredential)
    }

    fn has_slot(&self, kind: SlotKind) -> bool {
        let mut slots = self.state.slots.iter();
        slots.any(|slot| slot.kind == kind.number())
    }
}

fn replace_passphrase(
    draft: &mut Draft<'_>,
    new: &Passphrase,
    profile: Profile,
) -> Result<(), VaultError> {
    drop_slots(draft, SlotKind::Passphrase)?;
    let row = passphrase_slot(&draft.key, new, profile, draft.state.vault)?;
    draft.put_slot(row)
}

/// A new vault key, and everything that the old one sealed sealed anew: own records, log, scopes and what is in them.
fn rekey_vault(draft: &mut Draft<'_>) -> Result<(), VaultError> {
    let new = RootKey::generate()?;
    draft.rekey_own(&new)?;
    rekey_log(draft, &new)?;
    draft.key = new;
    let scopes: Vec<ScopeId> = draft
        .state
        .scopes
        .iter()
        .map(|scope| scope.row.id)
        .collect();
    scopes
        .into_iter()
        .try_for_each(|id| draft.rekey_scope(id, Some(RootKey::generate()?)))
}

fn rekey_log(draft: &mut Draft<'_>, new: &RootKey) -> Result<(), VaultError> {
    let vault = draft.state.vault;
    let length = draft.state.head.as_ref().map_or(0, |head| head.log_length);
    let (mut old_hash, mut new_hash) = (NO_HASH, NO_HASH);
    for index in 1..=length {
        let old = draft
            .change
            .log_entry(index)?
            .ok_or_else(|| VaultError::altered("the log has a gap"))?;
        let entry = open_entry(&old, index, &old_hash, &draft.key, vault)?;
        old_hash = entry_hash(&old, index, vault);
        let sealed = seal_entry(&entry, index, &new_hash, new, vault)?;
        new_hash = entry_hash(&sealed, index, vault);
        draft.change.replace_log(index, &sealed)?;
    }
    if let Some(head) = draft.state.head.as_mut() {
        head.log_hash = new_hash;
    }
    Ok(())
}
