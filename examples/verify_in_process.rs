//! A service that checks tokens in its own process, without asking `keywright serve`.
//!
//! `cargo run --example verify_in_process -- VAULT STATE_FOLDER ACCESS_TOKEN_FILE` takes a credential a line, as it stands in
//! an `Authorization` header, and answers each with the status and the body of an HTTP response. The access token is one of
//! `keywright access create`; the state folder is where uses are recorded, and `keywright status` tells the owner's.

use std::error::Error;
use std::fs::File;
use std::io::{self, BufRead, Write};
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use keywright::crypto::{Secret, SecretSlice};
use keywright::key::{Actor, Timestamp};
use keywright::vault::{
    AccessToken, Code, KnownKey, Location, RecordedUse, Recorder, RequestText, Requirements,
    Retention, UseRequest, Verifier,
};

/// Uses of one transaction at most, and uses that wait for it: who comes then waits, too.
const BATCH: usize = 4096;

/// Decides who may come in, from any thread.
struct Gate {
    verifier: Verifier,
    uses: SyncSender<RecordedUse>,
}

impl Gate {
    /// The status and the body of the answer to a request that needs these permissions.
    fn admit(&self, credential: &[u8], needs: &Requirements) -> (u16, String) {
        let presented = SecretSlice::new(credential);
        let checked = match self.verifier.check(presented, needs, Timestamp::now()) {
            Ok(checked) => checked,
            // The vault cannot be read or was altered. Its error is for the log, and never for the client.
            Err(_) => return (503, "try again later".to_owned()),
        };
        let answer = match checked.verdict.code {
            // `verdict.key` has the key's name, scope, context and more.
            Code::Valid => {
                let key = checked.verdict.key.as_ref();
                (200, key.map_or(String::new(), KnownKey::place))
            }
            // A good token, and not for this.
            Code::InsufficientPermission | Code::WrongEnvironment | Code::WrongProject => {
                (403, checked.verdict.code.text().to_owned())
            }
            // Only who counts requests says so: `verdict.rate()` has the key's limit, and `checked.limited()` records it.
            Code::RateLimited => (429, "too many requests".to_owned()),
            // Whether it was ever good is nobody's business; `verdict.code` may go into the service's own log.
            Code::Expired
            | Code::Malformed
            | Code::Missing
            | Code::Revoked
            | Code::Rotated
            | Code::Undelivered
            | Code::Unknown => (401, "a good token is needed".to_owned()),
        };
        let request = UseRequest::new(RequestText {
            method: Some("GET"),
            path: Some("/orders"),
            ..RequestText::default()
        });
        // Who must not answer what is not recorded calls `Recorder::write` here instead, with this one use.
        match self.uses.send(checked.into_recorded(request)) {
            Ok(()) => answer,
            Err(_) => (503, "try again later".to_owned()),
        }
    }
}

/// Records what comes in batches; what cannot be recorded is tried again with what comes next.
fn record(mut recorder: Recorder, uses: &Receiver<RecordedUse>, who: &Actor) -> usize {
    let mut waiting = Vec::new();
    while let Ok(first) = uses.recv() {
        waiting.push(first);
        waiting.extend(uses.try_iter().take(BATCH - 1));
        if recorder.write(&waiting, who).is_ok() {
            waiting.clear();
            recorder.prune(Timestamp::now());
        }
    }
    waiting.len()
}

/// Answers a credential a line until there are no more, and then waits until all is recorded.
pub(crate) fn serve(
    location: &Location,
    tokens: Vec<AccessToken>,
    credentials: impl BufRead,
    mut answers: impl Write,
) -> Result<(), Box<dyn Error>> {
    let verifier = Verifier::open(location, tokens, Timestamp::now())?;
    let recorder = verifier.recorder()?;
    let who: Actor = "verify_in_process".parse()?;
    let (uses, recorded) = sync_channel(BATCH);
    let recording = thread::spawn(move || record(recorder, &recorded, &who));
    let gate = Gate { verifier, uses };
    let needs = Requirements {
        permissions: vec!["read".parse()?],
        ..Requirements::default()
    };
    for line in credentials.split(b'\n') {
        let (status, body) = gate.admit(&line?, &needs);
        writeln!(answers, "{status} {body}")?;
    }
    // With the gate goes the sender, and so the recording ends.
    drop(gate);
    match recording.join() {
        Ok(0) => Ok(()),
        Ok(lost) => Err(format!("{lost} uses could not be recorded").into()),
        Err(_) => Err("the recording failed unexpectedly".into()),
    }
}

/// Where the vault is, and what belongs to it.
pub(crate) fn location(vault: &Path, state: &Path) -> Location {
    Location {
        vault: vault.to_owned(),
        state: state.to_owned(),
        activity: None,
        accept_rollback: false,
        audit_required: false,
        retention: Retention {
            usage_days: 400,
            event_days: 30,
            events: 1_000_000,
        },
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [vault, state, token_file] = &args[..] else {
        return Err("three arguments are needed: VAULT STATE_FOLDER ACCESS_TOKEN_FILE".into());
    };
    let tokens = AccessToken::read_all(&Secret::read(File::open(token_file)?, 64 * 1024)?)?;
    let location = location(Path::new(vault), Path::new(state));
    serve(&location, tokens, io::stdin().lock(), io::stdout().lock())
}
