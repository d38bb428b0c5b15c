//! Where uses cannot be recorded: answers go on, unless nothing may go unrecorded.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use crate::common::{TestEnv, tell};
use crate::server::{Answer, DEADLINE, Server};

/// A server whose activity file is at a place of its own.
struct Scene {
    env: TestEnv,
    token: String,
    server: Server,
    activity: PathBuf,
}

/// A disk of 1 MiB in a folder's place, unmounted when it is dropped.
struct Disk(PathBuf);

impl Disk {
    /// `None` where nothing can be mounted, as root in a container often may not.
    fn at(folder: &Path) -> Option<Self> {
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=1m,mode=700", "tmpfs"]);
        let is_mounted = mount
            .arg(folder)
            .output()
            .is_ok_and(|it| it.status.success());
        if !is_mounted {
            tell("no tmpfs can be mounted");
        }
        is_mounted.then(|| Self(folder.to_owned()))
    }

    fn fill(&self) {
        let mut ballast = File::create(self.0.join("ballast")).expect("made");
        while ballast.write_all(&[0; 512]).is_ok() {}
    }

    fn empty(&self) {
        fs::remove_file(self.0.join("ballast")).expect("removed");
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily: a server that has not ended yet has files there.
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

impl Scene {
    fn new(config: &str) -> Self {
        Self::prepared(config, |_| ()).0
    }

    /// With what `prepare` makes of the folder of the activity file.
    fn prepared<T>(config: &str, prepare: impl FnOnce(&Path) -> T) -> (Self, T) {
        let env = TestEnv::new();
        env.write(".config/keywright/config.toml", config);
        let token = env.create(["ci"]);
        let folder = env.path("activity");
        fs::create_dir(&folder).expect("made");
        let prepared = prepare(&folder);
        let activity = folder.join("activity.db");
        let mut command = env.serve();
        command.env("KEYWRIGHT_ACTIVITY", &activity);
        let scene = Self {
            server: Server::start(command),
            env,
            token,
            activity,
        };
        (scene, prepared)
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
fn a_full_disk_holds_up_no_answers_and_loses_none_that_it_has_room_for_again() {
    let (mut scene, disk) = Scene::prepared("", Disk::at);
    let Some(disk) = disk else {
        return;
    };
    assert_eq!(scene.ask().status, 200);
    thread::sleep(Duration::from_millis(1_500));
    disk.fill();
    let mut asked = 1;
    while scene.server.said("event=not-recorded") == 0 {
        assert_eq!(scene.ask().status, 200);
        asked += 1;
        assert!(asked < 2_000, "{}", scene.server.log());
        thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(scene.ask().status, 200);
    disk.empty();
    scene.server.wait_for("event=recording-again");
    scene.server.signal(crate::server::Signal::TERM);
    assert!(scene.server.end().success(), "{}", scene.server.log());
    assert_eq!(scene.requests(), asked + 1);
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

#[test]
fn a_server_that_could_answer_nothing_does_not_start() {
    let env = TestEnv::new();
    env.write(".config/keywright/config.toml", "audit = \"required\"\n");
    let folder = env.path("activity");
    fs::create_dir(&folder).expect("made");
    let mut command = env.serve();
    let ended = command.env("KEYWRIGHT_ACTIVITY", &folder).output();
    let ended = ended.expect("it ran");
    let told = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(1), "{told}");
    assert!(
        told.contains("error: the activity file cannot be used"),
        "{told}"
    );
}
