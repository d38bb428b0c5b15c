//! A new passphrase: where it comes from, when it is refused, and what is left as it was.

use std::process::Command;

use crate::common::{Outcome, PASSPHRASE, TestEnv, Transcript};
use crate::terminal::Terminal;

pub(crate) const NEW: &str = "seven maples guard quiet lanterns";

pub(crate) const OLD_QUESTION: &str = "Passphrase: ";
pub(crate) const NEW_QUESTION: &str = "New passphrase: ";
pub(crate) const AGAIN: &str = "The same again: ";

/// Whether a passphrase opens the vault; one that does not is a wrong one, and nothing else.
#[track_caller]
pub(crate) fn opens(env: &TestEnv, passphrase: &str) -> bool {
    env.write("tried", passphrase);
    let outcome = env.run(["list", "--passphrase-file", "tried"]);
    assert!(matches!(outcome.code(), Some(0 | 5)), "{outcome}");
    outcome.success()
}

#[track_caller]
fn changed(env: &TestEnv) {
    assert!(opens(env, NEW) && !opens(env, PASSPHRASE));
}

#[track_caller]
pub(crate) fn answer(terminal: &mut Terminal, question: &str, keys: &str) {
    terminal.expect(question);
    terminal.send(keys);
}

fn lines(passphrases: [&str; 2]) -> String {
    passphrases.map(|line| format!("{line}\n")).concat()
}

/// The program under a shell, which opens descriptors for it.
fn shell(env: &TestEnv, script: &str) -> Command {
    let mut shell = env.program("sh");
    shell.args(["-c", script, env!("CARGO_BIN_EXE_keywright")]);
    shell.env_remove("KEYWRIGHT_PASSPHRASE_FILE");
    shell
}

#[test]
fn a_person_is_asked_for_the_old_one_and_twice_for_the_new_one() {
    let env = TestEnv::new();
    let token = env.create(["deploy"]);
    env.set(["openai"], "sk-0123456789abcdef");
    let mut terminal = Terminal::spawn(env.asking(["passphrase"]));
    answer(&mut terminal, OLD_QUESTION, &format!("{PASSPHRASE}\n"));
    terminal.expect(NEW_QUESTION);
    assert!(!terminal.echo_is_on());
    terminal.send(format!("{NEW}\n"));
    answer(&mut terminal, AGAIN, &format!("{NEW}\n"));
    let (status, screen) = terminal.wait();
    assert!(status.success(), "{screen}");
    assert!(terminal.echo_is_on());
    insta::assert_snapshot!(env.screen(&screen), @"
    Passphrase: 
    Choose a passphrase, or press Enter to have six random words made for you.
    New passphrase: 
    The same again: 
    Changed the passphrase
    ");
    changed(&env);
    env.write("passphrase", NEW);
    assert_eq!(env.code(&token), "valid");
    assert_eq!(env.run(["get", "openai"]).stdout(), b"sk-0123456789abcdef");
}

#[test]
fn an_empty_answer_makes_six_words() {
    let env = TestEnv::new();
    let mut terminal = Terminal::spawn(env.unlocked(["passphrase"]));
    answer(&mut terminal, NEW_QUESTION, "\n");
    let (status, screen) = terminal.wait();
    assert!(status.success(), "{screen}");
    let is_words = |line: &&str| line.split('-').count() == 6;
    let words = screen.lines().find(is_words).expect("six words").to_owned();
    insta::assert_snapshot!(env.screen(&screen).replace(&words, "[SIX-WORDS]"), @"
    Choose a passphrase, or press Enter to have six random words made for you.
    New passphrase: 
    Your passphrase is the next line. Nobody can tell it to you again: write it down.
    [SIX-WORDS]
    Changed the passphrase
    ");
    assert!(opens(&env, &words) && !opens(&env, PASSPHRASE));
}

#[test]
fn the_old_one_comes_from_every_source() {
    for (variable, value) in [
        ("KEYWRIGHT_PASSPHRASE", PASSPHRASE),
        ("KEYWRIGHT_PASSPHRASE_COMMAND", "head -n 1 passphrase"),
        ("KEYWRIGHT_PASSPHRASE_FILE", "passphrase"),
        ("CREDENTIALS_DIRECTORY", "credentials"),
    ] {
        let env = TestEnv::new();
        env.write("credentials/keywright-passphrase", PASSPHRASE);
        env.write("new", lines([NEW, "a note"]));
        let mut command = env.command(["passphrase", "--new-passphrase-file", "new"]);
        command
            .env_remove("KEYWRIGHT_PASSPHRASE_FILE")
            .env(variable, value);
        let outcome = env.finish(command, "");
        insta::allow_duplicates! {
            insta::assert_snapshot!(outcome, @"
            exit: 0
            ---- stdout
            ---- stderr
            Changed the passphrase
            ");
        }
        changed(&env);
    }
}

#[test]
fn both_come_from_one_descriptor_or_from_two() {
    for script in [
        "\"$0\" passphrase --passphrase-fd 0 --new-passphrase-fd 0",
        "\"$0\" passphrase --passphrase-fd 0 --new-passphrase-fd 0 < both",
        "{ exec 3<&0 0</dev/null; \"$0\" passphrase --passphrase-fd 3 --new-passphrase-fd 3; }",
        "\"$0\" passphrase --passphrase-fd 3 --new-passphrase-fd 3 3< both",
        "\"$0\" passphrase --passphrase-fd 3 --new-passphrase-fd 4 3< passphrase 4< new",
        "\"$0\" passphrase --passphrase-fd 4 --new-passphrase-fd 0 4< passphrase 0< new",
        "\"$0\" passphrase --passphrase-file passphrase --new-passphrase-fd 5 5< new",
        "\"$0\" passphrase --passphrase-fd 3 --new-passphrase-file new 3< passphrase",
    ] {
        let env = TestEnv::new();
        env.write("new", lines([NEW, "a note"]));
        env.write("both", lines([PASSPHRASE, NEW]));
        let outcome = env.finish(shell(&env, script), lines([PASSPHRASE, NEW]));
        assert!(outcome.success(), "{script}: {outcome}");
        changed(&env);
    }
}

#[test]
fn a_wrong_old_one_changes_nothing_and_the_new_one_is_not_asked_for() {
    let env = TestEnv::new();
    let before = env.vault_bytes();
    let mut terminal = Terminal::spawn(env.asking(["passphrase", "--compromised", "--yes"]));
    answer(&mut terminal, OLD_QUESTION, "a wrong one\n");
    let (status, screen) = terminal.wait();
    assert_eq!(status.code(), Some(5), "{screen}");
    assert!(!screen.contains(NEW_QUESTION), "{screen}");

    env.write("new", NEW);
    env.write("passphrase", "a wrong one");
    for args in [
        &["passphrase", "--new-passphrase-file", "new"] as &[&str],
        &[
            "passphrase",
            "--new-passphrase-file",
            "new",
            "--compromised",
            "--yes",
        ],
        &["passphrase", "--new-passphrase-file", "new", "--dry-run"],
    ] {
        let outcome = env.run(args);
        assert_eq!(outcome.code(), Some(5), "{args:?}: {outcome}");
    }
    assert!(env.vault_bytes() == before);
}

/// A new passphrase that is refused, and how.
fn refused(env: &TestEnv, told: &mut Transcript, args: &[&str], stdin: &str) -> Outcome {
    let before = env.vault_bytes();
    let outcome = env.run_with_stdin([&["passphrase"], args].concat(), stdin);
    told.refused(&[&["passphrase"], args].concat(), &outcome);
    assert!(env.vault_bytes() == before, "{args:?}: {outcome}");
    outcome
}

#[test]
fn a_new_one_that_cannot_be_is_refused_and_changes_nothing() {
    let env = TestEnv::new();
    let mut told = Transcript::default();
    let fd = &["--new-passphrase-fd", "0"] as &[&str];
    for (args, stdin) in [
        (&[] as &[&str], ""),
        (&["--compromised"], ""),
        (&["--compromised", "--yes"], ""),
        (&["--dry-run"], ""),
        (fd, ""),
        (fd, "\n"),
        (fd, "password\n"),
        (&["--new-passphrase-fd", "0", "--dry-run"], "password\n"),
        (fd, &lines([PASSPHRASE, NEW])),
        (
            &["--new-passphrase-fd", "0", "--dry-run"],
            &lines([PASSPHRASE, NEW]),
        ),
        (fd, &"x".repeat(2000)),
        (fd, "nul \0 in it\n"),
        (&["--new-passphrase-fd", "17"], ""),
        (&["--new-passphrase-fd", "1"], ""),
        (&["--new-passphrase-fd=-1"], ""),
        (&["--new-passphrase-file", "missing"], ""),
        (&["--new-passphrase-file", "."], ""),
        (
            &["--new-passphrase-file", "a", "--new-passphrase-fd", "0"],
            "",
        ),
        (&["--kdf", "cheap"], ""),
    ] {
        let _ = refused(&env, &mut told, args, stdin);
    }
    insta::assert_snapshot!(told, @"
    $ keywright passphrase
    error: the new passphrase is needed, and nobody can be asked for it
    hint: give it with --new-passphrase-file or --new-passphrase-fd
    [exit 5]
    $ keywright passphrase --compromised
    error: the new passphrase is needed, and nobody can be asked for it
    hint: give it with --new-passphrase-file or --new-passphrase-fd
    [exit 5]
    $ keywright passphrase --compromised --yes
    error: the new passphrase is needed, and nobody can be asked for it
    hint: give it with --new-passphrase-file or --new-passphrase-fd
    [exit 5]
    $ keywright passphrase --dry-run
    error: the new passphrase is needed, and nobody can be asked for it
    hint: give it with --new-passphrase-file or --new-passphrase-fd
    [exit 5]
    $ keywright passphrase --new-passphrase-fd 0
    error: this cannot be the new passphrase
      caused by: a passphrase cannot be empty
    [exit 2]
    $ keywright passphrase --new-passphrase-fd 0
    error: this cannot be the new passphrase
      caused by: a passphrase cannot be empty
    [exit 2]
    $ keywright passphrase --new-passphrase-fd 0
    error: this passphrase is easy to guess
    hint: use four or more random words; --allow-weak-passphrase takes it all the same
    [exit 8]
    $ keywright passphrase --new-passphrase-fd 0 --dry-run
    error: this passphrase is easy to guess
    hint: use four or more random words; --allow-weak-passphrase takes it all the same
    [exit 8]
    $ keywright passphrase --new-passphrase-fd 0
    error: the new passphrase is the one there is
    hint: choose another; with --kdf or --compromised the same one is taken
    [exit 2]
    $ keywright passphrase --new-passphrase-fd 0 --dry-run
    error: the new passphrase is the one there is
    hint: choose another; with --kdf or --compromised the same one is taken
    [exit 2]
    $ keywright passphrase --new-passphrase-fd 0
    error: no new passphrase from file descriptor 0
      caused by: file too large
    [exit 5]
    $ keywright passphrase --new-passphrase-fd 0
    error: this cannot be the new passphrase
      caused by: a passphrase has no NUL, carriage return or line feed in it
    [exit 2]
    $ keywright passphrase --new-passphrase-fd 17
    error: no new passphrase from file descriptor 17
      caused by: No such file or directory (os error 2)
    [exit 5]
    $ keywright passphrase --new-passphrase-fd 1
    error: no new passphrase from file descriptor 1
      caused by: invalid input parameter
    [exit 5]
    $ keywright passphrase --new-passphrase-fd=-1
    error: no new passphrase from file descriptor -1
      caused by: invalid input parameter
    [exit 5]
    $ keywright passphrase --new-passphrase-file missing
    error: no new passphrase from `missing`
      caused by: No such file or directory (os error 2)
    [exit 5]
    $ keywright passphrase --new-passphrase-file .
    error: no new passphrase from `.`
      caused by: Is a directory (os error 21)
    [exit 5]
    $ keywright passphrase --new-passphrase-file a --new-passphrase-fd 0
    error: the argument '--new-passphrase-file <PATH>' cannot be used with '--new-passphrase-fd <N>'

    Usage: keywright passphrase --new-passphrase-file <PATH>

    For more information, try '--help'.
    [exit 2]
    $ keywright passphrase --kdf cheap
    error: invalid value 'cheap' for '--kdf <COST>'
      [possible values: default, paranoid, strong]

    For more information, try '--help'.
    [exit 2]
    ");
}

#[test]
fn both_from_one_file_by_its_name_are_the_same_and_so_refused() {
    let env = TestEnv::new();
    let file = &["--new-passphrase-file", "passphrase"];
    let outcome = refused(&env, &mut Transcript::default(), file, "");
    assert_eq!(outcome.code(), Some(2), "{outcome}");
}

#[test]
fn one_that_is_easy_to_guess_is_taken_when_it_is_allowed() {
    let env = TestEnv::new();
    let args = [
        "passphrase",
        "--new-passphrase-fd",
        "0",
        "--allow-weak-passphrase",
    ];
    let outcome = env.run_with_stdin(args, "password\n");
    assert!(outcome.success(), "{outcome}");
    assert!(opens(&env, "password") && !opens(&env, PASSPHRASE));
}

#[test]
fn two_answers_that_differ_change_nothing() {
    let env = TestEnv::new();
    let before = env.vault_bytes();
    let mut terminal = Terminal::spawn(env.unlocked(["passphrase"]));
    answer(&mut terminal, NEW_QUESTION, &format!("{NEW}\n"));
    answer(&mut terminal, AGAIN, &format!("{NEW}s\n"));
    let (status, screen) = terminal.wait();
    assert_eq!(status.code(), Some(2), "{screen}");
    insta::assert_snapshot!(env.screen(&screen), @"
    Choose a passphrase, or press Enter to have six random words made for you.
    New passphrase: 
    The same again: 
    error: the two answers differ; nothing was done
    ");
    assert!(env.vault_bytes() == before);
}

#[test]
fn ctrl_c_at_every_question_changes_nothing() {
    let env = TestEnv::new();
    let before = env.vault_bytes();
    let answers = [
        (OLD_QUESTION, format!("{PASSPHRASE}\n")),
        (NEW_QUESTION, format!("{NEW}\n")),
        (AGAIN, format!("{NEW}\n")),
    ];
    for last in 0..3 {
        let mut terminal = Terminal::spawn(env.asking(["passphrase", "--compromised"]));
        for (question, keys) in &answers[..last] {
            answer(&mut terminal, question, keys);
        }
        answer(&mut terminal, answers[last].0, "abc\x03");
        let (status, screen) = terminal.wait();
        assert_eq!(status.code(), Some(130), "{last}: {screen}");
        assert!(terminal.echo_is_on(), "{last}");
        assert!(env.vault_bytes() == before, "{last}");
    }
    for keys in ["\x03", "n\r", "\r"] {
        let mut terminal = Terminal::spawn(env.asking(["passphrase", "--compromised"]));
        for (question, keys) in &answers {
            answer(&mut terminal, question, keys);
        }
        terminal.expect_question();
        terminal.send(keys);
        let (status, screen) = terminal.wait();
        assert!(!status.success(), "{keys:?}: {screen}");
        assert!(env.vault_bytes() == before, "{keys:?}");
    }
}

#[test]
fn the_cost_of_a_guess_stays_unless_another_is_chosen() {
    let env = TestEnv::new();
    let memory = || env.run(["status", "--json"]).json()["slots"][0]["kdf_memory_mib"].clone();
    let run = |args: &[&str], new: &str| {
        let args = [&["passphrase", "--new-passphrase-fd", "0"], args].concat();
        env.run_with_stdin(args, new)
    };
    assert!(run(&[], NEW).success());
    assert_eq!(memory(), 8);
    env.write("passphrase", NEW);
    insta::assert_snapshot!(run(&["--kdf", "default"], PASSPHRASE), @"
    exit: 0
    ---- stdout
    ---- stderr
    Changed the passphrase
      cost of a guess  8 MiB × 1 -> 64 MiB × 3
    ");
    assert_eq!(memory(), 64);
    env.write("passphrase", PASSPHRASE);
    let rekeyed = run(&["--compromised", "--yes", "--json"], NEW);
    assert!(rekeyed.success(), "{rekeyed}");
    assert_eq!(memory(), 64);
    // With --kdf, the same passphrase is taken.
    env.write("passphrase", NEW);
    insta::assert_snapshot!(run(&["--kdf", "test"], NEW), @"
    exit: 0
    ---- stdout
    ---- stderr
    Changed what one guess of the passphrase costs
      cost of a guess  64 MiB × 3 -> 8 MiB × 1
    ");
    assert_eq!(memory(), 8);
    let before = env.vault_bytes();
    insta::assert_snapshot!(run(&["--kdf", "test", "--json"], NEW), @r#"
    exit: 0
    ---- stdout
    {
      "dropped_access_tokens": [],
      "dropped_recovery_code": false,
      "dry_run": false,
      "kdf_memory_mib": 8,
      "kdf_passes": 1,
      "outcome": "unchanged",
      "schema": 1
    }
    ---- stderr
    "#);
    insta::assert_snapshot!(run(&["--kdf", "test"], NEW), @"
    exit: 0
    ---- stdout
    ---- stderr
    The passphrase and its cost are so already; unchanged
    ");
    assert!(env.vault_bytes() == before);
}

#[test]
fn a_dry_run_checks_both_and_changes_nothing() {
    let env = TestEnv::new();
    let before = env.files();
    let args = ["passphrase", "--new-passphrase-fd", "0", "-n"];
    insta::assert_snapshot!(env.run_with_stdin(args, NEW), @"
    exit: 0
    ---- stdout
    ---- stderr
    Would change the passphrase
    ");
    let with_kdf = [&args[..], &["--kdf", "strong", "--json"]].concat();
    insta::assert_snapshot!(env.run_with_stdin(with_kdf, NEW), @r#"
    exit: 0
    ---- stdout
    {
      "dropped_access_tokens": [],
      "dropped_recovery_code": false,
      "dry_run": true,
      "kdf_memory_mib": 256,
      "kdf_passes": 3,
      "outcome": "changed",
      "schema": 1
    }
    ---- stderr
    "#);
    // No words are made that would open nothing.
    let mut terminal = Terminal::spawn(env.unlocked(["passphrase", "--dry-run"]));
    answer(&mut terminal, NEW_QUESTION, "\n");
    let (status, screen) = terminal.wait();
    assert!(status.success(), "{screen}");
    insta::assert_snapshot!(env.screen(&screen), @"
    Choose a passphrase, or press Enter to have six random words made for you.
    New passphrase: 
    Would change the passphrase
    ");
    assert_eq!(env.files(), before);
}

#[test]
fn the_answer_is_one_document() {
    let env = TestEnv::new();
    let args = ["passphrase", "--new-passphrase-fd", "0", "--json"];
    insta::assert_snapshot!(env.run_with_stdin(args, NEW), @r#"
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
    changed(&env);
}
