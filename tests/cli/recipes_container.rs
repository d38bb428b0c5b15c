//! The README's container. There is no docker here: a stand-in does with a namespace for mounts what docker does with the
//! options that the recipe has, and fails at any other. The lines are run by the real bash, the mounts are real.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use rustix::process::geteuid;

use crate::common::{Outcome, TestEnv, needed, skip};
use crate::recipes::{files_of_server, filled, program, recipe, run_lines, script};

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
            case $mode in ro) ;; '') mode=rw ;; *) exit 93 ;; esac
            mkdir -p "${to%/*}"
            if [ -d "$from" ]; then mkdir "$to"; else : > "$to"; fi
            mount --bind "$from" "$to" && mount -o "remount,bind,$mode" "$to" || exit 94
            shift ;;
        *) break ;;
    esac
    shift
done
[ "$1" = shop ] && shift || exit 95
[ "$read_only" = 1 ] && mount -o remount,bind,ro / && mount -o remount,bind,ro /run || exit 96
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

/// A server with the files, and a docker; `None` without a namespace for mounts.
struct Server {
    env: TestEnv,
    bash: PathBuf,
    namespace: &'static str,
}

impl Server {
    fn new() -> Option<Self> {
        let (bash, _) = (needed("bash")?, needed("unshare")?);
        let env = TestEnv::new();
        env.set(["openai", "-p", "shop", "-e", "production"], VALUE);
        let namespace = if geteuid().is_root() { "-m" } else { "-rm" };
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
        Some(Self {
            env,
            bash,
            namespace,
        })
    }

    /// The recipe, with something else in the place of what is `written`.
    fn start(&self, written: &str, own: &str) -> Outcome {
        let path = |below: &str| self.env.path(below).display().to_string();
        let lines = filled(recipe("container-service"), written, own);
        let lines = filled(&lines, "/srv/shop", &path("srv"));
        let lines = filled(&lines, "/usr/local/bin/shop", &path("shop"));
        let program_of_image = format!("shop {} run", path("keywright"));
        let lines = filled(&lines, "shop keywright run", &program_of_image);
        // Who is not root can give a file to nobody.
        let root = geteuid().is_root();
        let lines = if root {
            lines
        } else {
            filled(&lines, "-o 1000 ", "")
        };
        let mut command = program(&self.env, &self.bash);
        command
            .args(["-e", "-c", &lines])
            .env("NAMESPACE", self.namespace)
            .env("AS_USER", if root { "1" } else { "0" });
        self.env.finish(command, "")
    }
}

#[test]
fn a_container_service() {
    let Some(server) = Server::new() else { return };
    let outcome = server.start("--rm", "--rm");
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
    let kept = fs::read_dir(server.env.path("srv/keys")).expect("readable");
    assert_eq!(kept.count(), 1);
}

/// Each part is needed: the token, the scope, the modes; and without a folder for the state there are the warnings that
/// the README tells of.
#[test]
fn a_container_service_without_a_part() {
    let Some(server) = Server::new() else { return };
    let token = " -e KEYWRIGHT_ACCESS_TOKEN_FILE=/run/secrets/keywright";
    let without = server.start(token, "");
    assert_eq!(without.code(), Some(125), "{without}");
    assert!(without.stdout().is_empty(), "{without}");
    insta::assert_snapshot!(server.start("-e production", "-e staging"), @"
    exit: 125
    ---- stdout
    ---- stderr
    error: the provider keys of shop/staging cannot be opened: the access token opens the provider keys of shop/production
    hint: choose with -p and -e what it opens; several access tokens, separated by spaces, open several; unset KEYWRIGHT_ACCESS_TOKEN_FILE to use the agent or the passphrase
    ");
    insta::assert_snapshot!(server.start("-m 644", "-m 664"), @"
    exit: 125
    ---- stdout
    ---- stderr
    error: the vault `/run/keys/keywright.vault` is refused: others can write it (mode 664)
    hint: run: chmod go-w /run/keys/keywright.vault
    ");
    let stateless = server.start(" --tmpfs /run/state", "");
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

/// What the README says of a volume in place of the `--tmpfs`, and its twin without one.
#[test]
fn a_container_service_that_keeps_its_state_notices_an_older_slice() {
    let Some(server) = Server::new() else { return };
    let older = fs::read(server.env.path("keywright.vault")).expect("made");
    run_lines(&server.env, "install -d -m 777 state");
    let volume = format!("-v {}:/run/state", server.env.path("state").display());
    let start = |state: &str| server.start("--tmpfs /run/state", state);
    server.env.set(
        ["openai", "-p", "shop", "-e", "production", "--yes"],
        "sk-newer-canary",
    );
    run_lines(
        &server.env,
        "keywright backup --scope shop/production --kind provider --refresh keywright.vault",
    );
    let outcome = start(&volume);
    assert!(
        outcome.stdout_text().contains(" has sk-newer-canary\n"),
        "{outcome}"
    );
    let kept = server.env.files().into_keys();
    let mut activity = kept.filter(|path| path.ends_with("activity.db"));
    assert!(activity.any(|path| path.starts_with(server.env.path("state"))));
    fs::write(server.env.path("keywright.vault"), older).expect("put back");
    insta::assert_snapshot!(start(&volume), @"
    exit: 125
    ---- stdout
    ---- stderr
    error: the vault `/run/keys/keywright.vault` is older (change 1) than the one this machine has seen (change 2)
    hint: put the newer vault back, or go on with this one with --accept-rollback
    ");
    let outcome = start("--tmpfs /run/state");
    assert!(outcome.success(), "{outcome}");
}
