//! `unlock`, `lock`, `agent`, and who may open the vault because of them.

mod replaced;

use std::fs;
use std::process::Command;

use rustix::process::{Pid, Signal, kill_process};

use crate::agents::Foreground;
use crate::common::{PASSPHRASE, TestEnv};
use crate::terminal::Terminal;

/// As a person at a terminal, where an agent is started.
fn typing(env: &TestEnv, args: &[&str]) -> Command {
    let mut command = env.asking(args);
    command.env_remove("CI");
    command
}

/// Types the passphrase; gives what was on the screen.
#[track_caller]
fn type_passphrase(command: Command) -> String {
    let mut terminal = Terminal::spawn(command);
    terminal.expect("Passphrase: ");
    terminal.send(format!("{PASSPHRASE}\r"));
    let (status, screen) = terminal.wait();
    assert!(status.success(), "{screen}");
    screen
}

#[test]
fn unlock_and_lock() {
    let env = TestEnv::new();
    env.set(["openai"], "sk-0123456789abcdef");
    assert_eq!(env.without_passphrase(&["get", "openai"]).code(), Some(5));
    insta::assert_snapshot!(env.session(&["unlock"]), @"
    $ keywright unlock
    Unlocked until 15 min without use, 8 h at most; `keywright lock` ends it
    [exit 0]
    ");
    assert_eq!(env.agent_state(), "unlocked");
    let value = env.without_passphrase(&["get", "openai"]);
    assert_eq!(value.stdout(), b"sk-0123456789abcdef", "{value}");
    insta::assert_snapshot!(env.session(&["lock", "lock"]), @"
    $ keywright lock
    Locked `[HOME]/.config/keywright/vault.db`
    [exit 0]
    $ keywright lock
    Already locked: `[HOME]/.config/keywright/vault.db`
    [exit 0]
    ");
    assert_eq!(env.agent_state(), "none");
    assert_eq!(env.without_passphrase(&["get", "openai"]).code(), Some(5));
}

#[test]
fn their_answers_as_json() {
    let env = TestEnv::new();
    let unlocked = env.run(["unlock", "--idle", "1h", "--max", "2d", "--json"]);
    insta::assert_snapshot!(unlocked, @r#"
    exit: 0
    ---- stdout
    {
      "idle_seconds": 3600,
      "max_seconds": 172800,
      "outcome": "unlocked",
      "schema": 1
    }
    ---- stderr
    "#);
    let agent = env.agent();
    let left = |field: &str| agent[field].as_u64().expect("seconds");
    assert!((1..=3_600).contains(&left("idle_seconds_left")), "{agent}");
    assert!((3_600..=172_800).contains(&left("seconds_left")), "{agent}");
    assert_eq!(agent["version"], env!("CARGO_PKG_VERSION"));
    insta::assert_snapshot!(env.run(["lock", "--json"]), @r#"
    exit: 0
    ---- stdout
    {
      "agents": null,
      "outcome": "locked",
      "schema": 1,
      "vault": "[HOME]/.config/keywright/vault.db"
    }
    ---- stderr
    "#);
    insta::assert_snapshot!(env.run(["lock", "--json"]), @r#"
    exit: 0
    ---- stdout
    {
      "agents": null,
      "outcome": "unchanged",
      "schema": 1,
      "vault": "[HOME]/.config/keywright/vault.db"
    }
    ---- stderr
    "#);
}

#[test]
fn limits_out_of_bounds_are_refused() {
    let env = TestEnv::new();
    for args in [["unlock", "--idle", "59s"], ["unlock", "--max", "31d"]] {
        let refused = env.run(args);
        assert_eq!(refused.code(), Some(2), "{refused}");
        assert!(refused.stderr().contains("from `1m` to `30d`"), "{refused}");
    }
    env.write(".config/keywright/config.toml", "agent_idle = \"1s\"\n");
    let refused = env.run(["list"]);
    assert_eq!(refused.code(), Some(2), "{refused}");
    assert!(refused.stderr().contains("`agent_idle`"), "{refused}");
    env.write(
        ".config/keywright/config.toml",
        "agent_idle = \"2m\"\nagent_max = \"90m\"\n",
    );
    let unlocked = env.run(["unlock"]);
    let words = "Unlocked until 2 min without use, 90 min at most";
    assert!(unlocked.stderr().contains(words), "{unlocked}");
}

#[test]
fn an_idle_time_that_is_never_reached_is_refused() {
    let env = TestEnv::new();
    insta::assert_snapshot!(env.run(["unlock", "--idle", "2h", "--max", "1h"]), @"
    exit: 2
    ---- stdout
    ---- stderr
    error: 2 h without use is longer than 1 h in any case
    hint: --idle is at most as long as --max
    ");
    insta::assert_snapshot!(env.run(["unlock", "--idle", "12h"]), @"
    exit: 2
    ---- stdout
    ---- stderr
    error: 12 h without use is longer than 8 h in any case
    hint: --idle is at most as long as --max
    ");
    assert_eq!(env.agent_state(), "none");
    // The usual one is cut short, and the same length is no mistake.
    let cut = env.run(["unlock", "--max", "5m"]);
    let words = "Unlocked until 5 min without use, 5 min at most";
    assert!(cut.stderr().contains(words), "{cut}");
    assert!(env.run(["unlock", "--idle", "1h", "--max", "1h"]).success());
}

#[test]
fn a_typed_passphrase_is_asked_for_once() {
    let env = TestEnv::new();
    let screen = type_passphrase(typing(&env, &["list"]));
    assert!(screen.contains("Unlocked until 15 min"), "{screen}");
    assert_eq!(env.agent_state(), "unlocked");
    let listed = env.without_passphrase(&["list"]);
    assert!(listed.success(), "{listed}");
    let (status, screen) = Terminal::spawn(typing(&env, &["list"])).wait();
    assert!(
        status.success() && !screen.contains("Passphrase"),
        "{screen}"
    );
}

#[test]
fn nothing_is_started_where_nobody_wants_it() {
    let env = TestEnv::new();
    assert_eq!(env.without_passphrase(&["list"]).code(), Some(5));
    assert!(env.run(["list"]).success());
    let mut in_ci = typing(&env, &["list"]);
    in_ci.env("CI", "1");
    let screen = type_passphrase(in_ci);
    assert!(!screen.contains("Unlocked"), "{screen}");
    assert_eq!(env.agent_state(), "none");
    env.write(".config/keywright/config.toml", "agent = \"off\"\n");
    let screen = type_passphrase(typing(&env, &["list"]));
    assert!(!screen.contains("Unlocked"), "{screen}");
    assert_eq!(env.agent_state(), "none");
    assert!(!env.path(".local/state/keywright/agent").exists());
    // What is asked for is done, and used.
    env.unlock();
    assert!(env.without_passphrase(&["list"]).success());
    // The twin of the first: CI may say that this is none.
    env.write(".config/keywright/config.toml", "agent = \"auto\"\n");
    assert!(env.run(["lock"]).success());
    let mut no_ci = typing(&env, &["list"]);
    no_ci.env("CI", "false");
    assert!(type_passphrase(no_ci).contains("Unlocked"));
}

#[test]
fn the_agent_comes_after_the_options_and_before_the_variables() {
    let env = TestEnv::new();
    env.unlock();
    env.write("wrong", "another passphrase\n");
    let variable = env.run_with_env(["list"], [("KEYWRIGHT_PASSPHRASE_FILE", "wrong")]);
    assert!(variable.success(), "{variable}");
    let option = env.run(["list", "--passphrase-file", "wrong"]);
    assert_eq!(option.code(), Some(5), "{option}");
    let token = env.run_with_env(["list"], [("KEYWRIGHT_ACCESS_TOKEN", "kwa_none")]);
    assert!(!token.success(), "{token}");
}

#[test]
fn the_limits_begin_anew_only_with_the_passphrase() {
    let env = TestEnv::new();
    env.unlock();
    let again = env.without_passphrase(&["unlock"]);
    assert_eq!(again.code(), Some(5), "{again}");
    env.write("wrong", "another passphrase\n");
    let wrong = env.run(["unlock", "--passphrase-file", "wrong"]);
    assert_eq!(wrong.code(), Some(5), "{wrong}");
    assert_eq!(env.agent_state(), "unlocked");
}

#[test]
fn another_passphrase_has_to_be_known() {
    let env = TestEnv::new();
    env.write("new", "seven maples guard quiet lanterns\n");
    env.unlock();
    let changed = env.run(["passphrase", "--new-passphrase-file", "new"]);
    assert!(changed.success(), "{changed}");
    assert!(
        changed.stderr().contains("The agent is locked"),
        "{changed}"
    );
    assert_eq!(env.agent_state(), "none");
}

#[test]
fn a_key_from_before_a_re_keying_opens_nothing_and_is_wiped() {
    let env = TestEnv::new();
    env.write("new", "seven maples guard quiet lanterns\n");
    let unlocked = env.in_session(&["unlock"]);
    assert!(unlocked.success(), "{unlocked}");
    // By somebody who does not see this agent.
    let rekeyed = env.run([
        "passphrase",
        "--compromised",
        "--yes",
        "--new-passphrase-file",
        "new",
    ]);
    assert!(rekeyed.success(), "{rekeyed}");
    let state = || env.in_session(&["status", "--json"]).json()["agent"]["state"].clone();
    assert_eq!(state(), "outdated");
    let listed = env.in_session(&["list", "--no-input"]);
    assert!(listed.stderr().contains("The agent is locked"), "{listed}");
    assert_eq!(listed.code(), Some(5), "{listed}");
    assert_eq!(state(), "none");
}

#[test]
fn a_lost_vault_can_still_be_locked() {
    let env = TestEnv::new();
    env.unlock();
    fs::remove_file(env.vault()).expect("removed");
    insta::assert_snapshot!(env.session(&["lock"]), @"
    $ keywright lock
    Locked `[HOME]/.config/keywright/vault.db`
    [exit 0]
    ");
    assert_eq!(env.agent_state(), "none");
}

#[test]
fn in_the_foreground_it_stays_until_a_signal() {
    let env = TestEnv::new();
    for signal in [Signal::TERM, Signal::HUP, Signal::INT] {
        let agent = Foreground::start(env.command(["agent"]));
        assert_eq!(env.agent_state(), "locked");
        assert_eq!(env.without_passphrase(&["list"]).code(), Some(5));
        env.unlock();
        assert_eq!(env.agent_pid(), agent.0.id());
        assert!(env.without_passphrase(&["list"]).success());
        assert!(env.run(["lock"]).success());
        assert_eq!(env.agent_state(), "locked");
        env.unlock();
        let second = env.run(["agent"]);
        assert_eq!(second.code(), Some(4), "{second}");
        let process = format!("(process {})", agent.0.id());
        assert!(second.stderr().contains(&process), "{second}");
        let socket = env.socket();
        assert_eq!(agent.end(signal).code(), Some(0));
        assert!(!socket.exists());
        assert_eq!(env.agent_state(), "none");
    }
}

#[test]
fn in_the_background_a_signal_ends_it_too() {
    let env = TestEnv::new();
    env.unlock();
    let pid = i32::try_from(env.agent_pid()).expect("a process");
    let lock = env.socket().with_extension("lock");
    kill_process(Pid::from_raw(pid).expect("a process"), Signal::TERM).expect("it runs");
    // Its lock is free when it is gone.
    let lock = fs::File::open(lock).expect("there");
    lock.lock_shared().expect("free in the end");
    drop(lock);
    assert_eq!(env.agent_state(), "none");
}
