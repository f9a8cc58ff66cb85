//! The body of a stream of server-sent events (WHATWG HTML, section 9.2).

mod answer;
mod chunks;

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::{HttpRequest, HttpResponse};
use bytes::Bytes;
use flightdeck_domain::ports::{IdGenerator, StoreUnavailable};
use flightdeck_live::{ConversationFollower, Next, Selected, Selection};
use serde_json::json;
use tokio::time::{Instant, Sleep};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tokio_util::task::TaskTracker;

use crate::auth::{Caller, OpenStream};
use crate::epochs::CurrentEpoch;
use crate::frames::{activity_frame, frame};
use crate::line::Line;
use crate::problem::ApiError;

/// The source of a stream.
pub(crate) trait Source: 'static {
    /// Waits for the next bytes. Dropping the future loses nothing.
    async fn next(&mut self) -> Result<Next, StoreUnavailable>;

    /// The place of the last entry that was given.
    fn last(&self) -> u64;
}

impl Source for ConversationFollower {
    async fn next(&mut self) -> Result<Next, StoreUnavailable> {
        Self::next(self).await
    }

    fn last(&self) -> u64 {
        self.cursor()
    }
}

/// The fleet feed never ends, so it needs no end.
impl Source for Selection {
    async fn next(&mut self) -> Result<Next, StoreUnavailable> {
        Ok(Next::Frames(match Self::next(self).await? {
            Selected::Events(frames) => frames,
            Selected::Activity(moved) => moved.into_iter().map(|(session, seq)| activity_frame(session, seq)).collect(),
        }))
    }

    fn last(&self) -> u64 {
        0
    }
}

/// The stream waits for these from its beginning to its end; a chunk does not reset them.
struct Streaming<S> {
    source: S,
    shutdown: Pin<Box<WaitForCancellationFutureOwned>>,
    /// The end of the key.
    ended: Pin<Box<WaitForCancellationFutureOwned>>,
    /// The earliest time at which a comment may be due.
    quiet: Pin<Box<Sleep>>,
    spoke: Instant,
    keep_alive: Duration,
    _counted: OpenStream,
    opening: VecDeque<Bytes>,
    closed: bool,
}

/// What all streams share.
pub(crate) struct Streams {
    pub(crate) ids: Arc<dyn IdGenerator>,
    pub(crate) epoch: CurrentEpoch,
    /// The largest number of streams of one key.
    pub(crate) most_per_key: usize,
    /// How often a quiet stream sends a comment.
    pub(crate) keep_alive: Duration,
    /// Ends all streams.
    pub(crate) shutdown: CancellationToken,
    /// The streams that have their sockets for themselves.
    pub(crate) open: TaskTracker,
}

impl Streams {
    /// Counts a stream as open for as long as the returned value lives.
    ///
    /// # Errors
    /// The key of the caller has the largest allowed number of streams.
    pub(crate) fn admit(&self, caller: &Caller) -> Result<OpenStream, ApiError> {
        caller.open_stream(self.most_per_key)
    }

    /// Answers with a stream of a source, after `first` if there is one.
    pub(crate) fn follow<S: Source>(
        &self,
        request: &HttpRequest,
        caller: &Caller,
        counted: OpenStream,
        first: Option<Bytes>,
        source: S,
    ) -> HttpResponse {
        let state = Streaming {
            source,
            shutdown: Box::pin(self.shutdown.clone().cancelled_owned()),
            ended: Box::pin(caller.ended().cancelled_owned()),
            quiet: Box::pin(tokio::time::sleep(self.keep_alive)),
            spoke: Instant::now(),
            keep_alive: self.keep_alive,
            _counted: counted,
            opening: [Some(self.opening()), first].into_iter().flatten().collect(),
            closed: false,
        };
        let mut response = answer::with(state, Line::of(request), self.open.clone());
        self.epoch.tell(&mut response);
        response
    }

    /// How long clients wait before they reconnect: one to three seconds, so that they do not all come at once.
    pub(crate) fn reconnect_after(&self) -> Duration {
        let spread = self.ids.random_bytes().first().copied().map_or(0, u64::from);
        Duration::from_millis(1_000 + spread * 2_000 / 255)
    }

    fn opening(&self) -> Bytes {
        Bytes::from(format!("retry: {}\n\n", self.reconnect_after().as_millis()))
    }
}

/// Proxies such as nginx would otherwise delay frames.
pub(crate) const UNBUFFERED: (HeaderName, HeaderValue) =
    (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));

impl<S: Source> Streaming<S> {
    /// Waits for the frames of the next chunk; `None` at the end. Dropping the future loses nothing.
    async fn next_chunk(&mut self) -> Option<Vec<Bytes>> {
        if self.closed {
            return None;
        }
        if let Some(opening) = self.opening.pop_front() {
            return Some(vec![opening]);
        }
        loop {
            tokio::select! {
                biased;
                () = &mut self.shutdown => return None,
                () = &mut self.ended => return None,
                next = self.source.next() => {
                    self.spoke = Instant::now();
                    return self.chunk(next);
                }
                () = &mut self.quiet => {}
            }
            let now = Instant::now();
            let due = self.spoke + self.keep_alive;
            if now < due {
                self.quiet.as_mut().reset(due);
                continue;
            }
            self.spoke = now;
            self.quiet.as_mut().reset(now + self.keep_alive);
            return Some(vec![Bytes::from_static(b": keep-alive\n\n")]);
        }
    }

    /// Waits until the stream has to end, whatever its reader takes.
    async fn cut(&mut self) {
        tokio::select! {
            () = &mut self.shutdown => {}
            () = &mut self.ended => {}
        }
    }

    fn chunk(&mut self, next: Result<Next, StoreUnavailable>) -> Option<Vec<Bytes>> {
        match next {
            Ok(Next::Frames(frames)) => Some(frames),
            Ok(Next::Ended) => {
                self.closed = true;
                Some(vec![frame("end", None, &json!({"lastSeq": self.source.last()}))])
            }
            Err(error) => {
                // The client reconnects with the id of the last frame it has, and misses nothing.
                let cause: &dyn std::error::Error = &error;
                tracing::warn!(cause, "a stream was cut because the store is not available");
                None
            }
        }
    }
}
