//! Single bits: after a flip, everything refuses or everything answers as before.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;

use super::{Bench, Outcome, Who, write_private};
use crate::checks;
use crate::crypto::random;

/// Flips the bits that `bits` gives, one at a time, and counts what was refused, unnoticed because it was told the same,
/// and told otherwise.
fn flip(bench: &Bench, name: &str, bits: impl Iterator<Item = usize>) -> [usize; 3] {
    let whole = fs::read(bench.path("vault.db")).expect("a vault");
    let path = bench.path(name);
    write_private(&path, &whole);
    let file = File::options().write(true).open(&path).expect("a copy");
    let holders = [Who::Passphrase, Who::AccessToken].map(|who| bench.open(who));
    let mut counts = [0; 3];
    for bit in bits {
        let at = bit / 8;
        let write = |byte: u8| file.write_all_at(&[byte], at as u64).expect("written");
        write(whole[at] ^ (1 << (bit % 8)));
        for holder in &holders {
            match bench.told(&path, holder) {
                (Outcome::Told, true) => counts[1] += 1,
                (Outcome::Told, false) => {
                    assert!(!checks::on(), "bit {bit} goes unnoticed");
                    counts[2] += 1;
                }
                _ => counts[0] += 1,
            }
        }
        write(whole[at]);
    }
    counts
}

fn bits(bench: &Bench) -> usize {
    let metadata = fs::metadata(bench.path("vault.db")).expect("a vault");
    8 * usize::try_from(metadata.len()).expect("a small file")
}

/// All bits that `step` and `start` give, over both cores.
fn campaign(bench: &Bench, start: usize, step: usize) {
    let end = bits(bench);
    let counts = std::thread::scope(|threads| {
        let half = |name: &'static str, offset: usize| {
            threads.spawn(move || {
                let chosen = (start + offset * step..end).step_by(2 * step);
                flip(bench, name, chosen)
            })
        };
        [half("even.db", 0), half("odd.db", 1)].map(|thread| thread.join().expect("no panic"))
    });
    let [refused, same, _] = [0, 1, 2].map(|column| counts[0][column] + counts[1][column]);
    assert!(refused > 0 && same > 0, "{counts:?}");
}

/// Begins at another bit in each run; what fails names its bit.
#[test]
fn a_flipped_bit_is_noticed_or_means_nothing() {
    let [start] = random::<1>().expect("randomness");
    campaign(&Bench::small(), usize::from(start) % 97, 97);
}

#[test]
#[ignore = "every bit of the file: minutes"]
fn every_flipped_bit_is_noticed_or_means_nothing() {
    campaign(&Bench::small(), 0, 1);
}

#[test]
fn without_checks_a_flipped_bit_hides_a_key() {
    checks::off(|| {
        let bench = Bench::small();
        let whole = fs::read(bench.path("vault.db")).expect("a vault");
        let id = bench.tokens[0].split('_').nth(2).expect("the key id");
        let at = whole
            .windows(id.len())
            .position(|window| window == id.as_bytes())
            .expect("key ids are public");
        let [_, _, otherwise] = flip(&bench, "flipped.db", 8 * at..8 * (at + id.len()));
        assert!(otherwise > 0);
    });
}
