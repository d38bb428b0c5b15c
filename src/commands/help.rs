use std::fmt::Write;

use anstyle::Style;
use clap::Args;

use super::topics::{Part, TOPICS, Topic, command_at};
use crate::error::{CommandError, Exit};
use crate::output::Printer;

/// Most columns of help, however wide the terminal is.
pub(crate) const HELP_WIDTH: usize = 100;

/// Explain a topic or a command
///
/// The topics are environment, exit-codes, files and scopes. A command's help is what `--help` after it prints. Without a
/// word, the commands and topics are listed.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  keywright help scopes
  keywright help exit-codes
  keywright help rotate")]
pub(crate) struct HelpArgs {
    /// A topic, or the words of a command
    topic: Vec<String>,
}

/// Needs no settings, so that it helps with wrong ones, too.
pub(crate) fn help(
    args: &HelpArgs,
    mut root: clap::Command,
    out: &mut Printer,
) -> Result<Exit, CommandError> {
    root.build();
    let topic = TOPICS.iter().find(|topic| [topic.name] == *args.topic);
    let text = match topic {
        Some(topic) => {
            let width = out.width().map_or(80, usize::from).clamp(20, HELP_WIDTH);
            Layout::new(&root, width).text(topic)
        }
        None => {
            let command = command_at(&root, &args.topic).ok_or_else(unknown)?;
            command.clone().render_long_help().ansi().to_string()
        }
    };
    out.data(format_args!("{}", text.trim_end()))?;
    Ok(Exit::Done)
}

fn unknown() -> CommandError {
    let topics: Vec<&str> = TOPICS.iter().map(|topic| topic.name).collect();
    let topics = topics.join(", ");
    CommandError::message(Exit::Usage, "there is no such command or topic").hint(format!(
        "the topics are {topics}; `keywright --help` lists the commands"
    ))
}

/// How a topic is set in columns.
struct Layout {
    width: usize,
    header: Style,
    literal: Style,
}

impl Layout {
    fn new(root: &clap::Command, width: usize) -> Self {
        let styles = root.get_styles();
        Self {
            width,
            header: *styles.get_header(),
            literal: *styles.get_literal(),
        }
    }

    fn text(&self, topic: &Topic) -> String {
        let Self { header, .. } = self;
        let title = wrapped(topic.about, self.width).join("\n");
        let mut parts = vec![format!("{header}{title}{header:#}\n")];
        parts.extend((topic.parts)().iter().map(|part| match part {
            Part::Heading(heading) => format!("{header}{heading}:{header:#}\n"),
            Part::Lines(lines) => lines.lines().map(|line| format!("  {line}\n")).collect(),
            Part::Terms(terms) => self.terms(terms),
            Part::Text(text) => wrapped(text, self.width).join("\n") + "\n",
        }));
        parts.join("\n")
    }

    /// In two columns; where the first would take more than half, one above the other.
    fn terms(&self, terms: &[(String, &str)]) -> String {
        let longest = terms.iter().map(|(term, _)| term.len()).max().unwrap_or(0);
        let beside = longest + 4 <= self.width / 2;
        let indent = if beside { longest + 4 } else { 6 };
        let literal = self.literal;
        let mut text = String::new();
        for (term, meaning) in terms {
            let _ = write!(text, "  {literal}{term}{literal:#}");
            let lines = wrapped(meaning, self.width - indent);
            for (at, line) in lines.iter().enumerate() {
                match (at, beside) {
                    (0, true) => text.extend(std::iter::repeat_n(' ', indent - 2 - term.len())),
                    _ => text.extend(["\n", &" ".repeat(indent)]),
                }
                text.push_str(line);
            }
            text.push('\n');
        }
        text
    }
}

/// Lines of whole words; one that is longer than a line has a line of its own. All of it is our own ASCII text.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let last = lines.len() - 1;
        match &mut lines[last] {
            line if line.is_empty() => line.push_str(word),
            line if line.len() + 1 + word.len() <= width => line.extend([" ", word]),
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_as_long_as_they_may_be() {
        assert_eq!(wrapped("a bb ccc", 4), ["a bb", "ccc"]);
        assert_eq!(wrapped("a bb ccc", 8), ["a bb ccc"]);
        assert_eq!(wrapped("a longer b", 3), ["a", "longer", "b"]);
    }

    #[test]
    fn every_topic_fits_every_width_and_says_the_same_in_each() {
        let root = clap::Command::new("keywright");
        let words = |text: &str| {
            let plain = anstream::adapter::strip_str(text).to_string();
            plain
                .split_whitespace()
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        for topic in TOPICS {
            let wide = Layout::new(&root, HELP_WIDTH).text(topic);
            for width in [48, 60, 80, HELP_WIDTH] {
                let text = Layout::new(&root, width).text(topic);
                assert_eq!(words(&text), words(&wide), "{}", topic.name);
                let plain = anstream::adapter::strip_str(&text).to_string();
                for line in plain.lines().filter(|line| line.trim().contains(' ')) {
                    assert!(line.is_ascii() && line.len() <= width, "{line}");
                }
            }
        }
    }
}
