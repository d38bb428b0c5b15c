//! Options, variables, `keywright.toml` and `config.toml`: what wins, and what is refused.

use std::fs;
use std::process::Command;

use crate::common::{Outcome, TestEnv, Transcript};

/// `project/environment` that a command would work in.
fn scope_of(env: &TestEnv, command: Command) -> String {
    let status = env.finish(command, "");
    assert!(status.success(), "{status}");
    let status = status.json();
    let text = |field: &str| status[field].as_str().expect("text").to_owned();
    format!("{}/{}", text("project"), text("environment"))
}

fn config(env: &TestEnv, text: &str) {
    env.write(".config/keywright/config.toml", text);
}

#[test]
fn a_scope_is_chosen_by_option_then_variable_then_folder_then_config() {
    let env = TestEnv::empty();
    let status = || env.command(["status", "--json"]);
    assert_eq!(scope_of(&env, status()), "default/development");
    config(
        &env,
        "project = \"from-config\"\nenvironment = \"staging\"\n",
    );
    assert_eq!(scope_of(&env, status()), "from-config/staging");
    env.write("keywright.toml", "project = \"from-folder\"\n");
    assert_eq!(scope_of(&env, status()), "from-folder/staging");
    let mut variable = status();
    variable.env("KEYWRIGHT_PROJECT", "from-variable");
    assert_eq!(scope_of(&env, variable), "from-variable/staging");
    let mut option = status();
    option
        .env("KEYWRIGHT_PROJECT", "from-variable")
        .env("KEYWRIGHT_ENV", "qa")
        .args(["-p", "from-option", "-e", "prod"]);
    assert_eq!(scope_of(&env, option), "from-option/production");
    let mut production = status();
    production.env("KEYWRIGHT_ENV", "production");
    assert_eq!(scope_of(&env, production), "from-folder/production");
}

#[test]
fn the_nearest_keywright_toml_counts_and_none_above_the_home() {
    let env = TestEnv::empty();
    // Above the home directory there could be anybody's.
    env.write("keywright.toml", "project = \"above\"\n");
    env.write("home/work/shop/keywright.toml", "project = \"shop\"\n");
    env.write("home/work/shop/src/deep/file", "");
    env.write("home/elsewhere/file", "");
    let at = |folder: &str| {
        let mut command = env.command(["status", "--json"]);
        command
            .env("HOME", env.path("home"))
            .current_dir(env.path(folder));
        scope_of(&env, command)
    };
    assert_eq!(at("home/work/shop/src/deep"), "shop/development");
    assert_eq!(at("home/work/shop"), "shop/development");
    assert_eq!(at("home/work"), "default/development");
    assert_eq!(at("home/elsewhere"), "default/development");
    env.write("home/keywright.toml", "project = \"mine\"\n");
    assert_eq!(at("home/elsewhere"), "mine/development");
    assert_eq!(at("home/work/shop/src"), "shop/development");
}

#[test]
fn keywright_toml_never_selects_production() {
    let env = TestEnv::new();
    let mut told = Transcript::default();
    for name in ["production", "prod"] {
        env.write("keywright.toml", format!("environment = \"{name}\"\n"));
        for args in [&["create", "x"] as &[&str], &["list", "--json"]] {
            let outcome = env.run(args);
            assert_eq!(outcome.code(), Some(8), "{args:?}: {outcome}");
            told.refused(args, &outcome);
        }
    }
    insta::assert_snapshot!(told, @r#"
    $ keywright create x
    error: `[HOME]/keywright.toml` selects production, which a file cannot do
    hint: say it on the command line with -e production, or in KEYWRIGHT_ENV
    [exit 8]
    $ keywright list --json
    {"schema":1,"error":{"kind":"refused","exit_code":8,"message":"`[HOME]/keywright.toml` selects production, which a file cannot do","causes":[],"hint":"say it on the command line with -e production, or in KEYWRIGHT_ENV"}}
    [exit 8]
    $ keywright create x
    error: `[HOME]/keywright.toml` selects production, which a file cannot do
    hint: say it on the command line with -e production, or in KEYWRIGHT_ENV
    [exit 8]
    $ keywright list --json
    {"schema":1,"error":{"kind":"refused","exit_code":8,"message":"`[HOME]/keywright.toml` selects production, which a file cannot do","causes":[],"hint":"say it on the command line with -e production, or in KEYWRIGHT_ENV"}}
    [exit 8]
    "#);
}

#[test]
fn production_on_the_command_line_is_not_the_files_choice() {
    let env = TestEnv::new();
    env.write("keywright.toml", "environment = \"production\"\n");
    let option = env.run(["create", "x", "-e", "production"]);
    assert!(option.success(), "{option}");
    let variable = env.run_with_env(["create", "y"], [("KEYWRIGHT_ENV", "production")]);
    assert!(variable.success(), "{variable}");
}

#[test]
fn production_of_the_config_is_not_for_a_folder_that_chooses_the_project_or_the_keys() {
    let env = TestEnv::new();
    env.set(
        ["stripe", "-p", "bank", "-e", "production", "--no-var"],
        "bank-value",
    );
    config(&env, "environment = \"production\"\n");
    let print = ["run", "-c", "printf '%s' \"$X\""];
    let mut told = Transcript::default();
    for file in [
        "project = \"bank\"\n\n[env]\nX = \"stripe\"\n",
        "[env]\nX = \"stripe\"\n",
        "project = \"bank\"\n",
    ] {
        env.write("keywright.toml", file);
        for (args, code) in [(&["get", "stripe"] as &[&str], 8), (&print, 125)] {
            let refused = env.run(args);
            assert_eq!(refused.code(), Some(code), "{file}: {refused}");
            told.refused(args, &refused);
        }
    }
    insta::assert_snapshot!(told, @r#"
    $ keywright get stripe
    error: `[HOME]/.config/keywright/config.toml` selects production, which does not count where `[HOME]/keywright.toml` chooses the project or the keys
    hint: say it on the command line with -e production, or in KEYWRIGHT_ENV
    [exit 8]
    $ keywright run -c "printf '%s' \"$X\""
    error: `[HOME]/.config/keywright/config.toml` selects production, which does not count where `[HOME]/keywright.toml` chooses the project or the keys
    hint: say it on the command line with -e production, or in KEYWRIGHT_ENV
    [exit 125]
    $ keywright get stripe
    error: `[HOME]/.config/keywright/config.toml` selects production, which does not count where `[HOME]/keywright.toml` chooses the project or the keys
    hint: say it on the command line with -e production, or in KEYWRIGHT_ENV
    [exit 8]
    $ keywright run -c "printf '%s' \"$X\""
    error: `[HOME]/.config/keywright/config.toml` selects production, which does not count where `[HOME]/keywright.toml` chooses the project or the keys
    hint: say it on the command line with -e production, or in KEYWRIGHT_ENV
    [exit 125]
    $ keywright get stripe
    error: `[HOME]/.config/keywright/config.toml` selects production, which does not count where `[HOME]/keywright.toml` chooses the project or the keys
    hint: say it on the command line with -e production, or in KEYWRIGHT_ENV
    [exit 8]
    $ keywright run -c "printf '%s' \"$X\""
    error: `[HOME]/.config/keywright/config.toml` selects production, which does not count where `[HOME]/keywright.toml` chooses the project or the keys
    hint: say it on the command line with -e production, or in KEYWRIGHT_ENV
    [exit 125]
    "#);
    // Who says it is a person, and what the file does not choose is theirs, too.
    env.write(
        "keywright.toml",
        "project = \"bank\"\n\n[env]\nX = \"stripe\"\n",
    );
    let option = env.run([&["-e", "production"], &print[..]].concat());
    assert_eq!(option.stdout_text(), "bank-value", "{option}");
    let variable = env.run_with_env(print, [("KEYWRIGHT_ENV", "production")]);
    assert_eq!(variable.stdout_text(), "bank-value", "{variable}");
    let status = || env.command(["status", "--json"]);
    env.write("keywright.toml", "project = \"bank\"\n");
    let mut project = status();
    project.args(["-p", "mine"]);
    assert_eq!(scope_of(&env, project), "mine/production");
    for file in ["", "environment = \"staging\"\n"] {
        env.write("keywright.toml", file);
        let environment = if file.is_empty() {
            "production"
        } else {
            "staging"
        };
        assert_eq!(scope_of(&env, status()), format!("default/{environment}"));
    }
}

#[test]
fn a_wrong_keywright_toml_stops_nothing_that_takes_nothing_from_it() {
    let env = TestEnv::new();
    let needless = [
        &["completions", "bash"] as &[&str],
        &["man"],
        &["man", "rotate"],
        &["help", "scopes"],
        &["serve", "--print-config", "nginx"],
    ];
    let right: Vec<String> = needless.map(|args| env.run(args).to_string()).into();
    let mut told = String::new();
    for file in ["environment = \"production\"\n", "colour = \"red\"\n"] {
        env.write("keywright.toml", file);
        for (args, right) in needless.into_iter().zip(&right) {
            let outcome = env.run(args);
            assert!(outcome.success(), "{args:?}: {outcome}");
            assert_eq!(outcome.to_string(), *right, "{args:?}");
        }
        let status = env.run(["status"]);
        assert!(status.success(), "{status}");
        let text = status.to_string();
        let lines = text.lines().filter(|line| {
            ["project", "environment", "warning", "vault "]
                .iter()
                .any(|start| line.starts_with(start))
        });
        told.extend(lines.map(|line| format!("{line}\n")));
        let json = env.run(["status", "--json"]).json();
        assert!(
            json["project"].is_null() && json["environment"].is_null(),
            "{json}"
        );
        assert_eq!(json["exists"], true);
        let serve = env.run(["serve", "--print-config", "nginx", "-p", "shop"]);
        assert_eq!(serve.code(), Some(2), "{serve}");
    }
    insta::assert_snapshot!(told, @"
    vault           [HOME]/.config/keywright/vault.db
    vault id        [VAULT-ID]
    project         -
    environment     -
    warning: `[HOME]/keywright.toml` selects production, which a file cannot do
    vault           [HOME]/.config/keywright/vault.db
    vault id        [VAULT-ID]
    project         -
    environment     -
    warning: `[HOME]/keywright.toml`, line 1: unknown field `colour`, expected one of `project`, `environment`, `env`
    ");
    // Another mistake is one of status, too.
    config(&env, "colour = \"red\"\n");
    assert_eq!(env.run(["status"]).code(), Some(2));
    assert!(env.run(["completions", "bash"]).success());
}

#[test]
fn mistakes_in_settings_files_are_told_with_their_line() {
    let env = TestEnv::new();
    let mut told = Transcript::default();
    for text in [
        "project = \n",
        "# first\n\nproject = \"a b\"\n",
        "colour = \"red\"\n",
        "project = 1\n",
        "environment = \"\"\n",
        "[env\nA = 1\n",
        "project = \"a\"\nproject = \"b\"\n",
    ] {
        env.write("keywright.toml", text);
        let outcome = env.run(["list"]);
        assert_eq!(outcome.code(), Some(2), "{text:?}: {outcome}");
        told.refused(&["list", "# keywright.toml:", text], &outcome);
    }
    fs::remove_file(env.path("keywright.toml")).expect("removed");
    for text in [
        "brand = \"sk\"\n",
        "default_expiry = \"soon\"\n",
        "default_expiry = 90\n",
        "audit = \"sometimes\"\n",
        "usage_days = -1\n",
        "usage_days = 70000\n",
        "\nevents = \"many\"\n",
        "passphrase = \"correct horse battery staple\"\n",
        "\u{1b}[2J = 1\n",
    ] {
        config(&env, text);
        let outcome = env.run(["list"]);
        assert_eq!(outcome.code(), Some(2), "{text:?}: {outcome}");
        told.refused(&["list", "# config.toml:", text], &outcome);
    }
    insta::assert_snapshot!(told, @r##"
    $ keywright list "# keywright.toml:" "project = \n"
    error: `[HOME]/keywright.toml`, line 1: string values must be quoted, expected literal string
    [exit 2]
    $ keywright list "# keywright.toml:" "# first\n\nproject = \"a b\"\n"
    error: `[HOME]/keywright.toml`, line 3: a project is 1 to 64 letters, digits, `.`, `_` and `-`, and begins with a letter or digit
    [exit 2]
    $ keywright list "# keywright.toml:" "colour = \"red\"\n"
    error: `[HOME]/keywright.toml`, line 1: unknown field `colour`, expected one of `project`, `environment`, `env`
    [exit 2]
    $ keywright list "# keywright.toml:" "project = 1\n"
    error: `[HOME]/keywright.toml`, line 1: invalid type: integer `1`, expected a string
    [exit 2]
    $ keywright list "# keywright.toml:" "environment = \"\"\n"
    error: `[HOME]/keywright.toml`, line 1: an environment is 1 to 64 letters, digits, `.`, `_` and `-`, and begins with a letter or digit
    [exit 2]
    $ keywright list "# keywright.toml:" "[env\nA = 1\n"
    error: `[HOME]/keywright.toml`, line 1: unclosed table, expected `]`
    [exit 2]
    $ keywright list "# keywright.toml:" "project = \"a\"\nproject = \"b\"\n"
    error: `[HOME]/keywright.toml`, line 2: duplicate key `project`
    [exit 2]
    $ keywright list "# config.toml:" "brand = \"sk\"\n"
    error: `[HOME]/.config/keywright/config.toml`, line 1: this brand is another vendor's, whose scanners would claim your tokens
    [exit 2]
    $ keywright list "# config.toml:" "default_expiry = \"soon\"\n"
    error: `[HOME]/.config/keywright/config.toml`: invalid `soon` for `default_expiry`
      caused by: an expiry is a duration such as `90d`, a date such as `[--DATE--]`, an RFC 3339 time, or `never`
    [exit 2]
    $ keywright list "# config.toml:" "default_expiry = 90\n"
    error: `[HOME]/.config/keywright/config.toml`, line 1: invalid type: integer `90`, expected a string
    [exit 2]
    $ keywright list "# config.toml:" "audit = \"sometimes\"\n"
    error: `[HOME]/.config/keywright/config.toml`, line 1: unknown variant `sometimes`, expected `best-effort` or `required`
    [exit 2]
    $ keywright list "# config.toml:" "usage_days = -1\n"
    error: `[HOME]/.config/keywright/config.toml`, line 1: invalid value: integer `-1`, expected u16
    [exit 2]
    $ keywright list "# config.toml:" "usage_days = 70000\n"
    error: `[HOME]/.config/keywright/config.toml`, line 1: invalid value: integer `70000`, expected u16
    [exit 2]
    $ keywright list "# config.toml:" "\nevents = \"many\"\n"
    error: `[HOME]/.config/keywright/config.toml`, line 2: invalid type: string "many", expected u64
    [exit 2]
    $ keywright list "# config.toml:" "passphrase = \"correct horse battery staple\"\n"
    error: `[HOME]/.config/keywright/config.toml`, line 1: unknown field `passphrase`, expected one of `project`, `environment`, `brand`, `default_expiry`, `audit`, `agent`, `agent_idle`, `agent_max`, `usage_days`, `event_days`, `events`
    [exit 2]
    $ keywright list "# config.toml:" "\u{1b}[2J = 1\n"
    error: `[HOME]/.config/keywright/config.toml`, line 1: key with no value, expected `=`
    [exit 2]
    "##);
}

#[test]
fn a_settings_file_that_cannot_be_read_is_told() {
    let env = TestEnv::new();
    let mut told = Transcript::default();
    env.write("keywright.toml", [0xff, 0xfe]);
    told.refused(&["list", "# not UTF-8"], &env.run(["list"]));
    env.write("keywright.toml", "#".repeat(70_000));
    told.refused(&["list", "# 70 kB"], &env.run(["list"]));
    fs::remove_file(env.path("keywright.toml")).expect("removed");
    fs::create_dir(env.path("keywright.toml")).expect("made");
    assert!(
        env.run(["list"]).success(),
        "a folder of that name is none of ours"
    );
    fs::create_dir(env.path(".config/keywright/config.toml")).expect("made");
    told.refused(&["list", "# a folder"], &env.run(["list"]));
    insta::assert_snapshot!(told, @r##"
    $ keywright list "# not UTF-8"
    error: cannot read `[HOME]/keywright.toml`
      caused by: stream did not contain valid UTF-8
    [exit 1]
    $ keywright list "# 70 kB"
    error: cannot read `[HOME]/keywright.toml`
      caused by: file too large
    [exit 1]
    $ keywright list "# a folder"
    error: cannot read `[HOME]/.config/keywright/config.toml`
      caused by: Is a directory (os error 21)
    [exit 1]
    "##);
}

#[test]
fn brand_and_expiry_come_from_the_config_file() {
    let env = TestEnv::new();
    config(&env, "brand = \"acme\"\ndefault_expiry = \"never\"\n");
    let created = env.run(["create", "a"]);
    insta::assert_snapshot!(created, @r"
    exit: 0
    ---- stdout
    [TOKEN]
    ---- stderr
    Created issued key `a` in default/development
      key id       [--KEY-ID--]
      permissions  read (by default)
      expires      never (by default)
      token        shown this once; keep it where it is needed
    ");
    assert!(created.token().starts_with("acme_dev1_"));
    let token = env.create(["b", "--brand", "own", "--expires", "2d"]);
    assert!(token.starts_with("own_dev1_"), "{token}");
    assert!(env.show(["b"])["expires_at"].is_string());
    // A rotation keeps the brand and the lifetime that the key was given.
    let rotated = env.run(["rotate", "b", "--yes"]).token();
    assert!(rotated.starts_with("own_dev1_"), "{rotated}");
}

#[test]
fn a_change_names_the_scope_that_it_touched() {
    let env = TestEnv::new();
    env.write(
        "keywright.toml",
        "project = \"shop\"\nenvironment = \"staging\"\n",
    );
    let said = |outcome: &Outcome| outcome.stderr().contains("shop/staging");
    let _ = env.create(["issued"]);
    for args in [
        &["create", "another"] as &[&str],
        &["set", "provider"],
        &["set", "provider", "--tag", "x"],
        &["rotate", "issued", "--yes"],
        &["revoke", "issued", "--yes"],
        &["delete", "issued", "--yes"],
        &["delete", "provider", "--yes"],
    ] {
        let outcome = env.run_with_stdin(args, "value");
        assert!(outcome.success() && said(&outcome), "{args:?}: {outcome}");
    }
}

#[test]
fn variables_with_impossible_values_are_told() {
    let env = TestEnv::new();
    let mut told = Transcript::default();
    for (name, value) in [
        ("KEYWRIGHT_PROJECT", "a b"),
        ("KEYWRIGHT_ENV", "über"),
        ("KEYWRIGHT_NO_INPUT", "yes"),
        ("KEYWRIGHT_NO_INPUT", "2"),
    ] {
        let outcome = env.run_with_env(["list"], [(name, value)]);
        assert_eq!(outcome.code(), Some(2), "{name}={value}: {outcome}");
        told.refused(&["list", &format!("# {name}={value}")], &outcome);
    }
    insta::assert_snapshot!(told, @r##"
    $ keywright list "# KEYWRIGHT_PROJECT=a b"
    error: invalid `a b` in KEYWRIGHT_PROJECT
      caused by: a project is 1 to 64 letters, digits, `.`, `_` and `-`, and begins with a letter or digit
    [exit 2]
    $ keywright list "# KEYWRIGHT_ENV=über"
    error: invalid `über` in KEYWRIGHT_ENV
      caused by: an environment is 1 to 64 letters, digits, `.`, `_` and `-`, and begins with a letter or digit
    [exit 2]
    $ keywright list "# KEYWRIGHT_NO_INPUT=yes"
    error: invalid `yes` in KEYWRIGHT_NO_INPUT
    hint: KEYWRIGHT_NO_INPUT is 1 or 0
    [exit 2]
    $ keywright list "# KEYWRIGHT_NO_INPUT=2"
    error: invalid `2` in KEYWRIGHT_NO_INPUT
    hint: KEYWRIGHT_NO_INPUT is 1 or 0
    [exit 2]
    "##);
    let missing = env.run_with_env(["list"], [("KEYWRIGHT_VAULT", "missing.db")]);
    assert_eq!(missing.code(), Some(1), "{missing}");
    let option = env.run_with_env(
        ["list", "--vault", ".config/keywright/vault.db"],
        [("KEYWRIGHT_VAULT", "missing.db")],
    );
    assert!(option.success(), "{option}");
}

#[test]
#[cfg(target_os = "linux")]
fn variables_that_are_not_text_are_told() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    let env = TestEnv::new();
    for name in ["KEYWRIGHT_PROJECT", "KEYWRIGHT_ENV", "KEYWRIGHT_NO_INPUT"] {
        let mut command = env.command(["create", "x"]);
        command.env(name, OsStr::from_bytes(b"caf\xe9"));
        let outcome = env.finish(command, "");
        assert_eq!(outcome.code(), Some(2), "{name}: {outcome}");
    }
}

#[test]
fn the_maker_of_a_change_is_recorded() {
    let env = TestEnv::new();
    let _ = env.create(["a", "--actor", "build 17 of CI"]);
    assert_eq!(env.show(["a"])["created_by"], "build 17 of CI");
    let _ = env.create(["b"]);
    let maker = env.show(["b"])["created_by"].clone();
    assert!(
        maker
            .as_str()
            .is_some_and(|maker| maker.starts_with("tester@")),
        "{maker}"
    );
    let mut nobody = env.command(["create", "c", "--json"]);
    nobody.env_remove("USER");
    let made = env.finish(nobody, "").json();
    let maker = made["key"]["created_by"].as_str().expect("somebody");
    assert!(maker.starts_with("uid-"), "{maker}");
}
