//! Types of columns that each database has its own kind of.

use diesel::query_builder::QueryId;
use diesel::sql_types::SqlType;

/// An id: a blob of 16 bytes in SQLite, a `uuid` in PostgreSQL. In Rust it is a [`crate::values::Id`].
// By numbers, not by name: for a name diesel would ask the server.
#[derive(Clone, Copy, Debug, Default, QueryId, SqlType)]
#[diesel(sqlite_type(name = "Binary"))]
#[diesel(postgres_type(oid = 2950, array_oid = 2951))]
pub struct Id;

/// Yes or no: 1 or 0 in SQLite, a `boolean` in PostgreSQL. In Rust it is a [`crate::values::Flag`].
#[derive(Clone, Copy, Debug, Default, QueryId, SqlType)]
#[diesel(sqlite_type(name = "Long"))]
#[diesel(postgres_type(oid = 16, array_oid = 1000))]
pub struct Flag;
