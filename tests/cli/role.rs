//! `role`: named sets of permissions, and the keys that have them.

use serde_json::{Value, json};

use crate::common::TestEnv;

#[test]
fn a_role_is_made_given_changed_and_deleted() {
    let env = TestEnv::new();
    let told = env.session(&[
        "role list",
        "role set billing --permission read,write:bills --context team=blue",
        "role set billing --permission write:bills,read --context team=blue",
        "role set ops --context pager=on -n",
        "role set ops --context pager=on",
        "role list",
    ]);
    insta::assert_snapshot!(told, @"
    $ keywright role list
    No roles
    [exit 0]
    $ keywright role set billing --permission read,write:bills --context team=blue
    Made role `billing`; no key has it
      permissions  none -> read, write:bills
      context      none -> team=blue
    [exit 0]
    $ keywright role set billing --permission write:bills,read --context team=blue
    Role `billing` is so already; unchanged
    [exit 0]
    $ keywright role set ops --context pager=on -n
    Would make role `ops`; no key has it
      context      none -> pager=on
    [exit 0]
    $ keywright role set ops --context pager=on
    Made role `ops`; no key has it
      context      none -> pager=on
    [exit 0]
    $ keywright role list
    NAME     PERMISSIONS        CONTEXT    KEYS  CREATED   CREATED BY
    billing  read, write:bills  team=blue  0     just now  tester@[HOST]
    ops      -                  pager=on   0     just now  tester@[HOST]
    [exit 0]
    ");
    env.create(["bills", "--role", "billing,ops"]);
    env.create(["other", "--role", "ops", "-p", "shop", "-e", "production"]);
    let given = env.session(&[
        "role set billing --permission read",
        "role show ops",
        "role delete ops --yes",
        "edit bills --no-roles",
        "edit other -p shop -e production --remove-role ops",
        "role delete ops -n",
        "role delete ops",
        "role delete ops --yes",
        "role show ops",
    ]);
    insta::assert_snapshot!(given, @"
    $ keywright role set billing --permission read
    Changed role `billing`; one key has it
      permissions  read, write:bills -> read
      context      team=blue -> none
    [exit 0]
    $ keywright role show ops
    name         ops
    permissions  -
    context      pager=on
    created      just now, [-------TIME-------] by tester@[HOST]
    keys         2

    NAME   SCOPE                STATUS  KEY
    bills  default/development  active  kwt_dev1_[--KEY-ID--]_••••
    other  shop/production      active  kwt_prod1_[--KEY-ID--]_••••
    [exit 0]
    $ keywright role delete ops --yes
    error: the role `ops` is in use by `bills` in default/development, `other` in shop/production
    hint: `keywright edit NAME --remove-role ops` takes it from a key
    [exit 8]
    $ keywright edit bills --no-roles
    Edited `bills` in default/development
      roles        billing, ops -> none
    [exit 0]
    $ keywright edit other -p shop -e production --remove-role ops
    Edited `other` in shop/production
      roles        ops -> none
    [exit 0]
    $ keywright role delete ops -n
    Would delete role `ops`
    [exit 0]
    $ keywright role delete ops
    error: this needs a confirmation, and nobody can be asked
    hint: --yes confirms it beforehand
    [exit 6]
    $ keywright role delete ops --yes
    Deleted role `ops`
    [exit 0]
    $ keywright role show ops
    error: no role `ops`
    hint: `keywright role list` shows every role, `keywright role set` makes one
    [exit 3]
    ");
}

#[test]
fn a_change_of_a_role_reaches_every_key_that_has_it() {
    let env = TestEnv::new();
    let set = |permissions: &str| {
        let args = [
            "role",
            "set",
            "billing",
            "--permission",
            permissions,
            "--context",
            "team=blue",
        ];
        assert!(env.run(args).success());
    };
    set("read");
    let first = env.create(["first", "--role", "billing"]);
    let second = env.create(["second", "--role", "billing", "-p", "shop", "-e", "prod"]);
    let own = env.create([
        "own",
        "--role",
        "billing",
        "--permission",
        "deploy",
        "--context",
        "team=red",
    ]);
    let apart = env.create(["apart"]);
    set("write");
    let verdict = |token: &str| -> Value {
        let answer = env
            .run_with_stdin(["verify", "--json", "--no-record"], token)
            .json();
        json!([answer["permissions"], answer["roles"], answer["context"]])
    };
    assert_eq!(
        verdict(&first),
        json!([["write"], ["billing"], {"team": "blue"}])
    );
    assert_eq!(verdict(&second), verdict(&first));
    assert_eq!(
        verdict(&own),
        json!([["deploy", "write"], ["billing"], {"team": "red"}])
    );
    assert_eq!(verdict(&apart), json!([["read"], [], {}]));
    let with_role = |args: &[&str]| {
        env.run([args, &["--role", "billing", "--json"]].concat())
            .names()
    };
    assert_eq!(with_role(&["list"]), ["first", "own", "second"]);
    assert_eq!(with_role(&["list", "-p", "shop"]), ["second"]);
    assert_eq!(with_role(&["search", "first"]), ["first"]);
    // What a key has by its roles is found, too.
    assert_eq!(
        env.run(["list", "--permission", "write", "--json"]).names(),
        ["first", "own", "second"]
    );
    // A new token has the roles of its key.
    let rotated = env.run(["rotate", "first", "--yes"]).token();
    assert_eq!(verdict(&rotated), verdict(&second));
}

#[test]
fn json_lists_roles_and_who_has_them() {
    let env = TestEnv::new();
    assert!(
        env.run(["role", "set", "billing", "--permission", "read"])
            .success()
    );
    env.create(["bills", "--role", "billing"]);
    let list = env.run(["role", "list", "--json"]).json();
    assert_eq!(
        (&list["roles"][0]["name"], &list["roles"][0]["key_count"]),
        (&json!("billing"), &json!(1))
    );
    let shown = env.run(["role", "show", "billing", "--json"]).json();
    assert_eq!(shown["keys"][0]["name"], "bills");
    assert_eq!(
        shown["role"]["created_by"]
            .as_str()
            .map(|actor| actor.starts_with("tester@")),
        Some(true)
    );
    let changed = env
        .run(["role", "set", "billing", "--permission", "admin", "--json"])
        .json();
    assert_eq!(
        (&changed["outcome"], &changed["keys"][0]["environment"]),
        (&json!("updated"), &json!("development"))
    );
    let refused = env.run(["role", "delete", "billing", "--yes", "--json"]);
    assert_eq!(refused.error_json()["error"]["exit_code"], 8);
}

#[test]
fn what_cannot_be_is_refused_and_nothing_is_changed() {
    let env = TestEnv::new();
    assert!(
        env.run([
            "role",
            "set",
            "blue",
            "--permission",
            "read",
            "--context",
            "team=blue"
        ])
        .success()
    );
    assert!(
        env.run(["role", "set", "red", "--permission", "read"])
            .success()
    );
    env.create(["both", "--role", "blue,red"]);
    let pairs: Vec<String> = (0..33).map(|n| format!("--context=k{n}=v")).collect();
    let crowded = format!("role set wide {}", pairs.join(" "));
    let told = env.refused_lines(&[
        "role set empty",
        "role set 'no name' --permission read",
        "role set r --permission Read",
        "role set red --context team=red",
        "role show rde",
        "role delete nobody --yes",
        "role delete blue --yes",
        "create new --role gren",
        "create new --role blue -n --context a=b --role green",
        "list --role 'no name'",
        &crowded,
    ]);
    insta::assert_snapshot!(told, @r#"
    $ keywright role set empty
    error: the following required arguments were not provided:
      --permission <ACTION>

    Usage: keywright role set --permission <ACTION> <ROLE>

    For more information, try '--help'.
    [exit 2]
    $ keywright role set "no name" --permission read
    error: invalid value 'no name' for '<ROLE>': a role is 1 to 64 letters, digits, `.`, `_` and `-`, and begins with a letter or digit

    For more information, try '--help'.
    [exit 2]
    $ keywright role set r --permission Read
    error: invalid value 'Read' for '--permission <ACTION>': a permission is `read`, `write`, `admin` or an action of your own, alone or as `action:resource`, in lower-case letters, digits, `.`, `_` and `-`

    For more information, try '--help'.
    [exit 2]
    $ keywright role set red --context team=red
    error: `both` in default/development cannot take this role
      caused by: the roles `blue` and `red` disagree about the context key `team`; give the key a pair of its own
    hint: `keywright edit` changes that key; `keywright role show` lists who has the role
    [exit 8]
    $ keywright role show rde
    error: no role `rde`
    hint: did you mean `red`?
    [exit 3]
    $ keywright role delete nobody --yes
    error: no role `nobody`
    hint: `keywright role list` shows every role, `keywright role set` makes one
    [exit 3]
    $ keywright role delete blue --yes
    error: the role `blue` is in use by `both` in default/development
    hint: `keywright edit NAME --remove-role blue` takes it from a key
    [exit 8]
    $ keywright create new --role gren
    error: no role `gren`
    hint: did you mean `red`?
    [exit 3]
    $ keywright create new --role blue -n --context a=b --role green
    error: no role `green`
    hint: `keywright role list` shows every role, `keywright role set` makes one
    [exit 3]
    $ keywright list --role "no name"
    error: invalid value 'no name' for '--role <ROLE>': a role is 1 to 64 letters, digits, `.`, `_` and `-`, and begins with a letter or digit

    For more information, try '--help'.
    [exit 2]
    $ keywright role set wide --context=k0=v --context=k1=v --context=k2=v --context=k3=v --context=k4=v --context=k5=v --context=k6=v --context=k7=v --context=k8=v --context=k9=v --context=k10=v --context=k11=v --context=k12=v --context=k13=v --context=k14=v --context=k15=v --context=k16=v --context=k17=v --context=k18=v --context=k19=v --context=k20=v --context=k21=v --context=k22=v --context=k23=v --context=k24=v --context=k25=v --context=k26=v --context=k27=v --context=k28=v --context=k29=v --context=k30=v --context=k31=v --context=k32=v
    error: a context has at most 32 pairs, not 33
    [exit 2]
    "#);
    // With a pair of its own the key can take both.
    assert!(env.run(["edit", "both", "--context", "team=own"]).success());
    assert!(
        env.run(["role", "set", "red", "--context", "team=red"])
            .success()
    );
    assert_eq!(env.show(["both"])["context"], json!({"team": "own"}));
}
