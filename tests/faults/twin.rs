//! The twins of the kill tests: the same kill, with what saves the vault taken away. If these went unnoticed, the kills
//! would hit nothing, or the checks would see nothing.

use std::fs;

use crate::deed::Deed;
use crate::rig::{Outcome, can_trace};
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

#[test]
fn a_token_that_works_and_was_not_printed_is_noticed() {
    let scene = Scene::new(Deed::Rotate);
    let outcome = scene.run();
    assert_eq!(scene.check(&outcome).expect("whole"), Effect::Whole);
    // As a program would leave it that makes a token active before it is out, and dies then.
    let unprinted = Outcome {
        code: None,
        stdout: String::new(),
        ..outcome
    };
    let wrong = scene.check(&unprinted).expect_err("nobody has the token");
    assert!(wrong.to_string().contains("never printed"), "{wrong}");
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
            Deed::Edit,
            &["edit", "target", "--note", "another"][..],
            "a part of it happened",
        ),
        (
            Deed::Import,
            &["delete", "fresh", "--yes"],
            "a part of it happened",
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
        scene.home.must(undone, "");
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
