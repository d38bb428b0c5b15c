//! Readers that are not here, written again from their sources.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use crate::env_values::{Pair, SEED, assert_carried, pairs, written};

#[test]
fn docker_has_the_same_bytes() {
    let written = written("docker", &pairs());
    assert!(written.carried.len() > 200);
    let found = docker(&written.text).expect("a file that docker reads");
    assert_carried("docker", &written.carried, &found);
    assert_eq!(found.len(), written.carried.len());
}

/// Each refusal is needed, but that of a carriage return inside a line, which other readers of such files end a line at.
#[test]
fn what_docker_changes_is_refused() {
    let written = written("docker", &pairs());
    for (name, value) in pairs() {
        let line = [name.as_bytes(), b"=", &value, b"\n"].concat();
        let found = docker(&line).unwrap_or_default();
        let same = found.len() == 1 && found.get(&name) == Some(&value);
        let carried = written.carried.contains_key(&name);
        assert!(
            carried == same || value.contains(&b'\r'),
            "{name}: {value:?}"
        );
    }
}

#[test]
fn json_has_the_same_text() {
    let written = written("json", &pairs());
    let document: BTreeMap<String, String> = serde_json::from_slice(&written.text).expect("JSON");
    let found = document
        .into_iter()
        .map(|(name, value)| (name, value.into_bytes()))
        .collect();
    assert_carried("json", &written.carried, &found);
    assert!(
        written.text.ends_with(b"}\n")
            && written.text.iter().filter(|&&byte| byte == b'\n').count() == 1
    );
    assert!(
        written
            .refused
            .values()
            .all(|reason| reason == "its value is not UTF-8")
    );
    assert_eq!(crate::env_values::written("json", &[]).text, b"{}\n");
}

#[test]
fn the_runner_has_the_same_text_and_masks_every_line() {
    let written = written("github", &pairs());
    assert!(written.carried.len() > 300, "{}", written.carried.len());
    let file = fs::read(written.env.path("github-env")).expect("a file");
    let found = pairs_of(&file).expect("the runner reads it");
    assert_eq!(found.len(), written.carried.len() + 1);
    // What an earlier step left without a line end.
    assert_eq!(found["EARLIER"], b"1");
    assert_carried("runner", &written.carried, &found);
    let masks = masks_of(&written.text);
    assert!(masks.iter().all(|mask| mask.chars().count() >= 4));
    for value in written.carried.values() {
        let value = str::from_utf8(value).expect("refused otherwise");
        for line in value
            .split(['\r', '\n'])
            .filter(|line| line.chars().count() >= 4)
        {
            let line = line.trim();
            let masked = line.is_empty() || masks.iter().any(|mask| mask.contains(line));
            assert!(masked, "{line:?} would be in the log (seed {SEED})");
        }
    }
    let reasons: BTreeSet<&String> = written.refused.values().collect();
    assert_eq!(reasons.len(), 2, "{reasons:?}");
}

#[test]
fn the_runner_is_not_given_what_it_keeps_for_itself() {
    let names = [
        "NODE_OPTIONS",
        "GITHUB_TOKEN",
        "RUNNER_TEMP",
        "ACTIONS_STEP_DEBUG",
        "GH_TOKEN",
    ];
    let pairs: Vec<Pair> = names
        .map(|name| (name.to_owned(), b"secret-value".to_vec()))
        .into();
    let written = written("github", &pairs);
    assert_eq!(
        written.carried.into_keys().collect::<Vec<_>>(),
        ["GH_TOKEN"]
    );
    assert_eq!(
        written.refused["GITHUB_TOKEN"],
        "the runner keeps `GITHUB_TOKEN` for itself"
    );
}

/// A whole of several lines is masked as it is, unless one of its lines is so short that masking it would spoil the log.
#[test]
fn wholes_are_masked_too() {
    let values = [
        "one line",
        "100%",
        "abc",
        "    ",
        " ab ",
        " abcd\n",
        "begin\r\nend!",
        "{\n \"key\": 1\n}",
    ];
    let named = values.iter().enumerate();
    let pairs: Vec<Pair> = named
        .map(|(at, value)| (format!("V_{at}"), value.as_bytes().to_vec()))
        .collect();
    let masks = String::from_utf8(written("github", &pairs).text).expect("text");
    let masks: Vec<&str> = masks
        .lines()
        .filter_map(|line| line.strip_prefix("::add-mask::"))
        .collect();
    assert_eq!(
        masks,
        [
            "one line",
            "100%25",
            " ab ",
            "abcd",
            "begin",
            "end!",
            "begin%0D%0Aend!",
            "\"key\": 1"
        ]
    );
}

#[test]
fn each_block_has_a_delimiter_of_its_own() {
    let pairs: Vec<Pair> = ["A", "B"]
        .map(|name| (name.to_owned(), b"x".to_vec()))
        .into();
    let mut seen = BTreeSet::new();
    for _ in 0..2 {
        let written = written("github", &pairs);
        let file = fs::read_to_string(written.env.path("github-env")).expect("text");
        let delimiters = file.lines().filter_map(|line| line.split_once("<<"));
        seen.extend(delimiters.map(|(_, delimiter)| delimiter.to_owned()));
    }
    assert_eq!(seen.len(), 4);
    assert!(
        seen.iter()
            .all(|delimiter| delimiter.len() == "KEYWRIGHT_".len() + 32)
    );
}

/// docker/cli, `pkg/kvfile/kvfile.go`, `parseKeyValueFile`, over Go's `bufio.ScanLines`.
pub(crate) fn docker(file: &[u8]) -> Option<BTreeMap<String, Vec<u8>>> {
    let mut found = BTreeMap::new();
    let body = file.strip_suffix(b"\n").unwrap_or(file);
    for (at, line) in body.split(|&byte| byte == b'\n').enumerate() {
        // The buffer holds the line end, too: `bufio.MaxScanTokenSize`.
        if line.len() + 1 > 64 * 1024 {
            return None;
        }
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let line = str::from_utf8(line).ok()?;
        let line = if at == 0 {
            line.trim_start_matches('\u{feff}')
        } else {
            line
        };
        let line = line.trim_start();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let Some((name, value)) = line.split_once('=') else {
            continue;
        };
        if name.is_empty() || name.contains([' ', '\t']) {
            return None;
        }
        let quoted = |quote: char| {
            let inner = value.strip_prefix(quote)?.strip_suffix(quote)?;
            Some(inner)
        };
        let value = quoted('\'').or_else(|| quoted('"')).unwrap_or(value);
        found.insert(name.to_owned(), value.as_bytes().to_vec());
    }
    Some(found)
}

/// actions/runner, `FileCommandManager.cs`, `EnvFileKeyValuePairs`, on Linux.
pub(crate) fn pairs_of(file: &[u8]) -> Option<BTreeMap<String, Vec<u8>>> {
    let text = String::from_utf8_lossy(file);
    let mut lines = text.split_inclusive('\n');
    let mut found = BTreeMap::new();
    while let Some(line) = lines.next() {
        let line = line.strip_suffix('\n').unwrap_or(line);
        match (line.find('='), line.find("<<")) {
            _ if line.is_empty() => {}
            (Some(equals), here) if here.is_none_or(|here| equals < here) => {
                found.insert(
                    line[..equals].to_owned(),
                    line.as_bytes()[equals + 1..].to_vec(),
                );
            }
            (_, Some(here)) => {
                let (name, delimiter) = (&line[..here], &line[here + 2..]);
                let value = heredoc(&mut lines, delimiter)?;
                found.insert(name.to_owned(), value.into_bytes());
            }
            _ => return None,
        }
    }
    Some(found)
}

/// The lines before the delimiter, with all line ends but the last one.
fn heredoc<'a>(lines: &mut impl Iterator<Item = &'a str>, delimiter: &str) -> Option<String> {
    let mut value = String::new();
    loop {
        let line = lines.next()?;
        if line.strip_suffix('\n').unwrap_or(line) == delimiter {
            break;
        }
        value.push_str(line.ends_with('\n').then_some(line)?);
    }
    value.pop();
    Some(value)
}

/// actions/runner, `ActionCommand.TryParseV2` and `AddMaskCommandExtension`, over lines as .NET's `StreamReader.ReadLine`
/// has them, which end at CR, LF or CR LF.
fn masks_of(output: &[u8]) -> Vec<String> {
    let text = str::from_utf8(output).expect("text");
    let lines = text.split(['\r', '\n']).filter(|line| !line.is_empty());
    let commands = lines.map(|line| {
        let data = line
            .trim_start()
            .strip_prefix("::add-mask::")
            .expect("a command that the runner knows");
        let data = data
            .replace("%0D", "\r")
            .replace("%0A", "\n")
            .replace("%25", "%");
        assert!(
            !data.trim().is_empty(),
            "the runner warns about an empty mask"
        );
        data
    });
    commands.collect()
}
