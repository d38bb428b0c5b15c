//! `restore`: a backup in the vault's place.

use std::fs;

use crate::common::{PASSPHRASE, TestEnv};
use crate::terminal::Terminal;

/// With a backup of `deploy`, and `later` after it.
fn backed_up() -> TestEnv {
    let env = TestEnv::new();
    env.create(["deploy"]);
    let backup = env.run(["backup", "copy.db"]);
    assert!(backup.success(), "{backup}");
    env.create(["later"]);
    env
}

#[test]
fn a_restore_is_told_and_keeps_what_was_there() {
    let env = backed_up();
    insta::assert_snapshot!(env.session(&[
        "restore copy.db",
        "restore copy.db --dry-run",
        "restore copy.db --yes",
        "audit --limit 1 --verb restore",
        "restore copy.db --yes --json",
    ]), @r#"
    $ keywright restore copy.db
    The backup `copy.db` is whole: 1 key, 3 changes, last changed just now ([-------TIME-------])
    error: this needs a confirmation, and nobody can be asked
    hint: --yes confirms it beforehand
    [exit 6]
    $ keywright restore copy.db --dry-run
    The backup `copy.db` is whole: 1 key, 3 changes, last changed just now ([-------TIME-------])
    Would replace the vault `[HOME]/.config/keywright/vault.db` (5 changes) by the backup (3 changes); it is kept beside it; what was changed since the backup, keys and access tokens that were revoked or rotated too, is as it was then
    [exit 0]
    $ keywright restore copy.db --yes
    The backup `copy.db` is whole: 1 key, 3 changes, last changed just now ([-------TIME-------])
    Restored the vault `[HOME]/.config/keywright/vault.db`
      what was there is kept as `[HOME]/.config/keywright/vault.db.before-restore-[TIME]`
    [exit 0]
    $ keywright audit --limit 1 --verb restore
    TIME                  WHAT     CODE  KEY  SCOPE  GENERATION  ACTOR  DETAIL
    [-------TIME-------]  restore  -     -    -      -           tester@[HOST]  as of change 3
    [exit 0]
    $ keywright restore copy.db --yes --json
    {"schema":1,"outcome":"restored","dry_run":false,"vault":"[HOME]/.config/keywright/vault.db","vault_id":"[VAULT-ID]","file":"copy.db","keys":1,"changes":4,"last_changed_at":"[-------TIME-------]","instead_of":"the same vault","kept":"[HOME]/.config/keywright/vault.db.before-restore-[TIME]"}
    [exit 0]
    "#);
    assert_eq!(env.names(), ["deploy"]);
    // The other copy by hand is what the anchor is for.
    fs::copy(env.path("copy.db"), env.vault()).expect("copied");
    assert_eq!(env.run(["list"]).code(), Some(7));
}

#[test]
fn a_dry_run_and_every_refusal_change_nothing() {
    let env = backed_up();
    env.write("wrong", "not the passphrase at all");
    let slice = env.run(["backup", "ci.vault", "--scope", "default/development"]);
    assert!(slice.success(), "{slice}");
    fs::hard_link(env.vault(), env.path("hard.db")).expect("linked");
    let files = env.files();
    let dry = env.run(["restore", "copy.db", "-n"]);
    assert!(dry.success(), "{dry}");
    insta::assert_snapshot!(env.refused_lines(&[
        "restore copy.db",
        "restore missing.db",
        "restore -",
        "restore passphrase",
        "restore ci.vault --yes",
        "restore hard.db --yes",
        "restore .config/keywright/vault.db --yes",
        "restore copy.db --yes --passphrase-file wrong",
    ]), @"
    $ keywright restore copy.db
    The backup `copy.db` is whole: 1 key, 3 changes, last changed just now ([-------TIME-------])
    error: this needs a confirmation, and nobody can be asked
    hint: --yes confirms it beforehand
    [exit 6]
    $ keywright restore missing.db
    error: there is no backup at `missing.db`
    hint: name a file that `keywright backup` made
    [exit 1]
    $ keywright restore -
    error: `-` is no file name
    hint: a backup is a file that can be opened; `./-` is a file of that name
    [exit 2]
    $ keywright restore passphrase
    error: `[HOME]/passphrase` is not a keywright vault, or its first bytes are damaged
    hint: --vault chooses another file; where it was a vault, `keywright restore` puts a backup in its place
    [exit 7]
    $ keywright restore ci.vault --yes
    error: `[HOME]/ci.vault` is a slice of a vault, not a vault
    hint: an access token opens it; the vault itself is where the slice was made
    [exit 8]
    $ keywright restore hard.db --yes
    error: `hard.db` is refused: it is the vault itself
    [exit 8]
    $ keywright restore .config/keywright/vault.db --yes
    error: `.config/keywright/vault.db` is refused: it is the vault itself
    [exit 8]
    $ keywright restore copy.db --yes --passphrase-file wrong
    error: wrong passphrase, or a slot of the vault was altered
    hint: the passphrase is the one that the vault had when this backup was made
    [exit 5]
    ");
    assert!(env.files() == files);
}

#[test]
fn a_person_is_asked_and_told_what_stops() {
    let env = backed_up();
    let before = env.vault_bytes();
    for (keys, code) in [("n\r", 6), ("y\r", 0)] {
        let mut terminal = Terminal::spawn(env.asking(["restore", "copy.db"]));
        terminal.expect("Passphrase of the backup: ");
        terminal.send(format!("{PASSPHRASE}\n"));
        terminal.expect_question();
        terminal.send(keys);
        let (status, screen) = terminal.wait();
        assert_eq!(status.code(), Some(code), "{screen}");
        assert_eq!(env.vault_bytes() == before, code == 6);
        if code == 0 {
            insta::assert_snapshot!(env.screen(&screen), @"
            Passphrase of the backup: 
            The backup `copy.db` is whole: 1 key, 3 changes, last changed just now ([-------TIME-------])
            Replace the vault `[HOME]/.config/keywright/vault.db` (5 changes) by the backup (3 changes); it is kept beside it; what was changed since the backup, keys and access tokens that were revoked or rotated too, is as it was then
            Go on? [y/N] y
            Restored the vault `[HOME]/.config/keywright/vault.db`
              what was there is kept as `[HOME]/.config/keywright/vault.db.before-restore-[TIME]`
            ");
        }
    }
    assert_eq!(env.names(), ["deploy"]);
}

/// What was changed because somebody knew it opens the vault again.
#[test]
fn the_ways_in_that_come_back_are_told() {
    let env = backed_up();
    env.write("new", "five other words in a row");
    insta::assert_snapshot!(env.session(&[
        "passphrase --new-passphrase-file new -q",
        "restore copy.db --dry-run",
        "passphrase --new-passphrase-file passphrase --passphrase-file new --compromised --yes -q",
        "restore copy.db --dry-run",
    ]), @"
    $ keywright passphrase --new-passphrase-file new -q
    [exit 0]
    $ keywright restore copy.db --dry-run
    The backup `copy.db` is whole: 1 key, 3 changes, last changed just now ([-------TIME-------])
    Would replace the vault `[HOME]/.config/keywright/vault.db` (6 changes) by the backup (3 changes); it is kept beside it; what was changed since the backup, keys and access tokens that were revoked or rotated too, is as it was then; THE PASSPHRASE WAS CHANGED between the two: the one from before that opens it again
    [exit 0]
    $ keywright passphrase --new-passphrase-file passphrase --passphrase-file new --compromised --yes -q
    [exit 0]
    $ keywright restore copy.db --dry-run
    The backup `copy.db` is whole: 1 key, 3 changes, last changed just now ([-------TIME-------])
    Would replace the vault `[HOME]/.config/keywright/vault.db` (7 changes) by the backup (3 changes); it is kept beside it; what was changed since the backup, keys and access tokens that were revoked or rotated too, is as it was then; THE VAULT WAS RE-KEYED between the two: the passphrase, access tokens and keys from before that open it again
    [exit 0]
    ");
}

#[test]
fn another_vault_and_a_damaged_one_are_named() {
    let env = backed_up();
    let other = env.run(["init", "--kdf", "test", "--vault", "other.db"]);
    assert!(other.success(), "{other}");
    fs::write(env.vault(), "damaged").expect("written");
    insta::assert_snapshot!(env.session(&[
        "restore copy.db --vault other.db --dry-run",
        "list",
        "restore copy.db --dry-run",
        "restore copy.db --vault new/vault.db",
        "restore copy.db --yes",
        "list -q --json",
    ]), @r#"
    $ keywright restore copy.db --vault other.db --dry-run
    The backup `copy.db` is whole: 1 key, 3 changes, last changed just now ([-------TIME-------])
    Would replace `other.db`, which is ANOTHER vault ([VAULT-ID], 1 change), by the backup; it is kept beside it
    [exit 0]
    $ keywright list
    error: `[HOME]/.config/keywright/vault.db` is not a keywright vault, or its first bytes are damaged
    hint: --vault chooses another file; where it was a vault, `keywright restore` puts a backup in its place
    [exit 7]
    $ keywright restore copy.db --dry-run
    The backup `copy.db` is whole: 1 key, 3 changes, last changed just now ([-------TIME-------])
    Would replace `[HOME]/.config/keywright/vault.db`, which cannot be opened as a vault, by the backup; it is kept beside it; what was changed since the backup, keys and access tokens that were revoked or rotated too, is as it was then
    [exit 0]
    $ keywright restore copy.db --vault new/vault.db
    The backup `copy.db` is whole: 1 key, 3 changes, last changed just now ([-------TIME-------])
    Restored the vault `new/vault.db`
    [exit 0]
    $ keywright restore copy.db --yes
    The backup `copy.db` is whole: 1 key, 3 changes, last changed just now ([-------TIME-------])
    Restored the vault `[HOME]/.config/keywright/vault.db`
      what was there is kept as `[HOME]/.config/keywright/vault.db.before-restore-[TIME]`
    [exit 0]
    $ keywright list -q --json
    {"schema":1,"keys":[{"name":"deploy","key_id":"[--KEY-ID--]","kind":"issued","display":"kwt_dev1_[--KEY-ID--]_••••","project":"default","environment":"development","status":"active","default":false,"pending":false,"permissions":["read"],"own_permissions":["read"],"roles":[],"context":{},"own_context":{},"rate":null,"brand":"kwt","providers":null,"models":null,"variable":null,"tags":[],"note":null,"created_at":"[-------TIME-------]","created_by":"tester@[HOST]","expires_at":"[-------TIME-------]","revoked_at":null,"revoked_by":null,"last_used_at":null,"requests":0,"refused":0,"generation":1,"previous_valid_until":null,"generations":[{"number":1,"state":"current","created_at":"[-------TIME-------]","created_by":"tester@[HOST]","delivered_at":"[-------TIME-------]","expires_at":"[-------TIME-------]","superseded_at":null}]}]}
    [exit 0]
    "#);
}
