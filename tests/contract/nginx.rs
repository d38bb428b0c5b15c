//! The real nginx with what `--print-config nginx` prints.

use crate::http::Request;
use crate::promises;
use crate::proxies::{IDENTITY, Kind, Scene, filled, looks_like_identity};

fn nginx() -> Option<Scene> {
    Scene::new(Kind::Nginx)
}

#[test]
fn a_good_token_passes_with_all_that_is_known_of_it() {
    let Some(scene) = nginx() else { return };
    promises::a_good_token_passes_with_all_that_is_known_of_it(&scene);
}

#[test]
fn refusals_reach_the_client() {
    let Some(scene) = nginx() else { return };
    promises::refusals_reach_the_client(&scene);
}

#[test]
fn no_forged_header_reaches_the_service() {
    let Some(scene) = nginx() else { return };
    promises::no_forged_header_reaches_the_service(&scene);
}

#[test]
fn a_used_up_rate_is_429() {
    let Some(scene) = nginx() else { return };
    promises::a_used_up_rate_is_429(&scene);
}

#[test]
fn an_unreadable_vault_is_503() {
    let Some(scene) = nginx() else { return };
    promises::an_unreadable_vault_is_503(&scene);
}

#[test]
fn without_the_server_nobody_passes() {
    let Some(mut scene) = nginx() else { return };
    promises::without_the_server_nobody_passes(&mut scene);
}

#[test]
fn huge_headers_let_nobody_through() {
    let Some(scene) = nginx() else { return };
    promises::huge_headers_let_nobody_through(&scene);
}

#[test]
fn a_revoked_key_is_refused_with_the_next_request() {
    let Some(scene) = nginx() else { return };
    promises::a_revoked_key_is_refused_with_the_next_request(&scene);
}

#[test]
fn methods_ask_for_what_they_do() {
    let Some(scene) = nginx() else { return };
    promises::methods_ask_for_what_they_do(&scene);
}

#[test]
fn a_clients_query_is_its_own() {
    let Some(scene) = nginx() else { return };
    promises::a_clients_query_is_its_own(&scene);
}

#[test]
fn no_path_leads_around() {
    let Some(scene) = nginx() else { return };
    promises::no_path_leads_around(&scene);
}

#[test]
fn no_path_is_read_in_two_ways() {
    let Some(scene) = nginx() else { return };
    promises::no_path_is_read_in_two_ways(&scene);
}

#[test]
fn no_other_protocol_is_spoken_with_the_service() {
    let Some(scene) = nginx() else { return };
    promises::no_other_protocol_is_spoken_with_the_service(&scene);
}

#[test]
fn a_socket_is_asked_as_a_port_is() {
    let Some(scene) = Scene::at_a_socket(Kind::Nginx) else {
        return;
    };
    promises::refusals_reach_the_client(&scene);
}

/// The twins: what the settings are for.
#[test]
fn without_its_settings_a_forged_header_reaches_the_service() {
    let forged = |setting: &str, other: &str, name: &str| {
        let scene = Scene::changed(Kind::Nginx, |config| filled(&config, setting, other))?;
        let request = Request::get("/")
            .header(name, "forged")
            .bearer(&scene.reader);
        let seen = scene.passes(&request);
        Some(format!("{:?}", looks_like_identity(&seen)).contains("forged"))
    };
    for (setting, other, name) in [
        (
            "underscores_in_headers off;",
            "underscores_in_headers on;",
            "X_Auth_Roles",
        ),
        (
            "ignore_invalid_headers on;",
            "ignore_invalid_headers off;",
            "X.Auth.Roles",
        ),
        (
            "proxy_set_header X-Auth-Roles       $keywright_roles;",
            "",
            "X-Auth-Roles",
        ),
        (
            "proxy_pass http://guarded_service;",
            "proxy_set_header X-Mine 1; proxy_pass http://guarded_service;",
            "X-Auth-Roles",
        ),
    ] {
        let Some(is_forged) = forged(setting, other, name) else {
            return;
        };
        assert!(is_forged, "{setting}");
    }
}

/// The twin: nginx asks for what `/reports/` needs, and the service may read `/invoices/1`.
#[test]
fn without_its_setting_a_path_is_read_in_two_ways() {
    let refused = "        return 400;\n";
    let Some(scene) = Scene::changed(Kind::Nginx, |config| filled(&config, refused, "")) else {
        return;
    };
    for target in ["/reports/..;/invoices/1", "/invoices/1/../../reports/x"] {
        let seen = scene.passes(&Request::get(target).bearer(&scene.reader));
        assert_eq!(seen.first, format!("GET {target} HTTP/1.1"));
    }
}

#[test]
fn a_location_without_a_requirement_lets_nobody_through() {
    let Some(scene) = Scene::changed(Kind::Nginx, |config| {
        filled(&config, "set $keywright_require read;", "")
    }) else {
        return;
    };
    let admin = scene.token("admin", "admin");
    scene.passes(&Request::get("/").bearer(&admin));
    let answer = scene.refused(&Request::get("/reports/1").bearer(&admin));
    assert_eq!(
        (answer.status(), answer.one("x-auth-code")),
        (403, Some("bad_request"))
    );
}

/// A refusal of nginx's own is none of the server's.
#[test]
fn what_nginx_refuses_itself_stays_403() {
    let Some(scene) = Scene::changed(Kind::Nginx, |config| {
        filled(
            &config,
            "set $keywright_require read;",
            "set $keywright_require read; deny all;",
        )
    }) else {
        return;
    };
    let answer = scene.refused(&Request::get("/reports/1").bearer(&scene.reader));
    assert_eq!((answer.status(), answer.one("retry-after")), (403, None));
}

#[test]
fn headers_that_the_question_does_not_need_do_not_count() {
    let Some(scene) = nginx() else { return };
    let mut request = Request::get("/").bearer(&scene.reader);
    for number in 0..4 {
        request = request.header(&format!("X-Long-{number}"), &"a".repeat(7_000));
    }
    let seen = scene.passes(&request);
    assert_eq!(looks_like_identity(&seen).len(), IDENTITY.len());
}
