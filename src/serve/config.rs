//! What other programs have to be told so that they ask the server, or start it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;

use super::Address;

/// A program that a configuration is for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Program {
    Caddy,
    Envoy,
    Nginx,
    Systemd,
    Traefik,
}

/// Why there is no such configuration.
#[derive(Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum ConfigError {
    /// The port is chosen only when the server begins to listen.
    #[error("{0} names no port that another program could be told")]
    NoPort(Address),
    #[error("Traefik can ask at an IP address and a port only, and not at {0}")]
    NotForTraefik(Address),
    /// Each program has words of its own for them.
    #[error(
        "{0} cannot be written into a configuration: the path has other characters than letters, digits and `/._-`"
    )]
    Path(Address),
    #[error("Traefik asks at one address, and there are {0}")]
    SeveralForTraefik(usize),
}

/// Where a template has the server's address. A line that has it is repeated for each address, but for Caddy, which has all
/// of them in one line.
const MARK: &str = "@ADDRESS@";

/// Kept from what is printed where other machines may ask.
const LOCAL_ONLY: &str = "IPAddressDeny=any\nIPAddressAllow=localhost\n";

impl Program {
    pub(crate) const ALL: [Self; 5] = [
        Self::Caddy,
        Self::Envoy,
        Self::Nginx,
        Self::Systemd,
        Self::Traefik,
    ];

    /// As it is chosen by.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Caddy => "caddy",
            Self::Envoy => "envoy",
            Self::Nginx => "nginx",
            Self::Systemd => "systemd",
            Self::Traefik => "traefik",
        }
    }

    /// A complete configuration with a server that listens at these addresses, of which there is one at least.
    ///
    /// # Errors
    /// For an address that the program cannot be told.
    pub(crate) fn config(self, addresses: &[Address]) -> Result<String, ConfigError> {
        let written: Result<Vec<String>, ConfigError> =
            addresses.iter().map(|it| self.address(it)).collect();
        let written = written?;
        Ok(match self {
            Self::Caddy => self.template().replace(MARK, &written.join(" ")),
            Self::Envoy | Self::Nginx => repeated(self.template(), &written),
            Self::Systemd => {
                let text = repeated(self.template(), &written);
                match addresses.iter().all(Address::is_local) {
                    true => text,
                    false => text.replace(LOCAL_ONLY, ""),
                }
            }
            Self::Traefik if written.len() > 1 => {
                return Err(ConfigError::SeveralForTraefik(written.len()));
            }
            Self::Traefik => self.template().replace(MARK, &written.concat()),
        })
    }

    fn template(self) -> &'static str {
        match self {
            Self::Caddy => include_str!("config/Caddyfile"),
            Self::Envoy => include_str!("config/envoy.yaml"),
            Self::Nginx => include_str!("config/nginx.conf"),
            Self::Systemd => include_str!("config/systemd.conf"),
            Self::Traefik => include_str!("config/traefik.yml"),
        }
    }

    fn address(self, address: &Address) -> Result<String, ConfigError> {
        Ok(match address {
            Address::Tcp(tcp) if tcp.port() == 0 => {
                return Err(ConfigError::NoPort(address.clone()));
            }
            Address::Tcp(tcp) if self == Self::Systemd => tcp.to_string(),
            Address::Tcp(tcp) => self.tcp(reachable(*tcp)),
            Address::Unix(path) => {
                let path = plain(path).ok_or_else(|| ConfigError::Path(address.clone()))?;
                match self {
                    Self::Caddy => format!("unix/{path}"),
                    Self::Envoy => format!("{{ pipe: {{ path: {path} }} }}"),
                    Self::Nginx => format!("unix:{path}"),
                    Self::Systemd => path.to_owned(),
                    Self::Traefik => return Err(ConfigError::NotForTraefik(address.clone())),
                }
            }
        })
    }

    fn tcp(self, address: SocketAddr) -> String {
        match self {
            Self::Envoy => format!(
                "{{ socket_address: {{ address: \"{}\", port_value: {} }} }}",
                address.ip(),
                address.port()
            ),
            _ => address.to_string(),
        }
    }
}

/// Who listens at all addresses is asked at the machine's own.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(match address.ip() {
            IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    address
}

/// A path that means the same in every configuration.
fn plain(path: &Path) -> Option<&str> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-".contains(&byte);
    path.to_str().filter(|path| path.bytes().all(is_plain))
}

fn repeated(template: &str, addresses: &[String]) -> String {
    let mut text = String::with_capacity(template.len() + 64);
    for line in template.split_inclusive('\n') {
        if line.contains(MARK) {
            text.extend(addresses.iter().map(|it| line.replace(MARK, it)));
        } else {
            text.push_str(line);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(texts: &[&str]) -> Vec<Address> {
        let parsed = texts.iter().map(|text| text.parse().expect("an address"));
        parsed.collect()
    }

    /// The lines that tell it.
    fn told(program: Program, texts: &[&str]) -> String {
        match program.config(&addresses(texts)) {
            Err(err) => err.to_string(),
            Ok(text) => {
                let marked = program.template().lines().filter(|it| it.contains(MARK));
                let start = marked.map(|it| it.split(MARK).next().unwrap_or_default());
                let start: Vec<&str> = start.collect();
                let lines = text.lines().filter(|line| {
                    start.iter().any(|start| line.starts_with(start)) && !line.contains(":3000")
                });
                let lines: Vec<&str> = lines.map(str::trim).collect();
                lines.join("\n")
            }
        }
    }

    #[test]
    fn addresses_are_written_as_each_program_wants_them() {
        let texts = ["[::1]:4871", "0.0.0.0:4872", "unix:/run/keywright/k.sock"];
        insta::assert_snapshot!(told(Program::Caddy, &texts), @"
        forward_auth [::1]:4871 127.0.0.1:4872 unix//run/keywright/k.sock {
        forward_auth [::1]:4871 127.0.0.1:4872 unix//run/keywright/k.sock {
        forward_auth [::1]:4871 127.0.0.1:4872 unix//run/keywright/k.sock {
        ");
        insta::assert_snapshot!(told(Program::Envoy, &texts), @r#"
        - endpoint: { address: { socket_address: { address: "::1", port_value: 4871 } } }
        - endpoint: { address: { socket_address: { address: "127.0.0.1", port_value: 4872 } } }
        - endpoint: { address: { pipe: { path: /run/keywright/k.sock } } }
        - endpoint: { address: { socket_address: { address: 127.0.0.1, port_value: 3000 } } }
        "#);
        insta::assert_snapshot!(told(Program::Nginx, &texts), @"
        server [::1]:4871;
        server 127.0.0.1:4872;
        server unix:/run/keywright/k.sock;
        ");
        insta::assert_snapshot!(told(Program::Systemd, &texts), @"
        ListenStream=[::1]:4871
        ListenStream=0.0.0.0:4872
        ListenStream=/run/keywright/k.sock
        ");
        insta::assert_snapshot!(told(Program::Traefik, &texts[1..2]), @r#"
        address: "http://127.0.0.1:4872/auth/proxy?require=method"
        address: "http://127.0.0.1:4872/auth/proxy?require=write:invoices&env=production&project=shop"
        "#);
    }

    #[test]
    fn what_a_program_cannot_be_told_is_refused() {
        let mut told_all = Vec::new();
        for program in Program::ALL {
            for text in [
                "127.0.0.1:0",
                "unix:/run/a b",
                "unix:/run/{x}",
                "unix:/run/a;\n",
            ] {
                let config = program.config(&addresses(&[text]));
                assert!(config.is_err(), "{program:?} {text}");
            }
        }
        for texts in [
            &["unix:/run/k.sock"][..],
            &["127.0.0.1:1", "127.0.0.1:2"],
            &["127.0.0.1:0"],
        ] {
            told_all.push(told(Program::Traefik, texts));
        }
        told_all.push(told(Program::Nginx, &["unix:/run/a b"]));
        insta::assert_snapshot!(told_all.join("\n"), @"
        Traefik can ask at an IP address and a port only, and not at unix:/run/k.sock
        Traefik asks at one address, and there are 2
        127.0.0.1:0 names no port that another program could be told
        unix:/run/a b cannot be written into a configuration: the path has other characters than letters, digits and `/._-`
        ");
    }

    #[test]
    fn other_machines_are_kept_out_unless_they_are_wanted() {
        let local = Program::Systemd.config(&addresses(&["127.0.0.1:1"]));
        let remote = Program::Systemd.config(&addresses(&["127.0.0.1:1", "192.0.2.1:1"]));
        assert!(local.expect("made").contains(LOCAL_ONLY));
        assert!(!remote.expect("made").contains("IPAddress"));
    }

    #[test]
    fn every_identity_header_is_in_every_proxys() {
        for program in [
            Program::Caddy,
            Program::Envoy,
            Program::Nginx,
            Program::Traefik,
        ] {
            let text = program.template().to_ascii_lowercase();
            for name in [
                "key-id",
                "key-name",
                "project",
                "environment",
                "permissions",
                "roles",
                "context",
                "generation",
                "request-id",
            ] {
                assert!(
                    text.contains(&format!("x-auth-{name}")),
                    "{program:?} {name}"
                );
            }
        }
    }
}
