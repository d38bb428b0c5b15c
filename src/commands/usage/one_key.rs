//! `usage` with a name: all that was counted of one key.

use std::collections::{BTreeMap, BTreeSet};

use crate::commands::usage::documents::{
    Document, SHOWN_ORIGINS, UsageView, Uses, clients, paths, sources,
};
use crate::commands::usage::{PIPED_WIDTH, range, refused_cell, share, tallies, wrong_secret_cell};
use crate::error::{CommandError, Exit};
use crate::key::{Period, Periods, Timestamp};
use crate::output::{Bar, Cell, Table, Tone, bars};
use crate::session::Session;
use crate::vault::{Found, KeyUsage, Tally, UsageCount, Vault};
use crate::view::{KeyView, counted, overlap_fields, shortened};

/// Uses that are shown one by one.
const SHOWN_USES: usize = 5;
/// Callers that are shown; JSON has them all.
const SHOWN_CALLERS: usize = 10;

pub(super) fn usage_of_one(
    found: &Found,
    periods: &Periods,
    vault: &mut Vault,
    session: &mut Session,
) -> Result<Exit, CommandError> {
    // All of it: whether an old generation is still used does not depend on the days that are shown.
    let usage = vault.usage_of(found, 0, KeyUsage::EVENTS)?;
    let shown = |count: &&UsageCount| count.day >= periods.first_day();
    let counts: Vec<UsageCount> = usage.counts.iter().filter(shown).cloned().collect();
    if session.out.is_json() {
        let key = KeyView::with_usage(found, Some(&usage), session.now);
        let view = UsageView::new(key, &counts, periods).with_events(&usage);
        session.out.json(&Document::new(periods, vec![view]))?;
        return Ok(Exit::Done);
    }
    let one = OneKey {
        found,
        usage: &usage,
        counts: &counts,
        periods,
    };
    one.show(session)?;
    Ok(Exit::Done)
}

/// What is shown of one key.
struct OneKey<'a> {
    found: &'a Found,
    usage: &'a KeyUsage,
    /// Of the days that are shown.
    counts: &'a [UsageCount],
    periods: &'a Periods,
}

impl OneKey<'_> {
    fn show(&self, session: &mut Session) -> Result<(), CommandError> {
        self.show_chart(session)?;
        session.out.fields(self.fields(session.now))?;
        if self.usage.total.requests == 0 {
            return Ok(());
        }
        let tables = [
            Some(self.generations(session.now)),
            self.answers(session.now),
            self.callers(session),
            origins("CLIENT", &clients(self.usage), SHOWN_ORIGINS, session.now),
            origins("PATH", &paths(self.usage), SHOWN_ORIGINS, session.now),
            self.latest(session.now),
        ];
        for table in tables.into_iter().flatten() {
            session.out.data(format_args!(""))?;
            session.out.table(table)?;
        }
        Ok(())
    }

    /// A bar a period, from the first that has one.
    fn show_chart(&self, session: &mut Session) -> Result<(), CommandError> {
        let bar = |(tally, (first, _)): (Tally, (i64, i64))| Bar {
            label: self.label(first),
            count: tally.requests,
            remark: match tally.refused {
                0 => String::new(),
                refused => format!("{refused} refused"),
            },
        };
        let tallies = tallies(self.counts, self.periods).into_iter();
        let chart = tallies.zip(self.periods.days()).map(bar);
        let chart: Vec<Bar> = chart.skip_while(|bar| bar.count == 0).collect();
        let width = session.out.width().unwrap_or(PIPED_WIDTH).into();
        for line in bars(&chart, width, session.out.is_unicode()) {
            session.out.data(format_args!("{line}"))?;
        }
        if !chart.is_empty() {
            session.out.data(format_args!(""))?;
            session.out.note(format_args!(
                "One bar a {}, {}",
                self.periods.by(),
                range(self.periods)
            ));
        }
        Ok(())
    }

    /// The first day, or of a month the month.
    fn label(&self, first_day: i64) -> String {
        let mut date = Timestamp::of_day(first_day).date();
        if self.periods.by() == Period::Month {
            date.truncate("2026-11".len());
        }
        date
    }

    fn fields(&self, now: Timestamp) -> Vec<(&'static str, Cell)> {
        let sum = Tally::of(self.counts);
        let since = Timestamp::of_day(self.periods.first_day()).date();
        let refused = match sum.refused {
            0 => "none refused".to_owned(),
            refused => format!("{refused} refused ({})", share(sum)),
        };
        let last_used = self.found.total.last_used;
        let last_used = last_used.map_or("never".to_owned(), |at| at.relative(now));
        let mut fields = vec![
            (
                "requests",
                Cell::new(format!("{} since {since}, {refused}", sum.requests)),
            ),
            ("last used", Cell::new(last_used)),
        ];
        if let Some(last) = sum.last_wrong_secret {
            let attempts = counted(sum.wrong_secret, "attempt");
            let told = format!("{attempts} with this key's id, last {}", last.relative(now));
            fields.push(("wrong secret", Cell::toned(told, Tone::Bad)));
        }
        fields.extend(overlap_fields(self.found, Some(self.usage), now));
        fields
    }

    /// Those that the key still knows, and older ones that were counted; newest first.
    fn generations(&self, now: Timestamp) -> Table {
        let mut table = Table::new(&[
            ("GENERATION", 0),
            ("STATE", 0),
            ("REQUESTS", 0),
            ("REFUSED", 2),
            ("LAST USED", 1),
        ]);
        let known = &self.found.key.generations;
        let counted = self
            .counts
            .iter()
            .map(|count| count.generation)
            .filter(|number| *number > 0);
        let numbers: BTreeSet<u32> = known
            .iter()
            .map(|generation| generation.number)
            .chain(counted)
            .collect();
        for number in numbers.into_iter().rev() {
            let generation = known.iter().find(|generation| generation.number == number);
            let of_it = self
                .counts
                .iter()
                .filter(|count| count.generation == number);
            let sum = Tally::of(of_it);
            let last_used = self.usage.last_used_of(number);
            table.row(vec![
                Cell::new(number),
                Cell::new(generation.map_or("forgotten".to_owned(), |generation| {
                    generation.state(now).to_string()
                })),
                Cell::new(sum.requests),
                refused_cell(sum),
                Cell::maybe(last_used.map(|at| at.relative(now))),
            ]);
        }
        table
    }

    fn answers(&self, now: Timestamp) -> Option<Table> {
        let mut table = Table::new(&[
            ("ANSWER", 0),
            ("GENERATION", 1),
            ("REQUESTS", 0),
            ("LAST", 2),
        ]);
        let mut by_answer: BTreeMap<(&str, u32), Tally> = BTreeMap::new();
        for count in self.counts {
            by_answer
                .entry((&count.code, count.generation))
                .or_default()
                .add(count);
        }
        for ((code, generation), sum) in &by_answer {
            let tone = if sum.wrong_secret > 0 {
                Tone::Bad
            } else {
                Tone::Plain
            };
            table.row(vec![
                Cell::toned(code, tone),
                Cell::maybe(Some(generation).filter(|number| **number > 0)),
                Cell::toned(sum.requests, tone),
                Cell::maybe(sum.last_at.map(|at| at.relative(now))),
            ]);
        }
        (!by_answer.is_empty()).then_some(table)
    }

    /// Who used it, most requests first.
    fn callers(&self, session: &mut Session) -> Option<Table> {
        let sources = sources(self.usage);
        if sources.len() > SHOWN_CALLERS {
            session.out.note(format_args!(
                "{SHOWN_CALLERS} of {} callers; --json has them all",
                sources.len()
            ));
        }
        if self.usage.events.len() == KeyUsage::EVENTS as usize {
            session.out.note(format_args!(
                "Callers are told of the newest {} uses",
                KeyUsage::EVENTS
            ));
        }
        origins("CALLER", &sources, SHOWN_CALLERS, session.now)
    }

    fn latest(&self, now: Timestamp) -> Option<Table> {
        let mut table = Table::new(&[("USED", 0), ("ANSWER", 0), ("GENERATION", 2), ("CALLER", 1)]);
        for (at, event) in self.usage.events.iter().take(SHOWN_USES) {
            table.row(vec![
                Cell::new(at.relative(now)),
                Cell::new(&event.code),
                Cell::maybe(Some(event.generation).filter(|number| *number > 0)),
                Cell::new(&event.actor),
            ]);
        }
        (!self.usage.events.is_empty()).then_some(table)
    }
}

/// The first of what uses have in common; none where they have nothing.
fn origins(
    title: &'static str,
    origins: &[(&str, Uses)],
    limit: usize,
    now: Timestamp,
) -> Option<Table> {
    let shown = &origins[..origins.len().min(limit)];
    let has_wrong = shown.iter().any(|(_, uses)| uses.wrong_secret > 0);
    let mut columns = vec![(title, 0), ("REQUESTS", 0), ("REFUSED", 2), ("LAST", 1)];
    if has_wrong {
        columns.insert(3, ("WRONG SECRET", 0));
    }
    let mut table = Table::new(&columns);
    for (origin, uses) in shown {
        let mut cells = vec![
            Cell::new(shortened(origin)),
            Cell::new(uses.requests),
            Cell::new(uses.refused),
            Cell::new(uses.last_at.relative(now)),
        ];
        if has_wrong {
            cells.insert(3, wrong_secret_cell(uses.wrong_secret));
        }
        table.row(cells);
    }
    (!shown.is_empty()).then_some(table)
}
