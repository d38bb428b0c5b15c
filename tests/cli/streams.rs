//! Answers that cannot be written, and errors as JSON.

use std::fs::File;
use std::process::Stdio;

use crate::common::TestEnv;

/// A vault with a key of each kind.
fn with_keys() -> TestEnv {
    let env = TestEnv::new();
    let _ = env.create(["deploy"]);
    env.set(["openai"], "sk-0123456789abcdef");
    env
}

#[test]
fn an_answer_that_cannot_be_written_is_a_failure() {
    let env = with_keys();
    for args in [
        &["list"] as &[&str],
        &["list", "--json"],
        &["audit"],
        &["audit", "--json"],
        &["audit", "--follow"],
        &["search", "d"],
        &["show", "deploy"],
        &["status"],
        &["status", "--json"],
        &["usage"],
        &["usage", "deploy"],
        &["get", "openai"],
        &["get", "openai", "--json"],
        &["verify"],
        &["verify", "--json"],
        &["completions", "bash"],
        &["man"],
    ] {
        let full = File::options()
            .write(true)
            .open("/dev/full")
            .expect("there on every Linux");
        let mut command = env.command(args);
        command.stdout(full).stdin(Stdio::null());
        let outcome = env.outcome(command.output().expect("it runs"));
        assert_eq!(outcome.code(), Some(1), "{args:?}: {outcome}");
        let error = outcome.masked_stderr();
        assert!(
            error.contains("standard output") && error.contains("No space left on device"),
            "{args:?}: {error}"
        );
    }
}

#[test]
fn a_reader_that_left_is_no_failure_unless_a_secret_was_asked_for() {
    let env = with_keys();
    for (args, code) in [
        (&["list"] as &[&str], 0),
        (&["list", "--json"], 0),
        (&["audit"], 0),
        (&["audit", "--json"], 0),
        (&["audit", "--follow"], 0),
        (&["audit", "--follow", "--limit", "0", "--json"], 0),
        (&["show", "deploy"], 0),
        (&["status"], 0),
        (&["usage", "--json"], 0),
        (&["completions", "zsh"], 0),
        (&["man"], 0),
        (&["--help"], 0),
        (&["create", "--help"], 0),
        (&["--version"], 0),
        (&["get", "openai"], 1),
        (&["get", "openai", "--json"], 1),
    ] {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let mut command = env.command(args);
        command.stdout(writer).stdin(Stdio::null());
        let outcome = env.outcome(command.output().expect("it runs"));
        assert_eq!(outcome.code(), Some(code), "{args:?}: {outcome}");
        assert!(
            code == 1 || outcome.stderr().is_empty(),
            "{args:?}: {outcome}"
        );
    }
}

#[test]
fn closed_standard_streams_do_no_harm() {
    let env = with_keys();
    for (redirection, code) in [
        ("<&-", 0),
        ("2>&-", 0),
        ("2>/dev/full", 0),
        ("<&- 2>&-", 0),
        (">&-", 1),
        ("<&- >&- 2>&-", 1),
    ] {
        let mut shell = env.program("sh");
        let script = format!("\"$0\" list {redirection}");
        shell.args(["-c", &script, env!("CARGO_BIN_EXE_keywright")]);
        let outcome = env.finish(shell, "");
        assert_eq!(outcome.code(), Some(code), "{redirection}: {outcome}");
    }
    // A file that is opened next gets the number of a closed stream; nothing may be written into the vault then.
    assert_eq!(env.names(), ["deploy", "openai"]);
}

#[test]
fn errors_under_json_are_json() {
    let env = with_keys();
    for (args, kind, code) in [
        (&["show", "nope", "--json"] as &[&str], "not_found", 3),
        (&["create", "deploy", "--json"], "conflict", 4),
        (&["delete", "deploy", "--json"], "not_confirmed", 6),
        (&["get", "deploy", "--json"], "refused", 8),
        (&["--json", "get"], "usage", 2),
        (&["--json", "lits"], "usage", 2),
        (&["list", "--json", "--kind", "both"], "usage", 2),
        (&["list", "--json", "--colour"], "usage", 2),
        (&["list", "--json", "surplus"], "usage", 2),
        (
            &["create", "x", "--json", "--expires", "2020-01-01"],
            "usage",
            2,
        ),
        (
            &["list", "--json", "--passphrase-file", "missing"],
            "locked",
            5,
        ),
        (&["list", "--json", "--vault", "missing.db"], "failed", 1),
        (&["man", "nope", "--json"], "usage", 2),
    ] {
        let outcome = env.run(args);
        let error = outcome.error_json();
        assert_eq!(error["schema"], 1, "{outcome}");
        assert_eq!(error["error"]["kind"], kind, "{outcome}");
        assert_eq!(error["error"]["exit_code"], code, "{outcome}");
        assert_eq!(outcome.code(), Some(code), "{outcome}");
        assert!(error["error"]["message"].is_string(), "{outcome}");
        assert!(error["error"]["causes"].is_array(), "{outcome}");
        assert!(outcome.stdout().is_empty(), "{outcome}");
        assert_eq!(outcome.stderr().lines().count(), 1, "{outcome}");
    }
    insta::assert_snapshot!(env.run(["show", "deplyo", "--json"]), @r#"
    exit: 3
    ---- stdout
    ---- stderr
    {
      "error": {
        "causes": [],
        "exit_code": 3,
        "hint": "did you mean `deploy`?",
        "kind": "not_found",
        "message": "no key `deplyo` in default/development"
      },
      "schema": 1
    }
    "#);
    insta::assert_snapshot!(env.run(["list", "--kind", "both", "--json"]), @r#"
    exit: 2
    ---- stdout
    ---- stderr
    {
      "error": {
        "causes": [],
        "exit_code": 2,
        "hint": "--help tells more",
        "kind": "usage",
        "message": "invalid value 'both' for '--kind <KIND>': a kind is issued or provider"
      },
      "schema": 1
    }
    "#);
}

#[test]
fn a_usage_error_under_json_says_what_is_missing_and_what_helps() {
    let env = with_keys();
    let error = |args: &[&str]| env.run(args).error_json()["error"].clone();
    let missing = error(&["--json", "get"]);
    let message = missing["message"].as_str().expect("text");
    assert!(message.contains("<NAME>"), "{missing}");
    let suggested = error(&["--json", "get", "--previos", "openai"]);
    let hint = suggested["hint"].as_str().unwrap_or_default();
    assert!(hint.contains("--previous"), "{suggested}");
    let lines = error(&["--json", "create", "a\nb"]);
    let message = lines["message"].as_str().expect("text");
    assert!(message.contains("no control characters"), "{lines}");
}

#[test]
fn a_value_that_nobody_takes_is_told() {
    let env = with_keys();
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let mut command = env.command(["get", "openai"]);
    command.stdout(writer).stdin(Stdio::null());
    let outcome = env.outcome(command.output().expect("it runs"));
    assert_eq!(outcome.code(), Some(1), "{outcome}");
    assert!(outcome.stderr().starts_with("error: "), "{outcome}");
}
