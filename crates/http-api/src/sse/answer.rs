//! The answer that carries a stream.

use std::convert::Infallible;

use actix_web::HttpResponse;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use bytes::{BufMut, Bytes, BytesMut};
use futures_util::stream::unfold;
use tokio_util::task::TaskTracker;

use super::chunks::Chunks;
use super::{Source, Streaming, UNBUFFERED};
use crate::line::Line;

/// How far the library has got with the answer. Boxed, so that a stream is not moved, and room for it not held, with every
/// chunk.
enum Stage<S> {
    /// It has nothing yet.
    Fresh(Box<Streaming<S>>, Option<Line>),
    /// It has the head and the opening.
    Opened(Box<Streaming<S>>, Line),
    /// It sends every chunk itself.
    InPlace(Box<Streaming<S>>),
}

/// Answers with a stream, until it gives no chunk. When there is a line, the stream takes it once its opening is sent.
pub(super) fn with<S: Source>(stream: Streaming<S>, line: Option<Line>, open: TaskTracker) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    response.insert_header((CONTENT_TYPE, HeaderValue::from_static("text/event-stream")));
    response.insert_header((CACHE_CONTROL, HeaderValue::from_static("no-cache, no-transform")));
    response.insert_header(UNBUFFERED);
    if line.is_some() {
        response.force_close();
    }
    let beginning = Stage::Fresh(Box::new(stream), line);
    let body = unfold(beginning, move |stage| {
        let open = open.clone();
        async move {
            let (chunk, stage) = stage.next(&open).await?;
            Some((Ok::<_, Infallible>(chunk), stage))
        }
    });
    response.streaming(Box::pin(body))
}

impl<S: Source> Stage<S> {
    async fn next(self, open: &TaskTracker) -> Option<(Bytes, Self)> {
        let mut state = match self {
            Self::Fresh(mut state, Some(line)) => {
                let opening = join(state.next_chunk().await?);
                return Some((opening, Self::Opened(state, line)));
            }
            Self::Opened(state, line) => {
                // The library sends what it has before it asks again.
                tokio::task::yield_now().await;
                if let Some(socket) = line.take() {
                    actix_web::rt::spawn(open.track_future(alone(state, Chunks(socket))));
                    return None;
                }
                state
            }
            Self::Fresh(state, None) | Self::InPlace(state) => state,
        };
        let chunk = state.next_chunk().await?;
        Some((join(chunk), Self::InPlace(state)))
    }
}

/// Sends a stream until it ends, or its reader is gone.
async fn alone<S: Source>(mut state: Box<Streaming<S>>, chunks: Chunks) {
    loop {
        let next = tokio::select! {
            biased;
            next = state.next_chunk() => next,
            () = chunks.broken() => return,
        };
        let Some(frames) = next else { break };
        let sent = tokio::select! {
            biased;
            sent = chunks.send(&frames) => sent,
            // A reader that takes nothing holds nobody up.
            () = state.cut() => return,
        };
        if let Err(error) = sent {
            tracing::debug!(%error, "the reader of a stream is gone");
            return;
        }
        tokio::task::consume_budget().await;
    }
    // The reader may be gone already.
    let _ = chunks.finish().await;
}

/// One frame is sent as it is, shared; several frames are sent together.
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
