//! Is this token good? The order of the checks is fixed, and nothing about a key comes out before its digest matches.

use std::sync::Arc;

use serde::Serialize;

use super::activity::ActivityKey;
use super::head::OpenScope;
use super::kept::{Alike, KeptKey, KnownKey, KnownScope};
use super::recorder::Used;
use super::{Vault, VaultError, View};
use crate::crypto::{Digest, NoToken, Presented, Secret};
use crate::key::{
    Actor, Environment, GenerationState, KeyId, KeyKind, Permission, Project, Rate, Timestamp,
};

/// What a verifier demands beyond a good token.
#[derive(Clone, Debug, Default)]
pub struct Requirements {
    pub environment: Option<Environment>,
    pub project: Option<Project>,
    /// All of them have to be allowed.
    pub permissions: Vec<Permission>,
}

/// The answer. Its text is part of the interface.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    Expired,
    InsufficientPermission,
    Malformed,
    Missing,
    /// Only `serve` says so.
    RateLimited,
    Revoked,
    Rotated,
    Undelivered,
    Unknown,
    Valid,
    WrongEnvironment,
    WrongProject,
}

impl Code {
    /// As it is written in JSON and in the usage counts.
    pub fn text(self) -> &'static str {
        match self {
            Self::Expired => "expired",
            Self::InsufficientPermission => "insufficient_permission",
            Self::Malformed => "malformed",
            Self::Missing => "missing",
            Self::RateLimited => "rate_limited",
            Self::Revoked => "revoked",
            Self::Rotated => "rotated",
            Self::Undelivered => "undelivered",
            Self::Unknown => "unknown",
            Self::Valid => "valid",
            Self::WrongEnvironment => "wrong_environment",
            Self::WrongProject => "wrong_project",
        }
    }

    /// Whether the token is good, and only not for this.
    pub fn is_authenticated(self) -> bool {
        matches!(
            self,
            Self::InsufficientPermission
                | Self::RateLimited
                | Self::Valid
                | Self::WrongEnvironment
                | Self::WrongProject
        )
    }
}

/// What is said of a presented token.
#[derive(Clone, Debug)]
pub struct Verdict {
    pub code: Code,
    /// The key, once the digest matched.
    pub key: Option<KnownKey>,
    /// The generation whose token it is.
    pub generation: Option<u32>,
    /// A newer token is out; this one works until the overlap ends.
    pub superseded: bool,
    pub checked_at: Timestamp,
}

/// A verdict before it is recorded.
#[derive(Debug)]
pub struct Checked {
    pub verdict: Verdict,
    /// Whose id was presented, whether or not the rest was right.
    pub(super) presented: Option<(KeyId, Arc<ActivityKey>)>,
}

impl Vault {
    /// Checks a presented credential against every issued key that is open: a bare token, or an `Authorization` line.
    ///
    /// # Errors
    /// When the vault cannot be read, and when the use has to be recorded and cannot be. A token that is refused is
    /// not an error.
    pub fn verify(
        &mut self,
        presented: &Secret,
        requirements: &Requirements,
        record: bool,
        who: &Actor,
        now: Timestamp,
    ) -> Result<Verdict, VaultError> {
        let checked = match Presented::read(presented.as_slice()) {
            Err(none) => Checked::no_token(none, now),
            Ok(token) => {
                let digest = token.digest(self.id);
                self.read(|view| view.check(&digest, token.key_id, requirements, now))?
            }
        };
        if record {
            let used = checked.used();
            self.record(&used, who, now)?;
        }
        Ok(checked.verdict)
    }
}

impl View<'_> {
    fn check(
        &self,
        digest: &Digest,
        id: KeyId,
        requirements: &Requirements,
        now: Timestamp,
    ) -> Result<Checked, VaultError> {
        self.require_issued()?;
        for open in self.issued_scopes() {
            let rows = self.state.pass(&self.snapshot, open, |_| Ok(()))?;
            let Some(row) = rows.by_id(id) else {
                continue;
            };
            let record_key = self.state.record_key(open);
            let record = self
                .state
                .record(&self.snapshot, open.row.id, &record_key, row)?;
            let key = KnownKey {
                scope: Arc::new(KnownScope::of(open)),
                kept: Arc::new(KeptKey::new(None, &record, &mut Alike::default())?),
            };
            return Ok(key.check(digest, requirements, now));
        }
        Ok(Checked::unknown(digest, now))
    }

    /// Who opens no issued keys cannot say of any token whether it is good.
    pub(super) fn require_issued(&self) -> Result<(), VaultError> {
        let wanted = || "issued keys".to_owned();
        let is_issued = |open: &OpenScope| open.kind == KeyKind::Issued;
        self.state.require_open(wanted, is_issued)
    }

    /// The open scopes that a token can be of.
    pub(super) fn issued_scopes(&self) -> impl Iterator<Item = &OpenScope> {
        let scopes = self.state.scopes.iter();
        scopes.filter(|open| open.kind == KeyKind::Issued)
    }
}

impl KnownKey {
    /// What is said of a token with this key's id.
    pub(super) fn check(
        &self,
        digest: &Digest,
        requirements: &Requirements,
        now: Timestamp,
    ) -> Checked {
        let mut matching = None;
        // Every stored digest is compared, so that the time does not tell which one it was.
        for (generation, stored) in self.generations().iter().zip(&self.kept.digests) {
            if digest.is(stored) {
                matching = Some(generation);
            }
        }
        let verdict = match matching {
            None => Verdict::refused(Code::Unknown, now),
            Some(generation) => {
                let state = generation.state(now);
                Verdict {
                    code: judge(self, state, requirements),
                    key: Some(self.clone()),
                    generation: Some(generation.number),
                    superseded: state == GenerationState::Overlap,
                    checked_at: now,
                }
            }
        };
        Checked {
            verdict,
            presented: Some((self.id(), Arc::clone(&self.scope.activity))),
        }
    }
}

/// The order of `tokens and verification`: delivered, revoked, in its time, environment, project, permission.
fn judge(key: &KnownKey, state: GenerationState, requirements: &Requirements) -> Code {
    let allowed = |wanted: &Permission| key.issued().is_some_and(|issued| issued.allows(wanted));
    match state {
        GenerationState::Undelivered => Code::Undelivered,
        _ if key.revoked().is_some() => Code::Revoked,
        GenerationState::Expired => Code::Expired,
        GenerationState::Rotated => Code::Rotated,
        GenerationState::Current | GenerationState::Overlap => {
            if requirements
                .environment
                .as_ref()
                .is_some_and(|wanted| *wanted != key.scope().environment)
            {
                Code::WrongEnvironment
            } else if requirements
                .project
                .as_ref()
                .is_some_and(|wanted| *wanted != key.scope().project)
            {
                Code::WrongProject
            } else if !requirements.permissions.iter().all(allowed) {
                Code::InsufficientPermission
            } else {
                Code::Valid
            }
        }
    }
}

impl Verdict {
    fn refused(code: Code, now: Timestamp) -> Self {
        Self {
            code,
            key: None,
            generation: None,
            superseded: false,
            checked_at: now,
        }
    }

    /// Whose requests are to be counted, and against what: of a valid verdict on a key that has a rate.
    pub fn rate(&self) -> Option<(KeyId, Rate)> {
        let key = self.key.as_ref().filter(|_| self.code == Code::Valid)?;
        Some((key.id(), key.issued()?.rate?))
    }
}

impl Checked {
    /// What such a use is called.
    pub(super) const VERB: &str = "verify";

    /// What is no token is refused before any key is looked at.
    pub(super) fn no_token(why: NoToken, now: Timestamp) -> Self {
        let code = match why {
            NoToken::Malformed => Code::Malformed,
            NoToken::Missing => Code::Missing,
        };
        Self {
            verdict: Verdict::refused(code, now),
            presented: None,
        }
    }

    /// No key has the presented id.
    pub(super) fn unknown(digest: &Digest, now: Timestamp) -> Self {
        // A digest is compared here, too; finding out that an id is known tells nothing that tokens do not show.
        let _ = digest.is(&Digest::DUMMY.stored());
        Self {
            verdict: Verdict::refused(Code::Unknown, now),
            presented: None,
        }
    }

    /// The same of a request above its key's rate: what was valid is [`Code::RateLimited`]; any other answer stays.
    pub fn limited(mut self) -> Self {
        if self.verdict.code == Code::Valid {
            self.verdict.code = Code::RateLimited;
        }
        self
    }

    /// How it is counted: a wrong secret for a known id is told apart here, and only here.
    pub(super) fn used(&self) -> Used<'_> {
        let code = match (&self.verdict.key, &self.presented) {
            (None, Some(_)) => "wrong_secret",
            _ => self.verdict.code.text(),
        };
        Used {
            key: self.presented.as_ref().map(|(id, key)| (*id, &**key)),
            verb: Self::VERB,
            code,
            generation: self.verdict.generation.unwrap_or(0),
            allowed: self.verdict.code == Code::Valid,
            program: None,
            request: None,
            times: 1,
        }
    }
}
