//! The numbers for who watches a server.

use std::collections::BTreeSet;

use keywright::key::Timestamp;

use crate::common::TestEnv;
use crate::library::Library;
use crate::server::{Client, Server, with_token};

/// The samples of `/metrics`, each a line.
fn samples(client: &mut Client) -> Vec<String> {
    let text = client.ask("GET /metrics", &[]).text();
    let samples = text.lines().filter(|line| !line.starts_with('#'));
    samples.map(str::to_owned).collect()
}

#[test]
fn metrics_count_what_was_answered_and_tell_when_nothing_will_be() {
    let env = TestEnv::new();
    let mut library = env.library();
    let token = library.issue(&Library::new_key("ci"));
    let end = Timestamp(Timestamp::now().0 + 3600);
    for (expires_at, said) in [(None, 0), (Some(end), end.0)] {
        let mut command = env.serve();
        with_token(
            &mut command,
            &library.access(&format!("until {said}"), expires_at),
        );
        let server = Server::start(command);
        let mut client = server.client();
        for presented in [&*token, &token, "nonsense"] {
            client.ask("GET /auth/proxy", &[("x-api-key", presented)]);
        }
        let samples = samples(&mut client);
        for expected in [
            "keywright_answers_total{code=\"valid\"} 2".to_owned(),
            "keywright_answers_total{code=\"malformed\"} 1".to_owned(),
            "keywright_answers_total{code=\"unknown\"} 0".to_owned(),
            "keywright_available 1".to_owned(),
            "keywright_connections 1".to_owned(),
            "keywright_keys 1".to_owned(),
            format!("keywright_access_end_seconds {said}"),
        ] {
            assert!(samples.contains(&expected), "{expected}\n{samples:#?}");
        }
    }
}

/// An alert is written against these names.
#[test]
fn every_metric_stands_in_the_readme() {
    let env = TestEnv::new();
    env.create(["ci"]);
    let server = Server::start(env.serve());
    let samples = samples(&mut server.client());
    let name = |line: &String| line.split([' ', '{']).next().map(str::to_owned);
    let names: BTreeSet<String> = samples.iter().filter_map(name).collect();
    let readme = include_str!("../../README.md");
    let told = readme
        .split('`')
        .filter(|word| word.starts_with("keywright_"));
    let told: BTreeSet<String> = told.map(str::to_owned).collect();
    assert_eq!(names, told);
}
