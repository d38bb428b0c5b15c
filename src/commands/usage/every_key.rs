//! `usage` without a name: a line a key.

use std::collections::BTreeMap;

use unicode_width::UnicodeWidthStr;

use crate::commands::usage::documents::{Document, UsageView, strangers_view};
use crate::commands::usage::{
    PIPED_WIDTH, UsageArgs, range, refused_cell, tallies, wrong_secret_cell,
};
use crate::error::{CommandError, Exit};
use crate::key::{Period, Periods};
use crate::output::{Cell, Table, Tone, escape, merged, neighbours, spark};
use crate::session::Session;
use crate::vault::{Filter, Found, Tally, UsageCount, Vault, VaultUsage};
use crate::view::{KeyView, counted};

pub(super) fn usage_of_all(
    args: &UsageArgs,
    periods: &Periods,
    vault: &mut Vault,
    session: &mut Session,
) -> Result<Exit, CommandError> {
    let filter = Filter {
        project: session.settings.project_option.clone(),
        environment: session.settings.environment_option.clone(),
        unused: args.unused,
        ..Filter::default()
    };
    let is_filtered =
        filter.project.is_some() || filter.environment.is_some() || filter.unused.is_some();
    let keys = vault.list(&filter, session.now)?;
    let mut usage = vault.usage_by_day(periods.first_day())?;
    if is_filtered {
        // They are in no scope, and no key of theirs is used or unused.
        usage.strangers.clear();
    }
    if session.out.is_json() {
        let view = |found| {
            UsageView::new(
                KeyView::new(found, session.now),
                counts_of(&usage, found),
                periods,
            )
        };
        let mut document = Document::new(periods, keys.iter().map(view).collect());
        document.without_key = (!is_filtered).then(|| strangers_view(&usage.strangers));
        session.out.json(&document)?;
        return Ok(Exit::Done);
    }
    if keys.is_empty() {
        session.out.note(format_args!("No keys"));
    } else {
        show_all(&keys, &usage, periods, session)?;
    }
    show_strangers(&usage.strangers, session)?;
    Ok(Exit::Done)
}

fn counts_of<'a>(usage: &'a VaultUsage, found: &Found) -> &'a [UsageCount] {
    usage.keys.get(&found.id).map_or(&[], Vec::as_slice)
}

fn show_all(
    keys: &[Found],
    usage: &VaultUsage,
    periods: &Periods,
    session: &mut Session,
) -> Result<(), CommandError> {
    let sum = |found| Tally::of(counts_of(usage, found));
    let has_wrong = keys.iter().any(|found| sum(found).wrong_secret > 0);
    let widest = keys
        .iter()
        .map(|found| escape(found.key.name.as_str()).width())
        .max();
    let room = spark_room(session.out.width(), widest.unwrap_or(0), has_wrong);
    let size = neighbours(periods.count(), room);
    let by = match periods.by() {
        Period::Day => "BY DAY",
        Period::Month => "BY MONTH",
        Period::Week => "BY WEEK",
    };
    let mut table = Table::new(&[
        ("NAME", 0),
        ("SCOPE", 1),
        (by, 0),
        ("REQUESTS", 0),
        ("REFUSED", 2),
        // It goes where there is nothing to tell, and never for want of room.
        ("WRONG SECRET", u8::from(!has_wrong)),
        ("LAST USED", 3),
    ]);
    for found in keys {
        let counts = counts_of(usage, found);
        let requests: Vec<u64> = tallies(counts, periods)
            .iter()
            .map(|tally| tally.requests)
            .collect();
        let sum = Tally::of(counts);
        table.row(vec![
            Cell::new(&found.key.name),
            Cell::new(&found.scope),
            Cell::new(spark(&merged(&requests, size), session.out.is_unicode())),
            Cell::new(sum.requests),
            refused_cell(sum),
            wrong_secret_cell(sum.wrong_secret),
            Cell::maybe(found.total.last_used.map(|at| at.relative(session.now))),
        ]);
    }
    session.out.table(table)?;
    let each = match size {
        1 => format!("one character a {}", periods.by()),
        _ => format!("one character for {size} {}s", periods.by()),
    };
    session.out.note(format_args!("{}, {each}", range(periods)));
    Ok(())
}

/// Characters that a spark line may have: what the columns that always stay leave it, and at most half of the width.
fn spark_room(width: Option<u16>, name_width: usize, has_wrong: bool) -> usize {
    let Some(width) = width else {
        return usize::from(PIPED_WIDTH / 2);
    };
    let width = usize::from(width);
    let wrong = if has_wrong { "  WRONG SECRET".len() } else { 0 };
    let left = width.saturating_sub("    REQUESTS".len() + wrong);
    // A name that takes more than its half is wrapped; a spark line never is.
    let room = left.saturating_sub(name_width).max(left / 2);
    room.min(width / 2).max(1)
}

/// Attempts that no key answers for, because somebody may be guessing.
fn show_strangers(counts: &[UsageCount], session: &mut Session) -> Result<(), CommandError> {
    let sum = Tally::of(counts);
    if sum.requests == 0 {
        return Ok(());
    }
    let mut by_code: BTreeMap<&str, u64> = BTreeMap::new();
    for count in counts {
        let total = by_code.entry(&count.code).or_default();
        *total = total.saturating_add(count.count);
    }
    let codes: Vec<String> = by_code
        .iter()
        .map(|(code, count)| format!("{count} {code}"))
        .collect();
    let last = sum
        .last_at
        .map(|at| at.relative(session.now))
        .unwrap_or_default();
    let attempts = counted(sum.requests, "attempt");
    let told = format!("{attempts}: {}; last {last}", codes.join(", "));
    session.out.data(format_args!(""))?;
    session
        .out
        .fields(vec![("without a key", Cell::toned(told, Tone::Bad))])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spark_line_is_never_wider_than_its_share() {
        assert_eq!(spark_room(None, 500, true), 40);
        assert_eq!(spark_room(Some(80), 6, false), 40);
        assert_eq!(spark_room(Some(40), 6, false), 20);
        assert_eq!(spark_room(Some(40), 200, false), 14);
        assert_eq!(spark_room(Some(40), 200, true), 7);
        assert_eq!(spark_room(Some(1), 200, true), 1);
    }
}
