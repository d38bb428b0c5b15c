//! `revoke` and `delete`.

use crate::common::{TestEnv, Transcript};

#[test]
fn a_revoked_key_is_refused_and_stays_listed() {
    let env = TestEnv::new();
    let token = env.create(["deploy"]);
    env.set(["openai"], "sk-0123456789abcdef");
    let mut told = Transcript::default();
    for args in [
        &["revoke", "deploy", "--yes"] as &[&str],
        &["revoke", "deploy", "--yes"],
        &["revoke", "deploy"],
        &["revoke", "openai", "--yes"],
        &["get", "openai"],
        &["revoke", "deploy", "-n"],
    ] {
        told.add(args, &env.run(args));
    }
    insta::assert_snapshot!(told, @r"
    $ keywright revoke deploy --yes
    Revoked issued key `deploy` in default/development
    [exit 0]
    $ keywright revoke deploy --yes
    `deploy` in default/development is revoked already
    [exit 0]
    $ keywright revoke deploy
    `deploy` in default/development is revoked already
    [exit 0]
    $ keywright revoke openai --yes
    Revoked provider key `openai` in default/development
    [exit 0]
    $ keywright get openai
    error: `openai` is revoked
    hint: `keywright show` tells more; `keywright delete` makes room for a new key
    [exit 8]
    $ keywright revoke deploy -n
    `deploy` in default/development is revoked already
    [exit 0]
    ");
    assert_eq!(env.code(&token), "revoked");
    assert_eq!(env.names(), ["deploy", "openai"]);
    insta::assert_snapshot!(env.run(["show", "deploy"]), @"
    exit: 0
    ---- stdout
    name         deploy
    key          kwt_dev1_[--KEY-ID--]_••••
    key id       [--KEY-ID--]
    kind         issued
    project      default
    environment  development
    status       revoked
    permissions  read
    created      just now, [-------TIME-------] by tester@[HOST]
    expires      in 90 d, [-------TIME-------]
    revoked      just now, [-------TIME-------] by tester@[HOST]
    last used    never
    requests     0, 0 refused

    GENERATION  STATE    CREATED               CREATED BY  WORKS UNTIL           REQUESTS  LAST USED
    1           revoked  [-------TIME-------]  tester@[HOST]  [-------TIME-------]  0         -
    ---- stderr
    ");
    // Its name is not free: what was revoked is still to be seen.
    assert_eq!(env.run(["create", "deploy"]).code(), Some(4));
}

#[test]
fn both_tokens_of_an_overlap_are_revoked() {
    let env = TestEnv::new();
    let old = env.create(["deploy"]);
    let new = env
        .run(["rotate", "deploy", "--overlap", "1h", "--yes"])
        .token();
    assert!(env.run(["revoke", "deploy", "--yes"]).success());
    assert_eq!(
        (env.code(&old), env.code(&new)),
        ("revoked".into(), "revoked".into())
    );
}

#[test]
fn a_revocation_as_json() {
    let env = TestEnv::new();
    let _ = env.create(["deploy"]);
    let revoked = env
        .run(["revoke", "deploy", "--yes", "--json", "--actor", "ada"])
        .json();
    assert_eq!(revoked["outcome"], "revoked");
    assert_eq!(revoked["key"]["status"], "revoked");
    assert_eq!(revoked["key"]["revoked_by"], "ada");
    let again = env
        .run(["revoke", "deploy", "--yes", "--json", "--actor", "bob"])
        .json();
    assert_eq!(again["outcome"], "unchanged");
    assert_eq!(again["key"]["revoked_by"], "ada");
}

#[test]
fn a_deleted_key_is_gone_and_its_name_is_free() {
    let env = TestEnv::new();
    let token = env.create(["deploy"]);
    env.set(["openai"], "sk-0123456789abcdef");
    let mut told = Transcript::default();
    for args in [
        &["delete", "deploy", "--yes"] as &[&str],
        &["delete", "deploy", "--yes"],
        &["rm", "openai", "--yes"],
        &["rm", "openai", "-y", "-q"],
    ] {
        told.add(args, &env.run(args));
    }
    insta::assert_snapshot!(told, @r"
    $ keywright delete deploy --yes
    Deleted issued key `deploy` in default/development
    [exit 0]
    $ keywright delete deploy --yes
    error: no key `deploy` in default/development
    hint: `keywright list` shows every key
    [exit 3]
    $ keywright rm openai --yes
    Deleted provider key `openai` in default/development
    [exit 0]
    $ keywright rm openai -y -q
    error: no key `openai` in default/development
    hint: `keywright list` shows every key
    [exit 3]
    ");
    assert_eq!(env.code(&token), "unknown");
    assert_eq!(env.names(), [""; 0]);
    let again = env.create(["deploy"]);
    assert_eq!(env.code(&again), "valid");
    let deleted = env.run(["delete", "deploy", "--yes", "--json"]).json();
    assert_eq!(
        (&deleted["outcome"], &deleted["dry_run"]),
        (&"deleted".into(), &false.into())
    );
    assert_eq!(deleted["key"]["name"], "deploy");
}
