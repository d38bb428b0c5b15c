//! Access tokens of several scopes: listed and revoked by scope.

use crate::common::TestEnv;

fn access(env: &TestEnv, name: &str, place: &str) {
    env.set([name, "-p", "shop", "-e", place], "sk-0123456789abcdef");
    let line = format!("access create {name} -p shop -e {place} --kind provider");
    let made = env.run(line.split(' '));
    assert!(made.success(), "{made}");
}

#[test]
fn a_scope_that_is_given_chooses_among_them() {
    let env = TestEnv::new();
    access(&env, "staging", "staging");
    access(&env, "production", "production");
    for (options, names) in [
        ("", &["production", "staging"] as &[&str]),
        (" -p shop", &["production", "staging"]),
        (" -e staging", &["staging"]),
        (" -p shop -e production", &["production"]),
        (" -p other", &[]),
    ] {
        let listed = env.run(format!("access list --json{options}").split(' '));
        let listed = listed.json();
        let tokens = listed["access_tokens"].as_array().expect("a list");
        let listed: Vec<_> = tokens.iter().map(|token| &token["name"]).collect();
        assert_eq!(listed, names, "{options}");
    }
    for options in ["-p other", "-e production", "-p shop -e production -n"] {
        let line = format!("access revoke staging --yes {options}");
        let refused = env.run(line.split(' '));
        assert_eq!(refused.code(), Some(3), "{refused}");
    }
    let revoked = env.run("access revoke staging --yes -p shop -e staging".split(' '));
    assert!(revoked.success(), "{revoked}");
}

/// Of all commands the one that takes a token back does not depend on what is counted beside the vault.
#[test]
fn a_token_is_revoked_whatever_the_activity_file_is() {
    let env = TestEnv::new();
    env.set(["openai"], "sk-0123456789");
    let token = env
        .run("access create job --kind provider".split(' '))
        .token();
    assert!(env.run(["get", "openai"]).success());
    let activity = env.activity();
    for suffix in ["-wal", "-shm"] {
        let _ = std::fs::remove_file(format!("{}{suffix}", activity.display()));
    }
    std::fs::write(activity, "no database ".repeat(100)).expect("written");
    let listed = env.run(["access", "list"]);
    assert!(
        listed.success() && listed.stdout_text().contains("job"),
        "{listed}"
    );
    assert!(listed.stderr().contains("usage is not known"), "{listed}");
    let revoked = env.run(["access", "revoke", "job", "--yes"]);
    assert!(revoked.success(), "{revoked}");
    let refused = env.run_with_env(["list"], [("KEYWRIGHT_ACCESS_TOKEN", token.as_str())]);
    assert_eq!(refused.code(), Some(5), "{refused}");
}
