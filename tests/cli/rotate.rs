use serde_json::{Value, json};

use crate::common::{TestEnv, Transcript};
use crate::usage::verify;
use crate::usage_views::age;

#[test]
fn a_new_token_replaces_the_old_one_at_once() {
    let env = TestEnv::new();
    let old = env.create(["deploy", "--permission", "deploy", "--tag", "x"]);
    let before = env.show(["deploy"]);
    let rotated = env.run(["rotate", "deploy", "--yes"]);
    insta::assert_snapshot!(rotated, @r"
    exit: 0
    ---- stdout
    [TOKEN]
    ---- stderr
    Rotated `deploy` in default/development
      previous     no longer works
      expires      in 90 d, [-------TIME-------]
      token        shown this once; keep it where it is needed
    ");
    assert_eq!(env.code(&old), "rotated");
    assert_eq!(env.code(&rotated.token()), "valid");
    let after = env.show(["deploy"]);
    for kept in [
        "name",
        "key_id",
        "permissions",
        "tags",
        "brand",
        "created_at",
        "display",
    ] {
        assert_eq!(after[kept], before[kept], "{kept}");
    }
    assert_eq!(after["generation"], 2);
    let quiet = env.run(["rotate", "deploy", "--yes", "--quiet"]);
    assert_eq!(quiet.stderr(), "");
    assert_eq!(env.code(&quiet.token()), "valid");
}

#[test]
fn an_overlap_keeps_the_old_token_until_its_end() {
    let env = TestEnv::new();
    let old = env.create(["deploy"]);
    let rotated = env.run(["rotate", "deploy", "--yes", "--overlap", "24h"]);
    let said = rotated.masked_stderr().replace("in 23 h", "in 24 h");
    insta::assert_snapshot!(said, @r"
    Rotated `deploy` in default/development
      previous     works until [-------TIME-------] (in 24 h)
      expires      in 90 d, [-------TIME-------]
      token        shown this once; keep it where it is needed
    ");
    assert_eq!(env.code(&old), "valid");
    let key = env.show(["deploy"]);
    assert!(key["previous_valid_until"].is_string(), "{key}");
    assert_eq!(states(&key), ["overlap", "current"]);

    // Another rotation ends the older overlap, and says so.
    let second = rotated.token();
    let again = env.run(["rotate", "deploy", "--yes", "--overlap", "24h"]);
    let said = again.masked_stderr().replace("in 23 h", "in 24 h");
    insta::assert_snapshot!(said, @"
    Rotated `deploy` in default/development
      previous     works until [-------TIME-------] (in 24 h)
      before that  no longer works; it was to work until [-------TIME-------]
      expires      in 90 d, [-------TIME-------]
      token        shown this once; keep it where it is needed
    ");
    let third = again.token();
    assert_eq!(env.code(&old), "rotated");
    assert_eq!(env.code(&second), "valid");
    assert_eq!(env.code(&third), "valid");
    assert_eq!(
        states(&env.show(["deploy"])),
        ["rotated", "overlap", "current"]
    );
}

fn states(key: &Value) -> Vec<&str> {
    let generations = key["generations"].as_array().expect("a list");
    let state = |generation: &'_ Value| generation["state"].clone();
    generations
        .iter()
        .map(|generation| match state(generation).as_str() {
            Some("overlap") => "overlap",
            Some("current") => "current",
            Some("rotated") => "rotated",
            other => panic!("{other:?}"),
        })
        .collect()
}

#[test]
fn an_overlap_is_ended_early() {
    let env = TestEnv::new();
    let old = env.create(["deploy"]);
    let new = env
        .run(["rotate", "deploy", "--yes", "--overlap", "24h"])
        .token();
    assert!(env.run_with_stdin(["verify"], &old).success());
    let mut told = Transcript::default();
    for args in [
        &["rotate", "deploy", "--finish", "-n"] as &[&str],
        &["rotate", "deploy", "--finish"],
        &["rotate", "deploy", "--finish", "--yes"],
        &["rotate", "deploy", "--finish", "--yes"],
    ] {
        told.add(args, &env.run(args));
    }
    insta::assert_snapshot!(told, @r"
    $ keywright rotate deploy --finish -n
    Would end the overlap of `deploy` in default/development: its previous token stops working now (last used just now)
    [exit 0]
    $ keywright rotate deploy --finish
    error: this needs a confirmation, and nobody can be asked
    hint: --yes confirms it beforehand
    [exit 6]
    $ keywright rotate deploy --finish --yes
    Ended the overlap of `deploy` in default/development (the previous token was last used just now)
    [exit 0]
    $ keywright rotate deploy --finish --yes
    `deploy` in default/development has no overlap to end
    [exit 0]
    ");
    assert_eq!(env.code(&old), "rotated");
    assert_eq!(env.code(&new), "valid");
    let again = env
        .run(["rotate", "deploy", "--finish", "--yes", "--json"])
        .json();
    assert_eq!(again["outcome"], "unchanged");
    let _ = env
        .run(["rotate", "deploy", "--yes", "--overlap", "24h"])
        .token();
    let finished = env.run(["rotate", "deploy", "--finish", "--yes", "--json"]);
    assert_eq!(finished.json()["outcome"], "finished", "{finished}");
    assert_eq!(finished.json()["key"]["previous_valid_until"], Value::Null);
}

#[test]
fn an_overlap_ends_with_the_old_token_at_the_latest() {
    let env = TestEnv::new();
    let _ = env.create(["deploy", "--expires", "1h"]);
    let end = env.show(["deploy"])["expires_at"].clone();
    let _ = env
        .run(["rotate", "deploy", "--yes", "--overlap", "7d"])
        .token();
    assert_eq!(env.show(["deploy"])["previous_valid_until"], end);
}

#[test]
fn a_new_token_lives_as_long_as_the_old_one_was_given() {
    let env = TestEnv::new();
    let _ = env.create(["never", "--expires", "never"]);
    let _ = env.run(["rotate", "never", "--yes"]).token();
    assert_eq!(env.show(["never"])["expires_at"], Value::Null);
    let _ = env
        .run(["rotate", "never", "--yes", "--expires", "2199-01-31"])
        .token();
    assert_eq!(env.show(["never"])["expires_at"], "2199-01-31T23:59:59Z");
    let _ = env
        .run(["rotate", "never", "--yes", "--expires", "never"])
        .token();
    assert_eq!(env.show(["never"])["expires_at"], Value::Null);
}

#[test]
fn rotated_as_json() {
    let env = TestEnv::new();
    let _ = env.create(["deploy", "--expires", "never", "--actor", "ada"]);
    let rotated = env.run([
        "rotate",
        "deploy",
        "--yes",
        "--overlap",
        "1h",
        "--json",
        "--actor",
        "bob",
    ]);
    insta::assert_snapshot!(rotated, @r#"
    exit: 0
    ---- stdout
    {
      "dry_run": false,
      "handed_over": null,
      "key": {
        "brand": "kwt",
        "context": {},
        "created_at": "[-------TIME-------]",
        "created_by": "ada",
        "default": false,
        "display": "kwt_dev1_[--KEY-ID--]_••••",
        "environment": "development",
        "expires_at": null,
        "generation": 2,
        "generations": [
          {
            "created_at": "[-------TIME-------]",
            "created_by": "ada",
            "delivered_at": "[-------TIME-------]",
            "expires_at": null,
            "number": 1,
            "state": "overlap",
            "superseded_at": "[-------TIME-------]"
          },
          {
            "created_at": "[-------TIME-------]",
            "created_by": "bob",
            "delivered_at": "[-------TIME-------]",
            "expires_at": null,
            "number": 2,
            "state": "current",
            "superseded_at": null
          }
        ],
        "key_id": "[--KEY-ID--]",
        "kind": "issued",
        "last_used_at": null,
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
        "previous_valid_until": "[-------TIME-------]",
        "project": "default",
        "providers": null,
        "rate": null,
        "refused": 0,
        "requests": 0,
        "revoked_at": null,
        "revoked_by": null,
        "roles": [],
        "status": "overlap",
        "tags": [],
        "variable": null
      },
      "outcome": "rotated",
      "previous_valid_until": "[-------TIME-------]",
      "schema": 1,
      "token": "[TOKEN]"
    }
    ---- stderr
    "#);
    let token = rotated.json()["token"]
        .as_str()
        .expect("a token")
        .to_owned();
    assert_eq!(env.code(&token), "valid");
}

#[test]
fn a_providers_new_value_replaces_the_old_one() {
    let env = TestEnv::new();
    env.set(["openai"], "sk-0123456789abcdef");
    let mut told = Transcript::default();
    let rotate = &["rotate", "openai", "--yes"] as &[&str];
    told.add(rotate, &env.run_with_stdin(rotate, "sk-another-value-0\n"));
    told.add(rotate, &env.run_with_stdin(rotate, "sk-another-value-0"));
    env.write("next", "sk-from-a-file-000\n");
    let from_file = &["rotate", "openai", "--yes", "--file", "next", "--exact"] as &[&str];
    told.add(from_file, &env.run_with_stdin(from_file, "not this"));
    insta::assert_snapshot!(told, @"
    $ keywright rotate openai --yes
    Rotated `openai` in default/development; the value before is in `get --previous`
    [exit 0]
    $ keywright rotate openai --yes
    `openai` in default/development has this very value already; unchanged
    [exit 0]
    $ keywright rotate openai --yes --file next --exact
    warning: the value of `openai` begins or ends with white space, which is kept
    Rotated `openai` in default/development; the value before is in `get --previous`
    [exit 0]
    ");
    assert_eq!(env.run(["get", "openai"]).stdout(), b"sk-from-a-file-000\n");
    let json = env.run_with_stdin([rotate, &["--json"]].concat(), "a value for the json");
    assert_eq!(json.json()["outcome"], "rotated", "{json}");
    assert_eq!(json.json()["key"]["generation"], 4, "{json}");
    assert_eq!(json.json().get("token"), None);
}

#[test]
fn a_revoked_key_is_not_rotated() {
    let env = TestEnv::new();
    let token = env.create(["deploy"]);
    assert!(env.run(["revoke", "deploy", "--yes"]).success());
    let told = env.refusals([
        &["rotate", "deploy", "--yes"] as &[&str],
        &["rotate", "deploy", "-n"],
        &["rotate", "deploy", "--yes", "--json"],
    ]);
    insta::assert_snapshot!(told, @r#"
    $ keywright rotate deploy --yes
    error: `deploy` in default/development is revoked
    hint: `keywright create` issues another key
    [exit 8]
    $ keywright rotate deploy -n
    error: `deploy` in default/development is revoked
    hint: `keywright create` issues another key
    [exit 8]
    $ keywright rotate deploy --yes --json
    {"schema":1,"error":{"kind":"refused","exit_code":8,"message":"`deploy` in default/development is revoked","causes":[],"hint":"`keywright create` issues another key"}}
    [exit 8]
    "#);
    assert_eq!(env.code(&token), "revoked");
}

#[test]
fn a_key_keeps_eight_generations() {
    let env = TestEnv::new();
    let first = env.create(["deploy"]);
    let mut last = String::new();
    for _ in 0..10 {
        last = env.run(["rotate", "deploy", "--yes"]).token();
    }
    let key = env.show(["deploy"]);
    assert_eq!(key["generations"].as_array().map(Vec::len), Some(8));
    assert_eq!(key["generation"], json!(11));
    assert_eq!(env.code(&last), "valid");
    // Whose digest is gone is a stranger.
    assert_eq!(env.code(&first), "unknown");
}

/// For cron: whoever still has the old token keeps it.
#[test]
fn an_overlap_is_ended_once_nobody_uses_the_old_token() {
    let env = TestEnv::new();
    let old = env.create(["deploy"]);
    verify(&env, 1, &old, &[], 0);
    // Counting has begun long ago.
    age(&env, 9);
    let new = env
        .run(["rotate", "deploy", "--yes", "--overlap", "30d"])
        .token();
    verify(&env, 1, &old, &[], 0);
    let finish = &[
        "rotate",
        "deploy",
        "--finish",
        "--when-unused",
        "24h",
        "--yes",
    ] as &[&str];
    let mut told = Transcript::default();
    told.add(finish, &env.run(finish));
    let dry = [finish, &["-n"]].concat();
    told.add(&dry, &env.run(&dry));
    assert_eq!(env.code(&old), "valid");
    let json = env.run([finish, &["--json"]].concat());
    assert_eq!(json.code(), Some(9), "{json}");
    assert_eq!(json.json()["outcome"], "unchanged");
    let quiet = env.run([finish, &["-q"]].concat());
    assert_eq!((quiet.code(), quiet.stderr()), (Some(9), String::new()));
    age(&env, 2);
    verify(&env, 1, &new, &[], 0);
    told.add(&dry, &env.run(&dry));
    told.add(finish, &env.run(finish));
    told.add(finish, &env.run(finish));
    insta::assert_snapshot!(told, @"
    $ keywright rotate deploy --finish --when-unused 24h --yes
    The overlap of `deploy` in default/development goes on: the previous token was last used just now, [-------TIME-------]
    [exit 9]
    $ keywright rotate deploy --finish --when-unused 24h --yes -n
    The overlap of `deploy` in default/development goes on: the previous token was last used just now, [-------TIME-------]
    [exit 9]
    $ keywright rotate deploy --finish --when-unused 24h --yes -n
    Would end the overlap of `deploy` in default/development: its previous token stops working now (last used 2 d ago)
    [exit 0]
    $ keywright rotate deploy --finish --when-unused 24h --yes
    Ended the overlap of `deploy` in default/development (the previous token was last used 2 d ago)
    [exit 0]
    $ keywright rotate deploy --finish --when-unused 24h --yes
    `deploy` in default/development has no overlap to end
    [exit 0]
    ");
    assert_eq!(env.code(&old), "rotated");
    assert_eq!(env.code(&new), "valid");
}

#[test]
fn an_overlap_goes_on_where_nobody_knows_whether_the_old_token_is_used() {
    let env = TestEnv::new();
    let old = env.create(["deploy"]);
    let _ = env
        .run(["rotate", "deploy", "--yes", "--overlap", "30d"])
        .token();
    let finish = &[
        "rotate",
        "deploy",
        "--finish",
        "--when-unused",
        "24h",
        "--yes",
    ] as &[&str];
    let mut told = Transcript::default();
    // Nothing was ever counted; then something, just now.
    told.add(finish, &env.run(finish));
    let other = env.create(["other"]);
    verify(&env, 1, &other, &[], 0);
    told.add(finish, &env.run(finish));
    let activity = rusqlite::Connection::open(env.activity()).expect("an activity file");
    let newer = activity.pragma_update(None, "user_version", 2);
    newer.expect("another format");
    drop(activity);
    told.add(finish, &env.run(finish));
    std::fs::write(env.activity(), "no database at all".repeat(1000)).expect("altered");
    for side in ["-wal", "-shm"] {
        let _ = std::fs::remove_file(format!("{}{side}", env.activity().display()));
    }
    told.add(finish, &env.run(finish));
    assert_eq!(env.code(&old), "valid");
    for args in [
        &["rotate", "deploy", "--when-unused", "24h"] as &[&str],
        &["rotate", "deploy", "--finish", "--when-unused", "soon"],
        &["rotate", "deploy", "--finish", "--when-unused", "101y"],
        &["rotate", "deploy", "--finish", "--when-unused", "40000d"],
    ] {
        told.add(args, &env.run(args));
    }
    insta::assert_snapshot!(told, @"
    $ keywright rotate deploy --finish --when-unused 24h --yes
    error: whether it was used since [-------TIME-------] is not known: no use of any key was counted on this machine
    hint: --finish alone ends the overlap all the same
    [exit 1]
    $ keywright rotate deploy --finish --when-unused 24h --yes
    error: whether it was used since [-------TIME-------] is not known: uses are counted on this machine since [--DATE--]
    hint: --finish alone ends the overlap all the same
    [exit 1]
    $ keywright rotate deploy --finish --when-unused 24h --yes
    warning: usage is not known: `[HOME]/.local/state/keywright/[VAULT-ID]/activity.db` has format 2, which a newer keywright wrote; this one reads format 1
    error: the activity file cannot be used
      caused by: `[HOME]/.local/state/keywright/[VAULT-ID]/activity.db` has format 2, which a newer keywright wrote; this one reads format 1
    hint: use the newer keywright
    [exit 1]
    $ keywright rotate deploy --finish --when-unused 24h --yes
    warning: usage is not known: `[HOME]/.local/state/keywright/[VAULT-ID]/activity.db` is not a keywright vault, or its first bytes are damaged
    error: the activity file cannot be used
      caused by: `[HOME]/.local/state/keywright/[VAULT-ID]/activity.db` is not a keywright vault, or its first bytes are damaged
    hint: move the file away to begin a new one; `keywright status` shows where it is
    [exit 1]
    $ keywright rotate deploy --when-unused 24h
    error: the following required arguments were not provided:
      --finish

    Usage: keywright rotate --finish --when-unused <DURATION> <NAME>

    For more information, try '--help'.
    [exit 2]
    $ keywright rotate deploy --finish --when-unused soon
    error: invalid value 'soon' for '--when-unused <DURATION>': a duration is a whole number and one of s, m, h, d, w, such as `30m` or `90d`

    For more information, try '--help'.
    [exit 2]
    $ keywright rotate deploy --finish --when-unused 101y
    error: invalid value '101y' for '--when-unused <DURATION>': a duration is a whole number and one of s, m, h, d, w, such as `30m` or `90d`

    For more information, try '--help'.
    [exit 2]
    $ keywright rotate deploy --finish --when-unused 40000d
    error: invalid value '40000d' for '--when-unused <DURATION>': a duration is at most 100 years

    For more information, try '--help'.
    [exit 2]
    ");
}
