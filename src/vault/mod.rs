//! The use cases of a vault, one method each, and the rules of issuing, rotating and verifying. No SQL, no terminal.

mod access;
mod activity;
mod anchor;
mod audit;
mod backup;
mod counts;
mod doctor;
mod draft;
mod edit;
mod end;
mod error;
mod export;
mod find;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
mod hand_out;
mod head;
mod import;
mod issue;
mod kept;
mod known;
mod list;
mod log;
mod need;
mod own;
mod provider;
mod purpose;
mod read_back;
mod record;
mod recorder;
mod recovery;
mod rekey;
mod request;
mod restore;
mod role;
mod rotate;
mod slice;
mod state;
mod unfinished;
mod unlock;
mod verifier;
mod verify;
mod whole;

use std::path::PathBuf;

use self::activity::with_cause;
use self::anchor::{Anchor, Remembered, Seen, compare};
use self::draft::{Draft, Finished};
use self::log::{Event, LogMark, entry_hash, open_entry};
use self::state::State;
use self::unfinished::Unfinished;
use crate::crypto::{RootKey, random};
use crate::key::{Actor, ScopeId, SlotId, Timestamp, VaultId};
use crate::store::{ActivityFile, Snapshot, VaultFile};

pub use self::access::{AccessOutline, AccessToken, NewAccess, RecoveryCode};
pub use self::activity::{KeyUsage, SinceRotation, Tally, UsageCount, UseEvent, VaultUsage};
pub use self::audit::{
    Audit, AuditCode, AuditEntry, AuditFilter, AuditMark, AuditSource, AuditVerb,
};
pub use self::backup::BackedUp;
pub use self::counts::UseCounts;
pub use self::doctor::{
    AccessTrouble, Diagnosis, Examined, Fault, FileTrouble, KeyTrouble, Limited, Trouble,
};
pub use self::edit::{Edited, FieldChange, KeyEdit, ListEdit};
pub(crate) use self::error::listed;
pub use self::error::{VaultError, Which};
pub use self::export::{Export, ExportedKey};
pub use self::find::{Found, Wanted};
pub use self::hand_out::{Assigned, HandOut, HandedOut, Preview, Readiness, Selection};
pub use self::import::{
    Fate, Import, Imported, ImportedHalf, ImportedKey, ImportedRole, ImportedValue,
};
pub use self::issue::{Delivered, NewIssued, Pending};
pub use self::kept::KnownKey;
pub use self::known::KnownKeys;
pub use self::list::Filter;
pub use self::log::{LogEntry, Verb};
pub use self::need::Need;
pub use self::provider::Comparison;
pub use self::purpose::Purpose;
pub use self::recorder::{RecordedUse, Recorder};
pub use self::rekey::{Dropped, WaysIn};
pub use self::request::{RequestText, UseRequest};
pub use self::restore::{Present, Reopens, Restoration, Restored};
pub use self::role::{RoleChange, RoleUse};
pub use self::rotate::Rotation;
pub use self::slice::{SliceOutcome, SliceScopes, Sliced};
pub(crate) use self::unfinished::arguments_about;
pub use self::unlock::{Credential, LockedVault, Outline, SlotOutline};
pub use self::verifier::Verifier;
pub use self::verify::{Checked, Code, Requirements, Verdict};
pub use self::whole::Contents;
pub use crate::store::{KeyTotal, Leftover, Retention, StoreError};

/// Where a vault and what belongs to it are, and how strictly it is kept.
#[derive(Clone, Debug)]
pub struct Location {
    pub vault: PathBuf,
    /// Folder of the rollback anchors and the activity file of all vaults.
    pub state: PathBuf,
    /// The activity file, when it is not in the state folder.
    pub activity: Option<PathBuf>,
    /// Goes on with an older or forked copy.
    pub accept_rollback: bool,
    /// A use that cannot be recorded is refused.
    pub audit_required: bool,
    /// How much of the uses is kept.
    pub retention: Retention,
}

/// Who opened the vault, and with which key.
#[derive(Debug)]
enum Holder {
    Owner(RootKey),
    /// In the order of their scopes, each of which is there once.
    Tokens(Vec<ScopeKey>),
}

/// What an access token opens.
#[derive(Debug)]
struct ScopeKey {
    slot: SlotId,
    scope: ScopeId,
    key: RootKey,
    which: Which,
    expires_at: Option<Timestamp>,
}

impl Holder {
    /// What it opens, and with which keys; the vault's own scope is all of the vault.
    fn keys(&self) -> Vec<(ScopeId, &RootKey)> {
        match self {
            Self::Owner(key) => vec![(ScopeId::OWN, key)],
            Self::Tokens(opened) => opened.iter().map(|one| (one.scope, &one.key)).collect(),
        }
    }
}

/// An unlocked vault.
pub struct Vault {
    file: VaultFile,
    id: VaultId,
    holder: Holder,
    location: Location,
    /// Opened when it is first needed.
    activity: Option<ActivityFile>,
    has_recorded: bool,
    warnings: Vec<String>,
    /// The time, until the first read or write has looked for what a killed process left half done.
    look_back: Option<Timestamp>,
    unfinished: Option<Unfinished>,
}

/// A snapshot and what was found authentic in it.
struct View<'a> {
    snapshot: Snapshot<'a>,
    state: State,
}

impl Vault {
    /// Its identity for life.
    pub fn id(&self) -> VaultId {
        self.id
    }

    /// What went wrong without stopping anything; each is told once.
    pub fn take_warnings(&mut self) -> Vec<String> {
        let mut warnings = std::mem::take(&mut self.warnings);
        let unfinished = self.unfinished.take();
        warnings.extend(unfinished.map(|unfinished| unfinished.to_string()));
        warnings
    }

    /// The anchor of what a key opens.
    fn anchor(&self, scope: ScopeId) -> Anchor {
        Anchor::new(&self.state_folder(), self.file.path(), self.id, scope)
    }

    fn state_folder(&self) -> PathBuf {
        self.location.state.join(self.id.to_string())
    }

    /// Reads: anchors first, then one checked snapshot, then the anchors are raised to what was seen.
    fn read<T>(
        &mut self,
        body: impl FnOnce(&View<'_>) -> Result<T, VaultError>,
    ) -> Result<T, VaultError> {
        let anchors = self.anchored()?;
        // After the anchors: an unlinked file would be older than what others have seen since.
        self.file.follow()?;
        let snapshot = self.file.snapshot()?;
        let view = View {
            state: State::verify(&snapshot, self.id, &self.holder)?,
            snapshot,
        };
        let mut higher = Vec::new();
        for (scope, known) in anchors {
            let now = view.state.seen(scope);
            self.check_anchor(&view.snapshot, &now, known.as_ref())?;
            if known.is_none_or(|known| known.seen.sequence < now.sequence || !known.authentic) {
                higher.push((scope, now, known));
            }
        }
        if let (Some(now), Holder::Owner(key)) = (self.look_back.take(), &self.holder) {
            self.unfinished = Unfinished::of(&view.snapshot, &view.state, key, now);
        }
        let answer = body(&view)?;
        drop(view);
        for (scope, now, known) in higher {
            self.raise(scope, &now, known.as_ref());
        }
        Ok(answer)
    }

    /// Writes: the checked state is changed by `body`, sealed, committed and anchored. `body` may run more than once,
    /// when the file was replaced under it; it returns no event when there is nothing to change.
    fn write<T>(
        &mut self,
        who: &Actor,
        now: Timestamp,
        mut body: impl FnMut(&mut Draft<'_>) -> Result<(T, Option<Event>), VaultError>,
    ) -> Result<T, VaultError> {
        // A replaced file is opened again; one that is replaced again and again is somebody's fight.
        for _ in 0..8 {
            match self.try_write(who, now, &mut body) {
                Err(VaultError::Store(StoreError::Replaced(_))) => self.file.reopen()?,
                outcome => return outcome,
            }
        }
        Err(StoreError::Replaced(self.file.path().to_owned()).into())
    }

    fn try_write<T>(
        &mut self,
        who: &Actor,
        now: Timestamp,
        body: &mut impl FnMut(&mut Draft<'_>) -> Result<(T, Option<Event>), VaultError>,
    ) -> Result<T, VaultError> {
        let key = self.owner_key()?;
        let seen = self.anchored()?.pop().and_then(|(_, known)| known);
        let change = self.file.change()?;
        let state = State::verify(&change, self.id, &self.holder)?;
        self.check_anchor(&change, &state.seen(ScopeId::OWN), seen.as_ref())?;
        if let Some(now) = self.look_back.take() {
            self.unfinished = Unfinished::of(&change, &state, &key, now);
        }
        let mut draft = Draft::new(change, state, key, now);
        let (answer, event) = body(&mut draft)?;
        let Some(event) = event else {
            return Ok(answer);
        };
        let is_settled = |left: &Unfinished| left.is_settled_by(&event);
        let settled = self.unfinished.as_ref().is_some_and(is_settled);
        let operation = operation_id()?;
        let entry = event.entry(operation.clone(), now, who.clone());
        // The number of a foreign anchor is nobody's word, so it raises nothing.
        let floor = seen
            .filter(|known| known.authentic)
            .map_or(0, |known| known.seen.sequence);
        let Finished {
            change,
            seen: finished,
            previous,
            key,
        } = draft.finish(&entry, floor)?;
        if let Err(failure) = change.commit() {
            self.settle(failure, &operation, &finished, &previous, &key)?;
        }
        if settled {
            self.unfinished = None;
        }
        // Before the anchor: its MAC is under the key that the vault has now.
        self.holder = Holder::Owner(key);
        self.raise(ScopeId::OWN, &finished, seen.as_ref());
        Ok(answer)
    }

    /// A commit that failed may have happened all the same: opens the file again and looks for the operation.
    fn settle(
        &mut self,
        failure: StoreError,
        operation: &str,
        seen: &Seen,
        previous: &[u8; 32],
        key: &RootKey,
    ) -> Result<(), VaultError> {
        let id = self.id;
        let mut look = || -> Result<bool, VaultError> {
            self.file.reopen()?;
            let Some(entry) = self.file.snapshot()?.log_entry(seen.log_length)? else {
                return Ok(false);
            };
            Ok(open_entry(&entry, seen.log_length, previous, key, id)
                .is_ok_and(|entry| entry.operation == operation))
        };
        match look() {
            Ok(true) => Ok(()),
            Ok(false) => Err(failure.into()),
            Err(_) => Err(VaultError::Uncertain(failure)),
        }
    }

    /// What this machine has seen before of what each key opens. Read before the vault is, so that it cannot be newer.
    fn anchored(&mut self) -> Result<Vec<(ScopeId, Option<Remembered>)>, VaultError> {
        let mut anchored = Vec::new();
        for (scope, key) in self.holder.keys() {
            let known = match self.anchor(scope).read(key) {
                Err(VaultError::AnchorDamaged(_)) if self.location.accept_rollback => None,
                read => read?,
            };
            anchored.push((scope, known));
        }
        Ok(anchored)
    }

    fn check_anchor(
        &self,
        snapshot: &Snapshot<'_>,
        now: &Seen,
        remembered: Option<&Remembered>,
    ) -> Result<(), VaultError> {
        let Some(remembered) = remembered.filter(|_| !self.location.accept_rollback) else {
            return Ok(());
        };
        let follows = |remembered: &Remembered| {
            compare(now, remembered, self.file.path(), |index| {
                let entry = snapshot.log_entry(index)?;
                Ok(entry.map(|entry| entry_hash(&entry, index, self.id)))
            })
        };
        match (follows(remembered), &self.holder) {
            // A restored vault has another history, which its owner has announced. The anchor says so a moment later, or
            // did since it was read.
            (Err(VaultError::Forked { path }), Holder::Owner(key)) => {
                let anchor = self.anchor(ScopeId::OWN);
                let later = [anchor.announced(key), anchor.read(key).ok().flatten()];
                let mut later = later
                    .into_iter()
                    .flatten()
                    .filter(|it| it.authentic && it.seen.sequence > remembered.seen.sequence);
                if later.any(|later| follows(&later).is_ok()) {
                    Ok(())
                } else {
                    Err(VaultError::Forked { path })
                }
            }
            (outcome, _) => outcome,
        }
    }

    /// Raises the anchor of what a key of the holder's opens, and tells the owner where what was known was of another key.
    fn raise(&mut self, scope: ScopeId, seen: &Seen, known: Option<&Remembered>) {
        let keys = self.holder.keys();
        let Some((_, key)) = keys.iter().find(|(opened, _)| *opened == scope) else {
            return;
        };
        let raised = self
            .anchor(scope)
            .raise(seen, key, self.location.accept_rollback);
        if let Err(err) = raised {
            self.warnings.push(format!(
                "an older copy of the vault would not be noticed here: {}",
                with_cause(&err)
            ));
        } else if scope == ScopeId::OWN && known.is_some_and(|known| !known.authentic) {
            self.warnings.push(
                "the rollback anchor on this machine was from before a re-keying; it is renewed"
                    .to_owned(),
            );
        }
    }

    /// A copy of the vault key, which only its owner has.
    fn owner_key(&mut self) -> Result<RootKey, VaultError> {
        match &self.holder {
            Holder::Owner(key) => Ok(key.duplicate()),
            Holder::Tokens(_) => {
                let open = self.read(|view| Ok(view.state.opened()))?;
                Err(VaultError::OwnerOnly { open })
            }
        }
    }

    /// The vault key, for whoever keeps it so that the passphrase is not asked for again.
    ///
    /// # Errors
    /// [`VaultError::OwnerOnly`] for the holder of access tokens.
    pub fn vault_key(&mut self) -> Result<RootKey, VaultError> {
        self.owner_key()
    }

    /// Reads the whole log and checks its chain, oldest entry first.
    ///
    /// # Errors
    /// [`VaultError::Altered`] names the first entry that is not in its place.
    pub fn log(&mut self) -> Result<Vec<LogEntry>, VaultError> {
        let key = self.owner_key()?;
        self.read(|view| {
            let mut entries = Vec::new();
            view.read_log(&key, LogMark::START, |_, entry| entries.push(entry))?;
            Ok(entries)
        })
    }
}

fn operation_id() -> Result<String, VaultError> {
    Ok(random::<16>()?
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect())
}

#[cfg(test)]
mod reference;
#[cfg(test)]
mod tamper;
