//! A vault with acknowledged keys in it, the commands that are disturbed, and what must hold afterwards.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use keywright::key::Status;
use keywright::vault::{AccessToken, Code};
use tempfile::TempDir;

use crate::deed::{COPY, Deed, NEW_VALUE};
use crate::open::{Keys, Open};
use crate::rig::{Call, Home, NEW_PASSPHRASE, Outcome, PASSPHRASE, copy_tree};

const BYSTANDER_VALUE: &str = "sk-bystander-0123456789";
const OLD_VALUE: &str = "sk-old-0123456789";

/// How much of a command happened.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Effect {
    Nothing,
    /// A token is committed that nobody accepts.
    Pending,
    Whole,
}

/// A home that is put back to the same state before each case. At the same path: anchors hold for one path only.
pub(crate) struct Scene {
    pub(crate) home: Home,
    deed: Deed,
    bystander: String,
    target: String,
    /// Opens the slice that is refreshed.
    access: Option<AccessToken>,
    folder: TempDir,
}

impl Scene {
    pub(crate) fn new(deed: Deed) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let home = Home::new(folder.path());
        Self::with(deed, home, folder)
    }

    /// In a home that is somewhere else than in `folder`.
    pub(crate) fn with(deed: Deed, home: Home, folder: TempDir) -> Self {
        let (mut bystander, mut target) = (String::new(), String::new());
        if deed != Deed::Init {
            (bystander, target) = furnish(&home);
        }
        if deed == Deed::RoleSet {
            give_role(&home);
        }
        if deed.changes_passphrase() {
            Open::at(&home).expect("it opens").add_ways_in();
        }
        let access = furnish_copy(deed, &home);
        copy_tree(&home.path, &folder.path().join("template"));
        Self {
            home,
            deed,
            bystander,
            target,
            access,
            folder,
        }
    }

    pub(crate) fn reset(&self) {
        fs::remove_dir_all(&self.home.path).expect("removed");
        copy_tree(&self.folder.path().join("template"), &self.home.path);
    }

    /// Runs the command with nothing in its way.
    pub(crate) fn run(&self) -> Outcome {
        self.home.run(self.deed.args(), self.deed.input())
    }

    /// The token of a key that nothing is done to.
    pub(crate) fn bystander(&self) -> &str {
        &self.bystander
    }

    /// A token and a value are good and come out, whatever state the disk is in.
    pub(crate) fn check_reads(&self) -> Result<(), Wrong> {
        let read = |args: &[&str], input: &str, answer: &str| {
            let outcome = self.home.run(args, input);
            let fits = outcome.is_done() && outcome.stdout.contains(answer);
            ensure(fits, format_args!("{args:?}: {outcome:?}"))
        };
        read(&["list"], "", "provider")?;
        read(&["get", "bystander value"], "", BYSTANDER_VALUE)?;
        read(&["verify"], &self.bystander, "valid: `bystander`")
    }

    /// Runs the command with faults, from the same state each time.
    pub(crate) fn disturb(&self, faults: &[String]) -> Outcome {
        self.reset();
        self.home
            .run_with(faults, self.deed.args(), self.deed.input())
    }

    /// Kills the command when its journal is on the disk and all pages of the vault but one are already others. (The
    /// first one alone is no damage: it only counts changes.)
    pub(crate) fn kill_in_commit(&self) -> Outcome {
        self.reset();
        let calls = self.home.calls(self.deed.args(), self.deed.input());
        let is_page = |call: &&Call| call.name == "pwrite64" && call.text.contains("vault.db>");
        let last = calls.iter().rfind(is_page).expect("pages are written");
        self.disturb(&[format!("pwrite64:signal=KILL:when={}", last.nth)])
    }

    pub(crate) fn journal(&self) -> PathBuf {
        self.home.path.join(".config/keywright/vault.db-journal")
    }

    /// What must hold however the command was disturbed: the vault is whole, what was acknowledged earlier is there,
    /// and of this command there is all or nothing, or a token that nobody accepts.
    pub(crate) fn check(&self, outcome: &Outcome) -> Result<Effect, Wrong> {
        if self.is_without_vault() {
            ensure(!outcome.is_done(), "exit 0 without a vault")?;
            return Ok(Effect::Nothing);
        }
        let mut home = self.home.clone();
        let mut list = home.run(&["list", "--json"], "");
        if self.deed.changes_passphrase() && list.code == Some(5) {
            home = home.with_passphrase(NEW_PASSPHRASE);
            list = home.run(&["list", "--json"], "");
        }
        ensure(
            list.is_done(),
            format_args!("list fails afterwards: {list:?}"),
        )?;
        self.check_opened(&mut Open::at(&home)?, outcome)
    }

    /// The same, with the library alone.
    pub(crate) fn check_within(&self, outcome: &Outcome) -> Result<Effect, Wrong> {
        if self.is_without_vault() {
            ensure(!outcome.is_done(), "exit 0 without a vault")?;
            return Ok(Effect::Nothing);
        }
        let mut open = match Open::at(&self.home) {
            Err(_) if self.deed.changes_passphrase() => {
                Open::at(&self.home.with_passphrase(NEW_PASSPHRASE))?
            }
            opened => opened?,
        };
        self.check_opened(&mut open, outcome)
    }

    fn is_without_vault(&self) -> bool {
        self.deed == Deed::Init && !self.home.vault().exists()
    }

    fn check_opened(&self, open: &mut Open, outcome: &Outcome) -> Result<Effect, Wrong> {
        open.check_log()?;
        if self.deed != Deed::Init {
            self.check_bystanders(open)?;
        }
        let keys = open.statuses()?;
        let expected = match self.deed {
            Deed::Init => 0,
            _ => {
                let of_the_command = ["fresh", "fresh value", "target"];
                let there = of_the_command
                    .iter()
                    .filter(|name| keys.contains_key(**name));
                3 + there.count()
            }
        };
        ensure(
            keys.len() == expected,
            format_args!("these keys are there: {keys:?}"),
        )?;
        let effect = self.effect(&keys, open)?;
        ensure(
            effect == Effect::Whole || !outcome.is_done(),
            format_args!("exit 0 with {effect:?}"),
        )?;
        self.check_tokens(effect, outcome, open)?;
        Ok(effect)
    }

    /// The command once more, with nothing in its way; it settles whatever the first one left.
    pub(crate) fn check_again(&self, before: Effect, first: &Outcome) -> Result<(), Wrong> {
        let outcome = self.run();
        let expected = match self.deed {
            Deed::Backup | Deed::Create | Deed::Import | Deed::Init if before == Effect::Whole => 4,
            Deed::Delete if before == Effect::Whole => 3,
            // It gives the old passphrase, which opens nothing any more.
            Deed::Passphrase | Deed::Rekey if before == Effect::Whole => 5,
            _ => 0,
        };
        ensure(
            outcome.code == Some(expected),
            format_args!("the second run ends otherwise: {outcome:?}"),
        )?;
        if expected != 0 {
            return Ok(());
        }
        let effect = self.check(&outcome)?;
        ensure(effect == Effect::Whole, "the second run left it unfinished")?;
        if let Some(token) = first.token().filter(|_| self.deed.prints_token()) {
            let code = Open::at(&self.home)?.verify(token)?;
            ensure(
                code != Code::Valid,
                "the first token works beside the second",
            )?;
        }
        Ok(())
    }

    /// No secret but the answer itself may be printed.
    pub(crate) fn check_secrecy(&self, outcome: &Outcome) -> Result<(), Wrong> {
        let mut secrets = vec![
            PASSPHRASE,
            NEW_PASSPHRASE,
            BYSTANDER_VALUE,
            OLD_VALUE,
            NEW_VALUE,
        ];
        secrets.extend(
            [&*self.bystander, &*self.target]
                .iter()
                .filter(|token| !token.is_empty()),
        );
        secrets.extend(outcome.token());
        for secret in secrets {
            ensure(!outcome.stderr.contains(secret), "a secret is on stderr")?;
            let answer = self.deed.prints_token() && outcome.token() == Some(secret);
            ensure(
                answer || !outcome.stdout.contains(secret),
                "a secret is on stdout",
            )?;
        }
        Ok(())
    }

    fn check_bystanders(&self, open: &mut Open) -> Result<(), Wrong> {
        let code = open.verify(&self.bystander)?;
        ensure(
            code == Code::Valid,
            format_args!("the bystander's token is {code:?}"),
        )?;
        let value = open.value("bystander value", false)?;
        ensure(value == BYSTANDER_VALUE, "the bystander's value is another")
    }

    fn effect(&self, keys: &Keys, open: &mut Open) -> Result<Effect, Wrong> {
        let whole = match self.deed {
            Deed::Backup => self.check_backup(open)?,
            Deed::Init => true,
            Deed::Create => match keys.get("fresh") {
                None => false,
                Some((Status::Undelivered, true)) => return Ok(Effect::Pending),
                Some((Status::Active, false)) => true,
                other => return Err(wrong(format_args!("the new key is {other:?}"))),
            },
            Deed::Delete | Deed::Revoke | Deed::Rotate => {
                let code = open.verify(&self.target)?;
                let (before, after) = match self.deed {
                    Deed::Delete => (Some(Status::Active), Code::Unknown),
                    Deed::Revoke => (Some(Status::Active), Code::Revoked),
                    _ => (Some(Status::Active), Code::Rotated),
                };
                let now = keys.get("target").map(|(status, _)| *status);
                let ended = match self.deed {
                    Deed::Delete => now.is_none(),
                    Deed::Revoke => now == Some(Status::Revoked),
                    _ => now == before && code == Code::Rotated,
                };
                ensure(
                    (ended && code == after) || (now == before && code == Code::Valid),
                    format_args!("the key is {now:?} and its token {code:?}"),
                )?;
                if let (false, Some((_, true))) = (ended, keys.get("target")) {
                    return Ok(Effect::Pending);
                }
                ended
            }
            Deed::Refresh => {
                let token = self.access.as_ref().expect("made with the slice");
                Open::slice_is_new(&self.home, token)?
            }
            Deed::Restore => self.check_restore(keys, open)?,
            Deed::Edit => open.check_edit()?,
            Deed::Import => open.check_import()?,
            Deed::RoleSet => open.check_role_set()?,
            Deed::Passphrase | Deed::Rekey => {
                let whole = open.opens_with(NEW_PASSPHRASE);
                ensure(
                    open.opens_with(PASSPHRASE) != whole,
                    "both passphrases open it",
                )?;
                let others = open.other_ways_in()?;
                let expected = if whole && self.deed == Deed::Rekey {
                    0
                } else {
                    2
                };
                ensure(
                    others == expected,
                    format_args!("{others} other ways to open it"),
                )?;
                ensure(
                    open.verify(&self.target)? == Code::Valid,
                    "an issued token is not valid any more",
                )?;
                whole
            }
            Deed::Replace => {
                let value = open.value("provider", false)?;
                let whole = value == NEW_VALUE;
                ensure(whole || value == OLD_VALUE, "the value is neither")?;
                if whole {
                    let previous = open.value("provider", true)?;
                    ensure(previous == OLD_VALUE, "the value before is lost")?;
                }
                whole
            }
            Deed::Set if keys.contains_key("fresh") => {
                let value = open.value("fresh", false)?;
                ensure(value == NEW_VALUE, "the value is another")?;
                true
            }
            Deed::Set => false,
        };
        Ok(if whole {
            Effect::Whole
        } else {
            Effect::Nothing
        })
    }

    /// No copy, or one that opens as the vault does.
    fn check_backup(&self, open: &mut Open) -> Result<bool, Wrong> {
        if !self.home.path.join(COPY).exists() {
            return Ok(false);
        }
        let mut copy = Open::backup(&self.home)?;
        copy.check_log()?;
        let same = copy.statuses()? == open.statuses()?;
        ensure(same, "the copy has other keys")?;
        Ok(true)
    }

    /// The vault as it was, or as the backup was and what was there beside it.
    fn check_restore(&self, keys: &Keys, open: &mut Open) -> Result<bool, Wrong> {
        if !keys.contains_key("target") {
            return Ok(false);
        }
        let code = open.verify(&self.target)?;
        ensure(code == Code::Valid, "the restored token is not valid")?;
        let vault = self.home.vault();
        let entries = fs::read_dir(vault.parent().expect("a folder")).expect("readable");
        let kept = entries.map(|entry| entry.expect("readable").path());
        let kept = kept.filter(|path| path.to_string_lossy().contains("before-restore"));
        // A second restore keeps another one.
        for path in kept {
            let kept = Home {
                elsewhere: Some(path),
                ..self.home.clone()
            };
            if Open::at(&kept)?.statuses()?.len() == 3 {
                return Ok(true);
            }
        }
        Err(wrong("what was there is not kept"))
    }

    /// A token that works was printed, and one that was printed without working is refused for the right reason.
    fn check_tokens(
        &self,
        effect: Effect,
        outcome: &Outcome,
        open: &mut Open,
    ) -> Result<(), Wrong> {
        if !self.deed.prints_token() {
            return Ok(());
        }
        let Some(token) = outcome.token() else {
            return ensure(
                effect != Effect::Whole,
                "active, and the token was never printed",
            );
        };
        let code = open.verify(token)?;
        let expected = match effect {
            Effect::Nothing => Code::Unknown,
            Effect::Pending => Code::Undelivered,
            Effect::Whole => Code::Valid,
        };
        ensure(
            code == expected,
            format_args!("with {effect:?}, the printed token is {code:?}"),
        )
    }
}

/// Two issued and two provider keys; gives the tokens. One is verified, so that there is an activity file.
pub(crate) fn furnish(home: &Home) -> (String, String) {
    home.must(&["init", "--kdf", "test"], "");
    let token = |name| {
        let outcome = home.must(&["create", name], "");
        outcome.token().expect("a token").to_owned()
    };
    let tokens = (token("bystander"), token("target"));
    home.must(&["set", "bystander value"], BYSTANDER_VALUE);
    home.must(&["set", "provider"], OLD_VALUE);
    home.must(&["verify"], &tokens.0);
    tokens
}

/// The backup that is restored, or the slice that is refreshed, and a change since.
fn furnish_copy(deed: Deed, home: &Home) -> Option<AccessToken> {
    match deed {
        Deed::Refresh => {
            let token = Open::at(home).expect("it opens").slice(home);
            home.must(&["edit", "provider", "--note", "changed"], "");
            Some(token)
        }
        Deed::Restore => {
            home.must(&["backup", COPY], "");
            home.must(&["delete", "target", "--yes"], "");
            None
        }
        _ => None,
    }
}

/// Gives both issued keys a role.
fn give_role(home: &Home) {
    home.must(&["role", "set", "billing", "--permission", "read"], "");
    for name in ["bystander", "target"] {
        home.must(&["edit", name, "--role", "billing"], "");
    }
}

/// What does not hold.
#[derive(Debug)]
pub(crate) struct Wrong(String);

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

pub(crate) fn wrong(what: impl fmt::Display) -> Wrong {
    Wrong(what.to_string())
}

pub(crate) fn ensure(holds: bool, what: impl fmt::Display) -> Result<(), Wrong> {
    if holds { Ok(()) } else { Err(wrong(what)) }
}

/// Fails with every case that did not hold, so that one run shows them all.
pub(crate) fn report(deed: Deed, cases: usize, failures: &[String]) {
    assert!(cases > 0, "{deed:?}: there was nothing to disturb");
    assert!(
        failures.is_empty(),
        "{deed:?}: {} of {cases} cases:\n{}",
        failures.len(),
        failures.join("\n")
    );
}

/// The files of a folder and their bytes.
pub(crate) fn bytes_of(path: &Path) -> Vec<u8> {
    fs::read(path).expect("readable")
}
