//! System calls that fail: once, or from one call on for good. What the program says must be so.

use crate::deed::{Deed, TOKEN, every_deed};
use crate::rig::{Call, Outcome, can_trace};
use crate::scene::{Effect, Scene, Wrong, ensure, report};

/// Every how many of the cases the short form tries.
const STRIDE: usize = 41;

/// What each call may answer: the errors of its manual page that a disk, a mount or a signal brings about.
pub(crate) fn errors_of(call: &Call) -> &'static [&'static str] {
    match call.name.as_str() {
        "write" | "pwrite64" => &["EIO", "ENOSPC", "EROFS", "EINTR"],
        "fsync" | "fdatasync" => &["EIO", "ENOSPC", "EROFS", "EINTR"],
        "ftruncate" => &["EIO", "ENOSPC", "EROFS", "EINTR"],
        "openat" if call.changes() => &["EIO", "ENOSPC", "EROFS", "EINTR", "ENOMEM"],
        "openat" if call.text.contains("O_RDWR") => &["EIO", "EROFS", "EINTR", "ENOMEM"],
        "openat" => &["EIO", "EINTR", "ENOMEM"],
        "rename" | "renameat" | "renameat2" | "link" | "linkat" | "mkdir" | "mkdirat"
        | "unlink" | "unlinkat" => &["EIO", "ENOSPC", "EROFS", "EINTR", "ENOMEM"],
        "chmod" | "fchmod" | "fchmodat" | "fchown" => &["EIO", "EROFS", "EPERM", "EINTR"],
        // To unlock takes nothing that there could be too little of.
        "fcntl" if call.text.contains("F_UNLCK") => &[],
        "fcntl" if call.text.contains("F_SETLK") => &["EIO", "EINTR", "ENOLCK"],
        "flock" => &["EINTR", "ENOLCK"],
        "getrandom" => &["EIO", "EINTR"],
        _ => &[],
    }
}

/// Every fault that fits the command's calls, each once and, where nobody would try again for ever, for good.
fn faults(scene: &Scene, deed: Deed) -> Vec<String> {
    let calls = scene.home.calls(deed.args(), deed.input());
    let mut faults = Vec::new();
    for call in &calls {
        // With flags they are the allocator's and the standard library's own, for hash tables: it panics by design.
        let random = call.name == "getrandom" && !call.text.contains("GRND_");
        if !random && !call.concerns(&scene.home.path) {
            continue;
        }
        for error in errors_of(call) {
            let (name, nth) = (&call.name, call.nth);
            faults.push(format!("{name}:error={error}:when={nth}"));
            // A lock that is never given is waited for, for ten seconds.
            if *error != "EINTR" && !["fcntl", "flock"].contains(&name.as_str()) {
                faults.push(format!("{name}:error={error}:when={nth}+"));
            }
        }
    }
    faults
}

fn short(deed: Deed) {
    if !can_trace() {
        return;
    }
    let scene = Scene::new(deed);
    let faults = faults(&scene, deed);
    // Each command starts elsewhere, so that together they meet more of what they share.
    let chosen = faults.iter().skip(deed as usize).step_by(STRIDE);
    run(&scene, deed, chosen);
}

fn all(deed: Deed) {
    if can_trace() {
        let scene = Scene::new(deed);
        run(&scene, deed, faults(&scene, deed).iter());
    }
}

every_deed!(all, "some minutes: fails every call with every error");

fn run<'a>(scene: &Scene, deed: Deed, faults: impl Iterator<Item = &'a String>) {
    let (mut cases, mut failures) = (0, Vec::new());
    for fault in faults {
        cases += 1;
        let outcome = scene.disturb(std::slice::from_ref(fault));
        if let Err(wrong) = check(scene, fault, &outcome) {
            failures.push(format!("{fault}: {wrong}\n    {outcome:?}"));
        }
    }
    report(deed, cases, &failures);
}

fn check(scene: &Scene, fault: &str, outcome: &Outcome) -> Result<(), Wrong> {
    let defect = outcome.stderr.contains("defect in keywright");
    ensure(outcome.code != Some(101) && !defect, "a panic")?;
    ensure(outcome.code.is_some(), "ended by a signal")?;
    ensure(outcome.code != Some(7), "a failing disk is called damage")?;
    scene.check_secrecy(outcome)?;
    let effect = scene.check(outcome)?;
    let token = scene.token(outcome);
    check_words(effect, token.is_some(), outcome)?;
    // Where nothing can be removed, a file whose token is worth nothing stays.
    if scene.deed.writes_token() && effect == Effect::Nothing && !fault.starts_with("unlink") {
        let left = scene.home.path.join(TOKEN).exists();
        ensure(!left, "a file is left, and no token in it works")?;
    }
    scene.check_again(effect, outcome)
}

/// What is said of the effect, against the effect.
fn check_words(effect: Effect, is_out: bool, outcome: &Outcome) -> Result<(), Wrong> {
    let says = |words: &str| outcome.stderr.contains(words);
    // With standard error failing too nothing can be said; the exit code says it then.
    let uncertain = says("cannot be told") || outcome.stderr.is_empty();
    let not_valid = says("printed token is not valid") || says("recovery code opens nothing");
    match effect {
        Effect::Nothing => {
            // Where standard error fails, too, nothing more can be said.
            let tried_to_restore = says("The backup `") && says("error: ");
            ensure(
                !tried_to_restore || says("nothing was restored"),
                "it is not said that nothing was restored",
            )?;
            ensure(
                !is_out || not_valid || uncertain || says("undone"),
                "a secret is out that is worth nothing, and it is not called so",
            )
        }
        Effect::Pending => ensure(
            not_valid || uncertain || says("is left undelivered"),
            "a pending token is left and not spoken of",
        ),
        Effect::Stored => {
            let denied = says("nothing was imported") || says("nothing was changed");
            let told = says("Imported ") || says("values are in the vault");
            ensure(
                !denied && (told || uncertain),
                "values are in the vault, and it is not said",
            )
        }
        Effect::Whole => {
            ensure(!not_valid, "the token is called invalid and is valid")?;
            let denials = [
                "nothing was changed",
                "nothing was restored",
                "not saved",
                "undone",
                "no vault was made",
            ];
            for words in denials {
                ensure(!says(words), format_args!("`{words}`, but it happened"))?;
            }
            let told = says("was made") || says("values are in the vault");
            ensure(
                outcome.is_done() || says("cannot be told") || told,
                "it is called a failure, and happened",
            )
        }
    }
}

#[test]
fn a_disturbed_access_revoke_says_what_happened() {
    short(Deed::AccessRevoke);
}

#[test]
fn a_disturbed_backup_says_what_happened() {
    short(Deed::Backup);
}

#[test]
fn a_disturbed_create_says_what_happened() {
    short(Deed::Create);
}

#[test]
fn a_disturbed_create_into_a_file_says_what_happened() {
    short(Deed::CreateOut);
}

#[test]
fn a_disturbed_delete_says_what_happened() {
    short(Deed::Delete);
}

#[test]
fn a_disturbed_edit_says_what_happened() {
    short(Deed::Edit);
}

#[test]
fn a_disturbed_import_says_what_happened() {
    short(Deed::Import);
}

#[test]
fn a_disturbed_import_that_deletes_its_source_says_what_happened() {
    short(Deed::ImportSource);
}

#[test]
fn a_disturbed_init_says_what_happened() {
    short(Deed::Init);
}

#[test]
fn a_disturbed_change_of_the_passphrase_says_what_happened() {
    short(Deed::Passphrase);
}

#[test]
fn a_disturbed_recovery_says_what_happened() {
    short(Deed::Recover);
}

#[test]
fn a_disturbed_refresh_says_what_happened() {
    short(Deed::Refresh);
}

#[test]
fn a_disturbed_rekeying_says_what_happened() {
    short(Deed::Rekey);
}

#[test]
fn a_disturbed_replacement_says_what_happened() {
    short(Deed::Replace);
}

#[test]
fn a_disturbed_restore_says_what_happened() {
    short(Deed::Restore);
}

#[test]
fn a_disturbed_revoke_says_what_happened() {
    short(Deed::Revoke);
}

#[test]
fn a_disturbed_change_of_a_role_says_what_happened() {
    short(Deed::RoleSet);
}

#[test]
fn a_disturbed_rotate_says_what_happened() {
    short(Deed::Rotate);
}

#[test]
fn a_disturbed_set_says_what_happened() {
    short(Deed::Set);
}

/// SQLite commits by removing the journal; where that fails the change is taken back, now or by who opens the vault next.
#[test]
fn a_commit_whose_journal_cannot_be_removed_is_no_change_and_said_so() {
    if !can_trace() {
        return;
    }
    for deed in [Deed::Create, Deed::Revoke, Deed::Rotate, Deed::Set] {
        let scene = Scene::new(deed);
        let calls = scene.home.calls(deed.args(), deed.input());
        let unlinks = calls
            .iter()
            .filter(|call| call.name == "unlink" && call.text.contains("vault.db-journal"));
        let faults: Vec<String> = unlinks
            .flat_map(|call| {
                ["", "+"].map(|more| format!("unlink:error=EIO:when={}{more}", call.nth))
            })
            .collect();
        run(&scene, deed, faults.iter());
    }
}

/// It is there under its name before its folder is synced: too late to say that it could not be made, and leave it.
#[test]
fn a_new_vault_whose_folder_cannot_be_synced_is_not_left_behind_unsaid() {
    if !can_trace() {
        return;
    }
    let scene = Scene::new(Deed::Init);
    let calls = scene.home.calls(Deed::Init.args(), "");
    let link = calls.iter().position(|call| call.name == "linkat");
    let link = link.expect("the vault gets its name");
    let sync = calls[link..].iter().find(|call| call.name == "fsync");
    let nth = sync.expect("the folder is synced").nth;
    run(
        &scene,
        Deed::Init,
        [format!("fsync:error=EIO:when={nth}")].iter(),
    );
}

/// Without its name what is in it is lost, so that nothing is put there.
#[test]
fn a_folder_that_cannot_be_synced_stops_what_would_be_in_it() {
    if !can_trace() {
        return;
    }
    let scene = Scene::new(Deed::Init);
    // The first sync is that of the home, where a folder has come.
    let outcome = scene.disturb(&["fsync:error=EIO:when=1".to_owned()]);
    let effect = scene.check(&outcome).expect("nothing is left");
    assert_eq!((effect, outcome.code), (Effect::Nothing, Some(1)));
    let said = "cannot make the folder";
    assert!(outcome.stderr.contains(said), "{outcome:?}");
}

/// The commit that makes the token active happens, its last sync fails, and the vault cannot be opened to ask.
#[test]
fn a_token_whose_activation_is_uncertain_is_not_called_invalid() {
    if !can_trace() {
        return;
    }
    let scene = Scene::new(Deed::Rotate);
    let calls = scene.home.calls(Deed::Rotate.args(), "");
    let is_unlink = |call: &Call| call.name == "unlink" && call.text.contains("vault.db-journal");
    let unlink = calls.iter().rposition(is_unlink).expect("an unlink");
    let next = |name| {
        let call = calls[unlink..].iter().find(|call| call.name == name);
        call.expect("a call of this name").nth
    };
    // The first opening is the folder's, which is synced.
    let faults = [
        format!("fsync:error=EIO:when={}", next("fsync")),
        format!("openat:error=EIO:when={}+", next("openat") + 1),
    ];
    let outcome = scene.disturb(&faults);
    let effect = scene.check(&outcome).expect("the vault is whole");
    assert_eq!(effect, Effect::Whole, "{faults:?} hit something else");
    check_words(effect, true, &outcome).unwrap_or_else(|wrong| panic!("{wrong}\n{outcome:?}"));
}
