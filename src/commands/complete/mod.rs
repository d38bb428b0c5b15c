//! What a shell offers after TAB.
//!
//! The scripts beside this file run `keywright complete SHELL` and give it what was typed on standard input, where other
//! users do not see it. The answer comes within 100 ms, asks nobody, and leaves out what it would have to wait for.
//! `complete` is no command of [`clap::Command`]: it is in no help, no manual page and no suggestion.

mod line;
mod shell;
mod words;

use std::ffi::OsString;
use std::io::{self, IsTerminal, Read};
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap_complete::CompletionCandidate;
use clap_complete::engine;

use self::line::{Line, Place};
use self::shell::{Answer, AskingShell, Typed};
use self::words::{Source, attach};
use crate::key::Timestamp;
use crate::output::Printer;

/// How long the vault is waited for. The rest of 100 ms is for the start and the end of the process.
const PATIENCE: Duration = Duration::from_millis(65);

/// Most that is read of what was typed, in bytes.
const TYPED_LIMIT: u64 = 1024 * 1024;

/// A completion script's question.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Question {
    shell: AskingShell,
    patience: Duration,
}

/// The question that the arguments are, where they are a completion script's: `keywright complete SHELL`.
pub(crate) fn question(args: &[OsString]) -> Option<Question> {
    let (shell, patience) = match args {
        [_, complete, shell] if complete == "complete" => (shell, PATIENCE),
        // What is offered is tested on machines that are busy with other tests.
        #[cfg(any(debug_assertions, feature = "test-kdf"))]
        [_, complete, shell, patient] if complete == "complete" && patient == "--patient" => {
            (shell, Duration::from_secs(30))
        }
        _ => return None,
    };
    let shell = shell.to_str()?.parse().ok()?;
    Some(Question { shell, patience })
}

/// Answers a completion script. There is nobody to tell of a failure: the answer is empty then.
pub(crate) fn complete(
    question: Question,
    definition: clap::Command,
    clock: fn() -> Timestamp,
    out: &mut Printer,
) {
    let until = Instant::now() + question.patience;
    let Some(typed) = typed().and_then(|words| Typed::read(question.shell, words)) else {
        return;
    };
    let answer = answer(&typed, definition, clock, until);
    let _ = out.data(format_args!("{}", typed.render(&answer)));
}

/// What was typed: each word, or whatever the script sends instead, ends with a NUL byte.
fn typed() -> Option<Vec<String>> {
    let stdin = io::stdin();
    if stdin.is_terminal() {
        return None;
    }
    let mut bytes = Vec::new();
    stdin.take(TYPED_LIMIT).read_to_end(&mut bytes).ok()?;
    let words = bytes.strip_suffix(b"\0")?.split(|byte| *byte == 0);
    Some(
        words
            .map(|word| String::from_utf8_lossy(word).into_owned())
            .collect(),
    )
}

fn answer(
    typed: &Typed,
    definition: clap::Command,
    clock: fn() -> Timestamp,
    until: Instant,
) -> Answer {
    let line = Line::read(&definition, &typed.words);
    if line.awaits_command() && !typed.opaque {
        return Answer::Commands;
    }
    match line.place() {
        Place::Command(begins) => return Answer::Command(begins),
        Place::File => return Answer::Files,
        Place::Ours if typed.opaque => return Answer::Files,
        Place::Ours => {}
    }
    let source = Arc::new(Source {
        options: line.options.clone(),
        clock,
        until,
        dashes: line.dashes(),
    });
    let mut root = attach(definition, &source);
    let index = line.words.len() - 1;
    let here = std::path::Path::new(".");
    let found = engine::complete(&mut root, line.words.clone(), index, Some(here));
    let mut found = found.unwrap_or_default();
    found.retain(|candidate| !candidate.is_hide_set() || is_alias(candidate, &root));
    if line.hides_options() {
        found.retain(|candidate| !is_option(candidate));
    }
    Answer::Words(found)
}

/// Whether it is another name of a command that is shown.
fn is_alias(candidate: &CompletionCandidate, root: &clap::Command) -> bool {
    let name = candidate
        .get_id()
        .and_then(|id| id.strip_prefix("command::"));
    let command = name.and_then(|name| root.find_subcommand(name));
    command.is_some_and(|command| !command.is_hide_set())
}

fn is_option(candidate: &CompletionCandidate) -> bool {
    candidate.get_id().is_some_and(|id| id.starts_with("arg::"))
}
