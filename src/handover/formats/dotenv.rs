//! A dotenv file that python-dotenv, node's `--env-file` and a shell that sources it read alike, which is less than any of
//! them reads. Line feeds stay as they are, inside of the quotes.
//!
//! | | in `'…'` | in `"…"` |
//! |---|---|---|
//! | sh | all is literal | `\`, `$` and `` ` `` mean something |
//! | python-dotenv | `\\` and `\'` are decoded, `${…}` is expanded | the same, and more escapes |
//! | node | all is literal | `\n` is decoded |
//!
//! A carriage return is dropped by node and made a line feed by Python, in any quotes.

use super::names::{Shell, belongs_to};
use super::{NOT_TEXT, Part, Reason, Variable};

pub(super) fn refusal(variable: &Variable<'_>, _: &[Variable<'_>]) -> Option<Reason> {
    let Some(text) = variable.text() else {
        return Some(NOT_TEXT);
    };
    let decoded = text.ends_with('\\') || text.contains("\\\\");
    let reason = if text.contains('\r') {
        "its value has a carriage return"
    } else if text.contains("${") {
        "its value has `${`, which some readers expand"
    } else if text.contains('\'') && text.contains(['"', '\\', '$', '`']) {
        "its value has `'` together with `\"`, `\\`, `$` or a backtick"
    } else if decoded {
        "its value has `\\` before another one or at its end"
    } else {
        return belongs_to(variable.name, &[Shell::Bash]);
    };
    Some(reason.into())
}

pub(super) fn put(variables: &[Variable<'_>], part: Part<'_>) {
    for variable in variables {
        let value = variable.bytes();
        let quote: &[u8] = if value.contains(&b'\'') { b"\"" } else { b"'" };
        part(variable.name.as_str().as_bytes());
        part(b"=");
        part(quote);
        part(value);
        part(quote);
        part(b"\n");
    }
}
