//! What `--print-config traefik` prints, run by a model of Traefik against the real server.
//!
//! Traefik itself is not run here. Modelled after its documentation and the source of its forwardAuth and headers middlewares,
//! and not proven: that this version reads this file; that `aliasHeadersStrategy: delete` takes away each header whose name has
//! another character than letters, digits and `-` before anything is routed; that what a client names in `Connection` goes at the
//! entry point, and not after the middlewares, but for `Upgrade`, whose first value is passed on as the middlewares left it; and
//! that a longer rule wins.

use serde_json::Value;

use crate::common::TestEnv;
use crate::http::{Message, Request, try_ask};
use crate::promises;
use crate::proxies::{IDENTITY, filled, kill, looks_like_identity, printed, spellings, tcp};
use crate::server::Server;
use crate::yaml;

struct Traefik {
    env: TestEnv,
    server: Server,
    settings: Value,
    token: String,
}

impl Traefik {
    fn new() -> Self {
        let env = TestEnv::new();
        let token = env.create(["reader", "-p", "shop", "-e", "production"]);
        let server = Server::start(env.serve());
        let settings = yaml::parse(&printed(&env, "traefik", &tcp(&server).to_string()));
        Self {
            env,
            server,
            settings,
            token,
        }
    }

    /// What reaches the service, or what the client is answered.
    fn pass(&self, request: &Request) -> Result<Message, Message> {
        let mut seen = request.message();
        let http = &self.settings["http"];
        let strategy = &self.settings["entryPoints"]["web"]["http"]["aliasHeadersStrategy"];
        if strategy == "delete" {
            let is_plain =
                |name: &str| name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
            seen.headers.retain(|(name, _)| is_plain(name));
        }
        // Hop by hop.
        let connection = seen.all("connection").join(",").to_ascii_lowercase();
        let upgrades = connection.split(',').any(|it| it.trim() == "upgrade");
        seen.remove("connection");
        let routers = http["routers"].as_object().expect("routers");
        let matching = routers.values().filter(|router| {
            let rule = router["rule"].as_str().expect("a rule");
            let prefix = rule
                .strip_prefix("PathPrefix(`")
                .and_then(|rest| rest.strip_suffix("`)"));
            request
                .target()
                .starts_with(prefix.expect("a rule of a prefix"))
        });
        let rule = |router: &&Value| router["rule"].as_str().map_or(0, str::len);
        let router = matching.max_by_key(rule).expect("a router");
        for name in yaml::texts(&router["middlewares"]) {
            let middleware = &http["middlewares"][name];
            let [(kind, options)] = &middleware
                .as_object()
                .expect("one")
                .iter()
                .collect::<Vec<_>>()[..]
            else {
                panic!("a middleware does one thing: {middleware}");
            };
            match kind.as_str() {
                "forwardAuth" => self.forward(options, request, &mut seen)?,
                "headers" => {
                    for (name, value) in options["customRequestHeaders"]
                        .as_object()
                        .expect("headers")
                    {
                        seen.remove(name);
                        let value = value.as_str().expect("a text");
                        if !value.is_empty() {
                            seen.headers.push((name.clone(), value.to_owned()));
                        }
                    }
                }
                other => panic!("no middleware of the model's: {other}"),
            }
        }
        assert!(http["services"][router["service"].as_str().expect("a name")].is_object());
        let upgrade = seen.all("upgrade").first().map(|it| (*it).to_owned());
        seen.remove("upgrade");
        if let Some(upgrade) = upgrade.filter(|_| upgrades) {
            seen.headers
                .push(("Connection".to_owned(), "Upgrade".to_owned()));
            seen.headers.push(("Upgrade".to_owned(), upgrade));
        }
        Ok(seen)
    }

    fn forward(
        &self,
        options: &Value,
        request: &Request,
        seen: &mut Message,
    ) -> Result<(), Message> {
        let address = options["address"].as_str().expect("an address");
        let (host, target) = address
            .strip_prefix("http://")
            .and_then(|rest| rest.split_once('/'))
            .expect("a path");
        assert_eq!(host, tcp(&self.server).to_string());
        assert_eq!(options["trustForwardHeader"], "false");
        let mut question = Request::get(&format!("/{target}"));
        for name in yaml::texts(&options["authRequestHeaders"]) {
            for value in seen.all(name) {
                question = question.header(name, value);
            }
        }
        let question = question
            .header("X-Forwarded-For", "192.0.2.7")
            .header("X-Forwarded-Method", request.method())
            .header("X-Forwarded-Proto", "http")
            .header("X-Forwarded-Host", "localhost")
            .header("X-Forwarded-Uri", request.target());
        let Some(answer) = try_ask(tcp(&self.server).port(), &question) else {
            return Err(Message::answer(500));
        };
        if !(200..300).contains(&answer.status()) {
            return Err(answer);
        }
        for name in yaml::texts(&options["authResponseHeaders"]) {
            seen.remove(name);
            for value in answer.all(name) {
                seen.headers.push((name.to_owned(), value.to_owned()));
            }
        }
        Ok(())
    }
}

#[test]
fn who_it_is_reaches_the_service_and_nothing_forged_does() {
    let traefik = Traefik::new();
    let honest = traefik
        .pass(&Request::get("/").bearer(&traefik.token))
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
    for name in IDENTITY {
        for spelling in spellings(name) {
            let request = Request::get("/")
                .header(&spelling, "forged")
                .bearer(&traefik.token);
            let seen = traefik.pass(&request).expect("allowed");
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

#[test]
fn no_other_protocol_is_spoken_with_the_service() {
    let mut traefik = Traefik::new();
    let pass = |traefik: &Traefik, upgrades| {
        let request = promises::upgrade("Upgrade, HTTP2-Settings", upgrades);
        let seen = traefik.pass(&request.bearer(&traefik.token));
        seen.expect("allowed")
    };
    for upgrades in promises::UPGRADES {
        promises::only_a_web_socket(&pass(&traefik, upgrades));
    }
    let plain = traefik.pass(&Request::get("/").bearer(&traefik.token));
    assert_eq!(plain.expect("allowed").one("upgrade"), None);
    // The twin.
    let text = printed(&traefik.env, "traefik", &tcp(&traefik.server).to_string());
    traefik.settings = yaml::parse(&filled(&text, "        - web-socket-only\n", ""));
    assert_eq!(pass(&traefik, &["h2c"]).one("upgrade"), Some("h2c"));
}

#[test]
fn refusals_are_the_servers() {
    let mut traefik = Traefik::new();
    let limited = ["limited", "-p", "shop", "-e", "production", "--rate", "1/m"];
    let limited = Request::get("/").bearer(&traefik.env.create(limited));
    let reader = |method, target: &str| Request::new(method, target).bearer(&traefik.token);
    let refused = |request: &Request| {
        let answer = traefik.pass(request).expect_err("refused");
        let told = ["x-auth-code", "retry-after", "www-authenticate"].map(|name| {
            let told = answer.one(name).unwrap_or("-");
            told.replace("Bearer realm=\"keywright\"", "…")
        });
        format!("{} {}", answer.status(), told.join(" "))
    };
    assert_eq!(refused(&Request::get("/")), "401 missing - …");
    let scope = "… error=\"insufficient_scope\"".replace("… ", "…, ");
    assert_eq!(
        refused(&reader("POST", "/?require=read")),
        format!(
            "403 insufficient_permission - {scope}, scope=\"write\", code=\"insufficient_permission\""
        )
    );
    assert_eq!(
        refused(&reader("GET", "/invoices/1?require=read")),
        format!(
            "403 insufficient_permission - {scope}, scope=\"write:invoices\", code=\"insufficient_permission\""
        )
    );
    let forged = Request::new("POST", "/").header("X-Forwarded-Method", "GET");
    assert!(refused(&forged.bearer(&traefik.token)).starts_with("403 "));
    traefik.pass(&limited).expect("allowed once");
    let told = refused(&limited);
    assert!(
        told.starts_with("429 rate_limited ") && told.ends_with(" -"),
        "{told}"
    );
    let request = reader("GET", "/");
    traefik.pass(&request).expect("allowed");
    kill(&mut traefik.server);
    assert_eq!(traefik.pass(&request).expect_err("refused").status(), 500);
}

/// The twins: what the settings are for.
#[test]
fn without_its_settings_a_forged_header_reaches_the_service() {
    let mut traefik = Traefik::new();
    let text = printed(&traefik.env, "traefik", &tcp(&traefik.server).to_string());
    for (setting, name) in [
        ("aliasHeadersStrategy: delete", "X.Auth.Roles"),
        ("          - X-Auth-Roles\n", "X-Auth-Roles"),
    ] {
        let other = match setting.contains("alias") {
            true => "aliasHeadersStrategy: keep",
            false => "",
        };
        traefik.settings = yaml::parse(&filled(&text, setting, other));
        let request = Request::get("/")
            .header(name, "forged")
            .bearer(&traefik.token);
        let seen = traefik.pass(&request).expect("allowed");
        assert_eq!(seen.one(name), Some("forged"), "{setting}");
    }
}
