//! A deployment around a store that lives in the test: it writes down in one order everything that reaches it, and it can
//! be away. Time is tokio's paused clock: it moves only when every agent rests.
#![allow(dead_code, reason = "each test file uses its own part")]

mod approvals;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use flightdeck_domain::action::{Committed, FleetAction, FleetCommitted, Intervention, OperatorAction, Origin};
use flightdeck_domain::approval::Approval;
use flightdeck_domain::audit::AuditDraft;
use flightdeck_domain::command::{Command, Delivery, Receipt};
use flightdeck_domain::ids::{ApprovalId, AuditSeq, CommandSeq, FeedPosition, MessageId, Seq, SessionId};
use flightdeck_domain::message::{Control, Message, NewMessage};
use flightdeck_domain::operation::{ScopedAction, ScopedCommitted};
use flightdeck_domain::operator::Actor;
use flightdeck_domain::ports::{
    AcknowledgeError, AppendError, AppendOutcome, CommandQueue, ConversationEnd, Heard, IdGenerator, MessageRepository,
    MessageSlice, MockApiKeyRepository, MockAuditLog, MockChangeReports, MockEpochRepository, MockFleetFeed,
    MockFleetSurveyor, MockLoginRepository, MockOperationRepository, MockProviderConfigRepository,
    MockRetentionRepository, MockRunnerRepository, MockSinkRepository, MockUsageRepository, MockWakeUps, ObserveError,
    ObservedSession, OperatorActionError, OperatorActions, RegisterError, Registered, SessionFilter, SessionPage,
    SessionQuery, SessionRepository, StoreUnavailable,
};
use flightdeck_domain::session::{
    Admission, Ancestor, Observation, Observed, Registration, Session, SessionStatus, Silence, TreeFacts,
};
use flightdeck_domain::system::{SystemClock, SystemIds};
use flightdeck_domain::text::{
    AgentType, JsonObject, MessageContent, ProviderName, Reason, RequestId, TaskId, TaskSource,
};
use flightdeck_domain::time::Timestamp;
use flightdeck_domain::use_cases::{
    Intervene, Intervened, NewSession, Ports, Providers, ReportStatus, SpawnSession, SpawnSessionError,
};
use flightdeck_provider_scripted::ScriptedProvider;
use serde_json::Value;

#[derive(Default)]
pub(crate) struct World {
    pub(crate) sessions: BTreeMap<SessionId, Session>,
    pub(crate) messages: HashMap<SessionId, Vec<Message>>,
    pub(crate) commands: HashMap<SessionId, Vec<Command>>,
    pub(crate) approvals: BTreeMap<ApprovalId, Approval>,
    pub(crate) kill_switch: bool,
    /// Everything that happened to a session, in order: `→ status`, `role: text`, `#seq receipt`.
    pub(crate) journal: HashMap<SessionId, Vec<String>>,
    /// Every call fails.
    pub(crate) away: bool,
    /// So many appends are done, and then fail to say so.
    pub(crate) lost_answers: u32,
    pub(crate) failed_calls: u32,
    pub(crate) heartbeats: u32,
}

impl World {
    fn note(&mut self, session: SessionId, line: String) {
        self.journal.entry(session).or_default().push(line);
    }

    fn ready(&mut self) -> Result<(), StoreUnavailable> {
        if self.away {
            self.failed_calls += 1;
            return Err(StoreUnavailable::new("unplugged"));
        }
        Ok(())
    }

    fn control(&self, id: SessionId) -> Control {
        let pending = self.commands.get(&id).into_iter().flatten().filter(|c| c.receipt.is_pending()).count();
        Control { desired_status: self.sessions[&id].desired_status, pending_commands: u64::try_from(pending).unwrap() }
    }
}

#[derive(Default)]
pub(crate) struct FakeStore(Mutex<World>);

impl FakeStore {
    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap()
    }
}

#[async_trait]
impl SessionRepository for FakeStore {
    async fn register(&self, registration: Registration) -> Result<Registered, RegisterError> {
        let mut world = self.world();
        world.ready()?;
        let mut above = registration.parent_id;
        let mut ancestors = Vec::new();
        while let Some(session) = above.and_then(|id| world.sessions.get(&id)) {
            ancestors.push(Ancestor::from(session));
            above = session.parent_id;
        }
        let existing = world.sessions.get(&registration.id).cloned();
        let facts = TreeFacts { existing, ancestors, kill_switch_engaged: world.kill_switch };
        match registration.admit(facts)? {
            Admission::Create { session, .. } => {
                world.sessions.insert(session.id, *session.clone());
                Ok(Registered { session: *session, created: true })
            }
            Admission::Exists(session) => Ok(Registered { session: *session, created: false }),
        }
    }

    async fn get(&self, id: SessionId) -> Result<Option<Session>, StoreUnavailable> {
        Ok(self.world().sessions.get(&id).cloned())
    }

    async fn list(&self, _: SessionQuery) -> Result<SessionPage, StoreUnavailable> {
        let sessions = self.world().sessions.values().cloned().collect();
        Ok(SessionPage { sessions, next: None, as_of: FeedPosition::ZERO })
    }

    async fn count(&self, _: SessionFilter) -> Result<u64, StoreUnavailable> {
        unimplemented!("no agent counts")
    }

    async fn kill_switch_engaged(&self) -> Result<bool, StoreUnavailable> {
        Ok(self.world().kill_switch)
    }

    async fn is_within(&self, _: SessionId, _: SessionId) -> Result<bool, StoreUnavailable> {
        unimplemented!("no agent asks")
    }

    async fn observe(&self, observation: Observation) -> Result<ObservedSession, ObserveError> {
        let mut world = self.world();
        world.ready()?;
        let id = observation.session_id;
        let session = world.sessions.get(&id).ok_or(ObserveError::UnknownSession(id))?;
        match session.observe(&observation)? {
            Observed::Unchanged(session) => {
                world.sessions.insert(id, *session.clone());
                Ok(ObservedSession { session: *session, changed: false, control: world.control(id) })
            }
            Observed::Changed(change) => {
                world.sessions.insert(id, change.session.clone());
                world.messages.entry(id).or_default().push(change.message);
                world.note(id, format!("→ {}", observation.status));
                if observation.status.is_terminal() {
                    let mut lines = Vec::new();
                    for command in world.commands.entry(id).or_default().iter_mut().filter(|c| c.receipt.is_pending()) {
                        *command = command.settle(observation.status, observation.at);
                        lines.push(format!("#{} {}", command.seq, command.receipt));
                    }
                    for approval in world.approvals.values_mut().filter(|it| it.session_id == id && it.is_open()) {
                        *approval = approval.end(observation.at).0;
                    }
                    for line in lines {
                        world.note(id, line);
                    }
                }
                Ok(ObservedSession { session: change.session, changed: true, control: world.control(id) })
            }
        }
    }

    async fn heartbeat(&self, id: SessionId, _: Timestamp) -> Result<Option<Heard>, StoreUnavailable> {
        let mut world = self.world();
        world.ready()?;
        world.heartbeats += 1;
        Ok(Some(Heard { control: world.control(id), came_back: None }))
    }

    async fn lose(&self, _: Silence, _: usize) -> Result<Vec<Session>, StoreUnavailable> {
        unimplemented!("no agent loses another")
    }
}

#[async_trait]
impl MessageRepository for FakeStore {
    async fn append(&self, id: SessionId, batch: Vec<NewMessage>, _: Timestamp) -> Result<AppendOutcome, AppendError> {
        let mut world = self.world();
        world.ready()?;
        let session = world.sessions.get(&id).ok_or(AppendError::UnknownSession(id))?;
        let known = world.messages.get(&id).into_iter().flatten().map(|m| (m.id, m.clone())).collect();
        let plan = session.append(batch, &known)?;
        world.sessions.get_mut(&id).unwrap().last_seq = plan.last_seq;
        for message in plan.insert.clone() {
            world.note(id, format!("{}: {}", message.role, message.content));
            world.messages.entry(id).or_default().push(message);
        }
        if world.lost_answers > 0 {
            world.lost_answers -= 1;
            return Err(StoreUnavailable::new("the line broke").into());
        }
        let control = world.control(id);
        let (appended, inserted, last_seq) = (plan.appended, plan.insert, plan.last_seq);
        Ok(AppendOutcome { appended, inserted, last_seq, control, came_back: false, exhausted: false })
    }

    async fn after(&self, id: SessionId, after: Seq, n: usize) -> Result<Option<MessageSlice>, StoreUnavailable> {
        let mut world = self.world();
        world.ready()?;
        let Some(session) = world.sessions.get(&id) else { return Ok(None) };
        let messages = world.messages[&id].iter().filter(|m| m.seq > after).take(n).cloned().collect();
        let (receipts, last_seq) = (HashMap::new(), session.last_seq);
        Ok(Some(MessageSlice { messages, receipts, last_seq, status: session.status }))
    }

    async fn before(&self, _: SessionId, _: Seq, _: usize) -> Result<Option<MessageSlice>, StoreUnavailable> {
        unimplemented!("no agent reads backwards")
    }

    async fn ends(&self, _: Vec<SessionId>) -> Result<Vec<ConversationEnd>, StoreUnavailable> {
        unimplemented!("no agent follows conversations")
    }
}

#[async_trait]
impl CommandQueue for FakeStore {
    async fn pending(
        &self,
        id: SessionId,
        after: CommandSeq,
        n: usize,
    ) -> Result<Option<Vec<Command>>, StoreUnavailable> {
        let mut world = self.world();
        world.ready()?;
        let pending = world.commands.get(&id).into_iter().flatten();
        Ok(Some(pending.filter(|c| c.seq > after && c.receipt.is_pending()).take(n).cloned().collect()))
    }

    async fn command(&self, _: SessionId, _: CommandSeq) -> Result<Option<Command>, StoreUnavailable> {
        unimplemented!("no agent looks at one command")
    }

    async fn acknowledge(
        &self,
        id: SessionId,
        seq: CommandSeq,
        receipt: Receipt,
        at: Timestamp,
    ) -> Result<Command, AcknowledgeError> {
        let mut world = self.world();
        world.ready()?;
        let commands = world.commands.entry(id).or_default();
        let command = commands.iter_mut().find(|c| c.seq == seq);
        let command = command.ok_or(AcknowledgeError::UnknownCommand { session: id, seq })?;
        let acknowledged = command.acknowledge(receipt, at)?;
        *command = acknowledged.clone();
        world.note(id, format!("#{seq} {}", acknowledged.receipt));
        Ok(acknowledged)
    }
}

#[async_trait]
impl OperatorActions for FakeStore {
    async fn commit(&self, action: OperatorAction) -> Result<Committed, OperatorActionError> {
        let mut world = self.world();
        let id = action.session_id;
        let effects = *action.decide(world.sessions.get(&id), &[]).outcome?;
        world.sessions.insert(id, effects.session.clone());
        if let Some(message) = &effects.message {
            world.messages.entry(id).or_default().push(message.clone());
            world.note(id, format!("{}: {}", message.role, message.content));
        }
        if let Some(command) = &effects.command {
            world.commands.entry(id).or_default().push(command.clone());
        }
        let (session, message, command) = (effects.session, effects.message, effects.command);
        Ok(Committed {
            session,
            message,
            command,
            operation: action.operation,
            audit_seq: Some(AuditSeq::new(1)),
            again: false,
        })
    }

    async fn commit_scoped(&self, _: ScopedAction) -> Result<ScopedCommitted, OperatorActionError> {
        unimplemented!("the tests step in on single sessions")
    }

    async fn commit_fleet(&self, _: FleetAction) -> Result<FleetCommitted, OperatorActionError> {
        unimplemented!("the tests step in on single sessions")
    }

    async fn record(&self, _: AuditDraft) -> Result<AuditSeq, StoreUnavailable> {
        unimplemented!("nothing is refused before a session is looked at")
    }
}

pub(crate) fn silent() -> MockWakeUps {
    let mut wake_ups = MockWakeUps::new();
    wake_ups.expect_session_moved().return_const(());
    wake_ups.expect_messages_appended().return_const(());
    wake_ups.expect_command_queued().return_const(());
    wake_ups.expect_feed_grew().return_const(());
    wake_ups
}

pub(crate) fn session(context: Value) -> NewSession {
    NewSession {
        session_id: None,
        parent_id: None,
        provider: ProviderName::new("scripted").unwrap(),
        provider_session_id: None,
        replica: None,
        started_by: None,
        mission_id: None,
        task_id: TaskId::new("FD-1").unwrap(),
        task_source: TaskSource::default(),
        agent_type: AgentType::new("worker").unwrap(),
        gate_profile: None,
        context: serde_json::from_value(context).unwrap(),
        metadata: JsonObject::default(),
    }
}

/// A deployment with scripted agents.
pub(crate) struct Deck {
    pub(crate) store: Arc<FakeStore>,
    pub(crate) ports: Ports,
    pub(crate) provider: Arc<ScriptedProvider>,
    pub(crate) providers: Providers,
}

impl Deck {
    pub(crate) fn new() -> Self {
        let store = Arc::new(FakeStore::default());
        let ports = Ports {
            checkpointing: None,
            spool: None,
            sessions: store.clone(),
            messages: store.clone(),
            commands: store.clone(),
            actions: store.clone(),
            approvals: store.clone(),
            operations: Arc::new(MockOperationRepository::new()),
            audit: Arc::new(MockAuditLog::new()),
            feed: Arc::new(MockFleetFeed::new()),
            keys: Arc::new(MockApiKeyRepository::new()),
            epochs: Arc::new(MockEpochRepository::new()),
            usage: Arc::new(MockUsageRepository::new()),
            logins: Arc::new(MockLoginRepository::new()),
            provider_configs: Arc::new(MockProviderConfigRepository::new()),
            runners: Arc::new(MockRunnerRepository::new()),
            surveyor: Arc::new(MockFleetSurveyor::new()),
            sinks: Arc::new(MockSinkRepository::new()),
            retention: Arc::new(MockRetentionRepository::new()),
            change_reports: Arc::new(MockChangeReports::new()),
            archive: None,
            changes: None,
            sink_sender: None,
            sealer: None,
            wake_ups: Arc::new(silent()),
            clock: Arc::new(SystemClock),
            ids: Arc::new(SystemIds),
        };
        let provider = Arc::new(ScriptedProvider::new(&ports));
        let providers = Providers::default().with(provider.clone());
        Self { store, ports, provider, providers }
    }

    pub(crate) async fn try_spawn(
        &self,
        new: NewSession,
        prompt: Option<&str>,
    ) -> Result<SessionId, SpawnSessionError> {
        let prompt = prompt.map(|text| MessageContent::new(text).unwrap());
        let spawn = SpawnSession::new(&self.ports, &self.providers);
        spawn.execute(new, prompt).await.map(|registered| registered.session.id)
    }

    pub(crate) async fn spawn(&self, context: Value, prompt: Option<&str>) -> SessionId {
        self.try_spawn(session(context), prompt).await.unwrap()
    }

    pub(crate) async fn step_in(&self, id: SessionId, intervention: Intervention) -> Intervened {
        let (request, reason) = (RequestId::new("req-1").unwrap(), Reason::new("because").ok());
        let intervene = Intervene::new(&self.ports, &self.providers);
        intervene.execute(id, intervention, Origin::new(Actor::local_cli(), request).because(reason)).await.unwrap()
    }

    pub(crate) async fn inject(&self, id: SessionId, text: &str, delivery: Delivery) -> Intervened {
        self.step_in(id, inject(text, delivery)).await
    }

    /// Commits without handing over, as when the request is dropped in between.
    pub(crate) async fn commit_only(&self, id: SessionId, intervention: Intervention) -> Committed {
        Intervene::new(&self.ports, &Providers::default())
            .execute(id, intervention, Origin::new(Actor::local_cli(), RequestId::new("req-1").unwrap()))
            .await
            .unwrap()
            .committed
    }

    /// Somebody else reports for the session.
    pub(crate) async fn report(&self, id: SessionId, status: SessionStatus) {
        ReportStatus::new(&self.ports).execute(id, status, None).await.unwrap();
    }

    pub(crate) fn status(&self, id: SessionId) -> SessionStatus {
        self.store.world().sessions[&id].status
    }

    pub(crate) fn receipt(&self, id: SessionId, seq: u64) -> Receipt {
        self.store.world().commands[&id].iter().find(|c| c.seq.get() == seq).unwrap().receipt.clone()
    }

    pub(crate) fn journal(&self, id: SessionId) -> Vec<String> {
        self.store.world().journal.get(&id).cloned().unwrap_or_default()
    }

    /// The journal from a line on that was seen before.
    pub(crate) fn since(&self, id: SessionId, from: usize) -> Vec<String> {
        self.journal(id)[from..].to_vec()
    }
}

pub(crate) fn inject(text: &str, delivery: Delivery) -> Intervention {
    let message_id: MessageId = SystemIds.message_id();
    Intervention::Inject { message_id, content: MessageContent::new(text).unwrap(), delivery }
}

/// Lets so many milliseconds of the paused clock pass; all that agents do within them is then done.
pub(crate) async fn pass(ms: u64) {
    tokio::time::sleep(Duration::from_millis(ms)).await;
}
