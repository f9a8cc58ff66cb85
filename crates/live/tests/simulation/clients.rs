//! Those who call: agents, and operators with their keys.

use std::time::Duration;

use flightdeck_domain::action::{FleetIntervention, Intervention};
use flightdeck_domain::approval::{ApprovalOption, ApprovalOptions};
use flightdeck_domain::command::{Command, CommandKind, Delivery, Receipt};
use flightdeck_domain::ids::{ApprovalId, CommandSeq, MessageId, SessionId};
use flightdeck_domain::message::MessageRole;
use flightdeck_domain::operation::{Reach, Wish};
use flightdeck_domain::ports::IdGenerator;
use flightdeck_domain::session::{DesiredStatus, SessionStatus};
use flightdeck_domain::text::{
    AgentType, ApprovalTitle, IdempotencyKey, JsonObject, MessageContent, MissionId, Reason, TaskId,
};
use flightdeck_domain::usage::{AccountKey, Budget};
use flightdeck_domain::use_cases::{MessageInput, NewApproval, NewSession, ScopedRequest};

use crate::chance::{Chance, SimIds};
use crate::replica::Robots;
use crate::requests::{Answer, Request};

/// A call that has no answer yet.
pub(crate) struct Open {
    pub(crate) request: Request,
    /// Under which it is done once, if it has one.
    pub(crate) key: Option<IdempotencyKey>,
    /// The call that somebody waits for.
    pub(crate) running: Option<u64>,
}

/// Whoever calls, one thing after the other.
pub(crate) struct Client {
    pub(crate) who: Who,
    pub(crate) open: Option<Open>,
}

pub(crate) enum Who {
    Agent(Box<Agent>),
    Operator,
}

/// One agent, with what it knows of itself.
pub(crate) struct Agent {
    pub(crate) id: SessionId,
    /// The replica in whose process it lives.
    pub(crate) home: Option<usize>,
    pub(crate) parent: Option<SessionId>,
    pub(crate) life: Life,
    desired: DesiredStatus,
    todo: Vec<Command>,
    said: Vec<MessageInput>,
    asked: Vec<ApprovalId>,
    /// Whether it has fetched its commands.
    has_looked: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Life {
    /// Not in the tree yet.
    Unborn,
    Alive,
    /// It has ended, was refused, or died with its process.
    Over,
}

/// What there is to act on.
pub(crate) struct Scene<'a> {
    pub(crate) chance: &'a mut Chance,
    pub(crate) ids: &'a SimIds,
    /// The session that an operator has an eye on.
    pub(crate) target: Option<SessionId>,
    /// The permissions that were asked for.
    pub(crate) asked: &'a [ApprovalId],
    pub(crate) robots: Option<&'a Robots>,
}

fn mission(n: u64) -> MissionId {
    MissionId::new(format!("mission-{n}")).expect("valid")
}

impl Client {
    pub(crate) const fn operator() -> Self {
        Self { who: Who::Operator, open: None }
    }

    pub(crate) fn agent(id: SessionId, parent: Option<SessionId>, home: Option<usize>) -> Self {
        let (desired, todo, said) = (DesiredStatus::Running, Vec::new(), Vec::new());
        let agent =
            Agent { id, home, parent, life: Life::Unborn, desired, todo, said, asked: Vec::new(), has_looked: false };
        Self { who: Who::Agent(Box::new(agent)), open: None }
    }

    /// The agent, if it is one.
    pub(crate) const fn as_agent(&self) -> Option<&Agent> {
        match &self.who {
            Who::Agent(agent) => Some(agent),
            Who::Operator => None,
        }
    }

    /// The next thing that it wants.
    pub(crate) fn want(&mut self, scene: &mut Scene<'_>) -> Option<Open> {
        let request = match &mut self.who {
            Who::Agent(agent) => agent.want(scene)?,
            Who::Operator => wish(scene)?,
        };
        let keyed = request.is_control() && !matches!(request, Request::Budget(..));
        let key = keyed.then(|| IdempotencyKey::new(format!("key-{}", scene.ids.uuid())).expect("valid"));
        Some(Open { request: named(request, key.as_ref()), key, running: None })
    }

    /// Says something to a session, next.
    pub(crate) fn say(&mut self, to: SessionId, ids: &SimIds) {
        let key = IdempotencyKey::new(format!("key-{}", ids.uuid())).expect("valid");
        let content = MessageContent::new(key.as_str()).expect("valid");
        let what = Intervention::Inject { message_id: ids.message_id(), content, delivery: Delivery::Queue };
        self.open = Some(Open { request: Request::One(to, what), key: Some(key), running: None });
    }

    /// It has its answer.
    pub(crate) fn hear(&mut self, request: &Request, answer: &Answer, robots: Option<&Robots>) {
        if let Who::Agent(agent) = &mut self.who {
            agent.hear(request, answer);
            if let (Some(robots), Answer::Fetched(Ok(Some(commands)))) = (robots, answer) {
                robots.found(agent.id, commands);
            }
            if let (Some(robots), Life::Over) = (robots, agent.life) {
                robots.end(agent.id);
            }
        }
    }
}

/// An operator's message says the key of its call: so it is found.
fn named(request: Request, key: Option<&IdempotencyKey>) -> Request {
    match (request, key) {
        (Request::One(id, Intervention::Inject { message_id, delivery, .. }), Some(key)) => {
            let content = MessageContent::new(key.as_str()).expect("valid");
            Request::One(id, Intervention::Inject { message_id, content, delivery })
        }
        (request, _) => request,
    }
}

/// Why: the key again, so that whatever is written because of a call is found.
pub(crate) fn because(key: Option<&IdempotencyKey>) -> Option<Reason> {
    key.and_then(|key| Reason::new(key.as_str()).ok())
}

impl Agent {
    pub(crate) fn is_robot(&self) -> bool {
        self.home.is_some()
    }

    fn want(&mut self, scene: &mut Scene<'_>) -> Option<Request> {
        let chance = &mut *scene.chance;
        match self.life {
            Life::Over => return None,
            Life::Unborn => return Some(self.enter()),
            Life::Alive => {}
        }
        if self.home.is_some() && !self.has_looked {
            return Some(Request::Fetch(self.id));
        }
        if let Some(robots) = scene.robots {
            self.todo.extend(robots.collect(self.id));
        }
        Some(match chance.below(20) {
            0..=7 => self.say(chance, scene.ids),
            8 => Request::Heartbeat(self.id),
            9 => self.ask(chance, scene.ids),
            // An agent that lives in a replica hears of its commands there.
            10..=11 if self.home.is_none() => Request::Fetch(self.id),
            10..=15 if !self.todo.is_empty() => self.obey(chance),
            16 if self.desired == DesiredStatus::Killed || chance.percent(35) => {
                Request::Report(self.id, self.end(chance))
            }
            _ => {
                let statuses = [
                    SessionStatus::Running,
                    SessionStatus::Running,
                    SessionStatus::Idle,
                    SessionStatus::Waiting,
                    SessionStatus::Paused,
                    SessionStatus::Spawning,
                ];
                let status = *chance.pick(&statuses).expect("some");
                Request::Report(self.id, status)
            }
        })
    }

    /// How it ends when it does.
    pub(crate) fn end(&self, chance: &mut Chance) -> SessionStatus {
        match (self.desired, chance.below(8)) {
            (DesiredStatus::Killed, 0..=6) | (_, 0) => SessionStatus::Killed,
            (_, 1..=2) => SessionStatus::Failed,
            _ => SessionStatus::Completed,
        }
    }

    fn enter(&self) -> Request {
        let task = TaskId::new("task").expect("valid");
        let mission_id = match (self.parent, self.id.as_uuid().as_u128() % 3) {
            (None, n) => u64::try_from(n).ok().filter(|n| *n < 2).map(mission),
            (Some(_), _) => None,
        };
        let new = NewSession {
            session_id: Some(self.id),
            parent_id: self.parent,
            mission_id,
            ..NewSession::new(task, AgentType::new("worker").expect("valid"))
        };
        if self.is_robot() {
            return Request::Spawn(Box::new(NewSession { provider: Robots::name(), ..new }));
        }
        Request::Register(Box::new(new))
    }

    fn say(&mut self, chance: &mut Chance, ids: &SimIds) -> Request {
        let mut batch = Vec::new();
        for _ in 0..=chance.below(3) {
            let role = *chance.pick(&[MessageRole::Assistant, MessageRole::Tool, MessageRole::System]).expect("some");
            let id = ids.message_id();
            let content = MessageContent::new(format!("says {id}")).expect("valid");
            let tokens = chance.below(60);
            let usage = serde_json::json!({"inputTokens": tokens, "outputTokens": 1});
            let usage = chance.percent(40).then(|| serde_json::from_value(usage).expect("valid"));
            batch.push(MessageInput { id: Some(id), usage, ..MessageInput::new(role, content) });
        }
        // Something that was said long ago comes again among the new.
        if let Some(old) = chance.pick(&self.said).cloned().filter(|_| chance.percent(30)) {
            let place = chance.index(batch.len() + 1);
            batch.insert(place, old);
        }
        self.said.extend(batch.iter().cloned());
        Request::Append(self.id, batch)
    }

    fn ask(&mut self, chance: &mut Chance, ids: &SimIds) -> Request {
        if let Some(old) = chance.pick(&self.asked).copied().filter(|_| chance.percent(40)) {
            return Request::Withdraw(old);
        }
        let id = ApprovalId::new(ids.uuid());
        self.asked.push(id);
        let new = NewApproval {
            id: Some(id),
            title: ApprovalTitle::new(format!("to do {id}")).expect("valid"),
            detail: JsonObject::default(),
            options: ApprovalOptions::default(),
            expires_in: chance.percent(60).then(|| Duration::from_secs(1 + chance.below(40))),
        };
        Request::Ask(self.id, Box::new(new))
    }

    fn obey(&mut self, chance: &mut Chance) -> Request {
        // In any order, and some twice.
        let which = chance.index(self.todo.len());
        let command = if chance.percent(45) { self.todo[which].clone() } else { self.todo.swap_remove(which) };
        let refused = || Receipt::Refused { reason: Reason::new("not now").expect("valid") };
        let receipt = match (&command.kind, chance.below(10)) {
            (_, 0..=3) => Receipt::Delivered,
            (CommandKind::Kill, _) => Receipt::Consumed,
            (_, 4..=5) => refused(),
            _ => Receipt::Consumed,
        };
        Request::Acknowledge(self.id, command.seq, receipt)
    }

    fn hear(&mut self, request: &Request, answer: &Answer) {
        let control = match answer {
            Answer::Observed(Ok(observed)) => Some(observed.control),
            Answer::Heard(Ok(control)) => *control,
            Answer::Appended(Ok(outcome)) => Some(outcome.control),
            _ => None,
        };
        if let Some(control) = control {
            self.desired = control.desired_status;
        }
        match (request, answer) {
            (_, Answer::Registered(Ok(_)) | Answer::Spawned(Ok(_))) => self.life = Life::Alive,
            (_, Answer::Registered(Err(_)) | Answer::Spawned(Err(_))) => self.life = Life::Over,
            (_, Answer::Fetched(Ok(_))) if self.is_robot() => self.has_looked = true,
            (_, Answer::Fetched(Ok(Some(commands)))) => self.todo.clone_from(commands),
            (Request::Report(_, status), _) if status.is_terminal() => self.life = Life::Over,
            _ => {}
        }
    }
}

/// What an operator wants next.
fn wish(scene: &mut Scene<'_>) -> Option<Request> {
    let chance = &mut *scene.chance;
    if chance.percent(15)
        && let Some(asked) = chance.pick(scene.asked)
    {
        return Some(Request::Decide(*asked, *chance.pick(&ApprovalOption::ALL).expect("some")));
    }
    let id = scene.target?;
    let wishes = [Wish::Pause, Wish::Resume, Wish::Interrupt];
    let wish = *chance.pick(&wishes).expect("some");
    let drop_queued = chance.percent(50);
    let scoped = |reach, wish| Request::Scoped(ScopedRequest { session_id: id, reach, wish, drop_queued });
    Some(match chance.below(40) {
        0..=13 => {
            let delivery = *chance.pick(&[Delivery::Queue, Delivery::Steer, Delivery::Interrupt]).expect("some");
            let message_id: MessageId = scene.ids.message_id();
            // The words come with the key.
            let content = MessageContent::new("-").expect("valid");
            Request::One(id, Intervention::Inject { message_id, content, delivery })
        }
        14..=17 => Request::One(id, Intervention::Pause),
        18..=20 => Request::One(id, Intervention::Resume),
        21..=22 => Request::One(id, Intervention::Interrupt { drop_queued }),
        23..=24 => {
            let command = CommandSeq::new(1 + chance.below(4));
            Request::One(id, Intervention::Cancel { command })
        }
        25..=26 => Request::One(id, Intervention::Kill),
        27 => Request::One(id, Intervention::Close),
        28..=29 => scoped(Reach::Subtree, wish),
        30 => scoped(Reach::Subtree, Wish::Kill),
        31..=32 => scoped(Reach::Mission, wish),
        33 => scoped(Reach::Mission, Wish::Kill),
        34..=35 => {
            let account = if chance.percent(40) {
                AccountKey::Mission(mission(chance.below(2)))
            } else {
                AccountKey::Subtree(id)
            };
            let most = 20 + chance.below(200);
            Request::Budget(account, Budget::new(None, Some(most)).ok().filter(|_| chance.percent(80)))
        }
        36 => Request::Fleet(FleetIntervention::KillAll),
        _ => Request::Fleet(FleetIntervention::ReleaseKillSwitch),
    })
}
