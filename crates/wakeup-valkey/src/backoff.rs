//! How long to wait before the next attempt to connect.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use uuid::Uuid;

/// Doubles with each attempt up to a longest wait, and takes off up to half of it: otherwise all replicas would come back
/// at the same moment. How much depends on the replica and the attempt alone.
pub(crate) fn delay(replica: Uuid, attempt: u32, first: Duration, longest: Duration) -> Duration {
    let whole = first.saturating_mul(2_u32.saturating_pow(attempt)).min(longest);
    let mut hasher = DefaultHasher::new();
    (replica, attempt).hash(&mut hasher);
    let part = u32::try_from(hasher.finish() % 1_000).unwrap_or_default();
    whole.saturating_sub(whole.saturating_mul(part) / 2_000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    const FIRST: Duration = Duration::from_millis(100);
    const LONGEST: Duration = Duration::from_secs(5);

    #[test]
    fn waits_grow_to_the_longest_and_stay_there() {
        for attempt in 0..100 {
            let whole = FIRST.saturating_mul(2_u32.saturating_pow(attempt)).min(LONGEST);
            let waited = delay(Uuid::from_u128(7), attempt, FIRST, LONGEST);
            assert!(waited > whole / 2 && waited <= whole, "{attempt}: {waited:?}");
        }
    }

    #[test]
    fn replicas_do_not_come_back_together() {
        let waits: BTreeSet<_> = (0..20).map(|n| delay(Uuid::from_u128(n), 9, FIRST, LONGEST)).collect();
        assert!(waits.len() > 15, "{waits:?}");
    }
}
