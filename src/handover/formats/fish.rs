//! Commands for fish, to be read by `source`. In single quotes it knows `\\` and `\'` and nothing else.

use super::names::{Shell, belongs_to};
use super::{Part, Reason, Variable};

pub(super) fn refusal(variable: &Variable<'_>, _: &[Variable<'_>]) -> Option<Reason> {
    belongs_to(variable.name, &[Shell::Fish])
}

pub(super) fn put(variables: &[Variable<'_>], part: Part<'_>) {
    for variable in variables {
        part(b"set -gx ");
        part(variable.name.as_str().as_bytes());
        part(b" '");
        for piece in variable.bytes().split_inclusive(is_special) {
            match piece {
                [rest @ .., last] if is_special(last) => {
                    part(rest);
                    part(&[b'\\', *last]);
                }
                rest => part(rest),
            }
        }
        part(b"'\n");
    }
}

fn is_special(byte: &u8) -> bool {
    matches!(byte, b'\\' | b'\'')
}
