//! Rows that are shown as they come: their widths are foreseen, because those of later rows cannot be measured.

use anstyle::Style;
use unicode_width::UnicodeWidthStr;

use super::table::{Cell, GAP};

/// A column of such rows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Foreseen {
    pub(crate) title: &'static str,
    /// What most of its cells need; a wider one moves the rest of its row.
    pub(crate) width: usize,
    /// How readily it goes when the terminal is narrow: 0 for never, else the highest first.
    pub(crate) readiness: u8,
}

/// The columns that are shown.
#[derive(Debug)]
pub(crate) struct Rows {
    columns: Vec<Foreseen>,
    kept: Vec<bool>,
}

impl Rows {
    /// Leaves columns out, the readiest first, until the rest fits into `width`.
    pub(super) fn fitted(columns: &[Foreseen], width: Option<u16>) -> Self {
        let mut rows = Self {
            columns: columns.to_vec(),
            kept: vec![true; columns.len()],
        };
        while width.is_some_and(|width| rows.width() > width.into()) {
            let shown = rows.columns.iter().enumerate();
            let ready = shown.filter(|(at, column)| rows.kept[*at] && column.readiness > 0);
            let Some((at, _)) = ready.max_by_key(|(_, column)| column.readiness) else {
                break;
            };
            rows.kept[at] = false;
        }
        rows
    }

    /// The titles that have no room.
    pub(super) fn left_out(&self) -> Vec<&'static str> {
        let gone = self
            .columns
            .iter()
            .zip(&self.kept)
            .filter(|(_, kept)| !**kept);
        gone.map(|(column, _)| column.title).collect()
    }

    pub(super) fn titles(&self) -> String {
        self.line(
            self.columns.iter().map(|column| Cell::new(column.title)),
            false,
        )
    }

    /// One row; nothing after its last cell.
    pub(super) fn line(&self, cells: impl IntoIterator<Item = Cell>, styled: bool) -> String {
        let mut line = String::new();
        let mut padding = 0;
        let columns = self.columns.iter().zip(&self.kept).zip(cells);
        for ((column, _), cell) in columns.filter(|((_, kept), _)| **kept) {
            let style = if styled {
                cell.tone.style()
            } else {
                Style::new()
            };
            line.extend(std::iter::repeat_n(' ', padding));
            line.push_str(&format!("{style}{}{style:#}", cell.text));
            padding = column.width.saturating_sub(cell.text.width()) + GAP;
        }
        line.push('\n');
        line
    }

    fn width(&self) -> usize {
        let shown = self
            .columns
            .iter()
            .zip(&self.kept)
            .filter(|(_, kept)| **kept);
        let widths = shown.map(|(column, _)| column.width + GAP);
        widths.sum::<usize>().saturating_sub(GAP)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::Tone;

    const COLUMNS: &[Foreseen] = &[
        Foreseen {
            title: "TIME",
            width: 6,
            readiness: 0,
        },
        Foreseen {
            title: "KEY",
            width: 4,
            readiness: 1,
        },
        Foreseen {
            title: "CODE",
            width: 4,
            readiness: 2,
        },
    ];

    fn cells(texts: [&str; 3]) -> Vec<Cell> {
        texts.map(|text| Cell::toned(text, Tone::Bad)).to_vec()
    }

    #[test]
    fn later_rows_are_aligned_with_earlier_ones() {
        let rows = Rows::fitted(COLUMNS, None);
        let text = [
            rows.titles(),
            rows.line(cells(["noon", "鍵", "-"]), false),
            rows.line(cells(["noon", "too long", "a\u{1b}[2J"]), false),
            rows.line(cells(["night", "b", "-"]), false),
        ];
        assert_eq!(
            text.concat(),
            "TIME    KEY   CODE\n\
             noon    鍵    -\n\
             noon    too long  a\\u{1b}[2J\n\
             night   b     -\n"
        );
        assert!(
            rows.line(cells(["noon", "b", "-"]), true)
                .contains("\u{1b}[31m")
        );
    }

    #[test]
    fn narrow_rows_leave_columns_out() {
        for (width, gone) in [
            (18, vec![]),
            (17, vec!["CODE"]),
            (12, vec!["CODE"]),
            (1, vec!["KEY", "CODE"]),
        ] {
            let rows = Rows::fitted(COLUMNS, Some(width));
            assert_eq!(rows.left_out(), gone, "{width}");
        }
    }
}
