//! Whole commands on vaults of growing size, beside what the same machine needs for the least that they must do.
//!
//! `cargo bench --locked --features test-kdf` prints the tables; `-- 100 1000` chooses other sizes. The passphrase's
//! Argon2id is spent on purpose, so it is taken off each command: it is what a wrong passphrase costs beyond `status`,
//! which opens the same file and stretches nothing. (With the small test profile, so that it drowns nothing.)

#![expect(clippy::print_stdout, reason = "a benchmark prints its tables")]

mod hand_out;
mod processes;
mod unlocked;
mod vaults;

use std::env;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use keywright::crypto::{Token, mint_key_id};
use keywright::key::Brand;

use processes::{command, median, ms, peak_memory, prepare, run, time};
use vaults::{fill, name, open, scope};

/// Arguments, and whether a token goes to standard input.
const READS: &[(&[&str], bool)] = &[
    (&["get", "provider-3"], false),
    (&["show", "issued-3"], false),
    (&["verify", "--no-record"], true),
    (&["verify"], true),
    (&["list"], false),
    (&["search", "provider-3"], false),
    (&["usage"], false),
];

fn main() {
    // `cargo bench` itself adds `--bench`.
    let sizes: Vec<usize> = env::args()
        .skip(1)
        .filter_map(|arg| arg.parse().ok())
        .collect();
    let sizes = if sizes.is_empty() {
        vec![10, 1_000, 10_000, 100_000]
    } else {
        sizes
    };
    let folder = tempfile::Builder::new()
        .prefix("keywright-bench")
        .tempdir()
        .expect("a temporary folder");
    println!(
        "/bin/true: {}",
        ms(median(|| time(|| drop(Command::new("true").status()))))
    );
    println!(
        "\n| keys | command | beyond the KDF | beside `--version` | peak memory, 8 MiB of it the KDF's |"
    );
    println!("|---|---|---|---|---|");
    let (mut changes, mut batches) = (String::new(), String::new());
    for size in sizes {
        let home = folder.path().join(size.to_string());
        let token = fill(&home, size, 500);
        let kdf = kdf_time(&home);
        let start = median(|| run(&home, &["--version"], ""));
        println!("| {size} | `--version` | {} | 1.0 × | |", ms(start));
        let pass = verified_pass(&home);
        let ratio = pass.as_secs_f64() / start.as_secs_f64();
        println!(
            "| {size} | verified pass alone, in a process that is open | {} | {ratio:.1} × | |",
            ms(pass)
        );
        for (args, takes_token) in READS {
            let input = if *takes_token { token.as_str() } else { "" };
            let took = median(|| run(&home, args, input)).saturating_sub(kdf);
            let ratio = took.as_secs_f64() / start.as_secs_f64();
            let memory = peak_memory(&home, args, input);
            println!(
                "| {size} | `{}` | {} | {ratio:.1} × | {memory} |",
                args.join(" "),
                ms(took)
            );
        }
        changes.push_str(&measure_changes(&home, size, kdf));
        batches.push_str(&measure_batch(&home, size));
    }
    println!(
        "\n| keys | command | beyond the KDF | bare SQLite commits in the same folder | difference |"
    );
    println!("|---|---|---|---|---|");
    print!("{changes}");
    println!(
        "\n| keys | `verify --batch`: lines a second of processor time | beside `sha256sum` | peak memory |"
    );
    println!("|---|---|---|---|");
    print!("{batches}");
    hand_out::measure(folder.path());
    unlocked::measure(folder.path());
}

/// Two million lines: of ten, eight are tokens of this vault, one is another's, one is none. Start, KDF and reading the
/// keys are taken off: they are what no line at all costs. `sha256sum` of the same file is what hashing alone costs.
fn measure_batch(home: &Path, size: usize) -> String {
    // Without optimisation it is only seen to run.
    const LINES: u32 = if cfg!(debug_assertions) {
        20_000
    } else {
        2_000_000
    };
    let tokens = fs::read_to_string(home.join("tokens")).expect("the tokens");
    let tokens: Vec<&str> = tokens.lines().collect();
    let development = "development".parse().expect("valid");
    let stranger = Token::mint(
        &Brand::default(),
        &development,
        mint_key_id().expect("random"),
    );
    let stranger = String::from_utf8_lossy(stranger.expect("random").expose()).into_owned();
    let mut input = String::new();
    for n in 0..LINES as usize {
        input.push_str(match n % 10 {
            0 => &stranger,
            1 => "kwt_dev1_not_a_token_of_any_vault_but_as_long_as_one_would_be",
            // A prime step, so that neighbours are no neighbours in the vault.
            _ => tokens[n * 7919 % tokens.len()],
        });
        input.push('\n');
    }
    let batch = [env!("CARGO_BIN_EXE_keywright"), "verify", "--batch"];
    let nothing = processor_time(home, &batch, "");
    let all = processor_time(home, &batch, &input);
    let hash = processor_time(home, &["sha256sum"], &input);
    let memory = peak_memory(home, &batch[1..], &input);
    match (nothing, all, hash) {
        (Some(nothing), Some(all), Some(hash)) => {
            let took = all - nothing;
            let (rate, ratio) = (f64::from(LINES) / took, took / hash);
            format!("| {size} | {rate:.0} | {ratio:.1} × | {memory} |\n")
        }
        _ => format!("| {size} | - | - | {memory} |\n"),
    }
}

/// Seconds of user and system time, by GNU time, where it is installed.
fn processor_time(home: &Path, program: &[&str], input: &str) -> Option<f64> {
    let report = home.join("processor");
    let mut command = Command::new("/usr/bin/time");
    prepare(&mut command, home, input);
    command
        .args(["-f", "%U %S", "-o"])
        .arg(&report)
        .args(program);
    command.status().ok()?;
    let text = fs::read_to_string(&report).ok()?;
    let times = text.split_whitespace().map(str::parse::<f64>);
    times.sum::<Result<f64, _>>().ok()
}

/// One durable change is one commit, a token that is shown two; each also raises the anchor. The disk alone is beside it.
fn measure_changes(home: &Path, size: usize, kdf: Duration) -> String {
    let mut lines = String::new();
    let mut count = 0;
    for (what, commits) in [("set", 1), ("create", 2)] {
        let took = median(|| {
            count += 1;
            let name = format!("new-{size}-{count}");
            run(
                home,
                &[what, &name, "--quiet"],
                "a value of a provider key\n",
            )
        });
        let took = took.saturating_sub(kdf);
        let bare = median(|| bare_commits(home, commits));
        let more = ms(took.saturating_sub(bare));
        lines.push_str(&format!(
            "| {size} | `{what}` | {} | {commits}: {} | {more} |\n",
            ms(took),
            ms(bare)
        ));
    }
    lines
}

/// `count` commits of one row with the vault's journal settings.
fn bare_commits(home: &Path, count: usize) -> Duration {
    let path = home.join("bare.db");
    let db = rusqlite::Connection::open(&path).expect("a database");
    db.execute_batch("PRAGMA synchronous = EXTRA; CREATE TABLE IF NOT EXISTS t (x BLOB)")
        .expect("a table");
    time(|| {
        for _ in 0..count {
            db.execute("INSERT INTO t VALUES (randomblob(600))", [])
                .expect("a row");
        }
    })
}

/// What the passphrase costs in a process of its own.
fn kdf_time(home: &Path) -> Duration {
    let refused = || {
        let mut command = command(home, &["list"], "");
        command.env("KEYWRIGHT_PASSPHRASE", "another passphrase");
        time(|| assert!(!command.status().expect("runs").success()))
    };
    median(refused).saturating_sub(median(|| run(home, &["status"], "")))
}

/// Every row is read and its set compared with what the head says; no record is opened.
fn verified_pass(home: &Path) -> Duration {
    let (mut vault, nobody) = (open(home), name("nobody", 0));
    median(|| {
        time(|| {
            let found = vault.find_name(&nobody, &scope());
            assert!(found.expect("reads").is_none());
        })
    })
}
