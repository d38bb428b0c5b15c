//! Recording uses: one at a time by a command that makes one, many together by a service that answers many.

use std::hash::Hash;
use std::num::NonZeroU64;
use std::path::PathBuf;
use std::sync::Arc;

use super::activity::{ActivityKey, UseEvent, with_cause};
use super::counts::UseCounts;
use super::request::UseRequest;
use super::{Checked, Vault, VaultError};
use crate::key::{Actor, KeyId, Timestamp, VaultId};
use crate::store::{ActivityFile, Retention, StoreError};

/// Rows that are forgotten after each record at most.
const PRUNED: u32 = 500;

/// One use that is about to be recorded.
#[derive(Clone, Copy, Debug)]
pub(super) struct Used<'a> {
    /// The key and the scope it is in; `None` when no key has the presented id.
    pub(super) key: Option<(KeyId, &'a ActivityKey)>,
    pub(super) verb: &'static str,
    pub(super) code: &'static str,
    pub(super) generation: u32,
    pub(super) allowed: bool,
    /// File name of the program that gets the value.
    pub(super) program: Option<&'a str>,
    pub(super) request: Option<&'a UseRequest>,
    /// How many alike there were in that second.
    pub(super) times: u64,
}

impl Used<'_> {
    fn event(&self, activity: &ActivityKey, who: &Actor) -> UseEvent {
        UseEvent {
            verb: self.verb.to_owned(),
            code: self.code.to_owned(),
            generation: self.generation,
            actor: who.clone(),
            program: self.program.map(str::to_owned),
            access: activity.access(),
            request: self.request.cloned(),
            times: NonZeroU64::new(self.times).filter(|times| times.get() > 1),
        }
    }
}

/// Records uses in one transaction, all of them or none: the events of those that are of a key, and how often each answer
/// was given.
fn record<'a>(
    file: &ActivityFile,
    vault: VaultId,
    uses: impl Iterator<Item = (Used<'a>, Timestamp)> + Clone,
    who: &Actor,
) -> Result<(), VaultError> {
    let mut counts = UseCounts::default();
    uses.clone()
        .for_each(|(used, at)| counts.add_use(&used, at));
    let events = uses.filter_map(|(used, at)| {
        let (id, activity) = used.key?;
        let seal = move |sequence| {
            let event = used.event(activity, who);
            activity.seal(&event, id, sequence, at, vault)
        };
        Some((id, at, seal))
    });
    file.record(events, counts.rows())
}

/// A verification as it is to be recorded: what [`Recorder::write`] takes many of.
#[derive(Clone, Debug)]
pub struct RecordedUse {
    key: Option<(KeyId, Arc<ActivityKey>)>,
    code: &'static str,
    generation: u32,
    allowed: bool,
    at: Timestamp,
    request: Option<UseRequest>,
    times: u64,
}

impl RecordedUse {
    /// What is alike of uses that may be recorded as one, as far as the answer goes: the key, the answer, the generation and
    /// the second. Whether the requests are alike is their caller's to say.
    pub fn likeness(&self) -> impl Hash + use<> {
        let key = self.key.as_ref().map(|(id, _)| *id);
        (key, self.code, self.generation, self.at.0)
    }

    /// The same with the request that was answered.
    pub fn with_request(self, request: Option<UseRequest>) -> Self {
        Self { request, ..self }
    }

    /// Records one more that is alike with this one.
    pub fn again(&mut self) {
        self.times = self.times.saturating_add(1);
    }

    /// Whether it came with a token that is good, and not too often, whatever it was allowed to do.
    pub fn is_of_good_token(&self) -> bool {
        matches!(
            self.code,
            "insufficient_permission" | "valid" | "wrong_environment" | "wrong_project"
        )
    }

    /// How many uses it stands for.
    pub fn times(&self) -> u64 {
        self.times
    }

    fn used(&self) -> Used<'_> {
        Used {
            key: self.key.as_ref().map(|(id, key)| (*id, &**key)),
            verb: Checked::VERB,
            code: self.code,
            generation: self.generation,
            allowed: self.allowed,
            program: None,
            request: self.request.as_ref(),
            times: self.times,
        }
    }
}

#[cfg(test)]
impl RecordedUse {
    /// A refusal, without a vault.
    pub(crate) fn of_no_key(code: &'static str, at: Timestamp) -> Self {
        Self {
            key: None,
            code,
            generation: 0,
            allowed: false,
            at,
            request: None,
            times: 1,
        }
    }
}

impl Checked {
    /// As it is to be recorded, with the request that it answers. Who needs the verdict takes it before.
    pub fn into_recorded(self, request: Option<UseRequest>) -> RecordedUse {
        let Used {
            code,
            generation,
            allowed,
            ..
        } = self.used();
        RecordedUse {
            code,
            generation,
            allowed,
            at: self.verdict.checked_at,
            request,
            times: 1,
            key: self.presented,
        }
    }
}

/// Records uses for whoever answers many, without the vault: it has the activity file open for itself, and opens it again
/// where it was moved away or replaced.
///
/// It decides nothing: whether an answer may go out that could not be recorded is its caller's to say.
pub struct Recorder {
    vault: VaultId,
    path: PathBuf,
    retention: Retention,
    /// Opened when it is needed.
    file: Option<ActivityFile>,
    /// Uses that were recorded since something was forgotten last.
    written: u32,
}

impl Recorder {
    /// Makes sure that the activity file is there and can be used; nothing is recorded.
    ///
    /// # Errors
    /// [`VaultError::Activity`] as [`Recorder::write`].
    pub fn check(&mut self) -> Result<(), VaultError> {
        self.keep(|file| file.newest_event().map(drop).map_err(VaultError::from))
    }

    /// Records uses in one transaction, each at the time it was checked. What could not be recorded was not recorded at
    /// all, so that the same uses may be given again.
    ///
    /// # Errors
    /// [`VaultError::Activity`] when the activity file cannot be made, written or, for 5 seconds, locked, and each time
    /// while it is altered; [`VaultError::Random`] when the system has no randomness.
    pub fn write(&mut self, uses: &[RecordedUse], who: &Actor) -> Result<(), VaultError> {
        if uses.is_empty() {
            return Ok(());
        }
        let vault = self.vault;
        let each = uses.iter().map(|used| (used.used(), used.at));
        self.keep(|file| record(file, vault, each, who))?;
        let count = u32::try_from(uses.len()).unwrap_or(u32::MAX);
        self.written = self.written.saturating_add(count);
        Ok(())
    }

    /// After uses were recorded: forgets as many of what is older than the settings say, and some hundred more, so that a
    /// file that is too long grows shorter under any traffic; and keeps the file's log short. Failing costs nothing.
    pub fn prune(&mut self, now: Timestamp) {
        let step = PRUNED.saturating_add(std::mem::take(&mut self.written));
        if let Some(file) = &self.file {
            forget(file, self.retention, now, step);
        }
    }

    /// With the file as it is now. After a failure it is opened anew, whatever it was.
    fn keep<T>(
        &mut self,
        body: impl FnOnce(&ActivityFile) -> Result<T, VaultError>,
    ) -> Result<T, VaultError> {
        let outcome = ActivityFile::at(&self.path, self.file.take())
            .map_err(VaultError::from)
            .and_then(|file| {
                let done = body(&file)?;
                self.file = Some(file);
                Ok(done)
            });
        outcome.map_err(|err| match err {
            VaultError::Store(err) => VaultError::Activity(err),
            other => other,
        })
    }
}

fn forget(file: &ActivityFile, retention: Retention, now: Timestamp, step: u32) {
    // The next use tries again.
    let _ = file.prune(retention, now, step);
    let _ = file.shorten_log();
}

impl Vault {
    /// Records uses from now on without this vault, which may be closed or used by another thread. The activity file is
    /// opened when it is first needed: [`Recorder::check`] tells whether it can be.
    ///
    /// # Errors
    /// When the folder that a relative path begins in is gone.
    pub fn recorder(&self) -> Result<Recorder, VaultError> {
        let path = self.activity_path();
        let absolute = std::path::absolute(&path).map_err(|source| {
            VaultError::Activity(StoreError::Io {
                action: "find",
                path,
                source,
            })
        });
        Ok(Recorder {
            vault: self.id,
            path: absolute?,
            retention: self.location.retention,
            file: None,
            written: 0,
        })
    }

    /// Records a use. What cannot be recorded is a warning, or refused when the audit is required.
    pub(super) fn record(
        &mut self,
        used: &Used<'_>,
        who: &Actor,
        now: Timestamp,
    ) -> Result<(), VaultError> {
        self.record_all(std::slice::from_ref(used), who, now)
    }

    /// Records uses that belong together, likewise: all of them or none.
    pub(super) fn record_all(
        &mut self,
        used: &[Used<'_>],
        who: &Actor,
        now: Timestamp,
    ) -> Result<(), VaultError> {
        if used.is_empty() {
            return Ok(());
        }
        let vault = self.id;
        let each = used.iter().map(|used| (*used, now));
        let written = self
            .new_activity()
            .map_err(VaultError::from)
            .and_then(|file| record(file, vault, each, who));
        match written {
            Err(err) if self.location.audit_required => Err(VaultError::NotRecorded(err.into())),
            Err(err) => {
                let what = match used.len() {
                    1 => "this use was".to_owned(),
                    count => format!("these {count} uses were"),
                };
                self.warnings
                    .push(format!("{what} not recorded: {}", with_cause(&err)));
                Ok(())
            }
            Ok(()) => {
                self.has_recorded = true;
                Ok(())
            }
        }
    }

    /// After a use was recorded: forgets a little of what is older than the settings say, and keeps the file's log short.
    /// Failing costs nothing.
    pub fn prune_activity(&mut self, now: Timestamp) {
        if let (true, Some(file)) = (self.has_recorded, &self.activity) {
            forget(file, self.location.retention, now, PRUNED);
        }
    }

    /// The activity file as it is now, made when there is none.
    pub(super) fn new_activity(&mut self) -> Result<&ActivityFile, StoreError> {
        let file = ActivityFile::at(&self.activity_path(), self.activity.take())?;
        Ok(self.activity.insert(file))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A server answers in some threads, and records in another.
    #[test]
    fn a_recorder_can_go_to_another_thread() {
        fn sent<T: Send + 'static>() {}
        fn shared<T: Send + Sync + 'static>() {}
        sent::<Recorder>();
        shared::<RecordedUse>();
    }
}
