//! Recording answers beside the traffic: in batches, at most a second or some thousand answers behind.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::{Instant, timeout_at};

use super::log::Log;
use super::metrics::Metrics;
use super::reason;
use crate::key::{Actor, Timestamp};
use crate::vault::{RecordedUse, Recorder, VaultError};

/// Most answers that are given and not recorded, where nothing fails: who comes then waits.
const BEHIND: usize = 4096;

/// Most answers of one transaction. As many wait for the next one.
const BATCH: usize = BEHIND / 2;

/// How long an answer is not recorded at most, where nothing fails.
const PERIOD: Duration = Duration::from_secs(1);

/// Most answers that are kept while they cannot be recorded.
const KEPT: usize = 64 * 1024;

/// Where answers go that are to be recorded.
pub(super) struct Recording {
    queue: mpsc::Sender<Item>,
    /// An answer is given only once it is recorded.
    is_required: bool,
}

struct Item {
    used: RecordedUse,
    /// Who waits until it is recorded.
    told: Option<oneshot::Sender<()>>,
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
        let (queue, items) = mpsc::channel(BATCH);
        let is_required = writer.is_required;
        let task = tokio::spawn(writer.run(items));
        (Self { queue, is_required }, task)
    }

    /// Hands an answer over; waits where too many wait already. False where it has to be recorded and could not be.
    pub(super) async fn record(&self, used: RecordedUse) -> bool {
        if !self.is_required {
            // Only a writer that panicked has closed the queue.
            return self.queue.send(Item { used, told: None }).await.is_ok();
        }
        let (tell, told) = oneshot::channel();
        let item = Item {
            used,
            told: Some(tell),
        };
        self.queue.send(item).await.is_ok() && told.await.is_ok()
    }
}

impl Writer {
    async fn run(mut self, mut items: mpsc::Receiver<Item>) -> u64 {
        let mut waiting: Vec<Item> = Vec::with_capacity(BATCH);
        let (mut lost, mut is_failing) = (0, false);
        let mut is_open = true;
        while is_open {
            is_open = gather(&mut items, &mut waiting, self.is_required).await;
            if waiting.is_empty() {
                continue;
            }
            let batch = std::mem::take(&mut waiting);
            let count = batch.len();
            let (writer, batch, written) = match spawn_blocking(move || self.write(batch)).await {
                Ok(done) => done,
                // It panicked, and what it had is gone with it.
                Err(_) => return lost + count as u64,
            };
            (self, waiting) = (writer, batch);
            match written {
                Ok(()) => {
                    if is_failing {
                        self.log.info("recording-again", &[]);
                    }
                    is_failing = false;
                }
                Err(err) => {
                    if !is_failing {
                        let fields = [
                            ("why", reason(&err)),
                            ("waiting", waiting.len().to_string()),
                        ];
                        self.log.error("not-recorded", &fields);
                    }
                    is_failing = true;
                    lost += self.shed(&mut waiting, is_open);
                }
            }
            self.metrics.waiting.set(waiting.len() as i64);
        }
        if lost > 0 {
            self.log.error("uses-lost", &[("count", lost.to_string())]);
        }
        lost
    }

    /// Writes a batch, and gives back what of it has to wait.
    fn write(mut self, batch: Vec<Item>) -> (Self, Vec<Item>, Result<(), VaultError>) {
        let (uses, told): (Vec<RecordedUse>, Vec<_>) =
            batch.into_iter().map(|item| (item.used, item.told)).unzip();
        let written = self.recorder.write(&uses, &self.who);
        if let Err(err) = written {
            let items = uses.into_iter().zip(told);
            let items = items.map(|(used, told)| Item { used, told }).collect();
            return (self, items, Err(err));
        }
        self.metrics.recorded.inc_by(uses.len() as u64);
        for told in told.into_iter().flatten() {
            // Who does not wait any more has gone.
            let _ = told.send(());
        }
        self.recorder.prune((self.clock)());
        (self, Vec::new(), Ok(()))
    }

    /// Gives up what cannot wait any more: whom it would have been recorded for was refused, or there is too much of it.
    fn shed(&self, waiting: &mut Vec<Item>, is_open: bool) -> u64 {
        // Dropping it tells who waits.
        waiting.retain(|item| item.told.is_none());
        let surplus = match is_open {
            true => waiting.len().saturating_sub(KEPT),
            false => waiting.len(),
        };
        waiting.drain(..surplus);
        self.metrics.lost.inc_by(surplus as u64);
        surplus as u64
    }
}

/// Waits for answers until there are enough or the first has waited long enough; false when no more come.
async fn gather(
    items: &mut mpsc::Receiver<Item>,
    waiting: &mut Vec<Item>,
    is_required: bool,
) -> bool {
    let mut deadline = None;
    // What could not be written is tried again after a period, with what comes meanwhile.
    if !waiting.is_empty() {
        deadline = Some(Instant::now() + PERIOD);
    }
    let full = waiting.len() + BATCH;
    while waiting.len() < full {
        let room = full - waiting.len();
        let received = match deadline {
            None => items.recv_many(waiting, room).await,
            Some(deadline) => match timeout_at(deadline, items.recv_many(waiting, room)).await {
                Ok(received) => received,
                Err(_) => return true,
            },
        };
        if received == 0 {
            return false;
        }
        // Somebody waits for each of them.
        if is_required {
            return true;
        }
        deadline.get_or_insert_with(|| Instant::now() + PERIOD);
    }
    true
}
