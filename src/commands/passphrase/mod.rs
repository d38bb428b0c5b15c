//! The passphrase, and the recovery code that stands in for it.

mod recovery;

use std::path::PathBuf;

use clap::{Args, ValueHint};
use serde::Serialize;

use self::recovery::{add_recovery_code, test_recovery_code};
use super::args::{DryRun, Kdf};
use crate::crypto::{Passphrase, Profile};
use crate::error::{CommandError, Exit};
use crate::key::KeyName;
use crate::output::escape;
use crate::session::{Replacement, Session};
use crate::settings::PassphraseSource;
use crate::vault::{Dropped, Vault, WaysIn};

/// Change the passphrase, and after a compromise the keys
///
/// The passphrase there is comes from where it always comes from, the new one from an option or from a hidden prompt.
/// The agent is locked. Access tokens and the recovery code go on working, and so do issued tokens. With `--compromised`, everything is sealed
/// anew under new keys and access tokens and the recovery code are dropped; issued tokens stay valid. Copies of the vault
/// from before still open with what opened them then, so rotate the provider keys that somebody may have read.
///
/// A recovery code opens all of the vault when the passphrase is lost: `--add-recovery-code` makes one and prints it once,
/// `--test-recovery-code` says whether the one on your paper opens this vault, and `--recover` sets a new passphrase with
/// it. It may be typed in either case, with or without the dashes, and with O for 0 and I or L for 1.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  keywright passphrase
  keywright passphrase --kdf strong
  keywright passphrase --compromised
  keywright passphrase --add-recovery-code
  keywright passphrase --recover
  printf 'old\\nnew\\n' | keywright passphrase --passphrase-fd 0 --new-passphrase-fd 0")]
pub(crate) struct PassphraseArgs {
    /// What one guess of the passphrase costs [default: as before]
    ///
    /// From now on: default 64 MiB, strong 256 MiB, paranoid 1 GiB of memory.
    #[arg(long, value_name = "COST")]
    kdf: Option<Kdf>,

    /// Make new keys too, because somebody may have read the vault or its passphrase
    #[arg(long)]
    compromised: bool,

    /// Open the vault with the recovery code, and set a new passphrase
    #[arg(long)]
    recover: bool,

    /// Make a recovery code instead of the one there is, and print it once
    #[arg(long, conflicts_with_all = NEW_PASSPHRASE)]
    add_recovery_code: bool,

    /// Say whether a recovery code opens the vault, and change nothing
    #[arg(long, conflicts_with_all = NEW_PASSPHRASE, conflicts_with_all = ["add_recovery_code", "dry_run"])]
    test_recovery_code: bool,

    /// Read the recovery code from the first line of a file, or of standard input if it is -
    #[arg(
        long,
        value_name = "PATH",
        value_hint = ValueHint::FilePath,
        conflicts_with = "add_recovery_code",
        hide_short_help = true
    )]
    recovery_code_file: Option<PathBuf>,

    /// Read the new passphrase from the first line of a file
    #[arg(
        long,
        value_name = "PATH",
        conflicts_with = "new_passphrase_fd",
        hide_short_help = true
    )]
    new_passphrase_file: Option<PathBuf>,

    /// Read the new passphrase from the next line of an open file descriptor
    #[arg(long, value_name = "N", hide_short_help = true)]
    new_passphrase_fd: Option<i32>,

    /// Take a passphrase that is easy to guess
    #[arg(long, hide_short_help = true)]
    allow_weak_passphrase: bool,

    #[command(flatten)]
    change: DryRun,
}

/// What makes a command one that sets a new passphrase.
const NEW_PASSPHRASE: [&str; 6] = [
    "allow_weak_passphrase",
    "compromised",
    "kdf",
    "new_passphrase_fd",
    "new_passphrase_file",
    "recover",
];

#[derive(Serialize)]
struct Document<'a> {
    outcome: &'static str,
    dry_run: bool,
    kdf_memory_mib: u32,
    kdf_passes: u32,
    dropped_access_tokens: Vec<&'a KeyName>,
    dropped_recovery_code: bool,
}

/// What comes of the passphrase there is and the new one.
struct Plan {
    deed: Deed,
    /// The recovery code opened the vault.
    is_recovery: bool,
    /// Both passphrases are the same.
    is_same: bool,
    before: Profile,
    after: Profile,
    dropped: Dropped,
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum Deed {
    Change,
    Nothing,
    Rekey,
}

pub(crate) fn passphrase(
    args: &PassphraseArgs,
    session: &mut Session,
) -> Result<Exit, CommandError> {
    if args.recovery_code_file.is_some() && !args.recover && !args.test_recovery_code {
        let message = "--recovery-code-file needs --recover or --test-recovery-code";
        return Err(CommandError::message(Exit::Usage, message)
            .hint("--recover sets a new passphrase, --test-recovery-code changes nothing"));
    }
    if args.add_recovery_code {
        add_recovery_code(args, session)
    } else if args.test_recovery_code {
        test_recovery_code(args, session)
    } else if args.recover {
        let file = args.recovery_code_file.as_deref();
        session.with_recovery_code(file, |vault, session| replace(args, None, vault, session))
    } else {
        session.with_passphrase(|old, vault, session| replace(args, Some(old), vault, session))
    }
}

/// A new passphrase in the place of the `old` one, which nobody knows where the recovery code opened the vault.
fn replace(
    args: &PassphraseArgs,
    old: Option<&Passphrase>,
    vault: &mut Vault,
    session: &mut Session,
) -> Result<Exit, CommandError> {
    let new = session.replacement(&args.replacement())?;
    let is_same = old.is_some_and(|old| new.is(old));
    let mut plan = args.plan(is_same, vault.ways_in()?)?;
    if !args.change.dry_run {
        plan.carry_out(&new, vault, session)?;
    }
    plan.tell(args.change.dry_run, session);
    if session.out.is_json() {
        session.out.json(&plan.document(args.change.dry_run))?;
    }
    Ok(Exit::Done)
}

impl PassphraseArgs {
    fn replacement(&self) -> Replacement {
        let file = || {
            Some(PassphraseSource::File(
                self.new_passphrase_file.clone()?.into(),
            ))
        };
        let fd = self.new_passphrase_fd.map(PassphraseSource::Descriptor);
        Replacement {
            source: fd.or_else(file).unwrap_or(PassphraseSource::Terminal),
            allow_weak: self.allow_weak_passphrase,
            follows_old: !self.recover,
            dry_run: self.change.dry_run,
        }
    }

    /// The same passphrase again is a mistake, unless something else was asked for with it.
    fn plan(&self, is_same: bool, ways: WaysIn) -> Result<Plan, CommandError> {
        let before = ways.profile;
        let after = self.kdf.map_or(before, Profile::from);
        let deed = match (self.compromised, is_same, self.kdf) {
            (true, ..) => Deed::Rekey,
            (false, true, None) => {
                return Err(CommandError::message(
                    Exit::Usage,
                    "the new passphrase is the one there is",
                )
                .hint("choose another; with --kdf or --compromised the same one is taken"));
            }
            (false, true, Some(_)) if before == after => Deed::Nothing,
            (false, ..) => Deed::Change,
        };
        let nothing = Dropped {
            access_tokens: Vec::new(),
            recovery_code: false,
        };
        let dropped = match deed {
            Deed::Rekey => ways.others,
            Deed::Change | Deed::Nothing => nothing,
        };
        Ok(Plan {
            deed,
            is_recovery: self.recover,
            is_same,
            before,
            after,
            dropped,
        })
    }
}

impl Plan {
    fn carry_out(
        &mut self,
        new: &Passphrase,
        vault: &mut Vault,
        session: &mut Session,
    ) -> Result<(), CommandError> {
        if self.deed == Deed::Rekey {
            session.confirm(&self.consequence())?;
        }
        let (actor, now) = (&session.settings.actor, session.now);
        match self.deed {
            Deed::Nothing => {}
            Deed::Change => {
                let _working = session.out.working("Deriving the key");
                vault.change_passphrase(new, self.after, actor, now)?;
            }
            Deed::Rekey => {
                let _working = session.out.working("Sealing everything anew");
                self.dropped = vault.rekey_compromised(new, self.after, actor, now)?;
            }
        }
        if self.deed != Deed::Nothing {
            // The key is another one now; and where it is not, everybody has to know the new passphrase.
            session.lock_agent();
        }
        Ok(())
    }

    /// What stops working, for the question.
    fn consequence(&self) -> String {
        let mut stopping = Vec::new();
        if !self.is_same {
            stopping.push("the old passphrase".to_owned());
        }
        match self.dropped.access_tokens.len() {
            0 => {}
            1 => stopping.push("1 access token".to_owned()),
            count => stopping.push(format!("{count} access tokens")),
        }
        if self.dropped.recovery_code {
            stopping.push("the recovery code".to_owned());
        }
        let stopping = match stopping.as_slice() {
            [] => "nothing".to_owned(),
            [one] => one.clone(),
            [all @ .., last] => format!("{} and {last}", all.join(", ")),
        };
        format!(
            "Seal everything anew under new keys; what stops working now: {stopping}; who used keys until now can no longer \
             be read, only how often"
        )
    }

    fn tell(&self, dry_run: bool, session: &mut Session) {
        let words = match (self.deed, self.is_same, dry_run) {
            (Deed::Nothing, ..) => "The passphrase and its cost are so already; unchanged",
            (Deed::Change, true, false) => "Changed what one guess of the passphrase costs",
            (Deed::Change, true, true) => "Would change what one guess of the passphrase costs",
            (Deed::Change, false, false) => "Changed the passphrase",
            (Deed::Change, false, true) => "Would change the passphrase",
            (Deed::Rekey, true, false) => "Sealed everything anew; the passphrase is the same",
            (Deed::Rekey, true, true) => "Would seal everything anew; the passphrase is the same",
            (Deed::Rekey, false, false) => "Changed the passphrase and sealed everything anew",
            (Deed::Rekey, false, true) => "Would change the passphrase and seal everything anew",
        };
        session.out.note(format_args!("{words}"));
        if self.before != self.after {
            let (before, after) = (cost(self.before), cost(self.after));
            session
                .out
                .note(format_args!("  cost of a guess  {before} -> {after}"));
        }
        if self.deed == Deed::Rekey {
            self.tell_of_rekeying(session);
        } else if self.is_recovery {
            session.out.note(format_args!(
                "  recovery code    opens the vault as before; `keywright passphrase --add-recovery-code` replaces it"
            ));
        }
    }

    fn tell_of_rekeying(&self, session: &mut Session) {
        let out = &mut session.out;
        let names: Vec<String> = self
            .dropped
            .access_tokens
            .iter()
            .map(|name| format!("`{}`", escape(name.as_str())))
            .collect();
        if !names.is_empty() {
            out.note(format_args!(
                "  access tokens    dropped, to be made again: {}",
                names.join(", ")
            ));
        }
        if self.dropped.recovery_code {
            out.note(format_args!("  recovery code    dropped, to be made again"));
        }
        out.note(format_args!("  issued tokens    stay valid"));
        out.note(format_args!(
            "  recorded uses    are still counted; who, when and how of those until now cannot be read any more"
        ));
        out.note(format_args!(
            "Copies of the vault from before still open with what opened them then: rotate the provider keys that \
             somebody may have read"
        ));
    }

    fn document(&self, dry_run: bool) -> Document<'_> {
        let (memory, passes, _) = self.after.cost();
        Document {
            outcome: match self.deed {
                Deed::Change => "changed",
                Deed::Nothing => "unchanged",
                Deed::Rekey => "rekeyed",
            },
            dry_run,
            kdf_memory_mib: memory / 1024,
            kdf_passes: passes,
            dropped_access_tokens: self.dropped.access_tokens.iter().collect(),
            dropped_recovery_code: self.dropped.recovery_code,
        }
    }
}

fn cost(profile: Profile) -> String {
    let (memory, passes, _) = profile.cost();
    format!("{} MiB × {passes}", memory / 1024)
}
