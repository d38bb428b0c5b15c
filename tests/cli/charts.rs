//! Charts on terminals of several widths and locales, and what hostile text can do in them: nothing.

use std::process::Stdio;

use rusqlite::params;
use unicode_width::UnicodeWidthStr;

use crate::common::TestEnv;
use crate::terminal::Terminal;

const UTF8: (&str, &str) = ("LC_ALL", "C.UTF-8");
const ASCII: (&str, &str) = ("LC_ALL", "C");

/// Counts that a vault of some age has: 400 days of one key's uses, some of them refused.
fn with_history(env: &TestEnv, name: &str) {
    let id = env.show([name])["key_id"].clone();
    let id = id.as_str().expect("text").as_bytes();
    let activity = rusqlite::Connection::open(env.activity()).expect("an activity file");
    let insert = "INSERT OR REPLACE INTO usage (key_id, generation, day, code, count, last_at)
                  VALUES (?1, ?2, ?3, ?4, ?5, ?3 * 86400)";
    let today = chrono::Utc::now().timestamp() / 86_400;
    let transaction = activity.unchecked_transaction().expect("a transaction");
    for back in 1..400 {
        let (day, count) = (today - back, 1 + back * 37 % 100);
        let add = |generation, code, count| {
            let row = params![id, generation, day, code, count];
            transaction.execute(insert, row).expect("inserted");
        };
        add(1, "valid", count);
        if back % 3 == 0 {
            add(0, "wrong_secret", 2);
            add(1, "wrong_environment", 1);
        }
    }
    transaction.commit().expect("committed");
}

/// A used key, so that there is an activity file.
fn used_key(env: &TestEnv, name: &str) {
    let token = env.create([name]);
    assert!(env.run_with_stdin(["verify"], &token).success());
}

/// Lines of the answer; notes go nowhere.
fn answer(env: &TestEnv, args: &[&str], width: u16, locale: (&str, &str)) -> Vec<String> {
    let mut command = env.unlocked(args);
    command.envs([locale, ("NO_COLOR", "1")]);
    let mut terminal = Terminal::spawn_with(command, (width, 24), |command| {
        command.stderr(Stdio::null());
    });
    let (status, screen) = terminal.wait();
    assert!(status.success(), "{args:?}: {screen}");
    // What is no text of ours must not be there to be taken out.
    let controls = screen.replace("\r\n", "\n");
    assert!(
        !controls.contains(|c: char| c.is_control() && c != '\n'),
        "{controls:?}"
    );
    controls.lines().map(str::to_owned).collect()
}

/// Named fields are sentences, which a terminal of less than 80 columns wraps; all else is a chart or a table.
fn is_sentence(line: &str) -> bool {
    [
        "requests  ",
        "last used  ",
        "wrong secret  ",
        "without a key  ",
    ]
    .iter()
    .any(|field| line.starts_with(field))
}

#[track_caller]
fn fits(lines: &[String], width: u16) {
    assert!(lines.len() > 2, "{lines:?}");
    let wraps = |line: &&String| width < 80 && is_sentence(line);
    for line in lines.iter().filter(|line| !wraps(line)) {
        assert!(line.width() <= usize::from(width), "{width}: {line:?}");
    }
}

#[test]
fn charts_fit_widths_of_40_80_and_200() {
    let env = TestEnv::new();
    used_key(&env, "deploy");
    with_history(&env, "deploy");
    let _ = env.create(["a name of more than forty columns, idle all the time"]);
    for width in [40, 80, 200] {
        for locale in [UTF8, ASCII] {
            for args in [
                &["usage"] as &[&str],
                &["usage", "--since", "400d"],
                &["usage", "--since", "400d", "--by", "month"],
                &["usage", "deploy"],
                &["usage", "deploy", "--since", "400d"],
                &["usage", "deploy", "--since", "10w", "--by", "week"],
                &["usage", "deploy", "--since", "400d", "--by", "month"],
            ] {
                fits(&answer(&env, args, width, locale), width);
            }
        }
    }
}

#[test]
fn the_longest_bar_fills_the_width() {
    let env = TestEnv::new();
    used_key(&env, "deploy");
    for (locale, block) in [(UTF8, '█'), (ASCII, '#')] {
        for width in [40, 80, 200] {
            let lines = answer(&env, &["usage", "deploy"], width, locale);
            assert_eq!(lines[0].width(), usize::from(width), "{lines:?}");
            assert!(lines[0].ends_with(block), "{lines:?}");
        }
    }
}

#[test]
fn a_terminal_of_width_0_is_taken_for_80_columns() {
    let env = TestEnv::new();
    used_key(&env, "deploy");
    with_history(&env, "deploy");
    for args in [
        &["usage"] as &[&str],
        &["usage", "--since", "400d"],
        &["usage", "deploy"],
    ] {
        let (none, usual) = (answer(&env, args, 0, UTF8), answer(&env, args, 80, UTF8));
        assert_eq!(none, usual);
        assert_ne!(none, answer(&env, args, 120, UTF8));
        // Too narrow for anything is no reason to fail.
        assert!(!answer(&env, args, 1, UTF8).is_empty());
    }
}

#[test]
fn where_there_is_no_room_neighbours_share_a_character() {
    let env = TestEnv::new();
    used_key(&env, "deploy");
    with_history(&env, "deploy");
    let screen = |width, args: &[&str]| {
        let mut command = env.unlocked(args);
        command.envs([UTF8]);
        let (_, screen) = Terminal::spawn_with(command, (width, 24), |_| {}).wait();
        env.screen(&screen)
    };
    let wide = screen(200, &["usage"]);
    assert!(wide.contains("(UTC), one character a day"), "{wide}");
    let narrow = screen(40, &["usage"]);
    assert!(
        narrow.contains("(UTC), one character for 4 days"),
        "{narrow}"
    );
    let long = screen(80, &["usage", "--since", "400d"]);
    assert!(long.contains("(UTC), one character for 10 days"), "{long}");
    let months = screen(80, &["usage", "--since", "400d", "--by", "month"]);
    assert!(months.contains("(UTC), one character a month"), "{months}");
}

#[test]
fn without_utf_8_a_chart_is_ascii() {
    let env = TestEnv::new();
    used_key(&env, "deploy");
    with_history(&env, "deploy");
    for locale in [
        ASCII,
        ("LC_ALL", "POSIX"),
        ("LC_ALL", "en_US.ISO-8859-1"),
        ("LANG", "de_DE.ISO-8859-15"),
        ("LANG", ""),
    ] {
        for args in [&["usage"] as &[&str], &["usage", "deploy"]] {
            let lines = answer(&env, args, 80, locale).join("\n");
            assert!(lines.is_ascii(), "{locale:?}: {lines}");
            assert!(lines.contains('#'), "{locale:?}: {lines}");
        }
    }
    for locale in [UTF8, ("LANG", "en_US.utf8"), ("LC_CTYPE", "ja_JP.UTF-8")] {
        for args in [&["usage"] as &[&str], &["usage", "deploy"]] {
            let lines = answer(&env, args, 80, locale).join("\n");
            assert!(lines.contains('█'), "{locale:?}: {lines}");
            assert!(!lines.contains('#'), "{locale:?}: {lines}");
        }
    }
    // LC_ALL decides over the others.
    let mut command = env.unlocked(["usage"]);
    command.envs([ASCII, ("LANG", "en_US.UTF-8")]);
    let (_, screen) = Terminal::spawn(command).wait();
    assert!(!screen.contains('█'), "{screen}");
}

#[test]
fn hostile_names_stay_in_their_column() {
    let env = TestEnv::new();
    let wide = "鍵".repeat(100);
    let names = [
        wide.as_str(),
        "\u{202e}gnol dna sdrawkcab\u{2066}\u{200f}",
        "x\u{200b}\u{feff}y",
        "plain",
    ];
    for name in names {
        used_key(&env, name);
    }
    with_history(&env, &wide);
    for width in [40, 80, 200] {
        for locale in [UTF8, ASCII] {
            let all = answer(&env, &["usage"], width, locale);
            fits(&all, width);
            let all = all.join("\n");
            assert_eq!(all.matches('鍵').count(), 100, "{all}");
            assert!(
                !all.contains(['\u{202e}', '\u{2066}', '\u{200f}', '\u{200b}', '\u{feff}']),
                "{all}"
            );
            // A wrapped name leaves the spark lines whole: as many of them end today as there are keys.
            let newest = if locale == UTF8 { "█ " } else { "# " };
            assert!(all.matches(newest).count() >= names.len() - 1, "{all}");
            for name in names {
                fits(&answer(&env, &["usage", name], width, locale), width);
            }
        }
    }
}

#[test]
fn hostile_callers_and_codes_stay_in_their_columns() {
    let env = TestEnv::new();
    let token = env.create(["deploy"]);
    let callers = ["鍵".repeat(40), "a\u{202e}b\u{200b}c".to_owned()];
    for caller in &callers {
        let used = env.run_with_stdin(["verify", "--actor", caller], &token);
        assert!(used.success(), "{used}");
    }
    let strange = env.run_with_stdin(["verify"], "nonsense");
    assert_eq!(strange.code(), Some(10));
    // Nobody vouches for the words in this file.
    let activity = rusqlite::Connection::open(env.activity()).expect("an activity file");
    let changed = activity.execute(
        "UPDATE usage SET code = ?1",
        ["\u{1b}[2J\u{9b}31m\u{202e}鍵"],
    );
    assert_eq!(changed.expect("altered"), 2);
    drop(activity);
    for width in [40, 80, 200] {
        for locale in [UTF8, ASCII] {
            for args in [&["usage"] as &[&str], &["usage", "deploy"]] {
                let lines = answer(&env, args, width, locale);
                fits(&lines, width);
                let text = lines.join("\n");
                assert!(
                    !text.contains(['\u{202e}', '\u{200b}', '\u{9b}']),
                    "{text:?}"
                );
                assert!(text.contains("\\u{"), "{text}");
            }
        }
    }
    let told = env.run(["usage"]);
    assert!(
        told.stdout_text()
            .contains("without a key  1 attempt: 1 \\u{1b}[2J"),
        "{told}"
    );
}

#[test]
fn counts_that_cannot_be_are_shown_all_the_same() {
    let env = TestEnv::new();
    used_key(&env, "deploy");
    let activity = rusqlite::Connection::open(env.activity()).expect("an activity file");
    for (day, count) in [(i64::MAX, -1), (i64::MAX - 1, i64::MAX), (i64::MIN, 7)] {
        let insert = "INSERT INTO usage SELECT key_id, 4294967295, ?1, 'valid', ?2, ?1 FROM usage WHERE generation = 1";
        activity.execute(insert, [day, count]).expect("inserted");
    }
    drop(activity);
    for args in [
        &["usage"] as &[&str],
        &["usage", "deploy"],
        &["usage", "--json"],
        &["usage", "deploy", "--json"],
        &["show", "deploy"],
        &["show", "deploy", "--json"],
    ] {
        let shown = env.run(args);
        assert!(shown.success(), "{args:?}: {shown}");
    }
    for width in [40, 80] {
        fits(&answer(&env, &["usage", "deploy"], width, UTF8), width);
    }
}
