//! What each format writes is read back by what reads it: by a real reader where there is one, by its rules elsewhere.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::{Format, Variable, github};
use crate::crypto::{Secret, SecretValue};
use crate::exchange::read_dotenv;
use crate::key::{KeyName, VariableName};

/// A variable and its value.
type Pair = (String, Vec<u8>);

/// Several, whose values are made of what means something to some reader.
fn pairs(text: bool) -> impl Strategy<Value = Vec<Pair>> {
    let nasty = select(vec![
        "'", "\"", "`", "\\", "\n", "\r", "\t", " ", "$", "${A}", "$(id)", "!", "%", "#", "=", "~",
        "-", "::", "%0A", "é", "🔑", "\u{301}", "\u{7f}", "export", "a",
    ]);
    let nasty = nasty.prop_map(|part| part.as_bytes().to_vec());
    let bytes = vec(1..=u8::MAX, 1..4);
    let letters = "[^\0]{1,3}".prop_map(String::into_bytes);
    let part = if text {
        prop_oneof![nasty, letters].boxed()
    } else {
        prop_oneof![nasty, letters, bytes].boxed()
    };
    let value = vec(part, 1..12).prop_map(|parts| parts.concat());
    let values = vec(value, 1..4);
    values.prop_map(|values| {
        let named = |(at, value)| (format!("NAME_{at}"), value);
        values.into_iter().enumerate().map(named).collect()
    })
}

/// The variables of some pairs, for as long as `body` takes.
fn with<T>(pairs: &[Pair], body: impl FnOnce(&[Variable<'_>]) -> T) -> T {
    let key: KeyName = "key".parse().expect("a name");
    let parts: Vec<(VariableName, SecretValue)> = pairs
        .iter()
        .map(|(name, value)| {
            let value = SecretValue::new(Secret::new(value.clone()));
            (name.parse().expect("a variable"), value.expect("a value"))
        })
        .collect();
    let variables: Vec<_> = parts
        .iter()
        .map(|(name, value)| Variable {
            name,
            key: &key,
            value,
        })
        .collect();
    body(&variables)
}

/// What a format writes; `None` where it refuses to.
fn written(format: Format, pairs: &[Pair]) -> Option<Vec<u8>> {
    let written = with(pairs, |variables| format.write(variables).ok())?;
    Some(written.expose().to_vec()) // to be read back
}

fn text(bytes: &[u8]) -> &str {
    str::from_utf8(bytes).expect("UTF-8")
}

/// Each line as a name and a value, of a reader that knows no quotes.
fn lines(written: &[u8]) -> Vec<Pair> {
    let lines = text(written).split_terminator('\n');
    lines
        .map(|line| {
            let (name, value) = line.split_once('=').expect("an assignment");
            (name.to_owned(), value.as_bytes().to_vec())
        })
        .collect()
}

/// As fish reads `set -gx NAME '…'` lines: in single quotes a backslash escapes itself and the quote, nothing else.
fn fish(mut rest: &[u8]) -> Vec<Pair> {
    let mut read = Vec::new();
    while !rest.is_empty() {
        rest = rest.strip_prefix(b"set -gx ").expect("a command");
        let blank = rest.iter().position(|byte| *byte == b' ').expect("a name");
        let name = text(&rest[..blank]).to_owned();
        rest = rest[blank..].strip_prefix(b" '").expect("a quote");
        let mut value = Vec::new();
        loop {
            match rest {
                [b'\\', escaped @ (b'\\' | b'\''), after @ ..] => {
                    value.push(*escaped);
                    rest = after;
                }
                [b'\'', b'\n', after @ ..] => {
                    rest = after;
                    break;
                }
                [b'\'', ..] | [] => panic!("the quote ends early or never"),
                [byte, after @ ..] => {
                    value.push(*byte);
                    rest = after;
                }
            }
        }
        read.push((name, value));
    }
    read
}

/// As PowerShell reads `$env:NAME = …` lines: a quoted text, or a `-join` of such and of UTF-16 code units.
fn powershell(written: &[u8]) -> Vec<Pair> {
    let read = |line: &str| {
        let (name, value) = line.strip_prefix("$env:")?.split_once(" = ")?;
        let list = value.strip_prefix("-join (");
        let mut rest = list.map_or(value, |list| list.strip_suffix(')').expect("closed"));
        let mut units: Vec<u16> = Vec::new();
        while !rest.is_empty() {
            rest = rest.strip_prefix(',').unwrap_or(rest);
            if let Some(unit) = rest.strip_prefix("[char]0x") {
                units.push(u16::from_str_radix(&unit[..4], 16).ok()?);
                rest = &unit[4..];
                continue;
            }
            rest = rest.strip_prefix('\'')?;
            loop {
                let (part, after) = rest.split_once('\'')?;
                units.extend(part.encode_utf16());
                rest = after;
                let Some(after) = rest.strip_prefix('\'') else {
                    break;
                };
                units.push(u16::from(b'\''));
                rest = after;
            }
        }
        let value = String::from_utf16(&units).ok()?;
        Some((name.to_owned(), value.into_bytes()))
    };
    let lines = text(written).split_terminator('\n');
    lines
        .map(|line| read(line).expect("an assignment"))
        .collect()
}

/// As the runner reads `GITHUB_ENV`: `NAME<<DELIMITER`, lines up to the delimiter alone; empty lines between are skipped.
fn github_block(written: &[u8]) -> Vec<Pair> {
    let mut lines = text(written).split_terminator('\n');
    let mut read = Vec::new();
    while let Some(line) = lines.next() {
        if line.is_empty() {
            continue;
        }
        let (name, delimiter) = line.split_once("<<").expect("a beginning");
        let value: Vec<&str> = lines
            .by_ref()
            .take_while(|line| *line != delimiter)
            .collect();
        read.push((name.to_owned(), value.join("\n").into_bytes()));
    }
    read
}

/// As the runner reads commands of a log, which has lines.
fn github_masks(written: &[u8]) -> Vec<String> {
    let lines = text(written).split_terminator('\n');
    lines
        .map(|line| {
            assert!(!line.contains('\r'), "the line would end there");
            let mask = line.strip_prefix("::add-mask::").expect("a command");
            let mask = mask.replace("%0D", "\r").replace("%0A", "\n");
            mask.replace("%25", "%")
        })
        .collect()
}

proptest! {
    #[test]
    fn a_shell_reads_the_very_bytes(pairs in pairs(false)) {
        let written = written(Format::Shell, &pairs).expect("any value");
        let words: Vec<_> = shlex::bytes::split(&written).expect("quotes that end");
        let expected = pairs.iter().flat_map(|(name, value)| {
            [b"export".to_vec(), [name.as_bytes(), b"=", value].concat()]
        });
        prop_assert_eq!(words, expected.collect::<Vec<_>>());
    }

    #[test]
    fn fish_reads_the_very_bytes(pairs in pairs(false)) {
        let written = written(Format::Fish, &pairs).expect("any value");
        prop_assert_eq!(fish(&written), pairs);
    }

    #[test]
    fn powershell_reads_the_very_text(pairs in pairs(true)) {
        let written = written(Format::Powershell, &pairs).expect("any text");
        prop_assert!(written.iter().all(|byte| matches!(byte, b' '..=b'~' | b'\n')));
        prop_assert_eq!(powershell(&written), pairs);
    }

    #[test]
    fn json_reads_the_very_text(pairs in pairs(true)) {
        let written = written(Format::Json, &pairs).expect("any text");
        let read: std::collections::BTreeMap<String, String> =
            serde_json::from_slice(&written).expect("an object of texts");
        let read = read.into_iter().map(|(name, value)| (name, value.into_bytes()));
        prop_assert_eq!(read.collect::<Vec<_>>(), pairs);
    }

    #[test]
    fn import_and_a_shell_read_a_dotenv_file_alike(pairs in pairs(true)) {
        for one in pairs.chunks(1) {
            let Some(written) = written(Format::Dotenv, one) else {
                continue;
            };
            let read = read_dotenv(&Secret::copied(&written)).expect("a dotenv file");
            let read: Vec<_> = read
                .values
                .iter()
                .map(|one| (one.name.to_string(), one.value.expose().to_vec())) // to be compared
                .collect();
            prop_assert_eq!(&read, one);
            let words = shlex::bytes::split(&written).expect("quotes that end");
            let (name, value) = &one[0];
            prop_assert_eq!(words, [[name.as_bytes(), b"=", value].concat()]);
        }
    }

    #[test]
    fn docker_reads_the_very_text_or_the_key_is_refused(pairs in pairs(true)) {
        if let Some(written) = written(Format::Docker, &pairs) {
            prop_assert_eq!(lines(&written), pairs);
        } else {
            let has_line_end = |(_, value): &Pair| value.contains(&b'\n') || value.contains(&b'\r');
            let is_quoted = |(_, value): &Pair| value.len() > 1 && value.first() == value.last() && matches!(value[0], b'\'' | b'"');
            prop_assert!(pairs.iter().any(|pair| has_line_end(pair) || is_quoted(pair)));
        }
    }

    #[test]
    fn a_runner_reads_the_very_text_and_masks_its_lines(pairs in pairs(true)) {
        let Ok(commands) = with(&pairs, github::Commands::new) else {
            return Ok(());
        };
        let (masks, block) = (commands.masks.expose(), commands.block.expose()); // to be read back
        prop_assert_eq!(github_block(block), pairs.clone());
        let masks = github_masks(masks);
        let every = pairs.iter().flat_map(|(_, value)| text(value).split(['\n', '\r']));
        for line in every.filter(|line| line.trim().chars().count() >= 4) {
            prop_assert!(masks.iter().any(|mask| line.contains(mask.as_str())), "{:?}: {:?}", line, masks);
        }
        // A mask that is in no value would hide what is no secret.
        prop_assert!(masks.iter().all(|mask| pairs.iter().any(|(_, value)| text(value).contains(mask.as_str()))));
    }

    #[test]
    fn bytes_that_are_no_text_are_refused_where_text_is_read(pairs in pairs(false)) {
        let is_text = pairs.iter().all(|(_, value)| str::from_utf8(value).is_ok());
        for format in [Format::Json, Format::Powershell] {
            prop_assert_eq!(written(format, &pairs).is_some(), is_text);
        }
        for format in [Format::Docker, Format::Dotenv] {
            prop_assert!(is_text || written(format, &pairs).is_none());
        }
    }
}
