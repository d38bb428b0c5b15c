//! The root of the command line, and what is said of mistakes in it.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory, Parser, Subcommand};

use crate::commands::{
    CompletionsArgs, CreateArgs, DeleteArgs, GetArgs, InitArgs, ListArgs, ManArgs, RevokeArgs,
    RotateArgs, SearchArgs, SetArgs, ShowArgs, StatusArgs, UsageArgs, VerifyArgs,
};
use crate::error::{CommandError, Exit};
use crate::output::{Printer, escape_lines};
use crate::settings::{self, GlobalArgs};

/// Issue API keys, and keep the ones that providers gave you, in one local encrypted vault
///
/// `create` issues a key for a service of yours: its token is printed once and only a digest is kept; `verify` checks
/// it, `rotate` replaces it, `revoke` ends it. `set` keeps a key that a provider gave you, and `get` hands it out.
#[derive(Debug, Parser)]
#[command(
    name = "keywright",
    bin_name = "keywright",
    version,
    subcommand_required = true,
    arg_required_else_help = true
)]
#[command(disable_help_subcommand = true, infer_subcommands = false)]
#[command(after_help = "Begin with `keywright create my-service`: it makes the vault, too.")]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: GlobalArgs,

    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Every command.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    #[command(visible_alias = "completion")]
    Completions(CompletionsArgs),
    Create(CreateArgs),
    #[command(visible_alias = "rm")]
    Delete(DeleteArgs),
    Get(GetArgs),
    Init(InitArgs),
    #[command(visible_alias = "ls")]
    List(ListArgs),
    Man(ManArgs),
    Revoke(RevokeArgs),
    Rotate(RotateArgs),
    #[command(visible_alias = "find")]
    Search(SearchArgs),
    Set(SetArgs),
    Show(ShowArgs),
    Status(StatusArgs),
    Usage(UsageArgs),
    Verify(VerifyArgs),
}

/// Reads the command line; help, version and mistakes are told here.
pub(crate) fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Cli, ExitCode> {
    let args: Vec<OsString> = args.into_iter().collect();
    Cli::try_parse_from(&args).map_err(|err| tell(err, &args))
}

/// The definition that completions and manual pages are made from.
pub(crate) fn definition() -> clap::Command {
    Cli::command()
}

fn tell(mut err: clap::Error, args: &[OsString]) -> ExitCode {
    if !err.use_stderr() {
        // Help and version are answers. A reader that left is no failure.
        let _ = err.print();
        return Exit::Done.into();
    }
    let json = args
        .iter()
        .take_while(|arg| *arg != "--")
        .any(|arg| arg == "--json");
    let mut out = Printer::new(settings::plain_look(json));
    if let Some(refused) = refused_secret(&err) {
        return refused.report(&mut out).into();
    }
    hide_values(&mut err);
    let text = err.render().to_string();
    if json {
        let message = text
            .lines()
            .next()
            .unwrap_or_default()
            .trim_start_matches("error: ")
            .to_owned();
        return CommandError::message(Exit::Usage, message)
            .report(&mut out)
            .into();
    }
    out.usage(&escape_lines(&text));
    Exit::Usage.into()
}

/// A word too many may be a value or a passphrase: it is not repeated, and the right way is told.
fn refused_secret(err: &clap::Error) -> Option<CommandError> {
    let word = match err.get(ContextKind::InvalidArg) {
        Some(ContextValue::String(word)) => word.as_str(),
        _ => return None,
    };
    let surplus = err.kind() == ErrorKind::UnknownArgument && !word.starts_with('-');
    let secret_option = [
        "--passphrase",
        "--password",
        "--secret",
        "--token",
        "--value",
    ]
    .contains(&option_name(word));
    (surplus || (err.kind() == ErrorKind::UnknownArgument && secret_option)).then(|| {
        let message = if surplus {
            "one argument too many; it is not repeated here, because it may be a secret".to_owned()
        } else {
            format!("there is no option `{}`: other users can read a command line, and shells keep it", option_name(word))
        };
        CommandError::message(Exit::Usage, message)
            .hint("a value or token comes from standard input or --file, a passphrase from --passphrase-file; see --help")
    })
}

fn option_name(word: &str) -> &str {
    word.split('=').next().unwrap_or_default()
}

/// A whole token among the values of an error would be on the screen, and in the log of a CI job.
fn hide_values(err: &mut clap::Error) {
    if let Some(ContextValue::String(value)) = err.get(ContextKind::InvalidValue) {
        let long = value
            .split('_')
            .next_back()
            .is_some_and(|last| last.len() >= 20);
        if long {
            let _ = err.insert(
                ContextKind::InvalidValue,
                ContextValue::String("…".to_owned()),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_definition_is_sound() {
        super::definition().debug_assert();
    }
}
