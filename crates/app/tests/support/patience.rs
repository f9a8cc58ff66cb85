//! Waiting for what happens by itself.

use std::time::{Duration, Instant};

/// How long something that happens by itself may take; far longer than it does.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// Looks until there is something to see.
pub(crate) fn until<T>(what: &str, look: impl Fn() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(began.elapsed() < PATIENCE, "still not: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
