//! The runner at work: it joins, leases, starts, drains and leaves.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use flightdeck_domain::ids::SessionId;
use flightdeck_domain::ports::{AgentProvider, Clock as _, ProviderKind};
use flightdeck_domain::runner::{Runner, RunnerName};
use flightdeck_domain::session::{Session, SessionStatus};
use flightdeck_domain::system::SystemClock;
use flightdeck_processes::Supervisor;
use flightdeck_provider_acp::{AcpProvider, Home};
use flightdeck_provider_scripted::ScriptedProvider;
use flightdeck_uplink::Desk;
use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::sync::{Notify, mpsc};

use crate::command::RunnerArgs;
use crate::desk::RemoteDesk;
use crate::held::{AllHeld, Held};
use crate::link::{Backoff, Link, Refusal, Told};
use crate::outbox::{Left, Outbox};
use crate::run::RunnerFault;
use crate::states::States;
use crate::views::{HeldThere, Joined, Leased, Started};
use crate::{courier, ears, messages};

/// How long the server may keep a question for assignments, in seconds.
const WAIT: u64 = 10;
/// How long such a question may take.
const DEADLINE: Duration = Duration::from_secs(WAIT + 3);
/// How far apart signs of life are while agents are started: a third of the server's patience.
const SIGN_OF_LIFE: Duration = Duration::from_secs(10);
/// How long is waited at the end for reports to arrive.
const LAST_REPORTS: Duration = Duration::from_secs(10);

/// A kind of agents that this runner has.
struct Kind {
    kind: Arc<dyn ProviderKind>,
    provider: Arc<dyn AgentProvider>,
}

/// The runner at work.
pub(crate) struct Program {
    name: RunnerName,
    join: Value,
    capacity: usize,
    link: Link,
    outbox: Outbox,
    held: AllHeld,
    kinds: BTreeMap<&'static str, Kind>,
    acp: Arc<AcpProvider>,
    scripted: Arc<ScriptedProvider>,
    states: States,
    draining: Notify,
    is_draining: std::sync::atomic::AtomicBool,
}

impl Program {
    pub(crate) fn new(
        name: RunnerName,
        args: &RunnerArgs,
        link: Link,
        outbox: Outbox,
    ) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        let held = AllHeld::default();
        let (registered, mut registrations) = mpsc::unbounded_channel();
        let desk: Arc<dyn Desk> = Arc::new(RemoteDesk { outbox: outbox.clone(), held: held.clone(), registered });
        // A session that works within an agent has ears of its own.
        tokio::spawn(async move {
            while let Some((held, session)) = registrations.recv().await {
                tokio::spawn(ears::listen(held, session));
            }
        });
        let supervisor = Supervisor::this_binary()?;
        let states = States::in_folder(&args.data_dir);
        let home = Home::new(&args.data_dir);
        let acp = AcpProvider::with_desk(Arc::clone(&desk), Some(states.keeper()), Vec::new(), home, supervisor)?;
        let acp = Arc::new(acp);
        let scripted = Arc::new(ScriptedProvider::with_desk(desk, None));
        let kinds = BTreeMap::from([
            ("acp", Kind { kind: acp.clone(), provider: acp.clone() }),
            ("scripted", Kind { kind: scripted.clone(), provider: scripted.clone() }),
        ]);
        let join = json!({
            "instance": outbox.instance(),
            "protocol": Runner::PROTOCOL,
            "version": concat!("flightdeck ", env!("CARGO_PKG_VERSION")),
            "offers": kinds.keys().collect::<Vec<_>>(),
            "labels": args.labels(),
            "capacity": args.capacity,
        });
        Ok(Self {
            name,
            join,
            capacity: usize::try_from(args.capacity)?,
            link,
            outbox,
            held,
            kinds,
            acp,
            scripted,
            states,
            draining: Notify::new(),
            is_draining: std::sync::atomic::AtomicBool::new(false),
        })
    }

    pub(crate) const fn name(&self) -> &RunnerName {
        &self.name
    }

    /// What it holds.
    pub(crate) const fn held(&self) -> &AllHeld {
        &self.held
    }

    /// Ends what agents of an earlier run have left, and says of each of its sessions that its agent is gone.
    pub(crate) async fn sweep(&self, folder: &Path) {
        let home = Home::new(folder);
        if let Ok(swept) = tokio::task::spawn_blocking(move || home.sweep()).await
            && !swept.names.is_empty()
        {
            tracing::warn!(sessions = ?swept.names, clean = swept.clean, "agents of an earlier run were ended");
        }
        self.states.forget_all().await;
        let left = self.outbox.left().unwrap_or_else(|error| {
            tracing::error!(%error, "what an earlier run has left cannot be read");
            Vec::new()
        });
        for left in left {
            self.report_lost(left).await;
        }
    }

    /// Sends what an earlier run has left of an assignment, and that its agent is gone.
    async fn report_lost(&self, Left { session, token, below }: Left) {
        let held = Arc::new(Held::left(session, self.link.acting_for(session, token)));
        let body = messages::failed("the runner stopped while its agent was at work");
        for id in below.into_iter().chain([session]) {
            let put = self.outbox.put(session, "status", format!("/agents/{id}/status"), body.clone());
            if let Err(error) = put.await {
                tracing::error!(session = %id, %error, "that its agent is gone cannot be noted");
            }
        }
        self.held.add(session, &held);
        self.deliver(held);
    }

    /// Sends what an assignment has to say until it is over, and forgets the states of its folder then: what they came to was
    /// told.
    fn deliver(&self, held: Arc<Held>) {
        let (outbox, all, states) = (self.outbox.clone(), self.held.clone(), self.states.clone());
        tokio::spawn(async move {
            let session = held.id;
            courier::deliver(held, outbox, all).await;
            states.forget(session).await;
        });
    }

    fn path(&self, rest: &str) -> String {
        format!("/runners/{}{rest}", self.name)
    }

    fn body(&self, more: Value) -> String {
        let mut body = json!({"instance": self.outbox.instance(), "now": SystemClock.now().as_datetime()});
        if let (Some(map), Value::Object(more)) = (body.as_object_mut(), more) {
            map.extend(more);
        }
        body.to_string()
    }

    /// Joins, and asks for assignments until the server refuses the runner.
    pub(crate) async fn take(self: Arc<Self>) -> Result<(), RunnerFault> {
        let mut backoff = Backoff::new();
        loop {
            match self.link.put::<Joined>(self.path(""), self.body(self.join.clone())).await {
                Told::Good(joined) => {
                    backoff.reset();
                    tracing::info!(runner = %self.name, state = joined.state, "joined");
                    self.disown(joined.assignments).await;
                    if let Err(Refusal { status: 409 | 404, why }) = self.ask().await {
                        tracing::warn!(why, "the server does not know this runner any more; it joins again");
                    }
                }
                Told::Later => {}
                Told::Over(why) => return Err(RunnerFault::Refused(why)),
                // Another run of this runner may be dying: its lease ends by itself.
                Told::Refused(Refusal { status: 409, why }) => tracing::warn!(why, "the name is in use"),
                Told::Refused(Refusal { why, .. }) => return Err(RunnerFault::Refused(why)),
            }
            backoff.pause().await;
        }
    }

    /// Assignments that the server takes for this runner's, and of which it knows nothing: their agents were never started,
    /// or are gone with the outbox.
    async fn disown(&self, there: Vec<HeldThere>) {
        for HeldThere { agent_id, token } in there {
            if self.held.of(agent_id).is_none() && self.outbox.hold(agent_id, token).await.is_ok() {
                self.report_lost(Left { session: agent_id, token, below: Vec::new() }).await;
            }
        }
    }

    /// Asks for assignments, and starts them.
    ///
    /// # Errors
    /// The server does not take this runner for joined.
    async fn ask(self: &Arc<Self>) -> Result<(), Refusal> {
        let mut backoff = Backoff::new();
        loop {
            let is_draining = self.is_draining.load(std::sync::atomic::Ordering::SeqCst);
            let room = self.capacity.saturating_sub(self.held.at_work());
            let free = if is_draining { 0 } else { room };
            let wait = if free == 0 { 0 } else { WAIT };
            let body = self.body(json!({"free": free, "waitSecs": wait}));
            let told = tokio::select! {
                told = self.link.say::<Leased>(self.path("/lease"), body, DEADLINE) => told,
                // What is leased by the answer that nobody reads lapses.
                () = self.draining.notified() => continue,
            };
            match told {
                Told::Good(Leased { state, assignments }) => {
                    backoff.reset();
                    if state != "active" && !is_draining {
                        tracing::info!("the server wants this runner to drain");
                    }
                    self.start_all(assignments).await;
                    if wait == 0 || state != "active" {
                        // It looks again when an agent has ended.
                        tokio::time::sleep(Duration::from_secs(1)).await;
                    }
                }
                Told::Later => backoff.pause().await,
                Told::Over(why) => return Err(Refusal { status: 409, why }),
                Told::Refused(refusal) => return Err(refusal),
            }
        }
    }

    /// Starts agents, all at once, and gives signs of life meanwhile: on a busy machine a start takes its time, and a runner
    /// that is silent is taken for gone with all of its agents.
    async fn start_all(self: &Arc<Self>, assignments: Vec<HeldThere>) {
        let starts = join_all(assignments.into_iter().map(|assignment| self.start(assignment)));
        tokio::select! {
            _ = starts => {}
            never = self.signs_of_life() => match never {},
        }
    }

    /// Asks for nothing, each so often.
    async fn signs_of_life(&self) -> Infallible {
        loop {
            tokio::time::sleep(SIGN_OF_LIFE).await;
            let body = self.body(json!({"free": 0, "waitSecs": 0}));
            // What comes of it is heard by the next question.
            let _ = self.link.say::<Leased>(self.path("/lease"), body, DEADLINE).await;
        }
    }

    /// Confirms the start of an assignment, and starts its agent.
    async fn start(self: &Arc<Self>, HeldThere { agent_id, token }: HeldThere) {
        if self.held.of(agent_id).is_some() {
            return;
        }
        let path = self.path(&format!("/assignments/{agent_id}/start"));
        let body = json!({"token": token}).to_string();
        let mut backoff = Backoff::new();
        let started: Started = loop {
            match self.link.say(path.clone(), body.clone(), DEADLINE).await {
                Told::Good(started) => break started,
                // The same start may be confirmed again; one that has lapsed is refused.
                Told::Later => backoff.pause().await,
                Told::Over(why) | Told::Refused(Refusal { why, .. }) => {
                    tracing::info!(session = %agent_id, why, "an assignment is not started");
                    return;
                }
            }
        };
        // Before anything of the agent is there: a crash from here on is told of at the next start.
        if let Err(error) = self.outbox.hold(agent_id, started.token).await {
            tracing::error!(session = %agent_id, %error, "an agent is not started, for nothing that it says could be kept");
            let body = messages::failed("its runner cannot write its outbox");
            let link = self.link.acting_for(agent_id, started.token);
            if !matches!(link.tell(format!("/agents/{agent_id}/status"), body).await, Told::Good(())) {
                tracing::error!(session = %agent_id, "the server hears of that when the runner joins again");
            }
            return;
        }
        self.launch(started).await;
    }

    async fn launch(self: &Arc<Self>, started: Started) {
        let (id, link) = (started.agent_id, self.link.acting_for(started.agent_id, started.token));
        let prompt = started.prompt.clone();
        let Some(session) = started.session() else {
            tracing::error!(session = %id, "an assignment makes no session");
            return self.report_lost(Left { session: id, token: started.token, below: Vec::new() }).await;
        };
        let kind = self.kinds.get(started.offer.as_str());
        let built = kind.ok_or_else(|| format!("this runner has no {}", started.offer)).and_then(|kind| {
            let config = started.config()?;
            let credentials = started.credentials()?;
            let provider = kind.kind.build(&config, credentials).map_err(|fault| fault.to_string())?;
            Ok((provider, Arc::clone(&kind.provider)))
        });
        let scripted: Arc<dyn AgentProvider> = self.scripted.clone();
        let of_kind = kind.map_or(scripted, |kind| Arc::clone(&kind.provider));
        let held = Arc::new(Held::new(session.clone(), link, of_kind, started.earlier(&session)));
        self.held.add(id, &held);
        ears::before_the_start(&held).await;
        self.deliver(Arc::clone(&held));
        let spawned = match built {
            Ok((provider, _)) => provider.spawn(&session, prompt).await.map_err(|error| error.to_string()),
            Err(why) => Err(why),
        };
        if let Err(why) = spawned {
            tracing::warn!(session = %id, why, "an agent did not start");
            self.failed(&held, id, &why).await;
        }
        tokio::spawn(ears::listen(Arc::clone(&held), id));
        tokio::spawn(ears::decisions(held));
    }

    /// Notes that a session has failed.
    async fn failed(&self, held: &Held, id: SessionId, why: &str) {
        let put = self.outbox.put(held.id, "status", format!("/agents/{id}/status"), messages::failed(why));
        if let Err(error) = put.await {
            tracing::error!(session = %id, %error, "that it has failed cannot be noted");
        }
        if let Some(session) = held.session(id) {
            held.set(Session { status: SessionStatus::Failed, ..session });
        }
    }

    /// Takes no more agents.
    pub(crate) fn drain(&self) {
        self.is_draining.store(true, std::sync::atomic::Ordering::SeqCst);
        self.draining.notify_waiters();
    }

    /// Comes back when nothing is held any more.
    pub(crate) async fn idle(&self) {
        while !self.held.is_empty() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Ends the agents that are left, and has that told.
    pub(crate) async fn stop(&self) {
        let left = self.held.each();
        self.acp.shutdown().await;
        self.scripted.shutdown().await;
        for held in left {
            for id in held.live() {
                self.failed(&held, id, "its runner was stopped").await;
            }
        }
        let _ = tokio::time::timeout(LAST_REPORTS, self.idle()).await;
    }

    /// Says that the runner goes.
    pub(crate) async fn leave(&self) {
        if let Told::Good(()) = self.link.tell(self.path("/leave"), self.body(json!({}))).await {
            tracing::info!(runner = %self.name, "left");
        }
    }
}
