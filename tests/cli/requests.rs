//! Uses that were recorded with the requests they answered, as `usage` and `audit` show them.

use keywright::crypto::Secret;
use keywright::key::Timestamp;
use keywright::vault::{RequestText, Requirements, UseRequest};

use crate::common::{TestEnv, Transcript};
use crate::unfinished::Earlier;
use crate::verify::with_checksum;

/// Requests of a key's token and of guesses at it, two days ago.
fn served() -> TestEnv {
    let env = TestEnv::new();
    let token = env.create(["deploy"]);
    let forged = with_checksum(&format!("kwt_dev1_{}_{}", &token[9..21], "a".repeat(32)));
    let earlier = Earlier::new(&env, 50 * 3_600);
    let mut vault = earlier.open();
    let verifier = vault.known_keys(None).expect("every key");
    let mut uses = Vec::new();
    let mut seen = |token: &str, method: &str, path: &str, client: &str| {
        let token = Secret::new(token.as_bytes().to_vec());
        let at = Timestamp(earlier.now.0 + i64::try_from(uses.len()).expect("few"));
        let checked = verifier.check(token.as_slice(), &Requirements::default(), at);
        uses.push(checked.into_recorded(UseRequest::new(RequestText {
            method: Some(method),
            path: Some(path),
            client: Some(client),
            id: Some("4f1c"),
        })));
    };
    for number in 0..6 {
        seen(&token, "GET", &format!("/v1/charges/{number}"), "10.0.0.1");
    }
    for _ in 0..4 {
        seen(&token, "POST", "/v1/charges?amount=3", "2001:db8::7");
    }
    for number in 0..7 {
        seen(&token, "GET", "/v1/health", &format!("10.0.1.{number}"));
    }
    let hostile = format!("/\u{1b}[2J\u{202e}{}/{token}", "long/".repeat(30));
    seen(&forged, "GET", &hostile, "203.0.113.66");
    seen(&forged, "GET", "/v1/charges", "203.0.113.66");
    let mut recorder = vault.recorder().expect("a recorder");
    let who = "web@server".parse().expect("an actor");
    recorder.write(&uses, &who).expect("recorded");
    env
}

#[test]
fn usage_tells_from_where_and_for_what_a_key_was_used() {
    let env = served();
    let shown = env.run(["usage", "deploy"]).stdout_text();
    assert!(shown.contains("wrong secret  2 attempts"), "{shown}");
    let from = shown.find("CLIENT  ").expect("a table");
    let to = shown.rfind("USED ").expect("a table after it");
    insta::assert_snapshot!(shown[from..to], @r"
    CLIENT        REQUESTS  REFUSED  WRONG SECRET  LAST
    10.0.0.1      6         0        -             2 d ago
    2001:db8::7   4         0        -             2 d ago
    203.0.113.66  2         2        2 attempts    2 d ago
    10.0.1.0      1         0        -             2 d ago
    10.0.1.1      1         0        -             2 d ago

    PATH                                                           REQUESTS  REFUSED  WRONG SECRET  LAST
    /v1/health                                                     7         0        -             2 d ago
    /v1/charges                                                    5         1        1 attempt     2 d ago
    /\u{1b}[2J\u{202e}long/long/long/long/long/long/long/long/lo…  1         1        1 attempt     2 d ago
    /v1/charges/0                                                  1         0        -             2 d ago
    /v1/charges/1                                                  1         0        -             2 d ago
    ");
    let usage = env.run(["usage", "deploy", "--json"]).json()["usage"][0].clone();
    let told = |field: &str, name: &str| {
        let origins = usage[field].as_array().expect("a list").iter();
        let line = |origin: &serde_json::Value| {
            assert!(origin["last_at"].is_string());
            let numbers =
                ["requests", "refused", "wrong_secret"].map(|name| origin[name].to_string());
            format!("{} {}", origin[name], numbers.join(" "))
        };
        origins.map(line).collect::<Vec<_>>().join("\n")
    };
    insta::assert_snapshot!(told("clients", "client"), @r#"
    "10.0.0.1" 6 0 0
    "2001:db8::7" 4 0 0
    "203.0.113.66" 2 2 2
    "10.0.1.0" 1 0 0
    "10.0.1.1" 1 0 0
    "#);
    insta::assert_snapshot!(told("paths", "path"), @r#"
    "/v1/health" 7 0 0
    "/v1/charges" 5 1 1
    "/\\u{1b}[2J\\u{202e}long/long/long/long/long/long/long/long/long/long/long/long/long/long/long/long/long/long/long/long/long/long/long/long/long/long/long/long/long/long//…" 1 1 1
    "/v1/charges/0" 1 0 0
    "/v1/charges/1" 1 0 0
    "#);
    insta::assert_snapshot!(told("sources", "actor"), @r#""web@server" 19 2 2"#);
    let all = env.run(["usage", "--json"]).json()["usage"][0].clone();
    assert!(all["clients"].is_null() && all["paths"].is_null(), "{all}");
}

#[test]
fn audit_tells_what_was_asked() {
    let env = served();
    let mut told = Transcript::default();
    let wrong = &["audit", "--code", "wrong_secret"] as &[&str];
    told.add(wrong, &env.run(wrong));
    let some = &[
        "audit", "deploy", "--verb", "verify", "--code", "valid", "--limit", "9",
    ] as &[&str];
    told.add(some, &env.run(some));
    insta::assert_snapshot!(told, @r"
    $ keywright audit --code wrong_secret
    TIME                  WHAT    CODE          KEY     SCOPE                GENERATION  ACTOR  DETAIL
    [-------TIME-------]  verify  wrong_secret  deploy  default/development  -           web@server  GET /\u{1b}[2J\u{202e}long/long/long/long/long/long/long/long/lo… from 203.0.113.66
    [-------TIME-------]  verify  wrong_secret  deploy  default/development  -           web@server  GET /v1/charges from 203.0.113.66
    [exit 0]
    $ keywright audit deploy --verb verify --code valid --limit 9
    TIME                  WHAT    CODE   KEY     SCOPE                GENERATION  ACTOR  DETAIL
    [-------TIME-------]  verify  valid  deploy  default/development  1           web@server  POST /v1/charges from 2001:db8::7
    [-------TIME-------]  verify  valid  deploy  default/development  1           web@server  POST /v1/charges from 2001:db8::7
    [-------TIME-------]  verify  valid  deploy  default/development  1           web@server  GET /v1/health from 10.0.1.0
    [-------TIME-------]  verify  valid  deploy  default/development  1           web@server  GET /v1/health from 10.0.1.1
    [-------TIME-------]  verify  valid  deploy  default/development  1           web@server  GET /v1/health from 10.0.1.2
    [-------TIME-------]  verify  valid  deploy  default/development  1           web@server  GET /v1/health from 10.0.1.3
    [-------TIME-------]  verify  valid  deploy  default/development  1           web@server  GET /v1/health from 10.0.1.4
    [-------TIME-------]  verify  valid  deploy  default/development  1           web@server  GET /v1/health from 10.0.1.5
    [-------TIME-------]  verify  valid  deploy  default/development  1           web@server  GET /v1/health from 10.0.1.6
    Older entries are left out; --limit says how many are shown
    [exit 0]
    ");
    let json = env.run([wrong, &["--json"]].concat()).stdout_text();
    let requests = json.lines().map(|line| {
        let entry: serde_json::Value = serde_json::from_str(line).expect("JSON");
        assert!(entry["detail"].is_null(), "{entry}");
        entry["request"].to_string()
    });
    insta::assert_snapshot!(requests.collect::<Vec<_>>().join("\n"), @r#"
    {"client":"203.0.113.66","id":"4f1c","method":"GET","path":"/\\u{1b}[2J\\u{202e}long/long/long/long/long/long/long/long/long/long/long/long/long/long/long/long/long/long/long/long/long/long/long/long/long/long/long/long/long/long//…"}
    {"client":"203.0.113.66","id":"4f1c","method":"GET","path":"/v1/charges"}
    "#);
    let change = env.run(["audit", "--verb", "create", "--json"]).json();
    assert!(change["request"].is_null(), "{change}");
}
