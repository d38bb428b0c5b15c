//! An agent in a thread, whose clock the test moves.

use std::io::PipeWriter;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{self, JoinHandle};

use tempfile::TempDir;

use super::*;
use crate::agent::client::{Agent, Locking, State};
use crate::agent::limits::Limits;
use crate::crypto::RootKey;
use crate::key::VaultId;

const VAULT: VaultId = VaultId([1; 16]);

struct Scene {
    folder: TempDir,
    agent: Agent,
    seconds: Arc<AtomicU64>,
    wake: Option<PipeWriter>,
    thread: Option<JoinHandle<io::Result<End>>>,
}

impl Scene {
    fn new(mode: Mode) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let sockets = folder.path().join("sockets");
        let vault = folder.path().join("vault.db");
        let place = Place::new(&sockets, &vault);
        let bound = place.listen().expect("it listens").expect("it is free");
        let seconds = Arc::new(AtomicU64::new(1_000));
        let told = Arc::clone(&seconds);
        let (reader, wake) = io::pipe().expect("a pipe");
        let clock = move || Duration::from_secs(told.load(Ordering::SeqCst));
        let mut server = Server::new(bound, mode, clock);
        let thread = thread::spawn(move || server.run(reader.as_fd()));
        Self {
            agent: Agent::new(&sockets, &vault),
            folder,
            seconds,
            wake: Some(wake),
            thread: Some(thread),
        }
    }

    fn put(&self, key: u8, limits: Limits) {
        let request = Request::Put(VAULT, RootKey::take(&mut [key; 32]), limits);
        let (answer, _) = self.agent.ask(&request).expect("told").expect("there");
        assert_eq!(answer.code, Some(Code::Done));
    }

    /// Which key it gives out.
    fn key_id(&self) -> Option<[u8; 16]> {
        let key = self.agent.get(VAULT).expect("an answer");
        key.map(|key| key.id(VAULT))
    }

    fn sleep(&self, seconds: u64) {
        self.seconds.fetch_add(seconds, Ordering::SeqCst);
    }

    fn connect(&self) -> UnixStream {
        let sockets = std::fs::read_dir(self.folder.path().join("sockets")).expect("readable");
        let mut paths = sockets.map(|entry| entry.expect("readable").path());
        let socket = paths.find(|path| path.extension().is_some_and(|ext| ext == "sock"));
        UnixStream::connect(socket.expect("it listens")).expect("it listens")
    }

    /// Waits for its end, which nothing but what the test did brings about.
    fn end(&mut self) -> End {
        let thread = self.thread.take().expect("it ends once");
        thread.join().expect("no panic").expect("no failure")
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        drop(self.wake.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn key_id(key: u8) -> [u8; 16] {
    RootKey::take(&mut [key; 32]).id(VAULT)
}

#[test]
fn a_key_comes_back_and_only_for_its_vault() {
    let scene = Scene::new(Mode::Foreground);
    assert_eq!(scene.key_id(), None);
    scene.put(7, Limits::default());
    assert_eq!(scene.key_id(), Some(key_id(7)));
    let other = scene.agent.get(VaultId([2; 16])).expect("an answer");
    assert!(other.is_none());
    scene.put(8, Limits::default());
    assert_eq!(scene.key_id(), Some(key_id(8)));
    assert_eq!(scene.agent.lock().expect("an answer"), Locking::Locked);
    assert_ne!(scene.agent.lock().expect("an answer"), Locking::Locked);
    assert_eq!(scene.key_id(), None);
}

#[test]
fn after_a_sleep_past_a_limit_it_gives_nothing_out() {
    let scene = Scene::new(Mode::Foreground);
    for (asleep, left) in [(899, true), (900, false), (28_800, false)] {
        scene.put(7, Limits::default());
        scene.sleep(asleep);
        assert_eq!(scene.key_id().is_some(), left, "{asleep}");
    }
    // A use each ten minutes: until the other limit.
    scene.put(7, Limits::default());
    for _ in 0..47 {
        scene.sleep(600);
        assert!(scene.key_id().is_some());
    }
    scene.sleep(600);
    assert_eq!(scene.key_id(), None);
}

#[test]
fn looking_is_no_use_and_tells_what_is_left() {
    let scene = Scene::new(Mode::Foreground);
    scene.put(7, Limits::default());
    scene.sleep(600);
    let State::Unlocked(known) = scene.agent.state().expect("an answer") else {
        panic!("it has a key");
    };
    assert_eq!((known.idle, known.max), (300, 28_200));
    assert_eq!(known.process, std::process::id());
    scene.sleep(300);
    assert!(matches!(scene.agent.state(), Ok(State::Locked(known)) if known.idle == 0));
}

#[test]
fn in_the_background_it_ends_with_its_key() {
    // By a limit, by `lock`, and when nobody comes.
    let mut scene = Scene::new(Mode::Background);
    scene.put(7, Limits::default());
    scene.sleep(900);
    // The loop turns when somebody comes.
    drop(scene.connect());
    assert_eq!(scene.end(), End::Asked);
    assert_eq!(scene.agent.state().expect("nobody"), State::None);

    let mut scene = Scene::new(Mode::Background);
    scene.put(7, Limits::default());
    assert_eq!(scene.agent.lock().expect("an answer"), Locking::Locked);
    // Its name was gone before it answered.
    assert_eq!(scene.agent.state().expect("nobody"), State::None);
    assert_eq!(scene.end(), End::Asked);

    let mut scene = Scene::new(Mode::Background);
    scene.sleep(9);
    assert!(matches!(scene.agent.state(), Ok(State::Locked(_))));
    scene.sleep(1);
    drop(scene.connect());
    assert_eq!(scene.end(), End::Asked);
}

#[test]
fn in_the_foreground_it_stays() {
    let mut scene = Scene::new(Mode::Foreground);
    scene.sleep(1_000);
    scene.put(7, Limits::default());
    assert_eq!(scene.agent.lock().expect("an answer"), Locking::Locked);
    scene.put(7, Limits::default());
    scene.sleep(100_000);
    assert!(matches!(scene.agent.state(), Ok(State::Locked(_))));
    drop(scene.wake.take());
    assert_eq!(scene.end(), End::Asked);
}

#[test]
fn stopping_means_one_process() {
    let mut scene = Scene::new(Mode::Foreground);
    let ask = |process| {
        let answer = scene.agent.ask(&Request::Stop(process)).expect("told");
        answer.and_then(|(answer, _)| answer.code)
    };
    assert_eq!(ask(u32::MAX), Some(Code::OtherProcess));
    assert_eq!(ask(std::process::id()), Some(Code::Done));
    assert_eq!(scene.end(), End::Asked);
}

#[test]
fn it_ends_when_its_socket_is_gone() {
    let mut scene = Scene::new(Mode::Foreground);
    let stream = scene.connect();
    std::fs::remove_dir_all(scene.folder.path().join("sockets")).expect("removed");
    drop(stream);
    assert_eq!(scene.end(), End::Unreachable);
}

#[test]
fn nobody_who_connects_keeps_it_waiting() {
    let scene = Scene::new(Mode::Foreground);
    scene.put(7, Limits::default());
    let mut silent: Vec<UnixStream> = (0..200).map(|_| scene.connect()).collect();
    for (at, stream) in silent.iter_mut().enumerate() {
        // Half a request each; where it was dropped already, that fails.
        let _ = stream.write_all(&vec![b'K'; at % FRAME]);
    }
    assert_eq!(scene.key_id(), Some(key_id(7)));
    // All but the newest were dropped: they read an end.
    let mut dropped = 0;
    for stream in &mut silent[..136] {
        stream.set_nonblocking(true).expect("set");
        let read = stream.read(&mut [0]);
        dropped += usize::from(!read.is_err_and(|err| err.kind() == ErrorKind::WouldBlock));
    }
    assert_eq!(dropped, 136);
    // The others have a second, by the agent's clock.
    scene.sleep(1);
    assert_eq!(scene.key_id(), Some(key_id(7)));
    let last = silent.last_mut().expect("200 of them");
    assert!(matches!(last.read(&mut [0]), Ok(0) | Err(_)));
}

#[test]
fn what_is_no_request_is_answered_as_that() {
    let scene = Scene::new(Mode::Foreground);
    scene.put(7, Limits::default());
    let get = Request::Get(VAULT).encode();
    let mut long = get.to_vec();
    long.push(0);
    for (sent, expected) in [
        (get.to_vec(), Some(Code::Done)),
        (long, Some(Code::Malformed)),
        (vec![b'x'; FRAME], Some(Code::Malformed)),
        (get[..63].to_vec(), None),
        (Vec::new(), None),
    ] {
        let mut stream = scene.connect();
        stream.write_all(&sent).expect("taken");
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let mut answer = [0; FRAME];
        let code = match stream.read_exact(&mut answer) {
            Ok(()) => Response::decode(&answer).and_then(|answer| answer.code),
            Err(_) => None,
        };
        assert_eq!(code, expected, "{} bytes", sent.len());
        assert!(code == Some(Code::Done) || answer[8..40] == [0; 32]);
    }
    // A megabyte is not waited for either.
    let mut stream = scene.connect();
    let _ = stream.write_all(&vec![b'K'; 1 << 20]);
    assert_eq!(scene.key_id(), Some(key_id(7)));
}
