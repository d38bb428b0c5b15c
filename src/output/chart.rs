//! Counts as blocks: a character each, or a bar each. Nothing in them depends on colour.

use std::borrow::Cow;

use unicode_width::UnicodeWidthStr;

use super::escape;

const LOWER_EIGHTHS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
const LEFT_EIGHTHS: [char; 8] = ['▏', '▎', '▍', '▌', '▋', '▊', '▉', '█'];
const ASCII: [char; 4] = [':', '+', '*', '#'];

/// Between two columns of a bar chart.
const GAP: usize = 2;
/// A bar that is shorter than this tells less than the remark that takes its room.
const SHORTEST_FULL_BAR: usize = 8;

/// One character a count, the highest being the whole block; nothing is `·`, or `.` in ASCII.
pub(crate) fn spark(counts: &[u64], unicode: bool) -> String {
    let highest = counts.iter().copied().max().unwrap_or(0);
    let (steps, none): (&[char], char) = if unicode {
        (&LOWER_EIGHTHS, '·')
    } else {
        (&ASCII, '.')
    };
    counts
        .iter()
        .map(|&count| scaled(count, highest, steps.len()).map_or(none, |step| steps[step - 1]))
        .collect()
}

/// How many neighbours have to be one count, so that `count` of them need no more than `room` characters.
pub(crate) fn neighbours(count: usize, room: usize) -> usize {
    count.div_ceil(room.max(1)).max(1)
}

/// Sums of `size` neighbours each. The newest are whole; the oldest sum may be of fewer.
pub(crate) fn merged(counts: &[u64], size: usize) -> Vec<u64> {
    let sum = |counts: &[u64]| counts.iter().copied().fold(0, u64::saturating_add);
    let mut sums: Vec<u64> = counts.rchunks(size.max(1)).map(sum).collect();
    sums.reverse();
    sums
}

/// One line of a bar chart.
#[derive(Clone, Debug)]
pub(crate) struct Bar {
    pub(crate) label: String,
    pub(crate) count: u64,
    /// What is said behind the bar where there is room; else nothing is said behind any.
    pub(crate) remark: String,
}

/// Label, count, bar and remark, one line each. The lines are no longer than `width` columns, unless labels and counts
/// alone are, and the longest bar fills what they leave.
pub(crate) fn bars(bars: &[Bar], width: usize, unicode: bool) -> Vec<String> {
    let labels: Vec<_> = bars.iter().map(|bar| escape(&bar.label)).collect();
    let remarks: Vec<_> = bars.iter().map(|bar| escape(&bar.remark)).collect();
    let widest = |texts: &[Cow<'_, str>]| {
        let widths = texts.iter().map(|text| text.width());
        widths.max().unwrap_or(0)
    };
    let highest = bars.iter().map(|bar| bar.count).max().unwrap_or(0);
    let (label_width, digits) = (widest(&labels), highest.to_string().len());
    let room = width.saturating_sub(label_width + GAP + digits + GAP);
    let with_remarks = room.saturating_sub(GAP + widest(&remarks));
    let has_remarks = widest(&remarks) > 0 && with_remarks >= SHORTEST_FULL_BAR;
    let room = if has_remarks { with_remarks } else { room };
    let line = |((bar, label), remark): ((&Bar, Cow<'_, str>), Cow<'_, str>)| {
        let gap = " ".repeat(label_width - label.width() + GAP);
        let drawn = blocks(bar.count, highest, room.max(1), unicode);
        let remark = if has_remarks { &*remark } else { "" };
        let line = format!("{label}{gap}{:>digits$}  {drawn}  {remark}", bar.count);
        line.trim_end().to_owned()
    };
    bars.iter().zip(labels).zip(remarks).map(line).collect()
}

/// At most `width` characters for `count` of `highest`; anything above nothing shows.
fn blocks(count: u64, highest: u64, width: usize, unicode: bool) -> String {
    if !unicode {
        return "#".repeat(scaled(count, highest, width).unwrap_or(0));
    }
    let eighths = scaled(count, highest, width * 8).unwrap_or(0);
    let mut drawn = "█".repeat(eighths / 8);
    drawn.extend((eighths % 8).checked_sub(1).map(|rest| LEFT_EIGHTHS[rest]));
    drawn
}

/// 1 to `steps`, rounded up; `None` for nothing.
fn scaled(count: u64, highest: u64, steps: usize) -> Option<usize> {
    if count == 0 || highest == 0 {
        return None;
    }
    let step = u128::from(count.min(highest)) * steps as u128;
    usize::try_from(step.div_ceil(u128::from(highest))).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn bar(label: &str, count: u64, remark: &str) -> Bar {
        Bar {
            label: label.to_owned(),
            count,
            remark: remark.to_owned(),
        }
    }

    #[test]
    fn sparks_scale_to_the_highest() {
        assert_eq!(spark(&[0, 1, 4, 8], true), "·▁▄█");
        assert_eq!(spark(&[0, 1, 4, 8], false), ".:+#");
        assert_eq!(spark(&[], true), "");
        assert_eq!(spark(&[0, u64::MAX], true), "·█");
    }

    #[test]
    fn neighbours_are_merged_from_the_newest_on() {
        assert_eq!(neighbours(30, 30), 1);
        assert_eq!(neighbours(31, 30), 2);
        assert_eq!(neighbours(400, 0), 400);
        assert_eq!(neighbours(0, 10), 1);
        assert_eq!(merged(&[1, 2, 3, 4, 5], 2), [1, 5, 9]);
        assert_eq!(merged(&[1, 2], 1), [1, 2]);
        assert_eq!(merged(&[u64::MAX, 2], 2), [u64::MAX]);
    }

    #[test]
    fn bars_are_drawn_in_eighths_or_in_ascii() {
        let chart = [bar("a", 16, ""), bar("b", 1, ""), bar("c", 0, "")];
        assert_eq!(bars(&chart, 9, true), ["a  16  ██", "b   1  ▏", "c   0"]);
        assert_eq!(bars(&chart, 9, false), ["a  16  ##", "b   1  #", "c   0"]);
        let rounded = [bar("a", 8, ""), bar("b", 5, "")];
        assert_eq!(bars(&rounded, 7, true), ["a  8  █", "b  5  ▋"]);
    }

    #[test]
    fn remarks_stand_where_there_is_room() {
        let chart = [bar("a", 8, "2 refused"), bar("b", 4, "")];
        assert_eq!(
            bars(&chart, 25, false),
            ["a  8  ########  2 refused", "b  4  ####"]
        );
        assert_eq!(
            bars(&chart, 24, false),
            ["a  8  ##################", "b  4  #########"]
        );
    }

    #[test]
    fn labels_are_harmless_and_counted_in_columns() {
        let chart = [
            bar("鍵鍵", 4, "\u{202e}x"),
            bar("\u{1b}[2J", 2, ""),
            bar("", 1, ""),
        ];
        assert_eq!(
            bars(&chart, 40, false),
            [
                "鍵鍵       4  ###############  \\u{202e}x",
                "\\u{1b}[2J  2  ########",
                "           1  ####"
            ]
        );
    }

    proptest! {
        #[test]
        fn no_line_is_wider_than_it_may_be(
            rows in prop::collection::vec(("\\PC{0,6}", any::<u64>(), "\\PC{0,9}"), 1..20),
            width in 120..300usize,
            unicode: bool,
        ) {
            let chart: Vec<Bar> = rows.iter().map(|(label, count, remark)| bar(label, *count, remark)).collect();
            let lines = bars(&chart, width, unicode);
            prop_assert_eq!(lines.len(), chart.len());
            let widest = lines.iter().map(|line| line.width()).max().unwrap_or(0);
            prop_assert!(widest <= width, "{} > {}: {:?}", widest, width, lines);
            if chart.iter().all(|bar| bar.remark.is_empty() && bar.count > 0) {
                prop_assert_eq!(widest, width);
            }
        }
    }
}
