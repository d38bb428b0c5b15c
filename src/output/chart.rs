//! Counts as blocks.

const EIGHTHS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
const ASCII: [char; 4] = ['.', ':', '+', '#'];

/// One character a count, the highest being the whole block; nothing is `·`.
pub(crate) fn spark(counts: &[u64], unicode: bool) -> String {
    let highest = counts.iter().copied().max().unwrap_or(0);
    let steps: &[char] = if unicode { &EIGHTHS } else { &ASCII };
    let none = if unicode { '·' } else { ' ' };
    counts
        .iter()
        .map(|&count| scaled(count, highest, steps.len()).map_or(none, |step| steps[step - 1]))
        .collect()
}

/// A bar of at most `width` characters for `count` of `highest`; anything above nothing shows.
pub(crate) fn bar(count: u64, highest: u64, width: usize, unicode: bool) -> String {
    let full = if unicode { "█" } else { "#" };
    full.repeat(scaled(count, highest, width).unwrap_or(0))
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
    use super::*;

    #[test]
    fn charts_scale_to_the_highest() {
        assert_eq!(spark(&[0, 1, 4, 8], true), "·▁▄█");
        assert_eq!(spark(&[0, 1, 4, 8], false), " .:#");
        assert_eq!(spark(&[], true), "");
        assert_eq!(spark(&[0, u64::MAX], true), "·█");
        assert_eq!(bar(1, 1000, 10, true), "█");
        assert_eq!(bar(1000, 1000, 10, false), "##########");
        assert_eq!(bar(0, 0, 10, true), "");
    }
}
