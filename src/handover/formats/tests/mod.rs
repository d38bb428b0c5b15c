mod dotenv;
mod models;
mod names;
mod powershell;
mod shells;
mod torture;

use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::{Command, Stdio};

use super::*;

/// A variable and its value.
pub(super) type Pair = (String, Vec<u8>);

/// What a format made of variables.
pub(super) struct Written {
    pub(super) text: Vec<u8>,
    /// Those in the text.
    pub(super) carried: BTreeMap<String, Vec<u8>>,
    /// Why others are not.
    pub(super) refused: BTreeMap<String, String>,
}

pub(super) fn owned(pairs: &[Pair]) -> Vec<(VariableName, KeyName, SecretValue)> {
    let owned = pairs.iter().map(|(name, value)| {
        let value = SecretValue::new(Secret::new(value.clone())).expect("a value");
        (
            name.parse().expect("a name"),
            format!("key {name}").parse().expect("a name"),
            value,
        )
    });
    owned.collect()
}

pub(super) fn variables(owned: &[(VariableName, KeyName, SecretValue)]) -> Vec<Variable<'_>> {
    owned
        .iter()
        .map(|(name, key, value)| Variable { name, key, value })
        .collect()
}

/// Writes what can be written.
pub(super) fn written(format: Format, pairs: &[Pair]) -> Written {
    let owned = owned(pairs);
    let all = variables(&owned);
    let refused: BTreeMap<String, String> = match format.write(&all) {
        Ok(_) => BTreeMap::new(),
        Err(Uncarried { keys, .. }) => keys
            .into_iter()
            .map(|(key, reason)| (key.as_str()["key ".len()..].to_owned(), reason.into_owned()))
            .collect(),
    };
    let kept = |name: &str| !refused.contains_key(name);
    let rest: Vec<_> = all
        .iter()
        .copied()
        .filter(|one| kept(one.name.as_str()))
        .collect();
    let text = format
        .write(&rest)
        .expect("nothing is refused now")
        .expose()
        .to_vec();
    let carried = pairs
        .iter()
        .filter(|(name, _)| kept(name))
        .cloned()
        .collect();
    Written {
        text,
        carried,
        refused,
    }
}

/// Runs a program to its end, with the text on its standard input.
pub(super) fn output(command: &mut Command, input: &[u8]) -> Vec<u8> {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut stdin = child.stdin.take().expect("piped");
    let input = input.to_vec();
    let writer = std::thread::spawn(move || stdin.write_all(&input));
    let output = child.wait_with_output().expect("it ends");
    let _ = writer.join();
    assert!(output.status.success(), "{command:?}: {}", output.status);
    output.stdout
}

/// What `env -0` printed.
pub(super) fn environment(printed: &[u8]) -> BTreeMap<String, Vec<u8>> {
    let lines = printed
        .split(|&byte| byte == 0)
        .filter(|line| !line.is_empty());
    let pair = |line: &[u8]| {
        let at = line
            .iter()
            .position(|&byte| byte == b'=')
            .expect("a name and a value");
        (
            String::from_utf8_lossy(&line[..at]).into_owned(),
            line[at + 1..].to_vec(),
        )
    };
    lines.map(pair).collect()
}

/// Each carried value came out as it went in.
#[track_caller]
pub(super) fn assert_carried(who: &str, written: &Written, found: &BTreeMap<String, Vec<u8>>) {
    for (name, value) in &written.carried {
        let got = found.get(name);
        assert!(
            got == Some(value),
            "{who}: {name} (seed {}): {:?} became {:?}",
            torture::SEED,
            String::from_utf8_lossy(value),
            got.map(|got| String::from_utf8_lossy(got).into_owned()),
        );
    }
}
