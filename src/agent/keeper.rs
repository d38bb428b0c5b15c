//! Who holds the key, and for how long. Pure: the time is told to it.

use std::time::Duration;

use super::limits::Limits;
use super::protocol::Code;
use crate::crypto::RootKey;
use crate::key::VaultId;

/// Holds one key or none. Times are of a clock that goes on while the machine sleeps.
#[derive(Debug, Default)]
pub(super) struct Keeper {
    held: Option<Held>,
}

#[derive(Debug)]
struct Held {
    vault: VaultId,
    key: RootKey,
    limits: Limits,
    given: Duration,
    used: Duration,
}

/// How much time a key has left.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Left {
    /// If it is not used.
    pub(super) idle: Duration,
    pub(super) max: Duration,
}

impl Left {
    fn is_over(self) -> bool {
        self.idle.is_zero() || self.max.is_zero()
    }
}

impl Keeper {
    /// Takes a key over. The one before is wiped, and both limits begin anew.
    pub(super) fn put(&mut self, vault: VaultId, key: RootKey, limits: Limits, now: Duration) {
        self.held = Some(Held {
            vault,
            key,
            limits,
            given: now,
            used: now,
        });
    }

    /// The key and what is left of its time. It counts as a use. Never a key that is past a limit.
    ///
    /// # Errors
    /// [`Code::Locked`] without a key, [`Code::OtherVault`] with that of another vault.
    pub(super) fn get(&mut self, vault: VaultId, now: Duration) -> Result<(&RootKey, Left), Code> {
        let held = self.held_of(vault, now)?;
        held.used = held.used.max(now);
        Ok((&held.key, held.left(now)))
    }

    /// The same, and no use.
    ///
    /// # Errors
    /// As [`Keeper::get`].
    pub(super) fn peek(&mut self, vault: VaultId, now: Duration) -> Result<(&RootKey, Left), Code> {
        let held = self.held_of(vault, now)?;
        Ok((&held.key, held.left(now)))
    }

    fn held_of(&mut self, vault: VaultId, now: Duration) -> Result<&mut Held, Code> {
        self.expire(now);
        let held = self.held.as_mut().ok_or(Code::Locked)?;
        if held.vault == vault {
            Ok(held)
        } else {
            Err(Code::OtherVault)
        }
    }

    /// Wipes the key.
    pub(super) fn lock(&mut self) {
        self.held = None;
    }

    /// Wipes the key if it is past a limit; whether that was so.
    pub(super) fn expire(&mut self, now: Duration) -> bool {
        let over = self
            .held
            .as_ref()
            .is_some_and(|held| held.left(now).is_over());
        if over {
            self.lock();
        }
        over
    }

    /// What is left of the key's time; `None` without a key or past a limit. No use of it.
    pub(super) fn left(&self, now: Duration) -> Option<Left> {
        let left = self.held.as_ref()?.left(now);
        (!left.is_over()).then_some(left)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.held.is_none()
    }
}

impl Held {
    fn left(&self, now: Duration) -> Left {
        let since = |start: Duration| now.saturating_sub(start);
        Left {
            idle: self.limits.idle.duration().saturating_sub(since(self.used)),
            max: self.limits.max.duration().saturating_sub(since(self.given)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VAULT: VaultId = VaultId([1; 16]);
    const START: Duration = Duration::from_secs(1_000_000);

    fn at(seconds: u64) -> Duration {
        START + Duration::from_secs(seconds)
    }

    /// Given at `at(0)`, for 15 minutes and 8 hours.
    fn keeper() -> Keeper {
        let mut keeper = Keeper::default();
        keeper.put(VAULT, RootKey::take(&mut [7; 32]), Limits::default(), at(0));
        keeper
    }

    #[test]
    fn a_key_is_given_out_until_it_is_locked() {
        let mut keeper = keeper();
        assert!(keeper.get(VAULT, at(1)).is_ok());
        assert_eq!(
            keeper.get(VaultId([2; 16]), at(1)).err(),
            Some(Code::OtherVault)
        );
        keeper.lock();
        assert_eq!(keeper.get(VAULT, at(1)).err(), Some(Code::Locked));
        assert!(keeper.is_empty());
    }

    #[test]
    fn it_is_wiped_after_fifteen_minutes_without_use() {
        let mut keeper = keeper();
        assert!(!keeper.expire(at(899)) && keeper.left(at(899)).is_some());
        assert!(keeper.left(at(900)).is_none());
        assert!(keeper.expire(at(900)) && keeper.is_empty());
        assert!(!keeper.expire(at(901)));
    }

    #[test]
    fn a_use_begins_the_idle_time_anew_and_looking_does_not() {
        let mut keeper = keeper();
        assert!(keeper.get(VAULT, at(800)).is_ok());
        assert!(keeper.left(at(1_600)).is_some());
        assert!(keeper.get(VaultId([2; 16]), at(1_600)).is_err());
        assert!(keeper.get(VAULT, at(1_700)).is_err());
        assert!(keeper.is_empty());
    }

    #[test]
    fn a_peek_gives_the_key_and_is_no_use() {
        let mut keeper = keeper();
        for seconds in (0..900).step_by(100) {
            assert!(keeper.peek(VAULT, at(seconds)).is_ok(), "{seconds}");
        }
        let other = VaultId([2; 16]);
        assert_eq!(keeper.peek(other, at(899)).err(), Some(Code::OtherVault));
        assert_eq!(keeper.peek(VAULT, at(900)).err(), Some(Code::Locked));
        assert!(keeper.is_empty());
    }

    #[test]
    fn no_use_keeps_it_longer_than_eight_hours() {
        let mut keeper = keeper();
        for seconds in (0..28_800).step_by(600) {
            assert!(keeper.get(VAULT, at(seconds)).is_ok(), "{seconds}");
        }
        assert!(keeper.get(VAULT, at(28_799)).is_ok());
        assert_eq!(keeper.get(VAULT, at(28_800)).err(), Some(Code::Locked));
    }

    #[test]
    fn after_a_sleep_past_a_limit_nothing_is_given_out() {
        for asleep in [900, 28_800, 10_000_000] {
            let mut keeper = keeper();
            assert!(keeper.get(VAULT, at(0)).is_ok());
            // Nobody ran meanwhile: the very first call after it has to notice.
            assert_eq!(keeper.get(VAULT, at(asleep)).err(), Some(Code::Locked));
            assert!(keeper.is_empty(), "{asleep}");
        }
    }

    #[test]
    fn another_key_takes_its_place_with_limits_of_its_own() {
        let mut keeper = keeper();
        let short = Limits {
            idle: "1m".parse().expect("a limit"),
            max: "2m".parse().expect("a limit"),
        };
        let other = VaultId([2; 16]);
        keeper.put(other, RootKey::take(&mut [8; 32]), short, at(100));
        assert_eq!(keeper.get(VAULT, at(100)).err(), Some(Code::OtherVault));
        let left = keeper.left(at(130)).expect("it is there");
        assert_eq!((left.idle.as_secs(), left.max.as_secs()), (30, 90));
        assert!(keeper.get(other, at(160)).is_err());
    }

    #[test]
    fn a_clock_that_goes_back_shortens_nothing_and_hides_nothing() {
        let mut keeper = keeper();
        assert!(keeper.get(VAULT, at(800)).is_ok());
        assert!(keeper.get(VAULT, at(0)).is_ok());
        assert!(keeper.get(VAULT, at(1_699)).is_ok());
    }
}
