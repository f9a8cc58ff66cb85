//! SQL that is prepared once.
//!
//! diesel prepares an `UPDATE`, and everything with a piece of SQL in it, anew for each call. On the path of every append
//! that costs more than the statement itself, so those few are written as text and go through [`Prepared`], which diesel
//! keeps in its cache of statements under their text.
//!
//! SQLite has a trap of its own: it looks at the value of a `LIMIT ?` when it plans, and so plans anew whenever a value is
//! bound. `LIMIT CAST(? AS INTEGER)` is planned once. For the same reason nothing here uses diesel's `first`, which is a
//! `LIMIT ?`.

use diesel::QueryResult;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::query_dsl::RunQueryDsl;
use diesel::sql_types::{BigInt, Binary, Nullable, Text, Untyped};
use diesel::sqlite::Sqlite;

/// A value for one `?`.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Bind<'a> {
    Blob(&'a [u8]),
    Integer(i64),
    MaybeInteger(Option<i64>),
    Text(&'a str),
    MaybeText(Option<&'a str>),
}

/// One statement with its values, in the order of the `?` in it.
#[derive(Debug)]
pub(crate) struct Prepared<'a, const N: usize> {
    sql: &'static str,
    binds: [Bind<'a>; N],
}

impl<'a, const N: usize> Prepared<'a, N> {
    /// The text must be the same for every call from one place: it is the key of the cache.
    pub(crate) const fn new(sql: &'static str, binds: [Bind<'a>; N]) -> Self {
        Self { sql, binds }
    }
}

impl<const N: usize> QueryFragment<Sqlite> for Prepared<'_, N> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        let mut binds = self.binds.iter();
        for (index, part) in self.sql.split('?').enumerate() {
            if index > 0 {
                match binds.next() {
                    Some(Bind::Blob(value)) => out.push_bind_param::<Binary, [u8]>(value)?,
                    Some(Bind::Integer(value)) => out.push_bind_param::<BigInt, i64>(value)?,
                    Some(Bind::MaybeInteger(value)) => out.push_bind_param::<Nullable<BigInt>, Option<i64>>(value)?,
                    Some(Bind::Text(value)) => out.push_bind_param::<Text, str>(value)?,
                    Some(Bind::MaybeText(value)) => out.push_bind_param::<Nullable<Text>, Option<&str>>(value)?,
                    None => return Err(diesel::result::Error::QueryBuilderError("too few values".into())),
                }
            }
            out.push_sql(part);
        }
        Ok(())
    }
}

impl<const N: usize> QueryId for Prepared<'_, N> {
    type QueryId = ();

    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<const N: usize> Query for Prepared<'_, N> {
    type SqlType = Untyped;
}

impl<Conn, const N: usize> RunQueryDsl<Conn> for Prepared<'_, N> {}
