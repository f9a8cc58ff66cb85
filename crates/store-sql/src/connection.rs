//! Connections that run the statements of this crate.
//!
//! A statement is written once. Where the databases differ in words it asks [`Words`]; where they differ in kind, the
//! store says how, by its [`crate::tx::Dialect`].

use diesel::deserialize::QueryableByName;
use diesel::pg::Pg;
use diesel::query_builder::{Query, QueryFragment, QueryId};
use diesel::query_dsl::RunQueryDsl;
use diesel::sql_types::Untyped;
use diesel::sqlite::{Sqlite, SqliteConnection};
use flightdeck_domain::session::Session;

use crate::error::SqlError;
use crate::rows::BrokenRow;
use crate::rows::number::Number;
use crate::words::Words;

/// A row that both databases give.
pub trait Row: QueryableByName<Sqlite> + QueryableByName<Pg> + Send + 'static {}

impl<T: QueryableByName<Sqlite> + QueryableByName<Pg> + Send + 'static> Row for T {}

/// A statement that both databases understand.
pub trait Sql: QueryFragment<Sqlite> + QueryFragment<Pg> + QueryId + Send {}

impl<T: QueryFragment<Sqlite> + QueryFragment<Pg> + QueryId + Send> Sql for T {}

/// A statement that gives rows, by the names of their columns.
pub trait Select: Sql + Query<SqlType = Untyped> + RunQueryDsl<SqliteConnection> {}

impl<T: Sql + Query<SqlType = Untyped> + RunQueryDsl<SqliteConnection>> Select for T {}

/// A connection to one of the databases.
pub trait Connection: Send {
    /// Which it is.
    const WORDS: Words;

    /// A session of it without the columns that can be long.
    type Head: Row + TryInto<Session, Error = BrokenRow>;

    /// A whole session of it.
    type Whole: Row + TryInto<Session, Error = BrokenRow>;

    /// The columns of a [`Connection::Head`].
    const HEAD: &str;

    /// The other columns of a [`Connection::Whole`].
    const REST: &str;

    /// Whether a [`Connection::Head`] tells what a lost session was before.
    const HEAD_HAS_PAST: bool;

    /// Runs a statement, and gives the number of rows that it changed.
    fn run(&mut self, statement: impl Sql) -> impl Future<Output = Result<usize, SqlError>> + Send;

    /// Loads rows.
    fn load<R: Row>(&mut self, statement: impl Select) -> impl Future<Output = Result<Vec<R>, SqlError>> + Send;

    /// Inserts a session, and gives the number of rows: none where there is one under its id.
    fn insert_session(&mut self, session: &Session) -> impl Future<Output = Result<usize, SqlError>> + Send;

    /// The values of all rows.
    fn values<R, T>(&mut self, statement: impl Select) -> impl Future<Output = Result<Vec<T>, SqlError>> + Send
    where
        R: Row + TryInto<T, Error = BrokenRow>,
        T: Send,
    {
        async move {
            let rows = self.load::<R>(statement).await?;
            Ok(rows.into_iter().map(R::try_into).collect::<Result<_, _>>()?)
        }
    }

    /// The value of the first row.
    fn value<R, T>(&mut self, statement: impl Select) -> impl Future<Output = Result<Option<T>, SqlError>> + Send
    where
        R: Row + TryInto<T, Error = BrokenRow>,
        T: Send,
    {
        async move {
            let row = self.load::<R>(statement).await?.into_iter().next();
            Ok(row.map(R::try_into).transpose()?)
        }
    }

    /// The one row of a statement that always gives one.
    fn only<R: Row>(&mut self, statement: impl Select) -> impl Future<Output = Result<R, SqlError>> + Send {
        async move {
            let row = self.load::<R>(statement).await?.into_iter().next();
            Ok(row.ok_or(diesel::result::Error::NotFound)?)
        }
    }

    /// The one count `n` that a statement gives.
    fn count(&mut self, statement: impl Select) -> impl Future<Output = Result<u64, SqlError>> + Send {
        async move { Ok(self.only::<Number>(statement).await?.count()) }
    }
}

mod sqlite {
    //! It blocks, and its futures never wait.

    use diesel::query_dsl::RunQueryDsl;
    use diesel::query_dsl::methods::ExecuteDsl;
    use diesel::sqlite::SqliteConnection;
    use flightdeck_domain::session::Session;

    use super::{Connection, Row, Select, Sql};
    use crate::error::SqlError;
    use crate::rows::session::{NewSessionRow, SessionHeadRow, SessionRow};
    use crate::schema::sessions;
    use crate::words::Words;

    impl Connection for SqliteConnection {
        const WORDS: Words = Words::Sqlite;

        type Head = SessionHeadRow;

        type Whole = SessionRow;

        const HEAD: &str = "id, parent_id, root_id, status, desired_status, last_seq, last_command_seq, revision, spawned_at, \
             started_at, completed_at, last_seen_at, provider, provider_session_id, mission_id, task_id, task_source, \
             agent_type, status_reason, gate_profile";

        const REST: &str = "context, metadata, lost_from, provider_config, provider_revision";

        const HEAD_HAS_PAST: bool = false;

        async fn run(&mut self, statement: impl Sql) -> Result<usize, SqlError> {
            Ok(ExecuteDsl::<Self>::execute(statement, self)?)
        }

        async fn load<R: Row>(&mut self, statement: impl Select) -> Result<Vec<R>, SqlError> {
            Ok(RunQueryDsl::load(statement, self)?)
        }

        async fn insert_session(&mut self, session: &Session) -> Result<usize, SqlError> {
            let row = NewSessionRow::from(session);
            self.run(diesel::insert_into(sessions::table).values(&row).on_conflict_do_nothing()).await
        }
    }
}
