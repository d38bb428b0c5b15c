//! Every variable that a real shell has of its own: it takes a value as it is, or is refused by name.

use super::*;

/// Would be run by a shell that takes it for arithmetic, a prompt or a list of commands.
const CANARIES: &[&str] = &["canary", "x[$(touch pwned)]", "/x:$(touch pwned):~"];

const ZSH_PARAMETERS: &str = "for module in complist computil datetime langinfo mapfile param/private parameter sched \
     system termcap terminfo watch zleparameter; do zmodload zsh/$module; done; print -l ${(k)parameters}";

#[test]
fn bash_and_sh() {
    let evaluate = "eval \"$(cat)\"; exec /usr/bin/env -0";
    let own = listed("bash", &["-c", "compgen -v"]);
    assert!(own.contains(&"SHELLOPTS".to_owned()));
    check_names(Format::Shell, &own, "bash", &["-c", evaluate]);
    check_names(Format::Shell, &own, "bash", &["--posix", "-c", evaluate]);
    let own = listed("dash", &["-c", "set | sed -n 's/=.*//p'"]);
    assert!(own.contains(&"OPTIND".to_owned()));
    check_names(Format::Shell, &own, "dash", &["-c", evaluate]);
}

#[test]
fn zsh() {
    let own = listed("zsh", &["-f", "-c", ZSH_PARAMETERS]);
    assert!(own.contains(&"fpath".to_owned()) && own.contains(&"mapfile".to_owned()));
    let evaluate = "eval \"$(cat)\"; exec /usr/bin/env -0";
    check_names(Format::Shell, &own, "zsh", &["-f", "-c", evaluate]);
}

#[test]
fn fish() {
    let own = listed("fish", &["--no-config", "-c", "set -n"]);
    assert!(own.contains(&"status".to_owned()));
    check_names(
        Format::Fish,
        &own,
        "fish",
        &["--no-config", "-c", "source; exec /usr/bin/env -0"],
    );
}

/// A list in fish, for which a value is taken apart and put together again.
#[test]
fn fish_keeps_the_colons_of_paths() {
    let values = ["a:b", ":", "::", "a::b:", "a b:c", "a\\:b", "/x:~:$HOME"];
    for value in values {
        let pairs = [("MY_PATH".to_owned(), value.as_bytes().to_vec())];
        let written = written(Format::Fish, &pairs);
        let found = shells::ask(
            "fish",
            &["--no-config", "-c", "source; exec /usr/bin/env -0"],
            "C",
            &written.text,
        );
        assert_carried("fish", &written, &found);
    }
}

#[test]
fn a_refusal_names_the_key_and_the_shell() {
    let pairs = [
        ("UID".to_owned(), b"secret".to_vec()),
        ("prompt".to_owned(), b"secret".to_vec()),
    ];
    let owned = owned(&pairs);
    let refused = Format::Shell
        .write(&variables(&owned))
        .expect_err("refused");
    assert_eq!(
        refused.to_string(),
        "the format `shell` cannot carry `key UID` (`UID` means something to sh or bash), \
         `key prompt` (`prompt` means something to zsh)"
    );
}

/// Names that a variable can have, among those that a shell lists.
fn listed(shell: &str, args: &[&str]) -> Vec<String> {
    let text = output(&mut shells::clean(shell, args), b"");
    let text = String::from_utf8(text).expect("names");
    text.lines()
        .filter(|line| line.parse::<VariableName>().is_ok())
        .map(str::to_owned)
        .collect()
}

/// Asks for one variable at a time: one must not be mended by the next.
fn check_names(format: Format, own: &[String], shell: &str, args: &[&str]) {
    let mut carried = 0;
    for (at, name) in own.iter().enumerate() {
        for canary in CANARIES {
            let pairs = [(name.clone(), canary.as_bytes().to_vec())];
            let written = written(format, &pairs);
            if written.carried.is_empty() {
                break;
            }
            carried += 1;
            let found = shells::ask(shell, args, "C", &written.text);
            assert_carried(&format!("{shell}, {at}"), &written, &found);
        }
    }
    assert!(
        carried > 0,
        "the rule refuses every name, also HOME and PATH"
    );
}
