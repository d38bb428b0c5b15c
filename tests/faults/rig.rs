//! The binary in a home of its own, strace around it, and the reasons why a test cannot run here.

use std::ffi::OsString;
use std::fs::{self, DirBuilder, File};
use std::io::{Read, Write};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use crate::power::disk::Tree;
use crate::power::trace::{self, Step};

pub(crate) const PASSPHRASE: &str = "correct horse battery staple";
/// What a change of the passphrase changes it to.
pub(crate) const NEW_PASSPHRASE: &str = "seven maples guard quiet lanterns";

/// No command takes a second; this much is given to a machine that is busy with other things.
const DEADLINE: Duration = Duration::from_secs(60);

/// Why strace cannot be used, or nothing.
static NO_STRACE: LazyLock<Option<String>> = LazyLock::new(|| {
    let tried = Command::new("strace")
        .args(["-f", "-qq", "-o", "/dev/null", "true"])
        .stdin(Stdio::null())
        .output();
    match tried {
        Err(err) => Some(format!("strace cannot be started: {err}")),
        Ok(output) if output.status.success() => None,
        Ok(output) => Some(format!(
            "strace may not trace here: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        )),
    }
});

/// Whether the test can run. Says why not; where nothing may be skipped, that is a failure.
pub(crate) fn can_trace() -> bool {
    let Some(reason) = &*NO_STRACE else {
        return true;
    };
    assert!(
        std::env::var_os("KEYWRIGHT_TEST_ALL").is_none_or(|all| all != "1"),
        "nothing may be skipped, but {reason}"
    );
    skip(reason);
    false
}

/// Says on standard error why a test is skipped.
#[expect(clippy::print_stderr, reason = "a skipped test says so")]
pub(crate) fn skip(reason: &str) {
    eprintln!("skipped: {reason}");
}

/// How a process ended.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// `None` when a signal ended it.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Outcome {
    /// Of what has said nothing and not ended.
    pub(crate) fn nothing() -> Self {
        Self {
            code: None,
            stdout: String::new(),
            stderr: String::new(),
        }
    }

    pub(crate) fn is_done(&self) -> bool {
        self.code == Some(0)
    }

    /// The printed token or recovery code, if the whole line came out.
    pub(crate) fn token(&self) -> Option<&str> {
        secret_line(&self.stdout)
    }
}

/// The token or recovery code that a text is, if its whole line is there.
pub(crate) fn secret_line(text: &str) -> Option<&str> {
    let line = text.strip_suffix('\n')?;
    let kinds = ["kwa1_", "kwr1-", "kwt_"];
    let is_whole = kinds.iter().any(|kind| line.starts_with(kind));
    (is_whole && !line.contains('\n')).then_some(line)
}

/// A home folder, and where its passphrase and vault are.
#[derive(Clone, Debug)]
pub(crate) struct Home {
    pub(crate) path: PathBuf,
    pub(crate) passphrase: PathBuf,
    /// Where it is not in the home folder.
    pub(crate) elsewhere: Option<PathBuf>,
}

impl Home {
    /// In `folder`, with the passphrase file beside it, where no fault is aimed at.
    pub(crate) fn new(folder: &Path) -> Self {
        let passphrase = folder.join("passphrase");
        fs::write(&passphrase, format!("{PASSPHRASE}\n")).expect("a passphrase file");
        let path = folder.join("home");
        make_folder(&path);
        Self {
            path,
            passphrase,
            elsewhere: None,
        }
    }

    /// The same home, opened with another passphrase.
    pub(crate) fn with_passphrase(&self, passphrase: &str) -> Self {
        let file = self.passphrase.with_extension("other");
        fs::write(&file, passphrase).expect("a passphrase file");
        Self {
            passphrase: file,
            ..self.clone()
        }
    }

    pub(crate) fn vault(&self) -> PathBuf {
        let own = || self.path.join(".config/keywright/vault.db");
        self.elsewhere.clone().unwrap_or_else(own)
    }

    pub(crate) fn state(&self) -> PathBuf {
        self.path.join(".local/state/keywright")
    }

    /// Runs the binary.
    pub(crate) fn run(&self, args: &[&str], input: &str) -> Outcome {
        let command = self.command(env!("CARGO_BIN_EXE_keywright").as_ref(), &[], args);
        finish(command, input, None)
    }

    /// Runs it with standard output somewhere else.
    pub(crate) fn run_into(&self, stdout: File, args: &[&str], input: &str) -> Outcome {
        let command = self.command(env!("CARGO_BIN_EXE_keywright").as_ref(), &[], args);
        finish(command, input, Some(stdout))
    }

    /// Runs it, and fails the test when it does not succeed.
    pub(crate) fn must(&self, args: &[&str], input: &str) -> Outcome {
        let outcome = self.run(args, input);
        assert!(outcome.is_done(), "{args:?}: {outcome:?}");
        outcome
    }

    /// Runs it under strace with these faults, each as `-e inject=` takes it.
    pub(crate) fn run_with(&self, faults: &[String], args: &[&str], input: &str) -> Outcome {
        let mut before: Vec<OsString> = ["-f", "-qq", "-o", "/dev/null"].map(Into::into).to_vec();
        let names: Vec<&str> = faults
            .iter()
            .filter_map(|fault| fault.split(':').next())
            .collect();
        before.extend(["-e".into(), format!("trace={}", names.join(",")).into()]);
        for fault in faults {
            before.extend(["-e".into(), format!("inject={fault}").into()]);
        }
        before.push(env!("CARGO_BIN_EXE_keywright").into());
        finish(self.command("strace".as_ref(), &before, args), input, None)
    }

    /// The system calls that touch files, in their order, of a run that nothing happens to.
    pub(crate) fn calls(&self, args: &[&str], input: &str) -> Vec<Call> {
        let trace = self.path.with_extension("trace");
        // A question mark for what not every architecture has.
        let names = "write,pwrite64,fsync,fdatasync,ftruncate,openat,?rename,?renameat,renameat2,?unlink,unlinkat,\
                     ?link,linkat,flock,fcntl,?mkdir,mkdirat,?chmod,fchmod,fchmodat,fchown,getrandom";
        let mut before: Vec<OsString> = ["-f", "-qq", "-y", "-s", "16", "-o"]
            .map(Into::into)
            .to_vec();
        before.extend([trace.clone().into(), "-e".into()]);
        before.push(format!("trace={}", names.replace(' ', "")).into());
        before.push(env!("CARGO_BIN_EXE_keywright").into());
        let outcome = finish(self.command("strace".as_ref(), &before, args), input, None);
        assert!(outcome.is_done(), "{args:?} under strace: {outcome:?}");
        Call::list(&fs::read_to_string(trace).expect("a trace"))
    }

    /// All that a run that nothing happens to does to the files of this home, which are those of `base`. Those that it
    /// makes get their places there.
    pub(crate) fn record(
        &self,
        args: &[&str],
        input: &str,
        base: &mut Tree,
    ) -> (Outcome, Vec<Step>) {
        let file = self.path.with_extension("trace");
        let mut before: Vec<OsString> = trace::options(&file).into_iter().map(Into::into).collect();
        before.push(env!("CARGO_BIN_EXE_keywright").into());
        let outcome = finish(self.command("strace".as_ref(), &before, args), input, None);
        let trace = fs::read_to_string(file).expect("a trace");
        let home = self.path.canonicalize().expect("a home");
        (outcome, trace::parse(&trace, &home, base))
    }

    fn command(&self, program: &std::ffi::OsStr, before: &[OsString], args: &[&str]) -> Command {
        let mut command = Command::new(program);
        command
            .args(before)
            .args(args)
            .current_dir(&self.path)
            .env_clear()
            .env("HOME", &self.path)
            .env("KEYWRIGHT_NO_INPUT", "1")
            .env("KEYWRIGHT_PASSPHRASE_FILE", &self.passphrase)
            .envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
        if let Some(vault) = &self.elsewhere {
            command.env("KEYWRIGHT_VAULT", vault);
        }
        command
    }
}

/// One system call of a trace.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) name: String,
    /// Which call of this name it is, from 1 on.
    pub(crate) nth: usize,
    /// As strace writes it, with the paths of descriptors.
    pub(crate) text: String,
}

impl Call {
    /// Of the main thread: strace counts each thread by itself, and the others only compute.
    fn list(trace: &str) -> Vec<Self> {
        let main = trace.split_whitespace().next().unwrap_or_default();
        let mut calls: Vec<Self> = Vec::new();
        for line in trace.lines() {
            let Some(text) = line.strip_prefix(main).map(str::trim_start) else {
                continue;
            };
            let Some((name, _)) = text.split_once('(').filter(|_| !text.starts_with('<')) else {
                continue;
            };
            let nth = calls.iter().filter(|call| call.name == name).count() + 1;
            calls.push(Self {
                name: name.to_owned(),
                nth,
                text: text.to_owned(),
            });
        }
        calls
    }

    /// Whether it touches something in `home`, or hands the answer over.
    pub(crate) fn concerns(&self, home: &Path) -> bool {
        self.text.contains(&*home.to_string_lossy()) || self.is_answer()
    }

    pub(crate) fn is_answer(&self) -> bool {
        self.name == "write" && self.text.starts_with("write(1<")
    }

    /// Whether a file is made, or the descriptor or name of one is changed by it.
    pub(crate) fn changes(&self) -> bool {
        match self.name.as_str() {
            "openat" => self.text.contains("O_CREAT"),
            "getrandom" => false,
            _ => true,
        }
    }
}

fn finish(mut command: Command, input: &str, stdout: Option<File>) -> Outcome {
    let captured = stdout.is_none();
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(stdout.map_or_else(Stdio::piped, Stdio::from))
        .stderr(Stdio::piped())
        // So that a deadline ends strace and what it traces.
        .process_group(0)
        .spawn()
        .expect("the program starts");
    // Closed at once. Who dies before it reads makes this fail, and that is no failure of the test.
    let _ = child
        .stdin
        .take()
        .expect("a pipe")
        .write_all(input.as_bytes());
    let code = wait(&mut child);
    let mut outcome = Outcome {
        code,
        ..Outcome::nothing()
    };
    // All that is ever written fits into a pipe, so it could be left there until now.
    let read = |pipe: Option<&mut dyn Read>, text: &mut String| {
        pipe.expect("a pipe").read_to_string(text).expect("UTF-8");
    };
    if captured {
        let pipe = child.stdout.as_mut();
        read(pipe.map(|pipe| pipe as _), &mut outcome.stdout);
    }
    let pipe = child.stderr.as_mut();
    read(pipe.map(|pipe| pipe as _), &mut outcome.stderr);
    outcome
}

fn wait(child: &mut Child) -> Option<i32> {
    let since = Instant::now();
    loop {
        if let Some(status) = child.try_wait().expect("a child") {
            return status.code();
        }
        if since.elapsed() > DEADLINE {
            let group = Pid::from_child(child);
            let _ = kill_process_group(group, Signal::KILL);
            let _ = child.wait();
            panic!("it did not end within {DEADLINE:?}");
        }
        thread::sleep(Duration::from_millis(1));
    }
}

pub(crate) fn make_folder(path: &Path) {
    DirBuilder::new().mode(0o700).create(path).expect("made");
}

/// Copies a folder with the modes of all that is in it.
pub(crate) fn copy_tree(from: &Path, to: &Path) {
    make_folder(to);
    let mode = fs::metadata(from).expect("a folder").permissions().mode();
    fs::set_permissions(to, fs::Permissions::from_mode(mode)).expect("a mode");
    for entry in fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        let place = to.join(entry.file_name());
        if entry.file_type().expect("a type").is_dir() {
            copy_tree(&entry.path(), &place);
        } else {
            fs::copy(entry.path(), place).expect("copied");
        }
    }
}
