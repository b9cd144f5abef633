//! Numbers of chance that come again with the same seed (SplitMix64).

use std::hash::{BuildHasher as _, Hasher as _, RandomState};

/// A sequence of numbers.
pub(crate) struct Chance(u64);

impl Chance {
    /// The sequence of this seed.
    pub(crate) fn of(seed: u64) -> Chance {
        Chance(seed)
    }

    /// The seed that `TEST_SEED` names, or another one each time.
    pub(crate) fn seed() -> u64 {
        match std::env::var("TEST_SEED") {
            Ok(seed) => seed.parse().expect("TEST_SEED is a number"),
            Err(_) => RandomState::new().build_hasher().finish() % 1_000_000,
        }
    }

    /// A number below this one.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ mixed >> 31) % end
    }
}
