//! Values for programs, beside the same program started bare; and values from elsewhere.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::kdf_time;
use crate::processes::{command, median, ms, prepare, run, time};
use crate::vaults::fill_with_values;

/// A program that does nothing, with and without keys. The KDF is taken off, the bare program is not.
pub(crate) fn measure(folder: &Path) {
    println!("\n| what | beyond the KDF | beside the program alone |");
    println!("|---|---|---|");
    for (issued, provider) in [(990, 10), (0, 1_000)] {
        let home = folder.join(format!("hand-out-{provider}"));
        fill_with_values(&home, issued, provider);
        let kdf = kdf_time(&home);
        let bare = median(|| time(|| assert!(bare(&home).status().expect("runs").success())));
        println!("| `true` | {} | 1.0 × |", ms(bare));
        let needs = "[env]\nKEY_1 = \"provider-1\"\nKEY_2 = \"provider-2\"\n";
        for (what, args, file) in [
            (
                "all keys that have a variable",
                &["run", "--", "true"][..],
                "",
            ),
            (
                "one, by `--only`",
                &["run", "--only", "provider-3", "--", "true"],
                "",
            ),
            ("two, by keywright.toml", &["run", "--", "true"], needs),
            ("all keys that have a variable", &["env"], ""),
        ] {
            fs::write(home.join("keywright.toml"), file).expect("written");
            let took = median(|| run(&home, args, "")).saturating_sub(kdf);
            let (args, ratio) = (args.join(" "), took.as_secs_f64() / bare.as_secs_f64());
            println!(
                "| `{args}` of 1,000 keys, {provider} of them a provider's: {what} | {} | {ratio:.1} × |",
                ms(took)
            );
        }
    }
    measure_import(folder);
}

fn bare(home: &Path) -> Command {
    let mut command = Command::new("true");
    prepare(&mut command, home, "");
    command
}

/// Each time into a vault of its own, which is made without them first.
fn measure_import(folder: &Path) {
    for count in [100, 10_000] {
        let lines =
            (0..count).map(|n| format!("KEY_{n}='a value of some length, as keys are, {n}'\n"));
        let text: String = lines.collect();
        let mut took: Vec<Duration> = (0..3)
            .map(|round| {
                let home = folder.join(format!("import-{count}-{round}"));
                fill_with_values(&home, 0, 1);
                let import = time(|| {
                    let mut command = command(&home, &["import", "-p", "imported"], &text);
                    let status = command.stdout(Stdio::null()).status();
                    assert!(status.expect("runs").success());
                });
                import.saturating_sub(kdf_time(&home))
            })
            .collect();
        took.sort();
        println!("| `import` of {count} values | {} | |", ms(took[1]));
    }
}
