//! The provider: which agents there are, and how commands reach them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use flightdeck_domain::command::Command;
use flightdeck_domain::ids::SessionId;
use flightdeck_domain::message::Message;
use flightdeck_domain::ports::{AgentProvider, Capabilities, DeliverError, PauseCapability, SpawnError};
use flightdeck_domain::session::Session;
use flightdeck_domain::text::{AgentType, JsonObject, MessageContent, ProviderName, ProviderSessionId};
use flightdeck_domain::use_cases::Ports;
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::task::AbortHandle;

use crate::agent::{Agent, Start};
use crate::script::Script;
use flightdeck_uplink::Desk;
use flightdeck_uplink::Mailbox;

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
    pub fn at_replica(ports: &Ports, replica: Option<ProviderSessionId>) -> Self {
        let agents = Agents {
            replica,
            desk: Desk::new(ports),
            runtime: Handle::try_current().ok(),
            registry: Mutex::default(),
            left: Notify::new(),
        };
        Self { agents: Arc::new(agents) }
    }

    /// How many agents are at work.
    #[must_use]
    pub fn running(&self) -> usize {
        self.agents.lock().running.len()
    }

    /// Stops every agent without a word about its session, and starts none any more: the server goes down. Comes back when
    /// all have stopped, after two seconds at most.
    pub async fn shutdown(&self) {
        {
            let mut registry = self.agents.lock();
            registry.closed = true;
            registry.running.values().for_each(|running| running.mailbox.shut_down());
        }
        let all_left = async {
            loop {
                let left = self.agents.left.notified();
                if self.running() == 0 {
                    return;
                }
                left.await;
            }
        };
        if tokio::time::timeout(GRACE, all_left).await.is_err() {
            let tasks: Vec<_> =
                self.agents.lock().running.values().filter_map(|running| running.task.clone()).collect();
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
        Capabilities { pause: Some(PauseCapability::Turn), steer: true, queue: true, spawn: true, in_process: true }
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
        let not_running = DeliverError::NotRunning(command.session_id);
        let mailbox = self.agents.lock().running.get(&command.session_id).map(|running| Arc::clone(&running.mailbox));
        match mailbox {
            Some(mailbox) if mailbox.put(command, message) => Ok(()),
            _ => Err(not_running),
        }
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
    pub(crate) replica: Option<ProviderSessionId>,
    pub(crate) desk: Desk,
    runtime: Option<Handle>,
    registry: Mutex<Registry>,
    /// Told when an agent has left the registry.
    left: Notify,
}

#[derive(Default)]
struct Registry {
    closed: bool,
    running: HashMap<SessionId, Running>,
}

struct Running {
    mailbox: Arc<Mailbox>,
    /// `None` for the moment between its entry here and its task.
    task: Option<AbortHandle>,
}

impl Agents {
    /// Starts an agent. A session whose agent is at work already has started.
    pub(crate) fn start(self: &Arc<Self>, start: Start) -> Started {
        let Some(runtime) = self.runtime.clone().or_else(|| Handle::try_current().ok()) else {
            return Started::NoRuntime;
        };
        let session = start.session;
        let mailbox = Arc::new(Mailbox::default());
        {
            let mut registry = self.lock();
            if registry.closed {
                return Started::ShuttingDown;
            }
            if registry.running.contains_key(&session) {
                return Started::Yes;
            }
            registry.running.insert(session, Running { mailbox: Arc::clone(&mailbox), task: None });
        }
        let presence = Presence { agents: Arc::clone(self), session, mailbox: Arc::clone(&mailbox) };
        let agent = Agent::new(Arc::clone(self), session, mailbox);
        // Outside the lock: a runtime that is gone drops the task, and with it the presence, at once.
        let task = runtime.spawn(async move {
            let _presence = presence;
            agent.run(start).await;
        });
        if let Some(running) = self.lock().running.get_mut(&session) {
            running.task = Some(task.abort_handle());
        }
        Started::Yes
    }

    fn lock(&self) -> MutexGuard<'_, Registry> {
        // No code that holds the lock can panic half-way through a change.
        self.registry.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An agent is in the registry for as long as its task lives, however it ends.
struct Presence {
    agents: Arc<Agents>,
    session: SessionId,
    mailbox: Arc<Mailbox>,
}

impl Drop for Presence {
    fn drop(&mut self) {
        self.mailbox.close();
        self.agents.lock().running.remove(&self.session);
        self.agents.left.notify_waiters();
    }
}
