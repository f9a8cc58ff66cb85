//! What the checks are made of: an agent is started, spoken to and looked at.

use std::sync::Arc;
use std::time::Duration;

use flightdeck_domain::action::{Intervention, Origin};
use flightdeck_domain::approval::{Approval, ApprovalOption, ApprovalStatus};
use flightdeck_domain::command::{Delivery, Receipt};
use flightdeck_domain::ids::{Seq, SessionId};
use flightdeck_domain::message::Message;
use flightdeck_domain::operator::Actor;
use flightdeck_domain::ports::{ApprovalFilter, ApprovalQuery};
use flightdeck_domain::session::{Session, SessionStatus};
use flightdeck_domain::text::{AgentType, MessageContent, ProviderName, RequestId, TaskId};
use flightdeck_domain::use_cases::{DecideApproval, Intervene, NewSession, Ports, Providers, SpawnSession};
use flightdeck_provider_acp::AcpProvider;
use serde_json::json;

use crate::cli::BoxError;
use crate::deployment::Deployment;

const LOOK: Duration = Duration::from_millis(50);

pub(super) struct Prompts {
    pub(super) say: String,
    pub(super) tool: String,
    pub(super) busy: String,
}

pub(super) struct Kit {
    ports: Ports,
    providers: Providers,
    acp: Arc<AcpProvider>,
    agent_type: AgentType,
    task: TaskId,
    request: RequestId,
    pub(super) prompts: Prompts,
    pub(super) limit: Duration,
}

/// Why a check saw nothing: a sentence.
pub(super) type Looked<T> = Result<T, String>;

impl Kit {
    pub(super) fn new(
        deployment: &Deployment,
        agent: &str,
        prompts: Prompts,
        limit: Duration,
    ) -> Result<Self, BoxError> {
        Ok(Self {
            ports: deployment.ports.clone(),
            providers: deployment.providers.clone(),
            acp: Arc::clone(&deployment.acp),
            agent_type: agent.parse()?,
            task: "conformance".parse()?,
            request: "conformance".parse()?,
            prompts,
            limit,
        })
    }

    fn origin(&self) -> Origin {
        Origin::new(Actor::local_cli(), self.request.clone())
    }

    pub(super) async fn spawn(&self, prompt: &str, resume: Option<&str>) -> Looked<SessionId> {
        let context = resume.map_or_else(|| json!({}), |id| json!({"resume": id}));
        let new = NewSession {
            provider: ProviderName::acp(),
            context: serde_json::from_value(context).map_err(told)?,
            ..NewSession::new(self.task.clone(), self.agent_type.clone())
        };
        let prompt: Option<MessageContent> = if prompt.is_empty() { None } else { Some(prompt.parse().map_err(told)?) };
        let spawned = SpawnSession::new(&self.ports, &self.providers).execute(new, prompt).await;
        spawned.map(|registered| registered.session.id).map_err(told)
    }

    pub(super) async fn act(&self, id: SessionId, what: Intervention) -> Looked<()> {
        Intervene::new(&self.ports, &self.providers).execute(id, what, self.origin()).await.map(drop).map_err(told)
    }

    /// Says something; gives back its place in the conversation.
    pub(super) async fn inject(&self, id: SessionId, delivery: Delivery, text: &str) -> Looked<Seq> {
        let content = text.parse().map_err(told)?;
        let what = Intervention::Inject { message_id: self.ports.ids.message_id(), content, delivery };
        let done = Intervene::new(&self.ports, &self.providers).execute(id, what, self.origin()).await;
        let message = done.map_err(told)?.committed.message;
        message.map(|message| message.seq).ok_or_else(|| "the message is not in the conversation".to_owned())
    }

    pub(super) async fn session(&self, id: SessionId) -> Looked<Session> {
        self.ports.sessions.get(id).await.map_err(told)?.ok_or_else(|| "the session is gone".to_owned())
    }

    pub(super) async fn messages(&self, id: SessionId) -> Looked<Vec<Message>> {
        let all = self.ports.messages.after(id, Seq::ZERO, 1_000).await.map_err(told)?;
        Ok(all.map(|slice| slice.messages).unwrap_or_default())
    }

    /// Waits until the session has a status. Another end than that is the answer too.
    pub(super) async fn until(&self, id: SessionId, wanted: SessionStatus) -> Looked<Session> {
        loop {
            let session = self.session(id).await?;
            if session.status == wanted {
                return Ok(session);
            }
            if session.status.is_terminal() {
                let reason = session.status_reason.map(|reason| format!(": {reason}")).unwrap_or_default();
                return Err(format!("it is {}{reason}", session.status));
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Waits until it is known what became of a message.
    pub(super) async fn until_settled(&self, id: SessionId, place: Seq) -> Looked<Receipt> {
        loop {
            let slice = self.ports.messages.after(id, place.previous(), 1).await.map_err(told)?;
            let receipt = slice.and_then(|slice| slice.receipts.into_values().next()).map(|receipt| receipt.receipt);
            match receipt {
                Some(receipt) if !receipt.is_pending() => return Ok(receipt),
                _ => tokio::time::sleep(LOOK).await,
            }
        }
    }

    pub(super) async fn open_request(&self, id: SessionId) -> Looked<Option<Approval>> {
        let filter =
            ApprovalFilter { session_id: Some(id), statuses: vec![ApprovalStatus::Open], ..ApprovalFilter::default() };
        let page = self.ports.approvals.list(ApprovalQuery { filter, before: None, limit: 1 }).await;
        Ok(page.map_err(told)?.approvals.pop())
    }

    pub(super) async fn allow(&self, approval: &Approval) -> Looked<()> {
        let option = approval.options.iter().find(|option| option.allows()).unwrap_or(ApprovalOption::AllowOnce);
        DecideApproval::new(&self.ports).execute(approval.id, option, self.origin()).await.map(drop).map_err(told)
    }

    /// Kills its program as if it had crashed.
    pub(super) fn crash(&self, id: SessionId) -> Looked<()> {
        if self.acp.crash(id) { Ok(()) } else { Err("its program does not run".to_owned()) }
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
        let sessions = self.ports.sessions.list(query).await.map(|page| page.sessions).unwrap_or_default();
        for session in sessions {
            if let Ok((Some(agent), _)) = self.introduced(session.id).await {
                return agent;
            }
        }
        self.agent_type.to_string()
    }
}

pub(super) fn told(error: impl std::error::Error) -> String {
    let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
    format!("{error}{cause}")
}
