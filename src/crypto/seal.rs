//! Seal and open: XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03) in place, in buffers that are wiped.

use std::fmt;

use chacha20poly1305::aead::{AeadInOut, KeyInit};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use zeroize::{Zeroize, Zeroizing};

use super::encoding::unpadded_len;
use super::{Aad, Parts, PartsWriter, RandomError, SubKey, random};
use crate::key::Sealed;

/// Length of a Poly1305 tag, in bytes.
pub const TAG_LEN: usize = 16;

/// The bytes are not what was sealed, or not for this place.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("it is not what was sealed there")]
pub struct Altered;

/// An opened plaintext. Wiped on drop; redacted.
pub struct Opened(Zeroizing<Vec<u8>>);

impl Opened {
    /// Its parts, in the order they were written.
    pub fn parts(&self) -> Parts<'_> {
        Parts::new(&self.0)
    }
}

impl fmt::Debug for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Opened(..)")
    }
}

/// Pads and seals `plain` under a new random nonce, 24 bytes long so that no two are ever equal.
///
/// # Errors
/// When the system has no randomness.
pub fn seal(key: &SubKey, aad: &Aad, plain: PartsWriter) -> Result<Sealed, RandomError> {
    seal_exact(key, aad, plain.padded())
}

/// Opens what [`seal`] made.
///
/// # Errors
/// [`Altered`] when key, nonce, associated data or a single bit is another than at sealing.
pub fn open(
    key: &SubKey,
    aad: &Aad,
    nonce: &[u8; Sealed::NONCE],
    sealed: &[u8],
) -> Result<Opened, Altered> {
    let mut plain = open_exact(key, aad, nonce, sealed)?;
    let len = unpadded_len(&plain).ok_or(Altered)?;
    plain[len..].zeroize();
    plain.truncate(len);
    Ok(Opened(plain))
}

/// Seals without padding: for bodies of one fixed length.
pub(super) fn seal_exact(
    key: &SubKey,
    aad: &Aad,
    mut plain: Zeroizing<Vec<u8>>,
) -> Result<Sealed, RandomError> {
    let nonce = random()?;
    debug_assert!(
        plain.capacity() >= plain.len() + TAG_LEN,
        "sealing in place must not reallocate"
    );
    cipher(key)
        .encrypt_in_place(&XNonce::from(nonce), aad.as_bytes(), &mut *plain)
        .expect("no plaintext here comes near 256 GiB");
    // What is left in the buffer is ciphertext.
    Ok(Sealed {
        nonce,
        bytes: plain.to_vec(),
    })
}

/// Opens what [`seal_exact`] made.
pub(super) fn open_exact(
    key: &SubKey,
    aad: &Aad,
    nonce: &[u8; Sealed::NONCE],
    sealed: &[u8],
) -> Result<Zeroizing<Vec<u8>>, Altered> {
    let mut buffer = Zeroizing::new(sealed.to_vec());
    cipher(key)
        .decrypt_in_place(&XNonce::from(*nonce), aad.as_bytes(), &mut *buffer)
        .map_err(|_| Altered)?;
    Ok(buffer)
}

fn cipher(key: &SubKey) -> XChaCha20Poly1305 {
    XChaCha20Poly1305::new(key.bytes().into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::Object;
    use crate::key::VaultId;

    fn aad() -> Aad {
        Aad::new(Object::Record, VaultId([1; 16])).field(b"place")
    }

    #[test]
    fn any_change_is_refused() {
        let key = SubKey::take(&mut [3; 32]);
        let sealed =
            seal(&key, &aad(), PartsWriter::with_room(5, 1).part(b"plain")).expect("randomness");
        assert_eq!(
            open(&key, &aad(), &sealed.nonce, &sealed.bytes)
                .expect("same")
                .parts()
                .part(),
            Ok(&b"plain"[..])
        );
        for bit in 0..sealed.bytes.len() * 8 {
            let mut bytes = sealed.bytes.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(open(&key, &aad(), &sealed.nonce, &bytes).is_err());
        }
        let elsewhere = Aad::new(Object::Record, VaultId([1; 16])).field(b"other");
        assert!(open(&key, &elsewhere, &sealed.nonce, &sealed.bytes).is_err());
        let other = SubKey::take(&mut [4; 32]);
        assert!(open(&other, &aad(), &sealed.nonce, &sealed.bytes).is_err());
        assert!(open(&key, &aad(), &[0; Sealed::NONCE], &sealed.bytes).is_err());
        assert!(open(&key, &aad(), &sealed.nonce, &sealed.bytes[..TAG_LEN - 1]).is_err());
    }

    #[test]
    fn nonces_never_repeat_and_lengths_come_in_steps() {
        let key = SubKey::take(&mut [3; 32]);
        let sealed: Vec<_> = (0..70)
            .map(|len| {
                seal(
                    &key,
                    &aad(),
                    PartsWriter::with_room(len, 1).part(&vec![0; len]),
                )
                .expect("randomness")
            })
            .collect();
        let nonces: std::collections::BTreeSet<_> =
            sealed.iter().map(|sealed| sealed.nonce).collect();
        assert_eq!(nonces.len(), sealed.len());
        assert!(
            sealed
                .iter()
                .all(|sealed| (sealed.bytes.len() - TAG_LEN).is_multiple_of(64))
        );
    }

    fn hex<const N: usize>(text: &str) -> [u8; N] {
        std::array::from_fn(|i| {
            u8::from_str_radix(&text[2 * i..2 * i + 2], 16).expect("hexadecimal")
        })
    }

    /// One body that raw XChaCha20-Poly1305 opens under two keys (it commits to none); ours opens it under neither.
    #[test]
    fn a_body_made_for_two_keys_is_refused_under_both() {
        let nonce: [u8; 24] = hex("8c2e0718822ce47ca8c74107e66cb0e4b2b3f4d58d82ca63");
        let body: [u8; 48] = hex(
            "207cd788e91d5c5d21b1b3476de1ea52a9f9650a40ea21d9056d384f7a81dd03\
             e48229d1a5debdf9e8555405951cb239",
        );
        for key in [
            "f5b165224a58b791df6af1d8303e61cdc4bb86c3d1c427103c344c4189eb2f1e",
            "7bd5d47e446fcec2a3d811736110e5781bcccea696762e6116c6e9c92d99bf35",
        ] {
            let key = SubKey::take(&mut hex(key));
            // The twin: without associated data both keys open it.
            let mut raw = body.to_vec();
            assert!(
                cipher(&key)
                    .decrypt_in_place(&XNonce::from(nonce), b"", &mut raw)
                    .is_ok()
            );
            assert!(open_exact(&key, &aad(), &nonce, &body).is_err());
        }
    }
}
