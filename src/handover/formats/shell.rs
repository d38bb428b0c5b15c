//! Commands for sh, bash and zsh, to be read by `eval`. In single quotes nothing means anything but the quote that ends them,
//! in every locale: no other character's encoding has that byte in it.

use super::names::{Shell, belongs_to};
use super::{Part, Reason, Variable, put_escaped};

pub(super) fn refusal(variable: &Variable<'_>, _: &[Variable<'_>]) -> Option<Reason> {
    belongs_to(variable.name, &[Shell::Bash, Shell::Zsh])
}

pub(super) fn put(variables: &[Variable<'_>], part: Part<'_>) {
    for variable in variables {
        part(b"export ");
        part(variable.name.as_str().as_bytes());
        part(b"='");
        put_escaped(variable.bytes(), b'\'', b"'\\''", part);
        part(b"'\n");
    }
}
