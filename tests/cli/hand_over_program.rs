//! `--pipe`: a new token on a program's standard input. It counts only if the program took it.

use std::fs;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::common::{TestEnv, needed, skip};
use crate::terminal::Terminal;

fn text(env: &TestEnv, file: &str) -> String {
    fs::read_to_string(env.path(file)).expect("there")
}

/// Waits until the key's token was committed, and so the program is about to have it.
#[track_caller]
fn wait_for_pending(env: &TestEnv, name: &str) {
    let until = Instant::now() + Duration::from_secs(30);
    while !env.names().contains(&name.to_owned()) {
        assert!(Instant::now() < until, "`{name}` was never made");
    }
}

/// Waits until the program has written this file.
#[track_caller]
fn wait_for_file(env: &TestEnv, file: &str) {
    let until = Instant::now() + Duration::from_secs(30);
    while !env.path(file).exists() {
        assert!(Instant::now() < until, "no `{file}`");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_program_gets_the_token_and_no_line_end() {
    let env = TestEnv::new();
    let created = env.run([
        "create",
        "deploy",
        "--pipe",
        "sh -c 'cat > token; echo done'",
    ]);
    insta::assert_snapshot!(created, @"
    exit: 0
    ---- stdout
    ---- stderr
    done
    Created issued key `deploy` in default/development
      key id       [--KEY-ID--]
      permissions  read (by default)
      expires      in 90 d, [-------TIME-------] (by default)
      token        taken by the program `sh`
    ");
    let token = text(&env, "token");
    assert!(!token.contains('\n') && token.len() > 50, "{token:?}");
    assert_eq!(env.code(&token), "valid");
    let rotated = env.run(["rotate", "deploy", "-y", "--json", "--pipe", "tee 'a file'"]);
    let document = rotated.json();
    assert_eq!(document["handed_over"], "program", "{rotated}");
    assert!(document.get("token").is_none(), "{rotated}");
    let new = text(&env, "a file");
    assert_eq!(rotated.stderr(), new);
    assert_eq!(env.code(&new), "valid");
    assert_eq!(env.code(&token), "rotated");
}

#[test]
fn what_is_not_taken_is_not_made() {
    let env = TestEnv::new();
    let old = env.create(["deploy"]);
    let before = env.show(["deploy"]);
    env.write("not-executable", "#!/bin/sh\n");
    let mut told = String::new();
    for command in [
        "false",
        "true",
        "sleep 0.1",
        "sh -c 'dd bs=10 count=1 of=half status=none'",
        "sh -c 'cat >/dev/null; exit 3'",
        "sh -c 'kill -TERM $$'",
        "sh -c 'exec 0<&-; true'",
        "no-such-program --at all",
        "./not-executable",
        "./passphrase/x",
        "''",
        "sh -c 'open",
    ] {
        for args in [
            &["create", "new", "--pipe", command] as &[&str],
            &["rotate", "deploy", "--yes", "--pipe", command],
        ] {
            let outcome = env.run(args);
            assert!(outcome.stdout().is_empty(), "{command}: {outcome}");
            assert_eq!(env.names(), ["deploy"], "{command}");
            assert_eq!(env.code(&old), "valid", "{command}");
            assert_eq!(env.show(["deploy"])["generations"], before["generations"]);
            if args[0] == "create" {
                told += &format!(
                    "$ {command}\n{}[exit {:?}]\n",
                    outcome.stderr(),
                    outcome.code()
                );
            }
        }
    }
    assert_eq!(text(&env, "half").len(), 10);
    insta::assert_snapshot!(told, @"
    $ false
    error: the token could not be handed over, and was undone
      caused by: `false` failed (exit status: 1)
    hint: what worked before works still
    [exit Some(1)]
    $ true
    error: the token could not be handed over, and was undone
      caused by: `true` did not read the whole token
    hint: what worked before works still
    [exit Some(1)]
    $ sleep 0.1
    error: the token could not be handed over, and was undone
      caused by: `sleep` did not read the whole token
    hint: what worked before works still
    [exit Some(1)]
    $ sh -c 'dd bs=10 count=1 of=half status=none'
    error: the token could not be handed over, and was undone
      caused by: `sh` did not read the whole token
    hint: what worked before works still
    [exit Some(1)]
    $ sh -c 'cat >/dev/null; exit 3'
    error: the token could not be handed over, and was undone
      caused by: `sh` failed (exit status: 3)
    hint: what worked before works still
    [exit Some(1)]
    $ sh -c 'kill -TERM $$'
    error: the token could not be handed over, and was undone
      caused by: `sh` failed (signal: 15 (SIGTERM))
    hint: what worked before works still
    [exit Some(1)]
    $ sh -c 'exec 0<&-; true'
    error: the token could not be handed over, and was undone
      caused by: `sh` did not read the whole token
    hint: what worked before works still
    [exit Some(1)]
    $ no-such-program --at all
    error: no program `no-such-program`
    hint: a program without a `/` in its name is looked for in the folders of PATH
    [exit Some(1)]
    $ ./not-executable
    error: the token could not be handed over, and was undone
      caused by: cannot start `./not-executable`
      caused by: Permission denied (os error 13)
    hint: what worked before works still
    [exit Some(1)]
    $ ./passphrase/x
    error: the token could not be handed over, and was undone
      caused by: cannot start `./passphrase/x`
      caused by: Not a directory (os error 20)
    hint: what worked before works still
    [exit Some(1)]
    $ ''
    error: invalid value '''' for '--pipe <COMMAND>': there is no program in it

    For more information, try '--help'.
    [exit Some(2)]
    $ sh -c 'open
    error: invalid value 'sh -c 'open' for '--pipe <COMMAND>': a quote in it is not closed

    For more information, try '--help'.
    [exit Some(2)]
    ");
}

#[test]
fn until_it_is_taken_nothing_accepts_it() {
    let env = TestEnv::new();
    let binary = env!("CARGO_BIN_EXE_keywright");
    let script = format!("'{binary} verify --json --passphrase-file passphrase > answer; true'");
    let created = env.run(["create", "deploy", "--pipe", &format!("sh -c {script}")]);
    assert!(created.success(), "{created}");
    assert!(text(&env, "answer").contains("undelivered"));
}

#[test]
fn a_token_that_cannot_be_made_active_is_told_to_be_invalid() {
    let env = TestEnv::new();
    let binary = env!("CARGO_BIN_EXE_keywright");
    let script = format!(
        "'cat >/dev/null; {binary} delete deploy --yes --passphrase-file passphrase -q; true'"
    );
    let created = env.run(["create", "deploy", "--pipe", &format!("sh -c {script}")]);
    insta::assert_snapshot!(created, @"
    exit: 1
    ---- stdout
    ---- stderr
    error: the printed token is not valid
      caused by: the key `deploy` was changed by somebody else meanwhile; nothing was changed
    hint: throw it away and run the command again
    ");
}

#[test]
fn a_program_sees_nothing_of_ours_but_the_token() {
    let env = TestEnv::new();
    let script = "cat > token; env > environment; tr '\\000' '\\n' < /proc/$$/cmdline > own;
        tr '\\000' '\\n' < /proc/$PPID/cmdline > parent; ls -l /proc/$$/fd > descriptors";
    env.write("script", script);
    let mut command = env.command(["create", "deploy", "--pipe", "sh script"]);
    command
        .env("KEYWRIGHT_CANARY", "sings")
        .env("OTHER", "stays");
    let created = env.finish(command, "");
    assert!(created.success(), "{created}");
    let token = text(&env, "token");
    assert_eq!(env.code(&token), "valid");
    let environment = text(&env, "environment");
    assert!(!environment.contains("KEYWRIGHT_"), "{environment}");
    assert!(environment.contains("OTHER=stays"), "{environment}");
    assert_eq!(text(&env, "own"), "sh\nscript\n");
    assert!(text(&env, "parent").contains("--pipe"));
    for file in ["environment", "own", "parent"] {
        assert!(!text(&env, file).contains(&token), "{file}");
    }
    let descriptors = text(&env, "descriptors");
    for ours in ["vault.db", "activity.db"] {
        assert!(!descriptors.contains(ours), "{descriptors}");
    }
}

/// Of a regular file, which a program could read once more from its beginning.
#[test]
fn a_program_has_not_the_descriptor_of_the_passphrase() {
    let env = TestEnv::new();
    env.write(
        "script",
        "cat > token; cat <&7 > leaked 2>/dev/null || true",
    );
    let line = r#"exec 7< passphrase
        exec "$0" create deploy --passphrase-fd 7 --pipe 'sh script'"#;
    let mut command = env.program("sh");
    command.args(["-c", line, env!("CARGO_BIN_EXE_keywright")]);
    let created = env.finish(command, "");
    assert!(created.success(), "{created}");
    assert!(!env.path("leaked").exists() || text(&env, "leaked").is_empty());
}

#[test]
fn a_program_has_the_core_limit_that_was_there_before() {
    let env = TestEnv::new();
    let mut shell = env.program("sh");
    let script = "ulimit -S -c 8 || exit 99; exec \"$@\"";
    shell.args(["-c", script, "sh", env!("CARGO_BIN_EXE_keywright")]);
    shell.args(["create", "deploy", "-q", "--pipe"]);
    shell.arg("sh -c 'cat >/dev/null; ulimit -S -c'");
    let created = env.finish(shell, "");
    if created.code() == Some(99) {
        return skip("the hard core limit is 0");
    }
    assert!(created.success(), "{created}");
    assert_eq!(created.stderr(), "8\n");
}

#[test]
fn ctrl_c_reaches_the_program_and_undoes_the_token() {
    let env = TestEnv::new();
    let old = env.create(["deploy"]);
    // With a question before it, too: what waits for signals then is the same.
    for asked in [false, true] {
        let args = ["create", "new", "--pipe", "sleep 60"];
        let mut terminal = Terminal::spawn(match asked {
            true => env.asking(args),
            false => env.unlocked(args),
        });
        if asked {
            terminal.expect("Passphrase: ");
            terminal.send(format!("{}\n", crate::common::PASSPHRASE));
        }
        wait_for_pending(&env, "new");
        std::thread::sleep(Duration::from_millis(300));
        terminal.send("\x03");
        let (status, screen) = terminal.wait();
        assert_eq!(status.code(), Some(130), "{screen}");
        assert!(screen.contains("and was undone"), "{screen}");
        assert!(
            screen.contains("`sleep` failed (signal: 2 (SIGINT))"),
            "{screen}"
        );
        assert!(terminal.echo_is_on());
        assert_eq!(env.names(), ["deploy"]);
    }
    let mut terminal = Terminal::spawn(env.unlocked([
        "rotate",
        "deploy",
        "--yes",
        "--pipe",
        "sh -c 'touch started; exec sleep 60'",
    ]));
    wait_for_file(&env, "started");
    std::thread::sleep(Duration::from_millis(300));
    terminal.send("\x1c");
    let (status, screen) = terminal.wait();
    assert_eq!(status.code(), Some(130), "{screen}");
    assert_eq!(env.code(&old), "valid");
    assert_eq!(env.show(["deploy"])["pending"], false);
}

#[test]
fn a_program_that_goes_on_after_ctrl_c_counts() {
    let env = TestEnv::new();
    let command = "sh -c 'trap \"\" INT; cat > token; touch started; sleep 1'";
    let mut terminal = Terminal::spawn(env.unlocked(["create", "new", "--pipe", command]));
    wait_for_file(&env, "started");
    terminal.send("\x03");
    let (status, screen) = terminal.wait();
    assert!(status.success(), "{screen}");
    assert_eq!(env.code(&text(&env, "token")), "valid");
}

#[test]
fn a_signal_to_keywright_alone_ends_the_program_and_undoes_the_token() {
    let env = TestEnv::new();
    for signal in [Signal::TERM, Signal::HUP] {
        let command = "sh -c 'echo $$ > pid; touch started; exec sleep 60'";
        let mut terminal = Terminal::spawn(env.unlocked(["create", "new", "--pipe", command]));
        wait_for_file(&env, "started");
        terminal.signal(signal);
        let (status, screen) = terminal.wait();
        assert_eq!(status.code(), Some(130), "{screen}");
        assert_eq!(env.names(), [""; 0], "{signal:?}");
        let pid = text(&env, "pid");
        assert!(!std::path::Path::new("/proc").join(pid.trim()).exists());
        fs::remove_file(env.path("started")).expect("there");
    }
}

#[test]
fn a_killed_keywright_leaves_a_token_that_nothing_accepts() {
    let env = TestEnv::new();
    let command = "sh -c 'cat > token; touch started; exec sleep 60'";
    let mut terminal = Terminal::spawn(env.unlocked(["create", "new", "--pipe", command]));
    wait_for_file(&env, "started");
    terminal.signal(Signal::KILL);
    let (status, screen) = terminal.wait();
    assert!(!status.success(), "{screen}");
    assert_eq!(env.show(["new"])["status"], "undelivered");
    assert_eq!(env.code(&text(&env, "token")), "undelivered");
}

#[test]
fn it_works_where_sigchld_is_ignored() {
    let Some(perl) = needed("perl") else { return };
    let env = TestEnv::new();
    let mut command = env.program(perl);
    command.args(["-e", "$SIG{CHLD} = 'IGNORE'; exec @ARGV"]);
    command.arg(env!("CARGO_BIN_EXE_keywright"));
    command.args(["create", "deploy", "--pipe", "cat"]);
    let created = env.finish(command, "");
    assert!(created.success(), "{created}");
}
