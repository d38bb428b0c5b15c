//! The least that any server on this HTTP stack must do, with the settings of `keywright serve`.

use std::convert::Infallible;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{HeaderName, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

/// The argument with which this program starts itself.
pub(crate) const ARGUMENT: &str = "--bare";

/// The path that is answered with as many headers as an allowance of `keywright serve` has.
pub(crate) const WITH_HEADERS: &str = "/headers";

/// Says `hello` to everybody until it is killed, and at first where it listens.
pub(crate) fn serve() {
    let runtime = Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        println!("{}", listener.local_addr().expect("its address"));
        loop {
            let (stream, _) = listener.accept().await.expect("a connection");
            stream.set_nodelay(true).expect("a socket");
            let hello = service_fn(|request| async move { Ok::<_, Infallible>(hello(&request)) });
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(Duration::from_secs(10))
                .max_header_size(16 * 1024)
                .max_buf_size(32 * 1024)
                .serve_connection(TokioIo::new(stream), hello);
            tokio::spawn(connection);
        }
    });
}

fn hello(request: &Request<Incoming>) -> Response<Full<Bytes>> {
    if request.uri().path() != WITH_HEADERS {
        return Response::new(Full::new(Bytes::from_static(b"hello")));
    }
    let mut answer = Response::new(Full::default());
    for (name, value) in [
        ("x-auth-key-id", "uQCT8H872CoB"),
        ("x-auth-key-name", "issued-1000"),
        ("x-auth-project", "default"),
        ("x-auth-environment", "development"),
        ("x-auth-permissions", "read"),
        ("x-auth-roles", "-"),
        ("x-auth-context", "-"),
        ("x-auth-generation", "1"),
        ("x-auth-request-id", "f48b7443-325c9"),
    ] {
        let name = HeaderName::from_static(name);
        answer
            .headers_mut()
            .insert(name, HeaderValue::from_static(value));
    }
    answer
}

/// One of its own, until it is dropped.
pub(crate) struct Bare {
    process: Child,
    pub(crate) address: SocketAddr,
}

impl Bare {
    pub(crate) fn start() -> Self {
        let program = std::env::current_exe().expect("this program");
        let mut process = Command::new(program)
            .arg(ARGUMENT)
            .stdout(Stdio::piped())
            .spawn()
            .expect("starts");
        let mut line = String::new();
        let output = process.stdout.take().expect("is piped");
        BufReader::new(output)
            .read_line(&mut line)
            .expect("its address");
        let address = line.trim().parse().expect("an address");
        Self { process, address }
    }
}

impl Bare {
    pub(crate) fn process(&self) -> u32 {
        self.process.id()
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
