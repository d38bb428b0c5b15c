//! What is no recovery code of this vault, and where no code may be seen.

use std::fs;

use keywright::crypto::{Secret, recovery_code_input};

use crate::change_passphrase::NEW;
use crate::common::{Outcome, PASSPHRASE, TestEnv, Transcript};
use crate::recovery::{TEST, mistyped, spellings, with_code};
use crate::terminal::Terminal;

#[test]
fn what_does_not_open_the_vault_is_told() {
    let (env, code) = with_code();
    let (_, other) = with_code();
    let before = env.vault_bytes();
    let mut told = Transcript::default();
    let long = "x".repeat(1000);
    for (title, text) in [
        ("of another vault", other.as_str()),
        ("mistyped", &mistyped(&code)),
        ("too short", &code[..code.len() - 1]),
        ("too long", &long),
        ("the passphrase", PASSPHRASE),
        ("nothing", ""),
    ] {
        env.write("code", text);
        for args in [
            &["--recover"] as &[&str],
            &["--recover", "--compromised", "--yes"],
            &["--test-recovery-code"],
        ] {
            let args = [&["passphrase", "--recovery-code-file", "code"], args].concat();
            let outcome = env.run(&args);
            assert_eq!(outcome.code(), Some(5), "{title}: {outcome}");
            if args.len() == 4 {
                told.refused(&[title, args[3]], &outcome);
            }
        }
    }
    for args in [
        &["--recover"] as &[&str],
        &["--test-recovery-code"],
        &["--recover", "--recovery-code-file", "missing"],
        &["--recover", "--recovery-code-file", "."],
        &["--recover", "--recovery-code-file", &code],
        &["--recover", "--recovery-code-file", &mistyped(&code)],
        &["--recovery-code-file", "code"],
    ] {
        let args = [&["passphrase"], args].concat();
        let outcome = env.run(&args);
        assert!(matches!(outcome.code(), Some(2 | 5)), "{outcome}");
        let shown: Vec<&str> = args
            .iter()
            .map(|arg| {
                arg.get(..5)
                    .filter(|start| *start == "kwr1-")
                    .unwrap_or(arg)
            })
            .collect();
        told.refused(&shown, &outcome);
    }
    assert!(env.vault_bytes() == before);
    insta::assert_snapshot!(told, @r#"
    $ keywright "of another vault" --recover
    error: wrong recovery code, or a slot of the vault was altered
    hint: it may be another vault's, or one that was replaced; `keywright status` shows which vault this is
    [exit 5]
    $ keywright "of another vault" --test-recovery-code
    error: wrong recovery code, or a slot of the vault was altered
    hint: it may be another vault's, or one that was replaced; `keywright status` shows which vault this is
    [exit 5]
    $ keywright mistyped --recover
    error: this is no recovery code: a character is wrong or missing
    hint: it has nine groups of four characters after `kwr1`; O counts as 0, I and L as 1
    [exit 5]
    $ keywright mistyped --test-recovery-code
    error: this is no recovery code: a character is wrong or missing
    hint: it has nine groups of four characters after `kwr1`; O counts as 0, I and L as 1
    [exit 5]
    $ keywright "too short" --recover
    error: this is no recovery code: a character is wrong or missing
    hint: it has nine groups of four characters after `kwr1`; O counts as 0, I and L as 1
    [exit 5]
    $ keywright "too short" --test-recovery-code
    error: this is no recovery code: a character is wrong or missing
    hint: it has nine groups of four characters after `kwr1`; O counts as 0, I and L as 1
    [exit 5]
    $ keywright "too long" --recover
    error: this is no recovery code: a character is wrong or missing
    hint: it has nine groups of four characters after `kwr1`; O counts as 0, I and L as 1
    [exit 5]
    $ keywright "too long" --test-recovery-code
    error: this is no recovery code: a character is wrong or missing
    hint: it has nine groups of four characters after `kwr1`; O counts as 0, I and L as 1
    [exit 5]
    $ keywright "the passphrase" --recover
    error: this is no recovery code: a character is wrong or missing
    hint: it has nine groups of four characters after `kwr1`; O counts as 0, I and L as 1
    [exit 5]
    $ keywright "the passphrase" --test-recovery-code
    error: this is no recovery code: a character is wrong or missing
    hint: it has nine groups of four characters after `kwr1`; O counts as 0, I and L as 1
    [exit 5]
    $ keywright nothing --recover
    error: this is no recovery code: a character is wrong or missing
    hint: it has nine groups of four characters after `kwr1`; O counts as 0, I and L as 1
    [exit 5]
    $ keywright nothing --test-recovery-code
    error: this is no recovery code: a character is wrong or missing
    hint: it has nine groups of four characters after `kwr1`; O counts as 0, I and L as 1
    [exit 5]
    $ keywright passphrase --recover
    error: the recovery code is needed, and nobody can be asked for it
    hint: give it with --recovery-code-file
    [exit 5]
    $ keywright passphrase --test-recovery-code
    error: the recovery code is needed, and nobody can be asked for it
    hint: give it with --recovery-code-file
    [exit 5]
    $ keywright passphrase --recover --recovery-code-file missing
    error: no recovery code from `missing`
      caused by: No such file or directory (os error 2)
    [exit 5]
    $ keywright passphrase --recover --recovery-code-file .
    error: no recovery code from `.`
      caused by: Is a directory (os error 21)
    [exit 5]
    $ keywright passphrase --recover --recovery-code-file kwr1-
    error: a recovery code does not belong on a command line: other users can read it, and shells keep it
    hint: leave --recovery-code-file out to be asked for it, or name a file that it is in
    [exit 2]
    $ keywright passphrase --recover --recovery-code-file kwr1-
    error: no recovery code from `…`
      caused by: No such file or directory (os error 2)
    [exit 5]
    $ keywright passphrase --recovery-code-file code
    error: --recovery-code-file needs --recover or --test-recovery-code
    hint: --recover sets a new passphrase, --test-recovery-code changes nothing
    [exit 2]
    "#);
}

#[test]
fn a_vault_without_a_code_says_so_before_anybody_is_asked() {
    let env = TestEnv::new();
    for option in ["--recover", "--test-recovery-code"] {
        let mut terminal = Terminal::spawn(env.asking(["passphrase", option]));
        let (status, screen) = terminal.wait();
        assert_eq!(status.code(), Some(5), "{screen}");
        insta::allow_duplicates! {
            insta::assert_snapshot!(env.screen(&screen), @"
            error: this vault has no recovery code
            hint: `keywright passphrase --add-recovery-code` makes one; it needs the passphrase
            ");
        }
    }
}

#[track_caller]
fn silent(outcome: &Outcome, code: &str) {
    // However it is spelled.
    let plain = |text: &str| {
        let text = text.to_uppercase().replace(['-', ' '], "");
        text.replace('O', "0").replace(['I', 'L'], "1")
    };
    let said = plain(&format!("{}{}", outcome.stdout_text(), outcome.stderr()));
    assert!(!said.contains(&plain(&code["kwr1-".len()..])), "{outcome}");
}

#[test]
fn the_code_is_in_no_error_no_log_and_no_file() {
    let (env, code) = with_code();
    let (_, other) = with_code();
    env.set(["openai"], "sk-0123456789abcdef");
    for code in [&code, &other, &mistyped(&code)] {
        for spelling in spellings(code) {
            for args in [
                &TEST[..] as &[&str],
                &["passphrase", "--recover", "--recovery-code-file", "-"],
                &["passphrase", "--recover", "--recovery-code-file", &spelling],
                &["passphrase", "--passphrase-file", &spelling],
                &["passphrase", "--recover", &spelling],
                &["get", &spelling],
                &["--vault", &spelling, "list"],
            ] {
                // A spelling with spaces is several words; as one, only what reads a code knows it.
                if spelling.contains(' ') && !args.contains(&"--recovery-code-file") {
                    continue;
                }
                // Without its dashes nothing but `kwr1` tells it from any other word.
                if !spelling.contains('-') && args.contains(&spelling.as_str()) {
                    continue;
                }
                silent(&env.run_with_stdin(args, &spelling), code);
                silent(
                    &env.run_with_stdin([args, &["--json"]].concat(), &spelling),
                    code,
                );
            }
        }
    }
    env.write("passphrase", PASSPHRASE);
    let args = ["passphrase", "--recover", "--recovery-code-file", "-"];
    let both = format!("{code}\n{NEW}\n");
    let args = [&args[..], &["--new-passphrase-fd", "0"]].concat();
    let recovered = env.run_with_stdin(args, &both);
    assert!(recovered.success(), "{recovered}");
    silent(&recovered, &code);
    env.write("passphrase", NEW);
    for args in [
        &["audit"] as &[&str],
        &["audit", "--json"],
        &["status", "--json"],
        &["export"],
    ] {
        let outcome = env.run(args);
        assert!(outcome.success(), "{outcome}");
        silent(&outcome, &code);
    }

    let bytes = recovery_code_input(&Secret::copied(code.as_bytes())).expect("a code");
    let hex: String = bytes
        .expose()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let mut shapes = vec![
        bytes.expose().to_vec(),
        hex.to_uppercase().into(),
        hex.into(),
    ];
    shapes.extend(spellings(&code).into_iter().map(String::into_bytes));
    let leaks = |env: &TestEnv| {
        let mut files = env.files().into_values();
        files.any(|file| {
            let has = |shape: &Vec<u8>| file.windows(shape.len()).any(|part| part == &shape[..]);
            shapes.iter().any(has)
        })
    };
    assert!(!leaks(&env));
    // The twin: it finds what is there.
    for shape in &shapes {
        env.write(
            ".local/state/keywright/leak",
            [b"..", &shape[..], b".."].concat(),
        );
        assert!(leaks(&env));
    }
    fs::remove_file(env.path(".local/state/keywright/leak")).expect("removed");
    assert!(!leaks(&env));
}

#[test]
fn options_that_do_not_go_together_are_refused() {
    let (env, _) = with_code();
    let mut told = Transcript::default();
    for args in [
        &["--recover", "--add-recovery-code"] as &[&str],
        &["--recover", "--test-recovery-code"],
        &["--test-recovery-code", "--add-recovery-code"],
        &["--test-recovery-code", "--dry-run"],
        &["--test-recovery-code", "--new-passphrase-fd", "0"],
        &["--add-recovery-code", "--compromised"],
        &["--add-recovery-code", "--kdf", "strong"],
        &["--add-recovery-code", "--recovery-code-file", "code"],
    ] {
        let args = [&["passphrase"], args].concat();
        let outcome = env.run(&args);
        assert_eq!(outcome.code(), Some(2), "{outcome}");
        let first = outcome
            .stderr()
            .lines()
            .next()
            .unwrap_or_default()
            .to_owned();
        told.refused(&args, &outcome);
        assert!(first.contains("cannot be used with"), "{outcome}");
    }
}
