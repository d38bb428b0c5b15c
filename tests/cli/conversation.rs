//! A batch of verifications that stays open while the vault changes.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::common::TestEnv;

/// A batch that is spoken with line by line.
struct Conversation {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Conversation {
    fn begin(env: &TestEnv, args: &[&str]) -> Self {
        let mut command: Command = env.command([&["verify", "--batch"], args].concat());
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it runs");
        let input = child.stdin.take();
        let output = BufReader::new(child.stdout.take().expect("a pipe"));
        Self {
            child,
            input,
            output,
        }
    }

    fn say(&mut self, text: &str) {
        let input = self.input.as_mut().expect("open");
        input.write_all(text.as_bytes()).expect("it reads");
    }

    /// The code that a line is answered with, while the input stays open.
    fn ask(&mut self, token: &str) -> String {
        self.say(&format!("{token}\n"));
        let mut line = String::new();
        self.output.read_line(&mut line).expect("an answer");
        let answer: Value = serde_json::from_str(&line).expect("a JSON object");
        answer["code"].as_str().expect("a code").to_owned()
    }

    /// Ends the input; gives the exit code, what else was answered, and standard error.
    fn end(mut self) -> (Option<i32>, String, String) {
        drop(self.input.take());
        let (mut rest, mut said) = (String::new(), String::new());
        self.output.read_to_string(&mut rest).expect("UTF-8");
        let mut stderr = self.child.stderr.take().expect("a pipe");
        stderr.read_to_string(&mut said).expect("UTF-8");
        let status = self.child.wait().expect("it ends");
        (status.code(), rest, said)
    }
}

#[test]
fn who_waits_for_an_answer_gets_it_at_once() {
    let env = TestEnv::new();
    let token = env.create(["deploy"]);
    let mut batch = Conversation::begin(&env, &[]);
    for _ in 0..20 {
        assert_eq!(batch.ask(&token), "valid");
        assert_eq!(batch.ask("x"), "malformed");
    }
    // Recorded by now, for it went on to wait.
    wait_for(|| env.show(["deploy"])["requests"] == 20);
    batch.say(&token[..30]);
    batch.say(&token[30..]);
    let (code, rest, said) = batch.end();
    assert_eq!((code, rest.lines().count(), &*said), (Some(0), 1, ""));
}

/// A second at most, as the promise is; more on a machine that does other things.
#[track_caller]
fn wait_for(condition: impl Fn() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < Duration::from_secs(20), "it never came");
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn what_was_changed_holds_for_the_next_line() {
    let env = TestEnv::new();
    let first = env.create(["first"]);
    let mut batch = Conversation::begin(&env, &[]);
    assert_eq!(batch.ask(&first), "valid");
    let second = env.create(["second"]);
    assert_eq!(batch.ask(&second), "valid");
    let newer = env.run(["rotate", "second", "--yes"]).token();
    assert_eq!(batch.ask(&second), "rotated");
    assert_eq!(batch.ask(&newer), "valid");
    for n in 0..25 {
        let name = format!("key-{n}");
        let token = env.create([name.as_str()]);
        assert_eq!(batch.ask(&token), "valid", "{name}");
        let end = if n % 2 == 0 { "revoke" } else { "delete" };
        assert!(env.run([end, name.as_str(), "--yes"]).success());
        let code = if n % 2 == 0 { "revoked" } else { "unknown" };
        assert_eq!(batch.ask(&token), code, "{name}");
    }
    assert_eq!(batch.ask(&first), "valid");
    assert_eq!(batch.end().0, Some(0));
}

#[test]
fn another_file_in_the_vaults_place_is_noticed() {
    let env = TestEnv::new();
    let token = env.create(["first"]);
    let copy = env.path("copy.db");
    fs::copy(env.vault(), &copy).expect("copied");
    let mut batch = Conversation::begin(&env, &[]);
    assert_eq!(batch.ask(&token), "valid");
    assert!(env.run(["revoke", "first", "--yes"]).success());
    let (revoked, newest) = (env.path("revoked.db"), env.path("newest.db"));
    fs::copy(env.vault(), &revoked).expect("copied");
    fs::copy(env.vault(), &newest).expect("copied");
    assert_eq!(batch.ask(&token), "revoked");
    fs::rename(&revoked, env.vault()).expect("renamed");
    assert_eq!(batch.ask(&token), "revoked");
    // An older copy is a rollback: it ends the batch, and what was answered stays answered.
    fs::rename(&copy, env.vault()).expect("renamed");
    batch.say(&format!("{token}\n"));
    let (code, rest, said) = batch.end();
    assert_eq!((code, &*rest), (Some(7), ""), "{said}");
    assert!(said.starts_with("error: the vault "), "{said}");
    fs::rename(&newest, env.vault()).expect("renamed");
    assert_eq!(env.show(["first"])["requests"], 3);
}

#[test]
fn a_damaged_vault_ends_a_batch() {
    let env = TestEnv::new();
    let token = env.create(["first"]);
    let mut batch = Conversation::begin(&env, &[]);
    assert_eq!(batch.ask(&token), "valid");
    let mut bytes = env.vault_bytes();
    let id = &token.as_bytes()[9..21];
    let at = bytes.windows(id.len()).position(|found| found == id);
    // In the sealed part of the record that begins with this id.
    bytes[at.expect("ids are readable") + 100] ^= 1;
    let damaged = env.write("damaged.db", bytes);
    fs::set_permissions(
        &damaged,
        fs::metadata(env.vault()).expect("there").permissions(),
    )
    .expect("private");
    fs::rename(&damaged, env.vault()).expect("renamed");
    batch.say(&format!("{token}\n{token}\n"));
    let (code, rest, said) = batch.end();
    assert_eq!((code, &*rest), (Some(7), ""), "{said}");
}

#[test]
fn a_token_that_expires_meanwhile_is_expired() {
    let env = TestEnv::new();
    let mut batch = Conversation::begin(&env, &[]);
    let token = env.create(["brief", "--expires", "8s"]);
    assert_eq!(batch.ask(&token), "valid");
    let begun = Instant::now();
    loop {
        thread::sleep(Duration::from_millis(200));
        match batch.ask(&token).as_str() {
            "expired" => break,
            code => assert_eq!(code, "valid"),
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "it never ends");
    }
    assert_eq!(batch.end().0, Some(0));
}

/// With a required audit a use is on record before its answer is.
#[test]
fn where_the_audit_is_required_an_answer_is_counted_before_it_is_given() {
    let env = TestEnv::new();
    env.write(".config/keywright/config.toml", "audit = \"required\"\n");
    let token = env.create(["deploy"]);
    let mut batch = Conversation::begin(&env, &[]);
    for n in 1..=10 {
        assert_eq!(batch.ask(&token), "valid");
        assert_eq!(env.show(["deploy"])["requests"], n);
    }
    assert_eq!(batch.end().0, Some(0));
}

/// Memory that a batch needs at most, in KiB, by the kernel's own count.
#[test]
#[cfg(target_os = "linux")]
fn memory_does_not_grow_with_the_input() {
    let env = TestEnv::new();
    let token = env.create(["deploy"]);
    let peak = |lines: usize, tail: &str| {
        let mut batch = Conversation::begin(&env, &["--no-record"]);
        let mut output = batch.output;
        let reading = thread::spawn(move || {
            let mut last = String::new();
            while !last.contains("malformed") {
                last.clear();
                output.read_line(&mut last).expect("an answer");
            }
            output
        });
        let block = format!("{token}\n").repeat(1000);
        let input = batch.input.as_mut().expect("open");
        for _ in 0..lines / 1000 {
            input.write_all(block.as_bytes()).expect("it reads");
        }
        input.write_all(tail.as_bytes()).expect("it reads");
        input.write_all(b"\n").expect("it reads");
        batch.output = reading.join().expect("read");
        let status = fs::read_to_string(format!("/proc/{}/status", batch.child.id()));
        let status = status.expect("readable");
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let peak = peak.expect("Linux says it").trim_end_matches("kB").trim();
        assert_eq!(batch.end().0, Some(0));
        peak.parse::<u64>().expect("a number")
    };
    let small = peak(1000, "x");
    let large = peak(100_000, &"x".repeat(8 << 20));
    assert!(large < small + 2048, "{small} KiB, then {large} KiB");
}
