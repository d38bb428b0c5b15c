//! `--out`: a new token or a value in a new file that only its owner can read.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use crate::common::{Outcome, TestEnv};

/// Runs keywright under a umask.
fn run_under(env: &TestEnv, umask: &str, args: &[&str]) -> Outcome {
    let mut shell = env.program("sh");
    let script = format!("umask {umask}; exec \"$@\"");
    shell.args(["-c", &script, "sh", env!("CARGO_BIN_EXE_keywright")]);
    shell.args(args);
    env.finish(shell, "")
}

fn mode(env: &TestEnv, file: &str) -> u32 {
    let file = fs::metadata(env.path(file)).expect("there");
    file.permissions().mode() & 0o7777
}

fn text(env: &TestEnv, file: &str) -> String {
    fs::read_to_string(env.path(file)).expect("there")
}

#[test]
fn a_token_is_in_the_file_and_nowhere_else() {
    let env = TestEnv::new();
    let outcome = env.run(["create", "deploy", "--out", "token"]);
    insta::assert_snapshot!(outcome, @"
    exit: 0
    ---- stdout
    ---- stderr
    Created issued key `deploy` in default/development
      key id       [--KEY-ID--]
      permissions  read (by default)
      expires      in 90 d, [-------TIME-------] (by default)
      token        in the new file `token`
    ");
    let token = text(&env, "token");
    assert_eq!(env.code(token.strip_suffix('\n').expect("a line")), "valid");
    let rotated = env.run(["rotate", "deploy", "--yes", "--json", "--out", "new"]);
    assert!(
        rotated.success() && rotated.stderr().is_empty(),
        "{rotated}"
    );
    let document = rotated.json();
    assert_eq!(document["handed_over"], "file", "{rotated}");
    assert!(document.get("token").is_none(), "{rotated}");
    let new = text(&env, "new");
    assert!(!rotated.stdout_text().contains(new.trim()), "{rotated}");
    assert_eq!(env.code(&new), "valid");
    assert_eq!(env.code(&token), "rotated");
    let printed = env.run(["create", "printed", "--json"]).json();
    assert!(printed["handed_over"].is_null() && printed["token"].is_string());
}

#[test]
fn only_the_owner_can_read_it_whatever_the_umask() {
    let env = TestEnv::new();
    env.set(["openai"], "sk-0123456789abcdef");
    for umask in ["000", "022", "077", "777"] {
        let name = format!("key{umask}");
        let created = run_under(&env, umask, &["create", &name, "--out", &name]);
        assert!(created.success(), "{created}");
        assert_eq!(mode(&env, &name), 0o600, "{umask}");
        let value = format!("value{umask}");
        let got = run_under(&env, umask, &["get", "openai", "--out", &value]);
        assert!(got.success(), "{got}");
        assert_eq!(mode(&env, &value), 0o600, "{umask}");
    }
}

#[test]
fn nothing_is_overwritten() {
    let env = TestEnv::new();
    let old = env.create(["deploy"]);
    env.set(["openai"], "sk-0123456789abcdef");
    env.write("file", "mine");
    fs::create_dir(env.path("folder")).expect("made");
    symlink("nowhere", env.path("dangling")).expect("made");
    symlink("file", env.path("link")).expect("made");
    let refused = env.refused_lines(&[
        "create new --out file",
        "create new --out folder",
        "create new --out dangling",
        "create new --out link --json",
        "create new --out missing/token",
        "create new --out file/token",
        "create new --out file --dry-run",
        "create new --out /dev/null",
        "rotate deploy --yes --out file",
        "get openai --out file",
    ]);
    insta::assert_snapshot!(refused, @r#"
    $ keywright create new --out file
    error: `file` already exists
    hint: name a new file with --out; nothing is overwritten
    [exit 4]
    $ keywright create new --out folder
    error: `folder` already exists
    hint: name a new file with --out; nothing is overwritten
    [exit 4]
    $ keywright create new --out dangling
    error: `dangling` already exists
    hint: name a new file with --out; nothing is overwritten
    [exit 4]
    $ keywright create new --out link --json
    {"schema":1,"error":{"kind":"conflict","exit_code":4,"message":"`link` already exists","causes":[],"hint":"name a new file with --out; nothing is overwritten"}}
    [exit 4]
    $ keywright create new --out missing/token
    error: cannot make the file `missing/token`
      caused by: No such file or directory (os error 2)
    [exit 1]
    $ keywright create new --out file/token
    error: cannot make the file `file/token`
      caused by: not a directory
    [exit 1]
    $ keywright create new --out file --dry-run
    error: `file` already exists
    hint: name a new file with --out; nothing is overwritten
    [exit 4]
    $ keywright create new --out /dev/null
    error: `/dev/null` already exists
    hint: name a new file with --out; nothing is overwritten
    [exit 4]
    $ keywright rotate deploy --yes --out file
    error: `file` already exists
    hint: name a new file with --out; nothing is overwritten
    [exit 4]
    $ keywright get openai --out file
    error: `file` already exists
    hint: name a new file with --out; nothing is overwritten
    [exit 4]
    "#);
    assert_eq!(text(&env, "file"), "mine");
    assert!(!env.path("nowhere").exists());
    assert_eq!(env.code(&old), "valid");
    assert_eq!(env.show(["openai"])["requests"], 0);
}

#[test]
fn no_vault_is_made_for_a_file_that_cannot_be() {
    let env = TestEnv::empty();
    env.write("file", "mine");
    let refused = env.run(["create", "new", "--out", "file"]);
    assert_eq!(refused.code(), Some(4), "{refused}");
    assert!(!env.vault().exists());
}

#[test]
fn what_is_not_made_leaves_no_file() {
    let env = TestEnv::new();
    let _ = env.create(["deploy"]);
    env.set(["openai"], "sk-0123456789abcdef");
    let refused = env.refused_lines(&[
        "create deploy --out token",
        "rotate nobody --yes --out token",
        "rotate deploy --out token",
        "rotate openai --yes --out token",
        "rotate openai --yes --pipe cat",
        "get deploy --out token",
        "rotate deploy --yes --finish --out token",
        "create new --out token --pipe cat",
        "create new --out token --copy",
        "get openai --out token --copy",
    ]);
    insta::assert_snapshot!(refused, @"
    $ keywright create deploy --out token
    error: issued key `deploy` already exists in default/development
    hint: choose another name; `keywright rotate` gives that key a new token, `keywright delete` makes room
    [exit 4]
    $ keywright rotate nobody --yes --out token
    error: no key `nobody` in default/development
    hint: `keywright list` shows every key
    [exit 3]
    $ keywright rotate deploy --out token
    error: this needs a confirmation, and nobody can be asked
    hint: --yes confirms it beforehand
    [exit 6]
    $ keywright rotate openai --yes --out token
    error: `openai` in default/development is a provider key: no token is made of it to hand over
    hint: `keywright get` takes --out and --copy for its value
    [exit 2]
    $ keywright rotate openai --yes --pipe cat
    error: `openai` in default/development is a provider key: no token is made of it to hand over
    hint: `keywright get` takes --out and --copy for its value
    [exit 2]
    $ keywright get deploy --out token
    error: the token of `deploy` was shown once and cannot be shown again
    hint: `keywright rotate` makes a new token for it
    [exit 8]
    $ keywright rotate deploy --yes --finish --out token
    error: the argument '--finish' cannot be used with '--out <FILE>'

    Usage: keywright rotate --yes --finish <NAME>

    For more information, try '--help'.
    [exit 2]
    $ keywright create new --out token --pipe cat
    error: the argument '--out <FILE>' cannot be used with '--pipe <COMMAND>'

    Usage: keywright create --out <FILE> <NAME>

    For more information, try '--help'.
    [exit 2]
    $ keywright create new --out token --copy
    error: the argument '--out <FILE>' cannot be used with '--copy'

    Usage: keywright create --out <FILE> <NAME>

    For more information, try '--help'.
    [exit 2]
    $ keywright get openai --out token --copy
    error: the argument '--out <FILE>' cannot be used with '--copy'

    Usage: keywright get --out <FILE> <NAME>

    For more information, try '--help'.
    [exit 2]
    ");
    assert!(!env.path("token").exists());
}

#[test]
fn an_answer_that_nobody_gets_does_not_hide_the_change() {
    let env = TestEnv::new();
    let line = r#""$0" create deploy --out token --json > /dev/full"#;
    let mut command = env.program("sh");
    command.args(["-c", line, env!("CARGO_BIN_EXE_keywright")]);
    let created = env.finish(command, "");
    assert_eq!(created.code(), Some(1), "{created}");
    let told = "the change was made all the same; the token is in the new file `token`";
    assert!(created.stderr().contains(told), "{created}");
    assert_eq!(env.code(text(&env, "token").trim_end()), "valid");
}

#[test]
fn a_dry_run_makes_no_file() {
    let env = TestEnv::new();
    let _ = env.create(["deploy"]);
    let transcript = env.session(&[
        "create new --dry-run --out token",
        "rotate deploy --dry-run --out token",
        "create new --dry-run --pipe 'sh -c true'",
    ]);
    insta::assert_snapshot!(transcript, @r#"
    $ keywright create new --dry-run --out token
    Would create issued key `new` in default/development
      permissions  read (by default)
      expires      in 90 d, [-------TIME-------] (by default)
      token        in the new file `token`
    [exit 0]
    $ keywright rotate deploy --dry-run --out token
    Would rotate `deploy` in default/development: its present token stops working now (never used)
      token        in the new file `token`
    [exit 0]
    $ keywright create new --dry-run --pipe "sh -c true"
    Would create issued key `new` in default/development
      permissions  read (by default)
      expires      in 90 d, [-------TIME-------] (by default)
      token        for the program `sh`
    [exit 0]
    "#);
    assert!(!env.path("token").exists());
    let told = env.run(["create", "new", "-n", "--json", "--out", "token"]);
    assert_eq!(told.json()["handed_over"], "file");
}

#[test]
fn a_value_has_its_exact_bytes() {
    let env = TestEnv::new();
    for (name, value) in [("plain", &b"sk-1"[..]), ("binary", b"\xff\xfe\x01\n\r\n")] {
        let set = env.run_with_stdin(["set", name, "--exact"], value);
        assert!(set.success(), "{set}");
        let outcome = env.run(["get", name, "--out", name]);
        assert!(
            outcome.success() && outcome.stdout().is_empty(),
            "{outcome}"
        );
        assert_eq!(fs::read(env.path(name)).expect("there"), value);
    }
    assert_eq!(env.show(["plain"])["requests"], 1);
    let outcome = env.run(["get", "plain", "--json", "--out", "other"]);
    let document = outcome.json();
    assert_eq!(document["handed_over"], "file");
    assert!(document.get("value").is_none(), "{outcome}");
    insta::assert_snapshot!(env.run(["get", "plain", "--out", "third"]), @"
    exit: 0
    ---- stdout
    ---- stderr
    Value of `plain`: in the new file `third`
    ");
}
