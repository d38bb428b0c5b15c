//! The real python-dotenv, node's `--env-file`, and shells that source the file.

use super::*;

const PYTHON: &str = "import sys, os, dotenv
dotenv.load_dotenv(sys.argv[1])
out = sys.stdout.buffer
for name, value in os.environb.items(): out.write(name + b'=' + value + b'\\0')
values = dotenv.dotenv_values(sys.argv[1])
assert all(os.environ[name] == value for name, value in values.items())";

const NODE: &str = "for (const [name, value] of Object.entries(process.env)) process.stdout.write(name + '=' + value + '\\0')";

#[test]
fn all_readers_have_the_same_bytes() {
    let written = written(Format::Dotenv, &torture::pairs());
    assert!(written.carried.len() > 200, "{}", written.carried.len());
    for who in ["python", "node", "dash", "bash"] {
        assert_carried(who, &written, &read(who, &written.text));
    }
}

/// Every rule is needed: some reader has another value without it.
#[test]
fn what_is_refused_would_be_changed() {
    let written = written(Format::Dotenv, &torture::pairs());
    assert!(written.refused.len() > 50);
    let reasons: std::collections::BTreeSet<&String> = written.refused.values().collect();
    assert_eq!(reasons.len(), 5, "{reasons:?}");
    for reason in reasons {
        let pairs: Vec<Pair> = torture::pairs()
            .into_iter()
            .filter(|(name, value)| written.refused.get(name) == Some(reason) && value.len() < 100)
            .collect();
        let owned = owned(&pairs);
        let text = assembled(|part| super::super::dotenv::put(&variables(&owned), part));
        let changed = ["python", "node", "dash"].iter().any(|who| {
            let found = read_any(who, text.expose());
            pairs
                .iter()
                .any(|(name, value)| found.get(name) != Some(value))
        });
        assert!(changed, "{reason}");
    }
}

#[test]
fn names_of_the_shell_are_refused() {
    let pairs = [
        ("UID".to_owned(), b"x".to_vec()),
        ("SECONDS".to_owned(), b"x[$(id)]".to_vec()),
    ];
    assert_eq!(written(Format::Dotenv, &pairs).refused.len(), 2);
}

#[track_caller]
fn read(who: &str, text: &[u8]) -> BTreeMap<String, Vec<u8>> {
    let (found, executed) = reading(who, text);
    assert!(!executed, "{who}: a value was executed");
    found.expect("it reads the file")
}

/// Whatever comes of a file that may be no dotenv file.
fn read_any(who: &str, text: &[u8]) -> BTreeMap<String, Vec<u8>> {
    reading(who, text).0.unwrap_or_default()
}

fn reading(who: &str, text: &[u8]) -> (Option<BTreeMap<String, Vec<u8>>>, bool) {
    let folder = tempfile::TempDir::new().expect("a folder");
    let file = folder.path().join("dotenv");
    std::fs::write(&file, text).expect("written");
    let mut command = match who {
        "python" => python(&["-c", PYTHON]),
        "node" => {
            let mut node = shells::clean("node", &[]);
            node.arg(format!("--env-file={}", file.display()))
                .args(["-e", NODE]);
            node
        }
        shell => shells::clean(
            shell,
            &["-c", "set -a; . \"$1\"; exec /usr/bin/env -0", "sh"],
        ),
    };
    let found = command
        .arg(&file)
        .current_dir(folder.path())
        .stderr(Stdio::null())
        .output()
        .expect("it runs");
    let environment = found.status.success().then(|| environment(&found.stdout));
    (environment, folder.path().join("pwned").exists())
}

fn python(args: &[&str]) -> Command {
    let mut python = Command::new("python3");
    python.args(args).env("LC_ALL", "C.UTF-8");
    python
}
