//! Making a vault and opening one.

use std::path::Path;

use super::access::{AccessToken, RecoveryCode};
use super::draft::{Draft, Finished};
use super::head::{Manifest, VaultHead};
use super::log::{Event, NO_HASH, Verb};
use super::state::State;
use super::{Holder, Location, ScopeKey, Vault, VaultError, Which, operation_id};
use crate::crypto::{
    Passphrase, Profile, RootKey, SlotBinding, SlotInput, SlotKind, random, unwrap_key, wrap_key,
};
use crate::key::{Actor, ScopeId, Sealed, SlotId, Timestamp, VaultId};
use crate::store::{Access, HeaderRow, ScopeRow, SlotRow, VaultFile};

/// What somebody opens a vault with.
#[derive(Debug)]
pub enum Credential<'a> {
    /// Each opens one scope for use.
    AccessTokens(&'a [AccessToken]),
    /// Opens all of it. Costs what the vault's KDF profile costs.
    Passphrase(&'a Passphrase),
    /// Opens all of it.
    RecoveryCode(&'a RecoveryCode),
    /// Opens all of it, as whoever unlocked it before has kept it.
    VaultKey(&'a RootKey),
}

impl<'a> Credential<'a> {
    /// One access token.
    pub fn access_token(token: &'a AccessToken) -> Self {
        Self::AccessTokens(std::slice::from_ref(token))
    }
}

/// A vault whose file was opened and in which nothing was opened yet, as its owner opens it.
pub struct LockedVault {
    file: VaultFile,
    header: HeaderRow,
    location: Location,
}

impl LockedVault {
    /// Opens the file.
    ///
    /// # Errors
    /// What the file is refused for; [`VaultError::Slice`] for one that its owner cannot open.
    pub fn open(location: &Location) -> Result<Self, VaultError> {
        let file = VaultFile::open(&location.vault, Access::Owner)?;
        let header = file.snapshot()?.header()?;
        if header.head.bytes.is_empty() {
            return Err(VaultError::Slice(file.path().display().to_string()));
        }
        Ok(Self {
            file,
            header,
            location: location.clone(),
        })
    }

    /// The vault's identity for life.
    pub fn id(&self) -> VaultId {
        self.header.vault
    }

    /// Whether this is the key of this vault, which gets another one when it is re-keyed.
    pub fn is_opened_by(&self, key: &RootKey) -> bool {
        key.id(self.header.vault) == self.header.key_id
    }

    /// Opens the vault. The first use case checks its heads.
    ///
    /// # Errors
    /// [`VaultError::WrongCredential`] for a wrong credential and for an altered slot alike; [`VaultError::Misused`] for
    /// access tokens, which open scopes by [`Vault::open`].
    pub fn unlock(mut self, credential: &Credential<'_>) -> Result<Vault, VaultError> {
        let key = match credential {
            Credential::AccessTokens(_) => {
                return Err(VaultError::Misused(
                    "an access token opens no vault".to_owned(),
                ));
            }
            Credential::Passphrase(passphrase) => {
                let slot = self.slot(SlotKind::Passphrase)?;
                // A profile this build does not know reads the same as a wrong passphrase: the number may be altered.
                let profile =
                    Profile::from_number(slot.profile).ok_or(VaultError::WrongCredential)?;
                self.unwrap(&slot, &SlotInput::Passphrase(passphrase, profile))?
            }
            Credential::RecoveryCode(code) => {
                let slot = self.slot(SlotKind::RecoveryCode)?;
                self.unwrap(&slot, &SlotInput::Bytes(code.input()))?
            }
            Credential::VaultKey(key) if self.is_opened_by(key) => key.duplicate(),
            Credential::VaultKey(_) => return Err(VaultError::WrongCredential),
        };
        let (vault, holder) = (self.header.vault, Holder::Owner(key));
        Ok(Vault::new(self.file, vault, holder, &self.location))
    }

    /// The one slot of a kind that there can be only one of. The file is read again: a person may have taken their time.
    fn slot(&mut self, kind: SlotKind) -> Result<SlotRow, VaultError> {
        self.file.follow()?;
        let snapshot = self.file.snapshot()?;
        self.header = snapshot.header()?;
        let slots = snapshot.slots()?;
        drop(snapshot);
        let mut found = slots
            .into_iter()
            .filter(|slot| slot.kind == kind.number() && slot.scope == ScopeId::OWN);
        match (found.next(), found.next()) {
            (Some(slot), None) => Ok(slot),
            _ => Err(VaultError::WrongCredential),
        }
    }

    fn unwrap(&self, slot: &SlotRow, input: &SlotInput<'_>) -> Result<RootKey, VaultError> {
        let binding = binding(slot, self.header.key_id);
        let (sealed, commitment) = (&slot.sealed_key, &slot.commitment);
        unwrap_key(sealed, commitment, input, &binding, self.header.vault)
            .ok_or(VaultError::WrongCredential)
    }
}

/// What a vault file tells without being opened.
#[derive(Clone, Debug)]
pub struct Outline {
    pub id: VaultId,
    /// Whether it is a slice of that vault, which only access tokens open.
    pub is_slice: bool,
    key_id: [u8; 16],
    pub slots: Vec<SlotOutline>,
    pub scopes: usize,
    /// Rows of all scopes: keys, and the vault's own records.
    pub records: u64,
    pub log_length: u64,
}

impl Outline {
    /// Whether this is the key of the vault, which gets another one when it is re-keyed.
    pub fn is_opened_by(&self, key: &RootKey) -> bool {
        key.id(self.id) == self.key_id
    }
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
        let init = |_: &mut Draft<'_>| Ok(Event::of_vault(Verb::Init));
        Self::create_with(location, passphrase, profile, who, now, init)
    }

    /// The same with what `fill` puts into it before it appears; it gives the first entry of the log.
    pub(super) fn create_with(
        location: &Location,
        passphrase: &Passphrase,
        profile: Profile,
        who: &Actor,
        now: Timestamp,
        fill: impl FnOnce(&mut Draft<'_>) -> Result<Event, VaultError>,
    ) -> Result<Self, VaultError> {
        let id = VaultId(random()?);
        let key = RootKey::generate()?;
        let slot = passphrase_slot(&key, passphrase, profile, id)?;
        let operation = operation_id()?;
        let mut seen = None;
        let file = VaultFile::create(&location.vault, |change| {
            let mut draft = Draft::new(change, empty_state(id, &key), key.duplicate(), now);
            draft.put_slot(slot)?;
            let entry = fill(&mut draft)?.entry(operation, now, who.clone());
            let Finished {
                change,
                seen: first,
                ..
            } = draft.finish(&entry, 0)?;
            seen = Some(first);
            Ok::<_, VaultError>(change)
        })?;
        let mut vault = Self::new(file, id, Holder::Owner(key), location);
        if let Some(seen) = seen {
            vault.raise(ScopeId::OWN, &seen, None);
        }
        Ok(vault)
    }

    fn new(file: VaultFile, id: VaultId, holder: Holder, location: &Location) -> Self {
        Self {
            file,
            id,
            holder,
            location: location.clone(),
            activity: None,
            has_recorded: false,
            warnings: Vec::new(),
            look_back: None,
            unfinished: None,
        }
    }

    /// Opens a vault. The first use case checks its heads.
    ///
    /// # Errors
    /// [`VaultError::WrongCredential`] for a wrong credential and for an altered slot alike,
    /// [`VaultError::WrongAccessToken`] when one of the tokens opens nothing, [`VaultError::CredentialExpired`]; what the
    /// file itself is refused for comes before any credential is looked at.
    pub fn open(
        location: &Location,
        credential: &Credential<'_>,
        now: Timestamp,
    ) -> Result<Self, VaultError> {
        let Credential::AccessTokens(tokens) = credential else {
            return LockedVault::open(location)?.unlock(credential);
        };
        let file = VaultFile::open(&location.vault, Access::TokenHolder)?;
        let (header, slots, scopes) = {
            let snapshot = file.snapshot()?;
            (snapshot.header()?, snapshot.slots()?, snapshot.scopes()?)
        };
        let mut opened: Vec<ScopeKey> = tokens
            .iter()
            .enumerate()
            .map(|(at, token)| {
                let which = Which::new(at, tokens.len());
                unlock_scope(&header, &slots, &scopes, (token, which), now)
            })
            .collect::<Result<_, _>>()?;
        opened.sort_by_key(|one| one.scope);
        opened.dedup_by_key(|one| one.scope);
        Ok(Self::new(
            file,
            header.vault,
            Holder::Tokens(opened),
            location,
        ))
    }

    /// What the file at `path` tells without a credential.
    ///
    /// # Errors
    /// What the file is refused for.
    pub fn outline(path: &Path) -> Result<Outline, VaultError> {
        // Nothing is opened, so that whoever may read a slice may look at it.
        let file = VaultFile::open(path, Access::TokenHolder)?;
        let snapshot = file.snapshot()?;
        let header = snapshot.header()?;
        let scopes = snapshot.scopes()?;
        let slots = snapshot.slots()?.iter().map(outline_of).collect();
        Ok(Outline {
            id: header.vault,
            is_slice: header.head.bytes.is_empty(),
            key_id: header.key_id,
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

fn unlock_scope(
    header: &HeaderRow,
    slots: &[SlotRow],
    scopes: &[ScopeRow],
    (token, which): (&AccessToken, Which),
    now: Timestamp,
) -> Result<ScopeKey, VaultError> {
    let wrong = || VaultError::WrongAccessToken(which.clone());
    let slot = slots
        .iter()
        .find(|slot| slot.id == token.slot() && slot.kind == SlotKind::AccessToken.number())
        .ok_or_else(wrong)?;
    let scope = scopes
        .iter()
        .find(|scope| scope.id == slot.scope)
        .ok_or_else(wrong)?;
    let binding = binding(slot, scope.key_id);
    let key = unwrap_key(
        &slot.sealed_key,
        &slot.commitment,
        &SlotInput::Bytes(token.input()),
        &binding,
        header.vault,
    )
    .ok_or_else(wrong)?;
    // The commitment binds the date, so it is the one that was given. Honest programs keep to it; that is all it does.
    match expiry(slot) {
        Some(end) if end <= now => Err(VaultError::CredentialExpired { which, at: end }),
        expires_at => Ok(ScopeKey {
            slot: slot.id,
            scope: slot.scope,
            key,
            which,
            expires_at,
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

pub(super) fn expiry(slot: &SlotRow) -> Option<Timestamp> {
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
