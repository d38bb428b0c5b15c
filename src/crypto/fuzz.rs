//! Texts of tokens, and slots.

use super::access::{
    access_token_parts, access_token_text, recovery_code_input, recovery_code_text,
};
use super::{
    Presented, Profile, RootKey, Secret, SecretSlice, SlotBinding, SlotInput, SlotKind, unwrap_key,
    wrap_key,
};
use crate::key::{BASE62, KeyRef, ScopeId, Sealed, SlotId, VaultId, hide_secrets};

const VAULT: VaultId = VaultId([7; 16]);

/// Issued tokens, access tokens and recovery codes.
pub(crate) fn token(data: &[u8]) -> bool {
    if let Ok(text) = str::from_utf8(data) {
        let hidden = hide_secrets(text);
        assert_eq!(hide_secrets(&hidden), hidden);
        let _ = text.parse::<KeyRef>();
    }
    // Few cases would have the right checksum otherwise.
    let whole = [data, &checksum(data)].concat();
    let texts = [data, &whole];
    texts.map(issued).contains(&true) | texts.map(way_in).contains(&true)
}

/// What is taken for a token has the shape of one, and is the same token with words around it.
fn issued(bytes: &[u8]) -> bool {
    let Ok(token) = Presented::read(SecretSlice::new(bytes)) else {
        return false;
    };
    let word = bytes
        .trim_ascii()
        .rsplit(u8::is_ascii_whitespace)
        .next()
        .expect("a word at least");
    let tail = word
        .rsplit(|byte| *byte == b':')
        .next()
        .expect("a word at least");
    assert!(tail.len() <= 256 && tail.is_ascii());
    let mut parts = tail.rsplit(|byte| *byte == b'_');
    let secret = parts.next().expect("a secret");
    let id = parts.next().expect("an id");
    assert_eq!((secret.len(), id), (38, &token.key_id.as_bytes()[..]));
    assert!(secret.iter().all(u8::is_ascii_alphanumeric));
    let (body, digits) = tail.split_at(tail.len() - 6);
    assert_eq!(digits, checksum(body));
    for start in [&b"Bearer "[..], b"authorization: bearer\t"] {
        let line = [start, tail].concat();
        let again = Presented::read(SecretSlice::new(&line));
        let again = again.expect("the same token");
        assert!(again.digest(VAULT).is(&token.digest(VAULT).stored()));
    }
    // No message repeats it.
    let text = str::from_utf8(tail).expect("ASCII");
    assert!(!hide_secrets(text).contains(text));
    assert!(text.parse::<KeyRef>().is_err());
    true
}

/// What is taken for one of the other two reads back from its one text.
fn way_in(bytes: &[u8]) -> bool {
    let typed = Secret::copied(bytes);
    if let Some((slot, input)) = access_token_parts(&typed) {
        assert!(access_token_text(slot, &input).is(&typed));
        return true;
    }
    let Some(input) = recovery_code_input(&typed) else {
        return false;
    };
    let text = recovery_code_text(&input);
    let again = recovery_code_input(&text).expect("its own text");
    assert!(again.is(&input));
    true
}

/// CRC-32/ISO-HDLC in six base62 digits, bit by bit.
fn checksum(bytes: &[u8]) -> [u8; 6] {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg());
        }
    }
    let (mut rest, mut digits) = (!crc, [b'0'; 6]);
    for digit in digits.iter_mut().rev() {
        *digit = BASE62[(rest % 62) as usize];
        rest /= 62;
    }
    digits
}

/// The next bytes of a case, which goes on with zeros.
fn take<const N: usize>(data: &mut &[u8]) -> [u8; N] {
    let (head, tail) = data.split_at(data.len().min(N));
    *data = tail;
    let mut bytes = [0; N];
    bytes[..head.len()].copy_from_slice(head);
    bytes
}

/// A slot with any columns: as it stands it opens nothing; wrapped anew it opens, and with one bit changed it does not.
/// Accepted where its numbers are of this format.
pub(crate) fn slot(mut data: &[u8]) -> bool {
    let data = &mut data;
    let key = RootKey::take(&mut [1; 32]);
    let input = Secret::copied(&take::<32>(data));
    let input = SlotInput::Bytes(&input);
    let flip = usize::from(u16::from_le_bytes(take(data)));
    let mut binding = SlotBinding {
        kind: u64::from_le_bytes(take(data)),
        profile: u64::from_le_bytes(take(data)),
        expires_at: u64::from_le_bytes(take(data)),
        slot: SlotId(take(data)),
        scope: ScopeId(take(data)),
        salt: take(data),
        key_id: take(data),
    };
    let mut commitment = take(data);
    let mut sealed = Sealed {
        nonce: take(data),
        bytes: data.to_vec(),
    };
    assert!(unwrap_key(&sealed, &commitment, &input, &binding, VAULT).is_none());

    binding.key_id = key.id(VAULT);
    (sealed, commitment) = wrap_key(&key, &input, &binding, VAULT).expect("randomness");
    let opened = unwrap_key(&sealed, &commitment, &input, &binding, VAULT);
    assert_eq!(opened.expect("its input").expose(), key.expose());
    let bit = 1 << (flip % 8);
    match flip / 8 % 8 {
        0 => commitment[flip / 64 % 32] ^= bit,
        1 => sealed.nonce[flip / 64 % 24] ^= bit,
        2 => sealed.bytes[flip / 64 % 48] ^= bit,
        3 => binding.kind ^= u64::from(bit),
        4 => binding.profile ^= u64::from(bit),
        5 => binding.scope.0[flip / 64 % 16] ^= bit,
        6 => binding.expires_at ^= u64::from(bit),
        _ => sealed.bytes.truncate(flip / 64 % 48),
    }
    assert!(unwrap_key(&sealed, &commitment, &input, &binding, VAULT).is_none());

    let kind = SlotKind::from_number(binding.kind);
    let profile = Profile::from_number(binding.profile);
    assert!(kind.is_none_or(|kind| kind.number() == binding.kind));
    assert!(profile.is_none_or(|profile| profile.number() == binding.profile));
    kind.is_some() && (profile.is_some() || binding.profile == 0)
}
