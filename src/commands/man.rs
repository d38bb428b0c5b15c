use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clap::Args;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

use super::fields::JSON_FIELDS;
use super::topics::{Part, TOPICS, Topic, command_at};
use crate::error::{CommandError, Exit};
use crate::output::Printer;

/// The page of keywright itself.
const ROOT: &str = "keywright";

/// Print a manual page
///
/// Commands and options as `--help` has them. The page of keywright itself has the exit codes, variables and files, too, and
/// every field of the JSON answers.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  keywright man | man -l -
  keywright man rotate | man -l -
  mkdir -p ~/.local/share/man/man1 && keywright man --dir ~/.local/share/man/man1")]
pub(crate) struct ManArgs {
    /// The words of the command whose page it is; without one, the page of keywright itself
    command: Vec<String>,

    /// Write all pages into this folder instead
    #[arg(long, value_name = "PATH", conflicts_with = "command")]
    dir: Option<PathBuf>,
}

pub(crate) fn man(
    args: &ManArgs,
    mut root: clap::Command,
    out: &mut Printer,
) -> Result<Exit, CommandError> {
    root.build();
    if let Some(dir) = &args.dir {
        write_pages(&root, dir)?;
        return Ok(Exit::Done);
    }
    let command = command_at(&root, &args.command).ok_or_else(|| {
        CommandError::message(Exit::Usage, "there is no such command")
            .hint("`keywright --help` lists them")
    })?;
    let page = page(command).map_err(|err| CommandError::new(Exit::Failed, err))?;
    out.data(format_args!("{}", page.trim_end()))?;
    Ok(Exit::Done)
}

/// The page of a command, and those of its commands.
fn write_pages(command: &clap::Command, dir: &Path) -> Result<(), CommandError> {
    let path = dir.join(format!("{}.1", page_name(command)));
    page(command)
        .and_then(|page| fs::write(&path, page))
        .map_err(|err| {
            let context = format!("cannot write `{}`", path.display());
            CommandError::new(Exit::Failed, anyhow::Error::new(err).context(context))
        })?;
    command
        .get_subcommands()
        .filter(|command| !command.is_hide_set())
        .try_for_each(|command| write_pages(command, dir))
}

/// `keywright-role-set` for `keywright role set`.
fn page_name(command: &clap::Command) -> &str {
    command
        .get_display_name()
        .unwrap_or_else(|| command.get_name())
}

fn page(command: &clap::Command) -> io::Result<String> {
    let examples = command.get_after_long_help().map(ToString::to_string);
    let shown = command
        .clone()
        // What `-h` leaves out, the manual has.
        .mut_args(|arg| arg.hide_short_help(false))
        // Else they are a section EXTRA, all in one paragraph.
        .after_help(None)
        .after_long_help(None);
    let mut page = Vec::new();
    man_of(shown).render(&mut page)?;
    let mut text = String::from_utf8_lossy(&page).into_owned();
    if page_name(command) == ROOT {
        text.extend(TOPICS.iter().map(topic_section));
        text.push_str(&json_section());
    }
    text.extend(examples.as_deref().map(examples_section));
    Ok(text)
}

fn man_of(command: clap::Command) -> Man {
    let version = format!("keywright {}", env!("CARGO_PKG_VERSION"));
    Man::new(command)
        .source(version)
        .manual("Keywright Manual")
        .date("")
}

fn topic_section(topic: &Topic) -> String {
    let mut roff = Roff::new();
    roff.control("SH", [topic.section]);
    for part in (topic.parts)() {
        match part {
            Part::Heading(heading) => {
                roff.control("SS", [heading]);
            }
            Part::Lines(lines) => push_lines(&mut roff, lines.lines()),
            Part::Terms(terms) => terms
                .iter()
                .for_each(|(term, meaning)| push_item(&mut roff, term, meaning)),
            Part::Text(text) => {
                roff.control("PP", []);
                roff.text([roman(text)]);
            }
        }
    }
    roff.to_roff()
}

/// The lines below the `Examples:` of `--help`.
fn examples_section(help: &str) -> String {
    let mut roff = Roff::new();
    roff.control("SH", ["EXAMPLES"]);
    push_lines(&mut roff, help.lines().skip(1));
    roff.to_roff()
}

/// Each on a line of its own, none filled up with the next.
fn push_lines<'a>(roff: &mut Roff, lines: impl Iterator<Item = &'a str>) {
    roff.control("PP", []);
    roff.control("nf", []);
    for line in lines {
        roff.text([roman(line.trim_start())]);
    }
    roff.control("fi", []);
}

fn json_section() -> String {
    let mut roff = Roff::new();
    roff.control("SH", ["JSON"]);
    roff.text([roman("With --json, the answer is one document, of audit and verify --batch one a line. Times are RFC 3339 in UTC; what is absent is null.")]);
    for (document, fields) in JSON_FIELDS {
        roff.control("SS", [*document]);
        for (names, meaning) in *fields {
            push_item(&mut roff, names, meaning);
        }
    }
    roff.to_roff()
}

fn push_item(roff: &mut Roff, term: &str, meaning: &str) {
    roff.control("TP", []);
    roff.text([bold(term)]);
    roff.text([roman(meaning)]);
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn nested() -> clap::Command {
        let set = clap::Command::new("set")
            .about("Make a role")
            .after_long_help("Examples:\n  keywright role set deploy\n  keywright role set .x");
        let role = clap::Command::new("role").alias("roles").subcommand(set);
        let hidden = clap::Command::new("secret").hide(true);
        let mut root = clap::Command::new(ROOT)
            .disable_help_subcommand(true)
            .subcommands([role, hidden]);
        root.build();
        root
    }

    #[test]
    fn commands_of_commands_have_pages_of_their_own() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        write_pages(&nested(), dir.path()).expect("written");
        let entries = fs::read_dir(dir.path()).expect("readable");
        let names: BTreeSet<_> = entries
            .map(|entry| entry.expect("readable").file_name())
            .collect();
        let expected = ["keywright-role-set.1", "keywright-role.1", "keywright.1"];
        assert!(names.iter().eq(expected.iter()), "{names:?}");
    }

    #[test]
    fn words_lead_to_the_page() {
        let root = nested();
        let named = |words: &[&str]| {
            let words: Vec<String> = words.iter().map(ToString::to_string).collect();
            command_at(&root, &words).map(page_name)
        };
        assert_eq!(named(&[]), Some("keywright"));
        assert_eq!(named(&["roles", "set"]), Some("keywright-role-set"));
        assert_eq!(named(&["set"]), None);
        assert_eq!(named(&["role", "set", "more"]), None);
    }

    #[test]
    fn examples_keep_their_lines() {
        let root = nested();
        let words = ["role".to_owned(), "set".to_owned()];
        let page = page(command_at(&root, &words).expect("there")).expect("rendered");
        let expected =
            ".SH EXAMPLES\n.PP\n.nf\nkeywright role set deploy\nkeywright role set .x\n.fi\n";
        assert!(page.ends_with(expected), "{page}");
        assert!(page.contains("keywright\\-role\\-set"), "{page}");
    }
}
