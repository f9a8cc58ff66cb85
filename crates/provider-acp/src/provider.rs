//! The provider: which agents there are, and how commands reach them.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use flightdeck_domain::command::{Command, CommandKind};
use flightdeck_domain::ids::SessionId;
use flightdeck_domain::message::Message;
use flightdeck_domain::ports::{
    AgentLog, AgentProvider, Capabilities, Changes, DeliverError, PauseCapability, SpawnError,
};
use flightdeck_domain::session::Session;
use flightdeck_domain::text::{AgentType, JsonObject, MessageContent, ProviderName, ProviderSessionId};
use flightdeck_domain::use_cases::Ports;
use flightdeck_processes::{Launcher, LogFile, Owner, Process, Supervisor, Swept};
use flightdeck_uplink::{Crew, Desk, Entered, LocalDesk, Places, Presence, ScrubbingDesk, Uplink};
use flightdeck_vitals::Vitals;

use crate::agent::{self, Start};
use crate::config::{AgentConfig, PauseBy};
use crate::places::Seats;
use crate::settings::{opening, taken_up};
use crate::workplace::Workplace;

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
    /// A provider of these agents, which report through these ports. What they change is kept, if the ports have what
    /// keeps it.
    ///
    /// # Errors
    /// Its folders cannot be made, or no thread can be started.
    pub fn new(ports: &Ports, configs: Vec<AgentConfig>, home: Home, supervisor: Supervisor) -> io::Result<Self> {
        Self::with_desk(Arc::new(LocalDesk::new(ports)), ports.changes.clone(), configs, home, supervisor)
    }

    /// The same in one of several replicas: the others are told what its agents change.
    ///
    /// # Errors
    /// The same.
    pub fn at_replica(
        ports: &Ports,
        configs: Vec<AgentConfig>,
        home: Home,
        supervisor: Supervisor,
    ) -> io::Result<Self> {
        Self::with_desk(Arc::new(LocalDesk::of_replica(ports)), ports.changes.clone(), configs, home, supervisor)
    }

    /// The same with a desk through which the agents report, and what keeps the states of their folders: for a program that
    /// has no store of its own.
    ///
    /// # Errors
    /// The same.
    pub fn with_desk(
        desk: Arc<dyn Desk>,
        changes: Option<Arc<dyn Changes>>,
        configs: Vec<AgentConfig>,
        home: Home,
        supervisor: Supervisor,
    ) -> io::Result<Self> {
        home.make()?;
        let kinds = configs.into_iter().map(|config| {
            let places = Arc::new(Places::new(config.at_once));
            (config.name.clone(), Kind { config: Arc::new(config), places })
        });
        let agents = Agents {
            desk,
            changes,
            launcher: Launcher::new(supervisor)?,
            home,
            kinds: kinds.collect(),
            seats: Seats::default(),
            at_work: Mutex::default(),
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

    pub(crate) const fn agents(&self) -> &Arc<Agents> {
        &self.agents
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
        taken_up(context)
    }

    /// What all of its agents can.
    fn capabilities(&self) -> Capabilities {
        capabilities()
    }

    /// What its agent can. Of an agent of a stored configuration that is at work elsewhere nobody here knows whether it
    /// can be steered: it says so itself, by its receipt.
    fn capabilities_of(&self, session: &Session) -> Capabilities {
        if let Some(config) = self.agents.config_of(session.id) {
            return capabilities_of(&config);
        }
        let is_stored = session.started_by.as_ref().is_some_and(|by| by.revision > 0);
        match self.kind(&session.agent_type) {
            Ok(Kind { config, .. }) if !is_stored => capabilities_of(config),
            _ if is_stored => Capabilities { steer: true, ..capabilities() },
            _ => capabilities(),
        }
    }

    /// The names of the configured agents.
    fn agent_types(&self) -> Option<Vec<AgentType>> {
        Some(self.agents.kinds.keys().filter_map(|name| AgentType::new(name.as_str()).ok()).collect())
    }

    async fn check(&self, agent_type: &AgentType, context: &JsonObject) -> Result<(), SpawnError> {
        self.kind(agent_type)?.check(context).await
    }

    async fn spawn(&self, session: &Session, prompt: Option<MessageContent>) -> Result<(), SpawnError> {
        self.agents.spawn(session, self.kind(&session.agent_type)?.clone(), prompt)
    }

    async fn deliver(&self, command: &Command, message: Option<Message>) -> Result<(), DeliverError> {
        self.agents.deliver(command, message).await
    }

    async fn log(&self, session: SessionId) -> Result<Option<AgentLog>, io::Error> {
        let log = LogFile::new(self.agents.home.log(session), 2);
        let tail = tokio::task::spawn_blocking(move || log.tail(LOG_SHOWN)).await??;
        Ok(tail.map(|tail| AgentLog { text: tail.text, truncated: tail.truncated }))
    }
}

/// An agent that may be run, with its places.
#[derive(Clone)]
pub(crate) struct Kind {
    pub(crate) config: Arc<AgentConfig>,
    /// First come, first served.
    pub(crate) places: Arc<Places>,
}

impl Kind {
    /// Whether a session with this context can be opened.
    pub(crate) async fn check(&self, context: &JsonObject) -> Result<(), SpawnError> {
        opening(&self.config, context)?;
        Workplace::read(&self.config, context)?.check(&self.config).await
    }
}

/// What all agents can do.
pub(crate) const fn capabilities() -> Capabilities {
    Capabilities {
        pause: Some(PauseCapability::Turn),
        steer: false,
        queue: true,
        configure: true,
        approve: true,
        spawn: true,
        in_process: true,
    }
}

/// What the agents of this configuration can do.
pub(crate) const fn capabilities_of(config: &AgentConfig) -> Capabilities {
    let pause = match config.pause {
        PauseBy::Turn => PauseCapability::Turn,
        PauseBy::Freeze => PauseCapability::Freeze,
    };
    Capabilities { pause: Some(pause), steer: config.steer, ..capabilities() }
}

/// The agents at work, and what they share.
pub(crate) struct Agents {
    pub(crate) desk: Arc<dyn Desk>,
    /// Keeps what they change in their folders, if anything does.
    pub(crate) changes: Option<Arc<dyn Changes>>,
    pub(crate) launcher: Launcher,
    pub(crate) home: Home,
    kinds: BTreeMap<String, Kind>,
    /// The places of stored configurations.
    pub(crate) seats: Seats,
    /// What the agents at work were started with.
    at_work: Mutex<HashMap<SessionId, Arc<AgentConfig>>>,
    crew: Arc<Crew<Process>>,
}

impl Agents {
    /// The agents of the configuration file.
    pub(crate) fn kinds(&self) -> impl Iterator<Item = &Kind> {
        self.kinds.values()
    }

    /// The agent of the configuration file that is called so.
    pub(crate) fn of_file(&self, name: &str) -> Option<&Kind> {
        self.kinds.get(name)
    }

    fn at_work(&self) -> MutexGuard<'_, HashMap<SessionId, Arc<AgentConfig>>> {
        self.at_work.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the agent of a session was started with, while it is at work here.
    fn config_of(&self, session: SessionId) -> Option<Arc<AgentConfig>> {
        self.at_work().get(&session).cloned()
    }

    /// Starts the agent of a session.
    pub(crate) fn spawn(
        self: &Arc<Self>,
        session: &Session,
        kind: Kind,
        prompt: Option<MessageContent>,
    ) -> Result<(), SpawnError> {
        let Kind { config, places } = kind;
        let opening = opening(&config, &session.context)?;
        let workplace = Workplace::read(&config, &session.context)?;
        let start = Start { session: session.clone(), config, places, opening, workplace, prompt };
        if self.start(start) { Ok(()) } else { Err(SpawnError::Failed("the server is going down".into())) }
    }

    /// Hands a command to the agent of its session.
    pub(crate) async fn deliver(&self, command: &Command, message: Option<Message>) -> Result<(), DeliverError> {
        self.crew.deliver(command, message)?;
        if command.is_past_the_queue() && command.kind == CommandKind::Pause {
            self.freeze(command.session_id).await;
        }
        Ok(())
    }

    /// Starts an agent; `false` when the server goes down. A session whose agent is at work already has started.
    fn start(self: &Arc<Self>, start: Start) -> bool {
        let presence = match self.crew.enter(start.session.id) {
            Entered::Now(presence) => presence,
            Entered::Before => return true,
            Entered::Closed => return false,
        };
        let agents = Arc::clone(self);
        let session = start.session.id;
        self.at_work().insert(session, Arc::clone(&start.config));
        // Its own credentials are for nobody else.
        let desk = ScrubbingDesk::over(Arc::clone(&self.desk), start.config.secrets());
        let uplink = || Uplink { session, mailbox: presence.mailbox(), desk: Arc::clone(&desk) };
        let (uplink, last_word) = (uplink(), uplink());
        tokio::spawn(async move {
            let _present = presence;
            // Its program ends with what the panic drops.
            let run = Box::pin(agent::run(Arc::clone(&agents), uplink, start));
            if Vitals::process().once("acp agent", run).await.is_err() {
                last_word.broke_off().await;
            }
            agents.at_work().remove(&session);
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
