//! Which of the many disks are tried that a loss of power may leave.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use crate::power::disk::{At, Disk, Part, Tree};
use crate::power::random::Random;
use crate::power::trace::Step;

/// After how many disks that were there already no new ones are looked for.
const PATIENCE: usize = 2_000;

/// One disk, and when the power went.
pub(crate) struct State {
    /// How many steps were done.
    pub(crate) done: usize,
    versions: Vec<usize>,
    /// What shows where a length was kept without its bytes: zeros, or this seed's noise.
    noise: Option<u64>,
}

/// A moment at which the power may go.
struct Moment {
    disk: Disk,
    parts: Vec<Part>,
    done: usize,
    /// The next step is a sync, or there is none: never is there more to lose.
    is_ripe: bool,
}

/// All moments of a command, and the disks that were chosen of them.
pub(crate) struct States {
    moments: Vec<Moment>,
    pub(crate) chosen: Vec<State>,
    /// How many of them are not there by chance.
    pub(crate) systematic: usize,
    seen: HashSet<u64>,
}

impl States {
    /// Nothing kept, all kept, each part alone kept or lost; then chance, until there are `least`, and a third more than
    /// those that are not by chance. `is_other` tells moments apart that differ in more than the disk.
    pub(crate) fn of(
        base: &Tree,
        steps: &[Step],
        least: usize,
        seed: u64,
        is_other: impl Fn(usize) -> u64,
    ) -> Self {
        let mut states = Self {
            moments: moments(base, steps),
            chosen: Vec::new(),
            systematic: 0,
            seen: HashSet::new(),
        };
        for index in 0..states.moments.len() {
            for versions in states.moments[index].systematic() {
                states.add(index, versions, None, &is_other);
            }
        }
        states.systematic = states.chosen.len();
        let least = least.max(states.systematic * 4 / 3);
        let mut random = Random::new(seed);
        let unsure = states.moments.iter().filter(|it| !it.parts.is_empty());
        let unsure: Vec<usize> = unsure.map(|moment| moment.done).collect();
        let mut known = 0;
        while states.chosen.len() < least && known < PATIENCE {
            let index = unsure[random.below(unsure.len())];
            let versions = states.moments[index].by_chance(&mut random);
            let noise = (random.below(2) == 0).then(|| random.next());
            if !states.add(index, versions, noise, &is_other) {
                known += 1;
            }
        }
        states
    }

    /// Says whether it was a new one.
    fn add(
        &mut self,
        index: usize,
        versions: Vec<usize>,
        noise: Option<u64>,
        is_other: impl Fn(usize) -> u64,
    ) -> bool {
        let moment = &self.moments[index];
        let mut hasher = DefaultHasher::new();
        is_other(moment.done).hash(&mut hasher);
        let tree = moment.disk.with(&moment.parts, &versions, noise);
        tree.hash(&mut hasher);
        let is_new = self.seen.insert(hasher.finish());
        if is_new {
            let done = moment.done;
            self.chosen.push(State {
                done,
                versions,
                noise,
            });
        }
        is_new
    }

    /// The disk of one of them.
    pub(crate) fn tree(&self, state: &State) -> Tree {
        let moment = &self.moments[state.done];
        moment
            .disk
            .with(&moment.parts, &state.versions, state.noise)
    }

    /// What is lost in one of them, for people.
    pub(crate) fn describe(&self, state: &State, name: impl Fn(usize) -> String) -> String {
        let parts = &self.moments[state.done].parts;
        let lost: Vec<String> = parts
            .iter()
            .zip(&state.versions)
            .filter(|(part, version)| **version < part.latest)
            .map(|(part, version)| {
                let (name, latest) = (name(part.node), part.latest);
                format!(
                    "{name} {:?} has version {version:#b} of {latest:#b}",
                    part.at
                )
            })
            .collect();
        let noise = state.noise.map_or("zeros", |_| "noise");
        format!(
            "{} of {} parts lost ({}), {noise}",
            lost.len(),
            parts.len(),
            lost.join(", ")
        )
    }
}

/// Before the first step, and after each.
fn moments(base: &Tree, steps: &[Step]) -> Vec<Moment> {
    let mut disk = Disk::new(base);
    (0..=steps.len())
        .map(|done| {
            if let Some(last) = done.checked_sub(1) {
                disk.apply(&steps[last]);
            }
            Moment {
                parts: disk.parts(),
                disk: disk.clone(),
                done,
                is_ripe: matches!(steps.get(done), None | Some(Step::Sync(_))),
            }
        })
        .collect()
}

impl Moment {
    fn systematic(&self) -> Vec<Vec<usize>> {
        let nothing = vec![0; self.parts.len()];
        let all: Vec<usize> = self.parts.iter().map(|part| part.latest).collect();
        let mut found = vec![nothing.clone(), all.clone()];
        // One part of one and the rest of the other.
        let mut mix = |is_one: &dyn Fn(&Part) -> bool| {
            for (one, other) in [(&nothing, &all), (&all, &nothing)] {
                let places = self.parts.iter().zip(one.iter().zip(other));
                let mixed =
                    places.map(|(part, (one, other))| *if is_one(part) { one } else { other });
                found.push(mixed.collect());
            }
        };
        let mut nodes: Vec<usize> = self.parts.iter().map(|part| part.node).collect();
        nodes.dedup();
        for node in nodes {
            mix(&|part| part.node == node);
        }
        mix(&|part| part.at == At::Names);
        mix(&|part| part.at == At::Length);
        for single in &self.parts {
            if self.is_ripe || single.at == At::Names {
                mix(&|part| part.node == single.node && part.at == single.at);
            }
        }
        for (index, part) in self.parts.iter().enumerate() {
            for version in part.between() {
                for rest in [&nothing, &all] {
                    let mut between = rest.clone();
                    between[index] = version;
                    if self.is_ripe || part.at == At::Names {
                        found.push(between);
                    }
                }
            }
        }
        found
    }

    fn by_chance(&self, random: &mut Random) -> Vec<usize> {
        // Nearly nothing, half, or nearly all of it is lost.
        let lost = [1, 4, 7][random.below(3)];
        self.parts
            .iter()
            .map(|part| {
                if random.below(8) < lost {
                    random.below(part.latest)
                } else {
                    part.latest
                }
            })
            .collect()
    }
}
