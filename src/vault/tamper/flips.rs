//! Single bits: after a flip, everything refuses or everything answers as before.

mod activity;

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::{Bench, NOW, Outcome, Who, location, shop, unlocked, write_private};
use crate::checks;
use crate::crypto::random;
use crate::vault::{Credential, SliceScopes, Vault, VaultError};

/// The deep check, which costs as much as all else together, looks at one flip of so many.
const DEEP: usize = 16;

/// A copy of a file in which one bit at a time is another.
struct Flipped {
    path: PathBuf,
    whole: Vec<u8>,
    file: File,
}

impl Flipped {
    fn new(from: &Path, to: PathBuf) -> Self {
        let whole = fs::read(from).expect("a file");
        write_private(&to, &whole);
        let file = File::options().write(true).open(&to).expect("a copy");
        Self {
            path: to,
            whole,
            file,
        }
    }

    fn with<T>(&self, bit: usize, look: impl FnOnce(&Path) -> T) -> T {
        let at = bit / 8;
        let write = |byte: u8| self.file.write_all_at(&[byte], at as u64).expect("written");
        write(self.whole[at] ^ (1 << (bit % 8)));
        let seen = look(&self.path);
        write(self.whole[at]);
        seen
    }
}

/// How many flips were refused, unnoticed because the same was told, and told otherwise.
#[derive(Debug, Default)]
struct Counts([usize; 3]);

impl Counts {
    fn add(&mut self, bit: usize, outcome: Outcome, is_same: bool) {
        let column = match (outcome, is_same) {
            (Outcome::Told, true) => 1,
            (Outcome::Told, false) => {
                assert!(!checks::on(), "bit {bit} goes unnoticed");
                2
            }
            _ => 0,
        };
        self.0[column] += 1;
    }
}

/// Flips the bits that `bits` gives, one at a time, and has everybody read all that they can.
fn flip(bench: &Bench, name: &str, bits: impl Iterator<Item = usize>) -> Counts {
    let copy = Flipped::new(&bench.path("vault.db"), bench.path(name));
    let holders = [Who::Passphrase, Who::AccessToken].map(|who| bench.open(who));
    let whole = deep(&copy.path, &holders[0]);
    assert!(whole.is_some());
    let mut counts = Counts::default();
    for (nth, bit) in bits.enumerate() {
        copy.with(bit, |path| {
            let [owners, tokens] = [0, 1].map(|at| bench.told(path, &holders[at]));
            counts.add(bit, owners.0, owners.1);
            counts.add(bit, tokens.0, tokens.1);
            // Its slot is opened, too.
            let answers = bench.read(path, Who::RecoveryCode);
            let is_same = answers
                .as_ref()
                .is_ok_and(|answers| answers == bench.expected(Who::Passphrase));
            counts.add(bit, Outcome::of(&answers), is_same);
            if nth.is_multiple_of(DEEP) {
                let found = deep(path, &holders[0]);
                // It finds all that reading finds, and more.
                let is_same = owners == (Outcome::Told, true) && found == whole;
                let outcome = found.map_or(Outcome::Altered, |_| Outcome::Told);
                counts.add(bit, outcome, is_same);
            }
        });
    }
    counts
}

/// What the deep check tells; nothing where it refuses.
fn deep(path: &Path, owner: &Vault) -> Option<String> {
    let diagnosis = unlocked(path, owner).and_then(|mut vault| vault.diagnose(true, NOW));
    // A refusal has to have a class of its own.
    let _ = Outcome::of(&diagnosis);
    diagnosis.ok().map(|diagnosis| format!("{diagnosis:?}"))
}

/// A slice of all that an access token opens; gives what its holder is told.
fn slice(bench: &Bench) -> (PathBuf, Vec<String>) {
    let path = bench.path("slice.db");
    let wanted = SliceScopes {
        scopes: vec![shop()],
        kind: None,
    };
    let mut owner = bench.open(Who::Passphrase);
    owner.slice(&path, &wanted, false).expect("sliced");
    let answers = read_slice(bench, &path).expect("whole");
    assert!(answers.len() > 2);
    (path, answers)
}

fn read_slice(bench: &Bench, path: &Path) -> Result<Vec<String>, VaultError> {
    let credential = Credential::access_token(&bench.access);
    bench.read_open(Vault::open(&location(path), &credential, NOW)?)
}

/// As [`flip`], of a slice and whoever holds its access token.
fn flip_slice(bench: &Bench, name: &str, bits: impl Iterator<Item = usize>) -> Counts {
    let copy = Flipped::new(&bench.path("slice.db"), bench.path(name));
    let expected = read_slice(bench, &copy.path).expect("whole");
    let mut counts = Counts::default();
    for bit in bits {
        let answers = copy.with(bit, |path| read_slice(bench, path));
        let is_same = answers.as_ref().is_ok_and(|answers| *answers == expected);
        counts.add(bit, Outcome::of(&answers), is_same);
    }
    counts
}

fn bits(path: &Path) -> usize {
    let metadata = fs::metadata(path).expect("a file");
    8 * usize::try_from(metadata.len()).expect("a small file")
}

/// All bits below `end` that `step` and `start` give, over both cores; tells the figures.
#[expect(clippy::print_stderr, reason = "figures of a campaign")]
fn campaign(
    what: &str,
    (start, end, step): (usize, usize, usize),
    flip: impl Fn(&'static str, &mut dyn Iterator<Item = usize>) -> Counts + Sync,
) {
    let counts = std::thread::scope(|threads| {
        let flip = &flip;
        let half = |name: &'static str, offset: usize| {
            threads.spawn(move || {
                let mut chosen = (start + offset * step..end).step_by(2 * step);
                flip(name, &mut chosen)
            })
        };
        [half("even.db", 0), half("odd.db", 1)].map(|thread| thread.join().expect("no panic"))
    });
    let [refused, same, hidden] = [0, 1, 2].map(|column| counts[0].0[column] + counts[1].0[column]);
    let flips = (start..end).step_by(step).count();
    eprintln!(
        "{what}: {flips} flips, {} looks: {refused} refused, {same} told the same, {hidden} another thing",
        refused + same + hidden
    );
    assert!(refused > 0 && same > 0, "{counts:?}");
}

/// Begins at another bit in each run; what fails names its bit.
fn somewhere(step: usize) -> usize {
    let [start] = random::<1>().expect("randomness");
    usize::from(start) % step
}

fn of_a_vault(start: usize, step: usize) {
    let bench = Bench::small();
    let end = bits(&bench.path("vault.db"));
    campaign("a vault", (start, end, step), |name, bits| {
        flip(&bench, name, bits)
    });
}

fn of_a_slice(start: usize, step: usize) {
    let bench = Bench::small();
    let (path, _) = slice(&bench);
    campaign("a slice", (start, bits(&path), step), |name, bits| {
        flip_slice(&bench, name, bits)
    });
}

#[test]
fn a_flipped_bit_is_noticed_or_means_nothing() {
    of_a_vault(somewhere(97), 97);
}

#[test]
fn a_flipped_bit_of_a_slice_is_noticed_or_means_nothing() {
    of_a_slice(somewhere(97), 97);
}

#[test]
#[ignore = "every bit of the file: minutes"]
fn every_flipped_bit_is_noticed_or_means_nothing() {
    of_a_vault(0, 1);
}

#[test]
#[ignore = "every bit of the file: minutes"]
fn every_flipped_bit_of_a_slice_is_noticed_or_means_nothing() {
    of_a_slice(0, 1);
}

/// The bits of the first key's id, which is public.
fn id_bits(bench: &Bench, path: &Path) -> std::ops::Range<usize> {
    let whole = fs::read(path).expect("a file");
    let id = bench.tokens[0].split('_').nth(2).expect("the key id");
    let at = whole
        .windows(id.len())
        .position(|window| window == id.as_bytes())
        .expect("key ids are public");
    8 * at..8 * (at + id.len())
}

#[test]
fn without_checks_a_flipped_bit_hides_a_key() {
    checks::off(|| {
        let bench = Bench::small();
        let bits = id_bits(&bench, &bench.path("vault.db"));
        let Counts([_, _, otherwise]) = flip(&bench, "flipped.db", bits);
        assert!(otherwise > 0);
    });
}

#[test]
fn without_checks_a_flipped_bit_hides_a_key_of_a_slice() {
    checks::off(|| {
        let bench = Bench::small();
        let (path, _) = slice(&bench);
        let bits = id_bits(&bench, &path);
        let Counts([_, _, otherwise]) = flip_slice(&bench, "flipped.db", bits);
        assert!(otherwise > 0);
    });
}
