//! The README's lines for cron, which is simulated: it gives `sh` a line with its own few variables and those that are
//! set in the table, and mails what the line prints.

use crate::common::{Outcome, TestEnv};
use crate::doctor::{IGNORED, chmod, sound};
use crate::recipes::{filled, recipe};

/// What each line of the table comes to.
fn run_table(env: &TestEnv, table: &str) -> Vec<Outcome> {
    let table = filled(
        table,
        "/usr/local/bin/keywright",
        env!("CARGO_BIN_EXE_keywright"),
    );
    let table = filled(&table, "--ignore recovery_code", &IGNORED.join(" "));
    let own = env.path("passphrase").display().to_string();
    let table = table.replace("/home/me/.config/keywright/passphrase", &own);
    // What cron takes for the end of a line.
    assert!(!table.contains('%'), "{table}");
    let mut variables = Vec::new();
    let mut outcomes = Vec::new();
    for line in table.lines() {
        let times = line.split(' ').take(5);
        let is_time = |text: &str| text.chars().all(|c| c.is_ascii_digit() || c == '*');
        if times.clone().count() == 5 && times.clone().all(is_time) {
            let mut command = env.program("/bin/sh");
            command.env_clear();
            command
                .env("HOME", env.home())
                .env("LOGNAME", "me")
                .env("PATH", "/usr/bin:/bin")
                .env("SHELL", "/bin/sh")
                .envs(variables.iter().copied());
            let line = line.splitn(6, ' ').last().expect("a command");
            command.args(["-c", line]);
            outcomes.push(env.finish(command, ""));
        } else {
            variables.push(line.split_once('=').expect("a variable"));
        }
    }
    outcomes
}

#[test]
fn a_reminder_is_mailed_when_something_was_found() {
    let env = sound();
    let silent = |outcomes: &[Outcome]| {
        for outcome in outcomes {
            assert_eq!(outcome.code(), Some(0), "{outcome}");
            assert!(
                outcome.stdout().is_empty() && outcome.stderr().is_empty(),
                "{outcome}"
            );
        }
    };
    env.create(["deploy"]);
    let outcomes = run_table(&env, recipe("cron"));
    assert_eq!(outcomes.len(), 2);
    silent(&outcomes);
    // What ends later than in 14 days is no news.
    env.create(["later", "--expires", "20d"]);
    silent(&run_table(&env, recipe("cron")));
    env.create(["soon", "--expires", "10d"]);
    let outcomes = run_table(&env, recipe("cron"));
    for outcome in &outcomes {
        assert_eq!(outcome.code(), Some(9), "{outcome}");
        assert!(outcome.stderr().is_empty(), "{outcome}");
        let mail = outcome.stdout_text();
        assert!(
            mail.contains("soon") && !mail.contains("later"),
            "{outcome}"
        );
    }
    insta::assert_snapshot!(outcomes[1], @"
    exit: 9
    ---- stdout
    advice: `soon` in default/development expires in 10 d, at [-------TIME-------]
      mend: keywright rotate soon -p default -e development
    ---- stderr
    ");
}

/// A failure is mailed as well, and no line is taken for one that found nothing.
#[test]
fn a_reminder_that_cannot_open_the_vault_is_mailed() {
    let env = sound();
    let variable = "KEYWRIGHT_PASSPHRASE_FILE=/home/me/.config/keywright/passphrase\n";
    for outcome in run_table(&env, &filled(recipe("cron"), variable, "")) {
        assert_eq!(outcome.code(), Some(5), "{outcome}");
        assert!(
            outcome.stderr().contains("the passphrase is needed"),
            "{outcome}"
        );
    }
    // And who else can read the passphrase is told by `doctor`.
    chmod(&env.path("passphrase"), 0o644);
    let outcomes = run_table(&env, recipe("cron"));
    assert_eq!(outcomes[1].code(), Some(9), "{}", outcomes[1]);
}
