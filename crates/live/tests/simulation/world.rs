//! Replicas over one store, clients and readers, moved step by step as the seed says.

mod lifecycle;
mod settle;

use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use flightdeck_domain::action::Origin;
use flightdeck_domain::ids::{ApprovalId, SessionId};
use flightdeck_domain::operator::Actor;
use flightdeck_domain::ports::IdGenerator;
use flightdeck_domain::text::{IdempotencyKey, RequestId};
use flightdeck_domain::transactions::{Break, Fuse};
use flightdeck_store_memory::{Faults, MemoryStore};

use crate::chance::{Chance, SimClock, SimIds};
use crate::clients::{Client, Life, because};
use crate::followers::{Reader, What};
use crate::oracle::{Oracle, Verdict};
use crate::replica::{Around, Replica};
use crate::requests::{Answer, Call, Job, Request};
use crate::wire::Shared;

/// What happened, one line for each step. It outlives a panic.
#[derive(Clone, Default)]
pub(crate) struct Trace(Arc<Mutex<Vec<String>>>);

impl Trace {
    fn line(&self, line: String) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(line);
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// For whom a call runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum For {
    Client(usize),
    Job(Job),
}

/// A call that a replica has in hand.
struct Running {
    id: u64,
    replica: usize,
    whose: For,
    request: Option<Request>,
    call: Call,
    faults: Faults,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Down,
    Starting,
    Up,
}

pub(crate) struct World {
    chance: Chance,
    around: Around,
    replicas: Vec<(Phase, Option<Replica>)>,
    running: Vec<Running>,
    clients: Vec<Client>,
    sessions: Vec<SessionId>,
    /// The one that most of it is about for a while.
    focus: Option<SessionId>,
    asked: Vec<ApprovalId>,
    readers: Vec<Reader>,
    oracle: Oracle,
    trace: Trace,
    calls: u64,
    /// At the end nothing goes wrong any more.
    calm: bool,
}

impl World {
    pub(crate) fn new(seed: u64, trace: Trace) -> Self {
        let mut chance = Chance::new(seed);
        let replicas = 2 + chance.index(2);
        let store = Arc::new(MemoryStore::new());
        let wire = Shared::new(chance.fork(), replicas);
        let (clock, ids) = (Arc::new(SimClock::new()), Arc::new(SimIds::new()));
        let oracle = Oracle::new(Arc::clone(&store));
        let mut world = Self {
            chance,
            around: Around { store, clock, ids, wire },
            replicas: (0..replicas).map(|_| (Phase::Down, None)).collect(),
            running: Vec::new(),
            clients: Vec::new(),
            sessions: Vec::new(),
            focus: None,
            asked: Vec::new(),
            readers: vec![Reader::new(What::Feed), Reader::new(What::Feed)],
            oracle,
            trace,
            calls: 0,
            calm: false,
        };
        world.clients.extend((0..2 + world.chance.below(3)).map(|_| Client::operator()));
        for _ in 0..3 {
            world.agent(None);
        }
        world
    }

    /// Some steps, and then the rest until everybody has what they asked for.
    pub(crate) async fn run(&mut self, steps: u32) -> Verdict {
        (0..self.replicas.len()).for_each(|me| self.start(me));
        for step in 0..steps {
            self.step().await?;
            self.oracle.look()?;
            if step % 16 == 15 {
                self.oracle.look_at_everything()?;
            }
        }
        self.settle().await
    }

    async fn step(&mut self) -> Verdict {
        match self.chance.below(100) {
            0..=46 => (0..=self.chance.below(3)).try_for_each(|_| self.work())?,
            47..=81 => self.act(),
            82..=84 => self.around.wire.arrive(),
            85..=90 => self.read().await?,
            91..=95 => self.job(),
            96..=97 => self.pass(),
            98 if self.chance.percent(50) => self.crash_one(),
            98 => self.lose_sight(),
            _ => self.start_one(),
        }
        for _ in 0..self.chance.below(4) {
            tokio::task::yield_now().await;
        }
        Ok(())
    }

    /// One of the calls gets on.
    fn work(&mut self) -> Verdict {
        if self.running.is_empty() {
            return Ok(());
        }
        let which = self.chance.index(self.running.len());
        self.poll(which)
    }

    fn poll(&mut self, which: usize) -> Verdict {
        let running = &mut self.running[which];
        let (id, replica) = (running.id, running.replica);
        let Some(server) = &self.replicas[replica].1 else { return Err(format!("call {id} at no replica")) };
        // Of all calls only this one runs now, so these are its faults.
        server.store.meet(running.faults.clone());
        let polled = running.call.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        server.store.meet(Faults::none());
        match polled {
            Poll::Ready(answer) => {
                let running = self.running.swap_remove(which);
                self.finish(running, answer)
            }
            Poll::Pending => {
                if running.faults.operations.is_burnt() || running.faults.commits.is_burnt() {
                    self.crash(replica, &format!("in call {id}"));
                }
                Ok(())
            }
        }
    }

    fn finish(&mut self, running: Running, answer: Answer) -> Verdict {
        let Running { id, replica, whose, request, .. } = running;
        let said = answer.label();
        match (whose, request) {
            (For::Client(client), Some(request)) => {
                let waits = self.clients[client].open.as_ref().is_some_and(|open| open.running == Some(id));
                let lost = !self.calm && self.chance.percent(12);
                self.trace.line(format!("call {id} gives: {said}{}", if waits && !lost { "" } else { " (unheard)" }));
                if !waits {
                    return Ok(());
                }
                if lost || answer.is_unavailable() {
                    self.clients[client].open.iter_mut().for_each(|open| open.running = None);
                    return Ok(());
                }
                self.clients[client].open = None;
                let home = self.clients[client].as_agent().and_then(|agent| agent.home);
                let server = home.and_then(|home| self.replicas[home].1.as_ref());
                self.clients[client].hear(&request, &answer, server.map(|server| &*server.robots));
                self.oracle.answered(&format!("call-{id}"), &request, &answer)
            }
            (For::Job(job), _) => {
                self.trace.line(format!("replica {replica} has done {job:?}: {said}"));
                self.job_is_done(replica, job, answer)
            }
            (For::Client(_), None) => Err("a call without a request".to_owned()),
        }
    }

    /// Somebody wants something, or asks again.
    fn act(&mut self) {
        if self.sessions.len() < 16 && self.chance.percent(10) {
            let below = self.chance.percent(75);
            // Mostly below those that are there.
            let parent =
                if self.chance.percent(90) { self.one_alive() } else { self.chance.pick(&self.sessions).copied() };
            self.agent(parent.filter(|_| below));
        }
        // Whoever is at work already only gives up now and then.
        let over = |client: &Client| client.as_agent().is_some_and(|agent| agent.life == Life::Over);
        let waits = |client: &Client| client.open.as_ref().is_some_and(|open| open.running.is_some());
        let waiting = self.chance.percent(10);
        let those = |which: &usize| !over(&self.clients[*which]) && waits(&self.clients[*which]) == waiting;
        let able: Vec<usize> = (0..self.clients.len()).filter(those).collect();
        let of_focus =
            |which: &&usize| self.clients[**which].as_agent().is_some_and(|agent| Some(agent.id) == self.focus);
        let focus = able.iter().find(of_focus).copied().filter(|_| self.chance.percent(30));
        if let Some(which) = focus.or_else(|| self.chance.pick(&able).copied()) {
            self.serve(which);
        }
    }

    fn one_alive(&mut self) -> Option<SessionId> {
        let agents = self.clients.iter().filter_map(Client::as_agent);
        let alive: Vec<SessionId> = agents.filter(|agent| agent.life == Life::Alive).map(|agent| agent.id).collect();
        let stays = self.focus.is_some_and(|focus| alive.contains(&focus)) && !self.chance.percent(4);
        if !stays {
            self.focus = self.chance.pick(&alive).copied();
        }
        if self.chance.percent(50) { self.focus } else { self.chance.pick(&alive).copied() }
    }

    fn agent(&mut self, parent: Option<SessionId>) {
        let id = self.around.ids.session_id();
        let home = self.chance.percent(35).then(|| self.chance.index(self.replicas.len()));
        self.clients.push(Client::agent(id, parent, home));
        self.sessions.push(id);
        if self.chance.percent(60) {
            self.readers.push(Reader::new(What::Talk(id)));
        }
    }

    fn serve(&mut self, which: usize) {
        let home = self.clients[which].as_agent().and_then(|agent| agent.home);
        match &mut self.clients[which].open {
            Some(open) if open.running.is_some() => {
                // Nobody waits for ever. What is begun goes on all the same.
                open.running = None;
                return;
            }
            Some(_) => {}
            None => {
                let target = if self.chance.percent(85) { self.one_alive() } else { None };
                let target = target.or_else(|| self.chance.pick(&self.sessions).copied());
                let server = home.and_then(|home| self.replicas[home].1.as_ref());
                let mut scene = crate::clients::Scene {
                    chance: &mut self.chance,
                    ids: &self.around.ids,
                    target,
                    asked: &self.asked,
                    robots: server.map(|server| &*server.robots),
                };
                self.clients[which].open = self.clients[which].want(&mut scene);
            }
        }
        self.send(which, home);
    }

    /// Asks, at a replica that is up.
    fn send(&mut self, which: usize, home: Option<usize>) {
        let up: Vec<usize> = (0..self.replicas.len())
            .filter(|at| self.replicas[*at].0 == Phase::Up && home.is_none_or(|home| home == *at))
            .collect();
        let Some(replica) = self.chance.pick(&up).copied() else { return };
        let faults = self.faults();
        let Some(open) = &mut self.clients[which].open else { return };
        self.calls += 1;
        let id = self.calls;
        open.running = Some(id);
        let name = format!("call-{id}");
        let origin = Origin {
            actor: Actor::system(),
            reason: because(open.key.as_ref()),
            request_id: RequestId::new(name.as_str()).expect("valid"),
            idempotency_key: open.key.clone(),
        };
        let (request, key) = (open.request.clone(), open.key.clone());
        if let Request::Ask(_, new) = &request {
            self.asked.extend(new.id.filter(|id| !self.asked.contains(id)));
        }
        self.trace.line(format!("call {id} of {which} to {replica}: {} {}", request.label(), shown(&faults)));
        self.oracle.sent(&name, &request, key.as_ref().map(IdempotencyKey::as_str));
        let Some(server) = &self.replicas[replica].1 else { return };
        let call = server.take(request.clone(), origin);
        self.running.push(Running { id, replica, whose: For::Client(which), request: Some(request), call, faults });
    }

    fn faults(&mut self) -> Faults {
        if self.calm {
            return Faults::none();
        }
        let after = 1 + self.chance.below(9);
        let (operations, commits) = (|how| Fuse::after(after, how), |how| Fuse::after(1 + after / 7, how));
        match self.chance.below(100) {
            0..=17 => Faults { operations: operations(Break::Fails), ..Faults::none() },
            18..=20 => Faults { operations: operations(Break::Hangs), ..Faults::none() },
            21..=26 => Faults { commits: commits(Break::Fails), ..Faults::none() },
            27..=28 => Faults { commits: commits(Break::Hangs), ..Faults::none() },
            _ => Faults::none(),
        }
    }

    /// Time passes; now and then the clock is set back.
    fn pass(&mut self) {
        let millis = match self.chance.below(10) {
            0..=1 => -i64::try_from(1 + self.chance.below(20_000)).expect("small"),
            2 => 61_000,
            _ => i64::try_from(self.chance.below(20_000)).expect("small"),
        };
        self.trace.line(format!("the clock moves by {millis} ms"));
        self.around.clock.shift(millis);
    }

    /// One of the readers reads, breaks off, or goes on.
    async fn read(&mut self) -> Verdict {
        if self.chance.percent(30) {
            let span = Duration::from_millis(self.chance.below(1_500));
            tokio::time::sleep(span).await;
        }
        let which = self.chance.index(self.readers.len());
        let at = self.chance.index(self.replicas.len());
        let turns = u32::try_from(1 + self.chance.below(12)).expect("small");
        let reader = &mut self.readers[which];
        let breaks = self.chance.percent(10);
        if breaks {
            reader.break_off();
        }
        if reader.at.is_none() && !reader.ended {
            let Some(server) = &self.replicas[at].1 else { return Ok(()) };
            reader.resume(at, server).await;
        }
        reader.read(turns).await?;
        self.trace.line(format!("reader {which} has read up to {}", reader.cursor));
        Ok(())
    }
}

fn shown(faults: &Faults) -> String {
    let mut shown = String::new();
    for (what, fuse) in [("operation", &faults.operations), ("commit", &faults.commits)] {
        if let Some(left) = fuse.left() {
            shown = format!("({} at {what} {left})", if fuse.hangs() { "hangs" } else { "fails" });
        }
    }
    shown
}
