//! All of a vault, opened and checked.

use crate::crypto::RootKey;
use crate::key::ScopeId;
use crate::vault::audit::{Homes, newest_first};
use crate::vault::log::LogMark;
use crate::vault::record::RecordKey;
use crate::vault::{AuditFilter, Filter, Vault, VaultError, View};

/// How much was gone through.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Examined {
    pub keys: u64,
    /// Roles, and what is known of access tokens.
    pub settings: u64,
    /// Entries of the log.
    pub changes: u64,
    /// Recorded uses.
    pub uses: u64,
}

impl Vault {
    /// Opens all there is; with how many recorded uses do not open.
    pub(super) fn examine(
        &mut self,
        owner: &RootKey,
        with_uses: bool,
    ) -> Result<(Examined, u64), VaultError> {
        // Before the vault is read, which then knows the keys of all events up to this one.
        let activity = if with_uses {
            self.activity_now()?
        } else {
            None
        };
        self.read(|view| {
            let mut examined = view.examine(owner)?;
            let mut closed = 0;
            if let Some((file, last)) = &activity {
                let mut homes = Homes::of(view, owner)?;
                newest_first(file, *last, None, &AuditFilter::default(), |row| {
                    examined.uses += 1;
                    closed += u64::from(homes.open(row).is_none());
                    true
                })?;
            }
            Ok((examined, closed))
        })
    }
}

impl View<'_> {
    /// The vault's own part: pages, log, settings, and what every record seals.
    fn examine(&self, owner: &RootKey) -> Result<Examined, VaultError> {
        self.snapshot.check_pages()?;
        let mut examined = Examined::default();
        self.read_log(owner, LogMark::START, |index, _| examined.changes = index)?;
        let own_key = RecordKey::new(owner, ScopeId::OWN, None, self.state.vault);
        for row in self.state.own.rows() {
            let record = self
                .state
                .record(&self.snapshot, ScopeId::OWN, &own_key, row)?;
            record.own()?;
            record.secrets()?;
            examined.settings += 1;
        }
        let (filter, nobody) = (Filter::default(), Default::default());
        let now = crate::key::Timestamp(0);
        let keys = self.each(&filter, now, &nobody, |_, _, record| {
            record.secrets().map(drop)
        })?;
        examined.keys = keys.len() as u64;
        Ok(examined)
    }
}
