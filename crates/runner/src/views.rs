//! What the server answers, as far as a runner needs it.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use flightdeck_domain::approval::{Approval, ApprovalOption, ApprovalState, ExpiryReason, Verdict};
use flightdeck_domain::command::{Command, CommandKind, Delivery, Receipt};
use flightdeck_domain::ids::{CommandSeq, MessageId, Seq, SessionId};
use flightdeck_domain::message::{Message, MessageRole};
use flightdeck_domain::operator::Actor;
use flightdeck_domain::session::{Choice, DesiredStatus};
use flightdeck_domain::text::{
    AgentType, ChoiceName, GateProfile, JsonObject, MessageContent, MissionId, ProviderName, Reason, TaskId, TaskSource,
};
use flightdeck_domain::time::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

/// What the server says to a runner that joins.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Joined {
    pub(crate) state: String,
    pub(crate) assignments: Vec<HeldThere>,
}

/// An assignment that the server knows to be held.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct HeldThere {
    pub(crate) agent_id: SessionId,
    pub(crate) token: u64,
}

/// What the server gives a runner to start.
#[derive(Deserialize)]
pub(crate) struct Leased {
    pub(crate) state: String,
    pub(crate) assignments: Vec<HeldThere>,
}

/// What an agent is started with. It is not printed: credentials are in it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Started {
    pub(crate) agent_id: SessionId,
    pub(crate) token: u64,
    pub(crate) parent_agent_id: Option<SessionId>,
    pub(crate) mission_id: Option<MissionId>,
    pub(crate) task_id: TaskId,
    pub(crate) task_source: TaskSource,
    pub(crate) agent_type: AgentType,
    pub(crate) context: JsonObject,
    pub(crate) metadata: JsonObject,
    pub(crate) gate_profile: Option<GateProfile>,
    pub(crate) spawned_at: DateTime<Utc>,
    pub(crate) prompt: Option<MessageContent>,
    pub(crate) offer: String,
    pub(crate) configuration: String,
    pub(crate) revision: u64,
    pub(crate) settings: JsonObject,
    pub(crate) at_once: Option<u32>,
    pub(crate) credentials: BTreeMap<String, String>,
    /// Missing from servers that do not tell it yet.
    #[serde(default)]
    pub(crate) takes_up: Option<TakenUpThere>,
}

/// A conversation that an agent takes up.
#[derive(Deserialize)]
pub(crate) struct TakenUpThere {
    pub(crate) conversation: String,
    pub(crate) earlier: Vec<EarlierThere>,
    pub(crate) totals: Vec<Value>,
}

/// A session that had the conversation before.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EarlierThere {
    pub(crate) agent_id: SessionId,
    pub(crate) began: DateTime<Utc>,
}

/// The commands that wait for an agent.
#[derive(Deserialize)]
pub(crate) struct Commands {
    pub(crate) commands: Vec<CommandThere>,
    pub(crate) control: ControlThere,
}

/// What operators want.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ControlThere {
    pub(crate) desired_status: DesiredStatus,
}

/// One command.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CommandThere {
    seq: u64,
    kind: String,
    message_id: Option<Uuid>,
    message_seq: Option<u64>,
    delivery: Option<Delivery>,
    model: Option<ChoiceName>,
    mode: Option<ChoiceName>,
    reason: Option<Reason>,
    receipt: String,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl CommandThere {
    /// The command; `None` for one of a kind that this version does not know.
    pub(crate) fn of(self, session_id: SessionId) -> Option<Command> {
        let kind = match self.kind.as_str() {
            "inject" => CommandKind::Inject {
                message_id: MessageId::new(self.message_id?),
                seq: Seq::new(self.message_seq?),
                delivery: self.delivery?,
            },
            "pause" => CommandKind::Pause,
            "resume" => CommandKind::Resume,
            "interrupt" => CommandKind::Interrupt,
            "configure" => CommandKind::Configure(Choice { model: self.model, mode: self.mode }),
            "kill" => CommandKind::Kill,
            _ => return None,
        };
        let receipt = if self.receipt == "delivered" { Receipt::Delivered } else { Receipt::Accepted };
        Some(Command {
            session_id,
            seq: CommandSeq::new(self.seq),
            kind,
            reason: self.reason,
            receipt,
            created_at: Timestamp::new(self.created_at),
            updated_at: Timestamp::new(self.updated_at),
        })
    }
}

/// A page of a conversation.
#[derive(Deserialize)]
pub(crate) struct History {
    pub(crate) messages: Vec<MessageThere>,
}

/// One message.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MessageThere {
    id: MessageId,
    seq: u64,
    role: MessageRole,
    content: MessageContent,
    provider: ProviderName,
    metadata: JsonObject,
    created_at: DateTime<Utc>,
}

impl MessageThere {
    pub(crate) fn of(self, session_id: SessionId) -> Message {
        Message {
            id: self.id,
            session_id,
            seq: Seq::new(self.seq),
            role: self.role,
            content: self.content,
            provider: self.provider,
            metadata: self.metadata,
            created_at: Timestamp::new(self.created_at),
        }
    }
}

/// What became of a permission request.
#[derive(Deserialize)]
pub(crate) struct ApprovalThere {
    decision: Option<DecisionThere>,
    expired: Option<ExpiredThere>,
}

#[derive(Deserialize)]
struct DecisionThere {
    option: ApprovalOption,
    by: Actor,
    at: DateTime<Utc>,
    reason: Option<Reason>,
    #[serde(default)]
    answer: Option<JsonObject>,
}

#[derive(Deserialize)]
struct ExpiredThere {
    why: ExpiryReason,
    at: DateTime<Utc>,
}

impl ApprovalThere {
    /// The request as it is then.
    pub(crate) fn of(self, known: &Approval) -> Approval {
        let state = match (self.decision, self.expired) {
            (Some(DecisionThere { option, by, at, reason, answer }), _) => {
                ApprovalState::Decided(Verdict { option, by, at: Timestamp::new(at), reason, answer })
            }
            (None, Some(ExpiredThere { why, at })) => ApprovalState::Expired { why, at: Timestamp::new(at) },
            (None, None) => ApprovalState::Open,
        };
        Approval { state, ..known.clone() }
    }
}
