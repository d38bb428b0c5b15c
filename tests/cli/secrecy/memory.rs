//! What is left in memory: of a command that has the vault open, and of the program that takes its place.

use std::fs;
use std::io::Read;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, geteuid, kill_process};

use super::{NAMES, VALUE};
use crate::agent_peers::hits;
use crate::common::{PASSPHRASE, TestEnv, skip};
use crate::terminal::without_terminal;

/// With one provider key.
fn one() -> TestEnv {
    let env = TestEnv::new();
    env.set([NAMES[1], "--var", "CANARY"], VALUE);
    env
}

/// A program that has said something; it is killed when this is dropped.
struct Running(Child);

impl Running {
    /// Waits until it writes to standard output, and for no more.
    #[track_caller]
    fn start(mut command: Command) -> Self {
        without_terminal(&mut command);
        let spawned = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn();
        let mut running = Self(spawned.expect("it starts"));
        let stdout = running.0.stdout.as_mut().expect("piped");
        stdout.read_exact(&mut [0]).expect("it says something");
        running
    }

    fn pid(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail only when it has ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A command that has the vault open until it is ended.
fn following(env: &TestEnv) -> Command {
    env.command(["audit", "--follow"])
}

#[test]
#[cfg(target_os = "linux")]
fn a_command_with_the_vault_open_has_no_passphrase_in_its_memory() {
    if !geteuid().is_root() || !Path::new("/proc/self/maps").exists() {
        return skip("only root on Linux can read another process's memory");
    }
    let env = one();
    let running = Running::start(following(&env));
    assert_eq!(hits(running.pid(), PASSPHRASE.as_bytes()), 0);
    let fact = env.home().display().to_string();
    assert!(
        hits(running.pid(), fact.as_bytes()) > 0,
        "the search finds what is there"
    );
}

/// Whatever limit the caller set.
#[test]
fn a_command_with_the_vault_open_leaves_no_core() {
    let env = one();
    let leaves_core = |program: &[&str]| {
        let mut shell = env.program("sh");
        let script = r#"ulimit -S -c "$(ulimit -H -c)"; exec "$@""#;
        shell.args(["-c", script, "sh"]).args(program);
        let mut running = Running::start(shell);
        kill_process(Pid::from_child(&running.0), Signal::ABORT).expect("it runs");
        let status = running.0.wait().expect("it ends");
        assert_eq!(status.signal(), Some(Signal::ABORT.as_raw()), "{status}");
        status.core_dumped()
    };
    if !leaves_core(&["sh", "-c", "echo ready; exec sleep 60"]) {
        return skip("no program leaves a core here");
    }
    let keywright = env!("CARGO_BIN_EXE_keywright");
    assert!(!leaves_core(&[keywright, "audit", "--follow"]));
}

#[test]
#[cfg(target_os = "linux")]
fn the_program_that_takes_its_place_has_nothing_but_the_value() {
    if !geteuid().is_root() || !Path::new("/proc/self/maps").exists() {
        return skip("only root on Linux can read another process's memory");
    }
    let env = one();
    env.unlock();
    let key = env.vault_key();
    assert!(env.run(["lock"]).success());
    for variable in ["KEYWRIGHT_PASSPHRASE", "KEYWRIGHT_PASSPHRASE_FILE"] {
        let mut command = env.command(["run", "--", "sh", "-c", "echo ready; read wait"]);
        command.env_remove("KEYWRIGHT_PASSPHRASE_FILE");
        let passphrase = if variable == "KEYWRIGHT_PASSPHRASE" {
            PASSPHRASE.to_owned()
        } else {
            env.path("passphrase").display().to_string()
        };
        command.env(variable, passphrase);
        // Its input stays open, so that it stays.
        without_terminal(&mut command);
        let spawned = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut running = Running(spawned.expect("it starts"));
        let stdout = running.0.stdout.as_mut().expect("piped");
        stdout.read_exact(&mut [0]).expect("it says something");
        let pid = running.pid();
        assert!(hits(pid, VALUE.as_bytes()) > 0, "what `run` is for");
        assert_eq!(hits(pid, PASSPHRASE.as_bytes()), 0, "{variable}");
        assert_eq!(hits(pid, &key), 0, "{variable}");
        let environ = fs::read(format!("/proc/{pid}/environ")).expect("readable");
        let environ = String::from_utf8_lossy(&environ);
        assert!(!environ.contains("KEYWRIGHT_PASSPHRASE"), "{environ}");
    }
}
