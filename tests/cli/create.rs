use crate::common::TestEnv;

#[test]
fn a_key_is_created_with_defaults_that_are_told() {
    let env = TestEnv::new();
    insta::assert_snapshot!(env.run(["create", "deploy"]), @r"
    exit: 0
    ---- stdout
    [TOKEN]
    ---- stderr
    Created issued key `deploy` in default/development
      key id       [--KEY-ID--]
      permissions  read (by default)
      expires      in 90 d, [-------TIME-------] (by default)
      token        shown this once; keep it where it is needed
    ");
    insta::assert_snapshot!(env.run(["create", "quiet", "--quiet"]), @r"
    exit: 0
    ---- stdout
    [TOKEN]
    ---- stderr
    ");
}

#[test]
fn every_option_is_kept() {
    let env = TestEnv::new();
    let args = [
        "create",
        "CI/CD integration",
        "-p",
        "shop",
        "-e",
        "staging",
        "--permission",
        "write:orders,read",
        "--permission",
        "deploy",
        "--context",
        "team=blue",
        "--context",
        "filter=region=eu",
        "--expires",
        "2199-01-31",
        "--brand",
        "acme",
        "--tag",
        "ci",
        "--tag",
        "team blue",
        "--note",
        "for the build farm\nask Ada",
        "--default",
        "--actor",
        "ada",
        "--json",
    ];
    insta::assert_snapshot!(env.run(args), @r#"
    exit: 0
    ---- stdout
    {
      "dry_run": false,
      "handed_over": null,
      "key": {
        "brand": "acme",
        "context": {
          "filter": "region=eu",
          "team": "blue"
        },
        "created_at": "[-------TIME-------]",
        "created_by": "ada",
        "default": true,
        "display": "acme_stg1_[--KEY-ID--]_••••",
        "environment": "staging",
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
        "name": "CI/CD integration",
        "note": "for the build farm\nask Ada",
        "own_context": {
          "filter": "region=eu",
          "team": "blue"
        },
        "own_permissions": [
          "deploy",
          "read",
          "write:orders"
        ],
        "pending": false,
        "permissions": [
          "deploy",
          "read",
          "write:orders"
        ],
        "previous_valid_until": null,
        "project": "shop",
        "providers": null,
        "rate": null,
        "refused": 0,
        "requests": 0,
        "revoked_at": null,
        "revoked_by": null,
        "roles": [],
        "status": "active",
        "tags": [
          "ci",
          "team blue"
        ],
        "variable": null
      },
      "outcome": "created",
      "schema": 1,
      "token": "[TOKEN]"
    }
    ---- stderr
    "#);
    let key = env.show(["CI/CD integration", "-p", "shop", "-e", "staging"]);
    assert_eq!(key["expires_at"], "2199-01-31T23:59:59Z");
}

#[test]
fn an_expiry_is_a_duration_a_date_a_time_or_never() {
    let env = TestEnv::new();
    for (name, expires, end) in [
        ("date", "2199-12-31", Some("2199-12-31T23:59:59Z")),
        (
            "time",
            "2199-12-31T12:00:00+02:00",
            Some("2199-12-31T10:00:00Z"),
        ),
        ("never", "never", None),
        ("century", "36525d", Some("")),
    ] {
        let _ = env.create([name, "--expires", expires]);
        let at = env.show([name])["expires_at"].clone();
        match end {
            Some("") => assert!(at.is_string(), "{name}: {at}"),
            other => assert_eq!(at.as_str(), other, "{name}"),
        }
    }
    // A date ends with the day where its writer is.
    let mut command = env.command(["create", "far", "--expires", "2199-12-31", "--json"]);
    command.env("TZ", "<-05>5");
    let far = env.finish(command, "").json();
    assert_eq!(far["key"]["expires_at"], "2200-01-01T04:59:59Z");
}

#[test]
fn the_token_tells_brand_and_environment() {
    let env = TestEnv::new();
    for (environment, beginning) in [
        ("dev", "kwt_dev1_"),
        ("development", "kwt_dev1_"),
        ("stg", "kwt_stg1_"),
        ("prod", "kwt_prod1_"),
        ("production", "kwt_prod1_"),
        ("qa-2", "kwt_env1_"),
    ] {
        let token = env.create([environment, "-e", environment]);
        assert!(token.starts_with(beginning), "{environment}: {token}");
        let last = token.rsplit('_').next().expect("a part");
        assert_eq!(last.len(), 38, "{token}");
        assert!(
            token
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'_'),
            "{token}"
        );
    }
    // Short and long words are one environment.
    assert_eq!(
        env.run(["create", "prod", "-e", "production"]).code(),
        Some(4)
    );
}

#[test]
fn the_default_mark_moves() {
    let env = TestEnv::new();
    let _ = env.create(["first", "--default"]);
    assert_eq!(env.show(["--default"])["name"], "first");
    let _ = env.create(["second"]);
    assert_eq!(env.show(["--default"])["name"], "first");
    let _ = env.create(["third", "--default"]);
    assert_eq!(env.show(["--default"])["name"], "third");
    assert_eq!(env.show(["first"])["default"], false);
    // One for every project and environment.
    let _ = env.create(["staged", "--default", "-e", "staging"]);
    assert_eq!(env.show(["--default"])["name"], "third");
    assert_eq!(env.show(["--default", "-e", "staging"])["name"], "staged");

    let listed = env.run(["list", "--json"]).json();
    let defaults: Vec<_> = listed["keys"]
        .as_array()
        .expect("a list")
        .iter()
        .filter(|key| key["default"] == true)
        .map(|key| key["name"].as_str().expect("text").to_owned())
        .collect();
    assert_eq!(defaults, ["third", "staged"]);

    // It is a target of every command on one key.
    let token = env.run(["rotate", "--default", "--yes"]).token();
    assert_eq!(env.code(&token), "valid");
    assert!(env.run(["revoke", "--default", "--yes"]).success());
    assert_eq!(env.code(&token), "revoked");
    assert!(env.run(["delete", "--default", "--yes"]).success());
    assert_eq!(env.run(["show", "--default"]).code(), Some(3));
}

#[test]
fn the_first_create_makes_the_vault() {
    let env = TestEnv::empty();
    let created = env.run(["create", "deploy"]);
    insta::assert_snapshot!(created, @r"
    exit: 0
    ---- stdout
    [TOKEN]
    ---- stderr
    Made the vault `[HOME]/.config/keywright/vault.db`
    Created issued key `deploy` in default/development
      key id       [--KEY-ID--]
      permissions  read (by default)
      expires      in 90 d, [-------TIME-------] (by default)
      token        shown this once; keep it where it is needed
    ");
    assert_eq!(env.code(&created.token()), "valid");
}

#[test]
fn limits_are_told() {
    let env = TestEnv::new();
    let many = |option: &'static str, word: &str, count: usize| -> Vec<String> {
        (0..count)
            .flat_map(|at| [option.to_owned(), format!("{word}{at}")])
            .collect()
    };
    let mut said = String::new();
    for options in [
        many("--tag", "tag", 33),
        many(
            "--permission",
            "action-with-a-rather-long-name-so-that-few-fit-",
            30,
        ),
        (0..33)
            .flat_map(|at| ["--context".to_owned(), format!("k{at}=v")])
            .collect(),
        vec!["--context".to_owned(), format!("k={}", "v".repeat(257))],
        vec!["--note".to_owned(), "n".repeat(4097)],
        vec!["--tag".to_owned(), "t".repeat(51)],
        vec!["--permission".to_owned(), "p".repeat(65)],
        vec!["-p".to_owned(), "p".repeat(65)],
        vec!["--actor".to_owned(), "a".repeat(101)],
    ] {
        let args = ["create".to_owned(), "x".to_owned()]
            .into_iter()
            .chain(options);
        let outcome = env.run(args);
        assert_eq!(outcome.code(), Some(2), "{outcome}");
        said.push_str(outcome.stderr().lines().next().expect("an error"));
        said.push('\n');
    }
    insta::assert_snapshot!(said, @"
    error: a key has at most 32 tags, not 33
    error: the permissions of a key take at most 1024 bytes together
    error: a context has at most 32 pairs, not 33
    error: invalid value '…' for '--context <KEY=VALUE>': a context value has at most 256 characters, not 257
    error: invalid value '…' for '--note <TEXT>': a note has at most 4096 bytes, not 4097
    error: invalid value 'ttttttttttttttttttttttttttttttttttttttttttttttttttt' for '--tag <TAG>': a tag has at most 50 characters, not 51
    error: invalid value 'ppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppp' for '--permission <ACTION>': a permission is `read`, `write`, `admin` or an action of your own, alone or as `action:resource`, in lower-case letters, digits, `.`, `_` and `-`
    error: invalid value 'ppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppp' for '--project <PROJECT>': a project is 1 to 64 letters, digits, `.`, `_` and `-`, and begins with a letter or digit
    error: invalid value 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa' for '--actor <NAME>': an actor has at most 100 characters, not 101
    ");
    assert_eq!(env.names(), [""; 0]);
}
