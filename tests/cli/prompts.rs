//! Passphrases and values that are typed.

use std::fs::{self, File};
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};

use rustix::process::Signal;

use crate::common::{PASSPHRASE, TestEnv};
use crate::terminal::Terminal;

const NEW: &str = "New passphrase: ";
const AGAIN: &str = "The same again: ";
const OLD: &str = "Passphrase: ";

/// Points standard output at a file, as `> file` does.
fn into_file(env: &TestEnv, command: &mut Command, name: &str) {
    command.stdout(File::create(env.path(name)).expect("made"));
}

#[test]
fn init_asks_twice_and_shows_nothing_of_it() {
    let env = TestEnv::empty();
    let mut terminal = Terminal::spawn(env.asking(["init", "--kdf", "test"]));
    terminal.expect(NEW);
    assert!(!terminal.echo_is_on());
    terminal.send(format!("{PASSPHRASE}\n"));
    terminal.expect(AGAIN);
    terminal.send(format!("{PASSPHRASE}\n"));
    let (status, screen) = terminal.wait();
    assert!(status.success(), "{screen}");
    assert!(terminal.echo_is_on());
    insta::assert_snapshot!(env.screen(&screen), @r"
    Choose a passphrase, or press Enter to have six random words made for you.
    New passphrase: 
    The same again: 
    Made the vault `[HOME]/.config/keywright/vault.db`
    ");
    // It is the passphrase that was typed.
    assert!(env.run(["list"]).success());
}

#[test]
fn two_answers_that_differ_make_no_vault() {
    let env = TestEnv::empty();
    let mut terminal = Terminal::spawn(env.asking(["init", "--kdf", "test"]));
    terminal.expect(NEW);
    terminal.send(format!("{PASSPHRASE}\n"));
    terminal.expect(AGAIN);
    terminal.send(format!("{PASSPHRASE}r\n"));
    let (status, screen) = terminal.wait();
    assert_eq!(status.code(), Some(2), "{screen}");
    insta::assert_snapshot!(env.screen(&screen), @r"
    Choose a passphrase, or press Enter to have six random words made for you.
    New passphrase: 
    The same again: 
    error: the two answers differ; nothing was done
    ");
    assert!(!env.vault().exists());
}

#[test]
fn an_empty_answer_makes_six_words_that_only_the_terminal_shows() {
    let env = TestEnv::empty();
    let mut terminal = Terminal::spawn_with(
        env.asking(["init", "--kdf", "test", "--json"]),
        (80, 24),
        |c| {
            into_file(&env, c, "out");
            c.stderr(File::create(env.path("err")).expect("made"));
        },
    );
    terminal.expect(NEW);
    terminal.send("\n");
    let (status, screen) = terminal.wait();
    assert!(status.success(), "{screen}");
    let words = screen
        .lines()
        .last()
        .expect("a last line")
        .trim()
        .to_owned();
    assert_eq!(words.split('-').count(), 6, "{screen}");
    insta::assert_snapshot!(env.screen(&screen).replace(&words, "[SIX-WORDS]"), @r"
    Choose a passphrase, or press Enter to have six random words made for you.
    New passphrase: 
    Your passphrase is the next line. Nobody can tell it to you again: write it down.
    [SIX-WORDS]
    ");
    for file in ["out", "err"] {
        let text = fs::read_to_string(env.path(file)).expect("written");
        assert!(!text.contains(&words), "{text}");
    }
    env.write("passphrase", &words);
    assert!(env.run(["list"]).success());
}

#[test]
fn a_typed_passphrase_that_is_easy_to_guess_is_refused() {
    let env = TestEnv::empty();
    let mut terminal = Terminal::spawn(env.asking(["create", "deploy"]));
    for question in [NEW, AGAIN] {
        terminal.expect(question);
        terminal.send("password\n");
    }
    let (status, screen) = terminal.wait();
    assert_eq!(status.code(), Some(8), "{screen}");
    insta::assert_snapshot!(env.screen(&screen), @"
    Choose a passphrase, or press Enter to have six random words made for you.
    New passphrase: 
    The same again: 
    error: this passphrase is easy to guess
    hint: use four or more random words; --allow-weak-passphrase takes it all the same
    ");
    assert!(!env.vault().exists());
}

#[test]
fn the_first_create_makes_the_vault_and_prints_the_token_alone() {
    let env = TestEnv::empty();
    let mut terminal =
        Terminal::spawn_with(env.asking(["create", "deploy"]), (80, 24), |command| {
            into_file(&env, command, "token");
        });
    for question in [NEW, AGAIN] {
        terminal.expect(question);
        terminal.send(format!("{PASSPHRASE}\n"));
    }
    let (status, screen) = terminal.wait();
    assert!(status.success(), "{screen}");
    insta::assert_snapshot!(env.screen(&screen), @r"
    Choose a passphrase, or press Enter to have six random words made for you.
    New passphrase: 
    The same again: 
    Made the vault `[HOME]/.config/keywright/vault.db`
    Created issued key `deploy` in default/development
      key id       [--KEY-ID--]
      permissions  read (by default)
      expires      in 90 d, [-------TIME-------] (by default)
      token        shown this once; keep it where it is needed
    ");
    let token = fs::read_to_string(env.path("token")).expect("written");
    assert_eq!(token.lines().count(), 1, "{token}");
    assert_eq!(env.code(&token), "valid");
}

#[test]
fn the_first_set_makes_the_vault_and_asks_for_the_value_without_showing_it() {
    let env = TestEnv::empty();
    let mut terminal = Terminal::spawn(env.asking(["set", "openai"]));
    for question in [NEW, AGAIN] {
        terminal.expect(question);
        terminal.send(format!("{PASSPHRASE}\n"));
    }
    terminal.expect("Value: ");
    assert!(!terminal.echo_is_on());
    terminal.send("sk-0123456789abcdef\n");
    let (status, screen) = terminal.wait();
    assert!(status.success(), "{screen}");
    insta::assert_snapshot!(env.screen(&screen), @"
    Choose a passphrase, or press Enter to have six random words made for you.
    New passphrase: 
    The same again: 
    Value: 
    Made the vault `[HOME]/.config/keywright/vault.db`
    Stored provider key `openai` in default/development
      provider     openai (by default)
      variable     OPENAI_API_KEY (by default)
    ");
    assert_eq!(env.run(["get", "openai"]).stdout(), b"sk-0123456789abcdef");
}

#[test]
fn a_locked_vault_asks_once() {
    let env = TestEnv::new();
    let mut terminal = Terminal::spawn(env.asking(["list"]));
    terminal.expect(OLD);
    terminal.send(format!("{PASSPHRASE}\n"));
    let (status, screen) = terminal.wait();
    assert!(status.success(), "{screen}");
    insta::assert_snapshot!(env.screen(&screen), @r"
    Passphrase: 
    No keys
    ");

    let mut terminal = Terminal::spawn(env.asking(["list"]));
    terminal.expect(OLD);
    terminal.send("a wrong one\n");
    let (status, screen) = terminal.wait();
    assert_eq!(status.code(), Some(5), "{screen}");
    insta::assert_snapshot!(env.screen(&screen), @r"
    Passphrase: 
    error: wrong passphrase, or a slot of the vault was altered
    hint: try again; `keywright status` shows which vault this is
    ");

    let mut terminal = Terminal::spawn(env.asking(["list"]));
    terminal.expect(OLD);
    terminal.send("\n");
    let (status, screen) = terminal.wait();
    assert_eq!(status.code(), Some(5), "{screen}");
}

#[test]
fn keys_edit_what_is_typed() {
    let env = TestEnv::new();
    for keys in [
        format!("wrong\x15{PASSPHRASE}\n"),
        format!("{PASSPHRASE}xé\x7f\x7f\n"),
        format!("{PASSPHRASE}\r"),
    ] {
        let mut terminal = Terminal::spawn(env.asking(["list"]));
        terminal.expect(OLD);
        terminal.send(&keys);
        let (status, screen) = terminal.wait();
        assert!(status.success(), "{keys:?}: {screen}");
        assert!(terminal.echo_is_on());
    }
}

#[test]
fn what_is_typed_before_the_question_counts_and_is_not_lost() {
    let env = TestEnv::new();
    let mut terminal = Terminal::spawn(env.asking(["list"]));
    terminal.send(format!("{PASSPHRASE}\n"));
    let (status, screen) = terminal.wait();
    assert!(status.success(), "{screen}");
}

#[test]
fn a_paste_that_is_too_long_goes_nowhere() {
    let env = TestEnv::new();
    let mut terminal = Terminal::spawn(env.asking(["list"]));
    terminal.expect(OLD);
    terminal.send(format!("{}\nrm -rf nothing\n", "x".repeat(2000)));
    let (status, screen) = terminal.wait();
    insta::assert_snapshot!(format!("{}\n{}", status, env.screen(&screen)), @r"
    exit status: 2
    Passphrase: 
    error: the answer is longer than 1024 bytes
    ");
}

#[test]
fn ctrl_c_and_ctrl_d_cancel_with_130_and_restore_the_terminal() {
    for (args, question) in [
        (&["list"] as &[&str], OLD),
        (&["create", "x"], OLD),
        (&["init", "--kdf", "test", "--vault", "new.db"], NEW),
    ] {
        let env = TestEnv::new();
        let before = env.files();
        for keys in ["\x03", "abc\x03", "\x04", "abc\x15\x04"] {
            let mut terminal = Terminal::spawn(env.asking(args));
            terminal.expect(question);
            assert!(!terminal.echo_is_on());
            terminal.send(keys);
            let (status, screen) = terminal.wait();
            assert_eq!(status.code(), Some(130), "{keys:?}: {screen}");
            let said = env.screen(&screen);
            assert!(said.ends_with(": \nerror: cancelled\n"), "{said}");
            assert!(terminal.echo_is_on(), "{keys:?}");
        }
        assert_eq!(env.files(), before, "{args:?}");
    }
}

#[test]
fn a_signal_restores_the_terminal_before_it_ends_the_program() {
    let env = TestEnv::new();
    for signal in [Signal::TERM, Signal::HUP, Signal::INT, Signal::QUIT] {
        let mut terminal = Terminal::spawn(env.asking(["list"]));
        terminal.expect(OLD);
        terminal.send("abc");
        assert!(!terminal.echo_is_on());
        terminal.signal(signal);
        let (status, screen) = terminal.wait();
        assert_eq!(status.signal(), Some(signal.as_raw()), "{screen}");
        assert_eq!(screen, "Passphrase: \r\n");
        assert!(terminal.echo_is_on(), "{signal:?}");
    }
}

#[test]
fn a_terminal_that_goes_away_ends_the_program() {
    let env = TestEnv::new();
    let mut terminal = Terminal::spawn(env.asking(["list"]));
    terminal.expect(OLD);
    assert_eq!(terminal.hang_up().signal(), Some(Signal::HUP.as_raw()));
}

#[test]
fn the_terminal_is_asked_while_standard_input_has_the_value() {
    let env = TestEnv::new();
    env.write("value", "sk-0123456789abcdef");
    let mut terminal = Terminal::spawn_with(env.asking(["set", "openai"]), (80, 24), |command| {
        command
            .stdin(File::open(env.path("value")).expect("readable"))
            .stdout(Stdio::null())
            .stderr(Stdio::null());
    });
    terminal.expect(OLD);
    terminal.send(format!("{PASSPHRASE}\n"));
    let (status, screen) = terminal.wait();
    assert!(status.success(), "{screen}");
    assert_eq!(screen, "Passphrase: \r\n");
    assert_eq!(env.run(["get", "openai"]).stdout(), b"sk-0123456789abcdef");
}

#[test]
fn without_input_a_terminal_is_not_asked() {
    let env = TestEnv::new();
    env.set(["openai"], "sk-0123456789abcdef");
    for (args, code) in [
        (&["list", "--no-input"] as &[&str], 5),
        (&["init", "--no-input", "--vault", "new.db"], 5),
    ] {
        let (status, screen) = Terminal::spawn(env.asking(args)).wait();
        assert_eq!(status.code(), Some(code), "{args:?}: {screen}");
    }
    for (args, code) in [
        (&["delete", "openai", "--no-input"] as &[&str], 6),
        (&["set", "openai", "--no-input"], 2),
        (&["set", "new", "--no-input"], 2),
    ] {
        let (status, screen) = Terminal::spawn(env.unlocked(args)).wait();
        assert_eq!(status.code(), Some(code), "{args:?}: {screen}");
    }
    assert_eq!(env.names(), ["openai"]);
}

#[test]
fn a_value_is_shown_on_its_own_line_and_piped_as_it_is() {
    let env = TestEnv::new();
    env.set(["openai"], "sk-0123456789abcdef");
    let (status, screen) = Terminal::spawn(env.unlocked(["get", "openai"])).wait();
    assert!(status.success());
    assert_eq!(screen, "sk-0123456789abcdef\r\n");
    assert_eq!(env.run(["get", "openai"]).stdout(), b"sk-0123456789abcdef");
}

#[test]
fn commands_that_need_no_vault_ask_nothing() {
    let env = TestEnv::new();
    for args in [
        &["status"] as &[&str],
        &["man"],
        &["completions", "bash"],
        &["--help"],
    ] {
        let (status, screen) = Terminal::spawn(env.asking(args)).wait();
        assert!(status.success() && !screen.contains(OLD), "{screen}");
    }
    // Nor do commands that would find no vault.
    fs::remove_file(env.vault()).expect("removed");
    let (status, screen) = Terminal::spawn(env.asking(["list"])).wait();
    assert_eq!(status.code(), Some(1), "{screen}");
    assert!(!screen.contains(OLD), "{screen}");
}

/// A key as a file has it: several lines.
const LINES: [&str; 4] = [
    "-----BEGIN KEY-----\rbGluZSBvbmU=\r-----END KEY-----\r",
    "{\n  \"secret\": \"bGluZSBvbmU=\"\n}\n",
    "first\r\rbGluZSBvbmU=",
    "\x1b[200~first\rbGluZSBvbmU=\r\x1b[201~",
];

#[test]
fn a_value_of_several_lines_is_refused_and_goes_nowhere() {
    let env = TestEnv::new();
    env.set(["openai"], "sk-0123456789abcdef");
    let before = env.vault_bytes();
    for args in [["set", "new"], ["set", "openai"], ["rotate", "openai"]] {
        for keys in LINES {
            let mut terminal = Terminal::spawn(env.unlocked(args));
            terminal.expect("Value: ");
            terminal.send(keys);
            let (status, screen) = terminal.wait();
            assert_eq!(status.code(), Some(2), "{args:?} {keys:?}: {screen}");
            insta::allow_duplicates! {
                insta::assert_snapshot!(env.screen(&screen), @"
                Value: 
                error: several lines were given, and only one can be typed or pasted here; nothing was stored
                hint: name its file with --file, or give it on standard input with `< FILE`
                ");
            }
            assert_eq!(terminal.unread(), 0, "{args:?} {keys:?}");
            assert!(terminal.echo_is_on());
        }
    }
    assert!(env.vault_bytes() == before);
}

#[test]
fn a_paste_that_the_terminal_takes_bit_by_bit_goes_nowhere_either() {
    let env = TestEnv::new();
    let mut terminal = Terminal::spawn(env.unlocked(["set", "new"]));
    terminal.expect("Value: ");
    // More than it hands out at once.
    terminal.send("rm -rf nothing\r".repeat(800));
    let (status, screen) = terminal.wait();
    assert_eq!(status.code(), Some(2), "{screen}");
    assert_eq!(terminal.unread(), 0);
    assert_eq!(env.names(), [""; 0]);
}

#[test]
fn one_line_is_a_value_however_it_is_pasted() {
    let env = TestEnv::new();
    for (name, keys) in [
        ("cr lf", "sk-0123456789abcdef\r\n"),
        ("blank lines", "sk-0123456789abcdef\r\r\n\r"),
        ("bracketed", "\x1b[200~sk-0123456789abcdef\x1b[201~\r"),
        ("bracketed line", "\x1b[200~sk-0123456789abcdef\r\x1b[201~"),
    ] {
        let mut terminal = Terminal::spawn(env.unlocked(["set", name]));
        terminal.expect("Value: ");
        terminal.send(keys);
        let (status, screen) = terminal.wait();
        assert!(status.success(), "{name}: {screen}");
        let value = env.run(["get", name]);
        assert_eq!(value.stdout(), b"sk-0123456789abcdef", "{name}");
    }
}
