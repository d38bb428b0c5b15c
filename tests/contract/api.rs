//! What is answered: status, headers and bodies of every code, for every kind of asker.

use std::fmt::Write as _;
use std::fs;

use keywright::key::{Context, Role, Scope, Timestamp};
use keywright::vault::NewIssued;

use crate::common::TestEnv;
use crate::library::{Library, permissions};
use crate::mask::Mask;
use crate::server::{Answer, Client, Server};

const ASKERS: [&str; 4] = ["nginx", "proxy", "envoy", "api"];

/// What a client may have forged, and an allowance has all of.
const IDENTITY: [&str; 9] = [
    "x-auth-context",
    "x-auth-environment",
    "x-auth-generation",
    "x-auth-key-id",
    "x-auth-key-name",
    "x-auth-permissions",
    "x-auth-project",
    "x-auth-request-id",
    "x-auth-roles",
];

pub(crate) struct Bench {
    pub(crate) env: TestEnv,
    pub(crate) library: Library,
    pub(crate) server: Server,
}

impl Bench {
    pub(crate) fn new() -> Self {
        let env = TestEnv::new();
        let mut library = env.library();
        library.issue(&Library::new_key("first"));
        let server = Server::start(env.serve());
        Self {
            env,
            library,
            server,
        }
    }

    fn ask(&self, asker: &str, token: &str, requirements: &[(&str, &str)]) -> Answer {
        ask(&mut self.server.client(), asker, token, requirements)
    }

    /// What every asker is told of one token, as a few lines.
    fn told(&self, token: &str, requirements: &[(&str, &str)]) -> String {
        let mut text = String::new();
        for asker in ASKERS {
            let answer = self.ask(asker, token, requirements);
            let _ = writeln!(text, "{asker} {}", line(&answer));
            if asker == "api" {
                let _ = writeln!(text, "{:#}", answer.json());
            } else {
                assert!(answer.body.is_empty(), "{answer}");
            }
        }
        Mask::new(self.env.home()).apply(&text)
    }
}

fn ask(client: &mut Client, asker: &str, token: &str, requirements: &[(&str, &str)]) -> Answer {
    let query: Vec<String> = requirements
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    let query = match query.is_empty() {
        true => String::new(),
        false => format!("?{}", query.join("&")),
    };
    let bearer = format!("Bearer {token}");
    let mut headers = vec![("X-Request-Id", "r-1")];
    if !token.is_empty() {
        headers.push(("Authorization", &bearer));
    }
    let named: Vec<(String, &str)> = requirements
        .iter()
        .map(|(name, value)| (format!("X-Keywright-{name}"), *value))
        .collect();
    let line = match asker {
        "api" => format!("POST /v1/verify{query}"),
        "envoy" => {
            headers.extend(named.iter().map(|(name, value)| (name.as_str(), *value)));
            "GET /auth/envoy/shop?page=2".to_owned()
        }
        _ => format!("GET /auth/{asker}{query}"),
    };
    client.ask(&line, &headers)
}

/// Status and what else says why.
fn line(answer: &Answer) -> String {
    let mut line = answer.status.to_string();
    for name in ["x-auth-code", "retry-after", "www-authenticate"] {
        if let Some(value) = answer.header(name) {
            // Most of a day is another number a second later.
            let value = match (name, value.len()) {
                ("retry-after", 5) => "[SECONDS]",
                _ => value,
            };
            let _ = write!(line, " {name}: {value}");
        }
    }
    assert_eq!(answer.header("x-auth-request-id"), Some("r-1"));
    line
}

#[test]
fn an_allowance_is_200_with_all_nine_headers_and_no_body() {
    let mut bench = Bench::new();
    let new = NewIssued {
        name: "ключ №1".parse().expect("a name"),
        permissions: permissions(&["read", "write:invoices"]),
        context: context(&["team=blue"]),
        ..Library::new_key("x")
    };
    let full = bench.library.issue(&new);
    let plain = bench.library.issue(&NewIssued {
        permissions: permissions(&[]),
        ..Library::new_key("plain")
    });
    for token in [&full, &plain] {
        for asker in ["nginx", "proxy", "envoy"] {
            let answer = bench.ask(asker, token, &[]);
            assert_eq!(answer.status, 200, "{answer}");
            assert_eq!(answer.header("content-length"), Some("0"));
            assert!(answer.body.is_empty());
            let names = answer.headers.keys().map(String::as_str);
            let names: Vec<&str> = names.filter(|name| name.starts_with("x-auth-")).collect();
            assert_eq!(names, IDENTITY, "{answer}");
        }
    }
    let told = |token| {
        let mut answer = bench.ask("proxy", token, &[]);
        let ids = answer.headers.get_mut("x-auth-key-id").expect("an id");
        assert!(token[..].contains(&*ids[0]));
        ids[0] = "[ID]".to_owned();
        answer.to_string()
    };
    insta::assert_snapshot!(told(&full), @"
    200
    content-length: 0
    x-auth-context: eyJ0ZWFtIjoiYmx1ZSJ9
    x-auth-environment: production
    x-auth-generation: 1
    x-auth-key-id: [ID]
    x-auth-key-name: %D0%BA%D0%BB%D1%8E%D1%87%20%E2%84%961
    x-auth-permissions: read,write:invoices
    x-auth-project: shop
    x-auth-request-id: r-1
    x-auth-roles: -
    ");
    insta::assert_snapshot!(told(&plain), @"
    200
    content-length: 0
    x-auth-context: -
    x-auth-environment: production
    x-auth-generation: 1
    x-auth-key-id: [ID]
    x-auth-key-name: plain
    x-auth-permissions: -
    x-auth-project: shop
    x-auth-request-id: r-1
    x-auth-roles: -
    ");
}

#[test]
fn every_code_has_its_status_and_its_challenge() {
    let mut bench = Bench::new();
    let mut text = String::new();
    let mut add = |code: &str, told: String| {
        let _ = writeln!(text, "== {code}\n{told}");
    };
    let good = bench.library.issue(&Library::new_key("good"));
    add("valid", bench.told(&good, &[]));
    add("missing", bench.told("", &[]));
    add("malformed", bench.told("nonsense", &[]));
    let elsewhere = TestEnv::new().create(["elsewhere"]);
    add("unknown", bench.told(&elsewhere, &[]));
    let revoked = bench.library.issue(&Library::new_key("revoked"));
    bench.library.revoke("revoked");
    add("revoked", bench.told(&revoked, &[]));
    let expired = bench.library.issue(&Library::new_key("expired"));
    bench.library.expire("expired", Timestamp::now());
    add("expired", bench.told(&expired, &[]));
    let rotated = bench.library.issue(&Library::new_key("rotated"));
    bench.library.rotate("rotated");
    add("rotated", bench.told(&rotated, &[]));
    let mut undelivered = String::new();
    let (server, env) = (&bench.server, &bench.env);
    let pending = bench.library.vault.issue(
        &Library::new_key("undelivered"),
        &"tester".parse().expect("an actor"),
        Timestamp::now(),
    );
    let delivered = pending.expect("issued").deliver(|token, _| {
        let token = String::from_utf8_lossy(token.expose()).into_owned();
        for asker in ASKERS {
            let answer = ask(&mut server.client(), asker, &token, &[]);
            let _ = writeln!(undelivered, "{asker} {}", line(&answer));
            undelivered.push_str(&answer.text());
        }
        Ok(())
    });
    delivered.expect("delivered");
    add("undelivered", Mask::new(env.home()).apply(&undelivered));
    let elsewhere = [("env", "staging"), ("require", "write")];
    add("wrong_environment", bench.told(&good, &elsewhere));
    add("wrong_project", bench.told(&good, &[("project", "bank")]));
    let both = [("require", "read,write:invoices")];
    add("insufficient_permission", bench.told(&good, &both));
    let limited = bench.library.issue(&NewIssued {
        rate: Some("1/d".parse().expect("a rate")),
        ..Library::new_key("limited")
    });
    assert_eq!(bench.ask("proxy", &limited, &[]).status, 200);
    let told = bench.told(&limited, &[]);
    // A request that was refused for another reason is none that its rate is about.
    assert_eq!(
        bench.ask("proxy", &limited, &[("env", "staging")]).status,
        403
    );
    add("rate_limited", told);
    add("bad_request", bench.told(&good, &[("require", "WRITE!")]));
    fs::rename(bench.env.vault(), bench.env.path("away")).expect("moved");
    add("unavailable", bench.told(&good, &[]));
    insta::assert_snapshot!(text, @r#"
    == valid
    nginx 200
    proxy 200
    envoy 200
    api 200 x-auth-code: valid
    {
      "checked_at": "[-------TIME-------]",
      "code": "valid",
      "context": {},
      "created_by": "tester",
      "display": "kwt_prod1_[--KEY-ID--]_••••",
      "environment": "production",
      "expires_at": null,
      "generation": 1,
      "key_id": "[--KEY-ID--]",
      "name": "good",
      "permissions": [
        "read"
      ],
      "project": "shop",
      "roles": [],
      "schema": 1,
      "superseded": false,
      "valid": true
    }

    == missing
    nginx 401 x-auth-code: missing www-authenticate: Bearer realm="keywright"
    proxy 401 x-auth-code: missing www-authenticate: Bearer realm="keywright"
    envoy 401 x-auth-code: missing www-authenticate: Bearer realm="keywright"
    api 401 x-auth-code: missing www-authenticate: Bearer realm="keywright"
    {
      "code": "missing",
      "key_id": null,
      "name": null,
      "schema": 1,
      "valid": false
    }

    == malformed
    nginx 401 x-auth-code: malformed www-authenticate: Bearer realm="keywright", error="invalid_token", code="malformed"
    proxy 401 x-auth-code: malformed www-authenticate: Bearer realm="keywright", error="invalid_token", code="malformed"
    envoy 401 x-auth-code: malformed www-authenticate: Bearer realm="keywright", error="invalid_token", code="malformed"
    api 401 x-auth-code: malformed www-authenticate: Bearer realm="keywright", error="invalid_token", code="malformed"
    {
      "code": "malformed",
      "key_id": null,
      "name": null,
      "schema": 1,
      "valid": false
    }

    == unknown
    nginx 401 x-auth-code: unknown www-authenticate: Bearer realm="keywright", error="invalid_token", code="unknown"
    proxy 401 x-auth-code: unknown www-authenticate: Bearer realm="keywright", error="invalid_token", code="unknown"
    envoy 401 x-auth-code: unknown www-authenticate: Bearer realm="keywright", error="invalid_token", code="unknown"
    api 401 x-auth-code: unknown www-authenticate: Bearer realm="keywright", error="invalid_token", code="unknown"
    {
      "code": "unknown",
      "key_id": null,
      "name": null,
      "schema": 1,
      "valid": false
    }

    == revoked
    nginx 401 x-auth-code: revoked www-authenticate: Bearer realm="keywright", error="invalid_token", code="revoked"
    proxy 401 x-auth-code: revoked www-authenticate: Bearer realm="keywright", error="invalid_token", code="revoked"
    envoy 401 x-auth-code: revoked www-authenticate: Bearer realm="keywright", error="invalid_token", code="revoked"
    api 401 x-auth-code: revoked www-authenticate: Bearer realm="keywright", error="invalid_token", code="revoked"
    {
      "code": "revoked",
      "key_id": "[--KEY-ID--]",
      "name": "revoked",
      "schema": 1,
      "valid": false
    }

    == expired
    nginx 401 x-auth-code: expired www-authenticate: Bearer realm="keywright", error="invalid_token", code="expired"
    proxy 401 x-auth-code: expired www-authenticate: Bearer realm="keywright", error="invalid_token", code="expired"
    envoy 401 x-auth-code: expired www-authenticate: Bearer realm="keywright", error="invalid_token", code="expired"
    api 401 x-auth-code: expired www-authenticate: Bearer realm="keywright", error="invalid_token", code="expired"
    {
      "code": "expired",
      "key_id": "[--KEY-ID--]",
      "name": "expired",
      "schema": 1,
      "valid": false
    }

    == rotated
    nginx 401 x-auth-code: rotated www-authenticate: Bearer realm="keywright", error="invalid_token", code="rotated"
    proxy 401 x-auth-code: rotated www-authenticate: Bearer realm="keywright", error="invalid_token", code="rotated"
    envoy 401 x-auth-code: rotated www-authenticate: Bearer realm="keywright", error="invalid_token", code="rotated"
    api 401 x-auth-code: rotated www-authenticate: Bearer realm="keywright", error="invalid_token", code="rotated"
    {
      "code": "rotated",
      "key_id": "[--KEY-ID--]",
      "name": "rotated",
      "schema": 1,
      "valid": false
    }

    == undelivered
    nginx 401 x-auth-code: undelivered www-authenticate: Bearer realm="keywright", error="invalid_token", code="undelivered"
    proxy 401 x-auth-code: undelivered www-authenticate: Bearer realm="keywright", error="invalid_token", code="undelivered"
    envoy 401 x-auth-code: undelivered www-authenticate: Bearer realm="keywright", error="invalid_token", code="undelivered"
    api 401 x-auth-code: undelivered www-authenticate: Bearer realm="keywright", error="invalid_token", code="undelivered"
    {"schema":1,"valid":false,"code":"undelivered","key_id":"[--KEY-ID--]","name":"undelivered"}
    == wrong_environment
    nginx 403 x-auth-code: wrong_environment www-authenticate: Bearer realm="keywright", error="insufficient_scope", code="wrong_environment"
    proxy 403 x-auth-code: wrong_environment www-authenticate: Bearer realm="keywright", error="insufficient_scope", code="wrong_environment"
    envoy 403 x-auth-code: wrong_environment www-authenticate: Bearer realm="keywright", error="insufficient_scope", code="wrong_environment"
    api 403 x-auth-code: wrong_environment www-authenticate: Bearer realm="keywright", error="insufficient_scope", code="wrong_environment"
    {
      "code": "wrong_environment",
      "key_id": "[--KEY-ID--]",
      "name": "good",
      "schema": 1,
      "valid": false
    }

    == wrong_project
    nginx 403 x-auth-code: wrong_project www-authenticate: Bearer realm="keywright", error="insufficient_scope", code="wrong_project"
    proxy 403 x-auth-code: wrong_project www-authenticate: Bearer realm="keywright", error="insufficient_scope", code="wrong_project"
    envoy 403 x-auth-code: wrong_project www-authenticate: Bearer realm="keywright", error="insufficient_scope", code="wrong_project"
    api 403 x-auth-code: wrong_project www-authenticate: Bearer realm="keywright", error="insufficient_scope", code="wrong_project"
    {
      "code": "wrong_project",
      "key_id": "[--KEY-ID--]",
      "name": "good",
      "schema": 1,
      "valid": false
    }

    == insufficient_permission
    nginx 403 x-auth-code: insufficient_permission www-authenticate: Bearer realm="keywright", error="insufficient_scope", scope="read write:invoices", code="insufficient_permission"
    proxy 403 x-auth-code: insufficient_permission www-authenticate: Bearer realm="keywright", error="insufficient_scope", scope="read write:invoices", code="insufficient_permission"
    envoy 403 x-auth-code: insufficient_permission www-authenticate: Bearer realm="keywright", error="insufficient_scope", scope="read write:invoices", code="insufficient_permission"
    api 403 x-auth-code: insufficient_permission www-authenticate: Bearer realm="keywright", error="insufficient_scope", scope="read write:invoices", code="insufficient_permission"
    {
      "code": "insufficient_permission",
      "key_id": "[--KEY-ID--]",
      "name": "good",
      "schema": 1,
      "valid": false
    }

    == rate_limited
    nginx 403 x-auth-code: rate_limited retry-after: [SECONDS]
    proxy 429 x-auth-code: rate_limited retry-after: [SECONDS]
    envoy 429 x-auth-code: rate_limited retry-after: [SECONDS]
    api 429 x-auth-code: rate_limited retry-after: [SECONDS]
    {
      "code": "rate_limited",
      "key_id": "[--KEY-ID--]",
      "name": "limited",
      "schema": 1,
      "valid": false
    }

    == bad_request
    nginx 403 x-auth-code: bad_request
    proxy 400 x-auth-code: bad_request
    envoy 400 x-auth-code: bad_request
    api 400 x-auth-code: bad_request
    {
      "code": "bad_request",
      "error": "`require`: a permission is `read`, `write`, `admin` or an action of your own, alone or as `action:resource`, in lower-case letters, digits, `.`, `_` and `-`",
      "key_id": null,
      "name": null,
      "schema": 1,
      "valid": false
    }

    == unavailable
    nginx 403 x-auth-code: unavailable retry-after: 1
    proxy 503 x-auth-code: unavailable retry-after: 1
    envoy 503 x-auth-code: unavailable retry-after: 1
    api 503 x-auth-code: unavailable retry-after: 1
    {
      "code": "unavailable",
      "key_id": null,
      "name": null,
      "schema": 1,
      "valid": false
    }
    "#);
}

fn context(pairs: &[&str]) -> Context {
    let pairs: Vec<_> = pairs.iter().map(|it| it.parse().expect("a pair")).collect();
    Context::from_pairs(&pairs).expect("few")
}

#[test]
fn the_largest_key_fits_into_the_headers_of_a_proxy() {
    let mut bench = Bench::new();
    // Names with as many bytes as there may be.
    let long = |letter: &str| letter.repeat(64);
    let scope = Scope {
        project: long("p").parse().expect("a project"),
        environment: long("e").parse().expect("an environment"),
    };
    let role = |at: usize| Role {
        name: format!("role-{at:02}").parse().expect("a role"),
        permissions: permissions(&[]),
        context: Context::default(),
    };
    let roles: Vec<Role> = (0..32).map(role).collect();
    for role in &roles {
        let who = "tester".parse().expect("an actor");
        let set = bench
            .library
            .vault
            .set_role(role, false, &who, Timestamp::now());
        set.expect("set");
    }
    let actions: Vec<String> = (0..38)
        .map(|at| format!("a{at:02}:{}", "r".repeat(15)))
        .collect();
    let actions: Vec<&str> = actions.iter().map(String::as_str).collect();
    let pairs: Vec<String> = (0..32)
        .map(|at| format!("k{at:02}={}", "v".repeat(29)))
        .collect();
    let pairs: Vec<&str> = pairs.iter().map(String::as_str).collect();
    let token = bench.library.issue(&NewIssued {
        name: "🗝".repeat(64).parse().expect("a name"),
        scope,
        permissions: permissions(&actions),
        roles: roles.iter().map(|role| role.name.clone()).collect(),
        context: context(&pairs),
        ..Library::new_key("x")
    });
    let mut client = bench.server.client();
    let answer = client.ask(
        "GET /auth/proxy",
        &[("x-api-key", &token), ("x-request-id", &"i".repeat(64))],
    );
    assert_eq!(answer.status, 200, "{answer}");
    assert!(
        answer.head_size < 4096,
        "{} bytes: {answer}",
        answer.head_size
    );
    assert!(
        answer.head_size > 3000,
        "{} bytes are not the largest",
        answer.head_size
    );
    let count = |name: &str| answer.header(name).expect("it is there").split(',').count();
    assert_eq!(count("x-auth-permissions"), 38);
    assert_eq!(count("x-auth-roles"), 32, "{answer}");
    for (name, values) in &answer.headers {
        let visible = values
            .iter()
            .all(|value| value.bytes().all(|b| (b' '..=b'~').contains(&b)));
        assert!(visible, "{name}");
    }
}
