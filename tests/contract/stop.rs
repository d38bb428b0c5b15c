//! How a server ends: what was asked is answered, and what was answered is counted.

use std::io::ErrorKind;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::common::TestEnv;
use crate::server::{At, Client, DEADLINE, Server, Signal, request};

/// A server that is told to end answers what it was asked, and takes much less than this where nobody holds it up.
const SOON: Duration = Duration::from_secs(5);

/// How long it waits, once it is told, for what a connection has still to send.
const GRACE: Duration = Duration::from_millis(500);

/// Before it is told to end in the middle of answering.
const SOME: u64 = 200;

fn requests(env: &TestEnv, name: &str) -> u64 {
    env.show([name])["requests"].as_u64().expect("a number")
}

/// Asks until nobody listens any more; gives what went wrong. `told` is when the server was told to end, or a moment before.
fn ask_until_the_end(
    at: &At,
    token: &str,
    answered: &AtomicU64,
    told: &OnceLock<Instant>,
) -> Option<String> {
    let one = request("GET /auth/proxy", &[("x-api-key", token)], "");
    let is_after = |at: Instant, wait| told.get().is_some_and(|told| at >= *told + wait);
    loop {
        let mut client = match Client::try_to(at) {
            Ok(client) => client,
            Err(err) if err.kind() == ErrorKind::ConnectionRefused => return None,
            Err(_) if told.get().is_some() => return None,
            Err(err) => return Some(format!("connecting: {err}")),
        };
        let connected = Instant::now();
        loop {
            let sent = client.send(&one);
            let asked = Instant::now();
            let answer = match sent.and_then(|()| client.answer()) {
                Ok(answer) => answer,
                // Who comes while the server closes its door is refused or sent away, and so is who is held up for long.
                Err(_) if is_after(connected, Duration::ZERO) => return None,
                Err(_) if is_after(asked, GRACE) => return None,
                Err(err) => return Some(format!("not answered: {err}")),
            };
            if answer.status != 200 {
                return Some(answer.to_string());
            }
            answered.fetch_add(1, Ordering::Relaxed);
            if answer.header("connection") == Some("close") {
                break;
            }
        }
    }
}

#[test]
fn what_was_asked_is_answered_and_what_was_answered_is_counted() {
    for signal in [Signal::TERM, Signal::INT, Signal::HUP] {
        let env = TestEnv::new();
        let token = env.create(["ci"]);
        let mut server = Server::start(env.serve());
        let at = server.address();
        let (answered, told) = (AtomicU64::new(0), OnceLock::new());
        let wrong: Vec<String> = thread::scope(|scope| {
            let clients: Vec<_> = (0..4)
                .map(|_| scope.spawn(|| ask_until_the_end(&at, &token, &answered, &told)))
                .collect();
            let begun = Instant::now();
            while answered.load(Ordering::Relaxed) < SOME && begun.elapsed() < DEADLINE {
                thread::sleep(Duration::from_millis(5));
            }
            told.set(Instant::now()).expect("told once");
            server.signal(signal);
            let status = server.end();
            assert!(status.success(), "{status}: {}", server.log());
            let ended = clients.into_iter().flat_map(|it| it.join());
            ended.flatten().collect()
        });
        assert!(wrong.is_empty(), "{wrong:?}");
        let answered = answered.into_inner();
        assert!(answered >= SOME, "{answered}");
        assert_eq!(requests(&env, "ci"), answered, "{}", server.log());
        assert_eq!(server.said("event=stopping"), 1);
        assert_eq!(server.said("event=stopped"), 1);
    }
}

/// Connections that the system has accepted, and the server has not seen yet when it is told to end.
#[test]
fn who_has_connected_before_is_answered() {
    let env = TestEnv::new();
    let token = env.create(["ci"]);
    let mut server = Server::start(env.serve());
    let mut known = server.client();
    assert_eq!(
        known
            .ask("GET /auth/proxy", &[("x-api-key", &token)])
            .status,
        200
    );
    for signal in [Signal::STOP, Signal::TERM] {
        server.signal(signal);
        thread::sleep(Duration::from_millis(20));
    }
    let one = request("GET /auth/proxy", &[("x-api-key", &token)], "");
    let mut waiting: Vec<Client> = (0..100).map(|_| server.client()).collect();
    waiting.push(known);
    for client in &mut waiting {
        client.send(&one).expect("sent");
    }
    server.signal(Signal::CONT);
    for client in &mut waiting {
        let answer = client.answer().expect("answered");
        assert_eq!(answer.status, 200, "{answer}");
        assert!(client.is_closed_within(SOON));
    }
    assert!(server.end().success());
    assert_eq!(requests(&env, "ci"), 102);
}

/// Two requests that have begun when the server is told to end, one of them for the second time by its connection. False where
/// the rest of them was sent too late, for whatever the machine did meanwhile.
fn finishes_what_has_begun() -> bool {
    let env = TestEnv::new();
    let token = env.create(["ci"]);
    let mut server = Server::start(env.serve());
    let one = request("GET /auth/proxy", &[("x-api-key", &token)], "");
    let ready = request("GET /readyz", &[], "");
    let mut client = server.client();
    client.send(&one[..40]).expect("sent");
    // Connections are accepted in turn: the first is known by then.
    let mut known = server.client();
    assert_eq!(known.ask("GET /readyz", &[]).status, 200);
    known.send(&ready[..8]).expect("sent");
    let told = Instant::now();
    server.signal(Signal::TERM);
    server.wait_for("event=stopping");
    let sent = [known.send(&ready[8..]), client.send(&one[40..])];
    if told.elapsed() >= GRACE {
        return false;
    }
    assert!(sent.iter().all(Result::is_ok), "{sent:?}");
    // A balancer that asks by the connection that it has is told.
    let ready = known.answer().expect("answered");
    assert_eq!((ready.status, ready.text().as_str()), (503, "stopping\n"));
    assert_eq!(ready.header("connection"), Some("close"));
    let answer = client.answer().expect("answered");
    assert_eq!(answer.status, 200, "{answer}");
    assert!(server.end().success());
    assert_eq!(requests(&env, "ci"), 1);
    true
}

#[test]
fn a_request_that_has_begun_may_be_finished() {
    let is_in_time = (0..3).any(|_| finishes_what_has_begun());
    assert!(is_in_time, "the test was too slow three times");
}

#[test]
fn nobody_holds_it_up_for_long() {
    let env = TestEnv::new();
    let mut server = Server::start(env.serve());
    // One says nothing, one has been answered, and one never ends what it says.
    let _silent = server.client();
    let mut idle = server.client();
    idle.ask("GET /healthz", &[]);
    let mut half = server.client();
    half.send("GET /healthz HTTP/1.1\r\nhost: k").expect("sent");
    let mut body = server.client();
    let head = "POST /v1/verify HTTP/1.1\r\nhost: k\r\ncontent-length: 100\r\n\r\n{";
    body.send(head).expect("sent");
    thread::sleep(Duration::from_millis(100));
    let begun = Instant::now();
    server.signal(Signal::TERM);
    assert!(server.end().success());
    let took = begun.elapsed();
    assert!(took < Duration::from_secs(12), "{took:?}");
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let env = TestEnv::new();
    let token = env.create(["ci"]);
    let mut server = Server::start(env.serve());
    let mut client = server.client();
    for _ in 0..10 {
        client.ask("GET /auth/proxy", &[("x-api-key", &token)]);
    }
    let mut slow = server.client();
    let head = "POST /v1/verify HTTP/1.1\r\nhost: k\r\ncontent-length: 100\r\n\r\n{";
    slow.send(head).expect("sent");
    thread::sleep(Duration::from_millis(100));
    let begun = Instant::now();
    server.signal(Signal::TERM);
    server.wait_for("event=stopping");
    server.signal(Signal::INT);
    assert!(server.end().success());
    let took = begun.elapsed();
    assert!(took < SOON, "{took:?}: {}", server.log());
    assert_eq!(requests(&env, "ci"), 10);
}
