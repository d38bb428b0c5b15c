//! Requests that nobody would send who means well, over real connections.

use std::sync::LazyLock;
use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::fuzz::Served;

/// How long an answer may take to a request that has come whole: only one that has not waits for it.
const PATIENCE: Duration = Duration::from_secs(2);

/// A server with one good key, for all cases.
static SERVED: LazyLock<(Served, tempfile::TempDir)> = LazyLock::new(|| {
    let folder = tempfile::tempdir().expect("a folder");
    (Served::new(folder.path()), folder)
});

/// All that is answered to these bytes, which are the last of their connection.
fn answers(bytes: &[u8]) -> String {
    SERVED.0.answers(bytes, PATIENCE)
}

fn is_refused(answers: &str) -> bool {
    !answers.contains("HTTP/1.1 200") && !answers.to_lowercase().contains("x-auth-key-id")
}

/// Bytes that may stand in a line, most of them the ones that mean something there.
fn line() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![
        select(b"%&=?,:;/+ \t\"'{}Bearer kwt_1".to_vec()),
        any::<u8>().prop_filter("no line end", |byte| !b"\r\n\0".contains(byte)),
    ];
    vec(byte, 0..80)
}

fn header() -> impl Strategy<Value = Vec<u8>> {
    let name = select(vec![
        "Authorization",
        "Content-Length",
        "Transfer-Encoding",
        "X-API-Key",
        "X-Forwarded-For",
        "X-Forwarded-Method",
        "X-Forwarded-Uri",
        "X-Keywright-Env",
        "X-Keywright-Require",
        "X-Original-Method",
        "X-Original-URI",
        "X-Real-IP",
        "X-Request-Id",
    ]);
    let word = select(vec!["", "Bearer ", "bearer\t", "Basic "]);
    (name, word, line()).prop_map(|(name, word, value)| {
        [name.as_bytes(), b": ", word.as_bytes(), &value, b"\r\n"].concat()
    })
}

fn request() -> impl Strategy<Value = Vec<u8>> {
    let method = select(vec!["GET", "POST", "PURGE", "get", ""]);
    let path = select(vec![
        "/auth/nginx",
        "/auth/proxy/x",
        "/auth/envoy/orders",
        "/v1/verify",
    ]);
    let query = select(vec![
        "",
        "?",
        "?require=",
        "?env=",
        "?require=method&project=",
    ]);
    let target = vec(select(b"%&=?,:/+az019.#_~{\"\xff".to_vec()), 0..40);
    let body = vec(any::<u8>(), 0..100);
    let parts = (method, path, query, target, vec(header(), 0..5), body);
    parts.prop_map(|(method, path, query, target, headers, body)| {
        [
            method.as_bytes(),
            b" ",
            path.as_bytes(),
            query.as_bytes(),
            &target,
            b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n",
            &headers.concat(),
            b"\r\n",
            &body,
        ]
        .concat()
    })
}

proptest! {
    // Each is a connection, and some wait for more that does not come.
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_has_no_good_token_is_never_allowed(bytes in request()) {
        let answers = answers(&bytes);
        prop_assert!(is_refused(&answers), "{answers}");
    }

    #[test]
    fn noise_is_never_allowed(bytes in vec(any::<u8>(), 0..400)) {
        let answers = answers(&bytes);
        prop_assert!(is_refused(&answers), "{answers}");
    }

    #[test]
    fn a_body_is_read_whatever_it_says(token in line(), more in line()) {
        let body = [b"{\"token\":\"", &token[..], b"\",", &more, b"}"].concat();
        let length = body.len();
        let head = format!("POST /v1/verify HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n");
        let answers = answers(&[head.as_bytes(), &body].concat());
        prop_assert!(answers.starts_with("HTTP/1.1 4") && is_refused(&answers), "{answers}");
    }

    /// A good token in its place, and a second one that is another wherever it stands.
    #[test]
    fn a_good_token_is_allowed_alone_and_never_beside_another(other in "[!-~]{1,60}") {
        let good = &SERVED.0.token;
        let head = format!("GET /auth/nginx HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer {good}\r\n");
        let alone = answers(format!("{head}\r\n").as_bytes());
        prop_assert!(alone.starts_with("HTTP/1.1 200"), "{alone}");
        for name in ["X-API-Key: ", "Authorization: Bearer "] {
            let answers = answers(format!("{head}{name}{other}\r\n\r\n").as_bytes());
            prop_assert!(answers.starts_with("HTTP/1.1 401") && is_refused(&answers), "{answers}");
        }
    }
}
