//! Findings: the words for what was found, and for what mends it.

use std::fmt;
use std::io;
use std::path::Path;

use clap::ValueEnum;
use serde::{Serialize, Serializer};

use crate::key::{Environment, KeyId, KeyKind, KeyName, Project, Timestamp};
use crate::output::{Cell, Printer, Tone};
use crate::vault::{
    AccessOutline, AccessTrouble, Fault, FileTrouble, Found, KeyTrouble, Limited, Trouble,
    arguments_about, listed,
};

/// What is checked. The words are a promise.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
#[value(rename_all = "snake_case")]
pub(super) enum Check {
    AccessExpired,
    AccessExpiring,
    AccessUnused,
    Activity,
    ActivityEvents,
    Agent,
    AgentStale,
    AnchorMissing,
    AnchorUnwritable,
    CoreDumps,
    CutOffChange,
    Expired,
    Expiring,
    FileAccess,
    Leftover,
    Limit,
    NoToken,
    Overlap,
    RecoveryCode,
    SecretFile,
    SharedVariable,
    Swap,
    Undelivered,
    Unused,
    VaultFile,
    WeakKdf,
}

/// How grave it is.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Severity {
    /// Nothing is wrong yet, or it is somebody's choice.
    Advice,
    /// Something does not work, or others can reach what is not theirs.
    Problem,
}

impl Check {
    fn severity(self) -> Severity {
        match self {
            Self::AccessExpired
            | Self::Activity
            | Self::Agent
            | Self::AgentStale
            | Self::AnchorUnwritable
            | Self::Expired
            | Self::FileAccess
            | Self::SecretFile
            | Self::Undelivered
            | Self::VaultFile => Severity::Problem,
            Self::AccessExpiring
            | Self::AccessUnused
            | Self::ActivityEvents
            | Self::AnchorMissing
            | Self::CoreDumps
            | Self::CutOffChange
            | Self::Expiring
            | Self::Leftover
            | Self::Limit
            | Self::NoToken
            | Self::Overlap
            | Self::RecoveryCode
            | Self::SharedVariable
            | Self::Swap
            | Self::Unused
            | Self::WeakKdf => Severity::Advice,
        }
    }
}

/// One thing that was found. The fields are a promise.
#[derive(Debug, Serialize)]
pub(super) struct Finding {
    check: Check,
    severity: Severity,
    message: String,
    mend: Mend,
    path: Option<String>,
    project: Option<Project>,
    environment: Option<Environment>,
    kind: Option<KeyKind>,
    name: Option<KeyName>,
    key_id: Option<KeyId>,
}

/// What mends it: a command, or words.
#[derive(Clone, Debug)]
pub(super) enum Mend {
    /// Arguments of keywright.
    Keywright(String),
    /// With names that are somebody's: of files, above all.
    Other(String),
    /// Words of ours, which may have commands of ours between backticks.
    Words(&'static str),
}

impl fmt::Display for Mend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Keywright(arguments) => write!(f, "keywright {arguments}"),
            Self::Other(text) => f.write_str(text),
            Self::Words(words) => f.write_str(words),
        }
    }
}

impl Serialize for Mend {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Mend {
    fn for_vault(self, option: &str) -> Self {
        match self {
            Self::Keywright(arguments) => Self::Keywright(format!("{option} {arguments}")),
            Self::Words(words) => {
                let option = format!("`keywright {option} ");
                Self::Other(words.replace("`keywright ", &option))
            }
            other @ Self::Other(_) => other,
        }
    }
}

impl Finding {
    pub(super) fn new(check: Check, message: impl Into<String>, mend: Mend) -> Self {
        Self {
            check,
            severity: check.severity(),
            message: message.into(),
            mend,
            path: None,
            project: None,
            environment: None,
            kind: None,
            name: None,
            key_id: None,
        }
    }

    /// About what is at this place.
    pub(super) fn at(self, path: &Path) -> Self {
        Self {
            path: Some(path.display().to_string()),
            ..self
        }
    }

    /// With commands that are about the vault at this place, which is not where they look by themselves.
    pub(super) fn for_vault(self, vault: &Path) -> Self {
        let vault = vault.display().to_string();
        let quoted = shlex::try_quote(&vault).map_or_else(|_| vault.clone(), Into::into);
        Self {
            mend: self.mend.for_vault(&format!("--vault {quoted}")),
            ..self
        }
    }

    pub(super) fn check(&self) -> Check {
        self.check
    }

    /// Its lines of the answer.
    pub(super) fn show(&self, out: &mut Printer) -> io::Result<()> {
        let word = match self.severity {
            Severity::Advice => Cell::toned("advice", Tone::Warning),
            Severity::Problem => Cell::toned("problem", Tone::Bad),
        };
        out.finding(word, &self.message, &self.mend.to_string())
    }

    pub(super) fn of_file(trouble: FileTrouble) -> Self {
        let FileTrouble { path, fault } = trouble;
        let shown = path.display();
        let (check, message, mend) = match fault {
            Fault::CutOffChange => (
                Check::CutOffChange,
                format!(
                    "a process was ended in the middle of a change of the vault, and left `{shown}`"
                ),
                Mend::Words(
                    "opening the vault takes the half-made change back; `keywright audit --limit 3` shows what was saved last",
                ),
            ),
            Fault::Leftover { is_vault: false } => (
                Check::Leftover,
                format!(
                    "`{shown}` was left by a process that was ended while it made a vault; nobody uses it"
                ),
                command("rm", &path),
            ),
            Fault::Leftover { is_vault: true } => (
                Check::Leftover,
                format!(
                    "`{shown}` is a second name of the vault, left by a process that was ended while it made or restored it"
                ),
                command("rm", &path),
            ),
            Fault::OfAnother(uid) => (
                Check::FileAccess,
                format!("`{shown}` belongs to another user (uid {uid})"),
                Mend::Words(
                    "make it your own with chown, or keep the vault in a folder of your own",
                ),
            ),
            Fault::SecretShown(mode) => (
                Check::SecretFile,
                format!("others can reach what opens the vault in `{shown}` (mode {mode:03o})"),
                command("chmod 600", &path),
            ),
            Fault::Readable(mode) => (
                Check::FileAccess,
                format!("others can read `{shown}` (mode {mode:03o})"),
                command("chmod go-rwx", &path),
            ),
            Fault::Refused { why, mend } => (
                Check::VaultFile,
                format!("the vault `{shown}` is refused: {why}"),
                mend.map_or(Mend::Words("choose another file with --vault"), |mend| {
                    Mend::Other(mend.trim_start_matches("run: ").to_owned())
                }),
            ),
            Fault::Writable {
                mode,
                is_folder,
                is_private,
            } => (
                Check::FileAccess,
                if is_folder {
                    format!("others can replace what is in the folder `{shown}` (mode {mode:03o})")
                } else {
                    format!("others can write `{shown}` (mode {mode:03o})")
                },
                command(
                    if is_private {
                        "chmod go-rwx"
                    } else {
                        "chmod go-w"
                    },
                    &path,
                ),
            ),
        };
        Self::new(check, message, mend).at(&path)
    }

    pub(super) fn of_vault(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Activity(why) => Self::new(
                Check::Activity,
                format!("uses cannot be told or recorded: {why}"),
                Mend::Words("mend that, or move the file away: the next use makes another"),
            ),
            Trouble::AnchorMissing => Self::new(
                Check::AnchorMissing,
                "this machine remembered nothing of the vault, so that an older copy was not noticed; from now on it is",
                Mend::Words(
                    "`keywright audit --limit 5` shows the last changes: are they the last that you know of?",
                ),
            ),
            Trouble::AnchorUnwritable(why) => Self::new(
                Check::AnchorUnwritable,
                why,
                Mend::Words(
                    "make the state folder yours to write; `keywright status` shows where it is",
                ),
            ),
            Trouble::ClosedEvents { closed, all } => Self::new(
                Check::ActivityEvents,
                format!(
                    "{closed} of {all} recorded uses do not open: an older key sealed them, or they were altered"
                ),
                Mend::Words(
                    "none after `passphrase --compromised`, which makes new keys; else somebody wrote into the activity file",
                ),
            ),
            Trouble::Limit { what, count, limit } => {
                let (what, mend) = match what {
                    Limited::Bytes => (
                        "bytes has the vault".to_owned(),
                        "delete keys that nobody needs",
                    ),
                    Limited::Keys(scope) => (
                        format!("keys of one kind are in {scope}"),
                        "delete those that nobody needs, or begin another project",
                    ),
                    Limited::Scopes => (
                        "projects and environments are in the vault, each kind of key counted"
                            .to_owned(),
                        "keep some of them in another vault",
                    ),
                    Limited::Slots => (
                        "ways open the vault".to_owned(),
                        "revoke access tokens that nobody needs",
                    ),
                };
                Self::new(
                    Check::Limit,
                    format!("{count} of at most {limit} {what}"),
                    Mend::Words(mend),
                )
            }
            Trouble::NoRecoveryCode => Self::new(
                Check::RecoveryCode,
                "there is no recovery code: without the passphrase nobody opens the vault",
                Mend::Keywright("passphrase --add-recovery-code".to_owned()),
            ),
            Trouble::WeakKdf { memory, usual } => Self::new(
                Check::WeakKdf,
                format!(
                    "one guess of the passphrase costs {} MiB of memory, where a new vault asks for {} MiB",
                    memory / 1024,
                    usual / 1024
                ),
                Mend::Keywright("passphrase --kdf default".to_owned()),
            ),
        }
    }

    pub(super) fn of_key(found: &Found, trouble: &KeyTrouble, now: Timestamp) -> Self {
        let place = found.place();
        let command = |verb| arguments_about(verb, &found.key.name, found.id, &found.scope);
        let secret = match found.kind() {
            KeyKind::Issued => "token",
            KeyKind::Provider => "value",
        };
        let (check, message, mend) = match trouble {
            KeyTrouble::Expired(at) => (
                Check::Expired,
                format!("{place} expired at {at}"),
                command("rotate"),
            ),
            KeyTrouble::Expiring(at) => (
                Check::Expiring,
                format!("{place} expires {}, at {at}", at.relative(now)),
                command("rotate"),
            ),
            KeyTrouble::NoToken => (
                Check::NoToken,
                format!("no {secret} of {place} works here: it was imported without one"),
                command("rotate"),
            ),
            KeyTrouble::Overlap(until) => (
                Check::Overlap,
                format!("the {secret} before the present one of {place} works until {until}"),
                format!("{} --finish", command("rotate")),
            ),
            KeyTrouble::SharedVariable(variable, others) => (
                Check::SharedVariable,
                format!(
                    "the value of {place} goes into {variable}, as that of {}: `run` and `env` refuse them together",
                    listed(
                        &others
                            .iter()
                            .map(|name| format!("`{name}`"))
                            .collect::<Vec<_>>()
                    )
                ),
                format!("{} --var OTHER_NAME", command("edit")),
            ),
            KeyTrouble::Undelivered {
                at,
                by,
                other_works,
            } => (
                Check::Undelivered,
                format!(
                    "the {secret} of {place} that {by} made at {at} was never handed over; {}",
                    if *other_works {
                        "the one before works still"
                    } else {
                        "no other works"
                    }
                ),
                command("rotate"),
            ),
            KeyTrouble::Unused(since) => (
                Check::Unused,
                format!(
                    "{place} was never used, as far as is known here, since it was made at {since}"
                ),
                command("revoke"),
            ),
        };
        Self {
            project: Some(found.scope.project.clone()),
            environment: Some(found.scope.environment.clone()),
            kind: Some(found.kind()),
            name: Some(found.key.name.clone()),
            key_id: Some(found.id),
            ..Self::new(check, message, Mend::Keywright(mend))
        }
    }
}

impl Finding {
    pub(super) fn of_access(
        token: &AccessOutline,
        trouble: &AccessTrouble,
        now: Timestamp,
    ) -> Self {
        let place = format!("the access token `{}` for {}", token.name, token.opens());
        let another =
            "`keywright access create` makes another, `keywright access revoke` ends this one";
        let (check, message, mend) = match trouble {
            AccessTrouble::Expired(at) => (
                Check::AccessExpired,
                format!("{place} expired at {at}"),
                another,
            ),
            AccessTrouble::Expiring(at) => (
                Check::AccessExpiring,
                format!("{place} expires {}, at {at}", at.relative(now)),
                another,
            ),
            AccessTrouble::Unused(since) => (
                Check::AccessUnused,
                format!("no use of {place} is recorded here; it was made at {since}"),
                "uses elsewhere are not known here; `keywright access revoke` ends one that nobody needs",
            ),
        };
        Self {
            project: Some(token.scope.project.clone()),
            environment: Some(token.scope.environment.clone()),
            kind: Some(token.kind),
            name: Some(token.name.clone()),
            ..Self::new(check, message, Mend::Words(mend))
        }
    }
}

/// A command line about a file, as a shell takes it.
fn command(verb: &str, path: &Path) -> Mend {
    let text = path.display().to_string();
    let quoted = shlex::try_quote(&text).unwrap_or_else(|_| text.as_str().into());
    Mend::Other(format!("{verb} {quoted}"))
}
