//! Every field of every JSON document is in the manual.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::common::TestEnv;

#[test]
fn every_json_field_is_in_the_manual() {
    let env = TestEnv::new();
    let token = env.create(["deploy", "--context", "team=blue", "--note", "a note"]);
    env.set(
        ["openai", "--provider", "openai", "--var", "OPENAI_API_KEY"],
        "sk-0123456789abcdef",
    );
    env.write("new", "seven maples guard quiet lanterns");
    env.write("variables", "A=1\n");
    let mut fields = BTreeSet::new();
    for args in [
        &["create", "another", "--json"] as &[&str],
        &["get", "openai", "--json"],
        &["list", "--json"],
        &["rotate", "deploy", "--overlap", "1h", "--yes", "--json"],
        &["show", "openai", "--json"],
        &["audit", "--limit", "1", "--json"],
        &["status", "--json"],
        &["usage", "--json"],
        &["usage", "openai", "--json"],
        &["delete", "another", "--dry-run", "--json"],
        &["edit", "another", "--tag", "new", "--json"],
        &["role", "set", "billing", "--permission", "read", "--json"],
        &["role", "list", "--json"],
        &["export"],
        &["env", "--json"],
        &["role", "show", "billing", "--json"],
        &["import", "variables", "--dry-run", "--json"],
        &[
            "passphrase",
            "--new-passphrase-file",
            "new",
            "--compromised",
            "--yes",
            "-n",
            "--json",
        ],
        &["init", "--vault", "other.db", "--kdf", "test", "--json"],
        &[
            "init",
            "--vault",
            "third.db",
            "--kdf",
            "test",
            "--recovery-code",
            "--json",
        ],
        &["passphrase", "--add-recovery-code", "--json"],
        &["init", "--project-file", "--json"],
        &["check", "--json"],
        &["unlock", "--json"],
        &["lock", "--json"],
        &["backup", "copy.db", "--json"],
        &[
            "backup",
            "ci.vault",
            "--scope",
            "default/development",
            "--json",
        ],
        &["restore", "copy.db", "--yes", "--json"],
    ] {
        let outcome = env.run(args.iter().copied());
        assert!(outcome.success(), "{args:?}: {outcome}");
        collect(&outcome.json(), &mut fields);
    }
    collect(
        &env.run_with_stdin(["verify", "--json"], &token).json(),
        &mut fields,
    );
    collect(
        &env.run(["show", "nobody", "--json"]).error_json(),
        &mut fields,
    );
    let found = env.run(["doctor", "--deep", "--json"]);
    collect(&found.json(), &mut fields);
    assert!(fields.len() > 50, "{fields:?}");
    let manual = env.run(["man"]).stdout_text();
    let missing: Vec<&String> = fields
        .iter()
        .filter(|field| !names(&manual, field))
        .collect();
    assert!(missing.is_empty(), "not in the manual: {missing:?}");
    assert!(!names(&manual, "no_such_field"));
}

/// Names of fields, but for those that the user chose.
fn collect(value: &Value, fields: &mut BTreeSet<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| collect(item, fields)),
        Value::Object(object) => {
            for (field, value) in object {
                fields.insert(field.clone());
                if !field.ends_with("context") {
                    collect(value, fields);
                }
            }
        }
        _ => {}
    }
}

/// Whether a bold term of the page has this name among those it lists.
fn names(page: &str, field: &str) -> bool {
    let terms = page
        .lines()
        .filter_map(|line| line.strip_prefix("\\fB")?.strip_suffix("\\fR"));
    terms
        .flat_map(|term| term.split(", "))
        .any(|name| name == field)
}
