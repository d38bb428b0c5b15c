//! Canaries: what is secret is searched in everything that a session says and leaves behind.

mod carried;
mod memory;

use std::fs;

use crate::common::{Outcome, PASSPHRASE, TestEnv};

const VALUE: &str = "sk-CanaryValue-7f3a91c55e20bd84";
const NEXT_VALUE: &str = "sk-CanaryNext-0d6b82e7714fc93a";
const WRONG: &str = "canary of a wrong passphrase 51e0";
/// Names are sealed too: they are on the screen, and in no file.
const NAMES: [&str; 5] = [
    "canary-issued-name",
    "canary-provider-name",
    "canary-tag",
    "canary note text",
    "canary-context-value",
];

/// Files that a test writes itself, with what they are to be searched for.
const INPUTS: [&str; 3] = ["keys.env", "passphrase", "wrong"];

/// What is searched: as it is, in hexadecimal digits and in base64, which has three shapes by position.
fn shapes(secret: &str) -> Vec<Vec<u8>> {
    let hex: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
    let mut shapes = vec![
        secret.as_bytes().to_vec(),
        hex.to_uppercase().into_bytes(),
        hex.into_bytes(),
        secret.bytes().rev().collect(),
        secret.encode_utf16().flat_map(u16::to_le_bytes).collect(),
    ];
    for skipped in 0..3 {
        let whole = &secret.as_bytes()[skipped..];
        let whole = &whole[..whole.len() / 3 * 3];
        shapes.push(base64(whole));
    }
    shapes
}

fn base64(bytes: &[u8]) -> Vec<u8> {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = Vec::new();
    for chunk in bytes.chunks_exact(3) {
        let group = u32::from(chunk[0]) << 16 | u32::from(chunk[1]) << 8 | u32::from(chunk[2]);
        for shift in [18, 12, 6, 0] {
            text.push(DIGITS[(group >> shift) as usize & 63]);
        }
    }
    text
}

fn has(haystack: &[u8], secret: &str) -> bool {
    let contains = |needle: &Vec<u8>| {
        haystack
            .windows(needle.len())
            .any(|window| window == needle.as_slice())
    };
    shapes(secret).iter().any(contains)
}

/// A session whose every command is searched.
struct Session {
    env: TestEnv,
    secrets: Vec<String>,
}

impl Session {
    /// Runs a command that may show none of the secrets.
    #[track_caller]
    fn run(&self, args: &[&str], stdin: &str) -> Outcome {
        let outcome = self.env.run_with_stdin(args, stdin);
        self.search(args, &outcome, None);
        outcome
    }

    /// Runs a command that may show one of them, on standard output.
    #[track_caller]
    fn reveal(&self, args: &[&str], stdin: &str, shown: &str) -> Outcome {
        let outcome = self.env.run_with_stdin(args, stdin);
        self.search(args, &outcome, Some(shown));
        outcome
    }

    #[track_caller]
    fn search(&self, args: &[&str], outcome: &Outcome, shown: Option<&str>) {
        for secret in &self.secrets {
            let asked_for = shown == Some(secret.as_str());
            assert_eq!(
                has(outcome.stdout(), secret),
                asked_for,
                "{args:?} and `{secret}`: {outcome}"
            );
            assert!(
                !has(outcome.stderr().as_bytes(), secret),
                "{args:?} tells `{secret}`: {outcome}"
            );
        }
    }

    /// Issues or rotates; the new token is a secret from then on.
    #[track_caller]
    fn token(&mut self, args: &[&str]) -> String {
        let outcome = self.env.run(args);
        let token = if args.contains(&"--json") {
            outcome.json()["token"]
                .as_str()
                .expect("a token")
                .to_owned()
        } else {
            outcome.token()
        };
        self.search(args, &outcome, None);
        assert!(!has(outcome.stderr().as_bytes(), &token), "{outcome}");
        // The secret part alone is the secret; the rest is shown everywhere.
        let secret = token.rsplit('_').next().expect("a part");
        self.secrets.push(secret[..32].to_owned());
        token
    }

    #[track_caller]
    fn search_files(&self) {
        for (path, contents) in self.env.files() {
            let is_ours = |name: &&str| path == self.env.path(name);
            if INPUTS.iter().any(is_ours) {
                continue;
            }
            let everything = self.secrets.iter().map(String::as_str).chain(NAMES);
            for secret in everything {
                assert!(!has(&contents, secret), "`{secret}` is in {path:?}");
            }
        }
    }
}

#[test]
fn no_secret_is_anywhere_but_where_it_was_asked_for() {
    let env = TestEnv::empty();
    env.write("wrong", format!("{WRONG}\n"));
    let secrets = [PASSPHRASE, VALUE, NEXT_VALUE, WRONG].map(str::to_owned);
    let mut session = Session {
        env,
        secrets: secrets.to_vec(),
    };
    let [issued, provider, tag, note, context] = NAMES;
    let context = format!("team={context}");
    let run = |session: &Session, args: &[&str], stdin: &str, code: i32| {
        let outcome = session.run(args, stdin);
        assert_eq!(outcome.code(), Some(code), "{args:?}: {outcome}");
    };

    run(&session, &["init", "--kdf", "test", "--json"], "", 0);
    let create = [
        "create",
        issued,
        "--tag",
        tag,
        "--note",
        note,
        "--context",
        &context,
    ];
    let token = session.token(&create);
    let other = session.token(&["create", "other", "--json"]);
    run(
        &session,
        &["set", provider, "--tag", tag, "--note", note],
        VALUE,
        0,
    );
    run(&session, &["set", provider, "--json"], VALUE, 0);
    run(&session, &["set", provider], NEXT_VALUE, 6);
    run(&session, &["set", provider, "--dry-run"], NEXT_VALUE, 0);
    run(
        &session,
        &["rotate", provider, "--yes", "--json"],
        NEXT_VALUE,
        0,
    );
    session.reveal(&["get", provider], "", NEXT_VALUE);
    session.reveal(&["get", provider, "--json"], "", NEXT_VALUE);
    session.reveal(&["get", provider, "--previous"], "", VALUE);
    for (args, stdin, code) in [
        (&["verify"] as &[&str], token.as_str(), 0),
        (&["verify", "--json"], &token, 0),
        (&["verify", "--require", "admin"], &token, 11),
        (&["verify", "-e", "prod"], &other, 11),
        (&["verify"], &token[..token.len() - 1], 10),
        (&["verify"], &format!("{token} {other}"), 10),
        (&["verify"], VALUE, 10),
        (&["verify", "--json"], PASSPHRASE, 10),
        (&["list"], "", 0),
        (&["list", "--json"], "", 0),
        (&["search", "canary"], "", 0),
        (&["show", issued], "", 0),
        (&["show", provider, "--json"], "", 0),
        (&["usage"], "", 0),
        (&["usage", issued, "--json"], "", 0),
        (&["status"], "", 0),
        (&["get", issued], "", 8),
        (&["get", "nothing"], "", 3),
        (&["create", issued], "", 4),
        (&["set", issued], VALUE, 4),
        (&["set", "empty"], "", 2),
        (&["set", "nul"], "a\0b", 2),
        (&["list", "--passphrase-file", "wrong"], "", 5),
        (&["list", "--passphrase-file", "wrong", "--json"], "", 5),
        (&["list", "--passphrase-file", "missing"], "", 5),
        (&["rotate", issued], "", 6),
        (&["delete", issued, "--dry-run"], "", 0),
    ] {
        run(&session, args, stdin, code);
    }
    session.search_files();
    let _ = session.token(&["rotate", issued, "--yes", "--overlap", "1h"]);
    let _ = session.token(&["rotate", issued, "--yes", "--json"]);
    run(&session, &["rotate", "other", "--finish", "--yes"], "", 0);
    run(&session, &["revoke", issued, "--yes"], "", 0);
    run(&session, &["delete", provider, "--yes"], "", 0);
    run(&session, &["delete", "other", "--yes", "--json"], "", 0);
    session.search_files();
}

#[test]
fn neither_passphrase_is_anywhere() {
    const NEW: &str = "canary lanterns of a new passphrase 77ab";
    const LAST: &str = "canary maples of the last passphrase 0c1d";
    let env = TestEnv::new();
    env.set([NAMES[1]], VALUE);
    let secrets = [PASSPHRASE, NEW, LAST, WRONG, VALUE].map(str::to_owned);
    let session = Session {
        env,
        secrets: secrets.to_vec(),
    };
    let fd = ["passphrase", "--new-passphrase-fd", "0"];
    let run = |args: &[&str], stdin: &str, code: i32| {
        let args = [&fd[..], args].concat();
        let outcome = session.run(&args, stdin);
        assert_eq!(outcome.code(), Some(code), "{args:?}: {outcome}");
        session.search_files();
    };
    run(&["--dry-run"], NEW, 0);
    run(&["--dry-run", "--compromised", "--json"], NEW, 0);
    run(&["--compromised"], NEW, 6);
    run(&[], PASSPHRASE, 2);
    run(&[NEW], NEW, 2);
    run(&["--new-passphrase-fd", NEW], NEW, 2);
    run(&[], &format!("{NEW}\0"), 2);
    run(&["--passphrase-fd", "0"], &format!("{WRONG}\n{NEW}\n"), 5);
    run(&[], NEW, 0);
    // The vault's own files have neither; that the old one is in this file is the test's doing.
    session.env.write("passphrase", NEW);
    run(&["--compromised", "--yes", "--json"], LAST, 0);
    session.env.write("passphrase", LAST);
    let last = format!("{LAST}\n{PASSPHRASE}\n");
    run(
        &["--passphrase-fd", "0", "--compromised", "--yes"],
        &last,
        0,
    );
}

/// The twin of the search: it finds what is there.
#[test]
fn the_search_finds_every_shape_of_a_secret() {
    for around in ["", "x", "xy"] {
        let text = format!("{around}{VALUE}and more");
        let padded = base64(&[text.as_bytes(), b"  "].concat());
        assert!(has(&padded, VALUE), "{around:?}");
    }
    assert!(has(format!("..{VALUE}..").as_bytes(), VALUE));
    assert!(has(&shapes(VALUE)[1], VALUE) && has(&shapes(VALUE)[2], VALUE));
    assert!(!has(b"sk-CanaryValue-7f3a91c55e20bd8", VALUE));
    let env = TestEnv::new();
    env.write("leak", VALUE);
    assert!(env.files().values().any(|contents| has(contents, VALUE)));
}

#[test]
#[cfg(target_os = "linux")]
fn the_passphrase_command_gets_no_variable_of_ours() {
    let env = TestEnv::new();
    env.write("answer", format!("{PASSPHRASE}\n"));
    // A shell that notes how it was started, and then answers.
    env.write(
        "ask.sh",
        "tr '\\0' '\\n' < /proc/self/environ > seen-environ\n\
         tr '\\0' '\\n' < /proc/$PPID/cmdline > seen-parent\n\
         tr '\\0' '\\n' < /proc/$$/cmdline > seen-cmdline\n\
         cat answer\n",
    );
    let mut command = env.command(["list"]);
    command
        .env_remove("KEYWRIGHT_PASSPHRASE_FILE")
        .env("KEYWRIGHT_PASSPHRASE_COMMAND", "sh ask.sh 'one word'")
        .env("KEYWRIGHT_PROJECT", "shop")
        .env("KEYWRIGHT_ENV", "staging")
        .env("KEYWRIGHT_ACTIVITY", env.path("activity.db"))
        .env("KEYWRIGHT_VAULT", env.vault())
        .env("HARMLESS", "kept");
    let outcome = env.finish(command, "");
    assert!(outcome.success(), "{outcome}");
    let seen = |name: &str| fs::read_to_string(env.path(name)).expect("noted");
    assert!(seen("seen-environ").contains("HARMLESS=kept"));
    assert!(
        !seen("seen-environ").contains("KEYWRIGHT_"),
        "{}",
        seen("seen-environ")
    );
    assert_eq!(seen("seen-cmdline"), "sh\nask.sh\none word\n");
    assert!(!seen("seen-parent").contains(PASSPHRASE));
}

#[test]
#[cfg(target_os = "linux")]
fn the_passphrase_in_a_variable_reaches_no_child() {
    // A variable is chosen before a command, so that none is started.
    let env = TestEnv::new();
    let mut command = env.command(["list"]);
    command
        .env_remove("KEYWRIGHT_PASSPHRASE_FILE")
        .env("KEYWRIGHT_PASSPHRASE", PASSPHRASE)
        .env("KEYWRIGHT_PASSPHRASE_COMMAND", "sh -c 'env > seen'");
    let outcome = env.finish(command, "");
    assert!(outcome.success(), "{outcome}");
    assert!(!env.path("seen").exists());
}
