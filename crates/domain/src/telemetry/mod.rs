//! Telemetry: what agents tell of themselves over OpenTelemetry, beside what they report over the API.
//!
//! A [`Report`] is one span or log record that tells of usage or of a tool call. It becomes a message ([`written`]) whose id
//! follows from the report, so that a report that is sent again is the same message.
//!
//! *Invariant: what a session uses is counted from one source.* A session that Flightdeck runs, or whose hooks it takes, is
//! counted by what runs it; so is one whose metadata has `"telemetry": "off"`. Any other session is counted from its
//! telemetry, unless it had reported usage itself when the first telemetry of usage came ([`Source`]). That is decided once,
//! by a message whose id follows from the session.
//!
//! [`trace`] is the way out: a session, its turns and its tool calls as spans.

mod report;
mod source;
pub mod trace;
mod written;

pub use report::{Report, SessionHint, ToolCall, What};
pub use source::{Source, is_reported_elsewhere};
pub use written::{Written, calls, written};
