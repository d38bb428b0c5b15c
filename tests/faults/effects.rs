//! How much of a command happened, and that no part of it happened without the rest.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use keywright::key::Status;
use keywright::vault::Code;

use crate::deed::{COPY, Deed, NEW_VALUE, SOURCE, SOURCE_VALUES, TOKEN};
use crate::open::{Keys, Open};
use crate::rig::{Home, NEW_PASSPHRASE, Outcome, PASSPHRASE, secret_line};
use crate::scene::{Effect, OLD_VALUE, Scene, Wrong, ensure, wrong};

impl Scene {
    pub(crate) fn effect(
        &self,
        keys: &Keys,
        outcome: &Outcome,
        open: &mut Open,
    ) -> Result<Effect, Wrong> {
        let whole = match self.deed {
            Deed::AccessCreate => self.check_access_create(open, outcome)?,
            Deed::AccessRevoke => self.check_access_revoke(open)?,
            Deed::Backup => self.check_backup(open)?,
            Deed::Finish => self.check_finish(keys, open)?,
            Deed::ImportSource => return self.check_import_source(open),
            Deed::Init => true,
            Deed::InitCode => {
                let code = outcome
                    .token()
                    .ok_or_else(|| wrong("a vault, and its code was never printed"))?;
                ensure(open.opens_with_code_text(code)?, "the code opens nothing")?;
                true
            }
            Deed::NewCode => self.check_new_code(open, outcome)?,
            Deed::Create | Deed::CreateOut | Deed::FirstCreate => match keys.get("fresh") {
                None => false,
                Some((Status::Undelivered, true)) => return Ok(Effect::Pending),
                Some((Status::Active, false)) => true,
                other => return Err(wrong(format_args!("the new key is {other:?}"))),
            },
            Deed::Delete | Deed::Revoke | Deed::Rotate | Deed::RotateOut => {
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
            Deed::Refresh => Open::slice_is_new(&self.home, &self.access[0])?,
            Deed::Restore => self.check_restore(keys, open)?,
            Deed::Edit => open.check_edit()?,
            Deed::Import => open.check_import()?,
            Deed::RoleDelete => match open.role_permissions("idle")?.as_deref() {
                None => true,
                Some("read") => false,
                other => return Err(wrong(format_args!("the role gives {other:?}"))),
            },
            Deed::RoleSet => open.check_role_set()?,
            Deed::Passphrase | Deed::Recover | Deed::Rekey => {
                let whole = open.opens_with(NEW_PASSPHRASE);
                ensure(
                    open.opens_with(PASSPHRASE) != whole,
                    "both passphrases open it",
                )?;
                self.check_other_ways_in(whole && self.deed == Deed::Rekey, open)?;
                ensure(
                    open.verify(&self.target)? == Code::Valid,
                    "an issued token is not valid any more",
                )?;
                whole
            }
            Deed::Replace | Deed::RotateValue => {
                let value = open.value("provider", false)?;
                let whole = value == NEW_VALUE;
                ensure(whole || value == OLD_VALUE, "the value is neither")?;
                if whole {
                    let previous = open.value("provider", true)?;
                    ensure(previous == OLD_VALUE, "the value before is lost")?;
                }
                whole
            }
            Deed::FirstSet | Deed::Set if keys.contains_key("fresh") => {
                let value = open.value("fresh", false)?;
                ensure(value == NEW_VALUE, "the value is another")?;
                true
            }
            Deed::FirstSet | Deed::Set => false,
        };
        Ok(if whole {
            Effect::Whole
        } else {
            Effect::Nothing
        })
    }

    /// No access token, or one that was printed and opens its scope. A printed one that was not saved opens nothing.
    fn check_access_create(&self, open: &mut Open, outcome: &Outcome) -> Result<bool, Wrong> {
        let whole = open.access_names()? == ["fresh"];
        match outcome.token() {
            None => ensure(!whole, "made, and the access token was never printed")?,
            Some(text) => ensure(
                open.opens_with_access_text(text)? == whole,
                "the printed access token opens what is not there, or not what is",
            )?,
        }
        Ok(whole)
    }

    /// The token opens its scope, or nothing; the other one opens the same scope all the time.
    fn check_access_revoke(&self, open: &mut Open) -> Result<bool, Wrong> {
        let whole = !open.opens_with_access(&self.access[0])?;
        let names = open.access_names()?;
        let expected: &[&str] = if whole {
            &["gateway", "server"]
        } else {
            &["gateway", "job", "server"]
        };
        ensure(
            names == expected,
            format_args!("revoked: {whole}, and these are listed: {names:?}"),
        )?;
        for other in &self.access[1..] {
            ensure(open.opens_with_access(other)?, "another token is lost")?;
        }
        Ok(whole)
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

    /// The old token works beside the new one, or not any more; the new one works all the time.
    fn check_finish(&self, keys: &Keys, open: &mut Open) -> Result<bool, Wrong> {
        let new = open.verify(&self.successor)?;
        ensure(new == Code::Valid, format_args!("the new token is {new:?}"))?;
        let now = (open.verify(&self.target)?, keys.get("target"));
        match now {
            (Code::Rotated, Some((Status::Active, false))) => Ok(true),
            (Code::Valid, Some((Status::Overlap, false))) => Ok(false),
            other => Err(wrong(format_args!("the old token and the key: {other:?}"))),
        }
    }

    /// All values or none; and the source, unless all of them are there.
    fn check_import_source(&self, open: &mut Open) -> Result<Effect, Wrong> {
        let mut there = 0;
        for (name, value) in SOURCE_VALUES {
            if open.found(name)?.is_some() {
                there += 1;
                let same = open.value(name, false)? == value;
                ensure(same, format_args!("`{name}` has another value"))?;
            }
        }
        match (there, self.home.path.join(SOURCE).exists()) {
            (0, true) => Ok(Effect::Nothing),
            (2, true) => Ok(Effect::Stored),
            (2, false) => Ok(Effect::Whole),
            (there, source) => Err(wrong(format_args!(
                "{there} values are in the vault, the source is there: {source}"
            ))),
        }
    }

    /// The old code opens the vault, or the new one, which was printed; never both, and never none.
    fn check_new_code(&self, open: &mut Open, outcome: &Outcome) -> Result<bool, Wrong> {
        let old = self.code.as_ref().expect("made before");
        let whole = !open.opens_with_code(old)?;
        match outcome.token() {
            None => ensure(!whole, "the code was never printed")?,
            Some(text) => ensure(
                open.opens_with_code_text(text)? == whole,
                format_args!("replaced: {whole}, and not so the printed code"),
            )?,
        }
        Ok(whole)
    }

    /// The access token and the recovery code open the vault, unless they were dropped.
    fn check_other_ways_in(&self, are_dropped: bool, open: &mut Open) -> Result<(), Wrong> {
        let others = open.other_ways_in()?;
        let expected = if are_dropped { 0 } else { 2 };
        ensure(
            others == expected,
            format_args!("{others} other ways to open it"),
        )?;
        let code = self.code.as_ref().expect("made before");
        let opens = [
            open.opens_with_code(code)?,
            open.opens_with_access(&self.access[0])?,
        ];
        ensure(
            opens == [!are_dropped; 2],
            format_args!("dropped: {are_dropped}; the code and the token open it: {opens:?}"),
        )
    }

    /// A token that works was printed, and one that was printed without working is refused for the right reason.
    pub(crate) fn check_tokens(
        &self,
        effect: Effect,
        outcome: &Outcome,
        open: &mut Open,
    ) -> Result<(), Wrong> {
        if !self.deed.prints_token() && !self.deed.writes_token() {
            return Ok(());
        }
        let Some(token) = self.token(outcome) else {
            return ensure(
                effect != Effect::Whole,
                "active, and the token was never printed",
            );
        };
        let code = open.verify(&token)?;
        let expected = match effect {
            Effect::Nothing | Effect::Stored => Code::Unknown,
            Effect::Pending => Code::Undelivered,
            Effect::Whole => Code::Valid,
        };
        ensure(
            code == expected,
            format_args!("with {effect:?}, the printed token is {code:?}"),
        )
    }

    /// The token or recovery code that came out, whole.
    pub(crate) fn token(&self, outcome: &Outcome) -> Option<String> {
        if !self.deed.writes_token() {
            return outcome.token().map(str::to_owned);
        }
        let text = fs::read_to_string(self.home.path.join(TOKEN)).ok()?;
        secret_line(&text).map(str::to_owned)
    }

    /// A file that a token is or was to be in is its owner's alone.
    pub(crate) fn check_token_file(&self) -> Result<(), Wrong> {
        let Ok(file) = self.home.path.join(TOKEN).metadata() else {
            return Ok(());
        };
        let mode = file.permissions().mode() & 0o777;
        ensure(mode == 0o600, format_args!("the file has mode {mode:o}"))
    }

    /// What came out of an earlier run works no more beside what came out of a later one.
    pub(crate) fn check_dead(&self, first: &str) -> Result<(), Wrong> {
        let mut open = Open::at(&self.home)?;
        let works = match self.deed {
            Deed::AccessCreate => open.opens_with_access_text(first)?,
            // Of a vault that was never there.
            Deed::InitCode => open.opens_with_code_text(first)?,
            Deed::NewCode => open.opens_with_code_text(first)?,
            _ => open.verify(first)? == Code::Valid,
        };
        ensure(!works, "the first token works beside the second")
    }
}
