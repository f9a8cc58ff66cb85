//! A conversation that is written line by line, for as long as its writer likes.

use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::web::{Bytes, BytesMut, Data, Payload};
use actix_web::{HttpResponse, ResponseError};
use flightdeck_domain::ids::SessionId;
use flightdeck_domain::use_cases::{IngestMessages, MessageInput};
use futures_util::{FutureExt, StreamExt};

use super::messages::{is_ndjson, take_in};
use crate::auth::Caller;
use crate::dto::{ControlView, IntakeReply, MessageBody};
use crate::extract::{MAX_BODY, decode};
use crate::problem::ApiError;
use crate::state::Api;

/// How many messages of a stream are durable, also where it ends with an error.
const APPENDED: HeaderName = HeaderName::from_static("flightdeck-appended");
/// So many bytes of lines are appended at once, beyond the first: what is held of a stream in memory.
const ENOUGH: usize = 1_048_576;

/// Appends lines as they arrive: those that are there together, up to 1000 of them, share a batch, and nobody waits for more.
/// The answer comes at the end, or with the first fault; what was appended before it stays.
pub(super) async fn take_all(
    api: Data<Api>,
    caller: &Caller,
    session: SessionId,
    content_type: &str,
    payload: Payload,
) -> HttpResponse {
    let mut written = Written::default();
    let done = if is_ndjson(content_type) {
        let ended = caller.ended();
        tokio::select! {
            done = written.take(&api, session, payload) => done,
            () = ended.cancelled() => Err(ApiError::Unauthenticated("the key is no longer good".to_owned())),
        }
    } else {
        let expected = "application/x-ndjson, or leave out ?stream=true";
        Err(ApiError::MediaType { given: content_type.to_owned(), expected })
    };
    let mut response = match done {
        Ok(control) => {
            HttpResponse::Ok().json(IntakeReply { appended: written.appended, last_seq: written.last_seq, control })
        }
        Err(error) => error.error_response(),
    };
    response.headers_mut().insert(APPENDED, HeaderValue::from(written.appended));
    response
}

/// What is durable so far.
#[derive(Default)]
struct Written {
    /// Lines that are in the conversation now, those that were there before included.
    appended: u64,
    /// The place of the last of them.
    last_seq: Option<u64>,
}

impl Written {
    async fn take(
        &mut self,
        api: &Data<Api>,
        session: SessionId,
        mut payload: Payload,
    ) -> Result<ControlView, ApiError> {
        let mut lines = Lines::default();
        let mut control = None;
        loop {
            let chunk = tokio::select! {
                chunk = payload.next() => chunk,
                // What came whole is kept; the rest is for the writer to send again.
                () = api.shutdown.cancelled() => None,
            };
            let over = chunk.is_none();
            lines.push(chunk)?;
            while lines.buffer.len() < ENOUGH
                && let Some(Some(chunk)) = payload.next().now_or_never()
            {
                lines.push(Some(chunk))?;
            }
            if over {
                lines.close();
            }
            loop {
                let batch = lines.batch()?;
                if batch.is_empty() {
                    break;
                }
                let outcome = take_in(api, session, batch).await?;
                self.appended += u64::try_from(outcome.appended.len()).unwrap_or_default();
                self.last_seq = outcome.appended.last().map(|last| last.seq.get());
                control = Some(outcome.control);
            }
            if over {
                break;
            }
        }
        match control {
            Some(control) => Ok(control.into()),
            None => Err(ApiError::field("", "is empty; send a message a line")),
        }
    }
}

/// Lines, as far as they have come.
#[derive(Default)]
struct Lines {
    buffer: BytesMut,
    /// How many were taken out: the place of the next, from zero.
    taken: usize,
}

impl Lines {
    fn push(&mut self, chunk: Option<Result<Bytes, actix_web::error::PayloadError>>) -> Result<(), ApiError> {
        if let Some(chunk) = chunk {
            let chunk = chunk.map_err(|error| ApiError::field("", format!("the body broke off: {error}")))?;
            self.buffer.extend_from_slice(&chunk);
        }
        Ok(())
    }

    /// Nothing more will come: the last line may lack its end.
    fn close(&mut self) {
        self.buffer.extend_from_slice(b"\n");
    }

    /// The next whole lines, as many as a batch holds. Faults name the line by its place among all that are not empty.
    ///
    /// # Errors
    /// A line that is no message. Those before it are given first.
    fn batch(&mut self) -> Result<Vec<MessageInput>, ApiError> {
        let (mut batch, mut bytes) = (Vec::new(), 0);
        while batch.len() < IngestMessages::MAX_BATCH && bytes < ENOUGH {
            let mut rest = self.buffer.as_ref().split(|byte| *byte == b'\n');
            // What stands before the first line end, if there is one.
            let (Some(line), Some(_)) = (rest.next(), rest.next()) else { break };
            let end = line.len();
            if line.trim_ascii().is_empty() {
                let _ = self.buffer.split_to(end + 1);
                continue;
            }
            if end > MAX_BODY {
                return if batch.is_empty() { Err(ApiError::TooLarge(MAX_BODY)) } else { Ok(batch) };
            }
            match decode::<MessageBody>(line, &format!("/{}", self.taken)) {
                Ok(message) => batch.push(message.into()),
                Err(fault) if batch.is_empty() => return Err(fault),
                // Found again with the next call, when what came before it is durable.
                Err(_) => break,
            }
            self.taken += 1;
            bytes += end;
            let _ = self.buffer.split_to(end + 1);
        }
        if batch.is_empty() && self.buffer.len() > MAX_BODY {
            return Err(ApiError::TooLarge(MAX_BODY));
        }
        Ok(batch)
    }
}
