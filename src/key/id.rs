//! Random identifiers. None of them is secret.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{KeyName, ParseError, WellKnown};

/// The 62 characters of ids and tokens, in the order of their digits' values.
pub(crate) const BASE62: &[u8; 62] =
    b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

macro_rules! sixteen_bytes {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        pub struct $name(pub [u8; 16]);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }
    };
}

sixteen_bytes! {
    /// A vault's identity for life, 16 random bytes, shown as 32 hexadecimal digits.
    VaultId
}
sixteen_bytes! {
    /// A scope's row, 16 random bytes; all zero is the vault's own scope.
    ScopeId
}
sixteen_bytes! {
    /// A slot's row, 16 random bytes.
    SlotId
}

impl ScopeId {
    /// The vault's own scope: slot labels, roles, settings.
    pub const OWN: Self = Self([0; 16]);
}

/// A key's public identity for life: 12 base62 characters, the middle part of a token.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct KeyId([u8; Self::LEN]);

impl KeyId {
    /// Characters in an id.
    pub const LEN: usize = 12;

    /// The characters, all ASCII.
    pub fn as_bytes(&self) -> &[u8; Self::LEN] {
        &self.0
    }

    /// The characters as text.
    pub fn as_str(&self) -> &str {
        str::from_utf8(&self.0).expect("base62 is ASCII")
    }
}

impl TryFrom<&[u8]> for KeyId {
    type Error = ParseError;

    fn try_from(bytes: &[u8]) -> Result<Self, ParseError> {
        <[u8; Self::LEN]>::try_from(bytes)
            .ok()
            .filter(|id| id.iter().all(u8::is_ascii_alphanumeric))
            .map(Self)
            .ok_or_else(|| ParseError::new("a key id is 12 letters and digits"))
    }
}

impl TryFrom<String> for KeyId {
    type Error = ParseError;

    fn try_from(text: String) -> Result<Self, ParseError> {
        text.parse()
    }
}

impl From<KeyId> for String {
    fn from(id: KeyId) -> Self {
        id.to_string()
    }
}

impl FromStr for KeyId {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        text.as_bytes().try_into()
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How a person points at a key: by name, by key id, or by the whole masked token that a table shows.
///
/// A text that could be an id is a name first: ids are random, names are chosen, so a clash is somebody's wish.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct KeyRef {
    /// The text as a name, if it can be one.
    pub name: Option<KeyName>,
    /// The text as an id, or the id in a displayed token.
    pub id: Option<KeyId>,
    text: String,
}

impl FromStr for KeyRef {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        refuse_token(text)?;
        if let Some((id, _masked)) = masked_token(text) {
            return Ok(Self {
                name: None,
                id: Some(id),
                text: id.to_string(),
            });
        }
        let name: KeyName = text.parse()?;
        Ok(Self {
            text: name.to_string(),
            name: Some(name),
            id: text.parse().ok(),
        })
    }
}

impl From<KeyName> for KeyRef {
    fn from(name: KeyName) -> Self {
        Self {
            text: name.to_string(),
            id: None,
            name: Some(name),
        }
    }
}

/// The id and the last part of `brand_prod1_uQCT8H872CoB_••••`.
fn masked_token(text: &str) -> Option<(KeyId, &str)> {
    let mut parts = text.split('_');
    let (brand, environment) = (parts.next()?, parts.next()?);
    let (id, secret) = (parts.next()?, parts.next()?);
    let shaped = !brand.is_empty() && matches!(environment, "dev1" | "env1" | "prod1" | "stg1");
    (shaped && parts.next().is_none()).then_some(())?;
    Some((id.parse().ok()?, secret))
}

/// The key id in a whole token: a masked one has no secret part.
fn token_id(text: &str) -> Option<KeyId> {
    let (id, secret) = masked_token(text)?;
    let whole = secret.len() > 6 && secret.bytes().all(|b| b.is_ascii_alphanumeric());
    whole.then_some(id)
}

/// Refuses a whole token where a name, a text to search for or a reference is expected.
pub(super) fn refuse_token(text: &str) -> Result<(), ParseError> {
    match token_id(text) {
        None if has_access_token(text) => Err(ParseError::new(
            "this is an access token, which does not belong on a command line",
        )),
        None => Ok(()),
        Some(id) => Err(ParseError::new(format!(
            "this is a whole token, which does not belong on a command line; use its key id `{id}`"
        ))),
    }
}

/// Puts `…` in the place of every whole token, every access token, every recovery code and every key of a well-known
/// provider in a text, so that no error repeats one.
pub(crate) fn hide_secrets(text: &str) -> String {
    SECRETS.iter().fold(text.to_owned(), |text, secret| {
        let shown = |(word, rest)| [if secret.is(word) { "…" } else { word }, rest];
        secret.words(&text).flat_map(shown).collect()
    })
}

/// Whether [`hide_secrets`] would find something.
pub(crate) fn has_secret(text: &str) -> bool {
    text.len() >= SHORTEST_SECRET
        && SECRETS
            .iter()
            .any(|secret| secret.words(text).any(|(word, _)| secret.is(word)))
}

/// Fewest bytes of a word that is a secret: a provider's key has three at its beginning and a run of sixteen.
const SHORTEST_SECRET: usize = 19;

/// A kind of secret that has no business in a text.
struct SecretWord {
    /// What its words are made of beside letters and digits.
    others: &'static str,
    is_secret: fn(&str) -> bool,
}

const SECRETS: &[SecretWord] = &[
    SecretWord {
        others: "_",
        is_secret: |word| token_id(word).is_some() || has_access_token(word),
    },
    SecretWord {
        others: "-",
        is_secret: is_recovery_code,
    },
    SecretWord {
        others: "-._",
        is_secret: WellKnown::is_key,
    },
];

impl SecretWord {
    fn is(&self, word: &str) -> bool {
        word.len() >= SHORTEST_SECRET && (self.is_secret)(word)
    }

    /// Each word with what stands between it and the next.
    fn words<'a>(&self, text: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        let others = self.others;
        let ends = move |c: char| !(c.is_ascii_alphanumeric() || others.contains(c));
        text.split_inclusive(ends).map(move |piece| {
            let end = piece.find(ends).unwrap_or(piece.len());
            piece.split_at(end)
        })
    }
}

/// Whether an access token is in a word, or the greater part of one: whole or not, what it begins with tells it.
fn has_access_token(word: &str) -> bool {
    let at = word.to_ascii_lowercase().find("kwa1_");
    at.is_some_and(|at| word.len() - at > 20)
}

/// Whether a word is a recovery code, or one with a slip in it: `kwr1` (I and L count as 1) and most of the rest, or nine
/// groups of four.
fn is_recovery_code(word: &str) -> bool {
    let digits = word.bytes().filter(|byte| *byte != b'-').count();
    let begun = word.get(..4).is_some_and(|start| {
        ["kwr1", "kwri", "kwrl"]
            .iter()
            .any(|begin| start.eq_ignore_ascii_case(begin))
    });
    let mut groups = word.split('-');
    (begun && digits >= 20) || (groups.clone().count() == 9 && groups.all(|group| group.len() == 4))
}

impl fmt::Display for KeyRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reference_reads_names_ids_and_displayed_tokens() {
        let parse = |text: &str| text.parse::<KeyRef>().expect("valid");
        assert_eq!(parse("CI/CD integration").id, None);
        assert!(parse("uQCT8H872CoB").name.is_some() && parse("uQCT8H872CoB").id.is_some());
        let shown = parse("kwt_prod1_uQCT8H872CoB_••••");
        assert_eq!(shown.id, "uQCT8H872CoB".parse().ok());
        assert_eq!(shown.to_string(), "uQCT8H872CoB");
        assert_eq!(parse("MY_API").id, None);
        let whole = format!("kwt_prod1_uQCT8H872CoB_{}", "a".repeat(38));
        let refusal = whole.parse::<KeyRef>().expect_err("a secret").to_string();
        assert!(
            refusal.contains("uQCT8H872CoB") && !refusal.contains("aaa"),
            "{refusal}"
        );
        assert_eq!(parse("a_b_uQCT8H872CoB").id, None);
        for other in [
            "kwt_test1_uQCT8H872CoB_••••",
            "_prod1_uQCT8H872CoB_••••",
            "kwt_prod1_uQCT8H872CoB_••••_",
            "kwt_prod1_uQCT8H872CoB",
        ] {
            assert_eq!(other.parse::<KeyRef>().ok().and_then(|it| it.id), None);
        }
        assert_eq!(
            hide_secrets(&format!(
                "a `{whole}`: {whole}, kwt_prod1_uQCT8H872CoB_••••"
            )),
            "a `…`: …, kwt_prod1_uQCT8H872CoB_••••"
        );
    }

    #[test]
    fn a_long_text_without_a_secret_has_none() {
        assert!(!has_secret("the key of the invoices, for the nightly job"));
    }

    #[test]
    fn the_greater_part_of_an_access_token_is_one() {
        for before in ["", "x", "TOKEN_"] {
            let cut = |length: usize| format!("{before}kwa1_{}", "A".repeat(length));
            assert!(!has_access_token(&cut(15)), "{before}");
            assert!(has_access_token(&cut(16)), "{before}");
            assert!(refuse_token(&cut(15)).is_ok() && refuse_token(&cut(16)).is_err());
        }
    }

    #[test]
    fn a_token_is_whole_with_seven_characters_of_its_secret() {
        let with = |secret: &str| token_id(&format!("acme_dev1_uQCT8H872CoB_{secret}"));
        assert!(with("abcdefg").is_some() && with("Abc123z").is_some());
        for masked in ["", "abcdef", "abc-defg", "••••••••"] {
            assert_eq!(with(masked), None, "{masked}");
        }
    }

    #[test]
    fn the_shortest_secret_is_hidden() {
        let key = "sk-0123456789abcdef";
        assert_eq!(key.len(), SHORTEST_SECRET);
        assert!(has_secret(key) && has_secret(&format!("a={key}")));
        assert_eq!(hide_secrets(&format!("a={key}/b")), "a=…/b");
        assert!(!has_secret(&key[..SHORTEST_SECRET - 1]));
    }

    #[test]
    fn an_access_token_is_hidden_whole_or_not() {
        let token = format!("kwa1_{}", "Ab3".repeat(24));
        for typed in [
            &token,
            &token[..75],
            &token[..30],
            &token.to_lowercase(),
            &token.to_uppercase(),
            &format!("ACCESS_{token}"),
            &format!("{token}0"),
        ] {
            let told = hide_secrets(&format!("no file `/a/{typed}`: none"));
            assert_eq!(told, "no file `/a/…`: none", "{typed}");
        }
        let two = format!("x={token} {token}");
        assert_eq!(hide_secrets(&two), "x=… …");
        for harmless in ["kwa1_", "kwa1_…", "kwa1_deploy", "kwa1"] {
            assert_eq!(hide_secrets(harmless), harmless);
        }
    }

    #[test]
    fn a_recovery_code_is_hidden_however_it_is_typed() {
        let code = "kwr1-0123-4567-89AB-CDEF-GHJK-MNPQ-RSTV-WXYZ-0A1B";
        for typed in [
            code,
            &code.to_lowercase(),
            &code.replace('-', ""),
            &code.replace('1', "l"),
            &code.replace('1', "I"),
            &code["kwr1-".len()..],
            &code[..code.len() - 1],
            &code[..30],
        ] {
            let told = hide_secrets(&format!("no file `{typed}`: none"));
            assert_eq!(told, "no file `…`: none", "{typed}");
        }
        for harmless in [
            "kwr1",
            "kwr1-backup-notes",
            "5f0e1b52-9a55-4f5e-8a4f-4a7b1f6f2c11",
            "this-name-just-uses-many-four-char",
        ] {
            assert_eq!(hide_secrets(harmless), harmless);
        }
    }
}
