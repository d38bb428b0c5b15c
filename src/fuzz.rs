//! What fuzzing hands bytes to: a harness for each thing that is read from outside, with what has to hold of any bytes.
//! `fuzz/run` drives them by coverage; the tests here do by chance, from the corpus on. No other build has them.

use std::path::Path;

use crate::crypto::{Secret, SecretValue};
use crate::exchange::{Json, Values, read_dotenv, read_json};
use crate::handover::formats::{Format, Variable};
use crate::key::{KeyName, VariableName};
use crate::vault::fuzz::Bench;
use crate::{agent, crypto, serve, settings, vault};

#[cfg(all(fuzzing, not(debug_assertions)))]
compile_error!("fuzzing without debug assertions finds no overflow");

/// Takes one case, and tells whether what it stands for was accepted. Panics where something is not as it has to be.
pub type Harness = Box<dyn FnMut(&[u8]) -> bool>;

/// All there are.
pub const TARGETS: [&str; 11] = [
    "activity",
    "agent",
    "config",
    "dotenv",
    "http",
    "json_import",
    "project_file",
    "record",
    "slot",
    "token",
    "vault",
];

/// The harness of a target, which writes its files into `folder`; `None` where there is no such target.
pub fn harness(target: &str, folder: &Path) -> Option<Harness> {
    let path = folder.join(target);
    Some(match target {
        "activity" => {
            let bench = Bench::new(folder);
            Box::new(move |data| bench.activity(data))
        }
        "agent" => Box::new(agent::fuzz::frame),
        "config" => Box::new(move |data| settings::fuzz::config(&path, data)),
        "dotenv" => Box::new(dotenv),
        "http" => {
            let served = serve::fuzz::Served::new(folder);
            Box::new(move |data| serve::fuzz::request(&served, data))
        }
        "json_import" => Box::new(json_import),
        "project_file" => Box::new(move |data| settings::fuzz::project_file(&path, data)),
        "record" => Box::new(vault::fuzz::sealed),
        "slot" => Box::new(crypto::fuzz::slot),
        "token" => Box::new(crypto::fuzz::token),
        "vault" => {
            let bench = Bench::new(folder);
            Box::new(move |data| bench.vault(data))
        }
        _ => return None,
    })
}

/// What is read of a dotenv file is read again of the dotenv file that is written of it.
fn dotenv(data: &[u8]) -> bool {
    let read = match read_dotenv(&Secret::copied(data)) {
        Ok(read) => read,
        Err(err) => {
            assert!(!err.to_string().is_empty());
            return false;
        }
    };
    for one in &read.values {
        // Each alone: one that cannot be carried keeps the others from it.
        let Some(written) = written(Format::Dotenv, std::slice::from_ref(one)) else {
            continue;
        };
        let again = read_dotenv(&written).expect("what was written");
        assert_same(std::slice::from_ref(one), &again);
    }
    true
}

/// As [`dotenv`], of JSON; an export has keys of its own kind.
fn json_import(data: &[u8]) -> bool {
    match read_json(&Secret::copied(data)) {
        Ok(Json::Values(read)) => {
            if let Some(written) = written(Format::Json, &read.values) {
                let again = read_json(&written).expect("what was written");
                let Json::Values(again) = again else {
                    // The only name that means something else.
                    assert!(read.values.iter().any(|one| one.name.as_str() == "schema"));
                    return true;
                };
                assert_same(&read.values, &again);
            }
            true
        }
        Ok(Json::Export(import)) => {
            assert!(import.values.is_empty());
            true
        }
        Err(err) => {
            assert!(!err.to_string().is_empty());
            false
        }
    }
}

type Named = crate::exchange::NamedValue;

fn written(format: Format, values: &[Named]) -> Option<Secret> {
    let parts: Vec<(&VariableName, &KeyName, &SecretValue)> = values
        .iter()
        .filter_map(|one| Some((one.variable.as_ref()?, &one.name, &one.value)))
        .collect();
    let variables: Vec<_> = parts
        .iter()
        .map(|(name, key, value)| Variable { name, key, value })
        .collect();
    format.write(&variables).ok()
}

fn assert_same(values: &[Named], again: &Values) {
    assert_eq!(values.len(), again.values.len());
    for (one, other) in values.iter().zip(&again.values) {
        assert_eq!(one.name, other.name);
        assert!(one.value.is(&other.value.stored()), "{}", one.name);
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;

    use super::*;
    use crate::checks;

    /// Cases of each target that are made of its corpus; opening a vault for each costs more than the rest.
    fn count(target: &str) -> usize {
        match target {
            "activity" | "http" | "vault" => 60,
            _ => 2_000,
        }
    }

    fn corpus(target: &str) -> Vec<Vec<u8>> {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
        let files = fs::read_dir(folder.join(target)).expect("a corpus");
        let mut paths: Vec<_> = files.map(|file| file.expect("a file").path()).collect();
        paths.sort();
        paths
            .iter()
            .map(|path| fs::read(path).expect("a case"))
            .collect()
    }

    /// The same numbers at every run (SplitMix64), so that what fails fails again.
    struct Numbers(u64);

    impl Numbers {
        fn below(&mut self, limit: usize) -> usize {
            self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            usize::try_from((mixed ^ (mixed >> 31)) % limit as u64).expect("below the limit")
        }

        /// One case of another, and a part of a third.
        fn mutated(&mut self, corpus: &[Vec<u8>]) -> Vec<u8> {
            let mut case = corpus[self.below(corpus.len())].clone();
            for _ in 0..=self.below(4) {
                let at = self.below(case.len() + 1);
                match self.below(5) {
                    0 => case.insert(at, self.below(256) as u8),
                    1 => case.truncate(at),
                    2 => {
                        let other = &corpus[self.below(corpus.len())];
                        let from = self.below(other.len() + 1);
                        case.splice(at..at, other[from..].iter().take(64).copied());
                    }
                    3 if at < case.len() => drop(case.remove(at)),
                    _ if at < case.len() => case[at] ^= 1 << self.below(8),
                    _ => {}
                }
            }
            case
        }
    }

    #[track_caller]
    fn run(target: &str) {
        // A package that is handed out has none.
        if !PathBuf::from(env!("CARGO_MANIFEST_DIR"))
            .join("fuzz")
            .exists()
        {
            return;
        }
        let folder = tempfile::tempdir().expect("a folder");
        let mut harness = harness(target, folder.path()).expect("a target");
        let corpus = corpus(target);
        let accepted = corpus.iter().filter(|case| harness(case)).count();
        // The ways behind both answers are walked.
        assert!(accepted > 0, "nothing of {} is accepted", corpus.len());
        assert!(accepted < corpus.len(), "all of it is accepted");
        let mut numbers = Numbers(1);
        for _ in 0..count(target) {
            harness(&numbers.mutated(&corpus));
        }
    }

    #[test]
    fn no_bytes_make_the_readers_of_text_panic() {
        for target in ["agent", "dotenv", "json_import", "slot", "token"] {
            run(target);
        }
    }

    #[test]
    fn no_bytes_make_the_readers_of_settings_panic() {
        run("config");
        run("project_file");
    }

    #[test]
    fn no_sealed_body_makes_its_reader_panic() {
        run("record");
    }

    #[test]
    fn no_altered_file_makes_its_reader_panic_or_tell_something_else() {
        run("vault");
        run("activity");
    }

    /// The twin: without the checks, what was altered opens.
    #[test]
    #[should_panic(expected = "unwrap_key")]
    fn the_harness_of_slots_can_fail() {
        checks::off(|| run("slot"));
    }

    #[test]
    fn no_bytes_over_a_connection_are_allowed() {
        run("http");
    }
}
