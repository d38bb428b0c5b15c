//! What was sealed under the right key and is not what it should be, as whoever holds an access token can make it.

use super::{Bench, VaultError, Who, bank, shop};
use crate::checks;
use crate::crypto::{Label, RootKey, RowsMac, Secret};
use crate::key::{Key, KeyKind, ScopeId, VaultId};
use crate::store::RecordRow;
use crate::vault::head::OpenScope;
use crate::vault::record::RecordKey;
use crate::vault::{Holder, Vault};

const VAULT: VaultId = VaultId([7; 16]);

/// The key `ci` of the bench and its secrets.
fn ci(vault: &mut Vault) -> (Key, Vec<Secret>) {
    let read = vault.read(|view| {
        let open = view.state.scope(&shop(), KeyKind::Issued).expect("a scope");
        let manifest = view.state.pass(&view.snapshot, open, |_| Ok(()))?;
        let row = manifest.rows().first().expect("a key");
        let keys = view.state.record_key(open);
        let record = view.state.record(&view.snapshot, open.row.id, &keys, row)?;
        Ok((record.key()?, record.secrets()?))
    });
    read.expect("whole")
}

/// What is told of a record that is sealed for a row of this name.
fn told_of(keys: (&RootKey, KeyKind), name: &str, key: &Key, secrets: &[Secret]) -> Option<Key> {
    let id = "000000000001".parse().expect("a key id");
    let tag = RowsMac::name_tag(&keys.0.sub_key(VAULT, Label::Name), name);
    let keys = RecordKey::new(keys.0, ScopeId([1; 16]), Some(keys.1), VAULT);
    let sealed = keys.seal(id, &tag, 1, key, secrets).expect("sealed");
    let row = RecordRow {
        key_id: id,
        name_tag: tag,
        revision: 1,
        nonce: sealed.nonce,
        sealed: &sealed.bytes,
    };
    let opened = keys.open(&row).expect("it is whole");
    match opened.key() {
        Ok(key) => Some(key),
        Err(VaultError::Altered(_)) => None,
        Err(other) => panic!("{other:?}"),
    }
}

fn tells_a_false_record(expected: bool) {
    let (key, secrets) = ci(&mut Bench::small().open(Who::Passphrase));
    let scope_key = RootKey::generate().expect("randomness");
    let tell =
        |kind, name, secrets: &[Secret]| told_of((&scope_key, kind), name, &key, secrets).is_some();
    assert!(tell(KeyKind::Issued, "ci", &secrets));
    let more = ["one", "two"].map(|text| Secret::new(text.into()));
    for (kind, name, secrets) in [
        (KeyKind::Issued, "other", &secrets[..]),
        (KeyKind::Provider, "ci", &secrets),
        (KeyKind::Issued, "ci", &[]),
        (KeyKind::Issued, "ci", &more),
    ] {
        let count = secrets.len();
        assert_eq!(tell(kind, name, secrets), expected, "{kind} {name} {count}");
    }
}

#[test]
fn a_record_that_is_not_the_key_of_its_row_is_refused() {
    tells_a_false_record(false);
}

#[test]
fn without_checks_a_record_that_is_not_the_key_of_its_row_is_told() {
    checks::off(|| tells_a_false_record(true));
}

/// The head is sealed under the key of the scope, and what the scope is under the vault's, which no access token opens.
fn tells_a_false_head(expected: bool) {
    let bench = Bench::small();
    let mut vault = bench.open(Who::Passphrase);
    let state = vault.read(|view| {
        let open = view.state.scope(&shop(), KeyKind::Issued).expect("a scope");
        Ok((open.row.clone(), view.state.vault))
    });
    let (row, id) = state.expect("whole");
    let Holder::Owner(key) = &vault.holder else {
        panic!("the passphrase opens all of it");
    };
    let open = || OpenScope::open(row.clone(), key, id);
    let tells = |change: fn(&mut OpenScope)| {
        let mut scope = open().expect("whole");
        change(&mut scope);
        let mut row = row.clone();
        row.head = scope.head.seal(row.id, &scope.key, id).expect("sealed");
        match OpenScope::open(row, key, id) {
            Ok(_) => true,
            Err(VaultError::Altered(_)) => false,
            Err(other) => panic!("{other:?}"),
        }
    };
    assert!(tells(|_| {}));
    let changes: [fn(&mut OpenScope); 3] = [
        |scope| scope.head.meta.project = bank().project,
        |scope| scope.head.meta.environment = "elsewhere".parse().expect("an environment"),
        |scope| scope.head.meta.kind = KeyKind::Provider,
    ];
    assert_ne!(bank().project, shop().project);
    for change in changes {
        assert_eq!(tells(change), expected);
    }
}

#[test]
fn a_head_that_says_it_is_of_another_scope_is_refused() {
    tells_a_false_head(false);
}

#[test]
fn without_checks_a_head_that_says_it_is_of_another_scope_is_taken() {
    checks::off(|| tells_a_false_head(true));
}
