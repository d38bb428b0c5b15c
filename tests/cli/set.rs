use std::fs;

use serde_json::json;

use crate::common::{TestEnv, Transcript};

const VALUE: &str = "sk-0123456789abcdef";

#[test]
fn a_value_is_stored_and_described() {
    let env = TestEnv::new();
    insta::assert_snapshot!(env.run_with_stdin(["set", "openai"], VALUE), @"
    exit: 0
    ---- stdout
    ---- stderr
    Stored provider key `openai` in default/development
      provider     openai (by default)
      variable     OPENAI_API_KEY (by default)
    ");
    let args = [
        "set",
        "tls",
        "-p",
        "shop",
        "-e",
        "staging",
        "--provider",
        "acme",
        "--provider",
        "other one",
        "--model",
        "large-2",
        "--var",
        "ACME_KEY",
        "--expires",
        "2199-01-31",
        "--tag",
        "paid",
        "--note",
        "from Ada",
        "--actor",
        "ada",
        "--json",
    ];
    insta::assert_snapshot!(env.run_with_stdin(args, VALUE), @r#"
    exit: 0
    ---- stdout
    {
      "dry_run": false,
      "key": {
        "brand": null,
        "context": null,
        "created_at": "[-------TIME-------]",
        "created_by": "ada",
        "default": false,
        "display": "sk-••••def",
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
        "kind": "provider",
        "last_used_at": null,
        "models": [
          "large-2"
        ],
        "name": "tls",
        "note": "from Ada",
        "own_context": null,
        "own_permissions": null,
        "pending": false,
        "permissions": null,
        "previous_valid_until": null,
        "project": "shop",
        "providers": [
          "acme",
          "other one"
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
        "variable": "ACME_KEY"
      },
      "outcome": "created",
      "schema": 1
    }
    ---- stderr
    "#);
}

#[test]
fn a_value_is_kept_byte_by_byte() {
    let env = TestEnv::new();
    for (at, (input, exact, stored)) in [
        (b"plain".to_vec(), false, b"plain".to_vec()),
        (b"line\n".to_vec(), false, b"line".to_vec()),
        (b"line\r\n".to_vec(), false, b"line".to_vec()),
        (b"two\n\n".to_vec(), false, b"two\n".to_vec()),
        (b"line\n".to_vec(), true, b"line\n".to_vec()),
        (b"  spaces \t".to_vec(), false, b"  spaces \t".to_vec()),
        (
            b"\xff\xfe not text".to_vec(),
            false,
            b"\xff\xfe not text".to_vec(),
        ),
        ("naïve 鍵".into(), false, "naïve 鍵".into()),
        (vec![b'x'; 65_536], false, vec![b'x'; 65_536]),
        (
            [vec![b'x'; 65_536], b"\n".to_vec()].concat(),
            false,
            vec![b'x'; 65_536],
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let name = format!("key-{at}");
        let mut args = vec!["set", &name];
        if exact {
            args.push("--exact");
        }
        let stored_now = env.run_with_stdin(&args, &input);
        assert!(stored_now.success(), "{stored_now}");
        assert!(env.run(["get", &name]).stdout() == stored, "{name}");

        let file = env.write("value", &input);
        let name = format!("file-{at}");
        let mut command = env.command(["set", &name, "--file"]);
        command.arg(file);
        if exact {
            command.arg("--exact");
        }
        let from_file = env.finish(command, "not this one");
        assert!(from_file.success(), "{from_file}");
        assert!(env.run(["get", &name]).stdout() == stored, "{name}");
    }
}

#[test]
fn values_that_cannot_be_are_refused() {
    let env = TestEnv::new();
    let mut told = Transcript::default();
    let long = vec![b'x'; 65_537];
    for (title, input) in [
        ("# nothing", b"" as &[u8]),
        ("# a line end", b"\n"),
        ("# a line end of Windows", b"\r\n"),
        ("# a NUL", b"a\0b"),
        ("# 64 KiB and one", &long),
        ("# 64 KiB, one and a line end", &[&long[..], b"\n"].concat()),
        ("# a megabyte", &[b'x'; 1_000_000]),
    ] {
        for args in [
            &["set", "key", title] as &[&str],
            &["set", "key", "-n", title],
        ] {
            let outcome = env.run_with_stdin(&args[..args.len() - 1], input);
            assert_eq!(outcome.code(), Some(2), "{title}: {outcome}");
            told.refused(args, &outcome);
        }
    }
    for args in [
        &["set", "key", "--file", "missing"] as &[&str],
        &["set", "key", "--file", "."],
        &["set", "key", "--file", "/dev/null"],
    ] {
        told.refused(args, &env.run_with_stdin(args, VALUE));
    }
    insta::assert_snapshot!(told, @r##"
    $ keywright set key "# nothing"
    error: the value is empty
    hint: pipe the value in, or name a file with --file
    [exit 2]
    $ keywright set key -n "# nothing"
    error: the value is empty
    hint: pipe the value in, or name a file with --file
    [exit 2]
    $ keywright set key "# a line end"
    error: the value is empty
    hint: pipe the value in, or name a file with --file
    [exit 2]
    $ keywright set key -n "# a line end"
    error: the value is empty
    hint: pipe the value in, or name a file with --file
    [exit 2]
    $ keywright set key "# a line end of Windows"
    error: the value is empty
    hint: pipe the value in, or name a file with --file
    [exit 2]
    $ keywright set key -n "# a line end of Windows"
    error: the value is empty
    hint: pipe the value in, or name a file with --file
    [exit 2]
    $ keywright set key "# a NUL"
    error: the value has a NUL byte, which no environment variable can carry
    [exit 2]
    $ keywright set key -n "# a NUL"
    error: the value has a NUL byte, which no environment variable can carry
    [exit 2]
    $ keywright set key "# 64 KiB and one"
    error: the value is longer than 65536 bytes
    [exit 2]
    $ keywright set key -n "# 64 KiB and one"
    error: the value is longer than 65536 bytes
    [exit 2]
    $ keywright set key "# 64 KiB, one and a line end"
    error: the value is longer than 65536 bytes
    [exit 2]
    $ keywright set key -n "# 64 KiB, one and a line end"
    error: the value is longer than 65536 bytes
    [exit 2]
    $ keywright set key "# a megabyte"
    error: standard input has more than 65538 bytes, the most that is read
    [exit 2]
    $ keywright set key -n "# a megabyte"
    error: standard input has more than 65538 bytes, the most that is read
    [exit 2]
    $ keywright set key --file missing
    error: cannot read `missing`
      caused by: No such file or directory (os error 2)
    [exit 1]
    $ keywright set key --file .
    error: cannot read `.`
      caused by: Is a directory (os error 21)
    [exit 1]
    $ keywright set key --file /dev/null
    error: the value is empty
    hint: pipe the value in, or name a file with --file
    [exit 2]
    "##);
    assert_eq!(env.names(), [""; 0]);
}

#[test]
fn the_same_value_changes_nothing_and_another_asks() {
    let env = TestEnv::new();
    env.set(["openai", "--tag", "paid", "--note", "old"], VALUE);
    let before = env.vault_bytes();
    let mut told = Transcript::default();
    let same = &["set", "openai"] as &[&str];
    told.add(same, &env.run_with_stdin(same, VALUE));
    told.add(same, &env.run_with_stdin(same, format!("{VALUE}\n")));
    assert!(env.vault_bytes() == before);
    let refused = env.run_with_stdin(same, "sk-another-value-0");
    assert_eq!(refused.code(), Some(6), "{refused}");
    assert!(env.vault_bytes() == before);
    let update = &["set", "openai", "--note", "new"] as &[&str];
    told.add(update, &env.run_with_stdin(update, VALUE));
    let replace = &["set", "openai", "--yes"] as &[&str];
    told.add(replace, &env.run_with_stdin(replace, "sk-another-value-0"));
    insta::assert_snapshot!(told, @r"
    $ keywright set openai
    `openai` in default/development is unchanged
    [exit 0]
    $ keywright set openai
    `openai` in default/development is unchanged
    [exit 0]
    $ keywright set openai --note new
    Updated `openai` in default/development; the value is the same
    [exit 0]
    $ keywright set openai --yes
    Replaced the value of `openai` in default/development
    [exit 0]
    ");
    let key = env.show(["openai"]);
    assert_eq!(key["note"], "new");
    assert_eq!(key["tags"], json!(["paid"]));
    assert_eq!(key["generation"], 2);
    assert_eq!(key["display"], "sk-••••e-0");
    assert_eq!(env.run(["get", "openai"]).stdout(), b"sk-another-value-0");
    assert_eq!(
        env.run(["get", "openai", "--previous"]).stdout(),
        VALUE.as_bytes()
    );
    let outcome = |value: &str, args: &[&str]| {
        let args = [&["set", "openai", "--yes", "--json"], args].concat();
        let answer = env.run_with_stdin(args, value).json();
        answer["outcome"].as_str().expect("text").to_owned()
    };
    assert_eq!(outcome("sk-another-value-0", &[]), "unchanged");
    assert_eq!(outcome("sk-another-value-0", &["--tag", "x"]), "updated");
    assert_eq!(outcome("third value of it all", &[]), "rotated");
}

#[test]
fn short_values_show_nothing_of_themselves() {
    let env = TestEnv::new();
    for (value, shown) in [
        ("a", "••••"),
        ("fifteen letters", "••••"),
        ("sixteen letters!", "six••••rs!"),
        ("ключ к чему-то там", "клю••••там"),
    ] {
        assert!(env.run_with_stdin(["set", "key", "--yes"], value).success());
        assert_eq!(env.show(["key"])["display"], shown, "{value}");
    }
    // Bytes that are no text show nothing, whatever their number.
    assert!(
        env.run_with_stdin(["set", "key", "--yes"], [0xff; 40])
            .success()
    );
    let shown = env.show(["key"])["display"].clone();
    assert_eq!(shown, "••••");
}

#[test]
fn the_first_set_makes_the_vault() {
    let env = TestEnv::empty();
    let planned = env.run_with_stdin(["set", "openai", "-n"], VALUE);
    insta::assert_snapshot!(planned, @"
    exit: 0
    ---- stdout
    ---- stderr
    Would make the vault `[HOME]/.config/keywright/vault.db`
    Would store provider key `openai` in default/development
      provider     openai (by default)
      variable     OPENAI_API_KEY (by default)
    ");
    assert!(!env.vault().exists());
    insta::assert_snapshot!(env.run_with_stdin(["set", "openai"], VALUE), @"
    exit: 0
    ---- stdout
    ---- stderr
    Made the vault `[HOME]/.config/keywright/vault.db`
    Stored provider key `openai` in default/development
      provider     openai (by default)
      variable     OPENAI_API_KEY (by default)
    ");
    assert_eq!(env.run(["get", "openai"]).stdout(), VALUE.as_bytes());
}

#[test]
fn a_value_that_cannot_be_makes_no_vault() {
    let env = TestEnv::empty();
    let outcome = env.run_with_stdin(["set", "openai"], "");
    assert_eq!(outcome.code(), Some(2), "{outcome}");
    assert!(!env.vault().exists(), "a vault was made for nothing");
}

#[test]
fn a_revoked_key_takes_no_value() {
    let env = TestEnv::new();
    env.set(["openai"], VALUE);
    assert!(env.run(["revoke", "openai", "--yes"]).success());
    let told = env.refusals([
        &["set", "openai", "--yes"] as &[&str],
        &["rotate", "openai", "--yes"],
        &["get", "openai"],
        &["get", "openai", "--previous"],
    ]);
    insta::assert_snapshot!(told, @r"
    $ keywright set openai --yes
    error: `openai` is revoked
    hint: `keywright show` tells more; `keywright delete` makes room for a new key
    [exit 8]
    $ keywright rotate openai --yes
    error: `openai` is revoked
    hint: `keywright show` tells more; `keywright delete` makes room for a new key
    [exit 8]
    $ keywright get openai
    error: `openai` is revoked
    hint: `keywright show` tells more; `keywright delete` makes room for a new key
    [exit 8]
    $ keywright get openai --previous
    error: `openai` is revoked
    hint: `keywright show` tells more; `keywright delete` makes room for a new key
    [exit 8]
    ");
    let bytes = fs::read(env.vault()).expect("there");
    assert!(!bytes.is_empty());
}
