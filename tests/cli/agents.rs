//! What the tests of the agent share, and the end of every agent that a test leaves.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::common::{Outcome, TestEnv};
use crate::terminal::without_terminal;

pub(crate) const GET: u8 = 1;
pub(crate) const PUT: u8 = 2;
pub(crate) const STATUS: u8 = 4;
pub(crate) const STOP: u8 = 5;
pub(crate) const PEEK: u8 = 6;

/// Folders of sockets below a home directory.
const FOLDERS: [&str; 2] = [".local/state/keywright/agent", "run/keywright"];

/// Ends every agent that listens below a home directory.
pub(crate) fn stop_all(home: &Path) {
    for socket in FOLDERS
        .iter()
        .flat_map(|folder| sockets(&home.join(folder)))
    {
        // Nobody listens at one that a killed agent left.
        let _ = ask(&socket, &request(STOP));
    }
}

fn sockets(folder: &Path) -> Vec<PathBuf> {
    let listed = fs::read_dir(folder).into_iter().flatten().flatten();
    let paths = listed.map(|entry| entry.path());
    paths
        .filter(|path| path.extension().is_some_and(|ext| ext == "sock"))
        .collect()
}

/// A request of protocol 1 without a vault's id.
pub(crate) fn request(verb: u8) -> [u8; 64] {
    let mut bytes = [0; 64];
    bytes[..8].copy_from_slice(&[b'K', b'W', b'A', b'G', 1, 0, verb, 0]);
    bytes
}

/// Sends bytes and gives the answer, if there is one.
pub(crate) fn ask(socket: &Path, bytes: &[u8]) -> Option<[u8; 64]> {
    let mut stream = UnixStream::connect(socket).ok()?;
    stream
        .set_read_timeout(Some(Duration::from_secs(30)))
        .expect("set");
    let _ = stream.write_all(bytes);
    let mut answer = [0; 64];
    stream.read_exact(&mut answer).ok().map(|()| answer)
}

impl TestEnv {
    /// The sockets in the folders of agents.
    pub(crate) fn sockets(&self) -> Vec<PathBuf> {
        let folders = FOLDERS.iter().map(|folder| self.path(folder));
        folders.flat_map(|folder| sockets(&folder)).collect()
    }

    /// The one socket that there is.
    #[track_caller]
    pub(crate) fn socket(&self) -> PathBuf {
        let found = self.sockets();
        assert_eq!(found.len(), 1, "{found:?}");
        found[0].clone()
    }

    /// Runs it where nothing but an agent could open the vault.
    #[must_use = "snapshot the output or assert the exit status"]
    pub(crate) fn without_passphrase(&self, args: &[&str]) -> Outcome {
        let mut command = self.command(args);
        command.env_remove("KEYWRIGHT_PASSPHRASE_FILE");
        self.finish(command, "")
    }

    #[track_caller]
    pub(crate) fn unlock(&self) {
        let unlocked = self.run(["unlock"]);
        assert!(unlocked.success(), "{unlocked}");
    }

    /// What `status` says of the agent.
    #[track_caller]
    pub(crate) fn agent(&self) -> Value {
        self.run(["status", "--json"]).json()["agent"].clone()
    }

    #[track_caller]
    pub(crate) fn agent_state(&self) -> String {
        self.agent()["state"].as_str().expect("a state").to_owned()
    }

    #[track_caller]
    pub(crate) fn agent_pid(&self) -> u32 {
        let pid = self.agent()["pid"].as_u64().expect("an agent runs");
        u32::try_from(pid).expect("a process")
    }

    /// The vault's key, as its agent gives it to every program of its user.
    #[track_caller]
    pub(crate) fn vault_key(&self) -> [u8; 32] {
        let id = self.run(["status", "--json"]).json()["vault_id"].clone();
        let id = id.as_str().expect("there is a vault");
        let mut bytes = request(GET);
        for at in 0..16 {
            bytes[8 + at] = u8::from_str_radix(&id[2 * at..2 * at + 2], 16).expect("hexadecimal");
        }
        let answer = ask(&self.socket(), &bytes).expect("an answer");
        assert_eq!(answer[6], 0, "it has a key");
        answer[8..40].try_into().expect("32 bytes")
    }
}

/// `keywright agent`; it is killed when this is dropped.
pub(crate) struct Foreground(pub(crate) Child);

impl Foreground {
    /// Waits until it listens.
    #[track_caller]
    pub(crate) fn start(mut command: Command) -> Self {
        without_terminal(&mut command);
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let mut child = command.spawn().expect("it starts");
        let stderr = child.stderr.as_mut().expect("piped");
        let mut line = String::new();
        BufReader::new(stderr).read_line(&mut line).expect("read");
        let agent = Self(child);
        assert!(line.starts_with("The agent listens at `"), "{line}");
        agent
    }

    pub(crate) fn end(mut self, signal: Signal) -> ExitStatus {
        kill_process(Pid::from_child(&self.0), signal).expect("it runs");
        self.0.wait().expect("our own child")
    }
}

impl Drop for Foreground {
    fn drop(&mut self) {
        // Both fail only when it has ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
