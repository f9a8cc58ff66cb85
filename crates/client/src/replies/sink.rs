//! What must reach people and systems outside.

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::{Map, Value};

/// Why a message did not arrive.
#[derive(Clone, Debug, Deserialize)]
pub struct Trouble {
    /// What happened.
    pub what: String,
    /// When.
    pub at: DateTime<Utc>,
}

/// How far a sink is.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SinkState {
    /// The place up to which everything is done with.
    pub cursor: u64,
    /// How many entries of the log are behind it.
    pub lag: Option<u64>,
    /// Failed tries of the message that is next.
    pub tries: u32,
    /// Nothing is tried before.
    pub next_try: Option<DateTime<Utc>>,
    /// The last failure.
    pub last_error: Option<Trouble>,
    /// When a message was accepted last.
    pub last_success: Option<DateTime<Utc>>,
    /// How many messages were given up.
    pub dead_letters: u64,
}

/// A sink.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Sink {
    /// Its name.
    pub name: String,
    /// How its messages go out.
    pub form: String,
    /// Whether it sends.
    pub enabled: bool,
    /// By the schema of its form.
    pub settings: Map<String, Value>,
    /// Which events it sends.
    pub filter: Map<String, Value>,
    /// Whether messages have what agents write.
    pub transcript: bool,
    /// The tries of a message.
    pub max_tries: u32,
    /// The names of its credentials.
    pub credentials: Vec<String>,
    /// Rises with each change.
    pub revision: u64,
    /// Who changed it last.
    pub changed_by: String,
    /// The name of the key that did.
    pub changed_by_name: Option<String>,
    /// How far it is.
    pub state: SinkState,
}

/// The sinks of a deployment, sorted by name: `GET /sinks`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Sinks {
    /// The sinks.
    pub sinks: Vec<Sink>,
}

/// A message that did not arrive.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeadLetter {
    /// Its place in the log.
    pub place: u64,
    /// The type of the event.
    pub kind: Option<String>,
    /// The session of the event.
    pub session_id: Option<String>,
    /// How often it was tried.
    pub tries: u32,
    /// Why the last try failed.
    pub error: Trouble,
    /// Whether it waits to be sent again.
    #[serde(default)]
    pub resending: bool,
}

/// One page of dead letters.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DeadLetters {
    /// By place, the oldest first.
    pub dead_letters: Vec<DeadLetter>,
    /// Where the next page begins.
    pub next_after: Option<u64>,
}

/// How many dead letters are sent again.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Resent {
    /// Their number.
    pub letters: u64,
}
