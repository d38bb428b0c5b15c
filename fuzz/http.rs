//! What a request brings, as far as it comes from outside: the credential, and what is kept of the rest.

#![no_main]

use keywright::crypto::{Presented, SecretSlice};
use keywright::key::{Permission, VaultId};
use keywright::vault::{RequestText, UseRequest};
use libfuzzer_sys::fuzz_target;

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

fuzz_target!(|data: &[u8]| {
    credential(data);
    // Few inputs would have the right checksum otherwise.
    credential(&[data, &checksum(data)].concat());
    if let Ok(text) = str::from_utf8(data) {
        request(text);
        if let Ok(permission) = text.parse::<Permission>() {
            assert_eq!(permission.to_string(), text);
        }
    }
});

/// What is taken for a token has the shape of one, and is the same token with words around it.
fn credential(bytes: &[u8]) {
    let Ok(token) = Presented::read(SecretSlice::new(bytes)) else {
        return;
    };
    assert!(bytes.len() <= 256 && bytes.is_ascii());
    let word = bytes.trim_ascii().rsplit(u8::is_ascii_whitespace).next();
    let word = word.expect("a word at least");
    let tail = word
        .rsplit(|byte| *byte == b':')
        .next()
        .expect("a word at least");
    let mut parts = tail.rsplit(|byte| *byte == b'_');
    let (secret, id) = (
        parts.next().expect("a secret"),
        parts.next().expect("an id"),
    );
    assert_eq!((secret.len(), id), (38, &token.key_id.as_bytes()[..]));
    assert!(secret.iter().all(u8::is_ascii_alphanumeric));
    let (body, digits) = tail.split_at(tail.len() - 6);
    assert_eq!(digits, checksum(body));
    let vault = VaultId([7; 16]);
    for start in [&b"Bearer "[..], b"authorization: bearer\t"] {
        let line = [start, tail].concat();
        let again = Presented::read(SecretSlice::new(&line));
        let again = again.ok().expect("the same token");
        assert!(again.digest(vault).is(&token.digest(vault).stored()));
    }
}

/// Little, visible, and no token.
fn request(text: &str) {
    let kept = UseRequest::new(RequestText {
        method: Some(text),
        path: Some(text),
        client: Some(text),
        id: Some(text),
    });
    let Some(kept) = kept else {
        return;
    };
    for (field, limit) in [
        (kept.method(), UseRequest::METHOD),
        (kept.path(), UseRequest::PATH),
        (kept.client(), UseRequest::CLIENT),
        (kept.id(), UseRequest::ID),
    ] {
        let field = field.unwrap_or("");
        assert!(field.len() <= limit);
        assert!(field.chars().all(|c| matches!(c, ' '..='~' | '…')));
        for word in field.split(|c: char| !c.is_ascii_alphanumeric() && c != '_') {
            assert!(Presented::read(SecretSlice::new(word.as_bytes())).is_err());
        }
    }
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
        *digit = ALPHABET[(rest % 62) as usize];
        rest /= 62;
    }
    digits
}
