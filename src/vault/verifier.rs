//! Checking tokens in a process that stays: from memory, and never behind the vault.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, Instant};

use super::{
    AccessToken, Checked, Credential, KnownKeys, Location, Recorder, Requirements, StoreError,
    Vault, VaultError,
};
use crate::crypto::SecretSlice;
use crate::key::Timestamp;

/// For how long a vault that could not be read is not read again.
const PATIENCE: Duration = Duration::from_millis(100);

/// Checks tokens of issued keys in this process, from any of its threads.
///
/// Every answer is exact: a key that was revoked, rotated, edited or deleted by a command that has returned is treated so by
/// the next check. What cannot be read, or was altered, is [`VaultError`] until it is mended, and never what was known before.
///
/// A check takes some microseconds. After a change of the vault, the first one reads all keys again, and those that come
/// meanwhile wait for it: about a microsecond a key.
///
/// `examples/verify_in_process.rs` opens one, answers by each [`Code`](super::Code), and records.
pub struct Verifier {
    known: RwLock<Option<Arc<KnownKeys>>>,
    /// Looks at the vault that were begun, and the last of them that found it to be what was read.
    looks: AtomicU64,
    good_look: AtomicU64,
    source: Mutex<Source>,
}

/// Where keys are read from.
struct Source {
    vault: Vault,
    /// What opened it, to open it again: a scope that is re-keyed has another key.
    tokens: Option<(Location, Vec<AccessToken>)>,
    /// The last that was read, against which a vault that is read again must not be older.
    last: Option<Arc<KnownKeys>>,
    failed: Option<(Instant, Arc<VaultError>)>,
    warnings: Vec<String>,
}

impl Verifier {
    /// Of the scopes that access tokens open, each of which is one of issued keys.
    ///
    /// # Errors
    /// As [`Vault::open`] and [`Vault::known_keys`]; [`VaultError::ScopeClosed`] where none of them is of issued keys.
    pub fn open(
        location: &Location,
        tokens: Vec<AccessToken>,
        now: Timestamp,
    ) -> Result<Self, VaultError> {
        let vault = Vault::open(location, &Credential::AccessTokens(&tokens), now)?;
        Self::new(vault, Some((location.clone(), tokens)))
    }

    /// Of all issued keys that are open in a vault. One that is re-keyed has to be opened anew by its owner.
    ///
    /// # Errors
    /// As [`Vault::known_keys`].
    pub fn of(vault: Vault) -> Result<Self, VaultError> {
        Self::new(vault, None)
    }

    fn new(
        mut vault: Vault,
        tokens: Option<(Location, Vec<AccessToken>)>,
    ) -> Result<Self, VaultError> {
        let known = Arc::new(vault.known_keys(None)?);
        let warnings = vault.take_warnings();
        Ok(Self {
            known: RwLock::new(Some(Arc::clone(&known))),
            looks: AtomicU64::new(0),
            good_look: AtomicU64::new(0),
            source: Mutex::new(Source {
                vault,
                tokens,
                last: Some(known),
                failed: None,
                warnings,
            }),
        })
    }

    /// What is said of a presented credential: a bare token, or an `Authorization` line. May wait for the vault to be read.
    ///
    /// # Errors
    /// As [`Verifier::renew`].
    pub fn check(
        &self,
        presented: SecretSlice<'_>,
        requirements: &Requirements,
        now: Timestamp,
    ) -> Result<Checked, Arc<VaultError>> {
        let known = self.current(now).map_or_else(|| self.renew(now), Ok)?;
        Ok(known.check(presented, requirements, now))
    }

    /// What is known, if the vault is still what was read; without waiting for anything.
    pub fn current(&self, now: Timestamp) -> Option<Arc<KnownKeys>> {
        self.current_since(self.looks(), now)
    }

    /// How many looks at the vault were begun: for requests that come together, to which one look is enough. Whoever has
    /// read a request takes this number, and lets others read theirs before [`Verifier::current_since`].
    pub fn looks(&self) -> u64 {
        self.looks.load(Ordering::SeqCst)
    }

    /// As [`Verifier::current`], where a look will do that another caller began after `looks` was taken.
    pub fn current_since(&self, looks: u64, now: Timestamp) -> Option<Arc<KnownKeys>> {
        // Before what is known: that is never older than the look.
        let is_seen = self.good_look.load(Ordering::SeqCst) > looks;
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let known = known.as_ref().map(Arc::clone)?;
        if is_seen {
            return known.is_in_time(now).then_some(known);
        }
        let look = self.looks.fetch_add(1, Ordering::SeqCst) + 1;
        if !known.is_current(now) {
            return None;
        }
        self.good_look.fetch_max(look, Ordering::SeqCst);
        Some(known)
    }

    /// Reads the vault again, if it is not what was read; waits for who does so already.
    ///
    /// # Errors
    /// As [`Vault::known_keys`]. Such an answer stands for a tenth of a second, and every caller gets it.
    pub fn renew(&self, now: Timestamp) -> Result<Arc<KnownKeys>, Arc<VaultError>> {
        let mut source = self.source();
        if let Some(known) = self.current(now) {
            return Ok(known);
        }
        if let Some((at, err)) = &source.failed
            && at.elapsed() < PATIENCE
        {
            return Err(Arc::clone(err));
        }
        let read = source.read(now);
        let known = read.as_ref().ok().map(Arc::clone);
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = known;
        read
    }

    /// Records what was checked, for as long as this process likes.
    ///
    /// # Errors
    /// As [`Vault::recorder`].
    pub fn recorder(&self) -> Result<Recorder, VaultError> {
        self.source().vault.recorder()
    }

    /// What went wrong without stopping anything; each is told once.
    pub fn take_warnings(&self) -> Vec<String> {
        std::mem::take(&mut self.source().warnings)
    }

    fn source(&self) -> MutexGuard<'_, Source> {
        self.source.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Source {
    fn read(&mut self, now: Timestamp) -> Result<Arc<KnownKeys>, Arc<VaultError>> {
        let mut read = self.try_read(now);
        // A file that is replaced again and again is somebody's fight.
        for _ in 0..8 {
            if !matches!(read, Err(VaultError::Store(StoreError::Replaced(_)))) {
                break;
            }
            read = self.try_read(now);
        }
        self.warnings.extend(self.vault.take_warnings());
        match read {
            Ok(known) => {
                let known = Arc::new(known);
                self.last = Some(Arc::clone(&known));
                self.failed = None;
                Ok(known)
            }
            Err(err) => {
                let err = Arc::new(err);
                self.failed = Some((Instant::now(), Arc::clone(&err)));
                Err(err)
            }
        }
    }

    fn try_read(&mut self, now: Timestamp) -> Result<KnownKeys, VaultError> {
        if let Some((location, tokens)) = &self.tokens {
            // Their scopes may have other keys by now, and the tokens may open nothing any more.
            self.vault = Vault::open(location, &Credential::AccessTokens(tokens), now)?;
        } else {
            // SQLite keeps the pages that it has read until the file's change counter is another, and who alters a file
            // need not count.
            self.vault.file.reopen()?;
        }
        self.vault.known_keys(self.last.as_deref())
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::Verifier;

    /// A server answers from several threads.
    #[test]
    fn a_verifier_can_be_shared() {
        fn shared<T: Send + Sync>() {}
        shared::<Verifier>();
    }
}
