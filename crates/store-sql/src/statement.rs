//! Statements that are written as text, with a `?` for each value.
//!
//! diesel prepares an `UPDATE`, and everything with a piece of SQL in it, anew for each call. On the path of every append
//! that costs SQLite more than the statement itself, and PostgreSQL one more round trip. So what is run often is
//! [`Prepared`], which diesel keeps in its cache of statements under its text.

use std::borrow::Cow;

use diesel::QueryResult;
use diesel::backend::Backend;
use diesel::pg::Pg;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::query_dsl::RunQueryDsl;
use diesel::result::Error;
use diesel::sql_types::{Array, BigInt, Binary, Nullable, Text, Untyped};
use diesel::sqlite::Sqlite;
use flightdeck_domain::mission_set::MissionSet;

use crate::types;
use crate::values::{Id, Key};

/// What can be the value of a `?` in a database.
pub trait Push<DB: Backend> {
    /// Adds the value to a statement.
    fn push<'b>(&'b self, out: &mut AstPass<'_, 'b, DB>) -> QueryResult<()>;
}

/// A value for one `?`.
#[derive(Clone, Copy, Debug)]
pub enum Bind<'a> {
    /// A hash or a signature.
    Bytes(&'a [u8]),
    /// An id.
    Id(Id),
    /// Any number of ids, for [`crate::words::Words::in_list`].
    Ids(&'a Ids),
    /// A count, a place or a moment.
    Integer(i64),
    /// The same, or nothing.
    MaybeInteger(Option<i64>),
    /// A text or a word.
    Text(&'a str),
    /// The same, or nothing.
    MaybeText(Option<&'a str>),
}

macro_rules! push {
    ($($database:ty: $ids:ident),+) => {$(
        impl Push<$database> for Bind<'_> {
            fn push<'b>(&'b self, out: &mut AstPass<'_, 'b, $database>) -> QueryResult<()> {
                match self {
                    Self::Bytes(value) => out.push_bind_param::<Binary, [u8]>(value),
                    Self::Id(value) => out.push_bind_param::<types::Id, Id>(value),
                    Self::Ids(value) => value.$ids(out),
                    Self::Integer(value) => out.push_bind_param::<BigInt, i64>(value),
                    Self::MaybeInteger(value) => out.push_bind_param::<Nullable<BigInt>, Option<i64>>(value),
                    Self::Text(value) => out.push_bind_param::<Text, str>(value),
                    Self::MaybeText(value) => out.push_bind_param::<Nullable<Text>, Option<&str>>(value),
                }
            }
        }
    )+};
}

push!(Sqlite: push_text, Pg: push_array);

/// Any number of ids, as one value.
#[derive(Debug)]
pub struct Ids {
    ids: Vec<Id>,
    /// SQLite has no arrays: a JSON list of hexadecimal digits.
    text: String,
}

impl Ids {
    /// The ids, in their order.
    pub fn of<'i, T: Key + 'i>(ids: impl IntoIterator<Item = &'i T>) -> Self {
        let ids: Vec<Id> = ids.into_iter().map(Key::key).collect();
        let digits: Vec<String> = ids.iter().map(|id| format!("\"{}\"", id.digits())).collect();
        Self { ids, text: format!("[{}]", digits.join(",")) }
    }

    fn push_text<'b>(&'b self, out: &mut AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        out.push_bind_param::<Text, String>(&self.text)
    }

    fn push_array<'b>(&'b self, out: &mut AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_bind_param::<Array<types::Id>, Vec<Id>>(&self.ids)
    }
}

/// A statement that stays prepared.
#[derive(Clone, Debug)]
pub struct Prepared<B, const N: usize> {
    sql: Cow<'static, str>,
    binds: [B; N],
}

impl<'a, const N: usize> Prepared<Bind<'a>, N> {
    /// One with its values, in the order of the `?` in it. Its text must be one of a few, for each stays on every
    /// connection.
    #[must_use]
    pub fn new(sql: impl Into<Cow<'static, str>>, binds: [Bind<'a>; N]) -> Self {
        Self::with(sql, binds)
    }
}

impl<B, const N: usize> Prepared<B, N> {
    /// The same, with values that only one database knows.
    #[must_use]
    pub fn with(sql: impl Into<Cow<'static, str>>, binds: [B; N]) -> Self {
        Self { sql: sql.into(), binds }
    }
}

/// A statement that is put together piece by piece, and is prepared for one call alone.
#[derive(Clone, Debug)]
pub struct Statement<'a> {
    sql: String,
    binds: Vec<Bind<'a>>,
}

impl<'a> Statement<'a> {
    /// Its first piece.
    #[must_use]
    pub fn begin(sql: impl Into<String>) -> Self {
        Self { sql: sql.into(), binds: Vec::new() }
    }

    /// Goes on with a piece of SQL.
    #[must_use]
    pub fn sql(mut self, more: &str) -> Self {
        self.sql.push_str(more);
        self
    }

    /// Gives the value of the next `?`.
    #[must_use]
    pub fn bind(mut self, value: Bind<'a>) -> Self {
        self.binds.push(value);
        self
    }
}

impl<'a> Statement<'a> {
    /// Wants a column to be one of these missions, if there are any.
    #[must_use]
    pub fn of_missions(self, column: &str, missions: Option<&'a MissionSet>) -> Self {
        match missions {
            Some(missions) => self.sql(" AND ").one_of(column, missions),
            None => self,
        }
    }

    /// A column is one of these missions.
    #[must_use]
    pub fn one_of(self, column: &str, missions: &'a MissionSet) -> Self {
        let places = vec!["?"; missions.iter().len()].join(", ");
        let wanted = self.sql(&format!("{column} IN ({places})"));
        missions.iter().fold(wanted, |wanted, mission| wanted.bind(Bind::Text(mission.as_str())))
    }

    /// A column is the id of a session of one of these missions. It is asked for each row of a page, which is short; the
    /// sessions of the missions may be many.
    #[must_use]
    pub fn session_of(self, column: &str, missions: &'a MissionSet) -> Self {
        let wanted = self.sql(&format!("EXISTS (SELECT 1 FROM sessions WHERE sessions.id = {column} AND "));
        wanted.one_of("sessions.mission_id", missions).sql(")")
    }
}

fn walk<'b, DB: Backend, B: Push<DB>>(sql: &'b str, binds: &'b [B], mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
    let mut binds = binds.iter();
    for (index, part) in sql.split('?').enumerate() {
        if index > 0 {
            let bind = binds.next().ok_or_else(|| Error::QueryBuilderError("too few values".into()))?;
            bind.push(&mut out)?;
        }
        out.push_sql(part);
    }
    Ok(())
}

impl<DB: Backend, B: Push<DB>, const N: usize> QueryFragment<DB> for Prepared<B, N> {
    fn walk_ast<'b>(&'b self, out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        walk(&self.sql, &self.binds, out)
    }
}

impl<'a, DB: Backend> QueryFragment<DB> for Statement<'a>
where
    Bind<'a>: Push<DB>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        out.unsafe_to_cache_prepared();
        walk(&self.sql, &self.binds, out)
    }
}

impl<B, const N: usize> QueryId for Prepared<B, N> {
    type QueryId = ();

    const HAS_STATIC_QUERY_ID: bool = false;
}

impl QueryId for Statement<'_> {
    type QueryId = ();

    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<B, const N: usize> Query for Prepared<B, N> {
    type SqlType = Untyped;
}

impl Query for Statement<'_> {
    type SqlType = Untyped;
}

impl<Conn, B, const N: usize> RunQueryDsl<Conn> for Prepared<B, N> {}

impl<Conn> RunQueryDsl<Conn> for Statement<'_> {}
