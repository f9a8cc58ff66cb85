//! What the tests of several use cases need.

pub(crate) use super::MockPorts;
use super::{AuditReader, NewSession};
use crate::operator::Actor;
use crate::text::{AgentType, RequestId, TaskId};

pub(crate) fn new_session() -> NewSession {
    NewSession::new(TaskId::new("FD-1").expect("valid"), AgentType::new("worker").expect("valid"))
}

pub(crate) fn reader() -> AuditReader {
    AuditReader { actor: Actor::local_cli(), request_id: RequestId::new("req-1").expect("valid") }
}
