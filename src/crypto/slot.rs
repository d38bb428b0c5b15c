//! Slots: the ways to open a vault or one scope of it. A slot wraps a key and commits to the one input that opens it.

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::keys::derive;
use super::seal::{open_exact, seal_exact};
use super::{Aad, Object, Passphrase, Profile, RandomError, RootKey, Secret, SubKey, TAG_LEN};
use crate::checks;
use crate::key::{ScopeId, Sealed, SlotId, VaultId};

/// What opens a slot.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SlotKind {
    AccessToken,
    Passphrase,
    RecoveryCode,
}

impl SlotKind {
    /// The number in the file.
    pub fn number(self) -> u64 {
        match self {
            Self::Passphrase => 1,
            Self::RecoveryCode => 2,
            Self::AccessToken => 3,
        }
    }

    /// The kind of a number; `None` for one that no format has.
    pub fn from_number(number: u64) -> Option<Self> {
        [Self::AccessToken, Self::Passphrase, Self::RecoveryCode]
            .into_iter()
            .find(|kind| kind.number() == number)
    }
}

/// The public columns of a slot, all bound by its commitment and its associated data.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SlotBinding {
    pub slot: SlotId,
    pub kind: u64,
    /// All zero when the slot wraps the vault key.
    pub scope: ScopeId,
    /// A [`Profile`]'s number for a passphrase, else 0.
    pub profile: u64,
    pub salt: [u8; 32],
    /// Unix seconds; 0 for never.
    pub expires_at: u64,
    /// Of the key it wraps.
    pub key_id: [u8; 16],
}

/// What somebody brings to open a slot.
#[derive(Debug)]
pub enum SlotInput<'a> {
    /// The 20 bytes of a recovery code or the 32 of an access token.
    Bytes(&'a Secret),
    /// Costs what the slot's profile costs.
    Passphrase(&'a Passphrase, Profile),
}

/// Wraps `key` for who brings `input`: the sealed body of 48 bytes, and the commitment.
///
/// # Errors
/// When the system has no randomness.
pub fn wrap_key(
    key: &RootKey,
    input: &SlotInput<'_>,
    binding: &SlotBinding,
    vault: VaultId,
) -> Result<(Sealed, [u8; 32]), RandomError> {
    let (wrapping, commitment) = keys(input, binding, vault);
    let mut body = Zeroizing::new(Vec::with_capacity(32 + TAG_LEN));
    body.extend_from_slice(key.expose()); // sealed in place by the next line
    let sealed = seal_exact(&wrapping, &aad(binding, &commitment, vault), body)?;
    Ok((sealed, commitment))
}

/// Unwraps what [`wrap_key`] wrapped; `None` for a wrong input and for an altered slot alike.
pub fn unwrap_key(
    sealed: &Sealed,
    commitment: &[u8; 32],
    input: &SlotInput<'_>,
    binding: &SlotBinding,
    vault: VaultId,
) -> Option<RootKey> {
    let (wrapping, expected) = keys(input, binding, vault);
    // Before anything is decrypted: the AEAD alone would let one body open under two inputs.
    if !checks::holds(expected.ct_eq(commitment).into()) {
        return None;
    }
    let body = open_exact(
        &wrapping,
        &aad(binding, commitment, vault),
        &sealed.nonce,
        &sealed.bytes,
    )
    .ok()?;
    RootKey::from_part(&body)
        .filter(|key| checks::holds(key.id(vault).ct_eq(&binding.key_id).into()))
}

/// Wrapping key and commitment.
fn keys(input: &SlotInput<'_>, binding: &SlotBinding, vault: VaultId) -> (SubKey, [u8; 32]) {
    let mut context = Vec::with_capacity(104);
    context.extend_from_slice(&binding.slot.0);
    context.extend_from_slice(&binding.kind.to_le_bytes());
    context.extend_from_slice(&binding.scope.0);
    context.extend_from_slice(&binding.profile.to_le_bytes());
    context.extend_from_slice(&binding.salt);
    context.extend_from_slice(&binding.expires_at.to_le_bytes());
    context.extend_from_slice(&binding.key_id);
    if !checks::on() {
        context.clear();
    }
    let mut okm = Zeroizing::new([0; 64]);
    match input {
        SlotInput::Bytes(bytes) => {
            derive(bytes.expose(), vault, "slot", &context, okm.as_mut_slice())
        } // key material
        SlotInput::Passphrase(passphrase, profile) => {
            let stretched = profile.stretch(passphrase, &binding.salt);
            derive(
                stretched.as_slice(),
                vault,
                "slot",
                &context,
                okm.as_mut_slice(),
            );
        }
    }
    let mut wrapping = Zeroizing::new([0; 32]);
    wrapping.copy_from_slice(&okm[..32]);
    let mut commitment = [0; 32];
    commitment.copy_from_slice(&okm[32..]);
    (SubKey::take(&mut wrapping), commitment)
}

fn aad(binding: &SlotBinding, commitment: &[u8; 32], vault: VaultId) -> Aad {
    Aad::new(Object::Slot, vault)
        .field(&binding.slot.0)
        .number(binding.kind)
        .field(&binding.scope.0)
        .number(binding.profile)
        .field(&binding.salt)
        .number(binding.expires_at)
        .field(&binding.key_id)
        .field(commitment)
}

#[cfg(test)]
mod tests {
    use super::*;

    const VAULT: VaultId = VaultId([9; 16]);

    fn made() -> (Sealed, [u8; 32], SlotBinding, Secret) {
        let key = RootKey::generate().expect("randomness");
        let input = Secret::new(vec![5; 32]);
        let binding = SlotBinding {
            slot: SlotId([1; 16]),
            kind: 3,
            scope: ScopeId([2; 16]),
            profile: 0,
            salt: [3; 32],
            expires_at: 77,
            key_id: key.id(VAULT),
        };
        let (sealed, commitment) =
            wrap_key(&key, &SlotInput::Bytes(&input), &binding, VAULT).expect("randomness");
        (sealed, commitment, binding, input)
    }

    #[test]
    fn every_column_is_bound() {
        let (sealed, commitment, binding, input) = made();
        let opens = |binding: &SlotBinding, vault| {
            unwrap_key(
                &sealed,
                &commitment,
                &SlotInput::Bytes(&input),
                binding,
                vault,
            )
            .is_some()
        };
        assert!(opens(&binding, VAULT));
        assert!(!opens(&binding, VaultId([8; 16])));
        for edit in [
            |b: &mut SlotBinding| b.slot.0[0] ^= 1,
            |b: &mut SlotBinding| b.kind ^= 1,
            |b: &mut SlotBinding| b.scope.0[0] ^= 1,
            |b: &mut SlotBinding| b.profile ^= 1,
            |b: &mut SlotBinding| b.salt[0] ^= 1,
            |b: &mut SlotBinding| b.expires_at ^= 1,
            |b: &mut SlotBinding| b.key_id[0] ^= 1,
        ] {
            let mut altered = binding.clone();
            edit(&mut altered);
            assert!(!opens(&altered, VAULT), "{altered:?}");
        }
    }

    #[test]
    fn commitment_and_body_are_bound() {
        let (mut sealed, mut commitment, binding, input) = made();
        let input = SlotInput::Bytes(&input);
        commitment[31] ^= 1;
        assert!(unwrap_key(&sealed, &commitment, &input, &binding, VAULT).is_none());
        commitment[31] ^= 1;
        sealed.bytes[0] ^= 1;
        assert!(unwrap_key(&sealed, &commitment, &input, &binding, VAULT).is_none());
    }
}
