//! What is answered is counted: exactly where the server ends well, and but for a second where it is killed.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::common::TestEnv;
use crate::server::{At, Client, DEADLINE, Server, Signal, request};

/// Requests of the short form.
const REQUESTS: usize = 5_000;

const CLIENTS: usize = 4;

/// From one write to the next, and what the test takes to see them.
const PERIOD: Duration = Duration::from_secs(1);
const SEEING: Duration = Duration::from_millis(250);

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

/// When a server that answers all the time is killed, in milliseconds after a write: shortly after it, in between, and shortly
/// before and after the next.
const KILLED_AFTER: [u64; 4] = [20, 300, 700, 960];

/// Writes that are waited for before.
const WRITES: usize = 2;

/// What is seen of a server that answers all the time.
struct Look {
    /// How many had been answered before the look.
    answered: u64,
    /// How many of them the server says it has recorded.
    recorded: u64,
    at: Instant,
}

/// What is left of a server that was killed.
struct Killed {
    env: TestEnv,
    token: String,
    /// What was answered at most.
    sent: u64,
    looks: Vec<Look>,
}

impl Killed {
    /// The first look after each write.
    fn writes(&self) -> Vec<&Look> {
        let pairs = self.looks.windows(2);
        let news = pairs.filter(|pair| pair[0].recorded < pair[1].recorded);
        news.map(|pair| &pair[1]).collect()
    }
}

fn recorded(client: &mut Client) -> u64 {
    let text = client.ask("GET /metrics", &[]).text();
    let mut lines = text.lines();
    let count = lines.find_map(|line| line.strip_prefix("keywright_uses_recorded_total "));
    count.and_then(|it| it.parse().ok()).expect("a number")
}

/// Looks at a server that answers until it has written so often, and so long after the last of these writes.
fn watch(server: &Server, answered: &AtomicU64, after: Duration) -> Vec<Look> {
    let mut client = server.client();
    let (begun, mut writes, mut last) = (Instant::now(), 0, Instant::now());
    let mut looks: Vec<Look> = Vec::new();
    while (writes < WRITES || last.elapsed() < after) && begun.elapsed() < DEADLINE {
        // The count first: whatever is in it was answered before.
        let look = Look {
            answered: answered.load(Ordering::SeqCst),
            recorded: recorded(&mut client),
            at: Instant::now(),
        };
        let before = looks.last().map_or(0, |look| look.recorded);
        if writes < WRITES && look.recorded > before {
            writes += 1;
            last = look.at;
        }
        looks.push(look);
        thread::sleep(Duration::from_millis(2));
    }
    looks
}

fn kill(after: Duration) -> Killed {
    let env = TestEnv::new();
    let token = env.create(["ci"]);
    let mut server = Server::start(env.serve());
    let at = server.address();
    let (goes_on, answered) = (AtomicBool::new(true), AtomicU64::new(0));
    let looks = thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| {
                let mut client = Client::to(&at);
                let one = request("GET /auth/proxy", &[("x-api-key", &token)], "");
                while goes_on.load(Ordering::Relaxed) {
                    if client.send(&one).is_err() || client.answer().is_err() {
                        break;
                    }
                    answered.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
        let looks = watch(&server, &answered, after);
        server.signal(Signal::KILL);
        goes_on.store(false, Ordering::Relaxed);
        server.end();
        looks
    });
    Killed {
        sent: answered.into_inner(),
        env,
        token,
        looks,
    }
}

/// Gives the shortest time between two writes.
#[expect(clippy::print_stderr, reason = "the figure of a campaign")]
fn loses_what_is_not_written_at_most(after: Duration) -> Duration {
    let killed = kill(after);
    let Killed {
        env, token, sent, ..
    } = &killed;
    let only_ours = Permissions::from_mode(0o600);
    fs::set_permissions(env.path("passphrase"), only_ours).expect("changed");
    let checked = env.run(["doctor", "--deep"]);
    assert!(!checked.stdout_text().contains("problem:"), "{checked}");
    let used = usage(env, "ci")["requests"].as_u64().expect("a number");
    // The last answer of each client may have been on its way.
    assert!(used <= sent + CLIENTS as u64, "{used} of {sent}");
    let writes = killed.writes();
    let [.., last_but_one, last] = writes.as_slice() else {
        panic!("of {sent} answers no two writes were seen");
    };
    assert!(last.recorded <= used, "{} of {used}", last.recorded);
    // What was answered before one write had ended is in the next, however long each takes.
    let mut before = killed.looks.iter().rev();
    let before = before.find(|look| look.recorded < last_but_one.recorded);
    let before = before.expect("nothing was written at first").answered;
    assert!(0 < before && before <= used, "{used} of {before}");
    eprintln!("killed after {after:?}: {used} of {sent} kept, of {before} for sure");
    let server = Server::start(env.serve());
    let again = server.ask("GET /auth/proxy", &[("x-api-key", token)]);
    assert_eq!(again.status, 200);
    server.stop();
    assert_eq!(usage(env, "ci")["requests"], used + 1);
    let gaps = writes.windows(2).map(|pair| pair[1].at - pair[0].at);
    gaps.min().expect("two writes")
}

#[test]
fn a_server_that_is_killed_loses_a_second_at_most() {
    let gaps = KILLED_AFTER.map(|after| {
        let after = Duration::from_millis(after);
        loses_what_is_not_written_at_most(after)
    });
    // A disk may be slow now and then.
    let shortest = gaps.iter().min().expect("four");
    assert!(*shortest <= PERIOD + SEEING, "{gaps:?}");
}
