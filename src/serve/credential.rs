//! Finding the one credential of a request.

use hyper::HeaderMap;
use hyper::header::{AUTHORIZATION, HeaderName};

use crate::crypto::SecretSlice;

/// What a request presents.
#[derive(Clone, Copy, Debug)]
pub(super) enum Credential<'a> {
    None,
    One(SecretSlice<'a>),
    /// Which of them counts is not for us to decide.
    Several,
}

/// The header beside `Authorization: Bearer` (RFC 6750, section 2.1) that a token may come in.
const API_KEY: HeaderName = HeaderName::from_static("x-api-key");

impl<'a> Credential<'a> {
    /// Of a request's headers. Another scheme of `Authorization` is for somebody else.
    pub(super) fn of(headers: &'a HeaderMap) -> Self {
        let bearers = headers.get_all(AUTHORIZATION).iter();
        let bearers = bearers.filter_map(|value| bearer(value.as_bytes()));
        let keys = headers.get_all(API_KEY).iter();
        let keys = keys.map(|value| value.as_bytes().trim_ascii());
        one_of(bearers.chain(keys))
    }

    /// With what a body presents, too.
    pub(super) fn and(self, body: Option<SecretSlice<'a>>) -> Self {
        match (self, body) {
            (found, None) => found,
            (Self::None, Some(body)) => Self::One(body),
            (Self::One(found), Some(body)) if found.is(body) => Self::One(found),
            _ => Self::Several,
        }
    }
}

/// One that is given twice is one.
fn one_of<'a>(mut found: impl Iterator<Item = &'a [u8]>) -> Credential<'a> {
    let Some(first) = found.next() else {
        return Credential::None;
    };
    let first = SecretSlice::new(first);
    if found.all(|other| first.is(SecretSlice::new(other))) {
        Credential::One(first)
    } else {
        Credential::Several
    }
}

/// What comes after the word, in whatever case it is.
fn bearer(value: &[u8]) -> Option<&[u8]> {
    const WORD: &[u8] = b"bearer";
    let (word, rest) = value.trim_ascii().split_at_checked(WORD.len())?;
    let is_word = rest.is_empty() || rest[0].is_ascii_whitespace();
    (word.eq_ignore_ascii_case(WORD) && is_word).then(|| rest.trim_ascii())
}

#[cfg(test)]
mod tests {
    use hyper::header::HeaderValue;

    use super::*;

    fn told(pairs: &[(&str, &str)]) -> String {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            let name: HeaderName = name.parse().expect("a name");
            headers.append(name, HeaderValue::from_str(value).expect("a value"));
        }
        match Credential::of(&headers) {
            Credential::None => "none".to_owned(),
            Credential::Several => "several".to_owned(),
            Credential::One(found) => {
                let same = |text: &&str| found.is(SecretSlice::new(text.as_bytes()));
                ["a", "b", "", "bearer"]
                    .into_iter()
                    .find(same)
                    .unwrap_or("other")
                    .to_owned()
            }
        }
    }

    #[test]
    fn there_is_one_credential_or_none_that_counts() {
        for (headers, expected) in [
            (&[][..], "none"),
            (&[("authorization", "Bearer a")], "a"),
            (&[("authorization", "  bEaReR \t a ")], "a"),
            (&[("authorization", "Bearer")], ""),
            (&[("authorization", "Bearera")], "none"),
            (&[("authorization", "Basic YTpi")], "none"),
            (&[("authorization", "a")], "none"),
            (&[("x-api-key", "a")], "a"),
            (&[("x-api-key", " a ")], "a"),
            (&[("x-api-key", "")], ""),
            (&[("authorization", "Basic YTpi"), ("x-api-key", "a")], "a"),
            (&[("authorization", "Bearer a"), ("x-api-key", "a")], "a"),
            (
                &[("authorization", "Bearer a"), ("x-api-key", "b")],
                "several",
            ),
            (
                &[("authorization", "Bearer a"), ("x-api-key", "")],
                "several",
            ),
            (
                &[("authorization", "Bearer a"), ("authorization", "Bearer b")],
                "several",
            ),
            (
                &[("authorization", "Bearer a"), ("authorization", "bearer a")],
                "a",
            ),
            (&[("x-api-key", "a"), ("x-api-key", "b")], "several"),
        ] {
            assert_eq!(told(headers), expected, "{headers:?}");
        }
    }

    #[test]
    fn a_body_may_present_the_same_one() {
        let [a, b] = [SecretSlice::new(b"a"), SecretSlice::new(b"b")];
        let one = Credential::One(a);
        assert!(matches!(Credential::None.and(None), Credential::None));
        assert!(matches!(Credential::None.and(Some(a)), Credential::One(_)));
        assert!(matches!(one.and(Some(a)), Credential::One(_)));
        assert!(matches!(one.and(Some(b)), Credential::Several));
        assert!(matches!(
            Credential::Several.and(Some(a)),
            Credential::Several
        ));
    }
}
