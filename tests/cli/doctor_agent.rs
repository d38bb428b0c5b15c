//! What `doctor` finds of the agent, and that what it says mends it.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::common::TestEnv;
use crate::doctor::{checks, chmod, doctor, sound};

const FOLDER: &str = ".local/state/keywright/agent";

/// Runs what the only finding says.
#[track_caller]
fn mend(env: &TestEnv, finding: &serde_json::Value) {
    let words = finding["mend"].as_str().expect("a text");
    let mended = match words.strip_prefix("keywright ") {
        Some(args) => env.run(args.split(' ')),
        None => {
            let mut shell = env.program("sh");
            shell.args(["-c", words]);
            env.finish(shell, "")
        }
    };
    assert!(mended.success(), "{mended}");
}

#[test]
fn an_agent_that_is_as_it_should_be_is_no_finding() {
    let env = sound();
    env.unlock();
    assert!(doctor(&env, &[]).success());
    assert_eq!(env.agent_state(), "unlocked");
    assert!(env.run(["lock"]).success());
    assert!(doctor(&env, &[]).success());
}

#[test]
fn a_folder_that_others_can_reach_is_told() {
    let env = sound();
    env.unlock();
    chmod(&env.path(FOLDER), 0o755);
    assert_eq!(env.agent_state(), "unusable");
    insta::assert_snapshot!(doctor(&env, &[]), @"
    exit: 8
    ---- stdout
    problem: the agent cannot be used: the agent's folder `[HOME]/.local/state/keywright/agent` is not safe: others can reach into it (mode 755)
      mend: chmod 700 [HOME]/.local/state/keywright/agent
    ---- stderr
    error: the agent's folder `[HOME]/.local/state/keywright/agent` is not safe: others can reach into it (mode 755)
    hint: run: chmod 700 [HOME]/.local/state/keywright/agent
    ");
    // Where an option says where the passphrase is, no agent is asked, and the vault is opened.
    let found = doctor(&env, &["--json", "--passphrase-file", "passphrase"]);
    assert_eq!(
        (found.code(), checks(&found)),
        (Some(9), vec!["agent".to_owned()])
    );
    let finding = found.json()["findings"][0].clone();
    assert_eq!(finding["severity"], "problem");
    let path = finding["path"].as_str().expect("a path");
    assert_eq!(path, env.path(FOLDER).to_str().expect("UTF-8"));
    mend(&env, &finding);
    assert!(doctor(&env, &[]).success());
}

/// A copy, which has no agent, as on another machine; then it is put where the vault is.
fn rekey_elsewhere(env: &TestEnv) {
    let copy = env.write("copy.db", env.vault_bytes());
    fs::set_permissions(&copy, fs::Permissions::from_mode(0o600)).expect("changed");
    env.write("new", "seven maples guard quiet lanterns\n");
    let mut rekey = env.command(["passphrase", "--compromised", "--yes", "--kdf", "test"]);
    rekey
        .args(["--new-passphrase-file", "new", "--vault"])
        .arg(&copy);
    let rekeyed = env.finish(rekey, "");
    assert!(rekeyed.success(), "{rekeyed}");
    fs::write(env.vault(), fs::read(&copy).expect("the copy")).expect("written");
    let new = fs::read(env.path("new")).expect("the new one");
    fs::write(env.path("passphrase"), new).expect("written");
}

#[test]
fn a_key_that_is_not_the_vaults_any_more_is_told() {
    let env = sound();
    env.unlock();
    rekey_elsewhere(&env);
    let found = doctor(&env, &["--json", "--passphrase-file", "passphrase"]);
    assert_eq!(checks(&found), ["agent_stale"], "{found}");
    assert_eq!(env.agent_state(), "outdated");
    mend(&env, &found.json()["findings"][0]);
    assert_eq!(env.agent_state(), "none");
    assert!(doctor(&env, &[]).success());
    // Where the agent is asked, as by any command, it is locked on the way.
    let env = sound();
    env.unlock();
    rekey_elsewhere(&env);
    insta::assert_snapshot!(doctor(&env, &[]), @"
    exit: 9
    ---- stdout
    problem: the agent has a key of this vault that is not the vault's any more: it was re-keyed, or an older copy is in its place
      mend: keywright lock
    ---- stderr
    The agent is locked
    warning: the rollback anchor on this machine was from before a re-keying; it is renewed
    ");
    assert_eq!(env.agent_state(), "none");
    assert!(doctor(&env, &[]).success());
}
