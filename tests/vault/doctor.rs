//! What `diagnose` says of keys, by the clock.

use std::fs;

use keywright::crypto::Profile;
use keywright::key::{KeyKind, Span, Timestamp};
use keywright::vault::{
    AccessTrouble, Credential, KeyEdit, KeyTrouble, NewIssued, Requirements, Trouble, Vault,
};

use crate::fixture::*;

fn troubles(vault: &mut Vault, name: &str, now: Timestamp) -> Vec<KeyTrouble> {
    let diagnosis = vault.diagnose(false, now).expect("it can be read");
    let of_it = diagnosis.of_keys.into_iter();
    of_it
        .filter(|(found, _)| found.key.name.as_str() == name)
        .map(|(_, trouble)| trouble)
        .collect()
}

/// Records a use of another key, without which nothing is known of uses.
fn use_one(vault: &mut Vault) {
    let token = issue_named(vault, "used");
    let token = secret(token.as_bytes());
    let used = vault.verify(&token, &Requirements::default(), true, &who(), NOW);
    used.expect("an answer");
}

#[test]
fn keys_are_told_when_they_end() {
    let place = Place::new();
    let mut vault = place.create();
    let end = NOW.after(Span::days(30));
    let new = NewIssued {
        expires_at: Some(end),
        ..new_key("ci")
    };
    issue(&mut vault, &new, NOW);
    let fourteen = end.before(Span::days(14));
    let earlier = |at: Timestamp| Timestamp(at.0 - 1);
    for (now, told) in [
        (earlier(fourteen), None),
        (fourteen, Some(KeyTrouble::Expiring(end))),
        (earlier(end), Some(KeyTrouble::Expiring(end))),
        (end, Some(KeyTrouble::Expired(end))),
    ] {
        assert_eq!(troubles(&mut vault, "ci", now), Vec::from_iter(told));
    }
    let found = find(&mut vault, "ci");
    vault.revoke(&found, &who(), NOW).expect("revoked");
    assert_eq!(troubles(&mut vault, "ci", end), []);
}

/// Else `run` is the first to say so.
#[test]
fn values_for_the_same_variable_are_told_while_both_can_be_handed_out() {
    let place = Place::new();
    let mut vault = place.create();
    let named = |vault: &mut Vault, name: &str, variable: &str| {
        set(vault, name, "sk-1");
        let edit = KeyEdit {
            variable: Some(Some(variable.parse().expect("a variable"))),
            ..KeyEdit::default()
        };
        let found = find(vault, name);
        vault
            .edit(&found, &edit, false, &who(), NOW)
            .expect("edited");
    };
    named(&mut vault, "two", "OPENAI_API_KEY");
    named(&mut vault, "other", "OTHER");
    assert_eq!(troubles(&mut vault, "two", NOW), []);
    named(&mut vault, "one", "OPENAI_API_KEY");
    let shared = KeyTrouble::SharedVariable(
        "OPENAI_API_KEY".parse().expect("a variable"),
        vec!["two".parse().expect("a name")],
    );
    assert_eq!(troubles(&mut vault, "one", NOW), [shared]);
    assert_eq!(troubles(&mut vault, "two", NOW), []);
    let found = find(&mut vault, "two");
    vault.revoke(&found, &who(), NOW).expect("revoked");
    assert_eq!(troubles(&mut vault, "one", NOW), []);
}

#[test]
fn keys_that_nobody_uses_are_told_after_ninety_days() {
    let place = Place::new();
    let mut vault = place.create();
    issue_named(&mut vault, "ci");
    let later = NOW.after(Span::days(90));
    assert_eq!(
        troubles(&mut vault, "ci", later),
        [],
        "nothing was recorded"
    );
    use_one(&mut vault);
    assert_eq!(troubles(&mut vault, "ci", later), [KeyTrouble::Unused(NOW)]);
    assert_eq!(troubles(&mut vault, "ci", Timestamp(later.0 - 1)), []);
    assert_eq!(troubles(&mut vault, "used", later), []);
}

#[test]
fn access_tokens_are_told_when_they_end() {
    let place = Place::new();
    let mut vault = place.create();
    issue_named(&mut vault, "ci");
    let end = NOW.after(Span::days(30));
    for (text, end) in [("runner", Some(end)), ("forever", None)] {
        let made = vault.create_access(&name(text), &shop(), KeyKind::Issued, end, &who(), NOW);
        made.expect("made");
    }
    let mut told = |now| {
        let of_access = vault
            .diagnose(false, now)
            .expect("it can be read")
            .of_access;
        let names = of_access
            .into_iter()
            .map(|(token, _)| token.name.to_string());
        names.collect::<Vec<_>>()
    };
    let fourteen = end.before(Span::days(14));
    assert_eq!(told(Timestamp(fourteen.0 - 1)), [""; 0]);
    assert_eq!(told(fourteen), ["runner"]);
    assert_eq!(told(end), ["runner"]);
}

/// What is said of the access tokens, with their names.
fn of_access(vault: &mut Vault, now: Timestamp) -> Vec<(String, AccessTrouble)> {
    let diagnosis = vault.diagnose(false, now).expect("it can be read");
    let told = diagnosis.of_access.into_iter();
    told.map(|(token, trouble)| (token.name.to_string(), trouble))
        .collect()
}

#[test]
fn access_tokens_that_nobody_uses_are_told_after_thirty_days() {
    let place = Place::new();
    let mut vault = place.create();
    let issued = issue_named(&mut vault, "ci");
    let end = NOW.after(Span::days(40));
    let mut make = |text: &str, end| {
        let made = vault.create_access(&name(text), &shop(), KeyKind::Issued, end, &who(), NOW);
        made.expect("made")
    };
    let (used, _) = (make("used", None), make("idle", Some(end)));
    let later = NOW.after(Span::days(30));
    let idle = |trouble| ("idle".to_owned(), trouble);
    // Where nothing was ever recorded, nothing is known, and that is no use of none.
    assert_eq!(
        of_access(&mut vault, later),
        [idle(AccessTrouble::Expiring(end))]
    );
    let mut server = place
        .open_with(&Credential::access_token(&used))
        .expect("opens");
    let presented = secret(issued.as_bytes());
    let verdict = server.verify(&presented, &Requirements::default(), true, &who(), NOW);
    verdict.expect("an answer");
    assert_eq!(
        of_access(&mut vault, Timestamp(later.0 - 1)),
        [idle(AccessTrouble::Expiring(end))]
    );
    assert_eq!(
        of_access(&mut vault, later),
        [
            idle(AccessTrouble::Expiring(end)),
            idle(AccessTrouble::Unused(NOW))
        ]
    );
    // Of one that opens nothing any more only that is told.
    assert_eq!(
        of_access(&mut vault, end),
        [idle(AccessTrouble::Expired(end))]
    );
}

#[test]
fn an_overlap_is_told_while_it_lasts() {
    let place = Place::new();
    let mut vault = place.create();
    issue_named(&mut vault, "ci");
    assert_eq!(troubles(&mut vault, "ci", NOW), []);
    rotate(&mut vault, "ci", overlap(DAY), NOW);
    let end = NOW.after(DAY);
    let told = [KeyTrouble::Overlap(end)];
    assert_eq!(troubles(&mut vault, "ci", NOW), told);
    assert_eq!(troubles(&mut vault, "ci", end), []);
}

#[test]
fn what_is_pending_is_told_and_whether_another_token_works() {
    let place = Place::new();
    let mut vault = place.create();
    issue_and_die(&mut vault, "new");
    issue_named(&mut vault, "old");
    let found = find(&mut vault, "old");
    std::mem::forget(vault.rotate(&found, overlap(DAY), &who(), NOW));
    for (name, other_works) in [("new", false), ("old", true)] {
        let told = KeyTrouble::Undelivered {
            at: NOW,
            by: who(),
            other_works,
        };
        assert_eq!(troubles(&mut vault, name, NOW), [told]);
    }
}

#[test]
fn deep_goes_through_all_of_it() {
    let place = Place::new();
    let mut vault = place.create();
    issue_named(&mut vault, "ci");
    set(&mut vault, "openai", "sk-1");
    use_one(&mut vault);
    let role = keywright::key::Role {
        name: "billing".parse().expect("a role"),
        permissions: permissions(&["read"]),
        context: Default::default(),
    };
    vault.set_role(&role, false, &who(), NOW).expect("made");
    let shallow = vault.diagnose(false, NOW).expect("it can be read");
    assert_eq!(shallow.examined, None);
    let examined = vault.diagnose(true, NOW).expect("it can be read").examined;
    let examined = examined.expect("it was deep");
    assert_eq!(
        (
            examined.keys,
            examined.settings,
            examined.changes,
            examined.uses
        ),
        (3, 1, 7, 1)
    );
    // The profile of the tests is weaker than any other.
    let weak = |trouble: &Trouble| matches!(trouble, Trouble::WeakKdf { .. });
    assert!(shallow.of_vault.iter().any(weak));
}

/// Room in the file that is neither used nor free: nothing reads it, so that only going through all pages finds it.
#[test]
fn a_page_that_is_nobodys_is_found_by_deep_alone() {
    let place = Place::new();
    let mut vault = place.create();
    set(&mut vault, "openai", "sk-1");
    drop(vault);
    let mut file = fs::read(place.path()).expect("read");
    let page = usize::from(u16::from_be_bytes([file[16], file[17]]));
    let pages = u32::try_from(file.len() / page).expect("few");
    file.resize(file.len() + page, 0);
    // The number of pages (section 1.3.7 of SQLite's file format).
    file[28..32].copy_from_slice(&(pages + 1).to_be_bytes());
    fs::write(place.path(), file).expect("written");
    let mut vault = place.open();
    assert_eq!(get(&mut vault, "openai"), b"sk-1");
    vault.diagnose(false, NOW).expect("it can be read");
    let told = refused(vault.diagnose(true, NOW));
    assert!(
        told.to_string().contains("is damaged or was altered"),
        "{told}"
    );
}

#[test]
fn the_vault_s_own_troubles_are_told_while_they_are_there() {
    let place = Place::new();
    let mut vault = place.create();
    let ci = issue_named(&mut vault, "ci");
    let of_vault = |vault: &mut Vault, deep| {
        let diagnosis = vault.diagnose(deep, NOW).expect("it can be read");
        assert!(vault.take_warnings().is_empty(), "it is told twice");
        diagnosis.of_vault
    };
    // The profile of the tests is weaker than any other.
    let weak = Trouble::WeakKdf {
        memory: 8 * 1024,
        usual: 64 * 1024,
    };
    let no_code = Trouble::NoRecoveryCode;
    assert_eq!(of_vault(&mut vault, true), [weak, no_code]);
    let phrase = passphrase("mule");
    vault.create_recovery_code(&who(), NOW).expect("a code");
    vault
        .change_passphrase(&phrase, Profile::Default, &who(), NOW)
        .expect("changed");
    assert_eq!(of_vault(&mut vault, true), []);

    // Uses of before a re-keying do not open any more.
    let token = secret(ci.as_bytes());
    for _ in 0..2 {
        let used = vault.verify(&token, &Requirements::default(), true, &who(), NOW);
        used.expect("an answer");
    }
    assert_eq!(of_vault(&mut vault, true), []);
    vault
        .rekey_compromised(&phrase, Profile::Default, &who(), NOW)
        .expect("sealed anew");
    vault.create_recovery_code(&who(), NOW).expect("a code");
    let closed = Trouble::ClosedEvents { closed: 2, all: 2 };
    assert_eq!(of_vault(&mut vault, true), [closed]);
    assert_eq!(of_vault(&mut vault, false), []);

    // What this machine remembers: nothing, and then the vault again; nothing, and where it cannot be written nothing more.
    let open = || {
        let credential = Credential::Passphrase(&phrase);
        place.open_with(&credential).expect("opens")
    };
    let state = &place.location.state;
    fs::remove_dir_all(state).expect("forgotten");
    assert_eq!(of_vault(&mut open(), false), [Trouble::AnchorMissing]);
    assert_eq!(of_vault(&mut open(), false), []);
    fs::remove_dir_all(state).expect("forgotten");
    fs::write(state, "a file where a folder should be").expect("written");
    let told = of_vault(&mut open(), false);
    let [Trouble::AnchorUnwritable(why)] = &told[..] else {
        panic!("{told:?}");
    };
    assert!(why.contains("older copy"), "{why}");
    fs::remove_file(state).expect("removed");

    // An activity file that is none.
    of_vault(&mut open(), false);
    let folder = state.join(vault.id().to_string());
    fs::write(folder.join("activity.db"), "nothing of ours").expect("written");
    let told = of_vault(&mut open(), false);
    assert!(matches!(&told[..], [Trouble::Activity(_)]), "{told:?}");
}
