//! The text of an issued key, version 1: minted here, parsed here, digested here, shown nowhere by accident.
//!
//! `brand "_" environment "1_" key_id[12] "_" secret[32] crc[6]`, letters, digits and `_` only.

use std::fmt;

use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::{RandomError, Secret, SecretSlice, random};
use crate::key::{Brand, Environment, KeyId, VaultId};

/// Longest token that is looked at, in bytes.
pub const TOKEN_LIMIT: usize = 256;

/// Longest text that a credential is looked for in, in bytes: a token, `Authorization: Bearer`, and white space.
pub const CREDENTIAL_LIMIT: usize = 4096;

const SECRET_LEN: usize = 32;
const CRC_LEN: usize = 6;
const BASE62: &[u8; 62] = crate::key::BASE62;

/// A token in plain text. Wiped on drop; redacted; shown by `Printer::reveal` alone.
#[derive(Debug)]
pub struct Token(Secret);

/// A presented token of the right shape, where it lies. Nothing is believed of it but its key id, and that only as
/// something to look up.
#[derive(Clone, Copy, Debug)]
pub struct Presented<'a> {
    text: SecretSlice<'a>,
    pub key_id: KeyId,
}

/// Why a text is no token.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum NoToken {
    /// A wrong shape, or a checksum that does not fit: most often one mistyped character.
    #[error("this is not a whole, correctly typed token")]
    Malformed,
    #[error("there is no token")]
    Missing,
}

impl Token {
    /// A new token: 32 characters, 190 bits, from the system's generator.
    ///
    /// # Errors
    /// When the system has no randomness.
    pub fn mint(
        brand: &Brand,
        environment: &Environment,
        key_id: KeyId,
    ) -> Result<Self, RandomError> {
        let mut secret = Zeroizing::new([0; SECRET_LEN]);
        random_base62(secret.as_mut_slice())?;
        // Sized up front, so that growing leaves no copy behind.
        let mut text = Vec::with_capacity(TOKEN_LIMIT);
        text.extend_from_slice(brand.as_str().as_bytes());
        text.push(b'_');
        text.extend_from_slice(environment.short().as_bytes());
        text.extend_from_slice(b"1_");
        text.extend_from_slice(key_id.as_bytes());
        text.push(b'_');
        text.extend_from_slice(secret.as_slice());
        let checksum = checksum(&text);
        text.extend_from_slice(&checksum);
        Ok(Self(Secret::new(text)))
    }

    /// `SHA-256("keywright/v1/digest" ‖ vault_id ‖ token)`, the only form that is stored.
    ///
    /// A fast hash is right for 190 random bits; a passphrase would need a slow one.
    pub fn digest(&self, vault: VaultId) -> Digest {
        Digest::of(self.0.expose(), vault) // into the one-way digest
    }

    /// The text, all ASCII.
    pub fn expose(&self) -> &[u8] {
        self.0.expose()
    }
}

impl<'a> Presented<'a> {
    /// Reads a presented credential: a bare token, `Bearer …`, or a whole `Authorization: Bearer …` line.
    ///
    /// # Errors
    /// [`NoToken`] for everything but one credential of the exact shape and checksum.
    pub fn read(presented: SecretSlice<'a>) -> Result<Self, NoToken> {
        if presented.0.len() > CREDENTIAL_LIMIT {
            return Err(NoToken::Malformed);
        }
        let text = presented.0.trim_ascii();
        let text = strip_word(text, b"authorization:").map_or(text, <[u8]>::trim_ascii);
        let text = match strip_word(text, b"bearer") {
            Some(rest) if rest.is_empty() || rest[0].is_ascii_whitespace() => rest.trim_ascii(),
            _ => text,
        };
        if text.is_empty() {
            return Err(NoToken::Missing);
        }
        // Too long, or two words, is no token either.
        let key_id = shape(text).ok_or(NoToken::Malformed)?;
        Ok(Self {
            text: SecretSlice(text),
            key_id,
        })
    }

    /// `SHA-256("keywright/v1/digest" ‖ vault_id ‖ token)`, the only form that is stored.
    pub fn digest(&self, vault: VaultId) -> Digest {
        Digest::of(self.text.0, vault)
    }
}

/// What is stored of a token. Not secret: it leads back to nothing; compared in constant time all the same.
#[derive(Clone, Copy)]
pub struct Digest([u8; 32]);

impl Digest {
    /// Matches no token: compared against when there is nothing else, so that an unknown id takes as long.
    pub const DUMMY: Self = Self([0; 32]);

    fn of(token: &[u8], vault: VaultId) -> Self {
        let mut hash = Sha256::new();
        hash.update(b"keywright/v1/digest");
        hash.update(vault.0);
        hash.update(token);
        Self(hash.finalize().into())
    }

    /// What a record keeps.
    pub fn stored(&self) -> Secret {
        Secret::new(self.0.to_vec())
    }

    /// Whether this is what is stored, in constant time.
    pub fn is(&self, stored: &Secret) -> bool {
        self.0.ct_eq(stored.expose()).into()
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Digest(..)")
    }
}

/// Whether somebody took the token of an issued key for another sort: it begins as one without a brand of its own, or has the
/// form.
pub fn looks_issued(text: &Secret) -> bool {
    let text = text.expose();
    text.starts_with(b"kwt_") || shape(text).is_some()
}

/// A new random key id.
///
/// # Errors
/// When the system has no randomness.
pub fn mint_key_id() -> Result<KeyId, RandomError> {
    let mut id = [0; KeyId::LEN];
    random_base62(&mut id)?;
    Ok(KeyId::try_from(&id[..]).expect("base62 characters"))
}

/// Fills `out` with base62 characters, each equally likely.
fn random_base62(out: &mut [u8]) -> Result<(), RandomError> {
    let mut filled = 0;
    while filled < out.len() {
        let bytes = Zeroizing::new(random::<48>()?);
        // 248 is the largest multiple of 62 in a byte: what is above would make some characters likelier.
        for byte in bytes
            .iter()
            .filter(|byte| **byte < 248)
            .take(out.len() - filled)
        {
            out[filled] = BASE62[usize::from(byte % 62)];
            filled += 1;
        }
    }
    Ok(())
}

/// CRC-32/ISO-HDLC of the text as six base62 characters. For typing mistakes and scanners; it is not security.
pub(super) fn checksum(text: &[u8]) -> [u8; CRC_LEN] {
    let mut rest = crc32fast::hash(text);
    let mut digits = [0; CRC_LEN];
    for digit in digits.iter_mut().rev() {
        *digit = BASE62[(rest % 62) as usize];
        rest /= 62;
    }
    digits
}

/// What follows a word of any case.
fn strip_word<'a>(text: &'a [u8], word: &[u8]) -> Option<&'a [u8]> {
    let (head, tail) = text.split_at_checked(word.len())?;
    head.eq_ignore_ascii_case(word).then_some(tail)
}

/// The key id, if the rest is as it should be. Parsed from the right, because only the brand's length varies.
fn shape(text: &[u8]) -> Option<KeyId> {
    if text.len() > TOKEN_LIMIT {
        return None;
    }
    let (body, crc) = text.split_at_checked(text.len().checked_sub(CRC_LEN)?)?;
    let (rest, secret) = body.split_at_checked(body.len().checked_sub(SECRET_LEN)?)?;
    let rest = rest.strip_suffix(b"_")?;
    let (rest, key_id) = rest.split_at_checked(rest.len().checked_sub(KeyId::LEN)?)?;
    let rest = rest.strip_suffix(b"1_")?;
    let (brand, environment) = rest.split_at(rest.iter().rposition(|&byte| byte == b'_')?);
    let known = [&b"_dev"[..], b"_env", b"_prod", b"_stg"].contains(&environment);
    let letters = |bytes: &[u8]| {
        bytes
            .iter()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
    };
    let branded =
        (2..=12).contains(&brand.len()) && brand[0].is_ascii_lowercase() && letters(brand);
    let whole = secret.iter().all(u8::is_ascii_alphanumeric) && checksum(body) == crc;
    (known && branded && whole).then_some(())?;
    KeyId::try_from(key_id).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &[u8]) -> Result<KeyId, NoToken> {
        Presented::read(SecretSlice(text)).map(|presented| presented.key_id)
    }

    fn minted(environment: &str) -> (Token, KeyId) {
        let id = mint_key_id().expect("randomness");
        let environment = environment.parse().expect("valid");
        (
            Token::mint(&Brand::default(), &environment, id).expect("randomness"),
            id,
        )
    }

    #[test]
    fn minted_tokens_have_the_documented_shape() {
        for (environment, prefix) in [
            ("production", "kwt_prod1_"),
            ("staging", "kwt_stg1_"),
            ("development", "kwt_dev1_"),
            ("qa", "kwt_env1_"),
        ] {
            let (token, id) = minted(environment);
            assert!(token.expose().starts_with(prefix.as_bytes()));
            assert_eq!(token.expose().len(), prefix.len() + 12 + 1 + 38);
            assert_eq!(parse(token.expose()), Ok(id));
        }
    }

    /// A pinned token of version 1: every release must read it, with this digest.
    #[test]
    fn pinned_token_reads_the_same_for_ever() {
        let text = b"kwt_prod1_uQCT8H872CoB_0123456789ABCDEFGHIJKLMNOPQRSTUV";
        let mut whole = text.to_vec();
        whole.extend(checksum(text));
        assert_eq!(
            str::from_utf8(&whole[whole.len() - 6..]),
            Ok(include_str!("../../tests/vectors/token-1.crc").trim())
        );
        let token = Presented::read(SecretSlice(&whole)).expect("well formed");
        assert_eq!(token.key_id.as_str(), "uQCT8H872CoB");
        let digest: String = token
            .digest(VaultId([7; 16]))
            .0
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        assert_eq!(
            digest,
            include_str!("../../tests/vectors/token-1.digest").trim()
        );
    }

    #[test]
    fn every_single_wrong_character_is_noticed() {
        let (token, _) = minted("production");
        let text = token.expose().to_vec();
        for at in 0..text.len() {
            for wrong in *BASE62 {
                let mut typed = text.clone();
                typed[at] = wrong;
                assert_eq!(parse(&typed).is_err(), typed != text);
            }
        }
    }

    #[test]
    fn digests_differ_by_vault_and_token() {
        let (one, _) = minted("staging");
        let (other, _) = minted("staging");
        let digest = one.digest(VaultId([1; 16]));
        assert!(digest.is(&one.digest(VaultId([1; 16])).stored()));
        assert!(!digest.is(&one.digest(VaultId([2; 16])).stored()));
        assert!(!digest.is(&other.digest(VaultId([1; 16])).stored()));
    }

    #[test]
    fn base62_digits_are_equally_likely() {
        let mut counts = [0_u32; 256];
        let mut sample = vec![0; 62 * 1000];
        random_base62(&mut sample).expect("randomness");
        sample
            .iter()
            .for_each(|&byte| counts[usize::from(byte)] += 1);
        // 1,000 expected each, standard deviation 31: eight of them is one false alarm in 10^13 runs.
        assert!(
            BASE62
                .iter()
                .all(|&digit| (750..1250).contains(&counts[usize::from(digit)]))
        );
    }

    #[test]
    fn credentials_come_bare_or_in_a_header() {
        let (token, id) = minted("staging");
        let text = String::from_utf8(token.expose().to_vec()).expect("ASCII");
        for good in [
            text.clone(),
            format!("  {text}\r\n"),
            format!("Bearer {text}"),
            format!("bearer  {text}"),
            format!("Authorization: Bearer {text}\n"),
            format!("authorization:bearer {text}"),
            format!("{text}{}", " ".repeat(CREDENTIAL_LIMIT - text.len())),
        ] {
            assert_eq!(parse(good.as_bytes()), Ok(id), "{good}");
        }
        for missing in [
            "",
            " \n",
            "Bearer",
            "Authorization: Bearer ",
            "Authorization:",
        ] {
            assert_eq!(
                parse(missing.as_bytes()),
                Err(NoToken::Missing),
                "{missing}"
            );
        }
        for malformed in [
            format!("{text} {text}"),
            format!("Basic {text}"),
            format!("Bearer{text}"),
            format!("{text}x"),
            format!("{text}{}", " ".repeat(CREDENTIAL_LIMIT)),
        ] {
            assert_eq!(
                parse(malformed.as_bytes()),
                Err(NoToken::Malformed),
                "{malformed}"
            );
        }
    }

    /// With a checksum that is right.
    fn token_of(brand: &str, environment: &str, secret: &str) -> Vec<u8> {
        let mut text = format!("{brand}_{environment}1_uQCT8H872CoB_{secret}").into_bytes();
        text.extend(checksum(&text));
        text
    }

    #[test]
    fn a_right_checksum_is_not_all() {
        let secret = "0123456789ABCDEFGHIJKLMNOPQRSTUV";
        for (brand, environment) in [("kwt", "prod"), ("ab", "env"), ("a23456789012", "stg")] {
            assert!(parse(&token_of(brand, environment, secret)).is_ok());
        }
        for brand in ["", "a", "a234567890123", "1ab", "Ab", "aB", "a-b"] {
            assert!(parse(&token_of(brand, "prod", secret)).is_err(), "{brand}");
        }
        for environment in ["", "PROD", "production", "test"] {
            let text = token_of("kwt", environment, secret);
            assert!(parse(&text).is_err(), "{environment}");
        }
        for secret in [
            "0123456789ABCDEFGHIJKLMNOPQRSTU",
            "0123456789-BCDEFGHIJKLMNOPQRSTUV",
        ] {
            assert!(parse(&token_of("kwt", "prod", secret)).is_err(), "{secret}");
        }
    }

    #[test]
    fn what_begins_or_is_made_as_an_issued_token_looks_like_one() {
        let looks = |text: &[u8]| looks_issued(&Secret::new(text.to_vec()));
        assert!(looks(b"kwt_cut off"));
        assert!(looks(&token_of(
            "acme",
            "prod",
            "0123456789ABCDEFGHIJKLMNOPQRSTUV"
        )));
        assert!(!looks(b"acme_prod1_cut off"));
        assert!(!looks(b"kwa1_kwt_"));
    }

    proptest::proptest! {
        #[test]
        fn parsing_any_bytes_ends(bytes: Vec<u8>) {
            let _ = parse(&bytes);
        }
    }
}
