//! Rows: what stands in the tables, and how it becomes a value of the domain.
//!
//! A row holds what the database gives, unchecked; `TryFrom` makes the value. A row that is no value is a [`BrokenRow`], which
//! names table, row and column, so that a person can look at it.
//!
//! A row to be inserted says `treat_none_as_default_value = false`: without it diesel writes several rows to SQLite one by
//! one, in a transaction of its own, which fails inside of another.
#![expect(clippy::ref_option_ref, reason = "what diesel derives for an insert borrows every field, options too")]

/// A row that is read by the names of its columns, and what those are: a column that a newer replica adds must not reach
/// statements that are prepared without it.
macro_rules! row {
    ($(#[$meta:meta])* pub struct $name:ident {
        $(#[$first_meta:meta])* $first_vis:vis $first:ident: $first_type:ty,
        $($(#[$field_meta:meta])* $vis:vis $field:ident: $type:ty,)*
    }) => {
        #[derive(Debug, diesel::QueryableByName)]
        $(#[$meta])*
        pub struct $name {
            $(#[$first_meta])* $first_vis $first: $first_type,
            $($(#[$field_meta])* $vis $field: $type,)*
        }

        impl $name {
            /// Its columns.
            pub const COLUMNS: &str = concat!(stringify!($first), $(", ", stringify!($field)),*);
        }
    };
}

pub mod account;
pub mod api_key;
pub mod approval;
pub mod audit;
pub mod change_report;
pub mod checkpoint;
pub mod command;
pub mod epoch;
pub mod feed;
pub mod fleet;
pub mod idempotency;
pub mod login;
pub mod message;
pub mod number;
pub mod operation;
pub mod page;
pub mod provider_config;
pub mod retention;
pub mod runner;
pub mod session;
pub mod sink;
pub mod survey;
pub mod usage_day;

use crate::values::{Id, NoId};

/// A row that is no value of the domain.
#[derive(Debug, thiserror::Error)]
#[error("{table}.{column} of row {row} does not make sense")]
pub struct BrokenRow {
    table: &'static str,
    column: &'static str,
    row: String,
    #[source]
    cause: Cause,
}

type Cause = Box<dyn std::error::Error + Send + Sync>;

/// A column that does not make sense, before it is said of which row.
#[derive(Debug)]
struct Fault {
    column: &'static str,
    cause: Cause,
}

impl Fault {
    fn of(self, table: &'static str, row: String) -> BrokenRow {
        BrokenRow { table, column: self.column, row, cause: self.cause }
    }
}

/// Says of which column a value was.
trait Column<T> {
    fn column(self, name: &'static str) -> Result<T, Fault>;
}

impl<T, E: Into<Cause>> Column<T> for Result<T, E> {
    fn column(self, name: &'static str) -> Result<T, Fault> {
        self.map_err(|cause| Fault { column: name, cause: cause.into() })
    }
}

/// Reads an id out of a row that has no type here.
pub fn read_id<T: TryFrom<Id, Error = NoId>>(
    id: Id,
    table: &'static str,
    column: &'static str,
) -> Result<T, BrokenRow> {
    id.try_into().column(column).map_err(|fault| fault.of(table, id.to_string()))
}

/// Reads a column that may be empty.
fn maybe<T, U, E>(value: Option<T>, read: impl FnOnce(T) -> Result<U, E>) -> Result<Option<U>, E> {
    value.map(read).transpose()
}
