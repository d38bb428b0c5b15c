//! The twins of the kill tests: the same kill, with what saves the vault taken away. If these went unnoticed, the kills
//! would hit nothing, or the checks would see nothing.

use std::fs;

use crate::deed::{Deed, SOURCE, SOURCE_TEXT, TOKEN};
use crate::power::uses::forget_uses;
use crate::rig::{NEW_PASSPHRASE, Outcome, can_trace};
use crate::scene::{Effect, Scene};

#[test]
fn a_kill_in_a_commit_is_noticed_when_the_journal_is_lost() {
    if !can_trace() {
        return;
    }
    let scene = Scene::new(Deed::Replace);
    let outcome = scene.kill_in_commit();
    assert_eq!(outcome.code, None, "{outcome:?}");
    assert!(scene.journal().exists(), "it was killed somewhere else");
    let kept = fs::read(scene.journal()).expect("a journal");
    fs::remove_file(scene.journal()).expect("removed");
    let wrong = scene
        .check(&outcome)
        .expect_err("the vault is half written");
    assert!(wrong.to_string().contains("code: Some(7)"), "{wrong}");

    // With it, the same kill does no harm.
    let outcome = scene.kill_in_commit();
    assert_eq!(
        kept.len(),
        fs::read(scene.journal()).expect("a journal").len()
    );
    assert_eq!(scene.check(&outcome).expect("whole"), Effect::Nothing);
}

/// As a program would leave it that makes a secret work before it is out, and dies then.
#[test]
fn a_secret_that_works_and_never_came_out_is_noticed() {
    for deed in [
        Deed::AccessCreate,
        Deed::CreateOut,
        Deed::InitCode,
        Deed::NewCode,
        Deed::Rotate,
    ] {
        let scene = Scene::new(deed);
        let outcome = scene.run();
        assert_eq!(scene.check(&outcome).expect("whole"), Effect::Whole);
        if deed.writes_token() {
            fs::remove_file(scene.home.path.join(TOKEN)).expect("removed");
        }
        let wrong = scene.check(&Outcome::nothing());
        let wrong = wrong.expect_err("nobody has the token");
        assert!(
            wrong.to_string().contains("never printed"),
            "{deed:?}: {wrong}"
        );
    }
}

/// As a program would leave it that deletes the source before it stores what was in it, or says that it is deleted.
#[test]
fn a_source_that_goes_too_early_or_not_at_all_is_noticed() {
    let scene = Scene::new(Deed::ImportSource);
    let source = scene.home.path.join(SOURCE);
    let outcome = scene.run();
    assert_eq!(scene.check(&outcome).expect("whole"), Effect::Whole);
    fs::write(&source, SOURCE_TEXT).expect("a source");
    let wrong = scene.check(&outcome).expect_err("the source is there");
    assert!(wrong.to_string().contains("exit 0 with Stored"), "{wrong}");
    scene.reset();
    fs::remove_file(&source).expect("removed");
    let wrong = scene.check(&Outcome::nothing());
    let wrong = wrong.expect_err("the values are gone");
    assert!(
        wrong.to_string().contains("0 values are in the vault"),
        "{wrong}"
    );
}

#[test]
fn uses_that_are_forgotten_are_noticed() {
    let scene = Scene::new(Deed::Set);
    let outcome = scene.run();
    assert_eq!(scene.check(&outcome).expect("whole"), Effect::Whole);
    forget_uses(&scene);
    let wrong = scene.check(&outcome).expect_err("the counts are gone");
    assert!(wrong.to_string().contains("is forgotten"), "{wrong}");
}

#[test]
fn an_acknowledged_change_that_is_lost_is_noticed() {
    let scene = Scene::new(Deed::Set);
    let outcome = scene.run();
    assert_eq!(scene.check(&outcome).expect("whole"), Effect::Whole);
    scene.reset();
    let wrong = scene.check(&outcome).expect_err("the key is gone");
    assert!(wrong.to_string().contains("exit 0 with"), "{wrong}");
}

/// What another command leaves of a change is noticed, so a change that is done by half would be.
#[test]
fn a_part_of_a_change_is_noticed() {
    for (deed, undone, told) in [
        (
            Deed::AccessRevoke,
            &["access", "revoke", "server", "--yes"][..],
            "these are listed",
        ),
        (
            Deed::Edit,
            &["edit", "target", "--note", "another"],
            "a part of it happened",
        ),
        (
            Deed::Import,
            &["delete", "fresh", "--yes"],
            "a part of it happened",
        ),
        (
            Deed::Finish,
            &["rotate", "target", "--yes"],
            "the new token is Rotated",
        ),
        (
            Deed::ImportSource,
            &["delete", "FRESH_TWO", "--yes"],
            "1 values are in the vault",
        ),
        (
            Deed::NewCode,
            &["passphrase", "--add-recovery-code", "--yes"],
            "not so the printed code",
        ),
        (
            Deed::Recover,
            &["access", "revoke", "server", "--yes"],
            "other ways to open it",
        ),
        (
            Deed::RoleDelete,
            &["role", "set", "idle", "--permission", "write"],
            "the role gives",
        ),
        (
            Deed::RoleSet,
            &["edit", "target", "--remove-role", "billing"],
            "has lost its role",
        ),
    ] {
        let scene = Scene::new(deed);
        let outcome = scene.run();
        assert_eq!(scene.check(&outcome).expect("whole"), Effect::Whole);
        let home = match deed.changes_passphrase() {
            true => scene.home.with_passphrase(NEW_PASSPHRASE),
            false => scene.home.clone(),
        };
        home.must(undone, "");
        let wrong = scene.check(&outcome).expect_err("a part is missing");
        assert!(wrong.to_string().contains(told), "{deed:?}: {wrong}");
    }
}

/// As a change would leave it that gives the role in one transaction and its keys what it gives in another.
#[test]
fn a_role_that_differs_from_its_copies_is_noticed() {
    let wrong = crate::fields::role_is_new(&["write", "read", "write"].map(str::to_owned))
        .expect_err("a key has the old one");
    assert!(
        wrong.to_string().contains("the role and its copies"),
        "{wrong}"
    );
}
