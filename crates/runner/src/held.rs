//! The assignments of the runner, and what it knows of their sessions.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use flightdeck_domain::approval::{Approval, ApprovalState};
use flightdeck_domain::command::{Command, CommandKind, Receipt};
use flightdeck_domain::ids::{ApprovalId, CommandSeq, SessionId};
use flightdeck_domain::message::Control;
use flightdeck_domain::ports::{AgentProvider, Clock as _};
use flightdeck_domain::session::{DesiredStatus, Session};
use flightdeck_domain::system::SystemClock;
use tokio::sync::Notify;

use crate::earlier::Earlier;
use crate::link::Link;

/// What is known of a session: what its agent has reported, and what operators want of it.
struct Mirror {
    session: Session,
    commands: BTreeMap<CommandSeq, Command>,
}

/// What changes of an assignment while it is held.
#[derive(Default)]
struct State {
    sessions: HashMap<SessionId, Mirror>,
    approvals: HashMap<ApprovalId, Approval>,
    /// The server takes nothing more of it.
    over: bool,
}

/// An assignment that the runner has started.
pub(crate) struct Held {
    pub(crate) id: SessionId,
    /// The server, for reports of this assignment.
    pub(crate) link: Link,
    state: Mutex<State>,
    /// There is something to send, or to look at.
    pub(crate) stirred: Notify,
    /// What runs its agent; none for what an earlier run has left.
    provider: Option<Arc<dyn AgentProvider>>,
    /// What its agent takes up.
    earlier: Option<Earlier>,
}

impl Held {
    /// An assignment whose agent is about to start.
    pub(crate) fn new(
        session: Session,
        link: Link,
        provider: Arc<dyn AgentProvider>,
        earlier: Option<Earlier>,
    ) -> Self {
        let held = Self::left(session.id, link);
        held.add(session);
        Self { provider: Some(provider), earlier, ..held }
    }

    /// An assignment of an earlier run, whose agent is gone.
    pub(crate) fn left(id: SessionId, link: Link) -> Self {
        let state = Mutex::new(State::default());
        Self { id, link, state, stirred: Notify::new(), provider: None, earlier: None }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A session of it is known from now on.
    pub(crate) fn add(&self, session: Session) {
        self.state().sessions.insert(session.id, Mirror { session, commands: BTreeMap::new() });
    }

    /// A session as it is known.
    pub(crate) fn session(&self, id: SessionId) -> Option<Session> {
        self.state().sessions.get(&id).map(|mirror| mirror.session.clone())
    }

    /// The sessions that have not ended, the one of the assignment last.
    pub(crate) fn live(&self) -> Vec<SessionId> {
        let state = self.state();
        let live = state.sessions.values().filter(|mirror| !mirror.session.status.is_terminal());
        let mut ids: Vec<SessionId> = live.map(|mirror| mirror.session.id).collect();
        ids.sort_by_key(|id| *id == self.id);
        ids
    }

    /// Notes how a session is after a report.
    pub(crate) fn set(&self, session: Session) {
        let mut state = self.state();
        if let Some(mirror) = state.sessions.get_mut(&session.id) {
            mirror.session = session;
        }
        drop(state);
        self.stirred.notify_waiters();
    }

    /// What operators want of a session, as far as it is known.
    pub(crate) fn control(&self, id: SessionId) -> Option<Control> {
        let state = self.state();
        let mirror = state.sessions.get(&id)?;
        let pending = mirror.commands.values().filter(|command| command.receipt.is_pending()).count();
        Some(Control {
            desired_status: mirror.session.desired_status,
            pending_commands: u64::try_from(pending).unwrap_or(u64::MAX),
        })
    }

    /// Notes what the server wants, and gives what is new: what is to be handed to the agent.
    pub(crate) fn heard(&self, id: SessionId, commands: Vec<Command>, desired: DesiredStatus) -> Vec<Command> {
        let mut state = self.state();
        let Some(mirror) = state.sessions.get_mut(&id) else { return Vec::new() };
        let mut fresh = Vec::new();
        for command in commands {
            if !mirror.commands.contains_key(&command.seq) {
                fresh.push(command.clone());
            }
            mirror.commands.entry(command.seq).or_insert(command);
        }
        let was = std::mem::replace(&mut mirror.session.desired_status, desired);
        let has_kill = mirror.commands.values().any(|command| command.kind == CommandKind::Kill);
        // A stop that the server keeps until its store can be written has no place in the queue yet.
        if desired == DesiredStatus::Killed && was != desired && !has_kill {
            fresh.push(past_the_queue(id, CommandKind::Kill));
        }
        fresh
    }

    /// The newest command that is known of a session.
    pub(crate) fn newest(&self, id: SessionId) -> CommandSeq {
        let state = self.state();
        let newest = state.sessions.get(&id).and_then(|mirror| mirror.commands.keys().next_back().copied());
        newest.unwrap_or(CommandSeq::ZERO)
    }

    /// The commands of a session after a place that are not done.
    pub(crate) fn pending(&self, id: SessionId, after: CommandSeq) -> Option<Vec<Command>> {
        let state = self.state();
        let commands = &state.sessions.get(&id)?.commands;
        Some(commands.values().filter(|it| it.seq > after && it.receipt.is_pending()).cloned().collect())
    }

    /// Changes a command; `None` when it is not known.
    pub(crate) fn with_command<T>(
        &self,
        id: SessionId,
        seq: CommandSeq,
        change: impl FnOnce(&mut Command) -> T,
    ) -> Option<T> {
        self.state().sessions.get_mut(&id)?.commands.get_mut(&seq).map(change)
    }

    /// Notes a permission request.
    pub(crate) fn set_approval(&self, approval: Approval) {
        self.state().approvals.insert(approval.id, approval);
        self.stirred.notify_waiters();
    }

    /// A permission request as it is known.
    pub(crate) fn approval(&self, id: ApprovalId) -> Option<Approval> {
        self.state().approvals.get(&id).cloned()
    }

    /// The requests that nobody has decided, as far as is known.
    pub(crate) fn open_approvals(&self) -> Vec<Approval> {
        let state = self.state();
        state.approvals.values().filter(|it| it.state == ApprovalState::Open).cloned().collect()
    }

    /// Whether its agent has ended, and whoever worked within it; what they said may still be on its way.
    pub(crate) fn has_ended(&self) -> bool {
        let all_over = || self.state().sessions.values().all(|mirror| mirror.session.status.is_terminal());
        self.provider.is_none() || all_over()
    }

    /// Whether the server takes nothing more of it.
    pub(crate) fn is_over(&self) -> bool {
        self.state().over
    }

    /// The server takes nothing more of it: its agent is ended.
    pub(crate) async fn end(&self, why: &str) {
        if std::mem::replace(&mut self.state().over, true) {
            return;
        }
        tracing::warn!(session = %self.id, why, "the assignment is over; its agent is ended");
        self.stirred.notify_waiters();
        self.deliver(&past_the_queue(self.id, CommandKind::Kill), None).await;
    }

    /// Hands a command to the agent.
    pub(crate) async fn deliver(&self, command: &Command, message: Option<flightdeck_domain::message::Message>) {
        let Some(provider) = &self.provider else { return };
        if let Err(error) = provider.deliver(command, message).await {
            tracing::debug!(session = %command.session_id, %error, "a command came for an agent that is not at work");
        }
    }
}

/// A stop without a place in the queue.
fn past_the_queue(session_id: SessionId, kind: CommandKind) -> Command {
    let now = SystemClock.now();
    Command {
        session_id,
        seq: CommandSeq::ZERO,
        kind,
        reason: None,
        receipt: Receipt::Accepted,
        created_at: now,
        updated_at: now,
    }
}

/// All assignments of the runner, by each of their sessions.
#[derive(Clone, Default)]
pub(crate) struct AllHeld(Arc<Mutex<HashMap<SessionId, Arc<Held>>>>);

impl AllHeld {
    fn all(&self) -> MutexGuard<'_, HashMap<SessionId, Arc<Held>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The assignment that a session belongs to.
    pub(crate) fn of(&self, session: SessionId) -> Option<Arc<Held>> {
        self.all().get(&session).cloned()
    }

    /// The assignment that has a permission request.
    pub(crate) fn with_approval(&self, id: ApprovalId) -> Option<(Arc<Held>, Approval)> {
        let all: Vec<Arc<Held>> = self.all().values().cloned().collect();
        all.into_iter().find_map(|held| held.approval(id).map(|approval| (held, approval)))
    }

    /// What the agent takes up that continues a conversation.
    pub(crate) fn earlier(&self, wanted: impl Fn(&Earlier) -> bool) -> Option<Earlier> {
        self.all().values().filter_map(|held| held.earlier.as_ref()).find(|earlier| wanted(earlier)).cloned()
    }

    /// A session belongs to an assignment.
    pub(crate) fn add(&self, session: SessionId, held: &Arc<Held>) {
        self.all().insert(session, Arc::clone(held));
    }

    /// An assignment is done.
    pub(crate) fn remove(&self, held: &Held) {
        self.all().retain(|_, other| other.id != held.id);
    }

    /// How many agents are at work.
    pub(crate) fn at_work(&self) -> usize {
        self.all().iter().filter(|(session, held)| **session == held.id && !held.has_ended()).count()
    }

    /// Whether nothing is held: no agent is at work, and nothing is to be sent.
    pub(crate) fn is_empty(&self) -> bool {
        self.all().is_empty()
    }

    /// Each assignment once.
    pub(crate) fn each(&self) -> Vec<Arc<Held>> {
        let all = self.all();
        all.iter().filter(|(session, held)| **session == held.id).map(|(_, held)| Arc::clone(held)).collect()
    }
}

#[cfg(test)]
mod tests;
