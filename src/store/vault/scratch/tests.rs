//! New files that others are in the way of.

use super::*;

#[test]
fn a_vault_that_another_process_has_made_and_changes_is_there() {
    for (others, is_there) in [(&["", "-journal"][..], true), (&["-journal"], false)] {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("vault.db");
        let scratch = Scratch::beside(&path).expect("made");
        for suffix in others {
            fs::write(with_suffix(&path, suffix), "").expect("written");
        }
        match scratch.publish(&path) {
            Err(StoreError::Exists(_)) => assert!(is_there),
            Err(StoreError::Unsafe { .. }) => assert!(!is_there),
            other => panic!("{other:?}"),
        }
    }
}

/// In a folder that others can write, before the file is opened and before it gets its name.
#[test]
fn a_file_that_another_was_put_in_the_place_of_is_not_published() {
    let folder = tempfile::tempdir().expect("a folder");
    let [path, theirs] = ["vault.db", "theirs"].map(|name| folder.path().join(name));
    for replaces in [false, true] {
        let put = |scratch: &Scratch| {
            // Empty, as the one that was made.
            fs::write(&theirs, "").expect("written");
            fs::rename(&theirs, &scratch.path).expect("moved");
        };
        let scratch = Scratch::beside(&path).expect("made");
        put(&scratch);
        let published = if replaces {
            scratch.rename(&path)
        } else {
            scratch.publish(&path)
        };
        let told = matches!(published, Err(StoreError::Replaced(_)));
        assert!(told, "{published:?}");
        fs::remove_file(&path).expect("removed");
        let scratch = Scratch::beside(&path).expect("made");
        put(&scratch);
        let opened = VaultFile::connect(
            scratch.path.clone(),
            &scratch.path,
            scratch.identity,
            Access::Owner,
        );
        assert!(matches!(opened, Err(StoreError::Replaced(_))));
    }
}

/// After a swap that failed the vault is the one that was there, with its journal.
#[test]
fn what_was_kept_is_put_back() {
    for has_come in [false, true] {
        let folder = tempfile::tempdir().expect("a folder");
        let [path, kept] = ["vault.db", "kept"].map(|name| folder.path().join(name));
        fs::write(&path, "of before").expect("written");
        fs::hard_link(&path, &kept).expect("linked");
        fs::write(with_suffix(&kept, "-journal"), "its journal").expect("written");
        if has_come {
            fs::remove_file(&path).expect("removed");
            fs::write(&path, "the new one").expect("written");
        }
        put_back(&kept, &path);
        assert_eq!(fs::read(&path).expect("there"), b"of before");
        let journal = with_suffix(&path, "-journal");
        assert_eq!(fs::read(journal).expect("there"), b"its journal");
        let left = fs::read_dir(folder.path()).expect("a folder").count();
        assert_eq!(left, 2, "{has_come}");
    }
}
