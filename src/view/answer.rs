//! What is said of a presented token, as `verify` and `serve` say it.

use serde::Serialize;

use super::{role_names, text};
use crate::key::{Context, Environment, KeyId, PermissionSet, Project, RoleName};
use crate::vault::{Code, KnownKey, Verdict};

/// The answer as JSON. After a refusal there is no more than the code and, for a token that was good, whose it is.
#[derive(Serialize)]
pub(crate) struct AnswerView<'a> {
    valid: bool,
    code: Code,
    key_id: Option<KeyId>,
    name: Option<&'a str>,
    #[serde(flatten)]
    granted: Option<Granted<'a>>,
}

#[derive(Serialize)]
struct Granted<'a> {
    display: String,
    project: &'a Project,
    environment: &'a Environment,
    permissions: PermissionSet,
    roles: Vec<&'a RoleName>,
    context: Context,
    created_by: &'a str,
    expires_at: Option<String>,
    generation: Option<u32>,
    superseded: bool,
    /// Absent where it is added later.
    #[serde(skip_serializing_if = "Option::is_none")]
    checked_at: Option<String>,
}

impl<'a> AnswerView<'a> {
    pub(crate) fn of(verdict: &'a Verdict) -> Self {
        let key = verdict.key.as_ref();
        let valid = verdict.code == Code::Valid;
        Self {
            valid,
            code: verdict.code,
            key_id: key.map(KnownKey::id),
            name: key.map(|key| key.name().as_str()),
            granted: key.filter(|_| valid).and_then(|key| granted(key, verdict)),
        }
    }

    /// Without the time, for who adds it.
    pub(crate) fn undated(mut self) -> Self {
        if let Some(granted) = &mut self.granted {
            granted.checked_at = None;
        }
        self
    }
}

fn granted<'a>(key: &'a KnownKey, verdict: &Verdict) -> Option<Granted<'a>> {
    let issued = key.issued()?;
    let end = key
        .generations()
        .iter()
        .find(|generation| Some(generation.number) == verdict.generation)?;
    Some(Granted {
        display: key.display(),
        project: &key.scope().project,
        environment: &key.scope().environment,
        permissions: issued.granted_permissions(),
        roles: role_names(issued),
        context: issued.granted_context(),
        created_by: key.created_by().as_str(),
        expires_at: text(end.valid_until()),
        generation: verdict.generation,
        superseded: verdict.superseded,
        checked_at: Some(verdict.checked_at.to_string()),
    })
}
