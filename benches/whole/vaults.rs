//! Vaults of a size, and what they are made of.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use keywright::crypto::{Passphrase, Profile, Secret, SecretValue, mint_key_id};
use keywright::key::{
    Actor, Brand, Context, KeyName, PermissionSet, ProviderDetails, Scope, Timestamp, VariableName,
};
use keywright::vault::{
    Credential, Filter, Import, ImportedHalf, ImportedKey, Location, NewIssued, Retention, Vault,
};

use crate::processes::PASSPHRASE;

/// A vault with `size` keys in one scope: issued ones, but for ten (or half) that are a provider's; gives a token. A full
/// scope has 100,000, so there is room for a hundred that the benchmark itself makes.
///
/// Up to `tokens` have a token, which takes two commits each, made in memory where the system has such a folder; the others
/// are imported, in one.
pub(crate) fn fill(home: &Path, size: usize, tokens: usize) -> String {
    let scratch = scratch();
    let mut vault = new_vault(scratch.path());
    let (who, now) = (actor(), Timestamp::now());
    let size = size.min(99_900);
    let (providers, tokens) = ((size / 2).min(10), (size / 2).min(tokens));
    let tokens: Vec<String> = (0..tokens).map(|n| issue(&mut vault, n)).collect();
    let mut import = Import::default();
    for n in 0..providers {
        import
            .keys
            .push(imported(name("provider", n), provider_half(n, None), now));
    }
    for n in tokens.len()..size - providers {
        import
            .keys
            .push(imported(name("issued", n), issued_half(), now));
    }
    vault.import(&import, false, &who, now).expect("imported");
    drop(vault);
    move_to(home, scratch.path());
    fs::write(home.join("tokens"), tokens.join("\n")).expect("written");
    // Opened once where it will be used, so that its anchor is there.
    let mut vault = open(home);
    assert_eq!(
        vault.list(&Filter::default(), now).expect("lists").len(),
        size
    );
    tokens[0].clone()
}

/// A vault with so many issued keys, whose tokens nobody has, and so many of a provider's with variables of their own.
pub(crate) fn fill_with_values(home: &Path, issued: usize, provider: usize) {
    let scratch = scratch();
    let mut vault = new_vault(scratch.path());
    let (who, now) = (actor(), Timestamp::now());
    let issued = (0..issued).map(|n| imported(name("issued", n), issued_half(), now));
    let provider = (0..provider).map(|n| {
        let variable = format!("KEY_{n}").parse().expect("valid");
        imported(name("provider", n), provider_half(n, Some(variable)), now)
    });
    let import = Import {
        keys: issued.chain(provider).collect(),
        ..Import::default()
    };
    vault.import(&import, false, &who, now).expect("imported");
    drop(vault);
    move_to(home, scratch.path());
    drop(open(home));
}

/// In memory, where the system has such a folder.
fn scratch() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    let folder = if memory.is_dir() {
        memory
    } else {
        Path::new("/tmp")
    };
    tempfile::tempdir_in(folder).expect("a folder")
}

fn new_vault(folder: &Path) -> Vault {
    let place = location(folder.join("vault.db"), folder.join("state"));
    let made = Vault::create(
        &place,
        &passphrase(),
        Profile::Test,
        &actor(),
        Timestamp::now(),
    );
    made.expect("a vault")
}

fn move_to(home: &Path, scratch: &Path) {
    let config = home.join(".config/keywright");
    fs::create_dir_all(&config).expect("a folder");
    fs::create_dir_all(home.join(".local/state")).expect("a folder");
    fs::copy(scratch.join("vault.db"), config.join("vault.db")).expect("copied");
}

/// Issues a key, and gives its token.
fn issue(vault: &mut Vault, n: usize) -> String {
    let (who, now) = (actor(), Timestamp::now());
    let new = NewIssued {
        name: name("issued", n),
        scope: scope(),
        brand: Brand::default(),
        permissions: permissions(),
        roles: Vec::new(),
        context: Context::default(),
        rate: None,
        expires_at: None,
        tags: Vec::new(),
        note: None,
        make_default: false,
    };
    let mut token = String::new();
    let pending = vault.issue(&new, &who, now).expect("issued");
    let delivered = pending.deliver(|text, _| {
        token = String::from_utf8_lossy(text.expose()).into_owned();
        Ok(())
    });
    delivered.expect("delivered");
    token
}

fn permissions() -> PermissionSet {
    let read = "read".parse().expect("a permission");
    PermissionSet::try_from(BTreeSet::from([read])).expect("few")
}

fn provider_half(n: usize, variable: Option<VariableName>) -> ImportedHalf {
    let value = format!("sk-value-of-provider-key-{n}").into_bytes();
    ImportedHalf::Provider {
        details: ProviderDetails {
            variable,
            ..ProviderDetails::default()
        },
        value: SecretValue::new(Secret::new(value)).expect("valid"),
    }
}

pub(crate) fn issued_half() -> ImportedHalf {
    ImportedHalf::Issued {
        brand: Brand::default(),
        permissions: permissions(),
        context: Context::default(),
        roles: Vec::new(),
        rate: None,
    }
}

pub(crate) fn imported(name: KeyName, half: ImportedHalf, now: Timestamp) -> ImportedKey {
    ImportedKey {
        id: mint_key_id().expect("random"),
        name,
        scope: scope(),
        is_default: false,
        created_at: now,
        created_by: actor(),
        present_since: now,
        expires_at: None,
        revoked: None,
        tags: Vec::new(),
        note: None,
        half,
    }
}

/// The vault of a home, as the program opens it.
pub(crate) fn open(home: &Path) -> Vault {
    let place = location(
        home.join(".config/keywright/vault.db"),
        home.join(".local/state/keywright"),
    );
    let passphrase = passphrase();
    let vault = Vault::open(
        &place,
        &Credential::Passphrase(&passphrase),
        Timestamp::now(),
    );
    vault.expect("opens")
}

pub(crate) fn actor() -> Actor {
    "bench@host".parse().expect("valid")
}

pub(crate) fn scope() -> Scope {
    Scope {
        project: "default".parse().expect("valid"),
        environment: "development".parse().expect("valid"),
    }
}

fn location(vault: PathBuf, state: PathBuf) -> Location {
    let retention = Retention {
        usage_days: 400,
        event_days: 30,
        events: 1_000_000,
    };
    Location {
        vault,
        state,
        activity: None,
        accept_rollback: false,
        audit_required: false,
        retention,
    }
}

pub(crate) fn name(kind: &str, n: usize) -> KeyName {
    format!("{kind}-{n}").parse().expect("valid")
}

fn passphrase() -> Passphrase {
    Passphrase::new(Secret::new(PASSPHRASE.into())).expect("valid")
}
