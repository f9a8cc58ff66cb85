//! The provider: which agents there are, and how commands reach them.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use flightdeck_domain::command::{Command, CommandKind};
use flightdeck_domain::ids::SessionId;
use flightdeck_domain::message::Message;
use flightdeck_domain::ports::{AgentLog, AgentProvider, Capabilities, DeliverError, PauseCapability, SpawnError};
use flightdeck_domain::session::Session;
use flightdeck_domain::text::{AgentType, JsonObject, MessageContent, ProviderName, ProviderSessionId};
use flightdeck_domain::use_cases::Ports;
use flightdeck_processes::{Launcher, LogFile, Owner, Process, Supervisor, Swept};
use flightdeck_uplink::{Crew, Desk, Entered, Presence, Uplink};
use flightdeck_vitals::Vitals;
use tokio::sync::Semaphore;

use crate::agent::{self, Start};
use crate::config::{AgentConfig, PauseBy};
use crate::settings::opening;

/// How long a shutdown waits for agents: each is asked for a second at most, and killed then.
const GRACE: Duration = Duration::from_secs(5);
/// The newest bytes of a log that are given out.
const LOG_SHOWN: u64 = 256 << 10;

/// Where a server keeps what its agents need, and whose they are.
#[derive(Clone, Debug)]
pub struct Home {
    folder: PathBuf,
    pub(crate) owner: Owner,
}

impl Home {
    /// A home in this folder, which exists. No two servers of a machine have the same.
    #[must_use]
    pub fn new(folder: &Path) -> Self {
        let whole = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
        Self { owner: Owner::new(whole.to_string_lossy()), folder: whole }
    }

    pub(crate) fn log(&self, session: SessionId) -> PathBuf {
        self.folder.join("agent-logs").join(format!("{session}.log"))
    }

    pub(crate) fn worktree(&self, session: SessionId) -> PathBuf {
        self.folder.join("worktrees").join(session.to_string())
    }

    fn make(&self) -> io::Result<()> {
        use std::os::unix::fs::DirBuilderExt;
        ["agent-logs", "worktrees"]
            .iter()
            .try_for_each(|name| std::fs::DirBuilder::new().recursive(true).mode(0o700).create(self.folder.join(name)))
    }

    /// Ends what agents of an earlier run of this server have left, and says of which sessions something was found. Blocks;
    /// call it before any agent is started.
    #[must_use]
    pub fn sweep(&self) -> Swept {
        self.owner.sweep()
    }
}

/// Runs the agents that the configuration allows. How they live is described at the top of the crate.
///
/// Sessions of a process that is gone are not taken up again:
/// [`Reconcile`](flightdeck_domain::use_cases::Reconcile) marks them failed at the next start.
pub struct AcpProvider {
    agents: Arc<Agents>,
}

impl AcpProvider {
    /// A provider of these agents, which report through these ports.
    ///
    /// # Errors
    /// Its folders cannot be made, or no thread can be started.
    pub fn new(ports: &Ports, configs: Vec<AgentConfig>, home: Home, supervisor: Supervisor) -> io::Result<Self> {
        home.make()?;
        let kinds = configs.into_iter().map(|config| {
            let places = Arc::new(Semaphore::new(config.at_once));
            (config.name.clone(), Kind { config: Arc::new(config), places })
        });
        let agents = Agents {
            desk: Desk::new(ports),
            launcher: Launcher::new(supervisor)?,
            home,
            kinds: kinds.collect(),
            crew: Arc::default(),
        };
        Ok(Self { agents: Arc::new(agents) })
    }

    /// How many agents are at work or wait for a place.
    #[must_use]
    pub fn running(&self) -> usize {
        self.agents.crew.len()
    }

    /// Ends every agent without a word about its session, and starts none any more: the server goes down. Comes back when
    /// nothing is left of them, after five seconds at most; what is left then dies with this process.
    pub async fn shutdown(&self) {
        if self.agents.crew.shut_down(GRACE).await.is_err() {
            tracing::warn!(agents = self.running(), "agents did not end in time; they die with the server");
        }
    }

    /// Kills the program of a session's agent as if it had crashed; `false` when there is none. For those who want to see
    /// what happens then.
    #[must_use]
    pub fn crash(&self, session: SessionId) -> bool {
        self.agents.crew.look(session, Process::crash).is_some()
    }

    fn kind(&self, agent_type: &AgentType) -> Result<&Kind, SpawnError> {
        let kinds = &self.agents.kinds;
        kinds.get(agent_type.as_str()).ok_or_else(|| {
            let known: Vec<&str> = kinds.keys().map(String::as_str).collect();
            let known =
                if known.is_empty() { "allows none".to_owned() } else { format!("allows {}", known.join(", ")) };
            let problem = format!("there is no agent {agent_type:?} to be run; the configuration {known}");
            SpawnError::Invalid { field: "agentType".into(), problem }
        })
    }
}

#[async_trait]
impl AgentProvider for AcpProvider {
    fn name(&self) -> ProviderName {
        ProviderName::acp()
    }

    fn takes_up(&self, context: &JsonObject) -> Option<ProviderSessionId> {
        let resumed = context.as_map().get("resume")?.as_str()?;
        ProviderSessionId::new(resumed).ok()
    }

    /// What all of its agents can.
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            pause: Some(PauseCapability::Turn),
            steer: false,
            queue: true,
            approve: true,
            spawn: true,
            in_process: true,
        }
    }

    fn capabilities_of(&self, session: &Session) -> Capabilities {
        let Ok(Kind { config, .. }) = self.kind(&session.agent_type) else { return self.capabilities() };
        let pause = match config.pause {
            PauseBy::Turn => PauseCapability::Turn,
            PauseBy::Freeze => PauseCapability::Freeze,
        };
        Capabilities { pause: Some(pause), steer: config.steer, ..self.capabilities() }
    }

    /// The names of the configured agents.
    fn agent_types(&self) -> Option<Vec<AgentType>> {
        Some(self.agents.kinds.keys().filter_map(|name| AgentType::new(name.as_str()).ok()).collect())
    }

    async fn check(&self, agent_type: &AgentType, context: &JsonObject) -> Result<(), SpawnError> {
        opening(&self.kind(agent_type)?.config, context).map(drop)
    }

    async fn spawn(&self, session: &Session, prompt: Option<MessageContent>) -> Result<(), SpawnError> {
        let Kind { config, places } = self.kind(&session.agent_type)?.clone();
        let opening = opening(&config, &session.context)?;
        let start = Start { session: session.clone(), config, places, opening, prompt };
        if self.agents.start(start) { Ok(()) } else { Err(SpawnError::Failed("the server is going down".into())) }
    }

    async fn deliver(&self, command: &Command, message: Option<Message>) -> Result<(), DeliverError> {
        self.agents.crew.deliver(command, message)?;
        if command.is_past_the_queue() && command.kind == CommandKind::Pause {
            self.agents.freeze(command.session_id).await;
        }
        Ok(())
    }

    async fn log(&self, session: SessionId) -> Result<Option<AgentLog>, io::Error> {
        let log = LogFile::new(self.agents.home.log(session), 2);
        let tail = tokio::task::spawn_blocking(move || log.tail(LOG_SHOWN)).await??;
        Ok(tail.map(|tail| AgentLog { text: tail.text, truncated: tail.truncated }))
    }
}

#[derive(Clone)]
struct Kind {
    config: Arc<AgentConfig>,
    /// First come, first served.
    places: Arc<Semaphore>,
}

/// The agents at work, and what they share.
pub(crate) struct Agents {
    pub(crate) desk: Desk,
    pub(crate) launcher: Launcher,
    pub(crate) home: Home,
    kinds: BTreeMap<String, Kind>,
    crew: Arc<Crew<Process>>,
}

impl Agents {
    /// Starts an agent; `false` when the server goes down. A session whose agent is at work already has started.
    fn start(self: &Arc<Self>, start: Start) -> bool {
        let presence = match self.crew.enter(start.session.id) {
            Entered::Now(presence) => presence,
            Entered::Before => return true,
            Entered::Closed => return false,
        };
        let agents = Arc::clone(self);
        let last_word = Uplink { session: start.session.id, mailbox: presence.mailbox(), desk: self.desk.clone() };
        tokio::spawn(async move {
            // Its program ends with what the panic drops.
            if Vitals::process().once("acp agent", agent::run(agents, presence.mailbox(), start)).await.is_err() {
                last_word.broke_off().await;
            }
        });
        true
    }

    /// A session that works within an agent: what is said to it comes into the mailbox of its presence. `None` when the
    /// server goes down.
    pub(crate) fn present(&self, session: SessionId) -> Option<Presence<Process>> {
        match self.crew.enter(session) {
            Entered::Now(presence) => Some(presence),
            Entered::Before | Entered::Closed => None,
        }
    }

    /// Stops an agent's program where it is. While the store is away its task waits for it, and obeys nothing but a kill.
    async fn freeze(&self, session: SessionId) {
        let Some(process) = self.crew.look(session, Process::clone) else { return };
        if let Err(error) = process.freeze().await {
            tracing::warn!(%session, %error, "an agent that is to pause was not frozen");
        }
    }

    /// Its program runs.
    pub(crate) fn launched(&self, session: SessionId, process: &Process) {
        self.crew.hold(session, process.clone());
    }
}
