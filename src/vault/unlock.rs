//! Making a vault and opening one.

use std::path::Path;

use super::access::{AccessToken, RecoveryCode};
use super::draft::{Draft, Finished};
use super::head::{Manifest, VaultHead};
use super::log::{Event, NO_HASH, Verb};
use super::state::State;
use super::{Holder, Location, Vault, VaultError, operation_id};
use crate::crypto::{
    Passphrase, Profile, RootKey, SlotBinding, SlotInput, SlotKind, random, unwrap_key, wrap_key,
};
use crate::key::{Actor, ScopeId, Sealed, SlotId, Timestamp, VaultId};
use crate::store::{Access, HeaderRow, ScopeRow, SlotRow, VaultFile};

/// What somebody opens a vault with.
#[derive(Debug)]
pub enum Credential<'a> {
    /// Opens one scope for use.
    AccessToken(&'a AccessToken),
    /// Opens all of it. Costs what the vault's KDF profile costs.
    Passphrase(&'a Passphrase),
    /// Opens all of it.
    RecoveryCode(&'a RecoveryCode),
}

/// What a vault file tells without being opened.
#[derive(Clone, Debug)]
pub struct Outline {
    pub id: VaultId,
    pub slots: Vec<SlotOutline>,
    pub scopes: usize,
    /// Rows of all scopes: keys, and the vault's own records.
    pub records: u64,
    pub log_length: u64,
}

/// One slot, as the file shows it to everybody.
#[derive(Clone, Copy, Debug)]
pub struct SlotOutline {
    pub kind: Option<SlotKind>,
    /// `None` for a slot that is not opened by a passphrase, and for a profile this build does not know.
    pub profile: Option<Profile>,
    pub expires_at: Option<Timestamp>,
}

impl Vault {
    /// Makes a vault that opens with `passphrase`. It appears whole, durable and mode 0600, or not at all.
    ///
    /// # Errors
    /// [`StoreError::Exists`](crate::store::StoreError::Exists) when there is a file at its place.
    pub fn create(
        location: &Location,
        passphrase: &Passphrase,
        profile: Profile,
        who: &Actor,
        now: Timestamp,
    ) -> Result<Self, VaultError> {
        let id = VaultId(random()?);
        let key = RootKey::generate()?;
        let slot = passphrase_slot(&key, passphrase, profile, id)?;
        let entry = Event::of_vault(Verb::Init).entry(operation_id()?, now, who.clone());
        let mut seen = None;
        let file = VaultFile::create(&location.vault, |change| {
            let mut draft = Draft::new(change, empty_state(id, &key), key.duplicate(), now);
            draft.put_slot(slot)?;
            let Finished {
                change,
                seen: first,
                ..
            } = draft.finish(&entry, 0)?;
            seen = Some(first);
            Ok::<_, VaultError>(change)
        })?;
        let mut vault = Self {
            file,
            id,
            holder: Holder::Owner(key),
            location: location.clone(),
            activity: None,
            has_recorded: false,
            warnings: Vec::new(),
        };
        if let Some(seen) = seen {
            let anchor = vault.anchor();
            vault.raise(&anchor, &seen);
        }
        Ok(vault)
    }

    /// Opens a vault. The first use case checks its heads.
    ///
    /// # Errors
    /// [`VaultError::WrongCredential`] for a wrong credential and for an altered slot alike; what the file itself is
    /// refused for comes before any credential is looked at.
    pub fn open(
        location: &Location,
        credential: &Credential<'_>,
        now: Timestamp,
    ) -> Result<Self, VaultError> {
        let access = match credential {
            Credential::AccessToken(_) => Access::TokenHolder,
            Credential::Passphrase(_) | Credential::RecoveryCode(_) => Access::Owner,
        };
        let file = VaultFile::open(&location.vault, access)?;
        let (header, slots, scopes) = {
            let snapshot = file.snapshot()?;
            (snapshot.header()?, snapshot.slots()?, snapshot.scopes()?)
        };
        if header.head.bytes.is_empty() && access == Access::Owner {
            return Err(VaultError::Slice(file.path().display().to_string()));
        }
        let holder = match credential {
            Credential::AccessToken(token) => unlock_scope(&header, &slots, &scopes, token, now)?,
            Credential::Passphrase(passphrase) => {
                let slot = only(&slots, SlotKind::Passphrase)?;
                // A profile this build does not know reads the same as a wrong passphrase: the number may be altered.
                let profile =
                    Profile::from_number(slot.profile).ok_or(VaultError::WrongCredential)?;
                unlock_vault(&header, slot, &SlotInput::Passphrase(passphrase, profile))?
            }
            Credential::RecoveryCode(code) => unlock_vault(
                &header,
                only(&slots, SlotKind::RecoveryCode)?,
                &SlotInput::Bytes(code.input()),
            )?,
        };
        Ok(Self {
            file,
            id: header.vault,
            holder,
            location: location.clone(),
            activity: None,
            has_recorded: false,
            warnings: Vec::new(),
        })
    }

    /// Looks at the file at `path` as its owner would open it, and opens nothing.
    ///
    /// # Errors
    /// When there is none, and what its kind, owner or mode is refused for.
    pub fn check_file(path: &Path) -> Result<(), VaultError> {
        Ok(VaultFile::check(path, Access::Owner)?)
    }

    /// What the file at `path` tells without a credential.
    ///
    /// # Errors
    /// What the file is refused for.
    pub fn outline(path: &Path) -> Result<Outline, VaultError> {
        let file = VaultFile::open(path, Access::Owner)?;
        let snapshot = file.snapshot()?;
        let scopes = snapshot.scopes()?;
        let slots = snapshot.slots()?.iter().map(outline_of).collect();
        Ok(Outline {
            id: snapshot.header()?.vault,
            slots,
            scopes: scopes.len(),
            records: snapshot.record_count()?,
            log_length: snapshot.log_bounds()?.map_or(0, |(_, last)| last),
        })
    }
}

/// A slot that wraps the vault key under a passphrase.
pub(super) fn passphrase_slot(
    key: &RootKey,
    passphrase: &Passphrase,
    profile: Profile,
    vault: VaultId,
) -> Result<SlotRow, VaultError> {
    let binding = SlotBinding {
        slot: SlotId(random()?),
        kind: SlotKind::Passphrase.number(),
        scope: ScopeId::OWN,
        profile: profile.number(),
        salt: random()?,
        expires_at: 0,
        key_id: key.id(vault),
    };
    slot_row(
        key,
        &SlotInput::Passphrase(passphrase, profile),
        binding,
        vault,
    )
}

/// The row of a slot that wraps `key`.
pub(super) fn slot_row(
    key: &RootKey,
    input: &SlotInput<'_>,
    binding: SlotBinding,
    vault: VaultId,
) -> Result<SlotRow, VaultError> {
    let (sealed_key, commitment) = wrap_key(key, input, &binding, vault)?;
    Ok(SlotRow {
        id: binding.slot,
        kind: binding.kind,
        scope: binding.scope,
        profile: binding.profile,
        salt: binding.salt,
        expires_at: binding.expires_at,
        commitment,
        sealed_key,
    })
}

fn unlock_vault(
    header: &HeaderRow,
    slot: &SlotRow,
    input: &SlotInput<'_>,
) -> Result<Holder, VaultError> {
    let binding = binding(slot, header.key_id);
    unwrap_key(
        &slot.sealed_key,
        &slot.commitment,
        input,
        &binding,
        header.vault,
    )
    .map(Holder::Owner)
    .ok_or(VaultError::WrongCredential)
}

fn unlock_scope(
    header: &HeaderRow,
    slots: &[SlotRow],
    scopes: &[ScopeRow],
    token: &AccessToken,
    now: Timestamp,
) -> Result<Holder, VaultError> {
    let slot = slots
        .iter()
        .find(|slot| slot.id == token.slot() && slot.kind == SlotKind::AccessToken.number())
        .ok_or(VaultError::WrongCredential)?;
    let scope = scopes
        .iter()
        .find(|scope| scope.id == slot.scope)
        .ok_or(VaultError::WrongCredential)?;
    let binding = binding(slot, scope.key_id);
    let key = unwrap_key(
        &slot.sealed_key,
        &slot.commitment,
        &SlotInput::Bytes(token.input()),
        &binding,
        header.vault,
    )
    .ok_or(VaultError::WrongCredential)?;
    // The commitment binds the date, so it is the one that was given. Honest programs keep to it; that is all it does.
    match expiry(slot) {
        Some(end) if end <= now => Err(VaultError::CredentialExpired(end)),
        _ => Ok(Holder::Token {
            slot: slot.id,
            scope: slot.scope,
            key,
        }),
    }
}

fn binding(slot: &SlotRow, key_id: [u8; 16]) -> SlotBinding {
    SlotBinding {
        slot: slot.id,
        kind: slot.kind,
        scope: slot.scope,
        profile: slot.profile,
        salt: slot.salt,
        expires_at: slot.expires_at,
        key_id,
    }
}

/// The one slot of a kind that there can be only one of.
fn only(slots: &[SlotRow], kind: SlotKind) -> Result<&SlotRow, VaultError> {
    let mut found = slots
        .iter()
        .filter(|slot| slot.kind == kind.number() && slot.scope == ScopeId::OWN);
    match (found.next(), found.next()) {
        (Some(slot), None) => Ok(slot),
        _ => Err(VaultError::WrongCredential),
    }
}

fn expiry(slot: &SlotRow) -> Option<Timestamp> {
    (slot.expires_at > 0).then(|| Timestamp(i64::try_from(slot.expires_at).unwrap_or(i64::MAX)))
}

fn outline_of(slot: &SlotRow) -> SlotOutline {
    SlotOutline {
        kind: SlotKind::from_number(slot.kind),
        profile: Profile::from_number(slot.profile),
        expires_at: expiry(slot),
    }
}

fn empty_state(vault: VaultId, key: &RootKey) -> State {
    let nothing = Sealed {
        nonce: [0; Sealed::NONCE],
        bytes: Vec::new(),
    };
    State {
        vault,
        header: HeaderRow {
            vault,
            key_id: key.id(vault),
            head: nothing,
        },
        slots: Vec::new(),
        scopes: Vec::new(),
        head: Some(VaultHead {
            sequence: 0,
            rows_mac: [0; 32],
            log_length: 0,
            log_hash: NO_HASH,
        }),
        own: Manifest::default(),
    }
}
