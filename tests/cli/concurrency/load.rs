//! What many processes do to one vault at once, and what has to be there afterwards.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::common::{Outcome, TestEnv};

/// How many processes there are at once, and how much each that writes changes.
#[derive(Clone, Copy)]
pub(crate) struct Size {
    pub(crate) writers: usize,
    /// Each by a process of its own.
    pub(crate) changes: usize,
    pub(crate) readers: usize,
}

/// What came of it.
pub(crate) struct Told {
    /// Verifications of the shared token by the readers.
    pub(crate) reads: u64,
    /// The command that took longest, from its start to its end, and so no less than it waited.
    pub(crate) longest: (Duration, String),
}

/// What has to be there in the end, because who changed it was told so.
#[derive(Default)]
struct Acknowledged {
    names: BTreeSet<String>,
    notes: BTreeMap<String, String>,
    values: BTreeMap<String, String>,
    /// What each token is answered.
    codes: BTreeMap<String, &'static str>,
}

/// How a process opens the vault.
#[derive(Clone, Copy)]
enum By {
    Agent,
    Passphrase,
}

impl By {
    /// The one and the other by turns.
    fn turn(at: usize) -> Self {
        if at.is_multiple_of(2) {
            Self::Agent
        } else {
            Self::Passphrase
        }
    }
}

/// Runs commands, none of which may be refused.
struct Storm<'a> {
    env: &'a TestEnv,
    /// Asks whoever answers beside the commands: a token, and what has to be said of it.
    ask: &'a (dyn Fn(&str, &str) + Sync),
    longest: Mutex<(Duration, String)>,
}

impl Storm<'_> {
    fn run(&self, by: By, args: &[&str], stdin: &str) -> Outcome {
        let mut command = self.env.command(args);
        match by {
            By::Agent => command.env_remove("KEYWRIGHT_PASSPHRASE_FILE"),
            // An option comes before the agent.
            By::Passphrase => command.args(["--passphrase-file", "passphrase"]),
        };
        let begun = Instant::now();
        let outcome = self.env.finish(command, stdin);
        let took = (begun.elapsed(), args.join(" "));
        assert!(outcome.success(), "{args:?}: {outcome}");
        assert!(!outcome.stderr().contains("warning"), "{args:?}: {outcome}");
        let mut longest = self.longest.lock().expect("no panic");
        *longest = longest.clone().max(took);
        outcome
    }

    /// Issues keys, rotates, edits, stores values, revokes and deletes, by turns.
    fn write(&self, writer: usize, changes: usize) -> Acknowledged {
        let by = By::turn(writer);
        let mut done = Acknowledged::default();
        let (mut token, mut spare_token) = (String::new(), String::new());
        for change in 0..changes {
            let round = change / 7;
            let [name, spare, value] =
                ["key", "spare", "value"].map(|kind| format!("{kind}-{writer}-{round}"));
            let mut now = Vec::new();
            match change % 7 {
                0 => {
                    token = self.run(by, &["create", &name], "").token();
                    now.push((&token, "valid"));
                    done.names.insert(name);
                }
                1 => {
                    let old = token;
                    token = self.run(by, &["rotate", &name, "--yes"], "").token();
                    (self.ask)(&old, "rotated");
                    done.codes.insert(old, "rotated");
                    now.push((&token, "valid"));
                }
                2 => {
                    let note = format!("written by {writer} in round {round}");
                    self.run(by, &["edit", &name, "--note", &note], "");
                    done.notes.insert(name, note);
                }
                3 => {
                    let content = format!("content of {value}");
                    self.run(by, &["set", &value], &content);
                    done.names.insert(value.clone());
                    done.values.insert(value, content);
                }
                4 => {
                    spare_token = self.run(by, &["create", &spare], "").token();
                    done.names.insert(spare);
                    now.push((&spare_token, "valid"));
                }
                5 => {
                    self.run(by, &["revoke", &spare, "--yes"], "");
                    now.push((&spare_token, "revoked"));
                }
                _ => {
                    self.run(by, &["delete", &spare, "--yes"], "");
                    done.names.remove(&spare);
                    now.push((&spare_token, "unknown"));
                }
            }
            for (token, code) in now {
                (self.ask)(token, code);
                done.codes.insert(token.clone(), code);
            }
        }
        done
    }

    /// Verifies and lists until the writers are done; gives how many verifications were recorded.
    fn read(&self, by: By, token: &str, done: &AtomicBool) -> u64 {
        let mut count = 0;
        while !done.load(Ordering::Relaxed) {
            for (args, stdin) in [(["verify"], token), (["list"], "")] {
                let outcome = self.run(by, &args, stdin);
                assert!(outcome.stderr().is_empty(), "{outcome}");
            }
            count += 1;
        }
        count
    }
}

/// Tells the readers to stop when it is dropped, so that a writer that panics fails the test instead of leaving them to
/// read for ever.
struct Done<'a>(&'a AtomicBool);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Lets all of them loose on a vault, half of them with an agent's key, and looks at all that is there afterwards.
pub(crate) fn storm(
    env: &TestEnv,
    size: Size,
    shared: &str,
    ask: &(dyn Fn(&str, &str) + Sync),
) -> Told {
    env.unlock();
    let before = env.names();
    let storm = Storm {
        env,
        ask,
        longest: Mutex::default(),
    };
    let done = AtomicBool::new(false);
    let (mut all, reads) = thread::scope(|scope| {
        let (storm, done) = (&storm, &done);
        let guard = Done(done);
        let readers: Vec<_> = (0..size.readers)
            .map(|at| scope.spawn(move || storm.read(By::turn(at), shared, done)))
            .collect();
        let writers: Vec<_> = (0..size.writers)
            .map(|writer| scope.spawn(move || storm.write(writer, size.changes)))
            .collect();
        let mut all = Acknowledged::default();
        for writer in writers {
            let one = writer.join().expect("no writer was refused");
            all.names.extend(one.names);
            all.notes.extend(one.notes);
            all.values.extend(one.values);
            all.codes.extend(one.codes);
        }
        drop(guard);
        let reads = readers.into_iter().map(|reader| {
            let count = reader.join().expect("no reader was refused");
            assert!(count > 0, "a reader that read nothing");
            count
        });
        (all, reads.sum::<u64>())
    });
    all.names.extend(before);
    all.check(env);
    Told {
        reads,
        longest: storm.longest.into_inner().expect("no panic"),
    }
}

impl Acknowledged {
    /// All of it is there, and nothing else; and nothing is wrong with the vault.
    fn check(&self, env: &TestEnv) {
        let listed = env.run(["list", "--json"]);
        assert_eq!(listed.names(), Vec::from_iter(self.names.iter().cloned()));
        for key in listed.json()["keys"].as_array().expect("a list of keys") {
            let name = key["name"].as_str().expect("a name");
            let note = self.notes.get(name).map(String::as_str);
            assert_eq!(key["note"].as_str(), note, "{name}");
        }
        for (name, value) in &self.values {
            let got = env.run(["get", name]);
            assert_eq!(got.stdout(), value.as_bytes(), "{name}: {got}");
        }
        let tokens: Vec<&str> = self.codes.keys().map(String::as_str).collect();
        let batch = ["verify", "--batch", "--no-record"];
        let answers = env.run_with_stdin(batch, tokens.join("\n"));
        assert!(answers.success(), "{answers}");
        let answers = answers.stdout_text();
        let codes = answers.lines().map(|line| {
            let answer: Value = serde_json::from_str(line).expect("a JSON object a line");
            answer["code"].as_str().expect("a code").to_owned()
        });
        assert!(codes.eq(self.codes.values().map(|code| (*code).to_owned())));
        let only_ours = Permissions::from_mode(0o600);
        fs::set_permissions(env.path("passphrase"), only_ours).expect("changed");
        let checked = env.run(["doctor", "--deep"]);
        assert!(!checked.stdout_text().contains("problem:"), "{checked}");
    }
}
