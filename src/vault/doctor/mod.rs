//! What is not as it should be, or soon will not be: around the vault's file, in the vault, and with its keys. Words for
//! it are found above.

mod deep;
mod files;

use std::collections::{BTreeMap, HashMap};

pub use self::deep::Examined;
pub use self::files::{Fault, FileTrouble};
use super::access::AccessOutline;
use super::activity::with_cause;
use super::find::Found;
use super::list::Filter;
use super::state::{KEYS, State};
use super::{Vault, VaultError};
use crate::crypto::{Profile, RootKey, SlotKind};
use crate::key::{
    Actor, GenerationState, Key, KeyId, KeyName, Scope, ScopeId, Span, Status, Timestamp,
    VariableName,
};
use crate::store::{KeyTotal, SCOPES, SIZE_LIMIT, SLOTS};

/// What was found in an open vault.
#[derive(Debug)]
pub struct Diagnosis {
    pub of_vault: Vec<Trouble>,
    /// By project, environment and name.
    pub of_keys: Vec<(Found, KeyTrouble)>,
    /// By name.
    pub of_access: Vec<(AccessOutline, AccessTrouble)>,
    /// What was gone through, when all of it was to be.
    pub examined: Option<Examined>,
}

/// What there is to say of the vault itself.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Trouble {
    /// The activity file cannot be used, and why.
    Activity(String),
    /// This machine remembered nothing of the vault until now.
    AnchorMissing,
    /// What this machine has seen of the vault cannot be remembered, and why.
    AnchorUnwritable(String),
    /// Recorded uses that do not open, and how many there are in all: an older key sealed them, or they were altered.
    ClosedEvents {
        closed: u64,
        all: u64,
    },
    /// Something is nearly as many, or as large, as it can be.
    Limit {
        what: Limited,
        count: u64,
        limit: u64,
    },
    NoRecoveryCode,
    /// A guess of the passphrase costs less than a new vault's would: KiB of memory now, and then.
    WeakKdf {
        memory: u32,
        usual: u32,
    },
}

/// What there can be no more of at some point.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Limited {
    /// Bytes of the file.
    Bytes,
    /// Keys of one scope and kind.
    Keys(Scope),
    Scopes,
    Slots,
}

/// What there is to say of a key.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum KeyTrouble {
    Expired(Timestamp),
    /// Within two weeks.
    Expiring(Timestamp),
    /// It was imported without a token.
    NoToken,
    /// The token before the present one works until then.
    Overlap(Timestamp),
    /// Its value and those of these keys, sorted, go into the same variable: together they are handed to no program.
    SharedVariable(VariableName, Vec<KeyName>),
    /// A token was made and never handed over; whether another works.
    Undelivered {
        at: Timestamp,
        by: Actor,
        other_works: bool,
    },
    /// It was never used since it was made, longer ago than 90 days.
    Unused(Timestamp),
}

/// What there is to say of an access token.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum AccessTrouble {
    Expired(Timestamp),
    /// Within two weeks.
    Expiring(Timestamp),
    /// It was made then, longer ago than 30 days, and none of the newest 50,000 uses that are kept here is one of its own.
    /// What is done with it elsewhere is not known here, and single uses are kept only for a while.
    Unused(Timestamp),
}

/// A key is about to expire this long before it does.
const SOON: Span = Span::days(14);
/// A key that nobody used this long is worth a word.
const LONG: Span = Span::days(90);
/// And an access token, whose uses are kept this long unless told otherwise.
const MONTH: Span = Span::days(30);

impl Vault {
    /// Looks for what is not as it should be. Every record is opened and the heads are checked on the way; with `deep`, what
    /// the records seal, the whole log, every page of both files and every recorded use, too.
    ///
    /// # Errors
    /// [`VaultError::OwnerOnly`] for the holder of an access token; [`VaultError::Altered`] and whatever else reading can
    /// fail with: a vault that is not as it was sealed has no other troubles.
    pub fn diagnose(&mut self, deep: bool, now: Timestamp) -> Result<Diagnosis, VaultError> {
        let owner = self.owner_key()?;
        let mut of_vault = Vec::new();
        // Before the first read, which raises it.
        let had_anchor = self
            .anchor(ScopeId::OWN)
            .read(&owner)
            .is_ok_and(|seen| seen.is_some());
        let totals = self.known_totals(deep).unwrap_or_else(|err| {
            let why = match &err {
                VaultError::Activity(why) => with_cause(why),
                err => with_cause(err),
            };
            of_vault.push(Trouble::Activity(why));
            None
        });
        let nothing = HashMap::new();
        let (seen, mut of_keys) = self.read(|view| {
            let known = totals.as_ref().unwrap_or(&nothing);
            let keys = view.each(&Filter::default(), now, known, |_, found, _| Ok(found))?;
            of_vault.extend(troubles(&view.state));
            let with_usage = totals.is_some();
            let shared = shared_variables(&keys, now);
            let of_keys = keys.into_iter().flat_map(|found| {
                let troubles = troubles_of(&found.key, &found.total, with_usage, now);
                troubles
                    .into_iter()
                    .map(move |trouble| (found.clone(), trouble))
            });
            let of_keys: Vec<_> = of_keys.chain(shared).collect();
            Ok((view.state.seen(ScopeId::OWN), of_keys))
        })?;
        of_keys.sort_by_cached_key(|(found, _)| {
            let name = found.key.name.as_str().to_lowercase();
            (found.scope.clone(), name, found.id)
        });
        let size = std::fs::metadata(self.file.path()).map_or(0, |file| file.len());
        of_vault.extend(near(Limited::Bytes, size, SIZE_LIMIT));
        let remembered = self.anchor(ScopeId::OWN).read(&owner).ok().flatten();
        let is_kept = remembered.is_some_and(|known| known.seen.sequence >= seen.sequence);
        let why = self.warnings.pop_if(|_| !is_kept);
        match (is_kept, had_anchor) {
            (false, _) => of_vault.push(Trouble::AnchorUnwritable(why.unwrap_or_default())),
            (true, false) => of_vault.push(Trouble::AnchorMissing),
            (true, true) => {}
        }
        let examined = if deep {
            let (examined, closed) = self.examine(&owner, totals.is_some())?;
            let all = examined.uses;
            of_vault.extend((closed > 0).then_some(Trouble::ClosedEvents { closed, all }));
            Some(examined)
        } else {
            None
        };
        let of_access = self.diagnose_access(&owner, totals.is_some(), &mut of_vault, now)?;
        // Both are among the troubles.
        self.unfinished = None;
        if !is_kept {
            self.warnings.clear();
        }
        Ok(Diagnosis {
            of_vault,
            of_keys,
            of_access,
            examined,
        })
    }

    /// Without their uses where those cannot be told, which is then a trouble of its own.
    fn diagnose_access(
        &mut self,
        owner: &RootKey,
        mut with_uses: bool,
        of_vault: &mut Vec<Trouble>,
        now: Timestamp,
    ) -> Result<Vec<(AccessOutline, AccessTrouble)>, VaultError> {
        let with_their_uses = with_uses.then(|| self.access_tokens());
        let tokens = match with_their_uses {
            Some(Err(VaultError::Activity(why))) => {
                of_vault.push(Trouble::Activity(with_cause(&why)));
                with_uses = false;
                self.read(|view| view.access_tokens(owner))?
            }
            Some(tokens) => tokens?,
            None => self.read(|view| view.access_tokens(owner))?,
        };
        let told = tokens.into_iter().flat_map(|token| {
            let troubles = troubles_of_access(&token, with_uses, now);
            troubles
                .into_iter()
                .map(move |trouble| (token.clone(), trouble))
        });
        Ok(told.collect())
    }

    /// The totals of all keys; `None` while nothing was ever recorded here.
    fn known_totals(&mut self, deep: bool) -> Result<Option<HashMap<KeyId, KeyTotal>>, VaultError> {
        let Some((file, _)) = self.activity_now()? else {
            return Ok(None);
        };
        if deep {
            file.check_pages().map_err(VaultError::Activity)?;
        }
        let totals = file.totals().map_err(VaultError::Activity)?;
        Ok(Some(totals.into_iter().collect()))
    }
}

/// What the slots and scopes tell.
fn troubles(state: &State) -> Vec<Trouble> {
    let kind_of = |number| SlotKind::from_number(number);
    let mut troubles = Vec::new();
    let usual = Profile::Default.cost().0;
    let passphrase = state
        .slots
        .iter()
        .find(|slot| kind_of(slot.kind) == Some(SlotKind::Passphrase));
    let memory = passphrase
        .and_then(|slot| Profile::from_number(slot.profile))
        .map(|profile| profile.cost().0);
    if let Some(memory) = memory.filter(|memory| *memory < usual) {
        troubles.push(Trouble::WeakKdf { memory, usual });
    }
    let is_code = |number| kind_of(number) == Some(SlotKind::RecoveryCode);
    if !state.slots.iter().any(|slot| is_code(slot.kind)) {
        troubles.push(Trouble::NoRecoveryCode);
    }
    let slots = near(Limited::Slots, state.slots.len() as u64, SLOTS as u64);
    let scopes = near(Limited::Scopes, state.scopes.len() as u64, SCOPES as u64);
    let keys = state
        .scopes
        .iter()
        .filter_map(|open| near(Limited::Keys(open.scope.clone()), open.head.meta.rows, KEYS));
    troubles.extend(slots.into_iter().chain(scopes).chain(keys));
    troubles
}

/// At nine tenths of what there can be.
fn near(what: Limited, count: u64, limit: u64) -> Option<Trouble> {
    (count * 10 >= limit * 9).then_some(Trouble::Limit { what, count, limit })
}

/// Of one key; nothing of one that is revoked, for nothing of it works any more.
fn troubles_of(key: &Key, total: &KeyTotal, with_usage: bool, now: Timestamp) -> Vec<KeyTrouble> {
    if key.revoked.is_some() {
        return Vec::new();
    }
    let mut troubles = Vec::new();
    let current = key.current().map(|generation| generation.state(now));
    if let Some(pending) = key.pending() {
        troubles.push(KeyTrouble::Undelivered {
            at: pending.created_at,
            by: pending.created_by.clone(),
            other_works: matches!(current, Some(GenerationState::Current)),
        });
    } else if key.status(now) == Status::Undelivered {
        troubles.push(KeyTrouble::NoToken);
    }
    let works = current.is_some() && key.status(now) != Status::Undelivered;
    match key.expires_at() {
        _ if !works => return troubles,
        Some(end) if end <= now => {
            troubles.push(KeyTrouble::Expired(end));
            return troubles;
        }
        Some(end) if end <= now.after(SOON) => troubles.push(KeyTrouble::Expiring(end)),
        _ => {}
    }
    let overlap = key
        .overlapping(now)
        .and_then(|generation| generation.valid_until());
    troubles.extend(overlap.map(KeyTrouble::Overlap));
    let unused = total.last_used.is_none() && key.created_at <= now.before(LONG);
    if with_usage && unused {
        troubles.push(KeyTrouble::Unused(key.created_at));
    }
    troubles
}

/// Of the first by name of each group of keys whose values want one variable, where all of them can be handed out.
fn shared_variables(keys: &[Found], now: Timestamp) -> Vec<(Found, KeyTrouble)> {
    let mut groups: BTreeMap<(&Scope, &VariableName), Vec<&Found>> = BTreeMap::new();
    for found in keys {
        let ends = [Status::Expired, Status::Revoked].contains(&found.key.status(now));
        let provider = found.key.provider().filter(|_| !ends);
        if let Some(variable) = provider.and_then(|it| it.variable.as_ref()) {
            let group = groups.entry((&found.scope, variable)).or_default();
            group.push(found);
        }
    }
    let told = groups.into_iter().filter_map(|((_, variable), mut group)| {
        group.sort_by(|a, b| a.key.name.cmp(&b.key.name));
        let (first, others) = group
            .split_first()
            .filter(|(_, others)| !others.is_empty())?;
        let others = others.iter().map(|found| found.key.name.clone()).collect();
        let trouble = KeyTrouble::SharedVariable(variable.clone(), others);
        Some(((*first).clone(), trouble))
    });
    told.collect()
}

/// Of one access token; of one that has expired nothing else, for it opens nothing.
fn troubles_of_access(
    token: &AccessOutline,
    with_uses: bool,
    now: Timestamp,
) -> Vec<AccessTrouble> {
    let mut troubles = Vec::new();
    match token.expires_at {
        Some(end) if end <= now => return vec![AccessTrouble::Expired(end)],
        Some(end) if end <= now.after(SOON) => troubles.push(AccessTrouble::Expiring(end)),
        _ => {}
    }
    let made = token.created_at;
    if with_uses && token.last_used.is_none() && made <= now.before(MONTH) {
        troubles.push(AccessTrouble::Unused(made));
    }
    troubles
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_near_at_nine_tenths_of_it() {
        for (limit, first) in [(64, 58), (4096, 3687), (100_000, 90_000)] {
            assert_eq!(near(Limited::Slots, first - 1, limit), None);
            assert!(near(Limited::Slots, first, limit).is_some(), "{limit}");
        }
    }
}
