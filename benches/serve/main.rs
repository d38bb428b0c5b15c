//! `keywright serve` beside the least that the same HTTP stack can do, on the same machine and in the same run.
//!
//! `cargo bench --locked --features test-kdf --bench serve` prints the tables; `-- 10 100` chooses other sizes, and runs
//! short. It needs `wrk`, and skips what nginx is for where that is missing. All servers run at once and are loaded in turns;
//! each figure is the median of the turns, and each ratio the median of the ratios within a turn.

#![expect(clippy::print_stdout, reason = "a benchmark prints its tables")]

mod bare;
mod load;
mod nginx;
#[path = "../whole/processes.rs"]
#[expect(dead_code, reason = "some of it is for the other benchmark")]
mod processes;
mod served;
#[path = "../whole/vaults.rs"]
#[expect(dead_code, reason = "some of it is for the other benchmark")]
mod vaults;

use std::env;
use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::time::Duration;

use bare::Bare;
use load::{Load, Script, middle};
use nginx::Nginx;
use processes::ms;
use served::Served;

/// A vault that is next to nothing, to tell what a key takes.
const FEW: usize = 10;

fn main() {
    let args: Vec<String> = env::args().skip(1).collect();
    if args.iter().any(|arg| arg == bare::ARGUMENT) {
        return bare::serve();
    }
    if Command::new("wrk").stdout(Stdio::null()).status().is_err() {
        println!("skipped: wrk is missing");
        return;
    }
    // `cargo bench` itself adds `--bench`.
    let sizes: Vec<usize> = args.iter().filter_map(|arg| arg.parse().ok()).collect();
    let (sizes, pace) = match sizes.is_empty() {
        true => (vec![1_000, 10_000, 100_000], Pace::LONG),
        false => (sizes, Pace::SHORT),
    };
    let folder = tempfile::Builder::new()
        .prefix("keywright-bench")
        .tempdir()
        .expect("a temporary folder");
    let base = Served::start(&folder.path().join("few"), FEW);
    let warm = base.script("GET", "/auth/nginx");
    warm.run(base.address, None, pace.seconds);
    let base = (base.memory(), base.start);
    let mut served: Vec<Served> = sizes
        .iter()
        .map(|size| Served::start(folder.path(), *size))
        .collect();
    let bare = Bare::start();
    measure_requests(folder.path(), &bare, &served, pace);
    measure_the_rest(base, &mut served, pace);
}

/// How much is measured.
#[derive(Clone, Copy)]
struct Pace {
    turns: usize,
    /// Of each run of requests.
    seconds: u32,
    changes: usize,
}

impl Pace {
    const LONG: Self = Self {
        turns: 7,
        seconds: 3,
        changes: 15,
    };
    const SHORT: Self = Self {
        turns: 1,
        seconds: 1,
        changes: 3,
    };
}

/// A server that is loaded, and how.
struct Course {
    name: String,
    address: SocketAddr,
    process: Option<u32>,
    script: Script,
}

/// The first course is what the others are compared with.
fn measure_requests(folder: &std::path::Path, bare: &Bare, served: &[Served], pace: Pace) {
    let middle_one = &served[served.len() / 2];
    let bare_course = |name: &str, path| Course {
        name: name.to_owned(),
        address: bare.address,
        process: Some(bare.process()),
        script: Script::new(folder, "GET", path, &middle_one.tokens),
    };
    let mut courses = vec![
        bare_course("bare hyper and tokio, `hello`", "/auth/nginx?require=read"),
        bare_course("bare, with the headers of an answer", bare::WITH_HEADERS),
    ];
    let first_served = courses.len();
    for (method, path) in [("GET", "/auth/nginx?require=read"), ("POST", "/v1/verify")] {
        courses.extend(served.iter().map(|served| Course {
            name: format!("`{path}`, {} keys", served.size),
            address: served.address,
            process: Some(served.process()),
            script: served.script(method, path),
        }));
    }
    let nginx = Nginx::start(folder, bare.address, middle_one.address);
    match &nginx {
        None => println!("nginx is missing, and what it would do is skipped"),
        Some(nginx) => courses.extend(
            [
                ("/static", "nginx, 204".to_owned()),
                ("/bare", "nginx, `auth_request` to bare".to_owned()),
                (
                    "/serve",
                    format!("nginx, `auth_request` to {} keys", middle_one.size),
                ),
            ]
            .map(|(path, name)| Course {
                name,
                address: nginx.address,
                process: None,
                script: Script::new(folder, "GET", path, &middle_one.tokens),
            }),
        ),
    }
    let mut turns: Vec<Vec<Load>> = vec![Vec::new(); courses.len()];
    for course in &courses {
        course.script.run(course.address, None, 1);
    }
    for _ in 0..pace.turns {
        for (course, runs) in courses.iter().zip(&mut turns) {
            runs.push(
                course
                    .script
                    .run(course.address, course.process, pace.seconds),
            );
        }
    }
    println!(
        "\n| what | requests a second | × bare | p50 | p99 | × bare | processor time of a request | × bare |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    for (course, runs) in courses.iter().zip(&turns) {
        let Load {
            rate,
            p50,
            p99,
            work,
        } = Load::median(runs);
        println!(
            "| {} | {rate:.0} | {:.2} | {p50:.0} µs | {p99:.0} µs | {:.2} | {} |",
            course.name,
            ratio(runs, &turns[0], |it| it.rate),
            ratio(runs, &turns[0], |it| it.p99),
            match course.process {
                None => "| ".to_owned(),
                Some(_) => format!("{work:.1} µs | {:.2}", ratio(runs, &turns[0], |it| it.work)),
            },
        );
    }
    if let [first, .., last] = served {
        let of = |served: usize| &turns[first_served + served];
        let flat = ratio(of(served.len() - 1), of(0), |it| it.rate);
        println!(
            "\n`/auth/nginx` with {} keys answers {flat:.2} × as many requests as with {}.",
            last.size, first.size
        );
    }
}

/// The median of the ratios within a turn.
fn ratio(runs: &[Load], others: &[Load], figure: fn(&Load) -> f64) -> f64 {
    let pairs = runs.iter().zip(others);
    middle(
        pairs
            .map(|(run, other)| figure(run) / figure(other))
            .collect(),
    )
}

/// Start, memory, and the first answer after a change.
fn measure_the_rest(base: (Option<[f64; 2]>, Duration), served: &mut [Served], pace: Pace) {
    println!(
        "\n| keys | ready after | resident | a key, beyond {FEW} keys | first answer after a change | resident at most, a key |"
    );
    println!("|---|---|---|---|---|---|");
    let (few, start) = base;
    let mib = |kib: f64| format!("{:.1} MiB", kib / 1024.0);
    let resident = few.map_or("-".to_owned(), |[now, _]| mib(now));
    println!("| {FEW} | {} | {resident} | | | |", ms(start));
    for served in served {
        let warm = served.memory();
        let seconds = 1 + u32::try_from(pace.changes / 4).unwrap_or(1);
        let first = served.first_after_change(pace.changes, seconds);
        let after = served.memory();
        let a_key = |kib: [f64; 2], which: usize| {
            let more = kib[which] - few.map_or(0.0, |few| few[which]);
            format!("{:.0} bytes", more * 1024.0 / served.size as f64)
        };
        println!(
            "| {} | {} | {} | {} | {} | {} |",
            served.size,
            ms(served.start),
            warm.map_or("-".to_owned(), |kib| mib(kib[0])),
            warm.map_or("-".to_owned(), |kib| a_key(kib, 0)),
            ms(first),
            after.map_or("-".to_owned(), |kib| a_key(kib, 1)),
        );
    }
}
