//! A service behind a real proxy with a printed configuration.

use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::common::{TestEnv, needed};
use crate::http::{Message, Request, Upstream, ask};
use crate::server::{At, Server, Signal};

/// All headers that say who a token is of.
pub(crate) const IDENTITY: [&str; 9] = [
    "X-Auth-Key-Id",
    "X-Auth-Key-Name",
    "X-Auth-Project",
    "X-Auth-Environment",
    "X-Auth-Permissions",
    "X-Auth-Roles",
    "X-Auth-Context",
    "X-Auth-Generation",
    "X-Auth-Request-Id",
];

/// Until a program that was started listens.
const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    Caddy,
    Nginx,
}

/// A vault, the server, a service, and a proxy in front of it.
pub(crate) struct Scene {
    pub(crate) kind: Kind,
    pub(crate) env: TestEnv,
    pub(crate) server: Server,
    pub(crate) upstream: Upstream,
    proxy: Proxy,
    /// Of a key that may read.
    pub(crate) reader: String,
}

/// Ended when the test ends, however it does.
struct Proxy {
    child: Child,
    port: u16,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Scene {
    /// `None` where the proxy is not installed.
    pub(crate) fn new(kind: Kind) -> Option<Self> {
        Self::changed(kind, |config| config)
    }

    /// With a change of the configuration, to see that a test fails then.
    pub(crate) fn changed(kind: Kind, change: impl Fn(String) -> String) -> Option<Self> {
        needed(kind.name())?;
        let env = TestEnv::new();
        let server = Server::start(env.serve());
        let address = tcp(&server).to_string();
        Some(Self::between(kind, env, server, &address, change))
    }

    /// With a server that listens at a socket of the file system.
    pub(crate) fn at_a_socket(kind: Kind) -> Option<Self> {
        needed(kind.name())?;
        let env = TestEnv::new();
        let address = format!("unix:{}", env.path("keywright.sock").display());
        let server = Server::start(env.command(["serve", "--listen", &address]));
        Some(Self::between(kind, env, server, &address, |config| config))
    }

    fn between(
        kind: Kind,
        env: TestEnv,
        server: Server,
        address: &str,
        change: impl Fn(String) -> String,
    ) -> Self {
        let reader = env.create(["reader", "-p", "shop", "-e", "production"]);
        let upstream = Upstream::start();
        let config = printed(&env, kind.name(), address);
        let config = filled(
            &config,
            "127.0.0.1:3000",
            &format!("127.0.0.1:{}", upstream.port()),
        );
        let proxy = kind.start(&env, &change(config));
        Self {
            kind,
            env,
            server,
            upstream,
            proxy,
            reader,
        }
    }

    /// A key of shop/production, and what it may do.
    pub(crate) fn token(&self, name: &str, permission: &str) -> String {
        let scope = ["-p", "shop", "-e", "production"];
        let args = [name, "--permission", permission];
        self.env.create(args.into_iter().chain(scope))
    }

    pub(crate) fn ask(&self, request: &Request) -> Message {
        ask(self.proxy.port, request)
    }

    /// A request that is let through, as the service saw it.
    #[track_caller]
    pub(crate) fn passes(&self, request: &Request) -> Message {
        let before = self.upstream.reached();
        let answer = self.ask(request);
        assert_eq!(answer.status(), 200, "{request:?}: {answer:?}");
        assert_eq!(answer.body, b"service\n");
        assert_eq!(self.upstream.reached(), before + 1);
        self.upstream.last()
    }

    /// A request that never reaches the service, and its answer.
    #[track_caller]
    pub(crate) fn refused(&self, request: &Request) -> Message {
        let before = self.upstream.reached();
        let answer = self.ask(request);
        assert!(answer.status() >= 400, "{request:?}: {answer:?}");
        assert_eq!(self.upstream.reached(), before, "{request:?}");
        answer
    }
}

/// Where it listens.
#[track_caller]
pub(crate) fn tcp(server: &Server) -> SocketAddr {
    match server.address() {
        At::Tcp(address) => address,
        at => panic!("no port: {at:?}"),
    }
}

/// Ends it in the middle of whatever it does.
pub(crate) fn kill(server: &mut Server) {
    server.signal(Signal::KILL);
    server.end();
}

/// What `--print-config` prints.
#[track_caller]
pub(crate) fn printed(env: &TestEnv, program: &str, address: &str) -> String {
    let outcome = env.run(["serve", "--print-config", program, "--listen", address]);
    assert!(
        outcome.success() && outcome.stderr().is_empty(),
        "{outcome}"
    );
    outcome.stdout_text()
}

/// Puts in what an operator has to fill in.
#[track_caller]
pub(crate) fn filled(text: &str, written: &str, own: &str) -> String {
    assert!(text.contains(written), "{written:?} is not in: {text}");
    text.replace(written, own)
}

/// A port that nobody listens at; others could take it before it is used.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("bound").port()
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Caddy => "caddy",
            Self::Nginx => "nginx",
        }
    }

    /// Starts it with everything of its own in the test's folder. Where its port was taken, with another.
    fn start(self, env: &TestEnv, config: &str) -> Proxy {
        for _ in 0..5 {
            let port = free_port();
            let mut child = match self {
                Self::Caddy => caddy(
                    env,
                    &filled(config, "http://:8080 {", &format!("http://:{port} {{")),
                ),
                Self::Nginx => nginx(
                    env,
                    &filled(config, "127.0.0.1:8080", &format!("127.0.0.1:{port}")),
                ),
            }
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(env.path("proxy.log")).expect("made"))
            .spawn()
            .expect("started");
            let began = Instant::now();
            while child.try_wait().expect("a child").is_none() {
                if listens(&child, port) {
                    return Proxy { child, port };
                }
                assert!(began.elapsed() < PATIENCE, "{self:?} does not listen");
                thread::sleep(Duration::from_millis(20));
            }
        }
        let log = fs::read_to_string(env.path("proxy.log")).unwrap_or_default();
        panic!("{self:?} does not start: {log}");
    }
}

/// Whether it is this process that listens there, and not another that was quicker.
fn listens(child: &Child, port: u16) -> bool {
    if TcpStream::connect(("127.0.0.1", port)).is_err() {
        return false;
    }
    if cfg!(not(target_os = "linux")) {
        return true;
    }
    let process = format!("/proc/{}", child.id());
    let tables = ["tcp", "tcp6"].map(|table| fs::read_to_string(format!("{process}/net/{table}")));
    let tables = tables.into_iter().flatten().collect::<String>();
    // Its own address, that of the other end, its state, …, and the number of the socket.
    let is_there =
        |fields: &[&str]| fields[1].ends_with(&format!(":{port:04X}")) && fields[3] == "0A";
    let lines = tables
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>());
    let sockets: Vec<String> = lines
        .filter(|fields| is_there(fields))
        .map(|fields| format!("socket:[{}]", fields[9]))
        .collect();
    // It may have ended by now.
    let files = fs::read_dir(format!("{process}/fd")).into_iter().flatten();
    let mut files = files.flatten().flat_map(|file| fs::read_link(file.path()));
    files.any(|file| {
        sockets
            .iter()
            .any(|socket| file.as_os_str() == socket.as_str())
    })
}

/// One process, which ends with its test; the printed file is where distributions have `conf.d`.
fn nginx(env: &TestEnv, config: &str) -> Command {
    env.write("nginx/keywright.conf", config);
    let folder = env.path("nginx").display().to_string();
    let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
    let temporary: String = temporary
        .map(|name| format!("    {name}_temp_path {folder}/{name};\n"))
        .concat();
    let main = format!(
        "daemon off;\nmaster_process off;\npid {folder}/pid;\nerror_log stderr info;\nevents {{}}\n\
         http {{\n    access_log off;\n{temporary}    include {folder}/keywright.conf;\n}}\n"
    );
    let main = env.write("nginx/nginx.conf", main);
    let mut command = env.program(needed("nginx").expect("installed"));
    command
        .arg("-e")
        .arg("stderr")
        .arg("-p")
        .arg(&folder)
        .arg("-c")
        .arg(main);
    command
}

fn caddy(env: &TestEnv, config: &str) -> Command {
    let config = env.write("Caddyfile", format!("{{\n\tadmin off\n}}\n\n{config}"));
    let mut command = env.program(needed("caddy").expect("installed"));
    command
        .args(["run", "--adapter", "caddyfile", "--config"])
        .arg(config);
    command
}

/// Who the token is of, as the service is told: each header once, and nothing that a client said.
#[track_caller]
pub(crate) fn identity(seen: &Message) -> Vec<String> {
    let told = IDENTITY.map(|name| {
        let value = seen
            .one(name)
            .unwrap_or_else(|| panic!("{name} is missing: {seen:?}"));
        let value = match name {
            "X-Auth-Key-Id" | "X-Auth-Request-Id" => {
                assert!(value.len() >= 12 && value != "-", "{name}: {value}");
                "…"
            }
            _ => value,
        };
        format!("{name}: {value}")
    });
    told.to_vec()
}

/// Names that mean an identity header to some program, if not to all.
pub(crate) fn spellings(name: &str) -> Vec<String> {
    let mut all = vec![name.to_owned(), name.to_lowercase(), name.to_uppercase()];
    for other in "_.!#$%&'*+^`|~".chars() {
        let other = other.to_string();
        all.push(name.replace('-', &other));
        all.push(name.replacen('-', &other, 1).to_lowercase());
        all.push(name.replace('-', &other).to_uppercase());
        let last = name.rfind('-').expect("a name of words");
        all.push(format!("{}{other}{}", &name[..last], &name[last + 1..]));
    }
    all
}

/// Everything under a name that some program takes for an identity header.
pub(crate) fn looks_like_identity(seen: &Message) -> Vec<(&str, &str)> {
    let plain = |name: &str| {
        let plain = |c: char| {
            if c.is_ascii_alphanumeric() {
                c.to_ascii_lowercase()
            } else {
                '-'
            }
        };
        name.chars().map(plain).collect::<String>()
    };
    let identity = IDENTITY.map(str::to_lowercase);
    let all = seen
        .headers
        .iter()
        .filter(|(name, _)| identity.contains(&plain(name)));
    all.map(|(name, value)| (name.as_str(), value.as_str()))
        .collect()
}
