//! `run`: the program takes keywright's place, and nothing of it shows.

use std::fs;
use std::io::Read;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::common::{TestEnv, needed, skip};
use crate::terminal::Terminal;

const VALUE: &str = "sk-canary-0123456789";

fn one() -> TestEnv {
    let env = TestEnv::new();
    env.set(["openai", "--var", "OPENAI_API_KEY"], VALUE);
    env
}

#[test]
fn it_is_the_same_process() {
    let env = one();
    let mut command = env.command(["run", "-c", "echo $$"]);
    let child = command.stdout(Stdio::piped()).spawn().expect("started");
    let id = child.id();
    let output = child.wait_with_output().expect("ended");
    assert_eq!(output.stdout, format!("{id}\n").into_bytes());
}

#[test]
fn bytes_arrive_as_they_were_stored() {
    let env = TestEnv::new();
    let bytes: Vec<u8> = (1..=255).collect();
    let stored = env.run_with_stdin(["set", "all", "--var", "ALL", "--exact"], &bytes);
    assert!(stored.success(), "{stored}");
    let shown = env.run([
        "run",
        "--",
        "sh",
        "-c",
        "tr '\\0' '\\n' < /proc/self/environ | head -c 0; printenv ALL",
    ]);
    assert_eq!(shown.stdout(), [&bytes[..], b"\n"].concat());
}

/// What the kernel says of a program's signals, limits and open files.
#[cfg(target_os = "linux")]
#[test]
fn a_program_finds_the_world_as_it_would_without() {
    let env = one();
    let look = "grep -E '^(Sig|Shd)' /proc/self/status; ulimit -a; ls -l /proc/self/fd | grep -v pipe: | wc -l; umask; \
                pwd; cat /proc/self/cmdline | tr '\\0' ' '";
    let around = |program: &str, args: &[&str]| {
        let mut command = env.program(program);
        command.args(args).args(["sh", "-c", look]);
        let outcome = env.finish(command, "");
        assert!(outcome.success(), "{outcome}");
        outcome.stdout_text()
    };
    let bare = around("env", &[]);
    let run = around(env!("CARGO_BIN_EXE_keywright"), &["run", "--"]);
    assert!(bare.contains("core") && bare.contains("SigIgn"), "{bare}");
    assert_eq!(run, bare);
}

#[cfg(target_os = "linux")]
#[test]
fn a_core_dump_limit_and_ignored_signals_are_passed_on() {
    let env = one();
    let mut command = env.program("sh");
    let line = r#"ulimit -c 4096 || exit 0; trap '' HUP; "$0" run -c 'ulimit -c; grep SigIgn /proc/self/status'"#;
    command.args(["-c", line, env!("CARGO_BIN_EXE_keywright")]);
    let outcome = env.finish(command, "");
    let text = outcome.stdout_text();
    if text.is_empty() {
        return skip("the core dump limit cannot be raised here");
    }
    assert!(
        text.starts_with("4096\n") && text.ends_with("1\n"),
        "{outcome}"
    );
}

#[test]
fn the_descriptor_of_the_passphrase_is_closed() {
    let env = one();
    let line = r#"exec 7< passphrase; exec "$0" run --passphrase-fd 7 -c 'cat <&7 2>/dev/null || echo closed'"#;
    let mut command = env.program("sh");
    command.args(["-c", line, env!("CARGO_BIN_EXE_keywright")]);
    assert_eq!(env.finish(command, "").stdout_text(), "closed\n");
}

/// Nothing but the environment has the value, and that only in the program itself.
#[cfg(target_os = "linux")]
#[test]
fn a_value_is_in_no_argument_and_no_file() {
    let env = one();
    let outcome = env.run(["run", "-c", "cat /proc/$$/cmdline; cat /proc/$$/environ"]);
    let seen = outcome.stdout_text();
    assert_eq!(seen.matches("canary").count(), 1, "{seen}");
    assert!(seen.contains(&format!("OPENAI_API_KEY={VALUE}")));
    for (path, contents) in env.files() {
        let has = contents.windows(6).any(|window| window == b"canary");
        assert!(!has, "{}", path.display());
    }
}

#[test]
fn signals_are_the_programs_own() {
    let env = one();
    for signal in [Signal::TERM, Signal::INT, Signal::KILL] {
        let mut command = env.command(["run", "-c", "echo ready; exec sleep 60"]);
        let mut child = command.stdout(Stdio::piped()).spawn().expect("started");
        wait_for_ready(&mut child);
        kill_process(Pid::from_child(&child), signal).expect("running");
        assert_eq!(child.wait().expect("ended").signal(), Some(signal.as_raw()));
    }
}

#[test]
fn a_program_that_stops_by_itself_is_waited_for() {
    let env = one();
    let line = "trap 'echo bye; exit 3' TERM; echo ready; while :; do sleep 0.05; done";
    let mut command = env.command(["run", "-c", line]);
    let mut child = command.stdout(Stdio::piped()).spawn().expect("started");
    wait_for_ready(&mut child);
    kill_process(Pid::from_child(&child), Signal::TERM).expect("running");
    let output = child.wait_with_output().expect("ended");
    assert_eq!(
        (output.status.code(), &output.stdout[..]),
        (Some(3), &b"bye\n"[..])
    );
}

/// As in a container, where `docker stop` sends TERM to process 1.
#[cfg(target_os = "linux")]
#[test]
fn it_works_as_the_first_process() {
    let env = one();
    let Some(unshare) = needed("unshare") else {
        return;
    };
    let allowed = Command::new(&unshare).args(["-rpf", "true"]).status();
    if !allowed.is_ok_and(|status| status.success()) {
        return skip("no process namespace can be made here");
    }
    let line = "trap 'exit 4' TERM; echo $$; kill -TERM $$; sleep 60";
    let mut command = env.program(unshare);
    command.args([
        "-rpf",
        "--kill-child",
        env!("CARGO_BIN_EXE_keywright"),
        "run",
        "-c",
        line,
    ]);
    let outcome = env.finish(command, "");
    assert_eq!(
        (outcome.code(), outcome.stdout_text().as_str()),
        (Some(4), "1\n"),
        "{outcome}"
    );
}

#[test]
fn a_shell_stops_it_and_goes_on() {
    let env = one();
    let Some(bash) = needed("bash") else { return };
    let mut command = env.program(bash);
    command
        .args(["--norc", "--noprofile", "-i"])
        .env("PS1", "ready> ")
        .env("TERM", "dumb")
        .env("KEYWRIGHT", env!("CARGO_BIN_EXE_keywright"));
    let mut terminal = Terminal::spawn(command);
    let step = |terminal: &mut Terminal, keys: &str, expected: &[&str]| {
        terminal.send(keys);
        expected.iter().for_each(|text| terminal.expect(text));
    };
    terminal.expect("ready> ");
    let program = "$KEYWRIGHT run -- sh -c 'echo run''ning; exec cat'\n";
    step(&mut terminal, program, &["running"]);
    // Once as an echo, and once as the answer of a program that reads the terminal.
    step(&mut terminal, "one\n", &["one", "one"]);
    step(&mut terminal, "\x1a", &["Stopped", "ready> "]);
    step(&mut terminal, "jobs\n", &["Stopped", "ready> "]);
    step(&mut terminal, "fg\n", &["KEYWRIGHT run"]);
    // The shell says so before it gives the terminal away.
    std::thread::sleep(std::time::Duration::from_secs(1));
    step(&mut terminal, "two\n", &["two", "two"]);
    step(&mut terminal, "\x03", &["ready> "]);
    step(&mut terminal, "echo status $?\n", &["status 130"]);
    step(&mut terminal, "exit\n", &["exit"]);
    terminal.wait();
}

#[test]
fn one_runs_in_another() {
    let env = one();
    env.set(
        ["stripe", "--var", "STRIPE_KEY", "-e", "staging"],
        "sk-inner",
    );
    let line =
        r#""$0" run -e staging --passphrase-file passphrase -c 'echo $OPENAI_API_KEY $STRIPE_KEY'"#;
    let outcome = env.run([
        "run",
        "--",
        "sh",
        "-c",
        line,
        env!("CARGO_BIN_EXE_keywright"),
    ]);
    assert_eq!(
        outcome.stdout_text(),
        format!("{VALUE} sk-inner\n"),
        "{outcome}"
    );
}

#[test]
fn more_than_the_system_takes_is_told() {
    let env = TestEnv::new();
    let large = "x".repeat(64 * 1024);
    for number in 0..40 {
        env.set(
            [
                &format!("large-{number}"),
                "--var",
                &format!("LARGE_{number}"),
            ]
            .map(|s: &str| s),
            &large,
        );
    }
    let few = env.run(["run", "--only", "large-1", "-c", "printf %s \"$LARGE_1\""]);
    assert_eq!(few.stdout_text(), large);
    let mut command = env.program("sh");
    // The kernel takes a quarter of the stack's limit.
    command.args([
        "-c",
        "ulimit -s 1024; exec \"$0\" run -- true",
        env!("CARGO_BIN_EXE_keywright"),
    ]);
    insta::assert_snapshot!(env.finish(command, ""), @"
    exit: 126
    ---- stdout
    ---- stderr
    error: cannot execute `true`
      caused by: Argument list too long (os error 7)
    ");
}

#[track_caller]
fn wait_for_ready(child: &mut std::process::Child) {
    let mut line = [0; 6];
    let stdout = child.stdout.as_mut().expect("piped");
    stdout.read_exact(&mut line).expect("it starts");
    assert_eq!(&line, b"ready\n");
}

#[test]
fn a_script_without_an_interpreter_is_told_apart() {
    use std::os::unix::fs::PermissionsExt;
    let env = one();
    for (name, text) in [
        ("plain", "echo plain $OPENAI_API_KEY\n"),
        ("lost", "#!/no/such/interpreter\n"),
    ] {
        let path = env.write(name, text);
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("changed");
    }
    let plain = env.run(["run", "./plain"]);
    assert_eq!(plain.stdout_text(), format!("plain {VALUE}\n"), "{plain}");
    let lost = env.run(["run", "./lost"]);
    insta::assert_snapshot!(lost, @"
    exit: 126
    ---- stdout
    ---- stderr
    error: cannot execute `./lost`: the interpreter or loader that it names is not there
    ");
}

#[test]
fn no_name_is_the_name_of_no_program() {
    let env = one();
    let outcome = env.run(["run", "--", ""]);
    assert_eq!(outcome.code(), Some(127), "{outcome}");
}
