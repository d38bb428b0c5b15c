//! `lock` where it matters which agent is meant, and where things are not as they should be.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::common::{Outcome, TestEnv};

impl TestEnv {
    /// In a session of the system's, which has a folder for sockets; without it is a job of cron.
    pub(crate) fn in_session(&self, args: &[&str]) -> Outcome {
        let folder = self.path("run");
        fs::create_dir_all(&folder).expect("made");
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o700)).expect("changed");
        let mut command = self.command(args);
        command.env("XDG_RUNTIME_DIR", folder);
        self.finish(command, "")
    }
}

#[test]
fn an_agent_that_a_job_of_cron_started_is_found_from_the_session() {
    let env = TestEnv::new();
    env.unlock();
    let state = |outcome: Outcome| outcome.json()["agent"]["state"].clone();
    assert_eq!(state(env.in_session(&["status", "--json"])), "unlocked");
    // Its key opens the vault: the passphrase is wrong.
    env.write("passphrase", "another one\n");
    assert!(env.in_session(&["list"]).success());
    let locked = env.in_session(&["lock"]);
    assert!(locked.stderr().starts_with("Locked `"), "{locked}");
    assert_eq!(env.agent_state(), "none");
    assert_eq!(env.in_session(&["list"]).code(), Some(5));
}

#[test]
fn both_agents_of_a_vault_are_locked() {
    let env = TestEnv::new();
    env.unlock();
    let second = env.in_session(&["unlock"]);
    assert!(second.success(), "{second}");
    assert_eq!(env.sockets().len(), 2);
    let locked = env.in_session(&["lock"]);
    assert!(locked.stderr().starts_with("Locked `"), "{locked}");
    assert!(env.sockets().is_empty());
    let again = env.in_session(&["lock"]);
    assert!(again.stderr().starts_with("Already locked: `"), "{again}");
}

#[test]
fn another_passphrase_locks_both() {
    let env = TestEnv::new();
    env.unlock();
    env.write("new", "seven maples guard quiet lanterns\n");
    let changed = env.in_session(&["passphrase", "--new-passphrase-file", "new"]);
    assert!(changed.success(), "{changed}");
    assert!(
        changed.stderr().contains("The agent is locked"),
        "{changed}"
    );
    assert_eq!(env.agent_state(), "none");
}

#[test]
fn where_neither_an_agent_nor_a_vault_is_nothing_was_locked() {
    let env = TestEnv::new();
    env.unlock();
    insta::assert_snapshot!(env.run(["lock", "--vault", "typo.db"]), @"
    exit: 1
    ---- stdout
    ---- stderr
    error: no agent for `typo.db`, and no vault there
    hint: `keywright lock --all` locks every agent
    ");
    assert_eq!(env.agent_state(), "unlocked");
}

#[test]
fn all_agents_are_locked_in_both_folders() {
    let env = TestEnv::new();
    env.unlock();
    let other = env.run(["init", "--vault", "other.db"]);
    assert!(other.success(), "{other}");
    let second = env.in_session(&["unlock", "--vault", "other.db"]);
    assert!(second.success(), "{second}");
    insta::assert_snapshot!(env.in_session(&["lock", "--all"]), @"
    exit: 0
    ---- stdout
    ---- stderr
    Locked 2 agents
    ");
    assert!(env.sockets().is_empty());
    insta::assert_snapshot!(env.in_session(&["lock", "--all", "--json"]), @r#"
    exit: 0
    ---- stdout
    {
      "agents": 0,
      "outcome": "unchanged",
      "schema": 1,
      "vault": null
    }
    ---- stderr
    "#);
}

#[test]
fn a_folder_that_is_unsafe_keeps_the_other_s_agents_from_nothing() {
    let env = TestEnv::new();
    env.unlock();
    let run = env.path("run/keywright");
    fs::create_dir_all(&run).expect("made");
    fs::set_permissions(&run, fs::Permissions::from_mode(0o755)).expect("changed");
    let refused = env.in_session(&["lock", "--all"]);
    assert_eq!(refused.code(), Some(8), "{refused}");
    assert!(
        refused.stderr().starts_with("Locked 1 agent\n"),
        "{refused}"
    );
    assert_eq!(env.agent_state(), "none");
    env.unlock();
    assert_eq!(env.in_session(&["lock"]).code(), Some(8));
    assert_eq!(env.agent_state(), "none");
}

#[test]
fn a_wrong_settings_file_keeps_nobody_from_locking() {
    let env = TestEnv::new();
    for (file, text) in [
        (".config/keywright/config.toml", "agent_idle = \"1s\"\n"),
        (".config/keywright/config.toml", "nonsense\n"),
        ("keywright.toml", "nonsense\n"),
    ] {
        env.unlock();
        env.write(file, text);
        assert_eq!(env.run(["list"]).code(), Some(2), "{text}");
        let locked = env.run(["lock"]);
        assert!(locked.success(), "{text}: {locked}");
        let told = locked.stderr();
        let name = file.rsplit('/').next().expect("a name");
        assert!(
            told.starts_with("warning: ") && told.contains(name),
            "{told}"
        );
        assert!(told.contains("\nLocked `"), "{told}");
        fs::remove_file(env.path(file)).expect("removed");
        assert_eq!(env.agent_state(), "none");
    }
}
