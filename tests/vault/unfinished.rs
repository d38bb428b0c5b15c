//! A token that was made and never handed over is told to who opens the vault next, unless that is settled.

use keywright::key::Timestamp;
use keywright::vault::{Credential, KeyEdit, NewIssued, Vault};

use crate::fixture::*;

/// When nobody is handing it over any more.
const LATER: Timestamp = Timestamp(NOW.0 + 60);

/// A minute in which somebody may just be handing it over.
#[test]
fn a_pending_token_is_a_warning_after_a_minute() {
    let place = Place::new();
    let mut vault = place.create();
    issue_and_die(&mut vault, "ci");
    drop(vault);
    let warned_at = |now: Timestamp| {
        let phrase = passphrase("horse");
        let credential = Credential::Passphrase(&phrase);
        let opened = Vault::open(&place.location, &credential, now);
        let mut vault = opened.expect("it opens");
        names(&mut vault);
        assert!(vault.take_warnings().is_empty(), "nobody asked");
        vault.look_back(now);
        names(&mut vault);
        let first = vault.take_warnings().len();
        names(&mut vault);
        assert!(vault.take_warnings().is_empty(), "told twice");
        first
    };
    assert_eq!(warned_at(Timestamp(NOW.0 + 59)), 0);
    assert_eq!(warned_at(Timestamp(NOW.0 + 60)), 1);
    assert_eq!(warned_at(Timestamp(NOW.0 - 60)), 0);
}

type Change = fn(&mut Vault);

fn issue_at(vault: &mut Vault, text: &str, at: &str) {
    let new = NewIssued {
        scope: scope(at),
        ..new_key(text)
    };
    issue(vault, &new, LATER);
}

/// The key, or the one that has its name now, got another token or is gone: then it is not told.
#[test]
fn what_the_next_change_settles_is_not_told() {
    let changes: [(&str, bool, Change); 8] = [
        ("issued anew", true, |vault| {
            issue_at(vault, "ci", "shop/production")
        }),
        ("rotated", true, |vault| {
            rotate(vault, "ci", overlap(DAY), LATER);
        }),
        ("deleted", true, |vault| {
            let found = find(vault, "ci");
            vault.delete(&found, &who(), LATER).expect("deleted");
        }),
        ("revoked", true, |vault| {
            let found = find(vault, "ci");
            vault.revoke(&found, &who(), LATER).expect("revoked");
        }),
        ("described", false, |vault| {
            let found = find(vault, "ci");
            let edit = KeyEdit {
                note: Some(Some("a note".parse().expect("a note"))),
                ..KeyEdit::default()
            };
            let edited = vault.edit(&found, &edit, false, &who(), LATER);
            edited.expect("edited");
        }),
        ("another made", false, |vault| {
            issue_at(vault, "other", "shop/production");
        }),
        ("its namesake made elsewhere", false, |vault| {
            issue_at(vault, "ci", "shop/staging");
        }),
        ("a value kept", false, |vault| set(vault, "openai", "sk-1")),
    ];
    for (what, settles, change) in changes {
        let place = Place::new();
        issue_and_die(&mut place.create(), "ci");
        let mut vault = place.open();
        vault.look_back(LATER);
        change(&mut vault);
        let told = vault.take_warnings();
        assert_eq!(told.len(), usize::from(!settles), "{what}: {told:?}");
    }
}

/// The last change alone is looked at, and only where it made a token.
#[test]
fn what_waits_since_before_the_last_change_is_not_told() {
    let place = Place::new();
    let mut vault = place.create();
    issue_and_die(&mut vault, "ci");
    let found = find(&mut vault, "ci");
    let edit = KeyEdit {
        note: Some(Some("a note".parse().expect("a note"))),
        ..KeyEdit::default()
    };
    let edited = vault.edit(&found, &edit, false, &who(), NOW);
    edited.expect("edited");
    let mut vault = place.open();
    vault.look_back(LATER);
    names(&mut vault);
    assert!(vault.take_warnings().is_empty());
}

#[test]
fn it_says_what_it_was_and_what_settles_it() {
    let told = |make: Change, text: &str| {
        let place = Place::new();
        make(&mut place.create());
        let mut vault = place.open();
        vault.look_back(LATER);
        names(&mut vault);
        let told = vault.take_warnings().concat();
        let id = find(&mut vault, text).id.to_string();
        told.replace(&id, "ID").replace(&NOW.to_string(), "NOW")
    };
    let of = " in shop/production, made at NOW, was never handed over;";
    let at = "-p shop -e production`";
    assert_eq!(
        told(|vault| issue_and_die(vault, "ci"), "ci"),
        format!(
            "the token of `ci`{of} `keywright rotate ci {at} makes another, `keywright delete ci {at} deletes the key"
        )
    );
    // A name that looks like an option.
    assert_eq!(
        told(|vault| issue_and_die(vault, "-x"), "-x"),
        format!(
            "the token of `-x`{of} `keywright rotate ID {at} makes another, `keywright delete ID {at} deletes the key"
        )
    );
    let rotated = |vault: &mut Vault| {
        issue_named(vault, "ci");
        let found = find(vault, "ci");
        std::mem::forget(vault.rotate(&found, overlap(DAY), &who(), NOW));
    };
    assert_eq!(
        told(rotated, "ci"),
        format!("the new token of `ci`{of} `keywright rotate ci {at} makes another")
    );
}
