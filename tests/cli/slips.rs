//! What somebody types who is used to other tools: names in the wrong place, values where names belong.

use crate::common::{TestEnv, Transcript};

/// Shaped as a key of a provider is.
const KEY: &str = "sk-proj-abcdefghijklmnop0123456789";

fn two() -> TestEnv {
    let env = TestEnv::new();
    env.set(["openai", "--var", "OPENAI_API_KEY"], "one");
    env.set(["stripe", "--var", "STRIPE_KEY"], "two");
    env
}

#[test]
fn a_key_where_a_name_belongs_is_not_repeated() {
    let env = two();
    env.write("keywright.toml", format!("[env]\nA = \"{KEY}\"\n"));
    let in_file = env.run(["check"]);
    assert!(std::fs::remove_file(env.path("keywright.toml")).is_ok());
    let map = format!("A={KEY}");
    let told = [
        in_file,
        env.run(["run", "--map", &map, "--", "true"]),
        env.run(["run", "--map", &map, "--json", "--", "true"]),
        env.run(["run", "--only", KEY, "--", "true"]),
        env.run(["get", KEY]),
        env.run(["edit", "openai", "--var", KEY]),
        env.run(["run", "DB_PASSWORD=hunter2", "true"]),
        env.run(["run", KEY]),
    ];
    for outcome in &told {
        assert!(!outcome.success(), "{outcome}");
        assert!(!outcome.to_string().contains("0123456789"), "{outcome}");
        assert!(!outcome.to_string().contains("hunter2"), "{outcome}");
    }
    insta::assert_snapshot!(told.map(|outcome| env.screen(&outcome.stderr())).join("\n"), @r#"
    error: `[HOME]/keywright.toml`, line 2: this has a whole token or key in it, which is a secret; revoke it, and write the name of a key here

    error: `…` is missing in default/development
    hint: `keywright set` stores a value; --except leaves a key out, --allow-missing all that are not ready

    {"schema":1,"error":{"kind":"not_found","exit_code":125,"message":"`…` is missing in default/development","causes":[],"hint":"`keywright set` stores a value; --except leaves a key out, --allow-missing all that are not ready"}}

    error: no key with a variable in default/development is called `…`
    hint: `keywright list` shows every key and its variable; --map VARIABLE=NAME adds a key that has none

    error: no key `…` in default/development
    hint: `keywright list` shows every key

    error: invalid value '…' for '--var <VARIABLE>': a variable is 1 to 128 letters, digits and `_`, and does not begin with a digit

    For more information, try '--help'.

    error: no program `DB_PASSWORD=…`
    hint: --map VARIABLE=NAME puts a key into a variable, -c 'LINE' runs a line for a shell

    error: no program `…`
    hint: a program without a `/` in its name is looked for in the folders of PATH
    "#);
}

#[test]
fn a_key_cannot_be_stored_as_a_name() {
    let env = two();
    let told = |name: &str| {
        let outcome = env.run_with_stdin(["set", name], "value");
        assert!(!outcome.to_string().contains("0123456789"), "{outcome}");
        (outcome.code(), outcome.stderr())
    };
    let refused = (
        Some(2),
        "error: the name has a provider's key in it, and names are shown\n\
         hint: `keywright set NAME` asks for the value, or reads it from standard input or --file\n"
            .to_owned(),
    );
    assert_eq!(told(KEY), refused);
    assert_eq!(told(&format!("OPENAI_API_KEY={KEY}")), refused);
    assert_eq!(told("sk-learn-service-account-2026").0, Some(0));
}

#[test]
fn a_key_is_no_new_name_of_anything_that_is_listed() {
    let env = two();
    let _ = env.create(["mine"]);
    let quoted = format!("x {KEY}");
    let mut told = Transcript::default();
    for args in [
        &["create", KEY] as &[&str],
        &["create", &quoted],
        &["create", "new", "--tag", KEY],
        &["edit", "mine", "--rename", KEY],
        &["edit", "mine", "--tag", KEY],
        &["edit", "mine", "--add-tag", KEY],
        &["role", "set", KEY, "--permission", "read"],
        &["access", "create", KEY, "--kind", "issued"],
        &["set", "openai", "--tag", KEY],
    ] {
        let outcome = env.run_with_stdin(args, "value");
        assert_eq!(outcome.code(), Some(2), "{args:?}: {outcome}");
        assert!(!outcome.to_string().contains("0123456789"), "{outcome}");
        told.refused(&args[..2], &outcome);
    }
    insta::assert_snapshot!(told, @r#"
    $ keywright create sk-proj-abcdefghijklmnop0123456789
    error: invalid value '…' for '<NAME>': this has a provider's key or a token in it, and names and tags are shown

    For more information, try '--help'.
    [exit 2]
    $ keywright create "x sk-proj-abcdefghijklmnop0123456789"
    error: invalid value 'x …' for '<NAME>': this has a provider's key or a token in it, and names and tags are shown

    For more information, try '--help'.
    [exit 2]
    $ keywright create new
    error: invalid value '…' for '--tag <TAG>': this has a provider's key or a token in it, and names and tags are shown

    For more information, try '--help'.
    [exit 2]
    $ keywright edit mine
    error: invalid value '…' for '--rename <NAME>': this has a provider's key or a token in it, and names and tags are shown

    For more information, try '--help'.
    [exit 2]
    $ keywright edit mine
    error: invalid value '…' for '--tag <TAG>': this has a provider's key or a token in it, and names and tags are shown

    For more information, try '--help'.
    [exit 2]
    $ keywright edit mine
    error: invalid value '…' for '--add-tag <TAG>': this has a provider's key or a token in it, and names and tags are shown

    For more information, try '--help'.
    [exit 2]
    $ keywright role set
    error: invalid value '…' for '<ROLE>': this has a provider's key or a token in it, and names and tags are shown

    For more information, try '--help'.
    [exit 2]
    $ keywright access create
    error: invalid value '…' for '<NAME>': this has a provider's key or a token in it, and names and tags are shown

    For more information, try '--help'.
    [exit 2]
    $ keywright set openai
    error: invalid value '…' for '--tag <TAG>': this has a provider's key or a token in it, and names and tags are shown

    For more information, try '--help'.
    [exit 2]
    "#);
    // What there is already, from before this was refused, can be named.
    for args in [
        &["show", KEY] as &[&str],
        &["list", "--tag", KEY],
        &["edit", "mine", "--remove-tag", KEY],
        &["role", "delete", KEY, "--yes"],
        &["access", "revoke", KEY, "--yes"],
    ] {
        let outcome = env.run(args);
        assert!(!outcome.stderr().contains("shown"), "{args:?}: {outcome}");
    }
}

#[test]
fn a_variable_that_run_refuses_is_told_when_it_is_given() {
    let env = two();
    let outcome = env.run_with_stdin(["set", "search", "--var", "PATH"], "value");
    insta::assert_snapshot!(outcome, @"
    exit: 0
    ---- stdout
    ---- stderr
    warning: `run` and `env` refuse to set PATH without --allow-name PATH: it could change which code runs
    Stored provider key `search` in default/development
    ");
}

#[test]
fn keys_of_another_environment_are_told_together() {
    let env = two();
    env.set(["both", "-p", "shop"], "three");
    env.set(["both"], "three");
    env.write(
        "keywright.toml",
        "[env]\nA = \"openai\"\nB = \"stripe\"\nC = \"stripe\"\nD = \"both\"\nE = \"opena\"\n",
    );
    insta::assert_snapshot!(env.run(["check", "-e", "staging"]).stderr(), @"
    `openai`, `stripe` are missing; they exist in default/development
    `both` is missing; it exists in default/development, shop/development
    5 of 5 variables are not ready; `keywright set NAME` stores a missing key
    ");
}

#[test]
fn a_name_after_env_or_check_is_told_where_it_goes() {
    let env = two();
    insta::assert_snapshot!(env.refused_lines(&["env openai", "check openai", "status openai"]), @"
    $ keywright env openai
    error: one argument too many; it is not repeated here, because it may be a secret
    hint: --only NAME chooses a key, `keywright get NAME` prints its value alone
    [exit 2]
    $ keywright check openai
    error: one argument too many; it is not repeated here, because it may be a secret
    hint: `keywright check` looks at all that the project lists, `keywright show NAME` at one key
    [exit 2]
    $ keywright status openai
    error: one argument too many; it is not repeated here, because it may be a secret
    hint: a value or token comes from standard input or --file, a passphrase from --passphrase-file; see --help
    [exit 2]
    ");
}

#[test]
fn a_shell_is_a_format_by_its_own_name() {
    let env = two();
    let text = |format: &str| {
        let outcome = env.run(["env", "--format", format]);
        assert!(outcome.success(), "{outcome}");
        outcome.stdout_text()
    };
    for shell in ["bash", "sh", "zsh"] {
        assert_eq!(text(shell), text("shell"));
    }
    assert_eq!(text("pwsh"), text("powershell"));
}

#[test]
fn an_exception_without_effect_is_told() {
    let env = two();
    let told = |args: &[&str]| {
        let outcome = env.run(args);
        assert!(outcome.success(), "{outcome}");
        outcome.stderr()
    };
    let except = |name| ["run", "--except", name, "--", "true"];
    insta::assert_snapshot!(told(&except("opena,stripe")), @"warning: no key with a variable is called `opena`, which --except names");
    insta::assert_snapshot!(told(&["env", "--except", "stirpe"]), @"warning: no key with a variable is called `stirpe`, which --except names");
    // A pattern is for what may be there, and `--only` does not make a name a wrong one.
    assert_eq!(told(&except("none*,STRIPE_KEY")), "");
    assert_eq!(
        told(&[
            "run", "--only", "openai", "--except", "stripe", "--", "true"
        ]),
        ""
    );
}

#[test]
fn the_project_file_is_told_when_it_lists_nothing() {
    let env = two();
    env.write("keywright.toml", "[env]\n");
    let empty = env.run(["run", "--", "true"]);
    env.write("keywright.toml", "[env]\nA = \"openai\"\n");
    let left_out = env.run(["run", "--except", "openai", "--", "true"]);
    let told = [empty, left_out].map(|outcome| env.screen(&outcome.stderr()));
    insta::assert_snapshot!(told.join("\n"), @"
    warning: no key of default/development was selected; the [env] table of `[HOME]/keywright.toml` is empty

    warning: no key of default/development was selected; the [env] table of `[HOME]/keywright.toml` says which there are
    ");
}

#[test]
fn a_dry_run_tells_of_a_program_that_is_not_there() {
    let env = two();
    let before = env.files();
    insta::assert_snapshot!(env.refused_lines(&[
        "create new --pipe no-such-program --dry-run",
        "create new --out -",
        "get openai --out -",
    ]), @"
    $ keywright create new --pipe no-such-program --dry-run
    error: no program `no-such-program`
    hint: a program without a `/` in its name is looked for in the folders of PATH
    [exit 1]
    $ keywright create new --out -
    error: `-` is no new file
    hint: without --out it goes to standard output; `./-` is a file of that name
    [exit 2]
    $ keywright get openai --out -
    error: `-` is no new file
    hint: without --out it goes to standard output; `./-` is a file of that name
    [exit 2]
    ");
    assert_eq!(env.files(), before);
}

#[test]
fn a_dash_is_standard_input() {
    let env = two();
    let imported = env.run_with_stdin(["import", "-"], "NEW=value\n");
    let deleted = env.run_with_stdin(["import", "-", "--delete-source"], "NEW=value\n");
    insta::assert_snapshot!(format!("{imported}\n{deleted}"), @"
    exit: 0
    ---- stdout
    ---- stderr
    Imported 1 provider key from the dotenv text of standard input into default/development

    exit: 2
    ---- stdout
    ---- stderr
    error: standard input cannot be deleted
    hint: name the file, or leave out --delete-source
    ");
    assert_eq!(env.run(["get", "NEW"]).stdout_text(), "value");
}
