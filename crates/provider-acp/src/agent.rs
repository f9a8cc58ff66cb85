//! One agent: how it comes up, works and ends. One task owns it.

mod ask;
mod choose;
mod end;
mod hear;
mod kept;
mod last_words;
mod obey;
mod question;
mod report;
pub(crate) mod start;
mod sub_agent;
mod turn;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use flightdeck_agent_io::scrub::Scrubber;
use flightdeck_domain::command::Receipt;
use flightdeck_domain::ids::{ApprovalId, CommandSeq};
use flightdeck_domain::message::MessageRole;
use flightdeck_domain::session::{Session, SessionStatus};
use flightdeck_domain::text::{JsonObject, MessageContent, Reason};
use flightdeck_processes::{LogFile, Process};
use flightdeck_uplink::{Places, Stop, Uplink};
use tokio::sync::mpsc;
use tokio::time::{Duration, Instant};

use self::ask::Asked;
use self::choose::{Choosing, Chosen};
use self::report::Reporter;
use self::sub_agent::SubAgent;
use self::turn::{Prompt, Turn};
use crate::config::AgentConfig;
use crate::peer::{self, Heard, Opening, Peer};
use crate::provider::Agents;
use crate::transcript::{Line, Transcript};
use crate::workplace::Workplace;

/// After so long without a report an agent gives a sign of life, so that nobody takes it for lost.
const SIGN_OF_LIFE: Duration = Duration::from_secs(30);
/// How far apart previews are.
const PREVIEWS: Duration = Duration::from_millis(100);
/// How often an agent that waits for permission looks whether somebody has decided.
const LOOK: Duration = Duration::from_millis(200);

/// How long an agent is silent before what it has said outside of a turn is complete.
const SILENCE: Duration = Duration::from_millis(300);

/// How far apart reports of usage are within a turn. The end of a turn tells the rest.
const USAGE: Duration = Duration::from_secs(10);

/// What an agent is started with.
pub(crate) struct Start {
    pub(crate) session: Session,
    pub(crate) config: Arc<AgentConfig>,
    /// Places for agents like it.
    pub(crate) places: Arc<Places>,
    /// How its session is opened, but for the folder.
    pub(crate) opening: Opening,
    pub(crate) workplace: Workplace,
    pub(crate) prompt: Option<MessageContent>,
}

/// Lives: comes up, works until something ends it, and reports how it ended.
pub(crate) async fn run(agents: Arc<Agents>, uplink: Uplink, start: Start) {
    let mut reporter = Reporter::new(uplink);
    let Err(mut end) = live(&agents, &mut reporter, start).await else { return };
    kept::before_the_end(&agents, &reporter.uplink, &end).await;
    // A kill, also a second one, may still come while the end is being reported to a store that is away.
    while let Err(stop) = reporter.end(end.clone()).await {
        end = stop;
    }
    kept::after_the_end(&agents, &reporter.uplink, &end).await;
}

async fn live(agents: &Agents, reporter: &mut Reporter, start: Start) -> Result<(), Stop> {
    let Start { session, config, places, mut opening, workplace, prompt } = start;
    let mut prompts = VecDeque::new();
    if let Some(prompt) = prompt {
        reporter.tell(MessageRole::User, prompt.clone(), JsonObject::default()).await?;
        prompts.push_back(Prompt { seq: None, text: prompt.to_string() });
    }
    let _place = start::place(reporter, &config, places).await?;
    let folder = start::folder(agents, session.id, &config, &workplace).await.map_err(failed)?;
    kept::begin(agents, &reporter.uplink, &folder).await?;
    let cwd = folder.path;
    let own = opening.resume.clone();
    let mut transcript = Transcript::new(config.usage);
    if let Some(own) = &own {
        let earlier = reporter.earlier(own).await?;
        transcript.go_on_from(reporter.totals(&earlier).await?);
        opening.minute_left = earlier.first().and_then(|earlier| {
            start::minute_left(earlier.started_at.unwrap_or(earlier.spawned_at), session.spawned_at)
        });
        transcript.replay(true);
    }
    let log = LogFile::new(agents.home.log(session.id), config.log_bytes);
    let name = session.id.to_string();
    let variables = workplace.variables(&config);
    let launched = start::launch(agents, &config, cwd.clone(), variables, name, Some(log.clone()));
    let launched = launched.await.map_err(failed)?;
    agents.launched(session.id, &launched.process);
    let minute_left = opening.minute_left.unwrap_or_default();
    let (peer, heard) = peer::connect(launched.input, launched.output, launched.log, Opening { cwd, ..opening });
    let mut agent = Agent {
        agents,
        reporter,
        session,
        own,
        ready_until: Some(Instant::now() + config.start_time + minute_left),
        scrubber: config.scrubber(),
        config,
        peer,
        heard,
        process: launched.process,
        log,
        transcript,
        flush_at: None,
        replays_until: None,
        doubt_until: None,
        sub_agents: BTreeMap::new(),
        shown: None,
        usage_told: None,
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
        choices: VecDeque::new(),
        choosing: None,
        newest_control: CommandSeq::ZERO,
        idle_because: None,
    };
    let stop = match agent.work().await {
        Err(stop) => stop,
        Ok(never) => match never {},
    };
    agent.close(stop).await
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
    agents: &'a Agents,
    reporter: &'a mut Reporter,
    /// Its session, as it was when it started.
    session: Session,
    /// Its own id of the session, when it is known.
    own: Option<String>,
    config: Arc<AgentConfig>,
    /// What takes its credentials out of what is cut later: its desk would no longer know a part of one.
    scrubber: Scrubber,
    peer: Peer,
    heard: mpsc::Receiver<Heard>,
    process: Process,
    log: LogFile,
    transcript: Transcript,
    /// When what was said outside of a turn is complete.
    flush_at: Option<Instant>,
    /// While it repeats an earlier session: when it is taken to be through, unless it says more.
    replays_until: Option<Instant>,
    /// Until when it may be silent before its answer is taken to be lost.
    doubt_until: Option<Instant>,
    /// Those that work within it, by its own ids of their sessions.
    sub_agents: BTreeMap<String, SubAgent>,
    /// When the last preview was shown.
    shown: Option<Instant>,
    /// When usage was last told within a turn.
    usage_told: Option<Instant>,
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
    /// What operators chose, and it is not set to yet.
    choices: VecDeque<Chosen>,
    /// What it is being set to.
    choosing: Option<Choosing>,
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
            self.choose_next().await?;
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
        let sign = Some(self.reporter.reported + SIGN_OF_LIFE);
        let due = [
            asked,
            cancel,
            again,
            self.thaw_at,
            self.ready_until.filter(|_| !self.frozen),
            self.flush_at,
            self.replays_until,
            self.doubt_until,
            self.choosing_until(),
            sign,
        ];
        due.into_iter().chain([self.sub_agents_wake()]).flatten().min().unwrap_or_else(Instant::now)
    }

    async fn tick(&mut self) -> Result<(), Stop> {
        let now = Instant::now();
        if !self.frozen && self.ready_until.is_some_and(|until| until <= now) {
            let seconds = self.config.start_time.as_secs();
            let problem = format!("it was not ready within {seconds} seconds{}", self.said(true));
            return Err(self.gone(Some(&problem)).await);
        }
        if !self.asked.is_empty() && self.asked_next <= now {
            self.asked_next = now + LOOK;
            self.look_for_decisions().await?;
        }
        if self.thaw_at.is_some_and(|at| at <= now) {
            self.thaw_after_cap().await?;
        }
        self.fall_silent(now).await?;
        self.give_up_answer(now).await?;
        self.give_up_choice(now).await?;
        self.sub_agents_tick(now).await?;
        self.cancel_again(now);
        self.cancel_overdue(now).await?;
        self.reporter.sign_of_life().await
    }

    /// The status that it has apart from pauses.
    fn natural(&self) -> SessionStatus {
        match (&self.turn, self.ready_until) {
            (_, Some(_)) => SessionStatus::Spawning,
            (_, None) if self.asks() => SessionStatus::Waiting,
            (None, None) => SessionStatus::Idle,
            (Some(_), None) => SessionStatus::Running,
        }
    }
}
