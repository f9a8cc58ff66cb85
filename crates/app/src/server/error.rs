//! Why a server does not start, or ends.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use flightdeck_domain::ports::StoreUnavailable;
use flightdeck_domain::use_cases::KeepEpochError;
use flightdeck_storage::{AdminKeyError, AuditFilesError, DatabaseDamaged, Gone, SpoolError, StorageError};
use flightdeck_terminal::Exit;

/// Why the deployment could not be set up.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DeploymentError {
    #[error(transparent)]
    Storage(#[from] StorageError),
    #[error("the audit log cannot be signed")]
    Audit(#[from] AuditFilesError),
    #[error("cannot read or write the name of this replica in {path}")]
    Replica { path: PathBuf, source: io::Error },
    #[error("credentials of providers cannot be kept")]
    Secrets(#[from] flightdeck_sealing::KeysError),
    #[error("the database, or what is remembered of it, cannot be read")]
    Store(#[from] StoreUnavailable),
    #[error(transparent)]
    AdminKey(#[from] AdminKeyError),
    #[error("agents cannot be run")]
    Agents(#[source] io::Error),
    #[error("stops that wait for the audit log cannot be kept")]
    Spool(#[from] SpoolError),
    #[error(transparent)]
    Damaged(#[from] DatabaseDamaged),
}

/// Why the server does not start, or does not go on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ServeError {
    #[error("cannot listen on {address}")]
    Listen { address: SocketAddr, source: io::Error },
    #[error(
        "no usable API key exists, so {0} is refused: without keys it listens on loopback only; \
         make one with `flightdeck keys create --role admin`"
    )]
    OpenToAll(SocketAddr),
    #[error(
        "this server cannot go on: what it has in memory is not in the database; start it again (when another server has a \
         copy of this data folder, give each a folder of its own)"
    )]
    WentBack(#[source] KeepEpochError),
    #[error("spans of requests cannot be sent: {0}")]
    Otlp(String),
    #[error(transparent)]
    Gone(Gone),
    #[error("a worker of the server panicked too often, so the server ends: {0}; the log has the panics")]
    Lost(&'static str),
}

impl ServeError {
    /// What the process ends with.
    pub(crate) const fn exit(&self) -> Exit {
        match self {
            Self::Lost(_) => Exit::WorkerLost,
            _ => Exit::Failed,
        }
    }
}
