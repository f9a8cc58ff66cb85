//! The session tree.

use async_trait::async_trait;
use diesel_async::AsyncPgConnection;
use flightdeck_domain::feed::FleetEventDraft;
use flightdeck_domain::ids::{CommandSeq, SessionId};
use flightdeck_domain::message::Control;
use flightdeck_domain::ports::{
    Heard, ObserveError, ObservedSession, RegisterError, Registered, SessionFilter, SessionPage, SessionQuery,
    SessionRepository, StoreUnavailable,
};
use flightdeck_domain::session::{
    Admission, Observation, Observed, Registration, Session, SessionStatus, Silence, StatusChange, TreeFacts,
};
use flightdeck_domain::time::Timestamp;

use crate::PostgresStore;
use crate::approval;
use crate::database::{Transaction, on};
use crate::error::StoreError;
use crate::lease::come_back;
use crate::locks;
use crate::operation::move_targets;
use crate::tables::sessions::Touch;
use crate::tables::{commands, feed_events, fleet_state, messages, session_list, session_tree, sessions};
use crate::usage::open_mission;

/// How many pending commands are settled at a time.
const SETTLED_AT_ONCE: usize = 500;

#[async_trait]
impl SessionRepository for PostgresStore {
    async fn register(&self, registration: Registration) -> Result<Registered, RegisterError> {
        on!(self.write, (registration), |tx| register(tx, registration)).await
    }

    async fn get(&self, id: SessionId) -> Result<Option<Session>, StoreUnavailable> {
        Ok(on!(self.read, (id), |connection| sessions::get(connection, *id)).await?)
    }

    async fn list(&self, query: SessionQuery) -> Result<SessionPage, StoreUnavailable> {
        Ok(on!(self.read_moment, (query), |connection| page(connection, query)).await?)
    }

    async fn count(&self, filter: SessionFilter) -> Result<u64, StoreUnavailable> {
        Ok(on!(self.read, (filter), |connection| session_list::count(connection, filter)).await?)
    }

    async fn kill_switch_engaged(&self) -> Result<bool, StoreUnavailable> {
        Ok(on!(self.read, (), |connection| fleet_state::kill_switch(connection)).await?)
    }

    async fn is_within(&self, id: SessionId, top: SessionId) -> Result<bool, StoreUnavailable> {
        Ok(on!(self.read, (id, top), |connection| session_tree::is_within(connection, *id, *top)).await?)
    }

    async fn observe(&self, observation: Observation) -> Result<ObservedSession, ObserveError> {
        on!(self.write, (observation), |tx| observe(tx, observation)).await
    }

    async fn heartbeat(&self, id: SessionId, at: Timestamp) -> Result<Option<Heard>, StoreUnavailable> {
        let heard: Result<_, StoreError> = on!(self.write, (id, at), |tx| heartbeat(tx, *id, *at)).await;
        Ok(heard?)
    }

    async fn lose(&self, silence: Silence, limit: usize) -> Result<Vec<Session>, StoreUnavailable> {
        self.lose_silent(silence, limit).await
    }
}

async fn page(connection: &mut AsyncPgConnection, query: &SessionQuery) -> Result<SessionPage, StoreError> {
    let (sessions, next) = session_list::page(connection, query).await?;
    Ok(SessionPage { sessions, next, as_of: feed_events::head(connection).await? })
}

async fn register(tx: &mut Transaction, registration: &Registration) -> Result<Registered, RegisterError> {
    locks::tree_shared(tx).await?;
    loop {
        let ancestors = match registration.parent_id {
            Some(parent) => session_tree::upwards(tx, parent).await?,
            None => Vec::new(),
        };
        let facts = TreeFacts {
            existing: sessions::get(tx, registration.id).await?,
            ancestors,
            kill_switch_engaged: fleet_state::kill_switch(tx).await?,
        };
        match registration.clone().admit(facts)? {
            Admission::Create { session, event } => {
                if sessions::insert(tx, &session).await? {
                    open_mission(tx, &session).await?;
                    tx.tell(event);
                    return Ok(Registered { session: *session, created: true });
                }
                // Another call put it there since the facts were read. They are read again, and now it is one of them.
            }
            Admission::Exists(session) => return Ok(Registered { session: *session, created: false }),
        }
    }
}

async fn observe(tx: &mut Transaction, observation: &Observation) -> Result<ObservedSession, ObserveError> {
    let id = observation.session_id;
    // A kill that nobody asked for is a fence that goes up by itself.
    if observation.status == SessionStatus::Killed && !sessions::is_doomed(tx, id).await? {
        locks::tree_alone(tx).await?;
    }
    let before = sessions::lock(tx, id).await?.ok_or(ObserveError::UnknownSession(id))?;
    let (session, changed) = match before.observe(observation)? {
        Observed::Unchanged(session) => {
            sessions::save(tx, &session).await?;
            (*session, false)
        }
        Observed::Changed(change) => {
            write_change(tx, &change).await?;
            (change.session, true)
        }
    };
    let control = control(tx, &session).await?;
    Ok(ObservedSession { session, changed, control })
}

/// Writes a change of status, whoever it comes from, with all that follows from it. The caller has the session's lock.
pub(crate) async fn write_change(tx: &mut Transaction, change: &StatusChange) -> Result<(), StoreError> {
    let (id, status, at) = (change.session.id, change.session.status, change.message.created_at);
    sessions::save(tx, &change.session).await?;
    messages::insert(tx, std::slice::from_ref(&change.message)).await?;
    tx.tell(change.event.clone());
    if status.is_terminal() {
        settle(tx, &change.session, at).await?;
        approval::end(tx, id, at).await?;
    }
    move_targets(tx, id, at, |target| target.after_status(status, at)).await
}

/// Closes what is pending of a session that has ended.
async fn settle(tx: &mut Transaction, session: &Session, at: Timestamp) -> Result<(), StoreError> {
    let mut after = CommandSeq::ZERO;
    while after < session.last_command_seq {
        let pending = commands::pending(tx, session.id, after, SETTLED_AT_ONCE).await?;
        for command in &pending {
            let settled = command.settle(session.status, at);
            commands::save(tx, &settled).await?;
            tx.tell(FleetEventDraft::receipt(&settled, at));
        }
        after = pending.last().map_or(session.last_command_seq, |last| last.seq);
    }
    Ok(())
}

async fn heartbeat(tx: &mut Transaction, id: SessionId, at: Timestamp) -> Result<Option<Heard>, StoreError> {
    let Some(session) = sessions::lock_head(tx, id).await? else { return Ok(None) };
    let back = come_back(tx, &session, at).await?;
    if back.is_none() {
        sessions::touch(tx, &[Touch::of(&session, session.last_seq, at)]).await?;
    }
    let control = control(tx, &session).await?;
    Ok(Some(Heard { control, came_back: back.map(|session| session.last_seq) }))
}

/// What an agent should know whenever it reports.
pub(crate) async fn control(connection: &mut AsyncPgConnection, session: &Session) -> Result<Control, StoreError> {
    let pending_commands = match session.last_command_seq {
        // Most sessions never get a command, and are asked about with every message.
        CommandSeq::ZERO => 0,
        _ => commands::count_pending(connection, session.id).await?,
    };
    Ok(Control { desired_status: session.desired_status, pending_commands })
}
