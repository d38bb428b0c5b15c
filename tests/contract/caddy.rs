//! The real Caddy with what `--print-config caddy` prints.

use crate::http::Request;
use crate::promises::{self, upgrade};
use crate::proxies::{IDENTITY, Kind, Scene, filled, identity};

fn caddy() -> Option<Scene> {
    Scene::new(Kind::Caddy)
}

#[test]
fn a_good_token_passes_with_all_that_is_known_of_it() {
    let Some(scene) = caddy() else { return };
    promises::a_good_token_passes_with_all_that_is_known_of_it(&scene);
}

#[test]
fn refusals_reach_the_client() {
    let Some(scene) = caddy() else { return };
    promises::refusals_reach_the_client(&scene);
}

#[test]
fn no_forged_header_reaches_the_service() {
    let Some(scene) = caddy() else { return };
    promises::no_forged_header_reaches_the_service(&scene);
}

#[test]
fn a_used_up_rate_is_429() {
    let Some(scene) = caddy() else { return };
    promises::a_used_up_rate_is_429(&scene);
}

#[test]
fn an_unreadable_vault_is_503() {
    let Some(scene) = caddy() else { return };
    promises::an_unreadable_vault_is_503(&scene);
}

#[test]
fn without_the_server_nobody_passes() {
    let Some(mut scene) = caddy() else { return };
    promises::without_the_server_nobody_passes(&mut scene);
}

#[test]
fn huge_headers_let_nobody_through() {
    let Some(scene) = caddy() else { return };
    promises::huge_headers_let_nobody_through(&scene);
}

#[test]
fn a_revoked_key_is_refused_with_the_next_request() {
    let Some(scene) = caddy() else { return };
    promises::a_revoked_key_is_refused_with_the_next_request(&scene);
}

#[test]
fn methods_ask_for_what_they_do() {
    let Some(scene) = caddy() else { return };
    promises::methods_ask_for_what_they_do(&scene);
}

#[test]
fn a_clients_query_is_its_own() {
    let Some(scene) = caddy() else { return };
    promises::a_clients_query_is_its_own(&scene);
}

#[test]
fn no_path_leads_around() {
    let Some(scene) = caddy() else { return };
    promises::no_path_leads_around(&scene);
}

#[test]
fn no_path_is_read_in_two_ways() {
    let Some(scene) = caddy() else { return };
    promises::no_path_is_read_in_two_ways(&scene);
}

#[test]
fn no_other_protocol_is_spoken_with_the_service() {
    let Some(scene) = caddy() else { return };
    promises::no_other_protocol_is_spoken_with_the_service(&scene);
}

#[test]
fn a_socket_is_asked_as_a_port_is() {
    let Some(scene) = Scene::at_a_socket(Kind::Caddy) else {
        return;
    };
    promises::refusals_reach_the_client(&scene);
}

/// The twins: what the settings are for.
#[test]
fn without_its_settings_a_forged_header_reaches_the_service() {
    for (setting, other, name) in [
        ("\trequest_header -X_Auth*\n", "", "X_Auth_Roles"),
        ("\trequest_header -X.Auth*\n", "", "X.Auth.Roles"),
    ] {
        let Some(scene) = Scene::changed(Kind::Caddy, |config| filled(&config, setting, other))
        else {
            return;
        };
        let request = Request::get("/")
            .header(name, "forged")
            .bearer(&scene.reader);
        let seen = scene.passes(&request);
        assert!(
            format!("{seen:?}").contains("forged"),
            "{setting}: {seen:?}"
        );
    }
    let connection = "\trequest_header @other -Connection\n";
    let Some(scene) = Scene::changed(Kind::Caddy, |config| filled(&config, connection, "")) else {
        return;
    };
    let request = Request::get("/")
        .header("Connection", "X-Auth-Roles")
        .bearer(&scene.reader);
    assert_eq!(scene.passes(&request).one("x-auth-roles"), None);
    let Some(scene) = Scene::changed(Kind::Caddy, |config| {
        let config = filled(&config, "\trequest_header @upgrade Upgrade websocket\n", "");
        filled(&config, "Upgrade (?i)^websocket$", "Upgrade .")
    }) else {
        return;
    };
    let request = upgrade("Upgrade, HTTP2-Settings", &["h2c"]).bearer(&scene.reader);
    assert_eq!(scene.passes(&request).one("upgrade"), Some("h2c"));
    let Some(scene) = Scene::changed(Kind::Caddy, |config| {
        filled(&config, "\trespond @odd 400\n", "")
    }) else {
        return;
    };
    let target = "/reports/..;/invoices/1";
    let seen = scene.passes(&Request::get(target).bearer(&scene.reader));
    assert_eq!(seen.first, format!("GET {target} HTTP/1.1"));
}

/// Even where the first lines are forgotten: each header is in each answer, with `-` for nothing.
#[test]
fn the_answer_replaces_what_a_client_says() {
    let Some(scene) = Scene::changed(Kind::Caddy, |config| {
        filled(&config, "\trequest_header -X-Auth*\n", "")
    }) else {
        return;
    };
    let honest = identity(&scene.passes(&Request::get("/").bearer(&scene.reader)));
    let request = Request::get("/").bearer(&scene.reader);
    let forged = IDENTITY
        .iter()
        .fold(request, |request, name| request.header(name, "forged"));
    assert_eq!(identity(&scene.passes(&forged)), honest);
}
