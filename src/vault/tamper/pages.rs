//! Whole pages: swapped, rolled back, taken from elsewhere, blanked, cut off.

use std::fs;

use super::{Bench, Outcome, Who, write_private};
use crate::checks;
use crate::vault::Vault;

const PAGE: usize = 4096;

/// What both holders are told of a file of these bytes: refused, or the same as ever.
fn told(bench: &Bench, holders: &[Vault; 2], bytes: &[u8]) -> [(Outcome, bool); 2] {
    let path = bench.path("edited.db");
    write_private(&path, bytes);
    holders.each_ref().map(|holder| bench.told(&path, holder))
}

fn holders(bench: &Bench) -> [Vault; 2] {
    [Who::Passphrase, Who::AccessToken].map(|who| bench.open(who))
}

/// Every edit of whole pages, with its name.
fn edits(bench: &Bench) -> Vec<(String, Vec<u8>)> {
    let read = |name: &str| fs::read(bench.path(name)).expect("a vault");
    let whole = read("vault.db");
    let pages = whole.len() / PAGE;
    let page = |bytes: &[u8], at: usize| bytes[at * PAGE..(at + 1) * PAGE].to_vec();
    let mut edits = Vec::new();
    let mut put = |what: String, at: usize, content: &[u8]| {
        let mut bytes = whole.clone();
        bytes[at * PAGE..(at + 1) * PAGE].copy_from_slice(content);
        edits.push((what, bytes));
    };
    for other in ["early.db", "fork.db", "other.db"] {
        let bytes = read(other);
        for at in 0..pages.min(bytes.len() / PAGE) {
            put(format!("page {at} of {other}"), at, &page(&bytes, at));
        }
    }
    for at in 0..pages {
        put(format!("page {at} blank"), at, &[0; PAGE]);
    }
    for one in 0..pages {
        for two in one + 1..pages {
            let mut bytes = whole.clone();
            bytes[one * PAGE..(one + 1) * PAGE].copy_from_slice(&page(&whole, two));
            bytes[two * PAGE..(two + 1) * PAGE].copy_from_slice(&page(&whole, one));
            edits.push((format!("pages {one} and {two} swapped"), bytes));
        }
    }
    for kept in 0..pages {
        edits.push((
            format!("cut to {kept} pages"),
            whole[..kept * PAGE].to_vec(),
        ));
        let odd = kept * PAGE + PAGE / 2;
        edits.push((format!("cut to {odd} bytes"), whole[..odd].to_vec()));
    }
    let mut longer = whole.clone();
    longer.extend([0xff; PAGE]);
    edits.push(("a page more".to_owned(), longer));
    edits
}

#[test]
fn no_edit_of_whole_pages_changes_what_is_told() {
    let bench = Bench::new();
    let holders = holders(&bench);
    let mut refused = 0;
    for (what, bytes) in edits(&bench) {
        for (outcome, equal) in told(&bench, &holders, &bytes) {
            assert!(outcome != Outcome::Told || equal, "{what}: told otherwise");
            refused += usize::from(outcome != Outcome::Told);
        }
    }
    assert!(refused > 100, "only {refused} were refused");
}

#[test]
fn without_checks_a_page_of_an_older_file_goes_unnoticed() {
    let otherwise = checks::off(|| {
        let bench = Bench::new();
        let holders = holders(&bench);
        let edits = edits(&bench).into_iter();
        let older = edits.filter(|(what, _)| what.ends_with("of early.db"));
        older
            .filter(|(_, bytes)| {
                let told = told(&bench, &holders, bytes);
                told.iter()
                    .any(|(outcome, equal)| *outcome == Outcome::Told && !equal)
            })
            .count()
    });
    assert!(otherwise > 0);
}
