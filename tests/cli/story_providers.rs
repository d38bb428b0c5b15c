//! Scenarios of keys that somebody else issued, and of a vault that moves.

use std::fs;

use serde_json::Value;

use crate::common::PASSPHRASE;
use crate::story::Story;

const FIRST: &str = "sk-proj-0123456789abcdef";
const SECOND: &str = "sk-proj-fedcba9876543210";
const NEW_PASSPHRASE: &str = "seven purple elephants dance quietly";

#[test]
fn a_provider_key_is_kept_found_replaced_and_given_up() {
    let mut story = Story::new();
    let set = "set openai --provider OpenAI --model gpt-5 --model o3-mini --var OPENAI_API_KEY --tag chat \
               --note \"quota of the team\"";
    story.given(FIRST, set);
    story.given("short", "set legacy --provider Acme");
    story.says("list --kind provider");
    story.says("show openai");
    insta::assert_snapshot!(story.told(), @r#"
    $ keywright set openai --provider OpenAI --model gpt-5 --model o3-mini --var OPENAI_API_KEY --tag chat --note "quota of the team"
    Stored provider key `openai` in default/development
    [exit 0]
    $ keywright set legacy --provider Acme
    Stored provider key `legacy` in default/development
    [exit 0]
    $ keywright list --kind provider
    NAME    SCOPE                KIND      STATUS  KEY         PERMISSIONS  ROLES  PROVIDER  MODEL           VARIABLE        CREATED   CREATED BY  LAST USED  REQUESTS  EXPIRES
    legacy  default/development  provider  active  ••••        -            -      Acme      -               -               just now  tester@[HOST]  -          0         never
    openai  default/development  provider  active  sk-••••def  -            -      OpenAI    gpt-5, o3-mini  OPENAI_API_KEY  just now  tester@[HOST]  -          0         never
    [exit 0]
    $ keywright show openai
    name         openai
    key          sk-••••def
    key id       [--KEY-ID--]
    kind         provider
    project      default
    environment  development
    status       active
    providers    OpenAI
    models       gpt-5, o3-mini
    variable     OPENAI_API_KEY
    tags         chat
    created      just now, [-------TIME-------] by tester@[HOST]
    expires      never
    last used    never
    requests     0, 0 refused

    GENERATION  STATE    CREATED               CREATED BY  WORKS UNTIL  REQUESTS  LAST USED
    1           current  [-------TIME-------]  tester@[HOST]  -            0         -

    quota of the team
    [exit 0]
    "#);

    story.says("edit openai --rename \"Chat service\" --add-tag prod --remove-model o3-mini --expires never --no-note");
    story.says("edit \"Chat service\" --note \"quota of the company\"");
    insta::assert_snapshot!(story.told(), @r#"
    $ keywright edit openai --rename "Chat service" --add-tag prod --remove-model o3-mini --expires never --no-note
    Edited `openai` in default/development
      name         openai -> Chat service
      models       gpt-5, o3-mini -> gpt-5
      tags         chat -> chat, prod
      note         quota of the team -> none
    [exit 0]
    $ keywright edit "Chat service" --note "quota of the company"
    Edited `Chat service` in default/development
      note         none -> quota of the company
    [exit 0]
    "#);
    let id = story.env.show(["Chat service"])["key_id"].clone();
    let id = id.as_str().expect("an id");
    for text in [
        "chat serv",
        "openai",
        "GPT-5",
        "OPENAI_API",
        "prod",
        "of the company",
        "sk-",
        id,
    ] {
        let found = story.env.run(["search", text, "--json"]);
        assert_eq!(found.names(), ["Chat service"], "{text}");
    }
    for text in ["o3-mini", "of the team", FIRST, "0123456789"] {
        assert_eq!(
            story.env.run(["search", text, "--json"]).names(),
            [""; 0],
            "{text}"
        );
    }
    assert_eq!(
        story
            .env
            .run(["search", "", "--provider", "Acme", "--json"])
            .names(),
        ["legacy"]
    );

    story.given(SECOND, "set \"Chat service\"");
    story.given(FIRST, "set \"Chat service\"");
    story.given(SECOND, "set \"Chat service\" --yes");
    story.given(SECOND, "set \"Chat service\" --yes");
    story.given(FIRST, "rotate \"Chat service\" --overlap 1h --yes");
    insta::assert_snapshot!(story.told(), @r#"
    $ keywright set "Chat service"
    error: this needs a confirmation, and nobody can be asked
    hint: --yes confirms it beforehand
    [exit 6]
    $ keywright set "Chat service"
    `Chat service` in default/development is unchanged
    [exit 0]
    $ keywright set "Chat service" --yes
    Replaced the value of `Chat service` in default/development
    [exit 0]
    $ keywright set "Chat service" --yes
    `Chat service` in default/development is unchanged
    [exit 0]
    $ keywright rotate "Chat service" --overlap 1h --yes
    error: `Chat service` in default/development is a provider key: how long its old value works is its provider's to say
    hint: --overlap and --finish are for issued keys
    [exit 2]
    "#);
    let value = |line: &str| story.quietly(line).stdout_text();
    assert_eq!(value("get \"Chat service\""), SECOND);
    assert_eq!(value("get \"Chat service\" --previous"), FIRST);
    assert_eq!(value(&format!("get {id}")), SECOND);

    story.says("usage \"Chat service\"");
    story.says("revoke \"Chat service\" --yes");
    story.says("get \"Chat service\"");
    story.says("list --kind provider");
    story.says("delete \"Chat service\" --yes");
    story.says("get \"Chat service\"");
    story.says("audit --verb set,rotate,edit,revoke,delete");
    story.says("audit --verb get");
    insta::assert_snapshot!(story.told(), @r#"
    $ keywright usage "Chat service"
    [--DATE--]  3  #################################################################

    requests   3 since [--DATE--], none refused
    last used  just now

    GENERATION  STATE    REQUESTS  REFUSED  LAST USED
    2           current  2         0        just now
    1           rotated  1         0        just now

    ANSWER  GENERATION  REQUESTS  LAST
    get     1           1         just now
    get     2           2         just now

    CALLER  REQUESTS  REFUSED  LAST
    tester@[HOST]  3         0        just now

    USED      ANSWER  GENERATION  CALLER
    just now  get     2           tester@[HOST]
    just now  get     1           tester@[HOST]
    just now  get     2           tester@[HOST]
    One bar a day, [--DATE--] to [--DATE--] (UTC)
    [exit 0]
    $ keywright revoke "Chat service" --yes
    Revoked provider key `Chat service` in default/development
    [exit 0]
    $ keywright get "Chat service"
    error: `Chat service` is revoked
    hint: `keywright show` tells more; `keywright delete` makes room for a new key
    [exit 8]
    $ keywright list --kind provider
    NAME          SCOPE                KIND      STATUS   KEY         PERMISSIONS  ROLES  PROVIDER  MODEL  VARIABLE        CREATED   CREATED BY  LAST USED  REQUESTS  EXPIRES
    Chat service  default/development  provider  revoked  sk-••••210  -            -      OpenAI    gpt-5  OPENAI_API_KEY  just now  tester@[HOST]  just now   3         never
    legacy        default/development  provider  active   ••••        -            -      Acme      -      -               just now  tester@[HOST]  -          0         never
    [exit 0]
    $ keywright delete "Chat service" --yes
    Deleted provider key `Chat service` in default/development
    [exit 0]
    $ keywright get "Chat service"
    error: no key `Chat service` in default/development
    hint: `keywright list` shows every key
    [exit 3]
    $ keywright audit --verb set,rotate,edit,revoke,delete
    TIME                  WHAT    CODE  KEY           SCOPE                GENERATION  ACTOR  DETAIL
    [-------TIME-------]  set     -     Chat service  default/development  1           tester@[HOST]  -
    [-------TIME-------]  set     -     legacy        default/development  1           tester@[HOST]  -
    [-------TIME-------]  edit    -     Chat service  default/development  -           tester@[HOST]  name, models, tags, note
    [-------TIME-------]  edit    -     Chat service  default/development  -           tester@[HOST]  note
    [-------TIME-------]  rotate  -     Chat service  default/development  2           tester@[HOST]  -
    [-------TIME-------]  revoke  -     Chat service  default/development  -           tester@[HOST]  -
    [-------TIME-------]  delete  -     Chat service  default/development  -           tester@[HOST]  -
    [exit 0]
    $ keywright audit --verb get
    TIME                  WHAT  CODE  KEY           SCOPE                GENERATION  ACTOR  DETAIL
    [-------TIME-------]  get   -     Chat service  default/development  2           tester@[HOST]  -
    [-------TIME-------]  get   -     Chat service  default/development  1           tester@[HOST]  -
    [-------TIME-------]  get   -     Chat service  default/development  2           tester@[HOST]  -
    [exit 0]
    "#);
    assert_eq!(story.env.names(), ["legacy"]);
}

/// What is expected to be the same of every key in the old house and the new one.
fn belongings(story: &Story, vault: &str) -> Vec<Value> {
    let listed = story.quietly(&format!("list {vault} --json")).json();
    let keys = listed["keys"].as_array().expect("a list").iter();
    let kept = |key: &Value| {
        let fields = [
            "name",
            "key_id",
            "kind",
            "project",
            "environment",
            "default",
            "permissions",
            "roles",
            "context",
            "providers",
            "models",
            "variable",
            "tags",
            "note",
            "created_at",
        ];
        fields.iter().map(|field| key[field].clone()).collect()
    };
    keys.map(kept).collect()
}

#[test]
fn a_vault_moves_house() {
    let mut story = Story::new();
    story.quietly("role set billing --permission write:invoices --context team=blue");
    let old = story.key("service --role billing --default --tag money --note \"pays the bills\"");
    let shop = story.key("web -p shop -e production");
    story.given(FIRST, "set openai --provider OpenAI --var OPENAI_API_KEY");
    story.given(SECOND, "set openai --yes");
    story.given("line one\nline two", "set \"a file\" -p shop");
    story.told();

    let boxes = story.quietly("export --reveal");
    fs::write(story.env.path("boxes.json"), boxes.stdout()).expect("written");
    story.quietly("init --vault new.db --kdf test");
    story.says("import --format json --vault new.db boxes.json --dry-run");
    story.says("import --format json --vault new.db boxes.json");
    story.says("import --format json --vault new.db boxes.json");
    story.env.write("new-passphrase", NEW_PASSPHRASE);
    story.says("passphrase --vault new.db --new-passphrase-file new-passphrase");
    story.says("list --vault new.db");
    insta::assert_snapshot!(story.told(), @"
    $ keywright import --format json --vault new.db boxes.json --dry-run
    NAME     SCOPE                KIND      VARIABLE        OUTCOME
    openai   default/development  provider  OPENAI_API_KEY  new
    service  default/development  issued    -               new
    a file   shop/development     provider  -               new
    web      shop/production      issued    -               new
    Would import 2 issued keys, 2 provider keys and 1 new role
      issued keys have no token here until `keywright rotate` makes one
    [exit 0]
    $ keywright import --format json --vault new.db boxes.json
    Imported 2 issued keys, 2 provider keys and 1 new role
      issued keys have no token here until `keywright rotate` makes one
    [exit 0]
    $ keywright import --format json --vault new.db boxes.json
    error: these are there already, or twice: `openai` in default/development, `service` in default/development, `a file` in shop/development, `web` in shop/production
    hint: nothing was imported; `keywright set` replaces a value, `keywright edit` or `keywright delete` makes room
    [exit 4]
    $ keywright passphrase --vault new.db --new-passphrase-file new-passphrase
    Changed the passphrase
    [exit 0]
    $ keywright list --vault new.db
    error: wrong passphrase, or a slot of the vault was altered
    hint: try again; `keywright status` shows which vault this is
    [exit 5]
    ");

    let new = "--vault new.db --passphrase-file new-passphrase";
    assert_eq!(belongings(&story, new), belongings(&story, ""));
    assert_eq!(belongings(&story, new).len(), 4);
    let value = |line: &str| story.quietly(&format!("{line} {new}")).stdout_text();
    assert_eq!(value("get openai"), SECOND);
    assert_eq!(value("get \"a file\" -p shop"), "line one\nline two");
    let role = |vault: &str| {
        story
            .quietly(&format!("role show billing --json {vault}"))
            .json()["role"]
            .clone()
    };
    assert_eq!(role(new)["permissions"], role("")["permissions"]);
    assert_eq!(role(new)["context"], role("")["context"]);

    // Nobody can carry over what a token's digest is of: the new vault has to issue its own.
    let codes = story.codes([&old, &shop], new);
    assert!(!codes.contains(&"valid".to_owned()), "{codes:?}");
    assert_eq!(
        story.listed(&format!("--status undelivered {new}")).0,
        ["service", "web"]
    );
    let renewed = story
        .quietly(&format!("rotate service --yes {new}"))
        .token();
    assert_eq!(
        story.codes([&renewed], &format!("{new} --require create:invoices")),
        ["valid"]
    );
    assert_eq!(story.answer(&renewed, new)["context"]["team"], "blue");

    // The old house stands as it was, with its own key.
    assert_eq!(
        story.codes([&old, &shop, &renewed], ""),
        ["valid", "valid", "unknown"]
    );
    story.env.write("old-passphrase", PASSPHRASE);
    for (vault, passphrase, code) in [
        ("new.db", "old-passphrase", 5),
        ("new.db", "new-passphrase", 0),
        (".config/keywright/vault.db", "new-passphrase", 5),
    ] {
        let line = ["list", "--vault", vault, "--passphrase-file", passphrase];
        assert_eq!(story.env.run(line).code(), Some(code), "{line:?}");
    }
}
