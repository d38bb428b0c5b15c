//! `docker run --env-file`: a line `NAME=value` a variable, raw. Its reader (docker/cli, `pkg/kvfile`) knows no escapes.

use super::{NOT_TEXT, Part, Reason, Variable};

/// Length of a line that `bufio.Scanner` does not read any more.
const LINE_LIMIT: usize = 64 * 1024;

pub(super) fn refusal(variable: &Variable<'_>, _: &[Variable<'_>]) -> Option<Reason> {
    let Some(text) = variable.text() else {
        return Some(NOT_TEXT);
    };
    let quoted = |quote| text.len() > 1 && text.starts_with(quote) && text.ends_with(quote);
    let reason = if text.contains('\n') {
        "its value has a line feed"
    } else if text.contains('\r') {
        "its value has a carriage return"
    } else if quoted('"') || quoted('\'') {
        "its value is in quotes, which newer readers take away"
    } else if variable.name.as_str().len() + 1 + text.len() >= LINE_LIMIT {
        "its line would have 64 KiB or more"
    } else {
        return None;
    };
    Some(reason.into())
}

pub(super) fn put(variables: &[Variable<'_>], part: Part<'_>) {
    for variable in variables {
        part(variable.name.as_str().as_bytes());
        part(b"=");
        part(variable.bytes());
        part(b"\n");
    }
}
