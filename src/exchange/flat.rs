//! JSON documents: an export, or an object with the value of each variable under its name.

use std::collections::HashSet;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::document::{DocumentError, read_export, syntax};
use super::{Values, without_mark};
use crate::crypto::Secret;
use crate::key::VariableName;
use crate::vault::Import;

/// What a JSON document has in it.
#[derive(Debug)]
pub(crate) enum Json {
    /// What `export` made.
    Export(Import),
    Values(Values),
}

/// Reads either kind: an export says its `schema`.
///
/// # Errors
/// [`DocumentError`], for the first thing that is wrong, by the name of its field or key and without any value.
pub(crate) fn read_json(document: &Secret) -> Result<Json, DocumentError> {
    let bytes = without_mark(document.expose()); // values are cut out of it into buffers of their own
    let Fields(fields) = serde_json::from_slice(bytes).map_err(|err| syntax(&err))?;
    if fields.iter().any(|(name, _)| name == "schema") {
        return read_export(bytes).map(Json::Export);
    }
    let mut names = HashSet::new();
    let mut values = Values::default();
    for (at, (field, raw)) in fields.into_iter().enumerate() {
        let wrong = |problem: String| DocumentError::Field {
            field: shown(&field, at),
            problem,
        };
        if !names.insert(field.clone()) {
            return Err(wrong("it is there twice".to_owned()));
        }
        let name: VariableName = field.parse().map_err(|err| wrong(format!("{err}")))?;
        let value = Secret::from_json_string(raw.get())
            .ok_or_else(|| wrong("its value is not a text".to_owned()))?;
        values.add(name, value).map_err(wrong)?;
    }
    Ok(Json::Values(values))
}

/// A name in an error, or else its place: names and values are easily swapped, so what is no name may be a value.
fn shown(field: &str, at: usize) -> String {
    match field.parse::<VariableName>() {
        Ok(name) => format!("`{name}`"),
        Err(_) => format!("number {}", at + 1),
    }
}

/// The fields of an object in their order, doubles and all; no value is copied.
struct Fields<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Fields<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(FieldsVisitor)
    }
}

struct FieldsVisitor;

impl<'de> Visitor<'de> for FieldsVisitor {
    type Value = Fields<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields<'de>, A::Error> {
        let mut fields = Vec::new();
        while let Some(field) = map.next_entry()? {
            fields.push(field);
        }
        Ok(Fields(fields))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::NamedValue;

    fn read(document: &str) -> Result<Json, DocumentError> {
        read_json(&Secret::copied(document.as_bytes()))
    }

    #[test]
    fn a_flat_object_is_read_as_it_stands() {
        let document = r#" {"A":"plain","B":"\u00e9\n$A","EMPTY":""} "#;
        let Ok(Json::Values(read)) = read(document) else {
            panic!("it has no schema");
        };
        let values: Vec<_> = read
            .values
            .iter()
            .map(|NamedValue { name, value, .. }| (name.as_str(), value.expose()))
            .collect();
        assert_eq!(values, [("A", &b"plain"[..]), ("B", "é\n$A".as_bytes())]);
        assert_eq!(read.empty, ["EMPTY"]);
        assert!(read.literal.is_empty(), "nobody expands JSON");
    }

    #[test]
    fn errors_name_the_field_and_repeat_no_value() {
        let long = format!(r#"{{"{}":"sk-canary"}}"#, "A".repeat(200));
        let nul = r#"{"A":"sk-canary\u0000"}"#;
        for (document, told) in [
            (r#"["sk-canary"]"#, "line 1, column 0: expected an object"),
            (
                r#"{"A":"sk-canary","#,
                "line 1, column 17: EOF while parsing a value",
            ),
            (
                r#"{"A":"sk-canary" "B"}"#,
                "line 1, column 18: expected `,` or `}`",
            ),
            (r#"{"A":7}"#, "the field `A`: its value is not a text"),
            (
                r#"{"A":["sk-canary"]}"#,
                "the field `A`: its value is not a text",
            ),
            (
                r#"{"A":"x","A":"sk-canary"}"#,
                "the field `A`: it is there twice",
            ),
            (
                r#"{"sk-canary":"a-b"}"#,
                "the field number 1: a variable is 1 to 128 letters, digits and `_`, and does not begin with a digit",
            ),
            (
                &long,
                "the field number 1: a variable is 1 to 128 letters, digits and `_`, and does not \
                 begin with a digit",
            ),
            (
                nul,
                "the field `A`: the value has a NUL byte, which no environment variable can carry",
            ),
        ] {
            assert_eq!(read(document).expect_err(document).to_string(), told);
        }
    }
}
