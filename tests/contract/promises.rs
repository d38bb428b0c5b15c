//! What has to be so behind each proxy.

use std::fs;
use std::thread;
use std::time::Duration;

use crate::http::{Message, Request};
use crate::proxies::{IDENTITY, Kind, Scene, identity, kill, looks_like_identity, spellings};

pub(crate) fn a_good_token_passes_with_all_that_is_known_of_it(scene: &Scene) {
    let args = [
        "CI/CD ключ",
        "-p",
        "shop",
        "-e",
        "production",
        "--permission",
        "read,write:orders",
    ];
    let context = ["--context", "team=blue"];
    let token = scene.env.create(args.into_iter().chain(context));
    let expected = [
        "X-Auth-Key-Id: …",
        "X-Auth-Key-Name: CI%2FCD%20%D0%BA%D0%BB%D1%8E%D1%87",
        "X-Auth-Project: shop",
        "X-Auth-Environment: production",
        "X-Auth-Permissions: read,write:orders",
        "X-Auth-Roles: -",
        "X-Auth-Context: eyJ0ZWFtIjoiYmx1ZSJ9",
        "X-Auth-Generation: 1",
        "X-Auth-Request-Id: …",
    ];
    for request in [
        Request::get("/").bearer(&token),
        Request::get("/").header("X-API-Key", &token),
        Request::get("/reports/today").bearer(&token),
    ] {
        let seen = scene.passes(&request);
        assert_eq!(identity(&seen), expected);
        // The service does not get the token.
        assert_eq!(
            (seen.one("authorization"), seen.one("x-api-key")),
            (None, None),
            "{seen:?}"
        );
    }
}

pub(crate) fn refusals_reach_the_client(scene: &Scene) {
    let challenge = |request: &Request| {
        let answer = scene.refused(request);
        let challenge = answer.one("www-authenticate").unwrap_or("-").to_owned();
        (answer.status(), challenge)
    };
    let told = |status: u16, rest: &str| (status, format!("Bearer realm=\"keywright\"{rest}"));
    assert_eq!(challenge(&Request::get("/")), told(401, ""));
    let malformed = ", error=\"invalid_token\", code=\"malformed\"";
    assert_eq!(
        challenge(&Request::get("/").bearer("x")),
        told(401, malformed)
    );
    let two = Request::get("/")
        .bearer(&scene.reader)
        .header("X-API-Key", "x");
    assert_eq!(challenge(&two), told(401, malformed));
    let scope = |wanted: &str| {
        format!(
            ", error=\"insufficient_scope\", scope=\"{wanted}\", code=\"insufficient_permission\""
        )
    };
    let write = Request::new("POST", "/").bearer(&scene.reader);
    assert_eq!(challenge(&write), told(403, &scope("write")));
    let invoices = Request::get("/invoices/7").bearer(&scene.reader);
    assert_eq!(challenge(&invoices), told(403, &scope("write:invoices")));
    let other = scene.env.create([
        "other",
        "-p",
        "blog",
        "-e",
        "production",
        "--permission",
        "admin",
    ]);
    let elsewhere = ", error=\"insufficient_scope\", code=\"wrong_project\"";
    assert_eq!(
        challenge(&Request::get("/invoices/7").bearer(&other)),
        told(403, elsewhere)
    );
    scene.passes(&Request::get("/").bearer(&other));
}

pub(crate) fn no_forged_header_reaches_the_service(scene: &Scene) {
    let honest = identity(&scene.passes(&Request::get("/").bearer(&scene.reader)));
    for name in IDENTITY {
        let spellings = spellings(name);
        // All at once, and in front of and behind the token.
        let mut request = Request::get("/");
        for (at, spelling) in spellings.iter().enumerate() {
            if at == spellings.len() / 2 {
                request = request.bearer(&scene.reader);
            }
            request = request.header(spelling, "forged");
        }
        let seen = scene.passes(&request);
        assert_eq!(identity(&seen), honest, "{name}");
        assert_eq!(
            looks_like_identity(&seen).len(),
            IDENTITY.len(),
            "{name}: {seen:?}"
        );
        assert!(!format!("{seen:?}").contains("forged"), "{name}: {seen:?}");
        // One alone, for where many are refused together.
        for spelling in &spellings {
            let request = Request::get("/")
                .header(spelling, "forged")
                .bearer(&scene.reader);
            let seen = scene.passes(&request);
            assert_eq!(
                looks_like_identity(&seen).len(),
                IDENTITY.len(),
                "{spelling}: {seen:?}"
            );
            assert!(
                !format!("{seen:?}").contains("forged"),
                "{spelling}: {seen:?}"
            );
        }
    }
    // Proxies take away what is named as hop by hop: what they were told to say must stay.
    for connection in [
        "close, X-Auth-Key-Id, X-Auth-Roles",
        "x-auth-key-id",
        "Upgrade, X-Auth-Key-Id",
    ] {
        for upgrades in UPGRADES {
            let seen = scene.passes(&upgrade(connection, upgrades).bearer(&scene.reader));
            assert_eq!(identity(&seen), honest, "{connection} {upgrades:?}");
        }
    }
}

/// What a client may ask to be upgraded to, in one header or several.
pub(crate) const UPGRADES: [&[&str]; 8] = [
    &[],
    &["websocket"],
    &["WebSocket"],
    &["h2c"],
    &["websocket", "h2c"],
    &["h2c", "websocket"],
    &["websocket, h2c"],
    &["TLS/1.2"],
];

pub(crate) fn upgrade(connection: &str, upgrades: &[&str]) -> Request {
    let request = Request::get("/")
        .header("Connection", connection)
        .header("HTTP2-Settings", "AAMAAABkAARAAAAAAAIAAAAA");
    let named = upgrades.iter();
    named.fold(request, |request, it| request.header("Upgrade", it))
}

/// What comes after an upgrade is passed on unread: a WebSocket may be, and no HTTP.
pub(crate) fn no_other_protocol_is_spoken_with_the_service(scene: &Scene) {
    for connection in ["Upgrade, HTTP2-Settings", "HTTP2-Settings, Upgrade", "h2c"] {
        for upgrades in UPGRADES {
            let seen = scene.passes(&upgrade(connection, upgrades).bearer(&scene.reader));
            only_a_web_socket(&seen);
        }
    }
}

/// Of an upgrade the service sees one to a WebSocket, or none.
#[track_caller]
pub(crate) fn only_a_web_socket(seen: &Message) {
    let asked = seen.one("upgrade");
    assert!([None, Some("websocket")].contains(&asked), "{seen:?}");
    assert_eq!(seen.one("http2-settings"), None, "{seen:?}");
    let connection = seen.one("connection").unwrap_or_default();
    assert!(
        !connection.to_ascii_lowercase().contains("http2"),
        "{seen:?}"
    );
}

pub(crate) fn a_used_up_rate_is_429(scene: &Scene) {
    let args = ["limited", "-p", "shop", "-e", "production", "--rate", "2/m"];
    let token = scene.env.create(args);
    let request = Request::get("/").bearer(&token);
    scene.passes(&request);
    scene.passes(&request);
    let answer = scene.refused(&request);
    let wait = answer
        .one("retry-after")
        .and_then(|wait| wait.parse::<u32>().ok());
    assert_eq!(
        (answer.status(), answer.one("x-auth-code")),
        (429, Some("rate_limited"))
    );
    assert!(
        wait.is_some_and(|wait| (1..=30).contains(&wait)),
        "{answer:?}"
    );
    // Another key is not limited with it.
    scene.passes(&Request::get("/").bearer(&scene.reader));
}

/// Damaged, as for the server: it says `unavailable` until it can be read again.
pub(crate) fn an_unreadable_vault_is_503(scene: &Scene) {
    let request = Request::get("/").bearer(&scene.reader);
    scene.passes(&request);
    let (vault, aside) = (scene.env.vault(), scene.env.path("aside"));
    fs::rename(&vault, &aside).expect("moved");
    let answer = scene.refused(&request);
    assert_eq!(
        (answer.status(), answer.one("x-auth-code")),
        (503, Some("unavailable"))
    );
    assert_eq!(answer.one("retry-after"), Some("1"));
    fs::rename(&aside, &vault).expect("moved back");
    // As it was told.
    thread::sleep(Duration::from_secs(1));
    scene.passes(&request);
}

pub(crate) fn without_the_server_nobody_passes(scene: &mut Scene) {
    let request = Request::get("/").bearer(&scene.reader);
    scene.passes(&request);
    kill(&mut scene.server);
    let status = match scene.kind {
        Kind::Caddy => 502,
        Kind::Nginx => 503,
    };
    for target in [
        "/",
        "/reports/1",
        "/invoices/1",
        "/.keywright",
        "/auth/proxy",
    ] {
        for method in ["GET", "POST", "OPTIONS", "HEAD"] {
            let token = &scene.reader;
            let before = scene.upstream.reached();
            let answer = scene.ask(&Request::new(method, target).bearer(token));
            let refused = [status, 404].contains(&answer.status());
            assert!(refused, "{method} {target}: {answer:?}");
            assert_eq!(scene.upstream.reached(), before, "{method} {target}");
        }
    }
}

/// However long the headers are: what is answered is an answer of the server's, or nobody passes.
pub(crate) fn huge_headers_let_nobody_through(scene: &Scene) {
    for length in [1_000, 7_000, 15_000, 17_000, 30_000, 70_000, 1_100_000] {
        let long = "a".repeat(length);
        for (name, value) in [
            ("Cookie", long.clone()),
            ("X-Other", long.clone()),
            ("X-Auth-Key-Id", long.clone()),
            ("Authorization", format!("Bearer {long}")),
            ("X-API-Key", long.clone()),
        ] {
            scene.refused(&Request::get("/").header(name, &value));
            let good = Request::get("/").bearer(&scene.reader).header(name, &value);
            let before = scene.upstream.reached();
            let answer = scene.ask(&good);
            let is_credential = ["Authorization", "X-API-Key"].contains(&name);
            let reached = scene.upstream.reached() - before;
            assert_eq!(
                reached,
                usize::from(answer.status() == 200),
                "{name} {length}: {answer:?}"
            );
            assert!(!is_credential || reached == 0, "{name} {length}");
            if reached == 1 {
                identity(&scene.upstream.last());
            }
            if length == 1_000 && !is_credential {
                assert_eq!(answer.status(), 200, "{name}: {answer:?}");
            }
        }
        scene.refused(&Request::get(&format!("/?{long}")));
    }
    scene.passes(&Request::get("/").bearer(&scene.reader));
}

pub(crate) fn a_revoked_key_is_refused_with_the_next_request(scene: &Scene) {
    let request = Request::get("/").bearer(&scene.reader);
    for _ in 0..3 {
        scene.passes(&request);
    }
    let revoked = scene.env.run([
        "revoke",
        "reader",
        "-p",
        "shop",
        "-e",
        "production",
        "--yes",
    ]);
    assert!(revoked.success(), "{revoked}");
    for _ in 0..3 {
        let answer = scene.refused(&request);
        let challenge = answer.one("www-authenticate").expect("a challenge");
        assert_eq!(answer.status(), 401);
        assert!(challenge.ends_with("code=\"revoked\""), "{challenge}");
    }
}

pub(crate) fn methods_ask_for_what_they_do(scene: &Scene) {
    let writer = scene.token("writer", "write");
    for (method, may_read) in [
        ("GET", true),
        ("HEAD", true),
        ("OPTIONS", true),
        ("POST", false),
        ("PUT", false),
        ("PATCH", false),
        ("DELETE", false),
        ("PURGE", false),
    ] {
        let (allowed, refused) = match may_read {
            true => (&scene.reader, &writer),
            false => (&writer, &scene.reader),
        };
        let before = scene.upstream.reached();
        let answer = scene.ask(&Request::new(method, "/x").bearer(allowed));
        assert_eq!(answer.status(), 200, "{method}: {answer:?}");
        assert_eq!(scene.upstream.reached(), before + 1, "{method}");
        assert!(
            scene
                .upstream
                .last()
                .first
                .starts_with(&format!("{method} /x "))
        );
        let answer = scene.ask(&Request::new(method, "/x").bearer(refused));
        assert_eq!(answer.status(), 403, "{method}: {answer:?}");
        assert_eq!(scene.upstream.reached(), before + 1, "{method}");
    }
    // What a client says of its method is nothing.
    for name in [
        "X-Original-Method",
        "X-Forwarded-Method",
        "X-HTTP-Method-Override",
        "X-Keywright-Require",
    ] {
        let request = Request::new("POST", "/x")
            .header(name, "GET")
            .bearer(&scene.reader);
        assert_eq!(scene.refused(&request).status(), 403, "{name}");
    }
    // A body goes to the service, and whole.
    let body = b"a body of the client's".repeat(1_000);
    let seen = scene.passes(&Request::new("POST", "/x").body(&body).bearer(&writer));
    assert_eq!(seen.body, body);
}

pub(crate) fn a_clients_query_is_its_own(scene: &Scene) {
    for query in [
        "require=admin",
        "require=nonsense!&env=staging&project=none",
        "page=2&sort=%zz&&=&x[]=1",
        "?require=read",
        "a=%26require%3Dadmin",
        "%23",
    ] {
        let target = format!("/x?{query}");
        let seen = scene.passes(&Request::get(&target).bearer(&scene.reader));
        assert_eq!(seen.first, format!("GET {target} HTTP/1.1"), "{query}");
        // Nor does it ask for less.
        let write = Request::new("POST", &target).bearer(&scene.reader);
        assert_eq!(scene.refused(&write).status(), 403, "{query}");
    }
    for query in ["require=read", "require=method&project=blog"] {
        let request = Request::get(&format!("/invoices/1?{query}")).bearer(&scene.reader);
        assert_eq!(scene.refused(&request).status(), 403, "{query}");
    }
    for name in ["token", "access_token", "api_key", "key", "Authorization"] {
        let target = format!("/x?{name}={}", scene.reader);
        let answer = scene.refused(&Request::get(&target));
        assert_eq!(
            answer.one("www-authenticate"),
            Some("Bearer realm=\"keywright\""),
            "{name}"
        );
        assert_eq!(answer.status(), 401, "{name}");
    }
}

/// The paths of the question, of the server and of guarded folders, as a client may spell them.
pub(crate) fn no_path_leads_around(scene: &Scene) {
    for target in [
        "/.keywright",
        "/.keywright?require=read",
        "/%2ekeywright",
        "//.keywright",
        "/x/../.keywright",
        "/auth/nginx",
        "/auth/proxy?require=read",
        "/auth/proxy/../../v1/verify",
        "/healthz",
        "/metrics",
        "/reports/1",
    ] {
        let answer = scene.refused(&Request::get(target));
        assert!(
            [400, 401, 404].contains(&answer.status()),
            "{target}: {answer:?}"
        );
    }
    // The reader may read, but no invoices.
    for target in [
        "/invoices/1",
        "/invoices/",
        "//invoices/1",
        "/./invoices/1",
        "/x/../invoices/1",
        "/%69nvoices/1",
        "/invoices%2f1",
        "/x/%2e%2e/invoices/1",
    ] {
        let answer = scene.refused(&Request::get(target).bearer(&scene.reader));
        let refused = [400, 403].contains(&answer.status());
        assert!(refused, "{target}: {answer:?}");
    }
    let plain = Request::get("/invoices/1").bearer(&scene.reader);
    assert_eq!(scene.refused(&plain).status(), 403);
}

/// Paths that a service may read as other ones than the proxy: it gets none of them, whatever the token may do.
pub(crate) fn no_path_is_read_in_two_ways(scene: &Scene) {
    let admin = scene.token("admin", "admin");
    for target in TWO_WAYS {
        for token in [&scene.reader, &admin] {
            let answer = scene.refused(&Request::get(target).bearer(token));
            assert_eq!(answer.status(), 400, "{target}: {answer:?}");
        }
    }
    // What has one reading stays as it is.
    for target in [
        "/",
        "/reports/a.b",
        "/reports/..a/.b/c../d",
        "/reports/.well-known",
        "/reports/100%25",
        "/reports/%41%20b",
        "/reports/1?next=//x/../y;z%2f%5c#",
        "/reports/1?/../invoices/1",
    ] {
        let seen = scene.passes(&Request::get(target).bearer(&scene.reader));
        assert_eq!(seen.first, format!("GET {target} HTTP/1.1"));
    }
}

const TWO_WAYS: [&str; 31] = [
    "/invoices/1/../../reports/x",
    "/invoices/1/../..",
    "/invoices/1/..?x",
    "/invoices/1/%2e%2e/%2e%2e/reports/x",
    "/invoices/1/%2E./.%2e/reports/x",
    "/invoices/1/..%2f..%2freports/x",
    "/invoices/1/..%2F..%2Freports/x",
    "/invoices/1/..%5c..%5creports/x",
    "/invoices/1/%252e%252e/%252e%252e/reports/x",
    "/invoices/1/..%252f..%252freports/x",
    "/reports/../invoices/1",
    "/reports/./../invoices/1",
    "/reports/%2e%2e/invoices/1",
    "/reports/..%2finvoices/1",
    "/reports/..%5cinvoices/1",
    "/reports/..%5Cinvoices/1",
    "/reports/..\\invoices/1",
    "/reports/..%252finvoices/1",
    "/reports/..%252Finvoices/1",
    "/reports/..%255cinvoices/1",
    "/reports/%252e%252e/invoices/1",
    "/reports/..%25252finvoices/1",
    "/reports/..;/invoices/1",
    "/reports/..;a=b/invoices/1",
    "/reports/;/../../invoices/1",
    "/reports/%2e%2e;/invoices/1",
    "/reports/#/../../invoices/1",
    "/reports/x#/../../../invoices/1",
    "//invoices/1",
    "/%5cinvoices/1",
    "/invoices%2f1",
];
