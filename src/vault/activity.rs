//! Uses of keys: counted and recorded beside the vault, never in it.

use std::collections::HashMap;
use std::num::NonZeroU64;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::find::Found;
use super::head::{OpenScope, from_json, json};
use super::request::UseRequest;
use super::{Vault, VaultError};
use crate::crypto::{Aad, Object, PartsWriter, RootKey, open, seal};
use crate::key::{
    Actor, Generation, Key, KeyId, ScopeId, Sealed, SlotId, Span, Timestamp, VaultId,
};
use crate::store::{ActivityFile, EventRow, KeyTotal, StoreError, UsageRow};

/// What is done with keys, in alphabetical order.
pub(super) const USE_VERBS: [&str; 5] = ["env", "export", "get", "run", "verify"];

/// What was done with a key, and by whom. Field names are part of the activity file's format. Never a token or value.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct UseEvent {
    /// One of the verbs of uses.
    pub verb: String,
    /// The answer: a verification code, or the verb again for a provider key.
    pub code: String,
    /// 0 when no generation's digest matched.
    pub generation: u32,
    pub actor: Actor,
    /// File name of the program that got the value.
    pub program: Option<String>,
    /// Slot id of the access token that opened the key's scope; `None` where the vault's owner used it.
    pub access: Option<String>,
    /// The request that was answered; `None` where none came over a network.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<UseRequest>,
    /// How many alike there were in that second, the same answer to the same request; `None` for this one alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<NonZeroU64>,
}

/// One day's count of one answer.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct UsageCount {
    pub generation: u32,
    /// Days since 1970-01-01, UTC.
    pub day: i64,
    pub code: String,
    pub count: u64,
    pub last_at: Timestamp,
}

impl UsageCount {
    /// Whether these uses were let through.
    pub fn is_allowed(&self) -> bool {
        is_allowed(&self.code)
    }

    /// Whether these were attempts with a known id and a wrong secret.
    pub fn is_wrong_secret(&self) -> bool {
        is_wrong_secret(&self.code)
    }
}

impl UseEvent {
    /// How many uses it tells of.
    pub fn times(&self) -> u64 {
        self.times.map_or(1, NonZeroU64::get)
    }

    /// Whether this use was let through.
    pub fn is_allowed(&self) -> bool {
        is_allowed(&self.code)
    }

    /// Whether this was an attempt with a known id and a wrong secret.
    pub fn is_wrong_secret(&self) -> bool {
        is_wrong_secret(&self.code)
    }
}

/// Whether a use with this code was let through.
pub(super) fn is_allowed(code: &str) -> bool {
    matches!(code, "env" | "export" | "get" | "run" | "valid")
}

fn is_wrong_secret(code: &str) -> bool {
    code == "wrong_secret"
}

/// What many counts come to.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Tally {
    pub requests: u64,
    pub refused: u64,
    /// Attempts with a known id and a wrong secret. They are among the refused.
    pub wrong_secret: u64,
    /// When one was last let through.
    pub last_used: Option<Timestamp>,
    /// When one last came, whatever the answer.
    pub last_at: Option<Timestamp>,
    /// When a wrong secret last came.
    pub last_wrong_secret: Option<Timestamp>,
}

impl Tally {
    /// Of some counts.
    pub fn of<'a>(counts: impl IntoIterator<Item = &'a UsageCount>) -> Self {
        let mut tally = Self::default();
        counts.into_iter().for_each(|count| tally.add(count));
        tally
    }

    /// One count more.
    pub fn add(&mut self, count: &UsageCount) {
        // Nobody vouches for the numbers in the file.
        let add = |sum: &mut u64| *sum = sum.saturating_add(count.count);
        let at = Some(count.last_at);
        add(&mut self.requests);
        self.last_at = self.last_at.max(at);
        if count.is_allowed() {
            self.last_used = self.last_used.max(at);
        } else {
            add(&mut self.refused);
        }
        if count.is_wrong_secret() {
            add(&mut self.wrong_secret);
            self.last_wrong_secret = self.last_wrong_secret.max(at);
        }
    }
}

/// Daily counts of many keys.
#[derive(Clone, Debug, Default)]
pub struct VaultUsage {
    pub keys: HashMap<KeyId, Vec<UsageCount>>,
    /// Attempts with an id that no key has, or with none.
    pub strangers: Vec<UsageCount>,
}

/// Uses of a generation since its successor was made.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct SinceRotation {
    /// Those that were let through.
    pub requests: u64,
    /// Whether there were no more: counts are by the day, and on the day of the rotation only events tell them apart.
    pub is_exact: bool,
    pub last_used: Option<Timestamp>,
}

/// All that is known of one key's uses.
#[derive(Clone, Debug, Default)]
pub struct KeyUsage {
    /// Since it was first used.
    pub total: KeyTotal,
    /// From the first day that was asked for.
    pub counts: Vec<UsageCount>,
    /// The newest uses, newest first.
    pub events: Vec<(Timestamp, UseEvent)>,
}

impl KeyUsage {
    /// Events that say who uses a key, without reading all of them.
    pub const EVENTS: u32 = 300;

    /// When a generation was last let through, to the day's last use; `None` for never.
    pub fn last_used_of(&self, generation: u32) -> Option<Timestamp> {
        self.of_generation(generation).last_used
    }

    /// All uses of one generation that the counts tell of.
    pub fn of_generation(&self, generation: u32) -> Tally {
        let of_it = |count: &&UsageCount| count.generation == generation;
        Tally::of(self.counts.iter().filter(of_it))
    }

    /// Whether a generation was used after its successor was made, as far as the counts go back; `None` when none was
    /// delivered.
    pub fn since_rotation(&self, key: &Key, generation: u32) -> Option<SinceRotation> {
        let successor =
            |other: &&Generation| other.number > generation && other.delivered_at.is_some();
        let made = key.generations.iter().find(successor)?.created_at;
        // A use in the very second counts: to be told that nobody uses a token any more has to be safe.
        let uses = self.counts.iter().filter(|count| {
            count.generation == generation && count.is_allowed() && count.last_at >= made
        });
        let (that_day, later): (Vec<_>, Vec<_>) = uses.partition(|count| count.day <= made.day());
        let (that_day, later) = (Tally::of(that_day), Tally::of(later));
        let recorded = self.events.iter().filter(|(at, event)| {
            event.generation == generation
                && event.is_allowed()
                && *at >= made
                && at.day() == made.day()
        });
        // Nobody vouches for the numbers of who had the scope's key.
        let recorded = recorded.fold(0_u64, |sum, (_, event)| sum.saturating_add(event.times()));
        let reaches_back = self.events.last().is_some_and(|(at, _)| *at < made);
        let since = recorded.max(1).min(that_day.requests);
        Some(SinceRotation {
            requests: later.requests.saturating_add(since),
            is_exact: since == that_day.requests || (reaches_back && recorded > 0),
            last_used: later.last_used.max(that_day.last_used),
        })
    }
}

/// Seals the events of one scope.
#[derive(Debug)]
pub(super) struct ActivityKey {
    key: RootKey,
    scope: ScopeId,
    /// The access token that opened the scope.
    slot: Option<SlotId>,
}

impl ActivityKey {
    pub(super) fn of(scope: &OpenScope) -> Self {
        Self {
            key: scope.head.activity.duplicate(),
            scope: scope.row.id,
            slot: scope.slot,
        }
    }

    pub(super) fn access(&self) -> Option<String> {
        self.slot.map(|slot| slot.to_string())
    }

    fn aad(&self, key: KeyId, sequence: u64, at: Timestamp, vault: VaultId) -> Aad {
        Aad::new(Object::Activity, vault)
            .field(&self.scope.0)
            .field(key.as_bytes())
            .number(sequence)
            .number(at.0.cast_unsigned())
    }

    pub(super) fn seal(
        &self,
        event: &UseEvent,
        key: KeyId,
        sequence: u64,
        at: Timestamp,
        vault: VaultId,
    ) -> Result<Vec<u8>, VaultError> {
        let json = json(event);
        let plain = PartsWriter::with_room(json.len(), 1).part(&json);
        let sealed = seal(
            &self.key.as_sub_key(),
            &self.aad(key, sequence, at, vault),
            plain,
        )?;
        Ok([&sealed.nonce[..], &sealed.bytes].concat())
    }

    pub(super) fn open(&self, row: &EventRow, vault: VaultId) -> Result<UseEvent, VaultError> {
        let altered =
            || VaultError::altered("an event of the activity file is not the one that was sealed");
        let (nonce, bytes) = row
            .sealed
            .split_first_chunk::<{ Sealed::NONCE }>()
            .ok_or_else(altered)?;
        let key = row.key_id.ok_or_else(altered)?;
        let aad = self.aad(key, row.sequence, row.at, vault);
        let opened = open(&self.key.as_sub_key(), &aad, nonce, bytes).map_err(|_| altered())?;
        let mut parts = opened.parts();
        let event = from_json(parts.part()?, "an event")?;
        parts.done()?;
        Ok(event)
    }
}

impl Vault {
    /// What was recorded of one key: totals, counts from `first_day` on, and its newest `events` uses.
    ///
    /// # Errors
    /// When the activity file cannot be read, or its numbers cannot be. Events that an older key sealed, or that were altered, are left out.
    pub fn usage_of(
        &mut self,
        found: &Found,
        first_day: i64,
        events: u32,
    ) -> Result<KeyUsage, VaultError> {
        let Some(file) = self.activity().map_err(VaultError::Activity)? else {
            return Ok(KeyUsage::default());
        };
        let read = || -> Result<_, StoreError> {
            let counts = file.usage(Some(found.id), first_day)?;
            Ok((
                file.total(found.id)?,
                counts,
                file.events(found.id, events)?,
            ))
        };
        let (total, counts, rows) = read().map_err(VaultError::Activity)?;
        let id = self.id;
        self.read(|view| {
            let scope = view.state.scope(&found.scope, found.kind());
            let key = scope.map(ActivityKey::of);
            let open = |row: &EventRow| {
                key.as_ref()?
                    .open(row, id)
                    .ok()
                    .map(|event| (row.at, event))
            };
            Ok(KeyUsage {
                total,
                counts: counts.into_iter().map(UsageCount::from).collect(),
                events: rows.iter().filter_map(open).collect(),
            })
        })
    }

    /// When a generation of a key was last let through, if that is no longer ago than `span`: for who ends it only where
    /// nobody uses it any more. The counts tell, which are by the day; they have to reach back so far.
    ///
    /// # Errors
    /// [`VaultError::Activity`] when the activity file cannot be read; [`VaultError::NotCounted`] where nothing was
    /// counted here at that time, so that no use may mean that nobody looked.
    pub fn used_within(
        &mut self,
        found: &Found,
        generation: u32,
        span: Span,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, VaultError> {
        let since = now.before(span);
        let counted = match self.activity().map_err(VaultError::Activity)? {
            None => None,
            Some(file) => {
                let first = file.first_day().map_err(VaultError::Activity)?;
                let usage = file.usage(Some(found.id), since.day());
                first.zip(Some(usage.map_err(VaultError::Activity)?))
            }
        };
        let Some((first, usage)) = counted else {
            return Err(VaultError::NotCounted { since, first: None });
        };
        let of_it = usage.into_iter().map(UsageCount::from);
        let of_it: Vec<_> = of_it.filter(|row| row.generation == generation).collect();
        let last_used = Tally::of(&of_it).last_used.filter(|last| *last >= since);
        if last_used.is_none() && first > since.day() {
            let first = Some(Timestamp::of_day(first));
            return Err(VaultError::NotCounted { since, first });
        }
        Ok(last_used)
    }

    /// Daily counts of all keys from `first_day` on.
    ///
    /// # Errors
    /// When the activity file cannot be read, or its numbers cannot be.
    pub fn usage_by_day(&mut self, first_day: i64) -> Result<VaultUsage, VaultError> {
        let mut usage = VaultUsage::default();
        if let Some(file) = self.activity().map_err(VaultError::Activity)? {
            for row in file.usage(None, first_day).map_err(VaultError::Activity)? {
                let counts = match row.key_id {
                    Some(id) => usage.keys.entry(id).or_default(),
                    None => &mut usage.strangers,
                };
                counts.push(row.into());
            }
        }
        Ok(usage)
    }

    /// The totals of all keys; a file that cannot be read is a warning, for nothing depends on it.
    pub(super) fn totals(&mut self) -> HashMap<KeyId, KeyTotal> {
        self.read_activity(|file| Ok(file.totals()?.into_iter().collect()))
    }

    /// The total of one key, likewise.
    pub(super) fn total(&mut self, id: KeyId) -> KeyTotal {
        self.read_activity(|file| file.total(id))
    }

    fn read_activity<T: Default>(
        &mut self,
        read: impl FnOnce(&ActivityFile) -> Result<T, StoreError>,
    ) -> T {
        let answer = self
            .activity()
            .and_then(|file| file.map_or_else(|| Ok(T::default()), read));
        answer.unwrap_or_else(|err| {
            self.warnings
                .push(format!("usage is not known: {}", with_cause(&err)));
            T::default()
        })
    }

    /// The activity file, opened once; `None` while there is none. Refused where its numbers cannot be: "nothing" is no
    /// answer then.
    fn activity(&mut self) -> Result<Option<&ActivityFile>, StoreError> {
        if self.activity.is_none() {
            self.activity = ActivityFile::open_existing(&self.activity_path())?;
        }
        if let Some(file) = &self.activity {
            file.newest_event()?;
        }
        Ok(self.activity.as_ref())
    }

    pub(super) fn activity_path(&self) -> PathBuf {
        let own = || self.state_folder().join("activity.db");
        self.location.activity.clone().unwrap_or_else(own)
    }
}

impl From<UsageRow> for UsageCount {
    fn from(row: UsageRow) -> Self {
        let UsageRow {
            generation,
            day,
            code,
            count,
            last_at,
            ..
        } = row;
        Self {
            generation,
            day,
            code,
            count,
            last_at,
        }
    }
}

/// An error and the first cause of it, in one line.
pub(super) fn with_cause(err: &dyn std::error::Error) -> String {
    err.source()
        .map_or_else(|| err.to_string(), |cause| format!("{err}: {cause}"))
}
