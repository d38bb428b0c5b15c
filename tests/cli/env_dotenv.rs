//! The real python-dotenv, node's `--env-file`, and shells that source the file.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::Command;

use crate::common::skip;
use crate::env_values::{Pair, assert_carried, clean, environment, pairs, written};

const READERS: &[&str] = &["python3", "node", "dash", "bash"];

const PYTHON: &str = "import sys, os, dotenv
dotenv.load_dotenv('dotenv')
out = sys.stdout.buffer
for name, value in os.environb.items(): out.write(name + b'=' + value + b'\\0')
values = dotenv.dotenv_values('dotenv')
assert all(os.environ[name] == value for name, value in values.items())";

const NODE: &str = "for (const [name, value] of Object.entries(process.env)) process.stdout.write(name + '=' + value + '\\0')";

#[test]
fn all_readers_have_the_same_bytes() {
    let written = written("dotenv", &pairs());
    assert!(written.carried.len() > 200, "{}", written.carried.len());
    for who in READERS {
        let Some(mut reader) = reader(who) else {
            continue;
        };
        let (found, executed) = read(&mut reader, &written.text);
        assert!(!executed, "{who}: a value was executed");
        assert_carried(who, &written.carried, &found.expect("it reads the file"));
    }
}

/// Every rule is needed: some reader has another value without it.
#[test]
fn what_is_refused_would_be_changed() {
    let written = written("dotenv", &pairs());
    let reasons: BTreeSet<&String> = written.refused.values().collect();
    assert_eq!(reasons.len(), 5, "{reasons:?}");
    let mut readers: Vec<Command> = READERS.iter().filter_map(|who| reader(who)).collect();
    for reason in reasons {
        let refused: Vec<Pair> = pairs()
            .into_iter()
            .filter(|(name, value)| written.refused.get(name) == Some(reason) && value.len() < 100)
            .collect();
        let text: Vec<u8> = refused.iter().flat_map(line).collect();
        let changed = readers.iter_mut().any(|reader| {
            let found = read(reader, &text).0.unwrap_or_default();
            refused
                .iter()
                .any(|(name, value)| found.get(name) != Some(value))
        });
        assert!(changed || readers.is_empty(), "{reason}");
    }
}

#[test]
fn names_of_the_shell_are_refused() {
    let names = ["UID", "SECONDS", "OTHER"];
    let pairs: Vec<Pair> = names
        .map(|name| (name.to_owned(), b"x[$(id)]".to_vec()))
        .into();
    let written = written("dotenv", &pairs);
    assert_eq!(written.text, b"OTHER='x[$(id)]'\n");
}

/// As the format would write it, if it did.
fn line((name, value): &Pair) -> Vec<u8> {
    let quote: &[u8] = if value.contains(&b'\'') { b"\"" } else { b"'" };
    [name.as_bytes(), b"=", quote, value, quote, b"\n"].concat()
}

/// A program that reads the file `dotenv` and prints its variables.
fn reader(who: &str) -> Option<Command> {
    match who {
        "python3" => {
            let mut python = clean(who, &["-c", PYTHON])?;
            python.env("LC_ALL", "C.UTF-8");
            let here = clean(who, &["-c", "import dotenv"])?.status();
            if here.is_ok_and(|status| status.success()) {
                return Some(python);
            }
            skip("python-dotenv is not installed");
            None
        }
        "node" => {
            let knows = clean(who, &["--env-file=/dev/null", "-e", ""])?.status();
            if knows.is_ok_and(|status| status.success()) {
                return clean(who, &["--env-file=dotenv", "-e", NODE]);
            }
            skip("node is older than 20.6");
            None
        }
        shell => clean(shell, &["-c", "set -a; . ./dotenv; exec /usr/bin/env -0"]),
    }
}

/// What it found, if it read the file at all, and whether a value was executed.
fn read(reader: &mut Command, text: &[u8]) -> (Option<BTreeMap<String, Vec<u8>>>, bool) {
    let folder = tempfile::TempDir::new().expect("a folder");
    fs::write(folder.path().join("dotenv"), text).expect("written");
    let found = reader.current_dir(folder.path()).output().expect("it runs");
    let environment = found.status.success().then(|| environment(&found.stdout));
    (environment, folder.path().join("pwned").exists())
}
