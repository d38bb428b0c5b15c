//! The sign of life at a terminal: for what takes long, and gone when it is done.

use std::fs::File;
use std::time::{Duration, Instant};

use crate::common::{PASSPHRASE, TestEnv};
use crate::terminal::Terminal;

const WORKING: &str = "Deriving the key";

/// What is done in this time is done soon.
const SOON: Duration = Duration::from_millis(500);

/// 1 GiB of memory and some seconds, so there is one such test.
#[test]
fn what_takes_long_is_told_at_a_terminal_and_cleared() {
    let env = TestEnv::empty();
    let mut command = env.asking(["init", "--kdf", "paranoid"]);
    command.env("NO_COLOR", "1");
    let mut terminal = Terminal::spawn(command);
    for question in ["New passphrase: ", "The same again: "] {
        terminal.expect(question);
        terminal.send(format!("{PASSPHRASE}\n"));
    }
    // Without a UTF-8 locale, in ASCII.
    terminal.expect(&format!("| {WORKING}"));
    let (status, screen) = terminal.wait();
    assert!(status.success(), "{screen}");
    let prompts = screen.rfind("The same again: \r\n").expect("asked");
    assert!(screen.find(WORKING) > Some(prompts), "{screen:?}");
    assert!(screen.is_ascii(), "{screen:?}");
    // Only the line is cleared, nothing is coloured, and the cursor stays as it is.
    let sequences: Vec<&str> = screen.split('\u{1b}').skip(1).collect();
    let is_clear = |sequence: &&str| sequence.starts_with("[2K") || sequence.starts_with("[0");
    assert!(sequences.iter().all(is_clear), "{screen:?}");
    insta::assert_snapshot!(env.screen(&screen), @"
    Choose a passphrase, or press Enter to have six random words made for you.
    New passphrase: 
    The same again: 
    Made the vault `[HOME]/.config/keywright/vault.db`
    ");

    // In a file, in JSON and with --quiet there is none of it.
    for (args, into_file) in [
        (&["list"] as &[&str], true),
        (&["list", "--json"], false),
        (&["list", "--quiet"], false),
    ] {
        let mut terminal = Terminal::spawn_with(env.unlocked(args), (80, 24), |command| {
            if into_file {
                command.stderr(File::create(env.path("err")).expect("made"));
            }
        });
        let (status, screen) = terminal.wait();
        assert!(status.success(), "{screen}");
        assert!(!screen.contains(WORKING), "{args:?}: {screen:?}");
    }
    let said = std::fs::read_to_string(env.path("err")).expect("written");
    assert_eq!(said, "No keys\n");
}

#[test]
fn what_is_done_soon_shows_nothing() {
    let env = TestEnv::new();
    let begun = Instant::now();
    // On a machine that does other things it may take long once more.
    let screen = loop {
        let started = Instant::now();
        let (status, screen) = Terminal::spawn(env.unlocked(["list"])).wait();
        assert!(status.success());
        if started.elapsed() < SOON {
            break screen;
        }
        assert_eq!(env.screen(&screen), "No keys\n");
        assert!(begun.elapsed() < Duration::from_secs(60), "never soon");
    };
    assert_eq!(screen, "No keys\r\n");
}
