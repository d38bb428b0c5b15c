//! What makes foreign text harmless on a terminal.

use std::borrow::Cow;

/// Shows control, bidirectional and zero-width characters as `\u{..}`, so that no name can draw on the screen.
pub(crate) fn escape(text: &str) -> Cow<'_, str> {
    escape_but(text, |_| false)
}

/// The same, and line feeds stay: for text of several lines.
pub(crate) fn escape_lines(text: &str) -> Cow<'_, str> {
    escape_but(text, |c| c == '\n')
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
            '\u{61c}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e007f}'
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
            ("a\nb\tc", "a\\u{a}b\\u{9}c"),
            ("鍵 é 🔑", "鍵 é 🔑"),
        ] {
            assert_eq!(escape(raw), shown);
        }
        assert_eq!(escape_lines("a\nb\r"), "a\nb\\u{d}");
    }

    proptest! {
        #[test]
        fn escaped_text_has_no_control_characters(text: String) {
            prop_assert!(!escape(&text).contains(is_harmful));
        }
    }
}
