//! What a restore brings back, what it must know of the past, and what a killed one leaves.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use keywright::key::{KeyKind, Timestamp};
use keywright::vault::{
    AccessToken, Credential, Reopens, Restoration, StoreError, Vault, VaultError,
};

use crate::backup::open_copy;
use crate::fixture::*;
use crate::restore::{LATER, backed_up, files, prepare, restore};

/// What was changed because it was known to somebody opens the vault again: that is said before it happens.
#[test]
fn a_restore_knows_which_ways_in_it_brings_back() {
    let (place, mut vault, copy_of) = backed_up();
    let reopens = |copy: &Path, word: &str| {
        let passphrase = passphrase(word);
        let credential = Credential::Passphrase(&passphrase);
        let prepared = Restoration::prepare(&place.location, copy, &credential, LATER);
        prepared.expect("prepared").reopens()
    };
    let profile = keywright::crypto::Profile::Test;
    assert_eq!(reopens(&copy_of, "horse"), Reopens::Nothing);
    vault
        .change_passphrase(&passphrase("mule"), profile, &who(), NOW)
        .expect("changed");
    assert_eq!(reopens(&copy_of, "horse"), Reopens::Passphrase);
    let later = place.folder().join("later.db");
    vault.back_up(&later, false).expect("backed up");
    assert_eq!(reopens(&later, "mule"), Reopens::Nothing);
    vault
        .rekey_compromised(&passphrase("mule"), profile, &who(), NOW)
        .expect("rekeyed");
    for (copy, word) in [(&copy_of, "horse"), (&later, "mule")] {
        assert_eq!(reopens(copy, word), Reopens::Key);
    }
}

/// It may know newer states of the vault than the backup would go on with.
#[test]
fn an_anchor_that_cannot_be_read_stops_a_restore_before_it_begins() {
    let (place, vault, copy_of) = backed_up();
    let anchor = place.anchor(&vault);
    drop(vault);
    let (held, there) = (fs::read(&anchor).expect("there"), fs::read(place.path()));
    let before = files(&place);
    fs::remove_file(&anchor).expect("removed");
    // A folder is opened, and not read: an error of the disk that even root gets.
    fs::create_dir(&anchor).expect("made");
    let prepared = prepare(&place, &copy_of).expect("prepared");
    let err = refused(prepared.carry_out(&who(), LATER));
    assert!(
        matches!(err, VaultError::Store(StoreError::Io { .. })),
        "{err:?}"
    );
    assert_eq!(fs::read(place.path()).ok(), there.ok());
    assert_eq!(files(&place), before);
    // The twin: one that was read and says nothing is none.
    fs::remove_dir(&anchor).expect("removed");
    fs::write(&anchor, &held[..held.len() / 2]).expect("damaged");
    restore(&place, &copy_of);
    assert_eq!(names(&mut place.open()), ["first"]);
}

/// Killed between the vault's second name and the swap.
#[test]
fn a_second_name_that_a_killed_restore_left_is_told() {
    let (place, _, copy_of) = backed_up();
    let (_, restored) = restore(&place, &copy_of);
    let kept = restored.kept.expect("kept");
    // Files have the times of the real clock.
    let later = Timestamp(Timestamp::now().0 + 100_000);
    let left = || Vault::leftovers(place.path(), later);
    // What a restore keeps is not the vault, and stays.
    assert!(left().is_empty());
    let second = kept.with_file_name("vault.db.before-restore-20270115T081641Z");
    fs::hard_link(place.path(), &second).expect("linked");
    fs::hard_link(place.path(), kept.with_file_name("vault.db.mine")).expect("linked");
    let told: Vec<_> = left()
        .into_iter()
        .map(|it| (it.path, it.is_vault))
        .collect();
    assert_eq!(told, [(second, true)]);
    // One that was made just now may be a restore's that goes on.
    assert!(Vault::leftovers(place.path(), Timestamp(0)).is_empty());
}

/// The scope has the key again that its anchor knows as one of before: its owner says so, and no token is locked out.
#[test]
fn access_tokens_open_what_was_restored_from_before_a_revocation() {
    let place = Place::new();
    let mut vault = place.create();
    issue_named(&mut vault, "ci");
    let scope = find(&mut vault, "ci").scope;
    let [kept, revoked] = ["kept", "revoked"].map(|name| {
        let kind = KeyKind::Issued;
        let made = vault.create_access(
            &name.parse().expect("a name"),
            &scope,
            kind,
            None,
            &who(),
            NOW,
        );
        made.expect("made")
    });
    let copy_of = place.folder().join("copy.db");
    vault.back_up(&copy_of, false).expect("backed up");
    let look = |token| {
        let mut opened = Vault::open(&place.location, &Credential::access_token(token), NOW)?;
        opened.known_keys(None).map(|known| known.len())
    };
    // What is remembered of the scope here is of the key that it has now, and then of the next.
    assert_eq!(look(&kept).expect("opened"), 1);
    let found = vault.find_access(&"revoked".parse().expect("a name"));
    vault
        .revoke_access(found.expect("there").slot, &who(), NOW)
        .expect("revoked");
    assert_eq!(look(&kept).expect("opened"), 1);
    restore(&place, &copy_of);
    for token in [&kept, &revoked] {
        assert_eq!(look(token).expect("opened again"), 1);
    }
}

/// The number that an anchor remembers.
fn sequence(anchor: &Path) -> u64 {
    let bytes = fs::read(anchor).expect("an anchor");
    u64::from_le_bytes(bytes[4..12].try_into().expect("eight bytes"))
}

/// The anchor of the one scope that an access token opened at a place.
fn scope_anchor(place: &Place, vault: &Vault) -> PathBuf {
    let folder = place.location.state.join(vault.id().to_string());
    let mut entries = fs::read_dir(folder).expect("anchors");
    let is_of_scope = |path: &PathBuf| {
        let name = path.file_name().expect("a name").to_string_lossy();
        name.ends_with(".anchor") && !name.starts_with("vault-")
    };
    let found = entries.find_map(|entry| Some(entry.expect("one").path()).filter(is_of_scope));
    found.expect("an anchor of a scope")
}

/// A vault with one key and an access token, which was used at the place and on another machine, and a backup.
struct Shared {
    place: Place,
    elsewhere: Place,
    vault: Vault,
    access: AccessToken,
    copy: PathBuf,
}

impl Shared {
    fn new() -> Self {
        let place = Place::new();
        let mut vault = place.create();
        set(&mut vault, "openai", "sk-1");
        issue_named(&mut vault, "ci");
        let access = vault
            .create_access(&name("x"), &shop(), KeyKind::Issued, None, &who(), NOW)
            .expect("an access token");
        let mut elsewhere = Place::new();
        elsewhere.location.vault = place.location.vault.clone();
        let copy = place.folder().join("copy.db");
        vault.back_up(&copy, false).expect("backed up");
        Self {
            place,
            elsewhere,
            vault,
            access,
            copy,
        }
    }

    /// What an access token opens, as a machine sees it.
    fn seen_from(&self, machine: &Place) -> Result<Vec<String>, VaultError> {
        let mut opened = machine.open_with(&Credential::access_token(&self.access))?;
        let keys = opened.list(&Default::default(), NOW)?;
        Ok(keys
            .iter()
            .map(|found| found.key.name.to_string())
            .collect())
    }

    fn look(&self, machine: &Place) -> Vec<String> {
        self.seen_from(machine).expect("it opens")
    }
}

/// They refuse an older scope, and one of the same age that is another.
#[test]
fn whoever_has_seen_a_newer_or_another_scope_goes_on_with_the_restored_one() {
    let mut shared = Shared::new();
    let other = shared.place.folder().join("other.db");
    copy(&shared.copy, &other);
    // As many changes of the scope as there will be here.
    issue_named(&mut open_copy(&other).1, "there");
    issue_named(&mut shared.vault, "here");
    // Elsewhere alone, so that no anchor at the place knows of it: the vault that is replaced does.
    assert_eq!(shared.look(&shared.elsewhere), ["ci", "here"]);
    restore(&shared.place, &other);
    assert_eq!(shared.look(&shared.elsewhere), ["ci", "there"]);
    restore(&shared.place, &shared.copy);
    assert_eq!(shared.look(&shared.elsewhere), ["ci"]);
    // And where the vault that is replaced is gone, the anchor at the place does.
    issue_named(&mut shared.place.open(), "later");
    for machine in [&shared.place, &shared.elsewhere] {
        assert_eq!(shared.look(machine), ["ci", "later"]);
    }
    fs::remove_file(shared.place.path()).expect("gone");
    restore(&shared.place, &other);
    for machine in [&shared.place, &shared.elsewhere] {
        assert_eq!(shared.look(machine), ["ci", "there"]);
    }
}

#[test]
fn a_scope_that_nobody_has_seen_newer_keeps_its_number() {
    let shared = Shared::new();
    let number = |shared: &Shared| {
        shared.look(&shared.place);
        sequence(&scope_anchor(&shared.place, &shared.vault))
    };
    let before = number(&shared);
    restore(&shared.place, &shared.copy);
    assert_eq!(number(&shared), before);
    // Of a newer backup, too.
    issue_named(&mut shared.place.open(), "here");
    let newer = shared.place.folder().join("newer.db");
    let mut vault = shared.place.open();
    vault.back_up(&newer, false).expect("backed up");
    let mut machine = Place::new();
    machine.location.vault = newer.clone();
    assert_eq!(shared.look(&machine), ["ci", "here"]);
    restore(&shared.place, &newer);
    let in_the_backup = sequence(&scope_anchor(&machine, &shared.vault));
    assert_eq!(number(&shared), in_the_backup);
}

/// An anchor of another key is believed its number, so that who has seen the vault under that key goes on, and only as far
/// as there is room above it.
#[test]
fn the_number_of_an_anchor_under_another_key_counts_where_it_can_be_one() {
    const LIMIT: u64 = 1 << 53;
    for (number, after) in [(1000, 1001), (LIMIT - 1, LIMIT), (LIMIT, 0), (u64::MAX, 0)] {
        let (place, vault, copy_of) = backed_up();
        let anchor = place.anchor(&vault);
        drop(vault);
        let before = sequence(&anchor);
        let forged = [
            &b"KWA1"[..],
            &number.to_le_bytes(),
            &[7; 32 + 8 + 32 + 16 + 32],
        ]
        .concat();
        fs::write(&anchor, forged).expect("written");
        restore(&place, &copy_of);
        let expected = if after == 0 { before + 1 } else { after };
        assert_eq!(sequence(&anchor), expected, "{number}");
    }
}

#[test]
fn a_vault_that_is_refused_is_not_replaced() {
    let (place, vault, copy_of) = backed_up();
    drop(vault);
    let before = fs::read(place.path()).expect("there");
    let mode = |mode| fs::set_permissions(place.path(), fs::Permissions::from_mode(mode));
    mode(0o666).expect("changed");
    let refusal = refused(prepare(&place, &copy_of).map(drop));
    assert!(
        matches!(refusal, VaultError::Store(StoreError::Unsafe { .. })),
        "{refusal:?}"
    );
    assert_eq!(fs::read(place.path()).expect("there"), before);
    // The twin.
    mode(0o600).expect("changed");
    restore(&place, &copy_of);
}

/// The anchor would refuse the restored vault, as another history.
#[test]
fn a_restore_that_cannot_be_announced_does_not_begin() {
    let (place, vault, copy_of) = backed_up();
    let anchor = place.anchor(&vault);
    drop(vault);
    let (before, there) = (fs::read(place.path()).ok(), files(&place));
    // A folder where its new file should be: an error that even root gets.
    let passing = announced(&anchor).with_extension("new");
    fs::create_dir(&passing).expect("made");
    let prepared = prepare(&place, &copy_of).expect("prepared");
    let err = refused(prepared.carry_out(&who(), LATER));
    assert!(
        matches!(err, VaultError::Store(StoreError::Io { .. })),
        "{err:?}"
    );
    assert_eq!(
        (fs::read(place.path()).ok(), files(&place)),
        (before, there)
    );
    assert_eq!(names(&mut place.open()), ["first", "second"]);

    // Where nothing is remembered nothing refuses it, and that an older copy is not noticed is said.
    fs::remove_file(&anchor).expect("forgotten");
    let prepared = prepare(&place, &copy_of).expect("prepared");
    let restored = prepared.carry_out(&who(), LATER).expect("restored");
    let told = restored.warnings;
    assert_eq!(told.len(), 1, "{told:?}");
    let beginning = "an older copy of the vault would not be noticed here: cannot write `";
    assert!(told[0].starts_with(beginning), "{told:?}");
    assert_eq!(names(&mut place.open()), ["first"]);
    fs::remove_dir(&passing).expect("removed");
    restore(&place, &copy_of);
}

/// What access tokens have seen here cannot be overruled: they go on refusing, and that is said.
#[test]
fn a_scope_that_was_sealed_anew_and_cannot_be_overruled_is_told() {
    for has_seen_both in [true, false] {
        let mut shared = Shared::new();
        if has_seen_both {
            assert_eq!(shared.look(&shared.place), ["ci"]);
        }
        let kind = KeyKind::Issued;
        shared
            .vault
            .create_access(&name("y"), &shop(), kind, None, &who(), NOW)
            .expect("made");
        let found = shared.vault.find_access(&name("y")).expect("there");
        shared
            .vault
            .revoke_access(found.slot, &who(), NOW)
            .expect("revoked");
        assert_eq!(shared.look(&shared.place), ["ci"]);
        let anchor = scope_anchor(&shared.place, &shared.vault);
        // An error that even root gets.
        let passing = anchor.with_extension("new");
        fs::create_dir(&passing).expect("made");
        let prepared = prepare(&shared.place, &shared.copy).expect("prepared");
        let told = prepared
            .carry_out(&who(), LATER)
            .expect("restored")
            .warnings;
        if !has_seen_both {
            // Who knows the later key alone takes this one for the next.
            assert!(told.is_empty(), "{told:?}");
            fs::remove_dir(&passing).expect("removed");
            assert_eq!(shared.look(&shared.place), ["ci"]);
            continue;
        }
        assert_eq!(told.len(), 1, "{told:?}");
        let beginning =
            "access tokens that were used here are refused until a rollback is accepted: ";
        assert!(told[0].starts_with(beginning), "{told:?}");
        let refusal = refused(shared.seen_from(&shared.place));
        assert!(matches!(refusal, VaultError::Forked { .. }), "{refusal:?}");
        fs::remove_dir(&passing).expect("removed");
        restore(&shared.place, &shared.copy);
        assert_eq!(shared.look(&shared.place), ["ci"]);
    }
}

/// The owner's own anchor is overruled there, too.
#[test]
fn a_scope_anchor_of_another_key_with_a_number_that_is_none_locks_nobody_out() {
    let shared = Shared::new();
    assert_eq!(shared.look(&shared.place), ["ci"]);
    let anchor = scope_anchor(&shared.place, &shared.vault);
    let number = u64::MAX.to_le_bytes();
    let forged = [&b"KWA1"[..], &number, &[7; 32 + 8 + 32 + 16 + 32]].concat();
    fs::write(&anchor, forged).expect("written");
    let refusal = refused(shared.seen_from(&shared.place));
    assert!(
        matches!(refusal, VaultError::RolledBack { .. }),
        "{refusal:?}"
    );
    restore(&shared.place, &shared.copy);
    assert_eq!(shared.look(&shared.place), ["ci"]);
}
