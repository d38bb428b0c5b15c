//! Whole commands on vaults of growing size, beside what the same machine needs for the least that they must do.
//!
//! `cargo bench --locked --features test-kdf` prints the tables; `-- 100 1000` chooses other sizes. The passphrase's
//! Argon2id is spent on purpose, so it is taken off each command: it is what a wrong passphrase costs beyond `status`,
//! which opens the same file and stretches nothing. (With the small test profile, so that it drowns nothing.)

#![expect(clippy::print_stdout, reason = "a benchmark prints its tables")]

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use keywright::crypto::{Passphrase, Profile, Secret, SecretValue, Token, mint_key_id};
use keywright::key::{
    Actor, Brand, Context, KeyName, PermissionSet, ProviderDetails, Scope, Timestamp,
};
use keywright::vault::{
    Credential, Filter, Import, ImportedHalf, ImportedKey, Location, NewIssued, Retention, Vault,
};

const PASSPHRASE: &str = "correct horse battery staple";
const ROUNDS: usize = 25;

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
        let token = fill(&home, size);
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
}

/// Two million lines: of ten, eight are tokens of this vault, one is another's, one is none. Start, KDF and reading the
/// keys are taken off: they are what no line at all costs. `sha256sum` of the same file is what hashing alone costs.
fn measure_batch(home: &Path, size: usize) -> String {
    const LINES: u32 = 2_000_000;
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

/// A vault with `size` keys in one scope: issued ones, but for ten (or half) that are a provider's; gives a token. A full
/// scope has 100,000, so there is room for a hundred that the benchmark itself makes.
///
/// Up to 500 have a token, which takes two commits each, made in memory where the system has such a folder; the others
/// are imported, in one.
fn fill(home: &Path, size: usize) -> String {
    let memory = Path::new("/dev/shm");
    let scratch = tempfile::tempdir_in(if memory.is_dir() {
        memory
    } else {
        Path::new("/tmp")
    })
    .expect("a folder");
    let (config, state) = (home.join(".config/keywright"), home.join(".local/state"));
    fs::create_dir_all(&config).expect("a folder");
    fs::create_dir_all(&state).expect("a folder");
    let place = location(
        scratch.path().join("vault.db"),
        scratch.path().join("state"),
    );
    let (who, now) = (actor(), Timestamp::now());
    let vault = Vault::create(&place, &passphrase(), Profile::Test, &who, now);
    let mut vault = vault.expect("a vault");
    let size = size.min(99_900);
    let (providers, tokens) = ((size / 2).min(10), (size / 2).min(500));
    let tokens: Vec<String> = (0..tokens).map(|n| issue(&mut vault, n)).collect();
    let mut import = Import::default();
    for n in 0..providers {
        let value = format!("sk-value-of-provider-key-{n}").into_bytes();
        let half = ImportedHalf::Provider {
            details: ProviderDetails::default(),
            value: SecretValue::new(Secret::new(value)).expect("valid"),
        };
        import.keys.push(imported(name("provider", n), half, now));
    }
    for n in tokens.len()..size - providers {
        let half = ImportedHalf::Issued {
            brand: Brand::default(),
            permissions: PermissionSet::default(),
            context: Context::default(),
            roles: Vec::new(),
        };
        import.keys.push(imported(name("issued", n), half, now));
    }
    vault.import(&import, false, &who, now).expect("imported");
    drop(vault);
    fs::write(home.join("tokens"), tokens.join("\n")).expect("written");
    fs::copy(scratch.path().join("vault.db"), config.join("vault.db")).expect("copied");
    // Opened once where it will be used, so that its anchor is there.
    let mut vault = open(home);
    assert_eq!(
        vault.list(&Filter::default(), now).expect("lists").len(),
        size
    );
    tokens[0].clone()
}

/// Issues a key, and gives its token.
fn issue(vault: &mut Vault, n: usize) -> String {
    let (who, now) = (actor(), Timestamp::now());
    let new = NewIssued {
        name: name("issued", n),
        scope: scope(),
        brand: Brand::default(),
        permissions: PermissionSet::default(),
        roles: Vec::new(),
        context: Context::default(),
        expires_at: None,
        tags: Vec::new(),
        note: None,
        make_default: false,
    };
    let mut token = String::new();
    let pending = vault.issue(&new, &who, now).expect("issued");
    let delivered = pending.deliver(|text, _| {
        token = String::from_utf8_lossy(text.expose()).into_owned();
        Ok(())
    });
    delivered.expect("delivered");
    token
}

fn imported(name: KeyName, half: ImportedHalf, now: Timestamp) -> ImportedKey {
    ImportedKey {
        id: mint_key_id().expect("random"),
        name,
        scope: scope(),
        is_default: false,
        created_at: now,
        created_by: actor(),
        present_since: now,
        expires_at: None,
        revoked: None,
        tags: Vec::new(),
        note: None,
        half,
    }
}

/// The vault of a home, as the program opens it.
fn open(home: &Path) -> Vault {
    let place = location(
        home.join(".config/keywright/vault.db"),
        home.join(".local/state/keywright"),
    );
    let passphrase = passphrase();
    let vault = Vault::open(
        &place,
        &Credential::Passphrase(&passphrase),
        Timestamp::now(),
    );
    vault.expect("opens")
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

fn actor() -> Actor {
    "bench@host".parse().expect("valid")
}

fn scope() -> Scope {
    Scope {
        project: "default".parse().expect("valid"),
        environment: "development".parse().expect("valid"),
    }
}

fn location(vault: PathBuf, state: PathBuf) -> Location {
    let retention = Retention {
        usage_days: 400,
        event_days: 30,
        events: 1_000_000,
    };
    Location {
        vault,
        state,
        activity: None,
        accept_rollback: false,
        audit_required: false,
        retention,
    }
}

fn name(kind: &str, n: usize) -> KeyName {
    format!("{kind}-{n}").parse().expect("valid")
}

fn passphrase() -> Passphrase {
    Passphrase::new(Secret::new(PASSPHRASE.into())).expect("valid")
}

fn run(home: &Path, args: &[&str], input: &str) -> Duration {
    let mut command = command(home, args, input);
    time(|| assert!(command.status().expect("runs").success(), "{args:?}"))
}

fn command(home: &Path, args: &[&str], input: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_keywright"));
    prepare(&mut command, home, input);
    command.args(args);
    command
}

fn prepare(command: &mut Command, home: &Path, input: &str) {
    let stdin = home.join("input");
    fs::write(&stdin, input).expect("written");
    command
        .env_clear()
        .env("HOME", home)
        .env("KEYWRIGHT_PASSPHRASE", PASSPHRASE);
    command
        .stdin(fs::File::open(&stdin).expect("readable"))
        .stdout(Stdio::null())
        .stderr(Stdio::null());
}

/// By GNU time, where it is installed.
fn peak_memory(home: &Path, args: &[&str], input: &str) -> String {
    let report = home.join("memory");
    let mut command = Command::new("/usr/bin/time");
    prepare(&mut command, home, input);
    command
        .args(["-f", "%M", "-o"])
        .arg(&report)
        .arg(env!("CARGO_BIN_EXE_keywright"))
        .args(args);
    let measured = command
        .status()
        .ok()
        .and_then(|_| fs::read_to_string(&report).ok());
    let kib = measured.and_then(|text| text.trim().parse::<f64>().ok());
    kib.map_or_else(|| "-".to_owned(), |kib| format!("{:.1} MiB", kib / 1024.0))
}

fn time(body: impl FnOnce()) -> Duration {
    let start = Instant::now();
    body();
    start.elapsed()
}

fn median(mut body: impl FnMut() -> Duration) -> Duration {
    let mut times: Vec<Duration> = (0..ROUNDS).map(|_| body()).collect();
    times.sort();
    times[ROUNDS / 2]
}

fn ms(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1000.0)
}
