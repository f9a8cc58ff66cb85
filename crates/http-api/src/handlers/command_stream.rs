//! An agent's commands as a stream. One agent follows one queue, so nothing is shared here: it reads the queue itself.

use std::collections::VecDeque;
use std::sync::Arc;

use actix_web::HttpResponse;
use actix_web::web::Data;
use bytes::Bytes;
use flightdeck_domain::ids::{CommandSeq, SessionId};
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::auth::{Caller, OpenStream};
use crate::dto::CommandView;
use crate::problem::ApiError;
use crate::state::Api;
use crate::{frames, sse};

struct CommandStream {
    api: Arc<Api>,
    session: SessionId,
    after: CommandSeq,
    hints: watch::Receiver<u64>,
    key_ended: CancellationToken,
    due: VecDeque<Bytes>,
    spoke: Instant,
    closed: bool,
    _counted: OpenStream,
}

/// Answers with the pending commands after a place, and with each new one as it comes.
pub(super) fn open(
    api: Data<Api>,
    caller: &Caller,
    counted: OpenStream,
    session: SessionId,
    after: CommandSeq,
) -> HttpResponse {
    let mut stream = CommandStream {
        hints: api.hints.commands(session),
        due: VecDeque::from([sse::opening(&api)]),
        api: api.into_inner(),
        session,
        after,
        key_ended: caller.ended(),
        spoke: Instant::now(),
        closed: false,
        _counted: counted,
    };
    stream.hints.mark_changed();
    sse::respond(stream, CommandStream::next)
}

impl CommandStream {
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if let Some(frame) = self.due.pop_front() {
                self.spoke = Instant::now();
                return Some(frame);
            }
            if self.closed {
                return None;
            }
            let quiet_until = self.spoke + self.api.options.keep_alive;
            let next_look = quiet_until.min(Instant::now() + self.api.options.tail.poll);
            let (shutdown, key_ended) = (self.api.shutdown.clone(), self.key_ended.clone());
            tokio::select! {
                biased;
                () = shutdown.cancelled() => return None,
                () = key_ended.cancelled() => return None,
                // A hint may be lost: look from time to time anyway.
                _ = tokio::time::timeout_at(next_look, self.hints.changed()) => {}
            }
            if let Err(error) = self.look().await {
                tracing::warn!(session = %self.session, %error, "a stream of commands was cut");
                return None;
            }
            if self.due.is_empty() && Instant::now() >= quiet_until {
                self.due.push_back(Bytes::from_static(b": keep-alive\n\n"));
            }
        }
    }

    /// Reads what is pending after the place; the end of the session ends the stream.
    async fn look(&mut self) -> Result<(), ApiError> {
        let unknown = || ApiError::no_session(self.session);
        // The session first: what was queued before it ended is settled then, and not pending any more.
        let session = self.api.sessions.one(self.session).await?.ok_or_else(unknown)?;
        for command in self.api.commands.execute(self.session, self.after).await?.ok_or_else(unknown)? {
            self.after = command.seq;
            let seq = command.seq;
            self.due.push_back(frames::frame("command", Some(&seq), &CommandView::from(command)));
        }
        if session.status.is_terminal() {
            let end = serde_json::json!({"status": session.status});
            self.due.push_back(frames::frame("end", None, &end));
            self.closed = true;
        }
        Ok(())
    }
}
