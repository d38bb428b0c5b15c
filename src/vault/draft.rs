//! A change of the vault while it is made: rows, then the heads over them, then the log, in one transaction.

use std::collections::BTreeMap;

use serde::Serialize;

use super::VaultError;
use super::anchor::Seen;
use super::find::Found;
use super::head::{Manifest, ManifestRow, OpenScope, head_hash, vault_mac};
use super::log::{LogEntry, entry_hash, seal_entry};
use super::record::{OpenRecord, RecordKey};
use super::state::{KEYS, State};
use crate::crypto::{RootKey, RowsMac, Secret, random};
use crate::key::{Key, KeyId, KeyKind, KeyName, Scope, ScopeId, SlotId, Timestamp};
use crate::store::{Change, RecordRow, SCOPES, SLOTS, SlotRow};

/// An opened transaction, the checked state it began with, and what has changed since.
pub(super) struct Draft<'a> {
    pub(super) change: Change<'a>,
    pub(super) state: State,
    /// The vault key that the change will be sealed under.
    pub(super) key: RootKey,
    pub(super) now: Timestamp,
    /// Rows of the scopes that were passed over.
    manifests: BTreeMap<ScopeId, Manifest>,
    /// Scopes whose head has to be sealed anew.
    touched: Vec<ScopeId>,
}

impl<'a> Draft<'a> {
    pub(super) fn new(change: Change<'a>, state: State, key: RootKey, now: Timestamp) -> Self {
        Self {
            change,
            state,
            key,
            now,
            manifests: BTreeMap::new(),
            touched: Vec::new(),
        }
    }

    /// The ids of all scopes.
    pub(super) fn scope_ids(&self) -> Vec<ScopeId> {
        self.state.scopes.iter().map(|open| open.row.id).collect()
    }

    /// The id of a scope, if it exists.
    pub(super) fn scope_id(&self, scope: &Scope, kind: KeyKind) -> Option<ScopeId> {
        self.state.scope(scope, kind).map(|open| open.row.id)
    }

    /// The id of a scope, made if it does not exist.
    pub(super) fn ensure_scope(
        &mut self,
        scope: &Scope,
        kind: KeyKind,
    ) -> Result<ScopeId, VaultError> {
        if let Some(id) = self.scope_id(scope, kind) {
            return Ok(id);
        }
        if self.state.scopes.len() == SCOPES {
            return Err(VaultError::Limit(format!(
                "a vault has at most {SCOPES} scopes"
            )));
        }
        let id = ScopeId(random()?);
        let new = OpenScope::new(id, scope, kind, self.now, &self.key, self.state.vault)?;
        let at = self.state.scopes.partition_point(|open| open.row.id < id);
        self.state.scopes.insert(at, new);
        self.manifests.insert(id, Manifest::default());
        self.touch(id);
        Ok(id)
    }

    /// An open scope by its id.
    pub(super) fn scope(&self, id: ScopeId) -> &OpenScope {
        let at = self.state.scopes.iter().position(|open| open.row.id == id);
        &self.state.scopes[at.expect("only ids of open scopes are handed out")]
    }

    fn scope_mut(&mut self, id: ScopeId) -> &mut OpenScope {
        let at = self.state.scopes.iter().position(|open| open.row.id == id);
        &mut self.state.scopes[at.expect("only ids of open scopes are handed out")]
    }

    /// The rows of a scope, verified when they are first asked for.
    pub(super) fn manifest(&mut self, id: ScopeId) -> Result<&mut Manifest, VaultError> {
        if !self.manifests.contains_key(&id) {
            let manifest = self.state.pass(&self.change, self.scope(id), |_| Ok(()))?;
            self.manifests.insert(id, manifest);
        }
        Ok(self.manifests.get_mut(&id).expect("inserted above"))
    }

    /// Passes over a scope and opens all of its keys, before any of them is changed.
    pub(super) fn pass(
        &mut self,
        id: ScopeId,
        mut visit: impl FnMut(Found),
    ) -> Result<(), VaultError> {
        let open = self.scope(id);
        let record_key = self.state.record_key(open);
        let manifest = self.state.pass(&self.change, open, |row| {
            let key = record_key.open(row)?.key()?;
            visit(Found::new(open, row.key_id, row.revision, key));
            Ok(())
        })?;
        self.manifests.insert(id, manifest);
        Ok(())
    }

    /// Makes sure that no key of a kind has this name in a scope.
    pub(super) fn refuse_taken(
        &mut self,
        name: &KeyName,
        scope: &Scope,
        kind: KeyKind,
    ) -> Result<(), VaultError> {
        let Some(id) = self.scope_id(scope, kind) else {
            return Ok(());
        };
        match self.find_name(id, name.as_str())? {
            None => Ok(()),
            Some(_) => Err(VaultError::Exists {
                name: name.clone(),
                scope: scope.clone(),
                kind,
            }),
        }
    }

    /// The id of the key with this name in a scope.
    pub(super) fn find_name(
        &mut self,
        id: ScopeId,
        name: &str,
    ) -> Result<Option<KeyId>, VaultError> {
        let tag = self.scope(id).name_tag(name, self.state.vault);
        Ok(self.manifest(id)?.by_tag(&tag).map(|row| row.key_id))
    }

    /// Opens a record; `None` when there is no such key, or not even its scope: another file may stand at the path by
    /// now, with other scopes in it.
    pub(super) fn record(
        &mut self,
        id: ScopeId,
        key_id: KeyId,
    ) -> Result<Option<(u64, OpenRecord)>, VaultError> {
        if !self.state.scopes.iter().any(|open| open.row.id == id) {
            return Ok(None);
        }
        let Some(row) = self.manifest(id)?.by_id(key_id).cloned() else {
            return Ok(None);
        };
        let key = self.state.record_key(self.scope(id));
        self.state
            .record(&self.change, id, &key, &row)
            .map(|record| Some((row.revision, record)))
    }

    /// Seals a key's record under its id, as its next revision.
    pub(super) fn put(
        &mut self,
        id: ScopeId,
        key_id: KeyId,
        key: &Key,
        secrets: &[Secret],
    ) -> Result<u64, VaultError> {
        let tag = self.scope(id).name_tag(key.name.as_str(), self.state.vault);
        let present = self.manifest(id)?.by_id(key_id).map(|row| row.revision);
        if present.is_none() && self.manifest(id)?.len() >= KEYS {
            return Err(VaultError::Limit(format!(
                "a scope has at most {KEYS} keys of a kind"
            )));
        }
        let revision = present.unwrap_or(0) + 1;
        let record_key = self.state.record_key(self.scope(id));
        let row = self.put_row(id, &record_key, key_id, tag, revision, key, secrets)?;
        self.manifest(id)?.put(row);
        self.touch(id);
        Ok(revision)
    }

    /// Seals the records of many new keys, each with its one secret; `sealed` is called after each.
    pub(super) fn put_new(
        &mut self,
        id: ScopeId,
        keys: Vec<(KeyId, Key, Secret)>,
        sealed: &mut dyn FnMut(),
    ) -> Result<(), VaultError> {
        if self.manifest(id)?.len() + keys.len() as u64 > KEYS {
            return Err(VaultError::Limit(format!(
                "a scope has at most {KEYS} keys of a kind"
            )));
        }
        let record_key = self.state.record_key(self.scope(id));
        let name_key = self.scope(id).name_key(self.state.vault);
        let mut rows = Vec::with_capacity(keys.len());
        for (key_id, key, secret) in keys {
            let tag = RowsMac::name_tag(&name_key, key.name.as_str());
            rows.push(self.put_row(id, &record_key, key_id, tag, 1, &key, &[secret])?);
            sealed();
        }
        self.manifest(id)?.extend(rows);
        self.touch(id);
        Ok(())
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "the columns of one row and the key that seals it"
    )]
    pub(super) fn put_row(
        &self,
        id: ScopeId,
        record_key: &RecordKey,
        key_id: KeyId,
        name_tag: [u8; 16],
        revision: u64,
        meta: &impl Serialize,
        secrets: &[Secret],
    ) -> Result<ManifestRow, VaultError> {
        let sealed = record_key.seal(key_id, &name_tag, revision, meta, secrets)?;
        let row = RecordRow {
            key_id,
            name_tag,
            revision,
            nonce: sealed.nonce,
            sealed: &sealed.bytes,
        };
        self.change.put_record(id, &row)?;
        ManifestRow::of(&row)
    }

    /// Deletes a key's record, and its mark as the default.
    pub(super) fn delete(&mut self, id: ScopeId, key_id: KeyId) -> Result<(), VaultError> {
        self.manifest(id)?.remove(key_id);
        self.change.delete_record(id, key_id)?;
        if self.scope(id).head.default_key() == Some(key_id) {
            self.set_default(id, None);
        }
        self.touch(id);
        Ok(())
    }

    /// Marks the default key of a scope.
    pub(super) fn set_default(&mut self, id: ScopeId, key_id: Option<KeyId>) {
        self.scope_mut(id).head.meta.default = key_id.map(|id| id.to_string());
        self.touch(id);
    }

    /// Puts a slot.
    pub(super) fn put_slot(&mut self, row: SlotRow) -> Result<(), VaultError> {
        self.change.put_slot(&row)?;
        let slots = &mut self.state.slots;
        slots.retain(|slot| slot.id != row.id);
        if slots.len() == SLOTS {
            return Err(VaultError::Limit(format!(
                "a vault has at most {SLOTS} ways to open it"
            )));
        }
        let at = slots.partition_point(|slot| slot.id < row.id);
        slots.insert(at, row);
        Ok(())
    }

    /// Deletes a slot.
    pub(super) fn delete_slot(&mut self, id: SlotId) -> Result<(), VaultError> {
        self.state.slots.retain(|slot| slot.id != id);
        Ok(self.change.delete_slot(id)?)
    }

    /// Gives a scope a new key and seals all that is in it anew. The activity key stays, unless `activity` replaces it.
    pub(super) fn rekey_scope(
        &mut self,
        id: ScopeId,
        activity: Option<RootKey>,
    ) -> Result<(), VaultError> {
        let rows: Vec<ManifestRow> = self.manifest(id)?.rows().to_vec();
        let old = self.state.record_key(self.scope(id));
        let vault = self.state.vault;
        let scope = self.scope_mut(id);
        scope.key = RootKey::generate()?;
        if let Some(activity) = activity {
            scope.head.activity = activity;
        }
        let new = self.state.record_key(self.scope(id));
        let mut manifest = Manifest::default();
        for row in &rows {
            let record = self.state.record(&self.change, id, &old, row)?;
            let (key, secrets) = (record.key()?, record.secrets()?);
            let tag = self.scope(id).name_tag(key.name.as_str(), vault);
            manifest.push(self.put_row(
                id,
                &new,
                row.key_id,
                tag,
                row.revision + 1,
                &key,
                &secrets,
            )?);
        }
        self.manifests.insert(id, manifest);
        let key = self.key.duplicate();
        self.scope_mut(id).seal_row(&key, vault)?;
        self.touch(id);
        Ok(())
    }

    /// Has the scope's sequence number go on above `floor`.
    pub(super) fn raise_scope(&mut self, id: ScopeId, floor: u64) {
        let meta = &mut self.scope_mut(id).head.meta;
        meta.sequence = meta.sequence.max(floor);
        self.touch(id);
    }

    fn touch(&mut self, id: ScopeId) {
        if !self.touched.contains(&id) {
            self.touched.push(id);
        }
    }

    /// Seals the heads and appends to the log. What is left to do is to commit. `floor` is the highest sequence number
    /// that was ever seen: the change continues above it.
    pub(super) fn finish(
        mut self,
        entry: &LogEntry,
        floor: u64,
    ) -> Result<Finished<'a>, VaultError> {
        for id in std::mem::take(&mut self.touched) {
            self.finish_scope(id)?;
        }
        let Self {
            change,
            mut state,
            key,
            ..
        } = self;
        let head = state.head.as_mut().expect("only the owner makes a draft");
        let index = head.log_length + 1;
        let previous = head.log_hash;
        let sealed = seal_entry(entry, index, &previous, &key, state.vault)?;
        change.append_log(index, &sealed)?;
        head.log_length = index;
        head.log_hash = entry_hash(&sealed, index, state.vault);
        head.sequence = head.sequence.max(floor) + 1;
        let rows = state.scopes.iter().map(|scope| &scope.row);
        head.rows_mac = vault_mac(&key, state.vault, &state.slots, rows, &state.own).finish();
        state.header.key_id = key.id(state.vault);
        state.header.head = head.seal(&key, state.vault)?;
        change.put_header(&state.header)?;
        let seen = Seen {
            sequence: head.sequence,
            head_hash: head_hash(&state.header.head),
            log_length: index,
            log_hash: head.log_hash,
        };
        Ok(Finished {
            change,
            seen,
            previous,
            key,
        })
    }

    fn finish_scope(&mut self, id: ScopeId) -> Result<(), VaultError> {
        let vault = self.state.vault;
        let manifest = self.manifest(id)?;
        let rows = manifest.len();
        let manifest = std::mem::take(manifest);
        let scope = self.scope_mut(id);
        scope.head.meta.sequence += 1;
        scope.head.meta.rows = rows;
        scope.head.rows_mac = manifest.mac(&scope.key, vault).finish();
        scope.row.head = scope.head.seal(id, &scope.key, vault)?;
        self.change.put_scope(&self.scope(id).row)?;
        Ok(())
    }
}

/// A change that only has to be committed.
pub(super) struct Finished<'a> {
    pub(super) change: Change<'a>,
    pub(super) seen: Seen,
    /// Hash of the log entry before the change's own.
    pub(super) previous: [u8; 32],
    pub(super) key: RootKey,
}
