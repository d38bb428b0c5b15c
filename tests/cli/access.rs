//! Access tokens: made and shown once, opening one scope for use, and nothing else.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::common::{Outcome, TestEnv};

/// Keys of both kinds in two environments of one project.
fn shop() -> TestEnv {
    let env = TestEnv::new();
    for place in ["staging", "production"] {
        env.create(["web", "-p", "shop", "-e", place]);
        let value = format!("sk-{place}-0123456789");
        env.set(
            [
                "openai",
                "-p",
                "shop",
                "-e",
                place,
                "--var",
                "OPENAI_API_KEY",
            ],
            &value,
        );
    }
    env
}

fn access(env: &TestEnv, name: &str, place: &str, kind: &str) -> String {
    let args = [
        "access", "create", name, "-p", "shop", "-e", place, "--kind", kind,
    ];
    env.run(args).token()
}

/// With access tokens and nothing else that would open the vault.
fn run_with(env: &TestEnv, tokens: &str, line: &str) -> Outcome {
    let mut command = env.command(line.split(' '));
    command
        .env_remove("KEYWRIGHT_PASSPHRASE_FILE")
        .env("KEYWRIGHT_ACCESS_TOKEN", tokens);
    env.finish(command, "")
}

#[test]
fn one_is_made_listed_and_revoked() {
    let env = shop();
    let made = env.run([
        "access", "create", "deploy", "-p", "shop", "-e", "staging", "--kind", "provider",
    ]);
    insta::assert_snapshot!(made.masked_stderr(), @"
    Created access token `deploy`
      opens        the provider keys of shop/staging
      expires      in 90 d, [-------TIME-------] (by default)
      token        shown this once; keep it where it is needed
    ");
    let token = made.token();
    assert!(token.starts_with("kwa1_") && token.len() == 76);
    assert!(run_with(&env, &token, "get openai -p shop -e staging").success());
    insta::assert_snapshot!(env.run(["access", "list"]), @"
    exit: 0
    ---- stdout
    NAME    KIND      SCOPE         EXPIRES  LAST USED  CREATED   CREATED BY
    deploy  provider  shop/staging  in 90 d  just now   just now  tester@[HOST]
    ---- stderr
    ");
    insta::assert_snapshot!(env.run(["access", "list", "--json"]), @r#"
    exit: 0
    ---- stdout
    {
      "access_tokens": [
        {
          "created_at": "[-------TIME-------]",
          "created_by": "tester@[HOST]",
          "environment": "staging",
          "expires_at": "[-------TIME-------]",
          "kind": "provider",
          "last_used_at": "[-------TIME-------]",
          "name": "deploy",
          "project": "shop",
          "status": "active"
        }
      ],
      "schema": 1
    }
    ---- stderr
    "#);
    insta::assert_snapshot!(env.run(["audit", "--verb", "get,access-create"]), @"
    exit: 0
    ---- stdout
    TIME                  WHAT           CODE  KEY     SCOPE         GENERATION  ACTOR  DETAIL
    [-------TIME-------]  access-create  -     -       shop/staging  -           tester@[HOST]  deploy
    [-------TIME-------]  get            -     openai  shop/staging  1           tester@[HOST]  access token deploy
    ---- stderr
    ");
    insta::assert_snapshot!(env.run(["access", "revoke", "deploy"]), @"
    exit: 6
    ---- stdout
    ---- stderr
    error: this needs a confirmation, and nobody can be asked
    hint: --yes confirms it beforehand
    ");
    insta::assert_snapshot!(env.run(["access", "revoke", "deploy", "-n"]), @"
    exit: 0
    ---- stdout
    ---- stderr
    Would revoke access token `deploy`
    ");
    insta::assert_snapshot!(env.run(["access", "revoke", "deploy", "--yes"]), @"
    exit: 0
    ---- stdout
    ---- stderr
    Revoked access token `deploy`
      It still opens older copies: rotate what its holder may have kept, and refresh slices
    ");
    insta::assert_snapshot!(run_with(&env, &token, "get openai -p shop -e staging"), @"
    exit: 5
    ---- stdout
    ---- stderr
    error: the access token from KEYWRIGHT_ACCESS_TOKEN opens nothing here: it was revoked, or it is of another vault
    hint: `keywright access list` shows the tokens there are, `keywright access create` makes one
    ");
    insta::assert_snapshot!(env.run(["access", "revoke", "deploi", "--yes"]), @"
    exit: 3
    ---- stdout
    ---- stderr
    error: no access token `deploi`
    hint: `keywright access list` shows every access token
    ");
    insta::assert_snapshot!(env.run(["audit", "--verb", "get"]), @"
    exit: 0
    ---- stdout
    TIME                  WHAT  CODE  KEY     SCOPE         GENERATION  ACTOR  DETAIL
    [-------TIME-------]  get   -     openai  shop/staging  1           tester@[HOST]  an access token that is revoked
    ---- stderr
    ");
}

#[test]
fn one_opens_its_scope_and_says_so_of_every_other() {
    let env = shop();
    let token = access(&env, "deploy", "staging", "provider");
    assert_eq!(
        run_with(&env, &token, "get openai -p shop -e staging").stdout_text(),
        "sk-staging-0123456789"
    );
    let run = "run -p shop -e staging -- printenv OPENAI_API_KEY";
    assert_eq!(
        run_with(&env, &token, run).stdout_text(),
        "sk-staging-0123456789\n"
    );
    let listed = run_with(&env, &token, "list --json");
    assert_eq!(listed.names(), ["openai"]);
    for line in [
        "get openai",
        "get openai -p shop -e production",
        "get web -p shop -e staging",
        "show web -p shop -e production",
        "list -e production",
        "list --kind issued",
        "env -p shop -e production --reveal",
        "run -p shop -e production -- true",
    ] {
        let refused = run_with(&env, &token, line);
        let code = match line {
            "get web -p shop -e staging" => 3,
            _ if line.starts_with("run") => 125,
            _ => 8,
        };
        assert_eq!(refused.code(), Some(code), "{line}: {refused}");
        assert!(refused.stdout().is_empty(), "{line}: {refused}");
        assert!(
            refused
                .stderr()
                .contains("the provider keys of shop/staging"),
            "{line}: {refused}"
        );
    }
    insta::assert_snapshot!(run_with(&env, &token, "get openai -p shop -e production"), @"
    exit: 8
    ---- stdout
    ---- stderr
    error: shop/production cannot be opened: the access token opens the provider keys of shop/staging
    hint: choose with -p and -e what it opens; several access tokens, separated by spaces, open several; unset KEYWRIGHT_ACCESS_TOKEN to use the agent or the passphrase
    ");
    insta::assert_snapshot!(run_with(&env, &token, "get web -p shop -e staging"), @"
    exit: 3
    ---- stdout
    ---- stderr
    error: no key `web` in the provider keys of shop/staging
    hint: `keywright list` shows every key
    ");
}

#[test]
fn one_changes_nothing() {
    let env = shop();
    let token = access(&env, "deploy", "staging", "provider");
    for line in [
        "create new -p shop -e staging",
        "set openai -p shop -e staging",
        "rotate web -p shop -e staging --yes",
        "edit openai -p shop -e staging --note x",
        "revoke openai -p shop -e staging --yes",
        "delete openai -p shop -e staging --yes",
        "role set reader --permission read",
        "role list",
        "access list",
        "access create more -p shop -e staging --kind provider",
        "access revoke deploy --yes",
        "audit",
        "export",
        "passphrase",
    ] {
        let before = env.vault_bytes();
        let refused = run_with(&env, &token, line);
        assert_eq!(refused.code(), Some(8), "{line}: {refused}");
        assert!(
            refused
                .stderr()
                .contains("the provider keys of shop/staging"),
            "{line}: {refused}"
        );
        assert!(before == env.vault_bytes(), "{line}");
    }
    insta::assert_snapshot!(run_with(&env, &token, "delete openai -p shop -e staging"), @"
    exit: 8
    ---- stdout
    ---- stderr
    error: this needs the passphrase: an access token opens the provider keys of shop/staging for use only
    hint: give the passphrase, too: an access token opens keys for use and nothing else
    ");
    // Where the passphrase is there, too, a change is made with it.
    let changed = env.run_with_env(
        [
            "edit", "openai", "-p", "shop", "-e", "staging", "--note", "x",
        ],
        [("KEYWRIGHT_ACCESS_TOKEN", token.as_str())],
    );
    assert!(changed.success(), "{changed}");
    // And what only reads is read with the token.
    let read = env.run_with_env(
        ["show", "openai", "-p", "shop", "-e", "production"],
        [("KEYWRIGHT_ACCESS_TOKEN", token.as_str())],
    );
    assert_eq!(read.code(), Some(8), "{read}");
    // But where an option says where the passphrase is.
    let passphrase = env.path("passphrase");
    let passphrase = passphrase.to_str().expect("UTF-8");
    let read = env.run_with_env(
        [
            "show",
            "openai",
            "-p",
            "shop",
            "-e",
            "production",
            "--passphrase-file",
            passphrase,
        ],
        [("KEYWRIGHT_ACCESS_TOKEN", token.as_str())],
    );
    assert!(read.success(), "{read}");
}

#[test]
fn several_open_several_scopes() {
    let env = shop();
    let staging = access(&env, "staging", "staging", "provider");
    let production = access(&env, "production", "production", "issued");
    let token = env
        .run(["rotate", "web", "-p", "shop", "-e", "production", "--yes"])
        .token();
    let both = format!(" {staging}\n\t{production}\n");
    assert_eq!(
        run_with(&env, &both, "list --json").names(),
        ["openai", "web"]
    );
    let file = env.write("tokens", &both);
    let mut verify = env.command(["verify"]);
    verify
        .env_remove("KEYWRIGHT_PASSPHRASE_FILE")
        .env("KEYWRIGHT_ACCESS_TOKEN_FILE", &file);
    let verified = env.finish(verify, &token);
    assert!(verified.success(), "{verified}");
    let mut provider = env.command(["verify"]);
    provider
        .env_remove("KEYWRIGHT_PASSPHRASE_FILE")
        .env("KEYWRIGHT_ACCESS_TOKEN", &staging);
    insta::assert_snapshot!(env.finish(provider, &token), @"
    exit: 8
    ---- stdout
    ---- stderr
    error: issued keys cannot be opened: the access token opens the provider keys of shop/staging
    hint: `keywright access create --kind issued` makes an access token that tokens are checked with; unset KEYWRIGHT_ACCESS_TOKEN to use the agent or the passphrase
    ");
    insta::assert_snapshot!(run_with(&env, &both, "show openai"), @"
    exit: 8
    ---- stdout
    ---- stderr
    error: default/development cannot be opened: the access token opens the issued keys of shop/production, the provider keys of shop/staging
    hint: choose with -p and -e what it opens; several access tokens, separated by spaces, open several; unset KEYWRIGHT_ACCESS_TOKEN to use the agent or the passphrase
    ");
}

#[test]
fn what_is_no_access_token_is_refused_and_not_repeated() {
    let env = shop();
    let token = access(&env, "deploy", "staging", "provider");
    let other = shop();
    let foreign = access(&other, "deploy", "staging", "provider");
    let mistyped = token.replace("kwa1_", "kwa1_x");
    let issued = env.create(["other"]);
    for (tokens, what) in [
        (mistyped.as_str(), "a character is wrong or missing"),
        (&token[..75], "a character is wrong or missing"),
        ("hunter2", "a character is wrong or missing"),
        (
            &format!("{token} {mistyped}"),
            "access token 2 of 2 from KEYWRIGHT_ACCESS_TOKEN is not one",
        ),
        (" \n", "only white space"),
        (&foreign, "of another vault"),
        (
            &format!("{token} {foreign} {token}"),
            "access token 2 of 3 from KEYWRIGHT_ACCESS_TOKEN opens nothing here",
        ),
        (
            &issued,
            "the access token from KEYWRIGHT_ACCESS_TOKEN is the token of an issued key",
        ),
        (&issued[..30], "is the token of an issued key"),
    ] {
        let refused = run_with(&env, tokens, "list");
        assert_eq!(refused.code(), Some(5), "{refused}");
        assert!(refused.stderr().contains(what), "{refused}");
        for secret in tokens.split_whitespace() {
            assert!(!refused.stderr().contains(secret), "{refused}");
        }
    }
    let listed = |contents: &str| {
        let mut command = env.command(["list"]);
        command.env("KEYWRIGHT_ACCESS_TOKEN_FILE", env.write("f", contents));
        env.finish(command, "")
    };
    let refused = listed(&format!("{token}\n{foreign}\n"));
    let told = "access token 2 of 2 from `";
    assert!(refused.stderr().contains(told), "{refused}");
    assert!(
        refused.stderr().contains("/f` opens nothing here"),
        "{refused}"
    );
    // As some editors begin a file.
    assert!(listed(&format!("\u{feff}{token}\n")).success());
    assert_eq!(listed(&format!("{token}\u{feff}")).code(), Some(5));
    let mut command = env.command(["list"]);
    command.env("KEYWRIGHT_ACCESS_TOKEN_FILE", env.path("nowhere"));
    insta::assert_snapshot!(env.finish(command, ""), @"
    exit: 5
    ---- stdout
    ---- stderr
    error: no access token from the file that KEYWRIGHT_ACCESS_TOKEN_FILE names
      caused by: No such file or directory (os error 2)
    ");
    let large = env.write("large", " ".repeat(8 * 1024 + 1));
    let mut command = env.command(["list"]);
    command.env("KEYWRIGHT_ACCESS_TOKEN_FILE", large);
    insta::assert_snapshot!(env.finish(command, ""), @"
    exit: 5
    ---- stdout
    ---- stderr
    error: no access token from the file that KEYWRIGHT_ACCESS_TOKEN_FILE names
      caused by: file too large
    ");
}

/// The date is a check; it is kept.
#[test]
fn an_expired_one_is_refused_and_listed_as_such() {
    let env = shop();
    let args = "access create brief -p shop -e staging --kind provider --expires 1s";
    let outcome = env.run(args.split(' '));
    assert!(outcome.success(), "{outcome}");
    let token = outcome.token();
    let has_ended = (0..600).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(50));
        run_with(&env, &token, "list").code() == Some(5)
    });
    assert!(has_ended, "it never ends");
    insta::assert_snapshot!(run_with(&env, &token, "list"), @"
    exit: 5
    ---- stdout
    ---- stderr
    error: the access token from KEYWRIGHT_ACCESS_TOKEN expired at [-------TIME-------]
    hint: `keywright access list` shows the tokens there are, `keywright access create` makes one
    ");
    let listed = env.run(["access", "list", "--json"]).json();
    assert_eq!(listed["access_tokens"][0]["status"], "expired");
}

#[test]
fn one_that_cannot_be_handed_over_is_not_made() {
    let env = shop();
    let create = "access create deploy -p shop -e staging --kind provider";
    for (end, code) in [
        (" --pipe false", 1),
        (" --pipe nowhere-at-all", 1),
        (" --out /nowhere/at/all", 1),
        (" --out passphrase", 4),
    ] {
        let before = env.vault_bytes();
        let refused = env.run(format!("{create}{end}").split(' '));
        assert_eq!(refused.code(), Some(code), "{refused}");
        assert!(before == env.vault_bytes(), "{end} changed the vault");
    }
    let mut full = env.program("sh");
    full.args([
        "-c",
        &format!("exec \"$0\" {create} >/dev/full"),
        env!("CARGO_BIN_EXE_keywright"),
    ]);
    let refused = env.finish(full, "");
    insta::assert_snapshot!(refused, @"
    exit: 1
    ---- stdout
    ---- stderr
    error: the token could not be handed over, and was undone
      caused by: No space left on device (os error 28)
    hint: what worked before works still
    ");
    assert!(env.run(["access", "list", "--json"]).json()["access_tokens"] == serde_json::json!([]));
    // And where it can: in a file of its own, which opens.
    let made = env.run(format!("{create} --out token").split(' '));
    assert!(made.success() && made.stdout().is_empty(), "{made}");
    let mode = fs::metadata(env.path("token"))
        .expect("there")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    let mut get = env.command("get openai -p shop -e staging".split(' '));
    get.env_remove("KEYWRIGHT_PASSPHRASE_FILE")
        .env("KEYWRIGHT_ACCESS_TOKEN_FILE", env.path("token"));
    assert!(env.finish(get, "").success());
    insta::assert_snapshot!(env.run(format!("{create} -n").split(' ')), @"
    exit: 4
    ---- stdout
    ---- stderr
    error: there is already an access token `deploy`
    hint: choose another name; `keywright access revoke` makes room
    ");
    insta::assert_snapshot!(env.run("access create x -e staging --kind provider".split(' ')), @"
    exit: 3
    ---- stdout
    ---- stderr
    error: no provider keys in `default/staging`
    hint: there are `shop/production`, `shop/staging`
    ");
}

/// A program that is started gets neither the access token nor where it is.
#[test]
fn no_program_gets_it() {
    let env = shop();
    let token = access(&env, "deploy", "staging", "provider");
    let file = env.write("token", &token);
    let mut run = env.command("run -p shop -e staging -- env".split(' '));
    run.env("KEYWRIGHT_ACCESS_TOKEN", &token)
        .env("KEYWRIGHT_ACCESS_TOKEN_FILE", file);
    let ran = env.finish(run, "");
    assert!(
        ran.success() && ran.stdout_text().contains("OPENAI_API_KEY="),
        "{ran}"
    );
    assert!(!ran.stdout_text().contains("KEYWRIGHT_ACCESS"), "{ran}");
}

/// In a checkout the file is another's and everybody may read it.
#[test]
fn a_vault_that_others_can_read_opens_with_one_and_with_nothing_else() {
    let env = shop();
    let token = access(&env, "deploy", "staging", "provider");
    let set_mode = |mode| {
        fs::set_permissions(env.vault(), fs::Permissions::from_mode(mode)).expect("changed");
    };
    set_mode(0o644);
    assert!(run_with(&env, &token, "get openai -p shop -e staging").success());
    assert_eq!(
        env.run(["get", "openai", "-p", "shop", "-e", "staging"])
            .code(),
        Some(8)
    );
    set_mode(0o664);
    assert_eq!(
        run_with(&env, &token, "get openai -p shop -e staging").code(),
        Some(8)
    );
}
