//! How often somebody tries: connections and wrong passwords, by address.
//!
//! Each is a bucket that fills at a steady rate and overflows at a burst (the generic cell rate algorithm). All that is
//! kept of one is the instant at which it will be empty again, so that one that is empty need not be kept.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, Hash, RandomState};
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use tidegate_broker::access::network;

use crate::limits::{
    ATTEMPTS_REMEMBERED, CONNECTS_BURST, CONNECTS_PER_SECOND,
    WRONG_PASSWORDS_OF_ADDRESS_PER_MINUTE, WRONG_PASSWORDS_PER_MINUTE,
};

/// What is counted of all addresses.
pub(super) struct Attempts {
    buckets: Mutex<Buckets>,
    /// User names are as long as clients like: what is kept of one is its hash.
    user_names: RandomState,
}

/// Who is counted, and for what.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Counted {
    Connects(IpAddr),
    WrongPasswords(IpAddr),
    WrongPasswordsFor(IpAddr, u64),
}

/// When each bucket will be empty. Two generations, so that what was quiet for longest is what is forgotten.
#[derive(Default)]
struct Buckets {
    recent: HashMap<Counted, Instant>,
    older: HashMap<Counted, Instant>,
}

/// A rate, and how much may come at once.
struct Rate {
    interval: Duration,
    burst: u32,
}

const CONNECTS: Rate = Rate {
    interval: Duration::from_secs(1)
        .checked_div(CONNECTS_PER_SECOND)
        .expect("more than none"),
    burst: CONNECTS_BURST,
};
const WRONG_PASSWORDS: Rate = Rate::per_minute(WRONG_PASSWORDS_OF_ADDRESS_PER_MINUTE);
const WRONG_PASSWORDS_FOR: Rate = Rate::per_minute(WRONG_PASSWORDS_PER_MINUTE);

impl Rate {
    const fn per_minute(count: u32) -> Rate {
        Rate {
            interval: Duration::from_secs(60)
                .checked_div(count)
                .expect("more than none"),
            burst: count,
        }
    }
}

impl Counted {
    fn rate(self) -> Rate {
        match self {
            Counted::Connects(_) => CONNECTS,
            Counted::WrongPasswords(_) => WRONG_PASSWORDS,
            Counted::WrongPasswordsFor(..) => WRONG_PASSWORDS_FOR,
        }
    }
}

impl Attempts {
    pub(super) fn new() -> Attempts {
        Attempts {
            buckets: Mutex::default(),
            user_names: RandomState::new(),
        }
    }

    /// Counts a connection of this address; whether it is one too many.
    pub(super) fn is_one_too_many(&self, address: IpAddr, now: Instant) -> bool {
        let connects = Counted::Connects(network(address));
        let mut buckets = self.buckets();
        let is_full = buckets.is_full(connects, now);
        if !is_full {
            buckets.add(connects, now);
        }
        is_full
    }

    /// Whether this address has given so many wrong passwords that another one is not looked at.
    pub(super) fn are_passwords_ignored(&self, address: IpAddr, user: &str, now: Instant) -> bool {
        let mut buckets = self.buckets();
        let [of_address, for_user] = self.wrong_passwords(address, user);
        buckets.is_full(for_user, now) || buckets.is_full(of_address, now)
    }

    /// Counts a wrong password.
    pub(super) fn was_wrong(&self, address: IpAddr, user: &str, now: Instant) {
        let mut buckets = self.buckets();
        for counted in self.wrong_passwords(address, user) {
            buckets.add(counted, now);
        }
    }

    fn wrong_passwords(&self, address: IpAddr, user: &str) -> [Counted; 2] {
        let address = network(address);
        let user = self.user_names.hash_one(user);
        [
            Counted::WrongPasswords(address),
            Counted::WrongPasswordsFor(address, user),
        ]
    }

    fn buckets(&self) -> MutexGuard<'_, Buckets> {
        self.buckets.lock().expect("no holder panics")
    }
}

impl Buckets {
    fn is_full(&mut self, counted: Counted, now: Instant) -> bool {
        let Rate { interval, burst } = counted.rate();
        let Some(empty_at) = self.empty_at(counted) else {
            return false;
        };
        empty_at.saturating_duration_since(now) + interval > interval * burst
    }

    fn add(&mut self, counted: Counted, now: Instant) {
        let empty_at = self.empty_at(counted).map_or(now, |at| at.max(now));
        self.older.remove(&counted);
        self.recent
            .insert(counted, empty_at + counted.rate().interval);
        if self.recent.len() >= ATTEMPTS_REMEMBERED / 2 {
            self.older = std::mem::take(&mut self.recent);
        }
    }

    fn empty_at(&self, counted: Counted) -> Option<Instant> {
        let found = self
            .recent
            .get(&counted)
            .or_else(|| self.older.get(&counted));
        found.copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn wrong_passwords_for_a_user_name_are_counted_and_forgotten_at_a_steady_rate() {
        let attempts = Attempts::new();
        let (here, start) = (address("10.0.0.1"), Instant::now());
        let is_ignored = |user, at| attempts.are_passwords_ignored(here, user, at);
        for count in 0..WRONG_PASSWORDS_PER_MINUTE {
            assert!(!is_ignored("a", start), "after {count}");
            attempts.was_wrong(here, "a", start);
        }
        assert!(is_ignored("a", start));
        assert!(
            !is_ignored("b", start),
            "another device behind that address"
        );
        assert!(!attempts.are_passwords_ignored(address("10.0.0.2"), "a", start));
        let soon = start + Duration::from_secs(6);
        assert!(is_ignored("a", soon - Duration::from_millis(1)));
        assert!(!is_ignored("a", soon));
        attempts.was_wrong(here, "a", soon);
        assert!(is_ignored("a", soon), "one more, not as many as at first");
        let later = soon + Duration::from_secs(60);
        for _ in 0..WRONG_PASSWORDS_PER_MINUTE {
            assert!(!is_ignored("a", later));
            attempts.was_wrong(here, "a", later);
        }
        assert!(is_ignored("a", later), "quiet times are not saved up");
    }

    #[test]
    fn wrong_passwords_of_an_address_are_counted_for_all_user_names() {
        let attempts = Attempts::new();
        let (here, now) = (address("10.0.0.1"), Instant::now());
        for count in 0..WRONG_PASSWORDS_OF_ADDRESS_PER_MINUTE {
            let user = format!("user {count}");
            assert!(!attempts.are_passwords_ignored(here, &user, now), "{user}");
            attempts.was_wrong(here, &user, now);
        }
        assert!(attempts.are_passwords_ignored(here, "any", now));
    }

    #[test]
    fn connections_come_at_a_rate_after_a_burst() {
        let attempts = Attempts::new();
        let (here, start) = (address("10.0.0.1"), Instant::now());
        let accepted = |address, at, tried: u32| {
            let accepted = (0..tried).filter(|_| !attempts.is_one_too_many(address, at));
            u32::try_from(accepted.count()).expect("a few")
        };
        assert_eq!(accepted(here, start, 5 * CONNECTS_BURST), CONNECTS_BURST);
        let later = start + Duration::from_secs(1);
        assert_eq!(accepted(here, later, CONNECTS_BURST), CONNECTS_PER_SECOND);
        assert_eq!(
            accepted(address("10.0.0.2"), later, CONNECTS_BURST),
            CONNECTS_BURST
        );
    }

    #[test]
    fn addresses_that_one_client_can_choose_from_are_one() {
        let attempts = Attempts::new();
        let now = Instant::now();
        let fill = |address| {
            for _ in 0..WRONG_PASSWORDS_PER_MINUTE {
                attempts.was_wrong(address, "a", now);
            }
        };
        fill(address("2001:db8:1:2:3:4:5:6"));
        assert!(attempts.are_passwords_ignored(address("2001:db8:1:2::1"), "a", now));
        assert!(!attempts.are_passwords_ignored(address("2001:db8:1:3::1"), "a", now));
        fill(address("::ffff:10.0.0.1"));
        assert!(attempts.are_passwords_ignored(address("10.0.0.1"), "a", now));
        assert!(!attempts.are_passwords_ignored(address("10.0.0.2"), "a", now));
    }

    #[test]
    fn no_more_is_remembered_than_the_limit_says() {
        let attempts = Attempts::new();
        let now = Instant::now();
        let busy = address("10.0.0.1");
        for count in 0..4 * ATTEMPTS_REMEMBERED {
            let bits = u32::try_from(count).expect("fits");
            attempts.was_wrong(IpAddr::V4(bits.into()), "a", now);
            if count % 100 == 0 {
                attempts.was_wrong(busy, "a", now);
            }
            let buckets = attempts.buckets();
            assert!(buckets.recent.len() + buckets.older.len() <= ATTEMPTS_REMEMBERED);
        }
        assert!(
            attempts.are_passwords_ignored(busy, "a", now),
            "it was never quiet"
        );
    }
}
