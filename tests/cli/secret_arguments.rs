//! Secrets that were put on a command line: refused, and not repeated.

use std::collections::BTreeSet;

use crate::common::{Outcome, TestEnv};

/// Nothing of these may come back on the screen.
const SECRETS: [&str; 6] = [
    "hunter2-is-my-value",
    "my passphrase, typed",
    "cr3t",
    "kwt_dev1_uQCT8H872CoB_STRANGERstrangerSTRANGERstranger2VTdSY",
    "kwr1-0123-4567-89AB-CDEF-GHJK-MNPQ-RSTV-WXYZ-0A1B",
    "kwa1_0uQCT8H872CoBSTRANGERstrangerSTRANGERstrangerSTRANGERstranger0123456789",
];

#[track_caller]
fn hidden(args: &[&str], outcome: &Outcome) {
    let said = format!("{}{}", outcome.stdout_text(), outcome.stderr());
    for secret in SECRETS {
        let tail = secret.rsplit('_').next().expect("a part");
        assert!(!said.contains(tail), "{args:?}: {said}");
    }
}

#[test]
fn a_secret_among_the_arguments_is_refused_and_not_repeated() {
    let env = TestEnv::new();
    let _ = env.create(["deploy"]);
    env.set(["openai"], "sk-0123456789abcdef");
    let before = env.files();
    let mut told = BTreeSet::new();
    let [value, passphrase, short, token, code, access] = SECRETS;
    for args in [
        &["set", "openai", value] as &[&str],
        &["set", "openai", "--", value],
        &["set", "openai", "--value", value],
        &["set", "openai", &format!("--value={value}")],
        &["set", "openai", "--secret", short],
        &["create", "new", value],
        &["rotate", "openai", value],
        &["get", "openai", value],
        &["--passphrase", passphrase, "list"],
        &["list", "--passphrase", passphrase],
        &["list", &format!("--passphrase={passphrase}")],
        &["list", &format!("--password={passphrase}")],
        &["passphrase", passphrase],
        &["passphrase", "--new-passphrase", passphrase],
        &["passphrase", &format!("--new-passphrase={passphrase}")],
        &["passphrase", "--new-passphrase-fd", passphrase],
        &["passphrase", "--new-passphrase-fd", short],
        &["verify", token],
        &["verify", "--token", token],
        &["verify", &format!("--token={token}")],
        &["show", token],
        &["revoke", token, "--yes"],
        &["delete", token, "--yes"],
        &["rotate", token, "--yes"],
        &["usage", token],
        &["get", token],
        &["init", "--recovery-code", code],
        &["init", &format!("--recovery-code={code}")],
        &["passphrase", "--recovery-code", code],
        &["passphrase", &format!("--recovery-code={code}")],
        &["passphrase", "--recover", code],
        &["access", "revoke", access, "--yes"],
        &["access", "create", access, "--kind", "issued"],
        &["create", access],
        &["show", access],
        &["verify", access],
    ] {
        let outcome = env.run(args);
        assert_eq!(outcome.code(), Some(2), "{args:?}: {outcome}");
        assert!(outcome.stdout().is_empty(), "{args:?}: {outcome}");
        hidden(args, &outcome);
        told.insert(outcome.masked_stderr());

        let json = [args, &["--json"]].concat();
        let json: Vec<&str> = match args.iter().position(|word| *word == "--") {
            None => json,
            Some(_) => [&["--json"], args].concat(),
        };
        let outcome = env.run(&json);
        assert_eq!(outcome.error_json()["error"]["kind"], "usage", "{outcome}");
        hidden(&json, &outcome);
    }
    assert_eq!(env.files(), before);
    let told: Vec<String> = told.into_iter().collect();
    insta::assert_snapshot!(told.join("\n"), @"
    error: invalid value '…' for '--new-passphrase-fd <N>': invalid digit found in string

    For more information, try '--help'.

    error: invalid value '…' for '<NAME>': this is an access token, which does not belong on a command line

    For more information, try '--help'.

    error: invalid value '…' for '[NAME]': this is a whole token, which does not belong on a command line; use its key id `[--KEY-ID--]`

    For more information, try '--help'.

    error: invalid value '…' for '[NAME]': this is an access token, which does not belong on a command line

    For more information, try '--help'.

    error: one argument too many; it is not repeated here, because it may be a secret
    hint: a value or token comes from standard input or --file, a passphrase from --passphrase-file; see --help

    error: there is no option `--new-passphrase`: other users can read a command line, and shells keep it
    hint: a value or token comes from standard input or --file, a passphrase from --passphrase-file; see --help

    error: there is no option `--passphrase`: other users can read a command line, and shells keep it
    hint: a value or token comes from standard input or --file, a passphrase from --passphrase-file; see --help

    error: there is no option `--password`: other users can read a command line, and shells keep it
    hint: a value or token comes from standard input or --file, a passphrase from --passphrase-file; see --help

    error: there is no option `--recovery-code`: other users can read a command line, and shells keep it
    hint: a recovery code comes from a hidden prompt or --recovery-code-file; see --help

    error: there is no option `--secret`: other users can read a command line, and shells keep it
    hint: a value or token comes from standard input or --file, a passphrase from --passphrase-file; see --help

    error: there is no option `--token`: other users can read a command line, and shells keep it
    hint: a value or token comes from standard input or --file, a passphrase from --passphrase-file; see --help

    error: there is no option `--value`: other users can read a command line, and shells keep it
    hint: a value or token comes from standard input or --file, a passphrase from --passphrase-file; see --help

    error: unexpected value '…' for '--recovery-code' found; no more were expected

    Usage: keywright init --recovery-code

    For more information, try '--help'.
    ");
}

#[test]
fn a_token_cannot_become_the_name_of_a_key() {
    let env = TestEnv::new();
    for command in ["create", "set"] {
        let args = [command, SECRETS[3]];
        let outcome = env.run_with_stdin(args, "value");
        assert_eq!(outcome.code(), Some(2), "{outcome}");
        hidden(&args, &outcome);
    }
    assert_eq!(env.names(), [""; 0]);
}

#[test]
fn a_token_is_not_repeated_wherever_it_stands() {
    let env = TestEnv::new();
    for token in [SECRETS[3], SECRETS[5]] {
        assert_eq!(repeated(&env, token), [""; 0]);
    }
}

/// What is said that repeats a token, by commands with the token in many places.
fn repeated(env: &TestEnv, token: &str) -> Vec<String> {
    let secret = token.rsplit('_').next().expect("a part");
    let mut repeated = Vec::new();
    for args in [
        &[token] as &[&str],
        &["list", "--color", token],
        &["list", "--env", &format!("{token}!")],
        &["list", "--kind", token],
        &["list", "--passphrase-fd", token],
        &["list", "--passphrase-file", token],
        &["list", "--project", token],
        &["list", "--provider", token, "--status", token],
        &["list", "--unused", token],
        &["list", "--vault", token],
        &["list", &format!("--{token}")],
        &["list", &format!("--json={token}")],
        &["create", "x", "--brand", token],
        &["create", "x", "--context", token],
        &["create", "x", "--expires", token],
        &["create", "x", "--permission", token],
        &["completions", token],
        &["init", "--kdf", token],
        &["man", token],
        &["passphrase", "--kdf", token],
        &["passphrase", "--new-passphrase-fd", token],
        &["passphrase", "--new-passphrase-file", token],
        &["search", token],
        &["show", "x", "-p", token],
        &["restore", token, "--yes"],
        &["restore", &format!("backups/{token}"), "--yes"],
        &["backup", "--out", &format!("{token}/x")],
        &["status", "--vault", token],
        &["unlock", "--idle", token],
        &["role", "show", token],
        &["access", "revoke", &format!("={token}"), "--yes"],
    ] {
        for json in [false, true] {
            let args = [if json { &["--json"] } else { &[] as &[&str] }, args].concat();
            let outcome = env.run(&args);
            if outcome.stderr().contains(secret) {
                repeated.push(outcome.stderr());
            }
        }
    }
    repeated
}

/// A variable that names a file was taken for the one that has the secret itself.
#[test]
fn what_a_variable_has_in_a_files_place_is_not_repeated() {
    let env = TestEnv::new();
    for (variable, secret) in [
        ("KEYWRIGHT_PASSPHRASE_FILE", SECRETS[1]),
        ("KEYWRIGHT_ACCESS_TOKEN_FILE", SECRETS[1]),
        ("KEYWRIGHT_ACCESS_TOKEN_FILE", SECRETS[5]),
    ] {
        for args in [
            &["list"] as &[&str],
            &["list", "--json"],
            &["status"],
            &["doctor"],
            &["create", "x"],
            &["create", "x", "--vault", "new.db"],
        ] {
            let outcome = env.run_with_env(args, [(variable, secret)]);
            hidden(args, &outcome);
            if args == ["list"] {
                let told = format!("from the file that {variable} names\n  caused by: ");
                assert!(outcome.stderr().contains(&told), "{outcome}");
            }
        }
    }
    // An option has a path, which is told.
    let outcome = env.run(["list", "--passphrase-file", "nowhere"]);
    assert!(outcome.stderr().contains("`nowhere`"), "{outcome}");
}
