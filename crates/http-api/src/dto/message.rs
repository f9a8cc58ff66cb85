//! Messages.

use flightdeck_domain::ids::MessageId;
use flightdeck_domain::message::{Appended, Message, MessageRole};
use flightdeck_domain::ports::MessageSlice;
use flightdeck_domain::text::{JsonObject, MessageContent};
use flightdeck_domain::time::Timestamp;
use flightdeck_domain::use_cases::MessageInput;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::ControlView;

/// A message as an agent reports it.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct MessageBody {
    /// Its id: give one to make the call safe to repeat.
    #[schema(value_type = Option<Uuid>)]
    id: Option<MessageId>,
    /// `user`, `assistant` (or `agent`), `tool` or `system`.
    #[schema(value_type = String)]
    role: MessageRole,
    /// What is said; at most 1 MiB.
    #[schema(value_type = String, min_length = 1, max_length = 1_048_576)]
    content: MessageContent,
    /// Whatever else is to be kept; at most 256 KiB of JSON.
    #[serde(default)]
    #[schema(value_type = Object)]
    metadata: JsonObject,
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
    #[schema(value_type = Object)]
    metadata: &'a serde_json::Map<String, serde_json::Value>,
    #[schema(value_type = chrono::DateTime<chrono::Utc>)]
    created_at: Timestamp,
}

impl<'a> From<&'a Message> for MessageView<'a> {
    fn from(message: &'a Message) -> Self {
        Self {
            id: *message.id.as_uuid(),
            session_id: *message.session_id.as_uuid(),
            seq: message.seq.get(),
            role: message.role.as_str(),
            content: message.content.as_str(),
            provider: message.provider.as_str(),
            metadata: message.metadata.as_map(),
            created_at: message.created_at,
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
        Self { messages: slice.messages.iter().map(Into::into).collect(), total: slice.last_seq.get() }
    }
}
