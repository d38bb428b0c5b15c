//! What is said of a new value that looks wrong, and what is not said of it.

use crate::common::{Outcome, TestEnv, Transcript, words};

/// Says nothing of whose it is.
const PLAIN: &str = "7f3a91c55e20bd840d6b82e7714fc93a";

fn run(env: &TestEnv, told: &mut Transcript, line: &str, value: &str) -> Outcome {
    let words = words(line);
    let outcome = env.run_with_stdin(&words, value);
    told.add(
        &words.iter().map(String::as_str).collect::<Vec<_>>(),
        &outcome,
    );
    outcome
}

#[test]
fn a_key_of_another_provider_is_a_warning() {
    let env = TestEnv::new();
    let mut told = Transcript::default();
    for prefix in ["sk-ant-", "sk_live_", "ghp_"] {
        let value = format!("{prefix}{PLAIN}");
        for line in ["set openai --yes -n", "set openai --yes"] {
            assert!(run(&env, &mut told, line, &value).success());
        }
        // The same value again is no news.
        assert!(run(&env, &mut told, "set openai", &value).success());
        assert_eq!(env.run(["get", "openai"]).stdout_text(), value);
    }
    let value = format!("xai-{PLAIN}");
    for line in [
        "rotate openai --yes -n",
        "rotate openai --yes --json",
        "set openai --provider groq --provider mistral --yes -q",
        "set openai --provider xai --yes",
        "set unknown --provider acme",
        "set grok",
    ] {
        let line = line.to_owned();
        let value = if line.contains("mistral") {
            value.replace('7', "8")
        } else {
            value.clone()
        };
        let words = words(&line);
        let outcome = env.run_with_stdin(&words, &value);
        assert!(outcome.success(), "{outcome}");
        if line.contains("--json") {
            assert_eq!(outcome.json()["outcome"], "rotated");
            let warned = outcome.stderr();
            assert_eq!(
                warned,
                "warning: the value looks like a key of `xai`, and `openai` is of `openai`\n"
            );
        } else {
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            told.add(&words, &outcome);
        }
    }
    insta::assert_snapshot!(told, @"
    $ keywright set openai --yes -n
    warning: the value looks like a key of `anthropic`, and `openai` is of `openai`
    Would store provider key `openai` in default/development
      provider     openai (by default)
      variable     OPENAI_API_KEY (by default)
    [exit 0]
    $ keywright set openai --yes
    warning: the value looks like a key of `anthropic`, and `openai` is of `openai`
    Stored provider key `openai` in default/development
      provider     openai (by default)
      variable     OPENAI_API_KEY (by default)
    [exit 0]
    $ keywright set openai
    `openai` in default/development is unchanged
    [exit 0]
    $ keywright set openai --yes -n
    warning: the value looks like a key of `stripe`, and `openai` is of `openai`
    Would replace the value of `openai` in default/development
    [exit 0]
    $ keywright set openai --yes
    warning: the value looks like a key of `stripe`, and `openai` is of `openai`
    Replaced the value of `openai` in default/development
    [exit 0]
    $ keywright set openai
    `openai` in default/development is unchanged
    [exit 0]
    $ keywright set openai --yes -n
    warning: the value looks like a key of `github`, and `openai` is of `openai`
    Would replace the value of `openai` in default/development
    [exit 0]
    $ keywright set openai --yes
    warning: the value looks like a key of `github`, and `openai` is of `openai`
    Replaced the value of `openai` in default/development
    [exit 0]
    $ keywright set openai
    `openai` in default/development is unchanged
    [exit 0]
    $ keywright rotate openai --yes -n
    warning: the value looks like a key of `xai`, and `openai` is of `openai`
    Would replace the value of `openai` in default/development (last used just now)
    [exit 0]
    $ keywright set openai --provider groq --provider mistral --yes -q
    warning: the value looks like a key of `xai`, and `openai` is of `groq`, `mistral`
    [exit 0]
    $ keywright set openai --provider xai --yes
    Replaced the value of `openai` in default/development
    [exit 0]
    $ keywright set unknown --provider acme
    Stored provider key `unknown` in default/development
    [exit 0]
    $ keywright set grok
    Stored provider key `grok` in default/development
    [exit 0]
    ");
}

#[test]
fn white_space_placeholders_and_own_tokens_are_warnings() {
    let env = TestEnv::new();
    let token = env.create(["deploy"]);
    let mut told = Transcript::default();
    for (line, value) in [
        ("set space", "7f3a91c5 "),
        ("set line --exact", "7f3a91c5\n"),
        ("set lines", "7f3a91c5\n\n"),
        ("set mark", "\u{feff}7f3a91c5"),
        ("set pem --exact", "-----\n7f3a91c5\n-----\n"),
        ("set dropped", "7f3a91c5\r\n"),
        ("set blunt", "YOUR_API_KEY_HERE"),
        ("set template", "${OPENAI_API_KEY}"),
        ("set cut", "sk-proj-..."),
        ("set both", " changeme"),
        ("set own", &token),
        ("rotate dropped --yes", "<your key>"),
        ("set pem --yes -q", "todo"),
    ] {
        assert!(run(&env, &mut told, line, value).success(), "{line}");
    }
    insta::assert_snapshot!(told, @r"
    $ keywright set space
    warning: the value of `space` begins or ends with white space, which is kept
    Stored provider key `space` in default/development
    [exit 0]
    $ keywright set line --exact
    warning: the value of `line` begins or ends with white space, which is kept
    Stored provider key `line` in default/development
    [exit 0]
    $ keywright set lines
    warning: the value of `lines` begins or ends with white space, which is kept
    Stored provider key `lines` in default/development
    [exit 0]
    $ keywright set mark
    warning: the value of `mark` begins or ends with white space, which is kept
    Stored provider key `mark` in default/development
    [exit 0]
    $ keywright set pem --exact
    Stored provider key `pem` in default/development
    [exit 0]
    $ keywright set dropped
    Stored provider key `dropped` in default/development
    [exit 0]
    $ keywright set blunt
    warning: the value of `blunt` looks like a placeholder or a part of a key
    Stored provider key `blunt` in default/development
    [exit 0]
    $ keywright set template
    warning: the value of `template` looks like a placeholder or a part of a key
    Stored provider key `template` in default/development
    [exit 0]
    $ keywright set cut
    warning: the value of `cut` looks like a placeholder or a part of a key
    Stored provider key `cut` in default/development
    [exit 0]
    $ keywright set both
    warning: the value of `both` looks like a placeholder or a part of a key
    warning: the value of `both` begins or ends with white space, which is kept
    Stored provider key `both` in default/development
    [exit 0]
    $ keywright set own
    warning: the value of `own` is the token of an issued key, not a provider's key
    Stored provider key `own` in default/development
    [exit 0]
    $ keywright rotate dropped --yes
    warning: the value of `dropped` looks like a placeholder or a part of a key
    Rotated `dropped` in default/development; the value before is in `get --previous`
    [exit 0]
    $ keywright set pem --yes -q
    warning: the value of `pem` looks like a placeholder or a part of a key
    [exit 0]
    ");
    // Names are escaped there, too.
    let turned = env.run_with_stdin(["set", "a\u{202e}b", "-q"], "xxxx");
    assert_eq!(
        turned.stderr(),
        "warning: the value of `a\\u{202e}b` looks like a placeholder or a part of a key\n"
    );
    // A warning is no part of the value.
    assert_eq!(env.run(["get", "space"]).stdout(), b"7f3a91c5 ");
    assert_eq!(env.run(["get", "own"]).stdout_text(), token);
}

/// What is said does not depend on the value, but for the table's own words.
#[test]
fn a_warning_has_no_piece_of_the_value() {
    let env = TestEnv::new();
    let secret = "Zq8#wR5!kV2@pX9%mJ4^";
    let token = env.create(["deploy"]);
    let own = token.rsplit('_').next().expect("a part").to_owned();
    // Four letters and digits that are drawn anew each time are in some word once in ten thousand times.
    for (at, (value, random, length)) in [
        (format!("sk-ant-{secret}"), secret, 4),
        (format!("\u{feff}github_pat_{secret} "), secret, 4),
        (format!(" {secret}\t"), secret, 4),
        (format!("<{secret}>"), secret, 4),
        (format!("{secret}..."), secret, 4),
        (format!("{secret}-xxxx"), secret, 4),
        (token, own.as_str(), 8),
    ]
    .iter()
    .enumerate()
    {
        let name = format!("name {at}");
        for args in [
            &["set", &name, "--provider", "openai", "-n"] as &[&str],
            &["set", &name, "--provider", "openai"],
            &["set", &name, "--provider", "groq", "--yes", "--json"],
        ] {
            // The last of them is news again.
            let value = match args.last() {
                Some(&"--json") => value.replace("Zq8#", "Kd7#"),
                _ => value.clone(),
            };
            let outcome = env.run_with_stdin(args, &value);
            let said = outcome.stderr();
            let is_news = !(args.contains(&"--json") && value.contains(&own));
            assert_eq!(said.contains("warning: "), is_news, "{args:?}: {outcome}");
            let pieces = random.as_bytes().windows(*length);
            for piece in pieces.chain(b"Kd7#".windows(4)) {
                let piece = std::str::from_utf8(piece).expect("ASCII");
                assert!(!said.contains(piece), "`{piece}` of {value:?}: {said}");
            }
        }
    }
}

/// A provider's own variable says whose key it is, also in a file.
#[test]
fn an_import_warns_as_set_does() {
    let env = TestEnv::new();
    let file = format!(
        "OPENAI_API_KEY=sk-ant-{PLAIN}\nSTRIPE_SECRET_KEY=changeme\nGITHUB_TOKEN=ghp_{PLAIN}\nMINE=' {PLAIN} '\n"
    );
    env.write(".env", &file);
    for args in [&["import", ".env", "-n"][..], &["import", ".env"]] {
        let outcome = env.run(args);
        assert!(outcome.success(), "{outcome}");
        let warnings: Vec<String> = outcome
            .stderr()
            .lines()
            .filter_map(|line| line.strip_prefix("warning: ").map(str::to_owned))
            .collect();
        assert_eq!(
            warnings,
            [
                "the value looks like a key of `anthropic`, and `OPENAI_API_KEY` is of `openai`",
                "the value of `STRIPE_SECRET_KEY` looks like a placeholder or a part of a key",
                "the value of `MINE` begins or ends with white space, which is kept",
            ]
        );
    }
    assert_eq!(env.show(["GITHUB_TOKEN"])["providers"][0], "github");
    let many: String = (0..15).map(|n| format!("KEY_{n}=changeme\n")).collect();
    let outcome = env.run_with_stdin(["import", "-p", "many"], &many);
    assert_eq!(
        outcome.stderr().matches("placeholder").count(),
        10,
        "{outcome}"
    );
    assert!(
        outcome
            .stderr()
            .contains("warning: 5 more values look odd, too"),
        "{outcome}"
    );
}

#[test]
fn a_variable_that_no_program_gets_is_a_warning() {
    let env = TestEnv::new();
    let mut told = Transcript::default();
    run(&env, &mut told, "set loader --var LD_PRELOAD", PLAIN);
    run(&env, &mut told, "set plain --var PLAIN", PLAIN);
    run(&env, &mut told, "edit plain --var NODE_OPTIONS -q", "");
    run(&env, &mut told, "import", "PATH=/tmp\n");
    insta::assert_snapshot!(told, @"
    $ keywright set loader --var LD_PRELOAD
    warning: `run` and `env` refuse to set LD_PRELOAD without --allow-name LD_PRELOAD: it could change which code runs
    Stored provider key `loader` in default/development
    [exit 0]
    $ keywright set plain --var PLAIN
    Stored provider key `plain` in default/development
    [exit 0]
    $ keywright edit plain --var NODE_OPTIONS -q
    warning: `run` and `env` refuse to set NODE_OPTIONS without --allow-name NODE_OPTIONS: it could change which code runs
    [exit 0]
    $ keywright import
    warning: `run` and `env` refuse to set PATH without --allow-name PATH: it could change which code runs
    Imported 1 provider key from the dotenv text of standard input into default/development
    [exit 0]
    ");
}
