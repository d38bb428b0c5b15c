//! Random commands on a vault and on a plain map: after each, both tell the same, with the vault opened anew.

mod command;
mod compare;
mod entry;
mod exchange;
mod fields;
mod roles;
mod tokens;
mod ways;

use std::collections::{BTreeMap, BTreeSet};

use keywright::crypto::{Passphrase, Profile};
use keywright::key::{KeyKind, Timestamp};
use keywright::vault::{
    AccessToken, Credential, Found, RecoveryCode, Vault, VaultError, Verb, Wanted,
};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use self::command::{Command, Slot, commands, first};
use self::entry::{Entry, Roles};
use crate::fixture::*;

/// Why the vault has to refuse a command.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Refusal {
    Conflicts,
    Exists,
    Misused,
    UnknownScope,
    Parse,
    Refused,
    RoleInUse,
    RoleUnfit,
    UnknownRole,
}

impl Refusal {
    fn of(err: &VaultError) -> Self {
        match err {
            VaultError::Exists { .. } => Self::Exists,
            VaultError::ImportConflicts(_) => Self::Conflicts,
            VaultError::Misused(_) => Self::Misused,
            VaultError::UnknownScope { .. } => Self::UnknownScope,
            VaultError::Parse(_) => Self::Parse,
            VaultError::Refused(_) => Self::Refused,
            VaultError::RoleInUse { .. } => Self::RoleInUse,
            VaultError::RoleUnfit { .. } => Self::RoleUnfit,
            VaultError::UnknownRole { .. } => Self::UnknownRole,
            other => panic!("no rule refuses so: {other:?}"),
        }
    }
}

/// Everything that stands against a command. Which of it is told is for the vault to choose.
type Against = BTreeSet<Refusal>;

/// The answer, or `None` when the command was refused, which it has to be with one of these reasons and no other.
#[track_caller]
fn answer<T>(outcome: Result<T, VaultError>, against: &Against) -> Option<T> {
    match outcome {
        Ok(answer) => {
            assert!(against.is_empty(), "it was not refused: {against:?}");
            Some(answer)
        }
        Err(err) => {
            let told = Refusal::of(&err);
            assert!(against.contains(&told), "{err}, and not {against:?}");
            None
        }
    }
}

struct Model {
    place: Place,
    /// Opened anew after each step.
    vault: Vault,
    passphrase: u32,
    now: Timestamp,
    keys: BTreeMap<Slot, Entry>,
    roles: Roles,
    /// Scopes that have had a key.
    scopes: BTreeSet<(u8, KeyKind)>,
    /// Scope, name and token.
    access: Vec<(u8, String, AccessToken)>,
    code: Option<RecoveryCode>,
    /// Tokens that no key has any more, or never had.
    gone: Vec<String>,
    /// What the log has to say: what was done, to which key, and its detail.
    log: Vec<(Verb, Option<String>, Option<String>)>,
    /// Ids that were given to imported keys.
    ids: u32,
}

impl Model {
    fn new() -> Self {
        let place = Place::new();
        let vault = Vault::create(&place.location, &words(0), Profile::Test, &who(), NOW);
        Self {
            vault: vault.expect("a new vault"),
            place,
            passphrase: 0,
            now: NOW,
            keys: BTreeMap::new(),
            roles: BTreeMap::new(),
            scopes: BTreeSet::new(),
            access: Vec::new(),
            code: None,
            gone: Vec::new(),
            log: vec![(Verb::Init, None, None)],
            ids: 0,
        }
    }

    fn run(&mut self, command: &Command) {
        match command {
            Command::ChangePassphrase => self.change_passphrase(),
            Command::Compromised => self.rekey(),
            Command::CreateAccess(scope) => self.create_access(*scope),
            Command::CreateRecoveryCode => self.create_recovery_code(),
            Command::Delete(slot) => self.delete(*slot),
            Command::DeleteRole(role, dry_run) => self.delete_role(*role, *dry_run),
            Command::Edit(slot, edit, dry_run) => self.edit(*slot, edit, *dry_run),
            Command::Finish(slot) => self.finish(*slot),
            Command::ImportAgain(renamed) => self.import_again(*renamed),
            Command::ImportFresh(fresh, dry_run) => self.import_fresh(fresh, *dry_run),
            Command::Issue(slot, default, roles, handover) => {
                self.issue(*slot, *default, *roles, *handover);
            }
            Command::Restore(slot) => self.restore(*slot),
            Command::Revoke(slot) => self.revoke(*slot),
            Command::RevokeAccess(number) => self.revoke_access(*number),
            Command::Rotate(slot, overlap, end, handover) => {
                self.rotate(*slot, *overlap, *end, *handover);
            }
            Command::Set(slot, value) => self.set(*slot, *value),
            Command::SetRole(role, gives, dry_run) => self.set_role(*role, *gives, *dry_run),
            Command::Wait(hours) => self.now = self.hours(*hours),
        }
    }

    fn words(&self) -> Passphrase {
        words(self.passphrase)
    }

    fn opens(&self, credential: &Credential<'_>) -> bool {
        match self.place.open_with(credential) {
            Ok(_) => true,
            Err(VaultError::WrongAccessToken(_) | VaultError::WrongCredential) => false,
            Err(other) => panic!("{other:?}"),
        }
    }

    /// So many hours from now.
    fn hours(&self, hours: u8) -> Timestamp {
        Timestamp(self.now.0 + 3_600 * i64::from(hours))
    }

    fn find(&mut self, slot: Slot) -> Found {
        let reference = reference(slot.name().as_str());
        let wanted = Wanted::Named(&reference);
        let found = self.vault.find(wanted, &slot.scope(), true);
        found.expect("the key is there")
    }

    fn logged(&mut self, verb: Verb, slot: Slot) {
        self.log.push((verb, Some(slot.name().to_string()), None));
    }

    /// An entry of the log that is about no key.
    fn logged_of_vault(&mut self, verb: Verb, detail: Option<String>) {
        self.log.push((verb, None, detail));
    }

    /// Takes a key out of the map; its tokens are nobody's then.
    fn forget(&mut self, slot: Slot) {
        if let Some(entry) = self.keys.remove(&slot).filter(|old| old.issued().is_some()) {
            self.gone.extend(entry.secrets.into_iter().flatten());
        }
    }

    /// Makes one key of the scope its default, or none.
    fn mark_default(&mut self, slot: Slot, is_default: bool) {
        let same_scope = self
            .keys
            .iter_mut()
            .filter(|(other, _)| other.scope == slot.scope);
        for (other, entry) in same_scope {
            entry.is_default &= !is_default && *other != slot;
            entry.is_default |= is_default && *other == slot;
        }
    }
}

fn words(number: u32) -> Passphrase {
    passphrase(&format!("passphrase {number}"))
}

fn play(commands: &[Command]) {
    let mut model = Model::new();
    for command in first().iter().chain(commands) {
        model.run(command);
        model.compare();
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 8,
        max_shrink_iters: 200,
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(20_270_115),
        ..ProptestConfig::default()
    })]

    #[test]
    fn a_vault_tells_what_a_map_would(commands in commands(45)) {
        play(&commands);
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 200,
        max_shrink_iters: 500,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    #[ignore = "some minutes: many more commands, others each time"]
    fn a_vault_tells_what_a_map_would_for_long(commands in commands(120)) {
        play(&commands);
    }
}
