//! The session tree.

use async_trait::async_trait;

use super::run::run;
use super::status_change;
use super::usage::open_mission;
use crate::ids::{CommandSeq, SessionId};
use crate::message::Control;
use crate::ports::{
    Heard, ObserveError, ObservedSession, RegisterError, Registered, Rows, SessionFilter, SessionPage, SessionQuery,
    SessionRepository, SessionRows, StoreUnavailable, Transactional, TreeLock, Tx,
};
use crate::session::{
    Admission, DesiredStatus, Observation, Observed, Registration, Session, SessionStatus, Silence, TreeFacts,
};
use crate::time::Timestamp;

/// Puts a session into the tree: [`SessionRepository::register`].
///
/// # Errors
/// A rule forbids it, or the store is not available.
pub async fn register<T: Tx>(tx: &mut T, registration: &Registration) -> Result<Registered, RegisterError> {
    tx.lock_tree(TreeLock::Shared).await?;
    loop {
        let ancestors = match registration.parent_id {
            Some(parent) => tx.line(parent).await?,
            None => Vec::new(),
        };
        let facts = TreeFacts {
            existing: tx.session(registration.id).await?,
            ancestors,
            kill_switch_engaged: tx.kill_switch().await?,
        };
        match registration.clone().admit(facts)? {
            Admission::Create { session, event } => {
                if tx.insert_session(&session).await? {
                    open_mission(tx, &session).await?;
                    tx.tell(event).await?;
                    return Ok(Registered { session: *session, created: true });
                }
                // Another call put it there since the facts were read. They are read again, and now it is one of them.
            }
            Admission::Exists(session) => return Ok(Registered { session: *session, created: false }),
        }
    }
}

/// Records an observation: [`SessionRepository::observe`].
///
/// # Errors
/// A rule forbids it, or the store is not available.
pub async fn observe<T: Tx>(tx: &mut T, observation: &Observation) -> Result<ObservedSession, ObserveError> {
    let id = observation.session_id;
    // A kill that nobody asked for is a fence that goes up by itself. Once a session is to be killed, it stays so.
    if observation.status == SessionStatus::Killed {
        let head = tx.head(id).await?;
        if head.is_none_or(|head| head.desired_status != DesiredStatus::Killed) {
            tx.lock_tree(TreeLock::Alone).await?;
        }
    }
    let before = tx.lock_session(id).await?.ok_or(ObserveError::UnknownSession(id))?;
    let (session, changed) = match before.observe(observation)? {
        Observed::Unchanged(session) => {
            tx.save_session(&session).await?;
            (*session, false)
        }
        Observed::Changed(change) => {
            status_change::write(tx, &change).await?;
            (change.session, true)
        }
    };
    let control = control(tx, &session).await?;
    Ok(ObservedSession { session, changed, control })
}

/// Records a sign of life: [`SessionRepository::heartbeat`].
///
/// # Errors
/// A rule forbids it, or the store is not available.
pub async fn heartbeat<T: Tx>(tx: &mut T, id: SessionId, at: Timestamp) -> Rows<Option<Heard>> {
    let Some(session) = tx.lock_head(id).await? else { return Ok(None) };
    let back = status_change::come_back(tx, &session, at).await?;
    if back.is_none() {
        tx.touch_session(&session, session.last_seq, at).await?;
    }
    let control = control(tx, &session).await?;
    Ok(Some(Heard { control, came_back: back.map(|session| session.last_seq) }))
}

/// Asks the rule again for the sessions that seem to be silent, because they may have reported meanwhile.
///
/// # Errors
/// A rule forbids it, or the store is not available.
pub async fn lose<T: Tx>(tx: &mut T, suspects: &[SessionId], silence: &Silence) -> Rows<Vec<Session>> {
    tx.lock_heads(suspects).await?;
    tx.lock_operations_of(suspects).await?;
    let mut lost = Vec::new();
    for id in suspects {
        let session = tx.session(*id).await?;
        if let Some(change) = session.and_then(|session| session.lose(silence)) {
            status_change::write(tx, &change).await?;
            lost.push(change.session);
        }
    }
    Ok(lost)
}

/// What an agent has to know whenever it reports.
///
/// # Errors
/// The store is not available.
pub async fn control<T: Tx>(tx: &mut T, session: &Session) -> Rows<Control> {
    let pending_commands = match session.last_command_seq {
        // Most sessions never get a command, and are asked about with every message.
        CommandSeq::ZERO => 0,
        _ => tx.count_pending(session.id).await?,
    };
    Ok(session.control(pending_commands))
}

async fn page<T: Tx>(tx: &mut T, query: &SessionQuery) -> Rows<SessionPage> {
    let (sessions, next) = tx.session_page(query).await?;
    Ok(SessionPage { sessions, next, as_of: tx.feed_head().await? })
}

#[async_trait]
impl<S: Transactional> SessionRepository for S {
    async fn register(&self, registration: Registration) -> Result<Registered, RegisterError> {
        run!(self.write, (registration), |tx| register(tx, &registration)).await
    }

    async fn get(&self, id: SessionId) -> Result<Option<Session>, StoreUnavailable> {
        run!(self.read, (id), |tx| tx.session(id)).await
    }

    async fn list(&self, query: SessionQuery) -> Result<SessionPage, StoreUnavailable> {
        run!(self.read_moment, (query), |tx| page(tx, &query)).await
    }

    async fn count(&self, filter: SessionFilter) -> Result<u64, StoreUnavailable> {
        run!(self.read, (filter), |tx| tx.count_sessions(&filter)).await
    }

    async fn kill_switch_engaged(&self) -> Result<bool, StoreUnavailable> {
        run!(self.read, (), |tx| tx.kill_switch()).await
    }

    async fn is_within(&self, id: SessionId, top: SessionId) -> Result<bool, StoreUnavailable> {
        run!(self.read, (id, top), |tx| tx.is_within(id, top)).await
    }

    async fn observe(&self, observation: Observation) -> Result<ObservedSession, ObserveError> {
        run!(self.write, (observation), |tx| observe(tx, &observation)).await
    }

    async fn heartbeat(&self, id: SessionId, at: Timestamp) -> Result<Option<Heard>, StoreUnavailable> {
        run!(self.write, (id, at), |tx| heartbeat(tx, id, at)).await
    }

    async fn lose(&self, silence: Silence, limit: usize) -> Result<Vec<Session>, StoreUnavailable> {
        // Without a lock, so that a look that finds nobody holds up nobody.
        let asked = silence.clone();
        let mut suspects = run!(self.read, (asked, limit), |tx| tx.silent_sessions(&asked, limit)).await?;
        if suspects.is_empty() {
            return Ok(Vec::new());
        }
        suspects.sort_unstable();
        run!(self.write, (suspects, silence), |tx| lose(tx, &suspects, &silence)).await
    }
}
