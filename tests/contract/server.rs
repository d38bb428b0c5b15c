//! A server that runs, and a client that says every byte itself.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

pub(crate) use rustix::process::Signal;
use rustix::process::{Pid, kill_process};
use serde_json::Value;

use crate::common::TestEnv;
use crate::terminal::without_terminal;

/// Nothing takes this long unless it hangs.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

/// `keywright serve`; killed when it is dropped.
pub(crate) struct Server {
    child: Child,
    log: Arc<Mutex<String>>,
}

/// Where a server listens.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum At {
    Tcp(SocketAddr),
    Unix(PathBuf),
}

impl TestEnv {
    /// The command that serves at a free port; arguments and variables may be added.
    pub(crate) fn serve(&self) -> Command {
        self.command(["serve", "--listen", "127.0.0.1:0"])
    }
}

impl Server {
    /// Starts it, and waits until it is ready.
    #[track_caller]
    pub(crate) fn start(command: Command) -> Self {
        let mut server = Self::begin(command);
        server.wait_for("event=ready");
        server
    }

    /// Starts it, ready or not.
    #[track_caller]
    pub(crate) fn begin(command: Command) -> Self {
        Self::begin_with(command, Stdio::null())
    }

    /// The same with something on standard input.
    #[track_caller]
    pub(crate) fn begin_with(mut command: Command, stdin: Stdio) -> Self {
        without_terminal(&mut command);
        let mut child = command
            .stdin(stdin)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let stderr = child.stderr.take().expect("piped");
        let log = Arc::new(Mutex::new(String::new()));
        let written = Arc::clone(&log);
        thread::spawn(move || {
            for line in BufReader::new(stderr).split(b'\n').map_while(Result::ok) {
                let mut log = written.lock().expect("no panic");
                log.push_str(&String::from_utf8_lossy(&line));
                log.push('\n');
            }
        });
        Self { child, log }
    }

    /// All that it has said so far.
    pub(crate) fn log(&self) -> String {
        self.log.lock().expect("no panic").clone()
    }

    /// How many lines of its log have this in them.
    pub(crate) fn said(&self, text: &str) -> usize {
        // What was written a moment ago has to come through a pipe and a thread.
        thread::sleep(Duration::from_millis(100));
        self.log().lines().filter(|it| it.contains(text)).count()
    }

    /// Waits until its log says this.
    #[track_caller]
    pub(crate) fn wait_for(&mut self, text: &str) {
        assert!(self.comes_to(text), "no {text:?}: {}", self.log());
    }

    /// Waits until its log says this or it ends; whether it says it.
    pub(crate) fn comes_to(&mut self, text: &str) -> bool {
        let deadline = Instant::now() + DEADLINE;
        while !self.log().contains(text) {
            let ended = self.child.try_wait().expect("a status");
            if Instant::now() > deadline || ended.is_some() {
                return self.said(text) > 0;
            }
            thread::sleep(Duration::from_millis(5));
        }
        true
    }

    /// Where it listens, as its log says.
    pub(crate) fn addresses(&self) -> Vec<At> {
        let log = self.log();
        let lines = log
            .lines()
            .filter(|line| line.contains(" event=listening "));
        let addresses = lines.map(|line| {
            let (_, address) = line.split_once("address=").expect("it says where");
            match address.trim_matches('"').strip_prefix("unix:") {
                Some(path) => At::Unix(path.into()),
                None => At::Tcp(address.parse().expect("an address")),
            }
        });
        addresses.collect()
    }

    /// The first of them.
    #[track_caller]
    pub(crate) fn address(&self) -> At {
        self.addresses()
            .into_iter()
            .next()
            .expect("it listens somewhere")
    }

    /// A new connection to the first address.
    #[track_caller]
    pub(crate) fn client(&self) -> Client {
        Client::to(&self.address())
    }

    /// One request by a connection of its own.
    #[track_caller]
    pub(crate) fn ask(&self, line: &str, headers: &[(&str, &str)]) -> Answer {
        self.client().ask(line, headers)
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, signal).expect("it runs");
    }

    /// Waits until it has ended by itself.
    #[track_caller]
    pub(crate) fn end(&mut self) -> ExitStatus {
        let deadline = Instant::now() + DEADLINE;
        loop {
            if let Some(status) = self.child.try_wait().expect("a status") {
                return status;
            }
            assert!(Instant::now() < deadline, "it goes on: {}", self.log());
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Ends it with SIGTERM; it has to end well.
    #[track_caller]
    pub(crate) fn stop(mut self) {
        self.signal(Signal::TERM);
        let status = self.end();
        assert!(status.success(), "{status}: {}", self.log());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended before.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One connection.
pub(crate) struct Client {
    stream: Box<dyn Stream>,
    /// What was received and not yet read.
    rest: Vec<u8>,
}

trait Stream: Read + Write + Send {
    fn wait_at_most(&self, time: Duration) -> io::Result<()>;
}

impl Stream for TcpStream {
    fn wait_at_most(&self, time: Duration) -> io::Result<()> {
        self.set_read_timeout(Some(time))
    }
}

impl Stream for UnixStream {
    fn wait_at_most(&self, time: Duration) -> io::Result<()> {
        self.set_read_timeout(Some(time))
    }
}

impl Client {
    #[track_caller]
    pub(crate) fn to(at: &At) -> Self {
        Self::try_to(at).expect("it accepts")
    }

    pub(crate) fn try_to(at: &At) -> io::Result<Self> {
        let stream: Box<dyn Stream> = match at {
            At::Tcp(address) => {
                let stream = TcpStream::connect(address)?;
                stream.set_nodelay(true)?;
                Box::new(stream)
            }
            At::Unix(path) => Box::new(UnixStream::connect(path)?),
        };
        stream.wait_at_most(DEADLINE)?;
        Ok(Self {
            stream,
            rest: Vec::new(),
        })
    }

    /// A read that takes longer fails.
    pub(crate) fn wait_at_most(&self, time: Duration) {
        self.stream.wait_at_most(time).expect("set");
    }

    /// Bytes as they are.
    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.stream.write_all(bytes.as_ref())
    }

    /// Asks without a body: `GET /healthz`.
    #[track_caller]
    pub(crate) fn ask(&mut self, line: &str, headers: &[(&str, &str)]) -> Answer {
        self.ask_with(line, headers, "")
    }

    #[track_caller]
    pub(crate) fn ask_with(
        &mut self,
        line: &str,
        headers: &[(&str, &str)],
        body: impl AsRef<[u8]>,
    ) -> Answer {
        self.send(request(line, headers, body))
            .expect("it takes requests");
        let has_body = !line.starts_with("HEAD ");
        self.read(has_body).expect("it answers")
    }

    /// The next answer.
    pub(crate) fn answer(&mut self) -> io::Result<Answer> {
        self.read(true)
    }

    /// `UnexpectedEof` where the connection was closed before the answer began, and `InvalidData` where it was in the middle.
    fn read(&mut self, has_body: bool) -> io::Result<Answer> {
        let end = loop {
            if let Some(at) = self.rest.windows(4).position(|it| it == b"\r\n\r\n") {
                break at;
            }
            self.receive()?;
        };
        let head: Vec<u8> = self.rest.drain(..end + 4).collect();
        let mut answer = Answer::head(&String::from_utf8_lossy(&head[..end]))?;
        let length = answer.header("content-length").unwrap_or("0");
        let length: usize = length.parse().map_err(io::Error::other)?;
        while has_body && self.rest.len() < length {
            self.receive()
                .map_err(|err| io::Error::new(ErrorKind::InvalidData, err))?;
        }
        let length = if has_body { length } else { 0 };
        answer.body = self.rest.drain(..length).collect();
        Ok(answer)
    }

    fn receive(&mut self) -> io::Result<()> {
        let mut bytes = [0; 64 * 1024];
        match self.stream.read(&mut bytes)? {
            0 if self.rest.is_empty() => Err(ErrorKind::UnexpectedEof.into()),
            0 => Err(ErrorKind::InvalidData.into()),
            count => {
                self.rest.extend_from_slice(&bytes[..count]);
                Ok(())
            }
        }
    }

    /// Whether the server closes the connection in this time, and says nothing more.
    pub(crate) fn is_closed_within(&mut self, time: Duration) -> bool {
        self.wait_at_most(time);
        let ended = self.receive().map_err(|err| err.kind());
        matches!(
            ended,
            Err(ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset)
        )
    }
}

/// A request of HTTP/1.1: its line without the version, and its headers.
pub(crate) fn request(line: &str, headers: &[(&str, &str)], body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let mut text = format!("{line} HTTP/1.1\r\nhost: keywright\r\n");
    for (name, value) in headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    if !body.is_empty() {
        text.push_str(&format!("content-length: {}\r\n", body.len()));
    }
    let mut bytes = (text + "\r\n").into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

/// What was answered.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: BTreeMap<String, Vec<String>>,
    pub(crate) body: Vec<u8>,
    /// Bytes of the line and the headers.
    pub(crate) head_size: usize,
}

impl Answer {
    fn head(text: &str) -> io::Result<Self> {
        let mut lines = text.split("\r\n");
        let status = lines
            .next()
            .and_then(|line| line.strip_prefix("HTTP/1.1 "))
            .and_then(|line| line.get(..3)?.parse().ok());
        let mut headers: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for line in lines {
            let (name, value) = line.split_once(':').ok_or(ErrorKind::InvalidData)?;
            let values = headers.entry(name.to_ascii_lowercase()).or_default();
            values.push(value.trim().to_owned());
        }
        Ok(Self {
            status: status.ok_or(ErrorKind::InvalidData)?,
            headers,
            body: Vec::new(),
            head_size: text.len() + 4,
        })
    }

    /// A header that comes once.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        match self.headers.get(name)?.as_slice() {
            [one] => Some(one),
            several => panic!("{name} comes {} times", several.len()),
        }
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|err| panic!("no JSON ({err}): {self}"))
    }

    /// The code, wherever it is said: `valid` for an allowance.
    pub(crate) fn code(&self) -> &str {
        let code = self.header("x-auth-code");
        code.unwrap_or(if self.status == 200 { "valid" } else { "none" })
    }
}

/// Status, headers in the order of their names but the date, and the body.
impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.status)?;
        let headers = self.headers.iter().filter(|(name, _)| *name != "date");
        for (name, values) in headers {
            for value in values {
                writeln!(f, "{name}: {value}")?;
            }
        }
        match serde_json::from_slice::<Value>(&self.body) {
            Ok(document) => write!(f, "\n{document:#}"),
            Err(_) if self.body.is_empty() => Ok(()),
            Err(_) => write!(f, "\n{}", self.text()),
        }
    }
}

#[test]
fn a_server_starts_answers_and_stops() {
    let env = TestEnv::new();
    let token = env.create(["ci"]);
    let server = Server::start(env.serve());
    let mut client = server.client();
    for _ in 0..2 {
        let bearer = format!("Bearer {token}");
        let answer = client.ask("GET /auth/proxy", &[("authorization", &bearer)]);
        assert_eq!((answer.status, answer.code()), (200, "valid"), "{answer}");
    }
    server.stop();
}

pub(crate) fn with_token(command: &mut Command, token: &str) {
    command
        .env("KEYWRIGHT_ACCESS_TOKEN", token)
        .env_remove("KEYWRIGHT_PASSPHRASE_FILE");
}
