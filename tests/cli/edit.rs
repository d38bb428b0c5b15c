//! `edit`: what is known of a key changes, shown as it was and as it is; its token or value stays.

use crate::common::TestEnv;

#[test]
fn an_issued_key_is_changed_and_the_next_verification_knows() {
    let env = TestEnv::new();
    let token = env.create(["ci", "--tag", "old", "--note", "first"]);
    let told = env.session(&[
        "edit ci --permission write:orders,deploy",
        "edit ci --add-permission read --remove-permission deploy",
        "edit ci --context team=blue --add-context region=eu",
        "edit ci --add-context team=red --remove-context region",
        "edit ci --add-tag new --remove-tag old --no-note",
        "edit ci --expires never --brand acme --default",
        "edit ci --rename 'CI/CD integration'",
        "edit 'CI/CD integration' --tag new --default",
        "edit 'CI/CD integration' --no-default --no-tags -n",
        "edit 'CI/CD integration' --no-permissions --no-context -q",
    ]);
    insta::assert_snapshot!(told, @r#"
    $ keywright edit ci --permission write:orders,deploy
    Edited `ci` in default/development
      permissions  read -> deploy, write:orders
    [exit 0]
    $ keywright edit ci --add-permission read --remove-permission deploy
    Edited `ci` in default/development
      permissions  deploy, write:orders -> read, write:orders
    [exit 0]
    $ keywright edit ci --context team=blue --add-context region=eu
    Edited `ci` in default/development
      context      none -> region=eu, team=blue
    [exit 0]
    $ keywright edit ci --add-context team=red --remove-context region
    Edited `ci` in default/development
      context      region=eu, team=blue -> team=red
    [exit 0]
    $ keywright edit ci --add-tag new --remove-tag old --no-note
    Edited `ci` in default/development
      tags         old -> new
      note         first -> none
    [exit 0]
    $ keywright edit ci --expires never --brand acme --default
    Edited `ci` in default/development
      brand        kwt -> acme
      expires      [-------TIME-------] -> never
      default      none -> of default/development
    [exit 0]
    $ keywright edit ci --rename "CI/CD integration"
    Edited `ci` in default/development
      name         ci -> CI/CD integration
    [exit 0]
    $ keywright edit "CI/CD integration" --tag new --default
    `CI/CD integration` in default/development is so already; unchanged
    [exit 0]
    $ keywright edit "CI/CD integration" --no-default --no-tags -n
    Would edit `CI/CD integration` in default/development
      tags         new -> none
      default      of default/development -> none
    [exit 0]
    $ keywright edit "CI/CD integration" --no-permissions --no-context -q
    [exit 0]
    "#);
    let verdict = env.run_with_stdin(["verify", "--json"], &token).json();
    assert_eq!(verdict["name"], "CI/CD integration");
    assert_eq!(verdict["permissions"], serde_json::json!([]));
    assert_eq!(verdict["context"], serde_json::json!({}));
    assert_eq!(verdict["expires_at"], serde_json::Value::Null);
    // The default mark and the tag are still there: the dry run changed nothing.
    let shown = env.show(["--default"]);
    assert_eq!(
        (&shown["brand"], &shown["tags"][0]),
        (&"acme".into(), &"new".into())
    );
    let rotated = env.run(["rotate", "--default", "--yes"]).token();
    assert!(
        rotated.starts_with("acme_dev1_"),
        "a later token has the brand"
    );
}

#[test]
fn what_an_edit_allows_or_forbids_holds_for_the_next_verification() {
    let env = TestEnv::new();
    let token = env.create(["ci"]);
    let code = |required: &str| {
        let args = ["verify", "--json", "--no-record", "--require", required];
        env.run_with_stdin(args, &token).json()["code"].clone()
    };
    for (edit, required, expected) in [
        (None, "read", "valid"),
        (None, "write", "insufficient_permission"),
        (Some(["--permission", "write"]), "delete:orders", "valid"),
        (Some(["--permission", "admin"]), "anything", "valid"),
        (
            Some(["--remove-permission", "admin"]),
            "read",
            "insufficient_permission",
        ),
    ] {
        if let Some(options) = edit {
            assert!(env.run([&["edit", "ci"], &options[..]].concat()).success());
        }
        assert_eq!(code(required), expected, "{edit:?} {required}");
    }
    // An end that has come is refused at once, and a later one brings it back.
    let soon = ["edit", "ci", "--expires", "1s"];
    assert!(env.run(soon).success());
    std::thread::sleep(std::time::Duration::from_millis(1100));
    assert_eq!(env.code(&token), "expired");
    assert!(env.run(["edit", "ci", "--expires", "30d"]).success());
    assert_eq!(env.code(&token), "valid");
}

#[test]
fn a_provider_key_is_changed_and_its_value_stays() {
    let env = TestEnv::new();
    env.set(
        ["openai", "--provider", "openai", "--no-var"],
        "sk-0123456789abcdef",
    );
    let told = env.session(&[
        "edit openai --var OPENAI_API_KEY --model gpt-5",
        "edit openai --add-provider azure --add-model gpt-4",
        "edit openai --remove-provider openai --remove-model gpt-5",
        "edit openai --no-var --no-providers --no-models",
    ]);
    insta::assert_snapshot!(told, @"
    $ keywright edit openai --var OPENAI_API_KEY --model gpt-5
    Edited `openai` in default/development
      models       none -> gpt-5
      variable     none -> OPENAI_API_KEY
    [exit 0]
    $ keywright edit openai --add-provider azure --add-model gpt-4
    Edited `openai` in default/development
      providers    openai -> openai, azure
      models       gpt-5 -> gpt-5, gpt-4
    [exit 0]
    $ keywright edit openai --remove-provider openai --remove-model gpt-5
    Edited `openai` in default/development
      providers    openai, azure -> azure
      models       gpt-5, gpt-4 -> gpt-4
    [exit 0]
    $ keywright edit openai --no-var --no-providers --no-models
    Edited `openai` in default/development
      providers    azure -> none
      models       gpt-4 -> none
      variable     OPENAI_API_KEY -> none
    [exit 0]
    ");
    assert_eq!(env.run(["get", "openai"]).stdout(), b"sk-0123456789abcdef");
    assert_eq!(env.show(["openai"])["generation"], 1);
}

#[test]
fn what_cannot_be_is_refused_and_nothing_is_changed() {
    let env = TestEnv::new();
    env.create(["ci", "--tag", "a"]);
    env.create(["dashboard"]);
    env.create(["gone"]);
    assert!(env.run(["revoke", "gone", "--yes"]).success());
    env.set(["openai"], "sk-0123456789abcdef");
    let pairs: Vec<String> = (0..33).map(|n| format!("--context=k{n}=v")).collect();
    let crowded = format!("edit ci {}", pairs.join(" "));
    let told = env.refused_lines(&[
        "edit ci",
        "edit nobody --tag a",
        "edit ci --rename dashboard",
        "edit ci --rename openai",
        "edit openai --rename ci",
        "edit ci --rename ' '",
        "edit ci --role nobody",
        "edit ci --var CI",
        "edit openai --permission read",
        "edit openai --default",
        "edit gone --default",
        "edit ci --remove-tag b",
        "edit ci --remove-permission write",
        "edit ci --remove-role billing",
        "edit ci --remove-context team",
        "edit openai --remove-model gpt-5",
        "edit ci --note a --no-note",
        "edit ci --expires 2020-01-01",
        "edit ci --brand sk",
        "edit ci --tag a --passphrase-file /nonexistent",
        &crowded,
    ]);
    insta::assert_snapshot!(told, @r#"
    $ keywright edit ci
    error: nothing to change
    hint: say what with options; `keywright edit --help` lists them
    [exit 2]
    $ keywright edit nobody --tag a
    error: no key `nobody` in default/development
    hint: `keywright list` shows every key
    [exit 3]
    $ keywright edit ci --rename dashboard
    error: issued key `dashboard` already exists in default/development
    hint: choose another name; `keywright rotate` gives that key a new token, `keywright delete` makes room
    [exit 4]
    $ keywright edit ci --rename openai
    error: provider key `openai` already exists in default/development
    hint: choose another name; `keywright set` replaces that key's value, `keywright delete` makes room
    [exit 4]
    $ keywright edit openai --rename ci
    error: issued key `ci` already exists in default/development
    hint: choose another name; `keywright rotate` gives that key a new token, `keywright delete` makes room
    [exit 4]
    $ keywright edit ci --rename " "
    error: invalid value ' ' for '--rename <NAME>': a name has no white space at its ends

    For more information, try '--help'.
    [exit 2]
    $ keywright edit ci --role nobody
    error: no role `nobody`
    hint: `keywright role list` shows every role, `keywright role set` makes one
    [exit 3]
    $ keywright edit ci --var CI
    error: `ci` is an issued key: it has no variable, provider or model
    [exit 2]
    $ keywright edit openai --permission read
    error: `openai` is a provider key: it has no permissions, roles, context, rate or brand, and is nobody's default
    [exit 2]
    $ keywright edit openai --default
    error: `openai` is a provider key: it has no permissions, roles, context, rate or brand, and is nobody's default
    [exit 2]
    $ keywright edit gone --default
    error: `gone` is revoked
    hint: `keywright show` tells more; `keywright delete` makes room for a new key
    [exit 8]
    $ keywright edit ci --remove-tag b
    error: `ci` has no tag `b`
    [exit 2]
    $ keywright edit ci --remove-permission write
    error: `ci` has no permission of its own `write`
    [exit 2]
    $ keywright edit ci --remove-role billing
    error: `ci` has no role `billing`
    [exit 2]
    $ keywright edit ci --remove-context team
    error: `ci` has no context key of its own `team`
    [exit 2]
    $ keywright edit openai --remove-model gpt-5
    error: `openai` has no model `gpt-5`
    [exit 2]
    $ keywright edit ci --note a --no-note
    error: the argument '--note <TEXT>' cannot be used with '--no-note'

    Usage: keywright edit --note <TEXT> <NAME>

    For more information, try '--help'.
    [exit 2]
    $ keywright edit ci --expires 2020-01-01
    error: the expiry `[-------TIME-------]` is not in the future
    [exit 2]
    $ keywright edit ci --brand sk
    error: invalid value 'sk' for '--brand <WORD>': this brand is another vendor's, whose scanners would claim your tokens

    For more information, try '--help'.
    [exit 2]
    $ keywright edit ci --tag a --passphrase-file /nonexistent
    error: no passphrase from `/nonexistent`
      caused by: No such file or directory (os error 2)
    [exit 5]
    $ keywright edit ci --context=k0=v --context=k1=v --context=k2=v --context=k3=v --context=k4=v --context=k5=v --context=k6=v --context=k7=v --context=k8=v --context=k9=v --context=k10=v --context=k11=v --context=k12=v --context=k13=v --context=k14=v --context=k15=v --context=k16=v --context=k17=v --context=k18=v --context=k19=v --context=k20=v --context=k21=v --context=k22=v --context=k23=v --context=k24=v --context=k25=v --context=k26=v --context=k27=v --context=k28=v --context=k29=v --context=k30=v --context=k31=v --context=k32=v
    error: a context has at most 32 pairs, not 33
    [exit 2]
    "#);
}

#[test]
fn json_has_every_change_and_the_key_as_it_is_now() {
    let env = TestEnv::new();
    env.create(["ci"]);
    let args = [
        "edit", "ci", "--rename", "deploy", "--note", "a\nb", "--json",
    ];
    let document = env.run(args).json();
    assert_eq!(document["outcome"], "edited");
    assert_eq!(document["key"]["name"], "deploy");
    assert_eq!(
        document["changes"],
        serde_json::json!([
            {"field": "name", "before": "ci", "after": "deploy"},
            {"field": "note", "before": null, "after": "a\nb"},
        ])
    );
    let again = env
        .run(["edit", "deploy", "--note", "a\nb", "--json"])
        .json();
    assert_eq!(
        (&again["outcome"], &again["changes"]),
        (&"unchanged".into(), &serde_json::json!([]))
    );
}

#[test]
fn the_default_mark_moves() {
    let env = TestEnv::new();
    env.create(["first", "--default"]);
    env.create(["second"]);
    assert!(env.run(["edit", "second", "--default"]).success());
    assert_eq!(env.show(["--default"])["name"], "second");
    assert_eq!(env.show(["first"])["default"], false);
    assert!(env.run(["edit", "second", "--no-default"]).success());
    assert_eq!(env.run(["show", "--default"]).code(), Some(3));
}
