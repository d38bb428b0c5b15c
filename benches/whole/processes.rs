//! Processes, and what they take.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

pub(crate) const PASSPHRASE: &str = "correct horse battery staple";
const ROUNDS: usize = 25;

pub(crate) fn run(home: &Path, args: &[&str], input: &str) -> Duration {
    let mut command = command(home, args, input);
    time(|| assert!(command.status().expect("runs").success(), "{args:?}"))
}

pub(crate) fn command(home: &Path, args: &[&str], input: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_keywright"));
    prepare(&mut command, home, input);
    command.args(args);
    command
}

pub(crate) fn prepare(command: &mut Command, home: &Path, input: &str) {
    let stdin = home.join("input");
    fs::write(&stdin, input).expect("written");
    command
        .env_clear()
        .env("HOME", home)
        .env("KEYWRIGHT_PASSPHRASE", PASSPHRASE)
        .current_dir(home);
    command
        .stdin(fs::File::open(&stdin).expect("readable"))
        .stdout(Stdio::null())
        .stderr(Stdio::null());
}

/// By GNU time, where it is installed.
pub(crate) fn peak_memory(home: &Path, args: &[&str], input: &str) -> String {
    let report = home.join("memory");
    let mut command = Command::new("/usr/bin/time");
    prepare(&mut command, home, input);
    command
        .args(["-f", "%M", "-o"])
        .arg(&report)
        .arg(env!("CARGO_BIN_EXE_keywright"))
        .args(args);
    let measured = command
        .status()
        .ok()
        .and_then(|_| fs::read_to_string(&report).ok());
    let kib = measured.and_then(|text| text.trim().parse::<f64>().ok());
    kib.map_or_else(|| "-".to_owned(), |kib| format!("{:.1} MiB", kib / 1024.0))
}

pub(crate) fn time(body: impl FnOnce()) -> Duration {
    let start = Instant::now();
    body();
    start.elapsed()
}

pub(crate) fn median(mut body: impl FnMut() -> Duration) -> Duration {
    let mut times: Vec<Duration> = (0..ROUNDS).map(|_| body()).collect();
    times.sort();
    times[ROUNDS / 2]
}

pub(crate) fn ms(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1000.0)
}
