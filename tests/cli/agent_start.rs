//! How an agent begins: once, in a folder that is its owner's, and with nothing of whoever started it.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Stdio;
use std::thread;

use rustix::process::{Pid, Signal, geteuid, kill_process};

use crate::agents::{PEEK, PUT, STATUS, STOP, ask, request};
use crate::common::{PASSPHRASE, TestEnv, skip};
use crate::terminal::without_terminal;

const FOLDER: &str = ".local/state/keywright/agent";

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("changed");
}

#[test]
fn nothing_of_the_caller_stays_open() {
    let env = TestEnv::new();
    let program = env!("CARGO_BIN_EXE_keywright");
    let mut shell = env.program("sh");
    // Each of these ends only when nobody has the pipe any more.
    shell.arg("-c").arg(format!(
        "'{program}' unlock 2>&1 9>&1 | cat >/dev/null && '{program}' lock -q && echo over"
    ));
    let ended = env.finish(shell, "");
    assert_eq!(ended.stdout(), b"over\n", "{ended}");
}

#[test]
fn its_arguments_and_environment_have_no_secret() {
    let env = TestEnv::new();
    let unlocked = env.run_with_env(["unlock"], [("KEYWRIGHT_PASSPHRASE", PASSPHRASE)]);
    assert!(unlocked.success(), "{unlocked}");
    let process = Path::new("/proc").join(env.agent_pid().to_string());
    let Ok(arguments) = fs::read(process.join("cmdline")) else {
        return skip("this system has no /proc");
    };
    let words = [
        env!("CARGO_BIN_EXE_keywright").to_owned(),
        "background-agent".to_owned(),
        "stay".to_owned(),
        env.socket().display().to_string(),
    ];
    assert_eq!(String::from_utf8_lossy(&arguments), words.join("\0") + "\0");
    if geteuid().is_root() {
        assert_eq!(fs::read(process.join("environ")).expect("readable"), b"");
        assert_eq!(
            fs::read_link(process.join("cwd")).expect("read"),
            Path::new("/")
        );
    }
}

#[test]
fn of_eight_at_once_one_agent_is_left() {
    let env = TestEnv::new();
    let children: Vec<_> = (0..8)
        .map(|_| {
            let mut command = env.command(["unlock"]);
            without_terminal(&mut command);
            command.stdin(Stdio::null()).stderr(Stdio::piped());
            command.spawn().expect("it starts")
        })
        .collect();
    for child in children {
        let outcome = env.outcome(child.wait_with_output().expect("our own child"));
        assert!(outcome.success(), "{outcome}");
    }
    assert!(env.without_passphrase(&["list"]).success());
    let socket = env.socket();
    assert_eq!(agents_at(&socket), 1);
    assert!(env.run(["lock"]).success());
    assert!(!socket.exists());
}

/// How many processes have this socket as their last argument, and hold its lock.
fn agents_at(socket: &Path) -> usize {
    let lock = fs::File::open(socket.with_extension("lock")).expect("there");
    assert!(lock.try_lock().is_err(), "somebody has the lock");
    let end = format!("stay\0{}\0", socket.display());
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let arguments = processes.filter_map(|entry| fs::read(entry.path().join("cmdline")).ok());
    let found = arguments.filter(|words| words.ends_with(end.as_bytes()));
    // Where there is no /proc, the lock has to do.
    found
        .count()
        .max(usize::from(!Path::new("/proc/self").exists()))
}

#[test]
fn what_a_killed_agent_leaves_is_in_nobody_s_way() {
    let env = TestEnv::new();
    env.unlock();
    let pid = i32::try_from(env.agent_pid()).expect("a process");
    let socket = env.socket();
    kill_process(Pid::from_raw(pid).expect("a process"), Signal::KILL).expect("it runs");
    let lock = fs::File::open(socket.with_extension("lock")).expect("there");
    lock.lock_shared().expect("free once it is gone");
    drop(lock);
    assert!(socket.exists());
    assert_eq!(env.agent_state(), "none");
    assert_eq!(env.without_passphrase(&["list"]).code(), Some(5));
    env.unlock();
    assert!(env.without_passphrase(&["list"]).success());
}

#[test]
fn a_folder_that_is_not_its_owner_s_alone_is_refused() {
    let env = TestEnv::new();
    env.unlock();
    let folder = env.path(FOLDER);
    let refused = |words: &str| {
        for args in [&["lock"] as &[&str], &["unlock"], &["list"], &["agent"]] {
            let outcome = env.run(args.iter().copied());
            assert_eq!(outcome.code(), Some(8), "{words}: {outcome}");
            let told = outcome.stderr();
            assert!(told.contains(words) && told.contains(FOLDER), "{outcome}");
            assert!(told.contains("hint: run: "), "{outcome}");
        }
        assert_eq!(env.agent_state(), "unusable");
    };
    set_mode(&folder, 0o755);
    refused("others can reach into it (mode 755)");
    set_mode(&folder, 0o700);
    let aside = env.path(".local/state/keywright/aside");
    fs::rename(&folder, &aside).expect("moved");
    symlink(&aside, &folder).expect("made");
    refused("it is a symbolic link");
    fs::remove_file(&folder).expect("removed");
    fs::rename(&aside, &folder).expect("moved");
    if geteuid().is_root() {
        chown(&folder, Some(65_534), None).expect("changed");
        refused("it belongs to another user (uid 65534)");
        chown(&folder, Some(0), None).expect("changed");
    } else {
        skip("only root can give a folder away");
    }
    // The twin: as it was, it is used.
    assert!(env.without_passphrase(&["list"]).success());
}

#[test]
fn a_path_that_is_too_long_is_told() {
    let env = TestEnv::new();
    let long = env.path(&"x".repeat(100));
    fs::create_dir(&long).expect("made");
    let mut command = env.command(["unlock"]);
    command.env("XDG_RUNTIME_DIR", &long);
    let refused = env.finish(command, "");
    assert_eq!(refused.code(), Some(1), "{refused}");
    assert!(refused.stderr().contains("too long"), "{refused}");
    let mut list = env.command(["list"]);
    list.env("XDG_RUNTIME_DIR", &long);
    assert!(env.finish(list, "").success());
}

#[test]
fn no_file_is_removed_for_a_socket() {
    let env = TestEnv::new();
    env.unlock();
    let folder = env.socket().parent().expect("a folder").to_owned();
    let precious = folder.join("precious.sock");
    fs::write(&precious, "kept").expect("written");
    let mut stay = env.command(["background-agent", "stay"]);
    stay.arg(&precious);
    assert_eq!(env.finish(stay, "").code(), Some(1));
    assert_eq!(fs::read(&precious).expect("still there"), b"kept");
}

#[test]
fn a_pipe_in_the_place_of_the_lock_keeps_nobody_waiting() {
    let env = TestEnv::new();
    env.unlock();
    let lock = env.socket().with_extension("lock");
    assert!(env.run(["lock"]).success());
    fs::remove_file(&lock).expect("removed");
    let mut mkfifo = env.program("mkfifo");
    mkfifo.arg(&lock);
    assert!(env.finish(mkfifo, "").success());
    let refused = env.run(["unlock"]);
    assert_eq!(refused.code(), Some(1), "{refused}");
    let told = refused.stderr();
    assert!(told.contains("the agent did not start"), "{refused}");
    assert!(told.contains("cannot lock `"), "{refused}");
}

#[test]
fn an_agent_that_does_not_answer_is_named() {
    let env = TestEnv::new();
    env.unlock();
    let pid = env.agent_pid();
    let process = Pid::from_raw(i32::try_from(pid).expect("a process")).expect("a process");
    kill_process(process, Signal::STOP).expect("it runs");
    let told = env.run(["lock"]);
    kill_process(process, Signal::CONT).expect("it runs");
    assert_eq!(told.code(), Some(1), "{told}");
    let stderr = told.stderr();
    assert!(stderr.contains("it did not answer within 3 s"), "{told}");
    assert!(!stderr.contains("os error"), "{told}");
    let hint = format!("hint: end process {pid}; ");
    assert!(stderr.contains(&hint), "{told}");
}

#[test]
fn a_completion_ends_no_agent_of_another_version() {
    let env = TestEnv::new();
    let _ = env.create(["deploy"]);
    env.unlock();
    let socket = env.socket();
    assert!(ask(&socket, &request(STOP)).is_some());
    let lock = fs::File::open(socket.with_extension("lock")).expect("there");
    lock.lock_shared().expect("free once it is gone");
    drop(lock);
    let listener = UnixListener::bind(&socket).expect("bound");
    set_mode(&socket, 0o600);
    let other = thread::spawn(move || {
        let mut verbs = Vec::new();
        while verbs.last() != Some(&STATUS) {
            let (mut stream, _) = listener.accept().expect("somebody comes");
            let mut asked = [0; 64];
            stream.read_exact(&mut asked).expect("a request");
            verbs.push(asked[6]);
            let mut answer = request(3);
            answer[52..57].copy_from_slice(b"9.9.9");
            stream.write_all(&answer).expect("taken");
        }
        verbs
    });
    let mut complete = env.command(["complete", "zsh"]);
    complete.env_remove("KEYWRIGHT_PASSPHRASE_FILE");
    let _ = env.finish(complete, "keywright\0show\0\0");
    let _ = ask(&socket, &request(STATUS));
    assert_eq!(other.join().expect("no panic"), [PEEK, STATUS]);
}

#[test]
fn an_agent_of_another_version_is_replaced() {
    let env = TestEnv::new();
    env.unlock();
    let socket = env.socket();
    assert!(ask(&socket, &request(STOP)).is_some());
    let lock = fs::File::open(socket.with_extension("lock")).expect("there");
    lock.lock_shared().expect("free once it is gone");
    drop(lock);
    let listener = UnixListener::bind(&socket).expect("bound");
    set_mode(&socket, 0o600);
    let at = socket.clone();
    let old = thread::spawn(move || {
        let mut verbs = Vec::new();
        loop {
            let (mut stream, _) = listener.accept().expect("somebody comes");
            let mut asked = [0; 64];
            stream.read_exact(&mut asked).expect("a request");
            verbs.push(asked[6]);
            let mut answer = request(0);
            // A process of its own, which is the one to stop, and a version of its own.
            answer[48..52].copy_from_slice(&4_711_u32.to_le_bytes());
            answer[52..57].copy_from_slice(b"9.9.9");
            if asked[6] == STOP {
                assert_eq!(asked[56..60], 4_711_u32.to_le_bytes());
                fs::remove_file(&at).expect("removed");
            }
            stream.write_all(&answer).expect("taken");
            if asked[6] == STOP {
                return verbs;
            }
        }
    });
    env.unlock();
    assert_eq!(old.join().expect("no panic"), [PUT, STOP]);
    assert_eq!(env.agent()["version"], env!("CARGO_PKG_VERSION"));
    assert!(env.without_passphrase(&["list"]).success());
}
