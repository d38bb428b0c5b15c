//! Vaults of every format must open for ever. Format 1 is final: these files are not made again.
//!
//! `vault.db`, `slice.vault` with one scope of it and `activity.db` with uses of its keys were made by
//! `vault::tamper::golden`; `known.txt` has the credentials that are random in every vault.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use keywright::crypto::{Passphrase, Secret};
use keywright::key::{Actor, KeyRef, Scope, SlotId, Status, Timestamp};
use keywright::vault::{
    AccessToken, AuditFilter, Code, Credential, Filter, Found, Location, RecoveryCode,
    Requirements, Retention, Vault, VaultError, Wanted,
};
use tempfile::TempDir;

const MADE: Timestamp = Timestamp(1_800_000_000);
const LATER: Timestamp = Timestamp(1_800_000_000 + 3_600);

/// A copy, because opening what is committed would need its mode to be kept, and must not change it.
struct Golden {
    folder: TempDir,
    known: BTreeMap<String, String>,
}

impl Golden {
    fn new() -> Self {
        Self::of("vault.db")
    }

    /// A file of the format's, where the vault would be.
    fn of(name: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let copy = folder.path().join("vault.db");
        fs::copy(Self::original(name), &copy).expect("the golden vault");
        fs::set_permissions(&copy, fs::Permissions::from_mode(0o600)).expect("mode set");
        fs::copy(
            Self::original("activity.db"),
            folder.path().join("activity.db"),
        )
        .expect("its uses");
        let known = fs::read_to_string(Self::original("known.txt")).expect("its credentials");
        let known = known
            .lines()
            .filter_map(|line| line.split_once(' '))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        Self { folder, known }
    }

    fn original(name: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/vectors/format-1")
            .join(name)
    }

    fn bytes(&self, name: &str) -> Vec<u8> {
        let text = &self.known[name];
        (0..text.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&text[at..at + 2], 16).expect("hexadecimal"))
            .collect()
    }

    fn access_token(&self, name: &str) -> AccessToken {
        let text = Secret::new(self.known[name].as_bytes().to_vec());
        AccessToken::read(&text).expect("an access token")
    }

    fn open(&self, credential: &Credential<'_>) -> Vault {
        self.try_open(credential).expect("opens for ever")
    }

    fn try_open(&self, credential: &Credential<'_>) -> Result<Vault, VaultError> {
        let location = Location {
            vault: self.folder.path().join("vault.db"),
            state: self.folder.path().join("state"),
            activity: Some(self.folder.path().join("activity.db")),
            accept_rollback: false,
            audit_required: false,
            retention: Retention::default(),
        };
        Vault::open(&location, credential, LATER)
    }
}

fn who() -> Actor {
    "tester".parse().expect("an actor")
}

fn find(vault: &mut Vault, text: &str) -> Found {
    let reference: KeyRef = text.parse().expect("a name");
    let scope = Scope {
        project: "shop".parse().expect("a project"),
        environment: "production".parse().expect("an environment"),
    };
    vault
        .find(Wanted::Named(&reference), &scope, true)
        .expect("it is there")
}

fn check(vault: &mut Vault, token: &str) -> Code {
    let presented = Secret::new(token.as_bytes().to_vec());
    let requirements = Requirements::default();
    vault
        .verify(&presented, &requirements, false, &who(), LATER)
        .expect("an answer")
        .code
}

fn issued_keys_are_as_they_were(vault: &mut Vault, golden: &Golden) {
    let found = find(vault, "CI/CD integration");
    assert!(found.is_default);
    assert_eq!(found.key.status(LATER), Status::Overlap);
    assert_eq!(found.key.created_at, MADE);
    assert_eq!(found.key.generations.len(), 2);
    let issued = found.key.issued().expect("an issued key");
    assert_eq!(issued.brand.as_str(), "acme");
    assert_eq!(issued.permissions.to_string(), "read, write:invoices");
    assert_eq!(issued.context.to_string(), "team=blue");
    let granted = issued.granted_permissions().to_string();
    assert_eq!(granted, "create:bills, read, write:invoices");
    let handed_on = issued.granted_context().to_string();
    assert_eq!(handed_on, "region=eu, team=blue");
    assert_eq!(find(vault, "old").key.status(LATER), Status::Revoked);
    for (name, code) in [
        ("token-1", Code::Valid),
        ("token-2", Code::Valid),
        ("token-revoked", Code::Revoked),
    ] {
        assert_eq!(check(vault, &golden.known[name]), code, "{name}");
    }
}

#[test]
fn the_golden_vault_opens_and_tells_what_was_put_in() {
    let golden = Golden::new();
    let passphrase = Passphrase::new(Secret::new(b"correct horse battery staple".to_vec()));
    let passphrase = passphrase.expect("a passphrase");
    let code = RecoveryCode::new(Secret::new(golden.bytes("recovery")));
    for credential in [
        Credential::Passphrase(&passphrase),
        Credential::RecoveryCode(&code),
    ] {
        let mut vault = golden.open(&credential);
        issued_keys_are_as_they_were(&mut vault, &golden);
        let found = find(&mut vault, "openai");
        let provider = found.key.provider().expect("a provider key");
        assert_eq!(provider.masked, "sk-••••def");
        let variable = provider.variable.as_ref().map(|name| name.as_str());
        assert_eq!(variable, Some("OPENAI_API_KEY"));
        for (previous, expected) in [(false, "sk-0123456789abcdef"), (true, "sk-before")] {
            let value = vault.value(&found, previous, &who(), LATER);
            assert_eq!(value.expect("a value").expose(), expected.as_bytes());
        }
        let keys = vault.list(&Filter::default(), LATER).expect("a list");
        assert_eq!(keys.len(), 3);
        let log = vault.log().expect("the log is whole");
        let verbs: Vec<_> = log
            .iter()
            .map(|entry| format!("{:?}", entry.verb))
            .collect();
        assert_eq!(
            verbs,
            [
                "Init",
                "RoleSet",
                "Create",
                "Deliver",
                "Rotate",
                "Deliver",
                "Create",
                "Deliver",
                "Revoke",
                "Set",
                "Rotate",
                "AccessCreate",
                "AccessCreate",
                "RecoveryCode"
            ]
        );
        assert!(vault.take_warnings().is_empty());
    }
    let copy = fs::read(golden.folder.path().join("vault.db")).expect("the copy");
    let original = fs::read(Golden::original("vault.db")).expect("the golden vault");
    assert!(copy == original, "reading changed the file");
}

#[test]
fn the_golden_access_token_opens_its_scope() {
    let golden = Golden::new();
    let slot = golden.bytes("access-slot").try_into().expect("16 bytes");
    let secret = Secret::new(golden.bytes("access-secret"));
    let parts = AccessToken::new(SlotId(slot), secret);
    for access in [parts, golden.access_token("access-token")] {
        let mut vault = golden.open(&Credential::access_token(&access));
        issued_keys_are_as_they_were(&mut vault, &golden);
        let keys = vault.list(&Filter::default(), LATER).expect("a list");
        assert_eq!(keys.len(), 2);
    }
}

#[test]
fn the_golden_texts_are_read() {
    let golden = Golden::new();
    let secret = |name: &str| Secret::new(golden.known[name].as_bytes().to_vec());
    let code = RecoveryCode::read(&secret("recovery-code")).expect("a recovery code");
    assert!(code.text().is(&secret("recovery-code")));
    golden.open(&Credential::RecoveryCode(&code));
    let job = golden.access_token("access-token-provider");
    assert!(job.text().is(&secret("access-token-provider")));
    let mut vault = golden.open(&Credential::access_token(&job));
    let found = find(&mut vault, "openai");
    let value = vault.value(&found, false, &who(), LATER);
    assert_eq!(value.expect("a value").expose(), b"sk-0123456789abcdef");
}

#[test]
fn the_golden_uses_are_told() {
    let golden = Golden::new();
    let passphrase = Passphrase::new(Secret::new(b"correct horse battery staple".to_vec()));
    let passphrase = passphrase.expect("a passphrase");
    let mut vault = golden.open(&Credential::Passphrase(&passphrase));
    let scope = find(&mut vault, "openai").scope;
    let filter = AuditFilter::default();
    let (audit, _) = vault.audit(None, &scope, &filter).expect("an audit");
    assert_eq!(audit.unopened, 0);
    let uses: Vec<_> = audit
        .entries
        .iter()
        .filter(|entry| entry.code.is_some())
        .map(|entry| (entry.verb.as_str(), entry.detail.as_deref()))
        .collect();
    assert_eq!(
        uses,
        [
            ("verify", None),
            ("run", Some("program server")),
            ("get", Some("access token job")),
        ]
    );
    let tokens = vault.access_tokens().expect("told");
    let used: Vec<_> = tokens.iter().map(|token| token.last_used).collect();
    assert_eq!(used, [Some(MADE), None]);
}

#[test]
fn the_golden_slice_opens_with_its_access_token_and_not_with_the_passphrase() {
    let golden = Golden::of("slice.vault");
    let slot = golden.bytes("access-slot").try_into().expect("16 bytes");
    let secret = Secret::new(golden.bytes("access-secret"));
    let access = AccessToken::new(SlotId(slot), secret);
    let mut vault = golden.open(&Credential::access_token(&access));
    issued_keys_are_as_they_were(&mut vault, &golden);
    let passphrase = Passphrase::new(Secret::new(b"correct horse battery staple".to_vec()));
    let passphrase = passphrase.expect("a passphrase");
    let refused = golden.try_open(&Credential::Passphrase(&passphrase));
    assert!(matches!(refused.map(drop), Err(VaultError::Slice(_))));
}

#[test]
fn the_golden_vault_can_be_written_to() {
    let golden = Golden::new();
    let passphrase = Passphrase::new(Secret::new(b"correct horse battery staple".to_vec()));
    let passphrase = passphrase.expect("a passphrase");
    let mut vault = golden.open(&Credential::Passphrase(&passphrase));
    let found = find(&mut vault, "openai");
    vault.delete(&found, &who(), LATER).expect("deleted");
    let mut vault = golden.open(&Credential::Passphrase(&passphrase));
    issued_keys_are_as_they_were(&mut vault, &golden);
}
