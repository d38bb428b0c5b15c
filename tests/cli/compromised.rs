//! `passphrase --compromised`: new keys for everything, and what is dropped by it.

use keywright::crypto::{Passphrase, Secret};
use keywright::key::{KeyKind, Scope, Timestamp};
use keywright::vault::{AccessToken, Credential, Location, RecoveryCode, Retention, Vault};

use crate::change_passphrase::{NEW, opens};
use crate::common::{Outcome, PASSPHRASE, TestEnv};
use crate::terminal::Terminal;

const REKEY: [&str; 4] = ["passphrase", "--new-passphrase-fd", "0", "--compromised"];

/// A vault with two keys, two access tokens and a recovery code.
struct Used {
    env: TestEnv,
    token: String,
    access: [AccessToken; 2],
    code: RecoveryCode,
}

impl Used {
    fn new() -> Self {
        let env = TestEnv::new();
        let token = env.create(["deploy"]);
        env.set(["openai"], "sk-0123456789abcdef");
        let passphrase = Secret::new(PASSPHRASE.as_bytes().to_vec());
        let passphrase = Passphrase::new(passphrase).expect("a passphrase");
        let now = Timestamp::now();
        let who = "tester".parse().expect("an actor");
        let mut vault = open(&env, &Credential::Passphrase(&passphrase)).expect("it opens");
        let scope = Scope {
            project: "default".parse().expect("a project"),
            environment: "development".parse().expect("an environment"),
        };
        let mut access = |name: &str| {
            let name = name.parse().expect("a name");
            vault
                .create_access(&name, &scope, KeyKind::Issued, None, &who, now)
                .expect("an access token")
        };
        let access = [access("web server"), access("CI \u{202e}runner")];
        let code = vault.create_recovery_code(&who, now).expect("a code");
        Self {
            env,
            token,
            access,
            code,
        }
    }

    /// Which of them open the vault: the access tokens, and the recovery code.
    fn ways_in(&self) -> [bool; 3] {
        let [first, second] = &self.access;
        [
            Credential::access_token(first),
            Credential::access_token(second),
            Credential::RecoveryCode(&self.code),
        ]
        .map(|credential| open(&self.env, &credential).is_some())
    }

    #[track_caller]
    fn keys_work(&self) {
        assert_eq!(self.env.code(&self.token), "valid");
        let value = self.env.run(["get", "openai"]);
        assert_eq!(value.stdout(), b"sk-0123456789abcdef", "{value}");
    }
}

/// With the one character shown that JSON leaves as it is.
fn visible(outcome: &Outcome) -> String {
    outcome.to_string().replace('\u{202e}', "\\u{202e}")
}

fn open(env: &TestEnv, credential: &Credential<'_>) -> Option<Vault> {
    let location = Location {
        vault: env.vault(),
        state: env.path(".local/state/keywright"),
        activity: None,
        accept_rollback: false,
        audit_required: false,
        retention: Retention::default(),
    };
    Vault::open(&location, credential, Timestamp::now()).ok()
}

#[test]
fn everything_is_sealed_anew_and_what_was_dropped_is_told() {
    let used = Used::new();
    assert_eq!(used.ways_in(), [true; 3]);
    let args = [&REKEY[..], &["--yes"]].concat();
    insta::assert_snapshot!(used.env.run_with_stdin(args, NEW), @r"
    exit: 0
    ---- stdout
    ---- stderr
    Changed the passphrase and sealed everything anew
      access tokens    dropped, to be made again: `CI \u{202e}runner`, `web server`
      recovery code    dropped, to be made again
      issued tokens    stay valid
      recorded uses    are still counted; who, when and how of those until now cannot be read any more
    Copies of the vault from before still open with what opened them then: rotate the provider keys that somebody may have read
    ");
    assert_eq!(used.ways_in(), [false; 3]);
    assert!(opens(&used.env, NEW) && !opens(&used.env, PASSPHRASE));
    used.env.write("passphrase", NEW);
    used.keys_work();
    // Once more, now that there is nothing left to drop, and with the same passphrase.
    let args = [&REKEY[..], &["--yes"]].concat();
    insta::assert_snapshot!(used.env.run_with_stdin(args, NEW), @"
    exit: 0
    ---- stdout
    ---- stderr
    Sealed everything anew; the passphrase is the same
      issued tokens    stay valid
      recorded uses    are still counted; who, when and how of those until now cannot be read any more
    Copies of the vault from before still open with what opened them then: rotate the provider keys that somebody may have read
    ");
    used.keys_work();
}

#[test]
fn a_change_of_the_passphrase_alone_drops_nothing() {
    let used = Used::new();
    let args = ["passphrase", "--new-passphrase-fd", "0", "--json"];
    let changed = used.env.run_with_stdin(args, NEW);
    assert_eq!(changed.json()["outcome"], "changed", "{changed}");
    assert_eq!(used.ways_in(), [true; 3]);
    used.env.write("passphrase", NEW);
    used.keys_work();
}

#[test]
fn it_is_asked_first_and_says_what_stops_working() {
    let used = Used::new();
    let before = used.env.vault_bytes();
    let mut screens = Vec::new();
    for (key, code) in [("n\r", 6), ("y\r", 0)] {
        used.env.write("new", NEW);
        let args = [
            "passphrase",
            "--compromised",
            "--new-passphrase-file",
            "new",
        ];
        let mut terminal = Terminal::spawn(used.env.unlocked(args));
        terminal.expect_question();
        assert!(used.env.vault_bytes() == before);
        terminal.send(key);
        let (status, screen) = terminal.wait();
        assert_eq!(status.code(), Some(code), "{screen}");
        screens.push(used.env.screen(&screen));
    }
    insta::assert_snapshot!(screens.join("---- yes\n"), @r"
    Seal everything anew under new keys; what stops working now: the old passphrase, 2 access tokens and the recovery code; who used keys until now can no longer be read, only how often
    Go on? [y/N] n
    error: not confirmed; nothing was changed
    ---- yes
    Seal everything anew under new keys; what stops working now: the old passphrase, 2 access tokens and the recovery code; who used keys until now can no longer be read, only how often
    Go on? [y/N] y
    Changed the passphrase and sealed everything anew
      access tokens    dropped, to be made again: `CI \u{202e}runner`, `web server`
      recovery code    dropped, to be made again
      issued tokens    stay valid
      recorded uses    are still counted; who, when and how of those until now cannot be read any more
    Copies of the vault from before still open with what opened them then: rotate the provider keys that somebody may have read
    ");
    assert!(opens(&used.env, NEW));
}

#[test]
fn without_a_confirmation_nothing_is_changed() {
    let used = Used::new();
    let before = used.env.vault_bytes();
    insta::assert_snapshot!(used.env.run_with_stdin(REKEY, NEW), @"
    exit: 6
    ---- stdout
    ---- stderr
    error: this needs a confirmation, and nobody can be asked
    hint: --yes confirms it beforehand
    ");
    assert!(used.env.vault_bytes() == before);
    assert_eq!(used.ways_in(), [true; 3]);
}

#[test]
fn a_dry_run_names_what_would_be_dropped_and_drops_nothing() {
    let used = Used::new();
    let before = used.env.vault_bytes();
    let args = [&REKEY[..], &["--dry-run"]].concat();
    insta::assert_snapshot!(used.env.run_with_stdin(&args, NEW), @r"
    exit: 0
    ---- stdout
    ---- stderr
    Would change the passphrase and seal everything anew
      access tokens    dropped, to be made again: `CI \u{202e}runner`, `web server`
      recovery code    dropped, to be made again
      issued tokens    stay valid
      recorded uses    are still counted; who, when and how of those until now cannot be read any more
    Copies of the vault from before still open with what opened them then: rotate the provider keys that somebody may have read
    ");
    let args = [&args[..], &["--json"]].concat();
    insta::assert_snapshot!(visible(&used.env.run_with_stdin(args, NEW)), @r#"
    exit: 0
    ---- stdout
    {
      "dropped_access_tokens": [
        "CI \u{202e}runner",
        "web server"
      ],
      "dropped_recovery_code": true,
      "dry_run": true,
      "kdf_memory_mib": 8,
      "kdf_passes": 1,
      "outcome": "rekeyed",
      "schema": 1
    }
    ---- stderr
    "#);
    assert!(used.env.vault_bytes() == before);
    assert_eq!(used.ways_in(), [true; 3]);
}

#[test]
fn as_json_the_dropped_ones_are_listed() {
    let used = Used::new();
    let args = [&REKEY[..], &["--yes", "--json"]].concat();
    insta::assert_snapshot!(visible(&used.env.run_with_stdin(args, NEW)), @r#"
    exit: 0
    ---- stdout
    {
      "dropped_access_tokens": [
        "CI \u{202e}runner",
        "web server"
      ],
      "dropped_recovery_code": true,
      "dry_run": false,
      "kdf_memory_mib": 8,
      "kdf_passes": 1,
      "outcome": "rekeyed",
      "schema": 1
    }
    ---- stderr
    "#);
}
