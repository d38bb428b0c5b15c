//! Restoring: a copy takes the place of the vault, which is kept beside it.

use std::path::{Path, PathBuf};

use super::activity::with_cause;
use super::anchor::{Anchor, Remembered, Seen};
use super::draft::{Draft, Finished};
use super::head::{OpenScope, VaultHead, head_hash};
use super::log::{Event, NO_HASH, Verb};
use super::state::State;
use super::whole::Contents;
use super::{Credential, Holder, Location, Vault, VaultError, View, operation_id};
use crate::crypto::{RootKey, SlotKind};
use crate::key::{Actor, ScopeId, Timestamp, VaultId};
use crate::store::{
    ALL_HAVE_TRIED, Access, Change, KEPT, NewFile, SlotRow, Snapshot, StoreError, VaultFile,
    is_same,
};

/// What is where the vault should be.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Present {
    /// Something that cannot be opened as a vault.
    Damaged,
    Missing,
    /// Another vault, and how many changes its log has.
    Other(VaultId, u64),
    /// The same vault, and how many changes its log has.
    Same(u64),
}

/// A copy that was opened and looked at whole, and may take the vault's place.
pub struct Restoration {
    location: Location,
    copy: VaultFile,
    id: VaultId,
    key: RootKey,
    contents: Contents,
    seen: Seen,
    present: Present,
    reopens: Reopens,
}

/// What opens the copy, and the vault in its place no more.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Reopens {
    /// All that opened it before the vault was re-keyed.
    Key,
    Nothing,
    /// The passphrase from before it was changed.
    Passphrase,
}

/// What a restore did.
#[derive(Debug)]
pub struct Restored {
    /// Where what was there before is kept.
    pub kept: Option<PathBuf>,
    /// Entries of the log, with the restore's own.
    pub changes: u64,
    /// What went wrong without stopping anything.
    pub warnings: Vec<String>,
}

impl Restoration {
    /// Opens `copy`, every record of it and its whole log. No anchor is read or written for it.
    ///
    /// # Errors
    /// [`VaultError::Slice`] for a slice, [`VaultError::Unfit`] for the vault itself, and whatever keeps the copy from being
    /// opened whole.
    pub fn prepare(
        location: &Location,
        copy: &Path,
        credential: &Credential<'_>,
        now: Timestamp,
    ) -> Result<Self, VaultError> {
        refuse_itself(location, copy)?;
        let place = Location {
            vault: copy.to_owned(),
            ..location.clone()
        };
        let mut opened = Vault::open(&place, credential, now)?;
        let key = opened.owner_key()?;
        let Vault { file: copy, id, .. } = opened;
        let (contents, seen, ways) = {
            let view = View::of_whole(copy.snapshot()?, id, &key)?;
            let seen = view.state.seen(ScopeId::OWN);
            (view.check_whole(&key)?, seen, Ways::of(&view.snapshot)?)
        };
        let held = Held::open(&location.vault)?;
        let (present, change) = held.begin(id)?;
        let reopens = match (&change, present) {
            // What cannot be read of them is not the copy's.
            (Some(change), Present::Same(_)) => {
                Ways::of(change).map_or(Reopens::Key, |now| ways.reopen(&now))
            }
            _ => Reopens::Nothing,
        };
        drop(change);
        Ok(Self {
            location: location.clone(),
            copy,
            id,
            key,
            contents,
            seen,
            present,
            reopens,
        })
    }

    /// What would open the vault again. Known only where the same vault is in its place.
    pub fn reopens(&self) -> Reopens {
        self.reopens
    }

    /// What is in the copy.
    pub fn contents(&self) -> Contents {
        self.contents
    }

    /// The copy's identity, which the vault has afterwards.
    pub fn id(&self) -> VaultId {
        self.id
    }

    /// What would be replaced.
    pub fn present(&self) -> Present {
        self.present
    }

    /// Puts a copy of the copy, with one more entry in its log, where the vault is, and keeps what was there beside it.
    /// Its sequence numbers are above all that this machine has seen, so that everybody who opens it goes on with it.
    ///
    /// Nobody can change what is there meanwhile: whoever wants to waits, finds another file, and changes that.
    ///
    /// # Errors
    /// [`StoreError::Replaced`] when the copy, or what is replaced, is no longer what [`Restoration::prepare`] found;
    /// [`StoreError::Io`] where the anchor that is there would refuse the restored vault and cannot be told of it. What
    /// was there is there still.
    pub fn carry_out(self, who: &Actor, now: Timestamp) -> Result<Restored, VaultError> {
        let Self {
            location, id, key, ..
        } = &self;
        let new = NewFile::with_folder(&location.vault)?;
        self.copy_into(&new)?;
        let held = Held::open(&location.vault)?;
        let (present, lock) = held.begin(*id)?;
        if !present.is_as_told(self.present) {
            return Err(StoreError::Replaced(location.vault.clone()).into());
        }
        let past = Past {
            present: lock.as_deref(),
            state: location.state.join(id.to_string()),
            path: new.target(),
            vault: *id,
            key,
        };
        let anchor = past.anchor(ScopeId::OWN);
        // With every anchor read: one that cannot be read stops the restore while nothing was changed.
        let seen = self.seal_into(&new, &past, who, now)?;
        let overruled = past.overruled(self.scopes_of(&new)?);
        let mut warnings = Vec::new();
        // Before the swap: whoever opens the vault after it, or after a crash in it, finds that it was meant.
        if let Err(err) = anchor.announce(&seen, key) {
            // Where something is remembered, it would refuse what is restored.
            if !matches!(anchor.read(key), Ok(None)) {
                return Err(err.into());
            }
            warnings.push(unanchored(&err));
        }
        let kept = match present {
            Present::Missing => {
                new.publish()?;
                None
            }
            _ => Some(new.swap(&format!("{KEPT}{}", compact(now)))?),
        };
        if lock.is_some() {
            // While the lock is held nobody takes the new file's journal for that of the old one, which has lost its name.
            std::thread::sleep(ALL_HAVE_TRIED);
        }
        drop(lock);
        // Whatever was remembered here: this is the vault now, because its owner said so.
        if let Err(err) = anchor.raise(&seen, key, true) {
            warnings.push(unanchored(&err));
        }
        for (anchor, seen, key) in overruled {
            if let Err(err) = anchor.raise(&seen, &key, true) {
                warnings.push(format!(
                    "access tokens that were used here are refused until a rollback is accepted: {}",
                    with_cause(&err)
                ));
            }
        }
        warnings.dedup();
        Ok(Restored {
            kept,
            changes: seen.log_length,
            warnings,
        })
    }

    /// What holders of access tokens will see.
    fn scopes_of(&self, new: &NewFile) -> Result<Vec<(ScopeId, Seen, RootKey)>, VaultError> {
        let holder = Holder::Owner(self.key.duplicate());
        let state = State::verify(&new.file().snapshot()?, self.id, &holder)?;
        let scopes = state.scopes.iter();
        let scopes = scopes.map(|open| (open.row.id, seen_of(open), open.key.duplicate()));
        Ok(scopes.collect())
    }

    fn copy_into(&self, new: &NewFile) -> Result<(), VaultError> {
        let change = new.change()?;
        {
            let view = View::of_whole(self.copy.snapshot()?, self.id, &self.key)?;
            if view.state.seen(ScopeId::OWN) != self.seen {
                return Err(StoreError::Replaced(self.copy.path().to_owned()).into());
            }
            view.copy_whole(&change)?;
        }
        change.commit()?;
        let view = View::of_whole(new.file().snapshot()?, self.id, &self.key)?;
        view.check_whole(&self.key)?;
        Ok(())
    }

    /// Adds the entry of the log, and raises the sequence numbers.
    fn seal_into(
        &self,
        new: &NewFile,
        past: &Past<'_>,
        who: &Actor,
        now: Timestamp,
    ) -> Result<Seen, VaultError> {
        let holder = Holder::Owner(self.key.duplicate());
        let change = new.change()?;
        let state = State::verify(&change, self.id, &holder)?;
        let mut draft = Draft::new(change, state, self.key.duplicate(), now);
        for id in draft.scope_ids() {
            let (own, floor) = {
                let open = draft.scope(id);
                (seen_of(open), past.of_scope(open)?)
            };
            if let Some(floor) = floor
                && (floor.sequence > own.sequence
                    || (floor.sequence == own.sequence && floor.head_hash != own.head_hash))
            {
                draft.raise_scope(id, floor.sequence);
            }
        }
        let event = Event::of_vault(Verb::Restore)
            .with_detail(format!("as of change {}", self.contents.changes));
        let entry = event.entry(operation_id()?, now, who.clone());
        let Finished { change, seen, .. } = draft.finish(&entry, past.of_vault()?)?;
        change.commit()?;
        Ok(seen)
    }
}

impl Present {
    /// Whether the owner was told of it: the same vault may have been changed meanwhile, which is kept.
    fn is_as_told(self, told: Self) -> bool {
        match (self, told) {
            (Self::Same(_), Self::Same(_)) => true,
            (Self::Other(id, _), Self::Other(told, _)) => id == told,
            (now, told) => now == told,
        }
    }
}

/// What is where the vault should be, open where it can be opened.
struct Held {
    file: Option<VaultFile>,
    is_there: bool,
}

impl Held {
    fn open(path: &Path) -> Result<Self, VaultError> {
        match VaultFile::open(path, Access::Owner) {
            Ok(file) => Ok(Self {
                file: Some(file),
                is_there: true,
            }),
            Err(StoreError::Missing(_)) => Ok(Self {
                file: None,
                is_there: false,
            }),
            Err(err) if is_damage(&err) => Ok(Self {
                file: None,
                is_there: true,
            }),
            Err(err) => Err(err.into()),
        }
    }

    /// Keeps everybody from changing it, where anybody could.
    fn begin(&self, vault: VaultId) -> Result<(Present, Option<Change<'_>>), VaultError> {
        let Some(file) = &self.file else {
            let present = if self.is_there {
                Present::Damaged
            } else {
                Present::Missing
            };
            return Ok((present, None));
        };
        let looked = file.change().and_then(|change| {
            let id = change.header()?.vault;
            let changes = change.log_bounds()?.map_or(0, |(_, last)| last);
            let present = if id == vault {
                Present::Same(changes)
            } else {
                Present::Other(id, changes)
            };
            Ok((present, Some(change)))
        });
        match looked {
            Err(err) if is_damage(&err) => Ok((Present::Damaged, None)),
            looked => Ok(looked?),
        }
    }
}

/// Whether a vault is restored because of it.
pub(super) fn is_damage(err: &StoreError) -> bool {
    matches!(
        err,
        StoreError::Altered { .. }
            | StoreError::Newer { .. }
            | StoreError::NotAVault(_)
            | StoreError::Sqlite { .. }
    )
}

/// What is known here of the vault's newer states: what is in its place, as far as the key opens that, and the anchors.
struct Past<'a> {
    present: Option<&'a Snapshot<'a>>,
    /// The vault's folder of anchors.
    state: PathBuf,
    path: &'a Path,
    vault: VaultId,
    key: &'a RootKey,
}

/// The highest number that an anchor of another key is believed: it is not authentic, and there must be room above it.
const FOREIGN_LIMIT: u64 = 1 << 53;

impl Past<'_> {
    fn anchor(&self, scope: ScopeId) -> Anchor {
        Anchor::new(&self.state, self.path, self.vault, scope)
    }

    /// The anchors of scopes that refuse the key that the scope has again, though its owner has said that it has: they know it
    /// as one that another replaced, or have another's number that is not believed. One that is damaged is for whoever holds a
    /// token to accept.
    fn overruled(&self, scopes: Vec<(ScopeId, Seen, RootKey)>) -> Vec<(Anchor, Seen, RootKey)> {
        let scopes = scopes.into_iter().filter_map(|(scope, seen, key)| {
            let anchor = self.anchor(scope);
            let known = anchor.read(&key).ok()??;
            let refuses = known.retired || known.seen.sequence >= seen.sequence;
            (refuses && !known.authentic).then_some((anchor, seen, key))
        });
        scopes.collect()
    }

    /// The highest sequence number of the vault.
    fn of_vault(&self) -> Result<u64, VaultError> {
        let head = || {
            let header = self.present?.header().ok()?;
            VaultHead::open(&header.head, self.key, self.vault).ok()
        };
        let present = head().map_or(0, |head| head.sequence);
        let anchored = self.anchored(ScopeId::OWN, self.key)?;
        Ok(present.max(anchored.map_or(0, |seen| seen.sequence)))
    }

    /// The latest state of a scope: a token's holder refuses what is older, or another of the same age.
    fn of_scope(&self, open: &OpenScope) -> Result<Option<Seen>, VaultError> {
        let present = || {
            let rows = self.present?.scopes().ok()?;
            let row = rows.into_iter().find(|row| row.id == open.row.id)?;
            let there = OpenScope::open(row, self.key, self.vault).ok()?;
            Some(seen_of(&there))
        };
        let anchored = self.anchored(open.row.id, &open.key)?;
        let known = [present(), anchored].into_iter().flatten();
        Ok(known.max_by_key(|seen| seen.sequence))
    }

    /// What an anchor says, also one from before or after a re-keying. One that is damaged says nothing; one that cannot
    /// be read may say that there are newer states than the restored vault would have.
    fn anchored(&self, scope: ScopeId, key: &RootKey) -> Result<Option<Seen>, VaultError> {
        let remembered = match self.anchor(scope).read(key) {
            Err(VaultError::AnchorDamaged(_)) => None,
            read => read?,
        };
        let counts = |it: &Remembered| it.authentic || it.seen.sequence < FOREIGN_LIMIT;
        Ok(remembered.filter(counts).map(|it| it.seen))
    }
}

/// What a vault file is opened with by its owner.
struct Ways {
    key_id: [u8; 16],
    passphrases: Vec<SlotRow>,
}

impl Ways {
    fn of(snapshot: &Snapshot<'_>) -> Result<Self, StoreError> {
        let mut passphrases = snapshot.slots()?;
        passphrases.retain(|slot| slot.kind == SlotKind::Passphrase.number());
        Ok(Self {
            key_id: snapshot.header()?.key_id,
            passphrases,
        })
    }

    fn reopen(&self, now: &Self) -> Reopens {
        if self.key_id != now.key_id {
            Reopens::Key
        } else if self.passphrases != now.passphrases {
            Reopens::Passphrase
        } else {
            Reopens::Nothing
        }
    }
}

fn seen_of(open: &OpenScope) -> Seen {
    Seen {
        sequence: open.head.meta.sequence,
        head_hash: head_hash(&open.row.head),
        log_length: 0,
        log_hash: NO_HASH,
    }
}

fn refuse_itself(location: &Location, copy: &Path) -> Result<(), VaultError> {
    if is_same(&location.vault, copy) {
        return Err(VaultError::Unfit {
            path: copy.display().to_string(),
            why: "it is the vault itself".to_owned(),
        });
    }
    Ok(())
}

/// `20270115T080000Z`: a time without what some systems have no file names with.
fn compact(at: Timestamp) -> String {
    at.to_string().replace([':', '-'], "")
}

fn unanchored(err: &StoreError) -> String {
    format!(
        "an older copy of the vault would not be noticed here: {}",
        with_cause(err)
    )
}
