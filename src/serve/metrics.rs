//! Numbers about the server, in the text format of Prometheus. No key, scope or client is named in them.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicU64;

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

/// All codes that are counted.
const CODES: [&str; 14] = [
    "bad_request",
    "expired",
    "insufficient_permission",
    "malformed",
    "missing",
    "rate_limited",
    "revoked",
    "rotated",
    "unavailable",
    "undelivered",
    "unknown",
    "valid",
    "wrong_environment",
    "wrong_project",
];

pub(super) struct Metrics {
    registry: Registry,
    /// Found once, so that counting takes no look-up of labels.
    answers: BTreeMap<&'static str, Counter>,
    /// In seconds since 1970.
    pub(super) access_end: Gauge,
    pub(super) available: Gauge,
    pub(super) connections: Gauge,
    pub(super) keys: Gauge,
    pub(super) reads: Counter,
    pub(super) failed_reads: Counter,
    pub(super) read_time: Gauge<f64, AtomicU64>,
    pub(super) recorded: Counter,
    pub(super) lost: Counter,
    pub(super) waiting: Gauge,
}

impl Metrics {
    pub(super) fn new() -> Self {
        let mut registry = Registry::with_prefix("keywright");
        let family: Family<[(&'static str, &'static str); 1], Counter> = Family::default();
        let answer = |code| (code, family.get_or_create(&[("code", code)]).clone());
        let answers = CODES.into_iter().map(answer).collect();
        registry.register("answers", "Answers by their code", family);
        let metrics = Self {
            answers,
            access_end: Gauge::default(),
            available: Gauge::default(),
            connections: Gauge::default(),
            keys: Gauge::default(),
            reads: Counter::default(),
            failed_reads: Counter::default(),
            read_time: Gauge::default(),
            recorded: Counter::default(),
            lost: Counter::default(),
            waiting: Gauge::default(),
            registry: Registry::default(),
        };
        let gauges = [
            (
                "available",
                "Whether the vault could be read when it was last needed",
                &metrics.available,
            ),
            ("connections", "Open connections", &metrics.connections),
            ("keys", "Issued keys that are answered for", &metrics.keys),
            (
                "uses_waiting",
                "Answers that are not recorded yet",
                &metrics.waiting,
            ),
        ];
        for (name, help, gauge) in gauges {
            registry.register(name, help, gauge.clone());
        }
        let counters = [
            (
                "vault_reads",
                "How often all keys were read",
                &metrics.reads,
            ),
            (
                "vault_failed_reads",
                "How often they could not be read",
                &metrics.failed_reads,
            ),
            (
                "uses_recorded",
                "Answers that were recorded",
                &metrics.recorded,
            ),
            (
                "uses_lost",
                "Answers that could not be recorded",
                &metrics.lost,
            ),
        ];
        for (name, help, counter) in counters {
            registry.register(name, help, counter.clone());
        }
        let help = "When the first of the access tokens ends, since 1970; 0 for never";
        let end = metrics.access_end.clone();
        registry.register_with_unit("access_end", help, Unit::Seconds, end);
        let help = "How long the last reading of all keys took";
        registry.register_with_unit("vault_read", help, Unit::Seconds, metrics.read_time.clone());
        Self {
            registry,
            ..metrics
        }
    }

    /// Counts one answer.
    pub(super) fn answered(&self, code: &str) {
        if let Some(counter) = self.answers.get(code) {
            counter.inc();
        }
    }

    /// All of it as text.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        // Writing into a text does not fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}
