//! New passphrases and new keys: what goes on working, and what does not.

use keywright::crypto::{Profile, RootKey};
use keywright::key::KeyKind;
use keywright::vault::{
    AccessToken, Code, Credential, LockedVault, NewIssued, Requirements, Vault, VaultError,
};

use crate::fixture::*;

/// A vault in use: two scopes, both kinds of key, three access tokens, a recovery code.
struct Used {
    place: Place,
    vault: Vault,
    old: String,
    young: String,
    elsewhere: String,
    first: AccessToken,
    second: AccessToken,
    other: AccessToken,
    code: keywright::vault::RecoveryCode,
}

impl Used {
    fn new() -> Self {
        let place = Place::new();
        let mut vault = place.create();
        let old = issue_named(&mut vault, "ci");
        let young = rotate(&mut vault, "ci", overlap(DAY), NOW);
        let staging = NewIssued {
            scope: scope("shop/staging"),
            ..new_key("ci")
        };
        let (elsewhere, _) = issue(&mut vault, &staging, NOW);
        set(&mut vault, "openai", "sk-1");
        let mut access = |called, scope, kind| {
            vault
                .create_access(&name(called), &scope, kind, None, &who(), NOW)
                .expect("an access token")
        };
        let first = access("first", shop(), KeyKind::Issued);
        let second = access("second", shop(), KeyKind::Issued);
        let other = access("other", scope("shop/staging"), KeyKind::Issued);
        let code = vault.create_recovery_code(&who(), NOW).expect("a code");
        vault
            .verify(
                &secret(young.as_bytes()),
                &Requirements::default(),
                true,
                &who(),
                NOW,
            )
            .expect("answered");
        Self {
            place,
            vault,
            old,
            young,
            elsewhere,
            first,
            second,
            other,
            code,
        }
    }

    fn all_keys_work(&self, vault: &mut Vault) {
        for token in [&self.old, &self.young, &self.elsewhere] {
            assert_eq!(check(vault, token, NOW), Code::Valid);
        }
        assert_eq!(get(vault, "openai"), b"sk-1");
        assert_eq!(names(vault), ["ci", "openai", "ci"]);
    }

    fn opens(&self, credential: &Credential<'_>) -> bool {
        match self.place.open_with(credential) {
            Ok(mut vault) => {
                names(&mut vault);
                true
            }
            Err(VaultError::WrongAccessToken(_) | VaultError::WrongCredential) => false,
            Err(other) => panic!("{other:?}"),
        }
    }

    fn access(&self) -> [bool; 3] {
        [&self.first, &self.second, &self.other]
            .map(|token| self.opens(&Credential::access_token(token)))
    }
}

#[test]
fn a_new_passphrase_changes_the_passphrase_alone() {
    let mut used = Used::new();
    let new = passphrase("battery");
    used.vault
        .change_passphrase(&new, Profile::Test, &who(), NOW)
        .expect("changed");
    assert!(!used.opens(&Credential::Passphrase(&passphrase("horse"))));
    assert!(used.opens(&Credential::Passphrase(&new)));
    assert!(used.opens(&Credential::RecoveryCode(&used.code)));
    assert_eq!(used.access(), [true; 3]);
    let mut vault = used
        .place
        .open_with(&Credential::Passphrase(&new))
        .expect("opens");
    used.all_keys_work(&mut vault);
    let entries = vault.log().expect("the log is whole");
    let outline = Vault::outline(used.place.path()).expect("an outline");
    assert_eq!(entries.len() as u64, outline.log_length);
}

/// As an agent has it.
#[test]
fn a_vault_key_opens_its_vault_until_that_is_rekeyed() {
    let mut used = Used::new();
    let key = used.vault.vault_key().expect("the owner's");
    let opens = |key: &RootKey| {
        let outline = Vault::outline(used.place.path()).expect("an outline");
        let locked = LockedVault::open(&used.place.location).expect("a vault");
        assert_eq!(outline.is_opened_by(key), locked.is_opened_by(key));
        let is_its_own = locked.is_opened_by(key);
        match locked.unlock(&Credential::VaultKey(key)) {
            Ok(mut vault) => {
                vault.log().expect("it opens all of it");
                assert!(is_its_own);
            }
            Err(VaultError::WrongCredential) => assert!(!is_its_own),
            Err(other) => panic!("{other:?}"),
        }
        is_its_own
    };
    assert!(opens(&key));
    assert!(!opens(&RootKey::generate().expect("randomness")));
    used.vault
        .rekey_compromised(&passphrase("battery"), Profile::Test, &who(), NOW)
        .expect("everything is sealed anew");
    assert!(!opens(&key));
    assert!(opens(&used.vault.vault_key().expect("the owner's")));
}

#[test]
fn the_ways_in_are_told_as_they_are() {
    let mut used = Used::new();
    let ways = used.vault.ways_in().expect("told");
    assert_eq!(ways.profile, Profile::Test);
    assert_eq!(
        ways.others.access_tokens,
        ["first", "other", "second"].map(name)
    );
    assert!(ways.others.recovery_code);
    used.vault
        .revoke_access(used.first.slot(), &who(), NOW)
        .expect("revoked");
    let ways = used.vault.ways_in().expect("told");
    assert_eq!(ways.others.access_tokens, ["other", "second"].map(name));
    used.vault
        .rekey_compromised(&passphrase("battery"), Profile::Default, &who(), NOW)
        .expect("everything is sealed anew");
    let ways = used.vault.ways_in().expect("told");
    assert_eq!(ways.profile, Profile::Default);
    assert!(ways.others.access_tokens.is_empty() && !ways.others.recovery_code);
}

#[test]
fn the_ways_in_are_the_owners_to_know() {
    let used = Used::new();
    let mut server = used
        .place
        .open_with(&Credential::access_token(&used.second))
        .expect("opens");
    assert!(matches!(
        refused(server.ways_in()),
        VaultError::OwnerOnly { .. }
    ));
}

#[test]
fn a_revoked_access_token_opens_nothing_and_the_others_do() {
    let mut used = Used::new();
    let slot = used.first.slot();
    used.vault
        .revoke_access(slot, &who(), NOW)
        .expect("revoked");
    assert_eq!(used.access(), [false, true, true]);
    let mut vault = used.place.open();
    used.all_keys_work(&mut vault);
    let mut server = used
        .place
        .open_with(&Credential::access_token(&used.second))
        .expect("opens");
    assert_eq!(check(&mut server, &used.young, NOW), Code::Valid);
    // The uses from before can still be read: a scope keeps its activity key.
    let found = find(&mut vault, "ci");
    let usage = vault.usage_of(&found, 0, 10).expect("what is known");
    assert_eq!(usage.events.len(), 1);
    let again = used.vault.revoke_access(slot, &who(), NOW);
    assert!(matches!(refused(again), VaultError::Misused(_)));
    vault.log().expect("the log is whole");
    // And once more, now that the scope has its second key.
    vault
        .revoke_access(used.second.slot(), &who(), NOW)
        .expect("revoked");
    assert_eq!(used.access(), [false, false, true]);
    used.all_keys_work(&mut used.place.open());
}

#[test]
fn an_access_token_that_is_revoked_while_it_is_in_use_sees_nothing_more() {
    let mut used = Used::new();
    let mut server = used
        .place
        .open_with(&Credential::access_token(&used.first))
        .expect("opens");
    assert_eq!(check(&mut server, &used.young, NOW), Code::Valid);
    used.vault
        .revoke_access(used.first.slot(), &who(), NOW)
        .expect("revoked");
    let outcome = server.find_name(&name("ci"), &shop());
    assert!(matches!(refused(outcome), VaultError::WrongAccessToken(_)));
}

#[test]
fn after_a_compromise_only_the_new_passphrase_opens_and_issued_tokens_still_work() {
    let mut used = Used::new();
    let log_before = used.vault.log().expect("the log is whole");
    let new = passphrase("battery");
    let dropped = used
        .vault
        .rekey_compromised(&new, Profile::Test, &who(), NOW)
        .expect("everything is sealed anew");
    assert_eq!(dropped.access_tokens.len(), 3);
    assert!(dropped.recovery_code && dropped.access_tokens.is_sorted());
    assert!(!used.opens(&Credential::Passphrase(&passphrase("horse"))));
    assert!(!used.opens(&Credential::RecoveryCode(&used.code)));
    assert_eq!(used.access(), [false; 3]);
    let mut vault = used
        .place
        .open_with(&Credential::Passphrase(&new))
        .expect("opens");
    used.all_keys_work(&mut vault);
    let log = vault.log().expect("the log is whole under its new key");
    assert_eq!(log[..log.len() - 1], log_before);
    // The vault that did it goes on with the new key, and writes.
    let mut same = used.vault;
    issue_named(&mut same, "after");
    assert_eq!(names(&mut vault), ["after", "ci", "openai", "ci"]);
    // Events from before were sealed under keys that are gone; counts are not sealed.
    let found = find(&mut vault, "ci");
    let usage = vault.usage_of(&found, 0, 10).expect("what is known");
    assert_eq!((usage.events.len(), usage.total.requests), (0, 1));
    assert!(vault.take_warnings().is_empty());
    let outline = Vault::outline(used.place.path()).expect("an outline");
    assert_eq!(outline.slots.len(), 1);
}

#[test]
fn a_vault_that_was_open_while_it_got_a_new_key_is_told_so() {
    let mut used = Used::new();
    let mut stale = used.place.open();
    used.vault
        .rekey_compromised(&passphrase("battery"), Profile::Test, &who(), NOW)
        .expect("everything is sealed anew");
    for outcome in [
        stale.find_name(&name("ci"), &shop()).map(drop),
        stale.issue(&new_key("new"), &who(), NOW).map(drop),
    ] {
        assert!(matches!(refused(outcome), VaultError::WrongCredential));
    }
}

#[test]
fn nothing_of_the_old_keys_is_left_in_the_file_after_a_compromise() {
    let mut used = Used::new();
    let old = std::fs::read(used.place.path()).expect("a vault");
    used.vault
        .rekey_compromised(&passphrase("battery"), Profile::Test, &who(), NOW)
        .expect("everything is sealed anew");
    let new = std::fs::read(used.place.path()).expect("a vault");
    let connection = rusqlite::Connection::open(used.place.path()).expect("a vault");
    drop(connection);
    // Every sealed row of the old file: none of its nonces is anywhere in the new one, free pages included.
    let copy = used.place.folder().join("old.db");
    std::fs::write(&copy, old).expect("written");
    let connection = rusqlite::Connection::open(&copy).expect("a vault");
    let mut statement = connection
        .prepare(
            "SELECT nonce FROM slot UNION ALL SELECT nonce FROM scope UNION ALL SELECT head_nonce FROM scope
             UNION ALL SELECT nonce FROM record UNION ALL SELECT nonce FROM log UNION ALL SELECT head_nonce FROM header",
        )
        .expect("its tables");
    let nonces: Vec<Vec<u8>> = statement
        .query_map([], |row| row.get(0))
        .expect("its rows")
        .collect::<Result<_, _>>()
        .expect("its rows");
    assert!(nonces.len() > 15);
    for nonce in nonces {
        assert!(!new.windows(nonce.len()).any(|window| window == nonce));
    }
}
