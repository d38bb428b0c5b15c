//! `keywright.toml`: where it is looked for, what may stand in it, and what it cannot reach.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown, lchown, symlink};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::common::{TestEnv, Transcript, needed, skip, tell};

const FILE: &str = "keywright.toml";

/// The project that is chosen in a folder below the home.
fn project_in(env: &TestEnv, mut command: Command) -> String {
    command.args(["status", "--json"]);
    let status = env.finish(command, "");
    assert!(status.success(), "{status}");
    status.json()["project"].as_str().expect("text").to_owned()
}

fn at(env: &TestEnv, home: &str, folder: &str) -> String {
    let mut command = env.command([""; 0]);
    command
        .env("HOME", env.path(home))
        .current_dir(env.path(folder));
    project_in(env, command)
}

#[test]
fn none_above_a_home_that_is_a_symbolic_link_counts() {
    let env = TestEnv::empty();
    env.write(FILE, "project = \"above\"\n");
    env.write("data/keywright.toml", "project = \"beside\"\n");
    env.write("data/me/work/file", "");
    symlink(env.path("data/me"), env.path("home")).expect("linked");
    assert_eq!(at(&env, "home", "home/work"), "default");
    assert_eq!(at(&env, "data/me", "home/work"), "default");
    // The same folders with the home elsewhere: the boundary is what kept it out.
    env.write("other/file", "");
    assert_eq!(at(&env, "other", "home/work"), "beside");
    env.write("data/me/keywright.toml", "project = \"mine\"\n");
    assert_eq!(at(&env, "home", "home/work"), "mine");
}

#[test]
fn a_linked_working_directory_is_where_the_link_leads() {
    let env = TestEnv::empty();
    env.write("real/keywright.toml", "project = \"real\"\n");
    env.write("real/deep/file", "");
    env.write("links/keywright.toml", "project = \"links\"\n");
    symlink(env.path("real/deep"), env.path("links/deep")).expect("linked");
    assert_eq!(at(&env, "", "links/deep"), "real");
    // A shell that knows the link says so in PWD, which is only a variable.
    let mut command = env.command([""; 0]);
    command
        .current_dir(env.path("links/deep"))
        .env("PWD", env.path("links/deep"));
    assert_eq!(project_in(&env, command), "real");
}

#[test]
fn a_file_may_be_a_link() {
    let env = TestEnv::empty();
    env.write("elsewhere/real.toml", "project = \"linked\"\n");
    symlink("elsewhere/real.toml", env.path(FILE)).expect("linked");
    assert_eq!(at(&env, "", ""), "linked");
}

#[test]
fn without_home_the_users_own_counts() {
    let env = TestEnv::empty();
    env.write("work/keywright.toml", "project = \"work\"\n");
    let mut command = env.command([""; 0]);
    command
        .env_remove("HOME")
        .env("KEYWRIGHT_VAULT", env.vault())
        .env("XDG_CONFIG_HOME", env.path("config"))
        .env("XDG_STATE_HOME", env.path("state"))
        .current_dir(env.path("work"));
    assert_eq!(project_in(&env, command), "work");
}

#[test]
fn none_above_the_file_system_counts() {
    let env = TestEnv::empty();
    let Some(unshare) = needed("unshare") else {
        return;
    };
    env.write("outer/keywright.toml", "project = \"outer\"\n");
    env.write("outer/inner/file", "");
    let script = "mount -t tmpfs none outer/inner || exit 77; mkdir -p outer/inner/work && cd outer/inner/work && exec \"$0\"\
                  \x20\"$@\"";
    let inside = |script: &str| {
        let mut command = env.program(&unshare);
        command
            .args(["--user", "--map-root-user", "--mount", "sh", "-c", script])
            .arg(env!("CARGO_BIN_EXE_keywright"));
        command
    };
    let mut probe = inside("mount -t tmpfs none outer/inner");
    probe.arg("unused");
    if !env.finish(probe, "").success() {
        skip("this user can mount nothing");
        return;
    }
    assert_eq!(project_in(&env, inside(script)), "default");
    let unmounted = script.replace("mount -t tmpfs none outer/inner || exit 77; ", "");
    assert_eq!(project_in(&env, inside(&unmounted)), "outer");
}

#[test]
fn what_is_no_file_is_none_and_nothing_waits_for_it() {
    let env = TestEnv::empty();
    env.write("keywright.toml", "project = \"above\"\n");
    env.write("folder/keywright.toml/file", "");
    env.write("pipe/file", "");
    let Some(mkfifo) = needed("mkfifo") else {
        return;
    };
    let made = env.finish(
        {
            let mut make = env.program(mkfifo);
            make.arg("pipe/keywright.toml");
            make
        },
        "",
    );
    assert!(made.success(), "{made}");
    for folder in ["folder", "pipe"] {
        let began = Instant::now();
        assert_eq!(at(&env, "", folder), "above", "{folder}");
        assert!(began.elapsed() < Duration::from_secs(20), "{folder}");
    }
    // The config file goes by its name alone, so a pipe there is a mistake.
    fs::create_dir_all(env.path(".config/keywright")).expect("made");
    fs::rename(
        env.path("pipe/keywright.toml"),
        env.path(".config/keywright/config.toml"),
    )
    .expect("moved");
    insta::assert_snapshot!(env.run(["list"]), @"
    exit: 1
    ---- stdout
    ---- stderr
    error: cannot read `[HOME]/.config/keywright/config.toml`
      caused by: it is a pipe
    ");
}

#[test]
fn a_file_that_nobody_may_read_is_told() {
    let env = TestEnv::empty();
    let path = env.write(FILE, "project = \"hidden\"\n");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).expect("changed");
    if fs::read(&path).is_ok() {
        return tell("root may read everything");
    }
    let outcome = env.run(["list"]);
    assert_eq!(outcome.code(), Some(1), "{outcome}");
    assert!(outcome.stderr().contains("keywright.toml"), "{outcome}");
}

#[test]
fn a_file_of_a_stranger_is_refused() {
    let env = TestEnv::new();
    let path = env.write("shared/keywright.toml", "project = \"theirs\"\n");
    env.write("shared/ours/work/file", "");
    if chown(&path, Some(12345), None).is_err() {
        return tell("only root can give a file away");
    }
    let mut command = env.command(["run", "--", "true"]);
    command.current_dir(env.path("shared/ours"));
    insta::assert_snapshot!(env.finish(command, ""), @"
    exit: 125
    ---- stdout
    ---- stderr
    error: `[HOME]/shared/keywright.toml` is refused: it belongs to another user (uid 12345)
    hint: if it says what you want, copy it into the working directory, where the copy is yours and the nearest
    ");
    // A nearer one of our own counts instead, and so does a whole checkout of another user.
    let copy = env.path("shared/ours/keywright.toml");
    fs::copy(&path, &copy).expect("copied");
    assert_eq!(at(&env, "", "shared/ours/work"), "theirs");
    fs::remove_file(&copy).expect("removed");
    chown(env.path("shared"), Some(12345), None).expect("root may");
    assert_eq!(at(&env, "", "shared/ours/work"), "theirs");
    // Their link to a file of ours.
    env.write("real.toml", "project = \"real\"\n");
    symlink(env.path("real.toml"), &copy).expect("linked");
    assert_eq!(at(&env, "", "shared/ours"), "real");
    lchown(&copy, Some(12345), None).expect("root may");
    let mut command = env.command(["list"]);
    command.current_dir(env.path("shared/ours"));
    assert_eq!(env.finish(command, "").code(), Some(8));
}

#[test]
fn files_without_an_end_are_not_read_to_it() {
    let env = TestEnv::empty();
    env.write(FILE, "#".repeat(64 * 1024));
    assert!(env.run(["status"]).success());
    env.write(FILE, "#".repeat(64 * 1024 + 1));
    let outcome = env.run(["list"]);
    assert_eq!(outcome.code(), Some(1), "{outcome}");
    assert!(outcome.stderr().contains("file too large"), "{outcome}");
    fs::create_dir_all(env.path(".config/keywright")).expect("made");
    fs::remove_file(env.path(FILE)).expect("removed");
    symlink("/dev/zero", env.path(".config/keywright/config.toml")).expect("linked");
    let outcome = env.run(["status"]);
    assert_eq!(outcome.code(), Some(1), "{outcome}");
    assert!(outcome.stderr().contains("file too large"), "{outcome}");
}

#[test]
fn production_is_refused_however_it_is_spelled() {
    let env = TestEnv::new();
    for (name, code) in [
        ("production", 8),
        ("prod", 8),
        ("PROD", 8),
        ("Production", 8),
        ("\\u0070roduction", 8),
        ("production ", 2),
        ("pro\u{301}duction", 2),
        ("ｐｒｏｄ", 2),
        ("prod\u{200b}", 2),
        ("рroduction", 2),
        ("production\\u0000", 2),
    ] {
        env.write(
            FILE,
            format!("environment = \"{name}\"\n[env]\nA = \"x\"\n"),
        );
        for args in [&["list"] as &[&str], &["check"]] {
            let outcome = env.run(args);
            assert_eq!(outcome.code(), Some(code), "{name:?}: {outcome}");
        }
    }
}

#[test]
fn mistakes_are_told_with_line_and_expectation() {
    let env = TestEnv::empty();
    let token = format!("kwt_prod1_uQCT8H872CoB_{}", "a".repeat(38));
    let mut told = Transcript::default();
    for text in [
        "[env]\nA = openai\n",
        "[env]\nA = 3\n",
        "[env]\nA = 2027-01-31\n",
        "[env]\nA = [\"x\"]\n",
        "env = 3\n",
        "[env]\nB = \"x\"\n1A = \"x\"\n",
        "[env]\n\"\\u001b[2J\" = \"x\"\n",
        "[env]\nA = \"\"\n",
        "[env]\nA = \"\\u001b[2J\"\n",
        "[env]\nA = \"x\"\nA = \"y\"\n",
        "[env]\nA = \"x\"\n\n[env]\nB = \"y\"\n",
        "[env]\nA = { key = \"x\", command = \"rm -rf\" }\n",
        "[env]\nA = { required = false }\n",
        "[env]\nA = { key = \"x\", required = \"no\" }\n",
        "[env.A]\nkey = \"x\"\npath = \"/\"\n",
        "command = \"rm -rf\"\n",
        "vault = \"/tmp/vault.db\"\n",
    ] {
        env.write(FILE, text);
        for args in [&["list"] as &[&str], &["check"]] {
            assert_eq!(env.run(args).code(), Some(2), "{text:?}");
        }
        told.refused(&["list", "#", text], &env.run(["list"]));
    }
    for text in [
        format!("[env]\nA = \"{token}\"\n"),
        format!("[env]\nA = {{ key = \"my {token}\" }}\n"),
        format!("[env]\n\"{token}\" = \"x\"\n"),
        format!("{token} = \"x\"\n"),
        format!("{token} = 1\n{token} = 2\n"),
    ] {
        env.write(FILE, &text);
        for args in [&["list"] as &[&str], &["list", "--json"]] {
            let outcome = env.run(args);
            assert_eq!(outcome.code(), Some(2), "{outcome}");
            assert!(!outcome.stderr().contains("aaaaaa"), "{outcome}");
        }
        told.refused(&["list", "# with a token"], &env.run(["list"]));
    }
    insta::assert_snapshot!(told, @r##"
    $ keywright list # "[env]\nA = openai\n"
    error: `[HOME]/keywright.toml`, line 2: string values must be quoted, expected literal string
    [exit 2]
    $ keywright list # "[env]\nA = 3\n"
    error: `[HOME]/keywright.toml`, line 2: invalid type: integer `3`, expected the name of a key, such as "openai", or { key = "openai", required = false }
    [exit 2]
    $ keywright list # "[env]\nA = 2027-01-31\n"
    error: `[HOME]/keywright.toml`, line 2: a date or time is not expected here; a text is in quotes
    [exit 2]
    $ keywright list # "[env]\nA = [\"x\"]\n"
    error: `[HOME]/keywright.toml`, line 2: invalid type: sequence, expected the name of a key, such as "openai", or { key = "openai", required = false }
    [exit 2]
    $ keywright list # "env = 3\n"
    error: `[HOME]/keywright.toml`, line 1: invalid type: integer `3`, expected a table
    [exit 2]
    $ keywright list # "[env]\nB = \"x\"\n1A = \"x\"\n"
    error: `[HOME]/keywright.toml`, line 3: a variable is 1 to 128 letters, digits and `_`, and does not begin with a digit
    [exit 2]
    $ keywright list # "[env]\n\"\\u001b[2J\" = \"x\"\n"
    error: `[HOME]/keywright.toml`, line 2: a variable is 1 to 128 letters, digits and `_`, and does not begin with a digit
    [exit 2]
    $ keywright list # "[env]\nA = \"\"\n"
    error: `[HOME]/keywright.toml`, line 2: a name cannot be empty
    [exit 2]
    $ keywright list # "[env]\nA = \"\\u001b[2J\"\n"
    error: `[HOME]/keywright.toml`, line 2: a name has no control characters
    [exit 2]
    $ keywright list # "[env]\nA = \"x\"\nA = \"y\"\n"
    error: `[HOME]/keywright.toml`, line 3: duplicate key `A`
    [exit 2]
    $ keywright list # "[env]\nA = \"x\"\n\n[env]\nB = \"y\"\n"
    error: `[HOME]/keywright.toml`, line 4: duplicate key `env`
    [exit 2]
    $ keywright list # "[env]\nA = { key = \"x\", command = \"rm -rf\" }\n"
    error: `[HOME]/keywright.toml`, line 2: unknown field `command`, expected `key` or `required`
    [exit 2]
    $ keywright list # "[env]\nA = { required = false }\n"
    error: `[HOME]/keywright.toml`, line 2: missing field `key`
    [exit 2]
    $ keywright list # "[env]\nA = { key = \"x\", required = \"no\" }\n"
    error: `[HOME]/keywright.toml`, line 2: invalid type: string "no", expected a boolean
    [exit 2]
    $ keywright list # "[env.A]\nkey = \"x\"\npath = \"/\"\n"
    error: `[HOME]/keywright.toml`, line 3: unknown field `path`, expected `key` or `required`
    [exit 2]
    $ keywright list # "command = \"rm -rf\"\n"
    error: `[HOME]/keywright.toml`, line 1: unknown field `command`, expected one of `project`, `environment`, `env`
    [exit 2]
    $ keywright list # "vault = \"/tmp/vault.db\"\n"
    error: `[HOME]/keywright.toml`, line 1: unknown field `vault`, expected one of `project`, `environment`, `env`
    [exit 2]
    $ keywright list "# with a token"
    error: `[HOME]/keywright.toml`, line 2: this has a whole token or key in it, which is a secret; revoke it, and write the name of a key here
    [exit 2]
    $ keywright list "# with a token"
    error: `[HOME]/keywright.toml`, line 2: this has a whole token or key in it, which is a secret; revoke it, and write the name of a key here
    [exit 2]
    $ keywright list "# with a token"
    error: `[HOME]/keywright.toml`, line 2: this has a whole token or key in it, which is a secret; revoke it, and write the name of a key here
    [exit 2]
    $ keywright list "# with a token"
    error: `[HOME]/keywright.toml`, line 1: unknown field `…`, expected one of `project`, `environment`, `env`
    [exit 2]
    $ keywright list "# with a token"
    error: `[HOME]/keywright.toml`, line 2: duplicate key `…`
    [exit 2]
    "##);
}

#[test]
fn a_dangerous_name_stops_only_what_would_set_it() {
    let env = TestEnv::new();
    env.set(["openai"], "value");
    env.write(FILE, "[env]\nLD_PRELOAD = \"openai\"\n");
    assert!(env.run(["list"]).success());
    assert!(env.run(["get", "openai"]).success());
    assert_eq!(env.run(["check"]).code(), Some(9));
    let run = env.run(["run", "--", "true"]);
    assert_eq!(run.code(), Some(125), "{run}");
}

#[test]
fn an_empty_table_means_no_key() {
    let env = TestEnv::new();
    env.set(["openai", "--var", "OPENAI_API_KEY"], "value");
    env.write(FILE, "[env]\n");
    let run = env.run(["run", "-c", "printf '%s' \"${OPENAI_API_KEY-unset}\""]);
    assert_eq!(run.stdout_text(), "unset", "{run}");
    assert!(env.run(["check"]).success());
}

#[test]
fn a_hostile_file_reaches_no_key_of_production() {
    let env = TestEnv::new();
    env.set(
        ["live", "-e", "production", "--var", "LIVE"],
        "production-value",
    );
    env.set(["test"], "development-value");
    let live = env.show(["live", "-e", "production"]);
    let id = live["key_id"].as_str().expect("text").to_owned();
    for reference in [
        "live".to_owned(),
        id.clone(),
        format!("kwt_prod1_{id}_••••"),
        format!("kwt_dev1_{id}_••••"),
    ] {
        env.write(FILE, format!("[env]\nA = \"{reference}\"\n"));
        let check = env.run(["check", "--json"]);
        assert_eq!(check.code(), Some(9), "{reference}: {check}");
        let variable = check.json()["variables"][0].clone();
        assert_eq!(variable["status"], "missing", "{check}");
        assert!(variable["key_id"].is_null(), "{check}");
        for args in [
            &["run", "-c", "echo \"$A\""] as &[&str],
            &["run", "--allow-missing", "-c", "echo \"$A\""],
        ] {
            let outcome = env.run(args);
            let told = outcome.to_string();
            assert!(!told.contains("production-value"), "{reference}: {told}");
        }
        // Whoever says production gets it by name and by id: the file was what could not.
        let said = env.run(["check", "-e", "production"]);
        assert!(said.success(), "{reference}: {said}");
    }
}

#[test]
fn names_that_would_draw_are_shown_escaped() {
    let env = TestEnv::new();
    env.write(
        FILE,
        "[env]\nA = \"a\u{202e}b\u{200b}c\u{feff}\"\n\"B\" = \"x\u{2028}y\"\n",
    );
    for arg in ["-q", "--color=always", "--example"] {
        let outcome = env.run(["check", arg]);
        let told = outcome.stdout_text() + &outcome.stderr();
        let drawn = ['\u{202e}', '\u{200b}', '\u{feff}', '\u{2028}'];
        assert!(!told.contains(drawn), "{told}");
        assert!(told.contains(r"a\u{202e}b\u{200b}c"), "{told}");
    }
}

#[test]
fn thousands_of_entries_are_read() {
    let env = TestEnv::new();
    for name in ["a", "b"] {
        env.set([name], "value");
    }
    let mut text = "[env]\n".to_owned();
    for number in 0.. {
        let line = format!("V{number}=\"k{number}\"\n");
        if text.len() + line.len() > 64 * 1024 {
            assert!(number > 3000);
            break;
        }
        text.push_str(&line);
    }
    env.write(FILE, text);
    for args in [&["check", "-q"] as &[&str], &["check", "--json"], &["list"]] {
        let began = Instant::now();
        let outcome = env.run(args);
        let took = began.elapsed();
        assert!(matches!(outcome.code(), Some(0 | 9)), "{args:?}");
        // It does not hang; how quick it is depends on the machine.
        assert!(took < Duration::from_secs(60), "{args:?}: {took:?}");
    }
}
