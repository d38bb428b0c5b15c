//! Making the recovery code. Like a token it is shown once: it opens the vault only after it was handed over.
//!
//! There is one slot for it, so that a new code cannot wait beside the old one until it is delivered. It is handed over
//! first and put into the vault then: where that fails, or the process is killed in between, the code there was still
//! opens the vault, and no vault has a code that nobody has.

use std::io;

use zeroize::Zeroizing;

use super::access::{RecoveryCode, drop_recovery_code};
use super::draft::Draft;
use super::log::{Event, Verb};
use super::unlock::slot_row;
use super::{Location, Vault, VaultError};
use crate::crypto::{Passphrase, Profile, Secret, SlotBinding, SlotInput, SlotKind, random};
use crate::key::{Actor, ScopeId, SlotId, Timestamp, VaultId};
use crate::store::StoreError;

impl Vault {
    /// As [`Vault::create`], with a recovery code that `hand_over` gives to its owner before the vault appears.
    ///
    /// # Errors
    /// As [`Vault::create`], and [`VaultError::CodeDelivery`] when the code was not handed over: then there is no vault.
    /// [`VaultError::CodeInvalid`] when it was, but the vault could not be made.
    pub fn create_with_recovery_code(
        location: &Location,
        passphrase: &Passphrase,
        profile: Profile,
        who: &Actor,
        now: Timestamp,
        hand_over: impl FnOnce(&RecoveryCode, VaultId) -> io::Result<()>,
    ) -> Result<Self, VaultError> {
        let code = generate()?;
        let mut is_handed_over = false;
        let fill = |draft: &mut Draft<'_>| {
            put_recovery_code(draft, &code)?;
            hand_over(&code, draft.state.vault).map_err(VaultError::CodeDelivery)?;
            is_handed_over = true;
            Ok(Event::of_vault(Verb::Init).with_detail("with a recovery code".to_owned()))
        };
        let made = Self::create_with(location, passphrase, profile, who, now, fill);
        made.map_err(|err| match err {
            // It is made, and the code with it.
            VaultError::Store(StoreError::Unopened { .. }) => err,
            err if is_handed_over => not_saved(err),
            err => err,
        })
    }

    /// Makes a recovery code, instead of the one there was.
    ///
    /// # Errors
    /// [`VaultError::Limit`] at 64 slots.
    pub fn create_recovery_code(
        &mut self,
        who: &Actor,
        now: Timestamp,
    ) -> Result<RecoveryCode, VaultError> {
        let code = generate()?;
        self.save_recovery_code(&code, who, now)?;
        Ok(code)
    }

    /// Makes a recovery code, instead of the one there was, that `hand_over` gives to its owner first; it returns once the
    /// code is out.
    ///
    /// # Errors
    /// [`VaultError::CodeDelivery`] when it was not handed over: nothing was changed. [`VaultError::CodeInvalid`] when it
    /// was, but could not be saved; [`VaultError::CodeUncertain`] when nobody can tell. What could be known before fails
    /// before: [`VaultError::Limit`] at 64 slots.
    pub fn deliver_recovery_code(
        &mut self,
        who: &Actor,
        now: Timestamp,
        hand_over: impl FnOnce(&RecoveryCode) -> io::Result<()>,
    ) -> Result<(), VaultError> {
        let code = generate()?;
        self.write(who, now, |draft| {
            put_recovery_code(draft, &code)?;
            Ok(((), None))
        })?;
        hand_over(&code).map_err(VaultError::CodeDelivery)?;
        self.save_recovery_code(&code, who, now).map_err(not_saved)
    }

    fn save_recovery_code(
        &mut self,
        code: &RecoveryCode,
        who: &Actor,
        now: Timestamp,
    ) -> Result<(), VaultError> {
        self.write(who, now, |draft| {
            put_recovery_code(draft, code)?;
            Ok(((), Some(Event::of_vault(Verb::RecoveryCode))))
        })
    }
}

fn generate() -> Result<RecoveryCode, VaultError> {
    let bytes = Zeroizing::new(random::<20>()?);
    Ok(RecoveryCode::new(Secret::new(bytes.to_vec())))
}

/// Puts its slot in the place of the one there was.
fn put_recovery_code(draft: &mut Draft<'_>, code: &RecoveryCode) -> Result<(), VaultError> {
    drop_recovery_code(draft)?;
    let vault = draft.state.vault;
    let binding = SlotBinding {
        slot: SlotId(random()?),
        kind: SlotKind::RecoveryCode.number(),
        scope: ScopeId::OWN,
        profile: 0,
        salt: random()?,
        expires_at: 0,
        key_id: draft.key.id(vault),
    };
    let row = slot_row(&draft.key, &SlotInput::Bytes(code.input()), binding, vault)?;
    draft.put_slot(row)
}

/// What it means that a code is out and the change that makes it work failed.
fn not_saved(err: VaultError) -> VaultError {
    match err {
        VaultError::Uncertain(source) => VaultError::CodeUncertain(source),
        err => VaultError::CodeInvalid(Box::new(err)),
    }
}
