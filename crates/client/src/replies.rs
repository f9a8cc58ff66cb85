//! What the server answers and tells, as far as clients read it. What is missing reads as empty, so that a client goes on
//! with a server of another version.

mod changes;
mod operation;
mod provider;
mod runner;
mod sink;
mod usage;

use chrono::{DateTime, Utc};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};
use uuid::Uuid;

pub use self::changes::{ChangedFile, ChangedLine, ChangedTurn, Changes, Hunk};
pub use self::operation::{Operation, Operations, Target};
pub use self::provider::{Provider, ProviderConfig, ProviderTrial, Providers};
pub use self::runner::{Runner, Runners, WaitingAgent, WaitingAgents};
pub use self::sink::{DeadLetter, DeadLetters, Resent, Sink, SinkState, Sinks, Trouble};
pub use self::usage::{AgentUsage, Breakdown, BrokenDown, Budget, Mission, Totals, UsageLine, Window};

/// A part of an answer as it came, and as it was read.
#[derive(Clone, Debug, Default)]
pub struct Told<T> {
    /// As it came, for programs.
    pub raw: Value,
    /// As it was read.
    pub read: T,
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Told<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let raw = Value::deserialize(from)?;
        let read = T::deserialize(&raw).map_err(serde::de::Error::custom)?;
        Ok(Self { raw, read })
    }
}

/// Why the server does not do what it was asked (RFC 9457).
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Problem {
    /// Its kind, which stays the same over versions.
    #[serde(rename = "type")]
    pub kind: String,
    /// What is wrong, in a sentence that names the field at fault.
    pub detail: Option<String>,
}

/// One session, whole: `GET /agents/{id}/status`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Session {
    /// The id.
    pub session_id: String,
    /// The session above it.
    pub parent_session_id: Option<String>,
    /// What runs it.
    pub provider: String,
    /// Its id there.
    pub provider_session_id: Option<String>,
    /// The mission that it belongs to.
    pub mission_id: Option<String>,
    /// Its work item.
    pub task_id: String,
    /// Where that comes from.
    pub task_source: String,
    /// What kind of agent it is.
    pub agent_type: String,
    /// What was observed of it.
    pub status: String,
    /// What was asked of it.
    pub desired_status: String,
    /// Why it is as it is.
    pub status_reason: Option<String>,
    /// The gates that it works under.
    pub gate_profile: Option<String>,
    /// What it was given to work with.
    pub context: Map<String, Value>,
    /// Whatever else is kept of it.
    pub metadata: Map<String, Value>,
    /// How many messages its conversation has.
    pub last_seq: u64,
    /// When it was asked for.
    pub spawned_at: Option<DateTime<Utc>>,
    /// When it began.
    pub started_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub completed_at: Option<DateTime<Utc>>,
    /// When it last gave a sign of life.
    pub last_seen_at: Option<DateTime<Utc>>,
}

/// One message of a conversation.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Message {
    /// Its place: 1, 2, 3 …
    pub seq: u64,
    /// Who says it.
    pub role: String,
    /// What is said.
    pub content: String,
    /// What its author wanted to be kept.
    pub metadata: Map<String, Value>,
    /// When it was said.
    #[serde(rename = "createdAt")]
    pub created_at: Option<DateTime<Utc>>,
    /// Of an operator's message: what became of it.
    pub receipt: Option<Receipt>,
}

impl Message {
    /// A text of its metadata; empty where there is none.
    #[must_use]
    pub fn note(&self, name: &str) -> &str {
        self.metadata.get(name).and_then(Value::as_str).unwrap_or_default()
    }
}

/// What became of an operator's message.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Receipt {
    /// `accepted`, `delivered`, `consumed`, `refused`, `cancelled` or `undeliverable`.
    pub state: String,
    /// Why it was refused or could not be delivered.
    pub reason: Option<String>,
}

/// What became of a command: `GET /agents/{id}/commands/{seq}`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CommandReceipt {
    /// `accepted`, `delivered`, `consumed`, `refused`, `cancelled` or `undeliverable`.
    pub receipt: String,
    /// Why it was refused or could not be delivered.
    pub receipt_reason: Option<String>,
}

/// An answer to `POST /agents/{id}/configure`.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Configured {
    /// The command that brings the choice.
    pub command_seq: u64,
}

/// A page of a conversation: `GET /agents/{id}/messages`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Messages {
    /// In the order of the conversation.
    pub messages: Vec<Told<Message>>,
    /// How many there are in all.
    pub total: u64,
}

/// What was found in a stretch of a conversation: `GET /agents/{id}/messages/search`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Found {
    /// Newest first.
    pub matches: Vec<Told<Message>>,
    /// Everything from here on was looked at; missing when the beginning was reached.
    pub next_before: Option<u64>,
}

/// Commands that wait for an agent: `GET /agents/{id}/commands`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Commands {
    /// In order.
    pub commands: Vec<Command>,
}

/// One command for an agent.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Command {
    /// Its place.
    pub seq: u64,
    /// `inject`, `pause`, `resume`, `interrupt` or `kill`.
    pub kind: String,
    /// For `inject`: the place of the message in the conversation.
    pub message_seq: Option<u64>,
    /// Why.
    pub reason: Option<String>,
}

/// A permission request.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Approval {
    /// Its id.
    pub id: String,
    /// The agent that asks.
    pub agent_id: String,
    /// What it asks for, in a line.
    pub title: String,
    /// The same in full.
    pub detail: Map<String, Value>,
    /// What may be chosen.
    pub options: Vec<String>,
    /// `open`, `decided` or `expired`.
    pub status: String,
    /// Of a decided one.
    pub decision: Option<Decision>,
    /// Of an expired one.
    pub expired: Option<Expired>,
    /// When it was opened.
    pub opened_at: Option<DateTime<Utc>>,
    /// When it expires by itself.
    pub expires_at: Option<DateTime<Utc>>,
}

/// What an operator decided.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Decision {
    /// What was chosen.
    pub option: String,
    /// The id of the operator's key.
    pub by: String,
    /// The name of that key.
    pub by_name: Option<String>,
    /// Why.
    pub reason: Option<String>,
    /// What was filled into the form.
    pub answer: Option<Value>,
}

/// Why nobody can decide any more.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Expired {
    /// `deadline`, `session_ended` or `withdrawn`.
    pub why: String,
}

/// A page of permission requests, newest first: `GET /approvals`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Approvals {
    /// The requests.
    pub approvals: Vec<Told<Approval>>,
    /// Where the next page begins.
    pub next_before: Option<String>,
}

/// What was asked of an agent, or of many.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Controlled {
    /// What was seen, in a sentence.
    pub message: String,
    /// It tells when the effect is observed.
    pub operation_id: Option<String>,
}

/// An operator's message in the conversation: `POST /agents/{id}/inject`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Injected {
    /// Its place there.
    pub seq: u64,
}

/// An agent that is on its way: `POST /agents/spawn`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Spawned {
    /// Its id.
    pub agent_id: String,
    /// `spawning`.
    pub status: String,
}

/// A link that lets somebody log in once: `POST /login-links`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LoginLink {
    /// Its path on the server.
    pub path: String,
    /// Until when it is good.
    pub expires_at: String,
}

/// A page of the audit log, newest first: `GET /audit`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct AuditPage {
    /// The entries.
    pub entries: Vec<Told<AuditEntry>>,
}

/// One entry of the audit log.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AuditEntry {
    /// Its place.
    pub seq: u64,
    /// When it was written.
    pub at: Option<DateTime<Utc>>,
    /// Who acted.
    pub actor: String,
    /// The name of the key that acted.
    pub actor_name: Option<String>,
    /// What was done.
    pub action: String,
    /// `done` or `refused`.
    pub outcome: String,
    /// What it was done to.
    pub target: AuditTarget,
    /// Why.
    pub reason: Option<String>,
    /// What else was kept.
    pub details: Map<String, Value>,
}

/// What an action was aimed at.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct AuditTarget {
    /// What kind of thing it is.
    pub kind: String,
    /// Which of them.
    pub value: Option<String>,
}

/// What the server finds when it proves its audit log: `GET /audit/verify`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AuditProof {
    /// Whether every entry is what it was and where it was.
    pub valid: bool,
    /// `good`, `unvouched` or `broken`; missing on older servers.
    pub verdict: Option<String>,
    /// How many entries were found good.
    pub entries: u64,
    /// The hash of the last good entry.
    pub head: String,
    /// How many signed checkpoints were found good.
    pub checkpoints: u64,
    /// Up to this entry the chain is signed.
    pub signed_up_to: Option<u64>,
    /// The key that the checkpoints were checked against.
    pub key_id: Option<String>,
    /// The first fault.
    pub problem: Option<String>,
    /// The place of the first fault.
    pub problem_seq: Option<u64>,
}

/// What an event of the fleet feed says; which fields it has depends on its kind.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct FleetEvent {
    /// The session, unless it concerns the whole fleet.
    pub session_id: Option<Uuid>,
    /// When it happened.
    pub at: Option<DateTime<Utc>>,
    /// What was observed.
    pub status: Option<String>,
    /// What was asked for.
    pub desired_status: Option<String>,
    /// How many messages the conversation has.
    pub seq: Option<u64>,
    /// Whether the kill switch is engaged.
    pub engaged: Option<bool>,
    /// Of a new session: the one above it.
    pub parent_session_id: Option<Uuid>,
    /// Of a new session: what kind of agent it is.
    pub agent_type: Option<String>,
    /// Of a new session: what runs it.
    pub provider: Option<String>,
    /// Of a new session: its mission.
    pub mission_id: Option<String>,
    /// Of a new session: its work item.
    pub task_id: Option<String>,
}

/// What a conversation's stream says of a receipt that moved on.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct ReceiptEvent {
    /// The command that brings the message.
    pub command: ReceiptCommand,
    /// What became of it.
    pub receipt: Receipt,
}

/// The command of a receipt.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ReceiptCommand {
    /// The place of its message in the conversation.
    pub message_seq: Option<u64>,
}
