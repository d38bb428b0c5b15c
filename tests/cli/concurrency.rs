//! Many processes on one vault: every change that was acknowledged is there, and nobody sees a false alarm.

mod load;

use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use self::load::Size;
use crate::common::TestEnv;

/// The short form; the long one is beside a server, among the tests of what that promises.
const SHORT: Size = Size {
    writers: 16,
    changes: 7,
    readers: 4,
};

#[test]
fn sixteen_writers_and_their_readers_lose_nothing() {
    let env = TestEnv::new();
    let shared = env.create(["shared"]);
    let told = load::storm(&env, SHORT, &shared, &|_, _| ());
    let (longest, _) = told.longest;
    assert!(longest > Duration::ZERO);
    // Each reader's verification was counted once.
    assert_eq!(env.show(["shared"])["requests"], told.reads);
}

#[test]
fn of_many_who_want_one_name_one_gets_it() {
    let env = TestEnv::new();
    let outcomes = together(8, |_| env.command(["create", "deploy"]));
    let codes: Vec<_> = outcomes.iter().map(|(code, _)| *code).collect();
    assert_eq!(
        codes.iter().filter(|code| **code == Some(0)).count(),
        1,
        "{codes:?}"
    );
    for (code, token) in &outcomes {
        match code {
            Some(0) => assert_eq!(env.code(token), "valid"),
            // One that was faster to commit, and slower to print, is replaced while it is pending.
            Some(1) => assert_ne!(env.code(token), "valid"),
            Some(4) => {
                assert!(token.is_empty() || env.code(token) != "valid");
            }
            other => panic!("{other:?}: {codes:?}"),
        }
    }
    assert_eq!(env.names(), ["deploy"]);
}

#[test]
fn of_many_who_make_the_vault_all_use_the_same() {
    let env = TestEnv::empty();
    let outcomes = together(4, |at| env.command(["create", &format!("key-{at}")]));
    for (code, token) in outcomes {
        assert_eq!(code, Some(0));
        assert_eq!(env.code(&token), "valid");
    }
    assert_eq!(env.names().len(), 4);
}

#[test]
fn of_many_rotations_the_last_one_printed_as_valid_works() {
    let env = TestEnv::new();
    let old = env.create(["deploy"]);
    let outcomes = together(8, |_| env.command(["rotate", "deploy", "--yes"]));
    let mut valid = 0;
    for (code, token) in &outcomes {
        assert!(matches!(code, Some(0 | 1 | 4)), "{code:?}");
        if *code != Some(0) && !token.is_empty() {
            assert_ne!(env.code(token), "valid", "it was told that it is not");
        }
        if *code == Some(0) && env.code(token) == "valid" {
            valid += 1;
        }
    }
    assert_eq!(valid, 1);
    assert_eq!(env.code(&old), "rotated");
}

/// Starts so many at once; gives their exit codes and first lines.
fn together(count: usize, command: impl Fn(usize) -> Command) -> Vec<(Option<i32>, String)> {
    let children: Vec<Child> = (0..count)
        .map(|at| {
            let mut command = command(at);
            command
                .stdin(Stdio::null())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped());
            command.spawn().expect("it starts")
        })
        .collect();
    let deadline = Instant::now() + Duration::from_secs(60);
    children
        .into_iter()
        .map(|mut child| {
            while child.try_wait().expect("our own child").is_none() {
                assert!(Instant::now() < deadline, "it hangs");
                thread::sleep(Duration::from_millis(5));
            }
            let output = child.wait_with_output().expect("it has ended");
            let line = String::from_utf8_lossy(&output.stdout).trim().to_owned();
            (output.status.code(), line)
        })
        .collect()
}
