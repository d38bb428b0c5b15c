//! What `--print-config systemd` prints: read by the real systemd, and run with its environment and restrictions. systemd
//! itself is not started.
//!
//! Simulated: the specifiers `%S` and `%d`, which are below the test's folder. The restrictions on system calls are compared with
//! what the server really calls; that the other restrictions leave it what it needs is read from the same trace.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::geteuid;

use crate::common::{Outcome, TestEnv, needed, skip};
use crate::http::{Request, ask};
use crate::proxies::{filled, free_port, printed, tcp};
use crate::server::{DEADLINE, Server};

/// The files that are in one output, each after a line with its path.
fn files(text: &str) -> Vec<(&str, &str)> {
    let parts = text.split("# ---- /etc/systemd/system/").skip(1);
    let files = parts.map(|part| part.split_once('\n').expect("a path is a line"));
    files.collect()
}

fn verify(env: &TestEnv, names: &[&str]) -> Option<Outcome> {
    let analyze = needed("systemd-analyze")?;
    let can_mount = ["-rm", "mount", "-t", "tmpfs", "tmpfs", "/run"];
    let mut tried = env.program("unshare");
    tried.args(can_mount);
    if !env.finish(tried, "").success() {
        skip("no namespace for mounts can be made here");
        return None;
    }
    // It makes files of its own in /run.
    let line = "mount -t tmpfs tmpfs /run && exec \"$0\" verify --man=no --generators=no \"$@\"";
    let mut command = env.program("unshare");
    command.args(["-rm", "sh", "-c", line]).arg(analyze);
    command.args(names.iter().map(|name| env.path(name)));
    Some(env.finish(command, ""))
}

#[test]
fn systemd_reads_both_units() {
    let env = TestEnv::empty();
    let text = printed(&env, "systemd", "unix:/run/keywright/keywright.sock");
    let text = filled(
        &text,
        "/usr/local/bin/keywright",
        env!("CARGO_BIN_EXE_keywright"),
    );
    let units = files(&text);
    let names: Vec<&str> = units.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, ["keywright.socket", "keywright.service"]);
    for (name, unit) in &units {
        env.write(name, unit);
    }
    let Some(outcome) = verify(&env, &names) else {
        return;
    };
    assert!(
        outcome.success() && outcome.stderr().is_empty(),
        "{outcome}"
    );
    // Its twin: what systemd does not know is noticed.
    for (name, unit) in &units {
        let setting = if name.ends_with("socket") {
            "ListenStream="
        } else {
            "MemoryMax="
        };
        env.write(name, filled(unit, setting, "Mistyped="));
        let outcome = verify(&env, &names).expect("as before");
        assert!(outcome.stderr().contains("Mistyped"), "{outcome}");
        env.write(name, unit);
    }
}

/// The lines of a command line's comment, as root would run them, in the test's folder.
#[track_caller]
fn install(env: &TestEnv, text: &str) {
    let lines = text
        .lines()
        .filter_map(|line| line.strip_prefix("#   install "));
    let lines: Vec<String> = lines
        .map(|line| {
            format!(
                "install {}",
                filled(
                    line,
                    "/etc/keywright",
                    &env.path("etc").display().to_string()
                )
            )
        })
        .collect();
    assert_eq!(lines.len(), 2);
    let mut command = env.program("sh");
    command.args(["-e", "-c", &lines.join("\n")]);
    let outcome = env.finish(command, "");
    assert!(outcome.success(), "{outcome}");
}

/// All values of a setting, with its specifiers and paths filled in.
fn settings(env: &TestEnv, unit: &str, name: &str) -> Vec<String> {
    let own = |below: &str| env.path(below).display().to_string();
    let pairs = unit.lines().filter_map(|line| line.split_once('='));
    let values = pairs
        .filter(|(key, _)| *key == name)
        .map(|(_, value)| value);
    let values = values.map(|value| {
        value
            .replace("/etc/keywright", &own("etc"))
            .replace("%S", &own("state"))
            .replace("%d", &own("credentials"))
    });
    values.collect()
}

/// With a slice of issued keys and an access token of it, and the server's command as the unit has it; gives a good token.
fn installed(env: &TestEnv, unit: &str, text: &str) -> (String, Command) {
    let token = env.create(["reader", "-p", "shop", "-e", "production"]);
    for args in [
        &[
            "access",
            "create",
            "serve",
            "-p",
            "shop",
            "-e",
            "production",
            "--kind",
            "issued",
            "--out",
            "access-token",
        ][..],
        &[
            "backup",
            "--scope",
            "shop/production",
            "--kind",
            "issued",
            "keywright.vault",
        ],
    ] {
        let outcome = env.run(args);
        assert!(outcome.success(), "{outcome}");
    }
    install(env, text);
    // As `DynamicUser=` has it.
    fs::create_dir_all(env.path("state/private/keywright")).expect("made");
    symlink("private/keywright", env.path("state/keywright")).expect("linked");
    fs::create_dir_all(env.path("credentials")).expect("made");
    let credential = &settings(env, unit, "LoadCredential")[0];
    let (name, source) = credential.split_once(':').expect("a name and a path");
    fs::copy(source, env.path("credentials").join(name)).expect("copied");
    let started = &settings(env, unit, "ExecStart")[0];
    let args = started
        .strip_prefix("/usr/local/bin/keywright ")
        .expect("the program");
    let mut command = env.command(args.split(' '));
    command.env_remove("KEYWRIGHT_PASSPHRASE_FILE");
    for line in settings(env, unit, "Environment") {
        command.envs(
            line.split(' ')
                .map(|pair| pair.split_once('=').expect("a pair")),
        );
    }
    (token, command)
}

/// A server whose socket systemd makes, its port and a good token. Where the port was taken, nothing.
fn activated(activate: &Path) -> Option<(TestEnv, Server, u16, String)> {
    let env = TestEnv::new();
    let port = free_port();
    let text = printed(&env, "systemd", &format!("127.0.0.1:{port}"));
    let (_, socket) = files(&text)[0];
    let (_, unit) = files(&text)[1];
    let (token, command) = installed(&env, unit, &text);
    let mut activated = env.program(activate);
    activated.env_clear();
    activated.args(["--listen", &settings(&env, socket, "ListenStream")[0]]);
    for (name, value) in command.get_envs() {
        if let (Some(name), Some(value)) = (name.to_str(), value.and_then(|it| it.to_str())) {
            activated.args(["--setenv", &format!("{name}={value}")]);
        }
    }
    activated
        .arg(command.get_program())
        .args(command.get_args());
    let mut server = Server::begin(activated);
    if !server.comes_to("Listening on") {
        assert!(server.log().contains("in use"), "{}", server.log());
        return None;
    }
    Some((env, server, port, token))
}

/// Socket activation is systemd's own; the socket is handed over with the first connection.
#[test]
fn the_service_answers_at_the_socket_that_it_is_given() {
    let Some(activate) = needed("systemd-socket-activate") else {
        return;
    };
    let activated = (0..5).find_map(|_| activated(&activate));
    let (env, mut server, port, token) = activated.expect("a port that stays free");
    let request = Request::get("/auth/proxy?require=read").bearer(&token);
    assert_eq!(ask(port, &request).status(), 200, "{}", server.log());
    assert_eq!(ask(port, &Request::get("/auth/proxy")).status(), 401);
    server.wait_for("event=listening");
    assert_eq!(server.said("event=listening"), 1, "{}", server.log());
    server.stop();
    let state = fs::read_dir(env.path("state/keywright/keywright")).expect("made");
    let vault = state.map(|entry| entry.expect("readable").path()).next();
    assert!(
        vault
            .expect("a vault's folder")
            .join("activity.db")
            .exists()
    );
}

/// System calls that systemd's own words allow.
fn allowed(analyze: &Path, filters: &[String]) -> BTreeSet<String> {
    let mut allowed = BTreeSet::new();
    for filter in filters {
        let (is_denied, sets) = match filter.strip_prefix('~') {
            Some(sets) => (true, sets),
            None => (false, filter.as_str()),
        };
        for set in sets.split(' ') {
            let mut queue = vec![set.to_owned()];
            while let Some(set) = queue.pop() {
                let output = Command::new(analyze)
                    .args(["--no-pager", "syscall-filter", &set])
                    .output()
                    .expect("it runs");
                assert!(output.status.success(), "{set}");
                let text = String::from_utf8(output.stdout).expect("UTF-8");
                for word in text.lines().skip(1).map(str::trim) {
                    if word.starts_with('@') {
                        queue.push(word.to_owned());
                    } else if is_denied {
                        allowed.remove(word);
                    } else if !word.starts_with('#') && !word.is_empty() {
                        allowed.insert(word.to_owned());
                    }
                }
            }
        }
    }
    allowed
}

/// What systemd gives to the user of the service.
fn give_to_nobody(env: &TestEnv) {
    fs::set_permissions(env.home(), fs::Permissions::from_mode(0o755)).expect("changed");
    for below in [
        "state",
        "state/keywright",
        "credentials",
        "credentials/access-token",
    ] {
        chown(env.path(below), Some(65534), Some(65534)).expect("given");
    }
}

#[test]
fn its_restrictions_leave_the_server_what_it_needs() {
    let (Some(analyze), Some(strace)) = (needed("systemd-analyze"), needed("strace")) else {
        return;
    };
    let env = TestEnv::new();
    let text = printed(&env, "systemd", "127.0.0.1:4870");
    let (_, unit) = files(&text)[1];
    let (token, command) = installed(&env, unit, &text);
    let mut traced = env.program(strace);
    traced.env_clear();
    if geteuid().is_root() {
        // Root calls more than others.
        give_to_nobody(&env);
        traced.args(["-u", "nobody"]);
    }
    for (name, value) in command.get_envs() {
        if let Some(value) = value {
            traced.env(name, value);
        }
    }
    let trace = env.path("trace");
    traced.args(["-f", "-qq", "-D", "-o"]).arg(&trace);
    // Others cannot reach the folder that it was built in.
    fs::copy(command.get_program(), env.path("keywright")).expect("copied");
    traced.arg(env.path("keywright")).args(command.get_args());
    traced.args(["--listen", "127.0.0.1:0"]);
    let server = Server::start(traced);
    let port = tcp(&server).port();
    for _ in 0..20 {
        let request = Request::get("/auth/proxy?require=read").bearer(&token);
        assert_eq!(ask(port, &request).status(), 200);
    }
    // What is changed is read again.
    fs::copy(env.path("etc/keywright.vault"), env.path("etc/new")).expect("copied");
    fs::rename(env.path("etc/new"), env.path("etc/keywright.vault")).expect("moved");
    assert_eq!(ask(port, &Request::get("/readyz")).status(), 200);
    assert_eq!(ask(port, &Request::get("/metrics")).status(), 200);
    server.stop();
    // The tracer is beside it, and ends after it.
    let deadline = Instant::now() + DEADLINE;
    let trace = loop {
        let text = fs::read_to_string(&trace).expect("written");
        if text.contains("exit_group(0)") {
            break text;
        }
        assert!(Instant::now() < deadline, "the trace ends");
        thread::sleep(Duration::from_millis(20));
    };
    let lines = trace.lines().filter_map(|line| line.split_once(' '));
    let lines: Vec<&str> = lines.map(|(_, call)| call.trim_start()).collect();
    let names: BTreeSet<String> = lines
        .iter()
        .filter_map(|line| line.split_once('('))
        .map(|(name, _)| name.to_owned())
        .filter(|name| name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_'))
        .collect();
    assert!(
        names.contains("accept4") && names.contains("pwrite64"),
        "{names:?}"
    );
    let allowed = allowed(&analyze, &settings(&env, unit, "SystemCallFilter"));
    let refused: Vec<&String> = names.difference(&allowed).collect();
    // What systemd itself calls in its place is `execve`, which is allowed, too.
    assert_eq!(refused, Vec::<&String>::new());
    // Its twin: a call that is not allowed is noticed.
    let fewer = ["@system-service".to_owned(), "~@network-io".to_owned()];
    assert!(!names.is_subset(&self::allowed(&analyze, &fewer)));
    // MemoryDenyWriteExecute=, RestrictAddressFamilies=, RestrictNamespaces=, RestrictRealtime=
    for (what, is_refused) in [
        (
            "executable memory that is written",
            &(|line: &str| line.contains("PROT_WRITE|PROT_EXEC")) as &dyn Fn(&str) -> bool,
        ),
        ("another kind of socket", &|line: &str| {
            line.starts_with("socket(")
                && !["AF_UNIX", "AF_INET,", "AF_INET6"]
                    .iter()
                    .any(|it| line.contains(it))
        }),
        ("a namespace", &|line: &str| line.contains("CLONE_NEW")),
        (
            "a file below /proc that ProcSubset= hides",
            &|line: &str| {
                line.contains("\"/proc/")
                    && !line.contains("\"/proc/self")
                    && !line.contains("\"/proc/1")
                    // Which the allocator does without.
                    && !line.contains("/proc/sys/vm/overcommit_memory")
            },
        ),
        ("writing outside the state", &|line: &str| {
            let writes = line.starts_with("open")
                && ["O_WRONLY", "O_RDWR"].iter().any(|it| line.contains(it));
            let state = env.path("state").display().to_string();
            writes
                && !line.contains(&state)
                && !line.contains("/dev/null")
                && !line.contains("EACCES")
                && !line.contains("ENOENT")
        }),
    ] {
        let found: Vec<&&str> = lines.iter().filter(|line| is_refused(line)).collect();
        assert!(found.is_empty(), "{what}: {found:?}");
    }
}
