//! A program in the place of this process, with keys in its environment.
//!
//! It *replaces* keywright (`execve`): its signals, exit status, job control, terminal and process id are its own, also
//! where that id is 1, and nothing of keywright's memory is left.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::fs::{Access, access};
use rustix::process::{Resource, Rlimit, setrlimit};

use crate::crypto::SecretValue;
use crate::key::VariableName;

/// A program that is about to start.
#[derive(Debug)]
pub(crate) struct Program {
    name: OsString,
    arguments: Vec<OsString>,
    /// All that it has but the values.
    environment: Vec<(OsString, OsString)>,
}

/// Why a program did not start.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotStarted {
    #[error("cannot execute `{name}`")]
    CannotExecute { name: String, source: io::Error },
    #[error("cannot execute `{0}`: the interpreter or loader that it names is not there")]
    NoInterpreter(String),
    #[error("no program `{0}`")]
    NotFound(String),
}

impl Program {
    /// Makes sure that it is there and can be executed, as far as that can be told before it is started.
    pub(crate) fn new(
        name: OsString,
        arguments: Vec<OsString>,
        environment: Vec<(OsString, OsString)>,
    ) -> Result<Self, NotStarted> {
        let program = Self {
            name,
            arguments,
            environment,
        };
        match program.look() {
            Ok(()) => Ok(program),
            Err(err) => Err(program.not_started(err)),
        }
    }

    /// Its file name, as far as it is text, cut to 100 characters.
    pub(crate) fn file_name(&self) -> String {
        let name = Path::new(&self.name).file_name().unwrap_or(&self.name);
        name.to_string_lossy().chars().take(100).collect()
    }

    /// Starts it in the place of this process, with the core dump limit that was there before this one's. Comes back only
    /// when it cannot.
    pub(crate) fn replace_this<'v>(
        self,
        values: impl Iterator<Item = (&'v VariableName, &'v SecretValue)>,
        core_limit: Rlimit,
    ) -> NotStarted {
        let mut command = Command::new(&self.name);
        command
            .args(&self.arguments)
            .env_clear()
            .envs(self.environment.iter().map(|(name, value)| (name, value)));
        for (name, value) in values {
            let value = OsStr::from_bytes(value.expose()); // what `run` is for
            command.env(name.as_str(), value);
        }
        // Where that is forbidden, it leaves no core dump; nothing else depends on it.
        let _ = setrlimit(Resource::Core, core_limit);
        let err = command.exec();
        match err.kind() {
            // Not the program then, but what runs it.
            io::ErrorKind::NotFound if self.look().is_ok() => {
                NotStarted::NoInterpreter(self.name())
            }
            _ => self.not_started(err),
        }
    }

    /// Looks where `execvp` will.
    fn look(&self) -> io::Result<()> {
        let name = Path::new(&self.name);
        if self.name.is_empty() {
            return Err(io::ErrorKind::NotFound.into());
        }
        if self.name.as_bytes().contains(&b'/') {
            return executable(name);
        }
        let path = self.environment.iter().find(|(name, _)| name == "PATH");
        let Some((_, path)) = path else {
            // The system has a path of its own then.
            return Ok(());
        };
        let mut answer = io::ErrorKind::NotFound.into();
        for folder in std::env::split_paths(path) {
            let candidate: PathBuf = folder.join(name);
            match executable(&candidate) {
                Ok(()) => return Ok(()),
                Err(err) if err.kind() == io::ErrorKind::NotFound => {}
                // Another folder may have it.
                Err(err) => answer = err,
            }
        }
        Err(answer)
    }

    fn name(&self) -> String {
        self.name.to_string_lossy().into_owned()
    }

    fn not_started(&self, source: io::Error) -> NotStarted {
        let name = self.name();
        match source.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => NotStarted::NotFound(name),
            _ => NotStarted::CannotExecute { name, source },
        }
    }
}

fn executable(path: &Path) -> io::Result<()> {
    if path.metadata()?.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    Ok(access(path, Access::EXEC_OK)?)
}
