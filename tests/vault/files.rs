//! What a vault file must be, and what keywright makes.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

use keywright::key::KeyKind;
use keywright::vault::{Credential, Requirements, StoreError, VaultError};

use crate::fixture::*;

fn chmod(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).expect("mode set");
}

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path)
        .expect("there")
        .permissions()
        .mode()
        & 0o777
}

fn entries(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .expect("a folder")
        .map(|entry| {
            entry
                .expect("an entry")
                .file_name()
                .into_string()
                .expect("UTF-8")
        })
        .collect();
    names.sort();
    names
}

/// The umask belongs to the process, so this runs alone, in a process that `files_are_private_whatever_the_umask` starts.
#[test]
#[ignore = "run by files_are_private_whatever_the_umask, in a process of its own"]
fn child_with_a_umask() {
    let umask = std::env::var("KEYWRIGHT_TEST_UMASK").expect("set by the parent");
    let umask = u32::from_str_radix(&umask, 8).expect("octal");
    let place = Place::new();
    let inner = place.folder().join("deep/er");
    let location = keywright::vault::Location {
        vault: inner.join("vault.db"),
        ..place.location.clone()
    };
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(umask));
    let mut vault = keywright::vault::Vault::create(
        &location,
        &passphrase("horse"),
        keywright::crypto::Profile::Test,
        &who(),
        NOW,
    )
    .expect("a new vault");
    let token = issue_named(&mut vault, "ci");
    vault
        .verify(
            &secret(token.as_bytes()),
            &Requirements::default(),
            true,
            &who(),
            NOW,
        )
        .expect("answered");
    assert!(vault.take_warnings().is_empty());
    assert_eq!(mode(&location.vault), 0o600);
    let state = location.state.join(vault.id().to_string());
    for folder in [
        &inner,
        inner.parent().expect("a parent"),
        &location.state,
        &state,
    ] {
        assert_eq!(mode(folder), 0o700, "{}", folder.display());
    }
    let made = entries(&state);
    assert!(made.len() >= 3, "{made:?}");
    for name in made {
        assert_eq!(mode(&state.join(&name)), 0o600, "{name}");
    }
}

#[test]
fn files_are_private_whatever_the_umask() {
    for umask in [
        "000", "002", "022", "027", "077", "177", "277", "377", "700", "777",
    ] {
        let output = Command::new(std::env::current_exe().expect("this program"))
            .args(["--exact", "files::child_with_a_umask", "--ignored"])
            .env("KEYWRIGHT_TEST_UMASK", umask)
            .output()
            .expect("started");
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "umask {umask}:\n{text}");
        assert!(text.contains("1 passed"), "umask {umask}:\n{text}");
    }
}

#[test]
fn an_owner_refuses_a_file_that_others_can_reach() {
    let place = Place::new();
    drop(place.create());
    for (bits, chmod_mentioned) in [
        (0o640, true),
        (0o604, true),
        (0o620, true),
        (0o602, true),
        (0o777, true),
        (0o601, true),
        (0o600, false),
        (0o400, false),
    ] {
        chmod(place.path(), bits);
        match place.try_open() {
            Ok(_) => assert!(!chmod_mentioned, "{bits:o}"),
            Err(VaultError::Store(StoreError::Unsafe { mend, .. })) => {
                assert!(chmod_mentioned, "{bits:o}");
                assert!(mend.is_some_and(|text| text.contains("chmod 600")));
            }
            Err(other) => panic!("{bits:o}: {other:?}"),
        }
    }
}

#[test]
fn who_holds_an_access_token_accepts_a_mounted_file_and_no_writable_one() {
    let place = Place::new();
    let mut vault = place.create();
    issue_named(&mut vault, "ci");
    let access = vault
        .create_access(&name("server"), &shop(), KeyKind::Issued, None, &who(), NOW)
        .expect("an access token");
    drop(vault);
    let open = |place: &Place| {
        place
            .open_with(&Credential::access_token(&access))
            .map(|mut vault| names(&mut vault))
    };
    for (bits, accepted) in [
        (0o644, true),
        (0o444, true),
        (0o600, true),
        (0o664, false),
        (0o646, false),
        (0o620, false),
    ] {
        chmod(place.path(), bits);
        assert_eq!(open(&place).is_ok(), accepted, "{bits:o}");
    }
    chmod(place.path(), 0o600);
    let mut linked = Place::new();
    linked.location.vault = linked.folder().join("link.db");
    symlink(place.path(), linked.path()).expect("linked");
    assert_eq!(open(&linked).expect("opens"), ["ci"]);
    assert!(matches!(
        refused(linked.try_open().map(drop)),
        VaultError::Store(StoreError::Unsafe { .. })
    ));
}

#[test]
fn a_file_of_another_user_is_refused_to_its_owner() {
    if !rustix::process::geteuid().is_root() {
        return; // nobody else can give files away
    }
    let place = Place::new();
    drop(place.create());
    rustix::fs::chown(place.path(), Some(rustix::fs::Uid::from_raw(12_345)), None)
        .expect("given away");
    match refused(place.try_open().map(drop)) {
        VaultError::Store(StoreError::Unsafe { why, .. }) => assert!(why.contains("12345")),
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_not_a_vault_is_called_what_it_is() {
    type Make = fn(&Path);
    let sql = |path: &Path, sql: &str| {
        rusqlite::Connection::open(path)
            .expect("a database")
            .execute_batch(sql)
            .expect("made");
    };
    let table: [(&str, Make, &str); 10] = [
        ("nothing", |_| {}, "Missing"),
        (
            "a folder",
            |path| fs::create_dir(path).expect("made"),
            "Unsafe",
        ),
        (
            "a pipe",
            |path| {
                use rustix::fs::{CWD, FileType, Mode, mknodat};
                mknodat(CWD, path, FileType::Fifo, Mode::from_raw_mode(0o600), 0).expect("made");
            },
            "Unsafe",
        ),
        (
            "an empty file",
            |path| fs::write(path, "").expect("made"),
            "NotAVault",
        ),
        (
            "a short text",
            |path| fs::write(path, "hello").expect("made"),
            "NotAVault",
        ),
        (
            "a long text",
            |path| fs::write(path, "hello ".repeat(2000)).expect("made"),
            "NotAVault",
        ),
        (
            "half a header",
            |path| fs::write(path, "SQLite format 3\0").expect("made"),
            "NotAVault",
        ),
        ("another database", |_| {}, "NotAVault"),
        ("a newer format", |_| {}, "Newer"),
        ("a format that never was", |_| {}, "Altered"),
    ];
    for (what, make, expected) in table {
        let place = Place::new();
        match what {
            "another database" => sql(place.path(), "CREATE TABLE t (x)"),
            "a newer format" => {
                drop(place.create());
                sql(place.path(), "PRAGMA user_version = 2");
            }
            "a format that never was" => {
                drop(place.create());
                sql(place.path(), "PRAGMA user_version = 0");
            }
            _ => make(place.path()),
        }
        if place.path().is_file() {
            chmod(place.path(), 0o600);
        }
        match refused(place.try_open().map(drop)) {
            VaultError::Store(err) => {
                assert!(format!("{err:?}").starts_with(expected), "{what}: {err:?}");
            }
            other => panic!("{what}: {other:?}"),
        }
    }
    let mut place = Place::new();
    place.location.vault = place.folder().join("no/such/folder/vault.db");
    assert!(matches!(
        refused(place.try_open().map(drop)),
        VaultError::Store(StoreError::Missing(_))
    ));
}

#[test]
fn a_file_larger_than_a_vault_can_be_is_not_read() {
    let place = Place::new();
    drop(place.create());
    let file = fs::File::options()
        .write(true)
        .open(place.path())
        .expect("the vault");
    file.set_len((1 << 30) + 1).expect("a sparse file");
    drop(file);
    assert!(matches!(
        refused(place.try_open().map(drop)),
        VaultError::Store(StoreError::Unsafe { .. })
    ));
}

#[test]
fn nothing_that_exists_is_overwritten() {
    let place = Place::new();
    for (what, make) in [
        (
            "a file",
            (|path| fs::write(path, "mine").expect("made")) as fn(&Path),
        ),
        ("a dangling link", |path| {
            symlink("nowhere", path).expect("made")
        }),
        ("a folder", |path| fs::create_dir(path).expect("made")),
    ] {
        make(place.path());
        assert!(
            matches!(
                refused(place.try_create().map(drop)),
                VaultError::Store(StoreError::Exists(_))
            ),
            "{what}"
        );
        assert_eq!(entries(place.folder()), ["vault.db"], "{what}");
        if place.path().is_dir() {
            fs::remove_dir(place.path()).expect("removed");
        } else {
            fs::remove_file(place.path()).expect("removed");
        }
    }
}

#[test]
fn a_vault_is_one_file() {
    let place = Place::new();
    let mut vault = place.create();
    issue_named(&mut vault, "ci");
    assert_eq!(entries(place.folder()), ["state", "vault.db"]);
    assert_eq!(fs::metadata(place.path()).expect("a vault").nlink(), 1);
}

#[test]
fn a_vault_can_be_read_where_it_cannot_be_written() {
    let place = Place::new();
    let mut vault = place.create();
    let token = issue_named(&mut vault, "ci");
    drop(vault);
    chmod(place.path(), 0o400);
    let mut vault = place.open();
    assert_eq!(names(&mut vault), ["ci"]);
    check(&mut vault, &token, NOW);
    if !rustix::process::geteuid().is_root() {
        assert!(matches!(
            refused(vault.issue(&new_key("new"), &who(), NOW).map(drop)),
            VaultError::Store(StoreError::ReadOnly(_))
        ));
    }
}

#[test]
fn a_vault_that_was_replaced_under_an_open_one_is_the_one_that_is_used() {
    let place = Place::new();
    let mut open = place.create();
    issue_named(&mut open, "first");
    // The open file stays reachable under another name, so that a write to it would show.
    let unlinked = place.folder().join("unlinked.db");
    let new = place.folder().join("new.db");
    copy(place.path(), &new);
    fs::hard_link(place.path(), &unlinked).expect("linked");
    fs::rename(&new, place.path()).expect("replaced");
    let before = fs::read(&unlinked).expect("the old file");

    issue_named(&mut place.open(), "by another");
    assert_eq!(names(&mut open), ["by another", "first"]);
    issue_named(&mut open, "second");
    assert_eq!(names(&mut open), ["by another", "first", "second"]);
    assert_eq!(names(&mut place.open()), ["by another", "first", "second"]);
    assert_eq!(fs::read(&unlinked).expect("the old file"), before);
}

#[test]
fn a_vault_that_is_gone_or_another_is_not_written_to() {
    let place = Place::new();
    let mut open = place.create();
    issue_named(&mut open, "first");
    let aside = place.folder().join("aside.db");
    fs::rename(place.path(), &aside).expect("moved away");
    let outcome = open.issue(&new_key("second"), &who(), NOW).map(drop);
    assert!(matches!(
        refused(outcome),
        VaultError::Store(StoreError::Missing(_))
    ));

    let stranger = Place::new();
    drop(stranger.create());
    copy(stranger.path(), place.path());
    let before = fs::read(place.path()).expect("the other vault");
    let outcome = open.issue(&new_key("second"), &who(), NOW).map(drop);
    assert!(matches!(refused(outcome), VaultError::Altered(_)));
    assert_eq!(fs::read(place.path()).expect("the other vault"), before);

    // A token that is being handed over meanwhile is not lost silently.
    fs::remove_file(place.path()).expect("removed");
    copy(&aside, place.path());
    let outcome = open
        .issue(
            &keywright::vault::NewIssued {
                scope: scope("new/dev"),
                ..new_key("third")
            },
            &who(),
            NOW,
        )
        .expect("issued")
        .deliver(|_, _| {
            // The copy from before, which does not even have the scope.
            fs::remove_dir_all(&place.location.state)?;
            fs::rename(&aside, place.path())
        });
    assert!(matches!(refused(outcome), VaultError::PrintedButInvalid(_)));

    // With its own file back it goes on.
    issue_named(&mut open, "second");
    assert_eq!(names(&mut place.open()), ["first", "second"]);
}

/// A vault that cannot be reached is another thing than none: nobody should make a second one because of it.
#[test]
fn what_cannot_be_looked_at_is_not_called_missing() {
    let mut place = Place::new();
    let file = place.folder().join("file");
    fs::write(&file, "no folder").expect("written");
    for (below, is_missing) in [
        (place.folder().join("v.db"), true),
        (place.folder().join("none").join("v.db"), true),
        (file.join("none").join("v.db"), false),
        (file.join("v.db"), false),
        (place.folder().join("v".repeat(300)), false),
    ] {
        place.location.vault = below.clone();
        let refusal = refused(place.try_open().map(drop));
        let missing = matches!(refusal, VaultError::Store(StoreError::Missing(_)));
        let io = matches!(refusal, VaultError::Store(StoreError::Io { .. }));
        assert_eq!(
            (missing, io),
            (is_missing, !is_missing),
            "{below:?}: {refusal:?}"
        );
    }
}

/// SQLite takes no path of more than 512 bytes; it is said of opening, with what SQLite says.
#[test]
fn a_path_that_sqlite_does_not_take_is_told() {
    let mut place = Place::new();
    drop(place.create());
    let folder = place.folder().join(["f".repeat(100).as_str(); 6].join("/"));
    fs::create_dir_all(&folder).expect("made");
    let far = folder.join("vault.db");
    copy(place.path(), &far);
    place.location.vault = far.clone();
    match refused(place.try_open().map(drop)) {
        VaultError::Store(StoreError::Io { action, path, .. }) => {
            assert_eq!((action, path), ("open", far));
        }
        other => panic!("{other:?}"),
    }
}
