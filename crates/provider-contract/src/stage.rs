//! What cases do: start agents, step in, wait.

use std::fmt::Debug;
use std::future::Future;
use std::time::Duration;

use flightdeck_domain::action::{Committed, Intervention, Origin};
use flightdeck_domain::approval::{Approval, ApprovalOption, ApprovalStatus};
use flightdeck_domain::command::{Command, Delivery, Receipt};
use flightdeck_domain::ids::{OperationId, Seq, SessionId};
use flightdeck_domain::message::{Message, MessageRole};
use flightdeck_domain::operation::{Operation, OperationState};
use flightdeck_domain::operator::Actor;
use flightdeck_domain::ports::{ApprovalFilter, ApprovalQuery, DecideApprovalError, SessionFilter, SessionQuery};
use flightdeck_domain::session::{Session, SessionStatus};
use flightdeck_domain::use_cases::{
    DecideApproval, HistoryPlace, Intervene, InterveneError, Intervened, NewSession, Providers, ReadApprovals,
    ReadHistory, ReadOperations, ReadSessions, SpawnSession, SpawnSessionError,
};

use serde_json::{Map, Value};

use crate::fixture::{Behaviour, Fixture, Wanted};

/// What takes longer has not happened.
const DEADLINE: Duration = Duration::from_secs(20);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(5);

/// A fixture with what cases do to it.
pub(crate) struct Stage<'a> {
    pub(crate) fixture: &'a dyn Fixture,
}

impl<'a> Stage<'a> {
    pub(crate) fn of(fixture: &'a dyn Fixture) -> Self {
        Self { fixture }
    }

    /// Looks until there is what is looked for.
    pub(crate) async fn until<T, F: Future<Output = Option<T>>>(&self, what: &str, mut look: impl FnMut() -> F) -> T {
        let looks = async {
            loop {
                if let Some(found) = look().await {
                    return found;
                }
                tokio::time::sleep(LOOK).await;
            }
        };
        let found = tokio::time::timeout(DEADLINE, looks).await;
        found.unwrap_or_else(|_late| panic!("not within {} seconds: {what}", DEADLINE.as_secs()))
    }

    /// What is registered for an agent that behaves like this, with a new id.
    pub(crate) fn new_session(&self, behaviour: Behaviour, parent: Option<SessionId>) -> NewSession {
        let Wanted { provider, agent_type, context, prompt: _ } = self.fixture.wants(behaviour);
        NewSession {
            session_id: Some(self.fixture.ports().ids.session_id()),
            parent_id: parent,
            provider,
            context,
            ..NewSession::new("FD-1".parse().expect("valid"), agent_type)
        }
    }

    pub(crate) async fn try_start(
        &self,
        behaviour: Behaviour,
        new: NewSession,
    ) -> Result<SessionId, SpawnSessionError> {
        let prompt = self.fixture.wants(behaviour).prompt;
        let spawn = SpawnSession::new(self.fixture.ports(), self.fixture.providers());
        spawn.execute(new, Some(prompt)).await.map(|registered| registered.session.id)
    }

    /// Starts an agent.
    pub(crate) async fn start(&self, behaviour: Behaviour) -> SessionId {
        self.try_start(behaviour, self.new_session(behaviour, None)).await.expect("spawned")
    }

    /// Starts an agent and waits until it has said something.
    pub(crate) async fn started(&self, behaviour: Behaviour) -> SessionId {
        let id = self.start(behaviour).await;
        self.until("the agent says something", async || (!self.said(id).await.is_empty()).then_some(())).await;
        id
    }

    /// Starts an agent that has said its lines and is idle.
    pub(crate) async fn idle(&self) -> SessionId {
        let id = self.start(Behaviour::Says).await;
        self.until_status(id, SessionStatus::Idle).await;
        id
    }

    /// Lets a while pass in which other agents do what they would do: another one says its lines.
    pub(crate) async fn let_pass(&self) {
        self.idle().await;
    }

    pub(crate) async fn find(&self, id: SessionId) -> Option<Session> {
        ReadSessions::new(self.fixture.ports()).one(id).await.expect("read")
    }

    pub(crate) async fn session(&self, id: SessionId) -> Session {
        self.find(id).await.expect("registered")
    }

    /// Waits for a status.
    pub(crate) async fn until_status(&self, id: SessionId, status: SessionStatus) -> Session {
        self.until(&format!("the session is {status}"), async || {
            let session = self.session(id).await;
            let is = session.status == status;
            assert!(is || !session.status.is_terminal(), "{}: {:?}", session.status, session.status_reason);
            is.then_some(session)
        })
        .await
    }

    /// A session below this one that runs, if there is one.
    pub(crate) async fn running_below(&self, id: SessionId) -> Option<SessionId> {
        let filter =
            SessionFilter { subtree: Some(id), statuses: vec![SessionStatus::Running], ..SessionFilter::default() };
        let query = SessionQuery { filter, after: None, limit: ReadSessions::MAX_LIMIT, heads_only: true };
        let page = ReadSessions::new(self.fixture.ports()).page(query).await.expect("read");
        page.sessions.iter().find(|session| session.parent_id == Some(id)).map(|session| session.id)
    }

    /// The whole conversation. Panics when it is not dense.
    pub(crate) async fn messages(&self, id: SessionId) -> Vec<Message> {
        let history = ReadHistory::new(self.fixture.ports());
        let (mut all, mut after) = (Vec::new(), Seq::ZERO);
        loop {
            let page = history.execute(id, HistoryPlace::After(after), ReadHistory::MAX_LIMIT).await;
            let page = page.expect("read").expect("registered").messages;
            let Some(last) = page.last() else { return all };
            after = last.seq;
            for message in page {
                let place = u64::try_from(all.len()).expect("a number") + 1;
                assert_eq!(message.seq, Seq::new(place), "the conversation has a gap");
                all.push(message);
            }
        }
    }

    /// What the agent has said.
    pub(crate) async fn said(&self, id: SessionId) -> Vec<Message> {
        let mut messages = self.messages(id).await;
        messages.retain(|message| message.role == MessageRole::Assistant);
        messages
    }

    /// All that the agent has said, in one.
    pub(crate) async fn text(&self, id: SessionId) -> String {
        self.said(id).await.iter().map(|message| message.content.as_str()).collect()
    }

    pub(crate) async fn until_said(&self, id: SessionId, words: &str) {
        self.until(&format!("the agent says {words:?}"), async || self.text(id).await.contains(words).then_some(()))
            .await;
    }

    /// The changes of status that the conversation tells of: the place, and the status that was reached.
    pub(crate) async fn statuses(&self, id: SessionId) -> Vec<(Seq, SessionStatus)> {
        let messages = self.messages(id).await;
        let status = |message: &Message| {
            let about: Map<String, Value> = message.metadata.clone().into();
            let is_status = about.get("type").and_then(Value::as_str) == Some("status");
            let to = is_status.then(|| about.get("to").and_then(Value::as_str).expect("a status"))?;
            Some((message.seq, to.parse().expect("a status")))
        };
        messages.iter().filter_map(status).collect()
    }

    pub(crate) async fn act(&self, id: SessionId, what: Intervention) -> Result<Intervened, InterveneError> {
        self.act_through(self.fixture.providers(), id, what).await
    }

    /// Commits an action that no provider is told of.
    pub(crate) async fn commit_only(&self, id: SessionId, what: Intervention) -> Committed {
        self.act_through(&Providers::default(), id, what).await.expect("accepted").committed
    }

    async fn act_through(
        &self,
        providers: &Providers,
        id: SessionId,
        what: Intervention,
    ) -> Result<Intervened, InterveneError> {
        Intervene::new(self.fixture.ports(), providers).execute(id, what, origin()).await
    }

    /// Acts, and gives back the operation that shows the effect.
    pub(crate) async fn wish(&self, id: SessionId, what: Intervention) -> OperationId {
        self.act(id, what).await.expect("accepted").committed.operation.expect("an operation")
    }

    /// Waits until nothing of an operation is open.
    pub(crate) async fn until_closed(&self, id: OperationId) -> Operation {
        let read = ReadOperations::new(self.fixture.ports());
        self.until("the operation has a result", async || {
            let operation = read.one(id).await.expect("read").expect("there");
            (operation.state() != OperationState::Open).then_some(operation)
        })
        .await
    }

    /// Waits until an operation has done what was wished.
    pub(crate) async fn until_done(&self, id: OperationId) {
        let operation = self.until_closed(id).await;
        assert_eq!(operation.state(), OperationState::Done, "{operation:?}");
    }

    /// Acts, waits for the effect, and looks at the status.
    pub(crate) async fn do_to(&self, id: SessionId, what: Intervention, status: SessionStatus) {
        let operation = self.wish(id, what).await;
        self.until_status(id, status).await;
        self.until_done(operation).await;
    }

    /// An operator's message.
    pub(crate) fn message(&self, delivery: Delivery, text: &str) -> Intervention {
        let message_id = self.fixture.ports().ids.message_id();
        Intervention::Inject { message_id, content: text.parse().expect("valid"), delivery }
    }

    pub(crate) async fn inject(&self, id: SessionId, delivery: Delivery, text: &str) -> (Message, Command) {
        let committed = self.act(id, self.message(delivery, text)).await.expect("accepted").committed;
        (committed.message.expect("a message"), committed.command.expect("a command"))
    }

    /// What became of an operator's message.
    pub(crate) async fn receipt(&self, message: &Message) -> Receipt {
        let history = ReadHistory::new(self.fixture.ports());
        let slice = history.execute(message.session_id, HistoryPlace::After(message.seq.previous()), 1).await;
        let slice = slice.expect("read").expect("registered");
        slice.receipts.get(&message.id).expect("an operator's message").receipt.clone()
    }

    /// Waits until it is final what became of a command.
    pub(crate) async fn until_obeyed(&self, command: &Command) -> Receipt {
        let queue = &self.fixture.ports().commands;
        self.until("the command has its receipt", async || {
            let now = queue.command(command.session_id, command.seq).await.expect("read").expect("there");
            Some(now.receipt).filter(|receipt| !receipt.is_pending())
        })
        .await
    }

    /// Waits until it is final what became of an operator's message.
    pub(crate) async fn until_settled(&self, message: &Message) -> Receipt {
        self.until("the message has its receipt", async || {
            Some(self.receipt(message).await).filter(|receipt| !receipt.is_pending())
        })
        .await
    }

    /// Waits until an operator's message is consumed and answered.
    pub(crate) async fn until_answered(&self, message: &Message) {
        assert_eq!(self.until_settled(message).await, Receipt::Consumed);
        self.until_said(message.session_id, message.content.as_str()).await;
    }

    /// Hands a command over once more.
    pub(crate) async fn hand_over(&self, command: &Command, message: Option<Message>) {
        let session = self.session(command.session_id).await;
        let provider = self.fixture.providers().get(&session.provider).expect("the provider");
        // It does not matter whether it still runs.
        drop(provider.deliver(command, message).await);
    }

    pub(crate) async fn requests(&self, id: SessionId) -> Vec<Approval> {
        let filter = ApprovalFilter { session_id: Some(id), ..ApprovalFilter::default() };
        let query = ApprovalQuery { filter, before: None, limit: ReadApprovals::MAX_LIMIT };
        ReadApprovals::new(self.fixture.ports()).page(query).await.expect("read").approvals
    }

    /// Waits for an open request.
    pub(crate) async fn until_asked(&self, id: SessionId) -> Approval {
        self.until("the agent asks for permission", async || {
            self.requests(id).await.into_iter().find(|request| request.status() == ApprovalStatus::Open)
        })
        .await
    }

    pub(crate) async fn decide(&self, asked: &Approval, option: ApprovalOption) -> Result<(), DecideApprovalError> {
        DecideApproval::new(self.fixture.ports()).execute(asked.id, option, origin()).await.map(drop)
    }

    /// Waits until no request of a session is open.
    pub(crate) async fn until_none_is_open(&self, id: SessionId) {
        self.until("no request is open", async || {
            self.requests(id).await.iter().all(|request| request.status() != ApprovalStatus::Open).then_some(())
        })
        .await;
    }

    /// Sees a session as killed, and at that moment nothing of its program.
    pub(crate) async fn until_killed(&self, id: SessionId) {
        self.until_status(id, SessionStatus::Killed).await;
        self.assert_gone(id).await;
    }

    /// Nothing of the program is left. Where agents are no programs there is nothing to be seen.
    pub(crate) async fn assert_gone(&self, id: SessionId) {
        assert_ne!(self.fixture.is_running(id).await, Some(true), "its end is reported, and its program still runs");
    }

    /// The program is there, where agents are programs.
    pub(crate) async fn assert_runs(&self, id: SessionId) {
        assert_ne!(self.fixture.is_running(id).await, Some(false), "there is no program of it");
    }

    /// The record of a session does not grow any more.
    pub(crate) async fn assert_silent(&self, id: SessionId) {
        let before = self.session(id).await.last_seq;
        self.let_pass().await;
        let grown = self.messages(id).await.split_off(usize::try_from(before.get()).expect("a number"));
        assert!(grown.is_empty(), "{grown:?}");
    }
}

fn origin() -> Origin {
    Origin::new(Actor::local_cli(), "req-1".parse().expect("valid"))
}

/// How often some words stand in a text.
pub(crate) fn count(text: &str, words: &str) -> usize {
    text.matches(words).count()
}

/// The words stand in a text, in this order, each once.
pub(crate) fn assert_once_in_order<S: AsRef<str> + Debug>(text: &str, words: &[S]) {
    let places: Vec<Option<usize>> = words.iter().map(|word| text.find(word.as_ref())).collect();
    assert!(places.iter().all(Option::is_some) && places.is_sorted(), "not all of {words:?}, or not in order: {text}");
    for word in words {
        assert_eq!(count(text, word.as_ref()), 1, "{word:?} is not there once: {text}");
    }
}
