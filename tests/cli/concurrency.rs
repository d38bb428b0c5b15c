//! Many processes on one vault: every change that was acknowledged is there, and nobody sees a false alarm.

use std::collections::BTreeSet;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::common::TestEnv;

const WRITERS: usize = 16;
const CHANGES: usize = 4;
const READERS: usize = 4;

#[test]
fn sixteen_writers_and_their_readers_lose_nothing() {
    let env = TestEnv::new();
    let shared = env.create(["shared"]);
    let writing = AtomicBool::new(true);
    let (created, read) = thread::scope(|scope| {
        let env = &env;
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| scope.spawn(move || write(env, writer)))
            .collect();
        let readers: Vec<_> = (0..READERS)
            .map(|_| scope.spawn(|| read(env, &shared, &writing)))
            .collect();
        let created: Vec<_> = writers
            .into_iter()
            .flat_map(|writer| writer.join().expect("no panic"))
            .collect();
        writing.store(false, Ordering::Relaxed);
        let read: u32 = readers
            .into_iter()
            .map(|reader| reader.join().expect("no panic"))
            .sum();
        (created, read)
    });
    assert!(read > 0, "nobody read");
    let listed = env.run(["list", "--json"]).json();
    let keys = listed["keys"].as_array().expect("a list");
    let names: BTreeSet<&str> = keys
        .iter()
        .map(|key| key["name"].as_str().expect("text"))
        .collect();
    assert_eq!(names.len(), keys.len());
    assert_eq!(names.len(), 1 + WRITERS * CHANGES);
    for (name, token) in created {
        assert!(names.contains(name.as_str()), "{name} is lost");
        assert_eq!(env.code(&token), "valid", "{name}");
    }
    // Each reader's verification was counted once.
    assert_eq!(env.show(["shared"])["requests"], read);
}

/// Creates keys, rotates one and deletes another; gives what has to be there in the end.
fn write(env: &TestEnv, writer: usize) -> Vec<(String, String)> {
    let mut created: Vec<(String, String)> = (0..CHANGES)
        .map(|change| {
            let name = format!("key-{writer}-{change}");
            let token = env.create([name.as_str()]);
            (name, token)
        })
        .collect();
    let (rotated, token) = &mut created[0];
    *token = env.run(["rotate", rotated, "--yes"]).token();
    let spare = format!("spare-{writer}");
    let _ = env.create([spare.as_str()]);
    let deleted = env.run(["delete", &spare, "--yes"]);
    assert!(deleted.success(), "{deleted}");
    created
}

/// Verifies and lists until the writers are done; gives how many verifications were recorded.
fn read(env: &TestEnv, token: &str, writing: &AtomicBool) -> u32 {
    let mut count = 0;
    while writing.load(Ordering::Relaxed) {
        let verified = env.run_with_stdin(["verify"], token);
        assert_eq!(verified.code(), Some(0), "{verified}");
        assert!(verified.stderr().is_empty(), "{verified}");
        count += 1;
        let listed = env.run(["list"]);
        assert!(listed.success(), "{listed}");
        assert!(listed.stderr().is_empty(), "{listed}");
    }
    count
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
