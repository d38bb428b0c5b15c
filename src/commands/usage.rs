use std::collections::BTreeMap;

use clap::Args;
use serde::Serialize;

use crate::error::{CommandError, Exit};
use crate::key::{KeyRef, Span, Timestamp};
use crate::output::{Cell, Table, Tone, bar, spark};
use crate::session::Session;
use crate::vault::{Filter, Found, KeyUsage, UsageCount, Vault, Wanted};
use crate::view::KeyView;

/// Days that are shown.
const DAYS: i64 = 30;

/// Show how often keys were used in the last 30 days
///
/// Without a name: every key with a spark line of its requests, one character a day (UTC), oldest first. With a name: a
/// bar a day, the answers it was given, its generations, and its latest uses.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  keywright usage
  keywright usage my-service
  keywright usage --unused 30d -e production")]
pub(crate) struct UsageArgs {
    /// Name of the key, its key id, or its masked token
    name: Option<KeyRef>,

    /// Only keys that were not used for this long, such as 30d, and are older than that
    #[arg(long, value_name = "DURATION", conflicts_with = "name")]
    unused: Option<Span>,
}

#[derive(Serialize)]
struct Document<'a> {
    days: i64,
    since: String,
    usage: Vec<UsageView<'a>>,
}

#[derive(Serialize)]
struct UsageView<'a> {
    key: KeyView<'a>,
    /// Of these days; the key's own counts are of its whole life.
    requests: u64,
    refused: u64,
    counts: Vec<CountView<'a>>,
}

#[derive(Serialize)]
struct CountView<'a> {
    date: String,
    code: &'a str,
    generation: u32,
    count: u64,
}

pub(crate) fn usage(args: &UsageArgs, session: &mut Session) -> Result<Exit, CommandError> {
    session.with_vault(|vault, session| match &args.name {
        None => usage_of_all(args, vault, session),
        Some(name) => usage_of_one(name, vault, session),
    })
}

fn usage_of_all(
    args: &UsageArgs,
    vault: &mut Vault,
    session: &mut Session,
) -> Result<Exit, CommandError> {
    let (now, first_day) = (session.now, first_day(session.now));
    let filter = Filter {
        project: session.settings.project_option.clone(),
        environment: session.settings.environment_option.clone(),
        unused: args.unused,
        ..Filter::default()
    };
    let keys = vault.list(&filter, now)?;
    let counts = vault.usage_by_day(first_day)?;
    let counts = |found: &Found| counts.get(&found.id).map_or(&[][..], Vec::as_slice);
    if session.out.is_json() {
        let usage = keys
            .iter()
            .map(|found| usage_view(found, counts(found), now))
            .collect();
        session.out.json(&Document {
            days: DAYS,
            since: Timestamp::of_day(first_day).date(),
            usage,
        })?;
        return Ok(Exit::Done);
    }
    if keys.is_empty() {
        session.out.note(format_args!("No keys"));
        return Ok(Exit::Done);
    }
    let unicode = session.out.is_unicode();
    let mut table = Table::new(&[
        ("NAME", 0),
        ("SCOPE", 1),
        ("LAST 30 DAYS", 0),
        ("REQUESTS", 0),
        ("REFUSED", 1),
        ("LAST USED", 1),
    ]);
    for found in &keys {
        let counts = counts(found);
        let days: Vec<u64> = per_day(counts, first_day)
            .into_iter()
            .map(|day| day.requests)
            .collect();
        let sum = Day::sum(counts);
        let tone = if sum.refused > 0 {
            Tone::Warning
        } else {
            Tone::Plain
        };
        table.row(vec![
            Cell::new(&found.key.name),
            Cell::new(&found.scope),
            Cell::new(spark(&days, unicode)),
            Cell::new(sum.requests),
            Cell::toned(sum.refused, tone),
            Cell::maybe(found.total.last_used.map(|at| at.relative(now))),
        ]);
    }
    session.out.table(table)?;
    Ok(Exit::Done)
}

fn usage_of_one(
    name: &KeyRef,
    vault: &mut Vault,
    session: &mut Session,
) -> Result<Exit, CommandError> {
    let (now, first_day) = (session.now, first_day(session.now));
    let settings = &session.settings;
    let strict = settings.project_option.is_some() || settings.environment_option.is_some();
    let found = vault.find(Wanted::Named(name), &settings.scope, strict)?;
    let usage = vault.usage_of(&found, first_day, 5)?;
    if session.out.is_json() {
        let view = vec![usage_view(&found, &usage.counts, now)];
        session.out.json(&Document {
            days: DAYS,
            since: Timestamp::of_day(first_day).date(),
            usage: view,
        })?;
        return Ok(Exit::Done);
    }
    chart(&usage.counts, first_day, session)?;
    summary(&found, &usage, session)
}

/// A bar a day, with its count, from the first day that has one.
fn chart(counts: &[UsageCount], first_day: i64, session: &mut Session) -> Result<(), CommandError> {
    let days = per_day(counts, first_day);
    let highest = days.iter().map(|day| day.requests).max().unwrap_or(0);
    let digits = highest.to_string().len();
    // Date, count, two gaps, and room for what was refused.
    let width = usize::from(session.out.width().unwrap_or(80))
        .saturating_sub(10 + digits + 4 + 18)
        .clamp(8, 60);
    let unicode = session.out.is_unicode();
    let quiet_start = days.iter().take_while(|day| day.requests == 0).count();
    for (offset, day) in days.iter().enumerate().skip(quiet_start) {
        let date = Timestamp::of_day(first_day + offset as i64).date();
        let refused = if day.refused > 0 {
            format!("  {} refused", day.refused)
        } else {
            String::new()
        };
        let bar = bar(day.requests, highest, width, unicode);
        session.out.data(format_args!(
            "{date}  {:>digits$}  {bar}{refused}",
            day.requests
        ))?;
    }
    Ok(())
}

fn summary(found: &Found, usage: &KeyUsage, session: &mut Session) -> Result<Exit, CommandError> {
    let now = session.now;
    let sum = Day::sum(&usage.counts);
    let mut by_code: BTreeMap<&str, u64> = BTreeMap::new();
    let mut by_generation: BTreeMap<u32, u64> = BTreeMap::new();
    for count in &usage.counts {
        *by_code.entry(&count.code).or_default() += count.count;
        *by_generation.entry(count.generation).or_default() += count.count;
    }
    let codes: Vec<String> = by_code
        .iter()
        .map(|(code, count)| format!("{code} {count}"))
        .collect();
    let generations: Vec<String> = by_generation
        .iter()
        .filter(|(number, _)| **number > 0)
        .map(|(number, count)| format!("{number}: {count}"))
        .collect();
    let mut fields = vec![
        (
            "requests",
            Cell::new(format!(
                "{} in {DAYS} days, {} refused",
                sum.requests, sum.refused
            )),
        ),
        (
            "last used",
            Cell::new(
                found
                    .total
                    .last_used
                    .map_or("never".to_owned(), |at| at.relative(now)),
            ),
        ),
    ];
    if !codes.is_empty() {
        fields.push(("answers", Cell::new(codes.join(", "))));
    }
    if !generations.is_empty() {
        fields.push(("generations", Cell::new(generations.join(", "))));
    }
    for (at, event) in &usage.events {
        let answer = if event.code == event.verb {
            String::new()
        } else {
            format!(": {}", event.code)
        };
        let what = format!(
            "{} {}{answer}, by {}",
            at.relative(now),
            event.verb,
            event.actor
        );
        fields.push(("use", Cell::new(what)));
    }
    session.out.fields(fields)?;
    Ok(Exit::Done)
}

/// One day's requests.
#[derive(Clone, Copy, Debug, Default)]
struct Day {
    requests: u64,
    refused: u64,
}

impl Day {
    fn add(&mut self, count: &UsageCount) {
        self.requests += count.count;
        if !count.is_allowed() {
            self.refused += count.count;
        }
    }

    fn sum(counts: &[UsageCount]) -> Self {
        let mut sum = Self::default();
        counts.iter().for_each(|count| sum.add(count));
        sum
    }
}

fn first_day(now: Timestamp) -> i64 {
    now.day() - (DAYS - 1)
}

fn per_day(counts: &[UsageCount], first_day: i64) -> Vec<Day> {
    let mut days = vec![Day::default(); DAYS as usize];
    for count in counts {
        if let Some(day) = usize::try_from(count.day - first_day)
            .ok()
            .and_then(|at| days.get_mut(at))
        {
            day.add(count);
        }
    }
    days
}

fn usage_view<'a>(found: &'a Found, counts: &'a [UsageCount], now: Timestamp) -> UsageView<'a> {
    let sum = Day::sum(counts);
    UsageView {
        key: KeyView::new(found, now),
        requests: sum.requests,
        refused: sum.refused,
        counts: counts
            .iter()
            .map(|count| CountView {
                date: Timestamp::of_day(count.day).date(),
                code: &count.code,
                generation: count.generation,
                count: count.count,
            })
            .collect(),
    }
}
