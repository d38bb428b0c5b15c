//! What a verdict is in HTTP: status codes, headers and bodies, as each kind of asker takes them.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};

use hyper::header::{CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use hyper::{HeaderMap, Response, StatusCode};

use super::Body;
use crate::crypto::base64;
use crate::key::Context;
use crate::vault::{Code, KnownKey, Requirements, Verdict};

/// Who asks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Asker {
    /// A program, which gets the answer as JSON.
    Api,
    /// nginx's `auth_request`: it passes on 401 and 403, and makes 500 of everything else.
    Nginx,
    /// Caddy, Traefik and APISIX pass on any refusal.
    Proxy,
    /// Envoy's `ext_authz` takes 200 alone for an allowance.
    Envoy,
}

impl Asker {
    /// The path that it asks.
    pub(super) fn path(self) -> &'static str {
        match self {
            Self::Api => "/v1/verify",
            Self::Nginx => "/auth/nginx",
            Self::Proxy => "/auth/proxy",
            Self::Envoy => "/auth/envoy",
        }
    }
}

/// What the answer to a request is, whoever asks.
#[derive(Debug)]
pub(super) enum Outcome {
    Checked(Verdict),
    /// The key's limit is reached; the seconds until it is not.
    Limited(Verdict, u64),
    /// The vault cannot be read, or the use not recorded where it has to be.
    Unavailable,
    /// The operator's question is none; the client can do nothing about it.
    BadQuestion,
}

/// The seconds after which it is worth asking again where the vault cannot be read.
const UNAVAILABLE_FOR: u64 = 1;

/// Longest name of a key in a header, in bytes.
const NAME_LIMIT: usize = 256;

const CODE: HeaderName = HeaderName::from_static("x-auth-code");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-auth-request-id");
const GENERATION: HeaderName = HeaderName::from_static("x-auth-generation");
const KEY_ID: HeaderName = HeaderName::from_static("x-auth-key-id");
const KEY_NAME: HeaderName = HeaderName::from_static("x-auth-key-name");

impl Outcome {
    /// The code as it is written.
    pub(super) fn code(&self) -> &'static str {
        match self {
            Self::Checked(verdict) => verdict.code.text(),
            Self::Limited(..) => "rate_limited",
            Self::Unavailable => "unavailable",
            Self::BadQuestion => "bad_request",
        }
    }

    fn status(&self, asker: Asker) -> StatusCode {
        let status = match self {
            Self::Checked(verdict) => match verdict.code {
                Code::Valid => StatusCode::OK,
                code if code.is_authenticated() => StatusCode::FORBIDDEN,
                _ => StatusCode::UNAUTHORIZED,
            },
            Self::Limited(..) => StatusCode::TOO_MANY_REQUESTS,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::BadQuestion => StatusCode::BAD_REQUEST,
        };
        match (asker, status) {
            (_, StatusCode::OK | StatusCode::UNAUTHORIZED) => status,
            (Asker::Nginx, _) => StatusCode::FORBIDDEN,
            _ => status,
        }
    }

    /// A challenge (RFC 6750, section 3) where there is one.
    fn challenge(&self, requirements: &Requirements) -> Option<HeaderValue> {
        const REALM: &str = "Bearer realm=\"keywright\"";
        let Self::Checked(verdict) = self else {
            return None;
        };
        let code = verdict.code.text();
        let text = match verdict.code {
            Code::Valid => return None,
            Code::Missing => return Some(HeaderValue::from_static(REALM)),
            Code::InsufficientPermission => {
                let wanted: Vec<&str> = requirements
                    .permissions
                    .iter()
                    .map(|it| it.as_str())
                    .collect();
                let wanted = wanted.join(" ");
                format!(
                    "{REALM}, error=\"insufficient_scope\", scope=\"{wanted}\", code=\"{code}\""
                )
            }
            other if other.is_authenticated() => {
                format!("{REALM}, error=\"insufficient_scope\", code=\"{code}\"")
            }
            _ => format!("{REALM}, error=\"invalid_token\", code=\"{code}\""),
        };
        HeaderValue::try_from(text).ok()
    }

    /// The whole answer without its body, which forward authentication does not have. An allowance has all identity headers,
    /// so that none that a client forged survives.
    pub(super) fn response(
        &self,
        asker: Asker,
        requirements: &Requirements,
        identity: Option<&Identity>,
        request_id: &HeaderValue,
    ) -> Response<Body> {
        let mut response = Response::new(Body::default());
        *response.status_mut() = self.status(asker);
        let headers = response.headers_mut();
        match (self, identity) {
            (Self::Checked(verdict), Some(identity)) if asker != Asker::Api => {
                *headers = identity.clone().into_headers(verdict);
            }
            _ => {
                headers.insert(CODE, HeaderValue::from_static(self.code()));
            }
        }
        headers.insert(REQUEST_ID, request_id.clone());
        if let Some(challenge) = self.challenge(requirements) {
            headers.insert(WWW_AUTHENTICATE, challenge);
        }
        let wait = match self {
            Self::Limited(_, seconds) => Some(*seconds),
            Self::Unavailable => Some(UNAVAILABLE_FOR),
            _ => None,
        };
        if let Some(seconds) = wait {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

/// A body with its type.
pub(super) fn with_body(
    mut response: Response<Body>,
    kind: &'static str,
    body: Vec<u8>,
) -> Response<Body> {
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    *response.body_mut() = Body::from(body);
    response
}

/// Who a good token is of, as headers of visible ASCII: under 4 KiB, for the limits of what a key has are checked when it is
/// written. What is each key's own is put in for each answer; the rest is the same for keys that are alike.
#[derive(Clone, Debug)]
pub(super) struct Identity(HeaderMap);

impl Identity {
    fn of(key: &KnownKey) -> Self {
        let scope = key.scope();
        let issued = key.issued();
        let permissions = issued.map(|issued| issued.granted_permissions());
        let roles: Vec<&str> = issued.map_or_else(Vec::new, |issued| {
            issued.roles.iter().map(|role| role.name.as_str()).collect()
        });
        let context = issued.map(|issued| issued.granted_context());
        let mut headers = HeaderMap::new();
        for own in [KEY_ID, KEY_NAME, GENERATION, REQUEST_ID] {
            headers.insert(own, NOTHING);
        }
        for (name, value) in [
            ("x-auth-project", percent_encoded(scope.project.as_str())),
            (
                "x-auth-environment",
                percent_encoded(scope.environment.as_str()),
            ),
            (
                "x-auth-permissions",
                permissions.map_or_else(String::new, |it| it.to_string().replace(", ", ",")),
            ),
            // Names of roles are ASCII, and all of them count.
            ("x-auth-roles", roles.join(",")),
            (
                "x-auth-context",
                context.map_or_else(String::new, |it| base64url_json(&it)),
            ),
        ] {
            headers.insert(HeaderName::from_static(name), visible(value));
        }
        Self(headers)
    }

    /// With what is the key's own.
    fn into_headers(mut self, verdict: &Verdict) -> HeaderMap {
        if let Some(key) = &verdict.key {
            let name = percent_encoded(key.name().as_str());
            self.0.insert(KEY_ID, visible(key.id().to_string()));
            self.0.insert(KEY_NAME, visible(name));
        }
        if let Some(generation) = verdict.generation {
            self.0.insert(GENERATION, HeaderValue::from(generation));
        }
        self.0
    }
}

/// Identities that were put into headers before; for as long as the vault is the same.
#[derive(Debug, Default)]
pub(super) struct Identities(Mutex<HashMap<[usize; 2], Arc<Identity>>>);

impl Identities {
    /// Most that are kept.
    const KEPT: usize = 1024;

    pub(super) fn of(&self, key: &KnownKey) -> Arc<Identity> {
        self.kept(key.likeness(), || Identity::of(key))
    }

    fn kept(&self, likeness: [usize; 2], make: impl FnOnce() -> Identity) -> Arc<Identity> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= Self::KEPT && !known.contains_key(&likeness) {
            known.clear();
        }
        let identity = known.entry(likeness).or_insert_with(|| Arc::new(make()));
        Arc::clone(identity)
    }
}

/// Stands for nothing, so that the header is there all the same.
const NOTHING: HeaderValue = HeaderValue::from_static("-");

fn visible(value: String) -> HeaderValue {
    match value.is_empty() {
        true => NOTHING,
        false => HeaderValue::try_from(value).unwrap_or(NOTHING),
    }
}

/// Percent-encoded (RFC 3986, section 2.1) but for letters, digits and `-._~,:`, and no more of it than [`NAME_LIMIT`] bytes.
fn percent_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for c in text.chars() {
        let as_it_is = c.is_ascii_alphanumeric() || "-._~,:".contains(c);
        let length = if as_it_is { 1 } else { 3 * c.len_utf8() };
        // A part of a character would be no text to who decodes it.
        if encoded.len() + length > NAME_LIMIT {
            break;
        }
        if as_it_is {
            encoded.push(c);
            continue;
        }
        for byte in c.encode_utf8(&mut [0; 4]).bytes() {
            // Writing into a text does not fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

/// JSON in base64 for URLs, without padding (RFC 4648, section 5); nothing for no pairs.
fn base64url_json(context: &Context) -> String {
    if context.is_empty() {
        return String::new();
    }
    let json = serde_json::to_vec(context).unwrap_or_default();
    let text = String::from_utf8_lossy(&base64(&json)).into_owned();
    text.trim_end_matches('=')
        .replace('+', "-")
        .replace('/', "_")
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn names_are_visible_ascii_and_short() {
        for (name, expected) in [
            ("ci", "ci"),
            ("CI/CD x", "CI%2FCD%20x"),
            ("-", "-"),
            ("100%\r\nX: y", "100%25%0D%0AX:%20y"),
            ("ключ", "%D0%BA%D0%BB%D1%8E%D1%87"),
        ] {
            assert_eq!(percent_encoded(name), expected);
        }
        let long = percent_encoded(&"ä".repeat(200));
        assert_eq!(long, "%C3%A4".repeat(NAME_LIMIT / 6));
        // Wherever its room ends, as many of its characters as there is room for.
        for before in 0..12 {
            let long = percent_encoded(&("a".repeat(before) + &"😀".repeat(200)));
            let fit = (NAME_LIMIT - before) / 12;
            assert_eq!(long, "a".repeat(before) + &"%F0%9F%98%80".repeat(fit));
        }
        assert_eq!(visible(String::new()), "-");
    }

    #[test]
    fn a_context_is_base64_for_urls() {
        let pair = |text: &str| text.parse().expect("a pair");
        let context = Context::from_pairs(&[pair("team=blue"), pair("q=??>>")]).expect("few");
        assert_eq!(
            base64url_json(&context),
            "eyJxIjoiPz8-PiIsInRlYW0iOiJibHVlIn0"
        );
        assert_eq!(base64url_json(&Context::default()), "");
    }

    #[test]
    fn identities_are_made_once_and_only_so_many_are_kept() {
        let identities = Identities::default();
        let made = Cell::new(0);
        let ask = |n: usize| {
            identities.kept([n, n], || {
                made.set(made.get() + 1);
                Identity(HeaderMap::new())
            });
            made.get()
        };
        for n in 0..Identities::KEPT {
            assert_eq!((ask(n), ask(0)), (n + 1, n + 1));
        }
        // With one more than there may be, all begin anew.
        assert_eq!(ask(Identities::KEPT - 1), Identities::KEPT);
        assert_eq!(ask(Identities::KEPT), Identities::KEPT + 1);
        assert_eq!(ask(Identities::KEPT - 1), Identities::KEPT + 2);
    }
}
