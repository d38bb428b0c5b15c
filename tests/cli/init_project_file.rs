//! `init --project-file` writes a `keywright.toml`.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use serde_json::json;

use crate::common::{Outcome, TestEnv, needed, skip};

const FILE: &str = "keywright.toml";

fn init(env: &TestEnv, args: &[&str]) -> Outcome {
    env.run([&["init", "--project-file"], args].concat())
}

fn written(env: &TestEnv) -> String {
    fs::read_to_string(env.path(FILE)).expect("written")
}

/// What is stored later is handed out, because the file does not say that nothing is needed.
#[test]
fn without_keys_there_is_no_table_of_them() {
    let env = TestEnv::new();
    let made = init(&env, &["-p", "shop"]);
    assert!(made.success(), "{made}");
    let text = written(&env);
    assert!(
        text.contains("project = \"shop\"") && !text.contains("[env]"),
        "{text}"
    );
    env.set(["openai"], "value");
    let printed = env.run(["run", "--", "printenv", "OPENAI_API_KEY"]);
    assert_eq!(printed.stdout_text(), "value\n", "{printed}");
}

#[test]
fn a_file_is_written_from_the_keys_that_have_a_variable() {
    let env = TestEnv::new();
    let set = |name: &str, variable: &str| {
        env.set(
            [name, "--var", variable, "-p", "shop", "-e", "staging"],
            "value",
        );
    };
    set("zeta", "OPENAI_API_KEY");
    set("it's \"odd\" # \\u0041 = 鍵", "ODD");
    set("revoked", "GONE");
    set("loader", "LD_PRELOAD");
    env.set(["no variable", "-p", "shop", "-e", "staging"], "value");
    env.set(["elsewhere", "--var", "ELSEWHERE"], "value");
    let scope = ["-p", "shop", "-e", "staging"];
    let revoked = env.run([&["revoke", "revoked", "--yes"], &scope as &[&str]].concat());
    assert!(revoked.success(), "{revoked}");
    let before = env.files();
    insta::assert_snapshot!(init(&env, &["-p", "shop", "-e", "staging", "--dry-run"]), @"
    exit: 0
    ---- stdout
    ---- stderr
    Would write `[HOME]/keywright.toml` with 2 variables of shop/staging
    `loader` is left out: `LD_PRELOAD` must not be set: it could change which code runs
    `revoked` is left out: it is revoked
    ");
    let dry = init(&env, &["-p", "shop", "-e", "staging", "-n", "--json"]);
    insta::assert_snapshot!(dry, @r#"
    exit: 0
    ---- stdout
    {
      "dry_run": true,
      "environment": "staging",
      "file": "[HOME]/keywright.toml",
      "left_out": [
        "loader",
        "revoked"
      ],
      "project": "shop",
      "schema": 1,
      "variable_count": 2
    }
    ---- stderr
    "#);
    assert_eq!(env.files(), before);
    insta::assert_snapshot!(init(&env, &scope), @"
    exit: 0
    ---- stdout
    ---- stderr
    Wrote `[HOME]/keywright.toml` with 2 variables of shop/staging
    `loader` is left out: `LD_PRELOAD` must not be set: it could change which code runs
    `revoked` is left out: it is revoked
    ");
    insta::assert_snapshot!(written(&env), @r#"
    # Read by keywright (run, env, check). It names keys and holds no secret: commit it.
    project = "shop"
    environment = "staging"

    [env]
    ODD = '''it's "odd" # \u0041 = 鍵'''
    OPENAI_API_KEY = "zeta"
    "#);
    let mode = fs::metadata(env.path(FILE))
        .expect("there")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777 & !0o644, 0, "{mode:o}");
    let check = env.run(["check"]);
    assert!(check.success(), "{check}");
    insta::assert_snapshot!(check, @r#"
    exit: 0
    ---- stdout
    VARIABLE        KEY                       STATUS  EXPIRES  REQUIRED
    ODD             it's "odd" # \u0041 = 鍵  ready   never    yes
    OPENAI_API_KEY  zeta                      ready   never    yes
    ---- stderr
    All 2 variables are ready
    "#);
}

#[test]
fn nothing_that_is_there_is_overwritten() {
    let env = TestEnv::new();
    env.write(FILE, "project = \"mine\"\n");
    insta::assert_snapshot!(init(&env, &[]), @"
    exit: 4
    ---- stdout
    ---- stderr
    error: `[HOME]/keywright.toml` already exists
    hint: edit it, or move it away; `keywright check` says how its keys stand
    ");
    assert_eq!(written(&env), "project = \"mine\"\n");
    assert_eq!(init(&env, &["-n"]).code(), Some(4));
    fs::remove_file(env.path(FILE)).expect("removed");
    // Through a link to nothing a file would be made elsewhere.
    symlink(env.path("elsewhere"), env.path(FILE)).expect("linked");
    assert_eq!(init(&env, &[]).code(), Some(4));
    assert!(!env.path("elsewhere").exists());
    fs::remove_file(env.path(FILE)).expect("removed");
    fs::create_dir(env.path(FILE)).expect("made");
    assert_eq!(init(&env, &[]).code(), Some(4));
}

#[test]
fn production_is_left_out_of_it() {
    let env = TestEnv::new();
    env.set(["live", "--var", "LIVE", "-e", "prod"], "value");
    insta::assert_snapshot!(init(&env, &["-e", "production"]), @"
    exit: 0
    ---- stdout
    ---- stderr
    Wrote `[HOME]/keywright.toml` with 1 variable of default/production
    No file can select production: say -e production or KEYWRIGHT_ENV where it is meant
    ");
    insta::assert_snapshot!(written(&env), @r#"
    # Read by keywright (run, env, check). It names keys and holds no secret: commit it.
    project = "default"

    [env]
    LIVE = "live"
    "#);
    assert!(env.run(["check", "-e", "production"]).success());
    assert_eq!(env.run(["check"]).code(), Some(9));
}

#[test]
fn two_keys_for_one_variable_stop_it() {
    let env = TestEnv::new();
    env.set(["a", "--var", "X"], "value");
    env.set(["b", "--var", "X"], "value");
    insta::assert_snapshot!(init(&env, &[]), @"
    exit: 2
    ---- stdout
    ---- stderr
    error: `a`, `b` want the same variable, `X`
    hint: nothing was written; `keywright edit NAME --var VARIABLE` changes a variable
    ");
    assert!(!env.path(FILE).exists());
    // One that is revoked is no rival.
    assert!(env.run(["revoke", "b", "--yes"]).success());
    assert!(init(&env, &[]).success());
    assert!(written(&env).contains("X = \"a\""));
}

#[test]
fn a_nearer_file_takes_the_place_of_one_above() {
    let env = TestEnv::new();
    env.write(FILE, "project = \"shop\"\n");
    env.set(["openai", "--var", "OPENAI_API_KEY"], "value");
    fs::create_dir(env.path("part")).expect("made");
    let mut command = env.command(["init", "--project-file"]);
    command.current_dir(env.path("part"));
    insta::assert_snapshot!(env.finish(command, ""), @"
    exit: 0
    ---- stdout
    ---- stderr
    Wrote `[HOME]/part/keywright.toml` with 1 variable of shop/development
    It is nearer than `[HOME]/keywright.toml`, and so the one that counts here
    ");
    fs::remove_file(env.path(FILE)).expect("removed");
    let mut status = env.command(["status", "--json"]);
    status.current_dir(env.path("part"));
    let status = env.finish(status, "");
    assert_eq!(status.json()["project"], "shop", "{status}");
}

#[test]
fn a_key_whose_name_would_be_read_as_another_is_left_out() {
    let env = TestEnv::new();
    let name = "kwt_prod1_uQCT8H872CoB_••••";
    env.set([name, "--var", "MASKED"], "value");
    env.set(["plain", "--var", "PLAIN"], "value");
    let outcome = init(&env, &[]);
    assert!(outcome.stderr().contains("masked token"), "{outcome}");
    assert!(!written(&env).contains("MASKED"));
    assert!(env.run(["check"]).success());
}

#[test]
fn a_file_that_would_be_too_long_is_not_written() {
    let env = TestEnv::new();
    env.set(["one", "--var", "V"], "value");
    let mut document = env.run(["export", "--reveal"]).json();
    let one = document["keys"][0].clone();
    let keys = (0..700).map(|number| {
        let mut key = one.clone();
        key["name"] = json!(format!("{number}{}", "k".repeat(95)));
        key["key_id"] = json!(format!("{number:0>12}"));
        key["variable"] = json!(format!("V{number}"));
        key["project"] = json!("big");
        key
    });
    document["keys"] = keys.collect();
    let document = document.to_string();
    let imported = env.run_with_stdin(["import", "--format", "json"], document);
    assert!(imported.success(), "{imported}");
    let outcome = init(&env, &["-p", "big"]);
    assert_eq!(outcome.code(), Some(8), "{outcome}");
    assert!(!env.path(FILE).exists());
}

#[test]
fn a_full_disk_leaves_no_half_of_a_file() {
    let env = TestEnv::new();
    env.set(["openai", "--var", "OPENAI_API_KEY"], "value");
    let Some(strace) = needed("strace") else {
        return;
    };
    let mut traced = env.program(strace);
    traced
        .args(["-o", "/dev/null", "-e", "trace=fsync"])
        .args(["-P", &env.path(FILE).display().to_string()])
        .args(["-e", "inject=fsync:error=ENOSPC"])
        .arg(env!("CARGO_BIN_EXE_keywright"))
        .args(["init", "--project-file"]);
    let outcome = env.finish(traced, "");
    if outcome.stderr().contains("ptrace") {
        skip("nothing can be traced here");
        return;
    }
    assert_eq!(outcome.code(), Some(1), "{outcome}");
    assert!(!env.path(FILE).exists(), "{outcome}");
}

#[test]
fn it_makes_no_vault_and_takes_no_options_of_one() {
    let env = TestEnv::empty();
    let missing = init(&env, &[]);
    assert_eq!(missing.code(), Some(1), "{missing}");
    assert!(missing.stderr().contains("keywright init"), "{missing}");
    for option in [
        &["--kdf", "strong"] as &[&str],
        &["--allow-weak-passphrase"],
    ] {
        assert_eq!(init(&env, option).code(), Some(2), "{option:?}");
    }
    assert!(!env.path(FILE).exists() && !env.vault().exists());
}
