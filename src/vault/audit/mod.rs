//! The audit: the log of changes and the recorded uses, merged by time; the log's chain is checked on the way.

mod entry;
mod order;
mod uses;

use std::collections::{BTreeMap, BTreeSet, HashMap};

pub use self::entry::{AuditCode, AuditEntry, AuditFilter, AuditSource, AuditVerb};
use self::order::{Ends, Place};
use self::uses::PAGE;
pub(super) use self::uses::{Homes, newest_first};
use super::find::Wanted;
use super::log::{LogEntry, LogMark};
use super::{Vault, VaultError, View};
use crate::crypto::RootKey;
use crate::key::{IssuedDetails, KeyId, KeyName, KeyRef, RoleName, Scope};
use crate::store::{ActivityFile, EventRow};

/// What was done, as far as the filter wanted it.
#[derive(Debug)]
pub struct Audit {
    /// Oldest first.
    pub entries: Vec<AuditEntry>,
    /// Whether older entries passed the filter and had no room within its limit, or newer ones are waiting.
    pub has_more: bool,
    /// Uses that were looked at and do not open: sealed before a re-keying gave their scope another key, or altered.
    pub unopened: u64,
    /// Whether no key is there any more that is called so: what is told is of keys that were.
    pub is_gone: bool,
    /// Other keys that had the wanted name before.
    pub namesakes: BTreeSet<KeyId>,
}

/// How far an audit has read, and about which keys, so that it can go on from there.
#[derive(Debug)]
pub struct AuditMark {
    log: LogMark,
    /// The last event's number in the activity file.
    event: u64,
    keys: Option<BTreeSet<KeyId>>,
    /// Roles that the wanted key has: their changes are changes of what it may do.
    roles: BTreeSet<RoleName>,
    /// The wanted name, which other keys may have had.
    name: Option<(KeyName, Scope)>,
    /// What the log called each key last.
    names: HashMap<KeyId, KeyName>,
}

impl Vault {
    /// The newest changes and uses that pass the filter: of one key, or of all, and of the vault itself. A name is of
    /// the key that has it in `scope`, or else of those that had it; an id is of any scope, unless the filter says which.
    /// Goes through all of the log, and through the uses from the newest back until the filter's limit is reached: no
    /// more than that, one name a key, and what ended its tokens, is held in memory.
    ///
    /// # Errors
    /// [`VaultError::Altered`] names the first entry of the log that is not in its place; [`VaultError::UnknownKey`] for
    /// what neither the vault nor its log knows; [`VaultError::OwnerOnly`] for who has no key of the log.
    pub fn audit(
        &mut self,
        wanted: Option<Wanted<'_>>,
        scope: &Scope,
        filter: &AuditFilter,
    ) -> Result<(Audit, AuditMark), VaultError> {
        let key = self.owner_key()?;
        // Before the vault is read, which then knows the keys of all events up to this one.
        let activity = self.activity_now()?;
        let last = activity.as_ref().map_or(0, |(_, last)| *last);
        self.read(|view| {
            let subject = view.subject(wanted, scope, filter.is_strict(), &key)?;
            let mut mark = AuditMark {
                log: LogMark::START,
                event: last,
                keys: subject.keys,
                roles: subject.roles,
                name: subject.name,
                names: HashMap::new(),
            };
            let mut story = Story::new(&mut mark, filter, filter.limit);
            story.read_log(view, &key)?;
            let mut homes = Homes::of(view, &key)?;
            if let (Some((file, last)), true) = (&activity, filter.takes_uses()) {
                story.read_uses(file, *last, &mut homes)?;
            }
            let audit = Audit {
                is_gone: subject.is_gone,
                ..story.named(&mut homes)?
            };
            Ok((audit, mark))
        })
    }

    /// What came since, at most some hundred uses at once, whatever the filter's limit; the chain of the log is checked
    /// from its last known entry on.
    ///
    /// # Errors
    /// As [`Vault::audit`], and [`VaultError::WrongCredential`] after a re-keying.
    pub fn audit_after(
        &mut self,
        mark: &mut AuditMark,
        filter: &AuditFilter,
    ) -> Result<Audit, VaultError> {
        let key = self.owner_key()?;
        let rows = match self.activity_now()? {
            None => Vec::new(),
            Some((file, last)) => {
                // Numbers that go down are of another file, which took its place.
                let after = if last < mark.event { 0 } else { mark.event };
                file.events_after(after, PAGE)
                    .map_err(VaultError::Activity)?
            }
        };
        self.read(|view| {
            let mut story = Story::new(mark, filter, None);
            story.read_log(view, &key)?;
            if rows.is_empty() && story.newest.is_empty() {
                return Ok(story.finish());
            }
            let mut homes = Homes::of(view, &key)?;
            for row in &rows {
                story.mark.event = row.sequence;
                story.see_use(row, &mut homes);
            }
            Ok(Audit {
                has_more: rows.len() == PAGE as usize,
                ..story.named(&mut homes)?
            })
        })
    }

    /// The activity file as it is now, if there is one, and the number of its newest event. Opened anew each time: a
    /// file that took the place of another would not be noticed otherwise.
    pub(super) fn activity_now(&self) -> Result<Option<(ActivityFile, u64)>, VaultError> {
        let open = || {
            let Some(file) = ActivityFile::open_existing(&self.activity_path())? else {
                return Ok(None);
            };
            let newest = file.newest_event()?;
            Ok(Some((file, newest)))
        };
        open().map_err(VaultError::Activity)
    }
}

/// Whose entries are wanted.
#[derive(Default)]
struct Subject {
    /// `None` for all, and the vault's own.
    keys: Option<BTreeSet<KeyId>>,
    roles: BTreeSet<RoleName>,
    name: Option<(KeyName, Scope)>,
    is_gone: bool,
}

impl View<'_> {
    fn subject(
        &self,
        wanted: Option<Wanted<'_>>,
        scope: &Scope,
        strict: bool,
        key: &RootKey,
    ) -> Result<Subject, VaultError> {
        let (reference, found) = match wanted {
            None => return Ok(Subject::default()),
            Some(Wanted::Default) => {
                let found = self.default_key(scope)?;
                (
                    None,
                    Some(found.ok_or_else(|| VaultError::NoDefault(scope.clone()))?),
                )
            }
            Some(Wanted::Named(reference)) => {
                (Some(reference), self.named(reference, scope, strict)?)
            }
        };
        if let Some(found) = found {
            let by_name = reference.and_then(|reference| reference.name.clone());
            return Ok(Subject {
                keys: Some(BTreeSet::from([found.id])),
                roles: found.key.issued().map(role_names).unwrap_or_default(),
                name: by_name
                    .filter(|name| *name == found.key.name)
                    .map(|name| (name, found.scope)),
                is_gone: false,
            });
        }
        let reference = reference.expect("a default that is not there is an error above");
        let keys = self.former(reference, scope, strict, key)?;
        if keys.is_empty() {
            return Err(self.unknown(reference, scope)?);
        }
        Ok(Subject {
            keys: Some(keys),
            roles: BTreeSet::new(),
            name: None,
            is_gone: true,
        })
    }

    /// The keys that the log knows under a name in `scope`, or by an id.
    fn former(
        &self,
        reference: &KeyRef,
        scope: &Scope,
        strict: bool,
        key: &RootKey,
    ) -> Result<BTreeSet<KeyId>, VaultError> {
        let mut keys = BTreeSet::new();
        self.read_log(key, LogMark::START, |_, entry| {
            let Some(id) = entry.key_id.as_ref().and_then(|id| id.parse().ok()) else {
                return;
            };
            let in_scope = entry.scope.as_ref() == Some(scope);
            let named = in_scope && entry.name.is_some() && entry.name == reference.name;
            if named || (Some(id) == reference.id && (in_scope || !strict)) {
                keys.insert(id);
            }
        })?;
        Ok(keys)
    }
}

fn role_names(issued: &IssuedDetails) -> BTreeSet<RoleName> {
    issued.roles.iter().map(|role| role.name.clone()).collect()
}

/// Entries as they are collected: the newest ones, and no more than there is room for.
struct Story<'a> {
    mark: &'a mut AuditMark,
    filter: &'a AuditFilter,
    limit: Option<usize>,
    ends: Ends,
    newest: BTreeMap<Place, AuditEntry>,
    has_more: bool,
    unopened: u64,
    namesakes: BTreeSet<KeyId>,
}

impl<'a> Story<'a> {
    fn new(mark: &'a mut AuditMark, filter: &'a AuditFilter, limit: Option<usize>) -> Self {
        Self {
            mark,
            filter,
            limit,
            ends: Ends::default(),
            newest: BTreeMap::new(),
            has_more: false,
            unopened: 0,
            namesakes: BTreeSet::new(),
        }
    }

    fn read_log(&mut self, view: &View<'_>, key: &RootKey) -> Result<(), VaultError> {
        let from = self.mark.log;
        let log = view.read_log(key, from, |index, entry| self.see_change(index, entry))?;
        self.mark.log = log;
        Ok(())
    }

    fn see_change(&mut self, index: u64, entry: LogEntry) {
        let of_its_role = entry
            .role()
            .is_some_and(|role| self.mark.roles.contains(&role));
        self.ends.see(index, &entry);
        let entry = AuditEntry::of_log(index, entry);
        if let (Some(id), Some(name)) = (entry.key_id, &entry.name) {
            let wanted = self.mark.name.as_ref();
            if wanted.is_some_and(|(wanted, scope)| {
                wanted == name && entry.scope.as_ref() == Some(scope)
            }) && !self.is_about(Some(id))
            {
                self.namesakes.insert(id);
            }
            self.mark.names.insert(id, name.clone());
        }
        if (of_its_role || self.is_about(entry.key_id)) && self.filter.takes(&entry) {
            self.keep(entry);
        }
    }

    /// Reads uses until there are as many as there may be, and one more, which tells that there are more.
    fn read_uses(
        &mut self,
        file: &ActivityFile,
        last: u64,
        homes: &mut Homes<'_>,
    ) -> Result<(), VaultError> {
        let (filter, keys) = (self.filter, self.mark.keys.clone());
        // Of each key as many, for any of them may have the newest.
        for key in parts(keys) {
            let mut room = self
                .limit
                .map_or(usize::MAX, |limit| limit.saturating_add(1));
            let mut full = None;
            newest_first(file, last, key, filter, |row| {
                // Within a second, the newest number need not have the newest place.
                if full.is_some_and(|at| row.at != at) {
                    return false;
                }
                room = room.saturating_sub(usize::from(self.see_use(row, homes)));
                full = full.or((room == 0).then_some(row.at));
                true
            })?;
        }
        Ok(())
    }

    /// Whether the use passed the filter.
    fn see_use(&mut self, row: &EventRow, homes: &mut Homes<'_>) -> bool {
        if !self.is_about(row.key_id) || !self.filter.times().contains(&row.at) {
            return false;
        }
        let Some(used) = homes.open(row) else {
            self.unopened += 1;
            return false;
        };
        let entry = AuditEntry::of_use(row, used);
        let taken = self.filter.takes(&entry);
        if taken {
            self.keep(entry);
        }
        taken
    }

    fn is_about(&self, id: Option<KeyId>) -> bool {
        let wanted = self.mark.keys.as_ref();
        wanted.is_none_or(|keys| id.is_some_and(|id| keys.contains(&id)))
    }

    fn keep(&mut self, entry: AuditEntry) {
        self.newest.insert(self.ends.place(&entry), entry);
        if self.limit.is_some_and(|limit| self.newest.len() > limit) {
            self.newest.pop_first();
            self.has_more = true;
        }
    }

    /// With the names that the keys have now, or had last.
    fn named(mut self, homes: &mut Homes<'_>) -> Result<Audit, VaultError> {
        let mut names: HashMap<KeyId, Option<KeyName>> = HashMap::new();
        for entry in self.newest.values_mut() {
            let Some(id) = entry.key_id else {
                continue;
            };
            let name = match names.get(&id) {
                Some(name) => name,
                None => {
                    let last = || self.mark.names.get(&id).cloned();
                    let name = homes.name(id)?.or_else(last);
                    names.entry(id).or_insert(name)
                }
            };
            entry.name.clone_from(name);
        }
        Ok(self.finish())
    }

    fn finish(self) -> Audit {
        Audit {
            entries: self.newest.into_values().collect(),
            has_more: self.has_more,
            unopened: self.unopened,
            is_gone: false,
            namesakes: self.namesakes,
        }
    }
}

/// Keys one by one, or all of them together.
fn parts(keys: Option<BTreeSet<KeyId>>) -> Vec<Option<KeyId>> {
    match keys {
        None => vec![None],
        Some(keys) => keys.into_iter().map(Some).collect(),
    }
}
