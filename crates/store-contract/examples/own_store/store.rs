//! A store for a program that needs sessions, messages and audit alone: a map behind a lock, and the domain's rules.
//!
//! It has no fleet feed, no kill switch and no command queue, and it remembers no idempotency keys. An operator's message
//! is in the conversation, and what is wanted of a session is in the answer to each of its reports.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use flightdeck_domain::prelude::*;

type Answer<T> = Result<T, StoreUnavailable>;
type Sessions = BTreeMap<SessionId, Session>;

#[derive(Default)]
pub(crate) struct OwnStore(Mutex<State>);

#[derive(Default)]
struct State {
    sessions: Sessions,
    messages: BTreeMap<SessionId, Vec<Message>>,
    audit: Ledger,
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

    fn conversation(&self, id: SessionId) -> Option<(&Session, &[Message])> {
        Some((self.sessions.get(&id)?, self.messages.get(&id)?))
    }
}

/// A session and all above it.
fn line(sessions: &Sessions, from: SessionId) -> impl Iterator<Item = &Session> {
    std::iter::successors(sessions.get(&from), |below| sessions.get(&below.parent_id?))
}

fn is_within(sessions: &Sessions, id: SessionId, top: SessionId) -> bool {
    line(sessions, id).any(|above| above.id == top)
}

#[async_trait]
impl SessionRepository for OwnStore {
    async fn register(&self, registration: Registration) -> Result<Registered, RegisterError> {
        let mut state = self.state();
        let existing = state.sessions.get(&registration.id).cloned();
        let ancestors = registration.parent_id.map(|id| line(&state.sessions, id).map(Ancestor::from).collect());
        let facts = TreeFacts { existing, ancestors: ancestors.unwrap_or_default(), kill_switch_engaged: false };
        let registered = Registered::from(registration.admit(facts)?);
        if registered.created {
            state.write(registered.session.clone(), None);
        }
        Ok(registered)
    }

    async fn get(&self, id: SessionId) -> Answer<Option<Session>> {
        Ok(self.state().sessions.get(&id).cloned())
    }

    async fn list(&self, query: SessionQuery) -> Answer<SessionPage> {
        let state = self.state();
        let is_wanted = |it: &&Session| query.filter.holds(it, |top| is_within(&state.sessions, it.id, top));
        let (sessions, next) = query.page_of(state.sessions.values().filter(is_wanted).cloned().collect());
        Ok(SessionPage { sessions, next, as_of: FeedPosition::ZERO })
    }

    async fn observe(&self, seen: Observation) -> Result<ObservedSession, ObserveError> {
        let (mut state, id) = (self.state(), seen.session_id);
        let before = state.sessions.get(&id).ok_or(ObserveError::UnknownSession(id))?;
        let (session, told) = before.observe(&seen)?.into_parts();
        let (changed, control) = (told.is_some(), session.control(0));
        state.write(session.clone(), told);
        Ok(ObservedSession { session, changed, control })
    }

    async fn heartbeat(&self, id: SessionId, at: Timestamp) -> Answer<Option<Heard>> {
        let mut state = self.state();
        let Some((session, told)) = state.sessions.get(&id).map(|session| session.heard(at)) else { return Ok(None) };
        let heard = Heard { control: session.control(0), came_back: told.as_ref().map(|told| told.seq) };
        state.write(session, told);
        Ok(Some(heard))
    }

    async fn lose(&self, silence: Silence, limit: usize) -> Answer<Vec<Session>> {
        let mut state = self.state();
        let lost: Vec<_> = state.sessions.values().filter_map(|it| it.lose(&silence)).take(limit).collect();
        let written = lost.into_iter().map(|change| {
            state.write(change.session.clone(), [change.message]);
            change.session
        });
        Ok(written.collect())
    }
}

#[async_trait]
impl MessageRepository for OwnStore {
    async fn append(&self, id: SessionId, batch: Vec<NewMessage>, at: Timestamp) -> Result<AppendOutcome, AppendError> {
        let mut state = self.state();
        let (before, said) = state.conversation(id).ok_or(AppendError::UnknownSession(id))?;
        let (session, told) = before.heard(at);
        let known = said.iter().map(|said| (said.id, said.clone())).collect();
        let outcome = session.append(batch, &known)?.outcome(session.control(0), told.is_some(), false);
        let inserted = told.into_iter().chain(outcome.inserted.clone());
        state.write(Session { last_seq: outcome.last_seq, ..session }, inserted);
        Ok(outcome)
    }

    async fn after(&self, id: SessionId, after: Seq, limit: usize) -> Answer<Option<MessageSlice>> {
        let state = self.state();
        Ok(state.conversation(id).map(|(session, said)| MessageSlice::after(session, said, after, limit)))
    }

    async fn before(&self, id: SessionId, before: Seq, limit: usize) -> Answer<Option<MessageSlice>> {
        let state = self.state();
        Ok(state.conversation(id).map(|(session, said)| MessageSlice::before(session, said, before, limit)))
    }
}

impl KeepsLedger for OwnStore {
    fn ledger<T>(&self, work: impl FnOnce(&mut Ledger, &IsWithin<'_>) -> T) -> T {
        let State { sessions, audit, .. } = &mut *self.state();
        work(audit, &|id, top| is_within(sessions, id, top))
    }
}

#[async_trait]
impl OperatorActions for OwnStore {
    async fn commit(&self, action: OperatorAction) -> Result<Committed, OperatorActionError> {
        let mut state = self.state();
        let decision = action.decide(state.sessions.get(&action.session_id), &[]);
        let audit_seq = decision.audit.map(|entry| state.audit.record(entry));
        let effects = decision.outcome?;
        state.write(effects.session.clone(), effects.message.clone());
        Ok(effects.committed(audit_seq))
    }

    async fn record(&self, entry: AuditDraft) -> Answer<AuditSeq> {
        Ok(self.state().audit.record(entry))
    }
}
