//! Keys as one JSON document: what `export` writes, `import` reads.

use serde::{Deserialize, Serialize};
use serde_json::error::Category;
use serde_json::value::RawValue;

use crate::crypto::{Secret, SecretValue};
use crate::key::{
    Actor, Brand, Context, Environment, KeyId, KeyKind, KeyName, Model, Note, ParseError,
    PermissionSet, Project, Provider, ProviderDetails, Rate, Revocation, Role, RoleName, Scope,
    Tag, Timestamp, VariableName,
};
use crate::vault::{Export, Found, Import, ImportedHalf, ImportedKey, ImportedRole};

/// Why a document cannot be imported. Nothing of it is repeated but names of fields and keys.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DocumentError {
    #[error("the field {field}: {problem}")]
    Field { field: String, problem: String },
    #[error("the key `{key}`: {problem}")]
    Key { key: KeyName, problem: &'static str },
    #[error("schema {0} was written by a newer keywright")]
    Newer(u32),
    #[error("line {line}, column {column}: {problem}")]
    Syntax {
        line: usize,
        column: usize,
        problem: String,
    },
}

/// What stands before the keys of an export.
#[derive(Serialize)]
pub(crate) struct Preamble {
    exported_at: TimeText,
    roles: Vec<RoleEntry>,
}

impl Preamble {
    pub(crate) fn new(export: &Export, now: Timestamp) -> Self {
        let roles = export.roles.iter().map(|known| RoleEntry {
            name: known.role.name.clone(),
            permissions: known.role.permissions.clone(),
            context: known.role.context.clone(),
            created_at: TimeText(known.created_at),
            created_by: known.created_by.clone(),
        });
        Self {
            exported_at: TimeText(now),
            roles: roles.collect(),
        }
    }
}

/// What every version of a document says.
#[derive(Deserialize)]
struct Version {
    schema: u32,
}

/// A whole export, as it is read.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document<'a> {
    #[serde(rename = "schema")]
    _schema: u32,
    #[serde(rename = "exported_at")]
    _exported_at: TimeText,
    roles: Vec<RoleEntry>,
    #[serde(borrow)]
    keys: Vec<KeyEntry<'a>>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct RoleEntry {
    name: RoleName,
    permissions: PermissionSet,
    context: Context,
    created_at: TimeText,
    created_by: Actor,
}

/// A key. What its kind does not have is left out; its value is written and read beside serde.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct KeyEntry<'a> {
    kind: KeyKind,
    name: KeyName,
    key_id: KeyId,
    project: Project,
    environment: Environment,
    default: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    brand: Option<Brand>,
    /// Of its own, without those of its roles.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    permissions: Option<PermissionSet>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    roles: Option<Vec<RoleName>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    context: Option<Context>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rate: Option<Rate>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    providers: Option<Vec<Provider>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    models: Option<Vec<Model>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    variable: Option<VariableName>,
    tags: Vec<Tag>,
    note: Option<Note>,
    created_at: TimeText,
    created_by: Actor,
    /// When the present token or value was made.
    present_since: TimeText,
    expires_at: Option<TimeText>,
    revoked_at: Option<TimeText>,
    revoked_by: Option<Actor>,
    #[serde(borrow, default, skip_serializing)]
    value: Option<&'a RawValue>,
    #[serde(borrow, default, skip_serializing)]
    value_base64: Option<&'a RawValue>,
}

impl KeyEntry<'_> {
    pub(crate) fn new(found: &Found) -> Self {
        let Found { key, scope, .. } = found;
        let (issued, provider) = (key.issued(), key.provider());
        let present = key.current().or(key.generations.last());
        let present_since = present.map_or(key.created_at, |present| present.created_at);
        Self {
            kind: key.kind(),
            name: key.name.clone(),
            key_id: found.id,
            project: scope.project.clone(),
            environment: scope.environment.clone(),
            default: found.is_default,
            brand: issued.map(|issued| issued.brand.clone()),
            permissions: issued.map(|issued| issued.permissions.clone()),
            roles: issued.map(|issued| issued.roles.iter().map(|role| role.name.clone()).collect()),
            context: issued.map(|issued| issued.context.clone()),
            rate: issued.and_then(|issued| issued.rate),
            providers: provider.map(|provider| provider.providers.clone()),
            models: provider.map(|provider| provider.models.clone()),
            variable: provider.and_then(|provider| provider.variable.clone()),
            tags: key.tags.clone(),
            note: key.note.clone(),
            created_at: TimeText(key.created_at),
            created_by: key.created_by.clone(),
            present_since: TimeText(present_since),
            expires_at: key.expires_at().map(TimeText),
            revoked_at: key.revoked.as_ref().map(|revoked| TimeText(revoked.at)),
            revoked_by: key.revoked.as_ref().map(|revoked| revoked.by.clone()),
            value: None,
            value_base64: None,
        }
    }

    fn import(mut self) -> Result<ImportedKey, DocumentError> {
        let name = self.name.clone();
        let wrong = |problem| DocumentError::Key {
            key: name.clone(),
            problem,
        };
        let half = match self.kind {
            KeyKind::Issued => self.issued_half(),
            KeyKind::Provider => self.provider_half(),
        };
        let half = half.map_err(&wrong)?;
        let revoked = match (self.revoked_at, self.revoked_by) {
            (Some(TimeText(at)), Some(by)) => Some(Revocation { at, by }),
            (None, None) => None,
            _ => return Err(wrong("`revoked_at` and `revoked_by` belong together")),
        };
        Ok(ImportedKey {
            id: self.key_id,
            name,
            scope: Scope {
                project: self.project,
                environment: self.environment,
            },
            is_default: self.default,
            created_at: self.created_at.0,
            created_by: self.created_by,
            present_since: self.present_since.0,
            expires_at: self.expires_at.map(|TimeText(at)| at),
            revoked,
            tags: self.tags,
            note: self.note,
            half,
        })
    }

    fn issued_half(&mut self) -> Result<ImportedHalf, &'static str> {
        let foreign = self.providers.is_some()
            || self.models.is_some()
            || self.variable.is_some()
            || self.value.is_some()
            || self.value_base64.is_some();
        let own = (
            self.brand.take(),
            self.permissions.take(),
            self.context.take(),
            self.roles.take(),
        );
        match own {
            (Some(brand), Some(permissions), Some(context), Some(roles)) if !foreign => {
                Ok(ImportedHalf::Issued {
                    brand,
                    permissions,
                    context,
                    roles,
                    rate: self.rate,
                })
            }
            _ => Err(
                "an issued key has `brand`, `permissions`, `context` and `roles`, and nothing of a provider key",
            ),
        }
    }

    fn provider_half(&mut self) -> Result<ImportedHalf, &'static str> {
        let foreign = self.default
            || self.brand.is_some()
            || self.permissions.is_some()
            || self.context.is_some()
            || self.roles.is_some()
            || self.rate.is_some();
        match (self.providers.take(), self.models.take()) {
            _ if foreign => Err("a provider key has nothing of an issued key"),
            (Some(providers), Some(models)) => Ok(ImportedHalf::Provider {
                details: ProviderDetails {
                    providers,
                    models,
                    variable: self.variable.take(),
                    // Made from the value.
                    masked: String::new(),
                },
                value: self.value()?.ok_or("its value is missing")?,
            }),
            _ => Err("a provider key has `providers` and `models`"),
        }
    }

    fn value(&self) -> Result<Option<SecretValue>, &'static str> {
        let text = |raw: &RawValue| Secret::from_json_string(raw.get());
        let bytes = match (self.value, self.value_base64) {
            (None, None) => return Ok(None),
            (Some(value), None) => text(value).ok_or("`value` is not a text")?,
            (None, Some(value)) => text(value)
                .and_then(|base64| base64.base64_decoded())
                .ok_or("`value_base64` is not base64")?,
            (Some(_), Some(_)) => return Err("it has both `value` and `value_base64`"),
        };
        SecretValue::new(bytes)
            .map(Some)
            .map_err(|_| "its value is empty, has a NUL byte or more than 65536 bytes")
    }
}

/// Reads what [`Preamble`] and [`KeyEntry`] write.
///
/// # Errors
/// [`DocumentError`], for the first thing that is not as an export has it.
pub(super) fn read_export(bytes: &[u8]) -> Result<Import, DocumentError> {
    // Before its fields: a newer keywright may have others.
    let Version { schema } = serde_json::from_slice(bytes).map_err(|err| syntax(&err))?;
    if schema != 1 {
        return Err(DocumentError::Newer(schema));
    }
    let document: Document<'_> = serde_json::from_slice(bytes).map_err(|err| syntax(&err))?;
    let roles = document.roles.into_iter().map(|entry| ImportedRole {
        role: Role {
            name: entry.name,
            permissions: entry.permissions,
            context: entry.context,
        },
        created_at: entry.created_at.0,
        created_by: entry.created_by,
    });
    Ok(Import {
        roles: roles.collect(),
        keys: document
            .keys
            .into_iter()
            .map(KeyEntry::import)
            .collect::<Result<_, _>>()?,
        values: Vec::new(),
    })
}

pub(super) fn syntax(err: &serde_json::Error) -> DocumentError {
    let message = err.to_string();
    let message = message
        .rsplit_once(" at line ")
        .map_or(message.as_str(), |(message, _)| message);
    // serde repeats what it found where something else belongs, and that may be a value in the wrong place.
    let problem = match (err.classify(), message.rsplit_once(", expected ")) {
        (Category::Data, Some((found, expected))) if found.starts_with("unknown field") => {
            format!("unknown field, expected {expected}")
        }
        (Category::Data, Some((_, expected))) => format!("expected {expected}"),
        _ => message.to_owned(),
    };
    DocumentError::Syntax {
        line: err.line(),
        column: err.column(),
        problem,
    }
}

/// A time as RFC 3339 text.
#[derive(Clone, Copy, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
struct TimeText(Timestamp);

impl TryFrom<String> for TimeText {
    type Error = ParseError;

    fn try_from(text: String) -> Result<Self, ParseError> {
        text.parse().map(Self)
    }
}

impl From<TimeText> for String {
    fn from(TimeText(at): TimeText) -> Self {
        at.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(document: &str) -> String {
        let refused = read_export(document.as_bytes());
        refused.expect_err("refused").to_string()
    }

    #[test]
    fn errors_say_where_and_repeat_no_value() {
        for (document, told) in [
            ("", "line 1, column 0: EOF while parsing a value"),
            (
                "{\"schema\":1,\n \"keys\":[}",
                "line 2, column 10: expected value",
            ),
            (
                r#"{"schema":1,"exported_at":"2026-01-01T00:00:00Z","roles":[],"keys":"sk-canary"}"#,
                "line 1, column 78: expected a sequence",
            ),
            (
                r#"{"schema":1,"exported_at":"2026-01-01T00:00:00Z","roles":[],"keys":[],"sk-canary":1}"#,
                "line 1, column 81: unknown field, expected one of `schema`, `exported_at`, `roles`, `keys`",
            ),
            (
                r#"{"schema":2,"exported_at":"2026-01-01T00:00:00Z","roles":[],"keys":[]}"#,
                "schema 2 was written by a newer keywright",
            ),
        ] {
            assert_eq!(refusal(document), told);
        }
    }
}
