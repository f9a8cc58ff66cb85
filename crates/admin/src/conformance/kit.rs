//! What the checks are made of: an agent is started, spoken to and looked at.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use flightdeck_domain::action::{Intervention, Origin};
use flightdeck_domain::approval::{Approval, ApprovalOption, ApprovalStatus};
use flightdeck_domain::command::{Delivery, Receipt};
use flightdeck_domain::ids::{Seq, SessionId};
use flightdeck_domain::message::Message;
use flightdeck_domain::operator::Actor;
use flightdeck_domain::ports::{ApprovalFilter, ApprovalQuery};
use flightdeck_domain::session::{Choice, Session, SessionStatus};
use flightdeck_domain::text::{AgentType, MessageContent, ProviderName, RequestId, TaskId};
use flightdeck_domain::usage::Totals;
use flightdeck_domain::use_cases::{DecideApproval, Intervene, NewSession, Ports, Providers, SpawnSession};
use flightdeck_provider_acp::{AcpProvider, AgentConfig};
use flightdeck_terminal::BoxError;
use serde_json::json;
use tempfile::TempDir;

const LOOK: Duration = Duration::from_millis(50);

/// A deployment that the agent can run in.
pub struct Fleet {
    /// Its store.
    pub ports: Ports,
    /// All providers, the one that runs the agent among them.
    pub providers: Providers,
    /// The one that runs the agent.
    pub acp: Arc<AcpProvider>,
}

pub(super) struct Prompts {
    pub(super) say: String,
    pub(super) tool: String,
    /// What the output of the tool has in it.
    pub(super) output: String,
    pub(super) busy: String,
    /// Has it make the file that `{file}` stands for.
    pub(super) write: String,
}

impl Prompts {
    pub(super) fn write_to(&self, file: &Path) -> String {
        self.write.replace("{file}", &file.display().to_string())
    }
}

pub(super) struct Kit {
    fleet: Fleet,
    agent_type: AgentType,
    task: TaskId,
    request: RequestId,
    pub(super) prompts: Prompts,
    pub(super) limit: Duration,
    /// Where it is to write: in its own folder, for many an agent may not write elsewhere.
    folder: TempDir,
    agents: Mutex<Agents>,
}

#[derive(Debug, Default)]
struct Agents {
    /// Those of the check that runs.
    started: Vec<SessionId>,
    /// One that is idle.
    spare: Option<SessionId>,
}

/// Why a check saw nothing: a sentence.
pub(super) type Looked<T> = Result<T, String>;

impl Kit {
    pub(super) fn new(fleet: Fleet, agent: &AgentConfig, prompts: Prompts, limit: Duration) -> Result<Self, BoxError> {
        let folder = tempfile::Builder::new().prefix("flightdeck-conformance-").to_owned();
        let own = agent.cwd.as_deref().filter(|_| !agent.worktree);
        let folder = own.map_or_else(|| folder.tempdir(), |own| folder.tempdir_in(own))?;
        Ok(Self {
            fleet,
            agent_type: agent.name.parse()?,
            task: "conformance".parse()?,
            request: "conformance".parse()?,
            prompts,
            limit,
            folder,
            agents: Mutex::default(),
        })
    }

    fn origin(&self) -> Origin {
        Origin::new(Actor::local_cli(), self.request.clone())
    }

    pub(super) async fn spawn(&self, prompt: Option<&str>, resume: Option<&str>) -> Looked<SessionId> {
        let context = resume.map_or_else(|| json!({}), |id| json!({"resume": id}));
        let new = NewSession {
            provider: ProviderName::acp(),
            context: serde_json::from_value(context).map_err(told)?,
            ..NewSession::new(self.task.clone(), self.agent_type.clone())
        };
        let prompt: Option<MessageContent> = prompt.map(str::parse).transpose().map_err(told)?;
        let spawned = SpawnSession::new(&self.fleet.ports, &self.fleet.providers).execute(new, prompt).await;
        let id = spawned.map(|registered| registered.session.id).map_err(told)?;
        self.agents().started.push(id);
        Ok(id)
    }

    fn agents(&self) -> MutexGuard<'_, Agents> {
        self.agents.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An agent that is idle: the one that another check has left so, or a new one.
    pub(super) async fn idle(&self) -> Looked<SessionId> {
        if let Some(id) = self.take_spare() {
            return Ok(id);
        }
        let id = self.spawn(None, None).await?;
        self.until(id, SessionStatus::Idle).await.map(|_| id)
    }

    fn take_spare(&self) -> Option<SessionId> {
        let mut agents = self.agents();
        let spare = agents.spare.take();
        agents.started.extend(spare);
        spare
    }

    /// Leaves an idle agent to the next check: some take seconds to start.
    pub(super) fn spare(&self, id: SessionId) {
        let mut agents = self.agents();
        agents.started.retain(|started| *started != id);
        agents.spare = Some(id);
    }

    /// Ends what was started and is neither at its end nor spared.
    pub(super) async fn end_others(&self) {
        let started = std::mem::take(&mut self.agents().started);
        for id in started {
            if self.session(id).await.is_ok_and(|session| !session.status.is_terminal()) {
                drop(self.act(id, Intervention::Kill).await);
            }
        }
    }

    /// A file that does not exist.
    pub(super) fn file(&self) -> PathBuf {
        self.folder.path().join(self.fleet.ports.ids.message_id().to_string())
    }

    /// What it used.
    pub(super) async fn used(&self, id: SessionId) -> Looked<Totals> {
        let usage = self.fleet.ports.usage.of_session(id).await.map_err(told)?;
        Ok(usage.map(|usage| usage.own).unwrap_or_default())
    }

    pub(super) async fn act(&self, id: SessionId, what: Intervention) -> Looked<()> {
        Intervene::new(&self.fleet.ports, &self.fleet.providers)
            .execute(id, what, self.origin())
            .await
            .map(drop)
            .map_err(told)
    }

    /// Says something; gives back its place in the conversation.
    pub(super) async fn inject(&self, id: SessionId, delivery: Delivery, text: &str) -> Looked<Seq> {
        let content = text.parse().map_err(told)?;
        let what = Intervention::Inject { message_id: self.fleet.ports.ids.message_id(), content, delivery };
        let done = Intervene::new(&self.fleet.ports, &self.fleet.providers).execute(id, what, self.origin()).await;
        let message = done.map_err(told)?.committed.message;
        message.map(|message| message.seq).ok_or_else(|| "the message is not in the conversation".to_owned())
    }

    /// Chooses another model or mode; gives what became of it.
    pub(super) async fn choose(&self, id: SessionId, choice: Choice) -> Looked<Receipt> {
        let intervene = Intervene::new(&self.fleet.ports, &self.fleet.providers);
        let done = intervene.execute(id, Intervention::Configure(choice), self.origin()).await.map_err(told)?;
        let command = done.committed.command.ok_or_else(|| "there is no command".to_owned())?;
        loop {
            let now = self.fleet.ports.commands.command(id, command.seq).await.map_err(told)?;
            match now.map(|command| command.receipt) {
                Some(receipt) if !receipt.is_pending() => return Ok(receipt),
                _ => tokio::time::sleep(LOOK).await,
            }
        }
    }

    pub(super) async fn session(&self, id: SessionId) -> Looked<Session> {
        self.fleet.ports.sessions.get(id).await.map_err(told)?.ok_or_else(|| "the session is gone".to_owned())
    }

    pub(super) async fn messages(&self, id: SessionId) -> Looked<Vec<Message>> {
        let all = self.fleet.ports.messages.after(id, Seq::ZERO, 1_000).await.map_err(told)?;
        Ok(all.map(|slice| slice.messages).unwrap_or_default())
    }

    /// Waits until the session has a status. Another end than that is the answer too.
    pub(super) async fn until(&self, id: SessionId, wanted: SessionStatus) -> Looked<Session> {
        loop {
            let session = self.session(id).await?;
            if session.status == wanted {
                return Ok(session);
            }
            going_on(&session)?;
            tokio::time::sleep(LOOK).await;
        }
    }

    /// What became of a message so far.
    pub(super) async fn receipt(&self, id: SessionId, place: Seq) -> Looked<Option<Receipt>> {
        let slice = self.fleet.ports.messages.after(id, place.previous(), 1).await.map_err(told)?;
        Ok(slice.and_then(|slice| slice.receipts.into_values().next()).map(|receipt| receipt.receipt))
    }

    /// Waits until it is known what became of a message.
    pub(super) async fn until_settled(&self, id: SessionId, place: Seq) -> Looked<Receipt> {
        loop {
            match self.receipt(id, place).await? {
                Some(receipt) if !receipt.is_pending() => return Ok(receipt),
                _ => (),
            }
            let session = self.session(id).await?;
            if let Err(ended) = going_on(&session) {
                // It may have been settled between the two looks.
                let receipt = self.receipt(id, place).await?.filter(|receipt| !receipt.is_pending());
                return receipt.ok_or(ended);
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    pub(super) async fn open_request(&self, id: SessionId) -> Looked<Option<Approval>> {
        let filter =
            ApprovalFilter { session_id: Some(id), statuses: vec![ApprovalStatus::Open], ..ApprovalFilter::default() };
        let page = self.fleet.ports.approvals.list(ApprovalQuery { filter, before: None, limit: 1 }).await;
        Ok(page.map_err(told)?.approvals.pop())
    }

    pub(super) async fn decide(&self, approval: &Approval, allow: bool) -> Looked<()> {
        let (once, other) = if allow {
            (ApprovalOption::AllowOnce, ApprovalOption::AllowAlways)
        } else {
            (ApprovalOption::RejectOnce, ApprovalOption::RejectAlways)
        };
        let option = if approval.options.iter().any(|offered| offered == once) { once } else { other };
        DecideApproval::new(&self.fleet.ports).execute(approval.id, option, self.origin()).await.map(drop).map_err(told)
    }

    /// Kills its program as if it had crashed.
    pub(super) fn crash(&self, id: SessionId) -> Looked<()> {
        if self.fleet.acp.crash(id) { Ok(()) } else { Err("its program does not run".to_owned()) }
    }

    /// Between two looks.
    pub(super) async fn pause(&self) {
        tokio::time::sleep(LOOK).await;
    }

    /// How the agent calls itself, and its own id of the newest session.
    pub(super) async fn introduced(&self, id: SessionId) -> Looked<(Option<String>, Option<String>)> {
        for message in self.messages(id).await? {
            let about = serde_json::Map::from(message.metadata);
            if about.get("type").and_then(|kind| kind.as_str()) == Some("agent_session") {
                let word = |key: &str| about.get(key).and_then(|value| value.as_str()).map(str::to_owned);
                return Ok((word("agent"), word("agentSessionId")));
            }
        }
        Ok((None, None))
    }

    /// How the agent calls itself, of whichever session of it says so.
    pub(super) async fn agent(&self) -> String {
        let query = flightdeck_domain::ports::SessionQuery {
            filter: flightdeck_domain::ports::SessionFilter::default(),
            after: None,
            limit: 100,
            heads_only: true,
        };
        let sessions = self.fleet.ports.sessions.list(query).await.map(|page| page.sessions).unwrap_or_default();
        for session in sessions {
            if let Ok((Some(agent), _)) = self.introduced(session.id).await {
                return agent;
            }
        }
        self.agent_type.to_string()
    }
}

/// Whether there is anything more to be seen of it; where it has ended, how it did.
pub(super) fn going_on(session: &Session) -> Looked<()> {
    if !session.status.is_terminal() {
        return Ok(());
    }
    let reason = session.status_reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
    Err(format!("it is {}{reason}", session.status))
}

pub(super) fn told(error: impl std::error::Error) -> String {
    let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
    format!("{error}{cause}")
}
