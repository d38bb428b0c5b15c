//! Requests over real connections.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::UnixStream;
use tokio::runtime::Runtime;
use tokio::sync::{Semaphore, watch};
use tokio::time::timeout;

use super::connection::converse;
use super::log::Log;
use super::metrics::Metrics;
use super::record::{Recording, Writer};
use super::shared::Shared;
use crate::crypto::{Passphrase, Presented, Profile, Secret, SecretSlice};
use crate::key::{Actor, Brand, Context, Permission, PermissionSet, Scope, Timestamp};
use crate::output::{Look, Printer};
use crate::vault::{Location, NewIssued, RequestText, Retention, UseRequest, Vault, Verifier};

/// Within a second there may be some hundred requests that have not come whole.
const PATIENCE: Duration = Duration::from_millis(2);

/// A whole connection, in which nothing is allowed, and what is kept of a request. `$TOKEN` stands for the good token, with
/// which something may be. Accepted where something was answered that is not a refusal to read it.
pub(crate) fn request(served: &Served, data: &[u8]) -> bool {
    if let Ok(text) = str::from_utf8(data) {
        kept(text);
        if let Ok(permission) = text.parse::<Permission>() {
            assert_eq!(permission.to_string(), text);
        }
    }
    let parts: Vec<&[u8]> = split(data, b"$TOKEN");
    let answers = served.answers(&parts.join(served.token.as_bytes()), PATIENCE);
    // Several where several requests came, each in the version of its own.
    let allowed = answers.split("HTTP/1.").filter(|answer| allows(answer));
    assert!(parts.len() > 1 || allowed.count() == 0, "{answers}");
    // Nobody may write a header by a request.
    let injected = answers.to_lowercase().contains("\nx-injected");
    assert!(!injected, "{answers}");
    answers.starts_with("HTTP/1.1 ") && !answers.starts_with("HTTP/1.1 400")
}

fn split<'a>(mut data: &'a [u8], at: &[u8]) -> Vec<&'a [u8]> {
    let mut parts = Vec::new();
    while let Some(found) = data.windows(at.len()).position(|part| part == at) {
        parts.push(&data[..found]);
        data = &data[found + at.len()..];
    }
    parts.push(data);
    parts
}

/// Whether it says so to a proxy or to a program. A server that is well says 200, too, but not with nothing else.
fn allows(answer: &str) -> bool {
    let answer = answer.to_lowercase();
    let is_good = answer.get(1..).is_some_and(|it| it.starts_with(" 200"));
    let is_empty = is_good && answer.contains("\ncontent-length: 0\r");
    is_empty || answer.contains("x-auth-key-id") || answer.contains("\"valid\":true")
}

/// Little, visible, and no token.
fn kept(text: &str) {
    let kept = UseRequest::new(RequestText {
        method: Some(text),
        path: Some(text),
        client: Some(text),
        id: Some(text),
    });
    let Some(kept) = kept else {
        return;
    };
    for (field, limit) in [
        (kept.method(), UseRequest::METHOD),
        (kept.path(), UseRequest::PATH),
        (kept.client(), UseRequest::CLIENT),
        (kept.id(), UseRequest::ID),
    ] {
        let field = field.unwrap_or("");
        assert!(field.len() <= limit);
        assert!(field.chars().all(|c| matches!(c, ' '..='~' | '…')));
        for word in field.split(|c: char| !c.is_ascii_alphanumeric() && c != '_') {
            assert!(Presented::read(SecretSlice::new(word.as_bytes())).is_err());
        }
    }
}

/// A vault with one good key, what checks its token, and what records that.
pub(super) struct Made {
    verifier: Verifier,
    pub(super) writer: Writer,
    token: String,
}

impl Made {
    /// In this folder.
    pub(super) fn new(folder: &Path) -> Self {
        let location = Location {
            vault: folder.join("vault.db"),
            state: folder.join("state"),
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
        let look = Look {
            color: anstream::ColorChoice::Never,
            json: false,
            quiet: true,
            unicode: false,
            columns: None,
        };
        let writer = Writer {
            recorder: verifier.recorder().expect("a recorder"),
            who,
            clock: Timestamp::now,
            log: Arc::new(Log::new(Printer::new(look).log(), Timestamp::now)),
            metrics: Arc::new(Metrics::new()),
            is_required: false,
        };
        Self {
            verifier,
            writer,
            token,
        }
    }
}

/// A server with one good key.
pub(crate) struct Served {
    runtime: Runtime,
    shared: Arc<Shared>,
    pub(super) token: String,
}

impl Served {
    /// Of a vault in this folder.
    pub(crate) fn new(folder: &Path) -> Self {
        let Made {
            verifier,
            writer,
            token,
        } = Made::new(folder);
        let told = (Arc::clone(&writer.log), Arc::clone(&writer.metrics));
        let runtime = Runtime::new().expect("a runtime");
        let (recording, _) = runtime.block_on(async { Recording::start(writer) });
        let verifier = Arc::new(verifier);
        let shared = Shared::new(verifier, recording, told, Timestamp::now, "id".to_owned());
        Self {
            runtime,
            shared: Arc::new(shared),
            token,
        }
    }

    /// All that is answered to these bytes, which are the last of their connection.
    pub(super) fn answers(&self, bytes: &[u8], patience: Duration) -> String {
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
            let (answer, ()) = tokio::join!(exchange(own, bytes, patience), served);
            answer.expect("a connection")
        };
        String::from_utf8_lossy(&self.runtime.block_on(talk)).into_owned()
    }
}

async fn exchange(stream: UnixStream, bytes: &[u8], mut patience: Duration) -> io::Result<Vec<u8>> {
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
