//! Recording answers beside the traffic: at most a second behind. Answers that are alike and of the same second are one event
//! with their number, so that the busiest keys cost least.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, oneshot};
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::{Instant, timeout, timeout_at};

use super::log::Log;
use super::metrics::Metrics;
use super::reason;
use crate::key::{Actor, Timestamp};
use crate::vault::{RecordedUse, Recorder, RequestText, UseRequest};

/// Most events that are not recorded yet, where nothing fails, and as many are being written: who comes then waits.
const BATCH: usize = 2048;

/// How long for, where an answer need not be recorded: what holds the writer up for longer holds up no answers.
const PATIENCE: Duration = Duration::from_millis(50);

/// How long answers are gathered: with the time to write them, each is recorded within a second where nothing fails.
const PERIOD: Duration = Duration::from_millis(900);

/// Most events that are kept while they cannot be recorded.
const KEPT: usize = 64 * 1024;

/// Where answers go that are to be recorded.
pub(super) struct Recording {
    pending: Arc<Pending>,
    hasher: RandomState,
    /// An answer is given only once it is recorded.
    is_required: bool,
}

#[derive(Default)]
struct Pending {
    uses: Mutex<Uses>,
    /// There is something to write, or enough, or nothing more will come.
    ripe: Notify,
    /// There is room again.
    taken: Notify,
}

/// What waits to be written, oldest first.
#[derive(Default)]
struct Uses {
    events: Vec<RecordedUse>,
    /// Where those are that others may be alike with.
    places: HashMap<u64, usize>,
    /// Who waits until all of it is recorded.
    told: Vec<oneshot::Sender<()>>,
    /// The writer has not come for some time.
    is_stalled: bool,
    /// Answers for which there was no room at all.
    lost: u64,
    is_closed: bool,
    /// Nobody writes any more.
    is_lost: bool,
}

/// What writes them.
pub(super) struct Writer {
    pub(super) recorder: Recorder,
    pub(super) who: Actor,
    pub(super) clock: fn() -> Timestamp,
    pub(super) log: Arc<Log>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) is_required: bool,
}

impl Recording {
    /// Begins to record; the task ends once this is dropped and everything is written, and gives what was lost.
    pub(super) fn start(writer: Writer) -> (Self, JoinHandle<u64>) {
        let pending = Arc::new(Pending::default());
        let is_required = writer.is_required;
        let task = tokio::spawn(writer.run(Arc::clone(&pending)));
        let recording = Self {
            pending,
            hasher: RandomState::new(),
            is_required,
        };
        (recording, task)
    }

    /// Hands an answer over; waits where too much waits already. False where it has to be recorded and could not be.
    pub(super) async fn record(&self, used: RecordedUse, request: RequestText<'_>) -> bool {
        // As an event keeps it, without its query; the id is that of the first.
        let path = request.path.and_then(|path| path.split(['?', '#']).next());
        // Who has no good token for it must not push the uses of those who have one out of the file.
        let asked = used
            .is_of_good_token()
            .then_some((request.method, path, request.client));
        let likeness = self.hasher.hash_one((used.likeness(), asked));
        let mut has_waited = false;
        let told = loop {
            // Before the look, so that room that is made after it is noticed.
            let taken = self.pending.taken.notified();
            {
                let mut uses = self.pending.uses();
                if uses.is_lost {
                    return !self.is_required;
                }
                let most = if uses.is_stalled || has_waited {
                    KEPT
                } else {
                    BATCH
                };
                if let Some(is_new) = uses.add(likeness, &used, request, most) {
                    let told = self.is_required.then(|| uses.told());
                    let is_ripe = is_new && [1, BATCH].contains(&uses.events.len());
                    let is_ripe = is_ripe || told.is_some();
                    drop(uses);
                    if is_ripe {
                        self.pending.ripe.notify_one();
                    }
                    break told;
                }
                if has_waited {
                    uses.lost += 1;
                    return true;
                }
            }
            if self.is_required {
                taken.await;
            } else if timeout(PATIENCE, taken).await.is_err() {
                // Others may have found out at once with this one: each looks again, where there is more room.
                has_waited = true;
                self.pending.uses().is_stalled = true;
            }
        };
        match told {
            None => true,
            Some(told) => told.await.is_ok(),
        }
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        self.pending.uses().is_closed = true;
        self.pending.ripe.notify_one();
    }
}

impl Uses {
    /// Adds one more, and says whether it is like no other; nothing where there is no room.
    fn add(
        &mut self,
        likeness: u64,
        used: &RecordedUse,
        request: RequestText<'_>,
        most: usize,
    ) -> Option<bool> {
        let is_full = self.events.len() >= most;
        match self.places.entry(likeness) {
            Entry::Occupied(place) => {
                self.events[*place.get()].again();
                Some(false)
            }
            Entry::Vacant(_) if is_full => None,
            Entry::Vacant(place) => {
                place.insert(self.events.len());
                let used = used.clone().with_request(UseRequest::new(request));
                self.events.push(used);
                Some(true)
            }
        }
    }

    fn told(&mut self) -> oneshot::Receiver<()> {
        let (tell, told) = oneshot::channel();
        self.told.push(tell);
        told
    }
}

impl Pending {
    fn uses(&self) -> MutexGuard<'_, Uses> {
        self.uses.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until there is enough to write or the first has waited long enough; false when no more comes.
    async fn gathered(&self, is_retry: bool, is_required: bool) -> bool {
        let is_due = |least: usize| {
            let uses = self.uses();
            uses.is_closed || uses.events.len() >= least
        };
        // What could not be written is tried again after a period, with what comes meanwhile.
        while !is_retry && !is_due(1) {
            self.ripe.notified().await;
        }
        let deadline = Instant::now() + PERIOD;
        // Somebody waits for each of those that are required.
        while !is_required && !is_due(BATCH) {
            if timeout_at(deadline, self.ripe.notified()).await.is_err() {
                break;
            }
        }
        !self.uses().is_closed
    }

    /// Takes out what waits.
    fn take(&self) -> Uses {
        let mut uses = self.uses();
        let is_closed = uses.is_closed;
        let taken = std::mem::take(&mut *uses);
        uses.is_closed = is_closed;
        drop(uses);
        self.taken.notify_waiters();
        taken
    }

    /// Whoever waits is told, and nobody waits any more.
    fn give_up(&self) {
        *self.uses() = Uses {
            is_lost: true,
            ..Uses::default()
        };
        self.taken.notify_waiters();
    }
}

impl Writer {
    async fn run(mut self, pending: Arc<Pending>) -> u64 {
        let mut waiting: Vec<RecordedUse> = Vec::new();
        let (mut lost, mut is_failing) = (0, false);
        let mut is_open = true;
        while is_open {
            is_open = pending
                .gathered(!waiting.is_empty(), self.is_required)
                .await;
            let taken = pending.take();
            self.metrics.lost.inc_by(taken.lost);
            lost += taken.lost;
            waiting.extend(taken.events);
            let (log, metrics) = (Arc::clone(&self.log), Arc::clone(&self.metrics));
            let given = sum(&waiting);
            let written = spawn_blocking(move || {
                let written = self.recorder.write(&waiting, &self.who);
                if written.is_ok() {
                    waiting.clear();
                    self.recorder.prune((self.clock)());
                }
                (self, waiting, written)
            });
            let Ok((writer, left, written)) = written.await else {
                // It panicked, and what it had is gone with it.
                pending.give_up();
                log.error("recording-ended", &[("lost", given.to_string())]);
                return lost + given;
            };
            (self, waiting) = (writer, left);
            match written {
                Ok(()) => {
                    metrics.recorded.inc_by(given);
                    for told in taken.told {
                        // Who does not wait any more has gone.
                        let _ = told.send(());
                    }
                    if is_failing {
                        log.info("recording-again", &[]);
                    }
                    is_failing = false;
                }
                Err(err) => {
                    if !is_failing {
                        let fields = [("why", reason(&err)), ("waiting", given.to_string())];
                        log.error("not-recorded", &fields);
                    }
                    is_failing = true;
                    if self.is_required {
                        // Whom it would have been recorded for was refused.
                        waiting.clear();
                    }
                    let given_up = shed(&mut waiting, is_open);
                    self.metrics.lost.inc_by(given_up);
                    lost += given_up;
                }
            }
            metrics.waiting.set(sum(&waiting) as i64);
        }
        if lost > 0 {
            self.log.error("uses-lost", &[("count", lost.to_string())]);
        }
        lost
    }
}

/// Gives up what cannot wait any more, oldest first, and says how many answers that were.
fn shed(waiting: &mut Vec<RecordedUse>, is_open: bool) -> u64 {
    let surplus = match is_open {
        true => waiting.len().saturating_sub(KEPT),
        false => waiting.len(),
    };
    let lost = sum(&waiting[..surplus]);
    waiting.drain(..surplus);
    lost
}

/// How many answers these events tell of.
fn sum(events: &[RecordedUse]) -> u64 {
    events.iter().map(RecordedUse::times).sum()
}

#[cfg(test)]
mod tests;
