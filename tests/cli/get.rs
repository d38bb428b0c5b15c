use crate::common::TestEnv;

const VALUE: &str = "sk-0123456789abcdef";

#[test]
fn a_value_comes_out_as_it_went_in() {
    let env = TestEnv::new();
    env.set(["openai", "--actor", "ada"], VALUE);
    let got = env.run(["get", "openai"]);
    assert_eq!(got.stdout(), VALUE.as_bytes());
    assert_eq!(got.stderr(), "");
    let quiet = env.run(["get", "openai", "--quiet"]);
    assert_eq!(quiet.stdout(), VALUE.as_bytes());
    insta::assert_snapshot!(env.run(["get", "openai", "--json"]), @r#"
    exit: 0
    ---- stdout
    {
      "handed_over": null,
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
            "number": 1,
            "state": "current",
            "superseded_at": null
          }
        ],
        "key_id": "[--KEY-ID--]",
        "kind": "provider",
        "last_used_at": "[-------TIME-------]",
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
        "requests": 2,
        "revoked_at": null,
        "revoked_by": null,
        "roles": null,
        "status": "active",
        "tags": [],
        "variable": "OPENAI_API_KEY"
      },
      "schema": 1,
      "value": "sk-0123456789abcdef"
    }
    ---- stderr
    "#);
}

#[test]
fn json_carries_every_byte() {
    let env = TestEnv::new();
    for (value, field, text) in [
        (
            b"quote \" back \\ tab \t bell \x07 del \x7f".to_vec(),
            "value",
            "quote \" back \\ tab \t bell \u{7} del \u{7f}",
        ),
        ("first\nsecond".into(), "value", "first\nsecond"),
        ("naïve 鍵 \u{2028}".into(), "value", "naïve 鍵 \u{2028}"),
        (b"\xff\xfe\xfd".to_vec(), "value_base64", "//79"),
    ] {
        assert!(
            env.run_with_stdin(["set", "key", "--yes"], &value)
                .success()
        );
        let got = env.run(["get", "key", "--json"]);
        assert_eq!(got.json()[field], text, "{got}");
        assert_eq!(got.stdout_text().lines().count(), 1, "{got}");
    }
}

#[test]
fn the_value_before_is_there_until_the_next_change() {
    let env = TestEnv::new();
    env.set(["openai"], "the first value of all");
    let none = env.run(["get", "openai", "--previous"]);
    insta::assert_snapshot!(none, @r"
    exit: 8
    ---- stdout
    ---- stderr
    error: `openai` has no previous value
    hint: `keywright show` tells more; `keywright delete` makes room for a new key
    ");
    for value in ["the second value of all", "the third value of all"] {
        let rotated = env.run_with_stdin(["rotate", "openai", "--yes"], value);
        assert!(rotated.success(), "{rotated}");
    }
    assert_eq!(
        env.run(["get", "openai"]).stdout(),
        b"the third value of all"
    );
    let previous = env.run(["get", "openai", "--previous"]);
    assert_eq!(previous.stdout(), b"the second value of all");
    assert!(
        env.run_with_stdin(["set", "openai", "--yes"], "the fourth")
            .success()
    );
    let previous = env.run(["get", "openai", "--previous"]);
    assert_eq!(previous.stdout(), b"the third value of all");
}

#[test]
fn the_default_is_an_issued_key_and_has_no_value() {
    let env = TestEnv::new();
    let _ = env.create(["deploy", "--default"]);
    let told = env.refusals([
        &["get", "--default"] as &[&str],
        &["get", "deploy", "--previous"],
    ]);
    insta::assert_snapshot!(told, @"
    $ keywright get --default
    error: unexpected argument '--default' found

      tip: a similar argument exists: '--vault'

    Usage: keywright get --vault <PATH> [NAME]

    For more information, try '--help'.
    [exit 2]
    $ keywright get deploy --previous
    error: the token of `deploy` was shown once and cannot be shown again
    hint: `keywright rotate` makes a new token for it
    [exit 8]
    ");
}

#[test]
fn a_value_that_soon_ends_comes_with_a_warning() {
    let env = TestEnv::new();
    env.set(["soon", "--expires", "10d"], VALUE);
    env.set(["later", "--expires", "30d"], VALUE);
    let soon = env.run(["get", "soon"]);
    assert_eq!(soon.stdout(), VALUE.as_bytes());
    assert!(
        soon.stderr().starts_with("warning: `soon` expires in "),
        "{soon}"
    );
    assert_eq!(env.run(["get", "later"]).stderr(), "");
    // A warning is not a note.
    assert_eq!(env.run(["get", "soon", "-q"]).stderr(), soon.stderr());
}
