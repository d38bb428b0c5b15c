//! Vaults that are not opened.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};

use rusqlite::Connection;

use crate::common::{Outcome, TestEnv, Transcript, tell};

/// Every command that needs what is in the vault. (`passphrase` alone does not look into the keys.)
const OPENING: &[&[&str]] = &[
    &["create", "new"],
    &["create", "new", "--dry-run"],
    &["delete", "deploy", "--yes"],
    &["delete", "deploy", "--dry-run"],
    &["get", "openai"],
    &["list"],
    &[
        "passphrase",
        "--compromised",
        "--yes",
        "--new-passphrase-fd",
        "0",
    ],
    &["revoke", "deploy", "--yes"],
    &["rotate", "deploy", "--yes"],
    &["rotate", "openai", "--yes"],
    &["search", "deploy"],
    &["set", "new"],
    &["set", "new", "--dry-run"],
    &["show", "deploy"],
    &["usage"],
    &["usage", "deploy"],
    &["verify"],
];

/// A well-formed token of another vault, which is a value as good as any to `set`.
const STRANGER: &str = "kwt_dev1_uQCT8H872CoB_STRANGERstrangerSTRANGERstranger2VTdSY";

/// A vault with a key of each kind.
fn with_keys() -> TestEnv {
    let env = TestEnv::new();
    let _ = env.create(["deploy"]);
    env.set(["openai"], "sk-0123456789abcdef");
    env
}

/// Runs every command that opens the vault; all end with `code`, say the same, and change nothing.
#[track_caller]
fn all_refuse(env: &TestEnv, code: i32) -> Outcome {
    let before = env.files();
    let mut last: Option<Outcome> = None;
    for args in OPENING {
        let outcome = env.run_with_stdin(*args, STRANGER);
        assert_eq!(outcome.code(), Some(code), "{args:?}: {outcome}");
        assert!(outcome.stdout().is_empty(), "{args:?}: {outcome}");
        if let Some(last) = &last {
            assert_eq!(outcome.stderr(), last.stderr(), "{args:?}");
        }
        last = Some(outcome);
    }
    let after = env.files();
    let changed = after
        .iter()
        .filter(|(path, bytes)| before.get(*path) != Some(bytes));
    let changed: Vec<_> = changed.map(|(path, _)| path).collect();
    assert!(changed.is_empty(), "changed: {changed:?}");
    last.expect("there are commands")
}

#[test]
fn a_wrong_passphrase_opens_nothing() {
    let env = with_keys();
    env.write("passphrase", "correct horse battery stapler\n");
    insta::assert_snapshot!(all_refuse(&env, 5), @r"
    exit: 5
    ---- stdout
    ---- stderr
    error: wrong passphrase, or a slot of the vault was altered
    hint: try again; `keywright status` shows which vault this is
    ");
    insta::assert_snapshot!(env.run(["list", "--json"]), @r#"
    exit: 5
    ---- stdout
    ---- stderr
    {
      "error": {
        "causes": [],
        "exit_code": 5,
        "hint": "try again; `keywright status` shows which vault this is",
        "kind": "locked",
        "message": "wrong passphrase, or a slot of the vault was altered"
      },
      "schema": 1
    }
    "#);
}

#[test]
fn an_empty_passphrase_opens_nothing() {
    let env = with_keys();
    env.write("passphrase", "\n");
    insta::assert_snapshot!(all_refuse(&env, 5), @r"
    exit: 5
    ---- stdout
    ---- stderr
    error: a passphrase cannot be empty
    ");
}

#[test]
fn without_a_vault_only_create_set_and_init_go_on() {
    let env = TestEnv::empty();
    let mut told = Transcript::default();
    let before = env.files();
    for args in OPENING
        .iter()
        .filter(|args| !["create", "set"].contains(&args[0]))
    {
        let outcome = env.run(*args);
        assert_eq!(outcome.code(), Some(1), "{args:?}: {outcome}");
        assert!(outcome.stdout().is_empty(), "{args:?}: {outcome}");
        if args[0] == "list" {
            told.refused(args, &outcome);
        }
    }
    assert_eq!(env.files(), before);
    insta::assert_snapshot!(told, @r"
    $ keywright list
    error: there is no vault at `[HOME]/.config/keywright/vault.db`
    hint: `keywright init` makes one, and so does the first `create` or `set`
    [exit 1]
    ");
}

#[test]
fn a_file_that_is_no_vault_is_refused() {
    let env = TestEnv::new();
    let other = env.path("other.db");
    let connection = Connection::open(&other).expect("a database");
    connection
        .execute_batch("CREATE TABLE note (text TEXT)")
        .expect("a table");
    drop(connection);
    let mut said = String::new();
    for contents in [
        b"not a database, but longer than the hundred bytes of a header, so that nobody takes it for a file that was cut off".to_vec(),
        fs::read(&other).expect("readable"),
        Vec::new(),
        b"SQLite format 3\0".to_vec(),
    ] {
        fs::write(env.vault(), &contents).expect("written");
        let outcome = all_refuse(&env, 7);
        said.push_str(&outcome.masked_stderr());
        assert_eq!(env.vault_bytes(), contents);
    }
    insta::assert_snapshot!(said, @"
    error: `[HOME]/.config/keywright/vault.db` is not a keywright vault, or its first bytes are damaged
    hint: --vault chooses another file; where it was a vault, `keywright restore` puts a backup in its place
    error: `[HOME]/.config/keywright/vault.db` is not a keywright vault, or its first bytes are damaged
    hint: --vault chooses another file; where it was a vault, `keywright restore` puts a backup in its place
    error: `[HOME]/.config/keywright/vault.db` is not a keywright vault, or its first bytes are damaged
    hint: --vault chooses another file; where it was a vault, `keywright restore` puts a backup in its place
    error: `[HOME]/.config/keywright/vault.db` is not a keywright vault, or its first bytes are damaged
    hint: --vault chooses another file; where it was a vault, `keywright restore` puts a backup in its place
    ");
}

#[test]
fn a_vault_of_a_newer_format_is_left_alone() {
    let env = with_keys();
    let connection = Connection::open(env.vault()).expect("a database");
    connection
        .pragma_update(None, "user_version", 2)
        .expect("set");
    drop(connection);
    insta::assert_snapshot!(all_refuse(&env, 1), @r"
    exit: 1
    ---- stdout
    ---- stderr
    error: `[HOME]/.config/keywright/vault.db` has format 2, which a newer keywright wrote; this one reads format 1
    hint: use the newer keywright
    ");
}

#[test]
fn an_edited_vault_is_refused_by_every_command() {
    for edit in [
        "UPDATE record SET sealed = zeroblob(length(sealed))",
        "DELETE FROM record",
        "DELETE FROM scope",
        "UPDATE header SET head = zeroblob(length(head))",
        "UPDATE record SET revision = revision + 1",
        "CREATE TRIGGER t AFTER INSERT ON record BEGIN DELETE FROM log; END",
        "ALTER TABLE record ADD COLUMN extra TEXT",
        "CREATE TABLE extra (a TEXT)",
    ] {
        let env = with_keys();
        let connection = Connection::open(env.vault()).expect("a database");
        connection.execute_batch(edit).expect("edited");
        drop(connection);
        for args in OPENING {
            let outcome = env.run_with_stdin(*args, STRANGER);
            assert_eq!(outcome.code(), Some(7), "{edit}, {args:?}: {outcome}");
            assert!(outcome.stdout().is_empty(), "{edit}, {args:?}: {outcome}");
        }
    }
}

#[test]
fn an_altered_vault_says_what_to_do() {
    let env = with_keys();
    let connection = Connection::open(env.vault()).expect("a database");
    connection
        .execute_batch("UPDATE record SET sealed = zeroblob(length(sealed))")
        .expect("edited");
    drop(connection);
    insta::assert_snapshot!(env.run(["list"]), @r"
    exit: 7
    ---- stdout
    ---- stderr
    error: the vault was altered: the record `[--KEY-ID--]` is not the one that was sealed
    hint: `keywright restore` puts a backup in its place; `keywright status` shows where the vault is
    ");
    insta::assert_snapshot!(env.run(["list", "--json"]), @r#"
    exit: 7
    ---- stdout
    ---- stderr
    {
      "error": {
        "causes": [],
        "exit_code": 7,
        "hint": "`keywright restore` puts a backup in its place; `keywright status` shows where the vault is",
        "kind": "damaged",
        "message": "the vault was altered: the record `[--KEY-ID--]` is not the one that was sealed"
      },
      "schema": 1
    }
    "#);
}

#[test]
fn an_older_copy_is_noticed_and_can_be_accepted() {
    let env = with_keys();
    let copy = env.vault_bytes();
    let _ = env.create(["newer"]);
    fs::write(env.vault(), copy).expect("written");
    insta::assert_snapshot!(all_refuse(&env, 7), @r"
    exit: 7
    ---- stdout
    ---- stderr
    error: the vault `[HOME]/.config/keywright/vault.db` is older (change 4) than the one this machine has seen (change 6)
    hint: put the newer vault back, or go on with this one with --accept-rollback
    ");
    let accepted = env.run(["list", "--accept-rollback", "--json"]);
    assert_eq!(accepted.names(), ["deploy", "openai"], "{accepted}");
}

#[test]
fn a_vault_that_others_can_read_or_write_is_refused() {
    let env = with_keys();
    for (mode, verb) in [
        (0o644, "read"),
        (0o640, "read"),
        (0o604, "read"),
        (0o660, "write"),
        (0o602, "write"),
        (0o777, "write"),
    ] {
        fs::set_permissions(env.vault(), Permissions::from_mode(mode)).expect("set");
        let outcome = all_refuse(&env, 8);
        let why = format!("others can {verb} it (mode {mode:o})");
        assert!(outcome.stderr().contains(&why), "{outcome}");
    }
    fs::set_permissions(env.vault(), Permissions::from_mode(0o644)).expect("set");
    insta::assert_snapshot!(env.run(["list"]), @"
    exit: 8
    ---- stdout
    ---- stderr
    error: the vault `[HOME]/.config/keywright/vault.db` is refused: others can read it (mode 644)
    hint: run: chmod 600 [HOME]/.config/keywright/vault.db
    ");
    fs::set_permissions(env.vault(), Permissions::from_mode(0o400)).expect("set");
    assert_eq!(env.names(), ["deploy", "openai"]);
}

#[test]
fn a_vault_behind_a_symbolic_link_is_refused() {
    let env = with_keys();
    let real = env.path("elsewhere.db");
    fs::rename(env.vault(), &real).expect("moved");
    symlink(&real, env.vault()).expect("linked");
    insta::assert_snapshot!(all_refuse(&env, 8), @r"
    exit: 8
    ---- stdout
    ---- stderr
    error: the vault `[HOME]/.config/keywright/vault.db` is refused: it is a symbolic link
    hint: give the file itself: --vault [HOME]/elsewhere.db
    ");

    let named = env.run(["list", "--json", "--vault", "elsewhere.db"]);
    assert_eq!(named.names(), ["deploy", "openai"], "{named}");

    fs::remove_file(&real).expect("removed");
    insta::assert_snapshot!(env.run(["create", "new"]), @r"
    exit: 8
    ---- stdout
    ---- stderr
    error: the vault `[HOME]/.config/keywright/vault.db` is refused: it is a symbolic link
    hint: give the file itself: --vault [HOME]/elsewhere.db
    ");
    assert!(!real.exists());
}

#[test]
fn a_folder_or_device_in_the_vaults_place_is_refused() {
    let env = TestEnv::empty();
    let told = env.refusals([
        &["list", "--vault", "."] as &[&str],
        &["list", "--vault", "/dev/null"],
        &["create", "new", "--vault", "/dev/null"],
        &["list", "--vault", "missing/folder/vault.db"],
        &["list", "--vault", "passphrase/vault.db"],
        &["init", "--vault", "passphrase/vault.db"],
        &["list", "--vault", "/"],
        &["list", "--vault", ""],
    ]);
    insta::assert_snapshot!(told, @r#"
    $ keywright list --vault .
    error: there is no vault at `.`
    hint: `keywright init` makes one, and so does the first `create` or `set`
    [exit 1]
    $ keywright list --vault /dev/null
    error: the vault `/dev/null` is refused: it is not a regular file
    [exit 8]
    $ keywright create new --vault /dev/null
    error: the vault `/dev/null` is refused: it is not a regular file
    [exit 8]
    $ keywright list --vault missing/folder/vault.db
    error: there is no vault at `missing/folder/vault.db`
    hint: `keywright init` makes one, and so does the first `create` or `set`
    [exit 1]
    $ keywright list --vault passphrase/vault.db
    error: cannot look at `[HOME]/passphrase/vault.db`
      caused by: Not a directory (os error 20)
    [exit 1]
    $ keywright init --vault passphrase/vault.db
    error: cannot make the folder `passphrase`
      caused by: File exists (os error 17)
    [exit 1]
    $ keywright list --vault /
    error: there is no vault at `/`
    hint: `keywright init` makes one, and so does the first `create` or `set`
    [exit 1]
    $ keywright list --vault ""
    error: a value is required for '--vault <PATH>' but none was supplied

    For more information, try '--help'.
    [exit 2]
    "#);
}

#[test]
fn init_and_create_leave_a_file_in_the_vaults_place_alone() {
    let env = TestEnv::empty();
    env.write(".config/keywright/vault.db", "mine");
    let told = env.refusals([
        &["init"] as &[&str],
        &["init", "--dry-run"],
        &["init", "--json"],
        &["create", "new"],
        &["set", "new"],
    ]);
    insta::assert_snapshot!(told, @r#"
    $ keywright init
    error: there is already a file at `[HOME]/.config/keywright/vault.db`
    hint: choose another place with --vault
    [exit 4]
    $ keywright init --dry-run
    error: there is already a file at `[HOME]/.config/keywright/vault.db`
    hint: choose another place with --vault
    [exit 4]
    $ keywright init --json
    {"schema":1,"error":{"kind":"conflict","exit_code":4,"message":"there is already a file at `[HOME]/.config/keywright/vault.db`","causes":[],"hint":"choose another place with --vault"}}
    [exit 4]
    $ keywright create new
    error: `[HOME]/.config/keywright/vault.db` is not a keywright vault, or its first bytes are damaged
    hint: --vault chooses another file; where it was a vault, `keywright restore` puts a backup in its place
    [exit 7]
    $ keywright set new
    error: `[HOME]/.config/keywright/vault.db` is not a keywright vault, or its first bytes are damaged
    hint: --vault chooses another file; where it was a vault, `keywright restore` puts a backup in its place
    [exit 7]
    "#);
    assert_eq!(env.vault_bytes(), b"mine");
}

#[test]
fn no_home_is_told() {
    let env = TestEnv::empty();
    let mut command = env.command(["list"]);
    command.env("HOME", "");
    // The system's user database answers in its place, so this is only about not failing in another way.
    let outcome = env.finish(command, "");
    assert_eq!(outcome.code(), Some(1), "{outcome}");
}

#[test]
fn two_histories_of_one_vault_are_noticed() {
    let env = with_keys();
    let common = env.vault_bytes();
    let _ = env.create(["here"]);
    // Elsewhere, nobody has seen what was done here.
    fs::write(env.vault(), common).expect("written");
    let elsewhere = env.path("elsewhere").display().to_string();
    for name in ["there", "further"] {
        let variable = [("XDG_STATE_HOME", elsewhere.as_str())];
        let there = env.run_with_env(["create", name], variable);
        assert!(there.success(), "{there}");
    }
    insta::assert_snapshot!(all_refuse(&env, 7), @r"
    exit: 7
    ---- stdout
    ---- stderr
    error: the vault and a copy of it were changed apart: `[HOME]/.config/keywright/vault.db` has another history than the one this machine has seen
    hint: put the newer vault back, or go on with this one with --accept-rollback
    ");
}

#[test]
fn a_vault_of_another_user_is_refused() {
    let env = with_keys();
    // Only root can give a file away; for anybody else there is nothing to test.
    if std::os::unix::fs::chown(env.vault(), Some(12345), None).is_err() {
        tell("only root can give a file away");
        return;
    }
    insta::assert_snapshot!(all_refuse(&env, 8), @r"
    exit: 8
    ---- stdout
    ---- stderr
    error: the vault `[HOME]/.config/keywright/vault.db` is refused: it belongs to another user (uid 12345)
    ");
}
