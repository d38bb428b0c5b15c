//! Tables: fitted to the terminal, plain elsewhere, the same words in both.

use std::borrow::Cow;
use std::fmt::Display;

use anstyle::{AnsiColor, Style};
use comfy_table::{Attribute, Color, ContentArrangement, presets};
use unicode_width::UnicodeWidthStr;

use super::escape;

/// What a cell means. Never the only carrier of the meaning.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum Tone {
    Bad,
    Good,
    #[default]
    Plain,
    Warning,
}

/// One cell, its text escaped.
#[derive(Clone, Debug)]
pub(crate) struct Cell {
    pub(super) text: String,
    pub(super) tone: Tone,
}

impl Cell {
    pub(crate) fn new(text: impl Display) -> Self {
        Self::toned(text, Tone::Plain)
    }

    pub(crate) fn toned(text: impl Display, tone: Tone) -> Self {
        let text = text.to_string();
        // Nearly every text is harmless, and then it is not copied: a long list has a million of them.
        let escaped = match escape(&text) {
            Cow::Borrowed(_) => None,
            Cow::Owned(safe) => Some(safe),
        };
        Self {
            text: escaped.unwrap_or(text),
            tone,
        }
    }

    /// The same meaning, and more words.
    pub(crate) fn followed_by(mut self, more: &str) -> Self {
        self.text.push_str(&escape(more));
        self
    }

    /// A text or, where there is none, `-`.
    pub(crate) fn maybe(text: Option<impl Display>) -> Self {
        text.map_or_else(|| Self::new("-"), Self::new)
    }
}

/// Rows under a header.
#[derive(Debug)]
pub(crate) struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<Cell>>,
}

/// A column's title, and how readily it goes when the terminal is narrow: 0 for never, else the highest first.
#[derive(Clone, Copy, Debug)]
struct Column {
    title: &'static str,
    readiness: u8,
}

/// Between two columns.
pub(super) const GAP: usize = 2;

impl Table {
    /// Of titles, each with its readiness to be left out on a narrow terminal; 0 stays.
    pub(crate) fn new(columns: &[(&'static str, u8)]) -> Self {
        let columns = columns
            .iter()
            .map(|(title, readiness)| Column {
                title,
                readiness: *readiness,
            })
            .collect();
        Self {
            columns,
            rows: Vec::new(),
        }
    }

    pub(crate) fn row(&mut self, cells: Vec<Cell>) {
        self.rows.push(cells);
    }

    /// The table as text, and the titles that had no room. Where nobody looks it is plain, and every column is there;
    /// on a terminal, columns that may go and say nothing in any row are left out, too.
    pub(super) fn render(mut self, width: Option<u16>) -> (String, Vec<&'static str>) {
        let Some(width) = width else {
            return (self.plain(), Vec::new());
        };
        self.drop_silent_columns();
        let left_out = self.fit(width.into());
        let mut table = comfy_table::Table::new();
        table
            .load_style(presets::NOTHING)
            .set_content_arrangement(ContentArrangement::Dynamic)
            .set_width(width)
            .enforce_styling();
        let title =
            |column: &Column| comfy_table::Cell::new(column.title).add_attribute(Attribute::Bold);
        table.set_header(self.columns.iter().map(title).collect::<Vec<_>>());
        for row in self.rows {
            table.add_row(row.into_iter().map(styled).collect::<Vec<_>>());
        }
        let last = self.columns.len().saturating_sub(1);
        for (at, column) in table.column_iter_mut().enumerate() {
            column.set_padding((0, if at == last { 0 } else { GAP as u16 }));
        }
        (format!("{}\n", table.trim_fmt()), left_out)
    }

    /// Padded by hand: ten thousand rows cost comfy-table as much as opening their records.
    fn plain(&self) -> String {
        let widths = self.widths();
        let titles = self.columns.iter().map(|column| column.title);
        let mut text = String::new();
        push_line(&mut text, titles, &widths);
        for row in &self.rows {
            push_line(
                &mut text,
                row.iter().map(|cell| cell.text.as_str()),
                &widths,
            );
        }
        text
    }

    fn drop_silent_columns(&mut self) {
        let silent = |column: usize| {
            self.rows
                .iter()
                .all(|row| matches!(row[column].text.as_str(), "" | "-" | "0"))
        };
        let kept: Vec<bool> = (0..self.columns.len())
            .map(|column| self.columns[column].readiness == 0 || !silent(column))
            .collect();
        self.keep(|column| kept[column]);
    }

    /// The widest text of each column.
    fn widths(&self) -> Vec<usize> {
        let mut widths: Vec<usize> = self
            .columns
            .iter()
            .map(|column| column.title.width())
            .collect();
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = cell.text.width().max(*width);
            }
        }
        widths
    }

    /// Leaves columns out, the readiest first, until the rest fits or none is ready any more.
    fn fit(&mut self, width: usize) -> Vec<&'static str> {
        let mut left_out = Vec::new();
        while self.natural_width() > width {
            let readiest = self
                .columns
                .iter()
                .enumerate()
                .filter(|(_, column)| column.readiness > 0);
            let Some((at, column)) = readiest.max_by_key(|(_, column)| column.readiness) else {
                break;
            };
            left_out.push(column.title);
            self.keep(|column| column != at);
        }
        left_out
    }

    fn natural_width(&self) -> usize {
        self.widths()
            .iter()
            .map(|width| width + GAP)
            .sum::<usize>()
            .saturating_sub(GAP)
    }

    fn keep(&mut self, keep: impl Fn(usize) -> bool) {
        self.columns = retained(std::mem::take(&mut self.columns), &keep);
        for row in &mut self.rows {
            *row = retained(std::mem::take(row), &keep);
        }
    }
}

/// Cells padded to their columns, nothing after the last one.
fn push_line<'a>(text: &mut String, cells: impl Iterator<Item = &'a str>, widths: &[usize]) {
    let mut padding = 0;
    for (cell, width) in cells.zip(widths) {
        text.extend(std::iter::repeat_n(' ', padding));
        text.push_str(cell);
        padding = width + GAP - cell.width();
    }
    text.push('\n');
}

/// Names on the left, cells on the right. Long cells are the terminal's to wrap.
pub(super) fn fields(fields: Vec<(&'static str, Cell)>, styled: bool) -> String {
    let width = fields.iter().map(|(name, _)| name.len()).max().unwrap_or(0) + GAP;
    let mut text = String::new();
    for (name, cell) in fields {
        let style = if styled {
            cell.tone.style()
        } else {
            Style::new()
        };
        text.push_str(&format!("{name:width$}{style}{}{style:#}\n", cell.text));
    }
    text
}

impl Tone {
    pub(super) fn style(self) -> Style {
        match self {
            Self::Bad => AnsiColor::Red.on_default(),
            Self::Good => AnsiColor::Green.on_default(),
            Self::Plain => Style::new(),
            Self::Warning => AnsiColor::Yellow.on_default(),
        }
    }
}

fn retained<T>(items: Vec<T>, keep: impl Fn(usize) -> bool) -> Vec<T> {
    items
        .into_iter()
        .enumerate()
        .filter(|(at, _)| keep(*at))
        .map(|(_, item)| item)
        .collect()
}

fn styled(cell: Cell) -> comfy_table::Cell {
    let color = match cell.tone {
        Tone::Bad => Color::DarkRed,
        Tone::Good => Color::DarkGreen,
        Tone::Plain => return comfy_table::Cell::new_owned(cell.text),
        Tone::Warning => Color::DarkYellow,
    };
    comfy_table::Cell::new_owned(cell.text).fg(color)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Table {
        let mut table = Table::new(&[("NAME", 0), ("NOTE", 1), ("STATUS", 0), ("SCOPE", 2)]);
        let row = |name: &str, status: &str| {
            vec![
                Cell::new(name),
                Cell::maybe(None::<&str>),
                Cell::toned(status, Tone::Good),
                Cell::new("shop/staging"),
            ]
        };
        table.row(row("鍵", "active"));
        table.row(row("a\u{1b}[2J", "revoked"));
        table
    }

    #[test]
    fn plain_tables_have_words_and_nothing_else() {
        let (text, left_out) = sample().render(None);
        assert_eq!(
            text,
            "NAME        NOTE  STATUS   SCOPE\n\
             鍵          -     active   shop/staging\n\
             a\\u{1b}[2J  -     revoked  shop/staging\n"
        );
        assert_eq!(left_out, Vec::<&str>::new());
    }

    #[test]
    fn narrow_tables_leave_columns_out_and_stay_within_the_width() {
        for (width, gone) in [(40, vec![]), (24, vec!["SCOPE"]), (12, vec!["SCOPE"])] {
            let (text, left_out) = sample().render(Some(width));
            assert_eq!(left_out, gone, "{text}");
            let plain = anstream::adapter::strip_str(&text).to_string();
            assert!(
                plain.lines().all(|line| line.width() <= usize::from(width)),
                "{plain}"
            );
        }
    }
}
