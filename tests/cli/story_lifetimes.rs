//! Scenarios of the life of a key: shared by mistake, replaced while both work, and come to its end.

use std::thread;
use std::time::Duration;

use serde_json::json;

use crate::story::{Story, eventually};
use crate::verify::with_checksum;

#[test]
fn a_token_shared_by_mistake_is_replaced() {
    let mut story = Story::new();
    let created = story.says("create ci --note \"for the pipeline\"");
    let shared = created.token();
    story.says("get ci");
    story.says("create ci");
    insta::assert_snapshot!(story.told(), @r#"
    $ keywright create ci --note "for the pipeline"
    [TOKEN]
    Created issued key `ci` in default/development
      key id       [--KEY-ID--]
      permissions  read (by default)
      expires      in 90 d, [-------TIME-------] (by default)
      token        shown this once; keep it where it is needed
    [exit 0]
    $ keywright get ci
    error: the token of `ci` was shown once and cannot be shown again
    hint: `keywright rotate` makes a new token for it
    [exit 8]
    $ keywright create ci
    error: issued key `ci` already exists in default/development
    hint: choose another name; `keywright rotate` gives that key a new token, `keywright delete` makes room
    [exit 4]
    "#);
    for looked_up in [
        "show ci",
        "list",
        "search ci",
        "audit",
        "export",
        "show ci --json",
    ] {
        let said = story.quietly(looked_up);
        assert!(!said.to_string().contains(&shared[22..]), "{looked_up}");
        assert!(said.stdout_text().contains("ci"), "{said}");
    }

    // Posted in a chat: whoever reads it is let in.
    let stranger = story.given(&shared, "verify --actor stranger");
    assert!(stranger.success(), "{stranger}");
    story.says("rotate ci");
    let new = story.says("rotate ci --yes").token();
    story.given(&shared, "verify --actor stranger");
    story.given(&new, "verify --actor pipeline");
    insta::assert_snapshot!(story.told(), @"
    $ keywright verify --actor stranger
    valid: `ci` in default/development may read
    [exit 0]
    $ keywright rotate ci
    error: this needs a confirmation, and nobody can be asked
    hint: --yes confirms it beforehand
    [exit 6]
    $ keywright rotate ci --yes
    [TOKEN]
    Rotated `ci` in default/development
      previous     no longer works
      expires      in 90 d, [-------TIME-------]
      token        shown this once; keep it where it is needed
    [exit 0]
    $ keywright verify --actor stranger
    rotated: `ci` in default/development
    [exit 10]
    $ keywright verify --actor pipeline
    valid: `ci` in default/development may read
    [exit 0]
    ");

    // Somebody who knows the key id tries a secret of their own.
    let forged = with_checksum(&format!("{}_{}", &shared[..21], "a".repeat(32)));
    story.given(&forged, "verify --actor stranger");
    // Within a second, changes and uses have no order.
    story.says("audit ci --verb create,rotate,deliver");
    story.says("audit ci --verb verify");
    story.says("audit ci --code wrong_secret,rotated");
    story.says("usage");
    insta::assert_snapshot!(story.told(), @"
    $ keywright verify --actor stranger
    unknown: no open scope has a key with this token
    [exit 10]
    $ keywright audit ci --verb create,rotate,deliver
    TIME                  WHAT     CODE  KEY  SCOPE                GENERATION  ACTOR  DETAIL
    [-------TIME-------]  create   -     ci   default/development  1           tester@[HOST]  -
    [-------TIME-------]  deliver  -     ci   default/development  1           tester@[HOST]  -
    [-------TIME-------]  rotate   -     ci   default/development  2           tester@[HOST]  -
    [-------TIME-------]  deliver  -     ci   default/development  2           tester@[HOST]  -
    [exit 0]
    $ keywright audit ci --verb verify
    TIME                  WHAT    CODE          KEY  SCOPE                GENERATION  ACTOR  DETAIL
    [-------TIME-------]  verify  valid         ci   default/development  1           stranger  -
    [-------TIME-------]  verify  rotated       ci   default/development  1           stranger  -
    [-------TIME-------]  verify  valid         ci   default/development  2           pipeline  -
    [-------TIME-------]  verify  wrong_secret  ci   default/development  -           stranger  -
    [exit 0]
    $ keywright audit ci --code wrong_secret,rotated
    TIME                  WHAT    CODE          KEY  SCOPE                GENERATION  ACTOR  DETAIL
    [-------TIME-------]  verify  rotated       ci   default/development  1           stranger  -
    [-------TIME-------]  verify  wrong_secret  ci   default/development  -           stranger  -
    [exit 0]
    $ keywright usage
    NAME  SCOPE                BY DAY                          REQUESTS  REFUSED  WRONG SECRET  LAST USED
    ci    default/development  .............................#  4         2 (50%)  1 attempt     just now
    [--DATE--] to [--DATE--] (UTC), one character a day
    [exit 0]
    ");
    assert_eq!(
        story.codes([&shared, &new, &forged], ""),
        ["rotated", "valid", "unknown"]
    );
    let usage = story.quietly("usage ci --json").json();
    assert_eq!(usage["usage"][0]["wrong_secret"], 2, "{usage:#}");
}

#[test]
fn roles_overlap_and_audit_are_one_story() {
    let mut story = Story::new();
    story.says(
        "role set billing --permission write:invoices --context team=blue --context region=eu",
    );
    let old = story.says("create service --role billing --permission read --context team=red");
    let old = old.token();
    insta::assert_snapshot!(story.told(), @"
    $ keywright role set billing --permission write:invoices --context team=blue --context region=eu
    Made role `billing`; no key has it
      permissions  none -> write:invoices
      context      none -> region=eu, team=blue
    [exit 0]
    $ keywright create service --role billing --permission read --context team=red
    [TOKEN]
    Created issued key `service` in default/development
      key id       [--KEY-ID--]
      permissions  read
      roles        billing
      expires      in 90 d, [-------TIME-------] (by default)
      token        shown this once; keep it where it is needed
    [exit 0]
    ");
    let answer = story.answer(&old, "");
    assert_eq!(answer["permissions"], json!(["read", "write:invoices"]));
    assert_eq!(answer["context"], json!({"region": "eu", "team": "red"}));
    assert_eq!(answer["roles"], json!(["billing"]));

    let code = |story: &Story| story.codes([&old], "--require deploy:site").concat();
    assert_eq!(code(&story), "insufficient_permission");
    story.says(
        "role set billing --permission write:invoices,deploy --context team=blue --context region=us --actor boss",
    );
    assert_eq!(code(&story), "valid");
    assert_eq!(
        story.answer(&old, "")["context"],
        json!({"region": "us", "team": "red"})
    );
    story.says("edit service --remove-context team");
    assert_eq!(
        story.answer(&old, "")["context"],
        json!({"region": "us", "team": "blue"})
    );
    insta::assert_snapshot!(story.told(), @"
    $ keywright role set billing --permission write:invoices,deploy --context team=blue --context region=us --actor boss
    Changed role `billing`; one key has it
      permissions  write:invoices -> deploy, write:invoices
      context      region=eu, team=blue -> region=us, team=blue
    [exit 0]
    $ keywright edit service --remove-context team
    Edited `service` in default/development
      context      team=red -> none
    [exit 0]
    ");

    // Uses and rotations are told apart by the second.
    thread::sleep(Duration::from_millis(1100));
    let new = story.says("rotate service --overlap 1h --yes").token();
    story.says("show service");
    let first = story.answer(&old, "--actor gateway");
    let second = story.answer(&new, "--actor gateway");
    assert_eq!(
        [&first["code"], &first["superseded"], &first["generation"]],
        [&json!("valid"), &json!(true), &json!(1)]
    );
    assert_eq!(
        [
            &second["code"],
            &second["superseded"],
            &second["generation"]
        ],
        [&json!("valid"), &json!(false), &json!(2)]
    );
    assert_eq!(story.listed("--status overlap").0, ["service"]);
    story.says("show service");
    insta::assert_snapshot!(story.told(), @"
    $ keywright rotate service --overlap 1h --yes
    [TOKEN]
    Rotated `service` in default/development
      previous     works until [-------TIME-------] (in 1 h)
      expires      in 90 d, [-------TIME-------]
      token        shown this once; keep it where it is needed
    [exit 0]
    $ keywright show service
    name            service
    key             kwt_dev1_[--KEY-ID--]_••••
    key id          [--KEY-ID--]
    kind            issued
    project         default
    environment     development
    status          overlap
    permissions     deploy, read, write:invoices
    role            billing (deploy, write:invoices)
    context         region=us, team=blue
    created         just now, [-------TIME-------] by tester@[HOST]
    expires         in 90 d, [-------TIME-------]
    overlap ends    in 1 h, [-------TIME-------]
    previous token  not used since the rotation: `rotate --finish` can end the overlap
    last used       just now, [-------TIME-------]
    requests        5, 1 refused

    GENERATION  STATE    CREATED               CREATED BY  WORKS UNTIL           REQUESTS  LAST USED
    2           current  [-------TIME-------]  tester@[HOST]  [-------TIME-------]  0         -
    1           overlap  [-------TIME-------]  tester@[HOST]  [-------TIME-------]  5         just now
    [exit 0]
    $ keywright show service
    name            service
    key             kwt_dev1_[--KEY-ID--]_••••
    key id          [--KEY-ID--]
    kind            issued
    project         default
    environment     development
    status          overlap
    permissions     deploy, read, write:invoices
    role            billing (deploy, write:invoices)
    context         region=us, team=blue
    created         just now, [-------TIME-------] by tester@[HOST]
    expires         in 90 d, [-------TIME-------]
    overlap ends    in 1 h, [-------TIME-------]
    previous token  still used: last just now, 1 request since the rotation
    last used       just now, [-------TIME-------]
    requests        7, 1 refused

    GENERATION  STATE    CREATED               CREATED BY  WORKS UNTIL           REQUESTS  LAST USED
    2           current  [-------TIME-------]  tester@[HOST]  [-------TIME-------]  1         just now
    1           overlap  [-------TIME-------]  tester@[HOST]  [-------TIME-------]  6         just now
    [exit 0]
    ");

    story.says("rotate service --finish --yes --actor boss");
    assert_eq!(story.codes([&old, &new], ""), ["rotated", "valid"]);
    story.says("role delete billing --yes");
    story.says("edit service --remove-role billing --dry-run");
    story.says("audit service --verb create,rotate,finish");
    story.says("audit --actor boss --since 1h");
    story.says("audit service --code rotated");
    story.says("audit --until 2020-01-01");
    insta::assert_snapshot!(story.told(), @"
    $ keywright rotate service --finish --yes --actor boss
    Ended the overlap of `service` in default/development (the previous token was last used just now)
    [exit 0]
    $ keywright role delete billing --yes
    error: the role `billing` is in use by `service` in default/development
    hint: `keywright edit NAME --remove-role billing` takes it from a key
    [exit 8]
    $ keywright edit service --remove-role billing --dry-run
    Would edit `service` in default/development
      roles        billing -> none
    [exit 0]
    $ keywright audit service --verb create,rotate,finish
    TIME                  WHAT    CODE  KEY      SCOPE                GENERATION  ACTOR  DETAIL
    [-------TIME-------]  create  -     service  default/development  1           tester@[HOST]  -
    [-------TIME-------]  rotate  -     service  default/development  2           tester@[HOST]  -
    [-------TIME-------]  finish  -     service  default/development  1           boss   -
    [exit 0]
    $ keywright audit --actor boss --since 1h
    TIME                  WHAT      CODE  KEY      SCOPE                GENERATION  ACTOR  DETAIL
    [-------TIME-------]  role-set  -     -        -                    -           boss   billing: write:invoices, region=eu, team=blue -> deploy, write:invoices, region=us, team=blue
    [-------TIME-------]  finish    -     service  default/development  1           boss   -
    [exit 0]
    $ keywright audit service --code rotated
    No entries
    [exit 0]
    $ keywright audit --until 2020-01-01
    No entries
    [exit 0]
    ");
}

#[test]
fn keys_of_ninety_days_end_and_come_back() {
    let mut story = Story::new();
    story.says("create web");
    story.says("create monthly --expires 30d");
    let token = story.says("create brief --expires 1s").token();
    story.says("create eternal --expires never");
    let told = story.told().replace("in 29 d", "in 30 d");
    let told = told.replace("just now", "in 1 s");
    insta::assert_snapshot!(told, @"
    $ keywright create web
    [TOKEN]
    Created issued key `web` in default/development
      key id       [--KEY-ID--]
      permissions  read (by default)
      expires      in 90 d, [-------TIME-------] (by default)
      token        shown this once; keep it where it is needed
    [exit 0]
    $ keywright create monthly --expires 30d
    [TOKEN]
    Created issued key `monthly` in default/development
      key id       [--KEY-ID--]
      permissions  read (by default)
      expires      in 30 d, [-------TIME-------]
      token        shown this once; keep it where it is needed
    [exit 0]
    $ keywright create brief --expires 1s
    [TOKEN]
    Created issued key `brief` in default/development
      key id       [--KEY-ID--]
      permissions  read (by default)
      expires      in 1 s, [-------TIME-------]
      token        shown this once; keep it where it is needed
    [exit 0]
    $ keywright create eternal --expires never
    [TOKEN]
    Created issued key `eternal` in default/development
      key id       [--KEY-ID--]
      permissions  read (by default)
      expires      never
      token        shown this once; keep it where it is needed
    [exit 0]
    ");

    eventually("the end of a key", || {
        story.codes([&token], "") == ["expired"]
    });
    let ends = |story: &Story, within: &str| story.listed(&format!("--expiring {within}"));
    let names = |names: &[&str], code| {
        let names = names
            .iter()
            .map(|name| (*name).to_owned())
            .collect::<Vec<_>>();
        (names, Some(code))
    };
    assert_eq!(ends(&story, "14d"), names(&["brief"], 9));
    assert_eq!(ends(&story, "29d"), names(&["brief"], 9));
    assert_eq!(ends(&story, "30d"), names(&["brief", "monthly"], 9));
    assert_eq!(ends(&story, "89d"), names(&["brief", "monthly"], 9));
    assert_eq!(ends(&story, "90d"), names(&["brief", "monthly", "web"], 9));
    assert_eq!(story.listed("--status expired").0, ["brief"]);

    // The token that had ended works again, and its key has another end.
    story.given(&token, "verify");
    story.quietly("edit brief --expires 90d");
    story.given(&token, "verify");
    insta::assert_snapshot!(story.told(), @"
    $ keywright verify
    expired: `brief` in default/development
    [exit 10]
    $ keywright verify
    valid: `brief` in default/development may read
    [exit 0]
    ");
    assert_eq!(ends(&story, "29d"), names(&[], 0));

    // A new token is given as long as the one before it.
    let new = story.key("yearly --expires 365d");
    for name in ["web", "monthly", "yearly", "eternal"] {
        story.quietly(&format!("rotate {name} --yes"));
    }
    assert_eq!(story.codes([&new], ""), ["rotated"]);
    assert_eq!(ends(&story, "29d"), names(&[], 0));
    assert_eq!(ends(&story, "30d"), names(&["monthly"], 9));
    assert_eq!(ends(&story, "90d"), names(&["brief", "monthly", "web"], 9));
    assert_eq!(ends(&story, "364d"), names(&["brief", "monthly", "web"], 9));
    assert_eq!(
        ends(&story, "365d"),
        names(&["brief", "monthly", "web", "yearly"], 9)
    );
    assert_eq!(
        ends(&story, "36500d"),
        names(&["brief", "monthly", "web", "yearly"], 9)
    );
}
