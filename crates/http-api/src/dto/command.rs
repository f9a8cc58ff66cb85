//! Commands.

use chrono::{DateTime, Utc};
use flightdeck_domain::command::{Command, CommandKind, Delivery, Receipt};
use flightdeck_domain::session::Choice;
use flightdeck_domain::text::{ChoiceName, Reason};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{ControlView, texts, words};
use crate::problem::ApiError;

/// One command for an agent.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CommandView {
    seq: u64,
    #[schema(value_type = words::CommandKind)]
    kind: &'static str,
    /// For `inject`: the operator's message in the conversation.
    #[schema(required = true)]
    message_id: Option<Uuid>,
    /// For `inject`: its place there; `GET /agents/{agentId}/messages?before={messageSeq + 1}&limit=1` gives it.
    #[schema(required = true)]
    message_seq: Option<u64>,
    /// For `inject`.
    #[schema(value_type = Option<words::Delivery>, required = true)]
    delivery: Option<Delivery>,
    /// For `configure`: the model to work with from now on, by the agent's name of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<texts::ChoiceName>)]
    model: Option<ChoiceName>,
    /// For `configure`: the mode to work in.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<texts::ChoiceName>)]
    mode: Option<ChoiceName>,
    #[schema(required = true)]
    reason: Option<String>,
    #[schema(value_type = words::ReceiptState)]
    receipt: &'static str,
    /// Why it was refused or could not be delivered.
    #[schema(required = true)]
    receipt_reason: Option<String>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl From<Command> for CommandView {
    fn from(command: Command) -> Self {
        let (message_id, message_seq, delivery) = match command.kind {
            CommandKind::Inject { message_id, seq, delivery } => {
                (Some(*message_id.as_uuid()), Some(seq.get()), Some(delivery))
            }
            _ => (None, None, None),
        };
        let word = command.kind.as_str();
        let Choice { model, mode } = match command.kind {
            CommandKind::Configure(choice) => choice,
            _ => Choice::default(),
        };
        let receipt_reason = command.receipt.reason().map(Reason::to_string);
        Self {
            seq: command.seq.get(),
            kind: word,
            message_id,
            message_seq,
            delivery,
            model,
            mode,
            reason: command.reason.map(Into::into),
            receipt: command.receipt.as_str(),
            receipt_reason,
            created_at: command.created_at.as_datetime(),
            updated_at: command.updated_at.as_datetime(),
        }
    }
}

/// The commands that wait for an agent.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CommandsView {
    /// In order; each comes again until it is acknowledged as consumed or refused.
    pub(crate) commands: Vec<CommandView>,
    pub(crate) control: ControlView,
}

/// A message was taken back.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CancelReply {
    pub(crate) message: String,
    /// `cancelled`
    #[schema(value_type = words::ReceiptState)]
    pub(crate) receipt: &'static str,
}

/// What an agent can say of a command.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum AcknowledgedState {
    /// The runtime has it.
    Delivered,
    /// The agent acted on it.
    Consumed,
    /// The agent will not.
    Refused,
}

/// An agent acknowledges a command.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"state": "consumed"}))]
pub(crate) struct AcknowledgeBody {
    state: AcknowledgedState,
    /// Why it is refused; needed then, and only then.
    #[schema(value_type = Option<texts::Reason>)]
    reason: Option<Reason>,
}

impl TryFrom<AcknowledgeBody> for Receipt {
    type Error = ApiError;

    fn try_from(body: AcknowledgeBody) -> Result<Self, ApiError> {
        match (body.state, body.reason) {
            (AcknowledgedState::Delivered, None) => Ok(Self::Delivered),
            (AcknowledgedState::Consumed, None) => Ok(Self::Consumed),
            (AcknowledgedState::Refused, Some(reason)) => Ok(Self::Refused { reason }),
            (AcknowledgedState::Refused, None) => {
                Err(ApiError::field("/reason", "is needed when a command is refused"))
            }
            (_, Some(_)) => Err(ApiError::field("/reason", "goes with the state refused only")),
        }
    }
}
