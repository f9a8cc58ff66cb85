//! A session as spans.
//!
//! A tree of sessions is one trace: its id is that of the session at the top. Below the span of a session are those of its
//! turns and of the sessions that it spawned, and below a turn its tool calls. Each id follows from what the span is about,
//! so that a span that is sent again is the same one.
//!
//! Names are those of the conventions for generative AI 0.1.0 of OpenTelemetry, and those of `OpenInference` for what kind of
//! span it is. What is Flightdeck's own begins with `flightdeck.`. Nothing that an agent or a person has written is in a span,
//! unless it is asked for.

mod ids;
mod session;
mod span;
mod step;
mod turns;

pub use ids::{SpanId, TraceId};
pub use span::{EndState, Ended, Span, Value};
pub use step::Step;

use crate::session::Session;
use crate::usage::Totals;

/// The most steps of one part of a conversation. The first ones of more are left out.
pub const MOST_STEPS: usize = 10_000;

/// The spans of what ended: the turns of the steps since the last end, their tool calls, and the session itself if it is over.
/// `used` is what the session used by itself.
#[must_use]
pub fn spans(session: &Session, ended: Ended, used: Totals, steps: &[Step]) -> Vec<Span> {
    let mut spans = turns::spans(session, ended, steps);
    if ended.is_of_session() {
        spans.push(session::span(session, ended, used));
    }
    spans
}

#[cfg(test)]
mod tests;
