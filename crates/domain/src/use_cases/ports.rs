//! The ports that use cases are made of.

use std::sync::Arc;

use super::SpooledActions;
use super::archived_history::{ArchivedCommands, ArchivedMessages};
use super::in_hand::LetGo;
use crate::ports::{
    ApiKeyRepository, ApprovalRepository, Archive, AuditLog, AuditSpool, ChangeReports, Changes, CheckpointArchive,
    CheckpointSigner, Checkpointing, Clock, CommandQueue, EpochRepository, FleetFeed, FleetSurveyor, IdGenerator,
    LoginRepository, MessageRepository, OperationRepository, OperatorActions, ProviderConfigRepository,
    RetentionRepository, RunnerRepository, SecretSealer, SessionRepository, SinkRepository, SinkSender,
    UsageRepository, WakeUps,
};

/// All ports of one deployment.
///
/// ```
/// use std::sync::Arc;
/// use flightdeck_domain::ports::{AuditLog, EpochRepository, FleetFeed, Transactional};
/// use flightdeck_domain::system::{SystemClock, SystemIds};
/// use flightdeck_domain::use_cases::{Ports, ReadSessions};
///
/// /// Makes a deployment of a store that runs transactions. The unit is a `WakeUps` that wakes nobody.
/// fn deployment<S>(store: S) -> Ports
/// where
///     S: Transactional + AuditLog + FleetFeed + EpochRepository + 'static,
/// {
///     Ports::from_store(Arc::new(store), Arc::new(()), Arc::new(SystemClock), Arc::new(SystemIds))
/// }
///
/// fn reader(ports: &Ports) -> ReadSessions {
///     ReadSessions::new(ports)
/// }
/// ```
#[derive(Clone)]
pub struct Ports {
    /// The session tree.
    pub sessions: Arc<dyn SessionRepository>,
    /// Conversations.
    pub messages: Arc<dyn MessageRepository>,
    /// Commands that wait for agents.
    pub commands: Arc<dyn CommandQueue>,
    /// Operator actions.
    pub actions: Arc<dyn OperatorActions>,
    /// Permission requests.
    pub approvals: Arc<dyn ApprovalRepository>,
    /// Operations and what became of them.
    pub operations: Arc<dyn OperationRepository>,
    /// Usage and budgets.
    pub usage: Arc<dyn UsageRepository>,
    /// The audit log.
    pub audit: Arc<dyn AuditLog>,
    /// The fleet feed.
    pub feed: Arc<dyn FleetFeed>,
    /// API keys.
    pub keys: Arc<dyn ApiKeyRepository>,
    /// Which history of the deployment the store holds.
    pub epochs: Arc<dyn EpochRepository>,
    /// Logins.
    pub logins: Arc<dyn LoginRepository>,
    /// Configurations of providers that are changed over the API.
    pub provider_configs: Arc<dyn ProviderConfigRepository>,
    /// Programs on other machines that run agents, and what they are assigned.
    pub runners: Arc<dyn RunnerRepository>,
    /// The fleet in numbers.
    pub surveyor: Arc<dyn FleetSurveyor>,
    /// What must reach people and systems outside.
    pub sinks: Arc<dyn SinkRepository>,
    /// The rules of retention, and what is archived.
    pub retention: Arc<dyn RetentionRepository>,
    /// What agents changed, as others told it.
    pub change_reports: Arc<dyn ChangeReports>,
    /// Keeps conversations outside the store; `None` if the deployment archives nothing.
    pub archive: Option<Arc<dyn Archive>>,
    /// Keeps what agents change in their folders; `None` if the deployment keeps nothing of it.
    pub changes: Option<Arc<dyn Changes>>,
    /// Sends the messages of sinks; `None` if the deployment sends none.
    pub sink_sender: Option<Arc<dyn SinkSender>>,
    /// Seals the credentials of providers and sinks; `None` if the deployment keeps none.
    pub sealer: Option<Arc<dyn SecretSealer>>,
    /// Signed checkpoints of the audit log; `None` if the deployment has none.
    pub checkpointing: Option<Checkpointing>,
    /// The spool for stops whose audit entry cannot be written; `None` if such stops are refused.
    pub spool: Option<Arc<dyn AuditSpool>>,
    /// Hints to followers.
    pub wake_ups: Arc<dyn WakeUps>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Ids and secrets.
    pub ids: Arc<dyn IdGenerator>,
}

impl Ports {
    /// Takes every repository port from one store.
    #[must_use]
    pub fn from_store<S>(
        store: Arc<S>,
        wake_ups: Arc<dyn WakeUps>,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn IdGenerator>,
    ) -> Self
    where
        S: SessionRepository
            + MessageRepository
            + CommandQueue
            + OperatorActions
            + ApprovalRepository
            + OperationRepository
            + UsageRepository
            + AuditLog
            + FleetFeed
            + ApiKeyRepository
            + EpochRepository
            + LoginRepository
            + ProviderConfigRepository
            + RunnerRepository
            + FleetSurveyor
            + SinkRepository
            + RetentionRepository
            + ChangeReports
            + 'static,
    {
        Self {
            sessions: store.clone(),
            messages: store.clone(),
            commands: store.clone(),
            actions: store.clone(),
            approvals: store.clone(),
            operations: store.clone(),
            usage: store.clone(),
            audit: store.clone(),
            feed: store.clone(),
            keys: store.clone(),
            epochs: store.clone(),
            logins: store.clone(),
            provider_configs: store.clone(),
            runners: store.clone(),
            surveyor: store.clone(),
            sinks: store.clone(),
            retention: store.clone(),
            change_reports: store,
            archive: None,
            changes: None,
            sink_sender: None,
            sealer: None,
            checkpointing: None,
            spool: None,
            wake_ups,
            clock,
            ids,
        }
    }

    /// Adds checkpoints of the audit log.
    #[must_use]
    pub fn with_checkpoints(self, signer: Arc<dyn CheckpointSigner>, archive: Arc<dyn CheckpointArchive>) -> Self {
        Self { checkpointing: Some(Checkpointing { signer, archive }), ..self }
    }

    /// Adds what sends the messages of sinks.
    #[must_use]
    pub fn with_sink_sender(self, sender: Arc<dyn SinkSender>) -> Self {
        Self { sink_sender: Some(sender), ..self }
    }

    /// Adds an archive. Conversations and commands that the store has no more are read there from now on.
    #[must_use]
    pub fn with_archive(self, archive: Arc<dyn Archive>) -> Self {
        let messages = ArchivedMessages::new(self.messages, Arc::clone(&self.retention), Arc::clone(&archive));
        let commands = ArchivedCommands::new(self.commands, Arc::clone(&self.retention), Arc::clone(&archive));
        Self { messages: Arc::new(messages), commands: Arc::new(commands), archive: Some(archive), ..self }
    }

    /// Adds what keeps what agents change in their folders.
    #[must_use]
    pub fn with_changes(self, changes: Arc<dyn Changes>) -> Self {
        Self { changes: Some(changes), ..self }
    }

    /// Adds what seals the credentials of providers and sinks.
    #[must_use]
    pub fn with_sealer(self, sealer: Arc<dyn SecretSealer>) -> Self {
        Self { sealer: Some(sealer), ..self }
    }

    /// Lets kills and pauses continue while the audit log cannot be written.
    #[must_use]
    pub fn with_spool(self, spool: Arc<dyn AuditSpool>) -> Self {
        let Spooling { actions, spool } = Spooling::new(self.actions, spool, Arc::clone(&self.ids));
        Self { actions, spool: Some(spool), ..self }
    }
}

/// Has a port. A use case takes any value that has the ports that it needs: [`Ports`], which has all of them, or
/// [`StorePorts`], which has those of its store.
#[diagnostic::on_unimplemented(message = "`{Self}` does not have the port `{P}`, which the use case needs")]
pub trait Has<P: ?Sized> {
    /// The port.
    fn port(&self) -> Arc<P>;
}

/// A port has itself. This is enough for a use case that needs only this port.
impl<P: ?Sized> Has<P> for Arc<P> {
    fn port(&self) -> Self {
        Self::clone(self)
    }
}

/// May have an optional part of a deployment: [`Checkpointing`], or a spool (`Arc<dyn AuditSpool>`). A use case that
/// takes it does less without it, and says so.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say whether it has `{P}`, which the use case can do without"
)]
pub trait MayHave<P> {
    /// The part, if there is one.
    fn optional(&self) -> Option<P>;
}

impl MayHave<Checkpointing> for Ports {
    fn optional(&self) -> Option<Checkpointing> {
        self.checkpointing.clone()
    }
}

impl MayHave<Arc<dyn AuditSpool>> for Ports {
    fn optional(&self) -> Option<Arc<dyn AuditSpool>> {
        self.spool.clone()
    }
}

impl MayHave<Arc<dyn SinkSender>> for Ports {
    fn optional(&self) -> Option<Arc<dyn SinkSender>> {
        self.sink_sender.clone()
    }
}

impl MayHave<Arc<dyn Archive>> for Ports {
    fn optional(&self) -> Option<Arc<dyn Archive>> {
        self.archive.clone()
    }
}

impl MayHave<Arc<dyn Changes>> for Ports {
    fn optional(&self) -> Option<Arc<dyn Changes>> {
        self.changes.clone()
    }
}

impl MayHave<Arc<dyn SecretSealer>> for Ports {
    fn optional(&self) -> Option<Arc<dyn SecretSealer>> {
        self.sealer.clone()
    }
}

/// A spool, and the operator actions that write stops to it.
#[derive(Clone)]
struct Spooling {
    actions: Arc<dyn OperatorActions>,
    spool: Arc<dyn AuditSpool>,
}

impl Spooling {
    fn new(actions: Arc<dyn OperatorActions>, spool: Arc<dyn AuditSpool>, ids: Arc<dyn IdGenerator>) -> Self {
        let actions = SpooledActions::new(actions, Arc::clone(&spool), ids);
        // What an action comes to is decided by its own attempt, as long as that goes on.
        let in_hand = actions.in_hand();
        Self { actions: Arc::new(actions), spool: Arc::new(LetGo { spool, in_hand }) }
    }
}

/// The ports of a store that may lack some. A use case can be made of it when the store has what the use case needs.
pub struct StorePorts<S> {
    store: Arc<S>,
    checkpointing: Option<Checkpointing>,
    spooling: Option<Spooling>,
    wake_ups: Arc<dyn WakeUps>,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn IdGenerator>,
}

impl<S> StorePorts<S> {
    /// Takes every repository port that it has from the store.
    #[must_use]
    pub fn new(store: Arc<S>, wake_ups: Arc<dyn WakeUps>, clock: Arc<dyn Clock>, ids: Arc<dyn IdGenerator>) -> Self {
        Self { store, checkpointing: None, spooling: None, wake_ups, clock, ids }
    }

    /// Adds checkpoints of the audit log.
    #[must_use]
    pub fn with_checkpoints(self, signer: Arc<dyn CheckpointSigner>, archive: Arc<dyn CheckpointArchive>) -> Self {
        Self { checkpointing: Some(Checkpointing { signer, archive }), ..self }
    }
}

impl<S: OperatorActions + 'static> StorePorts<S> {
    /// Lets kills and pauses continue while the audit log cannot be written.
    #[must_use]
    pub fn with_spool(self, spool: Arc<dyn AuditSpool>) -> Self {
        let spooling = Spooling::new(self.store.clone(), spool, Arc::clone(&self.ids));
        Self { spooling: Some(spooling), ..self }
    }
}

impl<S: OperatorActions + 'static> Has<dyn OperatorActions> for StorePorts<S> {
    fn port(&self) -> Arc<dyn OperatorActions> {
        match &self.spooling {
            Some(spooling) => Arc::clone(&spooling.actions),
            None => self.store.clone(),
        }
    }
}

impl Has<dyn OperatorActions> for Ports {
    fn port(&self) -> Arc<dyn OperatorActions> {
        Arc::clone(&self.actions)
    }
}

impl<S> MayHave<Checkpointing> for StorePorts<S> {
    fn optional(&self) -> Option<Checkpointing> {
        self.checkpointing.clone()
    }
}

impl<S> MayHave<Arc<dyn AuditSpool>> for StorePorts<S> {
    fn optional(&self) -> Option<Arc<dyn AuditSpool>> {
        self.spooling.as_ref().map(|spooling| Arc::clone(&spooling.spool))
    }
}

impl<S> Clone for StorePorts<S> {
    fn clone(&self) -> Self {
        let Self { store, checkpointing, spooling, wake_ups, clock, ids } = self;
        Self {
            store: store.clone(),
            checkpointing: checkpointing.clone(),
            spooling: spooling.clone(),
            wake_ups: wake_ups.clone(),
            clock: clock.clone(),
            ids: ids.clone(),
        }
    }
}

macro_rules! has {
    (in the store { $($of_store:ident $repository:ident,)* } beside it { $($field:ident $port:ident,)* }) => {
        $(impl<S: $repository + 'static> Has<dyn $repository> for StorePorts<S> {
            fn port(&self) -> Arc<dyn $repository> {
                self.store.clone()
            }
        }

        impl Has<dyn $repository> for Ports {
            fn port(&self) -> Arc<dyn $repository> {
                self.$of_store.clone()
            }
        })*
        $(impl<S> Has<dyn $port> for StorePorts<S> {
            fn port(&self) -> Arc<dyn $port> {
                self.$field.clone()
            }
        }

        impl Has<dyn $port> for Ports {
            fn port(&self) -> Arc<dyn $port> {
                self.$field.clone()
            }
        })*
    };
}

has! {
    in the store {
        sessions SessionRepository,
        messages MessageRepository,
        commands CommandQueue,
        approvals ApprovalRepository,
        operations OperationRepository,
        usage UsageRepository,
        audit AuditLog,
        feed FleetFeed,
        keys ApiKeyRepository,
        epochs EpochRepository,
        logins LoginRepository,
        provider_configs ProviderConfigRepository,
        runners RunnerRepository,
        surveyor FleetSurveyor,
        sinks SinkRepository,
        retention RetentionRepository,
        change_reports ChangeReports,
    }
    beside it {
        wake_ups WakeUps,
        clock Clock,
        ids IdGenerator,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;
    use crate::action::{Intervention, OperatorAction};
    use crate::audit::{AuditHead, CheckpointSigningKey};
    use crate::fixtures::{attribution, session_id};
    use crate::ports::{
        MockAuditLog, MockAuditSpool, MockCheckpointArchive, MockClock, MockIdGenerator, MockOperatorActions,
        OperatorActionError, StoreUnavailable,
    };
    use crate::use_cases::{MakeCheckpoint, MakeCheckpointError};

    fn ports_of<S>(store: S) -> StorePorts<S> {
        let mut ids = MockIdGenerator::new();
        ids.expect_uuid().return_const(uuid::Uuid::from_u128(1));
        StorePorts::new(Arc::new(store), Arc::new(()), Arc::new(MockClock::new()), Arc::new(ids))
    }

    #[tokio::test]
    async fn a_store_of_few_ports_has_its_stops_laid_down_in_a_spool() {
        let away = || Err(StoreUnavailable::new("away").into());
        let mut store = MockOperatorActions::new();
        store.expect_commit().returning(move |_| away());
        let kept = Arc::new(AtomicBool::new(false));
        let mut spool = MockAuditSpool::new();
        let noted = Arc::clone(&kept);
        spool.expect_keep().returning(move |_| {
            noted.store(true, Ordering::SeqCst);
            Ok(())
        });
        let ports = ports_of(store);
        let none: Option<Arc<dyn AuditSpool>> = ports.optional();
        assert!(none.is_none());
        let ports = ports.with_spool(Arc::new(spool));
        let actions: Arc<dyn OperatorActions> = ports.clone().port();
        let (session_id, intervention, by) = (session_id(1), Intervention::Kill, attribution("because"));
        let answer = actions.commit(OperatorAction { session_id, intervention, operation: None, able: None, by }).await;
        assert!(matches!(answer, Err(OperatorActionError::Kept { .. })), "{answer:?}");
        assert!(kept.load(Ordering::SeqCst));
        let spool: Option<Arc<dyn AuditSpool>> = ports.optional();
        assert!(spool.is_some());
    }

    #[tokio::test]
    async fn a_store_that_has_an_audit_log_alone_can_have_it_signed() {
        let log = || {
            let mut log = MockAuditLog::new();
            log.expect_newest_checkpoint().returning(|| Ok(None));
            log.expect_head().returning(|| Ok(AuditHead::EMPTY));
            log
        };
        let made = MakeCheckpoint::new(&ports_of(log())).execute().await;
        assert!(matches!(made, Err(MakeCheckpointError::NotSetUp)), "{made:?}");
        let mut archive = MockCheckpointArchive::new();
        archive.expect_turn().returning(|| Ok(Box::new(())));
        archive.expect_newest().returning(|| Ok(None));
        let signer = CheckpointSigningKey::from_seed(&[1; 32]);
        let ports = ports_of(log()).with_checkpoints(Arc::new(signer), Arc::new(archive));
        let made = MakeCheckpoint::new(&ports).execute().await;
        assert!(matches!(made, Err(MakeCheckpointError::Empty)), "{made:?}");
    }
}
