//! `keywright serve` on a vault of a size, by an access token.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use keywright::key::{KeyKind, Timestamp};
use keywright::vault::{Import, Vault};

use crate::load::{Script, middle};
use crate::processes::{command, time};
use crate::vaults::{actor, fill, imported, issued_half, name, open, scope};

/// Tokens that are used in turn: as many in every vault, for each that was used in a second is an event to record.
const TOKENS: usize = 500;

/// A server, until it is dropped.
pub(crate) struct Served {
    pub(crate) size: usize,
    pub(crate) address: SocketAddr,
    /// From its start until it was ready.
    pub(crate) start: Duration,
    pub(crate) tokens: Vec<String>,
    home: PathBuf,
    vault: Vault,
    process: Child,
}

impl Served {
    /// In a folder of its own, with as many issued keys.
    pub(crate) fn start(folder: &Path, size: usize) -> Self {
        let home = folder.join(size.to_string());
        fill(&home, size, TOKENS);
        let tokens = fs::read_to_string(home.join("tokens")).expect("the tokens");
        let mut vault = open(&home);
        let access = access_token(&mut vault);
        let begun = Instant::now();
        let mut command = command(&home, &["serve", "--listen", "127.0.0.1:0"], "");
        let mut process = command
            .env("KEYWRIGHT_ACCESS_TOKEN", access)
            .env_remove("KEYWRIGHT_PASSPHRASE")
            .stderr(Stdio::piped())
            .spawn()
            .expect("starts");
        let mut log = BufReader::new(process.stderr.take().expect("is piped"));
        let address = said(&mut log, "address=").parse().expect("an address");
        said(&mut log, "keys=");
        let start = begun.elapsed();
        // A pipe that nobody reads would be full some day.
        std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
        Self {
            size,
            address,
            start,
            tokens: tokens.lines().map(str::to_owned).collect(),
            home,
            vault,
            process,
        }
    }

    pub(crate) fn process(&self) -> u32 {
        self.process.id()
    }

    pub(crate) fn script(&self, method: &str, path: &str) -> Script {
        Script::new(&self.home, method, path, &self.tokens)
    }

    /// KiB that are resident now, and that were at most, as Linux counts them.
    pub(crate) fn memory(&self) -> Option<[f64; 2]> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id())).ok()?;
        let of = |field: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(field))?;
            line.split_whitespace().next()?.parse::<f64>().ok()
        };
        Some([of("VmRSS:")?, of("VmHWM:")?])
    }

    /// How long the first request after a change takes, while four clients ask without a pause; the median.
    pub(crate) fn first_after_change(&mut self, rounds: usize, seconds: u32) -> Duration {
        let script = self.script("GET", "/auth/nginx");
        let mut clients = script.begin(self.address, seconds, 4, 1);
        let mut own = TcpStream::connect(self.address).expect("connects");
        own.set_nodelay(true).expect("a socket");
        let times = (0..rounds).map(|round| {
            std::thread::sleep(Duration::from_millis(100));
            self.change(round);
            let took = time(|| ask(&mut own, &self.tokens[0]));
            took.as_secs_f64()
        });
        let times: Vec<f64> = times.collect();
        clients.wait().expect("ends");
        Duration::from_secs_f64(middle(times))
    }

    /// One more key: one commit.
    fn change(&mut self, round: usize) {
        let now = Timestamp::now();
        let import = Import {
            keys: vec![imported(name("later", round), issued_half(), now)],
            ..Import::default()
        };
        let done = self.vault.import(&import, false, &actor(), now);
        done.expect("changed");
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// One request, on a connection that stays.
fn ask(stream: &mut TcpStream, token: &str) {
    let request = format!("GET /auth/nginx HTTP/1.1\r\nhost: x\r\nx-api-key: {token}\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("asked");
    let mut answer = [0; 4096];
    let mut length = 0;
    while !answer[..length].ends_with(b"\r\n\r\n") {
        match stream.read(&mut answer[length..]).expect("answered") {
            0 => panic!("the server closed the connection"),
            read => length += read,
        }
    }
    assert!(answer.starts_with(b"HTTP/1.1 200"), "allowed");
}

/// What its log says after this name, at the first line that has it.
fn said(log: &mut impl BufRead, name: &str) -> String {
    loop {
        let mut line = String::new();
        let read = log.read_line(&mut line).expect("its log");
        assert!(read > 0, "the server has ended");
        if let Some((_, value)) = line.split_once(name) {
            return value.split_whitespace().next().unwrap_or("").to_owned();
        }
    }
}

fn access_token(vault: &mut Vault) -> String {
    let (name, who, now) = (name("server", 1), actor(), Timestamp::now());
    let made = vault.create_access(&name, &scope(), KeyKind::Issued, None, &who, now);
    let text = made.expect("an access token").text();
    String::from_utf8(text.expose().to_vec()).expect("ASCII")
}
