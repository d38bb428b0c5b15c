//! Where the passphrase comes from: the first source that is present, and no other after it.

use std::fs::File;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::common::{Outcome, PASSPHRASE, TestEnv, Transcript};

/// The sources, the first that is present being used.
const SOURCES: [&str; 6] = [
    "fd",
    "file option",
    "file",
    "value",
    "command",
    "credential",
];

/// A command with these sources; `wrong` ones hold another passphrase.
fn with_sources(env: &TestEnv, sources: &[(&str, bool)]) -> Command {
    env.write("wrong", "another passphrase\n");
    env.write(
        "credentials/keywright-passphrase",
        format!("{PASSPHRASE}\n"),
    );
    env.write(
        "wrong-credentials/keywright-passphrase",
        "another passphrase\n",
    );
    let mut command = env.command(["list"]);
    command.env_remove("KEYWRIGHT_PASSPHRASE_FILE");
    for (source, right) in sources {
        let file = env.path(if *right { "passphrase" } else { "wrong" });
        match *source {
            "fd" => {
                command.args(["--passphrase-fd", "0"]);
                command.stdin(File::open(file).expect("readable"));
            }
            "file option" => {
                command.arg("--passphrase-file").arg(file);
            }
            "file" => {
                command.env("KEYWRIGHT_PASSPHRASE_FILE", file);
            }
            "value" => {
                let value = if *right {
                    PASSPHRASE
                } else {
                    "another passphrase"
                };
                command.env("KEYWRIGHT_PASSPHRASE", value);
            }
            "command" => {
                let quoted = format!("head -n 1 '{}'", file.display());
                command.env("KEYWRIGHT_PASSPHRASE_COMMAND", quoted);
            }
            "credential" => {
                let folder = if *right {
                    "credentials"
                } else {
                    "wrong-credentials"
                };
                command.env("CREDENTIALS_DIRECTORY", env.path(folder));
            }
            other => panic!("no source {other}"),
        }
    }
    command
}

fn run(env: &TestEnv, mut command: Command) -> Outcome {
    // Not through `finish`, which would take standard input for itself.
    env.outcome(command.output().expect("it runs"))
}

#[test]
fn every_source_opens_the_vault() {
    let env = TestEnv::new();
    for source in SOURCES {
        let outcome = run(&env, with_sources(&env, &[(source, true)]));
        assert!(outcome.success(), "{source}: {outcome}");
        let outcome = run(&env, with_sources(&env, &[(source, false)]));
        assert_eq!(outcome.code(), Some(5), "{source}: {outcome}");
    }
}

#[test]
fn the_first_source_is_used_and_no_other_after_it() {
    let env = TestEnv::new();
    for (at, first) in SOURCES.into_iter().enumerate() {
        for second in &SOURCES[at + 1..] {
            if (first, *second) == ("fd", "file option") {
                continue; // Both at once is a usage error.
            }
            let right = run(&env, with_sources(&env, &[(*second, false), (first, true)]));
            assert!(right.success(), "{first} before {second}: {right}");
            let wrong = run(&env, with_sources(&env, &[(*second, true), (first, false)]));
            assert_eq!(wrong.code(), Some(5), "{first} before {second}: {wrong}");
        }
    }
}

#[test]
fn a_source_that_fails_is_told_and_the_next_is_not_tried() {
    let env = TestEnv::new();
    let mut told = Transcript::default();
    for (title, variables) in [
        ("missing file", [("KEYWRIGHT_PASSPHRASE_FILE", "missing")]),
        ("folder", [("KEYWRIGHT_PASSPHRASE_FILE", ".")]),
        ("empty file", [("KEYWRIGHT_PASSPHRASE_FILE", "/dev/null")]),
        (
            "no such program",
            [("KEYWRIGHT_PASSPHRASE_COMMAND", "no-such-program here")],
        ),
        (
            "failing program",
            [("KEYWRIGHT_PASSPHRASE_COMMAND", "sh -c 'echo half; exit 3'")],
        ),
        ("silent program", [("KEYWRIGHT_PASSPHRASE_COMMAND", "true")]),
        (
            "open quote",
            [("KEYWRIGHT_PASSPHRASE_COMMAND", "echo 'open")],
        ),
        ("blank", [("KEYWRIGHT_PASSPHRASE_COMMAND", "  ")]),
        ("endless", [("KEYWRIGHT_PASSPHRASE_COMMAND", "yes")]),
    ] {
        let mut command = env.command(["list"]);
        command
            .env_remove("KEYWRIGHT_PASSPHRASE_FILE")
            .env("CREDENTIALS_DIRECTORY", env.path("credentials"))
            .envs(variables);
        env.write(
            "credentials/keywright-passphrase",
            format!("{PASSPHRASE}\n"),
        );
        let outcome = env.finish(command, "");
        assert_eq!(outcome.code(), Some(5), "{title}: {outcome}");
        told.refused(&[title], &outcome);
    }
    for args in [
        &["list", "--passphrase-file", "missing"] as &[&str],
        &["list", "--passphrase-fd", "17"],
        &["list", "--passphrase-fd", "1"],
        &["list", "--passphrase-fd=-1"],
    ] {
        let outcome = env.run(args);
        assert_eq!(outcome.code(), Some(5), "{args:?}: {outcome}");
        told.refused(args, &outcome);
    }
    insta::assert_snapshot!(told, @r#"
    $ keywright "missing file"
    error: no passphrase from the file that KEYWRIGHT_PASSPHRASE_FILE names
      caused by: No such file or directory (os error 2)
    [exit 5]
    $ keywright folder
    error: no passphrase from the file that KEYWRIGHT_PASSPHRASE_FILE names
      caused by: Is a directory (os error 21)
    [exit 5]
    $ keywright "empty file"
    error: a passphrase cannot be empty
    [exit 5]
    $ keywright "no such program"
    error: no passphrase from KEYWRIGHT_PASSPHRASE_COMMAND
      caused by: cannot start the passphrase command
      caused by: No such file or directory (os error 2)
    [exit 5]
    $ keywright "failing program"
    error: no passphrase from KEYWRIGHT_PASSPHRASE_COMMAND
      caused by: the passphrase command failed (exit status: 3)
    [exit 5]
    $ keywright "silent program"
    error: a passphrase cannot be empty
    [exit 5]
    $ keywright "open quote"
    error: no passphrase from KEYWRIGHT_PASSPHRASE_COMMAND
      caused by: the passphrase command has a quote that is not closed
    [exit 5]
    $ keywright blank
    error: no passphrase from KEYWRIGHT_PASSPHRASE_COMMAND
      caused by: the passphrase command is empty
    [exit 5]
    $ keywright endless
    error: no passphrase from KEYWRIGHT_PASSPHRASE_COMMAND
      caused by: the passphrase command prints more than 65536 bytes
    [exit 5]
    $ keywright list --passphrase-file missing
    error: no passphrase from `missing`
      caused by: No such file or directory (os error 2)
    [exit 5]
    $ keywright list --passphrase-fd 17
    error: no passphrase from file descriptor 17
      caused by: No such file or directory (os error 2)
    [exit 5]
    $ keywright list --passphrase-fd 1
    error: no passphrase from file descriptor 1
      caused by: invalid input parameter
    [exit 5]
    $ keywright list --passphrase-fd=-1
    error: no passphrase from file descriptor -1
      caused by: invalid input parameter
    [exit 5]
    "#);
}

#[test]
fn a_variable_that_is_set_to_nothing_is_not_set() {
    let env = TestEnv::new();
    let mut command = env.command(["list"]);
    command
        .env("KEYWRIGHT_PASSPHRASE_FILE", "")
        .env("KEYWRIGHT_PASSPHRASE", "")
        .env("KEYWRIGHT_PASSPHRASE_COMMAND", "")
        .env("CREDENTIALS_DIRECTORY", env.path("credentials"));
    env.write("credentials/keywright-passphrase", PASSPHRASE);
    let outcome = env.finish(command, "");
    assert!(outcome.success(), "{outcome}");
}

#[test]
fn only_the_first_line_counts_whatever_ends_it() {
    let env = TestEnv::new();
    for contents in [
        PASSPHRASE.to_owned(),
        format!("{PASSPHRASE}\n"),
        format!("{PASSPHRASE}\r\n"),
        format!("{PASSPHRASE}\nanother line\n"),
    ] {
        env.write("passphrase", &contents);
        assert!(env.run(["list"]).success(), "{contents:?}");
    }
    for contents in [
        format!(" {PASSPHRASE}"),
        format!("{PASSPHRASE} "),
        format!("\n{PASSPHRASE}"),
        format!("{PASSPHRASE}\0"),
    ] {
        env.write("passphrase", &contents);
        let outcome = env.run(["list"]);
        assert_eq!(outcome.code(), Some(5), "{contents:?}: {outcome}");
    }
    env.write("passphrase", "x".repeat(5000));
    insta::assert_snapshot!(env.run(["list"]), @"
    exit: 5
    ---- stdout
    ---- stderr
    error: no passphrase from the file that KEYWRIGHT_PASSPHRASE_FILE names
      caused by: file too large
    ");
}

#[test]
fn standard_input_can_give_the_passphrase_and_then_the_value() {
    let env = TestEnv::new();
    let args = ["set", "openai", "--passphrase-fd", "0"];
    let outcome = env.run_with_stdin(args, format!("{PASSPHRASE}\nsk-0123456789abcdef\n"));
    assert!(outcome.success(), "{outcome}");
    assert_eq!(env.run(["get", "openai"]).stdout(), b"sk-0123456789abcdef");
}

#[test]
fn a_descriptor_above_the_standard_streams_gives_it_too() {
    let env = TestEnv::new();
    for script in [
        "\"$0\" list --passphrase-fd 3 3<passphrase",
        "cat passphrase | { exec 5<&0 0</dev/null; \"$0\" list --passphrase-fd 5; }",
    ] {
        let mut shell = env.program("sh");
        shell.args(["-c", script, env!("CARGO_BIN_EXE_keywright")]);
        shell.env_remove("KEYWRIGHT_PASSPHRASE_FILE");
        let outcome = env.finish(shell, "");
        assert!(outcome.success(), "{script}: {outcome}");
    }
}

#[test]
fn without_a_source_nobody_waits() {
    let env = TestEnv::new();
    env.set(["openai"], "sk-0123456789abcdef");
    for input in ["1", "0"] {
        for args in [
            &["list"] as &[&str],
            &["create", "x"],
            &["get", "openai"],
            &["verify"],
        ] {
            let mut command = env.command(args);
            command
                .env_remove("KEYWRIGHT_PASSPHRASE_FILE")
                .env("KEYWRIGHT_NO_INPUT", input);
            let began = Instant::now();
            // `finish` takes the terminal away, and leaves standard input open for as long as it takes.
            let outcome = env.finish(command, "");
            assert_eq!(outcome.code(), Some(5), "{args:?}: {outcome}");
            assert!(began.elapsed() < Duration::from_secs(30), "{args:?}");
            insta::allow_duplicates! {
                insta::assert_snapshot!(outcome, @r"
                exit: 5
                ---- stdout
                ---- stderr
                error: the passphrase is needed, and nobody can be asked for it
                hint: give it with --passphrase-file, --passphrase-fd, KEYWRIGHT_PASSPHRASE_FILE, KEYWRIGHT_PASSPHRASE or KEYWRIGHT_PASSPHRASE_COMMAND
                ");
            }
        }
    }
}

#[test]
fn a_new_vault_needs_a_source_too() {
    let env = TestEnv::empty();
    for args in [&["init"] as &[&str], &["create", "x"], &["set", "x"]] {
        let mut command = env.command(args);
        command.env_remove("KEYWRIGHT_PASSPHRASE_FILE");
        let outcome = env.finish(command, "value");
        assert_eq!(outcome.code(), Some(5), "{args:?}: {outcome}");
        assert!(!env.vault().exists(), "{args:?}");
    }
}

#[test]
fn a_passphrase_that_is_easy_to_guess_makes_no_vault() {
    let env = TestEnv::empty();
    let mut told = Transcript::default();
    for weak in [
        "",
        "password",
        "12345678",
        "correct",
        "keywright",
        "aaaaaaaaaaaaaaaa",
    ] {
        env.write("passphrase", weak);
        let outcome = env.run(["init", "--kdf", "test"]);
        told.refused(&["init", &format!("# {weak:?}")], &outcome);
        assert!(!env.vault().exists(), "{weak:?}");
    }
    insta::assert_snapshot!(told, @r##"
    $ keywright init "# \"\""
    error: a passphrase cannot be empty
    [exit 2]
    $ keywright init "# \"password\""
    error: this passphrase is easy to guess
    hint: use four or more random words; --allow-weak-passphrase takes it all the same
    [exit 8]
    $ keywright init "# \"12345678\""
    error: this passphrase is easy to guess
    hint: use four or more random words; --allow-weak-passphrase takes it all the same
    [exit 8]
    $ keywright init "# \"correct\""
    error: this passphrase is easy to guess
    hint: use four or more random words; --allow-weak-passphrase takes it all the same
    [exit 8]
    $ keywright init "# \"keywright\""
    error: this passphrase is easy to guess
    hint: use four or more random words; --allow-weak-passphrase takes it all the same
    [exit 8]
    $ keywright init "# \"aaaaaaaaaaaaaaaa\""
    error: this passphrase is easy to guess
    hint: use four or more random words; --allow-weak-passphrase takes it all the same
    [exit 8]
    "##);

    env.write("passphrase", "password");
    let allowed = env.run(["init", "--kdf", "test", "--allow-weak-passphrase"]);
    assert!(allowed.success(), "{allowed}");
    assert!(env.run(["list"]).success());
}

#[test]
fn the_passphrase_command_keeps_its_own_standard_error_and_no_input() {
    let env = TestEnv::new();
    let mut command = env.command(["set", "openai"]);
    command.env_remove("KEYWRIGHT_PASSPHRASE_FILE").env(
        "KEYWRIGHT_PASSPHRASE_COMMAND",
        "sh -c 'cat > swallowed; echo asking >&2; head -n 1 passphrase'",
    );
    let outcome = env.finish(command, "sk-0123456789abcdef");
    assert!(outcome.success(), "{outcome}");
    assert!(outcome.stderr().contains("asking"), "{outcome}");
    // The value on standard input is not the command's to read.
    assert_eq!(env.run(["get", "openai"]).stdout(), b"sk-0123456789abcdef");
}

/// As in a CI job whose secret is absent.
#[test]
fn an_empty_variable_is_told() {
    let env = TestEnv::new();
    let mut command = env.command(["list"]);
    command
        .env_remove("KEYWRIGHT_PASSPHRASE_FILE")
        .env("KEYWRIGHT_PASSPHRASE", "");
    insta::assert_snapshot!(env.finish(command, ""), @"
    exit: 5
    ---- stdout
    ---- stderr
    error: the passphrase is needed, nobody can be asked for it, and KEYWRIGHT_PASSPHRASE is empty
    hint: give it with --passphrase-file, --passphrase-fd, KEYWRIGHT_PASSPHRASE_FILE, KEYWRIGHT_PASSPHRASE or KEYWRIGHT_PASSPHRASE_COMMAND
    ");
}
