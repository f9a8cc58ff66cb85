//! The fleet feed, as one reader wants it.

use std::collections::VecDeque;

use bytes::Bytes;
use flightdeck_domain::ids::{Seq, SessionId};
use flightdeck_domain::ports::StoreUnavailable;
use flightdeck_domain::use_cases::SelectEvents;

use crate::activity::ActivityTicks;
use crate::follower::Follower;
use crate::log::{FleetFeedLog, Frame};

/// What comes next of a selection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selected {
    /// Events, in order, without a gap among those that are wanted.
    Events(Vec<Bytes>),
    /// Sessions that have moved, each with the seq that it has reached.
    Activity(Vec<(SessionId, Seq)>),
}

/// Follows the fleet feed, and gives what is wanted of it.
pub struct Selection {
    follower: Follower<FleetFeedLog>,
    ticks: Option<ActivityTicks>,
    select: SelectEvents,
    /// Taken from the log, not looked at yet.
    due: VecDeque<Frame>,
    /// Looked at and wanted.
    wanted: Vec<Bytes>,
}

impl Selection {
    /// Selects what a follower gives, with ticks when they are wanted.
    #[must_use]
    pub fn new(follower: Follower<FleetFeedLog>, ticks: Option<ActivityTicks>, select: SelectEvents) -> Self {
        Self { follower, ticks, select, due: VecDeque::new(), wanted: Vec::new() }
    }

    /// Waits for what comes next. Dropping the future loses nothing.
    ///
    /// # Errors
    /// The store is not available; calling again goes on where it stood.
    pub async fn next(&mut self) -> Result<Selected, StoreUnavailable> {
        loop {
            while let Some(frame) = self.due.front() {
                let wanted = match &frame.subject {
                    Some(subject) => self.select.wants(subject).await?,
                    None => true,
                };
                // Nothing waits from here on: a frame is either due or decided.
                if let Some(frame) = self.due.pop_front()
                    && wanted
                {
                    self.wanted.push(frame.bytes);
                }
            }
            if !self.wanted.is_empty() {
                return Ok(Selected::Events(std::mem::take(&mut self.wanted)));
            }
            tokio::select! {
                frames = self.follower.frames() => self.due.extend(frames?),
                (stamp, news) = moves(self.ticks.as_mut()) => {
                    let mut wanted = Vec::new();
                    for (session, seq) in news {
                        if self.select.wants_session(session).await? {
                            wanted.push((session, seq));
                        }
                    }
                    if let Some(ticks) = &mut self.ticks {
                        ticks.taken(stamp);
                    }
                    if !wanted.is_empty() {
                        return Ok(Selected::Activity(wanted));
                    }
                }
            }
        }
    }
}

/// Waits for ever when nobody wants ticks.
async fn moves(ticks: Option<&mut ActivityTicks>) -> (u64, Vec<(SessionId, Seq)>) {
    match ticks {
        Some(ticks) => ticks.next().await,
        None => std::future::pending().await,
    }
}
