//! For a step of GitHub Actions: commands on standard output that mask the values in the job's log, and then blocks for the
//! file that `GITHUB_ENV` names, from which the next steps have their variables.
//!
//! Of the runner (actions/runner): `ActionCommand.cs` reads the first, `FileCommandManager.cs` the second.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use unicode_normalization::char::is_combining_mark;

use super::{NOT_TEXT, Part, Reason, Uncarried, Variable, assembled, check};
use crate::crypto::{RandomError, Secret, random};
use crate::key::KeyName;

/// Shorter lines are not masked: the log would lose every `}` with them.
const MASKED_FROM: usize = 4;

/// Why there is nothing for the runner to read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum GithubError {
    #[error(transparent)]
    Random(#[from] RandomError),
    #[error(transparent)]
    Uncarried(#[from] Uncarried),
}

/// What a runner is told, in this order.
#[derive(Debug)]
pub(crate) struct Commands {
    /// For standard output.
    pub(crate) masks: Secret,
    /// For the end of the file.
    pub(crate) block: Secret,
    /// Keys whose values the log does not hide.
    pub(crate) unmasked: Vec<KeyName>,
}

impl Commands {
    /// # Errors
    /// [`GithubError`], with every key that the runner would refuse or change.
    pub(crate) fn new(variables: &[Variable<'_>]) -> Result<Self, GithubError> {
        check("github", variables, refusal)?;
        let delimiters = variables
            .iter()
            .map(delimiter)
            .collect::<Result<Vec<_>, _>>()?;
        let mask_commands = assembled(|part| variables.iter().for_each(|one| put_masks(one, part)));
        let block = assembled(|part| {
            for (variable, delimiter) in variables.iter().zip(&delimiters) {
                put_block(variable, delimiter, part);
            }
        });
        let unmasked = variables
            .iter()
            .filter(|one| one.text().and_then(|text| masks(text).next()).is_none())
            .map(|one| one.key.clone());
        Ok(Self {
            masks: mask_commands,
            block,
            unmasked: unmasked.collect(),
        })
    }
}

fn refusal(variable: &Variable<'_>, _: &[Variable<'_>]) -> Option<Reason> {
    let name = variable.name.as_str().to_ascii_uppercase();
    let owned = ["ACTIONS_", "GITHUB_", "RUNNER_"];
    let Some(text) = variable.text() else {
        return Some(NOT_TEXT);
    };
    if name == "NODE_OPTIONS" || owned.iter().any(|prefix| name.starts_with(prefix)) {
        return Some(format!("the runner keeps `{}` for itself", variable.name).into());
    }
    // The runner searches for `::` as a reader of the language would, for whom a mark changes the colon before it; the
    // command would be unknown, and therefore be in the log.
    let marked = masks(text).any(|mask| mask.starts_with(is_combining_mark));
    marked.then(|| "a line of its value begins with a combining mark".into())
}

/// A line that is not in the value, whatever is in it: 128 random bits in hexadecimal digits.
fn delimiter(variable: &Variable<'_>) -> Result<String, RandomError> {
    loop {
        let number = u128::from_le_bytes(random()?);
        let delimiter = format!("KEYWRIGHT_{number:032x}");
        if !variable.text().unwrap_or_default().contains(&delimiter) {
            return Ok(delimiter);
        }
    }
}

/// What the log must not show of a value: each line, for a log has lines, and the whole, in case its text is encoded. The runner
/// makes masks of the lines of a whole, too, which is why there is none when one of them is short.
fn masks(text: &str) -> impl Iterator<Item = &str> {
    let lines = || text.split(['\n', '\r']).filter(|line| !line.is_empty());
    let whole = lines().count() > 1 && lines().all(|line| mask(line).is_some());
    lines().filter_map(mask).chain(whole.then_some(text))
}

/// The part of a line that is masked wherever it is printed; the spaces around it may be lost on the way.
fn mask(line: &str) -> Option<&str> {
    let long = |part: &&str| part.chars().count() >= MASKED_FROM;
    let trimmed = line.trim();
    let masked = [trimmed, line].into_iter().find(long);
    masked.filter(|_| !trimmed.is_empty())
}

fn put_masks(variable: &Variable<'_>, part: Part<'_>) {
    for mask in masks(variable.text().unwrap_or_default()) {
        part(b"::add-mask::");
        for byte in mask.as_bytes().chunks(1) {
            part(match byte {
                b"%" => b"%25",
                b"\r" => b"%0D",
                b"\n" => b"%0A",
                other => other,
            });
        }
        part(b"\n");
    }
}

/// With an empty line before it, which the runner skips: what is in the file may lack its last line end.
fn put_block(variable: &Variable<'_>, delimiter: &str, part: Part<'_>) {
    let (name, delimiter) = (variable.name.as_str().as_bytes(), delimiter.as_bytes());
    for piece in [b"\n", name, b"<<", delimiter, b"\n"] {
        part(piece);
    }
    part(variable.bytes());
    for piece in [b"\n", delimiter, b"\n"] {
        part(piece);
    }
}

/// Why the runner's file cannot be written to.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EnvFileError {
    #[error("the file of `GITHUB_ENV`, `{path}`, is no regular file")]
    NotRegular { path: String },
    #[error("cannot open the file of `GITHUB_ENV`, `{path}`")]
    Unopened {
        path: String,
        #[source]
        err: io::Error,
    },
    #[error("cannot write to the file of `GITHUB_ENV`")]
    Unwritten(#[source] io::Error),
}

/// The file that `GITHUB_ENV` names.
#[derive(Debug)]
pub(crate) struct EnvFile(File);

impl EnvFile {
    /// Opens the file that the runner made; none is made here.
    ///
    /// # Errors
    /// [`EnvFileError`], when there is none, or something else, which is not waited for.
    pub(crate) fn open(path: &Path) -> Result<Self, EnvFileError> {
        let name = path.display().to_string();
        let unopened = |err| EnvFileError::Unopened {
            path: name.clone(),
            err,
        };
        let flags = rustix::fs::OFlags::NONBLOCK.bits() as i32;
        let file = OpenOptions::new()
            .append(true)
            .custom_flags(flags)
            .open(path)
            .map_err(unopened)?;
        let regular = file.metadata().map_err(unopened)?.is_file();
        regular
            .then_some(Self(file))
            .ok_or(EnvFileError::NotRegular { path: name })
    }

    /// Adds the blocks to what is there, in one write: all of them or none, for a block without its end would take in
    /// whatever the step adds after it.
    ///
    /// # Errors
    /// [`EnvFileError::Unwritten`].
    pub(crate) fn append(mut self, block: &Secret) -> Result<(), EnvFileError> {
        let bytes = block.expose(); // for the next steps of the job
        let before = self.0.metadata().map_err(EnvFileError::Unwritten)?.len();
        self.0.write_all(bytes).map_err(|err| {
            self.cut(before, bytes.len() as u64);
            EnvFileError::Unwritten(err)
        })
    }

    /// Takes back what was written of `added` bytes, unless another process wrote meanwhile, too.
    fn cut(&self, before: u64, added: u64) {
        let is_ours = |now: Metadata| now.len() > before && now.len() - before < added;
        if self.0.metadata().is_ok_and(is_ours) {
            // If this fails, too, the runner finds no end of the block and fails the step.
            let _ = self.0.set_len(before);
        }
    }
}
