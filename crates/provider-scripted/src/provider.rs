//! The provider: which agents there are, and how commands reach them.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use flightdeck_domain::command::Command;
use flightdeck_domain::message::Message;
use flightdeck_domain::ports::{AgentProvider, Capabilities, DeliverError, PauseCapability, SpawnError};
use flightdeck_domain::session::Session;
use flightdeck_domain::text::{AgentType, JsonObject, MessageContent, ProviderName, ReplicaName};
use flightdeck_domain::use_cases::Ports;
use flightdeck_uplink::{Crew, Desk, Entered, Uplink};
use flightdeck_vitals::Vitals;
use tokio::runtime::Handle;
use tokio::task::AbortHandle;

use crate::agent::{Agent, Start};
use crate::script::Script;

/// How long a shutdown waits for agents that are in the middle of a call to the store.
const GRACE: Duration = Duration::from_secs(2);

/// Plays agents from scripts, each as a task of this process. The script's format is described at the top of the crate.
///
/// Sessions of a process that is gone are not taken up again:
/// [`Reconcile`](flightdeck_domain::use_cases::Reconcile) marks them failed at the next start.
pub struct ScriptedProvider {
    agents: Arc<Agents>,
}

impl ScriptedProvider {
    /// A provider whose agents report through these ports. Its agents run on the tokio runtime that this is called on;
    /// when it is called on none, on the one that [`AgentProvider::spawn`] is called on.
    #[must_use]
    pub fn new(ports: &Ports) -> Self {
        Self::at_replica(ports, None)
    }

    /// The same at one of several replicas: children that agents start bear its name, as
    /// [`Providers::at_replica`](flightdeck_domain::use_cases::Providers::at_replica) has it for all others.
    #[must_use]
    pub fn at_replica(ports: &Ports, replica: Option<ReplicaName>) -> Self {
        let agents =
            Agents { replica, desk: Desk::new(ports), runtime: Handle::try_current().ok(), crew: Arc::default() };
        Self { agents: Arc::new(agents) }
    }

    /// How many agents are at work.
    #[must_use]
    pub fn running(&self) -> usize {
        self.agents.crew.len()
    }

    /// Stops every agent without a word about its session, and starts none any more: the server goes down. Comes back when
    /// all have stopped, after two seconds at most.
    pub async fn shutdown(&self) {
        if let Err(tasks) = self.agents.crew.shut_down(GRACE).await {
            tracing::warn!(agents = tasks.len(), "scripted agents did not stop in time and are cut off");
            tasks.iter().for_each(AbortHandle::abort);
        }
    }
}

#[async_trait]
impl AgentProvider for ScriptedProvider {
    fn name(&self) -> ProviderName {
        ProviderName::scripted()
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            pause: Some(PauseCapability::Turn),
            steer: true,
            queue: true,
            approve: true,
            spawn: true,
            in_process: true,
        }
    }

    async fn check(&self, _agent_type: &AgentType, context: &JsonObject) -> Result<(), SpawnError> {
        Script::read(context)?;
        Ok(())
    }

    async fn spawn(&self, session: &Session, prompt: Option<MessageContent>) -> Result<(), SpawnError> {
        let script = Script::read(&session.context)?;
        match self.agents.start(Start { session: session.id, script, prompt }) {
            Started::Yes => Ok(()),
            Started::ShuttingDown => Err(SpawnError::Failed("the server is going down".into())),
            Started::NoRuntime => Err(SpawnError::Failed("there is no tokio runtime to run it on".into())),
        }
    }

    async fn deliver(&self, command: &Command, message: Option<Message>) -> Result<(), DeliverError> {
        self.agents.crew.deliver(command, message)
    }
}

/// What became of a start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Started {
    Yes,
    ShuttingDown,
    NoRuntime,
}

/// The agents at work, and what they need to start others.
pub(crate) struct Agents {
    /// The replica that they live in, if there are several.
    pub(crate) replica: Option<ReplicaName>,
    pub(crate) desk: Desk,
    runtime: Option<Handle>,
    crew: Arc<Crew<AbortHandle>>,
}

impl Agents {
    /// Starts an agent. A session whose agent is at work already has started.
    pub(crate) fn start(self: &Arc<Self>, start: Start) -> Started {
        let Some(runtime) = self.runtime.clone().or_else(|| Handle::try_current().ok()) else {
            return Started::NoRuntime;
        };
        let session = start.session;
        let presence = match self.crew.enter(session) {
            Entered::Now(presence) => presence,
            Entered::Before => return Started::Yes,
            Entered::Closed => return Started::ShuttingDown,
        };
        let agent = Agent::new(Arc::clone(self), session, presence.mailbox());
        // A runtime that is gone drops the task, and with it the presence, at once.
        let last_word = Uplink { session, mailbox: presence.mailbox(), desk: self.desk.clone() };
        let task = runtime.spawn(async move {
            let _presence = presence;
            if Vitals::process().once("scripted agent", agent.run(start)).await.is_err() {
                last_word.broke_off().await;
            }
        });
        self.crew.hold(session, task.abort_handle());
        Started::Yes
    }
}
