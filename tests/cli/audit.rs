//! Who did what, and when: the log of changes and the uses of keys, for people and for programs.

use std::os::unix::process::ExitStatusExt;

use rusqlite::Connection;
use serde_json::Value;

use crate::common::{Outcome, TestEnv};
use crate::terminal::Terminal;
use crate::verify::with_checksum;

/// Each line of the answer as a document.
#[track_caller]
fn documents(outcome: &Outcome) -> Vec<Value> {
    assert!(outcome.success(), "{outcome}");
    let text = outcome.stdout_text();
    let read = |line: &str| serde_json::from_str(line).expect("a document a line");
    text.lines().map(read).collect()
}

/// `verb name` of each entry, and the code of a use.
#[track_caller]
fn entries(env: &TestEnv, args: &[&str]) -> Vec<String> {
    let outcome = env.run([&["audit", "--json"], args].concat());
    let entry = |document: &Value| {
        let word = |field: &str| document[field].as_str().unwrap_or("-").to_owned();
        match document["code"].as_str() {
            None => format!("{} {}", word("verb"), word("name")),
            Some(code) => format!("{} {} {code}", word("verb"), word("name")),
        }
    };
    documents(&outcome).iter().map(entry).collect()
}

pub(crate) fn verify(env: &TestEnv, token: &str) {
    let outcome = env.run_with_stdin(["verify"], token);
    assert!(matches!(outcome.code(), Some(0 | 10)), "{outcome}");
}

/// With a key of each kind, a use of one, and a try with a forged token.
pub(crate) fn used() -> TestEnv {
    let env = TestEnv::new();
    let token = env.create(["deploy", "-p", "shop"]);
    env.set(["openai"], "sk-0123456789abcdef");
    verify(&env, &token);
    verify(
        &env,
        &with_checksum(&format!("kwt_dev1_{}_{}", &token[9..21], "a".repeat(32))),
    );
    env
}

pub(crate) fn alter_log(env: &TestEnv, sql: &str) {
    let vault = Connection::open(env.vault()).expect("a vault");
    vault.execute_batch(sql).expect("altered");
}

#[test]
fn changes_and_uses_are_shown_as_one_table() {
    let env = used();
    insta::assert_snapshot!(env.run(["audit", "deploy", "-p", "shop"]), @"
    exit: 0
    ---- stdout
    TIME                  WHAT     CODE          KEY     SCOPE             GENERATION  ACTOR  DETAIL
    [-------TIME-------]  create   -             deploy  shop/development  1           tester@[HOST]  -
    [-------TIME-------]  deliver  -             deploy  shop/development  1           tester@[HOST]  -
    [-------TIME-------]  verify   valid         deploy  shop/development  1           tester@[HOST]  -
    [-------TIME-------]  verify   wrong_secret  deploy  shop/development  -           tester@[HOST]  -
    ---- stderr
    ");
    insta::assert_snapshot!(env.run(["audit", "openai"]), @"
    exit: 0
    ---- stdout
    TIME                  WHAT  CODE  KEY     SCOPE                GENERATION  ACTOR  DETAIL
    [-------TIME-------]  set   -     openai  default/development  1           tester@[HOST]  -
    ---- stderr
    ");
}

#[test]
fn with_json_each_entry_is_an_object_on_a_line() {
    let env = used();
    let outcome = env.run(["audit", "--json"]);
    let all = documents(&outcome);
    assert!(all.iter().all(|document| document["schema"] == 1));
    // Whether a use or a change of the same second comes first is fixed; in which second it was is not.
    let mut verbs: Vec<&str> = all
        .iter()
        .filter_map(|entry| entry["verb"].as_str())
        .collect();
    verbs.sort_unstable();
    assert_eq!(
        verbs,
        ["create", "deliver", "init", "set", "verify", "verify"]
    );
    let forged = env.run(["audit", "--json", "--code", "wrong_secret"]);
    insta::assert_snapshot!(forged, @r#"
    exit: 0
    ---- stdout
    {
      "actor": "tester@[HOST]",
      "at": "[-------TIME-------]",
      "code": "wrong_secret",
      "detail": null,
      "environment": "development",
      "generation": null,
      "index": null,
      "key_id": "[--KEY-ID--]",
      "kind": "issued",
      "name": "deploy",
      "operation": null,
      "project": "shop",
      "request": null,
      "schema": 1,
      "source": "use",
      "times": 1,
      "verb": "verify"
    }
    ---- stderr
    "#);
    let first = documents(&env.run(["audit", "--json", "--verb", "init"]));
    assert_eq!(
        (&first[0]["index"], &first[0]["source"]),
        (&1.into(), &"log".into())
    );
    let at_a_terminal = env.unlocked(["audit", "--json"]);
    let (status, screen) = Terminal::spawn(at_a_terminal).wait();
    assert!(status.success(), "{screen}");
    assert_eq!(screen.trim().lines().count(), all.len(), "{screen}");
}

#[test]
fn each_filter_narrows() {
    let env = used();
    let by_another = env.run_with_stdin(["set", "other", "--actor", "bot"], "sk-another");
    assert!(by_another.success(), "{by_another}");
    for (args, expected) in [
        (
            &["--verb", "verify"] as &[&str],
            &["verify deploy valid", "verify deploy wrong_secret"] as &[&str],
        ),
        (
            &["--verb", "init,set"],
            &["init -", "set openai", "set other"],
        ),
        (
            &["--verb", "init", "--verb", "deliver"],
            &["init -", "deliver deploy"],
        ),
        (&["--code", "valid,expired"], &["verify deploy valid"]),
        (&["--code", "expired"], &[]),
        (&["--actor", "bot"], &["set other"]),
        (
            &["-p", "shop", "--verb", "create,set,init"],
            &["create deploy"],
        ),
        (
            &["-p", "default", "--verb", "create,set,init"],
            &["set openai", "set other"],
        ),
        (&["-e", "production"], &[]),
        (&["--until", "2020-01-01"], &[]),
        (&["--since", "1h", "--verb", "create"], &["create deploy"]),
        (
            &[
                "--since",
                "2020-01-01T00:00:00Z",
                "--until",
                "0s",
                "--verb",
                "create",
            ],
            &["create deploy"],
        ),
        (&["openai"], &["set openai"]),
        (
            &["deploy", "-p", "shop", "--verb", "create"],
            &["create deploy"],
        ),
    ] {
        assert_eq!(entries(&env, args), expected, "{args:?}");
    }
    let all = entries(&env, &["--limit", "all"]);
    assert_eq!(all.len(), 7);
    assert_eq!(entries(&env, &["--limit", "2"]), all[5..]);
    let few = env.run(["audit", "--limit", "2"]);
    insta::assert_snapshot!(few.stderr(), @"Older entries are left out; --limit says how many are shown");
    insta::assert_snapshot!(env.run(["audit", "-e", "production"]), @"
    exit: 0
    ---- stdout
    ---- stderr
    No entries
    ");
    let default = env.run(["audit", "--default", "-p", "shop"]);
    assert_eq!(default.code(), Some(3), "{default}");
}

#[test]
fn bad_input_is_refused() {
    let env = used();
    let refusals = env.refusals([
        &["audit", "--verb", "break"] as &[&str],
        &["audit", "--code", "unknown"],
        &["audit", "--since", "yesterday"],
        &["audit", "--since", "2027-02-01", "--until", "2027-01-01"],
        &["audit", "--since", "1h", "--until", "2h"],
        &["audit", "--until", "1h", "--follow"],
        &["audit", "--limit", "-1"],
        &["audit", "--limit", "some"],
        &["audit", "--actor", ""],
        &["audit", "deploy", "--default"],
        &["audit", "nobody"],
        &["audit", "deplou", "-p", "shop"],
        &["audit", "deploy"],
    ]);
    insta::assert_snapshot!(refusals, @r#"
    $ keywright audit --verb break
    error: invalid value 'break' for '--verb <VERB>'
      [possible values: access-create, access-revoke, create, delete, deliver, edit, finish, import, init, passphrase, recovery-code, rekey, restore, revoke, role-delete, role-set, rotate, set, undo, env, export, get, run, verify]

      tip: a similar value exists: 'revoke'

    For more information, try '--help'.
    [exit 2]
    $ keywright audit --code unknown
    error: invalid value 'unknown' for '--code <CODE>'
      [possible values: env, expired, export, get, insufficient_permission, rate_limited, revoked, rotated, run, undelivered, valid, wrong_environment, wrong_project, wrong_secret]

    For more information, try '--help'.
    [exit 2]
    $ keywright audit --since yesterday
    error: invalid value 'yesterday' for '--since <WHEN>': a time is a duration before now such as `24h`, a date such as `[--DATE--]`, or an RFC 3339 time

    For more information, try '--help'.
    [exit 2]
    $ keywright audit --since 2027-02-01 --until 2027-01-01
    error: --since `[--DATE--]` is later than --until `[--DATE--]`
    hint: durations count back from now, as in --since 7d --until 24h
    [exit 2]
    $ keywright audit --since 1h --until 2h
    error: --since `1h` is later than --until `2h`
    hint: durations count back from now, as in --since 7d --until 24h
    [exit 2]
    $ keywright audit --until 1h --follow
    error: the argument '--until <WHEN>' cannot be used with '--follow'

    Usage: keywright audit --until <WHEN> [NAME]

    For more information, try '--help'.
    [exit 2]
    $ keywright audit --limit -1
    error: an unknown option; it is not repeated here, because it may be a secret
    hint: a value or token comes from standard input or --file, a passphrase from --passphrase-file; see --help
    [exit 2]
    $ keywright audit --limit some
    error: invalid value 'some' for '--limit <N>': a limit is a whole number, or `all`

    For more information, try '--help'.
    [exit 2]
    $ keywright audit --actor ""
    error: invalid value '' for '--actor <NAME>': an actor cannot be empty

    For more information, try '--help'.
    [exit 2]
    $ keywright audit deploy --default
    error: the argument '[NAME]' cannot be used with '--default'

    Usage: keywright audit <NAME>

    For more information, try '--help'.
    [exit 2]
    $ keywright audit nobody
    error: no key `nobody` in default/development
    hint: `keywright list` shows every key
    [exit 3]
    $ keywright audit deplou -p shop
    error: no key `deplou` in shop/development
    hint: did you mean `deploy`?
    [exit 3]
    $ keywright audit deploy
    error: no key `deploy` in default/development
    hint: it exists in shop/development; choose with -p and -e
    [exit 3]
    "#);
}

#[test]
fn deleted_and_renamed_keys_are_found_by_the_names_they_had() {
    let env = TestEnv::new();
    let token = env.create(["deploy"]);
    assert!(env.run(["delete", "deploy", "--yes"]).success());
    insta::assert_snapshot!(env.run(["audit", "deploy"]), @"
    exit: 0
    ---- stdout
    TIME                  WHAT     CODE  KEY     SCOPE                GENERATION  ACTOR  DETAIL
    [-------TIME-------]  create   -     deploy  default/development  1           tester@[HOST]  -
    [-------TIME-------]  deliver  -     deploy  default/development  1           tester@[HOST]  -
    [-------TIME-------]  delete   -     deploy  default/development  -           tester@[HOST]  -
    ---- stderr
    No key is called `deploy` now; the log knows which one was
    ");
    let _ = env.create(["deploy"]);
    let again = env.run(["audit", "deploy", "--verb", "create"]);
    let id = &token[9..21];
    assert_eq!(
        again.stderr(),
        format!("The key {id} had this name before; `keywright audit KEY_ID` tells of it\n")
    );
    assert_eq!(
        entries(&env, &[id]),
        ["create deploy", "deliver deploy", "delete deploy"].map(|entry| entry.to_owned())
    );
}

#[test]
fn a_broken_chain_is_said_where_it_is() {
    let env = used();
    let whole = env.run(["audit", "--limit", "all"]);
    assert!(whole.success(), "{whole}");
    alter_log(
        &env,
        "UPDATE log SET sealed = zeroblob(length(sealed)) WHERE seq = 3",
    );
    for args in [
        &["audit"] as &[&str],
        &["audit", "--json"],
        &["audit", "--follow"],
        &["audit", "openai", "--limit", "1", "--since", "0s"],
    ] {
        let outcome = env.run(args);
        assert_eq!(outcome.code(), Some(7), "{args:?}: {outcome}");
        assert!(outcome.stdout().is_empty(), "{outcome}");
        let told = outcome.stderr();
        assert!(
            told.contains("entry 3 of the log is not the one that was sealed"),
            "{told}"
        );
    }
    // Nothing else looks that far back.
    assert!(env.run(["list"]).success());
}

#[test]
fn nothing_is_written_and_no_use_is_recorded() {
    let env = used();
    let _ = env.run(["list"]);
    let before = env.files();
    for args in [
        &["audit"] as &[&str],
        &["audit", "--json", "--limit", "all"],
    ] {
        assert!(env.run(args).success());
    }
    let after = env.files();
    let changed: Vec<_> = after
        .iter()
        .filter(|(path, bytes)| before.get(*path) != Some(*bytes))
        // SQLite's own note of who reads.
        .filter(|(path, _)| !path.to_string_lossy().ends_with("-shm"))
        .map(|(path, _)| path)
        .collect();
    assert!(changed.is_empty(), "{changed:?}");
    assert_eq!(after.len(), before.len());
}

#[test]
fn uses_that_do_not_open_are_told_once() {
    let env = used();
    let activity = Connection::open(env.activity()).expect("an activity file");
    activity
        .execute_batch("UPDATE event SET at = at - 1")
        .expect("altered");
    drop(activity);
    let outcome = env.run(["audit", "--verb", "create,verify"]);
    insta::assert_snapshot!(outcome, @"
    exit: 0
    ---- stdout
    TIME                  WHAT    CODE  KEY     SCOPE             GENERATION  ACTOR  DETAIL
    [-------TIME-------]  create  -     deploy  shop/development  1           tester@[HOST]  -
    ---- stderr
    warning: 2 recorded uses do not open: from before the vault was re-keyed, or altered in the activity file
    ");
    std::fs::remove_file(env.activity()).expect("there");
    assert_eq!(entries(&env, &["--verb", "verify"]), Vec::<String>::new());
}

#[test]
fn nothing_that_draws_comes_through() {
    let env = TestEnv::new();
    let hostile = "evil\u{202e}key\u{200b}";
    let outcome = env.run(["create", hostile, "--actor", "some\u{2066}body"]);
    assert!(outcome.success(), "{outcome}");
    verify(&env, &outcome.token());
    for args in [
        &["audit"] as &[&str],
        &["audit", hostile],
        &["audit", "--json"],
    ] {
        let told = env.run(args);
        assert!(told.success(), "{told}");
        let said = format!("{}{}", told.stdout_text(), told.stderr());
        let draws = |c: char| c != '\n' && (c.is_control() || matches!(c, '\u{200b}'..='\u{206f}'));
        assert!(!said.contains(draws), "{said:?}");
    }
    let told = env.run(["audit", "--json", "--verb", "create"]);
    let document = &documents(&told)[0];
    assert_eq!(
        (&document["name"], &document["actor"]),
        (&hostile.into(), &"some\u{2066}body".into())
    );
    assert!(
        env.run(["audit"])
            .stdout_text()
            .contains("evil\\u{202e}key\\u{200b}")
    );
    assert_eq!(env.run(["delete", hostile, "--yes"]).code(), Some(0));
    let gone = env.run(["audit", hostile]);
    assert!(
        gone.stderr().contains("`evil\\u{202e}key\\u{200b}`"),
        "{gone}"
    );
}

#[test]
fn narrow_terminals_have_fewer_columns_and_interrupts_end_it() {
    let env = used();
    let (status, screen) = Terminal::spawn(env.unlocked(["audit"])).wait();
    assert!(status.success(), "{screen}");
    assert!(
        screen.contains("Left out at this width: GENERATION"),
        "{screen}"
    );
    let mut terminal = Terminal::spawn(env.unlocked(["audit", "--follow", "--color", "always"]));
    terminal.expect("Left out at this width: SCOPE, GENERATION, DETAIL");
    terminal.expect("\u{1b}[31mwrong_secret");
    terminal.send("\u{3}");
    let (status, screen) = terminal.wait();
    assert_eq!(status.signal(), Some(2), "{screen}");
}

#[test]
fn ten_thousand_uses_take_no_more_room() {
    let env = used();
    let activity = Connection::open(env.activity()).expect("an activity file");
    let copies = "WITH RECURSIVE n(i) AS (SELECT 3 UNION ALL SELECT i + 1 FROM n WHERE i < 10000)
                  INSERT INTO event SELECT i, at, key_id, sealed FROM n, event WHERE seq = 1";
    activity.execute_batch(copies).expect("copied");
    drop(activity);
    // A copy under another number is no use that was recorded.
    let outcome = env.run(["audit", "--verb", "verify"]);
    assert!(
        outcome.stderr().contains("9998 recorded uses do not open"),
        "{outcome}"
    );
    assert_eq!(outcome.stdout_text().lines().count(), 3, "{outcome}");
}
