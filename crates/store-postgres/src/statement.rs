//! Values that are lists: one statement for any number of rows.

use std::borrow::Cow;

use diesel::QueryResult;
use diesel::pg::Pg;
use diesel::query_builder::AstPass;
use diesel::sql_types::{Array, BigInt, Nullable, Text};
use flightdeck_store_sql::statement::{Bind, Push};
use flightdeck_store_sql::types;
use flightdeck_store_sql::values::Id;

/// A value for one `?` of a statement with lists. A list stands for one column; `unnest` makes rows of several of the same
/// length.
#[derive(Clone, Debug)]
pub(crate) enum Column<'a> {
    One(Bind<'a>),
    Ids(Vec<Id>),
    MaybeIds(Vec<Option<Id>>),
    Integers(Vec<i64>),
    MaybeIntegers(Vec<Option<i64>>),
    Texts(Vec<Cow<'a, str>>),
    MaybeTexts(Vec<Option<Cow<'a, str>>>),
}

impl Push<Pg> for Column<'_> {
    fn push<'b>(&'b self, out: &mut AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        match self {
            Self::One(value) => value.push(out),
            Self::Ids(values) => out.push_bind_param::<Array<types::Id>, [Id]>(values),
            Self::MaybeIds(values) => out.push_bind_param::<Array<Nullable<types::Id>>, [Option<Id>]>(values),
            Self::Integers(values) => out.push_bind_param::<Array<BigInt>, [i64]>(values),
            Self::MaybeIntegers(values) => out.push_bind_param::<Array<Nullable<BigInt>>, [Option<i64>]>(values),
            Self::Texts(values) => out.push_bind_param::<Array<Text>, [Cow<'_, str>]>(values),
            Self::MaybeTexts(values) => out.push_bind_param::<Array<Nullable<Text>>, [Option<Cow<'_, str>>]>(values),
        }
    }
}
