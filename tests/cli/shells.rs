//! Completion in real shells: what a TAB makes of a line, seen by the program that the line then runs.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::common::{TestEnv, needed};
use crate::terminal::Terminal;

const PROMPT: &str = "ready> ";

/// Names that mean something to a shell, with the beginning of each as one would type it there.
const HARD: &[(&str, &str)] = &[
    ("plain", "pl"),
    ("Internal dashboard", "Int"),
    ("two  spaces", "two\\ "),
    ("CI/CD integration", "CI/"),
    ("x$(touch pwned)", "x"),
    ("y`touch pwned`", "y"),
    ("w;touch pwned", "w"),
    ("it's \"quoted\" & $HOME", "it"),
    ("in single's quotes", "'in s"),
    ("at its end'", "'at"),
    ("dollar $HOME \"x\"", "\"doll"),
    ("history !x", "hist"),
    ("loud!x", "\"lou"),
    ("back\\slash", "ba"),
    ("colon:and=sign", "colon:a"),
    ("[br]*?", "\\["),
    ("#hash", "\\#"),
    ("~root", "\\~"),
    ("t{a,b}", "t\\{"),
    ("鍵と鍵", "鍵"),
    ("внутренний ключ", "вну"),
];

/// An interactive shell that has our completion, at a terminal.
struct Shell<'a> {
    env: &'a TestEnv,
    terminal: Terminal,
}

impl<'a> Shell<'a> {
    /// `None` where the shell is not installed.
    #[track_caller]
    fn start(env: &'a TestEnv, name: &str) -> Option<Self> {
        Self::start_with(env, name, |_| {})
    }

    #[track_caller]
    fn start_with(env: &'a TestEnv, name: &str, change: impl FnOnce(&mut Command)) -> Option<Self> {
        let program = needed(name)?;
        install_recorder(env);
        let mut command = env.program(program);
        let path = format!("{}:/usr/local/bin:/usr/bin:/bin", env.path("bin").display());
        command
            .env("PATH", path)
            .env("TERM", "xterm")
            .env("LC_ALL", "C.UTF-8");
        match name {
            "bash" => {
                let rc = format!(
                    "source <(keywright completions bash)\nPS1='{PROMPT}'\n\
                     [[ ! -e ~/more ]] || source ~/more\n"
                );
                command
                    .arg("--noprofile")
                    .arg("--rcfile")
                    .arg(env.write("rc", rc))
                    .arg("-i");
            }
            "fish" => {
                let rc = format!(
                    "set -g fish_greeting\nkeywright completions fish | source\n\
                     function fish_prompt; echo -n '{PROMPT}'; end\n\
                     test ! -e ~/more; or source ~/more\n"
                );
                env.write(".config/fish/config.fish", rc);
                command.arg("-i");
            }
            _ => {
                let rc = format!(
                    "unsetopt PROMPT_SP\nautoload -Uz compinit; compinit -u\n\
                     source <(keywright completions zsh)\nPS1='{PROMPT}'\n\
                     [[ ! -e ~/more ]] || source ~/more\n"
                );
                env.write(".zshrc", rc);
                command.args(["-o", "NO_GLOBAL_RCS", "-i"]);
            }
        }
        change(&mut command);
        let mut terminal = Terminal::spawn_with(command, (200, 50), |_| {});
        terminal.expect(PROMPT);
        let _ = fs::remove_file(env.path("ran"));
        Some(Self { env, terminal })
    }

    /// Types a line, TAB and Enter; gives the words that keywright was then run with, if it was.
    fn run(&mut self, typed: &str) -> Option<Vec<String>> {
        let ran = self.env.path("ran");
        self.terminal.send(format!("{typed}\t\r"));
        let patience = Instant::now() + Duration::from_secs(30);
        while Instant::now() < patience {
            if let Ok(words) = fs::read_to_string(&ran) {
                fs::remove_file(&ran).expect("removed");
                self.terminal.expect(PROMPT);
                return Some(words.split_terminator('\0').map(str::to_owned).collect());
            }
            sleep(Duration::from_millis(5));
        }
        // A quote that was left open: the shell waits for its end.
        self.terminal.send("\x03");
        self.terminal.expect(PROMPT);
        None
    }

    /// TAB makes `expected` of the arguments.
    #[track_caller]
    fn completes(&mut self, typed: &str, expected: &[&str]) {
        let ran = self.run(typed);
        assert!(
            ran.as_ref().is_some_and(|words| words == expected),
            "{typed:?} became {ran:?}, not {expected:?}"
        );
    }

    /// Everything that was on the screen until the shell ended.
    fn end(mut self) -> String {
        self.terminal.send("\x15exit\r");
        self.terminal.wait().1
    }
}

/// Puts a `keywright` on the path that answers completions, and otherwise notes the words it was run with.
fn install_recorder(env: &TestEnv) {
    fs::create_dir_all(env.path("bin")).expect("made");
    let real = env.path("bin/real");
    if !real.exists() {
        symlink(env!("CARGO_BIN_EXE_keywright"), &real).expect("linked");
    }
    let script = env.write(
        "bin/keywright",
        "#!/bin/sh\ncase $1 in complete) exec real \"$@\" --patient ;; completions) exec real \"$@\" ;; esac\n\
         printf '%s\\0' \"$@\" >\"$HOME/ran.new\" && mv \"$HOME/ran.new\" \"$HOME/ran\"\n",
    );
    fs::set_permissions(script, fs::Permissions::from_mode(0o755)).expect("changed");
}

fn env_with_hard_names() -> TestEnv {
    let env = TestEnv::new();
    for (name, _) in HARD {
        let _ = env.create(["--", name]);
    }
    env
}

#[track_caller]
fn hard_names_are_completed(shell: &str) {
    let env = env_with_hard_names();
    let Some(mut shell) = Shell::start(&env, shell) else {
        return;
    };
    for (name, typed) in HARD {
        shell.completes(&format!("keywright show {typed}"), &["show", name]);
        let shown = env.run(["show", "--json", "--", name]).json();
        assert_eq!(shown["key"]["name"], *name);
    }
    assert!(!env.path("pwned").exists());
    drop(shell);
    assert!(!env.path("pwned").exists());
}

#[test]
fn bash_completes_hard_names() {
    hard_names_are_completed("bash");
}

#[test]
fn fish_completes_hard_names() {
    hard_names_are_completed("fish");
}

#[test]
fn zsh_completes_hard_names() {
    hard_names_are_completed("zsh");
}

#[test]
fn commands_options_and_what_describes_keys_are_completed() {
    let env = TestEnv::new();
    let _ = env.create(["in-shop", "-p", "shop", "-e", "quality"]);
    env.set(
        [
            "openai",
            "--provider",
            "Open AI",
            "--tag",
            "old tag",
            "--model",
            "gpt 5",
        ],
        "value of it",
    );
    env.write("folder with space/a value", "x");
    for shell in ["bash", "fish", "zsh"] {
        let Some(mut shell) = Shell::start(&env, shell) else {
            continue;
        };
        for (typed, expected) in [
            ("rot", &["rotate"] as &[&str]),
            ("rotate --ov", &["rotate", "--overlap"]),
            ("list --kind prov", &["list", "--kind", "provider"]),
            (
                "create x --permission read,ad",
                &["create", "x", "--permission", "read,admin"],
            ),
            ("list -p sh", &["list", "-p", "shop"]),
            ("list --project=sh", &["list", "--project=shop"]),
            ("list -e qu", &["list", "-e", "quality"]),
            ("list -e stag", &["list", "-e", "staging"]),
            ("list --tag ol", &["list", "--tag", "old tag"]),
            ("list --tag=ol", &["list", "--tag=old tag"]),
            ("list --provider Op", &["list", "--provider", "Open AI"]),
            ("set new --model gp", &["set", "new", "--model", "gpt 5"]),
            ("get op", &["get", "openai"]),
            ("set op", &["set", "openai"]),
            (
                "show -p shop -e quality in",
                &["show", "-p", "shop", "-e", "quality", "in-shop"],
            ),
            (
                "--project=shop -equality show in",
                &["--project=shop", "-equality", "show", "in-shop"],
            ),
            (
                "set new --file folder\\ with\\ space/a",
                &["set", "new", "--file", "folder with space/a value"],
            ),
            (
                "create new --out folder\\ with\\ space/a",
                &["create", "new", "--out", "folder with space/a value"],
            ),
            // One of coreutils, and no shell has another that begins so.
            (
                "create new --pipe sha512s",
                &["create", "new", "--pipe", "sha512sum"],
            ),
        ] {
            shell.completes(&format!("keywright {typed}"), expected);
        }
    }
}

/// A program of its own completion, as each shell has it; for bash, as the package bash-completion asks it.
fn install_frobnicate(env: &TestEnv, shell: &str) {
    let program = env.write("bin/frobnicate", "#!/bin/sh\ntouch \"$HOME/pwned\"\n");
    fs::set_permissions(program, fs::Permissions::from_mode(0o755)).expect("changed");
    let completion = match shell {
        "bash" => {
            "_comp_command_offset() {\n\
             [[ ${COMP_WORDS[$1]} == frobnicate ]] || { compopt -o default; return; }\n\
             COMPREPLY=($(compgen -W --own-option -- \"$2${COMP_WORDS[COMP_CWORD]}\"))\n}\n"
        }
        "fish" => "complete -c frobnicate -l own-option\n",
        _ => "_frobnicate() { compadd -- --own-option }\ncompdef _frobnicate frobnicate\n",
    };
    env.write("more", completion);
}

#[test]
fn a_program_is_completed_as_it_would_be_alone() {
    let env = TestEnv::new();
    env.write("folder with space/a value", "x");
    let folder = "folder\\ with\\ space/a";
    let file = "folder with space/a value";
    let at_home = env.path(file).display().to_string();
    for name in ["bash", "fish", "zsh"] {
        install_frobnicate(&env, name);
        let Some(mut shell) = Shell::start(&env, name) else {
            continue;
        };
        let own = "--own-option";
        for (typed, expected) in [
            ("keywright run frobn", &["run", "frobnicate"] as &[&str]),
            ("keywright x -- frobn", &["x", "--", "frobnicate"]),
            ("keywright run frobnicate --ow", &["run", "frobnicate", own]),
            (
                "A=b keywright -q run frobnicate --only --ow",
                &["-q", "run", "frobnicate", "--only", own],
            ),
            (
                "keywright --project=a:b exec --only=x,y -- frobnicate c=d 'e  f' --ow",
                &[
                    "--project=a:b",
                    "exec",
                    "--only=x,y",
                    "--",
                    "frobnicate",
                    "c=d",
                    "e  f",
                    own,
                ],
            ),
            (
                &format!("keywright run cat {folder}"),
                &["run", "cat", file],
            ),
            (
                &format!("keywright run cat $HOME/{folder}"),
                &["run", "cat", &at_home],
            ),
            (&format!("keywright run -c {folder}"), &["run", "-c", file]),
            (
                &format!("keywright run -c 'cat \"$1\"' -- {folder}"),
                &["run", "-c", "cat \"$1\"", "--", file],
            ),
        ] {
            shell.completes(typed, expected);
        }
        drop(shell);
        assert!(!env.path("pwned").exists(), "{name}");
    }
}

#[test]
fn without_another_completion_a_programs_arguments_are_files() {
    let env = TestEnv::empty();
    env.write("some-file", "x");
    let Some(mut shell) = Shell::start(&env, "bash") else {
        return;
    };
    shell.completes("keywright run cat some", &["run", "cat", "some-file"]);
    let program = env.write("bin/a program", "#!/bin/sh\n");
    fs::set_permissions(program, fs::Permissions::from_mode(0o755)).expect("changed");
    shell.completes("keywright run ./bin/a", &["run", "./bin/a program"]);
}

#[test]
fn what_chooses_keys_for_a_program_is_completed() {
    let env = TestEnv::new();
    env.set(
        ["my key", "--var", "OPENAI_API_KEY", "--tag", "old tag"],
        "value of it",
    );
    env.set(["stripe", "--var", "STRIPE_KEY"], "value of that");
    for name in ["bash", "fish", "zsh"] {
        let Some(mut shell) = Shell::start(&env, name) else {
            continue;
        };
        for (typed, expected) in [
            ("--only my", &["--only", "my key"] as &[&str]),
            ("--only my\\ key,STR", &["--only", "my key,STRIPE_KEY"]),
            ("--except=OP", &["--except=OPENAI_API_KEY"]),
            ("--map A_KEY=my", &["--map", "A_KEY=my key"]),
            ("--map=A_KEY=st", &["--map=A_KEY=stripe"]),
            ("--tag ol", &["--tag", "old tag"]),
            ("--preserve-env A,ST", &["--preserve-env", "A,STRIPE_KEY"]),
            ("--allow-name OP", &["--allow-name", "OPENAI_API_KEY"]),
        ] {
            let expected = [&["run"], expected].concat();
            shell.completes(&format!("keywright run {typed}"), &expected);
        }
    }
}

#[test]
fn names_that_no_terminal_shows_are_never_on_it() {
    let env = TestEnv::new();
    let hostile = "safe\u{202e}kcatta";
    let _ = env.create(["--tag", "tag\u{202e}x", "--", hostile]);
    let id = env.show([hostile])["key_id"]
        .as_str()
        .expect("an id")
        .to_owned();
    for name in ["bash", "fish", "zsh"] {
        let Some(mut shell) = Shell::start(&env, name) else {
            continue;
        };
        shell.completes(&format!("keywright show {}", &id[..4]), &["show", &id]);
        shell.completes("keywright show ", &["show", &id]);
        assert_eq!(
            shell.run("keywright list --tag tag"),
            Some(vec!["list".into(), "--tag".into(), "tag".into()])
        );
        shell.terminal.send("keywright show \t\t");
        let screen = shell.end();
        assert!(!screen.contains('\u{202e}'), "{name}: {screen:?}");
    }
}

#[test]
fn without_a_silent_source_nothing_is_asked_and_the_rest_is_offered() {
    let env = TestEnv::new();
    let _ = env.create(["my-key"]);
    for name in ["bash", "fish", "zsh"] {
        let shell = Shell::start_with(&env, name, |command| {
            command
                .env_remove("KEYWRIGHT_PASSPHRASE_FILE")
                .env_remove("KEYWRIGHT_NO_INPUT")
                .env("KEYWRIGHT_PASSPHRASE_COMMAND", "touch asked");
        });
        let Some(mut shell) = shell else {
            continue;
        };
        let typed = ["show", "my"].map(str::to_owned).to_vec();
        assert_eq!(shell.run("keywright show my"), Some(typed));
        shell.completes("keywright rot", &["rotate"]);
        let screen = shell.end();
        assert!(
            !screen.contains("Passphrase") && !screen.contains("error"),
            "{name}: {screen:?}"
        );
    }
    assert!(!env.path("asked").exists());
}

#[test]
fn a_first_part_that_several_names_share_is_completed() {
    let env = TestEnv::new();
    for name in ["my key 1", "my key 2"] {
        let _ = env.create([name]);
    }
    for name in ["bash", "zsh"] {
        let Some(mut shell) = Shell::start(&env, name) else {
            continue;
        };
        shell.completes("keywright show m", &["show", "my key "]);
        shell.completes("keywright show my\\ key\\ 2", &["show", "my key 2"]);
    }
}

/// A checkout may hold a program of this name, which nobody has run yet while its name is only being typed.
#[test]
fn a_program_that_is_only_being_typed_is_not_run() {
    let env = TestEnv::new();
    let hostile = env.write("keywright", "#!/bin/sh\ntouch \"$HOME/pwned\"\n");
    fs::set_permissions(hostile, fs::Permissions::from_mode(0o755)).expect("changed");
    for name in ["bash", "fish", "zsh"] {
        let Some(mut shell) = Shell::start(&env, name) else {
            continue;
        };
        shell.terminal.send("./keywright rot\t");
        if name == "bash" {
            shell.terminal.expect("rotate");
        } else {
            sleep(Duration::from_millis(500));
        }
        let _ = shell.end();
        let Some(mut shell) = Shell::start(&env, name) else {
            continue;
        };
        // Not at the end of a word: there zsh itself, whatever the command is, runs what TAB expands.
        for typed in [
            "./keywright --x",
            "$(touch pwned) ",
            "`touch pwned` x",
            "ls $(touch pwned) x",
        ] {
            shell.terminal.send(format!("keywright run {typed}\t"));
            sleep(Duration::from_millis(300));
            shell.terminal.send("\x03");
            shell.terminal.expect(PROMPT);
        }
        let _ = shell.end();
    }
    assert!(!env.path("pwned").exists());
}
