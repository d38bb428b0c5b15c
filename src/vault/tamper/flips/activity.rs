//! Bits of the activity file. Nobody vouches for its counts. A use that is told was recorded so, and one that is not told
//! any more is missed: by whoever reads, or by the deep check, which looks at the pages, too.

use std::fs;
use std::path::PathBuf;

use rusqlite::Connection;
use tempfile::TempDir;

use super::super::events::Told;
use super::super::{Life, NOW, bank, location, shop, who, write_private};
use super::{bits, somewhere};
use crate::checks;
use crate::crypto::{Passphrase, Profile, Secret};
use crate::vault::{Location, Requirements, Trouble, Vault, VaultError};

/// A vault whose keys were used, and what was recorded of that.
struct Used {
    folder: TempDir,
    life: Life,
    told: Told,
}

/// What became of a flip.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Fate {
    /// The same is told.
    Same,
    /// Whoever reads is told that something is wrong.
    Told,
    /// Only the deep check finds fault.
    Found,
    /// A use is missing, and nobody says so.
    Lost,
    /// A use is told that never was.
    Invented,
}

impl Used {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let passphrase = Passphrase::new(Secret::new(b"horse".to_vec())).expect("a passphrase");
        let location = Location {
            activity: Some(folder.path().join("activity.db")),
            ..location(&folder.path().join("vault.db"))
        };
        let vault = Vault::create(&location, &passphrase, Profile::Test, &who(), NOW);
        let mut life = Life::of(vault.expect("a new vault"));
        life.issue("ci", &shop());
        life.issue("ci", &bank());
        let nothing = Requirements::default();
        for number in [0, 0, 1] {
            let token = Secret::new(life.tokens[number].as_bytes().to_vec());
            let verdict = life.vault.verify(&token, &nothing, true, &who(), NOW);
            verdict.expect("answered");
        }
        let mut used = Self {
            folder,
            life,
            told: Told::default(),
        };
        used.told = used.tell().expect("whole");
        assert_eq!((used.told.uses.len(), used.told.unopened), (6, 0));
        used
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The file and its write-ahead log as they are after a few uses.
    fn files(&mut self) -> [Vec<u8>; 2] {
        self.life.vault.activity = None;
        ["activity.db", "activity.db-wal"].map(|name| fs::read(self.path(name)).expect("there"))
    }

    /// The same once the log was copied back.
    fn file(&mut self) -> Vec<u8> {
        self.life.vault.activity = None;
        let connection = Connection::open(self.path("activity.db")).expect("a database");
        let copied = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
        copied.expect("copied back");
        drop(connection);
        fs::read(self.path("activity.db")).expect("there")
    }

    /// Puts files in its place, and looks at them.
    fn look(&mut self, file: &[u8], log: Option<&[u8]>) -> Fate {
        self.life.vault.activity = None;
        for side in ["activity.db-wal", "activity.db-shm"] {
            // There need be none.
            let _ = fs::remove_file(self.path(side));
        }
        write_private(&self.path("activity.db"), file);
        if let Some(log) = log {
            write_private(&self.path("activity.db-wal"), log);
        }
        let after = match self.tell() {
            Err(VaultError::Activity(_)) => return Fate::Told,
            after => after.expect("no other refusal"),
        };
        let is_known = |told: &String| self.told.uses.contains(told);
        if !after.uses.iter().all(is_known) {
            Fate::Invented
        } else if after.unopened > 0 {
            Fate::Told
        } else if after == self.told {
            Fate::Same
        } else if self.is_found() {
            Fate::Found
        } else {
            Fate::Lost
        }
    }

    fn tell(&mut self) -> Result<Told, VaultError> {
        Told::by(&mut self.life.vault)
    }

    fn is_found(&mut self) -> bool {
        let mut troubles = match self.life.vault.diagnose(true, NOW) {
            Err(VaultError::Activity(_)) => return true,
            diagnosis => diagnosis.expect("a whole vault").of_vault.into_iter(),
        };
        troubles.any(|it| matches!(it, Trouble::Activity(_) | Trouble::ClosedEvents { .. }))
    }
}

/// How many flips had each fate, in the order of [`Fate`].
fn flips(start: usize, step: usize) -> [usize; 5] {
    let mut used = Used::new();
    let whole = used.file();
    assert_eq!(used.look(&whole, None), Fate::Same);
    let end = bits(&used.path("activity.db"));
    let mut counts = [0; 5];
    for bit in (start..end).step_by(step) {
        let fate = used.look(&flipped(&whole, bit), None);
        let is_fine = !matches!(fate, Fate::Invented | Fate::Lost);
        assert!(is_fine || !checks::on(), "bit {bit}: {fate:?}");
        counts[fate as usize] += 1;
    }
    counts
}

fn flipped(whole: &[u8], bit: usize) -> Vec<u8> {
    let mut bytes = whole.to_vec();
    bytes[bit / 8] ^= 1 << (bit % 8);
    bytes
}

#[expect(clippy::print_stderr, reason = "figures of a campaign")]
fn campaign(start: usize, step: usize) {
    let counts = flips(start, step);
    let [same, told, found, lost, invented] = counts;
    eprintln!(
        "an activity file: {} flips: {told} told, {found} found by the deep check, {same} mean nothing, {lost} hide a \
         use, {invented} invent one",
        counts.iter().sum::<usize>()
    );
    assert!(counts[..2].iter().all(|count| *count > 0), "{counts:?}");
}

#[test]
fn a_flipped_bit_of_the_activity_file_invents_no_use_and_hides_none() {
    campaign(somewhere(193), 193);
}

#[test]
#[ignore = "every bit of the file: minutes"]
fn no_flipped_bit_of_the_activity_file_invents_a_use_or_hides_one() {
    campaign(0, 1);
}

/// SQLite takes a log for ended where it does not add up, as after a loss of power: what is behind that is gone.
#[test]
fn a_flipped_bit_of_the_write_ahead_log_invents_no_use() {
    let mut used = Used::new();
    let [file, log] = used.files();
    assert_eq!(used.look(&file, Some(&log)), Fate::Same);
    for bit in (somewhere(997)..8 * log.len()).step_by(997) {
        let fate = used.look(&file, Some(&flipped(&log, bit)));
        assert_ne!(fate, Fate::Invented, "bit {bit}");
    }
}

/// Of the bits of an event's time the cipher is told, and of those of a count nobody.
#[test]
fn without_checks_a_flipped_bit_moves_a_use() {
    checks::off(|| {
        let mut used = Used::new();
        let whole = used.file();
        let time = NOW.0.to_be_bytes();
        let mut places = whole.windows(4).enumerate();
        let moved = places.any(|(at, bytes)| {
            bytes == &time[4..] && used.look(&flipped(&whole, 8 * (at + 3)), None) == Fate::Invented
        });
        assert!(moved);
    });
}
