//! What `usage` tells programs.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::commands::usage::tallies;
use crate::key::{Period, Periods, Timestamp};
use crate::vault::{KeyUsage, Tally, UsageCount, UseEvent};
use crate::view::{KeyView, text};

/// The answer.
#[derive(Serialize)]
pub(super) struct Document<'a> {
    days: i64,
    since: String,
    until: String,
    by: Period,
    usage: Vec<UsageView<'a>>,
    pub(super) without_key: Option<StrangersView<'a>>,
}

/// Of these days; the key's own counts are of its whole life.
#[derive(Serialize)]
pub(super) struct UsageView<'a> {
    key: KeyView<'a>,
    requests: u64,
    refused: u64,
    wrong_secret: u64,
    last_wrong_secret_at: Option<String>,
    bins: Vec<BinView>,
    counts: Vec<CountView<'a>>,
    sources: Option<Vec<Source<'a>>>,
    events: Option<Vec<EventView<'a>>>,
}

#[derive(Serialize)]
struct BinView {
    first_day: String,
    last_day: String,
    requests: u64,
    refused: u64,
    wrong_secret: u64,
}

#[derive(Serialize)]
struct CountView<'a> {
    date: String,
    code: &'a str,
    generation: u32,
    count: u64,
}

#[derive(Serialize)]
struct EventView<'a> {
    at: String,
    verb: &'a str,
    code: &'a str,
    generation: u32,
    actor: &'a str,
}

#[derive(Serialize)]
pub(super) struct StrangersView<'a> {
    requests: u64,
    last_at: Option<String>,
    counts: Vec<CountView<'a>>,
}

/// Who used a key, as far as its newest events tell.
#[derive(Serialize)]
pub(super) struct Source<'a> {
    pub(super) actor: &'a str,
    pub(super) requests: u64,
    pub(super) refused: u64,
    #[serde(serialize_with = "rfc3339")]
    pub(super) last_at: Timestamp,
}

fn rfc3339<S: serde::Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(at)
}

impl<'a> Document<'a> {
    pub(super) fn new(periods: &Periods, usage: Vec<UsageView<'a>>) -> Self {
        Self {
            days: periods.last_day() - periods.first_day() + 1,
            since: Timestamp::of_day(periods.first_day()).date(),
            until: Timestamp::of_day(periods.last_day()).date(),
            by: periods.by(),
            usage,
            without_key: None,
        }
    }
}

impl<'a> UsageView<'a> {
    pub(super) fn new(key: KeyView<'a>, counts: &'a [UsageCount], periods: &Periods) -> Self {
        let sum = Tally::of(counts);
        let tallies = tallies(counts, periods).into_iter().zip(periods.days());
        let used = tallies.filter(|(tally, _)| tally.requests > 0);
        let bin = |(tally, (first, last)): (Tally, (i64, i64))| BinView {
            first_day: Timestamp::of_day(first).date(),
            last_day: Timestamp::of_day(last).date(),
            requests: tally.requests,
            refused: tally.refused,
            wrong_secret: tally.wrong_secret,
        };
        Self {
            key,
            requests: sum.requests,
            refused: sum.refused,
            wrong_secret: sum.wrong_secret,
            last_wrong_secret_at: text(sum.last_wrong_secret),
            bins: used.map(bin).collect(),
            counts: count_views(counts),
            sources: None,
            events: None,
        }
    }

    /// With who used it, and its newest uses.
    pub(super) fn with_events(self, usage: &'a KeyUsage) -> Self {
        Self {
            sources: Some(sources(usage)),
            events: Some(usage.events.iter().map(event_view).collect()),
            ..self
        }
    }
}

fn count_views(counts: &[UsageCount]) -> Vec<CountView<'_>> {
    let views = counts.iter().map(|count| CountView {
        date: Timestamp::of_day(count.day).date(),
        code: &count.code,
        generation: count.generation,
        count: count.count,
    });
    views.collect()
}

pub(super) fn strangers_view(counts: &[UsageCount]) -> StrangersView<'_> {
    let sum = Tally::of(counts);
    StrangersView {
        requests: sum.requests,
        last_at: text(sum.last_at),
        counts: count_views(counts),
    }
}

fn event_view((at, event): &(Timestamp, UseEvent)) -> EventView<'_> {
    EventView {
        at: at.to_string(),
        verb: &event.verb,
        code: &event.code,
        generation: event.generation,
        actor: event.actor.as_str(),
    }
}

/// By requests, most first.
pub(super) fn sources(usage: &KeyUsage) -> Vec<Source<'_>> {
    let mut by_actor: BTreeMap<&str, Source<'_>> = BTreeMap::new();
    for (at, event) in &usage.events {
        let actor = event.actor.as_str();
        // Newest first: the first one is the last use.
        let source = by_actor.entry(actor).or_insert(Source {
            actor,
            requests: 0,
            refused: 0,
            last_at: *at,
        });
        source.requests += 1;
        source.refused += u64::from(!event.is_allowed());
    }
    let mut sources: Vec<_> = by_actor.into_values().collect();
    sources.sort_by_key(|source| std::cmp::Reverse(source.requests));
    sources
}
