use std::fs;

use crate::common::{TestEnv, Transcript};
use crate::terminal::Terminal;

/// A well-formed token of another vault.
pub(crate) const STRANGER: &str = "kwt_dev1_uQCT8H872CoB_STRANGERstrangerSTRANGERstranger2VTdSY";

#[test]
fn a_good_token_is_told_in_one_line() {
    let env = TestEnv::new();
    let token = env.create([
        "CI/CD integration",
        "-p",
        "shop",
        "-e",
        "staging",
        "--permission",
        "write:orders,read",
        "--context",
        "team=blue",
        "--context",
        "filter=a=b",
    ]);
    insta::assert_snapshot!(env.run_with_stdin(["verify"], &token), @r"
    exit: 0
    ---- stdout
    valid: `CI/CD integration` in shop/staging may read, write:orders
    ---- stderr
    ");
    insta::assert_snapshot!(env.run_with_stdin(["verify", "--json"], &token), @r#"
    exit: 0
    ---- stdout
    {
      "checked_at": "[-------TIME-------]",
      "code": "valid",
      "context": {
        "filter": "a=b",
        "team": "blue"
      },
      "created_by": "tester@[HOST]",
      "display": "kwt_stg1_[--KEY-ID--]_••••",
      "environment": "staging",
      "expires_at": "[-------TIME-------]",
      "generation": 1,
      "key_id": "[--KEY-ID--]",
      "name": "CI/CD integration",
      "permissions": [
        "read",
        "write:orders"
      ],
      "project": "shop",
      "roles": [],
      "schema": 1,
      "superseded": false,
      "valid": true
    }
    ---- stderr
    "#);
    insta::assert_snapshot!(env.run_with_stdin(["verify", "--quiet"], &token), @r"
    exit: 0
    ---- stdout
    valid: `CI/CD integration` in shop/staging may read, write:orders
    ---- stderr
    ");
}

#[test]
fn a_token_is_read_bare_or_from_an_authorization_line() {
    let env = TestEnv::new();
    let token = env.create(["deploy"]);
    for (input, code) in [
        (format!("{token}\n"), 0),
        (format!("  {token}\r\n\n"), 0),
        (format!("Bearer {token}\n"), 0),
        (format!("bearer   {token}"), 0),
        (format!("Authorization: Bearer {token}\r\n"), 0),
        (format!("authorization:bearer {token}"), 0),
        (format!("Authorization: {token}"), 0),
        (format!("{token}\n{token}\n"), 10),
        (format!("Basic {token}"), 10),
        (format!("\"{token}\""), 10),
        (format!("{token}\0"), 10),
        (format!("\u{feff}{token}"), 10),
        (format!("{token}{}", " ".repeat(3000)), 0),
    ] {
        let outcome = env.run_with_stdin(["verify"], &input);
        assert_eq!(outcome.code(), Some(code), "{input:?}: {outcome}");
    }
}

#[test]
fn every_refusal_has_its_code_and_exit() {
    let env = TestEnv::new();
    let token = env.create(["deploy", "-p", "shop", "-e", "staging"]);
    let revoked = env.create(["revoked"]);
    assert!(env.run(["revoke", "revoked", "--yes"]).success());
    let rotated = env.create(["rotated"]);
    let _ = env.run(["rotate", "rotated", "--yes"]).token();
    let deleted = env.create(["deleted"]);
    assert!(env.run(["delete", "deleted", "--yes"]).success());
    // One character of the secret, replaced by another: the checksum tells.
    let typo = format!("{}{}", &token[..30], swapped(&token[30..]));
    let cut = &token[..token.len() - 1];

    let mut told = Transcript::default();
    for (title, input, args, code, exit) in [
        ("nothing", "", &[] as &[&str], "missing", 10),
        ("white space", " \n\t\n", &[], "missing", 10),
        ("garbage", "hello", &[], "malformed", 10),
        ("a typing error", &typo, &[], "malformed", 10),
        ("cut off", cut, &[], "malformed", 10),
        ("another vault's", STRANGER, &[], "unknown", 10),
        ("deleted", &deleted, &[], "unknown", 10),
        ("revoked", &revoked, &[], "revoked", 10),
        ("rotated", &rotated, &[], "rotated", 10),
        (
            "environment",
            &token,
            &["-e", "production"],
            "wrong_environment",
            11,
        ),
        ("project", &token, &["-p", "other"], "wrong_project", 11),
        (
            "permission",
            &token,
            &["--require", "write:orders"],
            "insufficient_permission",
            11,
        ),
        (
            "environment first",
            &token,
            &["-e", "prod", "-p", "other", "--require", "x"],
            "wrong_environment",
            11,
        ),
        (
            "one of two",
            &token,
            &["--require", "read,write"],
            "insufficient_permission",
            11,
        ),
        ("revoked first", &revoked, &["-e", "prod"], "revoked", 10),
    ] {
        let args = [&["verify"], args].concat();
        let outcome = env.run_with_stdin(&args, input);
        assert_eq!(outcome.code(), Some(exit), "{title}: {outcome}");
        assert!(outcome.stderr().is_empty(), "{title}: {outcome}");
        told.add(&[args.as_slice(), &["<", title]].concat(), &outcome);

        let args = [args.as_slice(), &["--json"]].concat();
        let outcome = env.run_with_stdin(&args, input);
        assert_eq!(outcome.code(), Some(exit), "{title}: {outcome}");
        let answer = outcome.json();
        assert_eq!(answer["code"], code, "{title}: {outcome}");
        assert_eq!(answer["valid"], false, "{title}: {outcome}");
        let known = !matches!(code, "missing" | "malformed" | "unknown");
        assert_eq!(answer["name"].is_string(), known, "{title}: {outcome}");
        assert_eq!(answer["key_id"].is_string(), known, "{title}: {outcome}");
        let fields = answer.as_object().expect("an object").len();
        assert_eq!(fields, 5, "{title}: {outcome}");
    }
    insta::assert_snapshot!(told, @r#"
    $ keywright verify < nothing
    missing: there is no token on standard input
    [exit 10]
    $ keywright verify < "white space"
    missing: there is no token on standard input
    [exit 10]
    $ keywright verify < garbage
    malformed: this is not a whole, correctly typed token
    [exit 10]
    $ keywright verify < "a typing error"
    malformed: this is not a whole, correctly typed token
    [exit 10]
    $ keywright verify < "cut off"
    malformed: this is not a whole, correctly typed token
    [exit 10]
    $ keywright verify < "another vault's"
    unknown: no open scope has a key with this token
    [exit 10]
    $ keywright verify < deleted
    unknown: no open scope has a key with this token
    [exit 10]
    $ keywright verify < revoked
    revoked: `revoked` in default/development
    [exit 10]
    $ keywright verify < rotated
    rotated: `rotated` in default/development
    [exit 10]
    $ keywright verify -e production < environment
    wrong_environment: `deploy` is in shop/staging
    [exit 11]
    $ keywright verify -p other < project
    wrong_project: `deploy` is in shop/staging
    [exit 11]
    $ keywright verify --require write:orders < permission
    insufficient_permission: `deploy` may not write:orders
    [exit 11]
    $ keywright verify -e prod -p other --require x < "environment first"
    wrong_environment: `deploy` is in shop/staging
    [exit 11]
    $ keywright verify --require read,write < "one of two"
    insufficient_permission: `deploy` may not read, write
    [exit 11]
    $ keywright verify -e prod < "revoked first"
    revoked: `revoked` in default/development
    [exit 10]
    "#);
}

/// The same letters, the first two that differ exchanged.
fn swapped(text: &str) -> String {
    let mut bytes = text.as_bytes().to_vec();
    let at = bytes.windows(2).position(|pair| pair[0] != pair[1]);
    let at = at.expect("not all the same");
    bytes.swap(at, at + 1);
    String::from_utf8(bytes).expect("ASCII")
}

#[test]
fn an_unknown_id_and_a_wrong_secret_are_the_same_answer() {
    let env = TestEnv::new();
    let token = env.create(["deploy"]);
    let id = &token[9..21];
    let forged = with_checksum(&format!("kwt_dev1_{id}_{}", "a".repeat(32)));
    let unknown = env.run_with_stdin(["verify"], STRANGER);
    let wrong = env.run_with_stdin(["verify"], &forged);
    assert_eq!(unknown.to_string(), wrong.to_string());
    let unknown = env.run_with_stdin(["verify", "--json"], STRANGER);
    let wrong = env.run_with_stdin(["verify", "--json"], &forged);
    assert_eq!(unknown.to_string(), wrong.to_string());
    insta::assert_snapshot!(wrong, @r#"
    exit: 10
    ---- stdout
    {
      "code": "unknown",
      "key_id": null,
      "name": null,
      "schema": 1,
      "valid": false
    }
    ---- stderr
    "#);
}

/// A token's last six characters: CRC-32 in base62.
pub(crate) fn with_checksum(token: &str) -> String {
    const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut rest = crc32fast::hash(token.as_bytes());
    let mut digits = [b'0'; 6];
    for digit in digits.iter_mut().rev() {
        *digit = DIGITS[(rest % 62) as usize];
        rest /= 62;
    }
    format!("{token}{}", String::from_utf8_lossy(&digits))
}

#[test]
fn what_is_required_is_what_is_allowed() {
    let env = TestEnv::new();
    let reader = env.create(["reader"]);
    let writer = env.create(["writer", "--permission", "write:orders"]);
    let admin = env.create(["admin", "--permission", "admin", "-e", "production"]);
    for (token, args, code) in [
        (&reader, &["--require", "read"] as &[&str], 0),
        (&reader, &["--require", "read:orders"], 0),
        (&reader, &["--require", "write"], 11),
        (&writer, &["--require", "update:orders"], 0),
        (&writer, &["--require", "create:orders,delete:orders"], 0),
        (&writer, &["--require", "write:users"], 11),
        (&writer, &["--require", "read:orders"], 11),
        (&admin, &["--require", "anything:at-all"], 0),
        (&admin, &["-e", "prod"], 0),
        (&admin, &["-e", "production", "-p", "default"], 0),
        (&admin, &["-e", "dev"], 11),
    ] {
        let args = [&["verify"], args].concat();
        let outcome = env.run_with_stdin(&args, token);
        assert_eq!(outcome.code(), Some(code), "{args:?}: {outcome}");
    }
}

#[test]
fn a_chosen_scope_is_no_requirement_unless_it_is_an_option() {
    let env = TestEnv::new();
    let token = env.create(["deploy", "-p", "shop", "-e", "staging"]);
    env.write("keywright.toml", "project = \"other\"\n");
    let mut command = env.command(["verify"]);
    command.env("KEYWRIGHT_ENV", "production");
    let outcome = env.finish(command, &token);
    assert_eq!(outcome.code(), Some(0), "{outcome}");
}

#[test]
fn during_an_overlap_both_tokens_are_good_and_one_is_superseded() {
    let env = TestEnv::new();
    let old = env.create(["deploy"]);
    let new = env
        .run(["rotate", "deploy", "--overlap", "1h", "--yes"])
        .token();
    insta::assert_snapshot!(env.run_with_stdin(["verify"], &old), @r"
    exit: 0
    ---- stdout
    valid: `deploy` in default/development may read; a newer token is out
    ---- stderr
    ");
    let old = env.run_with_stdin(["verify", "--json"], &old).json();
    let new = env.run_with_stdin(["verify", "--json"], &new).json();
    assert_eq!(
        (&old["superseded"], &old["generation"]),
        (&true.into(), &1.into())
    );
    assert_eq!(
        (&new["superseded"], &new["generation"]),
        (&false.into(), &2.into())
    );
    assert!(old["expires_at"].as_str() < new["expires_at"].as_str());
}

#[test]
fn a_token_is_never_read_from_a_terminal() {
    let env = TestEnv::new();
    let mut terminal = Terminal::spawn(env.command(["verify"]));
    let (status, screen) = terminal.wait();
    assert_eq!(status.code(), Some(2), "{screen}");
    insta::assert_snapshot!(screen.replace('\r', ""), @r"
    error: standard input is a terminal; a token is read from it
    hint: keywright verify < token.txt
    ");
}

#[test]
fn verify_needs_nothing_but_the_vault() {
    let env = TestEnv::new();
    let token = env.create(["deploy"]);
    let before = env.vault_bytes();
    // The folder of usage counts and anchors is gone, as on another machine.
    fs::remove_dir_all(env.path(".local")).expect("removed");
    assert_eq!(env.run_with_stdin(["verify"], &token).code(), Some(0));
    assert_eq!(env.vault_bytes(), before);
}

#[test]
fn too_much_input_is_a_malformed_token() {
    let env = TestEnv::new();
    for length in [300, 4096, 4097, 70_000, 1_000_000] {
        let outcome = env.run_with_stdin(["verify"], "x".repeat(length));
        assert_eq!(outcome.code(), Some(10), "{length}: {outcome}");
    }
}

/// A caller that asks by the exit code alone may have closed the pipe.
#[test]
fn the_exit_code_stands_when_nobody_reads_the_answer() {
    let env = TestEnv::new();
    let token = env.create(["deploy"]);
    for (input, args, code) in [
        (token.as_str(), &["verify"] as &[&str], 0),
        (&token, &["verify", "--require", "write"], 11),
        (&token, &["verify", "--require", "write", "--json"], 11),
        ("garbage", &["verify"], 10),
        ("garbage", &["verify", "--json"], 10),
    ] {
        let stdin = env.path("presented");
        fs::write(&stdin, input).expect("written");
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let mut command = env.command(args);
        command
            .stdin(fs::File::open(&stdin).expect("readable"))
            .stdout(writer);
        let outcome = env.outcome(command.output().expect("it runs"));
        assert_eq!(outcome.code(), Some(code), "{args:?}: {outcome}");
    }
}
