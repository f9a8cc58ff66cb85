//! One agent: how it comes up, works and ends. One task owns it.

mod ask;
mod end;
mod obey;
mod report;
mod turn;

use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;

use flightdeck_domain::command::Receipt;
use flightdeck_domain::ids::{ApprovalId, CommandSeq, SessionId};
use flightdeck_domain::message::MessageRole;
use flightdeck_domain::session::SessionStatus;
use flightdeck_domain::text::{JsonObject, MessageContent, Reason};
use flightdeck_processes::{Launch, LogFile, Process};
use flightdeck_uplink::{Mailbox, Stop, Uplink};
use serde_json::json;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::{Duration, Instant};

use self::ask::Asked;
use self::report::Reporter;
use self::turn::{Prompt, Turn};
use crate::config::AgentConfig;
use crate::peer::{self, Heard, Introduction, Peer};
use crate::provider::Agents;
use crate::transcript::{Line, Transcript, line};
use crate::worktree;

/// After so long without a report an agent gives a sign of life, so that nobody takes it for lost.
const SIGN_OF_LIFE: Duration = Duration::from_secs(30);
/// How far apart previews are.
const PREVIEWS: Duration = Duration::from_millis(100);
/// How often an agent that waits for permission looks whether somebody has decided.
const LOOK: Duration = Duration::from_millis(200);

/// What an agent is started with.
pub(crate) struct Start {
    pub(crate) session: SessionId,
    pub(crate) config: Arc<AgentConfig>,
    /// Places for agents like it.
    pub(crate) places: Arc<Semaphore>,
    /// The agent's own id of an earlier session that it is to take up.
    pub(crate) resume: Option<String>,
    pub(crate) prompt: Option<MessageContent>,
}

/// Lives: comes up, works until something ends it, and reports how it ended.
pub(crate) async fn run(agents: Arc<Agents>, mailbox: Arc<Mailbox>, start: Start) {
    let uplink = Uplink { session: start.session, mailbox, desk: agents.desk.clone() };
    let mut reporter = Reporter::new(uplink);
    let Err(mut end) = live(&agents, &mut reporter, start).await else { return };
    // A kill, also a second one, may still come while the end is being reported to a store that is away.
    while let Err(stop) = reporter.end(end).await {
        end = stop;
    }
}

async fn live(agents: &Agents, reporter: &mut Reporter, start: Start) -> Result<(), Stop> {
    let Start { session, config, places, resume, prompt } = start;
    let mut prompts = VecDeque::new();
    if let Some(prompt) = prompt {
        reporter.tell(MessageRole::User, prompt.clone(), JsonObject::default()).await?;
        prompts.push_back(Prompt { seq: None, text: prompt.to_string() });
    }
    let _place = place(reporter, &config, places).await?;
    let cwd = folder(agents, session, &config).await.map_err(failed)?;
    let log = LogFile::new(agents.home.log(session), config.log_bytes);
    let launch = Launch {
        program: config.command.clone(),
        args: config.args.clone(),
        cwd: cwd.clone(),
        env: config.env.clone(),
        limits: config.limits,
        cgroup: config.cgroup,
        owner: agents.home.owner.clone(),
        name: session.to_string(),
        log: Some(log.clone()),
    };
    let launched = agents.launcher.launch(launch).await.map_err(|error| {
        let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
        failed(format!("{error}{cause}"))
    })?;
    agents.launched(session, &launched.process);
    let (peer, heard) = peer::connect(launched.input, launched.output, cwd, resume.clone());
    let mut transcript = Transcript::default();
    transcript.replay(resume.is_some());
    let mut agent = Agent {
        reporter,
        ready_until: Some(Instant::now() + config.start_time),
        config,
        peer,
        heard,
        process: launched.process,
        log,
        transcript,
        shown: None,
        late: Vec::new(),
        turn: None,
        next_number: 0,
        prompts,
        asked: BTreeMap::new(),
        asked_next: Instant::now(),
        holds: false,
        frozen: false,
        thaw_at: None,
        pauses: Vec::new(),
        interrupts: Vec::new(),
        newest_control: CommandSeq::ZERO,
        idle_because: None,
    };
    let stop = match agent.work().await {
        Err(stop) => stop,
        Ok(never) => match never {},
    };
    agent.close(stop).await
}

/// Waits until there is a place for one more agent of this kind.
async fn place(
    reporter: &mut Reporter,
    config: &AgentConfig,
    places: Arc<Semaphore>,
) -> Result<OwnedSemaphorePermit, Stop> {
    if let Ok(place) = Arc::clone(&places).try_acquire_owned() {
        return Ok(place);
    }
    let text = format!("waits for a place: {} agents {} may run at a time", config.at_once, config.name);
    if let Some(line) = line(MessageRole::System, text, json!({"type": "waits_for_place"})) {
        reporter.line(line).await?;
    }
    let mailbox = Arc::clone(&reporter.uplink.mailbox);
    let acquired = places.acquire_owned();
    tokio::pin!(acquired);
    loop {
        let sign = tokio::time::sleep(SIGN_OF_LIFE);
        tokio::select! {
            biased;
            interruption = mailbox.interrupted() => return Err(interruption.into()),
            place = &mut acquired => return place.map_err(|_closed| failed("the server is going down")),
            () = sign => reporter.uplink.heartbeat().await?,
        }
    }
}

async fn folder(agents: &Agents, session: SessionId, config: &AgentConfig) -> Result<PathBuf, String> {
    let cwd = config.cwd.clone().map_or_else(std::env::current_dir, Ok);
    let cwd = cwd.and_then(std::fs::canonicalize);
    let cwd = cwd.map_err(|error| {
        let named = config.cwd.as_ref().map(|cwd| cwd.display().to_string()).unwrap_or_default();
        format!("the folder {named} of agent {} cannot be used: {error}", config.name)
    })?;
    if !config.worktree {
        return Ok(cwd);
    }
    let own = agents.home.worktree(session);
    let made = tokio::task::spawn_blocking(move || worktree::make(&cwd, &own)).await;
    made.map_err(|error| error.to_string())?
}

fn failed(reason: impl AsRef<str>) -> Stop {
    Stop::Failed(Reason::shortened(reason.as_ref()))
}

fn refused(why: &str) -> Receipt {
    Receipt::Refused { reason: Reason::shortened(why) }
}

/// What never comes back.
enum Never {}

/// An agent at work.
struct Agent<'a> {
    reporter: &'a mut Reporter,
    config: Arc<AgentConfig>,
    peer: Peer,
    heard: mpsc::Receiver<Heard>,
    process: Process,
    log: LogFile,
    transcript: Transcript,
    /// When the last preview was shown.
    shown: Option<Instant>,
    /// What was said after it was to be killed.
    late: Vec<Line>,
    /// Until when it has to be ready; `None` when it is.
    ready_until: Option<Instant>,
    turn: Option<Turn>,
    /// The number of the next prompt.
    next_number: u64,
    /// What waits for the next turn.
    prompts: VecDeque<Prompt>,
    asked: BTreeMap<ApprovalId, Asked>,
    asked_next: Instant,
    /// Whether an operator wants it to stand still.
    holds: bool,
    frozen: bool,
    thaw_at: Option<Instant>,
    /// Pauses that have not taken effect.
    pauses: Vec<(CommandSeq, Option<Reason>)>,
    /// Interrupts of the current turn.
    interrupts: Vec<CommandSeq>,
    /// The newest pause or resume that was obeyed.
    newest_control: CommandSeq,
    /// Why the last turn ended.
    idle_because: Option<Reason>,
}

impl Agent<'_> {
    async fn work(&mut self) -> Result<Never, Stop> {
        let mailbox = Arc::clone(&self.reporter.uplink.mailbox);
        loop {
            self.obey().await?;
            self.advance().await?;
            let wake = self.wake();
            tokio::select! {
                biased;
                mail = mailbox.mail() => mail?,
                heard = self.heard.recv() => match heard {
                    Some(heard) => self.hear(heard).await?,
                    None => return Err(self.gone(None).await),
                },
                () = tokio::time::sleep_until(wake) => self.tick().await?,
            }
        }
    }

    /// When something is due.
    fn wake(&self) -> Instant {
        let asked = (!self.asked.is_empty()).then_some(self.asked_next);
        let turn = self.turn.as_ref().filter(|_| !self.frozen);
        let (cancel, again) = (turn.and_then(|turn| turn.cancel_until), turn.and_then(|turn| turn.cancel_again));
        let due = [asked, cancel, again, self.thaw_at, self.ready_until, Some(self.reporter.reported + SIGN_OF_LIFE)];
        due.into_iter().flatten().min().unwrap_or_else(Instant::now)
    }

    async fn tick(&mut self) -> Result<(), Stop> {
        let now = Instant::now();
        if self.ready_until.is_some_and(|until| until <= now) {
            let seconds = self.config.start_time.as_secs();
            let problem = format!("it was not ready within {seconds} seconds");
            return Err(self.gone(Some(&problem)).await);
        }
        if !self.asked.is_empty() && self.asked_next <= now {
            self.asked_next = now + LOOK;
            self.look_for_decisions().await?;
        }
        if self.thaw_at.is_some_and(|at| at <= now) {
            self.thaw_after_cap().await?;
        }
        self.cancel_again(now);
        self.cancel_overdue(now).await?;
        self.reporter.sign_of_life().await
    }

    async fn hear(&mut self, heard: Heard) -> Result<(), Stop> {
        match heard {
            Heard::Ready(introduction) => self.ready(*introduction).await,
            Heard::Update(update) => {
                self.acted().await?;
                let lines = self.transcript.take(*update);
                self.show();
                self.reporter.lines(lines).await
            }
            Heard::Asks(request, answer) => {
                self.acted().await?;
                self.ask(*request, answer).await
            }
            Heard::Stopped(number, stop) => self.stopped(number, stop).await,
            Heard::Closed => Err(self.gone(None).await),
            Heard::Broken(problem) => Err(self.gone(Some(&problem)).await),
        }
    }

    /// Shows what is being said, not more often than anybody can see.
    fn show(&mut self) {
        if self.shown.is_some_and(|shown| shown.elapsed() < PREVIEWS) {
            return;
        }
        if let Some((kind, text)) = self.transcript.preview() {
            self.reporter.uplink.preview(kind, text);
            self.shown = Some(Instant::now());
        }
    }

    async fn ready(&mut self, introduction: Introduction) -> Result<(), Stop> {
        self.ready_until = None;
        let lines = self.transcript.end_turn();
        self.reporter.lines(lines).await?;
        self.transcript.replay(false);
        let Introduction { session, agent, resumed } = introduction;
        let did = if resumed { "took up session" } else { "opened session" };
        let text = format!("{} {did} {session}", agent.as_deref().unwrap_or(&self.config.name));
        let about = json!({"type": "agent_session", "agent": agent, "agentSessionId": session});
        if let Some(line) = line(MessageRole::System, text, about) {
            self.reporter.line(line).await?;
        }
        self.reporter.see(SessionStatus::Running, None).await
    }

    /// The status that it has apart from pauses.
    fn natural(&self) -> SessionStatus {
        match (&self.turn, self.ready_until) {
            (_, Some(_)) => SessionStatus::Spawning,
            (None, None) => SessionStatus::Idle,
            (Some(_), None) if self.asked.is_empty() => SessionStatus::Running,
            (Some(_), None) => SessionStatus::Waiting,
        }
    }
}
