//! What is kept of the request that a use was answered to: little, visible, and no secret.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::key::{has_secret, hide_secrets};

/// Longest beginning of a text that is looked at, in bytes.
const READ: usize = 2048;

/// A request as somebody sent it. Nothing of it is believed.
#[derive(Clone, Copy, Debug, Default)]
pub struct RequestText<'a> {
    pub method: Option<&'a str>,
    /// With or without its query and fragment.
    pub path: Option<&'a str>,
    /// The address that it came from.
    pub client: Option<&'a str>,
    /// What it is called in the caller's own logs.
    pub id: Option<&'a str>,
}

/// A request as an event keeps it: visible characters of ASCII, and `…` in the place of what looks like a secret. Field
/// names are part of the activity file's format.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct UseRequest {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    method: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    path: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    client: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    id: Option<String>,
}

impl UseRequest {
    /// Longest client that is kept, in bytes.
    pub const CLIENT: usize = 64;
    /// Longest id that is kept, in bytes.
    pub const ID: usize = 64;
    /// Longest method that is kept, in bytes.
    pub const METHOD: usize = 16;
    /// Longest path that is kept, in bytes.
    pub const PATH: usize = 256;

    /// What is kept of a request; `None` where nothing is said of it. What is too long is cut off, the query and the fragment
    /// of the path are dropped, and what looks like a token, a recovery code or a provider's key is `…`, as in errors.
    pub fn new(text: RequestText<'_>) -> Option<Self> {
        let path = text.path.and_then(|path| path.split(['?', '#']).next());
        let request = Self {
            method: kept(text.method, Self::METHOD),
            path: kept(path, Self::PATH),
            client: kept(text.client, Self::CLIENT),
            id: kept(text.id, Self::ID),
        };
        let said = [&request.method, &request.path, &request.client, &request.id];
        let is_empty = said.iter().all(|field| field.is_none());
        (!is_empty).then_some(request)
    }

    /// Such as `GET`.
    pub fn method(&self) -> Option<&str> {
        self.method.as_deref()
    }

    /// Without query and fragment.
    pub fn path(&self) -> Option<&str> {
        self.path.as_deref()
    }

    /// The address that it came from.
    pub fn client(&self) -> Option<&str> {
        self.client.as_deref()
    }

    /// What it is called in the caller's own logs.
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }
}

fn kept(text: Option<&str>, limit: usize) -> Option<String> {
    let text = text?;
    let mut read = cut(text, READ);
    if read.len() < text.len() {
        // A secret of which a part is cut off would not be known for one.
        read = read.trim_end_matches(|c: char| c.is_ascii_alphanumeric() || "-._%".contains(c));
    }
    let mut safe = without_secrets(read);
    safe.truncate(cut(&safe, limit).len());
    (!safe.is_empty()).then_some(safe)
}

/// With `%5F` and the like as what they stand for, where a secret would hide behind them.
fn without_secrets(text: &str) -> String {
    if text.contains('%') {
        let decoded = decoded(text);
        let decoded = visible(&decoded);
        if has_secret(&decoded) {
            return hide_secrets(&decoded);
        }
    }
    let visible = visible(text);
    match has_secret(&visible) {
        true => hide_secrets(&visible),
        false => visible.into_owned(),
    }
}

/// With all but visible ASCII as `\u{..}`.
fn visible(text: &str) -> Cow<'_, str> {
    let is_visible = |c: char| matches!(c, ' '..='~');
    if text.chars().all(is_visible) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() * 2);
    for c in text.chars() {
        if is_visible(c) {
            safe.push(c);
        } else {
            safe.extend(c.escape_unicode());
        }
    }
    Cow::Owned(safe)
}

/// With what is percent-encoded (RFC 3986, section 2.1) decoded once.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let digits = tail.first_chunk::<2>().filter(|_| first == b'%');
        let byte = digits.and_then(|[high, low]| Some((hex(*high)? << 4) | hex(*low)?));
        bytes.push(byte.unwrap_or(first));
        rest = if byte.is_some() { &tail[2..] } else { tail };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn hex(digit: u8) -> Option<u8> {
    let value = char::from(digit).to_digit(16)?;
    u8::try_from(value).ok()
}

/// At most so many bytes of it, in whole characters.
fn cut(text: &str, limit: usize) -> &str {
    &text[..text.floor_char_boundary(limit)]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TOKEN: &str = "kwt_prod1_uQCT8H872CoB_0123456789ABCDEFGHIJKLMNOPQRSTUVabcdef";
    const ACCESS: &str =
        "kwa1_0123456789ABCDEFGHIJKLMNOPQRSTUV0123456789ABCDEFGHIJKLMNOPQRSTUVabcdef";
    const KEY: &str = "sk-proj-abcdefghijklmnop0123456789";

    fn path(text: &str) -> Option<String> {
        let text = RequestText {
            path: Some(text),
            ..RequestText::default()
        };
        UseRequest::new(text)?.path
    }

    #[test]
    fn a_path_has_no_query_and_no_fragment() {
        for (told, kept) in [
            ("/v1/charges", "/v1/charges"),
            ("/v1/charges?key=value#part", "/v1/charges"),
            ("/v1/charges#part?key=value", "/v1/charges"),
            ("/a%20b%3Fc", "/a%20b%3Fc"),
        ] {
            assert_eq!(path(told).as_deref(), Some(kept), "{told}");
        }
        assert_eq!(path(""), None);
        assert_eq!(path("?a=b"), None);
    }

    #[test]
    fn a_secret_in_a_path_is_not_kept() {
        for secret in [TOKEN, ACCESS, KEY] {
            let encoded: String = secret.bytes().map(|byte| format!("%{byte:02x}")).collect();
            let partly = secret.replace('_', "%5F").replace('-', "%2D");
            for told in [secret, &encoded, &partly] {
                let told = format!("/hooks/{told}/run");
                assert_eq!(path(&told).as_deref(), Some("/hooks/…/run"), "{told}");
            }
            // However much of it is cut off.
            for before in 0..READ {
                let told = format!("/{}/{secret}", "a/".repeat(before / 2));
                let kept = path(&told).expect("something");
                assert!(!kept.contains(&secret[..secret.len() / 2]), "{before}");
                let hidden = format!("/{KEY}").repeat(before / KEY.len());
                let kept = path(&format!("{hidden}/{secret}")).expect("something");
                assert!(!kept.contains(&secret[..12]), "{before}: {kept}");
            }
        }
    }

    #[test]
    fn no_field_keeps_a_secret_or_more_than_its_length() {
        let long = "x".repeat(4000);
        let all = |text| RequestText {
            method: Some(text),
            path: Some(text),
            client: Some(text),
            id: Some(text),
        };
        let hidden = UseRequest::new(all(TOKEN)).expect("something");
        let fields = |request: &UseRequest| {
            [&request.method, &request.path, &request.client, &request.id].map(Option::clone)
        };
        assert_eq!(
            fields(&hidden),
            [const { Some("…") }; 4].map(|it| it.map(str::to_owned))
        );
        let cut = UseRequest::new(all(&long)).map(|request| fields(&request));
        // Cut off inside a word, and that word may have been a secret.
        assert_eq!(cut, None);
        let long = "x/".repeat(2000);
        let cut = UseRequest::new(all(&long)).expect("something");
        assert_eq!(
            fields(&cut).map(|field| field.map_or(0, |field| field.len())),
            [16, 256, 64, 64]
        );
        assert_eq!(UseRequest::new(RequestText::default()), None);
    }

    #[test]
    fn what_does_not_show_is_written_out() {
        for (told, kept) in [
            ("/a\u{1b}[31m", "/a\\u{1b}[31m"),
            ("/a\nb\u{202e}c", "/a\\u{a}b\\u{202e}c"),
            ("/é", "/\\u{e9}"),
        ] {
            assert_eq!(path(told).as_deref(), Some(kept));
        }
        let long = path(&"é".repeat(300)).expect("something");
        assert!(long.len() <= 256, "{long}");
    }

    #[test]
    fn it_reads_back_and_what_is_not_told_is_not_written() {
        let request = UseRequest::new(RequestText {
            method: Some("GET"),
            client: Some("2001:db8::1"),
            ..RequestText::default()
        });
        let request = request.expect("something");
        let json = serde_json::to_string(&request).expect("plain data");
        assert_eq!(json, r#"{"method":"GET","client":"2001:db8::1"}"#);
        assert_eq!(
            serde_json::from_str::<UseRequest>(&json).ok(),
            Some(request)
        );
    }

    proptest! {
        #[test]
        fn whatever_comes_is_visible_and_short(text: String) {
            if let Some(kept) = path(&text) {
                prop_assert!(kept.len() <= UseRequest::PATH);
                prop_assert!(kept.chars().all(|c| matches!(c, ' '..='~' | '…')), "{}", kept);
            }
        }
    }
}
