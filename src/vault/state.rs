//! A vault that was read and checked: the state that every use case begins with.

use super::anchor::Seen;
use super::find::nearest;
use super::head::{Manifest, ManifestRow, OpenScope, VaultHead, head_hash, title, vault_mac};
use super::log::{NO_HASH, entry_hash};
use super::record::{OpenRecord, RecordKey};
use super::{Holder, ScopeKey, VaultError};
use crate::checks;
use crate::crypto::RootKey;
use crate::key::{KeyKind, Scope, ScopeId, VaultId};
use crate::store::{HeaderRow, RecordRow, SlotRow, Snapshot};

/// Most keys in a scope.
pub(super) const KEYS: u64 = 100_000;
/// Most records of the vault's own scope.
pub(super) const OWN_RECORDS: u64 = 10_000;

/// What was authentic in one snapshot, and authentic together.
#[derive(Debug)]
pub(super) struct State {
    pub(super) vault: VaultId,
    pub(super) header: HeaderRow,
    pub(super) slots: Vec<SlotRow>,
    /// In the order of their ids: all of them for the owner, one for the holder of an access token.
    pub(super) scopes: Vec<OpenScope>,
    /// `None` for the holder of an access token.
    pub(super) head: Option<VaultHead>,
    /// The records of the vault's own scope.
    pub(super) own: Manifest,
}

impl State {
    /// Checks everything that `holder` can check.
    ///
    /// # Errors
    /// [`VaultError::Altered`] for the first thing that is not as it was sealed.
    pub(super) fn verify(
        snapshot: &Snapshot<'_>,
        vault: VaultId,
        holder: &Holder,
    ) -> Result<Self, VaultError> {
        let header = snapshot.header()?;
        if !checks::holds(header.vault == vault) {
            return Err(VaultError::altered(
                "it is another vault than the one that was unlocked",
            ));
        }
        match holder {
            Holder::Owner(key) => Self::verify_all(snapshot, header, key),
            Holder::Tokens(opened) => Self::verify_scopes(snapshot, header, opened),
        }
    }

    fn verify_scopes(
        snapshot: &Snapshot<'_>,
        header: HeaderRow,
        opened: &[ScopeKey],
    ) -> Result<Self, VaultError> {
        let vault = header.vault;
        let (slots, rows) = (snapshot.slots()?, snapshot.scopes()?);
        let open = |one: &ScopeKey| {
            let row = rows.iter().find(|row| row.id == one.scope);
            let (Some(row), true) = (row, slots.iter().any(|row| row.id == one.slot)) else {
                return Err(VaultError::WrongAccessToken(one.which.clone()));
            };
            // Revoked since it was unlocked, most likely.
            if !checks::holds(row.key_id == one.key.id(vault)) {
                return Err(VaultError::WrongAccessToken(one.which.clone()));
            }
            OpenScope::open_with_scope_key(row.clone(), one, vault)
        };
        let scopes = opened.iter().map(open).collect::<Result<_, _>>()?;
        Ok(Self {
            vault,
            header,
            slots,
            scopes,
            head: None,
            own: Manifest::default(),
        })
    }

    fn verify_all(
        snapshot: &Snapshot<'_>,
        header: HeaderRow,
        key: &RootKey,
    ) -> Result<Self, VaultError> {
        let vault = header.vault;
        if header.head.bytes.is_empty() {
            return Err(VaultError::Slice(vault.to_string()));
        }
        // Re-keyed since it was unlocked, most likely; whoever altered it has made it open to nobody.
        if !checks::holds(header.key_id == key.id(vault)) {
            return Err(VaultError::WrongCredential);
        }
        let head = VaultHead::open(&header.head, key, vault)?;
        let (slots, scopes) = (snapshot.slots()?, snapshot.scopes()?);
        let mut own = Manifest::default();
        snapshot.records(ScopeId::OWN, |row| {
            if own.len() == OWN_RECORDS {
                return Err(VaultError::altered(
                    "it has more settings than a vault can have",
                ));
            }
            own.push(ManifestRow::of(&row)?);
            Ok::<_, VaultError>(())
        })?;
        if !vault_mac(key, vault, &slots, scopes.iter(), &own).is(&head.rows_mac) {
            return Err(VaultError::altered(
                "its slots, scopes or settings are not those of its last change",
            ));
        }
        let known = |id: &ScopeId| {
            *id == ScopeId::OWN || scopes.binary_search_by_key(id, |scope| scope.id).is_ok()
        };
        // One more than its own and all that there are.
        let with_records = snapshot.scopes_of_records(scopes.len() + 2)?;
        if !checks::holds(with_records.iter().all(known)) {
            return Err(VaultError::altered(
                "it has records of a scope that does not exist",
            ));
        }
        check_log(snapshot, &head, vault)?;
        let scopes = scopes
            .into_iter()
            .map(|row| OpenScope::open(row, key, vault))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            vault,
            header,
            slots,
            scopes,
            head: Some(head),
            own,
        })
    }

    /// What an anchor remembers of this state: of one scope, or of the vault by the id of its own.
    pub(super) fn seen(&self, id: ScopeId) -> Seen {
        if let Some(head) = self.head.as_ref().filter(|_| id == ScopeId::OWN) {
            return Seen {
                sequence: head.sequence,
                head_hash: head_hash(&self.header.head),
                log_length: head.log_length,
                log_hash: head.log_hash,
            };
        }
        let scope = self.scopes.iter().find(|open| open.row.id == id);
        Seen {
            sequence: scope.map_or(0, |scope| scope.head.meta.sequence),
            head_hash: scope.map_or(NO_HASH, |scope| head_hash(&scope.row.head)),
            log_length: 0,
            log_hash: NO_HASH,
        }
    }

    /// The scopes that access tokens open, for people; empty for the owner, who opens every one.
    pub(super) fn opened(&self) -> Vec<String> {
        if self.head.is_some() {
            return Vec::new();
        }
        let mut opened: Vec<String> = self.scopes.iter().map(OpenScope::title).collect();
        opened.sort();
        opened
    }

    /// Makes sure that keys of one of these scopes can be there: access tokens open some and not others.
    ///
    /// # Errors
    /// [`VaultError::ScopeClosed`].
    pub(super) fn require_open(
        &self,
        wanted: impl FnOnce() -> String,
        is_wanted: impl FnMut(&OpenScope) -> bool,
    ) -> Result<(), VaultError> {
        if self.head.is_some() || self.scopes.iter().any(is_wanted) {
            return Ok(());
        }
        Err(VaultError::ScopeClosed {
            wanted: wanted(),
            open: self.opened(),
        })
    }

    /// The same of one scope, and of one kind where only keys of that kind would do.
    ///
    /// # Errors
    /// [`VaultError::ScopeClosed`].
    pub(super) fn require_scope(
        &self,
        scope: &Scope,
        kind: Option<KeyKind>,
    ) -> Result<(), VaultError> {
        let wanted = || kind.map_or_else(|| scope.to_string(), |kind| title(scope, kind));
        self.require_open(wanted, |open| {
            open.scope == *scope && kind.is_none_or(|kind| kind == open.kind)
        })
    }

    /// The error that says which scopes there are instead.
    pub(super) fn unknown_scope(&self, scope: &Scope, kind: Option<KeyKind>) -> VaultError {
        let fits = |open: &&OpenScope| kind.is_none_or(|kind| kind == open.kind);
        let there = self.scopes.iter().filter(fits);
        let mut there: Vec<String> = there.map(|open| open.scope.to_string()).collect();
        there.sort();
        there.dedup();
        VaultError::UnknownScope {
            scope: scope.clone(),
            kind,
            nearest: nearest(&scope.to_string(), &there),
            there: there.iter().map(|scope| format!("`{scope}`")).collect(),
        }
    }

    /// Where keys of a scope are looked for, for people.
    pub(super) fn place(&self, scope: &Scope) -> String {
        let mut open = self.scopes.iter().filter(|open| open.scope == *scope);
        match (&self.head, open.next(), open.next()) {
            (None, Some(only), None) => only.title(),
            _ => scope.to_string(),
        }
    }

    /// Passes over all rows of a scope, once: `visit` sees each, and nothing may be believed of what it saw until this
    /// has returned the verified rows.
    pub(super) fn pass(
        &self,
        snapshot: &Snapshot<'_>,
        scope: &OpenScope,
        mut visit: impl FnMut(&RecordRow<'_>) -> Result<(), VaultError>,
    ) -> Result<Manifest, VaultError> {
        let expected = scope.head.meta.rows;
        let wrong = || {
            VaultError::altered(format!(
                "the keys of {} are not those of its last change",
                scope.scope
            ))
        };
        if !checks::holds(expected <= KEYS) {
            return Err(wrong());
        }
        let mut manifest = Manifest::default();
        snapshot.records(scope.row.id, |row| {
            if !checks::holds(manifest.len() < expected) {
                return Err(wrong());
            }
            manifest.push(ManifestRow::of(&row)?);
            visit(&row)
        })?;
        let whole = checks::holds(manifest.len() == expected)
            && manifest
                .mac(&scope.key, self.vault)
                .is(&scope.head.rows_mac);
        if whole { Ok(manifest) } else { Err(wrong()) }
    }

    /// Opens the record of a row that a pass has verified.
    pub(super) fn record(
        &self,
        snapshot: &Snapshot<'_>,
        scope: ScopeId,
        key: &RecordKey,
        row: &ManifestRow,
    ) -> Result<OpenRecord, VaultError> {
        let altered = || {
            VaultError::altered(format!(
                "the record `{}` cannot be found by its id",
                row.key_id
            ))
        };
        let found = snapshot.record(scope, row.key_id, |found| {
            if checks::holds(ManifestRow::of(&found)? == *row) {
                key.open(&found)
            } else {
                Err(altered())
            }
        })?;
        found.ok_or_else(altered)
    }

    /// What opens the records of a scope.
    pub(super) fn record_key(&self, scope: &OpenScope) -> RecordKey {
        RecordKey::new(&scope.key, scope.row.id, Some(scope.kind), self.vault)
    }

    /// The scope of these keys, if there is one.
    pub(super) fn scope(&self, scope: &Scope, kind: KeyKind) -> Option<&OpenScope> {
        self.scopes.iter().find(|open| open.is(scope, kind))
    }
}

/// The log's length and last entry, which the head names. Its whole chain is for those who read it.
fn check_log(snapshot: &Snapshot<'_>, head: &VaultHead, vault: VaultId) -> Result<(), VaultError> {
    let expected = (head.log_length > 0).then_some((1, head.log_length));
    let last = match snapshot.log_entry(head.log_length)? {
        Some(entry) => entry_hash(&entry, head.log_length, vault),
        None => NO_HASH,
    };
    if checks::holds(snapshot.log_bounds()? == expected && last == head.log_hash) {
        Ok(())
    } else {
        Err(VaultError::altered(
            "its log is not that of its last change",
        ))
    }
}
