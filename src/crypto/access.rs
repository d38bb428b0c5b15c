//! The texts of the other ways into a vault: access tokens and recovery codes, written and read in buffers of one size.
//!
//! - access token: `"kwa1_" ‖ base62[65](slot_id[16] ‖ input[32]) ‖ crc[6]`, the number big-endian, and the checksum that
//!   issued tokens have, of every byte before it;
//! - recovery code: `"kwr1"` and then, each after a `-`, nine groups of four characters of Crockford's base32: 160 bits of
//!   input, and the upper 20 of the CRC-32/ISO-HDLC of those 32 characters.
//!
//! The checksums are for typing mistakes. They are not security.

use zeroize::Zeroizing;

use super::Secret;
use super::token::checksum;
use crate::key::{BASE62, SlotId};

const ACCESS_PREFIX: &[u8] = b"kwa1_";
/// Digits of a number of 48 bytes.
const ACCESS_DIGITS: usize = 65;
const ACCESS_BYTES: usize = 16 + 32;
const CRC_LEN: usize = 6;

const RECOVERY_PREFIX: &[u8] = b"kwr1";
const RECOVERY_BYTES: usize = 20;
const RECOVERY_DIGITS: usize = 32;
const RECOVERY_CHECK: usize = 4;
const GROUP: usize = 4;

/// Without I, L, O and U (Crockford, "Base 32").
const BASE32: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// The text of an access token.
pub fn access_token_text(slot: SlotId, input: &Secret) -> Secret {
    let mut number = Zeroizing::new([0; ACCESS_BYTES]);
    number[..16].copy_from_slice(&slot.0);
    number[16..].copy_from_slice(input.expose());
    let mut text = Zeroizing::new(Vec::with_capacity(
        ACCESS_PREFIX.len() + ACCESS_DIGITS + CRC_LEN,
    ));
    text.extend_from_slice(ACCESS_PREFIX);
    let mut digits = Zeroizing::new([0; ACCESS_DIGITS]);
    for digit in digits.iter_mut().rev() {
        *digit = BASE62[usize::from(divide(&mut number[..], 62))];
    }
    text.extend_from_slice(&digits[..]);
    let crc = checksum(&text);
    text.extend_from_slice(&crc);
    Secret::new(std::mem::take(&mut *text))
}

/// The slot and the input of an access token; `None` for anything that is no whole, correctly typed one.
pub fn access_token_parts(text: &Secret) -> Option<(SlotId, Secret)> {
    let text = text.expose();
    let (body, crc) = text.split_at_checked(text.len().checked_sub(CRC_LEN)?)?;
    let digits = body.strip_prefix(ACCESS_PREFIX)?;
    if digits.len() != ACCESS_DIGITS || checksum(body) != crc {
        return None;
    }
    let mut number = Zeroizing::new([0; ACCESS_BYTES]);
    for digit in digits {
        let value = BASE62.iter().position(|known| known == digit)?;
        multiply_add(&mut number[..], 62, value)?;
    }
    let (slot, input) = number.split_first_chunk::<16>()?;
    Some((SlotId(*slot), Secret::new(input.to_vec())))
}

/// The text of a recovery code.
pub fn recovery_code_text(input: &Secret) -> Secret {
    let mut digits = Zeroizing::new([0; RECOVERY_DIGITS + RECOVERY_CHECK]);
    let mut number = Zeroizing::new([0; RECOVERY_BYTES]);
    number.copy_from_slice(input.expose());
    for digit in digits[..RECOVERY_DIGITS].iter_mut().rev() {
        *digit = BASE32[usize::from(divide(&mut number[..], 32))];
    }
    let (code, check) = digits.split_at_mut(RECOVERY_DIGITS);
    check.copy_from_slice(&recovery_check(code));
    let groups = digits.len() / GROUP;
    let mut text = Zeroizing::new(Vec::with_capacity(
        RECOVERY_PREFIX.len() + digits.len() + groups,
    ));
    text.extend_from_slice(RECOVERY_PREFIX);
    for group in digits.chunks(GROUP) {
        text.push(b'-');
        text.extend_from_slice(group);
    }
    Secret::new(std::mem::take(&mut *text))
}

/// The input of a recovery code as a person types it: in either case, O for 0 and I or L for 1, with or without the dashes and
/// the first word, and with any ASCII white space; `None` where a character is wrong, missing or too many.
pub fn recovery_code_input(text: &Secret) -> Option<Secret> {
    let mut digits = Zeroizing::new(Vec::with_capacity(text.len()));
    let typed = text.expose().iter();
    digits.extend(
        typed
            .filter(|byte| !byte.is_ascii_whitespace() && **byte != b'-')
            .map(|byte| match byte.to_ascii_uppercase() {
                b'O' => b'0',
                b'I' | b'L' => b'1',
                other => other,
            }),
    );
    let whole = digits.len() == RECOVERY_PREFIX.len() + RECOVERY_DIGITS + RECOVERY_CHECK;
    let digits = match digits.strip_prefix(b"KWR1") {
        Some(rest) if whole => rest,
        _ => &digits,
    };
    let (code, check) = digits.split_at_checked(RECOVERY_DIGITS)?;
    if check != recovery_check(code) {
        return None;
    }
    let mut number = Zeroizing::new([0; RECOVERY_BYTES]);
    for digit in code {
        let value = BASE32.iter().position(|known| known == digit)?;
        multiply_add(&mut number[..], 32, value)?;
    }
    Some(Secret::new(number.to_vec()))
}

fn recovery_check(code: &[u8]) -> [u8; RECOVERY_CHECK] {
    let crc = crc32fast::hash(code) >> 12;
    std::array::from_fn(|at| BASE32[(crc >> (15 - 5 * at)) as usize & 31])
}

/// Divides a big-endian number in its place, and gives the remainder.
fn divide(number: &mut [u8], by: u16) -> u8 {
    let mut rest = 0;
    for byte in number {
        let part = rest << 8 | u16::from(*byte);
        *byte = (part / by) as u8;
        rest = part % by;
    }
    rest as u8
}

/// Multiplies a big-endian number in its place and adds to it; `None` when it does not fit any more.
fn multiply_add(number: &mut [u8], by: usize, add: usize) -> Option<()> {
    let mut carry = add;
    for byte in number.iter_mut().rev() {
        let part = usize::from(*byte) * by + carry;
        *byte = part as u8;
        carry = part >> 8;
    }
    (carry == 0).then_some(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn secret(bytes: &[u8]) -> Secret {
        Secret::new(bytes.to_vec())
    }

    #[test]
    fn the_ends_of_what_they_hold() {
        let zero = access_token_text(SlotId([0; 16]), &secret(&[0; 32]));
        let text = String::from_utf8(zero.expose().to_vec()).expect("ASCII");
        assert_eq!(text.len(), 76);
        assert!(text.starts_with(&format!("kwa1_{}", "0".repeat(65))));
        let full = access_token_text(SlotId([0xff; 16]), &secret(&[0xff; 32]));
        let (slot, input) = access_token_parts(&full).expect("reads back");
        assert_eq!(
            (slot, input.expose()),
            (SlotId([0xff; 16]), &[0xff; 32][..])
        );
        let code = recovery_code_text(&secret(&[0; 20]));
        assert_eq!(&code.expose()[..9], b"kwr1-0000");
        assert_eq!(code.len(), 4 + 9 * 5);
    }

    #[test]
    fn a_number_that_does_not_fit_is_no_access_token() {
        let mut text = [&b"kwa1_"[..], &[b'z'; 65]].concat();
        text.extend(checksum(&text));
        assert!(access_token_parts(&secret(&text)).is_none());
    }

    /// A checksum that is cut off promises nothing by itself: every wrong character and every swapped pair is tried.
    #[test]
    fn no_single_mistake_in_a_recovery_code_goes_unnoticed() {
        let text = recovery_code_text(&secret(b"twenty random bytes!"));
        let code: Vec<u8> = text
            .expose()
            .iter()
            .copied()
            .filter(|byte| *byte != b'-')
            .collect();
        for at in 4..code.len() {
            for other in BASE32.iter().filter(|other| **other != code[at]) {
                let mut typed = code.clone();
                typed[at] = *other;
                assert!(
                    recovery_code_input(&secret(&typed)).is_none(),
                    "{at} {other}"
                );
            }
            let mut typed = code.clone();
            typed.swap(at, at.saturating_sub(1).max(4));
            let same = typed == code;
            assert_eq!(recovery_code_input(&secret(&typed)).is_some(), same, "{at}");
        }
    }

    #[test]
    fn a_recovery_code_is_read_as_it_is_typed() {
        let input = secret(b"twenty random bytes!");
        let text = String::from_utf8(recovery_code_text(&input).expose().to_vec()).expect("ASCII");
        for typed in [
            text.clone(),
            text.to_lowercase(),
            text.replace('-', " "),
            format!(" {}\n", text.replace('-', "")),
            text["kwr1-".len()..].to_owned(),
            text.replace('0', "o").replace('1', "l"),
        ] {
            let read = recovery_code_input(&secret(typed.as_bytes()));
            assert_eq!(read.expect(&typed).expose(), input.expose(), "{typed}");
        }
        for bad in [
            "",
            "kwr1",
            &text[..text.len() - 1],
            &format!("{text}0"),
            &format!("kwr1-{text}"),
        ] {
            assert!(
                recovery_code_input(&secret(bad.as_bytes())).is_none(),
                "{bad}"
            );
        }
    }

    /// The first word may be left out, and then that is the first group.
    #[test]
    fn a_recovery_code_may_begin_as_its_first_word() {
        let mut input = [0; 20];
        input[..3].copy_from_slice(&[0x9f, 0x30, 0x10]);
        let text = recovery_code_text(&secret(&input));
        let typed = text
            .expose()
            .strip_prefix(b"kwr1-")
            .expect("its first word");
        assert!(typed.starts_with(b"KWR1-"));
        let read = recovery_code_input(&secret(typed)).expect("reads back");
        assert_eq!(read.expose(), input);
    }

    proptest! {
        #[test]
        fn access_tokens_read_back_and_no_mistyped_one_does(
            slot: [u8; 16], input: [u8; 32], at in 0..76usize, other in "[!-~]",
        ) {
            let text = access_token_text(SlotId(slot), &secret(&input));
            let (read, bytes) = access_token_parts(&text).expect("reads back");
            prop_assert_eq!((read, bytes.expose()), (SlotId(slot), &input[..]));
            let mut typed = text.expose().to_vec();
            let changed = typed[at] != other.as_bytes()[0];
            typed[at] = other.as_bytes()[0];
            prop_assert_eq!(access_token_parts(&secret(&typed)).is_none(), changed);
        }

        #[test]
        fn recovery_codes_read_back_and_no_mistyped_one_does(
            input: [u8; 20], at in 5..49usize, other in "[0-9A-HJKMNP-TV-Z]",
        ) {
            let text = recovery_code_text(&secret(&input));
            let read = recovery_code_input(&text).expect("reads back");
            prop_assert_eq!(read.expose(), &input[..]);
            let mut typed = text.expose().to_vec();
            let changed = typed[at] != other.as_bytes()[0];
            typed[at] = other.as_bytes()[0];
            prop_assert_eq!(recovery_code_input(&secret(&typed)).is_none(), changed);
        }

        #[test]
        fn any_bytes_are_read_to_an_end(bytes: Vec<u8>) {
            let text = secret(&bytes);
            let _ = (access_token_parts(&text), recovery_code_input(&text));
        }
    }
}
