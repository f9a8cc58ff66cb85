//! Control calls.

use flightdeck_domain::command::Delivery;
use flightdeck_domain::message::Control;
use flightdeck_domain::text::{ChoiceName, MessageContent, Reason};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{texts, words};

/// What a runtime should know whenever it reports.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ControlView {
    /// What an operator asked for.
    #[schema(value_type = words::DesiredStatus)]
    desired_status: &'static str,
    /// Commands that are neither consumed nor refused yet: `GET /agents/{agentId}/commands`.
    pending_commands: u64,
}

impl From<Control> for ControlView {
    fn from(control: Control) -> Self {
        Self { desired_status: control.desired_status.as_str(), pending_commands: control.pending_commands }
    }
}

/// Answers a heartbeat.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HeartbeatReply {
    pub(crate) control: ControlView,
}

/// An operator's message.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(example = json!({"message": "Run the tests before you commit.", "delivery": "queue"}))]
pub(crate) struct InjectBody {
    /// What to say; at most 1 MiB.
    #[schema(value_type = texts::MessageContent)]
    pub(crate) message: MessageContent,
    /// When it is to reach the agent; `queue` when missing.
    #[serde(default)]
    #[schema(value_type = words::Delivery, required = false)]
    pub(crate) delivery: Delivery,
    /// Why, for the audit log.
    #[schema(value_type = Option<texts::Reason>)]
    pub(crate) reason: Option<Reason>,
}

/// What an operator chooses of an agent at work: at least one of the two.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"model": "opus", "reason": "the small one does not find it"}))]
pub(crate) struct ConfigureBody {
    /// The model, by the agent's own name of it.
    #[schema(value_type = Option<texts::ChoiceName>)]
    pub(crate) model: Option<ChoiceName>,
    /// The mode, by the agent's own name of it.
    #[schema(value_type = Option<texts::ChoiceName>)]
    pub(crate) mode: Option<ChoiceName>,
    /// Why, for the audit log.
    #[schema(value_type = Option<texts::Reason>)]
    pub(crate) reason: Option<Reason>,
}

/// What became of a choice.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ConfigureReply {
    /// `Agent <id> works with model <model>` when the agent has taken it.
    pub(crate) message: String,
    pub(crate) agent_id: Uuid,
    /// The command that brings it: `GET /agents/{agentId}/commands/{seq}`.
    pub(crate) command_seq: u64,
    /// What became of it so far.
    #[schema(value_type = words::ReceiptState)]
    pub(crate) receipt: &'static str,
    /// Why it was refused or could not be delivered.
    #[schema(required = true)]
    pub(crate) receipt_reason: Option<String>,
}

/// An operator's message in the conversation.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct InjectReply {
    /// `Message injected into agent <id>`
    pub(crate) message: String,
    pub(crate) message_id: Uuid,
    /// Its place in the conversation.
    pub(crate) seq: u64,
    /// What became of it so far: `accepted`. The fleet feed tells when it moves on.
    #[schema(value_type = words::ReceiptState)]
    pub(crate) receipt: &'static str,
    /// The command that brings it to the agent.
    #[schema(required = true)]
    pub(crate) command_seq: Option<u64>,
}

/// The optional body of pause, resume, kill and kill-all.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"reason": "it works on the wrong branch"}))]
pub(crate) struct ControlBody {
    /// Why, for the audit log.
    #[schema(value_type = Option<texts::Reason>)]
    pub(crate) reason: Option<Reason>,
}

/// The optional body of an interrupt.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"reason": "it goes round in circles", "drop": false}))]
pub(crate) struct InterruptBody {
    /// Why, for the audit log.
    #[schema(value_type = Option<texts::Reason>)]
    pub(crate) reason: Option<Reason>,
    /// Take back the messages that wait for the agent, too; otherwise they start its next turn.
    #[serde(default)]
    #[schema(required = false, default = false)]
    pub(crate) drop: bool,
}

/// What was asked, and what was seen.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ControlReply {
    /// `Agent <id> paused` when it was seen to be; else `Agent <id> pause requested`.
    pub(crate) message: String,
    pub(crate) agent_id: Uuid,
    /// What was last observed.
    #[schema(value_type = words::SessionStatus)]
    pub(crate) status: &'static str,
    /// What was asked for.
    #[schema(value_type = words::DesiredStatus)]
    pub(crate) desired_status: &'static str,
    /// Whether the effect was observed.
    pub(crate) observed: bool,
    /// It tells when the effect is observed: `GET /operations/{operationId}`.
    #[schema(required = true)]
    pub(crate) operation_id: Option<Uuid>,
    /// The audit log cannot be written. The entry is kept on disk and goes on the log as soon as it can.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) audit_spooled: bool,
}

/// How far a kill of the whole fleet has come when the call's time is up.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct KillAllReply {
    pub(crate) message: String,
    /// The sessions that had not ended.
    pub(crate) total: u64,
    /// Those of them that were seen to have ended.
    pub(crate) killed: u64,
    /// Those of them that were not (yet).
    pub(crate) failed: u64,
    /// One line for each of the first hundred of those.
    pub(crate) errors: Vec<String>,
    /// It goes on until each of them is seen to have ended: `GET /operations/{operationId}`.
    pub(crate) operation_id: Uuid,
    /// The audit log cannot be written. The entry is kept on disk and goes on the log as soon as it can.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) audit_spooled: bool,
}

/// The kill switch was released.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct KillSwitchReply {
    pub(crate) message: &'static str,
}
