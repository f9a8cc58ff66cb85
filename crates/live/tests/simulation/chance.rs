//! What a seed decides: chance, time and ids.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use flightdeck_domain::ports::{Clock, IdGenerator};
use flightdeck_domain::time::Timestamp;
use uuid::Uuid;

/// `SplitMix64`: small, and the same everywhere.
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// Another source that follows from this one.
    pub(crate) fn fork(&mut self) -> Self {
        Self(self.next())
    }

    /// A number below a limit, which is not zero.
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    /// An index of a list that is not empty.
    pub(crate) fn index(&mut self, length: usize) -> usize {
        usize::try_from(self.below(u64::try_from(length).expect("small"))).expect("small")
    }

    /// True so many times of a hundred.
    pub(crate) fn percent(&mut self, chance: u64) -> bool {
        self.below(100) < chance
    }

    /// One of a list, unless it is empty.
    pub(crate) fn pick<'a, T>(&mut self, list: &'a [T]) -> Option<&'a T> {
        if list.is_empty() { None } else { Some(&list[self.index(list.len())]) }
    }
}

/// A clock that is moved by hand, and sometimes set back.
pub(crate) struct SimClock(AtomicI64);

impl SimClock {
    pub(crate) const fn new() -> Self {
        Self(AtomicI64::new(1_767_225_600_000_000))
    }

    pub(crate) fn shift(&self, millis: i64) {
        self.0.fetch_add(millis * 1_000, Ordering::SeqCst);
    }
}

impl Clock for SimClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(Ordering::SeqCst)).expect("a moment")
    }
}

/// Ids in the order in which they are asked for.
pub(crate) struct SimIds(AtomicU64);

impl SimIds {
    pub(crate) const fn new() -> Self {
        Self(AtomicU64::new(1))
    }
}

impl IdGenerator for SimIds {
    fn uuid(&self) -> Uuid {
        Uuid::from_u128(u128::from(self.0.fetch_add(1, Ordering::SeqCst)))
    }

    fn random_bytes(&self) -> [u8; 32] {
        [7; 32]
    }
}
