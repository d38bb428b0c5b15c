//! A token is shown once. What could not be shown leaves nothing half-made behind.

use std::fs::File;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::common::{Outcome, TestEnv, needed, skip};

/// Standard outputs that take nothing.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Broken {
    /// As the shell's `>&-` does, after which Rust has `/dev/null` in its place.
    Closed,
    Full,
    NobodyReads,
    OnlyForReading,
}

pub(crate) const BROKEN: [Broken; 4] = [
    Broken::Closed,
    Broken::Full,
    Broken::NobodyReads,
    Broken::OnlyForReading,
];

pub(crate) fn run_into(env: &TestEnv, args: &[&str], broken: Broken) -> Outcome {
    let mut command = env.command(args);
    command.stdin(Stdio::null());
    match broken {
        Broken::Closed => {
            command = env.program("sh");
            command.args([
                "-c",
                "exec \"$0\" \"$@\" >&-",
                env!("CARGO_BIN_EXE_keywright"),
            ]);
            command.args(args).stdin(Stdio::null());
        }
        Broken::Full => {
            let full = File::options().write(true).open("/dev/full");
            command.stdout(full.expect("there on every Linux"));
        }
        Broken::NobodyReads => {
            let (reader, writer) = std::io::pipe().expect("a pipe");
            drop(reader);
            command.stdout(writer);
        }
        Broken::OnlyForReading => {
            command.stdout(File::open("/dev/null").expect("there on every Unix"));
        }
    }
    env.outcome(command.output().expect("it runs"))
}

#[test]
fn create_undoes_what_it_could_not_print() {
    let env = TestEnv::new();
    let _ = env.create(["other", "--default"]);
    for broken in BROKEN {
        for args in [
            &["create", "deploy"] as &[&str],
            &["create", "deploy", "--json"],
            &["create", "deploy", "--default", "--quiet"],
            &["create", "deploy", "-p", "fresh", "-e", "staging"],
        ] {
            let outcome = run_into(&env, args, broken);
            assert_eq!(outcome.code(), Some(1), "{broken:?} {args:?}: {outcome}");
            assert_eq!(env.names(), ["other"], "{broken:?} {args:?}");
        }
    }
    assert_eq!(env.show(["--default"])["name"], "other");
    insta::assert_snapshot!(run_into(&env, &["create", "deploy"], Broken::Full), @"
    exit: 1
    ---- stdout
    ---- stderr
    error: the token could not be handed over, and was undone
      caused by: No space left on device (os error 28)
    hint: what worked before works still
    ");
    insta::assert_snapshot!(run_into(&env, &["create", "deploy", "--json"], Broken::Full), @r#"
    exit: 1
    ---- stdout
    ---- stderr
    {
      "error": {
        "causes": [
          "No space left on device (os error 28)"
        ],
        "exit_code": 1,
        "hint": "what worked before works still",
        "kind": "failed",
        "message": "the token could not be handed over, and was undone"
      },
      "schema": 1
    }
    "#);
    insta::assert_snapshot!(run_into(&env, &["create", "deploy"], Broken::NobodyReads), @"
    exit: 1
    ---- stdout
    ---- stderr
    error: the token could not be handed over, and was undone
      caused by: Broken pipe (os error 32)
    hint: what worked before works still
    ");
    // The name is free as before.
    let token = env.create(["deploy"]);
    assert_eq!(env.code(&token), "valid");
}

#[test]
fn a_vault_made_for_an_unprinted_token_stays_empty() {
    let env = TestEnv::empty();
    let outcome = run_into(&env, &["create", "deploy"], Broken::Full);
    assert_eq!(outcome.code(), Some(1), "{outcome}");
    assert_eq!(env.names(), [""; 0]);
}

#[test]
fn rotate_undoes_what_it_could_not_print() {
    let env = TestEnv::new();
    let old = env.create(["deploy"]);
    let before = env.show(["deploy"]);
    for broken in BROKEN {
        for args in [
            &["rotate", "deploy", "--yes"] as &[&str],
            &["rotate", "deploy", "--yes", "--json"],
            &[
                "rotate",
                "deploy",
                "--yes",
                "--overlap",
                "1h",
                "--expires",
                "never",
            ],
        ] {
            let outcome = run_into(&env, args, broken);
            assert_eq!(outcome.code(), Some(1), "{broken:?} {args:?}: {outcome}");
            assert_eq!(env.code(&old), "valid", "{broken:?} {args:?}");
            assert_eq!(env.show(["deploy"]), before, "{broken:?} {args:?}");
        }
    }
    insta::assert_snapshot!(run_into(&env, &["rotate", "deploy", "--yes"], Broken::Full), @"
    exit: 1
    ---- stdout
    ---- stderr
    error: the token could not be handed over, and was undone
      caused by: No space left on device (os error 28)
    hint: what worked before works still
    ");
    let new = env.run(["rotate", "deploy", "--yes"]).token();
    assert_eq!(env.code(&new), "valid");
    assert_eq!(env.code(&old), "rotated");
}

#[test]
fn an_overlap_survives_a_rotation_that_could_not_be_printed() {
    let env = TestEnv::new();
    let first = env.create(["deploy"]);
    let second = env
        .run(["rotate", "deploy", "--yes", "--overlap", "1h"])
        .token();
    let outcome = run_into(&env, &["rotate", "deploy", "--yes"], Broken::NobodyReads);
    assert_eq!(outcome.code(), Some(1), "{outcome}");
    assert_eq!(env.code(&first), "valid");
    assert_eq!(env.code(&second), "valid");
}

#[test]
fn a_value_that_could_not_be_printed_is_a_failure() {
    let env = TestEnv::new();
    env.set(["openai"], "sk-0123456789abcdef");
    for broken in BROKEN {
        for args in [&["get", "openai"] as &[&str], &["get", "openai", "--json"]] {
            let outcome = run_into(&env, args, broken);
            assert_eq!(outcome.code(), Some(1), "{broken:?} {args:?}: {outcome}");
        }
    }
}

#[test]
fn a_token_is_alone_on_its_line_and_never_shown_again() {
    let env = TestEnv::new();
    let created = env.run(["create", "deploy"]);
    let token = created.token();
    assert_eq!(created.stdout_text(), format!("{token}\n"));
    assert!(!created.stderr().contains(&token));
    for args in [
        &["show", "deploy"] as &[&str],
        &["show", "deploy", "--json"],
        &["list"],
        &["list", "--json"],
        &["search", "deploy", "--json"],
        &["usage", "deploy"],
        &["rotate", "deploy", "--dry-run"],
        &["status"],
    ] {
        let outcome = env.run(args);
        assert!(outcome.success(), "{outcome}");
        let secret = token.rsplit('_').next().expect("a part");
        let said = format!("{}{}", outcome.stdout_text(), outcome.stderr());
        // Not even the beginning or the end of the secret part.
        for part in [&secret[..6], &secret[secret.len() - 6..]] {
            assert!(!said.contains(part), "{args:?}: {said}");
        }
    }
    insta::assert_snapshot!(env.run(["get", "deploy"]), @r"
    exit: 8
    ---- stdout
    ---- stderr
    error: the token of `deploy` was shown once and cannot be shown again
    hint: `keywright rotate` makes a new token for it
    ");
}

/// Runs under strace, which kills the program at its n-th system call of a kind.
fn killed_at(env: &TestEnv, call: &str, count: u32, args: &[&str]) -> Option<Outcome> {
    let mut strace = env.program(needed("strace")?);
    strace
        .args(["-f", "-o", "/dev/null", "-e"])
        .arg(format!("trace={call}"))
        .arg("-e")
        .arg(format!("inject={call}:signal=KILL:when={count}"))
        .arg(env!("CARGO_BIN_EXE_keywright"))
        .args(args);
    Some(env.finish(strace, ""))
}

/// Whether strace may trace here; containers often forbid it.
fn strace_works(env: &TestEnv) -> bool {
    let Some(strace) = needed("strace") else {
        return false;
    };
    let mut traced = env.program(strace);
    traced.args(["-o", "/dev/null", "true"]);
    let works = env.finish(traced, "").success();
    if !works {
        skip("strace may not trace here");
    }
    works
}

/// A kill that comes while the token is being written: after the first commit and before the second.
#[test]
fn a_create_that_was_killed_in_between_leaves_it_undelivered() {
    let env = TestEnv::new();
    if !strace_works(&env) {
        return;
    }
    // The answer is the only write() to standard output; database pages go through pwrite64.
    let mut undelivered = false;
    for count in 1..60 {
        let outcome = killed_at(&env, "write", count, &["create", "deploy"]).expect("it is there");
        if outcome.success() {
            break;
        }
        let names = env.names();
        if names.is_empty() {
            continue;
        }
        let key = env.show(["deploy"]);
        if key["pending"] == false {
            // After the second commit, while it was telling about it.
            assert_eq!(env.code(outcome.stdout_text().trim_end()), "valid");
            let deleted = env.run(["delete", "deploy", "--yes"]);
            assert!(deleted.success(), "{deleted}");
            continue;
        }
        undelivered = true;
        assert_eq!(key["status"], "undelivered");
        if let Some(token) = outcome.stdout_text().lines().next() {
            assert_eq!(env.code(token), "undelivered");
        }
        insta::allow_duplicates! {
            insta::assert_snapshot!(env.run(["list"]), @"
            exit: 0
            ---- stdout
            NAME    SCOPE                KIND    STATUS       KEY                         PERMISSIONS  ROLES  PROVIDER  MODEL  VARIABLE  CREATED   CREATED BY  LAST USED  REQUESTS  EXPIRES
            deploy  default/development  issued  undelivered  kwt_dev1_[--KEY-ID--]_••••  read         -      -         -      -         just now  tester@[HOST]  -          0         in 90 d
            ---- stderr
            ");
        }
        let again = env.run(["create", "deploy"]);
        insta::allow_duplicates! {
            insta::assert_snapshot!(again, @r"
            exit: 0
            ---- stdout
            [TOKEN]
            ---- stderr
            An earlier token of this name was never shown; it is gone
            Created issued key `deploy` in default/development
              key id       [--KEY-ID--]
              permissions  read (by default)
              expires      in 90 d, [-------TIME-------] (by default)
              token        shown this once; keep it where it is needed
            ");
        }
        assert_eq!(env.code(&again.token()), "valid");
        let deleted = env.run(["delete", "deploy", "--yes"]);
        assert!(deleted.success(), "{deleted}");
    }
    assert!(undelivered, "no kill came between the two commits");
}

#[test]
fn a_rotation_that_was_killed_in_between_leaves_the_old_token_working() {
    let env = TestEnv::new();
    if !strace_works(&env) {
        return;
    }
    let mut old = env.create(["deploy"]);
    let mut pending = false;
    for count in 1..60 {
        let outcome =
            killed_at(&env, "write", count, &["rotate", "deploy", "--yes"]).expect("it is there");
        if outcome.success() {
            break;
        }
        let key = env.show(["deploy"]);
        if key["pending"] == false {
            // Before the first commit, or after the second: then the printed token is the one that works.
            if let Some(token) = outcome.stdout_text().lines().next()
                && env.code(token) == "valid"
            {
                assert_eq!(env.code(&old), "rotated");
                old = token.to_owned();
            }
            assert_eq!(env.code(&old), "valid");
            continue;
        }
        pending = true;
        assert_eq!(env.code(&old), "valid");
        if let Some(token) = outcome.stdout_text().lines().next() {
            assert_eq!(env.code(token), "undelivered");
        }
        insta::allow_duplicates! {
            insta::assert_snapshot!(env.run(["list"]), @"
            exit: 0
            ---- stdout
            NAME    SCOPE                KIND    STATUS                         KEY                         PERMISSIONS  ROLES  PROVIDER  MODEL  VARIABLE  CREATED   CREATED BY  LAST USED  REQUESTS  EXPIRES
            deploy  default/development  issued  active, new token undelivered  kwt_dev1_[--KEY-ID--]_••••  read         -      -         -      -         just now  tester@[HOST]  -          0         in 90 d
            ---- stderr
            ");
        }
        let again = env.run(["rotate", "deploy", "--yes"]);
        insta::allow_duplicates! {
            insta::assert_snapshot!(again, @r"
            exit: 0
            ---- stdout
            [TOKEN]
            ---- stderr
            An earlier new token was never shown; it is gone
            Rotated `deploy` in default/development
              previous     no longer works
              expires      in 90 d, [-------TIME-------]
              token        shown this once; keep it where it is needed
            ");
        }
        assert_eq!(env.code(&again.token()), "valid");
        assert_eq!(env.code(&old), "rotated");
        old = again.token();
    }
    assert!(pending, "no kill came between the two commits");
}

/// Without strace: the pipe is full, so that the program waits in the middle of its delivery until it is killed.
#[test]
fn a_kill_while_the_token_waits_in_a_full_pipe_leaves_it_undelivered() {
    use std::io::Write;

    let env = TestEnv::new();
    let old = env.create(["deploy"]);
    for args in [
        &["create", "fresh"] as &[&str],
        &["rotate", "deploy", "--yes"],
    ] {
        let (reader, mut writer) = std::io::pipe().expect("a pipe");
        let size = rustix::pipe::fcntl_getpipe_size(&writer).expect("a pipe");
        writer.write_all(&vec![0; size]).expect("fills it");
        let mut command: Command = env.command(args);
        command
            .stdin(Stdio::null())
            .stdout(writer)
            .stderr(Stdio::null());
        let mut child = command.spawn().expect("it starts");
        drop(command);
        let name = args[1];
        let pending = || {
            let listed = env.run(["search", name, "--json"]).json();
            listed["keys"][0]["pending"] == true
        };
        let deadline = Instant::now() + Duration::from_secs(30);
        while !pending() {
            assert!(Instant::now() < deadline, "the first commit never came");
            thread::sleep(Duration::from_millis(5));
        }
        child.kill().expect("it waits");
        let _ = child.wait();
        drop(reader);
        assert_eq!(env.show([name])["pending"], true);
        assert_eq!(env.code(&old), "valid");
    }
    assert_eq!(env.show(["fresh"])["status"], "undelivered");
    assert_eq!(env.show(["deploy"])["status"], "active");
    // Both are finished by the same command again.
    assert_eq!(env.code(&env.create(["fresh"])), "valid");
    let new = env.run(["rotate", "deploy", "--yes"]).token();
    assert_eq!(env.code(&new), "valid");
    assert_eq!(env.code(&old), "rotated");
}

#[test]
fn dry_runs_make_no_token_and_no_vault() {
    let env = TestEnv::empty();
    let before = env.files();
    insta::assert_snapshot!(env.run(["create", "deploy", "--dry-run"]), @r"
    exit: 0
    ---- stdout
    ---- stderr
    Would make the vault `[HOME]/.config/keywright/vault.db`
    Would create issued key `deploy` in default/development
      permissions  read (by default)
      expires      in 90 d, [-------TIME-------] (by default)
    ");
    insta::assert_snapshot!(env.run(["create", "deploy", "-n", "--json"]), @r#"
    exit: 0
    ---- stdout
    {
      "dry_run": true,
      "handed_over": null,
      "key": null,
      "outcome": "created",
      "schema": 1
    }
    ---- stderr
    "#);
    assert_eq!(env.files(), before);
}
