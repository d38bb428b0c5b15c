//! `doctor`: each check with a vault in which it finds something, and its twin in which it does not.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use keywright::key::Span;
use rusqlite::Connection;
use rustix::process::Signal;
use serde_json::Value;

use crate::common::{Outcome, TestEnv, skip};
use crate::terminal::Terminal;
use crate::unfinished::{Earlier, scope};

/// What depends on the machine, and what every vault of the tests has.
pub(crate) const IGNORED: [&str; 8] = [
    "--ignore",
    "core_dumps",
    "--ignore",
    "swap",
    "--ignore",
    "recovery_code",
    "--ignore",
    "weak_kdf",
];

/// A vault about which there is nothing to say but for what is ignored.
pub(crate) fn sound() -> TestEnv {
    let env = TestEnv::empty();
    chmod(&env.path("passphrase"), 0o600);
    let made = env.run(["init", "--kdf", "test"]);
    assert!(made.success(), "{made}");
    env
}

pub(crate) fn chmod(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).expect("set");
}

pub(crate) fn doctor(env: &TestEnv, args: &[&str]) -> Outcome {
    env.run([&["doctor"], &IGNORED as &[&str], args].concat())
}

/// The checks that found something.
pub(crate) fn checks(outcome: &Outcome) -> Vec<String> {
    let document = outcome.json();
    let findings = document["findings"].as_array().expect("a list");
    let check = |finding: &Value| finding["check"].as_str().expect("a word").to_owned();
    findings.iter().map(check).collect()
}

#[test]
fn nothing_is_found_in_a_sound_vault() {
    let env = sound();
    let _ = env.create(["deploy"]);
    insta::assert_snapshot!(doctor(&env, &[]), @"
    exit: 0
    ---- stdout
    ---- stderr
    Nothing found
    ");
    insta::assert_snapshot!(doctor(&env, &["--deep"]), @"
    exit: 0
    ---- stdout
    ---- stderr
    Checked 1 key, 0 settings, 3 changes and 0 recorded uses
    Nothing found
    ");
    assert_eq!(doctor(&env, &["-q"]).stderr(), "");
}

#[test]
fn the_words_for_what_is_found() {
    let env = sound();
    told_troubles(&env);
    insta::assert_snapshot!(doctor(&env, &[]), @r#"
    exit: 9
    ---- stdout
    advice: the access token `nightly` for the issued keys of default/development expires in 7 d, at [-------TIME-------]
      mend: `keywright access create` makes another, `keywright access revoke` ends this one
    advice: no use of the access token `nightly` for the issued keys of default/development is recorded here; it was made at [-------TIME-------]
      mend: uses elsewhere are not known here; `keywright access revoke` ends one that nobody needs
    problem: the access token `runner` for the issued keys of default/development expired at [-------TIME-------]
      mend: `keywright access create` makes another, `keywright access revoke` ends this one
    advice: the value of `openai` in ai/development goes into OPENAI_API_KEY, as that of `openai-too`: `run` and `env` refuse them together
      mend: keywright edit openai -p ai -e development --var OTHER_NAME
    problem: `expired` in default/development expired at [-------TIME-------]
      mend: keywright rotate expired -p default -e development
    advice: `expiring` in default/development expires in 10 d, at [-------TIME-------]
      mend: keywright rotate expiring -p default -e development
    advice: `expiring` in default/development was never used, as far as is known here, since it was made at [-------TIME-------]
      mend: keywright revoke expiring -p default -e development
    problem: the token of `half` in default/development that earlier made at [-------TIME-------] was never handed over; the one before works still
      mend: keywright rotate half -p default -e development
    problem: the token of `lost` in default/development that earlier made at [-------TIME-------] was never handed over; no other works
      mend: keywright rotate lost -p default -e development
    advice: the token before the present one of `rotated` in default/development works until [-------TIME-------]
      mend: keywright rotate rotated -p default -e development --finish
    advice: no token of `imported` in shop/staging works here: it was imported without one
      mend: keywright rotate imported -p shop -e staging
    advice: `it's unused` in shop/staging was never used, as far as is known here, since it was made at [-------TIME-------]
      mend: keywright revoke "it's unused" -p shop -e staging
    ---- stderr
    "#);
    insta::assert_snapshot!(doctor(&env, &["--json", "-e", "staging", "--deep"]), @r#"
    exit: 9
    ---- stdout
    {
      "examined": {
        "changes": 20,
        "keys": 9,
        "settings": 2,
        "uses": 1
      },
      "findings": [
        {
          "check": "no_token",
          "environment": "staging",
          "key_id": "[--KEY-ID--]",
          "kind": "issued",
          "mend": "keywright rotate imported -p shop -e staging",
          "message": "no token of `imported` in shop/staging works here: it was imported without one",
          "name": "imported",
          "path": null,
          "project": "shop",
          "severity": "advice"
        },
        {
          "check": "unused",
          "environment": "staging",
          "key_id": "[--KEY-ID--]",
          "kind": "issued",
          "mend": "keywright revoke \"it's unused\" -p shop -e staging",
          "message": "`it's unused` in shop/staging was never used, as far as is known here, since it was made at [-------TIME-------]",
          "name": "it's unused",
          "path": null,
          "project": "shop",
          "severity": "advice"
        }
      ],
      "ok": false,
      "opened": true,
      "schema": 1,
      "vault": "[HOME]/.config/keywright/vault.db"
    }
    ---- stderr
    "#);
}

/// A key of every trouble that a key can have.
fn told_troubles(env: &TestEnv) {
    let here = scope("default/development");
    for name in ["openai", "openai-too"] {
        env.set(
            [name, "--var", "OPENAI_API_KEY", "-p", "ai"],
            "sk-0123456789abcdef",
        );
    }
    let long_ago = Earlier::new(env, 100 * 86_400);
    for (name, days) in [("expired", 99), ("expiring", 110)] {
        let mut new = Earlier::new_key(name, &here);
        new.expires_at = Some(long_ago.now.after(Span::days(days)));
        long_ago.create(&new, true);
    }
    long_ago.create(
        &Earlier::new_key("it's unused", &scope("shop/staging")),
        true,
    );
    let lately = Earlier::new(env, 200);
    lately.create(&Earlier::new_key("lost", &here), false);
    lately.create(&Earlier::new_key("half", &here), true);
    lately.rotate("half", &here);
    let exported = env.run(["export", "-p", "shop"]);
    let id = exported.json()["keys"][0]["key_id"].clone();
    let text = exported.stdout_text().replace("it's unused", "imported");
    env.write(
        "export.json",
        text.replace(id.as_str().expect("an id"), "0123456789ab"),
    );
    let imported = env.run(["import", "--format", "json", "export.json"]);
    assert!(imported.success(), "{imported}");
    for (name, days) in [("runner", 50), ("nightly", 107)] {
        let end = Some(long_ago.now.after(Span::days(days)));
        let (name, who) = (name.parse().expect("a name"), "earlier".parse());
        let mut vault = long_ago.open();
        let made = vault.create_access(
            &name,
            &here,
            keywright::key::KeyKind::Issued,
            end,
            &who.expect("an actor"),
            long_ago.now,
        );
        made.expect("made");
    }
    let token = env.create(["rotated"]);
    let rotated = env.run(["rotate", "rotated", "--overlap", "10m", "-y", "-q"]);
    assert!(rotated.success(), "{rotated}");
    // Without it nothing would be known of uses.
    assert!(env.run_with_stdin(["verify"], &token).success());
}

#[test]
fn findings_about_keys_are_of_the_scope_that_was_asked_for() {
    let env = sound();
    told_troubles(&env);
    let scopes = |args: &[&str]| {
        let outcome = doctor(&env, &[&["--json"], args].concat());
        let document = outcome.json();
        let findings = document["findings"].as_array().expect("a list");
        let of = |finding: &Value| finding["environment"].as_str().map(str::to_owned);
        let mut scopes: Vec<_> = findings.iter().filter_map(of).collect();
        scopes.dedup();
        scopes
    };
    assert_eq!(scopes(&[]), ["development", "staging"]);
    assert_eq!(scopes(&["-e", "staging"]), ["staging"]);
    assert_eq!(scopes(&["-p", "default"]), ["development"]);
    assert_eq!(scopes(&["-p", "nobody"]), [""; 0]);
}

#[test]
fn what_is_around_is_told_even_where_the_vault_does_not_open() {
    let env = sound();
    chmod(&env.path(".config/keywright"), 0o777);
    env.write("wrong", "another passphrase\n");
    chmod(&env.path("wrong"), 0o600);
    let wrong = doctor(&env, &["--passphrase-file", "wrong", "--json"]);
    insta::assert_snapshot!(wrong, @r#"
    exit: 5
    ---- stdout
    {
      "examined": null,
      "findings": [
        {
          "check": "file_access",
          "environment": null,
          "key_id": null,
          "kind": null,
          "mend": "chmod go-w [HOME]/.config/keywright",
          "message": "others can replace what is in the folder `[HOME]/.config/keywright` (mode 777)",
          "name": null,
          "path": "[HOME]/.config/keywright",
          "project": null,
          "severity": "problem"
        }
      ],
      "ok": false,
      "opened": false,
      "schema": 1,
      "vault": "[HOME]/.config/keywright/vault.db"
    }
    ---- stderr
    {
      "error": {
        "causes": [],
        "exit_code": 5,
        "hint": "try again; `keywright status` shows which vault this is",
        "kind": "locked",
        "message": "wrong passphrase, or a slot of the vault was altered"
      },
      "schema": 1
    }
    "#);
    let mut nobody = env.command([&["doctor"], &IGNORED as &[&str]].concat());
    nobody.env_remove("KEYWRIGHT_PASSPHRASE_FILE");
    insta::assert_snapshot!(env.finish(nobody, ""), @"
    exit: 5
    ---- stdout
    problem: others can replace what is in the folder `[HOME]/.config/keywright` (mode 777)
      mend: chmod go-w [HOME]/.config/keywright
    ---- stderr
    error: the passphrase is needed, and nobody can be asked for it
    hint: give it with --passphrase-file, --passphrase-fd, KEYWRIGHT_PASSPHRASE_FILE, KEYWRIGHT_PASSPHRASE or KEYWRIGHT_PASSPHRASE_COMMAND
    ");
    let missing = doctor(&env, &["--vault", "nowhere.db"]);
    assert_eq!(missing.code(), Some(1), "{missing}");
    assert!(missing.stdout_text().contains("the folder"), "{missing}");
}

#[test]
fn every_check_can_be_left_out() {
    let env = TestEnv::new();
    let machine = &IGNORED[..4];
    let all = env.run([&["doctor", "--json"], machine].concat());
    assert_eq!(
        checks(&all),
        ["secret_file", "weak_kdf", "recovery_code"],
        "{all}"
    );
    assert_eq!(all.code(), Some(9));
    let unknown = env.run(["doctor", "--ignore", "nothing"]);
    assert_eq!(unknown.code(), Some(2), "{unknown}");
    let env = sound();
    let strong = env.run([
        "passphrase",
        "--kdf",
        "default",
        "--new-passphrase-file",
        "passphrase",
    ]);
    assert!(strong.success(), "{strong}");
    let rest = env.run([&["doctor", "--json"], machine].concat());
    assert_eq!(checks(&rest), ["recovery_code"], "{rest}");
}

#[test]
fn core_dumps_of_the_callers() {
    let env = sound();
    for (limit, told) in [("0", false), ("8", true)] {
        let mut shell = env.program("sh");
        let script = format!("ulimit -S -c {limit} || exit 99; exec \"$0\" doctor \"$@\"");
        shell.args(["-c", &script, env!("CARGO_BIN_EXE_keywright"), "--json"]);
        shell.args(&IGNORED[2..]);
        let found = env.finish(shell, "");
        if found.code() == Some(99) {
            return skip("the hard core limit is 0");
        }
        let pattern = fs::read_to_string("/proc/sys/kernel/core_pattern").unwrap_or_default();
        if told || !pattern.starts_with('|') {
            let is_told = checks(&found).contains(&"core_dumps".to_owned());
            assert_eq!(is_told, told, "{found}");
        }
    }
}

#[test]
fn a_machine_that_remembered_nothing() {
    let env = sound();
    let state = env.path(".local/state/keywright");
    fs::remove_dir_all(&state).expect("removed");
    let found = doctor(&env, &["--json"]);
    assert_eq!(checks(&found), ["anchor_missing"], "{found}");
    let again = doctor(&env, &["--json"]);
    assert_eq!(checks(&again), [""; 0], "{again}");
    // Where nothing can be kept, it is told every time, and once.
    fs::remove_dir_all(&state).expect("removed");
    fs::write(&state, "in its place").expect("written");
    chmod(&state, 0o600);
    for _ in 0..2 {
        let found = doctor(&env, &["--json", "--deep"]);
        assert_eq!(checks(&found), ["anchor_unwritable"], "{found}");
        assert_eq!(found.stderr(), "");
        let message = found.json()["findings"][0]["message"].clone();
        assert!(
            message.as_str().is_some_and(|text| text.len() > 30),
            "{message}"
        );
    }
}

#[test]
fn an_activity_file_that_cannot_be_used() {
    let env = sound();
    let token = env.create(["deploy"]);
    assert!(env.run_with_stdin(["verify"], &token).success());
    let path = env.activity();
    let activity = Connection::open(&path).expect("an activity file");
    activity
        .execute_batch("UPDATE event SET sealed = zeroblob(200)")
        .expect("altered");
    drop(activity);
    // Its twin: what nobody opens is not told.
    assert!(doctor(&env, &[]).success());
    let deep = doctor(&env, &["--deep", "--json"]);
    assert_eq!(checks(&deep), ["activity_events"], "{deep}");
    fs::write(&path, "no database at all, whatever its name says of it").expect("written");
    let found = doctor(&env, &["--json"]);
    assert_eq!(checks(&found), ["activity"], "{found}");
    assert_eq!(found.stderr(), "", "{found}");
}

#[test]
fn an_entry_within_the_log_is_opened_by_deep_alone() {
    let env = sound();
    let _ = env.create(["deploy"]);
    let vault = Connection::open(env.vault()).expect("a vault");
    let altered = vault.execute("UPDATE log SET sealed = zeroblob(192) WHERE seq = 2", []);
    assert_eq!(altered, Ok(1));
    drop(vault);
    assert!(doctor(&env, &[]).success());
    let deep = doctor(&env, &["--deep"]);
    assert_eq!(deep.code(), Some(7), "{deep}");
    assert!(deep.stderr().contains("entry 2 of the log"), "{deep}");
}

#[test]
fn a_killed_create_is_told() {
    let env = sound();
    let command = "sh -c 'cat > token; touch started; exec sleep 60'";
    let mut terminal = Terminal::spawn(env.unlocked(["create", "new", "--pipe", command]));
    let until = std::time::Instant::now() + std::time::Duration::from_secs(30);
    while !env.path("started").exists() {
        assert!(std::time::Instant::now() < until);
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    terminal.signal(Signal::KILL);
    assert!(!terminal.wait().0.success());
    let found = doctor(&env, &["--json"]);
    assert_eq!(checks(&found), ["undelivered"], "{found}");
    let mend = found.json()["findings"][0]["mend"].clone();
    let mend = mend.as_str().expect("a text").strip_prefix("keywright ");
    let words = shlex::split(mend.expect("a command of ours")).expect("quoted");
    let _ = env.run([words, vec!["-y".to_owned()]].concat()).token();
    assert!(doctor(&env, &[]).success());
}

#[test]
fn a_session_that_nobody_reads_keeps_its_exit_code() {
    let env = TestEnv::new();
    let mut shell = env.program("sh");
    let script = "exec 3>&1; { \"$0\" doctor; echo $? >&3; } | true";
    shell.args(["-c", script, env!("CARGO_BIN_EXE_keywright")]);
    let piped = env.finish(shell, "");
    assert!(piped.stdout_text().contains('9'), "{piped}");
}

/// Who follows the advice should not change another vault.
#[test]
fn advice_is_about_the_vault_that_was_given() {
    let env = sound();
    let other = env.path("it's other.db");
    let other = other.to_str().expect("UTF-8");
    let made = env.run(["init", "--kdf", "test", "--vault", other]);
    assert!(made.success(), "{made}");
    let name = "my keywright key";
    for args in [
        &["create", name] as &[&str],
        &["rotate", name, "--overlap", "9h", "--yes"],
    ] {
        let done = env.run(args.iter().chain(&["--vault", other]).copied());
        assert!(done.success(), "{done}");
    }
    let found = env.run(["doctor", "--vault", other, "--json"]);
    let found = found.json();
    let findings = found["findings"].as_array().expect("a list");
    let mends = findings
        .iter()
        .filter_map(|finding| finding["mend"].as_str());
    let commands: Vec<&str> = mends.filter(|mend| mend.starts_with("keywright")).collect();
    assert!(!commands.is_empty(), "{found}");
    let mut is_told = false;
    for command in commands {
        let words = shlex::split(command).expect("words");
        assert_eq!(words[1..3], ["--vault", other], "{command}");
        // Of what the command is about nothing is taken for a command.
        assert!(words[3] != "rotate" || words[4] == name, "{command}");
        is_told |= words[3] == "rotate";
    }
    assert!(is_told, "{found}");
}
