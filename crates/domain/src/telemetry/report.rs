//! What a span or a log record tells.

use crate::time::Timestamp;
use crate::usage::Reading;

/// A span or a log record that tells of usage or of a tool call.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// Whose it is.
    pub session: SessionHint,
    /// When it happened.
    pub at: Option<Timestamp>,
    /// The same for the same span or record, however often it is sent.
    pub once: String,
    /// What it tells.
    pub what: What,
}

/// What a report says about the session that it belongs to. Either may be missing, and nothing of it is checked yet.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct SessionHint {
    /// The id of a session of Flightdeck.
    pub named: Option<String>,
    /// The agent's own id of its session.
    pub own: Option<String>,
}

/// What a report tells.
#[derive(Clone, Debug, PartialEq)]
pub enum What {
    /// What one call of a model used.
    Usage(Reading),
    /// A tool call that has ended.
    Tool(ToolCall),
}

/// A tool call that has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolCall {
    /// The agent's id of the call.
    pub call: Option<String>,
    /// The name of the tool.
    pub name: String,
    /// Whether it succeeded, if that is known.
    pub ok: Option<bool>,
    /// How long it took, in milliseconds.
    pub duration_ms: Option<u64>,
}
