//! Many processes that change one vault under two servers and an agent: what was acknowledged is there, for the next
//! request already, and nobody is refused.

#[path = "../cli/concurrency/load.rs"]
mod load;

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use self::load::Size;
use crate::common::TestEnv;
use crate::server::{At, Client, Server, with_token};

const SHORT: Size = Size {
    writers: 4,
    changes: 7,
    readers: 2,
};

const LONG: Size = Size {
    writers: 16,
    changes: 50,
    readers: 8,
};

/// Between the requests of each client, so that there is time left for the changes.
const PAUSE: Duration = Duration::from_millis(2);

/// Whoever waits for a lock gives up after this.
const LIMIT: Duration = Duration::from_secs(10);

/// The servers, and how long an answer of theirs took at most.
struct Servers {
    at: Vec<At>,
    longest: Mutex<Duration>,
}

impl Servers {
    /// All of them say this of a token.
    fn expect(&self, token: &str, code: &str) {
        for at in &self.at {
            self.ask(&mut Client::to(at), token, code);
        }
    }

    fn ask(&self, client: &mut Client, token: &str, code: &str) {
        let begun = Instant::now();
        let answer = client.ask("GET /auth/proxy", &[("x-api-key", token)]);
        let took = begun.elapsed();
        assert_eq!(answer.code(), code, "{answer}");
        let mut longest = self.longest.lock().expect("no panic");
        *longest = took.max(*longest);
    }

    /// Asks one with a good token until it is told to stop.
    fn keep_busy(&self, at: &At, token: &str, goes_on: &AtomicBool, answered: &AtomicU64) {
        let mut client = Client::to(at);
        while goes_on.load(Ordering::Relaxed) {
            self.ask(&mut client, token, "valid");
            answered.fetch_add(1, Ordering::Relaxed);
            thread::sleep(PAUSE);
        }
    }
}

#[expect(clippy::print_stderr, reason = "the figures of a campaign")]
fn beside_servers(size: Size) {
    let env = TestEnv::new();
    let shared = env.create(["shared"]);
    let access = env.run(["access", "create", "serve", "--kind", "issued"]);
    let mut with_access = env.serve();
    with_token(&mut with_access, &access.token());
    let running = [env.serve(), with_access].map(Server::start);
    let servers = Servers {
        at: running.iter().map(Server::address).collect(),
        longest: Mutex::default(),
    };
    let (goes_on, answered) = (AtomicBool::new(true), AtomicU64::new(0));
    let begun = Instant::now();
    let told = thread::scope(|scope| {
        for at in &servers.at {
            let (servers, shared, goes_on, answered) = (&servers, &shared, &goes_on, &answered);
            scope.spawn(move || servers.keep_busy(at, shared, goes_on, answered));
        }
        let told = thread::scope(|scope| {
            let told = scope.spawn(|| {
                load::storm(&env, size, &shared, &|token, code| {
                    servers.expect(token, code);
                })
            });
            told.join()
        });
        goes_on.store(false, Ordering::Relaxed);
        told.expect("all of it is there")
    });
    let took = begun.elapsed();
    for server in running {
        assert_eq!(
            server.said("event=vault-unavailable"),
            0,
            "{}",
            server.log()
        );
        server.stop();
    }
    let answered = answered.into_inner();
    assert!(answered > 0, "nobody else was answered");
    assert_eq!(env.show(["shared"])["requests"], told.reads + answered);
    let answer = servers.longest.into_inner().expect("no panic");
    let (command, words) = told.longest;
    assert!(command < LIMIT && answer < LIMIT, "{command:?} {answer:?}");
    eprintln!(
        "{} writers with {} changes each and {} readers in {took:.1?}: {} reads and {answered} answers; \
         the longest command took {command:.2?} (`{words}`), the longest answer {answer:.2?}",
        size.writers, size.changes, size.readers, told.reads
    );
}

#[test]
fn changes_beside_two_servers_and_an_agent_are_not_lost() {
    beside_servers(SHORT);
}

#[test]
#[ignore = "minutes: 16 processes of 50 changes each, and 8 that read"]
fn eight_hundred_changes_beside_two_servers_and_an_agent_are_not_lost() {
    beside_servers(LONG);
}
