//! `import` of dotenv files, flat JSON and the environment: what is stored, what is left, and that it is all or nothing.

use serde_json::json;

use crate::common::{Outcome, TestEnv};
use crate::terminal::Terminal;

const PEM: &str =
    "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIEoH\n-----END PRIVATE KEY-----\n";

/// The exact bytes that `get` gives of each.
#[track_caller]
fn assert_values(env: &TestEnv, values: &[(&str, &str)]) {
    for (name, value) in values {
        let got = env.run(["get", name]);
        assert_eq!(got.stdout_text(), *value, "{got}");
    }
}

#[test]
fn a_dotenv_file_is_read_literally() {
    let env = TestEnv::new();
    let file = format!(
        "# of the shop\r\nexport OPENAI_API_KEY=sk-0123456789abcdef # mine\r\nURL='a b'\r\nPEM=\"{}\"\r\n\
         HOME_OF=\"$HOME/x\"\r\nSHELLED=$(touch ran) `touch ran`\r\nPATH=/bin\r\nEMPTY=\r\n",
        PEM.replace('\n', "\r\n")
    );
    env.write(".env", [b"\xef\xbb\xbf", file.as_bytes()].concat());
    insta::assert_snapshot!(env.run(["import", ".env", "-p", "shop"]), @"
    exit: 0
    ---- stdout
    ---- stderr
    Left out, because there is no value: `EMPTY`
    warning: `$` is taken literally, nothing is expanded, in the value of `HOME_OF`, `SHELLED`
    warning: `run` and `env` refuse to set PATH without --allow-name PATH: it could change which code runs
    Imported 6 provider keys from the dotenv text of `.env` into shop/development
    ");
    assert_eq!(env.run(["list", "-p", "shop", "--json"]).names().len(), 6);
    let shop = |name| env.run(["get", name, "-p", "shop"]).stdout_text();
    for (name, value) in [
        ("OPENAI_API_KEY", "sk-0123456789abcdef"),
        ("URL", "a b"),
        ("PEM", PEM),
        ("HOME_OF", "$HOME/x"),
        ("SHELLED", "$(touch ran) `touch ran`"),
        ("PATH", "/bin"),
    ] {
        assert_eq!(shop(name), value);
    }
    assert!(!env.path("ran").exists());
    let key = env.show(["OPENAI_API_KEY", "-p", "shop"]);
    assert_eq!(
        (&key["variable"], &key["kind"], &key["created_by"]),
        (
            &json!("OPENAI_API_KEY"),
            &json!("provider"),
            &env.show(["URL", "-p", "shop"])["created_by"]
        )
    );
    // One entry of the log, whatever it brought.
    let audit = env
        .run(["audit", "--verb", "import", "--json"])
        .stdout_text();
    assert_eq!(audit.lines().count(), 1, "{audit}");
}

#[test]
fn what_it_is_shows_in_its_first_character() {
    let env = TestEnv::new();
    let stdin = |args: &[&str], text: &str| {
        let outcome = env.run_with_stdin([&["import"], args].concat(), text);
        assert!(outcome.success(), "{outcome}");
        outcome.stderr()
    };
    let told = [
        stdin(&[], "A=1\n"),
        stdin(&[], "\u{feff}\n {\"B\":\"{x\\n\",\"C\":\"\\u00e9\"}"),
        stdin(&["--format", "dotenv"], "D='{\"A\":1}'"),
        stdin(&["--format", "json"], "{\"E\":\"A=1\"}"),
        stdin(&[], "# nothing\n"),
        stdin(&[], "{}"),
    ];
    insta::assert_snapshot!(told.concat(), @"
    Imported 1 provider key from the dotenv text of standard input into default/development
    warning: the value of `B` begins or ends with white space, which is kept
    Imported 2 provider keys from the JSON of standard input into default/development
    Imported 1 provider key from the dotenv text of standard input into default/development
    Imported 1 provider key from the JSON of standard input into default/development
    Nothing to import from the dotenv text of standard input
    Nothing to import from the JSON of standard input
    ");
    assert_values(
        &env,
        &[
            ("A", "1"),
            ("B", "{x\n"),
            ("C", "é"),
            ("D", "{\"A\":1}"),
            ("E", "A=1"),
        ],
    );
}

#[test]
fn variables_of_the_environment_are_taken_by_name() {
    let env = TestEnv::new();
    let import = |list: &str| {
        let variables = [
            ("TOKEN_A", "a b\n"),
            ("TOKEN_B", "sk-canary"),
            ("TOKEN_C", ""),
        ];
        env.run_with_env(["import", "--from-env", list], variables)
    };
    let mut told = String::new();
    for list in [
        "TOKEN_A,TOKEN_B",
        "TOKEN_A",
        "TOKEN_B,NOT_THERE",
        "TOKEN_B,TOKEN_C",
        "TOKEN_A,TOKEN_A",
        "KEYWRIGHT_PASSPHRASE_FILE",
        "1A",
    ] {
        let outcome = import(list);
        assert!(!outcome.stderr().contains("canary"), "{outcome}");
        told.push_str(&format!(
            "# {list}\n{}[exit {:?}]\n",
            outcome.masked_stderr(),
            outcome.code()
        ));
    }
    insta::assert_snapshot!(told, @"
    # TOKEN_A,TOKEN_B
    warning: the value of `TOKEN_A` begins or ends with white space, which is kept
    Imported 2 provider keys from the environment into default/development
    [exit Some(0)]
    # TOKEN_A
    warning: the value of `TOKEN_A` begins or ends with white space, which is kept
    Imported 0 provider keys from the environment into default/development; 1 unchanged
    [exit Some(0)]
    # TOKEN_B,NOT_THERE
    error: the variable `NOT_THERE` is not set, or empty
    hint: nothing was imported; `export` in the shell hands a variable on
    [exit Some(2)]
    # TOKEN_B,TOKEN_C
    error: the variable `TOKEN_C` is not set, or empty
    hint: nothing was imported; `export` in the shell hands a variable on
    [exit Some(2)]
    # TOKEN_A,TOKEN_A
    error: `TOKEN_A` is named twice
    [exit Some(2)]
    # KEYWRIGHT_PASSPHRASE_FILE
    error: `KEYWRIGHT_PASSPHRASE_FILE` is a variable of keywright's own
    hint: nothing was imported; leave it out
    [exit Some(8)]
    # 1A
    error: invalid value '1A' for '--from-env <VARIABLES>': a variable is 1 to 128 letters, digits and `_`, and does not begin with a digit

    For more information, try '--help'.
    [exit Some(2)]
    ");
    assert_values(&env, &[("TOKEN_A", "a b\n"), ("TOKEN_B", "sk-canary")]);
}

#[test]
fn the_same_value_is_no_conflict_and_all_others_are_named() {
    let env = TestEnv::new();
    env.set(["SAME"], "same");
    env.set(["OTHER"], "other");
    env.set(["REVOKED"], "revoked");
    assert!(env.run(["revoke", "REVOKED", "--yes"]).success());
    env.create(["ISSUED"]);
    let file = "SAME=same\nNEW=new\nOTHER=canary\nISSUED=canary\nREVOKED=revoked\n";
    let before = env.vault_bytes();
    let refused = env.run_with_stdin(["import"], file);
    let planned = env.run_with_stdin(["import", "--dry-run"], file);
    let json = env.run_with_stdin(["import", "--dry-run", "--json"], file);
    assert!(env.vault_bytes() == before);
    for outcome in [&refused, &planned, &json] {
        assert!(!outcome.to_string().contains("canary"), "{outcome}");
        assert_eq!(outcome.code(), Some(4), "{outcome}");
    }
    insta::assert_snapshot!(format!("{refused}\n{planned}"), @"
    exit: 4
    ---- stdout
    ---- stderr
    error: these are there already, or twice: `OTHER` in default/development, `ISSUED` in default/development, `REVOKED` in default/development
    hint: nothing was imported; `keywright set` replaces a value, `keywright edit` or `keywright delete` makes room

    exit: 4
    ---- stdout
    NAME     SCOPE                KIND      VARIABLE  OUTCOME
    SAME     default/development  provider  SAME      unchanged
    NEW      default/development  provider  NEW       new
    OTHER    default/development  provider  OTHER     conflict
    ISSUED   default/development  provider  ISSUED    conflict
    REVOKED  default/development  provider  REVOKED   conflict
    ---- stderr
    error: these are there already, or twice: `OTHER` in default/development, `ISSUED` in default/development, `REVOKED` in default/development
    hint: nothing was imported; `keywright set` replaces a value, `keywright edit` or `keywright delete` makes room
    ");
    let told = json.json();
    assert_eq!(
        (&told["outcome"], &told["provider_keys"], &told["unchanged"]),
        (&json!("conflict"), &json!(1), &json!(1))
    );
    let outcomes: Vec<_> = told["keys"]
        .as_array()
        .expect("keys")
        .iter()
        .map(|key| &key["outcome"])
        .collect();
    assert_eq!(
        outcomes,
        ["unchanged", "new", "conflict", "conflict", "conflict"]
    );
    // Only what is not there is made, and a second time nothing is.
    let file = "SAME=same\nNEW=new\n";
    let made = env.run_with_stdin(["import", "--json"], file);
    assert_eq!(
        made.json(),
        json!({"schema": 1, "outcome": "imported", "dry_run": false, "issued_keys": 0, "provider_keys": 1, "new_roles": 0,
               "unchanged": 1, "empty": [], "literal": [], "first_line_only": [], "source_deleted": false, "keys": null})
    );
    let before = env.vault_bytes();
    let again = env.run_with_stdin(["import", "--json"], file).json();
    assert_eq!(
        (&again["outcome"], &again["unchanged"]),
        (&json!("unchanged"), &json!(2))
    );
    assert!(env.vault_bytes() == before);
}

#[test]
fn many_conflicts_are_listed_by_a_dry_run() {
    let env = TestEnv::new();
    let file = |value: &str| {
        (0..12)
            .map(|n| format!("V{n:02}={value}\n"))
            .collect::<String>()
    };
    assert!(env.run_with_stdin(["import"], file("1")).success());
    let refused = env.run_with_stdin(["import"], file("2"));
    assert!(
        refused
            .stderr()
            .contains("`V09` in default/development and 2 more"),
        "{refused}"
    );
    assert!(refused.stderr().contains("--dry-run"), "{refused}");
    let planned = env
        .run_with_stdin(["import", "-n"], file("2"))
        .stdout_text();
    assert_eq!(planned.matches("conflict").count(), 12, "{planned}");
}

/// What is wrong, and the file.
fn broken() -> Vec<(&'static str, Vec<u8>)> {
    let text = |text: &str| text.as_bytes().to_vec();
    vec![
        ("no =", text("GOOD=sk-canary\nsk-canary\n")),
        ("no name", text("GOOD=sk-canary\nsk-canary=1\n")),
        (
            "an open quote",
            text("GOOD=sk-canary\nBAD=\"sk-canary\n\nX=1\n"),
        ),
        ("after a quote", text("GOOD=sk-canary\nBAD='x'sk-canary\n")),
        ("twice", text("GOOD=sk-canary\nX=1\nGOOD=sk-canary-2\n")),
        ("binary", b"\x7fELF\x02\x01\0sk-canary=1".to_vec()),
        ("UTF-16", b"\xff\xfeA\0=\x001\0".to_vec()),
        ("Latin 1", b"GOOD=sk-canary\nBAD=sk-canary\xe9\n".to_vec()),
        (
            "too long",
            text(&format!("GOOD=1\nLONG={}\n", "sk-canary".repeat(8000))),
        ),
        (
            "too long a name",
            text(&format!("GOOD=sk-canary\n{}=1\n", "N".repeat(101))),
        ),
        ("JSON that ends", text("{\"GOOD\":\"sk-canary\"")),
        (
            "JSON with a number",
            text("{\"GOOD\":\"sk-canary\",\"BAD\":7}"),
        ),
        (
            "JSON with an object",
            text("{\"BAD\":{\"x\":\"sk-canary\"}}"),
        ),
        (
            "JSON twice",
            text("{\"BAD\":\"sk-canary\",\"BAD\":\"sk-canary\"}"),
        ),
        (
            "JSON with a name that is none",
            text("{\"b-d\":\"sk-canary\"}"),
        ),
        ("JSON with NUL", text("{\"BAD\":\"sk-canary\\u0000\"}")),
        (
            "JSON of a newer one",
            text("{\"schema\":9,\"BAD\":\"sk-canary\"}"),
        ),
    ]
}

#[test]
fn a_mistake_anywhere_imports_nothing_and_repeats_no_value() {
    let env = TestEnv::new();
    let before = env.vault_bytes();
    let mut told = String::new();
    for (what, file) in broken() {
        for args in [
            &["import"] as &[&str],
            &["import", "--json"],
            &["import", "-n"],
        ] {
            let refused = env.run_with_stdin(args.iter().copied(), &file);
            assert_eq!(refused.code(), Some(2), "{what}: {refused}");
            assert!(refused.stdout().is_empty(), "{what}: {refused}");
            assert!(!refused.stderr().contains("canary"), "{what}: {refused}");
            if args.len() == 1 {
                told.push_str(&format!("# {what}\n{}", refused.stderr()));
            }
        }
    }
    assert!(env.vault_bytes() == before);
    assert_eq!(env.names(), [""; 0]);
    insta::assert_snapshot!(told, @r#"
    # no =
    error: cannot import standard input
      caused by: line 2: there is no `=` after a name
    hint: nothing was imported; a line is NAME=value, and `keywright help import` says what a value can be
    # no name
    error: cannot import standard input
      caused by: line 2: what is before `=` is not the name of a variable: letters, digits and `_`, no digit first
    hint: nothing was imported; a line is NAME=value, and `keywright help import` says what a value can be
    # an open quote
    error: cannot import standard input
      caused by: line 2: the quote that begins the value of `BAD` is never closed
    hint: nothing was imported; a line is NAME=value, and `keywright help import` says what a value can be
    # after a quote
    error: cannot import standard input
      caused by: line 2: there is something after the closing quote of `BAD`
    hint: nothing was imported; a line is NAME=value, and `keywright help import` says what a value can be
    # twice
    error: cannot import standard input
      caused by: line 3: `GOOD` is there twice, first in line 1
    hint: nothing was imported; a line is NAME=value, and `keywright help import` says what a value can be
    # binary
    error: cannot import standard input
      caused by: it is not a text file
    hint: nothing was imported; a line is NAME=value, and `keywright help import` says what a value can be
    # UTF-16
    error: cannot import standard input
      caused by: it is not a text file
    hint: nothing was imported; a line is NAME=value, and `keywright help import` says what a value can be
    # Latin 1
    error: cannot import standard input
      caused by: line 2: this is not UTF-8 text
    hint: nothing was imported; a line is NAME=value, and `keywright help import` says what a value can be
    # too long
    error: cannot import standard input
      caused by: line 2: `LONG`: the value is longer than 65536 bytes
    hint: nothing was imported; a line is NAME=value, and `keywright help import` says what a value can be
    # too long a name
    error: cannot import standard input
      caused by: line 2: `NNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNN`: it cannot be the name of a key: a name has at most 100 characters, not 101
    hint: nothing was imported; a line is NAME=value, and `keywright help import` says what a value can be
    # JSON that ends
    error: cannot import standard input
      caused by: line 1, column 19: EOF while parsing an object
    hint: nothing was imported; `keywright export --reveal` makes such a document
    # JSON with a number
    error: cannot import standard input
      caused by: the field `BAD`: its value is not a text
    hint: nothing was imported; each field is a variable and each value a text, as in {"NAME": "value"}
    # JSON with an object
    error: cannot import standard input
      caused by: the field `BAD`: its value is not a text
    hint: nothing was imported; each field is a variable and each value a text, as in {"NAME": "value"}
    # JSON twice
    error: cannot import standard input
      caused by: the field `BAD`: it is there twice
    hint: nothing was imported; each field is a variable and each value a text, as in {"NAME": "value"}
    # JSON with a name that is none
    error: cannot import standard input
      caused by: the field number 1: a variable is 1 to 128 letters, digits and `_`, and does not begin with a digit
    hint: nothing was imported; each field is a variable and each value a text, as in {"NAME": "value"}
    # JSON with NUL
    error: cannot import standard input
      caused by: the field `BAD`: the value has a NUL byte, which no environment variable can carry
    hint: nothing was imported; each field is a variable and each value a text, as in {"NAME": "value"}
    # JSON of a newer one
    error: cannot import standard input
      caused by: schema 9 was written by a newer keywright
    hint: nothing was imported; `keywright export --reveal` makes such a document
    "#);
}

#[test]
fn a_mistake_makes_no_vault() {
    let env = TestEnv::empty();
    assert_eq!(env.run_with_stdin(["import"], "A=\"").code(), Some(2));
    let planned = env.run_with_stdin(["import", "-n"], "A=1\nB=\n");
    assert!(!env.vault().exists());
    insta::assert_snapshot!(planned, @"
    exit: 0
    ---- stdout
    NAME  SCOPE                KIND      VARIABLE  OUTCOME
    A     default/development  provider  A         new
    ---- stderr
    Left out, because there is no value: `B`
    Would make the vault `[HOME]/.config/keywright/vault.db`
    Would import 1 provider key from the dotenv text of standard input into default/development
    ");
}

#[test]
fn at_a_terminal_nobody_has_to_type_it() {
    let env = TestEnv::new();
    let (status, screen) = Terminal::spawn(env.unlocked(["import"])).wait();
    assert_eq!(status.code(), Some(2));
    insta::assert_snapshot!(env.screen(&screen), @"
    error: nothing to import: standard input is a terminal
    hint: name a file, pipe one in, or name variables with --from-env
    ");
}

#[test]
fn names_that_mean_something_to_a_terminal_do_nothing() {
    let env = TestEnv::new();
    env.write("x\u{1b}[31m", "A=1\nB=$A\n");
    let told = env.run(["import", "x\u{1b}[31m"]);
    assert!(
        told.success() && !told.stderr().contains('\u{1b}'),
        "{told:?}",
        told = told.stderr()
    );
    let told = env.run_with_stdin(["import"], "{\"\\u001b[31m\":\"x\"}");
    assert!(
        !told.success() && !told.stderr().contains('\u{1b}'),
        "{:?}",
        told.stderr()
    );
}

/// All values of one import are sealed under one passphrase, so that it is the keys that take the time.
#[test]
fn many_values_show_how_far_it_is() {
    let env = TestEnv::new();
    let file: String = (0..20_000)
        .map(|n| format!("VARIABLE_{n}=value of {n}\n"))
        .collect();
    env.write("many", file);
    let mut terminal = Terminal::spawn(env.unlocked(["import", "many"]));
    terminal.expect("Sealing keys [");
    terminal.expect("/20000");
    let (status, screen) = terminal.wait();
    assert!(status.success(), "{screen}");
    insta::assert_snapshot!(env.screen(&screen), @"Imported 20000 provider keys from the dotenv text of `many` into default/development");
    let quiet = |args: &[&str]| {
        let mut args = args.to_vec();
        args.extend(["-p", "other", "many"]);
        let (status, screen) = Terminal::spawn(env.unlocked(args)).wait();
        assert!(status.success(), "{screen}");
        screen
    };
    assert_eq!(quiet(&["import", "-q"]), "");
}

/// Kept apart from the words: `Outcome` shows a summary.
#[test]
fn a_value_that_is_left_out_is_told_even_as_json() {
    let env = TestEnv::new();
    let told: Outcome = env.run_with_stdin(["import", "--json"], "A=1\nB=''\nC=x${A}\n");
    assert_eq!(told.stderr(), "");
    let told = told.json();
    assert_eq!(
        (&told["empty"], &told["literal"]),
        (&json!(["B"]), &json!(["C"]))
    );
}
