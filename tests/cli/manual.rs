//! `man` and `completions`.

use std::fs;

use crate::common::{TestEnv, needed};

const COMMANDS: [&str; 33] = [
    "access",
    "agent",
    "audit",
    "backup",
    "check",
    "completions",
    "create",
    "delete",
    "doctor",
    "edit",
    "env",
    "export",
    "get",
    "help",
    "import",
    "init",
    "list",
    "lock",
    "man",
    "passphrase",
    "restore",
    "revoke",
    "role",
    "rotate",
    "run",
    "search",
    "serve",
    "set",
    "show",
    "status",
    "unlock",
    "usage",
    "verify",
];

#[test]
fn every_command_has_a_page_and_the_root_has_the_tables() {
    let env = TestEnv::empty();
    let root = env.run(["man"]).stdout_text();
    for section in [
        "NAME",
        "SYNOPSIS",
        "OPTIONS",
        "ENVIRONMENT",
        "\"EXIT STATUS\"",
        "FILES",
        "SCOPES",
        "JSON",
        "EXAMPLES",
    ] {
        let heading = format!(".SH {section}\n");
        assert_eq!(root.matches(&heading).count(), 1, "{section}: {root}");
    }
    for variable in [
        "KEYWRIGHT_VAULT",
        "KEYWRIGHT_PASSPHRASE_FILE",
        "KEYWRIGHT_NO_INPUT",
    ] {
        assert!(root.contains(variable), "{variable}");
    }
    for command in COMMANDS {
        let page = env.run(["man", command]);
        assert!(page.success(), "{page}");
        let title = format!("keywright\\-{command}");
        let text = page.stdout_text();
        assert!(text.contains(&title), "{command}: {page}");
        assert!(text.contains(".SH EXAMPLES\n"), "{command}: {page}");
        assert!(!text.contains("EXTRA"), "{command}: {page}");
    }
}

#[test]
fn pages_go_by_aliases_and_not_by_other_words() {
    let env = TestEnv::empty();
    assert_eq!(
        env.run(["man", "rm"]).stdout_text(),
        env.run(["man", "delete"]).stdout_text()
    );
    for words in [&["nothing"] as &[&str], &["create", "nothing"]] {
        let unknown = env.run([&["man"], words].concat());
        assert_eq!(unknown.code(), Some(2), "{unknown}");
        assert!(unknown.stderr().contains("no such command"), "{unknown}");
    }
}

#[test]
fn pages_and_scripts_are_written_into_a_folder() {
    let env = TestEnv::empty();
    for (command, count) in [("man", COMMANDS.len() + 8), ("completions", 5)] {
        fs::create_dir(env.path(command)).expect("made");
        let written = env.run([command, "--dir", command]);
        assert!(
            written.success() && written.stdout().is_empty(),
            "{written}"
        );
        let files = fs::read_dir(env.path(command)).expect("readable");
        assert_eq!(files.count(), count);
    }
    let page = fs::read_to_string(env.path("man/keywright-list.1")).expect("written");
    assert_eq!(
        page.trim_end(),
        env.run(["man", "list"]).stdout_text().trim_end()
    );
}

#[test]
fn a_folder_that_is_not_there_is_told() {
    let env = TestEnv::empty();
    for command in ["man", "completions"] {
        let missing = env.run([command, "--dir", "missing"]);
        assert_eq!(missing.code(), Some(1), "{missing}");
        assert!(missing.stderr().contains("`missing"), "{missing}");
    }
}

#[test]
fn shells_take_the_completion_scripts() {
    let env = TestEnv::empty();
    for shell in ["bash", "zsh", "fish"] {
        let Some(program) = needed(shell) else {
            continue;
        };
        let script = env.run(["completions", shell]).stdout_text();
        let file = env.write("script", script);
        let mut check = env.program(program);
        check.arg("-n").arg(file);
        let checked = env.finish(check, "");
        assert!(checked.success(), "{shell}: {checked}");
        assert_eq!(checked.stderr(), "", "{shell}");
    }
    for shell in ["elvish", "powershell"] {
        assert!(env.run(["completion", shell]).success());
    }
}

#[test]
fn pages_render() {
    let env = TestEnv::empty();
    let Some(man) = needed("man") else {
        return;
    };
    for args in [&["man"] as &[&str], &["man", "create"]] {
        let file = env.write("page", env.run(args).stdout_text());
        let mut render = env.program(&man);
        render
            .arg("-l")
            .arg(file)
            .env("MANWIDTH", "100")
            .env("LC_ALL", "C.UTF-8");
        let rendered = env.finish(render, "");
        assert!(rendered.success(), "{rendered}");
        assert_eq!(rendered.stderr(), "");
    }
}
