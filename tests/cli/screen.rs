//! Tables and colours on terminals of several kinds.

use std::fs;

use unicode_width::UnicodeWidthStr;

use crate::common::TestEnv;
use crate::terminal::Terminal;

fn with_keys() -> TestEnv {
    let env = TestEnv::new();
    let actor = ["--actor", "tester"];
    let _ = env.create(
        ["CI/CD integration", "--default", "--expires", "never"]
            .into_iter()
            .chain(actor),
    );
    let _ = env.create(
        [
            "Internal dashboard",
            "-p",
            "shop",
            "-e",
            "prod",
            "--permission",
            "read,write:orders",
            "--expires",
            "never",
        ]
        .into_iter()
        .chain(actor),
    );
    env.set(
        ["openai", "-p", "shop", "-e", "prod", "--provider", "openai"]
            .into_iter()
            .chain(actor),
        "sk-0123456789abcdef",
    );
    env
}

fn screen_of(env: &TestEnv, args: &[&str], width: u16, variables: &[(&str, &str)]) -> String {
    let mut command = env.unlocked(args);
    // In CI there is colour on whatever terminal.
    command.env_remove("CI").envs(variables.iter().copied());
    let (status, screen) = Terminal::spawn_with(command, (width, 24), |_| {}).wait();
    assert!(status.success(), "{screen}");
    screen
}

/// Whether anything is; the sign of life of what takes long is not, and neither is its line that is cleared.
pub(crate) fn is_coloured(screen: &str) -> bool {
    let mut sequences = screen.split('\u{1b}').skip(1);
    sequences.any(|sequence| {
        let end = sequence.find(|c: char| c.is_ascii_alphabetic());
        end.is_some_and(|end| sequence[end..].starts_with('m') && &sequence[..end] != "[0")
    })
}

#[test]
fn a_list_fits_the_terminal() {
    let env = with_keys();
    for width in [40, 80, 200] {
        let screen = env.screen(&screen_of(&env, &["list"], width, &[]));
        for line in screen.lines().filter(|line| !line.starts_with("Left out")) {
            assert!(line.width() <= usize::from(width), "{width}: {line}");
        }
    }
    insta::assert_snapshot!(env.screen(&screen_of(&env, &["list"], 40, &[])), @"
    NAME                 STATUS
    CI/CD integration *  active
    Internal dashboard   active
    openai               active
    Left out at this width: CREATED BY, CREATED, VARIABLE, PROVIDER, KIND, PERMISSIONS, KEY, EXPIRES, SCOPE; --json has them
    ");
    insta::assert_snapshot!(env.screen(&screen_of(&env, &["list"], 80, &[])), @"
    NAME                 SCOPE                STATUS  EXPIRES
    CI/CD integration *  default/development  active  never
    Internal dashboard   shop/production      active  never
    openai               shop/production      active  never
    Left out at this width: CREATED BY, CREATED, VARIABLE, PROVIDER, KIND, PERMISSIONS, KEY; --json has them
    ");
    insta::assert_snapshot!(env.screen(&screen_of(&env, &["list"], 200, &[])), @"
    NAME                 SCOPE                KIND      STATUS  KEY                          PERMISSIONS         PROVIDER  VARIABLE        CREATED   CREATED BY  EXPIRES
    CI/CD integration *  default/development  issued    active  kwt_dev1_[--KEY-ID--]_••••   read                -         -               just now  tester      never
    Internal dashboard   shop/production      issued    active  kwt_prod1_[--KEY-ID--]_••••  read, write:orders  -         -               just now  tester      never
    openai               shop/production      provider  active  sk-••••def                   -                   openai    OPENAI_API_KEY  just now  tester      never
    ");
}

#[test]
fn a_terminal_narrower_than_the_names_wraps_them() {
    let env = TestEnv::new();
    let wide = "広".repeat(50);
    let _ = env.create([wide.as_str(), "--expires", "never", "--actor", "tester"]);
    for width in [20, 40, 80] {
        let screen = env.screen(&screen_of(&env, &["list"], width, &[]));
        for line in screen.lines().filter(|line| !line.starts_with("Left out")) {
            assert!(line.width() <= usize::from(width), "{width}: {screen}");
        }
        assert_eq!(screen.matches('広').count(), 50, "{screen}");
    }
    let screen = env.screen(&screen_of(&env, &["list"], 1, &[]));
    assert!(!screen.is_empty());
}

#[test]
fn columns_of_the_environment_win_over_the_terminals() {
    let env = with_keys();
    let narrow = screen_of(&env, &["list"], 200, &[("COLUMNS", "40")]);
    assert_eq!(
        env.screen(&narrow),
        env.screen(&screen_of(&env, &["list"], 40, &[]))
    );
}

#[test]
fn colour_is_for_terminals_and_can_be_refused() {
    let env = with_keys();
    assert!(
        env.run(["revoke", "openai", "-p", "shop", "-e", "prod", "--yes"])
            .success()
    );
    let coloured = |args: &[&str], variables: &[(&str, &str)]| {
        is_coloured(&screen_of(&env, args, 120, variables))
    };
    for args in [
        &["list"] as &[&str],
        &["show", "--default"],
        &["search", "a"],
    ] {
        assert!(coloured(args, &[]), "{args:?}");
        assert!(!coloured(args, &[("NO_COLOR", "1")]), "{args:?}");
        assert!(!coloured(args, &[("TERM", "dumb")]), "{args:?}");
        assert!(
            !coloured(&[args, &["--color", "never"]].concat(), &[]),
            "{args:?}"
        );
        assert!(coloured(
            &[args, &["--color", "always"]].concat(),
            &[("NO_COLOR", "1")]
        ));
    }
    assert!(!coloured(&["list", "--json"], &[]));
    // The words are the same.
    let plain = screen_of(&env, &["list"], 120, &[("NO_COLOR", "1")]);
    assert_eq!(
        env.screen(&plain),
        env.screen(&screen_of(&env, &["list"], 120, &[]))
    );
    assert!(plain.contains("revoked"));

    let piped = env.run(["list"]);
    assert!(!piped.stdout_text().contains('\u{1b}'), "{piped}");
    let error = env.run(["show", "nope"]);
    assert!(!error.stderr().contains('\u{1b}'), "{error}");
    let forced = env.run_with_env(["show", "nope"], [("CLICOLOR_FORCE", "1")]);
    assert!(forced.stderr().contains('\u{1b}'), "{forced}");
    let forced = env.run(["show", "nope", "--color", "always"]);
    assert!(forced.stderr().contains('\u{1b}'), "{forced}");
}

/// Nothing but colours, the hidden cursor and erased lines of our own.
#[track_caller]
fn draws_nothing_foreign(screen: &str) {
    for part in screen.split('\u{1b}').skip(1) {
        let ours = part.starts_with("[?25") || part.starts_with("[2K");
        let colour = part
            .strip_prefix('[')
            .and_then(|rest| rest.split_once('m'))
            .is_some_and(|(numbers, _)| numbers.bytes().all(|b| b.is_ascii_digit() || b == b';'));
        assert!(ours || colour, "{part:?} in {screen:?}");
    }
    let foreign = screen.chars().find(|c| {
        ('\u{80}'..='\u{9f}').contains(c)
            || ('\u{202a}'..='\u{202e}').contains(c)
            || ('\u{200b}'..='\u{200f}').contains(c)
            || "\u{7}\u{8}".contains(*c)
    });
    assert_eq!(foreign, None, "{screen:?}");
}

/// What cannot draw by itself may be in a name, and is shown as what it is.
#[test]
fn names_cannot_draw_on_the_screen() {
    let env = TestEnv::new();
    let name = "a\u{202e}b\u{200b}c\u{2066}d";
    let _ = env.create([
        name,
        "--note",
        "x\u{202e}y\tz\nw",
        "--context",
        "team=\u{200f}b",
    ]);
    for args in [
        &["list"] as &[&str],
        &["show", name],
        &["usage"],
        &["usage", name],
        &["delete", name, "-n"],
        &["rotate", name, "-n"],
        &["search", "b"],
    ] {
        draws_nothing_foreign(&screen_of(&env, args, 120, &[]));
    }
    let (_, screen) = Terminal::spawn(env.unlocked(["show", "no\u{202e}ne"])).wait();
    draws_nothing_foreign(&screen);
    let mut terminal = Terminal::spawn(env.unlocked(["delete", name]));
    terminal.expect_question();
    terminal.send("n\r");
    draws_nothing_foreign(&terminal.wait().1);
    insta::assert_snapshot!(env.run(["show", name]), @r"
    exit: 0
    ---- stdout
    name         a\u{202e}b\u{200b}c\u{2066}d
    key          kwt_dev1_[--KEY-ID--]_••••
    key id       [--KEY-ID--]
    kind         issued
    project      default
    environment  development
    status       active
    permissions  read
    context      team=\u{200f}b
    created      just now, [-------TIME-------] by tester@[HOST]
    expires      in 90 d, [-------TIME-------]
    last used    never
    requests     0, 0 refused

    GENERATION  STATE    CREATED               CREATED BY  WORKS UNTIL           REQUESTS  LAST USED
    1           current  [-------TIME-------]  tester@[HOST]  [-------TIME-------]  0         -

    x\u{202e}y\u{9}z
    w
    ---- stderr
    ");
    // JSON is for programs, which get the name as it is.
    assert_eq!(env.names(), [name]);
}

#[test]
fn foreign_text_in_errors_cannot_draw_either() {
    let env = TestEnv::new();
    let hostile = "\u{1b}[2J\u{1b}]0;owned\u{7}\u{9b}31m\u{202e}";
    for args in [
        &["show", hostile] as &[&str],
        &["create", hostile],
        &["list", "-p", hostile],
        &["list", "--kind", hostile],
        &["list", "--vault", hostile],
        &["list", "--passphrase-file", hostile],
        &["list", &format!("--{hostile}")],
        &[hostile],
        &["man", hostile],
        &["list", hostile],
        &["init", "-n", "--vault", hostile],
        &["completions", "--dir", hostile],
    ] {
        let (_, screen) = Terminal::spawn(env.unlocked(args)).wait();
        draws_nothing_foreign(&screen);
    }
    let mut command = env.unlocked(["list"]);
    command.env("KEYWRIGHT_PROJECT", hostile);
    draws_nothing_foreign(&Terminal::spawn(command).wait().1);
    fs::create_dir(env.path(hostile)).expect("made");
    fs::write(env.path(hostile).join("keywright.toml"), "x").expect("written");
    let mut command = env.unlocked(["list"]);
    command.current_dir(env.path(hostile));
    draws_nothing_foreign(&Terminal::spawn(command).wait().1);
}

#[test]
fn json_is_indented_when_somebody_looks() {
    let env = with_keys();
    let screen = screen_of(&env, &["list", "--json"], 80, &[]);
    assert!(screen.lines().count() > 50, "{screen}");
    let looked: serde_json::Value = serde_json::from_str(&screen).expect("JSON");
    assert_eq!(looked, env.run(["list", "--json"]).json());
    assert_eq!(env.run(["list", "--json"]).stdout_text().lines().count(), 1);
}

#[test]
fn json_draws_nothing_on_a_terminal_either() {
    let env = TestEnv::new();
    let name = "a\u{202e}b\u{ad}c";
    env.create([name]);
    for args in [
        &["list", "--json"] as &[&str],
        &["show", name, "--json"],
        &["export"],
    ] {
        let (status, screen) = Terminal::spawn(env.unlocked(args)).wait();
        assert!(status.success(), "{screen}");
        draws_nothing_foreign(&screen);
        assert!(screen.contains(r"a\u202eb\u00adc"), "{args:?}: {screen}");
    }
}
