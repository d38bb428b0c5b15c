//! Many tokens in one run: a line in, a line out.

use std::fs;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::common::{Outcome, TestEnv};
use crate::verify::{STRANGER, with_checksum};

/// The answers, each line one JSON object.
#[track_caller]
fn answers(outcome: &Outcome) -> Vec<Value> {
    assert_eq!(outcome.code(), Some(0), "{outcome}");
    assert!(outcome.stderr().is_empty(), "{outcome}");
    let text = outcome.stdout_text();
    assert!(text.is_empty() || text.ends_with('\n'), "{outcome}");
    let answer = |line| serde_json::from_str(line).expect("a JSON object a line");
    text.lines().map(answer).collect()
}

#[track_caller]
fn codes(outcome: &Outcome) -> Vec<String> {
    let code = |answer: Value| answer["code"].as_str().expect("a code").to_owned();
    answers(outcome).into_iter().map(code).collect()
}

#[track_caller]
fn batch(env: &TestEnv, args: &[&str], input: impl AsRef<[u8]>) -> Outcome {
    env.run_with_stdin([&["verify", "--batch"], args].concat(), input)
}

fn without_time(mut answer: Value) -> Value {
    if let Some(time) = answer.get_mut("checked_at") {
        assert_eq!(time.as_str().map(str::len), Some(20), "{time}");
        *time = Value::Null;
    }
    answer
}

/// A token that is wrong in its secret alone.
fn forged(token: &str) -> String {
    with_checksum(&format!("kwt_dev1_{}_{}", &token[9..21], "a".repeat(32)))
}

/// Keys in every state, and what is said of their tokens.
fn tokens_of_every_kind(env: &TestEnv) -> Vec<(String, &'static str)> {
    let good = env.create([
        "CI/CD \"integration\" é",
        "-p",
        "shop",
        "-e",
        "staging",
        "--permission",
        "write:orders,read",
        "--context",
        "team=blue",
    ]);
    let revoked = env.create(["revoked"]);
    assert!(env.run(["revoke", "revoked", "--yes"]).success());
    let rotated = env.create(["rotated"]);
    let current = env.run(["rotate", "rotated", "--yes"]).token();
    let superseded = env.create(["overlap", "--expires", "never"]);
    let rotate = ["rotate", "overlap", "--overlap", "1h", "--yes"];
    let newest = env.run(rotate).token();
    let expired = env.create(["brief", "--expires", "1s"]);
    thread::sleep(Duration::from_millis(2100));
    vec![
        (good.clone(), "valid"),
        (format!("Authorization: Bearer {good}\r"), "valid"),
        (String::new(), "missing"),
        (" \t\r".to_owned(), "missing"),
        ("garbage".to_owned(), "malformed"),
        (format!("{good}{}", " ".repeat(4096)), "malformed"),
        (STRANGER.to_owned(), "unknown"),
        (forged(&revoked), "unknown"),
        (revoked, "revoked"),
        (rotated, "rotated"),
        (current, "valid"),
        (superseded, "valid"),
        (newest, "valid"),
        (expired, "expired"),
        (good, "valid"),
    ]
}

#[test]
fn each_line_is_answered_in_order_as_verify_answers_it() {
    let env = TestEnv::new();
    let tokens = tokens_of_every_kind(&env);
    let input: String = tokens
        .iter()
        .map(|(token, _)| format!("{token}\n"))
        .collect();
    let together = answers(&batch(&env, &[], &input));
    assert_eq!(together.len(), tokens.len());
    for ((token, code), answer) in tokens.iter().zip(together) {
        assert_eq!(answer["code"], *code, "{token:?}");
        assert_eq!(answer["schema"], 1);
        let alone = env.run_with_stdin(["verify", "--json"], token);
        assert_eq!(
            without_time(answer),
            without_time(alone.json()),
            "{token:?}"
        );
    }
    let alone = env.run_with_stdin(["verify", "--json"], &tokens[0].0);
    let alone = alone.stdout_text();
    let first = batch(&env, &["--json"], &tokens[0].0).stdout_text();
    let stable = |text: &str| text.split("checked_at").next().map(str::to_owned);
    assert_eq!(stable(&first), stable(&alone), "the same text, too");
    assert_eq!(first.len(), alone.len());
}

#[test]
fn what_is_required_is_required_of_every_line() {
    let env = TestEnv::new();
    let reader = env.create(["reader", "-p", "shop"]);
    let writer = env.create(["writer", "-p", "shop", "--permission", "write"]);
    let other = env.create(["other", "-p", "bank", "--permission", "admin"]);
    let staged = env.create(["staged", "-p", "shop", "-e", "staging"]);
    let input = [reader, writer, other, staged].join("\n");
    for (args, expected) in [
        (&[] as &[&str], ["valid", "valid", "valid", "valid"]),
        (
            &["-e", "dev", "-p", "shop", "--require", "create:orders"],
            [
                "insufficient_permission",
                "valid",
                "wrong_project",
                "wrong_environment",
            ],
        ),
    ] {
        assert_eq!(codes(&batch(&env, args, &input)), expected, "{args:?}");
    }
}

#[test]
fn lines_end_in_every_way_and_may_be_anything() {
    let env = TestEnv::new();
    let token = env.create(["deploy"]);
    let token = token.as_bytes();
    let long = vec![b'x'; 1 << 20];
    let spaces = vec![b' '; 1 << 20];
    for (input, expected) in [
        (vec![], vec![]),
        (b"\n".to_vec(), vec!["missing"]),
        (token.to_vec(), vec!["valid"]),
        ([token, b"\n"].concat(), vec!["valid"]),
        ([token, b"\r\n", token, b"\r\n"].concat(), vec!["valid"; 2]),
        (
            [token, b"\n\n", token].concat(),
            vec!["valid", "missing", "valid"],
        ),
        ([token, b" ", token, b"\n"].concat(), vec!["malformed"]),
        (
            [token, b"\n", &long, b"\n", token, b"\n"].concat(),
            vec!["valid", "malformed", "valid"],
        ),
        (
            [&long[..], b"\n", &long, b"\n", &long].concat(),
            vec!["malformed"; 3],
        ),
        (
            [token, &spaces, b"\n", token].concat(),
            vec!["malformed", "valid"],
        ),
        (
            [b"\xff\xfe\0", token, b"\n\xc3\n", token, b"\0\n", token].concat(),
            vec!["malformed", "malformed", "malformed", "valid"],
        ),
    ] {
        let outcome = batch(&env, &["--no-record"], &input);
        assert_eq!(codes(&outcome), expected, "{} bytes", input.len());
        assert!(outcome.stdout().len() < 1000 * expected.len() + 1);
    }
}

#[test]
fn nothing_that_was_read_is_repeated() {
    let env = TestEnv::new();
    let token = env.create(["deploy"]);
    let canary = "canaryCANARYcanary";
    let input = format!("{canary}\n{token}\n{STRANGER}\n{}\n", forged(&token));
    let outcome = batch(&env, &[], input);
    let said = outcome.to_string();
    let secret = &token[22..];
    for hidden in [canary, secret, "STRANGER"] {
        assert!(!said.contains(hidden), "{said}");
    }
}

/// Sums of the daily counts, by answer.
fn counted(env: &TestEnv, key: &[&str]) -> Vec<(String, u64)> {
    let answer = env.run([&["usage", "--json"], key].concat()).json();
    let mut sums = std::collections::BTreeMap::new();
    for count in answer["usage"][0]["counts"].as_array().expect("a list") {
        let code = count["code"].as_str().expect("text").to_owned();
        *sums.entry(code).or_default() += count["count"].as_u64().expect("a number");
    }
    sums.into_iter().collect()
}

#[test]
fn uses_are_counted_exactly_and_not_listed() {
    let env = TestEnv::new();
    let old = env.create(["deploy"]);
    let rotate = ["rotate", "deploy", "--overlap", "1h", "--yes"];
    let new = env.run(rotate).token();
    let other = env.create(["other", "-e", "staging"]);
    let round = format!(
        "{old}\n{new}\n{new}\n{}\n{other}\n{STRANGER}\ngarbage\n\n",
        forged(&old)
    );
    let input = round.repeat(5000);
    assert_eq!(answers(&batch(&env, &["-e", "dev"], &input)).len(), 40_000);
    let row = |code: &str, count| (code.to_owned(), count);
    assert_eq!(
        counted(&env, &["deploy"]),
        [row("valid", 15_000), row("wrong_secret", 5000)]
    );
    assert_eq!(
        counted(&env, &["other", "-e", "staging"]),
        [row("wrong_environment", 5000)]
    );
    let key = env.show(["deploy"]);
    assert_eq!(
        (&key["requests"], &key["refused"]),
        (&json!(20_000), &json!(5000))
    );
    assert!(key["last_used_at"].is_string());
    assert_eq!(
        env.show(["other", "-e", "staging"])["last_used_at"],
        Value::Null
    );
    let shown = env.run(["usage", "deploy"]).stdout_text();
    assert!(!shown.contains("\nuse "), "{shown}");
    // Single uses go on top of it.
    assert!(env.run_with_stdin(["verify"], &new).success());
    assert_eq!(env.show(["deploy"])["requests"], 20_001);
}

#[test]
fn a_batch_that_is_not_to_be_recorded_leaves_no_trace() {
    let env = TestEnv::new();
    let token = env.create(["deploy"]);
    let before = env.vault_bytes();
    let input = format!("{token}\n").repeat(100);
    assert_eq!(codes(&batch(&env, &["--no-record"], input)), ["valid"; 100]);
    assert!(!env.activity().exists());
    assert_eq!(env.show(["deploy"])["requests"], 0);
    assert!(env.vault_bytes() == before);
}

#[test]
fn nobody_reading_ends_it_quietly_and_what_was_answered_is_counted() {
    let env = TestEnv::new();
    let token = env.create(["deploy"]);
    let stdin = env.write("tokens", format!("{token}\n").repeat(100_000));
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let mut command = env.command(["verify", "--batch"]);
    command
        .stdin(fs::File::open(&stdin).expect("readable"))
        .stdout(writer);
    let outcome = env.outcome(command.output().expect("it runs"));
    assert_eq!(outcome.code(), Some(0), "{outcome}");
    assert!(outcome.stderr().is_empty(), "{outcome}");
    let requests = env.show(["deploy"])["requests"].as_u64().expect("a number");
    assert!((1..100_000).contains(&requests), "{requests}");
}

#[test]
fn what_cannot_be_recorded_is_one_warning_or_where_it_must_be_the_end() {
    let env = TestEnv::new();
    let token = env.create(["deploy"]);
    let input = format!("{token}\n").repeat(3000);
    env.write("a-file", "not a database, and long enough. ".repeat(50));
    let run = || {
        let mut command = env.command(["verify", "--batch"]);
        command.env("KEYWRIGHT_ACTIVITY", "a-file");
        env.finish(command, &input)
    };
    let outcome = run();
    assert_eq!(outcome.code(), Some(0));
    assert_eq!(outcome.stdout_text().lines().count(), 3000);
    insta::assert_snapshot!(outcome.stderr(), @"warning: uses cannot be recorded: `a-file` is not a keywright vault, or its first bytes are damaged");
    env.write(".config/keywright/config.toml", "audit = \"required\"\n");
    insta::assert_snapshot!(run(), @"
    exit: 1
    ---- stdout
    ---- stderr
    error: this use could not be recorded, and the settings require that it is
      caused by: `a-file` is not a keywright vault, or its first bytes are damaged
    ");
    let outcome = batch(&env, &[], &input);
    assert_eq!(answers(&outcome).len(), 3000);
    assert_eq!(counted(&env, &["deploy"]), [("valid".to_owned(), 3000)]);
}
