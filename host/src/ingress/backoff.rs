//! How long an event that was not handled waits before it is tried again.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher as _, Hasher as _};
use std::time::Duration;

const BACKOFF_FIRST: Duration = Duration::from_millis(100);
/// The longest wait.
pub(super) const BACKOFF_MOST: Duration = Duration::from_secs(10);

/// Doubles with each attempt; half of it is left to chance, so that many do not come back at once.
pub(super) fn backoff(attempt: u32) -> Duration {
    let whole = BACKOFF_FIRST
        .saturating_mul(1 << (attempt - 1).min(16))
        .min(BACKOFF_MOST);
    let chance = RandomState::new().build_hasher().finish() % 1000;
    whole / 2 + whole * u32::try_from(chance).expect("below 1000") / 2000
}
