//! The real sh, bash, zsh and fish: a program that the shell starts prints its environment.

use super::*;

/// Evaluates standard input as a profile would, and starts a program.
const EVAL: &str = "eval \"$(cat)\"; exec /usr/bin/env -0";

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
    let written = written(Format::Shell, &torture::pairs());
    assert!(written.refused.is_empty(), "{:?}", written.refused);
    for (shell, args) in SHELLS {
        for locale in ["C", "C.UTF-8"] {
            let found = ask(shell, args, locale, &written.text);
            assert_carried(&format!("{shell} {args:?} {locale}"), &written, &found);
        }
    }
}

#[test]
fn fish_has_the_same_bytes() {
    let written = written(Format::Fish, &torture::pairs());
    assert!(written.refused.is_empty(), "{:?}", written.refused);
    for locale in ["C", "C.UTF-8"] {
        let found = ask(
            "fish",
            &["--no-config", "-c", "source; exec /usr/bin/env -0"],
            locale,
            &written.text,
        );
        assert_carried(&format!("fish {locale}"), &written, &found);
    }
}

/// The twin: a value that is not quoted does run.
#[test]
#[should_panic(expected = "was executed")]
fn what_is_executed_is_noticed() {
    ask("bash", &["-c", EVAL], "C", b"export A=$(touch pwned)\n");
}

#[track_caller]
pub(super) fn ask(
    shell: &str,
    args: &[&str],
    locale: &str,
    text: &[u8],
) -> BTreeMap<String, Vec<u8>> {
    let folder = tempfile::TempDir::new().expect("a folder");
    let mut command = clean(shell, args);
    command
        .env("HOME", folder.path())
        .env("LC_ALL", locale)
        .current_dir(folder.path());
    let found = environment(&output(&mut command, text));
    assert!(
        !folder.path().join("pwned").exists(),
        "{shell} {args:?}: a value was executed"
    );
    found
}

/// A program in an environment of next to nothing.
pub(super) fn clean(program: &str, args: &[&str]) -> Command {
    let path = "/usr/local/bin:/usr/bin:/bin";
    let found = path.split(':').map(|folder| format!("{folder}/{program}"));
    let program = found
        .filter(|path| std::path::Path::new(path).exists())
        .last()
        .expect("it is installed");
    let mut command = Command::new(program);
    command
        .args(args)
        .env_clear()
        .env("PATH", path)
        .env("HOME", "/nowhere")
        .stderr(Stdio::null());
    command
}
