//! The domain, wired to this machine: store, hints, providers, clock, ids.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use flightdeck_domain::system::{SystemClock, SystemIds};
use flightdeck_domain::use_cases::{Ports, Providers};
use flightdeck_live::Hints;
use flightdeck_provider_scripted::ScriptedProvider;
use flightdeck_store_sqlite::{OpenError, Options, SqliteStore};
use flightdeck_wakeup_valkey::Valkey;

use crate::audit_files::{AuditFilesError, CheckpointFile, existing_key, signing_key};
use crate::audit_spool::{SpoolError, SpoolFile};
use crate::config::Config;
use crate::replicas;

/// Why the deployment could not be set up.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DeploymentError {
    #[error("cannot make the data folder {path}")]
    DataDir { path: PathBuf, source: io::Error },
    #[error("another flightdeck is running on {0}; stop it first, or use another --data-dir")]
    InUse(PathBuf),
    #[error("the audit log cannot be signed")]
    Audit(#[from] AuditFilesError),
    #[error("stops that wait for the audit log cannot be kept")]
    Spool(#[from] SpoolError),
    #[error("cannot open the database {path}")]
    Database { path: PathBuf, source: Box<OpenError> },
}

/// One deployment.
pub(crate) struct Deployment {
    pub(crate) ports: Ports,
    pub(crate) providers: Providers,
    pub(crate) scripted: Arc<ScriptedProvider>,
    pub(crate) hints: Arc<Hints>,
    /// Where this replica meets the others, if there are any.
    pub(crate) valkey: Option<Arc<Valkey>>,
}

/// Opens the store for a command that only looks at keys or gives them out; a server may be running on it.
pub(crate) fn open_ports(config: &Config) -> Result<(Ports, Arc<Hints>), DeploymentError> {
    make_private(&config.data_dir)
        .map_err(|source| DeploymentError::DataDir { path: config.data_dir.clone(), source })?;
    let store = SqliteStore::open(&config.database, Options::default())
        .map_err(|source| DeploymentError::Database { path: config.database.clone(), source: Box::new(source) })?;
    let hints = Arc::new(Hints::default());
    let wake_ups = Arc::clone(&hints);
    let ports = Ports::from_store(Arc::new(store), wake_ups, Arc::new(SystemClock), Arc::new(SystemIds));
    Ok((ports, hints))
}

/// Opens the store for a command on its audit log, with the key and the checkpoints beside it where there are any; a server
/// may be running on it.
pub(crate) fn open_audited(config: &Config) -> Result<Ports, DeploymentError> {
    let (ports, _) = open_ports(config)?;
    let Some(signer) = existing_key(&config.data_dir)? else { return Ok(ports) };
    let archive = CheckpointFile::open(&config.data_dir)?;
    Ok(ports.with_checkpoints(Arc::new(signer), Arc::new(archive)))
}

impl Deployment {
    /// Opens the store and its providers for a server, and joins the other replicas. Must run inside the runtime that lives
    /// as long as the server.
    pub(crate) fn open(config: &Config) -> Result<Self, DeploymentError> {
        let (mut ports, hints) = open_ports(config)?;
        let valkey = replicas::join(config, &mut ports, &hints);
        let (signer, archive) = (signing_key(&config.data_dir)?, CheckpointFile::open(&config.data_dir)?);
        let spool = SpoolFile::open(&config.data_dir)?;
        let ports = ports.with_checkpoints(Arc::new(signer), Arc::new(archive)).with_spool(Arc::new(spool));
        let scripted = Arc::new(ScriptedProvider::new(&ports));
        let providers = Providers::default().with(scripted.clone());
        Ok(Self { ports, providers, scripted, hints, valkey })
    }
}

/// Makes sure that no other server runs on the data folder, as long as the file that it gives back is open.
pub(crate) fn lock(data_dir: &Path) -> Result<File, DeploymentError> {
    let failed = |source| DeploymentError::DataDir { path: data_dir.to_owned(), source };
    make_private(data_dir).map_err(failed)?;
    let file = File::create(data_dir.join("flightdeck.lock")).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(DeploymentError::InUse(data_dir.to_owned())),
        Err(TryLockError::Error(source)) => Err(failed(source)),
    }
}

/// Makes a folder that only its owner can enter; one that is there stays as it is.
fn make_private(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt;
        builder.mode(0o700);
    }
    builder.create(path)
}
