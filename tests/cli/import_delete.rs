//! `import --delete-source`: only what is in the vault, and only what is still what was read.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::symlink;

use crate::common::{Outcome, TestEnv};
use crate::terminal::Terminal;

const FILE: &str = "# a comment\nA=first\nB='second'\nC=\n";

fn env_with_file() -> TestEnv {
    let env = TestEnv::new();
    env.write("project/.env", FILE);
    env
}

fn import(env: &TestEnv, more: &[&str]) -> Outcome {
    let args = [&["import", "project/.env", "--delete-source"], more].concat();
    env.run(args)
}

#[test]
fn a_file_goes_when_its_values_are_in_the_vault() {
    let env = env_with_file();
    let dry = import(&env, &["--dry-run"]);
    assert!(env.path("project/.env").exists(), "{dry}");
    insta::assert_snapshot!(dry, @"
    exit: 0
    ---- stdout
    NAME  SCOPE                KIND      VARIABLE  OUTCOME
    A     default/development  provider  A         new
    B     default/development  provider  B         new
    ---- stderr
    Left out, because there is no value: `C`
    Would ask: Delete `project/.env` after its 2 values are in the vault
    Would import 2 provider keys from the dotenv text of `project/.env` into default/development
    ");
    insta::assert_snapshot!(import(&env, &["--yes"]), @"
    exit: 0
    ---- stdout
    ---- stderr
    Left out, because there is no value: `C`
    Imported 2 provider keys from the dotenv text of `project/.env` into default/development
    Deleted `project/.env`
    ");
    assert!(!env.path("project/.env").exists());
    assert_eq!(env.run(["get", "B"]).stdout(), b"second");
    // What is there already may go, too.
    env.write("project/.env", "A=first\n");
    let again = import(&env, &["--yes", "--json"]);
    assert_eq!(again.json()["source_deleted"], true, "{again}");
    assert!(!env.path("project/.env").exists());
    // A name without a folder.
    env.write("bare", "A=first\n");
    let bare = env.run(["import", "bare", "--delete-source", "--yes"]);
    assert!(bare.success() && !env.path("bare").exists(), "{bare}");
    env.write("keys.json", "{\"D\":\"fourth\"}");
    let json = env.run(["import", "keys.json", "--delete-source", "--yes"]);
    assert!(json.success() && !env.path("keys.json").exists(), "{json}");
}

#[test]
fn an_export_goes_when_all_of_its_keys_are_there() {
    let env = TestEnv::new();
    env.create(["ci"]);
    env.set(["openai"], "sk-0123456789");
    let export = env.run(["export", "--reveal"]);
    env.write("keys.json", export.stdout());
    assert!(
        env.run(["init", "--vault", "other.db", "--kdf", "test"])
            .success()
    );
    let args = [
        "import",
        "keys.json",
        "--vault",
        "other.db",
        "--delete-source",
        "--yes",
    ];
    let imported = env.run(args);
    assert!(
        imported.success() && !env.path("keys.json").exists(),
        "{imported}"
    );
}

#[test]
fn nobody_to_ask_and_nothing_to_delete_are_refused_before_anything_is_imported() {
    let env = env_with_file();
    symlink(env.path("project/.env"), env.path("link")).expect("linked");
    let told = env.refused_lines(&[
        "import project/.env --delete-source",
        "import --delete-source",
        "import --format json --delete-source",
        "import --from-env USER --delete-source",
        "import link --delete-source --yes",
        "import project --delete-source --yes",
        "import nothing --delete-source --yes",
        "import /dev/stdin --delete-source --yes",
    ]);
    insta::assert_snapshot!(told, @"
    $ keywright import project/.env --delete-source
    Left out, because there is no value: `C`
    error: this needs a confirmation, and nobody can be asked
    hint: --yes confirms it beforehand
    [exit 6]
    $ keywright import --delete-source
    error: standard input cannot be deleted
    hint: name the file, or leave out --delete-source
    [exit 2]
    $ keywright import --format json --delete-source
    error: standard input cannot be deleted
    hint: name the file, or leave out --delete-source
    [exit 2]
    $ keywright import --from-env USER --delete-source
    error: the argument '--from-env <VARIABLES>' cannot be used with '--delete-source'

    Usage: keywright import --from-env <VARIABLES> [FILE]

    For more information, try '--help'.
    [exit 2]
    $ keywright import link --delete-source --yes
    error: `link` is no regular file, and only such a one can be deleted
    hint: name the file itself, or leave out --delete-source
    [exit 2]
    $ keywright import project --delete-source --yes
    error: `project` is no regular file, and only such a one can be deleted
    hint: name the file itself, or leave out --delete-source
    [exit 2]
    $ keywright import nothing --delete-source --yes
    error: cannot read `nothing`
      caused by: No such file or directory (os error 2)
    [exit 1]
    $ keywright import /dev/stdin --delete-source --yes
    error: `/dev/stdin` is no regular file, and only such a one can be deleted
    hint: name the file itself, or leave out --delete-source
    [exit 2]
    ");
    assert!(env.path("project/.env").exists());
    // A mistake keeps it, too.
    env.write("project/.env", "A=first\nB='second\n");
    assert_eq!(import(&env, &["--yes"]).code(), Some(2));
    assert!(env.path("project/.env").exists());
    // And so does a conflict.
    env.set(["A"], "another");
    env.write("project/.env", FILE);
    assert_eq!(import(&env, &["--yes"]).code(), Some(4));
    assert!(env.path("project/.env").exists());
    assert_eq!(env.names(), ["A"]);
}

/// At the question, somebody changes the file; its answer is yes. Gives what was on the screen then.
#[track_caller]
fn changed_at_the_question(env: &TestEnv, change: impl FnOnce()) -> String {
    let args = ["import", "project/.env", "--delete-source"];
    let mut terminal = Terminal::spawn(env.unlocked(args));
    terminal.expect_question();
    assert_eq!(env.names(), [""; 0], "it asks before it imports");
    change();
    terminal.send("y\r");
    let (status, screen) = terminal.wait();
    assert_eq!(status.code(), Some(4), "{screen}");
    assert!(env.path("project/.env").exists(), "{screen}");
    assert_eq!(env.run(["get", "A"]).stdout(), b"first");
    env.screen(&screen)
}

#[test]
fn a_file_that_was_changed_meanwhile_is_kept() {
    let env = env_with_file();
    let path = env.path("project/.env");
    let append = || {
        let file = File::options().append(true).open(&path);
        file.expect("there")
            .write_all(b"D=fourth\n")
            .expect("written");
    };
    insta::assert_snapshot!(changed_at_the_question(&env, append), @"
    Left out, because there is no value: `C`
    Delete `project/.env` after its 2 values are in the vault
    Go on? [y/N] y
    Imported 2 provider keys from the dotenv text of `project/.env` into default/development
    error: `project/.env` is kept: it was changed while it was imported
    hint: what it had before is in the vault; import it again to see what is new
    ");

    // Its size, its inode and its times are the same.
    let env = env_with_file();
    let path = env.path("project/.env");
    let rewrite = || {
        let changed_at = fs::metadata(&path)
            .and_then(|file| file.modified())
            .expect("a time");
        let file = File::options().write(true).open(&path).expect("there");
        (&file)
            .write_all(FILE.replace("first", "other").as_bytes())
            .expect("written");
        file.set_modified(changed_at).expect("set");
    };
    changed_at_the_question(&env, rewrite);

    // Another file with the same contents.
    let env = env_with_file();
    let path = env.path("project/.env");
    let replace = || {
        fs::write(path.with_extension("new"), FILE).expect("written");
        fs::rename(path.with_extension("new"), &path).expect("renamed");
    };
    changed_at_the_question(&env, replace);
}

#[test]
fn no_is_no() {
    let env = env_with_file();
    let mut terminal = Terminal::spawn(env.unlocked(["import", "project/.env", "--delete-source"]));
    terminal.expect_question();
    terminal.send("n\r");
    let (status, screen) = terminal.wait();
    assert_eq!(status.code(), Some(6), "{screen}");
    insta::assert_snapshot!(env.screen(&screen), @"
    Left out, because there is no value: `C`
    Delete `project/.env` after its 2 values are in the vault
    Go on? [y/N] n
    error: not confirmed; nothing was changed
    ");
    assert!(env.path("project/.env").exists());
    assert_eq!(env.names(), [""; 0]);
}

#[test]
fn a_file_without_a_value_is_kept() {
    let env = TestEnv::new();
    env.write(".env", "# OPENAI_API_KEY=sk-of-last-year\nEMPTY=\n");
    for more in ["--yes", "--dry-run"] {
        insta::allow_duplicates! {
            insta::assert_snapshot!(env.run(["import", ".env", "--delete-source", more]), @"
            exit: 8
            ---- stdout
            ---- stderr
            Left out, because there is no value: `EMPTY`
            error: `.env` is kept: there is no value in it that could be imported
            hint: leave out --delete-source, and delete the file yourself if nobody needs it
            ");
        }
    }
    assert!(env.path(".env").exists());
}

#[test]
fn a_file_is_kept_when_its_value_is_there_without_its_variable() {
    let env = TestEnv::new();
    env.set(["A", "--no-var"], "first");
    env.write(".env", "A=first\n");
    let args = ["import", ".env", "--delete-source", "--yes"];
    insta::assert_snapshot!(env.run(args), @"
    exit: 4
    ---- stdout
    ---- stderr
    Imported 0 provider keys from the dotenv text of `.env` into default/development; 1 unchanged
    error: the source is kept: the vault has not what was read of `A`
    hint: `keywright list` shows what is there; `keywright edit NAME --var VARIABLE` gives a key its variable
    ");
    assert!(env.path(".env").exists());
    let edited = env.run(["edit", "A", "--var", "A"]);
    assert!(edited.success(), "{edited}");
    let again = env.run(args);
    assert!(again.success() && !env.path(".env").exists(), "{again}");
}

#[test]
fn another_name_of_the_file_is_told() {
    let env = env_with_file();
    fs::hard_link(env.path("project/.env"), env.path("other")).expect("linked");
    insta::assert_snapshot!(import(&env, &["--yes"]), @"
    exit: 0
    ---- stdout
    ---- stderr
    Left out, because there is no value: `C`
    Imported 2 provider keys from the dotenv text of `project/.env` into default/development
    Deleted `project/.env`
    warning: the content of `project/.env` is still there under another name: the file had 2 (hard links)
    ");
    assert!(env.path("other").exists());
}
