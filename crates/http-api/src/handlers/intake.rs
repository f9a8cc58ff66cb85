//! A conversation that is written line by line, for as long as its writer likes.

mod line;

use actix_web::HttpResponse;
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::web::Data;
use flightdeck_agent_io::lines::Lines;
use flightdeck_domain::ids::SessionId;
use flightdeck_domain::text::RequestId;
use flightdeck_domain::use_cases::IngestMessages;
use futures_util::{FutureExt, StreamExt};
use tokio_util::sync::CancellationToken;

use self::line::Taken;
use super::messages::{Messages, is_ndjson, take_in};
use crate::auth::Caller;
use crate::dto::{ControlView, IntakeReply};
use crate::extract::{Cap, Unread};
use crate::heavy;
use crate::problem::{ApiError, FieldFault};

/// How many messages of a stream are durable, also where it ends with an error.
const APPENDED: HeaderName = HeaderName::from_static("flightdeck-appended");
/// How many bytes of lines are appended at once, beyond the first line.
const ENOUGH: usize = 1_048_576;
/// The largest number of faults in the answer; the conversation has all.
const TOLD: usize = 10;

/// Appends lines as they arrive. Lines that are there together, up to 1000 of them, share a batch, and no line waits
/// for more. A line that is no message is reported in the conversation at its place, and the stream continues. The
/// answer comes at the end, or when the conversation accepts nothing more; what was appended before stays.
pub(super) async fn take_all(
    messages: Data<Messages>,
    shutdown: &CancellationToken,
    caller: &Caller,
    session: SessionId,
    id: &RequestId,
    body: Unread,
) -> HttpResponse {
    let mut written = Written::default();
    let done = if is_ndjson(&body.content_type) {
        let ended = caller.ended();
        tokio::select! {
            done = written.take(&messages, shutdown, session, body) => done,
            () = ended.cancelled() => Err(ApiError::Unauthenticated("the key is no longer good".to_owned())),
        }
    } else {
        let expected = "application/x-ndjson, or leave out ?stream=true";
        Err(ApiError::MediaType { given: body.content_type, expected })
    };
    let appended = written.appended;
    let mut response = match done {
        Ok(control) => {
            let reply = IntakeReply { appended, skipped: written.skipped, last_seq: written.last_seq, control };
            HttpResponse::Ok().json(reply)
        }
        Err(error) => error.respond(id.as_str()),
    };
    response.headers_mut().insert(APPENDED, HeaderValue::from(appended));
    response
}

/// The state of a stream so far.
#[derive(Default)]
struct Written {
    /// The lines that are in the conversation now, including those that were there before.
    appended: u64,
    /// The lines that could not be read; the conversation reports each.
    skipped: u64,
    /// The place of the last message.
    last_seq: Option<u64>,
    /// The first lines that were read and are no messages.
    faults: Vec<FieldFault>,
    /// How many lines were read, without empty ones: the place of the next line, from zero.
    lines: usize,
}

impl Written {
    async fn take(
        &mut self,
        messages: &Data<Messages>,
        shutdown: &CancellationToken,
        session: SessionId,
        body: Unread,
    ) -> Result<ControlView, ApiError> {
        let (mut lines, mut held) = (Lines::default(), body.hold(Cap::Lines));
        let mut payload = body.payload;
        let mut control = None;
        loop {
            let chunk = tokio::select! {
                chunk = payload.next() => chunk,
                // What came whole is kept; the rest is for the writer to send again.
                () = shutdown.cancelled() => return Err(ApiError::GoingDown),
            };
            let over = chunk.is_none();
            let mut arrived = chunk;
            while let Some(chunk) = arrived {
                lines.push(&chunk.map_err(|error| ApiError::BrokenOff(error.to_string()))?);
                held.set(lines.held())?;
                arrived = if lines.held() < ENOUGH { payload.next().now_or_never().flatten() } else { None };
            }
            while over || lines.ready() {
                let (first, told) = (self.lines, TOLD.saturating_sub(self.faults.len()));
                let size = lines.held();
                let read = move || Batch::read(session, lines, over, first, told);
                let (batch, rest) = heavy::work(size, read).await?;
                lines = rest;
                self.lines = batch.next;
                self.skipped += batch.skipped;
                self.faults.extend(batch.faults);
                if batch.taken.is_empty() {
                    break;
                }
                let said = batch.taken.iter().filter(|taken| taken.is_message).count();
                let inputs = batch.taken.into_iter().map(|taken| taken.input).collect();
                let outcome = take_in(messages, session, inputs).await?;
                self.appended += u64::try_from(said).unwrap_or_default();
                self.last_seq = outcome.appended.last().map(|last| last.seq.get());
                control = Some(outcome.control);
            }
            held.set(lines.held())?;
            if over {
                break;
            }
        }
        match control {
            _ if !self.faults.is_empty() => Err(ApiError::Invalid(std::mem::take(&mut self.faults))),
            Some(control) => Ok(control.into()),
            None => Err(ApiError::field("", "is empty; send a message a line")),
        }
    }
}

/// The next complete lines as messages, as many as are appended at once.
struct Batch {
    taken: Vec<Taken>,
    /// The number of lines that could not be read.
    skipped: u64,
    /// The faults of the lines that were read and are no messages.
    faults: Vec<FieldFault>,
    /// The place of the line after the last.
    next: usize,
}

impl Batch {
    /// Reads lines from this place on, with at most this number of faults.
    fn read(session: SessionId, mut lines: Lines, over: bool, first: usize, told: usize) -> (Self, Lines) {
        let mut batch = Self { taken: Vec::new(), skipped: 0, faults: Vec::new(), next: first };
        let mut bytes = 0;
        while batch.taken.len() < IngestMessages::MAX_BATCH && bytes < ENOUGH {
            let Some(line) = (if over { lines.finish() } else { lines.next() }) else { break };
            let Some((taken, fault)) = line::taken(session, line, batch.next) else { continue };
            batch.next += 1;
            batch.skipped += u64::from(!taken.is_message && fault.is_none());
            batch.faults.extend(fault.into_iter().flatten().take(told.saturating_sub(batch.faults.len())));
            bytes += taken.input.content.as_str().len();
            batch.taken.push(taken);
        }
        (batch, lines)
    }
}
