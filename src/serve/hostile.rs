//! Requests that nobody would send who means well, over real connections.

use std::io;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use tokio::net::UnixStream;
use tokio::runtime::Runtime;
use tokio::sync::{Semaphore, watch};
use tokio::time::timeout;

use super::connection::converse;
use super::log::Log;
use super::metrics::Metrics;
use super::record::{Recording, Writer};
use super::shared::Shared;
use crate::crypto::{Passphrase, Profile, Secret};
use crate::key::{Actor, Brand, Context, PermissionSet, Scope, Timestamp};
use crate::output::{Look, Printer};
use crate::vault::{Location, NewIssued, Retention, Vault, Verifier};

/// How long an answer may take to a request that has come whole: only one that has not waits for it.
const PATIENCE: Duration = Duration::from_secs(2);

/// A server with one good key, for all cases.
struct Served {
    runtime: Runtime,
    shared: Arc<Shared>,
    token: String,
    _folder: tempfile::TempDir,
}

static SERVED: LazyLock<Served> = LazyLock::new(Served::new);

impl Served {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let location = Location {
            vault: folder.path().join("vault.db"),
            state: folder.path().join("state"),
            activity: None,
            accept_rollback: false,
            audit_required: false,
            retention: Retention {
                usage_days: 400,
                event_days: 30,
                events: 1000,
            },
        };
        let who: Actor = "tester".parse().expect("an actor");
        let passphrase = Passphrase::new(Secret::new(b"horse".to_vec())).expect("a passphrase");
        let now = Timestamp::now();
        let vault = Vault::create(&location, &passphrase, Profile::Test, &who, now);
        let mut vault = vault.expect("a vault");
        let token = issue(&mut vault, &who);
        let verifier = Verifier::of(vault).expect("every key");
        let recorder = verifier.recorder().expect("a recorder");
        let look = Look {
            color: anstream::ColorChoice::Never,
            json: false,
            quiet: true,
            unicode: false,
            columns: None,
        };
        let log = Arc::new(Log::new(Printer::new(look).log(), Timestamp::now));
        let metrics = Arc::new(Metrics::new());
        let runtime = Runtime::new().expect("a runtime");
        let writer = Writer {
            recorder,
            who,
            clock: Timestamp::now,
            log: Arc::clone(&log),
            metrics: Arc::clone(&metrics),
            is_required: false,
        };
        let (recording, _) = runtime.block_on(async { Recording::start(writer) });
        let verifier = Arc::new(verifier);
        let shared = Shared::new(
            verifier,
            recording,
            (log, metrics),
            Timestamp::now,
            "id".to_owned(),
        );
        Self {
            runtime,
            shared: Arc::new(shared),
            token,
            _folder: folder,
        }
    }

    /// All that is answered to these bytes, which are the last of their connection.
    fn answers(&self, bytes: &[u8]) -> String {
        let talk = async {
            let (own, other) = UnixStream::pair().expect("two ends");
            let (_running, stop) = watch::channel(false);
            let permit = Arc::new(Semaphore::new(1)).try_acquire_owned();
            let served = converse(
                other,
                None,
                Arc::clone(&self.shared),
                stop,
                permit.expect("room"),
            );
            let (answer, ()) = tokio::join!(exchange(own, bytes), served);
            answer.expect("a connection")
        };
        String::from_utf8_lossy(&self.runtime.block_on(talk)).into_owned()
    }
}

async fn exchange(stream: UnixStream, bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut rest = bytes;
    while !rest.is_empty() {
        stream.writable().await?;
        match stream.try_write(rest) {
            Ok(count) => rest = &rest[count..],
            Err(err) if err.kind() == io::ErrorKind::WouldBlock => {}
            // It was refused before its end.
            Err(_) => break,
        }
    }
    let (mut answer, mut part) = (Vec::new(), [0; 4096]);
    let mut patience = PATIENCE;
    loop {
        match timeout(patience, stream.readable()).await {
            Ok(ready) => ready?,
            Err(_) => {
                // It waits for more, which does not come.
                let _ = rustix::net::shutdown(&stream, rustix::net::Shutdown::Write);
                patience = Duration::MAX;
                continue;
            }
        }
        match stream.try_read(&mut part) {
            Ok(0) => return Ok(answer),
            Ok(count) => answer.extend_from_slice(&part[..count]),
            Err(err) if err.kind() == io::ErrorKind::WouldBlock => {}
            Err(_) => return Ok(answer),
        }
    }
}

fn issue(vault: &mut Vault, who: &Actor) -> String {
    let new = NewIssued {
        name: "good".parse().expect("a name"),
        scope: Scope {
            project: "shop".parse().expect("a project"),
            environment: "production".parse().expect("an environment"),
        },
        brand: Brand::default(),
        permissions: PermissionSet::default(),
        roles: Vec::new(),
        context: Context::default(),
        rate: None,
        expires_at: None,
        tags: Vec::new(),
        note: None,
        make_default: false,
    };
    let pending = vault.issue(&new, who, Timestamp::now()).expect("issued");
    let mut text = String::new();
    let delivered = pending.deliver(|token, _| {
        text = String::from_utf8_lossy(token.expose()).into_owned(); // to be presented
        Ok(())
    });
    delivered.expect("delivered");
    text
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

fn is_refused(answers: &str) -> bool {
    !answers.contains("HTTP/1.1 200") && !answers.to_lowercase().contains("x-auth-key-id")
}

proptest! {
    // Each is a connection, and some wait for more that does not come.
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_has_no_good_token_is_never_allowed(bytes in request()) {
        let answers = SERVED.answers(&bytes);
        prop_assert!(is_refused(&answers), "{answers}");
    }

    #[test]
    fn noise_is_never_allowed(bytes in vec(any::<u8>(), 0..400)) {
        let answers = SERVED.answers(&bytes);
        prop_assert!(is_refused(&answers), "{answers}");
    }

    #[test]
    fn a_body_is_read_whatever_it_says(token in line(), more in line()) {
        let body = [b"{\"token\":\"", &token[..], b"\",", &more, b"}"].concat();
        let length = body.len();
        let head = format!("POST /v1/verify HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n");
        let answers = SERVED.answers(&[head.as_bytes(), &body].concat());
        prop_assert!(answers.starts_with("HTTP/1.1 4") && is_refused(&answers), "{answers}");
    }

    /// A good token in its place, and a second one that is another wherever it stands.
    #[test]
    fn a_good_token_is_allowed_alone_and_never_beside_another(other in "[!-~]{1,60}") {
        let good = &SERVED.token;
        let head = format!("GET /auth/nginx HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer {good}\r\n");
        let alone = SERVED.answers(format!("{head}\r\n").as_bytes());
        prop_assert!(alone.starts_with("HTTP/1.1 200"), "{alone}");
        for name in ["X-API-Key: ", "Authorization: Bearer "] {
            let answers = SERVED.answers(format!("{head}{name}{other}\r\n\r\n").as_bytes());
            prop_assert!(answers.starts_with("HTTP/1.1 401") && is_refused(&answers), "{answers}");
        }
    }
}
