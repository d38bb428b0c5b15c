//! The completion scripts and manual pages in the repository are those that the program writes.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

/// How they are made again.
const REGENERATE: &str =
    "cargo run --locked -- completions --dir completions && cargo run --locked -- man --dir man";

#[test]
fn completions_are_up_to_date() {
    compare("completions");
}

#[test]
fn manual_pages_are_up_to_date() {
    compare("man");
}

fn compare(what: &str) {
    let fresh = tempfile::tempdir().expect("a temporary folder");
    let status = Command::new(env!("CARGO_BIN_EXE_keywright"))
        .args([what, "--dir"])
        .arg(fresh.path())
        .env_clear()
        .env("HOME", fresh.path())
        .current_dir(fresh.path())
        .status()
        .expect("the program runs");
    assert!(status.success(), "{status}");
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join(what);
    let (kept, fresh) = (texts(&kept), texts(fresh.path()));
    let names = |texts: &BTreeMap<String, String>| texts.keys().cloned().collect::<Vec<_>>();
    assert_eq!(
        names(&kept),
        names(&fresh),
        "the files of {what}/ are others; run: {REGENERATE}"
    );
    for (name, text) in &fresh {
        assert!(
            kept[name] == *text,
            "{what}/{name} is not up to date; run: {REGENERATE}"
        );
    }
}

fn texts(folder: &Path) -> BTreeMap<String, String> {
    let entries =
        fs::read_dir(folder).unwrap_or_else(|err| panic!("{folder:?}: {err}; run: {REGENERATE}"));
    entries
        .map(|entry| {
            let entry = entry.expect("readable");
            let name = entry.file_name().to_string_lossy().into_owned();
            (name, fs::read_to_string(entry.path()).expect("text"))
        })
        .collect()
}
