//! Names as people write them, in every command and in JSON.

use crate::common::{TestEnv, Transcript};

const NAMES: &[&str] = &[
    "CI/CD integration",
    "Internal dashboard",
    "MY_API",
    "внутренний ключ",
    "مفتاح",
    "鍵と鍵",
    "🔑👩‍👩‍👧",
    "it's \"quoted\" & $HOME `x` \\ 100%",
    "-dash",
    "--help",
    "*",
    "../../etc/passwd",
    "a=b",
    "null",
    "é",
];

#[test]
fn every_name_goes_through_every_command() {
    let env = TestEnv::new();
    let wide = "広".repeat(100);
    for name in NAMES.iter().copied().chain([wide.as_str()]) {
        let outcome = env.run(["create", "--json", "--", name]);
        assert_eq!(outcome.json()["key"]["name"], name, "{outcome}");
        let token = outcome.json()["token"]
            .as_str()
            .expect("a token")
            .to_owned();
        let verified = env.run_with_stdin(["verify", "--json"], &token);
        assert_eq!(verified.json()["name"], name, "{verified}");
        for args in [
            &["show", "--json", "--", name] as &[&str],
            &["rotate", "--yes", "--json", "--", name],
            &["revoke", "--yes", "--json", "--", name],
            &["delete", "--yes", "--json", "--", name],
        ] {
            let outcome = env.run(args);
            assert_eq!(outcome.json()["key"]["name"], name, "{args:?}: {outcome}");
        }
        let stored = env.run_with_stdin(["set", "--json", "--", name], "value");
        assert_eq!(stored.json()["key"]["name"], name, "{stored}");
        assert_eq!(env.run(["get", "--", name]).stdout(), b"value");
        let used = env.run(["usage", "--json", "--", name]);
        assert_eq!(used.json()["usage"][0]["key"]["name"], name, "{used}");
        let found = env.run(["search", "--json", "--", name]);
        assert!(found.names().contains(&name.to_owned()), "{found}");
    }
    let listed = env.run(["list"]);
    assert!(listed.success());
    assert_eq!(listed.stdout_text().lines().count(), NAMES.len() + 2);
    assert_eq!(env.names().len(), NAMES.len() + 1);
}

#[test]
fn the_same_letters_written_in_two_ways_are_one_name() {
    let env = TestEnv::new();
    let _ = env.create(["cafe\u{301}"]);
    assert_eq!(env.names(), ["caf\u{e9}"]);
    assert_eq!(env.run(["create", "caf\u{e9}"]).code(), Some(4));
    assert_eq!(env.show(["cafe\u{301}"])["name"], "caf\u{e9}");
}

#[test]
fn capital_letters_and_spaces_make_other_names() {
    let env = TestEnv::new();
    for name in ["key", "Key", "k ey", "key_"] {
        let _ = env.create([name]);
    }
    assert_eq!(env.names().len(), 4);
}

#[test]
fn a_name_is_taken_by_either_kind_in_its_scope_alone() {
    let env = TestEnv::new();
    let _ = env.create(["issued"]);
    env.set(["provider"], "value of it");
    let told = env.refusals([
        &["create", "issued"] as &[&str],
        &["create", "provider"],
        &["set", "issued"],
        &["create", "issued", "--json"],
        &["create", "provider", "-n"],
        &["set", "issued", "-n"],
    ]);
    insta::assert_snapshot!(told, @r#"
    $ keywright create issued
    error: issued key `issued` already exists in default/development
    hint: choose another name; `keywright rotate` gives that key a new token, `keywright delete` makes room
    [exit 4]
    $ keywright create provider
    error: provider key `provider` already exists in default/development
    hint: choose another name; `keywright set` replaces that key's value, `keywright delete` makes room
    [exit 4]
    $ keywright set issued
    error: issued key `issued` already exists in default/development
    hint: choose another name; `keywright rotate` gives that key a new token, `keywright delete` makes room
    [exit 4]
    $ keywright create issued --json
    {"schema":1,"error":{"kind":"conflict","exit_code":4,"message":"issued key `issued` already exists in default/development","causes":[],"hint":"choose another name; `keywright rotate` gives that key a new token, `keywright delete` makes room"}}
    [exit 4]
    $ keywright create provider -n
    error: provider key `provider` already exists in default/development
    hint: choose another name; `keywright set` replaces that key's value, `keywright delete` makes room
    [exit 4]
    $ keywright set issued -n
    error: issued key `issued` already exists in default/development
    hint: choose another name; `keywright rotate` gives that key a new token, `keywright delete` makes room
    [exit 4]
    "#);
    let _ = env.create(["issued", "-e", "staging"]);
    let _ = env.create(["issued", "-p", "shop"]);
    env.set(["issued", "-p", "shop", "-e", "staging"], "value");
    assert_eq!(
        env.names(),
        ["issued", "issued", "issued", "issued", "provider"]
    );
}

#[test]
fn a_key_is_named_by_its_id_and_its_masked_token_too() {
    let env = TestEnv::new();
    let _ = env.create(["deploy", "-p", "shop", "-e", "staging"]);
    env.set(
        ["openai", "-p", "shop", "-e", "staging"],
        "sk-0123456789abcdef",
    );
    let id_of = |name: &str| {
        let found = env.run(["search", name, "--json"]).json();
        found["keys"][0]["key_id"]
            .as_str()
            .expect("an id")
            .to_owned()
    };
    let (deploy, openai) = (id_of("deploy"), id_of("openai"));
    let shown = format!("kwt_stg1_{deploy}_••••");
    // An id is found in every scope.
    for reference in [deploy.as_str(), &shown] {
        assert_eq!(env.show([reference])["name"], "deploy");
        assert_eq!(
            env.show([reference, "-p", "shop", "-e", "staging"])["name"],
            "deploy"
        );
        assert!(env.run(["usage", reference]).success());
        assert!(env.run(["rotate", reference, "--yes"]).success());
    }
    assert_eq!(env.run(["get", &openai]).stdout(), b"sk-0123456789abcdef");
    // Options that name a scope are taken at their word.
    assert_eq!(env.run(["show", &deploy, "-p", "other"]).code(), Some(3));
    assert!(env.run(["revoke", &shown, "--yes"]).success());
    assert!(env.run(["delete", &deploy, "--yes"]).success());
    assert!(env.run(["delete", &openai, "--yes"]).success());
    assert_eq!(env.names(), [""; 0]);
}

#[test]
fn a_name_that_looks_like_an_id_is_a_name_first() {
    let env = TestEnv::new();
    let _ = env.create(["deploy"]);
    let id = env.show(["deploy"])["key_id"]
        .as_str()
        .expect("an id")
        .to_owned();
    let _ = env.create([id.as_str()]);
    assert_eq!(env.show([id.as_str()])["name"], id);
}

#[test]
fn an_unknown_name_is_told_where_it_is_or_what_it_may_have_been() {
    let env = TestEnv::new();
    let _ = env.create(["deploy"]);
    let _ = env.create(["CI/CD integration"]);
    let _ = env.create(["billing", "-p", "shop", "-e", "staging"]);
    let _ = env.create(["billing", "-p", "shop", "-e", "prod"]);
    env.set(["openai", "-e", "prod"], "value");
    let told = env.refusals([
        &["show", "deplyo"] as &[&str],
        &["show", "Deploy"],
        &["show", "ci/cd integration"],
        &["show", "billing"],
        &["get", "openai"],
        &["show", "openai", "-p", "shop"],
        &["show", "nothing like it"],
        &["rotate", "nope", "--yes"],
        &["revoke", "nope", "--yes"],
        &["delete", "nope", "--yes"],
        &["usage", "nope"],
        &["show", "uQCT8H872CoB"],
        &["show", "kwt_prod1_uQCT8H872CoB_••••"],
        &["show", "deploy", "-p", "nowhere"],
        &["show", "--default"],
        &["rotate", "--default", "--yes", "-p", "shop", "-e", "prod"],
    ]);
    insta::assert_snapshot!(told, @r#"
    $ keywright show deplyo
    error: no key `deplyo` in default/development
    hint: did you mean `deploy`?
    [exit 3]
    $ keywright show Deploy
    error: no key `Deploy` in default/development
    hint: did you mean `deploy`?
    [exit 3]
    $ keywright show "ci/cd integration"
    error: no key `ci/cd integration` in default/development
    hint: did you mean `CI/CD integration`?
    [exit 3]
    $ keywright show billing
    error: no key `billing` in default/development
    hint: it exists in shop/production, shop/staging; choose with -p and -e
    [exit 3]
    $ keywright get openai
    error: no key `openai` in default/development
    hint: it exists in default/production; choose with -p and -e
    [exit 3]
    $ keywright show openai -p shop
    error: no key `openai` in shop/development
    hint: it exists in default/production; choose with -p and -e
    [exit 3]
    $ keywright show "nothing like it"
    error: no key `nothing like it` in default/development
    hint: `keywright list` shows every key
    [exit 3]
    $ keywright rotate nope --yes
    error: no key `nope` in default/development
    hint: `keywright list` shows every key
    [exit 3]
    $ keywright revoke nope --yes
    error: no key `nope` in default/development
    hint: `keywright list` shows every key
    [exit 3]
    $ keywright delete nope --yes
    error: no key `nope` in default/development
    hint: `keywright list` shows every key
    [exit 3]
    $ keywright usage nope
    error: no key `nope` in default/development
    hint: `keywright list` shows every key
    [exit 3]
    $ keywright show uQCT8H872CoB
    error: no key `uQCT8H872CoB` in default/development
    hint: `keywright list` shows every key
    [exit 3]
    $ keywright show kwt_prod1_uQCT8H872CoB_••••
    error: no key `uQCT8H872CoB` in default/development
    hint: `keywright list` shows every key
    [exit 3]
    $ keywright show deploy -p nowhere
    error: no key `deploy` in nowhere/development
    hint: it exists in default/development; choose with -p and -e
    [exit 3]
    $ keywright show --default
    error: no default key in default/development
    hint: `keywright edit NAME --default` or `keywright create NAME --default` makes one
    [exit 3]
    $ keywright rotate --default --yes -p shop -e prod
    error: no default key in shop/production
    hint: `keywright edit NAME --default` or `keywright create NAME --default` makes one
    [exit 3]
    "#);
}

#[test]
fn an_empty_vault_knows_no_name() {
    let env = TestEnv::new();
    let told = env.refusals([&["show", "deploy"] as &[&str], &["get", "--default"]]);
    insta::assert_snapshot!(told, @"
    $ keywright show deploy
    error: no key `deploy` in default/development
    hint: `keywright list` shows every key
    [exit 3]
    $ keywright get --default
    error: unexpected argument '--default' found

      tip: a similar argument exists: '--vault'

    Usage: keywright get --vault <PATH> [NAME]

    For more information, try '--help'.
    [exit 2]
    ");
    let mut quiet = Transcript::default();
    for args in [
        &["list"] as &[&str],
        &["search", "x"],
        &["usage"],
        &["list", "--json"],
        &["usage", "-q"],
    ] {
        quiet.add(args, &env.run(args));
    }
    insta::assert_snapshot!(quiet, @r#"
    $ keywright list
    No keys
    [exit 0]
    $ keywright search x
    No keys
    [exit 0]
    $ keywright usage
    No keys
    [exit 0]
    $ keywright list --json
    {"schema":1,"keys":[]}
    [exit 0]
    $ keywright usage -q
    [exit 0]
    "#);
}
