//! A connection on which statements may be under way side by side.
//!
//! What is sent while an earlier statement has no answer yet goes out at once, and PostgreSQL works on it in turn: so the
//! members of a group, which share a connection, wait for the network together.

use std::sync::Arc;

use diesel_async::{AsyncPgConnection, RunQueryDsl};
use flightdeck_domain::session::Session;
use flightdeck_store_sql::connection::{Connection, Row, Select, Sql};
use flightdeck_store_sql::error::SqlError;
use flightdeck_store_sql::rows::session::{NewSharedSessionRow, SharedHeadRow, SharedSessionRow};
use flightdeck_store_sql::schema::sessions;
use flightdeck_store_sql::words::Words;

use crate::database::Leased;
use crate::error::is_read_only;
use crate::group::Seat;

/// A handle to a connection.
pub struct Line {
    held: Arc<Held>,
    /// Whose handle it is, when several share the connection.
    seat: Option<Seat>,
}

/// Where a connection comes from.
enum Held {
    Pooled(Box<Leased>),
    Own(Box<AsyncPgConnection>),
}

impl Line {
    /// A connection of the pool.
    pub(crate) fn pooled(connection: Leased) -> Self {
        Self { held: Arc::new(Held::Pooled(Box::new(connection))), seat: None }
    }

    /// A connection of its own.
    pub(crate) fn own(connection: AsyncPgConnection) -> Self {
        Self { held: Arc::new(Held::Own(Box::new(connection))), seat: None }
    }

    /// The same connection for a member of a group.
    pub(crate) fn seated(&self, seat: Seat) -> Self {
        Self { held: Arc::clone(&self.held), seat: Some(seat) }
    }

    /// The same connection, for statements of the group itself.
    pub(crate) fn another(&self) -> Self {
        Self { held: Arc::clone(&self.held), seat: None }
    }

    /// Whose handle it is, when several share the connection.
    pub(crate) const fn seat(&self) -> Option<&Seat> {
        self.seat.as_ref()
    }

    /// For statements, of which several may be under way.
    pub(crate) fn pg(&self) -> &AsyncPgConnection {
        match &*self.held {
            Held::Pooled(connection) => connection,
            Held::Own(connection) => connection,
        }
    }

    /// For the beginning and the end of a transaction; `None` while somebody else has a handle.
    pub(crate) fn alone(&mut self) -> Option<&mut AsyncPgConnection> {
        match Arc::get_mut(&mut self.held)? {
            Held::Pooled(connection) => Some(&mut *connection),
            Held::Own(connection) => Some(&mut *connection),
        }
    }

    /// Whoever gets an error of a write says so here: a connection to a server that does not allow writes is of no more use.
    pub(crate) fn note(&self, error: &(dyn std::error::Error + 'static)) {
        if let (true, Held::Pooled(connection)) = (is_read_only(error), &*self.held) {
            connection.retire();
        }
    }

    /// Sees to it that what a member wrote so far is in the database, before a statement of its own.
    pub(crate) async fn ready(&self) -> Result<(), SqlError> {
        match &self.seat {
            Some(seat) => seat.flush().await,
            None => Ok(()),
        }
    }
}

impl Connection for Line {
    const WORDS: Words = Words::Postgres;

    type Head = SharedHeadRow;

    type Whole = SharedSessionRow;

    const HEAD: &str = "id, parent_id, root_id, status, desired_status, last_seq, last_command_seq, revision, spawned_at, \
         started_at, completed_at, last_seen_at, provider, provider_session_id, replica, mission_id, task_id, \
         task_source, agent_type, status_reason, gate_profile, lost_from";

    const REST: &str = "context, metadata, provider_config, provider_revision";

    const HEAD_HAS_PAST: bool = true;

    async fn run(&mut self, statement: impl Sql) -> Result<usize, SqlError> {
        self.ready().await?;
        if let Some(seat) = &self.seat {
            seat.wrote();
        }
        Ok(RunQueryDsl::execute(statement, &mut self.pg()).await?)
    }

    async fn load<R: Row>(&mut self, statement: impl Select) -> Result<Vec<R>, SqlError> {
        self.ready().await?;
        Ok(RunQueryDsl::load(statement, &mut self.pg()).await?)
    }

    async fn insert_session(&mut self, session: &Session) -> Result<usize, SqlError> {
        let row = NewSharedSessionRow::from(session);
        self.run(diesel::insert_into(sessions::table).values(&row).on_conflict_do_nothing()).await
    }
}

impl std::fmt::Debug for Line {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Line").finish_non_exhaustive()
    }
}
