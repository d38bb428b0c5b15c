//! What a command works with: the settings, the clock, the printer, and the way to an unlocked vault.

mod agent;
mod passphrase;
mod recovery;
mod verifier;

use rustix::process::Rlimit;

pub(crate) use self::passphrase::Replacement;
use self::passphrase::{sourced_passphrase, unread, unread_named};
use crate::crypto::{Passphrase, Profile, Secret, VALUE_LIMIT};
use crate::error::{CommandError, Exit};
use crate::key::Timestamp;
use crate::output::{Printer, escape};
use crate::prompt::{Answer, PromptError, Terminal, access_tokens_from_file};
use crate::settings::{
    AccessSource, PassphraseSource, SecretFile, Settings, empty_source_variable,
};
use crate::vault::{AccessToken, Credential, LockedVault, StoreError, Vault, VaultError};

/// One run of one command.
pub(crate) struct Session {
    pub(crate) settings: Settings,
    pub(crate) out: Printer,
    /// Read once, when the command began.
    pub(crate) now: Timestamp,
    /// For commands that go on: what is checked later is checked by the time it is then.
    pub(crate) clock: fn() -> Timestamp,
    /// The core dump limit before it was lowered: a program that takes this one's place gets it back.
    pub(crate) core_limit: Rlimit,
}

/// What is said while Argon2id works.
const DERIVING: &str = "Deriving the key";

impl Session {
    /// Runs `body` with the unlocked vault, then tells what went wrong on the way.
    pub(crate) fn with_vault<T>(
        &mut self,
        body: impl FnOnce(&mut Vault, &mut Self) -> Result<T, CommandError>,
    ) -> Result<T, CommandError> {
        if let Some(tokens) = self.access_tokens()? {
            let vault = self.open_scopes(&tokens)?;
            let done = self.finish(vault, body);
            return done.map_err(|err| self.without_tokens(err));
        }
        let vault = match self.open_by_agent()? {
            Some(vault) => vault,
            None => self.open()?,
        };
        self.finish(vault, body)
    }

    /// As [`Session::with_vault`], for what only the vault's owner may do: access tokens are passed over.
    pub(crate) fn with_owned_vault<T>(
        &mut self,
        body: impl FnOnce(&mut Vault, &mut Self) -> Result<T, CommandError>,
    ) -> Result<T, CommandError> {
        let vault = match self.open_by_agent()? {
            Some(vault) => vault,
            None => {
                self.refuse_access_tokens()?;
                self.open()?
            }
        };
        self.finish(vault, body)
    }

    /// The same with the passphrase, whatever else would open the vault.
    pub(crate) fn with_passphrase<T>(
        &mut self,
        body: impl FnOnce(&Passphrase, &mut Vault, &mut Self) -> Result<T, CommandError>,
    ) -> Result<T, CommandError> {
        self.refuse_access_tokens()?;
        let (passphrase, vault) = self.unlock()?;
        self.finish(vault, |vault, session| body(&passphrase, vault, session))
    }

    /// As [`Session::with_vault`], and makes the vault when there is none. `prepare` runs with the passphrase known and, where a vault has to
    /// be made, before it is: what it refuses leaves nothing behind.
    pub(crate) fn with_vault_or_new<P, T>(
        &mut self,
        allow_weak_passphrase: bool,
        prepare: impl FnOnce(&mut Self) -> Result<P, CommandError>,
        body: impl FnOnce(P, &mut Vault, &mut Self) -> Result<T, CommandError>,
    ) -> Result<T, CommandError> {
        if self.has_vault() {
            return self.with_owned_vault(|vault, session| {
                let prepared = prepare(session)?;
                body(prepared, vault, session)
            });
        }
        self.warn_of_leftovers();
        let passphrase = self.new_passphrase(allow_weak_passphrase)?;
        let prepared = prepare(self)?;
        let vault = match self.create(&passphrase, Profile::Default) {
            // Another process made it first; a passphrase that was read is read.
            Err(VaultError::Store(StoreError::Exists(_))) => {
                self.opened(self.locked()?, &passphrase)?
            }
            made => made?,
        };
        self.finish(vault, |vault, session| body(prepared, vault, session))
    }

    /// Opens the vault where that asks nobody and takes nothing away that somebody else is to read; `None` for every
    /// reason why it is not opened.
    pub(crate) fn open_unasked(&self) -> Option<Vault> {
        if let Some(tokens) = self.access_tokens().ok()? {
            return self.open_scopes(&tokens).ok();
        }
        if let Some(vault) = self.open_by_agent_unasked() {
            return Some(vault);
        }
        let unasked = match &self.settings.passphrase {
            // Not a pipe, which is read only once, and not a terminal.
            PassphraseSource::File(SecretFile { path, .. }) => {
                path.metadata().is_ok_and(|file| file.is_file())
            }
            PassphraseSource::Variable(_) => true,
            PassphraseSource::Command(_)
            | PassphraseSource::Descriptor(_)
            | PassphraseSource::Terminal => false,
        };
        if !unasked {
            return None;
        }
        let locked = self.locked().ok()?;
        let typed = sourced_passphrase(&self.settings.passphrase, "passphrase").ok()??;
        let passphrase = Passphrase::new(typed).ok()?;
        self.opened(locked, &passphrase).ok()
    }

    /// Where there is no vault, with what a process left there that was ended while it made one.
    fn with_leftovers(&self, err: VaultError) -> CommandError {
        let is_missing = matches!(err, VaultError::Store(StoreError::Missing(_)));
        let left = is_missing.then(|| self.leftovers()).flatten();
        let err = CommandError::from(err);
        match left {
            Some(left) => err.also(&left),
            None => err,
        }
    }

    /// What is beside the place of the vault of processes that were ended while they made one, in a line.
    pub(crate) fn leftovers(&self) -> Option<String> {
        let left = Vault::leftovers(&self.settings.location.vault, self.now);
        let first = left.first()?.path.display();
        Some(match left.len() - 1 {
            0 => format!(
                "`{first}` was left by a process that was ended while it made a vault, and can be removed"
            ),
            more => format!(
                "`{first}` and {more} more were left by processes that were ended while they made a vault, and can be \
                 removed"
            ),
        })
    }

    /// Tells of them before a vault is made.
    pub(crate) fn warn_of_leftovers(&mut self) {
        if let Some(left) = self.leftovers() {
            self.out.warn(format_args!("{}", escape(&left)));
        }
    }

    /// Whether there is something where the vault should be.
    pub(crate) fn has_vault(&self) -> bool {
        self.settings.location.vault.symlink_metadata().is_ok()
    }

    /// Makes the vault, which must not be there, and runs `body` with it.
    pub(crate) fn with_new_vault<T>(
        &mut self,
        profile: Profile,
        allow_weak_passphrase: bool,
        body: impl FnOnce(&mut Vault, &mut Self) -> Result<T, CommandError>,
    ) -> Result<T, CommandError> {
        let passphrase = self.new_passphrase(allow_weak_passphrase)?;
        let vault = self.create(&passphrase, profile)?;
        self.finish(vault, body)
    }

    /// The vault, opened by its owner in whichever way is there. Who had to type the passphrase is not asked soon again.
    fn open(&mut self) -> Result<Vault, CommandError> {
        let mut vault = self.unlock()?.1;
        let asked = matches!(self.settings.passphrase, PassphraseSource::Terminal);
        if asked && self.settings.agent.is_automatic {
            let key = vault.vault_key()?;
            let limits = self.settings.agent.limits;
            if let Err(err) = self.give_to_agent(vault.id(), &key, limits) {
                self.warn_of_agent("the passphrase will be asked for again", err);
            }
        }
        Ok(vault)
    }

    /// The vault, opened by its owner, and the passphrase that did it.
    fn unlock(&mut self) -> Result<(Passphrase, Vault), CommandError> {
        // Before anybody is asked for a passphrase that would open nothing.
        let locked = self.locked()?;
        let passphrase = self.passphrase()?;
        let vault = self.opened(locked, &passphrase)?;
        Ok((passphrase, vault))
    }

    fn locked(&self) -> Result<LockedVault, CommandError> {
        LockedVault::open(&self.settings.location).map_err(|err| {
            // An access token may open it as it is.
            let is_for_token = matches!(
                err,
                VaultError::Slice(_) | VaultError::Store(StoreError::Unsafe { .. })
            );
            let err = self.with_leftovers(err);
            match empty_source_variable() {
                Some(name) if is_for_token && name.starts_with("KEYWRIGHT_ACCESS_TOKEN") => {
                    err.hint(format!("give the access token: {name} is empty"))
                }
                _ => err,
            }
        })
    }

    fn opened(&self, locked: LockedVault, passphrase: &Passphrase) -> Result<Vault, CommandError> {
        let _working = self.out.working(DERIVING);
        Ok(locked.unlock(&Credential::Passphrase(passphrase))?)
    }

    fn open_scopes(&self, tokens: &[AccessToken]) -> Result<Vault, CommandError> {
        let credential = Credential::AccessTokens(tokens);
        let opened = Vault::open(&self.settings.location, &credential, self.now);
        opened.map_err(|err| self.with_leftovers(err.with_source(&self.token_source())))
    }

    /// Where the access tokens came from, for people. A file has been read, and so its name is one.
    fn token_source(&self) -> String {
        match &self.settings.access {
            Some(AccessSource::File(path)) => format!("`{}`", path.display()),
            Some(AccessSource::Variable(_)) | None => "KEYWRIGHT_ACCESS_TOKEN".to_owned(),
        }
    }

    /// What the access tokens do not open: another way into the vault may.
    fn without_tokens(&self, err: CommandError) -> CommandError {
        match &self.settings.access {
            Some(source) if err.is_of_closed_scope() => err.also(&format!(
                "unset {} to use the agent or the passphrase",
                source.variable()
            )),
            _ => err,
        }
    }

    /// The access tokens that are to be used.
    fn access_tokens(&self) -> Result<Option<Vec<AccessToken>>, CommandError> {
        let texts = match &self.settings.access {
            None => return Ok(None),
            Some(source @ AccessSource::File(path)) => &access_tokens_from_file(path)
                .map_err(|err| unread_named("access token", source.variable(), err))?,
            Some(AccessSource::Variable(texts)) => texts,
        };
        let read = AccessToken::read_all(texts);
        let tokens = read.map_err(|err| err.with_source(&self.token_source()))?;
        if tokens.is_empty() {
            let message = "the access token is needed, and there is only white space";
            return Err(CommandError::message(Exit::Locked, message));
        }
        Ok(Some(tokens))
    }

    /// Says what access tokens open where nothing else is there that would open the vault.
    fn refuse_access_tokens(&self) -> Result<(), CommandError> {
        let has_passphrase = !matches!(self.settings.passphrase, PassphraseSource::Terminal);
        if has_passphrase || self.terminal().is_some() {
            return Ok(());
        }
        match self.access_tokens()? {
            None => Ok(()),
            Some(tokens) => Ok(self.open_scopes(&tokens)?.vault_key().map(drop)?),
        }
    }

    fn create(&mut self, passphrase: &Passphrase, profile: Profile) -> Result<Vault, VaultError> {
        let Self { settings, now, .. } = self;
        let working = self.out.working(DERIVING);
        let made = Vault::create(
            &settings.location,
            passphrase,
            profile,
            &settings.actor,
            *now,
        );
        drop(working);
        let vault = made?;
        self.tell_of_vault();
        Ok(vault)
    }

    fn tell_of_vault(&mut self) {
        let path = self.settings.location.vault.display().to_string();
        self.out
            .note(format_args!("Made the vault `{}`", escape(&path)));
    }

    fn finish<T>(
        &mut self,
        mut vault: Vault,
        body: impl FnOnce(&mut Vault, &mut Self) -> Result<T, CommandError>,
    ) -> Result<T, CommandError> {
        vault.look_back(self.now);
        let outcome = body(&mut vault, self);
        for warning in vault.take_warnings() {
            self.out.warn(format_args!("{}", escape(&warning)));
        }
        vault.prune_activity(self.now);
        outcome
    }

    /// The terminal, where it may be used.
    pub(crate) fn terminal(&self) -> Option<Terminal> {
        self.settings.input.then(Terminal::open).flatten()
    }

    /// The value of a key from a hidden prompt; `None` where nobody can be asked.
    pub(crate) fn typed_value(&self) -> Result<Option<Secret>, CommandError> {
        let Some(mut terminal) = self.terminal() else {
            return Ok(None);
        };
        let typed = terminal.hidden_value("Value", VALUE_LIMIT);
        typed.map(Some).map_err(|err| match err {
            PromptError::SeveralLines => CommandError::from(err)
                .hint("name its file with --file, or give it on standard input with `< FILE`"),
            err => err.into(),
        })
    }

    /// Says what is about to happen and asks whether to go on, unless that was answered by `--yes`.
    pub(crate) fn confirm(&mut self, consequence: &str) -> Result<(), CommandError> {
        if self.settings.yes {
            return Ok(());
        }
        let Some(mut terminal) = self.terminal() else {
            return Err(CommandError::message(
                Exit::NotConfirmed,
                "this needs a confirmation, and nobody can be asked",
            )
            .hint("--yes confirms it beforehand"));
        };
        // A line of its own, so that the answer is beside a short question.
        terminal.tell(&escape(consequence))?;
        let refused =
            CommandError::message(Exit::NotConfirmed, "not confirmed; nothing was changed");
        match terminal.confirm("Go on?")? {
            Answer::No => Err(refused),
            Answer::Other => Err(refused.hint("only `y` or `yes` confirms")),
            Answer::Yes => Ok(()),
        }
    }
}
