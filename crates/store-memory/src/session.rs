//! The session tree.

use std::ops::Bound;

use async_trait::async_trait;
use flightdeck_domain::feed::FleetEventDraft;
use flightdeck_domain::ids::SessionId;
use flightdeck_domain::ports::{
    Heard, ObserveError, ObservedSession, RegisterError, Registered, SessionCursor, SessionFilter, SessionPage,
    SessionQuery, SessionRepository, StoreUnavailable,
};
use flightdeck_domain::session::{
    Admission, Ancestor, Observation, Observed, Registration, Session, Silence, StatusChange, TreeFacts,
};
use flightdeck_domain::time::Timestamp;

use crate::MemoryStore;
use crate::state::{Entry, State, count};

#[async_trait]
impl SessionRepository for MemoryStore {
    async fn register(&self, registration: Registration) -> Result<Registered, RegisterError> {
        let mut state = self.state();
        let facts = TreeFacts {
            existing: state.sessions.get(&registration.id).map(|entry| entry.session.clone()),
            ancestors: registration.parent_id.map_or_else(Vec::new, |id| state.line(id).map(Ancestor::from).collect()),
            kill_switch_engaged: state.kill_switch_engaged,
        };
        match registration.admit(facts)? {
            Admission::Exists(session) => Ok(Registered { session: *session, created: false }),
            Admission::Create { session, event } => {
                state.by_spawn.insert((session.spawned_at, session.id));
                state.sessions.insert(session.id, Entry::new((*session).clone()));
                state.open_mission(&session);
                state.tell(event);
                Ok(Registered { session: *session, created: true })
            }
        }
    }

    async fn get(&self, id: SessionId) -> Result<Option<Session>, StoreUnavailable> {
        Ok(self.state().sessions.get(&id).map(|entry| entry.session.clone()))
    }

    async fn list(&self, query: SessionQuery) -> Result<SessionPage, StoreUnavailable> {
        let state = self.state();
        let end = query.after.map_or(Bound::Unbounded, |place| Bound::Excluded((place.spawned_at, place.id)));
        let mut found = state
            .by_spawn
            .range((Bound::Unbounded, end))
            .rev()
            .filter_map(|(_, id)| state.sessions.get(id))
            .map(|entry| &entry.session)
            .filter(|session| state.holds(&query.filter, session));
        let mut sessions: Vec<Session> = found.by_ref().take(query.limit).cloned().collect();
        let next =
            found.next().and(sessions.last()).map(|last| SessionCursor { spawned_at: last.spawned_at, id: last.id });
        if query.heads_only {
            for session in &mut sessions {
                (session.context, session.metadata) = Default::default();
            }
        }
        Ok(SessionPage { sessions, next, as_of: state.feed_head() })
    }

    async fn count(&self, filter: SessionFilter) -> Result<u64, StoreUnavailable> {
        let state = self.state();
        Ok(count(state.sessions.values().filter(|entry| state.holds(&filter, &entry.session)).count()))
    }

    async fn kill_switch_engaged(&self) -> Result<bool, StoreUnavailable> {
        Ok(self.state().kill_switch_engaged)
    }

    async fn is_within(&self, id: SessionId, top: SessionId) -> Result<bool, StoreUnavailable> {
        Ok(self.state().is_within(id, top))
    }

    async fn observe(&self, observation: Observation) -> Result<ObservedSession, ObserveError> {
        let id = observation.session_id;
        let mut state = self.state();
        let entry = state.sessions.get_mut(&id).ok_or(ObserveError::UnknownSession(id))?;
        match entry.session.observe(&observation)? {
            Observed::Unchanged(session) => {
                entry.session = (*session).clone();
                Ok(ObservedSession { session: *session, changed: false, control: entry.control() })
            }
            Observed::Changed(change) => {
                if entry.message(change.message.id).is_some() {
                    return Err(StoreUnavailable::new("the id of the status message is taken").into());
                }
                let session = change.session.clone();
                state.write_change(*change);
                let entry = state.sessions.get(&id).ok_or(ObserveError::UnknownSession(id))?;
                Ok(ObservedSession { session, changed: true, control: entry.control() })
            }
        }
    }

    async fn heartbeat(&self, id: SessionId, at: Timestamp) -> Result<Option<Heard>, StoreUnavailable> {
        let mut state = self.state();
        let Some(entry) = state.sessions.get_mut(&id) else { return Ok(None) };
        let back = entry.session.come_back(at);
        entry.seen(at);
        let control = entry.control();
        let came_back = back.as_ref().map(|change| change.session.last_seq);
        if let Some(change) = back {
            state.write_change(change);
        }
        Ok(Some(Heard { control, came_back }))
    }

    async fn lose(&self, silence: Silence, limit: usize) -> Result<Vec<Session>, StoreUnavailable> {
        let mut state = self.state();
        let changes = state.sessions.values().filter_map(|entry| entry.session.lose(&silence));
        let changes: Vec<_> = changes.take(limit).collect();
        let lost = changes.iter().map(|change| change.session.clone()).collect();
        for change in changes {
            state.write_change(change);
        }
        Ok(lost)
    }
}

/// Settles what is pending for a session that has ended, and gives the events that tell of it.
fn settle(entry: &mut Entry, at: Timestamp) -> Vec<FleetEventDraft> {
    let status = entry.session.status;
    let settled: Vec<_> = entry.pending.values().map(|command| command.settle(status, at)).collect();
    let events = settled.iter().map(|command| FleetEventDraft::receipt(command, at)).collect();
    for command in settled {
        entry.put(command);
    }
    events
}

impl State {
    /// Writes a change of status, whoever it comes from, with all that follows from it.
    pub(crate) fn write_change(&mut self, change: StatusChange) {
        let (id, status, at) = (change.session.id, change.session.status, change.message.created_at);
        let Some(entry) = self.sessions.get_mut(&id) else { return };
        entry.session = change.session;
        entry.push(change.message);
        let mut events = vec![change.event];
        if status.is_terminal() {
            events.extend(settle(entry, at));
            events.extend(self.approvals.end(id, at));
        }
        for event in events {
            self.tell(event);
        }
        self.move_targets(id, at, |target| target.after_status(status, at));
    }

    fn is_within(&self, id: SessionId, top: SessionId) -> bool {
        self.line(id).any(|session| session.id == top)
    }

    fn holds(&self, filter: &SessionFilter, session: &Session) -> bool {
        let SessionFilter { subtree, mission_id, statuses, provider, provider_session_id, agent_type, task_id } =
            filter;
        mission_id.as_ref().is_none_or(|mission| session.mission_id.as_ref() == Some(mission))
            && (statuses.is_empty() || statuses.contains(&session.status))
            && provider.as_ref().is_none_or(|provider| session.provider == *provider)
            && provider_session_id.as_ref().is_none_or(|id| session.provider_session_id.as_ref() == Some(id))
            && agent_type.as_ref().is_none_or(|agent_type| session.agent_type == *agent_type)
            && task_id.as_ref().is_none_or(|task| session.task_id == *task)
            && subtree.is_none_or(|top| self.is_within(session.id, top))
    }
}
