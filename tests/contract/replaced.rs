//! What happens to the vault's file under a server: whatever it is, no answer is of what was known before.

use std::fs::{self, OpenOptions, Permissions};
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use keywright::key::Timestamp;
use rusqlite::Connection;
use rustix::process::geteuid;

use crate::common::{TestEnv, needed};
use crate::library::Library;
use crate::server::{Client, DEADLINE, Server, with_token};

/// How a server opens the vault.
const BOTH: [Opened; 2] = [Opened::ByAccessToken, Opened::ByOwner];

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Opened {
    ByAccessToken,
    ByOwner,
}

/// A vault with two keys, and a server for it.
pub(crate) struct Scene {
    pub(crate) server: Server,
    library: Library,
    pub(crate) first: String,
    second: String,
    pub(crate) env: TestEnv,
}

impl Scene {
    pub(crate) fn new(opened: Opened) -> Self {
        let env = TestEnv::new();
        let mut library = env.library();
        let [first, second] =
            ["first", "second"].map(|name| library.issue(&Library::new_key(name)));
        let mut command = env.serve();
        if opened == Opened::ByAccessToken {
            with_token(&mut command, &library.access("serve", None));
        }
        let scene = Self {
            server: Server::start(command),
            library,
            first,
            second,
            env,
        };
        scene.expect("valid");
        scene
    }

    pub(crate) fn vault(&self) -> PathBuf {
        self.env.vault()
    }

    /// A copy of the vault as it is.
    fn copy(&self, name: &str) -> PathBuf {
        let to = self.env.path(name);
        fs::copy(self.vault(), &to).expect("copied");
        to
    }

    /// The next answer for the first key.
    #[track_caller]
    pub(crate) fn expect(&self, code: &str) {
        assert_eq!(self.code(), code, "{}", self.server.log());
    }

    pub(crate) fn code(&self) -> String {
        code(&mut self.server.client(), &self.first)
    }

    /// Once it is mended: `unavailable` for a moment at most, and then this.
    #[track_caller]
    pub(crate) fn expect_again(&self, code: &str) {
        expect_again(&self.server, &self.first, code);
    }
}

fn code(client: &mut Client, token: &str) -> String {
    let answer = client.ask("GET /auth/proxy", &[("x-api-key", token)]);
    answer.code().to_owned()
}

#[track_caller]
fn expect_again(server: &Server, token: &str, expected: &str) {
    let deadline = Instant::now() + DEADLINE;
    loop {
        let now = code(&mut server.client(), token);
        if now == expected {
            return;
        }
        assert_eq!(now, "unavailable", "{}", server.log());
        assert!(Instant::now() < deadline, "{}", server.log());
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_vault_that_is_moved_over_it_is_the_one_that_counts() {
    for opened in BOTH {
        let mut scene = Scene::new(opened);
        // The other is the newer one.
        let kept = scene.copy("kept.db");
        scene.library.revoke("first");
        scene.expect("revoked");
        let newer = scene.copy("newer.db");
        let moved = fs::rename(&newer, scene.vault());
        moved.expect("moved");
        scene.expect("revoked");
        fs::rename(&kept, scene.vault()).expect("moved");
        scene.expect("unavailable");
    }
}

#[test]
fn what_a_command_changed_beside_it_holds_once_it_is_moved_over_it() {
    for opened in BOTH {
        let scene = Scene::new(opened);
        let other = scene.copy("other.db");
        let path = other.to_str().expect("UTF-8");
        let args = ["--vault", path, "-p", "shop", "-e", "production"];
        let revoked = scene
            .env
            .run(["revoke", "first", "--yes"].into_iter().chain(args));
        assert!(revoked.success(), "{revoked}");
        scene.expect("valid");
        fs::rename(&other, scene.vault()).expect("moved");
        scene.expect("revoked");
    }
}

#[test]
fn an_older_copy_is_refused_however_it_is_put_there() {
    for opened in BOTH {
        for (in_place, is_remembered) in [(false, true), (true, true), (false, false)] {
            let mut scene = Scene::new(opened);
            let older = scene.copy("older.db");
            scene.library.revoke("first");
            scene.expect("revoked");
            let newer = scene.copy("newer.db");
            let put = |from: &Path| {
                if in_place {
                    let bytes = fs::read(from).expect("read");
                    fs::write(scene.vault(), bytes).expect("written");
                } else {
                    fs::rename(from, scene.vault()).expect("moved");
                }
            };
            if !is_remembered {
                // What this machine has seen of the vault is forgotten; the server has not.
                fs::remove_dir_all(scene.env.path(".local/state/keywright")).expect("removed");
            }
            put(&older);
            scene.expect("unavailable");
            thread::sleep(Duration::from_millis(150));
            scene.expect("unavailable");
            put(&newer);
            scene.expect_again("revoked");
        }
    }
}

#[test]
fn a_restored_backup_counts() {
    for opened in BOTH {
        let mut scene = Scene::new(opened);
        let copy = scene.env.path("backup.db");
        let copy = copy.to_str().expect("UTF-8");
        let made = scene.env.run(["backup", copy]);
        assert!(made.success(), "{made}");
        scene.library.revoke("first");
        let later = scene.library.issue(&Library::new_key("later"));
        let mut client = scene.server.client();
        assert_eq!(code(&mut client, &later), "valid");
        let restored = scene.env.run(["restore", copy, "--yes"]);
        assert!(restored.success(), "{restored}");
        assert_ne!(code(&mut client, &later), "valid", "{opened:?}");
        let fresh = Server::start(scene.env.serve());
        expect_again(&fresh, &later, "unknown");
        let now = code(&mut fresh.client(), &scene.first);
        scene.expect_again(&now);
        expect_again(&scene.server, &later, "unknown");
    }
}

#[test]
fn a_slice_is_as_fresh_as_its_last_refresh() {
    let mut scene = Scene::new(Opened::ByOwner);
    let slice = scene.env.path("slice.db");
    let path = slice.to_str().expect("UTF-8");
    let access = scene.library.access("slice", None);
    let scope = ["--scope", "shop/production", "--kind", "issued"];
    let make = ["backup", path].into_iter().chain(scope);
    let made = scene.env.run(make.clone());
    assert!(made.success(), "{made}");
    let mut command = scene.env.serve();
    with_token(&mut command, &access);
    command.args(["--vault", path]);
    let server = Server::start(command);
    let mut client = server.client();
    assert_eq!(code(&mut client, &scene.first), "valid");
    scene.library.revoke("first");
    assert_eq!(code(&mut client, &scene.first), "valid");
    let refreshed = scene.env.run(make.chain(["--refresh"]));
    assert!(refreshed.success(), "{refreshed}");
    assert_eq!(code(&mut client, &scene.first), "revoked");
    assert_eq!(code(&mut client, &scene.second), "valid");
}

#[test]
fn a_vault_that_is_gone_is_unavailable_until_it_is_back() {
    for opened in BOTH {
        let mut scene = Scene::new(opened);
        let elsewhere = scene.env.path("elsewhere.db");
        fs::rename(scene.vault(), &elsewhere).expect("moved");
        scene.expect("unavailable");
        let ready = scene.server.ask("GET /readyz", &[]);
        assert_eq!(ready.status, 503);
        assert_eq!(scene.server.ask("GET /healthz", &[]).status, 200);
        fs::rename(&elsewhere, scene.vault()).expect("moved");
        scene.expect_again("valid");
        assert_eq!(scene.server.ask("GET /readyz", &[]).status, 200);
        assert_eq!(scene.server.said("event=vault-unavailable"), 1);
        scene.library.revoke("first");
        scene.expect("revoked");
        // Another one in its place is none of ours.
        fs::rename(scene.vault(), &elsewhere).expect("moved");
        let other = TestEnv::new();
        fs::copy(other.vault(), scene.vault()).expect("copied");
        scene.expect("unavailable");
        fs::rename(&elsewhere, scene.vault()).expect("moved");
        scene.expect_again("revoked");
    }
}

/// The sealed bytes of the first key, by another connection. Records of the own scope are none that an access token opens.
fn sealed(vault: &Path) -> (Connection, Vec<u8>) {
    let connection = Connection::open(vault).expect("it opens");
    let sealed = connection
        .query_row(
            "SELECT sealed FROM record WHERE scope_id <> zeroblob(16) ORDER BY key_id LIMIT 1",
            [],
            |row| row.get(0),
        )
        .expect("a record");
    (connection, sealed)
}

#[test]
fn a_byte_that_was_altered_by_sql_makes_everything_unavailable() {
    for opened in BOTH {
        let scene = Scene::new(opened);
        let (connection, before) = sealed(&scene.vault());
        let mut after = before.clone();
        after[20] ^= 1;
        let alter = |from: &[u8], to: &[u8]| {
            let sql = "UPDATE record SET sealed = ?2 WHERE sealed = ?1";
            let count = connection.execute(sql, [from, to]).expect("altered");
            assert_eq!(count, 1);
        };
        alter(&before, &after);
        for token in [&scene.first, &scene.second] {
            assert_eq!(code(&mut scene.server.client(), token), "unavailable");
        }
        alter(&after, &before);
        scene.expect_again("valid");
    }
}

#[test]
fn a_byte_that_was_altered_in_the_file_makes_everything_unavailable() {
    for opened in BOTH {
        let scene = Scene::new(opened);
        let (connection, sealed) = sealed(&scene.vault());
        drop(connection);
        let bytes = scene.env.vault_bytes();
        let mut places = bytes.windows(64).enumerate();
        let at = places.find(|(_, bytes)| **bytes == sealed[..64]);
        let (at, _) = at.expect("in one page");
        let file = OpenOptions::new().write(true).open(scene.vault());
        let file = file.expect("it opens");
        let put = |byte: u8| {
            // Later than what was read, by a clock that ticks every few milliseconds.
            thread::sleep(Duration::from_millis(20));
            file.write_all_at(&[byte], at as u64 + 20).expect("written");
        };
        put(bytes[at + 20] ^ 1);
        for token in [&scene.first, &scene.second] {
            let now = code(&mut scene.server.client(), token);
            assert_eq!(now, "unavailable", "{opened:?}");
        }
        put(bytes[at + 20]);
        scene.expect_again("valid");
    }
}

#[test]
fn a_server_whose_access_token_is_revoked_answers_nothing_more() {
    let mut scene = Scene::new(Opened::ByAccessToken);
    let mut command = scene.env.serve();
    with_token(&mut command, &scene.library.access("another", None));
    let other = Server::start(command);
    let owner = Server::start(scene.env.serve());
    scene.expect("valid");
    scene.library.revoke_access("serve");
    scene.expect("unavailable");
    // The scope has another key by now.
    for server in [&other, &owner] {
        let mut client = server.client();
        assert_eq!(code(&mut client, &scene.first), "valid");
    }
    scene.library.revoke("first");
    for server in [&other, &owner] {
        let mut client = server.client();
        assert_eq!(code(&mut client, &scene.first), "revoked");
        assert_eq!(code(&mut client, &scene.second), "valid");
    }
    scene.expect("unavailable");
    assert_eq!(scene.server.said("event=vault-unavailable"), 1);
}

#[test]
fn an_access_token_that_ends_ends_the_answers() {
    let mut scene = Scene::new(Opened::ByOwner);
    // The server has to be up by then.
    let end = Timestamp(Timestamp::now().0 + 8);
    let mut command = scene.env.serve();
    with_token(&mut command, &scene.library.access("brief", Some(end)));
    let server = Server::start(command);
    let mut client = server.client();
    let (begun, mut was_valid) = (Instant::now(), false);
    loop {
        let before = Timestamp::now();
        let code = code(&mut client, &scene.first);
        if Timestamp::now() < end {
            assert_eq!(code, "valid");
            was_valid = true;
        }
        if before >= end {
            assert_eq!(code, "unavailable");
            break;
        }
        assert!(begun.elapsed() < DEADLINE, "it never ends");
        thread::sleep(Duration::from_millis(50));
    }
    assert!(was_valid, "it was up too late");
}

/// Commits of a write-ahead log leave the vault's own file as it is.
#[test]
fn a_vault_in_another_journal_mode_is_unavailable() {
    for opened in BOTH {
        let mut scene = Scene::new(opened);
        let connection = Connection::open(scene.vault()).expect("it opens");
        let put_into = |mode: &str| {
            let sql = format!("PRAGMA journal_mode = {mode}");
            let now = connection.query_row(&sql, [], |row| row.get::<_, String>(0));
            assert_eq!(now.expect("changed"), mode);
        };
        put_into("wal");
        scene.expect("unavailable");
        if opened == Opened::ByOwner {
            // Its server keeps it open, and SQLite changes the mode for one alone.
            continue;
        }
        put_into("delete");
        scene.expect_again("valid");
        drop(connection);
        scene.library.revoke("first");
        scene.expect("revoked");
    }
}

/// A user who has no rights of its own anywhere.
const NOBODY: &str = "65534";

#[test]
fn a_vault_that_may_not_be_read_any_more_is_unavailable() {
    let env = TestEnv::new();
    let mut library = env.library();
    let token = library.issue(&Library::new_key("first"));
    let access = library.access("serve", None);
    let mode = |path: &Path, mode| {
        fs::set_permissions(path, Permissions::from_mode(mode)).expect("changed");
    };
    let folder = env.path("served");
    fs::create_dir(&folder).expect("made");
    let vault = folder.join("vault.db");
    fs::copy(env.vault(), &vault).expect("copied");
    let mut command = if geteuid().is_root() {
        if needed("setpriv").is_none() {
            return;
        }
        // Others cannot reach the folder that it was built in.
        let program = env.path("keywright");
        fs::copy(env!("CARGO_BIN_EXE_keywright"), &program).expect("copied");
        for path in [env.home(), &folder, &program] {
            mode(path, 0o755);
        }
        mode(&vault, 0o644);
        let mut command = env.program("setpriv");
        command
            .args(["--reuid", NOBODY, "--regid", NOBODY, "--clear-groups"])
            .arg(&program)
            .args(["serve", "--listen", "127.0.0.1:0"]);
        let home = env.path("nobody");
        fs::create_dir(&home).expect("made");
        let id = NOBODY.parse().ok();
        std::os::unix::fs::chown(&home, id, id).expect("changed");
        command.env("HOME", &home);
        command
    } else {
        env.serve()
    };
    with_token(&mut command, &access);
    command.env("KEYWRIGHT_VAULT", &vault);
    let server = Server::start(command);
    assert_eq!(code(&mut server.client(), &token), "valid");
    mode(&vault, 0o000);
    assert_eq!(code(&mut server.client(), &token), "unavailable");
    mode(&vault, 0o644);
    expect_again(&server, &token, "valid");
    mode(&folder, 0o000);
    let closed = code(&mut server.client(), &token);
    mode(&folder, 0o755);
    assert_eq!(closed, "unavailable");
    expect_again(&server, &token, "valid");
    server.stop();
}
