//! Findings: the words for what was found, and for what mends it.

use std::io;
use std::path::Path;

use clap::ValueEnum;
use serde::Serialize;

use crate::key::{Environment, KeyId, KeyKind, KeyName, Project, Timestamp};
use crate::output::{Cell, Printer, Tone};
use crate::vault::{
    AccessOutline, AccessTrouble, Fault, FileTrouble, Found, KeyTrouble, Limited, Trouble,
    command_about,
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
    /// A command, or words.
    mend: String,
    path: Option<String>,
    project: Option<Project>,
    environment: Option<Environment>,
    kind: Option<KeyKind>,
    name: Option<KeyName>,
    key_id: Option<KeyId>,
}

impl Finding {
    pub(super) fn new(check: Check, message: impl Into<String>, mend: impl Into<String>) -> Self {
        Self {
            check,
            severity: check.severity(),
            message: message.into(),
            mend: mend.into(),
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
        let option = format!("keywright --vault {quoted} ");
        Self {
            mend: self.mend.replace("keywright ", &option),
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
        out.finding(word, &self.message, &self.mend)
    }

    pub(super) fn of_file(trouble: FileTrouble) -> Self {
        let FileTrouble { path, fault } = trouble;
        let shown = path.display();
        let (check, message, mend) = match fault {
            Fault::CutOffChange => (
                Check::CutOffChange,
                format!("a process was ended in the middle of a change of the vault, and left `{shown}`"),
                "opening the vault takes the half-made change back; `keywright audit --limit 3` shows what was saved last"
                    .to_owned(),
            ),
            Fault::Leftover { is_vault: false } => (
                Check::Leftover,
                format!("`{shown}` was left by a process that was ended while it made a vault; nobody uses it"),
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
                "make it your own with chown, or keep the vault in a folder of your own".to_owned(),
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
                mend.map_or_else(
                    || "choose another file with --vault".to_owned(),
                    |mend| mend.trim_start_matches("run: ").to_owned(),
                ),
            ),
            Fault::Writable { mode, is_folder, is_private } => (
                Check::FileAccess,
                if is_folder {
                    format!("others can replace what is in the folder `{shown}` (mode {mode:03o})")
                } else {
                    format!("others can write `{shown}` (mode {mode:03o})")
                },
                command(if is_private { "chmod go-rwx" } else { "chmod go-w" }, &path),
            ),
        };
        Self::new(check, message, mend).at(&path)
    }

    pub(super) fn of_vault(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Activity(why) => Self::new(
                Check::Activity,
                format!("uses cannot be told or recorded: {why}"),
                "mend that, or move the file away: the next use makes another",
            ),
            Trouble::AnchorMissing => Self::new(
                Check::AnchorMissing,
                "this machine remembered nothing of the vault, so that an older copy was not noticed; from now on it is",
                "`keywright audit --limit 5` shows the last changes: are they the last that you know of?",
            ),
            Trouble::AnchorUnwritable(why) => Self::new(
                Check::AnchorUnwritable,
                why,
                "make the state folder yours to write; `keywright status` shows where it is",
            ),
            Trouble::ClosedEvents { closed, all } => Self::new(
                Check::ActivityEvents,
                format!(
                    "{closed} of {all} recorded uses do not open: an older key sealed them, or they were altered"
                ),
                "none after `passphrase --compromised`, which makes new keys; else somebody wrote into the activity file",
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
                    mend,
                )
            }
            Trouble::NoRecoveryCode => Self::new(
                Check::RecoveryCode,
                "there is no recovery code: without the passphrase nobody opens the vault",
                "keywright passphrase --add-recovery-code",
            ),
            Trouble::WeakKdf { memory, usual } => Self::new(
                Check::WeakKdf,
                format!(
                    "one guess of the passphrase costs {} MiB of memory, where a new vault asks for {} MiB",
                    memory / 1024,
                    usual / 1024
                ),
                "keywright passphrase --kdf default",
            ),
        }
    }

    pub(super) fn of_key(found: &Found, trouble: &KeyTrouble, now: Timestamp) -> Self {
        let place = found.place();
        let command = |verb| command_about(verb, &found.key.name, found.id, &found.scope);
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
            ..Self::new(check, message, mend)
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
            ..Self::new(check, message, mend)
        }
    }
}

/// A command line about a file, as a shell takes it.
fn command(verb: &str, path: &Path) -> String {
    let text = path.display().to_string();
    let quoted = shlex::try_quote(&text).unwrap_or_else(|_| text.as_str().into());
    format!("{verb} {quoted}")
}
