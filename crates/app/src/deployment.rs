//! The domain, wired to this machine: store, hints, providers, clock, ids.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use flightdeck_domain::epoch::Epoch;
use flightdeck_domain::ports::{ArchiveHolds, Readiness, StoreUnavailable};
use flightdeck_domain::system::{SystemClock, SystemIds};
use flightdeck_domain::text::ProviderName;
use flightdeck_domain::use_cases::{KeepEpoch, Ports, Providers};
use flightdeck_live::Hints;
use flightdeck_processes::Supervisor;
use flightdeck_provider_acp::{AcpProvider, Home};
use flightdeck_provider_claude_code::ClaudeCodeProvider;
use flightdeck_provider_scripted::ScriptedProvider;
use flightdeck_store_postgres::PostgresStore;
use flightdeck_store_sqlite::SqliteStore;
use flightdeck_wakeup_valkey::Valkey;
use tokio::runtime::Handle;

use crate::admin_key::{self, AdminKeyError};
use crate::audit_files::{AuditFilesError, CheckpointFile, existing_key};
use crate::audit_spool::{SpoolError, SpoolFile};
use crate::config::{Config, DatabaseUrl};
use crate::data_folder;
use crate::database_check::{self, DatabaseDamaged};
use crate::replicas;
use crate::store_memory::MarkFile;

/// Why the deployment could not be set up.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DeploymentError {
    #[error("cannot make the data folder {path}")]
    DataDir { path: PathBuf, source: io::Error },
    #[error(
        "every user of this machine may write in the data folder {path} (mode {mode:04o}); first: chmod 700 {path}"
    )]
    OpenFolder { path: PathBuf, mode: u32 },
    #[error("another flightdeck is running on {0}; stop it first, or use another --data-dir")]
    InUse(PathBuf),
    #[error("the audit log cannot be signed")]
    Audit(#[from] AuditFilesError),
    #[error("cannot read or write the name of this replica in {path}")]
    Replica { path: PathBuf, source: io::Error },
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
    #[error("cannot open the database {path}")]
    Sqlite { path: PathBuf, source: Box<flightdeck_store_sqlite::OpenError> },
    #[error("cannot open the database {url}")]
    Postgres { url: DatabaseUrl, source: Box<flightdeck_store_postgres::OpenError> },
}

/// One deployment.
pub(crate) struct Deployment {
    pub(crate) ports: Ports,
    /// Where the first admin key was written, if this was the first start.
    pub(crate) first_key: Option<PathBuf>,
    /// Watches over the history that the store holds.
    pub(crate) keep_epoch: KeepEpoch,
    /// The history that it held at the start.
    pub(crate) epoch: Epoch,
    pub(crate) providers: Providers,
    pub(crate) scripted: Arc<ScriptedProvider>,
    pub(crate) acp: Arc<AcpProvider>,
    /// Where the agents that the server runs have their things.
    pub(crate) home: Home,
    pub(crate) hints: Arc<Hints>,
    /// Where this replica meets the others, if there are any.
    pub(crate) valkey: Option<Arc<Valkey>>,
    /// Whether the store could write now.
    pub(crate) readiness: Arc<dyn Readiness>,
    /// What the store says of itself, where it is a server.
    pub(crate) postgres: Option<Arc<PostgresStore>>,
}

/// An open store.
pub(crate) struct Opened {
    pub(crate) ports: Ports,
    readiness: Arc<dyn Readiness>,
    hints: Arc<Hints>,
    postgres: Option<Arc<PostgresStore>>,
}

/// Opens the store for a command that only looks at keys or gives them out; a server may be running on it. Brings its
/// tables up to date.
pub(crate) async fn open_store(config: &Config) -> Result<Opened, DeploymentError> {
    make_data_dir(config)?;
    let hints = Arc::new(Hints::default());
    let (clock, ids) = (Arc::new(SystemClock), Arc::new(SystemIds));
    match &config.database {
        DatabaseUrl::Sqlite(path) => {
            let store = SqliteStore::open(path, flightdeck_store_sqlite::Options::default())
                .map_err(|source| DeploymentError::Sqlite { path: path.clone(), source: Box::new(source) })?;
            let store = Arc::new(store);
            let ports = Ports::from_store(Arc::clone(&store), hints.clone(), clock, ids);
            Ok(Opened { ports, readiness: store, hints, postgres: None })
        }
        DatabaseUrl::Postgres(url) => {
            let store = PostgresStore::open(url, postgres_options(config), Handle::current()).await;
            let store = store.map_err(|source| {
                let url = config.database.clone();
                DeploymentError::Postgres { url, source: Box::new(source) }
            })?;
            let store = Arc::new(store);
            let ports = Ports::from_store(Arc::clone(&store), hints.clone(), clock, ids);
            let readiness: Arc<dyn Readiness> = store.clone();
            Ok(Opened { ports, readiness, hints, postgres: Some(store) })
        }
    }
}

/// Makes the data folder when there is none.
pub(crate) fn make_data_dir(config: &Config) -> Result<(), DeploymentError> {
    make_private(&config.data_dir).map_err(|source| DeploymentError::DataDir { path: config.data_dir.clone(), source })
}

/// Two connections append; of the others a bit more than half read.
pub(crate) fn postgres_options(config: &Config) -> flightdeck_store_postgres::Options {
    let defaults = flightdeck_store_postgres::Options::default();
    let others = config.database_connections.saturating_sub(defaults.append_shards).max(2);
    let writers = others / 2;
    let prepared_statements = !config.database_pooler;
    flightdeck_store_postgres::Options { writers, readers: others - writers, prepared_statements, ..defaults }
}

/// Opens the store for a command on its audit log, with the key and the checkpoints beside it where there are any; a server
/// may be running on it.
pub(crate) async fn open_audited(config: &Config) -> Result<Ports, DeploymentError> {
    let ports = open_store(config).await?.ports;
    let Some(signer) = existing_key(&config.data_dir)? else { return Ok(ports) };
    let archive = CheckpointFile::open(&config.data_dir, archive_holds(config))?;
    Ok(ports.with_checkpoints(Arc::new(signer), Arc::new(archive)))
}

/// What the file of checkpoints in this data folder has to hold of those in the database.
pub(crate) const fn archive_holds(config: &Config) -> ArchiveHolds {
    match config.database {
        DatabaseUrl::Sqlite(_) => ArchiveHolds::All,
        DatabaseUrl::Postgres(_) => ArchiveHolds::Seen,
    }
}

impl Deployment {
    /// Opens the store and its providers for a server, and joins the other replicas. Must run inside the runtime that lives
    /// as long as the server.
    pub(crate) async fn open(config: &Config) -> Result<Self, DeploymentError> {
        database_check::at_start(config)?;
        let Opened { mut ports, readiness, hints, postgres } = open_store(config).await?;
        // Before anything is signed: then there is something to sign.
        let first_key = admin_key::ensure(&ports, &config.data_dir).await?;
        let valkey = replicas::join(config, &mut ports, &hints);
        let spool = SpoolFile::open(&config.data_dir)?;
        let ports = replicas::signed(config, ports).await?.with_spool(Arc::new(spool));
        let name = replicas::name(&config.data_dir)?;
        let keep_epoch = KeepEpoch::new(&ports, Arc::new(MarkFile::new(&config.data_dir)), name.to_string());
        let found = keep_epoch.begin().await?;
        if found.went_back {
            tracing::error!(epoch = %found.epoch, "the database is not as this server left it: it was restored to an \
                earlier moment, or is another one; readers with a cursor from before start over");
        }
        let replica = postgres.is_some().then_some(name);
        let scripted = Arc::new(ScriptedProvider::at_replica(&ports, replica.clone()));
        let home = Home::new(&config.data_dir);
        let supervisor = Supervisor::this_binary().map_err(DeploymentError::Agents)?;
        let acp = AcpProvider::new(&ports, config.agents.clone(), home.clone(), supervisor);
        let acp = Arc::new(acp.map_err(DeploymentError::Agents)?);
        // The hooks of Claude Code come when it does something, and it may wait for a prompt all night.
        let claude_code = Arc::new(ClaudeCodeProvider);
        let mut providers = Providers::default()
            .with(scripted.clone())
            .with(acp.clone())
            .with(claude_code)
            .without_lease(ProviderName::claude_code());
        if let Some(replica) = replica {
            providers = providers.at_replica(replica);
        }
        Ok(Self {
            ports,
            first_key,
            keep_epoch,
            epoch: found.epoch,
            providers,
            scripted,
            acp,
            home,
            hints,
            valkey,
            readiness,
            postgres,
        })
    }
}

/// Held by the server that runs on a data folder.
pub(crate) const LOCK_FILE: &str = "flightdeck.lock";

/// Makes sure that no other server runs on the data folder, as long as the file that it gives back is open.
pub(crate) fn lock(data_dir: &Path) -> Result<File, DeploymentError> {
    let failed = |source| DeploymentError::DataDir { path: data_dir.to_owned(), source };
    make_private(data_dir).map_err(failed)?;
    data_folder::refuse_open(data_dir)?;
    let file = File::create(data_dir.join(LOCK_FILE)).map_err(failed)?;
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
