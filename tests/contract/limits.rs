//! What one client may do to the others, and what the socket may be.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixDatagram, UnixListener};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, geteuid, getrlimit, setrlimit};

use crate::common::TestEnv;
use crate::server::{At, Client, Server, Signal, request};

/// Connections that do nothing useful.
const IDLE: usize = 2_000;

fn raise_limit() -> bool {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    let raised = setrlimit(Resource::Nofile, raised);
    raised.is_ok()
        && limit
            .maximum
            .is_none_or(|maximum| maximum > 2 * IDLE as u64 + 500)
}

#[test]
fn two_thousand_who_say_nothing_are_in_nobodys_way() {
    if !raise_limit() {
        crate::common::skip("too few open files are allowed");
        return;
    }
    let env = TestEnv::new();
    let token = env.create(["ci"]);
    let server = Server::start(env.serve());
    let begun = Instant::now();
    let mut held: Vec<Client> = (0..IDLE).map(|_| server.client()).collect();
    for client in held.iter_mut().step_by(2) {
        client
            .send("GET /auth/proxy HTTP/1.1\r\nhost: k\r\nx-a")
            .expect("sent");
    }
    let key = [("x-api-key", token.as_str())];
    let mut client = server.client();
    for _ in 0..50 {
        assert_eq!(client.ask("GET /auth/proxy", &key).status, 200);
        assert_eq!(server.ask("GET /auth/proxy", &key).status, 200);
    }
    // Those that were slow are no worse off, but for their ten seconds.
    let slow = held.iter_mut().step_by(200);
    for client in slow.filter(|_| begun.elapsed() < Duration::from_secs(8)) {
        let rest = format!(": b\r\nx-api-key: {token}\r\n\r\n");
        client.send(&rest).expect("sent");
        assert_eq!(client.answer().expect("answered").status, 200);
    }
    drop(held);
    assert_eq!(client.ask("GET /auth/proxy", &key).status, 200);
    server.stop();
}

#[test]
fn what_is_never_finished_ends_after_ten_seconds() {
    let env = TestEnv::new();
    let token = env.create(["ci"]);
    let server = Server::start(env.serve());
    let range = Duration::from_secs(8)..Duration::from_secs(20);
    let silent = "";
    let line = "GET /auth/proxy";
    let head = "GET /auth/proxy HTTP/1.1\r\nhost: k\r\nx-a";
    let answered = "GET /healthz HTTP/1.1\r\nhost: k\r\n\r\n";
    let body = "POST /v1/verify HTTP/1.1\r\nhost: k\r\ncontent-length: 100\r\n\r\n{";
    let chunked = "POST /v1/verify HTTP/1.1\r\nhost: k\r\ntransfer-encoding: chunked\r\n\r\n5\r\n{";
    thread::scope(|scope| {
        for (sent, statuses) in [
            (silent, &[][..]),
            (line, &[]),
            (head, &[]),
            (answered, &[200]),
            (body, &[408]),
            (chunked, &[408]),
        ] {
            let (server, range) = (&server, range.clone());
            scope.spawn(move || {
                let mut client = server.client();
                let begun = Instant::now();
                client.send(sent).expect("sent");
                for status in statuses {
                    assert_eq!(client.answer().expect("answered").status, *status);
                }
                assert!(client.is_closed_within(range.end), "{sent:?} is not closed");
                let took = begun.elapsed();
                assert!(range.contains(&took), "{sent:?}: {took:?}");
            });
        }
        // A byte now and then does not help.
        let (server, range) = (&server, range.clone());
        scope.spawn(move || {
            let mut client = server.client();
            let begun = Instant::now();
            client.send("GET / HTTP/1.1\r\nhost: ").expect("sent");
            while client.send("k").is_ok() && begun.elapsed() < range.end {
                thread::sleep(Duration::from_millis(500));
            }
            let took = begun.elapsed();
            assert!(range.contains(&took), "byte by byte: {took:?}");
        });
        let key = [("x-api-key", token.as_str())];
        for _ in 0..10 {
            assert_eq!(server.ask("GET /auth/proxy", &key).status, 200);
            thread::sleep(Duration::from_millis(200));
        }
    });
}

#[test]
fn who_takes_no_answers_is_let_go_after_ten_seconds() {
    let env = TestEnv::new();
    let server = Server::start(env.serve());
    let mut client = server.client();
    let (told, ended) = mpsc::channel();
    thread::spawn(move || {
        let begun = Instant::now();
        let many = request("GET /metrics", &[], "").repeat(1000);
        while client.send(&many).is_ok() {}
        // Nobody may wait any more.
        let _ = told.send(begun.elapsed());
    });
    let took = ended.recv_timeout(Duration::from_secs(45));
    let took = took.expect("the connection ends");
    assert!(took >= Duration::from_secs(9), "{took:?}");
    assert_eq!(server.ask("GET /healthz", &[]).status, 200);
    server.stop();
}

#[test]
fn who_fills_one_address_is_not_in_the_way_of_another() {
    let env = TestEnv::new();
    let program = env!("CARGO_BIN_EXE_keywright");
    let mut command = env.program("sh");
    // 48 connections in all.
    let script =
        format!("ulimit -n 112; exec {program} serve --listen 127.0.0.1:0 --listen 127.0.0.1:0");
    command.args(["-c", &script]);
    let server = Server::start(command);
    let addresses = server.addresses();
    let held: Vec<Client> = (0..60).map(|_| Client::to(&addresses[0])).collect();
    thread::sleep(Duration::from_secs(1));
    let mut other = Client::to(&addresses[1]);
    other.wait_at_most(Duration::from_secs(5));
    assert_eq!(other.ask("GET /healthz", &[]).status, 200);
    drop(held);
}

#[test]
fn what_is_too_large_is_refused() {
    let env = TestEnv::new();
    let token = env.create(["ci"]);
    let server = Server::start(env.serve());
    let key = ("x-api-key", token.as_str());
    let of = |size: usize| "x".repeat(size);
    let ask = |size: usize| server.ask("GET /auth/proxy", &[key, ("cookie", &of(size))]);
    assert_eq!(ask(15 * 1024).status, 200);
    assert_eq!(ask(16 * 1024).status, 431);
    assert_eq!(ask(31 * 1024).status, 431);
    let long = server.ask(&format!("GET /auth/proxy?{}", of(9000)), &[key]);
    assert!((400..500).contains(&long.status), "{long}");
    for (size, chunked, expected) in [
        (8 * 1024, false, 200),
        (8 * 1024 + 1, false, 413),
        (100 * 1024, false, 413),
        (8 * 1024 + 1, true, 413),
    ] {
        let start = format!("{{\"token\":\"{token}\"");
        let body = format!("{start}{}}}", " ".repeat(size - start.len() - 1));
        let mut client = server.client();
        let bytes = match chunked {
            false => request("POST /v1/verify", &[], &body),
            true => {
                let head = request("POST /v1/verify", &[("transfer-encoding", "chunked")], "");
                let chunk = format!("{size:x}\r\n{body}\r\n0\r\n\r\n");
                [head, chunk.into_bytes()].concat()
            }
        };
        client.send(bytes).expect("sent");
        let answer = client.answer().expect("answered");
        assert_eq!(answer.status, expected, "{size} {chunked}: {answer}");
    }
}

#[test]
fn pipelined_requests_are_answered_in_their_order() {
    let env = TestEnv::new();
    let token = env.create(["ci"]);
    let server = Server::start(env.serve());
    let mut client = server.client();
    let mut bytes = Vec::new();
    let count = 100;
    for at in 0..count {
        let id = format!("r-{at}");
        let mut headers = vec![("x-request-id", id.as_str())];
        if at % 2 == 0 {
            headers.push(("x-api-key", &token));
        }
        let one = match at % 3 {
            0 => request("POST /v1/verify", &headers, "{}"),
            1 => request("POST /auth/proxy/x", &headers, "a body of the client's"),
            _ => request("GET /auth/nginx", &headers, ""),
        };
        bytes.extend(one);
    }
    client.send(bytes).expect("sent");
    for at in 0..count {
        let answer = client.answer().expect("answered");
        let id = format!("r-{at}");
        assert_eq!(answer.header("x-auth-request-id"), Some(id.as_str()));
        let expected = if at % 2 == 0 { 200 } else { 401 };
        assert_eq!(answer.status, expected, "{at}: {answer}");
    }
}

#[test]
fn malformed_requests_kill_nobody() {
    let env = TestEnv::new();
    let token = env.create(["ci"]);
    let server = Server::start(env.serve());
    let mut other = server.client();
    let many = "x: y\r\n".repeat(500);
    for bytes in [
        &b"\r\n\r\n\r\n\r\n"[..],
        b"\0\0\0\0\0\0\0\0\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET / HTTP/1.1\r\n: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: k\r\nx-api-key: \x01\r\n\r\n",
        b"GET /auth/proxy HTTP/1.1\r\nhost: k\r\nx-api-key: \xff\xfe\r\n\r\n",
        b"GET /auth/proxy HTTP/1.1\r\nhost: k\r\nauthorization: Bearer \xff\r\n\r\n",
        b"GET /auth/proxy HTTP/1.1\r\nx-api-key: a\r\n b\r\n\r\n",
        b"GET /auth/proxy?%%%=%zz&&&=&= HTTP/1.1\r\nhost: k\r\n\r\n",
        b"GET http://[::1/auth/proxy HTTP/1.1\r\n\r\n",
        b"CONNECT k:443 HTTP/1.1\r\nhost: k\r\n\r\n",
        b"GET /auth/proxy HTTP/1.0\r\n\r\n",
        b"POST /v1/verify HTTP/1.1\r\nhost: k\r\ncontent-length: -1\r\n\r\n",
        b"POST /v1/verify HTTP/1.1\r\nhost: k\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n{}",
        b"POST /v1/verify HTTP/1.1\r\nhost: k\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n{}",
        b"POST /v1/verify HTTP/1.1\r\nhost: k\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        b"POST /v1/verify HTTP/1.1\r\nhost: k\r\ntransfer-encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
        b"POST /v1/verify HTTP/1.1\r\nhost: k\r\ncontent-length: 2\r\n\r\n\xff\xff",
        format!("GET /auth/proxy HTTP/1.1\r\n{many}\r\n").as_bytes(),
        format!("POST /v1/verify HTTP/1.1\r\nhost: k\r\ncontent-length: 8000\r\n\r\n{}", "[".repeat(8000)).as_bytes(),
    ] {
        let mut client = server.client();
        client.wait_at_most(Duration::from_millis(300));
        client.send(bytes).expect("sent");
        if let Ok(answer) = client.answer() {
            let is_refused = (400..500).contains(&answer.status);
            assert!(is_refused, "{}: {answer}", bytes.escape_ascii());
        }
        drop(client);
        let good = other.ask("GET /auth/proxy", &[("x-api-key", &token)]);
        assert_eq!(good.status, 200, "{}", bytes.escape_ascii());
    }
    server.stop();
}

#[test]
fn several_addresses_are_served_at_once() {
    let env = TestEnv::new();
    let token = env.create(["ci"]);
    let path = env.path("k.sock");
    let mut command = env.serve();
    command.args(["--listen", "127.0.0.1:0", "--listen"]);
    command.arg(format!("unix:{}", path.display()));
    let server = Server::start(command);
    let addresses = server.addresses();
    assert_eq!(addresses.len(), 3, "{}", server.log());
    assert_eq!(addresses[2], At::Unix(path.clone()));
    for at in &addresses {
        let mut client = Client::to(at);
        for _ in 0..3 {
            let answer = client.ask("GET /auth/proxy", &[("x-api-key", &token)]);
            assert_eq!(answer.status, 200, "{at:?}");
        }
    }
    let mode = fs::metadata(&path).expect("it is there").permissions();
    assert_eq!(mode.mode() & 0o777, 0o666);
    server.stop();
    assert!(!path.exists(), "it stays");
    assert_eq!(env.show(["ci"])["requests"], 9);
}

#[test]
fn a_socket_that_a_dead_server_left_is_taken_over() {
    let env = TestEnv::new();
    let path = env.path("k.sock");
    let at = format!("unix:{}", path.display());
    let serve = || env.command(["serve", "--listen", &at]);
    let mut first = Server::start(serve());
    let refused = env.finish(serve(), "");
    insta::assert_snapshot!(refused.to_string(), @"
    exit: 4
    ---- stdout
    ---- stderr
    error: another process listens at unix:[HOME]/k.sock
    hint: --listen chooses another address
    ");
    assert_eq!(first.ask("GET /healthz", &[]).status, 200);
    first.signal(Signal::KILL);
    first.end();
    assert!(path.exists());
    let second = Server::start(serve());
    assert_eq!(second.ask("GET /healthz", &[]).status, 200);
    // Another one has its name by now: that is not ours to remove.
    fs::rename(&path, env.path("moved.sock")).expect("moved");
    let another = UnixListener::bind(&path).expect("bound");
    second.stop();
    assert!(path.exists());
    drop(another);
}

#[test]
fn a_socket_is_put_only_where_nobody_can_swap_it() {
    let env = TestEnv::new();
    let mut text = String::new();
    let mut refuse = |what: &str, path: &str| {
        let refused = env.run(["serve", "--listen", &format!("unix:{path}")]);
        assert!(!refused.success(), "{what}: {refused}");
        text.push_str(&format!("== {what}\n{refused}"));
    };
    let file = env.write("file", "a file of the user's");
    refuse("a file", &file.display().to_string());
    assert_eq!(fs::read(&file).expect("read"), b"a file of the user's");
    let target = env.path("elsewhere.sock");
    let link = env.path("link.sock");
    std::os::unix::fs::symlink(&target, &link).expect("made");
    refuse("a link", &link.display().to_string());
    let datagrams = env.path("log.sock");
    let _logger = UnixDatagram::bind(&datagrams).expect("bound");
    refuse("a logger's socket", &datagrams.display().to_string());
    assert!(datagrams.exists());
    refuse("no folder", &env.path("none/k.sock").display().to_string());
    let shared = env.path("shared");
    fs::create_dir(&shared).expect("made");
    fs::set_permissions(&shared, Permissions::from_mode(0o777)).expect("changed");
    refuse(
        "others' folder",
        &shared.join("k.sock").display().to_string(),
    );
    // As /tmp is: whoever comes first has the name.
    fs::set_permissions(&shared, Permissions::from_mode(0o1777)).expect("changed");
    refuse("as /tmp", &shared.join("k.sock").display().to_string());
    refuse("a long path", &format!("/{}", "x".repeat(200)));
    insta::assert_snapshot!(text, @"
    == a file
    exit: 8
    ---- stdout
    ---- stderr
    error: the socket `[HOME]/file` is refused: there is something else than a socket
    hint: --listen chooses another path
    == a link
    exit: 8
    ---- stdout
    ---- stderr
    error: the socket `[HOME]/link.sock` is refused: there is something else than a socket
    hint: --listen chooses another path
    == a logger's socket
    exit: 1
    ---- stdout
    ---- stderr
    error: cannot listen at unix:[HOME]/log.sock
      caused by: Protocol wrong type for socket (os error 91)
    hint: --listen chooses another address
    == no folder
    exit: 1
    ---- stdout
    ---- stderr
    error: cannot listen at unix:[HOME]/none/k.sock
      caused by: No such file or directory (os error 2)
    hint: --listen chooses another address
    == others' folder
    exit: 8
    ---- stdout
    ---- stderr
    error: the socket `[HOME]/shared/k.sock` is refused: its folder can be changed by others (mode 777)
    hint: the socket needs a folder that only you or root can change; `keywright serve --print-config systemd` makes one
    == as /tmp
    exit: 8
    ---- stdout
    ---- stderr
    error: the socket `[HOME]/shared/k.sock` is refused: its folder can be changed by others (mode 1777)
    hint: the socket needs a folder that only you or root can change; `keywright serve --print-config systemd` makes one
    == a long path
    exit: 1
    ---- stdout
    ---- stderr
    error: cannot listen at unix:/xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
      caused by: path must be shorter than SUN_LEN
    hint: --listen chooses another address
    ");
    if geteuid().is_root() {
        let foreign = env.path("foreign.sock");
        drop(UnixListener::bind(&foreign).expect("bound"));
        std::os::unix::fs::chown(&foreign, Some(65534), None).expect("changed");
        let refused = env.run(["serve", "--listen", &format!("unix:{}", foreign.display())]);
        assert_eq!(refused.code(), Some(8), "{refused}");
        assert!(
            refused
                .stderr()
                .contains("belongs to another user (uid 65534)"),
            "{refused}"
        );
        assert!(foreign.exists());
        let folder = env.path("theirs");
        fs::create_dir(&folder).expect("made");
        std::os::unix::fs::chown(&folder, Some(65534), None).expect("changed");
        let path = folder.join("k.sock");
        let refused = env.run(["serve", "--listen", &format!("unix:{}", path.display())]);
        assert!(
            refused
                .stderr()
                .contains("its folder belongs to another user"),
            "{refused}"
        );
    }
}
