//! The recovery code: where it is read from, and what is said of a new one.

use std::io::{self, IsTerminal};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::{DERIVING, Session, unread};
use crate::crypto::{Profile, Secret, SlotKind};
use crate::error::{CommandError, Exit};
use crate::key::VaultId;
use crate::output::Printer;
use crate::prompt::{
    PromptError, RECOVERY_CODE_LIMIT, Terminal, recovery_code_from_file, recovery_code_from_stdin,
};
use crate::vault::{Credential, RecoveryCode, Vault, VaultError};

/// How often a person may mistype it.
const TRIES: u32 = 3;

impl Session {
    /// As [`Session::with_vault`], opened by the recovery code: the one in `file` (`-` is standard input), or else the answer
    /// at the terminal.
    ///
    /// # Errors
    /// [`Exit::Locked`] when the vault has none, when it is none that was given, and when it opens another vault.
    pub(crate) fn with_recovery_code<T>(
        &mut self,
        file: Option<&Path>,
        body: impl FnOnce(&mut Vault, &mut Self) -> Result<T, CommandError>,
    ) -> Result<T, CommandError> {
        // Before anybody looks for a sheet of paper that would open nothing.
        let outline = Vault::outline(&self.settings.location.vault)?;
        let is_code = |kind| kind == Some(SlotKind::RecoveryCode);
        if !outline.slots.iter().any(|slot| is_code(slot.kind)) {
            let message = "this vault has no recovery code";
            return Err(CommandError::message(Exit::Locked, message).hint(
                "`keywright passphrase --add-recovery-code` makes one; it needs the passphrase",
            ));
        }
        let code = self.recovery_code(file)?;
        let credential = Credential::RecoveryCode(&code);
        let vault = match Vault::open(&self.settings.location, &credential, self.now) {
            Err(VaultError::WrongCredential) => return Err(wrong_code()),
            opened => opened?,
        };
        self.finish(vault, body)
    }

    /// Makes the vault, which must not be there, with a recovery code that `reveal` prints before the vault appears.
    pub(crate) fn make_vault_with_recovery_code(
        &mut self,
        profile: Profile,
        allow_weak_passphrase: bool,
        reveal: impl FnOnce(&mut Printer, &RecoveryCode, VaultId) -> io::Result<()>,
    ) -> Result<(), CommandError> {
        let passphrase = self.new_passphrase(allow_weak_passphrase)?;
        let Self {
            settings, out, now, ..
        } = self;
        let mut working = Some(out.working(DERIVING));
        let made = Vault::create_with_recovery_code(
            &settings.location,
            &passphrase,
            profile,
            &settings.actor,
            *now,
            |code, id| {
                drop(working.take());
                reveal(out, code, id)
            },
        );
        drop(working);
        let vault = made.map_err(|err| match err {
            VaultError::CodeDelivery(_) => {
                CommandError::from(err).hint("no vault was made; run the command again")
            }
            err => err.into(),
        })?;
        self.tell_of_vault();
        self.tell_of_recovery_code();
        self.finish(vault, |_, _| Ok(()))
    }

    /// What a new recovery code is, and what to do with it.
    pub(crate) fn tell_of_recovery_code(&mut self) {
        self.out.note(format_args!(
            "Made a recovery code, shown this once: it opens all of the vault, without the passphrase"
        ));
        self.out.note(format_args!(
            "Write it down, and keep it away from the vault and its copies"
        ));
    }

    fn recovery_code(&self, file: Option<&Path>) -> Result<RecoveryCode, CommandError> {
        let is_stdin = |path: &Path| path == Path::new("-");
        let typed = match file {
            // At a terminal it would be shown.
            Some(path) if is_stdin(path) && io::stdin().is_terminal() => None,
            Some(path) if is_stdin(path) => {
                Some((recovery_code_from_stdin(), "standard input".to_owned()))
            }
            Some(path) => {
                refuse_code(path)?;
                let what = format!("`{}`", path.display());
                Some((recovery_code_from_file(path), what))
            }
            None => None,
        };
        let Some((read, what)) = typed else {
            return asked_recovery_code(self.terminal().ok_or_else(no_terminal)?);
        };
        let line = match read {
            Err(err) if err.kind() == io::ErrorKind::FileTooLarge => None,
            read => Some(read.map_err(|err| unread(format!("no recovery code from {what}"), err))?),
        };
        line.and_then(|line| RecoveryCode::read(&line))
            .ok_or_else(no_code)
    }
}

/// Asked for again where a character is wrong or missing.
fn asked_recovery_code(mut terminal: Terminal) -> Result<RecoveryCode, CommandError> {
    for left in (0..TRIES).rev() {
        let typed = match terminal.hidden("Recovery code", RECOVERY_CODE_LIMIT) {
            Err(PromptError::TooLong { .. }) => None,
            typed => RecoveryCode::read(&typed?),
        };
        if let Some(code) = typed {
            return Ok(code);
        }
        if left > 0 {
            terminal
                .tell("This is no recovery code: a character is wrong or missing. Try again.")?;
        }
    }
    Err(no_code())
}

/// The code itself where its file belongs is not repeated.
fn refuse_code(path: &Path) -> Result<(), CommandError> {
    match RecoveryCode::read(&Secret::copied(path.as_os_str().as_bytes())) {
        None => Ok(()),
        Some(_) => Err(CommandError::message(
            Exit::Usage,
            "a recovery code does not belong on a command line: other users can read it, and shells keep it",
        )
        .hint("leave --recovery-code-file out to be asked for it, or name a file that it is in")),
    }
}

fn no_code() -> CommandError {
    let message = "this is no recovery code: a character is wrong or missing";
    CommandError::message(Exit::Locked, message)
        .hint("it has nine groups of four characters after `kwr1`; O counts as 0, I and L as 1")
}

fn wrong_code() -> CommandError {
    let message = "wrong recovery code, or a slot of the vault was altered";
    CommandError::message(Exit::Locked, message).hint(
        "it may be another vault's, or one that was replaced; `keywright status` shows which vault this is",
    )
}

fn no_terminal() -> CommandError {
    let message = "the recovery code is needed, and nobody can be asked for it";
    CommandError::message(Exit::Locked, message).hint("give it with --recovery-code-file")
}
