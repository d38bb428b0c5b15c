//! `check`: is everything here that a project needs?

use std::fs;

use serde_json::{Value, json};

use crate::common::{TestEnv, Transcript, needed};

/// Provider keys in every state, and a file that lists them.
fn project() -> TestEnv {
    let env = TestEnv::new();
    env.set(["openai"], "sk-0123456789abcdef");
    env.set(["soon", "--expires", "3d"], "value");
    env.set(["old"], "value");
    assert!(env.run(["revoke", "old", "--yes"]).success());
    env.set(["stripe", "-e", "staging"], "value");
    env.set(["stripe", "-p", "shop"], "value");
    let _ = env.create(["issued"]);
    env
}

fn checked(env: &TestEnv, table: &str) -> crate::common::Outcome {
    env.write("keywright.toml", format!("[env]\n{table}"));
    env.run(["check"])
}

/// Variables and their status.
fn standings(document: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let variables = document["variables"].as_array().expect("a list");
    let standing = |variable: &Value| (text(&variable["variable"]), text(&variable["status"]));
    variables.iter().map(standing).collect()
}

#[test]
fn every_variable_is_told_with_the_standing_of_its_key() {
    let env = project();
    insta::assert_snapshot!(checked(&env, "\
        A = \"openai\"\n\
        B = { key = \"openai\", required = false }\n\
        C = \"soon\"\n\
        D = \"old\"\n\
        E = \"stripe\"\n\
        F = \"issued\"\n\
        G = { key = \"opnai\", required = false }\n\
        LD_PRELOAD = { key = \"openai\", required = false }\n"), @"
    exit: 9
    ---- stdout
    VARIABLE    KEY     STATUS        EXPIRES  REQUIRED
    A           openai  ready         never    yes
    B           openai  ready         never    no
    C           soon    expires soon  in 3 d   yes
    D           old     revoked       never    yes
    E           stripe  missing       -        yes
    F           issued  issued key    in 90 d  yes
    G           opnai   missing       -        no
    LD_PRELOAD  openai  refused name  never    no
    ---- stderr
    `stripe` is missing; it exists in default/staging, shop/development
    `opnai` is missing; did you mean `openai`?
    `LD_PRELOAD` must not be set: it could change which code runs
    5 of 8 variables are not ready; 1 expires within 14 days; `keywright set NAME` stores a missing key
    ");
}

#[test]
fn json_has_the_same_and_null_for_what_is_absent() {
    let env = project();
    env.write(
        "keywright.toml",
        "[env]\nA = \"soon\"\nB = { key = \"stripe\", required = false }\n",
    );
    insta::assert_snapshot!(env.run(["check", "--json"]), @r#"
    exit: 0
    ---- stdout
    {
      "environment": "development",
      "file": "[HOME]/keywright.toml",
      "ok": true,
      "project": "default",
      "schema": 1,
      "variables": [
        {
          "expires_at": "[-------TIME-------]",
          "key": "soon",
          "key_id": "[--KEY-ID--]",
          "required": true,
          "status": "expires_soon",
          "variable": "A"
        },
        {
          "expires_at": null,
          "key": "stripe",
          "key_id": null,
          "required": false,
          "status": "missing",
          "variable": "B"
        }
      ]
    }
    ---- stderr
    "#);
}

#[test]
fn the_exit_code_is_about_what_is_required() {
    let env = project();
    for (table, code) in [
        ("A = \"openai\"", 0),
        ("A = \"soon\"", 0),
        ("", 0),
        ("A = \"old\"", 9),
        ("A = \"stripe\"", 9),
        ("A = \"issued\"", 9),
        ("A = { key = \"old\", required = false }", 0),
        ("A = { key = \"stripe\", required = false }", 0),
        ("A = { key = \"issued\", required = false }", 0),
        ("A = \"openai\"\nB = \"openai\"\nC = \"old\"", 9),
        ("PATH = \"openai\"", 9),
        ("GIT_SSH = { key = \"openai\", required = false }", 9),
    ] {
        let outcome = checked(&env, table);
        assert_eq!(outcome.code(), Some(code), "{table}: {outcome}");
        let json = env.run(["check", "--json"]);
        assert_eq!(json.code(), Some(code), "{table}: {json}");
        assert_eq!(json.json()["ok"], json!(code == 0), "{table}: {json}");
        let quiet = env.run(["check", "-q"]);
        assert_eq!(quiet.code(), Some(code), "{table}: {quiet}");
        assert_eq!(quiet.stderr(), "");
    }
}

#[test]
fn an_expired_key_is_not_ready() {
    let env = TestEnv::new();
    env.set(["brief", "--expires", "1s"], "value");
    std::thread::sleep(std::time::Duration::from_millis(1100));
    let outcome = checked(&env, "A = \"brief\"\n");
    assert_eq!(outcome.code(), Some(9), "{outcome}");
    let json = env.run(["check", "--json"]).json();
    assert_eq!(standings(&json), [("A".to_owned(), "expired".to_owned())]);
}

#[test]
fn the_summary_counts() {
    let env = project();
    let mut told = Transcript::default();
    for table in [
        "",
        "A = \"openai\"",
        "A = \"openai\"\nB = \"soon\"",
        "A = \"old\"",
        "A = \"openai\"\nB = { key = \"old\", required = false }",
    ] {
        let outcome = checked(&env, table);
        told.add(&["check", "# [env]", table], &outcome);
    }
    insta::assert_snapshot!(told, @r##"
    $ keywright check "# [env]" ""
    The project needs no variable
    [exit 0]
    $ keywright check "# [env]" "A = \"openai\""
    VARIABLE  KEY     STATUS  EXPIRES  REQUIRED
    A         openai  ready   never    yes
    The variable is ready
    [exit 0]
    $ keywright check "# [env]" "A = \"openai\"\nB = \"soon\""
    VARIABLE  KEY     STATUS        EXPIRES  REQUIRED
    A         openai  ready         never    yes
    B         soon    expires soon  in 3 d   yes
    All 2 variables are ready; 1 expires within 14 days
    [exit 0]
    $ keywright check "# [env]" "A = \"old\""
    VARIABLE  KEY  STATUS   EXPIRES  REQUIRED
    A         old  revoked  never    yes
    1 of 1 variable is not ready
    [exit 9]
    $ keywright check "# [env]" "A = \"openai\"\nB = { key = \"old\", required = false }"
    VARIABLE  KEY     STATUS   EXPIRES  REQUIRED
    A         openai  ready    never    yes
    B         old     revoked  never    no
    1 of 2 variables is not ready, none of them required
    [exit 0]
    "##);
}

#[test]
fn it_says_no_value_and_records_no_use() {
    let env = TestEnv::new();
    env.set(["openai"], "sk-the-secret-value-0123456789");
    env.set(["used"], "value");
    assert!(env.run(["get", "used"]).success());
    env.write("keywright.toml", "[env]\nA = \"openai\"\nB = \"used\"\n");
    let uses = || {
        let key = |name: &str| {
            let key = env.show([name]);
            (key["requests"].clone(), key["last_used_at"].clone())
        };
        let audit = env.run(["audit", "--json"]).stdout_text().lines().count();
        (key("openai"), key("used"), audit)
    };
    let (before, bytes) = (uses(), env.vault_bytes());
    for args in [
        &["check"] as &[&str],
        &["check", "--json"],
        &["check", "--example"],
    ] {
        let outcome = env.run(args);
        assert!(outcome.success(), "{outcome}");
        for told in [outcome.stdout_text(), outcome.stderr()] {
            assert!(!told.contains("secret") && !told.contains("sk-"), "{told}");
        }
    }
    assert_eq!(uses(), before);
    assert!(env.vault_bytes() == bytes, "the vault was changed");
    assert!(env.run(["get", "openai"]).success());
    assert_ne!(uses(), before, "the comparison sees a use");
}

#[test]
fn without_a_table_it_tells_how_to_get_one() {
    let env = TestEnv::new();
    let mut told = Transcript::default();
    for args in [&["check"] as &[&str], &["check", "--example"]] {
        told.refused(args, &env.run(args));
    }
    env.write("keywright.toml", "project = \"shop\"\n");
    for args in [&["check"] as &[&str], &["check", "--json"]] {
        told.refused(args, &env.run(args));
    }
    told.refused(
        &["check", "--example", "--json"],
        &env.run(["check", "--example", "--json"]),
    );
    insta::assert_snapshot!(told, @r#"
    $ keywright check
    error: there is no `keywright.toml` in this folder or one above it
    hint: `keywright init --project-file` writes one from the provider keys of default/development
    [exit 2]
    $ keywright check --example
    error: there is no `keywright.toml` in this folder or one above it
    hint: `keywright init --project-file` writes one from the provider keys of default/development
    [exit 2]
    $ keywright check
    error: `[HOME]/keywright.toml` has no [env] table, which says what the project needs
    hint: add [env] and lines such as OPENAI_API_KEY = "openai"; `keywright init --project-file` writes a file that has it into a folder that has none
    [exit 2]
    $ keywright check --json
    {"schema":1,"error":{"kind":"usage","exit_code":2,"message":"`[HOME]/keywright.toml` has no [env] table, which says what the project needs","causes":[],"hint":"add [env] and lines such as OPENAI_API_KEY = \"openai\"; `keywright init --project-file` writes a file that has it into a folder that has none"}}
    [exit 2]
    $ keywright check --example --json
    {"schema":1,"error":{"kind":"usage","exit_code":2,"message":"the argument '--example' cannot be used with '--json'","causes":[],"hint":"--help tells more"}}
    [exit 2]
    "#);
}

#[test]
fn without_a_vault_it_tells_that() {
    let env = TestEnv::empty();
    let outcome = checked(&env, "A = \"openai\"\n");
    assert_eq!(outcome.code(), Some(1), "{outcome}");
    assert!(outcome.stderr().contains("keywright init"), "{outcome}");
}

#[test]
fn a_reader_that_leaves_does_not_change_the_exit_code() {
    let env = TestEnv::new();
    env.write("keywright.toml", "[env]\nA = \"nothing\"\n");
    for arg in ["--json", "-q"] {
        let mut shell = env.program("bash");
        shell
            .args(["-c", "\"$0\" check \"$1\" | true; exit ${PIPESTATUS[0]}"])
            .args([env!("CARGO_BIN_EXE_keywright"), arg]);
        let outcome = env.finish(shell, "");
        assert_eq!(outcome.code(), Some(9), "{outcome}");
    }
}

#[test]
fn an_example_is_made_from_the_file_alone() {
    let env = TestEnv::empty();
    env.write(
        "keywright.toml",
        "project = \"shop\"\nenvironment = \"staging\"\n[env]\nOPENAI_API_KEY = \"openai\"\n\
         STRIPE_SECRET_KEY = { key = \"stripe\", required = false }\nPATH = \"openai\"\n\
         ODD = \"it's \\\"odd\\\" #$(x)`\u{2028}EVIL=1\"\n",
    );
    let before = env.files();
    fs::remove_file(env.path("passphrase")).expect("removed");
    let example = env.run(["check", "--example"]);
    insta::assert_snapshot!(example, @r#"
    exit: 0
    ---- stdout
    # Variables that this project needs, without their values. Made by: keywright check --example

    # The key it's "odd" #$(x)`\u{2028}EVIL=1
    ODD=

    # The key openai
    OPENAI_API_KEY=

    # The key stripe (optional)
    # STRIPE_SECRET_KEY=
    ---- stderr
    warning: left out: `PATH` must not be set: it could change which code runs
    "#);
    assert_eq!(before.len(), env.files().len() + 1, "nothing was made");
}

/// What a reader of dotenv files makes of the example.
const READERS: [(&str, &[&str]); 3] = [
    (
        "python3",
        &[
            "-c",
            "import json, dotenv; print(json.dumps(dotenv.dotenv_values('example', interpolate=False)))",
        ],
    ),
    (
        "node",
        &[
            "--env-file=example",
            "-e",
            "const names = ['OPENAI_API_KEY', 'ODD', 'STRIPE_SECRET_KEY', 'EVIL', 'LAST'];\
             console.log(JSON.stringify(Object.fromEntries(\
               names.filter(n => n in process.env).map(n => [n, process.env[n]]))))",
        ],
    ),
    (
        "sh",
        &[
            "-c",
            "set -a; . ./example; printf '{\"LAST\":\"%s\",\"ODD\":\"%s\",\"OPENAI_API_KEY\":\"%s\"}' \
             \"${LAST-no}\" \"${ODD-no}\" \"${OPENAI_API_KEY-no}\"; \
             test -z \"${EVIL+set}${STRIPE_SECRET_KEY+set}\"",
        ],
    ),
];

#[test]
fn dotenv_readers_read_the_example() {
    let env = TestEnv::empty();
    env.write(
        "keywright.toml",
        "[env]\nOPENAI_API_KEY = \"openai\"\nLAST = \"x\"\n\
         STRIPE_SECRET_KEY = { key = \"stripe\", required = false }\n\
         ODD = \"it's \\\"odd\\\" #$(x)`\u{2028}EVIL=1\"\n",
    );
    env.write("example", env.run(["check", "--example"]).stdout());
    for (program, args) in READERS {
        let Some(program) = needed(program) else {
            continue;
        };
        let mut reader = env.program(&program);
        reader.args(args);
        let read = env.finish(reader, "");
        if !read.success() && read.stderr().contains("No module named 'dotenv'") {
            crate::common::skip("python-dotenv is not installed");
            continue;
        }
        assert!(read.success(), "{program:?}: {read}");
        assert_eq!(
            read.json(),
            json!({"LAST": "", "ODD": "", "OPENAI_API_KEY": ""}),
            "{program:?}: {read}"
        );
    }
}

#[test]
fn in_short() {
    insta::assert_snapshot!(crate::common::help(&["check", "-h"]), @"
    Say whether every key that this project needs is there

    Usage: keywright check [OPTIONS]

    Options:
          --example  Print a .env.example instead, from keywright.toml alone
      -h, --help     Print help (see more with '--help')

    Global options (-p, -e, --json, -q, -y …): see --help
    ");
}
