//! A look at all of a vault: what no single use case opens.

use super::log::LogMark;
use super::record::RecordKey;
use super::state::State;
use super::{VaultError, View};
use crate::crypto::RootKey;
use crate::key::{ScopeId, Timestamp};
use crate::store::Snapshot;

/// What is in a vault that was looked at whole.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Contents {
    /// Issued and provider keys.
    pub keys: u64,
    /// Entries of the log.
    pub changes: u64,
    /// When the last of them was made.
    pub changed_at: Option<Timestamp>,
}

impl View<'_> {
    /// Opens every record of every scope and of the vault's own, and reads the log from its start.
    ///
    /// # Errors
    /// [`VaultError::Altered`] for the first thing that is not as it was sealed.
    pub(super) fn check_whole(&self, key: &RootKey) -> Result<Contents, VaultError> {
        let keys = self.state.check_records(&self.snapshot)?;
        let own = RecordKey::new(key, ScopeId::OWN, None, self.state.vault);
        for row in self.state.own.rows() {
            let record = self.state.record(&self.snapshot, ScopeId::OWN, &own, row)?;
            record.own()?;
        }
        let mut changed_at = None;
        let last = self.read_log(key, LogMark::START, |_, entry| changed_at = Some(entry.at))?;
        Ok(Contents {
            keys,
            changes: last.index,
            changed_at,
        })
    }
}

impl State {
    /// Opens every record of the open scopes, and says how many there are.
    pub(super) fn check_records(&self, snapshot: &Snapshot<'_>) -> Result<u64, VaultError> {
        let mut keys = 0;
        for open in &self.scopes {
            let record_key = self.record_key(open);
            let manifest =
                self.pass(snapshot, open, |row| record_key.open(row)?.key().map(drop))?;
            keys += manifest.len();
        }
        Ok(keys)
    }
}
