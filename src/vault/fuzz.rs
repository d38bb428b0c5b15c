//! Files, and bodies behind a seal: their plaintext comes from outside and is sealed with keys that are known here, because
//! chance makes no MAC. Whoever holds the key of a scope could do the same.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::activity::ActivityKey;
use super::head::{OpenScope, ScopeHead, ScopeMeta, VaultHead, json};
use super::log::{open_entry, seal_entry};
use super::own::OwnRecord;
use super::record::RecordKey;
use super::{
    AccessToken, AuditFilter, Credential, Filter, Found, KeyUsage, Location, RecoveryCode,
    Requirements, Retention, Tally, Vault, VaultError, Wanted,
};
use crate::crypto::{Aad, Label, Object, PartsWriter, RootKey, RowsMac, Secret, SubKey, seal};
use crate::key::{
    Actor, Key, KeyId, KeyKind, KeyRef, Scope, ScopeId, Sealed, Span, Timestamp, VaultId,
};
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

/// The golden files of format 1, and what opens them at little cost.
pub(crate) struct Bench {
    folder: PathBuf,
    access: AccessToken,
    code: RecoveryCode,
    tokens: Vec<Secret>,
    /// What the owner is told of the vault, and the token holder of the vault and of its slice.
    told: [Vec<String>; 3],
}

const FILES: [&[u8]; 3] = [
    include_bytes!("../../tests/vectors/format-1/vault.db"),
    include_bytes!("../../tests/vectors/format-1/vault.db"),
    include_bytes!("../../tests/vectors/format-1/slice.vault"),
];
const USES: &[u8] = include_bytes!("../../tests/vectors/format-1/activity.db");

impl Bench {
    /// With its copies in this folder.
    pub(crate) fn new(folder: &Path) -> Self {
        let known = include_str!("../../tests/vectors/format-1/known.txt");
        let known = |name: &str| {
            let mut lines = known.lines().filter_map(|line| line.split_once(' '));
            let (_, text) = lines
                .find(|(known, _)| *known == name)
                .expect("it is there");
            Secret::copied(text.as_bytes())
        };
        let mut bench = Self {
            folder: folder.to_owned(),
            access: AccessToken::read(&known("access-token")).expect("an access token"),
            code: RecoveryCode::read(&known("recovery-code")).expect("a recovery code"),
            tokens: ["token-1", "token-2", "token-revoked"].map(known).into(),
            told: Default::default(),
        };
        bench.told = [0, 1, 2].map(|which| bench.read(which, FILES[which]).expect("whole"));
        assert!(bench.told.iter().all(|told| told.len() > 4));
        bench
    }

    /// Another file than the whole one is refused, or nobody is told anything else.
    pub(crate) fn vault(&self, data: &[u8]) -> bool {
        let (which, edits) = match data.split_first() {
            Some((which, edits)) => (usize::from(*which) % 3, edits),
            None => (0, data),
        };
        match self.read(which, &edited(FILES[which], edits)) {
            Ok(told) => {
                assert_eq!(told, self.told[which]);
                true
            }
            Err(err) => {
                assert!(!err.to_string().is_empty());
                false
            }
        }
    }

    fn location(&self, activity: Option<PathBuf>) -> Location {
        Location {
            vault: self.folder.join("vault.db"),
            // What an edit leaves must show in the file itself.
            state: PathBuf::from("/dev/null/no-state"),
            activity,
            accept_rollback: false,
            audit_required: false,
            retention: Retention {
                usage_days: 400,
                event_days: 30,
                events: 1_000_000,
            },
        }
    }

    fn open(&self, which: usize, activity: Option<PathBuf>) -> Result<Vault, VaultError> {
        let credential = if which == 0 {
            Credential::RecoveryCode(&self.code)
        } else {
            Credential::access_token(&self.access)
        };
        Vault::open(&self.location(activity), &credential, NOW)
    }

    /// Reads all that there is to read.
    fn read(&self, which: usize, file: &[u8]) -> Result<Vec<String>, VaultError> {
        write(&self.folder.join("vault.db"), file);
        let _ = Vault::outline(&self.folder.join("vault.db"));
        let mut vault = self.open(which, None)?;
        let mut told = Vec::new();
        for found in vault.list(&Filter::default(), NOW)? {
            told.push(format!(
                "{} {} {:?}",
                found.is_default,
                found.display(),
                found.key
            ));
        }
        for token in &self.tokens {
            let wanted = Requirements::default();
            let verdict = vault.verify(token, &wanted, false, &who(), NOW)?;
            told.push(format!("{:?} {:?}", verdict.code, verdict.generation));
        }
        if which == 0 {
            let found = self.find(&mut vault, "openai")?;
            for previous in [false, true] {
                let value = vault.value(&found, previous, &who(), NOW)?;
                told.push(format!("{:?}", value.expose()));
            }
            told.extend(vault.log()?.iter().map(|entry| format!("{entry:?}")));
            for role in vault.roles()? {
                told.push(format!("{:?}", role.role));
            }
            for token in vault.access_tokens()? {
                told.push(format!("{token:?}"));
            }
            let diagnosis = vault.diagnose(true, NOW)?;
            told.push(format!("{:?}", diagnosis.examined));
        }
        Ok(told)
    }

    fn find(&self, vault: &mut Vault, name: &str) -> Result<Found, VaultError> {
        let reference: KeyRef = name.parse().expect("a name");
        let scope = scope_of("shop", "production");
        vault.find(Wanted::Named(&reference), &scope, true)
    }

    /// Another activity file: what is asked of it is answered or refused, and the keys are there all the same.
    pub(crate) fn activity(&self, data: &[u8]) -> bool {
        let path = self.folder.join("uses.db");
        for side in ["uses.db-wal", "uses.db-shm", "uses.db-journal"] {
            let _ = fs::remove_file(self.folder.join(side));
        }
        write(&self.folder.join("vault.db"), FILES[0]);
        write(&path, &edited(USES, data));
        let mut vault = self.open(0, Some(path)).expect("whole");
        let keys = vault.list(&Filter::default(), NOW).expect("keys");
        assert_eq!(keys.len(), 3);
        let asked = self.ask(&mut vault, &keys);
        let wanted = Requirements::default();
        let recorded = vault.verify(&self.tokens[0], &wanted, true, &who(), NOW);
        let recorded = recorded.expect("an answer, for nothing requires that it is recorded");
        assert!(recorded.found.is_some());
        vault.prune_activity(NOW);
        let _ = vault.take_warnings();
        asked.is_ok()
    }

    fn ask(&self, vault: &mut Vault, keys: &[Found]) -> Result<(), VaultError> {
        let diagnosis = vault.diagnose(true, NOW)?;
        let usage = vault.usage_by_day(0);
        if let Ok(usage) = &usage {
            for counts in usage.keys.values().chain([&usage.strangers]) {
                let _ = Tally::of(counts);
            }
        }
        for found in keys {
            let Ok(usage) = vault.usage_of(found, 0, KeyUsage::EVENTS) else {
                continue;
            };
            for generation in &found.key.generations {
                let number = generation.number;
                let _ = usage.since_rotation(&found.key, number);
                let _ = (usage.last_used_of(number), usage.of_generation(number));
                let _ = vault.used_within(found, number, Span::days(30), NOW);
            }
        }
        let scope = scope_of("shop", "production");
        let filter = AuditFilter::default();
        let (audit, mut mark) = vault.audit(None, &scope, &filter)?;
        for entry in &audit.entries {
            let _ = format!("{entry:?} {}", entry.at);
        }
        vault.audit_after(&mut mark, &filter)?;
        vault.access_tokens()?;
        usage?;
        let files = diagnosis.of_vault.iter();
        files.for_each(|trouble| drop(format!("{trouble:?}")));
        Ok(())
    }
}

fn who() -> Actor {
    "tester".parse().expect("an actor")
}

/// Never deleted and made again: that would be most of a case's time.
fn write(path: &Path, bytes: &[u8]) {
    let mut options = File::options();
    options.write(true).create(true).truncate(true).mode(0o600);
    let mut file = options.open(path).expect("a file");
    file.write_all(bytes).expect("written");
}

/// A file of pages with edits of five bytes each: what, where (two bytes, and two that are put there or say how much). What
/// begins as a database does is the whole file.
fn edited(whole: &[u8], edits: &[u8]) -> Vec<u8> {
    const PAGE: usize = 4096;
    if edits.starts_with(b"SQLite format 3") {
        return edits.to_vec();
    }
    let mut file = whole.to_vec();
    for edit in edits.as_chunks::<5>().0 {
        let [what, low, high, one, other] = *edit;
        if file.len() < PAGE {
            break;
        }
        let at = usize::from(u16::from_le_bytes([low, high])) % (file.len() - 1);
        let pages = file.len() / PAGE;
        match what % 8 {
            0 => file[at] = one,
            1 => file[at] ^= 1 << (one % 8),
            2 => file[at..at + 2].copy_from_slice(&[one, other]),
            3 => file[at] = file[at].wrapping_add(one),
            // Within the header of a page, where most of what SQLite believes is.
            4 => file[at / PAGE * PAGE + usize::from(one) % 128] = other,
            5 => {
                let (from, to) = (usize::from(one) % pages, usize::from(other) % pages);
                file.copy_within(from * PAGE..(from + 1) * PAGE, to * PAGE);
            }
            6 => {
                let end = file.len().min(at + usize::from(one));
                file[at..end].fill(other);
            }
            _ if other.is_multiple_of(2) => file.truncate(at / PAGE * PAGE),
            _ => file.resize(file.len() + usize::from(one), other),
        }
    }
    file
}
