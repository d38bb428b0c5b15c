//! Who may import whom, and what belongs at the edge. A new arrow is a decision, so it is made in these tables.

use std::fs;
use std::path::{Path, PathBuf};

/// Each module and the modules of ours that it may name. Lower layers come first.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("checks", &[]),
    ("child", &["crypto", "key"]),
    ("hardening", &[]),
    ("agent", &["crypto", "hardening", "key", "signals"]),
    ("key", &[]),
    ("crypto", &["checks", "hardening", "key"]),
    ("store", &["checks", "key"]),
    ("vault", &["checks", "crypto", "key", "store"]),
    ("signals", &[]),
    ("output", &["crypto", "hardening", "key"]),
    ("prompt", &["crypto", "signals"]),
    ("handover", &["crypto", "hardening", "key", "signals"]),
    ("error", &["agent", "key", "output", "prompt", "vault"]),
    ("exchange", &["crypto", "key", "vault"]),
    (
        "settings",
        &[
            "agent",
            "crypto",
            "error",
            "hardening",
            "key",
            "output",
            "vault",
        ],
    ),
    (
        "session",
        &[
            "agent", "crypto", "error", "key", "output", "prompt", "settings", "vault",
        ],
    ),
    ("view", &["key", "output", "vault"]),
    ("serve", &["crypto", "key", "output", "vault", "view"]),
    (
        "commands",
        &[
            "agent", "child", "crypto", "error", "exchange", "handover", "key", "output", "serve",
            "session", "settings", "signals", "vault", "view",
        ],
    ),
    ("cli", &["commands", "error", "output", "settings"]),
    (
        "lib",
        &[
            "agent", "cli", "commands", "error", "key", "output", "session", "settings",
        ],
    ),
    ("main", &[]),
];

/// Texts that belong to a few modules alone, and why.
const BELONGS_TO: &[(&str, &[&str], &str)] = &[
    ("println!", &["output"], "streams are a contract"),
    ("print!", &["output"], "streams are a contract"),
    ("io::stdout", &["output"], "streams are a contract"),
    ("io::stderr", &["output"], "streams are a contract"),
    ("process::exit", &[], "destructors wipe keys"),
    (
        "env::var",
        &["settings"],
        "one list of variables, from which the manual is made",
    ),
    (
        "env::current_exe",
        &["settings"],
        "decided once, before a command runs",
    ),
    (
        "env::current_dir",
        &["settings"],
        "decided once, before a command runs",
    ),
    ("rusqlite", &["store"], "nothing above it knows SQL"),
    (
        "clap",
        &["cli", "commands", "settings"],
        "the vault is a library",
    ),
    (
        "Timestamp::now",
        &["lib"],
        "the clock is read once per command",
    ),
    ("unsafe {", &["hardening"], "one place to audit"),
];

/// Where a secret may be made public; each such line says why.
const MAY_EXPOSE: &[&str] = &[
    "agent/protocol.rs",
    "child",
    "crypto",
    "exchange",
    "handover",
    "output/mod.rs",
    "prompt",
];

#[test]
fn modules_import_only_what_the_table_allows() {
    for source in sources() {
        for used in source.imports() {
            assert!(
                used == source.module || source.may_import().contains(&used.as_str()),
                "{}: `{}` must not import `{used}`",
                source.path,
                source.module,
            );
        }
    }
}

#[test]
fn commands_do_not_know_each_other() {
    const SHARED: &[&str] = &[
        "args",
        "fields",
        "handover",
        "listing",
        "oddities",
        "selection",
        "topics",
    ];
    for source in sources()
        .iter()
        .filter(|source| source.path.starts_with("commands/"))
    {
        // Within a command's folder, what is beside a file is the command's own.
        let is_inside = source.path.matches('/').count() > 1 && !source.path.ends_with("/mod.rs");
        let others = if is_inside {
            "use super::super::"
        } else {
            "use super::"
        };
        for line in source.code() {
            if let Some((_, rest)) = line.split_once(others) {
                let used = first_word(rest);
                assert!(
                    SHARED.contains(&used.as_str()),
                    "{}: must not import `{used}`",
                    source.path
                );
            }
        }
    }
}

#[test]
fn what_belongs_to_few_modules_is_in_no_other() {
    for source in sources() {
        for (text, owners, reason) in BELONGS_TO {
            let found = source.code().iter().any(|line| contains_word(line, text));
            assert!(
                !found || owners.contains(&source.module.as_str()),
                "{}: `{text}`: {reason}",
                source.path
            );
        }
    }
}

#[test]
fn secrets_are_exposed_only_where_the_table_says_and_with_a_reason() {
    for source in sources() {
        let allowed = MAY_EXPOSE
            .iter()
            .any(|place| source.path.starts_with(place));
        for (at, line) in source.code().iter().enumerate() {
            if line.contains(".expose()") {
                assert!(allowed, "{}: must not expose: {line}", source.path);
                let reasoned = line.contains("// ") || source.path.starts_with("crypto");
                assert!(
                    reasoned,
                    "{} ({at}): an exposure without its reason: {line}",
                    source.path
                );
            }
        }
    }
}

#[test]
fn no_module_is_named_for_everybody() {
    for source in sources() {
        let name = Path::new(&source.path)
            .file_stem()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        assert!(
            !["common", "helper", "helpers", "misc", "util", "utils"].contains(&name.as_str()),
            "{}",
            source.path
        );
    }
}

/// The twin: the search finds what it is meant to find.
#[test]
fn the_search_can_fail() {
    let source = Source {
        module: "key".to_owned(),
        path: "key/x.rs".to_owned(),
        text: "use crate::{store, vault::Vault};\nuse crate::crypto::Token;\nfn f() { println!(\"{}\", t.expose()) }\n\
               #[cfg(test)]\nmod properties;\nuse crate::error;\n#[cfg(test)]\nmod tests {\n    use crate::output;\n}\n\
               use crate::view;\n"
            .to_owned(),
    };
    assert_eq!(
        source.imports(),
        ["store", "vault", "crypto", "error", "view"]
    );
    assert!(source.may_import().is_empty());
    assert!(
        source
            .code()
            .iter()
            .any(|line| contains_word(line, "println!"))
    );
    assert!(
        !source
            .code()
            .iter()
            .any(|line| contains_word(line, "print!"))
    );
}

struct Source {
    /// First path segment under `src`.
    module: String,
    path: String,
    text: String,
}

impl Source {
    /// Lines of the program itself: no comments, and no items that only unit tests have.
    fn code(&self) -> Vec<&str> {
        let mut code = Vec::new();
        let mut lines = self.text.lines();
        while let Some(line) = lines.next() {
            if line == "#[cfg(test)]" {
                // The item ends at the first line without an indent that closes it.
                lines.find(|line| {
                    *line == "}" || !line.starts_with(' ') && line.ends_with([';', '}'])
                });
            } else if !line.trim_start().starts_with("//") {
                code.push(line);
            }
        }
        code
    }

    /// Modules of ours that are named, as `crate::a` or `crate::{a, b::c}`.
    fn imports(&self) -> Vec<String> {
        let code = self.code().join("\n");
        let mut found = Vec::new();
        for rest in code.split("crate::").skip(1) {
            match rest
                .strip_prefix('{')
                .and_then(|rest| rest.split_once("};"))
            {
                Some((group, _)) => {
                    found.extend(group.split(',').map(|item| first_word(item.trim())))
                }
                None => found.push(first_word(rest)),
            }
        }
        found.retain(|name| !name.is_empty());
        found
    }

    fn may_import(&self) -> &'static [&'static str] {
        let row = MAY_IMPORT.iter().find(|(name, _)| *name == self.module);
        row.unwrap_or_else(|| panic!("{}: `{}` is not in the table", self.path, self.module))
            .1
    }
}

fn first_word(text: &str) -> String {
    text.chars()
        .take_while(|c| c.is_alphanumeric() || *c == '_')
        .collect()
}

/// Whether `text` stands in `line` and no letter before it makes it another word.
fn contains_word(line: &str, text: &str) -> bool {
    line.match_indices(text)
        .any(|(at, _)| !line[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_'))
}

fn sources() -> Vec<Source> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    walk(&src, &mut found);
    let rust = found
        .into_iter()
        .filter(|path| path.extension().is_some_and(|ext| ext == "rs"));
    rust.map(|path| {
        let inside = path
            .strip_prefix(&src)
            .expect("under src")
            .to_string_lossy()
            .into_owned();
        let module = inside
            .split('/')
            .next()
            .unwrap_or_default()
            .trim_end_matches(".rs")
            .to_owned();
        Source {
            module,
            text: fs::read_to_string(&path).expect("UTF-8"),
            path: inside,
        }
    })
    .filter(|source| !is_of_tests(&source.path))
    .collect()
}

/// Only compiled into unit tests and fuzz targets, which look into everything.
fn is_of_tests(path: &str) -> bool {
    let file = path.rsplit('/').next();
    path.starts_with("vault/tamper")
        || path.starts_with("vault/fuzz/")
        || matches!(file, Some("fuzz.rs" | "hostile.rs" | "properties.rs"))
}

fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("src is readable") {
        let path = entry.expect("src is readable").path();
        if path.is_dir() {
            walk(&path, found)
        } else {
            found.push(path)
        }
    }
}
