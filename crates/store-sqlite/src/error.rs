//! What can go wrong, for whoever opens the store and for the log.

use std::path::PathBuf;
use std::sync::Arc;

use flightdeck_domain::ports::{AppendError, AuditHeadError, AuditLogError, StoreUnavailable};
use flightdeck_store_sql::error::{SqlError, hindrance};

/// Why the store was not opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// SQLite takes paths as text.
    #[error("the path {} is not valid UTF-8", path.display())]
    PathNotText {
        /// The path.
        path: PathBuf,
    },
    /// The file cannot be made or written.
    #[error("{} cannot be written; check that the folder exists and that this user may write there", path.display())]
    NotWritable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
    /// The file is not there, or is not ours to read.
    #[error("{} cannot be read", path.display())]
    NotReadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
    /// The file is something else.
    #[error("{} is not an SQLite database; name another file", path.display())]
    NotADatabase {
        /// The file.
        path: PathBuf,
    },
    /// A newer version of this program has worked on the database.
    #[error("{} was made by a newer version of this program (migration {newest}); start that version, or restore a backup", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// The newest migration that is unknown here.
        newest: String,
    },
    /// The SQLite in this program has faults that this store cannot live with.
    #[error("SQLite {found} is too old; at least {wanted} is needed")]
    SqliteTooOld {
        /// What there is.
        found: String,
        /// What is needed.
        wanted: &'static str,
    },
    /// SQLite cannot open the file.
    #[error("SQLite cannot open {}", path.display())]
    Connect {
        /// The file.
        path: PathBuf,
        /// What SQLite says.
        #[source]
        source: diesel::ConnectionError,
    },
    /// The database does not answer.
    #[error("the database {} cannot be used", path.display())]
    Database {
        /// The file.
        path: PathBuf,
        /// What SQLite says.
        #[source]
        source: diesel::result::Error,
    },
    /// A setting that durability hangs on did not take; some network file systems have no write-ahead log.
    #[error("the setting {setting} of {} is {found} and should be {wanted}; keep the file on a local disk", path.display())]
    Setting {
        /// The file.
        path: PathBuf,
        /// The PRAGMA.
        setting: &'static str,
        /// What it is to be.
        wanted: &'static str,
        /// What it is.
        found: String,
    },
    /// The tables could not be brought up to date. The file is as it was.
    #[error("the database {} could not be brought up to date", path.display())]
    Migration {
        /// The file.
        path: PathBuf,
        /// What went wrong.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// An older version of this program has worked on the database, and it is only to be read.
    #[error("{} is not up to date; run `flightdeck migrate` on it first", path.display())]
    Outdated {
        /// The file.
        path: PathBuf,
        /// What is missing.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The system gives no more threads.
    #[error("the store's threads could not be started")]
    Thread(#[source] std::io::Error),
}

/// Why the store could not do its work: the cause inside [`StoreUnavailable`].
#[derive(Debug, thiserror::Error)]
pub(crate) enum StoreError {
    #[error(transparent)]
    Sql(#[from] SqlError),
    #[error("the database could not be locked for writing; another process may be holding it")]
    Begin(#[source] Arc<diesel::result::Error>),
    #[error("the writes of this moment could not be committed, and none of them was done")]
    Group(#[source] Arc<GroupFailure>),
    #[error("a panic stopped the work: {0}")]
    Panic(String),
    #[error("a migration is not applied: {0}")]
    NotMigrated(String),
    #[error("the store's thread panicked with the work in hand; it may have been done, or not")]
    Broken,
    #[error("the store is closed")]
    Closed,
}

/// Why a whole group of writes was rolled back.
#[derive(Debug, thiserror::Error)]
pub(crate) enum GroupFailure {
    #[error("a panic stopped the work of one of them: {0}")]
    Panic(String),
    #[error("one of them could not be kept apart from the others")]
    Savepoint(#[source] diesel::result::Error),
    #[error("the commit failed")]
    Commit(#[source] diesel::result::Error),
}

impl From<StoreError> for StoreUnavailable {
    fn from(cause: StoreError) -> Self {
        let hindrance = hindrance(&cause);
        Self::new(cause).hindered(hindrance)
    }
}

impl From<diesel::result::Error> for StoreError {
    fn from(cause: diesel::result::Error) -> Self {
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
