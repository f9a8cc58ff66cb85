//! A store for a program that needs sessions, messages and audit alone: a map behind a lock, and the domain's rules.
//!
//! It has no fleet feed, no kill switch and no command queue, and it remembers no idempotency keys. An operator's message
//! is in the conversation, and what is wanted of a session is in the answer to each of its reports.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use flightdeck_domain::action::{Committed, FleetAction, FleetCommitted, OperatorAction};
use flightdeck_domain::audit::{AuditDraft, AuditHead, Checkpoint, SealedAuditEntry};
use flightdeck_domain::ids::{AuditSeq, FeedPosition, Seq, SessionId};
use flightdeck_domain::message::{Control, Message, NewMessage};
use flightdeck_domain::operation::{ScopedAction, ScopedCommitted};
use flightdeck_domain::ports::{
    AppendError, AppendOutcome, AuditFilter, AuditHeadError, AuditLog, AuditLogError, Heard, MessageRepository,
    MessageSlice, ObserveError, ObservedSession, OperatorActionError, OperatorActions, RegisterError, Registered,
    SessionPage, SessionQuery, SessionRepository, StoreUnavailable,
};
use flightdeck_domain::session::{
    Admission, Ancestor, Observation, Observed, Registration, Session, Silence, TreeFacts,
};
use flightdeck_domain::time::Timestamp;

type Answer<T> = Result<T, StoreUnavailable>;

#[derive(Default)]
pub(crate) struct OwnStore(Mutex<State>);

#[derive(Default)]
struct State {
    sessions: BTreeMap<SessionId, Session>,
    messages: HashMap<SessionId, Vec<Message>>,
    audit: Vec<SealedAuditEntry>,
    checkpoints: BTreeMap<AuditSeq, Checkpoint>,
}

impl OwnStore {
    /// Each call holds the lock from its first look to its last write. Nothing is written before all was decided.
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn write(&mut self, session: Session, said: impl IntoIterator<Item = Message>) {
        self.messages.entry(session.id).or_default().extend(said);
        self.sessions.insert(session.id, session);
    }

    fn record(&mut self, entry: AuditDraft) -> AuditSeq {
        let sealed = entry.seal(self.audit.last().map_or(AuditHead::EMPTY, SealedAuditEntry::head));
        let seq = sealed.seq;
        self.audit.push(sealed);
        seq
    }

    /// A session and all above it.
    fn line(&self, from: SessionId) -> impl Iterator<Item = &Session> {
        std::iter::successors(self.sessions.get(&from), |below| self.sessions.get(&below.parent_id?))
    }

    fn is_within(&self, id: SessionId, top: SessionId) -> bool {
        self.line(id).any(|above| above.id == top)
    }

    fn slice(&self, id: SessionId, messages: Vec<Message>) -> Option<MessageSlice> {
        let Session { last_seq, status, .. } = *self.sessions.get(&id)?;
        Some(MessageSlice { messages, receipts: HashMap::new(), last_seq, status })
    }

    fn conversation(&self, id: SessionId) -> impl DoubleEndedIterator<Item = &Message> {
        self.messages.get(&id).into_iter().flatten()
    }
}

fn control(session: &Session) -> Control {
    Control { desired_status: session.desired_status, pending_commands: 0 }
}

#[async_trait]
impl SessionRepository for OwnStore {
    async fn register(&self, registration: Registration) -> Result<Registered, RegisterError> {
        let mut state = self.state();
        let existing = state.sessions.get(&registration.id).cloned();
        let ancestors = registration.parent_id.map(|id| state.line(id).map(Ancestor::from).collect());
        let facts = TreeFacts { existing, ancestors: ancestors.unwrap_or_default(), kill_switch_engaged: false };
        match registration.admit(facts)? {
            Admission::Create { session, .. } => {
                state.write((*session).clone(), None);
                Ok(Registered { session: *session, created: true })
            }
            Admission::Exists(session) => Ok(Registered { session: *session, created: false }),
        }
    }

    async fn get(&self, id: SessionId) -> Answer<Option<Session>> {
        Ok(self.state().sessions.get(&id).cloned())
    }

    async fn list(&self, query: SessionQuery) -> Answer<SessionPage> {
        let state = self.state();
        let is_wanted = |it: &&Session| query.filter.holds(it, |top| state.is_within(it.id, top));
        let (sessions, next) = query.page_of(state.sessions.values().filter(is_wanted).cloned().collect());
        Ok(SessionPage { sessions, next, as_of: FeedPosition::ZERO })
    }

    async fn observe(&self, seen: Observation) -> Result<ObservedSession, ObserveError> {
        let (mut state, id) = (self.state(), seen.session_id);
        let before = state.sessions.get(&id).ok_or(ObserveError::UnknownSession(id))?;
        let (session, message) = match before.observe(&seen)? {
            Observed::Unchanged(session) => (*session, None),
            Observed::Changed(change) => (change.session, Some(change.message)),
        };
        let (changed, control) = (message.is_some(), control(&session));
        state.write(session.clone(), message);
        Ok(ObservedSession { session, changed, control })
    }

    async fn heartbeat(&self, id: SessionId, at: Timestamp) -> Answer<Option<Heard>> {
        let mut state = self.state();
        let Some((session, told)) = state.sessions.get(&id).map(|session| session.heard(at)) else { return Ok(None) };
        let heard = Heard { control: control(&session), came_back: told.as_ref().map(|told| told.seq) };
        state.write(session, told);
        Ok(Some(heard))
    }

    async fn lose(&self, silence: Silence, limit: usize) -> Answer<Vec<Session>> {
        let mut state = self.state();
        let lost: Vec<_> = state.sessions.values().filter_map(|it| it.lose(&silence)).take(limit).collect();
        for change in &lost {
            state.write(change.session.clone(), [change.message.clone()]);
        }
        Ok(lost.into_iter().map(|change| change.session).collect())
    }
}

#[async_trait]
impl MessageRepository for OwnStore {
    async fn append(&self, id: SessionId, batch: Vec<NewMessage>, at: Timestamp) -> Result<AppendOutcome, AppendError> {
        let mut state = self.state();
        let (session, told) = state.sessions.get(&id).ok_or(AppendError::UnknownSession(id))?.heard(at);
        let ids: HashSet<_> = batch.iter().map(|new| new.id).collect();
        let known = state.conversation(id).filter(|said| ids.contains(&said.id));
        let plan = session.append(batch, &known.map(|said| (said.id, said.clone())).collect())?;
        let (appended, inserted, last_seq) = (plan.appended, plan.insert, plan.last_seq);
        let (control, came_back) = (control(&session), told.is_some());
        state.write(Session { last_seq, ..session }, told.into_iter().chain(inserted.clone()));
        Ok(AppendOutcome { appended, inserted, last_seq, control, came_back, exhausted: false })
    }

    async fn after(&self, id: SessionId, after: Seq, limit: usize) -> Answer<Option<MessageSlice>> {
        let state = self.state();
        let wanted = state.conversation(id).filter(|said| said.seq > after).take(limit);
        Ok(state.slice(id, MessageSlice::enough(wanted)))
    }

    async fn before(&self, id: SessionId, before: Seq, limit: usize) -> Answer<Option<MessageSlice>> {
        let state = self.state();
        let newest_first = state.conversation(id).rev().filter(|said| said.seq < before).take(limit);
        Ok(state.slice(id, MessageSlice::enough(newest_first).into_iter().rev().collect()))
    }
}

#[async_trait]
impl AuditLog for OwnStore {
    async fn page(&self, filter: AuditFilter, before: Option<AuditSeq>, limit: usize) -> Answer<Vec<SealedAuditEntry>> {
        let state = self.state();
        let is_wanted = |it: &&SealedAuditEntry| {
            before.is_none_or(|before| it.seq < before) && filter.holds(&it.index, |id, top| state.is_within(id, top))
        };
        Ok(state.audit.iter().rev().filter(is_wanted).take(limit).cloned().collect())
    }

    async fn walk(&self, after: AuditSeq, limit: usize) -> Result<Vec<SealedAuditEntry>, AuditLogError> {
        Ok(self.state().audit.iter().filter(|it| it.seq > after).take(limit).cloned().collect())
    }

    async fn head(&self) -> Result<AuditHead, AuditHeadError> {
        Ok(self.state().audit.last().map_or(AuditHead::EMPTY, SealedAuditEntry::head))
    }

    async fn keep_checkpoint(&self, checkpoint: Checkpoint) -> Answer<Checkpoint> {
        Ok(*self.state().checkpoints.entry(checkpoint.seq).or_insert(checkpoint))
    }

    async fn checkpoints(&self, after: AuditSeq, limit: usize) -> Result<Vec<Checkpoint>, AuditLogError> {
        Ok(self.state().checkpoints.values().filter(|it| it.seq > after).take(limit).copied().collect())
    }

    async fn newest_checkpoint(&self) -> Answer<Option<Checkpoint>> {
        Ok(self.state().checkpoints.values().next_back().copied())
    }
}

#[async_trait]
impl OperatorActions for OwnStore {
    async fn commit(&self, action: OperatorAction) -> Result<Committed, OperatorActionError> {
        let mut state = self.state();
        let decision = action.decide(state.sessions.get(&action.session_id), &[]);
        let audit_seq = decision.audit.map(|entry| state.record(entry));
        let effects = decision.outcome?;
        state.write(effects.session.clone(), effects.message.clone());
        let (session, message, command) = (effects.session, effects.message, effects.command);
        Ok(Committed { session, message, command, operation: None, audit_seq, again: false })
    }

    async fn commit_scoped(&self, _: ScopedAction) -> Result<ScopedCommitted, OperatorActionError> {
        Err(StoreUnavailable::new("this store has no operations").into())
    }

    async fn commit_fleet(&self, _: FleetAction) -> Result<FleetCommitted, OperatorActionError> {
        Err(StoreUnavailable::new("this store has no kill switch").into())
    }

    async fn record(&self, entry: AuditDraft) -> Answer<AuditSeq> {
        Ok(self.state().record(entry))
    }
}
