//! How long one waits before the external broker is tried again: longer each time, and never as long as others do.

use std::hash::{BuildHasher as _, RandomState};
use std::time::Duration;

use crate::limits::{UPSTREAM_PAUSE_MAX, UPSTREAM_PAUSE_MIN, UPSTREAM_STABLE_AFTER};

/// Failures in a row.
#[derive(Default)]
pub(super) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// How long to wait after one more failure, of a connection that lasted this long.
    pub(super) fn pause(&mut self, lasted: Duration) -> Duration {
        if lasted >= UPSTREAM_STABLE_AFTER {
            self.failures = 0;
        }
        let pause = UPSTREAM_PAUSE_MIN * 2_u32.saturating_pow(self.failures.min(16));
        self.failures += 1;
        let pause = pause.min(UPSTREAM_PAUSE_MAX);
        // Between half of it and all of it: hosts that lost their broker together do not come back together.
        let half = pause / 2;
        half + half.mul_f64(random_fraction())
    }
}

/// From 0 to 1; good enough to be unlike others'.
fn random_fraction() -> f64 {
    // Its keys are random, and other ones each time.
    let random = RandomState::new().hash_one(0_u8);
    f64::from(u32::try_from(random >> 32).unwrap_or_default()) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_from_a_moment_to_half_a_minute() {
        let mut backoff = Backoff::default();
        let pauses: Vec<Duration> = (0..40).map(|_| backoff.pause(Duration::ZERO)).collect();
        assert!(pauses[0] <= UPSTREAM_PAUSE_MIN && pauses[0] >= UPSTREAM_PAUSE_MIN / 2);
        assert!(pauses[4] > pauses[0] && pauses[9] > pauses[4]);
        for pause in &pauses[10..] {
            assert!((UPSTREAM_PAUSE_MAX / 2..=UPSTREAM_PAUSE_MAX).contains(pause));
        }
        // Chance alone: eleven equal ones of billions.
        assert!(pauses[10..].iter().any(|pause| *pause != pauses[10]));
        assert!(backoff.pause(Duration::from_secs(1)) > UPSTREAM_PAUSE_MIN);
        assert!(backoff.pause(UPSTREAM_STABLE_AFTER) <= UPSTREAM_PAUSE_MIN);
    }
}
