//! The root of the command line, and what is said of mistakes in it.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory, Parser, Subcommand};

use crate::commands::{
    CompletionsArgs, CreateArgs, DeleteArgs, EditArgs, GetArgs, InitArgs, ListArgs, ManArgs,
    RevokeArgs, RoleArgs, RotateArgs, SearchArgs, SetArgs, ShowArgs, StatusArgs, UsageArgs,
    VerifyArgs,
};
use crate::error::{CommandError, Exit};
use crate::output::Printer;
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
    Edit(EditArgs),
    Get(GetArgs),
    Init(InitArgs),
    #[command(visible_alias = "ls")]
    List(ListArgs),
    Man(ManArgs),
    Revoke(RevokeArgs),
    Role(RoleArgs),
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
        // Help and version are answers. A reader that left is no failure, a full disk is.
        let told = err.print().map_or_else(
            |err| CommandError::from(err).or_exit(Exit::Done),
            |()| Ok(Exit::Done),
        );
        return told
            .unwrap_or_else(|err| err.report(&mut Printer::new(settings::plain_look(false))))
            .into();
    }
    let json = args
        .iter()
        .take_while(|arg| *arg != "--")
        .any(|arg| arg == "--json");
    let mut out = Printer::new(settings::plain_look(json));
    if let Some(refused) = refused_secret(&err) {
        return refused.report(&mut out).into();
    }
    hide_value(&mut err);
    let text = err.render().to_string();
    if json {
        return in_short(&text).report(&mut out).into();
    }
    out.usage(&text);
    Exit::Usage.into()
}

/// A word too many, or an option that asks for a secret: it is not repeated, and the right way is told.
fn refused_secret(err: &clap::Error) -> Option<CommandError> {
    const SECRET_OPTIONS: [&str; 5] = [
        "--passphrase",
        "--password",
        "--secret",
        "--token",
        "--value",
    ];
    let word = context(err, ContextKind::InvalidArg)
        .filter(|_| err.kind() == ErrorKind::UnknownArgument)?;
    let option = word.split('=').next().unwrap_or_default();
    let message = if !word.starts_with('-') {
        "one argument too many; it is not repeated here, because it may be a secret".to_owned()
    } else if SECRET_OPTIONS.contains(&option) {
        format!(
            "there is no option `{option}`: other users can read a command line, and shells keep it"
        )
    } else if !is_typed_word(option) {
        "an unknown option; it is not repeated here, because it may be a secret".to_owned()
    } else {
        return None;
    };
    Some(CommandError::message(Exit::Usage, message).hint(
        "a value or token comes from standard input or --file, a passphrase from --passphrase-file; see --help",
    ))
}

/// Nothing that may be a secret is repeated in an error: no long word for a command, and no descriptor that is none.
fn hide_value(err: &mut clap::Error) {
    let descriptor =
        context(err, ContextKind::InvalidArg).is_some_and(|arg| arg.contains("--passphrase-fd"));
    for kind in [ContextKind::InvalidSubcommand, ContextKind::InvalidValue] {
        let subcommand = kind == ContextKind::InvalidSubcommand;
        let hidden = context(err, kind).is_some_and(|word| {
            descriptor || word.len() > 128 || (subcommand && !is_typed_word(word))
        });
        if hidden {
            let _ = err.insert(kind, ContextValue::String("…".to_owned()));
            let _ = err.remove(ContextKind::SuggestedSubcommand);
            let _ = err.remove(ContextKind::Suggested);
        }
    }
}

/// A word as commands and options are, so that a mistyped one is shown.
fn is_typed_word(word: &str) -> bool {
    word.len() <= 24 && word.bytes().all(|b| b.is_ascii_lowercase() || b == b'-')
}

fn context(err: &clap::Error, kind: ContextKind) -> Option<&str> {
    match err.get(kind) {
        Some(ContextValue::String(word)) => Some(word),
        _ => None,
    }
}

/// clap's paragraphs as a message, and its tip as a hint.
fn in_short(text: &str) -> CommandError {
    let line = |paragraph: &str| paragraph.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut paragraphs = text.split("\n\n");
    let message = line(paragraphs.next().unwrap_or_default());
    let error = CommandError::message(Exit::Usage, message.trim_start_matches("error: "));
    match paragraphs.find_map(|paragraph| paragraph.trim_start().strip_prefix("tip: ")) {
        Some(tip) => error.hint(line(tip)),
        None => error.hint("--help tells more"),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_definition_is_sound() {
        super::definition().debug_assert();
    }
}
