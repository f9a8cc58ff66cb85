//! Messages.

use flightdeck_domain::ids::MessageId;
use flightdeck_domain::message::{Appended, Message, MessageReceipt, MessageRole};
use flightdeck_domain::ports::MessageSlice;
use flightdeck_domain::text::{JsonObject, MessageContent, Reason};
use flightdeck_domain::time::Timestamp;
use flightdeck_domain::usage::Usage;
use flightdeck_domain::use_cases::{IngestMessages, MessageInput};
use serde::{Deserialize, Serialize};
use utoipa::openapi::schema::{ArrayBuilder, OneOfBuilder};
use utoipa::openapi::{Ref, RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};
use uuid::Uuid;

use super::{ControlView, UsageBody, texts, words};

/// A message as an agent reports it.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(example = json!({"role": "assistant", "content": "All tests pass.", "usage": {"inputTokens": 1200, "outputTokens": 85}}))]
pub(crate) struct MessageBody {
    /// Its id: give one to make the call safe to repeat.
    #[schema(value_type = Option<Uuid>)]
    id: Option<MessageId>,
    /// Who says it. A `system` message is marked as the agent's
    /// (`metadata.flightdeck` is `agent`).
    #[schema(value_type = words::ReportedRole)]
    role: MessageRole,
    /// What is said; at most 1 MiB.
    #[schema(value_type = texts::MessageContent)]
    content: MessageContent,
    /// Whatever else is to be kept; at most 256 KiB of JSON. The member `flightdeck` is the server's own, and is taken out.
    #[serde(default)]
    #[schema(value_type = texts::JsonObject, required = false)]
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

/// What `POST /agents/{agentId}/messages` takes as JSON: one message, or many in their order.
pub(crate) enum AppendBody {}

impl PartialSchema for AppendBody {
    fn schema() -> RefOr<Schema> {
        let message = || Ref::from_schema_name(MessageBody::name());
        let most = IngestMessages::MAX_BATCH;
        let many = ArrayBuilder::new().items(message()).min_items(Some(1)).max_items(Some(most));
        OneOfBuilder::new().item(message()).item(many).description(Some("One message, or many in their order.")).into()
    }
}

impl ToSchema for AppendBody {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((MessageBody::name().into_owned(), MessageBody::schema()));
        MessageBody::schemas(schemas);
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
    #[schema(required = true)]
    pub(crate) last_seq: Option<u64>,
    pub(crate) control: ControlView,
}

/// What an append answers when nothing is new: the first for a batch, the second for a stream that has ended.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "describes the two bodies; each is written as itself")]
pub(crate) enum AppendAnswer {
    Batch(AppendReply),
    Stream(IntakeReply),
}

/// One message of a conversation.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MessageView<'a> {
    id: Uuid,
    session_id: Uuid,
    seq: u64,
    #[schema(value_type = words::MessageRole)]
    role: &'static str,
    content: &'a str,
    provider: &'a str,
    /// What its author wanted to be kept. Of a message with the role `system`, `flightdeck` says who wrote it: `server` is
    /// Flightdeck itself, `agent` the agent or what runs it; there is none on messages from before it was kept. Nobody but the
    /// server sets it.
    #[schema(value_type = texts::JsonObject)]
    metadata: &'a serde_json::Map<String, serde_json::Value>,
    #[schema(value_type = chrono::DateTime<chrono::Utc>)]
    created_at: Timestamp,
    /// Of an operator's message only: what became of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = MessageReceiptView<'a>, required = false)]
    receipt: Option<MessageReceiptView<'a>>,
}

/// What became of an operator's message, as of the moment at which the message was read.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MessageReceiptView<'a> {
    /// The command that brings it to the agent.
    command_seq: u64,
    #[schema(value_type = words::ReceiptState)]
    state: &'static str,
    /// Why it was refused or could not be delivered.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
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
