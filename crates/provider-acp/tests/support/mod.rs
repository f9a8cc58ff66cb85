//! A deployment in memory with real agents: the test agent, as a child process.
#![allow(dead_code, reason = "each test file uses its own part")]

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use flightdeck_domain::action::{Intervention, Origin};
use flightdeck_domain::approval::{Approval, ApprovalOption, ApprovalStatus};
use flightdeck_domain::command::{Delivery, Receipt};
use flightdeck_domain::ids::{Seq, SessionId};
use flightdeck_domain::message::{Message, NewMessage};
use flightdeck_domain::operator::Actor;
use flightdeck_domain::ports::{
    AppendError, AppendOutcome, ApprovalFilter, ApprovalQuery, ConversationEnd, DecideApprovalError, IdGenerator,
    MessageRepository, MessageSlice, SessionFilter, SessionQuery, StoreUnavailable, WakeUps,
};
use flightdeck_domain::session::{Session, SessionStatus};
use flightdeck_domain::system::{SystemClock, SystemIds};
use flightdeck_domain::text::ProviderName;
use flightdeck_domain::time::Timestamp;
use flightdeck_domain::use_cases::{
    DecideApproval, Intervene, InterveneError, Intervened, NewSession, Ports, Providers, SpawnSession,
    SpawnSessionError,
};
use flightdeck_processes::Supervisor;
use flightdeck_provider_acp::{AcpProvider, AgentConfig, Home};
use flightdeck_store_memory::MemoryStore;
use serde_json::{Value, json};

/// Keeps what was shown as previews.
#[derive(Default)]
pub(crate) struct Shown(pub(crate) Mutex<Vec<String>>);

impl WakeUps for Shown {
    fn session_moved(&self, _session: SessionId, _seq: Seq) {}

    fn command_queued(&self, _session: SessionId) {}

    fn feed_grew(&self) {}

    fn previewed(&self, _session: SessionId, kind: &str, text: &str) {
        self.0.lock().expect("nobody panicked").push(format!("{kind}: {text}"));
    }
}

/// Conversations that take nothing while they are shut, as on a full disk. They can be read all the time.
pub(crate) struct Full {
    inner: Arc<dyn MessageRepository>,
    pub(crate) shut: AtomicBool,
    /// How often something was refused.
    pub(crate) refused: AtomicUsize,
}

impl Full {
    pub(crate) fn new(inner: Arc<dyn MessageRepository>) -> Self {
        Self { inner, shut: AtomicBool::new(false), refused: AtomicUsize::new(0) }
    }
}

#[async_trait]
impl MessageRepository for Full {
    async fn append(
        &self,
        session: SessionId,
        batch: Vec<NewMessage>,
        at: Timestamp,
    ) -> Result<AppendOutcome, AppendError> {
        if self.shut.load(Ordering::SeqCst) {
            self.refused.fetch_add(1, Ordering::SeqCst);
            return Err(StoreUnavailable::new("full").into());
        }
        self.inner.append(session, batch, at).await
    }

    async fn after(
        &self,
        session: SessionId,
        after: Seq,
        limit: usize,
    ) -> Result<Option<MessageSlice>, StoreUnavailable> {
        self.inner.after(session, after, limit).await
    }

    async fn before(
        &self,
        session: SessionId,
        before: Seq,
        limit: usize,
    ) -> Result<Option<MessageSlice>, StoreUnavailable> {
        self.inner.before(session, before, limit).await
    }

    async fn ends(&self, sessions: Vec<SessionId>) -> Result<Vec<ConversationEnd>, StoreUnavailable> {
        self.inner.ends(sessions).await
    }
}

pub(crate) struct Deck {
    pub(crate) shown: Arc<Shown>,
    pub(crate) ports: Ports,
    pub(crate) provider: Arc<AcpProvider>,
    pub(crate) providers: Providers,
    pub(crate) folder: tempfile::TempDir,
}

pub(crate) fn test_agent() -> String {
    env!("CARGO_BIN_EXE_test-agent").to_owned()
}

/// The test agent with short deadlines.
pub(crate) fn config(name: &str, args: &[&str]) -> AgentConfig {
    let args = args.iter().map(|arg| (*arg).to_owned()).collect();
    let path = std::env::var("PATH").expect("a path");
    AgentConfig {
        env: [("PATH".to_owned(), path), ("GIVEN".to_owned(), "yes".to_owned())].into(),
        cwd: Some(std::env::temp_dir()),
        cancel_time: Duration::from_millis(300),
        term_time: Duration::from_millis(300),
        ..AgentConfig::new(name, test_agent(), args)
    }
}

impl Deck {
    pub(crate) fn new(configs: Vec<AgentConfig>) -> Self {
        Self::over(configs, |ports| ports)
    }

    /// Puts other ports in the place of the store's.
    pub(crate) fn over(configs: Vec<AgentConfig>, change: impl FnOnce(Ports) -> Ports) -> Self {
        Self::made_by(AcpProvider::new, configs, change)
    }

    /// The same in one of several replicas.
    pub(crate) fn at_replica(configs: Vec<AgentConfig>, change: impl FnOnce(Ports) -> Ports) -> Self {
        Self::made_by(AcpProvider::at_replica, configs, change)
    }

    fn made_by(
        make: fn(&Ports, Vec<AgentConfig>, Home, Supervisor) -> std::io::Result<AcpProvider>,
        configs: Vec<AgentConfig>,
        change: impl FnOnce(Ports) -> Ports,
    ) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Arc::new(MemoryStore::default());
        let shown = Arc::new(Shown::default());
        let ports = Ports::from_store(store, shown.clone(), Arc::new(SystemClock), Arc::new(SystemIds));
        let ports = change(ports);
        let supervisor = Supervisor { binary: PathBuf::from(test_agent()) };
        let provider = make(&ports, configs, Home::new(folder.path()), supervisor).expect("a provider");
        let provider = Arc::new(provider);
        let providers = Providers::default().with(provider.clone());
        Self { shown, ports, provider, providers, folder }
    }

    /// With one agent, `tester`.
    pub(crate) fn one() -> Self {
        Self::new(vec![config("tester", &[])])
    }

    pub(crate) async fn spawn(&self, script: &str) -> SessionId {
        self.spawn_as("tester", script, json!({})).await.expect("spawned")
    }

    pub(crate) async fn spawn_as(
        &self,
        agent: &str,
        script: &str,
        context: Value,
    ) -> Result<SessionId, SpawnSessionError> {
        let new = NewSession {
            provider: ProviderName::acp(),
            context: serde_json::from_value(context).expect("an object"),
            ..NewSession::new("FD-1".parse().expect("valid"), agent.parse().expect("valid"))
        };
        let prompt = (!script.is_empty()).then(|| script.parse().expect("valid"));
        let spawned = SpawnSession::new(&self.ports, &self.providers).execute(new, prompt).await;
        spawned.map(|registered| registered.session.id)
    }

    pub(crate) async fn act(&self, id: SessionId, what: Intervention) -> Result<Intervened, InterveneError> {
        let origin = Origin::new(Actor::local_cli(), "req-1".parse().expect("valid"));
        Intervene::new(&self.ports, &self.providers).execute(id, what, origin).await
    }

    pub(crate) async fn inject(&self, id: SessionId, delivery: Delivery, text: &str) -> Seq {
        let what = Intervention::Inject {
            message_id: SystemIds.message_id(),
            content: text.parse().expect("valid"),
            delivery,
        };
        self.act(id, what).await.expect("accepted").committed.message.expect("a message").seq
    }

    pub(crate) async fn session(&self, id: SessionId) -> Session {
        self.ports.sessions.get(id).await.expect("read").expect("there")
    }

    /// Waits for a status; the test runner's own limit is the deadline.
    pub(crate) async fn until(&self, id: SessionId, status: SessionStatus) -> Session {
        loop {
            let session = self.session(id).await;
            if session.status == status {
                return session;
            }
            assert!(!session.status.is_terminal(), "{}: {:?}", session.status, session.status_reason);
            pause().await;
        }
    }

    pub(crate) async fn messages(&self, id: SessionId) -> Vec<Message> {
        self.ports.messages.after(id, Seq::ZERO, 1_000).await.expect("read").expect("there").messages
    }

    /// The conversation as `role: text`, without the messages of status changes and of usage.
    pub(crate) async fn told(&self, id: SessionId) -> Vec<String> {
        let messages = self.messages(id).await;
        let said = messages.iter().filter(|message| message.role.to_string() != "system");
        said.map(|message| format!("{}: {}", message.role, message.content)).collect()
    }

    /// Waits until the conversation holds this line.
    pub(crate) async fn until_told(&self, id: SessionId, line: &str) {
        while !self.told(id).await.iter().any(|told| told == line) {
            pause().await;
        }
    }

    /// Waits until the message at a place has a receipt of this state, and gives it back.
    pub(crate) async fn until_receipt(&self, id: SessionId, place: Seq, state: &str) -> Receipt {
        loop {
            let slice = self.ports.messages.after(id, place.previous(), 1).await.expect("read").expect("there");
            let receipt = slice.receipts.values().next().expect("an operator's message").receipt.clone();
            if receipt.as_str() == state {
                return receipt;
            }
            assert!(receipt.is_pending(), "{receipt:?}");
            pause().await;
        }
    }

    /// What became of the message at a place so far.
    pub(crate) async fn receipt(&self, id: SessionId, place: Seq) -> Receipt {
        let slice = self.ports.messages.after(id, place.previous(), 1).await.expect("read").expect("there");
        slice.receipts.values().next().expect("an operator's message").receipt.clone()
    }

    /// Waits until the message at a place has a receipt of this state, also one that is not the last.
    pub(crate) async fn until_receipt_is(&self, id: SessionId, place: Seq, state: &str) {
        while self.receipt(id, place).await.as_str() != state {
            pause().await;
        }
    }

    /// Waits until it is known what became of the message at a place.
    pub(crate) async fn until_settled(&self, id: SessionId, place: Seq) {
        loop {
            let slice = self.ports.messages.after(id, place.previous(), 1).await.expect("read").expect("there");
            if !slice.receipts.values().next().expect("an operator's message").receipt.is_pending() {
                return;
            }
            pause().await;
        }
    }

    /// An open permission request, if there is one.
    pub(crate) async fn asked(&self, id: SessionId) -> Option<Approval> {
        let filter =
            ApprovalFilter { session_id: Some(id), statuses: vec![ApprovalStatus::Open], ..Default::default() };
        let page = self.ports.approvals.list(ApprovalQuery { filter, before: None, limit: 1 }).await;
        page.expect("read").approvals.pop()
    }

    pub(crate) async fn until_asked(&self, id: SessionId) -> Approval {
        loop {
            if let Some(approval) = self.asked(id).await {
                return approval;
            }
            pause().await;
        }
    }

    pub(crate) async fn decide(&self, approval: &Approval, option: ApprovalOption) {
        let origin = Origin::new(Actor::local_cli(), "req-2".parse().expect("valid"));
        DecideApproval::new(&self.ports).execute(approval.id, option, origin).await.expect("decided");
    }

    pub(crate) async fn decide_because(&self, approval: &Approval, option: ApprovalOption, why: &str) {
        let origin = Origin::new(Actor::local_cli(), "req-3".parse().expect("valid"));
        let origin = origin.because(Some(why.parse().expect("valid")));
        DecideApproval::new(&self.ports).execute(approval.id, option, origin).await.expect("decided");
    }

    pub(crate) async fn answer(
        &self,
        approval: &Approval,
        option: ApprovalOption,
        answer: Option<Value>,
    ) -> Result<(), DecideApprovalError> {
        let origin = Origin::new(Actor::local_cli(), "req-5".parse().expect("valid"));
        let answer = answer.map(|answer| serde_json::from_value(answer).expect("an object"));
        DecideApproval::new(&self.ports).answer(approval.id, option, answer, origin).await.map(drop)
    }

    /// A session below this one.
    pub(crate) async fn child(&self, id: SessionId) -> Option<Session> {
        let filter = SessionFilter::default();
        let query = SessionQuery { filter, after: None, limit: 100, heads_only: false };
        let page = self.ports.sessions.list(query).await.expect("read");
        page.sessions.into_iter().find(|session| session.parent_id == Some(id))
    }

    /// Every process that an agent of this deck has, its supervisor included.
    pub(crate) fn processes(&self) -> Vec<u32> {
        let home = self.folder.path().canonicalize().expect("there");
        let mark = format!("FLIGHTDECK_PROCESS={}#", home.display());
        let entries = std::fs::read_dir("/proc").expect("listed").filter_map(Result::ok);
        let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
        let bears = |pid: &u32| {
            let environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            environment.split(|byte| *byte == 0).any(|variable| variable.starts_with(mark.as_bytes()))
        };
        pids.filter(bears).collect()
    }
}

/// Between two looks.
pub(crate) async fn pause() {
    tokio::time::sleep(Duration::from_millis(5)).await;
}
