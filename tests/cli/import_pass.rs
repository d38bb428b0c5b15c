//! `import --format pass`, with the real `pass` and a real key where they are installed, and with programs in its place
//! for what it cannot be brought to do.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use serde_json::json;

use crate::common::{Outcome, TestEnv, needed};
use crate::terminal::Terminal;

/// A vault, and a pass store with a key of its own.
struct Store(TestEnv);

impl Store {
    fn new() -> Option<Self> {
        needed("pass")?;
        needed("gpg")?;
        let store = Self(TestEnv::new());
        store.program(
            "gpg",
            &[
                "--batch",
                "--passphrase",
                "",
                "--quick-generate-key",
                "tester",
                "default",
                "default",
                "never",
            ],
            "",
        );
        store.program("pass", &["init", "tester"], "");
        Some(store)
    }

    #[track_caller]
    fn program(&self, program: &str, args: &[&str], stdin: &str) -> Outcome {
        let mut command = self.0.program(program);
        command.args(args);
        let outcome = self.0.finish(command, stdin);
        assert!(outcome.success(), "{program} {args:?}: {outcome}");
        outcome
    }

    #[track_caller]
    fn insert(&self, entry: &str, content: &str) {
        self.program(
            "pass",
            &["insert", "--multiline", "--force", "--", entry],
            content,
        );
    }

    fn has(&self, entry: &str) -> bool {
        self.0
            .path(&format!(".password-store/{entry}.gpg"))
            .exists()
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        let mut command = self.0.program("gpgconf");
        command.args(["--kill", "gpg-agent"]);
        let _ = self.0.finish(command, "");
    }
}

#[test]
fn a_pass_store_is_imported_by_first_lines() {
    let Some(store) = Store::new() else { return };
    let env = &store.0;
    store.insert("work/openai", "sk-0123456789abcdef\n");
    store.insert("work/STRIPE_SECRET_KEY", "sk_test_canary");
    store.insert("work/login of shop", "hunter2\nuser: ann\n");
    store.insert("work/nothing", "\n");
    store.insert("-home $(id)", "at home\n");
    env.write(".password-store/.git/secret.gpg", "not an entry");
    symlink("/etc", env.path(".password-store/out")).expect("linked");

    insta::assert_snapshot!(env.run(["import", "--format", "pass", "--dry-run"]), @"
    exit: 0
    ---- stdout
    NAME                    SCOPE                KIND      VARIABLE           OUTCOME
    -home $(id)             default/development  provider  -                  new
    work/STRIPE_SECRET_KEY  default/development  provider  STRIPE_SECRET_KEY  new
    work/login of shop      default/development  provider  -                  new
    work/openai             default/development  provider  -                  new
    ---- stderr
    Left out, because there is no value: `work/nothing`
    Only the first line of `work/login of shop` is imported; `pass show 'work/login of shop' | keywright set 'work/login of shop'` keeps all
    Would import 4 provider keys from the pass store into default/development
    ");
    insta::assert_snapshot!(env.run(["import", "--format", "pass", "work", "-p", "shop"]), @"
    exit: 0
    ---- stdout
    ---- stderr
    Left out, because there is no value: `work/nothing`
    Only the first line of `work/login of shop` is imported; `pass show 'work/login of shop' | keywright set 'work/login of shop'` keeps all
    Imported 3 provider keys from `work` of the pass store into shop/development
    ");
    let shop = |name| env.run(["get", "-p", "shop", "--", name]).stdout_text();
    assert_eq!(shop("work/openai"), "sk-0123456789abcdef");
    assert_eq!(shop("work/STRIPE_SECRET_KEY"), "sk_test_canary");
    assert_eq!(shop("work/login of shop"), "hunter2");
    let variable = |name| env.show([name, "-p", "shop"])["variable"].clone();
    assert_eq!(variable("work/STRIPE_SECRET_KEY"), "STRIPE_SECRET_KEY");
    assert_eq!(variable("work/openai"), json!(null));

    // An entry whose lines are not all imported stays, and so does one that has no value.
    let args = [
        "import",
        "--format",
        "pass",
        "--delete-source",
        "--yes",
        "-p",
        "shop",
    ];
    insta::assert_snapshot!(env.run(args), @"
    exit: 0
    ---- stdout
    ---- stderr
    Left out, because there is no value: `work/nothing`
    Only the first line of `work/login of shop` is imported; `pass show 'work/login of shop' | keywright set 'work/login of shop'` keeps all
    Imported 1 provider key from the pass store into shop/development; 3 unchanged
    Removed 3 entries from the pass store
    ");
    let left = [
        "-home $(id)",
        "work/login of shop",
        "work/nothing",
        "work/openai",
        "work/STRIPE_SECRET_KEY",
    ];
    let left: Vec<&str> = left.into_iter().filter(|entry| store.has(entry)).collect();
    assert_eq!(left, ["work/login of shop", "work/nothing"]);
    assert_eq!(shop("-home $(id)"), "at home");
}

#[test]
fn an_entry_that_pass_cannot_open_stops_all_of_it() {
    let Some(store) = Store::new() else { return };
    let env = &store.0;
    store.insert("a", "sk-canary\n");
    env.write(".password-store/b.gpg", "not encrypted");
    store.insert("c", "sk-canary\n");
    let before = env.vault_bytes();
    let refused = env.run(["import", "--format", "pass"]);
    assert!(env.vault_bytes() == before);
    // What gpg says about it is shown, too.
    let told = refused.stderr();
    assert!(
        told.contains("gpg: ") && !told.contains("canary"),
        "{refused}"
    );
    let ours: Vec<&str> = told
        .lines()
        .filter(|line| !line.starts_with("gpg: "))
        .collect();
    insta::assert_snapshot!(ours.join("\n"), @"
    error: `pass show` failed for `b` (exit status: 2)
    hint: nothing was imported; `pass show` has to work for each entry
    ");
}

#[test]
fn an_entry_that_was_changed_meanwhile_is_kept() {
    let Some(store) = Store::new() else { return };
    let env = &store.0;
    store.insert("a", "first\n");
    let args = ["import", "--format", "pass", "--delete-source"];
    let mut terminal = Terminal::spawn(env.unlocked(args));
    terminal.expect_question();
    store.insert("a", "second\n");
    terminal.send("y\r");
    let (status, screen) = terminal.wait();
    assert_eq!(status.code(), Some(4), "{screen}");
    insta::assert_snapshot!(env.screen(&screen), @"
    Remove 1 entry from the pass store after they are in the vault
    Go on? [y/N] y
    Imported 1 provider key from the pass store into default/development
    error: `a` is kept: it was changed while it was imported
    hint: what it had before is in the vault; import it again to see what is new
    ");
    assert!(store.has("a"));
    assert_eq!(env.run(["get", "a"]).stdout(), b"first");
}

/// A store whose entries only a program in the place of `pass` can open.
fn with_program(script: &str) -> TestEnv {
    let env = TestEnv::new();
    for entry in ["one", "two", "three"] {
        env.write(&format!("store/{entry}.gpg"), "");
    }
    let program = env.write("bin/pass", format!("#!/bin/sh\n{script}\n"));
    std::fs::set_permissions(program, PermissionsExt::from_mode(0o755)).expect("set");
    env
}

fn import(env: &TestEnv, path: &Path, more: &[&str]) -> Outcome {
    let mut command = env.command([&["import", "--format", "pass"], more].concat());
    command
        .env("PATH", format!("{}:/usr/bin:/bin", path.display()))
        .env("PASSWORD_STORE_DIR", env.path("store"));
    env.finish(command, "not for pass")
}

#[test]
fn pass_gets_no_variable_of_ours_and_no_input() {
    let env = with_program(
        "env | grep -c KEYWRIGHT_ >>$HOME/seen; cat >>$HOME/seen; echo \"$*\" >>$HOME/seen; echo value",
    );
    let imported = import(&env, &env.path("bin"), &[]);
    assert!(imported.success(), "{imported}");
    let seen = std::fs::read_to_string(env.path("seen")).expect("it ran");
    assert_eq!(seen, "0\nshow -- one\n0\nshow -- three\n0\nshow -- two\n");
}

#[test]
fn what_pass_cannot_do_is_told() {
    let mut told = String::new();
    let mut refuse = |what: &str, script: &str, path: &str, more: &[&str]| {
        let env = with_program(script);
        let before = env.vault_bytes();
        let refused = import(&env, &env.path(path), more);
        assert!(env.vault_bytes() == before);
        assert!(
            !refused.success() && !refused.stderr().contains("canary"),
            "{refused}"
        );
        told.push_str(&format!(
            "# {what}\n{}[exit {:?}]\n",
            refused.masked_stderr(),
            refused.code()
        ));
    };
    refuse("it prints and fails", "echo sk-canary; exit 3", "bin", &[]);
    refuse("it prints no end of it", "yes sk-canary", "bin", &[]);
    refuse("a value with NUL", "printf 'sk-canary\\0\\n'", "bin", &[]);
    refuse("no such folder", "echo value", "bin", &["nowhere"]);
    refuse("a folder outside", "echo value", "bin", &["../store"]);
    insta::assert_snapshot!(told, @"
    # it prints and fails
    error: `pass show` failed for `one` (exit status: 3)
    hint: nothing was imported; `pass show` has to work for each entry
    [exit Some(1)]
    # it prints no end of it
    error: the entry `one` has more than 1048576 bytes, the most that is read
    hint: nothing was imported; name a folder of the store to import only what is in it
    [exit Some(2)]
    # a value with NUL
    error: the entry `one` has no value that can be stored
      caused by: the value has a NUL byte, which no environment variable can carry
    hint: nothing was imported; name a folder of the store to import only what is in it
    [exit Some(2)]
    # no such folder
    error: `[HOME]/store/nowhere` is not a folder in a pass store
    hint: nothing was imported; `pass ls` shows the folders, PASSWORD_STORE_DIR says where the store is
    [exit Some(2)]
    # a folder outside
    error: `[HOME]/store/../store` is not a folder in a pass store
    hint: nothing was imported; `pass ls` shows the folders, PASSWORD_STORE_DIR says where the store is
    [exit Some(2)]
    ");

    let env = with_program("echo value");
    let mut command = env.command(["import", "--format", "pass"]);
    command
        .env("PATH", env.path("none"))
        .env("PASSWORD_STORE_DIR", env.path("store"));
    insta::assert_snapshot!(env.finish(command, ""), @"
    exit: 1
    ---- stdout
    ---- stderr
    error: the program `pass` is not there
    hint: install pass, from https://www.passwordstore.org
    ");
    env.write(&format!("store/{}.gpg", "x".repeat(101)), "");
    insta::assert_snapshot!(import(&env, &env.path("bin"), &[]), @"
    exit: 2
    ---- stdout
    ---- stderr
    error: the entry `xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx` cannot be the name of a key: a name has at most 100 characters, not 101
    hint: nothing was imported; name a folder of the store to import only what is in it
    ");
}

#[test]
fn an_entry_that_pass_does_not_remove_is_told_and_the_values_are_there() {
    let env =
        with_program("case \"$1 $4\" in 'rm three') exit 1;; 'show ') echo \"value of $3\";; esac");
    let told = import(&env, &env.path("bin"), &["--delete-source", "--yes"]);
    insta::assert_snapshot!(told, @"
    exit: 1
    ---- stdout
    ---- stderr
    Imported 3 provider keys from the pass store into default/development
    error: the pass store keeps this entry and those after it; all values are in the vault
      caused by: `pass rm` failed for `three` (exit status: 1)
    ");
    assert_eq!(env.run(["get", "two"]).stdout(), b"value of two");
}

#[test]
fn many_entries_show_how_far_it_is() {
    let env = with_program("sleep 0.4; echo value");
    let mut command = env.unlocked(["import", "--format", "pass"]);
    command
        .env(
            "PATH",
            format!("{}:/usr/bin:/bin", env.path("bin").display()),
        )
        .env("PASSWORD_STORE_DIR", env.path("store"));
    let mut terminal = Terminal::spawn(command);
    terminal.expect("Reading from pass [");
    let (status, screen) = terminal.wait();
    assert!(status.success(), "{screen}");
    assert_eq!(
        env.screen(&screen),
        "Imported 3 provider keys from the pass store into default/development\n"
    );
}
