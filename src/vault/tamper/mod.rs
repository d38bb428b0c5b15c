//! Edits of the file behind the vault's back: each is refused, or it changed nothing that anybody is told.

mod edits;
mod events;
mod flips;
mod golden;
mod limits;
mod pages;
mod roles;
mod sealed;
mod slices;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::{
    AccessToken, Credential, Filter, Holder, KeyEdit, Location, NewIssued, RecoveryCode,
    Requirements, Retention, Rotation, ScopeKey, StoreError, Vault, VaultError, Wanted,
};
use crate::crypto::{Passphrase, Profile, Secret, SecretValue};
use crate::key::{
    Actor, Brand, Context, KeyKind, KeyRef, PermissionSet, Scope, SlotId, Span, Timestamp,
};
use crate::store::{Access, VaultFile};

const NOW: Timestamp = Timestamp(1_800_000_000);

/// What happened to somebody who opened an edited vault and read all that they can.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Outcome {
    /// `Altered`: exit 7.
    Altered,
    /// `WrongCredential`: exit 5.
    Credential,
    Newer,
    NotAVault,
    Slice,
    /// Answers came. Whether they are the right ones is for the caller to compare.
    Told,
}

impl Outcome {
    fn of<T>(outcome: &Result<T, VaultError>) -> Self {
        match outcome {
            Ok(_) => Self::Told,
            Err(VaultError::Altered(_) | VaultError::Store(StoreError::Altered { .. })) => {
                Self::Altered
            }
            Err(VaultError::Store(StoreError::Newer { .. })) => Self::Newer,
            Err(VaultError::Store(StoreError::NotAVault(_))) => Self::NotAVault,
            Err(VaultError::Slice(_)) => Self::Slice,
            Err(VaultError::WrongAccessToken(_) | VaultError::WrongCredential) => Self::Credential,
            Err(other) => panic!("a refusal of no class of its own: {other:?}"),
        }
    }
}

/// One vault in several states of its life, and all that opens it.
///
/// | file | state |
/// |---|---|
/// | `early.db` | before the last changes |
/// | `fork.db` | `early.db`, changed apart |
/// | `other.db` | another vault of the same making |
/// | `vault.db` | now |
struct Bench {
    folder: TempDir,
    passphrase: Passphrase,
    code: RecoveryCode,
    access: AccessToken,
    /// Of the access token that was taken back between `early.db` and `vault.db`.
    revoked: AccessToken,
    tokens: Vec<String>,
    /// What the owner and the token holder are told of `vault.db`.
    answers: [Vec<String>; 2],
    /// What the token holder is told of `early.db`.
    older: Vec<String>,
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let passphrase = Passphrase::new(Secret::new(b"horse".to_vec())).expect("a passphrase");
        let at = |name: &str| folder.path().join(name);
        let mut other = Life::begin(&at("other.db"), &passphrase);
        other.early();
        let mut life = Life::begin(&at("vault.db"), &passphrase);
        let (access, revoked, code) = life.early();
        for copy in ["early.db", "fork.db"] {
            fs::copy(at("vault.db"), at(copy)).expect("copied");
        }
        let credential = Credential::Passphrase(&passphrase);
        let fork = Vault::open(&location(&at("fork.db")), &credential, NOW).expect("opens");
        Life::of(fork).rotate("ci", &shop());
        life.late(&revoked);
        let mut bench = Self {
            passphrase,
            code,
            access,
            revoked,
            tokens: life.tokens,
            answers: [Vec::new(), Vec::new()],
            older: Vec::new(),
            folder,
        };
        let path = bench.path("vault.db");
        bench.answers =
            [Who::Passphrase, Who::AccessToken].map(|who| bench.read(&path, who).expect("whole"));
        bench.older = bench
            .read(&bench.path("early.db"), Who::AccessToken)
            .expect("whole");
        assert!(bench.answers.iter().all(|answers| answers.len() > 5));
        bench
    }

    /// One key, one access token, nothing else: a file of few pages.
    fn small() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let passphrase = Passphrase::new(Secret::new(b"horse".to_vec())).expect("a passphrase");
        let path = folder.path().join("vault.db");
        let mut life = Life::begin(&path, &passphrase);
        life.issue("ci", &shop());
        let access = |life: &mut Life| life.access(&shop());
        let mut bench = Self {
            access: access(&mut life),
            revoked: access(&mut life),
            code: life.recovery_code(),
            passphrase,
            tokens: life.tokens,
            answers: [Vec::new(), Vec::new()],
            older: Vec::new(),
            folder,
        };
        bench.answers =
            [Who::Passphrase, Who::AccessToken].map(|who| bench.read(&path, who).expect("whole"));
        bench
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A copy of `vault.db` to be edited.
    fn copy(&self) -> PathBuf {
        let path = self.path("edited.db");
        fs::copy(self.path("vault.db"), &path).expect("copied");
        path
    }

    /// Opens the file and reads all that there is to read.
    fn read(&self, path: &Path, who: Who) -> Result<Vec<String>, VaultError> {
        let credential = match who {
            Who::AccessToken => Credential::access_token(&self.access),
            Who::Passphrase => Credential::Passphrase(&self.passphrase),
            Who::RecoveryCode => Credential::RecoveryCode(&self.code),
        };
        let vault = Vault::open(&location(path), &credential, NOW)?;
        self.read_open(vault)
    }

    fn read_open(&self, mut vault: Vault) -> Result<Vec<String>, VaultError> {
        let mut answers = Vec::new();
        for found in vault.list(&Filter::default(), NOW)? {
            answers.push(format!("listed {} {:?}", found.is_default, found.key));
        }
        for (text, scope) in [
            ("ci", shop()),
            ("deploy", shop()),
            ("openai", shop()),
            ("ci", bank()),
        ] {
            let reference: KeyRef = text.parse().expect("a name");
            let found = match vault.find(Wanted::Named(&reference), &scope, true) {
                Ok(found) => found,
                // Not there, it says: right for who holds an access token, and the silent loss that must never be else.
                Err(VaultError::UnknownKey { .. }) => {
                    answers.push(format!("no {text} in {scope}"));
                    continue;
                }
                // The scope is none that the access token opens.
                Err(VaultError::ScopeClosed { .. }) => {
                    answers.push(format!("{scope} is closed"));
                    continue;
                }
                Err(err) => return Err(err),
            };
            answers.push(format!("found {:?}", found.key));
            for previous in [false, true] {
                match vault.value(&found, previous, &who(), NOW) {
                    Ok(value) => answers.push(format!("value {:?}", value.expose())),
                    Err(VaultError::NotShownAgain(_) | VaultError::Refused(_)) => {}
                    Err(err) => return Err(err),
                }
            }
        }
        for token in &self.tokens {
            let presented = Secret::new(token.as_bytes().to_vec());
            let verdict = vault.verify(&presented, &Requirements::default(), false, &who(), NOW)?;
            let key = verdict.key.as_ref();
            let may = key.and_then(|key| Some(key.issued()?.granted_permissions()));
            answers.push(format!("verified {:?} {may:?}", verdict.code));
        }
        if matches!(vault.holder, Holder::Owner(_)) {
            let log = vault.log()?;
            answers.extend(log.iter().map(|entry| format!("log {entry:?}")));
            for known in vault.roles()? {
                let keys: Vec<_> = known.keys.iter().map(|found| found.id).collect();
                answers.push(format!("role {:?} {keys:?}", known.role));
            }
        }
        Ok(answers)
    }

    /// The whole vault, open, so that its key need not be made of the passphrase again.
    fn open(&self, who: Who) -> Vault {
        let location = location(&self.path("vault.db"));
        let credential = match who {
            Who::AccessToken => Credential::access_token(&self.access),
            Who::Passphrase => Credential::Passphrase(&self.passphrase),
            Who::RecoveryCode => Credential::RecoveryCode(&self.code),
        };
        Vault::open(&location, &credential, NOW).expect("whole")
    }

    /// What who holds the key of `like` is told of a file, and whether that is what the whole one tells.
    fn told(&self, path: &Path, like: &Vault) -> (Outcome, bool) {
        let who = match like.holder {
            Holder::Owner(_) => Who::Passphrase,
            Holder::Tokens(_) => Who::AccessToken,
        };
        let answers = unlocked(path, like).and_then(|vault| self.read_open(vault));
        let outcome = Outcome::of(&answers);
        let equal = answers.is_ok_and(|answers| answers == *self.expected(who));
        (outcome, equal)
    }

    fn expected(&self, who: Who) -> &Vec<String> {
        &self.answers[usize::from(who == Who::AccessToken)]
    }
}

/// Who opens the vault.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Who {
    AccessToken,
    Passphrase,
    RecoveryCode,
}

impl Who {
    const ALL: [Self; 3] = [Self::Passphrase, Self::RecoveryCode, Self::AccessToken];
}

/// A vault while its history is made.
struct Life {
    vault: Vault,
    tokens: Vec<String>,
}

impl Life {
    fn begin(path: &Path, passphrase: &Passphrase) -> Self {
        let vault = Vault::create(&location(path), passphrase, Profile::Test, &who(), NOW);
        Self::of(vault.expect("a new vault"))
    }

    fn of(vault: Vault) -> Self {
        Self {
            vault,
            tokens: Vec::new(),
        }
    }

    /// Two scopes of issued keys, one of a provider's, two access tokens, a recovery code.
    fn early(&mut self) -> (AccessToken, AccessToken, RecoveryCode) {
        self.issue("ci", &shop());
        self.issue("deploy", &shop());
        self.issue("ci", &bank());
        let value = value("sk-first");
        let changes = KeyEdit::default();
        let name = "openai".parse().expect("a name");
        self.vault
            .set_new(&name, &shop(), &value, &changes, &who(), NOW)
            .expect("stored");
        let (access, revoked) = (self.access(&shop()), self.access(&bank()));
        self.early_roles();
        (access, revoked, self.recovery_code())
    }

    fn access(&mut self, scope: &Scope) -> AccessToken {
        let known = self.vault.access_tokens().expect("read");
        let name = format!("server {}", known.len());
        let name = name.parse().expect("a name");
        self.vault
            .create_access(&name, scope, KeyKind::Issued, None, &who(), NOW)
            .expect("an access token")
    }

    fn recovery_code(&mut self) -> RecoveryCode {
        self.vault
            .create_recovery_code(&who(), NOW)
            .expect("a recovery code")
    }

    fn late(&mut self, revoked: &AccessToken) {
        self.late_roles();
        self.rotate("ci", &shop());
        let found = self.find("deploy", &shop());
        self.vault.revoke(&found, &who(), NOW).expect("revoked");
        let found = self.find("openai", &shop());
        let changes = KeyEdit::default();
        self.vault
            .replace_value(&found, &value("sk-second"), &changes, &who(), NOW)
            .expect("replaced");
        self.vault
            .revoke_access(revoked.slot(), &who(), NOW)
            .expect("revoked");
    }

    fn issue(&mut self, text: &str, scope: &Scope) {
        let new = NewIssued {
            name: text.parse().expect("a name"),
            scope: scope.clone(),
            brand: Brand::default(),
            permissions: PermissionSet::default(),
            roles: Vec::new(),
            context: Context::default(),
            rate: None,
            expires_at: None,
            tags: Vec::new(),
            note: None,
            make_default: true,
        };
        self.issue_new(&new);
    }

    fn issue_new(&mut self, new: &NewIssued) {
        let pending = self.vault.issue(new, &who(), NOW).expect("issued");
        let tokens = &mut self.tokens;
        pending
            .deliver(|token, _| {
                tokens.push(String::from_utf8(token.expose().to_vec()).expect("ASCII"));
                Ok(())
            })
            .expect("delivered");
    }

    fn rotate(&mut self, text: &str, scope: &Scope) {
        let rotation = Rotation {
            overlap: Span::ZERO,
            expires_at: None,
        };
        self.rotate_with(text, scope, rotation);
    }

    fn rotate_with(&mut self, text: &str, scope: &Scope, rotation: Rotation) {
        let found = self.find(text, scope);
        let tokens = &mut self.tokens;
        self.vault
            .rotate(&found, rotation, &who(), NOW)
            .expect("rotated")
            .deliver(|token, _| {
                tokens.push(String::from_utf8(token.expose().to_vec()).expect("ASCII"));
                Ok(())
            })
            .expect("delivered");
    }

    fn find(&mut self, text: &str, scope: &Scope) -> super::Found {
        let reference: KeyRef = text.parse().expect("a name");
        self.vault
            .find(Wanted::Named(&reference), scope, true)
            .expect("found")
    }
}

/// Without a state folder: what an edit leaves must show in the file itself, and not by what this machine has seen.
fn location(path: &Path) -> Location {
    Location {
        vault: path.to_owned(),
        state: PathBuf::from("/dev/null/no-state"),
        activity: None,
        accept_rollback: false,
        audit_required: false,
        retention: Retention::default(),
    }
}

fn same_key(one: &ScopeKey) -> ScopeKey {
    ScopeKey {
        slot: one.slot,
        scope: one.scope,
        key: one.key.duplicate(),
        which: one.which.clone(),
        expires_at: one.expires_at,
    }
}

/// A vault whose key is known, without the work of a passphrase; its id is the file's, as it would be then.
fn unlocked(path: &Path, like: &Vault) -> Result<Vault, VaultError> {
    let holder = match &like.holder {
        Holder::Owner(key) => Holder::Owner(key.duplicate()),
        Holder::Tokens(opened) => Holder::Tokens(opened.iter().map(same_key).collect()),
    };
    let file = VaultFile::open(path, Access::Owner)?;
    let id = file.snapshot()?.header()?.vault;
    Ok(Vault {
        file,
        id,
        holder,
        location: location(path),
        activity: None,
        has_recorded: false,
        warnings: Vec::new(),
        look_back: None,
        unfinished: None,
    })
}

fn write_private(path: &Path, bytes: &[u8]) {
    fs::write(path, bytes).expect("written");
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).expect("mode set");
}

fn who() -> Actor {
    "tester".parse().expect("an actor")
}

fn value(text: &str) -> SecretValue {
    SecretValue::new(Secret::new(text.as_bytes().to_vec())).expect("a value")
}

fn scope(project: &str, environment: &str) -> Scope {
    Scope {
        project: project.parse().expect("a project"),
        environment: environment.parse().expect("an environment"),
    }
}

fn shop() -> Scope {
    scope("shop", "production")
}

fn bank() -> Scope {
    scope("bank", "staging")
}

fn hex(bytes: &[u8]) -> String {
    let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("x'{digits}'")
}

/// As SQL.
fn slot_hex(slot: SlotId) -> String {
    hex(&slot.0)
}
