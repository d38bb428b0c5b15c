use crate::common::TestEnv;

#[test]
fn status_tells_where_things_are() {
    let env = TestEnv::empty();
    insta::assert_snapshot!(env.run(["status"]), @"
    exit: 0
    ---- stdout
    vault           [HOME]/.config/keywright/vault.db
    state           not there yet; `keywright init` makes it
    agent           none; `keywright unlock` starts one
    settings        [HOME]/.config/keywright/config.toml
    usage, anchors  [HOME]/.local/state/keywright
    project         default
    environment     development
    ---- stderr
    ");
    insta::assert_snapshot!(env.run(["status", "--json"]), @r#"
    exit: 0
    ---- stdout
    {
      "agent": {
        "idle_seconds_left": null,
        "pid": null,
        "reason": null,
        "seconds_left": null,
        "state": "none",
        "version": null
      },
      "changes": null,
      "config": "[HOME]/.config/keywright/config.toml",
      "environment": "development",
      "exists": false,
      "opened_by": null,
      "project": "default",
      "records": null,
      "schema": 1,
      "scopes": null,
      "slice": null,
      "slots": null,
      "state": "[HOME]/.local/state/keywright",
      "vault": "[HOME]/.config/keywright/vault.db",
      "vault_id": null
    }
    ---- stderr
    "#);
    assert!(!env.path(".config").exists(), "status made a folder");
}

#[test]
fn status_needs_no_passphrase() {
    let env = TestEnv::new();
    let _ = env.create(["deploy"]);
    env.set(["openai", "-e", "staging"], "sk-0123456789abcdef");
    let mut command = env.command(["status"]);
    command.env_remove("KEYWRIGHT_PASSPHRASE_FILE");
    insta::assert_snapshot!(env.finish(command, ""), @"
    exit: 0
    ---- stdout
    vault           [HOME]/.config/keywright/vault.db
    vault id        [VAULT-ID]
    records         2 in 2 scopes
    changes         4
    opens with      passphrase: Argon2id, 8 MiB × 1
    opened by       nothing here; KEYWRIGHT_PASSPHRASE_FILE would
    agent           none; `keywright unlock` starts one
    settings        [HOME]/.config/keywright/config.toml
    usage, anchors  [HOME]/.local/state/keywright
    project         default
    environment     development
    ---- stderr
    ");
    insta::assert_snapshot!(env.run(["status", "--json"]), @r#"
    exit: 0
    ---- stdout
    {
      "agent": {
        "idle_seconds_left": null,
        "pid": null,
        "reason": null,
        "seconds_left": null,
        "state": "none",
        "version": null
      },
      "changes": 4,
      "config": "[HOME]/.config/keywright/config.toml",
      "environment": "development",
      "exists": true,
      "opened_by": "KEYWRIGHT_PASSPHRASE_FILE",
      "project": "default",
      "records": 2,
      "schema": 1,
      "scopes": 2,
      "slice": false,
      "slots": [
        {
          "expires_at": null,
          "kdf_memory_mib": 8,
          "kdf_passes": 1,
          "kind": "passphrase"
        }
      ],
      "state": "[HOME]/.local/state/keywright",
      "vault": "[HOME]/.config/keywright/vault.db",
      "vault_id": "[VAULT-ID]"
    }
    ---- stderr
    "#);
}

#[test]
fn what_would_open_it_is_named() {
    let env = TestEnv::new();
    let named = |outcome: crate::common::Outcome| outcome.json()["opened_by"].clone();
    assert!(named(env.without_passphrase(&["status", "--json"])).is_null());
    let variable = |name: &str| {
        let mut command = env.command(["status", "--json"]);
        command.env_remove("KEYWRIGHT_PASSPHRASE_FILE");
        command.env(name, "canary-0123");
        let told = env.finish(command, "");
        assert!(!told.stdout_text().contains("canary"), "{told}");
        named(told)
    };
    for name in [
        "KEYWRIGHT_ACCESS_TOKEN",
        "KEYWRIGHT_ACCESS_TOKEN_FILE",
        "KEYWRIGHT_PASSPHRASE",
        "KEYWRIGHT_PASSPHRASE_COMMAND",
        "KEYWRIGHT_PASSPHRASE_FILE",
    ] {
        assert_eq!(variable(name), name);
    }
    env.unlock();
    assert_eq!(variable("KEYWRIGHT_PASSPHRASE"), "the agent");
    assert_eq!(variable("KEYWRIGHT_ACCESS_TOKEN"), "KEYWRIGHT_ACCESS_TOKEN");
    let option = env.run(["status", "--json", "--passphrase-file", "passphrase"]);
    assert_eq!(named(option), "--passphrase-file");
}

#[test]
fn a_slice_that_others_may_read_is_told_of() {
    let env = TestEnv::new();
    env.set(
        ["openai", "-p", "shop", "-e", "staging"],
        "sk-0123456789abcdef",
    );
    for name in ["ci", "server"] {
        let made = env.run([
            "access",
            "create",
            name,
            "-p",
            "shop",
            "-e",
            "staging",
            "--kind",
            "provider",
            "--expires",
            "9000-01-31",
        ]);
        assert!(made.success(), "{made}");
    }
    let made = env.run(["backup", "ci.vault", "--scope", "shop/staging"]);
    assert!(made.success(), "{made}");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o644);
    std::fs::set_permissions(env.path("ci.vault"), mode).expect("changed");
    insta::assert_snapshot!(env.run(["status", "--vault", "ci.vault"]), @"
    exit: 0
    ---- stdout
    vault           ci.vault
    state           slice of vault [VAULT-ID]
    records         1 in 1 scope
    opens with      2 access tokens, the next ends [--DATE--]
    opened by       nothing here; KEYWRIGHT_ACCESS_TOKEN_FILE would
    agent           none
    settings        [HOME]/.config/keywright/config.toml
    usage, anchors  [HOME]/.local/state/keywright
    project         default
    environment     development
    ---- stderr
    ");
}

#[test]
fn a_key_of_another_vault_is_no_key_of_this_one() {
    let env = TestEnv::new();
    env.unlock();
    let other = env.run(["init", "--vault", "other.db"]);
    assert!(other.success(), "{other}");
    std::fs::rename(env.path("other.db"), env.vault()).expect("moved");
    assert_eq!(env.agent_state(), "other_vault");
    let told = env.run(["status"]);
    let words = "unlocked for another vault; `keywright lock` ends it";
    assert!(told.stdout_text().contains(words), "{told}");
    std::fs::remove_file(env.vault()).expect("removed");
    assert_eq!(env.agent_state(), "other_vault");
    assert!(env.run(["lock"]).success());
    assert_eq!(env.agent_state(), "none");
}
