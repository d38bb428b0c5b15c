//! A writer that waits for the lock while another file takes the place of the one it waits for: a file that has lost its
//! name is never written to.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::Connection;

use crate::common::{Outcome, TestEnv};
use crate::server::DEADLINE;

/// A file that somebody has locked and does not let go of, and its second name, under which a write to it would show.
struct Locked {
    connection: Connection,
    kept: PathBuf,
    before: Vec<u8>,
}

impl Locked {
    /// From here on nobody else in this process may open the file: closing it would drop the lock.
    fn new(env: &TestEnv, path: &Path) -> Self {
        let kept = env.path("kept.db");
        let _ = fs::remove_file(&kept);
        fs::hard_link(path, &kept).expect("linked");
        let before = fs::read(path).expect("a file");
        let connection = Connection::open(path).expect("it opens");
        connection.execute_batch("BEGIN IMMEDIATE").expect("locked");
        Self {
            connection,
            kept,
            before,
        }
    }

    /// Whoever waited for it gets it.
    fn let_go(&self) {
        self.connection.execute_batch("ROLLBACK").expect("free");
    }

    /// Lets go; nothing was written to it.
    #[track_caller]
    fn stays_untouched(self) {
        drop(self.connection);
        let after = fs::read(&self.kept).expect("a file");
        assert!(after == self.before, "it was written to");
    }
}

/// A command that waits for a lock.
struct Waiting<'a> {
    env: &'a TestEnv,
    child: Child,
}

impl<'a> Waiting<'a> {
    #[track_caller]
    fn start(env: &'a TestEnv, file: &Path, args: &[&str]) -> Self {
        let mut child = env
            .command(args)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        let folder = PathBuf::from(format!("/proc/{}/fd", child.id()));
        let deadline = Instant::now() + DEADLINE;
        // Where there is no /proc, the time has to do.
        while folder.exists() && !has_open(&folder, file) {
            let has_ended = child.try_wait().expect("a status").is_some();
            assert!(!has_ended && Instant::now() < deadline, "{args:?}");
            thread::sleep(Duration::from_millis(5));
        }
        thread::sleep(Duration::from_millis(300));
        assert!(child.try_wait().expect("a status").is_none(), "{args:?}");
        Self { env, child }
    }

    fn end(mut self) -> Outcome {
        let deadline = Instant::now() + DEADLINE;
        while self.child.try_wait().expect("a status").is_none() {
            assert!(Instant::now() < deadline, "it hangs");
            thread::sleep(Duration::from_millis(5));
        }
        let output = self.child.wait_with_output().expect("it has ended");
        self.env.outcome(output)
    }
}

fn has_open(folder: &Path, file: &Path) -> bool {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut links = entries.filter_map(|entry| fs::read_link(entry.path()).ok());
    links.any(|link| link == file)
}

/// A vault with one key, and copies of it: `older.db` from before that, `newer.db` with another key besides.
fn scene() -> TestEnv {
    let env = TestEnv::new();
    fs::copy(env.vault(), env.path("older.db")).expect("copied");
    env.create(["first"]);
    let newer = env.path("newer.db");
    fs::copy(env.vault(), &newer).expect("copied");
    env.create(["other", "--vault", "newer.db"]);
    env
}

fn put(env: &TestEnv, name: &str) {
    fs::rename(env.path(name), env.vault()).expect("moved");
}

#[test]
fn a_writer_goes_on_with_the_file_that_was_moved_there() {
    let env = scene();
    let vault = env.vault();
    let locked = Locked::new(&env, &vault);
    let waiting = Waiting::start(&env, &vault, &["create", "late"]);
    put(&env, "newer.db");
    // The lock of the old file is held until the end, and nobody waits for that.
    let token = waiting.end().token();
    locked.stays_untouched();
    assert_eq!(env.names(), ["first", "late", "other"]);
    assert_eq!(env.code(&token), "valid");
}

#[test]
fn a_writer_that_gets_the_lock_of_the_old_file_does_not_write_to_it() {
    for pause in [0, 1, 2, 3, 5] {
        let env = scene();
        let vault = env.vault();
        let locked = Locked::new(&env, &vault);
        let waiting = Waiting::start(&env, &vault, &["create", "late"]);
        put(&env, "newer.db");
        thread::sleep(Duration::from_millis(pause));
        locked.let_go();
        let token = waiting.end().token();
        locked.stays_untouched();
        assert_eq!(env.names(), ["first", "late", "other"]);
        assert_eq!(env.code(&token), "valid");
    }
}

#[test]
fn a_writer_writes_to_no_older_and_to_no_other_vault() {
    for name in ["older.db", "another.db"] {
        let env = scene();
        let made = env.run(["init", "--vault", "another.db"]);
        assert!(made.success(), "{made}");
        let vault = env.vault();
        let locked = Locked::new(&env, &vault);
        let waiting = Waiting::start(&env, &vault, &["create", "late"]);
        let there = fs::read(env.path(name)).expect("a file");
        put(&env, name);
        let refused = waiting.end();
        assert_eq!(refused.code(), Some(7), "{name}: {refused}");
        assert!(refused.stdout().is_empty(), "{name}: {refused}");
        assert!(env.vault_bytes() == there, "{name} was written to");
        locked.stays_untouched();
    }
}

#[test]
fn a_writer_whose_vault_is_deleted_and_made_anew_writes_to_neither() {
    for (is_made, is_free) in [(false, false), (false, true), (true, false), (true, true)] {
        let env = scene();
        let vault = env.vault();
        let locked = Locked::new(&env, &vault);
        let waiting = Waiting::start(&env, &vault, &["create", "late"]);
        if is_made {
            let made = env.run(["init", "--vault", "another.db"]);
            assert!(made.success(), "{made}");
            put(&env, "another.db");
        } else {
            fs::remove_file(&vault).expect("removed");
        }
        let before = env.vault_bytes();
        if is_free {
            locked.let_go();
        }
        let refused = waiting.end();
        assert!(!refused.success(), "{refused}");
        assert!(refused.stdout().is_empty(), "{refused}");
        assert!(env.vault_bytes() == before);
        assert_eq!(vault.exists(), is_made);
        locked.stays_untouched();
    }
}

#[test]
fn a_refresh_that_waits_for_a_slice_does_not_write_to_the_one_that_was_replaced() {
    for is_free in [false, true] {
        let env = scene();
        let make = |name: &str, more: &str| {
            let args = ["backup", name, "--scope", "default/development"];
            let made = env.run(args.into_iter().chain(more.split_whitespace()));
            assert!(made.success(), "{made}");
        };
        make("slice.vault", "");
        env.create(["second"]);
        make("newer.vault", "");
        env.create(["third"]);
        let slice = env.path("slice.vault");
        let locked = Locked::new(&env, &slice);
        let args = ["backup", "slice.vault", "--scope", "default/development"];
        let args = [&args[..], &["--refresh"]].concat();
        let waiting = Waiting::start(&env, &slice, &args);
        let there = fs::read(env.path("newer.vault")).expect("a file");
        fs::rename(env.path("newer.vault"), &slice).expect("moved");
        if is_free {
            locked.let_go();
        }
        let ended = waiting.end();
        let after = fs::read(&slice).expect("a file");
        // It is told, or the new one is up to date.
        assert_eq!(ended.success(), after != there, "{ended}");
        locked.stays_untouched();
        make("slice.vault", "--refresh");
    }
}

/// Whoever is first: what was acknowledged is in the vault, or in what `restore` kept of it.
#[test]
fn writers_and_a_restore_that_wait_together_lose_nothing() {
    for _ in 0..3 {
        let env = TestEnv::new();
        env.create(["first"]);
        let made = env.run(["backup", "copy.db"]);
        assert!(made.success(), "{made}");
        let vault = env.vault();
        let connection = Connection::open(&vault).expect("it opens");
        connection.execute_batch("BEGIN IMMEDIATE").expect("locked");
        let writers: Vec<_> = (0..4)
            .map(|at| {
                let name = format!("late-{at}");
                let waiting = Waiting::start(&env, &vault, &["create", &name]);
                (name, waiting)
            })
            .collect();
        let restore = Waiting::start(&env, &vault, &["restore", "copy.db", "--yes"]);
        connection.execute_batch("ROLLBACK").expect("free");
        drop(connection);
        let restored = restore.end();
        let mut expected = Vec::new();
        for (name, writer) in writers {
            let outcome = writer.end();
            if outcome.success() {
                expected.push(name);
            }
        }
        let mut there = env.names();
        let folder = vault.parent().expect("a folder");
        for entry in fs::read_dir(folder).expect("readable") {
            let path = entry.expect("readable").path();
            let name = path.file_name().expect("a name").to_string_lossy();
            if name.starts_with("vault.db.") {
                assert!(restored.success(), "{restored}");
                let path = path.to_str().expect("UTF-8");
                let kept = env.run(["list", "--json", "--vault", path]);
                assert!(kept.success(), "{kept}");
                there.extend(kept.names());
            }
        }
        for name in expected {
            assert!(there.contains(&name), "{name} is lost: {restored}");
        }
    }
}
