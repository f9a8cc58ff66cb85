//! Waiting for a change.

use std::sync::Arc;
use std::time::Duration;

use flightdeck_live::Hints;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::problem::ApiError;

/// What a wait of a request needs.
#[derive(Clone)]
pub(crate) struct Waiting {
    pub(crate) hints: Arc<Hints>,
    /// Ends every wait.
    pub(crate) shutdown: CancellationToken,
}

/// How often a wait looks.
#[derive(Clone, Copy)]
pub(super) struct Pace {
    /// So long at least lies between two looks, however much moves.
    pub(super) rest: Duration,
    /// After so long it looks again without a hint: hints may be lost, or come from another replica later.
    pub(super) again: Duration,
}

impl Pace {
    /// As soon as something moves.
    pub(super) const fn at_hints(again: Duration) -> Self {
        Self { rest: Duration::ZERO, again }
    }
}

/// What one look found.
pub(super) enum Look<T> {
    /// What is waited for.
    Found(T),
    /// Not yet; how things stand, and up to when it is worth to wait.
    NotYet(T, Instant),
}

impl Waiting {
    /// Looks until it finds what is waited for, the time is up, or the server stops; gives what it saw last. Every wait of a
    /// request goes through here, so that none of them outlives the server without an answer.
    pub(super) async fn look_until<T>(
        &self,
        mut hints: watch::Receiver<u64>,
        pace: Pace,
        mut look: impl AsyncFnMut() -> Result<Look<T>, ApiError>,
    ) -> Result<T, ApiError> {
        loop {
            hints.mark_unchanged();
            let now = Instant::now();
            let (seen, until) = match look().await? {
                Look::Found(found) => return Ok(found),
                Look::NotYet(seen, until) => (seen, until),
            };
            // The last look begins when the time is up, not before.
            if now >= until || self.shutdown.is_cancelled() {
                return Ok(seen);
            }
            let next_look = async {
                tokio::time::sleep_until(until.min(now + pace.rest)).await;
                let _ = tokio::time::timeout_at(until.min(now + pace.again), hints.changed()).await;
            };
            // One more look at the end: what came just before the shutdown still counts.
            tokio::select! {
                () = self.shutdown.cancelled() => {}
                () = next_look => {}
            }
        }
    }
}
