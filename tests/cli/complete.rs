//! What is offered for a line, as a shell's script asks for it.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::common::TestEnv;

#[test]
fn kinds_scopes_and_ids_decide_what_is_offered() {
    let env = TestEnv::new();
    for name in ["mine", "--help", "-dash"] {
        let _ = env.create(["--", name]);
    }
    env.set(["theirs"], "value of it");
    let _ = env.create(["elsewhere", "-e", "staging"]);
    let id = |name: &str| {
        env.run(["show", "--json", "--", name]).json()["key"]["key_id"]
            .as_str()
            .expect("an id")
            .to_owned()
    };
    let (mine, theirs) = (id("mine"), id("theirs"));
    let (dash, help) = (id("-dash"), id("--help"));
    offers(
        &env,
        &["keywright", "show", ""],
        &[&help, &dash, "mine", "theirs"],
    );
    offers(
        &env,
        &["keywright", "show", "--", "-"],
        &["--help", "-dash"],
    );
    offers(&env, &["keywright", "get", ""], &["theirs"]);
    offers(&env, &["keywright", "set", ""], &["theirs"]);
    offers(&env, &["keywright", "-e", "stg", "rm", ""], &["elsewhere"]);
    offers(&env, &["keywright", "show", &mine[..8]], &[&mine]);
    offers(&env, &["keywright", "get", &theirs[..8]], &[&theirs]);
    // A key id would be a name of its own there.
    for words in [
        ["set", theirs.as_str()],
        ["create", ""],
        ["show", "nothing"],
    ] {
        let words = ["keywright", words[0], words[1]];
        assert_eq!(offered(&env, &words, &[]), [""; 0], "{words:?}");
    }
    offers(&env, &["keywright", "ls", "--status", "ex"], &["expired"]);
    for role in ["billing", "blue"] {
        let made = env.run(["role", "set", role, "--permission", "read"]);
        assert!(made.success(), "{made}");
    }
    offers(
        &env,
        &["keywright", "role", "show", ""],
        &["billing", "blue"],
    );
    offers(
        &env,
        &["keywright", "edit", "mine", "--add-role", "bi"],
        &["billing"],
    );
    offers(&env, &["keywright", "edit", "mine", "--add-tag", "x"], &[]);
    env.set(
        ["theirs", "--provider", "acme", "--model", "large"],
        "value of it",
    );
    offers(&env, &["keywright", "get", "--provider", ""], &["acme"]);
    offers(&env, &["keywright", "get", "--model", "l"], &["large"]);
    offers(&env, &["keywright", "f"], &["find"]);
    offers(&env, &["keywright", "completi"], &["completions"]);
    offers(
        &env,
        &["KEYWRIGHT_ENV=x", "keywright", "compl"],
        &["completions"],
    );
}

#[test]
fn what_chooses_keys_for_a_program_is_offered() {
    let env = TestEnv::new();
    env.set(["openai", "--var", "OPENAI_API_KEY"], "value of it");
    env.set(
        ["stripe/live", "--var", "STRIPE_KEY", "--tag", "pay"],
        "value of that",
    );
    env.set(["with,comma"], "value of this");
    let _ = env.create(["mine"]);
    env.set(["elsewhere", "-e", "staging", "--var", "OTHER"], "value");
    let run = |args: &[&str], expected: &[&str]| {
        offers(&env, &[&["keywright", "run"], args].concat(), expected);
    };
    let all = ["openai", "stripe/live", "OPENAI_API_KEY", "STRIPE_KEY"];
    run(&["--only", ""], &all);
    run(&["--except=st"], &["--except=stripe/live"]);
    run(&["--only", "openai,STR"], &["openai,STRIPE_KEY"]);
    run(&["-e", "staging", "--only", ""], &["elsewhere", "OTHER"]);
    run(&["--tag", ""], &["pay"]);
    let variables = ["OPENAI_API_KEY", "STRIPE_KEY"];
    run(&["--allow-name", ""], &variables);
    run(&["--preserve-env", ""], &variables);
    run(&["--preserve-env", "A,ST"], &["A,STRIPE_KEY"]);
    run(&["--map", "OPEN"], &[]);
    run(&["--map", "A=st"], &["A=stripe/live"]);
    run(&["--map=A=st"], &["--map=A=stripe/live"]);
    run(
        &["--map", "A="],
        &["A=openai", "A=stripe/live", "A=with,comma"],
    );
    let id = env.show(["openai"])["key_id"].as_str().map(str::to_owned);
    let id = id.expect("an id");
    let mapped = format!("A={id}");
    run(&["--map", &mapped[..10]], &[&mapped]);
    run(&["--only", &id[..8]], &[]);
    // A key's own variable is a new one.
    offers(&env, &["keywright", "set", "openai", "--var", "ST"], &[]);
    offers(&env, &["keywright", "run", "--cl"], &["--clean"]);
}

#[test]
fn a_program_and_its_arguments_are_left_to_the_shell() {
    let env = TestEnv::empty();
    for (shell, typed, expected) in [
        ("zsh", "keywright\0run\0\0", "command 2"),
        ("zsh", "A=b\0keywright\0x\0--\0ls\0--only\0\0", "command 4"),
        ("zsh", "keywright\0run\0-c\0\0", "files"),
        ("zsh", "keywright\0exec\0-c\0ls\0x\0", "files"),
        ("fish", "keywright\0run\0ls\0$x\0", "command 2"),
        ("fish", "keywright\0run\0--only\0$x\0", "files"),
        ("bash", "9\0keywright --project=a run \0\0", "command 3"),
        ("bash", "9\0 A=b  keywright run 'l s' $x\0$x\0", "command 3"),
    ] {
        let answer = env.run_with_stdin(["complete", shell], typed);
        assert!(answer.success() && answer.stderr().is_empty(), "{answer}");
        assert_eq!(answer.stdout_text().trim_end(), expected, "{typed:?}");
    }
}

#[test]
fn a_vault_and_a_passphrase_on_the_line_are_used() {
    let env = TestEnv::new();
    let _ = env.create(["in-a-vault"]);
    let elsewhere = env.path("else.db");
    fs::copy(env.vault(), &elsewhere).expect("copied");
    fs::remove_file(env.vault()).expect("removed");
    env.write("other", "another passphrase\n");
    let words = |file: &'static str| {
        [
            "keywright",
            "--vault",
            "~/else.db",
            "--passphrase-file",
            file,
            "show",
            "",
        ]
    };
    offers(&env, &words("~/passphrase"), &["in-a-vault"]);
    for variables in [&[] as &[_], &[("KEYWRIGHT_ENV", "no such")]] {
        assert_eq!(offered(&env, &words("other"), variables), [""; 0]);
    }
    let missing = ["keywright", "show", ""];
    assert_eq!(offered(&env, &missing, &[]), [""; 0]);
}

#[test]
fn nothing_that_would_wait_is_waited_for() {
    let env = TestEnv::new();
    let _ = env.create(["my-key"]);
    let fifo = env.path("fifo");
    let made = Command::new("mkfifo").arg(&fifo).status().expect("run");
    assert!(made.success());
    let started = Instant::now();
    let fifo = fifo.to_str().expect("UTF-8");
    let sources = [
        ("KEYWRIGHT_PASSPHRASE_FILE", fifo),
        ("KEYWRIGHT_PASSPHRASE_FILE", "/dev/tty"),
    ];
    for source in sources {
        assert_eq!(
            offered(&env, &["keywright", "show", ""], &[source]),
            [""; 0]
        );
        assert_eq!(offered(&env, &["keywright", "rota"], &[source]), ["rotate"]);
    }
    // Not even for the settings.
    fs::remove_file(env.path(".config/keywright/config.toml")).unwrap_or_default();
    let made = Command::new("mkfifo")
        .arg(env.path(".config/keywright/config.toml"))
        .status();
    assert!(made.expect("run").success());
    assert_eq!(offered(&env, &["keywright", "show", ""], &[]), [""; 0]);
    assert!(
        started.elapsed() < Duration::from_secs(20),
        "{:?}",
        started.elapsed()
    );
}

#[test]
fn an_expensive_passphrase_does_not_make_it_late() {
    let env = TestEnv::empty();
    assert!(env.run(["init", "--kdf", "strong"]).success());
    // One of many: the others may have waited for a processor.
    let in_time = (0..100).any(|_| {
        let started = Instant::now();
        let environments = offered(&env, &["keywright", "list", "-e", "prod"], &[]);
        assert_eq!(environments, ["production"]);
        started.elapsed() < Duration::from_millis(100)
    });
    assert!(in_time);
}

#[test]
fn nothing_changes_by_completing() {
    let env = TestEnv::new();
    let _ = env.create(["my-key"]);
    let before = env.files();
    offers(&env, &["keywright", "show", "my"], &["my-key"]);
    offers(&env, &["keywright", "-p", "def"], &["default"]);
    let changed: Vec<PathBuf> = env.files().into_keys().collect();
    assert_eq!(changed, before.keys().cloned().collect::<Vec<_>>());
    assert!(env.files() == before);
}

#[test]
fn what_no_script_sends_is_answered_by_nothing() {
    let env = TestEnv::new();
    for (shell, typed) in [
        ("bash", "one\0"),
        ("bash", "9\0kw show\0other\0"),
        ("fish", ""),
        ("zsh", "no end"),
    ] {
        let answer = env.run_with_stdin(["complete", shell], typed);
        assert!(answer.success(), "{answer}");
        assert_eq!(
            (answer.stdout_text(), answer.stderr()),
            Default::default(),
            "{typed:?}"
        );
    }
    let strange = env.run_with_stdin(["complete", "zsh"], b"keywright\0\xff\xfe\0\xff\0");
    assert!(
        strange.success() && strange.stderr().is_empty(),
        "{strange}"
    );
}

#[test]
fn asking_is_no_command() {
    let env = TestEnv::empty();
    for args in [
        &["complete"] as &[&str],
        &["complete", "csh"],
        &["complete", "bash", "x"],
        &["clear-clipboard"],
        &["clear-clipboard", "cat"],
    ] {
        let refused = env.run(args);
        assert_eq!(refused.code(), Some(2), "{refused}");
    }
    for args in [
        &["--help"] as &[&str],
        &["man"],
        &["completions", "elvish"],
        &["completions", "powershell"],
    ] {
        let told = env.run(args).stdout_text();
        assert!(!told.contains("complete "), "{told}");
        assert!(!told.contains("clear-clipboard"), "{told}");
    }
}

/// What is offered in time for the words before the cursor.
#[track_caller]
fn offered(env: &TestEnv, words: &[&str], variables: &[(&str, &str)]) -> Vec<String> {
    let mut command = env.command(["complete", "zsh"]);
    command.envs(variables.iter().copied());
    answer(env, command, words)
}

/// The same, however late the vault is opened.
#[track_caller]
fn offers(env: &TestEnv, words: &[&str], expected: &[&str]) {
    let command = env.command(["complete", "zsh", "--patient"]);
    assert_eq!(answer(env, command, words), expected, "{words:?}");
}

/// The words of an answer, which always comes without a failure or a message.
#[track_caller]
fn answer(env: &TestEnv, command: Command, words: &[&str]) -> Vec<String> {
    let typed: String = words.iter().map(|word| format!("{word}\0")).collect();
    let answer = env.finish(command, typed);
    assert!(answer.success() && answer.stderr().is_empty(), "{answer}");
    let lines = answer.stdout_text();
    let mut lines = lines.lines();
    assert!(matches!(
        lines.next(),
        Some("commands" | "files" | "open" | "words")
    ));
    let word = |line: &str| line.split('\t').next().unwrap_or_default().to_owned();
    lines.map(word).collect()
}
