//! The real sh, bash, zsh and fish: a program that the shell starts prints its environment.

use std::collections::BTreeMap;

use crate::env_values::{assert_carried, clean, environment, output, pairs, written};

/// Evaluates standard input as a profile would, and starts a program.
pub(crate) const EVAL: &str = "eval \"$(cat)\"; exec /usr/bin/env -0";

pub(crate) const SOURCE: &[&str] = &["--no-config", "-c", "source; exec /usr/bin/env -0"];

const SHELLS: &[(&str, &[&str])] = &[
    ("dash", &["-c", EVAL]),
    ("dash", &["-eu", "-c", EVAL]),
    ("bash", &["-c", EVAL]),
    ("bash", &["-eu", "-o", "pipefail", "-c", EVAL]),
    ("bash", &["--posix", "-c", EVAL]),
    ("bash", &["-H", "-x", "-c", EVAL]),
    ("zsh", &["-f", "-c", EVAL]),
    ("zsh", &["-f", "-eu", "-c", EVAL]),
    (
        "zsh",
        &[
            "-f",
            "-o",
            "rcquotes",
            "-o",
            "extendedglob",
            "-o",
            "shwordsplit",
            "-c",
            EVAL,
        ],
    ),
    (
        "zsh",
        &[
            "-f",
            "-o",
            "globassign",
            "-o",
            "magicequalsubst",
            "-o",
            "kshtypeset",
            "-c",
            EVAL,
        ],
    ),
    ("zsh", &["--emulate", "sh", "-c", EVAL]),
    ("zsh", &["--emulate", "ksh", "-c", EVAL]),
];

#[test]
fn sh_bash_and_zsh_have_the_same_bytes() {
    let written = written("shell", &pairs());
    assert!(written.refused.is_empty(), "{:?}", written.refused);
    for (shell, args) in SHELLS {
        for locale in ["C", "C.UTF-8"] {
            if let Some(found) = ask(shell, args, locale, &written.text) {
                let who = format!("{shell} {args:?} {locale}");
                assert_carried(&who, &written.carried, &found);
            }
        }
    }
}

#[test]
fn fish_has_the_same_bytes() {
    let written = written("fish", &pairs());
    assert!(written.refused.is_empty(), "{:?}", written.refused);
    for locale in ["C", "C.UTF-8"] {
        if let Some(found) = ask("fish", SOURCE, locale, &written.text) {
            assert_carried(&format!("fish {locale}"), &written.carried, &found);
        }
    }
}

/// The twin: a value that is not quoted does run.
#[test]
#[should_panic(expected = "was executed")]
fn what_is_executed_is_noticed() {
    let found = ask("sh", &["-c", EVAL], "C", b"export A=$(touch pwned)\n");
    assert!(found.is_some());
}

/// The environment of a program that a shell starts after it was given the text; `None` without that shell.
#[track_caller]
pub(crate) fn ask(
    shell: &str,
    args: &[&str],
    locale: &str,
    text: &[u8],
) -> Option<BTreeMap<String, Vec<u8>>> {
    let folder = tempfile::TempDir::new().expect("a folder");
    let mut command = clean(shell, args)?;
    command
        .env("HOME", folder.path())
        .env("LC_ALL", locale)
        .current_dir(folder.path());
    let found = environment(&output(&mut command, text));
    let executed = folder.path().join("pwned").exists();
    assert!(!executed, "{shell} {args:?}: a value was executed");
    Some(found)
}
