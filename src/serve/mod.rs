//! The HTTP service that checks tokens for programs and reverse proxies.

mod address;
mod answer;
mod config;
mod connection;
mod credential;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
#[cfg(test)]
mod hostile;
mod limit;
mod log;
mod metrics;
mod question;
mod record;
mod routes;
mod shared;

use std::error::Error;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use hyper::body::Bytes;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use sd_notify::NotifyState;
use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;

pub(crate) use self::address::{Address, Bound, Listener};
pub(crate) use self::config::{ConfigError, Program};
use self::connection::Listening;
use self::log::Log;
use self::metrics::Metrics;
use self::record::{Recording, Writer};
use self::shared::Shared;
use crate::key::{Actor, Timestamp};
use crate::output::LogPrinter;
use crate::vault::{Recorder, Verifier};

/// The body of an answer, whole.
type Body = http_body_util::Full<Bytes>;

/// Most connections at once.
const CONNECTIONS: u64 = 4096;

/// Fewest connections at once that each listener has room for.
const LEAST_ROOM: usize = 16;

/// Descriptors that are kept for other things than connections.
const OTHER_FILES: u64 = 64;

/// What can go wrong with serving, beside what can go wrong with one answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ServeError {
    #[error("another process listens at {0}")]
    InUse(Address),
    #[error("cannot listen at {address}")]
    Listen { address: Address, source: io::Error },
    #[error("{0} answers could not be recorded in the activity file")]
    Lost(u64),
    #[error("the server cannot run")]
    Runtime(#[source] io::Error),
    #[error("the socket `{path}` is refused: {why}", path = path.display())]
    Unsafe { path: PathBuf, why: String },
    #[error("the socket `{path}` is refused: {why}", path = path.display())]
    UnsafeFolder { path: PathBuf, why: String },
}

/// All that a server needs.
pub(crate) struct Server {
    pub(crate) verifier: Verifier,
    pub(crate) recorder: Recorder,
    pub(crate) listeners: Vec<Bound>,
    pub(crate) who: Actor,
    /// An answer is given only once it is recorded.
    pub(crate) audit_required: bool,
    pub(crate) clock: fn() -> Timestamp,
    /// Distinguishes the ids of requests from those of another process.
    pub(crate) id_start: String,
}

/// Sockets that a service manager handed over (systemd's `LISTEN_FDS`).
///
/// # Errors
/// [`ServeError::Runtime`] for one that is no listening stream socket.
pub(crate) fn given_listeners() -> Result<Vec<Bound>, ServeError> {
    let mut given = listenfd::ListenFd::from_env();
    let mut bound = Vec::new();
    for index in 0..given.len() {
        let listener = match given.take_unix_listener(index) {
            Ok(Some(listener)) => Listener::Unix(listener),
            _ => match given
                .take_tcp_listener(index)
                .map_err(ServeError::Runtime)?
            {
                Some(listener) => Listener::Tcp(listener),
                None => continue,
            },
        };
        bound.push(Bound::given(listener).map_err(ServeError::Runtime)?);
    }
    Ok(bound)
}

impl Server {
    /// Answers until SIGTERM, SIGINT or SIGHUP; then answers what was asked, records what was answered, and returns.
    ///
    /// # Errors
    /// [`ServeError::Runtime`], and [`ServeError::Lost`] where answers were given that could not be recorded.
    pub(crate) fn run(self, out: LogPrinter) -> Result<(), ServeError> {
        let runtime = Runtime::new().map_err(ServeError::Runtime)?;
        let lost = runtime.block_on(self.serve(out))?;
        match lost {
            0 => Ok(()),
            lost => Err(ServeError::Lost(lost)),
        }
    }

    async fn serve(self, out: LogPrinter) -> Result<u64, ServeError> {
        let log = Arc::new(Log::new(out, self.clock));
        let metrics = Arc::new(Metrics::new());
        let mut signals = Signals::new().map_err(ServeError::Runtime)?;
        let (recording, recorded) = Recording::start(Writer {
            recorder: self.recorder,
            who: self.who,
            clock: self.clock,
            log: Arc::clone(&log),
            metrics: Arc::clone(&metrics),
            is_required: self.audit_required,
        });
        let verifier = Arc::new(self.verifier);
        let shared = Arc::new(Shared::new(
            verifier,
            recording,
            (Arc::clone(&log), metrics),
            self.clock,
            self.id_start,
        ));
        let share = share(room(), self.listeners.len());
        let (stop, stopped) = watch::channel(false);
        let (mut accepting, mut left) = (Vec::new(), Vec::new());
        for bound in self.listeners {
            let (listener, address, on_disk) = bound.into_parts();
            let listening = Listening::new(listener).map_err(ServeError::Runtime)?;
            log.info("listening", &[("address", address.to_string())]);
            if !address.is_local() {
                let what = "who can reach this address may ask, and tokens come unencrypted: the network has to be trusted";
                let fields = [("address", address.to_string()), ("what", what.to_owned())];
                log.warn("not-local", &fields);
            }
            left.push((address, on_disk));
            let room = Arc::new(Semaphore::new(share));
            let (shared, stopped) = (Arc::clone(&shared), stopped.clone());
            accepting.push(tokio::spawn(connection::serve(
                listening, shared, room, stopped,
            )));
        }
        if let Some(served) = shared.known().await {
            log.info("ready", &[("keys", served.len().to_string())]);
            served.tell_end(&log, (self.clock)());
        }
        tell_manager(&[NotifyState::Ready]);
        let name = signals.next().await;
        log.info("stopping", &[("signal", name.to_owned())]);
        tell_manager(&[NotifyState::Stopping]);
        shared.stop();
        // Its receivers are all there.
        let _ = stop.send(true);
        tokio::select! {
            () = all(&mut accepting) => {}
            // Who cannot wait says so a second time. With those that accept go the connections.
            _ = signals.next() => accepting.iter().for_each(JoinHandle::abort),
        }
        for (address, on_disk) in left {
            Bound::remove(&address, on_disk);
        }
        // With it goes the queue of what is to be recorded.
        drop(shared);
        let lost = recorded.await.unwrap_or(0);
        log.info("stopped", &[]);
        Ok(lost)
    }
}

async fn all(tasks: &mut [JoinHandle<()>]) {
    for task in tasks {
        // One that panicked has ended, too.
        let _ = task.await;
    }
}

/// The signals that end the server.
struct Signals([(Signal, &'static str); 3]);

impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self([
            (signal(SignalKind::terminate())?, "SIGTERM"),
            (signal(SignalKind::interrupt())?, "SIGINT"),
            (signal(SignalKind::hangup())?, "SIGHUP"),
        ]))
    }

    async fn next(&mut self) -> &'static str {
        let [(terminate, a), (interrupt, b), (hang_up, c)] = &mut self.0;
        tokio::select! {
            _ = terminate.recv() => a,
            _ = interrupt.recv() => b,
            _ = hang_up.recv() => c,
        }
    }
}

/// Tells systemd, where it asked to be told (sd_notify(3)).
fn tell_manager(state: &[NotifyState<'_>]) {
    // It was started by hand, or the manager has gone.
    let _ = sd_notify::notify(state);
}

/// How many connections there may be in all: as many as the system lets have open files, after this process took all it may.
fn room() -> usize {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    let now = setrlimit(Resource::Nofile, raised).map_or(limit.current, |()| limit.maximum);
    let files = now.unwrap_or(u64::MAX).saturating_sub(OTHER_FILES);
    usize::try_from(files.min(CONNECTIONS)).unwrap_or(LEAST_ROOM)
}

/// How much of the room each listener has, so that none of them can be kept busy by way of another.
fn share(room: usize, listeners: usize) -> usize {
    (room / listeners.max(1)).max(LEAST_ROOM)
}

/// An error with its causes, in a line.
fn reason(err: &dyn Error) -> String {
    let mut text = err.to_string();
    let mut cause = err.source();
    while let Some(err) = cause {
        text.push_str(": ");
        text.push_str(&err.to_string());
        cause = err.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_told_with_its_causes() {
        let cause = io::Error::other("the disk is on fire");
        let told = reason(&ServeError::Runtime(cause));
        assert_eq!(told, "the server cannot run: the disk is on fire");
    }

    #[test]
    fn listeners_share_the_room_and_none_is_without() {
        let shares = [(4096, 1), (4096, 3), (100, 10), (100, 7), (100, 6), (0, 0)];
        assert_eq!(
            shares.map(|(room, listeners)| share(room, listeners)),
            [4096, 1365, 16, 16, 16, 16]
        );
        assert_eq!(share(102, 6), 17);
    }
}
