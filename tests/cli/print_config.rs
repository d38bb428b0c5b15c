//! `serve --print-config`, apart from what the programs make of it: that is shown in `tests/contract`.

use crate::common::TestEnv;

/// Without a vault, and without one being made.
#[test]
fn it_needs_no_vault_and_listens_nowhere() {
    let env = TestEnv::empty();
    let before = env.files();
    for program in ["caddy", "envoy", "nginx", "systemd", "traefik"] {
        let outcome = env.run(["serve", "--print-config", program]);
        assert!(
            outcome.success() && outcome.stderr().is_empty(),
            "{outcome}"
        );
        let text = outcome.stdout_text();
        let is_told = match program {
            "envoy" => "address: \"127.0.0.1\", port_value: 4870",
            _ => "127.0.0.1:4870",
        };
        assert!(
            text.starts_with("# keywright ") && text.contains(is_told),
            "{outcome}"
        );
        assert!(
            !text.contains('@') || !text.contains("ADDRESS"),
            "{outcome}"
        );
        for line in text.lines() {
            assert!(
                line.chars().count() <= 135 || line.contains("copy_headers"),
                "{line}"
            );
        }
    }
    assert!(before == env.files());
}

#[test]
fn addresses_that_cannot_be_told_are_refused() {
    let env = TestEnv::empty();
    let refused = env.refused_lines(&[
        "serve --print-config apache",
        "serve --print-config nginx --listen 127.0.0.1:0",
        "serve --print-config nginx --listen 192.0.2.1:4870",
        "serve --print-config nginx --listen 'unix:/run/key wright.sock'",
        "serve --print-config traefik --listen unix:/run/keywright/keywright.sock",
        "serve --print-config traefik --listen 127.0.0.1:1 --listen 127.0.0.1:2",
    ]);
    insta::assert_snapshot!(refused, @r#"
    $ keywright serve --print-config apache
    error: invalid value 'apache' for '--print-config <PROGRAM>'
      [possible values: caddy, envoy, nginx, systemd, traefik]

    For more information, try '--help'.
    [exit 2]
    $ keywright serve --print-config nginx --listen 127.0.0.1:0
    error: 127.0.0.1:0 names no port that another program could be told
    hint: as --listen 127.0.0.1:4870 does
    [exit 2]
    $ keywright serve --print-config nginx --listen 192.0.2.1:4870
    error: other machines can reach 192.0.2.1:4870, and tokens would go there unencrypted
    hint: put a proxy in front that speaks TLS, or say that the network is trusted with --allow-remote
    [exit 8]
    $ keywright serve --print-config nginx --listen "unix:/run/key wright.sock"
    error: unix:/run/key wright.sock cannot be written into a configuration: the path has other characters than letters, digits and `/._-`
    hint: --listen chooses another path
    [exit 2]
    $ keywright serve --print-config traefik --listen unix:/run/keywright/keywright.sock
    error: Traefik can ask at an IP address and a port only, and not at unix:/run/keywright/keywright.sock
    hint: one --listen with an address such as 127.0.0.1:4870
    [exit 2]
    $ keywright serve --print-config traefik --listen 127.0.0.1:1 --listen 127.0.0.1:2
    error: Traefik asks at one address, and there are 2
    hint: one --listen with an address such as 127.0.0.1:4870
    [exit 2]
    "#);
}
