//! A writer that has locked the vault and does not go on: who asks meanwhile waits, or is told that it is unavailable.

use std::fs;
use std::process::{Child, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use rustix::process::{Pid, kill_process};

use crate::common::needed;
use crate::replaced::{Opened, Scene};
use crate::server::{DEADLINE, Signal, request};

/// Somebody who has locked the vault and does not go on.
#[test]
fn a_vault_that_is_locked_is_waited_for() {
    let scene = Scene::new(Opened::ByAccessToken);
    let connection = Connection::open(scene.vault()).expect("it opens");
    connection
        .execute_batch("BEGIN EXCLUSIVE; UPDATE record SET revision = revision + 1")
        .expect("locked");
    // Nothing was committed, so that nothing has changed.
    scene.expect("valid");
    connection.execute_batch("ROLLBACK").expect("unlocked");
    scene.expect_again("valid");
}

/// `keywright revoke first`, which strace stops in the middle; both are ended with it.
struct Halted {
    strace: Child,
    writer: Option<Pid>,
}

impl Halted {
    /// Stops it before the nth time that it makes this system call.
    fn new(scene: &Scene, call: &str, nth: usize) -> Self {
        let fault = format!("inject={call}:signal=STOP:when={nth}");
        let mut command = scene.env.program("strace");
        command
            .args(["-f", "-qq", "-o", "/dev/null", "-e", &fault])
            .arg(env!("CARGO_BIN_EXE_keywright"))
            .args(["revoke", "first", "--yes"])
            .args(["-p", "shop", "-e", "production"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let mut halted = Self {
            strace: command.spawn().expect("strace starts"),
            writer: None,
        };
        halted.writer = halted.wait();
        halted
    }

    /// The writer, once it stands; `None` when it has ended instead.
    fn wait(&mut self) -> Option<Pid> {
        let children = format!("/proc/{0}/task/{0}/children", self.strace.id());
        let deadline = Instant::now() + DEADLINE;
        while Instant::now() < deadline {
            if self.strace.try_wait().expect("a status").is_some() {
                return None;
            }
            let children = fs::read_to_string(&children).unwrap_or_default();
            for child in children.split_whitespace() {
                let stands = || {
                    let stat = fs::read_to_string(format!("/proc/{child}/stat"));
                    let stat = stat.unwrap_or_default();
                    stat.contains("(keywright) T ") || stat.contains("(keywright) t ")
                };
                // strace stops it for a moment at each call; this one lasts.
                let lasts = (0..10).all(|_| {
                    thread::sleep(Duration::from_millis(10));
                    stands()
                });
                if lasts {
                    return Pid::from_raw(child.parse().expect("a process id"));
                }
            }
        }
        panic!("it neither stands nor ends");
    }

    /// Lets it go on, and waits until it has ended.
    fn go_on(&mut self) -> ExitStatus {
        loop {
            if let Some(ended) = self.strace.try_wait().expect("a status") {
                return ended;
            }
            self.tell(Signal::CONT);
            thread::sleep(Duration::from_millis(20));
        }
    }

    fn tell(&self, signal: Signal) {
        if let Some(writer) = self.writer {
            // It is gone once it has ended.
            let _ = kill_process(writer, signal);
        }
    }
}

impl Drop for Halted {
    fn drop(&mut self) {
        if matches!(self.strace.try_wait(), Ok(None)) {
            self.tell(Signal::KILL);
            // It may have ended before.
            let _ = self.strace.kill();
            let _ = self.strace.wait();
        }
    }
}

#[test]
fn a_writer_that_stands_in_the_middle_of_its_commit_makes_nothing_stale() {
    if needed("strace").is_none() {
        return;
    }
    let places = [
        ("pwrite64", &[1, 3, 6, 8][..]),
        ("fdatasync", &[1, 2]),
        ("unlink", &[1]),
    ];
    let places = places
        .iter()
        .flat_map(|(call, nths)| nths.iter().map(move |nth| (*call, *nth)));
    let mut stood = 0;
    for (call, nth) in places {
        let scene = Scene::new(Opened::ByAccessToken);
        let mut halted = Halted::new(&scene, call, nth);
        if halted.writer.is_none() {
            // It makes fewer such calls.
            scene.expect("revoked");
            continue;
        }
        stood += 1;
        // It may wait for as long as SQLite does; what it must not do is to say anything else.
        let mut client = scene.server.client();
        let key = [("x-api-key", scene.first.as_str())];
        let one = request("GET /auth/proxy", &key, "");
        client.send(one).expect("sent");
        client.wait_at_most(Duration::from_millis(300));
        if let Ok(answer) = client.answer() {
            // Its command has not returned: both are so.
            let code = answer.code();
            let is_so = ["valid", "revoked", "unavailable"].contains(&code);
            assert!(is_so, "{call} {nth}: {code}");
        }
        let ended = halted.go_on();
        assert!(ended.success(), "{call} {nth}: {ended}");
        scene.expect_again("revoked");
    }
    assert!(stood > 3, "{stood}");
}
