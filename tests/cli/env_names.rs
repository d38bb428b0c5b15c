//! Every variable that a real shell has of its own: it takes a value as it is, or is refused by name.

use std::collections::BTreeMap;

use crate::env_shells::{EVAL, SOURCE, ask};
use crate::env_values::{Pair, assert_carried, clean, output, written};

/// Would be run by a shell that takes it for arithmetic, a prompt or a list of commands.
const CANARIES: &[&str] = &["x[$(touch pwned)]", "/x:$(touch pwned):~"];

const ZSH_PARAMETERS: &str = "for module in complist computil datetime langinfo mapfile param/private parameter sched \
     system termcap terminfo watch zleparameter; do zmodload zsh/$module; done; print -l ${(k)parameters}";

#[test]
fn bash_and_sh() {
    if let Some(own) = listed("bash", &["-c", "compgen -v"]) {
        assert!(own.contains(&"SHELLOPTS".to_owned()));
        check_names(
            "shell",
            &own,
            "bash",
            &[&["-c", EVAL], &["--posix", "-c", EVAL]],
        );
    }
    if let Some(own) = listed("dash", &["-c", "set | sed -n 's/=.*//p'"]) {
        assert!(own.contains(&"OPTIND".to_owned()));
        check_names("shell", &own, "dash", &[&["-c", EVAL]]);
    }
}

#[test]
fn zsh() {
    if let Some(own) = listed("zsh", &["-f", "-c", ZSH_PARAMETERS]) {
        assert!(own.contains(&"fpath".to_owned()) && own.contains(&"mapfile".to_owned()));
        check_names("shell", &own, "zsh", &[&["-f", "-c", EVAL]]);
    }
}

#[test]
fn fish() {
    if let Some(own) = listed("fish", &["--no-config", "-c", "set -n"]) {
        assert!(own.contains(&"status".to_owned()));
        check_names("fish", &own, "fish", &[SOURCE]);
    }
}

/// A list in fish, for which a value is taken apart and put together again.
#[test]
fn fish_keeps_the_colons_of_paths() {
    let values = ["a:b", ":", "::", "a::b:", "a b:c", "a\\:b", "/x:~:$HOME"];
    let named = values.iter().enumerate();
    let pairs: Vec<Pair> = named
        .map(|(at, value)| (format!("MY_{at}_PATH"), value.as_bytes().to_vec()))
        .collect();
    let written = written("fish", &pairs);
    if let Some(found) = ask("fish", SOURCE, "C", &written.text) {
        assert_carried("fish", &written.carried, &found);
    }
}

/// Shell variables of the manuals that no shell lists before they are set.
#[test]
fn what_only_the_manuals_tell_is_refused_too() {
    let names = [
        "PROMPT_COMMAND",
        "TMOUT",
        "STTY",
        "ARGV0",
        "RPROMPT",
        "zle_highlight",
        "COMP_WORDS",
        "POSIXLY_CORRECT",
    ];
    let pairs: Vec<Pair> = names.map(|name| (name.to_owned(), b"x".to_vec())).into();
    let written = written("shell", &pairs);
    assert_eq!(written.refused.len(), names.len(), "{:?}", written.carried);
}

/// Names that a variable can have, among those that a shell lists.
fn listed(shell: &str, args: &[&str]) -> Option<Vec<String>> {
    let text = output(&mut clean(shell, args)?, b"");
    let text = String::from_utf8(text).expect("names");
    let is_name = |name: &&str| {
        let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        name.chars().all(word) && name.starts_with(|c: char| !c.is_ascii_digit())
    };
    Some(text.lines().filter(is_name).map(str::to_owned).collect())
}

/// Gives the shell one variable at a time: one must not be mended by the next.
#[track_caller]
fn check_names(format: &str, own: &[String], shell: &str, ways: &[&[&str]]) {
    for canary in CANARIES {
        let pairs: Vec<Pair> = own
            .iter()
            .map(|name| (name.clone(), canary.as_bytes().to_vec()))
            .collect();
        let written = written(format, &pairs);
        let text = String::from_utf8(written.text).expect("text");
        assert_eq!(text.lines().count(), written.carried.len());
        // Those of `--allow-name`, which are the user's own decision.
        assert!(written.carried.contains_key("PATH") && written.carried.len() < own.len());
        for (line, (name, value)) in text.lines().zip(&written.carried) {
            for args in ways {
                let found = ask(shell, args, "C", format!("{line}\n").as_bytes())
                    .expect("it listed its variables");
                assert_carried(
                    shell,
                    &BTreeMap::from([(name.clone(), value.clone())]),
                    &found,
                );
            }
        }
    }
}
