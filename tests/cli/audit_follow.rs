//! `audit --follow`: what comes while somebody reads.

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use crate::audit::{alter_log, used, verify};

/// A program whose lines are awaited one by one; it is killed when this is dropped.
pub(crate) struct Followed {
    child: Child,
    lines: Receiver<String>,
}

impl Followed {
    pub(crate) fn start(mut command: Command) -> Self {
        let spawned = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn();
        let mut child = spawned.expect("the program starts");
        let stdout: ChildStdout = child.stdout.take().expect("a pipe");
        let (sender, lines) = channel();
        thread::spawn(move || {
            let lines = BufReader::new(stdout).lines().map_while(Result::ok);
            lines
                .take_while(|line| sender.send(line.clone()).is_ok())
                .for_each(drop);
        });
        Self { child, lines }
    }

    /// The next line that has this word.
    #[track_caller]
    pub(crate) fn expect(&self, word: &str) -> String {
        loop {
            let line = self.lines.recv_timeout(Duration::from_secs(60));
            let line = line.unwrap_or_else(|err| panic!("no `{word}`: {err}"));
            if line.contains(word) {
                return line;
            }
        }
    }
}

impl Drop for Followed {
    fn drop(&mut self) {
        // Both fail only when it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn what_comes_is_followed() {
    let env = used();
    let text = Followed::start(env.command(["audit", "--follow", "--limit", "1"]));
    let json = ["audit", "--follow", "--limit", "1", "--json"];
    let json = [&json[..], &["--verb", "create,delete,verify"]].concat();
    let json = Followed::start(env.command(json));
    let title = text.expect("TIME");
    // Both have read what there was, so that the rest is new.
    text.expect("wrong_secret");
    json.expect("wrong_secret");
    let token = env.create(["later"]);
    let row = text.expect("create");
    assert_eq!(title.find("KEY"), row.find("later"), "{title}\n{row}");
    assert!(json.expect("create").contains("\"name\":\"later\""));
    verify(&env, &token);
    assert!(text.expect("verify").contains("valid"));
    assert!(json.expect("verify").contains("\"code\":\"valid\""));
    assert!(env.run(["delete", "later", "--yes"]).success());
    assert!(text.expect("delete").contains("later"));
    assert!(json.expect("delete").contains("\"name\":\"later\""));
}

#[test]
fn a_chain_that_breaks_while_it_is_followed_ends_it() {
    let env = used();
    let mut followed = Followed::start(env.command(["audit", "--follow"]));
    followed.expect("wrong_secret");
    alter_log(
        &env,
        "UPDATE log SET sealed = zeroblob(length(sealed)) WHERE seq = (SELECT max(seq) FROM log)",
    );
    let status = followed.child.wait().expect("our own child");
    assert_eq!(status.code(), Some(7));
}

#[test]
fn a_reader_who_leaves_ends_it_quietly() {
    let env = used();
    for args in ["audit --follow", "audit --follow --json", "audit"] {
        let mut shell = env.program("sh");
        let script = format!("\"$0\" {args} | head -n 1 >/dev/null");
        shell.args(["-c", &script, env!("CARGO_BIN_EXE_keywright")]);
        let outcome = env.finish(shell, "");
        assert_eq!(
            (outcome.code(), outcome.stderr().as_str()),
            (Some(0), ""),
            "{args}"
        );
    }
}
