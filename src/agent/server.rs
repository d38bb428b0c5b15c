//! The agent's side: one thread, and nobody who connects can keep it waiting.

use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::time::{ClockId, clock_gettime};

use super::error::AgentError;
use super::keeper::{Keeper, Left};
use super::place::{Bound, Place};
use super::protocol::{Code, FRAME, Frame, Request, Response, frame};
use crate::signals::Listening;

/// Connections at a time. One more, and the oldest is dropped.
const CONNECTIONS: usize = 64;

/// How long a connection has for its request and the answer.
const PATIENCE: Duration = Duration::from_secs(1);

/// How long a background agent waits for its first key.
const FIRST_KEY: Duration = Duration::from_secs(10);

/// The loop turns at least this often. Poll's own clock stands still while the machine sleeps; so this is also how soon
/// after waking a key is wiped that came past a limit meanwhile.
const TURN: Duration = Duration::from_secs(10);

/// How long nobody is accepted after the system said that it cannot: it would say so again at once.
const PAUSE: Duration = Duration::from_millis(200);

/// What an agent does once its key is wiped.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Mode {
    /// It ends, and so it does when nobody gives it a key soon.
    Background,
    /// It stays, locked.
    Foreground,
}

/// Holds a key for the vault at `vault` until a signal ends it; `ready` is called once it listens, with its socket.
///
/// # Errors
/// [`AgentError::Busy`] when another agent does; what the folder is refused for; what the system says.
pub(crate) fn serve(
    folder: &Path,
    vault: &Path,
    ready: impl FnOnce(&Path) -> io::Result<()>,
) -> Result<(), AgentError> {
    serve_at(&Place::new(folder, vault), Mode::Foreground, ready)
}

/// The same at a place, in either mode.
pub(super) fn serve_at(
    place: &Place,
    mode: Mode,
    ready: impl FnOnce(&Path) -> io::Result<()>,
) -> Result<(), AgentError> {
    // Before it listens: from then on a signal wipes and removes the socket.
    let signals = Listening::start().map_err(place.failed("listen at"))?;
    let bound = place.listen()?.ok_or(AgentError::Busy)?;
    let mut server = Server::new(bound, mode, clock);
    let served = ready(place.socket())
        .map_err(place.failed("tell of"))
        .and_then(|()| server.run(signals.as_fd()).map_err(place.failed("serve")));
    drop(server);
    signals.dismiss();
    match served? {
        End::Asked => Ok(()),
        End::Unreachable => Err(place.failed("find")(ErrorKind::NotFound.into())),
    }
}

/// A clock that goes on while the machine sleeps. What Linux calls monotonic stands still then; elsewhere it does not.
fn clock() -> Duration {
    #[cfg(target_os = "linux")]
    const CLOCK: ClockId = ClockId::Boottime;
    #[cfg(not(target_os = "linux"))]
    const CLOCK: ClockId = ClockId::Monotonic;
    Duration::try_from(clock_gettime(CLOCK)).unwrap_or_default()
}

/// Why an agent ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum End {
    /// By a signal, a request or a limit.
    Asked,
    /// Its socket is not there any more.
    Unreachable,
}

struct Server<C> {
    bound: Bound,
    mode: Mode,
    clock: C,
    keeper: Keeper,
    /// Oldest first.
    connections: Vec<Connection>,
    started: Duration,
    /// Nobody is accepted before.
    paused: Duration,
    is_ending: bool,
}

impl<C: Fn() -> Duration> Server<C> {
    fn new(bound: Bound, mode: Mode, clock: C) -> Self {
        Self {
            started: clock(),
            bound,
            mode,
            clock,
            keeper: Keeper::default(),
            connections: Vec::new(),
            paused: Duration::ZERO,
            is_ending: false,
        }
    }

    /// Until something can be read from `wake`, or a request or a limit ends it.
    fn run(&mut self, wake: BorrowedFd<'_>) -> io::Result<End> {
        loop {
            let now = (self.clock)();
            self.tidy(now);
            if self.is_ending {
                return Ok(End::Asked);
            }
            if !self.bound.is_reachable() {
                return Ok(End::Unreachable);
            }
            let ready = self.wait(wake, now)?;
            if ready.wake {
                return Ok(End::Asked);
            }
            let now = (self.clock)();
            self.go_on(&ready.connections);
            if ready.listener {
                self.accept(now);
            }
        }
    }

    /// What time alone brings about.
    fn tidy(&mut self, now: Duration) {
        let wiped = self.keeper.expire(now);
        let unused = self.keeper.is_empty() && now >= self.started + FIRST_KEY;
        if self.mode == Mode::Background && (wiped || unused) {
            self.end();
        }
        self.connections
            .retain(|connection| now < connection.since + PATIENCE);
    }

    fn end(&mut self) {
        self.keeper.lock();
        // Before it is answered: who comes after the answer finds nobody here.
        self.bound.remove_socket();
        self.is_ending = true;
    }

    fn wait(&self, wake: BorrowedFd<'_>, now: Duration) -> io::Result<Ready> {
        let mut until = now + TURN;
        if let Some(left) = self.keeper.left(now) {
            until = until.min(now + left.idle).min(now + left.max);
        }
        if let Some(oldest) = self.connections.first() {
            until = until.min(oldest.since + PATIENCE);
        }
        let accepts = now >= self.paused;
        if !accepts {
            until = until.min(self.paused);
        }
        let listens = if accepts {
            PollFlags::IN
        } else {
            PollFlags::empty()
        };
        let mut fds = vec![
            PollFd::from_borrowed_fd(wake, PollFlags::IN),
            PollFd::new(&self.bound.listener, listens),
        ];
        fds.extend(self.connections.iter().map(Connection::poll_fd));
        let timeout = Timespec::try_from(until.saturating_sub(now)).map_err(io::Error::other)?;
        match poll(&mut fds, Some(&timeout)) {
            Ok(_) => {}
            Err(Errno::INTR) => return Ok(Ready::default()),
            Err(err) => return Err(err.into()),
        }
        let is_ready = |fd: &PollFd<'_>| !fd.revents().is_empty();
        Ok(Ready {
            wake: is_ready(&fds[0]),
            listener: accepts && is_ready(&fds[1]),
            connections: fds[2..].iter().map(is_ready).collect(),
        })
    }

    fn go_on(&mut self, ready: &[bool]) {
        let connections = std::mem::take(&mut self.connections);
        for (at, connection) in connections.into_iter().enumerate() {
            if ready.get(at).copied().unwrap_or(false) {
                self.advance(connection);
            } else {
                self.connections.push(connection);
            }
        }
    }

    /// No more of them at a time than there may be, so that those that are served get their turn.
    fn accept(&mut self, now: Duration) {
        for _ in 0..CONNECTIONS {
            let stream = match self.bound.listener.accept() {
                Ok((stream, _)) => stream,
                Err(err) if err.kind() == ErrorKind::WouldBlock => return,
                Err(err) if err.kind() == ErrorKind::Interrupted => continue,
                // Whoever came has left again.
                Err(err) if err.kind() == ErrorKind::ConnectionAborted => continue,
                Err(_) => {
                    self.paused = now + PAUSE;
                    return;
                }
            };
            if stream.set_nonblocking(true).is_err() {
                continue;
            }
            if self.connections.len() == CONNECTIONS {
                self.connections.remove(0);
            }
            self.advance(Connection::new(stream, now));
        }
    }

    /// As far as it goes without waiting. A connection that is not done is kept.
    fn advance(&mut self, mut connection: Connection) {
        if let Stage::Reading { .. } = connection.stage {
            match connection.read() {
                Step::Over => return,
                Step::Waiting => {
                    self.connections.push(connection);
                    return;
                }
                Step::Whole { is_more } => {
                    let Stage::Reading { bytes, .. } = &mut connection.stage else {
                        return;
                    };
                    // More than a request is none.
                    let request = (!is_more).then_some(&mut ***bytes);
                    let answer = self.answer(&connection.stream, request);
                    connection.stage = Stage::Writing {
                        bytes: answer,
                        done: 0,
                    };
                }
            }
        }
        if connection.write() == Written::Partly {
            self.connections.push(connection);
        }
    }

    fn answer(&mut self, stream: &UnixStream, request: Option<&mut [u8; FRAME]>) -> Frame {
        if other_user(stream).is_some() {
            return response(Code::NotAllowed, None).encode(None);
        }
        let request = request.map_or(Err(Code::Malformed), Request::decode);
        // Read for each request: the machine may have slept since the last.
        let now = (self.clock)();
        let code = match request {
            Err(code) => code,
            Ok(Request::Get(vault)) => match self.keeper.get(vault, now) {
                Ok((key, left)) => return response(Code::Done, Some(left)).encode(Some(key)),
                Err(code) => code,
            },
            Ok(Request::Lock) => {
                let had = !self.keeper.is_empty();
                self.keeper.lock();
                if self.mode == Mode::Background {
                    self.end();
                }
                if had { Code::Done } else { Code::Locked }
            }
            Ok(Request::Peek(vault)) => match self.keeper.peek(vault, now) {
                Ok((key, left)) => return response(Code::Done, Some(left)).encode(Some(key)),
                Err(code) => code,
            },
            Ok(Request::Put(vault, key, limits)) => {
                self.keeper.put(vault, key, limits, now);
                Code::Done
            }
            Ok(Request::Status) => match self.keeper.left(now) {
                Some(_) => Code::Done,
                None => Code::Locked,
            },
            Ok(Request::Stop(meant)) if meant == 0 || meant == std::process::id() => {
                self.end();
                Code::Done
            }
            Ok(Request::Stop(_)) => Code::OtherProcess,
        };
        response(code, self.keeper.left(now)).encode(None)
    }
}

fn response(code: Code, left: Option<Left>) -> Response {
    let left = left.unwrap_or_default();
    // A second that has begun is a second.
    let seconds = |time: Duration| {
        let begun = u64::from(time.subsec_nanos() > 0);
        u32::try_from(time.as_secs() + begun).unwrap_or(u32::MAX)
    };
    let process = std::process::id();
    Response::new(code, seconds(left.idle), seconds(left.max), process)
}

/// Who can be served.
#[derive(Default)]
struct Ready {
    wake: bool,
    listener: bool,
    connections: Vec<bool>,
}

struct Connection {
    stream: UnixStream,
    since: Duration,
    stage: Stage,
}

enum Stage {
    Reading { bytes: Frame, done: usize },
    Writing { bytes: Frame, done: usize },
}

/// How far reading came.
enum Step {
    /// The other end is gone.
    Over,
    Waiting,
    Whole {
        is_more: bool,
    },
}

#[derive(Eq, PartialEq)]
enum Written {
    Partly,
    /// Or nobody takes it.
    Whole,
}

impl Connection {
    fn new(stream: UnixStream, since: Duration) -> Self {
        let stage = Stage::Reading {
            bytes: frame(),
            done: 0,
        };
        Self {
            stream,
            since,
            stage,
        }
    }

    fn poll_fd(&self) -> PollFd<'_> {
        let wanted = match self.stage {
            Stage::Reading { .. } => PollFlags::IN,
            Stage::Writing { .. } => PollFlags::OUT,
        };
        PollFd::new(&self.stream, wanted)
    }

    fn read(&mut self) -> Step {
        let Stage::Reading { bytes, done } = &mut self.stage else {
            return Step::Over;
        };
        while *done < FRAME {
            match (&self.stream).read(&mut bytes[*done..]) {
                Ok(0) => return Step::Over,
                Ok(count) => *done += count,
                Err(err) if err.kind() == ErrorKind::WouldBlock => return Step::Waiting,
                Err(err) if err.kind() == ErrorKind::Interrupted => {}
                Err(_) => return Step::Over,
            }
        }
        let is_more = (&self.stream).read(&mut [0]).is_ok_and(|count| count > 0);
        Step::Whole { is_more }
    }

    fn write(&mut self) -> Written {
        let Stage::Writing { bytes, done } = &mut self.stage else {
            return Written::Whole;
        };
        while *done < FRAME {
            match (&self.stream).write(&bytes[*done..]) {
                Ok(count) if count > 0 => *done += count,
                Err(err) if err.kind() == ErrorKind::WouldBlock => return Written::Partly,
                Err(err) if err.kind() == ErrorKind::Interrupted => {}
                _ => return Written::Whole,
            }
        }
        Written::Whole
    }
}

/// The uid at the other end, where it is not our own; `u32::MAX` where it should be told and is not.
///
/// Where the system does not tell (all but Linux), the socket's folder and mode keep others out alone.
pub(super) fn other_user(stream: &UnixStream) -> Option<u32> {
    #[cfg(target_os = "linux")]
    {
        use rustix::net::sockopt::socket_peercred;
        use rustix::process::geteuid;
        let uid = socket_peercred(stream).map_or(u32::MAX, |peer| peer.uid.as_raw());
        (uid != geteuid().as_raw()).then_some(uid)
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = stream;
        None
    }
}

#[cfg(test)]
mod tests;
