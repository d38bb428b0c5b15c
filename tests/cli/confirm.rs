//! Questions before something stops working.

use std::os::unix::process::ExitStatusExt;

use rustix::process::Signal;

use crate::common::{TestEnv, Transcript};
use crate::terminal::Terminal;

/// Commands that ask, with what they do to the key.
const ASKING: [&[&str]; 5] = [
    &["delete", "deploy"],
    &["delete", "openai"],
    &["revoke", "deploy"],
    &["revoke", "openai"],
    &["rotate", "deploy"],
];

fn with_keys() -> (TestEnv, String) {
    let env = TestEnv::new();
    let token = env.create(["deploy"]);
    env.set(["openai"], "sk-0123456789abcdef");
    (env, token)
}

#[test]
fn every_answer_but_yes_changes_nothing() {
    let (env, token) = with_keys();
    let before = env.vault_bytes();
    for args in ASKING {
        for keys in ["n\r", "N\r", "\r", "no\r", " No \r", "x\x7fn\r"] {
            let mut terminal = Terminal::spawn(env.unlocked(args));
            terminal.expect_question();
            terminal.send(keys);
            let (status, screen) = terminal.wait();
            assert_eq!(status.code(), Some(6), "{args:?} {keys:?}: {screen}");
            let said = env.screen(&screen);
            assert!(
                said.ends_with("error: not confirmed; nothing was changed\n"),
                "{said}"
            );
            assert!(terminal.echo_is_on());
        }
    }
    assert!(env.vault_bytes() == before);
    assert_eq!(env.code(&token), "valid");
}

#[test]
fn only_a_whole_yes_confirms() {
    let (env, token) = with_keys();
    let before = env.vault_bytes();
    for keys in [
        "no way\r",
        "nay\r",
        "maybe\r",
        "ye\r",
        "yy\r",
        "y n\r",
        "yes please\r",
        "\x1by\r",
        "curl -H 'X-Key: y' https://example.com/\r",
        "first line\ry\ryes\r",
        "\u{1b}[200~y\ry\r\u{1b}[201~\r",
        &format!("{}y\r", "y".repeat(2000)),
    ] {
        let mut terminal = Terminal::spawn(env.unlocked(["delete", "deploy"]));
        terminal.expect_question();
        terminal.send(keys);
        let (status, screen) = terminal.wait();
        assert_eq!(status.code(), Some(6), "{keys:?}: {screen}");
        let said = env.screen(&screen);
        assert!(
            said.ends_with(
                "error: not confirmed; nothing was changed\nhint: only `y` or `yes` confirms\n"
            ),
            "{said}"
        );
        assert!(terminal.echo_is_on());
        // No later line of a paste becomes a command of the shell.
        assert_eq!(terminal.unread(), 0, "{keys:?}");
    }
    assert!(env.vault_bytes() == before);
    assert_eq!(env.code(&token), "valid");
    for keys in ["Y\r", " yes \r", "YES\n", "no\x7f\x7fy\r", "nay\x15yes\r"] {
        env.create(["other"]);
        let mut terminal = Terminal::spawn(env.unlocked(["delete", "other"]));
        terminal.expect_question();
        terminal.send(keys);
        let (status, screen) = terminal.wait();
        assert!(status.success(), "{keys:?}: {screen}");
    }
}

#[test]
fn an_answer_is_seen_while_it_is_typed() {
    let (env, _) = with_keys();
    let mut terminal = Terminal::spawn(env.unlocked(["delete", "deploy"]));
    terminal.expect_question();
    terminal.send("no way");
    terminal.expect("no way");
    terminal.send("\r");
    let (_, screen) = terminal.wait();
    insta::assert_snapshot!(env.screen(&screen), @"
    Delete issued key `deploy` in default/development for good: its tokens stop working now (never used)
    Go on? [y/N] no way
    error: not confirmed; nothing was changed
    hint: only `y` or `yes` confirms
    ");
}

#[test]
fn the_end_of_input_is_no() {
    let (env, token) = with_keys();
    for keys in ["\x04", "y\x04\x04"] {
        let mut terminal = Terminal::spawn(env.unlocked(["delete", "deploy"]));
        terminal.expect_question();
        terminal.send(keys);
        let (status, screen) = terminal.wait();
        assert_eq!(status.code(), Some(6), "{keys:?}: {screen}");
        let said = env.screen(&screen);
        assert!(
            said.ends_with("\nerror: not confirmed; nothing was changed\n"),
            "{said}"
        );
    }
    assert_eq!(env.code(&token), "valid");
}

#[test]
fn ctrl_c_and_signals_change_nothing_and_leave_the_terminal_as_it_was() {
    let (env, token) = with_keys();
    let before = env.vault_bytes();
    for args in ASKING {
        let mut terminal = Terminal::spawn(env.unlocked(args));
        terminal.expect_question();
        terminal.send("\x03");
        let (status, screen) = terminal.wait();
        // A shell sees 130, as it does of every program that Ctrl-C ends.
        assert_eq!(status.signal(), Some(2), "{args:?}: {screen:?}");
        assert!(terminal.echo_is_on());
    }
    for signal in [Signal::TERM, Signal::HUP, Signal::INT, Signal::QUIT] {
        let mut terminal = Terminal::spawn(env.unlocked(["rotate", "deploy"]));
        terminal.expect_question();
        terminal.signal(signal);
        let (status, screen) = terminal.wait();
        assert_eq!(status.signal(), Some(signal.as_raw()), "{screen:?}");
        assert!(terminal.echo_is_on());
    }
    assert!(env.vault_bytes() == before);
    assert_eq!(env.code(&token), "valid");
}

#[test]
fn a_question_names_what_will_stop_working_and_when_it_was_last_used() {
    let (env, token) = with_keys();
    assert!(env.run_with_stdin(["verify"], &token).success());
    let mut asked = String::new();
    for args in [
        &["delete", "deploy"] as &[&str],
        &["delete", "openai"],
        &["revoke", "deploy"],
        &["revoke", "openai"],
        &["rotate", "deploy"],
        &["rotate", "deploy", "--overlap", "24h"],
    ] {
        let mut terminal = Terminal::spawn(env.unlocked(args));
        terminal.expect_question();
        terminal.send("n\r");
        let (_, screen) = terminal.wait();
        asked.push_str(&env.screen(&screen));
    }
    insta::assert_snapshot!(asked, @"
    Delete issued key `deploy` in default/development for good: its tokens stop working now (last used just now)
    Go on? [y/N] n
    error: not confirmed; nothing was changed
    Delete provider key `openai` in default/development for good: its value is gone (never used)
    Go on? [y/N] n
    error: not confirmed; nothing was changed
    Revoke issued key `deploy` in default/development: its tokens stop working now (last used just now)
    Go on? [y/N] n
    error: not confirmed; nothing was changed
    Revoke provider key `openai` in default/development: its value is no longer handed out (never used)
    Go on? [y/N] n
    error: not confirmed; nothing was changed
    Rotate `deploy` in default/development: its present token stops working now (last used just now)
    Go on? [y/N] n
    error: not confirmed; nothing was changed
    Rotate `deploy` in default/development: its present token stops working in 24 h (last used just now)
    Go on? [y/N] n
    error: not confirmed; nothing was changed
    ");
}

#[test]
fn yes_does_it() {
    let (env, token) = with_keys();
    let confirmed = |args: &[&str]| {
        let mut terminal = Terminal::spawn(env.unlocked(args));
        terminal.expect_question();
        terminal.send("y\r");
        let (status, screen) = terminal.wait();
        assert!(status.success(), "{args:?}: {screen:?}");
        env.screen(&screen)
    };
    insta::assert_snapshot!(confirmed(&["rotate", "deploy"]), @"
    Rotate `deploy` in default/development: its present token stops working now (never used)
    Go on? [y/N] y
    [TOKEN]
    Rotated `deploy` in default/development
      previous     no longer works
      expires      in 90 d, [-------TIME-------]
      token        shown this once; keep it where it is needed
    ");
    assert_eq!(env.code(&token), "rotated");
    let overlap = ["rotate", "deploy", "--yes", "--overlap", "24h"];
    assert!(env.run(overlap).success());
    // The end of an earlier overlap is in the question, and not said once more.
    insta::assert_snapshot!(confirmed(&["rotate", "deploy"]), @"
    Rotate `deploy` in default/development: its present token stops working now, and the one before, which was to work until [-------TIME-------], stops now (never used)
    Go on? [y/N] y
    [TOKEN]
    Rotated `deploy` in default/development
      previous     no longer works
      expires      in 90 d, [-------TIME-------]
      token        shown this once; keep it where it is needed
    ");
    insta::assert_snapshot!(confirmed(&["revoke", "deploy"]), @"
    Revoke issued key `deploy` in default/development: its tokens stop working now (never used)
    Go on? [y/N] y
    Revoked issued key `deploy` in default/development
    ");
    assert_eq!(env.code(&token), "revoked");
    insta::assert_snapshot!(confirmed(&["delete", "deploy"]), @"
    Delete issued key `deploy` in default/development for good: its tokens stop working now (never used)
    Go on? [y/N] y
    Deleted issued key `deploy` in default/development
    ");
    assert_eq!(env.names(), ["openai"]);
}

#[test]
fn another_value_asks_and_the_same_value_does_not() {
    let (env, _) = with_keys();
    let replace = |value: &str| {
        let mut terminal = Terminal::spawn(env.unlocked(["set", "openai"]));
        terminal.expect("Value: ");
        terminal.send(format!("{value}\n"));
        terminal
    };
    let (status, screen) = replace("sk-0123456789abcdef").wait();
    assert!(status.success(), "{screen}");
    insta::assert_snapshot!(env.screen(&screen), @r"
    Value: 
    `openai` in default/development is unchanged
    ");

    let mut terminal = replace("sk-another-value-0123");
    terminal.expect_question();
    terminal.send("n\r");
    let (status, screen) = terminal.wait();
    assert_eq!(status.code(), Some(6), "{screen}");
    insta::assert_snapshot!(env.screen(&screen), @"
    Value: 
    Replace the value of `openai` in default/development (never used)
    Go on? [y/N] n
    error: not confirmed; nothing was changed
    ");
    assert_eq!(env.run(["get", "openai"]).stdout(), b"sk-0123456789abcdef");

    let mut terminal = replace("sk-another-value-0123");
    terminal.expect_question();
    terminal.send("y\r");
    let (status, screen) = terminal.wait();
    assert!(status.success(), "{screen}");
    assert_eq!(
        env.run(["get", "openai"]).stdout(),
        b"sk-another-value-0123"
    );
}

#[test]
fn the_end_of_an_overlap_is_confirmed() {
    let (env, old) = with_keys();
    let _ = env
        .run(["rotate", "deploy", "--overlap", "1h", "--yes"])
        .token();
    let mut terminal = Terminal::spawn(env.unlocked(["rotate", "deploy", "--finish"]));
    terminal.expect_question();
    terminal.send("n\r");
    let (status, screen) = terminal.wait();
    assert_eq!(status.code(), Some(6), "{screen}");
    insta::assert_snapshot!(env.screen(&screen), @"
    End the overlap of `deploy` in default/development: its previous token stops working now (never used)
    Go on? [y/N] n
    error: not confirmed; nothing was changed
    ");
    assert_eq!(env.code(&old), "valid");
}

#[test]
fn without_a_terminal_yes_has_to_be_an_option() {
    let (env, token) = with_keys();
    let told = env.refusals([
        &["delete", "deploy"] as &[&str],
        &["revoke", "deploy"],
        &["rotate", "deploy"],
        &["rotate", "openai"],
        &["set", "openai"],
        &["delete", "deploy", "--json"],
    ]);
    insta::assert_snapshot!(told, @r#"
    $ keywright delete deploy
    error: this needs a confirmation, and nobody can be asked
    hint: --yes confirms it beforehand
    [exit 6]
    $ keywright revoke deploy
    error: this needs a confirmation, and nobody can be asked
    hint: --yes confirms it beforehand
    [exit 6]
    $ keywright rotate deploy
    error: this needs a confirmation, and nobody can be asked
    hint: --yes confirms it beforehand
    [exit 6]
    $ keywright rotate openai
    error: this needs a confirmation, and nobody can be asked
    hint: --yes confirms it beforehand
    [exit 6]
    $ keywright set openai
    error: this needs a confirmation, and nobody can be asked
    hint: --yes confirms it beforehand
    [exit 6]
    $ keywright delete deploy --json
    {"schema":1,"error":{"kind":"not_confirmed","exit_code":6,"message":"this needs a confirmation, and nobody can be asked","causes":[],"hint":"--yes confirms it beforehand"}}
    [exit 6]
    "#);
    assert_eq!(env.code(&token), "valid");
    // A `y` on standard input is no answer.
    let piped = env.run_with_stdin(["delete", "deploy"], "y\n");
    assert_eq!(piped.code(), Some(6), "{piped}");
}

#[test]
fn dry_runs_ask_nothing_and_change_nothing() {
    let (env, token) = with_keys();
    assert!(env.run_with_stdin(["verify"], &token).success());
    let before = env.vault_bytes();
    let mut told = Transcript::default();
    for args in [
        &["delete", "deploy", "-n"] as &[&str],
        &["delete", "openai", "--dry-run"],
        &["revoke", "deploy", "-n"],
        &["rotate", "deploy", "-n"],
        &["rotate", "deploy", "-n", "--overlap", "24h"],
        &["rotate", "openai", "-n"],
        &["set", "openai", "-n"],
        &["set", "new", "-n"],
        &["create", "new", "-n", "--default"],
        &["create", "deploy", "-n"],
        &["init", "-n", "--vault", "new.db"],
    ] {
        let outcome = env.run_with_stdin(args, "sk-another-value-0123");
        told.add(args, &outcome);
        assert!(env.vault_bytes() == before, "{args:?}");
    }
    assert!(!env.path("new.db").exists());
    insta::assert_snapshot!(told, @"
    $ keywright delete deploy -n
    Would delete issued key `deploy` in default/development
    [exit 0]
    $ keywright delete openai --dry-run
    Would delete provider key `openai` in default/development
    [exit 0]
    $ keywright revoke deploy -n
    Would revoke issued key `deploy` in default/development
    [exit 0]
    $ keywright rotate deploy -n
    Would rotate `deploy` in default/development: its present token stops working now (last used just now)
    [exit 0]
    $ keywright rotate deploy -n --overlap 24h
    Would rotate `deploy` in default/development: its present token stops working in 24 h (last used just now)
    [exit 0]
    $ keywright rotate openai -n
    Would replace the value of `openai` in default/development (never used)
    [exit 0]
    $ keywright set openai -n
    Would replace the value of `openai` in default/development
    [exit 0]
    $ keywright set new -n
    Would store provider key `new` in default/development
    [exit 0]
    $ keywright create new -n --default
    Would create issued key `new` in default/development
      permissions  read (by default)
      expires      in 90 d, [-------TIME-------] (by default)
      default      of default/development
    [exit 0]
    $ keywright create deploy -n
    error: issued key `deploy` already exists in default/development
    hint: choose another name; `keywright rotate` gives that key a new token, `keywright delete` makes room
    [exit 4]
    $ keywright init -n --vault new.db
    Would make the vault `new.db`
    [exit 0]
    ");
    for args in [
        &["delete", "deploy", "-n", "--json"] as &[&str],
        &["revoke", "deploy", "-n", "--json"],
        &["rotate", "deploy", "-n", "--json"],
        &["set", "openai", "-n", "--json"],
        &["create", "new", "-n", "--json"],
    ] {
        let outcome = env.run_with_stdin(args, "sk-another-value-0123");
        assert_eq!(outcome.json()["dry_run"], true, "{outcome}");
        assert!(outcome.json().get("token").is_none(), "{outcome}");
        assert!(env.vault_bytes() == before, "{args:?}");
    }
}

#[test]
fn what_was_typed_before_the_question_is_no_answer() {
    let (env, token) = with_keys();
    let mut terminal = Terminal::spawn(env.unlocked(["delete", "deploy"]));
    terminal.send("y\r");
    terminal.expect_question();
    terminal.send("n\r");
    let (status, screen) = terminal.wait();
    assert_eq!(status.code(), Some(6), "{screen}");
    assert_eq!(env.code(&token), "valid");
}
