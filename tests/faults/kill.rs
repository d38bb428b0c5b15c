//! `kill -9` just before a system call that changes a file. Killing before each of them also covers "just after" the one
//! before it, for nothing changes in between.

use crate::deed::{Deed, every_deed};
use crate::rig::{Call, can_trace};
use crate::scene::{Scene, report};

/// Every how many calls the short form kills; those that decide something are killed at in any case.
const STRIDE: usize = 17;

/// Whether the short form must not leave it out: names that appear and go, and the answer.
fn decides(call: &Call) -> bool {
    call.is_answer()
        || ["rename", "unlink", "link"]
            .iter()
            .any(|name| call.name.starts_with(name))
}

fn short(deed: Deed) {
    if !can_trace() {
        return;
    }
    let scene = Scene::new(deed);
    let calls = changing_calls(&scene, deed);
    let chosen = calls
        .iter()
        .enumerate()
        // Each command starts elsewhere, so that together they meet more of what they share.
        .filter(|(index, call)| decides(call) || index % STRIDE == deed as usize % STRIDE)
        .map(|(_, call)| call);
    let (mut cases, mut failures) = (0, Vec::new());
    for call in chosen {
        cases += 1;
        let (_, failure) = kill_at(&scene, &call.name, call.nth);
        failures.extend(failure);
    }
    report(deed, cases, &failures);
}

/// Every call of every name that the command makes, until it is through before it is killed.
fn all(deed: Deed) {
    if !can_trace() {
        return;
    }
    let scene = Scene::new(deed);
    let mut names: Vec<String> = changing_calls(&scene, deed)
        .into_iter()
        .map(|call| call.name)
        .collect();
    names.sort();
    names.dedup();
    let (mut cases, mut failures) = (0, Vec::new());
    for name in names {
        for nth in 1.. {
            cases += 1;
            let (done, failure) = kill_at(&scene, &name, nth);
            failures.extend(failure);
            if done {
                break;
            }
        }
    }
    report(deed, cases, &failures);
}

every_deed!(all, "some minutes: kills at every call that changes a file");

fn changing_calls(scene: &Scene, deed: Deed) -> Vec<Call> {
    let calls = scene.home.calls(deed.args(), deed.input());
    let home = &scene.home.path;
    calls
        .into_iter()
        .filter(|call| call.changes() && call.concerns(home))
        .collect()
}

/// Kills one run and looks at what is left. Says whether the run was through before, and what is wrong.
fn kill_at(scene: &Scene, name: &str, nth: usize) -> (bool, Option<String>) {
    let fault = format!("{name}:signal=KILL:when={nth}");
    let outcome = scene.disturb(std::slice::from_ref(&fault));
    let checked = scene.check(&outcome).and_then(|effect| {
        scene.check_again(effect, &outcome)?;
        Ok(effect)
    });
    let failure = match checked {
        _ if !matches!(outcome.code, None | Some(0)) => Some("it was not killed".to_owned()),
        Err(wrong) => Some(wrong.to_string()),
        Ok(_) => None,
    };
    (
        outcome.is_done(),
        failure.map(|failure| format!("{fault}: {failure}\n    {outcome:?}")),
    )
}

#[test]
fn a_killed_access_revoke_leaves_the_token_or_a_scope_it_does_not_open() {
    short(Deed::AccessRevoke);
}

#[test]
fn a_killed_backup_leaves_no_copy_or_a_whole_one() {
    short(Deed::Backup);
}

#[test]
fn a_killed_create_leaves_no_key_or_an_undelivered_one_or_a_printed_one() {
    short(Deed::Create);
}

#[test]
fn a_killed_create_into_a_file_leaves_no_key_that_works_without_its_token_there() {
    short(Deed::CreateOut);
}

#[test]
fn a_killed_delete_leaves_the_key_or_nothing_of_it() {
    short(Deed::Delete);
}

#[test]
fn a_killed_edit_leaves_the_key_as_it_was_or_all_of_the_edit() {
    short(Deed::Edit);
}

#[test]
fn a_killed_import_leaves_all_of_the_document_or_nothing_of_it() {
    short(Deed::Import);
}

#[test]
fn a_killed_import_deletes_its_source_only_after_every_value_is_in_the_vault() {
    short(Deed::ImportSource);
}

#[test]
fn a_killed_init_leaves_no_vault_or_a_whole_one() {
    short(Deed::Init);
}

#[test]
fn a_killed_change_of_the_passphrase_leaves_the_old_one_or_the_new_one() {
    short(Deed::Passphrase);
}

#[test]
fn a_killed_recovery_leaves_the_old_passphrase_or_the_new_one() {
    short(Deed::Recover);
}

#[test]
fn a_killed_refresh_leaves_the_slice_as_it_was_or_all_of_the_new_one() {
    short(Deed::Refresh);
}

#[test]
fn a_killed_rekeying_leaves_all_under_the_old_keys_or_all_under_the_new() {
    short(Deed::Rekey);
}

#[test]
fn a_killed_replacement_leaves_the_old_value_or_both() {
    short(Deed::Replace);
}

#[test]
fn a_killed_restore_leaves_the_vault_as_it_was_or_the_backup_and_what_was_there() {
    short(Deed::Restore);
}

#[test]
fn a_killed_revoke_leaves_the_key_as_it_was_or_revoked() {
    short(Deed::Revoke);
}

#[test]
fn a_killed_change_of_a_role_leaves_the_role_and_its_keys_in_agreement() {
    short(Deed::RoleSet);
}

#[test]
fn a_killed_rotate_never_ends_the_old_token_before_the_new_one_is_out() {
    short(Deed::Rotate);
}

#[test]
fn a_killed_set_leaves_no_key_or_its_value() {
    short(Deed::Set);
}
