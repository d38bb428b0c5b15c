//! Commands on a vault that is open already: by an access token, and through the agent, beside a program that only starts.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::Duration;

use keywright::key::{KeyKind, Timestamp};

use crate::processes::{PASSPHRASE, command, median, ms, prepare, run, time};
use crate::vaults::{actor, fill_with_values, name, open, scope};

/// One value out of vaults of growing size, all of them keys of a provider's in one scope.
pub(crate) fn measure(folder: &Path) {
    println!("\n| keys | what, on a vault that is open | time | beside `--version` |");
    println!("|---|---|---|---|");
    for size in [10, 1_000, 10_000] {
        let home = folder.join(format!("unlocked-{size}"));
        fill_with_values(&home, 0, size);
        let start = median(|| run(&home, &["--version"], ""));
        let line = |what: &str, took: Duration| {
            let ratio = took.as_secs_f64() / start.as_secs_f64();
            println!("| {size} | {what} | {} | {ratio:.1} × |", ms(took));
        };
        line("`--version`", start);
        let token = access_token(&home);
        let get = || {
            let mut command = command(&home, &["get", "provider-3"], "");
            command.env("KEYWRIGHT_ACCESS_TOKEN", &token);
            time(|| assert!(command.status().expect("runs").success()))
        };
        line("`get` with an access token", median(get));
        let agent = Agent::start(&home);
        let get = |rounds: usize| {
            let mut command = Command::new("sh");
            prepare(&mut command, &home, "");
            agent.is_for(&mut command);
            let script = "for n in $(seq $2); do \"$1\" get provider-3; done";
            command
                .env_remove("KEYWRIGHT_PASSPHRASE")
                .env("PATH", "/usr/bin:/bin")
                .args(["-euc", script, "sh"])
                .arg(env!("CARGO_BIN_EXE_keywright"))
                .arg(rounds.to_string());
            time(|| assert!(command.status().expect("runs").success()))
        };
        let nothing = median(|| get(0));
        line(
            "`get` through the agent",
            median(|| get(1)).saturating_sub(nothing),
        );
        line(
            "50 times `get` through the agent, by a shell script",
            get(50),
        );
        let answer = agent.answers(&home).as_secs_f64() * 1e6;
        println!("| {size} | the agent's answer, and nothing else | {answer:.0} µs | |");
        println!(
            "| {size} | resident memory of the agent | {} | |",
            agent.memory()
        );
    }
}

fn access_token(home: &Path) -> String {
    let mut vault = open(home);
    let (name, who, now) = (name("job", 1), actor(), Timestamp::now());
    let made = vault.create_access(&name, &scope(), KeyKind::Provider, None, &who, now);
    let text = made.expect("an access token").text();
    String::from_utf8(text.expose().to_vec()).expect("ASCII")
}

/// An agent that holds the key of a home's vault until it is dropped.
struct Agent {
    process: Child,
    runtime: PathBuf,
}

impl Agent {
    fn start(home: &Path) -> Self {
        let runtime = home.join("run");
        fs::create_dir_all(&runtime).expect("a folder");
        let mut command = command(home, &["agent"], "");
        let process = command.env("XDG_RUNTIME_DIR", &runtime).spawn();
        let agent = Self {
            process: process.expect("starts"),
            runtime,
        };
        while agent.socket().is_none() {
            std::thread::yield_now();
        }
        let mut unlock = crate::processes::command(home, &["unlock"], "");
        agent.is_for(&mut unlock);
        unlock.env("KEYWRIGHT_PASSPHRASE", PASSPHRASE);
        assert!(unlock.status().expect("runs").success());
        agent
    }

    fn is_for(&self, command: &mut Command) {
        command.env("XDG_RUNTIME_DIR", &self.runtime);
    }

    fn socket(&self) -> Option<PathBuf> {
        let entries = fs::read_dir(self.runtime.join("keywright")).ok()?;
        let mut paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
        paths.find(|path| path.extension().is_some_and(|end| end == "sock"))
    }

    /// Asked for the key as keywright asks: connect, one frame there, one frame back.
    fn answers(&self, home: &Path) -> Duration {
        let socket = self.socket().expect("there");
        let mut frame = [0; 64];
        frame[..4].copy_from_slice(b"KWAG");
        frame[4..6].copy_from_slice(&1_u16.to_le_bytes());
        frame[6] = 1;
        frame[8..24].copy_from_slice(&open(home).id().0);
        let ask = || {
            let mut stream = UnixStream::connect(&socket).expect("connects");
            stream.write_all(&frame).expect("written");
            let mut answer = [0; 64];
            stream.read_exact(&mut answer).expect("answered");
            assert!(answer[8..40] != [0; 32], "a key");
        };
        median(|| time(|| (0..100).for_each(|_| ask()))) / 100
    }

    /// As Linux counts it.
    fn memory(&self) -> String {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id()));
        let status = status.unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
        kib.map_or_else(|| "-".to_owned(), |kib| format!("{:.1} MiB", kib / 1024.0))
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
