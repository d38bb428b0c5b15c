//! What is answered is counted: exactly where the server ends well, and but for a second where it is killed.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::common::TestEnv;
use crate::server::{At, Client, Server, Signal, request};

/// Requests of the short form.
const REQUESTS: usize = 5_000;

const CLIENTS: usize = 4;

/// How old the oldest of them is, and how long a machine that is busy may take to write them.
const PERIOD: Duration = Duration::from_secs(1);
const WRITING: Duration = Duration::from_millis(250);

fn usage(env: &TestEnv, name: &str) -> Value {
    let usage = env.run(["usage", name, "--json"]);
    assert!(usage.success(), "{usage}");
    usage.json()["usage"][0].clone()
}

/// A token whose secret is not the one of its key.
fn wrong_secret(env: &TestEnv, name: &str) -> String {
    let id = env.show([name])["key_id"]
        .as_str()
        .expect("an id")
        .to_owned();
    let body = format!("kwt_dev1_{id}_{}", "0".repeat(32));
    let checksum = checksum(&body);
    format!("{body}{checksum}")
}

/// CRC-32 in six base62 digits.
fn checksum(text: &str) -> String {
    let mut rest = crc32fast::hash(text.as_bytes());
    let mut digits = [0; 6];
    for digit in digits.iter_mut().rev() {
        let alphabet = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
        *digit = alphabet[(rest % 62) as usize];
        rest /= 62;
    }
    String::from_utf8(digits.to_vec()).expect("ASCII")
}

/// Sends so many requests by one connection, some of them before the answers to the last have come.
fn send(at: &At, token: &str, count: usize, pipelined: usize) {
    let mut client = Client::to(at);
    let one = request("GET /auth/proxy", &[("x-api-key", token)], "");
    let mut left = count;
    while left > 0 {
        let step = pipelined.min(left);
        client.send(one.repeat(step)).expect("sent");
        for _ in 0..step {
            let answer = client.answer().expect("answered");
            assert_eq!(answer.status, 200, "{answer}");
        }
        left -= step;
    }
}

fn count_exactly(requests: usize) {
    let env = TestEnv::new();
    let tokens: Vec<String> = (0..CLIENTS)
        .map(|at| env.create([format!("key-{at}").as_str()]))
        .collect();
    let server = Server::start(env.serve());
    let at = server.address();
    let each = requests / CLIENTS;
    thread::scope(|scope| {
        for (client, token) in tokens.iter().enumerate() {
            let at = &at;
            // One asks after each answer; the others are ahead of theirs.
            scope.spawn(move || send(at, token, each, 1 + client * 7));
        }
    });
    server.stop();
    for client in 0..CLIENTS {
        let used = usage(&env, &format!("key-{client}"));
        assert_eq!(used["requests"], each, "{used}");
        assert_eq!(used["refused"], 0);
    }
}

#[test]
fn every_answer_is_counted() {
    count_exactly(REQUESTS);
}

#[test]
#[ignore = "a minute: a hundred thousand requests"]
fn a_hundred_thousand_answers_are_counted() {
    count_exactly(100_000);
}

#[test]
fn refusals_and_wrong_secrets_are_counted_apart() {
    let env = TestEnv::new();
    let token = env.create(["ci"]);
    let wrong = wrong_secret(&env, "ci");
    let server = Server::start(env.serve());
    let mut client = server.client();
    for (line, token, count) in [
        ("GET /auth/proxy", token.as_str(), 3),
        ("GET /auth/nginx?require=write", &token, 4),
        ("GET /auth/envoy/x", &wrong, 5),
        ("POST /v1/verify", "nonsense", 6),
    ] {
        for _ in 0..count {
            client.ask(line, &[("x-api-key", token)]);
        }
    }
    drop(client);
    server.stop();
    let used = usage(&env, "ci");
    assert_eq!(used["requests"], 12, "{used}");
    assert_eq!(used["refused"], 9, "{used}");
    assert_eq!(used["wrong_secret"], 5, "{used}");
    let audit = env.run(["audit", "ci"]);
    assert!(audit.success(), "{audit}");
    // Those that are alike are one event a second.
    let audit = env.run(["audit", "ci", "--json"]);
    let times = |code: &str| -> u64 {
        let text = audit.stdout_text();
        let events = text
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
        let of_it = events.filter(|event| event["code"] == code);
        of_it
            .map(|event| event["times"].as_u64().expect("a number"))
            .sum()
    };
    assert_eq!(times("wrong_secret"), 5, "{audit}");
    assert_eq!(times("insufficient_permission"), 4, "{audit}");
    assert_eq!(times("valid"), 3, "{audit}");
    let all = env.run(["usage", "--json"]).json();
    let malformed = &all["without_key"];
    assert!(malformed.to_string().contains("malformed"), "{all}");
}

/// What a server is killed after that it answers all the time: shortly before and after it writes, and in between.
const KILLED_AFTER: [u64; 4] = [1_980, 2_300, 2_700, 2_960];

/// What is left of a server that was killed.
struct Killed {
    env: TestEnv,
    token: String,
    /// What was answered at most.
    sent: u64,
    /// How many were answered by when, in milliseconds before it was killed; the last first.
    counts: Vec<(Duration, u64)>,
}

fn kill(after: Duration) -> Killed {
    let env = TestEnv::new();
    let token = env.create(["ci"]);
    let mut server = Server::start(env.serve());
    let at = server.address();
    let (goes_on, answered) = (AtomicBool::new(true), AtomicU64::new(0));
    let counts = thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| {
                let mut client = Client::to(&at);
                let one = request("GET /auth/proxy", &[("x-api-key", &token)], "");
                while goes_on.load(Ordering::Relaxed) {
                    if client.send(&one).is_err() || client.answer().is_err() {
                        break;
                    }
                    answered.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        let begun = Instant::now();
        let mut counts = Vec::new();
        while begun.elapsed() < after {
            // The count first: whatever is in it was answered by then.
            counts.push((answered.load(Ordering::Relaxed), Instant::now()));
            thread::sleep(Duration::from_millis(2));
        }
        let killed = Instant::now();
        server.signal(Signal::KILL);
        goes_on.store(false, Ordering::Relaxed);
        server.end();
        let counts = counts.into_iter().rev();
        counts.map(|(count, at)| (killed - at, count)).collect()
    });
    Killed {
        sent: answered.into_inner(),
        env,
        token,
        counts,
    }
}

#[expect(clippy::print_stderr, reason = "the figure of a campaign")]
fn loses_a_second_at_most(after: Duration) {
    let Killed {
        env,
        token,
        sent,
        counts,
    } = kill(after);
    let only_ours = Permissions::from_mode(0o600);
    fs::set_permissions(env.path("passphrase"), only_ours).expect("changed");
    let checked = env.run(["doctor", "--deep"]);
    assert!(!checked.stdout_text().contains("problem:"), "{checked}");
    let used = usage(&env, "ci")["requests"].as_u64().expect("a number");
    // The last answer of each client may have been on its way.
    assert!(used <= sent + CLIENTS as u64, "{used} of {sent}");
    // The oldest answer that is lost is younger than the youngest time by which no more were answered than are kept.
    let kept = counts.iter().find(|(_, count)| *count <= used);
    let (lost, _) = kept.expect("something was kept");
    assert!(*lost <= PERIOD + WRITING, "{lost:?} after {after:?}");
    eprintln!("killed after {after:?}: {used} of {sent} kept, {lost:?} lost");
    let server = Server::start(env.serve());
    let again = server.ask("GET /auth/proxy", &[("x-api-key", &token)]);
    assert_eq!(again.status, 200);
    server.stop();
    assert_eq!(usage(&env, "ci")["requests"], used + 1);
}

#[test]
fn a_server_that_is_killed_loses_a_second_at_most() {
    for after in KILLED_AFTER {
        loses_a_second_at_most(Duration::from_millis(after));
    }
}
