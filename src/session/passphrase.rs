//! Passphrases: where the one there is and a new one come from.

use std::io;
use std::path::Path;

use super::Session;
use crate::crypto::{PASSPHRASE_LIMIT, Passphrase, Secret};
use crate::error::{CommandError, Exit};
use crate::prompt::{
    Terminal, next_passphrase_from_fd, passphrase_from_command, passphrase_from_fd,
    passphrase_from_file, six_words,
};
use crate::settings::{PassphraseSource, SecretFile, empty_source_variable, own_variables};
use crate::vault::{Location, LockedVault};

/// A passphrase that takes the place of another.
#[derive(Debug)]
pub(crate) struct Replacement {
    pub(crate) source: PassphraseSource,
    pub(crate) allow_weak: bool,
    /// The old one was read before it, and from the same descriptor if both name one.
    pub(crate) follows_old: bool,
    /// It is only checked, so that none is made for the user.
    pub(crate) dry_run: bool,
}

impl Session {
    /// The passphrase of an existing vault.
    pub(super) fn passphrase(&mut self) -> Result<Passphrase, CommandError> {
        self.passphrase_asked_as("Passphrase")
    }

    fn passphrase_asked_as(&mut self, question: &str) -> Result<Passphrase, CommandError> {
        let typed = match sourced_passphrase(&self.settings.passphrase, "passphrase")? {
            Some(typed) => typed,
            None => self.asking_terminal()?.hidden(question, PASSPHRASE_LIMIT)?,
        };
        // An empty or malformed answer opens nothing; which one it was is nobody's business but the owner's.
        Passphrase::new(typed).map_err(|err| CommandError::new(Exit::Locked, err))
    }

    /// The passphrase of a backup, which may be another than the vault's.
    pub(crate) fn passphrase_of(&mut self, file: &Path) -> Result<Passphrase, CommandError> {
        let place = Location {
            vault: file.to_owned(),
            ..self.settings.location.clone()
        };
        LockedVault::open(&place)?;
        self.passphrase_asked_as("Passphrase of the backup")
    }

    /// The passphrase of a vault that is made: asked for twice, or generated on an empty answer.
    pub(super) fn new_passphrase(&mut self, allow_weak: bool) -> Result<Passphrase, CommandError> {
        let typed = match sourced_passphrase(&self.settings.passphrase, "passphrase")? {
            Some(typed) => typed,
            None => asked_new_passphrase(self.asking_terminal()?, false)?,
        };
        let passphrase =
            Passphrase::new(typed).map_err(|err| CommandError::new(Exit::Usage, err))?;
        strong_enough(passphrase, allow_weak)
    }

    /// The passphrase that takes the place of the one that opened the vault. Both may come from one descriptor.
    pub(crate) fn replacement(&self, wanted: &Replacement) -> Result<Passphrase, CommandError> {
        let typed = match (&wanted.source, &self.settings.passphrase) {
            (PassphraseSource::Descriptor(new), PassphraseSource::Descriptor(old))
                if wanted.follows_old && new == old =>
            {
                let read = next_passphrase_from_fd(*new);
                Some(read.map_err(|err| unread_descriptor(*new, "new passphrase", err))?)
            }
            (source, _) => sourced_passphrase(source, "new passphrase")?,
        };
        let typed = match typed {
            Some(typed) => typed,
            None => {
                asked_new_passphrase(self.terminal().ok_or_else(no_replacement)?, wanted.dry_run)?
            }
        };
        let passphrase = Passphrase::new(typed).map_err(|err| {
            let source = anyhow::Error::new(err).context("this cannot be the new passphrase");
            CommandError::new(Exit::Usage, source)
        })?;
        strong_enough(passphrase, wanted.allow_weak)
    }

    fn asking_terminal(&self) -> Result<Terminal, CommandError> {
        self.terminal().ok_or_else(|| {
            let message = match empty_source_variable() {
                Some(name) => format!("the passphrase is needed, nobody can be asked for it, and {name} is empty"),
                None => "the passphrase is needed, and nobody can be asked for it".to_owned(),
            };
            CommandError::message(Exit::Locked, message).hint(
                "give it with --passphrase-file, --passphrase-fd, KEYWRIGHT_PASSPHRASE_FILE, KEYWRIGHT_PASSPHRASE \
                 or KEYWRIGHT_PASSPHRASE_COMMAND",
            )
        })
    }
}

/// Asked for twice. An empty answer has six words made, which are shown unless it is a `dry_run`.
fn asked_new_passphrase(mut terminal: Terminal, dry_run: bool) -> Result<Secret, CommandError> {
    terminal.tell("Choose a passphrase, or press Enter to have six random words made for you.")?;
    let first = terminal.hidden("New passphrase", PASSPHRASE_LIMIT)?;
    if first.is_empty() {
        let words = six_words().map_err(|err| CommandError::new(Exit::Failed, err))?;
        if dry_run {
            return Ok(words);
        }
        terminal.tell(
            "Your passphrase is the next line. Nobody can tell it to you again: write it down.",
        )?;
        terminal.show(&words)?;
        return Ok(words);
    }
    let second = terminal.hidden("The same again", PASSPHRASE_LIMIT)?;
    if first.is(&second) {
        Ok(first)
    } else {
        Err(CommandError::message(
            Exit::Usage,
            "the two answers differ; nothing was done",
        ))
    }
}

fn strong_enough(passphrase: Passphrase, allow_weak: bool) -> Result<Passphrase, CommandError> {
    if passphrase.strength() < 3 && !allow_weak {
        return Err(
            CommandError::message(Exit::Refused, "this passphrase is easy to guess").hint(
                "use four or more random words; --allow-weak-passphrase takes it all the same",
            ),
        );
    }
    Ok(passphrase)
}

/// From a source; `None` for the terminal. `what` is said where it fails.
pub(super) fn sourced_passphrase(
    source: &PassphraseSource,
    what: &str,
) -> Result<Option<Secret>, CommandError> {
    let read = match source {
        PassphraseSource::Command(command) => passphrase_from_command(command, &own_variables())
            .map_err(|err| unread(format!("no {what} from KEYWRIGHT_PASSPHRASE_COMMAND"), err)),
        PassphraseSource::Descriptor(fd) => {
            passphrase_from_fd(*fd).map_err(|err| unread_descriptor(*fd, what, err))
        }
        PassphraseSource::File(SecretFile { path, variable }) => passphrase_from_file(path)
            .map_err(|err| match variable {
                // Whoever took the one variable for the other has the passphrase there.
                Some(name) => unread_named(what, name, err),
                None => unread(format!("no {what} from `{}`", path.display()), err),
            }),
        PassphraseSource::Terminal => return Ok(None),
        PassphraseSource::Variable(value) => Ok(value.first_line()),
    };
    read.map(Some)
}

fn unread_descriptor(fd: i32, what: &str, err: io::Error) -> CommandError {
    unread(format!("no {what} from file descriptor {fd}"), err)
}

/// A file that a variable names, without what the variable says.
pub(super) fn unread_named(what: &str, variable: &str, err: io::Error) -> CommandError {
    unread(
        format!("no {what} from the file that {variable} names"),
        err,
    )
}

pub(super) fn unread(context: String, err: impl Into<anyhow::Error>) -> CommandError {
    CommandError::new(Exit::Locked, err.into().context(context))
}

fn no_replacement() -> CommandError {
    let message = "the new passphrase is needed, and nobody can be asked for it";
    CommandError::message(Exit::Locked, message)
        .hint("give it with --new-passphrase-file or --new-passphrase-fd")
}
