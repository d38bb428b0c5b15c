//! Secret bytes inside JSON: written and read in buffers that never grow, so that no copy stays behind.

use zeroize::{Zeroize, Zeroizing};

use super::Secret;

const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// A JSON string (RFC 8259, section 7) of UTF-8 bytes, quotes included.
pub(crate) fn json_string(text: &[u8]) -> Zeroizing<Vec<u8>> {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    // A control character becomes six bytes.
    let mut quoted = Zeroizing::new(Vec::with_capacity(text.len() * 6 + 2));
    quoted.push(b'"');
    for &byte in text {
        match byte {
            b'"' | b'\\' => quoted.extend([b'\\', byte]),
            b'\n' => quoted.extend(b"\\n"),
            b'\r' => quoted.extend(b"\\r"),
            b'\t' => quoted.extend(b"\\t"),
            0..=0x1f | 0x7f => {
                quoted.extend(b"\\u00");
                quoted.extend([HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
            }
            _ => quoted.push(byte),
        }
    }
    quoted.push(b'"');
    quoted
}

/// Base64 (RFC 4648, section 4).
pub(crate) fn base64(bytes: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut text = Zeroizing::new(Vec::with_capacity(bytes.len().div_ceil(3) * 4));
    for chunk in bytes.chunks(3) {
        let at = |i: usize| u32::from(chunk.get(i).copied().unwrap_or(0));
        let group = at(0) << 16 | at(1) << 8 | at(2);
        for place in 0..4 {
            let digit = DIGITS[(group >> (18 - 6 * place)) as usize & 63];
            text.push(if place <= chunk.len() { digit } else { b'=' });
        }
    }
    text
}

impl Secret {
    /// The text of a JSON string as it stands in a document, quotes included; `None` for anything else.
    pub(crate) fn from_json_string(quoted: &str) -> Option<Self> {
        let body = quoted.strip_prefix('"')?.strip_suffix('"')?;
        // Unescaping never makes a text longer.
        let mut text = Zeroizing::new(Vec::with_capacity(body.len()));
        let mut rest = body.chars();
        while let Some(c) = rest.next() {
            let c = match c {
                '\\' => unescaped(&mut rest)?,
                '"' | '\0'..='\x1f' => return None,
                c => c,
            };
            let mut utf8 = [0; 4];
            text.extend_from_slice(c.encode_utf8(&mut utf8).as_bytes());
            utf8.zeroize();
        }
        Some(Self::new(std::mem::take(&mut *text)))
    }

    /// The bytes that base64 text stands for; `None` when it is not canonical base64.
    pub(crate) fn base64_decoded(&self) -> Option<Self> {
        let text = self.expose();
        let padding = text.iter().rev().take_while(|&&byte| byte == b'=').count();
        let digits = &text[..text.len() - padding];
        let mut bytes = Zeroizing::new(Vec::with_capacity(text.len() / 4 * 3));
        for chunk in digits.chunks(4) {
            let mut group = 0;
            for byte in chunk {
                let value = DIGITS.iter().position(|digit| digit == byte)?;
                group = group << 6 | value as u32;
            }
            let missing = 4 - chunk.len();
            group <<= 6 * missing;
            let [_, whole @ ..] = group.to_be_bytes();
            bytes.extend_from_slice(&whole[..3usize.checked_sub(missing)?]);
        }
        // With its padding, and no more of it than there has to be.
        let is_canonical = base64(&bytes).as_slice() == text;
        is_canonical.then(|| Self::new(std::mem::take(&mut *bytes)))
    }
}

/// The character that follows a backslash.
fn unescaped(rest: &mut std::str::Chars<'_>) -> Option<char> {
    Some(match rest.next()? {
        c @ ('"' | '\\' | '/') => c,
        'b' => '\x08',
        'f' => '\x0c',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'u' => match code_unit(rest)? {
            high @ 0xd800..=0xdbff => {
                let pair = rest.as_str().strip_prefix("\\u")?;
                *rest = pair.chars();
                let low = code_unit(rest).filter(|unit| (0xdc00..=0xdfff).contains(unit))?;
                char::from_u32(0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00))?
            }
            unit => char::from_u32(unit)?,
        },
        _ => return None,
    })
}

fn code_unit(rest: &mut std::str::Chars<'_>) -> Option<u32> {
    let mut unit = 0;
    for _ in 0..4 {
        unit = unit << 4 | rest.next()?.to_digit(16)?;
    }
    Some(unit)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn base64_is_the_standard_one() {
        for (bytes, text) in [
            (&b""[..], ""),
            (b"f", "Zg=="),
            (b"fo", "Zm8="),
            (b"foo", "Zm9v"),
            (b"\xff\xfe\xfd", "//79"),
        ] {
            assert_eq!(base64(bytes).as_slice(), text.as_bytes());
        }
        for bad in [
            "Z", "Zg", "Zg=", "Zh==", "Zg==Zg==", "Z===", "====", "Zm 9", "-_79",
        ] {
            let text = Secret::new(bad.as_bytes().to_vec());
            assert!(text.base64_decoded().is_none(), "{bad:?}");
        }
    }

    #[test]
    fn json_strings_of_others_are_read() {
        for (quoted, text) in [
            (r#""\u0041\/\b\f\u00e9""#, "A/\x08\x0cé"),
            (r#""\ud83d\udd11""#, "🔑"),
            (r#""\n\r\t""#, "\n\r\t"),
            ("\"鍵\"", "鍵"),
        ] {
            let read = Secret::from_json_string(quoted).expect("a string");
            assert_eq!(read.expose(), text.as_bytes());
        }
        for bad in [
            "",
            "\"",
            "12",
            "null",
            r#""\ud83d""#,
            r#""\udd11""#,
            r#""\ud83d\u0041""#,
            r#""\x""#,
            r#""\u00""#,
            "\"a\"b\"",
            "\"a\nb\"",
        ] {
            assert!(Secret::from_json_string(bad).is_none(), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn json_strings_read_back(text: String) {
            let quoted = json_string(text.as_bytes());
            prop_assert_eq!(serde_json::from_slice::<String>(&quoted).ok(), Some(text.clone()));
            prop_assert!(!quoted.iter().any(u8::is_ascii_control));
            let quoted = str::from_utf8(&quoted).expect("text");
            let read = Secret::from_json_string(quoted).expect("a string");
            prop_assert_eq!(read.expose(), text.as_bytes());
            let other = serde_json::to_string(&text).expect("a string");
            let read = Secret::from_json_string(&other).expect("a string");
            prop_assert_eq!(read.expose(), text.as_bytes());
        }

        #[test]
        fn base64_reads_back(bytes: Vec<u8>) {
            let text = Secret::new(base64(&bytes).to_vec());
            let read = text.base64_decoded().expect("canonical");
            prop_assert_eq!(read.expose(), bytes.as_slice());
        }
    }
}
