//! What client and agent say to each other: 64 bytes there and 64 back, one request a connection.
//!
//! | request | bytes | |
//! |---|---|---|
//! | magic | 0..4 | `KWAG` |
//! | protocol | 4..6 | 1 |
//! | verb | 6 | 1 get, 2 put, 3 lock, 4 status, 5 stop, 6 peek |
//! | zero | 7 | 0 |
//! | vault id | 8..24 | of get, peek and put; else zero |
//! | key | 24..56 | of put; else zero |
//! | idle | 56..60 | of put: seconds without use. Of stop: the process that is meant, 0 for any. Else zero |
//! | max | 60..64 | of put: seconds in any case; else zero |
//!
//! | response | bytes | |
//! |---|---|---|
//! | magic | 0..4 | `KWAG` |
//! | protocol | 4..6 | 1 |
//! | code | 6 | see [`Code`] |
//! | zero | 7 | 0 |
//! | key | 8..40 | of get and peek, when the code is 0; else zero |
//! | idle | 40..44 | seconds left without use; 0 without a key |
//! | max | 44..48 | seconds left in any case; 0 without a key |
//! | process | 48..52 | of the agent |
//! | version | 52..64 | of the agent, ASCII, filled up with zeros |
//!
//! Peek is get that counts as no use of the key. Numbers are little-endian. Status and stop keep their layout, and every response its own, for ever: that is how a
//! client of another version finds out, and ends the agent. A buffer that may have a key in it is never moved and is
//! wiped on drop; nothing of a request is printed or kept anywhere else.

use std::fmt;

use zeroize::Zeroizing;

use super::limits::{Limit, Limits};
use crate::crypto::RootKey;
use crate::key::VaultId;

/// Bytes of a request, and of a response.
pub(super) const FRAME: usize = 64;

const MAGIC: &[u8; 4] = b"KWAG";
const PROTOCOL: u16 = 1;

/// This build's version, as it stands in a response.
const VERSION: [u8; 12] = {
    let text = env!("CARGO_PKG_VERSION").as_bytes();
    let mut version = [0; 12];
    assert!(text.len() <= version.len());
    let mut at = 0;
    while at < text.len() {
        version[at] = text[at];
        at += 1;
    }
    version
};

/// A frame on the heap, where it stays until it is wiped.
pub(super) type Frame = Box<Zeroizing<[u8; FRAME]>>;

/// One that is empty.
pub(super) fn frame() -> Frame {
    Box::new(Zeroizing::new([0; FRAME]))
}

/// What a client asks.
#[derive(Debug)]
pub(super) enum Request {
    Get(VaultId),
    Lock,
    /// As get, and no use.
    Peek(VaultId),
    Put(VaultId, RootKey, Limits),
    Status,
    /// With the process that is meant: another client may have replaced it meanwhile. 0 is any.
    Stop(u32),
}

/// What the agent answers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Code {
    Done = 0,
    /// It has no key.
    Locked = 1,
    /// It has the key of another vault.
    OtherVault = 2,
    Malformed = 3,
    /// The client is another user.
    NotAllowed = 4,
    /// It speaks another protocol.
    OtherProtocol = 5,
    /// Another process than this was to stop.
    OtherProcess = 6,
}

impl Code {
    const ALL: [Self; 7] = [
        Self::Done,
        Self::Locked,
        Self::OtherVault,
        Self::Malformed,
        Self::NotAllowed,
        Self::OtherProtocol,
        Self::OtherProcess,
    ];
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Done => "it is done",
            Self::Locked => "it has no key",
            Self::Malformed => "it does not understand the request",
            Self::NotAllowed => "it belongs to another user",
            Self::OtherProcess => "it is not the one that was meant",
            Self::OtherProtocol => "it speaks another protocol",
            Self::OtherVault => "it has the key of another vault",
        })
    }
}

impl Request {
    /// As it is sent.
    pub(super) fn encode(&self) -> Frame {
        let mut bytes = frame();
        bytes[..4].copy_from_slice(MAGIC);
        bytes[4..6].copy_from_slice(&PROTOCOL.to_le_bytes());
        match self {
            Self::Get(vault) => {
                bytes[6] = 1;
                bytes[8..24].copy_from_slice(&vault.0);
            }
            Self::Put(vault, key, limits) => {
                bytes[6] = 2;
                bytes[8..24].copy_from_slice(&vault.0);
                bytes[24..56].copy_from_slice(key.expose()); // what the agent is there to hold
                bytes[56..60].copy_from_slice(&limits.idle.seconds().to_le_bytes());
                bytes[60..].copy_from_slice(&limits.max.seconds().to_le_bytes());
            }
            Self::Lock => bytes[6] = 3,
            Self::Status => bytes[6] = 4,
            Self::Stop(process) => {
                bytes[6] = 5;
                bytes[56..60].copy_from_slice(&process.to_le_bytes());
            }
            Self::Peek(vault) => {
                bytes[6] = 6;
                bytes[8..24].copy_from_slice(&vault.0);
            }
        }
        bytes
    }

    /// Reads a request; a key in it is taken out and wiped there.
    ///
    /// # Errors
    /// The code to answer with.
    pub(super) fn decode(bytes: &mut [u8; FRAME]) -> Result<Self, Code> {
        if &bytes[..4] != MAGIC {
            return Err(Code::Malformed);
        }
        let protocol = u16::from_le_bytes([bytes[4], bytes[5]]);
        let verb = bytes[6];
        let number = number_at(bytes, 56);
        // Whatever else a later protocol says in them.
        match verb {
            4 => return Ok(Self::Status),
            5 => return Ok(Self::Stop(number)),
            _ if protocol != PROTOCOL => return Err(Code::OtherProtocol),
            _ if bytes[7] != 0 => return Err(Code::Malformed),
            _ => {}
        }
        let vault = VaultId(bytes[8..24].try_into().expect("16 bytes"));
        match verb {
            1 => Ok(Self::Get(vault)),
            2 => {
                let limit = |at| Limit::from_seconds(number_at(bytes, at)).ok_or(Code::Malformed);
                let limits = Limits {
                    idle: limit(56)?,
                    max: limit(60)?,
                };
                let key = bytes[24..56].first_chunk_mut().expect("32 bytes");
                Ok(Self::Put(vault, RootKey::take(key), limits))
            }
            3 => Ok(Self::Lock),
            6 => Ok(Self::Peek(vault)),
            _ => Err(Code::Malformed),
        }
    }
}

/// An answer, but for the key that may be in it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Response {
    /// `None` for one that this build does not know.
    pub(super) code: Option<Code>,
    /// Whether it is of this build's protocol and version.
    pub(super) is_ours: bool,
    /// Seconds left without use.
    pub(super) idle: u32,
    /// Seconds left in any case.
    pub(super) max: u32,
    pub(super) process: u32,
    version: [u8; 12],
}

impl Response {
    pub(super) fn new(code: Code, idle: u32, max: u32, process: u32) -> Self {
        Self {
            code: Some(code),
            is_ours: true,
            idle,
            max,
            process,
            version: VERSION,
        }
    }

    /// As it is sent, with a key if there is one to give.
    pub(super) fn encode(&self, key: Option<&RootKey>) -> Frame {
        let mut bytes = frame();
        bytes[..4].copy_from_slice(MAGIC);
        bytes[4..6].copy_from_slice(&PROTOCOL.to_le_bytes());
        bytes[6] = self.code.map_or(u8::MAX, |code| code as u8);
        if let Some(key) = key {
            bytes[8..40].copy_from_slice(key.expose()); // asked for by the user whose it is
        }
        bytes[40..44].copy_from_slice(&self.idle.to_le_bytes());
        bytes[44..48].copy_from_slice(&self.max.to_le_bytes());
        bytes[48..52].copy_from_slice(&self.process.to_le_bytes());
        bytes[52..].copy_from_slice(&self.version);
        bytes
    }

    /// Reads an answer; `None` for what is none. The key stays where it is.
    pub(super) fn decode(bytes: &[u8; FRAME]) -> Option<Self> {
        if &bytes[..4] != MAGIC {
            return None;
        }
        let protocol = u16::from_le_bytes([bytes[4], bytes[5]]);
        let version = bytes[52..].try_into().expect("12 bytes");
        Some(Self {
            code: Code::ALL.into_iter().find(|code| *code as u8 == bytes[6]),
            is_ours: protocol == PROTOCOL && version == VERSION,
            idle: number_at(bytes, 40),
            max: number_at(bytes, 44),
            process: number_at(bytes, 48),
            version,
        })
    }

    /// Takes the key out of an answer and wipes it there.
    pub(super) fn take_key(bytes: &mut [u8; FRAME]) -> RootKey {
        RootKey::take(bytes[8..40].first_chunk_mut().expect("32 bytes"))
    }

    /// The agent's version, as far as it is text.
    pub(super) fn version(&self) -> String {
        let text = String::from_utf8_lossy(&self.version);
        text.trim_end_matches('\0').to_owned()
    }
}

fn number_at(bytes: &[u8; FRAME], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("4 bytes"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn bytes_of(frame: &Frame) -> [u8; FRAME] {
        ***frame
    }

    fn limits(idle: u32, max: u32) -> Limits {
        Limits {
            idle: Limit::from_seconds(idle).expect("a limit"),
            max: Limit::from_seconds(max).expect("a limit"),
        }
    }

    #[test]
    fn the_bytes_are_those_of_the_table() {
        let put = Request::Put(
            VaultId([0xaa; 16]),
            RootKey::take(&mut [0xbb; 32]),
            limits(900, 28_800),
        );
        let mut expected = b"KWAG\x01\x00\x02\x00".to_vec();
        expected.extend([0xaa; 16]);
        expected.extend([0xbb; 32]);
        expected.extend([0x84, 3, 0, 0, 0x80, 0x70, 0, 0]);
        assert_eq!(bytes_of(&put.encode()).as_slice(), expected);

        let answer = Response::new(Code::Done, 900, 28_800, 4_711);
        let key = RootKey::take(&mut [0xbb; 32]);
        let mut expected = b"KWAG\x01\x00\x00\x00".to_vec();
        expected.extend([0xbb; 32]);
        expected.extend([0x84, 3, 0, 0, 0x80, 0x70, 0, 0, 0x67, 0x12, 0, 0]);
        expected.extend(VERSION);
        assert_eq!(bytes_of(&answer.encode(Some(&key))).as_slice(), expected);
        assert_eq!(answer.version(), env!("CARGO_PKG_VERSION"));
    }

    #[test]
    fn a_key_is_gone_from_the_frame_that_brought_it() {
        let put = Request::Put(
            VaultId([1; 16]),
            RootKey::take(&mut [7; 32]),
            limits(60, 60),
        );
        let mut bytes = bytes_of(&put.encode());
        assert!(Request::decode(&mut bytes).is_ok());
        assert_eq!(bytes[24..56], [0; 32]);
        let answer = Response::new(Code::Done, 1, 1, 1);
        let mut bytes = bytes_of(&answer.encode(Some(&RootKey::take(&mut [7; 32]))));
        assert_eq!(Response::take_key(&mut bytes).expose(), &[7; 32]);
        assert_eq!(bytes[8..40], [0; 32]);
    }

    #[test]
    fn another_protocol_may_only_ask_and_stop() {
        for (request, allowed) in [
            (Request::Get(VaultId([1; 16])), false),
            (Request::Lock, false),
            (Request::Peek(VaultId([1; 16])), false),
            (Request::Status, true),
            (Request::Stop(12), true),
        ] {
            let mut bytes = bytes_of(&request.encode());
            bytes[4] = 2;
            bytes[7] = 9;
            let read = Request::decode(&mut bytes);
            assert_eq!(read.is_ok(), allowed, "{request:?}: {read:?}");
            if !allowed {
                assert_eq!(read.err(), Some(Code::OtherProtocol));
            }
        }
    }

    #[test]
    fn limits_out_of_bounds_are_malformed() {
        let put = Request::Put(
            VaultId([1; 16]),
            RootKey::take(&mut [7; 32]),
            limits(60, 60),
        );
        for (at, seconds) in [(56, 59_u32), (60, 0), (60, 2_592_001), (56, u32::MAX)] {
            let mut bytes = bytes_of(&put.encode());
            bytes[at..at + 4].copy_from_slice(&seconds.to_le_bytes());
            assert_eq!(Request::decode(&mut bytes).err(), Some(Code::Malformed));
        }
    }

    proptest! {
        #[test]
        fn every_request_comes_back(
            verb in 0..6_u8,
            vault: [u8; 16],
            key: [u8; 32],
            idle in 60..2_592_000_u32,
            max in 60..2_592_000_u32,
            process: u32,
        ) {
            let request = || match verb {
                0 => Request::Get(VaultId(vault)),
                1 => Request::Put(VaultId(vault), RootKey::take(&mut key.clone()), limits(idle, max)),
                2 => Request::Lock,
                3 => Request::Status,
                4 => Request::Peek(VaultId(vault)),
                _ => Request::Stop(process),
            };
            let sent = bytes_of(&request().encode());
            let read = Request::decode(&mut sent.clone()).expect("understood");
            prop_assert_eq!(bytes_of(&read.encode()), sent);
        }

        #[test]
        fn any_bytes_are_a_request_or_a_code(
            bytes in proptest::collection::vec(any::<u8>(), FRAME),
            begins_right: bool,
        ) {
            let mut bytes: [u8; FRAME] = bytes.try_into().expect("a frame");
            if begins_right {
                bytes[..6].copy_from_slice(b"KWAG\x01\x00");
                bytes[6] %= 8;
                bytes[7] %= 2;
            }
            let _ = Response::decode(&bytes);
            let _ = Request::decode(&mut bytes);
        }

        #[test]
        fn every_response_comes_back(code in 0..7_usize, idle: u32, max: u32, process: u32) {
            let answer = Response::new(Code::ALL[code], idle, max, process);
            let bytes = bytes_of(&answer.encode(None));
            prop_assert_eq!(Response::decode(&bytes), Some(answer));
        }
    }
}
