//! Another user of the machine: what they get of a server and of the files beside it, though all around is open to them.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rustix::process::geteuid;

use crate::common::{Outcome, TestEnv, needed, skip};
use crate::server::{At, Client, Server};

/// A user who has no rights of its own anywhere.
const NOBODY: &str = "65534";

/// `None` where nobody can become another user.
fn setpriv() -> Option<PathBuf> {
    if !geteuid().is_root() {
        skip("only root can become another user");
        return None;
    }
    needed("setpriv")
}

fn open(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).expect("changed");
}

/// What a program comes to that another user runs.
fn other(env: &TestEnv, setpriv: &Path, words: &[&str]) -> Outcome {
    let mut command = env.program(setpriv);
    command.args(["--reuid", NOBODY, "--regid", NOBODY, "--clear-groups"]);
    command.args(words);
    env.finish(command, "")
}

#[test]
#[cfg(target_os = "linux")]
fn a_server_s_memory_and_environment_are_closed_to_another_user() {
    let Some(setpriv) = setpriv() else { return };
    let env = TestEnv::new();
    let token = env.create(["ci"]);
    // A shell notes the process that it becomes.
    let mut command = env.program("sh");
    let line = "echo $$ >pid; exec \"$0\" serve --listen 127.0.0.1:0";
    command.args(["-c", line, env!("CARGO_BIN_EXE_keywright")]);
    let server = Server::start(command);
    let ask = || server.ask("GET /auth/proxy", &[("x-api-key", &token)]);
    assert_eq!(ask().status, 200);
    let pid = fs::read_to_string(env.path("pid")).expect("noted");
    let process = format!("/proc/{}", pid.trim());
    for file in ["mem", "environ", "maps", "fd/3", "auxv"] {
        let path = format!("{process}/{file}");
        let read = other(&env, &setpriv, &["cat", &path]);
        assert!(
            !read.success() && read.stdout().is_empty(),
            "{file}: {read}"
        );
    }
    // The twin: what says nothing of secrets is there for everybody to read.
    let read = other(&env, &setpriv, &["cat", &format!("{process}/cmdline")]);
    assert!(read.stdout_text().contains("serve"), "{read}");
    for signal in ["-TERM", "-KILL"] {
        let kill = ["sh", "-c", "kill \"$0\" \"$1\"", signal, pid.trim()];
        assert!(!other(&env, &setpriv, &kill).success());
    }
    assert_eq!(ask().status, 200);
}

/// Asks by a socket as any client would; prints the status, or that it may not come here.
const ASK: &str = "
import socket, sys
s = socket.socket(socket.AF_UNIX)
try:
    s.connect(sys.argv[1])
except PermissionError:
    print('no permission')
    sys.exit()
s.sendall(f'GET /auth/proxy HTTP/1.1\\r\\nhost: x\\r\\nx-api-key: {sys.argv[2]}\\r\\n\\r\\n'.encode())
print(s.recv(12).decode())
";

/// Every local user may ask, as by a port; the folder says who may come there. Nobody else can put a socket in its place.
#[test]
fn a_server_s_socket_is_for_those_whom_its_folder_lets_in() {
    let Some(setpriv) = setpriv() else { return };
    let Some(python) = needed("python3") else {
        return;
    };
    let env = TestEnv::new();
    let token = env.create(["ci"]);
    let folder = env.path("run");
    fs::create_dir(&folder).expect("made");
    open(env.home(), 0o755);
    open(&folder, 0o700);
    let socket = folder.join("keywright.sock");
    let mut command = env.command(["serve", "--listen"]);
    command.arg(format!("unix:{}", socket.display()));
    let server = Server::start(command);
    let path = socket.to_str().expect("UTF-8");
    let python = python.to_str().expect("UTF-8");
    let ask = || other(&env, &setpriv, &[python, "-c", ASK, path, &token]).stdout_text();
    assert_eq!(ask(), "no permission\n");
    open(&folder, 0o755);
    assert_eq!(ask(), "HTTP/1.1 200\n");
    for words in [&["rm", "-f", path] as &[&str], &["mv", path, "/tmp/x"]] {
        assert!(!other(&env, &setpriv, words).success(), "{words:?}");
    }
    let mut client = Client::to(&At::Unix(socket));
    let answer = client.ask("GET /auth/proxy", &[("x-api-key", &token)]);
    assert_eq!(answer.status, 200, "{answer}");
    server.stop();
}

/// With a umask that takes nothing away, and every folder that was there before open to all.
#[test]
fn no_file_of_a_vault_can_be_read_or_changed_by_another_user() {
    let Some(setpriv) = setpriv() else { return };
    for umask in ["000", "022", "077"] {
        let env = TestEnv::empty();
        let program = env!("CARGO_BIN_EXE_keywright");
        let line = format!(
            "umask {umask}; set -e; k={program}; $k init --kdf test; $k create ci >token; $k set openai <passphrase; \
             $k get openai >value; $k backup copy.db; $k backup slice.db --scope default/development; \
             $k create other --out out"
        );
        let mut shell = env.program("sh");
        shell.args(["-c", &line]);
        let made = env.finish(shell, "");
        assert!(made.success(), "{made}");
        // Written by the shell, and not by keywright.
        let of_the_shell = ["passphrase", "token", "value"].map(|name| env.path(name));
        let server = Server::start(env.serve());
        server.ask("GET /healthz", &[]);
        open(env.home(), 0o777);
        let paths: Vec<PathBuf> = env.files().into_keys().collect();
        let names = ["vault.db", "activity.db", "copy.db", "slice.db", "out"];
        for name in names {
            assert!(paths.iter().any(|path| path.ends_with(name)), "{name}");
        }
        for path in paths.iter().filter(|path| !of_the_shell.contains(path)) {
            let text = path.to_str().expect("UTF-8");
            let read = other(&env, &setpriv, &["cat", text]);
            assert!(
                !read.success() && read.stdout().is_empty(),
                "{umask} {path:?}: {read}"
            );
            let write = ["sh", "-c", ": >>\"$0\"", text];
            assert!(!other(&env, &setpriv, &write).success(), "{umask} {path:?}");
        }
        for folder in [".config/keywright", ".local/state/keywright"] {
            let folder = env.path(folder);
            let listed = other(&env, &setpriv, &["ls", folder.to_str().expect("UTF-8")]);
            assert!(!listed.success(), "{umask} {folder:?}");
        }
        // The twin: what is open is read.
        open(&env.path("value"), 0o644);
        let text = env.path("value");
        let read = other(&env, &setpriv, &["cat", text.to_str().expect("UTF-8")]);
        assert!(!read.stdout().is_empty(), "{read}");
        server.stop();
    }
}

/// Its folders cannot be made durable there, which is no reason to do without them.
#[test]
fn a_vault_can_be_made_where_its_owner_may_not_look() {
    let Some(setpriv) = setpriv() else { return };
    let env = TestEnv::empty();
    let (drop_box, program) = (env.path("drop"), env.path("keywright"));
    fs::create_dir(&drop_box).expect("made");
    open(env.home(), 0o755);
    open(&env.path("passphrase"), 0o644);
    open(&drop_box, 0o733);
    fs::copy(env!("CARGO_BIN_EXE_keywright"), &program).expect("copied");
    let home = format!("HOME={}", drop_box.display());
    let program = program.to_str().expect("UTF-8");
    let keywright = |words: &[&str]| {
        let words = [&["env", &home, program], words].concat();
        other(&env, &setpriv, &words)
    };
    let listed = other(&env, &setpriv, &["ls", drop_box.to_str().expect("UTF-8")]);
    assert!(!listed.success(), "{listed}");
    let made = keywright(&["init", "--kdf", "test"]);
    assert!(made.success(), "{made}");
    let token = keywright(&["create", "ci"]).stdout_text();
    let mut verify = env.program(&setpriv);
    verify.args(["--reuid", NOBODY, "--regid", NOBODY, "--clear-groups"]);
    verify.args(["env", &home, program, "verify"]);
    let verified = env.finish(verify, &token);
    assert!(verified.success(), "{verified}");
}
