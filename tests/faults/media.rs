//! Disks that are full or can only be read, and a standard output that takes nothing. The disks are small tmpfs mounts,
//! which only root can make, and not in every container.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::deed::Deed;
use crate::rig::{Home, Outcome, can_trace, make_folder, skip};
use crate::scene::{Effect, Scene, bytes_of, ensure};

const PAGE: u64 = 4096;

/// A tmpfs of 1 MiB, unmounted when it is dropped.
struct Medium(PathBuf);

impl Medium {
    /// In `folder`; `None` where nothing can be mounted, and says so. Root in a container often may not, so this is no
    /// failure even where no program is missing.
    fn in_folder(folder: &Path) -> Option<Self> {
        let path = folder.join("medium");
        make_folder(&path);
        let mounted = mount(&["-t", "tmpfs", "-o", "size=1m,mode=700", "tmpfs"], &path);
        match mounted {
            Ok(()) => Some(Self(path)),
            Err(reason) => {
                skip(&format!("no tmpfs can be mounted: {reason}"));
                None
            }
        }
    }

    fn remount(&self, option: &str) {
        mount(&["-o", &format!("remount,{option}")], &self.0).expect("remounted");
    }

    /// Leaves this many free pages.
    fn fill(&self, pages: u64) {
        let ballast = self.ballast();
        let mut file = File::create(&ballast).expect("a file");
        while file.write_all(&[0; PAGE as usize]).is_ok() {}
        let length = file.metadata().expect("a length").len();
        let length = length.checked_sub(pages * PAGE).expect("a larger disk");
        file.set_len(length).expect("shortened");
    }

    fn empty(&self) {
        fs::remove_file(self.ballast()).expect("removed");
    }

    fn ballast(&self) -> PathBuf {
        self.0.join("ballast")
    }
}

impl Drop for Medium {
    fn drop(&mut self) {
        let unmount = |args: &[&str]| {
            let status = Command::new("umount").args(args).arg(&self.0).status();
            status.is_ok_and(|status| status.success())
        };
        if !unmount(&[]) {
            unmount(&["-l"]);
        }
    }
}

fn mount(args: &[&str], at: &Path) -> Result<(), String> {
    let output = Command::new("mount")
        .args(args)
        .arg(at)
        .stdin(Stdio::null())
        .output()
        .map_err(|err| err.to_string())?;
    if output.status.success() {
        Ok(())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).trim().to_owned())
    }
}

/// Where the medium is in a user's life.
#[derive(Clone, Copy, Debug)]
enum On {
    /// Vault, anchor and activity file.
    Everything,
    /// The vault alone.
    Vault,
}

/// A scene on a medium, which is unmounted before its folder is removed: fields are dropped in the order of their declaration,
/// and variables that they are taken into in the opposite order.
struct Place {
    medium: Medium,
    scene: Scene,
}

impl Place {
    fn new(on: On, deed: Deed) -> Option<Self> {
        let folder = tempfile::tempdir().expect("a folder");
        let medium = Medium::in_folder(folder.path())?;
        let mut home = Home::new(folder.path());
        match on {
            On::Everything => {
                home.path = medium.0.join("home");
                make_folder(&home.path);
            }
            On::Vault => home.elsewhere = Some(medium.0.join("vault.db")),
        }
        let scene = Scene::with(deed, home, folder);
        Some(Self { medium, scene })
    }
}

/// Nothing but a refusal that says so, and the vault as it was, byte for byte.
#[track_caller]
fn assert_refused(outcome: &Outcome, words: &str) {
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    assert!(outcome.stderr.contains(words), "{outcome:?}");
    assert!(outcome.stdout.is_empty(), "{outcome:?}");
}

#[test]
fn a_full_disk_is_read_and_refuses_what_would_change_it() {
    for on in [On::Everything, On::Vault] {
        for deed in [Deed::Create, Deed::Replace, Deed::Rotate] {
            let Some(Place { scene, medium }) = Place::new(on, deed) else {
                return;
            };
            let before = bytes_of(&scene.home.vault());
            medium.fill(0);
            scene
                .check_reads()
                .unwrap_or_else(|wrong| panic!("{on:?}: {wrong}"));
            assert_refused(&scene.run(), "no space is left");
            assert!(before == bytes_of(&scene.home.vault()), "{on:?} {deed:?}");
            scene
                .check_reads()
                .unwrap_or_else(|wrong| panic!("{on:?}: {wrong}"));
        }
    }
}

#[test]
fn a_disk_that_fills_up_on_the_way_does_no_harm() {
    for deed in [Deed::Create, Deed::Rotate, Deed::Set] {
        let Some(Place { scene, medium }) = Place::new(On::Everything, deed) else {
            return;
        };
        let mut refused = 0;
        for pages in (0..16).step_by(3) {
            scene.reset();
            medium.fill(pages);
            let outcome = scene.run();
            let check = || {
                scene.check_reads()?;
                let effect = scene.check(&outcome)?;
                let happened = effect == Effect::Whole;
                ensure(outcome.is_done() == happened, "what it says is not so")?;
                medium.empty();
                scene.check_again(effect, &outcome)
            };
            check().unwrap_or_else(|wrong| {
                panic!("{deed:?} with {pages} pages left: {wrong}\n{outcome:?}")
            });
            refused += u32::from(!outcome.is_done());
        }
        assert!(refused > 0, "{deed:?}: the disk was never full");
    }
}

#[test]
fn a_read_only_disk_is_read_and_refuses_what_would_change_it() {
    for on in [On::Everything, On::Vault] {
        for deed in [Deed::Create, Deed::Replace, Deed::Rotate] {
            let Some(Place { scene, medium }) = Place::new(on, deed) else {
                return;
            };
            let before = bytes_of(&scene.home.vault());
            medium.remount("ro");
            scene
                .check_reads()
                .unwrap_or_else(|wrong| panic!("{on:?}: {wrong}"));
            let verify = scene.home.run(&["get", "provider"], "");
            let warned = verify.stderr.contains("warning: this use was not recorded");
            assert_eq!(warned, matches!(on, On::Everything), "{verify:?}");
            assert_refused(&scene.run(), "can only be read here; nothing was changed");
            assert!(before == bytes_of(&scene.home.vault()), "{on:?} {deed:?}");
        }
    }
}

#[test]
fn a_vault_is_not_made_on_a_disk_that_takes_none() {
    let Some(Place { scene, medium }) = Place::new(On::Everything, Deed::Init) else {
        return;
    };
    medium.fill(0);
    let full = scene.run();
    medium.empty();
    medium.remount("ro");
    let read_only = scene.run();
    medium.remount("rw");
    for outcome in [full, read_only] {
        assert_eq!(outcome.code, Some(1), "{outcome:?}");
        assert!(outcome.stderr.starts_with("error: "), "{outcome:?}");
        let effect = scene.check(&outcome).expect("no vault");
        assert_eq!(effect, Effect::Nothing, "{outcome:?}");
    }
    assert!(scene.run().is_done());
}

#[test]
fn a_half_written_vault_on_a_read_only_disk_is_refused_and_not_called_damaged() {
    if !can_trace() {
        return;
    }
    let Some(Place { scene, medium }) = Place::new(On::Everything, Deed::Replace) else {
        return;
    };
    let outcome = scene.kill_in_commit();
    assert_eq!(outcome.code, None, "{outcome:?}");
    medium.remount("ro");
    let list = scene.home.run(&["list"], "");
    assert_eq!(list.code, Some(1), "{list:?}");
    medium.remount("rw");
    assert_eq!(scene.check(&outcome).expect("whole"), Effect::Nothing);
}

#[test]
fn a_token_that_standard_output_does_not_take_is_undone() {
    for deed in [Deed::Create, Deed::Rotate] {
        let scene = Scene::new(deed);
        let outcome = scene.home.run_into(full(), deed.args(), deed.input());
        assert_refused(&outcome, "could not be handed over");
        let effect = scene.check(&outcome).expect("whole");
        assert_eq!(effect, Effect::Nothing, "{deed:?}");
    }
}

#[test]
fn an_answer_that_standard_output_does_not_take_is_a_failure() {
    let scene = Scene::new(Deed::Set);
    for args in [
        &["list"][..],
        &["list", "--json"],
        &["show", "target"],
        &["get", "provider"],
        &["get", "provider", "--json"],
        &["status"],
    ] {
        let outcome = scene.home.run_into(full(), args, "");
        assert_refused(&outcome, "cannot be written to standard output");
        assert!(scene.check_secrecy(&outcome).is_ok(), "{outcome:?}");
    }
}

fn full() -> File {
    let opened = OpenOptions::new().write(true).open("/dev/full");
    opened.expect("/dev/full is everywhere on Linux")
}

/// For the guard's sake: what is not unmounted would stay behind.
#[test]
fn a_medium_goes_away_with_its_test() {
    let folder: TempDir = tempfile::tempdir().expect("a folder");
    let Some(medium) = Medium::in_folder(folder.path()) else {
        return;
    };
    let path = medium.0.clone();
    fs::write(path.join("file"), "on it").expect("written");
    drop(medium);
    assert!(!path.join("file").exists());
}

/// A backup is often made on another disk.
#[test]
fn a_backup_that_its_disk_has_no_room_for_is_not_left_there() {
    let folder = tempfile::tempdir().expect("a folder");
    let Some(medium) = Medium::in_folder(folder.path()) else {
        return;
    };
    let scene = Scene::new(Deed::Backup);
    let copy = medium.0.join("copy.db");
    let args = ["backup", copy.to_str().expect("UTF-8")];
    for pages in 0..5 {
        medium.fill(pages);
        let outcome = scene.home.run(&args, "");
        assert_refused(&outcome, "no space is left");
        let left = fs::read_dir(&medium.0).expect("readable").count();
        // The ballast.
        assert_eq!(left, 1, "{pages}: {outcome:?}");
        medium.empty();
    }
    scene.check_reads().expect("the vault is as it was");
    let outcome = scene.home.run(&args, "");
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    fs::remove_file(&copy).expect("there");
}

#[test]
fn a_token_that_its_disk_has_no_room_for_is_undone() {
    let folder = tempfile::tempdir().expect("a folder");
    let Some(medium) = Medium::in_folder(folder.path()) else {
        return;
    };
    for deed in [Deed::Create, Deed::Rotate] {
        let scene = Scene::new(deed);
        medium.fill(0);
        let file = medium.0.join("token");
        let out = ["--out", file.to_str().expect("UTF-8")];
        let args: Vec<&str> = deed.args().iter().copied().chain(out).collect();
        let outcome = scene.home.run(&args, "");
        assert_refused(&outcome, "and was undone");
        assert!(outcome.stderr.contains("No space left"), "{outcome:?}");
        assert!(!file.exists(), "{deed:?}");
        scene.check_reads().expect("nothing is half made");
        medium.empty();
        let outcome = scene.home.run(&args, "");
        assert_eq!(outcome.code, Some(0), "{outcome:?}");
        fs::remove_file(&file).expect("there");
    }
}
