use crate::common::TestEnv;

#[test]
fn a_vault_is_made_and_its_place_told() {
    let env = TestEnv::empty();
    insta::assert_snapshot!(env.run(["init", "--kdf", "test"]), @r"
    exit: 0
    ---- stdout
    ---- stderr
    Made the vault `[HOME]/.config/keywright/vault.db`
    ");
    insta::assert_snapshot!(env.run(["init", "--kdf", "test", "--vault", "a/b.db", "--json"]), @r#"
    exit: 0
    ---- stdout
    {
      "dry_run": false,
      "schema": 1,
      "vault": "a/b.db",
      "vault_id": "[VAULT-ID]"
    }
    ---- stderr
    "#);
    insta::assert_snapshot!(env.run(["init", "--kdf", "test", "--vault", "quiet.db", "-q"]), @r"
    exit: 0
    ---- stdout
    ---- stderr
    ");
    assert!(env.run(["list", "--vault", "a/b.db"]).success());
}

#[test]
fn a_dry_run_makes_nothing() {
    let env = TestEnv::empty();
    let before = env.files();
    insta::assert_snapshot!(env.run(["init", "--dry-run"]), @r"
    exit: 0
    ---- stdout
    ---- stderr
    Would make the vault `[HOME]/.config/keywright/vault.db`
    ");
    insta::assert_snapshot!(env.run(["init", "--dry-run", "--json"]), @r#"
    exit: 0
    ---- stdout
    {
      "dry_run": true,
      "schema": 1,
      "vault": "[HOME]/.config/keywright/vault.db",
      "vault_id": null
    }
    ---- stderr
    "#);
    assert_eq!(env.files(), before);
}

#[test]
fn what_a_guess_costs_is_chosen() {
    for (kdf, memory) in [("default", 64), ("strong", 256)] {
        let env = TestEnv::empty();
        assert!(env.run(["init", "--kdf", kdf]).success());
        let status = env.run(["status", "--json"]).json();
        assert_eq!(status["slots"][0]["kdf_memory_mib"], memory, "{status}");
        assert!(env.run(["list"]).success());
    }
}

#[test]
fn a_second_vault_is_another() {
    let env = TestEnv::new();
    let _ = env.create(["deploy"]);
    assert!(
        env.run(["init", "--kdf", "test", "--vault", "second.db"])
            .success()
    );
    let listed = env.run(["list", "--json", "--vault", "second.db"]);
    assert_eq!(listed.names(), [""; 0]);
    let id =
        |args: &[&str]| env.run([&["status", "--json"], args].concat()).json()["vault_id"].clone();
    assert_ne!(id(&[]), id(&["--vault", "second.db"]));
}
