//! Files and folders are their owner's alone, whatever the umask; what is no file of ours is left as it is.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use crate::common::TestEnv;

/// Runs keywright under a umask.
fn under(env: &TestEnv, umask: &str, args: &[&str], stdin: &str) {
    let mut shell = env.program("sh");
    let script = format!("umask {umask}; exec \"$0\" \"$@\"");
    shell
        .args(["-c", &script, env!("CARGO_BIN_EXE_keywright")])
        .args(args);
    let outcome = env.finish(shell, stdin);
    assert!(outcome.success(), "umask {umask}, {args:?}: {outcome}");
}

/// Every file and folder that keywright made, with its mode.
fn modes(env: &TestEnv) -> Vec<(PathBuf, bool, u32)> {
    let mut modes = Vec::new();
    let mut folders = vec![env.path(".config"), env.path(".local")];
    while let Some(folder) = folders.pop() {
        let mode = |path: &PathBuf| {
            let metadata = fs::symlink_metadata(path).expect("there");
            metadata.permissions().mode() & 0o7777
        };
        modes.push((folder.clone(), true, mode(&folder)));
        for entry in fs::read_dir(&folder).expect("readable") {
            let path = entry.expect("readable").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                modes.push((path.clone(), false, mode(&path)));
            }
        }
    }
    modes
}

#[test]
fn no_umask_opens_or_closes_what_keywright_makes() {
    for umask in ["000", "022", "027", "077", "0777", "0400"] {
        let env = TestEnv::empty();
        under(&env, umask, &["init", "--kdf", "test"], "");
        under(&env, umask, &["create", "deploy"], "");
        under(&env, umask, &["set", "openai"], "sk-0123456789abcdef");
        let token = env.create(["other"]);
        under(&env, umask, &["verify"], &token);
        under(&env, umask, &["get", "openai"], "");
        under(&env, umask, &["rotate", "deploy", "--yes"], "");
        under(&env, umask, &["usage"], "");
        let modes = modes(&env);
        let names: Vec<_> = modes
            .iter()
            .filter_map(|(path, ..)| path.file_name())
            .collect();
        for name in ["vault.db", "activity.db"] {
            assert!(names.iter().any(|made| *made == name), "{names:?}");
        }
        for (path, is_folder, mode) in modes {
            let right = if is_folder { 0o700 } else { 0o600 };
            assert_eq!(mode, right, "umask {umask}: {path:?} has {mode:o}");
        }
    }
}

#[test]
fn the_first_create_makes_the_same_files() {
    for umask in ["000", "0777"] {
        let env = TestEnv::empty();
        under(&env, umask, &["create", "deploy"], "");
        for (path, is_folder, mode) in modes(&env) {
            let right = if is_folder { 0o700 } else { 0o600 };
            assert_eq!(mode, right, "umask {umask}: {path:?} has {mode:o}");
        }
    }
}

#[test]
fn folders_that_were_there_keep_their_modes() {
    let env = TestEnv::empty();
    fs::create_dir(env.path(".config")).expect("made");
    fs::set_permissions(env.path(".config"), fs::Permissions::from_mode(0o755)).expect("set");
    under(&env, "022", &["init", "--kdf", "test"], "");
    let mode = |path: &str| {
        let metadata = fs::metadata(env.path(path)).expect("there");
        metadata.permissions().mode() & 0o7777
    };
    assert_eq!(mode(".config"), 0o755);
    assert_eq!(mode(".config/keywright"), 0o700);
}

#[test]
fn a_vault_elsewhere_gets_folders_of_its_own() {
    let env = TestEnv::empty();
    under(
        &env,
        "022",
        &["init", "--kdf", "test", "--vault", "a/b/keys.db"],
        "",
    );
    let mode = |path: &str| {
        let metadata = fs::metadata(env.path(path)).expect("there");
        metadata.permissions().mode() & 0o7777
    };
    assert_eq!(
        (mode("a"), mode("a/b"), mode("a/b/keys.db")),
        (0o700, 0o700, 0o600)
    );
    assert!(env.run(["list", "--vault", "a/b/keys.db"]).success());
    let mut inside = env.command(["list", "--vault", "keys.db"]);
    inside.current_dir(env.path("a/b"));
    assert!(env.finish(inside, "").success());
}

#[test]
fn folders_of_the_desktop_standard_are_used() {
    let env = TestEnv::empty();
    let variables = [
        ("XDG_CONFIG_HOME", env.path("config")),
        ("XDG_STATE_HOME", env.path("state")),
    ];
    let mut command = env.command(["init", "--kdf", "test"]);
    command.envs(variables.clone());
    assert!(env.finish(command, "").success());
    assert!(env.path("config/keywright/vault.db").exists());
    assert!(env.path("state/keywright").exists());
    assert!(!env.path(".config").exists() && !env.path(".local").exists());
}

#[test]
fn nothing_is_written_into_the_working_folder_or_temp() {
    let env = TestEnv::empty();
    fs::create_dir(env.path("work")).expect("made");
    fs::create_dir(env.path("tmp")).expect("made");
    for args in [
        &["create", "deploy"] as &[&str],
        &["list"],
        &["show", "deploy"],
        &["rotate", "deploy", "--yes"],
        &["usage"],
    ] {
        let mut command = env.command(args);
        command
            .current_dir(env.path("work"))
            .env("TMPDIR", env.path("tmp"));
        let outcome = env.finish(command, "");
        assert!(outcome.success(), "{outcome}");
    }
    for folder in ["work", "tmp"] {
        let entries = fs::read_dir(env.path(folder)).expect("readable");
        assert_eq!(entries.count(), 0, "{folder}");
    }
}

/// It has the same first bytes, and a journal of another kind would make it a vault that nobody opens.
#[test]
fn a_vault_is_no_activity_file() {
    let env = TestEnv::new();
    env.set(["openai"], "sk-0123456789abcdef");
    let vault = env.vault();
    std::os::unix::fs::symlink(&vault, env.path("link.db")).expect("linked");
    let before = env.vault_bytes();
    for place in [vault.to_str().expect("UTF-8"), "link.db"] {
        for args in [
            &["get", "openai"] as &[&str],
            &["list"],
            &["show", "openai"],
        ] {
            let told = env.run_with_env(args.iter().copied(), [("KEYWRIGHT_ACTIVITY", place)]);
            assert!(told.success(), "{place}: {told}");
            assert!(
                told.stderr().contains("is no activity file"),
                "{place}: {told}"
            );
        }
    }
    let audit = env.run_with_env(["audit"], [("KEYWRIGHT_ACTIVITY", "link.db")]);
    insta::assert_snapshot!(audit, @r"
    exit: 1
    ---- stdout
    ---- stderr
    error: the activity file cannot be used
      caused by: `link.db` is no activity file, but a vault or another program's
    hint: KEYWRIGHT_ACTIVITY chooses another place
    ");
    assert!(env.vault_bytes() == before);
    assert!(env.run(["list"]).success());
}
