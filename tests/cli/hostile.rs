//! Texts that would draw, turn around or vanish on a screen, in every field that takes them and every command that
//! shows them.

use std::collections::BTreeSet;

use serde_json::Value;
use unicode_width::UnicodeWidthStr;

use crate::audit_follow::Followed;
use crate::common::{Outcome, TestEnv};
use crate::terminal::Terminal;
use crate::verify::with_checksum;

/// Texts of one line that a name, tag, provider, model, actor or context value may be.
const TEXTS: [&str; 9] = [
    "in\u{202e}voice\u{202c}exe.pdf",
    "\u{2066}isolated\u{2069} \u{61c}mark\u{200f}",
    "pay\u{200b}pal\u{200d}\u{2060}\u{feff}x",
    "line\u{2028}break\u{2029}end",
    "tag\u{e0041}\u{e007f}ged \u{fff9}x\u{fffb}",
    "👩\u{200d}👩\u{200d}👧\u{fe0f} 🏴",
    "\u{301}ẓ\u{310}\u{489}a\u{20dd}lgo",
    "$(id) `id` 'q' \"q\" \\u{202e} {} %s | ;",
    "--help",
];

/// A note may have several lines, and tabs.
const NOTE: &str = "first\n\tsecond \u{202e}turned\u{2028}\n\u{200b}\n鍵鍵";

/// The hostile texts, and the widest one: 100 characters of two columns each.
fn texts() -> Vec<String> {
    let mut texts: Vec<String> = TEXTS.iter().map(|text| (*text).to_owned()).collect();
    texts.push("鍵".repeat(100));
    texts
}

/// The characters of a text that must not reach a screen as they are.
fn raw(text: &str) -> BTreeSet<char> {
    let harmful = |c: &char| {
        (c.is_control() && *c != '\n')
            || matches!(*c as u32,
                0x61c | 0x200b..=0x200f | 0x2028..=0x202e | 0x2060..=0x2069 | 0xfeff | 0xfff9..=0xfffb
                | 0xe0000..=0xe007f)
    };
    text.chars().filter(harmful).collect()
}

/// What a terminal shows, one line each: styles and erased lines of our own are taken out, as no text of a vault has the
/// escape character they begin with.
fn shown(screen: &str) -> String {
    let mut parts = screen.split("\u{1b}[");
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let parameters =
            part.trim_start_matches(|c: char| c.is_ascii_digit() || c == ';' || c == '?');
        let own = parameters.starts_with(['m', 'K', 'l', 'h']);
        assert!(own, "no style of ours: {screen:?}");
        text.push_str(&parameters[1..]);
    }
    text.replace("\r\n", "\n").replace('\r', "")
}

/// A vault with the texts in every field, and uses, refusals and changes by everybody.
fn vault() -> (TestEnv, Vec<String>) {
    let env = TestEnv::new();
    let texts = texts();
    let role = ["role", "set", "night", "--permission", "write"];
    let context = |at: usize| format!("who={}", texts[at]);
    let made = env.run([&role[..], &["--context", &context(0), "--actor", &texts[1]]].concat());
    assert!(made.success(), "{made}");
    let mut tokens = Vec::new();
    for (at, text) in texts.iter().enumerate() {
        let other = &texts[(at + 1) % texts.len()];
        let tag: String = other.chars().take(50).collect();
        let pair = format!("where={other}");
        let (tag, actor) = (format!("--tag={}", tag.trim()), format!("--actor={other}"));
        let labels = [tag.as_str(), "--note", NOTE, &actor];
        let issued = [
            &labels[..],
            &["--role", "night", "--context", &pair, "--", text],
        ]
        .concat();
        tokens.push(env.create(issued));
        let (provider, model) = (format!("--provider={text}"), format!("--model={other}"));
        let kept = [&labels[..], &[&provider, &model, "-p", "shop", "--", text]].concat();
        env.set(kept, "sk-0123456789abcdef");
    }
    let forged = with_checksum(&format!("{}_{}", &tokens[0][..21], "a".repeat(32)));
    for (at, actor) in texts.iter().enumerate() {
        let actor = format!("--actor={actor}");
        let used = env.run_with_stdin(["verify", "--require=write:x", &actor], &tokens[at]);
        assert!(used.success(), "{used}");
    }
    for (token, code) in [(&tokens[1], 11), (&forged, 10)] {
        let actor = format!("--actor={}", texts[2]);
        let refused = env.run_with_stdin(["verify", "--require=read", &actor], token);
        assert_eq!(refused.code(), Some(code), "{refused}");
    }
    (env, texts)
}

/// Commands that show all there is.
const VIEWS: &[&[&str]] = &[
    &["list"],
    &["list", "--expiring", "999d"],
    &["search", ""],
    &["usage"],
    &["usage", "--by", "week", "-p", "shop"],
    &["role", "list"],
    &["role", "show", "night"],
    &["audit", "--limit", "400"],
    &["status"],
];

/// What is done to a key, all of it only shown; `{}` is its name.
const ABOUT_ONE: &[&[&str]] = &[
    &["show", "--", "{}"],
    &["show", "-p", "shop", "--", "{}"],
    &["usage", "--", "{}"],
    &["audit", "--", "{}"],
    &[
        "edit",
        "-n",
        "--rename=new {}",
        "--note=x {}",
        "--tag={}",
        "--context=a={}",
        "--actor={}",
        "--",
        "{}",
    ],
    &[
        "edit",
        "-n",
        "-p",
        "shop",
        "--provider={}",
        "--add-model=x {}",
        "--no-tags",
        "--",
        "{}",
    ],
    &["rotate", "-n", "--", "{}"],
    &["revoke", "-n", "--", "{}"],
    &["delete", "-n", "-p", "shop", "--", "{}"],
    &["create", "-n", "--context=a={}", "--", "x {}"],
    &["role", "set", "-n", "night", "--context=a={}"],
    // Refused.
    &["show", "-p", "nowhere", "--", "{}"],
    &["show", "--", "{}~"],
    &["show", "--", "{}{}{}{}{}{}{}{}{}{}{}{}"],
    &["show", "--", "\u{1b}[2J{}"],
    &["create", "--", "{}"],
    &["create", "--", "{}\u{9b}31m"],
    &["edit", "night", "--rename={}"],
    &["get", "--", "{}"],
    &["rotate", "--", "{}"],
    &["delete", "--", "{}"],
    &["list", "--status={}"],
    &["list", "-p", "{}"],
    &["role", "show", "--", "{}"],
    &["verify", "--require={}"],
    &["help", "--", "{}"],
    &["audit", "--verb={}"],
    &["audit", "--since={}"],
    &["--vault={}", "status"],
    &["--passphrase-file={}", "list"],
    &["nonsense{}"],
    &["list", "--nonsense{}"],
    &["list", "{}"],
];

/// A command about one of the texts.
fn about(command: &[&str], text: &str) -> Vec<String> {
    command
        .iter()
        .map(|word| word.replace("{}", text))
        .collect()
}

/// That neither stream has a character as it must not be, and that no command crashed.
#[track_caller]
fn harmless(args: &[impl AsRef<str>], outcome: &Outcome) -> Result<(), String> {
    let args: Vec<&str> = args.iter().map(AsRef::as_ref).collect();
    for stream in [outcome.stdout_text(), outcome.stderr()] {
        let raw = raw(&stream);
        if !raw.is_empty() {
            return Err(format!("{args:?} shows {raw:?}: {stream}"));
        }
    }
    match outcome.code() {
        Some(0..=11) => Ok(()),
        _ => Err(format!("{args:?}: {outcome}")),
    }
}

/// Fails with all that was found.
#[track_caller]
fn nothing_of(found: impl Iterator<Item = Result<(), String>>) {
    let found: Vec<String> = found.filter_map(Result::err).collect();
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn a_raw_character_is_found() {
    for text in &TEXTS[..6] {
        assert!(!raw(text).is_empty(), "{text:?}");
        assert!(raw(&text.escape_unicode().to_string()).is_empty());
    }
    for text in ["\u{1b}[31m", "\t", "\r", "\u{9b}", "\u{7f}"] {
        assert!(!raw(text).is_empty(), "{text:?}");
    }
    let env = TestEnv::empty();
    let mut echo = env.program("printf");
    echo.args(["%s", TEXTS[0]]);
    assert!(harmless(&["printf"], &env.finish(echo, "")).is_err());
    let styled = shown("\u{1b}[1mNAME\u{1b}[0m\r\n\u{202e}");
    assert_eq!(styled, "NAME\n\u{202e}");
    assert!(too_wide(&"鍵".repeat(21), 40).is_some());
    assert!(too_wide(&"鍵".repeat(20), 40).is_none());
}

#[test]
fn no_stream_gets_a_hostile_text_as_it_is() {
    let (env, texts) = vault();
    let mut found = Vec::new();
    for view in VIEWS {
        found.push(harmless(view, &env.run(*view)));
    }
    for command in ABOUT_ONE {
        // One text after another: each command with two of them, each text with many commands.
        for text in texts.iter().cycle().skip(found.len() * 2).take(2) {
            let args = about(command, text);
            found.push(harmless(&args, &env.run(&args)));
        }
    }
    for json in [false, true] {
        for token in ["", "\u{1b}[2J", "\u{202e}x"] {
            let args = if json {
                vec!["verify", "--json"]
            } else {
                vec!["verify"]
            };
            found.push(harmless(&args, &env.run_with_stdin(&args, token)));
        }
    }
    for text in &texts {
        let rotated = env.run(["rotate", "--yes", "--overlap", "1h", "--", text]);
        found.push(harmless(&["rotate"], &rotated));
        let verify = ["verify", "--no-record", "--require", "admin"];
        found.push(harmless(
            &verify,
            &env.run_with_stdin(verify, rotated.token()),
        ));
        found.push(harmless(
            &verify,
            &env.run_with_stdin(&verify[..2], rotated.token()),
        ));
    }
    nothing_of(found.into_iter());
}

#[test]
fn programs_get_every_text_as_it_was_given() {
    let (env, texts) = vault();
    let same: BTreeSet<&str> = texts.iter().map(String::as_str).collect();
    for args in [
        &["list", "--json"] as &[&str],
        &["list", "--json", "--kind", "provider"],
        &["search", "", "--json"],
        &["usage", "--json"],
        &["export"],
        &["export", "--reveal"],
        &["audit", "--json", "--verb", "create", "--limit", "99"],
        &["audit", "--json", "--code", "valid", "--limit", "999"],
    ] {
        let mut strings = BTreeSet::new();
        documents(&env, args)
            .iter()
            .for_each(|document| gather(document, &mut strings));
        let missing: Vec<_> = same
            .iter()
            .filter(|text| !strings.contains(**text))
            .collect();
        assert!(missing.is_empty(), "{args:?}: {missing:?}");
    }
    for text in &texts {
        let shown = env.show(["-p", "shop", "--", text]);
        assert_eq!([&shown["name"], &shown["providers"][0]], [text.as_str(); 2]);
        assert_eq!(shown["note"], NOTE);
        let shown = env.show(["--", text.as_str()]);
        assert_eq!(shown["context"]["who"], texts[0]);
        let made_by = texts
            .iter()
            .position(|other| other == text)
            .map(|at| (at + 1) % texts.len());
        assert_eq!(shown["created_by"], texts[made_by.expect("one of them")]);
        let refused = env.run(["show", "-p", "nowhere", "--json", "--", text]);
        assert_eq!(refused.error_json()["error"]["exit_code"], 3, "{refused}");
        assert_eq!(harmless(&["show"], &refused), Ok(()));
        let name = format!("{text}\u{9b}31m");
        let refused = env.run(["create", "--json", "--", &name]);
        assert_eq!(harmless(&["create"], &refused), Ok(()));
        assert_eq!(refused.code(), Some(2), "{refused}");
    }
    // What one vault exports, another takes in, and exports again.
    let exported = env.run(["export", "--reveal"]);
    let made = env.run(["init", "--vault", "other.db", "--kdf", "test"]);
    assert!(made.success(), "{made}");
    let import = ["import", "--format", "json", "--vault", "other.db"];
    let imported = env.run_with_stdin(import, exported.stdout());
    assert_eq!(harmless(&import, &imported), Ok(()));
    assert!(imported.success(), "{imported}");
    let again = env.run(["export", "--reveal", "--vault", "other.db"]);
    assert_eq!(
        again.json()["keys"].as_array().map(Vec::len),
        Some(texts.len() * 2)
    );
    let names = |outcome: &Outcome| outcome.names();
    assert_eq!(names(&again), names(&exported));
    let clash = env.run_with_stdin(import, exported.stdout());
    assert_eq!((clash.code(), harmless(&import, &clash)), (Some(4), Ok(())));
}

/// The documents of an answer, which may have every text, but no control characters between or in them.
#[track_caller]
fn documents(env: &TestEnv, args: &[&str]) -> Vec<Value> {
    let outcome = env.run(args);
    assert!(outcome.success(), "{outcome}");
    assert_eq!(raw(&outcome.stderr()), BTreeSet::new());
    let text = outcome.stdout_text();
    assert!(
        !text.contains(|c: char| c.is_control() && c != '\n'),
        "{text}"
    );
    if let Ok(document) = serde_json::from_str(&text) {
        return vec![document];
    }
    let document = |line| serde_json::from_str(line).expect("a document a line");
    text.lines().map(document).collect()
}

/// All strings of a document.
fn gather(document: &Value, strings: &mut BTreeSet<String>) {
    match document {
        Value::Array(values) => values.iter().for_each(|value| gather(value, strings)),
        Value::Object(fields) => fields.values().for_each(|value| gather(value, strings)),
        Value::String(text) => {
            strings.insert(text.clone());
        }
        Value::Bool(_) | Value::Null | Value::Number(_) => {}
    }
}

/// Commands whose tables fit the terminal; `audit` and the fields of one key are the terminal's to wrap.
const TABLES: &[&[&str]] = &[&["list"], &["search", ""], &["usage"], &["role", "list"]];

/// The first line of a table that is wider than the terminal. What stands below it is text, which may wrap.
fn too_wide(screen: &str, width: u16) -> Option<&str> {
    let below = |line: &&str| {
        let words = ["Left out", "without a key"]
            .iter()
            .any(|words| line.starts_with(words));
        !words && !line.contains("(UTC), one character")
    };
    let lines = screen.lines().filter(below);
    lines
        .into_iter()
        .find(|line| line.width() > usize::from(width))
}

#[test]
fn no_terminal_gets_one_either_and_tables_fit_it() {
    let (env, texts) = vault();
    let screen = |args: &[&str], width: u16| {
        let (_, screen) = Terminal::spawn_with(env.unlocked(args), (width, 24), |_| {}).wait();
        shown(&screen)
    };
    let mut found = Vec::new();
    for width in [40, 80, 200] {
        for view in VIEWS {
            let screen = screen(view, width);
            let raw = raw(&screen);
            if !raw.is_empty() {
                found.push(Err(format!("{view:?} shows {raw:?}: {screen}")));
            }
            if let Some(line) = too_wide(&screen, width).filter(|_| TABLES.contains(view)) {
                found.push(Err(format!("{view:?} is wider than {width}: {line}")));
            }
        }
    }
    for (at, text) in texts.iter().enumerate() {
        for command in &ABOUT_ONE[..9] {
            let args = about(command, text);
            let args: Vec<&str> = args.iter().map(String::as_str).collect();
            let screen = screen(&args, [40, 80, 200][at % 3]);
            let raw = raw(&screen);
            if !raw.is_empty() {
                found.push(Err(format!("{args:?} shows {raw:?}: {screen}")));
            }
        }
    }
    nothing_of(found.into_iter());
}

fn questions_are_harmless(env: &TestEnv, texts: &[String]) {
    for (command, text) in ["rotate", "revoke", "delete"].iter().zip(texts) {
        let mut terminal = Terminal::spawn(env.unlocked([*command, text]));
        terminal.expect_question();
        terminal.send("n\n");
        let (status, screen) = terminal.wait();
        assert_eq!(
            (status.code(), raw(&shown(&screen))),
            (Some(6), BTreeSet::new()),
            "{screen:?}"
        );
    }
}

#[test]
fn what_is_followed_or_asked_is_harmless() {
    let (env, texts) = vault();
    questions_are_harmless(&env, &texts);
    let followed = Followed::start(env.command(["audit", "--follow", "--limit", "400"]));
    let actor = format!("--actor={}", texts[0]);
    let _ = env.create([actor.as_str(), "--", "the last\u{202e} one"]);
    let mut read = String::new();
    while !read.contains("the last") {
        read.push_str(&followed.expect(""));
        read.push('\n');
    }
    assert_eq!(raw(&read), BTreeSet::new(), "{read}");
}

#[test]
fn completion_offers_nothing_that_draws() {
    let (env, texts) = vault();
    let mut offered = String::new();
    for (shell, typed) in [
        ("bash", "9\0keywright show \0\0"),
        ("bash", "63\0keywright -p shop show \0\0"),
        ("bash", "9\0keywright list --tag \0\0"),
        ("fish", "keywright\0show\0\0"),
        ("zsh", "keywright\0show\0\0"),
        ("zsh", "keywright\0show\0--\0\0"),
        ("zsh", "keywright\0list\0--provider\0\0"),
        ("zsh", "keywright\0list\0--tag\0\0"),
        ("zsh", "keywright\0-p\0\0"),
    ] {
        let answer = env.run_with_stdin(["complete", shell, "--patient"], typed);
        let lines = answer.stdout_text();
        assert!(answer.success() && answer.stderr().is_empty(), "{answer}");
        // Between a word and its description stands a tab.
        assert_eq!(raw(&lines.replace('\t', " ")), BTreeSet::new(), "{answer}");
        assert!(
            lines.lines().all(|line| line.matches('\t').count() <= 1),
            "{lines}"
        );
        offered.push_str(&lines);
    }
    // Who cannot be offered by name is there by key id; what draws nothing is offered.
    for text in &texts {
        let harmless = raw(text).is_empty() && !text.starts_with('-');
        assert_eq!(
            offered.contains(text.as_str()),
            harmless || text == "--help",
            "{text:?}"
        );
    }
    let id = env.show(["--", &texts[0]])["key_id"].clone();
    assert!(offered.contains(id.as_str().expect("an id")), "{offered}");
}
