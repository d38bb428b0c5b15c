//! What `keywright serve` promises to those who ask it, over real sockets.

mod api;
mod caddy;
mod concurrency;
mod counting;
mod disk;
mod envoy;
mod halted;
mod http;
mod library;
mod limits;
mod metrics;
mod nginx;
mod other_user;
mod promises;
mod proxies;
mod queued;
mod replaced;
mod requests;
mod revocation;
mod server;
mod start;
mod stop;
mod systemd;
mod traefik;
mod yaml;

// A home of its own for every test, as the tests of the command line have it.
#[allow(dead_code, reason = "they need more of it")]
#[path = "../cli/agents.rs"]
mod agents;
#[allow(dead_code, reason = "they need more of it")]
#[path = "../cli/common.rs"]
mod common;
#[path = "../cli/mask.rs"]
mod mask;
#[allow(dead_code, reason = "they need more of it")]
#[path = "../cli/terminal.rs"]
mod terminal;
