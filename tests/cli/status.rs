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
      "project": "default",
      "records": null,
      "schema": 1,
      "scopes": null,
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
      "project": "default",
      "records": 2,
      "schema": 1,
      "scopes": 2,
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
