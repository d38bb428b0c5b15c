use std::ffi::OsString;

use clap::{Args, ValueHint};

use super::selection::{SelectionArgs, warn_of};
use crate::child::{NotStarted, Program};
use crate::error::{CommandError, Exit};
use crate::key::VariableName;
use crate::session::Session;
use crate::settings::{is_kept_back, program_environment, set_variables};

/// Run a program with provider keys in its environment
///
/// The keys that the `[env]` table of the nearest keywright.toml lists, or else every provider key of the project and
/// environment that has a variable. The program replaces keywright: its signals, exit status and terminal are its own.
/// A key that is missing, revoked or expired stops the command before the program starts. A stored value wins over the
/// variable that is there already. The program gets no variable that opens the vault.
///
/// Exit codes: the program's own; 125 when keywright fails, 126 when the program cannot be executed, 127 when there is no
/// such program.
#[derive(Debug, Args)]
#[command(
    visible_aliases = ["exec", "x"],
    after_long_help = "\
Examples:
  keywright run -- npm start
  keywright run --only openai,stripe -- ./deploy.sh --fast
  keywright run --map PGPASSWORD=postgres -- psql -h db -U app
  keywright run -c 'echo \"$GITHUB_TOKEN\" | gh auth login --with-token'
  keywright run -e staging --clean --preserve-env SSH_AUTH_SOCK -- make test"
)]
pub(crate) struct RunArgs {
    /// Variables that stay as they are where they are set, instead of a stored value
    #[arg(
        long,
        value_name = "VARIABLE",
        value_delimiter = ',',
        hide_short_help = true
    )]
    preserve_env: Vec<VariableName>,

    /// Begin with HOME, LANG, LC_*, PATH, SHELL, TERM, TMPDIR, TZ and USER only
    #[arg(long)]
    clean: bool,

    /// Run a line in `sh`; arguments become its $1, $2 …
    #[arg(short = 'c', long = "command", value_name = "LINE")]
    line: Option<OsString>,

    /// The program and its arguments
    #[arg(
        value_name = "COMMAND",
        trailing_var_arg = true,
        required_unless_present = "line",
        value_hint = ValueHint::CommandWithArguments
    )]
    command: Vec<OsString>,

    // Last: its heading is that of all that comes after it.
    #[command(flatten)]
    selection: SelectionArgs,
}

pub(crate) fn run(args: &RunArgs, session: &mut Session) -> Result<Exit, CommandError> {
    start(args, session).map_err(CommandError::of_run)
}

/// Comes back only when the program was not started.
fn start(args: &RunArgs, session: &mut Session) -> Result<Exit, CommandError> {
    args.refuse_kept_back()?;
    let program = args.program()?;
    let selection = args
        .selection
        .selection(set_variables(&args.preserve_env), session);
    let name = program.file_name();
    let hand_out = session.with_vault(|vault, session| {
        let actor = &session.settings.actor;
        Ok(vault.hand_out(&selection, "run", Some(&name), actor, session.now)?)
    })?;
    let values = hand_out.values.iter();
    warn_of(
        values.clone().map(|handed| &handed.found),
        &hand_out.left_out,
        &hand_out.idle,
        session,
    );
    let values = values.map(|handed| (&handed.variable, &handed.value));
    Err(not_started(
        program.replace_this(values, session.core_limit),
    ))
}

fn not_started(err: NotStarted) -> CommandError {
    match err {
        NotStarted::CannotExecute { .. } | NotStarted::NoInterpreter(_) => {
            CommandError::new(Exit::CannotExecute, err)
        }
        NotStarted::NotFound(ref name) => {
            if let Some(variable) = assigned_variable(name) {
                return not_assigned(variable);
            }
            let is_line = name.contains(|c: char| c.is_whitespace() || "$&;|<>".contains(c));
            let hint = if is_line {
                "a line for a shell goes after -c: keywright run -c 'LINE'"
            } else {
                "a program without a `/` in its name is looked for in the folders of PATH"
            };
            CommandError::new(Exit::CommandNotFound, err).hint(hint)
        }
    }
}

/// What follows the `=` may be a secret.
fn not_assigned(variable: &str) -> CommandError {
    let message = format!("no program `{variable}=…`");
    CommandError::message(Exit::CommandNotFound, message)
        .hint("--map VARIABLE=NAME puts a key into a variable, -c 'LINE' runs a line for a shell")
}

/// The variable of `NAME=value`, which a shell takes before a program.
fn assigned_variable(word: &str) -> Option<&str> {
    let (variable, _) = word.split_once('=')?;
    variable.parse::<VariableName>().is_ok().then_some(variable)
}

impl RunArgs {
    fn refuse_kept_back(&self) -> Result<(), CommandError> {
        let Some(name) = self.preserve_env.iter().find(|name| is_kept_back(name)) else {
            return Ok(());
        };
        let message = format!("no program gets `{name}`, which is keywright's own");
        Err(CommandError::message(Exit::Refused, message)
            .hint("a keywright in the program needs a way of its own into the vault, such as --passphrase-file"))
    }

    fn program(&self) -> Result<Program, CommandError> {
        let environment = program_environment(self.clean, &self.preserve_env);
        let mut words = self.command.iter().cloned();
        let program = match &self.line {
            None => {
                let name = words.next().expect("clap requires it");
                Program::new(name, words.collect(), environment)
            }
            Some(line) => {
                let sh = OsString::from("sh");
                let arguments = ["-c".into(), line.clone(), sh.clone()];
                Program::new(
                    sh,
                    arguments.into_iter().chain(words).collect(),
                    environment,
                )
            }
        };
        program.map_err(not_started)
    }
}
