//! A cursor over a followed log.

use std::sync::Arc;

use bytes::Bytes;
use flightdeck_domain::ports::StoreUnavailable;

use crate::log::{Frame, Log};
use crate::rows::Place;
use crate::tail::{Found, Tail};

/// What comes next on a followed log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// Entries, in order, without a gap to what came before.
    Frames(Vec<Bytes>),
    /// Everything has come, and nothing will follow.
    Ended,
}

/// A cursor over a log. It belongs to one reader, and however slowly that reads, it misses nothing.
pub struct Follower<L: Log> {
    log: Arc<L>,
    key: L::Key,
    tail: Arc<Tail>,
    place: Place,
    cursor: u64,
    page: usize,
}

impl<L: Log> Follower<L> {
    pub(crate) fn new(log: Arc<L>, key: L::Key, tail: Arc<Tail>, cursor: u64, page: usize) -> Self {
        let place = tail.subscribe();
        Self { log, key, tail, place, cursor, page }
    }

    /// The place of the last entry that was returned.
    #[must_use]
    pub const fn cursor(&self) -> u64 {
        self.cursor
    }

    /// Whether it has everything that the tail knows of.
    pub(crate) fn is_up_to_date(&self) -> bool {
        self.cursor >= self.tail.head().position
    }

    /// Steps back to where the tail has got, if the cursor is beyond it.
    pub(crate) fn begin_no_later_than_the_tail(&mut self) {
        self.cursor = self.cursor.min(self.tail.head().position);
    }

    /// Everything behind the cursor that the store has now, without waiting for more.
    pub(crate) async fn rest(&mut self) -> Result<Vec<Frame>, StoreUnavailable> {
        let (mut rest, mut cursor) = (Vec::new(), self.cursor);
        while let Some(read) = self.log.after(&self.key, cursor, self.page).await? {
            let Some(last) = read.frames.last() else { break };
            cursor = last.position;
            rest.extend(read.frames);
        }
        self.cursor = cursor;
        Ok(rest)
    }

    /// Waits for what comes next. Dropping the future loses nothing: the cursor moves only when entries are returned.
    ///
    /// # Errors
    /// The store is not available; calling again goes on where it stood.
    pub async fn next(&mut self) -> Result<Next, StoreUnavailable> {
        let frames = self.frames().await?;
        if frames.is_empty() {
            return Ok(Next::Ended);
        }
        Ok(Next::Frames(frames.into_iter().map(|frame| frame.bytes).collect()))
    }

    /// The same with all that is known of each entry; none when the log has ended.
    pub(crate) async fn frames(&mut self) -> Result<Vec<Frame>, StoreUnavailable> {
        loop {
            // Marked before looking: a move after the look is seen by `moved`.
            self.place.look();
            match self.tail.find(self.cursor, self.page) {
                Found::Frames(frames, reached) => {
                    self.cursor = reached;
                    return Ok(frames);
                }
                Found::Ended => return Ok(Vec::new()),
                Found::UpToDate => self.place.moved().await,
                Found::Behind => {
                    if let Some(frames) = self.read_store().await? {
                        return Ok(frames);
                    }
                }
            }
        }
    }

    /// Reads what the tail does not keep any more. `None` when the log is gone or has nothing there.
    async fn read_store(&mut self) -> Result<Option<Vec<Frame>>, StoreUnavailable> {
        // Before the read: what the tail gives up meanwhile may be what the read does not see yet.
        let floor = self.tail.floor();
        let read = self.log.after(&self.key, self.cursor, self.page).await?;
        let frames = read.map(|read| read.frames).unwrap_or_default();
        let Some(last) = frames.last() else {
            // Nothing between the cursor and the tail (positions may have gaps): go on where the tail begins.
            self.cursor = floor;
            return Ok(None);
        };
        self.cursor = last.position;
        Ok(Some(frames))
    }
}
