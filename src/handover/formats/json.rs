//! One flat JSON object: `{"NAME":"value",…}` and a line end.

use super::{NOT_TEXT, Part, Reason, Variable};
use crate::crypto::json_string;

pub(super) fn refusal(variable: &Variable<'_>, _: &[Variable<'_>]) -> Option<Reason> {
    variable.text().is_none().then_some(NOT_TEXT)
}

pub(super) fn put(variables: &[Variable<'_>], part: Part<'_>) {
    part(b"{");
    for (at, variable) in variables.iter().enumerate() {
        part(if at == 0 { b"\"" } else { b",\"" });
        part(variable.name.as_str().as_bytes());
        part(b"\":");
        part(&json_string(variable.bytes()));
    }
    part(b"}\n");
}
