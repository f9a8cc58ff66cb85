//! Rows: what stands in the tables, and how it becomes a value of the domain.
//!
//! A row holds what PostgreSQL gives, unchecked; `TryFrom` makes the value. A row that is no value is a [`BrokenRow`], which
//! names table, row and column, so that a person can look at it.
#![expect(clippy::ref_option_ref, reason = "what diesel derives for an insert borrows every field, options too")]

pub(crate) mod account;
pub(crate) mod api_key;
pub(crate) mod approval;
pub(crate) mod audit;
pub(crate) mod checkpoint;
pub(crate) mod command;
pub(crate) mod epoch;
pub(crate) mod feed;
pub(crate) mod idempotency;
pub(crate) mod login;
pub(crate) mod message;
pub(crate) mod operation;
pub(crate) mod session;

/// A row that is no value of the domain.
#[derive(Debug, thiserror::Error)]
#[error("{table}.{column} of row {row} does not make sense")]
pub(crate) struct BrokenRow {
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

/// Reads a column that may be empty.
fn maybe<T, U, E>(value: Option<T>, read: impl FnOnce(T) -> Result<U, E>) -> Result<Option<U>, E> {
    value.map(read).transpose()
}
