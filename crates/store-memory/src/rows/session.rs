//! Sessions and their tree.

use std::ops::Bound;

use flightdeck_domain::command::{Command, CommandKind, Receipt};
use flightdeck_domain::ids::{Seq, SessionId};
use flightdeck_domain::mission_set::MissionSet;
use flightdeck_domain::operation::{Operation, OperationTarget, Scope, Wish};
use flightdeck_domain::ports::{
    ControlRows, Rows, SessionCursor, SessionFilter, SessionQuery, SessionRows, StoreUnavailable, TalkRows,
};
use flightdeck_domain::session::{Ancestor, DesiredStatus, Session, Silence};
use flightdeck_domain::text::{JsonObject, Reason};
use flightdeck_domain::time::Timestamp;

use crate::state::{State, count};

fn head_of(session: &Session) -> Session {
    Session { context: JsonObject::default(), metadata: JsonObject::default(), ..session.clone() }
}

impl State {
    fn open(&self) -> impl Iterator<Item = &Session> {
        self.sessions.values().filter(|session| !session.status.is_terminal())
    }

    fn belongs(&self, id: SessionId, top: SessionId) -> bool {
        self.upwards(id).any(|session| session.id == top)
    }

    /// How many sessions are above one.
    fn depth(&self, id: SessionId) -> u64 {
        count(self.upwards(id).count().saturating_sub(1))
    }

    /// Whether a session is of one of these missions.
    pub(super) fn is_of(&self, missions: &MissionSet, session: SessionId) -> bool {
        self.sessions.get(&session).is_some_and(|session| missions.holds(session.mission_id.as_ref()))
    }

    fn holds(&self, filter: &SessionFilter, session: &Session) -> bool {
        filter.holds(session, |top| self.belongs(session.id, top))
    }
}

impl SessionRows for State {
    async fn session(&mut self, id: SessionId) -> Rows<Option<Session>> {
        Ok(self.sessions.get(&id).cloned())
    }

    async fn head(&mut self, id: SessionId) -> Rows<Option<Session>> {
        Ok(self.sessions.get(&id).map(head_of))
    }

    async fn lock_heads(&mut self, ids: &[SessionId]) -> Rows<Vec<Session>> {
        Ok(ids.iter().filter_map(|id| self.sessions.get(id)).map(head_of).collect())
    }

    async fn insert_session(&mut self, session: &Session) -> Rows<bool> {
        if self.sessions.contains_key(&session.id) {
            return Ok(false);
        }
        self.change(Self::set_session, session.id, Some(session.clone()));
        Ok(true)
    }

    async fn save_session(&mut self, session: &Session) -> Rows<()> {
        let unknown = || StoreUnavailable::new("a session that is not there is to be written");
        let before = self.sessions.get(&session.id).ok_or_else(unknown)?;
        // What never changes is not looked at: it may be a head.
        let (context, metadata) = (before.context.clone(), before.metadata.clone());
        self.change(Self::set_session, session.id, Some(Session { context, metadata, ..session.clone() }));
        Ok(())
    }

    async fn touch_session(&mut self, session: &Session, last_seq: Seq, at: Timestamp) -> Rows<()> {
        let last_seen_at = session.last_seen_at.max(Some(at));
        self.save_session(&Session { last_seq, last_seen_at, ..session.clone() }).await
    }

    async fn silent_sessions(&mut self, silence: &Silence, limit: usize) -> Rows<Vec<SessionId>> {
        let silent = self.open().filter(|session| session.lose(silence).is_some());
        Ok(silent.map(|session| session.id).take(limit).collect())
    }

    async fn line(&mut self, from: SessionId) -> Rows<Vec<Ancestor>> {
        Ok(self.upwards(from).map(Ancestor::from).collect())
    }

    async fn is_within(&mut self, id: SessionId, top: SessionId) -> Rows<bool> {
        Ok(self.belongs(id, top))
    }

    async fn open_within(&mut self, scope: &Scope) -> Rows<Vec<(SessionId, u64)>> {
        let within = |session: &&Session| match scope {
            Scope::Session(id) => session.id == *id,
            Scope::Subtree(top) => self.belongs(session.id, *top),
            Scope::Mission(mission) => session.mission_id.as_ref() == Some(mission),
            Scope::Fleet => true,
        };
        Ok(self.open().filter(within).map(|session| (session.id, self.depth(session.id))).collect())
    }

    async fn count_open(&mut self) -> Rows<u64> {
        Ok(count(self.open().count()))
    }

    async fn session_page(&mut self, query: &SessionQuery) -> Rows<(Vec<Session>, Option<SessionCursor>)> {
        let end = query.after.map_or(Bound::Unbounded, |place| Bound::Excluded((place.spawned_at, place.id)));
        let newest_first = self.by_spawn.range((Bound::Unbounded, end)).rev();
        let mut found = newest_first
            .filter_map(|(_, id)| self.sessions.get(id))
            .filter(|session| self.holds(&query.filter, session));
        let as_asked = |session: &Session| if query.heads_only { head_of(session) } else { session.clone() };
        let page: Vec<Session> = found.by_ref().take(query.limit).map(as_asked).collect();
        let next = found.next().and(page.last());
        let next = next.map(|last| SessionCursor { spawned_at: last.spawned_at, id: last.id });
        Ok((page, next))
    }

    async fn count_sessions(&mut self, filter: &SessionFilter) -> Rows<u64> {
        Ok(count(self.sessions.values().filter(|session| self.holds(filter, session)).count()))
    }

    async fn kill_switch(&mut self) -> Rows<bool> {
        Ok(self.kill_switch_engaged)
    }

    async fn set_kill_switch(&mut self, engaged: bool) -> Rows<()> {
        let before = std::mem::replace(&mut self.kill_switch_engaged, engaged);
        self.noted(move |state| state.kill_switch_engaged = before);
        Ok(())
    }

    async fn kill_open(&mut self, operation: Option<&Operation>, reason: Option<&Reason>, at: Timestamp) -> Rows<()> {
        for session in self.open().cloned().collect::<Vec<_>>() {
            let command = Command {
                session_id: session.id,
                seq: session.last_command_seq.next(),
                kind: CommandKind::Kill,
                reason: reason.cloned(),
                receipt: Receipt::Accepted,
                created_at: at,
                updated_at: at,
            };
            if let Some(operation) = operation {
                let depth = self.depth(session.id);
                let target = OperationTarget::begin(operation.id, Wish::Kill, &session, depth, Some(&command), at);
                self.save_target(&target).await?;
            }
            self.insert_command(&command).await?;
            let revision = session.revision + u64::from(session.desired_status != DesiredStatus::Killed);
            let (desired_status, last_command_seq) = (DesiredStatus::Killed, command.seq);
            self.save_session(&Session { desired_status, last_command_seq, revision, ..session }).await?;
        }
        Ok(())
    }
}
