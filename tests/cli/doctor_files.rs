//! What `doctor` finds around the vault's file, and that what it says mends it.

use std::fs;

use crate::common::{PASSPHRASE, TestEnv, skip};
use crate::doctor::{IGNORED, checks, chmod, doctor, sound};
use crate::terminal::Terminal;
use crate::unfinished::aged;

/// Finds this alone; and nothing any more once what it says was done.
#[track_caller]
fn mended_by_its_own_words(env: &TestEnv, check: &str, code: i32) {
    let found = doctor(env, &["--json"]);
    assert_eq!(checks(&found), [check], "{found}");
    assert_eq!(found.code(), Some(code), "{found}");
    let document = found.json();
    let finding = &document["findings"][0];
    let path = finding["path"].as_str().expect("a path");
    assert!(finding["message"].as_str().expect("a text").contains(path));
    let mut shell = env.program("sh");
    shell.args(["-c", finding["mend"].as_str().expect("a text")]);
    let mended = env.finish(shell, "");
    assert!(mended.success(), "{mended}");
    let again = doctor(env, &["--json"]);
    assert_eq!(
        (again.code(), checks(&again).len()),
        (Some(0), 0),
        "{again}"
    );
}

#[test]
fn files_that_others_can_reach() {
    let env = sound();
    let token = env.create(["deploy"]);
    assert!(env.run_with_stdin(["verify"], &token).success());
    env.write(".config/keywright/config.toml", "event_days = 30\n");
    let activity = env.activity();
    let state = activity.parent().expect("a folder").to_owned();
    let anchor = fs::read_dir(&state)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path())
        .find(|path| path.extension().is_some_and(|end| end == "anchor"));
    for (path, mode) in [
        (env.path(".config/keywright"), 0o777),
        (env.path(".config/keywright"), 0o1777),
        (env.path(".config/keywright"), 0o720),
        (env.path(".config/keywright/config.toml"), 0o666),
        (env.path(".local/state/keywright"), 0o770),
        (state, 0o702),
        (activity.clone(), 0o640),
        (activity.with_extension("db-wal"), 0o604),
        (anchor.expect("an anchor"), 0o660),
    ] {
        chmod(&path, mode);
        mended_by_its_own_words(&env, "file_access", 9);
    }
    let passphrase = env.path("passphrase");
    for mode in [0o644, 0o640, 0o602] {
        chmod(&passphrase, mode);
        mended_by_its_own_words(&env, "secret_file", 9);
    }
}

#[test]
fn a_vault_that_others_can_read_is_told_and_not_opened() {
    let env = sound();
    chmod(&env.vault(), 0o644);
    insta::assert_snapshot!(doctor(&env, &[]), @"
    exit: 8
    ---- stdout
    problem: the vault `[HOME]/.config/keywright/vault.db` is refused: others can read it (mode 644)
      mend: chmod 600 [HOME]/.config/keywright/vault.db
    ---- stderr
    error: the vault `[HOME]/.config/keywright/vault.db` is refused: others can read it (mode 644)
    hint: run: chmod 600 [HOME]/.config/keywright/vault.db
    ");
    mended_by_its_own_words(&env, "vault_file", 8);
}

#[test]
fn a_folder_of_another_user() {
    if !rustix::process::geteuid().is_root() {
        return skip("only root can give a folder away");
    }
    let env = sound();
    let folder = env.path(".config/keywright");
    let give = |to| std::os::unix::fs::chown(&folder, Some(to), None).expect("given");
    give(12_345);
    let found = doctor(&env, &["--json"]);
    assert_eq!(checks(&found), ["file_access"], "{found}");
    give(0);
    assert!(doctor(&env, &[]).success());
}

#[test]
fn what_killed_processes_left() {
    let env = sound();
    let left = env.write(".config/keywright/vault.db.new-0123456789ab", "half");
    // Its process may be at it still.
    assert!(doctor(&env, &[]).success());
    aged(&left);
    mended_by_its_own_words(&env, "leftover", 9);
    assert!(!left.exists());
    // Killed between the vault's name and the end of the passing one.
    fs::hard_link(env.vault(), &left).expect("linked");
    aged(&left);
    let told = doctor(&env, &[]).stdout_text();
    assert!(told.contains("is a second name of the vault"), "{told}");
    mended_by_its_own_words(&env, "leftover", 9);
    assert!(env.vault().exists());

    let journal = env.write(".config/keywright/vault.db-journal", "cut off");
    assert!(doctor(&env, &[]).success());
    let journal = match journal.exists() {
        true => journal,
        false => env.write(".config/keywright/vault.db-journal", "cut off"),
    };
    aged(&journal);
    let found = doctor(&env, &["--json"]);
    assert_eq!(checks(&found), ["cut_off_change"], "{found}");
}

#[test]
fn files_are_told_before_the_passphrase_is_asked_for() {
    let env = sound();
    chmod(&env.path(".config/keywright"), 0o777);
    let mut terminal = Terminal::spawn(env.asking([&["doctor"], &IGNORED as &[&str]].concat()));
    terminal.expect("others can replace");
    terminal.expect("chmod go-w");
    terminal.expect("Passphrase: ");
    terminal.send(format!("{PASSPHRASE}\n"));
    let (status, screen) = terminal.wait();
    assert_eq!(status.code(), Some(9), "{screen}");
}
