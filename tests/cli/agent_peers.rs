//! Who else may come to an agent's socket, and what is left in its memory.

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::thread;

use rustix::process::geteuid;

use crate::agents::{Foreground, GET, ask, request};
use crate::common::{PASSPHRASE, TestEnv, needed, skip};

#[test]
fn connections_that_say_nothing_are_in_nobody_s_way() {
    let env = TestEnv::new();
    env.set(["openai"], "sk-0123456789abcdef");
    env.unlock();
    let socket = env.socket();
    let silent: Vec<UnixStream> = (0..500)
        .map(|_| UnixStream::connect(&socket).expect("it listens"))
        .collect();
    let value = env.without_passphrase(&["get", "openai"]);
    assert_eq!(value.stdout(), b"sk-0123456789abcdef", "{value}");
    drop(silent);
    assert_eq!(env.agent_state(), "unlocked");
}

#[test]
fn what_is_no_request_does_no_harm() {
    let env = TestEnv::new();
    env.unlock();
    let socket = env.socket();
    let pid = env.agent_pid();
    let mut long = request(GET).to_vec();
    long.push(0);
    for bytes in [&long[..], &[b'x'; 64], &vec![b'K'; 1 << 20]] {
        if let Some(answer) = ask(&socket, bytes) {
            assert_eq!((answer[6], &answer[8..40]), (3, &[0; 32][..]));
        }
    }
    // One byte less is no request yet, and nobody waits for the rest.
    let mut short = UnixStream::connect(&socket).expect("it listens");
    short.write_all(&request(GET)[..63]).expect("taken");
    assert!(env.without_passphrase(&["list"]).success());
    assert_eq!(short.read(&mut [0]).expect("an end"), 0);
    assert_eq!(env.agent_pid(), pid);
}

#[test]
fn in_a_storm_of_locking_everybody_gets_an_answer() {
    let env = TestEnv::new();
    env.set(["openai"], "sk-0123456789abcdef");
    let (read, refused) = thread::scope(|scope| {
        let readers: Vec<_> = (0..8)
            .map(|_| {
                scope.spawn(|| {
                    let mut counts = (0, 0);
                    for _ in 0..8 {
                        let value = env.without_passphrase(&["get", "openai"]);
                        match value.code() {
                            Some(0) => {
                                assert_eq!(value.stdout(), b"sk-0123456789abcdef", "{value}");
                                counts.0 += 1;
                            }
                            code => {
                                assert_eq!(code, Some(5), "{value}");
                                counts.1 += 1;
                            }
                        }
                    }
                    counts
                })
            })
            .collect();
        for _ in 0..8 {
            env.unlock();
            let locked = env.run(["lock"]);
            assert!(locked.success(), "{locked}");
        }
        let counts = readers.into_iter().map(|reader| reader.join().expect("ok"));
        counts.fold((0, 0), |all, one| (all.0 + one.0, all.1 + one.1))
    });
    assert_eq!(read + refused, 64);
}

#[test]
fn after_lock_the_key_is_not_in_its_memory_and_the_passphrase_never_was() {
    let env = TestEnv::new();
    if !geteuid().is_root() || !Path::new("/proc/self/maps").exists() {
        return skip("only root on Linux can read another process's memory");
    }
    let mut command = env.command(["agent"]);
    command.env_remove("KEYWRIGHT_PASSPHRASE_FILE");
    let agent = Foreground::start(command);
    let pid = agent.0.id();
    env.unlock();
    let key = env.vault_key();
    assert!(hits(pid, &key) > 0, "the search finds what is there");
    assert_eq!(hits(pid, PASSPHRASE.as_bytes()), 0);
    // What a client got, others after it and a second key put in its place.
    for _ in 0..3 {
        assert!(env.without_passphrase(&["list"]).success());
        env.unlock();
    }
    assert!(hits(pid, &key) > 0);
    assert!(env.run(["lock"]).success());
    assert_eq!(hits(pid, &key), 0);
    assert_eq!(hits(pid, PASSPHRASE.as_bytes()), 0);
    let environ = fs::read(format!("/proc/{pid}/environ")).expect("readable");
    assert!(!contains(&environ, PASSPHRASE.as_bytes()));
}

/// How often bytes are in the writable memory of a process, which only root can read.
pub(crate) fn hits(pid: u32, wanted: &[u8]) -> usize {
    let maps = fs::read_to_string(format!("/proc/{pid}/maps")).expect("readable by root");
    let mut memory = File::open(format!("/proc/{pid}/mem")).expect("readable by root");
    let mut count = 0;
    let mut searched = 0;
    for line in maps.lines() {
        let mut words = line.split_whitespace();
        let (range, modes) = (words.next().expect("a range"), words.next().expect("modes"));
        if !modes.starts_with("rw") {
            continue;
        }
        let (start, end) = range.split_once('-').expect("a range");
        let address = |text| u64::from_str_radix(text, 16).expect("an address");
        let (start, end) = (address(start), address(end));
        memory.seek(SeekFrom::Start(start)).expect("seekable");
        let mut bytes = vec![0; usize::try_from(end - start).expect("it fits")];
        if memory.read_exact(&mut bytes).is_ok() {
            searched += bytes.len();
            count += bytes
                .windows(wanted.len())
                .filter(|window| *window == wanted)
                .count();
        }
    }
    assert!(searched > 100_000, "{searched} bytes of {maps}");
    count
}

fn contains(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|window| window == wanted)
}

/// Tries to connect as the argument says and to be given a key; prints the code of the answer.
const CONNECT: &str = "
import socket, sys
s = socket.socket(socket.AF_UNIX)
try:
    s.connect(sys.argv[1])
except PermissionError:
    print('no permission')
    sys.exit()
s.sendall(bytes.fromhex(sys.argv[2]))
answer = s.recv(64, socket.MSG_WAITALL)
print(answer[6], 'key' if any(answer[8:40]) else 'no key')
";

#[test]
fn another_user_gets_nothing() {
    if !geteuid().is_root() {
        return skip("only root can become another user");
    }
    let (Some(setpriv), Some(python)) = (needed("setpriv"), needed("python3")) else {
        return;
    };
    let env = TestEnv::new();
    // Open to all but the agent's own folder.
    let open = |path: &Path, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("changed");
    };
    let run = env.path("run");
    fs::create_dir(&run).expect("made");
    open(&run, 0o755);
    open(env.home(), 0o755);
    let mut unlock = env.command(["unlock"]);
    unlock.env("XDG_RUNTIME_DIR", &run);
    assert!(env.finish(unlock, "").success());
    let socket = env.socket();
    let mut status = env.command(["status", "--json"]);
    status.env("XDG_RUNTIME_DIR", &run);
    let status = env.finish(status, "").json();
    let pid = status["agent"]["pid"].as_u64().expect("it runs");
    let id = status["vault_id"].as_str().expect("there is a vault");
    let get = format!("4b57414701000100{id}{}", "00".repeat(40));

    let other = |words: &[&str]| {
        let mut command = env.program(&setpriv);
        command.args(["--reuid", "65534", "--regid", "65534", "--clear-groups"]);
        command.args(words).env("XDG_RUNTIME_DIR", &run);
        env.finish(command, "")
    };
    let python: PathBuf = python;
    let python = python.to_str().expect("UTF-8");
    let path = socket.to_str().expect("UTF-8");
    let connect = || other(&[python, "-c", CONNECT, path, &get]).stdout_text();
    let folder = socket.parent().expect("a folder");
    assert_eq!(connect(), "no permission\n");
    assert!(!other(&["ls", folder.to_str().expect("UTF-8")]).success());
    for file in ["mem", "environ", "maps"] {
        let read = other(&["cat", &format!("/proc/{pid}/{file}")]);
        assert!(
            !read.success() && read.stdout().is_empty(),
            "{file}: {read}"
        );
    }
    // The folder left open, the socket's mode keeps others out; and that left open, too, the agent does.
    open(folder, 0o755);
    assert_eq!(connect(), "no permission\n");
    open(&socket, 0o666);
    assert_eq!(connect(), "4 no key\n");
    // The twin: its owner gets the key by the same bytes.
    let mut own = env.program(python);
    own.args(["-c", CONNECT, path, &get]);
    assert_eq!(env.finish(own, "").stdout_text(), "0 key\n");
}
