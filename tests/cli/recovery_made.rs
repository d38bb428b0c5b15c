//! A recovery code is made and shown once, or there is none.

use std::process::Stdio;

use crate::change_passphrase::{AGAIN, NEW_QUESTION, OLD_QUESTION, answer, opens};
use crate::common::{Outcome, PASSPHRASE, TestEnv};
use crate::recovery::{code_opens, with_code};
use crate::show_once::{BROKEN, Broken, run_into};
use crate::terminal::Terminal;

const ADD: [&str; 2] = ["passphrase", "--add-recovery-code"];

/// The kinds of the vault's slots, sorted.
fn slots(env: &TestEnv) -> Vec<String> {
    let status = env.run(["status", "--json"]).json();
    let slots = status["slots"].as_array().expect("a vault").iter();
    let mut kinds: Vec<String> = slots
        .map(|slot| slot["kind"].as_str().expect("a kind").to_owned())
        .collect();
    kinds.sort();
    kinds
}

/// The code on standard output, which has nothing else.
#[track_caller]
fn code_of(outcome: &Outcome) -> String {
    assert!(outcome.success(), "{outcome}");
    let text = outcome.stdout_text();
    let code = text.strip_suffix('\n').expect("the line ends").to_owned();
    assert!(code.starts_with("kwr1-") && code.len() == 49, "{outcome}");
    assert!(!outcome.stderr().contains(&code[5..14]), "{outcome}");
    code
}

fn masked(outcome: &Outcome, code: &str) -> String {
    outcome.to_string().replace(code, "[CODE]")
}

#[test]
fn init_makes_one_and_prints_it_alone() {
    let env = TestEnv::empty();
    let made = env.run(["init", "--kdf", "test", "--recovery-code"]);
    let code = code_of(&made);
    insta::assert_snapshot!(masked(&made, &code), @"
    exit: 0
    ---- stdout
    [CODE]
    ---- stderr
    Made the vault `[HOME]/.config/keywright/vault.db`
    Made a recovery code, shown this once: it opens all of the vault, without the passphrase
    Write it down, and keep it away from the vault and its copies
    ");
    assert!(opens(&env, PASSPHRASE) && code_opens(&env, &code));
    assert_eq!(slots(&env).len(), 2);
    let quiet = [
        "init",
        "--kdf",
        "test",
        "--recovery-code",
        "-q",
        "--vault",
        "quiet.db",
    ];
    let quiet = env.run(quiet);
    assert!(quiet.stderr().is_empty(), "{quiet}");
    assert_ne!(code_of(&quiet), code);
    let json = [
        "init",
        "--kdf",
        "test",
        "--recovery-code",
        "--json",
        "--vault",
        "json.db",
    ];
    let json = env.run(json);
    let code = json.json()["recovery_code"]
        .as_str()
        .expect("a code")
        .to_owned();
    insta::assert_snapshot!(masked(&json, &code), @r#"
    exit: 0
    ---- stdout
    {
      "dry_run": false,
      "recovery_code": "[CODE]",
      "schema": 1,
      "vault": "json.db",
      "vault_id": "[VAULT-ID]"
    }
    ---- stderr
    "#);
    // It is said in the log that there is one.
    insta::assert_snapshot!(env.run(["audit", "--limit", "1"]), @"
    exit: 0
    ---- stdout
    TIME                  WHAT  CODE  KEY  SCOPE  GENERATION  ACTOR  DETAIL
    [-------TIME-------]  init  -     -    -      -           tester@[HOST]  with a recovery code
    ---- stderr
    ");
    let again = env.run(["init", "--kdf", "test", "--recovery-code"]);
    assert_eq!(again.code(), Some(4), "{again}");
    assert!(again.stdout().is_empty(), "{again}");
}

#[test]
fn dry_runs_make_none() {
    let env = TestEnv::empty();
    insta::assert_snapshot!(env.run(["init", "--recovery-code", "--dry-run"]), @"
    exit: 0
    ---- stdout
    ---- stderr
    Would make the vault `[HOME]/.config/keywright/vault.db`
    Would make a recovery code
    ");
    assert!(!env.vault().exists());
    let env = TestEnv::new();
    let before = env.files();
    insta::assert_snapshot!(env.run([&ADD[..], &["--dry-run"]].concat()), @"
    exit: 0
    ---- stdout
    ---- stderr
    Would make a recovery code
    ");
    insta::assert_snapshot!(env.run([&ADD[..], &["--dry-run", "--json"]].concat()), @r#"
    exit: 0
    ---- stdout
    {
      "dry_run": true,
      "outcome": "recovery_code_made",
      "replaced": false,
      "schema": 1
    }
    ---- stderr
    "#);
    assert_eq!(env.files(), before);
    let (env, code) = with_code();
    let before = env.vault_bytes();
    insta::assert_snapshot!(env.run([&ADD[..], &["--dry-run"]].concat()), @"
    exit: 0
    ---- stdout
    ---- stderr
    Would make a recovery code, and the one there is would open nothing any more
    ");
    assert!(env.vault_bytes() == before && code_opens(&env, &code));
}

#[test]
fn a_vault_without_one_gets_one_and_nobody_is_asked() {
    let env = TestEnv::new();
    let made = env.run(ADD);
    let code = code_of(&made);
    insta::assert_snapshot!(masked(&made, &code), @"
    exit: 0
    ---- stdout
    [CODE]
    ---- stderr
    Made a recovery code, shown this once: it opens all of the vault, without the passphrase
    Write it down, and keep it away from the vault and its copies
    ");
    assert!(opens(&env, PASSPHRASE) && code_opens(&env, &code));
}

#[test]
fn a_new_one_replaces_the_old_one_once_that_is_confirmed() {
    let (env, old) = with_code();
    let before = env.vault_bytes();
    let refused = env.run(ADD);
    assert_eq!(refused.code(), Some(6), "{refused}");
    assert!(refused.stdout().is_empty() && env.vault_bytes() == before);
    let made = env.run([&ADD[..], &["--yes"]].concat());
    let new = code_of(&made);
    insta::assert_snapshot!(masked(&made, &new), @"
    exit: 0
    ---- stdout
    [CODE]
    ---- stderr
    Made a recovery code, shown this once: it opens all of the vault, without the passphrase
    Write it down, and keep it away from the vault and its copies
    The one before opens nothing any more but copies of the vault from before
    ");
    assert!(code_opens(&env, &new) && !code_opens(&env, &old));
    assert_eq!(slots(&env).len(), 2);
    let json = env.run([&ADD[..], &["--yes", "--json"]].concat());
    let last = json.json()["recovery_code"]
        .as_str()
        .expect("a code")
        .to_owned();
    insta::assert_snapshot!(masked(&json, &last), @r#"
    exit: 0
    ---- stdout
    {
      "dry_run": false,
      "outcome": "recovery_code_made",
      "recovery_code": "[CODE]",
      "replaced": true,
      "schema": 1
    }
    ---- stderr
    "#);
    assert!(code_opens(&env, &last) && !code_opens(&env, &new));
}

#[test]
fn at_a_terminal_it_is_asked_and_the_code_is_on_the_screen() {
    let (env, old) = with_code();
    let mut screens = Vec::new();
    for (key, status) in [("n\r", 6), ("y\r", 0)] {
        let mut terminal = Terminal::spawn(env.asking(ADD));
        answer(&mut terminal, OLD_QUESTION, &format!("{PASSPHRASE}\n"));
        terminal.expect_question();
        terminal.send(key);
        let (ended, screen) = terminal.wait();
        assert_eq!(ended.code(), Some(status), "{screen}");
        let screen = env.screen(&screen);
        let code = screen.lines().find(|line| line.starts_with("kwr1-"));
        assert_eq!(code.is_some(), status == 0, "{screen}");
        assert_eq!(code_opens(&env, &old), status != 0);
        let code = code.unwrap_or("nothing is called so");
        screens.push(screen.replace(code, "[CODE]"));
    }
    insta::assert_snapshot!(screens.join("---- yes\n"), @"
    Passphrase: 
    Make a new recovery code; what stops working now: the one there is, but for copies of the vault from before
    Go on? [y/N] n
    error: not confirmed; nothing was changed
    ---- yes
    Passphrase: 
    Make a new recovery code; what stops working now: the one there is, but for copies of the vault from before
    Go on? [y/N] y
    [CODE]
    Made a recovery code, shown this once: it opens all of the vault, without the passphrase
    Write it down, and keep it away from the vault and its copies
    The one before opens nothing any more but copies of the vault from before
    ");
}

/// The passphrase alone makes one: whoever has the old code sets a new passphrase first.
#[test]
fn a_wrong_passphrase_makes_none() {
    let (env, code) = with_code();
    let before = env.vault_bytes();
    for wrong in ["another one", &code] {
        env.write("passphrase", wrong);
        let refused = env.run([&ADD[..], &["--yes"]].concat());
        assert_eq!(refused.code(), Some(5), "{refused}");
        assert!(refused.stdout().is_empty(), "{refused}");
    }
    assert!(env.vault_bytes() == before);
}

#[test]
fn what_could_not_be_printed_is_in_no_vault() {
    let init = ["init", "--kdf", "test", "--recovery-code"];
    for broken in BROKEN {
        for options in [&[] as &[&str], &["--json"], &["--quiet"]] {
            let env = TestEnv::empty();
            let outcome = run_into(&env, &[&init[..], options].concat(), broken);
            assert_eq!(outcome.code(), Some(1), "{broken:?}: {outcome}");
            let left = env.files();
            assert_eq!(left.len(), 1, "{broken:?}: {:?}", left.keys());

            let env = TestEnv::new();
            let before = env.vault_bytes();
            let outcome = run_into(&env, &[&ADD[..], options].concat(), broken);
            assert_eq!(outcome.code(), Some(1), "{broken:?}: {outcome}");
            assert_eq!(slots(&env), ["passphrase"], "{broken:?}");
            assert!(env.vault_bytes() == before);

            let (env, code) = with_code();
            let before = env.vault_bytes();
            let options = [&ADD[..], options, &["--yes"]].concat();
            let outcome = run_into(&env, &options, broken);
            assert_eq!(outcome.code(), Some(1), "{broken:?}: {outcome}");
            assert!(env.vault_bytes() == before && code_opens(&env, &code));
        }
    }
    let env = TestEnv::empty();
    insta::assert_snapshot!(run_into(&env, &init, Broken::Full), @"
    exit: 1
    ---- stdout
    ---- stderr
    error: the recovery code could not be handed over, and was not made
      caused by: No space left on device (os error 28)
    hint: no vault was made; run the command again
    ");
    let env = TestEnv::new();
    insta::assert_snapshot!(run_into(&env, &ADD, Broken::NobodyReads), @"
    exit: 1
    ---- stdout
    ---- stderr
    error: the recovery code could not be handed over, and was not made
      caused by: Broken pipe (os error 32)
    hint: what worked before works still
    ");
    // What a shell closes is open on /dev/null by then, as for every program: who asks for that gets it.
    let mut command = env.command(ADD);
    command.stdout(Stdio::null());
    let outcome = env.outcome(command.output().expect("it runs"));
    assert!(outcome.success(), "{outcome}");
}

#[test]
fn a_cancelled_answer_makes_none() {
    let init = ["init", "--kdf", "test", "--recovery-code"];
    for cancelled in [NEW_QUESTION, AGAIN] {
        let env = TestEnv::empty();
        let mut terminal = Terminal::spawn(env.asking(init));
        if cancelled == AGAIN {
            answer(&mut terminal, NEW_QUESTION, &format!("{PASSPHRASE}\n"));
        }
        answer(&mut terminal, cancelled, "\x03");
        let (status, screen) = terminal.wait();
        assert_eq!(status.code(), Some(130), "{screen}");
        assert!(
            !env.vault().exists() && !screen.contains("kwr1-"),
            "{screen}"
        );
    }
    let (env, code) = with_code();
    let before = env.vault_bytes();
    for is_asked in [false, true] {
        let mut terminal = Terminal::spawn(env.asking(ADD));
        if is_asked {
            answer(&mut terminal, OLD_QUESTION, &format!("{PASSPHRASE}\n"));
            terminal.expect_question();
            terminal.send("\x03");
        } else {
            answer(&mut terminal, OLD_QUESTION, "abc\x03");
        }
        let (status, screen) = terminal.wait();
        assert!(!status.success() && !screen.contains("kwr1-"), "{screen}");
        assert!(is_asked || status.code() == Some(130), "{screen}");
    }
    assert!(env.vault_bytes() == before && code_opens(&env, &code));
}
