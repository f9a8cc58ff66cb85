//! What can go wrong, for whoever opens the store and for the log.

use std::path::PathBuf;
use std::sync::Arc;

use diesel::result::{DatabaseErrorInformation, DatabaseErrorKind, Error as DieselError};
use flightdeck_domain::ports::{AppendError, AuditHeadError, AuditLogError, StoreUnavailable};
use flightdeck_store_sql::error::{SqlError, hindrance};
use flightdeck_store_sql::rows::BrokenRow;
use tokio::task::JoinError;

/// Why the store was not opened. No text of it holds the password.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The URL makes no sense.
    #[error("the database's URL cannot be used: {why}")]
    Url {
        /// What is wrong with it.
        why: String,
    },
    /// The file that `sslrootcert` names is of no use.
    #[error("the certificates in {} cannot be used: {why}", path.display())]
    RootCertificate {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// Encryption cannot be set up.
    #[error("TLS cannot be set up")]
    Tls {
        /// What the library says.
        #[source]
        source: rustls::Error,
    },
    /// The server cannot be reached, or does not let us in.
    #[error("no connection to PostgreSQL at {database}; check that it runs and that this user may connect")]
    Connect {
        /// Where it should be.
        database: String,
        /// What went wrong.
        #[source]
        source: diesel::ConnectionError,
    },
    /// A newer version of this program has worked on the database.
    #[error(
        "{database} was made by a newer version of this program (migration {newest}); start that version, or restore a backup"
    )]
    Newer {
        /// The database.
        database: String,
        /// The newest migration that is unknown here.
        newest: String,
    },
    /// The tables could not be brought up to date. The database is as it was.
    #[error("the database {database} could not be brought up to date")]
    Migration {
        /// The database.
        database: String,
        /// What went wrong.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// An older version of this program has worked on the database, and it is only to be read.
    #[error("{database} is not up to date; run `flightdeck migrate` on it first")]
    Outdated {
        /// The database.
        database: String,
        /// What is missing.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// PostgreSQL did not let the database be used as a whole.
    #[error("{database} cannot be locked for the copy; stop every server on it")]
    Locked {
        /// The database.
        database: String,
        /// What PostgreSQL says.
        #[source]
        source: diesel::result::Error,
    },
    /// The primary does not say how far it is.
    #[error("{database} does not say how far its log is")]
    Standbys {
        /// The database.
        database: String,
        /// What went wrong.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The runtime that the store is to work on has ended.
    #[error("the runtime has ended")]
    Runtime,
}

/// Why the store could not do its work: the cause inside [`StoreUnavailable`].
#[derive(Debug, thiserror::Error)]
pub(crate) enum StoreError {
    #[error(transparent)]
    Sql(#[from] SqlError),
    #[error("no connection to PostgreSQL was to be had: {0}")]
    NoConnection(String),
    #[error("every connection was in use for too long")]
    Busy,
    #[error("the appends of this moment could not be committed")]
    Group(#[source] Arc<StoreError>),
    /// Never told to a caller: the group is done again with all facts.
    #[error("a message of the group is in its conversation already")]
    Repeated,
    /// Never told to a caller: each member of the group is done by itself.
    #[error("a group of writes cannot be kept")]
    Spoilt,
    /// As a script saw it.
    #[error(transparent)]
    Script(#[from] StoreUnavailable),
    #[error("a panic stopped the work: {0}")]
    Panic(String),
    #[error("a migration is not applied: {0}")]
    NotMigrated(String),
    #[error("the store's task panicked with the work in hand; it may have been done, or not")]
    Broken,
    #[error("the store is closed")]
    Closed,
}

impl StoreError {
    /// What of this store lies behind an error.
    pub(crate) fn within<'e>(error: &'e (dyn std::error::Error + 'static)) -> Option<&'e Self> {
        let mut cause = Some(error);
        while let Some(error) = cause {
            match error.downcast_ref::<Self>() {
                Some(Self::Script(unavailable)) => cause = Some(unavailable),
                Some(found) => return Some(found),
                None => cause = error.source(),
            }
        }
        None
    }

    /// Whether each member of a group that failed by it fails as well.
    pub(crate) fn nobody_fares_better_alone(cause: &Self) -> bool {
        is_lost(cause) || matches!(Self::within(cause), Some(Self::NoConnection(_) | Self::Busy))
    }

    /// Why a task gave no result.
    pub(crate) fn stopped(stopped: JoinError) -> Self {
        let Ok(panic) = stopped.try_into_panic() else { return Self::Closed };
        let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let text = text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no text".to_owned());
        tracing::error!(panic = text, "work on the store panicked");
        Self::Panic(text)
    }
}

/// What PostgreSQL, or the way to it, had against a statement.
pub(crate) fn refusal<'e>(error: &'e (dyn std::error::Error + 'static)) -> Option<&'e DieselError> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        match error.downcast_ref() {
            Some(found) => return Some(found),
            None => cause = error.source(),
        }
    }
    None
}

/// Whether the connection is gone, and with it whatever was asked of it.
pub(crate) fn is_lost(error: &(dyn std::error::Error + 'static)) -> bool {
    match refusal(error) {
        Some(DieselError::BrokenTransactionManager) => true,
        Some(DieselError::DatabaseError(kind, _)) => {
            matches!(kind, DatabaseErrorKind::UnableToSendCommand | DatabaseErrorKind::ClosedConnection)
        }
        _ => false,
    }
}

/// Whether the server allows no writes, as a standby does.
pub(crate) fn is_read_only(error: &(dyn std::error::Error + 'static)) -> bool {
    matches!(refusal(error), Some(DieselError::DatabaseError(DatabaseErrorKind::ReadOnlyTransaction, _)))
}

/// Whether PostgreSQL broke a transaction off, and it can be done again from its beginning.
pub(crate) fn is_worth_another_try(error: &(dyn std::error::Error + 'static)) -> bool {
    match refusal(error) {
        Some(DieselError::DatabaseError(DatabaseErrorKind::SerializationFailure, _)) => true,
        Some(DieselError::DatabaseError(DatabaseErrorKind::Unknown, information)) => {
            is_deadlock(&**information) || is_foreign_statement(&**information)
        }
        _ => false,
    }
}

/// The error's code does not come through, and its message is in the server's language. But the details of a deadlock
/// name at least two locks, one a line, and the names of locks are the same in all languages.
fn is_deadlock(information: &(dyn DatabaseErrorInformation + Send + Sync)) -> bool {
    let lines = information.details().unwrap_or_default().lines();
    lines.filter(|line| line.contains("Lock")).count() >= 2
}

/// Behind a pooler, a prepared statement of somebody else may stand where ours should: they are all called `s` and a
/// number, and the message has that name in any language.
fn is_foreign_statement(information: &(dyn DatabaseErrorInformation + Send + Sync)) -> bool {
    let mut named = information.message().split('"').skip(1).step_by(2);
    named.any(|name| name.strip_prefix('s').is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit())))
}

impl From<StoreError> for StoreUnavailable {
    fn from(cause: StoreError) -> Self {
        let hindrance = hindrance(&cause);
        Self::new(cause).hindered(hindrance)
    }
}

impl From<DieselError> for StoreError {
    fn from(cause: DieselError) -> Self {
        Self::Sql(cause.into())
    }
}

impl From<BrokenRow> for StoreError {
    fn from(cause: BrokenRow) -> Self {
        Self::Sql(cause.into())
    }
}

impl From<StoreError> for AuditLogError {
    fn from(cause: StoreError) -> Self {
        match cause {
            StoreError::Sql(cause) => cause.into(),
            cause => Self::Unavailable(cause.into()),
        }
    }
}

impl From<StoreError> for AuditHeadError {
    fn from(cause: StoreError) -> Self {
        match cause {
            StoreError::Sql(cause) => cause.into(),
            cause => Self::Unavailable(cause.into()),
        }
    }
}

impl From<StoreError> for AppendError {
    fn from(cause: StoreError) -> Self {
        Self::Unavailable(cause.into())
    }
}
