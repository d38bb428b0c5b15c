//! `--rate`: how many requests of a key `serve` lets through.

use serde_json::{Value, json};

use crate::common::TestEnv;

/// What `show` says of a key's rate.
#[track_caller]
fn shown(env: &TestEnv, name: &str) -> Option<String> {
    let outcome = env.run(["show", name]);
    assert!(outcome.success(), "{outcome}");
    let text = outcome.stdout_text();
    let mut rows = text.lines().filter_map(|line| line.strip_prefix("rate"));
    rows.next().map(|row| row.trim().to_owned())
}

#[test]
fn a_rate_is_given_changed_and_taken_away() {
    let env = TestEnv::new();
    env.create(["ci"]);
    let created = env.run(["create", "limited", "--rate", "100/m"]);
    let told = env.session(&[
        "create planned --rate 1000000/d -n",
        "edit ci --rate 5/s -n",
        "edit ci --rate 5/s",
        "edit ci --rate 1000/h --tag paid",
        "edit ci --rate 1000/h",
    ]);
    insta::assert_snapshot!(created.masked_stderr(), @"
    Created issued key `limited` in default/development
      key id       [--KEY-ID--]
      permissions  read (by default)
      rate         100/m
      expires      in 90 d, [-------TIME-------] (by default)
      token        shown this once; keep it where it is needed
    ");
    insta::assert_snapshot!(told, @"
    $ keywright create planned --rate 1000000/d -n
    Would create issued key `planned` in default/development
      permissions  read (by default)
      rate         1000000/d
      expires      in 90 d, [-------TIME-------] (by default)
    [exit 0]
    $ keywright edit ci --rate 5/s -n
    Would edit `ci` in default/development
      rate         none -> 5/s
    [exit 0]
    $ keywright edit ci --rate 5/s
    Edited `ci` in default/development
      rate         none -> 5/s
    [exit 0]
    $ keywright edit ci --rate 1000/h --tag paid
    Edited `ci` in default/development
      rate         5/s -> 1000/h
      tags         none -> paid
    [exit 0]
    $ keywright edit ci --rate 1000/h
    `ci` in default/development is so already; unchanged
    [exit 0]
    ");
    assert_eq!(shown(&env, "limited").as_deref(), Some("100/m"));
    assert_eq!(shown(&env, "ci").as_deref(), Some("1000/h"));
    let listed = env.run(["list", "--json"]).json();
    let rates: Vec<&Value> = listed["keys"]
        .as_array()
        .expect("keys")
        .iter()
        .map(|key| &key["rate"])
        .collect();
    assert_eq!(rates, [&json!("1000/h"), &json!("100/m")]);
    let taken = env.session(&["edit ci --no-rate", "edit ci --no-rate"]);
    insta::assert_snapshot!(taken, @"
    $ keywright edit ci --no-rate
    Edited `ci` in default/development
      rate         1000/h -> none
    [exit 0]
    $ keywright edit ci --no-rate
    `ci` in default/development is so already; unchanged
    [exit 0]
    ");
    assert_eq!(shown(&env, "ci"), None);
    assert_eq!(env.show(["ci"])["rate"], Value::Null);
    let audit = env.run(["audit", "--verb", "edit", "--json", "ci"]);
    let details: Vec<Value> = audit
        .stdout_text()
        .lines()
        .map(|line| {
            serde_json::from_str::<Value>(line).expect("a document a line")["detail"].clone()
        })
        .collect();
    assert_eq!(details, ["rate", "rate, tags", "rate"]);
}

#[test]
fn the_command_never_limits_and_a_rotation_keeps_the_rate() {
    let env = TestEnv::new();
    let token = env.create(["ci", "--rate", "1/d"]);
    for _ in 0..3 {
        let answer = env.run_with_stdin(["verify", "--json"], &token).json();
        assert_eq!(answer["code"], "valid");
        assert_eq!(answer.get("rate"), None, "its fields are as they were");
    }
    let batch = format!("{token}\n").repeat(3);
    let answers = env.run_with_stdin(["verify", "--batch"], &batch);
    assert_eq!(answers.stdout_text().matches("\"valid\":true").count(), 3);
    let _ = env.run(["rotate", "ci", "--yes"]).token();
    assert_eq!(env.show(["ci"])["rate"], "1/d");
}

#[test]
fn only_issued_keys_have_a_rate_and_it_is_one_of_a_few_shapes() {
    let env = TestEnv::new();
    env.create(["ci", "--rate", "100/m"]);
    env.set(["openai"], "sk-0123456789abcdef");
    let told = env.refused_lines(&[
        "edit openai --rate 5/s",
        "edit openai --no-rate",
        "set openai --rate 5/s",
        "edit ci --rate 5/s --no-rate",
        "edit ci --rate 100",
        "edit ci --rate 0/m",
        "edit ci --rate 1000001/m",
        "create x --rate 100/10s",
        "create x --rate ''",
    ]);
    insta::assert_snapshot!(told, @r#"
    $ keywright edit openai --rate 5/s
    error: `openai` is a provider key: it has no permissions, roles, context, rate or brand, and is nobody's default
    [exit 2]
    $ keywright edit openai --no-rate
    error: `openai` is a provider key: it has no permissions, roles, context, rate or brand, and is nobody's default
    [exit 2]
    $ keywright set openai --rate 5/s
    error: unexpected argument '--rate' found

      tip: to pass '--rate' as a value, use '-- --rate'

    Usage: keywright set <NAME>

    For more information, try '--help'.
    [exit 2]
    $ keywright edit ci --rate 5/s --no-rate
    error: the argument '--rate <RATE>' cannot be used with '--no-rate'

    Usage: keywright edit --rate <RATE> <NAME>

    For more information, try '--help'.
    [exit 2]
    $ keywright edit ci --rate 100
    error: invalid value '100' for '--rate <RATE>': a rate is a count and a unit, such as `100/m`, `5/s`, `1000/h` or `20000/d`

    For more information, try '--help'.
    [exit 2]
    $ keywright edit ci --rate 0/m
    error: invalid value '0/m' for '--rate <RATE>': the count of a rate is a whole number from 1 to 1000000

    For more information, try '--help'.
    [exit 2]
    $ keywright edit ci --rate 1000001/m
    error: invalid value '1000001/m' for '--rate <RATE>': the count of a rate is a whole number from 1 to 1000000

    For more information, try '--help'.
    [exit 2]
    $ keywright create x --rate 100/10s
    error: invalid value '100/10s' for '--rate <RATE>': the unit of a rate is `s`, `m`, `h` or `d`: a second, minute, hour or day

    For more information, try '--help'.
    [exit 2]
    $ keywright create x --rate ""
    error: invalid value '' for '--rate <RATE>': a rate is a count and a unit, such as `100/m`, `5/s`, `1000/h` or `20000/d`

    For more information, try '--help'.
    [exit 2]
    "#);
    assert_eq!(env.show(["ci"])["rate"], "100/m");
    assert_eq!(env.show(["openai"])["rate"], Value::Null);
}

#[test]
fn an_export_takes_the_rate_along() {
    let env = TestEnv::new();
    env.create(["free"]);
    env.create(["limited", "--rate", "20000/d"]);
    env.set(["openai"], "sk-0123456789abcdef");
    let export = env.run(["export", "--reveal"]);
    let document = export.json();
    let of = |name: &str| {
        let keys = document["keys"].as_array().expect("keys");
        let at = keys.iter().position(|key| key["name"] == name);
        at.expect("it is there")
    };
    let (limited, openai) = (of("limited"), of("openai"));
    assert_eq!(document["keys"][limited]["rate"], "20000/d");
    // What was written before there were rates is read, and others read what has none.
    for name in ["free", "openai"] {
        assert_eq!(document["keys"][of(name)].get("rate"), None, "{name}");
    }

    let other = env.run(["init", "--vault", "other.db", "--kdf", "test"]);
    assert!(other.success(), "{other}");
    let import = |document: &Value| {
        let args = ["import", "--format", "json", "--vault", "other.db"];
        env.run_with_stdin(args, document.to_string())
    };
    let mut told = String::new();
    for (key, rate) in [(limited, "20000"), (openai, "5/s")] {
        let mut document = document.clone();
        document["keys"][key]["rate"] = json!(rate);
        let refused = import(&document);
        assert_eq!(refused.code(), Some(2), "{refused}");
        let stderr = refused.stderr();
        let cause = stderr.lines().nth(1).expect("a cause");
        told += cause.split_once(", column ").map_or(cause, |(head, rest)| {
            assert!(head.contains("line 1"));
            rest.split_once(": ").expect("a problem").1
        });
        told += "\n";
    }
    insta::assert_snapshot!(told, @"
    a rate is a count and a unit, such as `100/m`, `5/s`, `1000/h` or `20000/d`
      caused by: the key `openai`: a provider key has nothing of an issued key
    ");
    let imported = import(&document);
    assert!(imported.success(), "{imported}");
    assert_eq!(
        env.show(["limited", "--vault", "other.db"])["rate"],
        "20000/d"
    );
    assert_eq!(
        env.show(["free", "--vault", "other.db"])["rate"],
        Value::Null
    );
}
