//! The root of the command line, and what is said of mistakes in it.

use std::ffi::OsString;
use std::process::ExitCode;

use anstyle::Style;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};

use crate::commands::{
    AccessArgs, AgentArgs, AuditArgs, BackupArgs, CheckArgs, CompletionsArgs, CreateArgs,
    DeleteArgs, DoctorArgs, EditArgs, EnvArgs, ExportArgs, GetArgs, HELP_WIDTH, HelpArgs,
    ImportArgs, InitArgs, ListArgs, LockArgs, ManArgs, PassphraseArgs, RestoreArgs, RevokeArgs,
    RoleArgs, RotateArgs, RunArgs, SearchArgs, ServeArgs, SetArgs, ShowArgs, StatusArgs, TOPICS,
    UnlockArgs, UsageArgs, VerifyArgs,
};
use crate::error::{CommandError, Exit};
use crate::output::{Look, Printer, escape};
use crate::settings::{self, ColorWhen, GlobalArgs};

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
    arg_required_else_help = true,
    max_term_width = HELP_WIDTH
)]
#[command(disable_help_subcommand = true, infer_subcommands = false)]
#[command(after_long_help = "\
Examples:
  keywright create my-service > token.txt
  keywright verify < token.txt
  keywright set openai --var OPENAI_API_KEY
  keywright list --expiring 14d
  keywright help scopes")]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: GlobalArgs,

    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Every command.
#[derive(Debug, Subcommand)]
#[expect(clippy::large_enum_variant, reason = "there is one of it in a process")]
pub(crate) enum Command {
    Access(AccessArgs),
    Agent(AgentArgs),
    Audit(AuditArgs),
    Backup(BackupArgs),
    Check(CheckArgs),
    #[command(
        visible_alias = "completion",
        after_long_help = "\
Examples:
  source <(keywright completions bash)
  keywright completions zsh > _keywright
  keywright completions fish > ~/.config/fish/completions/keywright.fish"
    )]
    Completions(CompletionsArgs),
    Create(CreateArgs),
    #[command(visible_alias = "rm")]
    Delete(DeleteArgs),
    Doctor(DoctorArgs),
    Edit(EditArgs),
    Env(EnvArgs),
    Export(ExportArgs),
    Get(GetArgs),
    Help(HelpArgs),
    Import(ImportArgs),
    Init(InitArgs),
    #[command(visible_alias = "ls")]
    List(ListArgs),
    Lock(LockArgs),
    Man(ManArgs),
    Passphrase(PassphraseArgs),
    Restore(RestoreArgs),
    Revoke(RevokeArgs),
    Role(RoleArgs),
    Rotate(RotateArgs),
    Run(RunArgs),
    #[command(visible_alias = "find")]
    Search(SearchArgs),
    Serve(ServeArgs),
    Set(SetArgs),
    Show(ShowArgs),
    Status(StatusArgs),
    Unlock(UnlockArgs),
    Usage(UsageArgs),
    Verify(VerifyArgs),
}

/// The commands in the groups that the root's help shows.
const GROUPS: &[(&str, &[&str])] = &[
    (
        "Keys",
        &[
            "create", "set", "list", "search", "show", "edit", "rotate", "revoke", "delete", "role",
        ],
    ),
    (
        "Using them",
        &[
            "run", "env", "check", "get", "verify", "serve", "usage", "audit", "export",
        ],
    ),
    (
        "The vault",
        &[
            "init",
            "unlock",
            "lock",
            "status",
            "doctor",
            "passphrase",
            "access",
            "backup",
            "restore",
            "import",
            "agent",
        ],
    ),
    ("More", &["completions", "man", "help"]),
];

/// Columns of the lists in `-h`.
const SHORT_WIDTH: usize = 80;

/// `-h` leaves out the global options.
const GLOBAL_HINT: &str = "Global options (-p, -e, --json, -q, -y …): see --help";

/// Reads the command line; help, version and mistakes are told here.
pub(crate) fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Cli, ExitCode> {
    let args: Vec<OsString> = args.into_iter().collect();
    let mut definition = definition();
    let matches = definition.try_get_matches_from_mut(&args);
    matches
        .and_then(|matches| {
            Cli::from_arg_matches(&matches).map_err(|err| err.format(&mut definition))
        })
        .map_err(|err| tell(err, &args))
}

/// The definition that arguments are read with, and that help, completions and manual pages are made from.
pub(crate) fn definition() -> clap::Command {
    let root = Cli::command();
    let header = *root.get_styles().get_header();
    // clap's own list has a line for each command. Of the places in its template that the manual leaves out, only this
    // one can be another in `-h` than in `--help`.
    let template = format!(
        "{{about-with-newline}}\n{{usage-heading}} {{usage}}\n\n\
         {{before-help}}{header}Options:{header:#}\n{{options}}{{after-help}}"
    );
    let (short, long) = (short_list(), long_list(&root, header));
    let begin = "Begin with `keywright create my-service`: it makes the vault, too.";
    root.help_template(template)
        .before_help(short)
        .before_long_help(long)
        .after_help(format!("{begin}\n{GLOBAL_HINT}"))
        .mut_subcommands(with_global_hint)
}

fn with_global_hint(command: clap::Command) -> clap::Command {
    command
        .after_help(GLOBAL_HINT)
        .mut_subcommands(with_global_hint)
}

/// The groups and topics with their names, several a line; plain, because clap miscounts a line that is styled in part.
fn short_list() -> String {
    const INDENT: usize = 12;
    let topics: Vec<&str> = TOPICS.iter().map(|topic| topic.name).collect();
    let rows = GROUPS.iter().copied().chain([("Topics", &topics[..])]);
    let mut lines = Vec::new();
    for (group, names) in rows {
        let (mut line, mut column) = (format!("{group:INDENT$}"), INDENT);
        for name in names {
            if column + name.len() > SHORT_WIDTH {
                lines.push(std::mem::replace(&mut line, " ".repeat(INDENT)));
                column = INDENT;
            }
            line.extend([name, "  "]);
            column += name.len() + 2;
        }
        lines.push(line);
    }
    let lines: Vec<&str> = lines.iter().map(|line| line.trim_end()).collect();
    lines.join("\n")
}

/// The same with a line for each command and topic.
fn long_list(root: &clap::Command, header: Style) -> String {
    let commands = |names: &[&str]| -> String {
        let commands = names.iter().filter_map(|name| root.find_subcommand(name));
        let lines = commands.map(|command| {
            let about = command.get_about().map(ToString::to_string);
            let about = about.unwrap_or_default() + &aliases(command);
            list_line(command.get_name(), &about)
        });
        lines.collect()
    };
    let groups = GROUPS
        .iter()
        .map(|(group, names)| format!("{header}{group}:{header:#}\n{}", commands(names)));
    let topics: String = TOPICS
        .iter()
        .map(|topic| list_line(topic.name, topic.about))
        .collect();
    let topics = format!("{header}Topics of `keywright help`:{header:#}\n{topics}");
    let paragraphs: Vec<String> = groups.chain([topics]).collect();
    paragraphs.join("\n").trim_end().to_owned()
}

fn list_line(name: &str, about: &str) -> String {
    format!("  {name:11}  {about}\n")
}

fn aliases(command: &clap::Command) -> String {
    let aliases: Vec<&str> = command.get_visible_aliases().collect();
    match aliases.as_slice() {
        [] => String::new(),
        [alias] => format!(" [alias: {alias}]"),
        several => format!(" [aliases: {}]", several.join(", ")),
    }
}

fn tell(mut err: clap::Error, args: &[OsString]) -> ExitCode {
    let look = asked_look(args);
    let mut out = Printer::new(look);
    if !err.use_stderr() {
        // Help and version are answers. A reader that left is no failure, a full disk is.
        let text = err.render().ansi().to_string();
        let told = out.data(format_args!("{}", text.trim_end())).map_or_else(
            |err| CommandError::from(err).or_exit(Exit::Done),
            |()| Ok(Exit::Done),
        );
        return told.unwrap_or_else(|err| err.report(&mut out)).into();
    }
    let is_run = subcommand(args).as_deref() == Some("run");
    let exit_of = |err: CommandError| if is_run { err.of_run() } else { err };
    if let Some(refused) = refused_secret(&err, args) {
        return exit_of(refused).report(&mut out).into();
    }
    hide_value(&mut err);
    escape_values(&mut err);
    let text = err.render().to_string();
    if look.json {
        return exit_of(in_short(&text)).report(&mut out).into();
    }
    out.usage(&text);
    let wrong = if is_run { Exit::NotRun } else { Exit::Usage };
    wrong.into()
}

/// The command of a command line that could not be read.
fn subcommand(args: &[OsString]) -> Option<String> {
    let read = definition()
        .ignore_errors(true)
        .try_get_matches_from(args.iter());
    read.ok()?.subcommand_name().map(str::to_owned)
}

/// The look that a command line asks for which could not be read as a whole.
fn asked_look(args: &[OsString]) -> Look {
    let words = args.iter().take_while(|arg| *arg != "--");
    let words: Vec<&str> = words.filter_map(|arg| arg.to_str()).collect();
    let color =
        words
            .iter()
            .enumerate()
            .find_map(|(at, word)| match word.strip_prefix("--color")? {
                "" => words.get(at + 1).copied(),
                rest => rest.strip_prefix('='),
            });
    let color = color.and_then(|when| ColorWhen::from_str(when, false).ok());
    Look {
        color: color.unwrap_or(ColorWhen::Auto).choice(),
        ..settings::plain_look(words.contains(&"--json"))
    }
}

/// A word too many, or an option that asks for a secret: it is not repeated, and the right way is told.
fn refused_secret(err: &clap::Error, args: &[OsString]) -> Option<CommandError> {
    const SECRET_OPTIONS: [&str; 7] = [
        "--new-passphrase",
        "--passphrase",
        "--password",
        "--recovery-code",
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
    let hint = match subcommand(args).as_deref() {
        Some("check") if !word.starts_with('-') => {
            "`keywright check` looks at all that the project lists, `keywright show NAME` at one key"
        }
        Some("env") if !word.starts_with('-') => {
            "--only NAME chooses a key, `keywright get NAME` prints its value alone"
        }
        _ if option == "--recovery-code" => {
            "a recovery code comes from a hidden prompt or --recovery-code-file; see --help"
        }
        _ => {
            "a value or token comes from standard input or --file, a passphrase from --passphrase-file; see --help"
        }
    };
    Some(CommandError::message(Exit::Usage, message).hint(hint))
}

/// Nothing that may be a secret is repeated in an error: no long word for a command, and no descriptor that is none.
fn hide_value(err: &mut clap::Error) {
    let descriptor =
        context(err, ContextKind::InvalidArg).is_some_and(|arg| arg.contains("passphrase-fd"));
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

/// A value's line end begins no line that looks like clap's, and what it would draw is shown: clap drops it silently.
fn escape_values(err: &mut clap::Error) {
    for kind in [ContextKind::InvalidSubcommand, ContextKind::InvalidValue] {
        if let Some(safe) = context(err, kind).map(|word| escape(word).into_owned()) {
            let _ = err.insert(kind, ContextValue::String(safe));
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
mod tests;
