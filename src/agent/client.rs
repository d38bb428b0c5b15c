//! The client's side: one request a connection, and never a long wait.

use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use rustix::io::{Errno, FdFlags, fcntl_setfd};
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketType, connect, socket};

use super::error::AgentError;
use super::limits::Limits;
use super::place::Place;
use super::protocol::{Code, FRAME, Frame, Request, Response, frame};
use super::server::other_user;
use super::start::{Begun, start};
use crate::crypto::RootKey;
use crate::key::VaultId;

/// How long an agent may take for its answer, which it has at once unless something is wrong.
const PATIENCE: Duration = Duration::from_secs(3);

/// How long it may take until some agent has the key.
const START: Duration = Duration::from_secs(10);

/// How often a request is repeated whose connection was cut off: an agent that is full drops the oldest.
const TRIES: usize = 8;

/// One vault's agent, whether it runs or not.
#[derive(Clone, Debug)]
pub(crate) struct Agent {
    place: Place,
}

/// What there is of an agent.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum State {
    Locked(Known),
    None,
    Unlocked(Known),
}

/// What came of locking. The later stands for more.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Locking {
    /// Nobody is there.
    NoAgent,
    /// There was no key.
    Unchanged,
    Locked,
}

/// What an agent says of itself.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Known {
    /// Seconds until the key is wiped if nobody uses it; 0 without a key.
    pub(crate) idle: u32,
    /// Seconds until it is wiped in any case.
    pub(crate) max: u32,
    pub(crate) process: u32,
    pub(crate) version: String,
}

impl Agent {
    /// With its socket in a folder, for the vault at a path.
    pub(crate) fn new(folder: &Path, vault: &Path) -> Self {
        Self {
            place: Place::new(folder, vault),
        }
    }

    /// With its socket at this path, which has a folder.
    pub(super) fn at(socket: PathBuf) -> Self {
        Self {
            place: Place::at(socket),
        }
    }

    /// Whether there is a folder for its socket.
    ///
    /// # Errors
    /// When the folder is unsafe.
    pub(super) fn has_folder(&self) -> Result<bool, AgentError> {
        self.place.check()
    }

    /// Whether there is a socket, so that asking is worth it.
    ///
    /// # Errors
    /// When the folder is unsafe.
    pub(crate) fn may_run(&self) -> Result<bool, AgentError> {
        Ok(self.place.check()? && self.place.socket().symlink_metadata().is_ok())
    }

    /// The key of a vault, if the agent has it. An agent of another version is ended: its key is gone then.
    ///
    /// # Errors
    /// When the folder is unsafe, or an agent is there and does not answer.
    pub(crate) fn get(&self, vault: VaultId) -> Result<Option<RootKey>, AgentError> {
        let Some((answer, mut bytes)) = self.ask(&Request::Get(vault))? else {
            return Ok(None);
        };
        if !answer.is_ours {
            self.stop(answer.process)?;
            return Ok(None);
        }
        key_in(&answer, &mut bytes)
    }

    /// The same, and no use of the key: its time goes on. An agent of another version stays, and gives nothing.
    ///
    /// # Errors
    /// As [`Agent::get`].
    pub(crate) fn peek(&self, vault: VaultId) -> Result<Option<RootKey>, AgentError> {
        match self.ask(&Request::Peek(vault))? {
            Some((answer, mut bytes)) if answer.is_ours => key_in(&answer, &mut bytes),
            _ => Ok(None),
        }
    }

    /// Has the key wiped.
    ///
    /// # Errors
    /// As [`Agent::get`].
    pub(crate) fn lock(&self) -> Result<Locking, AgentError> {
        let Some((answer, _)) = self.ask(&Request::Lock)? else {
            return Ok(Locking::NoAgent);
        };
        match answer.code {
            Some(Code::Done) => Ok(Locking::Locked),
            Some(Code::Locked) => Ok(Locking::Unchanged),
            _ if !answer.is_ours => self.stop(answer.process).map(|()| Locking::Locked),
            other => Err(refused(other)),
        }
    }

    /// What there is. It starts nothing and is no use of the key.
    ///
    /// # Errors
    /// As [`Agent::get`].
    pub(crate) fn state(&self) -> Result<State, AgentError> {
        let Some((answer, _)) = self.ask(&Request::Status)? else {
            return Ok(State::None);
        };
        let known = Known {
            idle: answer.idle,
            max: answer.max,
            process: answer.process,
            version: answer.version(),
        };
        match answer.code {
            Some(Code::Done) => Ok(State::Unlocked(known)),
            Some(Code::Locked) => Ok(State::Locked(known)),
            other => Err(refused(other)),
        }
    }

    /// Gives the key to the agent; where none runs, `program` is started as one first.
    ///
    /// # Errors
    /// Also when it does not start.
    pub(crate) fn unlock(
        &self,
        vault: VaultId,
        key: &RootKey,
        limits: Limits,
        program: &Path,
    ) -> Result<(), AgentError> {
        self.place.prepare()?;
        let until = Instant::now() + START;
        while Instant::now() < until {
            match self.ask(&Request::Put(vault, key.duplicate(), limits))? {
                // Another may have replaced it meanwhile, which is why it is said which process is meant.
                Some((answer, _)) if !answer.is_ours => self.stop(answer.process)?,
                Some((answer, _)) => match answer.code {
                    Some(Code::Done) => return Ok(()),
                    other => return Err(refused(other)),
                },
                None => match start(program, self.place.socket())? {
                    Begun::Ready => {}
                    // One begins or ends at this moment, and neither can be waited for.
                    Begun::Busy => thread::sleep(Duration::from_millis(5)),
                },
            }
        }
        Err(AgentError::NotStarted(ErrorKind::TimedOut.into()))
    }

    fn stop(&self, process: u32) -> Result<(), AgentError> {
        self.ask(&Request::Stop(process)).map(drop)
    }

    /// `None` where nobody listens.
    pub(super) fn ask(&self, request: &Request) -> Result<Option<(Response, Frame)>, AgentError> {
        if !self.place.check()? {
            return Ok(None);
        }
        let mut failure = ErrorKind::UnexpectedEof.into();
        for _ in 0..TRIES {
            match self.try_to_ask(request) {
                Ok(answer) => return Ok(answer),
                Err(Failure::CutOff(err)) => failure = err,
                Err(Failure::Other(err)) => return Err(err),
            }
        }
        Err(self.silent(failure))
    }

    fn try_to_ask(&self, request: &Request) -> Result<Option<(Response, Frame)>, Failure> {
        let silent = |err| Failure::Other(self.silent(err));
        let mut stream = match self.connect() {
            Ok(stream) => stream,
            Err(Errno::NOENT | Errno::CONNREFUSED) => return Ok(None),
            Err(err) => return Err(silent(err.into())),
        };
        if let Some(uid) = other_user(&stream) {
            let path: PathBuf = self.place.socket().to_owned();
            return Err(Failure::Other(AgentError::OtherUser { path, uid }));
        }
        // It may answer and close before all of it was taken, so that a failure to send is not yet one.
        let sent = stream.write_all(&request.encode()[..]);
        let mut bytes = frame();
        match stream.read_exact(&mut bytes[..]) {
            Ok(()) => {}
            Err(err) if is_cut_off(&err) => return Err(Failure::CutOff(err)),
            Err(err) => return Err(silent(sent.err().unwrap_or(err))),
        }
        let read: &[u8; FRAME] = &bytes;
        match Response::decode(read) {
            Some(answer) => Ok(Some((answer, bytes))),
            None => Err(silent(ErrorKind::InvalidData.into())),
        }
    }

    fn connect(&self) -> Result<UnixStream, Errno> {
        let stream = socket(AddressFamily::UNIX, SocketType::STREAM, None)?;
        // Not at once, which not every system can; this process starts no other meanwhile.
        fcntl_setfd(&stream, FdFlags::CLOEXEC)?;
        for direction in [Timeout::Recv, Timeout::Send] {
            set_socket_timeout(&stream, direction, Some(PATIENCE))?;
        }
        connect(&stream, &SocketAddrUnix::new(self.place.socket())?)?;
        Ok(stream.into())
    }

    fn silent(&self, source: io::Error) -> AgentError {
        let source = match source.kind() {
            // What the system says of it is that something is not there at the moment.
            ErrorKind::TimedOut | ErrorKind::WouldBlock => {
                let seconds = PATIENCE.as_secs();
                io::Error::other(format!("it did not answer within {seconds} s"))
            }
            _ => source,
        };
        AgentError::Silent {
            path: self.place.socket().to_owned(),
            process: self.place.holder(),
            source,
        }
    }
}

enum Failure {
    /// It may be tried once more.
    CutOff(io::Error),
    Other(AgentError),
}

fn is_cut_off(err: &io::Error) -> bool {
    matches!(
        err.kind(),
        ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset | ErrorKind::BrokenPipe
    )
}

fn key_in(answer: &Response, bytes: &mut [u8; FRAME]) -> Result<Option<RootKey>, AgentError> {
    match answer.code {
        Some(Code::Done) => Ok(Some(Response::take_key(bytes))),
        Some(Code::Locked | Code::OtherVault) => Ok(None),
        other => Err(refused(other)),
    }
}

fn refused(code: Option<Code>) -> AgentError {
    AgentError::Refused(code.unwrap_or(Code::OtherProtocol))
}
