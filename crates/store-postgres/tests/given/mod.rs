//! Values for the tests.
#![allow(dead_code, reason = "each file of tests uses a part")]

use flightdeck_domain::action::{Attribution, Origin};
use flightdeck_domain::ids::{MessageId, SessionId};
use flightdeck_domain::message::{MessageRole, NewMessage};
use flightdeck_domain::operator::Actor;
use flightdeck_domain::session::{Registration, SessionStatus};
use flightdeck_domain::text::{AgentType, JsonObject, MessageContent, ProviderName, RequestId, TaskId, TaskSource};
use flightdeck_domain::time::Timestamp;
use uuid::Uuid;

pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros((1_767_225_600 + seconds) * 1_000_000).expect("a moment")
}

pub(crate) fn session_id(n: u128) -> SessionId {
    SessionId::new(Uuid::from_u128(n))
}

pub(crate) fn registration(n: u128) -> Registration {
    Registration {
        id: session_id(n),
        parent_id: None,
        provider: ProviderName::internal(),
        provider_session_id: None,
        replica: None,
        mission_id: None,
        task_id: TaskId::new("FD-1").expect("valid"),
        task_source: TaskSource::default(),
        agent_type: AgentType::new("worker").expect("valid"),
        status: SessionStatus::Running,
        gate_profile: None,
        context: JsonObject::default(),
        metadata: JsonObject::default(),
        at: at(0),
    }
}

pub(crate) fn message(n: u128, content: &str) -> NewMessage {
    NewMessage {
        id: MessageId::new(Uuid::from_u128(n)),
        role: MessageRole::Assistant,
        content: MessageContent::new(content).expect("valid"),
        metadata: JsonObject::default(),
        created_at: at(1),
    }
}

pub(crate) fn attribution() -> Attribution {
    Origin::new(Actor::local_cli(), RequestId::new("req-1").expect("valid")).at(at(2))
}
