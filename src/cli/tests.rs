//! What help promises of every command.

use super::*;

/// Columns and lines of the smallest screen that help is made for.
const SCREEN: (usize, usize) = (80, 24);

#[test]
fn the_definition_is_sound() {
    definition().debug_assert();
}

#[test]
fn every_command_is_in_one_group() {
    let root = definition();
    let visible = root
        .get_subcommands()
        .filter(|command| !command.is_hide_set());
    let mut commands: Vec<&str> = visible.map(clap::Command::get_name).collect();
    let mut grouped: Vec<&str> = GROUPS
        .iter()
        .flat_map(|(_, names)| *names)
        .copied()
        .collect();
    commands.sort_unstable();
    grouped.sort_unstable();
    assert_eq!(grouped, commands);
}

#[test]
fn no_topic_hides_a_command() {
    let root = definition();
    for topic in TOPICS {
        assert!(root.find_subcommand(topic.name).is_none(), "{}", topic.name);
    }
}

#[test]
fn short_help_fits_a_screen() {
    let (columns, lines) = SCREEN;
    for mut command in every_command(definition().term_width(columns)) {
        let name = command.get_display_name().unwrap_or_default().to_owned();
        let help = command.render_help().to_string();
        let help = help.trim_end();
        assert!(help.lines().count() <= lines, "{name}: {help}");
        for line in help.lines() {
            assert!(line.trim_end().chars().count() <= columns, "{name}: {line}");
        }
        assert!(help.ends_with(GLOBAL_HINT), "{name}: {help}");
        assert!(!help.contains("--passphrase"), "{name}: {help}");
    }
}

#[test]
fn every_command_has_examples_that_can_be_pasted() {
    for command in every_command(definition()) {
        let name = command.get_display_name().unwrap_or_default();
        let help = command.get_after_long_help().map(ToString::to_string);
        let help = help.unwrap_or_default();
        let mut lines = help.lines();
        assert_eq!(lines.next(), Some("Examples:"), "{name}");
        let examples: Vec<&str> = lines.collect();
        assert!(!examples.is_empty(), "{name}");
        for example in examples {
            assert!(example.starts_with("  "), "{name}: {example}");
            let commands = commands_in(example);
            assert!(!commands.is_empty(), "{name}: {example}");
            for words in commands {
                let read = definition().try_get_matches_from(&words);
                let read = read.and_then(|matches| Cli::from_arg_matches(&matches));
                assert!(read.is_ok(), "{name}: {example}: {words:?}: {read:?}");
            }
        }
    }
}

/// The twin: an example that is wrong would be found.
#[test]
fn commands_are_found_in_examples() {
    for (line, expected) in [
        ("A=1 keywright get x | sh", "get x"),
        ("eval \"$(keywright list)\"", "list"),
        (
            "source <(keywright man); keywright get 'a | b' > c",
            "man, get a | b",
        ),
        ("cat ~/.config/keywright > x", ""),
    ] {
        let found = commands_in(line);
        let found: Vec<String> = found.iter().map(|words| words[1..].join(" ")).collect();
        assert_eq!(found.join(", "), expected, "{line}");
    }
    let wrong = &commands_in("keywright list --kin issued")[0];
    assert!(definition().try_get_matches_from(wrong).is_err());
}

/// The root and every visible command below it.
fn every_command(mut root: clap::Command) -> Vec<clap::Command> {
    fn push(command: &clap::Command, found: &mut Vec<clap::Command>) {
        found.push(command.clone());
        let below = command.get_subcommands();
        below
            .filter(|command| !command.is_hide_set())
            .for_each(|command| push(command, found));
    }
    root.build();
    let mut found = Vec::new();
    push(&root, &mut found);
    found
}

/// The words of every call of keywright in a shell's line, without pipes and redirections.
fn commands_in(line: &str) -> Vec<Vec<String>> {
    let starts = line.match_indices("keywright").filter(|(at, name)| {
        let before = line[..*at].chars().next_back();
        let after = line[at + name.len()..].chars().next();
        matches!(before, None | Some(' ' | '(')) && matches!(after, None | Some(' ' | ')'))
    });
    let call = |(at, _)| {
        let mut quote = None;
        let end = line[at..].find(|c: char| {
            match (quote, c) {
                (None, '\'' | '"') => quote = Some(c),
                (Some(open), _) if open == c => quote = None,
                _ => {}
            }
            quote.is_none() && "|;&<>)".contains(c)
        });
        let end = end.map_or(line.len(), |end| at + end);
        shlex::split(&line[at..end]).expect("quotes that end")
    };
    starts.map(call).collect()
}
