//! How long an answer is held back.

use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// How often a held hook looks whether it may go on.
const LOOK: Duration = Duration::from_millis(200);

/// The time for which an answer may be held back.
///
/// *Invariant: it ends with the server.* An agent whose hook breaks off without an answer goes on as if nobody had been
/// asked, so a held hook is answered before the server closes its connection.
pub(crate) struct Hold {
    until: Instant,
    ending: CancellationToken,
}

impl Hold {
    pub(crate) fn new(span: Duration, ending: CancellationToken) -> Self {
        Self { until: Instant::now() + span, ending }
    }

    pub(crate) fn is_over(&self) -> bool {
        self.ending.is_cancelled() || Instant::now() >= self.until
    }

    /// What is left of it, unless the server stops before.
    pub(crate) fn left(&self) -> Duration {
        self.until.saturating_duration_since(Instant::now())
    }

    /// Waits until the next look, and never beyond the end.
    pub(crate) async fn rest(&self) {
        tokio::select! {
            () = self.ending.cancelled() => {}
            () = tokio::time::sleep_until(self.until.min(Instant::now() + LOOK)) => {}
        }
    }
}
