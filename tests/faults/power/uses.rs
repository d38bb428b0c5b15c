//! Uses of keys are counted beside the vault, and the last of them may be lost with the power. Nothing else may be: not
//! the vault, not the counts of before, and not the counting.

use std::fs;

use super::{LEAST, Replay, SEED, SHORT, figures};
use crate::deed::Deed;
use crate::power::disk::Tree;
use crate::power::states::States;
use crate::rig::{Outcome, can_trace};
use crate::scene::{Effect, Scene, Wrong, ensure, report, wrong};

/// Counts a use on disks that the loss of power leaves of one before, `limit` of them.
fn lose_a_use(is_first: bool, limit: usize) {
    let scene = super::scene(Deed::Set);
    if is_first {
        forget_uses(&scene);
    }
    let before = if is_first {
        0
    } else {
        uses(&scene).expect("counts")
    };
    let mut base = Tree::read(&scene.home.path);
    let (told, steps) = scene.home.record(&["verify"], scene.bystander(), &mut base);
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
            let wrong = check(&replay.scene, &told, before).err()?;
            let lost = states.describe(state, |node| replay.name(node));
            Some(format!(
                "{wrong}\n    {}; {lost}",
                replay.moment(state.done)
            ))
        })
        .collect();
    let count = chosen.count();
    figures("A use", count, &states, &failures);
    report(replay.deed, count, &failures);
}

/// The key is verified once more, as if nothing had been.
fn check(scene: &Scene, told: &Outcome, before: u64) -> Result<(), Wrong> {
    let again = scene.home.run(&["verify"], scene.bystander());
    let same =
        again.code == told.code && again.stdout == told.stdout && again.stderr == told.stderr;
    ensure(same, format_args!("verified: {again:?}"))?;
    let now = uses(scene)?;
    ensure(
        [before + 1, before + 2].contains(&now),
        format_args!("{before} uses and one or two more are {now}"),
    )?;
    let nothing = Outcome {
        code: None,
        stdout: String::new(),
        stderr: String::new(),
    };
    let effect = scene.check_within(&nothing)?;
    ensure(effect == Effect::Nothing, "the vault is another")
}

/// How often the bystander was used.
fn uses(scene: &Scene) -> Result<u64, Wrong> {
    let usage = scene.home.run(&["usage", "bystander", "--json"], "");
    let document: Option<serde_json::Value> = serde_json::from_str(&usage.stdout).ok();
    let requests = document.and_then(|document| document["usage"][0]["requests"].as_u64());
    requests
        .filter(|_| usage.is_done())
        .ok_or_else(|| wrong(format_args!("no counts: {usage:?}")))
}

fn forget_uses(scene: &Scene) {
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
        lose_a_use(false, SHORT);
    }
}

#[test]
fn power_lost_in_the_first_use_loses_at_most_its_count() {
    if can_trace() {
        lose_a_use(true, SHORT);
    }
}

#[test]
#[ignore = "a minute: at least 300 disks"]
fn power_lost_in_any_use_loses_at_most_its_count() {
    if can_trace() {
        lose_a_use(false, usize::MAX);
        lose_a_use(true, usize::MAX);
    }
}
