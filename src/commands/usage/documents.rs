//! What `usage` tells programs.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::commands::usage::tallies;
use crate::key::{Period, Periods, Timestamp};
use crate::vault::{KeyUsage, Tally, UsageCount, UseEvent};
use crate::view::{KeyView, text};

/// Clients and paths that are told of, each.
pub(super) const SHOWN_ORIGINS: usize = 5;

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
    sources: Option<Vec<SourceView<'a>>>,
    clients: Option<Vec<ClientView<'a>>>,
    paths: Option<Vec<PathView<'a>>>,
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
    times: u64,
}

#[derive(Serialize)]
pub(super) struct StrangersView<'a> {
    requests: u64,
    last_at: Option<String>,
    counts: Vec<CountView<'a>>,
}

#[derive(Serialize)]
struct SourceView<'a> {
    actor: &'a str,
    #[serde(flatten)]
    uses: Uses,
}

#[derive(Serialize)]
struct ClientView<'a> {
    client: &'a str,
    #[serde(flatten)]
    uses: Uses,
}

#[derive(Serialize)]
struct PathView<'a> {
    path: &'a str,
    #[serde(flatten)]
    uses: Uses,
}

/// Uses of a key that have something in common, as far as its newest events tell.
#[derive(Clone, Copy, Serialize)]
pub(super) struct Uses {
    pub(super) requests: u64,
    pub(super) refused: u64,
    pub(super) wrong_secret: u64,
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
            clients: None,
            paths: None,
            events: None,
        }
    }

    /// With who used it, from where and for what, and its newest uses.
    pub(super) fn with_events(self, usage: &'a KeyUsage) -> Self {
        let sources = sources(usage).into_iter();
        let clients = clients(usage).into_iter().take(SHOWN_ORIGINS);
        let paths = paths(usage).into_iter().take(SHOWN_ORIGINS);
        Self {
            sources: Some(
                sources
                    .map(|(actor, uses)| SourceView { actor, uses })
                    .collect(),
            ),
            clients: Some(
                clients
                    .map(|(client, uses)| ClientView { client, uses })
                    .collect(),
            ),
            paths: Some(paths.map(|(path, uses)| PathView { path, uses }).collect()),
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
        times: event.times(),
    }
}

/// Who used a key.
pub(super) fn sources(usage: &KeyUsage) -> Vec<(&str, Uses)> {
    by(usage, |event| Some(event.actor.as_str()))
}

/// The addresses that requests came from.
pub(super) fn clients(usage: &KeyUsage) -> Vec<(&str, Uses)> {
    by(usage, |event| event.request.as_ref()?.client())
}

/// The paths that were asked for.
pub(super) fn paths(usage: &KeyUsage) -> Vec<(&str, Uses)> {
    by(usage, |event| event.request.as_ref()?.path())
}

/// The newest uses by what they have in common, most requests first.
fn by(usage: &KeyUsage, origin: impl Fn(&UseEvent) -> Option<&str>) -> Vec<(&str, Uses)> {
    let mut by_origin: BTreeMap<&str, Uses> = BTreeMap::new();
    for (at, event) in &usage.events {
        let Some(origin) = origin(event) else {
            continue;
        };
        // Newest first: the first one is the last use.
        let uses = by_origin.entry(origin).or_insert(Uses {
            requests: 0,
            refused: 0,
            wrong_secret: 0,
            last_at: *at,
        });
        let add = |sum: &mut u64| *sum = sum.saturating_add(event.times());
        add(&mut uses.requests);
        if !event.is_allowed() {
            add(&mut uses.refused);
        }
        if event.is_wrong_secret() {
            add(&mut uses.wrong_secret);
        }
    }
    let mut sorted: Vec<_> = by_origin.into_iter().collect();
    sorted.sort_by_key(|(_, uses)| std::cmp::Reverse(uses.requests));
    sorted
}
