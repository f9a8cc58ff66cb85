//! The provider: which agents there are, and how commands reach them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use flightdeck_domain::command::Command;
use flightdeck_domain::message::Message;
use flightdeck_domain::ports::{AgentProvider, Capabilities, DeliverError, PauseCapability, SpawnError};
use flightdeck_domain::session::Session;
use flightdeck_domain::text::{AgentType, JsonObject, MessageContent, ProviderName, ReplicaName};
use flightdeck_domain::use_cases::Ports;
use flightdeck_uplink::{Crew, Desk, Entered, LocalDesk, Place, Places, Uplink};
use flightdeck_vitals::Vitals;
use tokio::runtime::Handle;
use tokio::task::AbortHandle;

use crate::agent::{Agent, Start};
use crate::script::Script;

/// What all of its agents can do.
pub(crate) const CAPABILITIES: Capabilities = Capabilities {
    pause: Some(PauseCapability::Turn),
    steer: true,
    queue: true,
    configure: true,
    approve: true,
    spawn: true,
    in_process: true,
};

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
        Self::with_desk(Arc::new(LocalDesk::new(ports)), replica)
    }

    /// The same with a desk through which the agents report: for a program that has no store of its own.
    #[must_use]
    pub fn with_desk(desk: Arc<dyn Desk>, replica: Option<ReplicaName>) -> Self {
        let agents = Agents {
            replica,
            desk,
            runtime: Handle::try_current().ok(),
            crew: Arc::default(),
            places: Mutex::default(),
        };
        Self { agents: Arc::new(agents) }
    }

    pub(crate) const fn agents(&self) -> &Arc<Agents> {
        &self.agents
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
        CAPABILITIES
    }

    async fn check(&self, _agent_type: &AgentType, context: &JsonObject) -> Result<(), SpawnError> {
        Script::read(context)?;
        Ok(())
    }

    async fn spawn(&self, session: &Session, prompt: Option<MessageContent>) -> Result<(), SpawnError> {
        let script = Script::read(&session.context)?;
        self.agents.spawn(Start { session: session.id, script, prompt }, None)
    }

    async fn deliver(&self, command: &Command, message: Option<Message>) -> Result<(), DeliverError> {
        self.agents.deliver(command, message)
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
    pub(crate) desk: Arc<dyn Desk>,
    runtime: Option<Handle>,
    crew: Arc<Crew<AbortHandle>>,
    /// The places of configurations that have a limit.
    places: Mutex<BTreeMap<String, Arc<Places>>>,
}

impl Agents {
    /// The places of a configuration, so many from now on.
    pub(crate) fn places_of(&self, name: &str, at_once: usize) -> Arc<Places> {
        let mut all = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        let places = all.entry(name.to_owned()).or_insert_with(|| Arc::new(Places::new(at_once)));
        if places.all() != at_once {
            places.resize(at_once);
        }
        Arc::clone(places)
    }

    /// Starts the agent of a session, which keeps its place until it ends.
    pub(crate) fn spawn(self: &Arc<Self>, start: Start, place: Option<Place>) -> Result<(), SpawnError> {
        match self.start_at(start, place) {
            Started::Yes => Ok(()),
            Started::ShuttingDown => Err(SpawnError::Failed("the server is going down".into())),
            Started::NoRuntime => Err(SpawnError::Failed("there is no tokio runtime to run it on".into())),
        }
    }

    /// Hands a command to the agent of its session.
    pub(crate) fn deliver(&self, command: &Command, message: Option<Message>) -> Result<(), DeliverError> {
        self.crew.deliver(command, message)
    }

    /// Starts an agent. A session whose agent is at work already has started.
    pub(crate) fn start(self: &Arc<Self>, start: Start) -> Started {
        self.start_at(start, None)
    }

    fn start_at(self: &Arc<Self>, start: Start, place: Option<Place>) -> Started {
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
        let last_word = Uplink { session, mailbox: presence.mailbox(), desk: Arc::clone(&self.desk) };
        let task = runtime.spawn(async move {
            let (_presence, _place) = (presence, place);
            if Vitals::process().once("scripted agent", agent.run(start)).await.is_err() {
                last_word.broke_off().await;
            }
        });
        self.crew.hold(session, task.abort_handle());
        Started::Yes
    }
}
