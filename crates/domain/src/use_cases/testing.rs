//! A deployment made of mocks.

use std::sync::Arc;

use uuid::Uuid;

use super::{AuditReader, NewSession, Ports};
use crate::fixtures::at;
use crate::operator::Actor;
use crate::ports::{
    MockApiKeyRepository, MockApprovalRepository, MockAuditLog, MockClock, MockCommandQueue, MockEpochRepository,
    MockFleetFeed, MockIdGenerator, MockLoginRepository, MockMessageRepository, MockOperationRepository,
    MockOperatorActions, MockSessionRepository, MockUsageRepository, MockWakeUps,
};
use crate::text::{AgentType, RequestId, TaskId};

/// Set the expectations, then take the ports. What is not expected fails the test.
#[derive(Default)]
pub(crate) struct MockPorts {
    pub(crate) sessions: MockSessionRepository,
    pub(crate) messages: MockMessageRepository,
    pub(crate) commands: MockCommandQueue,
    pub(crate) actions: MockOperatorActions,
    pub(crate) approvals: MockApprovalRepository,
    pub(crate) operations: MockOperationRepository,
    pub(crate) usage: MockUsageRepository,
    pub(crate) audit: MockAuditLog,
    pub(crate) feed: MockFleetFeed,
    pub(crate) keys: MockApiKeyRepository,
    pub(crate) epochs: MockEpochRepository,
    pub(crate) logins: MockLoginRepository,
    pub(crate) wake_ups: MockWakeUps,
}

impl MockPorts {
    /// The clock stands at the beginning of 2026; every id is number 900.
    pub(crate) fn ports(self) -> Ports {
        let mut clock = MockClock::new();
        clock.expect_now().returning(|| at(0));
        let mut ids = MockIdGenerator::new();
        ids.expect_uuid().returning(|| Uuid::from_u128(900));
        ids.expect_session_id().returning(|| crate::fixtures::session_id(900));
        ids.expect_message_id().returning(|| crate::fixtures::message_id(900));
        ids.expect_random_bytes().returning(|| [9; 32]);
        Ports {
            sessions: Arc::new(self.sessions),
            messages: Arc::new(self.messages),
            commands: Arc::new(self.commands),
            actions: Arc::new(self.actions),
            approvals: Arc::new(self.approvals),
            operations: Arc::new(self.operations),
            usage: Arc::new(self.usage),
            audit: Arc::new(self.audit),
            feed: Arc::new(self.feed),
            keys: Arc::new(self.keys),
            epochs: Arc::new(self.epochs),
            logins: Arc::new(self.logins),
            checkpointing: None,
            spool: None,
            wake_ups: Arc::new(self.wake_ups),
            clock: Arc::new(clock),
            ids: Arc::new(ids),
        }
    }
}

pub(crate) fn new_session() -> NewSession {
    NewSession::new(TaskId::new("FD-1").expect("valid"), AgentType::new("worker").expect("valid"))
}

pub(crate) fn reader() -> AuditReader {
    AuditReader { actor: Actor::local_cli(), request_id: RequestId::new("req-1").expect("valid") }
}
