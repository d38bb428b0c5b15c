//! Slices: a few scopes in a file of their own, and nothing else.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use keywright::crypto::Secret;
use keywright::key::{KeyKind, Scope};
use keywright::vault::{
    AccessToken, Code, Credential, KeyEdit, NewIssued, SliceOutcome, SliceScopes, Sliced, Vault,
    VaultError,
};
use rusqlite::{Connection, types::Value};

use crate::fixture::*;

/// In every name, note, tag and value of the scopes that are in no slice.
const CANARY: &str = "canary7261";

fn access(vault: &mut Vault, scope: &Scope, kind: KeyKind) -> AccessToken {
    let known = vault.access_tokens().expect("told").len();
    vault
        .create_access(
            &name(&format!("job {known}")),
            scope,
            kind,
            None,
            &who(),
            NOW,
        )
        .expect("an access token")
}

pub(crate) fn of(scopes: &[&str]) -> SliceScopes {
    SliceScopes {
        scopes: scopes.iter().map(|text| scope(text)).collect(),
        kind: None,
    }
}

pub(crate) fn put(vault: &mut Vault, text: &str, place: &str, content: &str) {
    let changes = KeyEdit::default();
    vault
        .set_new(
            &name(text),
            &scope(place),
            &value(content),
            &changes,
            &who(),
            NOW,
        )
        .expect("stored");
}

/// A vault with keys of both kinds in `shop/staging` and in `shop/production`, and a token for each scope.
pub(crate) struct Shop {
    pub(crate) place: Place,
    pub(crate) vault: Vault,
    /// Of `shop/staging`, by kind.
    pub(crate) staging: [AccessToken; 2],
    /// Of `shop/production`.
    pub(crate) production: AccessToken,
    token: String,
    pub(crate) slice: PathBuf,
}

pub(crate) fn furnished() -> Shop {
    let place = Place::new();
    let mut vault = place.create();
    let staging = NewIssued {
        scope: scope("shop/staging"),
        ..new_key("ci")
    };
    let (token, _) = issue(&mut vault, &staging, NOW);
    put(&mut vault, "openai", "shop/staging", "sk-staging");
    issue(
        &mut vault,
        &NewIssued {
            note: Some(CANARY.parse().expect("a note")),
            tags: vec![CANARY.parse().expect("a tag")],
            ..new_key(CANARY)
        },
        NOW,
    );
    put(
        &mut vault,
        &format!("{CANARY} value"),
        "shop/production",
        CANARY,
    );
    let scope = scope("shop/staging");
    let staging = KeyKind::ALL.map(|kind| access(&mut vault, &scope, kind));
    let production = access(&mut vault, &shop(), KeyKind::Provider);
    vault.create_recovery_code(&who(), NOW).expect("a code");
    let slice = place.folder().join("ci.vault");
    Shop {
        place,
        vault,
        staging,
        production,
        token,
        slice,
    }
}

/// Opens a slice where nothing was seen before.
pub(crate) fn open(slice: &Path, access: &AccessToken) -> Result<Vault, VaultError> {
    let mut place = Place::new();
    place.location.vault = slice.to_owned();
    place.open_with(&Credential::access_token(access))
}

pub(crate) fn opened_by(sliced: &Sliced) -> Vec<&str> {
    let tokens = sliced.access_tokens.iter();
    tokens.map(|name| name.as_str()).collect()
}

/// Every row of every table.
pub(crate) fn rows(path: &Path) -> Vec<(String, Vec<Value>)> {
    let file = Connection::open(path).expect("opens");
    let mut rows = Vec::new();
    for table in ["header", "slot", "scope", "record", "log"] {
        let mut statement = file
            .prepare(&format!("SELECT * FROM {table}"))
            .expect("a table");
        let columns = statement.column_count();
        let found = statement.query_map([], |row| {
            (0..columns).map(|at| row.get(at)).collect::<Result<_, _>>()
        });
        for row in found.expect("rows") {
            rows.push((table.to_owned(), row.expect("a row")));
        }
    }
    rows
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

/// Every blob of 12 bytes or more in the rows: ids, nonces, salts, commitments, sealed bytes.
fn blobs(rows: &[(String, Vec<Value>)]) -> Vec<&[u8]> {
    let values = rows.iter().flat_map(|(_, values)| values);
    let mut blobs = Vec::new();
    for value in values {
        if let Value::Blob(blob) = value
            && blob.len() >= 12
        {
            blobs.push(blob.as_slice());
        }
    }
    blobs
}

#[test]
fn a_slice_has_its_scopes_and_nothing_else() {
    let mut shop = furnished();
    let sliced = shop
        .vault
        .slice(&shop.slice, &of(&["shop/staging"]), false)
        .expect("sliced");
    assert_eq!(sliced.outcome, SliceOutcome::Made);
    assert_eq!(
        (sliced.keys, opened_by(&sliced)),
        (2, vec!["job 0", "job 1"])
    );
    let told: Vec<String> = sliced
        .scopes
        .iter()
        .map(|(scope, kind)| format!("{scope} {kind}"))
        .collect();
    assert_eq!(told.len(), 2);
    assert!(told.contains(&"shop/staging issued".to_owned()));

    let (held, all) = (rows(&shop.slice), rows(shop.place.path()));
    let count = |table: &str| held.iter().filter(|(name, _)| name == table).count();
    let counts = ["header", "slot", "scope", "record", "log"].map(count);
    assert_eq!(counts, [1, 2, 2, 2, 0]);
    // Each of its rows is one of the vault's, but for the head.
    for row in held.iter().filter(|(table, _)| table != "header") {
        assert!(all.contains(row), "{row:?}");
    }
    let header = &held[0].1;
    assert_eq!(
        header[3..],
        [Value::Blob(vec![0; 24]), Value::Blob(Vec::new())]
    );
    // No byte of any other row of the vault is in the file: not of a scope, a slot, a record of its own, the log.
    let bytes = fs::read(&shop.slice).expect("there");
    let mine = blobs(&held);
    let foreign: Vec<&[u8]> = blobs(&all)
        .into_iter()
        .filter(|blob| !mine.contains(blob) && **blob != [0; 16])
        .collect();
    assert!(foreign.len() > 40, "{}", foreign.len());
    for blob in &foreign {
        assert!(!contains(&bytes, blob), "{blob:?}");
    }
    assert!(!contains(&bytes, CANARY.as_bytes()));
    // The search can find: the vault's file has all of them.
    let whole = fs::read(shop.place.path()).expect("there");
    assert!(foreign.iter().all(|blob| contains(&whole, blob)));
    let mode = fs::metadata(&shop.slice)
        .expect("there")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn a_slice_opens_with_its_access_tokens_and_nothing_else() {
    let mut shop = furnished();
    let [issued, provider] = &shop.staging;
    shop.vault
        .slice(&shop.slice, &of(&["shop/staging"]), false)
        .expect("sliced");
    let mut server = open(&shop.slice, issued).expect("opens");
    assert_eq!(names(&mut server), ["ci"]);
    assert_eq!(check(&mut server, &shop.token, NOW), Code::Valid);
    let mut job = open(&shop.slice, provider).expect("opens");
    assert_eq!(names(&mut job), ["openai"]);
    assert!(matches!(
        refused(open(&shop.slice, &shop.production)),
        VaultError::WrongAccessToken(_)
    ));
    let passphrase = passphrase("horse");
    let mut elsewhere = Place::new();
    elsewhere.location.vault = shop.slice.clone();
    assert!(matches!(
        refused(elsewhere.open_with(&Credential::Passphrase(&passphrase))),
        VaultError::Slice(_)
    ));
    // As in a checkout: readable by all, and not written.
    fs::set_permissions(&shop.slice, fs::Permissions::from_mode(0o444)).expect("a mode");
    open(&shop.slice, provider).expect("opens");
}

#[test]
fn a_slice_can_have_one_kind_or_many_scopes_and_none_that_is_not_there() {
    let mut shop = furnished();
    let provider = SliceScopes {
        kind: Some(KeyKind::Provider),
        ..of(&["shop/staging"])
    };
    let sliced = shop.vault.slice(&shop.slice, &provider, false);
    let sliced = sliced.expect("sliced");
    assert_eq!((sliced.keys, opened_by(&sliced)), (1, vec!["job 1"]));
    refused(open(&shop.slice, &shop.staging[0]));
    // Twice the same is once.
    let many = of(&["shop/staging", "shop/production", "shop/staging"]);
    let sliced = shop.vault.slice(&shop.slice, &many, true).expect("sliced");
    assert_eq!(sliced.outcome, SliceOutcome::Replaced);
    assert_eq!((sliced.keys, sliced.scopes.len()), (4, 4));
    assert_eq!(opened_by(&sliced), ["job 0", "job 1", "job 2"]);
    open(&shop.slice, &shop.production).expect("opens");

    let other = shop.place.folder().join("other.vault");
    let missing = of(&["shop/staging", "shop/stagin"]);
    match refused(shop.vault.slice(&other, &missing, false)) {
        VaultError::UnknownScope { nearest, there, .. } => {
            assert_eq!(nearest.as_deref(), Some("shop/staging"));
            assert_eq!(there, ["`shop/production`", "`shop/staging`"]);
        }
        err => panic!("{err:?}"),
    }
    issue(
        &mut shop.vault,
        &NewIssued {
            scope: scope("bank/production"),
            ..new_key("ci")
        },
        NOW,
    );
    let missing = SliceScopes {
        kind: Some(KeyKind::Provider),
        ..of(&["bank/production"])
    };
    refused(shop.vault.slice(&other, &missing, false));
    assert!(!other.exists());
    // One that no access token opens is made, and says so.
    let sliced = shop.vault.slice(&other, &of(&["bank/production"]), false);
    assert!(opened_by(&sliced.expect("sliced")).is_empty());
}

#[test]
fn a_refresh_brings_a_slice_up_to_date_and_writes_nothing_where_it_is() {
    let mut shop = furnished();
    let wanted = of(&["shop/staging"]);
    shop.vault
        .slice(&shop.slice, &wanted, false)
        .expect("sliced");
    fs::set_permissions(&shop.slice, fs::Permissions::from_mode(0o644)).expect("a mode");
    // A change of another scope is none of this one.
    put(&mut shop.vault, "more", "shop/production", CANARY);
    let before = fs::read(&shop.slice).expect("there");
    let modified = || fs::metadata(&shop.slice).and_then(|it| it.modified());
    let at = modified().expect("a time");
    {
        let sliced = shop.vault.refresh_slice(&shop.slice, &wanted);
        assert_eq!(sliced.expect("looked at").outcome, SliceOutcome::Unchanged);
        assert_eq!(fs::read(&shop.slice).expect("there"), before);
        assert_eq!(modified().expect("a time"), at);
    }

    put(&mut shop.vault, "stripe", "shop/staging", "sk-new");
    let old = rows(&shop.slice);
    let sliced = shop
        .vault
        .refresh_slice(&shop.slice, &of(&["shop/staging"]));
    assert_eq!(sliced.expect("refreshed").outcome, SliceOutcome::Refreshed);
    let mut job = open(&shop.slice, &shop.staging[1]).expect("opens");
    assert_eq!(names(&mut job), ["openai", "stripe"]);
    let mode = fs::metadata(&shop.slice)
        .expect("there")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o644);
    // What it held is overwritten.
    let (new, bytes) = (rows(&shop.slice), fs::read(&shop.slice).expect("there"));
    let (kept, gone) = (blobs(&new), blobs(&old));
    let gone: Vec<_> = gone.iter().filter(|blob| !kept.contains(blob)).collect();
    assert!(gone.len() >= 2);
    assert!(gone.iter().all(|blob| !contains(&bytes, blob)));
    assert!(gone.iter().all(|blob| contains(&before, blob)));

    // With other scopes it has those, and nothing of many rows that take no place any more.
    for number in 0..30 {
        put(
            &mut shop.vault,
            &format!("more {number}"),
            "shop/staging",
            "sk-more",
        );
    }
    shop.vault
        .refresh_slice(&shop.slice, &of(&["shop/staging"]))
        .expect("refreshed");
    let old = rows(&shop.slice);
    let other = shop
        .vault
        .refresh_slice(&shop.slice, &of(&["shop/production"]));
    assert_eq!(other.expect("refreshed").keys, 3);
    refused(open(&shop.slice, &shop.staging[1]));
    open(&shop.slice, &shop.production).expect("opens");
    let (new, bytes) = (rows(&shop.slice), fs::read(&shop.slice).expect("there"));
    let (kept, gone) = (blobs(&new), blobs(&old));
    let mut gone = gone
        .iter()
        .filter(|blob| !kept.contains(blob) && ***blob != [0; 24]);
    assert!(gone.all(|blob| !contains(&bytes, blob)));
}

#[test]
fn a_revoked_access_token_opens_nothing_of_a_refreshed_slice() {
    let mut shop = furnished();
    let [_, revoked] = shop.staging;
    let other = access(&mut shop.vault, &scope("shop/staging"), KeyKind::Provider);
    shop.vault
        .slice(&shop.slice, &of(&["shop/staging"]), false)
        .expect("sliced");
    shop.vault
        .revoke_access(revoked.slot(), &who(), NOW)
        .expect("revoked");
    // Its twin: until then it opens what it opened.
    assert_eq!(
        names(&mut open(&shop.slice, &revoked).expect("opens")),
        ["openai"]
    );
    let old = shop.place.folder().join("old.vault");
    copy(&shop.slice, &old);
    shop.vault
        .refresh_slice(&shop.slice, &of(&["shop/staging"]))
        .expect("refreshed");
    assert!(matches!(
        refused(open(&shop.slice, &revoked)),
        VaultError::WrongAccessToken(_)
    ));
    assert_eq!(
        names(&mut open(&shop.slice, &other).expect("opens")),
        ["openai"]
    );
    // A copy of it from before, as in a repository's history, opens as ever.
    open(&old, &revoked).expect("opens");
}

#[test]
fn a_refresh_touches_nothing_but_a_slice_of_this_vault() {
    let mut shop = furnished();
    let at = |name: &str| shop.place.folder().join(name);
    let mut other = furnished();
    other
        .vault
        .slice(&at("other.vault"), &of(&["shop/staging"]), false)
        .expect("sliced");
    shop.vault
        .back_up(&at("copy.db"), false)
        .expect("backed up");
    for name in ["other.vault", "copy.db", "vault.db"] {
        let before = fs::read(at(name)).expect("there");
        let err = refused(shop.vault.refresh_slice(&at(name), &of(&["shop/staging"])));
        assert!(matches!(err, VaultError::Unfit { .. }), "{name}: {err:?}");
        assert_eq!(fs::read(at(name)).expect("there"), before, "{name}");
    }
    fs::write(at("notes.txt"), "a note").expect("written");
    refused(
        shop.vault
            .refresh_slice(&at("notes.txt"), &of(&["shop/staging"])),
    );
    assert_eq!(fs::read(at("notes.txt")).expect("there"), b"a note");
    refused(
        shop.vault
            .refresh_slice(&at("missing.vault"), &of(&["shop/staging"])),
    );
    assert!(!at("missing.vault").exists());
}

#[test]
fn a_slice_never_goes_back_unless_that_is_accepted() {
    let mut shop = furnished();
    let older = shop.place.folder().join("older.db");
    copy(shop.place.path(), &older);
    put(&mut shop.vault, "stripe", "shop/staging", "sk-new");
    shop.vault
        .slice(&shop.slice, &of(&["shop/staging"]), false)
        .expect("sliced");
    // On a machine that has not seen the newer vault.
    let mut elsewhere = Place::new();
    elsewhere.location.vault = older;
    let before = fs::read(&shop.slice).expect("there");
    let err = refused(
        elsewhere
            .open()
            .refresh_slice(&shop.slice, &of(&["shop/staging"])),
    );
    match err {
        VaultError::OlderThanSlice { found, held, .. } => assert!(found < held),
        err => panic!("{err:?}"),
    }
    assert_eq!(fs::read(&shop.slice).expect("there"), before);
    elsewhere.location.accept_rollback = true;
    let sliced = elsewhere
        .open()
        .refresh_slice(&shop.slice, &of(&["shop/staging"]));
    assert_eq!(sliced.expect("accepted").outcome, SliceOutcome::Refreshed);
    let mut job = open(&shop.slice, &shop.staging[1]).expect("opens");
    assert_eq!(names(&mut job), ["openai"]);
}

/// Also where the newer slice is under a key that the older vault never had.
#[test]
fn a_revocation_is_not_undone_by_an_older_vault() {
    let mut shop = furnished();
    let older = shop.place.folder().join("older.db");
    copy(shop.place.path(), &older);
    shop.vault
        .revoke_access(shop.staging[1].slot(), &who(), NOW)
        .expect("revoked");
    shop.vault
        .slice(&shop.slice, &of(&["shop/staging"]), false)
        .expect("sliced");
    let mut elsewhere = Place::new();
    elsewhere.location.vault = older;
    let err = refused(
        elsewhere
            .open()
            .refresh_slice(&shop.slice, &of(&["shop/staging"])),
    );
    assert!(matches!(err, VaultError::OlderThanSlice { .. }), "{err:?}");
}

#[test]
fn a_refresh_mends_what_was_altered() {
    let mut shop = furnished();
    shop.vault
        .slice(&shop.slice, &of(&["shop/staging"]), false)
        .expect("sliced");
    Connection::open(&shop.slice)
        .and_then(|file| file.execute_batch("DELETE FROM record"))
        .expect("edited");
    let sliced = shop
        .vault
        .refresh_slice(&shop.slice, &of(&["shop/staging"]));
    assert_eq!(sliced.expect("mended").outcome, SliceOutcome::Refreshed);
    open(&shop.slice, &shop.staging[1]).expect("opens");
}

/// A slice's texts go through files and variables as the vault's do.
#[test]
fn an_access_token_opens_a_slice_by_its_text() {
    let mut shop = furnished();
    shop.vault
        .slice(&shop.slice, &of(&["shop/staging"]), false)
        .expect("sliced");
    let text: Secret = shop.staging[1].text();
    let token = AccessToken::read(&text).expect("reads back");
    open(&shop.slice, &token).expect("opens");
}
