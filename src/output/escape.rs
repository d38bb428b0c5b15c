//! What makes foreign text harmless on a terminal.

use std::borrow::Cow;

/// Shows control, bidirectional, zero-width and other invisible characters as `\u{..}`, so that no name can draw on the screen.
pub(crate) fn escape(text: &str) -> Cow<'_, str> {
    escape_but(text, |_| false)
}

/// The same, and line feeds stay: for text of several lines.
pub(crate) fn escape_lines(text: &str) -> Cow<'_, str> {
    escape_but(text, |c| c == '\n')
}

/// The same JSON (RFC 8259, section 7) with such characters, which can only be in its strings, as `\\u` escapes.
pub(super) fn escape_json(json: &str) -> Cow<'_, str> {
    if !json.contains(is_harmful) {
        return Cow::Borrowed(json);
    }
    let mut safe = String::with_capacity(json.len() + 16);
    for c in json.chars() {
        if is_harmful(c) {
            let units = c.encode_utf16(&mut [0; 2]).to_vec();
            safe.extend(units.iter().map(|unit| format!("\\u{unit:04x}")));
        } else {
            safe.push(c);
        }
    }
    Cow::Owned(safe)
}

fn escape_but(text: &str, keep: impl Fn(char) -> bool) -> Cow<'_, str> {
    if text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
        return Cow::Borrowed(text);
    }
    let harmful = |c: char| is_harmful(c) && !keep(c);
    if !text.contains(harmful) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if harmful(c) {
            safe.extend(c.escape_unicode())
        } else {
            safe.push(c)
        }
    }
    Cow::Owned(safe)
}

fn is_harmful(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{ad}'
                | '\u{34f}'
                | '\u{61c}'
                | '\u{115f}'..='\u{1160}'
                | '\u{17b4}'..='\u{17b5}'
                | '\u{180b}'..='\u{180f}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{2800}'
                | '\u{3164}'
                | '\u{fe00}'..='\u{fe0f}'
                | '\u{feff}'
                | '\u{ffa0}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{1d173}'..='\u{1d17a}'
                | '\u{e0000}'..='\u{e007f}'
                | '\u{e0100}'..='\u{e01ef}'
        )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn nothing_that_draws_comes_through() {
        for (raw, shown) in [
            ("plain name", "plain name"),
            ("\u{1b}[31m", "\\u{1b}[31m"),
            ("a\u{9b}b", "a\\u{9b}b"),
            ("a\u{202e}b", "a\\u{202e}b"),
            ("a\u{200d}b", "a\\u{200d}b"),
            ("a\u{fe0f}b", "a\\u{fe0f}b"),
            ("a\u{e0100}b", "a\\u{e0100}b"),
            ("a\u{2800}b", "a\\u{2800}b"),
            ("a\nb\tc", "a\\u{a}b\\u{9}c"),
            ("鍵 é 🔑", "鍵 é 🔑"),
        ] {
            assert_eq!(escape(raw), shown);
        }
        assert_eq!(escape_lines("a\nb\r"), "a\nb\\u{d}");
    }

    #[test]
    fn nothing_in_json_draws_either() {
        let json = serde_json::to_string("a\u{202e}\u{9b}\u{e0041}\u{1b}é").expect("a string");
        assert_eq!(escape_json(&json), r#""a\u202e\u009b\udb40\udc41\u001bé""#);
        assert!(matches!(escape_json("{\"a\":1}"), Cow::Borrowed(_)));
    }

    /// What `\u{..}` stands for.
    fn unescaped(text: &str) -> String {
        let mut parts = text.split("\\u{");
        let mut whole = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let (digits, rest) = part.split_once('}').expect("closed");
            let number = u32::from_str_radix(digits, 16).expect("hexadecimal");
            whole.push(char::from_u32(number).expect("a character"));
            whole.push_str(rest);
        }
        whole
    }

    proptest! {
        #[test]
        fn escaped_json_is_the_same_and_has_no_control_characters(text: String) {
            let json = serde_json::to_string(&text).expect("a string");
            let escaped = escape_json(&json);
            prop_assert!(!escaped.contains(is_harmful));
            prop_assert_eq!(serde_json::from_str::<String>(&escaped).ok(), Some(text));
        }

        #[test]
        fn escaped_text_has_no_control_characters(text: String) {
            prop_assert!(!escape(&text).contains(is_harmful));
        }

        /// Of a text without backslashes, which are left as they are.
        #[test]
        fn nothing_is_lost_by_escaping(text in "([^\\\\]|[ -\\[]|\\p{C}){0,20}") {
            prop_assert_eq!(unescaped(&escape(&text)), text.clone());
            prop_assert_eq!(unescaped(&escape_lines(&text)), text);
        }
    }
}
