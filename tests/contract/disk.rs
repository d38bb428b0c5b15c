//! Where uses cannot be recorded: answers go on, unless nothing may go unrecorded.

use std::fs;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use crate::common::TestEnv;
use crate::server::{Answer, DEADLINE, Server};

/// A server whose activity file is at a place of its own.
struct Scene {
    env: TestEnv,
    token: String,
    server: Server,
    activity: PathBuf,
}

impl Scene {
    fn new(config: &str) -> Self {
        let env = TestEnv::new();
        env.write(".config/keywright/config.toml", config);
        let token = env.create(["ci"]);
        let folder = env.path("activity");
        fs::create_dir(&folder).expect("made");
        let activity = folder.join("activity.db");
        let mut command = env.serve();
        command.env("KEYWRIGHT_ACTIVITY", &activity);
        Self {
            server: Server::start(command),
            env,
            token,
            activity,
        }
    }

    fn ask(&self) -> Answer {
        let key = [("x-api-key", self.token.as_str())];
        self.server.ask("GET /auth/proxy", &key)
    }

    fn requests(&self) -> u64 {
        let path = self.activity.to_str().expect("UTF-8");
        let shown = self
            .env
            .run_with_env(["show", "ci", "--json"], [("KEYWRIGHT_ACTIVITY", path)]);
        assert!(shown.success(), "{shown}");
        shown.json()["key"]["requests"].as_u64().expect("a number")
    }

    /// Puts something in its place that nothing can be recorded in.
    fn obstruct(&self) {
        let name = self.activity.with_file_name("kept");
        for side in ["", "-wal", "-shm"] {
            let with = |path: &PathBuf| PathBuf::from(format!("{}{side}", path.display()));
            // There need be none.
            let _ = fs::rename(with(&self.activity), with(&name));
        }
        fs::create_dir(&self.activity).expect("made");
    }

    fn mend(&self) {
        fs::remove_dir(&self.activity).expect("removed");
        let name = self.activity.with_file_name("kept");
        for side in ["", "-wal", "-shm"] {
            let with = |path: &PathBuf| PathBuf::from(format!("{}{side}", path.display()));
            let _ = fs::rename(with(&name), with(&self.activity));
        }
    }
}

#[test]
fn answers_go_on_while_they_cannot_be_recorded_and_are_recorded_later() {
    let mut scene = Scene::new("");
    assert_eq!(scene.ask().status, 200);
    scene.obstruct();
    for _ in 0..25 {
        assert_eq!(scene.ask().status, 200);
        thread::sleep(Duration::from_millis(100));
    }
    scene.server.wait_for("event=not-recorded");
    assert_eq!(
        scene.server.said("event=not-recorded"),
        1,
        "{}",
        scene.server.log()
    );
    scene.mend();
    scene.server.wait_for("event=recording-again");
    assert_eq!(scene.ask().status, 200);
    let Scene { server, .. } = &mut scene;
    server.signal(crate::server::Signal::TERM);
    assert!(server.end().success(), "{}", server.log());
    assert_eq!(scene.requests(), 27);
}

#[test]
fn what_cannot_be_recorded_in_the_end_is_told() {
    let mut scene = Scene::new("");
    scene.obstruct();
    for _ in 0..3 {
        assert_eq!(scene.ask().status, 200);
    }
    scene.server.signal(crate::server::Signal::TERM);
    let status = scene.server.end();
    assert_eq!(status.code(), Some(1), "{}", scene.server.log());
    assert_eq!(
        scene.server.said("event=uses-lost count=3"),
        1,
        "{}",
        scene.server.log()
    );
}

#[test]
fn nothing_is_answered_unrecorded_where_the_audit_is_required() {
    let scene = Scene::new("audit = \"required\"\n");
    assert_eq!(scene.ask().status, 200);
    assert_eq!(scene.requests(), 1);
    scene.obstruct();
    for _ in 0..3 {
        let answer = scene.ask();
        assert_eq!((answer.status, answer.code()), (503, "unavailable"));
        assert_eq!(answer.header("x-auth-key-id"), None);
    }
    scene.mend();
    let deadline = Instant::now() + DEADLINE;
    while scene.ask().status != 200 {
        assert!(Instant::now() < deadline, "{}", scene.server.log());
    }
    assert_eq!(
        scene.server.said("event=not-recorded"),
        1,
        "{}",
        scene.server.log()
    );
    assert_eq!(scene.requests(), 2);
    scene.server.stop();
}
