//! Dotenv files, read literally: nothing is expanded, run or included.
//!
//! ```text
//! file      = [BOM] *line                        lines end with LF or CR LF; NUL is nowhere; UTF-8
//! line      = *blank [assignment] [comment]      blank: a space or a tab
//! comment   = "#" to the end of the line
//! assignment = ["export" 1*blank] NAME *blank "=" *blank value
//! NAME      = [A-Za-z_][A-Za-z0-9_]*             once in a file, at most 100 characters
//! value     = quoted *blank / bare
//! quoted    = "'" … "'"  /  "`" … "`"            all between them, line ends too, as it stands
//!           / '"' … '"'                          the same, but for the escapes
//! escapes   = \n \r \t \\ \" \$ \' \`            any other backslash is kept as it stands
//! bare      = to the end of the line or to a blank and "#", without the blanks at its end
//! ```
//!
//! A CR LF between quotes is a line end like any other and is read as LF, as programs that read such files do.

use std::collections::HashMap;

use zeroize::Zeroizing;

use super::{Values, without_mark};
use crate::crypto::Secret;
use crate::key::VariableName;

/// Why a dotenv file cannot be imported. Nothing of it is repeated but valid names of variables.
#[derive(Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum DotenvError {
    #[error("line {line}: `{name}` is there twice, first in line {first}")]
    Duplicate {
        line: usize,
        name: VariableName,
        first: usize,
    },
    #[error("line {0}: this is not UTF-8 text")]
    Encoding(usize),
    #[error("line {0}: there is no `=` after a name")]
    NoAssignment(usize),
    #[error(
        "line {0}: what is before `=` is not the name of a variable: letters, digits and `_`, no digit first"
    )]
    NotAName(usize),
    #[error("it is not a text file")]
    NotText,
    #[error("line {line}: there is something after the closing quote of `{name}`")]
    Trailing { line: usize, name: VariableName },
    #[error("line {line}: the quote that begins the value of `{name}` is never closed")]
    Unterminated { line: usize, name: VariableName },
    #[error("line {line}: `{name}`: {problem}")]
    Value {
        line: usize,
        name: VariableName,
        problem: String,
    },
}

/// Reads all of a file, or says the first thing that is wrong with it.
///
/// # Errors
/// [`DotenvError`], with the number of the line, from 1.
pub(crate) fn read_dotenv(file: &Secret) -> Result<Values, DotenvError> {
    let bytes = file.expose(); // values are cut out of it into buffers of their own
    if bytes.contains(&0) {
        return Err(DotenvError::NotText);
    }
    let bytes = without_mark(bytes);
    let text = str::from_utf8(bytes).map_err(|err| {
        let before = &bytes[..err.valid_up_to()];
        DotenvError::Encoding(1 + line_ends(before))
    })?;
    let mut reader = Reader {
        rest: text,
        line: 1,
    };
    let mut values = Values::default();
    let mut lines = HashMap::new();
    while let Some((line, assignment)) = reader.next()? {
        let Assignment {
            name,
            value,
            mentions,
        } = assignment;
        if let Some(first) = lines.insert(name.to_string(), line) {
            return Err(DotenvError::Duplicate { line, name, first });
        }
        if mentions {
            values.literal.push(name.clone());
        }
        values
            .add(name.clone(), value)
            .map_err(|problem| DotenvError::Value {
                line,
                name,
                problem,
            })?;
    }
    Ok(values)
}

fn line_ends(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| **byte == b'\n').count()
}

struct Assignment {
    name: VariableName,
    value: Secret,
    /// Another reader would put another variable's value into this one.
    mentions: bool,
}

/// What is left of a file, and the number of the line that it begins in.
struct Reader<'a> {
    rest: &'a str,
    line: usize,
}

impl<'a> Reader<'a> {
    /// The next assignment and the line that it begins in; `None` at the end.
    fn next(&mut self) -> Result<Option<(usize, Assignment)>, DotenvError> {
        while !self.rest.is_empty() {
            self.skip_blanks();
            let line = self.line;
            if !matches!(
                self.rest.as_bytes().first(),
                None | Some(b'#' | b'\r' | b'\n')
            ) {
                return self.assignment().map(|found| Some((line, found)));
            }
            if !is_blank_or_comment(self.take_line()) {
                return Err(DotenvError::NoAssignment(line));
            }
        }
        Ok(None)
    }

    fn assignment(&mut self) -> Result<Assignment, DotenvError> {
        let line = self.line;
        self.skip_export();
        let end = self.rest.find(['=', '\n']);
        let Some(end) = end.filter(|end| self.rest[*end..].starts_with('=')) else {
            return Err(DotenvError::NoAssignment(line));
        };
        let name = self.rest[..end].trim_end_matches(BLANKS);
        let name: VariableName = name.parse().map_err(|_| DotenvError::NotAName(line))?;
        self.rest = &self.rest[end + 1..];
        // What is right after `=` is no comment yet.
        let comment = self.rest.starts_with(BLANKS);
        self.skip_blanks();
        match self.rest.chars().next() {
            Some(quote @ ('\'' | '`' | '"')) => self.quoted(name, quote),
            Some('#') if comment => {
                self.take_line();
                Ok(Assignment::bare(name, ""))
            }
            _ => Ok(Assignment::bare(name, bare(self.take_line()))),
        }
    }

    /// A value in quotes, and the rest of the line in which they are closed.
    fn quoted(&mut self, name: VariableName, quote: char) -> Result<Assignment, DotenvError> {
        let line = self.line;
        let body = &self.rest[1..];
        let Some(end) = closing(body, quote) else {
            return Err(DotenvError::Unterminated { line, name });
        };
        let inside = &body[..end];
        self.line += line_ends(inside.as_bytes());
        self.rest = &body[end + 1..];
        let line = self.line;
        if !is_blank_or_comment(self.take_line()) {
            return Err(DotenvError::Trailing { line, name });
        }
        let escapes = quote == '"';
        Ok(Assignment {
            name,
            value: unquoted(inside, escapes),
            mentions: escapes && mentions_variable(inside),
        })
    }

    fn skip_export(&mut self) {
        let Some(rest) = self.rest.strip_prefix("export") else {
            return;
        };
        let name = rest.trim_start_matches(BLANKS);
        // `export = 1` is a variable of that name.
        if name.len() < rest.len() && !name.starts_with('=') {
            self.rest = name;
        }
    }

    fn skip_blanks(&mut self) {
        self.rest = self.rest.trim_start_matches(BLANKS);
    }

    /// The rest of the line, without its end.
    fn take_line(&mut self) -> &'a str {
        let (line, rest) = self.rest.split_once('\n').unwrap_or((self.rest, ""));
        if line.len() < self.rest.len() {
            self.line += 1;
        }
        self.rest = rest;
        line.strip_suffix('\r').unwrap_or(line)
    }
}

const BLANKS: [char; 2] = [' ', '\t'];

impl Assignment {
    fn bare(name: VariableName, value: &str) -> Self {
        Self {
            name,
            value: Secret::copied(value.as_bytes()),
            mentions: mentions_variable(value),
        }
    }
}

fn is_blank_or_comment(text: &str) -> bool {
    let text = text.trim_start_matches(BLANKS);
    text.is_empty() || text.starts_with('#')
}

/// A value without quotes, which ends before a comment.
fn bare(line: &str) -> &str {
    let comment = line
        .match_indices('#')
        .find(|(at, _)| line[..*at].ends_with(BLANKS));
    let end = comment.map_or(line.len(), |(at, _)| at);
    line[..end].trim_end_matches(BLANKS)
}

/// Where the closing quote is; in double quotes a backslash takes the next character with it.
fn closing(body: &str, quote: char) -> Option<usize> {
    if quote != '"' {
        return body.find(quote);
    }
    let mut escaped = false;
    body.bytes().position(|byte| {
        let closes = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        closes
    })
}

/// The characters between quotes. No longer than they are, so that the buffer never grows.
fn unquoted(inside: &str, escapes: bool) -> Secret {
    let mut value = Zeroizing::new(Vec::with_capacity(inside.len()));
    let mut rest = inside.as_bytes();
    while let [byte, after @ ..] = rest {
        let decoded = match (byte, after.first()) {
            (b'\\', Some(next)) if escapes => decoded(*next),
            (b'\r', Some(b'\n')) => Some(b'\n'),
            _ => None,
        };
        value.push(decoded.unwrap_or(*byte));
        rest = if decoded.is_some() {
            &after[1..]
        } else {
            after
        };
    }
    Secret::copied(&value)
}

/// What a backslash and this character stand for.
fn decoded(escape: u8) -> Option<u8> {
    match escape {
        b'n' => Some(b'\n'),
        b'r' => Some(b'\r'),
        b't' => Some(b'\t'),
        b'\\' | b'"' | b'$' | b'\'' | b'`' => Some(escape),
        _ => None,
    }
}

/// Whether `$NAME`, `${NAME}` or `$(` stands in it without a backslash before it.
fn mentions_variable(value: &str) -> bool {
    let mut escaped = false;
    value.bytes().enumerate().any(|(at, byte)| {
        let next = value.as_bytes().get(at + 1);
        let begins = |next: &u8| next.is_ascii_alphabetic() || matches!(next, b'_' | b'{' | b'(');
        let mentioned = byte == b'$' && !escaped && next.is_some_and(begins);
        escaped = byte == b'\\' && !escaped;
        mentioned
    })
}
#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use proptest::prelude::*;

    use super::*;

    fn read(text: impl AsRef<[u8]>) -> Result<Values, DotenvError> {
        read_dotenv(&Secret::copied(text.as_ref()))
    }

    #[track_caller]
    fn pairs(text: &str) -> Vec<(String, String)> {
        let read = read(text).unwrap_or_else(|err| panic!("{text:?}: {err}"));
        let pair = |new: &crate::exchange::NamedValue| {
            let value = str::from_utf8(new.value.expose()).expect("text");
            (new.name.to_string(), value.to_owned())
        };
        read.values.iter().map(pair).collect()
    }

    #[test]
    fn each_form_of_a_value_is_read() {
        for (text, value) in [
            ("A=1", "1"),
            ("A=1\n", "1"),
            ("A=1\r\n", "1"),
            ("\u{feff}A=1", "1"),
            ("\n\r\n  \t\n# x=y\n#\n  # z\nA=1", "1"),
            ("export A=1", "1"),
            ("export\t A=1", "1"),
            ("  export A\t= \t1 \t", "1"),
            ("A=a b", "a b"),
            ("A=a=b==", "a=b=="),
            ("A=a#b", "a#b"),
            ("A=#b", "#b"),
            ("A=a #b", "a"),
            ("A=a\t# b", "a"),
            ("A=it's", "it's"),
            ("A=a\"b\"", "a\"b\""),
            ("A=a\\nb\\", "a\\nb\\"),
            ("A=a\rb", "a\rb"),
            ("A=鍵 é", "鍵 é"),
            ("A='a'", "a"),
            ("A= 'a' ", "a"),
            ("A='a'#x", "a"),
            ("A='a' # 'x'", "a"),
            ("A=' a # b '", " a # b "),
            ("A='a\\n\\'", "a\\n\\"),
            ("A='a\"`b'", "a\"`b"),
            ("A='a\nb\r\nc'", "a\nb\nc"),
            ("A=`a'\"\n\\n`", "a'\"\n\\n"),
            (r#"A="a\nb\r\tc""#, "a\nb\r\tc"),
            (r#"A="\\ \" \$ \' \` \x \0""#, "\\ \" $ ' ` \\x \\0"),
            (r#"A="\\\\n""#, "\\\\n"),
            ("A=\"a\nb\"\r\n", "a\nb"),
            ("A=\"a\\\nb\"", "a\\\nb"),
            ("A=\"a # b\"# c", "a # b"),
            ("A=$B ${C} $(id) `id`", "$B ${C} $(id) `id`"),
            ("A=\"$B ${C} $(id)\"", "$B ${C} $(id)"),
            ("A='${C}'", "${C}"),
        ] {
            assert_eq!(
                pairs(text),
                [("A".to_owned(), value.to_owned())],
                "{text:?}"
            );
        }
        for (text, name) in [
            ("export=1", "export"),
            ("export = 1", "export"),
            ("exported=1", "exported"),
            ("_a9=1", "_a9"),
        ] {
            assert_eq!(pairs(text), [(name.to_owned(), "1".to_owned())], "{text:?}");
        }
    }

    #[test]
    fn empty_values_and_mentions_are_told_by_name() {
        let file = "A=\nB=''\nC=\"\" # x\nD= # x\nE=a$B\nF=\"${B}\"\nG='$B'\nH=\"\\$B\"\nI=5$\nJ=$(id)\nK=`$B`\nL=\\$B";
        let read = read(file).expect("no error");
        assert_eq!(read.empty, ["A", "B", "C", "D"]);
        let literal: Vec<&str> = read.literal.iter().map(VariableName::as_str).collect();
        assert_eq!(literal, ["E", "F", "J"]);
        assert_eq!(pairs("# nothing\n\n"), []);
    }

    #[test]
    fn errors_say_the_line_and_repeat_nothing_but_names() {
        let long = format!("\nA={}", "canary".repeat(11_000));
        for (text, told) in [
            ("A=1\ncanary", "line 2: there is no `=` after a name"),
            ("canary\nA=1", "line 1: there is no `=` after a name"),
            ("export canary\n", "line 1: there is no `=` after a name"),
            ("A='x'\nB-canary=1", NOT_A_NAME),
            (
                "A=\"\n\"\n'canary'=1",
                &NOT_A_NAME.replace("line 2", "line 3"),
            ),
            ("\n=canary", NOT_A_NAME),
            ("\n1A=canary", NOT_A_NAME),
            ("\nA B=canary", NOT_A_NAME),
            ("\nexport export A=canary", NOT_A_NAME),
            (
                "A=1\n\nB=\"canary\n\n",
                "line 3: the quote that begins the value of `B` is never closed",
            ),
            (
                "B='canary",
                "line 1: the quote that begins the value of `B` is never closed",
            ),
            (
                // The backslash takes the closing quote with it.
                "B=\"canary\\\"",
                "line 1: the quote that begins the value of `B` is never closed",
            ),
            (
                "B='a\nb' canary",
                "line 2: there is something after the closing quote of `B`",
            ),
            (
                "B=\"a\"canary",
                "line 1: there is something after the closing quote of `B`",
            ),
            ("A=canary\0", "it is not a text file"),
            (
                "A=1\nB='x\ny'\nA=canary",
                "line 4: `A` is there twice, first in line 1",
            ),
            (&long, "line 2: `A`: the value is longer than 65536 bytes"),
        ] {
            assert_eq!(read(text).expect_err(text).to_string(), told);
        }
        let err = read(b"A=1\nB=\xff canary").expect_err("Latin 1");
        assert_eq!(err.to_string(), "line 2: this is not UTF-8 text");
    }

    const NOT_A_NAME: &str = "line 2: what is before `=` is not the name of a variable: letters, digits and `_`, no \
                              digit first";

    #[test]
    fn hostile_files_are_read_in_time_that_grows_with_them() {
        const SIZE: usize = 1 << 20;
        let began = Instant::now();
        for part in [
            "\"", "'", "\\", "#", "$", "=", " ", "\n", "\r", "a", "A=", "A=\"", "A='\n", "export ",
            "#\n", " #", "${",
        ] {
            for start in ["", "A=", "A=\"", "A='"] {
                let _ = read(format!("{start}{}", part.repeat(SIZE / part.len())));
            }
        }
        assert!(
            began.elapsed() < Duration::from_secs(60),
            "{:?}",
            began.elapsed()
        );
    }

    fn text() -> impl Strategy<Value = String> {
        let nasty = prop::sample::select(vec![
            "'", "\"", "`", "\\", "\n", "\r", "\t", " ", "#", " #", "$", "${A}", "=", "é", "鍵",
            "n", "export ", "a",
        ]);
        let parts = prop_oneof![nasty.prop_map(str::to_owned), "[^\0]"];
        prop::collection::vec(parts, 1..20).prop_map(|parts| parts.concat())
    }

    proptest! {
        #[test]
        fn what_is_written_in_each_quoting_reads_back(value in text(), after in "( |\t)*(#[^\n\0]*)?") {
            let escaped = value
                .replace('\\', "\\\\")
                .replace('"', "\\\"")
                .replace('$', "\\$")
                .replace('\n', "\\n")
                .replace('\r', "\\r");
            let with_line_ends = value.replace("\r\n", "\n");
            let mut written = vec![(format!("\"{escaped}\"{after}"), &value)];
            for quote in ["'", "`"] {
                if !value.contains(quote) {
                    written.push((format!("{quote}{value}{quote}{after}"), &with_line_ends));
                }
            }
            let is_bare = value.trim_matches(BLANKS) == value
                && !value.starts_with(['\'', '"', '`'])
                && !value.contains('\n')
                && !value.ends_with('\r')
                && !value.contains(" #")
                && !value.contains("\t#");
            if is_bare {
                written.push((value.clone(), &value));
            }
            for (written, value) in written {
                let file = format!("X=before\nexport A={written}\nB=after\r\n");
                let expected = [("X", "before"), ("A", value), ("B", "after")];
                let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
                prop_assert_eq!(pairs(&file), expected, "{:?}", file);
            }
        }

        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>, text in text()) {
            let _ = read(&bytes);
            let _ = read(&text);
            let _ = read([b"A=", bytes.as_slice(), b"\nB=\"", text.as_bytes()].concat());
        }
    }
}
