//! What of the machine matters: whether memory can get onto a disk.

use std::fs;

use rustix::process::Rlimit;

use super::finding::{Check, Finding, Mend};

/// Core dumps and swap. Where the system does not tell, there is nothing to say.
pub(super) fn findings(core_limit: &Rlimit) -> impl Iterator<Item = Finding> {
    let pattern = fs::read_to_string("/proc/sys/kernel/core_pattern").unwrap_or_default();
    let swaps = fs::read_to_string("/proc/swaps").unwrap_or_default();
    let found = [core_dumps(core_limit.current, &pattern), swap(&swaps)];
    found.into_iter().flatten()
}

/// `limit` is in bytes, `None` for none.
fn core_dumps(limit: Option<u64>, pattern: &str) -> Option<Finding> {
    let program = pattern.trim().strip_prefix('|');
    let program = program.and_then(|line| line.split_whitespace().next());
    let name = program.map(|path| path.rsplit('/').next().unwrap_or(path));
    let what = match (limit, name) {
        (Some(0), None) => return None,
        // The kernel keeps to no limit where a program takes the dump; this one does.
        (Some(0), Some("systemd-coredump")) => return None,
        (Some(0), Some(name)) => {
            format!(
                "core dumps go to `{name}`, whatever their limit: one of a program that `run` started has its keys in it"
            )
        }
        (Some(_) | None, _) => {
            "core dumps are on: one of a program that `run` started has its keys in it".to_owned()
        }
    };
    let mend = match limit {
        Some(0) => "keep the dumps of that program away from others, or turn it off",
        _ => "ulimit -S -c 0",
    };
    Some(Finding::new(Check::CoreDumps, what, Mend::Words(mend)))
}

/// Swap that is on a disk; compressed memory is none.
fn swap(swaps: &str) -> Option<Finding> {
    let names = swaps.lines().skip(1).filter_map(|line| {
        let name = line.split_whitespace().next()?;
        (!name.starts_with("/dev/zram")).then(|| format!("`{name}`"))
    });
    let names: Vec<String> = names.collect();
    (!names.is_empty()).then(|| {
        let what = format!(
            "there is swap ({}): the memory that Argon2 works in cannot be locked, and may get there",
            names.join(", ")
        );
        Finding::new(
            Check::Swap,
            what,
            Mend::Words("encrypt the swap, or turn it off"),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dumps_are_told_where_there_may_be_some() {
        let systemd = "|/usr/lib/systemd/systemd-coredump %P %u %g %s %t %c %h\n";
        let apport = "|/usr/share/apport/apport -p%p\n";
        for (limit, pattern, told) in [
            (Some(0), "core\n", false),
            (Some(0), "", false),
            (Some(0), systemd, false),
            (Some(0), apport, true),
            (Some(8), "core\n", true),
            (None, systemd, true),
        ] {
            assert_eq!(
                core_dumps(limit, pattern).is_some(),
                told,
                "{limit:?} {pattern}"
            );
        }
    }

    #[test]
    fn swap_is_told_where_it_is_on_a_disk() {
        let head = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n";
        let zram = "/dev/zram0 partition 8388604 0 100\n";
        let file = "/swapfile file 2097148 0 -2\n";
        for (lines, told) in [("", false), (zram, false), (file, true)] {
            assert_eq!(swap(&format!("{head}{lines}")).is_some(), told, "{lines}");
        }
        assert!(swap(&format!("{head}{zram}{file}")).is_some());
        assert!(swap("").is_none());
    }
}
