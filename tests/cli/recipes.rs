//! The README's recipes, cut out of it and run as they are written. Here: a web app, a Makefile, containers.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;
use std::{fs, io};

use rustix::process::{Pid, Signal, kill_process};
use sha2::{Digest, Sha256};

use crate::common::{TestEnv, needed};
use crate::env_models::docker;
use crate::terminal::Terminal;

const README: &str = include_str!("../../README.md");

/// What is between a mark's fence and its end.
#[track_caller]
pub(crate) fn recipe(name: &str) -> &'static str {
    let mark = format!("<!-- recipe: {name} -->\n```");
    let (_, rest) = README.split_once(&mark).expect("the README has the recipe");
    let (_language, rest) = rest.split_once('\n').expect("a fence");
    let end = rest.find("\n```\n").expect("the fence ends");
    &rest[..=end]
}

/// Puts in what a reader has to fill in.
#[track_caller]
pub(crate) fn filled(text: &str, written: &str, own: &str) -> String {
    assert!(text.contains(written), "{written:?} is not in: {text}");
    text.replace(written, own)
}

/// Puts keywright into a folder of the `PATH` that [`program`] has.
pub(crate) fn install(env: &TestEnv) {
    fs::create_dir_all(env.path("bin")).expect("made");
    symlink(env!("CARGO_BIN_EXE_keywright"), env.path("bin/keywright")).expect("linked");
}

/// A script that can be executed.
pub(crate) fn script(env: &TestEnv, below: &str, text: &str) {
    let path = env.write(below, format!("#!/bin/sh\n{text}"));
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("changed");
}

/// A program that finds keywright, and nothing of the tests' that would open the vault.
pub(crate) fn program(env: &TestEnv, program: &Path) -> Command {
    let mut command = env.program(program);
    let path = format!("{}:/usr/local/bin:/usr/bin:/bin", env.path("bin").display());
    command
        .env("PATH", path)
        .env_remove("KEYWRIGHT_NO_INPUT")
        .env_remove("KEYWRIGHT_PASSPHRASE_FILE");
    command
}

/// What the README has the owner of a vault make for a server: `keywright.vault` and `access-token` in the home.
#[track_caller]
pub(crate) fn files_of_server(env: &TestEnv) {
    if !env.path("bin").exists() {
        install(env);
    }
    run_lines(env, recipe("server"));
}

/// Lines of the owner's, in the home; each has to succeed.
#[track_caller]
pub(crate) fn run_lines(env: &TestEnv, lines: &str) {
    let mut command = program(env, Path::new("sh"));
    command
        .args(["-e", "-c", lines])
        .env("KEYWRIGHT_PASSPHRASE_FILE", env.path("passphrase"));
    let outcome = env.finish(command, "");
    assert!(outcome.success(), "{lines}: {outcome}");
}

#[test]
fn each_is_run() {
    let marks = README.split("<!-- recipe: ").skip(1);
    let names: Vec<&str> = marks
        .filter_map(|rest| Some(rest.split_once(" -->\n")?.0))
        .collect();
    assert_eq!(
        names,
        [
            "web",
            "github-actions-slice",
            "github-actions",
            "github-actions-refresh",
            "server",
            "systemd-files",
            "systemd",
            "container-service",
            "cron",
            "makefile",
            "profile",
            "profile-fish",
            "profile-start",
            "containers",
            "guard",
            "guard-nginx",
            "guard-caddy",
            "guard-curl"
        ]
    );
}

const SERVER: &str = "
const { createHash } = require('node:crypto');
const digest = createHash('sha256').update(process.env.OPENAI_API_KEY).digest('hex');
const server = require('node:http').createServer((_, response) => response.end(digest));
server.listen(0, '127.0.0.1', () => console.log(`port ${server.address().port} process ${process.pid} listens`));
process.on('SIGTERM', () => process.exit(7));
";

#[test]
fn a_web_app_in_development() {
    let (Some(bash), Some(_)) = (needed("bash"), needed("node")) else {
        return;
    };
    let env = TestEnv::new();
    install(&env);
    env.write("server.js", SERVER);
    let script = env.write("recipe", recipe("web"));
    let mut command = program(&env, &bash);
    command
        .args(["-e".as_ref(), script.as_os_str()])
        .env("TERM", "xterm")
        .env("KEYWRIGHT_PASSPHRASE_FILE", env.path("passphrase"));
    let mut terminal = Terminal::spawn(command);
    terminal.expect("Value: ");
    terminal.send("sk-canary-web\n");
    terminal.expect(" listens");
    let screen = env.screen(&terminal.screen());
    let line = screen.lines().find(|line| line.ends_with(" listens"));
    let words: Vec<i32> = line
        .expect("a line of the server's")
        .split(' ')
        .filter_map(|word| word.parse().ok())
        .collect();
    let [port, process] = words[..] else {
        panic!("{screen}");
    };
    let digest = Sha256::digest("sk-canary-web");
    let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    let answer = answer_of(port).expect("the server answers");
    assert!(answer.ends_with(&digest), "{answer}");
    // To node, which has a handler for it.
    kill_process(Pid::from_raw(process).expect("a process"), Signal::TERM).expect("running");
    let (status, _) = terminal.wait();
    assert_eq!(status.code(), Some(7));
    assert!(!screen.contains("canary"), "{screen}");
    let check = screen
        .lines()
        .find(|line| line.starts_with("OPENAI_API_KEY"));
    let check: Vec<&str> = check
        .expect("a line of check's")
        .split_whitespace()
        .collect();
    assert_eq!(check, ["OPENAI_API_KEY", "openai", "ready", "never", "yes"]);
}

fn answer_of(port: i32) -> io::Result<String> {
    let mut stream = TcpStream::connect(format!("127.0.0.1:{port}"))?;
    stream.write_all(b"GET / HTTP/1.0\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

#[test]
fn a_makefile() {
    let (Some(make), Some(_)) = (needed("make"), needed("node")) else {
        return;
    };
    let env = TestEnv::new();
    install(&env);
    env.write("Makefile", recipe("makefile"));
    env.write(
        "server.js",
        "console.log('serves with', process.env.OPENAI_API_KEY)\n",
    );
    env.write(
        "test.js",
        "console.log('tests', process.env.DATABASE_URL)\n",
    );
    env.set(["openai"], "sk-canary");
    env.set(
        ["postgres", "--var", "DB_PASSWORD", "-e", "staging"],
        "it's $5",
    );
    let target = |target: &str, unlocked: bool| {
        let mut command = program(&env, &make);
        command.arg(target).env("LC_ALL", "C");
        if unlocked {
            command.env("KEYWRIGHT_PASSPHRASE_FILE", env.path("passphrase"));
        }
        env.finish(command, "")
    };
    // The target that needs no keys does not miss the passphrase; another ends before its program starts.
    insta::assert_snapshot!(target("build", false), @"
    exit: 0
    ---- stdout
    node --check server.js
    ---- stderr
    ");
    insta::assert_snapshot!(target("run", false), @"
    exit: 2
    ---- stdout
    keywright run -- node server.js
    ---- stderr
    error: the passphrase is needed, and nobody can be asked for it
    hint: give it with --passphrase-file, --passphrase-fd, KEYWRIGHT_PASSPHRASE_FILE, KEYWRIGHT_PASSPHRASE or KEYWRIGHT_PASSPHRASE_COMMAND
    make: *** [Makefile:7: run] Error 125
    ");
    insta::assert_snapshot!(target("run", true), @"
    exit: 0
    ---- stdout
    keywright run -- node server.js
    serves with sk-canary
    ---- stderr
    ");
    insta::assert_snapshot!(target("test", true), @r#"
    exit: 0
    ---- stdout
    keywright run -e staging -c 'DATABASE_URL="postgres://app:$DB_PASSWORD@localhost/shop" node test.js'
    tests postgres://app:it's $5@localhost/shop
    ---- stderr
    "#);
}

/// There is no docker here: a stand-in has the variable that is passed on by name, and keeps the file, which a model of
/// docker's reader reads. node is real.
#[test]
fn containers() {
    let (Some(bash), Some(_)) = (needed("bash"), needed("node")) else {
        return;
    };
    let value = "sk-canary \"a\" #b";
    let env = TestEnv::new();
    install(&env);
    env.set(["openai"], value);
    let stand_in = "while [ $# -gt 0 ]; do
    case $1 in
        -e) printf 'by name: '; printenv \"$2\"; shift ;;
        --env-file) cat \"$2\" > env-file; shift ;;
    esac
    shift
done
";
    script(&env, "bin/docker", stand_in);
    env.write(
        "server.js",
        "console.log('node:', process.env.OPENAI_API_KEY)\n",
    );
    let script = env.write("recipe", recipe("containers"));
    let mut command = program(&env, &bash);
    command
        .args(["-e".as_ref(), script.as_os_str()])
        .env("KEYWRIGHT_PASSPHRASE_FILE", env.path("passphrase"));
    let outcome = env.finish(command, "");
    assert!(
        outcome.success() && outcome.stderr().is_empty(),
        "{outcome}"
    );
    assert_eq!(
        outcome.stdout_text(),
        format!("by name: {value}\nnode: {value}\n")
    );
    let file = fs::read(env.path("env-file")).expect("kept");
    let found = docker(&file).expect("docker reads it");
    assert_eq!(found["OPENAI_API_KEY"], value.as_bytes());
}
