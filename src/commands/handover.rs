//! The options that hand a secret over to something else than standard output, and how that goes.

use std::path::{Path, PathBuf};
use std::{io, iter};

use clap::{Args, ValueHint};
use serde::Serialize;

use crate::crypto::{Secret, SecretValue, Token};
use crate::error::{CommandError, Exit};
use crate::handover::{
    CLEARED_AFTER, Cleaner, Clipboard, Displays, Handed, NewFile, NoTool, Program, Surroundings,
    Tool, folder_of,
};
use crate::output::{Printer, escape};
use crate::session::Session;
use crate::settings::{displays, is_installed, is_missing, own_program, own_variables};
use crate::signals::Listening;
use crate::vault::{Delivered, Pending, VaultError};

/// The word that makes keywright clear the clipboard.
pub(super) const CLEAR_CLIPBOARD: &str = "clear-clipboard";

/// Where a value goes.
#[derive(Debug, Args)]
pub(super) struct ValueHandoverArgs {
    /// Write it to a new file, mode 0600, instead
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    out: Option<PathBuf>,

    /// Put it on the clipboard for 45 seconds instead
    ///
    /// By wl-copy, xclip, xsel or pbcopy. The clipboard is cleared then only if it is still there.
    #[arg(long, conflicts_with = "out")]
    copy: bool,
}

/// Where a new token goes.
#[derive(Debug, Args)]
pub(super) struct HandoverArgs {
    #[command(flatten)]
    place: ValueHandoverArgs,

    /// Give it to a program's standard input instead
    ///
    /// The command is split into words as a shell would, but run without one. The token comes without a line end, and
    /// what the program prints goes to standard error. Unless it reads all of the token and exits 0, nothing was created
    /// or rotated.
    #[arg(long, value_name = "COMMAND", conflicts_with_all = ["copy", "out"], value_hint = ValueHint::CommandString)]
    pipe: Option<Program>,
}

/// A document that says how its secret was handed over.
#[derive(Serialize)]
pub(super) struct Told<D: Serialize> {
    #[serde(flatten)]
    document: D,
    handed_over: Option<&'static str>,
}

/// Where a secret goes, made ready before there is one. Dropping it leaves nothing behind.
#[must_use = "it is there to be used"]
pub(super) struct Destination {
    way: Way,
    around: Surroundings,
    /// Declared last, so that nothing is left behind when a signal ends the process. None for standard output.
    listening: Option<Listening>,
}

enum Way {
    Clipboard(Clipboard),
    File { path: PathBuf, file: NewFile },
    Output,
    Program(Program),
}

impl ValueHandoverArgs {
    /// Refuses what cannot work, before anybody is asked for anything.
    ///
    /// # Errors
    /// When the file is there or its folder is not, or nothing can be copied.
    pub(super) fn check(&self) -> Result<(), CommandError> {
        if let Some(path) = &self.out {
            check_file(path)?;
        }
        if self.copy {
            self.tool()?;
        }
        Ok(())
    }

    /// Makes the place ready.
    ///
    /// # Errors
    /// As [`ValueHandoverArgs::check`], for all that may have happened since.
    pub(super) fn ready(&self, session: &Session) -> Result<Destination, CommandError> {
        match &self.out {
            Some(path) => Destination::elsewhere(session, || new_file(path)),
            None if self.copy => {
                Destination::elsewhere(session, || Ok(Way::Clipboard(self.clipboard()?)))
            }
            None => Ok(Destination::new(Way::Output, None, session)),
        }
    }

    /// The document, and how its secret is handed over.
    pub(super) fn told<D: Serialize>(&self, document: D) -> Told<D> {
        let handed_over = match &self.out {
            Some(_) => Some("file"),
            None => self.copy.then_some("clipboard"),
        };
        Told {
            document,
            handed_over,
        }
    }

    fn tool(&self) -> Result<Tool, CommandError> {
        let (wayland, x11) = displays();
        Tool::choose(Displays { wayland, x11 }, is_installed).map_err(|err| {
            let hint = match err {
                NoTool::NoDisplay => "run it in a desktop's terminal, or use --out".to_owned(),
                NoTool::NotInstalled { package } => format!("install {package}, or use --out"),
            };
            CommandError::new(Exit::Failed, err).hint(hint)
        })
    }

    fn clipboard(&self) -> Result<Clipboard, CommandError> {
        let program = own_program().map_err(|err| {
            let context = "keywright cannot be started again to clear the clipboard later";
            CommandError::new(Exit::Failed, anyhow::Error::new(err).context(context))
        })?;
        let arguments = iter::once(CLEAR_CLIPBOARD.to_owned());
        #[cfg(any(debug_assertions, feature = "test-kdf"))]
        let arguments = arguments.chain(crate::settings::test_seconds());
        let cleaner = Cleaner {
            program,
            arguments: arguments.collect(),
        };
        Ok(Clipboard {
            tool: self.tool()?,
            cleaner,
        })
    }
}

impl HandoverArgs {
    /// Whether any of them was given.
    pub(super) fn is_given(&self) -> bool {
        self.pipe.is_some() || self.place.out.is_some() || self.place.copy
    }

    /// As [`ValueHandoverArgs::check`]; when there is no such program, too.
    pub(super) fn check(&self) -> Result<(), CommandError> {
        let name = self.pipe.as_ref().map(Program::name);
        if let Some(name) = name.filter(|name| is_missing(name)) {
            let message = format!("no program `{name}`");
            return Err(CommandError::message(Exit::Failed, message)
                .hint("a program without a `/` in its name is looked for in the folders of PATH"));
        }
        self.place.check()
    }

    /// As [`ValueHandoverArgs::ready`].
    pub(super) fn ready(&self, session: &Session) -> Result<Destination, CommandError> {
        match &self.pipe {
            Some(program) => Destination::elsewhere(session, || Ok(Way::Program(program.clone()))),
            None => self.place.ready(session),
        }
    }

    /// As [`ValueHandoverArgs::told`].
    pub(super) fn told<D: Serialize>(&self, document: D) -> Told<D> {
        let mut told = self.place.told(document);
        if self.pipe.is_some() {
            told.handed_over = Some("program");
        }
        told
    }

    /// Says where the token would go.
    pub(super) fn tell_dry_run(&self, session: &mut Session) {
        let place = match (&self.pipe, &self.place.out) {
            (Some(program), _) => format!("for the program `{}`", program.name()),
            (None, Some(path)) => in_file(path),
            (None, None) if self.place.copy => "for the clipboard".to_owned(),
            (None, None) => return,
        };
        session
            .out
            .note(format_args!("  token        {}", escape(&place)));
    }
}

impl Destination {
    fn new(way: Way, listening: Option<Listening>, session: &Session) -> Self {
        let around = Surroundings {
            hide: own_variables(),
            core_limit: session.core_limit,
        };
        Self {
            way,
            around,
            listening,
        }
    }

    /// Listens first: then a signal leaves no file behind.
    fn elsewhere(
        session: &Session,
        way: impl FnOnce() -> Result<Way, CommandError>,
    ) -> Result<Self, CommandError> {
        let listening = Listening::start().map_err(|err| CommandError::new(Exit::Failed, err))?;
        Ok(Self::new(way()?, Some(listening), session))
    }

    /// Hands a token over, makes it active and, where that is asked for, tells so as JSON; a token that is printed goes
    /// to `tell`, too. Gives what became of it, and where it is for the notes.
    ///
    /// # Errors
    /// What [`Pending::deliver`] says; [`Exit::Interrupted`] where a signal was why.
    pub(super) fn deliver(
        mut self,
        pending: Pending<'_>,
        out: &mut Printer,
        tell: impl Fn(&mut Printer, &Delivered, Option<&Token>) -> io::Result<()>,
    ) -> Result<(Delivered, String), CommandError> {
        let outcome = pending.deliver(|token, delivered| match self.way {
            Way::Output if out.is_json() => tell(out, delivered, Some(token)),
            Way::Output => out.reveal_token(token),
            _ => self.hand_over(Handed::Token(token)),
        });
        self.settled(outcome, out, |out, delivered| tell(out, delivered, None))
    }

    /// Hands an access token over: printed, as the last field of `document` where JSON is asked for, or put where it goes.
    ///
    /// # Errors
    /// What the place says.
    pub(super) fn put_access_token(
        &mut self,
        text: &Secret,
        document: &impl Serialize,
        out: &mut Printer,
    ) -> io::Result<()> {
        match self.way {
            Way::Output => out.reveal_once(document, "token", text),
            _ => self.hand_over(Handed::AccessToken(text)),
        }
    }

    /// Ends what [`Destination::put_access_token`] began, once the vault has it or not. Gives where it is for the notes.
    ///
    /// # Errors
    /// As [`Destination::deliver`].
    pub(super) fn end(
        self,
        outcome: Result<(), VaultError>,
        document: &impl Serialize,
        out: &mut Printer,
    ) -> Result<String, CommandError> {
        let ended = self.settled(outcome, out, |out, ()| out.json(document));
        ended.map(|((), place)| place)
    }

    /// Keeps what was handed over, or takes it away; tells of it as JSON where the secret itself is elsewhere.
    fn settled<T>(
        self,
        outcome: Result<T, VaultError>,
        out: &mut Printer,
        tell: impl FnOnce(&mut Printer, &T) -> io::Result<()>,
    ) -> Result<(T, String), CommandError> {
        let is_printed = matches!(self.way, Way::Output);
        let place = self.place();
        match outcome {
            Ok(delivered) => {
                self.settle();
                if out.is_json() && !is_printed {
                    tell(out, &delivered).map_err(|err| {
                        let hint =
                            format!("the change was made all the same; the token is {place}");
                        CommandError::from(err).hint(hint)
                    })?;
                }
                Ok((delivered, place))
            }
            Err(err) => Err(self.failed(err)),
        }
    }

    /// Hands a value over, or prints it by `tell` or as it is. Gives where it is for the notes, unless it was printed.
    pub(super) fn give(
        mut self,
        value: &SecretValue,
        out: &mut Printer,
        tell: impl Fn(&mut Printer, Option<&SecretValue>) -> io::Result<()>,
    ) -> Result<Option<String>, CommandError> {
        if matches!(self.way, Way::Output) {
            let shown = match out.is_json() {
                true => tell(out, Some(value)),
                false => out.reveal_value(value),
            };
            return shown.map_err(CommandError::not_shown).map(|()| None);
        }
        let place = self.place();
        if let Err(err) = self.hand_over(Handed::Value(value)) {
            let source = anyhow::Error::new(err).context("the value could not be handed over");
            return Err(CommandError::new(self.exit(), source));
        }
        self.settle();
        if out.is_json() {
            tell(out, None)?;
        }
        Ok(Some(place))
    }

    fn hand_over(&mut self, secret: Handed<'_>) -> io::Result<()> {
        let Some(listening) = &self.listening else {
            return Ok(());
        };
        if listening.is_interrupted() {
            return Err(io::ErrorKind::Interrupted.into());
        }
        match &mut self.way {
            Way::Clipboard(clipboard) => clipboard.put(secret, &self.around, listening),
            Way::File { file, .. } => file.fill(secret),
            Way::Output => Ok(()),
            Way::Program(program) => program.give(secret, &self.around, listening),
        }
    }

    /// It worked: the file stays, and a signal that came too late to stop it is forgotten.
    fn settle(self) {
        if let Way::File { file, .. } = self.way {
            file.keep();
        }
        if let Some(listening) = self.listening {
            listening.dismiss();
        }
    }

    /// The error, with the file removed unless the token in it may be valid.
    fn failed(self, err: VaultError) -> CommandError {
        let exit = self.exit();
        let is_undone = matches!(err, VaultError::Delivery(_));
        let may_be_valid = matches!(
            err,
            VaultError::AccessUncertain(_) | VaultError::PrintedAndUncertain(_)
        );
        match self.way {
            Way::File { file, .. } if may_be_valid => file.keep(),
            way => drop(way),
        }
        if let Some(listening) = self.listening {
            listening.dismiss();
        }
        match exit {
            Exit::Interrupted if is_undone => {
                CommandError::new(exit, err).hint("what worked before works still")
            }
            _ => err.into(),
        }
    }

    fn exit(&self) -> Exit {
        match &self.listening {
            Some(listening) if listening.is_interrupted() => Exit::Interrupted,
            _ => Exit::Failed,
        }
    }

    /// Where the secret is, for the notes.
    fn place(&self) -> String {
        match &self.way {
            Way::Clipboard(clipboard) => format!(
                "on the clipboard (by {}), cleared in {} s if it is still there",
                clipboard.tool.name(),
                CLEARED_AFTER.as_secs()
            ),
            Way::File { path, .. } => in_file(path),
            Way::Output => "shown this once; keep it where it is needed".to_owned(),
            Way::Program(program) => format!("taken by the program `{}`", program.name()),
        }
    }
}

/// A document as JSON, with the token where it is printed.
pub(super) fn reveal_json(
    out: &mut Printer,
    document: &impl Serialize,
    token: Option<&Token>,
) -> io::Result<()> {
    match token {
        Some(token) => out.reveal_token_json(document, token),
        None => out.json(document),
    }
}

fn in_file(path: &Path) -> String {
    format!("in the new file `{}`", path.display())
}

fn check_file(path: &Path) -> Result<(), CommandError> {
    if path == Path::new("-") {
        let message = "`-` is no new file";
        return Err(CommandError::message(Exit::Usage, message)
            .hint("without --out it goes to standard output; `./-` is a file of that name"));
    }
    if path.symlink_metadata().is_ok() {
        return Err(not_made(path, io::ErrorKind::AlreadyExists.into()));
    }
    match folder_of(path).metadata() {
        Err(err) => Err(not_made(path, err)),
        Ok(folder) if !folder.is_dir() => Err(not_made(path, io::ErrorKind::NotADirectory.into())),
        Ok(_) => Ok(()),
    }
}

fn new_file(path: &Path) -> Result<Way, CommandError> {
    let file = NewFile::create(path).map_err(|err| not_made(path, err))?;
    let path = path.to_owned();
    Ok(Way::File { path, file })
}

fn not_made(path: &Path, err: io::Error) -> CommandError {
    let path = path.display();
    if err.kind() == io::ErrorKind::AlreadyExists {
        return CommandError::message(Exit::Conflict, format!("`{path}` already exists"))
            .hint("name a new file with --out; nothing is overwritten");
    }
    let source = anyhow::Error::new(err).context(format!("cannot make the file `{path}`"));
    CommandError::new(Exit::Failed, source)
}
