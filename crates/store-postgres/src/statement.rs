//! SQL that is prepared once.
//!
//! diesel prepares an `UPDATE`, and everything with a piece of SQL in it, anew for each call: one more round trip to the
//! server, and the work of planning. So statements are written as text and go through [`Statement`], which diesel keeps in
//! its cache of statements under their text.

use std::borrow::Cow;

use diesel::QueryResult;
use diesel::pg::Pg;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{Array, BigInt, Binary, Nullable, Text, Untyped, Uuid as SqlUuid};
use uuid::Uuid;

/// A value for one `?`.
#[derive(Clone, Debug)]
pub(crate) enum Bind<'a> {
    Bytes(&'a [u8]),
    Integer(i64),
    MaybeInteger(Option<i64>),
    Text(&'a str),
    MaybeText(Option<&'a str>),
    Uuid(&'a Uuid),
    /// The lists stand for one column each; `unnest` makes rows of several of the same length.
    Integers(Vec<i64>),
    Texts(Vec<Cow<'a, str>>),
    Uuids(Vec<Uuid>),
    MaybeUuids(Vec<Option<Uuid>>),
}

/// One statement with its values, in the order of the `?` in it.
#[derive(Clone, Debug)]
pub(crate) struct Statement<'a> {
    sql: Cow<'static, str>,
    binds: Vec<Bind<'a>>,
    kept: bool,
}

impl<'a> Statement<'a> {
    /// One that stays prepared. Its text must be one of a few, for each stays on every connection.
    pub(crate) fn new<const N: usize>(sql: impl Into<Cow<'static, str>>, binds: [Bind<'a>; N]) -> Self {
        Self { sql: sql.into(), binds: binds.into(), kept: true }
    }

    /// One that is put together piece by piece, and prepared for this call alone.
    pub(crate) fn begin(sql: impl Into<Cow<'static, str>>) -> Self {
        Self { sql: sql.into(), binds: Vec::new(), kept: false }
    }

    /// Goes on with a piece of SQL.
    pub(crate) fn sql(mut self, more: &str) -> Self {
        self.sql.to_mut().push_str(more);
        self
    }

    /// Gives the value of the next `?`.
    pub(crate) fn bind(mut self, value: Bind<'a>) -> Self {
        self.binds.push(value);
        self
    }
}

impl QueryFragment<Pg> for Statement<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        if !self.kept {
            out.unsafe_to_cache_prepared();
        }
        let mut binds = self.binds.iter();
        for (index, part) in self.sql.split('?').enumerate() {
            if index > 0 {
                let Some(bind) = binds.next() else {
                    return Err(diesel::result::Error::QueryBuilderError("too few values".into()));
                };
                push(bind, &mut out)?;
            }
            out.push_sql(part);
        }
        Ok(())
    }
}

fn push<'b>(bind: &'b Bind<'_>, out: &mut AstPass<'_, 'b, Pg>) -> QueryResult<()> {
    match bind {
        Bind::Bytes(value) => out.push_bind_param::<Binary, [u8]>(value),
        Bind::Integer(value) => out.push_bind_param::<BigInt, i64>(value),
        Bind::MaybeInteger(value) => out.push_bind_param::<Nullable<BigInt>, Option<i64>>(value),
        Bind::Text(value) => out.push_bind_param::<Text, str>(value),
        Bind::MaybeText(value) => out.push_bind_param::<Nullable<Text>, Option<&str>>(value),
        Bind::Uuid(value) => out.push_bind_param::<SqlUuid, Uuid>(value),
        Bind::Integers(values) => out.push_bind_param::<Array<BigInt>, [i64]>(values),
        Bind::Texts(values) => out.push_bind_param::<Array<Text>, [Cow<'_, str>]>(values),
        Bind::Uuids(values) => out.push_bind_param::<Array<SqlUuid>, [Uuid]>(values),
        Bind::MaybeUuids(values) => out.push_bind_param::<Array<Nullable<SqlUuid>>, [Option<Uuid>]>(values),
    }
}

impl QueryId for Statement<'_> {
    type QueryId = ();

    const HAS_STATIC_QUERY_ID: bool = false;
}

impl Query for Statement<'_> {
    type SqlType = Untyped;
}
