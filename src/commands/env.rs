use clap::{Args, ValueEnum};
use serde::Serialize;

use super::selection::{SelectionArgs, warn_of};
use crate::error::{CommandError, Exit};
use crate::handover::formats::github::{Commands, EnvFile, EnvFileError, GithubError};
use crate::handover::formats::{Format, Uncarried, Variable};
use crate::key::{KeyId, Timestamp, VariableName};
use crate::output::{Cell, Table, escape};
use crate::session::Session;
use crate::settings::github_env_file;
use crate::vault::{Assigned, Found, HandOut};

/// Print provider keys as variables for a shell, a file or a CI job
///
/// The keys that `run` would hand out, as text that the reader of the format takes for the very same values; a key that the
/// format cannot carry is refused by name, and then nothing is printed. On a terminal the values are masked, and no use is
/// recorded, unless --reveal is given; into a pipe or a file they are printed anyway. `--json` tells which keys those are,
/// without values.
///
/// shell is for sh, bash and zsh; dotenv for python-dotenv, node --env-file and sh; docker for docker run --env-file. github
/// is for a step of GitHub Actions: it masks the values in the job's log and adds them to the file that GITHUB_ENV names.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  eval \"$(keywright env)\"
  keywright env --format fish | source
  keywright env --format powershell | Invoke-Expression
  keywright env --format docker --only openai,stripe > app.env
  keywright env --format github -e staging")]
pub(crate) struct EnvArgs {
    /// Who reads it: shell (also without this option), fish, powershell, dotenv, docker, json or github
    #[arg(long, value_name = "FORMAT", hide_possible_values = true)]
    format: Option<FormatName>,

    /// Print the values on a terminal, too
    #[arg(long)]
    reveal: bool,

    #[command(flatten)]
    selection: SelectionArgs,
}

/// Who reads the text.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum FormatName {
    Docker,
    Dotenv,
    Fish,
    Github,
    Json,
    #[value(alias = "pwsh")]
    Powershell,
    #[value(aliases = ["bash", "sh", "zsh"])]
    Shell,
}

/// What would be handed out, as JSON.
#[derive(Serialize)]
struct Document<'a> {
    variables: Vec<VariableView<'a>>,
}

#[derive(Serialize)]
struct VariableView<'a> {
    variable: &'a VariableName,
    key: &'a str,
    key_id: KeyId,
    masked: String,
    expires_at: Option<String>,
}

pub(crate) fn env(args: &EnvArgs, session: &mut Session) -> Result<Exit, CommandError> {
    if session.out.is_json() {
        return args.refuse_beside_json().and_then(|()| show(args, session));
    }
    if session.out.is_seen() && !args.reveal {
        return show(args, session);
    }
    let format = match args.format.unwrap_or(FormatName::Shell) {
        FormatName::Docker => Format::Docker,
        FormatName::Dotenv => Format::Dotenv,
        FormatName::Fish => Format::Fish,
        FormatName::Github => return tell_runner(args, session),
        FormatName::Json => Format::Json,
        FormatName::Powershell => Format::Powershell,
        FormatName::Shell => Format::Shell,
    };
    let hand_out = opened(args, session)?;
    let text = format.write(&variables(&hand_out)).map_err(refused)?;
    session
        .out
        .reveal_variables(&text)
        .map_err(CommandError::not_shown)?;
    Ok(Exit::Done)
}

/// Masks first: a value that is in the file before the log hides it could be in the log.
fn tell_runner(args: &EnvArgs, session: &mut Session) -> Result<Exit, CommandError> {
    let path = github_env_file().ok_or_else(|| {
        CommandError::message(Exit::Usage, "GITHUB_ENV is not set")
            .hint("--format github is for a step of GitHub Actions, which sets it")
    })?;
    let file = EnvFile::open(&path).map_err(no_file)?;
    let hand_out = opened(args, session)?;
    let commands = Commands::new(&variables(&hand_out)).map_err(|err| match err {
        GithubError::Random(err) => CommandError::new(Exit::Failed, err),
        GithubError::Uncarried(err) => refused(err),
    })?;
    session
        .out
        .reveal_variables(&commands.masks)
        .map_err(CommandError::not_shown)?;
    file.append(&commands.block).map_err(no_file)?;
    for key in &commands.unmasked {
        let key = escape(key.as_str());
        session.out.warn(format_args!(
            "the value of `{key}` is too short to be masked in the log"
        ));
    }
    let count = hand_out.values.len();
    session
        .out
        .note(format_args!("Variables for the next steps: {count}"));
    Ok(Exit::Done)
}

fn no_file(err: EnvFileError) -> CommandError {
    let kind = match err {
        EnvFileError::NotRegular { .. } => Exit::Refused,
        EnvFileError::Unopened { .. } | EnvFileError::Unwritten(_) => Exit::Failed,
    };
    CommandError::new(kind, err)
        .hint("GITHUB_ENV names a file that GitHub Actions makes for each step")
}

fn refused(err: Uncarried) -> CommandError {
    CommandError::new(Exit::Refused, err)
        .hint("--except leaves a key out, --map VARIABLE=NAME puts it into another variable; `keywright run` carries every value")
}

/// Opens the values; each is recorded as a use.
fn opened(args: &EnvArgs, session: &mut Session) -> Result<HandOut, CommandError> {
    let selection = args.selection.selection(Vec::new(), session);
    let hand_out = session.with_vault(|vault, session| {
        let actor = &session.settings.actor;
        Ok(vault.hand_out(&selection, "env", None, actor, session.now)?)
    })?;
    let found = hand_out.values.iter().map(|handed| &handed.found);
    warn_of(found, &hand_out.left_out, &hand_out.idle, session);
    Ok(hand_out)
}

fn variables(hand_out: &HandOut) -> Vec<Variable<'_>> {
    let values = hand_out.values.iter();
    let variables = values.map(|handed| Variable {
        name: &handed.variable,
        key: &handed.found.key.name,
        value: &handed.value,
    });
    variables.collect()
}

/// Which keys would be handed out, and no value.
fn show(args: &EnvArgs, session: &mut Session) -> Result<Exit, CommandError> {
    let selection = args.selection.selection(Vec::new(), session);
    let preview =
        session.with_vault(|vault, session| Ok(vault.preview(&selection, session.now)?))?;
    let ready: Vec<(&VariableName, &Found)> = preview.ready.iter().filter_map(found).collect();
    if session.out.is_json() {
        let variables = ready.iter().map(view).collect();
        session.out.json(&Document { variables })?;
        return Ok(Exit::Done);
    }
    if !ready.is_empty() {
        session.out.table(table(&ready, session.now))?;
        session.out.note(format_args!(
            "--reveal prints the values here; into a pipe or a file they are printed anyway"
        ));
    }
    let found: Vec<&Found> = ready.iter().map(|(_, found)| *found).collect();
    warn_of(found.into_iter(), &preview.left_out, &preview.idle, session);
    Ok(Exit::Done)
}

fn table(ready: &[(&VariableName, &Found)], now: Timestamp) -> Table {
    let mut table = Table::new(&[("VARIABLE", 0), ("KEY", 1), ("VALUE", 2), ("EXPIRES", 3)]);
    for (variable, found) in ready {
        let end = found.key.expires_at();
        table.row(vec![
            Cell::new(variable),
            Cell::new(&found.key.name),
            Cell::new(found.display()),
            Cell::new(end.map_or_else(|| "never".to_owned(), |end| end.relative(now))),
        ]);
    }
    table
}

fn found(assigned: &Assigned) -> Option<(&VariableName, &Found)> {
    Some((&assigned.variable, assigned.found.as_ref()?))
}

fn view<'a>((variable, found): &(&'a VariableName, &'a Found)) -> VariableView<'a> {
    VariableView {
        variable,
        key: found.key.name.as_str(),
        key_id: found.id,
        masked: found.display(),
        expires_at: found.key.expires_at().map(|end| end.to_string()),
    }
}

impl EnvArgs {
    fn refuse_beside_json(&self) -> Result<(), CommandError> {
        let option = match (self.format, self.reveal) {
            (None, false) => return Ok(()),
            (Some(_), _) => "--format",
            (None, true) => "--reveal",
        };
        Err(CommandError::message(
            Exit::Usage,
            format!("{option} and --json do not go together: --json tells which keys those are, without values"),
        )
        .hint("--format json prints the values"))
    }
}
