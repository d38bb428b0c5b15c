//! Several access tokens at once, and what remains of one that was revoked.

use std::fs;
use std::path::{Path, PathBuf};

use keywright::key::{KeyKind, SlotId};
use keywright::vault::{
    AccessToken, Code, Credential, NewIssued, Requirements, Vault, VaultError, Wanted,
};
use rusqlite::Connection;

use crate::fixture::*;

/// A key in `shop/production` and one in `shop/staging`.
struct Two {
    place: Place,
    vault: Vault,
    production: String,
    staging: String,
}

impl Two {
    fn new() -> Self {
        let place = Place::new();
        let mut vault = place.create();
        let production = issue_named(&mut vault, "ci");
        let new = NewIssued {
            scope: scope("shop/staging"),
            ..new_key("web")
        };
        let (staging, _) = issue(&mut vault, &new, NOW);
        Self {
            place,
            vault,
            production,
            staging,
        }
    }

    fn access(&mut self, called: &str, place: &str) -> AccessToken {
        let (called, scope) = (name(called), scope(place));
        self.vault
            .create_access(&called, &scope, KeyKind::Issued, None, &who(), NOW)
            .expect("an access token")
    }

    fn open(&self, tokens: &[&AccessToken]) -> Result<Vault, VaultError> {
        let again = |token: &&AccessToken| AccessToken::read(&token.text()).expect("a token");
        let tokens: Vec<AccessToken> = tokens.iter().map(again).collect();
        self.place.open_with(&Credential::AccessTokens(&tokens))
    }

    /// The names that these open.
    #[track_caller]
    fn names(&self, tokens: &[&AccessToken]) -> Vec<String> {
        names(&mut self.open(tokens).expect("opens"))
    }

    fn copy(&self, name: &str) -> PathBuf {
        let path = self.place.folder().join(name);
        copy(self.place.path(), &path);
        path
    }

    /// Changes the file behind the vault's back; `older` is another state of it.
    fn edit(&self, older: &Path, sql: &str) {
        let file = Connection::open(self.place.path()).expect("a vault");
        let older = older.to_str().expect("UTF-8");
        file.execute("ATTACH ?1 AS older", [older])
            .expect("attached");
        file.execute_batch(sql).expect("edited");
    }
}

fn hex(slot: SlotId) -> String {
    crate::search::hex(&slot.0)
}

#[test]
fn one_that_was_revoked_fails_the_whole_open_and_narrows_nothing() {
    let mut two = Two::new();
    let (first, second) = (
        two.access("first", "shop/production"),
        two.access("second", "shop/staging"),
    );
    assert_eq!(two.names(&[&first, &second]), ["ci", "web"]);
    let mut open = two.open(&[&first, &second]).expect("opens");
    two.vault
        .revoke_access(first.slot(), &who(), NOW)
        .expect("revoked");
    for tokens in [[&first, &second], [&second, &first]] {
        let refusal = refused(two.open(&tokens).map(drop));
        assert!(matches!(refusal, VaultError::WrongAccessToken(_)));
    }
    // Nor does who had it open go on with the rest.
    let refusal = refused(open.list(&Default::default(), NOW).map(drop));
    assert!(matches!(refusal, VaultError::WrongAccessToken(_)));
    assert_eq!(two.names(&[&second]), ["web"]);
}

#[test]
fn the_same_twice_and_two_of_one_scope_open_it_once() {
    let mut two = Two::new();
    let first = two.access("first", "shop/production");
    let second = two.access("second", "shop/production");
    let elsewhere = two.access("elsewhere", "shop/staging");
    assert_eq!(two.names(&[&first, &first, &first]), ["ci"]);
    assert_eq!(two.names(&[&second, &first]), ["ci"]);
    let all = [&elsewhere, &second, &first, &elsewhere];
    assert_eq!(two.names(&all), ["ci", "web"]);
    let mut both = two.open(&all).expect("opens");
    for token in [&two.production, &two.staging] {
        assert_eq!(check(&mut both, token, NOW), Code::Valid);
    }
    // One use, and one count of it.
    let presented = secret(two.production.as_bytes());
    let used = both.verify(&presented, &Requirements::default(), true, &who(), NOW);
    used.expect("an answer");
    assert_eq!(find(&mut two.vault, "ci").total.requests, 1);
}

/// As many as there can be, each of a scope of its own, and more texts than there are slots.
#[test]
fn as_many_as_there_are_slots_open_together() {
    let mut two = Two::new();
    let mut tokens = Vec::new();
    for number in 1..64 {
        let place = format!("p{}/production", number % 8);
        if number <= 8 {
            let new = NewIssued {
                scope: scope(&place),
                ..new_key(&format!("key {}", number % 8))
            };
            issue(&mut two.vault, &new, NOW);
        }
        tokens.push(two.access(&format!("token {number:02}"), &place));
    }
    let mut all: Vec<&AccessToken> = tokens.iter().collect();
    all.push(&tokens[0]);
    assert_eq!(all.len(), 64);
    let each: Vec<String> = (0..8).map(|number| format!("key {number}")).collect();
    assert_eq!(two.names(&all), each);
    assert_eq!(two.names(&all[..3]), each[1..4]);
    let mut open = two.open(&all).expect("opens");
    assert_eq!(check(&mut open, &two.production, NOW), Code::Unknown);
    let closed = open.find(Wanted::Named(&reference("ci")), &shop(), false);
    assert!(matches!(refused(closed), VaultError::ScopeClosed { open, .. } if open.len() == 8));
    // One of them revoked: nothing of it opens.
    two.vault
        .revoke_access(tokens[40].slot(), &who(), NOW)
        .expect("revoked");
    assert!(matches!(
        refused(two.open(&all).map(drop)),
        VaultError::WrongAccessToken(_)
    ));
    all.remove(40);
    assert_eq!(two.names(&all), each);
}

#[test]
fn those_of_another_vault_open_nothing_and_fail_the_open() {
    let (mut ours, mut theirs) = (Two::new(), Two::new());
    let own = ours.access("own", "shop/production");
    let foreign = theirs.access("own", "shop/production");
    assert_eq!(ours.names(&[&own]), ["ci"]);
    for tokens in [&[&foreign][..], &[&own, &foreign], &[&foreign, &own]] {
        for two in [&ours, &theirs] {
            if two.place.path() == theirs.place.path() && tokens.len() == 1 {
                continue;
            }
            let refusal = refused(two.open(tokens).map(drop));
            assert!(matches!(refusal, VaultError::WrongAccessToken(_)));
        }
    }
    // Nor with the slot of the one and the bytes of the other.
    let (_, bytes) = keywright::crypto::access_token_parts(&foreign.text()).expect("a token");
    let mixed = AccessToken::new(own.slot(), bytes);
    let refusal = refused(ours.open(&[&mixed]).map(drop));
    assert!(matches!(refusal, VaultError::WrongAccessToken(_)));
}

/// Each scope has its anchor: who holds the key of the one that was put back is told, and nobody else.
#[test]
fn one_scope_put_back_is_told_to_those_who_open_it() {
    let mut two = Two::new();
    let first = two.access("first", "shop/production");
    let second = two.access("second", "shop/staging");
    let older = two.copy("older.db");
    issue_named(&mut two.vault, "later");
    assert_eq!(two.names(&[&first, &second]), ["ci", "later", "web"]);
    let slot = hex(first.slot());
    let scope = format!("(SELECT scope_id FROM slot WHERE slot_id = x'{slot}')");
    let sql = format!(
        "DELETE FROM record WHERE scope_id = {scope};
         INSERT INTO record SELECT * FROM older.record WHERE scope_id = {scope};
         REPLACE INTO scope SELECT * FROM older.scope WHERE scope_id = {scope};"
    );
    two.edit(&older, &sql);
    for tokens in [&[&first, &second][..], &[&second, &first], &[&first]] {
        let mut open = two.open(tokens).expect("its slot is as it was");
        let refusal = refused(open.list(&Default::default(), NOW).map(drop));
        assert!(matches!(refusal, VaultError::RolledBack { .. }));
    }
    assert_eq!(two.names(&[&second]), ["web"]);
    let refusal = refused(two.vault.list(&Default::default(), NOW).map(drop));
    assert!(matches!(refusal, VaultError::Altered(_)));
    // The twin: who has seen nothing of it is told what was.
    fs::remove_dir_all(&two.place.location.state).expect("forgotten");
    assert_eq!(two.names(&[&first, &second]), ["ci", "web"]);
}

/// What of an older file is put back beside a new one, and who is told what.
#[test]
fn one_that_was_revoked_opens_nothing_until_all_of_its_scope_is_put_back() {
    let mut two = Two::new();
    let revoked = two.access("revoked", "shop/production");
    let (same, other) = (
        two.access("same", "shop/production"),
        two.access("other", "shop/staging"),
    );
    assert_eq!(two.names(&[&same, &other]), ["ci", "web"]);
    let older = two.copy("older.db");
    two.vault
        .revoke_access(revoked.slot(), &who(), NOW)
        .expect("revoked");
    let newer = two.copy("newer.db");
    assert_eq!(two.names(&[&same, &other]), ["ci", "web"]);
    let slot = format!("slot_id = x'{}'", hex(revoked.slot()));
    let scope = format!("scope_id = (SELECT scope_id FROM older.slot WHERE {slot})");
    let slot = format!("INSERT INTO slot SELECT * FROM older.slot WHERE {slot};");
    let row = format!("REPLACE INTO scope SELECT * FROM older.scope WHERE {scope};");
    let records = format!(
        "DELETE FROM record WHERE {scope}; INSERT INTO record SELECT * FROM older.record WHERE {scope};"
    );
    // Whether the slot opens; whether what it opens is read, which the head of the scope forbids where its rows are new.
    for (sql, unwraps, reads) in [
        (String::new(), false, false),
        (slot.clone(), false, false),
        (row.clone(), false, false),
        (format!("{slot}{row}"), true, false),
        (format!("{slot}{records}"), false, false),
        (format!("{slot}{row}{records}"), true, true),
    ] {
        copy(&newer, two.place.path());
        two.edit(&older, &sql);
        match two.open(&[&revoked]) {
            Err(refusal) => {
                assert!(!unwraps, "{sql}");
                assert!(matches!(refusal, VaultError::WrongAccessToken(_)));
            }
            Ok(mut open) => {
                assert!(unwraps, "{sql}");
                // Whoever has seen the newer scope here is not deceived by the older one.
                refused(open.list(&Default::default(), NOW).map(drop));
                let mut elsewhere = Place::new();
                elsewhere.location.vault = two.place.location.vault.clone();
                let again = elsewhere.open_with(&Credential::access_token(&revoked));
                let told = again.expect("opens").list(&Default::default(), NOW);
                assert_eq!(told.is_ok(), reads, "{sql}");
            }
        }
        // The owner is told of each edit, and of none where there was none.
        let owner = two.place.open().list(&Default::default(), NOW);
        match owner {
            Ok(_) => assert!(sql.is_empty()),
            Err(refusal) => assert!(matches!(refusal, VaultError::Altered(_)) && !sql.is_empty()),
        }
        // Another scope is as it was.
        assert_eq!(two.names(&[&other]), ["web"]);
    }
    // All of the older file: told by the anchors to the owner and to the holders of the scope, and to nobody else.
    copy(&older, two.place.path());
    let holder = |tokens| two.open(tokens).expect("as it was");
    for mut vault in [two.place.open(), holder(&[&same]), holder(&[&revoked])] {
        let refusal = refused(vault.list(&Default::default(), NOW).map(drop));
        assert!(
            matches!(refusal, VaultError::RolledBack { .. }),
            "{refusal:?}"
        );
    }
    assert_eq!(two.names(&[&other]), ["web"]);
    copy(&newer, two.place.path());
    let mut vault = two.place.open();
    for token in [&two.production, &two.staging] {
        assert_eq!(check(&mut vault, token, NOW), Code::Valid);
    }
    assert_eq!(two.names(&[&same, &other]), ["ci", "web"]);
}

#[test]
fn they_are_listed_by_name_however_they_were_made() {
    let mut two = Two::new();
    for called in ["zeta", "alpha", "mid", "Beta", "beta"] {
        two.access(called, "shop/production");
    }
    let listed = two.vault.access_tokens().expect("listed");
    let names: Vec<String> = listed.iter().map(|it| it.name.to_string()).collect();
    assert_eq!(names, ["Beta", "alpha", "beta", "mid", "zeta"]);
}

/// While it is open: the slot that opened it has to be there still, and the scope has to have the key still.
#[test]
fn a_slot_that_goes_and_a_key_that_changes_close_what_was_open() {
    for edit in [
        "DELETE FROM slot WHERE kind = 3",
        "UPDATE scope SET key_id = randomblob(16)",
    ] {
        let place = Place::new();
        let mut vault = place.create();
        issue_named(&mut vault, "ci");
        let access = vault
            .create_access(&name("job"), &shop(), KeyKind::Issued, None, &who(), NOW)
            .expect("an access token");
        let mut open = place
            .open_with(&Credential::access_token(&access))
            .expect("opens");
        assert_eq!(names(&mut open), ["ci"]);
        let raw = Connection::open(place.path()).expect("a database");
        assert_eq!(raw.execute(edit, []).expect("edited"), 1);
        drop(raw);
        let outcome = open.list(&Default::default(), NOW);
        assert!(matches!(refused(outcome), VaultError::WrongAccessToken(_)));
    }
}
