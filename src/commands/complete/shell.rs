//! What each shell sends, and what it takes back: words that mean exactly the name they were offered for.
//!
//! The first line of every answer is `command N` (the shell completes a command of its own, which begins with the word of
//! that number), `commands` or `files` (the shell completes one of these), `open` (no space follows) or `words`. The number is counted from 0;
//! for bash, which splits its words at `=` and `:` too, through what blanks separate. After the last two, one word stands
//! on each line. Zsh and fish quote what they insert; for bash it is quoted here, as the place in its line needs it.

use std::str::FromStr;

use clap_complete::CompletionCandidate;

use crate::output::escape;

/// A shell whose script asks while somebody types.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum AskingShell {
    Bash,
    Fish,
    Zsh,
}

impl FromStr for AskingShell {
    type Err = ();

    fn from_str(name: &str) -> Result<Self, ()> {
        match name {
            "bash" => Ok(Self::Bash),
            "fish" => Ok(Self::Fish),
            "zsh" => Ok(Self::Zsh),
            _ => Err(()),
        }
    }
}

/// What is offered.
#[derive(Debug)]
pub(super) enum Answer {
    Command(usize),
    Commands,
    Files,
    Words(Vec<CompletionCandidate>),
}

/// What was typed, and how an answer to it has to look.
#[derive(Debug)]
pub(super) struct Typed {
    /// The words without their quotes, to the cursor.
    pub(super) words: Vec<String>,
    /// Only the shell knows what the last word means.
    pub(super) opaque: bool,
    form: Form,
}

#[derive(Debug)]
enum Form {
    /// Bash replaces only the end of the word, and takes it literally.
    Bash(Replaced),
    /// Words as they are, each with a tab and its description.
    Described,
}

impl Typed {
    /// Reads what a script sends; `None` when no script of ours sends such a thing.
    ///
    /// Bash sends the type of the completion, its line to the cursor and the end of it that will be replaced; zsh sends
    /// words without quotes; fish the same, but the last one as it was typed.
    pub(super) fn read(shell: AskingShell, mut sent: Vec<String>) -> Option<Self> {
        match shell {
            AskingShell::Bash => {
                let [kind, line, replaced] = <[String; 3]>::try_from(sent).ok()?;
                let before = BashLine::read(line.strip_suffix(&replaced)?);
                let whole = BashLine::read(&line);
                let (words, opaque) = whole.into_words();
                Some(Self {
                    words,
                    opaque,
                    form: Form::Bash(Replaced {
                        before: before.word,
                        quote: before.quote,
                        // `?`: nothing is inserted, the words are only shown.
                        only_shown: kind == "63",
                    }),
                })
            }
            AskingShell::Fish => {
                let typed = sent.pop()?;
                let last = without_fish_quotes(&typed);
                let opaque = last.is_none();
                sent.push(last.unwrap_or(typed));
                Some(Self {
                    words: sent,
                    opaque,
                    form: Form::Described,
                })
            }
            AskingShell::Zsh => Some(Self {
                words: sent,
                opaque: false,
                form: Form::Described,
            }),
        }
    }

    /// The answer as the script reads it.
    pub(super) fn render(&self, answer: &Answer) -> String {
        let candidates = match answer {
            Answer::Command(begins) => return format!("command {begins}"),
            Answer::Commands => return "commands".to_owned(),
            Answer::Files => return "files".to_owned(),
            Answer::Words(candidates) => candidates,
        };
        let open = |text: &str| text.starts_with('-') && text.ends_with('/');
        let mut lines = vec!["words".to_owned()];
        for candidate in candidates {
            let text = candidate.get_value().to_string_lossy();
            // Nothing that draws on the screen, and no word that would come back as two.
            if escape(&text) != text {
                continue;
            }
            if let Some(line) = self.line(&text, candidate) {
                if open(&text) {
                    lines[0] = "open".to_owned();
                }
                lines.push(line);
            }
        }
        lines.join("\n")
    }

    fn line(&self, text: &str, candidate: &CompletionCandidate) -> Option<String> {
        match &self.form {
            Form::Bash(replaced) => replaced.line(text),
            Form::Described => {
                let help = candidate.get_help().map(ToString::to_string);
                let help = help.unwrap_or_default();
                let help = escape(help.lines().next().unwrap_or_default()).into_owned();
                Some(format!("{text}\t{help}"))
            }
        }
    }
}

/// The end of bash's line that makes room for what is chosen.
#[derive(Debug)]
struct Replaced {
    /// The part of the word before it, which stays, without quotes: all up to a `:` or `=`.
    before: String,
    /// The quotes that are open where it begins; bash closes them itself.
    quote: Quote,
    only_shown: bool,
}

impl Replaced {
    fn line(&self, text: &str) -> Option<String> {
        let rest = text.strip_prefix(&self.before)?;
        Some(if self.only_shown {
            rest.to_owned()
        } else {
            self.quote.inside(rest)
        })
    }
}

/// Which quotes are open.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum Quote {
    Double,
    #[default]
    None,
    Single,
}

impl Quote {
    /// Quotes a text so that bash takes every character of it as itself. Character by character, so that the common
    /// beginning of two quoted texts is a quoted text again.
    fn inside(self, text: &str) -> String {
        let mut quoted = String::with_capacity(text.len() + 8);
        let (text, last) = match (self, text.char_indices().next_back()) {
            // Bash does not close quotes after such a character, so they are closed before it.
            (Self::Double, Some((at, '"'))) => (&text[..at], "\"\\\""),
            (Self::Single, Some((at, '\''))) => (&text[..at], "'\\'"),
            _ => (text, ""),
        };
        for c in text.chars() {
            match (self, c) {
                // In double quotes a backslash before it would stay, and without one the history is looked into.
                (Self::Double, '!') => quoted.push_str("\"\\!\""),
                (Self::Double, '"' | '$' | '\\' | '`') => quoted.extend(['\\', c]),
                (Self::Single, '\'') => quoted.push_str("'\\''"),
                (Self::None, c) if !is_plain(c) => quoted.extend(['\\', c]),
                _ => quoted.push(c),
            }
        }
        quoted + last
    }
}

/// What bash gives no meaning to, wherever in a word it stands.
fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || !c.is_ascii() || "%+,-./:=@_".contains(c)
}

/// A line of bash's to the cursor.
#[derive(Debug, Default)]
struct BashLine {
    /// The words before the last.
    words: Vec<String>,
    /// The word at the cursor, which may be empty.
    word: String,
    quote: Quote,
    /// The word at the cursor has a part that only bash can tell the value of: a variable, a command, a redirection.
    opaque: bool,
}

impl BashLine {
    fn read(line: &str) -> Self {
        let mut read = Self::default();
        let mut within = false;
        let mut chars = line.chars();
        while let Some(c) = chars.next() {
            match (read.quote, c) {
                (Quote::None, '\'') => read.quote = Quote::Single,
                (Quote::None, '"') => read.quote = Quote::Double,
                (Quote::Single, '\'') | (Quote::Double, '"') => read.quote = Quote::None,
                (Quote::None, '\\') => read.word.extend(chars.next()),
                (Quote::Double, '\\') => match chars.next() {
                    Some(escaped @ ('"' | '$' | '\\' | '`')) => read.word.push(escaped),
                    other => read.word.extend(['\\'].into_iter().chain(other)),
                },
                (Quote::None, ' ' | '\t' | '\n') => {
                    if within {
                        read.words.push(std::mem::take(&mut read.word));
                    }
                    (within, read.opaque) = (false, false);
                    continue;
                }
                (quote, c) => {
                    let double = quote == Quote::Double && "$`".contains(c);
                    let bare = quote == Quote::None && "$`<>|&;()".contains(c);
                    read.opaque |= double || bare;
                    read.word.push(c);
                }
            }
            within = true;
        }
        read
    }

    /// All words, and whether only bash knows the last one.
    fn into_words(mut self) -> (Vec<String>, bool) {
        self.words.push(self.word);
        (self.words, self.opaque)
    }
}

/// The value of a word that fish has yet to read; `None` where a variable, a command or a pattern decides about it, for
/// fish only adds to what was typed.
fn without_fish_quotes(word: &str) -> Option<String> {
    let mut plain = String::new();
    let mut quote = Quote::None;
    let mut chars = word.chars();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (Quote::None, '\'') => quote = Quote::Single,
            (Quote::None, '"') => quote = Quote::Double,
            (Quote::Single, '\'') | (Quote::Double, '"') => quote = Quote::None,
            (Quote::Double, '$') => return None,
            (Quote::None, c) if "$()*;<>?{|}&".contains(c) => return None,
            (Quote::None, '#' | '~') if plain.is_empty() => return None,
            (Quote::None, '\\') => plain.extend(chars.next()),
            (_, '\\') => match chars.next() {
                Some(escaped)
                    if escaped == '\\' || "\"$".contains(escaped) && quote == Quote::Double =>
                {
                    plain.push(escaped);
                }
                Some('\'') if quote == Quote::Single => plain.push('\''),
                other => plain.extend(['\\'].into_iter().chain(other)),
            },
            _ => plain.push(c),
        }
    }
    Some(plain)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn bash(line: &str) -> (Vec<String>, Quote) {
        let read = BashLine::read(line);
        let quote = read.quote;
        let (words, opaque) = read.into_words();
        assert!(!opaque, "{line}");
        (words, quote)
    }

    #[test]
    fn lines_are_read_as_bash_reads_them() {
        for (line, words, quote) in [
            ("kw show ", &["kw", "show", ""] as &[&str], Quote::None),
            ("kw  my\\ k", &["kw", "my k"], Quote::None),
            ("kw 'it'\\''s $x", &["kw", "it's $x"], Quote::Single),
            ("kw \"a\\\"b\\c d", &["kw", "a\"b\\c d"], Quote::Double),
            ("kw '' \"a b\":c", &["kw", "", "a b:c"], Quote::None),
            ("kw x\\", &["kw", "x"], Quote::None),
        ] {
            let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
            assert_eq!(bash(line), (words, quote), "{line}");
        }
        for unknown in ["kw $x", "kw \"$(x", "kw a`b", "kw >x", "kw <(x"] {
            assert!(BashLine::read(unknown).into_words().1, "{unknown}");
        }
        assert!(!BashLine::read("kw $x ").into_words().1);
    }

    #[test]
    fn words_are_read_as_fish_reads_them() {
        for (word, plain) in [
            ("my\\ k", Some("my k")),
            ("'my k", Some("my k")),
            ("'it\\'s \\x", Some("it's \\x")),
            ("\"a\\$b\\\"'", Some("a$b\"'")),
            ("a$b", None),
            ("\"a$b", None),
            ("(b", None),
            ("t{a", None),
            ("~b", None),
            ("b~", Some("b~")),
            ("'$b(", Some("$b(")),
        ] {
            assert_eq!(without_fish_quotes(word).as_deref(), plain, "{word}");
        }
    }

    #[test]
    fn bash_is_told_only_of_the_end_it_replaces() {
        let sent = ["9", "kw show a:b", "b"].map(str::to_owned).to_vec();
        let typed = Typed::read(AskingShell::Bash, sent).expect("ours");
        let answer = Answer::Words(
            ["a:b c", "other", "a:b\u{202e}"]
                .map(CompletionCandidate::new)
                .into(),
        );
        assert_eq!(typed.render(&answer), "words\nb\\ c");
        assert_eq!(typed.render(&Answer::Files), "files");
        assert_eq!(typed.render(&Answer::Command(3)), "command 3");
    }

    proptest! {
        /// In whichever quotes it begins, a word that is inserted is read as the text it stands for.
        #[test]
        fn quoted_words_read_back(text in "[ -~é鍵]{0,12}") {
            for (quote, mark) in [(Quote::None, ""), (Quote::Single, "'"), (Quote::Double, "\"")] {
                let closed = !mark.is_empty() && text.ends_with(mark);
                let mark_after = if closed { "" } else { mark };
                let line = format!("kw {mark}{}{mark_after} end", quote.inside(&text));
                let words = BashLine::read(&line).words;
                let expected: &[&str] = if text.is_empty() && mark.is_empty() { &["kw"] } else { &["kw", &text] };
                prop_assert_eq!(words, expected);
            }
        }
    }
}
