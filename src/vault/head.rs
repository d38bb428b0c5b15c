//! Heads: what turns "each row is authentic" into "the set of rows is authentic".

use serde::{Deserialize, Serialize};

use super::{ScopeKey, VaultError};
use crate::checks;
use crate::crypto::{
    Aad, Label, Object, PartsWriter, RootKey, RowsMac, SubKey, open, push_part, seal, sha256_parts,
};
use crate::key::{
    Environment, KeyId, KeyKind, Project, Scope, ScopeId, Sealed, SlotId, Timestamp, VaultId,
};
use crate::store::{RecordRow, ScopeRow, SlotRow};

/// What of a record its scope's MAC covers: every column, the sealed one by its tag.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct ManifestRow {
    pub(super) key_id: KeyId,
    pub(super) name_tag: [u8; 16],
    pub(super) revision: u64,
    pub(super) nonce: [u8; Sealed::NONCE],
    tail: [u8; Sealed::TAG],
}

impl ManifestRow {
    pub(super) fn of(row: &RecordRow<'_>) -> Result<Self, VaultError> {
        let tail = Sealed::tail(row.sealed).try_into();
        Ok(Self {
            key_id: row.key_id,
            name_tag: row.name_tag,
            revision: row.revision,
            nonce: row.nonce,
            tail: tail.map_err(|_| VaultError::altered("a record is too short"))?,
        })
    }
}

/// The rows of one scope in the order of their key ids, as a verified pass found them.
#[derive(Clone, Debug, Default)]
pub(super) struct Manifest(Vec<ManifestRow>);

impl Manifest {
    /// Adds a row at the end.
    pub(super) fn push(&mut self, row: ManifestRow) {
        self.0.push(row);
    }

    /// Puts a row in its place, replacing the one with its id.
    pub(super) fn put(&mut self, row: ManifestRow) {
        match self.0.binary_search_by_key(&row.key_id, |row| row.key_id) {
            Ok(at) => self.0[at] = row,
            Err(at) => self.0.insert(at, row),
        }
    }

    /// Adds rows whose ids are new, in any order.
    pub(super) fn extend(&mut self, rows: Vec<ManifestRow>) {
        self.0.extend(rows);
        self.0.sort_by_key(|row| row.key_id);
    }

    /// Takes the row with this id out.
    pub(super) fn remove(&mut self, id: KeyId) {
        self.0.retain(|row| row.key_id != id);
    }

    pub(super) fn by_id(&self, id: KeyId) -> Option<&ManifestRow> {
        self.0
            .binary_search_by_key(&id, |row| row.key_id)
            .ok()
            .map(|at| &self.0[at])
    }

    pub(super) fn by_tag(&self, tag: &[u8; 16]) -> Option<&ManifestRow> {
        self.0.iter().find(|row| row.name_tag == *tag)
    }

    pub(super) fn rows(&self) -> &[ManifestRow] {
        &self.0
    }

    pub(super) fn len(&self) -> u64 {
        self.0.len() as u64
    }

    fn feed(&self, mac: &mut RowsMac) {
        mac.number(self.len());
        // The same bytes as field by field, in one call a row: half of a pass would be calls otherwise.
        let mut bytes = Vec::with_capacity(96);
        for row in &self.0 {
            bytes.clear();
            let revision = row.revision.to_le_bytes();
            let fields: [&[u8]; 5] = [
                row.key_id.as_bytes(),
                &row.name_tag,
                &revision,
                &row.nonce,
                &row.tail,
            ];
            fields
                .into_iter()
                .for_each(|field| push_part(&mut bytes, field));
            mac.bytes(&bytes);
        }
    }

    /// The MAC of a scope's rows, before it is finished or compared.
    pub(super) fn mac(&self, key: &RootKey, vault: VaultId) -> RowsMac {
        let mut mac = RowsMac::new(&key.sub_key(vault, Label::Rows));
        self.feed(&mut mac);
        mac
    }
}

/// The MAC over everything that the vault head holds together.
pub(super) fn vault_mac<'a>(
    key: &RootKey,
    vault: VaultId,
    slots: &[SlotRow],
    scopes: impl ExactSizeIterator<Item = &'a ScopeRow>,
    own: &Manifest,
) -> RowsMac {
    let mut mac = RowsMac::new(&key.sub_key(vault, Label::Rows));
    mac.number(slots.len() as u64);
    for slot in slots {
        mac.field(&slot.id.0);
        mac.number(slot.kind);
        mac.field(&slot.scope.0);
        mac.number(slot.profile);
        mac.field(&slot.salt);
        mac.number(slot.expires_at);
        mac.field(&slot.commitment);
        mac.field(&slot.sealed_key.nonce);
        mac.field(Sealed::tail(&slot.sealed_key.bytes));
    }
    mac.number(scopes.len() as u64);
    for scope in scopes {
        mac.field(&scope.id.0);
        mac.field(&scope.key_id);
        mac.field(&scope.sealed.nonce);
        mac.field(Sealed::tail(&scope.sealed.bytes));
        mac.field(&scope.head.nonce);
        mac.field(Sealed::tail(&scope.head.bytes));
    }
    own.feed(&mut mac);
    mac
}

/// The vault's head.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct VaultHead {
    /// Counts every change of the vault.
    pub(super) sequence: u64,
    pub(super) rows_mac: [u8; 32],
    pub(super) log_length: u64,
    pub(super) log_hash: [u8; 32],
}

impl VaultHead {
    pub(super) fn seal(&self, key: &RootKey, vault: VaultId) -> Result<Sealed, VaultError> {
        let plain = PartsWriter::with_room(80, 0)
            .fixed(&self.sequence.to_le_bytes())
            .fixed(&self.rows_mac)
            .fixed(&self.log_length.to_le_bytes())
            .fixed(&self.log_hash);
        Ok(seal(
            &key.sub_key(vault, Label::Head),
            &Self::aad(key, vault),
            plain,
        )?)
    }

    pub(super) fn open(sealed: &Sealed, key: &RootKey, vault: VaultId) -> Result<Self, VaultError> {
        let opened = open(
            &key.sub_key(vault, Label::Head),
            &Self::aad(key, vault),
            &sealed.nonce,
            &sealed.bytes,
        )
        .map_err(|_| VaultError::altered("its head is not the one that was sealed"))?;
        let mut parts = opened.parts();
        let head = Self {
            sequence: parts.number()?,
            rows_mac: parts.array()?,
            log_length: parts.number()?,
            log_hash: parts.array()?,
        };
        parts.done()?;
        Ok(head)
    }

    fn aad(key: &RootKey, vault: VaultId) -> Aad {
        Aad::new(Object::VaultHead, vault).field(&key.id(vault))
    }
}

/// SHA-256 of a sealed head: what an anchor remembers.
pub(super) fn head_hash(head: &Sealed) -> [u8; 32] {
    sha256_parts(&[], &[&head.nonce, &head.bytes])
}

/// A scope's head.
#[derive(Debug)]
pub(super) struct ScopeHead {
    pub(super) meta: ScopeHeadMeta,
    pub(super) rows_mac: [u8; 32],
    pub(super) activity: RootKey,
}

/// The readable part of a scope's head. Field names are part of the file format.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ScopeHeadMeta {
    pub(super) project: Project,
    pub(super) environment: Environment,
    pub(super) kind: KeyKind,
    /// Counts every change of the scope.
    pub(super) sequence: u64,
    pub(super) rows: u64,
    /// The id of the default issued key.
    pub(super) default: Option<String>,
}

impl ScopeHead {
    pub(super) fn default_key(&self) -> Option<KeyId> {
        self.meta.default.as_deref().and_then(|id| id.parse().ok())
    }

    pub(super) fn seal(
        &self,
        id: ScopeId,
        key: &RootKey,
        vault: VaultId,
    ) -> Result<Sealed, VaultError> {
        let meta = json(&self.meta);
        let plain = PartsWriter::with_room(meta.len() + 64, 3)
            .part(&meta)
            .part(&self.rows_mac)
            .key(&self.activity);
        Ok(seal(
            &key.sub_key(vault, Label::Head),
            &Self::aad(id, key, vault),
            plain,
        )?)
    }

    pub(super) fn open(
        sealed: &Sealed,
        id: ScopeId,
        key: &RootKey,
        vault: VaultId,
    ) -> Result<Self, VaultError> {
        let aad = Self::aad(id, key, vault);
        let opened = open(
            &key.sub_key(vault, Label::Head),
            &aad,
            &sealed.nonce,
            &sealed.bytes,
        )
        .map_err(|_| VaultError::altered("the head of a scope is not the one that was sealed"))?;
        let mut parts = opened.parts();
        let meta = from_json(parts.part()?, "the head of a scope")?;
        let rows_mac = parts
            .part()?
            .try_into()
            .map_err(|_| VaultError::Newer("the head of a scope".to_owned()))?;
        let activity = parts.key()?;
        parts.done()?;
        Ok(Self {
            meta,
            rows_mac,
            activity,
        })
    }

    fn aad(id: ScopeId, key: &RootKey, vault: VaultId) -> Aad {
        Aad::new(Object::ScopeHead, vault)
            .field(&id.0)
            .field(&key.id(vault))
    }
}

/// A scope that was opened: who it is and the key that opens what is in it.
#[derive(Debug)]
pub(super) struct OpenScope {
    pub(super) row: ScopeRow,
    pub(super) scope: Scope,
    pub(super) kind: KeyKind,
    pub(super) created_at: Option<Timestamp>,
    pub(super) key: RootKey,
    pub(super) head: ScopeHead,
    /// The access token that opened it; `None` for the vault's owner.
    pub(super) slot: Option<SlotId>,
}

/// What a scope's row seals. Field names are part of the file format.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ScopeMeta {
    pub(super) project: Project,
    pub(super) environment: Environment,
    pub(super) kind: KeyKind,
    pub(super) created_at: Timestamp,
}

impl OpenScope {
    /// Opens a scope's row with the vault key.
    pub(super) fn open(
        row: ScopeRow,
        vault_key: &RootKey,
        vault: VaultId,
    ) -> Result<Self, VaultError> {
        let altered = || VaultError::altered("a scope is not the one that was sealed");
        let aad = scope_aad(row.id, vault_key, &row.key_id, vault);
        let opened = open(
            &vault_key.sub_key(vault, Label::Scope),
            &aad,
            &row.sealed.nonce,
            &row.sealed.bytes,
        )
        .map_err(|_| altered())?;
        let mut parts = opened.parts();
        let meta: ScopeMeta = from_json(parts.part()?, "a scope")?;
        let key = parts.key()?;
        let _activity = parts.part()?;
        parts.done()?;
        if !checks::holds(key.id(vault) == row.key_id) {
            return Err(altered());
        }
        let head = ScopeHead::open(&row.head, row.id, &key, vault)?;
        let same = head.meta.project == meta.project
            && head.meta.environment == meta.environment
            && head.meta.kind == meta.kind;
        if !checks::holds(same) {
            return Err(altered());
        }
        let scope = Scope {
            project: meta.project,
            environment: meta.environment,
        };
        Ok(Self {
            row,
            scope,
            kind: meta.kind,
            created_at: Some(meta.created_at),
            key,
            head,
            slot: None,
        })
    }

    /// Opens a scope with its own key, as the holder of an access token does.
    pub(super) fn open_with_scope_key(
        row: ScopeRow,
        opened: &ScopeKey,
        vault: VaultId,
    ) -> Result<Self, VaultError> {
        let key = opened.key.duplicate();
        let head = ScopeHead::open(&row.head, row.id, &key, vault)?;
        let scope = Scope {
            project: head.meta.project.clone(),
            environment: head.meta.environment.clone(),
        };
        Ok(Self {
            scope,
            kind: head.meta.kind,
            created_at: None,
            key,
            head,
            row,
            slot: Some(opened.slot),
        })
    }

    /// A new, empty scope; its head is sealed when the change is finished.
    pub(super) fn new(
        id: ScopeId,
        scope: &Scope,
        kind: KeyKind,
        now: Timestamp,
        vault_key: &RootKey,
        vault: VaultId,
    ) -> Result<Self, VaultError> {
        let key = RootKey::generate()?;
        let head = ScopeHead {
            meta: ScopeHeadMeta {
                project: scope.project.clone(),
                environment: scope.environment.clone(),
                kind,
                sequence: 0,
                rows: 0,
                default: None,
            },
            rows_mac: [0; 32],
            activity: RootKey::generate()?,
        };
        let nothing = Sealed {
            nonce: [0; Sealed::NONCE],
            bytes: Vec::new(),
        };
        let row = ScopeRow {
            id,
            key_id: key.id(vault),
            sealed: nothing.clone(),
            head: nothing,
        };
        let mut new = Self {
            row,
            scope: scope.clone(),
            kind,
            created_at: Some(now),
            key,
            head,
            slot: None,
        };
        new.seal_row(vault_key, vault)?;
        Ok(new)
    }

    /// Seals the row under the vault key, after the scope key or the vault key was changed.
    pub(super) fn seal_row(
        &mut self,
        vault_key: &RootKey,
        vault: VaultId,
    ) -> Result<(), VaultError> {
        self.row.key_id = self.key.id(vault);
        let meta = json(&ScopeMeta {
            project: self.scope.project.clone(),
            environment: self.scope.environment.clone(),
            kind: self.kind,
            created_at: self.created_at.unwrap_or(Timestamp(0)),
        });
        let plain = PartsWriter::with_room(meta.len() + 64, 3)
            .part(&meta)
            .key(&self.key)
            .key(&self.head.activity);
        let aad = scope_aad(self.row.id, vault_key, &self.row.key_id, vault);
        self.row.sealed = seal(&vault_key.sub_key(vault, Label::Scope), &aad, plain)?;
        Ok(())
    }

    /// For people: `the issued keys of shop/staging`.
    pub(super) fn title(&self) -> String {
        title(&self.scope, self.kind)
    }

    /// Whether this is the scope of these keys.
    pub(super) fn is(&self, scope: &Scope, kind: KeyKind) -> bool {
        self.scope == *scope && self.kind == kind
    }

    /// The tag that finds a name in this scope.
    pub(super) fn name_tag(&self, name: &str, vault: VaultId) -> [u8; 16] {
        RowsMac::name_tag(&self.name_key(vault), name)
    }

    /// What makes the tags of many names.
    pub(super) fn name_key(&self, vault: VaultId) -> SubKey {
        self.key.sub_key(vault, Label::Name)
    }
}

/// A scope, for people.
pub(super) fn title(scope: &Scope, kind: KeyKind) -> String {
    format!("the {kind} keys of {scope}")
}

fn scope_aad(id: ScopeId, vault_key: &RootKey, scope_key_id: &[u8; 16], vault: VaultId) -> Aad {
    Aad::new(Object::Scope, vault)
        .field(&id.0)
        .field(&vault_key.id(vault))
        .field(scope_key_id)
}

/// JSON of plain data of ours.
pub(super) fn json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("plain data with text keys always serializes")
}

/// Plain data of JSON that was authentic: what cannot be read was written by a newer keywright.
pub(super) fn from_json<'a, T: Deserialize<'a>>(
    bytes: &'a [u8],
    what: &str,
) -> Result<T, VaultError> {
    serde_json::from_slice(bytes).map_err(|_| VaultError::Newer(what.to_owned()))
}
