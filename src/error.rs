//! What a command can end with. The kind picks the exit code; each kind has one.

mod hint;

use std::io;
use std::process::ExitCode;

use serde::Serialize;

use crate::agent::AgentError;
use crate::output::{Printer, escape};
use crate::prompt::PromptError;
use crate::vault::{Readiness, StoreError, VaultError};

/// How a command ended. The numbers are a promise.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Exit {
    Conflict = 4,
    /// A command that `run` could not start.
    CannotExecute = 126,
    CommandNotFound = 127,
    Damaged = 7,
    Done = 0,
    Failed = 1,
    Found = 9,
    Interrupted = 130,
    Locked = 5,
    NotAllowed = 11,
    NotAuthenticated = 10,
    NotConfirmed = 6,
    NotFound = 3,
    NotRun = 125,
    Refused = 8,
    Usage = 2,
}

impl Exit {
    /// Number and meaning of each, for the manual.
    pub(crate) const TABLE: &[(Self, &'static str)] = &[
        (Self::Done, "done"),
        (Self::Failed, "failed"),
        (Self::Usage, "wrong usage"),
        (Self::NotFound, "no such key, role or access token"),
        (Self::Conflict, "already exists, or changed meanwhile"),
        (Self::Locked, "locked, or wrong passphrase"),
        (Self::NotConfirmed, "not confirmed"),
        (Self::Damaged, "vault damaged or altered"),
        (
            Self::Refused,
            "refused by a rule: cannot be shown again, revoked, unsafe file mode, not opened by the access token",
        ),
        (
            Self::Found,
            "a check found something: check, doctor, list --expiring, rotate --when-unused",
        ),
        (Self::NotAuthenticated, "verify: not authenticated"),
        (Self::NotAllowed, "verify: not allowed"),
        (
            Self::NotRun,
            "run: keywright itself failed, and nothing was started",
        ),
        (Self::CannotExecute, "run: the command cannot be executed"),
        (Self::CommandNotFound, "run: the command was not found"),
        (Self::Interrupted, "interrupted"),
    ];

    /// The number that a shell sees.
    pub(crate) fn number(self) -> u8 {
        self as u8
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.number())
    }
}

/// Why a command stopped: the kind, what happened, and the command or option that helps.
#[derive(Debug)]
pub(crate) struct CommandError {
    kind: Exit,
    /// What the process ends with: the kind, but for `run`.
    exit: Exit,
    source: anyhow::Error,
    hint: Option<String>,
    /// Nobody reads what was to be written, so nobody is told.
    silent: bool,
}

/// An error as JSON.
#[derive(Serialize)]
struct Report<'a> {
    error: ReportBody<'a>,
}

#[derive(Serialize)]
struct ReportBody<'a> {
    kind: Exit,
    exit_code: u8,
    message: String,
    causes: Vec<String>,
    hint: Option<&'a str>,
}

impl CommandError {
    pub(crate) fn new(kind: Exit, source: impl Into<anyhow::Error>) -> Self {
        Self {
            kind,
            exit: kind,
            source: source.into(),
            hint: None,
            silent: false,
        }
    }

    /// Of a message of our own.
    pub(crate) fn message(kind: Exit, message: impl Into<String>) -> Self {
        Self::new(kind, anyhow::Error::msg(message.into()))
    }

    /// A secret that was asked for did not come out, whoever closed the pipe.
    pub(crate) fn not_shown(err: io::Error) -> Self {
        Self {
            kind: Exit::Failed,
            exit: Exit::Failed,
            silent: false,
            ..Self::from(err)
        }
    }

    /// An answer whose exit code says it, too: when nobody reads it, the code still stands.
    pub(crate) fn or_exit(self, exit: Exit) -> Result<Exit, Self> {
        if self.silent { Ok(exit) } else { Err(self) }
    }

    /// As `run` ends with it, whose other exit codes are its program's.
    pub(crate) fn of_run(self) -> Self {
        let exit = match self.kind {
            own @ (Exit::CannotExecute | Exit::CommandNotFound | Exit::Interrupted) => own,
            _ => Exit::NotRun,
        };
        Self { exit, ..self }
    }

    /// With what helps.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// With something to know beside what helps.
    pub(crate) fn also(mut self, more: &str) -> Self {
        let hint = self.hint.map(|hint| format!("{hint}; {more}"));
        self.hint = Some(hint.unwrap_or_else(|| more.to_owned()));
        self
    }

    /// Whether access tokens open something else than what was wanted.
    pub(crate) fn is_of_closed_scope(&self) -> bool {
        matches!(
            self.source.downcast_ref(),
            Some(VaultError::ScopeClosed { .. })
        )
    }

    /// Tells it where the command goes on without what failed.
    pub(crate) fn warn(self, out: &mut Printer) {
        let text = format!("{:#}", self.source);
        out.warn(format_args!("{}", escape(&text)));
    }

    /// Tells it, as text or JSON, and gives how the command ended.
    pub(crate) fn report(self, out: &mut Printer) -> Exit {
        if self.silent {
            return self.exit;
        }
        let causes: Vec<String> = self
            .source
            .chain()
            .skip(1)
            .map(ToString::to_string)
            .collect();
        let message = self.source.to_string();
        if out.is_json() {
            let (kind, hint) = (self.kind, self.hint.as_deref());
            let error = ReportBody {
                kind,
                exit_code: self.exit.number(),
                message,
                causes,
                hint,
            };
            out.error_json(&Report { error });
        } else {
            out.error(&message, &causes, self.hint.as_deref());
        }
        self.exit
    }
}

/// Writing the answer failed. A reader that left is no failure of ours, unless a secret was to be shown.
impl From<io::Error> for CommandError {
    fn from(err: io::Error) -> Self {
        let silent = err.kind() == io::ErrorKind::BrokenPipe;
        let kind = if silent { Exit::Done } else { Exit::Failed };
        let source =
            anyhow::Error::new(err).context("the answer cannot be written to standard output");
        Self {
            silent,
            ..Self::new(kind, source)
        }
    }
}

impl From<AgentError> for CommandError {
    fn from(err: AgentError) -> Self {
        let kind = match err {
            AgentError::Busy => Exit::Conflict,
            AgentError::OtherUser { .. } | AgentError::Unsafe { .. } => Exit::Refused,
            AgentError::Io { .. }
            | AgentError::NotStarted(_)
            | AgentError::Refused(_)
            | AgentError::Silent { .. }
            | AgentError::TooLong(_) => Exit::Failed,
        };
        let hint = match &err {
            AgentError::Busy => "`keywright status` tells more",
            AgentError::Silent {
                process: Some(process),
                ..
            } => {
                let hint =
                    format!("end process {process}; `keywright unlock` starts another agent");
                return Self::new(kind, err).hint(hint);
            }
            AgentError::Silent { process: None, .. } => {
                "end that process; `keywright unlock` starts another agent"
            }
            AgentError::TooLong(_) => "set XDG_RUNTIME_DIR to a folder with a shorter path",
            AgentError::Unsafe { mend, .. } => mend,
            _ => return Self::new(kind, err),
        }
        .to_owned();
        Self::new(kind, err).hint(hint)
    }
}

impl From<PromptError> for CommandError {
    fn from(err: PromptError) -> Self {
        let kind = match err {
            PromptError::Cancelled => Exit::Interrupted,
            PromptError::Io(_) => Exit::Failed,
            PromptError::SeveralLines | PromptError::TooLong { .. } => Exit::Usage,
        };
        Self::new(kind, err)
    }
}

impl From<VaultError> for CommandError {
    fn from(err: VaultError) -> Self {
        let kind = kind_of(&err);
        let hint = hint::hint_for(&err);
        Self {
            hint,
            ..Self::new(kind, err)
        }
    }
}

fn kind_of(err: &VaultError) -> Exit {
    match err {
        VaultError::AnchorDamaged(_)
        | VaultError::Altered(_)
        | VaultError::Forked { .. }
        | VaultError::OlderThanSlice { .. }
        | VaultError::RekeyedSlice { .. }
        | VaultError::RolledBack { .. } => Exit::Damaged,
        VaultError::AccessExists(_)
        | VaultError::Changed(_)
        | VaultError::Exists { .. }
        | VaultError::ImportConflicts(_) => Exit::Conflict,
        VaultError::NotReady { kinds, .. } if kinds.contains(&Readiness::Missing) => Exit::NotFound,
        VaultError::CredentialExpired { .. }
        | VaultError::NoAccessToken { .. }
        | VaultError::WrongAccessToken(_)
        | VaultError::WrongCredential => Exit::Locked,
        VaultError::AccessUncertain(_)
        | VaultError::Activity(_)
        | VaultError::CodeDelivery(_)
        | VaultError::CodeInvalid(_)
        | VaultError::CodeUncertain(_)
        | VaultError::Delivery(_)
        | VaultError::Newer(_)
        | VaultError::NotCounted { .. }
        | VaultError::NotRecorded(_)
        | VaultError::PrintedAndUncertain(_)
        | VaultError::PrintedButInvalid(_)
        | VaultError::Random(_)
        | VaultError::Uncertain(_)
        | VaultError::Undo { .. } => Exit::Failed,
        VaultError::DangerousNames(_)
        | VaultError::Limit(_)
        | VaultError::NotReady { .. }
        | VaultError::NotShownAgain(_)
        | VaultError::OwnerOnly { .. }
        | VaultError::Refused(_)
        | VaultError::RoleInUse { .. }
        | VaultError::RoleUnfit { .. }
        | VaultError::ScopeClosed { .. }
        | VaultError::Slice(_)
        | VaultError::Unfit { .. } => Exit::Refused,
        VaultError::ManyKeys { .. }
        | VaultError::Misused(_)
        | VaultError::Parse(_)
        | VaultError::Rivals { .. } => Exit::Usage,
        VaultError::NoDefault(_)
        | VaultError::NoKeyFor { .. }
        | VaultError::NotSelected { .. }
        | VaultError::UnknownAccess { .. }
        | VaultError::UnknownKey { .. }
        | VaultError::UnknownRole { .. }
        | VaultError::UnknownScope { .. } => Exit::NotFound,
        VaultError::Store(err) => match err {
            StoreError::Altered { .. } | StoreError::NotAVault(_) => Exit::Damaged,
            StoreError::Exists(_) => Exit::Conflict,
            StoreError::NotReplaced { .. } | StoreError::Unsafe { .. } => Exit::Refused,
            _ => Exit::Failed,
        },
    }
}
