//! No clock can be set, so keys that live for a second or two are made, and waited for.

use std::thread;
use std::time::{Duration, Instant};

use crate::common::{Outcome, TestEnv};

/// Waits until a command shows what it should.
#[track_caller]
fn wait_for(what: &str, run: impl Fn() -> Outcome, done: impl Fn(&Outcome) -> bool) -> Outcome {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let outcome = run();
        if done(&outcome) {
            return outcome;
        }
        assert!(Instant::now() < deadline, "{what} never came: {outcome}");
        thread::sleep(Duration::from_millis(100));
    }
}

/// All cases of an expiry in one test, so that they wait together.
#[test]
fn what_has_ended_is_refused_and_shown_as_ended() {
    let env = TestEnv::new();
    // Long-lived at first: their ends are near only after a rotation or an update.
    let rotated_away = env.create(["shortened", "--expires", "never"]);
    env.set(["provider"], "sk-0123456789abcdef");
    let overlapping = env.create(["overlap", "--expires", "never"]);
    let kept = env.create(["kept", "--expires", "10d"]);
    let revoked = env.create(["revoked", "--expires", "2s"]);
    assert!(env.run(["revoke", "revoked", "--yes"]).success());
    let short = env.create(["short", "--expires", "2s"]);
    let renewed = env.create(["renewed", "--expires", "2s"]);
    let shortened = env
        .run(["rotate", "shortened", "--yes", "--expires", "2s"])
        .token();
    assert!(
        env.run_with_stdin(
            ["set", "provider", "--expires", "2s"],
            "sk-0123456789abcdef"
        )
        .success()
    );
    let overlap_new = env
        .run(["rotate", "overlap", "--yes", "--overlap", "2s"])
        .token();

    let verify = |token: &str| env.run_with_stdin(["verify", "--no-record"], token);
    let ended = |outcome: &Outcome| outcome.code() == Some(10);
    let refused = wait_for("the end of a key", || verify(&short), ended);
    insta::assert_snapshot!(refused, @r"
    exit: 10
    ---- stdout
    expired: `short` in default/development
    ---- stderr
    ");
    wait_for("the end of a rotated key", || verify(&shortened), ended);
    wait_for("the end of an overlap", || verify(&overlapping), ended);
    wait_for("the end of a key to renew", || verify(&renewed), ended);
    wait_for(
        "the end of a value",
        || env.run(["show", "provider", "--json"]),
        |shown| shown.json()["key"]["status"] == "expired",
    );

    for (token, code) in [
        (&short, "expired"),
        (&shortened, "expired"),
        (&rotated_away, "rotated"),
        (&overlapping, "rotated"),
        (&overlap_new, "valid"),
        (&kept, "valid"),
        // Revoked comes before expired, and says more.
        (&revoked, "revoked"),
    ] {
        assert_eq!(env.code(token), code);
    }
    insta::assert_snapshot!(env.run(["get", "provider"]), @r"
    exit: 0
    ---- stdout
    sk-0123456789abcdef[no line end]
    ---- stderr
    warning: `provider` expired just now
    ");
    let status = |name: &str| {
        env.show([name])["status"]
            .as_str()
            .expect("text")
            .to_owned()
    };
    assert_eq!(status("short"), "expired");
    assert_eq!(status("overlap"), "active");
    assert_eq!(status("provider"), "expired");
    assert_eq!(status("revoked"), "revoked");
    let listed = |args: &[&str]| env.run([&["list", "--json"], args].concat()).names();
    assert_eq!(
        listed(&["--status", "expired"]),
        ["provider", "renewed", "short", "shortened"]
    );
    assert_eq!(
        listed(&["--expiring", "14d"]),
        ["kept", "provider", "renewed", "short", "shortened"]
    );
    insta::assert_snapshot!(env.run(["show", "short"]), @"
    exit: 0
    ---- stdout
    name         short
    key          kwt_dev1_[--KEY-ID--]_••••
    key id       [--KEY-ID--]
    kind         issued
    project      default
    environment  development
    status       expired
    permissions  read
    created      just now, [-------TIME-------] by tester@[HOST]
    expires      just now, [-------TIME-------]
    last used    never
    requests     0, 0 refused

    GENERATION  STATE    CREATED               CREATED BY  WORKS UNTIL           REQUESTS  LAST USED
    1           expired  [-------TIME-------]  tester@[HOST]  [-------TIME-------]  0         -
    ---- stderr
    ");
    insta::assert_snapshot!(env.run(["list", "--status", "expired"]), @"
    exit: 0
    ---- stdout
    NAME       SCOPE                KIND      STATUS   KEY                         PERMISSIONS  ROLES  PROVIDER  MODEL  VARIABLE  CREATED   CREATED BY  LAST USED  REQUESTS  EXPIRES
    provider   default/development  provider  expired  sk-••••def                  -            -      -         -      -         just now  tester@[HOST]  just now   1         just now
    renewed    default/development  issued    expired  kwt_dev1_[--KEY-ID--]_••••  read         -      -         -      -         just now  tester@[HOST]  -          0         just now
    short      default/development  issued    expired  kwt_dev1_[--KEY-ID--]_••••  read         -      -         -      -         just now  tester@[HOST]  -          0         just now
    shortened  default/development  issued    expired  kwt_dev1_[--KEY-ID--]_••••  read         -      -         -      -         just now  tester@[HOST]  -          0         just now
    ---- stderr
    ");

    // A rotation brings an ended key back, for as long as it was given at first, or longer.
    let back = env
        .run(["rotate", "renewed", "--yes", "--expires", "30d"])
        .token();
    assert_eq!(env.code(&back), "valid");
    assert_eq!(env.code(&renewed), "expired");
    // What has ended gets no overlap, whatever is asked for.
    let late = env
        .run([
            "rotate",
            "short",
            "--yes",
            "--overlap",
            "1h",
            "--expires",
            "30d",
        ])
        .token();
    assert_eq!(
        (env.code(&late), env.code(&short)),
        ("valid".into(), "expired".into())
    );
}
