//! Where an import comes from: read once, and deleted only when it is still what was read.

use std::fs::{self, File};
use std::io::{self, IsTerminal};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::commands::args::{read_all, unreadable};
use crate::commands::import::{Format, ImportArgs};
use crate::commands::oddities::warn_of_import;
use crate::crypto::Secret;
use crate::error::{CommandError, Exit};
use crate::exchange::{
    DOCUMENT_LIMIT, DocumentError, Json, PassEntry, PassError, PassStore, Stamp, Values,
    looks_like_json, read_dotenv, read_json,
};
use crate::key::{KeyName, Provider, Scope, VariableName, WellKnown};
use crate::output::escape;
use crate::session::Session;
use crate::settings::{own_variables, pass_store, variable_to_import};
use crate::vault::{Import, ImportedValue, Vault};

/// What was read, and from where.
pub(super) struct Reading {
    pub(super) import: Import,
    /// Names without a value, which are left out.
    pub(super) empty: Vec<String>,
    /// Variables whose values mention others.
    pub(super) literal: Vec<VariableName>,
    /// In words.
    pub(super) from: String,
    source: Source,
}

/// What can be deleted.
enum Source {
    File {
        path: PathBuf,
        stamp: Stamp,
        content: Secret,
    },
    /// The environment, standard input, or a file that stays.
    Kept,
    Pass {
        store: PassStore,
        entries: Vec<PassEntry>,
    },
}

impl ImportArgs {
    pub(super) fn read(&self, session: &Session) -> Result<Reading, CommandError> {
        let scope = &session.settings.scope;
        if !self.from_env.is_empty() {
            let from = "the environment".to_owned();
            let values = self.read_environment()?;
            return Ok(Reading::of_values(values, scope, from, Source::Kept));
        }
        if self.format == Some(Format::Pass) {
            return self.read_pass(session);
        }
        self.read_source(session)
    }

    fn read_environment(&self) -> Result<Values, CommandError> {
        let mut values = Values::default();
        for (at, name) in self.from_env.iter().enumerate() {
            if name.as_str().starts_with("KEYWRIGHT_") {
                let message = format!("`{name}` is a variable of keywright's own");
                return Err(CommandError::message(Exit::Refused, message)
                    .hint("nothing was imported; leave it out"));
            }
            if self.from_env[..at].contains(name) {
                let message = format!("`{name}` is named twice");
                return Err(CommandError::message(Exit::Usage, message));
            }
            let value = variable_to_import(name).ok_or_else(|| {
                let message = format!("the variable `{name}` is not set, or empty");
                CommandError::message(Exit::Usage, message)
                    .hint("nothing was imported; `export` in the shell hands a variable on")
            })?;
            values.add(name.clone(), value).map_err(|problem| {
                CommandError::message(Exit::Usage, format!("`{name}`: {problem}"))
            })?;
        }
        Ok(values)
    }

    fn read_source(&self, session: &Session) -> Result<Reading, CommandError> {
        let file = self.file();
        let stamp = file.map(|path| self.stamp(path)).transpose()?.flatten();
        let content = read_text(file)?;
        let is_json = match self.format {
            None => looks_like_json(&content),
            Some(format) => format == Format::Json,
        };
        let place = match file {
            Some(path) => format!("`{}`", path.display()),
            None => "standard input".to_owned(),
        };
        let (import, values) = if is_json {
            match read_json(&content).map_err(|err| no_json(err, &place))? {
                Json::Export(import) => (import, Values::default()),
                Json::Values(values) => (Import::default(), values),
            }
        } else {
            let values = read_dotenv(&content).map_err(|err| no_dotenv(err, &place))?;
            (Import::default(), values)
        };
        let what = if is_json {
            "the JSON of"
        } else {
            "the dotenv text of"
        };
        let from = format!("{what} {}", escape(&place));
        let source = match (file, stamp) {
            (Some(path), Some(stamp)) => Source::File {
                path: path.to_owned(),
                stamp,
                content,
            },
            _ => Source::Kept,
        };
        let reading = Reading::of_values(values, &session.settings.scope, from, source);
        Ok(Reading {
            import: Import {
                values: reading.import.values,
                ..import
            },
            ..reading
        })
    }

    /// What the file is known by, where it is to be deleted: taken before it is read.
    fn stamp(&self, path: &Path) -> Result<Option<Stamp>, CommandError> {
        if !self.delete_source {
            return Ok(None);
        }
        let shown = format!("`{}`", path.display());
        let file = path
            .symlink_metadata()
            .map_err(|err| unreadable(err, &shown))?;
        if file.is_file() {
            return Ok(Some(Stamp::of(&file)));
        }
        let message = format!("{shown} is no regular file, and only such a one can be deleted");
        Err(CommandError::message(Exit::Usage, message)
            .hint("name the file itself, or leave out --delete-source"))
    }

    fn read_pass(&self, session: &Session) -> Result<Reading, CommandError> {
        let root = pass_store().ok_or_else(|| {
            CommandError::message(Exit::Failed, "there is no home directory with a pass store")
                .hint("set HOME or PASSWORD_STORE_DIR")
        })?;
        let store = PassStore {
            root,
            hide: own_variables(),
        };
        let mut entries = store.entries(self.file.as_deref()).map_err(no_pass)?;
        let mut progress = session.out.progress("Reading from pass", entries.len());
        let mut values = Values::default();
        for (at, entry) in entries.iter_mut().enumerate() {
            store.open(entry, &mut values).map_err(no_pass)?;
            progress.reach(at + 1);
        }
        drop(progress);
        let from = match &self.file {
            None => "the pass store".to_owned(),
            Some(folder) => {
                let folder = folder.display().to_string();
                format!("`{}` of the pass store", escape(&folder))
            }
        };
        let source = Source::Pass { store, entries };
        Ok(Reading::of_values(
            values,
            &session.settings.scope,
            from,
            source,
        ))
    }
}

impl Reading {
    fn of_values(values: Values, scope: &Scope, from: String, source: Source) -> Self {
        let Values {
            values,
            empty,
            literal,
        } = values;
        let values = values.into_iter().map(|new| ImportedValue {
            name: new.name,
            scope: scope.clone(),
            providers: providers_of(new.variable.as_ref()),
            variable: new.variable,
            value: new.value,
        });
        Self {
            import: Import {
                values: values.collect(),
                ..Import::default()
            },
            empty,
            literal,
            from,
            source,
        }
    }

    /// Entries of which only the first line is imported.
    pub(super) fn first_line_only(&self) -> Vec<&KeyName> {
        let entries = match &self.source {
            Source::Pass { entries, .. } => entries.as_slice(),
            Source::File { .. } | Source::Kept => &[],
        };
        let longer = entries.iter().filter(|entry| entry.has_more());
        longer.map(|entry| &entry.name).collect()
    }

    /// Says what is not imported as somebody might expect.
    pub(super) fn tell(&self, session: &mut Session) {
        let out = &mut session.out;
        if !self.empty.is_empty() {
            let names = listed(self.empty.iter());
            out.note(format_args!("Left out, because there is no value: {names}"));
        }
        if !self.literal.is_empty() && !out.is_json() {
            let names = listed(self.literal.iter());
            out.warn(format_args!(
                "`$` is taken literally, nothing is expanded, in the value of {names}"
            ));
        }
        warn_of_import(&self.import.values, out);
        for name in self.first_line_only() {
            let word = shlex::try_quote(name.as_str()).unwrap_or_default();
            let word = escape(&word);
            out.note(format_args!(
                "Only the first line of `{}` is imported; `pass show {word} | keywright set {word}` keeps all",
                escape(name.as_str())
            ));
        }
    }

    /// A file from which nothing is imported stays: what it has is in its comments, or in values that nobody reads here.
    pub(super) fn refuse_empty(&self) -> Result<(), CommandError> {
        let Source::File { path, .. } = &self.source else {
            return Ok(());
        };
        if !self.import.is_empty() {
            return Ok(());
        }
        let message = format!(
            "`{}` is kept: there is no value in it that could be imported",
            path.display()
        );
        Err(CommandError::message(Exit::Refused, message)
            .hint("leave out --delete-source, and delete the file yourself if nobody needs it"))
    }

    /// What somebody confirms before the source goes.
    pub(super) fn consequence(&self) -> String {
        let count = self.import.len();
        let (its, are) = if count == 1 {
            ("value", "is")
        } else {
            ("values", "are")
        };
        match &self.source {
            Source::File { path, .. } => format!(
                "Delete `{}` after its {count} {its} {are} in the vault",
                path.display()
            ),
            Source::Kept | Source::Pass { .. } => {
                let whole = self.whole_entries().len();
                let entries = if whole == 1 { "entry" } else { "entries" };
                format!("Remove {whole} {entries} from the pass store after they are in the vault")
            }
        }
    }

    /// Entries whose one line is all there is.
    fn whole_entries(&self) -> Vec<&PassEntry> {
        let Source::Pass { entries, .. } = &self.source else {
            return Vec::new();
        };
        let is_whole = |entry: &&PassEntry| {
            !entry.has_more() && !self.empty.iter().any(|name| *name == entry.name.as_str())
        };
        entries.iter().filter(is_whole).collect()
    }

    /// Deletes what was read, once all of it is in the vault and the source still is what it was.
    pub(super) fn delete(
        &self,
        vault: &mut Vault,
        session: &mut Session,
    ) -> Result<(), CommandError> {
        let missing = vault.missing_of(&self.import)?;
        if !missing.is_empty() {
            let names = listed(missing.iter());
            let message = format!("the source is kept: the vault has not what was read of {names}");
            return Err(CommandError::message(Exit::Conflict, message)
                .hint("`keywright list` shows what is there; `keywright edit NAME --var VARIABLE` gives a key its variable"));
        }
        match &self.source {
            Source::File {
                path,
                stamp,
                content,
            } => {
                let names = delete_file(path, *stamp, content)?;
                let path = path.display().to_string();
                let (out, path) = (&mut session.out, escape(&path));
                out.note(format_args!("Deleted `{path}`"));
                if names > 1 {
                    out.warn(format_args!(
                        "the content of `{path}` is still there under another name: the file had {names} (hard links)"
                    ));
                }
            }
            Source::Pass { store, .. } => self.remove_entries(store, session)?,
            Source::Kept => {}
        }
        Ok(())
    }

    fn remove_entries(&self, store: &PassStore, session: &mut Session) -> Result<(), CommandError> {
        let entries = self.whole_entries();
        let mut progress = session.out.progress("Removing from pass", entries.len());
        for (at, entry) in entries.iter().enumerate() {
            if !store.is_unchanged(entry).map_err(kept_in_pass)? {
                return Err(changed_meanwhile(entry.name.as_str()));
            }
            store.remove(entry).map_err(kept_in_pass)?;
            progress.reach(at + 1);
        }
        drop(progress);
        let plural = if entries.len() == 1 { "y" } else { "ies" };
        session.out.note(format_args!(
            "Removed {} entr{plural} from the pass store",
            entries.len()
        ));
        Ok(())
    }
}

/// All of a file or of standard input, at which nobody sits who would have to type it.
fn read_text(file: Option<&Path>) -> Result<Secret, CommandError> {
    if file.is_none() && io::stdin().is_terminal() {
        let message = "nothing to import: standard input is a terminal";
        return Err(CommandError::message(Exit::Usage, message)
            .hint("name a file, pipe one in, or name variables with --from-env"));
    }
    let read = read_all(file, DOCUMENT_LIMIT);
    match file {
        Some(path) if path.is_dir() => {
            read.map_err(|err| err.hint("a file is read; --format pass imports a pass store"))
        }
        _ => read,
    }
}

/// Deletes a file that is still the one that was read, and makes that last. Gives how many names it had.
fn delete_file(path: &Path, stamp: Stamp, content: &Secret) -> Result<u64, CommandError> {
    let shown = path.display().to_string();
    let is_same = || {
        let now = path.symlink_metadata();
        now.is_ok_and(|file| Stamp::of(&file) == stamp)
    };
    if !is_same() || !read_all(Some(path), DOCUMENT_LIMIT)?.is(content) || !is_same() {
        return Err(changed_meanwhile(&shown));
    }
    let names = path.symlink_metadata().map_or(1, |file| file.nlink());
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    let deleted = fs::remove_file(path).and_then(|()| File::open(folder)?.sync_all());
    deleted.map(|()| names).map_err(|err| {
        let context = format!("`{shown}` cannot be deleted for good; its values are in the vault");
        CommandError::new(Exit::Failed, anyhow::Error::new(err).context(context))
    })
}

fn changed_meanwhile(what: &str) -> CommandError {
    let message = format!("`{what}` is kept: it was changed while it was imported");
    CommandError::message(Exit::Conflict, message)
        .hint("what it had before is in the vault; import it again to see what is new")
}

fn kept_in_pass(err: PassError) -> CommandError {
    let context = "the pass store keeps this entry and those after it; all values are in the vault";
    CommandError::new(Exit::Failed, anyhow::Error::new(err).context(context))
}

fn no_json(err: DocumentError, place: &str) -> CommandError {
    let hint = match err {
        DocumentError::Field { .. } => {
            "nothing was imported; each field is a variable and each value a text, as in {\"NAME\": \"value\"}"
        }
        _ => "nothing was imported; `keywright export --reveal` makes such a document",
    };
    cannot_import(err, place).hint(hint)
}

fn no_dotenv(err: impl Into<anyhow::Error>, place: &str) -> CommandError {
    cannot_import(err, place).hint(
        "nothing was imported; a line is NAME=value, and `keywright help import` says what a value can be",
    )
}

fn cannot_import(err: impl Into<anyhow::Error>, place: &str) -> CommandError {
    let source = err.into().context(format!("cannot import {place}"));
    CommandError::new(Exit::Usage, source)
}

fn no_pass(err: PassError) -> CommandError {
    let (exit, hint) = match &err {
        PassError::Folder(_) => (
            Exit::Usage,
            "nothing was imported; `pass ls` shows the folders, PASSWORD_STORE_DIR says where the store is",
        ),
        PassError::Missing => (
            Exit::Failed,
            "install pass, from https://www.passwordstore.org",
        ),
        PassError::Name { .. } | PassError::TooLong { .. } | PassError::Value { .. } => (
            Exit::Usage,
            "nothing was imported; name a folder of the store to import only what is in it",
        ),
        _ => (
            Exit::Failed,
            "nothing was imported; `pass show` has to work for each entry",
        ),
    };
    CommandError::new(exit, err).hint(hint)
}

/// The first of many names, and how many more there are.
fn listed<T: ToString>(names: impl ExactSizeIterator<Item = T>) -> String {
    const SHOWN: usize = 10;
    let more = names.len().saturating_sub(SHOWN);
    let shown = names.take(SHOWN);
    let shown = shown.map(|name| format!("`{}`", escape(&name.to_string())));
    let shown: Vec<String> = shown.collect();
    match more {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// Whose key a variable has, where that is well known.
fn providers_of(variable: Option<&VariableName>) -> Vec<Provider> {
    let known = variable.and_then(WellKnown::of_variable);
    known.map(WellKnown::name).into_iter().collect()
}
