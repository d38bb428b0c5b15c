//! The recovery code in use: a lost passphrase is replaced, a code is tested, and a slip may be mended.

use rusqlite::Connection;

use crate::change_passphrase::{AGAIN, NEW, NEW_QUESTION, answer, opens};
use crate::common::{PASSPHRASE, TestEnv};
use crate::terminal::Terminal;

const CODE_QUESTION: &str = "Recovery code: ";
const RECOVER: [&str; 4] = ["passphrase", "--recover", "--recovery-code-file", "code"];
pub(crate) const TEST: [&str; 4] = [
    "passphrase",
    "--test-recovery-code",
    "--recovery-code-file",
    "-",
];

/// With a vault and its recovery code, which is in no file.
pub(crate) fn with_code() -> (TestEnv, String) {
    let env = TestEnv::empty();
    let made = env.run(["init", "--kdf", "test", "--recovery-code"]);
    assert!(made.success(), "{made}");
    let code = made.stdout_text().trim_end().to_owned();
    (env, code)
}

/// Whether a code opens the vault; one that does not is a wrong one, and nothing else.
#[track_caller]
pub(crate) fn code_opens(env: &TestEnv, code: &str) -> bool {
    let outcome = env.run_with_stdin(TEST, code);
    assert!(matches!(outcome.code(), Some(0 | 5)), "{outcome}");
    outcome.success()
}

/// A code with one character another, so that it is none.
pub(crate) fn mistyped(code: &str) -> String {
    let last = if code.ends_with('0') { "1" } else { "0" };
    format!("{}{last}", &code[..code.len() - 1])
}

/// The ways to write a code that people have.
pub(crate) fn spellings(code: &str) -> Vec<String> {
    vec![
        code.to_owned(),
        code.to_lowercase(),
        code.replace('-', ""),
        code.replace('-', " "),
        code["kwr1-".len()..].to_owned(),
        code.to_lowercase().replace('0', "O").replace('1', "l"),
        format!("  {}", code.replace('0', "o").replace('1', "i")),
    ]
}

/// A new passphrase by the code typed at a terminal.
#[track_caller]
fn recover(env: &TestEnv, typed: &str, new: &str) -> String {
    let mut terminal = Terminal::spawn(env.asking(["passphrase", "--recover"]));
    terminal.expect(CODE_QUESTION);
    assert!(!terminal.echo_is_on());
    terminal.send(format!("{typed}\n"));
    answer(&mut terminal, NEW_QUESTION, &format!("{new}\n"));
    answer(&mut terminal, AGAIN, &format!("{new}\n"));
    let (status, screen) = terminal.wait();
    assert!(status.success(), "{typed}: {screen}");
    assert!(terminal.echo_is_on());
    screen
}

#[test]
fn a_lost_passphrase_is_replaced_by_one_that_was_noted_from_the_screen() {
    let env = TestEnv::empty();
    let mut terminal = Terminal::spawn(env.asking(["init", "--kdf", "test", "--recovery-code"]));
    answer(&mut terminal, NEW_QUESTION, &format!("{PASSPHRASE}\n"));
    answer(&mut terminal, AGAIN, &format!("{PASSPHRASE}\n"));
    let (status, screen) = terminal.wait();
    assert!(status.success(), "{screen}");
    let code = screen
        .lines()
        .find(|line| line.starts_with("kwr1-"))
        .expect("a code");
    assert_eq!(code.len(), 49, "{code}");
    insta::assert_snapshot!(env.screen(&screen).replace(code, "[CODE]"), @"
    Choose a passphrase, or press Enter to have six random words made for you.
    New passphrase: 
    The same again: 
    [CODE]
    Made the vault `[HOME]/.config/keywright/vault.db`
    Made a recovery code, shown this once: it opens all of the vault, without the passphrase
    Write it down, and keep it away from the vault and its copies
    ");
    env.set(["openai"], "sk-0123456789abcdef");
    let token = env.create(["deploy"]);

    let mut old = PASSPHRASE.to_owned();
    for (at, typed) in spellings(code).iter().enumerate() {
        let new = format!("{NEW} {at}");
        let screen = recover(&env, typed, &new);
        insta::allow_duplicates! {
            insta::assert_snapshot!(env.screen(&screen), @"
            Recovery code: 
            Choose a passphrase, or press Enter to have six random words made for you.
            New passphrase: 
            The same again: 
            Changed the passphrase
              recovery code    opens the vault as before; `keywright passphrase --add-recovery-code` replaces it
            ");
        }
        assert!(opens(&env, &new) && !opens(&env, &old), "{typed}");
        old = new;
    }
    env.write("passphrase", &old);
    assert_eq!(env.run(["get", "openai"]).stdout(), b"sk-0123456789abcdef");
    assert_eq!(env.code(&token), "valid");
    // It is as good as before.
    assert!(code_opens(&env, code));
}

#[test]
fn a_script_gives_the_code_and_the_new_passphrase() {
    let (env, code) = with_code();
    // Another passphrase in the environment is not looked at, and not missed.
    env.write("passphrase", "forgotten");
    env.write("code", format!("{code}\nwritten on paper, too\n"));
    insta::assert_snapshot!(env.run_with_stdin([&RECOVER[..], &["--new-passphrase-fd", "0"]].concat(), NEW), @"
    exit: 0
    ---- stdout
    ---- stderr
    Changed the passphrase
      recovery code    opens the vault as before; `keywright passphrase --add-recovery-code` replaces it
    ");
    assert!(opens(&env, NEW) && !opens(&env, PASSPHRASE));

    let both = format!("{code}\n{PASSPHRASE}\n");
    let args = [
        "passphrase",
        "--recover",
        "--recovery-code-file",
        "-",
        "--new-passphrase-fd",
        "0",
    ];
    insta::assert_snapshot!(env.run_with_stdin([&args[..], &["--json"]].concat(), &both), @r#"
    exit: 0
    ---- stdout
    {
      "dropped_access_tokens": [],
      "dropped_recovery_code": false,
      "dry_run": false,
      "kdf_memory_mib": 8,
      "kdf_passes": 1,
      "outcome": "changed",
      "schema": 1
    }
    ---- stderr
    "#);
    assert!(opens(&env, PASSPHRASE) && !opens(&env, NEW));
    // As a file, and with a descriptor of the old passphrase that is not asked for.
    env.write("both", both.replace(PASSPHRASE, NEW));
    let script = "\"$0\" passphrase --recover --recovery-code-file - --new-passphrase-fd 0 --passphrase-fd 0 < both";
    let mut shell = env.program("sh");
    shell.args(["-c", script, env!("CARGO_BIN_EXE_keywright")]);
    let outcome = env.finish(shell, "");
    assert!(outcome.success(), "{outcome}");
    assert!(opens(&env, NEW) && !opens(&env, PASSPHRASE));
    // The first line of another descriptor is the new passphrase, whatever the old one would come from.
    env.write("new", format!("{PASSPHRASE}\nnot this line\n"));
    let script = "\"$0\" passphrase --recover --recovery-code-file code --new-passphrase-fd 3 --passphrase-fd 3 3< new";
    let mut shell = env.program("sh");
    shell.args(["-c", script, env!("CARGO_BIN_EXE_keywright")]);
    let outcome = env.finish(shell, "");
    assert!(outcome.success(), "{outcome}");
    assert!(opens(&env, PASSPHRASE));
}

#[test]
fn a_dry_run_tries_the_code_and_changes_nothing() {
    let (env, code) = with_code();
    env.write("code", &code);
    let before = env.vault_bytes();
    let args = [&RECOVER[..], &["--new-passphrase-fd", "0", "--dry-run"]].concat();
    insta::assert_snapshot!(env.run_with_stdin(args, NEW), @"
    exit: 0
    ---- stdout
    ---- stderr
    Would change the passphrase
      recovery code    opens the vault as before; `keywright passphrase --add-recovery-code` replaces it
    ");
    assert!(env.vault_bytes() == before);
}

#[test]
fn after_a_compromise_the_code_is_dropped() {
    let (env, code) = with_code();
    env.write("code", &code);
    let args = [&RECOVER[..], &["--new-passphrase-fd", "0", "--compromised"]].concat();
    let unconfirmed = env.run_with_stdin(&args, NEW);
    assert_eq!(unconfirmed.code(), Some(6), "{unconfirmed}");
    assert!(code_opens(&env, &code));
    insta::assert_snapshot!(env.run_with_stdin([&args[..], &["--yes"]].concat(), NEW), @"
    exit: 0
    ---- stdout
    ---- stderr
    Changed the passphrase and sealed everything anew
      recovery code    dropped, to be made again
      issued tokens    stay valid
      recorded uses    are still counted; who, when and how of those until now cannot be read any more
    Copies of the vault from before still open with what opened them then: rotate the provider keys that somebody may have read
    ");
    assert!(opens(&env, NEW) && !opens(&env, PASSPHRASE));
    insta::assert_snapshot!(env.run_with_stdin(TEST, &code), @"
    exit: 5
    ---- stdout
    ---- stderr
    error: this vault has no recovery code
    hint: `keywright passphrase --add-recovery-code` makes one; it needs the passphrase
    ");
}

#[test]
fn a_code_is_tested_and_nothing_is_changed() {
    let (env, code) = with_code();
    let before = env.files();
    insta::assert_snapshot!(env.run_with_stdin(TEST, &code), @"
    exit: 0
    ---- stdout
    ---- stderr
    This recovery code opens the vault `[HOME]/.config/keywright/vault.db`
    ");
    insta::assert_snapshot!(env.run_with_stdin([&TEST[..], &["--json"]].concat(), &code), @r#"
    exit: 0
    ---- stdout
    {
      "outcome": "opens",
      "schema": 1,
      "vault": "[HOME]/.config/keywright/vault.db",
      "vault_id": "[VAULT-ID]"
    }
    ---- stderr
    "#);
    let mut terminal = Terminal::spawn(env.asking(["passphrase", "--test-recovery-code"]));
    answer(&mut terminal, CODE_QUESTION, &format!("{code}\n"));
    let (status, screen) = terminal.wait();
    assert!(status.success(), "{screen}");
    // Standard input that is a terminal is asked as one: nothing is echoed.
    let mut terminal = Terminal::spawn(env.asking(TEST));
    terminal.expect(CODE_QUESTION);
    assert!(!terminal.echo_is_on());
    terminal.send(format!("{code}\n"));
    let (status, screen) = terminal.wait();
    assert!(status.success() && !screen.contains(&code), "{screen}");
    assert_eq!(env.files(), before);
}

/// The slot opens, but what it opens was altered.
#[test]
fn a_test_looks_at_the_whole_vault() {
    let (env, code) = with_code();
    let file = Connection::open(env.vault()).expect("it opens");
    let dropped = file.execute("DELETE FROM slot WHERE kind = 1", []);
    assert_eq!(dropped.expect("deleted"), 1);
    drop(file);
    let outcome = env.run_with_stdin(TEST, &code);
    assert_eq!(outcome.code(), Some(7), "{outcome}");
    env.write("code", &code);
    let args = [&RECOVER[..], &["--new-passphrase-fd", "0"]].concat();
    let outcome = env.run_with_stdin(args, NEW);
    assert_eq!(outcome.code(), Some(7), "{outcome}");
}

#[test]
fn a_slip_at_the_terminal_may_be_mended_twice() {
    let (env, code) = with_code();
    let slip = format!("{}\n", mistyped(&code));
    let before = env.vault_bytes();
    let mut screens = Vec::new();
    for (slips, last, status) in [
        (1, "", 0),
        (2, "", 0),
        (2, slip.as_str(), 5),
        (2, &format!("{}\n", "x".repeat(2000)), 5),
    ] {
        let mut terminal = Terminal::spawn(env.asking(["passphrase", "--test-recovery-code"]));
        for _ in 0..slips {
            answer(&mut terminal, CODE_QUESTION, &slip);
        }
        let right = format!("{code}\n");
        let last = if last.is_empty() { &right } else { last };
        answer(&mut terminal, CODE_QUESTION, last);
        let (ended, screen) = terminal.wait();
        assert_eq!(ended.code(), Some(status), "{screen}");
        assert!(terminal.echo_is_on() && !screen.contains(&code[10..]));
        screens.push(env.screen(&screen));
    }
    assert!(env.vault_bytes() == before);
    insta::assert_snapshot!(screens[1..3].join("----\n"), @"
    Recovery code: 
    This is no recovery code: a character is wrong or missing. Try again.
    Recovery code: 
    This is no recovery code: a character is wrong or missing. Try again.
    Recovery code: 
    This recovery code opens the vault `[HOME]/.config/keywright/vault.db`
    ----
    Recovery code: 
    This is no recovery code: a character is wrong or missing. Try again.
    Recovery code: 
    This is no recovery code: a character is wrong or missing. Try again.
    Recovery code: 
    error: this is no recovery code: a character is wrong or missing
    hint: it has nine groups of four characters after `kwr1`; O counts as 0, I and L as 1
    ");

    // A right one of another vault is no slip.
    let (_, other) = with_code();
    let mut terminal = Terminal::spawn(env.asking(["passphrase", "--recover"]));
    answer(&mut terminal, CODE_QUESTION, &format!("{other}\n"));
    let (ended, screen) = terminal.wait();
    assert_eq!(ended.code(), Some(5), "{screen}");
    assert!(!screen.contains(NEW_QUESTION), "{screen}");
}

#[test]
fn a_cancelled_answer_changes_nothing() {
    let (env, code) = with_code();
    let before = env.vault_bytes();
    let answers = [
        (CODE_QUESTION, format!("{code}\n")),
        (NEW_QUESTION, format!("{NEW}\n")),
        (AGAIN, format!("{NEW}\n")),
    ];
    for (option, asked) in [("--recover", 3), ("--test-recovery-code", 1)] {
        for last in 0..asked {
            let mut terminal = Terminal::spawn(env.asking(["passphrase", option]));
            for (question, keys) in &answers[..last] {
                answer(&mut terminal, question, keys);
            }
            answer(&mut terminal, answers[last].0, "abc\x03");
            let (status, screen) = terminal.wait();
            assert_eq!(status.code(), Some(130), "{option} {last}: {screen}");
            assert!(terminal.echo_is_on(), "{option} {last}");
            assert!(env.vault_bytes() == before, "{option} {last}");
        }
    }
}
