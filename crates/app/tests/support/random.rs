//! Random choices that can be repeated: every test prints the seed that it started from.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::ops::Range;

use uuid::Uuid;

/// A splitmix64 generator: small, and good enough to choose moments, lengths and ids.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn from_seed(seed: u64) -> Self {
        Self(seed)
    }

    /// A seed that differs from run to run.
    pub(crate) fn fresh_seed() -> u64 {
        RandomState::new().build_hasher().finish()
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn within(&mut self, range: Range<u64>) -> u64 {
        range.start + self.next() % (range.end - range.start)
    }

    pub(crate) fn one_in(&mut self, times: u64) -> bool {
        self.next().is_multiple_of(times)
    }

    pub(crate) fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        let place = self.next() % u64::try_from(items.len()).expect("a length");
        &items[usize::try_from(place).expect("a place")]
    }

    pub(crate) fn pick_mut<'a, T>(&mut self, items: &'a mut [T]) -> &'a mut T {
        let place = self.next() % u64::try_from(items.len()).expect("a length");
        &mut items[usize::try_from(place).expect("a place")]
    }

    pub(crate) fn uuid(&mut self) -> Uuid {
        let bytes = (u128::from(self.next()) << 64) | u128::from(self.next());
        uuid::Builder::from_random_bytes(bytes.to_be_bytes()).into_uuid()
    }
}
