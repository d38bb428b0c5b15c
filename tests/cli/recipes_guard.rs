//! The README's guarded service: the real nginx and the real Caddy in front of one that node serves, with the lines as they are
//! written. A network namespace of its own has the ports that they name.

use std::fs;
use std::os::unix::fs::symlink;

use rustix::process::geteuid;

use crate::common::{Outcome, TestEnv, needed, skip};
use crate::recipes::{filled, install, program, recipe, script};

/// Tells what it was told.
const SERVICE: &str = "
require('node:http').createServer((request, response) => {
  const told = Object.entries(request.headers).filter(([name]) => name.startsWith('x-auth-'));
  const shown = told.filter(([name]) => !/-id$/.test(name)).map(([name, value]) => `${name}: ${value}\\n`);
  response.end(`${shown.sort().join('')}token: ${request.headers.authorization}\\n`);
}).listen(3000, '127.0.0.1');
";

/// What has to be there before a line that asks for it.
const WAIT: &str = "wait_for() { for _ in $(seq 500); do (: < \"/dev/tcp/127.0.0.1/$1\") 2>/dev/null && return; sleep 0.02; done; echo \"nothing at $1\"; exit 9; }";

/// The lines of a proxy's recipe between those of the others; all that they start ends with them.
fn guarded(env: &TestEnv, before: &str, proxy: &str) -> Option<Outcome> {
    let (bash, ip, unshare) = (needed("bash")?, needed("ip")?, needed("unshare")?);
    let _ = (needed("node")?, needed("curl")?);
    let namespaces: &[&str] = if geteuid().is_root() {
        &["-n", "-p", "-f", "--kill-child"]
    } else {
        &["-rn", "-p", "-f", "--kill-child"]
    };
    let mut tried = env.program(&unshare);
    tried
        .args(namespaces)
        .arg(&ip)
        .args(["link", "set", "lo", "up"]);
    if !env.finish(tried, "").success() {
        skip("no namespace for a network can be made here");
        return None;
    }
    install(env);
    let service = env.write("service.js", SERVICE);
    let lines = format!(
        "set -e\n{WAIT}\n{} link set lo up\nnode {} &\n{}wait_for 4870\nwait_for 3000\n{before}\n{proxy}wait_for 8080\n{}",
        ip.display(),
        service.display(),
        recipe("guard"),
        recipe("guard-curl")
    );
    let mut command = program(env, &unshare);
    let path = format!(
        "{}:/usr/local/bin:/usr/bin:/bin:/usr/sbin",
        env.path("bin").display()
    );
    command
        .args(namespaces)
        .arg(bash)
        .args(["-c", &lines])
        .env("PATH", path)
        .env("KEYWRIGHT_PASSPHRASE_FILE", env.path("passphrase"))
        .env("CADDY_ADMIN", "127.0.0.1:2019");
    Some(env.finish(command, ""))
}

#[track_caller]
fn assert_guards(outcome: &Outcome) {
    assert!(outcome.success(), "{outcome}");
    let lines = [
        "x-auth-context: -",
        "x-auth-environment: production",
        "x-auth-generation: 1",
        "x-auth-key-name: web",
        "x-auth-permissions: read",
        "x-auth-project: shop",
        "x-auth-roles: -",
        "token: undefined",
        "200",
        "401",
        "401",
    ];
    assert_eq!(
        outcome.stdout_text().lines().collect::<Vec<_>>(),
        lines,
        "{outcome}"
    );
}

#[test]
fn behind_nginx() {
    let Some(nginx) = needed("nginx") else { return };
    let env = TestEnv::new();
    let folder = env.path("nginx");
    fs::create_dir_all(folder.join("conf.d")).expect("made");
    let user = if geteuid().is_root() {
        "user root;\n"
    } else {
        ""
    };
    let shown = folder.display();
    let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
    let temporary: String = temporary
        .map(|name| format!("{name}_temp_path {shown}/{name};\n"))
        .concat();
    // As distributions have it.
    let main = format!(
        "{user}pid {shown}/pid;\nerror_log {shown}/log;\nevents {{}}\nhttp {{\naccess_log off;\n{temporary}include {shown}/conf.d/*.conf;\n}}\n"
    );
    env.write("nginx/nginx.conf", main);
    let stand_in = format!(
        "exec {} -q -e {shown}/log -c {shown}/nginx.conf \"$@\"\n",
        nginx.display()
    );
    script(&env, "bin/nginx", &stand_in);
    let lines = filled(
        recipe("guard-nginx"),
        "/etc/nginx/conf.d",
        &format!("{shown}/conf.d"),
    );
    // It runs already.
    if let Some(outcome) = guarded(&env, "nginx", &lines) {
        assert_guards(&outcome);
    }
}

#[test]
fn behind_caddy() {
    let Some(caddy) = needed("caddy") else { return };
    let env = TestEnv::new();
    fs::create_dir_all(env.path("bin")).expect("made");
    symlink(caddy, env.path("bin/caddy")).expect("linked");
    // What it says of its start.
    let lines = filled(
        recipe("guard-caddy"),
        "caddy start",
        "caddy start >caddy.log 2>&1",
    );
    if let Some(outcome) = guarded(&env, "", &lines) {
        assert_guards(&outcome);
    }
}
