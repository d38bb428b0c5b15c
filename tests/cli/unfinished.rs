//! What a killed process left is told by the next command, in one line, with what settles it.

use std::fs::{self, File};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use keywright::crypto::{Passphrase, Secret};
use keywright::key::{Brand, Context, Scope, Timestamp};
use keywright::vault::{Credential, Location, NewIssued, Retention, Rotation, Vault, Wanted};
use rustix::process::Signal;

use crate::common::{PASSPHRASE, TestEnv};
use crate::terminal::Terminal;

/// What the binary would open in this home, for changes that have to be older than they can be made by it.
pub(crate) struct Earlier {
    location: Location,
    pub(crate) now: Timestamp,
}

impl Earlier {
    /// So many seconds ago.
    pub(crate) fn new(env: &TestEnv, seconds: u64) -> Self {
        let epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let now = epoch.expect("after 1970").as_secs() - seconds;
        let location = Location {
            vault: env.vault(),
            state: env.path(".local/state/keywright"),
            activity: None,
            accept_rollback: false,
            audit_required: false,
            retention: Retention::default(),
        };
        Self {
            location,
            now: Timestamp(now.cast_signed()),
        }
    }

    fn passphrase() -> Passphrase {
        Passphrase::new(Secret::new(PASSPHRASE.as_bytes().to_vec())).expect("a passphrase")
    }

    pub(crate) fn open(&self) -> Vault {
        let passphrase = Self::passphrase();
        let credential = Credential::Passphrase(&passphrase);
        Vault::open(&self.location, &credential, self.now).expect("it opens")
    }

    /// A key to be made that has no end.
    pub(crate) fn new_key(name: &str, scope: &Scope) -> NewIssued {
        NewIssued {
            name: name.parse().expect("a name"),
            scope: scope.clone(),
            brand: Brand::default(),
            permissions: Default::default(),
            roles: Vec::new(),
            context: Context::default(),
            rate: None,
            expires_at: None,
            tags: Vec::new(),
            note: None,
            make_default: false,
        }
    }

    /// Makes a key's token, and hands it over or dies in between.
    pub(crate) fn create(&self, new: &NewIssued, delivered: bool) {
        let who = "earlier".parse().expect("an actor");
        let mut vault = self.open();
        let pending = vault.issue(new, &who, self.now).expect("issued");
        if delivered {
            pending.deliver(|_, _| Ok(())).expect("delivered");
        } else {
            std::mem::forget(pending);
        }
    }

    /// Makes another token of it, and dies.
    pub(crate) fn rotate(&self, name: &str, scope: &Scope) {
        let who = "earlier".parse().expect("an actor");
        let mut vault = self.open();
        let reference = name.parse().expect("a name");
        let found = vault.find(Wanted::Named(&reference), scope, false);
        let rotation = Rotation {
            overlap: keywright::key::Span::ZERO,
            expires_at: None,
        };
        let pending = vault.rotate(&found.expect("there"), rotation, &who, self.now);
        std::mem::forget(pending.expect("rotated"));
    }
}

pub(crate) fn scope(text: &str) -> Scope {
    let (project, environment) = text.split_once('/').expect("project/environment");
    Scope {
        project: project.parse().expect("a project"),
        environment: environment.parse().expect("an environment"),
    }
}

/// A file that nobody has touched for two minutes.
pub(crate) fn aged(path: &PathBuf) {
    let file = File::options().write(true).open(path).expect("there");
    let before = SystemTime::now() - Duration::from_secs(120);
    file.set_modified(before).expect("set");
}

#[test]
fn a_token_that_was_never_handed_over_is_told_until_it_is_settled() {
    let env = TestEnv::new();
    let earlier = Earlier::new(&env, 61);
    earlier.create(
        &Earlier::new_key("a key's name", &scope("shop/staging")),
        false,
    );
    let told = "warning: the token of `a key's name` in shop/staging, made at [-------TIME-------], was never handed over; \
                `keywright rotate \"a key's name\" -p shop -e staging` makes another, \
                `keywright delete \"a key's name\" -p shop -e staging` deletes the key\n";
    for args in [
        &["list"] as &[&str],
        &["list", "-q"],
        &["show", "a key's name", "-p", "shop", "-e", "staging"],
    ] {
        let outcome = env.run(args);
        assert_eq!(outcome.masked_stderr(), told, "{outcome}");
    }
    // What settles it says no such thing, and neither does what comes then.
    for command in ["rotate", "rotate", "delete"] {
        let named = [command, "a key's name", "-p", "shop", "-e", "staging", "-y"];
        let outcome = env.run(named);
        assert!(outcome.success(), "{outcome}");
        assert!(!outcome.stderr().contains("never handed over"), "{outcome}");
    }
}

#[test]
fn a_rotation_that_failed_in_the_middle_is_told() {
    let env = TestEnv::new();
    let here = scope("default/development");
    Earlier::new(&env, 200).create(&Earlier::new_key("deploy", &here), true);
    let quiet = env.run(["list"]);
    assert_eq!(quiet.stderr(), "");
    Earlier::new(&env, 100).rotate("deploy", &here);
    insta::assert_snapshot!(env.run(["list"]).masked_stderr(), @"warning: the new token of `deploy` in default/development, made at [-------TIME-------], was never handed over; `keywright rotate deploy -p default -e development` makes another");
    // A change of another key is told of it, once.
    let made = env.run(["create", "another", "-q"]);
    assert!(made.stderr().contains("never handed over"), "{made}");
    assert_eq!(env.run(["list"]).stderr(), "");
}

#[test]
fn somebody_may_just_be_handing_it_over() {
    let env = TestEnv::new();
    let command = "sh -c 'cat > token; touch started; exec sleep 60'";
    let mut terminal = Terminal::spawn(env.unlocked(["create", "new", "--pipe", command]));
    let file = env.path("started");
    let until = std::time::Instant::now() + Duration::from_secs(30);
    while !file.exists() {
        assert!(std::time::Instant::now() < until);
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(env.run(["list"]).stderr(), "");
    terminal.signal(Signal::KILL);
    assert!(!terminal.wait().0.success());
    assert_eq!(env.show(["new"])["status"], "undelivered");
}

#[test]
fn completion_says_nothing_of_it() {
    let env = TestEnv::new();
    Earlier::new(&env, 100).create(
        &Earlier::new_key("new", &scope("default/development")),
        false,
    );
    let question = env.command(["complete", "zsh", "--patient"]);
    let asked = env.finish(question, "keywright\0show\0");
    assert_eq!(asked.stderr(), "", "{asked}");
}

/// `vault.db.new-…`, as a killed `init` leaves it.
fn leftover(env: &TestEnv, digits: &str) -> PathBuf {
    let path = env.write(&format!(".config/keywright/vault.db.new-{digits}"), "half");
    aged(&path);
    path
}

#[test]
fn a_vault_that_a_killed_process_left_is_told_where_there_is_none() {
    let env = TestEnv::empty();
    let _ = leftover(&env, "0123456789ab");
    let listed = env.run(["list"]);
    insta::assert_snapshot!(listed, @"
    exit: 1
    ---- stdout
    ---- stderr
    error: there is no vault at `[HOME]/.config/keywright/vault.db`
    hint: `keywright init` makes one, and so does the first `create` or `set`; `[HOME]/.config/keywright/vault.db.new-0123456789ab` was left by a process that was ended while it made a vault, and can be removed
    ");
    let made = env.run(["init", "--kdf", "test"]);
    insta::assert_snapshot!(made, @"
    exit: 0
    ---- stdout
    ---- stderr
    warning: `[HOME]/.config/keywright/vault.db.new-0123456789ab` was left by a process that was ended while it made a vault, and can be removed
    Made the vault `[HOME]/.config/keywright/vault.db`
    ");
    assert_eq!(env.run(["list"]).stderr(), "No keys\n");
    insta::assert_snapshot!(env.run(["init"]), @"
    exit: 4
    ---- stdout
    ---- stderr
    error: there is already a file at `[HOME]/.config/keywright/vault.db`
    hint: choose another place with --vault; `[HOME]/.config/keywright/vault.db.new-0123456789ab` was left by a process that was ended while it made a vault, and can be removed
    ");
}

#[test]
fn the_first_create_tells_of_it_too() {
    let env = TestEnv::empty();
    let first = leftover(&env, "0123456789ab");
    let _ = leftover(&env, "0123456789ac-journal");
    let made = env.run(["create", "deploy", "-q"]);
    insta::assert_snapshot!(made.masked_stderr(), @"warning: `[HOME]/.config/keywright/vault.db.new-0123456789ab` and 1 more were left by processes that were ended while they made a vault, and can be removed");
    fs::remove_file(first).expect("removed");
}

#[test]
fn what_is_no_leftover_is_not_told() {
    let env = TestEnv::empty();
    for name in [
        "vault.db.new-0123",
        "vault.db.new-0123456789xy",
        "vault.db.new-0123456789ab.bak",
        "other.db.new-0123456789ab",
    ] {
        aged(&env.write(&format!(".config/keywright/{name}"), "mine"));
    }
    // Its process may be at it still.
    env.write(".config/keywright/vault.db.new-0123456789ab", "half");
    let made = env.run(["init", "--kdf", "test", "-q"]);
    assert_eq!(made.stderr(), "", "{made}");
}
