//! How a request may ask, and what of it is never written down.

use crate::api::Bench;
use crate::library::Library;

#[test]
fn a_token_comes_in_one_place_or_is_refused() {
    let mut bench = Bench::new();
    let token = bench.library.issue(&Library::new_key("a"));
    let other = bench.library.issue(&Library::new_key("b"));
    let body = format!("{{\"token\":\"{token}\"}}");
    let escaped = format!(
        "{{\"token\":\"\\u{:04x}{}\"}}",
        token.as_bytes()[0],
        &token[1..]
    );
    let bearer = format!("Bearer {token}");
    let other_bearer = format!("Bearer {other}");
    let mut client = bench.server.client();
    for (headers, body, expected) in [
        (&[("authorization", bearer.as_str())][..], "", "valid"),
        (&[("x-api-key", &token)], "", "valid"),
        (&[], &body, "valid"),
        (&[], &escaped, "valid"),
        (
            &[("authorization", &bearer), ("x-api-key", &token)],
            &body,
            "valid",
        ),
        (&[("authorization", "Basic YTpi")], &body, "valid"),
        (
            &[("authorization", &bearer), ("x-api-key", &other)],
            "",
            "malformed",
        ),
        (&[("authorization", &other_bearer)], &body, "malformed"),
        (&[("x-api-key", &other)], &body, "malformed"),
        (
            &[("x-api-key", &other), ("x-api-key", &token)],
            "",
            "malformed",
        ),
        (
            &[("authorization", &bearer), ("authorization", &other_bearer)],
            "",
            "malformed",
        ),
        (&[("authorization", "Basic YTpi")], "", "missing"),
        (&[], "{}", "missing"),
        (&[], "{\"token\":\"\"}", "missing"),
        (&[], "{\"token\":null}", "missing"),
        (&[], "{\"token\":1}", "bad_request"),
        (&[], "{\"tokens\":\"\"}", "bad_request"),
        (&[], "[]", "bad_request"),
        (&[], "{", "bad_request"),
        (
            &[("authorization", &bearer)],
            "{\"require\":[\"write\"]}",
            "insufficient_permission",
        ),
        (
            &[("authorization", &bearer)],
            "{\"require\":[\"read\"],\"env\":\"production\",\"project\":\"shop\"}",
            "valid",
        ),
        (
            &[("authorization", &bearer)],
            "{\"env\":\"staging\"}",
            "wrong_environment",
        ),
        (
            &[("authorization", &bearer)],
            "{\"require\":\"write\"}",
            "bad_request",
        ),
        (
            &[("authorization", &bearer)],
            "{\"require\":[\"method\"]}",
            "bad_request",
        ),
    ] {
        let answer = client.ask_with("POST /v1/verify", headers, body);
        assert_eq!(answer.json()["code"], expected, "{headers:?} {body}");
        assert_eq!(answer.header("content-type"), Some("application/json"));
        if body.is_empty() && expected != "bad_request" {
            for asker in ["nginx", "proxy", "envoy"] {
                let answer = client.ask(&format!("GET /auth/{asker}"), headers);
                assert_eq!(answer.code(), expected, "{asker} {headers:?}");
            }
        }
    }
    assert!(!bench.server.log().contains(&token));
}

/// A proxy asks with whatever method its client used.
#[test]
fn every_method_is_answered_alike() {
    let mut bench = Bench::new();
    let token = bench.library.issue(&Library::new_key("ci"));
    let mut client = bench.server.client();
    let mut ask = |line: &str, headers: &[(&str, &str)]| {
        let mut all = vec![("x-api-key", token.as_str())];
        all.extend(headers);
        client.ask(line, &all)
    };
    for method in [
        "GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "PROPFIND",
    ] {
        let reads = ["GET", "HEAD", "OPTIONS"].contains(&method);
        let expected = if reads { 200 } else { 403 };
        for asker in ["nginx", "proxy", "envoy"] {
            let plain = ask(&format!("{method} /auth/{asker}"), &[]);
            assert_eq!(
                (plain.status, plain.body.len()),
                (200, 0),
                "{method} {asker}"
            );
            let below = ask(&format!("{method} /auth/{asker}/a/b"), &[]);
            assert_eq!(below.status, 200, "{method} {asker}");
        }
        for (line, header) in [
            ("GET /auth/nginx?require=method", "x-original-method"),
            ("GET /auth/proxy?require=method", "x-forwarded-method"),
        ] {
            assert_eq!(ask(line, &[(header, method)]).status, expected, "{method}");
        }
        let required = ask(
            &format!("{method} /auth/envoy/x"),
            &[("x-keywright-require", "method")],
        );
        assert_eq!(required.status, expected, "{method}");
        for path in ["/auth/nginxx", "/auth", "/", "/auth/other", "/v1", "*"] {
            if path == "*" && method != "OPTIONS" {
                continue;
            }
            assert_eq!(ask(&format!("{method} {path}"), &[]).status, 404, "{path}");
        }
        for (path, allow) in [
            ("/v1/verify", "POST"),
            ("/healthz", "GET, HEAD"),
            ("/readyz", "GET, HEAD"),
            ("/metrics", "GET, HEAD"),
        ] {
            let answer = ask(&format!("{method} {path}"), &[]);
            if allow.split(", ").any(|allowed| allowed == method) {
                assert_eq!(answer.status, 200, "{method} {path}: {answer}");
            } else {
                assert_eq!((answer.status, answer.header("allow")), (405, Some(allow)));
            }
        }
    }
    // The method of the client is not known.
    assert_eq!(
        ask("GET /auth/proxy?require=method", &[]).code(),
        "bad_request"
    );
    assert_eq!(ask("GET /auth/nginx?require=method", &[]).status, 403);
}

#[test]
fn a_request_has_an_id() {
    let bench = Bench::new();
    let id = |given: &str| {
        let headers = [("x-request-id", given)];
        let headers = if given.is_empty() {
            &headers[..0]
        } else {
            &headers
        };
        let answer = bench.server.ask("GET /auth/proxy", headers);
        answer
            .header("x-auth-request-id")
            .expect("an id")
            .to_owned()
    };
    assert_eq!(id("abc-1"), "abc-1");
    assert_eq!(id(&"x".repeat(64)), "x".repeat(64));
    let made: Vec<String> = ["", "two words", "ü", &"x".repeat(65)].map(id).into();
    for (at, id) in made.iter().enumerate() {
        let ours = id.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-');
        assert!(ours && !made[..at].contains(id), "{made:?}");
    }
}

#[test]
fn what_is_odd_is_said_once() {
    let mut bench = Bench::new();
    let token = bench.library.issue(&Library::new_key("ci"));
    let mut client = bench.server.client();
    for _ in 0..3 {
        let key = [("x-api-key", token.as_str())];
        let refused = client.ask("GET /auth/proxy?requires=write", &key);
        assert_eq!((refused.status, refused.code()), (400, "bad_request"));
        let refused = client.ask(
            "GET /auth/envoy",
            &[key[0], ("x-keywright-requires", "write")],
        );
        assert_eq!((refused.status, refused.code()), (400, "bad_request"));
        // It stands where none is read.
        for line in [
            format!("POST /v1/verify?api_key={token}"),
            format!("POST /v1/verify?x={token}"),
            format!("GET /auth/envoy/x?token={token}"),
        ] {
            assert_eq!(client.ask(&line, &[]).code(), "missing", "{line}");
        }
        let target = format!("/x?token={token}");
        for (path, name) in [("nginx", "x-original-uri"), ("proxy", "x-forwarded-uri")] {
            let line = format!("GET /auth/{path}");
            assert_eq!(client.ask(&line, &[(name, &target)]).code(), "missing");
        }
    }
    let log = bench.server.log();
    assert_eq!(bench.server.said("event=bad-request"), 2, "{log}");
    assert_eq!(bench.server.said("event=token-in-query"), 1, "{log}");
}

/// What a proxy asks is the operator's: a name that is none of ours is mistyped, whatever it looks like.
#[test]
fn a_token_in_a_proxys_question_is_no_requirement() {
    let mut bench = Bench::new();
    let token = bench.library.issue(&Library::new_key("ci"));
    let mut client = bench.server.client();
    let key = [("x-api-key", token.as_str())];
    for asker in ["nginx", "proxy"] {
        for query in [
            "key=write".to_owned(),
            format!("x={token}"),
            format!("token={token}&require=read"),
            format!("require=read&access_token={token}"),
            format!("{token}=%zz"),
        ] {
            let answer = client.ask(&format!("GET /auth/{asker}?{query}"), &key);
            // nginx takes nothing else for a refusal of its own.
            assert_eq!(answer.code(), "bad_request", "{asker} {query}");
        }
    }
    let program = client.ask("POST /v1/verify?key=write", &key);
    assert_eq!(program.json()["code"], "valid", "{program}");
    let log = bench.server.log();
    assert_eq!(bench.server.said("proxy is refused"), 1, "{log}");
    assert_eq!(bench.server.said("is not read"), 1, "{log}");
    assert!(!log.contains(&token[token.len() - 38..]), "{log}");
}

#[test]
fn nobody_fills_the_log_so_that_a_mistake_is_not_told() {
    let mut bench = Bench::new();
    let token = bench.library.issue(&Library::new_key("ci"));
    let mut client = bench.server.client();
    let key = ("x-api-key", token.as_str());
    for at in 0..120 {
        let body = format!("{}x", " ".repeat(at));
        let answer = client.ask_with("POST /v1/verify", &[key], body);
        let error = answer.json()["error"].to_string();
        assert!(error.contains(&format!("column {}", at + 1)), "{answer}");
        let word: String = (0..=at % 24)
            .map(|_| char::from(b'a' + (at / 24) as u8))
            .collect();
        let answer = client.ask(&format!("POST /v1/verify?{word}=1"), &[key]);
        assert_eq!(answer.json()["code"], "bad_request", "{answer}");
        for header in [
            (format!("x-keywright-{}", "y".repeat(at + 100)), &b"1"[..]),
            (
                format!("x-keywright-{}", "z".repeat(at + 100)),
                "ü".as_bytes(),
            ),
        ] {
            let head = format!("GET /auth/envoy HTTP/1.1\r\nhost: k\r\n{}: ", header.0);
            client
                .send([head.as_bytes(), header.1, b"\r\n\r\n"].concat())
                .expect("sent");
            assert_eq!(client.answer().expect("answered").code(), "bad_request");
        }
    }
    client.ask("GET /auth/proxy?requires=write", &[key]);
    let log = bench.server.log();
    assert_eq!(bench.server.said("`requires`"), 1, "{log}");
    let line = "event=bad-request path=/auth/proxy why=";
    assert!(bench.server.said(line) > 0, "{log}");
    assert_eq!(bench.server.said("event=bad-request"), 3, "{log}");
    for part in ["column", "yyyy", "zzzz"] {
        assert!(!log.contains(part), "{log}");
    }
}

#[test]
fn no_token_is_written_down() {
    let mut bench = Bench::new();
    let token = bench.library.issue(&Library::new_key("ci"));
    let gone = bench.library.issue(&Library::new_key("gone"));
    bench.library.delete("gone");
    let mut client = bench.server.client();
    for token in [&token, &gone] {
        let bearer = format!("Bearer {token}");
        let path = format!("/x/{token}?token={token}#{token}");
        let body =
            format!("{{\"token\":\"{token}\",\"require\":[\"{token}\"],\"env\":\"{token}\"}}");
        for (line, headers) in [
            (
                format!("GET /auth/proxy?{token}"),
                vec![("x-api-key", token.as_str())],
            ),
            (
                format!("GET /auth/proxy?{token}={token}"),
                vec![("x-api-key", token)],
            ),
            (
                format!("GET /auth/proxy?require={token}"),
                vec![("x-api-key", token)],
            ),
            (
                format!("GET /auth/proxy?env={token}&project={token}"),
                vec![("x-api-key", token)],
            ),
            (
                format!("GET /auth/envoy/{token}?key={token}"),
                vec![("authorization", bearer.as_str())],
            ),
            (
                "GET /auth/proxy".to_owned(),
                vec![
                    ("x-api-key", token),
                    ("x-forwarded-uri", &path),
                    ("x-request-id", token),
                    ("x-forwarded-for", token),
                    ("x-real-ip", token),
                    ("x-forwarded-method", token),
                ],
            ),
            (
                "GET /auth/nginx".to_owned(),
                vec![("x-api-key", token), ("x-original-uri", &path)],
            ),
            (
                "GET /auth/envoy".to_owned(),
                vec![("x-api-key", token), ("x-keywright-require", token)],
            ),
            (format!("GET /{token}"), vec![]),
        ] {
            client.ask(&line, &headers);
        }
        client.ask_with("POST /v1/verify", &[], &body);
        client.ask_with("POST /v1/verify", &[], format!("{{\"token\":\"{token}\""));
        client.ask_with("POST /v1/verify", &[], token);
        let metrics = client.ask("GET /metrics", &[]).text();
        assert!(!metrics.contains(&**token));
    }
    drop(client);
    let log = bench.server.log();
    bench.server.stop();
    let env = bench.env;
    // What is sealed, as its owner reads it.
    let found = bench.library.find("ci");
    let usage = bench
        .library
        .vault
        .usage_of(&found, 0, 1000)
        .expect("it is read");
    let opened = format!("{:?}", usage.events);
    assert!(opened.contains("/x/"), "{opened}");
    for token in [&token, &gone] {
        // The secret part is in nothing, in whatever case the rest is.
        let secret = &token[token.len() - 38..];
        assert!(!log.contains(secret), "{log}");
        assert!(!opened.contains(secret), "{opened}");
        for (path, bytes) in env.files() {
            let has_it = bytes
                .windows(secret.len())
                .any(|it| it == secret.as_bytes());
            assert!(!has_it, "{}", path.display());
        }
        let audit = env.run(["audit", "--json"]);
        assert!(
            audit.success() && !audit.stdout_text().contains(secret),
            "{audit}"
        );
    }
}

/// Who asked for what, by the id that stands in the logs of the proxy and of the service, too.
#[test]
fn the_audit_has_what_a_proxy_says_of_a_request() {
    let mut bench = Bench::new();
    let token = bench.library.issue(&Library::new_key("ci"));
    let mut client = bench.server.client();
    for (number, (line, method, uri)) in [
        ("GET /auth/nginx", "x-original-method", "x-original-uri"),
        ("GET /auth/proxy", "x-forwarded-method", "x-forwarded-uri"),
        ("PUT /auth/envoy/v1/bills", "x-none", "x-none"),
        ("POST /v1/verify", "x-none", "x-none"),
    ]
    .into_iter()
    .enumerate()
    {
        let (from, id) = (format!("203.0.113.{number}"), format!("r-{number}"));
        let headers = [
            ("x-api-key", token.as_str()),
            (method, "PUT"),
            // As a proxy passes on what a client sent, which no header of text can have.
            (uri, "/v1/bills?page=é"),
            ("x-forwarded-for", &from),
            ("x-request-id", &id),
        ];
        assert_eq!(client.ask(line, &headers).status, 200, "{line}");
    }
    drop(client);
    bench.server.stop();
    let args = ["audit", "ci", "-p", "shop", "-e", "production", "--json"];
    let audit = bench.env.run(args).stdout_text();
    let requests: Vec<&str> = audit
        .lines()
        .filter_map(|line| line.split_once("\"request\":{"))
        .filter_map(|(_, request)| Some(request.split_once('}')?.0))
        .collect();
    let expected = [
        r#""method":"PUT","path":"/v1/bills","client":"203.0.113.0","id":"r-0""#,
        r#""method":"PUT","path":"/v1/bills","client":"203.0.113.1","id":"r-1""#,
        r#""method":"PUT","path":"/v1/bills","client":"203.0.113.2","id":"r-2""#,
        r#""method":null,"path":null,"client":"203.0.113.3","id":"r-3""#,
    ];
    assert_eq!(requests, expected);
}

/// A body that is none is not one that is too large.
#[test]
fn a_body_that_cannot_be_read_is_a_bad_request() {
    let bench = Bench::new();
    let mut client = bench.server.client();
    let head = "POST /v1/verify HTTP/1.1\r\nhost: k\r\ntransfer-encoding: chunked\r\n\r\n";
    client.send(format!("{head}no size\r\n")).expect("sent");
    let answer = client.answer().expect("answered");
    assert_eq!(answer.status, 400, "{answer}");
    assert_eq!(answer.text(), "the body could not be read\n");
}
