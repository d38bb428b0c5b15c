//! The README's container. There is no docker here: a stand-in does with a namespace for mounts what docker does with the
//! options that the recipe has, and fails at any other. The lines are run by the real bash, the mounts are real.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use rustix::process::geteuid;

use crate::common::{Outcome, TestEnv, needed, skip};
use crate::recipes::{files_of_server, filled, program, recipe, script};

const VALUE: &str = "sk-canary-container";

/// `/run` is empty in the container, its root is read-only, its environment is docker's; an image has the user's files.
const DOCKER: &str = r#"
[ "$1" = run ] && shift || exit 90
[ -n "$INSIDE" ] || { INSIDE=1; export INSIDE; exec unshare $NAMESPACE "$0" run "$@"; }
mount -t tmpfs -o mode=755 tmpfs /run || exit 91
given='HOME=/ PATH=/usr/local/bin:/usr/bin:/bin'
while :; do
    case $1 in
        --rm) ;;
        --read-only) read_only=1 ;;
        --user) user=$2; shift ;;
        --tmpfs) mkdir -p "$2" && mount -t tmpfs -o mode=1777 tmpfs "$2" || exit 92; shift ;;
        -e) given="$given $2"; shift ;;
        -v)
            IFS=: read -r from to mode <<END
$2
END
            [ "$mode" = ro ] || exit 93
            mkdir -p "${to%/*}"
            if [ -d "$from" ]; then mkdir "$to"; else : > "$to"; fi
            mount --bind "$from" "$to" && mount -o remount,bind,ro "$to" || exit 94
            shift ;;
        *) break ;;
    esac
    shift
done
[ "$1" = shop ] && shift || exit 95
[ "$read_only" = 1 ] && mount -o remount,bind,ro / && mount -o remount,ro /run || exit 96
[ "$AS_USER" = 1 ] && set -- setpriv --reuid "$user" --regid "$user" --clear-groups "$@"
cd / && exec env -i $given "$@"
"#;

/// Tells what it has, and what it can do with the mounts.
const SHOP: &str = r#"
echo "user $(id -u) has $OPENAI_API_KEY"
ls /run/keys
true > /run/keys/written
true > /run/secrets/keywright
true > /written
:
"#;

/// `None` without a namespace for mounts.
fn start(change: impl Fn(&str) -> String) -> Option<(TestEnv, Outcome)> {
    let (bash, _) = (needed("bash")?, needed("unshare")?);
    let env = TestEnv::new();
    env.set(["openai", "-p", "shop", "-e", "production"], VALUE);
    let root = geteuid().is_root();
    let namespace = if root { "-m" } else { "-rm" };
    let mut mounts = env.program("unshare");
    mounts.args([namespace, "sh", "-c", "mount -t tmpfs tmpfs /run"]);
    if !env.finish(mounts, "").success() {
        skip("no namespace for mounts can be made here");
        return None;
    }
    files_of_server(&env);
    script(&env, "bin/docker", DOCKER);
    script(&env, "shop", SHOP);
    // Others cannot reach the folder that it was built in, nor the home.
    fs::copy(env!("CARGO_BIN_EXE_keywright"), env.path("keywright")).expect("copied");
    fs::set_permissions(env.home(), fs::Permissions::from_mode(0o755)).expect("changed");
    let own = |below: &str| env.path(below).display().to_string();
    let lines = change(recipe("container-service"));
    let lines = filled(&lines, "/srv/shop", &own("srv"));
    let lines = filled(&lines, "/usr/local/bin/shop", &own("shop"));
    let lines = filled(
        &lines,
        "shop keywright run",
        &format!("shop {} run", own("keywright")),
    );
    // Who is not root can give a file to nobody.
    let lines = if root {
        lines
    } else {
        filled(&lines, "-o 1000 ", "")
    };
    let mut command = program(&env, &bash);
    command
        .args(["-e", "-c", &lines])
        .env("NAMESPACE", namespace)
        .env("AS_USER", if root { "1" } else { "0" });
    let outcome = env.finish(command, "");
    Some((env, outcome))
}

#[test]
fn a_container_service() {
    let Some((env, outcome)) = start(str::to_owned) else {
        return;
    };
    assert!(outcome.success(), "{outcome}");
    let user = if geteuid().is_root() { 1000 } else { 0 };
    assert_eq!(
        outcome.stdout_text(),
        format!("user {user} has {VALUE}\nkeywright.vault\n")
    );
    // Three times the program's own; nothing of keywright's.
    let told = outcome.stderr();
    let lines: Vec<&str> = told.lines().collect();
    assert_eq!(lines.len(), 3, "{outcome}");
    for line in lines {
        assert!(line.ends_with("Read-only file system"), "{outcome}");
    }
    let kept = fs::read_dir(env.path("srv/keys")).expect("readable");
    assert_eq!(kept.count(), 1);
}

/// Each part is needed: the token, the scope, the modes; and without a folder for the state there are the warnings that
/// the README tells of.
#[test]
fn a_container_service_without_a_part() {
    let with = |written: &'static str, own: &'static str| {
        start(|lines| filled(lines, written, own)).map(|(_, outcome)| outcome)
    };
    let token = " -e KEYWRIGHT_ACCESS_TOKEN_FILE=/run/secrets/keywright";
    let Some(without) = with(token, "") else {
        return;
    };
    assert_eq!(without.code(), Some(125), "{without}");
    assert!(without.stdout().is_empty(), "{without}");
    insta::assert_snapshot!(with("-e production", "-e staging").expect("started"), @"
    exit: 125
    ---- stdout
    ---- stderr
    error: the provider keys of shop/staging cannot be opened: the access token opens the provider keys of shop/production
    hint: choose with -p and -e what it opens; several access tokens, separated by spaces, open several
    ");
    insta::assert_snapshot!(with("-m 644", "-m 664").expect("started"), @"
    exit: 125
    ---- stdout
    ---- stderr
    error: the vault `/run/keys/keywright.vault` is refused: others can write it (mode 664)
    hint: run: chmod go-w /run/keys/keywright.vault
    ");
    let stateless = with(" --tmpfs /run/state", "").expect("started");
    assert!(stateless.success(), "{stateless}");
    assert!(stateless.stdout_text().contains(VALUE), "{stateless}");
    let told = stateless.stderr();
    for warning in [
        "warning: an older copy of the vault would not be noticed here: ",
        "warning: this use was not recorded: ",
    ] {
        assert!(told.contains(warning), "{stateless}");
    }
}
