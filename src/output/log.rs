//! Lines of a log, for programs that stay.

use serde::Serialize;
use serde_json::{Map, Value};

use super::{Printer, escape};
use crate::key::Timestamp;

/// How grave it is.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Level {
    Info,
    Warning,
    Error,
}

impl Level {
    fn word(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// Writes a log, apart from the printer that answers.
pub(crate) struct LogPrinter(Printer);

impl Printer {
    /// A log that looks as the answers do.
    pub(crate) fn log(&self) -> LogPrinter {
        LogPrinter(Self::new(self.look))
    }
}

impl LogPrinter {
    /// A line on standard error: `time=… level=… event=… name=value …`, or a JSON object where that was asked for.
    pub(crate) fn line(
        &mut self,
        at: Timestamp,
        level: Level,
        event: &str,
        fields: &[(&str, String)],
    ) {
        if self.0.look.quiet && level == Level::Info {
            return;
        }
        let time = at.to_string();
        let first = [
            ("time", time.as_str()),
            ("level", level.word()),
            ("event", event),
        ];
        let fields = fields.iter().map(|(name, value)| (*name, value.as_str()));
        let pairs = first.into_iter().chain(fields);
        if self.0.look.json {
            let object: Map<String, Value> = pairs
                .map(|(name, value)| (name.to_owned(), value.into()))
                .collect();
            let text = Value::Object(object).to_string();
            return self.0.say(format_args!("{}", super::escape_json(&text)));
        }
        let words: Vec<String> = pairs
            .map(|(name, value)| format!("{name}={}", word(value)))
            .collect();
        self.0.say(format_args!("{}", words.join(" ")));
    }
}

/// As it is, or in quotes where it would be taken for more than one word.
fn word(value: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "-_./:@[]%+,".contains(c);
    let value = escape(value);
    if !value.is_empty() && value.chars().all(is_plain) {
        return value.into_owned();
    }
    format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::word;

    #[test]
    fn values_are_one_word_each() {
        for (value, expected) in [
            ("127.0.0.1:4870", "127.0.0.1:4870"),
            ("", "\"\""),
            ("two words", "\"two words\""),
            ("a=b", "\"a=b\""),
            ("say \"no\"", "\"say \\\"no\\\"\""),
            ("a\nlevel=error", "\"a\\\\u{a}level=error\""),
        ] {
            assert_eq!(word(value), expected);
        }
    }
}
