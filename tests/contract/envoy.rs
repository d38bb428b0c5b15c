//! What `--print-config envoy` prints, run by a model of Envoy against the real server.
//!
//! Envoy itself is not run here. Modelled after the reference of its `ext_authz` filter and its connection manager, and not
//! proven: that this version reads this file, that an early header mutation is done before the filters, with names in lower
//! case and the whole name matched, that a client's path is appended to the prefix with its query, and that without
//! `upgrade_configs` an upgrade to h2c is ignored and any other is refused.

use serde_json::Value;

use crate::common::TestEnv;
use crate::http::{Message, Request, try_ask};
use crate::promises;
use crate::proxies::{IDENTITY, filled, kill, looks_like_identity, printed, spellings, tcp};
use crate::server::Server;
use crate::yaml::{self, texts};

struct Envoy {
    env: TestEnv,
    server: Server,
    settings: Value,
    token: String,
}

/// The only pattern that the model knows: names that begin as ours, with any other characters in the place of the dashes.
const FORGED: &str = "x[^a-z0-9]auth[^a-z0-9].*";

fn is_forged(name: &str) -> bool {
    let other = |byte: Option<&u8>| {
        byte.is_some_and(|byte| !byte.is_ascii_lowercase() && !byte.is_ascii_digit())
    };
    let bytes = name.as_bytes();
    name.starts_with('x')
        && other(bytes.get(1))
        && bytes.get(2..6) == Some(b"auth")
        && other(bytes.get(6))
}

impl Envoy {
    fn new() -> Self {
        let env = TestEnv::new();
        let token = env.create(["reader", "-p", "shop", "-e", "production"]);
        let server = Server::start(env.serve());
        let settings = yaml::parse(&printed(&env, "envoy", &tcp(&server).to_string()));
        Self {
            env,
            server,
            settings,
            token,
        }
    }

    fn manager(&self) -> &Value {
        let resources = &self.settings["static_resources"];
        &resources["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]
    }

    /// What reaches the service, or what the client is answered.
    fn pass(&self, request: &Request) -> Result<Message, Message> {
        let mut seen = request.message();
        for (name, _) in &mut seen.headers {
            name.make_ascii_lowercase();
        }
        let manager = self.manager();
        let underscores =
            &manager["common_http_protocol_options"]["headers_with_underscores_action"];
        if underscores == "REJECT_REQUEST"
            && seen.headers.iter().any(|(name, _)| name.contains('_'))
        {
            return Err(Message::answer(400));
        }
        let early = manager["early_header_mutation_extensions"].as_array();
        for extension in early.into_iter().flatten() {
            for mutation in extension["typed_config"]["mutations"]
                .as_array()
                .expect("a list")
            {
                let matcher = &mutation["remove_on_match"]["key_matcher"];
                match (
                    matcher["safe_regex"]["regex"].as_str(),
                    matcher["prefix"].as_str(),
                ) {
                    (Some(FORGED), None) => seen.headers.retain(|(name, _)| !is_forged(name)),
                    (None, Some(prefix)) => {
                        seen.headers.retain(|(name, _)| !name.starts_with(prefix))
                    }
                    _ => panic!("no mutation of the model's: {mutation}"),
                }
            }
        }
        self.upgrade(&mut seen)?;
        let names: Vec<&str> = manager["http_filters"]
            .as_array()
            .expect("filters")
            .iter()
            .map(|filter| filter["name"].as_str().expect("a name"))
            .collect();
        assert_eq!(
            names,
            ["envoy.filters.http.ext_authz", "envoy.filters.http.router"]
        );
        self.authorize(
            &manager["http_filters"][0]["typed_config"],
            request,
            &mut seen,
        )?;
        for name in texts(&manager["route_config"]["virtual_hosts"][0]["request_headers_to_remove"])
        {
            seen.remove(name);
        }
        Ok(seen)
    }

    fn upgrade(&self, seen: &mut Message) -> Result<(), Message> {
        assert!(self.manager()["upgrade_configs"].is_null());
        let connection = seen.all("connection").join(",").to_ascii_lowercase();
        let wanted = seen.all("upgrade").join(",");
        if connection.split(',').any(|it| it.trim() == "upgrade")
            && !["", "h2c"].contains(&wanted.as_str())
        {
            return Err(Message::answer(403));
        }
        for name in ["connection", "upgrade", "http2-settings"] {
            seen.remove(name);
        }
        Ok(())
    }

    fn authorize(
        &self,
        filter: &Value,
        request: &Request,
        seen: &mut Message,
    ) -> Result<(), Message> {
        let service = &filter["http_service"];
        let exact = |list: &Value| -> Vec<String> {
            let list = list["patterns"].as_array().expect("patterns");
            let exact = list
                .iter()
                .map(|it| it["exact"].as_str().expect("exact").to_owned());
            exact.collect()
        };
        let prefix = service["path_prefix"].as_str().expect("a prefix");
        let target = format!("{prefix}{}", request.target());
        let mut question = Request::new(request.method(), &target).header("Content-Length", "0");
        let added = service["authorization_request"]["headers_to_add"]
            .as_array()
            .expect("a list");
        let added: Vec<(&str, &str)> = added
            .iter()
            .map(|it| {
                (
                    it["key"].as_str().expect("a name"),
                    it["value"].as_str().expect("a value"),
                )
            })
            .collect();
        let mut allowed = exact(&filter["allowed_headers"]);
        allowed.push("authorization".to_owned());
        for (name, value) in &seen.headers {
            if allowed.contains(name) && !added.iter().any(|(added, _)| added == name) {
                question = question.header(name, value);
            }
        }
        for (name, value) in added {
            question = question.header(name, value);
        }
        let answer = try_ask(tcp(&self.server).port(), &question);
        let answer = answer.filter(|answer| answer.status() < 500);
        let response = &service["authorization_response"];
        match answer {
            None if filter["failure_mode_allow"] == "true" => Ok(()),
            None => {
                assert_eq!(filter["status_on_error"]["code"], "ServiceUnavailable");
                Err(Message::answer(503))
            }
            Some(answer) if answer.status() == 200 => {
                for name in exact(&response["allowed_upstream_headers"]) {
                    let values = answer.all(&name);
                    if !values.is_empty() {
                        seen.remove(&name);
                    }
                    for value in values {
                        seen.headers.push((name.clone(), value.to_owned()));
                    }
                }
                Ok(())
            }
            Some(mut answer) => {
                let told = exact(&response["allowed_client_headers"]);
                answer
                    .headers
                    .retain(|(name, _)| told.contains(&name.to_ascii_lowercase()));
                Err(answer)
            }
        }
    }
}

#[test]
fn who_it_is_reaches_the_service_and_nothing_forged_does() {
    let envoy = Envoy::new();
    let honest = envoy
        .pass(&Request::get("/x?require=admin&y=%zz").bearer(&envoy.token))
        .expect("allowed");
    assert_eq!(
        looks_like_identity(&honest).len(),
        IDENTITY.len(),
        "{honest:?}"
    );
    assert_eq!(honest.one("x-auth-roles"), Some("-"));
    assert_eq!(
        (honest.one("authorization"), honest.one("x-api-key")),
        (None, None)
    );
    envoy
        .pass(&Request::get("/").header("X-API-Key", &envoy.token))
        .expect("allowed");
    for name in IDENTITY {
        for spelling in spellings(name) {
            let request = Request::get("/")
                .header(&spelling, "forged")
                .bearer(&envoy.token);
            match envoy.pass(&request) {
                Err(answer) => {
                    assert!(spelling.contains('_'), "{spelling}");
                    assert_eq!(answer.status(), 400);
                }
                Ok(seen) => {
                    assert_eq!(
                        looks_like_identity(&seen).len(),
                        IDENTITY.len(),
                        "{spelling}"
                    );
                    assert!(
                        !format!("{seen:?}").contains("forged"),
                        "{spelling}: {seen:?}"
                    );
                }
            }
        }
    }
}

#[test]
fn no_other_protocol_is_spoken_with_the_service() {
    let envoy = Envoy::new();
    for upgrades in promises::UPGRADES {
        let request = promises::upgrade("Upgrade, HTTP2-Settings", upgrades);
        match envoy.pass(&request.bearer(&envoy.token)) {
            Err(answer) => assert_eq!(answer.status(), 403, "{upgrades:?}"),
            Ok(seen) => assert_eq!(seen.one("upgrade"), None, "{upgrades:?}"),
        }
    }
}

#[test]
fn refusals_are_the_servers() {
    let mut envoy = Envoy::new();
    let limited = ["limited", "-p", "shop", "-e", "production", "--rate", "1/m"];
    let limited = Request::get("/").bearer(&envoy.env.create(limited));
    let reader = |method, target: &str| Request::new(method, target).bearer(&envoy.token);
    let refused = |request: &Request| {
        let answer = envoy.pass(request).expect_err("refused");
        (
            answer.status(),
            answer.one("x-auth-code").unwrap_or("-").to_owned(),
        )
    };
    let told = |status: u16, code: &str| (status, code.to_owned());
    assert_eq!(refused(&Request::get("/")), told(401, "missing"));
    let challenge = envoy.pass(&Request::get("/")).expect_err("refused");
    assert_eq!(
        challenge.one("www-authenticate"),
        Some("Bearer realm=\"keywright\"")
    );
    assert_eq!(
        refused(&reader("POST", "/?require=read")),
        told(403, "insufficient_permission")
    );
    // The requirements are not the client's to say.
    for (name, value) in [
        ("X-Keywright-Require", "read"),
        ("X-Keywright-Project", "shop"),
        ("X-Keywright-Nonsense", "x"),
        ("X-Forwarded-Method", "GET"),
    ] {
        assert_eq!(
            refused(&reader("POST", "/").header(name, value)),
            told(403, "insufficient_permission")
        );
        let seen = envoy.pass(&reader("GET", "/").header(name, value));
        let seen = seen.expect("allowed");
        assert!(!name.starts_with("X-Keywright-") || seen.one(name).is_none());
    }
    envoy.pass(&limited).expect("allowed once");
    assert_eq!(refused(&limited), told(429, "rate_limited"));
    let wait = envoy.pass(&limited).expect_err("refused");
    assert!(wait.one("retry-after").is_some(), "{wait:?}");
    // However the path is spelt, it is under the prefix: 200 is for a good token alone.
    for target in [
        "/healthz",
        "/../../healthz",
        "/..%2f..%2fhealthz",
        "/.",
        "//",
        "/auth/envoy",
        "/?x=/healthz",
    ] {
        assert_eq!(refused(&Request::get(target)).0, 401, "{target}");
    }
    // A target without a path is no path of the server's.
    assert_eq!(refused(&Request::new("OPTIONS", "*")).0, 404);
    let request = reader("GET", "/");
    envoy.pass(&request).expect("allowed");
    kill(&mut envoy.server);
    let answer = envoy.pass(&request).expect_err("refused");
    assert_eq!(answer.status(), 503);
}

/// The twins: what the settings are for.
#[test]
fn without_its_settings_a_forged_header_reaches_the_service() {
    let mut envoy = Envoy::new();
    let text = printed(&envoy.env, "envoy", &tcp(&envoy.server).to_string());
    for (setting, other, name) in [
        ("REJECT_REQUEST", "ALLOW", "x_auth_roles"),
        (FORGED, "", "x.auth.roles"),
    ] {
        let text = match other {
            "" => filled(
                &text,
                &format!("safe_regex:\n                                regex: \"{FORGED}\""),
                "prefix: \"x-other-\"",
            ),
            other => filled(
                &filled(&text, setting, other),
                "safe_regex:\n                                regex: \"x[^a-z0-9]auth[^a-z0-9].*\"",
                "prefix: \"x-other-\"",
            ),
        };
        envoy.settings = yaml::parse(&text);
        let request = Request::get("/")
            .header(name, "forged")
            .bearer(&envoy.token);
        let seen = envoy.pass(&request).expect("allowed");
        assert_eq!(seen.one(name), Some("forged"), "{setting}");
    }
}
