//! A program that takes a secret from its standard input.

use std::io::{self, PipeReader, Write};
use std::os::fd::AsFd;
use std::process::{Child, Command, ExitStatus};
use std::str::FromStr;

use super::{Handed, Surroundings};
use crate::crypto::TOKEN_LIMIT;
use crate::signals::Listening;

/// A pipe holds at least so much (POSIX) before whoever writes has to wait, in bytes.
const PIPE_HOLDS: usize = 512;
const _: () = assert!(TOKEN_LIMIT <= PIPE_HOLDS);

/// A program and its arguments, split as a shell would; run without one.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    name: String,
    arguments: Vec<String>,
}

/// Why a text is no program to run.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum ProgramSyntax {
    #[error("there is no program in it")]
    Empty,
    #[error("a quote in it is not closed")]
    OpenQuote,
}

/// Why a program did not take a token.
#[derive(Debug, thiserror::Error)]
enum ProgramError {
    #[error("`{program}` failed ({status})")]
    Failed { program: String, status: ExitStatus },
    #[error("cannot start `{program}`")]
    Start {
        program: String,
        #[source]
        source: io::Error,
    },
    #[error("`{program}` did not read the whole token")]
    Unread { program: String },
}

impl FromStr for Program {
    type Err = ProgramSyntax;

    fn from_str(text: &str) -> Result<Self, ProgramSyntax> {
        let words = shlex::split(text).ok_or(ProgramSyntax::OpenQuote)?;
        let mut words = words.into_iter();
        match words.next() {
            Some(name) if !name.is_empty() => Ok(Self {
                name,
                arguments: words.collect(),
            }),
            _ => Err(ProgramSyntax::Empty),
        }
    }
}

impl Program {
    /// Its first word.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Runs it to its end with a token, and no line end, on its standard input; what it prints goes to standard error.
    ///
    /// # Errors
    /// When it cannot be started, ends with another status than 0, or leaves some of the token unread.
    pub(crate) fn give(
        &self,
        secret: Handed<'_>,
        around: &Surroundings,
        listening: &Listening,
    ) -> io::Result<()> {
        let program = self.name.clone();
        let (reader, mut writer) = io::pipe()?;
        let mut child = match self.start(&reader, around) {
            Ok(child) => child,
            Err(source) => {
                return Err(io::Error::other(ProgramError::Start { program, source }));
            }
        };
        // The pipe has room for all of it and its other end stays open here: this neither waits nor fails.
        let written = writer.write_all(secret.bytes());
        drop(writer);
        let status = listening.wait_for_child(&mut child)?;
        written?;
        if !status.success() {
            return Err(io::Error::other(ProgramError::Failed { program, status }));
        }
        if rustix::io::ioctl_fionread(&reader)? > 0 {
            return Err(io::Error::other(ProgramError::Unread { program }));
        }
        Ok(())
    }

    fn start(&self, input: &PipeReader, around: &Surroundings) -> io::Result<Child> {
        let mut command = Command::new(&self.name);
        command
            .args(&self.arguments)
            .stdin(input.try_clone()?)
            .stdout(rustix::stdio::stderr().as_fd().try_clone_to_owned()?);
        around.start(&mut command)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Result<Vec<String>, ProgramSyntax> {
        let program: Program = text.parse()?;
        Ok([vec![program.name], program.arguments].concat())
    }

    #[test]
    fn a_command_is_split_as_a_shell_would() {
        let split = words("gh secret set 'CI KEY' --body \"$X\" a\\ b").expect("words");
        assert_eq!(
            split,
            ["gh", "secret", "set", "CI KEY", "--body", "$X", "a b"]
        );
        for (text, error) in [
            ("", ProgramSyntax::Empty),
            (" \t", ProgramSyntax::Empty),
            ("''", ProgramSyntax::Empty),
            ("# nothing", ProgramSyntax::Empty),
            ("gh 'open", ProgramSyntax::OpenQuote),
            ("gh \"open", ProgramSyntax::OpenQuote),
        ] {
            assert_eq!(words(text).err(), Some(error), "{text}");
        }
    }
}
