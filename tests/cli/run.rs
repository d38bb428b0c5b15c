//! `run`: which variables a program gets, and what stops it before it starts.

use crate::common::{Outcome, TestEnv};

/// A key whose value is its name in capitals.
fn set(env: &TestEnv, args: &str) {
    let words: Vec<&str> = args.split(' ').collect();
    env.set(words.clone(), &words[0].to_uppercase());
}

/// Two keys with a variable and one without.
fn three() -> TestEnv {
    let env = TestEnv::new();
    set(&env, "openai --var OPENAI_API_KEY --tag ai");
    set(&env, "stripe --var STRIPE_KEY");
    set(&env, "bare");
    env
}

/// The lines of a program's environment with variables that end in KEY, by variable.
#[track_caller]
fn keys(outcome: &Outcome) -> Vec<String> {
    assert!(outcome.success(), "{outcome}");
    let text = outcome.stdout_text();
    let mut lines: Vec<String> = text
        .lines()
        .filter(|line| line.contains("KEY="))
        .map(str::to_owned)
        .collect();
    lines.sort();
    lines
}

#[test]
fn a_program_gets_the_values() {
    let env = three();
    let given = |args: &[&str]| keys(&env.run([&["run"], args, &["--", "env"]].concat()));
    let both = ["OPENAI_API_KEY=OPENAI", "STRIPE_KEY=STRIPE"];
    assert_eq!(given(&[]), both);
    assert_eq!(given(&["--only", "openai"]), both[..1]);
    assert_eq!(given(&["--only", "STRIPE_KEY,openai"]), both);
    assert_eq!(given(&["--except", "OPEN*"]), both[1..]);
    assert_eq!(given(&["--tag", "ai"]), both[..1]);
    assert_eq!(
        given(&[
            "--except",
            "*",
            "--map",
            "KEY=bare",
            "--map",
            "OTHER_KEY=stripe"
        ]),
        ["KEY=BARE", "OTHER_KEY=STRIPE"]
    );
    let elsewhere = env.run(["run", "-p", "shop", "--", "env"]);
    assert_eq!(keys(&elsewhere), [""; 0]);
    insta::assert_snapshot!(env.run(["run", "-p", "shop", "--", "true"]), @"
    exit: 0
    ---- stdout
    ---- stderr
    warning: no key of shop/development was selected; `keywright list` shows which have a variable
    ");
    for alias in ["exec", "x"] {
        assert_eq!(keys(&env.run([alias, "env"])), both);
    }
}

#[test]
fn the_project_file_lists_what_its_project_needs() {
    let env = three();
    let file = "[env]\nA_KEY = \"bare\"\nB_KEY = { key = \"nowhere\", required = false }\n";
    env.write("keywright.toml", file);
    let outcome = env.run(["run", "--", "env"]);
    assert_eq!(keys(&outcome), ["A_KEY=BARE"]);
    insta::assert_snapshot!(env.run(["run", "--", "true"]), @"
    exit: 0
    ---- stdout
    ---- stderr
    B_KEY is not set: `nowhere` is missing
    ");
    let more = env.run(["run", "--map", "C_KEY=stripe", "--", "env"]);
    assert_eq!(keys(&more), ["A_KEY=BARE", "C_KEY=STRIPE"]);
    env.write("keywright.toml", "[env]\nA_KEY = \"bear\"\n");
    insta::assert_snapshot!(env.refused_lines(&["run -- true", "run --json -- true"]), @r#"
    $ keywright run -- true
    error: `bear` is missing in default/development
    hint: `keywright set` stores a value; --except leaves a key out, --allow-missing all that are not ready
    [exit 125]
    $ keywright run --json -- true
    {"schema":1,"error":{"kind":"not_found","exit_code":125,"message":"`bear` is missing in default/development","causes":[],"hint":"`keywright set` stores a value; --except leaves a key out, --allow-missing all that are not ready"}}
    [exit 125]
    "#);
    let without = env.run(["run", "--allow-missing", "--", "env"]);
    assert_eq!(keys(&without), [""; 0]);
    env.write("keywright.toml", "[env]\nA_KEY = 3\n");
    insta::assert_snapshot!(env.refused_lines(&["run -- true"]), @r#"
    $ keywright run -- true
    error: `[HOME]/keywright.toml`, line 2: invalid type: integer `3`, expected the name of a key, such as "openai", or { key = "openai", required = false }
    [exit 125]
    "#);
}

#[test]
fn a_stored_value_wins_unless_the_variable_is_to_be_kept() {
    let env = three();
    let with = |args: &[&str], own: &[(&str, &str)]| {
        let args = [&["run"], args, &["--", "env"]].concat();
        keys(&env.run_with_env(args, own.iter().copied()))
    };
    let own = [("STRIPE_KEY", "own"), ("SOME_KEY", "own")];
    assert_eq!(
        with(&[], &own),
        ["OPENAI_API_KEY=OPENAI", "SOME_KEY=own", "STRIPE_KEY=STRIPE"]
    );
    let kept = ["--preserve-env", "STRIPE_KEY,OPENAI_API_KEY"];
    assert_eq!(
        with(&kept, &own),
        ["OPENAI_API_KEY=OPENAI", "SOME_KEY=own", "STRIPE_KEY=own"]
    );
    // A key whose variable is kept may even be missing.
    env.write("keywright.toml", "[env]\nSTRIPE_KEY = \"nowhere\"\n");
    assert_eq!(with(&kept, &own), ["SOME_KEY=own", "STRIPE_KEY=own"]);
}

#[test]
fn a_clean_environment_has_little_else() {
    let env = three();
    let variables = [
        ("LANG", "C"),
        ("LC_CTYPE", "C"),
        ("TERM", "xterm"),
        ("SHELL", "/bin/sh"),
        ("TMPDIR", "/tmp"),
        ("OTHER", "x"),
        ("KEPT", "y"),
        ("KEYWRIGHT_PROJECT", "default"),
    ];
    let args = [
        "run",
        "--clean",
        "--preserve-env",
        "KEPT,UNSET",
        "--",
        "env",
    ];
    let outcome = env.run_with_env(args, variables);
    assert!(outcome.success(), "{outcome}");
    let mut names: Vec<String> = outcome
        .stdout_text()
        .lines()
        .filter_map(|line| Some(line.split_once('=')?.0.to_owned()))
        .collect();
    names.sort();
    assert_eq!(
        names,
        [
            "HOME",
            "KEPT",
            "LANG",
            "LC_CTYPE",
            "OPENAI_API_KEY",
            "PATH",
            "SHELL",
            "STRIPE_KEY",
            "TERM",
            "TMPDIR",
            "TZ",
            "USER",
        ]
    );
}

#[test]
fn nothing_that_opens_the_vault_can_be_kept() {
    let env = three();
    let kept = [
        "run",
        "--preserve-env",
        "KEYWRIGHT_PASSPHRASE_FILE",
        "--",
        "env",
    ];
    insta::assert_snapshot!(env.run(kept), @"
    exit: 125
    ---- stdout
    ---- stderr
    error: no program gets `KEYWRIGHT_PASSPHRASE_FILE`, which is keywright's own
    hint: a keywright in the program needs a way of its own into the vault, such as --passphrase-file
    ");
    let chooses = [
        "run",
        "--clean",
        "--preserve-env",
        "KEYWRIGHT_PROJECT",
        "--",
        "env",
    ];
    let outcome = env.run_with_env(chooses, [("KEYWRIGHT_PROJECT", "default")]);
    assert!(
        outcome.stdout_text().contains("KEYWRIGHT_PROJECT=default"),
        "{outcome}"
    );
}

#[test]
fn nothing_that_opens_the_vault_is_passed_on() {
    let env = three();
    let ours = [
        ("KEYWRIGHT_ENV", "development"),
        ("KEYWRIGHT_PASSPHRASE", "canary"),
        ("KEYWRIGHT_PASSPHRASE_COMMAND", "canary"),
        ("KEYWRIGHT_UNKNOWN", "canary"),
    ];
    let outcome = env.run_with_env(["run", "--", "env"], ours);
    let text = outcome.stdout_text();
    let mut ours: Vec<&str> = text
        .lines()
        .filter(|line| line.starts_with("KEYWRIGHT"))
        .collect();
    ours.sort();
    assert_eq!(ours, ["KEYWRIGHT_ENV=development", "KEYWRIGHT_NO_INPUT=1"]);
    assert!(!outcome.stdout_text().contains("canary"), "{outcome}");
}

#[test]
fn what_is_wrong_is_told_before_anything_starts() {
    let env = three();
    set(&env, "loader --var LD_PRELOAD");
    set(&env, "old --var OLD --expires 1s");
    set(&env, "gone --var GONE");
    set(&env, "soon --var SOON --expires 3d");
    set(&env, "later --var LATER --expires 15d");
    assert!(env.run(["revoke", "gone", "--yes"]).success());
    env.create(["mine"]);
    std::thread::sleep(std::time::Duration::from_millis(1100));
    insta::assert_snapshot!(env.refused_lines(&[
        "run -- touch started",
        "run --except LD_* -- touch started",
        "run --only gone -- touch started",
        "run --only nowhere,stripe -- touch started",
        "run --only stripe --map X=mine -- touch started",
        "run --only stripe --map X=nowhere -- touch started",
        "run --only stripe --map 1X=bare -- touch started",
        "run --map STRIPE_KEY=bare --only stripe --map STRIPE_KEY=openai -- touch started",
        "run --only stripe",
        "run --only stripe --nonsense -- touch started",
        "run --only stripe --passphrase-file nowhere -- touch started",
        "run --only stripe --vault nowhere -- touch started",
        "run --only stripe -- no-such-program",
        "run --only stripe -- ./no-such-program",
        "run --only stripe 'echo $HOME'",
        "run --only stripe -- ./passphrase",
        "run --only stripe -- /",
    ]), @r#"
    $ keywright run -- touch started
    error: `LD_PRELOAD` must not be set: it could change which code runs
    hint: if that is what you want: --allow-name LD_PRELOAD
    [exit 125]
    $ keywright run --except LD_* -- touch started
    error: `gone` is revoked, `old` has expired in default/development
    hint: `keywright set` stores a value; `keywright delete` makes room for one that is revoked; --except leaves a key out, --allow-missing all that are not ready
    [exit 125]
    $ keywright run --only gone -- touch started
    error: `gone` is revoked in default/development
    hint: `keywright delete` makes room for one that is revoked; --except leaves a key out, --allow-missing all that are not ready
    [exit 125]
    $ keywright run --only nowhere,stripe -- touch started
    error: no key with a variable in default/development is called `nowhere`
    hint: `keywright list` shows every key and its variable; --map VARIABLE=NAME adds a key that has none
    [exit 125]
    $ keywright run --only stripe --map X=mine -- touch started
    error: `mine` is an issued key in default/development
    hint: `keywright list --kind provider` shows keys that have a value; --except leaves a key out, --allow-missing all that are not ready
    [exit 125]
    $ keywright run --only stripe --map X=nowhere -- touch started
    error: `nowhere` is missing in default/development
    hint: `keywright set` stores a value; --except leaves a key out, --allow-missing all that are not ready
    [exit 125]
    $ keywright run --only stripe --map 1X=bare -- touch started
    error: invalid value '1X=bare' for '--map <VARIABLE=NAME>': a variable is 1 to 128 letters, digits and `_`, and does not begin with a digit

    For more information, try '--help'.
    [exit 125]
    $ keywright run --map STRIPE_KEY=bare --only stripe --map STRIPE_KEY=openai -- touch started
    error: `bare`, `openai` want the same variable, `STRIPE_KEY`
    hint: choose one with --only, leave one out with --except, or change a variable with `keywright edit`
    [exit 125]
    $ keywright run --only stripe
    error: the following required arguments were not provided:
      <COMMAND>...

    Usage: keywright run --only <NAME> <COMMAND>...

    For more information, try '--help'.
    [exit 125]
    $ keywright run --only stripe --nonsense -- touch started
    error: unexpected argument '--nonsense' found

      tip: to pass '--nonsense' as a value, use '-- --nonsense'

    Usage: keywright run --only <NAME> [COMMAND]...

    For more information, try '--help'.
    [exit 125]
    $ keywright run --only stripe --passphrase-file nowhere -- touch started
    error: no passphrase from `nowhere`
      caused by: No such file or directory (os error 2)
    [exit 125]
    $ keywright run --only stripe --vault nowhere -- touch started
    error: there is no vault at `[HOME]/nowhere`
    hint: `keywright init` makes one, and so does the first `create` or `set`
    [exit 125]
    $ keywright run --only stripe -- no-such-program
    error: no program `no-such-program`
    hint: a program without a `/` in its name is looked for in the folders of PATH
    [exit 127]
    $ keywright run --only stripe -- ./no-such-program
    error: no program `./no-such-program`
    hint: a program without a `/` in its name is looked for in the folders of PATH
    [exit 127]
    $ keywright run --only stripe "echo $HOME"
    error: no program `echo $HOME`
    hint: a line for a shell goes after -c: keywright run -c 'LINE'
    [exit 127]
    $ keywright run --only stripe -- ./passphrase
    error: cannot execute `./passphrase`
      caused by: Permission denied (os error 13)
    [exit 126]
    $ keywright run --only stripe -- /
    error: cannot execute `/`
      caused by: is a directory
    [exit 126]
    "#);
    assert!(!env.path("started").exists());
    insta::assert_snapshot!(
        env.run(["run", "--allow-missing", "--allow-name", "LD_PRELOAD", "--except", "loader", "--", "true"]), @"
    exit: 0
    ---- stdout
    ---- stderr
    warning: GONE is not set: `gone` is revoked
    warning: OLD is not set: `old` has expired
    warning: `soon` expires in 3 d
    "
    );
    let loaded = env.run([
        "run",
        "--only",
        "loader",
        "--allow-name",
        "LD_PRELOAD",
        "--",
        "sh",
        "-c",
        "echo $LD_PRELOAD",
    ]);
    assert_eq!(loaded.stdout_text(), "LOADER\n");
}

#[test]
fn the_exit_status_is_the_programs() {
    let env = three();
    for code in [0, 1, 5, 125, 130, 255] {
        let line = format!("exit {code}");
        assert_eq!(env.run(["run", "-c", &line]).code(), Some(code));
        assert_eq!(env.run(["run", "--", "sh", "-c", &line]).code(), Some(code));
    }
}

#[test]
fn a_line_for_a_shell_has_arguments_of_its_own() {
    let env = three();
    let line = r#"printf '%s|' "$STRIPE_KEY" "$0" "$#" "$@""#;
    let outcome = env.run(["run", "-c", line, "--", "a b", "--json", ""]);
    assert_eq!(outcome.stdout_text(), "STRIPE|sh|3|a b|--json||");
    let words = env.run(["run", "printf", "%s|", "--json", "-n", "--", "-h"]);
    assert_eq!(words.stdout_text(), "--json|-n|--|-h|");
}

#[test]
fn a_wrong_passphrase_is_not_the_programs_failure() {
    let env = three();
    env.write("passphrase", "another one\n");
    insta::assert_snapshot!(env.refused_lines(&["run -- true", "run --json -- true"]), @r#"
    $ keywright run -- true
    error: wrong passphrase, or a slot of the vault was altered
    hint: try again; `keywright status` shows which vault this is
    [exit 125]
    $ keywright run --json -- true
    {"schema":1,"error":{"kind":"locked","exit_code":125,"message":"wrong passphrase, or a slot of the vault was altered","causes":[],"hint":"try again; `keywright status` shows which vault this is"}}
    [exit 125]
    "#);
    // With nobody to ask.
    let mut command = env.command(["run", "--", "true"]);
    command.env_remove("KEYWRIGHT_PASSPHRASE_FILE");
    assert_eq!(env.finish(command, "").code(), Some(125));
}

#[test]
fn what_cannot_be_recorded_is_told_or_refused() {
    let env = three();
    let activity = env.path("activity");
    std::fs::create_dir(&activity).expect("made");
    let nowhere = [("KEYWRIGHT_ACTIVITY", "activity")];
    let told = env.run_with_env(
        ["run", "--only", "stripe", "-c", "echo $STRIPE_KEY"],
        nowhere,
    );
    assert_eq!(told.stdout_text(), "STRIPE\n");
    assert!(
        told.stderr().contains("warning: this use was not recorded"),
        "{told}"
    );
    env.write(".config/keywright/config.toml", "audit = \"required\"\n");
    let refused = env.run_with_env(
        ["run", "--only", "stripe", "-c", "echo $STRIPE_KEY"],
        nowhere,
    );
    assert_eq!((refused.code(), refused.stdout()), (Some(125), &b""[..]));
}

#[test]
fn uses_are_listed_with_the_program() {
    let env = three();
    assert!(env.run(["run", "--", "/bin/true"]).success());
    assert!(env.run(["run", "--only", "stripe", "-c", "true"]).success());
    insta::assert_snapshot!(env.run(["audit", "--verb", "run"]), @"
    exit: 0
    ---- stdout
    TIME                  WHAT  CODE  KEY     SCOPE                GENERATION  ACTOR  DETAIL
    [-------TIME-------]  run   -     openai  default/development  1           tester@[HOST]  program true
    [-------TIME-------]  run   -     stripe  default/development  1           tester@[HOST]  program true
    [-------TIME-------]  run   -     stripe  default/development  1           tester@[HOST]  program sh
    ---- stderr
    ");
    assert_eq!(env.show(["stripe"])["requests"], 2);
}
