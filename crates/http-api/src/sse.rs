//! The body of a stream of server-sent events (WHATWG HTML, section 9.2).

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue};
use bytes::{BufMut, Bytes, BytesMut};
use flightdeck_domain::ports::{IdGenerator, StoreUnavailable};
use flightdeck_live::{ConversationFollower, Next, Selected, Selection};
use futures_util::stream;
use serde_json::json;
use tokio::time::{Instant, Sleep};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use crate::auth::{Caller, OpenStream};
use crate::epochs::CurrentEpoch;
use crate::frames::{activity_frame, frame};
use crate::problem::ApiError;

/// What a stream sends.
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

/// The fleet feed never ends, so nobody asks where it ended.
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

/// What is waited for besides the source is waited for from the beginning to the end: a chunk changes nothing about it.
struct Streaming<S> {
    source: S,
    shutdown: Pin<Box<WaitForCancellationFutureOwned>>,
    /// The end of the key.
    ended: Pin<Box<WaitForCancellationFutureOwned>>,
    /// Comes at the earliest moment at which a comment may be due.
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
    /// The most that one key may have open.
    pub(crate) most_per_key: usize,
    /// How often a quiet one gets a comment.
    pub(crate) keep_alive: Duration,
    /// Ends them all.
    pub(crate) shutdown: CancellationToken,
}

impl Streams {
    /// Counts a stream as open for as long as what this gives lives.
    ///
    /// # Errors
    /// The key of the caller has as many as it may.
    pub(crate) fn admit(&self, caller: &Caller) -> Result<OpenStream, ApiError> {
        caller.open_stream(self.most_per_key)
    }

    /// Answers with a stream of what a source gives, behind `first` where there is something to say first.
    pub(crate) fn follow<S: Source>(
        &self,
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
        let mut response = respond(state, Streaming::next_chunk);
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

/// Proxies such as nginx would hold frames back.
pub(crate) const UNBUFFERED: (HeaderName, HeaderValue) =
    (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));

/// Answers with a stream of what a state gives chunk by chunk, until it gives nothing.
fn respond<S: 'static>(state: S, next: impl AsyncFn(&mut S) -> Option<Bytes> + Copy + 'static) -> HttpResponse {
    // Boxed, so that it is not moved, and room for it not held, with every chunk.
    let body = stream::unfold(Box::new(state), move |mut state| async move {
        let chunk = next(state.as_mut()).await?;
        Some((Ok::<_, Infallible>(chunk), state))
    });
    let mut response = HttpResponse::Ok();
    response.insert_header((CONTENT_TYPE, HeaderValue::from_static("text/event-stream")));
    response.insert_header((CACHE_CONTROL, HeaderValue::from_static("no-cache, no-transform")));
    response.insert_header(UNBUFFERED);
    response.streaming(Box::pin(body))
}

impl<S: Source> Streaming<S> {
    async fn next_chunk(&mut self) -> Option<Bytes> {
        if self.closed {
            return None;
        }
        if let Some(opening) = self.opening.pop_front() {
            return Some(opening);
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
            return Some(Bytes::from_static(b": keep-alive\n\n"));
        }
    }

    fn chunk(&mut self, next: Result<Next, StoreUnavailable>) -> Option<Bytes> {
        match next {
            Ok(Next::Frames(frames)) => Some(join(frames)),
            Ok(Next::Ended) => {
                self.closed = true;
                Some(frame("end", None, &json!({"lastSeq": self.source.last()})))
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

/// One frame is sent as it is, shared; several are sent in one piece.
fn join(mut frames: Vec<Bytes>) -> Bytes {
    if frames.len() == 1 {
        return frames.pop().unwrap_or_default();
    }
    let mut joined = BytesMut::with_capacity(frames.iter().map(Bytes::len).sum());
    for frame in frames {
        joined.put(frame);
    }
    joined.freeze()
}
