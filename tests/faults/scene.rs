//! A vault with acknowledged keys in it, the commands that are disturbed, and what must hold afterwards.

use std::fmt;
use std::fs;
use std::ops::Deref;
use std::path::{Path, PathBuf};

use keywright::crypto::Secret;
use keywright::vault::{AccessToken, Code, RecoveryCode};
use tempfile::TempDir;

use crate::deed::{Deed, NEW_VALUE, SOURCE_VALUES, TOKEN};
use crate::furnish::Furniture;
use crate::open::Open;
use crate::rig::{Call, Home, NEW_PASSPHRASE, Outcome, PASSPHRASE, copy_tree};

pub(crate) const BYSTANDER_VALUE: &str = "sk-bystander-0123456789";
pub(crate) const OLD_VALUE: &str = "sk-old-0123456789";

/// How much of a command happened.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Effect {
    Nothing,
    /// A token is committed that nobody accepts.
    Pending,
    /// All values are in the vault, and their source is still there.
    Stored,
    Whole,
}

/// A home that is put back to the same state before each case. At the same path: anchors hold for one path only.
pub(crate) struct Scene {
    pub(crate) home: Home,
    pub(crate) deed: Deed,
    before: Furniture,
    folder: TempDir,
}

impl Deref for Scene {
    type Target = Furniture;

    fn deref(&self) -> &Furniture {
        &self.before
    }
}

impl Scene {
    pub(crate) fn new(deed: Deed) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let home = Home::new(folder.path());
        Self::with(deed, home, folder)
    }

    /// In a home that is somewhere else than in `folder`.
    pub(crate) fn with(deed: Deed, home: Home, folder: TempDir) -> Self {
        let before = Furniture::of(deed, &home);
        copy_tree(&home.path, &folder.path().join("template"));
        Self {
            home,
            deed,
            before,
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
        self.deed.makes_vault() && !self.home.vault().exists()
    }

    fn check_opened(&self, open: &mut Open, outcome: &Outcome) -> Result<Effect, Wrong> {
        open.check_log()?;
        if !self.deed.makes_vault() {
            self.check_bystanders(open)?;
        }
        let keys = open.statuses()?;
        let of_the_command = ["fresh", "fresh value", "target", "FRESH_ONE", "FRESH_TWO"];
        let there = of_the_command
            .iter()
            .filter(|name| keys.contains_key(**name));
        let others = if self.deed.makes_vault() { 0 } else { 3 };
        let expected = others + there.count();
        ensure(
            keys.len() == expected,
            format_args!("these keys are there: {keys:?}"),
        )?;
        let effect = self.effect(&keys, outcome, open)?;
        ensure(
            effect == Effect::Whole || !outcome.is_done(),
            format_args!("exit 0 with {effect:?}"),
        )?;
        self.check_tokens(effect, outcome, open)?;
        Ok(effect)
    }

    /// The command once more, with nothing in its way; it settles whatever the first one left.
    pub(crate) fn check_again(&self, before: Effect, first: &Outcome) -> Result<(), Wrong> {
        let token = self.token(first);
        self.check_token_file()?;
        let file = self.home.path.join(TOKEN);
        if self.deed.writes_token() && file.exists() {
            let outcome = self.run();
            ensure(
                outcome.code == Some(4) && self.token(first) == token,
                format_args!("the file that is there is not refused: {outcome:?}"),
            )?;
            fs::remove_file(&file).expect("removed");
        }
        let outcome = self.run();
        let whole = before == Effect::Whole;
        let expected = match self.deed {
            Deed::AccessCreate
            | Deed::Backup
            | Deed::Create
            | Deed::CreateOut
            | Deed::FirstCreate
            | Deed::Import
            | Deed::Init
            | Deed::InitCode
                if whole =>
            {
                4
            }
            Deed::AccessRevoke | Deed::Delete | Deed::RoleDelete if whole => 3,
            Deed::ImportSource if whole => 1,
            // It gives the old passphrase, which opens nothing any more.
            Deed::Passphrase | Deed::Rekey if whole => 5,
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
        token.map_or(Ok(()), |token| self.check_dead(&token))
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
        secrets.extend(SOURCE_VALUES.map(|(_, value)| value));
        let tokens = [&*self.bystander, &*self.target, &*self.successor];
        secrets.extend(tokens.iter().filter(|token| !token.is_empty()));
        let token = self.token(outcome);
        secrets.extend(token.as_deref());
        let codes = self.code.iter().map(RecoveryCode::text);
        let tokens = self.access.iter().map(AccessToken::text);
        let texts: Vec<Secret> = codes.chain(tokens).collect();
        let text_of = |text| str::from_utf8(Secret::expose(text)).expect("ASCII");
        secrets.extend(texts.iter().map(text_of));
        for secret in secrets {
            ensure(!outcome.stderr.contains(secret), "a secret is on stderr")?;
            let answer = self.deed.prints_secret() && outcome.token() == Some(secret);
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
        ensure(value == BYSTANDER_VALUE, "the bystander's value is another")?;
        let uses = open.uses("bystander")?;
        ensure(uses >= 1, "a use that was counted is forgotten")
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

/// Tells the figures, and fails with every case that did not hold, so that one run shows them all.
#[expect(clippy::print_stderr, reason = "figures of a campaign")]
pub(crate) fn report(what: impl fmt::Debug, cases: usize, failures: &[String]) {
    eprintln!("{what:?}: {cases} cases, {} failures", failures.len());
    assert!(cases > 0, "{what:?}: there was nothing to disturb");
    assert!(
        failures.is_empty(),
        "{what:?}: {} of {cases} cases:\n{}",
        failures.len(),
        failures.join("\n")
    );
}

/// The files of a folder and their bytes.
pub(crate) fn bytes_of(path: &Path) -> Vec<u8> {
    fs::read(path).expect("readable")
}
