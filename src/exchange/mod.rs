//! What comes from elsewhere and goes there: the document that `export` writes, flat JSON, dotenv files, a `pass` store.

mod document;
mod dotenv;
mod flat;
mod pass;
mod stamp;

pub(crate) use self::document::{DocumentError, KeyEntry, Preamble};
pub(crate) use self::dotenv::read_dotenv;
pub(crate) use self::flat::{Json, read_json};
pub(crate) use self::pass::{PassEntry, PassError, PassStore};
pub(crate) use self::stamp::Stamp;
use crate::crypto::{Secret, SecretValue, ValueError};
use crate::key::{KeyName, VariableName};

/// Largest document or file that is read, in bytes.
pub(crate) const DOCUMENT_LIMIT: usize = 16 * 1024 * 1024;

/// Values under their names, before they have a place in the vault.
#[derive(Debug, Default)]
pub(crate) struct Values {
    pub(crate) values: Vec<NamedValue>,
    /// Names that have nothing as their value.
    pub(crate) empty: Vec<String>,
    /// Variables whose values name other variables, which a shell or another reader would have put in.
    pub(crate) literal: Vec<VariableName>,
}

/// Whether a text is JSON rather than a dotenv file: no line of the latter begins with a brace.
pub(crate) fn looks_like_json(text: &Secret) -> bool {
    let bytes = text.expose(); // only its first character counts
    let bytes = without_mark(bytes).trim_ascii_start();
    bytes.first() == Some(&b'{')
}

/// Without the byte order mark that some editors put in front of UTF-8.
fn without_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)
}

/// A value that becomes a provider key.
#[derive(Debug)]
pub(crate) struct NamedValue {
    pub(crate) name: KeyName,
    pub(crate) variable: Option<VariableName>,
    pub(crate) value: SecretValue,
}

impl Values {
    /// Adds the value of a variable, whose name the key gets; an empty one only by its name.
    ///
    /// # Errors
    /// One sentence about the value or the name, with neither of them in it.
    pub(crate) fn add(&mut self, variable: VariableName, value: Secret) -> Result<(), String> {
        let name: KeyName = variable
            .as_str()
            .parse()
            .map_err(|err| format!("it cannot be the name of a key: {err}"))?;
        match SecretValue::new(value) {
            Ok(value) => self.values.push(NamedValue {
                name,
                variable: Some(variable),
                value,
            }),
            Err(ValueError::Empty) => self.empty.push(variable.to_string()),
            Err(err) => return Err(err.to_string()),
        }
        Ok(())
    }
}
