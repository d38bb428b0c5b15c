//! Uses that are added up before they are recorded, for whoever checks many.

use std::collections::HashMap;

use super::activity::with_cause;
use super::recorder::Used;
use super::{Checked, Vault, VaultError};
use crate::key::{KeyId, Timestamp};
use crate::store::Use;

/// Uses that were not recorded yet, equal ones added up: it grows with keys and answers, not with uses.
#[derive(Debug, Default)]
pub struct UseCounts(HashMap<Counted, Count>);

/// What is counted as one.
#[derive(Debug, Eq, Hash, PartialEq)]
struct Counted {
    /// `None` for attempts with an id that no key has.
    key: Option<KeyId>,
    generation: u32,
    code: &'static str,
    allowed: bool,
    day: i64,
}

#[derive(Debug)]
struct Count {
    times: u64,
    last_at: Timestamp,
}

impl UseCounts {
    /// Counts one more use, at the time it was checked.
    pub fn add(&mut self, checked: &Checked) {
        self.add_use(&checked.used(), checked.verdict.checked_at);
    }

    /// The same with a use of any kind.
    pub(super) fn add_use(&mut self, used: &Used<'_>, at: Timestamp) {
        let counted = Counted {
            key: used.key.map(|(id, _)| id),
            generation: used.generation,
            code: used.code,
            allowed: used.allowed,
            day: at.day(),
        };
        let count = self.0.entry(counted).or_insert(Count {
            times: 0,
            last_at: at,
        });
        count.times += used.times;
        count.last_at = count.last_at.max(at);
    }

    /// Each answer, and how often it was given.
    pub(super) fn rows(&self) -> impl Iterator<Item = (Use<'static>, u64)> {
        self.0.iter().map(|(counted, count)| {
            let used = Use {
                key_id: counted.key,
                generation: counted.generation,
                code: counted.code,
                allowed: counted.allowed,
                at: count.last_at,
            };
            (used, count.times)
        })
    }
}

impl Vault {
    /// Records what was counted, in one transaction and without an event for each use, and takes it out of `counts`.
    ///
    /// # Errors
    /// [`VaultError::NotRecorded`] where the audit is required. Elsewhere a failure is a warning. Either way what could
    /// not be recorded stays in `counts` for the next time.
    pub fn record_counts(&mut self, counts: &mut UseCounts) -> Result<(), VaultError> {
        if counts.0.is_empty() {
            return Ok(());
        }
        match self
            .new_activity()
            .and_then(|file| file.record_counts(counts.rows()))
        {
            Ok(()) => {
                counts.0.clear();
                self.has_recorded = true;
                Ok(())
            }
            Err(err) if self.location.audit_required => {
                Err(VaultError::NotRecorded(Box::new(err.into())))
            }
            Err(err) => {
                self.warnings
                    .push(format!("uses cannot be recorded: {}", with_cause(&err)));
                Ok(())
            }
        }
    }
}
