//! An agent's commands as a stream. One agent follows one queue, so nothing is shared: the stream reads the queue
//! itself.

use std::collections::VecDeque;
use std::sync::Arc;

use actix_web::http::header::{CACHE_CONTROL, HeaderValue};
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse, Responder};
use actix_web_lab::sse::{self, Event, Sse};
use flightdeck_domain::ids::{CommandSeq, SessionId};
use futures_util::stream;
use serde_json::json;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::commands::Commands;
use crate::auth::{Caller, OpenStream};
use crate::dto::CommandView;
use crate::problem::ApiError;
use crate::sse::{Streams, UNBUFFERED};

struct CommandStream {
    commands: Arc<Commands>,
    session: SessionId,
    after: CommandSeq,
    hints: watch::Receiver<u64>,
    key_ended: CancellationToken,
    due: VecDeque<Event>,
    closed: bool,
    _counted: OpenStream,
}

/// Answers with the pending commands after a place, and with each new one when it comes.
pub(super) fn open(
    commands: Data<Commands>,
    streams: &Streams,
    request: &HttpRequest,
    caller: &Caller,
    counted: OpenStream,
    session: SessionId,
    after: CommandSeq,
) -> HttpResponse {
    let (retry, keep_alive) = (streams.reconnect_after(), streams.keep_alive);
    let mut open = CommandStream {
        hints: commands.waiting.hints.commands(session),
        due: VecDeque::new(),
        commands: commands.into_inner(),
        session,
        after,
        key_ended: caller.ended(),
        closed: false,
        _counted: counted,
    };
    open.hints.mark_changed();
    let events = stream::unfold(Box::new(open), |mut open| async move {
        let event = open.next().await?;
        Some((event, open))
    });
    let stream = Sse::from_infallible_stream(Box::pin(events)).with_retry_duration(retry).with_keep_alive(keep_alive);
    let mut response = stream.respond_to(request);
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-cache, no-transform"));
    response.headers_mut().insert(UNBUFFERED.0, UNBUFFERED.1);
    response
}

impl CommandStream {
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.due.pop_front() {
                return Some(event);
            }
            if self.closed {
                return None;
            }
            let (shutdown, key_ended) = (self.commands.waiting.shutdown.clone(), self.key_ended.clone());
            tokio::select! {
                biased;
                () = shutdown.cancelled() => return None,
                () = key_ended.cancelled() => return None,
                // A hint may be lost: look from time to time anyway.
                _ = timeout(self.commands.poll, self.hints.changed()) => {}
            }
            if let Err(error) = self.look().await {
                tracing::warn!(session = %self.session, %error, "a stream of commands was cut");
                return None;
            }
        }
    }

    /// Reads the pending commands after the place; the end of the session ends the stream.
    async fn look(&mut self) -> Result<(), ApiError> {
        let unknown = || ApiError::no_session(self.session);
        // The session first: what was queued before it ended is settled then, and not pending any more.
        let session = self.commands.sessions.one(self.session).await?.ok_or_else(unknown)?;
        for command in self.commands.read.execute(self.session, self.after).await?.ok_or_else(unknown)? {
            self.after = command.seq;
            let (seq, command) = (command.seq, CommandView::from(command));
            self.due.push_back(event(&command)?.id(seq.to_string()).event("command").into());
        }
        if session.status.is_terminal() {
            self.due.push_back(event(&json!({"status": session.status}))?.event("end").into());
            self.closed = true;
        }
        Ok(())
    }
}

fn event(data: &impl serde::Serialize) -> Result<sse::Data, ApiError> {
    sse::Data::new_json(data).map_err(|error| ApiError::Internal(error.into()))
}
