//! Loss of power: what a command did to the disk is recorded, and done again up to any of its steps, with what was not
//! synced by then lost, kept or torn. Whatever disk that leaves, the vault opens on it, with all of the command or nothing;
//! and with all of it once the command has said so.

pub(crate) mod disk;
mod random;
mod recovery;
mod states;
pub(crate) mod trace;
mod twin;
pub(crate) mod uses;

use self::disk::{Node, Tree};
use self::states::{State, States};
use self::trace::{Step, Stream};
use crate::deed::{Deed, every_deed};
use crate::rig::{Home, Outcome, can_trace};
use crate::scene::{Effect, Scene, Wrong, ensure, report};

/// Of all numbers that are drawn here.
const SEED: u64 = 7;

/// Fewest disks of a command.
const LEAST: usize = 300;

/// How many of them the short form tries.
const SHORT: usize = 9;

/// Every how many disks the whole program runs on one; between them the library alone looks, which is faster.
const STRIDE: usize = 10;

/// In memory where there is a place for it: the disks are models, and a real one would only take its time.
fn scene(deed: Deed) -> Scene {
    let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir());
    let folder = folder.expect("a folder");
    Scene::with(deed, Home::new(folder.path()), folder)
}

/// A command that was recorded, and how the disk was before it.
struct Replay {
    scene: Scene,
    deed: Deed,
    base: Tree,
    steps: Vec<Step>,
}

impl Replay {
    fn of(deed: Deed) -> Self {
        let scene = scene(deed);
        let mut base = Tree::read(&scene.home.path);
        let (outcome, steps) = scene.home.record(deed.args(), deed.input(), &mut base);
        assert!(outcome.is_done(), "{deed:?} under strace: {outcome:?}");
        let replay = Self {
            scene,
            deed,
            base,
            steps,
        };
        let said = replay.said(replay.steps.len());
        assert_eq!(said.stdout, outcome.stdout, "all of it was recorded");
        assert_eq!(said.stderr, outcome.stderr, "all of it was recorded");
        replay
    }

    fn states(&self) -> States {
        States::of(&self.base, &self.steps, LEAST, SEED, |done| {
            let said = self.said(done);
            u64::from(said.is_done()) + 2 * u64::from(said.token().is_some())
        })
    }

    /// What the command had said when the power went. It is done when it has said so: with the first words after its
    /// last change.
    fn said(&self, done: usize) -> Outcome {
        let is_word = |step: &Step| matches!(step, Step::Said { .. });
        let changed = self.steps.iter().rposition(|step| !is_word(step));
        let after = changed.map_or(0, |last| last + 1);
        let is_done = done == self.steps.len() || done > after;
        let text = |wanted| {
            let words = self.steps[..done].iter().filter_map(|step| match step {
                Step::Said { stream, text } if *stream == wanted => Some(text.as_str()),
                _ => None,
            });
            words.collect()
        };
        Outcome {
            code: is_done.then_some(0),
            stdout: text(Stream::Output),
            stderr: text(Stream::Error),
        }
    }

    /// Puts the disk in its place, and looks at what is there.
    fn check(&self, tree: &Tree, outcome: &Outcome, thoroughly: bool) -> Result<(), Wrong> {
        tree.write(&self.scene.home.path);
        let effect = if thoroughly {
            self.scene.check(outcome)?
        } else {
            self.scene.check_within(outcome)?
        };
        if self.deed.prints_token() && outcome.token().is_some() {
            ensure(
                effect != Effect::Nothing,
                "a token was printed and not saved",
            )?;
        }
        if thoroughly {
            self.scene.check_again(effect, outcome)?;
        }
        Ok(())
    }

    /// What went wrong on the disks that `picks` takes by their numbers, and how many there were.
    fn failures(&self, states: &States, picks: impl Fn(usize) -> bool) -> (usize, Vec<String>) {
        let picked: Vec<(usize, &State)> = states
            .chosen
            .iter()
            .enumerate()
            .filter(|(number, _)| picks(*number))
            .collect();
        let failed = picked.iter().filter_map(|(number, state)| {
            let outcome = self.said(state.done);
            let tree = states.tree(state);
            let wrong = self.check(&tree, &outcome, number % STRIDE == 0).err()?;
            Some(format!(
                "disk {number} of seed {SEED}: {wrong}\n    {}; {}\n    {outcome:?}",
                self.moment(state.done),
                states.describe(state, |node| self.name(node))
            ))
        });
        let failed = failed.collect();
        (picked.len(), failed)
    }

    fn moment(&self, done: usize) -> String {
        let text = match done.checked_sub(1).map(|last| &self.steps[last]) {
            None => "it began".to_owned(),
            Some(Step::Names { changed, .. }) => format!("the names {changed:?}"),
            Some(Step::Resize { file, length }) => format!("{} got {length}", self.name(*file)),
            Some(Step::Said { text, .. }) => format!("it said {text:?}"),
            Some(Step::Sync(node)) => format!("{} was synced", self.name(*node)),
            Some(Step::Write { file, offset, .. }) => {
                format!("{} was written at {offset}", self.name(*file))
            }
        };
        format!(
            "the power went after step {done} of {}: {text}",
            self.steps.len()
        )
    }

    /// The first path that a file or a folder had.
    fn name(&self, node: Node) -> String {
        let mut paths = self.base.paths();
        for step in &self.steps {
            if let Step::Names { folder, changed } = step {
                for (name, node) in changed {
                    let path = paths[folder].join(name);
                    node.map(|node| paths.entry(node).or_insert(path));
                }
            }
        }
        paths[&node].display().to_string()
    }
}

fn short(deed: Deed) {
    if can_trace() {
        let replay = Replay::of(deed);
        let states = replay.states();
        // From the beginning of the command to its end, and of those by chance.
        let every = states.chosen.len().div_ceil(SHORT);
        run(&replay, &states, |number| {
            // Whether what was said holds is asked in any case: there is little to lose then, and so few of them.
            number % every == deed as usize % every
                || replay.said(states.chosen[number].done).is_done()
        });
    }
}

fn all(deed: Deed) {
    if can_trace() {
        let replay = Replay::of(deed);
        let states = replay.states();
        assert!(states.chosen.len() >= LEAST, "{deed:?}: too few disks");
        run(&replay, &states, |_| true);
    }
}

fn run(replay: &Replay, states: &States, picks: impl Fn(usize) -> bool) {
    let (count, failures) = replay.failures(states, picks);
    figures(&format!("{:?}", replay.deed), count, states, &failures);
    report(replay.deed, count, &failures);
}

#[expect(clippy::print_stderr, reason = "figures of a campaign")]
fn figures(what: &str, count: usize, states: &States, failures: &[String]) {
    eprintln!(
        "{what}: {count} disks of {}, {} of them not by chance, seed {SEED}: {} failures",
        states.chosen.len(),
        states.systematic,
        failures.len()
    );
}

every_deed!(all, "some minutes: at least 300 disks of each command");

macro_rules! short {
    ($($name:ident: $deed:ident)*) => {$(
        #[test]
        fn $name() {
            short(Deed::$deed);
        }
    )*};
}

short! {
    power_lost_in_an_access_revoke_leaves_the_token_or_a_scope_it_does_not_open: AccessRevoke
    power_lost_in_a_backup_leaves_no_copy_or_a_whole_one: Backup
    power_lost_in_a_create_leaves_no_key_or_an_undelivered_one_or_a_printed_one: Create
    power_lost_in_a_create_into_a_file_leaves_no_key_that_works_without_its_token_there: CreateOut
    power_lost_in_a_delete_leaves_the_key_or_nothing_of_it: Delete
    power_lost_in_an_edit_leaves_the_key_as_it_was_or_all_of_the_edit: Edit
    power_lost_in_an_import_leaves_all_of_the_document_or_nothing_of_it: Import
    power_lost_in_an_import_takes_its_source_only_after_every_value_is_in_the_vault: ImportSource
    power_lost_in_an_init_leaves_no_vault_or_a_whole_one: Init
    power_lost_in_a_change_of_the_passphrase_leaves_the_old_one_or_the_new_one: Passphrase
    power_lost_in_a_recovery_leaves_the_old_passphrase_or_the_new_one: Recover
    power_lost_in_a_refresh_leaves_the_slice_as_it_was_or_all_of_the_new_one: Refresh
    power_lost_in_a_rekeying_leaves_all_under_the_old_keys_or_all_under_the_new: Rekey
    power_lost_in_a_replacement_leaves_the_old_value_or_both: Replace
    power_lost_in_a_restore_leaves_the_vault_as_it_was_or_the_backup_and_what_was_there: Restore
    power_lost_in_a_revoke_leaves_the_key_as_it_was_or_revoked: Revoke
    power_lost_in_a_change_of_a_role_leaves_the_role_and_its_keys_in_agreement: RoleSet
    power_lost_in_a_rotate_never_ends_the_old_token_before_the_new_one_is_out: Rotate
    power_lost_in_a_set_leaves_no_key_or_its_value: Set
}
