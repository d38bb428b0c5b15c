//! Uses are counted beside the vault, exactly, and never in it.

use std::fs;

use serde_json::{Value, json};

use crate::common::TestEnv;
use crate::verify::{STRANGER, with_checksum};

/// The counts of one key: code, generation, count; sorted.
#[track_caller]
fn counts(env: &TestEnv, name: &str) -> Vec<(String, u64, u64)> {
    let answer = env.run(["usage", name, "--json"]);
    assert!(answer.success(), "{answer}");
    let counts = answer.json()["usage"][0]["counts"].clone();
    let mut counts: Vec<(String, u64, u64)> = counts
        .as_array()
        .expect("a list")
        .iter()
        .map(|count| {
            let number = |field: &str| count[field].as_u64().expect("a number");
            let code = count["code"].as_str().expect("text").to_owned();
            (code, number("generation"), number("count"))
        })
        .collect();
    counts.sort();
    // Around midnight they lie on two days.
    counts.dedup_by(|later, earlier| {
        let same = (&later.0, later.1) == (&earlier.0, earlier.1);
        if same {
            earlier.2 += later.2;
        }
        same
    });
    counts
}

fn row(code: &str, generation: u64, count: u64) -> (String, u64, u64) {
    (code.to_owned(), generation, count)
}

#[track_caller]
pub(crate) fn verify(env: &TestEnv, times: u32, token: &str, args: &[&str], code: i32) {
    for _ in 0..times {
        let outcome = env.run_with_stdin([&["verify"], args].concat(), token);
        assert_eq!(outcome.code(), Some(code), "{outcome}");
    }
}

#[test]
fn every_use_is_counted_by_answer_and_generation() {
    let env = TestEnv::new();
    let old = env.create(["deploy"]);
    let other = env.create(["other"]);
    let forged = with_checksum(&format!("kwt_dev1_{}_{}", &old[9..21], "a".repeat(32)));
    verify(&env, 7, &old, &[], 0);
    verify(&env, 2, &old, &["--require", "admin"], 11);
    verify(&env, 1, &old, &["-e", "prod"], 11);
    verify(&env, 3, &forged, &[], 10);
    verify(&env, 4, STRANGER, &[], 10);
    verify(&env, 2, "garbage", &[], 10);
    verify(&env, 5, &old, &["--no-record"], 0);
    let new = env
        .run(["rotate", "deploy", "--overlap", "1h", "--yes"])
        .token();
    verify(&env, 2, &new, &[], 0);
    verify(&env, 1, &old, &[], 0);
    assert!(env.run(["rotate", "deploy", "--finish", "--yes"]).success());
    verify(&env, 1, &old, &[], 10);
    assert!(env.run(["revoke", "deploy", "--yes"]).success());
    verify(&env, 1, &new, &[], 10);

    assert_eq!(
        counts(&env, "deploy"),
        [
            row("insufficient_permission", 1, 2),
            row("revoked", 2, 1),
            row("rotated", 1, 1),
            row("valid", 1, 8),
            row("valid", 2, 2),
            row("wrong_environment", 1, 1),
            row("wrong_secret", 0, 3),
        ]
    );
    let key = env.show(["deploy"]);
    assert_eq!((&key["requests"], &key["refused"]), (&json!(18), &json!(8)));
    assert_eq!(counts(&env, "other"), []);
    let all = env.run(["usage", "--json"]).json();
    let sums = |at: usize| {
        let usage: &Value = &all["usage"][at];
        (
            usage["key"]["name"].clone(),
            usage["requests"].clone(),
            usage["refused"].clone(),
        )
    };
    assert_eq!(sums(0), (json!("deploy"), json!(18), json!(8)));
    assert_eq!(sums(1), (json!("other"), json!(0), json!(0)));
    let _ = other;
}

#[test]
fn values_that_are_handed_out_are_counted_too() {
    let env = TestEnv::new();
    env.set(["openai"], "sk-0123456789abcdef");
    for args in [&["get", "openai"] as &[&str], &["get", "openai", "--json"]] {
        assert!(env.run(args).success());
    }
    assert!(
        env.run_with_stdin(["rotate", "openai", "--yes"], "sk-another-value")
            .success()
    );
    assert!(env.run(["get", "openai"]).success());
    assert!(env.run(["get", "openai", "--previous"]).success());
    assert_eq!(counts(&env, "openai"), [row("get", 1, 3), row("get", 2, 1)]);
    // Looking is no use.
    assert!(env.run(["show", "openai"]).success());
    assert!(env.run(["list"]).success());
    assert_eq!(env.show(["openai"])["requests"], 4);
}

#[test]
fn usage_is_shown_as_lines_and_bars() {
    let env = TestEnv::new();
    let token = env.create(["deploy"]);
    env.set(["openai"], "sk-0123456789abcdef");
    verify(&env, 3, &token, &[], 0);
    verify(&env, 1, &token, &["-e", "prod"], 11);
    insta::assert_snapshot!(env.run(["usage"]), @"
    exit: 0
    ---- stdout
    NAME    SCOPE                BY DAY                          REQUESTS  REFUSED  WRONG SECRET  LAST USED
    deploy  default/development  .............................#  4         1 (25%)  -             just now
    openai  default/development  ..............................  0         0        -             -
    ---- stderr
    [--DATE--] to [--DATE--] (UTC), one character a day
    ");
    insta::assert_snapshot!(env.run(["usage", "deploy"]), @"
    exit: 0
    ---- stdout
    [--DATE--]  4  ######################################################  1 refused

    requests   4 since [--DATE--], 1 refused (25%)
    last used  just now

    GENERATION  STATE    REQUESTS  REFUSED  LAST USED
    1           current  4         1 (25%)  just now

    ANSWER             GENERATION  REQUESTS  LAST
    valid              1           3         just now
    wrong_environment  1           1         just now

    CALLER  REQUESTS  REFUSED  LAST
    tester@[HOST]  4         1        just now

    USED      ANSWER             GENERATION  CALLER
    just now  wrong_environment  1           tester@[HOST]
    just now  valid              1           tester@[HOST]
    just now  valid              1           tester@[HOST]
    just now  valid              1           tester@[HOST]
    ---- stderr
    One bar a day, [--DATE--] to [--DATE--] (UTC)
    ");
    insta::assert_snapshot!(env.run(["usage", "openai"]), @"
    exit: 0
    ---- stdout
    requests   0 since [--DATE--], none refused
    last used  never
    ---- stderr
    ");
    let blocks = env.run_with_env(["usage"], [("LANG", "C.UTF-8")]);
    insta::assert_snapshot!(blocks, @"
    exit: 0
    ---- stdout
    NAME    SCOPE                BY DAY                          REQUESTS  REFUSED  WRONG SECRET  LAST USED
    deploy  default/development  ·····························█  4         1 (25%)  -             just now
    openai  default/development  ······························  0         0        -             -
    ---- stderr
    [--DATE--] to [--DATE--] (UTC), one character a day
    ");
    let blocks = env.run_with_env(["usage", "deploy"], [("LC_ALL", "en_US.UTF-8")]);
    assert!(blocks.stdout_text().contains('█'), "{blocks}");
    insta::assert_snapshot!(env.run(["usage", "deploy", "--json"]), @r#"
    exit: 0
    ---- stdout
    {
      "by": "day",
      "days": 30,
      "schema": 1,
      "since": "[--DATE--]",
      "until": "[--DATE--]",
      "usage": [
        {
          "bins": [
            {
              "first_day": "[--DATE--]",
              "last_day": "[--DATE--]",
              "refused": 1,
              "requests": 4,
              "wrong_secret": 0
            }
          ],
          "clients": [],
          "counts": [
            {
              "code": "valid",
              "count": 3,
              "date": "[--DATE--]",
              "generation": 1
            },
            {
              "code": "wrong_environment",
              "count": 1,
              "date": "[--DATE--]",
              "generation": 1
            }
          ],
          "events": [
            {
              "actor": "tester@[HOST]",
              "at": "[-------TIME-------]",
              "code": "wrong_environment",
              "generation": 1,
              "times": 1,
              "verb": "verify"
            },
            {
              "actor": "tester@[HOST]",
              "at": "[-------TIME-------]",
              "code": "valid",
              "generation": 1,
              "times": 1,
              "verb": "verify"
            },
            {
              "actor": "tester@[HOST]",
              "at": "[-------TIME-------]",
              "code": "valid",
              "generation": 1,
              "times": 1,
              "verb": "verify"
            },
            {
              "actor": "tester@[HOST]",
              "at": "[-------TIME-------]",
              "code": "valid",
              "generation": 1,
              "times": 1,
              "verb": "verify"
            }
          ],
          "key": {
            "brand": "kwt",
            "context": {},
            "created_at": "[-------TIME-------]",
            "created_by": "tester@[HOST]",
            "default": false,
            "display": "kwt_dev1_[--KEY-ID--]_••••",
            "environment": "development",
            "expires_at": "[-------TIME-------]",
            "generation": 1,
            "generations": [
              {
                "created_at": "[-------TIME-------]",
                "created_by": "tester@[HOST]",
                "delivered_at": "[-------TIME-------]",
                "expires_at": "[-------TIME-------]",
                "last_used_at": "[-------TIME-------]",
                "number": 1,
                "refused": 1,
                "requests": 4,
                "requests_since_rotation": null,
                "state": "current",
                "superseded_at": null
              }
            ],
            "key_id": "[--KEY-ID--]",
            "kind": "issued",
            "last_used_at": "[-------TIME-------]",
            "models": null,
            "name": "deploy",
            "note": null,
            "own_context": {},
            "own_permissions": [
              "read"
            ],
            "pending": false,
            "permissions": [
              "read"
            ],
            "previous_valid_until": null,
            "project": "default",
            "providers": null,
            "rate": null,
            "refused": 1,
            "requests": 4,
            "revoked_at": null,
            "revoked_by": null,
            "roles": [],
            "status": "active",
            "tags": [],
            "variable": null
          },
          "last_wrong_secret_at": null,
          "paths": [],
          "refused": 1,
          "requests": 4,
          "sources": [
            {
              "actor": "tester@[HOST]",
              "last_at": "[-------TIME-------]",
              "refused": 1,
              "requests": 4,
              "wrong_secret": 0
            }
          ],
          "wrong_secret": 0
        }
      ],
      "without_key": null
    }
    ---- stderr
    "#);
}

#[test]
fn usage_is_filtered_by_scope_and_by_disuse() {
    let env = TestEnv::new();
    let used = env.create(["used", "-p", "shop"]);
    let _ = env.create(["idle", "-p", "shop"]);
    let _ = env.create(["staged", "-p", "shop", "-e", "staging"]);
    verify(&env, 1, &used, &[], 0);
    let names = |args: &[&str]| {
        let answer = env.run([&["usage", "--json"], args].concat()).json();
        let usage = answer["usage"].as_array().expect("a list").clone();
        usage
            .iter()
            .map(|usage| usage["key"]["name"].as_str().expect("text").to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(names(&[]), ["idle", "used", "staged"]);
    assert_eq!(names(&["-e", "staging"]), ["staged"]);
    assert_eq!(names(&["-p", "shop", "-e", "dev"]), ["idle", "used"]);
    assert_eq!(names(&["-p", "nothing"]), [""; 0]);
    // No key here is a day old, and none is younger than nothing.
    assert_eq!(names(&["--unused", "1d"]), [""; 0]);
    assert_eq!(names(&["--unused", "0s"]), ["idle", "used", "staged"]);
    let listed = |args: &[&str]| env.run([&["list", "--json"], args].concat()).names();
    assert_eq!(listed(&["--unused", "30d"]), [""; 0]);
    assert_eq!(listed(&["--unused", "0s"]), ["idle", "staged", "used"]);
}

#[test]
fn no_use_touches_the_vault() {
    let env = TestEnv::new();
    let token = env.create(["deploy"]);
    env.set(["openai"], "sk-0123456789abcdef");
    let before = (env.vault_bytes(), modified(&env));
    verify(&env, 3, &token, &[], 0);
    verify(&env, 1, STRANGER, &[], 10);
    for args in [
        &["get", "openai"] as &[&str],
        &["list"],
        &["show", "deploy"],
        &["usage"],
    ] {
        assert!(env.run(args).success(), "{args:?}");
    }
    assert!(before == (env.vault_bytes(), modified(&env)));
    let beside = fs::read_dir(env.path(".config/keywright")).expect("a folder");
    assert_eq!(beside.count(), 1, "nothing is left beside the vault");
}

fn modified(env: &TestEnv) -> std::time::SystemTime {
    let metadata = fs::metadata(env.vault()).expect("there");
    metadata.modified().expect("known")
}

#[test]
fn a_use_that_is_not_to_be_recorded_leaves_no_trace() {
    let env = TestEnv::new();
    let token = env.create(["deploy"]);
    verify(&env, 2, &token, &["--no-record"], 0);
    assert!(!env.activity().exists());
    assert_eq!(env.show(["deploy"])["requests"], 0);
}

/// Places for the activity file where none can be.
fn unwritable(env: &TestEnv) -> [String; 3] {
    env.write(
        "a-file",
        "not a database, and long enough that nobody takes it for an empty one. ".repeat(20),
    );
    [
        env.path("a-file").display().to_string(),
        env.path("a-file/activity.db").display().to_string(),
        "/proc/activity.db".to_owned(),
    ]
}

#[test]
fn a_use_that_cannot_be_recorded_is_a_warning() {
    let env = TestEnv::new();
    let token = env.create(["deploy"]);
    env.set(["openai"], "sk-0123456789abcdef");
    for place in unwritable(&env) {
        let mut command = env.command(["verify"]);
        command.env("KEYWRIGHT_ACTIVITY", &place);
        let verified = env.finish(command, &token);
        assert_eq!(verified.code(), Some(0), "{place}: {verified}");
        assert!(
            verified
                .stderr()
                .starts_with("warning: this use was not recorded"),
            "{place}: {verified}"
        );
        let got = env.run_with_env(["get", "openai"], [("KEYWRIGHT_ACTIVITY", place.as_str())]);
        assert_eq!(got.stdout(), b"sk-0123456789abcdef", "{place}: {got}");
        assert!(got.stderr().contains("warning: "), "{place}: {got}");
        let listed = env.run_with_env(["list"], [("KEYWRIGHT_ACTIVITY", place.as_str())]);
        assert!(listed.success(), "{place}: {listed}");
    }
    let broken = [("KEYWRIGHT_ACTIVITY", "a-file")];
    let mut command = env.command(["verify"]);
    command.envs(broken);
    insta::assert_snapshot!(env.finish(command, &token), @r"
    exit: 0
    ---- stdout
    valid: `deploy` in default/development may read
    ---- stderr
    warning: this use was not recorded: `a-file` is not a keywright vault, or its first bytes are damaged
    ");
    insta::assert_snapshot!(env.run_with_env(["list", "--json"], broken).masked_stderr(), @r"warning: usage is not known: `a-file` is not a keywright vault, or its first bytes are damaged");
    insta::assert_snapshot!(env.run_with_env(["usage"], broken), @"
    exit: 1
    ---- stdout
    ---- stderr
    warning: usage is not known: `a-file` is not a keywright vault, or its first bytes are damaged
    error: the activity file cannot be used
      caused by: `a-file` is not a keywright vault, or its first bytes are damaged
    hint: move the file away to begin a new one; `keywright status` shows where it is
    ");
}

#[test]
fn where_the_audit_is_required_such_a_use_is_refused() {
    let env = TestEnv::new();
    let token = env.create(["deploy"]);
    env.set(["openai"], "sk-0123456789abcdef");
    env.write(".config/keywright/config.toml", "audit = \"required\"\n");
    assert_eq!(env.run_with_stdin(["verify"], &token).code(), Some(0));
    for place in unwritable(&env) {
        let variable = [("KEYWRIGHT_ACTIVITY", place.as_str())];
        let mut command = env.command(["verify"]);
        command.envs(variable);
        let verified = env.finish(command, &token);
        assert_eq!(verified.code(), Some(1), "{place}: {verified}");
        assert!(verified.stdout().is_empty(), "{place}: {verified}");
        let got = env.run_with_env(["get", "openai"], variable);
        assert_eq!(got.code(), Some(1), "{place}: {got}");
        assert!(got.stdout().is_empty(), "{place}: {got}");
    }
    let got = env.run_with_env(["get", "openai"], [("KEYWRIGHT_ACTIVITY", "a-file")]);
    insta::assert_snapshot!(got, @r"
    exit: 1
    ---- stdout
    ---- stderr
    warning: usage is not known: `a-file` is not a keywright vault, or its first bytes are damaged
    error: this use could not be recorded, and the settings require that it is
      caused by: `a-file` is not a keywright vault, or its first bytes are damaged
    ");
}

#[test]
fn a_deleted_key_takes_its_usage_from_the_screen() {
    let env = TestEnv::new();
    let token = env.create(["deploy"]);
    verify(&env, 2, &token, &[], 0);
    assert!(env.run(["delete", "deploy", "--yes"]).success());
    let _ = env.create(["deploy"]);
    // Another key of the same name begins at nothing.
    assert_eq!(counts(&env, "deploy"), []);
    assert_eq!(env.show(["deploy"])["requests"], 0);
}
