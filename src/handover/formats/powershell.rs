//! Assignments for PowerShell, a line each and in ASCII alone, so that no code page between the two programs matters.
//!
//! Printable ASCII is in single quotes, where only the quote means something; everything else is a `[char]` each (a UTF-16
//! code unit), and `-join` makes one text of them. A chain of `+` would be as deep as it is long, and the compiler's stack
//! is not.

use super::{NOT_TEXT, Part, Reason, Variable, put_escaped};

/// What decides which programs and modules run. Windows does not tell case in names apart.
const NAMES: &[&str] = &["COMSPEC", "PATH", "PATHEXT", "PSMODULEPATH"];

pub(super) fn refusal(variable: &Variable<'_>, all: &[Variable<'_>]) -> Option<Reason> {
    let name = variable.name.as_str();
    if variable.text().is_none() {
        return Some(NOT_TEXT);
    }
    if NAMES.iter().any(|own| own.eq_ignore_ascii_case(name)) {
        return Some(format!("`{name}` means something to PowerShell").into());
    }
    let others = all.iter().map(|other| other.name.as_str());
    let twin = others
        .filter(|other| *other != name)
        .find(|other| other.eq_ignore_ascii_case(name))?;
    Some(format!("`{name}` and `{twin}` are one variable on Windows").into())
}

pub(super) fn put(variables: &[Variable<'_>], part: Part<'_>) {
    for variable in variables {
        part(b"$env:");
        part(variable.name.as_str().as_bytes());
        part(b" = ");
        put_value(variable.text().unwrap_or_default(), part);
        part(b"\n");
    }
}

fn put_value(text: &str, part: Part<'_>) {
    let mut rest = split_plain(text);
    if rest.1.is_empty() {
        return put_quoted(rest.0, part);
    }
    part(b"-join (");
    put_quoted(rest.0, part);
    while let Some(c) = rest.1.chars().next() {
        for unit in c.encode_utf16(&mut [0; 2]) {
            part(b",[char]0x");
            part(&hex(*unit));
        }
        rest = split_plain(&rest.1[c.len_utf8()..]);
        if !rest.0.is_empty() {
            part(b",");
            put_quoted(rest.0, part);
        }
    }
    part(b")");
}

/// What can be in quotes, and the rest.
fn split_plain(text: &str) -> (&str, &str) {
    let plain = text.bytes().take_while(|byte| matches!(byte, b' '..=b'~'));
    text.split_at(plain.count())
}

fn put_quoted(plain: &str, part: Part<'_>) {
    part(b"'");
    put_escaped(plain.as_bytes(), b'\'', b"''", part);
    part(b"'");
}

fn hex(unit: u16) -> [u8; 4] {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    [12, 8, 4, 0].map(|shift| DIGITS[usize::from(unit >> shift & 15)])
}
