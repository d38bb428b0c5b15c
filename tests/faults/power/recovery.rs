//! Power that is lost twice: the second time while whoever reads the vault next takes back what the first left half done.

use std::path::Path;

use super::{Replay, SEED, STRIDE};
use crate::deed::Deed;
use crate::power::disk::Tree;
use crate::power::states::States;
use crate::power::trace::Step;
use crate::rig::can_trace;
use crate::scene::report;

/// Fewest disks of the second loss, after each of the first.
const LEAST: usize = 40;

const JOURNAL: &str = ".config/keywright/vault.db-journal";

/// What went wrong, and on how many disks it was looked for: after up to `firsts` first losses that left a journal.
fn lose_twice(deed: Deed, firsts: usize, is_synced: bool) -> (usize, Vec<String>) {
    let replay = Replay::of(deed);
    let states = replay.states();
    let is_half_done = |state: &&_| states.tree(state).find(Path::new(JOURNAL)).is_some();
    let half_done: Vec<_> = states.chosen.iter().filter(is_half_done).collect();
    let firsts: Vec<_> = half_done
        .iter()
        .step_by(half_done.len().div_ceil(firsts).max(1))
        .map(|state| (replay.said(state.done), states.tree(state)))
        .collect();
    let mut scene = replay.scene;
    let (mut played, mut count, mut failures) = (0, 0, Vec::new());
    for (outcome, tree) in firsts {
        tree.write(&scene.home.path);
        let mut base = Tree::read(&scene.home.path);
        let (_, steps) = scene.home.record(&["list"], "", &mut base);
        let mut second = Replay {
            scene,
            deed,
            base,
            steps,
        };
        // A journal that was not synced yet is none, and nothing was written to the vault before.
        if second.writes_the_vault() {
            played += 1;
            if !is_synced {
                second = second.without_syncs(|path, _| path.ends_with("/vault.db"));
            }
            let states = States::of(&second.base, &second.steps, LEAST, SEED, |_| 0);
            for (number, state) in states.chosen.iter().enumerate() {
                count += 1;
                let checked = second.check(&states.tree(state), &outcome, number % STRIDE == 0);
                if let Err(wrong) = checked {
                    let lost = states.describe(state, |node| second.name(node));
                    let moment = second.moment(state.done);
                    failures.push(format!(
                        "disk {number} of seed {SEED}: {wrong}\n    {moment}; {lost}"
                    ));
                }
            }
        }
        scene = second.scene;
    }
    assert!(played > 0, "{deed:?}: no journal was played back");
    (count, failures)
}

impl Replay {
    fn writes_the_vault(&self) -> bool {
        self.steps.iter().any(|step| match step {
            Step::Write { file, .. } => self.name(*file).ends_with("/vault.db"),
            _ => false,
        })
    }
}

fn twice(deed: Deed, firsts: usize) {
    let (count, failures) = lose_twice(deed, firsts, true);
    report(deed, count, &failures);
}

#[test]
fn power_lost_while_a_loss_is_mended_does_no_harm() {
    if can_trace() {
        twice(Deed::Rotate, 8);
    }
}

#[test]
#[ignore = "a quarter of an hour: all commands that change a vault in its place"]
fn power_lost_twice_in_any_command_does_no_harm() {
    if !can_trace() {
        return;
    }
    for deed in [
        Deed::AccessCreate,
        Deed::AccessRevoke,
        Deed::Create,
        Deed::Delete,
        Deed::Edit,
        Deed::Import,
        Deed::Passphrase,
        Deed::Recover,
        Deed::Rekey,
        Deed::Replace,
        Deed::Revoke,
        Deed::RoleSet,
        Deed::Rotate,
        Deed::Set,
    ] {
        twice(deed, usize::MAX);
    }
}

/// The twin: the journal is gone, and what it put back may not be there.
#[test]
fn what_is_put_back_and_not_synced_is_noticed() {
    if can_trace() {
        let (_, failures) = lose_twice(Deed::Rotate, 8, false);
        assert!(!failures.is_empty(), "without a sync there is no harm");
    }
}
