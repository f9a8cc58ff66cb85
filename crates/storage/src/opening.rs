//! The configured database, opened.

use std::sync::Arc;

use flightdeck_domain::ports::{ArchiveHolds, ReadCopy, Readiness, StoreSpace, WakeUps};
use flightdeck_domain::system::{SystemClock, SystemIds};
use flightdeck_domain::use_cases::Ports;
use flightdeck_settings::{DatabaseUrl, StorageSettings};
use flightdeck_store_postgres::{PostgresStandbys, PostgresStore};
use flightdeck_store_sqlite::SqliteStore;
use tokio::runtime::Handle;

use crate::audit_files::{CheckpointFile, existing_key};
use crate::error::StorageError;
use crate::folder::make_data_dir;
use crate::lagging::LaggingReads;

/// An open store.
pub struct Opened {
    /// The ports of the domain over it.
    pub ports: Ports,
    /// Whether a write would succeed now.
    pub readiness: Arc<dyn Readiness>,
    /// Whether other replicas may work on it at the same time.
    pub is_shared: bool,
    /// The space of the store, where it can give some back.
    pub space: Option<Arc<dyn StoreSpace>>,
    /// Reads that may lag, where there are standbys for them.
    pub lagging: Option<LaggingReads>,
}

/// Opens the store for a command; a server may be running on it. Brings its tables up to date.
///
/// # Errors
/// The data folder or the database cannot be used.
pub async fn open_store(settings: &StorageSettings) -> Result<Ports, StorageError> {
    // Nobody in this process waits for hints.
    Ok(open_store_with(settings, Arc::new(())).await?.ports)
}

/// The same for a server, whose followers get hints.
///
/// # Errors
/// The data folder or the database cannot be used.
pub async fn open_store_with(settings: &StorageSettings, wake_ups: Arc<dyn WakeUps>) -> Result<Opened, StorageError> {
    make_data_dir(&settings.data_dir)?;
    let (clock, ids) = (Arc::new(SystemClock), Arc::new(SystemIds));
    match &settings.database {
        DatabaseUrl::Sqlite(path) => {
            let store = SqliteStore::open(path, flightdeck_store_sqlite::Options::default())
                .map_err(|source| StorageError::Sqlite { path: path.clone(), source: Box::new(source) })?;
            let store = Arc::new(store);
            let ports = store.ports(wake_ups, clock, ids);
            let space: Arc<dyn StoreSpace> = store.clone();
            Ok(Opened { ports, readiness: store, is_shared: false, space: Some(space), lagging: None })
        }
        DatabaseUrl::Postgres(url) => {
            let store = PostgresStore::open(url, postgres_options(settings), Handle::current()).await;
            let store = store.map_err(|source| {
                let url = settings.database.clone();
                StorageError::Postgres { url, source: Box::new(source) }
            })?;
            let store = Arc::new(store);
            let copy = standbys(settings, &store).await?;
            let ports = store.ports(wake_ups, clock, ids);
            let lagging = copy.map(|copy| LaggingReads::new(&ports, copy));
            Ok(Opened { ports, readiness: store, is_shared: true, space: None, lagging })
        }
    }
}

/// The standbys of a store, if there are any.
async fn standbys(
    settings: &StorageSettings,
    store: &Arc<PostgresStore>,
) -> Result<Option<Arc<dyn ReadCopy>>, StorageError> {
    let Some(read) = &settings.database_read else { return Ok(None) };
    let DatabaseUrl::Postgres(url) = &read.url else { return Ok(None) };
    let options = postgres_options(settings);
    let standbys = PostgresStandbys::open(store, url, read.staleness, options, Handle::current()).await;
    let unusable = |source| StorageError::Standbys { url: read.url.clone(), source: Box::new(source) };
    Ok(Some(Arc::new(standbys.map_err(unusable)?)))
}

/// Fewer connections than this are few.
const FEW: u32 = 8;

/// How PostgreSQL is used: never by more connections than the settings allow. Two append and two commit groups of other
/// writes, or one of each where there are few. Of the others a bit more than half read; the rest are for writes that need a
/// transaction of their own.
#[must_use]
pub fn postgres_options(settings: &StorageSettings) -> flightdeck_store_postgres::Options {
    let defaults = flightdeck_store_postgres::Options::default();
    let connections = settings.database_connections;
    let tasks = if connections < FEW { 1 } else { defaults.append_shards };
    let others = connections.saturating_sub(2 * tasks).max(2);
    let writers = others / 2;
    flightdeck_store_postgres::Options {
        writers,
        readers: others - writers,
        append_shards: tasks,
        write_groups: tasks,
        prepared_statements: !settings.database_pooler,
        ..defaults
    }
}

/// Opens the store for a command on its audit log, with the key and the checkpoints beside it where there are any; a server
/// may be running on it.
///
/// # Errors
/// The data folder, the files beside the database, or the database cannot be used.
pub async fn open_audited(settings: &StorageSettings) -> Result<Ports, StorageError> {
    let ports = open_store(settings).await?;
    let Some(signer) = existing_key(&settings.data_dir)? else { return Ok(ports) };
    let archive = CheckpointFile::open(&settings.data_dir, archive_holds(settings))?;
    Ok(ports.with_checkpoints(Arc::new(signer), Arc::new(archive)))
}

/// What the file of checkpoints in this data folder has to hold of those in the database.
#[must_use]
pub const fn archive_holds(settings: &StorageSettings) -> ArchiveHolds {
    match settings.database {
        DatabaseUrl::Sqlite(_) => ArchiveHolds::All,
        DatabaseUrl::Postgres(_) => ArchiveHolds::Seen,
    }
}
