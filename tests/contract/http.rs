//! The two ends of a proxy: a client that sends what it likes, and a service that answers with what reached it.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// No answer takes this long unless it hangs.
const PATIENCE: Duration = Duration::from_secs(30);

/// The head of a request or an answer, and what came after it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Message {
    /// The request line or the status line.
    pub(crate) first: String,
    /// Names as they were written.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Message {
    /// Reads one; `None` where the other end closed instead. What answers a HEAD tells the length of a body that it has not.
    fn read(from: &mut impl BufRead, answers_head: bool) -> Option<Self> {
        let mut lines = Vec::new();
        loop {
            let mut line = Vec::new();
            let count = from.read_until(b'\n', &mut line).ok()?;
            let line = String::from_utf8_lossy(&line).trim_end().to_owned();
            match (count, line.is_empty()) {
                (0, _) => return None,
                (_, true) => break,
                _ => lines.push(line),
            }
        }
        let mut lines = lines.into_iter();
        let first = lines.next()?;
        let headers = lines.filter_map(|line| {
            let (name, value) = line.split_once(':')?;
            Some((name.to_owned(), value.trim().to_owned()))
        });
        let mut message = Self {
            first,
            headers: headers.collect(),
            body: Vec::new(),
        };
        if answers_head {
            return Some(message);
        }
        if message.one("transfer-encoding").is_some() {
            message.body = chunks(from)?;
        } else if let Some(length) = message.one("content-length") {
            message.body = vec![0; length.parse().ok()?];
            from.read_exact(&mut message.body).ok()?;
        }
        Some(message)
    }

    /// An answer of a proxy's own.
    pub(crate) fn answer(status: u16) -> Self {
        Self {
            first: format!("HTTP/1.1 {status}"),
            ..Self::default()
        }
    }

    pub(crate) fn remove(&mut self, name: &str) {
        self.headers
            .retain(|(found, _)| !found.eq_ignore_ascii_case(name));
    }

    /// All values of a header, in whatever case its name is.
    pub(crate) fn all(&self, name: &str) -> Vec<&str> {
        let same = self
            .headers
            .iter()
            .filter(|(found, _)| found.eq_ignore_ascii_case(name));
        same.map(|(_, value)| value.as_str()).collect()
    }

    /// The value of a header that is there once.
    #[track_caller]
    pub(crate) fn one(&self, name: &str) -> Option<&str> {
        match self.all(name)[..] {
            [] => None,
            [value] => Some(value),
            ref values => panic!("{name} is there {} times", values.len()),
        }
    }

    /// The status of an answer.
    #[track_caller]
    pub(crate) fn status(&self) -> u16 {
        let word = self.first.split(' ').nth(1);
        let status = word.and_then(|word| word.parse().ok());
        status.unwrap_or_else(|| panic!("no status: {}", self.first))
    }
}

fn chunks(from: &mut impl BufRead) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let mut line = String::new();
        from.read_line(&mut line).ok()?;
        let length = usize::from_str_radix(line.trim(), 16).ok()?;
        let mut chunk = vec![0; length + 2];
        from.read_exact(&mut chunk).ok()?;
        if length == 0 {
            return Some(body);
        }
        body.extend_from_slice(&chunk[..length]);
    }
}

/// Sends a request to a port of this machine, and gives the answer.
///
/// # Panics
/// Without one.
#[track_caller]
pub(crate) fn ask(port: u16, request: &Request) -> Message {
    try_ask(port, request).unwrap_or_else(|| panic!("no answer: {request:?}"))
}

/// The same; `None` without an answer.
pub(crate) fn try_ask(port: u16, request: &Request) -> Option<Message> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).expect("set");
    // What is refused at its head is not read to its end.
    let _ = stream.write_all(&request.bytes());
    let answers_head = request.method == "HEAD";
    Message::read(&mut BufReader::new(stream), answers_head)
}

/// What a client sends.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    method: &'static str,
    target: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Request {
    pub(crate) fn new(method: &'static str, target: &str) -> Self {
        Self {
            method,
            target: target.to_owned(),
            headers: Vec::new(),
            body: Vec::new(),
        }
    }

    pub(crate) fn get(target: &str) -> Self {
        Self::new("GET", target)
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn bearer(self, token: &str) -> Self {
        self.header("Authorization", &format!("Bearer {token}"))
    }

    pub(crate) fn body(mut self, body: &[u8]) -> Self {
        self.body = body.to_vec();
        self
    }

    pub(crate) fn method(&self) -> &'static str {
        self.method
    }

    pub(crate) fn target(&self) -> &str {
        &self.target
    }

    /// As it arrives.
    pub(crate) fn message(&self) -> Message {
        Message {
            first: format!("{} {} HTTP/1.1", self.method, self.target),
            headers: self.headers.clone(),
            body: self.body.clone(),
        }
    }

    fn bytes(&self) -> Vec<u8> {
        let mut text = format!(
            "{} {} HTTP/1.1\r\nHost: localhost\r\n",
            self.method, self.target
        );
        for (name, value) in &self.headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        if !self.body.is_empty() {
            text.push_str(&format!("Content-Length: {}\r\n", self.body.len()));
        }
        text.push_str("Connection: close\r\n\r\n");
        let mut bytes = text.into_bytes();
        bytes.extend_from_slice(&self.body);
        bytes
    }
}

/// The service behind a proxy. It answers 200 to all that reaches it, and remembers it.
pub(crate) struct Upstream {
    port: u16,
    reached: Arc<AtomicUsize>,
    last: Arc<Mutex<Message>>,
}

impl Upstream {
    /// Its thread ends with the test's process.
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let upstream = Self {
            port: listener.local_addr().expect("bound").port(),
            reached: Arc::default(),
            last: Arc::default(),
        };
        let (reached, last) = (Arc::clone(&upstream.reached), Arc::clone(&upstream.last));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (reached, last) = (Arc::clone(&reached), Arc::clone(&last));
                thread::spawn(move || converse(&stream, &reached, &last));
            }
        });
        upstream
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// How many requests reached it.
    pub(crate) fn reached(&self) -> usize {
        self.reached.load(Ordering::SeqCst)
    }

    /// The last one.
    pub(crate) fn last(&self) -> Message {
        self.last.lock().expect("no panic").clone()
    }
}

fn converse(stream: &TcpStream, reached: &AtomicUsize, last: &Mutex<Message>) {
    let mut from = BufReader::new(stream);
    while let Some(message) = Message::read(&mut from, false) {
        let is_head = message.first.starts_with("HEAD ");
        *last.lock().expect("no panic") = message;
        reached.fetch_add(1, Ordering::SeqCst);
        let body = if is_head { "" } else { "service\n" };
        let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n{body}");
        if (&mut &*stream).write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}
