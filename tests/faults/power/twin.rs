//! The twins: the same disks, had something not been synced. If these did no harm, the campaign would see none.

use super::Replay;
use crate::deed::{Deed, every_deed};
use crate::power::trace::Step;
use crate::rig::can_trace;

impl Replay {
    /// As if those syncs had not been that `is_lost` takes by the path and the step before.
    pub(super) fn without_syncs(mut self, is_lost: impl Fn(&str, &Step) -> bool) -> Self {
        let kept = self
            .steps
            .iter()
            .enumerate()
            .filter(|(index, step)| match step {
                Step::Sync(node) => {
                    !is_lost(&self.name(*node), &self.steps[index.saturating_sub(1)])
                }
                _ => true,
            });
        let kept: Vec<Step> = kept.map(|(_, step)| step.clone()).collect();
        assert!(kept.len() < self.steps.len(), "nothing of it was synced");
        self.steps = kept;
        self
    }

    /// The first harm that is found.
    fn harm(&self) -> Option<String> {
        let states = self.states();
        // From the end of the command on, where most was done; and only then by chance.
        let (systematic, by_chance) =
            (0..states.systematic, states.systematic..states.chosen.len());
        systematic.rev().chain(by_chance).find_map(|number| {
            let (_, failures) = self.failures(&states, |picked| picked == number);
            failures.into_iter().next()
        })
    }
}

/// What SQLite syncs: all but the anchors.
fn is_sqlite(path: &str, _: &Step) -> bool {
    !path.contains(".local/state")
}

/// With `synchronous=OFF`, SQLite syncs nothing.
fn off(deed: Deed) {
    if !can_trace() {
        return;
    }
    let harm = Replay::of(deed).without_syncs(is_sqlite).harm();
    assert!(
        harm.is_some(),
        "{deed:?}: with nothing synced there is no harm"
    );
}

#[test]
fn power_lost_with_synchronous_off_is_noticed() {
    off(Deed::Replace);
    off(Deed::Rotate);
}

every_deed!(off, "a minute: every command without its syncs");

/// With `synchronous=FULL`, the journal may come back after the answer, and take the change away.
#[test]
fn a_commit_whose_folder_is_not_synced_is_noticed() {
    if can_trace() {
        let replay = Replay::of(Deed::Set).without_syncs(|path, before| {
            let unlinked = matches!(before, Step::Names { changed, .. } if changed[0].1.is_none());
            path == ".config/keywright" && unlinked
        });
        let harm = replay.harm().expect("harm");
        assert!(harm.contains("is older (change 7)"), "{harm}");
    }
}

/// The new vault's name may be kept, and the second one of what it replaced lost.
#[test]
fn a_second_name_that_is_not_synced_before_the_first_is_taken_is_noticed() {
    if can_trace() {
        let replay = Replay::of(Deed::Restore).without_syncs(|path, before| {
            let kept = matches!(before, Step::Names { changed, .. } if changed[0].0.contains(".before-restore-"));
            path == ".config/keywright" && kept
        });
        let harm = replay.harm().expect("harm");
        assert!(harm.contains("what was there is not kept"), "{harm}");
    }
}

#[test]
fn an_anchor_that_is_not_synced_is_noticed() {
    if can_trace() {
        let replay = Replay::of(Deed::Set).without_syncs(|path, _| path.ends_with(".new"));
        let harm = replay.harm().expect("harm");
        assert!(harm.contains("anchor"), "{harm}");
    }
}

/// As a program would leave it that prints a token first and saves it then.
#[test]
fn a_token_that_is_printed_before_it_is_saved_is_noticed() {
    if can_trace() {
        let mut replay = Replay::of(Deed::Create);
        let is_word = |step: &Step| matches!(step, Step::Said { .. });
        let word = replay.steps.iter().position(is_word).expect("a token");
        let word = replay.steps.remove(word);
        replay.steps.insert(0, word);
        let harm = replay.harm().expect("harm");
        assert!(harm.contains("not saved"), "{harm}");
    }
}
