//! Further ways in: access tokens that open one scope, and the recovery code.

use std::collections::HashMap;
use std::io;

use zeroize::Zeroizing;

use super::activity::with_cause;
use super::audit::{AuditFilter, Homes, newest_first};
use super::draft::Draft;
use super::find::nearest;
use super::head::title;
use super::log::{Event, Verb};
use super::own::{OwnBody, OwnRecord};
use super::record::RecordKey;
use super::unlock::{expiry, slot_row};
use super::{Vault, VaultError, View, Which};
use crate::crypto::{
    RootKey, Secret, SlotBinding, SlotInput, SlotKind, access_token_parts, access_token_text,
    looks_issued, random, recovery_code_input, recovery_code_text,
};
use crate::key::{Actor, KeyKind, KeyName, Scope, ScopeId, SlotId, Timestamp};
use crate::store::{ActivityFile, SlotRow};

/// Newest events in which uses of access tokens are looked for.
const EVENTS: usize = 50_000;

/// Opens exactly one scope, for CI and servers. Redacted in `Debug`.
#[derive(Debug)]
pub struct AccessToken {
    slot: SlotId,
    secret: Secret,
}

impl AccessToken {
    /// From its two parts.
    pub fn new(slot: SlotId, secret: Secret) -> Self {
        Self { slot, secret }
    }

    fn generate() -> Result<Self, VaultError> {
        let bytes = Zeroizing::new(random::<32>()?);
        Ok(Self::new(SlotId(random()?), Secret::copied(&bytes[..])))
    }

    /// Which slot it opens.
    pub fn slot(&self) -> SlotId {
        self.slot
    }

    /// Its text, `kwa1_…`: 76 characters.
    pub fn text(&self) -> Secret {
        access_token_text(self.slot, &self.secret)
    }

    /// From its text; `None` for anything that is no whole, correctly typed one.
    pub fn read(text: &Secret) -> Option<Self> {
        let (slot, secret) = access_token_parts(text)?;
        Some(Self { slot, secret })
    }

    /// From the texts of several, with white space between them; of none, nothing.
    ///
    /// # Errors
    /// [`VaultError::NoAccessToken`] with the place of the first that is no whole, correctly typed one.
    pub fn read_all(texts: &Secret) -> Result<Vec<Self>, VaultError> {
        let words = texts.words();
        let read = |(at, word): (usize, &Secret)| {
            Self::read(word).ok_or_else(|| VaultError::NoAccessToken {
                which: Which::new(at, words.len()),
                is_issued: looks_issued(word),
            })
        };
        words.iter().enumerate().map(read).collect()
    }

    pub(super) fn input(&self) -> &Secret {
        &self.secret
    }
}

/// Opens the whole vault when the passphrase is lost: 20 random bytes. Redacted in `Debug`.
#[derive(Debug)]
pub struct RecoveryCode(Secret);

impl RecoveryCode {
    /// From its bytes.
    pub fn new(bytes: Secret) -> Self {
        Self(bytes)
    }

    /// Its text, `kwr1-…`: nine groups of four characters.
    pub fn text(&self) -> Secret {
        recovery_code_text(&self.0)
    }

    /// From its text as a person types it; `None` where a character is wrong, missing or too many.
    pub fn read(text: &Secret) -> Option<Self> {
        recovery_code_input(text).map(Self)
    }

    pub(super) fn input(&self) -> &Secret {
        &self.0
    }
}

/// An access token that is to be made.
#[derive(Clone, Debug)]
pub struct NewAccess {
    /// Unique among the access tokens.
    pub name: KeyName,
    pub scope: Scope,
    pub kind: KeyKind,
    pub expires_at: Option<Timestamp>,
}

/// What the vault's owner knows of an access token.
#[derive(Clone, Debug)]
pub struct AccessOutline {
    pub slot: SlotId,
    pub name: KeyName,
    pub scope: Scope,
    pub kind: KeyKind,
    pub created_at: Timestamp,
    pub created_by: Actor,
    /// Honest programs keep to it; no cryptography does.
    pub expires_at: Option<Timestamp>,
    /// When it last opened a key, among the newest 50,000 uses that the activity file has.
    pub last_used: Option<Timestamp>,
}

impl AccessOutline {
    /// The scope it opens, for people.
    pub fn opens(&self) -> String {
        title(&self.scope, self.kind)
    }
}

impl Vault {
    /// All access tokens, by name. Uses that cannot be read are a warning: nothing depends on them, and least of all that a
    /// token can be revoked.
    ///
    /// # Errors
    /// [`VaultError::OwnerOnly`] for the holder of an access token.
    pub fn access_tokens(&mut self) -> Result<Vec<AccessOutline>, VaultError> {
        let key = self.owner_key()?;
        let activity = self.activity_now();
        let (mut tokens, uses) = self.read(|view| {
            let tokens = view.access_tokens(&key)?;
            let uses = match activity {
                Ok(Some((file, last))) if !tokens.is_empty() => view.last_uses(&file, last, &key),
                Ok(_) => Ok(HashMap::new()),
                Err(err) => Err(err),
            };
            Ok((tokens, uses))
        })?;
        match uses {
            Ok(uses) => {
                for token in &mut tokens {
                    token.last_used = uses.get(&token.slot.to_string()).copied();
                }
            }
            Err(err) => self
                .warnings
                .push(format!("usage is not known: {}", with_cause(&err))),
        }
        Ok(tokens)
    }

    /// Finds an access token by its exact name.
    ///
    /// # Errors
    /// [`VaultError::UnknownAccess`]; [`VaultError::OwnerOnly`] for the holder of an access token.
    pub fn find_access(&mut self, name: &KeyName) -> Result<AccessOutline, VaultError> {
        let tokens = self.access_tokens()?;
        let names: Vec<String> = tokens.iter().map(|token| token.name.to_string()).collect();
        let found = tokens.into_iter().find(|token| token.name == *name);
        found.ok_or_else(|| VaultError::UnknownAccess {
            name: name.clone(),
            nearest: nearest(name.as_str(), &names),
        })
    }

    /// Makes an access token for one scope, which must exist.
    ///
    /// # Errors
    /// [`VaultError::UnknownScope`] when the scope has no keys yet; [`VaultError::AccessExists`] for a name that another
    /// one has; [`VaultError::Limit`] at 64 slots.
    pub fn create_access(
        &mut self,
        name: &KeyName,
        scope: &Scope,
        kind: KeyKind,
        expires_at: Option<Timestamp>,
        who: &Actor,
        now: Timestamp,
    ) -> Result<AccessToken, VaultError> {
        let new = NewAccess {
            name: name.clone(),
            scope: scope.clone(),
            kind,
            expires_at,
        };
        let token = AccessToken::generate()?;
        self.save_access(&new, &token, true, who, now)?;
        Ok(token)
    }

    /// Whether [`Vault::deliver_access`] could make it, without doing it.
    ///
    /// # Errors
    /// As [`Vault::create_access`].
    pub fn check_access(
        &mut self,
        new: &NewAccess,
        who: &Actor,
        now: Timestamp,
    ) -> Result<(), VaultError> {
        self.save_access(new, &AccessToken::generate()?, false, who, now)
            .map(drop)
    }

    /// Makes an access token that `hand_over` gives to its owner first; it returns once the token is out. Only then is it
    /// put into the vault: where that fails, or the process is killed between, it opens nothing.
    ///
    /// # Errors
    /// As [`Vault::create_access`], all of which is known before; [`VaultError::Delivery`] when it was not handed over:
    /// nothing was changed. [`VaultError::PrintedButInvalid`] when it was, but could not be saved;
    /// [`VaultError::AccessUncertain`] when nobody can tell.
    pub fn deliver_access(
        &mut self,
        new: &NewAccess,
        who: &Actor,
        now: Timestamp,
        hand_over: impl FnOnce(&AccessToken) -> io::Result<()>,
    ) -> Result<(), VaultError> {
        let token = AccessToken::generate()?;
        self.save_access(new, &token, false, who, now)?;
        hand_over(&token).map_err(VaultError::Delivery)?;
        let saved = self.save_access(new, &token, true, who, now);
        saved.map_err(|err| match err {
            VaultError::Uncertain(source) => VaultError::AccessUncertain(source),
            err => VaultError::PrintedButInvalid(Box::new(err)),
        })
    }

    /// With `save`; otherwise everything but that.
    fn save_access(
        &mut self,
        new: &NewAccess,
        token: &AccessToken,
        save: bool,
        who: &Actor,
        now: Timestamp,
    ) -> Result<(), VaultError> {
        let NewAccess {
            name,
            scope,
            kind,
            expires_at,
        } = new;
        self.write(who, now, |draft| {
            let id = draft
                .scope_id(scope, *kind)
                .ok_or_else(|| draft.state.unknown_scope(scope, Some(*kind)))?;
            for known in draft.own_records()? {
                if matches!(&known.body, OwnBody::Slot { name: known, .. } if known == name) {
                    return Err(VaultError::AccessExists(name.clone()));
                }
            }
            put_access_slot(draft, token.slot, id, *expires_at, &token.secret)?;
            let body = OwnBody::Slot {
                name: name.clone(),
                created_at: now,
                created_by: who.clone(),
            };
            let kept = token.secret.duplicate();
            draft.put_own(
                &OwnRecord {
                    name: own_name(token.slot),
                    body,
                },
                &[kept],
            )?;
            let event = Event {
                scope: Some((scope.clone(), *kind)),
                ..Event::of_vault(Verb::AccessCreate).with_detail(name.to_string())
            };
            Ok(((), save.then_some(event)))
        })
    }

    /// Takes an access token back: its slot goes, the scope gets a new key and is sealed anew, and the new key is wrapped
    /// for the scope's other tokens, all in one change. Issued tokens stay valid.
    ///
    /// # Errors
    /// [`VaultError::Misused`] when there is no such slot.
    pub fn revoke_access(
        &mut self,
        slot: SlotId,
        who: &Actor,
        now: Timestamp,
    ) -> Result<(), VaultError> {
        self.write(who, now, |draft| {
            let revoked = access_slots(draft)
                .into_iter()
                .find(|row| row.id == slot)
                .ok_or_else(|| VaultError::Misused("there is no such access token".to_owned()))?;
            let name = slot_name(draft, slot)?;
            drop_access_slot(draft, slot)?;
            draft.rekey_scope(revoked.scope, None)?;
            for row in access_slots(draft)
                .into_iter()
                .filter(|row| row.scope == revoked.scope)
            {
                let input = kept_input(draft, row.id)?;
                put_access_slot(draft, row.id, row.scope, expiry(&row), &input)?;
            }
            let open = draft.scope(revoked.scope);
            let scope = Some((open.scope.clone(), open.kind));
            Ok((
                (),
                Some(Event {
                    scope,
                    ..Event::of_vault(Verb::AccessRevoke).with_detail(name.to_string())
                }),
            ))
        })
    }
}

impl View<'_> {
    /// What is known of the access tokens, by name.
    pub(super) fn access_tokens(&self, key: &RootKey) -> Result<Vec<AccessOutline>, VaultError> {
        let own = RecordKey::new(key, ScopeId::OWN, None, self.state.vault);
        let unmatched = || VaultError::altered("an access token has no record, or no slot");
        let mut tokens = Vec::new();
        for row in self.state.own.rows() {
            let record = self
                .state
                .record(&self.snapshot, ScopeId::OWN, &own, row)?
                .own()?;
            let OwnBody::Slot {
                name,
                created_at,
                created_by,
            } = record.body
            else {
                continue;
            };
            let mut slots = self.state.slots.iter();
            let slot = slots
                .find(|slot| own_name(slot.id) == record.name)
                .ok_or_else(unmatched)?;
            let mut scopes = self.state.scopes.iter();
            let open = scopes
                .find(|open| open.row.id == slot.scope)
                .ok_or_else(unmatched)?;
            tokens.push(AccessOutline {
                slot: slot.id,
                name,
                scope: open.scope.clone(),
                kind: open.kind,
                created_at,
                created_by,
                expires_at: expiry(slot),
                last_used: None,
            });
        }
        tokens.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(tokens)
    }

    /// When each access token, by the id of its slot, was last used, as far as the newest events tell.
    fn last_uses(
        &self,
        file: &ActivityFile,
        last: u64,
        key: &RootKey,
    ) -> Result<HashMap<String, Timestamp>, VaultError> {
        let mut homes = Homes::of(self, key)?;
        let (mut uses, mut read) = (HashMap::new(), 0);
        newest_first(file, last, None, &AuditFilter::default(), |row| {
            let used = homes.open(row).and_then(|used| used.event.access);
            if let Some(slot) = used {
                let latest = uses.entry(slot).or_insert(row.at);
                *latest = row.at.max(*latest);
            }
            read += 1;
            read < EVENTS
        })?;
        Ok(uses)
    }
}

/// All slots that open one scope.
pub(super) fn access_slots(draft: &Draft<'_>) -> Vec<SlotRow> {
    let kind = SlotKind::AccessToken.number();
    draft
        .state
        .slots
        .iter()
        .filter(|row| row.kind == kind)
        .cloned()
        .collect()
}

/// Drops an access token's slot, and what is known of it.
pub(super) fn drop_access_slot(draft: &mut Draft<'_>, slot: SlotId) -> Result<(), VaultError> {
    draft.delete_slot(slot)?;
    draft.delete_own(&own_name(slot))
}

/// What an access token is called.
pub(super) fn slot_name(draft: &Draft<'_>, slot: SlotId) -> Result<KeyName, VaultError> {
    let record = draft.own_record(&own_name(slot))?;
    match record.map(|record| record.own()).transpose()? {
        Some(OwnRecord {
            body: OwnBody::Slot { name, .. },
            ..
        }) => Ok(name),
        _ => Err(VaultError::altered("an access token has no record")),
    }
}

/// Drops the recovery code, and says whether there was one.
pub(super) fn drop_recovery_code(draft: &mut Draft<'_>) -> Result<bool, VaultError> {
    drop_slots(draft, SlotKind::RecoveryCode)
}

/// Drops every slot of a kind, and says whether there was one.
pub(super) fn drop_slots(draft: &mut Draft<'_>, kind: SlotKind) -> Result<bool, VaultError> {
    let of_kind = draft
        .state
        .slots
        .iter()
        .filter(|row| row.kind == kind.number());
    let old: Vec<SlotId> = of_kind.map(|row| row.id).collect();
    for id in &old {
        draft.delete_slot(*id)?;
    }
    Ok(!old.is_empty())
}

/// Name of a slot's record in the vault's own scope.
fn own_name(slot: SlotId) -> String {
    format!("slot/{slot}")
}

fn put_access_slot(
    draft: &mut Draft<'_>,
    slot: SlotId,
    scope: ScopeId,
    expires_at: Option<Timestamp>,
    input: &Secret,
) -> Result<(), VaultError> {
    let vault = draft.state.vault;
    let key = draft.scope(scope).key.duplicate();
    let binding = SlotBinding {
        slot,
        kind: SlotKind::AccessToken.number(),
        scope,
        profile: 0,
        salt: random()?,
        expires_at: expires_at.map_or(0, |at| at.0.unsigned_abs()),
        key_id: key.id(vault),
    };
    let row = slot_row(&key, &SlotInput::Bytes(input), binding, vault)?;
    draft.put_slot(row)
}

fn kept_input(draft: &Draft<'_>, slot: SlotId) -> Result<Secret, VaultError> {
    let missing = || VaultError::altered("an access token has no record");
    let record = draft.own_record(&own_name(slot))?.ok_or_else(missing)?;
    record.secrets()?.pop().ok_or_else(missing)
}
