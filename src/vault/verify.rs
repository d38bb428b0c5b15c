//! Is this token good? The order of the checks is fixed, and nothing about a key comes out before its digest matches.

use serde::Serialize;

use super::activity::{ActivityKey, Used};
use super::find::Found;
use super::{Vault, VaultError, View};
use crate::crypto::{Digest, NoToken, Secret, Token};
use crate::key::{
    Actor, Environment, GenerationState, KeyId, KeyKind, Permission, Project, Timestamp,
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
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    Expired,
    InsufficientPermission,
    Malformed,
    Missing,
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
    pub found: Option<Found>,
    /// The generation whose token it is.
    pub generation: Option<u32>,
    /// A newer token is out; this one works until the overlap ends.
    pub superseded: bool,
    pub checked_at: Timestamp,
}

/// A verdict before it is recorded.
struct Checked {
    verdict: Verdict,
    /// Whose id was presented, whether or not the rest was right.
    presented: Option<(KeyId, ActivityKey)>,
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
        let checked = match Token::read(presented) {
            Err(NoToken::Malformed) => Checked::refused(Code::Malformed, now),
            Err(NoToken::Missing) => Checked::refused(Code::Missing, now),
            Ok((token, shape)) => {
                let digest = token.digest(self.id);
                self.read(|view| view.check(&digest, shape.key_id, requirements, now))?
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
        for open in self
            .state
            .scopes
            .iter()
            .filter(|open| open.kind == KeyKind::Issued)
        {
            let rows = self.state.pass(&self.snapshot, open, |_| Ok(()))?;
            let Some(row) = rows.by_id(id) else {
                continue;
            };
            let record_key = self.state.record_key(open);
            let record = self
                .state
                .record(&self.snapshot, open.row.id, &record_key, row)?;
            let key = record.key()?;
            let presented = Some((id, ActivityKey::of(open)));
            let mut matching = None;
            // Every stored digest is compared, so that the time does not tell which one it was.
            for (generation, stored) in key.generations.iter().zip(record.secrets()?) {
                if digest.is(&stored) {
                    matching = Some(generation);
                }
            }
            let Some(generation) = matching else {
                return Ok(Checked {
                    presented,
                    ..Checked::refused(Code::Unknown, now)
                });
            };
            let state = generation.state(now);
            let found = Found::new(open, id, row.revision, key.clone());
            let verdict = Verdict {
                code: judge(&found, state, requirements),
                generation: Some(generation.number),
                superseded: state == GenerationState::Overlap,
                found: Some(found),
                checked_at: now,
            };
            return Ok(Checked { verdict, presented });
        }
        // A digest is compared here, too; finding out that an id is known tells nothing that tokens do not show.
        let _ = digest.is(&Digest::DUMMY.stored());
        Ok(Checked::refused(Code::Unknown, now))
    }
}

/// The order of `tokens and verification`: delivered, revoked, in its time, environment, project, permission.
fn judge(found: &Found, state: GenerationState, requirements: &Requirements) -> Code {
    let allowed = |wanted: &Permission| {
        found
            .key
            .issued()
            .is_some_and(|issued| issued.allows(wanted))
    };
    match state {
        GenerationState::Undelivered => Code::Undelivered,
        _ if found.key.revoked.is_some() => Code::Revoked,
        GenerationState::Expired => Code::Expired,
        GenerationState::Rotated => Code::Rotated,
        GenerationState::Current | GenerationState::Overlap => {
            if requirements
                .environment
                .as_ref()
                .is_some_and(|wanted| *wanted != found.scope.environment)
            {
                Code::WrongEnvironment
            } else if requirements
                .project
                .as_ref()
                .is_some_and(|wanted| *wanted != found.scope.project)
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

impl Checked {
    fn refused(code: Code, now: Timestamp) -> Self {
        let verdict = Verdict {
            code,
            found: None,
            generation: None,
            superseded: false,
            checked_at: now,
        };
        Self {
            verdict,
            presented: None,
        }
    }

    /// How it is counted: a wrong secret for a known id is told apart here, and only here.
    fn used(&self) -> Used<'_> {
        let code = match (&self.verdict.found, &self.presented) {
            (None, Some(_)) => "wrong_secret",
            _ => self.verdict.code.text(),
        };
        Used {
            key: self.presented.as_ref().map(|(id, key)| (*id, key)),
            verb: "verify",
            code,
            generation: self.verdict.generation.unwrap_or(0),
            allowed: self.verdict.code == Code::Valid,
        }
    }
}
