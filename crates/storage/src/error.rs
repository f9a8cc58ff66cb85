//! Why the data folder or the database cannot be used.

use std::io;
use std::path::PathBuf;

use flightdeck_settings::DatabaseUrl;

use crate::audit_files::AuditFilesError;

/// Why the data folder or the database cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// The folder is not there, and cannot be made, or cannot be looked at.
    #[error("cannot make the data folder {path}")]
    DataDir {
        /// The folder.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// Anybody could put another database or key there.
    #[error(
        "every user of this machine may write in the data folder {path} (mode {mode:04o}); first: chmod 700 {path}"
    )]
    OpenFolder {
        /// The folder.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// The archive cannot be used.
    #[error("archive_url")]
    Archive(#[source] flightdeck_archive::PlaceError),
    /// A server runs on it.
    #[error("another flightdeck is running on {0}; stop it first, or use another --data-dir")]
    InUse(PathBuf),
    /// The files beside the database that vouch for it cannot be used.
    #[error("the audit log cannot be signed")]
    Audit(#[from] AuditFilesError),
    /// The embedded database cannot be opened.
    #[error("cannot open the database {path}")]
    Sqlite {
        /// Its file.
        path: PathBuf,
        /// Why not.
        source: Box<flightdeck_store_sqlite::OpenError>,
    },
    /// The standbys cannot be used.
    #[error("database_read_url {url} cannot be used")]
    Standbys {
        /// Their address.
        url: DatabaseUrl,
        /// Why not.
        source: Box<flightdeck_store_postgres::OpenError>,
    },
    /// The database server cannot be used.
    #[error("cannot open the database {url}")]
    Postgres {
        /// Its address.
        url: DatabaseUrl,
        /// Why not.
        source: Box<flightdeck_store_postgres::OpenError>,
    },
}
