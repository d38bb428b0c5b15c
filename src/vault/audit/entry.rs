//! What an audit tells, and of what it tells.

use super::uses::OpenedUse;
use crate::key::{Actor, Environment, KeyId, KeyKind, KeyName, Project, Scope, Timestamp};
use crate::store::EventRow;
use crate::vault::activity::{USE_VERBS, is_allowed};
use crate::vault::log::{LogEntry, Verb};
use crate::vault::request::UseRequest;
use crate::vault::verify::Code;

/// A verb that an entry can have: one of the log's, or one of the uses'.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct AuditVerb(&'static str);

impl AuditVerb {
    /// All of them, the log's first.
    pub fn all() -> impl Iterator<Item = Self> {
        Verb::ALL
            .map(Verb::text)
            .into_iter()
            .chain(USE_VERBS)
            .map(Self)
    }

    /// As it is written.
    pub fn text(self) -> &'static str {
        self.0
    }

    fn is_of_uses(self) -> bool {
        USE_VERBS.contains(&self.0)
    }
}

/// An answer that the entry of a use can have. Attempts without a key's id have no entries, they are only counted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct AuditCode(&'static str);

impl AuditCode {
    /// All of them, in alphabetical order.
    pub fn all() -> impl Iterator<Item = Self> {
        let codes = [
            "env",
            Code::Expired.text(),
            "export",
            "get",
            Code::InsufficientPermission.text(),
            Code::RateLimited.text(),
            Code::Revoked.text(),
            Code::Rotated.text(),
            "run",
            Code::Undelivered.text(),
            Code::Valid.text(),
            Code::WrongEnvironment.text(),
            Code::WrongProject.text(),
            "wrong_secret",
        ];
        codes.into_iter().map(Self)
    }

    /// As it is written.
    pub fn text(self) -> &'static str {
        self.0
    }
}

/// Which entries are wanted; every condition that is given has to hold.
#[derive(Clone, Debug, Default)]
pub struct AuditFilter {
    pub project: Option<Project>,
    pub environment: Option<Environment>,
    /// Any of these; of all where there is none.
    pub verbs: Vec<AuditVerb>,
    /// Any of these; none lets changes through, too.
    pub codes: Vec<AuditCode>,
    pub actor: Option<Actor>,
    /// The first second.
    pub since: Option<Timestamp>,
    /// The last second.
    pub until: Option<Timestamp>,
    /// Most entries: the newest; `None` for all.
    pub limit: Option<usize>,
}

impl AuditFilter {
    /// Whether keys are looked for in one scope alone.
    pub(super) fn is_strict(&self) -> bool {
        self.project.is_some() || self.environment.is_some()
    }

    /// Whether any use can pass.
    pub(super) fn takes_uses(&self) -> bool {
        self.verbs.is_empty() || self.verbs.iter().any(|verb| verb.is_of_uses())
    }

    pub(super) fn times(&self) -> std::ops::RangeInclusive<Timestamp> {
        let (first, last) = (Timestamp(i64::MIN), Timestamp(i64::MAX));
        self.since.unwrap_or(first)..=self.until.unwrap_or(last)
    }

    pub(super) fn takes(&self, entry: &AuditEntry) -> bool {
        let scope = entry.scope.as_ref();
        let in_project = |wanted: &Project| scope.is_some_and(|scope| scope.project == *wanted);
        let in_environment =
            |wanted: &Environment| scope.is_some_and(|scope| scope.environment == *wanted);
        let has_verb = |wanted: &AuditVerb| wanted.0 == entry.verb;
        let has_code = |wanted: &AuditCode| Some(wanted.0) == entry.code.as_deref();
        self.project.as_ref().is_none_or(in_project)
            && self.environment.as_ref().is_none_or(in_environment)
            && (self.verbs.is_empty() || self.verbs.iter().any(has_verb))
            && (self.codes.is_empty() || self.codes.iter().any(has_code))
            && self
                .actor
                .as_ref()
                .is_none_or(|wanted| *wanted == entry.actor)
            && self.times().contains(&entry.at)
    }
}

/// Where an entry is from. At the same second, a change comes before a use, unless it is what ended the token.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum AuditSource {
    /// The vault's log of changes.
    Log,
    /// The activity file.
    Use,
}

/// One change of the vault, or one use of a key.
#[derive(Clone, Debug, PartialEq)]
pub struct AuditEntry {
    pub at: Timestamp,
    pub source: AuditSource,
    /// Its number in the log, or in the activity file; from 1.
    pub number: u64,
    /// Of a change: 32 random hexadecimal digits.
    pub operation: Option<String>,
    pub verb: String,
    /// Of a use: the answer.
    pub code: Option<String>,
    pub actor: Actor,
    pub scope: Option<Scope>,
    pub kind: Option<KeyKind>,
    pub key_id: Option<KeyId>,
    /// What the key is called now, or was last.
    pub name: Option<KeyName>,
    pub generation: Option<u32>,
    pub detail: Option<String>,
    /// Of a verification over HTTP: what was asked.
    pub request: Option<UseRequest>,
    /// Of a use, how many alike there were in that second.
    pub times: Option<u64>,
}

impl AuditEntry {
    /// Whether it is a use that was not let through.
    pub fn is_refused(&self) -> bool {
        self.code.as_deref().is_some_and(|code| !is_allowed(code))
    }

    pub(super) fn of_log(number: u64, entry: LogEntry) -> Self {
        Self {
            at: entry.at,
            source: AuditSource::Log,
            number,
            operation: Some(entry.operation),
            verb: entry.verb.text().to_owned(),
            code: None,
            actor: entry.actor,
            scope: entry.scope,
            kind: entry.kind,
            key_id: entry.key_id.and_then(|id| id.parse().ok()),
            name: entry.name,
            generation: entry.generation,
            detail: entry.detail,
            request: None,
            times: None,
        }
    }

    pub(super) fn of_use(row: &EventRow, used: OpenedUse<'_>) -> Self {
        let OpenedUse { event, token, .. } = used;
        let times = event.times();
        let program = event.program.map(|program| format!("program {program}"));
        let detail: Vec<String> = program.into_iter().chain(token).collect();
        Self {
            at: row.at,
            source: AuditSource::Use,
            number: row.sequence,
            operation: None,
            verb: event.verb,
            code: Some(event.code),
            actor: event.actor,
            scope: Some(used.scope.clone()),
            kind: Some(used.kind),
            key_id: row.key_id,
            name: None,
            generation: (event.generation > 0).then_some(event.generation),
            detail: (!detail.is_empty()).then(|| detail.join(", ")),
            times: Some(times),
            request: event.request,
        }
    }
}
