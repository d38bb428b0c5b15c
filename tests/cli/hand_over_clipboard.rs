//! `--copy`: the clipboard of a real X server and a real Wayland compositor, and what clears it.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::common::{Outcome, TestEnv, needed, skip};
use crate::terminal::without_terminal;

/// After so many seconds the clipboard is cleared here, and where a machine that does other things was not quick enough.
const SECONDS: u64 = 3;
const MANY_SECONDS: u64 = 25;

/// A display that is gone when this is dropped.
struct Display {
    server: Child,
    variables: Vec<(&'static str, PathBuf)>,
}

impl Display {
    fn x11() -> Option<Self> {
        let mut command = Command::new(needed("Xvfb")?);
        command
            .args(["-displayfd", "1", "-nolisten", "tcp"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut server = without_terminal(&mut command).spawn().expect("it starts");
        let mut number = String::new();
        let output = server.stdout.take().expect("a pipe");
        BufReader::new(output).read_line(&mut number).expect("read");
        let display = PathBuf::from(format!(":{}", number.trim()));
        Some(Self {
            server,
            variables: vec![("DISPLAY", display)],
        })
    }

    /// Sway refuses to run as root, and is nobody then.
    fn wayland(env: &TestEnv) -> Option<Self> {
        let sway = needed("sway")?;
        let folder = env.path("wayland");
        fs::create_dir(&folder).expect("made");
        fs::write(folder.join("config"), "xwayland disable\n").expect("written");
        let mut command = if rustix::process::getuid().is_root() {
            let open = |path: &Path, mode| {
                fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("its owner");
            };
            open(env.home(), 0o711);
            open(&folder.join("config"), 0o644);
            std::os::unix::fs::chown(&folder, Some(65534), Some(65534)).expect("root may");
            let mut command = Command::new(needed("setpriv")?);
            command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]);
            command.arg(sway);
            command
        } else {
            Command::new(sway)
        };
        command
            .arg("-c")
            .arg(folder.join("config"))
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("HOME", &folder)
            .env("XDG_RUNTIME_DIR", &folder)
            .env("WLR_BACKENDS", "headless")
            .env("WLR_LIBINPUT_NO_DEVICES", "1")
            .env("WLR_RENDERER", "pixman")
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o700)).expect("its owner");
        let server = without_terminal(&mut command).spawn().expect("it starts");
        let socket = folder.join("wayland-1");
        wait_until("a compositor", || socket.exists());
        Some(Self {
            server,
            variables: vec![("WAYLAND_DISPLAY", socket), ("XDG_RUNTIME_DIR", folder)],
        })
    }
}

impl Drop for Display {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// Keywright and other programs at a display, with few programs on the PATH.
struct Desk<'a> {
    env: &'a TestEnv,
    display: &'a Display,
    path: PathBuf,
}

impl<'a> Desk<'a> {
    /// `None` when one of the programs is missing.
    fn new(env: &'a TestEnv, display: &'a Display, programs: &[&str]) -> Option<Self> {
        let path = env.path(&format!("path-{}", programs.join("-")));
        fs::create_dir_all(&path).expect("made");
        for program in programs {
            symlink(needed(program)?, path.join(program)).expect("made");
        }
        Some(Self { env, display, path })
    }

    fn at_display(&self, mut command: Command) -> Command {
        command
            .envs(self.display.variables.iter().cloned())
            .env("PATH", &self.path);
        command
    }

    /// Something that copies what is cleared after so long.
    fn run(&self, args: &[&str], seconds: u64) -> Outcome {
        let mut command = self.at_display(self.env.command(args));
        command.env("KEYWRIGHT_TEST_CLEARED_AFTER", seconds.to_string());
        self.env.finish(command, "")
    }

    /// The same, and what is on the clipboard before it is cleared.
    fn copied(&self, args: &[&str], paste: &[&str]) -> (Outcome, Vec<u8>) {
        let copied = |seconds| {
            let begun = Instant::now();
            let outcome = self.run(args, seconds);
            assert!(outcome.success(), "{outcome}");
            let pasted = self.paste(paste);
            let is_in_time = begun.elapsed() < Duration::from_secs(seconds);
            (is_in_time, (outcome, pasted))
        };
        match copied(SECONDS) {
            (true, copied) => copied,
            (false, _) => copied(MANY_SECONDS).1,
        }
    }

    /// What is on the clipboard.
    fn paste(&self, tool: &[&str]) -> Vec<u8> {
        // A tool waits for ever for an owner that has just gone.
        let mut command = self.at_display(self.env.program("/usr/bin/timeout"));
        command.arg("10").arg(self.path.join(tool[0]));
        command.args(&tool[1..]).stderr(Stdio::null());
        command.output().expect("it runs").stdout
    }

    /// Somebody copies a text.
    fn copy(&self, tool: &[&str], text: &str) {
        let mut command = self.at_display(self.env.program(self.path.join(tool[0])));
        command.args(&tool[1..]).stdin(Stdio::piped());
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn().expect("it starts");
        let mut input = child.stdin.take().expect("a pipe");
        input.write_all(text.as_bytes()).expect("taken");
        drop(input);
        child.wait().expect("our own child");
    }

    /// A token and a value that is as long as can be are there, and gone after a time; what somebody copied stays.
    fn check(&self, paste: &[&str], copy: &[&str]) {
        self.env.create(["deploy"]);
        let (copied, token) = self.copied(&["rotate", "deploy", "--yes", "--copy"], paste);
        assert!(copied.stdout().is_empty(), "{copied}");
        let token = String::from_utf8(token).expect("UTF-8");
        assert_eq!(self.env.code(&token), "valid", "{token:?}");
        assert!(!token.ends_with('\n') && !copied.stderr().contains(&token));
        let told = format!("(by {}), cleared in 45 s if it is still there", copy[0]);
        assert!(copied.stderr().contains(&told), "{copied}");
        wait_until("a cleared clipboard", || self.paste(paste).is_empty());

        let value = "0123456789abcdef".repeat(4096);
        self.env.set(["large"], &value);
        let (copied, pasted) = self.copied(&["get", "large", "--copy"], paste);
        assert!(copied.stdout().is_empty(), "{copied}");
        assert!(pasted == value.as_bytes());
        wait_until("a cleared clipboard", || self.paste(paste).is_empty());

        let copied = self.run(&["create", "another", "--json", "--copy"], SECONDS);
        assert_eq!(copied.json()["handed_over"], "clipboard", "{copied}");
        assert!(copied.json().get("token").is_none(), "{copied}");
        self.copy(copy, "of somebody else");
        let name = format!("clear-clipboard {SECONDS} {}", copy[0]);
        wait_until("the cleaner's end", || !is_running(&name));
        assert_eq!(self.paste(paste), b"of somebody else");
    }
}

/// Whether a process of this binary has these arguments.
fn is_running(arguments: &str) -> bool {
    process_with(arguments).is_some()
}

/// The folder in /proc of the process of this binary that has these arguments.
fn process_with(arguments: &str) -> Option<PathBuf> {
    let wanted = format!("{} {arguments}", env!("CARGO_BIN_EXE_keywright"));
    let processes = fs::read_dir("/proc").expect("readable").flatten();
    processes.map(|entry| entry.path()).find(|process| {
        let line = fs::read_to_string(process.join("cmdline")).unwrap_or_default();
        line.trim_end_matches('\0').replace('\0', " ") == wanted
    })
}

#[track_caller]
fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let until = Instant::now() + Duration::from_secs(60);
    while !is_so() {
        assert!(Instant::now() < until, "{what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn xclip_copies_and_what_is_still_there_is_cleared() {
    let (env, Some(display)) = (TestEnv::new(), Display::x11()) else {
        return;
    };
    let Some(desk) = Desk::new(&env, &display, &["xclip"]) else {
        return;
    };
    desk.check(
        &["xclip", "-selection", "clipboard", "-out"],
        &["xclip", "-selection", "clipboard"],
    );
}

#[test]
fn xsel_copies_and_what_is_still_there_is_cleared() {
    let (env, Some(display)) = (TestEnv::new(), Display::x11()) else {
        return;
    };
    let Some(desk) = Desk::new(&env, &display, &["xsel"]) else {
        return;
    };
    desk.check(
        &["xsel", "--clipboard", "--output"],
        &["xsel", "--clipboard", "--input"],
    );
}

#[test]
fn wl_copy_copies_and_what_is_still_there_is_cleared() {
    let env = TestEnv::new();
    let Some(display) = Display::wayland(&env) else {
        return;
    };
    let Some(desk) = Desk::new(&env, &display, &["wl-copy", "wl-paste", "cat", "rm"]) else {
        return;
    };
    desk.check(&["wl-paste", "--no-newline"], &["wl-copy"]);
}

/// A wl-copy that writes down what it gets.
fn recording(env: &TestEnv, help: &str) -> PathBuf {
    let script = format!(
        "#!/bin/sh\nif [ \"$1\" = --help ]; then echo '{help}'; exit; fi\n\
         /usr/bin/env > '{0}/environment'; echo \"$@\" >> '{0}/arguments'; /bin/cat > '{0}/copied'\n",
        env.home().display()
    );
    let path = env.write("stand-in/wl-copy", script);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("its owner");
    path.parent().expect("its folder").to_owned()
}

#[test]
fn wl_copy_is_told_of_a_secret_where_it_knows_the_flag() {
    for (help, arguments) in [
        ("  -p, --primary", "--type text/plain\n"),
        ("  --sensitive  hints", "--type text/plain --sensitive\n"),
    ] {
        let env = TestEnv::new();
        let folder = recording(&env, help);
        let mut command = env.command(["create", "deploy", "--copy"]);
        command.env("WAYLAND_DISPLAY", "none").env("PATH", folder);
        command.env("KEYWRIGHT_TEST_CLEARED_AFTER", "0");
        let copied = env.finish(command, "");
        assert!(copied.success(), "{copied}");
        let read = |file: &str| fs::read_to_string(env.path(file)).expect("written");
        assert_eq!(read("arguments"), arguments);
        let environment = read("environment");
        assert!(
            environment.contains("WAYLAND_DISPLAY=none"),
            "{environment}"
        );
        assert!(!environment.contains("KEYWRIGHT_"), "{environment}");
        assert_eq!(env.code(&read("copied")), "valid");
        // There is no wl-paste: nothing can be compared, and so nothing is cleared.
        wait_until("the cleaner's end", || {
            !is_running("clear-clipboard 0 wl-copy")
        });
        assert_eq!(read("arguments"), arguments);
    }
}

#[test]
fn without_a_tool_nothing_is_made() {
    let env = TestEnv::new();
    env.set(["openai"], "sk-0123456789abcdef");
    let before = env.vault_bytes();
    let mut told = String::new();
    for variables in [
        &[] as &[(&str, &str)],
        &[("DISPLAY", ":77"), ("PATH", "/nonexistent")],
        &[("WAYLAND_DISPLAY", "none"), ("PATH", "/nonexistent")],
    ] {
        for args in [
            &["create", "deploy", "--copy"] as &[&str],
            &["create", "deploy", "--copy", "--dry-run"],
            &["get", "openai", "--copy"],
        ] {
            let outcome = env.run_with_env(args, variables.iter().copied());
            assert_eq!(outcome.code(), Some(1), "{outcome}");
            assert!(outcome.stdout().is_empty(), "{outcome}");
            if args.len() == 3 && args[0] == "create" {
                told += &outcome.stderr();
            }
        }
    }
    insta::assert_snapshot!(told, @"
    error: there is no clipboard: neither WAYLAND_DISPLAY nor DISPLAY is set
    hint: run it in a desktop's terminal, or use --out
    error: no program for the clipboard is installed
    hint: install xclip or xsel, or use --out
    error: no program for the clipboard is installed
    hint: install wl-clipboard, or use --out
    ");
    assert!(before == env.vault_bytes());
    assert_eq!(env.show(["openai"])["requests"], 0);
}

#[test]
fn a_tool_that_fails_leaves_nothing() {
    if needed("xclip").is_none() {
        return;
    }
    let env = TestEnv::new();
    let failed = env.run_with_env(["create", "deploy", "--copy"], [("DISPLAY", ":4077")]);
    insta::assert_snapshot!(failed, @"
    exit: 1
    ---- stdout
    ---- stderr
    error: the token could not be handed over, and was undone
      caused by: `xclip` failed (exit status: 1)
    hint: what worked before works still
    ");
    assert_eq!(env.names(), [""; 0]);
}

#[test]
fn what_clears_later_keeps_nothing_of_ours_or_of_the_caller_s() {
    let (env, Some(display)) = (TestEnv::new(), Display::x11()) else {
        return;
    };
    let Some(desk) = Desk::new(&env, &display, &["xclip", "sh", "cat"]) else {
        return;
    };
    // Its caller's pipes: standard error, and one that nobody told keywright of.
    let (kept, writer) = std::io::pipe().expect("a pipe");
    let mut shell = desk.at_display(env.program(desk.path.join("sh")));
    let script = format!(
        "{{ {} create deploy --copy 7>&0; }} 2>&1 | cat",
        env!("CARGO_BIN_EXE_keywright")
    );
    shell.env("KEYWRIGHT_TEST_CLEARED_AFTER", "60");
    shell
        .args(["-c", &script])
        .stdin(writer)
        .stdout(Stdio::piped());
    let begun = Instant::now();
    let output = without_terminal(&mut shell).output().expect("it runs");
    drop(shell);
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(told.contains("on the clipboard (by xclip)"), "{told}");
    let mut ends = [PollFd::new(&kept, PollFlags::IN)];
    let patience = Timespec::try_from(Duration::from_secs(30)).expect("short");
    assert_eq!(
        poll(&mut ends, Some(&patience)),
        Ok(1),
        "a pipe is held open"
    );
    assert!(
        begun.elapsed() < Duration::from_secs(45),
        "a pipe was held open"
    );

    let process = process_with("clear-clipboard 60 xclip").expect("it waits");
    let token = String::from_utf8(desk.paste(&["xclip", "-selection", "clipboard", "-out"]));
    let token = token.expect("UTF-8");
    assert_eq!(env.code(&token), "valid");
    let id = process
        .file_name()
        .expect("a number")
        .to_string_lossy()
        .into_owned();
    let stat = fs::read_to_string(process.join("stat")).expect("readable");
    let session = stat
        .rsplit(')')
        .next()
        .expect("fields")
        .split_whitespace()
        .nth(3);
    assert_eq!(session, Some(id.as_str()), "it leads a session of its own");
    let folder = fs::read_link(process.join("cwd"));
    if let Ok(folder) = folder {
        assert_eq!(folder, Path::new("/"));
        for entry in fs::read_dir(process.join("fd"))
            .expect("readable")
            .flatten()
        {
            let target = fs::read_link(entry.path()).unwrap_or_default();
            assert_eq!(target, Path::new("/dev/null"), "{:?}", entry.file_name());
        }
        let environment = fs::read(process.join("environ")).expect("readable");
        let environment = String::from_utf8_lossy(&environment).into_owned();
        assert!(environment.contains("DISPLAY="));
        assert!(!environment.contains("KEYWRIGHT_") && !environment.contains(&token));
    } else {
        skip("only root can look into a process that is not dumpable");
    }
    let kill = Command::new("kill").arg(&id).status().expect("it runs");
    assert!(kill.success());
}
