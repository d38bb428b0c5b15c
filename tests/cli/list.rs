//! `list`, `search` and `show`.

use crate::common::TestEnv;

/// Keys of both kinds in three scopes.
fn with_keys() -> TestEnv {
    let env = TestEnv::new();
    let by = ["--actor", "ada", "--expires", "never"];
    let create = |args: &[&str]| {
        let _ = env.create(args.iter().copied().chain(by));
    };
    create(&[
        "CI/CD integration",
        "--default",
        "--permission",
        "deploy,read",
        "--tag",
        "ci",
    ]);
    create(&[
        "Internal dashboard",
        "-p",
        "shop",
        "-e",
        "prod",
        "--note",
        "asks Grafana",
    ]);
    create(&["gone", "-p", "shop", "-e", "prod"]);
    let _ = env.create([
        "soon",
        "-p",
        "shop",
        "-e",
        "staging",
        "--expires",
        "3d",
        "--actor",
        "ada",
    ]);
    let openai = [
        "openai",
        "--provider",
        "OpenAI",
        "--model",
        "gpt-5",
        "--var",
        "OPENAI_API_KEY",
    ];
    env.set(
        openai
            .into_iter()
            .chain(["--tag", "paid", "--actor", "ada"]),
        "sk-0123456789abcdef",
    );
    env.set(
        ["stripe", "-p", "shop", "-e", "prod", "--actor", "ada"],
        "short",
    );
    let gone = ["revoke", "gone", "-p", "shop", "-e", "prod", "--yes"];
    assert!(env.run(gone).success());
    env
}

#[test]
fn every_scope_is_listed_whatever_the_chosen_one() {
    let env = with_keys();
    let listed = env.run(["list"]);
    insta::assert_snapshot!(listed.to_string().replace("in 2 d", "in 3 d"), @"
    exit: 0
    ---- stdout
    NAME                 SCOPE                KIND      STATUS   KEY                          PERMISSIONS   ROLES  PROVIDER  MODEL  VARIABLE           CREATED   CREATED BY  LAST USED  REQUESTS  EXPIRES
    CI/CD integration *  default/development  issued    active   kwt_dev1_[--KEY-ID--]_••••   deploy, read  -      -         -      -                  just now  ada         -          0         never
    openai               default/development  provider  active   sk-••••def                   -             -      OpenAI    gpt-5  OPENAI_API_KEY     just now  ada         -          0         never
    gone                 shop/production      issued    revoked  kwt_prod1_[--KEY-ID--]_••••  read          -      -         -      -                  just now  ada         -          0         never
    Internal dashboard   shop/production      issued    active   kwt_prod1_[--KEY-ID--]_••••  read          -      -         -      -                  just now  ada         -          0         never
    stripe               shop/production      provider  active   ••••                         -             -      stripe    -      STRIPE_SECRET_KEY  just now  ada         -          0         never
    soon                 shop/staging         issued    active   kwt_stg1_[--KEY-ID--]_••••   read          -      -         -      -                  just now  ada         -          0         in 3 d
    ---- stderr
    ");
    let alias = env.run(["ls"]);
    assert_eq!(alias.stdout_text(), listed.stdout_text());
    env.write("keywright.toml", "project = \"elsewhere\"\n");
    let chosen = env.run_with_env(["list"], [("KEYWRIGHT_ENV", "staging")]);
    assert_eq!(chosen.stdout_text(), listed.stdout_text());
}

#[test]
fn a_list_as_json() {
    let env = TestEnv::new();
    let _ = env.create(["deploy", "--actor", "ada"]);
    env.set(["openai", "--actor", "ada"], "sk-0123456789abcdef");
    insta::assert_snapshot!(env.run(["list", "--json"]), @r#"
    exit: 0
    ---- stdout
    {
      "keys": [
        {
          "brand": "kwt",
          "context": {},
          "created_at": "[-------TIME-------]",
          "created_by": "ada",
          "default": false,
          "display": "kwt_dev1_[--KEY-ID--]_••••",
          "environment": "development",
          "expires_at": "[-------TIME-------]",
          "generation": 1,
          "generations": [
            {
              "created_at": "[-------TIME-------]",
              "created_by": "ada",
              "delivered_at": "[-------TIME-------]",
              "expires_at": "[-------TIME-------]",
              "number": 1,
              "state": "current",
              "superseded_at": null
            }
          ],
          "key_id": "[--KEY-ID--]",
          "kind": "issued",
          "last_used_at": null,
          "models": null,
          "name": "deploy",
          "note": null,
          "own_context": {},
          "own_permissions": [
            "read"
          ],
          "pending": false,
          "permissions": [
            "read"
          ],
          "previous_valid_until": null,
          "project": "default",
          "providers": null,
          "rate": null,
          "refused": 0,
          "requests": 0,
          "revoked_at": null,
          "revoked_by": null,
          "roles": [],
          "status": "active",
          "tags": [],
          "variable": null
        },
        {
          "brand": null,
          "context": null,
          "created_at": "[-------TIME-------]",
          "created_by": "ada",
          "default": false,
          "display": "sk-••••def",
          "environment": "development",
          "expires_at": null,
          "generation": 1,
          "generations": [
            {
              "created_at": "[-------TIME-------]",
              "created_by": "ada",
              "delivered_at": "[-------TIME-------]",
              "expires_at": null,
              "number": 1,
              "state": "current",
              "superseded_at": null
            }
          ],
          "key_id": "[--KEY-ID--]",
          "kind": "provider",
          "last_used_at": null,
          "models": [],
          "name": "openai",
          "note": null,
          "own_context": null,
          "own_permissions": null,
          "pending": false,
          "permissions": null,
          "previous_valid_until": null,
          "project": "default",
          "providers": [
            "openai"
          ],
          "rate": null,
          "refused": 0,
          "requests": 0,
          "revoked_at": null,
          "revoked_by": null,
          "roles": null,
          "status": "active",
          "tags": [],
          "variable": "OPENAI_API_KEY"
        }
      ],
      "schema": 1
    }
    ---- stderr
    "#);
}

#[test]
fn filters_narrow_a_list_and_hold_together() {
    let env = with_keys();
    for (args, names) in [
        (
            &["-p", "shop"] as &[&str],
            &["Internal dashboard", "gone", "soon", "stripe"] as &[&str],
        ),
        (
            &["-e", "production"],
            &["Internal dashboard", "gone", "stripe"],
        ),
        (&["-p", "shop", "-e", "stg"], &["soon"]),
        (
            &["--kind", "issued"],
            &["CI/CD integration", "Internal dashboard", "gone", "soon"],
        ),
        (&["--kind", "provider"], &["openai", "stripe"]),
        (&["--status", "revoked"], &["gone"]),
        (
            &["--status", "active", "-p", "shop"],
            &["Internal dashboard", "soon", "stripe"],
        ),
        (&["--permission", "deploy"], &["CI/CD integration"]),
        (
            &["--permission", "read", "-e", "dev"],
            &["CI/CD integration"],
        ),
        (&["--provider", "OpenAI"], &["openai"]),
        (&["--provider", "nobody"], &[]),
        (&["--tag", "ci"], &["CI/CD integration"]),
        (&["--tag", "paid", "--kind", "issued"], &[]),
        (&["--expiring", "14d"], &["soon"]),
        (&["--expiring", "1d"], &[]),
    ] {
        let listed = env.run([&["list", "--json"], args].concat());
        assert_eq!(listed.names(), names, "{args:?}");
        let searched = env.run([&["search", "", "--json"], args].concat());
        assert_eq!(searched.names(), names, "{args:?}");
        // For cron: something that ends soon is an exit code.
        let alarming = args[0] == "--expiring" && !names.is_empty();
        assert_eq!(
            listed.code(),
            Some(if alarming { 9 } else { 0 }),
            "{args:?}"
        );
    }
}

#[test]
fn a_search_looks_everywhere_but_into_values() {
    let env = with_keys();
    let id = env.show(["openai"])["key_id"]
        .as_str()
        .expect("an id")
        .to_owned();
    for (text, names) in [
        ("dash", &["Internal dashboard"] as &[&str]),
        ("DASH", &["Internal dashboard"]),
        ("ci/cd", &["CI/CD integration"]),
        ("grafana", &["Internal dashboard"]),
        ("openai_api", &["openai"]),
        ("gpt", &["openai"]),
        ("paid", &["openai"]),
        (&id, &["openai"]),
        ("kwt_stg1", &["soon"]),
        ("3456789", &[]),
        ("nothing", &[]),
        (".*", &[]),
    ] {
        let found = env.run(["search", text, "--json"]);
        assert!(found.success(), "{found}");
        assert_eq!(found.names(), names, "{text}");
        let found = env.run(["find", text, "--json"]);
        assert_eq!(found.names(), names, "{text}");
    }
    let text = env.run(["search", "gpt"]);
    insta::assert_snapshot!(text, @"
    exit: 0
    ---- stdout
    NAME    SCOPE                KIND      STATUS  KEY         PERMISSIONS  ROLES  PROVIDER  MODEL  VARIABLE        CREATED   CREATED BY  LAST USED  REQUESTS  EXPIRES
    openai  default/development  provider  active  sk-••••def  -            -      OpenAI    gpt-5  OPENAI_API_KEY  just now  ada         -          0         never
    ---- stderr
    ");
}

#[test]
fn a_key_is_shown_with_all_but_its_secret() {
    let env = with_keys();
    insta::assert_snapshot!(env.run(["show", "--default"]), @"
    exit: 0
    ---- stdout
    name         CI/CD integration
    key          kwt_dev1_[--KEY-ID--]_••••
    key id       [--KEY-ID--]
    kind         issued
    project      default
    environment  development
    status       active
    default      of default/development
    permissions  deploy, read
    tags         ci
    created      just now, [-------TIME-------] by ada
    expires      never
    last used    never
    requests     0, 0 refused

    GENERATION  STATE    CREATED               CREATED BY  WORKS UNTIL  REQUESTS  LAST USED
    1           current  [-------TIME-------]  ada         -            0         -
    ---- stderr
    ");
    insta::assert_snapshot!(env.run(["show", "openai"]), @"
    exit: 0
    ---- stdout
    name         openai
    key          sk-••••def
    key id       [--KEY-ID--]
    kind         provider
    project      default
    environment  development
    status       active
    providers    OpenAI
    models       gpt-5
    variable     OPENAI_API_KEY
    tags         paid
    created      just now, [-------TIME-------] by ada
    expires      never
    last used    never
    requests     0, 0 refused

    GENERATION  STATE    CREATED               CREATED BY  WORKS UNTIL  REQUESTS  LAST USED
    1           current  [-------TIME-------]  ada         -            0         -
    ---- stderr
    ");
    insta::assert_snapshot!(env.run(["show", "openai", "--json"]), @r#"
    exit: 0
    ---- stdout
    {
      "key": {
        "brand": null,
        "context": null,
        "created_at": "[-------TIME-------]",
        "created_by": "ada",
        "default": false,
        "display": "sk-••••def",
        "environment": "development",
        "expires_at": null,
        "generation": 1,
        "generations": [
          {
            "created_at": "[-------TIME-------]",
            "created_by": "ada",
            "delivered_at": "[-------TIME-------]",
            "expires_at": null,
            "last_used_at": null,
            "number": 1,
            "refused": 0,
            "requests": 0,
            "requests_since_rotation": null,
            "state": "current",
            "superseded_at": null
          }
        ],
        "key_id": "[--KEY-ID--]",
        "kind": "provider",
        "last_used_at": null,
        "models": [
          "gpt-5"
        ],
        "name": "openai",
        "note": null,
        "own_context": null,
        "own_permissions": null,
        "pending": false,
        "permissions": null,
        "previous_valid_until": null,
        "project": "default",
        "providers": [
          "OpenAI"
        ],
        "rate": null,
        "refused": 0,
        "requests": 0,
        "revoked_at": null,
        "revoked_by": null,
        "roles": null,
        "status": "active",
        "tags": [
          "paid"
        ],
        "variable": "OPENAI_API_KEY"
      },
      "schema": 1
    }
    ---- stderr
    "#);
}
