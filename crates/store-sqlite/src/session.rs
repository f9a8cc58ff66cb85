//! The session tree.

use async_trait::async_trait;
use diesel::sqlite::SqliteConnection;
use flightdeck_domain::feed::FleetEventDraft;
use flightdeck_domain::ids::{CommandSeq, SessionId};
use flightdeck_domain::message::Control;
use flightdeck_domain::ports::{
    Heard, ObserveError, ObservedSession, RegisterError, Registered, SessionFilter, SessionPage, SessionQuery,
    SessionRepository, StoreUnavailable,
};
use flightdeck_domain::session::{
    Admission, Observation, Observed, Registration, Session, Silence, StatusChange, TreeFacts,
};
use flightdeck_domain::time::Timestamp;

use crate::SqliteStore;
use crate::approval;
use crate::error::StoreError;
use crate::lease::come_back;
use crate::operation::move_targets;
use crate::tables::{commands, feed_events, fleet_state, messages, session_list, session_tree, sessions};
use crate::usage::open_mission;

/// How many pending commands are settled at a time.
const SETTLED_AT_ONCE: usize = 500;

#[async_trait]
impl SessionRepository for SqliteStore {
    async fn register(&self, registration: Registration) -> Result<Registered, RegisterError> {
        self.writer.write(move |connection| register(connection, registration)).await
    }

    async fn get(&self, id: SessionId) -> Result<Option<Session>, StoreUnavailable> {
        Ok(self.readers.read(move |connection| sessions::get(connection, id)).await?)
    }

    async fn list(&self, query: SessionQuery) -> Result<SessionPage, StoreUnavailable> {
        let page = self.readers.read(move |connection| {
            let (sessions, next) = session_list::page(connection, &query)?;
            Ok(SessionPage { sessions, next, as_of: feed_events::head(connection)? })
        });
        Ok(page.await?)
    }

    async fn count(&self, filter: SessionFilter) -> Result<u64, StoreUnavailable> {
        Ok(self.readers.read(move |connection| session_list::count(connection, &filter)).await?)
    }

    async fn kill_switch_engaged(&self) -> Result<bool, StoreUnavailable> {
        Ok(self.readers.read(fleet_state::kill_switch).await?)
    }

    async fn is_within(&self, id: SessionId, top: SessionId) -> Result<bool, StoreUnavailable> {
        Ok(self.readers.read(move |connection| session_tree::is_within(connection, id, top)).await?)
    }

    async fn observe(&self, observation: Observation) -> Result<ObservedSession, ObserveError> {
        self.writer.write(move |connection| observe(connection, &observation)).await
    }

    async fn heartbeat(&self, id: SessionId, at: Timestamp) -> Result<Option<Heard>, StoreUnavailable> {
        self.writer.write(move |connection| Ok(heartbeat(connection, id, at)?)).await
    }

    async fn lose(&self, silence: Silence, limit: usize) -> Result<Vec<Session>, StoreUnavailable> {
        self.lose_silent(silence, limit).await
    }
}

fn register(connection: &mut SqliteConnection, registration: Registration) -> Result<Registered, RegisterError> {
    let ancestors = match registration.parent_id {
        Some(parent) => session_tree::upwards(connection, parent)?,
        None => Vec::new(),
    };
    let facts = TreeFacts {
        existing: sessions::get(connection, registration.id)?,
        ancestors,
        kill_switch_engaged: fleet_state::kill_switch(connection)?,
    };
    match registration.admit(facts)? {
        Admission::Create { session, event } => {
            sessions::insert(connection, &session)?;
            open_mission(connection, &session)?;
            feed_events::insert(connection, &event)?;
            Ok(Registered { session: *session, created: true })
        }
        Admission::Exists(session) => Ok(Registered { session: *session, created: false }),
    }
}

fn observe(connection: &mut SqliteConnection, observation: &Observation) -> Result<ObservedSession, ObserveError> {
    let id = observation.session_id;
    let before = sessions::get(connection, id)?.ok_or(ObserveError::UnknownSession(id))?;
    let (session, changed) = match before.observe(observation)? {
        Observed::Unchanged(session) => {
            sessions::save(connection, &session)?;
            (*session, false)
        }
        Observed::Changed(change) => {
            write_change(connection, &change)?;
            (change.session, true)
        }
    };
    let control = control(connection, &session)?;
    Ok(ObservedSession { session, changed, control })
}

/// Writes a change of status, whoever it comes from, with all that follows from it.
pub(crate) fn write_change(connection: &mut SqliteConnection, change: &StatusChange) -> Result<(), StoreError> {
    let (id, status, at) = (change.session.id, change.session.status, change.message.created_at);
    sessions::save(connection, &change.session)?;
    messages::insert(connection, std::slice::from_ref(&change.message))?;
    feed_events::insert(connection, &change.event)?;
    if status.is_terminal() {
        settle(connection, &change.session, at)?;
        approval::end(connection, id, at)?;
    }
    move_targets(connection, id, at, |target| target.after_status(status, at))
}

/// Closes what is pending of a session that has ended.
fn settle(connection: &mut SqliteConnection, session: &Session, at: Timestamp) -> Result<(), StoreError> {
    let mut after = CommandSeq::ZERO;
    while after < session.last_command_seq {
        let pending = commands::pending(connection, session.id, after, SETTLED_AT_ONCE)?;
        for command in &pending {
            let settled = command.settle(session.status, at);
            commands::save(connection, &settled)?;
            feed_events::insert(connection, &FleetEventDraft::receipt(&settled, at))?;
        }
        after = pending.last().map_or(session.last_command_seq, |last| last.seq);
    }
    Ok(())
}

fn heartbeat(connection: &mut SqliteConnection, id: SessionId, at: Timestamp) -> Result<Option<Heard>, StoreError> {
    let Some(session) = sessions::head(connection, id)? else { return Ok(None) };
    let back = come_back(connection, &session, at)?;
    if back.is_none() {
        sessions::touch(connection, &session, session.last_seq, at)?;
    }
    let control = control(connection, &session)?;
    Ok(Some(Heard { control, came_back: back.map(|session| session.last_seq) }))
}

/// What an agent should know whenever it reports.
pub(crate) fn control(connection: &mut SqliteConnection, session: &Session) -> Result<Control, StoreError> {
    let pending_commands = match session.last_command_seq {
        // Most sessions never get a command, and are asked about with every message.
        CommandSeq::ZERO => 0,
        _ => commands::count_pending(connection, session.id)?,
    };
    Ok(Control { desired_status: session.desired_status, pending_commands })
}
