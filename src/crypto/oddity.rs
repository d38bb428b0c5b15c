//! What a new value looks like, where that is not like a key of its provider. Only kinds leave this file, never a part
//! of the value, and no copy of it is made.

use super::{Presented, SecretSlice, SecretValue};
use crate::key::{Provider, WellKnown};

/// Why a value is likely not what was meant to be stored.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Oddity {
    /// A whole token that keywright issued.
    IssuedToken,
    /// It begins as only this other provider's keys do.
    OtherProvider(&'static str),
    /// What documentation puts where a key belongs, or a masked key.
    Placeholder,
    /// White space, or what draws nothing, at an end.
    WhiteSpace,
}

/// Shortest value whose beginning says whose it is, in bytes.
const TELLING_LENGTH: usize = 20;

/// Words that stand for a key, in lower case; `-` and white space count as `_`.
const PLACEHOLDERS: &[&str] = &[
    "api_key",
    "apikey",
    "change_me",
    "changeme",
    "dummy",
    "example",
    "fixme",
    "insert_api_key_here",
    "insert_key_here",
    "my_api_key",
    "my_key",
    "my_secret",
    "none",
    "null",
    "password",
    "placeholder",
    "redacted",
    "replace_me",
    "replaceme",
    "secret",
    "tbd",
    "todo",
    "undefined",
    "your_api_key",
    "your_api_key_here",
    "your_key",
    "your_key_here",
    "your_secret",
    "your_secret_here",
    "your_secret_key",
    "your_token",
    "your_token_here",
    "yourapikey",
];

impl SecretValue {
    /// What is odd about it as a new value of a key of these providers, each kind once. Nothing of it is certain.
    pub fn oddities(&self, providers: &[Provider]) -> Vec<Oddity> {
        let bytes = self.expose();
        let text = str::from_utf8(bytes).ok();
        let inner = text.map_or(bytes, |text| text.trim_matches(is_blank).as_bytes());
        let is_token = Presented::read(SecretSlice(bytes)).is_ok();
        let is_stand_in = text.is_some_and(|text| is_placeholder(text.trim_matches(is_blank)));
        let other = other_provider(inner, providers).map(Oddity::OtherProvider);
        [
            is_token.then_some(Oddity::IssuedToken),
            other,
            is_stand_in.then_some(Oddity::Placeholder),
            has_blank_ends(bytes).then_some(Oddity::WhiteSpace),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

/// The provider that such a key is of, where all that it should be of are well known and it is none of them.
fn other_provider(value: &[u8], providers: &[Provider]) -> Option<&'static str> {
    let known = WellKnown::of_key(value).filter(|_| value.len() >= TELLING_LENGTH)?;
    let is_other = |provider: &Provider| {
        provider.as_str() != known.provider && WellKnown::named(provider.as_str()).is_some()
    };
    (!providers.is_empty() && providers.iter().all(is_other)).then_some(known.provider)
}

/// White space, or a character that no terminal shows: a byte order mark, a space without width.
fn is_blank(c: char) -> bool {
    c.is_whitespace() || matches!(c, '\u{200b}'..='\u{200d}' | '\u{2060}' | '\u{feff}')
}

/// Whether an end is blank. The last line end of several lines belongs there: a PEM file has one.
fn has_blank_ends(bytes: &[u8]) -> bool {
    let body = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    let body = body.strip_suffix(b"\r").unwrap_or(body);
    let bytes = if body.contains(&b'\n') { body } else { bytes };
    match str::from_utf8(bytes) {
        Ok(text) => text.starts_with(is_blank) || text.ends_with(is_blank),
        Err(_) => bytes.trim_ascii().len() != bytes.len(),
    }
}

fn is_placeholder(text: &str) -> bool {
    PLACEHOLDERS.iter().any(|word| is_word(text, word))
        || is_one_character(text)
        || is_crossed_out(text)
        || is_cut(text)
        || is_slot(text)
}

/// Whether it is this word, in whatever case and however its parts are joined.
fn is_word(text: &str, word: &str) -> bool {
    let joined = |byte: u8| match byte {
        b'-' | b' ' => b'_',
        other => other.to_ascii_lowercase(),
    };
    text.bytes().map(joined).eq(word.bytes())
}

/// The same character three times or more, and nothing else.
fn is_one_character(text: &str) -> bool {
    let first = text.chars().next();
    text.chars().nth(2).is_some() && text.chars().all(|c| Some(c) == first)
}

/// A beginning that is shown, and only `x` or `*` from there on: `sk-xxxx`.
fn is_crossed_out(text: &str) -> bool {
    let tail = text.rsplit(['-', '_', '.']).next().unwrap_or(text);
    tail.len() >= 3 && (tail.bytes().all(|b| b == b'*') || tail.bytes().all(|b| b | 32 == b'x'))
}

/// Dots where more should be, or those of a masked value.
fn is_cut(text: &str) -> bool {
    text.ends_with("...") || text.ends_with('…') || text.contains("••")
}

/// A place that a template fills in: `<…>`, `${…}`, `{{…}}`.
fn is_slot(text: &str) -> bool {
    [("<", ">"), ("${", "}"), ("{{", "}}")]
        .iter()
        .any(|(open, close)| {
            let inside = text
                .strip_prefix(open)
                .and_then(|rest| rest.strip_suffix(close));
            inside.is_some_and(|inside| !inside.contains(['<', '>', '{', '}', '\n']))
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::{Secret, Token, mint_key_id};
    use crate::key::{Brand, WELL_KNOWN};

    fn oddities(value: &[u8], providers: &[&str]) -> Vec<Oddity> {
        let providers: Vec<Provider> = providers
            .iter()
            .map(|provider| provider.parse().expect("valid"))
            .collect();
        let value = SecretValue::new(Secret::new(value.to_vec())).expect("valid");
        value.oddities(&providers)
    }

    #[test]
    fn what_documentation_writes_is_a_placeholder() {
        for placeholder in [
            "changeme",
            "CHANGE_ME",
            "Change-Me",
            "your api key",
            "your-api-key",
            "YOUR_API_KEY_HERE",
            "TODO",
            "example",
            "placeholder",
            "Secret",
            "password",
            "xxx",
            "XXXXXXXXXXXX",
            "***",
            "0000000000",
            "••••",
            "sk-...",
            "sk-proj-…",
            "sk-••••def",
            "sk-xxxxxxxxxxxx",
            "ghp_XXXXxxxx",
            "sk_test_****",
            "<your key>",
            "<KEY>",
            "${OPENAI_API_KEY}",
            "{{ secrets.KEY }}",
        ] {
            assert_eq!(
                oddities(placeholder.as_bytes(), &[]),
                [Oddity::Placeholder],
                "{placeholder}"
            );
        }
    }

    #[test]
    fn a_whole_value_is_looked_at_and_no_part_of_it() {
        for plain in [
            "a",
            "aa",
            "my secret is long",
            "secret-7f3a91c5",
            "example.com:hunter2",
            "sk-0123456789abcdef",
            "not...cut",
            "axx",
            "sk-prefixx",
            "<a>b</a>",
            "${A}${B}",
            "{\"key\": \"value\"}",
            "p@ss{{word",
            "xx",
            "x*x",
        ] {
            assert_eq!(oddities(plain.as_bytes(), &[]), [], "{plain}");
        }
        assert_eq!(oddities(&[0xff; 40], &["openai"]), []);
    }

    #[test]
    fn blank_ends_are_noticed_and_a_last_line_end_of_many_is_not() {
        for blank in [
            " key",
            "key ",
            "key\t",
            "key\n",
            "key\r\n",
            "\nkey",
            "\u{feff}key",
            "key\u{a0}",
            "key\u{200b}",
            "a\nb \n",
            "a\nb\n\n",
            " ",
            "\n",
        ] {
            assert_eq!(
                oddities(blank.as_bytes(), &[]),
                [Oddity::WhiteSpace],
                "{blank:?}"
            );
        }
        assert_eq!(oddities(b"\xff \xff\t", &[]), [Oddity::WhiteSpace]);
        for plain in ["a b", "a\nb", "a\nb\n", "a\r\nb\r\n", "-----\nkey\n-----\n"] {
            assert_eq!(oddities(plain.as_bytes(), &[]), [], "{plain:?}");
        }
    }

    #[test]
    fn another_provider_is_told_by_its_beginning() {
        let anthropic = b"sk-ant-api03-7f3a91c55e20bd84";
        let other = Oddity::OtherProvider("anthropic");
        assert_eq!(oddities(anthropic, &["openai"]), [other]);
        assert_eq!(oddities(anthropic, &["openai", "mistral"]), [other]);
        // Its own, one of its own, nobody's, and one of which nothing is known.
        assert_eq!(oddities(anthropic, &["anthropic"]), []);
        assert_eq!(oddities(anthropic, &["openai", "anthropic"]), []);
        assert_eq!(oddities(anthropic, &[]), []);
        assert_eq!(oddities(anthropic, &["acme"]), []);
        assert_eq!(oddities(anthropic, &["openai", "acme"]), []);
        // Too short to be a key of theirs, and a beginning that several share.
        assert_eq!(oddities(b"sk-ant-7f3a91c55e20", &["openai"]), []);
        assert_eq!(oddities(b"sk-7f3a91c55e20bd840123", &["anthropic"]), []);
        assert_eq!(
            oddities(b" sk-ant-api03-7f3a91c55e20bd84", &["openai"]),
            [other, Oddity::WhiteSpace]
        );
    }

    #[test]
    fn every_prefix_is_told_from_every_other_provider() {
        for known in WELL_KNOWN {
            for prefix in known.prefixes {
                let value = format!("{prefix}7f3a91c55e20bd840d6b82e7");
                for other in WELL_KNOWN {
                    let expected =
                        (other != known).then_some(Oddity::OtherProvider(known.provider));
                    assert_eq!(
                        oddities(value.as_bytes(), &[other.provider]),
                        Vec::from_iter(expected),
                        "{value} of {}",
                        other.provider
                    );
                }
            }
        }
    }

    #[test]
    fn a_token_of_an_issued_key_is_noticed_when_it_is_whole() {
        let id = mint_key_id().expect("randomness");
        let environment = "production".parse().expect("valid");
        let token = Token::mint(&Brand::default(), &environment, id).expect("randomness");
        let mut text = token.expose().to_vec();
        assert_eq!(oddities(&text, &["openai"]), [Oddity::IssuedToken]);
        let last = text.last_mut().expect("not empty");
        *last = if *last == b'a' { b'b' } else { b'a' };
        assert_eq!(oddities(&text, &["openai"]), []);
    }
}
