//! `help`: topics and commands, at any width and with or without colour.

use std::process::Command;

use crate::common::{TestEnv, Transcript, help};
use crate::terminal::Terminal;

const TOPICS: [&str; 4] = ["environment", "exit-codes", "files", "scopes"];

#[test]
fn of_itself() {
    insta::assert_snapshot!(help(&["help", "--help"]), @"
    Explain a topic or a command

    The topics are environment, exit-codes, files and scopes. A command's help is what `--help` after it
    prints. Without a word, the commands and topics are listed.

    Usage: keywright help [OPTIONS] [TOPIC]...

    Arguments:
      [TOPIC]...
              A topic, or the words of a command

    Options:
      -h, --help
              Print help (see a summary with '-h')

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
      keywright help scopes
      keywright help exit-codes
      keywright help rotate
    ");
}

#[test]
fn of_exit_codes() {
    let env = TestEnv::empty();
    insta::assert_snapshot!(env.run(["help", "exit-codes"]), @"
    exit: 0
    ---- stdout
    What the exit codes mean

    Scripts can rely on these numbers: none of them will change its meaning.

      0    done
      1    failed
      2    wrong usage
      3    no such key, role or access token
      4    already exists, or changed meanwhile
      5    locked, or wrong passphrase
      6    not confirmed
      7    vault damaged or altered
      8    refused by a rule: cannot be shown again, revoked, unsafe file mode, not
           opened by the access token
      9    a check found something: check, doctor, list --expiring, rotate
           --when-unused
      10   verify: not authenticated
      11   verify: not allowed
      125  run: keywright itself failed, and nothing was started
      126  run: the command cannot be executed
      127  run: the command was not found
      130  interrupted

    With --json, an error is a JSON object on standard error that has the number in
    exit_code and a word for it in kind.
    ---- stderr
    ");
}

#[test]
fn of_scopes() {
    let env = TestEnv::empty();
    insta::assert_snapshot!(env.run(["help", "scopes"]), @"
    exit: 0
    ---- stdout
    Projects and environments, and how a command chooses them

    A key belongs to one project and to one environment of it, which together are
    its scope, and is of one kind.

      project      What the key is for, such as shop; default where none is chosen
      environment  production (or prod), staging (stg), development (dev), or a word
                   of your own; development where none is chosen
      kind         issued: made by `create` for a service of yours. provider: given
                   to you by a provider, and kept by `set`

    A name is unique in its scope, across both kinds. The same name in another scope
    is another key.

    How a scope is chosen:

    A command that makes or names one key works in one scope. Its project and its
    environment are chosen each by itself, by the first of these that says one:

      -p, -e                            The options --project and --env
      KEYWRIGHT_PROJECT, KEYWRIGHT_ENV  The variables
      keywright.toml                    The nearest: in the working directory or a
                                        folder above it, up to the home directory
                                        and within one file system
      config.toml                       The config file
      default, development              Where nothing says another

    keywright.toml can never select production, because everybody who can commit to
    a repository can write it: the command ends with exit code 8, and production has
    to be said with -e or in KEYWRIGHT_ENV. So it has where config.toml selects
    production and keywright.toml chooses the project or has an [env] table.

    Which commands choose one, and which cover all:

      create, init --project-file, set
          The scope that was chosen
      delete, edit, get, revoke, rotate, show
          The key of that name in the scope that was chosen. A key id or masked
          token is found in every scope, unless -p or -e is given as an option
      audit NAME, usage NAME
          The key of that name in the same way
      access create
          The scope that was chosen
      access list, access revoke
          Every scope; -p and -e narrow it when they are given as options
      audit, doctor, export, list, search, usage
          Every scope; -p and -e narrow it when they are given as options, variables
          and files do not
      import
          The scope that was chosen; of JSON that `export` made, the scopes that it
          names
      backup, restore
          Every scope; `backup --scope` names those of a slice
      check, env, run
          The scope that was chosen, and no other, not even for a key id
      role
          None: a role is the same in every project and environment
      agent, lock, unlock
          None: they are about the vault as a whole
      status
          Shows the scope that a command would choose here and now
      verify
          Every scope; -p and -e are required of the key when they are given as
          options
    ---- stderr
    ");
}

#[test]
fn of_environment() {
    let env = TestEnv::empty();
    insta::assert_snapshot!(env.run(["help", "environment"]), @"
    exit: 0
    ---- stdout
    Environment variables, and where the passphrase comes from

    A variable that is set to nothing is not set. A program that `run` starts gets
    those that choose a vault and a scope, and none that opens a vault; no other
    program that keywright starts gets any of them.

      KEYWRIGHT_ACCESS_TOKEN        Access tokens that open the vault, separated by
                                    white space; a file is safer
      KEYWRIGHT_ACCESS_TOKEN_FILE   A file with access tokens, separated by white
                                    space
      KEYWRIGHT_ACTIVITY            The activity file, when a service and its owner
                                    share one
      KEYWRIGHT_ENV                 The environment, like --env
      KEYWRIGHT_NO_INPUT            Never ask anything, like --no-input (1 or 0)
      KEYWRIGHT_PASSPHRASE          The passphrase itself; a file or a command is
                                    safer
      KEYWRIGHT_PASSPHRASE_COMMAND  A program that prints the passphrase; run
                                    without a shell, first line
      KEYWRIGHT_PASSPHRASE_FILE     A file with the passphrase on its first line
      KEYWRIGHT_PROJECT             The project, like --project
      KEYWRIGHT_VAULT               The vault file, like --vault

    Variables of the system:

      CI
          Where it is set and not false, no agent is started by itself
      COLUMNS
          The width of tables on a terminal, before the terminal's own
      CREDENTIALS_DIRECTORY
          Set by systemd: the folder of the file keywright-passphrase
      GITHUB_ENV
          Set by GitHub Actions: the file that `keywright env --format github` adds
          to
      HOME, XDG_CONFIG_HOME, XDG_STATE_HOME
          Where the files are; see `keywright help files`
      LC_ALL, LC_CTYPE, LANG
          Charts use block characters where the first of these that is set names
          UTF-8
      LISTEN_FDS, LISTEN_PID
          Set by systemd: sockets that `keywright serve` listens at
      NOTIFY_SOCKET
          Set by systemd: where `keywright serve` says that it is ready or stopping
      XDG_RUNTIME_DIR
          Where the agent's socket is
      NO_COLOR, CLICOLOR, CLICOLOR_FORCE
          Whether there is colour, unless --color says so
      USER, LOGNAME
          Who is recorded as the maker of a change, unless --actor says so

    How the vault is opened:

    The first of these that is present is used. When it does not open the vault, the
    next is not tried.

      --passphrase-fd
          The first line of an open file descriptor
      --passphrase-file
          The first line of a file
      KEYWRIGHT_ACCESS_TOKEN
          Access tokens; a command that changes the vault or needs all of it passes
          them over where another source is there
      KEYWRIGHT_ACCESS_TOKEN_FILE
          Access tokens from a file, in the same way
      the agent
          The vault's key, where `unlock` gave it to an agent; see `keywright unlock
          --help`
      KEYWRIGHT_PASSPHRASE_FILE
          The first line of a file
      KEYWRIGHT_PASSPHRASE
          The passphrase itself
      KEYWRIGHT_PASSPHRASE_COMMAND
          The first line that a program prints
      $CREDENTIALS_DIRECTORY/keywright-passphrase
          The first line of a credential of systemd, where that file exists
      the terminal
          A question whose answer is not shown

    With --no-input, KEYWRIGHT_NO_INPUT or no terminal, a command that needs the
    terminal ends with exit code 5 instead of waiting.
    ---- stderr
    ");
}

#[test]
fn of_files() {
    let env = TestEnv::empty();
    insta::assert_snapshot!(env.run(["help", "files"]), @r#"
    exit: 0
    ---- stdout
    Files that are read and written

    On Linux; other systems have folders of their own for the same. `keywright
    status` shows which are in use.

      ~/.config/keywright/vault.db     The vault, unless --vault or KEYWRIGHT_VAULT
                                       names another
      ~/.config/keywright/config.toml  Settings: project, environment, brand,
                                       default_expiry, audit ("best-effort" or
                                       "required"), usage_days, event_days, events,
                                       agent ("auto" or "off"), agent_idle,
                                       agent_max
      keywright.toml                   Project, environment and variables of a
                                       source tree, in its folder or one above; it
                                       can never select production
      $XDG_RUNTIME_DIR/keywright       The agent's sockets, mode 0700; without that
                                       variable ~/.local/state/keywright/agent
      ~/.local/state/keywright         Usage counts (activity.db) and rollback
                                       anchors, by the vault's id

    The folders are made with mode 0700, the vault and the files beside it with mode
    0600. A vault that others can read or write is refused with exit code 8.

    keywright.toml:

    It holds no secret and belongs into the repository of the project that it is
    about:

      project = "shop"
      environment = "development"
      
      [env]
      OPENAI_API_KEY = "openai"
      DSN = { key = "sentry", required = false }

    [env] says which variables the project needs and which key goes into each. `env`
    and `run` then hand out these keys instead of all that have a variable, and
    `check` says how they stand. A key that is not required may be missing. `init
    --project-file` writes such a file, `check --example` prints a .env.example from
    it.
    ---- stderr
    "#);
}

#[test]
fn of_commands_it_is_what_the_option_prints() {
    let env = TestEnv::empty();
    for (words, option) in [
        (&[] as &[&str], &["--help"] as &[&str]),
        (&["create"], &["create", "--help"]),
        (&["rm"], &["delete", "--help"]),
        (&["help"], &["help", "--help"]),
    ] {
        let helped = env.run([&["help"], words].concat());
        assert!(helped.success(), "{helped}");
        assert_eq!(helped.to_string(), env.run(option).to_string(), "{words:?}");
    }
}

#[test]
fn a_word_that_is_neither_is_refused() {
    let env = TestEnv::empty();
    let mut transcript = Transcript::default();
    for args in [
        &["help", "exit-code"] as &[&str],
        &["help", "create", "nothing"],
        &["help", "scopes", "files"],
        &["help", "scopes", "--json", "files"],
    ] {
        let outcome = env.run(args);
        assert_eq!(outcome.code(), Some(2), "{outcome}");
        transcript.refused(args, &outcome);
    }
    insta::assert_snapshot!(transcript, @r#"
    $ keywright help exit-code
    error: there is no such command or topic
    hint: the topics are environment, exit-codes, files, scopes; `keywright --help` lists the commands
    [exit 2]
    $ keywright help create nothing
    error: there is no such command or topic
    hint: the topics are environment, exit-codes, files, scopes; `keywright --help` lists the commands
    [exit 2]
    $ keywright help scopes files
    error: there is no such command or topic
    hint: the topics are environment, exit-codes, files, scopes; `keywright --help` lists the commands
    [exit 2]
    $ keywright help scopes --json files
    {"schema":1,"error":{"kind":"usage","exit_code":2,"message":"there is no such command or topic","causes":[],"hint":"the topics are environment, exit-codes, files, scopes; `keywright --help` lists the commands"}}
    [exit 2]
    "#);
}

#[test]
fn a_wrong_setting_does_not_stop_it() {
    let env = TestEnv::empty();
    env.write("keywright.toml", "environment = \"production\"");
    assert_eq!(env.run(["list"]).code(), Some(8));
    assert!(env.run(["help", "scopes"]).success());
    assert!(env.run(["help", "list"]).success());
    assert_eq!(env.run(["help", "nothing"]).code(), Some(2));
}

#[test]
fn colour_changes_no_word() {
    let env = TestEnv::empty();
    for topic in TOPICS {
        let plain = env.run(["help", topic]).stdout_text();
        let coloured = env.run(["help", topic, "--color", "always"]).stdout_text();
        assert!(!plain.contains('\u{1b}'), "{plain}");
        assert!(coloured.contains('\u{1b}'), "{coloured}");
        assert_eq!(env.screen(&coloured), plain);
    }
}

#[test]
fn a_terminal_gets_lines_of_its_width() {
    let env = TestEnv::empty();
    for topic in TOPICS {
        for columns in [60, 80, 200] {
            let command = env.asking(["help", topic]);
            let (status, screen) = Terminal::spawn_with(command, (columns, 24), |_| {}).wait();
            assert!(status.success(), "{screen}");
            let text = env.screen(&screen);
            let longest = text.lines().map(str::len).max().unwrap_or(0);
            let limit = usize::from(columns.min(100));
            assert!(
                longest <= limit && longest + 25 > limit,
                "{longest}: {text}"
            );
        }
    }
}

#[test]
fn a_usage_error_is_in_colour_where_it_may_be() {
    let env = TestEnv::empty();
    let told = |args: &[&str], change: &dyn Fn(&mut Command)| {
        let mut command = env.asking(args);
        change(&mut command);
        let (status, screen) = Terminal::spawn(command).wait();
        assert_eq!(status.code(), Some(2), "{screen}");
        screen
    };
    let wrong = ["lst"];
    let coloured = told(&wrong, &|_| {});
    for mark in ["error:", "tip:", "Usage:"] {
        let at = coloured.find(mark).expect("told");
        assert!(coloured[..at].trim_end().ends_with('m'), "{coloured:?}");
    }
    let plain = env.run(wrong).stderr();
    assert!(!plain.contains('\u{1b}'), "{plain}");
    assert_eq!(env.screen(&coloured), plain);
    for screen in [
        told(&wrong, &|command| {
            command.env("NO_COLOR", "1");
        }),
        told(&["lst", "--color", "never"], &|_| {}),
        told(&["--color=never", "lst"], &|_| {}),
    ] {
        assert!(!screen.contains('\u{1b}'), "{screen:?}");
    }
    let always = env.run(["--color", "always", "lst"]).stderr();
    assert!(always.contains('\u{1b}'), "{always:?}");
}

#[test]
fn an_argument_has_no_colours_or_lines_of_its_own() {
    let env = TestEnv::empty();
    let args = ["--color", "always", "list", "--kind", "\u{1b}[5mx\ntip: y"];
    let told = env.run(args).stderr();
    assert!(told.contains("'\\u{1b}[5mx\\u{a}tip: y'"), "{told:?}");
    assert!(!told.contains("\u{1b}[5m"), "{told:?}");
}

#[test]
fn help_options_take_the_colour_that_is_asked_for() {
    let env = TestEnv::empty();
    for args in [
        &["--color", "always", "-h"] as &[&str],
        &["list", "--color=always", "--help"],
    ] {
        assert!(env.run(args).stdout_text().contains('\u{1b}'), "{args:?}");
    }
    assert!(!env.run(["list", "--help"]).stdout_text().contains('\u{1b}'));
}
