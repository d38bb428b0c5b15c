//! Readers that are not here, written again from their sources.

use std::collections::BTreeSet;

use super::*;

#[test]
fn docker_has_the_same_bytes() {
    let written = written(Format::Docker, &torture::pairs());
    assert!(written.carried.len() > 200);
    let found = docker(&written.text).expect("a file that docker reads");
    assert_carried("docker", &written, &found);
    assert_eq!(found.len(), written.carried.len());
}

/// Each refusal is needed, but that of a carriage return inside a line, which other readers of such files end a line at.
#[test]
fn what_docker_changes_is_refused() {
    let written = written(Format::Docker, &torture::pairs());
    for (name, value) in torture::pairs() {
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
    let written = written(Format::Json, &torture::pairs());
    let document: BTreeMap<String, String> = serde_json::from_slice(&written.text).expect("JSON");
    let found = document
        .into_iter()
        .map(|(name, value)| (name, value.into_bytes()))
        .collect();
    assert_carried("json", &written, &found);
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
    assert_eq!(super::written(Format::Json, &[]).text, b"{}\n");
}

#[test]
fn the_runner_has_the_same_text_and_masks_every_line() {
    let pairs = torture::pairs();
    let owned = owned(&pairs);
    let all = variables(&owned);
    let carried: Vec<_> = all
        .iter()
        .filter(|one| github::Commands::new(&[**one]).is_ok())
        .copied()
        .collect();
    assert!(carried.len() > 300, "{}", carried.len());
    let commands = github::Commands::new(&carried).expect("all of them are carried");
    let masks = masks_of(commands.masks.expose());
    // As an earlier step may have left it.
    let file = [b"EARLIER=1", commands.block.expose()].concat();
    let found = pairs_of(&file).expect("the runner reads it");
    assert_eq!(found.len(), carried.len() + 1);
    assert_eq!(found["EARLIER"], "1");
    for variable in carried {
        let value = variable.text().expect("refused otherwise");
        assert_eq!(
            found[variable.name.as_str()],
            value,
            "seed {}",
            torture::SEED
        );
        for line in value
            .split(['\r', '\n'])
            .filter(|line| line.chars().count() >= 4)
        {
            assert!(
                line.trim().is_empty() || masked(line, &masks),
                "{line:?} would be in the log"
            );
        }
    }
    assert!(masks.iter().all(|mask| mask.chars().count() >= 4));
}

#[test]
fn the_runner_is_not_given_what_it_keeps_for_itself() {
    for name in [
        "NODE_OPTIONS",
        "node_options",
        "GITHUB_TOKEN",
        "RUNNER_TEMP",
        "ACTIONS_STEP_DEBUG",
    ] {
        let owned = owned(&[(name.to_owned(), b"secret-value".to_vec())]);
        let refused = github::Commands::new(&variables(&owned)).expect_err("refused");
        assert_eq!(
            refused.to_string(),
            format!(
                "the format `github` cannot carry `key {name}` (the runner keeps `{name}` for itself)"
            )
        );
    }
}

/// A whole of several lines is masked as it is, unless one of its lines is so short that masking it would spoil the log.
#[test]
fn wholes_are_masked_too() {
    for (value, expected) in [
        ("one line", "::add-mask::one line\n"),
        ("100%", "::add-mask::100%25\n"),
        ("abc", ""),
        ("    ", ""),
        (" ab ", "::add-mask:: ab \n"),
        (" abcd\n", "::add-mask::abcd\n"),
        (
            "begin\r\nend!",
            "::add-mask::begin\n::add-mask::end!\n::add-mask::begin%0D%0Aend!\n",
        ),
        ("{\n \"key\": 1\n}", "::add-mask::\"key\": 1\n"),
    ] {
        let owned = owned(&[("A".to_owned(), value.as_bytes().to_vec())]);
        let commands = github::Commands::new(&variables(&owned)).expect("carried");
        assert_eq!(
            str::from_utf8(commands.masks.expose()).expect("text"),
            expected
        );
    }
}

#[test]
fn each_block_has_a_delimiter_of_its_own() {
    let owned = owned(&[
        ("A".to_owned(), b"x".to_vec()),
        ("B".to_owned(), b"x".to_vec()),
    ]);
    let mut seen = BTreeSet::new();
    for _ in 0..2 {
        let commands = github::Commands::new(&variables(&owned)).expect("carried");
        let block = String::from_utf8(commands.block.expose().to_vec()).expect("text");
        let lines = block.lines().filter_map(|line| line.split_once("<<"));
        seen.extend(lines.map(|(_, delimiter)| delimiter.to_owned()));
    }
    assert_eq!(seen.len(), 4);
    assert!(
        seen.iter()
            .all(|delimiter| delimiter.len() == "KEYWRIGHT_".len() + 32)
    );
}

#[test]
fn the_file_has_to_be_there_and_a_file() {
    let folder = tempfile::TempDir::new().expect("a folder");
    let block = Secret::new(b"\nA<<X\nx\nX\n".to_vec());
    let file = folder.path().join("file");
    let missing = github::EnvFile::open(&file).expect_err("missing");
    assert!(matches!(missing, github::EnvFileError::Unopened(..)) && !file.exists());
    std::fs::write(&file, "EARLIER=1\n").expect("written");
    let opened = github::EnvFile::open(&file).expect("a file");
    opened.append(&block).expect("written");
    assert_eq!(
        std::fs::read_to_string(&file).expect("text"),
        "EARLIER=1\n\nA<<X\nx\nX\n"
    );
    assert!(github::EnvFile::open(folder.path()).is_err());
    let fifo = folder.path().join("fifo");
    let mode = rustix::fs::Mode::from_raw_mode(0o600);
    rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, mode, 0).expect("made");
    let _reader = std::fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open(&fifo)
        .expect("opened");
    let refused = github::EnvFile::open(&fifo).expect_err("nobody's file");
    assert!(matches!(refused, github::EnvFileError::NotRegular(_)));
}

/// docker/cli, `pkg/kvfile/kvfile.go`, `parseKeyValueFile`, over Go's `bufio.ScanLines`.
fn docker(file: &[u8]) -> Option<BTreeMap<String, Vec<u8>>> {
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
fn pairs_of(file: &[u8]) -> Option<BTreeMap<String, String>> {
    let text = String::from_utf8_lossy(file);
    let mut lines = text.split_inclusive('\n');
    let mut found = BTreeMap::new();
    while let Some(line) = lines.next() {
        let line = line.strip_suffix('\n').unwrap_or(line);
        match (line.find('='), line.find("<<")) {
            _ if line.is_empty() => {}
            (Some(equals), here) if here.is_none_or(|here| equals < here) => {
                found.insert(line[..equals].to_owned(), line[equals + 1..].to_owned());
            }
            (_, Some(here)) => {
                let (name, delimiter) = (&line[..here], &line[here + 2..]);
                let value = heredoc(&mut lines, delimiter)?;
                found.insert(name.to_owned(), value);
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

/// Whether nothing of a printed line but white space is left when the masks are taken out.
fn masked(line: &str, masks: &[String]) -> bool {
    masks.iter().any(|mask| line.trim() == mask || line == mask)
}
