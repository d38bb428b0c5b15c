//! The only module that writes to the standard streams: the answer to standard output, all that a person reads to
//! standard error. Everything that came from outside passes the escaper first.

mod chart;
mod escape;
mod log;
mod progress;
mod rows;
mod table;
mod working;

use std::fmt;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::time::Duration;

use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Style};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use serde::Serialize;
use zeroize::Zeroizing;

pub(crate) use self::chart::{Bar, bars, merged, neighbours, spark};
use self::escape::escape_json;
pub(crate) use self::escape::{escape, escape_lines};
pub(crate) use self::log::{Level, LogPrinter};
pub(crate) use self::progress::Progress;
pub(crate) use self::rows::{Foreseen, Rows};
pub(crate) use self::table::{Cell, Table, Tone};
pub(crate) use self::working::Working;
use crate::crypto::{Secret, SecretValue, Token, base64, json_string};
use crate::hardening::is_stdout_missing;
use crate::key::hide_secrets;

/// How things are shown, as the settings say.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Look {
    pub(crate) color: ColorChoice,
    /// One JSON document instead of text.
    pub(crate) json: bool,
    /// No notes.
    pub(crate) quiet: bool,
    /// The terminal shows more than ASCII.
    pub(crate) unicode: bool,
    /// Columns that the user's environment asks for, before the terminal's own are.
    pub(crate) columns: Option<u16>,
}

/// Writes to the standard streams.
pub(crate) struct Printer {
    look: Look,
    stderr: AutoStream<io::Stderr>,
    /// Whether somebody looks at standard output.
    terminal: bool,
}

/// Standard output, if there is one: what is written to the `/dev/null` in its place would be lost.
fn stdout() -> io::Result<io::Stdout> {
    if is_stdout_missing() {
        Err(rustix::io::Errno::BADF.into())
    } else {
        Ok(io::stdout())
    }
}

impl Printer {
    pub(crate) fn new(look: Look) -> Self {
        Self {
            look,
            stderr: AutoStream::new(io::stderr(), look.color),
            terminal: io::stdout().is_terminal(),
        }
    }

    /// Whether the answer is JSON.
    pub(crate) fn is_json(&self) -> bool {
        self.look.json
    }

    /// Whether somebody looks at the answer.
    pub(crate) fn is_seen(&self) -> bool {
        self.terminal
    }

    /// Whether charts may use block characters.
    pub(crate) fn is_unicode(&self) -> bool {
        self.look.unicode
    }

    /// Columns that a line may have; none when nobody looks.
    pub(crate) fn width(&self) -> Option<u16> {
        let own = || {
            rustix::termios::tcgetwinsize(io::stdout())
                .ok()
                .map(|size| size.ws_col)
        };
        self.terminal.then(|| {
            let asked = self
                .look
                .columns
                .or_else(own)
                .filter(|columns| *columns > 0);
            asked.unwrap_or(80)
        })
    }

    /// Says at a terminal what takes long, from half a second on until the guard is dropped.
    pub(crate) fn working(&self, what: &'static str) -> Working {
        if self.is_watched() {
            Working::seen(what, self.look.unicode)
        } else {
            Working::unseen()
        }
    }

    /// The same with how much of it is done, of a `total` number of steps.
    pub(crate) fn progress(&self, what: &'static str, total: usize) -> Progress {
        if self.is_watched() {
            Progress::seen(what, total, self.look.unicode)
        } else {
            Progress::unseen()
        }
    }

    /// Whether somebody looks at standard error who wants to know.
    fn is_watched(&self) -> bool {
        let Look { json, quiet, .. } = self.look;
        !json && !quiet && io::stderr().is_terminal()
    }

    /// A line of the answer.
    pub(crate) fn data(&mut self, line: fmt::Arguments<'_>) -> io::Result<()> {
        self.answer(&format!("{line}\n"))
    }

    /// A table of the answer: fitted and styled on a terminal, plain elsewhere.
    pub(crate) fn table(&mut self, table: Table) -> io::Result<()> {
        let (text, left_out) = table.render(self.width());
        self.answer(&text)?;
        self.tell_left_out(&left_out);
        Ok(())
    }

    /// The titles of rows that are shown as they come.
    pub(crate) fn titles(&mut self, columns: &[Foreseen]) -> io::Result<Rows> {
        let rows = Rows::fitted(columns, self.width());
        self.answer(&rows.titles())?;
        self.tell_left_out(&rows.left_out());
        Ok(rows)
    }

    /// Rows under such titles.
    pub(crate) fn rows(
        &mut self,
        rows: &Rows,
        cells: impl Iterator<Item = Vec<Cell>>,
    ) -> io::Result<()> {
        let text: String = cells.map(|cells| rows.line(cells, self.terminal)).collect();
        self.answer(&text)
    }

    fn tell_left_out(&mut self, titles: &[&str]) {
        if !titles.is_empty() {
            self.note(format_args!(
                "Left out at this width: {}; --json has them",
                titles.join(", ")
            ));
        }
    }

    /// Waits for some time, or until nobody reads the answer any more.
    ///
    /// # Errors
    /// [`io::ErrorKind::BrokenPipe`] then.
    pub(crate) fn pause(&self, time: Duration) -> io::Result<()> {
        let stdout = io::stdout();
        let timeout = Timespec::try_from(time).map_err(io::Error::other)?;
        // No event is asked for: those that tell of a reader who left come all the same.
        let mut fds = [PollFd::new(&stdout, PollFlags::empty())];
        match poll(&mut fds, Some(&timeout)) {
            Ok(0) | Err(rustix::io::Errno::INTR) => Ok(()),
            Ok(_) => Err(io::ErrorKind::BrokenPipe.into()),
            Err(err) => Err(err.into()),
        }
    }

    /// What a check found, as a part of the answer: how grave it is, what it is, and what mends it.
    pub(crate) fn finding(&mut self, word: Cell, what: &str, mend: &str) -> io::Result<()> {
        let color = match word.tone {
            Tone::Bad => AnsiColor::Red,
            _ => AnsiColor::Yellow,
        };
        let (mark, help) = (
            color.on_default().bold(),
            AnsiColor::Cyan.on_default().bold(),
        );
        self.answer(&format!(
            "{mark}{}:{mark:#} {}\n  {help}mend:{help:#} {}\n",
            word.text,
            escape(what),
            escape(mend)
        ))
    }

    /// Named fields of the answer, one a line.
    pub(crate) fn fields(&mut self, fields: Vec<(&'static str, Cell)>) -> io::Result<()> {
        let text = table::fields(fields, self.terminal);
        self.answer(&text)
    }

    /// The answer as one JSON document: `{"schema": 1, …}`, indented when somebody looks.
    pub(crate) fn json(&mut self, document: &impl Serialize) -> io::Result<()> {
        let document = Versioned {
            schema: 1,
            document,
        };
        if self.terminal {
            let text = serde_json::to_string_pretty(&document)?;
            // Its own line ends stay; those in texts are written as `\n` in JSON.
            let lines: Vec<_> = text.lines().map(escape_json).collect();
            return self.lines(format!("{}\n", lines.join("\n")).as_bytes());
        }
        // Straight to the stream: the text of many keys is as large as the keys.
        let mut stdout = BufWriter::new(stdout()?.lock());
        serde_json::to_writer(&mut stdout, &document)?;
        stdout.write_all(b"\n")?;
        stdout.flush()
    }

    /// The answer as JSON documents, each on a line of its own, whoever looks.
    pub(crate) fn json_lines<T: Serialize>(
        &mut self,
        documents: impl Iterator<Item = T>,
    ) -> io::Result<()> {
        let mut stdout = BufWriter::new(stdout()?.lock());
        for document in documents {
            stdout.write_all(&json_text(&document)?)?;
            stdout.write_all(b"\n")?;
        }
        stdout.flush()
    }

    /// Whole lines of an answer that comes in parts.
    pub(crate) fn lines(&mut self, lines: &[u8]) -> io::Result<()> {
        let mut stdout = stdout()?.lock();
        stdout.write_all(lines)?;
        stdout.flush()
    }

    /// Shows a token, once, alone on its line.
    pub(crate) fn reveal_token(&mut self, token: &Token) -> io::Result<()> {
        self.reveal(&[token.expose(), b"\n"])?; // the one time it is shown
        Ok(())
    }

    /// Shows a value: its exact bytes, and a line end only when somebody looks.
    pub(crate) fn reveal_value(&mut self, value: &SecretValue) -> io::Result<()> {
        let end: &[u8] = if self.terminal { b"\n" } else { b"" };
        self.reveal(&[value.expose(), end])?; // asked for by `get`
        Ok(())
    }

    /// Shows variables as the text that was asked for.
    pub(crate) fn reveal_variables(&mut self, text: &Secret) -> io::Result<()> {
        self.reveal(&[text.expose()])?; // asked for by `env`
        Ok(())
    }

    /// A JSON document with a token as its last field.
    pub(crate) fn reveal_token_json(
        &mut self,
        document: &impl Serialize,
        token: &Token,
    ) -> io::Result<()> {
        let head = json_text(document)?;
        let quoted = json_string(token.expose()); // the one time it is shown
        self.reveal(&[opened(&head)?, b",\"token\":", &quoted, b"}\n"])?;
        Ok(())
    }

    /// Shows a secret that is shown once, alone on its line, or as the last field of the document where JSON is asked for.
    pub(crate) fn reveal_once(
        &mut self,
        document: &impl Serialize,
        field: &'static str,
        text: &Secret,
    ) -> io::Result<()> {
        let text = text.expose(); // the one time it is shown
        if self.look.json {
            let head = json_text(document)?;
            let field = format!(",\"{field}\":");
            let quoted = json_string(text);
            self.reveal(&[opened(&head)?, field.as_bytes(), &quoted, b"}\n"])?;
        } else {
            self.reveal(&[text, b"\n"])?;
        }
        Ok(())
    }

    /// A JSON document with a value as its last field, as text or, where it is none, in base64 under another name.
    pub(crate) fn reveal_value_json(
        &mut self,
        document: &impl Serialize,
        value: &SecretValue,
    ) -> io::Result<()> {
        let head = json_text(document)?;
        self.reveal(&[&with_value(&head, Some(value))?, b"\n"])?;
        Ok(())
    }

    /// A JSON document with a list of keys as its last field, one key a line, each with its value as its last field where
    /// there is one. Gives how many bytes it had.
    pub(crate) fn reveal_keys_json<'v>(
        &mut self,
        document: &impl Serialize,
        keys: impl Iterator<Item = (impl Serialize, Option<&'v SecretValue>)>,
    ) -> io::Result<usize> {
        let head = json_text(document)?;
        let mut written = self.reveal(&[opened(&head)?, b",\"keys\":["])?;
        let mut separator: &[u8] = b"\n";
        for (key, value) in keys {
            let key = escaped_json(&key)?;
            written += self.reveal(&[separator, &with_value(&key, value)?])?;
            separator = b",\n";
        }
        Ok(written + self.reveal(&[b"\n]}\n"])?)
    }

    /// Raw writes from a buffer that is wiped: `io::stdout()` would keep a copy in its own. Gives how many bytes there were.
    fn reveal(&mut self, parts: &[&[u8]]) -> io::Result<usize> {
        let mut line = Zeroizing::new(Vec::with_capacity(
            parts.iter().map(|part| part.len()).sum(),
        ));
        parts.iter().for_each(|part| line.extend_from_slice(part));
        stdout()?.flush()?;
        let mut rest = line.as_slice();
        while !rest.is_empty() {
            match rustix::io::write(rustix::stdio::stdout(), rest) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => rest = &rest[written..],
                Err(rustix::io::Errno::INTR) => {}
                Err(err) => return Err(err.into()),
            }
        }
        Ok(line.len())
    }

    fn answer(&mut self, text: &str) -> io::Result<()> {
        let mut stdout = AutoStream::new(stdout()?.lock(), self.look.color);
        stdout.write_all(text.as_bytes())?;
        stdout.flush()
    }

    /// What a person may want to know. Not with `--quiet`, and not beside JSON, which says it all.
    pub(crate) fn note(&mut self, line: fmt::Arguments<'_>) {
        if !self.look.quiet && !self.look.json {
            self.say(format_args!("{line}"));
        }
    }

    /// What a person should look at.
    pub(crate) fn warn(&mut self, line: fmt::Arguments<'_>) {
        let style = AnsiColor::Yellow.on_default().bold();
        self.say(format_args!("{style}warning:{style:#} {line}"));
    }

    /// What stopped the command: one line, its causes, and what helps.
    pub(crate) fn error(&mut self, message: &str, causes: &[String], hint: Option<&str>) {
        let style = AnsiColor::Red.on_default().bold();
        self.say(format_args!("{style}error:{style:#} {}", escape(message)));
        for cause in causes {
            self.say(format_args!("  caused by: {}", escape(cause)));
        }
        if let Some(hint) = hint {
            let style = AnsiColor::Cyan.on_default().bold();
            self.say(format_args!("{style}hint:{style:#} {}", escape(hint)));
        }
    }

    /// The same as a JSON object.
    pub(crate) fn error_json(&mut self, error: &impl Serialize) {
        if let Ok(text) = serde_json::to_string(&Versioned {
            schema: 1,
            document: error,
        }) {
            self.say(format_args!("{}", escape::escape_json(&text)));
        }
    }

    /// Text that clap made: help or a usage error.
    pub(crate) fn usage(&mut self, text: &str) {
        let text = hide_secrets(text);
        let text = with_marks(&escape_lines(&text));
        let _ = self.stderr.write_all(text.as_bytes());
    }

    fn say(&mut self, line: fmt::Arguments<'_>) {
        // Wherever it came from, a whole token or key is nothing to repeat.
        let text = hide_secrets(&format!("{line}\n"));
        // Nothing can be done about a closed standard error.
        let _ = self.stderr.write_all(text.as_bytes());
    }
}

/// With the words in colour that lines of clap's begin with. Its own colours go, because the escaper cannot tell them from
/// those in an argument.
fn with_marks(text: &str) -> String {
    let marks = [
        ("error:", AnsiColor::Red.on_default().bold()),
        ("  tip:", AnsiColor::Cyan.on_default().bold()),
        ("Usage:", Style::new().bold().underline()),
    ];
    let marked = |line: &str| {
        let found = marks.iter().find_map(|(mark, style)| {
            let rest = line.strip_prefix(mark)?;
            Some(format!("{style}{mark}{style:#}{rest}"))
        });
        found.unwrap_or_else(|| line.to_owned())
    };
    text.split_inclusive('\n').map(marked).collect()
}

/// A JSON object with a value as its last field, as text or, where it is none, in base64 under another name. serde never
/// sees the value: it is written into the place of the closing brace.
fn with_value(object: &[u8], value: Option<&SecretValue>) -> io::Result<Zeroizing<Vec<u8>>> {
    let Some(value) = value else {
        return Ok(Zeroizing::new(object.to_vec()));
    };
    let bytes = value.expose(); // asked for by `get` or `export --reveal`
    let (field, text): (&[u8], _) = match str::from_utf8(bytes) {
        Ok(_) => (b",\"value\":", json_string(bytes)),
        Err(_) => (b",\"value_base64\":", json_string(&base64(bytes))),
    };
    Ok(Zeroizing::new(
        [opened(object)?, field, &text, b"}"].concat(),
    ))
}

/// A JSON object without its closing brace.
fn opened(object: &[u8]) -> io::Result<&[u8]> {
    object
        .strip_suffix(b"}")
        .ok_or_else(|| io::ErrorKind::InvalidData.into())
}

/// The text of a document in one line, without a line end.
pub(crate) fn json_text(document: &impl Serialize) -> io::Result<Vec<u8>> {
    escaped_json(&Versioned {
        schema: 1,
        document,
    })
}

fn escaped_json(value: &impl Serialize) -> io::Result<Vec<u8>> {
    let text = serde_json::to_string(value)?;
    Ok(escape_json(&text).into_owned().into_bytes())
}

/// `{"schema": 1}` and the document's own fields.
#[derive(Serialize)]
struct Versioned<'a, T: Serialize> {
    schema: u8,
    #[serde(flatten)]
    document: &'a T,
}

/// A panic prints where it happened and nothing of what it was about, for that may be a secret.
pub(crate) fn hide_panic_payloads() {
    std::panic::set_hook(Box::new(|info| {
        let place = info
            .location()
            .map_or_else(String::new, |at| format!(" at {}:{}", at.file(), at.line()));
        let _ = writeln!(
            io::stderr(),
            "error: a defect in keywright{place}; nothing further was done"
        );
    }));
}
