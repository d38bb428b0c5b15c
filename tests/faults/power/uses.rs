//! Uses of keys are counted beside the vault, and the last of them may be lost with the power. Nothing else may be: not
//! the vault, not the counts of before, and not the counting.

use std::fs;

use super::{LEAST, Replay, SEED, SHORT, figures};
use crate::deed::Deed;
use crate::power::disk::Tree;
use crate::power::states::States;
use crate::rig::{Outcome, can_trace};
use crate::scene::{Effect, Scene, Wrong, ensure, report, wrong};
use crate::uses::Use;

/// Counts a use on disks that the loss of power leaves of one before, `limit` of them.
fn lose_a_use(used: Use, is_first: bool, limit: usize) {
    let scene = super::scene(Deed::Set);
    if is_first {
        forget_uses(&scene);
    }
    let before = if is_first {
        0
    } else {
        uses(&scene, used).expect("counts")
    };
    let mut base = Tree::read(&scene.home.path);
    let (told, steps) = scene
        .home
        .record(used.args(), used.input(&scene), &mut base);
    let replay = Replay {
        scene,
        // Any will do: nothing of it happens.
        deed: Deed::Set,
        base,
        steps,
    };
    let states = States::of(&replay.base, &replay.steps, LEAST, SEED, |_| 0);
    assert!(states.chosen.len() >= LEAST, "too few disks");
    let every = states.chosen.len().div_ceil(limit);
    let chosen = states.chosen.iter().step_by(every);
    let failures: Vec<String> = chosen
        .clone()
        .filter_map(|state| {
            states.tree(state).write(&replay.scene.home.path);
            let wrong = check(&replay.scene, used, &told, before).err()?;
            let lost = states.describe(state, |node| replay.name(node));
            Some(format!(
                "{wrong}\n    {}; {lost}",
                replay.moment(state.done)
            ))
        })
        .collect();
    let count = chosen.count();
    figures(&format!("{used:?}"), count, &states, &failures);
    report(used, count, &failures);
}

/// The key is used once more, as if nothing had been.
fn check(scene: &Scene, used: Use, told: &Outcome, before: u64) -> Result<(), Wrong> {
    let again = scene.home.run(used.args(), used.input(scene));
    let same =
        again.code == told.code && again.stdout == told.stdout && again.stderr == told.stderr;
    ensure(same, format_args!("used: {again:?}"))?;
    let now = uses(scene, used)?;
    ensure(
        [before + 1, before + 2].contains(&now),
        format_args!("{before} uses and one or two more are {now}"),
    )?;
    let effect = scene.check_within(&Outcome::nothing())?;
    ensure(effect == Effect::Nothing, "the vault is another")
}

/// How often its key was used.
fn uses(scene: &Scene, used: Use) -> Result<u64, Wrong> {
    let usage = scene.home.run(&["usage", used.key(), "--json"], "");
    let document: Option<serde_json::Value> = serde_json::from_str(&usage.stdout).ok();
    let requests = document.and_then(|document| document["usage"][0]["requests"].as_u64());
    requests
        .filter(|_| usage.is_done())
        .ok_or_else(|| wrong(format_args!("no counts: {usage:?}")))
}

/// Removes the activity files.
pub(crate) fn forget_uses(scene: &Scene) {
    for folder in fs::read_dir(scene.home.state()).expect("a folder") {
        for entry in fs::read_dir(folder.expect("an entry").path()).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.to_string_lossy().contains("activity.db") {
                fs::remove_file(path).expect("removed");
            }
        }
    }
}

#[test]
fn power_lost_in_a_use_loses_at_most_its_count() {
    if can_trace() {
        lose_a_use(Use::Verify, false, SHORT);
    }
}

#[test]
fn power_lost_in_a_use_of_a_value_loses_at_most_its_count() {
    if can_trace() {
        lose_a_use(Use::Get, false, SHORT);
        lose_a_use(Use::Run, false, SHORT);
    }
}

#[test]
fn power_lost_in_the_first_use_loses_at_most_its_count() {
    if can_trace() {
        lose_a_use(Use::Verify, true, SHORT);
    }
}

#[test]
#[ignore = "some minutes: at least 300 disks"]
fn power_lost_in_any_use_loses_at_most_its_count() {
    if can_trace() {
        for used in Use::ALL {
            lose_a_use(used, false, usize::MAX);
        }
        lose_a_use(Use::Verify, true, usize::MAX);
    }
}
