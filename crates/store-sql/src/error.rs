//! Why statements and their rows came to nothing.

use std::error::Error;

use diesel::result::{DatabaseErrorKind, Error as DieselError};
use flightdeck_domain::audit::HeadProblem;
use flightdeck_domain::ports::{AuditHeadError, AuditLogError, Hindrance, StoreUnavailable};

use crate::rows::BrokenRow;
use crate::rows::audit::Tampered;

/// Why an operation on rows came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum SqlError {
    /// The database did not run a statement.
    #[error("the database could not run a statement")]
    Statement(#[from] DieselError),
    /// A row is no value of the domain.
    #[error("a stored row is broken")]
    Row(#[from] BrokenRow),
    /// A row of the audit log is no entry.
    #[error(transparent)]
    Tampered(#[from] Tampered),
    /// The audit log has no head that an entry can follow.
    #[error("the audit log cannot be written on; see GET /audit/verify")]
    Headless(#[source] HeadProblem),
    /// A fault of a script: it would break the order of the locks.
    #[error("an event was told after the audit entry of its transaction")]
    Order,
    /// What a script does needs a transaction of its own, and it is done again in one.
    #[error("the work needs a transaction of its own")]
    Alone,
}

impl From<SqlError> for StoreUnavailable {
    fn from(cause: SqlError) -> Self {
        let hindrance = hindrance(&cause);
        Self::new(cause).hindered(hindrance)
    }
}

impl From<SqlError> for AuditLogError {
    /// Here a broken row is no breakdown but a finding.
    fn from(cause: SqlError) -> Self {
        match cause {
            SqlError::Tampered(Tampered { seq, broken }) => Self::Broken { seq, detail: broken.to_string() },
            cause => Self::Unavailable(cause.into()),
        }
    }
}

impl From<SqlError> for AuditHeadError {
    /// Here, too.
    fn from(cause: SqlError) -> Self {
        match cause {
            SqlError::Headless(problem) => Self::Broken(problem),
            cause => Self::Unavailable(cause.into()),
        }
    }
}

/// What keeps a database from writing. diesel has no kind of error for a full disk. SQLite has one text for each hindrance,
/// and PostgreSQL tells a full disk in the words of the system.
#[must_use]
pub fn hindrance(cause: &(dyn Error + 'static)) -> Hindrance {
    let mut next = Some(cause);
    while let Some(error) = next {
        if let Some(DieselError::DatabaseError(DatabaseErrorKind::ReadOnlyTransaction, _)) = error.downcast_ref() {
            return Hindrance::ReadOnly;
        }
        match error.to_string().as_str() {
            "attempt to write a readonly database" => return Hindrance::ReadOnly,
            "database or disk is full" => return Hindrance::DiskFull,
            text if text.contains("No space left on device") => return Hindrance::DiskFull,
            // The words of the library that looks for the primary among several servers.
            text if text.contains("database does not allow writes") => return Hindrance::ReadOnly,
            _ => next = error.source(),
        }
    }
    Hindrance::Other
}
