//! How many requests a key may make: a bucket of tokens for each, as long as the process runs.
//!
//! A bucket holds as many tokens as its rate's count and is full at first. Each request takes one; they come back evenly, a
//! whole bucket in a period. So in any period at most twice the count passes: what was there, and what came back.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::key::{KeyId, Rate};

/// The buckets of all keys. A key's generations share one.
#[derive(Debug, Default)]
pub(crate) struct Limiter(Mutex<Buckets>);

/// After how many seconds the next request passes, if none comes before; rounded up, at least 1.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct RetryAfter(pub(crate) u64);

impl Limiter {
    /// Lets a request of this key through, and counts it.
    ///
    /// `now` is the time since some fixed moment, by a clock that does not go back; while it does, nothing is given back. A
    /// rate that has changed holds at once: what is left stays left, up to the new count, and the rest comes back at the new
    /// pace.
    ///
    /// # Errors
    /// [`RetryAfter`] when the key has made as many requests as it may.
    pub(crate) fn take(&self, key: KeyId, rate: Rate, now: Duration) -> Result<(), RetryAfter> {
        // No bucket is left half changed, whatever a thread that panicked was about.
        let mut buckets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        buckets.take(key, rate, now.as_nanos())
    }
}

/// Times are in nanoseconds.
#[derive(Debug, Default)]
struct Buckets {
    by_key: BTreeMap<KeyId, Bucket>,
    /// The latest time that any request was made at.
    latest: u128,
    /// Which bucket was looked at last: full ones are forgotten, a few at each request.
    looked_at: Option<KeyId>,
}

impl Buckets {
    /// Looks at each request. With two, all were looked at after as many requests as there are buckets, new ones included.
    const LOOKS: usize = 2;

    fn take(&mut self, key: KeyId, rate: Rate, asked_at: u128) -> Result<(), RetryAfter> {
        let now = self.latest.max(asked_at);
        self.latest = now;
        self.forget_full(now);
        let bucket = self.by_key.entry(key);
        let bucket = bucket.or_insert_with(|| Bucket::full(rate, now));
        bucket.refill(now);
        bucket.change(rate);
        let taken = bucket.take();
        taken.map_err(|wait| RetryAfter::nanoseconds(wait + (now - asked_at)))
    }

    /// A full bucket is as good as none. Few are looked at, so that no request waits for all of them.
    fn forget_full(&mut self, now: u128) {
        for _ in 0..Self::LOOKS {
            let after = self.looked_at.map_or(Bound::Unbounded, Bound::Excluded);
            let mut rest = self.by_key.range_mut((after, Bound::Unbounded));
            let Some((&key, bucket)) = rest.next() else {
                self.looked_at = None;
                return;
            };
            self.looked_at = Some(key);
            bucket.refill(now);
            if bucket.is_full() {
                self.by_key.remove(&key);
            }
        }
    }
}

/// The tokens of one key, in parts so small that as many as the rate's count come back in each nanosecond; a token is as
/// many parts as the period has nanoseconds. So all of it is whole numbers and nothing is ever rounded. Even a million
/// requests a day, after the longest time there is, are far below 2^127 parts.
#[derive(Debug)]
struct Bucket {
    rate: Rate,
    left: u128,
    refilled_at: u128,
}

impl Bucket {
    fn full(rate: Rate, now: u128) -> Self {
        Self {
            rate,
            left: capacity(rate),
            refilled_at: now,
        }
    }

    fn is_full(&self) -> bool {
        self.left == capacity(self.rate)
    }

    fn refill(&mut self, now: u128) {
        let back = (now - self.refilled_at) * count(self.rate);
        self.left = capacity(self.rate).min(self.left + back);
        self.refilled_at = now;
    }

    /// One that is full stays full: it might as well have been forgotten.
    fn change(&mut self, rate: Rate) {
        if self.rate != rate {
            self.left = if self.is_full() {
                capacity(rate)
            } else {
                let left = self.left * token(rate) / token(self.rate);
                capacity(rate).min(left)
            };
            self.rate = rate;
        }
    }

    /// Without a whole token: how many nanoseconds until there is one, rounded up.
    fn take(&mut self) -> Result<(), u128> {
        let token = token(self.rate);
        match self.left.checked_sub(token) {
            Some(left) => {
                self.left = left;
                Ok(())
            }
            None => Err((token - self.left).div_ceil(count(self.rate))),
        }
    }
}

fn count(rate: Rate) -> u128 {
    u128::from(rate.count())
}

/// Parts of a token.
fn token(rate: Rate) -> u128 {
    Duration::from_secs(rate.period_seconds().into()).as_nanos()
}

/// Parts of a full bucket.
fn capacity(rate: Rate) -> u128 {
    count(rate) * token(rate)
}

impl RetryAfter {
    fn nanoseconds(wait: u128) -> Self {
        let seconds = wait.div_ceil(Duration::from_secs(1).as_nanos());
        Self(u64::try_from(seconds).unwrap_or(u64::MAX).max(1))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const START: Duration = Duration::from_secs(100);

    fn rate(text: &str) -> Rate {
        text.parse().expect("a rate")
    }

    fn key(number: u32) -> KeyId {
        format!("{number:012}").parse().expect("a key id")
    }

    /// How many of these requests pass.
    fn passed(limiter: &Limiter, rate: Rate, now: Duration, requests: u32) -> u32 {
        let passes = |_: &u32| limiter.take(key(1), rate, now).is_ok();
        let passed = (0..requests).filter(passes).count();
        u32::try_from(passed).expect("few")
    }

    fn buckets(limiter: &Limiter) -> usize {
        limiter.0.lock().expect("no panic").by_key.len()
    }

    #[test]
    fn a_burst_passes_and_then_as_much_as_comes_back() {
        let limiter = Limiter::default();
        let rate = rate("60/m");
        assert_eq!(passed(&limiter, rate, START, 100), 60);
        assert_eq!(limiter.take(key(1), rate, START), Err(RetryAfter(1)));
        let almost = START + SECOND - Duration::from_nanos(1);
        assert_eq!(limiter.take(key(1), rate, almost), Err(RetryAfter(1)));
        assert_eq!(passed(&limiter, rate, START + SECOND, 100), 1);
        assert_eq!(passed(&limiter, rate, START + 11 * SECOND, 100), 10);
        // However long it is idle, no more than a burst is there.
        assert_eq!(passed(&limiter, rate, Duration::MAX, 100), 60);
    }

    #[test]
    fn what_is_to_wait_is_rounded_up_from_the_last_nanosecond() {
        let limiter = Limiter::default();
        let rate = rate("7/m");
        passed(&limiter, rate, START, 7);
        // A token comes back in 8,571,428,571 and 3/7 nanoseconds.
        for (waited, told) in [(571_428_571, 9), (571_428_572, 8)] {
            let now = START + Duration::from_nanos(waited);
            assert_eq!(limiter.take(key(1), rate, now), Err(RetryAfter(told)));
        }
    }

    #[test]
    fn keys_do_not_share_and_generations_do() {
        let limiter = Limiter::default();
        let rate = rate("1/d");
        assert_eq!(limiter.take(key(1), rate, START), Ok(()));
        assert_eq!(limiter.take(key(2), rate, START), Ok(()));
        let whole_day = Err(RetryAfter(86_400));
        assert_eq!(limiter.take(key(1), rate, START), whole_day);
        let half_a_second = Duration::from_millis(500);
        let late = limiter.take(key(1), rate, START + half_a_second);
        assert_eq!(late, whole_day, "rounded up");
    }

    #[test]
    fn the_smallest_and_the_largest_rates_are_exact() {
        for text in ["1/s", "1/d", "1000000/s", "999983/d"] {
            let limiter = Limiter::default();
            let rate = rate(text);
            assert_eq!(passed(&limiter, rate, Duration::ZERO, 1), 1);
            let end = Duration::MAX - Duration::from_secs(86_400);
            assert_eq!(passed(&limiter, rate, end, 1_000_001), rate.count());
            let refused = limiter.take(key(1), rate, end).expect_err("empty");
            let later = end + Duration::from_secs(refused.0);
            assert_eq!(limiter.take(key(1), rate, later), Ok(()), "{text}");
        }
    }

    /// What is rounded a thousand times adds up.
    #[test]
    fn at_the_pace_of_its_rate_a_key_is_never_early_and_never_late() {
        for text in ["7/s", "7/m", "999983/d", "3/h"] {
            let limiter = Limiter::default();
            let rate = rate(text);
            passed(&limiter, rate, Duration::ZERO, rate.count());
            for number in 1..=3_000 {
                let due = (number * token(rate)).div_ceil(count(rate));
                let due = Duration::from_nanos(u64::try_from(due).expect("years"));
                let early = due - Duration::from_nanos(1);
                assert!(
                    limiter.take(key(1), rate, early).is_err(),
                    "{text} {number}"
                );
                assert!(limiter.take(key(1), rate, due).is_ok(), "{text} {number}");
            }
        }
    }

    #[test]
    fn a_clock_that_stands_or_goes_back_gives_nothing() {
        let limiter = Limiter::default();
        let rate = rate("10/s");
        assert_eq!(passed(&limiter, rate, START, 20), 10);
        assert_eq!(passed(&limiter, rate, START, 20), 0);
        let back = START - 10 * SECOND;
        assert_eq!(passed(&limiter, rate, back, 20), 0);
        assert_eq!(limiter.take(key(1), rate, back), Err(RetryAfter(11)));
        // What was given back for these seconds is not given back again.
        assert_eq!(passed(&limiter, rate, START, 20), 0);
        assert_eq!(passed(&limiter, rate, START + SECOND, 20), 10);
        // Nor does it make another key's bucket fuller than full.
        assert_eq!(limiter.take(key(2), rate, back), Ok(()));
        assert_eq!(limiter.take(key(2), rate, START), Ok(()));
    }

    #[test]
    fn a_changed_rate_holds_at_once() {
        let limiter = Limiter::default();
        assert_eq!(passed(&limiter, rate("100/m"), START, 40), 40);
        assert_eq!(passed(&limiter, rate("10/h"), START, 100), 10, "lowered");
        let refused = limiter.take(key(1), rate("10/h"), START);
        assert_eq!(refused, Err(RetryAfter(360)));
        let refused = limiter.take(key(1), rate("1000/m"), START);
        assert_eq!(refused, Err(RetryAfter(1)), "raised: at the new pace");
        let later = START + Duration::from_millis(600);
        assert_eq!(passed(&limiter, rate("1000/m"), later, 100), 10);
        let rested = later + 60 * SECOND;
        assert_eq!(passed(&limiter, rate("2000/m"), rested, 3_000), 2_000);
    }

    #[test]
    fn full_buckets_are_forgotten() {
        let limiter = Limiter::default();
        for number in 0..1_000 {
            assert_eq!(limiter.take(key(number), rate("1/s"), START), Ok(()));
        }
        assert_eq!(buckets(&limiter), 1_000);
        let (busy, later) = (rate("1000000/d"), START + SECOND);
        for _ in 0..1_000 {
            assert_eq!(limiter.take(key(1_000), busy, later), Ok(()));
        }
        assert_eq!(buckets(&limiter), 1);
    }

    #[test]
    fn ever_new_keys_do_not_fill_the_memory() {
        let limiter = Limiter::default();
        let mut most = 0;
        for number in 0..20_000 {
            let now = START + number * Duration::from_millis(1);
            // In no order.
            let id = key(number.wrapping_mul(2_654_435_769));
            assert_eq!(limiter.take(id, rate("1/s"), now), Ok(()));
            most = most.max(buckets(&limiter));
        }
        assert!((1_000..=3_000).contains(&most), "{most} buckets");
    }

    #[test]
    fn threads_together_pass_no_more_than_the_burst() {
        let limiter = Limiter::default();
        let rate = rate("1000/d");
        let passed: u32 = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4)
                .map(|_| scope.spawn(|| passed(&limiter, rate, START, 500)))
                .collect();
            let passed = threads.into_iter().map(|thread| thread.join());
            passed.map(|passed| passed.expect("no panic")).sum()
        });
        assert_eq!(passed, 1_000);
    }

    fn rates(most: u32) -> impl Strategy<Value = Rate> {
        let unit = prop::sample::select(vec!["d", "h", "m", "s"]);
        (1..=most, unit).prop_map(|(count, unit)| rate(&format!("{count}/{unit}")))
    }

    /// Times since the request before, in millionths of a period: mostly none or little, now and then long.
    fn pauses() -> impl Strategy<Value = Vec<u32>> {
        let pause = prop_oneof![
            3 => Just(0_u32),
            3 => 0..50_000_u32,
            1 => 0..2_000_000_u32,
        ];
        prop::collection::vec(pause, 1..200)
    }

    fn after(now: Duration, rate: Rate, pause: u32) -> Duration {
        let millionth = Duration::from_micros(rate.period_seconds().into());
        now + millionth * pause
    }

    proptest! {
        /// Between any two that passed: a burst, and what comes back in that time. In a period that is twice the count.
        #[test]
        fn no_window_lets_more_through_than_burst_and_refill(rate in rates(20), pauses in pauses()) {
            let limiter = Limiter::default();
            let (mut now, mut passed) = (START, Vec::new());
            for pause in pauses {
                now = after(now, rate, pause);
                if limiter.take(key(1), rate, now).is_ok() {
                    passed.push(now);
                }
            }
            for (first, start) in passed.iter().enumerate() {
                for (last, end) in passed.iter().enumerate().skip(first) {
                    let passes = u128::try_from(last - first + 1).expect("few");
                    let back = (*end - *start).as_nanos() * count(rate) / token(rate);
                    prop_assert!(passes <= count(rate) + back);
                    let in_period = (*end - *start).as_nanos() <= token(rate);
                    prop_assert!(!in_period || passes <= 2 * count(rate));
                }
            }
        }

        #[test]
        fn exactly_the_count_passes_at_one_instant(rate in rates(2_000), seconds in 0..u64::MAX) {
            let now = Duration::from_secs(seconds);
            prop_assert_eq!(passed(&Limiter::default(), rate, now, 2_100), rate.count());
        }

        #[test]
        fn after_the_told_seconds_the_next_passes_and_not_before(
            rate in rates(Rate::LIMIT),
            spent in 0..3_u32,
            pauses in pauses(),
        ) {
            let limiter = Limiter::default();
            passed(&limiter, rate, START, rate.count().saturating_sub(spent).min(20_000));
            let mut now = START;
            for pause in pauses {
                now = after(now, rate, pause);
                if let Err(RetryAfter(seconds)) = limiter.take(key(1), rate, now) {
                    prop_assert!(seconds >= 1);
                    let before = now + Duration::from_secs(seconds - 1);
                    prop_assert!(limiter.take(key(1), rate, before).is_err());
                    now += Duration::from_secs(seconds);
                    prop_assert_eq!(limiter.take(key(1), rate, now), Ok(()));
                }
            }
        }

        /// Whatever was before, at one instant a rate lets no more through than its burst.
        #[test]
        fn a_change_gives_no_more_than_the_new_burst(
            before in prop::collection::vec((rates(50), 0..2_000_000_u32, 0..60_u32), 1..8),
            last in rates(50),
        ) {
            let limiter = Limiter::default();
            let mut now = START;
            for (rate, pause, requests) in before {
                now = after(now, rate, pause);
                passed(&limiter, rate, now, requests);
            }
            prop_assert!(passed(&limiter, last, now, 60) <= last.count());
            prop_assert_eq!(passed(&limiter, last, now, 60), 0);
        }

        /// A clock that jumps about gives what one gives that stands where that was furthest.
        #[test]
        fn a_jumping_clock_is_as_one_that_waits(
            rate in rates(20),
            times in prop::collection::vec(0..3_000_000_u32, 1..200),
        ) {
            let (jumping, waiting) = (Limiter::default(), Limiter::default());
            let mut furthest = Duration::ZERO;
            for time in times {
                let now = after(START, rate, time);
                furthest = furthest.max(now);
                let jumped = jumping.take(key(1), rate, now).is_ok();
                prop_assert_eq!(jumped, waiting.take(key(1), rate, furthest).is_ok());
            }
        }

        /// That a bucket was forgotten is never noticed.
        #[test]
        fn what_other_keys_do_changes_no_answer(
            rates in prop::collection::vec(rates(5), 1..4),
            steps in prop::collection::vec((0..2_000_000_u32, 0..4_usize, 0..6_u32), 1..200),
        ) {
            let (alone, among_others) = (Limiter::default(), Limiter::default());
            let mut now = START;
            for (pause, which, others) in steps {
                let rate = rates[which % rates.len()];
                now = after(now, rate, pause / 4);
                for other in 0..others {
                    let _ = among_others.take(key(2 * other), rate, now);
                }
                prop_assert_eq!(
                    alone.take(key(3), rate, now),
                    among_others.take(key(3), rate, now)
                );
            }
        }
    }
}
