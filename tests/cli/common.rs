//! A home of its own for every test, and what a command came to as one text.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fmt::{self, Write as _};
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Output};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use crate::mask::Mask;
use crate::terminal::without_terminal;

/// Opens the vaults of the tests.
pub(crate) const PASSPHRASE: &str = "correct horse battery staple";

/// No command of a test takes this long unless it hangs.
const DEADLINE: Duration = Duration::from_secs(60);

/// A home directory: nothing of the developer's machine leaks in, nothing leaks out.
pub(crate) struct TestEnv {
    home: TempDir,
}

impl TestEnv {
    /// With a vault, and the passphrase in a file.
    pub(crate) fn new() -> Self {
        let env = Self::empty();
        let made = env.run(["init", "--kdf", "test"]);
        assert!(made.success(), "{made}");
        env
    }

    /// The same without a vault.
    pub(crate) fn empty() -> Self {
        let home = TempDir::new().expect("a temporary folder");
        fs::write(
            home.path().join("passphrase"),
            format!("{PASSPHRASE}\nsecond line\n"),
        )
        .expect("written");
        Self { home }
    }

    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    /// A path below the home directory.
    pub(crate) fn path(&self, below: &str) -> PathBuf {
        self.home().join(below)
    }

    /// Writes a file below the home directory, and its folders.
    pub(crate) fn write(&self, below: &str, contents: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(below);
        fs::create_dir_all(path.parent().expect("below the home")).expect("made");
        fs::write(&path, contents).expect("written");
        path
    }

    pub(crate) fn vault(&self) -> PathBuf {
        self.path(".config/keywright/vault.db")
    }

    pub(crate) fn vault_bytes(&self) -> Vec<u8> {
        fs::read(self.vault()).unwrap_or_default()
    }

    /// The file that uses are recorded in; the vault has to exist.
    pub(crate) fn activity(&self) -> PathBuf {
        let id = self.run(["status", "--json"]).json()["vault_id"].clone();
        let id = id.as_str().expect("there is a vault");
        self.path(&format!(".local/state/keywright/{id}/activity.db"))
    }

    /// Every file below the home directory.
    pub(crate) fn files(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut files = BTreeMap::new();
        let mut folders = vec![self.home().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).expect("readable") {
                let path = entry.expect("readable").path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    files.insert(path.clone(), fs::read(&path).expect("readable"));
                }
            }
        }
        files
    }

    /// The program in this home, with nothing else in its environment.
    pub(crate) fn command(&self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Command {
        let mut command = self.program(env!("CARGO_BIN_EXE_keywright"));
        command.args(args);
        command
    }

    /// Another program with the same environment: a shell around keywright, for one.
    pub(crate) fn program(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("HOME", self.home())
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("USER", "tester")
            .env("COLUMNS", "100")
            .env("TZ", "UTC")
            .env("KEYWRIGHT_NO_INPUT", "1")
            .env("KEYWRIGHT_PASSPHRASE_FILE", self.path("passphrase"))
            .current_dir(self.home());
        command
    }

    /// The program as a person at a terminal runs it: it may ask, and nothing answers for them.
    pub(crate) fn asking(&self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Command {
        let mut command = self.command(args);
        command
            .env_remove("COLUMNS")
            .env_remove("KEYWRIGHT_NO_INPUT")
            .env_remove("KEYWRIGHT_PASSPHRASE_FILE")
            // What is typed starts no agent, but in the tests of that.
            .env("CI", "true")
            .env("TERM", "xterm");
        command
    }

    /// The same, but the passphrase is in a file: only other questions are asked.
    pub(crate) fn unlocked(&self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Command {
        let mut command = self.asking(args);
        command.env("KEYWRIGHT_PASSPHRASE_FILE", self.path("passphrase"));
        command
    }

    /// The words that are left on a terminal in the end: erased lines are gone, escape sequences too, and what varies
    /// is masked.
    pub(crate) fn screen(&self, screen: &str) -> String {
        let mut words = String::new();
        for (at, part) in screen.split('\u{1b}').enumerate() {
            if part.starts_with("[2K") {
                words.truncate(words.rfind('\n').map_or(0, |end| end + 1));
            }
            let end = part.find(|c: char| c.is_ascii_alphabetic());
            let end = end.map_or(0, |end| end + 1);
            words.push_str(if at == 0 { part } else { &part[end..] });
        }
        Mask::new(self.home()).apply(&words.replace("\r\n", "\n"))
    }

    /// Runs it with nothing on standard input.
    #[must_use = "snapshot the output or assert the exit status"]
    pub(crate) fn run(&self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Outcome {
        self.finish(self.command(args), "")
    }

    #[must_use = "snapshot the output or assert the exit status"]
    pub(crate) fn run_with_stdin(
        &self,
        args: impl IntoIterator<Item = impl AsRef<OsStr>>,
        stdin: impl AsRef<[u8]>,
    ) -> Outcome {
        self.finish(self.command(args), stdin)
    }

    /// Runs it with other variables; an empty one is as good as none.
    #[must_use = "snapshot the output or assert the exit status"]
    pub(crate) fn run_with_env<'a>(
        &self,
        args: impl IntoIterator<Item = impl AsRef<OsStr>>,
        variables: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Outcome {
        let mut command = self.command(args);
        command.envs(variables);
        self.finish(command, "")
    }

    /// Runs a command to its end, away from the terminal that the tests were started at.
    #[must_use = "snapshot the output or assert the exit status"]
    pub(crate) fn finish(&self, mut command: Command, stdin: impl AsRef<[u8]>) -> Outcome {
        without_terminal(&mut command);
        let output = assert_cmd::Command::from_std(command)
            .timeout(DEADLINE)
            .write_stdin(stdin.as_ref())
            .output()
            .expect("the program runs");
        self.outcome(output)
    }

    pub(crate) fn outcome(&self, output: Output) -> Outcome {
        Outcome {
            output,
            mask: Mask::new(self.home()),
        }
    }

    /// An issued key; gives its token.
    #[track_caller]
    pub(crate) fn create<'a>(&self, args: impl IntoIterator<Item = &'a str>) -> String {
        self.run(["create"].into_iter().chain(args)).token()
    }

    /// A provider key.
    #[track_caller]
    pub(crate) fn set<'a>(&self, args: impl IntoIterator<Item = &'a str>, value: &str) {
        let args = ["set"].into_iter().chain(args);
        let outcome = self.run_with_stdin(args, value);
        assert!(outcome.success(), "{outcome}");
    }

    /// A key as `show --json` tells it.
    #[track_caller]
    pub(crate) fn show<'a>(&self, args: impl IntoIterator<Item = &'a str>) -> Value {
        let shown = self.run(["show", "--json"].into_iter().chain(args));
        assert!(shown.success(), "{shown}");
        shown.json()["key"].clone()
    }

    /// What `verify --json` says of a token, without recording it.
    #[track_caller]
    pub(crate) fn code(&self, token: &str) -> String {
        let answer = self.run_with_stdin(["verify", "--json", "--no-record"], token);
        answer.json()["code"].as_str().expect("a code").to_owned()
    }

    /// Names of all keys, sorted.
    #[track_caller]
    pub(crate) fn names(&self) -> Vec<String> {
        let listed = self.run(["list", "--json"]);
        assert!(listed.success(), "{listed}");
        listed.names()
    }

    /// Runs command lines as a shell would split them, one after the other.
    #[track_caller]
    pub(crate) fn session(&self, lines: &[&str]) -> Transcript {
        let mut transcript = Transcript::default();
        for line in lines {
            let words = words(line);
            transcript.add(
                &words.iter().map(String::as_str).collect::<Vec<_>>(),
                &self.run(&words),
            );
        }
        transcript
    }

    /// Command lines that are all refused.
    #[track_caller]
    pub(crate) fn refused_lines(&self, lines: &[&str]) -> Transcript {
        let commands: Vec<Vec<String>> = lines.iter().map(|line| words(line)).collect();
        let commands: Vec<Vec<&str>> = commands
            .iter()
            .map(|words| words.iter().map(String::as_str).collect())
            .collect();
        self.refusals(commands.iter().map(Vec::as_slice))
    }

    /// Commands that are all refused: each answers nothing and leaves the vault as it was. Gives a transcript.
    #[track_caller]
    pub(crate) fn refusals<'a>(
        &self,
        commands: impl IntoIterator<Item = &'a [&'a str]>,
    ) -> Transcript {
        let mut transcript = Transcript::default();
        for args in commands {
            let before = self.vault_bytes();
            let outcome = self.run_with_stdin(args, "value of a provider\n");
            transcript.refused(args, &outcome);
            assert!(before == self.vault_bytes(), "{args:?} changed the vault");
        }
        transcript
    }
}

/// No agent outlives its test.
impl Drop for TestEnv {
    fn drop(&mut self) {
        crate::agents::stop_all(self.home());
    }
}

/// What a command came to.
pub(crate) struct Outcome {
    output: Output,
    mask: Mask,
}

impl Outcome {
    pub(crate) fn status(&self) -> ExitStatus {
        self.output.status
    }

    pub(crate) fn code(&self) -> Option<i32> {
        self.output.status.code()
    }

    pub(crate) fn success(&self) -> bool {
        self.output.status.success()
    }

    pub(crate) fn stdout(&self) -> &[u8] {
        &self.output.stdout
    }

    pub(crate) fn stdout_text(&self) -> String {
        String::from_utf8(self.output.stdout.clone()).expect("UTF-8")
    }

    pub(crate) fn stderr(&self) -> String {
        String::from_utf8(self.output.stderr.clone()).expect("UTF-8")
    }

    /// Standard error with what varies taken out.
    pub(crate) fn masked_stderr(&self) -> String {
        self.mask.apply(&self.stderr())
    }

    /// The one line that a command which reveals a token puts on standard output.
    #[track_caller]
    pub(crate) fn token(&self) -> String {
        assert!(self.success(), "{self}");
        let text = self.stdout_text();
        let token = text.strip_suffix('\n').expect("the line ends");
        assert!(
            !token.contains(char::is_whitespace) && token.len() > 50,
            "{self}"
        );
        token.to_owned()
    }

    /// Standard output as one JSON document.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.output.stdout)
            .unwrap_or_else(|err| panic!("no JSON on standard output ({err}): {self}"))
    }

    /// Standard error as one JSON document.
    #[track_caller]
    pub(crate) fn error_json(&self) -> Value {
        serde_json::from_slice(&self.output.stderr)
            .unwrap_or_else(|err| panic!("no JSON on standard error ({err}): {self}"))
    }

    /// Names in a list of keys, sorted.
    #[track_caller]
    pub(crate) fn names(&self) -> Vec<String> {
        let document = self.json();
        let keys = document["keys"].as_array().expect("a list of keys");
        let name = |key: &Value| key["name"].as_str().expect("a name").to_owned();
        let mut names: Vec<String> = keys.iter().map(name).collect();
        names.sort();
        names
    }
}

/// Exit status, standard output and standard error in one text; JSON over several lines, what varies masked.
impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.code(), self.status().signal()) {
            (Some(code), _) => writeln!(f, "exit: {code}")?,
            (None, signal) => writeln!(f, "signal: {}", signal.unwrap_or(0))?,
        }
        let readable = |bytes: &[u8]| {
            let text = String::from_utf8_lossy(bytes);
            let document = serde_json::from_str::<Value>(&text).ok();
            let document = document.filter(Value::is_object);
            let pretty = document.map(|document| format!("{document:#}\n"));
            self.mask
                .apply(&pretty.unwrap_or_else(|| text.into_owned()))
        };
        let stdout = readable(&self.output.stdout);
        let gap = if stdout.is_empty() || stdout.ends_with('\n') {
            ""
        } else {
            "[no line end]\n"
        };
        write!(f, "---- stdout\n{stdout}{gap}---- stderr\n")?;
        f.write_str(&readable(&self.output.stderr))
    }
}

/// Several commands, as they would look in a terminal.
#[derive(Default)]
pub(crate) struct Transcript(String);

impl Transcript {
    /// A command that answered nothing, and why.
    #[track_caller]
    pub(crate) fn refused(&mut self, args: &[&str], outcome: &Outcome) {
        assert!(!outcome.success(), "{args:?}: {outcome}");
        assert!(outcome.stdout().is_empty(), "{args:?}: {outcome}");
        self.add(args, outcome);
    }

    /// A command, what it said on both streams, and its exit code.
    pub(crate) fn add(&mut self, args: &[&str], outcome: &Outcome) {
        let words: Vec<String> = args.iter().map(|word| quoted(word)).collect();
        let said = format!("{}{}", outcome.stdout_text(), outcome.stderr());
        let said = outcome.mask.apply(&said);
        let code = outcome.code().map_or(-1, i32::from);
        let _ = writeln!(
            self.0,
            "$ keywright {}\n{}[exit {code}]",
            words.join(" "),
            said
        );
    }
}

impl fmt::Display for Transcript {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

pub(crate) fn words(line: &str) -> Vec<String> {
    shlex::split(line).expect("a test closes its quotes")
}

fn quoted(word: &str) -> String {
    let word = if word.chars().count() > 100 {
        format!("{}…", word.chars().take(8).collect::<String>())
    } else {
        word.to_owned()
    };
    if word.is_empty() || word.contains(|c: char| c.is_whitespace() || c.is_control()) {
        format!("{word:?}")
    } else {
        word
    }
}

/// A program that a test cannot do without; `None`, with a word about it, when it is missing.
///
/// With `KEYWRIGHT_TEST_ALL=1` a missing program is a failure.
#[track_caller]
pub(crate) fn needed(program: &str) -> Option<PathBuf> {
    let folders = ["/usr/local/bin", "/usr/bin", "/bin", "/usr/sbin", "/sbin"];
    let found = folders
        .iter()
        .map(|folder| Path::new(folder).join(program))
        .find(|path| path.exists());
    if found.is_none() {
        skip(&format!("{program} is not installed"));
    }
    found
}

/// Says why a test tests nothing here.
#[track_caller]
pub(crate) fn skip(why: &str) {
    let all = std::env::var("KEYWRIGHT_TEST_ALL").is_ok_and(|all| all == "1");
    assert!(!all, "{why}, and KEYWRIGHT_TEST_ALL is 1");
    tell(why);
}

/// Says it where nothing can be done about it.
#[expect(
    clippy::print_stderr,
    reason = "the only way to tell of a skipped test"
)]
pub(crate) fn tell(why: &str) {
    eprintln!("skipped: {why}");
}

/// Help as somebody sees it at 100 columns; spaces at line ends are nobody's.
#[track_caller]
pub(crate) fn help(args: &[&str]) -> String {
    let env = TestEnv::empty();
    let outcome = env.run(args);
    assert!(
        outcome.success() && outcome.stderr().is_empty(),
        "{outcome}"
    );
    let text = outcome.stdout_text();
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    for line in &lines {
        assert!(line.chars().count() <= 100, "{line}");
    }
    lines.join("\n")
}
