//! Messages.

use flightdeck_domain::ids::MessageId;
use flightdeck_domain::message::{Appended, Message, MessageReceipt, MessageRole};
use flightdeck_domain::ports::MessageSlice;
use flightdeck_domain::text::{JsonObject, MessageContent, Reason};
use flightdeck_domain::time::Timestamp;
use flightdeck_domain::usage::Usage;
use flightdeck_domain::use_cases::MessageInput;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{ControlView, UsageBody};

/// A message as an agent reports it.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct MessageBody {
    /// Its id: give one to make the call safe to repeat.
    #[schema(value_type = Option<Uuid>)]
    id: Option<MessageId>,
    /// `user`, `assistant` (or `agent`), `tool` or `system`. A `system` message is marked as the agent's
    /// (`metadata.flightdeck` is `agent`).
    #[schema(value_type = String)]
    role: MessageRole,
    /// What is said; at most 1 MiB.
    #[schema(value_type = String, min_length = 1, max_length = 1_048_576)]
    content: MessageContent,
    /// Whatever else is to be kept; at most 256 KiB of JSON. The member `flightdeck` is the server's own, and is taken out.
    #[serde(default)]
    #[schema(value_type = Object)]
    metadata: JsonObject,
    /// What was used for it since the last report. It counts with this message, once; it is kept in `metadata.usage`,
    /// which may be given in its place.
    #[schema(value_type = Option<UsageBody>)]
    usage: Option<Usage>,
    /// When it was said; now when missing.
    #[schema(value_type = Option<chrono::DateTime<chrono::Utc>>)]
    created_at: Option<Timestamp>,
}

impl From<MessageBody> for MessageInput {
    fn from(body: MessageBody) -> Self {
        Self {
            id: body.id,
            role: body.role,
            content: body.content,
            metadata: body.metadata,
            usage: body.usage,
            created_at: body.created_at,
        }
    }
}

/// Where a message stands.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AppendedView {
    id: Uuid,
    seq: u64,
}

impl From<&Appended> for AppendedView {
    fn from(appended: &Appended) -> Self {
        Self { id: *appended.id.as_uuid(), seq: appended.seq.get() }
    }
}

/// A batch after it was appended.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AppendReply {
    /// One for each message of the batch, in its order.
    pub(crate) messages: Vec<AppendedView>,
    pub(crate) control: ControlView,
}

/// A stream of messages after its end.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct IntakeReply {
    /// How many of its messages are in the conversation, those that were there already included.
    pub(crate) appended: u64,
    /// How many lines could not be read; a `system` message stands in the place of each.
    pub(crate) skipped: u64,
    /// The place of the last of them.
    pub(crate) last_seq: Option<u64>,
    pub(crate) control: ControlView,
}

/// One message of a conversation.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MessageView<'a> {
    id: Uuid,
    session_id: Uuid,
    seq: u64,
    role: &'static str,
    content: &'a str,
    provider: &'a str,
    /// What its author wanted to be kept. Of a message with the role `system`, `flightdeck` says who wrote it: `server` is
    /// Flightdeck itself, `agent` the agent or what runs it; there is none on messages from before it was kept. Nobody but the
    /// server sets it.
    #[schema(value_type = Object)]
    metadata: &'a serde_json::Map<String, serde_json::Value>,
    #[schema(value_type = chrono::DateTime<chrono::Utc>)]
    created_at: Timestamp,
    /// Of an operator's message only: what became of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    receipt: Option<MessageReceiptView<'a>>,
}

/// What became of an operator's message, as of the moment at which the message was read.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MessageReceiptView<'a> {
    /// The command that brings it to the agent.
    command_seq: u64,
    /// `accepted`, `delivered`, `consumed`, `refused`, `cancelled` or `undeliverable`.
    state: &'static str,
    /// Why it was refused or could not be delivered.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
}

impl<'a> From<&'a MessageReceipt> for MessageReceiptView<'a> {
    fn from(of: &'a MessageReceipt) -> Self {
        let reason = of.receipt.reason().map(Reason::as_str);
        Self { command_seq: of.command_seq.get(), state: of.receipt.as_str(), reason }
    }
}

impl<'a> MessageView<'a> {
    pub(crate) fn new(message: &'a Message, receipt: Option<&'a MessageReceipt>) -> Self {
        Self {
            id: *message.id.as_uuid(),
            session_id: *message.session_id.as_uuid(),
            seq: message.seq.get(),
            role: message.role.as_str(),
            content: message.content.as_str(),
            provider: message.provider.as_str(),
            metadata: message.metadata.as_map(),
            created_at: message.created_at,
            receipt: receipt.map(Into::into),
        }
    }
}

/// One page of a conversation.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HistoryView<'a> {
    /// In the order of the conversation.
    messages: Vec<MessageView<'a>>,
    /// How many there are in all.
    total: u64,
}

impl<'a> From<&'a MessageSlice> for HistoryView<'a> {
    fn from(slice: &'a MessageSlice) -> Self {
        let view = |message: &'a Message| MessageView::new(message, slice.receipts.get(&message.id));
        Self { messages: slice.messages.iter().map(view).collect(), total: slice.last_seq.get() }
    }
}
