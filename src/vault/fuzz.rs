//! Files, and bodies behind a seal: their plaintext comes from outside and is sealed with keys that are known here, because
//! chance makes no MAC. Whoever holds the key of a scope could do the same.

mod files;

pub(crate) use self::files::Bench;
use super::KeyUsage;
use super::activity::ActivityKey;
use super::head::{OpenScope, ScopeHead, ScopeMeta, VaultHead, json};
use super::log::{open_entry, seal_entry};
use super::own::OwnRecord;
use super::record::RecordKey;
use crate::crypto::{Aad, Label, Object, PartsWriter, RootKey, RowsMac, SubKey, seal};
use crate::key::{Key, KeyId, KeyKind, Scope, ScopeId, Sealed, Span, Timestamp, VaultId};
use crate::store::{EventRow, RecordRow, ScopeRow};

const VAULT: VaultId = VaultId([7; 16]);
const SCOPE: ScopeId = ScopeId([3; 16]);
const NOW: Timestamp = Timestamp(1_800_003_600);

/// Separates the parts of a plaintext, for chance makes no lengths either; no UTF-8 text has it.
const PART: u8 = 0xff;

/// Any plaintext, sealed as what the first byte says. What is read of it is read again when it is sealed anew.
pub(crate) fn sealed(data: &[u8]) -> bool {
    let Some((&sort, plain)) = data.split_first() else {
        return false;
    };
    match sort % 8 {
        0 => key_record(plain, KeyKind::Issued),
        1 => key_record(plain, KeyKind::Provider),
        2 => own_record(plain),
        3 => vault_head(plain),
        4 => scope_head(plain),
        5 => scope(plain),
        6 => log_entry(plain),
        _ => event(plain),
    }
}

fn vault_key() -> RootKey {
    RootKey::take(&mut [1; 32])
}

fn scope_key() -> RootKey {
    RootKey::take(&mut [2; 32])
}

fn key_id() -> KeyId {
    "0123456789AB".parse().expect("an id")
}

fn body(plain: &[u8], key: &SubKey, aad: &Aad) -> Sealed {
    let writer = PartsWriter::with_room(plain.len(), 16);
    let writer = if plain.contains(&PART) {
        let mut parts = plain.split(|byte| *byte == PART);
        parts.try_fold(writer, |writer, part| Some(writer.part(part)))
    } else {
        Some(writer.fixed(plain))
    };
    seal(key, aad, writer.expect("it never ends early")).expect("randomness")
}

/// The name that a plaintext says is its own, so that its tag is right.
fn named(plain: &[u8]) -> String {
    let meta = plain.split(|byte| *byte == PART).next().unwrap_or(&[]);
    let meta: Option<serde_json::Value> = serde_json::from_slice(meta).ok();
    let name = meta.as_ref().and_then(|meta| meta.get("name")?.as_str());
    name.unwrap_or("name").to_owned()
}

fn record(plain: &[u8], key: &RootKey, scope: ScopeId) -> (Sealed, [u8; 16]) {
    let tag = RowsMac::name_tag(&key.sub_key(VAULT, Label::Name), &named(plain));
    let aad = Aad::new(Object::Record, VAULT)
        .field(&scope.0)
        .field(&key.id(VAULT))
        .field(key_id().as_bytes())
        .field(&tag)
        .number(1);
    (body(plain, &key.sub_key(VAULT, Label::Record), &aad), tag)
}

fn row(sealed: &Sealed, name_tag: [u8; 16]) -> RecordRow<'_> {
    RecordRow {
        key_id: key_id(),
        name_tag,
        revision: 1,
        nonce: sealed.nonce,
        sealed: &sealed.bytes,
    }
}

fn key_record(plain: &[u8], kind: KeyKind) -> bool {
    let (sealed, tag) = record(plain, &scope_key(), SCOPE);
    let keys = RecordKey::new(&scope_key(), SCOPE, Some(kind), VAULT);
    let opened = keys.open(&row(&sealed, tag)).expect("as it was sealed");
    let Ok(key) = opened.key() else {
        return false;
    };
    look_at(&key);
    let secrets = opened.secrets().expect("as many as were counted");
    assert_eq!(secrets.len(), key.generations.len());
    assert_eq!(
        (key.kind(), key.name.as_str()),
        (kind, named(plain).as_str())
    );
    let again = keys.seal(key_id(), &tag, 1, &key, &secrets);
    let again = again.expect("randomness");
    let again = keys.open(&row(&again, tag)).expect("as it was sealed");
    assert_eq!(again.key().expect("the same key"), key);
    let others = again.secrets().expect("the same secrets");
    assert_eq!(others.len(), secrets.len());
    assert!(
        others
            .iter()
            .zip(&secrets)
            .all(|(one, other)| one.is(other))
    );
    true
}

/// All that is asked of a key, whatever its times are.
fn look_at(key: &Key) {
    let _ = (
        key.status(NOW),
        key.current(),
        key.pending(),
        key.overlapping(NOW),
    );
    for at in [Some(key.created_at), key.expires_at()]
        .into_iter()
        .flatten()
    {
        assert!(!at.to_string().is_empty() && !at.date().is_empty());
        assert!(!at.relative(NOW).is_empty());
        let _ = (
            at.day(),
            Span::between(at, NOW),
            at.after(Span::DAY),
            at.before(Span::DAY),
        );
    }
    for generation in &key.generations {
        let _ = (
            generation.state(NOW),
            generation.valid_until(),
            generation.lifetime(),
        );
        let usage = KeyUsage::default();
        let _ = usage.since_rotation(key, generation.number);
    }
    if let Some(issued) = key.issued() {
        let _ = (
            issued.granted_permissions(),
            issued.granted_context(),
            issued.check(),
        );
    }
    let _ = key.provider().map(|provider| provider.check());
}

fn own_record(plain: &[u8]) -> bool {
    let (sealed, tag) = record(plain, &vault_key(), ScopeId::OWN);
    let keys = RecordKey::new(&vault_key(), ScopeId::OWN, None, VAULT);
    let opened = keys.open(&row(&sealed, tag)).expect("as it was sealed");
    let _ = opened.secrets();
    let Ok(own) = opened.own() else {
        return false;
    };
    let again: OwnRecord = serde_json::from_slice(&json(&own)).expect("what was written");
    assert_eq!(again, own);
    true
}

fn vault_head(plain: &[u8]) -> bool {
    let key = vault_key();
    let aad = Aad::new(Object::VaultHead, VAULT).field(&key.id(VAULT));
    let sealed = body(plain, &key.sub_key(VAULT, Label::Head), &aad);
    let Ok(head) = VaultHead::open(&sealed, &key, VAULT) else {
        return false;
    };
    let again = head.seal(&key, VAULT).expect("randomness");
    assert_eq!(VaultHead::open(&again, &key, VAULT).expect("a head"), head);
    true
}

fn sealed_scope_head(plain: &[u8], key: &RootKey) -> Sealed {
    let aad = Aad::new(Object::ScopeHead, VAULT)
        .field(&SCOPE.0)
        .field(&key.id(VAULT));
    body(plain, &key.sub_key(VAULT, Label::Head), &aad)
}

fn scope_head(plain: &[u8]) -> bool {
    let key = scope_key();
    let sealed = sealed_scope_head(plain, &key);
    let Ok(head) = ScopeHead::open(&sealed, SCOPE, &key, VAULT) else {
        return false;
    };
    let _ = head.default_key();
    let again = head.seal(SCOPE, &key, VAULT).expect("randomness");
    let again = ScopeHead::open(&again, SCOPE, &key, VAULT).expect("a head");
    assert_eq!((again.meta, again.rows_mac), (head.meta, head.rows_mac));
    assert_eq!(again.activity.expose(), head.activity.expose());
    true
}

/// A scope's row, with a head that says what the row says.
fn scope(plain: &[u8]) -> bool {
    let (vault_key, key) = (vault_key(), scope_key());
    let aad = Aad::new(Object::Scope, VAULT)
        .field(&SCOPE.0)
        .field(&vault_key.id(VAULT))
        .field(&key.id(VAULT));
    // The keys are no text, and the fuzzer finds no key id.
    let keys = [&[PART], key.expose().as_slice(), &[PART], &[4; 32]].concat();
    let plain = [plain, &keys].concat();
    let meta = plain.split(|byte| *byte == PART).next().unwrap_or(&[]);
    let meta: Option<ScopeMeta> = serde_json::from_slice(meta).ok();
    let head = meta.map_or_else(Vec::new, |meta| {
        let head = serde_json::json!({
            "project": meta.project, "environment": meta.environment, "kind": meta.kind,
            "sequence": 1, "rows": 0, "default": null,
        });
        [
            head.to_string().as_bytes(),
            &[PART],
            &[5; 32],
            &[PART],
            &[4; 32],
        ]
        .concat()
    });
    let row = ScopeRow {
        id: SCOPE,
        key_id: key.id(VAULT),
        sealed: body(&plain, &vault_key.sub_key(VAULT, Label::Scope), &aad),
        head: sealed_scope_head(&head, &key),
    };
    let Ok(mut open) = OpenScope::open(row, &vault_key, VAULT) else {
        return false;
    };
    let title = open.title();
    open.seal_row(&vault_key, VAULT).expect("randomness");
    let again = OpenScope::open(open.row, &vault_key, VAULT).expect("the same scope");
    assert_eq!((again.title(), again.created_at), (title, open.created_at));
    true
}

fn log_entry(plain: &[u8]) -> bool {
    let (key, previous) = (vault_key(), [6; 32]);
    let aad = Aad::new(Object::Log, VAULT).number(1).field(&previous);
    let sealed = body(plain, &key.sub_key(VAULT, Label::Log), &aad);
    let Ok(entry) = open_entry(&sealed, 1, &previous, &key, VAULT) else {
        return false;
    };
    let _ = (entry.role(), entry.at.to_string());
    let again = seal_entry(&entry, 1, &previous, &key, VAULT).expect("randomness");
    let again = open_entry(&again, 1, &previous, &key, VAULT);
    assert_eq!(again.expect("the same entry"), entry);
    true
}

fn event(plain: &[u8]) -> bool {
    let shop = scope_of("shop", "production");
    let open = OpenScope::new(SCOPE, &shop, KeyKind::Issued, NOW, &vault_key(), VAULT);
    let open = open.expect("randomness");
    let key = ActivityKey::of(&open);
    let aad = Aad::new(Object::Activity, VAULT)
        .field(&SCOPE.0)
        .field(key_id().as_bytes())
        .number(1)
        .number(NOW.0.cast_unsigned());
    let sealed = body(plain, &open.head.activity.as_sub_key(), &aad);
    let row = |sealed| EventRow {
        sequence: 1,
        at: NOW,
        key_id: Some(key_id()),
        sealed,
    };
    let sealed = [&sealed.nonce[..], &sealed.bytes].concat();
    let Ok(event) = key.open(&row(sealed), VAULT) else {
        return false;
    };
    let _ = (event.times(), event.is_allowed(), event.is_wrong_secret());
    let again = key
        .seal(&event, key_id(), 1, NOW, VAULT)
        .expect("randomness");
    let again = key.open(&row(again), VAULT).expect("the same event");
    assert_eq!(again, event);
    true
}

fn scope_of(project: &str, environment: &str) -> Scope {
    Scope {
        project: project.parse().expect("a project"),
        environment: environment.parse().expect("an environment"),
    }
}
