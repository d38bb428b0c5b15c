//! Who may do what, as `verify --require` decides it: the whole table at once.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::common::TestEnv;

/// Permissions that a role has.
const ROLES: &[(&str, &str)] = &[
    ("reader", "read"),
    ("clerk", "write:orders,read:orders"),
    ("deployer", "deploy:site"),
    ("owner", "admin:invoices"),
];

/// What is required in one request, a permission a word, and the keys that get it; every other key does not.
///
/// A key is named after its own permissions and, after a `+`, its roles.
const TABLE: &[(&str, &[&str])] = &[
    (
        "read",
        &[
            "read",
            "admin",
            "read,write",
            "+reader",
            "write+reader",
            "admin:invoices+reader",
        ],
    ),
    ("write", &["write", "admin", "read,write", "write+reader"]),
    (
        "create",
        &[
            "write",
            "admin",
            "read,write",
            "create,delete:orders",
            "write+reader",
        ],
    ),
    ("update", &["write", "admin", "read,write", "write+reader"]),
    ("delete", &["write", "admin", "read,write", "write+reader"]),
    ("admin", &["admin"]),
    ("deploy", &["admin", "deploy"]),
    ("deploy:site", &["admin", "deploy", "read:orders+deployer"]),
    (
        "read:orders",
        &[
            "read",
            "admin",
            "read,write",
            "read:orders+deployer",
            "+reader",
            "+clerk,owner",
            "write+reader",
            "admin:invoices+reader",
        ],
    ),
    (
        "read:orders.eu",
        &[
            "read",
            "admin",
            "read,write",
            "+reader",
            "write+reader",
            "admin:invoices+reader",
        ],
    ),
    (
        "write:orders",
        &[
            "write",
            "admin",
            "read,write",
            "write+reader",
            "+clerk,owner",
        ],
    ),
    (
        "delete:orders",
        &[
            "write",
            "admin",
            "read,write",
            "create,delete:orders",
            "write+reader",
            "+clerk,owner",
        ],
    ),
    (
        "create:orders",
        &[
            "write",
            "admin",
            "read,write",
            "create,delete:orders",
            "write+reader",
            "+clerk,owner",
        ],
    ),
    ("admin:orders", &["admin"]),
    (
        "admin:invoices",
        &["admin", "admin:invoices+reader", "+clerk,owner"],
    ),
    (
        "deploy:invoices",
        &["admin", "deploy", "admin:invoices+reader", "+clerk,owner"],
    ),
    (
        "update:invoices",
        &[
            "write",
            "admin",
            "read,write",
            "admin:invoices+reader",
            "write+reader",
            "+clerk,owner",
        ],
    ),
    ("read write", &["admin", "read,write", "write+reader"]),
    (
        "read:orders deploy:site",
        &["admin", "read:orders+deployer"],
    ),
    ("write:orders admin:invoices", &["admin", "+clerk,owner"]),
    ("read write deploy", &["admin"]),
];

/// Every key of the table, each once.
fn keys(env: &TestEnv) -> BTreeMap<&'static str, String> {
    for (role, permissions) in ROLES {
        let made = env.run(["role", "set", role, "--permission", permissions]);
        assert!(made.success(), "{made}");
    }
    let named = TABLE.iter().flat_map(|(_, keys)| keys.iter().copied());
    let mut tokens = BTreeMap::new();
    for name in named {
        tokens.entry(name).or_insert_with(|| {
            let (own, roles) = name.split_once('+').unwrap_or((name, ""));
            let mut args = vec![name];
            args.extend(["--permission", own].iter().filter(|_| !own.is_empty()));
            args.extend(["--role", roles].iter().filter(|_| !roles.is_empty()));
            env.create(args)
        });
    }
    tokens
}

/// The names of the keys that get all of `required`; the others are refused for this reason and no other.
fn allowed(
    env: &TestEnv,
    tokens: &BTreeMap<&'static str, String>,
    required: &str,
) -> Vec<&'static str> {
    let mut args = vec!["verify", "--batch", "--no-record"];
    args.extend(
        required
            .split(' ')
            .flat_map(|permission| ["--require", permission]),
    );
    let input: Vec<&str> = tokens.values().map(String::as_str).collect();
    let outcome = env.run_with_stdin(args, input.join("\n"));
    let text = outcome.stdout_text();
    assert_eq!(text.lines().count(), tokens.len(), "{outcome}");
    let mut names = Vec::new();
    for (name, line) in tokens.keys().zip(text.lines()) {
        let answer: Value = serde_json::from_str(line).expect("a JSON object a line");
        assert_eq!(answer["name"], *name);
        match answer["code"].as_str() {
            Some("valid") => names.push(*name),
            Some("insufficient_permission") => {}
            other => panic!("{name}: {other:?}"),
        }
    }
    names
}

#[test]
fn permissions_and_roles_allow_what_the_table_says() {
    let env = TestEnv::new();
    let tokens = keys(&env);
    assert!(tokens.len() * TABLE.len() >= 40);
    for (required, expected) in TABLE {
        let mut expected = expected.to_vec();
        expected.sort_unstable();
        assert_eq!(allowed(&env, &tokens, required), expected, "{required}");
    }

    // A role's change is a change of every key that has it, and of no other.
    let changed = env.run(["role", "set", "reader", "--permission", "deploy"]);
    assert!(changed.success(), "{changed}");
    assert_eq!(
        allowed(&env, &tokens, "deploy:site"),
        [
            "+reader",
            "admin",
            "admin:invoices+reader",
            "deploy",
            "read:orders+deployer",
            "write+reader"
        ]
    );
    assert_eq!(
        allowed(&env, &tokens, "read"),
        ["admin", "read", "read,write"]
    );
}
