//! Takes out of a text what is another in every run, and keeps the widths, so that tables stay straight.

use std::path::Path;

const ID: &str = "[--KEY-ID--]";
const TIME: &str = "[-------TIME-------]";
const DATE: &str = "[--DATE--]";

/// What varies in the texts of one home directory.
pub(crate) struct Mask {
    home: String,
    host: String,
}

impl Mask {
    pub(crate) fn new(home: &Path) -> Self {
        let host = rustix::system::uname();
        Self {
            home: home.display().to_string(),
            host: format!("tester@{}", host.nodename().to_string_lossy()),
        }
    }

    pub(crate) fn apply(&self, text: &str) -> String {
        let mut masked = text
            .replace(&self.home, "[HOME]")
            .replace(&self.host, "tester@[HOST]");
        for id in ids(&masked) {
            masked = masked.replace(&id, ID);
        }
        let masked = kept(&masked);
        let masked: String = pieces(&masked).map(piece).collect();
        // A column is as wide as the machine's name.
        let masked = collapsed(&masked, "tester@[HOST]");
        let masked = collapsed(&masked, "CALLER");
        let masked = collapsed(&masked, "CREATED BY");
        let masked = collapsed(&masked, "ACTOR");
        // What was given 90 days has 89 and a bit once the clock has moved on by a second.
        let masked = masked.replace("in 89 d", "in 90 d");
        years(&masked)
    }
}

/// The time in the name of a vault that a restore has kept.
fn kept(text: &str) -> String {
    const BEFORE: &str = ".before-restore-";
    let mut parts = text.split(BEFORE);
    let mut whole = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (_, rest) = part.split_at_checked(16).unwrap_or((part, ""));
        whole.push_str(BEFORE);
        whole.push_str("[TIME]");
        // A second one of the same second has a number.
        whole.push_str(rest.strip_prefix("-2").unwrap_or(rest));
    }
    whole
}

/// How many years off a far date is, next year's run tells otherwise.
fn years(text: &str) -> String {
    let mut parts = text.split("in ");
    let mut whole = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let rest = part.trim_start_matches(|c: char| c.is_ascii_digit());
        let is_years = rest.len() < part.len() && rest.starts_with(" y");
        whole.push_str(if is_years { "in [N]" } else { "in " });
        whole.push_str(if is_years { rest } else { part });
    }
    whole
}

/// Every run of spaces after a word made two spaces.
pub(crate) fn collapsed(text: &str, word: &str) -> String {
    let mut parts = text.split(word);
    let mut whole = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let rest = part.trim_start_matches(' ');
        let spaces = (part.len() - rest.len()).min(2);
        whole.push_str(word);
        whole.push_str(&" ".repeat(spaces));
        whole.push_str(rest);
    }
    whole
}

fn piece(piece: &str) -> String {
    let bytes = piece.as_bytes();
    let shape: String = bytes
        .iter()
        .map(|byte| {
            if byte.is_ascii_digit() {
                '0'
            } else {
                char::from(*byte)
            }
        })
        .collect();
    if shape == "0000-00-00T00:00:00Z" {
        TIME.to_owned()
    } else if shape == "0000-00-00" {
        DATE.to_owned()
    } else if bytes.len() == 32 && bytes.iter().all(u8::is_ascii_hexdigit) {
        "[VAULT-ID]".to_owned()
    } else if is_token(piece) {
        "[TOKEN]".to_owned()
    } else {
        piece.to_owned()
    }
}

/// `brand_dev1_[--KEY-ID--]_` and 38 letters and digits.
fn is_token(piece: &str) -> bool {
    piece.contains(ID)
        && piece
            .rsplit('_')
            .next()
            .is_some_and(|secret| secret.len() == 38)
}

/// Key ids, wherever a text says that something is one.
fn ids(text: &str) -> Vec<String> {
    let mut ids = Vec::new();
    for before in [
        "_dev1_",
        "_env1_",
        "_prod1_",
        "_stg1_",
        "key id       ",
        "\"key_id\": \"",
        "\"key_id\":\"",
        "key id `",
        "record `",
    ] {
        for (at, _) in text.match_indices(before) {
            let id: String = text[at + before.len()..]
                .chars()
                .take_while(char::is_ascii_alphanumeric)
                .collect();
            if id.len() == 12 {
                ids.push(id);
            }
        }
    }
    ids
}

/// Cut so that times, dates, ids and tokens are pieces of their own.
fn pieces(text: &str) -> impl Iterator<Item = &str> {
    let in_word = |c: char| c.is_ascii_alphanumeric() || "_-:[]".contains(c);
    let mut rest = text;
    std::iter::from_fn(move || {
        let first = rest.chars().next()?;
        let end = rest
            .find(|c: char| in_word(c) != in_word(first))
            .unwrap_or(rest.len());
        let (piece, tail) = rest.split_at(end);
        rest = tail;
        Some(piece)
    })
}
