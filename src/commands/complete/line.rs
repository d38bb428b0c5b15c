//! The line up to the cursor, read as leniently as an unfinished line has to be.

use std::ffi::OsString;

use clap::{Arg, Command, ValueHint, value_parser};
use directories::BaseDirs;

/// Options that say which vault and which part of it is meant, and what opens it.
const CHOOSING: [&str; 5] = [
    "env",
    "passphrase_fd",
    "passphrase_file",
    "project",
    "vault",
];

/// What of the line decides about what comes next.
#[derive(Debug, Default)]
pub(super) struct Line {
    /// The line without its finished options; the last word is the one at the cursor.
    pub(super) words: Vec<OsString>,
    /// The options of [`CHOOSING`] that were given, each as `--name=value`.
    pub(super) options: Vec<String>,
    /// The option whose value is the word at the cursor.
    awaiting: Option<Arg>,
    /// There was `--`.
    escaped: bool,
    /// The command takes only options.
    only_options: bool,
    /// The word that another program's command line begins with; it may be the one at the cursor.
    begins: Option<usize>,
    /// There was a line for a shell, whose arguments follow in the place of a program and its own.
    has_shell_line: bool,
}

/// Who completes the word at the cursor.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Place {
    /// The completion of a command whose name is the word of this number, counted from 0 through all words as sent.
    Command(usize),
    /// The shell, as a path: it knows `~` and how files look.
    File,
    Ours,
}

impl Line {
    /// Reads words without their quotes, the program's name first.
    pub(super) fn read(definition: &Command, words: &[String]) -> Self {
        let mut root = definition.clone();
        root.build();
        let start = words.iter().position(|word| !is_assignment(word));
        let skipped = start.unwrap_or(0);
        let words = &words[skipped..];
        let (current, before) = words
            .split_last()
            .map_or(("", words), |(current, before)| (current.as_str(), before));
        let mut reader = Reader {
            command: &root,
            awaiting: None,
            line: Self::default(),
        };
        let program = before.first().map_or("keywright", String::as_str);
        reader.line.words.push(program.into());
        for (at, word) in before.iter().enumerate().skip(1) {
            if reader.begins_command(word) {
                reader.line.begins = Some(skipped + at);
                break;
            }
            reader.take(word);
        }
        // Its name is still being typed; `-` is only the beginning of an option.
        if reader.line.begins.is_none() && !before.is_empty() && reader.begins_command(current) {
            reader.line.begins = Some(skipped + before.len());
        }
        reader.finish(current)
    }

    pub(super) fn place(&self) -> Place {
        match (self.begins, &self.awaiting) {
            (Some(_), _) if self.has_shell_line => Place::File,
            (Some(begins), _) => Place::Command(begins),
            (None, Some(option)) if is_path(option) || is_shell_line(option) => Place::File,
            (None, _) => Place::Ours,
        }
    }

    /// Whether the word at the cursor is a command, which the shell knows, too.
    pub(super) fn awaits_command(&self) -> bool {
        let hint = self.awaiting.as_ref().map(Arg::get_value_hint);
        hint == Some(ValueHint::CommandString)
    }

    /// Whether a word that begins with a dash can stand at the cursor as a name (first) or as an option's value.
    pub(super) fn dashes(&self) -> (bool, bool) {
        (self.escaped, self.awaiting.is_none())
    }

    /// Whether options would only be in the way: nothing was typed yet where a name or command belongs.
    pub(super) fn hides_options(&self) -> bool {
        self.words.last().is_some_and(|word| word.is_empty()) && !self.only_options
    }
}

struct Reader<'a> {
    command: &'a Command,
    /// An option that waits for its value, and the word it was given by.
    awaiting: Option<(&'a Arg, String)>,
    line: Line,
}

impl<'a> Reader<'a> {
    /// Whether this word is the first that is no longer keywright's: from there on nothing is an option of ours.
    fn begins_command(&self, word: &str) -> bool {
        let mut positionals = self.command.get_positionals();
        self.awaiting.is_none()
            && (self.line.escaped || !word.starts_with('-'))
            && positionals
                .any(|arg| matches!(arg.get_value_hint(), ValueHint::CommandWithArguments))
    }

    fn take(&mut self, word: &str) {
        if let Some((option, _)) = self.awaiting.take() {
            self.note(option, &at_home(option, word));
        } else if self.line.escaped {
            self.line.words.push(word.into());
        } else if word == "--" {
            self.line.escaped = true;
            self.line.words.push(word.into());
        } else if let Some(long) = word.strip_prefix("--") {
            self.take_long(long);
        } else if let Some(shorts) = word.strip_prefix('-').filter(|rest| !rest.is_empty()) {
            self.take_shorts(shorts);
        } else {
            self.command = self.command.find_subcommand(word).unwrap_or(self.command);
            self.line.words.push(word.into());
        }
    }

    fn take_long(&mut self, long: &str) {
        let (name, value) = match long.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (long, None),
        };
        let named = |arg: &&Arg| {
            arg.get_long_and_visible_aliases()
                .is_some_and(|names| names.contains(&name))
        };
        if let Some(option) = self.command.get_arguments().find(named) {
            self.take_option(option, value, format!("--{name}"));
        }
    }

    /// A cluster such as `-qp shop` or `-pshop`.
    fn take_shorts(&mut self, shorts: &str) {
        for (at, short) in shorts.char_indices() {
            let named = |arg: &&Arg| {
                arg.get_short_and_visible_aliases()
                    .is_some_and(|names| names.contains(&short))
            };
            let Some(option) = self.command.get_arguments().find(named) else {
                return;
            };
            if option.get_action().takes_values() {
                let rest = &shorts[at + short.len_utf8()..];
                let value = (!rest.is_empty()).then(|| rest.strip_prefix('=').unwrap_or(rest));
                self.take_option(option, value, format!("-{short}"));
                return;
            }
        }
    }

    fn take_option(&mut self, option: &'a Arg, value: Option<&str>, word: String) {
        self.line.has_shell_line |= is_shell_line(option);
        let least = option.get_num_args().map_or(1, |range| range.min_values());
        match value {
            Some(value) => self.note(option, value),
            None if option.get_action().takes_values() && least > 0 => {
                self.awaiting = Some((option, word));
            }
            None => {}
        }
    }

    fn note(&mut self, option: &Arg, value: &str) {
        if CHOOSING.contains(&option.get_id().as_str())
            && let Some(long) = option.get_long()
        {
            self.line.options.push(format!("--{long}={value}"));
        }
    }

    fn finish(self, current: &str) -> Line {
        let mut line = self.line;
        if let Some((option, word)) = self.awaiting {
            line.awaiting = Some(option.clone());
            line.words.push(word.into());
        }
        line.words.push(current.into());
        line.only_options =
            !self.command.has_subcommands() && self.command.get_positionals().next().is_none();
        line
    }
}

/// `NAME=value` before the command.
fn is_assignment(word: &str) -> bool {
    word.split_once('=').is_some_and(|(name, _)| {
        !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
    })
}

fn is_path(option: &Arg) -> bool {
    use ValueHint as H;
    matches!(
        option.get_value_hint(),
        H::AnyPath | H::DirPath | H::ExecutablePath | H::FilePath
    )
}

/// A line for a shell is whatever bytes it is, unlike every name and every path.
fn is_shell_line(option: &Arg) -> bool {
    let line = value_parser!(OsString);
    option.get_value_parser().type_id() == line.type_id()
}

/// A path as the shell will give it: `~/` at its beginning is the home directory.
fn at_home(option: &Arg, value: &str) -> String {
    let below = value.strip_prefix("~/").filter(|_| is_path(option));
    let path = below.and_then(|below| Some(BaseDirs::new()?.home_dir().join(below)));
    path.map_or_else(
        || value.to_owned(),
        |path| path.to_string_lossy().into_owned(),
    )
}

#[cfg(test)]
mod tests {
    use clap::{ArgAction, value_parser};

    use super::*;

    fn definition() -> Command {
        let global =
            |name: &'static str, short| Arg::new(name).long(name).short(short).global(true);
        Command::new("keywright")
            .arg(global("project", 'p'))
            .arg(global("quiet", 'q').action(ArgAction::SetTrue))
            .arg(global("vault", 'v').value_parser(value_parser!(std::path::PathBuf)))
            .subcommand(
                Command::new("show")
                    .arg(Arg::new("name"))
                    .arg(Arg::new("tag").long("tag")),
            )
            .subcommand(Command::new("list").visible_alias("ls"))
            .subcommand(
                Command::new("run")
                    .visible_alias("x")
                    .arg(Arg::new("only").long("only"))
                    .arg(
                        Arg::new("line")
                            .short('c')
                            .long("command")
                            .value_parser(value_parser!(OsString)),
                    )
                    .arg(
                        Arg::new("command")
                            .num_args(0..)
                            .trailing_var_arg(true)
                            .value_hint(ValueHint::CommandWithArguments),
                    ),
            )
    }

    fn read(line: &str) -> Line {
        let words: Vec<String> = line.split('|').map(str::to_owned).collect();
        Line::read(&definition(), &words)
    }

    fn texts(line: &Line) -> String {
        let words: Vec<_> = line
            .words
            .iter()
            .map(|word| word.to_string_lossy())
            .collect();
        words.join("|")
    }

    #[test]
    fn finished_options_are_taken_out_and_those_that_choose_are_kept() {
        for (typed, left, options) in [
            ("keywright|", "keywright|", ""),
            ("A=b|keywright|sh", "keywright|sh", ""),
            (
                "keywright|-p|shop|show|",
                "keywright|show|",
                "--project=shop",
            ),
            (
                "keywright|-p|list|show|",
                "keywright|show|",
                "--project=list",
            ),
            (
                "keywright|-pshop|show|x",
                "keywright|show|x",
                "--project=shop",
            ),
            (
                "keywright|-qp=shop|show|x",
                "keywright|show|x",
                "--project=shop",
            ),
            (
                "keywright|show|--project=a b|x",
                "keywright|show|x",
                "--project=a b",
            ),
            (
                "keywright|show|--tag|x|-q|--nonsense|n",
                "keywright|show|n",
                "",
            ),
            ("keywright|show|--|-p|x", "keywright|show|--|-p|x", ""),
            ("keywright|show|a|-p|", "keywright|show|a|-p|", ""),
            ("keywright|show|-qp|", "keywright|show|-p|", ""),
            ("", "keywright|", ""),
        ] {
            let line = read(typed);
            assert_eq!(texts(&line), left, "{typed}");
            assert_eq!(line.options.join("|"), options, "{typed}");
        }
    }

    #[test]
    fn what_belongs_at_the_cursor_is_known() {
        for (typed, place) in [
            ("keywright|--vault|", Place::File),
            ("keywright|--vault|x|", Place::Ours),
            ("keywright|--project|", Place::Ours),
            ("run", Place::Ours),
            ("keywright|run", Place::Ours),
            ("keywright|run|", Place::Command(2)),
            ("keywright|run|l", Place::Command(2)),
            ("keywright|x|ls|", Place::Command(2)),
            ("A=b|C=|keywright|run|ls|-", Place::Command(4)),
            ("A=b|keywright|run|C=d|", Place::Command(3)),
            ("keywright|-p|shop|run|-q|--only|a|ls|", Place::Command(7)),
            ("keywright|run|ls|--only|", Place::Command(2)),
            ("keywright|run|ls|-c|", Place::Command(2)),
            ("keywright|run|ls|--|-", Place::Command(2)),
            ("keywright|run|keywright|run|", Place::Command(2)),
            ("keywright|run|-", Place::Ours),
            ("keywright|run|--", Place::Ours),
            ("keywright|run|--only|", Place::Ours),
            ("keywright|run|--only=a|", Place::Command(3)),
            ("keywright|run|--|", Place::Command(3)),
            ("keywright|run|--|-", Place::Command(3)),
            ("keywright|run|--|--only|", Place::Command(3)),
            ("keywright|run|--|--|", Place::Command(3)),
            ("keywright|run|-c|", Place::File),
            ("keywright|run|--command|l", Place::File),
            ("keywright|run|-c|run ls|", Place::File),
            ("keywright|run|-cls|", Place::File),
            ("keywright|run|--command=ls|--|a|-", Place::File),
            ("keywright|run|-qc|ls|-", Place::Ours),
            ("keywright|run|-c|ls|--vault|", Place::File),
            ("keywright|show|run|", Place::Ours),
            ("keywright|-p|run|l", Place::Ours),
        ] {
            assert_eq!(read(typed).place(), place, "{typed}");
        }
        assert_eq!(read("keywright|show|").dashes(), (false, true));
        assert_eq!(read("keywright|show|--|").dashes(), (true, true));
        assert_eq!(read("keywright|show|--tag|").dashes(), (false, false));
        assert!(read("keywright|show|").hides_options());
        assert!(!read("keywright|show|-").hides_options());
        assert!(!read("keywright|ls|").hides_options());
    }

    #[test]
    fn a_path_at_home_is_found_as_the_shell_finds_it() {
        let line = read("keywright|--vault|~/v.db|show|");
        let option = line.options.first().expect("kept");
        assert!(
            option.ends_with("/v.db") && !option.contains('~'),
            "{option}"
        );
        let attached = read("keywright|--vault=~/v.db|show|");
        assert_eq!(attached.options, ["--vault=~/v.db"]);
    }
}
