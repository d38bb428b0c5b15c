//! The order of an audit within one second, of which the times say nothing.

use std::collections::BTreeMap;

use super::entry::{AuditEntry, AuditSource};
use crate::key::{KeyId, Timestamp};
use crate::vault::log::{LogEntry, Verb};
use crate::vault::verify::Code;

/// Where an entry stands: its time, then the change that it is or that it follows. Numbers are unique within a source.
pub(super) type Place = (Timestamp, u64, AuditSource, u64);

/// The changes that ended tokens, by key, second, and number in the log.
#[derive(Default)]
pub(super) struct Ends(BTreeMap<(KeyId, Timestamp, u64), End>);

struct End {
    how: Ended,
    /// The last generation that it ended.
    generation: u32,
}

/// How a token ended, in the order in which one end follows another.
#[derive(Clone, Copy, Eq, Ord, PartialEq, PartialOrd)]
enum Ended {
    Rotated,
    Revoked,
    Deleted,
}

impl Ends {
    /// Takes note of what a change ended.
    pub(super) fn see(&mut self, index: u64, entry: &LogEntry) {
        let (how, generation) = match (entry.verb, entry.generation) {
            (Verb::Delete, _) => (Ended::Deleted, u32::MAX),
            // Those before it, at once or after an overlap.
            (Verb::Deliver, Some(new @ 2..)) => (Ended::Rotated, new - 1),
            (Verb::Finish, Some(old)) => (Ended::Rotated, old),
            (Verb::Revoke, _) => (Ended::Revoked, u32::MAX),
            _ => return,
        };
        if let Some(id) = entry.key_id.as_ref().and_then(|id| id.parse().ok()) {
            self.0
                .insert((id, entry.at, index), End { how, generation });
        }
    }

    /// Changes have the order of the log. A use follows all changes of its second but those from which on the answer
    /// would have been another.
    pub(super) fn place(&self, entry: &AuditEntry) -> Place {
        let follows = match entry.source {
            AuditSource::Log => entry.number,
            AuditSource::Use => self.end_of(entry).map_or(u64::MAX, |index| index - 1),
        };
        (entry.at, follows, entry.source, entry.number)
    }

    /// The change of the same second before which a use must have been.
    fn end_of(&self, entry: &AuditEntry) -> Option<u64> {
        let (id, at) = (entry.key_id?, entry.at);
        let told = match entry.code.as_deref() {
            Some(code) if code == Code::Revoked.text() => Some(Ended::Revoked),
            Some(code) if code == Code::Rotated.text() => Some(Ended::Rotated),
            _ => None,
        };
        // Of a wrong secret nobody knows the generation, and a rotation changes nothing for it.
        let generation = entry.generation.unwrap_or(u32::MAX);
        let mut ends = self.0.range((id, at, 0)..=(id, at, u64::MAX));
        let end = ends.find(|(_, end)| told < Some(end.how) && generation <= end.generation);
        end.map(|((_, _, index), _)| *index)
    }
}
