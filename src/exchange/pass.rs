//! A `pass` store: its entries are found in its folder, and opened by `pass` itself.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use super::stamp::Stamp;
use super::{NamedValue, Values};
use crate::crypto::{Secret, SecretValue, ValueError};
use crate::key::{KeyName, ParseError, VariableName};

/// Most that an entry may have, in bytes: `pass` also keeps files.
const ENTRY_LIMIT: usize = 1024 * 1024;

/// Why a store cannot be imported. Nothing of an entry is repeated but its name.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PassError {
    #[error("`pass show` failed for `{entry}` ({status})")]
    Failed { entry: String, status: ExitStatus },
    #[error("`{0}` is not a folder in a pass store")]
    Folder(String),
    #[error("cannot read the pass store `{folder}`")]
    List {
        folder: String,
        #[source]
        source: io::Error,
    },
    #[error("the program `pass` is not there")]
    Missing,
    #[error("the entry `{entry}` cannot be the name of a key: {problem}")]
    Name { entry: String, problem: String },
    #[error("cannot read what `pass` prints of `{entry}`")]
    Output {
        entry: String,
        #[source]
        source: io::Error,
    },
    #[error("`pass rm` failed for `{entry}` ({status})")]
    Remove { entry: String, status: ExitStatus },
    #[error("cannot start `pass`")]
    Start(#[source] io::Error),
    #[error("the entry `{entry}` has more than {ENTRY_LIMIT} bytes, the most that is read")]
    TooLong { entry: String },
    #[error("the entry `{entry}` has no value that can be stored")]
    Value {
        entry: String,
        #[source]
        source: ValueError,
    },
}

/// Where the entries are, and how `pass` is run.
#[derive(Debug)]
pub(crate) struct PassStore {
    pub(crate) root: PathBuf,
    /// Variables that `pass` does not get.
    pub(crate) hide: Vec<OsString>,
}

/// An entry, as it was found.
#[derive(Debug)]
pub(crate) struct PassEntry {
    pub(crate) name: KeyName,
    file: PathBuf,
    stamp: Stamp,
    /// All of it, once it was opened.
    content: Option<Secret>,
}

impl PassStore {
    /// The entries below a folder of the store, or all of them, by name. Folders and files that begin with a dot are
    /// `pass`'s own; symbolic links are not followed.
    ///
    /// # Errors
    /// [`PassError::Folder`] when it is not in the store, [`PassError::Name`], and what the system says.
    pub(crate) fn entries(&self, folder: Option<&Path>) -> Result<Vec<PassEntry>, PassError> {
        let folder = folder.unwrap_or(Path::new(""));
        let inside = |part: Component<'_>| match part {
            Component::Normal(name) => !is_hidden(name),
            _ => false,
        };
        let start = self.root.join(folder);
        if !folder.components().all(inside) || !start.is_dir() {
            return Err(PassError::Folder(start.display().to_string()));
        }
        let mut entries = Vec::new();
        let mut folders = vec![start];
        while let Some(folder) = folders.pop() {
            let unread = |source| PassError::List {
                folder: folder.display().to_string(),
                source,
            };
            for item in fs::read_dir(&folder).map_err(unread)? {
                let item = item.map_err(unread)?;
                let kind = item.file_type().map_err(unread)?;
                if is_hidden(&item.file_name()) {
                    continue;
                }
                if kind.is_dir() {
                    folders.push(item.path());
                } else if kind.is_file() && item.path().extension() == Some(OsStr::new("gpg")) {
                    entries.push(self.entry(item.path(), unread)?);
                }
            }
        }
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(entries)
    }

    fn entry(
        &self,
        file: PathBuf,
        unread: impl Fn(io::Error) -> PassError,
    ) -> Result<PassEntry, PassError> {
        let path = file.with_extension("");
        let path = path.strip_prefix(&self.root).unwrap_or(&path);
        let entry = path.to_string_lossy().into_owned();
        let wrong = |problem: String| PassError::Name {
            entry: entry.clone(),
            problem,
        };
        let name: KeyName = entry
            .parse()
            .map_err(|err: ParseError| wrong(err.to_string()))?;
        if path.as_os_str() != OsStr::new(name.as_str()) {
            // `pass` would not find it under the name of the key.
            return Err(wrong("it is not UTF-8 text in the form NFC".to_owned()));
        }
        Ok(PassEntry {
            name,
            stamp: Stamp::of(&file.symlink_metadata().map_err(unread)?),
            file,
            content: None,
        })
    }

    /// Opens an entry and adds its first line to the values.
    ///
    /// # Errors
    /// When `pass` fails or the first line cannot be a value; the entry is named.
    pub(crate) fn open(&self, entry: &mut PassEntry, values: &mut Values) -> Result<(), PassError> {
        let content = self.show(&entry.name)?;
        match SecretValue::new(content.first_line()) {
            Ok(value) => values.values.push(NamedValue {
                name: entry.name.clone(),
                variable: entry.variable(),
                value,
            }),
            Err(ValueError::Empty) => values.empty.push(entry.name.to_string()),
            Err(source) => {
                let entry = entry.name.to_string();
                return Err(PassError::Value { entry, source });
            }
        }
        entry.content = Some(content);
        Ok(())
    }

    /// Whether an entry is what it was when it was opened: its file, and all that `pass` shows of it.
    ///
    /// # Errors
    /// When `pass` fails.
    pub(crate) fn is_unchanged(&self, entry: &PassEntry) -> Result<bool, PassError> {
        let now = entry.file.symlink_metadata();
        if !now.is_ok_and(|file| Stamp::of(&file) == entry.stamp) {
            return Ok(false);
        }
        let again = self.show(&entry.name)?;
        Ok(entry.content.as_ref().is_some_and(|first| first.is(&again)))
    }

    /// Removes an entry.
    ///
    /// # Errors
    /// When `pass` fails.
    pub(crate) fn remove(&self, entry: &PassEntry) -> Result<(), PassError> {
        let mut command = self.pass(&["rm", "--force", "--", entry.name.as_str()]);
        // Its words are none of the answer.
        command.stdout(Stdio::null());
        let status = command.status().map_err(unstarted)?;
        if status.success() {
            return Ok(());
        }
        let entry = entry.name.to_string();
        Err(PassError::Remove { entry, status })
    }

    fn show(&self, name: &KeyName) -> Result<Secret, PassError> {
        let mut command = self.pass(&["show", "--", name.as_str()]);
        let mut child = command.stdout(Stdio::piped()).spawn().map_err(unstarted)?;
        let entry = name.to_string();
        let output = output_of(&mut child);
        if output.is_err() {
            // It may still be writing; it is waited for below.
            let _ = child.kill();
        }
        let status = child.wait();
        let output = match (output, status) {
            (Ok(_), Ok(status)) if !status.success() => {
                return Err(PassError::Failed { entry, status });
            }
            (Ok(output), Ok(_)) => Ok(output),
            (Err(source), _) | (_, Err(source)) => Err(source),
        };
        output.map_err(|source| match source.kind() {
            io::ErrorKind::FileTooLarge => PassError::TooLong { entry },
            _ => PassError::Output { entry, source },
        })
    }

    /// Without a shell; what it says on standard error is shown as it comes, so that it can ask for its key.
    fn pass(&self, args: &[&str]) -> Command {
        let mut command = Command::new("pass");
        command
            .args(args)
            .env("PASSWORD_STORE_DIR", &self.root)
            .stdin(Stdio::null());
        for variable in &self.hide {
            command.env_remove(variable);
        }
        command
    }
}

impl PassEntry {
    /// Whether there is more in it than the line that is imported.
    pub(crate) fn has_more(&self) -> bool {
        let whole = |content: &Secret| content.without_final_newline().len();
        let first = |content: &Secret| content.first_line().len();
        self.content
            .as_ref()
            .is_some_and(|content| first(content) < whole(content))
    }

    /// The last part of its name, where that is a variable in capitals.
    fn variable(&self) -> Option<VariableName> {
        let last = self.name.as_str().rsplit('/').next()?;
        let in_capitals = !last.contains(|c: char| c.is_ascii_lowercase());
        last.parse().ok().filter(|_| in_capitals)
    }
}

fn is_hidden(name: &OsStr) -> bool {
    name.as_encoded_bytes().starts_with(b".")
}

fn output_of(child: &mut Child) -> io::Result<Secret> {
    let stdout = child.stdout.take().expect("it was asked for as a pipe");
    Secret::read(stdout, ENTRY_LIMIT)
}

fn unstarted(err: io::Error) -> PassError {
    match err.kind() {
        io::ErrorKind::NotFound => PassError::Missing,
        _ => PassError::Start(err),
    }
}
