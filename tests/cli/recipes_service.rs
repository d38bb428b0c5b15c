//! The README's systemd service. The unit is read by the real systemd, and what it starts is real; systemd itself is not
//! started. Simulated, in `Service`: its splitting of the command line, which the unit needs no quotes for; the specifiers
//! `%S` and `%d`, which are below the test's folder instead of in `/var/lib` and `/run`; the folder and the credential that it makes; the user and
//! the environment of the service; that `ProtectHome=` hides its home directory, and that with `ProtectSystem=strict` all but
//! the state is on a read-only mount.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use rustix::process::{Pid, Signal, geteuid, kill_process};

use crate::common::{Outcome, TestEnv, needed, skip};
use crate::recipes::{files_of_server, filled, recipe, run_lines, script};

const VALUE: &str = "sk-canary-service";

/// Has no rights of its own anywhere.
const NOBODY: u32 = 65534;

struct Service {
    env: TestEnv,
    unit: String,
    /// Who runs it: somebody else where the tests are run by root.
    user: u32,
}

impl Service {
    /// With the files installed as the README says.
    fn new() -> Self {
        let env = TestEnv::new();
        env.set(["openai", "-p", "shop", "-e", "production"], VALUE);
        let user = if geteuid().is_root() {
            NOBODY
        } else {
            geteuid().as_raw()
        };
        fs::set_permissions(env.home(), fs::Permissions::from_mode(0o755)).expect("changed");
        // Others cannot reach the folder that it was built in.
        fs::copy(env!("CARGO_BIN_EXE_keywright"), env.path("keywright")).expect("copied");
        script(
            &env,
            "shop",
            "echo \"$$ $OPENAI_API_KEY $(ls -d \"$CREDENTIALS_DIRECTORY\")\"\nexec sleep 60\n",
        );
        let own = |path: &str| env.path(path).display().to_string();
        let unit = filled(
            recipe("systemd"),
            "/usr/local/bin/keywright",
            &own("keywright"),
        );
        let unit = filled(&unit, "/usr/local/bin/shop", &own("shop"));
        let unit = filled(&unit, "/etc/shop", &own("etc"));
        let unit = filled(&unit, "%S", &own("state"));
        let unit = filled(&unit, "%d", &own("credentials"));
        let service = Self { env, unit, user };
        files_of_server(&service.env);
        service.install();
        service.hide_home();
        service.own("state/shop", None, 0o700);
        service
    }

    /// The files of the README, again after a change.
    fn install(&self) {
        let etc = self.env.path("etc").display().to_string();
        let lines = filled(recipe("systemd-files"), "/etc/shop", &etc);
        run_lines(&self.env, &lines);
    }

    /// `ProtectHome=` puts an empty folder that nobody may enter there.
    fn hide_home(&self) {
        let home = self.env.path("home");
        fs::create_dir(&home).expect("made");
        if geteuid().is_root() {
            fs::set_permissions(&home, fs::Permissions::from_mode(0o000)).expect("changed");
        }
    }

    /// A file or a folder of the service's user.
    fn own(&self, below: &str, contents: Option<&[u8]>, mode: u32) -> PathBuf {
        let path = self.env.path(below);
        match contents {
            Some(contents) => fs::write(&path, contents).expect("written"),
            None => fs::create_dir_all(&path).expect("made"),
        }
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("changed");
        chown(&path, Some(self.user), Some(self.user)).ok();
        path
    }

    /// The one value of a setting.
    #[track_caller]
    fn setting(&self, name: &str) -> &str {
        let [value] = self.settings(name)[..] else {
            panic!("not once in the unit: {name}");
        };
        value
    }

    /// All values of a setting.
    #[track_caller]
    fn settings(&self, name: &str) -> Vec<&str> {
        let pairs = self.unit.lines().filter_map(|line| line.split_once('='));
        let values = pairs.filter(|(key, _)| *key == name);
        let values: Vec<&str> = values.map(|(_, value)| value).collect();
        for value in &values {
            assert!(
                !value.contains(['"', '\'', '\\', '$', '%']),
                "needs more than splitting: {value}"
            );
        }
        values
    }

    fn environment(&self) -> Vec<(String, String)> {
        let home = self.env.path("home/shop");
        let home = home.to_str().expect("a path");
        let own = self.settings("Environment").join(" ");
        let own = own
            .split(' ')
            .map(|pair| pair.split_once('=').expect("a pair"));
        let given = [
            ("HOME", home),
            ("INVOCATION_ID", "0123456789abcdef0123456789abcdef"),
            ("JOURNAL_STREAM", "8:12345"),
            ("LANG", "C.UTF-8"),
            ("LOGNAME", "shop"),
            ("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin"),
            ("SHELL", "/usr/sbin/nologin"),
            ("USER", self.setting("User")),
        ];
        let pairs = given
            .into_iter()
            .chain(own)
            .map(|(name, value)| (name.to_owned(), value.to_owned()));
        let folders = [
            ("CREDENTIALS_DIRECTORY", "credentials"),
            ("STATE_DIRECTORY", "state/shop"),
        ];
        let folders = folders
            .map(|(name, path)| (name.to_owned(), self.env.path(path).display().to_string()));
        pairs.chain(folders).collect()
    }

    /// What systemd does before it executes the program, and the command that then does it; `None` without a namespace
    /// for mounts.
    fn start(&self) -> Option<Command> {
        let (name, source) = self
            .setting("LoadCredential")
            .split_once(':')
            .expect("a name and a path");
        let access_token = fs::read(source).expect("read as root");
        let credentials = self.own("credentials", None, 0o700);
        let _ = fs::remove_file(credentials.join(name));
        self.own(&format!("credentials/{name}"), Some(&access_token), 0o400);
        self.own("credentials", None, 0o500);
        let unshare = needed("unshare")?;
        let root = geteuid().is_root();
        let namespace = if root { "-m" } else { "-rm" };
        let allowed = Command::new(&unshare).args([namespace, "true"]).status();
        if !allowed.is_ok_and(|status| status.success()) {
            skip("no namespace for mounts can be made here");
            return None;
        }
        let line = "mount --bind \"$0\" \"$0\" && mount -o remount,bind,ro \"$0\" && mount --bind \"$1\" \"$1\" && \
                    mount -o remount,bind,rw \"$1\" && cd / && shift && exec \"$@\"";
        let mut command = Command::new(unshare);
        command
            .env_clear()
            .envs(self.environment())
            .args([namespace, "sh", "-c", line]);
        command
            .arg(self.env.home())
            .arg(self.env.path("state/shop"));
        if root {
            let user = self.user.to_string();
            command.args([
                "setpriv",
                "--reuid",
                &user,
                "--regid",
                &user,
                "--clear-groups",
                "--no-new-privs",
            ]);
        }
        command.args(self.setting("ExecStart").split(' '));
        Some(command)
    }
}

fn words(line: &str) -> Vec<&str> {
    line.split_whitespace().collect()
}

/// The first process is the program in the end, and it is the one that TERM ends.
#[test]
fn a_systemd_service() {
    let service = Service::new();
    let Some(mut command) = service.start() else {
        return;
    };
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().expect("started");
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("piped"))
        .read_line(&mut line)
        .expect("read");
    let credentials = service.env.path("credentials");
    let expected = format!("{} {VALUE} {}", child.id(), credentials.display());
    if !line.is_empty() {
        kill_process(Pid::from_child(&child), Signal::TERM).expect("running");
    }
    let output = child.wait_with_output().expect("ended");
    assert_eq!(
        words(&line),
        words(&expected),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert_eq!(output.status.signal(), Some(Signal::TERM.as_raw()));
    // No warning: the use and the anchor are where the service may write.
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    let state = fs::read_dir(service.env.path("state/shop/keywright")).expect("made");
    let vault = state
        .map(|entry| entry.expect("readable").path())
        .next()
        .expect("a vault's folder");
    assert!(vault.join("activity.db").exists());
}

/// A slice that was installed anew after its access token was revoked.
#[test]
fn a_service_that_fails_is_not_started_again() {
    let service = Service::new();
    let lines = "keywright access revoke shop --yes && keywright backup --scope shop/production --kind provider --refresh keywright.vault";
    run_lines(&service.env, lines);
    service.install();
    let Some(command) = service.start() else {
        return;
    };
    let outcome: Outcome = service.env.finish(command, "");
    insta::assert_snapshot!(outcome, @"
    exit: 125
    ---- stdout
    ---- stderr
    error: the access token from `[HOME]/credentials/access-token` opens nothing here: it was revoked, or it is of another vault
    hint: `keywright access list` shows the tokens there are, `keywright access create` makes one
    ");
    assert_eq!(
        service.setting("RestartPreventExitStatus"),
        outcome.code().expect("a code").to_string()
    );
}

/// Each part of the recipe is needed: the token, the scope, a slice that only its owner can write.
#[test]
fn a_service_without_its_token_or_of_another_scope_fails() {
    let start = |change: &dyn Fn(&mut Service)| {
        let mut service = Service::new();
        change(&mut service);
        let command = service.start()?;
        Some(service.env.finish(command, ""))
    };
    let token = |service: &mut Service| {
        let variable = format!(
            " KEYWRIGHT_ACCESS_TOKEN_FILE={}/access-token",
            service.env.path("credentials").display()
        );
        service.unit = filled(&service.unit, &variable, "");
    };
    let scope = |service: &mut Service| {
        service.unit = filled(&service.unit, "-e production", "-e staging");
    };
    let mode = |service: &mut Service| {
        let slice = service.env.path("etc/keywright.vault");
        fs::set_permissions(slice, fs::Permissions::from_mode(0o664)).expect("changed");
    };
    let Some(without) = start(&token) else { return };
    // It belongs to root, where the tests are run by root.
    assert_eq!(without.code(), Some(125), "{without}");
    assert!(without.stderr().contains("is refused: "), "{without}");
    insta::assert_snapshot!(start(&scope).expect("started"), @"
    exit: 125
    ---- stdout
    ---- stderr
    error: the provider keys of shop/staging cannot be opened: the access token opens the provider keys of shop/production
    hint: choose with -p and -e what it opens; several access tokens, separated by spaces, open several; unset KEYWRIGHT_ACCESS_TOKEN_FILE to use the agent or the passphrase
    ");
    insta::assert_snapshot!(start(&mode).expect("started"), @"
    exit: 125
    ---- stdout
    ---- stderr
    error: the vault `[HOME]/etc/keywright.vault` is refused: others can write it (mode 664)
    hint: run: chmod go-w [HOME]/etc/keywright.vault
    ");
}

/// The twin: why the recipe has the folder for settings.
#[test]
fn a_home_that_cannot_be_reached_is_told() {
    if !geteuid().is_root() {
        return;
    }
    let mut service = Service::new();
    let folder = service.env.path("state/shop");
    let folder = format!("XDG_CONFIG_HOME={} ", folder.display());
    service.unit = filled(&service.unit, &folder, "");
    let Some(command) = service.start() else {
        return;
    };
    insta::assert_snapshot!(service.env.finish(command, ""), @"
    exit: 125
    ---- stdout
    ---- stderr
    error: cannot read `[HOME]/home/shop/.config/keywright/config.toml`
      caused by: Permission denied (os error 13)
    hint: set XDG_CONFIG_HOME or HOME to a folder that can be reached
    ");
}

/// systemd's own reader. It makes files of its own in `/run`, hence the namespace.
#[test]
fn systemd_reads_the_unit() {
    let Some(analyze) = needed("systemd-analyze") else {
        return;
    };
    let service = Service::new();
    let verify = |unit: &str| {
        let path = service.env.write("shop.service", unit);
        let line =
            "mount -t tmpfs tmpfs /run && exec \"$0\" verify --man=no --generators=no \"$1\"";
        let mut command = service.env.program("unshare");
        command
            .args(["-rm", "sh", "-c", line])
            .args([&analyze, &path]);
        service.env.finish(command, "")
    };
    if !can_mount(&service.env) {
        return skip("no namespace for mounts can be made here");
    }
    let outcome = verify(&service.unit);
    assert!(
        outcome.success() && outcome.stderr().is_empty(),
        "{outcome}"
    );
    // Its twin: what systemd does not know is noticed.
    let mistyped = verify(&filled(&service.unit, "ProtectHome=", "ProtectHomes="));
    assert!(mistyped.stderr().contains("ProtectHomes"), "{mistyped}");
}

fn can_mount(env: &TestEnv) -> bool {
    let mut command = env.program("unshare");
    command.args(["-rm", "mount", "-t", "tmpfs", "tmpfs", "/run"]);
    env.finish(command, "").success()
}
