//! `export`, and `import --format json`, which reads what it writes.

use std::fs;

use serde_json::{Value, json};

use crate::common::{Outcome, TestEnv};

const NOTE: &str = "two\nlines";

/// A vault with something of everything, and another, empty one.
fn used() -> TestEnv {
    let env = TestEnv::new();
    let billing = env.run([
        "role",
        "set",
        "billing",
        "--permission",
        "read",
        "--context",
        "team=blue",
    ]);
    assert!(billing.success());
    env.create([
        "ci",
        "--role",
        "billing",
        "--default",
        "--tag",
        "b",
        "--tag",
        "a",
        "--note",
        NOTE,
    ]);
    env.create([
        "old",
        "-p",
        "shop",
        "-e",
        "qa",
        "--expires",
        "never",
        "--brand",
        "acme",
    ]);
    assert!(
        env.run(["revoke", "old", "-p", "shop", "-e", "qa", "--yes"])
            .success()
    );
    env.set(
        [
            "openai",
            "--provider",
            "openai",
            "--var",
            "OPENAI_API_KEY",
            "--expires",
            "30d",
        ],
        "first value of it",
    );
    env.set(["openai", "--yes"], "sk-canary-0123456789");
    let mut odd = env.command(["set", "odd \"name\" 鍵", "-e", "production", "--exact"]);
    odd.env("X", "");
    assert!(env.finish(odd, b"\xff\xfe\"\\\n".as_slice()).success());
    let other = env.run(["init", "--vault", "other.db", "--kdf", "test"]);
    assert!(other.success(), "{other}");
    env
}

fn import(env: &TestEnv, document: &[u8], more: &[&str]) -> Outcome {
    let args = [&["import", "--format", "json", "--vault", "other.db"], more].concat();
    env.run_with_stdin(args, document)
}

/// Two exports say the same, but for when they were made.
fn untimed(export: &Outcome) -> Value {
    assert!(export.success(), "{export}");
    let mut document = export.json();
    document["exported_at"] = json!(null);
    document
}

#[test]
fn an_import_is_the_inverse_of_an_export() {
    let env = used();
    let export = env.run(["export", "--reveal"]);
    let keys = export.json()["keys"].as_array().map(Vec::len);
    assert_eq!(keys, Some(4));
    let imported = import(&env, export.stdout(), &[]);
    assert_eq!(
        imported.stderr(),
        "Imported 2 issued keys, 2 provider keys and 1 new role\n  issued keys have no token here until \
         `keywright rotate` makes one\n"
    );
    let again = env.run(["export", "--reveal", "--vault", "other.db"]);
    assert_eq!(untimed(&again), untimed(&export));
    for (args, value) in [
        (
            ["get", "openai", "-e", "development"],
            &b"sk-canary-0123456789"[..],
        ),
        (
            ["get", "odd \"name\" 鍵", "-e", "production"],
            b"\xff\xfe\"\\\n",
        ),
    ] {
        let got = env.run([&args[..], &["--vault", "other.db"]].concat());
        assert_eq!(got.stdout(), value, "{got}");
    }
    // The same id, no token: a rotation makes one.
    let key = env
        .run(["show", "ci", "--vault", "other.db", "--json"])
        .json()["key"]
        .clone();
    assert_eq!(
        (&key["key_id"], &key["status"]),
        (&env.show(["ci"])["key_id"], &json!("undelivered"))
    );
    let token = env
        .run(["rotate", "ci", "--vault", "other.db", "--yes"])
        .token();
    let verdict = env
        .run_with_stdin(["verify", "--vault", "other.db", "--json"], &token)
        .json();
    assert_eq!(
        (&verdict["code"], &verdict["context"]),
        (&json!("valid"), &json!({"team": "blue"}))
    );
}

#[test]
fn without_reveal_there_is_no_value_and_never_a_digest() {
    let env = used();
    let plain = env.run(["export"]);
    assert_eq!(plain.stderr(), "");
    let text = plain.stdout_text();
    assert!(
        !text.contains("canary") && !text.contains("value"),
        "{text}"
    );
    assert!(
        !text.contains("digest") && !text.contains("secret"),
        "{text}"
    );
    let revealed = env.run(["export", "--reveal"]).stdout_text();
    assert!(revealed.contains("sk-canary-0123456789"), "the twin");
    // What was revealed is a use; what was not, is none.
    assert_eq!(env.show(["openai"])["requests"], 1);
    assert_eq!(env.show(["ci"])["requests"], 0);
    // The filters of the command line.
    let narrowed = env.run(["export", "-p", "shop"]).json();
    assert_eq!(narrowed["keys"][0]["name"], "old");
    assert_eq!(narrowed["keys"].as_array().map(Vec::len), Some(1));
}

#[test]
fn a_dry_run_says_what_would_happen() {
    let env = used();
    let export = env.run(["export", "--reveal"]);
    let before = fs::read(env.path("other.db")).expect("a vault");
    let mut told = import(&env, export.stdout(), &["--dry-run", "--json"]).json();
    let keys = told["keys"].take();
    assert_eq!(
        told,
        json!({"schema": 1, "outcome": "imported", "dry_run": true, "issued_keys": 2, "provider_keys": 2, "new_roles": 1,
               "unchanged": 0, "empty": [], "literal": [], "first_line_only": [], "source_deleted": false, "keys": null})
    );
    let keys: Vec<Value> = keys.as_array().expect("keys").clone();
    let openai = keys.iter().find(|key| key["name"] == "openai");
    assert_eq!(keys.len(), 4);
    assert_eq!(
        openai.expect("there"),
        &json!({"name": "openai", "kind": "provider", "project": "default", "environment": "development",
                "variable": "OPENAI_API_KEY", "outcome": "new"})
    );
    assert_eq!(fs::read(env.path("other.db")).expect("a vault"), before);
}

#[test]
fn what_is_taken_stops_all_of_it() {
    let env = used();
    let export = env.run(["export", "--reveal"]);
    let mut told = String::new();
    for prepare in [
        &["create", "openai"] as &[&str],
        &["role", "set", "billing", "--permission", "admin"],
        &["create", "mine", "--default"],
    ] {
        assert!(
            env.run([prepare, &["--vault", "other.db", "-q"]].concat())
                .success()
        );
        let before = fs::read(env.path("other.db")).expect("a vault");
        let refused = import(&env, export.stdout(), &[]);
        assert_eq!(refused.code(), Some(4), "{refused}");
        assert_eq!(fs::read(env.path("other.db")).expect("a vault"), before);
        told = refused.stderr();
    }
    insta::assert_snapshot!(told, @"
    error: these are there already, or twice: the role `billing` with another content, a second default key of default/development, `ci`, `openai` in default/development
    hint: nothing was imported; `keywright set` replaces a value, `keywright edit` or `keywright delete` makes room
    ");
    // The vault that it came from has all of it.
    let args = ["import", "--format", "json"];
    assert_eq!(env.run_with_stdin(args, export.stdout()).code(), Some(4));
    // A key that was renamed has its id still.
    assert!(
        env.run(["edit", "ci", "--rename", "deploy", "--no-default"])
            .success()
    );
    let mut only = export.json();
    only["keys"].as_array_mut().expect("keys").truncate(1);
    let refused = env.run_with_stdin(args, only.to_string());
    assert!(refused.stderr().contains("the key id `"), "{refused}");
}

#[test]
fn documents_with_mistakes_are_refused_whole() {
    let env = used();
    let export = env.run(["export", "--reveal"]).json();
    let at = |name: &str| {
        let keys = export["keys"].as_array().expect("keys");
        keys.iter()
            .position(|key| key["name"] == name)
            .expect("there")
    };
    let (ci, openai) = (at("ci"), at("openai"));
    let mut told = String::new();
    let mut refuse = |what: &str, edit: &dyn Fn(&mut Value)| {
        let mut document = export.clone();
        edit(&mut document);
        let refused = import(&env, document.to_string().as_bytes(), &[]);
        assert!(
            !refused.success() && !refused.stderr().contains("canary"),
            "{what}: {refused}"
        );
        let place = without_columns(&refused.masked_stderr());
        told.push_str(&format!("# {what}\n{place}[exit {:?}]\n", refused.code()));
    };
    refuse("another schema", &|document| document["schema"] = json!(2));
    refuse("no keys", &|document| {
        document["keys"] = json!("sk-canary-0123456789")
    });
    refuse("an unknown field", &|document| {
        document["keys"][ci]["canary"] = json!(1)
    });
    refuse("no name", &|document| {
        document["keys"][ci]["name"] = json!(null)
    });
    refuse("a name that is none", &|document| {
        document["keys"][ci]["name"] = json!(" x")
    });
    refuse("an id that is none", &|document| {
        document["keys"][ci]["key_id"] = json!("short")
    });
    refuse("a time that is none", &|document| {
        document["keys"][ci]["created_at"] = json!("now")
    });
    refuse("a provider's key without its value", &|document| {
        document["keys"][openai]
            .as_object_mut()
            .expect("a key")
            .remove("value");
    });
    refuse("a value that is none", &|document| {
        document["keys"][openai]["value"] = json!(12)
    });
    refuse("an empty value", &|document| {
        document["keys"][openai]["value"] = json!("")
    });
    refuse("base64 that is none", &|document| {
        let key = document["keys"][openai].as_object_mut().expect("a key");
        key.remove("value");
        key.insert("value_base64".to_owned(), json!("Zh=="));
    });
    refuse("an issued key with a value", &|document| {
        document["keys"][ci]["value"] = json!("sk-canary")
    });
    refuse("a provider key with a brand", &|document| {
        document["keys"][openai]["brand"] = json!("acme")
    });
    refuse("half a revocation", &|document| {
        document["keys"][ci]["revoked_by"] = json!("me")
    });
    refuse("an unknown role", &|document| document["roles"] = json!([]));
    refuse("the same name twice", &|document| {
        let key = document["keys"][ci].clone();
        document["keys"].as_array_mut().expect("keys").push(key);
    });
    refuse("too many tags", &|document| {
        document["keys"][ci]["tags"] = (0..33).map(|n| json!(format!("t{n}"))).collect();
    });
    insta::assert_snapshot!(told, @"
    # another schema
    error: cannot import standard input
      caused by: schema 2 was written by a newer keywright
    hint: nothing was imported; `keywright export --reveal` makes such a document
    [exit Some(2)]
    # no keys
    error: cannot import standard input
      caused by: line 1, column ?: expected a sequence
    hint: nothing was imported; `keywright export --reveal` makes such a document
    [exit Some(2)]
    # an unknown field
    error: cannot import standard input
      caused by: line 1, column ?: unknown field, expected one of `kind`, `name`, `key_id`, `project`, `environment`, `default`, `brand`, `permissions`, `roles`, `context`, `rate`, `providers`, `models`, `variable`, `tags`, `note`, `created_at`, `created_by`, `present_since`, `expires_at`, `revoked_at`, `revoked_by`, `value`, `value_base64`
    hint: nothing was imported; `keywright export --reveal` makes such a document
    [exit Some(2)]
    # no name
    error: cannot import standard input
      caused by: line 1, column ?: expected a string
    hint: nothing was imported; `keywright export --reveal` makes such a document
    [exit Some(2)]
    # a name that is none
    error: cannot import standard input
      caused by: line 1, column ?: a name has no white space at its ends
    hint: nothing was imported; `keywright export --reveal` makes such a document
    [exit Some(2)]
    # an id that is none
    error: cannot import standard input
      caused by: line 1, column ?: a key id is 12 letters and digits
    hint: nothing was imported; `keywright export --reveal` makes such a document
    [exit Some(2)]
    # a time that is none
    error: cannot import standard input
      caused by: line 1, column ?: a time is written as in `[-------TIME-------]`, from 1970 on
    hint: nothing was imported; `keywright export --reveal` makes such a document
    [exit Some(2)]
    # a provider's key without its value
    error: cannot import standard input
      caused by: the key `openai`: its value is missing
    hint: nothing was imported; `keywright export --reveal` makes such a document
    [exit Some(2)]
    # a value that is none
    error: cannot import standard input
      caused by: the key `openai`: `value` is not a text
    hint: nothing was imported; `keywright export --reveal` makes such a document
    [exit Some(2)]
    # an empty value
    error: cannot import standard input
      caused by: the key `openai`: its value is empty, has a NUL byte or more than 65536 bytes
    hint: nothing was imported; `keywright export --reveal` makes such a document
    [exit Some(2)]
    # base64 that is none
    error: cannot import standard input
      caused by: the key `openai`: `value_base64` is not base64
    hint: nothing was imported; `keywright export --reveal` makes such a document
    [exit Some(2)]
    # an issued key with a value
    error: cannot import standard input
      caused by: the key `ci`: an issued key has `brand`, `permissions`, `context` and `roles`, and nothing of a provider key
    hint: nothing was imported; `keywright export --reveal` makes such a document
    [exit Some(2)]
    # a provider key with a brand
    error: cannot import standard input
      caused by: the key `openai`: a provider key has nothing of an issued key
    hint: nothing was imported; `keywright export --reveal` makes such a document
    [exit Some(2)]
    # half a revocation
    error: cannot import standard input
      caused by: the key `ci`: `revoked_at` and `revoked_by` belong together
    hint: nothing was imported; `keywright export --reveal` makes such a document
    [exit Some(2)]
    # an unknown role
    error: no role `billing`
    hint: `keywright role list` shows every role, `keywright role set` makes one
    [exit Some(3)]
    # the same name twice
    error: these are there already, or twice: `ci` in default/development
    hint: nothing was imported; `keywright set` replaces a value, `keywright edit` or `keywright delete` makes room
    [exit Some(4)]
    # too many tags
    error: a key has at most 32 tags, not 33
    [exit Some(2)]
    ");
    assert!(
        env.run(["list", "--vault", "other.db", "--json"])
            .names()
            .is_empty()
    );
}

/// Columns move with the width of dates and host names.
fn without_columns(text: &str) -> String {
    text.lines()
        .map(|line| match line.split_once(", column ") {
            Some((head, rest)) => format!(
                "{head}, column ?{}\n",
                rest.trim_start_matches(|c: char| c.is_ascii_digit())
            ),
            None => format!("{line}\n"),
        })
        .collect()
}

#[test]
fn the_first_import_makes_the_vault_and_a_bad_one_does_not() {
    let env = used();
    let export = env.run(["export", "--reveal"]);
    let new = env.path("new/vault.db");
    let args = ["import", "--format", "json", "--vault", "new/vault.db"];
    assert!(!env.run_with_stdin(args, "{\"schema\":1}").success());
    assert!(!new.exists());
    let dry = env.run_with_stdin([&args[..], &["-n"]].concat(), export.stdout());
    assert!(dry.success() && !new.exists(), "{dry}");
    assert!(dry.stderr().contains("Would import 2 issued keys"), "{dry}");
    let made = env.run_with_stdin(args, export.stdout());
    assert!(made.success() && new.exists(), "{made}");
}

#[test]
fn an_export_that_does_not_come_out_is_a_failure() {
    let env = used();
    for (args, code) in [(["export", "--reveal"], 1), (["export", "-q"], 1)] {
        let mut command = env.command(args);
        command.stdout(
            fs::File::options()
                .write(true)
                .open("/dev/full")
                .expect("a device"),
        );
        let outcome = command.output().expect("it runs");
        assert_eq!(outcome.status.code(), Some(code), "{args:?}");
    }
}

#[test]
fn an_imported_key_outlives_a_rotation_that_fails_and_is_no_free_name() {
    let env = used();
    let export = env.run(["export", "--reveal"]);
    assert!(import(&env, export.stdout(), &[]).success());
    let exported = || untimed(&env.run(["export", "--vault", "other.db"]));
    let before = exported();
    let mut rotate = env.command(["rotate", "ci", "--vault", "other.db", "--yes"]);
    let full = fs::File::options().write(true).open("/dev/full");
    rotate.stdout(full.expect("a device"));
    let failed = rotate.output().expect("it runs");
    assert_eq!(failed.status.code(), Some(1));
    assert_eq!(exported(), before);
    let taken = env.run(["create", "ci", "--vault", "other.db"]);
    assert_eq!(taken.code(), Some(4), "{taken}");
    assert_eq!(exported(), before);
    let told = env.run(["rotate", "ci", "--vault", "other.db", "-n"]);
    assert_eq!(
        told.stderr(),
        "Would rotate `ci` in default/development: no token of it works here yet (never used)\n"
    );
}

#[test]
fn what_comes_twice_in_a_document_is_kept_once() {
    let env = used();
    let mut document = env.run(["export", "--reveal"]).json();
    for key in document["keys"].as_array_mut().expect("keys") {
        for list in ["roles", "providers", "tags"] {
            if let Some(items) = key[list]
                .as_array()
                .cloned()
                .filter(|_| !key[list].is_null())
            {
                key[list] = json!([items.clone(), items].concat());
            }
        }
    }
    let imported = import(&env, document.to_string().as_bytes(), &[]);
    assert!(imported.success(), "{imported}");
    let again = env.run(["export", "--reveal", "--vault", "other.db"]);
    assert_eq!(untimed(&again), untimed(&env.run(["export", "--reveal"])));
}

#[test]
fn a_narrowed_export_has_the_roles_of_its_keys() {
    let env = used();
    let roles = |args: &[&str]| env.run([&["export"], args].concat()).json()["roles"].clone();
    assert_eq!(roles(&["-p", "shop"]), json!([]));
    assert_eq!(roles(&["-p", "default"])[0]["name"], "billing");
    assert_eq!(roles(&[])[0]["name"], "billing");
}
