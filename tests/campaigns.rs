//! The campaigns that the documents tell to run are there: a command that nobody can follow proves nothing.

use std::fs;
use std::path::{Path, PathBuf};

#[test]
fn every_campaign_that_a_document_names_is_there() {
    let mut count = 0;
    for document in ["README.md", "SECURITY.md"] {
        let text = fs::read_to_string(root().join(document)).expect("a document");
        for command in commands(&text) {
            let wrong = match command.strip_prefix("fuzz/run ") {
                Some(options) => fuzz_is_wrong(options),
                None => campaign_is_wrong(command.trim_start_matches("cargo test ")),
            };
            assert_eq!(wrong, None, "{document}: `{command}`");
            count += 1;
        }
    }
    assert!(count > 20, "{count}");
}

/// The twin: what a document could say by mistake.
#[test]
fn a_campaign_that_is_not_there_is_noticed() {
    for (options, why) in [
        ("--test faults kill::", "without --locked"),
        ("--locked --test nothing", "has none of these tests"),
        (
            "--locked --test faults nothing::",
            "no test is called nothing::",
        ),
        (
            "--locked --test faults --test vectors kill::",
            "has none of these tests",
        ),
        (
            "--locked --test vectors -- --ignored algorithms::",
            "no long form",
        ),
        ("--locked --features nothing", "no feature nothing"),
        ("--locked --long", "--long is not known"),
    ] {
        let wrong = campaign_is_wrong(options).expect("it is wrong");
        assert!(wrong.contains(why), "{options}: {wrong}");
    }
    assert!(!root().join("fuzz").exists() || fuzz_is_wrong("nothing").is_some());
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// What stands in back quotes or on a line of its own and is for `cargo test` or the fuzzer.
fn commands(text: &str) -> impl Iterator<Item = &str> {
    let parts = text.lines().flat_map(|line| line.split('`'));
    parts.filter(|part| part.starts_with("cargo test ") || part.starts_with("fuzz/run "))
}

/// Why the options of a `fuzz/run` cannot be followed. A published package is without the fuzz targets.
fn fuzz_is_wrong(options: &str) -> Option<String> {
    let target = options.split_whitespace().next()?;
    let corpora = root().join("fuzz/corpus");
    // The word that stands for each of them.
    let is_there = target == "TARGET" || !corpora.exists() || corpora.join(target).exists();
    (!is_there).then(|| format!("there is no target {target}"))
}

#[test]
fn the_readme_names_every_fuzz_target() {
    let readme = fs::read_to_string(root().join("README.md")).expect("a document");
    let Ok(corpora) = fs::read_dir(root().join("fuzz/corpus")) else {
        return;
    };
    for corpus in corpora {
        let name = corpus.expect("a folder").file_name();
        let name = format!("`{}`", name.to_string_lossy());
        assert!(readme.contains(&name), "{name}");
    }
}

/// Why the options of a `cargo test` cannot be followed.
fn campaign_is_wrong(options: &str) -> Option<String> {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).expect("a manifest");
    let (mut targets, mut filters) = (Vec::new(), Vec::new());
    let (mut is_locked, mut is_ignored) = (false, false);
    let mut words = options.split_whitespace();
    while let Some(word) = words.next() {
        match word {
            "--" | "--release" => {}
            "--bench" => targets.push(Tests::of("benches", words.next()?)),
            "--features" => {
                let feature = words.next()?;
                if !manifest.contains(&format!("\n{feature} = []")) {
                    return Some(format!("there is no feature {feature}"));
                }
            }
            "--ignored" | "--include-ignored" => is_ignored = true,
            "--lib" => targets.push(Tests::below("src".into())),
            "--locked" => is_locked = true,
            "--test" => targets.push(Tests::of("tests", words.next()?)),
            option if option.starts_with('-') => return Some(format!("{option} is not known")),
            filter => filters.push(filter),
        }
    }
    let empty = |filter: &&str| targets.iter().all(|tests| !tests.any(filter));
    let idle = |tests: &Tests| !filters.is_empty() && !filters.iter().any(|it| tests.any(it));
    if !is_locked {
        Some("it is without --locked".to_owned())
    } else if let Some(filter) = filters.iter().find(|filter| empty(filter)) {
        Some(format!("no test is called {filter}"))
    } else if let Some(tests) = targets
        .iter()
        .find(|tests| tests.0.is_empty() || idle(tests))
    {
        Some(format!(
            "one of its targets has none of these tests: {tests:?}"
        ))
    } else {
        let long = |tests: &Tests| tests.has_ignored(&filters);
        (is_ignored && !targets.iter().any(long)).then(|| "it has no long form".to_owned())
    }
}

/// The names of a target's tests, and whether each is left out of the short form. Names of modules within files are not
/// in them.
#[derive(Debug)]
struct Tests(Vec<(String, bool)>);

impl Tests {
    /// A target in a file or a folder of its own.
    fn of(kind: &str, name: &str) -> Self {
        let place = Path::new(kind).join(name);
        Self::below(if root().join(&place).is_dir() {
            place
        } else {
            place.with_extension("rs")
        })
    }

    fn below(place: PathBuf) -> Self {
        let mut tests = Vec::new();
        let mut places = vec![(root().join(place), String::new())];
        while let Some((place, module)) = places.pop() {
            if place.is_dir() {
                let entries = fs::read_dir(&place).expect("readable");
                places.extend(entries.map(|entry| {
                    let path = entry.expect("readable").path();
                    let stem = path.file_stem().expect("a name").to_string_lossy();
                    let inner = match &*stem {
                        "lib" | "main" | "mod" => module.clone(),
                        stem => format!("{module}{stem}::"),
                    };
                    (path, inner)
                }));
            } else if let Ok(text) = fs::read_to_string(&place) {
                tests.extend(named(&text, &module));
            }
        }
        Self(tests)
    }

    fn any(&self, filter: &str) -> bool {
        self.0.iter().any(|(name, _)| name.contains(filter))
    }

    fn has_ignored(&self, filters: &[&str]) -> bool {
        let mut ignored = self.0.iter().filter(|(_, is_ignored)| *is_ignored);
        ignored.any(|(name, _)| filters.is_empty() || filters.iter().any(|it| name.contains(it)))
    }
}

/// The tests of a file: functions under an attribute that makes one of them.
fn named(text: &str, module: &str) -> Vec<(String, bool)> {
    let (mut tests, mut is_test, mut is_ignored) = (Vec::new(), false, false);
    for line in text.lines().map(str::trim_start) {
        if line == "#[test]" {
            is_test = true;
        } else if line.starts_with("#[ignore") {
            is_ignored = true;
        } else if let Some(rest) = line.strip_prefix("fn ").filter(|_| is_test) {
            let name = rest.split('(').next().unwrap_or_default();
            tests.push((format!("{module}{name}"), is_ignored));
            (is_test, is_ignored) = (false, false);
        }
    }
    tests
}
