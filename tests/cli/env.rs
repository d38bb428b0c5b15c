//! `env`: what is shown to a person, what goes into a pipe, and what is refused.

use std::fs;

use rustix::fs::CWD;

use crate::common::{TestEnv, Transcript, needed};
use crate::terminal::{Terminal, without_terminal};

/// Two keys with a variable and one without.
fn three() -> TestEnv {
    let env = TestEnv::new();
    env.set(
        ["openai", "--var", "OPENAI_API_KEY", "--tag", "ai"],
        "sk-0123456789abcdef",
    );
    env.set(
        ["stripe", "--var", "STRIPE_KEY", "--expires", "90d"],
        "it's 5 $",
    );
    env.set(["bare"], "b");
    env
}

fn uses(env: &TestEnv) -> u64 {
    env.show(["openai"])["requests"].as_u64().expect("a number")
}

#[test]
fn help() {
    insta::assert_snapshot!(crate::common::help(&["env", "--help"]), @r#"
    Print provider keys as variables for a shell, a file or a CI job

    The keys that `run` would hand out, as text that the reader of the format takes for the very same
    values; a key that the format cannot carry is refused by name, and then nothing is printed. On a
    terminal the values are masked, and no use is recorded, unless --reveal is given; into a pipe or a
    file they are printed anyway. `--json` tells which keys those are, without values.

    shell is for sh, bash and zsh; dotenv for python-dotenv, node --env-file and sh; docker for docker
    run --env-file. github is for a step of GitHub Actions: it masks the values in the job's log and
    adds them to the file that GITHUB_ENV names.

    Usage: keywright env [OPTIONS]

    Options:
          --format <FORMAT>
              Who reads it: shell (also without this option), fish, powershell, dotenv, docker, json or
              github

          --reveal
              Print the values on a terminal, too

      -h, --help
              Print help (see a summary with '-h')

    Which keys:
          --only <NAME>
              Only these: names or variables, with * and ?

          --except <NAME>
              All but these, likewise

          --tag <TAG>
              Only keys with this tag; of several tags, one

          --map <VARIABLE=NAME>
              Also this key, in this variable

          --allow-missing
              Go on without keys that are missing, revoked or expired

          --allow-name <VARIABLE>
              Set this variable although its name is a dangerous one

    Global options:
          --vault <PATH>
              Vault file [default: vault.db in the config directory]

      -p, --project <PROJECT>
              Project of the key

      -e, --env <ENVIRONMENT>
              Environment of the key: production, staging, development, or your own

          --json
              Answer as one JSON document

      -q, --quiet
              Say nothing but the answer and errors

      -y, --yes
              Do not ask for confirmation

          --no-input
              Never ask anything; fail where an answer is needed

          --actor <NAME>
              Who is recorded as the maker of a change [default: user@host]

          --passphrase-file <PATH>
              Read the passphrase from the first line of a file

          --passphrase-fd <N>
              Read the passphrase from the first line of an open file descriptor

          --accept-rollback
              Go on with a vault that is older than the one this machine has seen

          --color <WHEN>
              When to use colour

              Possible values:
              - always
              - auto:   On a terminal, unless NO_COLOR is set
              - never

              [default: auto]

    Examples:
      eval "$(keywright env)"
      keywright env --format fish | source
      keywright env --format powershell | Invoke-Expression
      keywright env --format docker --only openai,stripe > app.env
      keywright env --format github -e staging
    "#);
}

#[test]
fn a_person_sees_masked_values() {
    let env = three();
    let seen = |args: &[&str]| {
        let (status, screen) = Terminal::spawn(env.unlocked(args)).wait();
        format!("{}{status}\n", env.screen(&screen))
    };
    insta::assert_snapshot!(seen(&["env"]), @"
    VARIABLE        KEY     VALUE       EXPIRES
    OPENAI_API_KEY  openai  sk-••••def  never
    STRIPE_KEY      stripe  ••••        in 90 d
    --reveal prints the values here; into a pipe or a file they are printed anyway
    exit status: 0
    ");
    insta::assert_snapshot!(seen(&["env", "--only", "stripe", "--format", "github"]), @"
    VARIABLE    KEY     VALUE  EXPIRES
    STRIPE_KEY  stripe  ••••   in 90 d
    --reveal prints the values here; into a pipe or a file they are printed anyway
    exit status: 0
    ");
    insta::assert_snapshot!(seen(&["env", "-p", "elsewhere"]), @"
    warning: no key of elsewhere/development was selected; `keywright list` shows which have a variable
    exit status: 0
    ");
    assert_eq!(uses(&env), 0);
    insta::assert_snapshot!(seen(&["env", "--reveal"]), @r"
    export OPENAI_API_KEY='sk-0123456789abcdef'
    export STRIPE_KEY='it'\''s 5 $'
    exit status: 0
    ");
    assert_eq!(uses(&env), 1);
}

#[test]
fn a_pipe_gets_the_values() {
    let env = three();
    insta::assert_snapshot!(env.session(&[
        "env",
        "env --only openai",
        "env --tag ai --format fish",
        "env --format powershell --except openai",
        "env --format dotenv --except stripe --map BARE=bare",
        "env --format docker --reveal",
        "env --format json --tag ai",
        "env -p elsewhere",
        "env -p elsewhere --format json --quiet",
    ]), @r#"
    $ keywright env
    export OPENAI_API_KEY='sk-0123456789abcdef'
    export STRIPE_KEY='it'\''s 5 $'
    [exit 0]
    $ keywright env --only openai
    export OPENAI_API_KEY='sk-0123456789abcdef'
    [exit 0]
    $ keywright env --tag ai --format fish
    set -gx OPENAI_API_KEY 'sk-0123456789abcdef'
    [exit 0]
    $ keywright env --format powershell --except openai
    $env:STRIPE_KEY = 'it''s 5 $'
    [exit 0]
    $ keywright env --format dotenv --except stripe --map BARE=bare
    BARE='b'
    OPENAI_API_KEY='sk-0123456789abcdef'
    [exit 0]
    $ keywright env --format docker --reveal
    OPENAI_API_KEY=sk-0123456789abcdef
    STRIPE_KEY=it's 5 $
    [exit 0]
    $ keywright env --format json --tag ai
    {"OPENAI_API_KEY":"sk-0123456789abcdef"}
    [exit 0]
    $ keywright env -p elsewhere
    warning: no key of elsewhere/development was selected; `keywright list` shows which have a variable
    [exit 0]
    $ keywright env -p elsewhere --format json --quiet
    {}
    warning: no key of elsewhere/development was selected; `keywright list` shows which have a variable
    [exit 0]
    "#);
    assert_eq!(uses(&env), 6);
    let recorded = env.run(["audit", "openai"]).stdout_text();
    assert_eq!(recorded.matches(" env ").count(), 6, "{recorded}");
}

#[test]
fn json_tells_which_keys_without_values() {
    let env = three();
    insta::assert_snapshot!(env.run(["env", "--json"]), @r#"
    exit: 0
    ---- stdout
    {
      "schema": 1,
      "variables": [
        {
          "expires_at": null,
          "key": "openai",
          "key_id": "[--KEY-ID--]",
          "masked": "sk-••••def",
          "variable": "OPENAI_API_KEY"
        },
        {
          "expires_at": "[-------TIME-------]",
          "key": "stripe",
          "key_id": "[--KEY-ID--]",
          "masked": "••••",
          "variable": "STRIPE_KEY"
        }
      ]
    }
    ---- stderr
    "#);
    assert_eq!(uses(&env), 0);
    let refused = env.refused_lines(&["env --json --format json", "env --json --reveal"]);
    insta::assert_snapshot!(refused, @r#"
    $ keywright env --json --format json
    {"schema":1,"error":{"kind":"usage","exit_code":2,"message":"--format and --json do not go together: --json tells which keys those are, without values","causes":[],"hint":"--format json prints the values"}}
    [exit 2]
    $ keywright env --json --reveal
    {"schema":1,"error":{"kind":"usage","exit_code":2,"message":"--reveal and --json do not go together: --json tells which keys those are, without values","causes":[],"hint":"--format json prints the values"}}
    [exit 2]
    "#);
}

#[test]
fn what_is_not_ready_stops_it() {
    let env = three();
    assert!(env.run(["revoke", "stripe", "--yes"]).success());
    let refused = env.refused_lines(&[
        "env",
        "env --json",
        "env --map X=nobody",
        "env --only nobody",
        "env --map PATH=bare --only openai",
        "env --format xml",
    ]);
    insta::assert_snapshot!(refused, @r#"
    $ keywright env
    error: `stripe` is revoked in default/development
    hint: `keywright delete` makes room for one that is revoked; --except leaves a key out, --allow-missing all that are not ready
    [exit 8]
    $ keywright env --json
    {"schema":1,"error":{"kind":"refused","exit_code":8,"message":"`stripe` is revoked in default/development","causes":[],"hint":"`keywright delete` makes room for one that is revoked; --except leaves a key out, --allow-missing all that are not ready"}}
    [exit 8]
    $ keywright env --map X=nobody
    error: `stripe` is revoked, `nobody` is missing in default/development
    hint: `keywright set` stores a value; `keywright delete` makes room for one that is revoked; --except leaves a key out, --allow-missing all that are not ready
    [exit 3]
    $ keywright env --only nobody
    error: no key with a variable in default/development is called `nobody`
    hint: `keywright list` shows every key and its variable; --map VARIABLE=NAME adds a key that has none
    [exit 3]
    $ keywright env --map PATH=bare --only openai
    error: `PATH` must not be set: it could change which code runs
    hint: if that is what you want: --allow-name PATH
    [exit 8]
    $ keywright env --format xml
    error: invalid value 'xml' for '--format <FORMAT>'
      [possible values: docker, dotenv, fish, github, json, powershell, shell]

    For more information, try '--help'.
    [exit 2]
    "#);
    insta::assert_snapshot!(env.session(&["env --allow-missing --map X=nobody"]), @"
    $ keywright env --allow-missing --map X=nobody
    export OPENAI_API_KEY='sk-0123456789abcdef'
    warning: STRIPE_KEY is not set: `stripe` is revoked
    warning: X is not set: `nobody` is missing
    [exit 0]
    ");
}

/// Every key that cannot be carried is named, and no value; nothing is printed.
#[test]
fn what_cannot_be_carried_is_refused_by_name() {
    let env = three();
    env.set(["pem", "--var", "PEM"], "-----BEGIN-----\r\ncanary\r\n");
    env.set(["user id", "--var", "UID"], "canary");
    let refused = env.refused_lines(&[
        "env --format docker",
        "env --format dotenv",
        "env --format shell",
    ]);
    assert!(!refused.to_string().contains("canary"));
    insta::assert_snapshot!(refused, @r#"
    $ keywright env --format docker
    error: the format `docker` cannot carry `pem` (its value has a line feed)
    hint: --except leaves a key out, --map VARIABLE=NAME puts it into another variable; `keywright run` carries every value
    [exit 8]
    $ keywright env --format dotenv
    error: the format `dotenv` cannot carry `pem` (its value has a carriage return), `stripe` (its value has `'` together with `"`, `\`, `$` or a backtick), `user id` (`UID` means something to sh or bash)
    hint: --except leaves a key out, --map VARIABLE=NAME puts it into another variable; `keywright run` carries every value
    [exit 8]
    $ keywright env --format shell
    error: the format `shell` cannot carry `user id` (`UID` means something to sh or bash)
    hint: --except leaves a key out, --map VARIABLE=NAME puts it into another variable; `keywright run` carries every value
    [exit 8]
    "#);
}

#[test]
fn a_shell_evaluates_it() {
    let env = three();
    let line = format!(
        "eval \"$('{}' env)\" && printf '%s\\n' \"$OPENAI_API_KEY\" \"$STRIPE_KEY\"",
        env!("CARGO_BIN_EXE_keywright")
    );
    for shell in ["dash", "bash", "zsh"] {
        let Some(shell) = needed(shell) else { continue };
        let mut command = env.program(shell);
        command.args(["-c", &line]);
        let outcome = env.finish(command, "");
        assert_eq!(outcome.stdout_text(), "sk-0123456789abcdef\nit's 5 $\n");
    }
}

/// The masks are out before the file has a value; without either there is neither.
#[test]
fn the_runners_file_has_to_be_a_file() {
    let env = three();
    let file = env.write("github-env", "");
    fs::create_dir(env.path("folder")).expect("made");
    let fifo = env.path("fifo");
    let mode = rustix::fs::Mode::from_raw_mode(0o600);
    rustix::fs::mknodat(CWD, &fifo, rustix::fs::FileType::Fifo, mode, 0).expect("made");
    let _reader = fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open(&fifo)
        .expect("opened");
    let mut refused = Transcript::default();
    let args = ["env", "--format", "github"];
    for name in ["", "nothing-here", "folder", "fifo"] {
        let path = env.path(name);
        let path = if name.is_empty() {
            ""
        } else {
            path.to_str().expect("a path")
        };
        refused.refused(&args, &env.run_with_env(args, [("GITHUB_ENV", path)]));
    }
    insta::assert_snapshot!(refused, @"
    $ keywright env --format github
    error: GITHUB_ENV is not set
    hint: --format github is for a step of GitHub Actions, which sets it
    [exit 2]
    $ keywright env --format github
    error: cannot open the file of `GITHUB_ENV`, `[HOME]/nothing-here`
      caused by: No such file or directory (os error 2)
    hint: GITHUB_ENV names a file that GitHub Actions makes for each step
    [exit 1]
    $ keywright env --format github
    error: cannot open the file of `GITHUB_ENV`, `[HOME]/folder`
      caused by: Is a directory (os error 21)
    hint: GITHUB_ENV names a file that GitHub Actions makes for each step
    [exit 1]
    $ keywright env --format github
    error: the file of `GITHUB_ENV`, `[HOME]/fifo`, is no regular file
    hint: GITHUB_ENV names a file that GitHub Actions makes for each step
    [exit 8]
    ");
    assert!(!env.path("nothing-here").exists());
    assert_eq!(uses(&env), 0);
    let path = file.to_str().expect("a path");
    let mut unread = env.command(args);
    unread.env("GITHUB_ENV", path).stdout(
        fs::File::options()
            .write(true)
            .open("/dev/full")
            .expect("opened"),
    );
    assert_eq!(
        without_terminal(&mut unread)
            .status()
            .expect("it runs")
            .code(),
        Some(1)
    );
    assert_eq!(fs::read_to_string(&file).expect("text"), "");
    insta::assert_snapshot!(env.run_with_env(args, [("GITHUB_ENV", path)]), @"
    exit: 0
    ---- stdout
    ::add-mask::sk-0123456789abcdef
    ::add-mask::it's 5 $
    ---- stderr
    Variables for the next steps: 2
    ");
    assert_eq!(fs::read_to_string(&file).expect("text").lines().count(), 8);
    let short = ["--only", "openai", "--map", "BARE=bare"];
    let short = env.run_with_env([&args, &short[..]].concat(), [("GITHUB_ENV", path)]);
    insta::assert_snapshot!(short, @"
    exit: 0
    ---- stdout
    ::add-mask::sk-0123456789abcdef
    ---- stderr
    warning: the value of `bare` is too short to be masked in the log
    Variables for the next steps: 2
    ");
}

/// A block without its end would take in what the step adds after it.
#[test]
fn what_does_not_fit_into_the_file_of_a_runner_is_taken_back() {
    let env = TestEnv::new();
    env.set(["big", "--var", "BIG"], &"value ".repeat(10_000));
    let file = env.write("runner", "OLD=1\n");
    // bash counts in blocks of 1,024 bytes: there is room for some of the block.
    env.write("rest", vec![b'\n'; 60_000]);
    let line = r#"cat rest >> runner; trap '' XFSZ; ulimit -f 64; exec "$0" env --format github"#;
    let mut command = env.program("bash");
    command
        .args(["-c", line, env!("CARGO_BIN_EXE_keywright")])
        .env("GITHUB_ENV", &file);
    let outcome = env.finish(command, "");
    assert_eq!(outcome.code(), Some(1), "{outcome}");
    assert!(outcome.stderr().contains("cannot write"), "{outcome}");
    let left = fs::read(file).expect("there");
    assert_eq!(left.len(), 60_006, "what was there, and no more");
}
