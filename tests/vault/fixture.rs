//! A vault in a folder of its own, and short words for what the tests do with it.

use std::fs;
use std::path::{Path, PathBuf};

use keywright::crypto::{Passphrase, Profile, Secret, SecretValue};
use keywright::key::{
    Actor, Brand, Context, KeyName, KeyRef, PermissionSet, Scope, Span, Timestamp,
};
use keywright::vault::{
    Code, Credential, Delivered, Filter, Found, KeyEdit, Location, NewIssued, Requirements,
    Retention, Rotation, Vault, VaultError, Wanted,
};
use tempfile::TempDir;

pub(crate) const NOW: Timestamp = Timestamp(1_800_000_000);
pub(crate) const DAY: Span = Span::DAY;

/// A folder that goes away with it, and a vault's place in it.
pub(crate) struct Place {
    folder: TempDir,
    pub(crate) location: Location,
}

impl Place {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let location = Location {
            vault: folder.path().join("vault.db"),
            state: folder.path().join("state"),
            activity: None,
            accept_rollback: false,
            audit_required: false,
            retention: Retention::default(),
        };
        Self { folder, location }
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn path(&self) -> &Path {
        &self.location.vault
    }

    /// What this machine remembers of the vault as its owner.
    pub(crate) fn anchor(&self, vault: &Vault) -> PathBuf {
        let folder = self.location.state.join(vault.id().to_string());
        let mut anchors = fs::read_dir(folder)
            .expect("the state folder")
            .map(|entry| entry.expect("an entry").path());
        let is_own = |path: &PathBuf| {
            let name = path.file_name().expect("a name").to_string_lossy();
            let is_own = name.starts_with("vault-") && name.ends_with(".anchor");
            is_own && !name.ends_with("-restored.anchor")
        };
        anchors.find(is_own).expect("an anchor")
    }

    pub(crate) fn create(&self) -> Vault {
        self.try_create().expect("a new vault")
    }

    pub(crate) fn try_create(&self) -> Result<Vault, VaultError> {
        Vault::create(
            &self.location,
            &passphrase("horse"),
            Profile::Test,
            &who(),
            NOW,
        )
    }

    pub(crate) fn open(&self) -> Vault {
        self.try_open().expect("the vault opens")
    }

    pub(crate) fn try_open(&self) -> Result<Vault, VaultError> {
        self.open_with(&Credential::Passphrase(&passphrase("horse")))
    }

    pub(crate) fn open_with(&self, credential: &Credential<'_>) -> Result<Vault, VaultError> {
        Vault::open(&self.location, credential, NOW)
    }

    /// Lets the test ask what the log says without a second vault in its way.
    pub(crate) fn verbs(&self) -> Vec<String> {
        let log = self.open().log().expect("the log is whole");
        log.iter()
            .map(|entry| format!("{:?}", entry.verb))
            .collect()
    }
}

pub(crate) fn who() -> Actor {
    "tester".parse().expect("an actor")
}

pub(crate) fn passphrase(text: &str) -> Passphrase {
    Passphrase::new(secret(text.as_bytes())).expect("a passphrase")
}

pub(crate) fn secret(bytes: &[u8]) -> Secret {
    Secret::new(bytes.to_vec())
}

pub(crate) fn value(text: &str) -> SecretValue {
    SecretValue::new(secret(text.as_bytes())).expect("a value")
}

pub(crate) fn name(text: &str) -> KeyName {
    text.parse().expect("a name")
}

/// `project/environment`.
pub(crate) fn scope(text: &str) -> Scope {
    let (project, environment) = text.split_once('/').expect("project/environment");
    Scope {
        project: project.parse().expect("a project"),
        environment: environment.parse().expect("an environment"),
    }
}

pub(crate) fn shop() -> Scope {
    scope("shop/production")
}

pub(crate) fn permissions(list: &[&str]) -> PermissionSet {
    let set: std::collections::BTreeSet<_> = list
        .iter()
        .map(|text| text.parse().expect("a permission"))
        .collect();
    PermissionSet::try_from(set).expect("few permissions")
}

/// A key with this name in `shop/production` that may read.
pub(crate) fn new_key(text: &str) -> NewIssued {
    NewIssued {
        name: name(text),
        scope: shop(),
        brand: Brand::default(),
        permissions: permissions(&["read"]),
        roles: Vec::new(),
        context: Context::default(),
        rate: None,
        expires_at: None,
        tags: Vec::new(),
        note: None,
        make_default: false,
    }
}

/// Issues, delivers, and gives the token's text.
pub(crate) fn issue(vault: &mut Vault, new: &NewIssued, now: Timestamp) -> (String, Delivered) {
    let mut text = String::new();
    let delivered = vault
        .issue(new, &who(), now)
        .expect("issued")
        .deliver(|token, _| {
            text = String::from_utf8(token.expose().to_vec()).expect("ASCII");
            Ok(())
        })
        .expect("delivered");
    (text, delivered)
}

/// Issues a key of this name with all else as usual.
pub(crate) fn issue_named(vault: &mut Vault, text: &str) -> String {
    issue(vault, &new_key(text), NOW).0
}

/// Rotates, delivers, and gives the new token's text.
pub(crate) fn rotate(vault: &mut Vault, text: &str, rotation: Rotation, now: Timestamp) -> String {
    let found = find(vault, text);
    let mut token_text = String::new();
    vault
        .rotate(&found, rotation, &who(), now)
        .expect("rotated")
        .deliver(|token, _| {
            token_text = String::from_utf8(token.expose().to_vec()).expect("ASCII");
            Ok(())
        })
        .expect("delivered");
    token_text
}

/// Commits a token and "dies" before it is handed over.
pub(crate) fn issue_and_die(vault: &mut Vault, text: &str) {
    std::mem::forget(vault.issue(&new_key(text), &who(), NOW).expect("issued"));
}

pub(crate) fn overlap(span: Span) -> Rotation {
    Rotation {
        overlap: span,
        expires_at: None,
    }
}

pub(crate) fn reference(text: &str) -> KeyRef {
    text.parse().expect("a name or an id")
}

pub(crate) fn find(vault: &mut Vault, text: &str) -> Found {
    try_find(vault, text).expect("the key is there")
}

pub(crate) fn try_find(vault: &mut Vault, text: &str) -> Result<Found, VaultError> {
    vault.find(Wanted::Named(&reference(text)), &shop(), false)
}

/// What a verifier without demands is told.
pub(crate) fn check(vault: &mut Vault, token: &str, now: Timestamp) -> Code {
    vault
        .verify(
            &secret(token.as_bytes()),
            &Requirements::default(),
            false,
            &who(),
            now,
        )
        .expect("an answer")
        .code
}

pub(crate) fn names(vault: &mut Vault) -> Vec<String> {
    let keys = vault.list(&Filter::default(), NOW).expect("a list");
    keys.iter()
        .map(|found| found.key.name.to_string())
        .collect()
}

pub(crate) fn set(vault: &mut Vault, text: &str, content: &str) {
    let changes = KeyEdit::default();
    vault
        .set_new(&name(text), &shop(), &value(content), &changes, &who(), NOW)
        .expect("stored");
}

pub(crate) fn get(vault: &mut Vault, text: &str) -> Vec<u8> {
    let found = find(vault, text);
    let value = vault.value(&found, false, &who(), NOW).expect("a value");
    value.expose().to_vec()
}

/// The error; a success fails the test.
pub(crate) fn refused<T>(outcome: Result<T, VaultError>) -> VaultError {
    match outcome {
        Ok(_) => panic!("it was not refused"),
        Err(err) => err,
    }
}

/// A token with its last secret character another, and a checksum that fits.
pub(crate) fn with_wrong_secret(token: &str) -> String {
    let body = &token[..token.len() - 6];
    let (head, last) = body.split_at(body.len() - 1);
    let other = if last == "0" { '1' } else { '0' };
    let body = format!("{head}{other}");
    let checksum = checksum(&body);
    format!("{body}{checksum}")
}

/// CRC-32 in six base62 digits, by the specification and not by the crate's code.
pub(crate) fn checksum(text: &str) -> String {
    let mut crc = u32::MAX;
    for byte in text.bytes() {
        crc ^= u32::from(byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg());
        }
    }
    let mut rest = !crc;
    let mut digits = [0; 6];
    for digit in digits.iter_mut().rev() {
        let alphabet = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
        *digit = alphabet[(rest % 62) as usize];
        rest /= 62;
    }
    String::from_utf8(digits.to_vec()).expect("ASCII")
}

/// Where a restore announces what `anchor` will say.
pub(crate) fn announced(anchor: &Path) -> PathBuf {
    let stem = anchor.file_stem().expect("a name").to_string_lossy();
    anchor.with_file_name(format!("{stem}-restored.anchor"))
}

pub(crate) fn copy(from: &Path, to: &Path) {
    fs::copy(from, to).expect("copied");
}
