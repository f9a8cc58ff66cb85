//! The stretch of time in which replies are counted.

use std::cell::{Cell, RefCell};
use std::time::{Duration, Instant};

use tokio::time::sleep_until;

use crate::process::{Cost, Meter};
use crate::stats::{Samples, Sorted};

/// What is counted while the clock runs.
#[derive(Debug)]
pub(super) struct Window {
    pub(super) begin: Instant,
    pub(super) end: Instant,
    pieces: Cell<u64>,
    replies: RefCell<Samples>,
}

impl Window {
    /// Opens after `warmup`, for `span`.
    pub(super) fn after(warmup: Duration, span: Duration) -> Self {
        let begin = Instant::now() + warmup;
        let replies = RefCell::new(Samples::with_room(1_000_000));
        Self { begin, end: begin + span, pieces: Cell::new(0), replies }
    }

    /// Counts a reply to what was sent at `sent`, if it came while the window was open.
    pub(super) fn note(&self, sent: Instant, pieces: u64) {
        let now = Instant::now();
        if now >= self.begin && now < self.end {
            self.pieces.set(self.pieces.get() + pieces);
            self.replies.borrow_mut().add(now - sent);
        }
    }

    /// Waits until the window is over; gives what it cost.
    pub(super) async fn pass(&self, server: Option<u32>) -> Cost {
        sleep_until(self.begin.into()).await;
        let meter = Meter::start(server);
        sleep_until(self.end.into()).await;
        meter.stop()
    }

    /// What was counted: pieces, and how long each reply took. Counting begins again.
    pub(super) fn counted(&self) -> (u64, Sorted) {
        (self.pieces.take(), self.replies.take().sorted())
    }
}
