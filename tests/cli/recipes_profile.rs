//! The README's profiles in the real bash, zsh and fish, which are interactive and have a terminal.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::common::{PASSPHRASE, TestEnv, needed};
use crate::recipes::{install, program, recipe, script};
use crate::terminal::Terminal;

const VALUE: &str = "sk-canary 'a' $b";

/// The shells, with the profile that each reads.
fn shells() -> Vec<(PathBuf, &'static str, &'static str)> {
    let shells = [
        ("bash", ".bashrc", "profile"),
        ("zsh", ".zshrc", "profile"),
        ("fish", ".config/fish/config.fish", "profile-fish"),
    ];
    let installed = shells.map(|(shell, file, name)| Some((needed(shell)?, file, recipe(name))));
    installed.into_iter().flatten().collect()
}

fn one() -> TestEnv {
    let env = TestEnv::new();
    install(&env);
    // What is typed starts no agent, so that each asks.
    env.write(".config/keywright/config.toml", "agent = \"off\"\n");
    script(&env, "bin/llm", "echo \"llm $1 has $OPENAI_API_KEY\"\n");
    env.set(["openai"], VALUE);
    env
}

fn interactive(env: &TestEnv, shell: &Path, lines: &str) -> Command {
    let mut command = program(env, shell);
    command.args(["-i", "-c", lines]).env("TERM", "dumb");
    command
}

#[test]
fn a_profile_opens_the_vault_when_it_is_asked_to() {
    for (shell, file, profile) in shells() {
        let env = one();
        env.write(file, profile);
        let lines = "echo started\nllm one\necho \"after llm: $OPENAI_API_KEY.\"\n\
                     keys --only openai || echo \"keys failed: $OPENAI_API_KEY.\"\n\
                     keys --only openai && echo \"keys: $OPENAI_API_KEY.\"";
        let mut terminal = Terminal::spawn(interactive(&env, &shell, lines));
        let step = |terminal: &mut Terminal, answer: &str, expected: &[String]| {
            terminal.expect("Passphrase: ");
            terminal.send(format!("{answer}\n"));
            expected.iter().for_each(|text| terminal.expect(text));
        };
        terminal.expect("started");
        let once = format!("llm one has {VALUE}");
        step(
            &mut terminal,
            PASSPHRASE,
            &[once, "after llm: .".to_owned()],
        );
        step(
            &mut terminal,
            "wrong",
            &["error: ".to_owned(), "keys failed: .".to_owned()],
        );
        step(&mut terminal, PASSPHRASE, &[format!("keys: {VALUE}.")]);
        let (status, screen) = terminal.wait();
        assert!(status.success(), "{shell:?}: {screen}");
    }
}

/// The line for every session, after the rest of the profile: right, wrong, locked, and in a shell that is not interactive.
#[test]
fn a_profile_that_cannot_open_the_vault_lets_the_shell_start() {
    for (shell, file, profile) in shells() {
        if file.ends_with(".fish") {
            continue;
        }
        let env = one();
        env.write(file, format!("{profile}{}", recipe("profile-start")));
        let started = |source: &str| {
            let mut command = interactive(&env, &shell, "echo \"started: $OPENAI_API_KEY.\"");
            command.env("KEYWRIGHT_PASSPHRASE_COMMAND", source);
            let (status, screen) = Terminal::spawn(command).wait();
            assert!(status.success(), "{shell:?}: {screen}");
            env.screen(&screen)
        };
        assert_eq!(
            started(&format!("echo '{PASSPHRASE}'")),
            format!("started: {VALUE}.\n")
        );
        insta::allow_duplicates! {
            insta::assert_snapshot!(started("echo wrong"), @"
            error: wrong passphrase, or a slot of the vault was altered
            hint: try again; `keywright status` shows which vault this is
            started: .
            ");
            insta::assert_snapshot!(started("false"), @"
            error: no passphrase from KEYWRIGHT_PASSPHRASE_COMMAND
              caused by: the passphrase command failed (exit status: 1)
            started: .
            ");
            insta::assert_snapshot!(started(""), @"
            error: the passphrase is needed, nobody can be asked for it, and KEYWRIGHT_PASSPHRASE_COMMAND is empty
            hint: give it with --passphrase-file, --passphrase-fd, KEYWRIGHT_PASSPHRASE_FILE, KEYWRIGHT_PASSPHRASE or KEYWRIGHT_PASSPHRASE_COMMAND
            started: .
            ");
        }
        let mut command = program(&env, &shell);
        let line = format!(". ~/{file}; echo \"script: $OPENAI_API_KEY.\"");
        command.args(["-c", &line]);
        let outcome = env.finish(command, "");
        assert_eq!(
            (outcome.stdout_text().as_str(), outcome.stderr().as_str()),
            ("script: .\n", "")
        );
    }
}
