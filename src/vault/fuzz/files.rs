//! Whole files of a vault: the golden ones, with edits.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::{NOW, scope_of};
use crate::crypto::Secret;
use crate::key::{Actor, KeyRef, Span};
use crate::vault::{
    AccessToken, AuditFilter, Credential, Filter, Found, KeyUsage, Location, RecoveryCode,
    Requirements, Retention, Tally, Vault, VaultError, Wanted,
};

/// The golden files of format 1, and what opens them at little cost.
pub(crate) struct Bench {
    folder: PathBuf,
    access: AccessToken,
    code: RecoveryCode,
    tokens: Vec<Secret>,
    /// What the owner is told of the vault, and the token holder of the vault and of its slice.
    told: [Vec<String>; 3],
}

const FILES: [&[u8]; 3] = [
    include_bytes!("../../../tests/vectors/format-1/vault.db"),
    include_bytes!("../../../tests/vectors/format-1/vault.db"),
    include_bytes!("../../../tests/vectors/format-1/slice.vault"),
];
const USES: &[u8] = include_bytes!("../../../tests/vectors/format-1/activity.db");

impl Bench {
    /// With its copies in this folder.
    pub(crate) fn new(folder: &Path) -> Self {
        let known = include_str!("../../../tests/vectors/format-1/known.txt");
        let known = |name: &str| {
            let mut lines = known.lines().filter_map(|line| line.split_once(' '));
            let (_, text) = lines
                .find(|(known, _)| *known == name)
                .expect("it is there");
            Secret::copied(text.as_bytes())
        };
        let mut bench = Self {
            folder: folder.to_owned(),
            access: AccessToken::read(&known("access-token")).expect("an access token"),
            code: RecoveryCode::read(&known("recovery-code")).expect("a recovery code"),
            tokens: ["token-1", "token-2", "token-revoked"].map(known).into(),
            told: Default::default(),
        };
        bench.told = [0, 1, 2].map(|which| bench.read(which, FILES[which]).expect("whole"));
        assert!(bench.told.iter().all(|told| told.len() > 4));
        bench
    }

    /// Another file than the whole one is refused, or nobody is told anything else.
    pub(crate) fn vault(&self, data: &[u8]) -> bool {
        let (which, edits) = match data.split_first() {
            Some((which, edits)) => (usize::from(*which) % 3, edits),
            None => (0, data),
        };
        match self.read(which, &edited(FILES[which], edits)) {
            Ok(told) => {
                assert_eq!(told, self.told[which]);
                true
            }
            Err(err) => {
                assert!(!err.to_string().is_empty());
                false
            }
        }
    }

    fn location(&self, activity: Option<PathBuf>) -> Location {
        Location {
            vault: self.folder.join("vault.db"),
            // What an edit leaves must show in the file itself.
            state: PathBuf::from("/dev/null/no-state"),
            activity,
            accept_rollback: false,
            audit_required: false,
            retention: Retention::default(),
        }
    }

    fn open(&self, which: usize, activity: Option<PathBuf>) -> Result<Vault, VaultError> {
        let credential = if which == 0 {
            Credential::RecoveryCode(&self.code)
        } else {
            Credential::access_token(&self.access)
        };
        Vault::open(&self.location(activity), &credential, NOW)
    }

    /// Reads all that there is to read.
    fn read(&self, which: usize, file: &[u8]) -> Result<Vec<String>, VaultError> {
        write(&self.folder.join("vault.db"), file);
        let _ = Vault::outline(&self.folder.join("vault.db"));
        let mut vault = self.open(which, None)?;
        let mut told = Vec::new();
        for found in vault.list(&Filter::default(), NOW)? {
            told.push(format!(
                "{} {} {:?}",
                found.is_default,
                found.display(),
                found.key
            ));
        }
        for token in &self.tokens {
            let wanted = Requirements::default();
            let verdict = vault.verify(token, &wanted, false, &who(), NOW)?;
            told.push(format!("{:?} {:?}", verdict.code, verdict.generation));
        }
        if which == 0 {
            let found = self.find(&mut vault, "openai")?;
            for previous in [false, true] {
                let value = vault.value(&found, previous, &who(), NOW)?;
                told.push(format!("{:?}", value.expose()));
            }
            told.extend(vault.log()?.iter().map(|entry| format!("{entry:?}")));
            for role in vault.roles()? {
                told.push(format!("{:?}", role.role));
            }
            for token in vault.access_tokens()? {
                told.push(format!("{token:?}"));
            }
            let diagnosis = vault.diagnose(true, NOW)?;
            told.push(format!("{:?}", diagnosis.examined));
        }
        Ok(told)
    }

    fn find(&self, vault: &mut Vault, name: &str) -> Result<Found, VaultError> {
        let reference: KeyRef = name.parse().expect("a name");
        let scope = scope_of("shop", "production");
        vault.find(Wanted::Named(&reference), &scope, true)
    }

    /// Another activity file: what is asked of it is answered or refused, and the keys are there all the same.
    pub(crate) fn activity(&self, data: &[u8]) -> bool {
        let path = self.folder.join("uses.db");
        for side in ["uses.db-wal", "uses.db-shm", "uses.db-journal"] {
            let _ = fs::remove_file(self.folder.join(side));
        }
        write(&self.folder.join("vault.db"), FILES[0]);
        write(&path, &edited(USES, data));
        let mut vault = self.open(0, Some(path)).expect("whole");
        let keys = vault.list(&Filter::default(), NOW).expect("keys");
        assert_eq!(keys.len(), 3);
        let asked = self.ask(&mut vault, &keys);
        let wanted = Requirements::default();
        let recorded = vault.verify(&self.tokens[0], &wanted, true, &who(), NOW);
        let recorded = recorded.expect("an answer, for nothing requires that it is recorded");
        assert!(recorded.key.is_some());
        vault.prune_activity(NOW);
        let _ = vault.take_warnings();
        asked.is_ok()
    }

    fn ask(&self, vault: &mut Vault, keys: &[Found]) -> Result<(), VaultError> {
        let diagnosis = vault.diagnose(true, NOW)?;
        let usage = vault.usage_by_day(0);
        if let Ok(usage) = &usage {
            for counts in usage.keys.values().chain([&usage.strangers]) {
                let _ = Tally::of(counts);
            }
        }
        for found in keys {
            let Ok(usage) = vault.usage_of(found, 0, KeyUsage::EVENTS) else {
                continue;
            };
            for generation in &found.key.generations {
                let number = generation.number;
                let _ = usage.since_rotation(&found.key, number);
                let _ = (usage.last_used_of(number), usage.of_generation(number));
                let _ = vault.used_within(found, number, Span::days(30), NOW);
            }
        }
        let scope = scope_of("shop", "production");
        let filter = AuditFilter::default();
        let (audit, mut mark) = vault.audit(None, &scope, &filter)?;
        for entry in &audit.entries {
            let _ = format!("{entry:?} {}", entry.at);
        }
        vault.audit_after(&mut mark, &filter)?;
        vault.access_tokens()?;
        usage?;
        let files = diagnosis.of_vault.iter();
        files.for_each(|trouble| drop(format!("{trouble:?}")));
        Ok(())
    }
}

fn who() -> Actor {
    "tester".parse().expect("an actor")
}

/// Never deleted and made again: that would be most of a case's time.
fn write(path: &Path, bytes: &[u8]) {
    let mut options = File::options();
    options.write(true).create(true).truncate(true).mode(0o600);
    let mut file = options.open(path).expect("a file");
    file.write_all(bytes).expect("written");
}

/// A file of pages with edits of five bytes each: what, where (two bytes, and two that are put there or say how much). What
/// begins as a database does is the whole file.
fn edited(whole: &[u8], edits: &[u8]) -> Vec<u8> {
    const PAGE: usize = 4096;
    if edits.starts_with(b"SQLite format 3") {
        return edits.to_vec();
    }
    let mut file = whole.to_vec();
    for edit in edits.as_chunks::<5>().0 {
        let [what, low, high, one, other] = *edit;
        if file.len() < PAGE {
            break;
        }
        let at = usize::from(u16::from_le_bytes([low, high])) % (file.len() - 1);
        let pages = file.len() / PAGE;
        match what % 8 {
            0 => file[at] = one,
            1 => file[at] ^= 1 << (one % 8),
            2 => file[at..at + 2].copy_from_slice(&[one, other]),
            3 => file[at] = file[at].wrapping_add(one),
            // Within the header of a page, where most of what SQLite believes is.
            4 => {
                let place = at / PAGE * PAGE + usize::from(one) % 128;
                // The last page may be one that was cut or begun.
                if let Some(byte) = file.get_mut(place) {
                    *byte = other;
                }
            }
            5 => {
                let (from, to) = (usize::from(one) % pages, usize::from(other) % pages);
                file.copy_within(from * PAGE..(from + 1) * PAGE, to * PAGE);
            }
            6 => {
                let end = file.len().min(at + usize::from(one));
                file[at..end].fill(other);
            }
            _ if other.is_multiple_of(2) => file.truncate(at / PAGE * PAGE),
            _ => file.resize(file.len() + usize::from(one), other),
        }
    }
    file
}
