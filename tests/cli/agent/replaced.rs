//! What happens to the vault's file while an agent has its key: that opens this vault alone, and no older one.

use std::fs;

use crate::common::TestEnv;

/// A vault with one key, unlocked, and `older.db`, a copy from before that.
fn unlocked() -> TestEnv {
    let env = TestEnv::new();
    fs::copy(env.vault(), env.path("older.db")).expect("copied");
    env.create(["first"]);
    env.unlock();
    env
}

/// By the agent alone, reading and writing; the vault's file is as it was.
#[track_caller]
fn is_refused(env: &TestEnv, code: i32) {
    let before = env.vault_bytes();
    for args in [&["list"] as &[&str], &["create", "late"]] {
        let refused = env.without_passphrase(args);
        assert_eq!(refused.code(), Some(code), "{args:?}: {refused}");
        assert!(refused.stdout().is_empty(), "{args:?}: {refused}");
    }
    assert!(env.vault_bytes() == before, "it was written to");
}

#[track_caller]
fn names(env: &TestEnv) -> Vec<String> {
    env.without_passphrase(&["list", "--json"]).names()
}

#[test]
fn a_restored_backup_is_read_and_written_by_the_agent_s_key() {
    let env = unlocked();
    let made = env.run(["backup", "copy.db"]);
    assert!(made.success(), "{made}");
    env.create(["second"]);
    assert_eq!(names(&env), ["first", "second"]);
    let restored = env.run(["restore", "copy.db", "--yes"]);
    assert!(restored.success(), "{restored}");
    if env.agent_state() != "unlocked" {
        // What is restored may be opened by another passphrase than what was there.
        is_refused(&env, 5);
        env.unlock();
    }
    assert_eq!(names(&env), ["first"]);
    let third = env.without_passphrase(&["create", "third"]).token();
    assert_eq!(names(&env), ["first", "third"]);
    assert_eq!(env.code(&third), "valid");
}

#[test]
fn an_older_copy_is_refused_and_its_own_is_opened_again() {
    let env = unlocked();
    for in_place in [false, true] {
        let newer = env.vault_bytes();
        let older = fs::read(env.path("older.db")).expect("a copy");
        if in_place {
            fs::write(env.vault(), &older).expect("written");
        } else {
            fs::copy(env.path("older.db"), env.path("put.db")).expect("copied");
            fs::rename(env.path("put.db"), env.vault()).expect("moved");
        }
        is_refused(&env, 7);
        assert!(env.vault_bytes() == older);
        assert_eq!(env.agent_state(), "unlocked");
        fs::write(env.vault(), newer).expect("written");
        assert_eq!(names(&env), ["first"]);
    }
}

#[test]
fn another_vault_in_its_place_is_not_opened() {
    for is_deleted_first in [false, true] {
        let env = unlocked();
        let key = env.vault_key();
        let own = env.path("own.db");
        fs::copy(env.vault(), &own).expect("copied");
        if is_deleted_first {
            fs::remove_file(env.vault()).expect("removed");
            let missing = env.without_passphrase(&["list"]);
            assert!(!missing.success(), "{missing}");
            assert!(!env.vault().exists(), "nobody asked for one");
            let made = env.run(["init", "--kdf", "test"]);
            assert!(made.success(), "{made}");
        } else {
            let made = env.run(["init", "--kdf", "test", "--vault", "other.db"]);
            assert!(made.success(), "{made}");
            fs::rename(env.path("other.db"), env.vault()).expect("moved");
        }
        is_refused(&env, 5);
        // Who has the passphrase of the new one has its key kept, and not the old one's.
        env.unlock();
        assert_ne!(env.vault_key(), key);
        assert!(names(&env).is_empty());
        fs::rename(&own, env.vault()).expect("moved");
        is_refused(&env, 5);
        env.unlock();
        assert_eq!(names(&env), ["first"]);
    }
}
