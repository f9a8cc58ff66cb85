//! A deployment made of mocks.

use std::sync::Arc;

use uuid::Uuid;

use super::Ports;
use crate::ids::{MessageId, SessionId};
use crate::ports::{
    MockApiKeyRepository, MockApprovalRepository, MockAuditLog, MockChangeReports, MockClock, MockCommandQueue,
    MockEpochRepository, MockFleetFeed, MockFleetSurveyor, MockIdGenerator, MockLoginRepository, MockMessageRepository,
    MockOperationRepository, MockOperatorActions, MockProviderConfigRepository, MockRetentionRepository,
    MockRunnerRepository, MockSessionRepository, MockSinkRepository, MockUsageRepository, MockWakeUps,
};
use crate::time::Timestamp;

/// A deployment made of mocks, for the tests of code that is built on use cases. Set the expectations, then take the
/// ports: an unexpected call panics.
///
/// ```
/// use flightdeck_domain::ports::StoreUnavailable;
/// use flightdeck_domain::use_cases::{MockPorts, Ports, ReadSessions};
///
/// /// The code under test: what it says to people.
/// async fn headline(ports: &Ports) -> &'static str {
///     match ReadSessions::new(ports).kill_switch_engaged().await {
///         Ok(true) => "Nothing may spawn.",
///         Ok(false) => "All is well.",
///         Err(_) => "Nobody knows.",
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let mut mocks = MockPorts::default();
/// mocks.sessions.expect_kill_switch_engaged().times(1).returning(|| Ok(true));
/// assert_eq!(headline(&mocks.ports()).await, "Nothing may spawn.");
///
/// // What does not happen with a real store in a test: it is away.
/// let mut mocks = MockPorts::default();
/// mocks.sessions.expect_kill_switch_engaged().returning(|| Err(StoreUnavailable::new("the disk is full")));
/// assert_eq!(headline(&mocks.ports()).await, "Nobody knows.");
/// # }
/// ```
#[derive(Default)]
pub struct MockPorts {
    /// The session tree.
    pub sessions: MockSessionRepository,
    /// Conversations.
    pub messages: MockMessageRepository,
    /// Commands that wait for agents.
    pub commands: MockCommandQueue,
    /// Operator actions.
    pub actions: MockOperatorActions,
    /// Permission requests.
    pub approvals: MockApprovalRepository,
    /// Operations and what became of them.
    pub operations: MockOperationRepository,
    /// Usage and budgets.
    pub usage: MockUsageRepository,
    /// The audit log.
    pub audit: MockAuditLog,
    /// The fleet feed.
    pub feed: MockFleetFeed,
    /// API keys.
    pub keys: MockApiKeyRepository,
    /// Which history of the deployment the store holds.
    pub epochs: MockEpochRepository,
    /// Logins.
    pub logins: MockLoginRepository,
    /// Configurations of providers.
    pub provider_configs: MockProviderConfigRepository,
    /// Runners.
    pub runners: MockRunnerRepository,
    /// The fleet in numbers.
    pub surveyor: MockFleetSurveyor,
    /// Sinks.
    pub sinks: MockSinkRepository,
    /// The rules of retention.
    pub retention: MockRetentionRepository,
    /// What agents changed, as others told it.
    pub change_reports: MockChangeReports,
    /// Hints to whoever follows.
    pub wake_ups: MockWakeUps,
}

impl MockPorts {
    /// What their clock says: the beginning of 2026.
    #[must_use]
    pub fn now() -> Timestamp {
        Timestamp::from_micros(1_767_225_600_000_000).unwrap_or(Timestamp::FIRST)
    }

    /// The ports. Their clock is fixed at [`MockPorts::now`]; every id is number 900, and every random byte is a nine.
    /// There are no checkpoints and no spool.
    #[must_use]
    pub fn ports(self) -> Ports {
        let mut clock = MockClock::new();
        clock.expect_now().returning(Self::now);
        let mut ids = MockIdGenerator::new();
        ids.expect_uuid().returning(|| Uuid::from_u128(900));
        ids.expect_session_id().returning(|| SessionId::new(Uuid::from_u128(900)));
        ids.expect_message_id().returning(|| MessageId::new(Uuid::from_u128(900)));
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
            provider_configs: Arc::new(self.provider_configs),
            runners: Arc::new(self.runners),
            surveyor: Arc::new(self.surveyor),
            sinks: Arc::new(self.sinks),
            retention: Arc::new(self.retention),
            change_reports: Arc::new(self.change_reports),
            archive: None,
            changes: None,
            sink_sender: None,
            sealer: None,
            checkpointing: None,
            spool: None,
            wake_ups: Arc::new(self.wake_ups),
            clock: Arc::new(clock),
            ids: Arc::new(ids),
        }
    }
}
