//! How a server begins: what it refuses, and what a service manager hands over and is told.

use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixDatagram, UnixListener};
use std::process::{Command, Stdio};
use std::time::Duration;

use keywright::key::Timestamp;

use crate::common::{Outcome, TestEnv};
use crate::library::Library;
use crate::mask::Mask;
use crate::server::{At, Client, Server, Signal};

fn serve(env: &TestEnv, args: &[&str]) -> Outcome {
    let outcome = env.run(["serve"].iter().chain(args));
    assert!(!outcome.success(), "{outcome}");
    outcome
}

#[test]
fn a_vault_without_keys_can_be_served() {
    let env = TestEnv::new();
    let server = Server::start(env.serve());
    let token = env.create(["ci"]);
    assert_eq!(
        server
            .ask("GET /auth/proxy", &[("x-api-key", &token)])
            .status,
        200
    );
    server.stop();
    let none = TestEnv::empty();
    insta::assert_snapshot!(serve(&none, &["--listen", "127.0.0.1:0"]).to_string(), @"
    exit: 1
    ---- stdout
    ---- stderr
    error: there is no vault at `[HOME]/.config/keywright/vault.db`
    hint: `keywright init` makes one, and so does the first `create` or `set`
    ");
}

/// With an access token in the variable.
fn by_token(env: &TestEnv, token: &str) -> Outcome {
    let mut command = env.command(["serve", "--listen", "127.0.0.1:0"]);
    command
        .env("KEYWRIGHT_ACCESS_TOKEN", token)
        .env_remove("KEYWRIGHT_PASSPHRASE_FILE");
    env.finish(command, "")
}

#[test]
fn an_access_token_that_opens_no_issued_keys_serves_nothing() {
    let env = TestEnv::new();
    let mut library = env.library();
    library.issue(&Library::new_key("ci"));
    env.set(["openai", "-p", "shop", "-e", "production"], "sk-1");
    let args = [
        "access",
        "create",
        "job",
        "--kind",
        "provider",
        "-p",
        "shop",
        "-e",
        "production",
    ];
    let provider = env.run(args).token();
    let revoked = library.access("revoked", None);
    library.revoke_access("revoked");
    let expired = library.access("expired", Some(Timestamp::now()));
    let mut text = String::new();
    for (what, token) in [
        ("of provider keys", provider.as_str()),
        ("revoked", &revoked),
        ("expired", &expired),
        ("none", "nonsense"),
    ] {
        let outcome = by_token(&env, token);
        assert!(!outcome.success(), "{what}: {outcome}");
        text.push_str(&format!("== {what}\n{outcome}"));
    }
    insta::assert_snapshot!(text, @"
    == of provider keys
    exit: 8
    ---- stdout
    ---- stderr
    error: issued keys cannot be opened: the access token opens the provider keys of shop/production
    hint: `keywright access create --kind issued` makes an access token that tokens are checked with
    == revoked
    exit: 5
    ---- stdout
    ---- stderr
    error: the access token from KEYWRIGHT_ACCESS_TOKEN opens nothing here: it was revoked, or it is of another vault
    hint: `keywright access list` shows the tokens there are, `keywright access create` makes one
    == expired
    exit: 5
    ---- stdout
    ---- stderr
    error: the access token from KEYWRIGHT_ACCESS_TOKEN expired at [-------TIME-------]
    hint: `keywright access list` shows the tokens there are, `keywright access create` makes one
    == none
    exit: 5
    ---- stdout
    ---- stderr
    error: the access token from KEYWRIGHT_ACCESS_TOKEN is not one: a character is wrong or missing
    hint: it begins with kwa1_ and has 76 characters; several are separated by white space
    ");
}

#[test]
fn addresses_and_options_that_make_no_sense_are_refused() {
    let env = TestEnv::new();
    let taken = TcpListener::bind("127.0.0.1:0").expect("bound");
    let taken = taken
        .local_addr()
        .map(|at| (at.to_string(), taken))
        .expect("an address");
    let mut text = String::new();
    for args in [
        &["--listen", taken.0.as_str()][..],
        &["--listen", "0.0.0.0:0"],
        &["--listen", "127.0.0.1:0", "--listen", "[::]:0"],
        &["--listen", "192.0.2.1:8080", "--allow-remote"],
        &["--listen", "example.com:80"],
        &["--listen", "unix:k.sock"],
        &["--listen", ""],
        &["-p", "shop"],
        &["-e", "production"],
        &["extra"],
    ] {
        let outcome = serve(&env, args).to_string().replace(&taken.0, "[TAKEN]");
        text.push_str(&format!(
            "== {}\n{outcome}",
            args.join(" ").replace(&taken.0, "[TAKEN]")
        ));
    }
    insta::assert_snapshot!(text, @"
    == --listen [TAKEN]
    exit: 4
    ---- stdout
    ---- stderr
    error: another process listens at [TAKEN]
    hint: --listen chooses another address
    == --listen 0.0.0.0:0
    exit: 8
    ---- stdout
    ---- stderr
    error: other machines can reach 0.0.0.0:0, and tokens would go there unencrypted
    hint: put a proxy in front that speaks TLS, or say that the network is trusted with --allow-remote
    == --listen 127.0.0.1:0 --listen [::]:0
    exit: 8
    ---- stdout
    ---- stderr
    error: other machines can reach [::]:0, and tokens would go there unencrypted
    hint: put a proxy in front that speaks TLS, or say that the network is trusted with --allow-remote
    == --listen 192.0.2.1:8080 --allow-remote
    exit: 1
    ---- stdout
    ---- stderr
    error: cannot listen at 192.0.2.1:8080
      caused by: Cannot assign requested address (os error 99)
    hint: --listen chooses another address
    == --listen example.com:80
    exit: 2
    ---- stdout
    ---- stderr
    error: invalid value 'example.com:80' for '--listen <ADDRESS>': an address is an IP address and a port, as 127.0.0.1:4870 or [::1]:4870, or unix:/PATH

    For more information, try '--help'.
    == --listen unix:k.sock
    exit: 2
    ---- stdout
    ---- stderr
    error: invalid value 'unix:k.sock' for '--listen <ADDRESS>': after `unix:` comes a path from the root, as in unix:/run/keywright.sock

    For more information, try '--help'.
    == --listen 
    exit: 2
    ---- stdout
    ---- stderr
    error: invalid value '' for '--listen <ADDRESS>': an address is an IP address and a port, as 127.0.0.1:4870 or [::1]:4870, or unix:/PATH

    For more information, try '--help'.
    == -p shop
    exit: 2
    ---- stdout
    ---- stderr
    error: what is required is said with each request, and not by -p and -e
    hint: `?env=production&project=shop`; the access tokens say which scopes are open
    == -e production
    exit: 2
    ---- stdout
    ---- stderr
    error: what is required is said with each request, and not by -p and -e
    hint: `?env=production&project=shop`; the access tokens say which scopes are open
    == extra
    exit: 2
    ---- stdout
    ---- stderr
    error: one argument too many; it is not repeated here, because it may be a secret
    hint: a value or token comes from standard input or --file, a passphrase from --passphrase-file; see --help
    ");
}

#[test]
fn an_address_that_others_reach_is_told() {
    let env = TestEnv::new();
    let server = Server::start(env.command(["serve", "--listen", "0.0.0.0:0", "--allow-remote"]));
    assert_eq!(
        server.said("level=warning event=not-local"),
        1,
        "{}",
        server.log()
    );
    server.stop();
}

#[test]
fn a_log_says_what_happens() {
    let env = TestEnv::new();
    env.create(["ci"]);
    let mut server = Server::start(env.serve());
    let At::Tcp(address) = server.address() else {
        panic!("no port");
    };
    server.signal(Signal::TERM);
    assert!(server.end().success());
    let log = server.log().replace(&address.to_string(), "[ADDRESS]");
    insta::assert_snapshot!(Mask::new(env.home()).apply(&log), @"
    time=[-------TIME-------] level=info event=listening address=[ADDRESS]
    time=[-------TIME-------] level=info event=ready keys=1
    time=[-------TIME-------] level=info event=stopping signal=SIGTERM
    time=[-------TIME-------] level=info event=stopped
    ");
}

/// systemd's way: the socket is number 3, and a variable says for whom.
fn handed_over(env: &TestEnv, options: &str) -> Command {
    let program = env!("CARGO_BIN_EXE_keywright");
    let mut command = env.program("sh");
    let script =
        format!("exec 3<&0 </dev/null; LISTEN_PID=$$ LISTEN_FDS=1 exec {program} serve {options}");
    command.args(["-c", &script]);
    command
}

fn start_with(env: &TestEnv, socket: OwnedFd, notify: Option<&str>) -> Server {
    let mut command = handed_over(env, "");
    if let Some(path) = notify {
        command.env("NOTIFY_SOCKET", path);
    }
    let mut server = Server::begin_with(command, Stdio::from(socket));
    server.wait_for("event=ready");
    server
}

#[test]
fn a_socket_that_is_handed_over_is_served() {
    let env = TestEnv::new();
    let token = env.create(["ci"]);
    let notify = env.path("notify.sock");
    let manager = UnixDatagram::bind(&notify).expect("bound");
    manager
        .set_read_timeout(Some(Duration::from_secs(30)))
        .expect("set");
    let told = || {
        let mut bytes = [0; 256];
        let length = manager.recv(&mut bytes).expect("told");
        String::from_utf8_lossy(&bytes[..length]).into_owned()
    };
    let listener = TcpListener::bind("127.0.0.1:0").expect("bound");
    let address = listener.local_addr().expect("an address");
    // Who came before it was started is answered, too.
    let mut early = Client::to(&At::Tcp(address));
    let mut server = start_with(&env, listener.into(), notify.to_str());
    assert_eq!(server.addresses(), [At::Tcp(address)]);
    assert_eq!(told(), "READY=1\n");
    let key = [("x-api-key", token.as_str())];
    assert_eq!(early.ask("GET /auth/proxy", &key).status, 200);
    server.signal(Signal::TERM);
    assert_eq!(told(), "STOPPING=1\n");
    assert!(server.end().success());

    let path = env.path("k.sock");
    let listener = UnixListener::bind(&path).expect("bound");
    let server = start_with(&env, listener.into(), None);
    assert_eq!(server.addresses(), [At::Unix(path.clone())]);
    assert_eq!(server.ask("GET /auth/proxy", &key).status, 200);
    server.stop();
    // It is the manager's.
    assert!(path.exists());
    assert_eq!(env.show(["ci"])["requests"], 2);
}

#[test]
fn a_socket_that_others_reach_is_refused_from_a_manager_too() {
    let env = TestEnv::new();
    for (options, is_served) in [("", false), ("--allow-remote", true)] {
        let listener = TcpListener::bind("0.0.0.0:0").expect("bound");
        let mut server = Server::begin_with(
            handed_over(&env, options),
            Stdio::from(OwnedFd::from(listener)),
        );
        if is_served {
            server.wait_for("event=ready");
            assert_eq!(server.said("event=not-local"), 1, "{}", server.log());
            server.stop();
        } else {
            assert_eq!(server.end().code(), Some(8), "{}", server.log());
        }
    }
}
