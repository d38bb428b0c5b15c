//! The other places a passphrase or a recovery code comes from: a command, a file, a descriptor.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Seek};
use std::os::fd::AsFd;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};

use super::RECOVERY_CODE_LIMIT;
use super::line::Line;
use crate::crypto::{PASSPHRASE_LIMIT, Secret};

/// Most that a passphrase command may print, in bytes; password managers often print notes below the first line.
const OUTPUT_LIMIT: usize = 64 * 1024;

/// Most that a file of access tokens may have, in bytes.
const ACCESS_LIMIT: usize = 8 * 1024;

/// Why a command gave no passphrase. None of it repeats the command's words: some commands have secrets among them.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CommandSourceError {
    #[error("the passphrase command is empty")]
    Empty,
    #[error("the passphrase command failed ({0})")]
    Failed(ExitStatus),
    #[error("cannot read what the passphrase command prints")]
    Read(#[source] io::Error),
    #[error("cannot start the passphrase command")]
    Start(#[source] io::Error),
    #[error("the passphrase command has a quote that is not closed")]
    Syntax,
    #[error("the passphrase command prints more than {limit} bytes")]
    TooLong { limit: usize },
}

/// The first line that the user's command prints.
///
/// It is split into words as a shell would, but run without one; its standard input is empty, and the variables named
/// in `hide` are not in its environment.
///
/// # Errors
/// Also when it prints a line and then fails: half an answer is none.
pub(crate) fn passphrase_from_command(
    command: &str,
    hide: &[OsString],
) -> Result<Secret, CommandSourceError> {
    let words = shlex::split(command).ok_or(CommandSourceError::Syntax)?;
    let (program, arguments) = words.split_first().ok_or(CommandSourceError::Empty)?;
    let mut command = Command::new(program);
    command
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    for variable in hide {
        command.env_remove(variable);
    }
    let mut child = command.spawn().map_err(CommandSourceError::Start)?;
    let output = output_of(&mut child);
    if output.is_err() {
        // It may still be writing; it is waited for below.
        let _ = child.kill();
    }
    let status = child.wait().map_err(CommandSourceError::Read)?;
    let output = output?;
    if !status.success() {
        return Err(CommandSourceError::Failed(status));
    }
    Ok(output.first_line())
}

/// The first line that can be read from a descriptor this process was started with.
///
/// # Errors
/// `ErrorKind::InvalidInput` for descriptors that are for output (1, 2) or cannot be (negative), otherwise as
/// [`passphrase_from_file`]. A descriptor above 2 that is a socket cannot be opened again by its number, which is how
/// it is done here without `unsafe`; a regular file is read from its beginning for the same reason.
pub(crate) fn passphrase_from_fd(fd: i32) -> io::Result<Secret> {
    Line::read(open_fd(fd)?, PASSPHRASE_LIMIT)
}

/// The line after the one that [`passphrase_from_fd`] read from the same descriptor.
///
/// # Errors
/// As [`passphrase_from_fd`].
pub(crate) fn next_passphrase_from_fd(fd: i32) -> io::Result<Secret> {
    let mut input = open_fd(fd)?;
    // A regular file that was opened again begins again; a pipe, and a file that was not, goes on.
    if input.metadata()?.is_file() && input.stream_position()? == 0 {
        Line::read(&input, PASSPHRASE_LIMIT)?;
    }
    Line::read(input, PASSPHRASE_LIMIT)
}

/// The first line of a file, which may also be a pipe such as `/dev/fd/63`.
///
/// # Errors
/// `ErrorKind::FileTooLarge` when the line has more than [`PASSPHRASE_LIMIT`] bytes, and what the system says.
pub(crate) fn passphrase_from_file(path: &Path) -> io::Result<Secret> {
    Line::read(File::open(path)?, PASSPHRASE_LIMIT)
}

/// All that is in a file of access tokens, but a byte order mark.
///
/// # Errors
/// As [`passphrase_from_file`], with a limit of 8 KiB: more tokens than a vault can have.
pub(crate) fn access_tokens_from_file(path: &Path) -> io::Result<Secret> {
    Ok(Secret::read(File::open(path)?, ACCESS_LIMIT)?.without_mark())
}

/// The first line of a file, which is a recovery code or is to be one.
///
/// # Errors
/// `ErrorKind::FileTooLarge` when the line has more than [`RECOVERY_CODE_LIMIT`] bytes, and what the system says.
pub(crate) fn recovery_code_from_file(path: &Path) -> io::Result<Secret> {
    Line::read(File::open(path)?, RECOVERY_CODE_LIMIT)
}

/// The same of standard input; what follows the line is left to the next reader.
///
/// # Errors
/// As [`recovery_code_from_file`].
pub(crate) fn recovery_code_from_stdin() -> io::Result<Secret> {
    Line::read(open_fd(0)?, RECOVERY_CODE_LIMIT)
}

fn open_fd(fd: i32) -> io::Result<File> {
    match fd {
        0 => Ok(rustix::stdio::stdin().as_fd().try_clone_to_owned()?.into()),
        3.. => File::open(format!("/dev/fd/{fd}")),
        _ => Err(io::ErrorKind::InvalidInput.into()),
    }
}

fn output_of(child: &mut Child) -> Result<Secret, CommandSourceError> {
    let stdout = child.stdout.take().expect("it was asked for as a pipe");
    Secret::read(stdout, OUTPUT_LIMIT).map_err(|err| match err.kind() {
        io::ErrorKind::FileTooLarge => CommandSourceError::TooLong {
            limit: OUTPUT_LIMIT,
        },
        _ => CommandSourceError::Read(err),
    })
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::os::fd::AsRawFd;

    use super::*;

    fn from_command(command: &str) -> Result<Secret, CommandSourceError> {
        passphrase_from_command(command, &["CARGO_MANIFEST_DIR".into()])
    }

    #[test]
    fn a_command_gives_its_first_line() {
        for (command, line) in [
            ("printf 'one two\\nthree\\n'", "one two"),
            ("printf '$HOME'", "$HOME"),
            ("printf ''", ""),
            ("cat", ""),
            (
                "sh -c 'printf %s \"${CARGO_MANIFEST_DIR-hidden}\"'",
                "hidden",
            ),
            ("sh -c 'printf %s \"${CARGO_PKG_NAME+kept}\"'", "kept"),
        ] {
            assert_eq!(
                from_command(command).expect(command).expose(),
                line.as_bytes()
            );
        }
    }

    #[test]
    fn a_command_that_fails_gives_nothing() {
        use CommandSourceError as E;
        assert!(
            matches!(from_command("sh -c 'echo half; exit 3'"), Err(E::Failed(status)) if status.code() == Some(3))
        );
        assert!(matches!(
            from_command("/nonexistent/command"),
            Err(E::Start(_))
        ));
        assert!(matches!(from_command("echo 'open"), Err(E::Syntax)));
        assert!(matches!(from_command(" "), Err(E::Empty)));
        assert!(matches!(
            from_command("yes"),
            Err(E::TooLong {
                limit: OUTPUT_LIMIT
            })
        ));
    }

    #[test]
    fn files_and_pipes_are_read_to_the_first_line_end() {
        let mut file = tempfile::NamedTempFile::new().expect("a file");
        file.write_all(b"correct horse\r\nnote\n").expect("written");
        let line = passphrase_from_file(file.path()).expect("a line");
        assert_eq!(line.expose(), b"correct horse");

        let (reader, mut writer) = io::pipe().expect("a pipe");
        writer.write_all(b"first\nsecond\n").expect("written");
        let path = format!("/dev/fd/{}", reader.as_raw_fd());
        assert_eq!(
            passphrase_from_file(path.as_ref())
                .expect("a line")
                .expose(),
            b"first"
        );
        assert_eq!(
            passphrase_from_fd(reader.as_raw_fd())
                .expect("a line")
                .expose(),
            b"second"
        );
    }

    #[test]
    fn two_lines_of_one_descriptor_are_two_passphrases() {
        let mut file = tempfile::tempfile().expect("a file");
        file.write_all(b"first\nsecond\nthird\n").expect("written");
        let (pipe, mut writer) = io::pipe().expect("a pipe");
        writer.write_all(b"first\nsecond\n").expect("written");
        for fd in [file.as_raw_fd(), pipe.as_raw_fd()] {
            let first = passphrase_from_fd(fd).expect("a line");
            let second = next_passphrase_from_fd(fd).expect("a line");
            assert_eq!(
                (first.expose(), second.expose()),
                (&b"first"[..], &b"second"[..])
            );
        }
    }

    #[test]
    fn output_descriptors_are_refused() {
        for fd in [-1, 1, 2] {
            let err = passphrase_from_fd(fd).expect_err("refused");
            assert_eq!(err.kind(), io::ErrorKind::InvalidInput);
            let err = next_passphrase_from_fd(fd).expect_err("refused");
            assert_eq!(err.kind(), io::ErrorKind::InvalidInput);
        }
    }
}
